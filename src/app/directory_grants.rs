//! What a directory's groups, roles and entitlements grant one member. The rule is that of connections (`granting.rs`); of
//! whom nothing matches, the directory's default role says what they get.

use crate::app::error::Result;
use crate::app::granting::{Difference, change, gone, grant, held_from, keep_last_admin, tell};
use crate::app::guard;
use crate::model::actor::Ctx;
use crate::model::directory::Directory;
use crate::model::mapping::{Granted, Match, RoleMapping, Sent, granted};
use crate::model::member::Member;
use crate::model::role::DefaultRole;
use crate::model::scim::ScimUser;
use crate::store::{ReadTx, WriteTx, mappings, members, scim_users};

/// What these values give by the mappings of a directory.
pub(super) fn given(directory: &Directory, all: &[RoleMapping], sent: &[Sent]) -> Granted {
    let mut after = granted(all, sent);
    fall_back(directory, &mut after);
    after
}

fn fall_back(directory: &Directory, after: &mut Granted) {
    if let (true, DefaultRole::Role(role)) = (after.roles.is_empty(), directory.default_role) {
        after.roles.insert(role.slug().to_owned());
    }
}

pub(super) fn difference(
    tx: &ReadTx<'_>,
    directory: &Directory,
    all: &[RoleMapping],
    member: &Member,
) -> Result<Difference> {
    let sent = mappings::list_all_sent(tx, directory.id.as_str(), &member.id)?;
    Ok(Difference { before: held_from(tx, directory.id.as_str(), member)?, after: given(directory, all, &sent) })
}

/// What somebody gets who was made just now; and in words.
pub(super) fn begin(
    tx: &WriteTx<'_>,
    directory: &Directory,
    user: &ScimUser,
    member: &Member,
    mut sent: Vec<Sent>,
) -> Result<(Granted, Vec<String>)> {
    let all = mappings::list(tx, directory.id.as_str())?;
    if all.iter().any(|mapping| mapping.on == Match::Group) {
        for (_, _, name) in scim_users::list_groups(tx, &[user.number])? {
            sent.push(Sent { on: Match::Group, value: name.trim().to_owned() });
        }
    }
    let after = given(directory, &all, &sent);
    let nothing = Granted::default();
    if after == nothing {
        return Ok((after, Vec::new()));
    }
    grant(tx, directory.into(), member, &nothing, &after)?;
    let gains = gone(tx, &directory.organization, &after, &nothing)?;
    Ok((after, gains))
}

/// Brings what the directory gives to a member up to date. Says what they gain and lose, in words.
pub(super) fn refresh(tx: &WriteTx<'_>, ctx: &Ctx, directory: &Directory, member: &mut Member) -> Result<Vec<String>> {
    let all = mappings::list(tx, directory.id.as_str())?;
    let sent = mappings::list_all_sent(tx, directory.id.as_str(), &member.id)?;
    let (before, mut after) = (held_from(tx, directory.id.as_str(), member)?, granted(&all, &sent));
    keep_last_admin(tx, ctx, directory.id.as_str(), member, &before, &mut after)?;
    fall_back(directory, &mut after);
    if before == after {
        return Ok(Vec::new());
    }
    // The default role gives way to a mapped one, which takes nothing from anybody.
    let is_default = |role: &String| *role == directory.default_role.as_str() && !after.roles.is_empty();
    if member.is_active() && before.roles.iter().any(|role| !after.roles.contains(role) && !is_default(role)) {
        guard::note_loss(tx, ctx, member)?;
    }
    change(tx, directory.into(), member, &before, &after)?;
    let gains = gone(tx, &directory.organization, &after, &before)?;
    let loses = gone(tx, &directory.organization, &before, &after)?;
    let through: Vec<String> = all.iter().filter(|mapping| mapping.matches(&sent)).map(RoleMapping::label).collect();
    tell(tx, ctx, directory.into(), member, &Difference { before, after }, &through)?;
    if let Some(fresh) = members::find(tx, &member.organization, &member.id)? {
        *member = fresh;
    }
    let sentence = |verb: &str, what: Vec<String>| {
        (!what.is_empty()).then(|| format!("{} {verb} {}.", member.email, what.join(", ")))
    };
    Ok([sentence("gains", gains), sentence("loses", loses)].into_iter().flatten().collect())
}
