//! What a page shows when it cannot be what was asked for.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::ResponseError;
use actix_web::http::Method;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use actix_web::http::header::HeaderValue;
use askama::Template;

use crate::app::Error;
use crate::model::invalid::FieldError;
use crate::model::refusal::Details;
use crate::model::refusal::Refusal;
use crate::scim::ErrorKind;
use crate::web::answer::see_other;
use crate::web::form::FormData;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::sign_in::SessionEndedPage;
use crate::web::view::Action;
use crate::web::view::Kept;

/// A refused or failed request, for a person.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    pub shell: Shell,
    pub status: StatusCode,
    pub title: String,
    /// What happened and what to do next.
    pub sentence: String,
    /// Stable word of docs/errors.md.
    pub code: String,
    pub request_id: String,
    pub next: Action,
}

impl ErrorPage {
    /// The page of `status` in its own words; `sentence` and `code` say more where the caller knows more.
    pub fn new(shell: Shell, status: StatusCode, request_id: &str) -> Self {
        let home = match &shell.me {
            Some(me) if me.sees_console() => Action::new("Open the console", me.home()),
            Some(_) => Action::new("Open my account", "/account"),
            None => Action::new("Go to the sign-in page", "/sign-in"),
        };
        let (title, sentence, code) = words(status);
        Self {
            shell,
            status,
            title: title.to_owned(),
            sentence: sentence.to_owned(),
            code: code.to_owned(),
            request_id: request_id.to_owned(),
            next: home,
        }
    }

    /// Whether the person did nothing wrong.
    fn is_ours(&self) -> bool {
        self.status.is_server_error()
    }
}

fn words(status: StatusCode) -> (&'static str, &'static str, &'static str) {
    match status.as_u16() {
        400 => ("This request can't be read", "Go back, open the page again, and repeat what you did.", "bad_request"),
        403 => ("This isn't yours to open", "Your role doesn't include it. Ask an admin if you need it.", "forbidden"),
        404 => ("There is nothing here", "The address is wrong, or what it showed was deleted.", "not_found"),
        405 => ("That can't be done here", "Open the page from its menu instead of its address.", "method_not_allowed"),
        409 => (
            "Someone else changed this first",
            "Open it again and look at their change before you make yours.",
            "conflict",
        ),
        413 => (
            "That's too large",
            "Files and pasted text may have up to 1 MiB. Go back and choose a smaller one.",
            "too_large",
        ),
        422 => ("Something in the form doesn't fit", "Go back, look at the fields, and send it again.", "invalid"),
        429 => ("Too many tries", "Wait a minute, then try again.", "too_many"),
        503 => (
            "Not available for a moment",
            "The server is starting, stopping or busy. Try again in a minute.",
            "unavailable",
        ),
        _ => (
            "That went wrong on our side",
            "It has been logged. Try again; if it stays, give your operator the request id below.",
            "internal",
        ),
    }
}

impl Page for ErrorPage {
    fn samples() -> Vec<Self> {
        let page = |status| ErrorPage::new(Shell::sample_outside(), status, "01k2v9q8xw3f6t0m4n7p5r1sza");
        let mut all: Vec<Self> = [400, 403, 404, 405, 409, 413, 422, 429, 500, 503]
            .into_iter()
            .filter_map(|status| StatusCode::from_u16(status).ok())
            .map(page)
            .collect();
        let signed_in = Shell::sample(crate::web::html::Place::Elsewhere);
        all.push(ErrorPage::new(signed_in, StatusCode::FORBIDDEN, "01k2v9q8xw3f6t0m4n7p5r1sza"));
        let nowhere = Shell { organization: String::new(), host: String::new(), ..Shell::sample_outside() };
        all.push(ErrorPage::new(nowhere, StatusCode::SERVICE_UNAVAILABLE, "01k2v9q8xw3f6t0m4n7p5r1sza"));
        all
    }
}

/// One place of what was sent that cannot stand as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON Pointer (RFC 6901); `/name` also for a parameter of the query.
    pub pointer: String,
    pub code: &'static str,
    pub detail: String,
    /// What could stand there instead, where that is known.
    pub choices: Vec<String>,
}

impl Fault {
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, detail: detail.into(), choices: Vec::new() }
    }
}

impl From<&FieldError> for Fault {
    fn from(error: &FieldError) -> Self {
        // The name of an attribute is a field of `attributes`, in a body as in the object.
        let parent = if matches!(error.code, "attribute_name" | "user_id_fixed") { "/attributes" } else { "" };
        let pointer = match error.row {
            Some(row) => format!("/{row}/{}", error.field),
            None => format!("{parent}/{}", error.field),
        };
        Self { pointer, code: error.code, detail: error.text.clone(), choices: error.choices.clone() }
    }
}

/// Why a request was not served, before any surface gives it a shape.
#[derive(Debug)]
pub enum Failure {
    App(Error),
    /// The browser says that another site sent the form.
    Foreign,
    /// The form's token is missing or too old.
    StaleForm,
    /// A call with a session cookie lacks `X-Doorward-CSRF`.
    MissingCsrf,
    BadKey,
    BadScimToken,
    TooLarge {
        limit: usize,
    },
    Unreadable(String),
    /// What was sent to the API does not fit, place by place.
    Faults(Vec<Fault>),
    /// The session ended while somebody was typing: the answer carries what was typed.
    SessionEnded {
        data: FormData,
    },
    /// The Host names another server.
    WrongHost,
    NotFound,
    MethodNotAllowed,
    /// The same, with what is allowed.
    Allows(&'static str),
    NotImplemented,
    UnsupportedMedia,
    UnsupportedScimMedia,
    /// The page of a list that an address names is none.
    UnknownCursor,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::App(error)
    }
}

impl Failure {
    /// Keeps what was typed, if all that is wrong is that the session ended.
    pub fn keeping(self, data: FormData) -> Self {
        match self {
            Self::App(Error::SignedOut) => Self::SessionEnded { data },
            other => other,
        }
    }

    /// The only place where a failure gets its status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::App(error) => match error {
                Error::NotFound(_) => StatusCode::NOT_FOUND,
                Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
                Error::Scim(error) => scim_status(error.kind),
                Error::Conflict { .. } | Error::Changed => StatusCode::CONFLICT,
                Error::Forbidden(_) | Error::Refused { .. } => StatusCode::FORBIDDEN,
                Error::SignedOut => StatusCode::UNAUTHORIZED,
                Error::TooMany { .. } | Error::Crowded { .. } => StatusCode::TOO_MANY_REQUESTS,
                Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
                Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Foreign | Self::StaleForm | Self::MissingCsrf => StatusCode::FORBIDDEN,
            Self::BadKey | Self::BadScimToken | Self::SessionEnded { .. } => StatusCode::UNAUTHORIZED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::Faults(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed | Self::Allows(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::UnsupportedMedia | Self::UnsupportedScimMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UnknownCursor => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// Stable word of docs/errors.md.
    pub fn code(&self) -> &'static str {
        match self {
            Self::App(error) => error.code(),
            Self::Foreign => "foreign_form",
            Self::StaleForm => "stale_form",
            Self::MissingCsrf => "csrf_missing",
            Self::BadKey => "bad_api_key",
            Self::BadScimToken => "scim_token",
            Self::TooLarge { .. } => "too_large",
            Self::Unreadable(_) => "bad_request",
            Self::Faults(_) => "invalid",
            Self::SessionEnded { .. } => "session_ended",
            Self::WrongHost => "wrong_host",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed | Self::Allows(_) => "method_not_allowed",
            Self::NotImplemented => "not_implemented",
            Self::UnsupportedMedia | Self::UnsupportedScimMedia => "unsupported_media_type",
            Self::UnknownCursor => "invalid",
        }
    }

    /// What happened and what to do next.
    pub fn sentence(&self) -> String {
        match self {
            Self::App(error) => error.public(),
            Self::Foreign => {
                "This form came from another site, so nothing was done. Open the page here and send it again.".into()
            }
            Self::StaleForm => {
                "This page was open for too long, or cookies are blocked. Open it again and repeat what you did.".into()
            }
            Self::MissingCsrf => {
                "Calls with a session cookie need the header X-Doorward-CSRF with `csrf` of GET /api/v1/me.".into()
            }
            Self::BadKey => "This API key is unknown, was deleted or has ended. Make a new one.".into(),
            Self::BadScimToken => crate::app::scim::BAD_TOKEN.into(),
            Self::TooLarge { limit } => {
                format!("This is larger than {} KiB, the most that is taken here. Send less.", limit / 1024)
            }
            Self::Unreadable(text) => text.clone(),
            Self::Faults(faults) => match faults.as_slice() {
                [fault] => fault.detail.clone(),
                _ => "Some fields need another look. The errors name them.".into(),
            },
            Self::SessionEnded { .. } => {
                "Your session ended, so nothing was saved. Sign in again, then send it again.".into()
            }
            Self::WrongHost => {
                "This server does not serve the host you asked for. Use the address your admin gave you.".into()
            }
            Self::NotFound => "There is nothing at this address. Check it, or go back.".into(),
            Self::MethodNotAllowed => "This address does not take that method.".into(),
            Self::Allows(methods) => format!("This address takes {methods}."),
            Self::NotImplemented => "This server does not have /Me and /Bulk; /ServiceProviderConfig says so.".into(),
            Self::UnsupportedScimMedia => "Send JSON, with Content-Type: application/scim+json.".into(),
            Self::UnsupportedMedia => "Send JSON, with Content-Type: application/json.".into(),
            Self::UnknownCursor => {
                "The address named a page of this list that is none, so it was left out. This is the start.".into()
            }
        }
    }

    /// The same for a program: what was changed meanwhile is a condition of the request that does not hold (RFC 9110
    /// 13.1.1).
    fn api_status(&self) -> StatusCode {
        match self {
            Self::App(Error::Changed) => StatusCode::PRECONDITION_FAILED,
            _ => self.status(),
        }
    }

    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::App(
                Error::TooMany { retry_after }
                | Error::Unavailable { retry_after }
                | Error::Crowded { retry_after, .. },
            ) => Some(*retry_after),
            _ => None,
        }
    }

    /// Logged once, with its cause, where somebody on our side has to look.
    pub fn log(&self, request_id: &str) {
        if let Self::App(Error::Internal(cause)) = self {
            tracing::error!(
                request.id = request_id,
                error = cause.as_ref() as &dyn std::error::Error,
                "A request failed inside"
            );
        }
    }
}

/// RFC 7644 3.12, table 8.
fn scim_status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Uniqueness => StatusCode::CONFLICT,
        ErrorKind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// A failure of a page: HTML.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.sentence())]
pub struct PageError(pub Failure);

/// A failure of the management API: RFC 9457 problem+json.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.sentence())]
pub struct ApiError(pub Failure);

// The answers themselves are made by the middleware, which knows the request.
impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        self.0.status()
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.0.api_status()
    }
}

impl<T: Into<Failure>> From<T> for PageError {
    fn from(failure: T) -> Self {
        Self(failure.into())
    }
}

impl<T: Into<Failure>> From<T> for ApiError {
    fn from(failure: T) -> Self {
        Self(failure.into())
    }
}

/// The page of a failure. Nobody signed in: a page that is only read leads to the sign-in, and back.
pub async fn page(request: &HttpRequest, failure: &Failure, request_id: &str) -> HttpResponse {
    let shell = shell(request, Place::Elsewhere).await;
    let status = failure.status();
    if let Failure::App(Error::SignedOut) = failure
        && matches!(*request.method(), Method::GET | Method::HEAD)
    {
        let back: String = url::form_urlencoded::byte_serialize(own_path(request, &shell.prefix).as_bytes()).collect();
        let to = format!("{}/sign-in?return_to={back}", shell.prefix);
        return HttpResponse::SeeOther().insert_header(("location", to)).finish();
    }
    if let Failure::UnknownCursor = failure {
        let to = from_start(&own_path(request, &shell.prefix));
        return see_other(to).notice(failure.sentence()).respond_to(request);
    }
    let mut response = match failure {
        Failure::SessionEnded { data } => Html(session_ended(request, shell, data)).status(status),
        _ => {
            let mut page = ErrorPage::new(shell, status, request_id);
            page.sentence = failure.sentence();
            page.code = failure.code().to_owned();
            Html(page).status(status)
        }
    };
    retry_after(&mut response, failure);
    response
}

/// The same address without its cursor.
fn from_start(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let rest = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "cursor");
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The path that was asked for, without the prefix of the base URL.
fn own_path(request: &HttpRequest, prefix: &str) -> String {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')).unwrap_or(path).to_owned()
}

fn session_ended(request: &HttpRequest, shell: Shell, data: &FormData) -> SessionEndedPage {
    let is_secret = |name: &str| name.contains("password") || name == "csrf";
    let fields = data.fields().iter().filter(|(name, _)| !is_secret(name));
    SessionEndedPage {
        path: own_path(request, &shell.prefix),
        fields: fields.map(|(name, value)| Kept { name: name.clone(), value: value.clone() }).collect(),
        lost: data.has_files()
            || data.fields().iter().any(|(name, value)| name.contains("password") && !value.is_empty()),
        shell,
    }
}

/// RFC 9457.
pub fn problem(failure: &Failure, base: &str, request_id: &str) -> HttpResponse {
    let (code, status) = (failure.code(), failure.api_status());
    let mut body = serde_json::json!({
        "type": format!("{base}/problems/{code}"),
        "title": title(failure),
        "status": status.as_u16(),
        "detail": failure.sentence(),
        "instance": format!("urn:request:{request_id}"),
    });
    let faults: Vec<Fault> = match failure {
        Failure::App(Error::Invalid(invalid)) => invalid.errors.iter().map(Fault::from).collect(),
        Failure::Faults(faults) => faults.clone(),
        _ => Vec::new(),
    };
    if !faults.is_empty() {
        body["errors"] = faults.iter().map(fault_object).collect();
    }
    let mut response = HttpResponse::build(status);
    response.insert_header(("content-type", "application/problem+json"));
    if matches!(failure, Failure::BadKey | Failure::App(Error::SignedOut)) {
        response.insert_header(("www-authenticate", "Bearer realm=\"doorward\""));
    }
    let mut response = response.body(body.to_string());
    retry_after(&mut response, failure);
    response
}

fn fault_object(fault: &Fault) -> serde_json::Value {
    let mut object = serde_json::json!({"pointer": fault.pointer, "code": fault.code, "detail": fault.detail});
    if !fault.choices.is_empty() {
        object["choices"] = serde_json::json!(fault.choices);
    }
    object
}

/// A short summary that does not change from occurrence to occurrence (RFC 9457 3.1.3).
fn title(failure: &Failure) -> String {
    let code = failure.code();
    if Refusal::is_known(code) {
        return Refusal::of(code).words(&Details::new()).what;
    }
    let mut title = code.replace('_', " ");
    if let Some(first) = title.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    title
}

fn retry_after(response: &mut HttpResponse, failure: &Failure) {
    if let Some(seconds) = failure.retry_after() {
        response.headers_mut().insert(HeaderName::from_static("retry-after"), HeaderValue::from(seconds));
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<ErrorPage>(all, "error");
}
