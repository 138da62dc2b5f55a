//! The attributes of RFC 7643 4 and 3.1, with our words for what they mean here. `password` is missing: it is never
//! kept, and the Entra ID validator reads back whatever is advertised. Where a characteristic differs from RFC 7643
//! 8.7, the reason stands beside.

use std::borrow::Cow;
use std::sync::Arc;

use super::schema::Attribute;
use super::schema::ENTERPRISE_USER;
use super::schema::GROUP;
use super::schema::Mutability;
use super::schema::Returned;
use super::schema::Schema;
use super::schema::Type;
use super::schema::USER;
use super::schema::Uniqueness;

pub(super) fn of_type(
    kind: Type,
    name: impl Into<Cow<'static, str>>,
    description: impl Into<Cow<'static, str>>,
) -> Attribute {
    Attribute {
        name: name.into(),
        kind,
        multi_valued: false,
        description: description.into(),
        required: false,
        canonical_values: &[],
        // RFC 7643 2.3.5 to 2.3.7: references and binaries are exact; the word means nothing for the rest.
        case_exact: matches!(kind, Type::Reference | Type::Binary),
        mutability: Mutability::ReadWrite,
        returned: Returned::Default,
        uniqueness: Uniqueness::None,
        reference_types: &[],
        sub_attributes: Vec::new(),
    }
}

fn string(name: &'static str, description: &'static str) -> Attribute {
    of_type(Type::String, name, description)
}

fn boolean(name: &'static str, description: &'static str) -> Attribute {
    of_type(Type::Boolean, name, description)
}

fn reference(name: &'static str, types: &'static [&'static str], description: &'static str) -> Attribute {
    Attribute { reference_types: types, ..of_type(Type::Reference, name, description) }
}

fn complex<const N: usize>(name: &'static str, description: &'static str, subs: [Attribute; N]) -> Attribute {
    Attribute { sub_attributes: subs.map(Arc::new).into(), ..of_type(Type::Complex, name, description) }
}

fn several<const N: usize>(name: &'static str, description: &'static str, subs: [Attribute; N]) -> Attribute {
    Attribute { multi_valued: true, ..complex(name, description, subs) }
}

/// The shape of RFC 7643 2.4.
fn plural(
    name: &'static str,
    description: &'static str,
    value: Attribute,
    types: &'static [&'static str],
) -> Attribute {
    several(
        name,
        description,
        [
            value,
            string("display", "How to show the value to people."),
            Attribute { canonical_values: types, ..string("type", "What the value is used for.") },
            boolean("primary", "Whether this is the preferred value; true for one at most."),
        ],
    )
}

impl Attribute {
    fn read_only(self) -> Self {
        Self { mutability: Mutability::ReadOnly, ..self }
    }

    fn immutable(self) -> Self {
        Self { mutability: Mutability::Immutable, ..self }
    }

    fn required(self) -> Self {
        Self { required: true, ..self }
    }

    fn exact(self) -> Self {
        Self { case_exact: true, ..self }
    }
}

fn schema<const N: usize>(urn: &str, name: &str, description: &str, attributes: [Attribute; N]) -> Schema {
    Schema {
        urn: urn.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        attributes: attributes.map(Arc::new).into(),
    }
}

pub(super) fn common() -> Schema {
    let schemas = reference("schemas", &["uri"], "The schemas of the resource.");
    schema(
        "",
        "Common",
        "",
        [
            Attribute { multi_valued: true, returned: Returned::Always, ..schemas },
            Attribute {
                returned: Returned::Always,
                uniqueness: Uniqueness::Server,
                ..string("id", "Made by this server; never reused.").read_only().exact()
            },
            string("externalId", "The identifier that the identity provider gave.").exact(),
            complex(
                "meta",
                "What the server knows about the resource.",
                [
                    string("resourceType", "User or Group.").read_only().exact(),
                    of_type(Type::DateTime, "created", "When it was made.").read_only(),
                    of_type(Type::DateTime, "lastModified", "When it was changed.").read_only(),
                    reference("location", &["uri"], "Its URL.").read_only(),
                    string("version", "Its entity tag.").read_only().exact(),
                ],
            )
            .read_only(),
        ],
    )
}

pub(super) fn user() -> Schema {
    schema(
        USER,
        "User",
        "A person in the directory.",
        [
            Attribute {
                uniqueness: Uniqueness::Server,
                ..string("userName", "The name that the identity provider signs the person in with.").required()
            },
            name(),
            string("displayName", "The name to show."),
            string("nickName", "What friends call the person."),
            reference("profileUrl", &["external"], "A page about the person."),
            string("title", "Job title."),
            string("userType", "How the person relates to the organization, such as Employee."),
            string("preferredLanguage", "Languages the person reads, as in Accept-Language."),
            string("locale", "The person's locale, such as en-US."),
            string("timezone", "The person's time zone, such as Europe/Berlin."),
            boolean("active", "Whether the person may sign in; false ends every session at once."),
            plural("emails", "E-mail addresses.", string("value", "The address."), &["work", "home", "other"]),
            plural(
                "phoneNumbers",
                "Telephone numbers, kept as sent.",
                string("value", "The number."),
                &["work", "home", "mobile", "fax", "pager", "other"],
            ),
            plural(
                "ims",
                "Instant-messaging addresses.",
                string("value", "The address."),
                &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
            ),
            plural(
                "photos",
                "URLs of pictures.",
                reference("value", &["external"], "The URL."),
                &["photo", "thumbnail"],
            ),
            addresses(),
            groups(),
            plural("entitlements", "What the person is entitled to.", string("value", "The entitlement."), &[]),
            plural("roles", "Roles that the identity provider gives.", string("value", "The role."), &[]),
            plural(
                "x509Certificates",
                "Certificates of the person.",
                of_type(Type::Binary, "value", "The certificate, DER in base64."),
                &[],
            ),
        ],
    )
}

fn name() -> Attribute {
    complex(
        "name",
        "The parts of the person's name.",
        [
            string("formatted", "The whole name."),
            string("familyName", "Family name."),
            string("givenName", "Given name."),
            string("middleName", "Middle names."),
            string("honorificPrefix", "Title before the name, such as Dr."),
            string("honorificSuffix", "What follows the name, such as III."),
        ],
    )
}

fn addresses() -> Attribute {
    several(
        "addresses",
        "Postal addresses.",
        [
            string("formatted", "The whole address."),
            string("streetAddress", "Street, house number, and what else the post needs."),
            string("locality", "City."),
            string("region", "State or region."),
            string("postalCode", "Postal code."),
            string("country", "Country, two letters of ISO 3166-1."),
            Attribute {
                canonical_values: &["work", "home", "other"],
                ..string("type", "What the address is used for.")
            },
            boolean("primary", "Whether this is the preferred address; true for one at most."),
        ],
    )
}

fn groups() -> Attribute {
    several(
        "groups",
        "The groups that the person is in; changed through the groups.",
        [
            string("value", "The group's id.").read_only().exact(),
            reference("$ref", &["Group"], "The group's URL.").read_only(),
            string("display", "The group's name.").read_only(),
            Attribute {
                canonical_values: &["direct", "indirect"],
                ..string("type", "How the person is in it.").read_only()
            },
        ],
    )
    .read_only()
}

pub(super) fn enterprise_user() -> Schema {
    schema(
        ENTERPRISE_USER,
        "EnterpriseUser",
        "What an organization knows of its people.",
        [
            string("employeeNumber", "Number of the employee."),
            string("costCenter", "Cost centre."),
            string("organization", "Organization."),
            string("division", "Division."),
            string("department", "Department."),
            complex(
                "manager",
                "The person's manager; any identifier is accepted, known here or not.",
                [
                    string("value", "The manager's id.").exact(),
                    reference("$ref", &["User"], "The manager's URL."),
                    // RFC 7643 has this one readOnly. Okta and OneLogin map it, and what they send is given back.
                    string("displayName", "The manager's name."),
                ],
            ),
        ],
    )
}

pub(super) fn group() -> Schema {
    schema(
        GROUP,
        "Group",
        "A group of people in the directory.",
        [
            string("displayName", "The name of the group.").required(),
            several(
                "members",
                "Who is in the group.",
                [
                    string("value", "The member's id.").immutable().exact(),
                    reference("$ref", &["User", "Group"], "The member's URL.").immutable(),
                    // scim2-tester invents members unless both types are named.
                    Attribute {
                        canonical_values: &["User", "Group"],
                        ..string("type", "Whether the member is a User or a Group.").immutable()
                    },
                    string("display", "The member's name, as it is now.").read_only(),
                ],
            ),
        ],
    )
}
