//! The saved revisions of a connection's settings.

use actix_web::web::Data;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::revisions::RevisionView;
use crate::model::id::RevisionId;
use crate::web::api::answer::Answer;
use crate::web::api::answer::list;
use crate::web::api::call::Call;
use crate::web::api::call::Nothing;
use crate::web::api::call::Sent;
use crate::web::api::connections::READ;
use crate::web::api::connections::WRITE;
use crate::web::api::connections::object::ConnectionObject;
use crate::web::api::connections::object::SettingsObject;
use crate::web::api::connections::object::settings_object;
use crate::web::api::connections::shown;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;

pub fn operations(api: &mut Operations) {
    api.get("/api/v1/connections/{connection}/revisions", READ, "List the revisions of a connection", index)
        .about("Every set of settings that was saved, the newest first, with what it changed.")
        .lists::<RevisionObject>();
    api.post(
        "/api/v1/connections/{connection}/revisions/{revision}/restore",
        WRITE,
        "Bring a revision back as a draft",
        restore,
    )
    .about("Nobody signs in by it before the draft is activated. It takes the place of a draft that is there.")
    .gives::<ConnectionObject>()
    .versioned()
    .refuses(&[(409, "nothing_to_restore")]);
}

#[derive(Serialize, ToSchema)]
#[schema(as = Revision)]
struct RevisionObject {
    id: String,
    /// The first is 1.
    number: u32,
    /// `active`, `draft`, `former` (what `revert` swaps in) or `past`.
    standing: String,
    #[schema(format = DateTime)]
    saved_at: String,
    saved_by: String,
    /// When it was put into use last.
    #[schema(format = DateTime)]
    activated_at: Option<String>,
    activated_by: Option<String>,
    settings: SettingsObject,
    /// What differs from the revision before.
    changes: Vec<ChangeObject>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SettingChange)]
struct ChangeObject {
    field: String,
    before: Value,
    after: Value,
}

fn changes(before: &SettingsObject, after: &SettingsObject) -> Vec<ChangeObject> {
    let object = |settings: &SettingsObject| match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let old = object(before);
    let all = object(after).into_iter().map(|(field, after)| {
        let before = old.get(&field).cloned().unwrap_or_default();
        ChangeObject { field, before, after }
    });
    all.filter(|change| change.before != change.after).collect()
}

fn revision_object(view: RevisionView) -> RevisionObject {
    let settings = settings_object(&view.saved.revision.settings);
    let before = view.before.as_ref().map(settings_object);
    RevisionObject {
        id: view.saved.revision.id.to_string(),
        number: view.number,
        standing: view.standing.as_str().to_owned(),
        saved_at: view.saved.saved_at.rfc3339(),
        saved_by: view.saved.saved_by,
        activated_at: view.saved.activated_at.map(|at| at.rfc3339()),
        activated_by: view.saved.activated_by,
        changes: before.map(|before| changes(&before, &settings)).unwrap_or_default(),
        settings,
    }
}

/// `GET /api/v1/connections/{connection}/revisions`
async fn index(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (_, window) = call.list::<RevisionId>(&[])?;
    let page = app.list_revisions(&call.ctx, call.id("connection")?, window).await?;
    Ok(list(page.map(revision_object)))
}

/// `POST /api/v1/connections/{connection}/revisions/{revision}/restore`
async fn restore(app: Data<App>, sent: Sent<Nothing>) -> Result<Answer, ApiError> {
    let call = sent.call;
    let view = app.restore_revision(&call.ctx, call.id("connection")?, call.id("revision")?, None).await?;
    Ok(shown(&app, &call, view))
}
