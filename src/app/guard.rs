//! The blast-radius guard: a directory that takes access away from many people within an hour is held until an admin has
//! looked. What was refused changed nothing, and the identity provider sends it again.

use crate::app::error::{Error, Result};
use crate::model::actor::{Actor, Ctx};
use crate::model::directory::Directory;
use crate::model::member::Member;
use crate::model::time::minutes;
use crate::store::{ReadTx, WriteTx, directories, losses};

/// So few may always lose access.
const ALWAYS: u32 = 10;
/// When the identity provider is asked to come again.
pub const RETRY_AFTER: u64 = 600;

fn most(directory: &Directory) -> u64 {
    let share = u64::from(directory.users) * u64::from(directory.guard_share) / 100;
    share.max(ALWAYS.into())
}

/// Refused where so many would lose access together.
pub(super) fn require_few(tx: &ReadTx<'_>, ctx: &Ctx, directory: &Directory, people: usize) -> Result<()> {
    let guard = losses::find_guard(tx, directory)?;
    let is_passing = guard.let_pass_until.is_some_and(|until| ctx.now < until);
    if is_passing || people as u64 <= most(directory) {
        return Ok(());
    }
    Err(Error::TooMany { retry_after: RETRY_AFTER })
}

/// Counts that a member loses access by whoever acts, if that is a directory; refused where it would be too many.
pub(super) fn note_loss(tx: &WriteTx<'_>, ctx: &Ctx, member: &Member) -> Result<()> {
    let Actor::Directory { id, .. } = &ctx.actor else { return Ok(()) };
    let Some(directory) = directories::find(tx, &ctx.organization, id)? else { return Ok(()) };
    let guard = losses::find_guard(tx, &directory)?;
    if guard.let_pass_until.is_some_and(|until| ctx.now < until) {
        return Ok(());
    }
    let lost = losses::count(tx, &directory, ctx.now - minutes(60), &member.id)?;
    if u64::from(lost) + 1 > most(&directory) {
        return Err(Error::TooMany { retry_after: RETRY_AFTER });
    }
    losses::insert(tx, &directory, ctx.now, &member.id)?;
    Ok(())
}
