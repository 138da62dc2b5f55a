//! The sign-ins of a connection, newest first, narrowed by what the address says.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::connections::ConnectionView;
use crate::model::email::Email;
use crate::model::id::SignInId;
use crate::model::sign_in::SignIn;
use crate::model::sign_in::SignInFilter;
use crate::model::time::Timestamp;
use crate::model::time::days;
use crate::web::admin::connections::SAMPLE_ID;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::present;
use crate::web::admin::connections::present::Facts;
use crate::web::admin::connections::show::Head;
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
use crate::web::view::Choice;

#[derive(Debug, Clone)]
pub struct SignInRow {
    pub at: Timestamp,
    /// Address, or what the provider called the person; empty if it is not known.
    pub who: String,
    /// Code of errors.toml; empty if it was accepted.
    pub code: String,
    /// `what` of errors.toml, or how the person was found.
    pub what: String,
    /// `DW-…`, where there is a trace.
    pub reference: String,
}

/// `GET /admin/security/sso/{con}/sign-ins?result=&code=&person=&from=&to=&cursor=`
#[derive(Template)]
#[template(path = "admin/connections/sign_ins.html")]
pub struct SignInsPage {
    pub shell: Shell,
    pub head: Head,
    pub query: Filters,
    /// All, `ok`, `refused`.
    pub result: Vec<Choice>,
    /// All, and the codes that refusals of this connection bear.
    pub code: Vec<Choice>,
    /// For the date fields; empty for what is no date.
    pub from: String,
    pub to: String,
    pub rows: Vec<SignInRow>,
    pub next: Option<String>,
}

const FILTERS: &[&str] = &["result", "code", "person", "from", "to"];

/// What the list is narrowed to, and the person; what is none is left out.
fn read(filters: &mut Filters) -> (SignInFilter, Option<String>) {
    let refused = |text: &str| match text {
        "ok" => Some(false),
        "refused" => Some(true),
        _ => None,
    };
    let person = "is no address. Write the whole of it, such as ada@example.com.";
    let person = filters.parse("person", |text| Email::parse(text).map(|email| email.as_str().to_owned()), person);
    let filter = SignInFilter {
        refused: filters.parse("result", refused, "is no result. Choose one from the list."),
        code: filters.text("code"),
        person: None,
        from: filters.day("from"),
        // The day itself counts.
        to: filters.day("to").map(|to| to + days(1)),
    };
    (filter, person)
}

fn path(connection: &str) -> String {
    format!("/admin/security/sso/{connection}/sign-ins")
}

fn result_choices(chosen: &str) -> Vec<Choice> {
    [("", "All sign-ins"), ("ok", "Accepted"), ("refused", "Refused")]
        .into_iter()
        .map(|(value, label)| Choice::new(value, label, value == chosen))
        .collect()
}

/// `seen`: code and what it means.
fn code_choices(chosen: &str, seen: Vec<(String, String)>) -> Vec<Choice> {
    let any = Choice::new("", "Whatever the reason", chosen.is_empty());
    std::iter::once(any).chain(seen.iter().map(|(code, what)| Choice::new(code, what, code == chosen))).collect()
}

impl Page for SignInsPage {
    fn samples() -> Vec<Self> {
        let row = |at, who: &str, code: &str, what: &str, reference: &str| SignInRow {
            at: Timestamp::from_secs(at),
            who: who.to_owned(),
            code: code.to_owned(),
            what: what.to_owned(),
            reference: reference.to_owned(),
        };
        let audience = "Okta's audience doesn't match ours";
        let page = |mut query: Filters, rows| {
            read(&mut query);
            Self {
                shell: Shell::sample(Place::Security),
                head: Head::sample(),
                result: result_choices(query.get("result")),
                code: code_choices(query.get("code"), vec![("saml_audience".to_owned(), audience.to_owned())]),
                from: query.typed_day("from"),
                to: query.typed_day("to"),
                query,
                rows,
                next: None,
            }
        };
        let rows = vec![
            row(1_795_338_000, "grace@acme.example", "", "Signed in", ""),
            row(1_795_106_460, "alan@acme.example", "saml_audience", audience, "DW-8K3F0"),
            row(1_795_106_000, "", "saml_signature_cert", "Signed with a certificate we don't trust", "DW-2M7QX"),
        ];
        let mut full = page(Filters::default(), rows);
        full.next = Some(Filters::default().path(&path(SAMPLE_ID), Some("sgn_01k2v9q8xw3f6t0m4n7p5r1sza")));
        let mut empty = page(Filters::default(), Vec::new());
        empty.code.truncate(1);
        let narrowed = Filters::with(&[
            ("result", "refused"),
            ("code", "saml_audience"),
            ("person", "alan"),
            ("from", "2026-13-01"),
        ]);
        vec![full, empty, page(narrowed, Vec::new())]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<SignInsPage>(all, "admin/connections/sign_ins");
}

fn what(view: &ConnectionView, app: &App, code: &str) -> String {
    present::words(&view.connection, &app.urls, code, &Facts::default()).what
}

/// `GET …/sign-ins`
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<SignInsPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    let (id, mut query) = (view.connection.id.clone(), Filters::of_address(FILTERS, &request));
    let window = window::<SignInId>(&query.cursor)?;
    let (filter, person) = read(&mut query);
    let found = app.list_sign_ins(&admin.ctx, id.clone(), filter, person, window).await?;
    let row = |sign_in: &SignIn| SignInRow {
        at: sign_in.at,
        who: sign_in.who.clone().unwrap_or_default(),
        code: sign_in.code.clone().unwrap_or_default(),
        what: sign_in.code.as_deref().map_or_else(|| "Signed in".to_owned(), |code| what(&view, &app, code)),
        reference: sign_in.reference.clone().unwrap_or_default(),
    };
    let codes = app.list_refusal_codes(&admin.ctx, id.clone()).await?;
    let seen = codes.into_iter().map(|code| (code.clone(), what(&view, &app, &code))).collect();
    Ok(Html(SignInsPage {
        shell: shell(&request, Place::Security).await,
        head: present::head(&view),
        result: result_choices(query.get("result")),
        code: code_choices(query.get("code"), seen),
        rows: found.rows.iter().map(row).collect(),
        next: found.next.map(|cursor| query.path(&path(id.as_str()), Some(&cursor))),
        from: query.typed_day("from"),
        to: query.typed_day("to"),
        query,
    }))
}
