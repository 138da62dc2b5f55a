//! `Idempotency-Key`: a POST that comes again, because its answer was lost on the way, gets the same answer and does
//! nothing a second time. The answer is kept for a day, for that caller, key and request alone.

use std::future::ready;

use actix_web::Error;
use actix_web::FromRequest;
use actix_web::HttpMessage;
use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::body::MessageBody;
use actix_web::body::to_bytes;
use actix_web::dev::Payload;
use actix_web::dev::ServiceRequest;
use actix_web::dev::ServiceResponse;
use actix_web::error::ErrorInternalServerError;
use actix_web::error::PayloadError;
use actix_web::http::Method;
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::web::Data;
use futures_util::stream::once as stream_of;

use crate::app::App;
use crate::app::api_keys::Answer;
use crate::crypto::token;
use crate::web::api::call::LARGE;
use crate::web::client::Client;
use crate::web::error;
use crate::web::error::ApiError;
use crate::web::error::Failure;
use crate::web::extract::ApiCaller;
use crate::web::extract::body;

/// The headers of an answer that are part of it.
const KEPT: [&str; 3] = ["content-type", "location", "etag"];

/// Around every route of the API.
pub async fn once(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_keyed = *request.method() == Method::POST && request.headers().contains_key("idempotency-key");
    if !is_keyed {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    // A task of its own: where the caller hangs up, what was begun is finished and its answer kept.
    actix_web::rt::spawn(keyed(request, next)).await.map_err(ErrorInternalServerError)?
}

async fn keyed(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let app = request.app_data::<Data<App>>().cloned();
    // Who is nobody is told so by the handler.
    let (Some(app), Ok(caller)) = (app, ApiCaller::extract(request.request()).await) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let (key, hash) = match read(&mut request).await {
        Ok(read) => read,
        Err(failure) => return Ok(refuse(request, failure)),
    };
    let _turn = app.take_turn(&caller.ctx, &key).await;
    match app.find_answer(&caller.ctx, &key, hash).await {
        Ok(Some(answer)) => return Ok(ServiceResponse::new(request.into_parts().0, replay(answer))),
        Ok(None) => {}
        Err(error) => return Ok(refuse(request, error.into())),
    }
    let response = next.call(request).await?.map_into_boxed_body();
    let (request, response) = response.into_parts();
    let client = Client::of(&request);
    let refused = response.error().and_then(|error| error.as_error::<ApiError>());
    let response = match (refused, client) {
        (Some(ApiError(failure)), Some(client)) if failure.status().is_client_error() => {
            error::problem(failure, &app.urls.base, &client.request_id)
        }
        _ => response,
    };
    if response.error().is_some() || response.status().is_server_error() || response.status().as_u16() == 429 {
        return Ok(ServiceResponse::new(request, response));
    }
    let (head, content) = response.into_parts();
    let content = to_bytes(content).await.unwrap_or_default();
    let header = |name: &&str| Some(((*name).to_owned(), head.headers().get(*name)?.to_str().ok()?.to_owned()));
    let answer = Answer {
        status: head.status().as_u16(),
        headers: KEPT.iter().filter_map(header).collect(),
        body: String::from_utf8_lossy(&content).into_owned(),
    };
    if let Err(error) = app.keep_answer(&caller.ctx, &key, hash, &answer).await {
        tracing::error!(error = &error as &dyn std::error::Error, "Could not keep an answer for its Idempotency-Key");
    }
    Ok(ServiceResponse::new(request, head.set_body(content).map_into_boxed_body()))
}

/// The key, and what tells this request from another; the body is put back for the handler.
async fn read(request: &mut ServiceRequest) -> Result<(String, [u8; 32]), Failure> {
    let key = request.headers().get("idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = key.trim().to_owned();
    if key.is_empty() || key.len() > 255 {
        let text = "An Idempotency-Key has 1 to 255 plain characters; a UUID does.";
        return Err(Failure::Unreadable(text.into()));
    }
    let content = Bytes::from(body(&mut request.take_payload(), LARGE).await?);
    let head = format!("{} {}\n", request.method(), request.uri());
    let hash = token::sha256(&[head.as_bytes(), &content].concat());
    let payload = stream_of(ready(Ok::<_, PayloadError>(content)));
    request.set_payload(Payload::Stream { payload: Box::pin(payload) });
    Ok((key, hash))
}

fn refuse(request: ServiceRequest, failure: Failure) -> ServiceResponse<BoxBody> {
    // Not `into_response`: that would lose the failure, which the frame gives its shape.
    ServiceResponse::new(request.into_parts().0, HttpResponse::from_error(ApiError(failure)))
}

fn replay(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    for (name, value) in answer.headers {
        response.insert_header((name, value));
    }
    response.insert_header(("idempotent-replayed", "true"));
    response.body(answer.body)
}
