//! Which attributes an answer holds: `attributes` and `excludedAttributes` (RFC 7644 3.9, RFC 7643 7 "returned"). `id`
//! and `schemas` are always there: typed clients cannot read a resource without them.

use serde_json::Value;

use super::document::Object;
use super::path::Name;
use super::quirks::Quirks;
use super::schema::ResourceType;
use super::schema::Returned;

/// More names than any resource has attributes.
const MOST: usize = 300;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Projection {
    only: Option<Vec<Name>>,
    without: Vec<Name>,
}

impl Projection {
    /// Names that no schema has are passed over: they ask for nothing, or leave nothing out. Where both lists are
    /// given, what the second names is taken from the first.
    pub fn parse<'n>(
        attributes: Option<impl Iterator<Item = &'n str>>,
        excluded: impl Iterator<Item = &'n str>,
        kind: &ResourceType,
    ) -> Self {
        let name = |text: &'n str| Name::resolve(text.trim(), kind, &mut Quirks::new()).ok();
        Self {
            only: attributes.map(|names| names.take(MOST).filter_map(name).collect()),
            without: excluded.take(MOST).filter_map(name).collect(),
        }
    }

    /// All that is returned by default.
    pub fn is_default(&self) -> bool {
        self.only.is_none() && self.without.is_empty()
    }

    /// Whether `attributes` was given; a PATCH must then answer with the resource (RFC 7644 3.5.2).
    pub fn has_attributes(&self) -> bool {
        self.only.is_some()
    }

    /// Whether leaving out `members` or `groups`, which are not in a document, is all there is to do: the answer can be
    /// spliced.
    pub fn is_splice(&self) -> bool {
        self.only.is_none()
            && self.without.iter().all(|name| {
                matches!(name, Name::Attribute(path)
                    if path.is("members", None) || path.is("groups", None) || always(path))
            })
    }

    /// The member table need not be read.
    pub fn excludes_members(&self) -> bool {
        self.excludes("members")
    }

    /// The groups of a user need not be read.
    pub fn excludes_groups(&self) -> bool {
        self.excludes("groups")
    }

    fn excludes(&self, attribute: &str) -> bool {
        let is_whole = |name: &Name| matches!(name, Name::Attribute(path) if path.is(attribute, None));
        let is_part = |name: &Name| match name {
            Name::Core => true,
            Name::Extension(_) => false,
            Name::Attribute(path) => path.extension.is_none() && path.attribute.name == attribute,
        };
        self.without.iter().any(|name| is_whole(name) || *name == Name::Core)
            || self.only.as_ref().is_some_and(|only| !only.iter().any(is_part))
    }

    /// What is left of a complete resource.
    pub fn apply(&self, resource: Value, kind: &ResourceType) -> Value {
        let Value::Object(resource) = resource else { return resource };
        let mut left = Object::with_capacity(resource.len());
        for (name, value) in resource {
            if name == "id" || name == "schemas" {
                left.insert(name, value);
                continue;
            }
            let kept = match (kind.extension(&name), value) {
                (Some(_), Value::Object(inner)) => {
                    let inner: Object = inner
                        .into_iter()
                        .filter_map(|(attribute, value)| {
                            let value = self.keep(Some(&name), &attribute, value)?;
                            Some((attribute, value))
                        })
                        .collect();
                    (!inner.is_empty()).then_some(Value::Object(inner))
                }
                (_, value) => self.keep(None, &name, value),
            };
            left.extend(kept.map(|value| (name, value)));
        }
        Value::Object(left)
    }

    fn keep(&self, extension: Option<&str>, attribute: &str, value: Value) -> Option<Value> {
        let value = match &self.only {
            Some(only) => match choice(only, extension, attribute) {
                Choice::None => return None,
                Choice::Whole => value,
                Choice::Subs(subs) => with_subs(value, |sub| subs.contains(&sub))?,
            },
            None => value,
        };
        match choice(&self.without, extension, attribute) {
            Choice::None => Some(value),
            Choice::Whole => None,
            Choice::Subs(subs) => with_subs(value, |sub| !subs.contains(&sub)),
        }
    }
}

fn always(path: &super::path::AttributePath) -> bool {
    path.target().returned == Returned::Always
}

enum Choice<'n> {
    None,
    Whole,
    Subs(Vec<&'n str>),
}

/// What the names say about one attribute.
fn choice<'n>(names: &'n [Name], extension: Option<&str>, attribute: &str) -> Choice<'n> {
    let mut subs = Vec::new();
    for name in names {
        match name {
            Name::Core if extension.is_none() => return Choice::Whole,
            Name::Extension(schema) if extension == Some(schema.urn.as_str()) => return Choice::Whole,
            Name::Attribute(path)
                if path.attribute.name == attribute
                    && path.extension.as_ref().map(|schema| schema.urn.as_str()) == extension =>
            {
                match &path.sub {
                    None => return Choice::Whole,
                    Some(sub) => subs.push(sub.name.as_ref()),
                }
            }
            _ => {}
        }
    }
    if subs.is_empty() { Choice::None } else { Choice::Subs(subs) }
}

fn with_subs(value: Value, keep: impl Fn(&str) -> bool + Copy) -> Option<Value> {
    match value {
        Value::Object(object) => {
            let left: Object = object.into_iter().filter(|(name, _)| keep(name)).collect();
            (!left.is_empty()).then_some(Value::Object(left))
        }
        Value::Array(all) => {
            let left: Vec<Value> = all.into_iter().filter_map(|element| with_subs(element, keep)).collect();
            (!left.is_empty()).then_some(Value::Array(left))
        }
        plain => Some(plain),
    }
}
