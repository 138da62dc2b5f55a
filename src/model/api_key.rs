//! A key of the management API.

use crate::model::id::{ApiKeyId, OrganizationId};
use crate::model::role::Role;
use crate::model::time::Timestamp;

pub const PREFIX: &str = "dwapi_";

#[derive(Debug, Clone)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub organization: OrganizationId,
    pub name: String,
    pub role: Role,
    /// The first characters, to tell keys apart.
    pub prefix: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

impl ApiKey {
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}
