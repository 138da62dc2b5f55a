//! Browsers that are signed in.

use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::access;
use crate::model::id::MemberId;
use crate::model::id::SessionId;
use crate::model::role::Permission as P;
use crate::model::session::Method;
use crate::model::session::Session;
use crate::web::api::answer::Answer;
use crate::web::api::answer::done;
use crate::web::api::answer::list;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::Parameter;
use crate::web::api::call::parameter;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;
use crate::web::error::Failure;
use crate::web::error::Fault;
use crate::web::routes::Needs;

const OF_MEMBER: &[Parameter] = &[parameter("member_id", "The sessions of this member.")];

pub fn operations(api: &mut Operations) {
    api.get("/api/v1/sessions", Needs::Api(P::SessionsRead), "List sessions", index)
        .about("The newest first. A member without the permission may list their own by naming themselves.")
        .filters(OF_MEMBER)
        .lists::<SessionObject>();
    api.delete("/api/v1/sessions", Needs::Api(P::SessionsEnd), "End all sessions of a member", end_all)
        .about("`member_id` is required. Of the caller's own sessions, the one that asks stays.")
        .filters(OF_MEMBER);
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

fn no_member_id(text: &str) -> ApiError {
    Failure::Faults(vec![Fault::new("/member_id", "member_id", text)]).into()
}

/// `GET /api/v1/sessions`
async fn index(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (query, window) = call.list::<SessionId>(OF_MEMBER)?;
    let member = query.get("member_id").map(str::parse::<MemberId>).transpose();
    let member = member.map_err(|_| no_member_id("This is not the id of a member: those begin with `mem_`."))?;
    let page = app.list_sessions(&call.ctx, member, window).await?;
    Ok(list(page.map(SessionObject::from)))
}

/// `DELETE /api/v1/sessions?member_id=`
async fn end_all(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let query = call.query(OF_MEMBER)?;
    let member: Option<MemberId> = query.get("member_id").and_then(|id| id.parse().ok());
    let Some(member) = member else {
        access::require(&call.ctx, P::SessionsEnd)?;
        return Err(no_member_id("Say whose sessions end: `?member_id=mem_…`."));
    };
    app.end_sessions_of(&call.ctx, member).await?;
    Ok(done())
}

/// `GET /api/v1/sessions/{session}`
async fn show(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let session = app.find_session(&call.ctx, call.id("session")?).await?;
    Ok(ok(&SessionObject::from(session)))
}

/// `DELETE /api/v1/sessions/{session}`
async fn end(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    app.end_session(&call.ctx, call.id("session")?).await?;
    Ok(done())
}
