//! The lock: while a directory is enabled, who exists and what it sends is not changed by hand (DECISIONS.md). Outside it are
//! the command line, one's own account and the ending of sessions, which ask nobody here.

use std::collections::BTreeSet;

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::model::actor::{Actor, Ctx};
use crate::model::directory::{Directory, MemberLock};
use crate::model::id::DirectoryId;
use crate::model::member::Member;
use crate::model::role::{LOCAL, Permission};
use crate::store::{ReadTx, directories};

/// What somebody is about to do to a member by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Add,
    Edit,
    Deactivate,
    Reactivate,
    Remove,
}

/// What the enabled directories of an organization leave to do by hand.
#[derive(Debug, Clone, Default)]
pub struct Lock {
    directories: Vec<Directory>,
}

impl Lock {
    pub(super) fn read(tx: &ReadTx<'_>, ctx: &Ctx) -> Result<Self> {
        let all = directories::list(tx, &ctx.organization)?;
        Ok(Self { directories: all.into_iter().filter(Directory::is_enabled).collect() })
    }

    /// Whether a directory is enabled.
    pub fn is_on(&self) -> bool {
        !self.directories.is_empty()
    }

    /// The enabled directory that says who this is.
    pub fn covering(&self, member: &Member) -> Option<&Directory> {
        self.directories.iter().find(|directory| member.directory.as_ref() == Some(&directory.id))
    }

    /// The strictest of the enabled directories; none where none is.
    pub fn strictest(&self) -> Option<&Directory> {
        let with = |lock: MemberLock| self.directories.iter().find(|directory| directory.lock == lock);
        with(MemberLock::Locked).or_else(|| with(MemberLock::NoInvitations)).or_else(|| with(MemberLock::Open))
    }

    /// What the enabled directories call their identity providers.
    pub fn idps(&self) -> Vec<&str> {
        let all: BTreeSet<&str> = self.directories.iter().map(Directory::idp).collect();
        all.into_iter().collect()
    }

    /// The directory that refuses it; `member` is none where one is added.
    pub fn refuses(&self, act: Act, member: Option<&Member>) -> Option<&Directory> {
        // What the directory sends stays its own, whatever the setting.
        if let Some(covering) = member.and_then(|member| self.covering(member)) {
            return Some(covering);
        }
        let is_locked = |lock: MemberLock| match act {
            Act::Add => lock != MemberLock::Open,
            // Access must always be endable.
            Act::Deactivate => false,
            Act::Edit | Act::Reactivate | Act::Remove => lock == MemberLock::Locked,
        };
        self.strictest().filter(|directory| is_locked(directory.lock))
    }

    /// Whether people may take away what came from there: it was given here, or by a directory that is not enabled, which
    /// says nothing about it any more.
    pub fn leaves(&self, from: &str) -> bool {
        let is_enabled = || self.directories.iter().any(|directory| directory.id.as_str() == from);
        from == LOCAL || (from.parse::<DirectoryId>().is_ok() && !is_enabled())
    }
}

/// A way in beside the identity provider is for nobody whom a directory covers.
pub(super) fn require_uncovered(tx: &ReadTx<'_>, ctx: &Ctx, member: &Member) -> Result<()> {
    if matches!(ctx.actor, Actor::CommandLine | Actor::System) || Lock::read(tx, ctx)?.covering(member).is_none() {
        return Ok(());
    }
    Err(managed())
}

fn managed() -> Error {
    let text = "Member management is delegated to your IdP via SCIM. Add, change or remove the person in your identity provider.";
    Error::refused("scim_managed", text)
}

/// `member` is none where one is added.
pub(super) fn require_unlocked(tx: &ReadTx<'_>, ctx: &Ctx, act: Act, member: Option<&Member>) -> Result<()> {
    if matches!(ctx.actor, Actor::CommandLine | Actor::System | Actor::Directory { .. }) {
        return Ok(());
    }
    if Lock::read(tx, ctx)?.refuses(act, member).is_none() {
        return Ok(());
    }
    Err(managed())
}

impl App {
    /// For whoever sees members: what of them is the directory's to say.
    pub async fn find_lock(&self, ctx: &Ctx) -> Result<Lock> {
        access::require(ctx, Permission::MembersRead)?;
        let ctx = ctx.clone();
        self.store.read(move |tx| Lock::read(tx, &ctx)).await
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::directory::DirectoryStatus;
    use crate::model::email::Email;
    use crate::model::id::{ConnectionId, MemberId, OrganizationId};
    use crate::model::member::{Profile, Source, Status};
    use crate::model::role::DefaultRole;
    use crate::model::time::Timestamp;

    pub fn directory(lock: MemberLock) -> Directory {
        Directory {
            id: DirectoryId::new(),
            number: 1,
            organization: OrganizationId::new(),
            name: "Acme".to_owned(),
            provider: "okta".to_owned(),
            connection: None,
            status: DirectoryStatus::Enabled,
            default_role: DefaultRole::None,
            lock,
            guard_share: 20,
            extensions: None,
            users: 0,
            groups: 0,
            created_at: Timestamp::from_secs(0),
            enabled_at: None,
            last_request_at: None,
            version: 1,
        }
    }

    fn member(directory: Option<&Directory>) -> Member {
        Member {
            id: MemberId::new(),
            organization: OrganizationId::new(),
            email: Email::parse("grace@acme.example").unwrap(),
            profile: Profile::default(),
            status: Status::Active,
            source: Source::Manual,
            directory: directory.map(|directory| directory.id.clone()),
            has_password: false,
            roles: Vec::new(),
            created_at: Timestamp::from_secs(0),
            deactivated_at: None,
            last_seen_at: None,
            version: 1,
        }
    }

    #[test]
    fn the_strictest_directory_says_what_is_left_to_do_by_hand() {
        use Act::{Add, Deactivate, Edit, Reactivate, Remove};
        let stranger = member(None);
        for (lock, left) in [
            (MemberLock::Locked, vec![Deactivate]),
            (MemberLock::NoInvitations, vec![Edit, Deactivate, Reactivate, Remove]),
            (MemberLock::Open, vec![Add, Edit, Deactivate, Reactivate, Remove]),
        ] {
            let lock = Lock { directories: vec![directory(MemberLock::Open), directory(lock)] };
            let covered = member(Some(&lock.directories[0]));
            for act in [Add, Edit, Deactivate, Reactivate, Remove] {
                let about = Some(&stranger).filter(|_| act != Add);
                assert_eq!(lock.refuses(act, about).is_none(), left.contains(&act), "{act:?}");
                assert!(act == Add || lock.refuses(act, Some(&covered)).is_some(), "{act:?}");
            }
        }
        assert!(Lock::default().refuses(Add, None).is_none());
        assert!(Lock::default().refuses(Remove, Some(&member(Some(&directory(MemberLock::Locked))))).is_none());
    }
    #[test]
    fn what_an_enabled_directory_or_a_connection_gave_is_not_taken_by_hand() {
        let on = directory(MemberLock::Open);
        let (id, off) = (on.id.clone(), DirectoryId::new());
        let lock = Lock { directories: vec![on] };
        let left = |from: &str| lock.leaves(from);
        assert!(left(LOCAL) && left(off.as_str()));
        assert!(!left(id.as_str()) && !left(ConnectionId::new().as_str()) && !left("dir_x"));
    }
}
