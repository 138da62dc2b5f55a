//! Requests that showed no good token, kept so that the page of the directory they named can say what is wrong there. In memory:
//! nothing is written for a stranger, and only whoever sets the other side up right now asks for it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::app::App;
use crate::app::access;
use crate::app::error::Result;
use crate::crypto::token;
use crate::model::actor::Ctx;
use crate::model::directory::{Directory, TOKEN_PREFIX};
use crate::model::id::DirectoryId;
use crate::model::role::Permission;
use crate::model::time::Timestamp;

/// Directories that are remembered; then the memory begins anew.
const MOST: usize = 1_000;

/// What was shown instead of a good token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadToken {
    /// No `Authorization` at all.
    Missing,
    /// Another scheme than `Bearer`.
    OtherScheme,
    /// Not the form of our tokens: cut off, or something else.
    Malformed,
    /// One of another directory, or one that was deleted or has ended.
    Unknown,
}

impl BadToken {
    /// Of a header that was refused.
    pub fn of(header: &str) -> Self {
        let header = header.trim();
        let (scheme, secret) = header.split_once(' ').unwrap_or(("bearer", header));
        match () {
            () if header.is_empty() || header.eq_ignore_ascii_case("bearer") => Self::Missing,
            () if !scheme.eq_ignore_ascii_case("bearer") => Self::OtherScheme,
            () if !token::is_well_formed(TOKEN_PREFIX, secret.trim()) => Self::Malformed,
            () => Self::Unknown,
        }
    }
}

#[derive(Default)]
pub struct BadTokens(Mutex<HashMap<DirectoryId, (Timestamp, BadToken)>>);

impl BadTokens {
    fn lock(&self) -> MutexGuard<'_, HashMap<DirectoryId, (Timestamp, BadToken)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A good one came.
    pub(super) fn forget(&self, directory: &DirectoryId) {
        self.lock().remove(directory);
    }
}

impl App {
    /// `named` is the directory of the address.
    pub fn note_bad_scim_token(&self, named: Option<&str>, header: &str, now: Timestamp) {
        let Some(id) = named.and_then(|id| id.parse().ok()) else { return };
        let mut kept = self.bad_scim_tokens.lock();
        if kept.len() >= MOST && !kept.contains_key(&id) {
            kept.clear();
        }
        kept.insert(id, (now, BadToken::of(header)));
    }

    /// The last request that named this directory without a good token, if none with one came since.
    pub fn last_bad_scim_token(&self, ctx: &Ctx, directory: &Directory) -> Result<Option<(Timestamp, BadToken)>> {
        access::require(ctx, Permission::DirectoriesRead)?;
        Ok(self.bad_scim_tokens.lock().get(&directory.id).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_what_is_wrong_with_it() {
        let secret = token::new(TOKEN_PREFIX);
        for (header, expected) in [
            ("", BadToken::Missing),
            ("Bearer", BadToken::Missing),
            ("Basic YWRhOnNlY3JldA==", BadToken::OtherScheme),
            ("Bearer dwscim_short", BadToken::Malformed),
            ("eyJhbGciOiJIUzI1NiJ9", BadToken::Malformed),
        ] {
            assert_eq!(BadToken::of(header), expected, "{header}");
        }
        assert_eq!(BadToken::of(&format!("bearer  {secret}")), BadToken::Unknown);
        assert_eq!(BadToken::of(&secret), BadToken::Unknown);
    }
}
