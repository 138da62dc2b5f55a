//! Answers that are no page: on to the next one, perhaps with a sentence for it.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder;
use actix_web::body::BoxBody;
use actix_web::cookie::Cookie;
use actix_web::http::header;
use actix_web::web::Data;

use crate::app::App;
use crate::web::cookies;
use crate::web::html::Notice;
use crate::web::view::Tone;

/// 303 to a path of ours (RFC 9110 15.4.4), the answer to every form that did what it should.
pub struct SeeOther {
    path: String,
    notice: Option<Notice>,
    cookies: Vec<Cookie<'static>>,
}

/// `path` begins with `/` and does not have the prefix of the base URL.
pub fn see_other(path: impl Into<String>) -> SeeOther {
    SeeOther { path: path.into(), notice: None, cookies: Vec::new() }
}

impl SeeOther {
    /// Shown once at the top of the page it leads to, so the path names no place further down.
    pub fn notice(mut self, text: impl Into<String>) -> Self {
        self.notice = Some(Notice { tone: Tone::Ok, text: text.into() });
        self
    }

    /// The same where it was done, and something about it is worth a second look.
    pub fn warning(mut self, text: impl Into<String>) -> Self {
        self.notice = Some(Notice { tone: Tone::Warn, text: text.into() });
        self
    }

    pub fn cookie(mut self, cookie: Cookie<'static>) -> Self {
        self.cookies.push(cookie);
        self
    }
}

impl Responder for SeeOther {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let app = request.app_data::<Data<App>>();
        let prefix = app.map(|app| app.urls.prefix.as_str()).unwrap_or_default();
        let mut response = HttpResponse::SeeOther();
        response.insert_header((header::LOCATION, format!("{prefix}{}", self.path)));
        for cookie in self.cookies {
            response.cookie(cookie);
        }
        if let Some((app, notice)) = app.zip(self.notice) {
            response.cookie(cookies::notice(app, &notice));
        }
        response.finish()
    }
}
