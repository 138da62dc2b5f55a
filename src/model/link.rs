//! A one-time link that an admin or the operator hands to a person.

use std::time::Duration;

use crate::model::id::{LinkId, MemberId, OrganizationId};
use crate::model::time::Timestamp;
use crate::model::time::days;
use crate::model::time::minutes;

pub const PREFIX: &str = "dwlink_";

#[derive(Debug, Clone)]
pub struct Link {
    pub id: LinkId,
    pub organization: OrganizationId,
    pub member: MemberId,
    pub purpose: Purpose,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Set a first or a new password.
    Password,
    /// The way back in for the locked-out, made on the command line.
    Recovery,
}

impl Purpose {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Recovery => "recovery",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Password, Self::Recovery].into_iter().find(|purpose| purpose.as_str() == text)
    }

    pub fn lifetime(self) -> Duration {
        match self {
            Self::Password => days(3),
            Self::Recovery => minutes(15),
        }
    }
}
