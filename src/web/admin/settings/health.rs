//! What `doorward doctor` says, by the same function: what is wrong and what to do.

use actix_web::HttpRequest;
use actix_web::web::Data;
use askama::Template;

use crate::app::App;
use crate::app::health::Finding;
use crate::app::health::Verdict;
use crate::model::time::Timestamp;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Chip;
use crate::web::view::Tone;
use crate::web::view::count;

pub struct FindingView {
    /// `Metadata link`
    pub title: String,
    pub text: String,
    pub tone: Tone,
}

impl From<Finding> for FindingView {
    fn from(finding: Finding) -> Self {
        Self {
            title: title(&finding.check),
            text: finding.text,
            tone: match finding.verdict {
                Verdict::Ok => Tone::Ok,
                Verdict::Warning => Tone::Warn,
                Verdict::Failed => Tone::Bad,
            },
        }
    }
}

/// The name of a check for people; `doctor` prints the word itself.
fn title(check: &str) -> String {
    let known = match check {
        "store" => "Database",
        "base_url" => "Public address",
        "connection_address" => "Address that a provider knows",
        "second_opinion" => "Verifier",
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    let words = check.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// `GET /admin/settings/health`
#[derive(Template)]
#[template(path = "admin/settings/health.html")]
pub struct HealthPage {
    pub shell: Shell,
    /// The worst first.
    pub findings: Vec<FindingView>,
    pub at: Timestamp,
}

impl HealthPage {
    fn of(shell: Shell, findings: Vec<Finding>, at: Timestamp) -> Self {
        let mut findings: Vec<FindingView> = findings.into_iter().map(FindingView::from).collect();
        findings.sort_by_key(|finding| match finding.tone {
            Tone::Bad => 0,
            Tone::Warn => 1,
            _ => 2,
        });
        Self { shell, findings, at }
    }

    fn number(&self, tone: Tone) -> u64 {
        self.findings.iter().filter(|finding| finding.tone == tone).count() as u64
    }

    fn chip(&self) -> Chip {
        match (self.number(Tone::Bad), self.number(Tone::Warn)) {
            (0, 0) => Chip::new(Tone::Ok, "All is well"),
            (0, warnings) => Chip::new(Tone::Warn, count(warnings, "warning", "warnings")),
            (failed, _) => Chip::new(Tone::Bad, format!("{failed} to mend now")),
        }
    }
}

impl Page for HealthPage {
    fn samples() -> Vec<Self> {
        let finding =
            |check: &str, verdict, text: &str| Finding { check: check.to_owned(), verdict, text: text.to_owned() };
        let at = Timestamp::from_secs(1_795_338_000);
        let page = |findings| Self::of(Shell::sample(Place::Settings), findings, at);
        let well = || finding("store", Verdict::Ok, "The database takes writes.");
        let ending = "Okta: its last certificate ends on 15 Dec 2026. Ask the provider for the next one and add it.";
        vec![
            page(vec![well()]),
            page(vec![well(), finding("certificate", Verdict::Warning, ending)]),
            page(vec![well(), finding("admins", Verdict::Failed, "There is no active admin.")]),
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<HealthPage>(all, "admin/settings/health");
}

/// `GET /admin/settings/health`
pub async fn show(request: HttpRequest, app: Data<App>, admin: Admin) -> Result<Html<HealthPage>, PageError> {
    app.require_instance_reader(&admin.ctx).await?;
    let now = admin.visitor.now;
    let findings = app.examine_health(now).await?;
    Ok(Html(HealthPage::of(shell(&request, Place::Settings).await, findings, now)))
}
