//! Teams, who is in them, and the tags of members.

use crate::model::id::{MemberId, OrganizationId, TeamId};
use crate::model::page::{Page, Window};
use crate::model::team::Team;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, WriteTx};

const COLUMNS: &str = "id, organization_id, name, created_at, version";

fn read(row: &Row<'_>) -> Result<Team, StoreError> {
    Ok(Team {
        id: row.get("id")?,
        organization: row.get("organization_id")?,
        name: row.get("name")?,
        created_at: row.get("created_at")?,
        version: row.get("version")?,
    })
}

pub fn find(tx: &ReadTx<'_>, organization: &OrganizationId, id: &TeamId) -> Result<Option<Team>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM teams WHERE organization_id = ?1 AND id = ?2");
    tx.find(&sql, &[organization.into(), id.into()], read)
}

pub fn find_by_name(tx: &ReadTx<'_>, organization: &OrganizationId, name: &str) -> Result<Option<Team>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM teams WHERE organization_id = ?1 AND name = ?2");
    tx.find(&sql, &[organization.into(), name.into()], read)
}

pub fn list(tx: &ReadTx<'_>, organization: &OrganizationId, window: &Window) -> Result<Page<Team>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM teams WHERE organization_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
    let limit = i64::try_from(window.limit + 1).unwrap_or(i64::MAX);
    let params = [organization.into(), window.after.as_deref().unwrap_or("").into(), limit.into()];
    let rows = tx.list(&sql, &params, read)?;
    Ok(Page::cut(rows, window.limit, |team| team.id.to_string()))
}

/// People, each once however they came in.
pub fn count_members(tx: &ReadTx<'_>, id: &TeamId) -> Result<u32, StoreError> {
    let sql = "SELECT count(DISTINCT member_id) AS n FROM team_members WHERE team_id = ?1";
    Ok(tx.find(sql, &[id.into()], |row| row.get("n"))?.unwrap_or(0))
}

/// Members of a team and where each place came from, by member.
pub fn list_members(
    tx: &ReadTx<'_>,
    id: &TeamId,
    window: &Window,
) -> Result<Page<(MemberId, Vec<String>)>, StoreError> {
    let sql =
        "SELECT DISTINCT member_id FROM team_members WHERE team_id = ?1 AND member_id > ?2 ORDER BY member_id LIMIT ?3";
    let limit = i64::try_from(window.limit + 1).unwrap_or(i64::MAX);
    let params = [id.into(), window.after.as_deref().unwrap_or("").into(), limit.into()];
    let ids: Vec<MemberId> = tx.list(sql, &params, |row| row.get("member_id"))?;
    let page = Page::cut(ids, window.limit, ToString::to_string);
    let rows = page.rows.into_iter().map(|member| {
        let sources = list_sources(tx, id, &member)?;
        Ok((member, sources))
    });
    Ok(Page { rows: rows.collect::<Result<Vec<_>, StoreError>>()?, next: page.next })
}

/// Where somebody's place in a team came from: `local`, or a connection or directory.
pub fn list_sources(tx: &ReadTx<'_>, team: &TeamId, member: &MemberId) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT came_from FROM team_members WHERE team_id = ?1 AND member_id = ?2 ORDER BY came_from";
    tx.list(sql, &[team.into(), member.into()], |row| row.get("came_from"))
}

/// The teams that somebody is in by this source.
pub fn list_of_member_from(tx: &ReadTx<'_>, member: &MemberId, from: &str) -> Result<Vec<TeamId>, StoreError> {
    let sql = "SELECT team_id FROM team_members WHERE member_id = ?1 AND came_from = ?2";
    tx.list(sql, &[member.into(), from.into()], |row| row.get("team_id"))
}

pub fn list_names_of_member(tx: &ReadTx<'_>, member: &MemberId) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT t.name FROM teams t JOIN team_members tm ON tm.team_id = t.id WHERE tm.member_id = ?1 ORDER BY t.name";
    tx.list(sql, &[member.into()], |row| row.get("name"))
}

/// Places in teams by this source, of the members behind `after` up to `last`.
pub fn list_of_source(
    tx: &ReadTx<'_>,
    from: &str,
    (after, last): (&str, &MemberId),
) -> Result<Vec<(MemberId, TeamId)>, StoreError> {
    let sql = "SELECT member_id, team_id FROM team_members WHERE came_from = ?1 AND came_from <> 'local' \
               AND member_id > ?2 AND member_id <= ?3";
    tx.list(sql, &[from.into(), after.into(), last.into()], |row| Ok((row.get("member_id")?, row.get("team_id")?)))
}

pub fn insert(tx: &WriteTx<'_>, team: &Team) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO teams (id, organization_id, name, created_at, version) VALUES (?1, ?2, ?3, ?4, 1)",
        &[(&team.id).into(), (&team.organization).into(), (&team.name).into(), team.created_at.into()],
    )?;
    Ok(())
}

pub fn update(tx: &WriteTx<'_>, team: &Team) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE teams SET name = ?2, version = version + 1 WHERE id = ?1",
        &[(&team.id).into(), (&team.name).into()],
    )?;
    Ok(())
}

/// The team alone: who was in it goes in steps.
pub fn delete(tx: &WriteTx<'_>, id: &TeamId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM teams WHERE id = ?1", &[id.into()])?;
    Ok(())
}

/// True unless they were in it by this source already.
pub fn insert_member(tx: &WriteTx<'_>, team: &TeamId, member: &MemberId, from: &str) -> Result<bool, StoreError> {
    let sql = "INSERT INTO team_members (team_id, member_id, came_from) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, &[team.into(), member.into(), from.into()])? > 0)
}

pub fn delete_member(tx: &WriteTx<'_>, team: &TeamId, member: &MemberId, from: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM team_members WHERE team_id = ?1 AND member_id = ?2 AND came_from = ?3";
    Ok(tx.execute(sql, &[team.into(), member.into(), from.into()])? > 0)
}

/// Tags that mappings gave; those of groups follow from the groups.
pub fn list_tags(tx: &ReadTx<'_>, member: &MemberId) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT tag FROM member_tags WHERE member_id = ?1 ORDER BY tag";
    tx.list(sql, &[member.into()], |row| row.get("tag"))
}

/// The same with where each came from, by tag.
pub fn list_tags_with_sources(tx: &ReadTx<'_>, member: &MemberId) -> Result<Vec<(String, String)>, StoreError> {
    let sql = "SELECT tag, came_from FROM member_tags WHERE member_id = ?1 ORDER BY tag, came_from";
    tx.list(sql, &[member.into()], |row| Ok((row.get("tag")?, row.get("came_from")?)))
}

pub fn list_tags_from(tx: &ReadTx<'_>, member: &MemberId, from: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT tag FROM member_tags WHERE member_id = ?1 AND came_from = ?2";
    tx.list(sql, &[member.into(), from.into()], |row| row.get("tag"))
}

/// Tags by this source, of the members behind `after` up to `last`.
pub fn list_tags_of_source(
    tx: &ReadTx<'_>,
    from: &str,
    (after, last): (&str, &MemberId),
) -> Result<Vec<(MemberId, String)>, StoreError> {
    let sql = "SELECT member_id, tag FROM member_tags WHERE came_from = ?1 AND member_id > ?2 AND member_id <= ?3";
    tx.list(sql, &[from.into(), after.into(), last.into()], |row| Ok((row.get("member_id")?, row.get("tag")?)))
}

pub fn insert_tag(
    tx: &WriteTx<'_>,
    organization: &OrganizationId,
    member: &MemberId,
    tag: &str,
    from: &str,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO member_tags (member_id, tag, came_from, organization_id) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        &[member.into(), tag.into(), from.into(), organization.into()],
    )?;
    Ok(())
}

pub fn delete_tag(tx: &WriteTx<'_>, member: &MemberId, tag: &str, from: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM member_tags WHERE member_id = ?1 AND tag = ?2 AND came_from = ?3";
    tx.execute(sql, &[member.into(), tag.into(), from.into()])?;
    Ok(())
}
