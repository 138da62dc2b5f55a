//! Would the answers of the last 30 days still be accepted with another set of certificates? The answers themselves are
//! not kept; of each accepted one it is known which certificate signed it, and of a refused one which it named.

use crate::model::time::Timestamp;

/// Of each certificate so many sign-ins are counted.
pub const COUNTED: u32 = 10_000;

#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// What is looked at begins here.
    pub since: Timestamp,
    pub signed: Vec<SignedBy>,
    /// Refused answers that name a certificate of the new set; newest first.
    pub named: Vec<Named>,
}

/// The accepted sign-ins by one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBy {
    pub sha256: String,
    /// They would verify: it is in the new set, or another one there has the same key.
    pub holds: bool,
    /// At most `COUNTED`.
    pub count: u32,
    pub last_at: Option<Timestamp>,
    /// Of this certificate, how many are newer than the last that would not verify.
    pub later: u32,
}

impl SignedBy {
    pub fn is_more(&self) -> bool {
        self.count >= COUNTED
    }
}

/// A refused answer whose unproved word is that this certificate signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub sha256: String,
    pub reference: String,
    pub at: Timestamp,
}

impl Rehearsal {
    pub fn total(&self) -> u32 {
        self.signed.iter().map(|signed| signed.count).sum()
    }

    /// How many would no longer verify.
    pub fn lost(&self) -> u32 {
        self.signed.iter().filter(|signed| !signed.holds).map(|signed| signed.count).sum()
    }

    pub fn last_lost_at(&self) -> Option<Timestamp> {
        self.signed.iter().filter(|signed| !signed.holds).filter_map(|signed| signed.last_at).max()
    }

    /// Sign-ins after the last that would be lost, all by certificates that stay.
    pub fn since_lost(&self) -> u32 {
        self.signed.iter().filter(|signed| signed.holds).map(|signed| signed.later).sum()
    }

    /// A count was cut short.
    pub fn is_more(&self) -> bool {
        self.signed.iter().any(SignedBy::is_more)
    }
}
