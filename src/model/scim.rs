//! Users and groups as a directory keeps them, and how they can be asked for by what is indexed.

use crate::model::id::{DirectoryId, GroupId, MemberId, ScimRequestId, ScimUserId};
use crate::model::time::Timestamp;

/// A user as the identity provider sees them. `number` is the order in which they came.
#[derive(Debug, Clone)]
pub struct ScimUser {
    pub number: i64,
    pub id: ScimUserId,
    pub external_id: Option<String>,
    /// Folded: no two users of a directory share it.
    pub user_name: String,
    /// The address that a member is known by; none where nothing sent is one.
    pub email: Option<String>,
    /// JSON without id, meta and groups.
    pub document: String,
    pub is_active: bool,
    pub member: Option<MemberId>,
    /// Why there is no member, or another member beside this one: a code of docs/errors.md.
    pub problem: Option<String>,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    pub version: i64,
}

/// Of a user what answers are made of.
#[derive(Debug, Clone, Copy)]
pub struct UserDocument<T> {
    pub number: i64,
    pub id: T,
    /// JSON without id, meta and groups.
    pub text: T,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    pub version: i64,
}

impl UserDocument<&str> {
    pub fn to_owned(self) -> UserDocument<String> {
        UserDocument {
            number: self.number,
            id: self.id.to_owned(),
            text: self.text.to_owned(),
            created_at: self.created_at,
            modified_at: self.modified_at,
            version: self.version,
        }
    }
}

impl UserDocument<String> {
    pub fn borrowed(&self) -> UserDocument<&str> {
        UserDocument {
            number: self.number,
            id: &self.id,
            text: &self.text,
            created_at: self.created_at,
            modified_at: self.modified_at,
            version: self.version,
        }
    }
}

impl ScimUser {
    pub fn written(&self) -> UserDocument<&str> {
        UserDocument {
            number: self.number,
            id: self.id.as_str(),
            text: &self.document,
            created_at: self.created_at,
            modified_at: self.modified_at,
            version: self.version,
        }
    }
}

#[derive(Debug, Clone)]
pub struct ScimGroup {
    pub number: i64,
    pub id: GroupId,
    pub name: String,
    /// The name that role mappings know it by, where it was renamed since.
    pub mapped_name: Option<String>,
    pub external_id: Option<String>,
    /// Which rows of memberships are the group's: a large change is written beside them and then takes their place.
    pub member_set: i64,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    pub version: i64,
}

/// A group as role mappings look at it.
#[derive(Debug, Clone)]
pub struct SyncedGroup {
    pub name: String,
    /// The name that mappings know it by, where it was renamed since.
    pub mapped_name: Option<String>,
    /// Counted up to a thousand.
    pub people: u32,
}

/// One condition on an indexed column. Texts are in the form the column has: folded for names and addresses, as sent
/// for ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    Id(String),
    ExternalId(String),
    UserName(String),
    UserNameStartsWith(String),
    DisplayName(String),
    /// One of the addresses.
    Email(String),
    /// One of the members of a group.
    Member(String),
    /// One of the groups of a user.
    Group(String),
    Created(Bound, Timestamp),
    LastModified(Bound, Timestamp),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// What the store has in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortColumn {
    Id,
    ExternalId,
    UserName,
    DisplayName,
    Created,
    LastModified,
}

/// What a page of a list is asked of: all conditions have to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Question {
    pub conditions: Vec<Condition>,
    /// Else in the order in which they came; and whether it goes backwards.
    pub sort: Option<(SortColumn, bool)>,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// So many are passed over.
    Skip(u64),
    /// Behind the resource of this number.
    After(i64),
}

/// One line of a directory's request log.
#[derive(Debug, Clone)]
pub struct ScimRequest {
    pub id: ScimRequestId,
    pub directory: DirectoryId,
    pub at: Timestamp,
    pub method: String,
    /// Below the URL of the server, with the query.
    pub path: String,
    pub status: u32,
    /// `user`, `group`, `discovery` or `other`.
    pub kind: String,
    /// Which identity provider it reads like.
    pub dialect: String,
    pub resource: Option<String>,
    /// The person or group.
    pub who: Option<String>,
    /// What it changed, or why it was refused.
    pub words: String,
    /// Codes of the tolerances that it needed.
    pub quirks: Vec<String>,
    /// Without passwords and pictures, and cut where it is long.
    pub body: Option<String>,
    pub ip: Option<String>,
    pub micros: u32,
}

/// What the log is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    /// A person or group by name, or an id.
    pub person: Option<String>,
    /// True: the refused alone; false: the others alone.
    pub is_refused: Option<bool>,
    pub kind: Option<String>,
    pub only_changes: bool,
}
