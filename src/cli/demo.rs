//! `doorward demo`: a throw-away gateway to look around in.

use clap::Args;

use crate::cli::Stop;

#[derive(Debug, Args)]
pub struct Demo {
    /// Address and port of the gateway; port 0 picks one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: String,
}

impl Demo {
    pub fn run(self) -> Result<(), Stop> {
        Err(Stop::failed(format!("nothing listens on {} yet", self.listen)))
    }
}
