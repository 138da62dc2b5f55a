//! A value as it was sent becomes one that fits its attribute, or a sentence why it cannot (traps 3, 6, 7). Texts stay
//! as sent.

use serde_json::Map;
use serde_json::Value;

use crate::model::time::Timestamp;

use super::error::Error;
use super::error::excerpt;
use super::quirks::Quirk;
use super::quirks::Quirks;
use super::schema::Attribute;
use super::schema::Type;
use super::syntax;

/// Bytes of one text; a photo as a data URI and a certificate have room.
pub const MAX_TEXT: usize = 64 * 1024;

/// Elements of one attribute of a user.
pub const MAX_ELEMENTS: usize = 1000;

/// What an attribute becomes; `None` is unassigned: null, an empty array, nothing that is known here (RFC 7643 2.5).
pub(super) fn fit(of: &Attribute, value: Value, quirks: &mut Quirks) -> Result<Option<Value>, Error> {
    if !of.multi_valued {
        return fit_single(of, value, quirks);
    }
    let all = match value {
        Value::Null => return Ok(None),
        Value::Array(all) => all,
        one => {
            quirks.note(Quirk::SingleForArray);
            vec![one]
        }
    };
    let elements = fit_elements(of, all, quirks)?;
    Ok((!elements.is_empty()).then_some(Value::Array(elements)))
}

pub(super) fn fit_elements(of: &Attribute, all: Vec<Value>, quirks: &mut Quirks) -> Result<Vec<Value>, Error> {
    check_count(of, all.len())?;
    let mut elements = Vec::with_capacity(all.len());
    for value in all {
        elements.extend(fit_element(of, value, quirks)?);
    }
    if one_primary(&mut elements, 0) {
        quirks.note(Quirk::SeveralPrimaries);
    }
    Ok(elements)
}

pub(super) fn check_count(of: &Attribute, count: usize) -> Result<(), Error> {
    if count <= MAX_ELEMENTS {
        return Ok(());
    }
    Err(Error::value(format!("{} has more than {MAX_ELEMENTS} values. Send fewer.", of.name)))
}

/// Of the elements from `from` on the first that is primary stays it; no other does. Whether one had to give way.
pub(super) fn one_primary(elements: &mut [Value], from: usize) -> bool {
    let is_primary = |element: &Value| element.get("primary") == Some(&Value::Bool(true));
    let Some(first) = elements.iter().skip(from).position(is_primary).map(|place| place + from) else { return false };
    let mut changed = false;
    for (place, element) in elements.iter_mut().enumerate() {
        if place != first && is_primary(element) {
            element["primary"] = Value::Bool(false);
            changed = true;
        }
    }
    changed
}

fn fit_single(of: &Attribute, value: Value, quirks: &mut Quirks) -> Result<Option<Value>, Error> {
    let Value::Array(mut all) = value else { return fit_one(of, value, quirks) };
    let is_manager = of.name == "manager";
    match all.len() {
        0 => return Ok(None),
        1 => {}
        _ if is_manager => {}
        _ => return Err(Error::value(format!("{} has one value, but an array of {} was sent.", of.name, all.len()))),
    }
    quirks.note(if is_manager { Quirk::ManagerShape } else { Quirk::ArrayForSingle });
    fit_one(of, all.swap_remove(0), quirks)
}

/// One element of a multi-valued attribute. One without anything but a type says nothing and is left out.
pub(super) fn fit_element(of: &Attribute, value: Value, quirks: &mut Quirks) -> Result<Option<Value>, Error> {
    let element = fit_one(of, value, quirks)?;
    if element.as_ref().and_then(Value::as_object).is_some_and(is_hollow) {
        quirks.note(Quirk::ElementWithoutValue);
        return Ok(None);
    }
    Ok(element)
}

/// A type and whether it is preferred, but of nothing.
pub(super) fn is_hollow(element: &Map<String, Value>) -> bool {
    let is_said_of_something = |name: &str| matches!(name, "type" | "primary");
    element.iter().all(|(name, value)| is_said_of_something(name) || (name == "value" && value.as_str() == Some("")))
}

pub(super) fn fit_one(of: &Attribute, value: Value, quirks: &mut Quirks) -> Result<Option<Value>, Error> {
    if value.is_null() {
        return Ok(None);
    }
    match of.kind {
        Type::String | Type::Reference | Type::Binary => text(of, value, quirks).map(Some),
        Type::Boolean => boolean(of, value, quirks).map(Some),
        Type::Integer | Type::Decimal => number(of, value, quirks).map(Some),
        Type::DateTime => instant(of, value).map(Some),
        Type::Complex => complex(of, value, quirks),
    }
}

fn wrong(of: &Attribute, wanted: &str, value: &Value) -> Error {
    Error::value(format!("{} has to be {wanted}, but {} was sent.", of.name, excerpt(&value.to_string())))
}

fn text(of: &Attribute, value: Value, quirks: &mut Quirks) -> Result<Value, Error> {
    match value {
        Value::String(text) if text.contains('\0') => {
            Err(Error::value(format!("{} has a NUL character in it. Remove it.", of.name)))
        }
        Value::String(text) if text.len() > MAX_TEXT => {
            Err(Error::value(format!("{} is longer than {MAX_TEXT} bytes. Shorten it.", of.name)))
        }
        Value::String(_) => Ok(value),
        Value::Bool(_) | Value::Number(_) => {
            quirks.note(Quirk::WrongScalar);
            Ok(Value::String(value.to_string()))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => Err(wrong(of, "text", &value)),
    }
}

fn boolean(of: &Attribute, value: Value, quirks: &mut Quirks) -> Result<Value, Error> {
    match &value {
        Value::Bool(_) => Ok(value),
        Value::String(text) => {
            let is = syntax::boolean(text).ok_or_else(|| wrong(of, "true or false", &value))?;
            quirks.note(Quirk::StringBoolean);
            Ok(Value::Bool(is))
        }
        _ => Err(wrong(of, "true or false", &value)),
    }
}

fn number(of: &Attribute, value: Value, quirks: &mut Quirks) -> Result<Value, Error> {
    let number = match &value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => {
            quirks.note(Quirk::WrongScalar);
            serde_json::from_str(text.trim()).ok()
        }
        _ => None,
    };
    let is_whole = |number: &serde_json::Number| number.is_i64() || number.is_u64();
    match number {
        Some(number) if of.kind == Type::Decimal || is_whole(&number) => Ok(Value::Number(number)),
        _ => Err(wrong(of, if of.kind == Type::Decimal { "a number" } else { "a whole number" }, &value)),
    }
}

fn instant(of: &Attribute, value: Value) -> Result<Value, Error> {
    match value.as_str().and_then(Timestamp::parse) {
        Some(_) => Ok(value),
        None => Err(wrong(of, "a time such as \"2026-11-22T06:00:00Z\"", &value)),
    }
}

fn complex(of: &Attribute, value: Value, quirks: &mut Quirks) -> Result<Option<Value>, Error> {
    let object = match value {
        Value::Object(object) => object,
        Value::String(text) if text.is_empty() => return Ok(None),
        Value::String(_) | Value::Number(_) => {
            let inner = of.value().ok_or_else(|| wrong(of, "an object", &value))?;
            quirks.note(if of.name == "manager" { Quirk::ManagerShape } else { Quirk::PlainForComplex });
            return Ok(fit_one(inner, value, quirks)?
                .map(|value| Value::Object(Map::from_iter([("value".to_owned(), value)]))));
        }
        other => return Err(wrong(of, "an object", &other)),
    };
    let mut fitted = Map::with_capacity(object.len());
    for (name, value) in object {
        let Some(sub) = of.sub(&name) else {
            quirks.note(Quirk::UnknownAttribute);
            continue;
        };
        if let Some(value) = fit(sub, value, quirks)? {
            fitted.insert(if name == sub.name { name } else { sub.name.clone().into_owned() }, value);
        }
    }
    Ok((!fitted.is_empty()).then_some(Value::Object(fitted)))
}
