//! The role mappings of a connection, as admins set them: checked, previewed, applied to everybody it knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::app::access;
use crate::app::connections::{save, target};
use crate::app::error::{Error, Result};
use crate::app::granting::gone;
use crate::app::regranting::{Survey, survey};
use crate::app::roles::KnownRoles;
use crate::app::runs::begin;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent};
use crate::model::connection::Connection;
use crate::model::id::{ConnectionId, MemberId, TeamId};
use crate::model::invalid::Invalid;
use crate::model::mapping::{ByValue, Granted, MOST, MOST_IN_ALL, MOST_OF_VALUE, Match, RoleMapping};
use crate::model::role::Permission;
use crate::model::run::{Run, Subject};
use crate::store::{ReadTx, WriteTx, audit, connections, mappings, members, roles, runs, teams};

/// So many mistakes are told at once.
const MOST_TOLD: usize = 100;

/// One mapping as an admin gives it.
#[derive(Debug, Clone, Default)]
pub struct MappingInput {
    pub kind: String,
    pub attribute: Option<String>,
    pub value: String,
    pub roles: Vec<String>,
    pub team: Option<String>,
    pub tag: Option<String>,
}

/// What somebody would gain and lose: names of roles, teams and tags.
#[derive(Debug, Clone)]
pub struct Change {
    /// None of whom a directory would make a member.
    pub member: Option<MemberId>,
    pub label: String,
    pub email: String,
    pub gains: Vec<String>,
    pub loses: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Preview {
    /// The first hundred.
    pub changes: Vec<Change>,
    pub total: u64,
    /// Whoever asks would lose Owner or Admin.
    pub you_lose_admin: bool,
    /// After it nobody would administer.
    pub lockout: Option<&'static str>,
}

/// The mappings as they are now, and how many members they changed.
#[derive(Debug, Clone)]
pub struct Saved {
    pub connection: Connection,
    pub mappings: Vec<RoleMapping>,
    pub changed: u64,
    /// Everybody holds by now what they give.
    pub is_applied: bool,
}

impl App {
    pub async fn list_role_mappings(&self, ctx: &Ctx, id: ConnectionId) -> Result<(Connection, Vec<RoleMapping>)> {
        access::require(ctx, Permission::ConnectionsRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read(move |tx| {
                let connection = connections::find(tx, &organization, &id)?.ok_or(Error::NotFound("connection"))?;
                let list = mappings::list(tx, id.as_str())?;
                Ok((connection, list))
            })
            .await
    }

    /// Groups and roles that were sent so far, with how many people each was sent about.
    pub async fn list_sent_values(&self, ctx: &Ctx, id: ConnectionId) -> Result<Vec<(Match, String, u32)>> {
        access::require(ctx, Permission::ConnectionsRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read_slowly(move |tx| {
                connections::find(tx, &organization, &id)?.ok_or(Error::NotFound("connection"))?;
                let mut all = Vec::new();
                for on in [Match::Group, Match::Role, Match::Entitlement] {
                    let values = mappings::list_values(tx, id.as_str(), &on)?;
                    all.extend(values.into_iter().map(|(value, n)| (on.clone(), value, n)));
                }
                Ok(all)
            })
            .await
    }

    /// Who would gain and lose what, without changing anything.
    pub async fn preview_role_mappings(
        &self,
        ctx: &Ctx,
        id: ConnectionId,
        input: Vec<MappingInput>,
    ) -> Result<Preview> {
        access::require(ctx, Permission::ConnectionsWrite)?;
        let ctx = ctx.clone();
        self.store
            .read_slowly(move |tx| {
                let connection = connections::find(tx, &ctx.organization, &id)?.ok_or(Error::NotFound("connection"))?;
                let next = check(tx, &ctx, &input)?;
                require_grants(tx, &ctx, &mappings::list(tx, id.as_str())?, &next)?;
                bound(&next)?;
                preview(tx, &ctx, survey(tx, &ctx, &connection, Some(next))?)
            })
            .await
    }

    /// What would become of everybody.
    pub(super) async fn survey(
        &self,
        ctx: &Ctx,
        id: ConnectionId,
        input: Option<Arc<Vec<MappingInput>>>,
    ) -> Result<Survey> {
        let ctx = ctx.clone();
        self.store
            .read_slowly(move |tx| {
                let connection = connections::find(tx, &ctx.organization, &id)?.ok_or(Error::NotFound("connection"))?;
                let next = input.as_ref().map(|input| check(tx, &ctx, input)).transpose()?;
                next.as_deref().map_or(Ok(()), bound)?;
                survey(tx, &ctx, &connection, next)
            })
            .await
    }

    /// Makes the mappings exactly these, and everybody known to the connection hold what they give: the mappings at once,
    /// people in steps. Answers when all are done, or when the patience has ended.
    pub async fn set_role_mappings(
        &self,
        ctx: &Ctx,
        id: ConnectionId,
        input: Vec<MappingInput>,
        version: Option<i64>,
        patience: Option<Duration>,
    ) -> Result<Saved> {
        access::require(ctx, Permission::ConnectionsWrite)?;
        let input = Arc::new(input);
        loop {
            let surveyed = self.survey(ctx, id.clone(), Some(Arc::clone(&input))).await?;
            let change =
                move |tx: &WriteTx<'_>, ctx: &Ctx, connection: Connection| replace(tx, ctx, connection, &surveyed);
            let Some(mut saved) = self.change_connection(ctx, id.clone(), version, change).await? else { continue };
            saved.is_applied = self.finish_run(ctx, Subject::Mappings(id), patience).await;
            return Ok(saved);
        }
    }

    /// How far the mappings that were saved last have come, if not everywhere yet.
    pub async fn find_mapping_run(&self, ctx: &Ctx, id: ConnectionId) -> Result<Option<Run>> {
        let organization = ctx.organization.clone();
        let subject = Subject::Mappings(id);
        self.store.read(move |tx| runs::find(tx, &organization, &subject).map_err(Error::from)).await
    }
}

/// Saves the mappings and begins to bring everybody up to date. None where the survey is of another time.
fn replace(tx: &WriteTx<'_>, ctx: &Ctx, mut connection: Connection, surveyed: &Survey) -> Result<Option<Saved>> {
    let (before, next) = (mappings::list(tx, connection.id.as_str())?, &surveyed.next);
    if connection.version != surveyed.version || !are_there(tx, ctx, next)? {
        return Ok(None);
    }
    require_grants(tx, ctx, &before, next)?;
    if before == *next {
        return Ok(Some(Saved { connection, mappings: before, changed: 0, is_applied: true }));
    }
    surveyed.refuse_lockout()?;
    mappings::replace(tx, &connection.organization, connection.id.as_str(), next)?;
    save(tx, &mut connection)?;
    let event = NewEvent::new(Action::RoleMappingsChanged, target(&connection))
        .change("mappings", told(tx, ctx, &before)?, told(tx, ctx, next)?)
        .change("members", serde_json::Value::Null, surveyed.total);
    audit::insert(tx, ctx, &event)?;
    let subject = Subject::Mappings(connection.id.clone());
    begin(tx, &connection.organization, subject, connection.version, ctx.now)?;
    Ok(Some(Saved { connection, mappings: next.clone(), changed: surveyed.total, is_applied: true }))
}

/// Whether the roles and teams that the mappings give have not been deleted since they were checked.
pub(super) fn are_there(tx: &ReadTx<'_>, ctx: &Ctx, mappings: &[RoleMapping]) -> Result<bool> {
    let mut given = Granted::default();
    mappings.iter().for_each(|mapping| given.add(mapping));
    for slug in &given.roles {
        if roles::find(tx, &ctx.organization, slug)?.is_none() {
            return Ok(false);
        }
    }
    for team in &given.teams {
        if teams::find(tx, &ctx.organization, team)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What becomes of a whole company stays within bounds.
pub(super) fn bound(next: &[RoleMapping]) -> Result<()> {
    let (most, all) = ByValue::new(next).most();
    let text = if most > MOST_OF_VALUE {
        format!(
            "One value gives {most} roles, teams and tags. Give at most {MOST_OF_VALUE}, or make a role of several."
        )
    } else if all > MOST_IN_ALL {
        format!("The values give {all} roles, teams and tags in all. A connection keeps {MOST_IN_ALL}.")
    } else {
        return Ok(());
    };
    Err(Invalid::field("value", "mapping_gives_too_much", text).into())
}

/// For the audit log, under the names of that time: what a value gives may be called otherwise later, or be gone.
pub(super) fn told(tx: &ReadTx<'_>, ctx: &Ctx, mappings: &[RoleMapping]) -> Result<Vec<String>> {
    let known = KnownRoles::read(tx, &ctx.organization)?;
    let mut teams: BTreeMap<TeamId, String> = BTreeMap::new();
    for id in mappings.iter().filter_map(|mapping| mapping.team.as_ref()) {
        if !teams.contains_key(id) {
            let name = teams::find(tx, &ctx.organization, id)?.map_or_else(|| id.to_string(), |team| team.name);
            teams.insert(id.clone(), name);
        }
    }
    let one = |mapping: &RoleMapping| {
        let mut gives: Vec<String> = mapping.roles.iter().map(|slug| known.name(slug)).collect();
        gives.extend(mapping.team.as_ref().and_then(|id| teams.get(id)).map(|name| format!("team {name}")));
        gives.extend(mapping.tag.as_ref().map(|tag| format!("tag {tag}")));
        format!("{}: {}", mapping.label(), gives.join(", "))
    };
    Ok(mappings.iter().map(one).collect())
}

/// Turns what was given into mappings; what is wrong is told with its row.
pub(super) fn check(tx: &ReadTx<'_>, ctx: &Ctx, input: &[MappingInput]) -> Result<Vec<RoleMapping>> {
    let mut invalid = Invalid::new();
    if input.len() > MOST {
        let text = format!("A connection keeps {MOST} mappings. Leave out those that nobody needs.");
        return Err(Invalid::field("value", "too_many_mappings", text).into());
    }
    let known = KnownRoles::read(tx, &ctx.organization)?;
    let mut all = Vec::new();
    for (row, input) in input.iter().enumerate() {
        if invalid.errors.len() >= MOST_TOLD {
            break;
        }
        let on = check_kind(&mut invalid, row, input);
        let value = check_text(&mut invalid, row, "value", &input.value, 300);
        if value.as_ref().is_some_and(String::is_empty) {
            invalid.add_in_row(row, "value", "value_empty", "Write the value as the provider sends it.");
        }
        let value = value.unwrap_or_default();
        let tag = input.tag.as_deref().and_then(|tag| check_text(&mut invalid, row, "tag", tag, 100));
        let tag = tag.filter(|tag| !tag.is_empty());
        if tag.as_ref().is_some_and(|tag| tag.starts_with("Group:")) {
            let text = "Tags of groups come by themselves. Use a tag that doesn't begin with `Group:`.";
            invalid.add_in_row(row, "tag", "tag_reserved", text);
        }
        let mut wrong = Invalid::new();
        let found = known.resolve(&mut wrong, "roles", &input.roles);
        for error in wrong.errors {
            invalid.add_in_row(row, "roles", error.code, error.text);
        }
        let team = check_team(tx, ctx, &mut invalid, row, input.team.as_deref())?;
        if input.roles.is_empty() && team.is_none() && tag.is_none() && invalid.in_row(row).is_empty() {
            let text = "Choose what this value gives: a role, a team or a tag.";
            invalid.add_in_row(row, "roles", "mapping_empty", text);
        }
        let mut slugs: Vec<String> = found.iter().map(|role| role.slug().to_owned()).collect();
        slugs.sort();
        join(&mut all, RoleMapping { on, value, roles: slugs, team, tag });
    }
    Ok(invalid.or(all)?)
}

/// Adds a mapping; one of the same value takes it in, unless both name a team or a tag and another.
fn join(all: &mut Vec<RoleMapping>, new: RoleMapping) {
    let fits = |one: &&mut RoleMapping| {
        let is_free = |ours: bool, theirs: bool, same: bool| !ours || !theirs || same;
        one.on == new.on
            && one.value == new.value
            && is_free(one.team.is_some(), new.team.is_some(), one.team == new.team)
            && is_free(one.tag.is_some(), new.tag.is_some(), one.tag == new.tag)
    };
    let Some(one) = all.iter_mut().find(fits) else { return all.push(new) };
    one.roles.extend(new.roles);
    one.roles.sort();
    one.roles.dedup();
    one.team = one.team.take().or(new.team);
    one.tag = one.tag.take().or(new.tag);
}

fn check_kind(invalid: &mut Invalid, row: usize, input: &MappingInput) -> Match {
    if let Some(on) = Match::parse(&input.kind, input.attribute.as_deref()) {
        if on.attribute().is_some_and(|name| name.len() > 300 || name.contains(char::is_control)) {
            invalid.add_in_row(row, "attribute", "attribute_name", "Use at most 300 characters, on one line.");
        }
        return on;
    }
    let kinds = Match::KINDS.join(", ");
    match (input.kind.as_str(), Match::KINDS.contains(&input.kind.as_str())) {
        ("attribute", _) => {
            let text = "Name the attribute whose value is compared, such as `department`.";
            invalid.add_in_row(row, "attribute", "attribute_missing", text);
        }
        (kind, true) => {
            let text = format!("Only `attribute` takes a name; a {kind} has none.");
            invalid.add_in_row(row, "attribute", "attribute_unused", text);
        }
        (_, false) => invalid.add_in_row(row, "match", "match", format!("Compare one of {kinds}.")),
    }
    Match::Group
}

fn check_text(invalid: &mut Invalid, row: usize, field: &'static str, text: &str, most: usize) -> Option<String> {
    let text = text.trim();
    if text.chars().count() > most || text.chars().any(char::is_control) {
        invalid.add_in_row(row, field, "too_long", format!("Use at most {most} characters, on one line."));
        return None;
    }
    Some(text.to_owned())
}

fn check_team(
    tx: &ReadTx<'_>,
    ctx: &Ctx,
    invalid: &mut Invalid,
    row: usize,
    team: Option<&str>,
) -> Result<Option<TeamId>> {
    let Some(text) = team.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let known = match text.parse::<TeamId>() {
        Ok(id) => teams::find(tx, &ctx.organization, &id)?.map(|team| team.id),
        Err(_) => None,
    };
    if known.is_none() {
        invalid.add_in_row(row, "team", "no_such_team", "There is no such team. Make it first, under Teams.");
    }
    Ok(known)
}

/// Whoever changes a mapping grants what it gives, and takes what it gave.
pub(super) fn require_grants(tx: &ReadTx<'_>, ctx: &Ctx, before: &[RoleMapping], after: &[RoleMapping]) -> Result<()> {
    let changed = before.iter().filter(|mapping| !after.contains(mapping));
    let changed = changed.chain(after.iter().filter(|mapping| !before.contains(mapping)));
    let changed: Vec<&RoleMapping> = changed.collect();
    if changed.iter().any(|mapping| mapping.team.is_some()) {
        access::require(ctx, Permission::TeamsWrite)?;
    }
    let slugs: BTreeSet<&String> = changed.into_iter().flat_map(|mapping| &mapping.roles).collect();
    for slug in slugs {
        if let Some(role) = roles::find(tx, &ctx.organization, slug)? {
            access::require_grant(ctx, &role)?;
        }
    }
    Ok(())
}

fn preview(tx: &ReadTx<'_>, ctx: &Ctx, survey: Survey) -> Result<Preview> {
    let loses_admin = survey.own.as_ref().is_some_and(|own| own.before.has_admin() && !own.after.has_admin());
    let mut preview = Preview {
        total: survey.total,
        you_lose_admin: loses_admin && !keeps_admin(tx, ctx)?,
        lockout: survey.lockout,
        changes: Vec::new(),
    };
    for (id, difference) in survey.first {
        let Some(member) = members::find(tx, &ctx.organization, &id)? else { continue };
        preview.changes.push(Change {
            member: Some(id),
            label: member.label().to_owned(),
            email: member.email.as_str().to_owned(),
            gains: gone(tx, &ctx.organization, &difference.after, &difference.before)?,
            loses: gone(tx, &ctx.organization, &difference.before, &difference.after)?,
        });
    }
    Ok(preview)
}

/// Whether whoever asks administers by a role that was given here.
fn keeps_admin(tx: &ReadTx<'_>, ctx: &Ctx) -> Result<bool> {
    let Some(id) = ctx.member_id() else { return Ok(false) };
    let member = members::find(tx, &ctx.organization, id)?;
    Ok(member.is_some_and(|member| member.roles.iter().any(|held| held.is_local() && held.role.is_admin())))
}
