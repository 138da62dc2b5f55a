//! The audit trail, read.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::model::actor::Ctx;
use crate::model::audit::{AuditEvent, AuditFilter};
use crate::model::page::{Page, Window};
use crate::model::role::Permission;
use crate::store::audit;

impl App {
    /// Newest first.
    pub async fn list_audit_events(&self, ctx: &Ctx, filter: AuditFilter, window: Window) -> Result<Page<AuditEvent>> {
        access::require(ctx, Permission::AuditRead)?;
        let organization = ctx.organization.clone();
        self.store.read(move |tx| audit::list(tx, &organization, &filter, &window).map_err(Error::from)).await
    }
}
