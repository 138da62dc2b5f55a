//! What pages show of a directory beside its resources: groups with their sizes, one line of the log, what is odd and how often.

use crate::model::directory::Directory;
use crate::model::id::ScimRequestId;
use crate::model::scim::{ScimRequest, SyncedGroup};
use crate::store::error::StoreError;
use crate::store::scim_requests;
use crate::store::tx::ReadTx;

/// People of a group are counted so far.
pub const MOST_PEOPLE: u32 = 1000;

/// By name; those of the same name stand together. Counts so many people of each at most.
pub fn list_groups(tx: &ReadTx<'_>, directory: &Directory, most: u32) -> Result<Vec<SyncedGroup>, StoreError> {
    let sql = "SELECT r.name, r.mapped_name, (SELECT count(*) FROM (SELECT 1 FROM memberships m \
               WHERE m.member_set = r.member_set LIMIT ?3)) AS people FROM groups r WHERE r.directory_id = ?1 \
               ORDER BY r.name_norm, r.id LIMIT ?2";
    tx.list(sql, &[(&directory.id).into(), most.into(), MOST_PEOPLE.into()], |row| {
        Ok(SyncedGroup { name: row.get("name")?, mapped_name: row.get("mapped_name")?, people: row.get("people")? })
    })
}

pub fn find_request(
    tx: &ReadTx<'_>,
    directory: &Directory,
    id: &ScimRequestId,
) -> Result<Option<ScimRequest>, StoreError> {
    let sql = format!("SELECT {} FROM scim_requests WHERE id = ?2 AND directory_id = ?1", scim_requests::COLUMNS);
    tx.find(&sql, &[(&directory.id).into(), id.into()], scim_requests::read)
}

/// Codes of problems, and how many users have each.
pub fn count_problems(tx: &ReadTx<'_>, directory: &Directory) -> Result<Vec<(String, u32)>, StoreError> {
    let sql = "SELECT problem, count(*) AS n FROM scim_users WHERE directory = ?1 AND problem IS NOT NULL \
               AND deleted_at IS NULL GROUP BY problem ORDER BY problem";
    tx.list(sql, &[directory.number.into()], |row| Ok((row.get("problem")?, row.get("n")?)))
}
