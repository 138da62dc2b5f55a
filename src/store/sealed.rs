//! Every value that is kept sealed under a master key, wherever it stands; `v1:<key id>:…`. A new sealed column has its
//! entry here, or a change of the master key would leave it behind.

use crate::store::connection_keys;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, WriteTx};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Our own keys for connections.
    ConnectionKeys,
    /// Answers kept for an Idempotency-Key.
    Answers,
}

impl Column {
    pub const ALL: [Self; 2] = [Self::ConnectionKeys, Self::Answers];
}

/// A sealed value and where it stands.
#[derive(Debug, Clone)]
pub struct SealedValue {
    pub column: Column,
    /// Its row: the key columns.
    pub row: [String; 2],
    pub place: String,
    pub sealed: String,
}

/// What a kept answer is bound to.
pub fn answer_place(caller: &str, key: &str) -> String {
    format!("idempotency_keys|answer_sealed|{caller}|{key}")
}

/// Values of a column that do not begin with `prefix`, behind `after`.
pub fn list_others(
    tx: &ReadTx<'_>,
    column: Column,
    prefix: &str,
    after: &[String; 2],
    limit: u32,
) -> Result<Vec<SealedValue>, StoreError> {
    let sql = match column {
        Column::ConnectionKeys => {
            "SELECT id AS one, '' AS two, key_sealed AS sealed FROM connection_keys \
             WHERE id > ?1 AND ?2 = '' AND substr(key_sealed, 1, length(?3)) <> ?3 ORDER BY id LIMIT ?4"
        }
        Column::Answers => {
            "SELECT caller AS one, key AS two, answer_sealed AS sealed FROM idempotency_keys \
             WHERE (caller, key) > (?1, ?2) AND substr(answer_sealed, 1, length(?3)) <> ?3 ORDER BY caller, key LIMIT ?4"
        }
    };
    let read = |row: &Row<'_>| -> Result<SealedValue, StoreError> {
        let (one, two): (String, String) = (row.get("one")?, row.get("two")?);
        let place = match column {
            Column::ConnectionKeys => connection_keys::place(&one),
            Column::Answers => answer_place(&one, &two),
        };
        Ok(SealedValue { column, row: [one, two], place, sealed: row.get("sealed")? })
    };
    tx.list(sql, &[(&after[0]).into(), (&after[1]).into(), prefix.into(), limit.into()], read)
}

/// Puts another seal on the same value; false if somebody changed it meanwhile.
pub fn update(tx: &WriteTx<'_>, value: &SealedValue, sealed: &str) -> Result<bool, StoreError> {
    let sql = match value.column {
        Column::ConnectionKeys => {
            "UPDATE connection_keys SET key_sealed = ?4 WHERE id = ?1 AND ?2 = '' AND key_sealed = ?3"
        }
        Column::Answers => {
            "UPDATE idempotency_keys SET answer_sealed = ?4 WHERE caller = ?1 AND key = ?2 AND answer_sealed = ?3"
        }
    };
    let [one, two] = &value.row;
    Ok(tx.execute(sql, &[one.into(), two.into(), (&value.sealed).into(), sealed.into()])? > 0)
}

/// How many values each master key seals: its id, and the count.
pub fn count_by_key(tx: &ReadTx<'_>) -> Result<Vec<(String, u32)>, StoreError> {
    let sql = "SELECT key_id, count(*) AS n FROM (\
               SELECT substr(key_sealed, 4, 8) AS key_id FROM connection_keys \
               UNION ALL SELECT substr(answer_sealed, 4, 8) AS key_id FROM idempotency_keys \
               UNION ALL SELECT substr(value, 4, 8) AS key_id FROM settings WHERE name = 'canary') AS found \
               GROUP BY key_id ORDER BY key_id";
    tx.list(sql, &[], |row| Ok((row.get("key_id")?, row.get("n")?)))
}
