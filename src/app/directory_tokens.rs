//! The secrets that identity providers show to directories: made, deleted, and told of before they end.

use crate::app::App;
use crate::app::access;
use crate::app::directories::{find, target};
use crate::app::error::{Error, Result};
use crate::app::jobs;
use crate::app::setup::system;
use crate::crypto::token;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::directory::{DirectoryToken, MOST_TOKENS, TOKEN_PREFIX};
use crate::model::id::{DirectoryId, DirectoryTokenId};
use crate::model::invalid::Invalid;
use crate::model::role::Permission;
use crate::model::time::{Timestamp, days, stage_of};
use crate::store::directories::TokenEnd;
use crate::store::{WriteTx, audit, directories};

pub(super) fn new_token(ctx: &Ctx, directory: &DirectoryId, expires_at: Option<Timestamp>) -> (DirectoryToken, String) {
    let secret = token::new(TOKEN_PREFIX);
    let token = DirectoryToken {
        id: DirectoryTokenId::new(),
        directory: directory.clone(),
        prefix: secret.chars().take(TOKEN_PREFIX.len() + 4).collect(),
        created_at: ctx.now,
        created_by: ctx.actor.name().to_owned(),
        expires_at,
        retires_at: None,
        last_used_at: None,
    };
    (token, secret)
}

/// An end that an admin chose, or that it has passed. One that came with the next token is as it should be.
fn tell_end(tx: &WriteTx<'_>, now: Timestamp, token: &TokenEnd, stage: u32) -> Result<()> {
    let action = if stage == 0 { Action::DirectoryTokenExpired } else { Action::DirectoryTokenExpiring };
    let event = NewEvent::new(action, Target::new("directory", &token.directory, &token.name))
        .level(jobs::level_of(stage))
        .change("token", serde_json::Value::Null, token.prefix.clone())
        .change("ends", serde_json::Value::Null, token.end.rfc3339());
    audit::insert(tx, &system(&token.organization, now), &event)?;
    directories::update_told(tx, &token.id, stage)?;
    Ok(())
}

impl App {
    /// The next token; those before it go on for a day. It is given out here and never again.
    pub async fn create_directory_token(
        &self,
        ctx: &Ctx,
        id: DirectoryId,
        expires_at: Option<Timestamp>,
    ) -> Result<(DirectoryToken, String)> {
        access::require(ctx, Permission::DirectoriesWrite)?;
        if expires_at.is_some_and(|at| at <= ctx.now) {
            let text = "Choose a time in the future, or leave it out.";
            return Err(Invalid::field("expires_at", "past", text).into());
        }
        let ctx = ctx.clone();
        let (token, secret) = new_token(&ctx, &id, expires_at);
        let (made, hash) = (token.clone(), token::hash(&secret));
        self.store
            .write(move |tx| -> Result<()> {
                let directory = find(tx, &ctx, &id)?;
                if directories::list_tokens(tx, &id)?.len() >= MOST_TOKENS {
                    let text = format!("A directory has {MOST_TOKENS} tokens at most. Delete one that nobody uses.");
                    return Err(Error::conflict("too_many_tokens", text));
                }
                directories::insert_token(tx, &token, &hash)?;
                directories::retire_tokens(tx, &id, &token.id, ctx.now + DirectoryToken::overlap())?;
                let event = NewEvent::new(Action::DirectoryTokenCreated, target(&directory));
                audit::insert(tx, &ctx, &event.change("token", serde_json::Value::Null, token.prefix.clone()))?;
                Ok(())
            })
            .await?;
        self.connections.forget();
        Ok((made, secret))
    }

    /// It stops working at once.
    pub async fn delete_directory_token(&self, ctx: &Ctx, id: DirectoryId, token: DirectoryTokenId) -> Result<()> {
        access::require(ctx, Permission::DirectoriesWrite)?;
        let ctx = ctx.clone();
        self.store
            .write(move |tx| -> Result<()> {
                let directory = find(tx, &ctx, &id)?;
                let all = directories::list_tokens(tx, &id)?;
                let gone = all.into_iter().find(|one| one.id == token).ok_or(Error::NotFound("token"))?;
                directories::delete_token(tx, &gone.id)?;
                let event = NewEvent::new(Action::DirectoryTokenDeleted, target(&directory));
                audit::insert(tx, &ctx, &event.change("token", gone.prefix, serde_json::Value::Null))?;
                Ok(())
            })
            .await?;
        self.connections.forget();
        Ok(())
    }

    /// Tells the end that was chosen for a token: 14, 7 and 1 days before, and once it has passed.
    pub async fn watch_directory_tokens(&self, now: Timestamp) -> Result<()> {
        let soon = now + days(u64::from(DirectoryToken::WATCH[2]));
        let ends = self.store.read(move |tx| directories::list_ends(tx, soon).map_err(Error::from)).await?;
        let due = |token: TokenEnd| {
            let stage = stage_of(&DirectoryToken::WATCH, token.end, now)?;
            token.told.is_none_or(|told| told > stage).then_some((token, stage))
        };
        let due: Vec<(TokenEnd, u32)> = ends.into_iter().filter_map(due).collect();
        for some in due.chunks(jobs::AT_ONCE as usize).map(<[_]>::to_vec) {
            self.store
                .write(move |tx| some.iter().try_for_each(|(token, stage)| tell_end(tx, now, token, *stage)))
                .await?;
        }
        Ok(())
    }
}
