//! Access that directories took away of late, and whether an admin is asked about it.

use crate::model::directory::Directory;
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, WriteTx};

/// Where a directory stands with the guard.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guard {
    /// Since when changes are refused and an admin is asked.
    pub held_at: Option<Timestamp>,
    pub let_pass_until: Option<Timestamp>,
}

pub fn find_guard(tx: &ReadTx<'_>, directory: &Directory) -> Result<Guard, StoreError> {
    let sql = "SELECT held_at, let_pass_until FROM directories WHERE number = ?1";
    let read = |row: &Row<'_>| Ok(Guard { held_at: row.get("held_at")?, let_pass_until: row.get("let_pass_until")? });
    Ok(tx.find(sql, &[directory.number.into()], read)?.unwrap_or_default())
}

pub fn update_guard(tx: &WriteTx<'_>, directory: &Directory, guard: Guard) -> Result<(), StoreError> {
    let sql = "UPDATE directories SET held_at = ?2, let_pass_until = ?3 WHERE number = ?1";
    tx.execute(sql, &[directory.number.into(), guard.held_at.into(), guard.let_pass_until.into()])?;
    Ok(())
}

/// How many lost access since then, this one left out.
pub fn count(tx: &ReadTx<'_>, directory: &Directory, since: Timestamp, but: &str) -> Result<u32, StoreError> {
    let sql =
        "SELECT coalesce(sum(people), 0) AS n FROM directory_losses WHERE directory = ?1 AND at > ?2 AND who <> ?3";
    Ok(tx.find(sql, &[directory.number.into(), since.into(), but.into()], |row| row.get("n"))?.unwrap_or(0))
}

/// `who` is a member, or a change that took it from so many people at once.
pub fn insert(
    tx: &WriteTx<'_>,
    directory: &Directory,
    at: Timestamp,
    who: &str,
    people: u32,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO directory_losses (directory, who, at, people) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (directory, who) DO UPDATE SET at = excluded.at, people = excluded.people";
    tx.execute(sql, &[directory.number.into(), who.into(), at.into(), people.into()])?;
    Ok(())
}

pub fn delete_old(tx: &WriteTx<'_>, before: Timestamp, most: u32) -> Result<usize, StoreError> {
    let sql = "DELETE FROM directory_losses WHERE (directory, who) IN \
               (SELECT directory, who FROM directory_losses WHERE at < ?1 LIMIT ?2)";
    tx.execute(sql, &[before.into(), most.into()])
}
