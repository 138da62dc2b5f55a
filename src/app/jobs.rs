//! What runs by itself: telling what is about to end, forgetting what has ended.

use crate::app::App;
use crate::app::error::{Error, Result};
use crate::app::setup::system;
use crate::model::audit::{Action, Level, NewEvent, Target};
use crate::model::connection::watch_stage;
use crate::model::rollover;
use crate::model::time::{Timestamp, days};
use crate::store::connections::LastEnd;
use crate::store::{api_keys, audit, certificates, connections, sign_ins};

/// How loud a stage of the watch is told.
pub(super) fn level_of(stage: u32) -> Level {
    if stage <= 7 { Level::Alarm } else { Level::Warning }
}

impl App {
    /// Tells the end of each connection's last certificate: 60, 30, 14, 7 and 1 days before, and once it has passed.
    pub async fn watch_certificates(&self, now: Timestamp) -> Result<()> {
        let ends = self.store.read(|tx| connections::list_last_ends(tx).map_err(Error::from)).await?;
        let due = move |last: LastEnd| {
            let stage = watch_stage(last.end, now)?;
            let is_told = last.told.is_some_and(|(end, told)| end == last.end && told <= stage);
            (!is_told).then_some((last, stage))
        };
        let due: Vec<(LastEnd, u32)> = ends.into_iter().filter_map(due).collect();
        if due.is_empty() {
            return Ok(());
        }
        self.store
            .write(move |tx| {
                for (last, stage) in &due {
                    let action = if *stage == 0 { Action::CertificateExpired } else { Action::CertificateExpiring };
                    let level = level_of(*stage);
                    let event = NewEvent::new(action, Target::new("connection", &last.connection, &last.name));
                    let event = event.level(level).change("ends", serde_json::Value::Null, last.end.rfc3339());
                    audit::insert(tx, &system(&last.organization, now), &event)?;
                    connections::update_told(tx, &last.connection, last.end, *stage)?;
                }
                Ok(())
            })
            .await
    }

    /// Idempotent; each part may run at any time.
    pub async fn sweep(&self, now: Timestamp) -> Result<()> {
        self.sweep_sessions(now).await?;
        self.sweep_links(now - days(30)).await?;
        self.store
            .write(move |tx| {
                sign_ins::delete_consumed(tx, now)?;
                sign_ins::delete_old(tx, now - days(30))?;
                certificates::strip_removed(tx, now - rollover::kept())?;
                api_keys::delete_old_answers(tx, now - days(1))?;
                Ok::<_, Error>(())
            })
            .await
    }
}
