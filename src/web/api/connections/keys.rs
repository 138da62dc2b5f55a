//! Our own keys for a connection: the one that signs requests, the next one, and those that still open assertions.

use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::Error;
use crate::app::connections::ConnectionView;
use crate::crypto::certificate::Certificate;
use crate::model::connection_key::ConnectionKey;
use crate::model::connection_key::KeyState;
use crate::model::page::Page;
use crate::web::api::answer::Answer;
use crate::web::api::answer::created;
use crate::web::api::answer::done;
use crate::web::api::answer::list;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::Nothing;
use crate::web::api::call::Sent;
use crate::web::api::connections::READ;
use crate::web::api::connections::WRITE;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;

pub fn operations(api: &mut Operations) {
    api.get("/api/v1/connections/{connection}/keys", READ, "List our own keys", index)
        .about("The current one signs requests. All of them open what is encrypted to them; the first two stand in our metadata.")
        .lists::<KeyObject>();
    api.post("/api/v1/connections/{connection}/keys", WRITE, "Publish the next key", prepare)
        .about("Made here, and published beside the current one. It signs nothing before the switch.")
        .makes::<KeyObject>()
        .refuses(&[(409, "next_key_exists")]);
    api.get("/api/v1/connections/{connection}/keys/{sha256}", READ, "Show a key of ours", show).gives::<KeyObject>();
    api.post("/api/v1/connections/{connection}/keys/{sha256}/switch", WRITE, "Sign with this key", switch)
        .about(
            "From now on; the former one still opens assertions. A retired key can be taken again, and the one it replaces \
             then waits as the next.",
        )
        .gives::<KeyObject>();
    api.delete("/api/v1/connections/{connection}/keys/{sha256}", WRITE, "Destroy a key of ours", remove)
        .about("What is encrypted to it is refused from now on: look at `last_opened_at` first.")
        .refuses(&[(409, "key_in_use")]);
}

/// A key of ours, by its certificate, which is public.
#[derive(Serialize, ToSchema)]
#[schema(as = ConnectionKey)]
struct KeyObject {
    /// Fingerprint of its certificate, 64 hexadecimal digits.
    sha256: String,
    /// `current`, `next` or `retired`.
    state: String,
    #[schema(format = DateTime)]
    not_before: String,
    #[schema(format = DateTime)]
    not_after: String,
    #[schema(format = DateTime)]
    created_at: String,
    /// When it came into its state.
    #[schema(format = DateTime)]
    changed_at: String,
    /// When it last opened an assertion that was accepted.
    #[schema(format = DateTime)]
    last_opened_at: Option<String>,
    /// PEM.
    certificate: String,
}

fn key_object(key: &ConnectionKey) -> Result<KeyObject, ApiError> {
    let certificate = Certificate::from_der(&key.certificate).map_err(Error::internal)?;
    Ok(KeyObject {
        sha256: key.sha256.clone(),
        state: key.state.as_str().to_owned(),
        not_before: key.not_before.rfc3339(),
        not_after: key.not_after.rfc3339(),
        created_at: key.created_at.rfc3339(),
        changed_at: key.changed_at.rfc3339(),
        last_opened_at: key.last_opened_at.map(|at| at.rfc3339()),
        certificate: certificate.to_pem(),
    })
}

fn found(view: &ConnectionView, is_it: impl Fn(&&ConnectionKey) -> bool) -> Result<KeyObject, ApiError> {
    key_object(view.keys.iter().find(is_it).ok_or(Error::NotFound("key"))?)
}

/// `GET /api/v1/connections/{connection}/keys`
async fn index(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let view = app.find_connection(&call.ctx, call.id("connection")?).await?;
    let rows = view.keys.iter().map(key_object).collect::<Result<Vec<_>, _>>()?;
    Ok(list(Page { rows, next: None }))
}

/// `POST /api/v1/connections/{connection}/keys`
async fn prepare(app: Data<App>, sent: Sent<Nothing>) -> Result<Answer, ApiError> {
    let view = app.prepare_key(&sent.call.ctx, sent.call.id("connection")?).await?;
    let made = found(&view, |key| key.state == KeyState::Next)?;
    Ok(created(format!("/api/v1/connections/{}/keys/{}", view.connection.id, made.sha256), &made))
}

/// `GET /api/v1/connections/{connection}/keys/{sha256}`
async fn show(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let view = app.find_connection(&call.ctx, call.id("connection")?).await?;
    Ok(ok(&found(&view, |key| key.sha256 == call.part("sha256"))?))
}

/// `POST /api/v1/connections/{connection}/keys/{sha256}/switch`
async fn switch(app: Data<App>, sent: Sent<Nothing>) -> Result<Answer, ApiError> {
    let call = sent.call;
    let view = app.switch_key(&call.ctx, call.id("connection")?, call.part("sha256")).await?;
    Ok(ok(&found(&view, |key| key.state == KeyState::Current)?))
}

/// `DELETE /api/v1/connections/{connection}/keys/{sha256}`
async fn remove(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    app.remove_key(&call.ctx, call.id("connection")?, call.part("sha256")).await?;
    Ok(done())
}
