//! `doorward secrets rewrap`: everything sealed, under the newest master key.

use clap::Args;
use clap::Subcommand;

use crate::cli::Settings;
use crate::cli::Stop;
use crate::cli::socket;
use crate::cli::socket::Command;

#[derive(Debug, Args)]
pub struct Secrets {
    #[command(subcommand)]
    command: SecretsCommand,
}

#[derive(Debug, Subcommand)]
enum SecretsCommand {
    /// Seal every secret in the database again under the first line of the master key file
    Rewrap {
        #[command(flatten)]
        settings: Settings,
    },
}

impl Secrets {
    pub fn run(self) -> Result<(), Stop> {
        let SecretsCommand::Rewrap { settings } = self.command;
        socket::tell(&socket::ask(settings.load(None)?, Command::RewrapSecrets)?)
    }
}
