use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

type Source = Arc<dyn Error + Send + Sync>;

/// Why a read or a write did not happen. Whatever the variant, nothing of that closure was kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error("the database is busy")]
    Busy,
    /// A unique constraint, as the engine names it: `members.organization_id, members.email_norm`.
    #[error("a value that has to be unique is taken: {0}")]
    Taken(String),
    #[error("a row refers to one that does not exist, or is still referred to")]
    Referenced,
    #[error("column {column} holds what it cannot hold: {reason}")]
    Damaged { column: String, reason: String },
    #[error("the store is closed")]
    Closed,
    #[error("the work on the database panicked")]
    Panicked,
    #[error("the database failed")]
    Failed(#[source] Source),
}

impl StoreError {
    pub(super) fn failed(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed(Arc::new(source))
    }

    pub(super) fn damaged(column: &str, reason: &str) -> Self {
        Self::Damaged { column: column.to_owned(), reason: reason.to_owned() }
    }

    /// Whether a unique constraint over this column (`members.email_norm`) or of this name refused the write.
    pub fn taken_by(&self, name: &str) -> bool {
        matches!(self, Self::Taken(constraint) if constraint.split(", ").any(|part| part == name))
    }
}

/// Why the store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "Another Doorward process uses the folder {}. Stop it, or name another folder with --data-dir.",
        folder.display()
    )]
    Locked { folder: PathBuf },
    #[error("The data folder {} cannot be used. Check that it exists and belongs to this user.", folder.display())]
    Folder { folder: PathBuf, source: std::io::Error },
    #[error(
        "The database was last used by a newer Doorward (schema {found}; this one knows {known}). \
         Install that version again, or restore the backup made before the update."
    )]
    Newer { found: i64, known: i64 },
    #[error(
        "Migration {name} differs from the one that was applied to this database. \
         Use the release that made the database, or a later one, unchanged."
    )]
    Edited { name: String },
    #[error("Migration {name} failed; the database is as it was before it.")]
    Migration { name: String, source: StoreError },
    #[error("Migration {name} is misnamed; files are called 0001_name.sql and each number exists once.")]
    Misnamed { name: String },
    #[error("The copy that is made before a migration failed: {}. Check the free space.", path.display())]
    Snapshot { path: PathBuf, source: StoreError },
    #[error("The database {} cannot be opened.", path.display())]
    Database { path: PathBuf, source: StoreError },
}
