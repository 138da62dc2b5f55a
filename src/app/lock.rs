//! The lock: while a directory is enabled, who exists and what it sends is not changed by hand (DECISIONS.md). Outside it are
//! the command line, one's own account and the ending of sessions, which ask nobody here.

use crate::app::error::{Error, Result};
use crate::model::actor::{Actor, Ctx};
use crate::model::directory::{Directory, MemberLock};
use crate::model::member::Member;
use crate::store::{ReadTx, directories};

/// What somebody is about to do to a member by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Add,
    Edit,
    Deactivate,
    Reactivate,
    Remove,
}

fn managed() -> Error {
    Error::refused(
        "scim_managed",
        "Member management is delegated to your IdP via SCIM. Add, change or remove the person in your identity provider.",
    )
}

/// The enabled directories of the organization.
pub(super) fn enabled(tx: &ReadTx<'_>, ctx: &Ctx) -> Result<Vec<Directory>> {
    let all = directories::list(tx, &ctx.organization)?;
    Ok(all.into_iter().filter(Directory::is_enabled).collect())
}

/// Whether one of these directories says who this is.
pub(super) fn covers(directories: &[Directory], member: &Member) -> bool {
    directories.iter().any(|directory| member.directory.as_ref() == Some(&directory.id))
}

/// `member` is none where one is added.
pub(super) fn require_unlocked(tx: &ReadTx<'_>, ctx: &Ctx, act: Act, member: Option<&Member>) -> Result<()> {
    if matches!(ctx.actor, Actor::CommandLine | Actor::System | Actor::Directory { .. }) {
        return Ok(());
    }
    let directories = enabled(tx, ctx)?;
    // What the directory sends stays its own, whatever the setting.
    if member.is_some_and(|member| covers(&directories, member)) {
        return Err(managed());
    }
    let is = |lock: MemberLock| directories.iter().any(|directory| directory.lock == lock);
    let is_locked = match act {
        Act::Add => is(MemberLock::Locked) || is(MemberLock::NoInvitations),
        // Access must always be endable.
        Act::Deactivate => false,
        Act::Edit | Act::Reactivate | Act::Remove => is(MemberLock::Locked),
    };
    if is_locked { Err(managed()) } else { Ok(()) }
}
