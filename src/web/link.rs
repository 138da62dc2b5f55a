//! One-time links: setting a password.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::model::invalid::Invalid;
use crate::model::member::Member;
use crate::web::answer::see_other;
use crate::web::cookies;
use crate::web::error::PageError;
use crate::web::extract::Anyone;
use crate::web::extract::Form;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::sign_in::end_previous;

/// `GET, POST /link/{token}`
#[derive(Template)]
#[template(path = "link/set_password.html")]
pub struct SetPasswordPage {
    pub shell: Shell,
    /// Errors at `password`.
    pub errors: Invalid,
    pub token: String,
    /// Whose password.
    pub email: String,
    pub name: String,
}

impl Page for SetPasswordPage {
    fn samples() -> Vec<Self> {
        let page = |errors| Self {
            shell: Shell::sample_outside(),
            errors,
            token: "dwlink_7f3Qm2Vx9KcTn8LhYpR4sWb6ZdJq1Ek4Tz".to_owned(),
            email: "grace@acme.example".to_owned(),
            name: "Grace Example".to_owned(),
        };
        let short = "This has 9 characters. Use 15 or more; four or five unrelated words work well.";
        vec![page(Invalid::new()), page(Invalid::field("password", "password_short", short))]
    }
}

/// A link that was used, has ended, or never was; the three look alike.
#[derive(Template)]
#[template(path = "link/ended.html")]
pub struct LinkEndedPage {
    pub shell: Shell,
}

impl Page for LinkEndedPage {
    fn samples() -> Vec<Self> {
        vec![Self { shell: Shell::sample_outside() }]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<SetPasswordPage>(all, "link/set_password");
    add::<LinkEndedPage>(all, "link/ended");
}

/// `GET /link/{token}`: shows whom it is for; nothing is used up by looking.
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    anyone: Anyone,
    token: Path<String>,
) -> Result<HttpResponse, PageError> {
    let shell = shell(&request, Place::Elsewhere).await;
    match app.find_link(&token, anyone.0.now).await {
        Ok((_, member)) => Ok(Html(page(shell, Invalid::new(), &token, &member)).status(StatusCode::OK)),
        Err(Error::NotFound(_)) => Ok(Html(LinkEndedPage { shell }).status(StatusCode::NOT_FOUND)),
        Err(error) => Err(error.into()),
    }
}

/// `POST /link/{token}`: sets the password and signs in.
pub async fn set_password(
    request: HttpRequest,
    app: Data<App>,
    token: Path<String>,
    form: Form,
) -> Result<HttpResponse, PageError> {
    let shell = shell(&request, Place::Elsewhere).await;
    let (_, member) = match app.find_link(&token, form.visitor.now).await {
        Ok(found) => found,
        Err(Error::NotFound(_)) => return Ok(Html(LinkEndedPage { shell }).status(StatusCode::NOT_FOUND)),
        Err(error) => return Err(error.into()),
    };
    match app.set_password_by_link(&form.visitor, &token, form.data.get("password").to_owned()).await {
        Ok(session) => {
            end_previous(&request, &app, &form.visitor).await?;
            let answer = see_other("/")
                .notice("Your password is set. You're signed in.")
                .cookie(cookies::session(&app.urls, &session.token))
                .cookie(cookies::device(&app, &session.member));
            Ok(answer.respond_to(&request))
        }
        Err(Error::Invalid(errors)) => {
            Ok(Html(page(shell, errors, &token, &member)).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(error) => Err(error.into()),
    }
}

fn page(shell: Shell, errors: Invalid, token: &str, member: &Member) -> SetPasswordPage {
    SetPasswordPage {
        shell,
        errors,
        token: token.to_owned(),
        email: member.email.as_str().to_owned(),
        name: member.profile.name.clone().unwrap_or_default(),
    }
}
