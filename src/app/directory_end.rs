//! The end of a directory: what it gave is taken back, its users and groups go, and members stay.

use crate::app::App;
use crate::app::access;
use crate::app::directories::{find_unchanged, require_default, target};
use crate::app::error::{Error, Result};
use crate::app::granting::{Difference, change, held_from, keep_last_admin, tell};
use crate::app::role_mappings::require_grants;
use crate::app::runs::PATIENCE;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent};
use crate::model::directory::Directory;
use crate::model::id::{DirectoryId, MemberId};
use crate::model::mapping::Granted;
use crate::model::role::{LOCAL, Permission, Role};
use crate::model::run::{Run, Subject};
use crate::store::{ReadTx, WriteTx, audit, directories, mappings, members, roles, runs};

const NO_ADMIN: &str = "After this nobody would have the Admin role. Give somebody Admin by hand first.";
const NO_OWNER: &str = "After this nobody would be an owner. Make somebody an owner by hand first.";

/// What only this directory gives somebody must not be the last of its kind.
fn refuse_lockout(tx: &ReadTx<'_>, directory: &Directory) -> Result<()> {
    let (organization, from) = (&directory.organization, directory.id.as_str());
    if roles::has_other_admin(tx, organization, None)? && !roles::has_admin_beside(tx, organization, Role::Admin, from)?
    {
        return Err(Error::conflict("lockout_last_admin", NO_ADMIN));
    }
    if roles::has_other_owner(tx, organization, None)? && !roles::has_admin_beside(tx, organization, Role::Owner, from)?
    {
        return Err(Error::conflict("lockout_last_admin", NO_OWNER));
    }
    Ok(())
}

impl App {
    /// Its tokens end at once, and it is gone from every list. What it gave and what is known by it goes in steps; members
    /// stay as they are, active or not.
    pub async fn delete_directory(&self, ctx: &Ctx, id: DirectoryId) -> Result<()> {
        access::require(ctx, Permission::DirectoriesWrite)?;
        let (owned, subject) = (ctx.clone(), Subject::DeletedDirectory(id.clone()));
        self.store
            .write(move |tx| -> Result<()> {
                let ctx = &owned;
                let directory = find_unchanged(tx, ctx, &id, None)?;
                require_default(ctx, &directory)?;
                require_grants(tx, ctx, &mappings::list(tx, id.as_str())?, &[])?;
                refuse_lockout(tx, &directory)?;
                mappings::delete_of_source(tx, id.as_str())?;
                directories::delete(tx, &id, ctx.now)?;
                runs::delete(tx, &ctx.organization, &Subject::Directory(id.clone()))?;
                let subject = Subject::DeletedDirectory(id.clone());
                runs::put(tx, &Run::new(&ctx.organization, subject, directory.version, ctx.now))?;
                let event = NewEvent::new(Action::DirectoryDeleted, target(&directory))
                    .change("users", directory.users, serde_json::Value::Null)
                    .change("groups", directory.groups, serde_json::Value::Null);
                audit::insert(tx, ctx, &event)?;
                Ok(())
            })
            .await?;
        self.connections.forget();
        self.finish_run(ctx, subject, Some(PATIENCE)).await;
        Ok(())
    }
}

/// Takes back what a deleted directory gave to one member, in a run; says how many grants that were. Whoever would be the last
/// to administer keeps it, and by hand from now on.
pub(super) fn withdraw(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    directory: &Directory,
    id: &MemberId,
    tells: bool,
) -> Result<usize> {
    let Some(member) = members::find(tx, &directory.organization, id)? else { return Ok(0) };
    let (from, mut kept) = (directory.id.as_str(), Granted::default());
    let before = held_from(tx, from, &member)?;
    keep_last_admin(tx, ctx, from, &member, &before, &mut kept)?;
    for slug in &kept.roles {
        roles::insert(tx, &directory.organization, id, slug, LOCAL)?;
    }
    change(tx, directory.into(), &member, &before, &Granted::default())?;
    mappings::delete_held(tx, from, id)?;
    let count = before.count();
    if tells {
        tell(tx, ctx, directory.into(), &member, &Difference { before, after: kept }, &[])?;
    }
    Ok(count)
}
