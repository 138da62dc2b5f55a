//! JSON as it was sent, read strictly: a field that nobody knows, that stands twice or holds something else is told with
//! its place, all of them at once. Nothing is guessed.

use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::DeserializeOwned;
use serde::de::Error as _;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::Map;
use serde_json::Value;

use crate::web::error::Failure;
use crate::web::error::Fault;

/// More faults than anybody mends at once.
const MOST_FAULTS: usize = 20;
/// Of a list, so many items are looked at for a fault.
const MOST_ITEMS: usize = 1000;

/// Reads a body. An empty one is an object without fields.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let value = if bytes.trim_ascii().is_empty() {
        Value::Object(Map::new())
    } else {
        let broken = |error| Failure::Unreadable(format!("The body is not JSON that can be read: {error}."));
        serde_json::from_slice::<Sent>(bytes).map_err(broken)?.0
    };
    if !value.is_object() {
        return Err(Failure::Faults(vec![Fault::new("", "type", "Send one JSON object.")]));
    }
    parse(&value)
}

/// Reads a body that is a list of objects.
pub fn read_list<T: DeserializeOwned>(bytes: &[u8]) -> Result<Vec<T>, Failure> {
    let broken = |error| Failure::Unreadable(format!("The body is not JSON that can be read: {error}."));
    let value = serde_json::from_slice::<Sent>(bytes).map_err(broken)?.0;
    // A struct would read a list as its fields in their order, and nobody means that.
    if !value.as_array().is_some_and(|items| items.iter().all(Value::is_object)) {
        return Err(Failure::Faults(vec![Fault::new("", "type", "Send a JSON list of objects; `[]` for none.")]));
    }
    parse(&value)
}

fn parse<T: DeserializeOwned>(value: &Value) -> Result<T, Failure> {
    T::deserialize(value).map_err(|error| {
        let mut faults = Vec::new();
        probe::<T>(&|part| part, value, "", &mut faults);
        if faults.is_empty() {
            faults.push(Fault::new("", "type", words(&error.to_string())));
        }
        Failure::Faults(faults)
    })
}

/// A field that a merge patch can take away: left out, null, or there (RFC 7396).
pub fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

/// The same for an object within the object: serde alone would take a list in its place.
pub fn nullable_object<'de, T: DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    match Value::deserialize(from)? {
        Value::Null => Ok(Some(None)),
        value @ Value::Object(_) => T::deserialize(value).map(|read| Some(Some(read))).map_err(D::Error::custom),
        _ => Err(D::Error::custom("expected an object")),
    }
}

/// Finds the places that cannot stand: each part is read alone, within the objects and lists around it.
fn probe<T: DeserializeOwned>(within: &dyn Fn(Value) -> Value, value: &Value, pointer: &str, faults: &mut Vec<Fault>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let within = |part| within(Value::Object([(name.clone(), part)].into_iter().collect()));
                let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                probe_part::<T>(&within, value, &pointer, name, faults);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate().take(MOST_ITEMS) {
                let within = |part| within(Value::Array(vec![part]));
                probe_part::<T>(&within, value, &format!("{pointer}/{place}"), "", faults);
            }
        }
        _ => {}
    }
}

fn probe_part<T: DeserializeOwned>(
    within: &dyn Fn(Value) -> Value,
    value: &Value,
    pointer: &str,
    name: &str,
    faults: &mut Vec<Fault>,
) {
    if faults.len() >= MOST_FAULTS {
        return;
    }
    let Err(error) = T::deserialize(within(value.clone())) else { return };
    let (text, before) = (error.to_string(), faults.len());
    let is_unknown = text.starts_with(&format!("unknown field `{name}`"));
    // An object or list that may stand here empty is wrong further in.
    let emptied = match value {
        Value::Object(_) => Some(Value::Object(Map::new())),
        Value::Array(_) => Some(Value::Array(Vec::new())),
        _ => None,
    };
    if emptied.is_some_and(|empty| T::deserialize(within(empty)).is_ok()) {
        probe::<T>(within, value, pointer, faults);
    }
    if faults.len() == before {
        let code = if is_unknown { "unknown_field" } else { "type" };
        faults.push(Fault::new(pointer, code, words(&text)));
    }
}

/// What serde says, as a sentence, and not longer than one.
fn words(text: &str) -> String {
    let text: String = text.chars().take(300).collect();
    let wrong = text.strip_prefix("invalid type: ").or_else(|| text.strip_prefix("invalid value: "));
    if let Some((found, expected)) = wrong.and_then(|rest| rest.rsplit_once(", expected ")) {
        let found = if found == "map" { "an object" } else { found };
        return format!("Expected {expected}, found {found}.");
    }
    if text.starts_with("unknown field") {
        let known = text.split_once(", expected ").map_or("", |(_, known)| known);
        let known = if known.is_empty() { "none is taken".to_owned() } else { format!("known: {known}") };
        return format!("There is no such field here; {known}.");
    }
    if text.starts_with("unknown variant")
        && let Some((_, known)) = text.split_once(", expected ")
    {
        return format!("Use {known}.");
    }
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// A value as it stands in the body; unlike serde_json's own it refuses a field that stands twice.
struct Sent(Value);

impl<'de> Deserialize<'de> for Sent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(SentVisitor).map(Self)
    }
}

struct SentVisitor;

impl<'de> Visitor<'de> for SentVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(Sent(item)) = items.next_element()? {
            read.push(item);
        }
        Ok(Value::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if read.contains_key(&name) {
                let name: String = name.chars().take(60).collect();
                return Err(A::Error::custom(format!("the field `{name}` stands twice")));
            }
            let Sent(value) = fields.next_value()?;
            read.insert(name, value);
        }
        Ok(Value::Object(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Inner {
        a: Option<String>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Outer {
        name: Option<String>,
        on: Option<bool>,
        list: Vec<String>,
        #[serde(deserialize_with = "nullable_object")]
        inner: Option<Option<Inner>>,
        #[serde(deserialize_with = "nullable")]
        title: Option<Option<String>>,
    }

    fn pointers(body: &str) -> Vec<String> {
        match read::<Outer>(body.as_bytes()) {
            Err(Failure::Faults(faults)) => faults.into_iter().map(|fault| fault.pointer).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_fault_is_told_at_its_place() {
        let body = r#"{"name": 5, "on": "yes", "list": ["a", 1], "inner": {"a": 1, "b/c": 2}, "x~y": {"z": 1}}"#;
        assert_eq!(pointers(body), ["/name", "/on", "/list/1", "/inner/a", "/inner/b~1c", "/x~0y"]);
        assert_eq!(pointers(r#"{"inner": ["a"]}"#), ["/inner"]);
        assert_eq!(pointers("[]"), [""]);
    }

    #[test]
    fn left_out_null_and_there_are_three_things() {
        let read = |body: &str| super::read::<Outer>(body.as_bytes()).unwrap();
        assert_eq!(read("").title, None);
        assert_eq!(read(r#"{"title": null}"#).title, Some(None));
        assert_eq!(read(r#"{"title": "x"}"#).title, Some(Some("x".into())));
        assert!(read(r#"{"inner": {"a": "x"}}"#).inner.unwrap().unwrap().a.is_some());
        assert!(read(r#"{"name": "n", "on": true, "list": []}"#).name.is_some());
    }

    #[test]
    fn what_is_no_json_is_told_with_its_line() {
        for body in ["{", "{\"a\": 1e999}", "{\"name\": \"a\",\n\"name\": \"b\"}", "\u{0}", "{\"name\": \"\\ud800\"}"] {
            let Err(Failure::Unreadable(text)) = read::<Outer>(body.as_bytes()) else { panic!("{body}") };
            assert!(text.contains("line "), "{text}");
        }
        assert!(matches!(read::<Outer>(&[b'['; 200_000]), Err(Failure::Unreadable(_))));
    }
}
