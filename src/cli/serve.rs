//! `doorward serve`: runs until SIGTERM or SIGINT; a second signal ends it at once.

use clap::Args;
use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tracing_subscriber::EnvFilter;

use crate::cli::Settings;
use crate::cli::Stop;
use crate::cli::socket;
use crate::config::Config;
use crate::config::LogFormat;
use crate::server::Parts;
use crate::server::Server;

#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    settings: Settings,
    /// Address and port to answer on; port 0 picks one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

impl Serve {
    pub fn run(self) -> Result<(), Stop> {
        let config = self.settings.load(self.listen.as_deref())?;
        start_log(&config);
        on_runtime(async move {
            // Before anything is told: whoever reads that we listen may end us at once.
            let signals = Signals::listen()?;
            let folder = config.data_dir.clone();
            let server = Server::start(config, Parts::default()).await?;
            let commands = socket::listen(&folder, server.app.clone().into_inner()).map_err(|problem| {
                Stop::failed(format!("The command socket in {} cannot be made: {problem}.", folder.display()))
            })?;
            println!("listening on http://{}", server.address);
            invite(&server).await?;
            wait_for_end(server, signals).await;
            commands.abort();
            socket::remove(&folder);
            Ok(())
        })
    }
}

/// Runs the work of a command; the server starts its workers from here.
pub fn on_runtime<T>(work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|problem| Stop::failed(format!("No threads could be started: {problem}.")))?.block_on(work)
}

/// On the first run: where to go, and with which code.
async fn invite(server: &Server) -> Result<(), Stop> {
    if server.app.needs_setup().await? {
        eprintln!("setup code: {}", server.app.setup_code.text());
        eprintln!("Open {} and paste it to make the first admin.", server.app.urls.join("/setup"));
    }
    Ok(())
}

/// What ends the server.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Stop> {
        let unheard = |problem| Stop::failed(format!("Signals cannot be heard on this system: {problem}."));
        let terminate = signal(SignalKind::terminate()).map_err(unheard)?;
        let interrupt = signal(SignalKind::interrupt()).map_err(unheard)?;
        Ok(Self { terminate, interrupt })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Waits for the first signal, stops in order, and for the second, stops at once.
async fn wait_for_end(server: Server, mut signals: Signals) {
    signals.next().await;
    tracing::info!("Stopping: requests in flight are finished first");
    tokio::select! {
        () = server.stop(false) => {}
        () = signals.next() => std::process::exit(0),
    }
}

/// Logs go to stderr; stdout is data.
pub fn start_log(config: &Config) {
    let filter = EnvFilter::new(&config.log);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder.with_ansi(false).init(),
    }
}
