//! The directory of the demo identity provider as an admin of it sees it: who is there, buttons that change it, and what was
//! sent to the gateway because of it.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::web::Form;
use actix_web::web::Path;
use askama::Template;
use serde::Deserialize;

use crate::demo::directory::Change;
use crate::demo::directory::Group;
use crate::demo::directory::Look;
use crate::demo::directory::Report;
use crate::demo::idp::ConnectError;
use crate::demo::idp::Idp;
use crate::demo::okta::Exchange;
use crate::demo::okta::PushError;
use crate::demo::pages::shell;
use crate::demo::pages::written;
use crate::demo::people::Person;
use crate::model::invalid::Invalid;
use crate::model::time::Timestamp;
use crate::web::html::Shell;
use crate::web::html::initials;
use crate::web::view::Chip;
use crate::web::view::Tone;

/// So many requests of a push are listed; the directory's own log has all of them.
const MOST_LISTED: usize = 40;

/// `GET /directory`, and what became of a form.
#[derive(Template)]
#[template(path = "demo/directory.html")]
struct DirectoryPage {
    shell: Shell,
    report: Option<ReportView>,
    /// Of the directory that is pushed to, in the gateway's console.
    console: Option<String>,
    /// Who joins next, and what they join.
    joiner: String,
    people: Vec<Row>,
    groups: Vec<Choice>,
    base_url: String,
    errors: Invalid,
}

struct ReportView {
    at: Timestamp,
    tone: Tone,
    title: String,
    text: String,
    sent: Vec<Sent>,
    /// Sent, and not listed.
    more: usize,
}

struct Sent {
    method: String,
    path: String,
    why: String,
    chip: Chip,
}

struct Row {
    id: String,
    initials: String,
    name: String,
    email: String,
    work: String,
    groups: String,
    is_active: bool,
}

struct Choice {
    value: &'static str,
    label: String,
}

impl ReportView {
    fn of(report: &Report) -> Self {
        let (tone, title, text) = match &report.done {
            Ok((title, next)) => (Tone::Ok, format!("{title}."), next.clone()),
            Err(problem) => {
                let title = match problem {
                    PushError::Refused { status, .. } => format!("Doorward answered {status}"),
                    _ => "Nothing was changed".to_owned(),
                };
                (Tone::Bad, title, problem.to_string())
            }
        };
        let sent = report.sent.iter().take(MOST_LISTED).map(Sent::of).collect();
        Self { at: report.at, tone, title, text, sent, more: report.sent.len().saturating_sub(MOST_LISTED) }
    }

    fn has_failed(&self) -> bool {
        self.tone == Tone::Bad
    }
}

impl Sent {
    fn of(exchange: &Exchange) -> Self {
        let chip = match exchange.status {
            Some(status) if status < 300 => Chip::new(Tone::Ok, status.to_string()),
            Some(status) => Chip::new(Tone::Bad, status.to_string()),
            None => Chip::new(Tone::Bad, "No answer"),
        };
        let Exchange { method, path, why, .. } = exchange.clone();
        Self { method, path, why, chip }
    }
}

impl From<&Person> for Row {
    fn from(person: &Person) -> Self {
        Self {
            id: person.id.clone(),
            initials: initials(&person.name(), &person.email),
            name: person.name(),
            email: person.email.clone(),
            work: format!("{}, {}", person.job_title, person.department),
            groups: person.groups.join(", "),
            is_active: person.is_active,
        }
    }
}

impl From<&Group> for Choice {
    fn from(group: &Group) -> Self {
        Self { value: group.key, label: format!("{} to {}", group.name, group.renamed()) }
    }
}

/// `4 people and 3 groups`
pub(super) fn summary(look: &Look) -> String {
    let active = look.people.iter().filter(|person| person.is_active).count();
    format!("{active} people and {} groups", look.groups.len())
}

async fn page(request: &HttpRequest, idp: &Idp) -> DirectoryPage {
    let look = idp.directory.look().await;
    let console = look.application.as_ref().and_then(|directory| idp.console_url(directory));
    DirectoryPage {
        shell: shell(request, idp),
        report: look.report.as_ref().map(ReportView::of),
        console,
        joiner: format!("{} joins {}", look.joiner.name(), look.joiner.department),
        people: look.people.iter().map(Row::from).collect(),
        groups: look.groups.iter().map(Choice::from).collect(),
        base_url: String::new(),
        errors: Invalid::new(),
    }
}

impl DirectoryPage {
    fn active(&self) -> impl Iterator<Item = &Row> {
        self.people.iter().filter(|row| row.is_active)
    }
}

pub(super) async fn show(request: HttpRequest, idp: Data<Idp>) -> HttpResponse {
    written(HttpResponse::Ok(), page(&request, &idp).await)
}

#[derive(Debug, Deserialize)]
pub(super) struct Whom {
    #[serde(default)]
    who: String,
}

/// `POST /directory/{change}`: what came of it stands on the page.
pub(super) async fn push(idp: Data<Idp>, change: Path<String>, form: Form<Whom>) -> HttpResponse {
    let Some(change) = Change::parse(&change, &form.who) else { return HttpResponse::NotFound().finish() };
    if let Err(problem) = idp.push(&change).await {
        tracing::info!("The demo's push was not taken: {problem}");
    }
    seen()
}

#[derive(Debug, Deserialize)]
pub(super) struct ApplicationForm {
    #[serde(default)]
    base_url: String,
    #[serde(default)]
    token: String,
}

/// `POST /directory/application`: another directory, or another token.
pub(super) async fn connect(request: HttpRequest, idp: Data<Idp>, form: Form<ApplicationForm>) -> HttpResponse {
    let Err(problem) = idp.connect_directory(&form.base_url, &form.token).await else { return seen() };
    let field = match &problem {
        ConnectError::BaseUrl(_) => "base_url",
        ConnectError::Token | ConnectError::Push(_) => "token",
    };
    let text = match &problem {
        ConnectError::Push(PushError::Refused { status, detail }) => format!("Doorward answered {status}: {detail}"),
        other => other.to_string(),
    };
    let mut page = page(&request, &idp).await;
    page.report = None;
    page.base_url = form.base_url.chars().take(300).collect();
    page.errors.add(field, "application", text);
    written(HttpResponse::UnprocessableEntity(), page)
}

fn seen() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, "/directory")).finish()
}
