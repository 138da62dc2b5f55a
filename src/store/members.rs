//! Members, their roles, and the identities that sign them in.

use crate::model::email::Email;
use crate::model::id::{ConnectionId, DirectoryId, IdentityId, MemberId, OrganizationId};
use crate::model::member::{Identity, Member, MemberCursor, Profile, Source, Status};
use crate::model::page::{Page, Window};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
pub use crate::store::member_search::Filter;
use crate::store::member_search::Search;
use crate::store::member_search::search_text;
use crate::store::organizations;
use crate::store::roles;
use crate::store::roles::Resolver;
use crate::store::tx::{ReadTx, Row, Value, WriteTx};

const COLUMNS: &str = "m.id, m.organization_id, m.email, m.name, m.given_name, m.family_name, m.job_title, m.picture, m.status, \
     m.source, m.directory_id, m.password_hash IS NOT NULL AS has_password, m.created_at, m.deactivated_at, m.last_seen_at, m.version";

fn read(row: &Row<'_>) -> Result<Member, StoreError> {
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
        directory: row.get("directory_id")?,
        has_password: row.get("has_password")?,
        roles: Vec::new(),
        created_at: row.get("created_at")?,
        deactivated_at: row.get("deactivated_at")?,
        last_seen_at: row.get("last_seen_at")?,
        version: row.get("version")?,
    })
}

/// Reads the members and then the roles of all of them at once.
fn list_by(tx: &ReadTx<'_>, sql: &str, params: &[Value]) -> Result<Vec<Member>, StoreError> {
    with_roles(tx, tx.list(sql, params, read)?)
}

fn with_roles(tx: &ReadTx<'_>, mut members: Vec<Member>) -> Result<Vec<Member>, StoreError> {
    if members.is_empty() {
        return Ok(members);
    }
    let places: Vec<String> = (1..=members.len()).map(|n| format!("?{n}")).collect();
    let sql = format!("SELECT member_id, role, came_from FROM member_roles WHERE member_id IN ({})", places.join(", "));
    let ids: Vec<Value> = members.iter().map(|member| (&member.id).into()).collect();
    let mut resolver = Resolver::new(tx, &members[0].organization.clone());
    tx.each(&sql, &ids, |row| {
        let id: MemberId = row.get("member_id")?;
        if let Some(member) = members.iter_mut().find(|member| member.id == id) {
            member.roles.extend(resolver.held(row)?);
        }
        Ok(())
    })?;
    members.iter_mut().for_each(sort_roles);
    Ok(members)
}

/// The highest first.
fn sort_roles(member: &mut Member) {
    member.roles.sort_by(|a, b| a.role.order().cmp(&b.role.order()).then_with(|| a.from.cmp(&b.from)));
}

pub fn find(tx: &ReadTx<'_>, organization: &OrganizationId, id: &MemberId) -> Result<Option<Member>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM members m WHERE m.id = ?2 AND m.organization_id = ?1 AND m.deleted_at IS NULL");
    Ok(list_by(tx, &sql, &[organization.into(), id.into()])?.pop())
}

/// Ids of members behind `after`, in their order.
pub fn list_ids(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    after: &str,
    most: u32,
) -> Result<Vec<MemberId>, StoreError> {
    let sql =
        "SELECT id FROM members WHERE organization_id = ?1 AND deleted_at IS NULL AND id > ?2 ORDER BY id LIMIT ?3";
    tx.list(sql, &[organization.into(), after.into(), most.into()], |row| row.get("id"))
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
    list_by(tx, &sql, &params)
}

pub fn list_by_email(tx: &ReadTx<'_>, organization: &OrganizationId, email: &Email) -> Result<Vec<Member>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM members m WHERE m.organization_id = ?1 AND m.email_norm = ?2 AND m.deleted_at IS NULL ORDER BY m.id LIMIT 20"
    );
    list_by(tx, &sql, &[organization.into(), email.normal().into()])
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
    let read = |row: &Row<'_>| Ok((read(row)?, row.get("password_hash")?));
    let found = tx.find(&sql, &[organization.into(), email.normal().into()], read)?;
    let Some((member, hash)) = found else { return Ok(None) };
    Ok(with_roles(tx, vec![member])?.pop().map(|member| (member, hash)))
}

pub fn find_password_hash(tx: &ReadTx<'_>, id: &MemberId) -> Result<Option<String>, StoreError> {
    let sql = "SELECT password_hash FROM members WHERE id = ?1 AND deleted_at IS NULL";
    Ok(tx.find(sql, &[id.into()], |row| row.get("password_hash"))?.flatten())
}

pub fn list(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    filter: &Filter,
    window: &Window,
) -> Result<Page<Member>, StoreError> {
    let after: Option<MemberCursor> = window.after.as_deref().and_then(|after| after.parse().ok());
    let Some(mut search) = Search::new(tx, organization, filter, after.as_ref().map(|after| after.order))? else {
        return Ok(Page { rows: Vec::new(), next: None });
    };
    let after = search.after(after.map(|after| after.after.to_string()).unwrap_or_default());
    let limit = search.bind(i64::try_from(window.limit + 1).unwrap_or(i64::MAX).into());
    let Search { from, key, repeats, wheres, params, order, .. } = search;
    let once = if repeats { format!("GROUP BY {key}") } else { String::new() };
    let sql = format!(
        "SELECT {COLUMNS} FROM {from} WHERE {} AND {key} > {after} {once} ORDER BY {key} LIMIT {limit}",
        wheres.join(" AND ")
    );
    let rows = list_by(tx, &sql, &params)?;
    Ok(Page::cut(rows, window.limit, |member| MemberCursor { order, after: member.id.clone() }.to_string()))
}

/// How many the filter finds.
pub fn count_found(tx: &ReadTx<'_>, organization: &OrganizationId, filter: &Filter) -> Result<u32, StoreError> {
    let Some(Search { from, key, wheres, params, .. }) = Search::new(tx, organization, filter, None)? else {
        return Ok(0);
    };
    let sql = format!("SELECT count(DISTINCT {key}) AS n FROM {from} WHERE {}", wheres.join(" AND "));
    Ok(tx.find(&sql, &params, |row| row.get("n"))?.unwrap_or(0))
}

pub fn count(tx: &ReadTx<'_>, organization: &OrganizationId, status: Status) -> Result<u32, StoreError> {
    let sql = "SELECT count(*) AS n FROM members WHERE organization_id = ?1 AND status = ?2 AND deleted_at IS NULL";
    Ok(tx.find(sql, &[organization.into(), status.as_str().into()], |row| row.get("n"))?.unwrap_or(0))
}

fn text_of(member: &Member) -> String {
    search_text(&member.email, member.profile.name.as_deref(), member.profile.job_title.as_deref())
}

pub fn insert(tx: &WriteTx<'_>, member: &Member, password_hash: Option<&str>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO members (id, organization_id, email, email_norm, name, given_name, family_name, job_title, picture, status, \
         source, password_hash, created_at, last_seen_at, version, search_text, directory_id, deactivated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 1, ?15, ?16, ?17)",
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
            text_of(member).into(),
            member.directory.as_ref().map(DirectoryId::as_str).into(),
            member.deactivated_at.into(),
        ],
    )?;
    if member.status == Status::Active {
        organizations::count_active(tx, &member.organization)?;
    }
    for held in &member.roles {
        roles::insert(tx, &member.organization, &member.id, held.role.slug(), &held.from)?;
    }
    Ok(())
}

/// Address, profile and status; the roles have calls of their own.
pub fn update(tx: &WriteTx<'_>, member: &Member) -> Result<(), StoreError> {
    let profile = member.profile.clone();
    tx.update_changed(
        "members",
        ("id", (&member.id).into()),
        &[
            ("email", member.email.as_str().into()),
            ("email_norm", member.email.normal().into()),
            ("name", profile.name.into()),
            ("given_name", profile.given_name.into()),
            ("family_name", profile.family_name.into()),
            ("job_title", profile.job_title.into()),
            ("picture", profile.picture.into()),
            ("status", member.status.as_str().into()),
            ("deactivated_at", member.deactivated_at.into()),
            ("search_text", text_of(member).into()),
            ("source", member.source.as_str().into()),
            ("directory_id", member.directory.as_ref().map(DirectoryId::as_str).into()),
        ],
    )
}

/// The member whose tombstone this is comes back, active and with nothing but their history.
pub fn revive(tx: &WriteTx<'_>, organization: &OrganizationId, id: &MemberId) -> Result<Option<Member>, StoreError> {
    let sql = "UPDATE members SET deleted_at = NULL, deactivated_at = NULL, status = 'active', version = version + 1 \
               WHERE id = ?2 AND organization_id = ?1 AND deleted_at IS NOT NULL";
    tx.execute(sql, &[organization.into(), id.into()])?;
    find(tx, organization, id)
}

/// Notes that something beside the row itself was changed, such as the roles.
pub fn update_version(tx: &WriteTx<'_>, id: &MemberId) -> Result<(), StoreError> {
    tx.execute("UPDATE members SET version = version + 1 WHERE id = ?1", &[id.into()])?;
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
    for table in [
        "identities",
        "member_roles",
        "group_members",
        "team_members",
        "member_tags",
        "sent_values",
        "links",
        "password_failures",
        "sessions",
    ] {
        tx.execute(&format!("DELETE FROM {table} WHERE member_id = ?1"), &[id.into()])?;
    }
    tx.execute(
        "UPDATE members SET deleted_at = ?2, status = 'inactive', password_hash = NULL, search_text = '', version = version + 1 WHERE id = ?1",
        &[id.into(), now.into()],
    )?;
    Ok(())
}

fn read_identity(row: &Row<'_>) -> Result<Identity, StoreError> {
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
    tx.find(&sql, &[connection.into(), issuer.into(), subject.into()], read_identity)
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
    let link = |row: &Row<'_>, member: &Member| {
        Ok::<_, StoreError>(Identity {
            id: row.get("identity_id")?,
            member: member.id.clone(),
            connection: connection.clone(),
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            created_at: row.get("linked_at")?,
            last_used_at: row.get("used_at")?,
        })
    };
    let mut found: Option<(Member, Identity, Resolver<'_>)> = None;
    tx.each(&sql, &[connection.into(), issuer.into(), subject.into()], |row| {
        if found.is_none() {
            let member = read(row)?;
            let (identity, resolver) = (link(row, &member)?, Resolver::new(tx, &member.organization));
            found = Some((member, identity, resolver));
        }
        if let (Some((member, _, resolver)), Some(_)) = (&mut found, row.get::<Option<String>>("role")?) {
            member.roles.extend(resolver.held(row)?);
        }
        Ok(())
    })?;
    Ok(found.map(|(mut member, identity, _)| {
        sort_roles(&mut member);
        (member, identity)
    }))
}

pub fn list_identities(tx: &ReadTx<'_>, member: &MemberId) -> Result<Vec<Identity>, StoreError> {
    let sql = format!("SELECT {IDENTITY} FROM identities WHERE member_id = ?1 ORDER BY id");
    tx.list(&sql, &[member.into()], read_identity)
}

pub fn has_identity(tx: &ReadTx<'_>, connection: &ConnectionId, member: &MemberId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 AS found FROM identities WHERE connection_id = ?1 AND member_id = ?2 LIMIT 1";
    tx.has(sql, &[connection.into(), member.into()])
}

/// What the connection calls people: so many, in no order.
pub fn list_subjects(tx: &ReadTx<'_>, connection: &ConnectionId, most: u32) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT subject FROM identities WHERE connection_id = ?1 LIMIT ?2";
    tx.list(sql, &[connection.into(), most.into()], |row| row.get("subject"))
}

pub fn count_identities(tx: &ReadTx<'_>, connection: &ConnectionId) -> Result<u32, StoreError> {
    let sql = "SELECT count(*) AS n FROM identities WHERE connection_id = ?1";
    Ok(tx.find(sql, &[connection.into()], |row| row.get("n"))?.unwrap_or(0))
}

/// Active members who are linked to this connection, to no other, and have no password, among so many of its people; and
/// whether that was all of them.
pub fn count_only_way_in(tx: &ReadTx<'_>, connection: &ConnectionId, most: u32) -> Result<(u64, bool), StoreError> {
    let sql = "SELECT count(*) AS looked_at, count(DISTINCT CASE WHEN m.status = 'active' AND m.password_hash IS NULL \
               AND m.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM identities o WHERE o.member_id = m.id \
               AND o.connection_id <> ?1) THEN m.id END) AS n FROM (SELECT member_id FROM identities \
               WHERE connection_id = ?1 LIMIT ?2) i CROSS JOIN members m ON m.id = i.member_id";
    let read = |row: &Row<'_>| Ok((row.get::<u32>("looked_at")?, row.get::<u32>("n")?));
    let found = tx.find(sql, &[connection.into(), most.into()], read)?;
    Ok(found.map_or((0, true), |(looked_at, n)| (n.into(), looked_at < most)))
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

pub fn password_failures(tx: &ReadTx<'_>, id: &MemberId, day: i64) -> Result<u32, StoreError> {
    let sql = "SELECT failures FROM password_failures WHERE member_id = ?1 AND day = ?2";
    Ok(tx.find(sql, &[id.into(), day.into()], |row| row.get("failures"))?.unwrap_or(0))
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
