//! Single logout: what has to be known of a session so that the identity provider and we mean the same one, and what a
//! browser brings back.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::id::ConnectionId;
use crate::model::time::Timestamp;
use crate::model::time::minutes;

/// How a person is named by the identity provider (SAML core 2.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameId {
    pub value: String,
    pub format: Option<String>,
    pub name_qualifier: Option<String>,
    pub sp_name_qualifier: Option<String>,
}

const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

impl NameId {
    /// Whether both name the same person of one identity provider (SAML core 3.7.3, 8.3). Providers repeat the value and
    /// leave out what is understood, so what is missing on one side says nothing against the other.
    pub fn is_same(&self, other: &Self) -> bool {
        let format = |name: &Self| name.format.clone().filter(|format| format != UNSPECIFIED);
        let fits = |one: Option<String>, two: Option<String>| one.zip(two).is_none_or(|(one, two)| one == two);
        self.value == other.value
            && fits(format(self), format(other))
            && fits(self.name_qualifier.clone(), other.name_qualifier.clone())
            && fits(self.sp_name_qualifier.clone(), other.sp_name_qualifier.clone())
    }
}

/// A session as the identity provider knows it: what a logout request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSession {
    pub name_id: NameId,
    /// SessionIndex; not every provider gives one.
    pub index: Option<String>,
}

impl ProviderSession {
    /// Whether a request for this person and these indexes means this session. Without an index it means all of theirs; a
    /// session that never had one cannot be told apart, so it ends too.
    pub fn is_meant(&self, name_id: &NameId, indexes: &[String]) -> bool {
        let is_indexed = self.index.as_ref().is_none_or(|index| indexes.is_empty() || indexes.contains(index));
        is_indexed && self.name_id.is_same(name_id)
    }
}

/// How far a sign-out reaches that a person asks for here. The identity provider's own requests are always obeyed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Logout {
    /// This gateway's session alone.
    #[default]
    Local,
    /// The identity provider's too, and with it every application that it signs out.
    Global,
}

impl Logout {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Global => "global",
        }
    }
}

impl FromStr for Logout {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "local" => Ok(Self::Local),
            "global" => Ok(Self::Global),
            _ => Err(()),
        }
    }
}

/// How long the identity provider's answer to our request counts.
pub const PATIENCE: std::time::Duration = minutes(10);

/// A sign-out that waits for the identity provider, or what became of it. Sealed in a cookie of the browser that asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingLogout {
    /// The LogoutRequest's ID; the answer names it in InResponseTo.
    pub request: String,
    pub connection: ConnectionId,
    /// What people call the connection.
    pub name: String,
    pub began_at: Timestamp,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// No answer yet; there may never be one.
    Waiting,
    Confirmed,
    /// The identity provider has ended its session, but could not end all that depend on it.
    Partly,
    /// It answered something else, or something that could not be believed.
    Unconfirmed,
}

impl PendingLogout {
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.outcome == Outcome::Waiting && now.since(self.began_at) < PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_id(value: &str, format: Option<&str>, qualifier: Option<&str>) -> NameId {
        NameId {
            value: value.to_owned(),
            format: format.map(str::to_owned),
            name_qualifier: qualifier.map(str::to_owned),
            sp_name_qualifier: None,
        }
    }

    #[test]
    fn a_name_is_the_same_with_what_is_understood_left_out_and_not_with_another_value_format_or_qualifier() {
        let ours = name_id("ada", Some("urn:f:persistent"), Some("https://idp.example"));
        for same in [name_id("ada", None, None), name_id("ada", Some(UNSPECIFIED), None), ours.clone()] {
            assert!(ours.is_same(&same) && same.is_same(&ours), "{same:?}");
        }
        for other in [
            name_id("Ada", Some("urn:f:persistent"), None),
            name_id("ada", Some("urn:f:transient"), None),
            name_id("ada", None, Some("https://other.example")),
        ] {
            assert!(!ours.is_same(&other), "{other:?}");
        }
    }

    #[test]
    fn a_request_means_the_sessions_it_names_or_all_of_the_person() {
        let session = |index: Option<&str>| ProviderSession {
            name_id: name_id("ada", None, None),
            index: index.map(str::to_owned),
        };
        let (ada, grace) = (name_id("ada", None, None), name_id("grace", None, None));
        let named = |indexes: &[&str]| indexes.iter().map(|index| (*index).to_owned()).collect::<Vec<_>>();
        assert!(session(Some("1")).is_meant(&ada, &named(&["2", "1"])));
        assert!(!session(Some("1")).is_meant(&ada, &named(&["2"])));
        assert!(session(Some("1")).is_meant(&ada, &[]));
        assert!(session(None).is_meant(&ada, &named(&["2"])));
        assert!(!session(Some("1")).is_meant(&grace, &named(&["1"])));
    }
}
