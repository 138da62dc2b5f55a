//! A person in an organization, and what identity providers call them.

use std::str::FromStr;

use crate::model::email::Email;
use crate::model::id::{ConnectionId, DirectoryId, IdentityId, MemberId, NotAnId, OrganizationId};
use crate::model::role::HeldRole;
use crate::model::time::Timestamp;

/// Where a page of a list of members ends: after this one, in a list that was found by its text or in another.
#[derive(Debug, Clone)]
pub struct MemberCursor;

impl MemberCursor {
    /// Before the id where the list was found by its text.
    pub const BY_TEXT: &str = "text.";
}

impl FromStr for MemberCursor {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix(Self::BY_TEXT).unwrap_or(text).parse::<MemberId>().map(|_| Self)
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
