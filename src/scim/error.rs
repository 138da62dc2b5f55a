//! Why a request is refused: a kind that RFC 7644 3.12 or RFC 9865 2.1 names, and a sentence for whoever reads the
//! identity provider's log. Status codes are `web`'s.

use super::json;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Error {
    pub kind: Kind,
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    InvalidFilter,
    /// More than is answered at once.
    TooMany,
    Uniqueness,
    Mutability,
    InvalidSyntax,
    InvalidPath,
    NoTarget,
    InvalidValue,
    InvalidCursor,
    /// No resource of that id; the one kind here without a `scimType`, beside the next.
    NotFound,
    /// `If-Match` names another version.
    PreconditionFailed,
}

impl Kind {
    /// The keyword of RFC 7644 table 9 or RFC 9865 2.1; the RFCs have none for 404 and 412.
    pub fn scim_type(self) -> Option<&'static str> {
        match self {
            Self::InvalidFilter => Some("invalidFilter"),
            Self::TooMany => Some("tooMany"),
            Self::Uniqueness => Some("uniqueness"),
            Self::Mutability => Some("mutability"),
            Self::InvalidSyntax => Some("invalidSyntax"),
            Self::InvalidPath => Some("invalidPath"),
            Self::NoTarget => Some("noTarget"),
            Self::InvalidValue => Some("invalidValue"),
            Self::InvalidCursor => Some("invalidCursor"),
            Self::NotFound | Self::PreconditionFailed => None,
        }
    }
}

impl Error {
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    pub fn scim_type(&self) -> Option<&'static str> {
        self.kind.scim_type()
    }

    pub(super) fn filter(detail: impl Into<String>) -> Self {
        Self::new(Kind::InvalidFilter, detail)
    }

    pub(super) fn path(detail: impl Into<String>) -> Self {
        Self::new(Kind::InvalidPath, detail)
    }

    pub(super) fn value(detail: impl Into<String>) -> Self {
        Self::new(Kind::InvalidValue, detail)
    }

    pub(super) fn syntax(detail: impl Into<String>) -> Self {
        Self::new(Kind::InvalidSyntax, detail)
    }

    pub(super) fn no_target(detail: impl Into<String>) -> Self {
        Self::new(Kind::NoTarget, detail)
    }

    pub(super) fn mutability(detail: impl Into<String>) -> Self {
        Self::new(Kind::Mutability, detail)
    }
}

/// RFC 7644 3.12: the status is a string.
pub fn body(status: u16, scim_type: Option<&str>, detail: &str) -> String {
    let mut out = String::with_capacity(160 + detail.len());
    out.push_str(r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":""#);
    out.push_str(&status.to_string());
    out.push('"');
    if let Some(scim_type) = scim_type {
        out.push_str(r#","scimType":"#);
        json::push_text(&mut out, scim_type);
    }
    out.push_str(r#","detail":"#);
    json::push_text(&mut out, detail);
    out.push('}');
    out
}

/// What was sent, short enough for a sentence.
pub(super) fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(60).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::*;

    fn of(error: &Error, status: u16) -> String {
        body(status, error.scim_type(), &error.detail)
    }

    #[test]
    fn the_body_has_the_status_as_text_and_a_type_where_the_rfc_has_one() {
        let body: Value = serde_json::from_str(&of(&Error::value("active is \"maybe\"."), 400)).unwrap();
        assert_eq!(
            body,
            json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                "status": "400",
                "scimType": "invalidValue",
                "detail": "active is \"maybe\"."
            })
        );
        let body: Value = serde_json::from_str(&of(&Error::new(Kind::NotFound, "gone"), 404)).unwrap();
        assert_eq!(body.get("scimType"), None);
    }

    #[test]
    fn an_excerpt_is_short_and_has_no_control_characters() {
        assert_eq!(excerpt("a\u{0}b\n"), "a\u{fffd}b\u{fffd}");
        assert_eq!(excerpt(&"x".repeat(1000)).chars().count(), 61);
    }
}
