//! What values of a connection grant, and the values that were sent about each member.

use crate::model::id::{MemberId, OrganizationId, TeamId};
use crate::model::mapping::{Match, RoleMapping, Sent};
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, WriteTx};

/// Of a value so many people are counted.
pub const TOLD: u32 = 200;

/// The name of an attribute, or nothing: placeholders of one index stand for both.
fn name(on: &Match) -> &str {
    on.attribute().unwrap_or_default()
}

fn read_match(row: &Row<'_>) -> Result<Match, StoreError> {
    let (kind, attribute): (String, String) = (row.get("kind")?, row.get("attribute")?);
    let attribute = Some(attribute.as_str()).filter(|name| !name.is_empty());
    Match::parse(&kind, attribute).ok_or_else(|| StoreError::damaged("kind", &kind))
}

fn read(row: &Row<'_>) -> Result<RoleMapping, StoreError> {
    let roles: String = row.get("roles")?;
    Ok(RoleMapping {
        on: read_match(row)?,
        value: row.get("value")?,
        roles: roles.split_ascii_whitespace().map(str::to_owned).collect(),
        team: row.get("team_id")?,
        tag: row.get("tag")?,
    })
}

/// In the order that the admin gave them.
pub fn list(tx: &ReadTx<'_>, source: &str) -> Result<Vec<RoleMapping>, StoreError> {
    let sql =
        "SELECT kind, attribute, value, roles, team_id, tag FROM role_mappings WHERE source_id = ?1 ORDER BY position";
    tx.list(sql, &[source.into()], read)
}

pub fn replace(
    tx: &WriteTx<'_>,
    organization: &OrganizationId,
    source: &str,
    mappings: &[RoleMapping],
) -> Result<(), StoreError> {
    tx.execute("DELETE FROM role_mappings WHERE source_id = ?1", &[source.into()])?;
    for (position, mapping) in (0i64..).zip(mappings) {
        tx.execute(
            "INSERT INTO role_mappings (source_id, position, organization_id, kind, attribute, value, roles, team_id, tag) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            &[
                source.into(),
                position.into(),
                organization.into(),
                mapping.on.kind().into(),
                name(&mapping.on).into(),
                (&mapping.value).into(),
                mapping.roles.join(" ").into(),
                mapping.team.as_ref().map(TeamId::as_str).into(),
                mapping.tag.as_deref().into(),
            ],
        )?;
    }
    Ok(())
}

/// The name of a connection or directory whose mappings give this role.
pub fn find_user_of_role(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    slug: &str,
) -> Result<Option<String>, StoreError> {
    let pattern = format!("% {} %", slug.replace('_', "\\_"));
    find_user(tx, "' ' || m.roles || ' ' LIKE ?2 ESCAPE '\\'", organization, pattern)
}

/// The name of a connection or directory whose mappings fill this team.
pub fn find_user_of_team(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    team: &TeamId,
) -> Result<Option<String>, StoreError> {
    find_user(tx, "m.team_id = ?2", organization, team.to_string())
}

fn find_user(
    tx: &ReadTx<'_>,
    is_used: &str,
    organization: &OrganizationId,
    what: String,
) -> Result<Option<String>, StoreError> {
    let sql = format!(
        "SELECT coalesce(c.name, d.name) AS name FROM role_mappings m \
         LEFT JOIN connections c ON c.id = m.source_id AND c.deleted_at IS NULL \
         LEFT JOIN directories d ON d.id = m.source_id AND d.deleted_at IS NULL \
         WHERE m.organization_id = ?1 AND {is_used} AND coalesce(c.id, d.id) IS NOT NULL LIMIT 1"
    );
    tx.find(&sql, &[organization.into(), what.into()], |row| row.get("name"))
}

/// The mappings that fill this team, each with the connection or directory that it is of.
pub fn list_of_team(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    team: &TeamId,
) -> Result<Vec<(String, RoleMapping)>, StoreError> {
    let sql = "SELECT source_id, kind, attribute, value, roles, team_id, tag FROM role_mappings \
               WHERE organization_id = ?1 AND team_id = ?2 ORDER BY source_id, position LIMIT 100";
    tx.list(sql, &[organization.into(), team.into()], |row| Ok((row.get("source_id")?, read(row)?)))
}

/// What was sent at the last sign-in about the members behind `after` up to `last`, groups with it.
pub fn list_sent_within(
    tx: &ReadTx<'_>,
    source: &str,
    (after, last): (&str, &MemberId),
) -> Result<Vec<(MemberId, Sent)>, StoreError> {
    let params = [source.into(), after.into(), last.into()];
    // From the members to their groups, never from a group to all of its members.
    let by_connection = "SELECT gm.member_id, g.name, NULL AS mapped_name FROM group_members gm CROSS JOIN groups g \
               WHERE g.id = gm.group_id AND gm.member_id > ?2 AND gm.member_id <= ?3 AND g.connection_id = ?1";
    let by_directory = "SELECT u.member_id, g.name, g.mapped_name FROM scim_users u CROSS JOIN memberships m CROSS JOIN groups g \
               WHERE u.member_id > ?2 AND u.member_id <= ?3 AND u.deleted_at IS NULL AND m.user_number = u.number \
               AND g.member_set = m.member_set AND g.directory_id = ?1";
    let mut sent = Vec::new();
    for sql in [by_connection, by_directory] {
        tx.each(sql, &params, |row| {
            let member: MemberId = row.get("member_id")?;
            sent.extend(read_group(row)?.map(|sent| (member.clone(), sent)));
            Ok(())
        })?;
    }
    // By the members too, where the index of values would lead to everybody's.
    let sql = "SELECT member_id, kind, attribute, value FROM sent_values \
               WHERE member_id > ?2 AND member_id <= ?3 AND source_id || '' = ?1";
    let value = |row: &Row<'_>| -> Result<(MemberId, Sent), StoreError> {
        Ok((row.get("member_id")?, Sent { on: read_match(row)?, value: row.get("value")? }))
    };
    sent.extend(tx.list(sql, &params, value)?);
    Ok(sent)
}

/// About how many people this value was sent.
pub fn count_members(tx: &ReadTx<'_>, source: &str, sent: &Sent) -> Result<u32, StoreError> {
    let n = |row: &Row<'_>| row.get("n");
    let found = match &sent.on {
        Match::Group => {
            let sql = "SELECT count(*) AS n FROM groups g JOIN group_members gm ON gm.group_id = g.id \
                       WHERE g.connection_id = ?1 AND g.name = ?2";
            tx.find(sql, &[source.into(), (&sent.value).into()], n)?
        }
        on => {
            let sql = "SELECT count(*) AS n FROM sent_values \
                       WHERE source_id = ?1 AND kind = ?2 AND attribute = ?3 AND value = ?4";
            tx.find(sql, &[source.into(), on.kind().into(), name(on).into(), (&sent.value).into()], n)?
        }
    };
    Ok(found.unwrap_or(0))
}

/// What was sent about a member at the last sign-in, but for groups, which have a table of their own.
pub fn list_sent(tx: &ReadTx<'_>, source: &str, member: &MemberId) -> Result<Vec<Sent>, StoreError> {
    let sql = "SELECT kind, attribute, value FROM sent_values WHERE member_id = ?1 AND source_id = ?2";
    let read =
        |row: &Row<'_>| -> Result<Sent, StoreError> { Ok(Sent { on: read_match(row)?, value: row.get("value")? }) };
    let mut sent = tx.list(sql, &[member.into(), source.into()], read)?;
    sent.sort();
    Ok(sent)
}

/// The same, with the groups.
pub fn list_all_sent(tx: &ReadTx<'_>, source: &str, member: &MemberId) -> Result<Vec<Sent>, StoreError> {
    let by_connection = "SELECT g.name, NULL AS mapped_name FROM group_members gm JOIN groups g ON g.id = gm.group_id \
               WHERE gm.member_id = ?1 AND g.connection_id = ?2";
    let by_directory = "SELECT g.name, g.mapped_name FROM scim_users u CROSS JOIN memberships m CROSS JOIN groups g \
               WHERE u.member_id = ?1 AND u.deleted_at IS NULL AND m.user_number = u.number \
               AND g.member_set = m.member_set AND g.directory_id = ?2";
    let mut sent = Vec::new();
    for sql in [by_connection, by_directory] {
        tx.each(sql, &[member.into(), source.into()], |row| {
            sent.extend(read_group(row)?);
            Ok(())
        })?;
    }
    sent.extend(list_sent(tx, source, member)?);
    Ok(sent)
}

/// A group grants what its name does, and what the name did that mappings know it by.
fn read_group(row: &Row<'_>) -> Result<impl Iterator<Item = Sent>, StoreError> {
    let (name, mapped): (String, Option<String>) = (row.get("name")?, row.get("mapped_name")?);
    let sent = |name: String| Sent { on: Match::Group, value: name.trim().to_owned() };
    Ok(std::iter::once(name).chain(mapped).map(sent))
}

/// Makes what is kept about a member exactly this; groups are none of it.
pub fn replace_sent(tx: &WriteTx<'_>, source: &str, member: &MemberId, sent: &[Sent]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM sent_values WHERE member_id = ?1 AND source_id = ?2", &[member.into(), source.into()])?;
    for sent in sent.iter().filter(|sent| sent.on != Match::Group) {
        tx.execute(
            "INSERT INTO sent_values (source_id, kind, attribute, value, member_id) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT DO NOTHING",
            &[source.into(), sent.on.kind().into(), name(&sent.on).into(), (&sent.value).into(), member.into()],
        )?;
    }
    Ok(())
}

/// Values of a kind that were sent about anybody, with how many people they were sent about; the most frequent first.
pub fn list_values(tx: &ReadTx<'_>, source: &str, on: &Match) -> Result<Vec<(String, u32)>, StoreError> {
    let read = |row: &Row<'_>| Ok((row.get("value")?, row.get("n")?));
    match on {
        Match::Group => {
            let sql = format!(
                "SELECT g.name AS value, (SELECT count(*) FROM (SELECT 1 FROM group_members gm \
                 WHERE gm.group_id = g.id LIMIT {TOLD})) AS n FROM groups g WHERE g.connection_id = ?1 ORDER BY g.name LIMIT 60"
            );
            tx.list(&sql, &[source.into()], read)
        }
        on => {
            // One look into the index for each value, and for so many people as are told.
            let next = "SELECT min(value) FROM sent_values WHERE source_id = ?1 AND kind = ?2 AND attribute = ?3";
            let sql = format!(
                "WITH RECURSIVE found (value) AS ({next} UNION ALL SELECT ({next} AND sent_values.value > found.value) FROM found \
                 WHERE found.value IS NOT NULL LIMIT 61) SELECT value, (SELECT count(*) FROM (SELECT 1 FROM sent_values v \
                 WHERE v.source_id = ?1 AND v.kind = ?2 AND v.attribute = ?3 AND v.value = found.value LIMIT {TOLD})) AS n \
                 FROM found WHERE value IS NOT NULL LIMIT 60"
            );
            tx.list(&sql, &[source.into(), on.kind().into(), name(on).into()], read)
        }
    }
}

pub fn delete_of_source(tx: &WriteTx<'_>, source: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM role_mappings WHERE source_id = ?1", &[source.into()])?;
    Ok(())
}

/// Takes everything away that a member has of a source, also what names a role or team that is gone.
pub fn delete_held(tx: &WriteTx<'_>, source: &str, member: &MemberId) -> Result<(), StoreError> {
    for table in ["member_roles", "team_members", "member_tags"] {
        let sql = format!("DELETE FROM {table} WHERE member_id = ?1 AND came_from = ?2");
        tx.execute(&sql, &[member.into(), source.into()])?;
    }
    Ok(())
}

/// Members who hold something of a source, at most so many, in no order.
pub fn list_holders(tx: &ReadTx<'_>, source: &str, most: u32) -> Result<Vec<MemberId>, StoreError> {
    let holders: Vec<String> = ["member_roles", "team_members", "member_tags"]
        .iter()
        .map(|table| {
            format!(
                "SELECT * FROM (SELECT h.member_id FROM {table} h JOIN members m ON m.id = h.member_id \
                 WHERE h.came_from = ?1 AND h.came_from <> 'local' AND m.deleted_at IS NULL LIMIT ?2)"
            )
        })
        .collect();
    let sql = format!("SELECT DISTINCT member_id FROM ({}) LIMIT ?2", holders.join(" UNION ALL "));
    tx.list(&sql, &[source.into(), most.into()], |row| row.get("member_id"))
}
