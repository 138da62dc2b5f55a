//! Use cases: the only place that decides. Each is one read, pure thinking, one write; change, audit event and whatever
//! else must happen together stand in one closure on the store. Knows no HTTP, no page and no SQL.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::config::BaseUrl;
use crate::crypto::password::Hasher;
use crate::crypto::seal::Vault;
use crate::model::time::Clock;
use crate::outbound::http::Http;
use crate::store::Store;

pub mod access;
pub mod activation;
pub mod api_keys;
mod arrived;
pub mod audit;
pub mod audit_views;
pub mod certificates;
pub mod checklist;
pub mod connection_keys;
pub mod connections;
pub mod directories;
mod directory_end;
mod directory_grants;
pub mod directory_mappings;
pub mod directory_pages;
mod directory_tokens;
pub mod end_sessions;
pub mod error;
pub mod granting;
pub mod groups;
mod guard;
pub mod health;
mod identities;
pub mod jobs;
pub mod loaded;
pub mod lock;
pub mod logout;
pub mod match_report;
pub mod members;
pub mod merge;
pub mod metadata;
mod name_ids;
pub mod organization;
pub mod passwords;
pub mod provision;
pub mod refresh;
pub mod refusals;
mod regranting;
pub mod rehearsal;
pub mod revisions;
pub mod role_mappings;
pub mod roles;
pub mod runs;
pub mod scim;
pub mod seats;
pub mod second_opinion;
pub mod secrets;
pub mod sessions;
pub mod setup;
pub mod sign_in;
pub mod sign_in_log;
pub mod sp;
pub mod tags;
pub mod teams;
pub mod test_sso;
pub mod throttle;
pub mod timeline;
pub mod trace;
mod ways_in;

pub use error::Error;

use api_keys::Turns;
use loaded::LoadedConnections;
use refusals::RefusalLimit;
use second_opinion::Standing;
use setup::SetupCode;
use throttle::Throttle;

/// Our own addresses; the only source of URLs we hand out.
#[derive(Debug, Clone)]
pub struct Urls {
    pub base: String,
    pub origin: String,
    /// Path prefix without a slash at its end; mostly empty.
    pub prefix: String,
    pub host: String,
    pub is_https: bool,
    pub is_loopback: bool,
}

impl Urls {
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

impl From<&BaseUrl> for Urls {
    fn from(base: &BaseUrl) -> Self {
        Self {
            base: base.join(""),
            origin: base.origin().to_owned(),
            prefix: base.prefix().to_owned(),
            host: base.host().to_owned(),
            is_https: base.is_https(),
            is_loopback: base.is_loopback(),
        }
    }
}

/// All that use cases share; nothing is global.
pub struct App {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub vault: Vault,
    pub hasher: Hasher,
    pub http: Http,
    pub urls: Urls,
    pub setup_code: SetupCode,
    /// Whether an independent verifier is asked about SAML answers, and whether it decides.
    pub(crate) second_opinion: Standing,
    pub(crate) throttle: Throttle,
    pub(crate) connections: LoadedConnections,
    /// Answers that nobody signed.
    pub(crate) unverified: RefusalLimit,
    /// Answers that the provider signed and that were refused all the same; one answer can be sent again and again.
    pub(crate) verified: RefusalLimit,
    /// Sign-ins that went on although the second opinion differs, and keep their trace.
    pub(crate) differing: RefusalLimit,
    pub(crate) turns: Turns,
    /// Lines of directories' request logs that are about to be written.
    pub(crate) scim_log: scim::Log,
    pub(crate) bad_scim_tokens: scim::BadTokens,
    pub(crate) scim_callers: scim::Callers,
    pub(crate) scim_places: scim::Places,
    pub(crate) carried: runs::Carried,
    pub(crate) is_set_up: AtomicBool,
}

impl App {
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        vault: Vault,
        hasher: Hasher,
        http: Http,
        urls: Urls,
        second_opinion: Standing,
    ) -> Self {
        Self {
            store,
            clock,
            vault,
            hasher,
            http,
            urls,
            setup_code: SetupCode::new(),
            second_opinion,
            throttle: Throttle::default(),
            connections: LoadedConnections::default(),
            unverified: RefusalLimit::new(200.0, 20.0),
            verified: RefusalLimit::new(60.0, 0.5),
            differing: RefusalLimit::new(20.0, 1.0 / 60.0),
            turns: Turns::default(),
            scim_log: scim::Log::default(),
            bad_scim_tokens: scim::BadTokens::default(),
            scim_callers: scim::Callers::default(),
            scim_places: scim::Places::default(),
            carried: runs::Carried::default(),
            is_set_up: AtomicBool::new(false),
        }
    }
}
