//! Who may do what. Use cases ask here first.

use crate::app::error::{Error, Result};
use crate::model::actor::Ctx;
use crate::model::role::{Permission, Role};

pub fn require(ctx: &Ctx, permission: Permission) -> Result<()> {
    if ctx.may(permission) { Ok(()) } else { Err(Error::Forbidden(permission)) }
}

/// The built-in roles, highest first.
pub fn list_roles(ctx: &Ctx) -> Result<&'static [Role]> {
    require(ctx, Permission::RolesRead)?;
    Ok(&Role::ALL)
}

/// Nobody grants more than they hold.
pub fn require_grant(ctx: &Ctx, role: Role) -> Result<()> {
    if role == Role::Member {
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
