//! What an assertion's attributes say about a person. Reads names, decides nothing: addresses are normalized, roles mapped and
//! accounts found elsewhere.

use crate::model::connection::AttributeNames;

use super::response::Assertion;
use super::response::Attribute;
use super::response::NameId;
use super::response::Named;

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
const ENTITLEMENTS: &[&str] = &["entitlements", "eduPersonEntitlement", "urn:oid:1.3.6.1.4.1.5923.1.5.1.7"];
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
    pub entitlements: Vec<String>,
    pub picture: Option<String>,
}

/// One attribute that came, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    pub name: String,
    pub values: Vec<String>,
    pub used_as: Option<&'static str>,
}

pub fn read(assertion: &Assertion, names: &AttributeNames) -> Profile {
    walk(assertion, names).0
}

/// The email alone, of an answer that is refused.
pub fn email_of(named: &Named, names: &AttributeNames) -> Option<String> {
    Reader::of(&named.attributes).email(named.name_id.as_ref(), names)
}

/// The same, with what became of each attribute.
pub fn read_and_tell(assertion: &Assertion, names: &AttributeNames) -> (Profile, Vec<Used>) {
    let (profile, used_as) = walk(assertion, names);
    let used = assertion.attributes.iter().zip(used_as).map(|(attribute, used_as)| Used {
        name: attribute.name.clone(),
        values: attribute.values.clone(),
        used_as,
    });
    (profile, used.collect())
}

fn walk(assertion: &Assertion, names: &AttributeNames) -> (Profile, Vec<Option<&'static str>>) {
    let mut reader = Reader::of(&assertion.attributes);
    let profile = Profile {
        user_id: reader.one("user_id", names.user_id.as_deref(), &[]),
        email: reader.email(assertion.name_id.as_ref(), names),
        given_name: reader.one("given_name", names.given_name.as_deref(), GIVEN_NAME),
        family_name: reader.one("family_name", names.family_name.as_deref(), FAMILY_NAME),
        name: reader.one("name", names.name.as_deref(), NAME),
        job_title: reader.one("job_title", names.job_title.as_deref(), JOB_TITLE),
        groups: reader.all("groups", names.groups.as_deref(), GROUPS),
        roles: reader.all("roles", names.roles.as_deref(), ROLES),
        entitlements: reader.all("entitlements", None, ENTITLEMENTS),
        picture: reader.one("picture", names.picture.as_deref(), PICTURE),
    };
    (profile, reader.used_as)
}

/// The values of the attribute of this name, in any case; a friendly name counts too.
pub fn values_of<'a>(assertion: &'a Assertion, name: &str) -> impl Iterator<Item = &'a String> {
    let is_named = move |attribute: &&Attribute| {
        let names = [Some(attribute.name.as_str()), attribute.friendly_name.as_deref()];
        names.into_iter().flatten().any(|known| known.to_lowercase() == name)
    };
    assertion.attributes.iter().filter(is_named).flat_map(|attribute| &attribute.values)
}

struct Reader<'a> {
    attributes: &'a [Attribute],
    used_as: Vec<Option<&'static str>>,
}

impl<'a> Reader<'a> {
    fn of(attributes: &'a [Attribute]) -> Self {
        Self { attributes, used_as: vec![None; attributes.len()] }
    }

    /// An attribute, else the NameID where it is an address.
    fn email(&mut self, name_id: Option<&NameId>, names: &AttributeNames) -> Option<String> {
        let name_id = || name_id.map(|name_id| name_id.value.clone()).filter(|value| is_address(value));
        self.one("email", names.email.as_deref(), EMAIL).or_else(name_id)
    }

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
pub(super) fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    !local.is_empty() && domain.contains('.') && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;
    use crate::saml::response::NameId;
    use crate::saml::signature::Signed;

    fn attribute(name: &str, values: &[&str]) -> Attribute {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Attribute { name: name.to_owned(), friendly_name: None, values }
    }

    fn assertion(name_id: &str, attributes: Vec<Attribute>) -> Assertion {
        let name_id = NameId { value: name_id.to_owned(), format: None, name_qualifier: None, sp_name_qualifier: None };
        Assertion {
            id: "_a".to_owned(),
            issuer: "https://idp".to_owned(),
            name_id: Some(name_id),
            attributes,
            session_index: None,
            session_not_on_or_after: None,
            authn_instant: None,
            authn_context: None,
            issue_instant: Timestamp::from_secs(0),
            in_response_to: None,
            valid_until: Timestamp::from_secs(0),
            signed: Signed::Assertion,
            algorithm: String::new(),
            certificate_sha256: String::new(),
            certificate_expired: false,
            decrypted_by: None,
        }
    }

    #[test]
    fn the_usual_names_are_read_whatever_their_case() {
        let assertion = assertion(
            "x1",
            vec![
                attribute("EMAIL", &["a@example.com"]),
                attribute("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", &["Ann"]),
                attribute("sn", &["Lee"]),
                attribute("title", &["Engineer"]),
                attribute("memberOf", &["one", "", "two"]),
                attribute("Role", &["admin"]),
                attribute("shoe_size", &["42"]),
            ],
        );
        let (profile, used) = read_and_tell(&assertion, &AttributeNames::default());
        assert_eq!(profile.email.as_deref(), Some("a@example.com"));
        assert_eq!((profile.given_name.as_deref(), profile.family_name.as_deref()), (Some("Ann"), Some("Lee")));
        assert_eq!(profile.job_title.as_deref(), Some("Engineer"));
        assert_eq!(
            (profile.groups, profile.roles),
            (vec!["one".to_owned(), "two".to_owned()], vec!["admin".to_owned()])
        );
        let used_as: Vec<_> = used.iter().map(|used| used.used_as).collect();
        let named = ["email", "given_name", "family_name", "job_title", "groups", "roles"].map(Some);
        assert_eq!(used_as, [&named[..], &[None]].concat());
    }

    #[test]
    fn the_first_name_of_the_list_with_a_value_wins() {
        let both = vec![attribute("mail", &["second@example.com"]), attribute("email", &["first@example.com"])];
        assert_eq!(read(&assertion("x", both), &AttributeNames::default()).email.as_deref(), Some("first@example.com"));
        let empty = vec![attribute("email", &[" "]), attribute("mail", &["second@example.com"])];
        assert_eq!(
            read(&assertion("x", empty), &AttributeNames::default()).email.as_deref(),
            Some("second@example.com")
        );
    }

    #[test]
    fn a_connections_own_name_stands_alone() {
        let names = AttributeNames { email: Some("work".to_owned()), ..AttributeNames::default() };
        let attributes = vec![attribute("email", &["a@example.com"]), attribute("work", &["b@example.com"])];
        assert_eq!(read(&assertion("x", attributes), &names).email.as_deref(), Some("b@example.com"));
        let without = assertion("x", vec![attribute("email", &["a@example.com"])]);
        assert_eq!(read(&without, &names).email, None);
    }

    #[test]
    fn a_name_id_stands_in_for_the_email_only_if_it_is_an_address() {
        let email = |name_id: &str| read(&assertion(name_id, Vec::new()), &AttributeNames::default()).email;
        assert_eq!(email("a@example.com").as_deref(), Some("a@example.com"));
        for name_id in ["x1", "a@", "@example.com", "a@host", "a b@example.com"] {
            assert_eq!(email(name_id), None, "{name_id}");
        }
    }

    #[test]
    fn a_friendly_name_counts_after_the_name_and_a_subject_is_never_guessed() {
        let mut odd = attribute("urn:oid:1.2.3", &["g"]);
        odd.friendly_name = Some("groups".to_owned());
        let profile = read(&assertion("x", vec![odd, attribute("oid", &["7"])]), &AttributeNames::default());
        assert_eq!((profile.groups, profile.user_id), (vec!["g".to_owned()], None));
    }
}
