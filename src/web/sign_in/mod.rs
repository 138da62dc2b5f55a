//! Signing in and out: the pages that people see who are not, or no longer, signed in.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::http::header::HeaderValue;
use actix_web::web::Data;
use actix_web::web::Path;
use actix_web::web::Query;
use serde::Deserialize;

use crate::app::App;
use crate::app::Error;
use crate::app::sessions::SignedIn;
use crate::app::sessions::Visitor;
use crate::app::sign_in::Go;
use crate::model::connection::Connection;
use crate::model::email::Email;
use crate::model::invalid::Invalid;
use crate::model::organization::Organization;
use crate::model::role::Permission;
use crate::model::role::permissions_of;
use crate::model::sign_in::return_path;
use crate::web::answer::SeeOther;
use crate::web::answer::see_other;
use crate::web::client::Client;
use crate::web::cookies;
use crate::web::error::Failure;
use crate::web::error::PageError;
use crate::web::extract::Form;
use crate::web::extract::identify;
use crate::web::html;
use crate::web::html::Html;
use crate::web::html::Shell;
use crate::web::saml::post_page;
use crate::web::shell::shell;
use crate::web::view::Kept;
use crate::web::view::Tile;

mod pages;

pub use pages::{
    ContinuePage, PasswordPage, PostToIdpPage, ProblemPage, SessionEndedPage, SignInPage, SignOutPage, SignedOutPage,
    TestedPage, WayIn, asks, samples,
};

#[derive(Debug, Default, Deserialize)]
pub struct SignInQuery {
    #[serde(default)]
    return_to: String,
    organization: Option<String>,
    /// Present where **Sign in with SSO** was chosen.
    sso: Option<String>,
    #[serde(default)]
    email: String,
}

/// A sign-in page's surroundings: the organization it is for, and the ways in that it has.
struct Place {
    organization: Organization,
    connections: Vec<Connection>,
    return_to: String,
    /// Set where the request named one.
    named: Option<String>,
}

impl Place {
    async fn of(app: &App, named: Option<String>, return_to: &str) -> Result<Self, PageError> {
        let organization = app.find_organization(named.as_deref()).await?;
        let connections = if organization.sign_in_mode.allows_sso() {
            app.list_active_connections(&organization.id).await?
        } else {
            Vec::new()
        };
        Ok(Self { organization, connections, return_to: return_path(return_to).to_owned(), named })
    }

    fn kept(&self) -> Vec<Kept> {
        let mut kept = vec![Kept { name: "return_to".to_owned(), value: self.return_to.clone() }];
        kept.extend(self.named.iter().map(|slug| Kept { name: "organization".to_owned(), value: slug.clone() }));
        kept
    }

    fn path(&self, path: &str, more: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if self.return_to != "/" {
            query.append_pair("return_to", &self.return_to);
        }
        if let Some(slug) = &self.named {
            query.append_pair("organization", slug);
        }
        query.extend_pairs(more);
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    fn start(&self, connection: &Connection) -> String {
        let back: String = url::form_urlencoded::byte_serialize(self.return_to.as_bytes()).collect();
        format!("/sso/{}/start?return_to={back}", connection.id)
    }

    /// Where **Sign in with SSO** leads.
    fn sso(&self) -> Option<String> {
        match self.connections.as_slice() {
            [] => None,
            [only] => Some(self.start(only)),
            _ => Some(self.path("/sign-in", &[("sso", "choose")])),
        }
    }

    fn ways(&self) -> Vec<WayIn> {
        let way = |connection: &Connection| WayIn {
            name: connection.name.clone(),
            tile: Tile::of_provider(&connection.provider, &connection.name),
            path: self.start(connection),
        };
        self.connections.iter().map(way).collect()
    }

    fn page(&self, mut shell: Shell, errors: Invalid, email: &str, choose: Vec<WayIn>) -> SignInPage {
        shell.organization.clone_from(&self.organization.name);
        let password = self.organization.sign_in_mode.allows_password();
        SignInPage {
            shell,
            errors,
            email: email.to_owned(),
            kept: self.kept(),
            sso: self.sso(),
            choose,
            password: password.then(|| {
                let typed = [("email", email)];
                self.path("/sign-in/password", if email.is_empty() { &[] } else { &typed })
            }),
            again: self.path("/sign-in", &[]),
        }
    }

    fn password_page(&self, mut shell: Shell, errors: Invalid, email: &str) -> PasswordPage {
        shell.organization.clone_from(&self.organization.name);
        PasswordPage { shell, errors, email: email.to_owned(), kept: self.kept(), sso: self.sso() }
    }
}

/// `GET /`: on to where this person belongs.
pub async fn home(request: HttpRequest, app: Data<App>) -> Result<SeeOther, PageError> {
    if app.needs_setup().await? {
        return Ok(see_other("/setup"));
    }
    let Some(me) = identify(&request).await? else { return Ok(see_other("/sign-in")) };
    Ok(see_other(home_of(&me)))
}

/// Where somebody belongs.
pub fn home_of(me: &SignedIn) -> &'static str {
    let permissions = permissions_of(&me.member.roles);
    if permissions.has(Permission::ConnectionsRead) {
        "/admin/security"
    } else if permissions.has(Permission::MembersRead) {
        "/admin/members"
    } else {
        "/account"
    }
}

/// `GET /login`: an old name.
pub async fn login(query: Query<SignInQuery>) -> SeeOther {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    if !query.return_to.is_empty() {
        pairs.append_pair("return_to", return_path(&query.return_to));
    }
    let query = pairs.finish();
    see_other(if query.is_empty() { "/sign-in".to_owned() } else { format!("/sign-in?{query}") })
}

/// `GET /sign-in`
pub async fn show(request: HttpRequest, app: Data<App>, query: Query<SignInQuery>) -> Result<HttpResponse, PageError> {
    if app.needs_setup().await? {
        return Ok(see_other("/setup").respond_to(&request));
    }
    let query = query.into_inner();
    let place = Place::of(&app, query.organization, &query.return_to).await?;
    if let Some(me) = identify(&request).await?
        && Client::of(&request).is_some_and(|client| me.session.is_fresh_for_console(client.now))
    {
        let to = if place.return_to == "/" { home_of(&me).to_owned() } else { place.return_to };
        return Ok(see_other(to).respond_to(&request));
    }
    let shell = shell(&request, html::Place::Elsewhere).await;
    let choose = if query.sso.is_some() { place.ways() } else { Vec::new() };
    Ok(Html(place.page(shell, Invalid::new(), &query.email, choose)).status(StatusCode::OK))
}

/// `POST /sign-in`: what comes next depends on the organization, never on whether the account exists.
pub async fn choose(request: HttpRequest, app: Data<App>, form: Form) -> Result<HttpResponse, PageError> {
    let place = Place::of(&app, form.data.text("organization"), form.data.get("return_to")).await?;
    let typed = form.data.get("email").trim().to_owned();
    let shell = shell(&request, html::Place::Elsewhere).await;
    if Email::parse(&typed).is_none() {
        let errors = Invalid::field("email", "email", "Write your work address, such as ada@example.com.");
        return Ok(Html(place.page(shell, errors, &typed, Vec::new())).status(StatusCode::UNPROCESSABLE_ENTITY));
    }
    let has_password = place.organization.sign_in_mode.allows_password();
    match place.connections.as_slice() {
        [] => Ok(see_other(place.path("/sign-in/password", &[("email", &typed)])).respond_to(&request)),
        [only] if !has_password => {
            let path = place.path(&format!("/sign-in/continue/{}", only.id), &[]);
            Ok(see_other(path).respond_to(&request))
        }
        _ => Ok(Html(place.page(shell, Invalid::new(), &typed, place.ways())).status(StatusCode::OK)),
    }
}

/// `GET /sign-in/continue/{connection}`: a page that goes on by itself, since a form may not lead to another site.
pub async fn go_on(
    request: HttpRequest,
    app: Data<App>,
    connection: Path<String>,
    query: Query<SignInQuery>,
) -> Result<Html<ContinuePage>, PageError> {
    let query = query.into_inner();
    let place = Place::of(&app, query.organization, &query.return_to).await?;
    let found = place.connections.iter().find(|known| known.id.as_str() == connection.as_str());
    let connection = found.ok_or(Error::NotFound("connection"))?;
    let shell = shell(&request, html::Place::Elsewhere).await;
    let url = format!("{}{}", shell.prefix, place.start(connection));
    let to = connection.name.clone();
    Ok(Html(ContinuePage { shell, about: asks(&to), to, url }))
}

/// `GET /sign-in/password`
pub async fn show_password(
    request: HttpRequest,
    app: Data<App>,
    query: Query<SignInQuery>,
) -> Result<Html<PasswordPage>, PageError> {
    let query = query.into_inner();
    let place = Place::of(&app, query.organization, &query.return_to).await?;
    let shell = shell(&request, html::Place::Elsewhere).await;
    Ok(Html(place.password_page(shell, Invalid::new(), &query.email)))
}

/// `POST /sign-in/password`
pub async fn by_password(request: HttpRequest, app: Data<App>, form: Form) -> Result<HttpResponse, PageError> {
    let place = Place::of(&app, form.data.text("organization"), form.data.get("return_to")).await?;
    let (typed, secret) = (form.data.get("email").trim().to_owned(), form.data.get("password").to_owned());
    let device = cookies::read_device(&request, &app);
    let entered = app.sign_in_by_password(&form.visitor, &place.organization, &typed, secret, device).await;
    let error = match entered {
        Ok(session) => {
            end_previous(&request, &app, &form.visitor).await?;
            let answer = see_other(place.return_to)
                .cookie(cookies::session(&app.urls, &session.token))
                .cookie(cookies::device(&app, &session.member));
            return Ok(answer.respond_to(&request));
        }
        Err(error @ (Error::Refused { .. } | Error::TooMany { .. } | Error::Unavailable { .. })) => error,
        Err(error) => return Err(error.into()),
    };
    let errors = Invalid::field("form", error.code(), error.public());
    let shell = shell(&request, html::Place::Elsewhere).await;
    let failure = Failure::from(error);
    let status = match failure.status() {
        StatusCode::FORBIDDEN => StatusCode::UNPROCESSABLE_ENTITY,
        status => status,
    };
    let mut response = Html(place.password_page(shell, errors, &typed)).status(status);
    if let Some(seconds) = failure.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

/// `GET /sign-out` asks, or says that it is done, and what the identity provider made of it.
pub async fn ask_sign_out(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, PageError> {
    let me = identify(&request).await?;
    let shell = shell(&request, html::Place::Elsewhere).await;
    let Some(me) = me else {
        let pending = cookies::read_logout(&request, &app.urls).and_then(|sealed| app.open_logout(&sealed));
        let provider = pending.map(|pending| (pending.name, pending.outcome));
        return Ok(Html(SignedOutPage { shell, provider }).status(StatusCode::OK));
    };
    Ok(Html(SignOutPage { shell, email: me.member.email.as_str().to_owned() }).status(StatusCode::OK))
}

/// `POST /sign-out`: here at once; then, where the connection says so, a page leads on to the identity provider.
pub async fn sign_out(request: HttpRequest, app: Data<App>, form: Form) -> Result<HttpResponse, PageError> {
    let started = match identify(&request).await? {
        Some(me) => app.sign_out_with_provider(&me, &form.visitor).await?,
        None => None,
    };
    let (mut response, pending) = match started {
        Some(started) => {
            let about = format!("You're signed out here. {} signs you out there, then brings you back.", started.name);
            (lead_out(&request, started.go, started.name, about).await, cookies::logout(&app.urls, &started.pending))
        }
        None => (see_other("/sign-out").respond_to(&request), cookies::end_logout(&app.urls)),
    };
    for cookie in [cookies::end_session(&app.urls), pending] {
        if let Err(problem) = response.add_cookie(&cookie) {
            tracing::error!(error = &problem as &dyn std::error::Error, "A cookie could not be set");
        }
    }
    Ok(response)
}

/// The page between: the answer to a form of ours may not redirect to another site.
async fn lead_out(request: &HttpRequest, go: Go, to: String, about: String) -> HttpResponse {
    let mut shell = shell(request, html::Place::Elsewhere).await;
    // Nobody is signed in any more.
    shell.me = None;
    match go {
        Go::Redirect(url) => Html(ContinuePage { shell, to, about, url }).status(StatusCode::OK),
        Go::Post { url, fields } => post_page(request, url, fields, &to, about).await,
    }
}

/// Ends the session that this browser had before it signed in anew; nothing could end it from here any more.
pub async fn end_previous(request: &HttpRequest, app: &App, visitor: &Visitor) -> Result<(), PageError> {
    if let Some(previous) = identify(request).await? {
        app.sign_out(&previous.ctx(visitor)).await?;
    }
    Ok(())
}

/// `POST /preferences/theme`: back to the page it came from.
pub async fn theme(request: HttpRequest, app: Data<App>, form: Form) -> SeeOther {
    let chosen = match form.data.get("theme") {
        chosen @ ("light" | "dark") => chosen,
        _ => "system",
    };
    let referer = request.headers().get(header::REFERER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = url::Url::parse(referer).map(|url| url.path().to_owned()).unwrap_or_default();
    let path = path.strip_prefix(&app.urls.prefix).unwrap_or_default();
    see_other(return_path(path)).cookie(cookies::theme(&app.urls, chosen))
}
