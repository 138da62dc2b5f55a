//! Help for everyone who is signed in: what to do at each identity provider in its own labels, and the way from any
//! label to its value. What a connection has
//! is shown to those who may see connections, under the same conditions as the console.

use crate::app::Error;
use crate::model::actor::Ctx;
use crate::model::role::Permission;
use crate::web::error::PageError;
use crate::web::extract::Member;
use crate::web::routes::Needs;
use crate::web::routes::Routes;

pub mod pages;
pub mod providers;
pub mod search;

pub fn routes(r: &mut Routes) {
    r.get("/help/search", Needs::Member, search::search);
    r.get("/help/providers", Needs::Member, providers::list);
    r.get("/help/providers/{connector}", Needs::Member, providers::show);
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    search::samples(all);
    providers::samples(all);
}

/// The reader, where they may see connections: with the permission, and signed in recently enough for the console.
fn sees_connections(member: &Member) -> Option<&Ctx> {
    let is_fresh = member.signed_in.session.is_fresh_for_console(member.visitor.now);
    (is_fresh && member.ctx.may(Permission::ConnectionsRead)).then_some(&member.ctx)
}

/// The same where a connection was asked for by name.
fn require_connections(member: &Member) -> Result<&Ctx, PageError> {
    match sees_connections(member) {
        Some(ctx) => Ok(ctx),
        None if member.ctx.may(Permission::ConnectionsRead) => Err(Error::SignedOut.into()),
        None => Err(Error::Forbidden(Permission::ConnectionsRead).into()),
    }
}
