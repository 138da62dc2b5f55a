//! Brings the schema up to date: numbered SQL files, forward only, each in a transaction of its own. Whoever ran a file
//! once runs the same file everywhere: an edited or an unknown one is refused.

use std::fs;
use std::path::Path;

use rust_embed::RustEmbed;

use crate::crypto::token;
use crate::model::time::{Clock, SystemClock};

use super::error::{OpenError, StoreError};
use super::sqlite::Connection;
use super::tx::{ReadTx, Value};

#[derive(RustEmbed)]
#[folder = "migrations/sqlite"]
#[allow_missing = true]
struct Files;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Migration {
    pub version: i64,
    pub name: String,
    pub sql: String,
}

impl Migration {
    /// `name` is the file's: `0001_organizations.sql`.
    pub(super) fn new(name: &str, sql: &str) -> Option<Self> {
        let (digits, rest) = name.strip_suffix(".sql")?.split_once('_')?;
        let is_named = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()) && !rest.is_empty();
        let version = is_named.then(|| digits.parse().ok())??;
        Some(Self { version, name: name.to_owned(), sql: sql.to_owned() })
    }

    fn sha256(&self) -> [u8; 32] {
        token::hash(&self.sql)
    }
}

/// The files this program was built with, in their order.
pub(super) fn embedded() -> Result<Vec<Migration>, OpenError> {
    let mut found = Vec::new();
    for name in Files::iter().filter(|name| name.ends_with(".sql")) {
        let misnamed = || OpenError::Misnamed { name: name.to_string() };
        let file = Files::get(&name).ok_or_else(misnamed)?;
        let sql = std::str::from_utf8(&file.data).map_err(|_| misnamed())?;
        found.push(Migration::new(&name, sql).ok_or_else(misnamed)?);
    }
    found.sort_by_key(|migration| migration.version);
    match found.windows(2).find(|pair| pair[0].version == pair[1].version) {
        Some(pair) => Err(OpenError::Misnamed { name: pair[1].name.clone() }),
        None => Ok(found),
    }
}

/// The highest version applied, 0 in an empty database. Refuses what is newer than `known` or differs from it.
pub(super) fn check(connection: &Connection, known: &[Migration]) -> Result<i64, OpenError> {
    let mut highest = 0;
    for (version, name, sha256) in applied(connection).map_err(whole)? {
        match known.iter().find(|migration| migration.version == version) {
            Some(migration) if migration.sha256() != sha256 => return Err(OpenError::Edited { name }),
            Some(_) => highest = version,
            None => {
                let known = known.last().map_or(0, |migration| migration.version);
                return Err(OpenError::Newer { found: version, known });
            }
        }
    }
    Ok(highest)
}

/// Applies what is pending, after a copy of a database that already holds something.
pub(super) fn run(connection: &Connection, known: &[Migration], folder: &Path) -> Result<(), OpenError> {
    let highest = check(connection, known)?;
    let applied = applied(connection).map_err(whole)?;
    let is_pending = |migration: &&Migration| applied.iter().all(|(version, ..)| *version != migration.version);
    let pending: Vec<_> = known.iter().filter(is_pending).collect();
    let Some(first) = pending.first() else { return Ok(()) };
    if highest > 0 {
        snapshot(connection, &folder.join(format!("doorward-before-{:04}.db", first.version)))?;
    }
    let prepared = connection.batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations (
             version BIGINT PRIMARY KEY, name TEXT NOT NULL, sha256 BLOB NOT NULL, applied_at BIGINT NOT NULL);
         PRAGMA foreign_keys = OFF;",
    );
    prepared.map_err(whole)?;
    let outcome = pending.iter().try_for_each(|migration| apply(connection, migration));
    let restored = connection.batch("PRAGMA foreign_keys = ON;").map_err(whole);
    outcome.and(restored)
}

fn whole(source: StoreError) -> OpenError {
    OpenError::Migration { name: "schema_migrations".to_owned(), source }
}

fn applied(connection: &Connection) -> Result<Vec<(i64, String, [u8; 32])>, StoreError> {
    let tx = ReadTx::new(connection);
    if !tx.has("SELECT name FROM sqlite_schema WHERE name = 'schema_migrations'", &[])? {
        return Ok(Vec::new());
    }
    tx.list("SELECT version, name, sha256 FROM schema_migrations ORDER BY version", &[], |row| {
        Ok((row.get("version")?, row.get("name")?, row.get("sha256")?))
    })
}

fn snapshot(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::Snapshot { path: path.to_owned(), source };
    // The same version may have been tried before; the database has not changed since, or it would have been applied.
    if path.exists() {
        fs::remove_file(path).map_err(|error| failed(StoreError::failed(error)))?;
    }
    super::backup::write_copy(connection, path).map_err(failed)
}

fn apply(connection: &Connection, migration: &Migration) -> Result<(), OpenError> {
    let failed = |source| OpenError::Migration { name: migration.name.clone(), source };
    let outcome = apply_in_transaction(connection, migration);
    if outcome.is_err() && connection.is_in_transaction() {
        connection.batch("ROLLBACK").map_err(failed)?;
    }
    outcome.map_err(failed)
}

fn apply_in_transaction(connection: &Connection, migration: &Migration) -> Result<(), StoreError> {
    connection.batch("BEGIN IMMEDIATE")?;
    connection.batch(&migration.sql)?;
    // References are not enforced while tables are rebuilt; so they are checked before the commit.
    if ReadTx::new(connection).has("PRAGMA foreign_key_check", &[])? {
        return Err(StoreError::Referenced);
    }
    let row: [Value; 4] =
        [migration.version.into(), (&migration.name).into(), migration.sha256().into(), SystemClock.now().into()];
    connection
        .execute("INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES (?1, ?2, ?3, ?4)", &row)?;
    connection.batch("COMMIT")
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::tests::{TABLES, insert, migrations};
    use super::super::{Store, StoreError};
    use super::*;

    const FIRST: (&str, &str) = ("0001_things.sql", TABLES);
    const SECOND: (&str, &str) = ("0002_colour.sql", "ALTER TABLE things ADD COLUMN colour TEXT;");

    fn open(folder: &TempDir, files: &[(&str, &str)]) -> Result<Store, OpenError> {
        Store::open_with(folder.path(), migrations(files))
    }

    #[test]
    fn a_name_has_four_digits_and_a_word() {
        assert_eq!(Migration::new("0012_members.sql", "").map(|migration| migration.version), Some(12));
        for name in ["12_members.sql", "0012_.sql", "0012.sql", "0012_members.txt", "+012_members.sql"] {
            assert_eq!(Migration::new(name, ""), None, "{name}");
        }
    }

    #[test]
    fn the_files_of_this_program_are_well_named_and_apply_to_an_empty_folder() {
        let folder = TempDir::new().unwrap();
        Store::open(folder.path()).unwrap();
        Store::open(folder.path()).unwrap();
    }

    #[tokio::test]
    async fn only_what_is_pending_is_applied_after_a_copy() {
        let folder = TempDir::new().unwrap();
        let copy = folder.path().join("doorward-before-0002.db");
        let store = open(&folder, &[FIRST]).unwrap();
        insert(&store, "kept").await.unwrap();
        drop(store);
        open(&folder, &[FIRST]).unwrap();
        assert!(!copy.exists());
        let store = open(&folder, &[FIRST, SECOND]).unwrap();
        let colours =
            store.read(|tx| tx.list("SELECT colour FROM things", &[], |row| row.get::<Option<String>>("colour")));
        assert_eq!(colours.await.unwrap(), [None]);
        let copy = Connection::open_read_only(&copy).unwrap();
        assert!(ReadTx::new(&copy).has("SELECT id FROM things", &[]).unwrap());
        assert_eq!(check(&copy, &migrations(&[FIRST])).unwrap(), 1);
    }

    #[test]
    fn a_newer_and_an_edited_database_are_refused() {
        let folder = TempDir::new().unwrap();
        open(&folder, &[FIRST, SECOND]).unwrap();
        let newer = open(&folder, &[FIRST]).err().unwrap();
        assert!(newer.to_string().contains("newer Doorward (schema 2; this one knows 1)"), "{newer}");
        let edited = open(&folder, &[FIRST, ("0002_colour.sql", "SELECT 1;")]).err().unwrap();
        assert!(matches!(edited, OpenError::Edited { name } if name == "0002_colour.sql"));
    }

    #[tokio::test]
    async fn a_migration_that_fails_leaves_what_was_before_it() {
        let folder = TempDir::new().unwrap();
        let store = open(&folder, &[FIRST]).unwrap();
        insert(&store, "kept").await.unwrap();
        drop(store);
        let bad = ("0003_bad.sql", "DELETE FROM things; SELECT nonsense;");
        let failed = open(&folder, &[FIRST, SECOND, bad]).err().unwrap();
        assert!(matches!(failed, OpenError::Migration { name, .. } if name == "0003_bad.sql"));
        let orphan = ("0003_orphan.sql", "UPDATE things SET owner = 'nobody';");
        let failed = open(&folder, &[FIRST, SECOND, orphan]).err().unwrap();
        assert!(matches!(failed, OpenError::Migration { source: StoreError::Referenced, .. }));
        let store = open(&folder, &[FIRST, SECOND]).unwrap();
        assert_eq!(super::super::tests::ids(&store).await, ["kept"]);
    }
}
