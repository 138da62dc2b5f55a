//! The role mappings of a connection, as admins set them: checked, previewed, applied to everybody it knows.

use std::collections::BTreeSet;

use crate::app::App;
use crate::app::access;
use crate::app::connections::{save, target};
use crate::app::error::{Error, Result};
use crate::app::granting::{Difference, Differences, apply, differences, gone};
use crate::app::roles::KnownRoles;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent};
use crate::model::connection::Connection;
use crate::model::id::{ConnectionId, MemberId, TeamId};
use crate::model::invalid::Invalid;
use crate::model::mapping::{MOST, Match, RoleMapping};
use crate::model::role::{Permission, Role};
use crate::store::{ReadTx, audit, connections, mappings, members, roles, teams};

/// So many members are named in a preview.
const MOST_NAMED: usize = 100;

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
    pub member: MemberId,
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
    pub locks_out: bool,
}

/// The mappings as they are now, and how many members they changed.
#[derive(Debug, Clone)]
pub struct Saved {
    pub connection: Connection,
    pub mappings: Vec<RoleMapping>,
    pub changed: u64,
}

impl App {
    pub async fn list_role_mappings(&self, ctx: &Ctx, id: ConnectionId) -> Result<(Connection, Vec<RoleMapping>)> {
        access::require(ctx, Permission::ConnectionsRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read(move |tx| {
                let connection = connections::find(tx, &organization, &id)?.ok_or(Error::NotFound("connection"))?;
                let list = mappings::list(tx, &id)?;
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
                    let values = mappings::list_values(tx, &id, &on)?;
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
                require_grants(tx, &ctx, &mappings::list(tx, &id)?, &next)?;
                let differences = differences(tx, &connection, &next)?;
                preview(tx, &ctx, &differences)
            })
            .await
    }

    /// Makes the mappings exactly these, and everybody known to the connection hold what they give.
    pub async fn set_role_mappings(
        &self,
        ctx: &Ctx,
        id: ConnectionId,
        input: Vec<MappingInput>,
        version: Option<i64>,
    ) -> Result<Saved> {
        self.change_connection(ctx, id, version, move |tx, ctx, mut connection| {
            let next = check(tx, ctx, &input)?;
            let before = mappings::list(tx, &connection.id)?;
            require_grants(tx, ctx, &before, &next)?;
            if before == next {
                return Ok(Saved { connection, mappings: next, changed: 0 });
            }
            let differences = differences(tx, &connection, &next)?;
            mappings::replace(tx, &connection.organization, &connection.id, &next)?;
            save(tx, &mut connection)?;
            let event = NewEvent::new(Action::RoleMappingsChanged, target(&connection))
                .change("mappings", told(&before), told(&next))
                .change("members", serde_json::Value::Null, differences.len());
            audit::insert(tx, ctx, &event)?;
            apply(tx, ctx, &connection, &differences)?;
            Ok(Saved { connection, mappings: next, changed: differences.len() as u64 })
        })
        .await
    }
}

/// For the audit log, and nothing else.
fn told(mappings: &[RoleMapping]) -> Vec<String> {
    let one = |mapping: &RoleMapping| {
        let mut gives = mapping.roles.clone();
        gives.extend(mapping.team.as_ref().map(ToString::to_string));
        gives.extend(mapping.tag.as_ref().map(|tag| format!("tag {tag}")));
        format!("{}: {}", mapping.label(), gives.join(", "))
    };
    mappings.iter().map(one).collect()
}

/// Turns what was given into mappings; what is wrong is told with its row.
fn check(tx: &ReadTx<'_>, ctx: &Ctx, input: &[MappingInput]) -> Result<Vec<RoleMapping>> {
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
        let value = check_text(&mut invalid, row, "value", &input.value, 300).unwrap_or_default();
        if value.is_empty() {
            invalid.add_in_row(row, "value", "value_empty", "Write the value as the provider sends it.");
        }
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

fn preview(tx: &ReadTx<'_>, ctx: &Ctx, differences: &Differences) -> Result<Preview> {
    let mut preview = Preview { total: differences.len() as u64, ..Preview::default() };
    let is_admin = |slug: &String| matches!(slug.parse(), Ok(Role::Admin | Role::Owner));
    let loses = |difference: &Difference| {
        difference.before.roles.iter().any(is_admin) && !difference.after.roles.iter().any(is_admin)
    };
    let losers: BTreeSet<&MemberId> = differences.iter().filter(|(_, one)| loses(one)).map(|(id, _)| id).collect();
    if !losers.is_empty() {
        preview.you_lose_admin = match ctx.member_id().filter(|id| losers.contains(id)) {
            Some(id) => !keeps_admin(tx, ctx, id)?,
            None => false,
        };
        preview.locks_out = !somebody_stays(tx, ctx, &losers, differences)?;
    }
    for (id, difference) in differences.iter().take(MOST_NAMED) {
        let Some(member) = members::find(tx, &ctx.organization, id)? else { continue };
        preview.changes.push(Change {
            member: id.clone(),
            label: member.label().to_owned(),
            email: member.email.as_str().to_owned(),
            gains: gone(tx, &ctx.organization, &difference.after, &difference.before)?,
            loses: gone(tx, &ctx.organization, &difference.before, &difference.after)?,
        });
    }
    Ok(preview)
}

/// Whether somebody administers by a role that the mappings do not give.
fn keeps_admin(tx: &ReadTx<'_>, ctx: &Ctx, id: &MemberId) -> Result<bool> {
    let member = members::find(tx, &ctx.organization, id)?;
    Ok(member.is_some_and(|member| member.roles.iter().any(|held| held.is_local() && held.role.is_admin())))
}

fn somebody_stays(tx: &ReadTx<'_>, ctx: &Ctx, losers: &BTreeSet<&MemberId>, all: &Differences) -> Result<bool> {
    let gains = |difference: &Difference| {
        difference.after.roles.iter().any(|slug| matches!(slug.parse(), Ok(Role::Admin | Role::Owner)))
    };
    if all.values().any(gains) {
        return Ok(true);
    }
    for id in roles::list_admins(tx, &ctx.organization)? {
        if !losers.contains(&id) || keeps_admin(tx, ctx, &id)? {
            return Ok(true);
        }
    }
    Ok(false)
}
