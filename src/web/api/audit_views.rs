//! Filters of the audit log under a name.

use actix_web::web::Data;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::access;
use crate::model::audit::Action;
use crate::model::audit::AuditFilter;
use crate::model::audit::AuditView;
use crate::model::audit::Level;
use crate::model::invalid::Invalid;
use crate::model::page::Page;
use crate::model::role::Permission as P;
use crate::model::time::Timestamp;
use crate::web::api::answer::Answer;
use crate::web::api::answer::created;
use crate::web::api::answer::done;
use crate::web::api::answer::list;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::Sent;
use crate::web::api::json::nullable_object;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;
use crate::web::error::Failure;
use crate::web::error::Fault;
use crate::web::routes::Needs;

pub fn operations(api: &mut Operations) {
    let read = Needs::Api(P::AuditRead);
    api.get("/api/v1/audit-views", read, "List saved views of the audit log", index)
        .about("By name; there are at most 50, all on one page. Everybody who reads the log shares them.")
        .lists::<AuditViewObject>();
    api.post("/api/v1/audit-views", read, "Save a view of the audit log", create)
        .about("`filter` has the parameters of `GET /audit-events`, one at least.")
        .takes::<NewAuditView>()
        .makes::<AuditViewObject>();
    api.get("/api/v1/audit-views/{view}", read, "Show a saved view", show).gives::<AuditViewObject>();
    api.patch("/api/v1/audit-views/{view}", read, "Rename a saved view", rename)
        .about("Another's wants `organization.write`.")
        .takes::<AuditViewName>()
        .gives::<AuditViewObject>();
    api.delete("/api/v1/audit-views/{view}", read, "Delete a saved view", delete)
        .about("Another's wants `organization.write`.");
}

/// The parameters of `GET /audit-events`.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = AuditViewFilter)]
struct FilterObject {
    q: Option<String>,
    actor: Option<String>,
    action: Option<String>,
    target: Option<String>,
    /// `ok` or `refused`.
    result: Option<String>,
    /// `info`, `warning` or `alarm`.
    level: Option<String>,
    #[schema(format = DateTime)]
    from: Option<String>,
    #[schema(format = DateTime)]
    to: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditView)]
struct AuditViewObject {
    id: String,
    name: String,
    filter: FilterObject,
    /// Who saved it, under the name of that time.
    made_by: String,
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<AuditView> for AuditViewObject {
    fn from(view: AuditView) -> Self {
        let AuditFilter { text, actor, action, target, result, level, from, to } = view.filter;
        let (from, to) = (from.map(Timestamp::rfc3339), to.map(Timestamp::rfc3339));
        Self {
            id: view.id.to_string(),
            name: view.name,
            filter: FilterObject { q: text, actor, action, target, result, level, from, to },
            made_by: view.made_by_name,
            created_at: view.created_at.rfc3339(),
        }
    }
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct NewAuditView {
    #[schema(required = true)]
    name: String,
    #[serde(deserialize_with = "nullable_object")]
    #[schema(required = true, value_type = FilterObject)]
    filter: Option<Option<FilterObject>>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct AuditViewName {
    name: Option<String>,
}

fn filter(sent: FilterObject) -> Result<AuditFilter, ApiError> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, code, text: &str| faults.push(Fault::new(format!("/filter/{field}"), code, text));
    let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let (text, action) = (given(sent.q), given(sent.action));
    if let Some(Err(wrong)) = text.as_deref().map(|text| Invalid::search("q", text)) {
        wrong.errors.iter().for_each(|error| fault("q", error.code, &error.text));
    }
    if action.as_deref().is_some_and(|action| Action::parse(action).is_none()) {
        fault(
            "action",
            "unknown_value",
            "There is no such action. `GET /audit-events?action=` names all that there are.",
        );
    }
    let (result, level) = (given(sent.result), given(sent.level));
    if result.as_deref().is_some_and(|result| !matches!(result, "ok" | "refused")) {
        fault("result", "unknown_value", "Use one of ok, refused.");
    }
    if level.as_deref().is_some_and(|level| Level::parse(level).is_none()) {
        fault("level", "unknown_value", "Use one of info, warning, alarm.");
    }
    let mut time = |field: &str, text: Option<String>| {
        let read = given(text).map(|text| Timestamp::parse(&text));
        if read == Some(None) {
            fault(field, "time", "Use a time such as 2026-11-20T10:10:11Z (RFC 3339).");
        }
        read.flatten()
    };
    let (from, to) = (time("from", sent.from), time("to", sent.to));
    if !faults.is_empty() {
        return Err(Failure::Faults(faults).into());
    }
    Ok(AuditFilter { text, actor: given(sent.actor), action, target: given(sent.target), result, level, from, to })
}

/// `GET /api/v1/audit-views`
async fn index(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    access::require(&call.ctx, P::AuditRead)?;
    call.query(crate::web::api::call::PAGING)?;
    let rows = app.list_audit_views(&call.ctx).await?.into_iter().map(AuditViewObject::from).collect();
    Ok(list(Page { rows, next: None }))
}

/// `POST /api/v1/audit-views`
async fn create(app: Data<App>, sent: Sent<NewAuditView>) -> Result<Answer, ApiError> {
    access::require(&sent.call.ctx, P::AuditRead)?;
    let filter = filter(sent.body.filter.flatten().unwrap_or_default())?;
    let view = app.create_audit_view(&sent.call.ctx, &sent.body.name, filter).await?;
    Ok(created(format!("/api/v1/audit-views/{}", view.id), &AuditViewObject::from(view)))
}

/// `GET /api/v1/audit-views/{view}`
async fn show(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    access::require(&call.ctx, P::AuditRead)?;
    Ok(ok(&AuditViewObject::from(app.find_audit_view(&call.ctx, call.id("view")?).await?)))
}

/// `PATCH /api/v1/audit-views/{view}`
async fn rename(app: Data<App>, sent: Sent<AuditViewName>) -> Result<Answer, ApiError> {
    access::require(&sent.call.ctx, P::AuditRead)?;
    let id = sent.call.id("view")?;
    let view = match &sent.body.name {
        Some(name) => app.rename_audit_view(&sent.call.ctx, id, name).await?,
        None => app.find_audit_view(&sent.call.ctx, id).await?,
    };
    Ok(ok(&AuditViewObject::from(view)))
}

/// `DELETE /api/v1/audit-views/{view}`
async fn delete(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    access::require(&call.ctx, P::AuditRead)?;
    app.delete_audit_view(&call.ctx, call.id("view")?).await?;
    Ok(done())
}
