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
    pub created_at: Timestamp,
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
