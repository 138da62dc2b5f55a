//! The audit trail, read.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::model::actor::{Actor, Ctx};
use crate::model::audit::{Action, AuditEvent, AuditFilter, NewEvent, Target};
use crate::model::id::{AuditEventId, OrganizationId};
use crate::model::invalid::Invalid;
use crate::model::page::{Page, Window};
use crate::model::role::Permission;
use crate::store::audit_search::Meant;
use crate::store::{ReadTx, audit, audit_search};

/// More people and things than that are too many to look for, each by its own.
const MOST_MEANT: usize = 100;

/// What in the log is called so, or by a name that has the text in it.
fn meant(tx: &ReadTx<'_>, organization: &OrganizationId, text: &str) -> Result<Meant> {
    let lower = text.to_lowercase();
    let parties = audit_search::list_parties(tx, organization, text, MOST_MEANT + 1)?;
    if parties.len() > MOST_MEANT {
        let brief: String = text.chars().take(40).collect();
        let text = format!("{brief} fits more than {MOST_MEANT} people and things. Write more of the name.");
        return Err(Invalid::field("q", "too_broad", text).into());
    }
    let fits = |words: &str| words.to_lowercase().contains(&lower);
    let nameless = [Actor::Stranger, Actor::CommandLine, Actor::System];
    let codes = audit_search::list_codes(tx, organization)?;
    Ok(Meant {
        parties: parties.into_iter().chain([text.to_owned()]).collect(),
        kinds: nameless.iter().filter(|actor| fits(actor.name())).map(Actor::kind).collect(),
        actions: Action::ALL
            .iter()
            .filter(|action| fits(action.as_str()) || fits(action.label()))
            .map(|action| action.as_str())
            .collect(),
        codes: codes.into_iter().filter(|code| fits(code)).collect(),
        reference: text.to_uppercase(),
    })
}

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
        let text = filter.text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let Some(text) = text else {
            return self
                .store
                .read(move |tx| audit::list(tx, &organization, &filter, &window).map_err(Error::from))
                .await;
        };
        Invalid::search("q", &text)?;
        self.settle_member_texts().await;
        self.store
            .read_slowly(move |tx| {
                let meant = meant(tx, &organization, &text)?;
                Ok(audit_search::list(tx, &organization, &filter, &meant, &window)?)
            })
            .await
    }

    pub async fn find_audit_event(&self, ctx: &Ctx, id: AuditEventId) -> Result<AuditEvent> {
        access::require(ctx, Permission::AuditRead)?;
        let organization = ctx.organization.clone();
        self.store.read(move |tx| audit::find(tx, &organization, &id)?.ok_or(Error::NotFound("event"))).await
    }
}
