//! `doorward backup` and `doorward restore`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::Settings;
use crate::cli::Stop;
use crate::cli::chain;
use crate::cli::socket;
use crate::cli::socket::Command;
use crate::store;

#[derive(Debug, Args)]
pub struct Backup {
    #[command(flatten)]
    settings: Settings,
    /// File to make; it may not exist yet
    file: PathBuf,
}

impl Backup {
    pub fn run(self) -> Result<(), Stop> {
        // The running server may stand in another folder.
        let file = std::path::absolute(&self.file)
            .map_err(|problem| Stop::failed(format!("{} is no usable file name: {problem}.", self.file.display())))?;
        socket::tell(&socket::ask(self.settings.load(None)?, Command::Backup { file })?)
    }
}

#[derive(Debug, Args)]
pub struct Restore {
    #[command(flatten)]
    settings: Settings,
    /// Backup to restore
    file: PathBuf,
}

impl Restore {
    pub fn run(self) -> Result<(), Stop> {
        let config = self.settings.load(None)?;
        let copied = store::restore(&self.file, &config.data_dir).map_err(|problem| Stop::failed(chain(&problem)))?;
        eprintln!("Restored {} bytes into {}.", copied.bytes, config.data_dir.display());
        if let Some(aside) = copied.aside {
            eprintln!("The database that was there is kept as {}.", aside.display());
        }
        let key = config.master_key_path();
        if !key.exists() {
            eprintln!("Before you start it, put the master key of that installation at {}.", key.display());
        }
        Ok(())
    }
}
