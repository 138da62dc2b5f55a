//! Access roles that admins named, and the roles that members hold.

use std::sync::Arc;

use crate::model::id::{ConnectionId, MemberId, OrganizationId};
use crate::model::role::{AccessRole, AnyRole, HeldRole, Permissions, Role};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, Value, WriteTx};

const COLUMNS: &str = "slug, name, description, permissions, role_rank, version";

fn read(row: &Row<'_>) -> Result<AccessRole, StoreError> {
    let names: String = row.get("permissions")?;
    let mut permissions = Permissions::NONE;
    for name in names.split_ascii_whitespace() {
        permissions.insert(name.parse().map_err(|()| StoreError::damaged("permissions", name))?);
    }
    Ok(AccessRole {
        slug: row.get("slug")?,
        name: row.get("name")?,
        description: row.get("description")?,
        permissions,
        rank: row.get("role_rank")?,
        version: row.get("version")?,
    })
}

fn values(organization: &OrganizationId, role: &AccessRole) -> [Value; 6] {
    let permissions: Vec<&str> = role.permissions.iter().map(|permission| permission.as_str()).collect();
    [
        organization.into(),
        (&role.slug).into(),
        (&role.name).into(),
        (&role.description).into(),
        permissions.join(" ").into(),
        role.rank.into(),
    ]
}

pub fn find_access(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    slug: &str,
) -> Result<Option<AccessRole>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM access_roles WHERE organization_id = ?1 AND slug = ?2");
    tx.find(&sql, &[organization.into(), slug.into()], read)
}

/// A role by its slug, built-in or not.
pub fn find(tx: &ReadTx<'_>, organization: &OrganizationId, slug: &str) -> Result<Option<AnyRole>, StoreError> {
    match slug.parse::<Role>() {
        Ok(role) => Ok(Some(role.into())),
        Err(_) => Ok(find_access(tx, organization, slug)?.map(|role| AnyRole::Access(Arc::new(role)))),
    }
}

/// The highest rank first.
pub fn list_access(tx: &ReadTx<'_>, organization: &OrganizationId) -> Result<Vec<AccessRole>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM access_roles WHERE organization_id = ?1 ORDER BY role_rank DESC, name, slug");
    tx.list(&sql, &[organization.into()], read)
}

/// How many active members hold a role, counted so far.
pub fn count_holders(tx: &ReadTx<'_>, organization: &OrganizationId, slug: &str, most: u32) -> Result<u32, StoreError> {
    let sql = "SELECT count(*) AS n FROM (SELECT DISTINCT r.member_id FROM member_roles r JOIN members m ON m.id = r.member_id \
               WHERE r.organization_id = ?1 AND r.role = ?2 AND m.status = 'active' AND m.deleted_at IS NULL LIMIT ?3)";
    Ok(tx.find(sql, &[organization.into(), slug.into(), most.into()], |row| row.get("n"))?.unwrap_or(0))
}

pub fn insert_access(tx: &WriteTx<'_>, organization: &OrganizationId, role: &AccessRole) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO access_roles (organization_id, slug, name, description, permissions, role_rank, version) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)",
        &values(organization, role),
    )?;
    Ok(())
}

/// All but the slug.
pub fn update_access(tx: &WriteTx<'_>, organization: &OrganizationId, role: &AccessRole) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE access_roles SET name = ?3, description = ?4, permissions = ?5, role_rank = ?6, version = version + 1 \
         WHERE organization_id = ?1 AND slug = ?2",
        &values(organization, role),
    )?;
    Ok(())
}

/// It holds more from now on.
pub fn update_grown(
    tx: &WriteTx<'_>,
    organization: &OrganizationId,
    slug: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE access_roles SET grew_at = ?3 WHERE organization_id = ?1 AND slug = ?2";
    tx.execute(sql, &[organization.into(), slug.into(), now.into()])?;
    Ok(())
}

/// The role alone: that members held it means nothing from now on, and goes in steps.
pub fn delete_access(tx: &WriteTx<'_>, organization: &OrganizationId, slug: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM access_roles WHERE organization_id = ?1 AND slug = ?2";
    tx.execute(sql, &[organization.into(), slug.into()])?;
    Ok(())
}

/// Turns the slugs of rows into roles; each access role is read once.
pub struct Resolver<'a> {
    tx: &'a ReadTx<'a>,
    organization: OrganizationId,
    known: Vec<Arc<AccessRole>>,
}

impl<'a> Resolver<'a> {
    pub fn new(tx: &'a ReadTx<'a>, organization: &OrganizationId) -> Self {
        Self { tx, organization: organization.clone(), known: Vec::new() }
    }

    /// None for a role that is gone: a name alone grants nothing.
    pub fn role(&mut self, slug: &str) -> Result<Option<AnyRole>, StoreError> {
        if let Ok(role) = slug.parse::<Role>() {
            return Ok(Some(role.into()));
        }
        if let Some(known) = self.known.iter().find(|known| known.slug == slug) {
            return Ok(Some(AnyRole::Access(Arc::clone(known))));
        }
        let Some(found) = find_access(self.tx, &self.organization, slug)? else { return Ok(None) };
        let role = Arc::new(found);
        self.known.push(Arc::clone(&role));
        Ok(Some(AnyRole::Access(role)))
    }

    /// From the columns `role` and `came_from`.
    pub fn held(&mut self, row: &Row<'_>) -> Result<Option<HeldRole>, StoreError> {
        let slug: String = row.get("role")?;
        let from = row.get("came_from")?;
        Ok(self.role(&slug)?.map(|role| HeldRole { role, from }))
    }
}

/// Whether an active owner or admin exists besides `but`.
pub fn has_other_admin(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    but: Option<&MemberId>,
) -> Result<bool, StoreError> {
    has_other(tx, organization, "'owner', 'admin'", but)
}

pub fn has_other_owner(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    but: Option<&MemberId>,
) -> Result<bool, StoreError> {
    has_other(tx, organization, "'owner'", but)
}

/// Whether an active member is an owner, or an owner or admin, by a role that came from elsewhere than there.
pub fn has_admin_beside(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    role: Role,
    from: &str,
) -> Result<bool, StoreError> {
    let roles = if role == Role::Owner { "'owner'" } else { "'owner', 'admin'" };
    let sql = format!(
        "SELECT 1 AS found FROM member_roles r JOIN members m ON m.id = r.member_id \
         WHERE r.organization_id = ?1 AND r.role IN ({roles}) AND r.came_from <> ?2 AND m.status = 'active' \
         AND m.deleted_at IS NULL LIMIT 1"
    );
    tx.has(&sql, &[organization.into(), from.into()])
}

fn has_other(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    roles: &str,
    but: Option<&MemberId>,
) -> Result<bool, StoreError> {
    let sql = format!(
        "SELECT 1 AS found FROM member_roles r JOIN members m ON m.id = r.member_id \
         WHERE r.organization_id = ?1 AND r.role IN ({roles}) AND m.status = 'active' \
         AND m.deleted_at IS NULL AND m.id <> ?2 LIMIT 1"
    );
    tx.has(&sql, &[organization.into(), but.map_or("", |id| id.as_str()).into()])
}

/// Active owners and admins who have a password.
pub fn count_admins_with_password(tx: &ReadTx<'_>, organization: &OrganizationId) -> Result<u32, StoreError> {
    let sql = "SELECT count(DISTINCT m.id) AS n FROM member_roles r JOIN members m ON m.id = r.member_id \
               WHERE r.organization_id = ?1 AND r.role IN ('owner', 'admin') AND m.status = 'active' \
               AND m.password_hash IS NOT NULL AND m.deleted_at IS NULL";
    Ok(tx.find(sql, &[organization.into()], |row| row.get("n"))?.unwrap_or(0))
}

pub fn insert(
    tx: &WriteTx<'_>,
    organization: &OrganizationId,
    member: &MemberId,
    slug: &str,
    from: &str,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO member_roles (member_id, role, came_from, organization_id) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        &[member.into(), slug.into(), from.into(), organization.into()],
    )?;
    Ok(())
}

pub fn delete(tx: &WriteTx<'_>, member: &MemberId, slug: &str, from: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM member_roles WHERE member_id = ?1 AND role = ?2 AND came_from = ?3";
    tx.execute(sql, &[member.into(), slug.into(), from.into()])?;
    Ok(())
}

/// Roles that came from there, each with its holder, of the members behind `after` up to `last`.
pub fn list_of_source(
    tx: &ReadTx<'_>,
    from: &str,
    (after, last): (&str, &MemberId),
) -> Result<Vec<(MemberId, String)>, StoreError> {
    let sql = "SELECT member_id, role FROM member_roles WHERE came_from = ?1 AND came_from <> 'local' \
               AND member_id > ?2 AND member_id <= ?3";
    tx.list(sql, &[from.into(), after.into(), last.into()], |row| Ok((row.get("member_id")?, row.get("role")?)))
}

/// Whether anybody with this role signs in by this connection.
pub fn is_linked(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    role: &str,
    connection: &ConnectionId,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 AS found FROM member_roles r WHERE r.organization_id = ?1 AND r.role = ?2 \
               AND EXISTS (SELECT 1 FROM identities i WHERE i.member_id = r.member_id AND i.connection_id = ?3) LIMIT 1";
    tx.has(sql, &[organization.into(), role.into(), connection.into()])
}

/// How a member `m` can sign in: by a password, where `?2` is 1, or by a connection that is on.
const WAY_IN: &str = "m.status = 'active' AND m.deleted_at IS NULL AND ((?2 = 1 AND m.password_hash IS NOT NULL) \
                      OR EXISTS (SELECT 1 FROM identities i JOIN connections c ON c.id = i.connection_id \
                      WHERE i.member_id = m.id AND c.status = 'active' AND c.deleted_at IS NULL))";

/// Whether an owner, or an owner or admin, can sign in. Roles that came from `but` are about to go.
pub fn has_a_way_in(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    role: Role,
    by_password: bool,
    but: &str,
) -> Result<bool, StoreError> {
    let roles = if role == Role::Owner { "'owner'" } else { "'owner', 'admin'" };
    let sql = format!(
        "SELECT 1 AS found FROM member_roles r JOIN members m ON m.id = r.member_id WHERE r.organization_id = ?1 \
         AND r.role IN ({roles}) AND r.came_from <> ?3 AND {WAY_IN} LIMIT 1"
    );
    tx.has(&sql, &[organization.into(), i64::from(by_password).into(), but.into()])
}

/// Owners and admins who can sign in and hold one of these roles, at most so many. Roles that came from `but` are about to go.
pub fn list_holders_with_a_way_in(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    slugs: &[&str],
    (by_password, but): (bool, &str),
    most: usize,
) -> Result<Vec<MemberId>, StoreError> {
    let mut params = vec![organization.into(), i64::from(by_password).into(), but.into()];
    params.push(i64::try_from(most).unwrap_or(i64::MAX).into());
    let first = params.len() + 1;
    params.extend(slugs.iter().map(|slug| Value::from(*slug)));
    let places: Vec<String> = (first..=params.len()).map(|n| format!("?{n}")).collect();
    let sql = format!(
        "SELECT DISTINCT m.id FROM member_roles h JOIN members m ON m.id = h.member_id WHERE h.organization_id = ?1 \
         AND h.role IN ({}) AND EXISTS (SELECT 1 FROM member_roles r WHERE r.member_id = m.id AND r.role IN ('owner', 'admin') \
         AND r.came_from <> ?3) AND {WAY_IN} LIMIT ?4",
        places.join(", ")
    );
    tx.list(&sql, &params, |row| row.get("id"))
}
