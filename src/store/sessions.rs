//! Sessions and one-time links. Only hashes of their secrets are kept.

use crate::model::id::{ConnectionId, LinkId, MemberId, OrganizationId, SessionId};
use crate::model::link::{Link, Purpose};
use crate::model::logout::{NameId, ProviderSession};
use crate::model::session::{Method, Session};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, Value, WriteTx};

pub(super) const COLUMNS: &str = "id, organization_id, member_id, method, connection_id, ip, user_agent, started_at, last_seen_at, \
     console_seen_at, expires_at";

pub(super) fn read(row: &Row<'_>) -> Result<Session, StoreError> {
    let method: String = row.get("method")?;
    let method = match method.as_str() {
        "password" => Method::Password,
        "saml" => Method::Saml(row.get("connection_id")?),
        other => return Err(StoreError::damaged("method", other)),
    };
    Ok(Session {
        id: row.get("id")?,
        organization: row.get("organization_id")?,
        member: row.get("member_id")?,
        method,
        ip: row.get("ip")?,
        user_agent: row.get("user_agent")?,
        started_at: row.get("started_at")?,
        last_seen_at: row.get("last_seen_at")?,
        console_seen_at: row.get("console_seen_at")?,
        expires_at: row.get("expires_at")?,
    })
}

pub fn find_by_token(tx: &ReadTx<'_>, hash: &[u8; 32]) -> Result<Option<Session>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM sessions WHERE token_hash = ?1");
    tx.find(&sql, &[(*hash).into()], read)
}

fn read_provider_session(row: &Row<'_>) -> Result<Option<ProviderSession>, StoreError> {
    let Some(value) = row.get::<Option<String>>("name_id")? else { return Ok(None) };
    let name_id = NameId {
        value,
        format: row.get("name_id_format")?,
        name_qualifier: row.get("name_qualifier")?,
        sp_name_qualifier: row.get("sp_name_qualifier")?,
    };
    Ok(Some(ProviderSession { name_id, index: row.get("session_index")? }))
}

/// What the identity provider calls this session; none where it never named the person by a NameID.
pub fn find_provider_session(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    id: &SessionId,
) -> Result<Option<ProviderSession>, StoreError> {
    let sql = "SELECT name_id, name_id_format, name_qualifier, sp_name_qualifier, session_index FROM sessions \
               WHERE id = ?2 AND organization_id = ?1";
    Ok(tx.find(sql, &[organization.into(), id.into()], read_provider_session)?.flatten())
}

const NAMED: &str = "id, name_id, name_id_format, name_qualifier, sp_name_qualifier, session_index";

fn read_named(row: &Row<'_>) -> Result<(SessionId, ProviderSession), StoreError> {
    let named = read_provider_session(row)?.ok_or_else(|| StoreError::damaged("name_id", "nothing"))?;
    Ok((row.get("id")?, named))
}

/// The sessions of a connection whose person bears this name there, whatever its format, and is known to the connection by
/// one of these subjects.
pub fn list_by_subject(
    tx: &ReadTx<'_>,
    connection: &ConnectionId,
    issuer: &str,
    name: &str,
    subjects: [&str; 2],
) -> Result<Vec<(SessionId, ProviderSession)>, StoreError> {
    let sql = format!(
        "SELECT {NAMED} FROM sessions WHERE member_id IN (SELECT member_id FROM identities WHERE connection_id = ?1 \
         AND issuer = ?2 AND subject IN (?4, ?5)) AND connection_id = ?1 AND name_id = ?3 ORDER BY id"
    );
    let [one, two] = subjects;
    let params = [connection.into(), issuer.into(), name.into(), one.into(), two.into()];
    tx.list(&sql, &params, read_named)
}

/// The same, whoever the member is. Looks at every session of the organization, and of nobody else's: it alone pays for what
/// its provider asks.
pub fn list_by_name_id(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    connection: &ConnectionId,
    name: &str,
) -> Result<Vec<(SessionId, ProviderSession)>, StoreError> {
    let sql = format!(
        "SELECT {NAMED} FROM sessions WHERE organization_id = ?1 AND connection_id = ?2 AND name_id = ?3 ORDER BY id"
    );
    tx.list(&sql, &[organization.into(), connection.into(), name.into()], read_named)
}

pub fn find(tx: &ReadTx<'_>, organization: &OrganizationId, id: &SessionId) -> Result<Option<Session>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM sessions WHERE id = ?2 AND organization_id = ?1");
    tx.find(&sql, &[organization.into(), id.into()], read)
}

/// `name_id` and `index` are the identity provider's words for it.
pub fn insert(
    tx: &WriteTx<'_>,
    session: &Session,
    hash: &[u8; 32],
    name_id: Option<&NameId>,
    index: Option<&str>,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO sessions (id, organization_id, member_id, token_hash, method, connection_id, session_index, name_id, \
         name_id_format, name_qualifier, sp_name_qualifier, ip, user_agent, started_at, last_seen_at, console_seen_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        &[
            (&session.id).into(),
            (&session.organization).into(),
            (&session.member).into(),
            (*hash).into(),
            session.method.kind().into(),
            session.method.connection().map(|id| id.as_str()).into(),
            index.into(),
            name_id.map(|name| name.value.as_str()).into(),
            name_id.and_then(|name| name.format.as_deref()).into(),
            name_id.and_then(|name| name.name_qualifier.as_deref()).into(),
            name_id.and_then(|name| name.sp_name_qualifier.as_deref()).into(),
            session.ip.clone().into(),
            session.user_agent.clone().into(),
            session.started_at.into(),
            session.last_seen_at.into(),
            session.console_seen_at.into(),
            session.expires_at.into(),
        ],
    )?;
    Ok(())
}

pub fn update_last_seen(tx: &WriteTx<'_>, id: &SessionId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute("UPDATE sessions SET last_seen_at = ?2 WHERE id = ?1", &[id.into(), now.into()])?;
    Ok(())
}

pub fn update_console_seen(tx: &WriteTx<'_>, id: &SessionId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute("UPDATE sessions SET console_seen_at = ?2 WHERE id = ?1", &[id.into(), now.into()])?;
    Ok(())
}

pub fn delete(tx: &WriteTx<'_>, organization: &OrganizationId, id: &SessionId) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM sessions WHERE id = ?2 AND organization_id = ?1", &[organization.into(), id.into()])?
        > 0)
}

/// Ends a member's sessions, but perhaps one; says how many.
pub fn delete_of_member(tx: &WriteTx<'_>, member: &MemberId, but: Option<&SessionId>) -> Result<usize, StoreError> {
    let but = but.map_or("", |id| id.as_str());
    tx.execute("DELETE FROM sessions WHERE member_id = ?1 AND id <> ?2", &[member.into(), but.into()])
}

/// Ends these; says how many there still were.
pub fn delete_all(tx: &WriteTx<'_>, organization: &OrganizationId, ids: &[SessionId]) -> Result<usize, StoreError> {
    let places: Vec<String> = (2..ids.len() + 2).map(|n| format!("?{n}")).collect();
    let sql = format!("DELETE FROM sessions WHERE organization_id = ?1 AND id IN ({})", places.join(", "));
    let params: Vec<Value> = std::iter::once(organization.into()).chain(ids.iter().map(Into::into)).collect();
    tx.execute(&sql, &params)
}

/// What a connection signed in, behind `after`, at most so many. Looks at every session of the organization.
pub fn list_of_connection(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    connection: &ConnectionId,
    after: &str,
    most: u32,
) -> Result<Vec<SessionId>, StoreError> {
    let sql =
        "SELECT id FROM sessions WHERE organization_id = ?1 AND connection_id = ?2 AND id > ?3 ORDER BY id LIMIT ?4";
    tx.list(sql, &[organization.into(), connection.into(), after.into(), most.into()], |row| row.get("id"))
}

/// Ends the oldest sessions of a member beyond so many.
pub fn trim(tx: &WriteTx<'_>, member: &MemberId, most: u32) -> Result<(), StoreError> {
    let sql = "SELECT id FROM sessions WHERE member_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2";
    let newest = tx.find(sql, &[member.into(), most.into()], |row| row.get::<SessionId>("id"))?;
    if let Some(newest) = newest {
        tx.execute("DELETE FROM sessions WHERE member_id = ?1 AND id <= ?2", &[member.into(), (&newest).into()])?;
    }
    Ok(())
}

/// Sessions behind `after` that have ended by themselves, at most so many. Looks at every session.
pub fn list_ended(
    tx: &ReadTx<'_>,
    (now, idle_since): (Timestamp, Timestamp),
    after: &str,
    most: u32,
) -> Result<Vec<SessionId>, StoreError> {
    let sql = "SELECT id FROM sessions WHERE id > ?3 AND (expires_at <= ?1 OR last_seen_at <= ?2) ORDER BY id LIMIT ?4";
    let params = [now.into(), idle_since.into(), after.into(), most.into()];
    tx.list(sql, &params, |row| row.get("id"))
}

/// Forgets a session, unless it was used meanwhile.
pub fn delete_ended(
    tx: &WriteTx<'_>,
    id: &SessionId,
    (now, idle_since): (Timestamp, Timestamp),
) -> Result<usize, StoreError> {
    let sql = "DELETE FROM sessions WHERE id = ?1 AND (expires_at <= ?2 OR last_seen_at <= ?3)";
    tx.execute(sql, &[id.into(), now.into(), idle_since.into()])
}

fn read_link(row: &Row<'_>) -> Result<Link, StoreError> {
    let purpose: String = row.get("purpose")?;
    Ok(Link {
        id: row.get("id")?,
        organization: row.get("organization_id")?,
        member: row.get("member_id")?,
        purpose: Purpose::parse(&purpose).ok_or_else(|| StoreError::damaged("purpose", &purpose))?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
    })
}

/// The link, unless it was used or has ended, or a role of its member holds more than when it was made: whoever made it did
/// so for what they held then.
pub fn find_open_link(tx: &ReadTx<'_>, hash: &[u8; 32], now: Timestamp) -> Result<Option<Link>, StoreError> {
    let sql = "SELECT id, organization_id, member_id, purpose, created_at, expires_at FROM links \
               WHERE token_hash = ?1 AND used_at IS NULL AND expires_at > ?2 AND NOT EXISTS (SELECT 1 FROM member_roles r \
               JOIN access_roles a ON a.organization_id = r.organization_id AND a.slug = r.role \
               WHERE r.member_id = links.member_id AND a.grew_at >= links.created_at)";
    tx.find(sql, &[(*hash).into(), now.into()], read_link)
}

pub fn insert_link(tx: &WriteTx<'_>, link: &Link, hash: &[u8; 32]) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO links (id, organization_id, member_id, purpose, token_hash, created_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            (&link.id).into(),
            (&link.organization).into(),
            (&link.member).into(),
            link.purpose.as_str().into(),
            (*hash).into(),
            link.created_at.into(),
            link.expires_at.into(),
        ],
    )?;
    Ok(())
}

/// True for the one caller who used it.
pub fn use_link(tx: &WriteTx<'_>, id: &LinkId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE links SET used_at = ?2 WHERE id = ?1 AND used_at IS NULL AND expires_at > ?2";
    Ok(tx.execute(sql, &[id.into(), now.into()])? > 0)
}

/// A new link, a new password or a deactivation ends the ones before.
pub fn delete_links_of_member(tx: &WriteTx<'_>, member: &MemberId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM links WHERE member_id = ?1 AND used_at IS NULL", &[member.into()])?;
    Ok(())
}

/// Sessions that somebody began through this connection.
pub fn delete_of_member_by(tx: &WriteTx<'_>, member: &MemberId, by: &ConnectionId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM sessions WHERE member_id = ?1 AND connection_id = ?2", &[member.into(), by.into()])?;
    Ok(())
}

/// Links that were over before then, at most so many.
pub fn delete_old_links(tx: &WriteTx<'_>, before: Timestamp, most: u32) -> Result<usize, StoreError> {
    let sql = "DELETE FROM links WHERE id IN (SELECT id FROM links WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";
    tx.execute(sql, &[before.into(), most.into()])
}
