//! What a change leaves to be done in steps. Each step is one short write that sign-ins pass by; the row of the run says how far
//! it has come, so that whoever comes next goes on: the task of the change itself, or the job, where a stop or a crash left it.
//! Steps may be done twice: each finds what is there and makes it what it should be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
use crate::model::id::{ConnectionId, DirectoryId, MemberId, OrganizationId, SessionId};
use crate::model::mapping::{Granted, RoleMapping};
use crate::model::run::{Run, Stage, Subject};
use crate::model::time::{Clock, Timestamp, minutes};
use crate::store::{ReadTx, Store, WriteTx, connections, directories, mappings, runs, scim_users, sessions};

/// How long a page waits for what it began; then it says that it goes on.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long a run that was left keeps the next one waiting; it goes on beside it then. Where changes keep coming it may not end.
const TURN: Duration = Duration::from_secs(30);
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
    /// Members who hold something of a directory that was deleted.
    Holders {
        directory: Box<Directory>,
        found: Vec<MemberId>,
    },
    /// Users of a directory.
    Users(DirectoryId),
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

    /// Carries a run on and waits for nothing. Changes that come one after the other have one task between them.
    pub(super) fn begin_run_behind(&self, ctx: &Ctx, subject: Subject) {
        let Some(carrying) = self.carried.begin(&ctx.organization, &subject) else { return };
        let (store, clock, ctx) = (self.store.clone(), Arc::clone(&self.clock), ctx.clone());
        tokio::spawn(async move {
            let mut carrying = carrying;
            carry(&store, &*clock, &ctx, &subject).await;
            while carrying.goes_on() {
                carry(&store, &*clock, &ctx, &subject).await;
            }
        });
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
            self.finish_run(&system(&run.organization, now), run.subject, Some(TURN)).await;
        }
        Ok(())
    }
}

type Key = (OrganizationId, Subject);

/// The runs that a task carries on behind answers, and whether another change came since it last looked.
#[derive(Debug, Default, Clone)]
pub struct Carried(Arc<Mutex<HashMap<Key, bool>>>);

/// One of them; not any more once it is dropped.
#[derive(Debug)]
struct Carrying {
    all: Carried,
    key: Key,
    is_over: bool,
}

impl Carried {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// None where a task is at it, which is told.
    fn begin(&self, organization: &OrganizationId, subject: &Subject) -> Option<Carrying> {
        let key = (organization.clone(), subject.clone());
        let mut all = self.lock();
        if let Some(is_told) = all.get_mut(&key) {
            *is_told = true;
            return None;
        }
        all.insert(key.clone(), false);
        Some(Carrying { all: self.clone(), key, is_over: false })
    }
}

impl Carrying {
    /// Whether another change came since it last looked; if not, it is over.
    fn goes_on(&mut self) -> bool {
        let mut all = self.all.lock();
        let is_told = all.get_mut(&self.key).is_some_and(std::mem::take);
        if !is_told {
            all.remove(&self.key);
            self.is_over = true;
        }
        is_told
    }
}

impl Drop for Carrying {
    fn drop(&mut self) {
        if !self.is_over {
            self.all.lock().remove(&self.key);
        }
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
                    Some(seen) if (seen.number, seen.stage, seen.is_round) == (run.number, run.stage, run.is_round) => {
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
        // A run may go on for long, and tells of each step when it was.
        let ctx = Ctx { now: clock.now(), ..ctx.clone() };
        store.write(move |tx| step(tx, &ctx, &run, &work)).await?;
    }
}

fn look(tx: &ReadTx<'_>, run: &Run, from: &str) -> Result<Work> {
    match (run.stage, &run.subject) {
        (Stage::Admins | Stage::Everybody, Subject::Mappings(id)) => {
            look_at_members(tx, run, id, Some(mappings::list(tx, id.as_str())?), from)
        }
        (Stage::Everybody, Subject::DeletedDirectory(id)) => {
            let directory = directories::find_ever(tx, id)?.ok_or(Error::NotFound("directory"))?;
            let found = mappings::list_holders(tx, id.as_str(), USERS)?;
            Ok(Work::Holders { directory: Box::new(directory), found })
        }
        (Stage::Everybody, Subject::Connection(id)) => look_at_members(tx, run, id, None, from),
        (Stage::Everybody, Subject::Directory(id)) => Ok(Work::Users(id.clone())),
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
    run: &Run,
    id: &ConnectionId,
    mappings: Option<Vec<RoleMapping>>,
    from: &str,
) -> Result<Work> {
    let connection = connections::find_ever(tx, id)?.ok_or(Error::NotFound("connection"))?;
    let rule = Rule::of(&connection, mappings.as_deref());
    let (mut found, mut until) = (Vec::new(), Some(from.to_owned()));
    if run.stage == Stage::Admins && !rule.gives_admin() {
        until = None;
    }
    for _ in 0..PAGES {
        let Some(after) = until.as_deref().filter(|_| found.len() < MEMBERS) else { break };
        let page = page(tx, &connection, &rule, after)?;
        let is_due = |before: &Granted, after: &Granted| match run.stage {
            Stage::Admins => (after.has_admin() && !before.has_admin()) || (after.has_owner() && !before.has_owner()),
            _ => before != after,
        };
        found.extend(page.members.into_iter().filter(|(_, one)| is_due(&one.before, &one.after)).map(|(id, _)| id));
        until = page.last.map(|last| last.to_string()).filter(|last| !run.has_passed(last));
    }
    drop(rule);
    Ok(Work::Members { connection: Box::new(connection), mappings, found, until })
}

/// Begins a run, or lets the one that is under way go round for this change too.
pub(super) fn begin(
    tx: &WriteTx<'_>,
    organization: &OrganizationId,
    subject: Subject,
    number: i64,
    now: Timestamp,
) -> Result<()> {
    let run = match runs::find(tx, organization, &subject)? {
        Some(under_way) => under_way.begun_anew(number, now),
        None => Run::new(organization, subject, number, now),
    };
    runs::put(tx, &run)?;
    Ok(())
}

/// One step, unless somebody else did it, or a change made what was found untrue.
fn step(tx: &WriteTx<'_>, ctx: &Ctx, run: &Run, work: &Work) -> Result<()> {
    let is_same = |current: &Run| match work {
        // Nothing of them was looked at yet: a change meanwhile costs no step.
        Work::Users(_) => (current.is_round, &current.place) == (run.is_round, &run.place),
        _ => current == run,
    };
    let current = runs::find(tx, &run.organization, &run.subject)?;
    let Some(mut run) = current.filter(is_same) else { return Ok(()) };
    let reached = match work {
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
        Work::Users(id) => {
            // Whoever turned it off wants nobody changed by it.
            let directory = directories::find(tx, &run.organization, id)?.filter(Directory::is_enabled);
            let Some(directory) = directory else {
                return Ok(runs::delete(tx, &run.organization, &run.subject)?);
            };
            let found = scim_users::list_numbers(tx, &directory, run.place.parse().unwrap_or(0), USERS)?;
            for number in &found {
                run.changed += u32::from(bring_user(tx, ctx, &directory, *number)?);
            }
            found.last().filter(|_| found.len() == USERS as usize).map(|last| place(*last))
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
    run.stepped_at = ctx.now;
    match run.clone().stepped(reached) {
        Some(next) => runs::put(tx, &next)?,
        None => runs::delete(tx, &run.organization, &run.subject)?,
    }
    Ok(())
}

/// The place of a user: as text it sorts as its number does.
fn place(number: i64) -> String {
    format!("{number:019}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::lock::tests::directory;
    use crate::app::provision::directory::NO_ADDRESS;
    use crate::app::setup::ensure_organization;
    use crate::model::directory::MemberLock;
    use crate::model::id::ScimUserId;
    use crate::model::scim::ScimUser;
    use crate::store::organizations;

    const USERS_IN_ALL: usize = 3 * USERS as usize + 7;

    fn user(n: usize, now: Timestamp) -> ScimUser {
        ScimUser {
            number: 0,
            id: ScimUserId::new(),
            external_id: None,
            user_name: format!("user {n}"),
            email: None,
            document: format!("{{\"userName\":\"user {n}\"}}"),
            is_active: true,
            member: None,
            problem: None,
            created_at: now,
            modified_at: now,
            version: 1,
        }
    }

    #[test]
    fn changes_behind_each_other_have_one_task_that_looks_once_more() {
        let (carried, organization) = (Carried::default(), OrganizationId::new());
        let begin = |subject: &Subject| carried.begin(&organization, subject);
        let subject = Subject::Directory(DirectoryId::new());
        let mut first = begin(&subject).unwrap();
        assert!(begin(&subject).is_none() && begin(&subject).is_none());
        assert!(begin(&Subject::Directory(DirectoryId::new())).is_some());
        assert!(first.goes_on() && !first.goes_on(), "once for all that came meanwhile");
        let second = begin(&subject).unwrap();
        drop(first);
        assert!(begin(&subject).is_none(), "the second is still at it");
        // One that ends by a panic keeps nobody from going on.
        drop(second);
        assert!(begin(&subject).is_some());
    }

    #[tokio::test]
    async fn a_change_between_any_look_and_its_step_keeps_no_user_waiting() {
        let (folder, now) = (tempfile::tempdir().unwrap(), Timestamp::from_secs(1_795_327_200));
        let store = Store::open(folder.path()).unwrap();
        ensure_organization(&store, now).await.unwrap();
        let made = store.write(move |tx| {
            let mut directory = directory(MemberLock::Locked);
            directory.organization = organizations::find_first(tx)?.ok_or(Error::NotFound("organization"))?.id;
            directory.number = directories::insert(tx, &directory)?;
            for n in 0..USERS_IN_ALL {
                scim_users::insert(tx, &directory, &mut user(n, now), &[])?;
            }
            Ok::<_, Error>(directory)
        });
        let directory = made.await.unwrap();
        let (organization, subject) = (directory.organization.clone(), Subject::Directory(directory.id.clone()));
        let ctx = system(&organization, now);
        let change = async |number: i64| {
            let (organization, subject) = (organization.clone(), subject.clone());
            store.write(move |tx| begin(tx, &organization, subject.clone(), number, now)).await.unwrap();
        };
        change(1).await;
        let mut left = USERS_IN_ALL;
        for number in 2..8 {
            let (org, about) = (organization.clone(), subject.clone());
            let looked = store.read(move |tx| {
                let run = runs::find(tx, &org, &about)?.ok_or(Error::NotFound("run"))?;
                let work = look(tx, &run, &run.place)?;
                Ok::<_, Error>((run, work))
            });
            let (run, work) = looked.await.unwrap();
            change(number).await;
            let (ctx, of) = (ctx.clone(), directory.clone());
            let stepped = store.write(move |tx| {
                step(tx, &ctx, &run, &work)?;
                let all = scim_users::list_after(tx, &of, 0, 1000)?;
                Ok::<_, Error>(all.iter().filter(|user| user.problem.as_deref() != Some(NO_ADDRESS)).count())
            });
            left = stepped.await.unwrap();
        }
        assert_eq!(left, 0);
        // Without another change it ends.
        assert!(carry(&store, &crate::model::time::SystemClock, &ctx, &subject).await);
        let found = store.read(move |tx| runs::find(tx, &organization, &subject).map_err(Error::from)).await.unwrap();
        assert_eq!(found, None);
    }
}
