//! Browsers that are signed in.

use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::Error;
use crate::app::access;
use crate::app::end_sessions::Own;
use crate::model::id::SessionId;
use crate::model::role::Permission as P;
use crate::model::session::Method;
use crate::model::session::MethodKind;
use crate::model::session::Session;
use crate::model::session::SessionFilter;
use crate::web::api::answer::Answer;
use crate::web::api::answer::done;
use crate::web::api::answer::list;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::Parameter;
use crate::web::api::call::Query;
use crate::web::api::call::choice;
use crate::web::api::call::parameter;
use crate::web::api::call::times;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;
use crate::web::error::Failure;
use crate::web::error::Fault;
use crate::web::routes::Needs;

const FILTERS: &[Parameter] = &[
    parameter("member_id", "The sessions of this member."),
    parameter("q", "In the person's name, address or job title."),
    choice("method", "How they signed in.", &["password", "saml"]),
    parameter("connection_id", "Through which connection."),
    parameter("ip", "The address they signed in from, IPv4 or IPv6."),
    parameter("from", "Signed in at this time or later."),
    parameter("to", "Signed in before this time."),
];

const ENDING: &[Parameter] = &[
    FILTERS[0],
    FILTERS[1],
    FILTERS[2],
    FILTERS[3],
    FILTERS[4],
    FILTERS[5],
    FILTERS[6],
    choice("own", "`end`: the session that asks ends too.", &["keep", "end"]),
];

pub fn operations(api: &mut Operations) {
    api.get("/api/v1/sessions", Needs::Api(P::SessionsRead), "List sessions", index)
        .about("The newest first. A member without the permission may list their own by naming themselves.")
        .filters(FILTERS)
        .lists::<SessionObject>();
    api.delete("/api/v1/sessions", Needs::Api(P::SessionsEnd), "End all sessions that filters find", end_all)
        .about(
            "Such as all of one member by `member_id`, or all from before a time by `to`. At least one filter is required. \
             The session that asks stays unless `own=end`. A member without the permission may end their own by naming themselves.",
        )
        .filters(ENDING);
    api.get("/api/v1/sessions/{session}", Needs::Api(P::SessionsRead), "Show a session", show).gives::<SessionObject>();
    api.delete("/api/v1/sessions/{session}", Needs::Api(P::SessionsEnd), "End a session", end);
}

#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionObject {
    id: String,
    member_id: String,
    method: MethodObject,
    ip: Option<String>,
    user_agent: Option<String>,
    #[schema(format = DateTime)]
    started_at: String,
    #[schema(format = DateTime)]
    last_seen_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
    /// Applications that this session has reached.
    applications: Vec<String>,
}

/// How somebody signed in.
#[derive(Serialize, ToSchema)]
#[schema(as = Method)]
pub struct MethodObject {
    /// `saml` or `password`.
    kind: String,
    connection_id: Option<String>,
}

impl From<&Method> for MethodObject {
    fn from(method: &Method) -> Self {
        Self { kind: method.kind().to_owned(), connection_id: method.connection().map(ToString::to_string) }
    }
}

impl From<Session> for SessionObject {
    fn from(session: Session) -> Self {
        Self {
            id: session.id.to_string(),
            member_id: session.member.to_string(),
            method: (&session.method).into(),
            ip: session.ip,
            user_agent: session.user_agent,
            started_at: session.started_at.rfc3339(),
            last_seen_at: session.last_seen_at.rfc3339(),
            expires_at: session.expires_at.rfc3339(),
            applications: Vec::new(),
        }
    }
}

/// A key has no session of its own, so it needs the permission whatever session is meant.
fn require_of_key(call: &Call, permission: P) -> Result<(), Error> {
    if call.signed_in.is_some() { Ok(()) } else { access::require(&call.ctx, permission) }
}

fn filter(query: &Query) -> Result<SessionFilter, ApiError> {
    let mut faults = Vec::new();
    let mut fault = |pointer: &str, code, text: &str| faults.push(Fault::new(pointer, code, text));
    let member = query.get("member_id").map(str::parse).transpose().unwrap_or_else(|_| {
        fault("/member_id", "member_id", "This is not the id of a member: those begin with `mem_`.");
        None
    });
    let connection = query.get("connection_id").map(str::parse).transpose().unwrap_or_else(|_| {
        fault("/connection_id", "connection_id", "This is not the id of a connection: those begin with `con_`.");
        None
    });
    let ip = query.get("ip").and_then(SessionFilter::parse_ip);
    if query.get("ip").is_some() && ip.is_none() {
        fault("/ip", "ip", "Use one address such as 203.0.113.9 or 2001:db8::7.");
    }
    let times = times(query);
    if let Err(ApiError(Failure::Faults(wrong))) = &times {
        faults.extend(wrong.iter().cloned());
    }
    if !faults.is_empty() {
        return Err(Failure::Faults(faults).into());
    }
    let (from, before) = times?;
    let method = query.get("method").and_then(MethodKind::parse);
    Ok(SessionFilter { member, text: query.text("q"), method, connection, ip, from, before })
}

/// `GET /api/v1/sessions`
async fn index(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (query, window) = call.list::<SessionId>(FILTERS)?;
    let page = app.list_sessions(&call.ctx, filter(&query)?, window).await?;
    Ok(list(page.map(SessionObject::from)))
}

/// `DELETE /api/v1/sessions?member_id=`
async fn end_all(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let query = call.query(ENDING)?;
    let filter = filter(&query)?;
    if filter == SessionFilter::default() {
        access::require(&call.ctx, P::SessionsEnd)?;
        let text =
            "Say which sessions end: `?member_id=mem_…`, or another filter; `to` with the time of now finds all.";
        return Err(Failure::Faults(vec![Fault::new("/member_id", "member_id", text)]).into());
    }
    let own = if query.get("own") == Some("end") { Own::EndsToo } else { Own::Stays };
    app.end_sessions(&call.ctx, filter, own).await?;
    Ok(done())
}

/// `GET /api/v1/sessions/{session}`
async fn show(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    require_of_key(&call, P::SessionsRead)?;
    let session = app.find_session(&call.ctx, call.id("session")?).await?;
    Ok(ok(&SessionObject::from(session)))
}

/// `DELETE /api/v1/sessions/{session}`
async fn end(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    require_of_key(&call, P::SessionsEnd)?;
    app.end_session(&call.ctx, call.id("session")?).await?;
    Ok(done())
}
