//! The outside of a PATCH body (RFC 7644 3.5.2): operations whose values stay unread until their paths are known, so
//! that a list of 100,000 members never becomes a tree.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::Deserializer;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

use super::error::Error;
use super::error::excerpt;
use super::patch::Op;
use super::quirks::Quirk;
use super::quirks::Quirks;

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

pub(super) struct Operation<'b> {
    pub op: Op,
    pub path: Option<Cow<'b, str>>,
    /// Null is no value: serializers write it for what is missing.
    pub value: Option<&'b RawValue>,
}

/// The operations of a body.
pub(super) fn operations<'b>(body: &'b [u8], quirks: &mut Quirks) -> Result<Vec<Operation<'b>>, Error> {
    let body: Body<'b> = serde_json::from_slice(without_mark(body))
        .map_err(|error| Error::syntax(format!("The body cannot be read as a PATCH request: {error}.")))?;
    if !body.schemas.iter().any(|urn| urn.eq_ignore_ascii_case(PATCH_OP)) {
        quirks.note(Quirk::PatchSchemaMissing);
    }
    let sent = body.operations.ok_or_else(|| Error::syntax("The body has no Operations."))?;
    sent.into_iter()
        .map(|sent| {
            let op = sent.op.ok_or_else(|| Error::syntax("An operation has no op. Send add, replace or remove."))?;
            let known = Op::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(&op));
            let known = known.ok_or_else(|| {
                Error::syntax(format!("There is no operation `{}`. Send add, replace or remove.", excerpt(&op)))
            })?;
            if op != known.as_str() {
                quirks.note(Quirk::OperationCase);
            }
            if sent.has_more {
                quirks.note(Quirk::OperationMember);
            }
            let path = sent.path.filter(|path| !path.trim().is_empty());
            Ok(Operation { op: known, path, value: sent.value.filter(|value| value.get() != "null") })
        })
        .collect()
}

/// Without the byte-order mark that some .NET and PowerShell clients begin with.
pub(super) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

#[derive(Default)]
struct Body<'b> {
    schemas: Vec<Cow<'b, str>>,
    operations: Option<Vec<Sent<'b>>>,
}

#[derive(Default)]
struct Sent<'b> {
    op: Option<Cow<'b, str>>,
    path: Option<Cow<'b, str>>,
    value: Option<&'b RawValue>,
    has_more: bool,
}

/// A name of a JSON object, in any case.
pub(super) struct Key<'b>(pub Cow<'b, str>);

impl Key<'_> {
    pub fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|text| Self(text.0))
    }
}

/// Text that is borrowed from the body where it has no escapes.
#[derive(Deserialize)]
struct Text<'b>(#[serde(borrow)] Cow<'b, str>);

impl<'de: 'b, 'b> Deserialize<'de> for Body<'b> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BodyVisitor;
        impl<'de> Visitor<'de> for BodyVisitor {
            type Value = Body<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with schemas and Operations")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body<'de>, A::Error> {
                let mut body = Body::default();
                while let Some(key) = map.next_key::<Key<'de>>()? {
                    if key.is("Operations") {
                        body.operations = Some(map.next_value()?);
                    } else if key.is("schemas") {
                        body.schemas = map.next_value::<Vec<Text<'de>>>()?.into_iter().map(|text| text.0).collect();
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(body)
            }
        }
        deserializer.deserialize_map(BodyVisitor)
    }
}

impl<'de: 'b, 'b> Deserialize<'de> for Sent<'b> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SentVisitor;
        impl<'de> Visitor<'de> for SentVisitor {
            type Value = Sent<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an operation with op, path and value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sent<'de>, A::Error> {
                let mut sent = Sent::default();
                while let Some(key) = map.next_key::<Key<'de>>()? {
                    if key.is("op") {
                        sent.op = Some(map.next_value::<Text<'de>>()?.0);
                    } else if key.is("path") {
                        sent.path = map.next_value::<Option<Text<'de>>>()?.map(|text| text.0);
                    } else if key.is("value") {
                        sent.value = Some(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                        sent.has_more = true;
                    }
                }
                Ok(sent)
            }
        }
        deserializer.deserialize_map(SentVisitor)
    }
}
