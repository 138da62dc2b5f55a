//! The sign-ins of a connection, newest first, narrowed by what the address says.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use actix_web::web::Query;
use askama::Template;
use serde::Deserialize;

use crate::app::App;
use crate::app::Error;
use crate::app::connections::ConnectionView;
use crate::model::email::Email;
use crate::model::page::Window;
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
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Choice;
use crate::web::view::date;
use crate::web::view::day;

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
    pub query: SignInsQuery,
    /// All, `ok`, `refused`.
    pub result: Vec<Choice>,
    /// All, and the codes that refusals of this connection bear.
    pub code: Vec<Choice>,
    /// For the date fields; empty for what is no date.
    pub from: String,
    pub to: String,
    /// What of the query is left out, and why.
    pub problems: Vec<String>,
    pub rows: Vec<SignInRow>,
    pub next: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct SignInsQuery {
    result: String,
    code: String,
    pub person: String,
    from: String,
    to: String,
    cursor: String,
}

impl SignInsQuery {
    pub fn is_filtered(&self) -> bool {
        let is_narrowed = matches!(self.result.as_str(), "ok" | "refused");
        is_narrowed || [&self.code, &self.person, &self.from, &self.to].iter().any(|text| !text.is_empty())
    }

    /// The address of this list at that cursor.
    fn path(&self, connection: &str, cursor: &str) -> String {
        let pairs = [
            ("result", self.result.as_str()),
            ("code", &self.code),
            ("person", &self.person),
            ("from", &self.from),
            ("to", &self.to),
            ("cursor", cursor),
        ];
        let given = pairs.iter().filter(|(_, value)| !value.is_empty());
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
        format!("/admin/security/sso/{connection}/sign-ins?{query}")
    }

    /// The filter, the person, and what of the query is none.
    fn filter(&self) -> (SignInFilter, Option<String>, Vec<String>) {
        let brief = |text: &str| text.chars().filter(|c| !c.is_control()).take(40).collect::<String>();
        let (from, to) = (day(&self.from), day(&self.to));
        let mut problems = Vec::new();
        for (text, read) in [(&self.from, from), (&self.to, to)] {
            if !text.trim().is_empty() && read.is_none() {
                problems.push(format!("{} is no date. Write it as 2026-11-20. It was left out.", brief(text)));
            }
        }
        let person = self.person.trim();
        if !person.is_empty() && Email::parse(person).is_none() {
            let text = "is no address. Write the whole of it, such as ada@example.com. It was left out.";
            problems.push(format!("{} {text}", brief(person)));
        }
        let filter = SignInFilter {
            refused: match self.result.as_str() {
                "ok" => Some(false),
                "refused" => Some(true),
                _ => None,
            },
            // No code of ours holds a control character, and SQLite ends a text at its first NUL.
            code: Some(self.code.clone()).filter(|code| !code.is_empty() && !code.contains(char::is_control)),
            person: None,
            from,
            // The day itself counts.
            to: to.map(|to| to + days(1)),
        };
        (filter, Email::parse(person).map(|email| email.as_str().to_owned()), problems)
    }
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
        let page = |query: SignInsQuery, rows| Self {
            shell: Shell::sample(Place::Security),
            head: Head::sample(),
            result: result_choices(&query.result),
            code: code_choices(&query.code, vec![("saml_audience".to_owned(), audience.to_owned())]),
            from: date(query.from.clone()),
            to: date(query.to.clone()),
            problems: query.filter().2,
            query,
            rows,
            next: None,
        };
        let rows = vec![
            row(1_795_338_000, "grace@acme.example", "", "Signed in", ""),
            row(1_795_106_460, "alan@acme.example", "saml_audience", audience, "DW-8K3F0"),
            row(1_795_106_000, "", "saml_signature_cert", "Signed with a certificate we don't trust", "DW-2M7QX"),
        ];
        let mut full = page(SignInsQuery::default(), rows);
        full.next = Some(SignInsQuery::default().path(SAMPLE_ID, "sgn_01k2v9q8xw3f6t0m4n7p5r1sza"));
        let mut empty = page(SignInsQuery::default(), Vec::new());
        empty.code.truncate(1);
        let text = str::to_owned;
        let narrowed = SignInsQuery {
            result: text("refused"),
            code: text("saml_audience"),
            person: text("alan"),
            from: text("2026-13-01"),
            ..SignInsQuery::default()
        };
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
    query: Query<SignInsQuery>,
) -> Result<Html<SignInsPage>, PageError> {
    let (view, query) = (load(&app, &admin.ctx, &id).await?, query.into_inner());
    let id = view.connection.id.clone();
    let window = Window::parse(None, Some(query.cursor.as_str())).map_err(Error::from)?;
    let (filter, person, problems) = query.filter();
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
        result: result_choices(&query.result),
        code: code_choices(&query.code, seen),
        problems,
        rows: found.rows.iter().map(row).collect(),
        next: found.next.map(|cursor| query.path(id.as_str(), &cursor)),
        from: date(query.from.clone()),
        to: date(query.to.clone()),
        query,
    }))
}
