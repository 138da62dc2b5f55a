//! A directory's own extension schemas of User, as an admin describes them: the representation of RFC 7643 7, simple
//! types only.

use std::sync::Arc;

use serde_json::Value;

use super::attributes::of_type;
use super::error::Error;
use super::error::excerpt;
use super::schema::Attribute;
use super::schema::Schema;
use super::schema::Type;

pub const MAX_ATTRIBUTES: usize = 100;
const MAX_URN: usize = 200;

impl Schema {
    /// Reads `{"id": "urn:…", "name": …, "attributes": [{"name": …, "type": "string", "multiValued": false}]}`.
    pub fn parse(definition: &Value) -> Result<Self, Error> {
        let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let urn = text(definition, "id");
        let is_urn = urn.len() <= MAX_URN
            && urn.split(':').count() >= 3
            && urn.starts_with("urn:")
            && urn.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":._-".contains(&byte))
            && urn.split(':').all(|part| !part.is_empty());
        if !is_urn {
            return Err(Error::value(format!(
                "`{}` is no URN for a schema. Use one such as urn:ietf:params:scim:schemas:extension:acme:2.0:User.",
                excerpt(&urn)
            )));
        }
        let sent = definition.get("attributes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if sent.is_empty() || sent.len() > MAX_ATTRIBUTES {
            return Err(Error::value(format!("A schema has 1 to {MAX_ATTRIBUTES} attributes.")));
        }
        let name = text(definition, "name");
        let mut schema = Self {
            name: if name.is_empty() { urn.clone() } else { name },
            description: text(definition, "description"),
            urn,
            attributes: Vec::with_capacity(sent.len()),
        };
        for sent in sent {
            let attribute = attribute(text(sent, "name"), text(sent, "type"), text(sent, "description"), sent)?;
            if schema.find(&attribute.name).is_some() {
                return Err(Error::value(format!("The attribute {} is there twice.", attribute.name)));
            }
            schema.attributes.push(Arc::new(attribute));
        }
        Ok(schema)
    }
}

fn attribute(name: String, kind: String, description: String, sent: &Value) -> Result<Attribute, Error> {
    // RFC 7643 2.1: a letter, then letters, digits, hyphens and underscores.
    let is_name = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if !is_name {
        return Err(Error::value(format!("`{}` is no name for an attribute. Use letters and digits.", excerpt(&name))));
    }
    let kind = if kind.is_empty() { "string" } else { kind.as_str() };
    let known = Type::ALL.into_iter().filter(|known| *known != Type::Complex).find(|known| known.as_str() == kind);
    let Some(kind) = known else {
        return Err(Error::value(format!(
            "{name} has the type `{}`. Use string, boolean or another simple one.",
            excerpt(kind)
        )));
    };
    let flag = |name: &str| sent.get(name).and_then(Value::as_bool);
    let plain = of_type(kind, name, description);
    Ok(Attribute {
        multi_valued: flag("multiValued").unwrap_or(false),
        case_exact: flag("caseExact").unwrap_or(plain.case_exact),
        ..plain
    })
}
