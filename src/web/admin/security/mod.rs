//! Security & Access: the four cards, the sign-in mode, what happened lately.

mod alerts;

use actix_web::HttpRequest;
use actix_web::web::Data;
use askama::Template;

use crate::app::App;
use crate::app::connections::ConnectionView;
use crate::model::audit;
use crate::model::audit::AuditEvent;
use crate::model::audit::AuditFilter;
use crate::model::connection::Status;
use crate::model::connection::TestStatus;
use crate::model::organization;
use crate::model::page::Window;
use crate::model::provider::Protocol;
use crate::model::role::Permission;
use crate::model::rollover;
use crate::model::time::Timestamp;
use crate::web::admin::connections::present;
use crate::web::admin::directories::card;
use crate::web::admin::directories::card::DirectoryRow;
use crate::web::answer::SeeOther;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::Member;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::routes::Needs;
use crate::web::routes::Routes;
use crate::web::shell::shell;
use crate::web::sign_in::home_of;
use crate::web::view::Action;
use crate::web::view::ActivityRow;
use crate::web::view::Alert;
use crate::web::view::Chip;
use crate::web::view::Tile;
use crate::web::view::Tone;
use crate::web::view::count;

/// One connection on the card.
#[derive(Debug, Clone)]
pub struct ConnectionRow {
    pub id: String,
    pub name: String,
    pub tile: Tile,
    /// `SAML 2.0`
    pub protocol: String,
    pub state: RowState,
}

#[derive(Debug, Clone)]
pub enum RowState {
    /// `resume` is the first step that is not done.
    Draft {
        step: usize,
        of: usize,
        resume: String,
    },
    Active {
        last_sign_in: Option<Timestamp>,
    },
    /// Active, and most sign-ins are refused: how many, since `09:02`, why in a word.
    Failing {
        refused: u64,
        since: String,
        why: String,
        reference: String,
    },
    /// The only certificate has ended.
    Expired {
        on: Timestamp,
    },
    Paused,
}

impl ConnectionRow {
    /// The state in a word, for the card and the row.
    pub fn chip(&self) -> Chip {
        match &self.state {
            RowState::Draft { .. } => Chip::new(Tone::Info, "Draft"),
            RowState::Active { .. } => Chip::new(Tone::Ok, "Active"),
            RowState::Failing { .. } => Chip::new(Tone::Bad, "Failing"),
            RowState::Expired { .. } => Chip::new(Tone::Bad, "Expired"),
            RowState::Paused => Chip::new(Tone::Neutral, "Paused"),
        }
    }

    /// How much it matters that someone looks at it.
    fn weight(&self) -> u8 {
        match self.state {
            RowState::Expired { .. } => 4,
            RowState::Failing { .. } => 3,
            RowState::Active { .. } => 2,
            RowState::Draft { .. } => 1,
            RowState::Paused => 0,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInMode {
    Password,
    PasswordAndSso,
    SsoOnly,
}

/// `GET /admin/security`
#[derive(Template)]
#[template(path = "admin/security.html")]
pub struct SecurityPage {
    pub shell: Shell,
    /// The worst.
    pub alert: Option<Alert>,
    /// How many more there are.
    pub more_alerts: usize,
    pub connections: Vec<ConnectionRow>,
    pub directories: Vec<DirectoryRow>,
    /// May set up a directory.
    pub may_sync: bool,
    /// `Passed 18 Nov 2026 by Ada Example`
    pub last_test: Option<String>,
    /// `Expires in 23 days, replacement ready`
    pub certificate: Option<String>,
    pub mode: SignInMode,
    pub mode_since: Option<Timestamp>,
    /// Five at most.
    pub activity: Vec<ActivityRow>,
}

impl SecurityPage {
    /// The chip of the card: the state that matters most.
    pub fn sso(&self) -> Chip {
        let worst = self.connections.iter().max_by_key(|row| row.weight());
        worst.map_or(Chip::new(Tone::Neutral, "Not set up"), ConnectionRow::chip)
    }

    pub fn sync(&self) -> Chip {
        card::chip(&self.directories)
    }

    fn mode_is(&self, mode: &str) -> bool {
        mode == match self.mode {
            SignInMode::Password => "password",
            SignInMode::PasswordAndSso => "password_and_sso",
            SignInMode::SsoOnly => "sso_only",
        }
    }
}

impl Page for SecurityPage {
    fn samples() -> Vec<Self> {
        let at = Timestamp::from_secs;
        let row = |name: &str, letter: &str, tint: &str, state| ConnectionRow {
            id: "con_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            name: name.to_owned(),
            tile: Tile { letter: letter.to_owned(), tint: tint.to_owned() },
            protocol: "SAML 2.0".to_owned(),
            state,
        };
        let draft = || RowState::Draft { step: 3, of: 6, resume: "metadata".to_owned() };
        let event = |title: &str, chip, detail: &str, link, who: &str, when| ActivityRow {
            title: title.to_owned(),
            chip,
            detail: detail.to_owned(),
            link,
            who: who.to_owned(),
            at: at(when),
        };
        let trace =
            Action::new("Read the trace", "/admin/security/sso/con_01k2v9q8xw3f6t0m4n7p5r1sza/sign-ins/DW-8K3F0");
        let activity = vec![
            event(
                "Certificate added to Okta",
                None,
                "Uploaded, SHA-256 61:11:D3:32…",
                None,
                "Ada Example",
                1_795_169_400,
            ),
            event(
                "Sign-in refused",
                Some(Chip::new(Tone::Bad, "Audience")),
                "Okta's audience doesn't match ours.",
                Some(trace),
                "alan@acme.example",
                1_795_106_460,
            ),
            event("Test SSO passed", None, "Okta, 5 checks", None, "Ada Example", 1_795_010_520),
            event("Connection made", None, "Okta, SAML 2.0", None, "Ada Example", 1_795_009_620),
        ];
        let empty = || Self {
            shell: Shell::sample(Place::Security),
            alert: None,
            more_alerts: 0,
            connections: Vec::new(),
            directories: Vec::new(),
            may_sync: true,
            last_test: None,
            certificate: None,
            mode: SignInMode::Password,
            mode_since: None,
            activity: Vec::new(),
        };
        let working = || Self {
            connections: vec![
                row("Okta", "O", "a", RowState::Active { last_sign_in: Some(at(1_795_338_000)) }),
                row("Entra ID", "E", "b", draft()),
            ],
            last_test: Some("Passed 18 Nov 2026 by Ada Example".to_owned()),
            certificate: Some("Valid until 20 Nov 2036".to_owned()),
            mode: SignInMode::PasswordAndSso,
            mode_since: Some(at(1_791_021_600)),
            activity: activity.clone(),
            ..empty()
        };
        let alert = |tone, title: &str, text: &str, label: &str, path: &str| {
            Some(Alert { tone, title: title.to_owned(), text: text.to_owned(), action: Some(Action::new(label, path)) })
        };
        let certificates = "/admin/security/sso/con_01k2v9q8xw3f6t0m4n7p5r1sza#certificates";
        let mut drafting = Self { connections: vec![row("Okta", "O", "a", draft())], ..empty() };
        drafting.activity = activity[3..].to_vec();
        let ending = Self {
            alert: alert(
                Tone::Warn,
                "Okta's signing certificate ends in 23 days",
                "The replacement is already trusted here. Ask your Okta admin to make it active before 15 Dec 2026, 09:14 UTC, and nobody will notice the switch.",
                "Review certificates",
                certificates,
            ),
            certificate: Some("Expires in 23 days, replacement ready".to_owned()),
            ..working()
        };
        let failing = RowState::Failing {
            refused: 12,
            since: "09:02".to_owned(),
            why: "audience".to_owned(),
            reference: "DW-8K3F0".to_owned(),
        };
        let failing = Self {
            alert: alert(
                Tone::Bad,
                "12 sign-ins with Okta refused since 09:02",
                "Okta's audience doesn't match ours.",
                "Read the trace",
                "/admin/security/sso/con_01k2v9q8xw3f6t0m4n7p5r1sza/sign-ins/DW-8K3F0",
            ),
            more_alerts: 2,
            connections: vec![row("Okta", "O", "a", failing), row("Shibboleth", "S", "c", RowState::Paused)],
            ..working()
        };
        let expired = Self {
            alert: alert(
                Tone::Bad,
                "Okta's signing certificate has ended",
                "It ended on 15 Dec 2026 and Okta still signs with it. Sign-in goes on, but ask your Okta admin for a new one today.",
                "Review certificates",
                certificates,
            ),
            connections: vec![row("Okta", "O", "a", RowState::Expired { on: at(1_797_326_040) })],
            certificate: Some("Ended 15 Dec 2026".to_owned()),
            ..working()
        };
        let sync = |chip, text: &str, problems: &[&str], actions: &[&str]| Self {
            directories: vec![card::sample(chip, text, problems, actions)],
            ..working()
        };
        let mut synced: Vec<Self> = vec![
            sync(Chip::new(Tone::Info, "Waiting"), "No request from Okta yet", &[], &["Resume"]),
            sync(Chip::new(Tone::Ok, "Syncing"), "142 people, 6 groups", &[], &["Manage"]),
            sync(
                Chip::new(Tone::Bad, "Held"),
                "142 people, 6 groups",
                &["Held since 20 Nov 2026, 10:14 UTC: many people would lose access", "Okta's token ends in 7 days"],
                &["Let pass", "Turn off", "Manage"],
            ),
            sync(Chip::new(Tone::Neutral, "Off"), "142 people, 6 groups, turned off", &[], &["Manage"]),
        ];
        let mut only = Self { mode: SignInMode::SsoOnly, ..working() };
        only.shell = only.shell.with_notice(Tone::Ok, "Okta is turned on.");
        synced.extend([empty(), drafting, working(), ending, failing, expired, only]);
        synced
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<SecurityPage>(all, "admin/security");
}

pub fn routes(r: &mut Routes) {
    r.get("/admin", Needs::Member, home);
    r.get("/admin/security", Needs::Console(Permission::ConnectionsRead), show);
    r.get("/dashboard/account/sso", Needs::Nothing, old_address);
}

/// `GET /admin`
pub async fn home(member: Member) -> SeeOther {
    see_other(home_of(&member.signed_in))
}

/// `GET /dashboard/account/sso`: where another product has it.
pub async fn old_address() -> SeeOther {
    see_other("/admin/security")
}

/// `GET /admin/security`
pub async fn show(request: HttpRequest, app: Data<App>, admin: Admin) -> Result<Html<SecurityPage>, PageError> {
    let now = admin.visitor.now;
    let views = app.list_connections(&admin.ctx, Window::first(Window::MAX)).await?.rows;
    let events = app.list_audit_events(&admin.ctx, AuditFilter::default(), Window::first(40)).await?.rows;
    let mut alerts: Vec<(alerts::Worst, Alert)> =
        views.iter().flat_map(|view| alerts::alerts(view, &app.urls, now)).collect();
    let mut rows = Vec::new();
    let directories = match admin.ctx.may(Permission::DirectoriesRead) {
        true => app.list_directories(&admin.ctx).await?,
        false => Vec::new(),
    };
    for view in &directories {
        let standing = app.find_standing(&admin.ctx, view.directory.id.clone()).await?;
        alerts.extend(card::alerts(view, &standing, now).into_iter().map(|alert| (alerts::worst_of(&alert), alert)));
        rows.push(card::row(view, &standing, now));
    }
    alerts.sort_by_key(|(worst, _)| *worst);
    let tests = views.iter().filter_map(|view| Some((view, view.last_test.as_ref()?)));
    let last_test = tests.max_by_key(|(_, test)| test.finished_at);
    let page = SecurityPage {
        shell: shell(&request, Place::Security).await,
        more_alerts: alerts.len().saturating_sub(1),
        alert: alerts.into_iter().next().map(|(_, alert)| alert),
        connections: views.iter().map(|view| row(view, now)).collect(),
        directories: rows,
        may_sync: admin.ctx.may(Permission::DirectoriesWrite),
        last_test: last_test.map(|(view, test)| {
            let verdict = if test.status == TestStatus::Passed { "Passed" } else { "Failed" };
            let of = if views.len() > 1 { format!("{}: ", view.connection.name) } else { String::new() };
            format!("{of}{verdict} {} by {}", test.finished_at.unwrap_or(test.created_at).day(), test.started_by)
        }),
        certificate: certificate(&views, now),
        mode: match admin.signed_in.organization.sign_in_mode {
            organization::SignInMode::Password => SignInMode::Password,
            organization::SignInMode::PasswordAndSso => SignInMode::PasswordAndSso,
            organization::SignInMode::SsoOnly => SignInMode::SsoOnly,
        },
        mode_since: None,
        activity: events.iter().filter(|event| is_telling(event)).take(5).map(activity).collect(),
    };
    Ok(Html(page))
}

/// When the last certificate of a connection ends.
fn last_end(view: &ConnectionView) -> Option<Timestamp> {
    view.certificates.iter().map(|certificate| certificate.not_after).max()
}

fn days_left(end: Timestamp, now: Timestamp) -> i64 {
    (end.secs() - now.secs()).div_euclid(86_400)
}

/// A few refusals are people's mistakes; so many since the last success are the connection's.
const FAILING: u32 = 3;

fn row(view: &ConnectionView, now: Timestamp) -> ConnectionRow {
    let connection = &view.connection;
    let failing = view.streak.filter(|(refused, _)| *refused >= FAILING).zip(view.last_refused.as_ref());
    let state = match connection.status {
        Status::Draft => {
            let step = present::next_step(view);
            RowState::Draft { step: step.number(), of: 6, resume: step.slug().to_owned() }
        }
        Status::Disabled => RowState::Paused,
        Status::Active => match (last_end(view).filter(|end| *end <= now), failing) {
            (Some(on), _) => RowState::Expired { on },
            (None, Some(((refused, since), last))) => RowState::Failing {
                refused: u64::from(refused),
                since: since.minute(),
                why: last.code.as_deref().map(short_reason).unwrap_or_default(),
                reference: last.reference.clone().unwrap_or_default(),
            },
            (None, None) => RowState::Active { last_sign_in: view.last_sign_in.as_ref().map(|sign_in| sign_in.at) },
        },
    };
    ConnectionRow {
        id: connection.id.to_string(),
        name: connection.name.clone(),
        tile: Tile::of_provider(&connection.provider, &connection.name),
        protocol: Protocol::Saml.name().to_owned(),
        state,
    }
}

/// `saml_signature_cert` → `signature cert`
fn short_reason(code: &str) -> String {
    code.trim_start_matches("saml_").trim_start_matches("sso_").replace('_', " ")
}

/// Of the certificates in use at the connections that are on, the one that ends first.
fn certificate(views: &[ConnectionView], now: Timestamp) -> Option<String> {
    let active = views.iter().filter(|view| view.connection.status == Status::Active);
    let used = active.filter_map(|view| Some((view, rollover::in_use(&view.certificates, now)?)));
    let (view, first) = used.min_by_key(|(_, used)| used.not_after)?;
    let replaced = if rollover::has_replacement(&view.certificates, first, now) { ", replacement ready" } else { "" };
    Some(match days_left(first.not_after, now) {
        ..0 => format!("Ended {}{replaced}", first.not_after.day()),
        0 => format!("Expires today{replaced}"),
        400.. => format!("Valid until {}", first.not_after.day()),
        left => format!("Expires in {}{replaced}", count(left.unsigned_abs(), "day", "days")),
    })
}

/// Everyday sign-ins would push everything else off the list.
fn is_telling(event: &AuditEvent) -> bool {
    !matches!(audit::Action::parse(&event.action), Some(audit::Action::SignedIn | audit::Action::SignedOut))
}

/// An audit event, for people.
pub fn activity(event: &AuditEvent) -> ActivityRow {
    let trace = event.reference.as_ref().filter(|_| event.target.kind == "connection").map(|reference| {
        Action::new("Read the trace", format!("/admin/security/sso/{}/sign-ins/{reference}", event.target.id))
    });
    ActivityRow {
        title: event.label().to_owned(),
        chip: event.code.as_deref().map(|code| Chip::new(Tone::Bad, short_reason(code))),
        detail: event.target.name.clone(),
        link: trace,
        who: event.actor.name.clone(),
        at: event.at,
    }
}
