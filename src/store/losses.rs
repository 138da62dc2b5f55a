//! Access that directories took away of late, and whether an admin is asked about it.

use crate::model::directory::Directory;
use crate::model::id::MemberId;
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, WriteTx};

/// Where a directory stands with the guard.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guard {
    /// Since when changes are refused and an admin is asked.
    pub held_at: Option<Timestamp>,
    pub let_pass_until: Option<Timestamp>,
}

pub fn find_guard(tx: &ReadTx<'_>, directory: &Directory) -> Result<Guard, StoreError> {
    let sql = "SELECT held_at, let_pass_until FROM directories WHERE number = ?1";
    let row = tx.query_one(sql, &[directory.number.into()])?;
    row.map_or(Ok(Guard::default()), |row| {
        Ok(Guard { held_at: row.get("held_at")?, let_pass_until: row.get("let_pass_until")? })
    })
}

pub fn update_guard(tx: &WriteTx<'_>, directory: &Directory, guard: Guard) -> Result<(), StoreError> {
    let sql = "UPDATE directories SET held_at = ?2, let_pass_until = ?3 WHERE number = ?1";
    tx.execute(sql, &[directory.number.into(), guard.held_at.into(), guard.let_pass_until.into()])?;
    Ok(())
}

/// How many others than this one lost access since then.
pub fn count(tx: &ReadTx<'_>, directory: &Directory, since: Timestamp, but: &MemberId) -> Result<u32, StoreError> {
    let sql = "SELECT count(DISTINCT member_id) AS n FROM directory_losses WHERE directory = ?1 AND at > ?2 AND member_id <> ?3";
    tx.query_one(sql, &[directory.number.into(), since.into(), but.into()])?.map_or(Ok(0), |row| row.get("n"))
}

pub fn insert(tx: &WriteTx<'_>, directory: &Directory, at: Timestamp, member: &MemberId) -> Result<(), StoreError> {
    let sql = "INSERT INTO directory_losses (directory, at, member_id) VALUES (?1, ?2, ?3)";
    tx.execute(sql, &[directory.number.into(), at.into(), member.into()])?;
    Ok(())
}

pub fn delete_old(tx: &WriteTx<'_>, before: Timestamp, most: u32) -> Result<usize, StoreError> {
    let sql = "DELETE FROM directory_losses WHERE rowid IN \
               (SELECT rowid FROM directory_losses WHERE at < ?1 LIMIT ?2)";
    tx.execute(sql, &[before.into(), most.into()])
}
