//! A group of members inside Doorward, filled by hand or by mappings.

use crate::model::id::{OrganizationId, TeamId};
use crate::model::time::Timestamp;

#[derive(Debug, Clone)]
pub struct Team {
    pub id: TeamId,
    pub organization: OrganizationId,
    pub name: String,
    pub created_at: Timestamp,
    pub version: i64,
}
