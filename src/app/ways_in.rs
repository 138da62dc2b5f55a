//! Somebody who administers must always be able to get in: what takes a way in away asks here, inside its transaction. It looks
//! whether there is one, and lists only those above whoever acts, so that a company of admins holds nobody up.

use crate::app::error::{Error, Result};
use crate::app::roles::all;
use crate::model::actor::Ctx;
use crate::model::id::{ConnectionId, MemberId};
use crate::model::role::{AnyRole, Role};
use crate::store::{ReadTx, organizations, roles};

/// Of more people above them nobody takes a way in away.
const MOST_ABOVE: usize = 200;

/// Who could sign in before a change.
#[derive(Default)]
pub(super) struct WaysIn {
    has_admin: bool,
    has_owner: bool,
    /// Owners and admins who hold more than whoever acts.
    above: Vec<MemberId>,
}

impl WaysIn {
    /// Before a change that concerns one member, whose rank was compared already.
    pub fn read(tx: &ReadTx<'_>, ctx: &Ctx) -> Result<Self> {
        Self::read_without(tx, ctx, "")
    }

    /// Before a change that may concern anybody.
    pub fn read_of_all(tx: &ReadTx<'_>, ctx: &Ctx) -> Result<Self> {
        let above = list_above(tx, ctx, "")?;
        if above.len() > MOST_ABOVE {
            let text = format!("More than {MOST_ABOVE} people who hold more than you sign in here. Ask an owner.");
            return Err(Error::refused("role_above_yours", text));
        }
        Ok(Self { above, ..Self::read(tx, ctx)? })
    }

    fn read_without(tx: &ReadTx<'_>, ctx: &Ctx, from: &str) -> Result<Self> {
        let by_password = allows_password(tx, ctx)?;
        let has = |role| roles::has_a_way_in(tx, &ctx.organization, role, by_password, from);
        Ok(Self { has_admin: has(Role::Admin)?, has_owner: has(Role::Owner)?, above: Vec::new() })
    }

    /// After the change: an admin and an owner are left, as far as there were such, and nobody above the caller lost theirs.
    pub fn require_kept(&self, tx: &ReadTx<'_>, ctx: &Ctx) -> Result<()> {
        self.require(tx, ctx, "")
    }

    /// The same where what the connection gave is still to be taken away.
    pub fn require_kept_without(&self, tx: &ReadTx<'_>, ctx: &Ctx, connection: &ConnectionId) -> Result<()> {
        self.require(tx, ctx, connection.as_str())
    }

    fn require(&self, tx: &ReadTx<'_>, ctx: &Ctx, from: &str) -> Result<()> {
        let after = Self::read_without(tx, ctx, from)?;
        if self.has_admin && !after.has_admin {
            let text =
                "After this no admin could sign in. Give an admin a password first, or another active connection.";
            return Err(Error::conflict("lockout_last_admin", text));
        }
        if self.has_owner && !after.has_owner {
            let text =
                "After this no owner could sign in. Give an owner a password first, or another active connection.";
            return Err(Error::conflict("lockout_last_admin", text));
        }
        if self.above.is_empty() {
            return Ok(());
        }
        let left = list_above(tx, ctx, from)?;
        if self.above.iter().any(|id| ctx.member_id() != Some(id) && !left.contains(id)) {
            let text = "This would take the way in from somebody who holds more than your own role. Ask an owner.";
            return Err(Error::refused("role_above_yours", text));
        }
        Ok(())
    }
}

fn allows_password(tx: &ReadTx<'_>, ctx: &Ctx) -> Result<bool> {
    let mode = organizations::find(tx, &ctx.organization)?.map(|organization| organization.sign_in_mode);
    Ok(mode.is_none_or(|mode| mode.allows_password()))
}

fn list_above(tx: &ReadTx<'_>, ctx: &Ctx, from: &str) -> Result<Vec<MemberId>> {
    let known = all(tx, &ctx.organization)?;
    let above = known.iter().filter(|role| !ctx.permissions.contains(role.permissions()));
    let slugs: Vec<&str> = above.map(AnyRole::slug).collect();
    if slugs.is_empty() {
        return Ok(Vec::new());
    }
    let way = (allows_password(tx, ctx)?, from);
    Ok(roles::list_holders_with_a_way_in(tx, &ctx.organization, &slugs, way, MOST_ABOVE + 1)?)
}
