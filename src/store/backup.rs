//! A copy of the database while it is used, and the way back. A copy is one file, checked before it gets its name; the
//! master key is never part of it, so that a stolen backup opens nothing that is sealed.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::{OpenError, StoreError};
use super::migrate::{self, Migration};
use super::sqlite::Connection;
use super::{DATABASE, Store, lock, sync_folder};

/// Why a backup or a restore did not happen; what was there before is still there.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{} exists already. Name another file.", path.display())]
    Exists { path: PathBuf },
    #[error("{} cannot be read or written.", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("The database could not be copied to {}.", path.display())]
    Copy { path: PathBuf, source: StoreError },
    #[error("{} is not a whole backup of Doorward. Use another one.", path.display())]
    NotABackup { path: PathBuf, source: Option<StoreError> },
    #[error(transparent)]
    Folder(#[from] OpenError),
    #[error("the work on the backup panicked")]
    Panicked,
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub bytes: u64,
    pub schema: i64,
    /// Where a restore put the database that was there before.
    pub aside: Option<PathBuf>,
}

impl Store {
    /// Writes a checked copy of this moment to `path`, which must not exist. Writers go on meanwhile.
    pub async fn backup(&self, path: &Path) -> Result<Copied, BackupError> {
        let (store, path) = (self.clone(), path.to_owned());
        let work = move || back_up(&store.folder().join(DATABASE), &path, &store.inner.migrations);
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(BackupError::Panicked))
    }
}

fn back_up(database: &Path, path: &Path, known: &[Migration]) -> Result<Copied, BackupError> {
    if path.exists() {
        return Err(BackupError::Exists { path: path.to_owned() });
    }
    let failed = |source| BackupError::Copy { path: path.to_owned(), source };
    let connection = Connection::open_read_only(database).map_err(failed)?;
    write_copy(&connection, path).map_err(failed)?;
    let schema = verify(path, known)?;
    Ok(Copied { bytes: size(path)?, schema, aside: None })
}

/// Puts `backup` in the place of the database of `folder`, which no process may be using. The former database is kept
/// beside it. At every moment one of the two is whole in its place.
pub fn restore(backup: &Path, folder: &Path) -> Result<Copied, BackupError> {
    restore_with(backup, folder, &migrate::embedded()?)
}

fn restore_with(backup: &Path, folder: &Path, known: &[Migration]) -> Result<Copied, BackupError> {
    let _lock = lock(folder)?;
    let database = folder.join(DATABASE);
    let schema = verify(backup, known)?;
    let fresh = beside(&database, "restoring");
    let source = Connection::open_read_only(backup).map_err(|source| not_a_backup(backup, Some(source)))?;
    write_copy(&source, &fresh).map_err(|source| BackupError::Copy { path: fresh.clone(), source })?;
    verify(&fresh, known)?;
    let aside = if database.exists() { Some(set_aside(&database)?) } else { None };
    fs::rename(&fresh, &database).map_err(|source| file_error(&database, source))?;
    sync_folder(folder).map_err(|source| file_error(folder, source))?;
    Ok(Copied { bytes: size(&database)?, schema, aside })
}

/// The schema's version, when every page and index is whole and this program knows the schema.
fn verify(path: &Path, known: &[Migration]) -> Result<i64, BackupError> {
    let broken = |source| not_a_backup(path, Some(source));
    // Opening a file that is not there would say less.
    size(path)?;
    let connection = Connection::open_read_only(path).map_err(broken)?;
    connection.check().map_err(broken)?;
    match migrate::check(&connection, known)? {
        0 => Err(not_a_backup(path, None)),
        schema => Ok(schema),
    }
}

/// Writes to a name of its own, makes it durable, then gives it its name.
pub(super) fn write_copy(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let partial = beside(path, "partial");
    let written = write_partial(connection, path, &partial);
    if written.is_err() && partial.exists() {
        fs::remove_file(&partial).map_err(StoreError::failed)?;
    }
    written
}

fn write_partial(connection: &Connection, path: &Path, partial: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(partial).map_err(StoreError::failed)?;
    connection.copy_to(partial)?;
    file.sync_all().map_err(StoreError::failed)?;
    fs::rename(partial, path).map_err(StoreError::failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    sync_folder(folder.unwrap_or(Path::new("."))).map_err(StoreError::failed)
}

/// Gives the database a second name. Its log has to be gone before another database takes the place, or SQLite would
/// play it into that one.
fn set_aside(database: &Path) -> Result<PathBuf, BackupError> {
    let mut names = (1..).map(|n| database.with_file_name(format!("doorward-before-restore-{n}.db")));
    let aside = names.find(|name| !name.exists()).unwrap_or_else(|| beside(database, "aside"));
    let log = beside_log(database);
    let emptied = Connection::open(database).and_then(|connection| connection.checkpoint_all());
    if emptied.is_err() && log.exists() {
        // Too broken to be opened: the log goes along as it is.
        let target = beside_log(&aside);
        fs::rename(&log, &target).map_err(|source| file_error(&target, source))?;
    }
    fs::hard_link(database, &aside).map_err(|source| file_error(&aside, source))?;
    Ok(aside)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn beside_log(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn not_a_backup(path: &Path, source: Option<StoreError>) -> BackupError {
    BackupError::NotABackup { path: path.to_owned(), source }
}

fn file_error(path: &Path, source: io::Error) -> BackupError {
    BackupError::File { path: path.to_owned(), source }
}

fn size(path: &Path) -> Result<u64, BackupError> {
    Ok(fs::metadata(path).map_err(|source| file_error(path, source))?.len())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::tests::{TABLES, ids, insert, migrations, store};
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    fn known() -> Vec<Migration> {
        migrations(&[("0001_things.sql", TABLES)])
    }

    #[tokio::test]
    async fn a_backup_made_while_running_comes_back_and_what_was_there_is_kept_aside() {
        let (folder, store) = store();
        insert(&store, "before").await.unwrap();
        let copies = TempDir::new().unwrap();
        let file = copies.path().join("backup");
        let copied = store.backup(&file).await.unwrap();
        assert_eq!((copied.schema, copied.bytes, copied.aside), (1, fs::metadata(&file).unwrap().len(), None));
        assert_eq!(names(copies.path()), ["backup"]);
        insert(&store, "after").await.unwrap();

        assert!(matches!(
            restore_with(&file, folder.path(), &known()),
            Err(BackupError::Folder(OpenError::Locked { .. }))
        ));
        drop(store);
        let aside = restore_with(&file, folder.path(), &known()).unwrap().aside.unwrap();
        let store = Store::open_with(folder.path(), known()).unwrap();
        assert_eq!(ids(&store).await, ["before"]);

        let old = TempDir::new().unwrap();
        restore_with(&aside, old.path(), &known()).unwrap();
        let store = Store::open_with(old.path(), known()).unwrap();
        assert_eq!(ids(&store).await, ["after", "before"]);
    }

    #[tokio::test]
    async fn a_backup_never_writes_over_a_file() {
        let (folder, store) = store();
        let refused = store.backup(&folder.path().join(DATABASE)).await;
        assert!(matches!(refused, Err(BackupError::Exists { .. })));
    }

    #[tokio::test]
    async fn a_broken_a_foreign_and_a_newer_file_change_nothing() {
        let (folder, store) = store();
        for n in 0..200 {
            insert(&store, &format!("{n:0200}")).await.unwrap();
        }
        let copies = TempDir::new().unwrap();
        let (good, broken) = (copies.path().join("good"), copies.path().join("broken"));
        store.backup(&good).await.unwrap();
        drop(store);
        let before = names(folder.path());
        let mut bytes = fs::read(&good).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 4096].fill(0xa5);
        fs::write(&broken, &bytes).unwrap();
        assert!(matches!(
            restore_with(&broken, folder.path(), &known()),
            Err(BackupError::NotABackup { source: Some(_), .. })
        ));
        fs::write(&broken, b"something else entirely").unwrap();
        assert!(matches!(restore_with(&broken, folder.path(), &known()), Err(BackupError::NotABackup { .. })));
        let newer = restore_with(&good, folder.path(), &[]);
        assert!(matches!(newer, Err(BackupError::Folder(OpenError::Newer { found: 1, known: 0 }))));
        let missing = restore_with(&copies.path().join("missing"), folder.path(), &known());
        assert!(matches!(missing, Err(BackupError::File { .. })));
        assert_eq!(names(folder.path()), before);
        let store = Store::open_with(folder.path(), known()).unwrap();
        assert_eq!(ids(&store).await.len(), 200);
    }

    #[tokio::test]
    async fn a_backup_also_takes_the_place_of_a_database_that_no_longer_opens() {
        let (folder, store) = store();
        insert(&store, "kept").await.unwrap();
        let copies = TempDir::new().unwrap();
        let file = copies.path().join("backup");
        store.backup(&file).await.unwrap();
        drop(store);
        fs::write(folder.path().join(DATABASE), [0xa5; 8192]).unwrap();
        fs::write(folder.path().join("doorward.db-wal"), b"of the broken one").unwrap();
        restore_with(&file, folder.path(), &known()).unwrap();
        let store = Store::open_with(folder.path(), known()).unwrap();
        assert_eq!(ids(&store).await, ["kept"]);
    }
}
