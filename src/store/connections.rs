//! Connections and their revisions.

use crate::model::connection::{Connection, MetadataProblem, Revision, SamlSettings, Status};
use crate::model::id::{ConnectionId, OrganizationId, RevisionId};
use crate::model::metadata::SeenMetadata;
use crate::model::page::{Page, Window};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::revisions;
use crate::store::tx::{ReadTx, Row, WriteTx};

const COLUMNS: &str = "c.id, c.organization_id, c.name, c.provider, c.status, c.entity_id, c.acs_url, c.former_revision, c.created_at, \
     c.activated_at, c.metadata_read_at, c.metadata_tried_at, c.metadata_problem_code, c.metadata_problem, c.metadata_seen, \
     c.logout_confirmed_at, c.logout_confirmed_url, c.version, \
     a.id AS active_id, a.settings AS active_settings, a.created_at AS active_created_at, \
     d.id AS draft_id, d.settings AS draft_settings, d.created_at AS draft_created_at";
const TABLES: &str = "connections c LEFT JOIN connection_revisions a ON a.id = c.active_revision \
     LEFT JOIN connection_revisions d ON d.id = c.draft_revision";

fn read(row: &Row<'_>) -> Result<Connection, StoreError> {
    let status: String = row.get("status")?;
    let problem = row.get::<Option<String>>("metadata_problem_code")?.zip(row.get("metadata_problem")?);
    Ok(Connection {
        id: row.get("id")?,
        organization: row.get("organization_id")?,
        name: row.get("name")?,
        provider: row.get("provider")?,
        status: Status::parse(&status).ok_or_else(|| StoreError::damaged("status", &status))?,
        entity_id: row.get("entity_id")?,
        acs_url: row.get("acs_url")?,
        active: read_revision(row, ["active_id", "active_settings", "active_created_at"])?,
        draft: read_revision(row, ["draft_id", "draft_settings", "draft_created_at"])?,
        former: row.get("former_revision")?,
        created_at: row.get("created_at")?,
        activated_at: row.get("activated_at")?,
        metadata_read_at: row.get("metadata_read_at")?,
        metadata_tried_at: row.get("metadata_tried_at")?,
        metadata_seen: read_seen(row)?,
        logout_confirmed: row.get::<Option<String>>("logout_confirmed_url")?.zip(row.get("logout_confirmed_at")?),
        metadata_problem: problem.map(|(code, text)| MetadataProblem { code, text }),
        version: row.get("version")?,
    })
}

/// From the columns that hold its id, settings and time.
fn read_revision(row: &Row<'_>, [id, settings, created_at]: [&'static str; 3]) -> Result<Option<Revision>, StoreError> {
    let Some(id) = row.get::<Option<RevisionId>>(id)? else { return Ok(None) };
    Ok(Some(Revision { id, settings: read_settings(row, settings)?, created_at: row.get(created_at)? }))
}

pub(super) fn read_settings(row: &Row<'_>, column: &'static str) -> Result<SamlSettings, StoreError> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| StoreError::damaged(column, &error.to_string()))
}

fn read_seen(row: &Row<'_>) -> Result<Option<SeenMetadata>, StoreError> {
    let text: Option<String> = row.get("metadata_seen")?;
    let read = |text: String| {
        serde_json::from_str(&text).map_err(|error| StoreError::damaged("metadata_seen", &error.to_string()))
    };
    text.map(read).transpose()
}

fn seen_text(seen: Option<&SeenMetadata>) -> Result<Option<String>, StoreError> {
    let text =
        |seen| serde_json::to_string(seen).map_err(|error| StoreError::damaged("metadata_seen", &error.to_string()));
    seen.map(text).transpose()
}

pub(super) fn settings_text(settings: &SamlSettings) -> Result<String, StoreError> {
    serde_json::to_string(settings).map_err(|error| StoreError::damaged("settings", &error.to_string()))
}

/// By id alone: the URL of a sign-in names the connection, and the connection its organization.
pub fn find_anywhere(tx: &ReadTx<'_>, id: &ConnectionId) -> Result<Option<Connection>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE c.id = ?1 AND c.deleted_at IS NULL");
    tx.find(&sql, &[id.into()], read)
}

/// The same with those that were deleted, whose rows stay for their log.
pub fn find_ever(tx: &ReadTx<'_>, id: &ConnectionId) -> Result<Option<Connection>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE c.id = ?1");
    tx.find(&sql, &[id.into()], read)
}

/// The revision that people sign in under, and how often the connection was changed until now.
pub fn find_live(tx: &ReadTx<'_>, id: &ConnectionId) -> Result<Option<(RevisionId, i64)>, StoreError> {
    let sql = "SELECT active_revision, changes FROM connections \
               WHERE id = ?1 AND status = 'active' AND active_revision IS NOT NULL AND deleted_at IS NULL";
    tx.find(sql, &[id.into()], |row| Ok((row.get("active_revision")?, row.get("changes")?)))
}

pub fn count_changes(tx: &ReadTx<'_>, id: &ConnectionId) -> Result<i64, StoreError> {
    Ok(tx.find("SELECT changes FROM connections WHERE id = ?1", &[id.into()], |row| row.get("changes"))?.unwrap_or(0))
}

/// Whatever a sign-in goes by was changed: settings, certificates, keys, mappings.
pub fn note_change(tx: &WriteTx<'_>, id: &ConnectionId) -> Result<(), StoreError> {
    tx.execute("UPDATE connections SET changes = changes + 1 WHERE id = ?1", &[id.into()])?;
    Ok(())
}

pub fn find(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    id: &ConnectionId,
) -> Result<Option<Connection>, StoreError> {
    Ok(find_anywhere(tx, id)?.filter(|connection| connection.organization == *organization))
}

pub fn list(tx: &ReadTx<'_>, organization: &OrganizationId, window: &Window) -> Result<Page<Connection>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE c.organization_id = ?1 AND c.deleted_at IS NULL AND c.id > ?2 ORDER BY c.id LIMIT ?3"
    );
    let limit = i64::try_from(window.limit + 1).unwrap_or(i64::MAX);
    let params = [organization.into(), window.after.as_deref().unwrap_or("").into(), limit.into()];
    let rows = tx.list(&sql, &params, read)?;
    Ok(Page::cut(rows, window.limit, |connection| connection.id.to_string()))
}

/// `by` saved its draft.
/// The connection of an organization that has one alone.
pub fn find_only(tx: &ReadTx<'_>, organization: &OrganizationId) -> Result<Option<ConnectionId>, StoreError> {
    let sql = "SELECT id FROM connections WHERE organization_id = ?1 AND deleted_at IS NULL ORDER BY id LIMIT 2";
    let mut found = tx.list(sql, &[organization.into()], |row| row.get("id"))?;
    Ok(if found.len() == 1 { found.pop() } else { None })
}

pub fn insert(tx: &WriteTx<'_>, connection: &Connection, by: &str) -> Result<(), StoreError> {
    let problem = connection.metadata_problem.as_ref();
    tx.execute(
        "INSERT INTO connections (id, organization_id, kind, name, provider, status, entity_id, acs_url, active_revision, draft_revision, \
         created_at, metadata_read_at, metadata_tried_at, metadata_problem_code, metadata_problem, metadata_seen, version) \
         VALUES (?1, ?2, 'saml', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 1)",
        &[
            (&connection.id).into(),
            (&connection.organization).into(),
            (&connection.name).into(),
            (&connection.provider).into(),
            connection.status.as_str().into(),
            (&connection.entity_id).into(),
            (&connection.acs_url).into(),
            connection.active.as_ref().map(|revision| revision.id.as_str()).into(),
            connection.draft.as_ref().map(|revision| revision.id.as_str()).into(),
            connection.created_at.into(),
            connection.metadata_read_at.into(),
            connection.metadata_tried_at.into(),
            problem.map(|problem| problem.code.as_str()).into(),
            problem.map(|problem| problem.text.as_str()).into(),
            seen_text(connection.metadata_seen.as_ref())?.into(),
        ],
    )?;
    for revision in [&connection.active, &connection.draft].into_iter().flatten() {
        revisions::insert(tx, &connection.id, revision, by)?;
    }
    Ok(())
}

/// Name, provider, status and which revision is which; true unless somebody else changed it since it was read.
pub fn update(tx: &WriteTx<'_>, connection: &Connection) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE connections SET name = ?3, provider = ?4, status = ?5, active_revision = ?6, draft_revision = ?7, former_revision = ?8, \
         activated_at = ?9, version = version + 1 WHERE id = ?1 AND version = ?2",
        &[
            (&connection.id).into(),
            connection.version.into(),
            (&connection.name).into(),
            (&connection.provider).into(),
            connection.status.as_str().into(),
            connection.active.as_ref().map(|revision| revision.id.as_str()).into(),
            connection.draft.as_ref().map(|revision| revision.id.as_str()).into(),
            connection.former.as_ref().map(|id| id.as_str()).into(),
            connection.activated_at.into(),
        ],
    )?;
    Ok(changed > 0)
}

/// `seen` where it could be used. No edit of the settings: the version stays.
pub fn update_metadata_read(
    tx: &WriteTx<'_>,
    id: &ConnectionId,
    now: Timestamp,
    problem: Option<&MetadataProblem>,
    seen: Option<&SeenMetadata>,
) -> Result<(), StoreError> {
    let (code, text) = (problem.map(|problem| problem.code.as_str()), problem.map(|problem| problem.text.as_str()));
    let sql = "UPDATE connections SET metadata_tried_at = ?2, metadata_problem_code = ?3, metadata_problem = ?4, \
               metadata_read_at = CASE WHEN ?4 IS NULL THEN ?2 ELSE metadata_read_at END, \
               metadata_seen = coalesce(?5, metadata_seen) WHERE id = ?1";
    tx.execute(sql, &[id.into(), now.into(), code.into(), text.into(), seen_text(seen)?.into()])?;
    Ok(())
}

/// The provider confirmed a sign-out at this URL. No edit of the settings: the version stays.
pub fn update_logout_confirmed(
    tx: &WriteTx<'_>,
    id: &ConnectionId,
    url: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE connections SET logout_confirmed_url = ?2, logout_confirmed_at = ?3 WHERE id = ?1";
    tx.execute(sql, &[id.into(), url.into(), now.into()])?;
    Ok(())
}

/// Active connections whose metadata link is to be read by now.
pub fn list_to_refresh(tx: &ReadTx<'_>, now: Timestamp) -> Result<Vec<Connection>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE c.status = 'active' AND c.deleted_at IS NULL \
         AND (c.metadata_tried_at IS NULL OR c.metadata_tried_at < ?1) ORDER BY c.id"
    );
    let all = tx.list(&sql, &[now.into()], read)?;
    Ok(all.into_iter().filter(|connection| connection.next_refresh().is_some_and(|at| at <= now)).collect())
}

/// When the last trusted certificate of an active connection ends, and what was told of it.
#[derive(Debug, Clone)]
pub struct LastEnd {
    pub connection: ConnectionId,
    pub organization: OrganizationId,
    pub name: String,
    pub end: Timestamp,
    pub told: Option<(Timestamp, u32)>,
}

pub fn list_last_ends(tx: &ReadTx<'_>) -> Result<Vec<LastEnd>, StoreError> {
    let sql = "SELECT c.id, c.organization_id, c.name, c.told_end, c.told_days, max(k.not_after) AS ends \
               FROM connections c JOIN connection_certificates k ON k.connection_id = c.id AND k.is_live = 1 \
               WHERE c.status = 'active' AND c.deleted_at IS NULL \
               GROUP BY c.id, c.organization_id, c.name, c.told_end, c.told_days ORDER BY c.id";
    let read = |row: &Row<'_>| -> Result<LastEnd, StoreError> {
        Ok(LastEnd {
            connection: row.get("id")?,
            organization: row.get("organization_id")?,
            name: row.get("name")?,
            end: row.get("ends")?,
            told: row.get::<Option<Timestamp>>("told_end")?.zip(row.get("told_days")?),
        })
    };
    tx.list(sql, &[], read)
}

/// No edit of the settings: the version stays.
pub fn update_told(tx: &WriteTx<'_>, id: &ConnectionId, end: Timestamp, days: u32) -> Result<(), StoreError> {
    let sql = "UPDATE connections SET told_end = ?2, told_days = ?3 WHERE id = ?1";
    tx.execute(sql, &[id.into(), end.into(), days.into()])?;
    Ok(())
}

/// Sign-ins are refused from now on; the row stays for its log. What hangs on it in numbers goes in steps.
pub fn delete(tx: &WriteTx<'_>, id: &ConnectionId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute("DELETE FROM connection_certificates WHERE connection_id = ?1", &[id.into()])?;
    tx.execute("DELETE FROM removed_certificates WHERE connection_id = ?1", &[id.into()])?;
    tx.execute("DELETE FROM connection_keys WHERE connection_id = ?1", &[id.into()])?;
    tx.execute(
        "UPDATE connections SET deleted_at = ?2, status = 'disabled', version = version + 1 WHERE id = ?1",
        &[id.into(), now.into()],
    )?;
    Ok(())
}

/// Those that have been turned on, in every organization; or this one, whatever it is.
pub fn list_used(
    tx: &ReadTx<'_>,
    only: Option<&ConnectionId>,
) -> Result<Vec<(ConnectionId, OrganizationId)>, StoreError> {
    let sql = "SELECT id, organization_id FROM connections WHERE deleted_at IS NULL \
               AND (id = ?1 OR (?1 IS NULL AND status <> 'draft')) ORDER BY id";
    tx.list(sql, &[only.map(ConnectionId::as_str).into()], |row| Ok((row.get("id")?, row.get("organization_id")?)))
}

pub fn count_active(tx: &ReadTx<'_>, organization: &OrganizationId) -> Result<u32, StoreError> {
    let sql =
        "SELECT count(*) AS n FROM connections WHERE organization_id = ?1 AND status = 'active' AND deleted_at IS NULL";
    Ok(tx.find(sql, &[organization.into()], |row| row.get("n"))?.unwrap_or(0))
}
