//! `doorward doctor`: what is wrong and what to do.

use clap::Args;

use crate::app::health::Verdict;
use crate::cli::Settings;
use crate::cli::Stop;
use crate::cli::print;
use crate::cli::socket;
use crate::cli::socket::Command;

#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    settings: Settings,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub fn run(self) -> Result<(), Stop> {
        let reply = socket::ask(self.settings.load(None)?, Command::Doctor)?;
        if reply.failed {
            return Err(Stop::failed(reply.talk));
        }
        if self.json {
            print(&serde_json::to_string_pretty(&reply.findings).unwrap_or_default())?;
        } else {
            for finding in &reply.findings {
                let mark = match finding.verdict {
                    Verdict::Ok => "ok     ",
                    Verdict::Warning => "warning",
                    Verdict::Failed => "FAILED ",
                };
                print(&format!("{mark}  {}: {}", finding.check, finding.text))?;
            }
        }
        let is_bad = reply.findings.iter().any(|finding| finding.verdict == Verdict::Failed);
        if is_bad { Err(Stop::failed("")) } else { Ok(()) }
    }
}
