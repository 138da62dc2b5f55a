//! `doorward keys rotate`: the next SP key of each connection, and with `--now` the switch to it.

use clap::Args;
use clap::Subcommand;

use crate::cli::Settings;
use crate::cli::Stop;
use crate::cli::socket;
use crate::cli::socket::Command;

#[derive(Debug, Args)]
pub struct Keys {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Publish the next key of each connection beside its current one, for its identity provider to learn
    Rotate {
        #[command(flatten)]
        settings: Settings,
        /// Sign with the next key at once; an identity provider that checks signatures and does not have it refuses
        #[arg(long)]
        now: bool,
        /// Id of one connection [default: each that has been turned on]
        #[arg(long, value_name = "ID")]
        connection: Option<String>,
    },
}

impl Keys {
    pub fn run(self) -> Result<(), Stop> {
        let KeysCommand::Rotate { settings, now, connection } = self.command;
        socket::tell(&socket::ask(settings.load(None)?, Command::RotateKeys { now, connection })?)
    }
}
