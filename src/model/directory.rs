//! A directory: what an identity provider pushes people and groups to, and what its pushing means here.

use crate::model::id::{ConnectionId, DirectoryId, DirectoryTokenId, OrganizationId};
use crate::model::provider::Catalogue;
use crate::model::role::DefaultRole;
use crate::model::time::{Timestamp, days};

pub const TOKEN_PREFIX: &str = "dwscim_";
/// A directory has so many tokens at most: the one in use, the next, and some for a migration.
pub const MOST_TOKENS: usize = 5;
/// A directory has so many schemas of its own at most, and so many bytes of them.
pub const MOST_EXTENSIONS: usize = 10;
pub const MOST_EXTENSION_BYTES: usize = 64 * 1024;
/// An organization has so many directories at most.
pub const MOST_DIRECTORIES: u32 = 50;
/// Of the people it covers, the share in percent that may lose access within an hour before an admin is asked.
pub const GUARD_SHARE: u32 = 20;

#[derive(Debug, Clone)]
pub struct Directory {
    pub id: DirectoryId,
    /// What the rows of its users and groups refer to.
    pub number: i64,
    pub organization: OrganizationId,
    pub name: String,
    /// Id of a provider of the catalogue.
    pub provider: String,
    /// The connection of the same identity provider.
    pub connection: Option<ConnectionId>,
    pub status: DirectoryStatus,
    pub default_role: DefaultRole,
    pub lock: MemberLock,
    pub guard_share: u32,
    /// Schemas of its own beside the standard ones: a JSON array of definitions (RFC 7643 7).
    pub extensions: Option<String>,
    /// Users that the identity provider sees, also inactive ones.
    pub users: u32,
    pub groups: u32,
    pub created_at: Timestamp,
    pub enabled_at: Option<Timestamp>,
    pub last_request_at: Option<Timestamp>,
    pub version: i64,
}

impl Directory {
    /// What to call the identity provider inside a sentence.
    pub fn idp(&self) -> &str {
        match Catalogue::get().provider(&self.provider) {
            Some(vendor) if vendor.id != "custom" => &vendor.name,
            _ => &self.name,
        }
    }

    /// Whether what it sends acts on members.
    pub fn is_enabled(&self) -> bool {
        self.status == DirectoryStatus::Enabled
    }
}

macro_rules! words {
    ($name:ident: $($variant:ident $text:literal),+ $(,)?) => {
        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text)
            }
        }
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryStatus {
    /// What is pushed is kept and shown, and no member is made or changed by it.
    Pending,
    Enabled,
    /// Nothing is taken; members keep their access until somebody changes it.
    Disabled,
}

words!(DirectoryStatus: Pending "pending", Enabled "enabled", Disabled "disabled");

/// What people may do by hand while the directory is enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberLock {
    Locked,
    NoInvitations,
    Open,
}

words!(MemberLock: Locked "locked", NoInvitations "no_invitations", Open "open");

/// A secret that an identity provider shows. Only its hash is kept.
#[derive(Debug, Clone)]
pub struct DirectoryToken {
    pub id: DirectoryTokenId,
    pub directory: DirectoryId,
    /// The first characters, to tell tokens apart.
    pub prefix: String,
    pub created_at: Timestamp,
    pub created_by: String,
    /// An end that an admin chose.
    pub expires_at: Option<Timestamp>,
    /// It ends by itself, since a next one was made.
    pub retires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

impl DirectoryToken {
    /// A token goes on for a day once the next was made.
    pub fn overlap() -> std::time::Duration {
        days(1)
    }

    pub fn ends_at(&self) -> Option<Timestamp> {
        match (self.expires_at, self.retires_at) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// A chosen end is told with so many days left, and once it has passed.
    pub const WATCH: [u32; 3] = [1, 7, 14];

    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.ends_at().is_none_or(|end| now < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_at_whichever_end_comes_first() {
        let at = Timestamp::from_secs;
        let token = |expires_at, retires_at| DirectoryToken {
            id: DirectoryTokenId::new(),
            directory: DirectoryId::new(),
            prefix: "dwscim_abcd".to_owned(),
            created_at: at(0),
            created_by: "ada@example.com".to_owned(),
            expires_at,
            retires_at,
            last_used_at: None,
        };
        assert!(token(None, None).is_valid(at(1_000_000)));
        assert!(token(Some(at(10)), Some(at(20))).is_valid(at(9)));
        assert!(!token(Some(at(10)), Some(at(20))).is_valid(at(10)));
        assert!(!token(Some(at(20)), Some(at(10))).is_valid(at(10)));
    }

    #[test]
    fn words_read_back() {
        for status in DirectoryStatus::ALL {
            assert_eq!(DirectoryStatus::parse(status.as_str()), Some(*status));
        }
        for lock in MemberLock::ALL {
            assert_eq!(MemberLock::parse(lock.as_str()), Some(*lock));
        }
        assert_eq!(DirectoryStatus::parse("on"), None);
    }
}
