//! What happened here, the newest first.

use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::access;
use crate::model::audit::Action;
use crate::model::audit::AuditEvent;
use crate::model::audit::AuditFilter;
use crate::model::audit::Target;
use crate::model::id::AuditEventId;
use crate::model::role::Permission as P;
use crate::web::api::answer::Answer;
use crate::web::api::answer::list;
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
    parameter("q", "In the name, address or id of who did it or of what it was done to, in the action or the code."),
    parameter("actor", "Id of who did it."),
    parameter("action", "Such as `connection.activated`."),
    parameter("target", "Id of what it was done to."),
    choice("result", "Whether it was done.", &["ok", "refused"]),
    choice("level", "How much it matters.", &["info", "warning", "alarm"]),
    parameter("from", "Not before this time."),
    parameter("to", "Before this time."),
];

pub fn operations(api: &mut Operations) {
    api.get("/api/v1/audit-events", Needs::Api(P::AuditRead), "List audit events", index)
        .about("The newest first. Events are never changed or deleted.")
        .filters(FILTERS)
        .lists::<AuditEventObject>();
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditEvent)]
struct AuditEventObject {
    id: String,
    #[schema(format = DateTime)]
    at: String,
    /// `object.past_tense`, such as `connection.activated`.
    action: String,
    /// `info`, `warning` or `alarm`.
    level: String,
    /// `ok` or `refused`.
    result: String,
    /// Why it was refused.
    code: Option<String>,
    actor: Party,
    target: Party,
    ip: Option<String>,
    request_id: Option<String>,
    /// `DW-…`, of a refused sign-in.
    reference: Option<String>,
    /// `{field: [before, after]}`
    changes: serde_json::Map<String, serde_json::Value>,
}

/// Who did it, or what it was done to, under the name of that time.
#[derive(Serialize, ToSchema)]
struct Party {
    kind: String,
    id: Option<String>,
    name: String,
}

impl From<Target> for Party {
    fn from(party: Target) -> Self {
        Self { kind: party.kind, id: Some(party.id).filter(|id| !id.is_empty()), name: party.name }
    }
}

impl From<AuditEvent> for AuditEventObject {
    fn from(event: AuditEvent) -> Self {
        Self {
            id: event.id.to_string(),
            at: event.at.rfc3339(),
            level: event.level.as_str().to_owned(),
            result: event.result().to_owned(),
            action: event.action,
            code: event.code,
            actor: event.actor.into(),
            target: event.target.into(),
            ip: event.ip,
            request_id: event.request_id,
            reference: event.reference,
            changes: event.changes,
        }
    }
}

fn filter(query: &Query) -> Result<AuditFilter, ApiError> {
    let mut faults = Vec::new();
    if query.get("action").is_some_and(|action| Action::parse(action).is_none()) {
        let known: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
        faults.push(Fault::new("/action", "unknown_value", format!("Use one of {}.", known.join(", "))));
    }
    let times = times(query);
    if let Err(ApiError(Failure::Faults(wrong))) = &times {
        faults.extend(wrong.iter().cloned());
    }
    if !faults.is_empty() {
        return Err(Failure::Faults(faults).into());
    }
    let (from, to) = times?;
    Ok(AuditFilter {
        text: query.text("q"),
        actor: query.text("actor"),
        action: query.text("action"),
        target: query.text("target"),
        result: query.text("result"),
        level: query.text("level"),
        from,
        to,
    })
}

/// `GET /api/v1/audit-events`
async fn index(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    access::require(&call.ctx, P::AuditRead)?;
    let (query, window) = call.list::<AuditEventId>(FILTERS)?;
    let page = app.list_audit_events(&call.ctx, filter(&query)?, window).await?;
    Ok(list(page.map(AuditEventObject::from)))
}
