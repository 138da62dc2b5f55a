//! What a caller may learn when a use case does not do what was asked.

use crate::crypto::password::Overloaded;
use crate::crypto::seal::SealError;
use crate::model::invalid::Invalid;
use crate::model::role::Permission;
use crate::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("{0}")]
    Invalid(Invalid),
    /// What was asked does not fit what is there now.
    #[error("{text}")]
    Conflict { code: &'static str, text: String },
    /// Somebody else saved first; the caller shows both.
    #[error("somebody else changed this since you opened it")]
    Changed,
    #[error("this needs the permission {0}")]
    Forbidden(Permission),
    /// What an identity provider sent cannot be done, in the words of RFC 7644.
    #[error("{0}")]
    Scim(#[from] crate::scim::Error),
    #[error("{text}")]
    Refused { code: &'static str, text: String },
    #[error("nobody is signed in")]
    SignedOut,
    /// Seconds to wait.
    #[error("too many tries")]
    TooMany { retry_after: u64 },
    /// One caller has too much in flight.
    #[error("{text}")]
    Crowded { text: String, retry_after: u64 },
    #[error("too busy")]
    Unavailable { retry_after: u64 },
    #[error("something failed inside")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    pub fn conflict(code: &'static str, text: impl Into<String>) -> Self {
        Self::Conflict { code, text: text.into() }
    }

    pub fn refused(code: &'static str, text: impl Into<String>) -> Self {
        Self::Refused { code, text: text.into() }
    }

    pub fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Box::new(error))
    }

    /// A stable word for logs, problems and docs/errors.md.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not_found",
            Self::Invalid(_) => "invalid",
            Self::Conflict { code, .. } | Self::Refused { code, .. } => code,
            Self::Scim(_) => "scim_refused",
            Self::Changed => "changed_meanwhile",
            Self::Forbidden(_) => "forbidden",
            Self::SignedOut => "signed_out",
            Self::TooMany { .. } => "throttled",
            Self::Crowded { .. } => "scim_crowded",
            Self::Unavailable { .. } => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    /// A sentence for whoever called: what happened and what to do next.
    pub fn public(&self) -> String {
        match self {
            Self::NotFound(kind) => {
                format!("There is no such {kind}. It may have been removed; go back and look at the list.")
            }
            Self::Invalid(invalid) if invalid.errors.len() == 1 => invalid.errors[0].text.clone(),
            Self::Invalid(_) => "Some fields need another look. The errors name them.".into(),
            Self::Conflict { text, .. } | Self::Refused { text, .. } | Self::Crowded { text, .. } => text.clone(),
            Self::Scim(error) => error.detail.clone(),
            Self::Changed => {
                "Somebody else saved a change since you opened this. Compare both, then save again.".into()
            }
            Self::Forbidden(permission) => {
                format!("This needs the permission {permission}. Ask an admin for a role that has it.")
            }
            Self::SignedOut => "Sign in first.".into(),
            Self::TooMany { retry_after } => {
                let unit = if *retry_after == 1 { "second" } else { "seconds" };
                format!("Too many tries. Wait {retry_after} {unit}, then try again.")
            }
            Self::Unavailable { .. } => "Doorward is too busy right now. Wait a few seconds, then try again.".into(),
            Self::Internal(_) => {
                "Something failed on this server. Try again; if it stays, give your operator the request id.".into()
            }
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy | StoreError::Closed => Self::Unavailable { retry_after: 5 },
            other => Self::Internal(Box::new(other)),
        }
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<Overloaded> for Error {
    fn from(_: Overloaded) -> Self {
        Self::Unavailable { retry_after: 2 }
    }
}

impl From<SealError> for Error {
    fn from(error: SealError) -> Self {
        Self::Internal(Box::new(error))
    }
}

pub type Result<T, E = Error> = std::result::Result<T, E>;
