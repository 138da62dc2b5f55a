//! Answers of the SCIM server: status, entity tag, media type, and errors as RFC 7644 3.12 has them.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::StatusCode;

use crate::app::Error;
use crate::app::scim::BAD_TOKEN;
use crate::app::scim::Edited;
use crate::app::scim::Shown;
use crate::scim::MEDIA_TYPE;
use crate::scim::error;
use crate::scim::resource::version;
use crate::web::client::Client;
use crate::web::error::Failure;
use crate::web::extract::visitor;

pub struct Answered {
    status: StatusCode,
    body: Option<String>,
    location: Option<String>,
    version: Option<i64>,
}

impl Answered {
    pub fn plain(body: String) -> Self {
        Self { status: StatusCode::OK, body: Some(body), location: None, version: None }
    }

    pub fn shown(shown: Shown) -> Self {
        let Shown { text, location, version } = shown;
        Self { status: StatusCode::OK, body: Some(text), location: Some(location), version: Some(version) }
    }

    pub fn created(shown: Shown) -> Self {
        Self { status: StatusCode::CREATED, ..Self::shown(shown) }
    }

    pub fn nothing(version: Option<i64>) -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, location: None, version }
    }

    pub fn edited(edited: Edited) -> Self {
        match edited.shown {
            Some(shown) => Self::shown(shown),
            None => Self::nothing(Some(edited.version)),
        }
    }

    /// What the caller has already is not sent again (RFC 7644 3.14).
    pub fn read(shown: Shown, request: &HttpRequest) -> Self {
        let known = super::versions(request, "if-none-match").is_some_and(|known| known.contains(shown.version));
        if known {
            let (status, version) = (StatusCode::NOT_MODIFIED, Some(shown.version));
            return Self { status, body: None, location: None, version };
        }
        Self::shown(shown)
    }

    pub fn respond(self, request: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.insert_header(("cache-control", "no-store"));
        if let Some(number) = self.version {
            response.insert_header(("etag", version(number)));
        }
        if let Some(location) = self.location {
            let name = if self.status == StatusCode::CREATED { "location" } else { "content-location" };
            response.insert_header((name, location));
        }
        match self.body {
            Some(body) => response.insert_header(("content-type", media_type(request))).body(body),
            None => response.finish(),
        }
    }
}

/// OneLogin documents application/json and asks for it.
fn media_type(request: &HttpRequest) -> &'static str {
    let accept = request.headers().get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asks_json = accept.contains("application/json") && !accept.contains("scim+json");
    if asks_json { "application/json" } else { MEDIA_TYPE }
}

/// A failure in the words of RFC 7644 3.12.
pub fn failure(request: &HttpRequest, failure: &Failure) -> HttpResponse {
    let (mut status, scim_type) = match failure {
        Failure::App(Error::Changed) => (StatusCode::PRECONDITION_FAILED, None),
        Failure::App(Error::Scim(error)) => (failure.status(), error.scim_type()),
        _ => (failure.status(), None),
    };
    if let Failure::App(Error::Invalid(_)) = failure {
        status = StatusCode::BAD_REQUEST;
    }
    if let Ok(visitor) = visitor(request) {
        failure.log(&visitor.request_id);
    }
    let mut response = HttpResponse::build(status);
    response.insert_header(("content-type", media_type(request))).insert_header(("cache-control", "no-store"));
    if status == StatusCode::UNAUTHORIZED {
        response.insert_header(("www-authenticate", "Bearer realm=\"doorward scim\""));
    }
    if let Failure::Allows(methods) = failure {
        response.insert_header(("allow", *methods));
    }
    if let Some(seconds) = failure.retry_after() {
        response.insert_header(("retry-after", seconds));
    }
    let body = error::body(status.as_u16(), scim_type, &detail(request, failure));
    if *request.method() == Method::HEAD { response.finish() } else { response.body(body) }
}

/// What happened and what to do next, in the answer and in the log.
pub fn detail(request: &HttpRequest, failure: &Failure) -> String {
    match failure {
        Failure::NotFound => "There is no such endpoint. The base URL ends before /Users; see /ServiceProviderConfig.".to_owned(),
        Failure::App(Error::SignedOut) => BAD_TOKEN.to_owned(),
        Failure::App(Error::TooMany { .. }) => {
            "Many people would lose access within an hour, so nothing was changed. An admin has to let it pass in Doorward; send it again later."
                .to_owned()
        }
        Failure::App(Error::Internal(_)) => {
            let id = Client::of(request).map(|client| client.request_id.clone()).unwrap_or_default();
            format!("{} The request id is {id}.", failure.sentence())
        }
        Failure::BadScimToken if !request.headers().contains_key("authorization") => {
            "No bearer token was sent. Send the header Authorization: Bearer, and the token of this directory.".to_owned()
        }
        _ => failure.sentence(),
    }
}
