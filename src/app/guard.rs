//! The blast-radius guard: a directory that takes access away from many people within an hour is held until an admin has
//! looked. What was refused changed nothing, and the identity provider sends it again.

use crate::app::error::{Error, Result};
use crate::model::actor::{Actor, Ctx};
use crate::model::directory::Directory;
use crate::model::member::Member;
use crate::model::scim::Question;
use crate::model::time::{Timestamp, minutes};
use crate::store::losses::Guard;
use crate::store::{ReadTx, WriteTx, directories, losses, scim_search};

/// So few may always lose access.
const ALWAYS: u32 = 10;
/// When the identity provider is asked to come again.
pub const RETRY_AFTER: u64 = 600;

/// How many lost access in the hour before then, by other changes than this one.
pub(super) fn count_lost(tx: &ReadTx<'_>, directory: &Directory, at: Timestamp, but: &str) -> Result<u32> {
    Ok(losses::count(tx, directory, at - minutes(60), but)?)
}

/// Of the users that there are in this transaction: those of `directory` may have been counted long ago.
fn most(tx: &ReadTx<'_>, directory: &Directory) -> Result<u64> {
    let users = scim_search::count_users(tx, directory, &Question::default())?;
    Ok((users * u64::from(directory.guard_share) / 100).max(ALWAYS.into()))
}

/// Counts that so many lose access together by one change; refused where it would be too many within the hour.
pub(super) fn note_losses(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    directory: &Directory,
    change: &str,
    people: usize,
) -> Result<()> {
    if people == 0 {
        return Ok(());
    }
    let people = u32::try_from(people).unwrap_or(u32::MAX);
    let guard = losses::find_guard(tx, directory)?;
    if guard.let_pass_until.is_some_and(|until| ctx.now < until) {
        return Ok(());
    }
    let lost = count_lost(tx, directory, ctx.now, change)?;
    if u64::from(lost) + u64::from(people) > most(tx, directory)? {
        return Err(Error::TooMany { retry_after: RETRY_AFTER });
    }
    losses::insert(tx, directory, ctx.now, change, people)?;
    // What passes by itself is not held any more.
    if guard.held_at.is_some_and(|at| ctx.now.since(at) >= minutes(60)) {
        losses::update_guard(tx, directory, Guard { held_at: None, ..guard })?;
    }
    Ok(())
}

/// The same for one member, if it is a directory that acts.
pub(super) fn note_loss(tx: &WriteTx<'_>, ctx: &Ctx, member: &Member) -> Result<()> {
    let Actor::Directory { id, .. } = &ctx.actor else { return Ok(()) };
    let Some(directory) = directories::find(tx, &ctx.organization, id)? else { return Ok(()) };
    note_losses(tx, ctx, &directory, member.id.as_str(), 1)
}
