//! What changes left to be done in steps, how far each has come, and the rows that such steps take away.

use crate::model::id::{ConnectionId, DirectoryId, GroupId, OrganizationId};
use crate::model::run::{Run, Stage, Subject};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, WriteTx};

const COLUMNS: &str = "kind, subject, organization_id, number, stage, place, round_from, is_round, changed, stepped_at";

const SENT_VALUES: &str = "DELETE FROM sent_values WHERE (member_id, source_id, kind, attribute, value) IN \
     (SELECT member_id, source_id, kind, attribute, value FROM sent_values WHERE source_id = ?1 LIMIT ?2)";

fn read(row: &Row<'_>) -> Result<Run, StoreError> {
    let (kind, subject, stage): (String, String, String) = (row.get("kind")?, row.get("subject")?, row.get("stage")?);
    Ok(Run {
        subject: Subject::parse(&kind, &subject).ok_or_else(|| StoreError::damaged("subject", &subject))?,
        organization: row.get("organization_id")?,
        number: row.get("number")?,
        stage: Stage::parse(&stage).ok_or_else(|| StoreError::damaged("stage", &stage))?,
        place: row.get("place")?,
        round_from: row.get("round_from")?,
        is_round: row.get("is_round")?,
        changed: row.get("changed")?,
        stepped_at: row.get("stepped_at")?,
    })
}

pub fn find(tx: &ReadTx<'_>, organization: &OrganizationId, subject: &Subject) -> Result<Option<Run>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE organization_id = ?1 AND kind = ?2 AND subject = ?3");
    let params = [organization.into(), subject.kind().into(), subject.name().into()];
    tx.find(&sql, &params, read)
}

/// Those that nobody has carried on since then, the longest waiting first.
pub fn list_left(tx: &ReadTx<'_>, since: Timestamp) -> Result<Vec<Run>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE stepped_at <= ?1 ORDER BY stepped_at LIMIT 100");
    tx.list(&sql, &[since.into()], read)
}

/// Begins a run, or moves it; one of the same subject that was there is replaced.
pub fn put(tx: &WriteTx<'_>, run: &Run) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO runs (kind, subject, organization_id, number, stage, place, changed, stepped_at, round_from, is_round) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (organization_id, kind, subject) DO UPDATE SET \
         number = excluded.number, stage = excluded.stage, place = excluded.place, changed = excluded.changed, \
         stepped_at = excluded.stepped_at, round_from = excluded.round_from, is_round = excluded.is_round",
        &[
            run.subject.kind().into(),
            run.subject.name().into(),
            (&run.organization).into(),
            run.number.into(),
            run.stage.as_str().into(),
            (&run.place).into(),
            run.changed.into(),
            run.stepped_at.into(),
            (&run.round_from).into(),
            run.is_round.into(),
        ],
    )?;
    Ok(())
}

pub fn delete(tx: &WriteTx<'_>, organization: &OrganizationId, subject: &Subject) -> Result<(), StoreError> {
    let sql = "DELETE FROM runs WHERE organization_id = ?1 AND kind = ?2 AND subject = ?3";
    tx.execute(sql, &[organization.into(), subject.kind().into(), subject.name().into()])?;
    Ok(())
}

/// Takes rows away that hung on what was deleted, at most so many; says how many.
pub fn delete_rows(tx: &WriteTx<'_>, run: &Run, most: u32) -> Result<usize, StoreError> {
    match &run.subject {
        Subject::Mappings(_) | Subject::Directory(_) => Ok(0),
        Subject::Role(slug) => {
            let sql = "DELETE FROM member_roles WHERE (member_id, role, came_from) IN (SELECT member_id, role, came_from \
                       FROM member_roles WHERE organization_id = ?1 AND role = ?2 LIMIT ?3)";
            tx.execute(sql, &[(&run.organization).into(), slug.into(), most.into()])
        }
        Subject::Team(id) => {
            let sql = "DELETE FROM team_members WHERE (team_id, member_id, came_from) IN (SELECT team_id, member_id, came_from \
                       FROM team_members WHERE team_id = ?1 LIMIT ?2)";
            tx.execute(sql, &[id.into(), most.into()])
        }
        Subject::Connection(id) => delete_of_connection(tx, id, most),
        Subject::DeletedDirectory(id) => delete_of_directory(tx, id, most),
    }
}

/// What it gave was taken back before, member by member; the rows that name nobody who is left go here. Those of its groups'
/// members go by `scim_groups::sweep_sets`.
fn delete_of_directory(tx: &WriteTx<'_>, id: &DirectoryId, most: u32) -> Result<usize, StoreError> {
    let number = "(SELECT number FROM directories WHERE id = ?1)";
    let mut left = most;
    for sql in [
        "DELETE FROM member_roles WHERE (member_id, role, came_from) IN \
         (SELECT member_id, role, came_from FROM member_roles WHERE came_from = ?1 AND came_from <> 'local' LIMIT ?2)"
            .to_owned(),
        "DELETE FROM team_members WHERE (team_id, member_id, came_from) IN \
         (SELECT team_id, member_id, came_from FROM team_members WHERE came_from = ?1 AND came_from <> 'local' LIMIT ?2)"
            .to_owned(),
        "DELETE FROM member_tags WHERE (member_id, tag, came_from) IN \
         (SELECT member_id, tag, came_from FROM member_tags WHERE came_from = ?1 LIMIT ?2)"
            .to_owned(),
        SENT_VALUES.to_owned(),
        "DELETE FROM groups WHERE number IN (SELECT number FROM groups WHERE directory_id = ?1 LIMIT ?2)".to_owned(),
        format!(
            "DELETE FROM scim_emails WHERE (directory, email, user_number) IN \
             (SELECT directory, email, user_number FROM scim_emails WHERE directory = {number} LIMIT ?2)"
        ),
        format!(
            "DELETE FROM scim_users WHERE number IN \
             (SELECT number FROM scim_users WHERE directory = {number} AND deleted_at IS NULL LIMIT ?2)"
        ),
        format!(
            "DELETE FROM scim_users WHERE number IN \
             (SELECT number FROM scim_users WHERE directory = {number} AND deleted_at IS NOT NULL LIMIT ?2)"
        ),
        format!(
            "DELETE FROM scim_blocks WHERE (directory, block) IN \
             (SELECT directory, block FROM scim_blocks WHERE directory = {number} LIMIT ?2)"
        ),
        format!(
            "DELETE FROM directory_losses WHERE (directory, who) IN \
             (SELECT directory, who FROM directory_losses WHERE directory = {number} LIMIT ?2)"
        ),
        "DELETE FROM scim_requests WHERE (directory_id, id) IN \
         (SELECT directory_id, id FROM scim_requests WHERE directory_id = ?1 LIMIT ?2)"
            .to_owned(),
        "DELETE FROM scim_quirks WHERE (directory_id, quirk) IN \
         (SELECT directory_id, quirk FROM scim_quirks WHERE directory_id = ?1 LIMIT ?2)"
            .to_owned(),
    ] {
        let deleted = tx.execute(&sql, &[id.into(), left.into()])?;
        left = left.saturating_sub(u32::try_from(deleted).unwrap_or(u32::MAX));
        if left == 0 {
            break;
        }
    }
    Ok((most - left) as usize)
}

fn delete_of_connection(tx: &WriteTx<'_>, id: &ConnectionId, most: u32) -> Result<usize, StoreError> {
    let mut left = most;
    for sql in [
        "DELETE FROM identities WHERE id IN (SELECT id FROM identities WHERE connection_id = ?1 LIMIT ?2)",
        "DELETE FROM tests WHERE id IN (SELECT id FROM tests WHERE connection_id = ?1 LIMIT ?2)",
        SENT_VALUES,
    ] {
        let deleted = tx.execute(sql, &[id.into(), left.into()])?;
        left = left.saturating_sub(u32::try_from(deleted).unwrap_or(u32::MAX));
        if left == 0 {
            return Ok(most as usize);
        }
    }
    // A group goes once it is empty.
    while left > 0 {
        let sql = "SELECT id FROM groups WHERE connection_id = ?1 LIMIT 1";
        let Some(group) = tx.find(sql, &[id.into()], |row| row.get::<GroupId>("id"))? else { break };
        let sql = "DELETE FROM group_members WHERE (group_id, member_id) IN \
                   (SELECT group_id, member_id FROM group_members WHERE group_id = ?1 LIMIT ?2)";
        let deleted = tx.execute(sql, &[(&group).into(), left.into()])?;
        left = left.saturating_sub(u32::try_from(deleted).unwrap_or(u32::MAX));
        if left > 0 {
            left -= 1;
            tx.execute("DELETE FROM groups WHERE id = ?1", &[(&group).into()])?;
        }
    }
    Ok((most - left) as usize)
}
