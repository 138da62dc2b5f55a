//! Directories that identity providers push to over SCIM.

use actix_web::web::Data;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::directories::DirectoryInput;
use crate::app::directories::DirectoryView;
use crate::app::directory_mappings::DirectoryPreview;
use crate::app::directory_mappings::Meeting;
use crate::app::merge::Odd;
use crate::app::role_mappings::MappingInput;
use crate::model::directory::DirectoryToken;
use crate::model::id::ScimRequestId;
use crate::model::id::ScimUserId;
use crate::model::mapping::RoleMapping;
use crate::model::role::Permission as P;
use crate::model::scim::RequestFilter;
use crate::model::scim::ScimRequest;
use crate::model::time::Timestamp;
use crate::scim::Quirk;
use crate::web::api::answer::Answer;
use crate::web::api::answer::created;
use crate::web::api::answer::done;
use crate::web::api::answer::list;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::Nothing;
use crate::web::api::call::Parameter;
use crate::web::api::call::Sent;
use crate::web::api::call::SentList;
use crate::web::api::call::choice;
use crate::web::api::call::parameter;
use crate::web::api::json::nullable;
use crate::web::api::operations::Operations;
use crate::web::api::role_mappings::ChangeObject;
use crate::web::error::ApiError;
use crate::web::routes::Needs;

const REQUESTS: &[Parameter] = &[
    parameter("person", "A person or group by name, or an id."),
    choice("status", "How it ended.", &["ok", "refused"]),
    choice("kind", "What it was about.", &["user", "group", "discovery", "other"]),
    choice("changes", "Leave out what only read.", &["true", "false"]),
];

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
    api.get("/api/v1/directories/{directory}/requests", read, "List SCIM requests", requests)
        .about("What the identity provider asked, newest first; kept for 30 days.")
        .filters(REQUESTS)
        .lists::<RequestObject>();
    api.get("/api/v1/directories/{directory}/quirks", read, "List tolerances", quirks)
        .about("Where the identity provider deviates from RFC 7643 and 7644, and what to change there.")
        .gives::<Quirks>();
    api.get("/api/v1/directories/{directory}/duplicates", read, "List possible duplicates", duplicates)
        .about("Users who have no member, or beside whom another member has the same address. Join two by `POST /members/{id}/merge`.")
        .lists::<DuplicateObject>();
    let path = "/api/v1/directories/{directory}/preview";
    api.get(path, read, "Preview a directory", preview)
        .about("What enabling it would do, or what it would change now; nothing changes.")
        .gives::<PreviewObject>();
    let path = "/api/v1/directories/{directory}/role-mappings";
    api.get(path, read, "Show role mappings of a directory", mappings).gives::<DirectoryMappings>().versioned();
    api.put(path, write, "Set role mappings of a directory", set_mappings)
        .about("Makes the mappings exactly these. They can be prepared before the directory is enabled.")
        .takes::<DirectoryMappings>()
        .gives::<DirectoryMappings>()
        .versioned()
        .refuses(&[(403, "role_above_yours"), (409, "lockout_last_admin")]);
    let path = "/api/v1/directories/{directory}/role-mappings/preview";
    api.post(path, write, "Preview role mappings of a directory", preview_mappings)
        .takes::<DirectoryMappings>()
        .gives::<PreviewObject>();
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
    let DirectoryView { directory, tokens, guard } = view;
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

#[derive(Serialize, ToSchema)]
#[schema(as = ScimRequest)]
struct RequestObject {
    id: String,
    #[schema(format = DateTime)]
    at: String,
    method: String,
    path: String,
    status: u32,
    kind: String,
    /// Which identity provider it reads like.
    dialect: String,
    resource_id: Option<String>,
    who: Option<String>,
    /// What it changed, or why it was refused.
    summary: String,
    /// Tolerances that it needed.
    quirks: Vec<String>,
    body: Option<String>,
    ip: Option<String>,
    /// Microseconds.
    duration: u32,
}

impl From<ScimRequest> for RequestObject {
    fn from(request: ScimRequest) -> Self {
        Self {
            id: request.id.to_string(),
            at: request.at.rfc3339(),
            method: request.method,
            path: request.path,
            status: request.status,
            kind: request.kind,
            dialect: request.dialect,
            resource_id: request.resource,
            who: request.who,
            summary: request.words,
            quirks: request.quirks,
            body: request.body,
            ip: request.ip,
            duration: request.micros,
        }
    }
}

/// `GET /api/v1/directories/{directory}/requests`
async fn requests(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (query, window) = call.list::<ScimRequestId>(REQUESTS)?;
    let filter = RequestFilter {
        person: query.text("person"),
        is_refused: query.get("status").map(|status| status == "refused"),
        kind: query.text("kind"),
        only_changes: query.get("changes") == Some("true"),
    };
    let page = app.list_scim_requests(&call.ctx, call.id("directory")?, filter, window).await?;
    Ok(list(page.map(RequestObject::from)))
}

#[derive(Serialize, ToSchema)]
struct QuirkObject {
    quirk: String,
    count: u32,
    seen: &'static str,
    change: &'static str,
    #[schema(format = DateTime)]
    first_at: String,
    #[schema(format = DateTime)]
    last_at: String,
}

#[derive(Serialize, ToSchema)]
struct Quirks {
    data: Vec<QuirkObject>,
}

/// `GET /api/v1/directories/{directory}/quirks`
async fn quirks(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    call.query(&[])?;
    let all = app.list_scim_quirks(&call.ctx, call.id("directory")?).await?;
    let object = |(code, count, first, last): (String, u32, Timestamp, Timestamp)| {
        let quirk = Quirk::find(&code)?;
        Some(QuirkObject {
            quirk: code,
            count,
            seen: quirk.seen(),
            change: quirk.change(),
            first_at: first.rfc3339(),
            last_at: last.rfc3339(),
        })
    };
    Ok(ok(&Quirks { data: all.into_iter().filter_map(object).collect() }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = PossibleDuplicate)]
struct DuplicateObject {
    /// The user's id over SCIM.
    user_id: String,
    user_name: String,
    email: Option<String>,
    /// The user's member.
    member_id: Option<String>,
    /// `scim_email`: nothing that was sent is an address; `scim_conflict`: others have the address; `seats_full`: no seat was
    /// left; `lockout_last_admin`: nobody else would administer.
    code: String,
    /// Members of the same address.
    others: Vec<String>,
}

impl From<Odd> for DuplicateObject {
    fn from(odd: Odd) -> Self {
        Self {
            user_id: odd.user.id.to_string(),
            user_name: odd.user.user_name,
            email: odd.user.email,
            member_id: odd.user.member.map(|id| id.to_string()),
            code: odd.user.problem.unwrap_or_default(),
            others: odd.others.iter().map(|other| other.id.to_string()).collect(),
        }
    }
}

/// `GET /api/v1/directories/{directory}/duplicates`
async fn duplicates(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (_, window) = call.list::<ScimUserId>(&[])?;
    let page = app.list_odd_users(&call.ctx, call.id("directory")?, window).await?;
    Ok(list(page.map(DuplicateObject::from)))
}

#[derive(Serialize, ToSchema)]
struct OddObject {
    who: String,
    /// `scim_conflict`: a member of the same address stands beside; `scim_email`: nothing that was sent is an address.
    code: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DirectoryPreview)]
struct PreviewObject {
    /// Members who would be made.
    made: u64,
    /// Members who would be joined by address.
    joined: u64,
    /// Users beside a member of the same address, who may not be joined.
    kept_apart: u64,
    without_address: u64,
    inactive: u64,
    /// People who would gain or lose something.
    total: u64,
    /// The first hundred of them.
    changes: Vec<ChangeObject>,
    /// The first hundred who are kept apart or have no address.
    odd: Vec<OddObject>,
    /// So many more seats are needed.
    seats_missing: u32,
    /// Nobody would have Owner or Admin: setting these mappings is refused.
    locks_out: bool,
}

impl From<DirectoryPreview> for PreviewObject {
    fn from(preview: DirectoryPreview) -> Self {
        let odd = |(who, meeting): (String, Meeting)| OddObject {
            who,
            code: if meeting == Meeting::NoAddress { "scim_email" } else { "scim_conflict" },
        };
        Self {
            made: preview.made,
            joined: preview.joined,
            kept_apart: preview.apart,
            without_address: preview.without_address,
            inactive: preview.inactive,
            total: preview.total,
            changes: preview.changes.into_iter().map(ChangeObject::from).collect(),
            odd: preview.odd.into_iter().map(odd).collect(),
            seats_missing: preview.seats_missing,
            locks_out: preview.lockout.is_some(),
        }
    }
}

/// `GET /api/v1/directories/{directory}/preview`
async fn preview(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    call.query(&[])?;
    let preview = app.preview_directory(&call.ctx, call.id("directory")?, None).await?;
    Ok(ok(&PreviewObject::from(preview)))
}

#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct DirectoryMapping {
    /// `group`, `role` or `entitlement`.
    #[schema(required)]
    r#match: String,
    /// As the identity provider sends it.
    #[schema(required)]
    value: String,
    /// Slugs.
    roles: Vec<String>,
    /// Id of a team, which has to exist.
    team: Option<String>,
    tag: Option<String>,
}

/// In the order that they are shown.
#[derive(Serialize, ToSchema)]
struct DirectoryMappings(Vec<DirectoryMapping>);

impl From<RoleMapping> for DirectoryMapping {
    fn from(mapping: RoleMapping) -> Self {
        Self {
            r#match: mapping.on.kind().to_owned(),
            value: mapping.value,
            roles: mapping.roles,
            team: mapping.team.map(|team| team.to_string()),
            tag: mapping.tag,
        }
    }
}

fn mapping_objects(all: Vec<RoleMapping>) -> DirectoryMappings {
    DirectoryMappings(all.into_iter().map(DirectoryMapping::from).collect())
}

fn input(sent: &SentList) -> Result<Vec<MappingInput>, ApiError> {
    let items: Vec<DirectoryMapping> = sent.items(P::DirectoriesWrite)?;
    let input = |item: DirectoryMapping| MappingInput {
        kind: item.r#match,
        attribute: None,
        value: item.value,
        roles: item.roles,
        team: item.team,
        tag: item.tag,
    };
    Ok(items.into_iter().map(input).collect())
}

/// `GET /api/v1/directories/{directory}/role-mappings`
async fn mappings(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (directory, all) = app.list_directory_mappings(&call.ctx, call.id("directory")?).await?;
    Ok(ok(&mapping_objects(all)).version(directory.version))
}

/// `PUT /api/v1/directories/{directory}/role-mappings`
async fn set_mappings(app: Data<App>, sent: SentList) -> Result<Answer, ApiError> {
    let (id, input) = (sent.call.id("directory")?, input(&sent)?);
    let (directory, all) = app.set_directory_mappings(&sent.call.ctx, id, input, None).await?;
    Ok(ok(&mapping_objects(all)).version(directory.version))
}

/// `POST /api/v1/directories/{directory}/role-mappings/preview`
async fn preview_mappings(app: Data<App>, sent: SentList) -> Result<Answer, ApiError> {
    let (id, input) = (sent.call.id("directory")?, input(&sent)?);
    let preview = app.preview_directory(&sent.call.ctx, id, Some(input)).await?;
    Ok(ok(&PreviewObject::from(preview)))
}
