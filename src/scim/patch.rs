//! PATCH of a user (RFC 7644 3.5.2): operations are read once, then applied to a document, all or none.

use serde_json::Value;
use serde_json::value::RawValue;

use super::document;
use super::document::Object;
use super::error::Error;
use super::error::excerpt;
use super::merge;
use super::path::AttributePath;
use super::path::Path;
use super::quirks::Quirk;
use super::quirks::Quirks;
use super::schema::ResourceType;
use super::schema::Schemas;
use super::user;
use super::wire;

/// More operations on one user than any identity provider sends.
pub const MAX_OPERATIONS: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Add,
    Replace,
    Remove,
}

impl Op {
    pub const ALL: [Self; 3] = [Self::Add, Self::Replace, Self::Remove];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Remove => "remove",
        }
    }
}

/// What a PATCH body asks of a user. Owns all it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    operations: Vec<Operation>,
}

#[derive(Debug, Clone, PartialEq)]
struct Operation {
    op: Op,
    path: Path,
    value: Option<Value>,
}

impl Patch {
    pub fn parse(body: &[u8], schemas: &Schemas, quirks: &mut Quirks) -> Result<Self, Error> {
        user::check_length(body)?;
        let sent = wire::operations(body, quirks)?;
        if sent.len() > MAX_OPERATIONS {
            return Err(Error::value(format!("A PATCH may hold {MAX_OPERATIONS} operations. Send several.")));
        }
        let mut operations = Vec::with_capacity(sent.len());
        for sent in sent {
            let path = match &sent.path {
                Some(path) => Path::parse(path, &schemas.user, quirks)?,
                None => Path::Resource,
            };
            let value = sent.value.map(value).transpose()?;
            check(sent.op, &path, value.as_ref(), quirks)?;
            operations.push(Operation { op: sent.op, path, value });
        }
        Ok(Self { operations })
    }

    /// The document afterwards. What it may not become is `user.rs`'s to say.
    pub(super) fn apply(&self, document: &Object, kind: &ResourceType, quirks: &mut Quirks) -> Result<Object, Error> {
        let mut changed = document.clone();
        for operation in &self.operations {
            operation.apply(&mut changed, kind, quirks)?;
        }
        document::tidy(&mut changed);
        Ok(changed)
    }
}

pub(super) fn value(raw: &RawValue) -> Result<Value, Error> {
    serde_json::from_str(raw.get()).map_err(|error| Error::syntax(format!("A value cannot be read: {error}.")))
}

/// What can be refused before any document is there.
fn check(op: Op, path: &Path, value: Option<&Value>, quirks: &mut Quirks) -> Result<(), Error> {
    let attribute = match path {
        Path::Attribute(path) | Path::Elements { path, .. } => Some(path),
        Path::Resource | Path::Extension(_) | Path::Password => None,
    };
    if let Some(path) = attribute {
        refuse_read_only(path)?;
        if op == Op::Remove && path.sub.is_none() && path.attribute.required {
            return Err(Error::mutability(format!("{path} is required and cannot be removed.")));
        }
    }
    match (op, path, value) {
        (Op::Remove, Path::Resource, _) => {
            Err(Error::no_target("A remove operation has to say in path what it removes."))
        }
        (Op::Add | Op::Replace, Path::Resource, Some(Value::Object(_))) => Ok(()),
        (Op::Add | Op::Replace, Path::Resource, Some(Value::Array(all))) if all.iter().all(Value::is_object) => {
            quirks.note(Quirk::PathlessArray);
            Ok(())
        }
        (Op::Add | Op::Replace, Path::Resource, _) => {
            Err(Error::value("An operation without path needs an object of attributes as its value."))
        }
        _ => Ok(()),
    }
}

/// RFC 7644 3.5.2: an explicit path to what only the server sets is an error.
pub(super) fn refuse_read_only(path: &AttributePath) -> Result<(), Error> {
    let is_read_only = path.attribute.is_read_only() || path.sub.as_ref().is_some_and(|sub| sub.is_read_only());
    if !is_read_only {
        return Ok(());
    }
    let why = match &*path.attribute.name {
        "groups" => "; change the members of the group",
        _ => "",
    };
    Err(Error::mutability(format!("{} is set by this server and cannot be changed{why}.", excerpt(&path.to_string()))))
}

impl Operation {
    fn apply(&self, document: &mut Object, kind: &ResourceType, quirks: &mut Quirks) -> Result<(), Error> {
        let value = || self.value.clone().unwrap_or(Value::Null);
        match (&self.path, self.op) {
            (Path::Password, _) => Ok(()),
            (Path::Attribute(path), _) if path.is("schemas", None) => Ok(()),
            (Path::Attribute(path), Op::Remove) => {
                document::remove(document, path, self.value.clone(), quirks);
                Ok(())
            }
            (Path::Attribute(path), op) => document::set(document, path, op, value(), quirks),
            (Path::Elements { path, filter }, Op::Remove) => {
                if self.value.is_some() {
                    quirks.note(Quirk::IgnoredRemoveValue);
                }
                document::remove_matching(document, path, filter);
                Ok(())
            }
            (Path::Elements { path, filter }, op) => {
                document::set_matching(document, path, filter, op, value(), quirks)
            }
            (Path::Extension(schema), Op::Remove) => {
                document.shift_remove(schema.urn.as_str());
                Ok(())
            }
            (Path::Extension(schema), op) => merge::extension(document, schema, op, value(), quirks),
            (Path::Resource, op) => {
                let bodies = match value() {
                    Value::Array(all) => all,
                    one => vec![one],
                };
                for body in bodies {
                    if let Value::Object(body) = body {
                        merge::resource(document, kind, op, body, quirks)?;
                    }
                }
                Ok(())
            }
        }
    }
}
