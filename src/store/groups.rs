//! Groups as assertions (later directories) name them, and who is in them.

use crate::model::group::Group;
use crate::model::id::{ConnectionId, GroupId, MemberId, OrganizationId};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, WriteTx};

pub fn list_of_member(tx: &ReadTx<'_>, member: &MemberId) -> Result<Vec<Group>, StoreError> {
    let sql = "SELECT g.id, g.name, g.connection_id FROM groups g JOIN group_members gm ON gm.group_id = g.id \
               WHERE gm.member_id = ?1 ORDER BY g.name, g.id";
    tx.query(sql, &[member.into()])?
        .iter()
        .map(|row| Ok(Group { id: row.get("id")?, name: row.get("name")?, connection: row.get("connection_id")? }))
        .collect()
}

pub fn list_team_names_of_member(tx: &ReadTx<'_>, member: &MemberId) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT t.name FROM teams t JOIN team_members tm ON tm.team_id = t.id WHERE tm.member_id = ?1 ORDER BY t.name";
    tx.query(sql, &[member.into()])?.iter().map(|row| row.get("name")).collect()
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
    let current: Vec<Group> =
        list_of_member(tx, member)?.into_iter().filter(|group| group.connection.as_ref() == Some(connection)).collect();
    for group in current.iter().filter(|group| !names.contains(&group.name)) {
        tx.execute(
            "DELETE FROM group_members WHERE group_id = ?1 AND member_id = ?2",
            &[(&group.id).into(), member.into()],
        )?;
    }
    for name in names.iter().filter(|name| !current.iter().any(|group| group.name == **name)) {
        let id = find_or_insert(tx, organization, connection, name, now)?;
        let sql = "INSERT INTO group_members (group_id, member_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        tx.execute(sql, &[(&id).into(), member.into()])?;
    }
    Ok(())
}

fn find_or_insert(
    tx: &WriteTx<'_>,
    organization: &OrganizationId,
    connection: &ConnectionId,
    name: &str,
    now: Timestamp,
) -> Result<GroupId, StoreError> {
    let known = tx
        .query_one("SELECT id FROM groups WHERE connection_id = ?1 AND name = ?2", &[connection.into(), name.into()])?;
    if let Some(row) = known {
        return row.get("id");
    }
    let id = GroupId::new();
    tx.execute(
        "INSERT INTO groups (id, organization_id, connection_id, name, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[(&id).into(), organization.into(), connection.into(), name.into(), now.into()],
    )?;
    Ok(id)
}

pub fn delete_of_connection(tx: &WriteTx<'_>, connection: &ConnectionId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM groups WHERE connection_id = ?1", &[connection.into()])?;
    Ok(())
}
