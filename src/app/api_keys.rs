//! Keys of the management API, and answers given again to a repeated request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::crypto::token;
use crate::model::actor::{Actor, Ctx};
use crate::model::api_key::{ApiKey, PREFIX};
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::id::ApiKeyId;
use crate::model::invalid::Invalid;
use crate::model::page::{Page, Window};
use crate::model::role::{Permission, Role};
use crate::model::time::Timestamp;
use crate::model::time::{days, minutes};
use crate::store::api_keys::{self, KeptAnswer};
use crate::store::audit;
use crate::store::sealed::answer_place;

use super::sessions::Visitor;

/// The answer of a POST that came before with the same Idempotency-Key.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// Who is at work under an Idempotency-Key: the same caller and key wait for each other.
#[derive(Debug, Default)]
pub struct Turns {
    waiting: Mutex<HashMap<String, Weak<Turn>>>,
}

type Turn = tokio::sync::Mutex<()>;

impl Turns {
    fn of(&self, name: String) -> Arc<Turn> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, turn| turn.strong_count() > 0);
        let turn = waiting.get(&name).and_then(Weak::upgrade).unwrap_or_default();
        waiting.insert(name, Arc::downgrade(&turn));
        turn
    }
}

impl App {
    /// The circumstances of a caller with this key; none where the key is unknown or has ended.
    pub async fn find_api_caller(&self, secret: &str, visitor: &Visitor) -> Result<Option<Ctx>> {
        if !token::is_well_formed(PREFIX, secret) {
            return Ok(None);
        }
        let (hash, now) = (token::hash(secret), visitor.now);
        let key: Option<ApiKey> =
            self.store.read(move |tx| api_keys::find_by_token(tx, &hash).map_err(Error::from)).await?;
        let Some(key) = key.filter(|key| key.is_valid(now)) else { return Ok(None) };
        if key.last_used_at.is_none_or(|at| now.since(at) >= minutes(1)) {
            let (store, id) = (self.store.clone(), key.id.clone());
            tokio::spawn(async move {
                let noted = store.write(move |tx| api_keys::update_last_used(tx, &id, now)).await;
                if let Err(error) = noted {
                    tracing::warn!(error = &error as &dyn std::error::Error, "Could not note the use of an API key");
                }
            });
        }
        let actor = Actor::ApiKey { id: key.id.clone(), name: key.name.clone() };
        Ok(Some(Ctx { permissions: key.role.permissions(), ..visitor.ctx(&key.organization, actor) }))
    }

    pub async fn list_api_keys(&self, ctx: &Ctx, window: Window) -> Result<Page<ApiKey>> {
        access::require(ctx, Permission::ApiKeysRead)?;
        let organization = ctx.organization.clone();
        self.store.read(move |tx| api_keys::list(tx, &organization, &window).map_err(Error::from)).await
    }

    pub async fn find_api_key(&self, ctx: &Ctx, id: ApiKeyId) -> Result<ApiKey> {
        access::require(ctx, Permission::ApiKeysRead)?;
        let organization = ctx.organization.clone();
        self.store.read(move |tx| api_keys::find(tx, &organization, &id)?.ok_or(Error::NotFound("API key"))).await
    }

    /// The key itself is given out here and never again. No key has more than its maker.
    pub async fn create_api_key(
        &self,
        ctx: &Ctx,
        name: &str,
        role: Option<&str>,
        expires_at: Option<Timestamp>,
    ) -> Result<(ApiKey, String)> {
        access::require(ctx, Permission::ApiKeysWrite)?;
        let mut invalid = Invalid::new();
        let name = name.trim().to_owned();
        if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            invalid.add(
                "name",
                "name",
                "Give the key a name of 1 to 100 characters, such as the program that uses it.",
            );
        }
        let role = match role.unwrap_or("admin").parse::<Role>() {
            Ok(role) if role != Role::Member => role,
            _ => {
                invalid.add("role", "no_such_role", "A key has the role owner, admin or developer.");
                Role::Developer
            }
        };
        if expires_at.is_some_and(|at| at <= ctx.now) {
            invalid.add("expires_at", "past", "Choose a time in the future, or leave it out.");
        }
        invalid.or(())?;
        if !ctx.permissions.contains(role.permissions()) {
            return Err(Error::refused(
                "role_above_yours",
                format!("A key cannot be {}: that holds more than your own role.", role.name()),
            ));
        }
        let secret = token::new(PREFIX);
        let key = ApiKey {
            id: ApiKeyId::new(),
            organization: ctx.organization.clone(),
            name,
            role,
            prefix: secret.chars().take(PREFIX.len() + 4).collect(),
            created_at: ctx.now,
            expires_at,
            last_used_at: None,
        };
        let (ctx, hash) = (ctx.clone(), token::hash(&secret));
        let made = key.clone();
        self.store
            .write(move |tx| -> Result<()> {
                api_keys::insert(tx, &key, &hash, ctx.actor.name())?;
                let event = NewEvent::new(Action::ApiKeyCreated, Target::new("api_key", &key.id, &key.name));
                audit::insert(tx, &ctx, &event.change("role", serde_json::Value::Null, key.role.slug()))?;
                Ok(())
            })
            .await?;
        Ok((made, secret))
    }

    pub async fn delete_api_key(&self, ctx: &Ctx, id: ApiKeyId) -> Result<()> {
        access::require(ctx, Permission::ApiKeysWrite)?;
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                let key = api_keys::find(tx, &ctx.organization, &id)?.ok_or(Error::NotFound("API key"))?;
                if !ctx.permissions.contains(key.role.permissions()) {
                    return Err(Error::refused(
                        "role_above_yours",
                        "This key holds more than your own role. Ask an owner.",
                    ));
                }
                api_keys::delete(tx, &ctx.organization, &id)?;
                audit::insert(tx, &ctx, &NewEvent::new(Action::ApiKeyDeleted, Target::new("api_key", &id, &key.name)))?;
                Ok(())
            })
            .await
    }

    /// Held while a request with an Idempotency-Key is at work, so that its double finds the answer instead of acting too.
    pub async fn take_turn(&self, ctx: &Ctx, key: &str) -> OwnedMutexGuard<()> {
        self.turns.of(answer_place(&caller(ctx), key)).lock_owned().await
    }

    /// The answer kept for this caller and key, if the request was the same; another request under the key is refused.
    pub async fn find_answer(&self, ctx: &Ctx, key: &str, request: [u8; 32]) -> Result<Option<Answer>> {
        let (caller, key, since) = (caller(ctx), key.to_owned(), ctx.now - days(1));
        let place = answer_place(&caller, &key);
        let kept =
            self.store.read(move |tx| api_keys::find_answer(tx, &caller, &key, since).map_err(Error::from)).await?;
        let Some(kept) = kept else { return Ok(None) };
        if kept.request_hash != request {
            let text = "This Idempotency-Key was used for another request. Use a new key for a new request.";
            return Err(Error::conflict("idempotency_key_reused", text));
        }
        let plain = self.vault.open(&place, &kept.sealed)?;
        serde_json::from_slice(&plain).map(Some).map_err(Error::internal)
    }

    pub async fn keep_answer(&self, ctx: &Ctx, key: &str, request: [u8; 32], answer: &Answer) -> Result<()> {
        let (caller, key, now) = (caller(ctx), key.to_owned(), ctx.now);
        let plain = serde_json::to_vec(answer).map_err(Error::internal)?;
        let sealed = self.vault.seal(&answer_place(&caller, &key), &plain);
        let kept = KeptAnswer { request_hash: request, status: u32::from(answer.status), sealed };
        self.store.write(move |tx| api_keys::insert_answer(tx, &caller, &key, &kept, now).map_err(Error::from)).await
    }
}

fn caller(ctx: &Ctx) -> String {
    format!("{}:{}", ctx.actor.kind(), ctx.actor.id().unwrap_or_default())
}
