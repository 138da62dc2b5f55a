//! What tests/it may see besides HTTP (feature `testing`): a gateway in this process, its clock, its use cases, the
//! list of routes, every page in every state, and what an identity provider needs to sign.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::config::Config;
use crate::crypto::password::Cost;
use crate::model::time::SystemClock;
use crate::server::Parts;
use crate::server::Server;
use crate::web::html;
use crate::web::routes;
use crate::web::routes::Needs;

pub use crate::app::App;
pub use crate::app::Error;
pub use crate::app::connections::NewConnection;
pub use crate::app::connections::SettingsChange;
pub use crate::app::directories::DirectoryInput;
pub use crate::app::health::{Finding, Verdict};
pub use crate::app::members::MemberInput;
pub use crate::app::metadata::MetadataInput;
pub use crate::app::sessions::Visitor;
pub use crate::app::setup::command_line;
pub use crate::crypto::signing::RsaSigner;
pub use crate::crypto::signing::SigningIdentity;
pub use crate::model::actor::Ctx;
pub use crate::model::audit::AuditEvent;
pub use crate::model::audit::AuditFilter;
pub use crate::model::connection::AttributeNames;
pub use crate::model::connection::Binding;
pub use crate::model::connection::ExpiredCertificates;
pub use crate::model::connection::TestStatus;
pub use crate::model::id::ConnectionId;
pub use crate::model::id::MemberId;
pub use crate::model::logout::Logout;
pub use crate::model::page::Window;
pub use crate::model::role::DefaultRole;
pub use crate::model::role::Role;
pub use crate::model::session::SessionFilter;
pub use crate::model::sign_in::SignIn;
pub use crate::model::time::Clock;
pub use crate::model::time::Timestamp;
pub use crate::model::time::{days, hours, minutes, seconds};
pub use crate::saml::redirect::url as redirect_url;
pub use crate::saml::sign::sign_element;
pub use crate::server::StartError;

// The demo identity provider, driven without a browser.
pub use crate::demo::answer::{Key, ResponseTemplate, Sign, Tamper};
pub use crate::demo::idp::{DemoIdp, Options};
pub use crate::demo::people::{Fault, Person};
pub use crate::demo::request::Request;

// What tests/bench and tests/fuzz reach.
pub use crate::crypto::certificate::Certificate;
pub use crate::saml::decrypt::DecryptionKey;
pub use crate::saml::metadata;
pub use crate::saml::response::Expected;
pub use crate::saml::response::Received;
pub use crate::saml::response::examine;
pub use crate::saml::second_opinion;
pub use crate::saml::signature::PinnedKey;
pub use crate::saml::signature::verify;
pub use crate::scim::{Quirks, Schemas};
pub use crate::scim::{filter as scim_filter, path as scim_path};
pub use crate::scim::{group as scim_group, group_patch as scim_group_patch, patch as scim_patch, user as scim_user};

/// Follows the system's clock, moved by what a test added to it.
#[derive(Debug, Default)]
pub struct TestClock {
    ahead: AtomicI64,
}

impl TestClock {
    pub fn advance(&self, time: Duration) {
        self.ahead.fetch_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemClock.now().millis().saturating_add(self.ahead.load(Ordering::SeqCst)))
    }
}

/// A gateway on a port of its own, with a clock that moves by hand and cheap passwords. It ends when it is dropped.
pub struct Gateway {
    pub address: SocketAddr,
    pub app: Arc<App>,
    pub clock: Arc<TestClock>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Gateway {
    /// `settings` are keys of the settings file, which stand beside the folder and a free port.
    pub fn start(folder: &Path, settings: &[(&'static str, &str)]) -> Result<Self, StartError> {
        let own = [("data_dir", folder.display().to_string()), ("listen", "127.0.0.1:0".to_owned())];
        let given = settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let (config, _) = Config::load(None, [], own.into_iter().chain(given)).expect("a test's settings are right");
        let clock = Arc::new(TestClock::default());
        let parts =
            Parts { clock: Arc::clone(&clock) as _, password_cost: Cost::cheap(), workers: 1, ..Parts::default() };
        let (started, start) = std::sync::mpsc::channel();
        let (end, ended) = oneshot::channel();
        // A runtime of its own, so that the gateway outlives no test and blocks none.
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            runtime.expect("threads can be started").block_on(async move {
                match Server::start(config, parts).await {
                    Err(error) => started.send(Err(error)).expect("the test waits for its gateway"),
                    Ok(server) => {
                        let app = server.app.clone().into_inner();
                        started.send(Ok((server.address, app))).expect("the test waits for its gateway");
                        // An error means that the gateway was dropped, which ends it just as well.
                        ended.await.unwrap_or_default();
                        server.stop(true).await;
                    }
                }
            });
        });
        let (address, app) = start.recv().expect("the gateway's thread answers")?;
        Ok(Self { address, app, clock, end: Some(end), thread: Some(thread) })
    }

    /// Every job, once.
    pub async fn run_jobs(&self) -> Result<(), Error> {
        self.app.refresh_metadata(self.clock.now()).await?;
        self.app.flush_scim_log().await?;
        self.app.index_member_texts().await?;
        self.app.resume_runs(self.clock.now()).await?;
        self.app.watch_certificates(self.clock.now()).await?;
        self.app.watch_keys(self.clock.now()).await?;
        self.app.watch_directory_tokens(self.clock.now()).await?;
        self.app.sweep(self.clock.now()).await
    }

    /// Ends it and waits until the folder is free.
    pub fn stop(mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the gateway ends in order");
        }
    }
}

/// A route as the tests know it.
#[derive(Debug, Clone)]
pub struct RouteEntry {
    pub method: String,
    pub path: &'static str,
    pub needs: Caller,
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    Anybody,
    /// Whoever shows a directory's token.
    ScimToken,
    AnybodyWithForm,
    Member,
    /// The roles that have the permission.
    Console(&'static str),
    Api(&'static str),
    ApiCaller,
}

pub fn all_routes() -> Vec<RouteEntry> {
    let entry = |entry: &routes::Entry| RouteEntry {
        method: entry.method.to_string(),
        path: entry.path,
        needs: match entry.needs {
            Needs::Nothing => Caller::Anybody,
            Needs::ScimToken => Caller::ScimToken,
            Needs::Form => Caller::AnybodyWithForm,
            Needs::Member => Caller::Member,
            Needs::Console(permission) => Caller::Console(permission.as_str()),
            Needs::Api(permission) => Caller::Api(permission.as_str()),
            Needs::ApiCaller => Caller::ApiCaller,
        },
    };
    routes::all().entries().iter().map(entry).collect()
}

/// Whether a role holds the permission of that name.
pub fn holds(role: Role, permission: &str) -> bool {
    let held = role.permissions();
    crate::model::role::Permission::ALL.iter().any(|known| known.as_str() == permission && held.has(*known))
}

/// Every page in every state: its name and its HTML.
pub fn page_samples() -> Vec<(&'static str, String)> {
    html::samples()
}
