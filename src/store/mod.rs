//! What Doorward remembers, and the only folder with SQL. It opens the data folder, runs closures in transactions and
//! holds one file for each entity. It decides nothing: no rule, no clock of its own for data, no network.
//!
//! SQL stays in the subset that SQLite and PostgreSQL share: TEXT, BIGINT, BLOB; times in milliseconds; placeholders
//! `?1`, never `$1`; `ON CONFLICT`, `RETURNING`, keyset paging; no deferred constraints, which would spoil a whole
//! group commit. Closures are `Fn`: they may run again, so they move nothing out of what they captured.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub mod api_keys;
pub mod audit;
pub mod audit_search;
pub mod audit_views;
mod backup;
pub mod certificates;
pub mod connection_keys;
pub mod connections;
pub mod directories;
mod error;
mod generation;
pub mod groups;
pub mod losses;
pub mod mappings;
pub mod member_search;
pub mod member_texts;
pub mod members;
pub mod merge;
mod migrate;
pub mod organizations;
mod readers;
pub mod revisions;
pub mod roles;
pub mod runs;
pub mod scim_groups;
pub mod scim_requests;
pub mod scim_search;
pub mod scim_shown;
pub mod scim_users;
pub mod sealed;
pub mod session_search;
pub mod sessions;
pub mod sign_ins;
mod sqlite;
pub mod teams;
mod tx;
mod writer;

pub use backup::restore;
pub use error::{OpenError, StoreError};
pub use tx::{ReadTx, WriteTx};

use generation::Generation;
use migrate::Migration;
use readers::Readers;
use sqlite::Connection;
use writer::Writer;

const DATABASE: &str = "doorward.db";
const LOCK: &str = "doorward.lock";

/// An open data folder. Clones share it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    migrations: Vec<Migration>,
    readers: Readers,
    slow: Readers,
    writer: Writer,
    generation: Arc<Generation>,
}

impl Store {
    /// Takes the folder for this process, brings the schema up to date and starts the threads.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        Self::open_with(folder, migrate::embedded()?)
    }

    fn open_with(folder: &Path, migrations: Vec<Migration>) -> Result<Self, OpenError> {
        let lock = lock(folder)?;
        let path = folder.join(DATABASE);
        let failed = |source| OpenError::Database { path: path.clone(), source };
        let connection = Connection::open(&path).map_err(failed)?;
        migrate::run(&connection, &migrations, folder)?;
        let generation = Arc::clone(&connection.generation);
        let threads = thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4));
        let readers = Readers::start(&path, "store-reader", threads, &generation).map_err(failed)?;
        let slow = Readers::start(&path, "store-slow", 1, &generation).map_err(failed)?;
        let writer = Writer::start(&path, connection, lock, readers.idle()).map_err(failed)?;
        Ok(Self { inner: Arc::new(Inner { folder: folder.to_owned(), migrations, readers, slow, writer, generation }) })
    }

    /// Whether this folder holds a database.
    pub fn is_at(folder: &Path) -> bool {
        folder.join(DATABASE).exists()
    }

    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// Of what is kept in memory of directories and their tokens.
    pub fn generation(&self) -> u64 {
        self.inner.generation.now()
    }

    /// Runs `work` on one consistent picture of the database.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Fn(&ReadTx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.inner.readers.read(work).await
    }

    /// The same by the thread that asks, without a way to another and back: for a few rows that an index leads to, where that
    /// way would take longer than the read. It holds up what else the thread serves, so nothing that walks belongs here.
    pub fn read_here<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: Fn(&ReadTx<'_>) -> Result<T, E>,
    {
        self.inner.readers.read_here(work)
    }

    /// Ends what reads on threads of their own keep open while nobody reads, so that the log can be emptied from outside.
    pub fn rest(&self) {
        self.inner.readers.idle().let_go();
    }

    /// The same for what walks whole tables (a filter without an index, an export): one at a time, in nobody's way.
    pub async fn read_slowly<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Fn(&ReadTx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.inner.slow.read(work).await
    }

    /// Runs `work`; all it wrote is durable when this answers `Ok`, and undone when it answers `Err`.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: Fn(&WriteTx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.inner.writer.write(work).await
    }

    /// Whether a write would be taken within a second. Writes nothing unless the last write failed.
    pub async fn is_writable(&self) -> bool {
        let is_failing = self.inner.writer.is_failing();
        let probe = self.write(move |tx| -> Result<(), StoreError> {
            if is_failing {
                tx.execute("UPDATE schema_migrations SET applied_at = applied_at", &[])?;
            }
            Ok(())
        });
        tokio::time::timeout(Duration::from_secs(1), probe).await.is_ok_and(|probed| probed.is_ok())
    }

    /// Answers what was asked before, copies the log into the database and gives the folder free.
    pub async fn close(&self) {
        let inner = Arc::clone(&self.inner);
        if let Err(error) = tokio::task::spawn_blocking(move || inner.close()).await {
            tracing::error!(error = &error as &dyn std::error::Error, "The database did not close");
        }
    }
}

impl Inner {
    fn close(&self) {
        self.readers.close();
        self.slow.close();
        self.writer.close();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// Waits for a thread of the store, unless it is this one that drops the last `Store`.
fn join(thread: JoinHandle<()>) {
    if thread.thread().id() != thread::current().id() && thread.join().is_err() {
        tracing::error!("A thread of the store panicked");
    }
}

/// Makes the folder if need be and takes it; the lock ends with the file.
fn lock(folder: &Path) -> Result<File, OpenError> {
    let unusable = |source: io::Error| OpenError::Folder { folder: folder.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(folder.join(LOCK)).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// Makes a rename or a new file in `folder` outlast a power cut.
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    pub(super) const TABLES: &str = "
        CREATE TABLE owners (id TEXT PRIMARY KEY);
        CREATE TABLE things (
            id TEXT PRIMARY KEY, n BIGINT NOT NULL, name TEXT UNIQUE,
            owner TEXT REFERENCES owners (id) ON DELETE RESTRICT);";

    pub(super) fn migrations(files: &[(&str, &str)]) -> Vec<Migration> {
        files.iter().map(|(name, sql)| Migration::new(name, sql).unwrap()).collect()
    }

    /// A store with the two tables above in a folder that goes away.
    pub(super) fn store() -> (TempDir, Store) {
        let folder = TempDir::new().unwrap();
        let store = Store::open_with(folder.path(), migrations(&[("0001_things.sql", TABLES)])).unwrap();
        (folder, store)
    }

    pub(super) async fn insert(store: &Store, id: &str) -> Result<usize, StoreError> {
        let id = id.to_owned();
        store.write(move |tx| tx.execute("INSERT INTO things (id, n) VALUES (?1, 1)", &[(&id).into()])).await
    }

    pub(super) async fn ids(store: &Store) -> Vec<String> {
        let ids = store.read(|tx| tx.list("SELECT id FROM things ORDER BY id", &[], |row| row.get("id")));
        ids.await.unwrap()
    }

    #[tokio::test]
    async fn a_second_process_on_the_folder_is_refused_until_the_first_has_closed() {
        let (folder, store) = store();
        let refused = Store::open_with(folder.path(), Vec::new()).err().unwrap();
        assert!(refused.to_string().contains("Another Doorward process uses the folder"), "{refused}");
        store.close().await;
        assert!(matches!(insert(&store, "late").await, Err(StoreError::Closed)));
        assert!(matches!(store.read(|_| Ok::<_, StoreError>(())).await, Err(StoreError::Closed)));
        Store::open_with(folder.path(), migrations(&[("0001_things.sql", TABLES)])).unwrap();
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_the_next_start_and_the_log_is_gone() {
        let (folder, store) = store();
        insert(&store, "kept").await.unwrap();
        assert!(store.is_writable().await);
        drop(store);
        assert!(!folder.path().join("doorward.db-wal").exists());
        let store = Store::open_with(folder.path(), migrations(&[("0001_things.sql", TABLES)])).unwrap();
        assert_eq!(ids(&store).await, ["kept"]);
    }

    #[tokio::test]
    async fn files_are_readable_by_their_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, store) = store();
        insert(&store, "secret").await.unwrap();
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", entry.path().display());
        }
    }

    #[tokio::test]
    async fn placeholders_go_by_number_whatever_their_order() {
        let (_folder, store) = store();
        insert(&store, "a").await.unwrap();
        let changed = store.write(|tx| tx.execute("UPDATE things SET n = ?2 WHERE id = ?1", &["a".into(), 42.into()]));
        assert_eq!(changed.await.unwrap(), 1);
        let n = store.write(|tx| {
            tx.find("UPDATE things SET n = n + 1 WHERE id = ?1 RETURNING n", &["a".into()], |row| row.get::<i64>("n"))
        });
        assert_eq!(n.await.unwrap(), Some(43));
        let few = store.read(|tx| tx.has("SELECT id FROM things WHERE id = ?1 AND n = ?2", &["a".into()])).await;
        assert!(matches!(few, Err(StoreError::Failed(_))));
    }

    #[tokio::test]
    async fn constraints_are_told_by_name() {
        let (_folder, store) = store();
        let name = |id: &'static str, name: &'static str, owner: Option<&'static str>| {
            let params: [tx::Value; 3] = [id.into(), name.into(), owner.into()];
            let sql = "INSERT INTO things (id, n, name, owner) VALUES (?1, 1, ?2, ?3)";
            store.write(move |tx| tx.execute(sql, &params))
        };
        name("a", "x", None).await.unwrap();
        let taken = name("b", "x", None).await.unwrap_err();
        assert!(taken.taken_by("things.name") && !taken.taken_by("things.id"), "{taken}");
        assert!(name("a", "y", None).await.unwrap_err().taken_by("things.id"));
        assert!(matches!(name("c", "z", Some("nobody")).await, Err(StoreError::Referenced)));
        let own = store.write(|tx| tx.execute("INSERT INTO owners (id) VALUES ('o')", &[])).await;
        own.unwrap();
        name("c", "z", Some("o")).await.unwrap();
        let deleted = store.write(|tx| tx.execute("DELETE FROM owners WHERE id = 'o'", &[])).await;
        assert!(matches!(deleted, Err(StoreError::Referenced)));
        // A constraint is also checked when the answer is read with RETURNING.
        let returned =
            store.write(|tx| tx.has("INSERT INTO things (id, n, owner) VALUES ('d', 1, '?') RETURNING id", &[]));
        assert!(matches!(returned.await, Err(StoreError::Referenced)));
    }
}
