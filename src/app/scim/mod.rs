//! What identity providers do over SCIM 2.0 (RFC 7644): users and groups of a directory, and what follows for members. The
//! wire language is `crate::scim`; what a change means for a member is `provision::directory`.

mod callers;
mod discovery;
mod group_plan;
mod group_write;
mod groups;
mod list;
mod log;
mod places;
mod refused;
mod users;

use std::sync::Arc;

pub use callers::Callers;
pub use log::Log;
pub use log::NewRequest;
pub use places::Place;
pub use places::Places;
pub use refused::BadToken;
pub use refused::BadTokens;

use places::LARGE;

use crate::app::App;
use crate::app::error::{Error, Result};
use crate::app::sessions::Visitor;
use crate::crypto::token;
use crate::model::actor::{Actor, Ctx};
use crate::model::audit::{Action, Level, NewEvent, Target};
use crate::model::directory::{Directory, DirectoryStatus, TOKEN_PREFIX};
use crate::model::id::{DirectoryId, DirectoryTokenId};
use crate::model::time::minutes;
use crate::scim::schema::Schema;
use crate::scim::{ErrorKind, Quirks, Schemas};
use crate::store::{ReadTx, WriteTx, audit, directories, losses};

/// An identity provider that showed a token.
#[derive(Clone)]
pub struct ScimCaller {
    pub directory: Arc<Directory>,
    pub token: DirectoryTokenId,
    /// Of the directory and the token, which each transaction asks for again if anything changed since.
    pub generation: u64,
    pub schemas: Arc<Schemas>,
    pub ctx: Ctx,
    /// The URL that was called, without the part behind the server's own: what resources say of their location.
    pub base: Arc<str>,
    /// What the request takes of what its directory may have in flight.
    pub place: Option<Arc<Place>>,
}

/// What was sent.
pub type Body = Arc<Vec<u8>>;

/// What the log says of a request beside its line, gathered while it is served.
#[derive(Debug, Default)]
pub struct Note {
    pub resource: Option<String>,
    pub who: Option<String>,
    pub words: Vec<String>,
    pub quirks: Quirks,
}

/// A resource as it is answered.
#[derive(Debug)]
pub struct Shown {
    pub text: String,
    pub location: String,
    pub version: i64,
}

/// What an edit came to: a PATCH of a group answers with the resource only where somebody asks for it.
#[derive(Debug)]
pub struct Edited {
    pub version: i64,
    pub shown: Option<Shown>,
}

/// Why a token is not taken, in the words of `scim_token` of the catalogue.
pub const BAD_TOKEN: &str = "The bearer token is unknown, was deleted or has ended. Make a new token for this directory in Doorward and paste it without the word Bearer.";

fn not_found() -> Error {
    crate::scim::Error::new(ErrorKind::NotFound, "There is no resource of this id in this directory.").into()
}

fn scim(kind: ErrorKind, detail: impl Into<String>) -> Error {
    crate::scim::Error::new(kind, detail).into()
}

/// The directory as it is now, if it takes anything, and the token still counts: what is kept of it may be older.
fn require_open(tx: &ReadTx<'_>, caller: &ScimCaller) -> Result<Arc<Directory>> {
    if tx.is_of(caller.generation) {
        require_on(&caller.directory)?;
        return Ok(Arc::clone(&caller.directory));
    }
    let (organization, id) = (&caller.ctx.organization, &caller.directory.id);
    let found = directories::find_with_token(tx, organization, id, &caller.token, caller.ctx.now)?;
    // Of a directory that is gone the tokens are, too.
    let Some((directory, true)) = found else { return Err(Error::SignedOut) };
    require_on(&directory)?;
    Ok(Arc::new(directory))
}

fn require_on(directory: &Directory) -> Result<()> {
    if directory.status != DirectoryStatus::Disabled {
        return Ok(());
    }
    let text = "This directory is turned off in Doorward, so nothing was changed. Turn it on there, or stop pushing.";
    Err(Error::refused("directory_disabled", text))
}

/// The standard schemas with these definitions beside them.
pub(super) fn schemas_of(extensions: &str) -> std::result::Result<Arc<Schemas>, crate::scim::Error> {
    let unreadable = |_| crate::scim::Error::new(ErrorKind::InvalidSyntax, "The schemas are no JSON array.");
    let definitions: Vec<serde_json::Value> = serde_json::from_str(extensions).map_err(unreadable)?;
    Schemas::with_extensions(definitions.iter().map(Schema::parse).collect::<std::result::Result<_, _>>()?)
}

/// Reads a body: a large one apart from what others sent, with the caller's place until it is done.
async fn understand<T, F>(caller: &ScimCaller, body: &Body, quirks: &mut Quirks, read: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(&[u8], &Schemas, &mut Quirks) -> Result<T> + Send + 'static,
{
    if body.len() <= LARGE {
        return read(body, &caller.schemas, quirks);
    }
    let (caller, sent, mut noted) = (caller.clone(), Arc::clone(body), *quirks);
    let work = move || {
        let understood = read(&sent, &caller.schemas, &mut noted);
        (understood, noted)
    };
    let (understood, noted) = tokio::task::spawn_blocking(work).await.map_err(Error::internal)?;
    *quirks = noted;
    understood
}

impl App {
    /// Who shows this token; `named` is the directory that the address names, whose token it then has to be.
    pub async fn find_scim_caller(
        &self,
        secret: &str,
        named: Option<&str>,
        visitor: &Visitor,
    ) -> Result<Option<ScimCaller>> {
        if !token::is_well_formed(TOKEN_PREFIX, secret) {
            return Ok(None);
        }
        let now = visitor.now;
        let Some(known) = self.load_scim_caller(token::hash(secret)).await? else { return Ok(None) };
        let directory = &known.directory;
        let is_named = named.is_none_or(|id| id.parse::<DirectoryId>().as_ref() == Ok(&directory.id));
        if !is_named || !known.token.is_valid(now) {
            return Ok(None);
        }
        self.bad_scim_tokens.forget(&directory.id);
        if known.notes_use(now) {
            let (store, id, token) = (self.store.clone(), directory.id.clone(), known.token.id.clone());
            tokio::spawn(async move {
                let noted = store.write(move |tx| directories::note_use(tx, &id, &token, now)).await;
                if let Err(error) = noted {
                    tracing::warn!(error = &error as &dyn std::error::Error, "Could not note the use of a SCIM token");
                }
            });
        }
        let actor = Actor::Directory { id: directory.id.clone(), name: directory.name.clone() };
        let base = Arc::clone(&known.bases[usize::from(named.is_some())]);
        let ctx = visitor.ctx(&directory.organization, actor);
        let (directory, schemas) = (Arc::clone(directory), Arc::clone(&known.schemas));
        let token = known.token.id.clone();
        let generation = known.generation;
        Ok(Some(ScimCaller { directory, token, generation, schemas, ctx, base, place: None }))
    }

    /// Runs a change of an identity provider. What is refused for a reason that an admin has to know is told to them.
    async fn push<T, F>(&self, caller: &ScimCaller, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&WriteTx<'_>, &Directory) -> Result<T> + Send + 'static,
    {
        let owned = caller.clone();
        let done = self
            .store
            .write(move |tx| {
                let directory = require_open(tx, &owned)?;
                work(tx, &directory)
            })
            .await;
        if let Err(error) = &done {
            self.tell_refused(caller, error).await?;
        }
        done
    }

    async fn tell_refused(&self, caller: &ScimCaller, error: &Error) -> Result<()> {
        let (action, level, every) = match error {
            Error::TooMany { .. } => (Action::DirectoryHeld, Level::Alarm, minutes(60)),
            Error::Refused { code: "seats_full", .. } => (Action::DirectorySeatsFull, Level::Warning, minutes(60)),
            Error::Conflict { code: "lockout_last_admin", .. } => {
                (Action::LastAdminKept, Level::Alarm, minutes(24 * 60))
            }
            _ => return Ok(()),
        };
        let code = if action == Action::DirectoryHeld { "run_held" } else { error.code() };
        let (caller, text) = (caller.clone(), error.public());
        self.store
            .write(move |tx| -> Result<()> {
                let (ctx, directory) = (&caller.ctx, &*caller.directory);
                let mut guard = losses::find_guard(tx, directory)?;
                if action == Action::DirectoryHeld {
                    if guard.held_at.is_some_and(|at| ctx.now.since(at) < every) {
                        return Ok(());
                    }
                    guard.held_at = Some(ctx.now);
                    losses::update_guard(tx, directory, guard)?;
                } else if audit::has_recent(tx, &ctx.organization, action, directory.id.as_str(), ctx.now - every)? {
                    return Ok(());
                }
                let target = Target::new("directory", &directory.id, &directory.name);
                let event = NewEvent::new(action, target).level(level).refused(code, None);
                audit::insert(tx, ctx, &event.change("detail", serde_json::Value::Null, text.clone()))?;
                Ok(())
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::app::lock::tests::directory;
    use crate::app::setup::system;
    use crate::model::directory::MemberLock;
    use crate::model::time::Timestamp;
    use crate::scim::Quirk;

    #[tokio::test]
    async fn a_large_body_is_read_on_another_thread_and_what_it_needed_is_noted() {
        let directory = directory(MemberLock::Open);
        let ctx = system(&directory.organization, Timestamp::from_secs(0));
        let (directory, schemas) = (Arc::new(directory), Schemas::standard());
        let caller = ScimCaller {
            directory,
            token: DirectoryTokenId::new(),
            generation: 0,
            schemas,
            ctx,
            base: Arc::from(""),
            place: None,
        };
        for length in [0, LARGE, LARGE + 1] {
            let mut quirks = Quirks::new();
            let read = move |body: &[u8], _: &Schemas, quirks: &mut Quirks| {
                quirks.note(Quirk::MembersOmittedInPut);
                Ok((body.len(), thread::current().id()))
            };
            let body = Body::new(vec![b' '; length]);
            let (seen, thread) = understand(&caller, &body, &mut quirks, read).await.unwrap();
            assert_eq!((seen, thread == thread::current().id()), (length, length <= LARGE));
            assert_eq!(quirks.iter().count(), 1);
        }
    }
}
