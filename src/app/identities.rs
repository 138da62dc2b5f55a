//! Linked sign-ins of members, as they are taken away: one's own, or by an admin.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::app::members::require_rank;
use crate::app::provision::target;
use crate::app::regranting::withdraw;
use crate::app::ways_in::WaysIn;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent};
use crate::model::id::{ConnectionId, IdentityId, MemberId};
use crate::model::member::Member;
use crate::model::role::Permission;
use crate::store::{WriteTx, audit, connections, groups, mappings, members, sessions};

impl App {
    /// Unlinks one of one's own sign-ins, but not the last way in.
    pub async fn unlink_own_identity(
        &self,
        me: &crate::app::sessions::SignedIn,
        ctx: &Ctx,
        member: MemberId,
        id: IdentityId,
    ) -> Result<()> {
        let detail = self.find_member_detail(ctx, member.clone()).await?;
        let has_password = detail.view.member.has_password && me.organization.sign_in_mode.allows_password();
        if detail.identities.len() < 2 && !has_password {
            return Err(Error::conflict(
                "last_way_in",
                "This is your only way in. Link another or set a password first.",
            ));
        }
        self.unlink_identity(ctx, member, id).await
    }

    /// Unlinks a sign-in; one's own or, for admins, another's.
    pub async fn unlink_identity(&self, ctx: &Ctx, member: MemberId, id: IdentityId) -> Result<()> {
        if ctx.member_id() != Some(&member) {
            access::require(ctx, Permission::MembersWrite)?;
        }
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                let owner = members::find(tx, &ctx.organization, &member)?.ok_or(Error::NotFound("member"))?;
                if ctx.member_id() != Some(&member) {
                    require_rank(&ctx, &owner)?;
                }
                let ways_in = WaysIn::read(tx, &ctx)?;
                let all = members::list_identities(tx, &member)?;
                let gone = all.iter().find(|identity| identity.id == id).ok_or(Error::NotFound("linked sign-in"))?;
                members::delete_identity(tx, &member, &id)?;
                audit::insert(tx, &ctx, &NewEvent::new(Action::IdentityUnlinked, target(&owner)))?;
                if all.iter().filter(|identity| identity.connection == gone.connection).count() == 1 {
                    leave(tx, &ctx, &gone.connection, &owner)?;
                }
                ways_in.require_kept(tx, &ctx)?;
                Ok(())
            })
            .await
    }
}

/// Nothing links somebody to this connection any more: what it gave and what it had sent goes, and so do its sessions.
fn leave(tx: &WriteTx<'_>, ctx: &Ctx, connection: &ConnectionId, member: &Member) -> Result<()> {
    groups::replace_of_connection(tx, &ctx.organization, connection, &member.id, &[], ctx.now)?;
    mappings::replace_sent(tx, connection.as_str(), &member.id, &[])?;
    sessions::delete_of_member_by(tx, &member.id, connection)?;
    if let Some(connection) = connections::find(tx, &ctx.organization, connection)? {
        withdraw(tx, ctx, &connection, member)?;
    }
    Ok(())
}
