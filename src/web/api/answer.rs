//! What a call is answered with: an object with its tag, a list, or nothing.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder;
use actix_web::body::BoxBody;
use actix_web::http::Method;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::Data;
use serde::Serialize;

use crate::app::App;
use crate::crypto::token;
use crate::model::page::Page;

pub struct Answer {
    status: StatusCode,
    body: Option<String>,
    location: Option<String>,
    version: Option<i64>,
}

fn text(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("the objects of the API are made of text, numbers and lists")
}

/// 200 with an object.
pub fn ok(body: &impl Serialize) -> Answer {
    Answer { status: StatusCode::OK, body: Some(text(body)), location: None, version: None }
}

/// 201 with the whole object that was made, at `path` below the base URL.
pub fn created(path: String, body: &impl Serialize) -> Answer {
    Answer { status: StatusCode::CREATED, location: Some(path), ..ok(body) }
}

/// 204.
pub fn done() -> Answer {
    Answer { status: StatusCode::NO_CONTENT, body: None, location: None, version: None }
}

/// One page of a list.
pub fn list<T: Serialize>(page: Page<T>) -> Answer {
    #[derive(Serialize)]
    struct Listed<T> {
        data: Vec<T>,
        next_cursor: Option<String>,
    }
    ok(&Listed { data: page.rows, next_cursor: page.next })
}

impl Answer {
    /// The object counts its edits: the answer carries an `ETag`.
    pub fn version(mut self, version: i64) -> Self {
        self.version = Some(version);
        self
    }
}

/// `"v3-0a1b2c3d"`: the version, which `If-Match` is held to, and a digest of the bytes, for what changes without an edit.
fn etag(version: i64, body: &str) -> String {
    let digest = token::hex(&token::hash(body)[..4]);
    format!("\"v{version}-{digest}\"")
}

/// Whether the caller has these very bytes (RFC 9110 13.1.2; the comparison is weak).
fn is_known(request: &HttpRequest, etag: &str) -> bool {
    let sent = request.headers().get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    let mut tags = sent.flat_map(|value| value.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    matches!(*request.method(), Method::GET | Method::HEAD) && tags.any(|tag| tag == etag || tag == "*")
}

impl Responder for Answer {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let body = self.body.unwrap_or_default();
        let mut response = HttpResponse::build(self.status);
        if let Some(version) = self.version {
            let etag = etag(version, &body);
            response.insert_header((header::ETAG, etag.clone()));
            if is_known(request, &etag) {
                return response.status(StatusCode::NOT_MODIFIED).finish();
            }
        }
        if let Some((path, app)) = self.location.zip(request.app_data::<Data<App>>()) {
            response.insert_header((header::LOCATION, app.urls.join(&path)));
        }
        if self.status == StatusCode::NO_CONTENT {
            return response.finish();
        }
        response.content_type("application/json").body(body)
    }
}
