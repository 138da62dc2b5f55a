//! The next token of a directory: made, shown once, those before it going on for a day.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::directories::DirectoryView;
use crate::model::invalid::Invalid;
use crate::model::time::Timestamp;
use crate::model::time::days;
use crate::web::admin::directories::handle::load_to_change;
use crate::web::admin::directories::present::Head;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::day;

/// `GET, POST …/tokens/new`
#[derive(Template)]
#[template(path = "admin/directories/token_new.html")]
pub struct NewTokenPage {
    pub shell: Shell,
    /// Errors at `expires_at`, `form`.
    pub errors: Invalid,
    pub head: Head,
    pub expires_at: String,
    /// Tokens that would end in a day.
    pub others: usize,
}

/// The answer of the POST: the only time the token is shown.
#[derive(Template)]
#[template(path = "admin/directories/token_made.html")]
pub struct MadeTokenPage {
    pub shell: Shell,
    pub head: Head,
    /// What the identity provider calls it.
    pub theirs: String,
    pub token: String,
    pub ends: Option<Timestamp>,
    pub others: usize,
}

impl Page for NewTokenPage {
    fn samples() -> Vec<Self> {
        let page = |errors, expires_at: &str, others| Self {
            shell: Shell::sample(Place::Security),
            errors,
            head: Head::sample(),
            expires_at: expires_at.to_owned(),
            others,
        };
        let past = "Choose a time in the future, or leave it out.";
        let full = "A directory has 5 tokens at most. Delete one that nobody uses.";
        vec![
            page(Invalid::new(), "", 1),
            page(Invalid::field("expires_at", "past", past), "2026-01-01", 0),
            page(Invalid::field("form", "too_many_tokens", full), "", 5),
        ]
    }
}

impl Page for MadeTokenPage {
    fn samples() -> Vec<Self> {
        let page = |ends, others| Self {
            shell: Shell::sample(Place::Security),
            head: Head::sample(),
            theirs: "OAuth Bearer Token".to_owned(),
            token: "dwscim_7f3Qm2Vx9KcTn8LhYpR4sWb6ZdJq1Ek4Tz".to_owned(),
            ends,
            others,
        };
        vec![page(None, 0), page(Some(Timestamp::from_secs(1_795_338_002)), 1)]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<NewTokenPage>(all, "admin/directories/token_new");
    add::<MadeTokenPage>(all, "admin/directories/token_made");
}

async fn page(request: &HttpRequest, view: &DirectoryView, errors: Invalid, typed: &str) -> NewTokenPage {
    NewTokenPage {
        shell: shell(request, Place::Security).await,
        errors,
        head: Head::of(view),
        expires_at: crate::web::view::date(typed.to_owned()),
        others: view.tokens.len(),
    }
}

/// `GET …/tokens/new`
pub async fn new(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<NewTokenPage>, PageError> {
    let view = load_to_change(&app, &admin.ctx, &id).await?;
    Ok(Html(page(&request, &view, Invalid::new(), "").await))
}

/// The day itself counts; none where nothing was typed.
fn end(typed: &str) -> Result<Option<Timestamp>, Invalid> {
    let no_date = || Invalid::field("expires_at", "no_date", "Write the day as 2026-11-20, or leave it empty.");
    match typed.trim() {
        "" => Ok(None),
        text => day(text).map(|day| Some(day + days(1))).ok_or_else(no_date),
    }
}

/// `POST …/tokens/new`
pub async fn make(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, typed) = (&form.admin.ctx, form.data.get("expires_at"));
    let view = load_to_change(&app, ctx, &id).await?;
    let made = match end(typed) {
        Ok(ends) => app.create_directory_token(ctx, view.directory.id.clone(), ends).await,
        Err(errors) => Err(errors.into()),
    };
    let (errors, status) = match made {
        Ok((token, secret)) => {
            let head = Head::of(&view);
            let page = MadeTokenPage {
                shell: shell(&request, Place::Security).await,
                theirs: head.connector.their_label("scim_token").to_owned(),
                token: secret,
                ends: token.expires_at,
                others: view.tokens.len(),
                head,
            };
            return Ok(Html(page).status(StatusCode::OK));
        }
        Err(Error::Invalid(errors)) => (errors, StatusCode::UNPROCESSABLE_ENTITY),
        Err(Error::Conflict { code, text }) => (Invalid::field("form", code, text), StatusCode::CONFLICT),
        Err(error) => return Err(error.into()),
    };
    Ok(Html(page(&request, &view, errors, typed).await).status(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_of_a_token_counts() {
        assert_eq!(end("2026-11-20"), Ok(day("2026-11-21")));
        assert_eq!(end(" "), Ok(None));
        assert!(end("2026-13-01").is_err() && end("soon").is_err());
    }
}
