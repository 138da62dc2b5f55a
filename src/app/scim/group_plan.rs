//! What a change of a group comes to, before anything is written: its new name, and whom it adds and takes out. Only where the
//! change asks for it are all members read.

use std::collections::{BTreeMap, BTreeSet};

use super::scim;
use crate::app::error::Result;
use crate::model::directory::Directory;
use crate::model::id::ScimUserId;
use crate::model::scim::ScimGroup;
use crate::scim::ErrorKind;
use crate::scim::filter::Filter;
use crate::scim::group::Member;
use crate::scim::group_patch::GroupChange;
use crate::store::{ReadTx, scim_groups, scim_users};

/// Members that a change may touch within one write.
pub(super) const AT_ONCE: usize = 200;
/// Members that are read together.
pub(super) const PAGE: u32 = 5000;

/// The numbers of these users. One that is not the directory's refuses all: a member must not appear later out of nothing.
pub(super) fn resolve(tx: &ReadTx<'_>, directory: &Directory, ids: &[&str], is_strict: bool) -> Result<Vec<i64>> {
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

pub(super) fn ids(members: &[Member]) -> Vec<&str> {
    members.iter().map(|member| member.id.as_str()).collect()
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

/// Members to come and to go.
#[derive(Debug, Default, Clone)]
pub(super) struct Delta {
    pub add: Vec<i64>,
    pub remove: Vec<i64>,
}

impl Delta {
    pub fn len(&self) -> usize {
        self.add.len() + self.remove.len()
    }
}

/// The group after the changes, and how its members differ.
pub(super) struct Plan {
    pub group: ScimGroup,
    pub before: ScimGroup,
    /// All members afterwards, where the changes were worked out on all of them.
    pub all: Option<BTreeSet<i64>>,
    pub delta: Delta,
}

/// What becomes of the group. Without `whole`, changes that need every member of a large group are left to be worked out where
/// nobody waits: then there is no plan.
pub(super) fn plan(
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
        filter: &Filter,
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
