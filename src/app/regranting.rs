//! What a change of role mappings, or the end of a connection, means for everybody: surveyed before it is saved, where nobody
//! waits, and brought to each member afterwards, in the steps of `runs.rs`. Looks at some members at a time, so that the memory
//! it takes does not grow with the company.

use std::collections::BTreeMap;

use crate::app::error::{Error, Result};
use crate::app::granting::{Difference, change, held_from, keep_last_admin, tell};
use crate::model::actor::Ctx;
use crate::model::connection::Connection;
use crate::model::id::MemberId;
use crate::model::mapping::{ByValue, Granted, RoleMapping, Sent};
use crate::model::member::Member;
use crate::model::role::{DefaultRole, LOCAL, Role};
use crate::model::run::Stage;
use crate::store::{ReadTx, WriteTx, mappings, members, roles, teams};

/// Members that are looked at together.
const PAGE: u32 = 200;
/// So many are named in a preview.
const MOST_NAMED: usize = 100;

const NO_ADMIN: &str = "After this nobody would have the Admin role. Give somebody Admin by hand first, or keep the mapping that gives it.";
const NO_OWNER: &str = "After this nobody would be an owner. Make somebody an owner by hand first.";

/// What values grant from now on; nothing at all where the connection ends.
pub(super) struct Rule<'a> {
    by_value: ByValue<'a>,
    /// What falls to whoever has no role any more, from anywhere.
    default: Option<Role>,
}

impl<'a> Rule<'a> {
    pub(super) fn of(connection: &Connection, mappings: Option<&'a [RoleMapping]>) -> Self {
        let settings = connection.live().or(connection.editable()).map(|revision| &revision.settings);
        let default = match settings.map(|settings| settings.default_role) {
            Some(DefaultRole::Role(role)) if mappings.is_some() => Some(role),
            _ => None,
        };
        Self { by_value: ByValue::new(mappings.unwrap_or_default()), default }
    }

    pub(super) fn gives_admin(&self) -> bool {
        self.by_value.all().any(Granted::has_admin)
    }

    fn granted(&self, sent: &[Sent]) -> Granted {
        let mut granted = Granted::default();
        sent.iter().filter_map(|sent| self.by_value.find(sent)).for_each(|found| granted.join(found));
        granted
    }

    /// Only who had a role by the connection falls back: what an admin took away does not come back by itself.
    fn fall_back(&self, connection: &Connection, member: &Member, before: &Granted, after: &mut Granted) {
        let has_other = member.roles.iter().any(|held| held.from != connection.id.as_str());
        if after.roles.is_empty() && !before.roles.is_empty() && !has_other {
            after.roles.extend(self.default.map(|role| role.slug().to_owned()));
        }
    }
}

/// Some members who have or get something by the connection.
pub(super) struct Page {
    pub members: BTreeMap<MemberId, Difference>,
    /// The last member that was looked at; none where nobody was left.
    pub last: Option<MemberId>,
}

/// The members behind `after`.
pub(super) fn page(tx: &ReadTx<'_>, connection: &Connection, rule: &Rule<'_>, after: &str) -> Result<Page> {
    let ids = members::list_ids(tx, &connection.organization, after, PAGE)?;
    let mut members: BTreeMap<MemberId, Difference> = BTreeMap::new();
    let Some(last) = ids.last() else { return Ok(Page { members, last: None }) };
    let (from, within) = (connection.id.as_str(), (after, last));
    for (member, role) in roles::list_of_source(tx, from, within)? {
        members.entry(member).or_default().before.roles.insert(role);
    }
    for (member, team) in teams::list_of_source(tx, from, within)? {
        members.entry(member).or_default().before.teams.insert(team);
    }
    for (member, tag) in teams::list_tags_of_source(tx, from, within)? {
        members.entry(member).or_default().before.tags.insert(tag);
    }
    for (member, sent) in mappings::list_sent_within(tx, connection.id.as_str(), within)? {
        if let Some(granted) = rule.by_value.find(&sent) {
            members.entry(member).or_default().after.join(granted);
        }
    }
    let lose_all = members.iter().filter(|(_, one)| one.after.roles.is_empty() && !one.before.roles.is_empty());
    let lose_all: Vec<MemberId> = lose_all.map(|(id, _)| id.clone()).collect();
    if rule.default.is_some() {
        for member in members::list_by_ids(tx, &connection.organization, &lose_all.iter().collect::<Vec<_>>())? {
            if let Some(one) = members.get_mut(&member.id) {
                let before = one.before.clone();
                rule.fall_back(connection, &member, &before, &mut one.after);
            }
        }
    }
    Ok(Page { members, last: Some(last.clone()) })
}

/// What a change would mean, at one version of the connection.
pub(super) struct Survey {
    pub version: i64,
    /// As they were checked.
    pub next: Vec<RoleMapping>,
    /// Members who gain or lose something.
    pub total: u64,
    /// The first of them.
    pub first: Vec<(MemberId, Difference)>,
    /// Whoever asks, if they are among them.
    pub own: Option<Difference>,
    /// Why it cannot be.
    pub lockout: Option<&'static str>,
}

impl Survey {
    pub(super) fn refuse_lockout(&self) -> Result<()> {
        self.lockout.map_or(Ok(()), |text| Err(Error::conflict("lockout_last_admin", text)))
    }
}

/// `next` is none where the connection ends.
pub(super) fn survey(
    tx: &ReadTx<'_>,
    ctx: &Ctx,
    connection: &Connection,
    next: Option<Vec<RoleMapping>>,
) -> Result<Survey> {
    let rule = Rule::of(connection, next.as_deref());
    let (organization, from) = (&connection.organization, connection.id.as_str());
    let (mut total, mut first, mut own) = (0, Vec::new(), None);
    let mut has_admin = roles::has_admin_beside(tx, organization, Role::Admin, from)?;
    let mut has_owner = roles::has_admin_beside(tx, organization, Role::Owner, from)?;
    let mut after = String::new();
    loop {
        let page = page(tx, connection, &rule, &after)?;
        for (id, one) in page.members {
            let counts = (!has_admin && one.after.has_admin()) || (!has_owner && one.after.has_owner());
            if counts && members::find(tx, organization, &id)?.is_some_and(|member| member.is_active()) {
                has_admin |= one.after.has_admin();
                has_owner |= one.after.has_owner();
            }
            if one.before == one.after {
                continue;
            }
            total += 1;
            if ctx.member_id() == Some(&id) {
                own = Some(one.clone());
            }
            if first.len() < MOST_NAMED {
                first.push((id, one));
            }
        }
        match page.last {
            Some(last) => after = last.to_string(),
            None => break,
        }
    }
    drop(rule);
    let lockout = if !has_admin && roles::has_other_admin(tx, organization, None)? {
        Some(NO_ADMIN)
    } else if !has_owner && roles::has_other_owner(tx, organization, None)? {
        Some(NO_OWNER)
    } else {
        None
    };
    Ok(Survey { version: connection.version, next: next.unwrap_or_default(), total, first, own, lockout })
}

/// Brings one member up to date, by the values that are known of them now; says how many grants that changed. Whatever was
/// saved meanwhile: somebody who administers stays.
pub(super) fn bring(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    connection: &Connection,
    rule: &Rule<'_>,
    (stage, tells, ends): (Stage, bool, bool),
    id: &MemberId,
) -> Result<usize> {
    let Some(member) = members::find(tx, &connection.organization, id)? else { return Ok(0) };
    let before = held_from(tx, connection.id.as_str(), &member)?;
    let mut after = rule.granted(&mappings::list_all_sent(tx, connection.id.as_str(), id)?);
    if stage == Stage::Admins {
        // What they lose they lose with everybody.
        after.join(&before);
    } else {
        keep_last_admin(tx, ctx, connection.id.as_str(), &member, &before, &mut after)?;
        rule.fall_back(connection, &member, &before, &mut after);
    }
    if ends {
        // The connection is gone: what the last admin keeps is theirs from now on.
        for slug in std::mem::take(&mut after.roles) {
            roles::insert(tx, &connection.organization, id, &slug, LOCAL)?;
        }
    }
    if before == after {
        return Ok(0);
    }
    change(tx, connection.into(), &member, &before, &after)?;
    let changed = before.count() + after.count();
    if tells {
        tell(tx, ctx, connection.into(), &member, &Difference { before, after }, &[])?;
    }
    Ok(changed)
}

/// Takes back what the connection gave to one member. Refused where nobody would administer afterwards.
pub(super) fn withdraw(tx: &WriteTx<'_>, ctx: &Ctx, connection: &Connection, member: &Member) -> Result<()> {
    let before = held_from(tx, connection.id.as_str(), member)?;
    let mut after = Granted::default();
    Rule::of(connection, Some(&[])).fall_back(connection, member, &before, &mut after);
    if before == after {
        return Ok(());
    }
    let had_admin = roles::has_other_admin(tx, &ctx.organization, None)?;
    let had_owner = roles::has_other_owner(tx, &ctx.organization, None)?;
    change(tx, connection.into(), member, &before, &after)?;
    tell(tx, ctx, connection.into(), member, &Difference { before, after }, &[])?;
    if had_admin && !roles::has_other_admin(tx, &ctx.organization, None)? {
        return Err(Error::conflict("lockout_last_admin", NO_ADMIN));
    }
    if had_owner && !roles::has_other_owner(tx, &ctx.organization, None)? {
        return Err(Error::conflict("lockout_last_admin", NO_OWNER));
    }
    Ok(())
}
