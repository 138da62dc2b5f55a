//! What every page of a connection begins with: the id in its path, the connection, and the answer when somebody else
//! saved in between.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::app::App;
use crate::app::Error;
use crate::app::connections::ConnectionView;
use crate::model::actor::Ctx;
use crate::model::audit::AuditFilter;
use crate::model::id::ConnectionId;
use crate::model::page::Window;
use crate::web::admin::connections::change::ConflictPage;
use crate::web::admin::connections::change::ConflictRow;
use crate::web::error::PageError;
use crate::web::form::FormData;
use crate::web::html::Html;
use crate::web::html::Place;
use crate::web::shell::shell;
use crate::web::view::Kept;

pub fn connection_id(text: &str) -> Result<ConnectionId, PageError> {
    text.parse().map_err(|_| PageError(Error::NotFound("connection").into()))
}

pub async fn load(app: &App, ctx: &Ctx, id: &str) -> Result<ConnectionView, PageError> {
    Ok(app.find_connection(ctx, connection_id(id)?).await?)
}

/// 409: what is there now beside what was typed. `rows` are label, theirs and yours.
pub async fn conflict(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    view: &ConnectionView,
    data: &FormData,
    rows: Vec<(&str, String, String)>,
) -> Result<HttpResponse, PageError> {
    let shell = shell(request, Place::Security).await;
    let filter = AuditFilter { target: Some(view.connection.id.to_string()), ..AuditFilter::default() };
    let last = app.list_audit_events(ctx, filter, Window::first(1)).await.map(|page| page.rows).unwrap_or_default();
    let by = last.first().map(|event| format!("{}, {}", event.actor.name, event.at.minute())).unwrap_or_default();
    let version = view.connection.version.to_string();
    let keep = |(name, value): &(String, String)| {
        let value = if name == "version" { version.clone() } else { value.clone() };
        (name != "csrf").then(|| Kept { name: name.clone(), value })
    };
    let path = request.path().strip_prefix(&shell.prefix).unwrap_or(request.path()).to_owned();
    let differing = rows.into_iter().filter(|(_, theirs, yours)| theirs != yours);
    let page = ConflictPage {
        shell,
        name: view.connection.name.clone(),
        by,
        rows: differing.map(|(label, theirs, yours)| ConflictRow { label: label.to_owned(), theirs, yours }).collect(),
        keep: path.clone(),
        path,
        fields: data.fields().iter().filter_map(keep).collect(),
    };
    Ok(Html(page).status(StatusCode::CONFLICT))
}

/// `Yes` or `No` for a conflict's row.
pub fn yes(is: bool) -> String {
    if is { "Yes" } else { "No" }.to_owned()
}
