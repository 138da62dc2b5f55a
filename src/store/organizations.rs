//! Organizations, and the instance's own settings.

use crate::model::id::OrganizationId;
use crate::model::organization::{Organization, SignInMode};
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, WriteTx};

const COLUMNS: &str = "id, slug, name, default_role, sign_in_mode, seats, created_at, version";

fn read(row: &Row<'_>) -> Result<Organization, StoreError> {
    let role: String = row.get("default_role")?;
    let mode: String = row.get("sign_in_mode")?;
    Ok(Organization {
        id: row.get("id")?,
        slug: row.get("slug")?,
        name: row.get("name")?,
        default_role: role.parse().map_err(|_| StoreError::damaged("default_role", &role))?,
        sign_in_mode: mode.parse::<SignInMode>().map_err(|()| StoreError::damaged("sign_in_mode", &mode))?,
        seats: row.get("seats")?,
        created_at: row.get("created_at")?,
        version: row.get("version")?,
    })
}

pub fn find(tx: &ReadTx<'_>, id: &OrganizationId) -> Result<Option<Organization>, StoreError> {
    tx.find(&format!("SELECT {COLUMNS} FROM organizations WHERE id = ?1"), &[id.into()], read)
}

pub fn find_by_slug(tx: &ReadTx<'_>, slug: &str) -> Result<Option<Organization>, StoreError> {
    tx.find(&format!("SELECT {COLUMNS} FROM organizations WHERE slug = ?1"), &[slug.into()], read)
}

/// The one that was made at first start; its owners own the instance.
pub fn find_first(tx: &ReadTx<'_>) -> Result<Option<Organization>, StoreError> {
    tx.find(&format!("SELECT {COLUMNS} FROM organizations ORDER BY created_at, id LIMIT 1"), &[], read)
}

pub fn count(tx: &ReadTx<'_>) -> Result<u32, StoreError> {
    Ok(tx.find("SELECT count(*) AS n FROM organizations", &[], |row| row.get("n"))?.unwrap_or(0))
}

/// How many active members there may be, and how many there are; none where there may be any number.
pub fn find_seats(tx: &ReadTx<'_>, id: &OrganizationId) -> Result<Option<(u32, u32)>, StoreError> {
    let sql = "SELECT seats, active_members FROM organizations WHERE id = ?1 AND seats IS NOT NULL";
    tx.find(sql, &[id.into()], |row| Ok((row.get("seats")?, row.get("active_members")?)))
}

/// One more active member, where they are counted.
pub(super) fn count_active(tx: &WriteTx<'_>, id: &OrganizationId) -> Result<(), StoreError> {
    let sql = "UPDATE organizations SET active_members = active_members + 1 WHERE id = ?1 AND seats IS NOT NULL";
    tx.execute(sql, &[id.into()])?;
    Ok(())
}

pub fn insert(tx: &WriteTx<'_>, organization: &Organization) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO organizations (id, slug, name, default_role, sign_in_mode, created_at, version, seats) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            (&organization.id).into(),
            (&organization.slug).into(),
            (&organization.name).into(),
            organization.default_role.as_str().into(),
            organization.sign_in_mode.as_str().into(),
            organization.created_at.into(),
            organization.version.into(),
            organization.seats.into(),
        ],
    )?;
    Ok(())
}

/// Name, slug, default role and seats; the version counts on.
pub fn update(tx: &WriteTx<'_>, organization: &Organization) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE organizations SET slug = ?2, name = ?3, default_role = ?4, seats = ?5, version = version + 1 WHERE id = ?1",
        &[
            (&organization.id).into(),
            (&organization.slug).into(),
            (&organization.name).into(),
            organization.default_role.as_str().into(),
            organization.seats.into(),
        ],
    )?;
    Ok(())
}

pub fn update_sign_in_mode(tx: &WriteTx<'_>, id: &OrganizationId, mode: SignInMode) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE organizations SET sign_in_mode = ?2, version = version + 1 WHERE id = ?1",
        &[id.into(), mode.as_str().into()],
    )?;
    Ok(())
}

pub fn update_name(tx: &WriteTx<'_>, id: &OrganizationId, name: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE organizations SET name = ?2, version = version + 1 WHERE id = ?1", &[id.into(), name.into()])?;
    Ok(())
}

pub fn setting(tx: &ReadTx<'_>, name: &str) -> Result<Option<String>, StoreError> {
    tx.find("SELECT value FROM settings WHERE name = ?1", &[name.into()], |row| row.get("value"))
}

pub fn set_setting(tx: &WriteTx<'_>, name: &str, value: &str) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        &[name.into(), value.into()],
    )?;
    Ok(())
}
