//! Turning connections on and off, with the revision that each has by then.

use crate::app::App;
use crate::app::access;
use crate::app::certificates::tell_vouching;
use crate::app::connections::{ConnectionView, save, target, view};
use crate::app::error::{Error, Result};
use crate::app::role_mappings;
use crate::app::runs::PATIENCE;
use crate::app::ways_in::WaysIn;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::connection::{AttributeNames, Connection, Missing, Revision, SamlSettings, Status};
use crate::model::id::{ConnectionId, RevisionId};
use crate::model::organization::SignInMode;
use crate::model::role::{DefaultRole, Permission};
use crate::model::run::{Run, Subject};
use crate::store::{ReadTx, WriteTx, audit, certificates, connections, mappings, organizations, revisions, runs};

impl App {
    /// Turns the draft on, or a connection that was turned off. Wants a passed test, unless told to do without.
    pub async fn activate_connection(
        &self,
        ctx: &Ctx,
        id: ConnectionId,
        without_test: bool,
        version: Option<i64>,
    ) -> Result<ConnectionView> {
        self.change_connection(ctx, id, version, move |tx, ctx, mut connection| {
            let now = view(tx, connection.clone(), ctx.now)?;
            require_ready(&now, without_test)?;
            require_grants(ctx, connection.editable())?;
            let joined_before = connection.live().is_some_and(|revision| revision.settings.link_existing);
            let read_before = connection.live().map(|revision| people_from(&revision.settings));
            let was_on = connection.live().map(|revision| revision.id.clone());
            let has_draft = connection.draft.is_some();
            if let Some(draft) = connection.draft.take() {
                revisions::update_activated(tx, &draft.id, ctx.now, ctx.actor.name())?;
                connection.former = connection.active.take().map(|revision| revision.id);
                connection.active = Some(draft);
            }
            connection.status = Status::Active;
            connection.activated_at = Some(ctx.now);
            save(tx, &mut connection)?;
            let has_promoted = certificates::promote(tx, &connection.id)? > 0;
            if has_promoted || connection.live().map(|revision| people_from(&revision.settings)) != read_before {
                tell_vouching(tx, ctx, &connection)?;
            }
            let event = turned_on(tx, &connection, was_on.filter(|_| has_draft))?;
            let event = if now.has_passed_test { event } else { event.change("without_test", false, true) };
            audit::insert(tx, ctx, &event)?;
            tell_link_existing(tx, ctx, &connection, joined_before)?;
            open_sso(tx, ctx)?;
            view(tx, connection, ctx.now)
        })
        .await
    }

    /// Nobody can sign in by it from now on; who is signed in stays so. Without any active connection passwords are
    /// all that is left, so the mode says so.
    pub async fn deactivate_connection(&self, ctx: &Ctx, id: ConnectionId) -> Result<ConnectionView> {
        self.change_connection(ctx, id, None, move |tx, ctx, mut connection| {
            if connection.status == Status::Active {
                let ways_in = WaysIn::read_of_all(tx, ctx)?;
                connection.status = Status::Disabled;
                save(tx, &mut connection)?;
                audit::insert(tx, ctx, &NewEvent::new(Action::ConnectionDeactivated, target(&connection)))?;
                close_sso(tx, ctx)?;
                ways_in.require_kept(tx, ctx)?;
            }
            view(tx, connection, ctx.now)
        })
        .await
    }

    /// Swaps the revision that was active before back in.
    pub async fn revert_connection(&self, ctx: &Ctx, id: ConnectionId) -> Result<ConnectionView> {
        self.change_connection(ctx, id, None, move |tx, ctx, mut connection| {
            let nothing = || Error::conflict("nothing_to_revert", "There are no former settings to bring back.");
            let former = connection.former.take().ok_or_else(nothing)?;
            let former = revisions::find(tx, &connection.id, &former)?.ok_or_else(nothing)?;
            require_grants(ctx, Some(&former))?;
            require_certificate(tx, &connection, &former)?;
            let joined_before = connection.live().is_some_and(|revision| revision.settings.link_existing);
            let read_before = connection.live().map(|revision| people_from(&revision.settings));
            revisions::update_activated(tx, &former.id, ctx.now, ctx.actor.name())?;
            connection.former = connection.active.replace(former).map(|revision| revision.id);
            save(tx, &mut connection)?;
            audit::insert(tx, ctx, &NewEvent::new(Action::ConnectionReverted, target(&connection)))?;
            if connection.live().map(|revision| people_from(&revision.settings)) != read_before {
                tell_vouching(tx, ctx, &connection)?;
            }
            tell_link_existing(tx, ctx, &connection, joined_before)?;
            view(tx, connection, ctx.now)
        })
        .await
    }

    /// Throws away the edits beside an active connection.
    pub async fn discard_draft(&self, ctx: &Ctx, id: ConnectionId) -> Result<ConnectionView> {
        self.change_connection(ctx, id, None, move |tx, ctx, mut connection| {
            if connection.active.is_some()
                && let Some(draft) = connection.draft.take()
            {
                save(tx, &mut connection)?;
                revisions::delete(tx, &draft.id)?;
                certificates::delete_waiting(tx, &connection.id)?;
                audit::insert(tx, ctx, &NewEvent::new(Action::ConnectionDraftDiscarded, target(&connection)))?;
            }
            view(tx, connection, ctx.now)
        })
        .await
    }

    /// Nobody can sign in by it from now on, and it is gone from every list. Who it signed in, what it gave and what is known
    /// of people by it goes in steps.
    pub async fn delete_connection(&self, ctx: &Ctx, id: ConnectionId) -> Result<()> {
        access::require(ctx, Permission::ConnectionsWrite)?;
        loop {
            let survey = self.survey(ctx, id.clone(), None).await?;
            let delete = move |tx: &WriteTx<'_>, ctx: &Ctx, connection: Connection| -> Result<bool> {
                if connection.version != survey.version {
                    return Ok(false);
                }
                role_mappings::require_grants(tx, ctx, &mappings::list(tx, connection.id.as_str())?, &[])?;
                survey.refuse_lockout()?;
                let ways_in = WaysIn::read_of_all(tx, ctx)?;
                mappings::delete_of_source(tx, connection.id.as_str())?;
                connections::delete(tx, &connection.id, ctx.now)?;
                let subject = Subject::Connection(connection.id.clone());
                runs::delete(tx, &connection.organization, &Subject::Mappings(connection.id.clone()))?;
                runs::put(tx, &Run::new(&connection.organization, subject, connection.version, ctx.now))?;
                audit::insert(tx, ctx, &NewEvent::new(Action::ConnectionDeleted, target(&connection)))?;
                close_sso(tx, ctx)?;
                ways_in.require_kept_without(tx, ctx, &connection.id)?;
                Ok(true)
            };
            if self.change_connection(ctx, id.clone(), None, delete).await? {
                break;
            }
        }
        self.finish_run(ctx, Subject::Connection(id), Some(PATIENCE)).await;
        Ok(())
    }
}

/// What of the settings says who somebody is and what they are given.
fn people_from(settings: &SamlSettings) -> (Option<String>, bool, AttributeNames) {
    (settings.idp_entity_id.clone(), settings.link_existing, settings.attributes.clone())
}

/// Whoever turns settings on grants the role that they give to new people.
pub(super) fn require_grants(ctx: &Ctx, revision: Option<&Revision>) -> Result<()> {
    match revision.map(|revision| revision.settings.default_role) {
        Some(DefaultRole::Role(role)) => access::require_grant(ctx, &role.into()),
        _ => Ok(()),
    }
}

/// Settings that come back at once were tested with certificates that may be gone since.
fn require_certificate(tx: &ReadTx<'_>, connection: &Connection, former: &Revision) -> Result<()> {
    let trusted = certificates::list(tx, &connection.id)?;
    if trusted.iter().any(|certificate| certificate.is_live && certificate.vouches_for(&former.settings)) {
        return Ok(());
    }
    Err(Error::conflict("revert_no_certificate", no_certificate(&former.settings)))
}

fn no_certificate(settings: &SamlSettings) -> String {
    format!(
        "No certificate of {} is trusted any more, so nobody could sign in with these settings. Bring its certificate \
         back, or restore this revision as a draft and give the draft its metadata.",
        settings.idp_entity_id.as_deref().unwrap_or("the identity provider")
    )
}

impl App {
    /// Why the former settings cannot be swapped back in now, if they cannot.
    pub async fn find_revert_problem(&self, ctx: &Ctx, id: ConnectionId) -> Result<Option<String>> {
        access::require(ctx, Permission::ConnectionsRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read(move |tx| {
                let connection = connections::find(tx, &organization, &id)?.ok_or(Error::NotFound("connection"))?;
                let Some(former) = connection.former.as_ref() else { return Ok(None) };
                let Some(former) = revisions::find(tx, &id, former)? else { return Ok(None) };
                match require_certificate(tx, &connection, &former) {
                    Err(Error::Conflict { text, .. }) => Ok(Some(text)),
                    other => other.map(|()| None),
                }
            })
            .await
    }
}

fn require_ready(view: &ConnectionView, without_test: bool) -> Result<()> {
    let is_tested = view.has_passed_test || view.connection.tests_alike();
    let missing = view.connection.missing(view.provider_certificates(), is_tested || without_test);
    match missing.first() {
        None => Ok(()),
        Some(Missing::Metadata) => {
            let text = "The identity provider's entity ID, SSO URL or certificate is missing. Add its metadata first.";
            Err(Error::conflict("connection_incomplete", text))
        }
        Some(Missing::Test) => {
            let text = "No test of these settings has passed yet. Run Test SSO first.";
            Err(Error::conflict("connection_untested", text))
        }
    }
}

/// An edit that takes the place of settings in use turns nothing on. Either way it is said which revision is in use from then
/// on, by its number.
fn turned_on(tx: &ReadTx<'_>, connection: &Connection, before: Option<RevisionId>) -> Result<NewEvent> {
    let number = |id: &RevisionId| revisions::count_to(tx, &connection.id, id);
    let action = if before.is_some() { Action::SettingsActivated } else { Action::ConnectionActivated };
    let before = before.as_ref().map(number).transpose()?;
    let after = connection.live().map(|revision| number(&revision.id)).transpose()?;
    Ok(NewEvent::new(action, target(connection)).change("revision", before, after))
}

fn tell_link_existing(tx: &WriteTx<'_>, ctx: &Ctx, connection: &Connection, before: bool) -> Result<()> {
    let after = connection.live().is_some_and(|revision| revision.settings.link_existing);
    if before != after {
        let event =
            NewEvent::new(Action::LinkExistingChanged, target(connection)).change("link_existing", before, after);
        audit::insert(tx, ctx, &event)?;
    }
    Ok(())
}

/// The first connection that is turned on opens SSO beside passwords.
fn open_sso(tx: &WriteTx<'_>, ctx: &Ctx) -> Result<()> {
    change_mode(tx, ctx, |mode, _| if mode == SignInMode::Password { SignInMode::PasswordAndSso } else { mode })
}

fn close_sso(tx: &WriteTx<'_>, ctx: &Ctx) -> Result<()> {
    change_mode(tx, ctx, |mode, active| if active == 0 { SignInMode::Password } else { mode })
}

fn change_mode(tx: &WriteTx<'_>, ctx: &Ctx, next: impl Fn(SignInMode, u32) -> SignInMode) -> Result<()> {
    let Some(organization) = organizations::find(tx, &ctx.organization)? else { return Ok(()) };
    let mode = next(organization.sign_in_mode, connections::count_active(tx, &ctx.organization)?);
    if mode != organization.sign_in_mode {
        organizations::update_sign_in_mode(tx, &organization.id, mode)?;
        let target = Target::new("organization", &organization.id, &organization.name);
        let event = NewEvent::new(Action::SignInModeChanged, target).change(
            "mode",
            organization.sign_in_mode.as_str(),
            mode.as_str(),
        );
        audit::insert(tx, ctx, &event)?;
    }
    Ok(())
}
