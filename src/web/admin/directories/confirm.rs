//! Changes of a directory with a page that asks: turn off, delete, let pass, delete a token.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::directories::DirectoryView;
use crate::model::actor::Ctx;
use crate::model::directory::DirectoryStatus;
use crate::model::directory::DirectoryToken;
use crate::model::id::DirectoryTokenId;
use crate::model::invalid::Invalid;
use crate::web::admin::directories::handle::connection_name;
use crate::web::admin::directories::handle::directory_id;
use crate::web::admin::directories::handle::load_to_change;
use crate::web::admin::directories::present;
use crate::web::admin::directories::present::Head;
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

/// `GET, POST …/disable`, `…/delete`, `…/let-pass`, `…/tokens/{token}/delete`
#[derive(Template)]
#[template(path = "admin/directories/confirm.html")]
pub struct ConfirmPage {
    pub shell: Shell,
    pub errors: Invalid,
    pub head: Head,
    /// `Turn off Okta?`
    pub title: String,
    pub crumb: &'static str,
    /// What will happen, a sentence a line.
    pub lines: Vec<String>,
    pub button: String,
    pub is_danger: bool,
    /// Where the form goes.
    pub path: String,
    /// The label of the name to type, where it has to be.
    pub label: Option<String>,
    /// What was typed for it.
    pub name: String,
}

impl ConfirmPage {
    pub fn of(shell: Shell, head: Head, crumb: &'static str) -> Self {
        Self {
            shell,
            errors: Invalid::new(),
            title: String::new(),
            crumb,
            lines: Vec::new(),
            button: String::new(),
            is_danger: true,
            path: String::new(),
            label: None,
            name: String::new(),
            head,
        }
    }
}

/// Nobody but an enabled directory says that an address and a sign-in are the same person.
fn unknown_yet(connection: &str) -> String {
    format!(
        "Sign-in with {connection} goes on for whoever has signed in before. The others it refuses, unless joining existing \
         members is turned on there."
    )
}

fn disable_page(shell: Shell, head: Head, connection: Option<&str>) -> ConfirmPage {
    let (name, idp) = (head.name.clone(), head.idp());
    let mut lines = vec![
        format!("Whatever {idp} sends is refused, and it is told why."),
        "Members, roles and teams stay as they are, and people may change them by hand again.".to_owned(),
        format!("Whoever leaves at {idp} keeps their access here until somebody takes it away."),
        "Users, groups and mappings are kept. You can turn it on again.".to_owned(),
    ];
    lines.extend(connection.map(unknown_yet));
    ConfirmPage {
        title: format!("Turn off {name}?"),
        lines,
        button: format!("Turn off {name}"),
        path: format!("{}/disable", head.path()),
        ..ConfirmPage::of(shell, head, "Turn off")
    }
}

fn delete_page(shell: Shell, head: Head, connection: Option<&str>, (typed, errors): (&str, Invalid)) -> ConfirmPage {
    let (name, idp) = (head.name.clone(), head.idp());
    let mut lines = vec![
        format!("Its tokens stop working at once; whatever {idp} sends is refused."),
        "Every role, team and tag that it gave is taken away from its people. If nobody would administer then, nothing is deleted."
            .to_owned(),
        "Members stay, active or deactivated as they are, with what they hold from elsewhere.".to_owned(),
        "Its users, groups, role assignment and request log are deleted. The audit log stays.".to_owned(),
    ];
    if let Some(connection) = connection {
        lines.push(unknown_yet(connection));
    }
    if head.is_enabled() {
        lines.push("To stop it and keep what people hold, turn it off instead.".to_owned());
    }
    ConfirmPage {
        title: format!("Delete {name}?"),
        errors,
        lines,
        button: format!("Delete {name}"),
        path: format!("{}/delete", head.path()),
        label: Some(format!("Type {name} to delete it")),
        name: typed.to_owned(),
        ..ConfirmPage::of(shell, head, "Delete")
    }
}

fn let_pass_page(shell: Shell, head: Head) -> ConfirmPage {
    let name = head.name.clone();
    ConfirmPage {
        title: format!("Let {name}'s changes pass?"),
        lines: vec![
            "For one hour the directory may take access away from as many people as it says.".to_owned(),
            format!("{} sends what was held again, usually within ten minutes.", head.connector.idp_first()),
            "Look at the refused requests first: many at once are often a mistake in an assignment there.".to_owned(),
        ],
        button: "Let them pass for an hour".to_owned(),
        path: format!("{}/let-pass", head.path()),
        ..ConfirmPage::of(shell, head, "Let pass")
    }
}

fn token_page(shell: Shell, head: Head, token: (&str, &str), is_last: bool) -> ConfirmPage {
    let (id, prefix) = token;
    let mut lines = vec!["It stops working at once.".to_owned()];
    if is_last {
        lines.push(format!("It is the only token: {} can send nothing until it has another.", head.idp()));
    }
    ConfirmPage {
        title: format!("Delete the token {prefix}…?"),
        lines,
        button: "Delete the token".to_owned(),
        path: format!("{}/tokens/{id}/delete", head.path()),
        ..ConfirmPage::of(shell, head, "Delete token")
    }
}

impl Page for ConfirmPage {
    fn samples() -> Vec<Self> {
        let (shell, head) = (|| Shell::sample(Place::Security), Head::sample);
        let token = ("tok_01k2v9q8xw3f6t0m4n7p5r1sza", "dwscim_7f3Q");
        vec![
            disable_page(shell(), head(), Some("Okta SSO")),
            delete_page(shell(), head(), Some("Okta SSO"), ("", Invalid::new())),
            delete_page(
                shell(),
                Head { status: DirectoryStatus::Disabled, ..head() },
                None,
                ("okta", Invalid::field("name", "name_differs", "Type the name exactly: Okta.")),
            ),
            let_pass_page(shell(), head()),
            token_page(shell(), head(), token, false),
            token_page(shell(), head(), token, true),
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<ConfirmPage>(all, "admin/directories/confirm");
}

/// `GET …/disable`
pub async fn ask_disable(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<ConfirmPage>, PageError> {
    let view = load_to_change(&app, &admin.ctx, &id).await?;
    let connection = connection_name(&app, &admin.ctx, &view).await;
    Ok(Html(disable_page(shell(&request, Place::Security).await, Head::of(&view), connection.as_deref())))
}

/// `POST …/disable`
pub async fn disable(app: Data<App>, id: Path<String>, form: AdminForm) -> Result<SeeOther, PageError> {
    let view = app.disable_directory(&form.admin.ctx, directory_id(&id)?).await?;
    let path = present::path(view.directory.id.as_str());
    Ok(see_other(path).notice(format!("{} is off.", view.directory.name)))
}

async fn delete_page_of(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    view: &DirectoryView,
    typed: (&str, Invalid),
) -> Result<ConfirmPage, PageError> {
    let connection = connection_name(app, ctx, view).await;
    let shell = shell(request, Place::Security).await;
    Ok(delete_page(shell, Head::of(view), connection.as_deref(), typed))
}

/// `GET …/delete`
pub async fn ask_delete(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<ConfirmPage>, PageError> {
    let view = load_to_change(&app, &admin.ctx, &id).await?;
    Ok(Html(delete_page_of(&request, &app, &admin.ctx, &view, ("", Invalid::new())).await?))
}

/// `POST …/delete`: the name is typed, so that nobody deletes the wrong one.
pub async fn delete(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, typed) = (&form.admin.ctx, form.data.get("name"));
    let view = load_to_change(&app, ctx, &id).await?;
    let name = &view.directory.name;
    let refuse = async |status, code, text| {
        let errors = Invalid::field("name", code, text);
        let page = delete_page_of(&request, &app, ctx, &view, (typed, errors)).await?;
        Ok(Html(page).status(status))
    };
    if typed.trim() != name {
        let text = format!("Type the name exactly: {name}.");
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "name_differs", text).await;
    }
    match app.delete_directory(ctx, view.directory.id.clone()).await {
        Err(Error::Conflict { code: code @ "lockout_last_admin", text }) => {
            return refuse(StatusCode::CONFLICT, code, text.to_string()).await;
        }
        done => done?,
    }
    Ok(see_other("/admin/security").notice(format!("{name} is deleted.")).respond_to(&request))
}

/// `GET …/let-pass`
pub async fn ask_let_pass(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<ConfirmPage>, PageError> {
    let view = load_to_change(&app, &admin.ctx, &id).await?;
    Ok(Html(let_pass_page(shell(&request, Place::Security).await, Head::of(&view))))
}

/// `POST …/let-pass`
pub async fn let_pass(app: Data<App>, id: Path<String>, form: AdminForm) -> Result<SeeOther, PageError> {
    let view = app.let_directory_pass(&form.admin.ctx, directory_id(&id)?).await?;
    let path = present::path(view.directory.id.as_str());
    Ok(see_other(path).notice("What was held may pass for an hour."))
}

fn token_of<'a>(view: &'a DirectoryView, id: &str) -> Result<&'a DirectoryToken, PageError> {
    let found = view.tokens.iter().find(|token| token.id.as_str() == id);
    found.ok_or_else(|| PageError(Error::NotFound("token").into()))
}

/// `GET …/tokens/{token}/delete`
pub async fn ask_token(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    ids: Path<(String, String)>,
) -> Result<Html<ConfirmPage>, PageError> {
    let view = load_to_change(&app, &admin.ctx, &ids.0).await?;
    let token = token_of(&view, &ids.1)?;
    let (id, now) = (token.id.to_string(), admin.visitor.now);
    let is_last = view.tokens.iter().filter(|one| one.is_valid(now)).all(|one| one.id == token.id);
    let shell = shell(&request, Place::Security).await;
    Ok(Html(token_page(shell, Head::of(&view), (&id, &token.prefix), is_last)))
}

/// `POST …/tokens/{token}/delete`
pub async fn delete_token(app: Data<App>, ids: Path<(String, String)>, form: AdminForm) -> Result<SeeOther, PageError> {
    let id = directory_id(&ids.0)?;
    let token: DirectoryTokenId = ids.1.parse().map_err(|_| PageError(Error::NotFound("token").into()))?;
    app.delete_directory_token(&form.admin.ctx, id.clone(), token).await?;
    Ok(see_other(present::path(id.as_str())).notice("The token is deleted."))
}
