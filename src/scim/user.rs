//! A user: one JSON document, kept as text without `id`, `meta` and `groups`, which are spliced in on the way out.
//! Values are kept and given back as they were sent.

use serde_json::Map;
use serde_json::Value;

use super::document;
use super::document::Object;
use super::error::Error;
use super::group::MAX_NAME;
use super::json;
use super::merge;
use super::patch::Op;
use super::patch::Patch;
use super::quirks::Quirk;
use super::quirks::Quirks;
use super::resource;
use super::resource::Meta;
use super::schema::Kind;
use super::schema::Schemas;
use super::wire;

/// Bytes of a user's document; the largest seen in the field is some 10 KB, with a photo 50.
pub const MAX_DOCUMENT: usize = 256 * 1024;

/// Bytes of a body about one user.
pub const MAX_BODY: usize = 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document(pub(super) Object);

/// What an edit came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    pub document: Document,
    /// Version and `lastModified` stay where nothing changed.
    pub is_changed: bool,
}

impl Document {
    /// Reads what `text` wrote.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    /// For the store. Begins with `schemas`.
    pub fn text(&self) -> Result<String, Error> {
        let text = serde_json::to_string(&self.0)
            .map_err(|error| Error::value(format!("The user cannot be kept: {error}.")))?;
        if text.len() > MAX_DOCUMENT {
            return Err(Error::value(format!("The user has more than {MAX_DOCUMENT} bytes. Map fewer attributes.")));
        }
        Ok(text)
    }

    /// The body of POST. Who is not said to be inactive is active.
    pub fn create(body: &[u8], schemas: &Schemas, quirks: &mut Quirks) -> Result<Self, Error> {
        let mut document = from_body(body, schemas, quirks)?;
        document.entry("active").or_insert(Value::Bool(true));
        finish(document, schemas)
    }

    /// The body of PUT: what it leaves out is cleared, but whoever is inactive is not let back in by silence (RFC 7644
    /// 3.5.1 leaves this to the server).
    pub fn replace(&self, body: &[u8], schemas: &Schemas, quirks: &mut Quirks) -> Result<Edited, Error> {
        let mut document = from_body(body, schemas, quirks)?;
        if !document.contains_key("active") {
            quirks.note(Quirk::ActiveOmittedInPut);
            document.extend(self.0.get("active").map(|active| ("active".to_owned(), active.clone())));
        }
        self.edited(document, schemas)
    }

    /// All operations or none.
    pub fn patch(&self, patch: &Patch, schemas: &Schemas, quirks: &mut Quirks) -> Result<Edited, Error> {
        self.edited(patch.apply(&self.0, &schemas.user, quirks)?, schemas)
    }

    fn edited(&self, document: Object, schemas: &Schemas) -> Result<Edited, Error> {
        let document = finish(document, schemas)?;
        Ok(Edited { is_changed: document != *self, document })
    }
}

fn from_body(body: &[u8], schemas: &Schemas, quirks: &mut Quirks) -> Result<Object, Error> {
    check_length(body)?;
    let mut body: Object = serde_json::from_slice(wire::without_mark(body))
        .map_err(|error| Error::syntax(format!("The body cannot be read as a user: {error}.")))?;
    merge::note_schemas(&body, &schemas.user, quirks);
    // `schemas` stands first, then what was sent in its order.
    let mut document = Map::with_capacity(body.len() + 1);
    document.insert("schemas".to_owned(), Value::Null);
    // Whole resources carry id, meta and groups by the book; only in a PATCH are they odd.
    body.retain(|key, _| schemas.user.find(key).is_none_or(|found| !found.attribute.is_read_only()));
    merge::resource(&mut document, &schemas.user, Op::Replace, body, quirks)?;
    document::tidy(&mut document);
    Ok(document)
}

pub(super) fn check_length(body: &[u8]) -> Result<(), Error> {
    if body.len() <= MAX_BODY {
        return Ok(());
    }
    Err(Error::value(format!("A body about one user may have {MAX_BODY} bytes. Send fewer attributes.")))
}

/// What has to be true of a user, however it was made.
fn finish(mut document: Object, schemas: &Schemas) -> Result<Document, Error> {
    match document.get("userName").and_then(Value::as_str) {
        Some("") | None => return Err(Error::value("A user needs a userName.")),
        Some(_) => {}
    }
    for name in ["userName", "externalId", "displayName"] {
        if document.get(name).and_then(Value::as_str).is_some_and(|text| text.len() > MAX_NAME) {
            return Err(Error::value(format!("{name} is longer than {MAX_NAME} bytes. Shorten it.")));
        }
    }
    let extensions = schemas.user.extensions.iter().filter(|extension| document.contains_key(&extension.urn));
    let urns = std::iter::once(&schemas.user.core).chain(extensions).map(|schema| Value::String(schema.urn.clone()));
    let urns = Value::Array(urns.collect());
    document.insert("schemas".to_owned(), urns);
    Ok(Document(document))
}

/// A group of the user, as it is written out.
#[derive(Debug, Clone, Copy)]
pub struct GroupRow<'a> {
    pub id: &'a str,
    pub display: &'a str,
}

/// Writes the resource around the stored text. `groups`: `None` leaves them out.
pub fn write<'g>(
    out: &mut String,
    document: &str,
    meta: &Meta<'_>,
    groups: Option<impl Iterator<Item = GroupRow<'g>>>,
) {
    out.reserve(document.len() + 400);
    out.push('{');
    json::push_member(out, "id", meta.id);
    out.push(',');
    let inner = document.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
    if !inner.is_empty() {
        out.push_str(inner);
        out.push(',');
    }
    let mut is_first = true;
    for group in groups.into_iter().flatten() {
        out.push_str(if is_first { "\"groups\":[{" } else { ",{" });
        is_first = false;
        json::push_member(out, "value", group.id);
        out.push_str(",\"$ref\":");
        resource::push_location(out, meta.base, Kind::Group, group.id);
        out.push(',');
        json::push_member(out, "display", group.display);
        out.push_str(",\"type\":\"direct\"}");
    }
    if !is_first {
        out.push_str("],");
    }
    meta.write(out, Kind::User);
    out.push('}');
}
