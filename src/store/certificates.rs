//! The certificates that connections trust, and those that an admin removed.

use crate::model::connection::TrustedCertificate;
use crate::model::id::ConnectionId;
use crate::model::rollover::RemovedCertificate;
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, WriteTx};

const COLUMNS: &str = "sha256, sha1, subject, key, key_sha256, providers, not_before, not_after, der, source, added_by, added_at, \
                       is_live, first_used_at, last_used_at";

fn read(row: &Row<'_>) -> Result<TrustedCertificate, StoreError> {
    Ok(TrustedCertificate {
        sha256: row.get("sha256")?,
        sha1: row.get("sha1")?,
        subject: row.get("subject")?,
        key: row.get("key")?,
        key_sha256: row.get("key_sha256")?,
        providers: read_providers(row)?,
        not_before: row.get("not_before")?,
        not_after: row.get("not_after")?,
        der: row.get("der")?,
        source: row.get("source")?,
        added_by: row.get("added_by")?,
        added_at: row.get("added_at")?,
        is_live: row.get("is_live")?,
        first_used_at: row.get("first_used_at")?,
        last_used_at: row.get("last_used_at")?,
    })
}

fn read_providers(row: &Row<'_>) -> Result<Vec<String>, StoreError> {
    let text: String = row.get("providers")?;
    serde_json::from_str(&text).map_err(|error| StoreError::damaged("providers", &error.to_string()))
}

/// Live ones and those that wait for their draft.
pub fn list(tx: &ReadTx<'_>, connection: &ConnectionId) -> Result<Vec<TrustedCertificate>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM connection_certificates WHERE connection_id = ?1 ORDER BY added_at, sha256");
    tx.list(&sql, &[connection.into()], read)
}

fn providers_text(providers: &[String]) -> Result<String, StoreError> {
    serde_json::to_string(providers).map_err(|error| StoreError::damaged("providers", &error.to_string()))
}

/// True if it was not trusted as much before: it is new, or was waiting and is live now.
pub fn insert(
    tx: &WriteTx<'_>,
    connection: &ConnectionId,
    certificate: &TrustedCertificate,
) -> Result<bool, StoreError> {
    add_providers(tx, connection, certificate)?;
    let added = tx.execute(
        "INSERT INTO connection_certificates (connection_id, sha256, sha1, subject, key, not_before, not_after, der, source, added_by, \
         added_at, is_live, key_sha256, providers) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
         ON CONFLICT (connection_id, sha256) DO UPDATE SET is_live = 1, added_by = excluded.added_by, added_at = excluded.added_at \
         WHERE connection_certificates.is_live = 0 AND excluded.is_live = 1",
        &[
            connection.into(),
            (&certificate.sha256).into(),
            (&certificate.sha1).into(),
            (&certificate.subject).into(),
            (&certificate.key).into(),
            certificate.not_before.into(),
            certificate.not_after.into(),
            certificate.der.clone().into(),
            (&certificate.source).into(),
            (&certificate.added_by).into(),
            certificate.added_at.into(),
            i64::from(certificate.is_live).into(),
            (&certificate.key_sha256).into(),
            providers_text(&certificate.providers)?.into(),
        ],
    )?;
    Ok(added > 0)
}

/// One that is trusted already is from now on also for these.
fn add_providers(
    tx: &WriteTx<'_>,
    connection: &ConnectionId,
    certificate: &TrustedCertificate,
) -> Result<(), StoreError> {
    let id = [connection.into(), (&certificate.sha256).into()];
    let sql = "SELECT providers FROM connection_certificates WHERE connection_id = ?1 AND sha256 = ?2";
    let Some(known) = tx.find(sql, &id, read_providers)? else { return Ok(()) };
    let new = certificate.providers.iter().filter(|provider| !known.contains(provider)).cloned();
    let all: Vec<String> = known.iter().cloned().chain(new).collect();
    if all != known {
        let sql = "UPDATE connection_certificates SET providers = ?3 WHERE connection_id = ?1 AND sha256 = ?2";
        let [connection, sha256] = id;
        tx.execute(sql, &[connection, sha256, providers_text(&all)?.into()])?;
    }
    Ok(())
}

/// The waiting certificates become live, also those that were removed before; says how many.
pub fn promote(tx: &WriteTx<'_>, connection: &ConnectionId) -> Result<usize, StoreError> {
    tx.execute(
        "DELETE FROM removed_certificates WHERE connection_id = ?1 AND sha256 IN \
         (SELECT sha256 FROM connection_certificates WHERE connection_id = ?1 AND is_live = 0)",
        &[connection.into()],
    )?;
    strip_removed_waiting(tx, connection)?;
    tx.execute(
        "UPDATE connection_certificates SET is_live = 1 WHERE connection_id = ?1 AND is_live = 0",
        &[connection.into()],
    )
}

pub fn delete_waiting(tx: &WriteTx<'_>, connection: &ConnectionId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM connection_certificates WHERE connection_id = ?1 AND is_live = 0", &[connection.into()])?;
    strip_removed_waiting(tx, connection)
}

/// What waited with a draft can come back only to that draft.
fn strip_removed_waiting(tx: &WriteTx<'_>, connection: &ConnectionId) -> Result<(), StoreError> {
    let sql = "UPDATE removed_certificates SET der = NULL, subject = '' WHERE connection_id = ?1 AND is_live = 0";
    tx.execute(sql, &[connection.into()])?;
    Ok(())
}

/// An admin stops trusting it: it moves among the removed ones. False if it was not there.
pub fn remove(
    tx: &WriteTx<'_>,
    connection: &ConnectionId,
    sha256: &str,
    by: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = format!(
        "INSERT INTO removed_certificates (connection_id, {COLUMNS}, removed_by, removed_at) \
         SELECT connection_id, {COLUMNS}, ?3, ?4 FROM connection_certificates WHERE connection_id = ?1 AND sha256 = ?2"
    );
    delete_removed(tx, connection, sha256)?;
    let moved = tx.execute(&sql, &[connection.into(), sha256.into(), by.into(), now.into()])?;
    let sql = "DELETE FROM connection_certificates WHERE connection_id = ?1 AND sha256 = ?2";
    tx.execute(sql, &[connection.into(), sha256.into()])?;
    Ok(moved > 0)
}

/// Trusts a removed one again, as it was.
pub fn restore(tx: &WriteTx<'_>, connection: &ConnectionId, sha256: &str) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO connection_certificates (connection_id, {COLUMNS}) \
         SELECT connection_id, {COLUMNS} FROM removed_certificates WHERE connection_id = ?1 AND sha256 = ?2 AND der IS NOT NULL"
    );
    tx.execute(&sql, &[connection.into(), sha256.into()])?;
    delete_removed(tx, connection, sha256)
}

/// Those removed since then, the latest first.
pub fn list_removed(
    tx: &ReadTx<'_>,
    connection: &ConnectionId,
    since: Timestamp,
) -> Result<Vec<RemovedCertificate>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, removed_by, removed_at FROM removed_certificates \
         WHERE connection_id = ?1 AND der IS NOT NULL AND removed_at > ?2 ORDER BY removed_at DESC, sha256"
    );
    let removed = |row: &Row<'_>| {
        Ok(RemovedCertificate {
            certificate: read(row)?,
            removed_by: row.get("removed_by")?,
            removed_at: row.get("removed_at")?,
        })
    };
    tx.list(&sql, &[connection.into(), since.into()], removed)
}

/// Of those removed before, at most so many at once, only the fingerprint stays.
pub fn strip_removed(tx: &WriteTx<'_>, before: Timestamp, most: u32) -> Result<usize, StoreError> {
    let sql = "UPDATE removed_certificates SET der = NULL, subject = '' WHERE (connection_id, sha256) IN \
               (SELECT connection_id, sha256 FROM removed_certificates WHERE der IS NOT NULL AND removed_at <= ?1 LIMIT ?2)";
    tx.execute(sql, &[before.into(), most.into()])
}

/// Whether an admin stopped trusting it: the certificate itself, or its key, of which no certificate is trusted since.
pub fn is_removed(
    tx: &ReadTx<'_>,
    connection: &ConnectionId,
    sha256: &str,
    key_sha256: &str,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 AS found FROM removed_certificates WHERE connection_id = ?1 AND (sha256 = ?2 OR (key_sha256 = ?3 \
               AND NOT EXISTS (SELECT 1 FROM connection_certificates t WHERE t.connection_id = ?1 AND t.key_sha256 = ?3 \
               AND t.is_live = 1))) LIMIT 1";
    tx.has(sql, &[connection.into(), sha256.into(), key_sha256.into()])
}

pub fn delete_removed(tx: &WriteTx<'_>, connection: &ConnectionId, sha256: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM removed_certificates WHERE connection_id = ?1 AND sha256 = ?2";
    tx.execute(sql, &[connection.into(), sha256.into()])?;
    Ok(())
}

pub fn update_used(
    tx: &WriteTx<'_>,
    connection: &ConnectionId,
    sha256: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE connection_certificates SET last_used_at = ?3, first_used_at = coalesce(first_used_at, ?3) \
               WHERE connection_id = ?1 AND sha256 = ?2";
    tx.execute(sql, &[connection.into(), sha256.into(), now.into()])?;
    Ok(())
}

/// True once in the given time: the caller then raises the alarm.
pub fn mark_alarmed(
    tx: &WriteTx<'_>,
    connection: &ConnectionId,
    sha256: &str,
    now: Timestamp,
    unless_since: Timestamp,
) -> Result<bool, StoreError> {
    let marked = tx.execute(
        "UPDATE connection_certificates SET alarmed_at = ?3 WHERE connection_id = ?1 AND sha256 = ?2 \
         AND (alarmed_at IS NULL OR alarmed_at < ?4)",
        &[connection.into(), sha256.into(), now.into(), unless_since.into()],
    )?;
    Ok(marked > 0)
}
