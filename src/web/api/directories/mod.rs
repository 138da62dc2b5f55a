//! Directories that identity providers push to over SCIM.

mod log;
mod mappings;

use actix_web::web::Data;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::directories::DirectoryInput;
use crate::app::directories::DirectoryView;
use crate::model::directory::DirectoryToken;
use crate::model::role::Permission as P;
use crate::model::time::Timestamp;
use crate::web::api::answer::Answer;
use crate::web::api::answer::created;
use crate::web::api::answer::done;
use crate::web::api::answer::list;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::Nothing;
use crate::web::api::call::Sent;
use crate::web::api::json::nullable;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;
use crate::web::routes::Needs;

pub fn operations(api: &mut Operations) {
    let (read, write) = (Needs::Api(P::DirectoriesRead), Needs::Api(P::DirectoriesWrite));
    api.get("/api/v1/directories", read, "List directories", index).lists::<DirectoryObject>();
    api.post("/api/v1/directories", write, "Make a directory", create)
        .about("It is pending: what is pushed is kept and shown, and acts on nobody. `token` is shown this once.")
        .takes::<NewDirectory>()
        .makes::<MadeDirectory>()
        .refuses(&[(403, "role_above_yours"), (409, "too_many_directories")]);
    let path = "/api/v1/directories/{directory}";
    api.get(path, read, "Show a directory", show).gives::<DirectoryObject>().versioned();
    api.patch(path, write, "Change a directory", update)
        .takes::<DirectoryPatch>()
        .gives::<DirectoryObject>()
        .versioned()
        .refuses(&[(403, "role_above_yours")]);
    api.delete(path, write, "Delete a directory", delete)
        .about("Its tokens end, what it gave is taken back, its users and groups go. Members stay.")
        .versioned()
        .refuses(&[(403, "role_above_yours"), (409, "lockout_last_admin")]);
    api.post("/api/v1/directories/{directory}/enable", write, "Turn a directory on", enable)
        .about("From now on what is pushed acts on members; what was pushed so far does so too. Turns `jit` of its connection off.")
        .gives::<DirectoryObject>()
        .refuses(&[(403, "role_above_yours")]);
    api.post("/api/v1/directories/{directory}/disable", write, "Turn a directory off", disable)
        .about("Nothing is taken any more. Members and what they hold stay, and can be changed by hand again.")
        .gives::<DirectoryObject>();
    api.post("/api/v1/directories/{directory}/let-pass", write, "Let held changes pass", let_pass)
        .about("What the guard holds may pass within the next hour. To stop it instead, turn the directory off.")
        .gives::<DirectoryObject>();
    let path = "/api/v1/directories/{directory}/tokens";
    api.post(path, write, "Make the next token", create_token)
        .about("Those before it go on for 24 hours, or until they are deleted. `token` is shown this once.")
        .takes::<NewToken>()
        .makes::<MadeToken>()
        .refuses(&[(409, "too_many_tokens")]);
    api.delete("/api/v1/directories/{directory}/tokens/{token}", write, "Delete a token", delete_token)
        .about("It stops working at once.");
    log::operations(api);
    mappings::operations(api);
}

#[derive(Serialize, ToSchema)]
#[schema(as = Directory)]
struct DirectoryObject {
    id: String,
    name: String,
    /// Id of a provider of the catalogue.
    provider: String,
    /// `pending`, `enabled` or `disabled`.
    status: &'static str,
    /// What the identity provider calls SCIM base URL.
    base_url: String,
    connection_id: Option<String>,
    /// Of whom no mapping matches; `none` gives no access.
    default_role: &'static str,
    /// `locked`, `no_invitations` or `open`.
    member_lock: &'static str,
    /// Percent of its people who may lose access within an hour before an admin is asked.
    guard_share: u32,
    /// Schemas of its own, as RFC 7643 section 7 defines schemas.
    #[schema(value_type = Vec<Object>)]
    extensions: Vec<serde_json::Value>,
    users: u32,
    groups: u32,
    tokens: Vec<TokenObject>,
    /// Since when changes are refused because many people would lose access.
    #[schema(format = DateTime)]
    held_at: Option<String>,
    #[schema(format = DateTime)]
    let_pass_until: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    enabled_at: Option<String>,
    #[schema(format = DateTime)]
    last_request_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DirectoryToken)]
struct TokenObject {
    id: String,
    /// The first characters, to tell tokens apart.
    prefix: String,
    created_by: String,
    #[schema(format = DateTime)]
    created_at: String,
    /// The end that was chosen, or the one that came with the next token.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

impl From<DirectoryToken> for TokenObject {
    fn from(token: DirectoryToken) -> Self {
        Self {
            id: token.id.to_string(),
            expires_at: token.ends_at().map(|at| at.rfc3339()),
            prefix: token.prefix,
            created_by: token.created_by,
            created_at: token.created_at.rfc3339(),
            last_used_at: token.last_used_at.map(|at| at.rfc3339()),
        }
    }
}

fn object(app: &App, view: DirectoryView) -> DirectoryObject {
    let DirectoryView { directory, tokens, guard, .. } = view;
    DirectoryObject {
        id: directory.id.to_string(),
        base_url: app.scim_base_url(&directory),
        name: directory.name,
        provider: directory.provider,
        status: directory.status.as_str(),
        connection_id: directory.connection.map(|id| id.to_string()),
        default_role: directory.default_role.as_str(),
        member_lock: directory.lock.as_str(),
        guard_share: directory.guard_share,
        extensions: directory.extensions.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
        users: directory.users,
        groups: directory.groups,
        tokens: tokens.into_iter().map(TokenObject::from).collect(),
        held_at: guard.held_at.map(|at| at.rfc3339()),
        let_pass_until: guard.let_pass_until.map(|at| at.rfc3339()),
        created_at: directory.created_at.rfc3339(),
        enabled_at: directory.enabled_at.map(|at| at.rfc3339()),
        last_request_at: directory.last_request_at.map(|at| at.rfc3339()),
    }
}

fn answer(app: &App, view: DirectoryView) -> Answer {
    let version = view.directory.version;
    ok(&object(app, view)).version(version)
}

/// A directory that was just made.
#[derive(Serialize, ToSchema)]
struct MadeDirectory {
    #[serde(flatten)]
    shown: DirectoryObject,
    /// Shown this once.
    token: String,
}

/// `GET /api/v1/directories`
async fn index(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    call.query(&[])?;
    let all = app.list_directories(&call.ctx).await?;
    let rows = all.into_iter().map(|view| object(&app, view)).collect();
    Ok(list(crate::model::page::Page { rows, next: None }))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct NewDirectory {
    #[schema(required)]
    name: String,
    /// Id of a provider of the catalogue that pushes SCIM, such as `okta`; `custom` unless said.
    provider: Option<String>,
    /// The connection of the same identity provider; the only one there is unless said.
    connection_id: Option<String>,
    /// `member` unless said.
    default_role: Option<String>,
    /// `locked` unless said.
    member_lock: Option<String>,
    /// 20 unless said.
    guard_share: Option<i64>,
    #[schema(value_type = Option<Vec<Object>>)]
    extensions: Option<Vec<serde_json::Value>>,
}

/// `POST /api/v1/directories`
async fn create(app: Data<App>, sent: Sent<NewDirectory>) -> Result<Answer, ApiError> {
    let NewDirectory { name, provider, connection_id, default_role, member_lock, guard_share, extensions } = sent.body;
    let input = DirectoryInput {
        name: Some(name),
        provider,
        connection: connection_id.map(Some),
        default_role,
        lock: member_lock,
        guard_share,
        extensions,
    };
    let (made, token) = app.create_directory(&sent.call.ctx, input).await?;
    let path = format!("/api/v1/directories/{}", made.directory.id);
    Ok(created(path, &MadeDirectory { shown: object(&app, made), token }))
}

/// `GET /api/v1/directories/{directory}`
async fn show(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    Ok(answer(&app, app.find_directory(&call.ctx, call.id("directory")?).await?))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct DirectoryPatch {
    name: Option<String>,
    provider: Option<String>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    connection_id: Option<Option<String>>,
    default_role: Option<String>,
    member_lock: Option<String>,
    guard_share: Option<i64>,
    #[schema(value_type = Option<Vec<Object>>)]
    extensions: Option<Vec<serde_json::Value>>,
}

/// `PATCH /api/v1/directories/{directory}`
async fn update(app: Data<App>, sent: Sent<DirectoryPatch>) -> Result<Answer, ApiError> {
    let id = sent.call.id("directory")?;
    let DirectoryPatch { name, provider, connection_id, default_role, member_lock, guard_share, extensions } =
        sent.body;
    let input = DirectoryInput {
        name,
        provider,
        connection: connection_id,
        default_role,
        lock: member_lock,
        guard_share,
        extensions,
    };
    Ok(answer(&app, app.update_directory(&sent.call.ctx, id, input, None).await?))
}

/// `DELETE /api/v1/directories/{directory}`
async fn delete(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    app.delete_directory(&call.ctx, call.id("directory")?).await?;
    Ok(done())
}

/// `POST /api/v1/directories/{directory}/enable`
async fn enable(app: Data<App>, sent: Sent<Nothing>) -> Result<Answer, ApiError> {
    let id = sent.call.id("directory")?;
    Ok(answer(&app, app.enable_directory(&sent.call.ctx, id).await?))
}

/// `POST /api/v1/directories/{directory}/disable`
async fn disable(app: Data<App>, sent: Sent<Nothing>) -> Result<Answer, ApiError> {
    let id = sent.call.id("directory")?;
    Ok(answer(&app, app.disable_directory(&sent.call.ctx, id).await?))
}

/// `POST /api/v1/directories/{directory}/let-pass`
async fn let_pass(app: Data<App>, sent: Sent<Nothing>) -> Result<Answer, ApiError> {
    let id = sent.call.id("directory")?;
    Ok(answer(&app, app.let_directory_pass(&sent.call.ctx, id).await?))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct NewToken {
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
struct MadeToken {
    #[serde(flatten)]
    shown: TokenObject,
    /// Shown this once.
    token: String,
}

/// `POST /api/v1/directories/{directory}/tokens`
async fn create_token(app: Data<App>, sent: Sent<NewToken>) -> Result<Answer, ApiError> {
    let id = sent.call.id("directory")?;
    let (made, token) = app.create_directory_token(&sent.call.ctx, id, sent.body.expires_at).await?;
    let path = format!("/api/v1/directories/{}/tokens/{}", made.directory, made.id);
    Ok(created(path, &MadeToken { shown: made.into(), token }))
}

/// `DELETE /api/v1/directories/{directory}/tokens/{token}`
async fn delete_token(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    app.delete_directory_token(&call.ctx, call.id("directory")?, call.id("token")?).await?;
    Ok(done())
}
