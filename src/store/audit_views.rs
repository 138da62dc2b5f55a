//! Filters of the audit log under a name.

use crate::model::audit::AuditView;
use crate::model::id::{AuditViewId, OrganizationId};
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, WriteTx};

const COLUMNS: &str = "id, organization_id, name, filter, made_by, made_by_name, created_at";

fn read(row: &Row<'_>) -> Result<AuditView, StoreError> {
    let filter: String = row.get("filter")?;
    Ok(AuditView {
        id: row.get("id")?,
        organization: row.get("organization_id")?,
        name: row.get("name")?,
        filter: serde_json::from_str(&filter).map_err(|error| StoreError::damaged("filter", &error.to_string()))?,
        made_by: row.get("made_by")?,
        made_by_name: row.get("made_by_name")?,
        created_at: row.get("created_at")?,
    })
}

pub fn find(tx: &ReadTx<'_>, organization: &OrganizationId, id: &AuditViewId) -> Result<Option<AuditView>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM audit_views WHERE organization_id = ?1 AND id = ?2");
    tx.find(&sql, &[organization.into(), id.into()], read)
}

pub fn find_by_name(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    name: &str,
) -> Result<Option<AuditView>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM audit_views WHERE organization_id = ?1 AND name_norm = ?2");
    tx.find(&sql, &[organization.into(), name.to_lowercase().into()], read)
}

/// By name: there are few.
pub fn list(tx: &ReadTx<'_>, organization: &OrganizationId) -> Result<Vec<AuditView>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM audit_views WHERE organization_id = ?1 ORDER BY name_norm");
    tx.list(&sql, &[organization.into()], read)
}

pub fn insert(tx: &WriteTx<'_>, view: &AuditView) -> Result<(), StoreError> {
    let filter = serde_json::to_string(&view.filter).map_err(StoreError::failed)?;
    tx.execute(
        "INSERT INTO audit_views (id, organization_id, name, name_norm, filter, made_by, made_by_name, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            (&view.id).into(),
            (&view.organization).into(),
            (&view.name).into(),
            view.name.to_lowercase().into(),
            filter.into(),
            view.made_by.clone().into(),
            (&view.made_by_name).into(),
            view.created_at.into(),
        ],
    )?;
    Ok(())
}

pub fn update_name(tx: &WriteTx<'_>, id: &AuditViewId, name: &str) -> Result<(), StoreError> {
    let sql = "UPDATE audit_views SET name = ?2, name_norm = ?3 WHERE id = ?1";
    tx.execute(sql, &[id.into(), name.into(), name.to_lowercase().into()])?;
    Ok(())
}

pub fn delete(tx: &WriteTx<'_>, id: &AuditViewId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM audit_views WHERE id = ?1", &[id.into()])?;
    Ok(())
}
