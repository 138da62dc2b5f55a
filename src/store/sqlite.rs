//! The only file that names rusqlite: one connection, its statements and columns, its errors in our words.

use std::cell::{self, RefCell};
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::ffi;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::wal::CheckpointMode;
use rusqlite::{CachedStatement, ErrorCode, OpenFlags};

use super::error::StoreError;
use super::generation::Generation;
use super::tx::{Cell, Columns, Row, Value};

/// Statements that stay prepared on a connection.
const STATEMENTS: usize = 256;
/// For whoever else reads the file, such as Litestream; Doorward itself never waits for a lock.
const BUSY: Duration = Duration::from_secs(5);
/// What a burst leaves of the log's file once it is recycled.
const LOG_BYTES: u32 = 64 << 20;

/// Pages that the writer keeps at most. Eight times SQLite's own: what every sign-in touches then stays at hand.
const CACHE_KIB: u32 = 16 << 10;

pub(super) struct Connection {
    inner: rusqlite::Connection,
    log_pages: Arc<AtomicU32>,
    pub(super) generation: Arc<Generation>,
}

impl Connection {
    /// Makes the file if it is not there, readable by this user alone.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        // Only where there is none: whoever closes a file that SQLite has open takes every lock of this process on it away
        // (POSIX), and then the next reader outside takes itself for the last one and deletes the log under our feet.
        match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(StoreError::failed(error)),
            _ => {}
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Self::with_flags(path, flags)?;
        connection.batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA journal_size_limit = {LOG_BYTES}; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -{CACHE_KIB};"
        ))?;
        // The hook takes the place of SQLite's own checkpoint, which would run inside a commit.
        let pages = Arc::clone(&connection.log_pages);
        let hook = move |_: &mut rusqlite::hooks::Wal, n: i32| {
            pages.store(n.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        };
        connection.inner.wal_hook(Some(hook)).map_err(failure)?;
        Ok(connection)
    }

    pub(super) fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Self::with_flags(path, flags)?;
        connection.batch("PRAGMA query_only = ON; PRAGMA temp_store = MEMORY;")?;
        Ok(connection)
    }

    fn with_flags(path: &Path, flags: OpenFlags) -> Result<Self, StoreError> {
        let inner = rusqlite::Connection::open_with_flags(path, flags).map_err(failure)?;
        inner.busy_timeout(BUSY).map_err(failure)?;
        // Or SQLite plans a statement anew each time another value is bound, at ten times the cost of running it.
        inner.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failure)?;
        inner.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Self { inner, log_pages: Arc::default(), generation: Arc::default() })
    }

    /// Shows each row while the statement stands on it.
    pub(super) fn each<F>(&self, sql: &str, params: &[Value], most: usize, mut show: F) -> Result<(), StoreError>
    where
        F: FnMut(&Row<'_>) -> Result<(), StoreError>,
    {
        let mut statement = self.bound(sql, params)?;
        let asked = RefCell::default();
        walk(&mut statement, most, |row| show(&Row::new(&Standing { row, asked: &asked, next: cell::Cell::new(0) })))
    }

    pub(super) fn execute(&self, sql: &str, params: &[Value]) -> Result<usize, StoreError> {
        self.bound(sql, params)?.raw_execute().map_err(failure)
    }

    /// Several statements without parameters.
    pub(super) fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.inner.execute_batch(sql).map_err(failure)
    }

    /// Rows that were written since the connection was opened, also those that were rolled back.
    pub(super) fn changes(&self) -> u64 {
        self.inner.total_changes()
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        !self.inner.is_autocommit()
    }

    /// Pages in the write-ahead log after the last commit of this connection.
    pub(super) fn log_pages(&self) -> u32 {
        self.log_pages.load(Ordering::Relaxed)
    }

    /// Copies what the log holds into the database, as far as nobody has to wait for it.
    pub(super) fn checkpoint(&self) -> Result<(), StoreError> {
        self.inner.wal_checkpoint_v2(None::<&str>, CheckpointMode::PASSIVE).map_err(failure).map(drop)
    }

    /// The same, waiting for readers, and empties the log.
    pub(super) fn checkpoint_all(&self) -> Result<(), StoreError> {
        self.inner.wal_checkpoint_v2(None::<&str>, CheckpointMode::TRUNCATE).map_err(failure).map(drop)
    }

    /// Copies everything to `target`, a picture of one moment; writers go on.
    pub(super) fn copy_to(&self, target: &Path) -> Result<(), StoreError> {
        let mut copy = Self::with_flags(target, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        {
            let backup = rusqlite::backup::Backup::new(&self.inner, &mut copy.inner).map_err(failure)?;
            backup.run_to_completion(i32::MAX, Duration::from_millis(50), None).map_err(failure)?;
        }
        // One file that can be carried about: without a write-ahead log beside it.
        copy.batch("PRAGMA journal_mode = DELETE;")
    }

    /// Reads every page and every index.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let mut verdict = "nothing".to_owned();
        self.each("PRAGMA integrity_check(1)", &[], 1, |row| {
            verdict = row.get("integrity_check")?;
            Ok(())
        })?;
        if verdict == "ok" {
            return Ok(());
        }
        Err(StoreError::Damaged { column: "integrity_check".to_owned(), reason: verdict })
    }

    fn bound(&self, sql: &str, params: &[Value]) -> Result<CachedStatement<'_>, StoreError> {
        let mut statement = self.inner.prepare_cached(sql).map_err(failure)?;
        let wanted = statement.parameter_count();
        if wanted != params.len() {
            return Err(failure(rusqlite::Error::InvalidParameterCount(params.len(), wanted)));
        }
        for (n, param) in params.iter().enumerate() {
            statement.raw_bind_parameter(n + 1, parameter(param)).map_err(failure)?;
        }
        Ok(statement)
    }
}

fn parameter(value: &Value) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match value {
        Value::Null => ValueRef::Null,
        Value::Integer(number) => ValueRef::Integer(*number),
        Value::Text(text) => ValueRef::Text(text.as_bytes()),
        Value::Blob(bytes) => ValueRef::Blob(bytes),
    })
}

/// A row where the statement stands.
struct Standing<'a> {
    row: &'a rusqlite::Row<'a>,
    /// What was asked of the rows before, in its order, and where it stands: each row is mostly asked the same.
    asked: &'a RefCell<Vec<(&'static str, usize)>>,
    next: cell::Cell<usize>,
}

impl Columns for Standing<'_> {
    fn place(&self, column: &'static str) -> Option<usize> {
        let next = self.next.replace(self.next.get() + 1);
        let mut asked = self.asked.borrow_mut();
        if let Some((name, place)) = asked.get(next)
            && ptr::eq(*name, column)
        {
            return Some(*place);
        }
        let statement = self.row.as_ref();
        let place = (0..statement.column_count()).find(|n| statement.column_name(*n) == Ok(column))?;
        if next == asked.len() {
            asked.push((column, place));
        }
        Some(place)
    }

    fn cell(&self, place: usize) -> Result<Cell<'_>, String> {
        cell(self.row, place)
    }
}

fn cell<'a>(row: &'a rusqlite::Row<'_>, place: usize) -> Result<Cell<'a>, String> {
    Ok(match row.get_ref(place).map_err(|error| error.to_string())? {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Text(text) => Cell::Text(std::str::from_utf8(text).map_err(|_| "the text is not UTF-8")?),
        ValueRef::Blob(bytes) => Cell::Blob(bytes),
        ValueRef::Real(_) => return Err("a fraction; no column holds any".to_owned()),
    })
}

/// The first `most` rows.
fn walk<F>(statement: &mut CachedStatement<'_>, most: usize, mut show: F) -> Result<(), StoreError>
where
    F: FnMut(&rusqlite::Row<'_>) -> Result<(), StoreError>,
{
    let writes = !statement.readonly();
    let (mut shown, mut rows) = (0, statement.raw_query());
    while let Some(row) = rows.next().map_err(failure)? {
        if shown < most {
            show(row)?;
            shown += 1;
        }
        // A statement that writes checks its constraints at its end, so it is always walked to there.
        if shown >= most && !writes {
            break;
        }
    }
    Ok(())
}

fn failure(error: rusqlite::Error) -> StoreError {
    let rusqlite::Error::SqliteFailure(code, message) = &error else {
        return StoreError::failed(error);
    };
    let message = message.as_deref().unwrap_or_default();
    match (code.code, code.extended_code) {
        (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID) => {
            // "UNIQUE constraint failed: members.email_norm", or "…: index 'members_email'" over an expression.
            let name = message.split_once(": ").map_or(message, |(_, name)| name);
            let index = name.strip_prefix("index '").and_then(|rest| rest.strip_suffix('\''));
            StoreError::Taken(index.unwrap_or(name).to_owned())
        }
        (_, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => StoreError::Referenced,
        // ON DELETE RESTRICT is a trigger to SQLite.
        (_, ffi::SQLITE_CONSTRAINT_TRIGGER) if message.starts_with("FOREIGN KEY") => StoreError::Referenced,
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => StoreError::Busy,
        _ => StoreError::failed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_prepared_once_whatever_is_bound() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(&folder.path().join("a.db")).unwrap();
        connection
            .batch("CREATE TABLE a (id TEXT PRIMARY KEY, b BIGINT, c BIGINT); CREATE INDEX a_b ON a (b, c) WHERE b IS NOT NULL")
            .unwrap();
        let sql = "SELECT c FROM a WHERE b = ?1 AND c > ?2 AND (?3 IS NULL OR id = ?3)";
        for n in 0..5_i64 {
            connection.each(sql, &[n.into(), 1.into(), Some("x").into()], 1, |_| Ok(())).unwrap();
        }
        let statement = connection.inner.prepare_cached(sql).unwrap();
        assert_eq!(statement.get_status(rusqlite::StatementStatus::RePrepare), 0);
    }
}
