//! Seats: how many active members an organization may have. Without a number there is no limit.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::model::actor::Ctx;
use crate::model::id::OrganizationId;
use crate::model::member::Status;
use crate::model::role::Permission;
use crate::store::{ReadTx, members, organizations};

/// Seats, and how many are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seats {
    pub all: u32,
    pub taken: u32,
}

impl Seats {
    /// Nobody more may become active.
    pub fn are_full(self) -> bool {
        self.taken >= self.all
    }

    /// At most a tenth is left.
    pub fn are_nearly_full(self) -> bool {
        u64::from(self.taken) * 10 >= u64::from(self.all) * 9
    }
}

impl App {
    /// None where they are not counted.
    pub async fn seats_state(&self, ctx: &Ctx) -> Result<Option<Seats>> {
        access::require(ctx, Permission::MembersRead)?;
        let organization = ctx.organization.clone();
        self.store.read(move |tx| read(tx, &organization)).await
    }

    /// Active members, for whoever sees the organization's settings.
    pub async fn count_active(&self, ctx: &Ctx) -> Result<u32> {
        access::require(ctx, Permission::OrganizationRead)?;
        let organization = ctx.organization.clone();
        self.store.read(move |tx| active(tx, &organization)).await
    }
}

pub(super) fn read(tx: &ReadTx<'_>, organization: &OrganizationId) -> Result<Option<Seats>> {
    Ok(organizations::find_seats(tx, organization)?.map(|(all, taken)| Seats { all, taken }))
}

/// Members who can sign in, whether or not seats are counted.
pub(super) fn active(tx: &ReadTx<'_>, organization: &OrganizationId) -> Result<u32> {
    match read(tx, organization)? {
        Some(seats) => Ok(seats.taken),
        None => Ok(members::count(tx, organization, Status::Active)?),
    }
}

/// The seats, where nobody more may become active.
pub(super) fn find_full(tx: &ReadTx<'_>, organization: &OrganizationId) -> Result<Option<Seats>> {
    Ok(read(tx, organization)?.filter(|seats| seats.are_full()))
}

/// Refused where nobody more may become active.
pub(super) fn require_seat(tx: &ReadTx<'_>, organization: &OrganizationId, email: &str) -> Result<()> {
    let Some(Seats { all, .. }) = find_full(tx, organization)? else { return Ok(()) };
    let text = format!(
        "All {all} seats are taken. Raise the number of seats under Settings in Doorward, or deactivate somebody, then add {email} again."
    );
    Err(Error::refused("seats_full", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_nearly_full_when_a_tenth_is_left() {
        let of = |taken, all| (Seats { all, taken }.are_nearly_full(), Seats { all, taken }.are_full());
        assert_eq!(of(89, 100), (false, false));
        assert_eq!(of(90, 100), (true, false));
        assert_eq!(of(100, 100), (true, true));
        assert_eq!(of(142, 5), (true, true));
        assert_eq!(of(0, 1), (false, false));
    }
}
