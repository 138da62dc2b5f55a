//! A directory's settings on one page; they take effect at once.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;
use serde_json::Value;

use crate::app::App;
use crate::app::directories::DirectoryInput;
use crate::app::directories::DirectoryView;
use crate::model::actor::Ctx;
use crate::model::invalid::Invalid;
use crate::web::admin::directories::connect::connection_choices;
use crate::web::admin::directories::handle::load_to_change;
use crate::web::admin::directories::handle::told;
use crate::web::admin::directories::present;
use crate::web::admin::directories::present::Head;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::form::FormData;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Choice;

/// `GET, POST …/edit`
#[derive(Template)]
#[template(path = "admin/directories/edit.html")]
pub struct EditPage {
    pub shell: Shell,
    /// Errors at `name`, `connection_id`, `default_role`, `member_lock`, `guard_share`, `extensions`.
    pub errors: Invalid,
    pub head: Head,
    pub name: String,
    pub connection_id: Vec<Choice>,
    pub default_role: Vec<Choice>,
    pub member_lock: Vec<Choice>,
    pub guard_share: String,
    /// Schemas of its own, as JSON.
    pub extensions: String,
    pub version: String,
}

impl Page for EditPage {
    fn samples() -> Vec<Self> {
        let page = |errors, name: &str, share: &str| Self {
            shell: Shell::sample(Place::Security),
            errors,
            head: Head::sample(),
            name: name.to_owned(),
            connection_id: vec![Choice::new("", "None", false), Choice::new("con_1", "Okta", true)],
            default_role: present::default_role_choices("member"),
            member_lock: present::lock_choices("no_invitations", "Okta"),
            guard_share: share.to_owned(),
            extensions: String::new(),
            version: "4".to_owned(),
        };
        let mut wrong = Invalid::field("name", "name", "Give it a name of 1 to 80 characters.");
        wrong.add("guard_share", "guard_share", "Use a share of 1 to 100 percent.");
        wrong.add("extensions", "extension", "This is no JSON: expected value at line 1 column 1.");
        let mut alone = page(Invalid::new(), "Okta", "20");
        alone.connection_id = Vec::new();
        vec![page(Invalid::new(), "Okta", "20"), page(wrong, "", "0"), alone]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<EditPage>(all, "admin/directories/edit");
}

async fn page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    view: &DirectoryView,
    (errors, typed): (Invalid, Option<&FormData>),
) -> Result<EditPage, PageError> {
    let directory = &view.directory;
    let text = |field: &str, saved: &str| match typed {
        Some(data) if data.has(field) => data.get(field).to_owned(),
        _ => saved.to_owned(),
    };
    let chosen = text("connection_id", directory.connection.as_ref().map(|id| id.as_str()).unwrap_or_default());
    Ok(EditPage {
        shell: shell(request, Place::Security).await,
        errors,
        head: Head::of(view),
        name: text("name", &directory.name),
        connection_id: connection_choices(app, ctx, &chosen).await?,
        default_role: present::default_role_choices(&text("default_role", directory.default_role.as_str())),
        member_lock: present::lock_choices(
            &text("member_lock", directory.lock.as_str()),
            present::connector(directory).idp(),
        ),
        guard_share: text("guard_share", &directory.guard_share.to_string()),
        extensions: text("extensions", &directory.extensions.as_deref().map(readable).unwrap_or_default()),
        version: directory.version.to_string(),
    })
}

/// `GET …/edit`
pub async fn edit(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<EditPage>, PageError> {
    let view = load_to_change(&app, &admin.ctx, &id).await?;
    Ok(Html(page(&request, &app, &admin.ctx, &view, (Invalid::new(), None)).await?))
}

/// JSON over several lines.
fn readable(text: &str) -> String {
    let value: Result<Value, _> = serde_json::from_str(text);
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| text.to_owned())
}

/// Schemas as typed: a list, one alone, or nothing.
fn schemas(text: &str) -> Result<Vec<Value>, Invalid> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Array(all)) => Ok(all),
        Ok(one) => Ok(vec![one]),
        Err(error) => {
            let text = format!("This is no JSON: {error}. Write a list of schema definitions, or leave it empty.");
            Err(Invalid::field("extensions", "extension", text))
        }
    }
}

fn input(data: &FormData) -> Result<DirectoryInput, Invalid> {
    let given = |field: &str| data.has(field).then(|| data.get(field).trim().to_owned());
    Ok(DirectoryInput {
        name: Some(data.get("name").to_owned()),
        provider: None,
        connection: given("connection_id").map(Some),
        default_role: given("default_role"),
        lock: given("member_lock"),
        // What is no number is told as a share that cannot be.
        guard_share: given("guard_share").map(|text| text.parse().unwrap_or(0)),
        extensions: given("extensions").map(|text| schemas(&text)).transpose()?,
    })
}

/// `POST …/edit`
pub async fn save(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let view = load_to_change(&app, ctx, &id).await?;
    let saved = match input(data) {
        Ok(input) => app.update_directory(ctx, view.directory.id.clone(), input, data.version()).await,
        Err(errors) => Err(errors.into()),
    };
    let (errors, status) = match saved {
        Ok(saved) => {
            let path = present::path(saved.directory.id.as_str());
            return Ok(see_other(path).notice("Saved.").respond_to(&request));
        }
        Err(error) => told(error)?,
    };
    Ok(Html(page(&request, &app, ctx, &view, (errors, Some(data))).await?).status(status))
}
