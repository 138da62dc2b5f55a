//! Views of the audit log: a filter under a name, shared by all of the organization who read the log. Whoever may read it may
//! keep views of their own; another's is changed by whoever may change the organization.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::model::actor::Ctx;
use crate::model::audit::{Action, AuditFilter, AuditView, NewEvent, Target};
use crate::model::id::AuditViewId;
use crate::model::invalid::Invalid;
use crate::model::role::Permission;
use crate::store::{ReadTx, audit, audit_views};

fn target(view: &AuditView) -> Target {
    Target::new("audit_view", &view.id, &view.name)
}

fn check_name(name: &str) -> Result<String> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() || name.chars().count() > 60 || name.chars().any(char::is_control) {
        let text = "Give the view a name of 1 to 60 characters, such as `Refused sign-ins`.";
        return Err(Invalid::field("name", "name", text).into());
    }
    Ok(name)
}

fn check_filter(filter: &AuditFilter) -> Result<()> {
    if let Some(text) = &filter.text {
        Invalid::search("q", text)?;
    }
    let others = [&filter.actor, &filter.action, &filter.target, &filter.result, &filter.level];
    let is_odd = |text: &String| text.chars().count() > 200 || text.chars().any(char::is_control);
    if *filter == AuditFilter::default() || others.into_iter().flatten().any(is_odd) {
        let text = "A view needs a filter: narrow the list by an event, a text or a day first.";
        return Err(Invalid::field("filter", "no_filter", text).into());
    }
    Ok(())
}

fn check_free(tx: &ReadTx<'_>, ctx: &Ctx, name: &str, but: Option<&AuditViewId>) -> Result<()> {
    match audit_views::find_by_name(tx, &ctx.organization, name)? {
        Some(known) if Some(&known.id) != but => {
            let text = format!("There is a view called {} already. Use another name, or rename that one.", known.name);
            Err(Invalid::field("name", "view_taken", text).into())
        }
        _ => Ok(()),
    }
}

fn find_own(tx: &ReadTx<'_>, ctx: &Ctx, id: &AuditViewId) -> Result<AuditView> {
    let view = audit_views::find(tx, &ctx.organization, id)?.ok_or(Error::NotFound("view"))?;
    if view.made_by.is_none() || view.made_by.as_deref() != ctx.actor.id() {
        access::require(ctx, Permission::OrganizationWrite)?;
    }
    Ok(view)
}

impl App {
    pub async fn list_audit_views(&self, ctx: &Ctx) -> Result<Vec<AuditView>> {
        access::require(ctx, Permission::AuditRead)?;
        let organization = ctx.organization.clone();
        self.store.read(move |tx| audit_views::list(tx, &organization).map_err(Error::from)).await
    }

    pub async fn find_audit_view(&self, ctx: &Ctx, id: AuditViewId) -> Result<AuditView> {
        access::require(ctx, Permission::AuditRead)?;
        let organization = ctx.organization.clone();
        self.store.read(move |tx| audit_views::find(tx, &organization, &id)?.ok_or(Error::NotFound("view"))).await
    }

    pub async fn create_audit_view(&self, ctx: &Ctx, name: &str, filter: AuditFilter) -> Result<AuditView> {
        access::require(ctx, Permission::AuditRead)?;
        let name = check_name(name)?;
        check_filter(&filter)?;
        let view = AuditView {
            id: AuditViewId::new(),
            organization: ctx.organization.clone(),
            name,
            filter,
            made_by: ctx.actor.id().map(str::to_owned),
            made_by_name: ctx.actor.name().to_owned(),
            created_at: ctx.now,
        };
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                check_free(tx, &ctx, &view.name, None)?;
                if audit_views::list(tx, &ctx.organization)?.len() >= AuditView::MOST {
                    let text = format!("There are {} views, the most there can be. Delete one first.", AuditView::MOST);
                    return Err(Invalid::field("name", "too_many_views", text).into());
                }
                audit_views::insert(tx, &view)?;
                audit::insert(tx, &ctx, &NewEvent::new(Action::AuditViewCreated, target(&view)))?;
                Ok(view.clone())
            })
            .await
    }

    pub async fn rename_audit_view(&self, ctx: &Ctx, id: AuditViewId, name: &str) -> Result<AuditView> {
        access::require(ctx, Permission::AuditRead)?;
        let (ctx, name) = (ctx.clone(), name.to_owned());
        self.store
            .write(move |tx| {
                let mut view = find_own(tx, &ctx, &id)?;
                let name = check_name(&name)?;
                check_free(tx, &ctx, &name, Some(&id))?;
                let event = NewEvent::new(Action::AuditViewUpdated, target(&view));
                let event = event.change("name", view.name.as_str(), name.as_str());
                if !event.changes.is_empty() {
                    audit_views::update_name(tx, &id, &name)?;
                    audit::insert(tx, &ctx, &event)?;
                }
                view.name = name;
                Ok(view)
            })
            .await
    }

    pub async fn delete_audit_view(&self, ctx: &Ctx, id: AuditViewId) -> Result<AuditView> {
        access::require(ctx, Permission::AuditRead)?;
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                let view = find_own(tx, &ctx, &id)?;
                audit_views::delete(tx, &id)?;
                audit::insert(tx, &ctx, &NewEvent::new(Action::AuditViewDeleted, target(&view)))?;
                Ok(view)
            })
            .await
    }
}
