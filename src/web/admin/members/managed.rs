//! What a directory says of members, as pages show it: the banner over all, and the lock at one.

use crate::app::lock::Act;
use crate::app::lock::Lock;
use crate::app::seats::Seats;
use crate::model::actor::Ctx;
use crate::model::directory::Directory;
use crate::model::directory::MemberLock;
use crate::model::member::Member;
use crate::model::role::Permission;
use crate::web::view::Action;
use crate::web::view::Tone;

/// A directory that people are managed in.
#[derive(Debug, Clone)]
pub struct Managed {
    /// `Okta`
    pub idp: String,
    pub lock: MemberLock,
    /// Where the directory is shown, to whoever may see it.
    pub link: Option<Action>,
}

impl Managed {
    pub fn of(directory: &Directory, ctx: &Ctx) -> Self {
        let path = format!("/admin/security/directories/{}", directory.id);
        Self {
            idp: directory.idp().to_owned(),
            lock: directory.lock,
            link: ctx.may(Permission::DirectoriesRead).then(|| Action::new("Open Directory Sync", path)),
        }
    }

    /// What stands over the list of members; none where everything can be done by hand.
    pub fn banner(lock: &Lock, ctx: &Ctx) -> Option<Self> {
        let strictest = lock.strictest().filter(|directory| directory.lock != MemberLock::Open)?;
        // The strictest says what is left to do by hand; people come from all of them.
        Some(Self { idp: lock.idps().join(" or "), ..Self::of(strictest, ctx) })
    }

    pub fn words(&self) -> String {
        match self.lock {
            MemberLock::Locked => format!("Add and remove people in {}.", self.idp),
            MemberLock::NoInvitations => {
                format!("Add people in {}. Those whom it doesn't cover can still be changed here.", self.idp)
            }
            MemberLock::Open => format!("People in {} are changed there.", self.idp),
        }
    }

    pub fn sample(lock: MemberLock) -> Self {
        let path = "/admin/security/directories/dir_01k2v9q8xw3f6t0m4n7p5r1sza";
        Self { idp: "Okta".to_owned(), lock, link: Some(Action::new("Open Directory Sync", path)) }
    }
}

/// What may be done to one member by hand.
#[derive(Debug, Clone, Default)]
pub struct Doable {
    pub deactivates: bool,
    pub reactivates: bool,
    pub removes: bool,
    /// Who says, where one of these is not.
    pub managed: Option<Managed>,
    /// `Okta`: a directory is enabled, and does not cover them.
    pub uncovered_by: Option<String>,
}

impl Doable {
    /// What is left to do here.
    pub fn words(&self, by: &Managed) -> String {
        if self.uncovered_by.is_some() {
            return format!(
                "Member management is delegated to {}. By hand they can only be deactivated, merged and given roles.",
                by.idp
            );
        }
        let kept = "Roles and teams given here stay yours to change.";
        format!("Name, address, job title and whether they are active are changed in {}. {kept}", by.idp)
    }

    pub fn of(lock: &Lock, member: &Member, ctx: &Ctx) -> Self {
        let refused = |act| lock.refuses(act, Some(member));
        let managed = [Act::Deactivate, Act::Reactivate, Act::Remove].into_iter().find_map(refused);
        let is_covered = lock.covering(member).is_some();
        Self {
            deactivates: refused(Act::Deactivate).is_none(),
            reactivates: refused(Act::Reactivate).is_none(),
            removes: refused(Act::Remove).is_none(),
            managed: managed.map(|directory| Managed::of(directory, ctx)),
            uncovered_by: lock.strictest().filter(|_| !is_covered).map(|directory| directory.idp().to_owned()),
        }
    }
}

/// `Seats` that are full or nearly so, as an alert: how it is meant, its title and its text.
pub fn seats_alert(seats: Option<Seats>) -> Option<(Tone, String, &'static str)> {
    let seats = seats.filter(|seats| seats.are_nearly_full())?;
    let text = "People who are pushed or sign in for the first time take one too. Raise the number under Settings, or deactivate somebody.";
    Some(match seats.are_full() {
        true => (Tone::Bad, format!("All {} seats are taken", seats.all), text),
        false => (Tone::Warn, format!("{} of {} seats are taken", seats.taken, seats.all), text),
    })
}
