//! API keys, and the answers kept for an Idempotency-Key.

use crate::model::api_key::ApiKey;
use crate::model::id::{ApiKeyId, OrganizationId};
use crate::model::page::{Page, Window};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, WriteTx};

const COLUMNS: &str = "id, organization_id, name, role, prefix, created_at, expires_at, last_used_at";

fn read(row: &Row<'_>) -> Result<ApiKey, StoreError> {
    let role: String = row.get("role")?;
    Ok(ApiKey {
        id: row.get("id")?,
        organization: row.get("organization_id")?,
        name: row.get("name")?,
        role: role.parse().map_err(|_| StoreError::damaged("role", &role))?,
        prefix: row.get("prefix")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        last_used_at: row.get("last_used_at")?,
    })
}

pub fn find_by_token(tx: &ReadTx<'_>, hash: &[u8; 32]) -> Result<Option<ApiKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE token_hash = ?1");
    tx.find(&sql, &[(*hash).into()], read)
}

pub fn find(tx: &ReadTx<'_>, organization: &OrganizationId, id: &ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE id = ?2 AND organization_id = ?1");
    tx.find(&sql, &[organization.into(), id.into()], read)
}

pub fn list(tx: &ReadTx<'_>, organization: &OrganizationId, window: &Window) -> Result<Page<ApiKey>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE organization_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
    let limit = i64::try_from(window.limit + 1).unwrap_or(i64::MAX);
    let params = [organization.into(), window.after.as_deref().unwrap_or("").into(), limit.into()];
    let rows = tx.list(&sql, &params, read)?;
    Ok(Page::cut(rows, window.limit, |key| key.id.to_string()))
}

pub fn insert(tx: &WriteTx<'_>, key: &ApiKey, hash: &[u8; 32], created_by: &str) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO api_keys (id, organization_id, name, role, prefix, token_hash, created_by, created_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        &[
            (&key.id).into(),
            (&key.organization).into(),
            (&key.name).into(),
            key.role.slug().into(),
            (&key.prefix).into(),
            (*hash).into(),
            created_by.into(),
            key.created_at.into(),
            key.expires_at.into(),
        ],
    )?;
    Ok(())
}

pub fn update_last_used(tx: &WriteTx<'_>, id: &ApiKeyId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute("UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1", &[id.into(), now.into()])?;
    Ok(())
}

pub fn delete(tx: &WriteTx<'_>, organization: &OrganizationId, id: &ApiKeyId) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM api_keys WHERE id = ?2 AND organization_id = ?1", &[organization.into(), id.into()])?
        > 0)
}

/// An answer that was given before to the same caller and key.
#[derive(Debug, Clone)]
pub struct KeptAnswer {
    pub request_hash: [u8; 32],
    pub status: u32,
    pub sealed: String,
}

pub fn find_answer(
    tx: &ReadTx<'_>,
    caller: &str,
    key: &str,
    since: Timestamp,
) -> Result<Option<KeptAnswer>, StoreError> {
    let sql = "SELECT request_hash, status, answer_sealed FROM idempotency_keys WHERE caller = ?1 AND key = ?2 AND created_at > ?3";
    tx.find(sql, &[caller.into(), key.into(), since.into()], |row| {
        Ok(KeptAnswer {
            request_hash: row.get("request_hash")?,
            status: row.get("status")?,
            sealed: row.get("answer_sealed")?,
        })
    })
}

/// Keeps an answer, in place of one that is too old to count.
pub fn insert_answer(
    tx: &WriteTx<'_>,
    caller: &str,
    key: &str,
    answer: &KeptAnswer,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO idempotency_keys (caller, key, request_hash, status, answer_sealed, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (caller, key) DO UPDATE SET request_hash = excluded.request_hash, status = excluded.status, \
         answer_sealed = excluded.answer_sealed, created_at = excluded.created_at",
        &[caller.into(), key.into(), answer.request_hash.into(), answer.status.into(), (&answer.sealed).into(), now.into()],
    )?;
    Ok(())
}

/// Answers from before then, at most so many.
pub fn delete_old_answers(tx: &WriteTx<'_>, before: Timestamp, most: u32) -> Result<usize, StoreError> {
    let sql = "DELETE FROM idempotency_keys WHERE (caller, key) IN \
               (SELECT caller, key FROM idempotency_keys WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)";
    tx.execute(sql, &[before.into(), most.into()])
}
