//! A connection's own page: certificates, last test, refused sign-ins, the values of both sides.

use askama::Template;

use crate::model::time::Timestamp;
use crate::web::admin::connections::SAMPLE_ID;
use crate::web::admin::connections::certificates::Certificate;
use crate::web::admin::connections::certificates::Usage;
use crate::web::admin::connections::setup::OurValues;
use crate::web::admin::connections::setup::TestResult;
use crate::web::admin::connections::trace::Diff;
use crate::web::admin::connections::trace::Trace;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::view::Alert;
use crate::web::view::Chip;
use crate::web::view::Tile;
use crate::web::view::Tone;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Draft,
    Active,
    Paused,
}

/// The top of each page of a connection.
#[derive(Debug, Clone)]
pub struct Head {
    pub id: String,
    pub name: String,
    /// What to call the identity provider in a sentence.
    pub idp: String,
    pub tile: Tile,
    pub protocol: String,
    pub status: Status,
    /// `142 people sign in with this · set up 3 Oct 2026 by Ada Example`
    pub about: String,
}

impl Head {
    pub fn chip(&self) -> Chip {
        match self.status {
            Status::Draft => Chip::new(Tone::Info, "Draft"),
            Status::Active => Chip::new(Tone::Ok, "Active"),
            Status::Paused => Chip::new(Tone::Neutral, "Paused"),
        }
    }

    pub fn path(&self) -> String {
        format!("/admin/security/sso/{}", self.id)
    }

    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }

    pub fn is_paused(&self) -> bool {
        self.status == Status::Paused
    }

    pub fn is_draft(&self) -> bool {
        self.status == Status::Draft
    }

    pub fn sample() -> Self {
        Self {
            id: SAMPLE_ID.to_owned(),
            name: "Okta".to_owned(),
            idp: "Okta".to_owned(),
            tile: Tile { letter: "O".to_owned(), tint: "a".to_owned() },
            protocol: "SAML 2.0".to_owned(),
            status: Status::Active,
            about: "142 people sign in with this · set up 3 Oct 2026 by Ada Example".to_owned(),
        }
    }
}

/// One of the four stages of replacing a certificate.
#[derive(Debug, Clone)]
pub struct RailStep {
    pub title: String,
    pub text: String,
    pub state: RailState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RailState {
    Done,
    Now,
    Ahead,
}

impl RailStep {
    pub fn class(&self) -> &'static str {
        match self.state {
            RailState::Done => "done",
            RailState::Now => "now",
            RailState::Ahead => "ahead",
        }
    }
}

/// A refused sign-in, in short.
#[derive(Debug, Clone)]
pub struct RefusedRow {
    pub title: String,
    pub who: String,
    pub at: Timestamp,
    pub reference: String,
    pub diff: Option<Diff>,
    pub fix: String,
}

/// What the identity provider gave us.
#[derive(Debug, Clone)]
pub struct TheirValues {
    pub idp_entity_id: String,
    pub sso_url: String,
    /// `Watched link, every 6 hours. Last check 22 Nov 2026, 08:58 UTC.`
    pub metadata: String,
    /// `Signed with our key · Redirect binding`
    pub requests: String,
}

/// `GET /admin/security/sso/{con}`
#[derive(Template)]
#[template(path = "admin/connections/show.html")]
pub struct ConnectionPage {
    pub shell: Shell,
    pub head: Head,
    /// Path of the step at which the copy goes on, if there is one.
    pub draft: Option<String>,
    pub alert: Option<Alert>,
    /// Four stages while a certificate is replaced; else empty.
    pub rail: Vec<RailStep>,
    pub certificates: Vec<Certificate>,
    /// Where the provider shows its certificates: `Applications`, `Doorward`, `Sign On`.
    pub compare: Vec<String>,
    /// When the metadata link was read last; none without a link.
    pub refreshed: Option<Timestamp>,
    pub test: Option<TestResult>,
    pub refused: Vec<RefusedRow>,
    /// In the last 7 days.
    pub refused_count: u64,
    pub ours: OurValues,
    pub theirs: TheirValues,
    /// `Password + SSO`
    pub mode: String,
    /// `Made at their first sign-in, as Member`
    pub new_people: String,
    /// `Joined by address`, `Kept apart`
    pub existing: String,
    pub idp_initiated: bool,
    /// Path of the page that brings the former settings back.
    pub former: Option<String>,
    pub may_write: bool,
}

impl Page for ConnectionPage {
    fn samples() -> Vec<Self> {
        let rail = |title: &str, text: &str, state| RailStep { title: title.to_owned(), text: text.to_owned(), state };
        let page = || Self {
            shell: Shell::sample(Place::Security),
            head: Head::sample(),
            draft: None,
            alert: None,
            rail: Vec::new(),
            certificates: vec![Certificate::sample(1, 3650, Usage::InUse)],
            compare: ["Applications", "Doorward", "Sign On", "SAML Signing Certificates"].map(str::to_owned).to_vec(),
            refreshed: Some(Timestamp::from_secs(1_795_338_000)),
            test: Some(TestResult {
                id: "test_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
                at: Timestamp::from_secs(1_795_010_520),
                by: "Ada Example".to_owned(),
                trace: Trace::sample_passed(),
                is_stale: false,
            }),
            refused: Vec::new(),
            refused_count: 0,
            ours: OurValues::sample(),
            theirs: TheirValues {
                idp_entity_id: "http://www.okta.com/exk1f9q2v8RzT7cYk5d7".to_owned(),
                sso_url: "https://acme.okta.com/app/exk1f9q2v8RzT7cYk5d7/sso/saml".to_owned(),
                metadata: "Watched link, every 6 hours. Last check OK.".to_owned(),
                requests: "Signed with our key · Redirect binding".to_owned(),
            },
            mode: "Password + SSO".to_owned(),
            new_people: "Made at their first sign-in, as Member".to_owned(),
            existing: "Kept apart until they link it".to_owned(),
            idp_initiated: false,
            former: None,
            may_write: true,
        };
        let trace = Trace::sample_refused();
        let refused = RefusedRow {
            title: trace.checks[2].title.clone(),
            who: trace.who.clone(),
            at: Timestamp::from_secs(1_795_106_460),
            reference: "DW-8K3F0".to_owned(),
            diff: trace.checks[2].diff.clone(),
            fix: trace.checks[2].fix.clone(),
        };
        let rolling = Self {
            alert: Some(Alert {
                tone: Tone::Warn,
                title: "Okta's signing certificate ends in 23 days".to_owned(),
                text: "The replacement is already trusted here. Ask your Okta admin to make it active before 15 Dec 2026, 09:14 UTC.".to_owned(),
                action: None,
            }),
            rail: vec![
                rail("New one trusted", "20 Nov 2026, added by Ada Example", RailState::Done),
                rail("Okta switches", "Before 15 Dec 2026, by your Okta admin", RailState::Now),
                rail("Seen in a sign-in", "Confirmed here by itself", RailState::Ahead),
                rail("Old one removed", "By you, when it is no longer used", RailState::Ahead),
            ],
            certificates: vec![Certificate::sample(1, 23, Usage::InUse), Certificate::sample(2, 3650, Usage::NotSeenYet)],
            refused: vec![refused],
            refused_count: 1,
            ..page()
        };
        let mut copied = page();
        copied.draft = Some(format!("/admin/security/sso/{SAMPLE_ID}/setup/test"));
        copied.former = Some(format!("/admin/security/sso/{SAMPLE_ID}/revert"));
        copied.shell = copied.shell.with_notice(Tone::Ok, "The certificate is trusted.");
        let mut paused = page();
        paused.head.status = Status::Paused;
        (paused.head.about, paused.test, paused.refreshed) = ("Nobody can sign in with this".to_owned(), None, None);
        paused.certificates = vec![Certificate::sample(1, -3, Usage::Before)];
        let mut reader = page();
        (reader.may_write, reader.idp_initiated) = (false, true);
        vec![rolling, page(), copied, paused, reader]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<ConnectionPage>(all, "admin/connections/show");
}
