//! Our own keys for a connection: the next one is made and published, given to the provider, switched to, and the former
//! one removed when nothing is encrypted to it any more. Each step is an admin's.

use crate::app::App;
use crate::app::certificates::fingerprint;
use crate::app::connections::{ConnectionView, target, view};
use crate::app::error::{Error, Result};
use crate::app::setup::{command_line, system};
use crate::app::{access, jobs};
use crate::crypto::certificate::Certificate;
use crate::crypto::signing::SigningIdentity;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::connection::watch_stage;
use crate::model::connection_key::{ConnectionKey, KeyState, switched};
use crate::model::id::ConnectionId;
use crate::model::role::Permission;
use crate::model::time::{Timestamp, days};
use crate::store::connection_keys::{self, KeyEnd, SealedKey};
use crate::store::{WriteTx, audit, connections};

/// The key that a rotation made, or found.
#[derive(Debug)]
pub struct RotatedKey {
    pub connection: ConnectionId,
    pub sha256: String,
    /// Where its certificate is.
    pub url: String,
}

/// How long a certificate of ours holds.
const YEARS: u32 = 10;

impl App {
    /// Makes a key; that takes a good part of a second, so never on a worker.
    pub(super) async fn make_key(&self, id: &ConnectionId, state: KeyState, now: Timestamp) -> Result<SealedKey> {
        let name = format!("Doorward {}", self.urls.host);
        let made = tokio::task::spawn_blocking(move || SigningIdentity::generate(&name, now.secs(), YEARS)).await;
        let identity = made.map_err(Error::internal)?.map_err(Error::internal)?;
        let certificate = Certificate::from_der(&identity.certificate_der).map_err(Error::internal)?;
        let key_id = format!("{id}-{}", &certificate.sha256[..16]);
        let sealed = self.vault.seal(&connection_keys::place(&key_id), &identity.pkcs8);
        let key = ConnectionKey {
            state,
            sha256: certificate.sha256,
            not_before: Timestamp::from_secs(certificate.not_before),
            not_after: Timestamp::from_secs(certificate.not_after),
            certificate: identity.certificate_der,
            created_at: now,
            changed_at: now,
            last_opened_at: None,
        };
        Ok(SealedKey { id: key_id, sealed, key })
    }

    /// Makes the next key. From now on it is published beside the current one, and opens assertions; it signs nothing.
    pub async fn prepare_key(&self, ctx: &Ctx, id: ConnectionId) -> Result<ConnectionView> {
        access::require(ctx, Permission::ConnectionsWrite)?;
        // Before the dear part: what will be refused anyway.
        refuse_second(&self.find_connection(ctx, id.clone()).await?)?;
        let key = self.make_key(&id, KeyState::Next, ctx.now).await?;
        self.change_connection(ctx, id, None, move |tx, ctx, connection| {
            let before = view(tx, connection, ctx.now)?;
            refuse_second(&before)?;
            let connection = before.connection;
            connection_keys::insert(tx, &connection.id, &key)?;
            let event = NewEvent::new(Action::KeyPrepared, target(&connection));
            audit::insert(tx, ctx, &event.change("next_key", serde_json::Value::Null, key.key.sha256.clone()))?;
            view(tx, connection, ctx.now)
        })
        .await
    }

    /// Our requests are signed with this key from now on. The former one still opens assertions.
    pub async fn switch_key(&self, ctx: &Ctx, id: ConnectionId, sha256: &str) -> Result<ConnectionView> {
        let sha256 = fingerprint(sha256);
        self.change_connection(ctx, id, None, move |tx, ctx, connection| {
            let before = view(tx, connection, ctx.now)?;
            let current = before.keys.first().map(|key| key.sha256.clone()).unwrap_or_default();
            if current == sha256 {
                return Ok(before);
            }
            let states = switched(&before.keys, &sha256).ok_or(Error::NotFound("key"))?;
            let connection = before.connection;
            // Out of the way first: there is one current and one next at a time.
            for (key, _) in &states {
                connection_keys::update_state(tx, &connection.id, key, KeyState::Retired, ctx.now)?;
            }
            for (key, state) in &states {
                connection_keys::update_state(tx, &connection.id, key, *state, ctx.now)?;
            }
            let event = NewEvent::new(Action::KeySwitched, target(&connection));
            audit::insert(tx, ctx, &event.change("key", current, sha256.clone()))?;
            view(tx, connection, ctx.now)
        })
        .await
    }

    /// Forgets a key that does not sign: what is encrypted to it is refused from now on.
    pub async fn remove_key(&self, ctx: &Ctx, id: ConnectionId, sha256: &str) -> Result<()> {
        let sha256 = fingerprint(sha256);
        self.change_connection(ctx, id, None, move |tx, ctx, connection| {
            let keys = connection_keys::list(tx, &connection.id)?;
            let found = keys.iter().map(|sealed| &sealed.key).find(|key| key.sha256 == sha256);
            let found = found.ok_or(Error::NotFound("key"))?;
            if found.state == KeyState::Current {
                let text = "This key signs our requests. Switch to the next one first.";
                return Err(Error::conflict("key_in_use", text));
            }
            connection_keys::delete(tx, &connection.id, &sha256)?;
            let event = NewEvent::new(Action::KeyRemoved, target(&connection));
            let event = event.change("state", found.state.as_str(), serde_json::Value::Null);
            audit::insert(tx, ctx, &event.change("key", sha256.clone(), serde_json::Value::Null))?;
            Ok(())
        })
        .await
    }

    /// Each connection that has been turned on, or one, gets its next key; `at_once` it signs with it. What is prepared
    /// already is taken.
    pub async fn rotate_keys(
        &self,
        now: Timestamp,
        only: Option<ConnectionId>,
        at_once: bool,
    ) -> Result<Vec<RotatedKey>> {
        let named = only.clone();
        let found = self.store.read(move |tx| connections::list_used(tx, named.as_ref()).map_err(Error::from)).await?;
        if found.is_empty() && only.is_some() {
            return Err(Error::NotFound("connection"));
        }
        let mut rotated = Vec::new();
        for (id, organization) in found {
            let ctx = command_line(&organization, now);
            let mut view = self.find_connection(&ctx, id.clone()).await?;
            let next = |view: &ConnectionView| view.keys.iter().find(|key| key.state == KeyState::Next).cloned();
            let key = match next(&view) {
                Some(key) => key,
                None => {
                    view = self.prepare_key(&ctx, id.clone()).await?;
                    next(&view).ok_or(Error::NotFound("key"))?
                }
            };
            if at_once {
                self.switch_key(&ctx, id.clone(), &key.sha256).await?;
            }
            let query = if at_once { "" } else { "?next" };
            let url = format!("{}/certificate{query}", view.connection.entity_id);
            rotated.push(RotatedKey { connection: id, sha256: key.sha256, url });
        }
        Ok(rotated)
    }

    /// Tells the end of the certificate that signs our requests, in the stages of the providers' own.
    pub async fn watch_keys(&self, now: Timestamp) -> Result<()> {
        let ends =
            self.store.read(move |tx| connection_keys::list_ends(tx, now + days(60)).map_err(Error::from)).await?;
        let due = |key: KeyEnd| {
            let stage = watch_stage(key.end, now)?;
            key.told.is_none_or(|told| told > stage).then_some((key, stage))
        };
        let due: Vec<(KeyEnd, u32)> = ends.into_iter().filter_map(due).collect();
        for some in due.chunks(jobs::AT_ONCE as usize).map(<[_]>::to_vec) {
            self.store.write(move |tx| some.iter().try_for_each(|(key, stage)| tell_end(tx, now, key, *stage))).await?;
        }
        Ok(())
    }
}

fn tell_end(tx: &WriteTx<'_>, now: Timestamp, key: &KeyEnd, stage: u32) -> Result<()> {
    let action = if stage == 0 { Action::KeyExpired } else { Action::KeyExpiring };
    let event = NewEvent::new(action, Target::new("connection", &key.connection, &key.name));
    let event = event.level(jobs::level_of(stage)).change("ends", serde_json::Value::Null, key.end.rfc3339());
    audit::insert(tx, &system(&key.organization, now), &event)?;
    connection_keys::update_told(tx, &key.id, stage)?;
    Ok(())
}

fn refuse_second(view: &ConnectionView) -> Result<()> {
    if view.keys.iter().any(|key| key.state == KeyState::Next) {
        let text =
            "The next key is published already. Give it to the identity provider and switch, or remove it first.";
        return Err(Error::conflict("next_key_exists", text));
    }
    Ok(())
}
