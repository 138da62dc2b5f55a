//! Reading a connection's metadata link again. New certificates of the same provider are trusted; whatever else changed is
//! told, not taken, or whoever took the link over could move a sign-in. What cannot be used leaves everything as it was.

use std::future::ready;

use futures_util::stream::{self, StreamExt};

use crate::app::App;
use crate::app::access;
use crate::app::certificates::trust_refreshed;
use crate::app::connections::{metadata_problem, target};
use crate::app::error::{Error, Result};
use crate::app::metadata::{MetadataInput, ReadMetadata};
use crate::app::setup::system;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, Level, NewEvent};
use crate::model::connection::{Connection, MetadataProblem, SamlSettings};
use crate::model::id::ConnectionId;
use crate::model::metadata::{MetadataChange, SeenMetadata};
use crate::model::role::Permission;
use crate::model::time::Timestamp;
use crate::store::{WriteTx, audit, connections};

/// Links that are read at the same time; one may take ten seconds.
const AT_ONCE: usize = 8;
/// Links that one pass reads; the next one goes on.
const IN_ONE_PASS: usize = 200;

/// What a look at a connection's metadata link brought.
#[derive(Debug, Clone, Default)]
pub struct Refreshed {
    /// Certificates that are trusted since.
    pub added: usize,
    /// Fingerprints of the certificates in it that an admin has removed, or whose key they have: they stay untrusted.
    pub left_out: Vec<String>,
    pub change: Option<MetadataChange>,
    pub problem: Option<MetadataProblem>,
}

impl ReadMetadata {
    /// What is remembered of a link; none where it came in another way.
    pub(super) fn seen(&self) -> Option<SeenMetadata> {
        Some(SeenMetadata {
            link: self.metadata_url.clone()?,
            sso_url: self.sso_url.clone(),
            sso_binding: self.sso_binding,
            slo_url: self.logout.as_ref().and_then(|logout| logout.url.clone()),
            certificates: self.certificates.iter().map(|one| one.sha256.clone()).collect(),
            valid_until: self.valid_until,
            last_change: None,
        })
    }
}

impl App {
    /// Reads the watched metadata links whose time has come: those that wait longest, a few at once, so that links that hang
    /// hold up no others for long.
    pub async fn refresh_metadata(&self, now: Timestamp) -> Result<()> {
        let mut due = self.store.read(move |tx| connections::list_to_refresh(tx, now).map_err(Error::from)).await?;
        due.sort_by_key(|connection| connection.next_refresh());
        let reads: Vec<_> =
            due.into_iter().take(IN_ONE_PASS).map(|connection| self.refresh_due(connection, now)).collect();
        stream::iter(reads).buffer_unordered(AT_ONCE).for_each(|()| ready(())).await;
        Ok(())
    }

    async fn refresh_due(&self, connection: Connection, now: Timestamp) {
        let (ctx, id) = (system(&connection.organization, now), connection.id.clone());
        if let Err(error) = self.take_from_metadata(&ctx, connection).await {
            tracing::error!(connection.id = %id, error = &error as &dyn std::error::Error, "Reading the metadata link of connection {id} failed");
        }
    }

    /// Reads a connection's metadata link now.
    pub async fn refresh_connection(&self, ctx: &Ctx, id: ConnectionId) -> Result<Refreshed> {
        access::require(ctx, Permission::ConnectionsWrite)?;
        let connection = self.find_connection(ctx, id).await?.connection;
        if connection.shown().is_none_or(|revision| revision.settings.metadata_url.is_none()) {
            let text = "This connection has no metadata link. Give it one first, or paste the metadata anew.";
            return Err(Error::conflict("no_metadata_link", text));
        }
        self.take_from_metadata(ctx, connection).await
    }

    async fn take_from_metadata(&self, ctx: &Ctx, connection: Connection) -> Result<Refreshed> {
        let settings = settings_of(&connection);
        let Some(url) = settings.metadata_url.clone() else { return Ok(Refreshed::default()) };
        let link = MetadataInput::Link { url, entity_id: settings.idp_entity_id.clone() };
        let read = self.read_metadata(&link, ctx.now).await.map_err(|error| metadata_problem(&error));
        let (ctx, id) = (ctx.clone(), connection.id);
        let refreshed: Refreshed = self
            .store
            .write(move |tx| {
                // Somebody may have changed the link, or deleted the connection, while it was read.
                let found = connections::find(tx, &ctx.organization, &id)?;
                match found.filter(|connection| reads_the_same(&settings_of(connection), &settings)) {
                    Some(connection) => take(tx, &ctx, connection, &read),
                    None => Ok(Refreshed::default()),
                }
            })
            .await?;
        if refreshed.added > 0 {
            self.connections.forget();
        }
        Ok(refreshed)
    }
}

fn settings_of(connection: &Connection) -> SamlSettings {
    connection.shown().map(|revision| revision.settings.clone()).unwrap_or_default()
}

fn reads_the_same(one: &SamlSettings, other: &SamlSettings) -> bool {
    one.metadata_url == other.metadata_url && one.idp_entity_id == other.idp_entity_id
}

fn take(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    mut connection: Connection,
    read: &Result<ReadMetadata, MetadataProblem>,
) -> Result<Refreshed> {
    let before = connection.seen_metadata().cloned();
    let read = read.clone().and_then(|read| refuse_older(read, before.as_ref()));
    let (read, mut seen) = match read {
        Ok(read) => (read.certificates.clone(), read.seen()),
        Err(problem) => {
            connections::update_metadata_read(tx, &connection.id, ctx.now, Some(&problem), None)?;
            tell_problem(tx, ctx, &connection, &problem)?;
            return Ok(Refreshed { problem: Some(problem), ..Refreshed::default() });
        }
    };
    // What was never read from this link is compared with the settings that came from it.
    let before = before.or_else(|| {
        let sso_url = settings_of(&connection).sso_url?;
        seen.clone().map(|seen| SeenMetadata { sso_url, ..seen })
    });
    let change = before.as_ref().zip(seen.as_ref()).and_then(|(before, seen)| seen.change_since(before, ctx.now));
    if let Some(seen) = &mut seen {
        seen.last_change = change.clone().or_else(|| before.and_then(|before| before.last_change));
    }
    connections::update_metadata_read(tx, &connection.id, ctx.now, None, seen.as_ref())?;
    let (added, left_out) = trust_refreshed(tx, ctx, &connection, &read)?;
    connection.metadata_seen = seen;
    if let Some(change) = &change {
        tell_change(tx, ctx, &connection, change, &left_out)?;
    }
    Ok(Refreshed { added, left_out, change, problem: None })
}

fn refuse_older(read: ReadMetadata, before: Option<&SeenMetadata>) -> Result<ReadMetadata, MetadataProblem> {
    let Some((seen, before)) = read.seen().zip(before) else { return Ok(read) };
    let (Some(until), Some(then)) = (seen.valid_until, before.valid_until) else { return Ok(read) };
    if !seen.is_older_than(before) {
        return Ok(read);
    }
    let text = format!(
        "The metadata is older than what was read before: it is valid until {}, that one until {}. Nothing was taken from \
         it. Look for a cache on the way, or have the provider publish it again.",
        until.minute(),
        then.minute()
    );
    Err(MetadataProblem { code: "metadata_older".to_owned(), text })
}

/// Once for each problem, not at each try.
fn tell_problem(tx: &WriteTx<'_>, ctx: &Ctx, connection: &Connection, problem: &MetadataProblem) -> Result<()> {
    if connection.metadata_problem.as_ref().is_some_and(|known| known.code == problem.code) {
        return Ok(());
    }
    let event = NewEvent::new(Action::MetadataFailed, target(connection)).level(Level::Warning);
    let event = event.refused(&problem.code, None).change("problem", serde_json::Value::Null, problem.text.clone());
    audit::insert(tx, ctx, &event)?;
    Ok(())
}

fn tell_change(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    connection: &Connection,
    change: &MetadataChange,
    left_out: &[String],
) -> Result<()> {
    let moves = connection.other_sso_url().is_some();
    let not_taken: Vec<String> = change.added.iter().filter(|sha256| left_out.contains(sha256)).cloned().collect();
    let is_notable = moves || !change.gone.is_empty() || !not_taken.is_empty();
    let level = if is_notable { Level::Warning } else { Level::Info };
    let mut event = NewEvent::new(Action::MetadataChanged, target(connection)).level(level);
    if !change.added.is_empty() || !change.gone.is_empty() {
        event = event.change("certificates", change.gone.clone(), change.added.clone());
    }
    if !not_taken.is_empty() {
        event = event.change("not_trusted", serde_json::Value::Null, not_taken);
    }
    if let Some((before, after)) = &change.sso_url {
        event = event.change("sso_url", before.clone(), after.clone());
    }
    if let Some((before, after)) = &change.slo_url {
        event = event.change("slo_url", before.clone(), after.clone());
    }
    audit::insert(tx, ctx, &event)?;
    Ok(())
}
