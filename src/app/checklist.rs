//! The rollout checklist: what stands between a connection and a company that relies on it, as far as evidence tells.

use crate::app::App;
use crate::app::access;
use crate::app::connections::{ConnectionView, view};
use crate::app::error::{Error, Result};
use crate::model::actor::Ctx;
use crate::model::connection::{Status, Test, TestStatus};
use crate::model::directory::Directory;
use crate::model::id::ConnectionId;
use crate::model::mapping::{RoleMapping, Sent};
use crate::model::page::Window;
use crate::model::role::Permission;
use crate::model::time::Timestamp;
use crate::store::{connections, directories, mappings, roles, scim_requests, sign_ins};

/// The facts behind the list, for one connection.
#[derive(Debug, Clone)]
pub struct Rollout {
    pub view: ConnectionView,
    /// The last test whose answer was verified: address, audience and signature fit.
    pub passed_test: Option<Test>,
    /// A test was begun, nobody came back from the provider, and its time is over.
    pub lost_test: Option<Timestamp>,
    /// Mappings, and how many people were sent the value of each.
    pub mappings: Vec<(RoleMapping, u32)>,
    /// Active owners and admins who can sign in with a password.
    pub admins_with_password: u32,
    /// The directory of the same identity provider, the enabled one first.
    pub directory: Option<Directory>,
    /// Whether a request of its provider was answered with what it asked for.
    pub is_answered: bool,
}

impl Rollout {
    /// When the provider last sent an answer that was accepted, in a sign-in or a test.
    pub fn last_good_answer(&self) -> Option<Timestamp> {
        let signed_in = self.view.last_sign_in.as_ref().map(|sign_in| sign_in.at);
        let tested = self.passed_test.as_ref().and_then(|test| test.finished_at);
        signed_in.max(tested)
    }
}

fn directory_of(all: &[Directory], connection: &ConnectionId) -> Option<Directory> {
    let mine = || all.iter().filter(|directory| directory.connection.as_ref() == Some(connection));
    mine().find(|directory| directory.is_enabled()).or_else(|| mine().next()).cloned()
}

impl App {
    /// Of the connection that is asked for, else of the first that is on, else of the newest draft. None without any.
    pub async fn rollout(&self, ctx: &Ctx, wanted: Option<ConnectionId>) -> Result<Option<Rollout>> {
        access::require(ctx, Permission::ConnectionsRead)?;
        let (organization, now) = (ctx.organization.clone(), ctx.now);
        self.store
            .read(move |tx| {
                let all = connections::list(tx, &organization, &Window::first(Window::MAX))?.rows;
                let found = match &wanted {
                    Some(id) => Some(all.iter().find(|one| one.id == *id).ok_or(Error::NotFound("connection"))?),
                    None => all.iter().find(|one| one.status == Status::Active).or(all.last()),
                };
                let Some(connection) = found.cloned() else { return Ok(None) };
                let id = connection.id.clone();
                let tests = sign_ins::list_tests(tx, &id, 20)?;
                let mut counted = Vec::new();
                for mapping in mappings::list(tx, id.as_str())? {
                    let sent = Sent { on: mapping.on.clone(), value: mapping.value.clone() };
                    let people = mappings::count_members(tx, id.as_str(), &sent)?;
                    counted.push((mapping, people));
                }
                let directory = directory_of(&directories::list(tx, &organization)?, &id);
                let is_answered = match &directory {
                    Some(directory) => scim_requests::has_good(tx, &directory.id)?,
                    None => false,
                };
                let newest = tests.first();
                let is_lost = |test: &&Test| test.status == TestStatus::Waiting && test.expires_at <= now;
                Ok(Some(Rollout {
                    passed_test: tests.iter().find(|test| test.status == TestStatus::Passed).cloned(),
                    lost_test: newest.filter(is_lost).map(|test| test.created_at),
                    mappings: counted,
                    admins_with_password: roles::count_admins_with_password(tx, &organization)?,
                    directory,
                    is_answered,
                    view: view(tx, connection, now)?,
                }))
            })
            .await
    }
}
