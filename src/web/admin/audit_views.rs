//! Saved views of the audit log: named from the list, renamed, deleted.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::access::require;
use crate::model::actor::Ctx;
use crate::model::audit::AuditView;
use crate::model::id::AuditViewId;
use crate::model::invalid::Invalid;
use crate::model::role::Permission;
use crate::model::time::Timestamp;
use crate::web::admin::audit;
use crate::web::admin::audit::filters_of;
use crate::web::admin::audit::words;
use crate::web::answer::SeeOther;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::filters::Filters;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::routes::Needs;
use crate::web::routes::Routes;
use crate::web::shell::shell;
use crate::web::view::Kept;

const LIST: &str = "/admin/audit/views";
const NEW: &str = "/admin/audit/views/new";

#[derive(Debug, Clone)]
pub struct ViewRow {
    pub id: String,
    pub name: String,
    pub path: String,
    /// `Event: Member added`
    pub words: Vec<String>,
    pub made_by: String,
    pub made: Timestamp,
    pub may_change: bool,
}

impl ViewRow {
    fn of(view: &AuditView, ctx: &Ctx) -> Self {
        let query = filters_of(&view.filter);
        let is_own = view.made_by.is_some() && view.made_by.as_deref() == ctx.actor.id();
        Self {
            id: view.id.to_string(),
            name: view.name.clone(),
            path: query.path(audit::LIST, None),
            words: words(&query),
            made_by: view.made_by_name.clone(),
            made: view.created_at,
            may_change: is_own || ctx.may(Permission::OrganizationWrite),
        }
    }
}

/// `GET /admin/audit/views`
#[derive(Template)]
#[template(path = "admin/audit/views.html")]
pub struct ViewsPage {
    pub shell: Shell,
    pub rows: Vec<ViewRow>,
}

impl Page for ViewsPage {
    fn samples() -> Vec<Self> {
        let row = |name: &str, words: &[&str], may_change| ViewRow {
            id: "view_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            name: name.to_owned(),
            path: "/admin/audit?event=sign_in.refused".to_owned(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            made_by: "ada@acme.example".to_owned(),
            made: Timestamp::from_secs(1_795_338_000),
            may_change,
        };
        let rows = vec![
            row("Refused sign-ins", &["Event: Sign-in refused", "From 2026-11-01"], true),
            row("What Grace did", &["Who: mem_01k2v9q8xw3f6t0m4n7p5r1sza"], false),
        ];
        let page = |rows| Self { shell: Shell::sample(Place::Audit), rows };
        vec![page(rows), page(Vec::new())]
    }
}

/// `GET, POST /admin/audit/views/new` and `/admin/audit/views/{id}`
#[derive(Template)]
#[template(path = "admin/audit/view.html")]
pub struct ViewPage {
    pub shell: Shell,
    /// Errors at `name`; at `form` where there is no filter.
    pub errors: Invalid,
    pub heading: &'static str,
    pub name: String,
    pub words: Vec<String>,
    pub kept: Vec<Kept>,
    pub action: String,
    pub back: String,
}

impl ViewPage {
    fn new(shell: Shell, query: &Filters, name: &str, errors: Invalid) -> Self {
        Self {
            shell,
            errors,
            heading: "Save this view",
            name: name.to_owned(),
            words: words(query),
            kept: query.kept(),
            action: NEW.to_owned(),
            back: query.path(audit::LIST, None),
        }
    }

    fn rename(shell: Shell, view: &AuditView, name: &str, errors: Invalid) -> Self {
        Self {
            shell,
            errors,
            heading: "Rename the view",
            name: name.to_owned(),
            words: words(&filters_of(&view.filter)),
            kept: Vec::new(),
            action: format!("{LIST}/{}", view.id),
            back: LIST.to_owned(),
        }
    }
}

impl Page for ViewPage {
    fn samples() -> Vec<Self> {
        let page = |name: &str, errors| {
            let mut page = Self::new(Shell::sample(Place::Audit), &Filters::default(), name, errors);
            page.words = vec!["Event: Sign-in refused".to_owned(), "From 2026-11-01".to_owned()];
            page
        };
        let taken = "There is a view called Refused sign-ins already. Use another name, or rename that one.";
        let mut rename = page("Refused sign-ins", Invalid::new());
        (rename.heading, rename.back) = ("Rename the view", LIST.to_owned());
        vec![
            page("", Invalid::new()),
            page("refused sign-ins", Invalid::field("name", "view_taken", taken)),
            page("x", Invalid::field("form", "no_filter", "A view needs a filter.")),
            rename,
        ]
    }
}

/// `GET, POST /admin/audit/views/{id}/delete`
#[derive(Template)]
#[template(path = "admin/audit/view_delete.html")]
pub struct DeleteViewPage {
    pub shell: Shell,
    pub id: String,
    pub name: String,
}

impl Page for DeleteViewPage {
    fn samples() -> Vec<Self> {
        let id = "view_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned();
        vec![Self { shell: Shell::sample(Place::Audit), id, name: "Refused sign-ins".to_owned() }]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<ViewsPage>(all, "admin/audit/views");
    add::<ViewPage>(all, "admin/audit/view");
    add::<DeleteViewPage>(all, "admin/audit/view_delete");
}

pub fn routes(r: &mut Routes) {
    let read = Needs::Console(Permission::AuditRead);
    r.get("/admin/audit/views", read, list);
    r.get("/admin/audit/views/new", read, new);
    r.post("/admin/audit/views/new", read, create);
    r.get("/admin/audit/views/{id}", read, show);
    r.post("/admin/audit/views/{id}", read, rename);
    r.get("/admin/audit/views/{id}/delete", read, ask_delete);
    r.post("/admin/audit/views/{id}/delete", read, delete);
}

fn view_id(text: &str) -> Result<AuditViewId, Error> {
    text.parse().map_err(|_| Error::NotFound("view"))
}

/// `GET /admin/audit/views`
pub async fn list(request: HttpRequest, app: Data<App>, admin: Admin) -> Result<Html<ViewsPage>, PageError> {
    let views = app.list_audit_views(&admin.ctx).await?;
    let rows = views.iter().map(|view| ViewRow::of(view, &admin.ctx)).collect();
    Ok(Html(ViewsPage { shell: shell(&request, Place::Audit).await, rows }))
}

/// `GET /admin/audit/views/new`, with the filters of the list
pub async fn new(request: HttpRequest, admin: Admin) -> Result<Html<ViewPage>, PageError> {
    require(&admin.ctx, Permission::AuditRead)?;
    let mut query = Filters::of_address(audit::FILTERS, &request);
    audit::read(&mut query);
    Ok(Html(ViewPage::new(shell(&request, Place::Audit).await, &query, "", at_field(query.problems.clone()))))
}

/// What is wrong, where a page can show it.
fn at_field(mut errors: Invalid) -> Invalid {
    for error in errors.errors.iter_mut().filter(|error| error.field != "name") {
        error.field = "form";
    }
    errors
}

/// `POST /admin/audit/views/new`
pub async fn create(request: HttpRequest, app: Data<App>, form: AdminForm) -> Result<HttpResponse, PageError> {
    let (ctx, name) = (&form.admin.ctx, form.data.get("name"));
    require(ctx, Permission::AuditRead)?;
    let mut query = Filters::of_form(audit::FILTERS, &form.data);
    let filter = audit::read(&mut query);
    let saved = match query.problems.is_empty() {
        false => Err(Error::Invalid(query.problems.clone())),
        true => app.create_audit_view(ctx, name, filter).await,
    };
    match saved {
        Ok(view) => {
            let path = filters_of(&view.filter).path(audit::LIST, None);
            Ok(see_other(path).notice(format!("{} is saved.", view.name)).respond_to(&request))
        }
        Err(Error::Invalid(errors)) => {
            let page = ViewPage::new(shell(&request, Place::Audit).await, &query, name, at_field(errors));
            Ok(Html(page).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /admin/audit/views/{id}`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<ViewPage>, PageError> {
    let view = app.find_audit_view(&admin.ctx, view_id(&id)?).await?;
    Ok(Html(ViewPage::rename(shell(&request, Place::Audit).await, &view, &view.name, Invalid::new())))
}

/// `POST /admin/audit/views/{id}`
pub async fn rename(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, id, name) = (&form.admin.ctx, view_id(&id)?, form.data.get("name"));
    match app.rename_audit_view(ctx, id.clone(), name).await {
        Ok(view) => Ok(see_other(LIST).notice(format!("The view is called {} now.", view.name)).respond_to(&request)),
        Err(Error::Invalid(errors)) => {
            let view = app.find_audit_view(ctx, id).await?;
            let page = ViewPage::rename(shell(&request, Place::Audit).await, &view, name, errors);
            Ok(Html(page).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /admin/audit/views/{id}/delete`
pub async fn ask_delete(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<DeleteViewPage>, PageError> {
    let view = app.find_audit_view(&admin.ctx, view_id(&id)?).await?;
    Ok(Html(DeleteViewPage { shell: shell(&request, Place::Audit).await, id: view.id.to_string(), name: view.name }))
}

/// `POST /admin/audit/views/{id}/delete`
pub async fn delete(app: Data<App>, id: Path<String>, form: AdminForm) -> Result<SeeOther, PageError> {
    let view = app.delete_audit_view(&form.admin.ctx, view_id(&id)?).await?;
    Ok(see_other(LIST).notice(format!("{} is deleted.", view.name)))
}
