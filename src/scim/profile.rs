//! What provisioning wants to know of a user's document.

use serde_json::Value;

use super::document::Object;
use super::evaluate::elements;
use super::quirks::Quirk;
use super::quirks::Quirks;
use super::schema::ENTERPRISE_USER;
use super::user::Document;

/// Empty texts count as nothing; all others stand as they were sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    pub user_name: String,
    pub external_id: Option<String>,
    /// `None`: nothing is said, so the person stays as before.
    pub active: Option<bool>,
    /// Of the addresses the primary one, else that for work, else the first; else the userName if it is an address.
    pub email: Option<String>,
    pub emails: Vec<String>,
    pub display_name: Option<String>,
    pub formatted_name: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub title: Option<String>,
    pub picture: Option<String>,
    pub department: Option<String>,
    pub manager: Option<String>,
    pub roles: Vec<String>,
    pub entitlements: Vec<String>,
}

impl Profile {
    /// What to call the person: the name to show, else the whole name, else its parts.
    pub fn name(&self) -> Option<String> {
        self.display_name.clone().or_else(|| self.formatted_name.clone()).or_else(|| {
            let parts: Vec<&str> =
                [&self.given_name, &self.family_name].into_iter().flatten().map(String::as_str).collect();
            (!parts.is_empty()).then(|| parts.join(" "))
        })
    }
}

impl Document {
    pub fn user_name(&self) -> &str {
        self.0.get("userName").and_then(Value::as_str).unwrap_or_default()
    }

    pub fn is_active(&self) -> Option<bool> {
        self.0.get("active").and_then(Value::as_bool)
    }

    pub fn profile(&self, quirks: &mut Quirks) -> Profile {
        let document = &self.0;
        let text = |name: &str| plain(document, name).map(str::to_owned);
        let name = |part: &str| {
            document.get("name").and_then(Value::as_object).and_then(|name| plain(name, part)).map(str::to_owned)
        };
        let enterprise = document.get(ENTERPRISE_USER).and_then(Value::as_object);
        let manager = enterprise.and_then(|e| e.get("manager")?.get("value")?.as_str());
        let user_name = self.user_name();
        Profile {
            user_name: user_name.to_owned(),
            external_id: text("externalId"),
            active: self.is_active(),
            email: preferred(document, "emails", "work")
                .or_else(|| Some(user_name).filter(|name| is_address(name)))
                .map(str::to_owned),
            emails: listed(document, "emails").map(str::to_owned).collect(),
            display_name: text("displayName"),
            formatted_name: name("formatted"),
            given_name: name("givenName"),
            family_name: name("familyName"),
            title: text("title"),
            picture: preferred(document, "photos", "photo").map(str::to_owned),
            department: enterprise.and_then(|e| plain(e, "department")).map(str::to_owned),
            manager: manager.filter(|manager| !manager.is_empty()).map(str::to_owned),
            roles: listed(document, "roles").map(|role| role_name(role, quirks)).collect(),
            entitlements: listed(document, "entitlements").map(str::to_owned).collect(),
        }
    }
}

fn plain<'o>(object: &'o Object, name: &str) -> Option<&'o str> {
    object.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

/// The values of a multi-valued attribute.
fn listed<'o>(document: &'o Object, name: &str) -> impl Iterator<Item = &'o str> {
    elements(document.get(name)).filter_map(|element| plain(element.as_object()?, "value"))
}

fn preferred<'o>(document: &'o Object, name: &str, kind: &str) -> Option<&'o str> {
    let with_value = || {
        elements(document.get(name)).filter_map(|element| {
            let element = element.as_object()?;
            Some((element, plain(element, "value")?))
        })
    };
    let is_kind = |element: &Object| plain(element, "type").is_some_and(|sent| sent.eq_ignore_ascii_case(kind));
    with_value()
        .find(|(element, _)| element.get("primary") == Some(&Value::Bool(true)))
        .or_else(|| with_value().find(|(element, _)| is_kind(element)))
        .or_else(|| with_value().next())
        .map(|(_, value)| value)
}

/// Enough to try it; `model::email` has the last word.
fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.contains('@') && !text.contains(char::is_whitespace)
    })
}

/// Entra ID's AppRoleAssignments puts `{"id":…,"value":…,"displayName":…}` into the text of a role.
fn role_name(role: &str, quirks: &mut Quirks) -> String {
    if !role.starts_with('{') {
        return role.to_owned();
    }
    let Ok(inner) = serde_json::from_str::<Object>(role) else { return role.to_owned() };
    let Some(name) = plain(&inner, "value").or_else(|| plain(&inner, "displayName")) else { return role.to_owned() };
    quirks.note(Quirk::RoleAsJson);
    name.to_owned()
}
