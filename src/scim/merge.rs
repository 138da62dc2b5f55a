//! A whole body meets a document: that of POST and PUT, and the value of a PATCH operation without a path. Every key is
//! a path (trap 4), and what is not known here is ignored (trap 7).

use serde_json::Value;

use super::document;
use super::document::Object;
use super::error::Error;
use super::patch::Op;
use super::path;
use super::path::AttributePath;
use super::path::Path;
use super::quirks::Quirk;
use super::quirks::Quirks;
use super::schema::ResourceType;
use super::schema::Schema;

pub(super) fn resource(
    document: &mut Object,
    kind: &ResourceType,
    op: Op,
    body: Object,
    quirks: &mut Quirks,
) -> Result<(), Error> {
    for (key, value) in body {
        match target(&key, kind, quirks) {
            Some(path) => one(document, kind, op, path, value, quirks)?,
            None => quirks.note(if path::is_urn(&key) { Quirk::UnknownSchema } else { Quirk::UnknownAttribute }),
        }
    }
    Ok(())
}

/// What a key of a body stands for; `None` if nothing here.
pub(super) fn target(key: &str, kind: &ResourceType, quirks: &mut Quirks) -> Option<Path> {
    if let Some(found) = kind.find(key) {
        if found.extension.is_some() {
            quirks.note(Quirk::ExtensionWithoutUrn);
        }
        let path = AttributePath { extension: found.extension.cloned(), attribute: found.attribute.clone(), sub: None };
        return Some(Path::Attribute(path));
    }
    let path = Path::parse(key, kind, quirks).ok()?;
    if matches!(path, Path::Attribute(_) | Path::Elements { .. }) {
        quirks.note(Quirk::PathAsKey);
    }
    Some(path)
}

fn one(
    document: &mut Object,
    kind: &ResourceType,
    op: Op,
    path: Path,
    value: Value,
    quirks: &mut Quirks,
) -> Result<(), Error> {
    match path {
        Path::Resource => match value {
            Value::Object(inner) => resource(document, kind, op, inner, quirks),
            _ => Ok(()),
        },
        Path::Extension(schema) => extension(document, &schema, op, value, quirks),
        Path::Attribute(path) => match () {
            () if path.is("schemas", None) => Ok(()),
            () if path.attribute.is_read_only() => {
                quirks.note(Quirk::ReadOnlyInPatch);
                Ok(())
            }
            () => {
                if path.attribute.multi_valued && path.sub.is_none() && !value.is_array() && !value.is_null() {
                    quirks.note(Quirk::SingleForArray);
                }
                document::set(document, &path, op, value, quirks)
            }
        },
        Path::Elements { path, .. } if path.attribute.is_read_only() => Ok(()),
        Path::Elements { path, filter } => document::set_matching(document, &path, &filter, op, value, quirks),
        Path::Password => Ok(()),
    }
}

/// The object of an extension: what it names is set, the rest stays. Null takes the extension away.
pub(super) fn extension(
    document: &mut Object,
    schema: &std::sync::Arc<Schema>,
    op: Op,
    value: Value,
    quirks: &mut Quirks,
) -> Result<(), Error> {
    let sent = match value {
        Value::Object(sent) => sent,
        Value::Null if op == Op::Replace => {
            document.shift_remove(schema.urn.as_str());
            return Ok(());
        }
        Value::Null => return Ok(()),
        _ => return Err(Error::value(format!("{} has to be an object.", schema.urn))),
    };
    for (key, value) in sent {
        let (name, sub) = key.split_once('.').map_or((key.as_str(), None), |(name, sub)| (name, Some(sub)));
        let found = schema.find(name).map(|attribute| (attribute, sub.map(|sub| attribute.sub(sub))));
        match found {
            Some((attribute, None)) => {
                let path = AttributePath { extension: Some(schema.clone()), attribute: attribute.clone(), sub: None };
                document::set(document, &path, op, value, quirks)?;
            }
            Some((attribute, Some(Some(sub)))) => {
                quirks.note(Quirk::PathAsKey);
                let path = AttributePath {
                    extension: Some(schema.clone()),
                    attribute: attribute.clone(),
                    sub: Some(sub.clone()),
                };
                document::set(document, &path, op, value, quirks)?;
            }
            Some((_, Some(None))) | None => quirks.note(Quirk::UnknownAttribute),
        }
    }
    Ok(())
}

/// What `schemas` of a body says about it.
pub(super) fn note_schemas(body: &Object, kind: &ResourceType, quirks: &mut Quirks) {
    let Some((_, schemas)) = body.iter().find(|(name, _)| name.eq_ignore_ascii_case("schemas")) else {
        quirks.note(Quirk::SchemasMissing);
        return;
    };
    let listed: Vec<&str> = schemas.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let is_listed = |urn: &str| listed.iter().any(|listed| listed.eq_ignore_ascii_case(urn));
    if body.keys().any(|key| kind.extension(key).is_some() && !is_listed(key)) {
        quirks.note(Quirk::SchemaNotListed);
    }
    if listed.iter().any(|urn| !urn.eq_ignore_ascii_case(&kind.core.urn) && kind.extension(urn).is_none()) {
        quirks.note(Quirk::UnknownSchema);
    }
}
