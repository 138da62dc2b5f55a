//! Single logout: where the identity provider's requests and answers arrive.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::header::HeaderName;
use actix_web::http::header::HeaderValue;
use actix_web::web::Data;
use actix_web::web::Path;
use actix_web::web::Payload;

use crate::app::App;
use crate::app::logout::Brought;
use crate::app::logout::HandledLogout;
use crate::web::answer::see_other;
use crate::web::cookies;
use crate::web::error::PageError;
use crate::web::extract::Anyone;
use crate::web::extract::body;
use crate::web::saml::MESSAGE_LIMIT;
use crate::web::saml::connection_id;
use crate::web::saml::problem;
use crate::web::saml::send;

/// More than any message has.
const MAX_FIELDS: usize = 50;

/// `GET /saml/{connection}/slo`
pub async fn by_redirect(
    request: HttpRequest,
    app: Data<App>,
    anyone: Anyone,
    connection: Path<String>,
) -> Result<HttpResponse, PageError> {
    let raw = request.query_string().to_owned();
    handle(&request, &app, &anyone, &connection, Brought::Query(&raw)).await
}

/// `POST /saml/{connection}/slo`
pub async fn by_post(
    request: HttpRequest,
    app: Data<App>,
    anyone: Anyone,
    connection: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, PageError> {
    let body = body(&mut payload.into_inner(), MESSAGE_LIMIT).await?;
    let fields: Vec<_> = url::form_urlencoded::parse(&body).into_owned().take(MAX_FIELDS).collect();
    handle(&request, &app, &anyone, &connection, Brought::Form(&fields)).await
}

async fn handle(
    request: &HttpRequest,
    app: &App,
    anyone: &Anyone,
    connection: &str,
    brought: Brought<'_>,
) -> Result<HttpResponse, PageError> {
    let id = connection_id(connection)?;
    let pending = cookies::read_logout(request, &app.urls).and_then(|sealed| app.open_logout(&sealed));
    let (mut response, refused) = match app.receive_logout(&anyone.0, &id, brought, pending).await? {
        HandledLogout::Answer { name, go, refused } => {
            let about = format!("You're signed out here. {name} goes on from where it was.");
            (send(request, go, &name, about).await, refused)
        }
        HandledLogout::Ended => (see_other("/sign-out").respond_to(request), None),
        HandledLogout::Returned { outcome, refused } => {
            let mut answer = see_other("/sign-out");
            if let Some(outcome) = outcome {
                answer = answer.cookie(cookies::logout(&app.urls, &outcome));
            }
            (answer.respond_to(request), refused)
        }
        HandledLogout::Refused(refused) => return Ok(problem(request, app, &refused, true).await),
    };
    if let Some(Ok(code)) = refused.as_deref().map(HeaderValue::from_str) {
        response.headers_mut().insert(HeaderName::from_static("x-doorward-reason"), code);
    }
    Ok(response)
}
