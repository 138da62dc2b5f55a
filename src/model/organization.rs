//! A customer whose people sign in; owns everything but the instance's own settings.

use std::str::FromStr;

use crate::model::id::OrganizationId;
use crate::model::role::DefaultRole;
use crate::model::time::Timestamp;

#[derive(Debug, Clone)]
pub struct Organization {
    pub id: OrganizationId,
    pub slug: String,
    pub name: String,
    pub default_role: DefaultRole,
    pub sign_in_mode: SignInMode,
    /// How many active members there may be; none: any number.
    pub seats: Option<u32>,
    pub created_at: Timestamp,
    /// Counts edits.
    pub version: i64,
}

/// An organization has so many seats at most, where it counts them.
pub const MOST_SEATS: u32 = 1_000_000;

impl Organization {
    /// Whether `slug` can be one: it stands in addresses, in commands and as the name of what is one's own.
    pub fn is_slug(slug: &str) -> bool {
        let is_part = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        (1..=63).contains(&slug.len())
            && slug.chars().all(|letter| is_part(letter) || letter == '-')
            && slug.starts_with(is_part)
            && slug.ends_with(is_part)
    }
}

/// What people can use on the sign-in page. Begins as `Password`; the first activation of a connection makes it
/// `PasswordAndSso`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInMode {
    Password,
    PasswordAndSso,
    SsoOnly,
}

impl SignInMode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::PasswordAndSso => "password_and_sso",
            Self::SsoOnly => "sso_only",
        }
    }

    pub fn allows_password(self) -> bool {
        self != Self::SsoOnly
    }

    pub fn allows_sso(self) -> bool {
        self != Self::Password
    }
}

impl FromStr for SignInMode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Password, Self::PasswordAndSso, Self::SsoOnly].into_iter().find(|mode| mode.as_str() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_a_word_of_an_address() {
        for slug in ["main", "acme-2", "a", &"x".repeat(63)] {
            assert!(Organization::is_slug(slug), "{slug}");
        }
        for slug in ["", "-a", "a-", "Acme", "a b", "a_b", "ä", "a/b", "a\0", &"x".repeat(64)] {
            assert!(!Organization::is_slug(slug), "{slug}");
        }
    }
}
