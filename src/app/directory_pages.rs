//! What the console shows of a directory beside what it is: who came so far and what would become of them, the groups, what is
//! odd, and whether a change still reaches people.

use crate::app::App;
use crate::app::access;
use crate::app::directory_mappings::{Meeting, meeting};
use crate::app::error::{Error, Result};
use crate::app::seats::find_full;
use crate::model::actor::Ctx;
use crate::model::directory::Directory;
use crate::model::id::{DirectoryId, ScimRequestId};
use crate::model::page::Window;
use crate::model::role::Permission;
use crate::model::run::Subject;
use crate::model::scim::{RequestFilter, ScimRequest, ScimUser, SyncedGroup};
use crate::store::{ReadTx, directories, runs, scim_requests, scim_shown, scim_users};

/// Of those who came first so many are shown.
const FIRST: u32 = 10;
/// So many groups are listed.
const MOST_GROUPS: u32 = 500;

/// The first who came.
#[derive(Debug, Clone)]
pub struct Arrivals {
    pub users: Vec<Arrived>,
    pub groups: Vec<SyncedGroup>,
    /// The newest request that was answered with what it asked for.
    pub last: Option<ScimRequest>,
    /// The newest, where all were refused: one that found nothing has tested nothing.
    pub refused: Option<ScimRequest>,
}

#[derive(Debug, Clone)]
pub struct Arrived {
    pub user: ScimUser,
    /// What enabling would do; none where it was done.
    pub meeting: Option<Meeting>,
}

/// How a directory does.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Codes of what is odd about users, and about how many.
    pub problems: Vec<(String, u32)>,
    /// Active members and seats, where there is a limit and it is reached.
    pub full: Option<(u32, u32)>,
    /// Members changed so far by a change that still goes on.
    pub running: Option<u32>,
}

fn find(tx: &ReadTx<'_>, ctx: &Ctx, id: &DirectoryId) -> Result<Directory> {
    directories::find(tx, &ctx.organization, id)?.ok_or(Error::NotFound("directory"))
}

fn arrived(tx: &ReadTx<'_>, directory: &Directory, user: ScimUser) -> Result<Arrived> {
    let meeting = match user.member.is_none() && user.problem.is_none() && !directory.is_enabled() {
        true => Some(meeting(tx, directory, &user)?.0),
        false => None,
    };
    Ok(Arrived { user, meeting })
}

impl App {
    /// The first people and groups, with what would become of them.
    pub async fn list_arrivals(&self, ctx: &Ctx, id: DirectoryId) -> Result<Arrivals> {
        access::require(ctx, Permission::DirectoriesRead)?;
        self.flush_scim_log().await?;
        let ctx = ctx.clone();
        self.store
            .read(move |tx| {
                let directory = find(tx, &ctx, &id)?;
                let users = scim_users::list_after(tx, &directory, 0, FIRST)?;
                let newest = |is_refused: bool| {
                    let filter = RequestFilter { is_refused: Some(is_refused), ..RequestFilter::default() };
                    let page = scim_requests::list(tx, &directory, &filter, &Window::first(1))?;
                    Ok::<_, Error>(page.rows.into_iter().next())
                };
                let last = newest(false)?;
                let refused = if last.is_none() { newest(true)? } else { None };
                Ok(Arrivals {
                    users: users.into_iter().map(|user| arrived(tx, &directory, user)).collect::<Result<_>>()?,
                    groups: scim_shown::list_groups(tx, &directory, FIRST)?,
                    last,
                    refused,
                })
            })
            .await
    }

    /// By name.
    pub async fn list_synced_groups(&self, ctx: &Ctx, id: DirectoryId) -> Result<Vec<SyncedGroup>> {
        access::require(ctx, Permission::DirectoriesRead)?;
        let ctx = ctx.clone();
        self.store.read_slowly(move |tx| Ok(scim_shown::list_groups(tx, &find(tx, &ctx, &id)?, MOST_GROUPS)?)).await
    }

    pub async fn find_scim_request(&self, ctx: &Ctx, id: DirectoryId, request: ScimRequestId) -> Result<ScimRequest> {
        access::require(ctx, Permission::DirectoriesRead)?;
        self.flush_scim_log().await?;
        let ctx = ctx.clone();
        self.store
            .read(move |tx| {
                let directory = find(tx, &ctx, &id)?;
                scim_shown::find_request(tx, &directory, &request)?.ok_or(Error::NotFound("request"))
            })
            .await
    }

    pub async fn find_standing(&self, ctx: &Ctx, id: DirectoryId) -> Result<Standing> {
        access::require(ctx, Permission::DirectoriesRead)?;
        let ctx = ctx.clone();
        self.store
            .read(move |tx| {
                let directory = find(tx, &ctx, &id)?;
                let run = runs::find(tx, &ctx.organization, &Subject::Directory(id.clone()))?;
                Ok(Standing {
                    problems: scim_shown::count_problems(tx, &directory)?,
                    full: find_full(tx, &ctx.organization)?.map(|seats| (seats.taken, seats.all)),
                    running: run.map(|run| run.changed),
                })
            })
            .await
    }
}
