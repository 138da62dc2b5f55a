//! Users as identity providers see them: a document each, and beside it what is looked for.

use crate::model::directory::Directory;
use crate::model::id::{DirectoryId, GroupId, MemberId, ScimUserId};
use crate::model::page::{Page, Window};
use crate::model::scim::{ScimUser, UserDocument};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, Value, WriteTx};

pub(super) const COLUMNS: &str = "r.number, r.id, r.external_id, r.user_name, r.email, r.document, \
     r.is_active, r.member_id, r.problem, r.created_at, r.modified_at, r.version";
pub(super) const DOCUMENT: &str = "r.number, r.id, r.document, r.created_at, r.modified_at, r.version";
pub(super) const FROM: &str = "scim_users r";

/// Numbers that are counted together.
pub(super) const BLOCK: i64 = 4096;

pub(super) fn read(row: &Row<'_>) -> Result<ScimUser, StoreError> {
    Ok(ScimUser {
        number: row.get("number")?,
        id: row.get("id")?,
        external_id: row.get("external_id")?,
        user_name: row.get("user_name")?,
        email: row.get("email")?,
        document: row.get("document")?,
        is_active: row.get("is_active")?,
        member: row.get("member_id")?,
        problem: row.get("problem")?,
        created_at: row.get("created_at")?,
        modified_at: row.get("modified_at")?,
        version: row.get("version")?,
    })
}

/// Where it stands.
fn standing<'a>(row: &'a Row<'_>) -> Result<UserDocument<&'a str>, StoreError> {
    Ok(UserDocument {
        number: row.get("number")?,
        id: row.text("id")?,
        text: row.text("document")?,
        created_at: row.get("created_at")?,
        modified_at: row.get("modified_at")?,
        version: row.get("version")?,
    })
}

pub(super) fn read_document(row: &Row<'_>) -> Result<UserDocument<String>, StoreError> {
    standing(row).map(UserDocument::to_owned)
}

pub fn find(tx: &ReadTx<'_>, directory: &Directory, id: &ScimUserId) -> Result<Option<ScimUser>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM {FROM} WHERE r.id = ?2 AND r.directory = ?1 AND r.deleted_at IS NULL");
    tx.find(&sql, &[directory.number.into(), id.into()], read)
}

/// What a user is written out of, and what to call them.
pub fn find_shown(
    tx: &ReadTx<'_>,
    directory: &Directory,
    id: &ScimUserId,
) -> Result<Option<(UserDocument<String>, String)>, StoreError> {
    let sql = format!(
        "SELECT {DOCUMENT}, coalesce(r.email, r.user_name) AS who FROM {FROM} \
         WHERE r.id = ?2 AND r.directory = ?1 AND r.deleted_at IS NULL"
    );
    let read = |row: &Row<'_>| Ok((read_document(row)?, row.get("who")?));
    tx.find(&sql, &[directory.number.into(), id.into()], read)
}

/// The users that a member is, in whichever directories.
pub fn list_by_member(tx: &ReadTx<'_>, member: &MemberId) -> Result<Vec<ScimUser>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM {FROM} WHERE r.member_id = ?1 AND r.deleted_at IS NULL ORDER BY r.number");
    tx.list(&sql, &[member.into()], read)
}

/// The same, each with its directory.
pub fn list_with_directories(tx: &ReadTx<'_>, member: &MemberId) -> Result<Vec<(ScimUser, DirectoryId)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, d.id AS directory_id FROM {FROM} CROSS JOIN directories d WHERE r.member_id = ?1 \
         AND r.deleted_at IS NULL AND d.number = r.directory ORDER BY r.number"
    );
    tx.list(&sql, &[member.into()], |row| Ok((read(row)?, row.get("directory_id")?)))
}

/// Users with whom something is odd, in the order in which they came.
pub fn list_odd(tx: &ReadTx<'_>, directory: &Directory, window: &Window) -> Result<Page<ScimUser>, StoreError> {
    let after = "coalesce((SELECT number FROM scim_users WHERE id = ?2), 0)";
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE r.directory = ?1 AND r.problem IS NOT NULL AND r.deleted_at IS NULL \
         AND r.number > {after} ORDER BY r.number LIMIT ?3"
    );
    let limit = i64::try_from(window.limit + 1).unwrap_or(i64::MAX);
    let params = [directory.number.into(), window.after.as_deref().unwrap_or("").into(), limit.into()];
    let rows = tx.list(&sql, &params, read)?;
    Ok(Page::cut(rows, window.limit, |user| user.id.to_string()))
}

pub fn find_by_number(tx: &ReadTx<'_>, number: i64) -> Result<Option<ScimUser>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM {FROM} WHERE r.number = ?1 AND r.deleted_at IS NULL");
    tx.find(&sql, &[number.into()], read)
}

pub fn find_document(tx: &ReadTx<'_>, number: i64) -> Result<Option<UserDocument<String>>, StoreError> {
    let sql = format!("SELECT {DOCUMENT} FROM {FROM} WHERE r.number = ?1 AND r.deleted_at IS NULL");
    tx.find(&sql, &[number.into()], read_document)
}

/// Users behind this number, in their order.
pub fn list_after(tx: &ReadTx<'_>, directory: &Directory, after: i64, most: u32) -> Result<Vec<ScimUser>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE r.directory = ?1 AND r.deleted_at IS NULL AND r.number > ?2 ORDER BY r.number LIMIT ?3"
    );
    tx.list(&sql, &[directory.number.into(), after.into(), most.into()], read)
}

pub fn has_external_id(tx: &ReadTx<'_>, directory: &Directory, external_id: &str) -> Result<bool, StoreError> {
    let sql =
        "SELECT 1 AS found FROM scim_users WHERE directory = ?1 AND external_id = ?2 AND deleted_at IS NULL LIMIT 1";
    tx.has(sql, &[directory.number.into(), external_id.into()])
}

/// Whether somebody has this user name, and another address.
pub fn has_name_beside_address(tx: &ReadTx<'_>, directory: &Directory, user_name: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 AS found FROM scim_users WHERE directory = ?1 AND user_name = ?2 AND deleted_at IS NULL \
               AND email IS NOT NULL AND email <> user_name LIMIT 1";
    tx.has(sql, &[directory.number.into(), user_name.into()])
}

/// Whether users came so closely one after the other that a walk by their numbers meets few others.
fn are_close(numbers: &[i64]) -> Option<(i64, i64)> {
    let (first, last) = (*numbers.iter().min()?, *numbers.iter().max()?);
    (last.abs_diff(first) < 4 * numbers.len() as u64).then_some((first, last))
}

/// Shows the documents of these users, who are all those of the directory from the first to the last, in their order, each
/// where it stands.
pub fn each_document(
    tx: &ReadTx<'_>,
    directory: &Directory,
    numbers: &[i64],
    mut show: impl FnMut(UserDocument<&str>),
) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return Ok(()) };
    // By the rows themselves, and where other directories' stand between them by the index.
    let (by, column) = if are_close(numbers).is_some() { ("NOT INDEXED", "+r.directory") } else { ("", "r.directory") };
    let sql = format!(
        "SELECT {DOCUMENT} FROM {FROM} {by} WHERE {column} = ?1 AND r.deleted_at IS NULL AND r.number BETWEEN ?2 AND ?3 \
         ORDER BY r.number"
    );
    tx.each(&sql, &[directory.number.into(), (*first).into(), (*last).into()], |row| {
        show(standing(row)?);
        Ok(())
    })
}

/// By their numbers alone.
pub fn list_numbers(tx: &ReadTx<'_>, directory: &Directory, after: i64, most: u32) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT number FROM scim_users WHERE directory = ?1 AND deleted_at IS NULL AND number > ?2 ORDER BY number LIMIT ?3";
    tx.list(sql, &[directory.number.into(), after.into(), most.into()], |row| row.get("number"))
}

/// The members of users who bear this external id or one of these names; two are enough to know that it is not one.
pub fn list_members_named(
    tx: &ReadTx<'_>,
    directory: &Directory,
    external_id: &str,
    names: &[String],
) -> Result<Vec<MemberId>, StoreError> {
    let places: Vec<String> = (3..names.len() + 3).map(|n| format!("?{n}")).collect();
    let is_live = "directory = ?1 AND deleted_at IS NULL";
    let sql = format!(
        "SELECT member_id FROM scim_users WHERE {is_live} AND external_id = ?2 AND member_id IS NOT NULL \
         UNION SELECT member_id FROM scim_users WHERE {is_live} AND user_name IN ({}) AND member_id IS NOT NULL LIMIT 2",
        places.join(", ")
    );
    let mut params: Vec<Value> = vec![directory.number.into(), external_id.into()];
    params.extend(names.iter().map(Value::from));
    tx.list(&sql, &params, |row| row.get("member_id"))
}

pub fn is_taken(tx: &ReadTx<'_>, directory: &Directory, user_name: &str, but: Option<i64>) -> Result<bool, StoreError> {
    let sql = "SELECT number FROM scim_users WHERE directory = ?1 AND user_name = ?2 AND deleted_at IS NULL";
    Ok(tx
        .find(sql, &[directory.number.into(), user_name.into()], |row| Ok(Some(row.get::<i64>("number")?) != but))?
        .unwrap_or(false))
}

/// Members whose users of this external id were deleted; two are enough to know that it is not one.
pub fn list_tombstones(tx: &ReadTx<'_>, directory: &Directory, external_id: &str) -> Result<Vec<MemberId>, StoreError> {
    let sql = "SELECT DISTINCT member_id FROM scim_users WHERE directory = ?1 AND external_id = ?2 \
               AND deleted_at IS NOT NULL AND member_id IS NOT NULL LIMIT 2";
    tx.list(sql, &[directory.number.into(), external_id.into()], |row| row.get("member_id"))
}

/// Sets the number.
pub fn insert(
    tx: &WriteTx<'_>,
    directory: &Directory,
    user: &mut ScimUser,
    emails: &[String],
) -> Result<(), StoreError> {
    let number = tx.find(
        "INSERT INTO scim_users (id, directory, external_id, user_name, email, document, is_active, member_id, problem, \
         created_at, modified_at, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) RETURNING number",
        &[
            (&user.id).into(),
            directory.number.into(),
            user.external_id.clone().into(),
            (&user.user_name).into(),
            user.email.clone().into(),
            (&user.document).into(),
            user.is_active.into(),
            user.member.as_ref().map(MemberId::as_str).into(),
            user.problem.clone().into(),
            user.created_at.into(),
            user.modified_at.into(),
            user.version.into(),
        ],
        |row| row.get("number"),
    )?;
    user.number = number.unwrap_or(0);
    insert_emails(tx, directory, user, emails)?;
    tx.execute(
        "INSERT INTO scim_blocks (directory, block, users, first_number, last_number) VALUES (?1, ?2, 1, ?3, ?3) \
         ON CONFLICT (directory, block) DO UPDATE SET users = users + 1, last_number = excluded.last_number",
        &[directory.number.into(), (user.number / BLOCK).into(), user.number.into()],
    )?;
    Ok(())
}

fn delete_emails(
    tx: &WriteTx<'_>,
    directory: &Directory,
    user: &ScimUser,
    emails: &[String],
) -> Result<(), StoreError> {
    let sql = "DELETE FROM scim_emails WHERE directory = ?1 AND email = ?2 AND user_number = ?3";
    for email in emails {
        tx.execute(sql, &[directory.number.into(), email.into(), user.number.into()])?;
    }
    Ok(())
}

fn insert_emails(
    tx: &WriteTx<'_>,
    directory: &Directory,
    user: &ScimUser,
    emails: &[String],
) -> Result<(), StoreError> {
    for email in emails {
        tx.execute(
            "INSERT INTO scim_emails (directory, email, user_number) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            &[directory.number.into(), email.into(), user.number.into()],
        )?;
    }
    Ok(())
}

/// What the document says, and the addresses in it where they change; the version counts by itself.
pub fn update(
    tx: &WriteTx<'_>,
    directory: &Directory,
    user: &ScimUser,
    (known, wanted): (&[String], &[String]),
) -> Result<(), StoreError> {
    tx.update_changed(
        "scim_users",
        ("number", user.number.into()),
        &[
            ("external_id", user.external_id.clone().into()),
            ("user_name", (&user.user_name).into()),
            ("email", user.email.clone().into()),
            ("document", (&user.document).into()),
            ("is_active", user.is_active.into()),
            ("member_id", user.member.as_ref().map(MemberId::as_str).into()),
            ("problem", user.problem.clone().into()),
            ("modified_at", user.modified_at.into()),
        ],
    )?;
    if known == wanted {
        return Ok(());
    }
    delete_emails(tx, directory, user, known)?;
    insert_emails(tx, directory, user, wanted)
}

/// Which member a user is, and what is odd about it; the identity provider sees none of it.
pub fn update_member(
    tx: &WriteTx<'_>,
    number: i64,
    member: Option<&MemberId>,
    problem: Option<&str>,
) -> Result<(), StoreError> {
    let sql = "UPDATE scim_users SET member_id = ?2, problem = ?3 WHERE number = ?1";
    tx.execute(sql, &[number.into(), member.map(MemberId::as_str).into(), problem.into()])?;
    Ok(())
}

/// Leaves a tombstone, in no group. `emails`: the addresses in its document.
pub fn delete(
    tx: &WriteTx<'_>,
    directory: &Directory,
    user: &ScimUser,
    emails: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    let number = Value::from(user.number);
    let sql = "UPDATE groups SET version = version + 1, modified_at = ?2 WHERE member_set IN \
               (SELECT member_set FROM memberships WHERE user_number = ?1)";
    tx.execute(sql, &[number.clone(), now.into()])?;
    delete_emails(tx, directory, user, emails)?;
    tx.execute("DELETE FROM memberships WHERE user_number = ?1", std::slice::from_ref(&number))?;
    let sql = "UPDATE scim_users SET deleted_at = ?2, document = '{}', problem = NULL WHERE number = ?1";
    tx.execute(sql, &[number, now.into()])?;
    let sql = "UPDATE scim_blocks SET users = users - 1 WHERE directory = ?1 AND block = ?2";
    tx.execute(sql, &[directory.number.into(), (user.number / BLOCK).into()])?;
    Ok(())
}

/// The groups of these users, by the number of the user.
pub fn list_groups(tx: &ReadTx<'_>, numbers: &[i64]) -> Result<Vec<(i64, GroupId, String)>, StoreError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let read = |row: &Row<'_>| Ok((row.get("user_number")?, row.get("id")?, row.get("name")?));
    // Users of a page mostly came one after the other: then one walk finds the groups of all.
    if let Some((first, last)) = are_close(numbers) {
        let sql = "SELECT m.user_number, g.id, g.name FROM memberships m CROSS JOIN groups g WHERE g.member_set = m.member_set \
                   AND m.user_number BETWEEN ?1 AND ?2 ORDER BY m.user_number, g.number";
        let mut found: Vec<(i64, GroupId, String)> = tx.list(sql, &[first.into(), last.into()], read)?;
        found.retain(|(number, ..)| numbers.contains(number));
        return Ok(found);
    }
    let places: Vec<String> = (1..=numbers.len()).map(|n| format!("?{n}")).collect();
    let sql = format!(
        "SELECT m.user_number, g.id, g.name FROM memberships m CROSS JOIN groups g WHERE g.member_set = m.member_set \
         AND m.user_number IN ({}) ORDER BY m.user_number, g.number",
        places.join(", ")
    );
    let params: Vec<Value> = numbers.iter().map(|number| (*number).into()).collect();
    tx.list(&sql, &params, read)
}
