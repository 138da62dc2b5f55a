//! Texts of members on their way into the index of texts, to be indexed together: those of members behind the last that was
//! indexed, and those that changed since, which a trigger gathers.

use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, Value, WriteTx};

/// Whether texts wait to be found.
pub fn has_waiting(tx: &ReadTx<'_>) -> Result<bool, StoreError> {
    let waiting = format!(
        "SELECT 1 AS found FROM member_text_waiting UNION ALL SELECT * FROM (SELECT 1 FROM members WHERE number > {UNTIL} LIMIT 1) LIMIT 1"
    );
    tx.has(&waiting, &[])
}

const UNTIL: &str = "(SELECT number FROM member_text_until)";

/// Puts so many texts into the index, and takes those out that it held of the same members; says how many waited.
pub fn index(tx: &WriteTx<'_>, most: u32) -> Result<usize, StoreError> {
    let changed = index_changed(tx, most)?;
    let left = most.saturating_sub(u32::try_from(changed).unwrap_or(u32::MAX));
    Ok(changed + index_new(tx, left)?)
}

fn index_new(tx: &WriteTx<'_>, most: u32) -> Result<usize, StoreError> {
    let next = format!("SELECT number FROM members WHERE number > {UNTIL} ORDER BY number LIMIT ?1");
    let sql = format!("SELECT max(number) AS last, count(*) AS n FROM ({next})");
    let read = |row: &Row<'_>| Ok((row.get::<Option<i64>>("last")?, row.get::<u32>("n")?));
    let Some((Some(last), count)) = tx.find(&sql, &[most.into()], read)? else { return Ok(0) };
    let come = format!(
        "INSERT INTO member_text (rowid, search_text) SELECT number, search_text FROM members \
         WHERE number > {UNTIL} AND number <= ?1 AND search_text <> '' ORDER BY number"
    );
    tx.execute(&come, &[last.into()])?;
    tx.execute("UPDATE member_text_until SET number = ?1", &[last.into()])?;
    Ok(count as usize)
}

fn index_changed(tx: &WriteTx<'_>, most: u32) -> Result<usize, StoreError> {
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
