//! `/Groups`. A change is a few rows, whatever the size of the group. One that is large is written beside the group's rows in
//! steps and takes their place at once, so that nobody waits for it and nobody sees half of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Edited, Note, ScimCaller, Shown, not_found, require_open, scim};
use crate::app::App;
use crate::app::error::{Error, Result};
use crate::app::{directory_grants, guard};
use crate::model::audit::{Action, Level, NewEvent, Target};
use crate::model::directory::Directory;
use crate::model::id::{GroupId, ScimUserId};
use crate::model::mapping::{Match, RoleMapping};
use crate::model::run::{Run, Subject};
use crate::model::scim::ScimGroup;
use crate::scim::group::{self, Group, Member, MemberRow, Row};
use crate::scim::group_patch::{self, GroupChange};
use crate::scim::list::ListRequest;
use crate::scim::project::Projection;
use crate::scim::resource::{Meta, Versions};
use crate::scim::schema::fold;
use crate::scim::{ErrorKind, Kind, Schemas};
use crate::store::{ReadTx, WriteTx, audit, mappings, members, runs, scim_groups, scim_users};

/// Members that a change may touch within one write.
const AT_ONCE: usize = 200;
/// Rows of a large change that one write takes.
const STEP: usize = 2000;
/// Members that are read together.
const PAGE: u32 = 5000;
/// A large change is worked out anew so many times where others change the group meanwhile.
const TRIES: usize = 5;

fn parse_id(text: &str) -> Result<GroupId> {
    text.parse().map_err(|_| not_found())
}

pub(super) fn find(tx: &ReadTx<'_>, directory: &Directory, id: &GroupId) -> Result<ScimGroup> {
    scim_groups::find(tx, directory, id)?.ok_or_else(not_found)
}

/// The numbers of these users. One that is not the directory's refuses all: a member must not appear later out of nothing.
fn resolve(tx: &ReadTx<'_>, directory: &Directory, ids: &[&str], is_strict: bool) -> Result<Vec<i64>> {
    let parsed: Vec<ScimUserId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    let found = scim_groups::find_users(tx, directory, &parsed)?;
    if is_strict && found.len() < ids.len() {
        let known: BTreeSet<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
        let missing = ids.iter().find(|id| !known.contains(*id)).copied().unwrap_or_default();
        let missing: String = missing.chars().filter(|c| !c.is_control()).take(80).collect();
        let text =
            format!("The member {missing} is no user of this directory, so nothing was changed. Push the user first.");
        return Err(scim(ErrorKind::InvalidValue, text));
    }
    Ok(found.into_iter().map(|(_, number)| number).collect())
}

fn ids(members: &[Member]) -> Vec<&str> {
    members.iter().map(|member| member.id.as_str()).collect()
}

fn meta<'a>(caller: &'a ScimCaller, group: &'a ScimGroup) -> Meta<'a> {
    Meta {
        base: &caller.base,
        id: group.id.as_str(),
        created: group.created_at,
        last_modified: group.modified_at,
        version: group.version,
    }
}

pub(super) fn render(
    tx: &ReadTx<'_>,
    caller: &ScimCaller,
    schemas: &Schemas,
    group: &ScimGroup,
    projection: &Projection,
) -> Result<String> {
    let meta = meta(caller, group);
    let rows = match projection.excludes_members() {
        true => None,
        false => Some(list_members(tx, group.member_set)?),
    };
    let rows = rows.as_ref().map(|rows| rows.iter().map(|id| MemberRow { id, kind: Kind::User, display: None }));
    let mut out = String::new();
    let row = Row { display_name: &group.name, external_id: group.external_id.as_deref() };
    group::write(&mut out, row, &meta, rows);
    if projection.is_default() || projection.is_splice() {
        return Ok(out);
    }
    let whole = serde_json::from_str(&out).map_err(Error::internal)?;
    Ok(projection.apply(whole, &schemas.group).to_string())
}

fn list_members(tx: &ReadTx<'_>, set: i64) -> Result<Vec<String>> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = scim_groups::list_members(tx, set, after, PAGE)?;
        let Some((last, ..)) = page.last() else { return Ok(all) };
        after = *last;
        all.extend(page.into_iter().map(|(_, id, _)| id));
    }
}

fn list_numbers(tx: &ReadTx<'_>, set: i64) -> Result<BTreeSet<i64>> {
    let (mut all, mut after) = (BTreeSet::new(), 0);
    loop {
        let page = scim_groups::list_numbers(tx, set, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(all) };
        after = *last;
        all.extend(page);
    }
}

fn show(
    tx: &ReadTx<'_>,
    caller: &ScimCaller,
    schemas: &Schemas,
    group: &ScimGroup,
    projection: &Projection,
) -> Result<Shown> {
    Ok(Shown {
        text: render(tx, caller, schemas, group, projection)?,
        location: meta(caller, group).location(Kind::Group),
        version: group.version,
    })
}

/// Members to come and to go.
#[derive(Debug, Default, Clone)]
struct Delta {
    add: Vec<i64>,
    remove: Vec<i64>,
}

impl Delta {
    fn len(&self) -> usize {
        self.add.len() + self.remove.len()
    }
}

/// The group after the changes, and how its members differ.
struct Plan {
    group: ScimGroup,
    before: ScimGroup,
    /// All members afterwards, where the changes were worked out on all of them.
    all: Option<BTreeSet<i64>>,
    delta: Delta,
}

/// What becomes of the group. Without `whole`, changes that need every member of a large group are left to be worked out where
/// nobody waits: then there is no plan.
fn plan(
    tx: &ReadTx<'_>,
    directory: &Directory,
    before: ScimGroup,
    changes: &[GroupChange],
    whole: bool,
) -> Result<Option<Plan>> {
    let mut group = before.clone();
    let touches_all = |change: &GroupChange| {
        matches!(
            change,
            GroupChange::ReplaceMembers(_)
                | GroupChange::RemoveAllMembers
                | GroupChange::RemoveMembersWhere(_)
                | GroupChange::ReplaceMembersWhere { .. }
        )
    };
    let named: usize = changes
        .iter()
        .map(|change| match change {
            GroupChange::AddMembers(all) | GroupChange::ReplaceMembers(all) => all.len(),
            GroupChange::ReplaceMembersWhere { by, .. } => by.len(),
            GroupChange::RemoveMembers(all) => all.len(),
            _ => 0,
        })
        .sum();
    let needs_all = changes.iter().any(touches_all);
    if !whole {
        let is_large = named > AT_ONCE
            || (needs_all && scim_groups::list_numbers(tx, before.member_set, 0, AT_ONCE as u32 + 1)?.len() > AT_ONCE);
        if is_large {
            return Ok(None);
        }
    }
    let old = match whole || needs_all {
        true => Some(list_numbers(tx, before.member_set)?),
        false => None,
    };
    let mut all = old.clone();
    let (mut few, mut ids_of) = (Few::default(), Ids::default());
    for change in changes {
        match change {
            GroupChange::Rename(name) => group.name.clone_from(name),
            GroupChange::SetExternalId(id) => group.external_id.clone_from(id),
            GroupChange::AddMembers(more) => {
                let more = resolve(tx, directory, &ids(more), true)?;
                few.add(all.as_mut(), more);
            }
            GroupChange::RemoveMembers(gone) => {
                let gone = resolve(tx, directory, &gone.iter().map(String::as_str).collect::<Vec<_>>(), false)?;
                few.remove(all.as_mut(), gone);
            }
            GroupChange::ReplaceMembers(list) => {
                all = Some(resolve(tx, directory, &ids(list), true)?.into_iter().collect());
            }
            GroupChange::RemoveAllMembers => all = Some(BTreeSet::new()),
            GroupChange::RemoveMembersWhere(filter) => {
                let met = ids_of.matching(tx, before.member_set, all.as_ref(), filter)?;
                few.remove(all.as_mut(), met);
            }
            GroupChange::ReplaceMembersWhere { filter, by } => {
                let met = ids_of.matching(tx, before.member_set, all.as_ref(), filter)?;
                if met.is_empty() {
                    return Err(scim(ErrorKind::NoTarget, "No member of the group meets the filter."));
                }
                few.remove(all.as_mut(), met);
                let more = resolve(tx, directory, &ids(by), true)?;
                few.add(all.as_mut(), more);
            }
        }
    }
    let delta = match (&old, &all) {
        (Some(old), Some(new)) => {
            Delta { add: new.difference(old).copied().collect(), remove: old.difference(new).copied().collect() }
        }
        _ => few.delta(tx, before.member_set)?,
    };
    Ok(Some(Plan { group, before, all, delta }))
}

/// Changes of some members, in their order, where the others need not be known.
#[derive(Default)]
struct Few(BTreeMap<i64, bool>);

impl Few {
    fn add(&mut self, all: Option<&mut BTreeSet<i64>>, numbers: Vec<i64>) {
        match all {
            Some(all) => all.extend(numbers),
            None => self.0.extend(numbers.into_iter().map(|number| (number, true))),
        }
    }

    fn remove(&mut self, all: Option<&mut BTreeSet<i64>>, numbers: Vec<i64>) {
        match all {
            Some(all) => numbers.iter().for_each(|number| {
                all.remove(number);
            }),
            None => self.0.extend(numbers.into_iter().map(|number| (number, false))),
        }
    }

    /// What really changes.
    fn delta(self, tx: &ReadTx<'_>, set: i64) -> Result<Delta> {
        let mut delta = Delta::default();
        for (number, is_member) in self.0 {
            let was_member = scim_groups::list_numbers(tx, set, number - 1, 1)?.first() == Some(&number);
            match (was_member, is_member) {
                (false, true) => delta.add.push(number),
                (true, false) => delta.remove.push(number),
                _ => {}
            }
        }
        Ok(delta)
    }
}

/// The ids of the members, read once for all filters of a PATCH.
#[derive(Default)]
struct Ids(Option<BTreeMap<i64, String>>);

impl Ids {
    fn read(&mut self, tx: &ReadTx<'_>, set: i64) -> Result<&BTreeMap<i64, String>> {
        if self.0.is_none() {
            let (mut all, mut after) = (BTreeMap::new(), 0);
            loop {
                let page = scim_groups::list_members(tx, set, after, PAGE)?;
                let Some((last, ..)) = page.last() else { break };
                after = *last;
                all.extend(page.into_iter().map(|(number, id, _)| (number, id)));
            }
            self.0 = Some(all);
        }
        Ok(self.0.get_or_insert_default())
    }

    /// The members that meet a filter, as they are written out; those that came by the same PATCH are looked for one by one.
    fn matching(
        &mut self,
        tx: &ReadTx<'_>,
        set: i64,
        all: Option<&BTreeSet<i64>>,
        filter: &crate::scim::filter::Filter,
    ) -> Result<Vec<i64>> {
        let known = self.read(tx, set)?;
        let mut met = Vec::new();
        for number in all.into_iter().flatten() {
            let fresh;
            let id = match known.get(number) {
                Some(id) => id,
                None => {
                    let Some(user) = scim_users::find_by_number(tx, *number)? else { continue };
                    fresh = user.id.to_string();
                    &fresh
                }
            };
            if filter.matches(&serde_json::json!({"value": id, "type": "User"})) {
                met.push(*number);
            }
        }
        Ok(met)
    }
}

/// Of the names that role mappings may know a group by those that they know, and which of these give a role.
fn known_names(all: &[RoleMapping], group: &ScimGroup) -> BTreeMap<String, bool> {
    let names = [Some(group.name.trim()), group.mapped_name.as_deref()];
    let of = |name: &str| {
        let mut mine = all.iter().filter(|one| one.on == Match::Group && one.value == name).peekable();
        mine.peek()?;
        Some((name.to_owned(), mine.any(|one| !one.roles.is_empty())))
    };
    names.into_iter().flatten().filter_map(of).collect()
}

/// Writes the group's own row, where anything changed. A group that mappings know keeps what it gives under its new name.
fn write_row(
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

fn taken(name: &str) -> Error {
    scim(ErrorKind::Uniqueness, format!("There is a group named {name} with the same externalId in this directory."))
}

/// What members gain and lose by the change of a group, each of them at once.
fn bring(
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

fn begin_run(tx: &WriteTx<'_>, caller: &ScimCaller, directory: &Directory) -> Result<()> {
    if directory.is_enabled() {
        let subject = Subject::Directory(directory.id.clone());
        let (now, number) = (caller.ctx.now, scim_groups::new_set(tx, directory, caller.ctx.now)?);
        runs::put(tx, &Run::new(&directory.organization, subject, number, now))?;
    }
    Ok(())
}

fn count_words(group: &str, delta: &Delta, words: &mut Vec<String>) {
    let people = |n: usize| if n == 1 { "1 person".to_owned() } else { format!("{n} people") };
    if !delta.add.is_empty() {
        words.push(format!("Added {} to {group}.", people(delta.add.len())));
    }
    if !delta.remove.is_empty() {
        words.push(format!("Took {} out of {group}.", people(delta.remove.len())));
    }
}

/// What one try of a change came to.
enum Tried {
    Done {
        group: Box<ScimGroup>,
        words: Vec<String>,
        runs_on: bool,
    },
    /// Too large for one write.
    Large,
}

/// The whole change in one write.
fn apply(
    tx: &WriteTx<'_>,
    caller: &ScimCaller,
    directory: &Directory,
    id: &GroupId,
    changes: &[GroupChange],
    expected: Option<&Versions>,
) -> Result<Tried> {
    let before = find(tx, directory, id)?;
    if let Some(expected) = expected {
        expected.require(before.version)?;
    }
    let Some(plan) = plan(tx, directory, before, changes, false)? else { return Ok(Tried::Large) };
    write(tx, caller, directory, plan)
}

fn write(tx: &WriteTx<'_>, caller: &ScimCaller, directory: &Directory, mut plan: Plan) -> Result<Tried> {
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
fn follow_names(tx: &WriteTx<'_>, caller: &ScimCaller, directory: &Directory, plan: &Plan) -> Result<bool> {
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

impl App {
    pub async fn scim_group(
        &self,
        caller: &ScimCaller,
        id: &str,
        request: &ListRequest,
        note: &mut Note,
    ) -> Result<Shown> {
        let (id, schemas, caller) = (parse_id(id)?, Arc::clone(&caller.schemas), caller.clone());
        let projection = request.projection(&schemas.group);
        let read = move |tx: &ReadTx<'_>| {
            let directory = require_open(tx, &caller)?;
            let group = find(tx, &directory, &id)?;
            let shown = show(tx, &caller, &schemas, &group, &projection)?;
            Ok::<_, Error>((group, shown))
        };
        let (group, shown) = self.store.read(read).await?;
        name(note, &group);
        Ok(shown)
    }

    pub async fn create_scim_group(
        &self,
        caller: &ScimCaller,
        body: &[u8],
        request: &ListRequest,
        note: &mut Note,
    ) -> Result<Shown> {
        let schemas = Arc::clone(&caller.schemas);
        let sent = Group::parse(body, &schemas, &mut note.quirks)?;
        note.who = Some(sent.display_name.clone());
        let list = sent.members.clone().unwrap_or_default();
        let staged = match list.len() > AT_ONCE {
            true => {
                let (owned, list) = (caller.clone(), list.clone());
                let read = move |tx: &ReadTx<'_>| resolve(tx, &require_open(tx, &owned)?, &ids(&list), true);
                let all: BTreeSet<i64> = self.store.read_slowly(read).await?.into_iter().collect();
                Some((self.stage(caller, &all).await?, all.len()))
            }
            false => None,
        };
        let owned = caller.clone();
        let first = if staged.is_some() { Vec::new() } else { list };
        let work = move |tx: &WriteTx<'_>, directory: &Directory| {
            let norm = fold(&sent.display_name);
            if scim_groups::is_taken(tx, directory, &norm, sent.external_id.as_deref(), None)? {
                return Err(taken(&sent.display_name));
            }
            let numbers = resolve(tx, directory, &ids(&first), true)?;
            let now = owned.ctx.now;
            let mut group = ScimGroup {
                number: 0,
                id: GroupId::new(),
                name: sent.display_name.clone(),
                mapped_name: None,
                external_id: sent.external_id.clone(),
                member_set: match staged {
                    Some((set, _)) => set,
                    None => scim_groups::new_set(tx, directory, now)?,
                },
                created_at: now,
                modified_at: now,
                version: 1,
            };
            scim_groups::insert(tx, directory, &mut group, &norm)?;
            let mut words = vec![format!("Made the group {}.", group.name)];
            for number in &numbers {
                scim_groups::insert_member(tx, group.member_set, *number)?;
            }
            count_words(&group.name, &Delta { add: numbers.clone(), remove: Vec::new() }, &mut words);
            match staged {
                Some((_, people)) => {
                    words.push(format!("Added {people} people to {}.", group.name));
                    begin_run(tx, &owned, directory)?;
                }
                None => bring(tx, &owned, directory, numbers.iter().copied(), &mut words)?,
            }
            Ok((group, words, staged.is_some() && directory.is_enabled()))
        };
        let (group, words, runs_on) = self.push(caller, work).await?;
        if runs_on {
            self.carry_on(caller);
        }
        note.words = words;
        name(note, &group);
        self.show_group(caller, group, request).await
    }

    pub async fn replace_scim_group(
        &self,
        caller: &ScimCaller,
        (id, body): (&str, &[u8]),
        request: &ListRequest,
        expected: Option<Versions>,
        note: &mut Note,
    ) -> Result<Shown> {
        let sent = Group::replacement(body, &caller.schemas, &mut note.quirks)?;
        let mut changes = vec![GroupChange::Rename(sent.display_name), GroupChange::SetExternalId(sent.external_id)];
        changes.extend(sent.members.map(GroupChange::ReplaceMembers));
        let group = self.change_scim_group(caller, parse_id(id)?, changes, expected, note).await?;
        self.show_group(caller, group, request).await
    }

    pub async fn patch_scim_group(
        &self,
        caller: &ScimCaller,
        (id, body): (&str, &[u8]),
        request: &ListRequest,
        expected: Option<Versions>,
        note: &mut Note,
    ) -> Result<Edited> {
        let schemas = Arc::clone(&caller.schemas);
        let changes = group_patch::parse(body, &schemas, &mut note.quirks)?;
        let group = self.change_scim_group(caller, parse_id(id)?, changes, expected, note).await?;
        let version = group.version;
        let shown = match request.projection(&schemas.group).has_attributes() {
            true => Some(self.show_group(caller, group, request).await?),
            false => None,
        };
        Ok(Edited { version, shown })
    }

    async fn show_group(&self, caller: &ScimCaller, group: ScimGroup, request: &ListRequest) -> Result<Shown> {
        let (schemas, caller) = (Arc::clone(&caller.schemas), caller.clone());
        let projection = request.projection(&schemas.group);
        self.store.read(move |tx| show(tx, &caller, &schemas, &group, &projection)).await
    }

    async fn change_scim_group(
        &self,
        caller: &ScimCaller,
        id: GroupId,
        changes: Vec<GroupChange>,
        expected: Option<Versions>,
        note: &mut Note,
    ) -> Result<ScimGroup> {
        let (owned, group_id, all, versions) = (caller.clone(), id.clone(), changes.clone(), expected.clone());
        let work = move |tx: &WriteTx<'_>, directory: &Directory| {
            apply(tx, &owned, directory, &group_id, &all, versions.as_ref())
        };
        let tried = self.push(caller, work).await?;
        let (group, words, runs_on) = match tried {
            Tried::Done { group, words, runs_on } => (*group, words, runs_on),
            Tried::Large => self.change_large_group(caller, &id, &changes, expected).await?,
        };
        if runs_on {
            self.carry_on(caller);
        }
        name(note, &group);
        note.words.extend(words);
        Ok(group)
    }

    /// Brings everybody of the directory up to date, behind the answer.
    fn carry_on(&self, caller: &ScimCaller) {
        let subject = Subject::Directory(caller.directory.id.clone());
        self.begin_run_behind(&crate::app::setup::system(&caller.ctx.organization, caller.ctx.now), subject);
    }

    async fn change_large_group(
        &self,
        caller: &ScimCaller,
        id: &GroupId,
        changes: &[GroupChange],
        expected: Option<Versions>,
    ) -> Result<(ScimGroup, Vec<String>, bool)> {
        for _ in 0..TRIES {
            let (owned, group_id, all, versions) = (caller.clone(), id.clone(), changes.to_vec(), expected.clone());
            let read = move |tx: &ReadTx<'_>| {
                let directory = require_open(tx, &owned)?;
                let before = find(tx, &directory, &group_id)?;
                if let Some(versions) = &versions {
                    versions.require(before.version)?;
                }
                plan(tx, &directory, before, &all, true)?.ok_or(Error::Changed)
            };
            let plan = self.store.read_slowly(read).await?;
            let set = match (&plan.all, plan.delta.len() > AT_ONCE) {
                (Some(all), true) => Some(self.stage(caller, all).await?),
                _ => None,
            };
            if let Some(done) = self.flip(caller, plan, set).await? {
                return Ok(done);
            }
        }
        let text = "Others change this group all the time, so nothing was changed. Send it again.";
        Err(scim(ErrorKind::PreconditionFailed, text))
    }

    /// Writes these members into a set of their own, in steps that others pass by.
    async fn stage(&self, caller: &ScimCaller, all: &BTreeSet<i64>) -> Result<i64> {
        let now = caller.ctx.now;
        let set = self.push(caller, move |tx, directory| Ok(scim_groups::new_set(tx, directory, now)?)).await?;
        let numbers: Vec<i64> = all.iter().copied().collect();
        for some in numbers.chunks(STEP).map(<[_]>::to_vec) {
            self.push(caller, move |tx, _| Ok(scim_groups::insert_members(tx, set, &some)?)).await?;
        }
        Ok(set)
    }

    /// The change takes effect, unless the group was changed since it was worked out.
    async fn flip(
        &self,
        caller: &ScimCaller,
        plan: Plan,
        set: Option<i64>,
    ) -> Result<Option<(ScimGroup, Vec<String>, bool)>> {
        let (owned, plan) = (caller.clone(), Arc::new(plan));
        let work = move |tx: &WriteTx<'_>, directory: &Directory| {
            let current = find(tx, directory, &plan.before.id)?;
            if current.version != plan.before.version {
                return Ok(None);
            }
            let mut next = Plan { group: plan.group.clone(), before: current, all: None, delta: plan.delta.clone() };
            let Some(set) = set else { return write(tx, &owned, directory, next).map(Some) };
            if directory.is_enabled() && gives_roles(tx, directory, &next.before)? {
                let change = format!("{} {}", next.before.id, owned.ctx.request_id);
                guard::note_losses(tx, &owned.ctx, directory, &change, next.delta.remove.len())?;
            }
            next.group.member_set = set;
            let mut words = Vec::new();
            write_row(tx, &owned, directory, &mut next, &mut words)?;
            count_words(&next.group.name, &next.delta, &mut words);
            begin_run(tx, &owned, directory)?;
            Ok(Some(Tried::Done { group: Box::new(next.group), words, runs_on: directory.is_enabled() }))
        };
        match self.push(caller, work).await? {
            Some(Tried::Done { group, words, runs_on }) => Ok(Some((*group, words, runs_on))),
            _ => Ok(None),
        }
    }

    pub async fn delete_scim_group(
        &self,
        caller: &ScimCaller,
        id: &str,
        expected: Option<Versions>,
        note: &mut Note,
    ) -> Result<()> {
        let (id, owned) = (parse_id(id)?, caller.clone());
        let work = move |tx: &WriteTx<'_>, directory: &Directory| {
            let group = find(tx, directory, &id)?;
            if let Some(expected) = &expected {
                expected.require(group.version)?;
            }
            let some = scim_groups::list_numbers(tx, group.member_set, 0, AT_ONCE as u32 + 1)?;
            let is_large = some.len() > AT_ONCE;
            if directory.is_enabled() && is_large && gives_roles(tx, directory, &group)? {
                let all = scim_groups::count_members(tx, group.member_set)?;
                guard::note_losses(tx, &owned.ctx, directory, group.id.as_str(), all as usize)?;
            }
            scim_groups::delete(tx, directory, &group)?;
            let mut words = vec![format!("Deleted the group {}.", group.name)];
            match is_large {
                true => begin_run(tx, &owned, directory)?,
                false => bring(tx, &owned, directory, some.into_iter(), &mut words)?,
            }
            Ok((group, words, is_large && directory.is_enabled()))
        };
        let (group, words, runs_on) = self.push(caller, work).await?;
        if runs_on {
            self.carry_on(caller);
        }
        name(note, &group);
        note.words = words;
        Ok(())
    }
}

/// Whether whoever leaves the group may lose a role.
fn gives_roles(tx: &ReadTx<'_>, directory: &Directory, group: &ScimGroup) -> Result<bool> {
    let all = mappings::list(tx, directory.id.as_str())?;
    Ok(known_names(&all, group).values().any(|gives_role| *gives_role))
}

fn name(note: &mut Note, group: &ScimGroup) {
    note.resource = Some(group.id.to_string());
    note.who = Some(group.name.clone());
}
