//! Filters (RFC 7644 3.4.2.2) as a tree that knows its attributes. `syntax.rs` reads them, `evaluate.rs` asks a
//! document, `plan.rs` says what the store can look up.

use std::fmt;

use crate::model::time::Timestamp;

use super::error::Error;
use super::json;
use super::path::AttributePath;
use super::quirks::Quirks;
use super::schema::Attribute;
use super::schema::ResourceType;
use super::syntax;

/// How deep brackets may be nested.
pub const MAX_DEPTH: usize = 100;

/// How long the filter of a query may be; the path of a PATCH operation may be as long as its body.
pub const MAX_LENGTH: usize = 16 * 1024;

/// Owns all it needs; `and` and `or` are flat, so that a long chain is no deep tree.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Present(AttributePath),
    Compare(Comparison),
    /// Holds if one and the same element of the attribute meets the filter.
    ValuePath {
        path: AttributePath,
        filter: Box<Filter>,
    },
    /// What is left of a condition on an attribute that this resource type does not have.
    Constant(bool),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub path: AttributePath,
    pub operator: Operator,
    pub literal: Literal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Operator {
    pub const ALL: [Self; 9] = [
        Self::Equal,
        Self::NotEqual,
        Self::Contains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Less,
        Self::LessOrEqual,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Contains => "co",
            Self::StartsWith => "sw",
            Self::EndsWith => "ew",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "ge",
            Self::Less => "lt",
            Self::LessOrEqual => "le",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.as_str().eq_ignore_ascii_case(text))
    }

    pub(super) fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual)
    }

    pub(super) fn is_on_text(self) -> bool {
        matches!(self, Self::Contains | Self::StartsWith | Self::EndsWith)
    }
}

/// The value of a comparison, in the type of its attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Null,
    Boolean(bool),
    Number(f64),
    /// `folded` only where the attribute ignores case and folding changes the text.
    Text {
        sent: String,
        folded: Option<String>,
    },
    Instant(Timestamp),
}

impl Literal {
    /// The text as comparisons want it.
    pub fn form(&self) -> Option<&str> {
        match self {
            Self::Text { sent, folded } => Some(folded.as_deref().unwrap_or(sent)),
            _ => None,
        }
    }
}

impl Filter {
    /// A filter on one resource type. An attribute that no schema has is refused: it is a mistake in the identity
    /// provider's mapping, and an answer of "nobody" would make it create the person a second time.
    #[cfg(test)]
    pub fn parse(text: &str, kind: &ResourceType, quirks: &mut Quirks) -> Result<Self, Error> {
        Self::parse_among(text, kind, &[], quirks)
    }

    /// A filter on several resource types, read for one of them. What only the others have counts as an attribute
    /// without a value (RFC 7644 3.4.2.1).
    pub fn parse_among(
        text: &str,
        kind: &ResourceType,
        others: &[&ResourceType],
        quirks: &mut Quirks,
    ) -> Result<Self, Error> {
        if text.len() > MAX_LENGTH {
            return Err(Error::filter(format!(
                "The filter is longer than {MAX_LENGTH} bytes. Ask in several requests."
            )));
        }
        syntax::filter(text, kind, others, quirks)
    }

    /// Whether a condition looks at that core attribute, so that the document has to hold it.
    pub fn mentions(&self, attribute: &str) -> bool {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().any(|filter| filter.mentions(attribute)),
            Self::Not(filter) => filter.mentions(attribute),
            Self::Present(path) | Self::ValuePath { path, .. } => is_core(path, attribute),
            Self::Compare(comparison) => is_core(&comparison.path, attribute),
            Self::Constant(_) => false,
        }
    }

    /// How many conditions it has: what asking one resource costs.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().map(Self::size).sum(),
            Self::Not(filter) | Self::ValuePath { filter, .. } => filter.size(),
            Self::Present(_) | Self::Compare(_) | Self::Constant(_) => 1,
        }
    }

    /// The comparisons, if the filter is nothing but `eq` joined by `and` with something other than null.
    pub(super) fn equalities(&self) -> Option<Vec<(&Attribute, &Literal)>> {
        let terms = match self {
            Self::And(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        };
        terms
            .iter()
            .map(|term| match term {
                Self::Compare(Comparison { path, operator: Operator::Equal, literal }) if *literal != Literal::Null => {
                    Some((&**path.target(), literal))
                }
                _ => None,
            })
            .collect()
    }
}

fn is_core(path: &AttributePath, attribute: &str) -> bool {
    path.extension.is_none() && path.attribute.name == attribute
}

/// By the book, whatever dialect was read: it reads back as the same tree.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(all) => chain(f, all, " and "),
            Self::Or(all) => chain(f, all, " or "),
            Self::Not(filter) => write!(f, "not ({filter})"),
            Self::Present(path) => write!(f, "{path} pr"),
            Self::Compare(Comparison { path, operator, literal }) => {
                write!(f, "{path} {} {literal}", operator.as_str())
            }
            Self::ValuePath { path, filter } => write!(f, "{path}[{filter}]"),
            Self::Constant(value) => write!(f, "{}", if *value { "id pr" } else { "not (id pr)" }),
        }
    }
}

fn chain(f: &mut fmt::Formatter<'_>, all: &[Filter], between: &str) -> fmt::Result {
    for (place, filter) in all.iter().enumerate() {
        if place > 0 {
            f.write_str(between)?;
        }
        match filter {
            Filter::And(_) | Filter::Or(_) => write!(f, "({filter})")?,
            other => write!(f, "{other}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        match self {
            Self::Null => out.push_str("null"),
            Self::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::Text { sent, .. } => json::push_text(&mut out, sent),
            Self::Instant(at) => json::push_instant(&mut out, *at),
        }
        f.write_str(&out)
    }
}
