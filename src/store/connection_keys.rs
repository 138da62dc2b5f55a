//! Our own keys for connections.

use crate::model::id::ConnectionId;
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, WriteTx};

/// Our key for a connection; `sealed` is opened with the master key under `place`.
#[derive(Debug, Clone)]
pub struct SealedKey {
    pub id: String,
    pub sealed: String,
    pub certificate: Vec<u8>,
}

/// What the sealed key is bound to.
pub fn place(id: &str) -> String {
    format!("connection_keys|key_sealed|{id}")
}

/// The keys of a connection, the one that signs first.
pub fn list(tx: &ReadTx<'_>, connection: &ConnectionId) -> Result<Vec<SealedKey>, StoreError> {
    let sql = "SELECT id, key_sealed, certificate FROM connection_keys WHERE connection_id = ?1 ORDER BY state, id";
    tx.query(sql, &[connection.into()])?
        .iter()
        .map(|row| {
            Ok(SealedKey { id: row.get("id")?, sealed: row.get("key_sealed")?, certificate: row.get("certificate")? })
        })
        .collect()
}

pub fn insert(tx: &WriteTx<'_>, connection: &ConnectionId, key: &SealedKey, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO connection_keys (id, connection_id, state, key_sealed, certificate, created_at) VALUES (?1, ?2, 'active', ?3, ?4, ?5)",
        &[(&key.id).into(), connection.into(), (&key.sealed).into(), key.certificate.clone().into(), now.into()],
    )?;
    Ok(())
}
