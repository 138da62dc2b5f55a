//! Somebody who administers must always be able to get in: what takes a way in away asks here, inside its transaction.

use crate::app::error::{Error, Result};
use crate::app::members::require_rank;
use crate::model::actor::Ctx;
use crate::model::id::{ConnectionId, MemberId};
use crate::model::role::Role;
use crate::store::{ReadTx, members, organizations, roles};

/// The owners and admins who could sign in before a change.
pub(super) struct WaysIn(Vec<MemberId>);

impl WaysIn {
    pub fn read(tx: &ReadTx<'_>, ctx: &Ctx) -> Result<Self> {
        Self::read_without(tx, ctx, "")
    }

    fn read_without(tx: &ReadTx<'_>, ctx: &Ctx, from: &str) -> Result<Self> {
        let mode = organizations::find(tx, &ctx.organization)?.map(|organization| organization.sign_in_mode);
        let by_password = mode.is_none_or(|mode| mode.allows_password());
        Ok(Self(roles::list_admins_with_a_way_in(tx, &ctx.organization, by_password, from)?))
    }

    /// After the change: an admin and an owner are left, as far as there were such, and nobody above the caller lost theirs.
    pub fn require_kept(&self, tx: &ReadTx<'_>, ctx: &Ctx) -> Result<()> {
        self.require(tx, ctx, &Self::read(tx, ctx)?)
    }

    /// The same where what the connection gave is still to be taken away.
    pub fn require_kept_without(&self, tx: &ReadTx<'_>, ctx: &Ctx, connection: &ConnectionId) -> Result<()> {
        self.require(tx, ctx, &Self::read_without(tx, ctx, connection.as_str())?)
    }

    fn require(&self, tx: &ReadTx<'_>, ctx: &Ctx, after: &Self) -> Result<()> {
        let mut lost = Vec::new();
        for id in self.0.iter().filter(|id| !after.0.contains(id)) {
            lost.extend(members::find(tx, &ctx.organization, id)?);
        }
        if lost.is_empty() {
            return Ok(());
        }
        if after.0.is_empty() {
            let text =
                "After this no admin could sign in. Give an admin a password first, or another active connection.";
            return Err(Error::conflict("lockout_last_admin", text));
        }
        let is_owner = |id: &MemberId| -> Result<bool> {
            let member = members::find(tx, &ctx.organization, id)?;
            Ok(member.is_some_and(|member| member.roles.iter().any(|held| held.role.is(Role::Owner))))
        };
        let has_lost_owner = lost.iter().any(|member| member.roles.iter().any(|held| held.role.is(Role::Owner)));
        let mut has_owner = false;
        for id in &after.0 {
            has_owner = has_owner || is_owner(id)?;
        }
        if has_lost_owner && !has_owner {
            let text =
                "After this no owner could sign in. Give an owner a password first, or another active connection.";
            return Err(Error::conflict("lockout_last_admin", text));
        }
        lost.iter()
            .filter(|member| ctx.member_id() != Some(&member.id))
            .try_for_each(|member| require_rank(ctx, member))
    }
}
