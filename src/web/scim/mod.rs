//! The SCIM 2.0 server (RFC 7644) over HTTP. One handler for all of it: identity providers write paths in any case and with a
//! slash at the end, and whoever shows no token learns nothing, not even what there is (401 before any 404).

mod answer;
mod target;

use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Payload;

use crate::app::App;
use crate::app::Error;
use crate::app::scim::Body;
use crate::app::scim::NewRequest;
use crate::app::scim::Note;
use crate::app::scim::ScimCaller;
use crate::scim::Kind;
use crate::scim::list::ListRequest;
use crate::scim::resource::Versions;
use crate::scim::user::MAX_BODY;
use crate::web::error::Failure;
use crate::web::extract::body_within;
use crate::web::extract::discard;
use crate::web::extract::visitor;
use crate::web::routes::Needs;
use crate::web::routes::Routes;

use answer::Answered;
pub use answer::failure;
use target::Endpoint;
use target::Target;

/// A group of 100,000 members comes as one body of some 10 MB.
const GROUP_BODY: usize = 16 * 1024 * 1024;
/// Of larger bodies the log keeps nothing.
const LOGGED_BODY: usize = 32 * 1024;

pub const BELOW: &str = "/scim/v2";
pub const PATTERN: &str = "/scim/v2{tail:(/.*)?}";

pub fn routes(r: &mut Routes) {
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    r.tree(PATTERN, &methods, Needs::ScimToken);
}

pub async fn serve(app: Data<App>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let started = Instant::now();
    let target = Target::parse(request.match_info().unprocessed());
    let mut caller = match identify(&app, &request, &target).await {
        Ok(caller) => caller,
        Err(refused) => return failure(&request, &refused),
    };
    let mut note = Note::default();
    let conversation = match app.enter_scim(&mut caller) {
        Ok(()) => converse(&app, &request, &target, &caller, payload, &mut note).await,
        Err(crowded) => Err((crowded.into(), Body::default())),
    };
    let (response, sent) = match conversation {
        Ok((answered, sent)) => (answered.respond(&request), sent),
        Err((refused, sent)) => {
            note.words = vec![answer::detail(&request, &refused)];
            (failure(&request, &refused), sent)
        }
    };
    app.log_scim(line(&request, &target, &caller, note, response.status(), sent, started));
    response
}

fn line(
    request: &HttpRequest,
    target: &Target,
    caller: &ScimCaller,
    mut note: Note,
    status: StatusCode,
    sent: Body,
    started: Instant,
) -> NewRequest {
    let query = request.query_string();
    let path = if query.is_empty() { target.path.clone() } else { format!("{}?{query}", target.path) };
    let agent = request.headers().get("user-agent").and_then(|value| value.to_str().ok());
    let body = if sent.len() <= LOGGED_BODY {
        sent
    } else {
        note.words.push(format!("The body of {} KiB is not kept.", sent.len() / 1024));
        Body::default()
    };
    NewRequest {
        directory: caller.directory.id.clone(),
        at: caller.ctx.now,
        method: request.method().to_string(),
        path,
        status: status.as_u16(),
        user_agent: agent.map(str::to_owned),
        note,
        body,
        ip: caller.ctx.ip.clone(),
        micros: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
    }
}

/// By the bearer token (RFC 6750 2.1). Some identity providers have one field for the whole header, where the word is easily
/// left out.
async fn identify(app: &App, request: &HttpRequest, target: &Target) -> Result<ScimCaller, Failure> {
    let header =
        request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let token = match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) => "",
        None => header,
    };
    let (named, visitor) = (target.directory.as_deref(), visitor(request)?);
    let found = app.find_scim_caller(token, named, &visitor).await?;
    if found.is_none() {
        app.note_bad_scim_token(named, header, visitor.now);
    }
    found.ok_or(Failure::BadScimToken)
}

type Conversation = Result<(Answered, Body), (Failure, Body)>;

async fn converse(
    app: &App,
    request: &HttpRequest,
    target: &Target,
    caller: &ScimCaller,
    payload: Payload,
    note: &mut Note,
) -> Conversation {
    let limit = match target.endpoint {
        Endpoint::Groups(_) => GROUP_BODY,
        _ => MAX_BODY,
    };
    let sent = match read(request, caller, payload, limit).await {
        Ok(sent) => Body::new(sent),
        Err(refused) => return Err((refused, Body::default())),
    };
    match act(app, request, target, caller, &sent, note).await {
        Ok(answered) => Ok((answered, sent)),
        Err(refused) => Err((refused, sent)),
    }
}

/// The body of a request that has one. Okta sends a content type also without one.
async fn read(request: &HttpRequest, caller: &ScimCaller, payload: Payload, limit: usize) -> Result<Vec<u8>, Failure> {
    if !matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH) {
        return Ok(Vec::new());
    }
    let (mut payload, has_room) =
        (payload.into_inner(), |length: usize| caller.hold_body(length).map_err(Failure::from));
    // Before any of it is read, where its length is told.
    let told: Option<usize> =
        request.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    if let Err(crowded) = has_room(limit.min(told.unwrap_or_default())) {
        discard(&mut payload, limit).await;
        return Err(crowded);
    }
    let bytes = body_within(&mut payload, limit, has_room).await?;
    let sent = request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = media.is_empty() || media == "application/json" || media.ends_with("+json");
    if is_json { Ok(bytes) } else { Err(Failure::UnsupportedScimMedia) }
}

fn versions(request: &HttpRequest, name: &str) -> Option<Versions> {
    let lines: Vec<&str> = request.headers().get_all(name).filter_map(|value| value.to_str().ok()).collect();
    (!lines.is_empty()).then(|| Versions::parse(&lines.join(",")))
}

async fn act(
    app: &App,
    request: &HttpRequest,
    target: &Target,
    caller: &ScimCaller,
    sent: &Body,
    note: &mut Note,
) -> Result<Answered, Failure> {
    let list = ListRequest::from_query(request.query_string(), &mut note.quirks).map_err(Error::from)?;
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let allow: &'static str = match (&target.endpoint, request.method()) {
        (Endpoint::Users(id), method) => {
            match user(app, method, id.as_deref(), caller, (sent, &list), request, note).await {
                Some(answer) => return answer,
                None if id.is_some() => "GET, PUT, PATCH, DELETE",
                None => "GET, POST",
            }
        }
        (Endpoint::Groups(id), method) => {
            match group(app, method, id.as_deref(), caller, (sent, &list), request, note).await {
                Some(answer) => return answer,
                None if id.is_some() => "GET, PUT, PATCH, DELETE",
                None => "GET, POST",
            }
        }
        (Endpoint::Search(kinds), &Method::POST) => {
            return Ok(Answered::plain(Box::pin(app.scim_search(caller, kinds, sent, note)).await?));
        }
        (Endpoint::Search(_), _) => "POST",
        (Endpoint::Configuration, _) if is_read => return Ok(Answered::plain(app.scim_configuration(caller)?)),
        (Endpoint::ResourceTypes(name), _) if is_read => {
            return Ok(Answered::plain(app.scim_resource_types(caller, name.as_deref())?));
        }
        (Endpoint::Schemas(urn), _) if is_read => {
            return Ok(Answered::plain(app.scim_schemas(caller, urn.as_deref())?));
        }
        (Endpoint::Configuration | Endpoint::ResourceTypes(_) | Endpoint::Schemas(_), _) => "GET",
        (Endpoint::NotImplemented, _) => return Err(Failure::NotImplemented),
        (Endpoint::Unknown, _) => return Err(Failure::NotFound),
    };
    Err(Failure::Allows(allow))
}

/// None: the method is not allowed here.
async fn user(
    app: &App,
    method: &Method,
    id: Option<&str>,
    caller: &ScimCaller,
    (sent, list): (&Body, &ListRequest),
    request: &HttpRequest,
    note: &mut Note,
) -> Option<Result<Answered, Failure>> {
    let expected = versions(request, "if-match");
    let done = match (method, id) {
        (&Method::GET | &Method::HEAD, None) => {
            Box::pin(app.scim_list(caller, &[Kind::User], list, note)).await.map(Answered::plain)
        }
        (&Method::POST, None) => Box::pin(app.create_scim_user(caller, sent, list, note)).await.map(Answered::created),
        (&Method::GET | &Method::HEAD, Some(id)) => {
            app.scim_user(caller, id, list, note).map(|shown| Answered::read(shown, request))
        }
        (&Method::PUT, Some(id)) => {
            Box::pin(app.replace_scim_user(caller, (id, sent), list, expected, note)).await.map(Answered::shown)
        }
        (&Method::PATCH, Some(id)) => {
            Box::pin(app.patch_scim_user(caller, (id, sent), list, expected, note)).await.map(Answered::shown)
        }
        (&Method::DELETE, Some(id)) => {
            Box::pin(app.delete_scim_user(caller, id, expected, note)).await.map(|()| Answered::nothing(None))
        }
        _ => return None,
    };
    Some(done.map_err(Failure::from))
}

async fn group(
    app: &App,
    method: &Method,
    id: Option<&str>,
    caller: &ScimCaller,
    (sent, list): (&Body, &ListRequest),
    request: &HttpRequest,
    note: &mut Note,
) -> Option<Result<Answered, Failure>> {
    let expected = versions(request, "if-match");
    let done = match (method, id) {
        (&Method::GET | &Method::HEAD, None) => {
            Box::pin(app.scim_list(caller, &[Kind::Group], list, note)).await.map(Answered::plain)
        }
        (&Method::POST, None) => Box::pin(app.create_scim_group(caller, sent, list, note)).await.map(Answered::created),
        (&Method::GET | &Method::HEAD, Some(id)) => {
            Box::pin(app.scim_group(caller, id, list, note)).await.map(|shown| Answered::read(shown, request))
        }
        (&Method::PUT, Some(id)) => {
            Box::pin(app.replace_scim_group(caller, (id, sent), list, expected, note)).await.map(Answered::shown)
        }
        (&Method::PATCH, Some(id)) => {
            Box::pin(app.patch_scim_group(caller, (id, sent), list, expected, note)).await.map(Answered::edited)
        }
        (&Method::DELETE, Some(id)) => {
            Box::pin(app.delete_scim_group(caller, id, expected, note)).await.map(|()| Answered::nothing(None))
        }
        _ => return None,
    };
    Some(done.map_err(Failure::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<A, B, C, F: Future>(_: impl Fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    /// It is copied from layer to layer, also where a request is answered at once: what waits stands apart.
    #[test]
    fn a_request_is_small() {
        assert!(size_of_future(serve) < 1500, "{}", size_of_future(serve));
    }
}
