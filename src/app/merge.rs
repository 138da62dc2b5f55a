//! Two members who are one person become one: what signs them in and what directories know of them goes over, and the other
//! leaves a tombstone. Stays possible under the lock (DECISIONS.md).

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::app::members::{MemberView, find_unchanged, require_rank, view};
use crate::app::provision::directory::{bring_user, is_covered};
use crate::app::provision::target;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent};
use crate::model::id::{DirectoryId, MemberId};
use crate::model::invalid::Invalid;
use crate::model::member::Member;
use crate::model::page::{Page, Window};
use crate::model::role::Permission;
use crate::model::scim::ScimUser;
use crate::store::{ReadTx, WriteTx, audit, directories, members, merge, scim_users};

/// A user of a directory with whom something is odd.
#[derive(Debug, Clone)]
pub struct Odd {
    pub user: ScimUser,
    /// Members of the same address beside the user's own, and why they cannot become one with it.
    pub others: Vec<(Member, Option<String>)>,
}

fn check(tx: &ReadTx<'_>, from: &Member, into: &Member) -> Result<()> {
    if from.id == into.id {
        return Err(Invalid::field("into", "same_member", "Choose another member to merge into.").into());
    }
    // DOWNSTREAM.md 4.3, rule 4: whoever administers links a sign-in to themselves.
    if from.is_administrator() || into.is_administrator() {
        let text = "One of the two administers. Take that role away first, or let them link their sign-in by Test SSO.";
        return Err(Error::conflict("merge_administrator", text));
    }
    if is_covered(tx, from)? && is_covered(tx, into)? {
        let text = "A directory covers both. Remove one of the two in your identity provider instead.";
        return Err(Error::conflict("merge_covered", text));
    }
    Ok(())
}

fn join(tx: &WriteTx<'_>, ctx: &Ctx, from: &Member, mut into: Member) -> Result<Member> {
    let users = scim_users::list_by_member(tx, &from.id)?;
    let is_into_covered = is_covered(tx, &into)?;
    merge::take_over(tx, &from.id, &into.id)?;
    members::delete(tx, &from.id, ctx.now)?;
    // Of two directories the one that is enabled goes on speaking of them.
    if let Some(directory) = from.directory.as_ref().filter(|_| into.directory.is_none() || !is_into_covered) {
        (into.directory, into.source) = (Some(directory.clone()), from.source);
        members::update(tx, &into)?;
    }
    let event = NewEvent::new(Action::MemberMerged, target(&into))
        .change("merged", serde_json::Value::Null, from.email.as_str())
        .change("merged_id", serde_json::Value::Null, from.id.as_str());
    audit::insert(tx, ctx, &event)?;
    for user in users {
        scim_users::update_member(tx, user.number, Some(&into.id), None)?;
        let directory = match &from.directory {
            Some(id) => directories::find(tx, &ctx.organization, id)?,
            None => None,
        };
        if let Some(directory) = directory.filter(|directory| directory.is_enabled()) {
            bring_user(tx, ctx, &directory, user.number)?;
        }
    }
    members::find(tx, &ctx.organization, &into.id)?.ok_or(Error::NotFound("member"))
}

impl App {
    /// The first becomes the second; every session of the first ends.
    pub async fn merge_members(&self, ctx: &Ctx, from: MemberId, into: &str) -> Result<MemberView> {
        access::require(ctx, Permission::MembersWrite)?;
        let unknown = || Invalid::field("into", "no_such_member", "There is no such member to merge into.");
        let into: MemberId = into.parse().map_err(|_| unknown())?;
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                let from = find_unchanged(tx, &ctx, &from, None)?;
                let into = members::find(tx, &ctx.organization, &into)?.ok_or_else(unknown)?;
                require_rank(&ctx, &from)?;
                require_rank(&ctx, &into)?;
                check(tx, &from, &into)?;
                view(tx, join(tx, &ctx, &from, into)?)
            })
            .await
    }

    /// Users of a directory who have no member, or beside whom another member has the same address.
    pub async fn list_odd_users(&self, ctx: &Ctx, id: DirectoryId, window: Window) -> Result<Page<Odd>> {
        access::require(ctx, Permission::DirectoriesRead)?;
        let ctx = ctx.clone();
        self.store
            .read(move |tx| {
                let directory = directories::find(tx, &ctx.organization, &id)?.ok_or(Error::NotFound("directory"))?;
                let page = scim_users::list_odd(tx, &directory, &window)?;
                let mut rows = Vec::new();
                for user in page.rows {
                    let email = user.email.as_deref().and_then(crate::model::email::Email::parse);
                    let same = match &email {
                        Some(email) => members::list_by_email(tx, &ctx.organization, email)?,
                        None => Vec::new(),
                    };
                    let is_own = |other: &Member| Some(&other.id) == user.member.as_ref();
                    let (own, others): (Vec<Member>, Vec<Member>) = same.into_iter().partition(is_own);
                    let refused = |other: &Member| {
                        own.first().and_then(|own| check(tx, own, other).err()).map(|error| error.public())
                    };
                    let others = others.into_iter().map(|other| (refused(&other), other));
                    rows.push(Odd { others: others.map(|(refused, other)| (other, refused)).collect(), user });
                }
                Ok(Page { rows, next: page.next })
            })
            .await
    }
}
