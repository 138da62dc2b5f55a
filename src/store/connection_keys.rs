//! Our own keys for connections.

use crate::model::connection_key::{ConnectionKey, KeyState};
use crate::model::id::{ConnectionId, OrganizationId};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, WriteTx};

/// `sealed` is opened with the master key under `place`.
#[derive(Debug, Clone)]
pub struct SealedKey {
    pub id: String,
    pub sealed: String,
    pub key: ConnectionKey,
}

/// What the sealed key is bound to.
pub fn place(id: &str) -> String {
    format!("connection_keys|key_sealed|{id}")
}

fn read(row: &Row<'_>) -> Result<SealedKey, StoreError> {
    let state: String = row.get("state")?;
    Ok(SealedKey {
        id: row.get("id")?,
        sealed: row.get("key_sealed")?,
        key: ConnectionKey {
            state: KeyState::parse(&state).ok_or_else(|| StoreError::damaged("state", &state))?,
            sha256: row.get("sha256")?,
            not_before: row.get("not_before")?,
            not_after: row.get("not_after")?,
            certificate: row.get("certificate")?,
            created_at: row.get("created_at")?,
            changed_at: row.get("changed_at")?,
            last_opened_at: row.get("last_opened_at")?,
        },
    })
}

/// The keys of a connection: the one that signs, the next one, then the retired ones, the latest first.
pub fn list(tx: &ReadTx<'_>, connection: &ConnectionId) -> Result<Vec<SealedKey>, StoreError> {
    let sql = "SELECT id, state, key_sealed, certificate, sha256, not_before, not_after, created_at, changed_at, last_opened_at \
               FROM connection_keys WHERE connection_id = ?1 ORDER BY state, changed_at DESC, id";
    tx.list(sql, &[connection.into()], read)
}

pub fn insert(tx: &WriteTx<'_>, connection: &ConnectionId, made: &SealedKey) -> Result<(), StoreError> {
    let key = &made.key;
    tx.execute(
        "INSERT INTO connection_keys (id, connection_id, state, key_sealed, certificate, sha256, not_before, not_after, created_at, \
         changed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        &[
            (&made.id).into(),
            connection.into(),
            key.state.as_str().into(),
            (&made.sealed).into(),
            key.certificate.clone().into(),
            (&key.sha256).into(),
            key.not_before.into(),
            key.not_after.into(),
            key.created_at.into(),
            key.changed_at.into(),
        ],
    )?;
    Ok(())
}

pub fn update_state(
    tx: &WriteTx<'_>,
    connection: &ConnectionId,
    sha256: &str,
    state: KeyState,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE connection_keys SET state = ?3, changed_at = ?4 WHERE connection_id = ?1 AND sha256 = ?2";
    tx.execute(sql, &[connection.into(), sha256.into(), state.as_str().into(), now.into()])?;
    Ok(())
}

/// It opened an assertion.
pub fn update_opened(
    tx: &WriteTx<'_>,
    connection: &ConnectionId,
    sha256: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE connection_keys SET last_opened_at = ?3 WHERE connection_id = ?1 AND sha256 = ?2";
    tx.execute(sql, &[connection.into(), sha256.into(), now.into()])?;
    Ok(())
}

pub fn delete(tx: &WriteTx<'_>, connection: &ConnectionId, sha256: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM connection_keys WHERE connection_id = ?1 AND sha256 = ?2";
    tx.execute(sql, &[connection.into(), sha256.into()])?;
    Ok(())
}

/// When the key that signs for an active connection ends, and what was told of it.
#[derive(Debug, Clone)]
pub struct KeyEnd {
    pub id: String,
    pub connection: ConnectionId,
    pub organization: OrganizationId,
    pub name: String,
    pub end: Timestamp,
    pub told: Option<u32>,
}

pub fn list_ends(tx: &ReadTx<'_>, before: Timestamp) -> Result<Vec<KeyEnd>, StoreError> {
    let sql = "SELECT k.id, k.not_after, k.told_days, c.id AS connection_id, c.organization_id, c.name \
               FROM connection_keys k JOIN connections c ON c.id = k.connection_id \
               WHERE k.state = 'current' AND k.not_after <= ?1 AND c.status = 'active' AND c.deleted_at IS NULL ORDER BY k.id";
    let read = |row: &Row<'_>| -> Result<KeyEnd, StoreError> {
        Ok(KeyEnd {
            id: row.get("id")?,
            connection: row.get("connection_id")?,
            organization: row.get("organization_id")?,
            name: row.get("name")?,
            end: row.get("not_after")?,
            told: row.get("told_days")?,
        })
    };
    tx.list(sql, &[before.into()], read)
}

pub fn update_told(tx: &WriteTx<'_>, id: &str, days: u32) -> Result<(), StoreError> {
    tx.execute("UPDATE connection_keys SET told_days = ?2 WHERE id = ?1", &[id.into(), days.into()])?;
    Ok(())
}
