//! Where role mappings meet a member: at each sign-in, and when the mappings change (`regranting.rs`). The rule is in
//! `model/mapping.rs`. Runs inside write transactions of others.

use std::collections::BTreeSet;

use crate::app::error::Result;
use crate::app::provision;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, Level, NewEvent};
use crate::model::connection::{Connection, Revision};
use crate::model::directory::Directory;
use crate::model::id::{MemberId, OrganizationId, TeamId};
use crate::model::mapping::{Granted, Match, RoleMapping, Sent, granted};
use crate::model::member::Member;
use crate::model::role::{AnyRole, DefaultRole, Role};
use crate::model::sign_in::TraceGrant;
use crate::model::time::days;
use crate::store::{ReadTx, WriteTx, audit, mappings, members, roles, sessions, teams};

/// Where grants come from: a connection or a directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Giver<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub organization: &'a OrganizationId,
}

impl<'a> From<&'a Connection> for Giver<'a> {
    fn from(connection: &'a Connection) -> Self {
        Self { id: connection.id.as_str(), name: &connection.name, organization: &connection.organization }
    }
}

impl<'a> From<&'a Directory> for Giver<'a> {
    fn from(directory: &'a Directory) -> Self {
        Self { id: directory.id.as_str(), name: &directory.name, organization: &directory.organization }
    }
}

/// What a member has from the giver, and what they would have.
#[derive(Debug, Clone, Default)]
pub(super) struct Difference {
    pub before: Granted,
    pub after: Granted,
}

/// What is in the first and not in the second, in words.
pub(super) fn gone(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    these: &Granted,
    those: &Granted,
) -> Result<Vec<String>> {
    let mut words = Vec::new();
    for slug in these.roles.difference(&those.roles) {
        words.push(roles::find(tx, organization, slug)?.map_or_else(|| slug.clone(), |role| role.name().to_owned()));
    }
    for id in these.teams.difference(&those.teams) {
        let team = teams::find(tx, organization, id)?;
        words.push(format!("team {}", team.map_or_else(|| id.to_string(), |team| team.name)));
    }
    words.extend(these.tags.difference(&those.tags).map(|tag| format!("tag {tag}")));
    Ok(words)
}

/// What a member has by the giver.
pub(super) fn held_from(tx: &ReadTx<'_>, from: &str, member: &Member) -> Result<Granted> {
    let mut held = Granted::default();
    held.roles.extend(member.roles.iter().filter(|held| held.from == from).map(|held| held.role.slug().to_owned()));
    held.teams.extend(teams::list_of_member_from(tx, &member.id, from)?);
    held.tags.extend(teams::list_tags_from(tx, &member.id, from)?);
    Ok(held)
}

pub(super) fn change(
    tx: &WriteTx<'_>,
    giver: Giver<'_>,
    member: &Member,
    before: &Granted,
    after: &Granted,
) -> Result<()> {
    grant(tx, giver, member, before, after)?;
    if before.roles != after.roles {
        members::update_version(tx, &member.id)?;
        // Whoever could hand out a link before may not be allowed to now.
        sessions::delete_links_of_member(tx, &member.id)?;
    }
    Ok(())
}

/// The rows alone.
pub(super) fn grant(
    tx: &WriteTx<'_>,
    giver: Giver<'_>,
    member: &Member,
    before: &Granted,
    after: &Granted,
) -> Result<()> {
    let Giver { id: from, organization, .. } = giver;
    let id = &member.id;
    for slug in before.roles.difference(&after.roles) {
        roles::delete(tx, id, slug, from)?;
    }
    for slug in after.roles.difference(&before.roles) {
        roles::insert(tx, organization, id, slug, from)?;
    }
    for team in before.teams.difference(&after.teams) {
        teams::delete_member(tx, team, id, from)?;
    }
    for team in after.teams.difference(&before.teams) {
        teams::insert_member(tx, team, id, from)?;
    }
    for tag in before.tags.difference(&after.tags) {
        teams::delete_tag(tx, id, tag, from)?;
    }
    for tag in after.tags.difference(&before.tags) {
        teams::insert_tag(tx, organization, id, tag, from)?;
    }
    Ok(())
}

/// The event of one member's change: what they had from everywhere, what they have, and through which values.
pub(super) fn tell(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    giver: Giver<'_>,
    member: &Member,
    difference: &Difference,
    through: &[String],
) -> Result<()> {
    let Difference { before, after } = difference;
    let elsewhere = member.roles.iter().filter(|held| held.from != giver.id);
    let elsewhere: BTreeSet<String> = elsewhere.map(|held| held.role.slug().to_owned()).collect();
    let all = |granted: &Granted| granted.roles.union(&elsewhere).cloned().collect::<Vec<_>>();
    let names = |ids: &BTreeSet<TeamId>| -> Result<Vec<String>> {
        let name = |id: &TeamId| -> Result<String> {
            Ok(teams::find(tx, &ctx.organization, id)?.map_or_else(|| id.to_string(), |team| team.name))
        };
        ids.iter().map(name).collect()
    };
    let event = NewEvent::new(Action::MemberRolesChanged, provision::target(member))
        .change("roles", all(before), all(after))
        .change("teams", names(&before.teams)?, names(&after.teams)?)
        .change(
            "tags",
            before.tags.iter().cloned().collect::<Vec<_>>(),
            after.tags.iter().cloned().collect::<Vec<_>>(),
        );
    if event.changes.is_empty() {
        return Ok(());
    }
    let event = event.change("from", serde_json::Value::Null, giver.name);
    let event =
        if through.is_empty() { event } else { event.change("through", serde_json::Value::Null, through.to_vec()) };
    audit::insert(tx, ctx, &event)?;
    Ok(())
}

/// What the mappings make of somebody who signs in. Runs inside the sign-in's transaction; `member` has the roles of
/// before, and those of after when it returns.
pub(super) fn refresh(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    connection: &Connection,
    default: DefaultRole,
    all: &[RoleMapping],
    sent: &[Sent],
    member: &mut Member,
) -> Result<()> {
    remember(tx, connection, member, sent)?;
    let from = connection.id.as_str();
    let has_any = member.roles.iter().any(|held| held.from == from);
    if all.is_empty() && !has_any {
        return Ok(());
    }
    let before = held_from(tx, from, member)?;
    let mut after = granted(all, sent);
    keep_last_admin(tx, ctx, from, member, &before, &mut after)?;
    // Only who had something by the connection falls back: what an admin took away does not come back by itself.
    let falls_back =
        after.roles.is_empty() && !before.roles.is_empty() && member.roles.iter().all(|held| held.from == from);
    if let (true, DefaultRole::Role(role)) = (falls_back, default) {
        after.roles.insert(role.slug().to_owned());
    }
    if before == after {
        return Ok(());
    }
    change(tx, connection.into(), member, &before, &after)?;
    let through: Vec<String> = all.iter().filter(|mapping| mapping.matches(sent)).map(RoleMapping::label).collect();
    let difference = Difference { before, after };
    tell(tx, ctx, connection.into(), member, &difference, &through)?;
    if let Some(fresh) = members::find(tx, &member.organization, &member.id)? {
        *member = fresh;
    }
    Ok(())
}

/// Keeps what was sent, so that a later change of the mappings knows whom it concerns.
fn remember(tx: &WriteTx<'_>, connection: &Connection, member: &Member, sent: &[Sent]) -> Result<()> {
    let mut kept: Vec<Sent> = sent.iter().filter(|sent| sent.on != Match::Group).cloned().collect();
    kept.sort();
    kept.dedup();
    if mappings::list_sent(tx, connection.id.as_str(), &member.id)? != kept {
        mappings::replace_sent(tx, connection.id.as_str(), &member.id, &kept)?;
    }
    Ok(())
}

/// A provider that sends the last admin without their group must not lock the organization out: the role stays, with an
/// alarm.
pub(super) fn keep_last_admin(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    connection: &str,
    member: &Member,
    before: &Granted,
    after: &mut Granted,
) -> Result<()> {
    for (role, slug) in [(Role::Owner, "owner"), (Role::Admin, "admin")] {
        let is_lost = before.roles.contains(slug) && !after.roles.contains(slug);
        let holds = |held: &AnyRole| held.is(role) || (role == Role::Admin && held.is_admin());
        let keeps = member.roles.iter().any(|held| held.from != connection && holds(&held.role));
        if !is_lost || keeps {
            continue;
        }
        let has_other = match role {
            Role::Owner => roles::has_other_owner(tx, &ctx.organization, Some(&member.id))?,
            _ => roles::has_other_admin(tx, &ctx.organization, Some(&member.id))?,
        };
        if !has_other {
            after.roles.insert(slug.to_owned());
            let told = (Action::LastAdminKept, member.id.as_str(), ctx.now - days(1));
            if audit::has_recent(tx, &ctx.organization, told.0, told.1, told.2)? {
                continue;
            }
            let event = NewEvent::new(Action::LastAdminKept, provision::target(member)).level(Level::Alarm);
            audit::insert(tx, ctx, &event.change("role", slug, slug).change("kept", serde_json::Value::Null, slug))?;
        }
    }
    Ok(())
}

/// The roles that somebody would hold after a sign-in: slugs, the highest first as far as the member's own go.
pub(super) fn foretell(
    member: Option<&Member>,
    connection: &Connection,
    revision: &Revision,
    all: &[RoleMapping],
    sent: &[Sent],
) -> Vec<String> {
    let held = member.map(|member| member.roles.as_slice()).unwrap_or_default();
    let own = held.iter().filter(|held| held.from != connection.id.as_str());
    let mut slugs: Vec<String> = own.map(|held| held.role.slug().to_owned()).collect();
    let mapped = granted(all, sent).roles;
    let falls_back = slugs.is_empty() && mapped.is_empty() && (member.is_none() || !held.is_empty());
    if let (true, DefaultRole::Role(role)) = (falls_back, revision.settings.default_role) {
        slugs.push(role.slug().to_owned());
    }
    slugs.extend(mapped);
    let mut seen = BTreeSet::new();
    slugs.retain(|slug| seen.insert(slug.clone()));
    slugs
}

/// What each mapping that matches gives, for a trace.
pub(super) fn tell_grants(
    tx: &ReadTx<'_>,
    connection: &Connection,
    all: &[RoleMapping],
    sent: &[Sent],
) -> Result<Vec<TraceGrant>> {
    let tell = |mapping: &RoleMapping| -> Result<TraceGrant> {
        let mut granted = Granted::default();
        granted.add(mapping);
        let gives = gone(tx, &connection.organization, &granted, &Granted::default())?;
        Ok(TraceGrant { value: mapping.label(), gives })
    };
    all.iter().filter(|mapping| mapping.matches(sent)).map(tell).collect()
}

/// Why a member holds a role, team or tag of this connection: the mappings that their last values match.
pub(super) fn reasons(tx: &ReadTx<'_>, source: &str, member: &MemberId) -> Result<Vec<RoleMapping>> {
    let sent = mappings::list_all_sent(tx, source, member)?;
    Ok(mappings::list(tx, source)?.into_iter().filter(|mapping| mapping.matches(&sent)).collect())
}
