//! Where a PATCH operation acts (RFC 7644 3.5.2, figure 7), and attribute names (RFC 7644 3.10): short, dotted, with a
//! URN.

use std::fmt;
use std::sync::Arc;

use super::error::Error;
use super::error::excerpt;
use super::filter::Filter;
use super::quirks::Quirk;
use super::quirks::Quirks;
use super::schema::Attribute;
use super::schema::ResourceType;
use super::schema::Schema;
use super::syntax;

/// An attribute or one of its sub-attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributePath {
    pub extension: Option<Arc<Schema>>,
    pub attribute: Arc<Attribute>,
    pub sub: Option<Arc<Attribute>>,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// The URN of the core schema.
    Core,
    Extension(Arc<Schema>),
    Attribute(AttributePath),
}

/// A name that no schema of the resource type has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    name: String,
    nearest: Option<String>,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "There is no attribute `{}`", self.name)?;
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean `{nearest}`?"),
            None => f.write_str(". The schemas are listed at /Schemas."),
        }
    }
}

pub(super) fn is_urn(text: &str) -> bool {
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
}

impl Name {
    pub fn resolve(text: &str, kind: &ResourceType, quirks: &mut Quirks) -> Result<Self, Unknown> {
        if !is_urn(text) {
            let (name, sub) = split_sub(text);
            let found = kind.find(name).ok_or_else(|| unknown(text, kind.nearest(name)))?;
            let path = AttributePath::new(found.extension, found.attribute, sub).ok_or_else(|| unknown(text, None))?;
            if path.extension.is_some() {
                quirks.note(Quirk::ExtensionWithoutUrn);
            }
            return Ok(Self::Attribute(path));
        }
        let (schema, rest) = kind.split_urn(text).ok_or_else(|| unknown(text, None))?;
        let extension = kind.extension(&schema.urn);
        if rest.is_empty() {
            return Ok(extension.map_or(Self::Core, |extension| Self::Extension(Arc::clone(extension))));
        }
        let (name, sub) = split_sub(rest);
        let attribute = match extension {
            Some(extension) => extension.find(name),
            // The common attributes may be named with the core URN.
            None => kind.find(name).filter(|found| found.extension.is_none()).map(|found| found.attribute),
        };
        let attribute = attribute.ok_or_else(|| unknown(text, None))?;
        AttributePath::new(extension, attribute, sub).map(Self::Attribute).ok_or_else(|| unknown(text, None))
    }
}

fn unknown(name: &str, nearest: Option<&str>) -> Unknown {
    Unknown { name: excerpt(name), nearest: nearest.map(str::to_owned) }
}

fn split_sub(text: &str) -> (&str, Option<&str>) {
    match text.split_once('.') {
        Some((name, sub)) => (name, Some(sub)),
        None => (text, None),
    }
}

impl AttributePath {
    fn new(extension: Option<&Arc<Schema>>, attribute: &Arc<Attribute>, sub: Option<&str>) -> Option<Self> {
        let sub = match sub {
            Some(sub) => Some(Arc::clone(attribute.sub(sub)?)),
            None => None,
        };
        Some(Self { extension: extension.cloned(), attribute: Arc::clone(attribute), sub })
    }

    /// What a comparison with the path compares.
    pub fn target(&self) -> &Arc<Attribute> {
        self.sub.as_ref().unwrap_or(&self.attribute)
    }

    /// Whether it is the core attribute of that name, with that sub-attribute or none.
    pub fn is(&self, attribute: &str, sub: Option<&str>) -> bool {
        self.extension.is_none() && self.attribute.name == attribute && self.sub.as_ref().map(|sub| &*sub.name) == sub
    }
}

/// With its URN where it belongs to an extension.
impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(extension) = &self.extension {
            write!(f, "{}:", extension.urn)?;
        }
        f.write_str(&self.attribute.name)?;
        if let Some(sub) = &self.sub {
            write!(f, ".{}", sub.name)?;
        }
        Ok(())
    }
}

/// The target of a PATCH operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Path {
    /// The whole resource: no path, or the URN of its core schema.
    Resource,
    Extension(Arc<Schema>),
    Attribute(AttributePath),
    /// `emails[type eq "work"]`, with `.value` behind it or not.
    Elements {
        path: AttributePath,
        filter: Filter,
    },
    /// `password` is in no schema, but setting it must not fail.
    Password,
}

impl Path {
    pub fn parse(text: &str, kind: &ResourceType, quirks: &mut Quirks) -> Result<Self, Error> {
        let text = text.trim();
        let Some(open) = text.find('[') else {
            if is_password(text) {
                quirks.note(Quirk::PasswordDropped);
                return Ok(Self::Password);
            }
            let name = Name::resolve(text, kind, quirks).map_err(|unknown| Error::path(unknown.to_string()))?;
            return Ok(match name {
                Name::Core => Self::Resource,
                Name::Extension(extension) => Self::Extension(extension),
                Name::Attribute(path) => Self::Attribute(path),
            });
        };
        let name = Name::resolve(text[..open].trim_end(), kind, quirks).map_err(|e| Error::path(e.to_string()))?;
        let path = match name {
            Name::Attribute(path) if path.sub.is_none() && path.attribute.multi_valued => path,
            _ => {
                return Err(Error::path(format!(
                    "`{}` has no elements that a filter could choose from.",
                    excerpt(text)
                )));
            }
        };
        let (filter, rest) = syntax::in_brackets(&text[open + 1..], &path.attribute, quirks)
            .map_err(|error| Error::path(format!("The path `{}` cannot be read. {}", excerpt(text), error.detail)))?;
        let sub = match rest.strip_prefix('.') {
            None if rest.is_empty() => None,
            Some(name) => Some(Arc::clone(path.attribute.sub(name).ok_or_else(|| {
                Error::path(format!("`{}` has no sub-attribute `{}`.", path.attribute.name, excerpt(name)))
            })?)),
            None => return Err(Error::path(format!("After the bracket stands `{}`; expected a dot.", excerpt(rest)))),
        };
        Ok(Self::Elements { path: AttributePath { sub, ..path }, filter })
    }
}

pub(super) fn is_password(name: &str) -> bool {
    let name = name.rsplit(':').next().unwrap_or(name);
    name.eq_ignore_ascii_case("password")
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resource => Ok(()),
            Self::Extension(extension) => f.write_str(&extension.urn),
            Self::Attribute(path) => path.fmt(f),
            Self::Elements { path, filter } => {
                let of = AttributePath { sub: None, ..path.clone() };
                write!(f, "{of}[{filter}]")?;
                path.sub.as_ref().map_or(Ok(()), |sub| write!(f, ".{}", sub.name))
            }
            Self::Password => f.write_str("password"),
        }
    }
}
