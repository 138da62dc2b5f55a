//! Members, their roles, and the identities that sign them in.

use crate::model::email::Email;
use crate::model::id::{ConnectionId, IdentityId, MemberId, OrganizationId};
use crate::model::member::{Identity, Member, Profile, Source, Status};
use crate::model::page::{Page, Window};
use crate::model::role::{HeldRole, Role};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, Value, WriteTx};

const COLUMNS: &str = "m.id, m.organization_id, m.email, m.name, m.given_name, m.family_name, m.job_title, m.picture, m.status, \
     m.source, m.password_hash IS NOT NULL AS has_password, m.created_at, m.deactivated_at, m.last_seen_at, m.version";

/// What a list of members is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub text: Option<String>,
    pub email: Option<String>,
    pub status: Option<Status>,
    pub source: Option<Source>,
    pub role: Option<Role>,
    pub job_title: Option<String>,
    /// `Group:{name}`
    pub tag: Option<String>,
}

fn read(row: &Row) -> Result<Member, StoreError> {
    let email: String = row.get("email")?;
    let status: String = row.get("status")?;
    let source: String = row.get("source")?;
    Ok(Member {
        id: row.get("id")?,
        organization: row.get("organization_id")?,
        email: Email::parse(&email).ok_or_else(|| StoreError::damaged("email", &email))?,
        profile: Profile {
            name: row.get("name")?,
            given_name: row.get("given_name")?,
            family_name: row.get("family_name")?,
            job_title: row.get("job_title")?,
            picture: row.get("picture")?,
        },
        status: Status::parse(&status).ok_or_else(|| StoreError::damaged("status", &status))?,
        source: Source::parse(&source).ok_or_else(|| StoreError::damaged("source", &source))?,
        has_password: row.get("has_password")?,
        roles: Vec::new(),
        created_at: row.get("created_at")?,
        deactivated_at: row.get("deactivated_at")?,
        last_seen_at: row.get("last_seen_at")?,
        version: row.get("version")?,
    })
}

/// Reads the rows and then the roles of all of them at once.
fn read_all(tx: &ReadTx<'_>, rows: &[Row]) -> Result<Vec<Member>, StoreError> {
    let mut members = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if members.is_empty() {
        return Ok(members);
    }
    let places: Vec<String> = (1..=members.len()).map(|n| format!("?{n}")).collect();
    let sql = format!("SELECT member_id, role, came_from FROM member_roles WHERE member_id IN ({})", places.join(", "));
    let ids: Vec<Value> = members.iter().map(|member| (&member.id).into()).collect();
    for row in tx.query(&sql, &ids)? {
        let id: MemberId = row.get("member_id")?;
        if let Some(member) = members.iter_mut().find(|member| member.id == id) {
            member.roles.push(read_role(&row)?);
        }
    }
    members.iter_mut().for_each(sort_roles);
    Ok(members)
}

fn read_role(row: &Row) -> Result<HeldRole, StoreError> {
    let role: String = row.get("role")?;
    Ok(HeldRole { role: role.parse().map_err(|_| StoreError::damaged("role", &role))?, from: row.get("came_from")? })
}

/// The highest first.
fn sort_roles(member: &mut Member) {
    member.roles.sort_by(|a, b| b.role.cmp(&a.role).then_with(|| a.from.cmp(&b.from)));
}

fn read_one(tx: &ReadTx<'_>, row: Option<Row>) -> Result<Option<Member>, StoreError> {
    Ok(read_all(tx, row.as_slice())?.pop())
}

pub fn find(tx: &ReadTx<'_>, organization: &OrganizationId, id: &MemberId) -> Result<Option<Member>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM members m WHERE m.id = ?2 AND m.organization_id = ?1 AND m.deleted_at IS NULL");
    read_one(tx, tx.query_one(&sql, &[organization.into(), id.into()])?)
}

/// These members, as far as there are such.
pub fn list_by_ids(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    ids: &[&MemberId],
) -> Result<Vec<Member>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<String> = (2..ids.len() + 2).map(|n| format!("?{n}")).collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM members m WHERE m.organization_id = ?1 AND m.deleted_at IS NULL AND m.id IN ({})",
        places.join(", ")
    );
    let params: Vec<Value> = std::iter::once(organization.into()).chain(ids.iter().map(|id| (*id).into())).collect();
    read_all(tx, &tx.query(&sql, &params)?)
}

pub fn list_by_email(tx: &ReadTx<'_>, organization: &OrganizationId, email: &Email) -> Result<Vec<Member>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM members m WHERE m.organization_id = ?1 AND m.email_norm = ?2 AND m.deleted_at IS NULL ORDER BY m.id LIMIT 20"
    );
    read_all(tx, &tx.query(&sql, &[organization.into(), email.normal().into()])?)
}

/// The member who signs in by password with this address, and the hash. At most one: an index says so.
pub fn find_password(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    email: &Email,
) -> Result<Option<(Member, String)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, m.password_hash FROM members m \
         WHERE m.organization_id = ?1 AND m.email_norm = ?2 AND m.password_hash IS NOT NULL AND m.deleted_at IS NULL"
    );
    let Some(row) = tx.query_one(&sql, &[organization.into(), email.normal().into()])? else { return Ok(None) };
    let hash = row.get("password_hash")?;
    Ok(read_one(tx, Some(row))?.map(|member| (member, hash)))
}

pub fn find_password_hash(tx: &ReadTx<'_>, id: &MemberId) -> Result<Option<String>, StoreError> {
    let row = tx.query_one("SELECT password_hash FROM members WHERE id = ?1 AND deleted_at IS NULL", &[id.into()])?;
    row.map_or(Ok(None), |row| row.get("password_hash"))
}

pub fn list(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    filter: &Filter,
    window: &Window,
) -> Result<Page<Member>, StoreError> {
    let (wheres, mut params) = conditions(organization, filter);
    params.push(window.after.as_deref().unwrap_or("").into());
    let after = params.len();
    params.push(i64::try_from(window.limit + 1).unwrap_or(i64::MAX).into());
    let sql = format!(
        "SELECT {COLUMNS} FROM members m WHERE {wheres} AND m.id > ?{after} ORDER BY m.id LIMIT ?{}",
        after + 1
    );
    let rows = read_all(tx, &tx.query(&sql, &params)?)?;
    Ok(Page::cut(rows, window.limit, |member| member.id.to_string()))
}

fn conditions(organization: &OrganizationId, filter: &Filter) -> (String, Vec<Value>) {
    let mut wheres = vec!["m.organization_id = ?1".to_owned(), "m.deleted_at IS NULL".to_owned()];
    let mut params: Vec<Value> = vec![organization.into()];
    let mut add = |clause: &str, value: Value| {
        params.push(value);
        wheres.push(clause.replace("??", &format!("?{}", params.len())));
    };
    if let Some(text) = &filter.text {
        let like = format!("%{}%", text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        add(
            "(m.email_norm LIKE ?? ESCAPE '\\' OR lower(coalesce(m.name, '')) LIKE ?? ESCAPE '\\' OR lower(coalesce(m.job_title, '')) LIKE ?? ESCAPE '\\')",
            like.into(),
        );
    }
    if let Some(email) = &filter.email {
        let normal = Email::parse(email).map_or_else(|| email.to_lowercase(), |email| email.normal().to_owned());
        add("m.email_norm = ??", normal.into());
    }
    if let Some(status) = filter.status {
        add("m.status = ??", status.as_str().into());
    }
    if let Some(source) = filter.source {
        add("m.source = ??", source.as_str().into());
    }
    if let Some(role) = filter.role {
        add("EXISTS (SELECT 1 FROM member_roles r WHERE r.member_id = m.id AND r.role = ??)", role.slug().into());
    }
    if let Some(title) = &filter.job_title {
        add("m.job_title = ??", title.into());
    }
    if let Some(tag) = &filter.tag {
        let name = tag.strip_prefix("Group:").unwrap_or(tag);
        add(
            "EXISTS (SELECT 1 FROM group_members gm JOIN groups g ON g.id = gm.group_id WHERE gm.member_id = m.id AND g.name = ??)",
            name.into(),
        );
    }
    (wheres.join(" AND "), params)
}

pub fn count(tx: &ReadTx<'_>, organization: &OrganizationId, status: Status) -> Result<u32, StoreError> {
    let sql = "SELECT count(*) AS n FROM members WHERE organization_id = ?1 AND status = ?2 AND deleted_at IS NULL";
    tx.query_one(sql, &[organization.into(), status.as_str().into()])?.map_or(Ok(0), |row| row.get("n"))
}

/// Whether an active owner or admin exists besides `but`.
pub fn has_other_administrator(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    but: Option<&MemberId>,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 AS found FROM member_roles r JOIN members m ON m.id = r.member_id \
               WHERE r.organization_id = ?1 AND r.role IN ('owner', 'admin') AND m.status = 'active' \
               AND m.deleted_at IS NULL AND m.id <> ?2 LIMIT 1";
    Ok(tx.query_one(sql, &[organization.into(), but.map_or("", |id| id.as_str()).into()])?.is_some())
}

pub fn has_other_owner(tx: &ReadTx<'_>, organization: &OrganizationId, but: &MemberId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 AS found FROM member_roles r JOIN members m ON m.id = r.member_id \
               WHERE r.organization_id = ?1 AND r.role = 'owner' AND m.status = 'active' \
               AND m.deleted_at IS NULL AND m.id <> ?2 LIMIT 1";
    Ok(tx.query_one(sql, &[organization.into(), but.into()])?.is_some())
}

pub fn insert(tx: &WriteTx<'_>, member: &Member, password_hash: Option<&str>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO members (id, organization_id, email, email_norm, name, given_name, family_name, job_title, picture, status, \
         source, password_hash, created_at, last_seen_at, version) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 1)",
        &[
            (&member.id).into(),
            (&member.organization).into(),
            member.email.as_str().into(),
            member.email.normal().into(),
            member.profile.name.clone().into(),
            member.profile.given_name.clone().into(),
            member.profile.family_name.clone().into(),
            member.profile.job_title.clone().into(),
            member.profile.picture.clone().into(),
            member.status.as_str().into(),
            member.source.as_str().into(),
            password_hash.into(),
            member.created_at.into(),
            member.last_seen_at.into(),
        ],
    )?;
    for held in &member.roles {
        insert_role(tx, member, held)?;
    }
    Ok(())
}

/// Address, profile and status; the roles have calls of their own.
pub fn update(tx: &WriteTx<'_>, member: &Member) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE members SET email = ?2, email_norm = ?3, name = ?4, given_name = ?5, family_name = ?6, job_title = ?7, picture = ?8, \
         status = ?9, deactivated_at = ?10, version = version + 1 WHERE id = ?1",
        &[
            (&member.id).into(),
            member.email.as_str().into(),
            member.email.normal().into(),
            member.profile.name.clone().into(),
            member.profile.given_name.clone().into(),
            member.profile.family_name.clone().into(),
            member.profile.job_title.clone().into(),
            member.profile.picture.clone().into(),
            member.status.as_str().into(),
            member.deactivated_at.into(),
        ],
    )?;
    Ok(())
}

pub fn update_last_seen(tx: &WriteTx<'_>, id: &MemberId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute("UPDATE members SET last_seen_at = ?2 WHERE id = ?1", &[id.into(), now.into()])?;
    Ok(())
}

pub fn update_password(tx: &WriteTx<'_>, id: &MemberId, hash: Option<&str>) -> Result<(), StoreError> {
    let sql = "UPDATE members SET password_hash = ?2, version = version + 1 WHERE id = ?1";
    tx.execute(sql, &[id.into(), hash.into()])?;
    Ok(())
}

/// Leaves a tombstone: identities, roles and memberships go, the row and its history stay.
pub fn delete(tx: &WriteTx<'_>, id: &MemberId, now: Timestamp) -> Result<(), StoreError> {
    for table in
        ["identities", "member_roles", "group_members", "team_members", "links", "password_failures", "sessions"]
    {
        tx.execute(&format!("DELETE FROM {table} WHERE member_id = ?1"), &[id.into()])?;
    }
    tx.execute(
        "UPDATE members SET deleted_at = ?2, status = 'inactive', password_hash = NULL, version = version + 1 WHERE id = ?1",
        &[id.into(), now.into()],
    )?;
    Ok(())
}

pub fn insert_role(tx: &WriteTx<'_>, member: &Member, held: &HeldRole) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO member_roles (member_id, role, came_from, organization_id) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        &[(&member.id).into(), held.role.slug().into(), (&held.from).into(), (&member.organization).into()],
    )?;
    Ok(())
}

/// Takes away the roles that came from there.
pub fn delete_roles(tx: &WriteTx<'_>, id: &MemberId, from: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM member_roles WHERE member_id = ?1 AND came_from = ?2", &[id.into(), from.into()])?;
    Ok(())
}

fn read_identity(row: &Row) -> Result<Identity, StoreError> {
    Ok(Identity {
        id: row.get("id")?,
        member: row.get("member_id")?,
        connection: row.get("connection_id")?,
        issuer: row.get("issuer")?,
        subject: row.get("subject")?,
        created_at: row.get("created_at")?,
        last_used_at: row.get("last_used_at")?,
    })
}

const IDENTITY: &str = "id, member_id, connection_id, issuer, subject, created_at, last_used_at";

pub fn find_identity(
    tx: &ReadTx<'_>,
    connection: &ConnectionId,
    issuer: &str,
    subject: &str,
) -> Result<Option<Identity>, StoreError> {
    let sql = format!("SELECT {IDENTITY} FROM identities WHERE connection_id = ?1 AND issuer = ?2 AND subject = ?3");
    tx.query_one(&sql, &[connection.into(), issuer.into(), subject.into()])?.map(|row| read_identity(&row)).transpose()
}

/// Who signs in by this subject, and what links them: one statement, since every sign-in asks it.
pub fn find_linked(
    tx: &ReadTx<'_>,
    connection: &ConnectionId,
    issuer: &str,
    subject: &str,
) -> Result<Option<(Member, Identity)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, i.id AS identity_id, i.created_at AS linked_at, i.last_used_at AS used_at, r.role, r.came_from \
         FROM identities i JOIN members m ON m.id = i.member_id LEFT JOIN member_roles r ON r.member_id = m.id \
         WHERE i.connection_id = ?1 AND i.issuer = ?2 AND i.subject = ?3 AND m.deleted_at IS NULL"
    );
    let rows = tx.query(&sql, &[connection.into(), issuer.into(), subject.into()])?;
    let Some(first) = rows.first() else { return Ok(None) };
    let mut member = read(first)?;
    for row in rows.iter().filter(|row| !matches!(row.get::<Option<String>>("role"), Ok(None))) {
        member.roles.push(read_role(row)?);
    }
    sort_roles(&mut member);
    let identity = Identity {
        id: first.get("identity_id")?,
        member: member.id.clone(),
        connection: connection.clone(),
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
        created_at: first.get("linked_at")?,
        last_used_at: first.get("used_at")?,
    };
    Ok(Some((member, identity)))
}

pub fn list_identities(tx: &ReadTx<'_>, member: &MemberId) -> Result<Vec<Identity>, StoreError> {
    let sql = format!("SELECT {IDENTITY} FROM identities WHERE member_id = ?1 ORDER BY id");
    tx.query(&sql, &[member.into()])?.iter().map(read_identity).collect()
}

pub fn has_identity(tx: &ReadTx<'_>, connection: &ConnectionId, member: &MemberId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 AS found FROM identities WHERE connection_id = ?1 AND member_id = ?2 LIMIT 1";
    Ok(tx.query_one(sql, &[connection.into(), member.into()])?.is_some())
}

pub fn count_identities(tx: &ReadTx<'_>, connection: &ConnectionId) -> Result<u32, StoreError> {
    let sql = "SELECT count(*) AS n FROM identities WHERE connection_id = ?1";
    tx.query_one(sql, &[connection.into()])?.map_or(Ok(0), |row| row.get("n"))
}

/// The roles of those who sign in through this connection.
pub fn list_linked_roles(tx: &ReadTx<'_>, connection: &ConnectionId) -> Result<Vec<Role>, StoreError> {
    let sql = "SELECT DISTINCT r.role FROM identities i JOIN member_roles r ON r.member_id = i.member_id \
               WHERE i.connection_id = ?1";
    let roles = tx.query(sql, &[connection.into()])?;
    let role = |row: &Row| -> Result<Role, StoreError> {
        let role: String = row.get("role")?;
        role.parse().map_err(|_| StoreError::damaged("role", &role))
    };
    roles.iter().map(role).collect()
}

/// Active members who are linked to this connection, to no other, and have no password.
pub fn count_only_way_in(tx: &ReadTx<'_>, connection: &ConnectionId) -> Result<u64, StoreError> {
    let sql = "SELECT count(DISTINCT m.id) AS n FROM identities i JOIN members m ON m.id = i.member_id \
               WHERE i.connection_id = ?1 AND m.status = 'active' AND m.password_hash IS NULL AND m.deleted_at IS NULL \
               AND NOT EXISTS (SELECT 1 FROM identities o WHERE o.member_id = m.id AND o.connection_id <> ?1)";
    let n: u32 = tx.query_one(sql, &[connection.into()])?.map_or(Ok(0), |row| row.get("n"))?;
    Ok(n.into())
}

pub fn insert_identity(tx: &WriteTx<'_>, organization: &OrganizationId, identity: &Identity) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO identities (id, organization_id, member_id, connection_id, issuer, subject, created_at, last_used_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            (&identity.id).into(),
            organization.into(),
            (&identity.member).into(),
            (&identity.connection).into(),
            (&identity.issuer).into(),
            (&identity.subject).into(),
            identity.created_at.into(),
            identity.last_used_at.into(),
        ],
    )?;
    Ok(())
}

pub fn update_identity_used(tx: &WriteTx<'_>, id: &IdentityId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute("UPDATE identities SET last_used_at = ?2 WHERE id = ?1", &[id.into(), now.into()])?;
    Ok(())
}

pub fn delete_identity(tx: &WriteTx<'_>, member: &MemberId, id: &IdentityId) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM identities WHERE id = ?1 AND member_id = ?2", &[id.into(), member.into()])? > 0)
}

pub fn delete_identities_of(tx: &WriteTx<'_>, connection: &ConnectionId) -> Result<usize, StoreError> {
    tx.execute("DELETE FROM identities WHERE connection_id = ?1", &[connection.into()])
}

pub fn password_failures(tx: &ReadTx<'_>, id: &MemberId, day: i64) -> Result<u32, StoreError> {
    let sql = "SELECT failures FROM password_failures WHERE member_id = ?1 AND day = ?2";
    tx.query_one(sql, &[id.into(), day.into()])?.map_or(Ok(0), |row| row.get("failures"))
}

pub fn delete_password_failures(tx: &WriteTx<'_>, id: &MemberId, day: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM password_failures WHERE member_id = ?1 AND day = ?2", &[id.into(), day.into()])?;
    Ok(())
}

pub fn add_password_failure(tx: &WriteTx<'_>, id: &MemberId, day: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM password_failures WHERE member_id = ?1 AND day < ?2", &[id.into(), day.into()])?;
    tx.execute(
        "INSERT INTO password_failures (member_id, day, failures) VALUES (?1, ?2, 1) \
         ON CONFLICT (member_id, day) DO UPDATE SET failures = password_failures.failures + 1",
        &[id.into(), day.into()],
    )?;
    Ok(())
}
