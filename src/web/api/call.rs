//! A call as a handler sees it: who calls, which object, which list, and what was sent. The caller is known before
//! anything of the request is read.

use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;

use actix_web::FromRequest;
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use serde::de::DeserializeOwned;

use crate::app::Error;
use crate::app::access;
use crate::app::sessions::SignedIn;
use crate::app::sessions::Visitor;
use crate::model::actor::Ctx;
use crate::model::page::Window;
use crate::model::role::Permission;
use crate::model::time::Timestamp;
use crate::web::api::json;
use crate::web::error::ApiError;
use crate::web::error::Failure;
use crate::web::error::Fault;
use crate::web::extract::ApiCaller;
use crate::web::extract::body;

/// The most that a body may have.
pub const SMALL: usize = 256 * 1024;
/// The same where metadata may come.
pub const LARGE: usize = 2 * 1024 * 1024;

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

pub struct Call {
    pub ctx: Ctx,
    pub visitor: Visitor,
    pub signed_in: Option<SignedIn>,
    pub request: HttpRequest,
}

/// A call with a body.
pub struct Sent<T, const LIMIT: usize = SMALL> {
    pub call: Call,
    pub body: T,
}

/// A call whose body is a list. It is read once the caller is known to be allowed.
pub struct SentList {
    pub call: Call,
    body: Vec<u8>,
}

impl SentList {
    pub fn items<T: DeserializeOwned>(&self, needs: Permission) -> Result<Vec<T>, ApiError> {
        access::require(&self.call.ctx, needs)?;
        Ok(json::read_list(&self.body)?)
    }
}

/// The body of a POST that takes no field.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nothing {}

async fn call(request: HttpRequest) -> Result<Call, ApiError> {
    let ApiCaller { ctx, visitor, signed_in } = ApiCaller::extract(&request).await?;
    Ok(Call { ctx: Ctx { seen: if_match(&request), ..ctx }, visitor, signed_in, request })
}

impl FromRequest for Call {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(call(request.clone()))
    }
}

impl<T: DeserializeOwned + 'static, const LIMIT: usize> FromRequest for Sent<T, LIMIT> {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let call = call(request).await?;
            let bytes = json_body(&call, &mut payload, LIMIT).await?;
            Ok(Self { body: json::read(&bytes)?, call })
        })
    }
}

impl FromRequest for SentList {
    type Error = ApiError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let call = call(request).await?;
            let body = json_body(&call, &mut payload, SMALL).await?;
            Ok(Self { call, body })
        })
    }
}

async fn json_body(call: &Call, payload: &mut Payload, limit: usize) -> Result<Vec<u8>, ApiError> {
    let bytes = body(payload, limit).await?;
    let kind = call.content_type();
    if !bytes.is_empty() && !matches!(kind.as_str(), "application/json" | "application/merge-patch+json") {
        return Err(Failure::UnsupportedMedia.into());
    }
    Ok(bytes)
}

/// The versions that `If-Match` names (RFC 9110 13.1.1): what stands after the version in a tag of ours is about the
/// bytes, not about the object. `*` asks for nothing.
fn if_match(request: &HttpRequest) -> Option<Vec<i64>> {
    let mut tags = request.headers().get_all("if-match").filter_map(|value| value.to_str().ok()).peekable();
    tags.peek()?;
    let tags: Vec<&str> = tags.flat_map(|value| value.split(',')).map(str::trim).collect();
    if tags.contains(&"*") {
        return None;
    }
    Some(tags.into_iter().filter_map(version).collect())
}

fn version(tag: &str) -> Option<i64> {
    let tag = tag.strip_prefix("\"v")?.strip_suffix('"')?;
    tag.split('-').next()?.parse().ok()
}

/// A parameter of the query: what it narrows a list to, and which values it takes where they are few.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    pub name: &'static str,
    pub about: &'static str,
    pub values: &'static [&'static str],
}

pub const fn parameter(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, about, values: &[] }
}

pub const fn choice(name: &'static str, about: &'static str, values: &'static [&'static str]) -> Parameter {
    Parameter { name, about, values }
}

/// What every list takes.
pub const PAGING: &[Parameter] = &[
    parameter("limit", "How many to answer with, 1 to 200; 50 unless said."),
    parameter("cursor", "`next_cursor` of the page before."),
];

/// The query as it was sent; an empty parameter is none.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }
}

/// `from` and `to`.
pub fn times(query: &Query) -> Result<(Option<Timestamp>, Option<Timestamp>), ApiError> {
    let mut faults = Vec::new();
    let mut time = |name: &str| {
        let read = query.get(name).map(|text| (text, Timestamp::parse(text)))?;
        if read.1.is_none() {
            let text = "Use a time such as 2026-11-20T10:10:11Z (RFC 3339), with `+` as `%2B`.";
            faults.push(Fault::new(format!("/{name}"), "time", text));
        }
        read.1
    };
    let (from, to) = (time("from"), time("to"));
    if faults.is_empty() { Ok((from, to)) } else { Err(Failure::Faults(faults).into()) }
}

impl Call {
    /// The media type of the body, without its parameters.
    pub fn content_type(&self) -> String {
        let sent = self.request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The id at the place `{kind}` of the path. What is no id of that kind names nothing that exists.
    pub fn id<T: FromStr>(&self, kind: &'static str) -> Result<T, Error> {
        self.part(kind).parse().map_err(|_| Error::NotFound(kind))
    }

    pub fn part(&self, name: &str) -> &str {
        self.request.match_info().get(name).unwrap_or_default()
    }

    /// The parameters of the query. One that nobody knows would silently narrow nothing, so it is refused.
    pub fn query(&self, known: &[Parameter]) -> Result<Query, ApiError> {
        let sent = url::form_urlencoded::parse(self.request.query_string().as_bytes()).into_owned();
        let (mut query, mut faults) = (Query::default(), Vec::new());
        for (name, value) in sent.filter(|(_, value)| !value.is_empty()) {
            let fault = |code, text: String| Fault::new(format!("/{name}"), code, text);
            match known.iter().find(|parameter| parameter.name == name) {
                None => faults.push(fault("unknown_parameter", format!("There is no parameter `{name}` here."))),
                Some(_) if query.get(&name).is_some() => {
                    faults.push(fault("twice", "This parameter can be given once.".into()));
                }
                // SQLite ends a text at its first NUL; no value of ours holds a control character.
                Some(_) if value.contains(char::is_control) => {
                    faults.push(fault("control_character", "Leave out control characters.".into()));
                }
                Some(Parameter { values, .. }) if !values.is_empty() && !values.contains(&value.as_str()) => {
                    faults.push(fault("unknown_value", format!("Use one of {}.", values.join(", "))));
                }
                Some(_) => query.0.push((name, value)),
            }
        }
        if faults.is_empty() { Ok(query) } else { Err(Failure::Faults(faults).into()) }
    }

    /// The filters of a list and the page of it; the cursor is the id of its last row.
    pub fn list<T: FromStr>(&self, filters: &[Parameter]) -> Result<(Query, Window), ApiError> {
        let query = self.query(&[filters, PAGING].concat())?;
        let window = Window::parse(query.get("limit"), query.get("cursor")).map_err(Error::from)?;
        if window.after.as_ref().is_some_and(|cursor| cursor.parse::<T>().is_err()) {
            let text = "Use `next_cursor` of the page before, unchanged.";
            return Err(Failure::Faults(vec![Fault::new("/cursor", "cursor", text)]).into());
        }
        Ok((query, window))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_gives_its_version_with_or_without_what_follows() {
        let read = |header: &str| {
            let request = actix_web::test::TestRequest::default().insert_header(("if-match", header));
            if_match(&request.to_http_request())
        };
        assert_eq!(read("\"v3-0a1b2c3d\""), Some(vec![3]));
        assert_eq!(read("\"v3\", \"v4\""), Some(vec![3, 4]));
        assert_eq!(read("*"), None);
        // A weak tag never matches here (RFC 9110 13.1.1), and neither does somebody else's.
        assert_eq!(read("W/\"v3\", \"abc\", v3"), Some(Vec::new()));
    }
}
