//! A browser that is signed in to Doorward.

use std::net::IpAddr;

use crate::model::id::{ConnectionId, MemberId, OrganizationId, SessionId};
use crate::model::time::Timestamp;
use crate::model::time::hours;
use crate::model::time::minutes;

#[derive(Debug, Clone)]
pub struct Session {
    pub id: SessionId,
    pub organization: OrganizationId,
    pub member: MemberId,
    pub method: Method,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub started_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// Its last use of the console; at first, when it began.
    pub console_seen_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    Password,
    Saml(ConnectionId),
}

impl Method {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Saml(_) => "saml",
        }
    }

    pub fn connection(&self) -> Option<&ConnectionId> {
        match self {
            Self::Password => None,
            Self::Saml(id) => Some(id),
        }
    }
}

/// The ways to sign in, whatever the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MethodKind {
    Password,
    Saml,
}

impl MethodKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Saml => "saml",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Password, Self::Saml].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What a list of sessions is narrowed to; the newest come first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    pub member: Option<MemberId>,
    /// In the person's name, address or job title.
    pub text: Option<String>,
    pub method: Option<MethodKind>,
    pub connection: Option<ConnectionId>,
    pub ip: Option<IpAddr>,
    /// Signed in at this time or later.
    pub from: Option<Timestamp>,
    /// Signed in before this time.
    pub before: Option<Timestamp>,
}

impl SessionFilter {
    pub fn of_member(member: MemberId) -> Self {
        Self { member: Some(member), ..Self::default() }
    }

    /// An address as sessions keep it.
    pub fn parse_ip(text: &str) -> Option<IpAddr> {
        text.trim().parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
    }

    /// What it narrows to, each with its name: for the audit log.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        [
            ("text", self.text.clone()),
            ("method", self.method.map(|kind| kind.as_str().to_owned())),
            ("connection", self.connection.as_ref().map(ToString::to_string)),
            ("ip", self.ip.map(|ip| ip.to_string())),
            ("from", self.from.map(Timestamp::rfc3339)),
            ("before", self.before.map(Timestamp::rfc3339)),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name, value)))
        .collect()
    }
}

/// Sessions are counted so far for a question; whoever ends them is told how many they were.
pub const COUNTED: u32 = 2_000;

/// Without a request for this long, a session ends.
pub const IDLE: std::time::Duration = hours(8);
/// However busy, a session ends after this long.
pub const ABSOLUTE: std::time::Duration = hours(24);
/// The console asks again after this long without a request, or this long after signing in.
pub const CONSOLE_IDLE: std::time::Duration = minutes(30);
pub const CONSOLE_ABSOLUTE: std::time::Duration = hours(8);
/// Linking a sign-in to oneself wants a sign-in this recent.
pub const RECENT: std::time::Duration = minutes(5);
/// `last_seen_at` and `console_seen_at` are written at most this often.
pub const TOUCH: std::time::Duration = minutes(1);

impl Session {
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now < self.expires_at && now.since(self.last_seen_at) < IDLE
    }

    pub fn is_fresh_for_console(&self, now: Timestamp) -> bool {
        now.since(self.console_seen_at) < CONSOLE_IDLE && now.since(self.started_at) < CONSOLE_ABSOLUTE
    }

    pub fn is_recent(&self, now: Timestamp) -> bool {
        now.since(self.started_at) < RECENT
    }
}
