//! What a page shows when it cannot be what was asked for.

use actix_web::http::StatusCode;
use askama::Template;

use crate::web::html::Page;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::view::Action;

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

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<ErrorPage>(all, "error");
}
