//! First run, while no admin exists: the code, the public address, the first admin.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::Urls;
use crate::model::invalid::Invalid;
use crate::web::answer::see_other;
use crate::web::client::Client;
use crate::web::cookies;
use crate::web::error::Failure;
use crate::web::error::PageError;
use crate::web::extract::Form;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Tone;

/// `GET, POST /setup`: step 1.
#[derive(Template)]
#[template(path = "setup/code.html")]
pub struct CodePage {
    pub shell: Shell,
    /// Errors at `code`; a pause goes to `form`.
    pub errors: Invalid,
    pub code: String,
}

impl Page for CodePage {
    fn samples() -> Vec<Self> {
        let page = |errors, code: &str| Self { shell: first_run(), errors, code: code.to_owned() };
        let wrong = "That code doesn't match. It changes at every start; look at the latest.";
        let paused = "Five codes were wrong. Wait 15 minutes, then try again.";
        vec![
            page(Invalid::new(), ""),
            page(Invalid::field("code", "setup_code", wrong), "K7F2-9QXM-3TZA"),
            page(Invalid::field("form", "throttled", paused), ""),
        ]
    }
}

/// One thing that was looked at: DNS, certificate, proxy headers.
#[derive(Debug, Clone)]
pub struct AddressCheck {
    pub tone: Tone,
    pub title: String,
    pub detail: String,
    /// Lines to add to a proxy's configuration; empty if there is nothing to add.
    pub lines: String,
}

/// `GET, POST /setup/address`: step 2. The address is configuration, so there is nothing to type.
#[derive(Template)]
#[template(path = "setup/address.html")]
pub struct AddressPage {
    pub shell: Shell,
    pub base_url: String,
    /// The page was opened at another address than this.
    pub is_elsewhere: bool,
    pub checks: Vec<AddressCheck>,
}

impl Page for AddressPage {
    fn samples() -> Vec<Self> {
        let check = |tone, title: &str, detail: &str, lines: &str| AddressCheck {
            tone,
            title: title.to_owned(),
            detail: detail.to_owned(),
            lines: lines.to_owned(),
        };
        let good = vec![
            check(Tone::Ok, "You opened this page at that address", "auth.acme.example, over HTTPS", ""),
            check(Tone::Ok, "Proxy headers are trusted", "X-Forwarded-For and X-Forwarded-Proto from 10.0.0.2", ""),
        ];
        let bad = vec![
            check(
                Tone::Bad,
                "You opened this page at another address",
                "Your browser asked for http://10.0.0.7:8080. Sign-in cookies and SAML need the public one.",
                "",
            ),
            check(
                Tone::Warn,
                "A proxy in front doesn't say who asks",
                "Requests come from 10.0.0.2 without X-Forwarded-Proto. For nginx, add:",
                "proxy_set_header Host $host;\nproxy_set_header X-Forwarded-For $remote_addr;\nproxy_set_header X-Forwarded-Proto $scheme;",
            ),
        ];
        let page = |is_elsewhere, checks| Self {
            shell: first_run(),
            base_url: "https://auth.acme.example".to_owned(),
            is_elsewhere,
            checks,
        };
        vec![page(false, good), page(true, bad)]
    }
}

/// `GET, POST /setup/admin`: step 3; ends on Security & Access, signed in.
#[derive(Template)]
#[template(path = "setup/admin.html")]
pub struct AdminPage {
    pub shell: Shell,
    /// Errors at `organization`, `name`, `email`, `password`.
    pub errors: Invalid,
    pub organization: String,
    pub name: String,
    pub email: String,
}

impl Page for AdminPage {
    fn samples() -> Vec<Self> {
        let page = |errors, organization: &str, name: &str, email: &str| Self {
            shell: first_run(),
            errors,
            organization: organization.to_owned(),
            name: name.to_owned(),
            email: email.to_owned(),
        };
        let mut two =
            Invalid::field("email", "email_malformed", "ada@acme has no domain ending. Write the whole address.");
        two.add("password", "password_short", "This has 9 characters. Use 15 or more.");
        vec![page(Invalid::new(), "", "", ""), page(two, "Acme", "Ada Example", "ada@acme")]
    }
}

fn first_run() -> Shell {
    Shell { organization: String::new(), ..Shell::sample_outside() }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<CodePage>(all, "setup/code");
    add::<AddressPage>(all, "setup/address");
    add::<AdminPage>(all, "setup/admin");
}

/// Only while no admin exists.
async fn while_open(app: &App) -> Result<(), PageError> {
    if app.needs_setup().await? { Ok(()) } else { Err(PageError(Failure::NotFound)) }
}

async fn shell_of(request: &HttpRequest) -> Shell {
    Shell { organization: String::new(), ..shell(request, Place::Elsewhere).await }
}

/// `GET /setup`
pub async fn code(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, PageError> {
    if !app.needs_setup().await? {
        return Ok(see_other("/sign-in").respond_to(&request));
    }
    let page = CodePage { shell: shell_of(&request).await, errors: Invalid::new(), code: String::new() };
    Ok(Html(page).status(StatusCode::OK))
}

/// `POST /setup`
pub async fn check_code(request: HttpRequest, app: Data<App>, form: Form) -> Result<HttpResponse, PageError> {
    while_open(&app).await?;
    let typed = form.data.get("code");
    let (errors, status) = match app.check_setup_code(typed, &form.visitor).await {
        Ok(()) => return Ok(see_other("/setup/address").cookie(cookies::setup(&app)).respond_to(&request)),
        Err(Error::Invalid(errors)) => (errors, StatusCode::UNPROCESSABLE_ENTITY),
        Err(Error::TooMany { retry_after }) => {
            let text = format!("Five codes were wrong. Wait {} minutes, then try again.", retry_after.div_ceil(60));
            (Invalid::field("form", "throttled", text), StatusCode::TOO_MANY_REQUESTS)
        }
        Err(error) => return Err(error.into()),
    };
    let page = CodePage { shell: shell_of(&request).await, errors, code: typed.to_owned() };
    Ok(Html(page).status(status))
}

/// The later steps want the code first.
async fn proved(request: &HttpRequest, app: &App) -> Result<Option<HttpResponse>, PageError> {
    while_open(app).await?;
    Ok((!cookies::has_setup(request, app)).then(|| see_other("/setup").respond_to(request)))
}

/// `GET /setup/address`
pub async fn address(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, PageError> {
    if let Some(first) = proved(&request, &app).await? {
        return Ok(first);
    }
    let client = Client::of(&request);
    let checks = client.as_ref().map(|client| look_at_address(&app.urls, client)).unwrap_or_default();
    let is_elsewhere = client.is_some_and(|client| !is_at_base(&app.urls, &client));
    let page = AddressPage { shell: shell_of(&request).await, base_url: app.urls.base.clone(), is_elsewhere, checks };
    Ok(Html(page).status(StatusCode::OK))
}

fn is_at_base(urls: &Urls, client: &Client) -> bool {
    client.host == urls.host.trim_matches(['[', ']'])
}

/// What this very request tells about the address.
fn look_at_address(urls: &Urls, client: &Client) -> Vec<AddressCheck> {
    let check = |tone, title: &str, detail: String, lines: &str| AddressCheck {
        tone,
        title: title.to_owned(),
        detail,
        lines: lines.to_owned(),
    };
    let mut checks = vec![if is_at_base(urls, client) {
        let scheme = if urls.is_https { "over HTTPS" } else { "over plain HTTP, on this machine alone" };
        check(Tone::Ok, "You opened this page at that address", format!("{}, {scheme}", urls.host), "")
    } else {
        let detail =
            format!("Your browser asked for {}. Identity providers send people to {}.", client.host, urls.base);
        check(Tone::Warn, "You opened this page at another address", detail, "")
    }];
    if client.via_trusted {
        let ip = client.ip.map(|ip| ip.to_string()).unwrap_or_default();
        checks.push(check(Tone::Ok, "Proxy headers are trusted", format!("You come from {ip}, says the proxy."), ""));
    } else if urls.is_https {
        let lines = "proxy_set_header Host $host;\nproxy_set_header X-Forwarded-For $remote_addr;\nproxy_set_header X-Forwarded-Proto $scheme;";
        let detail =
            "Name your reverse proxy in trusted_proxies, so that the log shows people's own addresses. For nginx, add:"
                .to_owned();
        checks.push(check(Tone::Warn, "No trusted proxy is in front", detail, lines));
    }
    checks
}

/// `POST /setup/address`
pub async fn confirm_address(request: HttpRequest, app: Data<App>, _form: Form) -> Result<HttpResponse, PageError> {
    if let Some(first) = proved(&request, &app).await? {
        return Ok(first);
    }
    Ok(see_other("/setup/admin").respond_to(&request))
}

/// `GET /setup/admin`
pub async fn first_admin(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, PageError> {
    if let Some(first) = proved(&request, &app).await? {
        return Ok(first);
    }
    let page = AdminPage {
        shell: shell_of(&request).await,
        errors: Invalid::new(),
        organization: String::new(),
        name: String::new(),
        email: String::new(),
    };
    Ok(Html(page).status(StatusCode::OK))
}

/// `POST /setup/admin`
pub async fn create_first_admin(request: HttpRequest, app: Data<App>, form: Form) -> Result<HttpResponse, PageError> {
    if let Some(first) = proved(&request, &app).await? {
        return Ok(first);
    }
    let (data, visitor) = (&form.data, &form.visitor);
    let (email, name, organization) = (data.get("email"), data.get("name"), data.get("organization"));
    let made = app.create_first_owner(visitor, email, name, organization, data.get("password").to_owned()).await;
    match made {
        Ok(session) => {
            let answer = see_other("/admin/security")
                .notice("Doorward is set up. Connect your identity provider next.")
                .cookie(cookies::session(&app.urls, &session.token))
                .cookie(cookies::device(&app, &session.member))
                .cookie(cookies::end_setup(&app.urls));
            Ok(answer.respond_to(&request))
        }
        Err(Error::Invalid(errors)) => {
            let page = AdminPage {
                shell: shell_of(&request).await,
                errors,
                organization: organization.to_owned(),
                name: name.to_owned(),
                email: email.to_owned(),
            };
            Ok(Html(page).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(error) => Err(error.into()),
    }
}
