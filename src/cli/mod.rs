//! The command line. stdout is data, stderr is talk. Exit: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::Parser;
use clap::Subcommand;

use crate::config::Config;
use crate::config::ConfigError;
use crate::config::FILE_VARIABLE;

mod admin;
mod api_key;
mod backup;
mod config;
mod demo;
mod doctor;
mod keys;
mod openapi;
mod secrets;
mod serve;
mod socket;

/// Self-hosted identity gateway: single sign-on by SAML through your own identity provider, and a console to set it up.
#[derive(Debug, Parser)]
#[command(name = "doorward", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway
    Serve(serve::Serve),
    /// Run a throw-away gateway with a demo identity provider, to look around
    Demo(demo::Demo),
    /// Make an admin, or let one back in
    Admin(admin::Admin),
    /// Make a key for the management API
    ApiKey(api_key::ApiKey),
    /// Rotate the keys that sign our requests to identity providers
    Keys(keys::Keys),
    /// Move the secrets in the database to a new master key
    Secrets(secrets::Secrets),
    /// Check the settings, or show those in force
    Config(config::ConfigCommand),
    /// Say what is wrong and what to do about it
    Doctor(doctor::Doctor),
    /// Copy the database to a file, also while the gateway runs; the master key stays out
    Backup(backup::Backup),
    /// Put a backup in the place of the database
    Restore(backup::Restore),
    /// Print the OpenAPI document of the management API
    Openapi,
}

/// Where the settings come from; every command has these.
#[derive(Debug, Clone, Default, Args)]
pub struct Settings {
    /// TOML file with settings
    #[arg(long, value_name = "FILE", env = FILE_VARIABLE)]
    pub config: Option<PathBuf>,
    /// Folder that holds the database [default: ./doorward-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// URL that people and identity providers know [default: http://localhost: and the port]
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
}

impl Settings {
    fn flags(&self, listen: Option<&str>) -> Vec<(&'static str, String)> {
        let folder = self.data_dir.as_ref().map(|folder| folder.display().to_string());
        let pairs = [("data_dir", folder), ("base_url", self.base_url.clone()), ("listen", listen.map(str::to_owned))];
        pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// Reads file, environment and flags; warnings go to stderr.
    pub fn load(&self, listen: Option<&str>) -> Result<Config, Stop> {
        let file = match &self.config {
            Some(path) => Some(std::fs::read_to_string(path).map_err(|source| {
                let problem = format!("The settings file {} cannot be read: {source}.", path.display());
                Stop::configuration(ConfigError { problems: vec![problem] }.to_string())
            })?),
            None => None,
        };
        let loaded = Config::load(file.as_deref(), std::env::vars(), self.flags(listen));
        let (config, warnings) = loaded.map_err(|problems| Stop::configuration(problems.to_string()))?;
        for warning in warnings {
            eprintln!("warning: {warning}");
        }
        Ok(config)
    }
}

/// Why a command ends without having done its work.
#[derive(Debug)]
pub struct Stop {
    code: u8,
    text: String,
}

impl Stop {
    pub fn failed(text: impl Into<String>) -> Self {
        Self { code: 1, text: text.into() }
    }

    pub fn configuration(text: impl Into<String>) -> Self {
        Self { code: 78, text: text.into() }
    }
}

impl From<crate::server::StartError> for Stop {
    fn from(error: crate::server::StartError) -> Self {
        use crate::server::StartError;
        let code = match &error {
            StartError::Key(_) | StartError::WrongKey | StartError::Lacking(_) | StartError::Roots(_) => 78,
            _ => 1,
        };
        Self { code, text: chain(&error) }
    }
}

impl From<crate::app::Error> for Stop {
    fn from(error: crate::app::Error) -> Self {
        Self::failed(match &error {
            crate::app::Error::Internal(_) => chain(&error),
            _ => error.public(),
        })
    }
}

/// To stdout. Whoever reads it may have read enough (`| head`).
fn print(text: &str) -> Result<(), Stop> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(problem) if problem.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Stop::failed(format!("The answer could not be written: {problem}.")))
        }
        _ => Ok(()),
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text} ({inner_text})");
        }
        cause = inner.source();
    }
    text
}

/// The whole program.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(problem) => {
            // clap prints help to stdout with 0 and mistakes to stderr with 2.
            problem.exit();
        }
    };
    let done = match cli.command {
        Command::Serve(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Admin(command) => command.run(),
        Command::ApiKey(command) => command.run(),
        Command::Keys(command) => command.run(),
        Command::Secrets(command) => command.run(),
        Command::Config(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Backup(command) => command.run(),
        Command::Restore(command) => command.run(),
        Command::Openapi => openapi::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            if !stop.text.is_empty() {
                eprintln!("doorward: {}", stop.text);
            }
            ExitCode::from(stop.code)
        }
    }
}
