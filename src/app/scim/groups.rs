//! `/Groups`. A change is a few rows, whatever the size of the group. One that is large is written beside the group's rows in
//! steps and takes their place at once, so that nobody waits for it and nobody sees half of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::group_plan::{AT_ONCE, Delta, PAGE, Plan, ids, plan, resolve};
use super::group_write::{Tried, begin_run, bring, count_words, gives_roles, taken, write, write_row};
use super::{Body, Edited, Note, ScimCaller, Shown, not_found, require_open, scim, understand};
use crate::app::App;
use crate::app::error::{Error, Result};
use crate::app::guard;
use crate::model::directory::Directory;
use crate::model::id::GroupId;
use crate::model::run::Subject;
use crate::model::scim::ScimGroup;
use crate::scim::group::{self, Group, MemberRow, Row};
use crate::scim::group_patch::{self, GroupChange};
use crate::scim::list::ListRequest;
use crate::scim::project::Projection;
use crate::scim::resource::{Meta, Versions};
use crate::scim::schema::fold;
use crate::scim::{ErrorKind, Kind, Quirks, Schemas};
use crate::store::{ReadTx, WriteTx, scim_groups};

/// Rows of a large change that one write takes.
const STEP: usize = 2000;

/// They may name 100,000 members.
type Changes = Arc<Vec<GroupChange>>;

/// A large change is worked out anew so many times where others change the group meanwhile.
const TRIES: usize = 5;

fn parse_id(text: &str) -> Result<GroupId> {
    text.parse().map_err(|_| not_found())
}

pub(super) fn find(tx: &ReadTx<'_>, directory: &Directory, id: &GroupId) -> Result<ScimGroup> {
    scim_groups::find(tx, directory, id)?.ok_or_else(not_found)
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
        body: &Body,
        request: &ListRequest,
        note: &mut Note,
    ) -> Result<Shown> {
        let read = |body: &[u8], schemas: &Schemas, quirks: &mut Quirks| Ok(Group::parse(body, schemas, quirks)?);
        let mut sent = understand(caller, body, &mut note.quirks, read).await?;
        note.who = Some(sent.display_name.clone());
        let list = Arc::new(sent.members.take().unwrap_or_default());
        let staged = match list.len() > AT_ONCE {
            true => {
                let (owned, list) = (caller.clone(), Arc::clone(&list));
                let read = move |tx: &ReadTx<'_>| resolve(tx, &*require_open(tx, &owned)?, &ids(&list), true);
                let all: BTreeSet<i64> = self.store.read_slowly(read).await?.into_iter().collect();
                Some((self.stage(caller, &all).await?, all.len()))
            }
            false => None,
        };
        let owned = caller.clone();
        let first = if staged.is_some() { Arc::default() } else { list };
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
            scim_groups::insert_members(tx, group.member_set, &numbers)?;
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
        (id, body): (&str, &Body),
        request: &ListRequest,
        expected: Option<Versions>,
        note: &mut Note,
    ) -> Result<Shown> {
        let read = |body: &[u8], schemas: &Schemas, quirks: &mut Quirks| Ok(Group::replacement(body, schemas, quirks)?);
        let sent = understand(caller, body, &mut note.quirks, read).await?;
        let mut changes = vec![GroupChange::Rename(sent.display_name), GroupChange::SetExternalId(sent.external_id)];
        changes.extend(sent.members.map(GroupChange::ReplaceMembers));
        let group = self.change_scim_group(caller, parse_id(id)?, changes, expected, note).await?;
        self.show_group(caller, group, request).await
    }

    pub async fn patch_scim_group(
        &self,
        caller: &ScimCaller,
        (id, body): (&str, &Body),
        request: &ListRequest,
        expected: Option<Versions>,
        note: &mut Note,
    ) -> Result<Edited> {
        let schemas = Arc::clone(&caller.schemas);
        let read = |body: &[u8], schemas: &Schemas, quirks: &mut Quirks| Ok(group_patch::parse(body, schemas, quirks)?);
        let changes = understand(caller, body, &mut note.quirks, read).await?;
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
        let changes: Changes = Arc::new(changes);
        let (owned, group_id, all, versions) = (caller.clone(), id.clone(), Arc::clone(&changes), expected.clone());
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
        changes: &Changes,
        expected: Option<Versions>,
    ) -> Result<(ScimGroup, Vec<String>, bool)> {
        for _ in 0..TRIES {
            let (owned, group_id, all, versions) = (caller.clone(), id.clone(), Arc::clone(changes), expected.clone());
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

fn name(note: &mut Note, group: &ScimGroup) {
    note.resource = Some(group.id.to_string());
    note.who = Some(group.name.clone());
}
