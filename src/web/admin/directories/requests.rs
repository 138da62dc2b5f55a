//! What was asked of a directory, newest first, narrowed by what the address says; and one request with its body.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::model::id::ScimRequestId;
use crate::model::scim::RequestFilter;
use crate::model::scim::ScimRequest;
use crate::model::time::Timestamp;
use crate::scim::Quirk;
use crate::web::admin::directories::handle::load;
use crate::web::admin::directories::present;
use crate::web::admin::directories::present::Head;
use crate::web::admin::directories::present::second;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::window;
use crate::web::filters::Filters;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Chip;
use crate::web::view::Choice;
use crate::web::view::Tone;

#[derive(Debug, Clone)]
pub struct RequestRow {
    pub id: String,
    pub at: Timestamp,
    pub chip: Chip,
    pub method: String,
    pub path: String,
    pub who: String,
    pub words: String,
}

fn chip(status: u32) -> Chip {
    let tone = match status {
        ..400 => Tone::Ok,
        404 | 409 => Tone::Neutral,
        429 => Tone::Bad,
        _ => Tone::Warn,
    };
    Chip::new(tone, status.to_string())
}

impl RequestRow {
    fn of(request: &ScimRequest) -> Self {
        Self {
            id: request.id.to_string(),
            at: request.at,
            chip: chip(request.status),
            method: request.method.clone(),
            path: request.path.clone(),
            who: request.who.clone().unwrap_or_default(),
            words: request.words.clone(),
        }
    }

    /// For the link that opens it.
    fn name(&self) -> String {
        format!("{} {}, {}", self.method, self.path, second(self.at))
    }
}

/// `GET …/requests?person=&status=&kind=&changes=&cursor=`
#[derive(Template)]
#[template(path = "admin/directories/requests.html")]
pub struct RequestsPage {
    pub shell: Shell,
    pub head: Head,
    pub query: Filters,
    pub status: Vec<Choice>,
    pub kind: Vec<Choice>,
    pub changes: bool,
    pub rows: Vec<RequestRow>,
    pub next: Option<String>,
}

/// `GET …/requests/{request}`
#[derive(Template)]
#[template(path = "admin/directories/request.html")]
pub struct RequestPage {
    pub shell: Shell,
    pub head: Head,
    pub row: RequestRow,
    pub dialect: String,
    pub resource: Option<String>,
    /// What was seen, and what to change.
    pub quirks: Vec<(&'static str, &'static str)>,
    pub body: Option<String>,
    pub ip: String,
    /// `3.2 ms`
    pub took: String,
}

const FILTERS: &[&str] = &["person", "status", "kind", "changes"];

fn read(filters: &mut Filters) -> RequestFilter {
    let refused = |text: &str| match text {
        "ok" => Some(false),
        "refused" => Some(true),
        _ => None,
    };
    let kind = |text: &str| ["user", "group", "discovery", "other"].contains(&text).then(|| text.to_owned());
    let changes = |text: &str| (text == "true").then_some(true);
    RequestFilter {
        person: filters.text("person"),
        is_refused: filters.parse("status", refused, "is no result. Choose one from the list."),
        kind: filters.parse("kind", kind, "is no kind. Choose one from the list."),
        only_changes: filters.parse("changes", changes, "means nothing here.").unwrap_or(false),
    }
}

fn list_choices(all: &[(&str, &str)], chosen: &str) -> Vec<Choice> {
    all.iter().map(|(value, label)| Choice::new(value, label, *value == chosen)).collect()
}

fn status_choices(chosen: &str) -> Vec<Choice> {
    list_choices(&[("", "All requests"), ("ok", "Done"), ("refused", "Refused")], chosen)
}

fn kind_choices(chosen: &str) -> Vec<Choice> {
    let all = [
        ("", "About anything"),
        ("user", "About people"),
        ("group", "About groups"),
        ("discovery", "About the server"),
        ("other", "Other"),
    ];
    list_choices(&all, chosen)
}

pub(super) fn sample_request(status: u32, method: &str, path: &str, who: &str, words: &str) -> ScimRequest {
    ScimRequest {
        id: ScimRequestId::new(),
        directory: crate::model::id::DirectoryId::new(),
        at: Timestamp::from_secs(1_795_338_002),
        method: method.to_owned(),
        path: path.to_owned(),
        status,
        kind: "user".to_owned(),
        dialect: "okta".to_owned(),
        resource: Some("usr_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned()),
        who: Some(who.to_owned()).filter(|who| !who.is_empty()),
        words: words.to_owned(),
        quirks: vec!["operation_case".to_owned()],
        body: Some("{\"Operations\":[{\"op\":\"Replace\",\"path\":\"active\",\"value\":\"False\"}]}".to_owned()),
        ip: Some("203.0.113.7".to_owned()),
        micros: 3_210,
    }
}

impl Page for RequestsPage {
    fn samples() -> Vec<Self> {
        let page = |mut query: Filters, rows: Vec<RequestRow>| {
            read(&mut query);
            Self {
                shell: Shell::sample(Place::Security),
                head: Head::sample(),
                status: status_choices(query.get("status")),
                kind: kind_choices(query.get("kind")),
                changes: query.get("changes") == "true",
                query,
                rows,
                next: None,
            }
        };
        let rows = vec![
            RequestRow::of(&sample_request(
                200,
                "PATCH",
                "/Users/usr_01k2v9q8xw3f6t0m4n7p5r1sza",
                "grace@acme.example",
                "Deactivated grace@acme.example.",
            )),
            RequestRow::of(&sample_request(
                200,
                "GET",
                "/Users?filter=userName%20eq%20%22grace%40acme.example%22&startIndex=1&count=100",
                "",
                "Found 1.",
            )),
            RequestRow::of(&sample_request(
                429,
                "PATCH",
                "/Users/usr_01k2v9q8xw3f6t0m4n7p5r1sza",
                "lea@acme.example",
                "Held: more people than usual would lose access.",
            )),
        ];
        let mut full = page(Filters::default(), rows);
        full.next = Some("/admin/security/directories/dir_01k2v9q8xw3f6t0m4n7p5r1sza/requests?cursor=x".to_owned());
        let narrowed =
            Filters::with(&[("status", "refused"), ("kind", "king"), ("changes", "true"), ("person", "ada")]);
        vec![full, page(Filters::default(), Vec::new()), page(narrowed, Vec::new())]
    }
}

impl Page for RequestPage {
    fn samples() -> Vec<Self> {
        let request = sample_request(
            200,
            "PATCH",
            "/Users/usr_01k2v9q8xw3f6t0m4n7p5r1sza",
            "grace@acme.example",
            "Deactivated grace@acme.example.",
        );
        let bare = ScimRequest { quirks: Vec::new(), body: None, resource: None, ip: None, ..request.clone() };
        [request, bare].iter().map(|one| request_page(Shell::sample(Place::Security), Head::sample(), one)).collect()
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<RequestsPage>(all, "admin/directories/requests");
    add::<RequestPage>(all, "admin/directories/request");
}

/// `GET …/requests`
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<RequestsPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    let (id, mut query) = (view.directory.id.clone(), Filters::of_address(FILTERS, &request));
    let window = window::<ScimRequestId>(&query.cursor)?;
    let filter = read(&mut query);
    let found = app.list_scim_requests(&admin.ctx, id.clone(), filter, window).await?;
    let path = format!("{}/requests", present::path(id.as_str()));
    Ok(Html(RequestsPage {
        shell: shell(&request, Place::Security).await,
        head: Head::of(&view),
        status: status_choices(query.get("status")),
        kind: kind_choices(query.get("kind")),
        changes: query.get("changes") == "true",
        rows: found.rows.iter().map(RequestRow::of).collect(),
        next: found.next.map(|cursor| query.path(&path, Some(&cursor))),
        query,
    }))
}

/// JSON in lines; anything else as it came.
fn pretty(body: &str) -> String {
    let parsed = serde_json::from_str::<serde_json::Value>(body).ok();
    parsed.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| body.to_owned())
}

fn request_page(shell: Shell, head: Head, request: &ScimRequest) -> RequestPage {
    let quirk = |code: &String| Quirk::find(code).map(|quirk| (quirk.seen(), quirk.change()));
    RequestPage {
        shell,
        head,
        row: RequestRow::of(request),
        dialect: request.dialect.clone(),
        resource: request.resource.clone(),
        quirks: request.quirks.iter().filter_map(quirk).collect(),
        body: request.body.as_deref().map(pretty),
        ip: request.ip.clone().unwrap_or_default(),
        took: format!("{}.{} ms", request.micros / 1000, request.micros % 1000 / 100),
    }
}

/// `GET …/requests/{request}`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    ids: Path<(String, String)>,
) -> Result<Html<RequestPage>, PageError> {
    let view = load(&app, &admin.ctx, &ids.0).await?;
    let id: ScimRequestId = ids.1.parse().map_err(|_| PageError(Error::NotFound("request").into()))?;
    let found = app.find_scim_request(&admin.ctx, view.directory.id.clone(), id).await?;
    Ok(Html(request_page(shell(&request, Place::Security).await, Head::of(&view), &found)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_put_in_lines_where_it_is_json() {
        assert_eq!(pretty("{\"a\":1}"), "{\n  \"a\": 1\n}");
        assert_eq!(pretty("{\"a\":1, cut"), "{\"a\":1, cut");
    }
}
