//! The revisions of a connection's settings: each as it was saved, by whom, and who turned it on.

use crate::model::connection::{Revision, SamlSettings, SavedRevision};
use crate::model::id::{ConnectionId, RevisionId};
use crate::model::page::{Page, Window};
use crate::model::time::Timestamp;
use crate::store::connections::{read_settings, settings_text};
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, WriteTx};

pub fn insert(tx: &WriteTx<'_>, connection: &ConnectionId, revision: &Revision, by: &str) -> Result<(), StoreError> {
    let settings = settings_text(&revision.settings)?;
    tx.execute(
        "INSERT INTO connection_revisions (id, connection_id, settings, created_at, saved_at, saved_by) \
         VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
        &[(&revision.id).into(), connection.into(), settings.into(), revision.created_at.into(), by.into()],
    )?;
    Ok(())
}

/// Only for a draft: what has been active never changes.
pub fn update_draft(
    tx: &WriteTx<'_>,
    id: &RevisionId,
    settings: &SamlSettings,
    now: Timestamp,
    by: &str,
) -> Result<(), StoreError> {
    let settings = settings_text(settings)?;
    let sql = "UPDATE connection_revisions SET settings = ?2, saved_at = ?3, saved_by = ?4 WHERE id = ?1 \
               AND NOT EXISTS (SELECT 1 FROM connections c WHERE c.active_revision = ?1 OR c.former_revision = ?1)";
    tx.execute(sql, &[id.into(), settings.into(), now.into(), by.into()])?;
    Ok(())
}

pub fn update_activated(tx: &WriteTx<'_>, id: &RevisionId, now: Timestamp, by: &str) -> Result<(), StoreError> {
    let sql = "UPDATE connection_revisions SET activated_at = ?2, activated_by = ?3 WHERE id = ?1";
    tx.execute(sql, &[id.into(), now.into(), by.into()])?;
    Ok(())
}

pub fn delete(tx: &WriteTx<'_>, id: &RevisionId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM connection_revisions WHERE id = ?1", &[id.into()])?;
    Ok(())
}

const COLUMNS: &str = "id, settings, created_at, saved_at, saved_by, activated_at, activated_by";

fn read(row: &Row<'_>) -> Result<SavedRevision, StoreError> {
    Ok(SavedRevision {
        revision: Revision {
            id: row.get("id")?,
            settings: read_settings(row, "settings")?,
            created_at: row.get("created_at")?,
        },
        saved_at: row.get("saved_at")?,
        saved_by: row.get("saved_by")?,
        activated_at: row.get("activated_at")?,
        activated_by: row.get("activated_by")?,
    })
}

pub fn find(tx: &ReadTx<'_>, connection: &ConnectionId, id: &RevisionId) -> Result<Option<Revision>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM connection_revisions WHERE id = ?1 AND connection_id = ?2");
    Ok(tx.find(&sql, &[id.into(), connection.into()], read)?.map(|saved| saved.revision))
}

/// Newest first, each with the settings of the one before it.
pub fn list(
    tx: &ReadTx<'_>,
    connection: &ConnectionId,
    window: &Window,
) -> Result<Page<(SavedRevision, Option<SamlSettings>)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM connection_revisions WHERE connection_id = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3"
    );
    let limit = i64::try_from(window.limit + 1).unwrap_or(i64::MAX);
    let rows = tx.list(&sql, &[connection.into(), window.after.as_deref().into(), limit.into()], read)?;
    let before: Vec<_> = rows.iter().skip(1).map(|saved| Some(saved.revision.settings.clone())).chain([None]).collect();
    let rows = rows.into_iter().zip(before).collect();
    Ok(Page::cut(rows, window.limit, |(saved, _)| saved.revision.id.to_string()))
}

/// How many there are up to this one.
pub fn count_to(tx: &ReadTx<'_>, connection: &ConnectionId, id: &RevisionId) -> Result<u32, StoreError> {
    let sql = "SELECT count(*) AS n FROM connection_revisions WHERE connection_id = ?1 AND id <= ?2";
    Ok(tx.find(sql, &[connection.into(), id.into()], |row| row.get("n"))?.unwrap_or(0))
}
