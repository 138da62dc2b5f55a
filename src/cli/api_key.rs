//! `doorward api-key create`: prints the key alone, once.

use clap::Args;
use clap::Subcommand;

use crate::cli::Settings;
use crate::cli::Stop;
use crate::cli::socket;
use crate::cli::socket::Command;

#[derive(Debug, Args)]
pub struct ApiKey {
    #[command(subcommand)]
    command: ApiKeyCommand,
}

#[derive(Debug, Subcommand)]
enum ApiKeyCommand {
    /// Make a key and print it; it cannot be read again
    Create {
        #[command(flatten)]
        settings: Settings,
        /// What uses it
        #[arg(long)]
        name: String,
        /// Slug of the organization [default: the first]
        #[arg(long)]
        org: Option<String>,
        /// owner, admin or developer [default: admin]
        #[arg(long)]
        role: Option<String>,
    },
}

impl ApiKey {
    pub fn run(self) -> Result<(), Stop> {
        let ApiKeyCommand::Create { settings, name, org, role } = self.command;
        socket::tell(&socket::ask(settings.load(None)?, Command::CreateApiKey { name, org, role })?)
    }
}
