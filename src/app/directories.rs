//! Directories, as admins set them up: made with their first token, enabled, disabled.

use crate::app::App;
use crate::app::access;
use crate::app::directory_tokens::new_token;
use crate::app::error::{Error, Result};
use crate::app::guard;
use crate::app::scim::schemas_of;
use crate::crypto::token;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::directory::{
    Directory, DirectoryStatus, DirectoryToken, GUARD_SHARE, MOST_DIRECTORIES, MOST_EXTENSION_BYTES, MOST_EXTENSIONS,
    MemberLock,
};
use crate::model::id::{ConnectionId, DirectoryId, RevisionId};
use crate::model::invalid::Invalid;
use crate::model::page::{Page, Window};
use crate::model::provider::{Catalogue, Protocol};
use crate::model::role::{AnyRole, DefaultRole, Permission, Role};
use crate::model::run::Subject;
use crate::model::scim::{RequestFilter, ScimRequest};
use crate::model::time::Timestamp;
use crate::store::losses::Guard;
use crate::store::{ReadTx, WriteTx, audit, connections, directories, losses, revisions, runs, scim_requests};

/// What an admin says about a directory. `None` leaves a field alone.
#[derive(Debug, Clone, Default)]
pub struct DirectoryInput {
    pub name: Option<String>,
    pub provider: Option<String>,
    /// `Some(None)`: of no connection.
    pub connection: Option<Option<String>>,
    pub default_role: Option<String>,
    pub lock: Option<String>,
    pub guard_share: Option<i64>,
    /// Definitions of schemas of its own.
    pub extensions: Option<Vec<serde_json::Value>>,
}

/// A directory with all that a page or the API shows.
#[derive(Debug, Clone)]
pub struct DirectoryView {
    pub directory: Directory,
    pub tokens: Vec<DirectoryToken>,
    pub guard: Guard,
    /// Where it is held: how many lost access in the hour before.
    pub lost: u32,
}

pub(super) fn target(directory: &Directory) -> Target {
    Target::new("directory", &directory.id, &directory.name)
}

pub(super) fn find(tx: &ReadTx<'_>, ctx: &Ctx, id: &DirectoryId) -> Result<Directory> {
    directories::find(tx, &ctx.organization, id)?.ok_or(Error::NotFound("directory"))
}

fn view(tx: &ReadTx<'_>, directory: Directory) -> Result<DirectoryView> {
    let tokens = directories::list_tokens(tx, &directory.id)?;
    let guard = losses::find_guard(tx, &directory)?;
    let lost = match guard.held_at {
        Some(since) => guard::count_lost(tx, &directory, since, "")?,
        None => 0,
    };
    Ok(DirectoryView { directory, tokens, guard, lost })
}

/// The directory, if it is still as the caller saw it.
pub(super) fn find_unchanged(tx: &ReadTx<'_>, ctx: &Ctx, id: &DirectoryId, version: Option<i64>) -> Result<Directory> {
    let directory = find(tx, ctx, id)?;
    if !ctx.has_seen(directory.version) || version.is_some_and(|version| version != directory.version) {
        return Err(Error::Changed);
    }
    Ok(directory)
}

fn check_provider(invalid: &mut Invalid, provider: &str) {
    let mut known: Vec<&str> =
        Catalogue::get().connectors(Protocol::Scim).map(|connector| connector.provider.as_str()).collect();
    if known.contains(&provider) {
        return;
    }
    let text = match Catalogue::get().provider(provider) {
        Some(vendor) => format!(
            "{} pushes no SCIM to applications that are not in its catalogue. Use its SAML connection, or custom with a tool that pushes for it.",
            vendor.name
        ),
        None => {
            known.sort_unstable();
            format!("There is no such provider. Use one of {}.", known.join(", "))
        }
    };
    invalid.add("provider", "no_such_provider", text);
}

fn check_extensions(invalid: &mut Invalid, extensions: &[serde_json::Value]) -> Option<String> {
    if extensions.is_empty() {
        return None;
    }
    let text = serde_json::Value::Array(extensions.to_vec()).to_string();
    if extensions.len() > MOST_EXTENSIONS || text.len() > MOST_EXTENSION_BYTES {
        let most = format!("Use at most {MOST_EXTENSIONS} schemas with {MOST_EXTENSION_BYTES} bytes in all.");
        invalid.add("extensions", "too_many_extensions", most);
        return None;
    }
    if let Err(error) = schemas_of(&text) {
        invalid.add("extensions", "extension", error.detail);
        return None;
    }
    Some(text)
}

/// Puts what was said into the directory; what is wrong is told field by field.
fn fill(tx: &ReadTx<'_>, ctx: &Ctx, directory: &mut Directory, input: &DirectoryInput) -> Result<()> {
    let mut invalid = Invalid::new();
    if let Some(name) = &input.name {
        directory.name = name.trim().to_owned();
        let is_long = directory.name.chars().count() > 80 || directory.name.chars().any(char::is_control);
        if directory.name.is_empty() || is_long {
            invalid.add("name", "name", "Give it a name of 1 to 80 characters, such as your identity provider's.");
        }
    }
    if let Some(provider) = &input.provider {
        directory.provider.clone_from(provider);
        check_provider(&mut invalid, provider);
    }
    if let Some(role) = &input.default_role {
        match role.parse::<DefaultRole>() {
            Ok(role) => directory.default_role = role,
            Err(_) => {
                invalid.add("default_role", "no_such_role", "Use member, developer, admin, owner or none.");
            }
        }
    }
    if let Some(lock) = &input.lock {
        match MemberLock::parse(lock) {
            Some(lock) => directory.lock = lock,
            None => invalid.add("member_lock", "member_lock", "Use locked, no_invitations or open."),
        }
    }
    if let Some(share) = input.guard_share {
        match u32::try_from(share).ok().filter(|share| (1..=100).contains(share)) {
            Some(share) => directory.guard_share = share,
            None => invalid.add("guard_share", "guard_share", "Use a share of 1 to 100 percent."),
        }
    }
    if let Some(extensions) = &input.extensions {
        directory.extensions = check_extensions(&mut invalid, extensions);
    }
    if let Some(connection) = &input.connection {
        directory.connection = None;
        if let Some(text) = connection.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            let found = match text.parse::<ConnectionId>() {
                Ok(id) => connections::find(tx, &ctx.organization, &id)?,
                Err(_) => None,
            };
            match found {
                Some(connection) => directory.connection = Some(connection.id),
                None => invalid.add("connection_id", "no_such_connection", "There is no such connection here."),
            }
        }
    }
    invalid.or(())?;
    Ok(())
}

/// Nobody lets a directory give more than they hold.
pub(super) fn require_default(ctx: &Ctx, directory: &Directory) -> Result<()> {
    match directory.default_role {
        DefaultRole::Role(role) => access::require_grant(ctx, &AnyRole::from(role)),
        DefaultRole::None => Ok(()),
    }
}

impl App {
    /// Where identity providers push to.
    pub fn scim_base_url(&self, directory: &Directory) -> String {
        self.urls.join(&format!("/scim/v2/{}", directory.id))
    }

    pub async fn list_directories(&self, ctx: &Ctx) -> Result<Vec<DirectoryView>> {
        access::require(ctx, Permission::DirectoriesRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read(move |tx| directories::list(tx, &organization)?.into_iter().map(|one| view(tx, one)).collect())
            .await
    }

    pub async fn find_directory(&self, ctx: &Ctx, id: DirectoryId) -> Result<DirectoryView> {
        access::require(ctx, Permission::DirectoriesRead)?;
        let ctx = ctx.clone();
        self.store.read(move |tx| view(tx, find(tx, &ctx, &id)?)).await
    }

    /// With its first token, which is given out here and never again. Of the one connection there is, unless another is named.
    pub async fn create_directory(&self, ctx: &Ctx, input: DirectoryInput) -> Result<(DirectoryView, String)> {
        let id = DirectoryId::new();
        let (token, secret) = new_token(ctx, &id, None);
        let made = self.insert_directory(ctx, id, input, Some((token, token::hash(&secret)))).await?;
        Ok((made, secret))
    }

    /// The same without a token: the wizard makes it where it can be shown.
    pub async fn begin_directory(&self, ctx: &Ctx, input: DirectoryInput) -> Result<DirectoryView> {
        self.insert_directory(ctx, DirectoryId::new(), input, None).await
    }

    async fn insert_directory(
        &self,
        ctx: &Ctx,
        id: DirectoryId,
        input: DirectoryInput,
        token: Option<(DirectoryToken, [u8; 32])>,
    ) -> Result<DirectoryView> {
        access::require(ctx, Permission::DirectoriesWrite)?;
        let ctx = ctx.clone();
        self.store
            .write(move |tx| -> Result<_> {
                let mut directory = Directory {
                    id: id.clone(),
                    number: 0,
                    organization: ctx.organization.clone(),
                    name: String::new(),
                    provider: String::new(),
                    connection: connections::find_only(tx, &ctx.organization)?,
                    status: DirectoryStatus::Pending,
                    default_role: DefaultRole::Role(Role::Member),
                    lock: MemberLock::Locked,
                    guard_share: GUARD_SHARE,
                    extensions: None,
                    users: 0,
                    groups: 0,
                    created_at: ctx.now,
                    enabled_at: None,
                    last_request_at: None,
                    version: 1,
                };
                let mut input = input.clone();
                input.name = Some(input.name.unwrap_or_default());
                input.provider = Some(input.provider.unwrap_or_else(|| "custom".into()));
                fill(tx, &ctx, &mut directory, &input)?;
                require_default(&ctx, &directory)?;
                if directories::list(tx, &ctx.organization)?.len() >= MOST_DIRECTORIES as usize {
                    let text = format!("An organization has {MOST_DIRECTORIES} directories at most.");
                    return Err(Error::conflict("too_many_directories", text));
                }
                directory.number = directories::insert(tx, &directory)?;
                if let Some((token, hash)) = &token {
                    directories::insert_token(tx, token, hash)?;
                }
                let event = NewEvent::new(Action::DirectoryCreated, target(&directory));
                audit::insert(
                    tx,
                    &ctx,
                    &event.change("provider", serde_json::Value::Null, directory.provider.clone()),
                )?;
                view(tx, directory)
            })
            .await
    }

    pub async fn update_directory(
        &self,
        ctx: &Ctx,
        id: DirectoryId,
        input: DirectoryInput,
        version: Option<i64>,
    ) -> Result<DirectoryView> {
        access::require(ctx, Permission::DirectoriesWrite)?;
        let (owned, subject) = (ctx.clone(), Subject::Directory(id.clone()));
        let (view, runs_on): (DirectoryView, bool) = self
            .store
            .write(move |tx| -> Result<_> {
                let ctx = &owned;
                let before = find_unchanged(tx, ctx, &id, version)?;
                let mut directory = before.clone();
                fill(tx, ctx, &mut directory, &input)?;
                if directory.default_role != before.default_role {
                    require_default(ctx, &before)?;
                    require_default(ctx, &directory)?;
                }
                let connection = |one: &Directory| one.connection.as_ref().map(ToString::to_string);
                let event = NewEvent::new(Action::DirectoryUpdated, target(&directory))
                    .change("name", before.name.clone(), directory.name.clone())
                    .change("provider", before.provider.clone(), directory.provider.clone())
                    .change("connection", connection(&before), connection(&directory))
                    .change("default_role", before.default_role.as_str(), directory.default_role.as_str())
                    .change("member_lock", before.lock.as_str(), directory.lock.as_str())
                    .change("guard_share", before.guard_share, directory.guard_share)
                    .change("extensions", before.extensions.clone(), directory.extensions.clone());
                if event.changes.is_empty() {
                    return Ok((view(tx, directory)?, false));
                }
                directories::update(tx, &directory)?;
                audit::insert(tx, ctx, &event)?;
                directory.version += 1;
                if directory.is_enabled() && directory.connection != before.connection {
                    turn_jit_off(tx, ctx, &directory)?;
                }
                let runs_on = directory.is_enabled() && directory.default_role != before.default_role;
                if runs_on {
                    begin(tx, ctx, &directory)?;
                }
                Ok((view(tx, directory)?, runs_on))
            })
            .await?;
        self.connections.forget();
        if runs_on {
            self.begin_run_behind(ctx, subject);
        }
        Ok(view)
    }

    /// From now on what is pushed acts on members, and what was pushed so far does so in steps.
    pub async fn enable_directory(&self, ctx: &Ctx, id: DirectoryId) -> Result<DirectoryView> {
        access::require(ctx, Permission::DirectoriesWrite)?;
        let (owned, subject) = (ctx.clone(), Subject::Directory(id.clone()));
        let view: DirectoryView = self
            .store
            .write(move |tx| -> Result<_> {
                let ctx = &owned;
                let mut directory = find_unchanged(tx, ctx, &id, None)?;
                require_default(ctx, &directory)?;
                if !directory.is_enabled() {
                    (directory.status, directory.enabled_at) = (DirectoryStatus::Enabled, Some(ctx.now));
                    directories::update(tx, &directory)?;
                    directory.version += 1;
                    audit::insert(tx, ctx, &NewEvent::new(Action::DirectoryEnabled, target(&directory)))?;
                    turn_jit_off(tx, ctx, &directory)?;
                    begin(tx, ctx, &directory)?;
                }
                view(tx, directory)
            })
            .await?;
        self.connections.forget();
        self.finish_run(ctx, subject, Some(crate::app::runs::PATIENCE)).await;
        Ok(view)
    }

    /// Nothing is taken any more; members and what they hold stay, and people may change them by hand again.
    pub async fn disable_directory(&self, ctx: &Ctx, id: DirectoryId) -> Result<DirectoryView> {
        access::require(ctx, Permission::DirectoriesWrite)?;
        let ctx = ctx.clone();
        let view = self
            .store
            .write(move |tx| -> Result<_> {
                let mut directory = find_unchanged(tx, &ctx, &id, None)?;
                if directory.status != DirectoryStatus::Disabled {
                    directory.status = DirectoryStatus::Disabled;
                    directories::update(tx, &directory)?;
                    directory.version += 1;
                    losses::update_guard(tx, &directory, Guard::default())?;
                    runs::delete(tx, &ctx.organization, &Subject::Directory(id.clone()))?;
                    audit::insert(tx, &ctx, &NewEvent::new(Action::DirectoryDisabled, target(&directory)))?;
                }
                view(tx, directory)
            })
            .await?;
        self.connections.forget();
        Ok(view)
    }

    pub async fn list_scim_requests(
        &self,
        ctx: &Ctx,
        id: DirectoryId,
        filter: RequestFilter,
        window: Window,
    ) -> Result<Page<ScimRequest>> {
        access::require(ctx, Permission::DirectoriesRead)?;
        self.flush_scim_log().await?;
        let ctx = ctx.clone();
        self.store.read_slowly(move |tx| Ok(scim_requests::list(tx, &find(tx, &ctx, &id)?, &filter, &window)?)).await
    }

    /// Codes of the tolerances that a directory's identity provider needs, how often, and when first and last.
    pub async fn list_scim_quirks(
        &self,
        ctx: &Ctx,
        id: DirectoryId,
    ) -> Result<Vec<(String, u32, Timestamp, Timestamp)>> {
        access::require(ctx, Permission::DirectoriesRead)?;
        self.flush_scim_log().await?;
        let ctx = ctx.clone();
        self.store.read(move |tx| Ok(scim_requests::list_quirks(tx, &find(tx, &ctx, &id)?.id)?)).await
    }

    /// What the guard holds may pass within the next hour.
    pub async fn let_directory_pass(&self, ctx: &Ctx, id: DirectoryId) -> Result<DirectoryView> {
        access::require(ctx, Permission::DirectoriesWrite)?;
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                let directory = find(tx, &ctx, &id)?;
                let until = ctx.now + crate::model::time::minutes(60);
                losses::update_guard(tx, &directory, Guard { held_at: None, let_pass_until: Some(until) })?;
                let event = NewEvent::new(Action::DirectoryLetPass, target(&directory));
                audit::insert(tx, &ctx, &event.change("until", serde_json::Value::Null, until.rfc3339()))?;
                view(tx, directory)
            })
            .await
    }
}

/// Begins to bring everybody up to date with what the directory sent.
pub(super) fn begin(tx: &WriteTx<'_>, ctx: &Ctx, directory: &Directory) -> Result<()> {
    let subject = Subject::Directory(directory.id.clone());
    crate::app::runs::begin(tx, &directory.organization, subject, directory.version, ctx.now)
}

/// Who exists is the directory's to say: sign-ins through its connection make nobody any more, until an admin says so again.
fn turn_jit_off(tx: &WriteTx<'_>, ctx: &Ctx, directory: &Directory) -> Result<()> {
    let Some(id) = &directory.connection else { return Ok(()) };
    let Some(mut connection) = connections::find(tx, &ctx.organization, id)? else { return Ok(()) };
    let Some(active) = connection.active.clone().filter(|revision| revision.settings.jit) else { return Ok(()) };
    let mut next = active.clone();
    (next.id, next.settings.jit, next.created_at) = (RevisionId::new(), false, ctx.now);
    revisions::insert(tx, &connection.id, &next, ctx.actor.name())?;
    revisions::update_activated(tx, &next.id, ctx.now, ctx.actor.name())?;
    connection.former = Some(active.id);
    connection.active = Some(next);
    crate::app::connections::save(tx, &mut connection)?;
    let event = NewEvent::new(Action::ConnectionUpdated, crate::app::connections::target(&connection));
    audit::insert(
        tx,
        ctx,
        &event.change("jit", true, false).change("because", serde_json::Value::Null, directory.name.clone()),
    )?;
    Ok(())
}
