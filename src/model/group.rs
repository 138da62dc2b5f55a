//! A group as a directory or an assertion names it.

use crate::model::id::{ConnectionId, GroupId};

#[derive(Debug, Clone)]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    pub connection: Option<ConnectionId>,
    pub directory: Option<String>,
}

/// The tag that every member of a group carries.
pub fn tag(name: &str) -> String {
    format!("Group:{name}")
}
