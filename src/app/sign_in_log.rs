//! The sign-ins of a connection, as admins read them.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::model::actor::Ctx;
use crate::model::id::ConnectionId;
use crate::model::page::{Page, Window};
use crate::model::role::Permission;
use crate::model::sign_in::SignIn;
use crate::store::{connections, sign_ins};

impl App {
    pub async fn list_sign_ins(
        &self,
        ctx: &Ctx,
        id: ConnectionId,
        only_refused: bool,
        window: Window,
    ) -> Result<Page<SignIn>> {
        access::require(ctx, Permission::ConnectionsRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read(move |tx| {
                connections::find(tx, &organization, &id)?.ok_or(Error::NotFound("connection"))?;
                Ok(sign_ins::list(tx, &id, only_refused, &window)?)
            })
            .await
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
