//! The audit trail, read.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::model::actor::Ctx;
use crate::model::audit::{Action, AuditEvent, AuditFilter, NewEvent, Target};
use crate::model::id::AuditEventId;
use crate::model::page::{Page, Window};
use crate::model::role::Permission;
use crate::store::audit;

impl App {
    /// Notes that the operator made a backup.
    pub async fn note_backup(&self, ctx: &Ctx) -> Result<()> {
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                let target = Target::new("organization", &ctx.organization, "");
                audit::insert(tx, &ctx, &NewEvent::new(Action::BackupMade, target))?;
                Ok(())
            })
            .await
    }

    /// Newest first.
    pub async fn list_audit_events(&self, ctx: &Ctx, filter: AuditFilter, window: Window) -> Result<Page<AuditEvent>> {
        access::require(ctx, Permission::AuditRead)?;
        let organization = ctx.organization.clone();
        self.store.read(move |tx| audit::list(tx, &organization, &filter, &window).map_err(Error::from)).await
    }

    pub async fn find_audit_event(&self, ctx: &Ctx, id: AuditEventId) -> Result<AuditEvent> {
        access::require(ctx, Permission::AuditRead)?;
        let organization = ctx.organization.clone();
        self.store.read(move |tx| audit::find(tx, &organization, &id)?.ok_or(Error::NotFound("event"))).await
    }
}
