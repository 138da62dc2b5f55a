//! What an assertion's attributes say about a person. Reads names, decides nothing: addresses are normalized, roles mapped and
//! accounts found elsewhere.

use crate::model::connection::AttributeNames;

use super::response::Assertion;
use super::response::Attribute;

/// Names that identity providers use unless told otherwise, the likelier first.
const EMAIL: &[&str] = &[
    "email",
    "mail",
    "emailAddress",
    "User.email",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "urn:oid:0.9.2342.19200300.100.1.3",
];
const GIVEN_NAME: &[&str] = &[
    "firstName",
    "first_name",
    "given_name",
    "givenName",
    "User.FirstName",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname",
    "urn:oid:2.5.4.42",
];
const FAMILY_NAME: &[&str] = &[
    "lastName",
    "last_name",
    "family_name",
    "surname",
    "sn",
    "User.LastName",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname",
    "urn:oid:2.5.4.4",
];
const NAME: &[&str] = &[
    "displayName",
    "name",
    "http://schemas.microsoft.com/identity/claims/displayname",
    "urn:oid:2.16.840.1.113730.3.1.241",
];
const JOB_TITLE: &[&str] = &["job_title", "jobTitle", "title", "urn:oid:2.5.4.12"];
const GROUPS: &[&str] = &[
    "groups",
    "memberOf",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
    "http://schemas.xmlsoap.org/claims/Group",
    "urn:oid:1.3.6.1.4.1.5923.1.5.1.1",
];
const ROLES: &[&str] = &["roles", "Role", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"];
const PICTURE: &[&str] = &["picture", "photo", "avatar"];

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    pub user_id: Option<String>,
    pub email: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub name: Option<String>,
    pub job_title: Option<String>,
    pub groups: Vec<String>,
    pub roles: Vec<String>,
    pub picture: Option<String>,
}

/// One attribute that came, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    pub name: String,
    pub values: Vec<String>,
    pub used_as: Option<&'static str>,
}

pub fn read(assertion: &Assertion, names: &AttributeNames) -> (Profile, Vec<Used>) {
    let mut reader = Reader { attributes: &assertion.attributes, used_as: vec![None; assertion.attributes.len()] };
    let name_id = assertion.name_id.as_ref().map(|name_id| name_id.value.clone());
    let profile = Profile {
        user_id: reader.one("user_id", names.user_id.as_deref(), &[]),
        email: reader.one("email", names.email.as_deref(), EMAIL).or_else(|| name_id.filter(|value| is_address(value))),
        given_name: reader.one("given_name", names.given_name.as_deref(), GIVEN_NAME),
        family_name: reader.one("family_name", names.family_name.as_deref(), FAMILY_NAME),
        name: reader.one("name", names.name.as_deref(), NAME),
        job_title: reader.one("job_title", names.job_title.as_deref(), JOB_TITLE),
        groups: reader.all("groups", names.groups.as_deref(), GROUPS),
        roles: reader.all("roles", names.roles.as_deref(), ROLES),
        picture: reader.one("picture", names.picture.as_deref(), PICTURE),
    };
    let used = assertion.attributes.iter().zip(reader.used_as).map(|(attribute, used_as)| Used {
        name: attribute.name.clone(),
        values: attribute.values.clone(),
        used_as,
    });
    (profile, used.collect())
}

struct Reader<'a> {
    attributes: &'a [Attribute],
    used_as: Vec<Option<&'static str>>,
}

impl Reader<'_> {
    fn one(&mut self, field: &'static str, own: Option<&str>, defaults: &[&str]) -> Option<String> {
        self.all(field, own, defaults).into_iter().next()
    }

    /// The values of the first name in the list that came with any. Some providers send a list as several attributes of one
    /// name, so all of that name count.
    fn all(&mut self, field: &'static str, own: Option<&str>, defaults: &[&str]) -> Vec<String> {
        let own = own.map(str::trim).filter(|own| !own.is_empty());
        let wanted = own.as_slice();
        let wanted = if own.is_some() { wanted } else { defaults };
        for name in wanted {
            for key in [Self::by_name, Self::by_friendly_name] {
                let values =
                    self.take(field, |attribute| key(attribute).is_some_and(|key| key.eq_ignore_ascii_case(name)));
                if !values.is_empty() {
                    return values;
                }
            }
        }
        Vec::new()
    }

    fn by_name(attribute: &Attribute) -> Option<&str> {
        Some(&attribute.name)
    }

    fn by_friendly_name(attribute: &Attribute) -> Option<&str> {
        attribute.friendly_name.as_deref()
    }

    fn take(&mut self, field: &'static str, matches: impl Fn(&Attribute) -> bool) -> Vec<String> {
        let mut values = Vec::new();
        for (attribute, used_as) in self.attributes.iter().zip(&mut self.used_as) {
            if !matches(attribute) {
                continue;
            }
            let before = values.len();
            values.extend(attribute.values.iter().filter(|value| !value.trim().is_empty()).cloned());
            if values.len() > before {
                used_as.get_or_insert(field);
            }
        }
        values
    }
}

/// Enough to tell an address from another kind of name; whether mail reaches it is asked elsewhere.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    !local.is_empty() && domain.contains('.') && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}
