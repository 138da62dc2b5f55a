//! Where a sign-in or a directory's change meets a member: created, joined, refreshed. Runs inside the write transaction of
//! others.

pub mod directory;

use crate::app::error::Result;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::connection::{Connection, SamlSettings};
use crate::model::id::{IdentityId, MemberId};
use crate::model::member::{Identity, Member, Profile, Source, Status};
use crate::model::role::{DefaultRole, HeldRole, Role};
use crate::model::sign_in::{Arrival, Known};
use crate::store::WriteTx;
use crate::store::{audit, groups, members, roles};

/// What the store knows about this arrival.
pub fn known(tx: &WriteTx<'_>, connection: &Connection, arrival: &Arrival) -> Result<(Known, Option<Identity>)> {
    let linked = members::find_linked(tx, &connection.id, &arrival.issuer, &arrival.subject)?;
    if let Some((member, identity)) = linked {
        let has_own_role = has_own_role(&member, connection) || is_last_admin(tx, &member)?;
        let is_covered = directory::is_covered(tx, &member)?;
        return Ok((Known { linked: Some(member), has_own_role, is_covered, ..Known::default() }, Some(identity)));
    }
    let mut known = Known::default();
    if let Some(provisioned) = directory::find_provisioned(tx, connection, arrival)? {
        known.has_own_role = has_own_role(&provisioned.member, connection);
        return Ok((Known { provisioned: Some(provisioned), is_covered: true, ..known }, None));
    }
    if let Some(email) = &arrival.email {
        known.same_address = members::list_by_email(tx, &connection.organization, email)?;
        for member in &known.same_address {
            known.has_own_role |= has_own_role(member, connection);
            known.address_is_known_to_connection |= members::has_identity(tx, &connection.id, &member.id)?;
        }
    }
    Ok((known, None))
}

fn has_own_role(member: &Member, connection: &Connection) -> bool {
    member.roles.iter().any(|held| held.from != connection.id.as_str())
}

/// The last admin enters with the role that is kept for them (`granting::keep_last_admin`), whatever was sent.
fn is_last_admin(tx: &WriteTx<'_>, member: &Member) -> Result<bool> {
    let is_owner = member.roles.iter().any(|held| held.role.is(Role::Owner));
    let others = |owner: bool| match owner {
        true => roles::has_other_owner(tx, &member.organization, Some(&member.id)),
        false => roles::has_other_admin(tx, &member.organization, Some(&member.id)),
    };
    Ok(member.is_active() && ((is_owner && !others(true)?) || (member.is_admin() && !others(false)?)))
}

/// A member for somebody who was never here: just-in-time creation, with the connection's default role unless a mapping
/// gives them another.
pub fn create(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    connection: &Connection,
    settings: &SamlSettings,
    arrival: &Arrival,
    profile: &Profile,
) -> Result<Option<Member>> {
    let Some(email) = arrival.email.clone() else { return Ok(None) };
    let role = match settings.default_role {
        DefaultRole::Role(role) if !arrival.is_mapped => Some(role),
        DefaultRole::None if !arrival.is_mapped => return Ok(None),
        _ => None,
    };
    let member = Member {
        id: MemberId::new(),
        organization: connection.organization.clone(),
        email,
        profile: Profile::default().refreshed(profile),
        status: Status::Active,
        source: Source::Sso,
        directory: None,
        has_password: false,
        roles: role.into_iter().map(HeldRole::local).collect(),
        created_at: ctx.now,
        deactivated_at: None,
        last_seen_at: Some(ctx.now),
        version: 1,
    };
    members::insert(tx, &member, None)?;
    let event = NewEvent::new(Action::MemberCreated, target(&member))
        .change("source", serde_json::Value::Null, Source::Sso.as_str())
        .change("role", serde_json::Value::Null, role.map(|role| role.slug()));
    audit::insert(tx, ctx, &event)?;
    link(tx, ctx, connection, &member, arrival)?;
    Ok(Some(member))
}

/// Links what the connection calls somebody to a member.
pub fn link(tx: &WriteTx<'_>, ctx: &Ctx, connection: &Connection, member: &Member, arrival: &Arrival) -> Result<()> {
    let identity = Identity {
        id: IdentityId::new(),
        member: member.id.clone(),
        connection: connection.id.clone(),
        issuer: arrival.issuer.clone(),
        subject: arrival.subject.clone(),
        created_at: ctx.now,
        last_used_at: Some(ctx.now),
    };
    members::insert_identity(tx, &connection.organization, &identity)?;
    let event = NewEvent::new(Action::IdentityLinked, target(member))
        .change("connection", serde_json::Value::Null, connection.name.clone())
        .change("subject", serde_json::Value::Null, arrival.subject.clone());
    audit::insert(tx, ctx, &event)?;
    Ok(())
}

/// Takes over what the provider sent about a member: profile and groups, at each sign-in. Of whom a directory covers it says
/// the profile, and a sign-in changes nothing about it.
pub fn refresh(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    connection: &Connection,
    member: &mut Member,
    profile: &Profile,
    group_names: &[String],
) -> Result<()> {
    let fresh = member.profile.refreshed(profile);
    if fresh != member.profile && !directory::is_covered(tx, member)? {
        let mut event = NewEvent::new(Action::MemberUpdated, target(member));
        for (field, before, after) in differences(&member.profile, &fresh) {
            event = event.change(field, before, after);
        }
        member.profile = fresh;
        members::update(tx, member)?;
        audit::insert(tx, ctx, &event)?;
    }
    groups::replace_of_connection(tx, &connection.organization, &connection.id, &member.id, group_names, ctx.now)?;
    Ok(())
}

pub fn differences(before: &Profile, after: &Profile) -> Vec<(&'static str, Option<String>, Option<String>)> {
    let fields = [
        ("name", &before.name, &after.name),
        ("given_name", &before.given_name, &after.given_name),
        ("family_name", &before.family_name, &after.family_name),
        ("job_title", &before.job_title, &after.job_title),
        ("picture", &before.picture, &after.picture),
    ];
    fields.into_iter().filter(|(_, a, b)| a != b).map(|(field, a, b)| (field, a.clone(), b.clone())).collect()
}

pub fn target(member: &Member) -> Target {
    Target::new("member", &member.id, member.email.as_str())
}
