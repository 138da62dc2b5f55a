//! What a handler asks for in its signature: who calls, and what they sent. The check happens here, before the handler.

use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use actix_web::FromRequest;
use actix_web::HttpMessage;
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::web::Data;
use futures_util::StreamExt as _;
use serde::Deserialize;

use crate::app::App;
use crate::app::Error;
use crate::app::sessions::SignedIn;
use crate::app::sessions::Visitor;
use crate::model::actor::Ctx;
use crate::model::page::Window;
use crate::model::role::Permission;
use crate::model::role::permissions_of;
use crate::web::client::Client;
use crate::web::cookies;
use crate::web::csrf;
use crate::web::error::ApiError;
use crate::web::error::Failure;
use crate::web::error::PageError;
use crate::web::form::FormData;
use crate::web::routes::Pattern;

type Extracting<T, E> = Pin<Box<dyn Future<Output = Result<T, E>>>>;

/// Forms of the console, with a pasted metadata document or an uploaded one.
const FORM_LIMIT: usize = 2 * 1024 * 1024;
/// Forms of everybody.
const STRANGER_LIMIT: usize = 64 * 1024;
/// How long a body may take.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

fn app(request: &HttpRequest) -> Result<Data<App>, Failure> {
    let missing = || Failure::from(Error::internal(std::io::Error::other("the handler has no App")));
    request.app_data::<Data<App>>().cloned().ok_or_else(missing)
}

pub fn visitor(request: &HttpRequest) -> Result<Visitor, Failure> {
    let missing = || Failure::from(Error::internal(std::io::Error::other("the middleware did not run")));
    Client::of(request).map(|client| client.visitor(request)).ok_or_else(missing)
}

#[derive(Clone)]
struct Identified(Option<SignedIn>);

/// Who is signed in in this browser; looked up once a request.
pub async fn identify(request: &HttpRequest) -> Result<Option<SignedIn>, Failure> {
    if let Some(Identified(known)) = request.extensions().get::<Identified>() {
        return Ok(known.clone());
    }
    let (app, now) = (app(request)?, visitor(request)?.now);
    let found = match cookies::read_session(request, &app.urls) {
        Some(token) => app.find_signed_in(&token, now).await?,
        None => None,
    };
    if let Some(signed_in) = &found {
        app.touch_session(signed_in, now);
    }
    request.extensions_mut().insert(Identified(found.clone()));
    Ok(found)
}

/// Anybody: the circumstances of the request.
pub struct Anyone(pub Visitor);

impl FromRequest for Anyone {
    type Error = PageError;
    type Future = std::future::Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(visitor(request).map(Self).map_err(PageError))
    }
}

/// A signed-in member, on their own pages.
pub struct Member {
    pub signed_in: SignedIn,
    pub visitor: Visitor,
    pub ctx: Ctx,
}

async fn member(request: &HttpRequest) -> Result<Member, Failure> {
    let visitor = visitor(request)?;
    let signed_in = identify(request).await?.ok_or(Error::SignedOut)?;
    Ok(Member { ctx: signed_in.ctx(&visitor), signed_in, visitor })
}

impl FromRequest for Member {
    type Error = PageError;
    type Future = Extracting<Self, PageError>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { member(&request).await.map_err(PageError) })
    }
}

/// A member with a console permission, signed in recently enough for the console.
pub struct Admin {
    pub signed_in: SignedIn,
    pub visitor: Visitor,
    pub ctx: Ctx,
}

async fn admin(request: &HttpRequest) -> Result<Admin, Failure> {
    let Member { signed_in, visitor, ctx } = member(request).await?;
    if permissions_of(&signed_in.member.roles).is_empty() {
        return Err(Error::Forbidden(Permission::MembersRead).into());
    }
    if !signed_in.session.is_fresh_for_console(visitor.now) {
        return Err(Error::SignedOut.into());
    }
    app(request)?.touch_console(&signed_in, visitor.now);
    Ok(Admin { signed_in, visitor, ctx })
}

impl FromRequest for Admin {
    type Error = PageError;
    type Future = Extracting<Self, PageError>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { admin(&request).await.map_err(PageError) })
    }
}

/// Reads a body, but not more than `limit`.
pub async fn body(payload: &mut Payload, limit: usize) -> Result<Vec<u8>, Failure> {
    body_within(payload, limit, |_| Ok(())).await
}

/// The same, where each part is taken only if there is room for so many bytes in all.
pub async fn body_within(
    payload: &mut Payload,
    limit: usize,
    has_room: impl Fn(usize) -> Result<(), Failure>,
) -> Result<Vec<u8>, Failure> {
    let read = actix_web::rt::time::timeout(BODY_PATIENCE, read(payload, limit, has_room));
    let slow = |_| Failure::Unreadable("The request took longer than 30 seconds to arrive. Send it again.".into());
    read.await.map_err(slow)?
}

/// Takes what is left of a body and drops it, so that whoever still sends it comes to read the answer.
pub async fn discard(payload: &mut Payload, limit: usize) {
    let rest = async {
        let mut taken = 0;
        while let Some(Ok(chunk)) = payload.next().await {
            taken += chunk.len();
            if taken > limit {
                break;
            }
        }
    };
    // Whoever takes longer is not heard out.
    actix_web::rt::time::timeout(BODY_PATIENCE, rest).await.unwrap_or_default();
}

async fn read(
    payload: &mut Payload,
    limit: usize,
    has_room: impl Fn(usize) -> Result<(), Failure>,
) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| match error {
            actix_web::error::PayloadError::Overflow => Failure::TooLarge { limit },
            _ => Failure::Unreadable("The request ended before all of it had arrived. Send it again.".into()),
        })?;
        if bytes.len() + chunk.len() > limit {
            return Err(Failure::TooLarge { limit });
        }
        has_room(bytes.len() + chunk.len())?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A form of ours: from our own page, with a token that this browser got.
async fn form(request: &HttpRequest, payload: &mut Payload, limit: usize) -> Result<FormData, Failure> {
    let app = app(request)?;
    let now = visitor(request)?.now;
    if csrf::is_foreign(request, &app.urls) {
        return Err(Failure::Foreign);
    }
    let form = FormData::read(request, body(payload, limit).await?).await?;
    if !csrf::is_token(&app, &csrf::seeds(request, &app), form.get("csrf"), now) {
        return Err(Failure::StaleForm);
    }
    Ok(form)
}

/// A form that anybody may send: sign-in, set-up, a one-time link.
pub struct Form {
    pub visitor: Visitor,
    pub data: FormData,
}

impl FromRequest for Form {
    type Error = PageError;
    type Future = Extracting<Self, PageError>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let data = form(&request, &mut payload, STRANGER_LIMIT).await.map_err(PageError)?;
            Ok(Self { visitor: visitor(&request).map_err(PageError)?, data })
        })
    }
}

/// The form of somebody known. Of anybody else no more is read than of a stranger, and given back with the answer.
async fn form_of<T>(
    who: Result<T, Failure>,
    request: &HttpRequest,
    payload: &mut Payload,
) -> Result<(T, FormData), Failure> {
    match who {
        Ok(who) => Ok((who, form(request, payload, FORM_LIMIT).await?)),
        Err(failure) => match form(request, payload, STRANGER_LIMIT).await {
            Ok(data) => Err(failure.keeping(data)),
            Err(Failure::TooLarge { .. }) => Err(failure),
            Err(other) => Err(other),
        },
    }
}

/// A form of a signed-in member. If the session has ended meanwhile, what was typed comes back in the answer.
pub struct MemberForm {
    pub member: Member,
    pub data: FormData,
}

impl FromRequest for MemberForm {
    type Error = PageError;
    type Future = Extracting<Self, PageError>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let (member, data) = form_of(member(&request).await, &request, &mut payload).await.map_err(PageError)?;
            Ok(Self { member, data })
        })
    }
}

/// A form of the console.
pub struct AdminForm {
    pub admin: Admin,
    pub data: FormData,
}

impl FromRequest for AdminForm {
    type Error = PageError;
    type Future = Extracting<Self, PageError>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let (admin, data) = form_of(admin(&request).await, &request, &mut payload).await.map_err(PageError)?;
            Ok(Self { admin, data })
        })
    }
}

/// A caller of the management API: a key, or a session with the token of `GET /me` in `X-Doorward-CSRF`.
pub struct ApiCaller {
    pub ctx: Ctx,
    pub visitor: Visitor,
    /// Where the caller is a person in a browser.
    pub signed_in: Option<SignedIn>,
}

async fn api_caller(request: &HttpRequest) -> Result<ApiCaller, Failure> {
    let (app, visitor) = (app(request)?, visitor(request)?);
    if let Some(header) = request.headers().get("authorization") {
        let key = header.to_str().ok().and_then(|text| {
            let (scheme, key) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
        });
        let found = match key {
            Some(key) => app.find_api_caller(&key, &visitor).await?,
            None => None,
        };
        let ctx = found.ok_or(Failure::BadKey)?;
        return Ok(ApiCaller { ctx, visitor, signed_in: None });
    }
    let signed_in = identify(request).await?.ok_or(Error::SignedOut)?;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let sent = request.headers().get("x-doorward-csrf").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if csrf::is_foreign(request, &app.urls) {
            return Err(Failure::Foreign);
        }
        if !csrf::is_token(&app, &csrf::seeds(request, &app), sent, visitor.now) {
            return Err(Failure::MissingCsrf);
        }
    }
    // The API can do what the console does, so it asks for as recent a sign-in; who one is, anybody may ask.
    let is_me = request.app_data::<Pattern>().is_some_and(|Pattern(path)| *path == "/api/v1/me");
    if !is_me {
        if !signed_in.session.is_fresh_for_console(visitor.now) {
            return Err(Error::SignedOut.into());
        }
        app.touch_console(&signed_in, visitor.now);
    }
    Ok(ApiCaller { ctx: signed_in.ctx(&visitor), visitor, signed_in: Some(signed_in) })
}

impl FromRequest for ApiCaller {
    type Error = ApiError;
    type Future = Extracting<Self, ApiError>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { api_caller(&request).await.map_err(ApiError) })
    }
}

/// `?cursor=`: the page of a list that has no filter.
#[derive(Debug, Deserialize)]
pub struct Cursor {
    cursor: Option<String>,
}

impl Cursor {
    /// The page that comes after a row with such an id.
    pub fn window<T: FromStr>(&self) -> Result<Window, PageError> {
        window::<T>(self.cursor.as_deref().unwrap_or_default())
    }
}

/// The page of a list. What is no cursor leads to the start of the list, which says so.
pub fn window<T: FromStr>(cursor: &str) -> Result<Window, PageError> {
    if !cursor.is_empty() && cursor.parse::<T>().is_err() {
        return Err(Failure::UnknownCursor.into());
    }
    Ok(Window::parse(None, Some(cursor)).map_err(Error::from)?)
}
