//! A group as it is sent and as it is written out. Its members never become a tree: a list of 100,000 is read into ids
//! and written from rows.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::Deserializer;
use serde::de::IgnoredAny;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::Error;
use super::group_patch::once_each;
use super::json;
use super::quirks::Quirk;
use super::quirks::Quirks;
use super::resource::Meta;
use super::schema::GROUP;
use super::schema::Kind;
use super::schema::Schemas;
use super::value;
use super::wire::Key;
use super::wire::without_mark;

/// Bytes of a name or an identifier that stands in an index.
pub const MAX_NAME: usize = 1024;

/// A member as a body names it. Okta says no type; then the id tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: String,
    pub kind: Option<Kind>,
}

/// The body of POST and PUT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub display_name: String,
    pub external_id: Option<String>,
    /// `None` was not sent: no members in POST, those of before in PUT.
    pub members: Option<Vec<Member>>,
}

impl Group {
    /// The body of PUT.
    pub fn replacement(body: &[u8], schemas: &Schemas, quirks: &mut Quirks) -> Result<Self, Error> {
        let group = Self::parse(body, schemas, quirks)?;
        if group.members.is_none() {
            quirks.note(Quirk::MembersOmittedInPut);
        }
        Ok(group)
    }

    /// The body of POST.
    pub fn parse(body: &[u8], schemas: &Schemas, quirks: &mut Quirks) -> Result<Self, Error> {
        let sent: Body<'_> = serde_json::from_slice(without_mark(body))
            .map_err(|error| Error::syntax(format!("The body cannot be read as a group: {error}.")))?;
        let text = |name: &str, raw: Option<&RawValue>, quirks: &mut Quirks| {
            let Some(raw) = raw else { return Ok(None) };
            let Some(found) = schemas.group.find(name) else { return Ok(None) };
            let value: Value = serde_json::from_str(raw.get())
                .map_err(|error| Error::syntax(format!("{name} cannot be read: {error}.")))?;
            let fitted = value::fit(found.attribute, value, quirks)?;
            Ok(fitted.and_then(|value| value.as_str().map(str::to_owned)))
        };
        let display_name = display_name(text("displayName", sent.display_name, quirks)?)?;
        let external_id = external_id(text("externalId", sent.external_id, quirks)?)?;
        let mut list = match sent.members {
            Some(raw) if raw.get() == "null" => None,
            Some(raw) => Some(members(raw.get(), quirks)?),
            None => None,
        };
        if let Some(list) = &mut list {
            once_each(list, quirks);
        }
        if !sent.has_schemas {
            quirks.note(Quirk::SchemasMissing);
        }
        if sent.has_unknown {
            quirks.note(Quirk::UnknownAttribute);
        }
        Ok(Self { display_name, external_id, members: list })
    }
}

pub(super) fn display_name(sent: Option<String>) -> Result<String, Error> {
    match sent {
        Some(name) if name.len() > MAX_NAME => {
            Err(Error::value(format!("displayName is longer than {MAX_NAME} bytes. Shorten it.")))
        }
        Some(name) if !name.is_empty() => Ok(name),
        _ => Err(Error::value("A group needs a displayName.")),
    }
}

pub(super) fn external_id(sent: Option<String>) -> Result<Option<String>, Error> {
    match sent {
        Some(id) if id.len() > MAX_NAME => {
            Err(Error::value(format!("externalId is longer than {MAX_NAME} bytes. Shorten it.")))
        }
        other => Ok(other.filter(|id| !id.is_empty())),
    }
}

#[derive(Default)]
struct Body<'b> {
    display_name: Option<&'b RawValue>,
    external_id: Option<&'b RawValue>,
    members: Option<&'b RawValue>,
    has_schemas: bool,
    has_unknown: bool,
}

impl<'de: 'b, 'b> Deserialize<'de> for Body<'b> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BodyVisitor;
        impl<'de> Visitor<'de> for BodyVisitor {
            type Value = Body<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body<'de>, A::Error> {
                let mut body = Body::default();
                while let Some(Key(key)) = map.next_key::<Key<'de>>()? {
                    let name = strip_urn(&key);
                    if name.eq_ignore_ascii_case("displayName") {
                        body.display_name = Some(map.next_value()?);
                    } else if name.eq_ignore_ascii_case("externalId") {
                        body.external_id = Some(map.next_value()?);
                    } else if name.eq_ignore_ascii_case("members") {
                        body.members = Some(map.next_value()?);
                    } else {
                        body.has_schemas |= name.eq_ignore_ascii_case("schemas");
                        body.has_unknown |= !["schemas", "id", "meta"].iter().any(|n| name.eq_ignore_ascii_case(n));
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(body)
            }
        }
        deserializer.deserialize_map(BodyVisitor)
    }
}

fn strip_urn(key: &str) -> &str {
    let rest = key.split_at_checked(GROUP.len()).filter(|(urn, _)| urn.eq_ignore_ascii_case(GROUP));
    rest.and_then(|(_, rest)| rest.strip_prefix(':')).unwrap_or(key)
}

/// A list of members in any shape that was seen: objects, plain ids, one of either, null.
pub(super) fn members(json: &str, quirks: &mut Quirks) -> Result<Vec<Member>, Error> {
    let sent: Members = serde_json::from_str(json)
        .map_err(|error| Error::value(format!("members has to be an array of objects with value: {error}.")))?;
    if sent.is_odd {
        quirks.note(Quirk::MemberShape);
    }
    if sent.has_unknown {
        quirks.note(Quirk::UnknownAttribute);
    }
    let is_id = |member: &Member| !member.id.is_empty() && !member.id.contains('\0');
    if sent.list.iter().all(is_id) {
        return Ok(sent.list);
    }
    Err(Error::value("A member has no value. Send the id of the user as value."))
}

#[derive(Default)]
struct Members {
    list: Vec<Member>,
    is_odd: bool,
    has_unknown: bool,
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("members")
            }

            fn visit_unit<E>(self) -> Result<Members, E> {
                Ok(Members::default())
            }

            fn visit_str<E>(self, id: &str) -> Result<Members, E> {
                let member = Member { id: id.to_owned(), kind: None };
                Ok(Members { list: vec![member], is_odd: true, has_unknown: false })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let (mut id, mut reference, mut kind, mut has_unknown) = (None, None, None, false);
                while let Some(key) = map.next_key::<Key<'de>>()? {
                    if key.is("value") {
                        id = map.next_value::<Option<String>>()?;
                    } else if key.is("$ref") {
                        reference = map.next_value::<Option<Cow<'de, str>>>()?;
                    } else if key.is("type") {
                        let name = map.next_value::<Option<Cow<'de, str>>>()?;
                        kind = name.and_then(|name| {
                            [Kind::User, Kind::Group].into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(&name))
                        });
                    } else {
                        has_unknown |= !key.is("display");
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                let last = |url: Cow<'_, str>| url.rsplit('/').next().unwrap_or_default().to_owned();
                let is_odd = id.is_none();
                let id = id.or_else(|| reference.map(last)).unwrap_or_default();
                Ok(Members { list: vec![Member { id, kind }], is_odd, has_unknown })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Members, A::Error> {
                let mut all = Members { list: Vec::new(), ..Members::default() };
                while let Some(one) = seq.next_element::<Members>()? {
                    all.is_odd |= one.is_odd;
                    all.has_unknown |= one.has_unknown;
                    all.list.extend(one.list);
                }
                Ok(all)
            }
        }
        deserializer.deserialize_any(MembersVisitor)
    }
}

/// A group's own columns.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub display_name: &'a str,
    pub external_id: Option<&'a str>,
}

/// A member as it is written out.
#[derive(Debug, Clone, Copy)]
pub struct MemberRow<'a> {
    pub id: &'a str,
    pub kind: Kind,
    pub display: Option<&'a str>,
}

/// Writes the resource. `members`: `None` leaves them out, which is not the same as having none.
pub fn write<'m>(
    out: &mut String,
    group: Row<'_>,
    meta: &Meta<'_>,
    members: Option<impl Iterator<Item = MemberRow<'m>>>,
) {
    out.push_str("{\"schemas\":[\"");
    out.push_str(GROUP);
    out.push_str("\"],");
    json::push_member(out, "id", meta.id);
    out.push(',');
    json::push_member(out, "displayName", group.display_name);
    if let Some(id) = group.external_id {
        out.push(',');
        json::push_member(out, "externalId", id);
    }
    if let Some(members) = members {
        out.push_str(",\"members\":[");
        let mut is_first = true;
        for member in members {
            if !is_first {
                out.push(',');
            }
            is_first = false;
            write_member(out, member, meta.base);
        }
        out.push(']');
    }
    out.push(',');
    meta.write(out, Kind::Group);
    out.push('}');
}

fn write_member(out: &mut String, member: MemberRow<'_>, base: &str) {
    out.push('{');
    json::push_member(out, "value", member.id);
    out.push_str(",\"$ref\":");
    super::resource::push_location(out, base, member.kind, member.id);
    out.push_str(",\"type\":\"");
    out.push_str(member.kind.as_str());
    out.push('"');
    if let Some(display) = member.display {
        out.push(',');
        json::push_member(out, "display", display);
    }
    out.push('}');
}
