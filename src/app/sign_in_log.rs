//! The sign-ins of a connection, as admins read them.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::model::actor::Ctx;
use crate::model::email::Email;
use crate::model::id::{AuditEventId, ConnectionId, MemberId};
use crate::model::page::{Page, Window};
use crate::model::role::Permission;
use crate::model::sign_in::{SignIn, SignInFilter, Whom};
use crate::store::{audit, connections, members, sign_ins};

/// Where a reference leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Referenced {
    /// To the trace, at this connection.
    SignIn(ConnectionId),
    Event(AuditEventId),
}

impl App {
    /// `person` is an address or a member's id.
    pub async fn list_sign_ins(
        &self,
        ctx: &Ctx,
        id: ConnectionId,
        filter: SignInFilter,
        person: Option<String>,
        window: Window,
    ) -> Result<Page<SignIn>> {
        access::require(ctx, Permission::ConnectionsRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read(move |tx| {
                connections::find(tx, &organization, &id)?.ok_or(Error::NotFound("connection"))?;
                let mut filter = filter.clone();
                if let Some(person) = &person {
                    let mut whom = Whom { members: Vec::new(), address: person.clone() };
                    if let Ok(id) = person.parse::<MemberId>() {
                        if let Some(member) = members::find(tx, &organization, &id)? {
                            whom.address = member.email.normal().to_owned();
                        }
                        whom.members.push(id);
                    } else if let Some(email) = Email::parse(person) {
                        let found = members::list_by_email(tx, &organization, &email)?;
                        whom.members.extend(found.into_iter().map(|member| member.id));
                        whom.address = email.normal().to_owned();
                    }
                    filter.person = Some(whom);
                }
                Ok(sign_ins::list(tx, &id, &filter, &window)?)
            })
            .await
    }

    /// What a reference leads to, as far as the caller may follow it: the refusal itself, or the event that is left of it.
    pub async fn find_reference(&self, ctx: &Ctx, reference: &str) -> Result<Option<Referenced>> {
        let (sees_sign_ins, sees_events) = (ctx.may(Permission::ConnectionsRead), ctx.may(Permission::AuditRead));
        let (organization, reference) = (ctx.organization.clone(), reference.to_owned());
        self.store
            .read(move |tx| {
                if sees_sign_ins && let Some(id) = sign_ins::find_referenced(tx, &organization, &reference)? {
                    return Ok(Some(Referenced::SignIn(id)));
                }
                if !sees_events {
                    return Ok(None);
                }
                Ok(audit::find_referring(tx, &organization, &reference)?.map(Referenced::Event))
            })
            .await
    }

    /// The codes to choose from.
    pub async fn list_refusal_codes(&self, ctx: &Ctx, id: ConnectionId) -> Result<Vec<String>> {
        access::require(ctx, Permission::ConnectionsRead)?;
        self.store.read(move |tx| sign_ins::list_codes(tx, &id).map_err(Error::from)).await
    }

    pub async fn find_sign_in(&self, ctx: &Ctx, id: ConnectionId, reference: &str) -> Result<SignIn> {
        access::require(ctx, Permission::ConnectionsRead)?;
        let (organization, reference) = (ctx.organization.clone(), reference.to_uppercase());
        self.store
            .read(move |tx| {
                connections::find(tx, &organization, &id)?.ok_or(Error::NotFound("connection"))?;
                sign_ins::find_by_reference(tx, &id, &reference)?.ok_or(Error::NotFound("sign-in"))
            })
            .await
    }
}
