//! What a closure on the store sees: statements with our own values in and rows of our own values out.

use std::ops::Deref;

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

    /// Shows each row while the statement stands on it.
    pub fn each<F>(&self, sql: &str, params: &[Value], show: F) -> Result<(), StoreError>
    where
        F: FnMut(&Row<'_>) -> Result<(), StoreError>,
    {
        self.connection.each(sql, params, usize::MAX, show)
    }

    /// Whether what was kept in this generation is still true here. What is read afterwards may be of a moment later.
    pub fn is_of(&self, generation: u64) -> bool {
        self.connection.generation.is(generation)
    }

    /// Whether there is a row.
    pub fn has(&self, sql: &str, params: &[Value]) -> Result<bool, StoreError> {
        Ok(self.find(sql, params, |_| Ok(()))?.is_some())
    }

    /// What `read` makes of each row.
    pub fn list<T, F>(&self, sql: &str, params: &[Value], mut read: F) -> Result<Vec<T>, StoreError>
    where
        F: FnMut(&Row<'_>) -> Result<T, StoreError>,
    {
        let mut found = Vec::new();
        self.connection.each(sql, params, usize::MAX, |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// The same of the first row.
    pub fn find<T, F>(&self, sql: &str, params: &[Value], mut read: F) -> Result<Option<T>, StoreError>
    where
        F: FnMut(&Row<'_>) -> Result<T, StoreError>,
    {
        let mut found = None;
        self.connection.each(sql, params, 1, |row| {
            found = Some(read(row)?);
            Ok(())
        })?;
        Ok(found)
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
    /// Nothing that is kept in memory of directories and their tokens is true any more.
    pub(super) fn begin_generation(&self) {
        self.0.connection.generation.change();
    }

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
        let differs = |row: &Row<'_>| {
            columns
                .iter()
                .map(|(name, value)| Ok(row.cell(name)? != Cell::from(value)))
                .collect::<Result<Vec<bool>, StoreError>>()
        };
        let Some(differ) = self.find(&sql, std::slice::from_ref(&key), differs)? else { return Ok(()) };
        let (mut sets, mut params) = (String::new(), vec![key]);
        for ((name, value), differs) in columns.iter().zip(differ) {
            if differs {
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

/// What stands in a column of a row that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl Cell<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Integer(_) => "a number",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
        }
    }
}

impl<'a> From<&'a Value> for Cell<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Integer(*number),
            Value::Text(text) => Self::Text(text),
            Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

/// Where a row stands while it is read: with the engine.
pub(super) trait Columns {
    fn place(&self, column: &'static str) -> Option<usize>;
    fn cell(&self, place: usize) -> Result<Cell<'_>, String>;
}

/// A row that is being read; its columns have names.
pub struct Row<'a>(&'a dyn Columns);

impl<'a> Row<'a> {
    pub(super) fn new(columns: &'a dyn Columns) -> Self {
        Self(columns)
    }

    pub fn get<T: FromCell>(&self, column: &'static str) -> Result<T, StoreError> {
        T::from_cell(self.cell(column)?).map_err(|reason| damaged(column, reason))
    }

    /// A text where it stands.
    pub fn text(&self, column: &'static str) -> Result<&str, StoreError> {
        match self.cell(column)? {
            Cell::Text(text) => Ok(text),
            other => unexpected("text", other).map_err(|reason| damaged(column, reason)),
        }
    }

    fn cell(&self, column: &'static str) -> Result<Cell<'_>, StoreError> {
        let missing = || damaged(column, "the statement has no such column".to_owned());
        let place = self.0.place(column).ok_or_else(missing)?;
        self.0.cell(place).map_err(|reason| damaged(column, reason))
    }
}

fn damaged(column: &str, reason: String) -> StoreError {
    StoreError::Damaged { column: column.to_owned(), reason }
}

pub trait FromCell: Sized {
    /// `Err` says what is wrong, without the value.
    fn from_cell(cell: Cell<'_>) -> Result<Self, String>;
}

fn unexpected<T>(wanted: &str, cell: Cell<'_>) -> Result<T, String> {
    Err(format!("{wanted} expected, {} found", cell.kind()))
}

impl FromCell for String {
    fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
        match cell {
            Cell::Text(text) => Ok(text.to_owned()),
            other => unexpected("text", other),
        }
    }
}

impl FromCell for i64 {
    fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
        match cell {
            Cell::Integer(number) => Ok(number),
            other => unexpected("a number", other),
        }
    }
}

impl FromCell for u32 {
    fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
        Self::try_from(i64::from_cell(cell)?).map_err(|_| "the number is out of range".to_owned())
    }
}

impl FromCell for bool {
    fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
        match cell {
            Cell::Integer(0) => Ok(false),
            Cell::Integer(1) => Ok(true),
            other => unexpected("0 or 1", other),
        }
    }
}

impl FromCell for Timestamp {
    fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
        i64::from_cell(cell).map(Self::from_millis)
    }
}

impl FromCell for Vec<u8> {
    fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
        match cell {
            Cell::Blob(bytes) => Ok(bytes.to_vec()),
            other => unexpected("bytes", other),
        }
    }
}

impl FromCell for [u8; 32] {
    fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
        match cell {
            Cell::Blob(bytes) => bytes.try_into().map_err(|_| format!("{} bytes, not 32", bytes.len())),
            other => unexpected("bytes", other),
        }
    }
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
        match cell {
            Cell::Null => Ok(None),
            other => T::from_cell(other).map(Some),
        }
    }
}

impl<T: Id> FromCell for T {
    fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
        match cell {
            Cell::Text(text) => text.parse().map_err(|error| format!("{error}")),
            other => unexpected("an id", other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{ConnectionId, MemberId};

    struct Kept<'a>(&'a [&'a str], Vec<Value>);

    impl Columns for Kept<'_> {
        fn place(&self, column: &'static str) -> Option<usize> {
            self.0.iter().position(|name| *name == column)
        }

        fn cell(&self, place: usize) -> Result<Cell<'_>, String> {
            Ok(Cell::from(&self.1[place]))
        }
    }

    #[test]
    fn values_go_in_and_come_out_as_they_were() {
        let id = MemberId::new();
        let at = Timestamp::from_millis(1_795_327_200_123);
        let kept = Kept(
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
        let row = Row::new(&kept);
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
        let kept = Kept(&["id", "n"], vec![(&MemberId::new()).into(), (-1_i64).into()]);
        let row = Row::new(&kept);
        for (error, reason) in [
            (row.get::<ConnectionId>("id").unwrap_err(), "not an id that begins with `con_`"),
            (row.get::<i64>("id").unwrap_err(), "a number expected, text found"),
        ] {
            assert_eq!(error.to_string(), format!("column id holds what it cannot hold: {reason}"));
        }
        assert!(row.get::<u32>("n").is_err() && row.get::<bool>("n").is_err() && row.get::<i64>("m").is_err());
    }
}
