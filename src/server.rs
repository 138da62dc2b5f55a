//! The gateway as a whole: opens the folder, builds `App`, starts the listener and the jobs, and stops all of it in order.

use std::net::SocketAddr;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::web;
use actix_web::web::Data;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::app::Urls;
use crate::app::second_opinion;
use crate::app::second_opinion::Standing;
use crate::app::secrets::CANARY;
use crate::app::setup;
use crate::config::Config;
use crate::crypto::password::Cost;
use crate::crypto::password::Hasher;
use crate::crypto::seal::MasterKey;
use crate::crypto::seal::Vault;
use crate::jobs;
use crate::model::time::Clock;
use crate::model::time::SystemClock;
use crate::outbound::http::Http;
use crate::store::OpenError;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::organizations;
use crate::web::frame;
use crate::web::health::Draining;
use crate::web::routes;

/// What a test puts in the place of the real thing.
pub struct Parts {
    pub clock: Arc<dyn Clock>,
    pub password_cost: Cost,
    /// Marks a folder of the demo, which `serve` then refuses.
    pub is_demo: bool,
    pub workers: usize,
}

impl Default for Parts {
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { clock: Arc::new(SystemClock), password_cost: Cost::standard(), is_demo: false, workers }
    }
}

/// Why the gateway did not start. A sentence for the operator each.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Key(#[from] crate::crypto::seal::KeyError),
    #[error(
        "The master key does not fit this data folder. Put the key back that it was made with; a backup leaves the key out."
    )]
    WrongKey,
    #[error("This folder was made by `doorward demo`. Name another one with --data-dir.")]
    Demo,
    #[error("Cannot listen on {address}: {source}. Choose another address with --listen.")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("{0}")]
    Lacking(&'static str),
    #[error(transparent)]
    Roots(#[from] crate::outbound::http::CaFileError),
    #[error("The first rows could not be written.")]
    First(#[from] crate::app::Error),
    #[error("The server could not start.")]
    Io(#[from] std::io::Error),
}

pub struct Server {
    pub address: SocketAddr,
    pub app: Data<App>,
    handle: ServerHandle,
    draining: Data<Draining>,
    serving: JoinHandle<std::io::Result<()>>,
    jobs: JoinHandle<()>,
    drain_delay: Duration,
}

impl Server {
    pub async fn start(config: Config, parts: Parts) -> Result<Self, StartError> {
        let listener = listen(config.listen)?;
        let address = listener.local_addr()?;
        let app = Data::from(Arc::new(open(&config, address.port(), &parts).await?));
        let draining = Data::new(Draining::default());
        let (drain_delay, shutdown) = (config.drain_delay, config.shutdown_timeout);
        let config = Data::new(config);
        let (for_workers, drains) = (app.clone(), draining.clone());
        let prefix = app.urls.prefix.clone();
        let server = HttpServer::new(move || {
            actix_web::App::new()
                .app_data(for_workers.clone())
                .app_data(config.clone())
                .app_data(drains.clone())
                .wrap(from_fn(frame::frame))
                .service(web::scope(&prefix).configure(routes::configure))
        })
        .workers(parts.workers)
        .client_request_timeout(Duration::from_secs(5))
        .keep_alive(Duration::from_secs(75))
        .shutdown_timeout(shutdown.as_secs())
        .disable_signals()
        .listen(listener)?
        .run();
        let handle = server.handle();
        let serving = tokio::spawn(server);
        let jobs = tokio::spawn(jobs::run(app.clone().into_inner()));
        Ok(Self { address, app, handle, draining, serving, jobs, drain_delay })
    }

    /// Turns new work away first, then finishes what is in flight, then closes the folder.
    pub async fn stop(self, at_once: bool) {
        self.draining.begin();
        if !at_once {
            tokio::time::sleep(self.drain_delay).await;
        }
        self.handle.stop(!at_once).await;
        if let Err(problem) = self.serving.await {
            tracing::error!(error = &problem as &dyn std::error::Error, "The server did not end by itself");
        }
        self.jobs.abort();
        if let Err(problem) = self.app.flush_scim_log().await {
            tracing::warn!(
                error = &problem as &dyn std::error::Error,
                "The last lines of the SCIM log were not written"
            );
        }
        self.app.store.close().await;
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|source| StartError::Listen { address, source })
}

/// Whether the data folder holds a database already.
pub fn is_installed(config: &Config) -> bool {
    Store::is_at(&config.data_dir)
}

/// Whether this build can do what the settings ask for; a warning where it only does less.
pub fn check(config: &Config) -> Result<Option<&'static str>, StartError> {
    second_opinion::lacking(config.second_opinion, config.is_set("second_opinion")).map_err(StartError::Lacking)
}

/// Opens the folder and builds what use cases share; also for the commands that run without a server.
pub async fn open(config: &Config, port: u16, parts: &Parts) -> Result<App, StartError> {
    if let Some(warning) = check(config)? {
        tracing::warn!("{warning}");
    }
    let store = Store::open(&config.data_dir)?;
    // A folder with secrets in it keeps its key: another one would only hide that the right one is missing.
    let canary = store.read(|tx| organizations::setting(tx, CANARY)).await.map_err(crate::app::Error::from)?;
    let may_be_made = config.master_key_file.is_none() && canary.is_none();
    let vault = Vault::new(MasterKey::load_or_make(&config.master_key_path(), may_be_made)?);
    check_folder(&store, &vault, parts.is_demo).await?;
    let now = parts.clock.now();
    setup::ensure_organization(&store, now).await?;
    let hasher = Hasher::new(parts.password_cost)?;
    let http = Http::new(config)?;
    let urls = Urls::from(&config.base_url_at(port));
    let second_opinion = Standing::of(config.second_opinion);
    Ok(App::new(store, Arc::clone(&parts.clock), vault, hasher, http, urls, second_opinion))
}

/// Refuses a folder whose secrets the master key cannot open, and a demo's folder where people are served.
async fn check_folder(store: &Store, vault: &Vault, is_demo: bool) -> Result<(), StartError> {
    let read = |name: &'static str| store.read(move |tx| organizations::setting(tx, name));
    let internal = |error: StoreError| StartError::First(error.into());
    match read(CANARY).await.map_err(internal)? {
        Some(canary) => vault.check_canary(&canary).map_err(|_| StartError::WrongKey)?,
        None => {
            let canary = vault.canary();
            store.write(move |tx| organizations::set_setting(tx, CANARY, &canary)).await.map_err(internal)?;
        }
    }
    let was_demo = read("demo").await.map_err(internal)?.is_some();
    if was_demo && !is_demo {
        return Err(StartError::Demo);
    }
    if is_demo {
        store.write(|tx| organizations::set_setting(tx, "demo", "yes")).await.map_err(internal)?;
    }
    Ok(())
}

/// The OpenAPI document of the management API.
pub fn openapi() -> String {
    crate::web::api::openapi::text(None)
}
