//! Queries (RFC 7644 3.4.2, RFC 9865) by URL or by a body for `/.search`, and their answer.

use std::cmp::Ordering;

use serde_json::Value;

pub use crate::model::scim::SortColumn;
use crate::model::time::Timestamp;

use super::document::Object;
use super::error::Error;
use super::error::excerpt;
use super::evaluate;
use super::filter::Filter;
use super::json;
use super::path::AttributePath;
use super::path::Name;
use super::project::Projection;
use super::quirks::Quirk;
use super::quirks::Quirks;
use super::schema::ResourceType;
use super::schema::Type;
use super::wire::without_mark;

/// Okta asks for 100 and then goes on at 101, whatever came: a smaller page would lose people.
pub const DEFAULT_COUNT: u64 = 100;
pub const MAX_COUNT: u64 = 1000;

const FLAG: &str = "aadOptscim062020";

/// What was asked, before it is known of which resource type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListRequest {
    start_index: Option<u64>,
    count: Option<u64>,
    cursor: Option<String>,
    filter: Option<String>,
    sort_by: Option<String>,
    is_descending: bool,
    attributes: Option<Vec<String>>,
    excluded: Vec<String>,
}

/// The part of the result that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// From 1.
    Index { start: u64, count: u64 },
    /// RFC 9865: empty for the first page.
    Cursor { cursor: String, count: u64 },
}

/// What was asked of one resource type.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub filter: Option<Filter>,
    pub sort: Option<Sort>,
    pub projection: Projection,
}

impl ListRequest {
    /// From the query of a URL, still encoded: `+` is a blank, `%2B` a plus.
    pub fn from_query(query: &str, quirks: &mut Quirks) -> Result<Self, Error> {
        let mut request = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if name.contains(FLAG) {
                quirks.note(Quirk::FlagInQuery);
                continue;
            }
            let value = match value.strip_suffix(FLAG).and_then(|rest| rest.strip_suffix(['?', '&'])) {
                Some(rest) => {
                    quirks.note(Quirk::FlagInQuery);
                    rest
                }
                None => &value,
            };
            request.take(&name, &Value::String(value.to_owned()), false, quirks)?;
        }
        Ok(request)
    }

    /// From the body of `POST /.search` (RFC 7644 3.4.3).
    pub fn from_search(body: &[u8], quirks: &mut Quirks) -> Result<Self, Error> {
        let body: Object = serde_json::from_slice(without_mark(body))
            .map_err(|error| Error::syntax(format!("The body cannot be read as a search: {error}.")))?;
        let mut request = Self::default();
        for (name, value) in &body {
            if !value.is_null() {
                request.take(name, value, true, quirks)?;
            }
        }
        Ok(request)
    }

    fn take(&mut self, name: &str, value: &Value, is_body: bool, quirks: &mut Quirks) -> Result<(), Error> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let text = || match value {
            Value::String(text) => Ok(text.clone()),
            _ => Err(Error::value(format!("{} has to be text.", excerpt(name)))),
        };
        if is("filter") {
            self.filter = Some(text()?).filter(|filter| !filter.trim().is_empty());
        } else if is("startIndex") {
            self.start_index = number("startIndex", value, 1, is_body, quirks)?;
        } else if is("count") {
            self.count = number("count", value, 0, is_body, quirks)?;
        } else if is("cursor") {
            self.cursor = Some(text()?);
        } else if is("sortBy") {
            self.sort_by = Some(text()?).filter(|name| !name.trim().is_empty());
        } else if is("sortOrder") {
            self.is_descending = text()?.trim().eq_ignore_ascii_case("descending");
        } else if is("attributes") {
            self.attributes.get_or_insert_default().extend(names(value)?);
            if self.attributes.as_ref().is_some_and(Vec::is_empty) {
                self.attributes = None;
            }
        } else if is("excludedAttributes") {
            self.excluded.extend(names(value)?);
        }
        Ok(())
    }

    pub fn page(&self) -> Page {
        let count = self.count.unwrap_or(DEFAULT_COUNT).min(MAX_COUNT);
        match &self.cursor {
            Some(cursor) => Page::Cursor { cursor: cursor.clone(), count },
            None => Page::Index { start: self.start_index.unwrap_or(1), count },
        }
    }

    /// `others`: the other resource types of a search at the root.
    pub fn compile(&self, kind: &ResourceType, others: &[&ResourceType], quirks: &mut Quirks) -> Result<Query, Error> {
        let filter = self.filter.as_ref().map(|text| Filter::parse_among(text, kind, others, quirks)).transpose()?;
        let sort = match &self.sort_by {
            Some(name) => Sort::parse(name, self.is_descending, kind, others, quirks)?,
            None => None,
        };
        Ok(Query { filter, sort, projection: self.projection(kind) })
    }

    /// Alone, for requests that answer with one resource.
    pub fn projection(&self, kind: &ResourceType) -> Projection {
        let attributes = self.attributes.as_ref().map(|names| names.iter().map(String::as_str));
        Projection::parse(attributes, self.excluded.iter().map(String::as_str), kind)
    }
}

/// Trap 8: below the least it is the least, a fraction is cut off, text that is a number is one.
fn number(name: &str, value: &Value, least: u64, is_body: bool, quirks: &mut Quirks) -> Result<Option<u64>, Error> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => text.trim().parse::<f64>().ok().filter(|number| number.is_finite()),
        _ => None,
    };
    let number = number.ok_or_else(|| {
        Error::value(format!("{name} has to be a whole number, but {} was sent.", excerpt(&value.to_string())))
    })?;
    // Beyond 2^53 there are no resources; `as` stops at the ends of the range.
    let whole = (number.trunc() as u64).max(least);
    if number < least as f64 || number.fract() != 0.0 || (is_body && value.is_string()) {
        quirks.note(Quirk::NumberAsText);
    }
    Ok(Some(whole))
}

/// Names with commas between, or an array of them.
fn names(value: &Value) -> Result<Vec<String>, Error> {
    let split = |text: &str| -> Vec<String> {
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    match value {
        Value::String(text) => Ok(split(text)),
        Value::Array(all) => Ok(all.iter().filter_map(Value::as_str).flat_map(split).collect()),
        _ => Err(Error::value("attributes and excludedAttributes have to be lists of names.")),
    }
}

/// RFC 7644 3.4.2.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    path: AttributePath,
    pub is_descending: bool,
}

/// Resources without a value come last, and first when descending.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub enum SortKey {
    Boolean(bool),
    Number(f64),
    Instant(Timestamp),
    Text(String),
    Missing,
}

impl Sort {
    /// `None`: only another resource type of the search has the attribute.
    fn parse(
        name: &str,
        is_descending: bool,
        kind: &ResourceType,
        others: &[&ResourceType],
        quirks: &mut Quirks,
    ) -> Result<Option<Self>, Error> {
        let mut path = match Name::resolve(name.trim(), kind, quirks) {
            Ok(Name::Attribute(path)) => path,
            Ok(_) => return Err(Error::value("sortBy names a schema; it has to name an attribute.")),
            Err(_) if others.iter().any(|o| Name::resolve(name.trim(), o, &mut Quirks::new()).is_ok()) => {
                return Ok(None);
            }
            Err(unknown) => return Err(Error::value(format!("sortBy: {unknown}"))),
        };
        if path.target().kind == Type::Complex {
            let value = path.attribute.value().cloned();
            path.sub = Some(value.ok_or_else(|| Error::value(format!("sortBy: name a sub-attribute of {path}.")))?);
        }
        Ok(Some(Self { path, is_descending }))
    }

    pub fn column(&self) -> Option<SortColumn> {
        let path = &self.path;
        match () {
            () if path.is("id", None) => Some(SortColumn::Id),
            () if path.is("externalId", None) => Some(SortColumn::ExternalId),
            () if path.is("userName", None) => Some(SortColumn::UserName),
            () if path.is("displayName", None) => Some(SortColumn::DisplayName),
            () if path.is("meta", Some("created")) => Some(SortColumn::Created),
            () if path.is("meta", Some("lastModified")) => Some(SortColumn::LastModified),
            () => None,
        }
    }

    /// Of several values the primary one, else the first.
    pub fn key(&self, resource: &Value) -> SortKey {
        let Some(object) = resource.as_object() else { return SortKey::Missing };
        let whole = AttributePath { sub: None, ..self.path.clone() };
        let is_primary = |element: &&Value| element.get("primary") == Some(&Value::Bool(true));
        let chosen = evaluate::values(&whole, object)
            .find(is_primary)
            .or_else(|| evaluate::values(&whole, object).next())
            .and_then(|element| match &self.path.sub {
                Some(sub) => element.get(&*sub.name),
                None => Some(element),
            });
        let of = self.path.target();
        match chosen {
            Some(Value::Bool(value)) => SortKey::Boolean(*value),
            Some(Value::Number(number)) => number.as_f64().map_or(SortKey::Missing, SortKey::Number),
            Some(Value::String(text)) if of.kind == Type::DateTime => {
                Timestamp::parse(text).map_or(SortKey::Missing, SortKey::Instant)
            }
            Some(Value::String(text)) => SortKey::Text(evaluate::comparable(text, of).into_owned()),
            _ => SortKey::Missing,
        }
    }

    /// For resources that are equal by this the caller's order stays, so sort stably.
    pub fn compare(&self, a: &SortKey, b: &SortKey) -> Ordering {
        let order = a.partial_cmp(b).unwrap_or(Ordering::Equal);
        if self.is_descending { order.reverse() } else { order }
    }
}

/// The numbers of a list's answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListHead<'a> {
    pub total: u64,
    pub items: usize,
    /// `None` in an answer by cursor.
    pub start_index: Option<u64>,
    pub next_cursor: Option<&'a str>,
    pub previous_cursor: Option<&'a str>,
}

/// Resources as they are written one after the other, from the beginning of their answer on. What is counted follows them, so
/// that nothing that is long is written twice.
#[derive(Debug)]
pub struct Resources {
    all: String,
    starts: Vec<usize>,
}

/// Entra ID wants the array also where it is empty.
const BEGINNING: &str = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"Resources":["#;

impl Default for Resources {
    fn default() -> Self {
        Self { all: BEGINNING.to_owned(), starts: Vec::new() }
    }
}

impl Resources {
    /// Room for so many bytes more.
    pub fn reserve(&mut self, bytes: usize) {
        self.all.reserve(bytes + 512);
    }

    pub fn len(&self) -> usize {
        self.starts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Where the next is written to.
    pub fn next(&mut self) -> &mut String {
        if !self.starts.is_empty() {
            self.all.push(',');
        }
        self.starts.push(self.all.len());
        &mut self.all
    }

    pub fn each(&self) -> impl Iterator<Item = &str> {
        let ends = self.starts.iter().skip(1).map(|start| start - 1).chain([self.all.len()]);
        self.starts.iter().zip(ends).map(|(start, end)| &self.all[*start..end])
    }

    pub fn extend(&mut self, others: &Self) {
        if others.starts.is_empty() {
            return;
        }
        let out = self.next();
        let start = out.len();
        out.push_str(&others.all[BEGINNING.len()..]);
        self.starts.extend(others.starts.iter().skip(1).map(|other| start + other - BEGINNING.len()));
    }
}

/// The ListResponse.
pub fn answer(head: &ListHead<'_>, resources: Resources) -> String {
    let mut out = resources.all;
    out.push_str("],\"totalResults\":");
    json::push_number(&mut out, head.total);
    if let Some(start) = head.start_index {
        out.push_str(",\"startIndex\":");
        json::push_number(&mut out, start);
    }
    out.push_str(",\"itemsPerPage\":");
    json::push_number(&mut out, head.items as u64);
    for (name, cursor) in [("nextCursor", head.next_cursor), ("previousCursor", head.previous_cursor)] {
        if let Some(cursor) = cursor {
            out.push(',');
            json::push_member(&mut out, name, cursor);
        }
    }
    out.push('}');
    out
}
