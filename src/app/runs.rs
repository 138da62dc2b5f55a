//! What a change leaves to be done in steps. Each step is one short write that sign-ins pass by; the row of the run says how far
//! it has come, so that whoever comes next goes on: the task of the change itself, or the job, where a stop or a crash left it.
//! Steps may be done twice: each finds what is there and makes it what it should be.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::app::directory_end::withdraw;
use crate::app::error::{Error, Result};
use crate::app::provision::directory::bring_user;
use crate::app::regranting::{Rule, bring, page};
use crate::app::setup::system;
use crate::model::actor::Ctx;
use crate::model::connection::Connection;
use crate::model::directory::Directory;
use crate::model::id::{ConnectionId, MemberId, SessionId};
use crate::model::mapping::{Granted, RoleMapping};
use crate::model::run::{Run, Stage, Subject};
use crate::model::scim::ScimUser;
use crate::model::time::{Clock, Timestamp, minutes};
use crate::store::{ReadTx, Store, WriteTx, connections, directories, mappings, runs, scim_users, sessions};

/// How long a page waits for what it began; then it says that it goes on.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// A step changes at most so many members, and no further one after so many grants.
const MEMBERS: usize = 100;
const GRANTS: usize = 300;
/// A step takes away at most so many rows.
const ROWS: u32 = 300;
/// Of a directory so many users are looked at in one write.
const USERS: u32 = 100;
/// So many times is looked for members before others may look.
const PAGES: usize = 20;
/// Each member whose roles a change of mappings changes has an event of their own, up to so many; the event of the change
/// counts all of them.
const MOST_EVENTS: u32 = 1000;

/// What is to be done next, as it was found where nobody waits.
enum Work {
    Members {
        connection: Box<Connection>,
        /// None where the connection ends.
        mappings: Option<Vec<RoleMapping>>,
        found: Vec<MemberId>,
        until: Option<String>,
    },
    /// Users of a directory, by their numbers.
    Users {
        directory: Box<Directory>,
        found: Vec<ScimUser>,
        until: Option<String>,
    },
    /// Members who hold something of a directory that was deleted.
    Holders {
        directory: Box<Directory>,
        found: Vec<MemberId>,
    },
    Sessions {
        found: Vec<SessionId>,
        until: Option<String>,
    },
    Rows,
}

impl Work {
    /// Where to look next, where nothing is to be written here.
    fn passes_by(&self) -> Option<&String> {
        match self {
            Self::Members { found, until, .. } if found.is_empty() => until.as_ref(),
            _ => None,
        }
    }
}

impl App {
    /// Carries a run on until it is done, in a task that outlives whoever waits. False where it goes on: the patience has
    /// ended, or it failed and is left to the job.
    pub(super) async fn finish_run(&self, ctx: &Ctx, subject: Subject, patience: Option<Duration>) -> bool {
        let (store, clock, ctx) = (self.store.clone(), Arc::clone(&self.clock), ctx.clone());
        let task = tokio::spawn(async move { carry(&store, &*clock, &ctx, &subject).await });
        let done = match patience {
            Some(patience) => tokio::time::timeout(patience, task).await.ok(),
            None => Some(task.await),
        };
        done.is_some_and(|joined| joined.unwrap_or(false))
    }

    /// Carries a run on and waits for nothing.
    pub(super) fn begin_run_behind(&self, ctx: &Ctx, subject: Subject) {
        let (store, clock, ctx) = (self.store.clone(), Arc::clone(&self.clock), ctx.clone());
        tokio::spawn(async move { carry(&store, &*clock, &ctx, &subject).await });
    }

    /// Carries on what has not moved for a minute: a stop or a crash left it.
    pub async fn resume_runs(&self, now: Timestamp) -> Result<()> {
        self.resume_runs_left_since(now - minutes(1), now).await
    }

    /// Carries on what was left when the last process ended.
    pub async fn resume_all_runs(&self, now: Timestamp) -> Result<()> {
        self.resume_runs_left_since(now, now).await
    }

    async fn resume_runs_left_since(&self, since: Timestamp, now: Timestamp) -> Result<()> {
        let left: Vec<Run> = self.store.read(move |tx| runs::list_left(tx, since).map_err(Error::from)).await?;
        for run in left {
            self.finish_run(&system(&run.organization, now), run.subject, None).await;
        }
        Ok(())
    }
}

/// True where it is done.
async fn carry(store: &Store, clock: &dyn Clock, ctx: &Ctx, subject: &Subject) -> bool {
    let done = finish(store, clock, ctx, subject).await;
    if let Err(error) = &done {
        let (kind, name) = (subject.kind(), subject.name());
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "A change of {kind} {name} is not done yet and is tried again"
        );
    }
    done.is_ok()
}

async fn finish(store: &Store, clock: &dyn Clock, ctx: &Ctx, subject: &Subject) -> Result<()> {
    // Behind the place that is written down nothing was found up to here.
    let mut passed: Option<Run> = None;
    loop {
        let (organization, subject, seen) = (ctx.organization.clone(), subject.clone(), passed.take());
        let found: Option<(Run, Work)> = store
            .read_slowly(move |tx| {
                let Some(run) = runs::find(tx, &organization, &subject)? else { return Ok(None) };
                let from = match &seen {
                    Some(seen) if (seen.number, seen.stage) == (run.number, run.stage) => {
                        seen.place.clone().max(run.place.clone())
                    }
                    _ => run.place.clone(),
                };
                let work = look(tx, &run, &from)?;
                Ok::<_, Error>(Some((run, work)))
            })
            .await?;
        let Some((run, work)) = found else { return Ok(()) };
        if let Some(place) = work.passes_by() {
            passed = Some(Run { place: place.clone(), ..run });
            continue;
        }
        let (ctx, now) = (ctx.clone(), clock.now());
        store.write(move |tx| step(tx, &ctx, &run, &work, now)).await?;
    }
}

fn look(tx: &ReadTx<'_>, run: &Run, from: &str) -> Result<Work> {
    match (run.stage, &run.subject) {
        (Stage::Admins | Stage::Everybody, Subject::Mappings(id)) => {
            look_at_members(tx, run.stage, id, Some(mappings::list(tx, id.as_str())?), from)
        }
        (Stage::Everybody, Subject::Connection(id)) => look_at_members(tx, run.stage, id, None, from),
        (Stage::Everybody, Subject::Directory(id)) => {
            let Some(directory) = directories::find(tx, &run.organization, id)? else { return Ok(Work::Rows) };
            let after = from.parse().unwrap_or(0);
            let found = match directory.is_enabled() {
                true => scim_users::list_after(tx, &directory, after, USERS)?,
                false => Vec::new(),
            };
            let is_full = found.len() == USERS as usize;
            let until = found.last().filter(|_| is_full).map(|user| user.number.to_string());
            Ok(Work::Users { directory: Box::new(directory), found, until })
        }
        (Stage::Everybody, Subject::DeletedDirectory(id)) => {
            let directory = directories::find_ever(tx, id)?.ok_or(Error::NotFound("directory"))?;
            let found = mappings::list_holders(tx, id.as_str(), USERS)?;
            Ok(Work::Holders { directory: Box::new(directory), found })
        }
        (Stage::Sessions, Subject::Connection(id)) => {
            let found = sessions::list_of_connection(tx, &run.organization, id, from, ROWS)?;
            let is_full = found.len() == ROWS as usize;
            let until = found.last().filter(|_| is_full).map(ToString::to_string);
            Ok(Work::Sessions { found, until })
        }
        _ => Ok(Work::Rows),
    }
}

fn look_at_members(
    tx: &ReadTx<'_>,
    stage: Stage,
    id: &ConnectionId,
    mappings: Option<Vec<RoleMapping>>,
    from: &str,
) -> Result<Work> {
    let connection = connections::find_ever(tx, id)?.ok_or(Error::NotFound("connection"))?;
    let rule = Rule::of(&connection, mappings.as_deref());
    let (mut found, mut until) = (Vec::new(), Some(from.to_owned()));
    if stage == Stage::Admins && !rule.gives_admin() {
        until = None;
    }
    for _ in 0..PAGES {
        let Some(after) = until.as_deref().filter(|_| found.len() < MEMBERS) else { break };
        let page = page(tx, &connection, &rule, after)?;
        let is_due = |before: &Granted, after: &Granted| match stage {
            Stage::Admins => (after.has_admin() && !before.has_admin()) || (after.has_owner() && !before.has_owner()),
            _ => before != after,
        };
        found.extend(page.members.into_iter().filter(|(_, one)| is_due(&one.before, &one.after)).map(|(id, _)| id));
        until = page.last.map(|last| last.to_string());
    }
    drop(rule);
    Ok(Work::Members { connection: Box::new(connection), mappings, found, until })
}

/// One step, unless somebody else did it, or a change began the run anew.
fn step(tx: &WriteTx<'_>, ctx: &Ctx, run: &Run, work: &Work, now: Timestamp) -> Result<()> {
    let current = runs::find(tx, &run.organization, &run.subject)?;
    let Some(mut run) = current.filter(|current| current == run) else { return Ok(()) };
    let place = match work {
        Work::Members { connection, mappings, found, until } => {
            let rule = Rule::of(connection, mappings.as_deref());
            let (mut grants, mut last) = (0, None);
            for (n, id) in found.iter().enumerate() {
                if n == MEMBERS || grants >= GRANTS {
                    break;
                }
                let how = (run.stage, run.changed < MOST_EVENTS, mappings.is_none());
                let changed = bring(tx, ctx, connection, &rule, how, id)?;
                grants += changed;
                run.changed += u32::from(changed > 0);
                last = Some(n);
            }
            match last {
                Some(n) if n + 1 < found.len() => Some(found[n].to_string()),
                _ => until.clone(),
            }
        }
        Work::Users { directory, found, until } => {
            // Whoever turned it off meanwhile wants nobody changed by it.
            let current = directories::find(tx, &run.organization, &directory.id)?;
            let Some(directory) = current.filter(Directory::is_enabled) else {
                return Ok(runs::delete(tx, &run.organization, &run.subject)?);
            };
            let directory = &directory;
            for user in found {
                run.changed += u32::from(bring_user(tx, ctx, directory, user.number)?);
            }
            until.clone()
        }
        Work::Holders { found, .. } if found.is_empty() => None,
        Work::Holders { directory, found } => {
            let mut grants = 0;
            for id in found {
                if grants >= GRANTS {
                    break;
                }
                let count = withdraw(tx, ctx, directory, id, run.changed < MOST_EVENTS)?;
                run.changed += u32::from(count > 0);
                grants += count;
            }
            Some(String::new())
        }
        Work::Sessions { found, until } => {
            sessions::delete_all(tx, &run.organization, found)?;
            until.clone()
        }
        Work::Rows if runs::delete_rows(tx, &run, ROWS)? == 0 => None,
        Work::Rows => Some(String::new()),
    };
    run.stepped_at = now;
    match place {
        Some(place) => runs::put(tx, &Run { place, ..run })?,
        None => match run.clone().at_next_stage() {
            Some(next) => runs::put(tx, &next)?,
            None => runs::delete(tx, &run.organization, &run.subject)?,
        },
    }
    Ok(())
}
