//! What happens around every request: who asks is found out once, failures get their shape, headers are set, one line
//! is logged.

use std::rc::Rc;

use actix_web::HttpMessage;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::body::MessageBody;
use actix_web::cookie::Cookie;
use actix_web::dev::ServiceRequest;
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::http::StatusCode;
use actix_web::http::Uri;
use actix_web::http::header::HeaderName;
use actix_web::http::header::HeaderValue;
use actix_web::http::header::LOCATION;
use actix_web::middleware::Next;
use actix_web::web::Data;

use crate::app::App;
use crate::config::Config;
use crate::web::client::Client;
use crate::web::cookies;
use crate::web::error;
use crate::web::error::ApiError;
use crate::web::error::Failure;
use crate::web::error::PageError;
use crate::web::routes::Pattern;
use crate::web::scim;
use crate::web::security;
use crate::web::shell::NewSeed;
use crate::web::shell::NoticeShown;

/// The outermost layer.
pub async fn frame(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let (Some(app), Some(config)) =
        (request.app_data::<Data<App>>().cloned(), request.app_data::<Data<Config>>().cloned())
    else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let started = std::time::Instant::now();
    let client =
        Rc::new(Client::read(request.request(), &config, &app.urls, request_id(&request, &config), app.clock.now()));
    request.extensions_mut().insert(Rc::clone(&client));
    let response = match turned_away(&request, &app, &client) {
        // Not `into_response`: that would lose the failure, which is still to get its shape.
        Some(response) => ServiceResponse::new(request.into_parts().0, response),
        None => next.call(request).await?.map_into_boxed_body(),
    };
    let (request, mut response) = shaped(response, &app, &client).await;
    decorate(&request, &mut response, &app, &client);
    log(&request, &response, &client, started.elapsed());
    Ok(ServiceResponse::new(request, response))
}

/// Ours, unless a trusted proxy gave one that is fit for logs.
fn request_id(request: &ServiceRequest, config: &Config) -> String {
    let sent = request.headers().get("x-request-id").and_then(|value| value.to_str().ok());
    let is_fit = |id: &&str| {
        (8..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    let is_trusted = request.peer_addr().is_some_and(|peer| config.trusted_proxies.contains(peer.ip()));
    match sent.filter(is_fit) {
        Some(id) if is_trusted => id.to_owned(),
        _ => uuid::Uuid::now_v7().simple().to_string(),
    }
}

/// Of a request in absolute form (RFC 9112, 3.2.2) as well, which names a host of its sender's choice.
pub fn path_and_query(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |path| path.as_str())
}

/// Requests for another host, and plain ones where people should come by https.
fn turned_away(request: &ServiceRequest, app: &App, client: &Client) -> Option<HttpResponse> {
    let path = request.path().strip_prefix(&app.urls.prefix).unwrap_or(request.path());
    if matches!(path, "/healthz" | "/readyz") {
        return None;
    }
    if !client.names_us(&app.urls) {
        return Some(HttpResponse::from_error(PageError(Failure::WrongHost)));
    }
    if app.urls.is_https && !client.is_https {
        let location = format!("{}{}", app.urls.origin, path_and_query(request.uri()));
        return Some(HttpResponse::PermanentRedirect().insert_header((LOCATION, location)).finish());
    }
    None
}

/// Gives a failure the shape of its surface: a page, or problem+json under `/api/`.
async fn shaped(response: ServiceResponse<BoxBody>, app: &App, client: &Client) -> (HttpRequest, HttpResponse) {
    let (request, response) = response.into_parts();
    let status = response.status();
    let own = response.error().map(|problem| {
        let page = problem.as_error::<PageError>().map(|PageError(failure)| failure);
        let api = problem.as_error::<ApiError>().map(|ApiError(failure)| failure);
        page.or(api)
    });
    let foreign;
    let failure = match own {
        Some(Some(failure)) => failure,
        // What actix refused by itself: a query or a body that it could not read.
        Some(None) => {
            foreign = of_status(status);
            &foreign
        }
        None => return (request, response),
    };
    let path = request.path().strip_prefix(&app.urls.prefix).unwrap_or(request.path());
    let shaped = if path.starts_with("/api/") {
        failure.log(&client.request_id);
        error::problem(failure, &app.urls.base, &client.request_id)
    } else if path.starts_with("/scim/") {
        scim::failure(&request, failure)
    } else {
        failure.log(&client.request_id);
        error::page(&request, failure, &client.request_id).await
    };
    (request, shaped)
}

fn of_status(status: StatusCode) -> Failure {
    match status {
        StatusCode::NOT_FOUND => Failure::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Failure::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => Failure::TooLarge { limit: 256 * 1024 },
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Failure::UnsupportedMedia,
        _ => Failure::Unreadable("This request can't be read. Check its address and its content.".into()),
    }
}

fn decorate(request: &HttpRequest, response: &mut HttpResponse, app: &App, client: &Client) {
    let transport = app.urls.is_https.then_some(security::STRICT_TRANSPORT_SECURITY);
    for (name, value) in security::HEADERS.into_iter().chain(transport) {
        set_default(response, name, HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(&client.request_id) {
        set_default(response, "x-request-id", id);
    }
    let seed = request.extensions().get::<NewSeed>().map(|NewSeed(seed)| cookies::pre(&app.urls, seed));
    let shown = request.extensions().get::<NoticeShown>().map(|_| cookies::end_notice(&app.urls));
    for cookie in seed.into_iter().chain(shown) {
        add_cookie(response, &cookie);
    }
}

fn set_default(response: &mut HttpResponse, name: &'static str, value: HeaderValue) {
    let name = HeaderName::from_static(name);
    if !response.headers().contains_key(&name) {
        response.headers_mut().insert(name, value);
    }
}

fn add_cookie(response: &mut HttpResponse, cookie: &Cookie<'_>) {
    if let Err(problem) = response.add_cookie(cookie) {
        tracing::error!(error = &problem as &dyn std::error::Error, "A cookie could not be set");
    }
}

/// One line a request: never a query, a body, a cookie or an address.
fn log(request: &HttpRequest, response: &HttpResponse, client: &Client, took: std::time::Duration) {
    let (method, status) = (request.method(), response.status().as_u16());
    let route = request.app_data::<Pattern>().map_or("(no route)", |Pattern(path)| path);
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let is_quiet = *method == Method::GET
        && (route.ends_with("/healthz") || route.ends_with("/readyz") || route.contains("/static/"));
    if is_quiet {
        tracing::debug!(request.id = client.request_id, %method, route, status, micros, "Answered {method} {route} with {status}");
    } else {
        tracing::info!(request.id = client.request_id, %method, route, status, micros, "Answered {method} {route} with {status}");
    }
}
