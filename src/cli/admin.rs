//! `doorward admin create` and `doorward admin recover`.

use std::io::BufRead as _;

use clap::Args;
use clap::Subcommand;

use crate::cli::Settings;
use crate::cli::Stop;
use crate::cli::socket;
use crate::cli::socket::Command;

#[derive(Debug, Args)]
pub struct Admin {
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Make an admin; the first of an organization is its owner. Prints a one-time link to set the password
    Create {
        #[command(flatten)]
        settings: Settings,
        /// Address they sign in with
        #[arg(long)]
        email: String,
        /// Their name
        #[arg(long, default_value = "")]
        name: String,
        /// Slug of the organization [default: the first]
        #[arg(long)]
        org: Option<String>,
        /// Read the password (15 characters or more) from standard input instead
        #[arg(long)]
        password_stdin: bool,
    },
    /// Let an admin back in: prints a one-time link, good for 15 minutes
    Recover {
        #[command(flatten)]
        settings: Settings,
        /// Address of the admin
        #[arg(long)]
        email: String,
        /// Slug of the organization [default: the first]
        #[arg(long)]
        org: Option<String>,
    },
}

impl Admin {
    pub fn run(self) -> Result<(), Stop> {
        let (settings, command) = match self.command {
            AdminCommand::Create { settings, email, name, org, password_stdin } => {
                let password = if password_stdin { Some(read_password()?) } else { None };
                (settings, Command::CreateAdmin { email, name, org, password })
            }
            AdminCommand::Recover { settings, email, org } => (settings, Command::RecoverAdmin { email, org }),
        };
        socket::tell(&socket::ask(settings.load(None)?, command)?)
    }
}

/// The first line, without its end.
fn read_password() -> Result<String, Stop> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|problem| Stop::failed(format!("The password cannot be read from standard input: {problem}.")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
