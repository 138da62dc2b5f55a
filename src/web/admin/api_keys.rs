//! API keys: made once, shown once, gone at once.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use actix_web::web::Query;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::access::require;
use crate::model::actor::Ctx;
use crate::model::api_key::ApiKey;
use crate::model::id::ApiKeyId;
use crate::model::invalid::Invalid;
use crate::model::role::Permission;
use crate::model::role::Role;
use crate::model::time::Timestamp;
use crate::model::time::days;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::extract::Cursor;
use crate::web::form::FormData;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::routes::Needs;
use crate::web::routes::Routes;
use crate::web::shell::shell;
use crate::web::view::Choice;

#[derive(Debug, Clone)]
pub struct KeyRow {
    pub id: String,
    pub name: String,
    pub role: String,
    /// `dwapi_7f3Q`
    pub prefix: String,
    pub created: Timestamp,
    pub last_used: Option<Timestamp>,
    pub ends: Option<Timestamp>,
    pub has_ended: bool,
    /// Whoever looks may delete it: it holds no more than they do.
    pub may_delete: bool,
}

/// `GET /admin/api-keys`
#[derive(Template)]
#[template(path = "admin/api_keys/list.html")]
pub struct KeysPage {
    pub shell: Shell,
    pub keys: Vec<KeyRow>,
    pub next: Option<String>,
    pub may_write: bool,
}

impl Page for KeysPage {
    fn samples() -> Vec<Self> {
        let at = Timestamp::from_secs(1_795_338_000);
        let key = |name: &str, role: &str, last_used, ends| KeyRow {
            id: "key_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            name: name.to_owned(),
            role: role.to_owned(),
            prefix: "dwapi_7f3Q".to_owned(),
            created: at,
            last_used,
            ends,
            has_ended: ends.is_some_and(|end| end < at),
            may_delete: role != "Owner",
        };
        let page = |keys, next: Option<&str>, may_write| Self {
            shell: Shell::sample(Place::ApiKeys),
            keys,
            next: next.map(str::to_owned),
            may_write,
        };
        let keys = vec![
            key("Nightly export", "Admin", Some(at), None),
            key("Deployment", "Developer", None, Some(at + days(30))),
            key("Old script", "Owner", Some(at), Some(at - days(1))),
        ];
        vec![
            page(Vec::new(), None, true),
            page(keys.clone(), None, true),
            page(keys, Some("/admin/api-keys?cursor=key_01k2v9q8xw3f6t0m4n7p5r1sza"), false),
        ]
    }
}

/// `GET, POST /admin/api-keys/new`
#[derive(Template)]
#[template(path = "admin/api_keys/new.html")]
pub struct NewKeyPage {
    pub shell: Shell,
    /// Errors at `name`, `role`, `ends`.
    pub errors: Invalid,
    pub name: String,
    pub role: Vec<Choice>,
    pub ends: Vec<Choice>,
}

impl Page for NewKeyPage {
    fn samples() -> Vec<Self> {
        let page = |errors, name: &str| Self {
            shell: Shell::sample(Place::ApiKeys),
            errors,
            name: name.to_owned(),
            role: role_choices(&[Role::Admin, Role::Developer], "developer"),
            ends: end_choices("90"),
        };
        let above = "A key cannot be Owner: that holds more than your own role.";
        vec![
            page(Invalid::new(), ""),
            page(Invalid::field("name", "name", "Give the key a name of 1 to 100 characters."), ""),
            page(Invalid::field("role", "role_above_yours", above), "Nightly export"),
        ]
    }
}

/// The answer of `POST /admin/api-keys/new`: the only time the key is shown.
#[derive(Template)]
#[template(path = "admin/api_keys/made.html")]
pub struct MadeKeyPage {
    pub shell: Shell,
    pub name: String,
    pub role: String,
    pub key: String,
    pub base: String,
}

impl Page for MadeKeyPage {
    fn samples() -> Vec<Self> {
        vec![Self {
            shell: Shell::sample(Place::ApiKeys),
            name: "Nightly export".to_owned(),
            role: "Developer".to_owned(),
            key: "dwapi_7f3Qk2v9q8xw3f6t0m4n7p5r1sza9b8c7d6e5f4g3h2i1jABCDEF".to_owned(),
            base: "https://auth.acme.example".to_owned(),
        }]
    }
}

/// `GET, POST /admin/api-keys/{id}/delete`
#[derive(Template)]
#[template(path = "admin/api_keys/delete.html")]
pub struct DeleteKeyPage {
    pub shell: Shell,
    /// Errors at `form`.
    pub errors: Invalid,
    pub key: KeyRow,
}

impl Page for DeleteKeyPage {
    fn samples() -> Vec<Self> {
        let key = KeysPage::samples().swap_remove(1).keys.swap_remove(0);
        let above = "This key holds more than your own role. Ask an owner.";
        let page = |errors, key| Self { shell: Shell::sample(Place::ApiKeys), errors, key };
        vec![
            page(Invalid::new(), KeyRow { last_used: None, ..key.clone() }),
            page(Invalid::field("form", "role_above_yours", above), key),
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<KeysPage>(all, "admin/api_keys/list");
    add::<NewKeyPage>(all, "admin/api_keys/new");
    add::<MadeKeyPage>(all, "admin/api_keys/made");
    add::<DeleteKeyPage>(all, "admin/api_keys/delete");
}

pub fn routes(r: &mut Routes) {
    let (read, write) = (Needs::Console(Permission::ApiKeysRead), Needs::Console(Permission::ApiKeysWrite));
    r.get("/admin/api-keys", read, list);
    r.get("/admin/api-keys/new", write, new);
    r.post("/admin/api-keys/new", write, create);
    r.get("/admin/api-keys/{id}/delete", write, ask_delete);
    r.post("/admin/api-keys/{id}/delete", write, delete);
}

fn key_id(text: &str) -> Result<ApiKeyId, PageError> {
    text.parse().map_err(|_| PageError(Error::NotFound("API key").into()))
}

fn row(key: &ApiKey, ctx: &Ctx) -> KeyRow {
    KeyRow {
        id: key.id.to_string(),
        name: key.name.clone(),
        role: key.role.name().to_owned(),
        prefix: key.prefix.clone(),
        created: key.created_at,
        last_used: key.last_used_at,
        ends: key.expires_at,
        has_ended: !key.is_valid(ctx.now),
        may_delete: ctx.may(Permission::ApiKeysWrite) && ctx.permissions.contains(key.role.permissions()),
    }
}

/// The roles a key of this maker can have, with what each grants.
fn role_choices(roles: &[Role], chosen: &str) -> Vec<Choice> {
    roles.iter().map(|role| Choice::new(role.slug(), role.name(), role.slug() == chosen).hint(role.grants())).collect()
}

fn roles_of(ctx: &Ctx) -> Vec<Role> {
    let roles = [Role::Developer, Role::Admin, Role::Owner];
    roles.into_iter().filter(|role| ctx.permissions.contains(role.permissions())).collect()
}

/// In days; empty for a key that does not end.
fn end_choices(chosen: &str) -> Vec<Choice> {
    [("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"), ("", "Never")]
        .into_iter()
        .map(|(value, label)| Choice::new(value, label, value == chosen))
        .collect()
}

/// `GET /admin/api-keys?cursor=`
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    cursor: Query<Cursor>,
) -> Result<Html<KeysPage>, PageError> {
    let page = app.list_api_keys(&admin.ctx, cursor.window::<ApiKeyId>()?).await?;
    Ok(Html(KeysPage {
        shell: shell(&request, Place::ApiKeys).await,
        keys: page.rows.iter().map(|key| row(key, &admin.ctx)).collect(),
        next: page.next.map(|cursor| format!("/admin/api-keys?cursor={cursor}")),
        may_write: admin.ctx.may(Permission::ApiKeysWrite),
    }))
}

async fn new_page(request: &HttpRequest, ctx: &Ctx, errors: Invalid, typed: Option<&FormData>) -> NewKeyPage {
    let get = |name: &str, unless: &str| typed.map_or_else(|| unless.to_owned(), |data| data.get(name).to_owned());
    NewKeyPage {
        shell: shell(request, Place::ApiKeys).await,
        errors,
        name: get("name", ""),
        role: role_choices(&roles_of(ctx), &get("role", "developer")),
        ends: end_choices(&get("ends", "90")),
    }
}

/// `GET /admin/api-keys/new`
pub async fn new(request: HttpRequest, admin: Admin) -> Result<Html<NewKeyPage>, PageError> {
    require(&admin.ctx, Permission::ApiKeysWrite)?;
    Ok(Html(new_page(&request, &admin.ctx, Invalid::new(), None).await))
}

/// When a key of this many days ends; `Err` for what is no choice of ours.
fn end(days_from_now: &str, now: Timestamp) -> Result<Option<Timestamp>, Invalid> {
    match days_from_now {
        "" => Ok(None),
        "30" | "90" | "365" => Ok(days_from_now.parse().ok().map(|n| now + days(n))),
        _ => Err(Invalid::field("ends", "ends", "Choose when the key ends, or Never.")),
    }
}

/// `POST /admin/api-keys/new`: the answer shows the key, once.
pub async fn create(request: HttpRequest, app: Data<App>, form: AdminForm) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let ends = match end(data.get("ends"), ctx.now) {
        Ok(ends) => ends,
        Err(errors) => {
            let page = new_page(&request, ctx, errors, Some(data)).await;
            return Ok(Html(page).status(StatusCode::UNPROCESSABLE_ENTITY));
        }
    };
    match app.create_api_key(ctx, data.get("name"), Some(data.get("role")), ends).await {
        Ok((made, key)) => {
            let page = MadeKeyPage {
                shell: shell(&request, Place::ApiKeys).await,
                name: made.name,
                role: made.role.name().to_owned(),
                key,
                base: app.urls.base.clone(),
            };
            Ok(Html(page).status(StatusCode::OK))
        }
        Err(Error::Invalid(errors)) => {
            let page = new_page(&request, ctx, errors, Some(data)).await;
            Ok(Html(page).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(Error::Refused { code: "role_above_yours", text }) => {
            let errors = Invalid::field("role", "role_above_yours", text);
            let page = new_page(&request, ctx, errors, Some(data)).await;
            Ok(Html(page).status(StatusCode::FORBIDDEN))
        }
        Err(error) => Err(error.into()),
    }
}

async fn delete_page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    id: ApiKeyId,
    errors: Invalid,
) -> Result<DeleteKeyPage, PageError> {
    let key = app.find_api_key(ctx, id).await?;
    Ok(DeleteKeyPage { shell: shell(request, Place::ApiKeys).await, errors, key: row(&key, ctx) })
}

/// `GET /admin/api-keys/{id}/delete`
pub async fn ask_delete(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<DeleteKeyPage>, PageError> {
    require(&admin.ctx, Permission::ApiKeysWrite)?;
    Ok(Html(delete_page(&request, &app, &admin.ctx, key_id(&id)?, Invalid::new()).await?))
}

/// `POST /admin/api-keys/{id}/delete`
pub async fn delete(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, id) = (&form.admin.ctx, key_id(&id)?);
    match app.delete_api_key(ctx, id.clone()).await {
        Ok(()) => {
            let text = "The key is deleted. It has stopped working.";
            Ok(see_other("/admin/api-keys").notice(text).respond_to(&request))
        }
        Err(Error::Refused { code, text }) => {
            let page = delete_page(&request, &app, ctx, id, Invalid::field("form", code, text)).await?;
            Ok(Html(page).status(StatusCode::FORBIDDEN))
        }
        Err(error) => Err(error.into()),
    }
}
