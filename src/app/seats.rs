//! Seats: how many active members an organization may have. Without a number there is no limit.

use crate::app::error::{Error, Result};
use crate::model::id::OrganizationId;
use crate::model::member::Status;
use crate::store::{ReadTx, members, organizations};

/// Refused where nobody more may become active.
pub(super) fn require_seat(tx: &ReadTx<'_>, organization: &OrganizationId, email: &str) -> Result<()> {
    let Some(seats) = organizations::seats(tx, organization)? else { return Ok(()) };
    if members::count(tx, organization, Status::Active)? < seats {
        return Ok(());
    }
    let text = format!(
        "All {seats} seats are taken. Raise the number of seats under Settings in Doorward, or deactivate somebody, then add {email} again."
    );
    Err(Error::refused("seats_full", text))
}
