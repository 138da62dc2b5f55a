//! Keys of this API.

use actix_web::web::Data;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::model::api_key::ApiKey;
use crate::model::id::ApiKeyId;
use crate::model::role::Permission as P;
use crate::model::time::Timestamp;
use crate::web::api::answer::Answer;
use crate::web::api::answer::created;
use crate::web::api::answer::done;
use crate::web::api::answer::list;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::Sent;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;
use crate::web::routes::Needs;

pub fn operations(api: &mut Operations) {
    let (read, write) = (Needs::Api(P::ApiKeysRead), Needs::Api(P::ApiKeysWrite));
    api.get("/api/v1/api-keys", read, "List API keys", index).lists::<ApiKeyObject>();
    api.post("/api/v1/api-keys", write, "Make an API key", create)
        .about("`key` is shown this once. No key has more than its maker.")
        .takes::<NewApiKey>()
        .makes::<MadeApiKey>()
        .refuses(&[(403, "role_above_yours")]);
    api.get("/api/v1/api-keys/{key}", read, "Show an API key", show).gives::<ApiKeyObject>();
    api.delete("/api/v1/api-keys/{key}", write, "Delete an API key", delete)
        .about("It stops working at once.")
        .refuses(&[(403, "role_above_yours")]);
}

#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
struct ApiKeyObject {
    id: String,
    name: String,
    /// Slug.
    role: String,
    /// The first characters, to tell keys apart.
    prefix: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
struct MadeApiKey {
    #[serde(flatten)]
    shown: ApiKeyObject,
    /// Shown this once.
    key: String,
}

impl From<ApiKey> for ApiKeyObject {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name,
            role: key.role.slug().to_owned(),
            prefix: key.prefix,
            created_at: key.created_at.rfc3339(),
            expires_at: key.expires_at.map(|at| at.rfc3339()),
            last_used_at: key.last_used_at.map(|at| at.rfc3339()),
        }
    }
}

/// `GET /api/v1/api-keys`
async fn index(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (_, window) = call.list::<ApiKeyId>(&[])?;
    let page = app.list_api_keys(&call.ctx, window).await?;
    Ok(list(page.map(ApiKeyObject::from)))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct NewApiKey {
    /// What uses it.
    #[schema(required)]
    name: String,
    /// `owner`, `admin` or `developer`; `admin` unless said.
    role: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// `POST /api/v1/api-keys`
async fn create(app: Data<App>, sent: Sent<NewApiKey>) -> Result<Answer, ApiError> {
    let NewApiKey { name, role, expires_at } = sent.body;
    let (made, key) = app.create_api_key(&sent.call.ctx, &name, role.as_deref(), expires_at).await?;
    let path = format!("/api/v1/api-keys/{}", made.id);
    Ok(created(path, &MadeApiKey { shown: made.into(), key }))
}

/// `GET /api/v1/api-keys/{key}`
async fn show(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    Ok(ok(&ApiKeyObject::from(app.find_api_key(&call.ctx, call.id("key")?).await?)))
}

/// `DELETE /api/v1/api-keys/{key}`
async fn delete(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    app.delete_api_key(&call.ctx, call.id("key")?).await?;
    Ok(done())
}
