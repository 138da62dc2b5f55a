//! Texts of members on their way into the index of texts: gathered by triggers, indexed together.

use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Value, WriteTx};

/// Whether texts wait to be found.
pub fn has_waiting(tx: &ReadTx<'_>) -> Result<bool, StoreError> {
    Ok(tx.query_one("SELECT 1 AS found FROM member_text_waiting LIMIT 1", &[])?.is_some())
}

/// Puts so many texts into the index, and takes those out that it held of the same members; says how many waited.
pub fn index(tx: &WriteTx<'_>, most: u32) -> Result<usize, StoreError> {
    let some = "(SELECT number FROM member_text_waiting ORDER BY number LIMIT ?1)";
    let most = [Value::from(most)];
    let gone = format!(
        "INSERT INTO member_text (member_text, rowid, search_text) SELECT 'delete', number, indexed FROM member_text_waiting \
         WHERE number IN {some} AND indexed <> '' ORDER BY number"
    );
    tx.execute(&gone, &most)?;
    let come = format!(
        "INSERT INTO member_text (rowid, search_text) SELECT number, search_text FROM members \
         WHERE number IN {some} AND search_text <> '' ORDER BY number"
    );
    tx.execute(&come, &most)?;
    tx.execute(&format!("DELETE FROM member_text_waiting WHERE number IN {some}"), &most)
}
