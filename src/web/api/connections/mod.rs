//! Connections to identity providers.

use actix_web::web::Data;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::access;
use crate::app::connections::ConnectionView;
use crate::app::connections::NewConnection;
use crate::model::connection::AttributeNames;
use crate::model::id::ConnectionId;
use crate::model::role::Permission as P;
use crate::web::api::answer::Answer;
use crate::web::api::answer::created;
use crate::web::api::answer::done;
use crate::web::api::answer::list;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::LARGE;
use crate::web::api::call::Nothing;
use crate::web::api::call::Sent;
use crate::web::api::connections::input::ConnectionInput;
use crate::web::api::connections::object::ConnectionObject;
use crate::web::api::connections::object::MatchReportObject;
use crate::web::api::connections::object::MetadataChangeObject;
use crate::web::api::connections::object::ProblemObject;
use crate::web::api::connections::object::Stays;
use crate::web::api::connections::object::change_object;
use crate::web::api::connections::object::object;
use crate::web::api::connections::object::problem_object;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;
use crate::web::error::Failure;
use crate::web::error::Fault;
use crate::web::routes::Needs;

mod certificates;
mod input;
mod keys;
mod object;
mod revisions;

const READ: Needs = Needs::Api(P::ConnectionsRead);
const WRITE: Needs = Needs::Api(P::ConnectionsWrite);

pub fn operations(api: &mut Operations) {
    api.get("/api/v1/connections", READ, "List connections", index).lists::<ConnectionObject>();
    api.post("/api/v1/connections", WRITE, "Add a connection", create)
        .about(
            "Makes a draft: nobody signs in by it before it is activated. The identity provider is described in one way: \
             `idp_metadata_xml`, `idp_metadata_url`, or `idp_entity_id`, `sso_url` and `certificates`. A link that cannot be \
             read now still makes a draft, with `problem`.",
        )
        .takes::<ConnectionInput>()
        .makes::<ConnectionObject>()
        .versioned();
    api.get("/api/v1/connections/{connection}", READ, "Show a connection", show)
        .about("The settings that are active, with the `draft` of an edit beside them.")
        .gives::<ConnectionObject>()
        .versioned();
    api.patch("/api/v1/connections/{connection}", WRITE, "Change a connection", update)
        .about(
            "A merge patch; null brings the default back. The settings of an active connection stay as they are: the change \
             makes a `draft`, which activation swaps in. `name`, `provider` and certificates change at once.",
        )
        .takes::<ConnectionInput>()
        .gives::<ConnectionObject>()
        .versioned();
    api.delete("/api/v1/connections/{connection}", WRITE, "Delete a connection", delete)
        .about("Whoever signed in by it is signed out; members stay.")
        .versioned();
    api.post("/api/v1/connections/{connection}/activate", WRITE, "Activate a connection", activate)
        .about("Wants a passed test of what is turned on. `without_test` does without, and the audit log says so.")
        .takes::<Activation>()
        .gives::<ConnectionObject>()
        .versioned()
        .refuses(&[(409, "connection_untested"), (409, "connection_incomplete")]);
    api.post("/api/v1/connections/{connection}/deactivate", WRITE, "Deactivate a connection", deactivate)
        .about("Nobody signs in by it any more; who is signed in stays so.")
        .gives::<ConnectionObject>()
        .versioned();
    api.post("/api/v1/connections/{connection}/revert", WRITE, "Bring the former settings back", revert)
        .gives::<ConnectionObject>()
        .versioned()
        .refuses(&[(409, "nothing_to_revert"), (409, "revert_no_certificate")]);
    api.delete("/api/v1/connections/{connection}/draft", WRITE, "Discard the draft beside active settings", discard)
        .versioned();
    api.post("/api/v1/connections/{connection}/refresh", WRITE, "Read the metadata link now", refresh)
        .about(
            "New certificates of the same provider are trusted. Whatever else changed is told, not taken, and what cannot be \
             used leaves everything as it was: that is a `problem`, with 200.",
        )
        .gives::<RefreshObject>()
        .refuses(&[(409, "no_metadata_link")]);
    certificates::operations(api);
    keys::operations(api);
    revisions::operations(api);
    api.get("/api/v1/connections/{connection}/match-report", READ, "Who would be joined by address", match_report)
        .about("What `link_existing` would do to the members who are here now.")
        .gives::<MatchReportObject>();
}

fn shown(app: &App, call: &Call, view: ConnectionView) -> Answer {
    let version = view.connection.version;
    ok(&object(app, view, call.ctx.now)).version(version)
}

fn refuse(faults: Vec<Fault>) -> Result<(), ApiError> {
    if faults.is_empty() { Ok(()) } else { Err(Failure::Faults(faults).into()) }
}

/// `GET /api/v1/connections`
async fn index(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (_, window) = call.list::<ConnectionId>(&[])?;
    let page = app.list_connections(&call.ctx, window).await?;
    Ok(list(page.map(|view| object(&app, view, call.ctx.now))))
}

/// `POST /api/v1/connections`
async fn create(app: Data<App>, sent: Sent<ConnectionInput, LARGE>) -> Result<Answer, ApiError> {
    let (call, input) = (sent.call, sent.body);
    access::require(&call.ctx, P::ConnectionsWrite)?;
    let metadata = input.metadata(None);
    refuse(input.check_kind(true).err().into_iter().chain(metadata.as_ref().err().cloned()).collect())?;
    let settings = input.settings(AttributeNames::default());
    let (name, provider) = (settings.name.clone().unwrap_or_default(), settings.provider.clone());
    let new = NewConnection { name, provider, metadata: metadata.ok().flatten(), settings };
    let (view, _) = app.create_connection(&call.ctx, new).await?;
    let (path, version) = (format!("/api/v1/connections/{}", view.connection.id), view.connection.version);
    Ok(created(path, &object(&app, view, call.ctx.now)).version(version))
}

/// `GET /api/v1/connections/{connection}`
async fn show(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let view = app.find_connection(&call.ctx, call.id("connection")?).await?;
    Ok(shown(&app, &call, view))
}

/// `PATCH /api/v1/connections/{connection}`
async fn update(app: Data<App>, sent: Sent<ConnectionInput, LARGE>) -> Result<Answer, ApiError> {
    let (call, input) = (sent.call, sent.body);
    let id: ConnectionId = call.id("connection")?;
    let known = app.find_connection(&call.ctx, id.clone()).await?;
    access::require(&call.ctx, P::ConnectionsWrite)?;
    let metadata = input.metadata(Some(&known));
    refuse(input.check_kind(false).err().into_iter().chain(metadata.as_ref().err().cloned()).collect())?;
    let names = known.connection.editable().map(|revision| revision.settings.attributes.clone()).unwrap_or_default();
    let change = input.settings(names);
    // What was read here is what the patch goes onto: a change in between is told, not written over.
    let version = Some(known.connection.version);
    let view = app.update_connection(&call.ctx, id, change, metadata.ok().flatten(), version).await?;
    Ok(shown(&app, &call, view))
}

/// `DELETE /api/v1/connections/{connection}`
async fn delete(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    app.delete_connection(&call.ctx, call.id("connection")?).await?;
    Ok(done())
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Activation {
    without_test: bool,
}

/// `POST /api/v1/connections/{connection}/activate`
async fn activate(app: Data<App>, sent: Sent<Activation>) -> Result<Answer, ApiError> {
    let (call, without_test) = (sent.call, sent.body.without_test);
    let view = app.activate_connection(&call.ctx, call.id("connection")?, without_test, None).await?;
    Ok(shown(&app, &call, view))
}

/// `POST /api/v1/connections/{connection}/deactivate`
async fn deactivate(app: Data<App>, sent: Sent<Nothing>) -> Result<Answer, ApiError> {
    let view = app.deactivate_connection(&sent.call.ctx, sent.call.id("connection")?).await?;
    Ok(shown(&app, &sent.call, view))
}

/// `POST /api/v1/connections/{connection}/revert`
async fn revert(app: Data<App>, sent: Sent<Nothing>) -> Result<Answer, ApiError> {
    let view = app.revert_connection(&sent.call.ctx, sent.call.id("connection")?).await?;
    Ok(shown(&app, &sent.call, view))
}

/// `DELETE /api/v1/connections/{connection}/draft`
async fn discard(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    app.discard_draft(&call.ctx, call.id("connection")?).await?;
    Ok(done())
}

/// What a look at the metadata link brought.
#[derive(Serialize, ToSchema)]
#[schema(as = MetadataRefresh)]
struct RefreshObject {
    /// Certificates that are trusted since.
    added: usize,
    /// Certificates in it that an admin removed, or that were issued for the key of one: they stay untrusted.
    left_out: usize,
    change: Option<MetadataChangeObject>,
    problem: Option<ProblemObject>,
}

/// `POST /api/v1/connections/{connection}/refresh`
async fn refresh(app: Data<App>, sent: Sent<Nothing>) -> Result<Answer, ApiError> {
    let refreshed = app.refresh_connection(&sent.call.ctx, sent.call.id("connection")?).await?;
    Ok(ok(&RefreshObject {
        added: refreshed.added,
        left_out: refreshed.left_out.len(),
        change: refreshed.change.as_ref().map(change_object),
        problem: refreshed.problem.as_ref().map(problem_object),
    }))
}

/// `GET /api/v1/connections/{connection}/match-report`
async fn match_report(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let report = app.match_report(&call.ctx, call.id("connection")?).await?;
    let stays = report.stays.into_iter().map(|(email, reason)| Stays { email, reason: reason.to_owned() });
    Ok(ok(&MatchReportObject { joins: report.joins, stays: stays.collect(), more: report.more }))
}
