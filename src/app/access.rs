//! Who may do what. Use cases ask here first.

use crate::app::error::{Error, Result};
use crate::model::actor::Ctx;
use crate::model::role::{AnyRole, Permission, Role};

pub fn require(ctx: &Ctx, permission: Permission) -> Result<()> {
    if ctx.may(permission) { Ok(()) } else { Err(Error::Forbidden(permission)) }
}

/// Nobody grants more than they hold.
pub fn require_grant(ctx: &Ctx, role: &AnyRole) -> Result<()> {
    if role.is(Role::Member) {
        return Ok(());
    }
    require(ctx, Permission::RolesGrant)?;
    if ctx.permissions.contains(role.permissions()) {
        return Ok(());
    }
    Err(Error::refused(
        "role_above_yours",
        format!("You cannot grant {}: it holds more than your own role.", role.name()),
    ))
}
