//! How a directory reads: its head, its state in a word, and the sentences for what is odd.

use crate::app::directories::DirectoryView;
use crate::app::directory_mappings::Meeting;
use crate::app::scim::BadToken;
use crate::model::directory::Directory;
use crate::model::directory::DirectoryStatus;
use crate::model::directory::MemberLock;
use crate::model::provider::Catalogue;
use crate::model::provider::Connector;
use crate::model::provider::Protocol;
use crate::model::role::DefaultRole;
use crate::model::role::Role;
use crate::model::time::Timestamp;
use crate::web::admin::directories::SAMPLE_ID;
use crate::web::view::Chip;
use crate::web::view::Choice;
use crate::web::view::Tile;
use crate::web::view::Tone;
use crate::web::view::count;

/// The top of a directory's own pages.
#[derive(Debug, Clone)]
pub struct Head {
    pub id: String,
    pub name: String,
    pub connector: &'static Connector,
    pub status: DirectoryStatus,
    pub is_held: bool,
    /// `142 people, 6 groups · last request 20 Nov 2026, 10:14 UTC`
    pub about: String,
}

impl Head {
    pub fn of(view: &DirectoryView) -> Self {
        let directory = &view.directory;
        let last =
            directory.last_request_at.map_or("no request yet".to_owned(), |at| format!("last request {}", at.minute()));
        Self {
            id: directory.id.to_string(),
            name: directory.name.clone(),
            connector: connector(directory),
            status: directory.status,
            is_held: view.guard.held_at.is_some(),
            about: format!("{} · {last}", synced(directory)),
        }
    }

    pub fn chip(&self) -> Chip {
        chip(self.status, self.is_held)
    }

    pub fn path(&self) -> String {
        path(&self.id)
    }

    /// What to call the identity provider inside a sentence.
    pub fn idp(&self) -> &'static str {
        self.connector.idp()
    }

    pub fn tile(&self) -> Tile {
        Tile::of_connection(Some(self.connector), &self.name)
    }

    pub fn is_enabled(&self) -> bool {
        self.status == DirectoryStatus::Enabled
    }

    pub fn is_pending(&self) -> bool {
        self.status == DirectoryStatus::Pending
    }

    pub fn sample() -> Self {
        Self {
            id: SAMPLE_ID.to_owned(),
            name: "Okta".to_owned(),
            connector: sample_connector("okta-scim"),
            status: DirectoryStatus::Enabled,
            is_held: false,
            about: "142 people, 6 groups · last request 20 Nov 2026, 10:14 UTC".to_owned(),
        }
    }
}

pub fn path(id: &str) -> String {
    format!("/admin/security/directories/{id}")
}

pub fn sample_connector(id: &str) -> &'static Connector {
    Catalogue::get().connector(id).or(custom()).expect("the catalogue has custom-scim")
}

pub fn custom() -> Option<&'static Connector> {
    Catalogue::get().connector("custom-scim")
}

pub fn connector(directory: &Directory) -> &'static Connector {
    let found = Catalogue::get().connectors(Protocol::Scim).find(|one| one.provider == directory.provider);
    found.or(custom()).expect("the catalogue has custom-scim")
}

/// `142 people, 6 groups`
pub fn synced(directory: &Directory) -> String {
    let people = count(directory.users.into(), "person", "people");
    format!("{people}, {}", count(directory.groups.into(), "group", "groups"))
}

pub fn chip(status: DirectoryStatus, is_held: bool) -> Chip {
    match status {
        DirectoryStatus::Enabled if is_held => Chip::new(Tone::Bad, "Held"),
        DirectoryStatus::Enabled => Chip::new(Tone::Ok, "On"),
        DirectoryStatus::Pending => Chip::new(Tone::Info, "Waiting"),
        DirectoryStatus::Disabled => Chip::new(Tone::Neutral, "Off"),
    }
}

/// `10:14:02 UTC`
pub fn second(at: Timestamp) -> String {
    format!("{} UTC", at.rfc3339().get(11..19).unwrap_or_default())
}

/// `20 Nov 2026`, or nothing.
pub fn days_until(end: Timestamp, now: Timestamp) -> i64 {
    (end.secs() - now.secs()).div_euclid(86_400)
}

/// A request that showed no good token: what is wrong, and what to do there.
pub fn bad_token((at, what): (Timestamp, BadToken), connector: &Connector) -> (String, String) {
    let (first, idp) = (connector.idp_first(), connector.idp());
    let (title, text) = match what {
        BadToken::Missing => {
            ("without a token", format!("Paste the token into {idp}, as Bearer in the header Authorization."))
        }
        BadToken::OtherScheme => (
            "with another way to sign in",
            format!("Choose Bearer token in {idp}, not a name and password or OAuth credentials."),
        ),
        BadToken::Malformed => (
            "with something that is no token of ours",
            "A token begins with dwscim_ and is one line without spaces; paste it whole.".to_owned(),
        ),
        BadToken::Unknown => (
            "with a token that does not count here",
            "It is another directory's, was deleted or has ended. Make the next token and paste that.".to_owned(),
        ),
    };
    (format!("{first} asked {title} at {}", second(at)), text)
}

/// Why something is odd about a user, and what to do.
pub fn problem(code: &str, idp: &str) -> String {
    match code {
        "scim_email" => format!("Nothing that was sent is an email address, so there is no member. Map the work email in {idp}."),
        "scim_conflict" => {
            "Another member has this address and could not be joined by it: a directory sent both, or they administer, sign in another way or were deactivated here. Merge the two if they are one person.".to_owned()
        }
        "seats_full" => "No seat was left. Raise the number of seats, or deactivate somebody; the next change brings them in.".to_owned(),
        "lockout_last_admin" => {
            "Nobody else would administer, so their access stays. Make somebody else an admin first.".to_owned()
        }
        other => other.replace('_', " "),
    }
}

/// The same in a few words, with how many: `3 people have no email address`.
pub fn problems(code: &str, n: u32) -> String {
    let people = |one: &str, many: &str| count(n.into(), one, many);
    match code {
        "scim_email" => people("person has no email address", "people have no email address"),
        "scim_conflict" => people(
            "person stands beside a member of the same address",
            "people stand beside members of the same address",
        ),
        "seats_full" => people("person found no seat", "people found no seat"),
        "lockout_last_admin" => {
            people("person stays since nobody else would administer", "people stay since nobody else would administer")
        }
        other => format!("{n}: {}", other.replace('_', " ")),
    }
}

/// What turning on would do with somebody who has no member yet.
pub fn meeting(meeting: Meeting, idp: &str) -> (Tone, String) {
    match meeting {
        Meeting::Made => (Tone::Ok, "Becomes a new member.".to_owned()),
        Meeting::Joined => (Tone::Ok, "Is joined to the member of the same address.".to_owned()),
        Meeting::Reactivated => {
            (Tone::Warn, "Is joined to a deactivated member of the same address, who can sign in again.".to_owned())
        }
        Meeting::Revived => (Tone::Warn, "Was removed before, and comes back as the same member.".to_owned()),
        Meeting::Apart => (Tone::Warn, problem("scim_conflict", idp)),
        Meeting::NoAddress => (Tone::Warn, problem("scim_email", idp)),
    }
}

/// What people may do by hand, each with its sentence.
pub fn lock_choices(chosen: &str, idp: &str) -> Vec<Choice> {
    let choice = |lock: MemberLock, label: &str, hint: &str| {
        Choice::new(lock.as_str(), label, lock.as_str() == chosen).hint(hint)
    };
    vec![
        choice(
            MemberLock::Locked,
            "People are managed only in the directory",
            &format!("Recommended. Members is read-only here: add, change and remove people in {idp}."),
        ),
        choice(
            MemberLock::NoInvitations,
            "No invitations, other changes here allowed",
            "Nobody is added by hand; people whom the directory does not cover can be changed and removed here.",
        ),
        choice(
            MemberLock::Open,
            "Invitations too",
            &format!("People added by hand are not covered: when they leave, {idp} does not remove them here."),
        ),
    ]
}

pub fn default_role_choices(chosen: &str) -> Vec<Choice> {
    let mut all: Vec<Choice> =
        Role::ALL.into_iter().rev().map(|role| Choice::new(role.slug(), role.name(), role.slug() == chosen)).collect();
    all.push(Choice::new("none", "None: no access", chosen == "none"));
    all
}

pub fn default_role_name(role: DefaultRole) -> &'static str {
    match role {
        DefaultRole::Role(role) => role.name(),
        DefaultRole::None => "None: no access",
    }
}

pub fn lock_name(lock: MemberLock) -> &'static str {
    match lock {
        MemberLock::Locked => "People are managed only in the directory",
        MemberLock::NoInvitations => "No invitations, other changes allowed",
        MemberLock::Open => "Invitations and changes allowed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_read_off_a_timestamp() {
        assert_eq!(second(Timestamp::from_secs(1_795_338_002)), "09:00:02 UTC");
    }

    #[test]
    fn each_problem_has_its_sentence() {
        for code in ["scim_email", "scim_conflict", "seats_full", "lockout_last_admin"] {
            assert!(problem(code, "Okta").ends_with('.'), "{code}");
            assert_ne!(problems(code, 1), problems(code, 2), "{code}");
        }
    }
}
