//! What runs by itself: telling what is about to end, forgetting what has ended.

use crate::app::App;
use crate::app::error::{Error, Result};
use crate::app::setup::system;
use crate::model::audit::{Action, Level, NewEvent, Target};
use crate::model::connection::watch_stage;
use crate::model::rollover;
use crate::model::time::{Timestamp, days, minutes};
use crate::store::connections::LastEnd;
use crate::store::{
    StoreError, WriteTx, api_keys, audit, certificates, connections, losses, member_texts, scim_groups, scim_requests,
    sessions, sign_ins,
};

/// Rows that one write of a job changes at most: the next sign-in waits no longer than for these.
pub(super) const AT_ONCE: u32 = 200;

/// How loud a stage of the watch is told.
pub(super) fn level_of(stage: u32) -> Level {
    if stage <= 7 { Level::Alarm } else { Level::Warning }
}

fn tell_end(tx: &WriteTx<'_>, now: Timestamp, last: &LastEnd, stage: u32) -> Result<()> {
    let action = if stage == 0 { Action::CertificateExpired } else { Action::CertificateExpiring };
    let event = NewEvent::new(action, Target::new("connection", &last.connection, &last.name));
    let event = event.level(level_of(stage)).change("ends", serde_json::Value::Null, last.end.rfc3339());
    audit::insert(tx, &system(&last.organization, now), &event)?;
    connections::update_told(tx, &last.connection, last.end, stage)?;
    Ok(())
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
        for some in due.chunks(AT_ONCE as usize).map(<[_]>::to_vec) {
            self.store
                .write(move |tx| some.iter().try_for_each(|(last, stage)| tell_end(tx, now, last, *stage)))
                .await?;
        }
        Ok(())
    }

    /// Puts the texts of new and changed members into the index of texts. What was written before is found afterwards.
    pub async fn index_member_texts(&self) -> Result<()> {
        if !self.store.read(|tx| member_texts::has_waiting(tx).map_err(Error::from)).await? {
            return Ok(());
        }
        self.sweep_in_steps(|tx| member_texts::index(tx, AT_ONCE)).await
    }

    /// The same before somebody looks for a text, so that they find what they wrote. Where it cannot be written they find what
    /// was indexed.
    pub(super) async fn settle_member_texts(&self) {
        if let Err(error) = self.index_member_texts().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "Texts of members are not indexed yet");
        }
    }

    /// Idempotent; each part may run at any time. Whatever has piled up goes in steps, and sign-ins pass in between.
    pub async fn sweep(&self, now: Timestamp) -> Result<()> {
        let month = now - days(30);
        self.sweep_sessions(now).await?;
        self.sweep_in_steps(move |tx| sessions::delete_old_links(tx, month, AT_ONCE)).await?;
        self.sweep_in_steps(move |tx| sign_ins::delete_consumed(tx, now, AT_ONCE)).await?;
        self.sweep_in_steps(move |tx| sign_ins::delete_old_tests(tx, month, AT_ONCE)).await?;
        self.sweep_in_steps(move |tx| sign_ins::delete_old(tx, month, AT_ONCE)).await?;
        self.sweep_in_steps(move |tx| certificates::strip_removed(tx, now - rollover::kept(), AT_ONCE)).await?;
        self.sweep_in_steps(move |tx| scim_requests::delete_old(tx, month, AT_ONCE)).await?;
        self.sweep_in_steps(move |tx| losses::delete_old(tx, now - minutes(120), AT_ONCE)).await?;
        self.sweep_in_steps(move |tx| scim_groups::sweep_sets(tx, now - minutes(60), AT_ONCE)).await?;
        self.sweep_in_steps(move |tx| api_keys::delete_old_answers(tx, now - days(1), AT_ONCE)).await
    }

    /// `step` changes at most [`AT_ONCE`] rows and says how many: fewer, and nothing is left.
    async fn sweep_in_steps(
        &self,
        step: impl Fn(&WriteTx<'_>) -> std::result::Result<usize, StoreError> + Copy + Send + 'static,
    ) -> Result<()> {
        loop {
            let changed: usize = self.store.write(move |tx| step(tx).map_err(Error::from)).await?;
            if changed < AT_ONCE as usize {
                return Ok(());
            }
        }
    }
}
