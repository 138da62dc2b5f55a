//! The log of what was asked of a directory, and the ledger of tolerances.

use crate::model::directory::Directory;
use crate::model::id::{DirectoryId, ScimRequestId};
use crate::model::page::{Page, Window};
use crate::model::scim::{RequestFilter, ScimRequest};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, Value, WriteTx};

/// A directory keeps so many lines at most.
pub const MOST: u32 = 20_000;

pub(super) const COLUMNS: &str =
    "id, directory_id, at, method, path, status, kind, dialect, resource_id, who, words, quirks, body, ip, micros";

pub(super) fn read(row: &Row<'_>) -> Result<ScimRequest, StoreError> {
    let quirks: String = row.get("quirks")?;
    Ok(ScimRequest {
        id: row.get("id")?,
        directory: row.get("directory_id")?,
        at: row.get("at")?,
        method: row.get("method")?,
        path: row.get("path")?,
        status: row.get("status")?,
        kind: row.get("kind")?,
        dialect: row.get("dialect")?,
        resource: row.get("resource_id")?,
        who: row.get("who")?,
        words: row.get("words")?,
        quirks: quirks.split_ascii_whitespace().map(str::to_owned).collect(),
        body: row.get("body")?,
        ip: row.get("ip")?,
        micros: row.get("micros")?,
    })
}

pub fn insert(tx: &WriteTx<'_>, request: &ScimRequest) -> Result<(), StoreError> {
    tx.execute(
        &format!(
            "INSERT INTO scim_requests ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
        ),
        &[
            (&request.id).into(),
            (&request.directory).into(),
            request.at.into(),
            (&request.method).into(),
            (&request.path).into(),
            request.status.into(),
            (&request.kind).into(),
            (&request.dialect).into(),
            request.resource.clone().into(),
            request.who.clone().into(),
            (&request.words).into(),
            request.quirks.join(" ").into(),
            request.body.clone().into(),
            request.ip.clone().into(),
            request.micros.into(),
        ],
    )?;
    for quirk in &request.quirks {
        tx.execute(
            "INSERT INTO scim_quirks (directory_id, quirk, count, first_at, last_at) VALUES (?1, ?2, 1, ?3, ?3) \
             ON CONFLICT (directory_id, quirk) DO UPDATE SET count = count + 1, last_at = excluded.last_at",
            &[(&request.directory).into(), quirk.into(), request.at.into()],
        )?;
    }
    Ok(())
}

/// Newest first.
pub fn list(
    tx: &ReadTx<'_>,
    directory: &Directory,
    filter: &RequestFilter,
    window: &Window,
) -> Result<Page<ScimRequest>, StoreError> {
    let mut wheres = vec!["directory_id = ?1".to_owned()];
    let mut params: Vec<Value> = vec![(&directory.id).into()];
    let mut bind = |value: Value| {
        params.push(value);
        format!("?{}", params.len())
    };
    if let Some(after) = &window.after {
        wheres.push(format!("id < {}", bind(after.into())));
    }
    if let Some(person) = &filter.person {
        let person = bind(person.to_lowercase().into());
        wheres.push(format!("(instr(lower(who), {person}) > 0 OR resource_id = {person})"));
    }
    match filter.is_refused {
        Some(true) => wheres.push("status >= 400".to_owned()),
        Some(false) => wheres.push("status < 400".to_owned()),
        None => {}
    }
    if let Some(kind) = &filter.kind {
        wheres.push(format!("kind = {}", bind(kind.into())));
    }
    if filter.only_changes {
        wheres.push("method NOT IN ('GET', 'HEAD')".to_owned());
    }
    let limit = bind(i64::try_from(window.limit + 1).unwrap_or(i64::MAX).into());
    let sql =
        format!("SELECT {COLUMNS} FROM scim_requests WHERE {} ORDER BY id DESC LIMIT {limit}", wheres.join(" AND "));
    let rows = tx.list(&sql, &params, read)?;
    Ok(Page::cut(rows, window.limit, |request| request.id.to_string()))
}

/// Whether any request that is kept was answered with what it asked for.
pub fn has_good(tx: &ReadTx<'_>, directory: &DirectoryId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 AS found FROM scim_requests WHERE directory_id = ?1 AND status < 400 ORDER BY id DESC LIMIT 1";
    tx.has(sql, &[directory.into()])
}

/// Each tolerance with how often it was needed, and when first and last.
pub fn list_quirks(
    tx: &ReadTx<'_>,
    directory: &DirectoryId,
) -> Result<Vec<(String, u32, Timestamp, Timestamp)>, StoreError> {
    let sql =
        "SELECT quirk, count, first_at, last_at FROM scim_quirks WHERE directory_id = ?1 ORDER BY count DESC, quirk";
    let read = |row: &Row<'_>| Ok((row.get("quirk")?, row.get("count")?, row.get("first_at")?, row.get("last_at")?));
    tx.list(sql, &[directory.into()], read)
}

/// Lines from before then, at most so many.
pub fn delete_old(tx: &WriteTx<'_>, before: Timestamp, most: u32) -> Result<usize, StoreError> {
    let before = ScimRequestId::bound(before);
    let sql = "DELETE FROM scim_requests WHERE (directory_id, id) IN (SELECT r.directory_id, r.id FROM directories d \
               CROSS JOIN scim_requests r WHERE r.directory_id = d.id AND r.id < ?1 LIMIT ?2)";
    tx.execute(sql, &[before.into(), most.into()])
}

/// Lines beyond the newest of a directory that has too many, at most so many.
pub fn trim(tx: &WriteTx<'_>, directory: &DirectoryId, most: u32) -> Result<usize, StoreError> {
    let sql = "SELECT id FROM scim_requests WHERE directory_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2";
    let last = tx.find(sql, &[directory.into(), MOST.into()], |row| row.get::<ScimRequestId>("id"))?;
    let Some(last) = last else { return Ok(0) };
    let sql = "DELETE FROM scim_requests WHERE (directory_id, id) IN (SELECT directory_id, id FROM scim_requests \
               WHERE directory_id = ?1 AND id <= ?2 ORDER BY id LIMIT ?3)";
    tx.execute(sql, &[directory.into(), (&last).into(), most.into()])
}
