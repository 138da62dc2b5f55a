//! What runs by itself: forgetting what has ended.

use crate::app::App;
use crate::app::access;
use crate::app::certificates::trust_refreshed;
use crate::app::connections::metadata_problem;
use crate::app::error::{Error, Result};
use crate::app::metadata::MetadataInput;
use crate::app::setup::system;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, Level, NewEvent, Target};
use crate::model::connection::{Connection, MetadataProblem, watch_stage};
use crate::model::id::ConnectionId;
use crate::model::role::Permission;
use crate::model::rollover;
use crate::model::time::{Timestamp, days, hours};
use crate::store::connections::LastEnd;
use crate::store::{api_keys, audit, certificates, connections, sign_ins};

/// What a look at a connection's metadata link brought.
#[derive(Debug, Default)]
pub struct Refreshed {
    /// Certificates that are trusted since.
    pub added: usize,
    /// Certificates in it that an admin has removed, so that they stay untrusted.
    pub left_out: usize,
    pub problem: Option<MetadataProblem>,
}

impl App {
    /// Reads the watched metadata links again, every six hours, and trusts new certificates of the same provider.
    /// Anything else that changed is told, not taken: a link that was taken over must not move a sign-in.
    pub async fn refresh_metadata(&self, now: Timestamp) -> Result<()> {
        let due =
            self.store.read(move |tx| connections::list_to_refresh(tx, now - hours(6)).map_err(Error::from)).await?;
        for connection in due {
            let ctx = system(&connection.organization, now);
            self.take_from_metadata(&ctx, connection).await?;
        }
        Ok(())
    }

    /// Reads a connection's metadata link now.
    pub async fn refresh_connection(&self, ctx: &Ctx, id: ConnectionId) -> Result<Refreshed> {
        access::require(ctx, Permission::ConnectionsWrite)?;
        let view = self.find_connection(ctx, id).await?;
        self.take_from_metadata(ctx, view.connection).await
    }

    async fn take_from_metadata(&self, ctx: &Ctx, connection: Connection) -> Result<Refreshed> {
        let settings = connection.shown().map(|revision| revision.settings.clone()).unwrap_or_default();
        let Some(url) = settings.metadata_url.clone() else { return Ok(Refreshed::default()) };
        let link = MetadataInput::Link { url, entity_id: settings.idp_entity_id.clone() };
        let (found, problem) = match self.read_metadata(&link, ctx.now).await {
            Ok(read) => (read.certificates, None),
            Err(error) => (Vec::new(), Some(metadata_problem(&error))),
        };
        let ctx = ctx.clone();
        let refreshed: Refreshed = self
            .store
            .write(move |tx| {
                connections::update_metadata_read(tx, &connection.id, ctx.now, problem.as_ref())?;
                let (added, left_out) = trust_refreshed(tx, &ctx, &connection, &found)?;
                Ok::<_, Error>(Refreshed { added, left_out, problem: problem.clone() })
            })
            .await?;
        if refreshed.added > 0 {
            self.connections.forget();
        }
        Ok(refreshed)
    }

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
                    let (action, level) = match stage {
                        0 => (Action::CertificateExpired, Level::Alarm),
                        1 | 7 => (Action::CertificateExpiring, Level::Alarm),
                        _ => (Action::CertificateExpiring, Level::Warning),
                    };
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
