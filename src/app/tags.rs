//! Tags of members. Mappings give them and take them away; what a directory left that is off, people take away by hand.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::app::lock::Lock;
use crate::app::members::{find_unchanged, require_rank};
use crate::app::provision;
use crate::app::teams::{source_name, tell_left};
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent};
use crate::model::group;
use crate::model::id::MemberId;
use crate::model::role::Permission;
use crate::store::{audit, groups, teams};

impl App {
    /// The tags of a member that people may take away, and who left them.
    pub async fn list_left_tags(&self, ctx: &Ctx, id: MemberId) -> Result<Vec<(String, Vec<String>)>> {
        access::require(ctx, Permission::MembersRead)?;
        let ctx = ctx.clone();
        self.store
            .read(move |tx| {
                let lock = Lock::read(tx, &ctx)?;
                let mut left: Vec<(String, Vec<String>)> = Vec::new();
                for (tag, from) in teams::list_tags_with_sources(tx, &id)? {
                    if !lock.leaves(&from) {
                        continue;
                    }
                    let name = source_name(tx, &from)?;
                    match left.last_mut().filter(|(known, _)| *known == tag) {
                        Some((_, names)) => names.push(name),
                        None => left.push((tag, vec![name])),
                    }
                }
                Ok(left)
            })
            .await
    }

    /// Takes away what a directory gave that is off; what anything else gives stays, and is named.
    pub async fn remove_tag(&self, ctx: &Ctx, id: MemberId, tag: &str) -> Result<()> {
        access::require(ctx, Permission::MembersWrite)?;
        let (ctx, tag) = (ctx.clone(), tag.to_owned());
        self.store
            .write(move |tx| {
                let member = find_unchanged(tx, &ctx, &id, None)?;
                require_rank(&ctx, &member)?;
                let lock = Lock::read(tx, &ctx)?;
                let held = teams::list_tags_with_sources(tx, &id)?.into_iter().filter(|(held, _)| *held == tag);
                let (left, kept): (Vec<String>, Vec<String>) =
                    held.map(|(_, from)| from).partition(|from| lock.leaves(from));
                if left.is_empty() {
                    let mut groups = groups::list_names_of_member(tx, &id)?.into_iter();
                    let through = match kept.first() {
                        Some(from) => Some(source_name(tx, from)?),
                        None => groups.find(|name| group::tag(name) == tag).map(|name| format!("the group {name}")),
                    };
                    let Some(through) = through else { return Err(Error::NotFound("tag of this member")) };
                    let text = format!(
                        "{} has the tag {tag} through {through}. Change the group there, or the role mappings here.",
                        member.label()
                    );
                    return Err(Error::conflict("tag_mapped", text));
                }
                for from in &left {
                    teams::delete_tag(tx, &id, &tag, from)?;
                }
                if kept.is_empty() {
                    let event = NewEvent::new(Action::MemberRolesChanged, provision::target(&member));
                    let event = event.change("tags", vec![tag.clone()], Vec::<String>::new());
                    audit::insert(tx, &ctx, &tell_left(tx, event, &left)?)?;
                }
                Ok(())
            })
            .await
    }
}
