//! The endpoints of the SAML service provider, by connection: out to the provider, its answer, our metadata.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::http::header::HeaderValue;
use actix_web::web::Data;
use actix_web::web::Path;
use actix_web::web::Payload;
use actix_web::web::Query;
use serde::Deserialize;

use crate::app::App;
use crate::app::Error;
use crate::app::refusals::RefusedSignIn;
use crate::app::sign_in::Finished;
use crate::app::sign_in::Go;
use crate::app::sign_in::Started;
use crate::model::id::ConnectionId;
use crate::model::provider::Catalogue;
use crate::model::provider::Protocol;
use crate::model::refusal::Details;
use crate::model::refusal::Refusal;
use crate::web::answer::see_other;
use crate::web::client::Client;
use crate::web::cookies;
use crate::web::error::PageError;
use crate::web::extract::Anyone;
use crate::web::extract::identify;
use crate::web::form;
use crate::web::frame::path_and_query;
use crate::web::html::Html;
use crate::web::html::Place;
use crate::web::security::CONTENT_SECURITY_POLICY_POST;
use crate::web::shell::shell;
use crate::web::sign_in::PostToIdpPage;
use crate::web::sign_in::ProblemPage;
use crate::web::sign_in::TestedPage;
use crate::web::sign_in::asks;
use crate::web::view::Kept;

/// A message of 256 KiB grows by a third in Base64 and again where a form escapes it.
pub const MESSAGE_LIMIT: usize = 700 * 1024;

#[derive(Deserialize)]
pub struct StartQuery {
    #[serde(default)]
    return_to: String,
    /// Present where a member links the account to themselves.
    link: Option<String>,
}

#[derive(Deserialize)]
pub struct CertificateQuery {
    next: Option<String>,
}

pub fn connection_id(text: &str) -> Result<ConnectionId, PageError> {
    text.parse().map_err(|_| PageError(Error::NotFound("connection").into()))
}

/// `GET /sso/{connection}/start?return_to=/path`
pub async fn start(
    request: HttpRequest,
    app: Data<App>,
    anyone: Anyone,
    connection: Path<String>,
    query: Query<StartQuery>,
) -> Result<HttpResponse, PageError> {
    if let Some(elsewhere) = to_base_host(&request, &app) {
        return Ok(elsewhere);
    }
    let id = connection_id(&connection)?;
    let started = app.start_sign_in(&id, &query.return_to, anyone.0.now).await?;
    Ok(go(&request, &app, started).await)
}

/// `GET /sso/{connection}/test/{token}`
pub async fn start_test(
    request: HttpRequest,
    app: Data<App>,
    anyone: Anyone,
    path: Path<(String, String)>,
    query: Query<StartQuery>,
) -> Result<HttpResponse, PageError> {
    if let Some(elsewhere) = to_base_host(&request, &app) {
        return Ok(elsewhere);
    }
    let id = connection_id(&path.0)?;
    let me = identify(&request).await?.map(|me| me.member.id);
    let started = app.start_test_sign_in(&id, &path.1, query.link.is_some(), me.as_ref(), anyone.0.now).await?;
    Ok(go(&request, &app, started).await)
}

/// The answer comes to the base URL's own host; where a loopback base is called by another loopback name, the pending
/// sign-in would stay behind under that name.
fn to_base_host(request: &HttpRequest, app: &App) -> Option<HttpResponse> {
    let client = Client::of(request)?;
    let base = app.urls.host.trim_matches(['[', ']']);
    if !app.urls.is_loopback || client.host == base {
        return None;
    }
    let location = format!("{}{}", app.urls.origin, path_and_query(request.uri()));
    Some(HttpResponse::TemporaryRedirect().insert_header((header::LOCATION, location)).finish())
}

async fn go(request: &HttpRequest, app: &App, started: Started) -> HttpResponse {
    let (name, sealed) = &started.pending;
    let to = &started.connection.name;
    let mut response = send(request, started.go, to, asks(to)).await;
    let known = cookies::read_pending(request, &app.urls);
    let ended = cookies::surplus_pending(&known).map(|name| cookies::end_pending(&app.urls, name));
    for cookie in ended.chain([cookies::pending(&app.urls, name, sealed)]) {
        if let Err(problem) = response.add_cookie(&cookie) {
            tracing::error!(error = &problem as &dyn std::error::Error, "A cookie could not be set");
        }
    }
    response
}

/// Sends the browser to the identity provider with a message; `about` says on a page why.
pub async fn send(request: &HttpRequest, go: Go, to: &str, about: String) -> HttpResponse {
    match go {
        Go::Redirect(url) => HttpResponse::Found().insert_header((header::LOCATION, url)).finish(),
        Go::Post { url, fields } => post_page(request, url, fields, to, about).await,
    }
}

/// A page that posts to the identity provider.
pub async fn post_page(
    request: &HttpRequest,
    url: String,
    fields: Vec<(&'static str, String)>,
    to: &str,
    about: String,
) -> HttpResponse {
    let fields = fields.into_iter().map(|(name, value)| Kept { name: name.to_owned(), value }).collect();
    let shell = shell(request, Place::Elsewhere).await;
    let mut page = Html(PostToIdpPage { shell, to: to.to_owned(), about, url, fields }).status(StatusCode::OK);
    let policy = HeaderValue::from_static(CONTENT_SECURITY_POLICY_POST);
    page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    page
}

/// `POST /saml/{connection}/acs`
pub async fn acs(
    request: HttpRequest,
    app: Data<App>,
    anyone: Anyone,
    connection: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, PageError> {
    let id = connection_id(&connection)?;
    let body = crate::web::extract::body(&mut payload.into_inner(), MESSAGE_LIMIT).await?;
    let response = form::one_field(&body, "SAMLResponse");
    let cookies = cookies::read_pending(&request, &app.urls);
    let pending = app.open_pending(&cookies);
    let finished = app.finish_saml(&anyone.0, &id, &response.unwrap_or_default(), pending).await?;
    match finished {
        Finished::SignedIn { session, return_to, request: answered } => {
            let mut answer = see_other(return_to)
                .cookie(cookies::session(&app.urls, &session.token))
                .cookie(cookies::device(&app, &session.member));
            if let Some(name) = answered.as_deref().map(pending_name) {
                answer = answer.cookie(cookies::end_pending(&app.urls, &name));
            }
            Ok(answer.respond_to(&request))
        }
        // The session's own cookie does not travel on a cross-site POST; the page it leads to sees it.
        Finished::Tested { connection, test, links: false, .. } => {
            Ok(see_other(format!("/sso/{connection}/tested/{test}")).respond_to(&request))
        }
        Finished::Tested { test, .. } => {
            Ok(see_other(format!("/account/sign-in-methods/confirm/{test}")).respond_to(&request))
        }
        Finished::Refused(refused) => Ok(problem(&request, &app, &refused, false).await),
    }
}

/// The name under which a pending sign-in stands among the cookies.
fn pending_name(request: &str) -> String {
    request.chars().filter(char::is_ascii_hexdigit).take(12).collect()
}

/// `GET /sso/{connection}/tested/{test}`: admins go on to the trace; anybody else who was handed a test link is told that
/// it is done.
pub async fn tested(request: HttpRequest, path: Path<(String, String)>) -> Result<HttpResponse, PageError> {
    let (connection, test) = path.into_inner();
    let result = format!("/admin/security/sso/{connection}/tests/{test}");
    if identify(&request).await?.is_some_and(|me| me.member.is_administrator()) {
        return Ok(see_other(result).respond_to(&request));
    }
    let shell = shell(&request, Place::Elsewhere).await;
    Ok(Html(TestedPage { shell, result }).status(StatusCode::OK))
}

/// What the person may know of a refusal: one sentence and the reference.
pub async fn problem(request: &HttpRequest, app: &App, refused: &RefusedSignIn, signs_out: bool) -> HttpResponse {
    let connection = refused.connection.as_ref();
    let name = connection.map(|connection| connection.name.clone()).unwrap_or_default();
    let mut details = Details::new()
        .with("idp", name.clone())
        .with("email", refused.email.clone().unwrap_or_else(|| "This person".to_owned()))
        .with("app", "Doorward")
        .with("login_url", app.urls.join("/sign-in"))
        .with("ref", refused.reference.clone().unwrap_or_else(|| "none, it was one of many at once".to_owned()));
    let connector = connection.and_then(|connection| {
        let catalogue = Catalogue::get();
        catalogue.connectors(Protocol::Saml).find(|connector| connector.provider == connection.provider)
    });
    if let Some(connector) = connector {
        details = details.labels_of(connector);
    }
    let words = Refusal::of(&refused.code).words(&details);
    // Codes of sign-ins speak of signing in.
    let sentence = match signs_out && !refused.code.starts_with("saml_logout") {
        true => "A request to sign you out wasn't accepted, so nobody was signed out. Sign out yourself.".to_owned(),
        false => words.user,
    };
    let trace = connection.zip(refused.reference.as_ref()).map(|(connection, reference)| {
        app.urls.join(&format!("/admin/security/sso/{}/sign-ins/{reference}", connection.id))
    });
    let now = Client::of(request).map(|client| client.now.minute()).unwrap_or_default();
    let page = ProblemPage {
        shell: shell(request, Place::Elsewhere).await,
        sentence,
        reference: refused.reference.clone().unwrap_or_default(),
        trace: trace.unwrap_or_default(),
        when: now,
        connection: name,
        signs_out,
    };
    let status = match refused.code.as_str() {
        "saml_no_response" | "saml_malformed" | "saml_logout_missing" | "saml_logout_malformed" => {
            StatusCode::BAD_REQUEST
        }
        _ => StatusCode::FORBIDDEN,
    };
    let mut response = Html(page).status(status);
    // For monitoring and scripts; the page itself names no configuration.
    if let Ok(code) = HeaderValue::from_str(&refused.code) {
        response.headers_mut().insert(header::HeaderName::from_static("x-doorward-reason"), code);
    }
    response
}

/// `GET /saml/{connection}/metadata`, and the entity ID itself (SAML metadata 4.1: a well-known location).
pub async fn metadata(app: Data<App>, connection: Path<String>) -> Result<HttpResponse, PageError> {
    let xml = app.sp_metadata(&connection_id(&connection)?).await?;
    Ok(HttpResponse::Ok().content_type("application/samlmetadata+xml").body(xml))
}

/// `GET /saml/{connection}/certificate`
/// With `?next`, the one that will sign after the next switch.
pub async fn certificate(
    app: Data<App>,
    connection: Path<String>,
    query: Query<CertificateQuery>,
) -> Result<HttpResponse, PageError> {
    let is_next = query.next.is_some();
    let pem = app.sp_certificate(&connection_id(&connection)?, is_next).await?;
    let name = if is_next { "doorward-next.pem" } else { "doorward.pem" };
    Ok(HttpResponse::Ok()
        .content_type("application/x-pem-file")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(pem))
}
