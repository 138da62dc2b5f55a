//! What a closure on the store sees: statements with our own values in and rows of our own values out.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::model::id::Id;
use crate::model::time::Timestamp;

use super::error::StoreError;
use super::sqlite::Connection;

/// One consistent picture of the database.
pub struct ReadTx<'a> {
    connection: &'a Connection,
}

impl<'a> ReadTx<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self { connection }
    }

    pub fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.connection.query(sql, params, usize::MAX)
    }

    /// The first row.
    pub fn query_one(&self, sql: &str, params: &[Value]) -> Result<Option<Row>, StoreError> {
        Ok(self.connection.query(sql, params, 1)?.pop())
    }
}

/// A job's part of the transaction that is being written. Reads see what the job wrote; `RETURNING` is a query.
pub struct WriteTx<'a>(ReadTx<'a>);

impl<'a> WriteTx<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self(ReadTx::new(connection))
    }

    /// How many rows were changed.
    pub fn execute(&self, sql: &str, params: &[Value]) -> Result<usize, StoreError> {
        self.connection.execute(sql, params)
    }
}

impl WriteTx<'_> {
    /// Gives the row of `key` these values, and counts its version. Only columns that differ are written: an index on a column
    /// that is named is taken apart and put together again, whatever its value.
    pub fn update_changed(
        &self,
        table: &str,
        key: (&str, Value),
        columns: &[(&'static str, Value)],
    ) -> Result<(), StoreError> {
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let (name, key) = key;
        let sql = format!("SELECT {} FROM {table} WHERE {name} = ?1", names.join(", "));
        let Some(row) = self.query_one(&sql, std::slice::from_ref(&key))? else { return Ok(()) };
        let (mut sets, mut params) = (String::new(), vec![key]);
        for ((name, value), before) in columns.iter().zip(&row.values) {
            if value != before {
                params.push(value.clone());
                sets.push_str(&format!("{name} = ?{}, ", params.len()));
            }
        }
        self.execute(&format!("UPDATE {table} SET {sets}version = version + 1 WHERE {name} = ?1"), &params)?;
        Ok(())
    }
}

impl<'a> Deref for WriteTx<'a> {
    type Target = ReadTx<'a>;

    fn deref(&self) -> &ReadTx<'a> {
        &self.0
    }
}

/// What a column holds and a placeholder takes: the types both engines have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Integer(_) => "a number",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
        }
    }
}

macro_rules! value_from {
    ($($type:ty => |$from:ident| $value:expr),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from($from: $type) -> Self {
                $value
            }
        }
    )+};
}

value_from! {
    &str => |text| Self::Text(text.to_owned()),
    String => |text| Self::Text(text),
    &String => |text| Self::Text(text.clone()),
    i64 => |number| Self::Integer(number),
    i32 => |number| Self::Integer(number.into()),
    u32 => |number| Self::Integer(number.into()),
    bool => |fact| Self::Integer(fact.into()),
    Timestamp => |time| Self::Integer(time.millis()),
    Vec<u8> => |bytes| Self::Blob(bytes),
    &[u8] => |bytes| Self::Blob(bytes.to_vec()),
    [u8; 32] => |bytes| Self::Blob(bytes.to_vec()),
    &[u8; 32] => |bytes| Self::Blob(bytes.to_vec()),
}

impl<T: Id> From<&T> for Value {
    fn from(id: &T) -> Self {
        Self::Text(id.as_str().to_owned())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row that was read; its columns have names.
#[derive(Clone)]
pub struct Row {
    pub(super) columns: Arc<[Box<str>]>,
    pub(super) values: Vec<Value>,
}

impl Row {
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T, StoreError> {
        let damaged = |reason| StoreError::Damaged { column: column.to_owned(), reason };
        let place = self.columns.iter().position(|name| &**name == column);
        let place = place.ok_or_else(|| damaged("the statement has no such column".to_owned()))?;
        T::from_value(&self.values[place]).map_err(damaged)
    }
}

impl fmt::Debug for Row {
    /// Names only: values may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Row").field(&self.columns).finish()
    }
}

pub trait FromValue: Sized {
    /// `Err` says what is wrong, without the value.
    fn from_value(value: &Value) -> Result<Self, String>;
}

fn unexpected<T>(wanted: &str, value: &Value) -> Result<T, String> {
    Err(format!("{wanted} expected, {} found", value.kind()))
}

impl FromValue for String {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Text(text) => Ok(text.clone()),
            other => unexpected("text", other),
        }
    }
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Integer(number) => Ok(*number),
            other => unexpected("a number", other),
        }
    }
}

impl FromValue for u32 {
    fn from_value(value: &Value) -> Result<Self, String> {
        Self::try_from(i64::from_value(value)?).map_err(|_| "the number is out of range".to_owned())
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Integer(0) => Ok(false),
            Value::Integer(1) => Ok(true),
            other => unexpected("0 or 1", other),
        }
    }
}

impl FromValue for Timestamp {
    fn from_value(value: &Value) -> Result<Self, String> {
        i64::from_value(value).map(Self::from_millis)
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Blob(bytes) => Ok(bytes.clone()),
            other => unexpected("bytes", other),
        }
    }
}

impl FromValue for [u8; 32] {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Blob(bytes) => bytes.as_slice().try_into().map_err(|_| format!("{} bytes, not 32", bytes.len())),
            other => unexpected("bytes", other),
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}

impl<T: Id> FromValue for T {
    fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Text(text) => text.parse().map_err(|error| format!("{error}")),
            other => unexpected("an id", other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{ConnectionId, MemberId};

    fn row(columns: &[&str], values: Vec<Value>) -> Row {
        Row { columns: columns.iter().map(|name| Box::from(*name)).collect(), values }
    }

    #[test]
    fn values_go_in_and_come_out_as_they_were() {
        let id = MemberId::new();
        let at = Timestamp::from_millis(1_795_327_200_123);
        let row = row(
            &["id", "at", "n", "on", "hash", "text", "none", "some"],
            vec![
                (&id).into(),
                at.into(),
                7_u32.into(),
                true.into(),
                [9_u8; 32].into(),
                "x".into(),
                None::<i64>.into(),
                Some("y").into(),
            ],
        );
        assert_eq!(row.get::<MemberId>("id").unwrap(), id);
        assert_eq!(row.get::<Timestamp>("at").unwrap(), at);
        assert_eq!(row.get::<u32>("n").unwrap(), 7);
        assert!(row.get::<bool>("on").unwrap());
        assert_eq!(row.get::<[u8; 32]>("hash").unwrap(), [9; 32]);
        assert_eq!(row.get::<String>("text").unwrap(), "x");
        assert_eq!(row.get::<Option<i64>>("none").unwrap(), None);
        assert_eq!(row.get::<Option<String>>("some").unwrap().as_deref(), Some("y"));
    }

    #[test]
    fn a_value_of_another_kind_and_a_missing_column_are_damage_with_the_column_named() {
        let row = row(&["id", "n"], vec![(&MemberId::new()).into(), (-1_i64).into()]);
        for (error, reason) in [
            (row.get::<ConnectionId>("id").unwrap_err(), "not an id that begins with `con_`"),
            (row.get::<i64>("id").unwrap_err(), "a number expected, text found"),
        ] {
            assert_eq!(error.to_string(), format!("column id holds what it cannot hold: {reason}"));
        }
        assert!(row.get::<u32>("n").is_err() && row.get::<bool>("n").is_err() && row.get::<i64>("m").is_err());
    }
}
