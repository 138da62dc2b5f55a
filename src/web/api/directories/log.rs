//! What identity providers asked of a directory, what they deviate in, and users with whom something is odd.

use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::merge::Odd;
use crate::model::id::ScimRequestId;
use crate::model::id::ScimUserId;
use crate::model::role::Permission as P;
use crate::model::scim::RequestFilter;
use crate::model::scim::ScimRequest;
use crate::model::time::Timestamp;
use crate::scim::Quirk;
use crate::web::api::answer::Answer;
use crate::web::api::answer::list;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::Parameter;
use crate::web::api::call::choice;
use crate::web::api::call::parameter;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;
use crate::web::routes::Needs;

const REQUESTS: &[Parameter] = &[
    parameter("person", "A part of the name of a person or group, or an id."),
    choice("status", "How it ended.", &["ok", "refused"]),
    choice("kind", "What it was about.", &["user", "group", "discovery", "other"]),
    choice("changes", "Leave out what only read.", &["true", "false"]),
];

pub fn operations(api: &mut Operations) {
    let read = Needs::Api(P::DirectoriesRead);
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
            others: odd.others.iter().map(|(other, _)| other.id.to_string()).collect(),
        }
    }
}

/// `GET /api/v1/directories/{directory}/duplicates`
async fn duplicates(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (_, window) = call.list::<ScimUserId>(&[])?;
    let page = app.list_odd_users(&call.ctx, call.id("directory")?, window).await?;
    Ok(list(page.map(DuplicateObject::from)))
}
