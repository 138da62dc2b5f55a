//! The sign-ins of a connection, as admins read them.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::model::actor::Ctx;
use crate::model::email::Email;
use crate::model::id::{ConnectionId, MemberId};
use crate::model::page::{Page, Window};
use crate::model::role::Permission;
use crate::model::sign_in::{SignIn, SignInFilter, Whom};
use crate::store::{connections, members, sign_ins};

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
                    if let Ok(member) = person.parse::<MemberId>() {
                        whom.members.push(member);
                    } else if let Some(email) = Email::parse(person) {
                        let found = members::list_by_email(tx, &organization, &email)?;
                        whom.members.extend(found.into_iter().map(|member| member.id));
                        whom.address = email.as_str().to_owned();
                    }
                    filter.person = Some(whom);
                }
                Ok(sign_ins::list(tx, &id, &filter, &window)?)
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
