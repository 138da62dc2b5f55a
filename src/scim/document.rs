//! Edits of a resource document: what `add`, `replace` and `remove` do to one target (RFC 7644 3.5.2.1 to 3.5.2.3).
//! Names in a document are canonical, extensions stand under the URN as their schema writes it.

use serde_json::Map;
use serde_json::Value;

use super::error::Error;
use super::filter::Filter;
use super::filter::Literal;
use super::patch::Op;
use super::path::AttributePath;
use super::quirks::Quirk;
use super::quirks::Quirks;
use super::schema::Attribute;
use super::schema::Schema;
use super::schema::Type;
use super::value;

pub(super) type Object = Map<String, Value>;

/// Runs after the last operation: several that build one element (`roles[primary eq true].type`, then `.value`) meet it
/// half-made, and only what is hollow at the end goes.
pub(super) fn tidy(document: &mut Object) {
    document.retain(|_, value| match value {
        Value::Array(elements) => {
            elements.retain(|element| !element.as_object().is_some_and(value::is_hollow));
            !elements.is_empty()
        }
        _ => true,
    });
}

/// Sets what the path names.
pub(super) fn set(
    document: &mut Object,
    path: &AttributePath,
    op: Op,
    value: Value,
    quirks: &mut Quirks,
) -> Result<(), Error> {
    inside(document, path.extension.as_deref(), |object| {
        let of = &*path.attribute;
        match &path.sub {
            Some(sub) if of.multi_valued => set_in_preferred(object, of, sub, value, quirks),
            Some(sub) => set_sub(object, of, sub, value, quirks),
            None if of.multi_valued => set_elements(object, of, op, value, quirks),
            None if of.kind == Type::Complex && of.value().is_none() => merge(object, of, value, quirks),
            None => {
                let fitted = value::fit(of, value, quirks)?;
                put(object, &of.name, op, fitted);
                Ok(())
            }
        }
    })
}

/// Takes away what the path names. `listed`: only these elements of a multi-valued attribute (trap 1).
pub(super) fn remove(document: &mut Object, path: &AttributePath, listed: Option<Value>, quirks: &mut Quirks) {
    let of = &*path.attribute;
    if listed.is_some() {
        let is_list = of.multi_valued && path.sub.is_none();
        quirks.note(if is_list { Quirk::RemoveWithValue } else { Quirk::IgnoredRemoveValue });
    }
    let edit = |object: &mut Object| {
        match (&path.sub, listed) {
            (None, Some(listed)) if of.multi_valued => {
                let listed = match listed {
                    Value::Array(all) => all,
                    one => vec![one],
                };
                retain(object, of, |element| !listed.iter().any(|wanted| is_listed(element, wanted)));
            }
            (None, _) => {
                object.shift_remove(&*of.name);
            }
            (Some(sub), _) if of.multi_valued => {
                elements_mut(object, of).iter_mut().filter_map(Value::as_object_mut).for_each(|element| {
                    element.shift_remove(&*sub.name);
                });
            }
            (Some(sub), _) => {
                if let Some(Value::Object(inner)) = object.get_mut(&*of.name) {
                    inner.shift_remove(&*sub.name);
                    // Without its value a manager is nobody, whatever name is left.
                    if inner.is_empty() || (of.value().is_some() && !inner.contains_key("value")) {
                        object.shift_remove(&*of.name);
                    }
                }
            }
        }
        Ok(())
    };
    inside(document, path.extension.as_deref(), edit).expect("removing has nothing to refuse");
}

/// Sets through a filter. Without a match a filter that is nothing but equalities makes the element (trap 2).
pub(super) fn set_matching(
    document: &mut Object,
    path: &AttributePath,
    filter: &Filter,
    op: Op,
    value: Value,
    quirks: &mut Quirks,
) -> Result<(), Error> {
    inside(document, path.extension.as_deref(), |object| {
        let of = &*path.attribute;
        let elements = elements_mut(object, of);
        let mut is_match: Vec<bool> =
            elements.iter().map(|element| element.as_object().is_some_and(|object| filter.holds(object))).collect();
        if !is_match.contains(&true) {
            let terms = filter.equalities().ok_or_else(|| {
                Error::no_target(format!(
                    "No element of {} meets the filter of the path, so nothing was changed.",
                    of.name
                ))
            })?;
            value::check_count(of, elements.len() + 1)?;
            elements.push(Value::Object(from_terms(&terms)));
            is_match.push(true);
            quirks.note(Quirk::UpsertThroughFilter);
        }
        let terms = filter.equalities().unwrap_or_default();
        let mut new_primary = None;
        for (place, element) in elements.iter_mut().enumerate().filter(|(place, _)| is_match[*place]) {
            let Value::Object(element) = element else { continue };
            let was_primary = is_primary(element);
            set_element(element, of, path.sub.as_deref(), op, value.clone(), quirks)?;
            keep_terms(element, &terms);
            if is_primary(element) && !was_primary {
                new_primary = new_primary.or(Some(place));
            }
        }
        // An element that the filter made may be primary by the filter's own words.
        let last = elements.len().saturating_sub(1);
        let primary = new_primary.or_else(|| {
            elements.last().and_then(Value::as_object).filter(|e| is_match[last] && is_primary(e)).map(|_| last)
        });
        if let Some(primary) = primary {
            demote_others(elements, primary);
        }
        Ok(())
    })
}

/// Takes away the elements that meet the filter, or one sub-attribute of each. No match is no error: it is gone either
/// way.
pub(super) fn remove_matching(document: &mut Object, path: &AttributePath, filter: &Filter) {
    let of = &*path.attribute;
    let edit = |object: &mut Object| {
        match &path.sub {
            None => retain(object, of, |element| !element.as_object().is_some_and(|object| filter.holds(object))),
            Some(sub) => {
                for element in elements_mut(object, of).iter_mut().filter_map(Value::as_object_mut) {
                    if filter.holds(element) {
                        element.shift_remove(&*sub.name);
                    }
                }
            }
        }
        Ok(())
    };
    inside(document, path.extension.as_deref(), edit).expect("removing has nothing to refuse");
}

/// Runs on the object that holds the attribute, and leaves no empty extension behind.
fn inside(
    document: &mut Object,
    extension: Option<&Schema>,
    edit: impl FnOnce(&mut Object) -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(extension) = extension else { return edit(document) };
    let entry = document.entry(extension.urn.as_str()).or_insert_with(|| Value::Object(Map::new()));
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    let done = entry.as_object_mut().map_or(Ok(()), edit);
    if entry.as_object().is_some_and(Map::is_empty) {
        document.shift_remove(extension.urn.as_str());
    }
    done
}

fn put(object: &mut Object, name: &str, op: Op, value: Option<Value>) {
    match value {
        Some(value) => {
            object.insert(name.to_owned(), value);
        }
        // Adding nothing changes nothing; replacing by nothing unassigns (RFC 7643 2.5).
        None if op == Op::Add => {}
        None => {
            object.shift_remove(name);
        }
    }
}

fn elements_mut<'o>(object: &'o mut Object, of: &Attribute) -> &'o mut Vec<Value> {
    let entry = object.entry(of.name.as_ref()).or_insert_with(|| Value::Array(Vec::new()));
    if !entry.is_array() {
        *entry = Value::Array(vec![entry.take()]);
    }
    match entry {
        Value::Array(all) => all,
        _ => unreachable!("an array was put there"),
    }
}

/// Keeps the elements that may stay, and no empty array.
fn retain(object: &mut Object, of: &Attribute, may_stay: impl FnMut(&Value) -> bool) {
    let elements = elements_mut(object, of);
    elements.retain(may_stay);
    if elements.is_empty() {
        object.shift_remove(&*of.name);
    }
}

fn set_elements(object: &mut Object, of: &Attribute, op: Op, sent: Value, quirks: &mut Quirks) -> Result<(), Error> {
    let sent = match sent {
        Value::Array(all) => all,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    let fitted = value::fit_elements(of, sent, quirks)?;
    if op == Op::Replace {
        put(object, &of.name, op, (!fitted.is_empty()).then_some(Value::Array(fitted)));
        return Ok(());
    }
    for new in fitted {
        let elements = elements_mut(object, of);
        let place = match elements.iter().position(|known| is_same(known, &new)) {
            Some(place) => {
                if let (Value::Object(known), Value::Object(new)) = (&mut elements[place], new) {
                    known.extend(new);
                }
                place
            }
            None => {
                elements.push(new);
                elements.len() - 1
            }
        };
        if elements[place].as_object().is_some_and(is_primary) {
            demote_others(elements, place);
        }
        value::check_count(of, elements.len())?;
    }
    retain(object, of, |_| true);
    Ok(())
}

/// RFC 7643 2.4: no two elements of one value and type.
fn is_same(known: &Value, new: &Value) -> bool {
    let both = |name: &str| known.get(name) == new.get(name);
    known == new || (known.get("value").is_some() && both("value") && both("type"))
}

/// Whether a remove operation lists the element: by its value alone, or by all that it says.
fn is_listed(element: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::Object(wanted) => {
            let matters = |name: &&String| wanted.get("value").is_none() || matches!(name.as_str(), "value" | "type");
            let mut named = wanted.iter().filter(|(name, value)| matters(name) && !value.is_null()).peekable();
            named.peek().is_some() && named.all(|(name, value)| element.get(name) == Some(value))
        }
        plain => element == plain || element.get("value") == Some(plain),
    }
}

fn is_primary(element: &Object) -> bool {
    element.get("primary") == Some(&Value::Bool(true))
}

fn demote_others(elements: &mut [Value], primary: usize) {
    for (place, element) in elements.iter_mut().enumerate() {
        if place != primary && element.as_object().is_some_and(is_primary) {
            element["primary"] = Value::Bool(false);
        }
    }
}

/// `emails.value` without a filter means the primary element, else the first, else a new one.
fn set_in_preferred(
    object: &mut Object,
    of: &Attribute,
    sub: &Attribute,
    sent: Value,
    quirks: &mut Quirks,
) -> Result<(), Error> {
    let elements = elements_mut(object, of);
    if elements.is_empty() {
        elements.push(Value::Object(Map::new()));
    }
    let place = elements.iter().position(|e| e.as_object().is_some_and(is_primary)).unwrap_or(0);
    if let Value::Object(element) = &mut elements[place] {
        set_element(element, of, Some(sub), Op::Replace, sent, quirks)?;
    }
    Ok(())
}

fn set_sub(
    object: &mut Object,
    of: &Attribute,
    sub: &Attribute,
    sent: Value,
    quirks: &mut Quirks,
) -> Result<(), Error> {
    let fitted = value::fit(sub, sent, quirks)?;
    let entry = object.entry(of.name.as_ref()).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(inner) = entry {
        put(inner, &sub.name, Op::Replace, fitted);
        if inner.is_empty() {
            object.shift_remove(&*of.name);
        }
    }
    Ok(())
}

/// `name`: what is sent replaces or comes beside what is there (RFC 7644 3.5.2.3), null takes away.
fn merge(object: &mut Object, of: &Attribute, sent: Value, quirks: &mut Quirks) -> Result<(), Error> {
    let sent = match sent {
        Value::Object(sent) => sent,
        Value::Null => {
            object.shift_remove(&*of.name);
            return Ok(());
        }
        other => {
            let fitted = value::fit(of, other, quirks)?;
            put(object, &of.name, Op::Replace, fitted);
            return Ok(());
        }
    };
    for (name, value) in sent {
        match of.sub(&name) {
            Some(sub) => set_sub(object, of, sub, value, quirks)?,
            None => quirks.note(Quirk::UnknownAttribute),
        }
    }
    Ok(())
}

fn set_element(
    element: &mut Object,
    of: &Attribute,
    sub: Option<&Attribute>,
    op: Op,
    sent: Value,
    quirks: &mut Quirks,
) -> Result<(), Error> {
    if let Some(sub) = sub {
        let fitted = value::fit(sub, sent, quirks)?;
        put(element, &sub.name, Op::Replace, fitted);
        return Ok(());
    }
    let sent = match sent {
        Value::Array(mut all) if all.len() == 1 => {
            quirks.note(Quirk::ArrayForSingle);
            all.swap_remove(0)
        }
        other => other,
    };
    match value::fit_one(of, sent, quirks)? {
        Some(Value::Object(new)) if op == Op::Add => element.extend(new),
        Some(Value::Object(new)) => *element = new,
        // Replaced by nothing: what stays says nothing and is dropped.
        _ if op == Op::Replace => element.clear(),
        _ => {}
    }
    Ok(())
}

/// What the filter says of the element stays true of it, unless the operation says otherwise.
fn keep_terms(element: &mut Object, terms: &[(&Attribute, &Literal)]) {
    for (of, literal) in terms {
        if !element.contains_key(&*of.name) && of.name != "value" {
            element.extend(as_json(literal).map(|value| (of.name.clone().into_owned(), value)));
        }
    }
}

fn from_terms(terms: &[(&Attribute, &Literal)]) -> Object {
    terms.iter().filter_map(|(of, literal)| Some((of.name.clone().into_owned(), as_json(literal)?))).collect()
}

fn as_json(literal: &Literal) -> Option<Value> {
    match literal {
        Literal::Null => None,
        Literal::Boolean(value) => Some(Value::Bool(*value)),
        Literal::Number(number) => serde_json::Number::from_f64(*number).map(Value::Number),
        Literal::Text { sent, .. } => Some(Value::String(sent.clone())),
        Literal::Instant(at) => Some(Value::String(at.rfc3339())),
    }
}
