//! Schemas as data (RFC 7643 7): every characteristic of every attribute, and the look-up by name or URN. Attributes
//! are shared (`Arc`), so that compiled filters and paths own what they need and can travel into a store closure.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::LazyLock;

use super::attributes;
use super::error::Error;
use super::error::excerpt;

pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    String,
    Boolean,
    Decimal,
    Integer,
    DateTime,
    Binary,
    Reference,
    Complex,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    ReadOnly,
    ReadWrite,
    Immutable,
}

/// `never` is missing on purpose: what must not be returned (passwords) is not kept either. Nothing is large enough for
/// `request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    Always,
    Default,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uniqueness {
    None,
    Server,
}

impl Type {
    pub const ALL: [Self; 8] = [
        Self::String,
        Self::Boolean,
        Self::Decimal,
        Self::Integer,
        Self::DateTime,
        Self::Binary,
        Self::Reference,
        Self::Complex,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Decimal => "decimal",
            Self::Integer => "integer",
            Self::DateTime => "dateTime",
            Self::Binary => "binary",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }
}

impl Mutability {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "readOnly",
            Self::ReadWrite => "readWrite",
            Self::Immutable => "immutable",
        }
    }
}

impl Returned {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Default => "default",
        }
    }
}

impl Uniqueness {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Server => "server",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    pub name: Cow<'static, str>,
    pub kind: Type,
    pub multi_valued: bool,
    pub description: Cow<'static, str>,
    pub required: bool,
    pub canonical_values: &'static [&'static str],
    pub case_exact: bool,
    pub mutability: Mutability,
    pub returned: Returned,
    pub uniqueness: Uniqueness,
    pub reference_types: &'static [&'static str],
    pub sub_attributes: Vec<Arc<Attribute>>,
}

impl Attribute {
    /// The sub-attribute of that name, in any case (RFC 7643 2.1).
    pub fn sub(&self, name: &str) -> Option<&Arc<Attribute>> {
        self.sub_attributes.iter().find(|sub| sub.name.eq_ignore_ascii_case(name))
    }

    pub fn is_read_only(&self) -> bool {
        self.mutability == Mutability::ReadOnly
    }

    /// What an element is about, where RFC 7643 2.4 gives it a `value`.
    pub fn value(&self) -> Option<&Arc<Attribute>> {
        self.sub("value")
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct Schema {
    pub urn: String,
    pub name: String,
    pub description: String,
    pub attributes: Vec<Arc<Attribute>>,
}

impl Schema {
    pub fn find(&self, name: &str) -> Option<&Arc<Attribute>> {
        self.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    User,
    Group,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    /// Below the base URL.
    pub fn endpoint(self) -> &'static str {
        match self {
            Self::User => "/Users",
            Self::Group => "/Groups",
        }
    }
}

/// A resource type with the schemas it is made of (RFC 7643 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceType {
    pub kind: Kind,
    pub core: Arc<Schema>,
    pub extensions: Vec<Arc<Schema>>,
}

/// An attribute and, if it is not a core one, the extension whose object it stands in.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    pub extension: Option<&'a Arc<Schema>>,
    pub attribute: &'a Arc<Attribute>,
}

impl ResourceType {
    /// By short name: core and common attributes first, then the extensions in their order.
    pub fn find(&self, name: &str) -> Option<Found<'_>> {
        let core = self.core.find(name).or_else(|| COMMON.find(name));
        core.map(|attribute| Found { extension: None, attribute }).or_else(|| {
            self.extensions.iter().find_map(|extension| {
                extension.find(name).map(|attribute| Found { extension: Some(extension), attribute })
            })
        })
    }

    /// The extension of exactly this URN, in any case.
    pub fn extension(&self, urn: &str) -> Option<&Arc<Schema>> {
        self.extensions.iter().find(|extension| extension.urn.eq_ignore_ascii_case(urn))
    }

    /// Splits `urn:…:User:name.givenName` after the longest schema URN that it begins with; the rest may be empty.
    pub fn split_urn<'t>(&self, text: &'t str) -> Option<(&Arc<Schema>, &'t str)> {
        let known = std::iter::once(&self.core).chain(&self.extensions);
        known
            .filter_map(|schema| {
                let (urn, rest) = text.split_at_checked(schema.urn.len())?;
                let rest = if rest.is_empty() { rest } else { rest.strip_prefix(':')? };
                urn.eq_ignore_ascii_case(&schema.urn).then_some((schema, rest))
            })
            .max_by_key(|(schema, _)| schema.urn.len())
    }

    /// The known name that is nearest to a misspelled one, for the sentence of an error.
    pub(super) fn nearest(&self, name: &str) -> Option<&str> {
        let wanted = name.to_ascii_lowercase();
        let attributes =
            self.core.attributes.iter().chain(self.extensions.iter().flat_map(|extension| &extension.attributes));
        attributes
            .map(|attribute| attribute.name.as_ref())
            .find(|known| {
                let known = known.to_ascii_lowercase();
                known.starts_with(&wanted) || wanted.starts_with(&known) || differ_by_one(&known, &wanted)
            })
            .filter(|_| wanted.len() > 2)
    }
}

/// One letter more, less, or other; or two neighbours swapped.
fn differ_by_one(a: &str, b: &str) -> bool {
    let (a, b) = if a.len() <= b.len() { (a.as_bytes(), b.as_bytes()) } else { (b.as_bytes(), a.as_bytes()) };
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    match b.len() - a.len() {
        0 => {
            let (a, b) = (&a[same..], &b[same..]);
            a.len() < 2 || a[1..] == b[1..] || (a[0] == b[1] && a[1] == b[0] && a[2..] == b[2..])
        }
        1 => a[same..] == b[same + 1..],
        _ => false,
    }
}

/// What one directory speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schemas {
    pub user: ResourceType,
    pub group: ResourceType,
}

/// `id`, `externalId`, `meta` and `schemas`: of every resource, listed in no schema (RFC 7643 3.1).
static COMMON: LazyLock<Schema> = LazyLock::new(attributes::common);

static STANDARD: LazyLock<Arc<Schemas>> = LazyLock::new(|| {
    Arc::new(Schemas {
        user: ResourceType {
            kind: Kind::User,
            core: Arc::new(attributes::user()),
            extensions: vec![Arc::new(attributes::enterprise_user())],
        },
        group: ResourceType { kind: Kind::Group, core: Arc::new(attributes::group()), extensions: Vec::new() },
    })
});

impl Schemas {
    /// Core User with Enterprise User, and Group.
    pub fn standard() -> Arc<Self> {
        Arc::clone(&STANDARD)
    }

    /// The standard ones and a directory's own extensions of User.
    pub fn with_extensions(extensions: Vec<Schema>) -> Result<Arc<Self>, Error> {
        let mut schemas = Self::clone(&STANDARD);
        for extension in extensions {
            let urn = &extension.urn;
            let taken = [USER, GROUP].iter().any(|core| core.eq_ignore_ascii_case(urn));
            if taken || schemas.user.extension(urn).is_some() {
                return Err(Error::value(format!("There already is a schema {}. Use another URN.", excerpt(urn))));
            }
            schemas.user.extensions.push(Arc::new(extension));
        }
        Ok(Arc::new(schemas))
    }

    pub fn of(&self, kind: Kind) -> &ResourceType {
        match kind {
            Kind::User => &self.user,
            Kind::Group => &self.group,
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<Schema>> {
        [&self.user, &self.group].into_iter().flat_map(|kind| std::iter::once(&kind.core).chain(&kind.extensions))
    }
}

/// The lower case in which names are unique and filters compare: letter by letter, so that it does not depend on what
/// stands behind (Rust's `to_lowercase` writes a final sigma in its own way) and the form of a beginning is the
/// beginning of the form.
pub fn fold(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.chars().flat_map(char::to_lowercase).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_by_short_name_in_any_case_and_by_urn() {
        let schemas = Schemas::standard();
        let user = &schemas.user;
        assert_eq!(user.find("USERNAME").unwrap().attribute.name, "userName");
        assert_eq!(user.find("id").unwrap().attribute.name, "id");
        let manager = user.find("manager").unwrap();
        assert_eq!(manager.extension.unwrap().urn, ENTERPRISE_USER);
        let (schema, rest) = user.split_urn("URN:ietf:params:scim:schemas:core:2.0:user:name.givenName").unwrap();
        assert_eq!((schema.urn.as_str(), rest), (USER, "name.givenName"));
        assert_eq!(user.split_urn(ENTERPRISE_USER).unwrap().1, "");
        assert!(user.split_urn("urn:ietf:params:scim:schemas:core:2.0:Userx").is_none());
        assert!(user.split_urn(GROUP).is_none());
        assert!(user.find("password").is_none());
        assert!(user.split_urn("urn:ietf:params:scim:schemas:core:2.0:Us\u{e9}r").is_none());
    }

    #[test]
    fn a_misspelled_name_meets_its_neighbour() {
        let schemas = Schemas::standard();
        for (sent, meant) in [
            ("userNam", Some("userName")),
            ("emial", None),
            ("email", Some("emails")),
            ("dispalyName", Some("displayName")),
            ("departmant", Some("department")),
            ("favouriteColour", None),
            ("x", None),
        ] {
            assert_eq!(schemas.user.nearest(sent), meant, "{sent}");
        }
    }

    #[test]
    fn folding_a_beginning_is_the_beginning_of_folding() {
        for text in ["ADA@Example.com", "ΣΑΣ", "ΣΑΣΑ", "STRASSE", "İx", "Zoë"] {
            for (at, _) in text.char_indices() {
                assert!(fold(text).starts_with(&fold(&text[..at])), "{text} {at}");
            }
        }
        assert_eq!(fold("ÄÖÜ"), fold("äöü"));
        assert_ne!(fold("ﬁ"), fold("fi"), "no compatibility forms");
    }

    #[test]
    fn a_name_belongs_to_the_longest_urn_that_it_begins_with() {
        let extension = |urn: &str| Schema {
            urn: urn.to_owned(),
            name: String::new(),
            description: String::new(),
            attributes: vec![Arc::new(attributes::of_type(Type::String, "tag", ""))],
        };
        let schemas =
            Schemas::with_extensions(vec![extension("urn:a:b:User"), extension("urn:a:b:User:more")]).unwrap();
        for (text, urn, rest) in [
            ("urn:a:b:User:more:tag", "urn:a:b:User:more", "tag"),
            ("urn:a:b:User:more", "urn:a:b:User:more", ""),
            ("urn:a:b:User:tag", "urn:a:b:User", "tag"),
        ] {
            let (schema, found) = schemas.user.split_urn(text).unwrap();
            assert_eq!((schema.urn.as_str(), found), (urn, rest), "{text}");
        }
    }

    #[test]
    fn an_extension_cannot_take_the_place_of_a_standard_schema() {
        for urn in [USER, GROUP, "URN:ietf:params:scim:schemas:extension:enterprise:2.0:user"] {
            let extension =
                Schema { urn: urn.to_owned(), name: String::new(), description: String::new(), attributes: vec![] };
            assert!(Schemas::with_extensions(vec![extension]).is_err(), "{urn}");
        }
    }
}
