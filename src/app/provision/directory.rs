//! Where a directory's user meets a member: made, joined, refreshed, deactivated, brought back, removed. Runs inside the
//! write transaction of the request, and of the run that enables a directory.

use crate::app::directory_grants;
use crate::app::error::{Error, Result};
use crate::app::granting::{Giver, change, held_from};
use crate::app::guard;
use crate::app::provision::{differences, target};
use crate::app::roles::keep_an_admin;
use crate::app::seats;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent};
use crate::model::connection::Connection;
use crate::model::directory::Directory;
use crate::model::email::Email;
use crate::model::id::MemberId;
use crate::model::mapping::{Granted, Match, Sent};
use crate::model::member::{Member, Profile, Source, Status};
use crate::model::role::HeldRole;
use crate::model::scim::ScimUser;
use crate::model::sign_in::{Arrival, Provisioned};
use crate::scim;
use crate::scim::Quirks;
use crate::scim::schema::fold;
use crate::scim::user::Document;
use crate::store::{ReadTx, WriteTx, audit, directories, mappings, members, scim_users, sessions};

/// Nothing that was sent is an address.
pub const NO_ADDRESS: &str = "scim_email";
/// Another member has the address, and may not be joined.
pub const CONFLICT: &str = "scim_conflict";

/// Brings the member of a user up to date, and makes or finds one where there is none. Says what it did, in words.
pub fn take(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    directory: &Directory,
    user: &mut ScimUser,
    said: &scim::profile::Profile,
) -> Result<Vec<String>> {
    let before = (user.member.clone(), user.problem.clone());
    // What stood in the way is looked for anew.
    user.problem = user.problem.take().filter(|problem| problem == CONFLICT);
    let known = match &user.member {
        Some(id) => members::find(tx, &directory.organization, id)?,
        None => None,
    };
    let met = match known {
        Some(mut member) => {
            let mut words = Vec::new();
            refresh(tx, ctx, directory, user, said, &mut member, &mut words)?;
            Met { member: Some(member), is_new: false, words }
        }
        None => Met::first(tx, ctx, directory, user, said)?,
    };
    user.member = met.member.as_ref().map(|member| member.id.clone());
    if before != (user.member.clone(), user.problem.clone()) {
        scim_users::update_member(tx, user.number, user.member.as_ref(), user.problem.as_deref())?;
    }
    met.settle(tx, ctx, directory, said)
}

/// Who a user is here.
pub struct Met {
    member: Option<Member>,
    /// They were made just now.
    is_new: bool,
    words: Vec<String>,
}

impl Met {
    /// Of a user without a member, who need not be written yet.
    pub fn first(
        tx: &WriteTx<'_>,
        ctx: &Ctx,
        directory: &Directory,
        user: &mut ScimUser,
        said: &scim::profile::Profile,
    ) -> Result<Self> {
        let mut words = Vec::new();
        let (member, is_new) = meet(tx, ctx, directory, user, said, &mut words)?;
        user.member = member.as_ref().map(|member| member.id.clone());
        Ok(Self { member, is_new, words })
    }

    /// What they hold, once the user is written with their member.
    pub fn settle(
        self,
        tx: &WriteTx<'_>,
        ctx: &Ctx,
        directory: &Directory,
        said: &scim::profile::Profile,
    ) -> Result<Vec<String>> {
        let Self { member, is_new, mut words } = self;
        let Some(mut member) = member else {
            words.push("No member yet: nothing that was sent is an e-mail address.".to_owned());
            return Ok(words);
        };
        let (sent, from) = (sent_of(said), directory.id.as_str());
        if is_new {
            // They hold what is given to them since they were made.
            if !sent.is_empty() {
                mappings::replace_sent(tx, from, &member.id, &sent)?;
            }
            return Ok(words);
        }
        if mappings::list_sent(tx, from, &member.id)? != sent {
            mappings::replace_sent(tx, from, &member.id, &sent)?;
        }
        words.extend(directory_grants::refresh(tx, ctx, directory, &mut member)?);
        Ok(words)
    }
}

/// The same for a user as they are now, in a run: what cannot be is written down with the user, and the others go on. Whether
/// anything changed.
pub fn bring_user(tx: &WriteTx<'_>, ctx: &Ctx, directory: &Directory, number: i64) -> Result<bool> {
    let Some(mut user) = scim_users::find_by_number(tx, number)? else { return Ok(false) };
    let document = Document::read(&user.document).map_err(Error::internal)?;
    let profile = document.profile(&mut Quirks::new());
    let (had_member, had_problem) = (user.member.clone(), user.problem.clone());
    match take(tx, ctx, directory, &mut user, &profile) {
        Ok(words) => Ok(!words.is_empty()),
        Err(Error::Refused { code, .. } | Error::Conflict { code, .. }) => {
            if had_problem.as_deref() != Some(code) {
                scim_users::update_member(tx, number, had_member.as_ref(), Some(code))?;
            }
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// The roles and entitlements that were sent, which role mappings compare beside the groups.
pub fn sent_of(profile: &scim::profile::Profile) -> Vec<Sent> {
    let value = |on: &Match, text: &String| Sent { on: on.clone(), value: text.trim().to_owned() };
    let mut sent: Vec<Sent> = profile.roles.iter().map(|text| value(&Match::Role, text)).collect();
    sent.extend(profile.entitlements.iter().map(|text| value(&Match::Entitlement, text)));
    sent.sort();
    sent.dedup();
    sent
}

/// The profile that pages show, of what was sent.
pub fn profile_of(sent: &scim::profile::Profile) -> Profile {
    let profile = Profile {
        name: sent.name(),
        given_name: sent.given_name.clone(),
        family_name: sent.family_name.clone(),
        job_title: sent.title.clone(),
        picture: sent.picture.clone(),
    };
    profile.bounded()
}

fn refresh(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    directory: &Directory,
    user: &mut ScimUser,
    said: &scim::profile::Profile,
    member: &mut Member,
    words: &mut Vec<String>,
) -> Result<()> {
    let (was, fresh) = (member.clone(), profile_of(said));
    // First what may be refused.
    set_status(tx, ctx, directory, user.is_active, member, words)?;
    let mut event = NewEvent::new(Action::MemberUpdated, target(member));
    if let Some(email) = user.email.as_deref().and_then(Email::parse)
        && email != member.email
    {
        let others = members::list_by_email(tx, &member.organization, &email)?;
        if others.iter().any(|other| other.id != member.id) {
            user.problem = Some(CONFLICT.to_owned());
            words.push(format!("Kept {}: another member has {email}.", member.email));
        } else {
            event = event.change("email", member.email.as_str(), email.as_str());
            member.email = email;
            user.problem = None;
        }
    }
    if user.problem.is_some() && conflict(tx, member)?.is_none() {
        user.problem = None;
    }
    for (field, before, after) in differences(&member.profile, &fresh) {
        event = event.change(field, before, after);
    }
    member.profile = fresh;
    if !event.changes.is_empty() {
        let fields: Vec<String> = event.changes.keys().map(|field| field.replace('_', " ")).collect();
        words.push(format!("Changed {} of {}.", fields.join(", "), member.email));
        audit::insert(tx, ctx, &event)?;
    }
    if member.profile != was.profile || member.email != was.email || member.status != was.status {
        members::update(tx, member)?;
        member.version += 1;
    }
    Ok(())
}

/// The member's row is the caller's to write.
fn set_status(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    directory: &Directory,
    is_active: bool,
    member: &mut Member,
    words: &mut Vec<String>,
) -> Result<()> {
    if member.is_active() == is_active {
        return Ok(());
    }
    if is_active {
        seats::require_seat(tx, &directory.organization, member.email.as_str())?;
        (member.status, member.deactivated_at) = (Status::Active, None);
        audit::insert(tx, ctx, &NewEvent::new(Action::MemberReactivated, target(member)))?;
        words.push(format!("Reactivated {}.", member.email));
        return Ok(());
    }
    keep_an_admin(tx, ctx, member, &[])?;
    guard::note_loss(tx, ctx, member)?;
    (member.status, member.deactivated_at) = (Status::Inactive, Some(ctx.now));
    sessions::delete_of_member(tx, &member.id, None)?;
    sessions::delete_links_of_member(tx, &member.id)?;
    audit::insert(tx, ctx, &NewEvent::new(Action::MemberDeactivated, target(member)))?;
    words.push(format!("Deactivated {}; every session ended.", member.email));
    Ok(())
}

/// A user without a member: who they are here, and whether they were made just now.
fn meet(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    directory: &Directory,
    user: &mut ScimUser,
    said: &scim::profile::Profile,
    words: &mut Vec<String>,
) -> Result<(Option<Member>, bool)> {
    let Some(email) = user.email.as_deref().and_then(Email::parse) else {
        user.problem = Some(NO_ADDRESS.to_owned());
        return Ok((None, false));
    };
    let same = members::list_by_email(tx, &directory.organization, &email)?;
    let joins = match same.as_slice() {
        [one] => may_join(tx, directory, one)?,
        _ => false,
    };
    // Before anything is written; one who joins a member who is active already takes no other seat.
    if user.is_active && !(joins && same[0].is_active()) {
        seats::require_seat(tx, &directory.organization, email.as_str())?;
    }
    if let Some(mut member) = revive(tx, directory, user)? {
        (member.email, member.profile) = (email, profile_of(said));
        (member.directory, member.source) = (Some(directory.id.clone()), Source::Scim);
        member.status = if user.is_active { Status::Active } else { Status::Inactive };
        member.deactivated_at = (!user.is_active).then_some(ctx.now);
        user.problem = conflict(tx, &member)?;
        members::update(tx, &member)?;
        let event = NewEvent::new(Action::MemberReactivated, target(&member));
        audit::insert(tx, ctx, &event.change("revived", serde_json::Value::Null, true))?;
        words.push(format!("Brought back {}, who was removed before.", member.email));
        return Ok((Some(member), false));
    }
    if let (true, [one]) = (joins, same.as_slice()) {
        let mut member = one.clone();
        leave_former(tx, directory, &member)?;
        (member.directory, member.source) = (Some(directory.id.clone()), Source::Scim);
        members::update(tx, &member)?;
        let event = NewEvent::new(Action::MemberJoinedDirectory, target(&member))
            .change("directory", serde_json::Value::Null, directory.name.clone())
            .change("source", one.source.as_str(), Source::Scim.as_str());
        audit::insert(tx, ctx, &event)?;
        words.push(format!("Joined the member {}.", member.email));
        refresh(tx, ctx, directory, user, said, &mut member, words)?;
        return Ok((Some(member), false));
    }
    user.problem = (!same.is_empty()).then(|| CONFLICT.to_owned());
    let (member, gains) = create(tx, ctx, directory, user, email, said)?;
    words.push(match same.first() {
        Some(other) => format!("Made a member {}, beside another of the same address.", other.email),
        None => format!("Made a member {}.", member.email),
    });
    if !gains.is_empty() {
        words.push(format!("{} gains {}.", member.email, gains.join(", ")));
    }
    Ok((Some(member), true))
}

/// What a directory gave that is not enabled any more ends where another one speaks of the member.
fn leave_former(tx: &WriteTx<'_>, directory: &Directory, member: &Member) -> Result<()> {
    let Some(former) = member.directory.as_ref().filter(|former| **former != directory.id) else { return Ok(()) };
    let held = held_from(tx, former.as_str(), member)?;
    let giver = Giver { id: former.as_str(), name: &directory.name, organization: &directory.organization };
    change(tx, giver, member, &held, &Granted::default())
}

fn conflict(tx: &ReadTx<'_>, member: &Member) -> Result<Option<String>> {
    let same = members::list_by_email(tx, &member.organization, &member.email)?;
    Ok(same.iter().any(|other| other.id != member.id).then(|| CONFLICT.to_owned()))
}

/// Of the same external id exactly one was removed: it is they (DECISIONS.md).
pub fn find_removed(tx: &ReadTx<'_>, directory: &Directory, user: &ScimUser) -> Result<Option<MemberId>> {
    let Some(external_id) = &user.external_id else { return Ok(None) };
    let gone = scim_users::list_tombstones(tx, directory, external_id)?;
    let [id] = gone.as_slice() else { return Ok(None) };
    let is_there = members::find(tx, &directory.organization, id)?.is_some();
    Ok(Some(id.clone()).filter(|_| !is_there))
}

fn revive(tx: &WriteTx<'_>, directory: &Directory, user: &ScimUser) -> Result<Option<Member>> {
    let Some(id) = find_removed(tx, directory, user)? else { return Ok(None) };
    if let (true, Some(email)) = (user.is_active, &user.email) {
        seats::require_seat(tx, &directory.organization, email)?;
    }
    Ok(members::revive(tx, &directory.organization, &id)?)
}

/// Whether an address may join a member who is here already: they came through the connection of the same identity provider,
/// or nobody ever signed in as them. Never somebody who administers (DOWNSTREAM.md 4.3, rule 4).
pub fn may_join(tx: &ReadTx<'_>, directory: &Directory, member: &Member) -> Result<bool> {
    if member.is_administrator() || is_covered(tx, member)? {
        return Ok(false);
    }
    // Whom an admin deactivated is not let back in by an address; whom a former directory did, this one speaks of now.
    if !member.is_active() && member.directory.is_none() {
        return Ok(false);
    }
    if let Some(connection) = &directory.connection
        && members::has_identity(tx, connection, &member.id)?
    {
        return Ok(true);
    }
    let is_unused = member.last_seen_at.is_none() && !member.has_password;
    Ok(is_unused && members::list_identities(tx, &member.id)?.is_empty())
}

/// With what the directory gives to them, told in one event.
fn create(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    directory: &Directory,
    user: &ScimUser,
    email: Email,
    sent: &scim::profile::Profile,
) -> Result<(Member, Vec<String>)> {
    let mut profile = profile_of(sent);
    profile.name = profile.display_name();
    let member = Member {
        id: MemberId::new(),
        organization: directory.organization.clone(),
        email,
        profile,
        status: if user.is_active { Status::Active } else { Status::Inactive },
        source: Source::Scim,
        directory: Some(directory.id.clone()),
        has_password: false,
        roles: Vec::new(),
        created_at: ctx.now,
        deactivated_at: (!user.is_active).then_some(ctx.now),
        last_seen_at: None,
        version: 1,
    };
    members::insert(tx, &member, None)?;
    let (given, gains) = directory_grants::begin(tx, directory, user, &member, sent_of(sent))?;
    let event = NewEvent::new(Action::MemberCreated, target(&member))
        .change("source", serde_json::Value::Null, Source::Scim.as_str())
        .change("from", serde_json::Value::Null, directory.name.clone())
        .change("roles", serde_json::Value::Null, given.roles.into_iter().collect::<Vec<_>>());
    audit::insert(tx, ctx, &event)?;
    Ok((member, gains))
}

/// Whether an enabled directory says who this is.
pub fn is_covered(tx: &ReadTx<'_>, member: &Member) -> Result<bool> {
    let Some(id) = &member.directory else { return Ok(false) };
    let directory = directories::find(tx, &member.organization, id)?;
    Ok(directory.is_some_and(|directory| directory.is_enabled()))
}

/// Whom the enabled directory of a connection means by the person who signs in: externalId or userName is the subject, or the
/// userName is the address (DOWNSTREAM.md 4.3, rule 3a). Nobody where it could be two.
pub fn find_provisioned(tx: &ReadTx<'_>, connection: &Connection, arrival: &Arrival) -> Result<Option<Provisioned>> {
    let texts = [Some(arrival.subject.as_str()), arrival.email.as_ref().map(Email::as_str)];
    // A sign that only looks like a letter, or becomes one in small letters, is no letter of a name.
    let is_plain = |text: &&str| text.chars().all(|c| c.is_ascii() || c.to_lowercase().all(|small| !small.is_ascii()));
    let names: Vec<String> = texts.into_iter().flatten().filter(is_plain).map(fold).collect();
    let mut found: Option<(Directory, MemberId)> = None;
    for directory in directories::list_enabled_of(tx, &connection.id)? {
        for id in scim_users::list_members_named(tx, &directory, &arrival.subject, &names)? {
            if found.as_ref().is_some_and(|(_, other)| *other != id) {
                return Ok(None);
            }
            found = Some((directory.clone(), id));
        }
    }
    let Some((directory, id)) = found else { return Ok(None) };
    let Some(member) = members::find(tx, &connection.organization, &id)? else { return Ok(None) };
    let given_here = |held: &HeldRole| held.role.is_administrator() && held.from != directory.id.as_str();
    // Rules 4 and 5: whoever administers by another's word is linked by hand, and so is a second subject of one person.
    let may_join = !member.roles.iter().any(given_here) && !members::has_identity(tx, &connection.id, &member.id)?;
    Ok(Some(Provisioned { member, may_join }))
}

/// The user was deleted: the member leaves a tombstone, and the address is free.
pub fn remove(tx: &WriteTx<'_>, ctx: &Ctx, directory: &Directory, user: &ScimUser) -> Result<Vec<String>> {
    let Some(id) = &user.member else { return Ok(Vec::new()) };
    let Some(member) = members::find(tx, &directory.organization, id)? else { return Ok(Vec::new()) };
    if member.is_active() {
        keep_an_admin(tx, ctx, &member, &[])?;
        guard::note_loss(tx, ctx, &member)?;
    }
    members::delete(tx, &member.id, ctx.now)?;
    audit::insert(tx, ctx, &NewEvent::new(Action::MemberDeleted, target(&member)))?;
    Ok(vec![format!("Removed {}; every session ended.", member.email)])
}
