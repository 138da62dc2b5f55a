//! Commands that write speak to the running server through a Unix socket in the data folder, so that the folder never
//! has two writers. Without a server they open the folder themselves. One JSON line each way; mode 0600.

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;
use tokio::io::AsyncBufReadExt as _;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::app::Error;
use crate::app::connection_keys::RotatedKey;
use crate::app::health::Finding;
use crate::app::secrets::Rewrapped;
use crate::app::setup::AdminMade;
use crate::app::setup::command_line;
use crate::cli::Stop;
use crate::cli::print;
use crate::cli::serve::on_runtime;
use crate::config::Config;
use crate::model::id::ConnectionId;
use crate::server;
use crate::server::Parts;

const NAME: &str = "doorward.sock";
const LIMIT: u64 = 64 * 1024;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    CreateAdmin { email: String, name: String, org: Option<String>, password: Option<String> },
    RecoverAdmin { email: String, org: Option<String> },
    CreateApiKey { name: String, org: Option<String>, role: Option<String> },
    Backup { file: PathBuf },
    RotateKeys { now: bool, connection: Option<String> },
    RewrapSecrets,
    Doctor,
}

impl Command {
    /// Whether it may make the data folder: what provisions an installation comes before its first start.
    fn may_be_first(&self) -> bool {
        match self {
            Self::CreateAdmin { .. } | Self::CreateApiKey { .. } => true,
            Self::RecoverAdmin { .. }
            | Self::Backup { .. }
            | Self::RotateKeys { .. }
            | Self::RewrapSecrets
            | Self::Doctor => false,
        }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Reply {
    /// For stdout.
    pub data: String,
    /// For stderr.
    pub talk: String,
    pub failed: bool,
    pub findings: Vec<Finding>,
}

fn path(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

/// Answers commands for as long as the server runs.
pub fn listen(folder: &Path, app: Arc<App>) -> std::io::Result<JoinHandle<()>> {
    let path = path(folder);
    // Left behind by a process that was killed; the folder's lock says that it is ours now.
    if path.exists() {
        std::fs::remove_file(&path)?;
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(answer(stream, Arc::clone(&app)));
                }
                Err(problem) => {
                    tracing::warn!(error = &problem as &dyn std::error::Error, "A command did not get through");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }))
}

pub fn remove(folder: &Path) {
    if let Err(problem) = std::fs::remove_file(path(folder)) {
        tracing::debug!(error = &problem as &dyn std::error::Error, "The command socket was gone already");
    }
}

async fn answer(stream: tokio::net::UnixStream, app: Arc<App>) {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let got = tokio::io::BufReader::new(read.take(LIMIT)).read_line(&mut line).await;
    let reply = match got.map(|_| serde_json::from_str::<Command>(&line)) {
        Ok(Ok(command)) => run(&app, command).await,
        _ => Reply {
            talk: "This command was not understood. Use the same version as the server.".into(),
            failed: true,
            ..Reply::default()
        },
    };
    let mut text = serde_json::to_string(&reply).unwrap_or_default();
    text.push('\n');
    if let Err(problem) = write.write_all(text.as_bytes()).await {
        tracing::warn!(error = &problem as &dyn std::error::Error, "The answer to a command did not get through");
    }
}

/// Runs a command in the server that has the folder, or here if none has.
pub fn ask(config: Config, command: Command) -> Result<Reply, Stop> {
    if let Ok(stream) = UnixStream::connect(path(&config.data_dir)) {
        return over(stream, &command)
            .map_err(|problem| Stop::failed(format!("The running server did not answer: {problem}.")));
    }
    if !command.may_be_first() && !server::is_installed(&config) {
        let text = format!(
            "There is no database in {}. Name the data folder with --data-dir, or start the gateway there first.",
            config.data_dir.display()
        );
        // What only looks makes nothing, or a wrong folder would look like a right one from then on.
        return match command {
            Command::Doctor => Ok(Reply { findings: vec![Finding::failed("database", text)], ..Reply::default() }),
            _ => Err(Stop::failed(text)),
        };
    }
    on_runtime(async move {
        let app = server::open(&config, config.listen.port(), &Parts::default()).await?;
        let reply = run(&app, command).await;
        app.store.close().await;
        Ok(reply)
    })
}

fn over(mut stream: UnixStream, command: &Command) -> std::io::Result<Reply> {
    stream.set_read_timeout(Some(Duration::from_secs(600)))?;
    let mut text = serde_json::to_string(command)?;
    text.push('\n');
    stream.write_all(text.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

async fn run(app: &App, command: Command) -> Reply {
    match work(app, command).await {
        Ok(reply) => reply,
        Err(stop) => Reply { talk: stop.text, failed: true, ..Reply::default() },
    }
}

async fn work(app: &App, command: Command) -> Result<Reply, Stop> {
    let now = app.clock.now();
    let ctx = async |org: Option<String>| -> Result<_, Error> {
        let organization = app.find_organization(org.as_deref()).await?;
        Ok(command_line(&organization.id, now))
    };
    match command {
        Command::CreateAdmin { email, name, org, password } => {
            let made = app.create_admin(&ctx(org).await?, &email, &name, password).await?;
            Ok(match made {
                AdminMade::WithPassword => Reply { talk: format!("Made the admin {email}."), ..Reply::default() },
                AdminMade::Link(url) => Reply {
                    talk: format!("Made the admin {email}. This link sets the password; it works once, for 3 days:"),
                    data: url,
                    ..Reply::default()
                },
            })
        }
        Command::RecoverAdmin { email, org } => {
            let url = app.recover_admin(&ctx(org).await?, &email).await.map_err(|error| match error {
                Error::NotFound("admin") => Stop::failed(format!(
                    "{email} is no admin here. `doorward admin create --email {email}` makes one."
                )),
                error => error.into(),
            })?;
            Ok(Reply {
                talk: "This link lets them back in; it works once, for 15 minutes:".into(),
                data: url,
                ..Reply::default()
            })
        }
        Command::CreateApiKey { name, org, role } => {
            let (_, secret) = app.create_api_key(&ctx(org).await?, &name, role.as_deref(), None).await?;
            Ok(Reply { data: secret, ..Reply::default() })
        }
        Command::Backup { file } => {
            let copied = app.store.backup(&file).await.map_err(|problem| Stop::failed(super::chain(&problem)))?;
            app.note_backup(&ctx(None).await?).await?;
            Ok(Reply {
                talk: format!(
                    "Copied {} bytes to {}. The master key is not in it; keep it elsewhere.",
                    copied.bytes,
                    file.display()
                ),
                ..Reply::default()
            })
        }
        Command::RotateKeys { now: at_once, connection } => {
            let id = connection.as_deref().map(str::parse::<ConnectionId>).transpose();
            let unknown = "There is no connection with this id. `keys rotate` without --connection takes each.";
            let id = id.map_err(|_| Stop::failed(unknown))?;
            let rotated = app.rotate_keys(now, id, at_once).await.map_err(|error| match error {
                Error::NotFound(_) => Stop::failed(unknown),
                error => error.into(),
            })?;
            Ok(told_rotation(&rotated, at_once))
        }
        Command::RewrapSecrets => Ok(told_rewrap(&app.rewrap_secrets(&ctx(None).await?).await?)),
        Command::Doctor => Ok(Reply { findings: app.examine_health(now).await?, ..Reply::default() }),
    }
}

/// A line for each connection: its id, the fingerprint of the key, and where its certificate is.
fn told_rotation(rotated: &[RotatedKey], at_once: bool) -> Reply {
    let talk = match (rotated.len(), at_once) {
        (0, _) => "No connection has been turned on yet: there is nothing to rotate.".to_owned(),
        (n, true) => format!(
            "{n} now sign with this key. An identity provider that checks our requests refuses them until it has it too; \
             the connection's page switches back. The former keys still open what is encrypted to them."
        ),
        (n, false) => format!(
            "{n} publish this next key. Give it to each identity provider, then switch on the connection's page or with \
             `doorward keys rotate --now`."
        ),
    };
    let line = |key: &RotatedKey| format!("{} {} {}", key.connection, key.sha256, key.url);
    Reply { data: rotated.iter().map(line).collect::<Vec<_>>().join("\n"), talk, ..Reply::default() }
}

fn told_rewrap(done: &Rewrapped) -> Reply {
    let mut talk = match done.total() {
        0 => format!("Nothing was left to do: everything that opens is sealed under master key {}.", done.newest),
        _ => format!(
            "Sealed again under master key {}: {} keys of connections, {} kept answers.",
            done.newest, done.connection_keys, done.answers
        ),
    };
    for (why, n) in &done.failed {
        talk = format!("{talk}\n{n} could not be opened and stay as they are: {why}.");
    }
    Reply { talk, failed: !done.failed.is_empty(), ..Reply::default() }
}

/// Prints what came back; a failure ends the command.
pub fn tell(reply: &Reply) -> Result<(), Stop> {
    if reply.failed {
        return Err(Stop::failed(reply.talk.clone()));
    }
    if !reply.talk.is_empty() {
        eprintln!("{}", reply.talk);
    }
    if !reply.data.is_empty() {
        print(&reply.data)?;
    }
    Ok(())
}
