//! What a change of a group writes, and what follows: members who gain and lose, at once where they are few, in a run where they
//! are many; a new name; the guard.

use std::collections::BTreeMap;

use super::group_plan::{Delta, Plan};
use super::{ScimCaller, scim};
use crate::app::directories::begin;
use crate::app::error::{Error, Result};
use crate::app::{directory_grants, guard};
use crate::model::audit::{Action, Level, NewEvent, Target};
use crate::model::directory::Directory;
use crate::model::mapping::{Match, RoleMapping};
use crate::model::scim::ScimGroup;
use crate::scim::ErrorKind;
use crate::scim::schema::fold;
use crate::store::{ReadTx, WriteTx, audit, mappings, members, scim_groups, scim_users};

/// Of the names that role mappings may know a group by those that they know, and which of these give a role.
pub(super) fn known_names(all: &[RoleMapping], group: &ScimGroup) -> BTreeMap<String, bool> {
    let names = [Some(group.name.trim()), group.mapped_name.as_deref()];
    let of = |name: &str| {
        let mut mine = all.iter().filter(|one| one.on == Match::Group && one.value == name).peekable();
        mine.peek()?;
        Some((name.to_owned(), mine.any(|one| !one.roles.is_empty())))
    };
    names.into_iter().flatten().filter_map(of).collect()
}

/// Writes the group's own row, where anything changed. A group that mappings know keeps what it gives under its new name.
pub(super) fn write_row(
    tx: &WriteTx<'_>,
    caller: &ScimCaller,
    directory: &Directory,
    plan: &mut Plan,
    words: &mut Vec<String>,
) -> Result<()> {
    let (group, before) = (&mut plan.group, &plan.before);
    let name = fold(&group.name);
    let is_renamed = group.name != before.name;
    if (is_renamed || group.external_id != before.external_id)
        && scim_groups::is_taken(tx, directory, &name, group.external_id.as_deref(), Some(group.number))?
    {
        return Err(taken(&group.name));
    }
    if is_renamed {
        let known = before.mapped_name.clone().unwrap_or_else(|| before.name.clone());
        let is_known = mappings::list(tx, directory.id.as_str())?
            .iter()
            .any(|one| one.on == Match::Group && one.value == known.trim());
        let keeps = directory.is_enabled() && known.trim() != group.name.trim() && is_known;
        group.mapped_name = keeps.then(|| known.trim().to_owned());
        words.push(format!("Renamed {} to {}.", before.name, group.name));
        let event = NewEvent::new(Action::DirectoryGroupRenamed, Target::new("group", &group.id, &group.name)).change(
            "name",
            before.name.clone(),
            group.name.clone(),
        );
        let event = match &group.mapped_name {
            Some(kept) => event.level(Level::Warning).change("mapped_as", serde_json::Value::Null, kept.clone()),
            None => event,
        };
        audit::insert(tx, &caller.ctx, &event)?;
    }
    group.version += 1;
    group.modified_at = caller.ctx.now;
    scim_groups::update(tx, group, &name)?;
    Ok(())
}

pub(super) fn taken(name: &str) -> Error {
    scim(ErrorKind::Uniqueness, format!("There is a group named {name} with the same externalId in this directory."))
}

/// What members gain and lose by the change of a group, each of them at once.
pub(super) fn bring(
    tx: &WriteTx<'_>,
    caller: &ScimCaller,
    directory: &Directory,
    numbers: impl Iterator<Item = i64>,
    words: &mut Vec<String>,
) -> Result<()> {
    if !directory.is_enabled() {
        return Ok(());
    }
    for number in numbers {
        let Some(user) = scim_users::find_by_number(tx, number)? else { continue };
        let Some(id) = &user.member else { continue };
        let Some(mut member) = members::find(tx, &directory.organization, id)? else { continue };
        words.extend(directory_grants::refresh(tx, &caller.ctx, directory, &mut member)?);
    }
    Ok(())
}

pub(super) fn begin_run(tx: &WriteTx<'_>, caller: &ScimCaller, directory: &Directory) -> Result<()> {
    if directory.is_enabled() {
        begin(tx, &caller.ctx, directory)?;
    }
    Ok(())
}

pub(super) fn count_words(group: &str, delta: &Delta, words: &mut Vec<String>) {
    let people = |n: usize| if n == 1 { "1 person".to_owned() } else { format!("{n} people") };
    if !delta.add.is_empty() {
        words.push(format!("Added {} to {group}.", people(delta.add.len())));
    }
    if !delta.remove.is_empty() {
        words.push(format!("Took {} out of {group}.", people(delta.remove.len())));
    }
}

/// What one try of a change came to.
pub(super) enum Tried {
    Done {
        group: Box<ScimGroup>,
        words: Vec<String>,
        runs_on: bool,
    },
    /// Too large for one write.
    Large,
}

pub(super) fn write(tx: &WriteTx<'_>, caller: &ScimCaller, directory: &Directory, mut plan: Plan) -> Result<Tried> {
    let mut words = Vec::new();
    let is_changed = plan.delta.len() > 0
        || plan.group.name != plan.before.name
        || plan.group.external_id != plan.before.external_id;
    if !is_changed {
        let words = vec!["Nothing changed.".to_owned()];
        return Ok(Tried::Done { group: Box::new(plan.group), words, runs_on: false });
    }
    write_row(tx, caller, directory, &mut plan, &mut words)?;
    for number in &plan.delta.remove {
        scim_groups::delete_member(tx, plan.group.member_set, *number)?;
    }
    scim_groups::insert_members(tx, plan.group.member_set, &plan.delta.add)?;
    count_words(&plan.group.name, &plan.delta, &mut words);
    bring(tx, caller, directory, plan.delta.add.iter().chain(&plan.delta.remove).copied(), &mut words)?;
    let runs_on = follow_names(tx, caller, directory, &plan)?;
    Ok(Tried::Done { group: Box::new(plan.group), words, runs_on })
}

/// A group that mappings know by other names than before gives everybody in it something else.
pub(super) fn follow_names(tx: &WriteTx<'_>, caller: &ScimCaller, directory: &Directory, plan: &Plan) -> Result<bool> {
    if !directory.is_enabled() || plan.group.name == plan.before.name {
        return Ok(false);
    }
    let all = mappings::list(tx, directory.id.as_str())?;
    let (before, after) = (known_names(&all, &plan.before), known_names(&all, &plan.group));
    if before.keys().eq(after.keys()) {
        return Ok(false);
    }
    if before.iter().any(|(name, gives_role)| *gives_role && !after.contains_key(name)) {
        let people = scim_groups::count_members(tx, plan.group.member_set)?;
        guard::note_losses(tx, &caller.ctx, directory, plan.group.id.as_str(), people as usize)?;
    }
    begin_run(tx, caller, directory)?;
    Ok(true)
}

/// Whether whoever leaves the group may lose a role.
pub(super) fn gives_roles(tx: &ReadTx<'_>, directory: &Directory, group: &ScimGroup) -> Result<bool> {
    let all = mappings::list(tx, directory.id.as_str())?;
    Ok(known_names(&all, group).values().any(|gives_role| *gives_role))
}
