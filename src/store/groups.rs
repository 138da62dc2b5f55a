//! Groups as assertions (later directories) name them, and who is in them.

use std::collections::HashMap;

use crate::model::group::Group;
use crate::model::id::{ConnectionId, GroupId, MemberId, OrganizationId};
use crate::model::page::{Page, Window};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, Value, WriteTx};

pub fn list_names_of_member(tx: &ReadTx<'_>, member: &MemberId) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT g.name, g.id FROM groups g JOIN group_members gm ON gm.group_id = g.id WHERE gm.member_id = ?1 \
               UNION SELECT g.name, g.id FROM scim_users u JOIN memberships m ON m.user_number = u.number \
               JOIN groups g ON g.member_set = m.member_set WHERE u.member_id = ?1 AND u.deleted_at IS NULL \
               ORDER BY 1, 2";
    tx.list(sql, &[member.into()], |row| row.get("name"))
}

const COLUMNS: &str = "id, name, connection_id, directory_id";

fn read(row: &Row<'_>) -> Result<Group, StoreError> {
    Ok(Group {
        id: row.get("id")?,
        name: row.get("name")?,
        connection: row.get("connection_id")?,
        directory: row.get("directory_id")?,
    })
}

pub fn find(tx: &ReadTx<'_>, organization: &OrganizationId, id: &GroupId) -> Result<Option<Group>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM groups WHERE organization_id = ?1 AND id = ?2");
    tx.find(&sql, &[organization.into(), id.into()], read)
}

/// All, or those of one name: every connection may have its own.
pub fn list(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    name: Option<&str>,
    window: &Window,
) -> Result<Page<Group>, StoreError> {
    let is_named = if name.is_some() { "AND name = ?4" } else { "" };
    let sql =
        format!("SELECT {COLUMNS} FROM groups WHERE organization_id = ?1 AND id > ?2 {is_named} ORDER BY id LIMIT ?3");
    let limit = i64::try_from(window.limit + 1).unwrap_or(i64::MAX);
    let mut params = vec![organization.into(), window.after.as_deref().unwrap_or("").into(), limit.into()];
    params.extend(name.map(Value::from));
    let rows = tx.list(&sql, &params, read)?;
    Ok(Page::cut(rows, window.limit, |group| group.id.to_string()))
}

/// Names of groups, in order.
pub fn list_names(tx: &ReadTx<'_>, organization: &OrganizationId, most: u32) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT name FROM groups WHERE organization_id = ?1 AND (directory_id IS NULL OR directory_id IN \
               (SELECT id FROM directories WHERE status <> 'pending')) ORDER BY name LIMIT ?2";
    tx.list(sql, &[organization.into(), most.into()], |row| row.get("name"))
}

pub fn count_members(tx: &ReadTx<'_>, id: &GroupId) -> Result<u32, StoreError> {
    let sql = "SELECT (SELECT count(*) FROM group_members WHERE group_id = ?1) + (SELECT count(*) FROM groups g \
               JOIN memberships m ON m.member_set = g.member_set WHERE g.id = ?1) AS n";
    Ok(tx.find(sql, &[id.into()], |row| row.get("n"))?.unwrap_or(0))
}

/// Makes the member's groups of this connection exactly these; groups not seen before are added.
pub fn replace_of_connection(
    tx: &WriteTx<'_>,
    organization: &OrganizationId,
    connection: &ConnectionId,
    member: &MemberId,
    names: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "SELECT g.id, g.name FROM group_members gm JOIN groups g ON g.id = gm.group_id \
               WHERE gm.member_id = ?1 AND g.connection_id = ?2";
    let mut current = HashMap::new();
    tx.each(sql, &[member.into(), connection.into()], |row| {
        current.insert(row.get::<String>("name")?, row.get::<GroupId>("id")?);
        Ok(())
    })?;
    for name in names {
        if current.remove(name).is_none() {
            join(tx, organization, connection, name, member, now)?;
        }
    }
    for left in current.values() {
        let sql = "DELETE FROM group_members WHERE group_id = ?1 AND member_id = ?2";
        tx.execute(sql, &[left.into(), member.into()])?;
    }
    Ok(())
}

fn join(
    tx: &WriteTx<'_>,
    organization: &OrganizationId,
    connection: &ConnectionId,
    name: &str,
    member: &MemberId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO group_members (group_id, member_id) SELECT id, ?3 FROM groups WHERE connection_id = ?1 AND name = ?2";
    let params = [connection.into(), name.into(), member.into()];
    if tx.execute(sql, &params)? == 0 {
        tx.execute(
            "INSERT INTO groups (id, organization_id, connection_id, name, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            &[(&GroupId::new()).into(), organization.into(), connection.into(), name.into(), now.into()],
        )?;
        tx.execute(sql, &params)?;
    }
    Ok(())
}
