//! What every resource has: `meta`, its location and its entity tag (RFC 7643 3.1, RFC 7644 3.14).

use crate::model::time::Timestamp;

use super::error::Error;
use super::error::Kind as ErrorKind;
use super::json;
use super::schema::Kind;

#[derive(Debug, Clone, Copy)]
pub struct Meta<'a> {
    /// URL of the SCIM server, without a slash at its end.
    pub base: &'a str,
    pub id: &'a str,
    pub created: Timestamp,
    pub last_modified: Timestamp,
    pub version: i64,
}

impl Meta<'_> {
    /// `"meta":{…}`.
    pub(super) fn write(&self, out: &mut String, kind: Kind) {
        out.push_str("\"meta\":{\"resourceType\":\"");
        out.push_str(kind.as_str());
        out.push_str("\",\"created\":");
        let start = out.len();
        json::push_instant(out, self.created);
        let created = start..out.len();
        out.push_str(",\"lastModified\":");
        match self.last_modified == self.created {
            true => out.extend_from_within(created),
            false => json::push_instant(out, self.last_modified),
        }
        out.push_str(",\"location\":");
        push_location(out, self.base, kind, self.id);
        out.push_str(",\"version\":");
        out.push_str("\"W/\\\"");
        json::push_number(out, self.version.unsigned_abs());
        out.push_str("\\\"\"}");
    }

    pub fn location(&self, kind: Kind) -> String {
        format!("{}{}/{}", self.base, kind.endpoint(), self.id)
    }
}

pub(super) fn push_location(out: &mut String, base: &str, kind: Kind, id: &str) {
    out.push('"');
    // A base URL is made of URL characters and an id is one of ours; what came from outside is not written here.
    for part in [base, kind.endpoint(), "/"] {
        out.push_str(part);
    }
    json::push_inside(out, id);
    out.push('"');
}

/// The entity tag. Weak: what is spliced around a document may change without its version.
pub fn version(number: i64) -> String {
    format!("W/\"{number}\"")
}

/// `If-Match` or `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Versions {
    Any,
    /// Those of the list that could be ours.
    Of(Vec<i64>),
}

impl Versions {
    /// Quotes and `W/` may be missing: what is compared is the number.
    pub fn parse(header: &str) -> Self {
        if header.trim() == "*" {
            return Self::Any;
        }
        let number = |tag: &str| {
            let tag = tag.trim();
            tag.strip_prefix("W/").or_else(|| tag.strip_prefix("w/")).unwrap_or(tag).trim_matches('"').parse().ok()
        };
        Self::Of(header.split(',').filter_map(number).collect())
    }

    pub fn contains(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Of(versions) => versions.contains(&version),
        }
    }

    /// For `If-Match`.
    pub fn require(&self, version: i64) -> Result<(), Error> {
        if self.contains(version) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::PreconditionFailed,
            "The resource was changed meanwhile. Read it again, then send the change.",
        ))
    }
}
