//! Directories and their tokens.

use crate::model::directory::{Directory, DirectoryStatus, DirectoryToken, MemberLock};
use crate::model::id::{ConnectionId, DirectoryId, DirectoryTokenId, OrganizationId};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, WriteTx};

const COLUMNS: &str = "d.id, d.number, d.organization_id, d.name, d.provider, d.connection_id, d.status, d.default_role, \
     d.member_lock, d.guard_share, d.extensions, d.groups, d.created_at, d.enabled_at, d.last_request_at, d.version, \
     (SELECT coalesce(sum(b.users), 0) FROM scim_blocks b WHERE b.directory = d.number) AS users";

fn read(row: &Row<'_>) -> Result<Directory, StoreError> {
    let (status, lock): (String, String) = (row.get("status")?, row.get("member_lock")?);
    let role: String = row.get("default_role")?;
    Ok(Directory {
        id: row.get("id")?,
        number: row.get("number")?,
        organization: row.get("organization_id")?,
        name: row.get("name")?,
        provider: row.get("provider")?,
        connection: row.get("connection_id")?,
        status: DirectoryStatus::parse(&status).ok_or_else(|| StoreError::damaged("status", &status))?,
        default_role: role.parse().map_err(|_| StoreError::damaged("default_role", &role))?,
        lock: MemberLock::parse(&lock).ok_or_else(|| StoreError::damaged("member_lock", &lock))?,
        guard_share: row.get("guard_share")?,
        extensions: row.get("extensions")?,
        users: row.get("users")?,
        groups: row.get("groups")?,
        created_at: row.get("created_at")?,
        enabled_at: row.get("enabled_at")?,
        last_request_at: row.get("last_request_at")?,
        version: row.get("version")?,
    })
}

const TOKEN: &str = "t.id AS token_id, t.directory_id, t.prefix, t.created_by, t.created_at AS made_at, t.expires_at, \
     t.retires_at, t.last_used_at";

fn read_token(row: &Row<'_>) -> Result<DirectoryToken, StoreError> {
    Ok(DirectoryToken {
        id: row.get("token_id")?,
        directory: row.get("directory_id")?,
        prefix: row.get("prefix")?,
        created_at: row.get("made_at")?,
        created_by: row.get("created_by")?,
        expires_at: row.get("expires_at")?,
        retires_at: row.get("retires_at")?,
        last_used_at: row.get("last_used_at")?,
    })
}

pub fn find(tx: &ReadTx<'_>, organization: &OrganizationId, id: &DirectoryId) -> Result<Option<Directory>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM directories d WHERE d.id = ?2 AND d.organization_id = ?1 AND d.deleted_at IS NULL"
    );
    tx.find(&sql, &[organization.into(), id.into()], read)
}

/// By its id alone, as grants name it.
pub fn find_anywhere(tx: &ReadTx<'_>, id: &DirectoryId) -> Result<Option<Directory>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM directories d WHERE d.id = ?1 AND d.deleted_at IS NULL");
    tx.find(&sql, &[id.into()], read)
}

/// The same, and whether this token of it still counts then.
pub fn find_with_token(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    id: &DirectoryId,
    token: &DirectoryTokenId,
    now: Timestamp,
) -> Result<Option<(Directory, bool)>, StoreError> {
    let counts = "SELECT 1 FROM directory_tokens t WHERE t.id = ?3 AND t.directory_id = d.id \
                  AND (t.expires_at IS NULL OR t.expires_at > ?4) AND (t.retires_at IS NULL OR t.retires_at > ?4)";
    let sql = format!(
        "SELECT {COLUMNS}, EXISTS ({counts}) AS counts FROM directories d \
         WHERE d.id = ?2 AND d.organization_id = ?1 AND d.deleted_at IS NULL"
    );
    tx.find(&sql, &[organization.into(), id.into(), token.into(), now.into()], |row| {
        Ok((read(row)?, row.get("counts")?))
    })
}

/// Also one that was deleted.
pub fn find_ever(tx: &ReadTx<'_>, id: &DirectoryId) -> Result<Option<Directory>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM directories d WHERE d.id = ?1");
    tx.find(&sql, &[id.into()], read)
}

/// All of an organization; they are few.
pub fn list(tx: &ReadTx<'_>, organization: &OrganizationId) -> Result<Vec<Directory>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM directories d WHERE d.organization_id = ?1 AND d.deleted_at IS NULL ORDER BY d.id"
    );
    tx.list(&sql, &[organization.into()], read)
}

/// The enabled ones of a connection.
pub fn list_enabled_of(tx: &ReadTx<'_>, connection: &ConnectionId) -> Result<Vec<Directory>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM directories d WHERE d.connection_id = ?1 AND d.status = 'enabled' AND d.deleted_at IS NULL ORDER BY d.id"
    );
    tx.list(&sql, &[connection.into()], read)
}

/// Whose token this is, and the token.
pub fn find_by_token(tx: &ReadTx<'_>, hash: &[u8; 32]) -> Result<Option<(Directory, DirectoryToken)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, {TOKEN} FROM directory_tokens t JOIN directories d ON d.id = t.directory_id \
         WHERE t.token_hash = ?1 AND d.deleted_at IS NULL"
    );
    tx.find(&sql, &[(*hash).into()], |row| Ok((read(row)?, read_token(row)?)))
}

/// Answers with the number of the row.
pub fn insert(tx: &WriteTx<'_>, directory: &Directory) -> Result<i64, StoreError> {
    let number = tx.find(
        "INSERT INTO directories (id, organization_id, name, provider, connection_id, status, default_role, member_lock, \
         guard_share, created_at, extensions, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1) RETURNING number",
        &[
            (&directory.id).into(),
            (&directory.organization).into(),
            (&directory.name).into(),
            (&directory.provider).into(),
            directory.connection.as_ref().map(ConnectionId::as_str).into(),
            directory.status.as_str().into(),
            directory.default_role.as_str().into(),
            directory.lock.as_str().into(),
            directory.guard_share.into(),
            directory.created_at.into(),
            directory.extensions.clone().into(),
        ],
        |row| row.get("number"),
    )?;
    Ok(number.unwrap_or(0))
}

/// What an admin sets; the counts have calls of their own.
pub fn update(tx: &WriteTx<'_>, directory: &Directory) -> Result<(), StoreError> {
    tx.begin_generation();
    tx.execute(
        "UPDATE directories SET name = ?2, provider = ?3, connection_id = ?4, status = ?5, default_role = ?6, member_lock = ?7, \
         guard_share = ?8, enabled_at = ?9, extensions = ?10, version = version + 1 WHERE id = ?1",
        &[
            (&directory.id).into(),
            (&directory.name).into(),
            (&directory.provider).into(),
            directory.connection.as_ref().map(ConnectionId::as_str).into(),
            directory.status.as_str().into(),
            directory.default_role.as_str().into(),
            directory.lock.as_str().into(),
            directory.guard_share.into(),
            directory.enabled_at.into(),
            directory.extensions.clone().into(),
        ],
    )?;
    Ok(())
}

/// Its tokens end at once; what else hangs on it goes in steps (`runs::delete_rows`). The row stays, so that its number is
/// given to no other.
pub fn delete(tx: &WriteTx<'_>, id: &DirectoryId, now: Timestamp) -> Result<(), StoreError> {
    tx.begin_generation();
    tx.execute("DELETE FROM directory_tokens WHERE directory_id = ?1", &[id.into()])?;
    let sql = "UPDATE directories SET deleted_at = ?2, status = 'disabled', connection_id = NULL, extensions = NULL, \
               held_at = NULL, let_pass_until = NULL, groups = 0, version = version + 1 WHERE id = ?1";
    tx.execute(sql, &[id.into(), now.into()])?;
    Ok(())
}

/// One more or less of what the identity provider sees.
pub fn count_groups(tx: &WriteTx<'_>, number: i64, more: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE directories SET groups = groups + ?2 WHERE number = ?1", &[number.into(), more.into()])?;
    Ok(())
}

pub fn list_tokens(tx: &ReadTx<'_>, directory: &DirectoryId) -> Result<Vec<DirectoryToken>, StoreError> {
    let sql = format!("SELECT {TOKEN} FROM directory_tokens t WHERE t.directory_id = ?1 ORDER BY t.id");
    tx.list(&sql, &[directory.into()], read_token)
}

pub fn insert_token(tx: &WriteTx<'_>, token: &DirectoryToken, hash: &[u8; 32]) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO directory_tokens (id, directory_id, prefix, token_hash, created_by, created_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            (&token.id).into(),
            (&token.directory).into(),
            (&token.prefix).into(),
            (*hash).into(),
            (&token.created_by).into(),
            token.created_at.into(),
            token.expires_at.into(),
        ],
    )?;
    Ok(())
}

/// All but this one end then, unless they end sooner.
pub fn retire_tokens(
    tx: &WriteTx<'_>,
    directory: &DirectoryId,
    but: &DirectoryTokenId,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.begin_generation();
    let sql = "UPDATE directory_tokens SET retires_at = ?3 WHERE directory_id = ?1 AND id <> ?2 AND retires_at IS NULL";
    tx.execute(sql, &[directory.into(), but.into(), at.into()])?;
    Ok(())
}

/// A token that ends at a time that an admin chose.
#[derive(Debug, Clone)]
pub struct TokenEnd {
    pub id: DirectoryTokenId,
    pub prefix: String,
    pub end: Timestamp,
    /// The stage that was told last.
    pub told: Option<u32>,
    pub directory: DirectoryId,
    pub organization: OrganizationId,
    pub name: String,
}

/// Those in use that end before then.
pub fn list_ends(tx: &ReadTx<'_>, before: Timestamp) -> Result<Vec<TokenEnd>, StoreError> {
    let sql = "SELECT t.id, t.prefix, t.expires_at, t.told_days, d.id AS directory_id, d.organization_id, d.name \
               FROM directory_tokens t JOIN directories d ON d.id = t.directory_id WHERE t.expires_at <= ?1 \
               AND t.retires_at IS NULL AND d.deleted_at IS NULL AND d.status <> 'disabled' ORDER BY t.id";
    let read = |row: &Row<'_>| -> Result<TokenEnd, StoreError> {
        Ok(TokenEnd {
            id: row.get("id")?,
            prefix: row.get("prefix")?,
            end: row.get("expires_at")?,
            told: row.get("told_days")?,
            directory: row.get("directory_id")?,
            organization: row.get("organization_id")?,
            name: row.get("name")?,
        })
    };
    tx.list(sql, &[before.into()], read)
}

pub fn update_told(tx: &WriteTx<'_>, token: &DirectoryTokenId, days: u32) -> Result<(), StoreError> {
    tx.execute("UPDATE directory_tokens SET told_days = ?2 WHERE id = ?1", &[token.into(), days.into()])?;
    Ok(())
}

pub fn delete_token(tx: &WriteTx<'_>, id: &DirectoryTokenId) -> Result<(), StoreError> {
    tx.begin_generation();
    tx.execute("DELETE FROM directory_tokens WHERE id = ?1", &[id.into()])?;
    Ok(())
}

pub fn note_use(
    tx: &WriteTx<'_>,
    directory: &DirectoryId,
    token: &DirectoryTokenId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute("UPDATE directory_tokens SET last_used_at = ?2 WHERE id = ?1", &[token.into(), now.into()])?;
    tx.execute("UPDATE directories SET last_request_at = ?2 WHERE id = ?1", &[directory.into(), now.into()])?;
    Ok(())
}
