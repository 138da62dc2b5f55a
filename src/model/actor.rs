//! Who acts, from where, when.

use crate::model::id::{ApiKeyId, ConnectionId, DirectoryId, MemberId, OrganizationId, SessionId};
use crate::model::role::{Permission, Permissions};
use crate::model::time::Timestamp;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    Member {
        id: MemberId,
        name: String,
    },
    ApiKey {
        id: ApiKeyId,
        name: String,
    },
    /// A person who is about to be somebody: signing in through this connection.
    Connection {
        id: ConnectionId,
        name: String,
    },
    /// An identity provider that pushes to this directory.
    Directory {
        id: DirectoryId,
        name: String,
    },
    /// Whoever holds a one-time link or the set-up code.
    Stranger,
    CommandLine,
    System,
}

impl Actor {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Member { .. } => "member",
            Self::ApiKey { .. } => "api_key",
            Self::Connection { .. } => "connection",
            Self::Directory { .. } => "directory",
            Self::Stranger => "stranger",
            Self::CommandLine => "command_line",
            Self::System => "system",
        }
    }

    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Member { id, .. } => Some(id.as_str()),
            Self::ApiKey { id, .. } => Some(id.as_str()),
            Self::Connection { id, .. } => Some(id.as_str()),
            Self::Directory { id, .. } => Some(id.as_str()),
            Self::Stranger | Self::CommandLine | Self::System => None,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Member { name, .. }
            | Self::ApiKey { name, .. }
            | Self::Connection { name, .. }
            | Self::Directory { name, .. } => name,
            Self::Stranger => "somebody not signed in",
            Self::CommandLine => "the command line",
            Self::System => "Doorward",
        }
    }
}

/// The circumstances of one act.
#[derive(Debug, Clone)]
pub struct Ctx {
    pub organization: OrganizationId,
    pub actor: Actor,
    pub permissions: Permissions,
    /// The session that acts, if it is one.
    pub session: Option<SessionId>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub request_id: String,
    pub now: Timestamp,
    /// The versions of the object it acts on that the caller has seen, where they said so (`If-Match`).
    pub seen: Option<Vec<i64>>,
}

impl Ctx {
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }

    /// Whether an object of this version is what the caller believes to act on.
    pub fn has_seen(&self, version: i64) -> bool {
        self.seen.as_ref().is_none_or(|seen| seen.contains(&version))
    }

    pub fn member_id(&self) -> Option<&MemberId> {
        match &self.actor {
            Actor::Member { id, .. } => Some(id),
            _ => None,
        }
    }
}
