//! `doorward config check` and `doorward config show`.

use clap::Args;
use clap::Subcommand;

use crate::cli::Settings;
use crate::cli::Stop;
use crate::cli::print;
use crate::config::Setting;
use crate::server;

#[derive(Debug, Args)]
pub struct ConfigCommand {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say whether the settings are right
    Check {
        #[command(flatten)]
        settings: Settings,
    },
    /// Show every setting in force and where it comes from
    Show {
        #[command(flatten)]
        settings: Settings,
    },
}

impl ConfigCommand {
    pub fn run(self) -> Result<(), Stop> {
        match self.command {
            What::Check { settings } => {
                if let Some(warning) = server::check(&settings.load(None)?)? {
                    eprintln!("warning: {warning}");
                }
                eprintln!("The settings are right.");
            }
            What::Show { settings } => {
                let line =
                    |setting: &Setting| format!("{} = {:?}  # {}", setting.key.name, setting.value, setting.origin);
                print(&settings.load(None)?.show().iter().map(line).collect::<Vec<_>>().join("\n"))?;
            }
        }
        Ok(())
    }
}
