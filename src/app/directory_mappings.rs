//! What the groups, roles and entitlements of a directory grant, as admins set it; and what enabling a directory would do.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::app::App;
use crate::app::access;
use crate::app::directories::begin;
use crate::app::directory_grants::{difference, given};
use crate::app::error::{Error, Result};
use crate::app::granting::{Difference, gone};
use crate::app::name_ids::NameIds;
use crate::app::provision::directory::{self, may_join};
use crate::app::role_mappings::{Change, MappingInput, are_there, bound, check, require_grants, told};
use crate::app::runs::PATIENCE;
use crate::app::seats;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::directory::Directory;
use crate::model::email::Email;
use crate::model::id::{DirectoryId, MemberId};
use crate::model::mapping::{Granted, Match, RoleMapping, Sent};
use crate::model::member::Member;
use crate::model::role::{Permission, Role};
use crate::model::run::Subject;
use crate::model::scim::ScimUser;
use crate::model::time::Timestamp;
use crate::scim::Quirks;
use crate::scim::user::Document;
use crate::store::{ReadTx, WriteTx, audit, directories, mappings, members, roles, scim_groups, scim_users};

/// Users that are looked at together.
const PAGE: u32 = 500;
/// So many are named.
const MOST_NAMED: usize = 100;

/// What would become of a user who has no member yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    Made,
    Joined,
    /// The same, of a member who was deactivated and is let in again.
    Reactivated,
    /// A member who was removed comes back.
    Revived,
    /// A member of the same address stands beside.
    Apart,
    /// Nothing that was sent is an address.
    NoAddress,
}

/// Somebody who had no access any more and would have it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returning {
    /// None where they were removed.
    pub member: Option<MemberId>,
    pub label: String,
    pub email: String,
    /// Since when they are deactivated.
    pub since: Option<Timestamp>,
}

/// What enabling a directory, or new mappings, would change.
#[derive(Debug, Clone, Default)]
pub struct DirectoryPreview {
    pub made: u64,
    pub joined: u64,
    pub apart: u64,
    pub without_address: u64,
    /// Users who are inactive in the identity provider.
    pub inactive: u64,
    /// Members who were deactivated or removed and would have access again.
    pub brought_back: u64,
    /// The first hundred of them.
    pub returning: Vec<Returning>,
    /// Members who would gain or lose something, made or known.
    pub total: u64,
    /// The first hundred of them.
    pub changes: Vec<Change>,
    /// The first hundred who are kept apart or have no address.
    pub odd: Vec<(String, Meeting)>,
    /// Active people who would not be known when they sign in through the directory's connection.
    pub unmatched: u64,
    /// The first hundred of them: user name and address.
    pub unmatched_users: Vec<(String, String)>,
    /// More active members than there are seats, by so many.
    pub seats_missing: u32,
    /// Why new mappings cannot be.
    pub lockout: Option<&'static str>,
}

impl DirectoryPreview {
    fn bring_back(&mut self, user: &ScimUser, member: Option<&Member>) {
        self.brought_back += 1;
        if self.returning.len() == MOST_NAMED {
            return;
        }
        let sent = || user.email.clone().unwrap_or_else(|| user.user_name.clone());
        self.returning.push(Returning {
            member: member.map(|member| member.id.clone()),
            label: member.map_or_else(sent, |member| member.label().to_owned()),
            email: member.map_or_else(sent, |member| member.email.as_str().to_owned()),
            since: member.and_then(|member| member.deactivated_at),
        });
    }
}

const NO_ADMIN: &str = "After this nobody would have the Admin role. Give somebody Admin by hand first, or keep the mapping that gives it.";
const NO_OWNER: &str = "After this nobody would be an owner. Make somebody an owner by hand first.";

fn find(tx: &ReadTx<'_>, ctx: &Ctx, id: &DirectoryId) -> Result<Directory> {
    directories::find(tx, &ctx.organization, id)?.ok_or(Error::NotFound("directory"))
}

/// What a user sent, who may have no member yet.
fn sent_of(user: &ScimUser, groups: &[Sent]) -> Result<Vec<Sent>> {
    let document = Document::read(&user.document).map_err(Error::internal)?;
    let profile = document.profile(&mut Quirks::new());
    let mut sent = directory::sent_of(&profile);
    sent.extend(groups.iter().cloned());
    Ok(sent)
}

pub(super) fn meeting(tx: &ReadTx<'_>, directory: &Directory, user: &ScimUser) -> Result<(Meeting, Option<Member>)> {
    let Some(email) = user.email.as_deref().and_then(Email::parse) else { return Ok((Meeting::NoAddress, None)) };
    if directory::find_removed(tx, directory, user)?.is_some() {
        return Ok((Meeting::Revived, None));
    }
    let mut same = members::list_by_email(tx, &directory.organization, &email)?;
    match same.len() {
        0 => Ok((Meeting::Made, None)),
        1 if may_join(tx, directory, &same[0])? => {
            let is_back = user.is_active && !same[0].is_active();
            Ok((if is_back { Meeting::Reactivated } else { Meeting::Joined }, same.pop()))
        }
        _ => Ok((Meeting::Apart, None)),
    }
}

/// What is known of one user before anything is done.
struct Looked {
    member: Option<Member>,
    difference: Difference,
    /// They have a member, or get one.
    is_somebody: bool,
}

fn look(
    tx: &ReadTx<'_>,
    directory: &Directory,
    all: &[RoleMapping],
    user: &ScimUser,
    groups: &[Sent],
    preview: &mut DirectoryPreview,
) -> Result<Looked> {
    preview.inactive += u64::from(!user.is_active);
    if let Some(id) = &user.member
        && let Some(member) = members::find(tx, &directory.organization, id)?
    {
        if user.is_active && !member.is_active() {
            preview.bring_back(user, Some(&member));
        }
        let difference = difference(tx, directory, all, &member)?;
        return Ok(Looked { member: Some(member), difference, is_somebody: true });
    }
    let (meeting, member) = meeting(tx, directory, user)?;
    match meeting {
        Meeting::Made => preview.made += 1,
        Meeting::Joined => preview.joined += 1,
        Meeting::Reactivated => {
            preview.joined += 1;
            preview.bring_back(user, member.as_ref());
        }
        Meeting::Revived if user.is_active => preview.bring_back(user, None),
        Meeting::Revived => {}
        Meeting::Apart => preview.apart += 1,
        Meeting::NoAddress => preview.without_address += 1,
    }
    if matches!(meeting, Meeting::Apart | Meeting::NoAddress) && preview.odd.len() < MOST_NAMED {
        preview.odd.push((user.email.clone().unwrap_or_else(|| user.user_name.clone()), meeting));
    }
    let after = match meeting {
        Meeting::NoAddress => Granted::default(),
        _ => given(directory, all, &sent_of(user, groups)?),
    };
    let difference = Difference { before: Granted::default(), after };
    Ok(Looked { member, difference, is_somebody: meeting != Meeting::NoAddress })
}

/// Looks at everybody; nothing changes.
fn survey(tx: &ReadTx<'_>, directory: &Directory, all: &[RoleMapping]) -> Result<DirectoryPreview> {
    let (organization, mut preview) = (&directory.organization, DirectoryPreview::default());
    let from = directory.id.as_str();
    let mut has_admin = roles::has_admin_beside(tx, organization, Role::Admin, from)?;
    let mut has_owner = roles::has_admin_beside(tx, organization, Role::Owner, from)?;
    let name_ids = NameIds::read(tx, directory)?;
    let (mut after, mut active) = (0, 0_u32);
    loop {
        let users = scim_users::list_after(tx, directory, after, PAGE)?;
        let Some(last) = users.last() else { break };
        after = last.number;
        let numbers: Vec<i64> = users.iter().map(|user| user.number).collect();
        let mut groups: BTreeMap<i64, Vec<Sent>> = BTreeMap::new();
        for (number, _, name) in scim_users::list_groups(tx, &numbers)? {
            groups.entry(number).or_default().push(Sent { on: Match::Group, value: name.trim().to_owned() });
        }
        for user in &users {
            let mine = groups.get(&user.number).map(Vec::as_slice).unwrap_or_default();
            let Looked { member, difference: one, is_somebody } = look(tx, directory, all, user, mine, &mut preview)?;
            if !name_ids.will_match(tx, user, member.as_ref())? {
                preview.unmatched += 1;
                if preview.unmatched_users.len() < MOST_NAMED {
                    preview.unmatched_users.push((user.user_name.clone(), user.email.clone().unwrap_or_default()));
                }
            }
            let stays = user.is_active && member.as_ref().is_none_or(Member::is_active);
            has_admin |= stays && one.after.has_admin();
            has_owner |= stays && one.after.has_owner();
            active += u32::from(user.is_active && is_somebody && !member.as_ref().is_some_and(Member::is_active));
            if one.before == one.after {
                continue;
            }
            preview.total += 1;
            if preview.changes.len() < MOST_NAMED {
                let email = user.email.clone().unwrap_or_else(|| user.user_name.clone());
                preview.changes.push(Change {
                    member: member.as_ref().map(|member| member.id.clone()),
                    label: member.as_ref().map_or_else(|| email.clone(), |member| member.label().to_owned()),
                    email,
                    gains: gone(tx, organization, &one.after, &one.before)?,
                    loses: gone(tx, organization, &one.before, &one.after)?,
                });
            }
        }
    }
    if let Some(seats) = seats::read(tx, organization)? {
        preview.seats_missing = (seats.taken + active).saturating_sub(seats.all);
    }
    if !has_admin && roles::has_other_admin(tx, organization, None)? {
        preview.lockout = Some(NO_ADMIN);
    } else if !has_owner && roles::has_other_owner(tx, organization, None)? {
        preview.lockout = Some(NO_OWNER);
    }
    Ok(preview)
}

impl App {
    pub async fn list_directory_mappings(&self, ctx: &Ctx, id: DirectoryId) -> Result<(Directory, Vec<RoleMapping>)> {
        access::require(ctx, Permission::DirectoriesRead)?;
        let ctx = ctx.clone();
        self.store
            .read(move |tx| {
                let directory = find(tx, &ctx, &id)?;
                let all = mappings::list(tx, directory.id.as_str())?;
                Ok((directory, all))
            })
            .await
    }

    /// What enabling the directory would do, or these mappings where they are given.
    pub async fn preview_directory(
        &self,
        ctx: &Ctx,
        id: DirectoryId,
        input: Option<Vec<MappingInput>>,
    ) -> Result<DirectoryPreview> {
        access::require(ctx, Permission::DirectoriesRead)?;
        let ctx = ctx.clone();
        self.store
            .read_slowly(move |tx| {
                let directory = find(tx, &ctx, &id)?;
                let all = match &input {
                    Some(input) => check(tx, &ctx, input)?,
                    None => mappings::list(tx, directory.id.as_str())?,
                };
                bound(&all)?;
                survey(tx, &directory, &all)
            })
            .await
    }

    /// Makes the mappings exactly these. Where the directory is enabled everybody holds what they give, in steps; else they are
    /// prepared.
    pub async fn set_directory_mappings(
        &self,
        ctx: &Ctx,
        id: DirectoryId,
        input: Vec<MappingInput>,
        version: Option<i64>,
    ) -> Result<(Directory, Vec<RoleMapping>)> {
        access::require(ctx, Permission::DirectoriesWrite)?;
        let (input, subject) = (Arc::new(input), Subject::Directory(id.clone()));
        loop {
            let (owned, rows, of) = (ctx.clone(), Arc::clone(&input), id.clone());
            let surveyed: (i64, Vec<RoleMapping>, DirectoryPreview) = self
                .store
                .read_slowly(move |tx| -> Result<_> {
                    let directory = find(tx, &owned, &of)?;
                    let next = check(tx, &owned, &rows)?;
                    bound(&next)?;
                    let preview = match directory.is_enabled() {
                        true => survey(tx, &directory, &next)?,
                        false => DirectoryPreview::default(),
                    };
                    Ok((directory.version, next, preview))
                })
                .await?;
            let (owned, of) = (ctx.clone(), id.clone());
            let saved: Option<Directory> =
                self.store.write(move |tx| -> Result<_> { replace(tx, &owned, &of, version, &surveyed) }).await?;
            if let Some(directory) = saved {
                self.finish_run(ctx, subject, Some(PATIENCE)).await;
                return self.list_directory_mappings(ctx, directory.id).await;
            }
        }
    }
}

/// None where the survey is of another time.
fn replace(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    id: &DirectoryId,
    version: Option<i64>,
    (surveyed, next, preview): &(i64, Vec<RoleMapping>, DirectoryPreview),
) -> Result<Option<Directory>> {
    let mut directory = find(tx, ctx, id)?;
    if !ctx.has_seen(directory.version) || version.is_some_and(|version| version != directory.version) {
        return Err(Error::Changed);
    }
    if directory.version != *surveyed || !are_there(tx, ctx, next)? {
        return Ok(None);
    }
    let before = mappings::list(tx, directory.id.as_str())?;
    require_grants(tx, ctx, &before, next)?;
    if before == *next {
        return Ok(Some(directory));
    }
    if let Some(text) = preview.lockout {
        return Err(Error::conflict("lockout_last_admin", text));
    }
    mappings::replace(tx, &directory.organization, directory.id.as_str(), next)?;
    forget_names(tx, &directory, next)?;
    directories::update(tx, &directory)?;
    directory.version += 1;
    let event =
        NewEvent::new(Action::DirectoryMappingsChanged, Target::new("directory", &directory.id, &directory.name))
            .change("mappings", told(tx, ctx, &before)?, told(tx, ctx, next)?)
            .change("members", serde_json::Value::Null, preview.total);
    audit::insert(tx, ctx, &event)?;
    if directory.is_enabled() {
        begin(tx, ctx, &directory)?;
    }
    Ok(Some(directory))
}

/// A renamed group goes by its old name only as long as a mapping says that name.
fn forget_names(tx: &WriteTx<'_>, directory: &Directory, next: &[RoleMapping]) -> Result<()> {
    for name in scim_groups::list_mapped_names(tx, directory)? {
        if !next.iter().any(|mapping| mapping.on == Match::Group && mapping.value == name) {
            scim_groups::forget_mapped_name(tx, directory, &name)?;
        }
    }
    Ok(())
}
