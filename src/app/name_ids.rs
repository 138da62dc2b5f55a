//! Whether people whom a directory sends will be known when they sign in through its connection, foretold before it is turned
//! on. The rule itself is `provision::directory::find_provisioned`: the subject is the externalId or the userName, or the
//! address is the userName.

use crate::app::error::Result;
use crate::model::directory::Directory;
use crate::model::id::ConnectionId;
use crate::model::member::Member;
use crate::model::scim::ScimUser;
use crate::scim::schema::fold;
use crate::store::{ReadTx, connections, members, scim_users};

/// Subjects of the connection that are looked at.
const MOST_LOOKED_AT: u32 = 200;

/// What the connection of a directory calls people, as far as that was seen.
pub(super) struct NameIds {
    connection: Option<ConnectionId>,
    /// An address alone joins them, as the connection is set.
    joins_by_address: bool,
    are_external_ids: bool,
    are_user_names: bool,
}

impl NameIds {
    pub(super) fn read(tx: &ReadTx<'_>, directory: &Directory) -> Result<Self> {
        let mut seen = Self {
            connection: directory.connection.clone(),
            joins_by_address: false,
            are_external_ids: false,
            are_user_names: false,
        };
        let Some(id) = &directory.connection else { return Ok(seen) };
        if let Some(connection) = connections::find(tx, &directory.organization, id)? {
            let revision = connection.live().or(connection.editable());
            seen.joins_by_address = revision.is_some_and(|revision| revision.settings.link_existing);
        }
        let (mut by_external, mut by_name) = (0, 0);
        for subject in members::list_subjects(tx, id, MOST_LOOKED_AT)? {
            if scim_users::has_external_id(tx, directory, &subject)? {
                by_external += 1;
            } else if scim_users::has_name_beside_address(tx, directory, &fold(&subject))? {
                by_name += 1;
            }
        }
        (seen.are_external_ids, seen.are_user_names) =
            (by_external > 0 && by_external >= by_name, by_name > 0 && by_name >= by_external);
        Ok(seen)
    }

    /// False where nothing that was seen so far says how they would be known.
    pub(super) fn will_match(&self, tx: &ReadTx<'_>, user: &ScimUser, member: Option<&Member>) -> Result<bool> {
        let Some(connection) = &self.connection else { return Ok(true) };
        let Some(email) = &user.email else { return Ok(true) };
        if !user.is_active || fold(email) == user.user_name || self.are_user_names || self.joins_by_address {
            return Ok(true);
        }
        if self.are_external_ids && user.external_id.is_some() {
            return Ok(true);
        }
        // Whoever signed in before is known by that.
        member.map_or(Ok(false), |member| Ok(members::has_identity(tx, connection, &member.id)?))
    }
}
