//! PATCH of a group becomes a list of changes, never a document: members are a table, and with 100,000 of them adding
//! one must cost what it costs with ten.

use std::collections::HashSet;

use serde_json::Value;
use serde_json::value::RawValue;

use super::error::Error;
use super::filter::Comparison;
use super::filter::Filter;
use super::filter::Operator;
use super::group::Member;
use super::group::members;
use super::merge;
use super::patch;
use super::patch::Op;
use super::path::AttributePath;
use super::path::Path;
use super::quirks::Quirk;
use super::quirks::Quirks;
use super::schema::Schemas;
use super::value;
use super::wire;
use super::wire::Key;

/// One change, in the order of the body. A member that is already there, or is not there to be removed, is no error and
/// no change; an id that no resource has is one (invalidValue), and then nothing of the body may stay.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupChange {
    Rename(String),
    SetExternalId(Option<String>),
    AddMembers(Vec<Member>),
    RemoveMembers(Vec<String>),
    /// The members afterwards are these.
    ReplaceMembers(Vec<Member>),
    RemoveAllMembers,
    /// The members that meet the filter go. It is on the sub-attributes of `members` and has to be asked of each:
    /// `filter.matches` of a member as it is written out.
    RemoveMembersWhere(Filter),
    /// The members that meet the filter give way to these; noTarget if none does.
    ReplaceMembersWhere {
        filter: Filter,
        by: Vec<Member>,
    },
}

/// Conditions on members that are more than ids, in one body: each has to be asked of every member.
pub const MAX_CONDITIONS: usize = 100;

/// Reads the body. Linear in its length, whatever the filters and lists in it.
pub fn parse(body: &[u8], schemas: &Schemas, quirks: &mut Quirks) -> Result<Vec<GroupChange>, Error> {
    let mut changes = Changes::default();
    for operation in wire::operations(body, quirks)? {
        match &operation.path {
            Some(path) => {
                let path = Path::parse(path, &schemas.group, quirks)?;
                refuse(operation.op, &path)?;
                changes.read(operation.op, path, operation.value, quirks)?;
            }
            None => changes.pathless(operation.op, operation.value, schemas, quirks)?,
        }
    }
    let asked: usize = changes.0.iter().map(|change| change.conditions()).sum();
    if asked > MAX_CONDITIONS {
        return Err(Error::value(format!(
            "The filters have more than {MAX_CONDITIONS} conditions. Name the members by value."
        )));
    }
    Ok(changes.merged(quirks))
}

impl GroupChange {
    fn conditions(&self) -> usize {
        match self {
            Self::RemoveMembersWhere(filter) | Self::ReplaceMembersWhere { filter, .. } => filter.size(),
            _ => 0,
        }
    }
}

fn refuse(op: Op, path: &Path) -> Result<(), Error> {
    let (Path::Attribute(path) | Path::Elements { path, .. }) = path else { return Ok(()) };
    patch::refuse_read_only(path)?;
    if op == Op::Remove && path.is("displayName", None) {
        return Err(Error::mutability("displayName is required and cannot be removed."));
    }
    if path.sub.as_ref().is_some_and(|sub| sub.name != "value") {
        return Err(Error::mutability(format!("{path} cannot be changed. Remove the member and add it again.")));
    }
    Ok(())
}

#[derive(Default)]
struct Changes(Vec<GroupChange>);

impl Changes {
    fn pathless(
        &mut self,
        op: Op,
        raw: Option<&RawValue>,
        schemas: &Schemas,
        quirks: &mut Quirks,
    ) -> Result<(), Error> {
        if op == Op::Remove {
            return Err(Error::no_target("A remove operation has to say in path what it removes."));
        }
        let raw = raw.map_or("null", RawValue::get);
        let objects: Vec<Keys<'_>> = if raw.starts_with('[') {
            quirks.note(Quirk::PathlessArray);
            serde_json::from_str(raw)
        } else {
            serde_json::from_str(raw).map(|one| vec![one])
        }
        .map_err(|_| Error::value("An operation without path needs an object of attributes as its value."))?;
        for Keys(object) in objects {
            for (key, raw) in object {
                match merge::target(&key, &schemas.group, quirks) {
                    Some(Path::Attribute(path)) if path.attribute.is_read_only() => quirks.note(Quirk::ReadOnlyInPatch),
                    // Serializers write null for members they did not load: as in PUT, nothing is said of them.
                    Some(Path::Attribute(path)) if path.attribute.name == "members" && raw.get() == "null" => {}
                    Some(path) => self.read(op, path, Some(raw).filter(|raw| raw.get() != "null"), quirks)?,
                    None => quirks.note(Quirk::UnknownAttribute),
                }
            }
        }
        Ok(())
    }

    fn read(&mut self, op: Op, path: Path, raw: Option<&RawValue>, quirks: &mut Quirks) -> Result<(), Error> {
        match path {
            Path::Resource | Path::Extension(_) | Path::Password => Ok(()),
            Path::Attribute(path) if path.attribute.name == "members" => self.members(op, raw, quirks),
            Path::Attribute(path) => self.plain(op, &path, raw, quirks),
            Path::Elements { path, filter } if path.attribute.name == "members" => self.chosen(op, filter, raw, quirks),
            Path::Elements { path, .. } => Err(Error::path(format!("{path} has no elements to choose from."))),
        }
    }

    fn plain(
        &mut self,
        op: Op,
        path: &AttributePath,
        raw: Option<&RawValue>,
        quirks: &mut Quirks,
    ) -> Result<(), Error> {
        if path.attribute.name == "schemas" {
            return Ok(());
        }
        let sent = match raw {
            Some(raw) if op != Op::Remove => value::fit(&path.attribute, patch::value(raw)?, quirks)?,
            _ => None,
        };
        let text = match sent {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        match &*path.attribute.name {
            "displayName" => self.0.push(GroupChange::Rename(super::group::display_name(text)?)),
            "externalId" => {
                self.0.push(GroupChange::SetExternalId(super::group::external_id(text)?));
            }
            _ => {}
        }
        Ok(())
    }

    fn members(&mut self, op: Op, raw: Option<&RawValue>, quirks: &mut Quirks) -> Result<(), Error> {
        let Some(raw) = raw else {
            self.0.extend(match op {
                Op::Add => None,
                Op::Replace => Some(GroupChange::ReplaceMembers(Vec::new())),
                Op::Remove => Some(GroupChange::RemoveAllMembers),
            });
            return Ok(());
        };
        let list = members(raw.get(), quirks)?;
        self.0.push(match op {
            Op::Add => GroupChange::AddMembers(list),
            Op::Replace => GroupChange::ReplaceMembers(list),
            // Trap 1: what is listed goes, and nothing else. An empty list lists nothing.
            Op::Remove => {
                quirks.note(Quirk::RemoveWithValue);
                GroupChange::RemoveMembers(list.into_iter().map(|member| member.id).collect())
            }
        });
        Ok(())
    }

    fn chosen(&mut self, op: Op, filter: Filter, raw: Option<&RawValue>, quirks: &mut Quirks) -> Result<(), Error> {
        if op == Op::Remove {
            if raw.is_some() {
                quirks.note(Quirk::IgnoredRemoveValue);
            }
            self.0.push(match ids(&filter) {
                Some(ids) => GroupChange::RemoveMembers(ids),
                None => GroupChange::RemoveMembersWhere(filter),
            });
            return Ok(());
        }
        let raw = raw.ok_or_else(|| Error::value("The operation has no value."))?;
        self.0.push(GroupChange::ReplaceMembersWhere { filter, by: members(raw.get(), quirks)? });
        Ok(())
    }

    /// Neighbours of a kind become one, so that an operation for each member costs no more than a list; members that
    /// are listed twice are listed once.
    fn merged(self, quirks: &mut Quirks) -> Vec<GroupChange> {
        let mut merged: Vec<GroupChange> = Vec::with_capacity(self.0.len());
        for change in self.0 {
            match (merged.last_mut(), change) {
                (
                    Some(GroupChange::AddMembers(all) | GroupChange::ReplaceMembers(all)),
                    GroupChange::AddMembers(more),
                ) => {
                    all.extend(more);
                }
                (Some(GroupChange::RemoveMembers(all)), GroupChange::RemoveMembers(more)) => all.extend(more),
                (_, change) => merged.push(change),
            }
        }
        for change in &mut merged {
            match change {
                GroupChange::AddMembers(all) | GroupChange::ReplaceMembers(all) => once_each(all, quirks),
                GroupChange::RemoveMembers(all) => {
                    let mut seen = HashSet::with_capacity(all.len());
                    all.retain(|id| seen.insert(id.clone()));
                }
                _ => {}
            }
        }
        merged.retain(|change| {
            !matches!(change, GroupChange::AddMembers(all) if all.is_empty())
                && !matches!(change, GroupChange::RemoveMembers(all) if all.is_empty())
        });
        merged
    }
}

pub(super) fn once_each(members: &mut Vec<Member>, quirks: &mut Quirks) {
    let count = members.len();
    let mut seen = HashSet::with_capacity(count);
    let keep: Vec<bool> = members.iter().map(|member| seen.insert(member.id.as_str())).collect();
    if keep.iter().all(|keep| *keep) {
        return;
    }
    quirks.note(Quirk::RepeatedMember);
    let mut keep = keep.into_iter();
    members.retain(|_| keep.next().unwrap_or(true));
}

/// The ids, if the filter is `value eq "…"` or several of these joined by `or`.
fn ids(filter: &Filter) -> Option<Vec<String>> {
    let terms = match filter {
        Filter::Or(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    terms
        .iter()
        .map(|term| match term {
            Filter::Compare(Comparison { path, operator: Operator::Equal, literal })
                if path.attribute.name == "value" =>
            {
                literal.form().map(str::to_owned)
            }
            _ => None,
        })
        .collect()
}

/// An object whose values stay unread.
struct Keys<'b>(Vec<(String, &'b RawValue)>);

impl<'de: 'b, 'b> serde::Deserialize<'de> for Keys<'b> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeysVisitor;
        impl<'de> serde::de::Visitor<'de> for KeysVisitor {
            type Value = Keys<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Keys<'de>, A::Error> {
                let mut keys = Vec::new();
                while let Some(Key(key)) = map.next_key::<Key<'de>>()? {
                    keys.push((key.into_owned(), map.next_value()?));
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(KeysVisitor)
    }
}
