//! Changes with their own page: pause, the former settings, delete; and two admins at once.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::connections::ConnectionView;
use crate::model::actor::Ctx;
use crate::model::invalid::Invalid;
use crate::web::admin::connections::handle::connection_id;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::present;
use crate::web::admin::connections::show::Head;
use crate::web::admin::connections::show::Status;
use crate::web::answer::SeeOther;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Kept;
use crate::web::view::count;

/// What is about to happen to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// `…/deactivate`
    Pause,
    /// `…/revert`
    Revert,
    /// `…/setup/discard`
    Discard,
    /// `…/delete`; the name is typed.
    Delete,
}

/// `GET, POST …/deactivate`, `…/revert`, `…/setup/discard`, `…/delete`
#[derive(Template)]
#[template(path = "admin/connections/confirm.html")]
pub struct ConfirmPage {
    pub shell: Shell,
    /// Errors at `name` (delete), or to `form`.
    pub errors: Invalid,
    pub head: Head,
    pub change: Change,
    /// Members whose only way in this is.
    pub only_way_in: u64,
    /// Whether these are all, and not those among the first thousands.
    pub counts_all: bool,
    /// What was typed for the name.
    pub name: String,
    pub version: String,
}

impl ConfirmPage {
    fn verb(&self) -> &'static str {
        match self.change {
            Change::Pause => "Pause",
            Change::Revert => "Bring back the former settings of",
            Change::Discard => "Discard the copy of",
            Change::Delete => "Delete",
        }
    }

    fn crumb(&self) -> &'static str {
        match self.change {
            Change::Pause => "Pause",
            Change::Revert => "Former settings",
            Change::Discard => "Discard copy",
            Change::Delete => "Delete",
        }
    }

    fn slug(&self) -> &'static str {
        match self.change {
            Change::Pause => "deactivate",
            Change::Revert => "revert",
            Change::Discard => "setup/discard",
            Change::Delete => "delete",
        }
    }

    fn button(&self) -> String {
        match self.change {
            Change::Pause => format!("Pause {}", self.head.name),
            Change::Revert => "Bring them back".to_owned(),
            Change::Discard => "Discard the copy".to_owned(),
            Change::Delete => format!("Delete {}", self.head.name),
        }
    }

    fn typed(&self) -> String {
        format!("Type {} to delete it", self.head.name)
    }

    fn deletes(&self) -> bool {
        self.change == Change::Delete
    }

    /// What will happen, a sentence a line.
    fn consequences(&self) -> Vec<String> {
        let name = &self.head.name;
        let stuck =
            count(self.only_way_in, "member has no other way to sign in.", "members have no other way to sign in.");
        let stuck = if self.counts_all { stuck } else { format!("At least {stuck}") };
        let mut lines: Vec<String> = match self.change {
            Change::Pause => vec![
                format!("Nobody can sign in with {name} until you turn it on again."),
                "Where no other connection is on, the sign-in page asks for a password until then.".to_owned(),
                "People who are signed in stay signed in.".to_owned(),
                "Settings, certificates and linked sign-ins are kept.".to_owned(),
            ],
            Change::Revert => vec![
                "Sign-in uses the settings from before the last change, from the next sign-in on.".to_owned(),
                "The present settings are kept as the former ones, so you can switch back.".to_owned(),
            ],
            Change::Discard => vec![
                "What you changed and did not turn on is deleted.".to_owned(),
                "Sign-in goes on with the saved version.".to_owned(),
            ],
            Change::Delete if self.head.status == Status::Draft => {
                vec!["The draft and its tests are deleted. No one signs in with it yet.".to_owned()]
            }
            Change::Delete => vec![
                format!(
                    "Nobody can sign in with {name} any more, and the people who are signed in with it are signed out."
                ),
                "Its settings, certificates, sign-ins and linked accounts are deleted. Members stay.".to_owned(),
                format!(
                    "The ACS URL and Entity ID that {} knows stop working for good; a new connection has other ones.",
                    self.head.idp
                ),
            ],
        };
        if self.only_way_in > 0 && matches!(self.change, Change::Pause | Change::Delete) {
            lines.push(stuck);
        }
        lines
    }
}

impl Page for ConfirmPage {
    fn samples() -> Vec<Self> {
        let page = |change| Self {
            shell: Shell::sample(Place::Security),
            errors: Invalid::new(),
            head: Head::sample(),
            change,
            only_way_in: 0,
            counts_all: true,
            name: String::new(),
            version: "4".to_owned(),
        };
        let mut stuck = page(Change::Delete);
        (stuck.only_way_in, stuck.name) = (38, "okta".to_owned());
        stuck.errors = Invalid::field("name", "name_differs", "Type the name exactly: Okta.");
        let mut draft = page(Change::Delete);
        draft.head.status = Status::Draft;
        let mut stale = page(Change::Revert);
        let text = "No certificate of https://idp.acme.example is trusted any more, so nobody could sign in with these settings.";
        stale.errors = Invalid::field("form", "revert_no_certificate", text);
        vec![
            page(Change::Pause),
            page(Change::Revert),
            stale,
            page(Change::Discard),
            page(Change::Delete),
            stuck,
            draft,
        ]
    }
}

/// One field that two people changed.
#[derive(Debug, Clone)]
pub struct ConflictRow {
    pub label: String,
    pub theirs: String,
    pub yours: String,
}

/// 409: someone saved in between. Nothing is overwritten, nothing typed is lost.
#[derive(Template)]
#[template(path = "admin/connections/conflict.html")]
pub struct ConflictPage {
    pub shell: Shell,
    /// What was edited: `Okta`.
    pub name: String,
    /// `Alan Example, 22 Nov 2026, 09:02 UTC`
    pub by: String,
    pub rows: Vec<ConflictRow>,
    /// Where the form was going; posted again with the version that is there now.
    pub path: String,
    /// Everything typed, `version` with the new value.
    pub fields: Vec<Kept>,
    /// The page with their values.
    pub keep: String,
}

impl Page for ConflictPage {
    fn samples() -> Vec<Self> {
        let row = |label: &str, theirs: &str, yours: &str| ConflictRow {
            label: label.to_owned(),
            theirs: theirs.to_owned(),
            yours: yours.to_owned(),
        };
        vec![Self {
            shell: Shell::sample(Place::Security),
            name: "Okta".to_owned(),
            by: "Alan Example, 22 Nov 2026, 09:02 UTC".to_owned(),
            rows: vec![
                row("Name", "Okta (Acme)", "Okta Workforce"),
                row(
                    "SSO URL",
                    "https://acme.okta.com/app/exk1f9q2v8RzT7cYk5d7/sso/saml",
                    "https://login.acme.example/app/exk1f9q2v8RzT7cYk5d7/sso/saml",
                ),
                row("Default role", "Member", "Member"),
            ],
            path: "/admin/security/sso/con_01k2v9q8xw3f6t0m4n7p5r1sza/edit".to_owned(),
            fields: vec![
                Kept { name: "name".to_owned(), value: "Okta Workforce".to_owned() },
                Kept { name: "version".to_owned(), value: "5".to_owned() },
            ],
            keep: "/admin/security/sso/con_01k2v9q8xw3f6t0m4n7p5r1sza/edit".to_owned(),
        }]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<ConfirmPage>(all, "admin/connections/confirm");
    add::<ConflictPage>(all, "admin/connections/conflict");
}

async fn confirm_page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    view: &ConnectionView,
    change: Change,
    errors: Invalid,
    name: &str,
) -> Result<ConfirmPage, PageError> {
    let id = &view.connection.id;
    let (only_way_in, counts_all) = app.count_only_way_in(ctx, id.clone()).await?;
    let mut errors = errors;
    if change == Change::Revert
        && let Some(text) = app.find_revert_problem(ctx, id.clone()).await?
    {
        errors = Invalid::field("form", "revert_no_certificate", text);
    }
    Ok(ConfirmPage {
        shell: shell(request, Place::Security).await,
        errors,
        head: present::head(view),
        change,
        only_way_in,
        counts_all,
        name: name.to_owned(),
        version: view.connection.version.to_string(),
    })
}

async fn ask(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
    change: Change,
) -> Result<Html<ConfirmPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    Ok(Html(confirm_page(&request, &app, &admin.ctx, &view, change, Invalid::new(), "").await?))
}

/// `GET …/deactivate`
pub async fn ask_pause(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<ConfirmPage>, PageError> {
    ask(request, app, admin, id, Change::Pause).await
}

/// `GET …/revert`
pub async fn ask_revert(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<ConfirmPage>, PageError> {
    ask(request, app, admin, id, Change::Revert).await
}

/// `GET …/setup/discard`
pub async fn ask_discard(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<ConfirmPage>, PageError> {
    ask(request, app, admin, id, Change::Discard).await
}

/// `GET …/delete`
pub async fn ask_delete(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<ConfirmPage>, PageError> {
    ask(request, app, admin, id, Change::Delete).await
}

/// `POST …/deactivate`
pub async fn pause(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let ctx = &form.admin.ctx;
    let paused = app.deactivate_connection(ctx, connection_id(&id)?).await;
    if let Some(errors) = lockout(&paused) {
        let view = load(&app, ctx, &id).await?;
        let page = confirm_page(&request, &app, ctx, &view, Change::Pause, errors, "").await?;
        return Ok(Html(page).status(StatusCode::CONFLICT));
    }
    let view = paused?;
    Ok(see_other(format!("/admin/security/sso/{}", view.connection.id))
        .notice(format!("{} is paused.", view.connection.name))
        .respond_to(&request))
}

/// What is refused since nobody could get in after it is said where it was asked.
fn lockout<T>(done: &Result<T, Error>) -> Option<Invalid> {
    match done {
        Err(Error::Conflict { code, text }) if *code == "lockout_last_admin" => {
            Some(Invalid::field("name", code, text.clone()))
        }
        _ => None,
    }
}

/// `POST …/activate`: a paused connection is on again.
pub async fn resume(app: Data<App>, id: Path<String>, form: AdminForm) -> Result<SeeOther, PageError> {
    let view = app.activate_connection(&form.admin.ctx, connection_id(&id)?, false, None).await?;
    Ok(see_other(format!("/admin/security/sso/{}", view.connection.id))
        .notice(format!("{} is on.", view.connection.name)))
}

/// `POST …/revert`
pub async fn revert(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let ctx = &form.admin.ctx;
    let reverted = app.revert_connection(ctx, connection_id(&id)?).await;
    if matches!(&reverted, Err(Error::Conflict { code: "revert_no_certificate", .. })) {
        let view = load(&app, ctx, &id).await?;
        let page = confirm_page(&request, &app, ctx, &view, Change::Revert, Invalid::new(), "").await?;
        return Ok(Html(page).status(StatusCode::CONFLICT));
    }
    let at = format!("/admin/security/sso/{}", reverted?.connection.id);
    Ok(see_other(at).notice("The former settings are in use again.").respond_to(&request))
}

/// `POST …/setup/discard`
pub async fn discard(app: Data<App>, id: Path<String>, form: AdminForm) -> Result<SeeOther, PageError> {
    let view = app.discard_draft(&form.admin.ctx, connection_id(&id)?).await?;
    Ok(see_other(format!("/admin/security/sso/{}", view.connection.id)).notice("The copy is discarded."))
}

/// `POST …/delete`: the name is typed, so that nobody deletes the wrong one.
pub async fn delete(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, typed) = (&form.admin.ctx, form.data.get("name"));
    let view = load(&app, ctx, &id).await?;
    let name = &view.connection.name;
    if typed.trim() != name {
        let errors = Invalid::field("name", "name_differs", format!("Type the name exactly: {name}."));
        let page = confirm_page(&request, &app, ctx, &view, Change::Delete, errors, typed).await?;
        return Ok(Html(page).status(StatusCode::UNPROCESSABLE_ENTITY));
    }
    let deleted = app.delete_connection(ctx, view.connection.id.clone()).await;
    if let Some(errors) = lockout(&deleted) {
        let page = confirm_page(&request, &app, ctx, &view, Change::Delete, errors, typed).await?;
        return Ok(Html(page).status(StatusCode::CONFLICT));
    }
    deleted?;
    Ok(see_other("/admin/security").notice(format!("{name} is deleted.")).respond_to(&request))
}
