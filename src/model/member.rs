//! A person in an organization, and what identity providers call them.

use std::fmt;
use std::str::FromStr;

use crate::model::email::Email;
use crate::model::id::{ConnectionId, DirectoryId, IdentityId, MemberId, NotAnId, OrganizationId};
use crate::model::role::HeldRole;
use crate::model::time::Timestamp;

/// What the pages of a list of members follow: it depends on how the list was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The ids of members.
    Ids,
    /// A text: the order in which members were made known.
    Text,
    /// A group of a directory: the order in which users were.
    Users,
}

/// Where a page of a list of members ends: after this member, in this order.
#[derive(Debug, Clone)]
pub struct MemberCursor {
    pub order: Order,
    pub after: MemberId,
}

impl MemberCursor {
    const TEXT: &str = "text.";
    const USERS: &str = "users.";
}

impl fmt::Display for MemberCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.order {
            Order::Ids => "",
            Order::Text => Self::TEXT,
            Order::Users => Self::USERS,
        };
        write!(f, "{mark}{}", self.after)
    }
}

impl FromStr for MemberCursor {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let marked = |mark: &str, order| text.strip_prefix(mark).map(|rest| (order, rest));
        let (order, rest) =
            marked(Self::TEXT, Order::Text).or_else(|| marked(Self::USERS, Order::Users)).unwrap_or((Order::Ids, text));
        Ok(Self { order, after: rest.parse()? })
    }
}

/// Words of so few letters are looked for where a word begins, longer ones anywhere.
const SHORT: usize = 2;

/// Whether a text to search for has such a word, and the first of them.
pub fn short_word(text: &str) -> Option<&str> {
    text.split_whitespace().find(|word| is_short(word))
}

pub fn is_short(word: &str) -> bool {
    word.chars().count() <= SHORT
}

#[derive(Debug, Clone)]
pub struct Member {
    pub id: MemberId,
    pub organization: OrganizationId,
    pub email: Email,
    pub profile: Profile,
    pub status: Status,
    pub source: Source,
    /// The directory that covers them.
    pub directory: Option<DirectoryId>,
    pub has_password: bool,
    pub roles: Vec<HeldRole>,
    pub created_at: Timestamp,
    pub deactivated_at: Option<Timestamp>,
    pub last_seen_at: Option<Timestamp>,
    pub version: i64,
}

impl Member {
    /// What to call this person: the name, else the address.
    pub fn label(&self) -> &str {
        self.profile.name.as_deref().unwrap_or(self.email.as_str())
    }

    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }

    pub fn is_administrator(&self) -> bool {
        self.roles.iter().any(|held| held.role.is_administrator())
    }

    /// Owner or Admin.
    pub fn is_admin(&self) -> bool {
        self.roles.iter().any(|held| held.role.is_admin())
    }
}

/// What a person may change about themselves, or an identity provider about them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    pub name: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub job_title: Option<String>,
    pub picture: Option<String>,
}

impl Profile {
    /// The profile after a sign-in: what the provider sent wins, what it left out stays.
    pub fn refreshed(&self, sent: &Self) -> Self {
        let newer = |sent: &Option<String>, kept: &Option<String>| sent.clone().or_else(|| kept.clone());
        Self {
            name: newer(&sent.display_name(), &self.name),
            given_name: newer(&sent.given_name, &self.given_name),
            family_name: newer(&sent.family_name, &self.family_name),
            job_title: newer(&sent.job_title, &self.job_title),
            picture: newer(&sent.picture, &self.picture),
        }
    }

    /// Profiles are shown in lists: a provider's novel is cut, not refused.
    pub fn bounded(self) -> Self {
        let cut = |text: Option<String>| text.map(|text| text.chars().filter(|c| !c.is_control()).take(200).collect());
        Self {
            name: cut(self.name),
            given_name: cut(self.given_name),
            family_name: cut(self.family_name),
            job_title: cut(self.job_title),
            picture: self.picture.filter(|url| url.starts_with("https://") && url.len() <= 1000),
        }
    }

    /// The name as sent, else given and family name together.
    pub fn display_name(&self) -> Option<String> {
        self.name.clone().or_else(|| {
            let parts: Vec<&str> =
                [&self.given_name, &self.family_name].into_iter().flatten().map(String::as_str).collect();
            (!parts.is_empty()).then(|| parts.join(" "))
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Active,
    Inactive,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Inactive].into_iter().find(|status| status.as_str() == text)
    }
}

/// How the member came to be here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Manual,
    Sso,
    Scim,
}

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Sso => "sso",
            Self::Scim => "scim",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Manual, Self::Sso, Self::Scim].into_iter().find(|source| source.as_str() == text)
    }
}

/// What a connection calls a member: connection, issuer and subject. An address is never a key between connections.
#[derive(Debug, Clone)]
pub struct Identity {
    pub id: IdentityId,
    pub member: MemberId,
    pub connection: ConnectionId,
    pub issuer: String,
    pub subject: String,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_with_its_order() {
        for order in [Order::Ids, Order::Text, Order::Users] {
            let cursor = MemberCursor { order, after: MemberId::new() };
            let read: MemberCursor = cursor.to_string().parse().unwrap();
            assert_eq!((read.order, read.after), (order, cursor.after));
        }
        assert!("users.evt_01k2v9q8xw3f6t0m4n7p5r1sza".parse::<MemberCursor>().is_err());
    }

    #[test]
    fn a_sign_in_refreshes_what_it_names_and_leaves_the_rest() {
        let known = Profile {
            job_title: Some("Engineer".into()),
            picture: Some("https://x.example/a.png".into()),
            ..Profile::default()
        };
        let sent = Profile {
            given_name: Some("Ada".into()),
            family_name: Some("Example".into()),
            job_title: Some("Lead".into()),
            ..Profile::default()
        };
        let now = known.refreshed(&sent);
        assert_eq!(now.name.as_deref(), Some("Ada Example"));
        assert_eq!(now.job_title.as_deref(), Some("Lead"));
        assert_eq!(now.picture, known.picture);
    }
}
