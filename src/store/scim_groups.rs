//! Groups of a directory and who is in them. Memberships are rows of two numbers: what one change costs does not grow with
//! the group.

use crate::model::directory::Directory;
use crate::model::id::{GroupId, ScimUserId};
use crate::model::scim::ScimGroup;
use crate::model::time::Timestamp;
use crate::store::directories;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, Value, WriteTx};

pub(super) const COLUMNS: &str = "r.number, r.id, r.name, r.mapped_name, r.external_id, r.member_set, r.created_at, \
     r.modified_at, r.version";

/// Ids that are looked up by one statement.
const TOGETHER: usize = 500;

pub(super) fn read(row: &Row<'_>) -> Result<ScimGroup, StoreError> {
    Ok(ScimGroup {
        number: row.get("number")?,
        id: row.get("id")?,
        name: row.get("name")?,
        mapped_name: row.get("mapped_name")?,
        external_id: row.get("external_id")?,
        member_set: row.get("member_set")?,
        created_at: row.get("created_at")?,
        modified_at: row.get("modified_at")?,
        version: row.get("version")?,
    })
}

pub fn find(tx: &ReadTx<'_>, directory: &Directory, id: &GroupId) -> Result<Option<ScimGroup>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM groups r WHERE r.id = ?2 AND r.directory_id = ?1");
    tx.find(&sql, &[(&directory.id).into(), id.into()], read)
}

/// Whether another group has the same name and the same external id.
pub fn is_taken(
    tx: &ReadTx<'_>,
    directory: &Directory,
    name: &str,
    external_id: Option<&str>,
    but: Option<i64>,
) -> Result<bool, StoreError> {
    let sql = "SELECT number FROM groups WHERE directory_id = ?1 AND name_norm = ?2 AND coalesce(external_id, '') = ?3 \
               AND directory_id IS NOT NULL";
    Ok(tx
        .find(sql, &[(&directory.id).into(), name.into(), external_id.unwrap_or_default().into()], |row| {
            Ok(Some(row.get::<i64>("number")?) != but)
        })?
        .unwrap_or(false))
}

/// A set of members that is nobody's yet.
pub fn new_set(tx: &WriteTx<'_>, directory: &Directory, now: Timestamp) -> Result<i64, StoreError> {
    let sql = "INSERT INTO member_sets (directory, created_at) VALUES (?1, ?2) RETURNING id";
    Ok(tx.find(sql, &[directory.number.into(), now.into()], |row| row.get("id"))?.unwrap_or(0))
}

/// Sets the number.
pub fn insert(
    tx: &WriteTx<'_>,
    directory: &Directory,
    group: &mut ScimGroup,
    name_norm: &str,
) -> Result<(), StoreError> {
    let number = tx.find(
        "INSERT INTO groups (id, organization_id, directory_id, name, created_at, external_id, name_norm, member_set, \
         modified_at, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1) RETURNING number",
        &[
            (&group.id).into(),
            (&directory.organization).into(),
            (&directory.id).into(),
            (&group.name).into(),
            group.created_at.into(),
            group.external_id.clone().into(),
            name_norm.into(),
            group.member_set.into(),
            group.modified_at.into(),
        ],
        |row| row.get("number"),
    )?;
    group.number = number.unwrap_or(0);
    directories::count_groups(tx, directory.number, 1)
}

pub fn update(tx: &WriteTx<'_>, group: &ScimGroup, name_norm: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE groups SET name = ?2, name_norm = ?3, mapped_name = ?4, external_id = ?5, member_set = ?6, modified_at = ?7, \
         version = ?8 WHERE number = ?1",
        &[
            group.number.into(),
            (&group.name).into(),
            name_norm.into(),
            group.mapped_name.clone().into(),
            group.external_id.clone().into(),
            group.member_set.into(),
            group.modified_at.into(),
            group.version.into(),
        ],
    )?;
    Ok(())
}

/// The rows of its members go in steps, by `sweep_set`.
pub fn delete(tx: &WriteTx<'_>, directory: &Directory, group: &ScimGroup) -> Result<(), StoreError> {
    tx.execute("DELETE FROM groups WHERE number = ?1", &[group.number.into()])?;
    directories::count_groups(tx, directory.number, -1)
}

/// The numbers of these users, in no order; fewer than ids where some are not the directory's.
pub fn find_users(
    tx: &ReadTx<'_>,
    directory: &Directory,
    ids: &[ScimUserId],
) -> Result<Vec<(ScimUserId, i64)>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(TOGETHER) {
        let places: Vec<String> = (2..some.len() + 2).map(|n| format!("?{n}")).collect();
        let sql = format!(
            "SELECT id, number FROM scim_users WHERE id IN ({}) AND +directory = ?1 AND deleted_at IS NULL",
            places.join(", ")
        );
        let params: Vec<Value> = std::iter::once(directory.number.into()).chain(some.iter().map(Value::from)).collect();
        found.extend(tx.list(&sql, &params, |row| Ok((row.get("id")?, row.get("number")?)))?);
    }
    Ok(found)
}

/// Whoever is in the set already, or was deleted meanwhile, is left out.
pub fn insert_members(tx: &WriteTx<'_>, set: i64, users: &[i64]) -> Result<(), StoreError> {
    for some in users.chunks(TOGETHER) {
        let places: Vec<String> = (2..some.len() + 2).map(|n| format!("?{n}")).collect();
        let sql = format!(
            "INSERT INTO memberships (member_set, user_number) SELECT ?1, number FROM scim_users \
             WHERE number IN ({}) AND deleted_at IS NULL ON CONFLICT DO NOTHING",
            places.join(", ")
        );
        let params: Vec<Value> = std::iter::once(set).chain(some.iter().copied()).map(Value::from).collect();
        tx.execute(&sql, &params)?;
    }
    Ok(())
}

/// Whether the user was in the set.
pub fn delete_member(tx: &WriteTx<'_>, set: i64, user: i64) -> Result<bool, StoreError> {
    let sql = "DELETE FROM memberships WHERE member_set = ?1 AND user_number = ?2";
    Ok(tx.execute(sql, &[set.into(), user.into()])? > 0)
}

/// Users of a set behind this number, in their order.
pub fn list_numbers(tx: &ReadTx<'_>, set: i64, after: i64, most: u32) -> Result<Vec<i64>, StoreError> {
    let sql =
        "SELECT user_number FROM memberships WHERE member_set = ?1 AND user_number > ?2 ORDER BY user_number LIMIT ?3";
    tx.list(sql, &[set.into(), after.into(), most.into()], |row| row.get("user_number"))
}

/// The same as they are shown: number, id and folded name.
pub fn list_members(
    tx: &ReadTx<'_>,
    set: i64,
    after: i64,
    most: u32,
) -> Result<Vec<(i64, String, String)>, StoreError> {
    let sql = "SELECT u.number, u.id, u.user_name FROM memberships m CROSS JOIN scim_users u WHERE u.number = m.user_number \
               AND u.deleted_at IS NULL AND m.member_set = ?1 AND m.user_number > ?2 ORDER BY m.user_number LIMIT ?3";
    let read = |row: &Row<'_>| Ok((row.get("number")?, row.get("id")?, row.get("user_name")?));
    tx.list(sql, &[set.into(), after.into(), most.into()], read)
}

pub fn count_members(tx: &ReadTx<'_>, set: i64) -> Result<u32, StoreError> {
    Ok(tx
        .find("SELECT count(*) AS n FROM memberships WHERE member_set = ?1", &[set.into()], |row| row.get("n"))?
        .unwrap_or(0))
}

/// Deletes some rows of sets that no group has any more and that nobody can be writing; says how many, sets included.
pub fn sweep_sets(tx: &WriteTx<'_>, before: Timestamp, most: u32) -> Result<usize, StoreError> {
    let lost = "SELECT s.id FROM member_sets s WHERE s.id > ?2 AND s.created_at < ?1 \
                AND NOT EXISTS (SELECT 1 FROM groups g WHERE g.member_set = s.id) ORDER BY s.id LIMIT 1";
    let (mut left, mut set) = (most as usize, 0_i64);
    while left > 0 {
        let next = tx.find(lost, &[before.into(), set.into()], |row| row.get("id"))?;
        let Some(next) = next else { break };
        set = next;
        let sql = "DELETE FROM memberships WHERE member_set = ?1 AND user_number IN \
                   (SELECT user_number FROM memberships WHERE member_set = ?1 ORDER BY user_number LIMIT ?2)";
        left -= tx.execute(sql, &[set.into(), i64::try_from(left).unwrap_or(i64::MAX).into()])?;
        if left > 0 {
            left -= tx.execute("DELETE FROM member_sets WHERE id = ?1", &[set.into()])?;
        }
    }
    Ok(most as usize - left)
}

/// Names that role mappings know renamed groups by.
pub fn list_mapped_names(tx: &ReadTx<'_>, directory: &Directory) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT mapped_name FROM groups WHERE directory_id = ?1 AND mapped_name IS NOT NULL";
    tx.list(sql, &[(&directory.id).into()], |row| row.get("mapped_name"))
}

pub fn forget_mapped_name(tx: &WriteTx<'_>, directory: &Directory, name: &str) -> Result<(), StoreError> {
    let sql = "UPDATE groups SET mapped_name = NULL WHERE directory_id = ?1 AND mapped_name = ?2";
    tx.execute(sql, &[(&directory.id).into(), name.into()])?;
    Ok(())
}
