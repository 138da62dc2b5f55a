//! A connection's own page: certificates, last test, refused sign-ins, the values of both sides.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Urls;
use crate::app::connections::ConnectionView;
use crate::model::connection::Binding;
use crate::model::connection::SamlSettings;
use crate::model::connection::watch_stage;
use crate::model::connection_key::KeyState;
use crate::model::organization::SignInMode;
use crate::model::page::Window;
use crate::model::role::DefaultRole;
use crate::model::role::Permission;
use crate::model::sign_in::SignIn;
use crate::model::sign_in::SignInFilter;
use crate::model::time::Timestamp;
use crate::model::time::days;
use crate::web::admin::connections::SAMPLE_ID;
use crate::web::admin::connections::certificates::Certificate;
use crate::web::admin::connections::certificates::Usage;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::keys::OurKeys;
use crate::web::admin::connections::present;
use crate::web::admin::connections::present::Facts;
use crate::web::admin::connections::present::SignOut;
use crate::web::admin::connections::refresh;
use crate::web::admin::connections::refresh::Watched;
use crate::web::admin::connections::rollover;
use crate::web::admin::connections::rollover::Rail;
use crate::web::admin::connections::rollover::RailState;
use crate::web::admin::connections::rollover::RailStep;
use crate::web::admin::connections::rollover::Removed;
use crate::web::admin::connections::setup::OurValues;
use crate::web::admin::connections::test::TestResult;
use crate::web::admin::connections::trace::Diff;
use crate::web::admin::connections::trace::Trace;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Action;
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
    /// Id of the provider guide that fits.
    pub connector: &'static str,
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

    pub fn sample() -> Self {
        Self {
            id: SAMPLE_ID.to_owned(),
            name: "Okta".to_owned(),
            idp: "Okta".to_owned(),
            connector: "okta-saml",
            tile: Tile { letter: "O".to_owned(), tint: "a".to_owned() },
            protocol: "SAML 2.0".to_owned(),
            status: Status::Active,
            about: "142 people sign in with this · set up 3 Oct 2026 by Ada Example".to_owned(),
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
    /// `Signed with our key · Redirect binding`
    pub requests: String,
    /// Where it takes sign-out requests; empty where it has no single logout.
    pub slo_url: String,
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
    pub rail: Rail,
    pub certificates: Vec<Certificate>,
    pub removed: Vec<Removed>,
    pub our_keys: OurKeys,
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
    pub watched: Watched,
    /// `Password + SSO`
    pub mode: String,
    /// `Made at their first sign-in, as Member`
    pub new_people: String,
    /// `Joined by address`, `Kept apart`
    pub existing: String,
    pub idp_initiated: bool,
    pub sign_out: SignOut,
    /// Path of the page that brings the former settings back.
    pub former: Option<String>,
    pub may_write: bool,
}

impl Page for ConnectionPage {
    fn samples() -> Vec<Self> {
        let page = || Self {
            shell: Shell::sample(Place::Security),
            head: Head::sample(),
            draft: None,
            alert: None,
            rail: Rail::default(),
            certificates: vec![Certificate::sample(1, 3650, Usage::InUse)],
            removed: Vec::new(),
            our_keys: OurKeys::sample(&[(KeyState::Current, 3650)]),
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
                requests: "Signed with our key · Redirect binding".to_owned(),
                slo_url: "https://acme.okta.com/app/exk1f9q2v8RzT7cYk5d7/slo/saml".to_owned(),
            },
            watched: Watched::sample(&[]),
            mode: "Password + SSO".to_owned(),
            new_people: "Made at their first sign-in, as Member".to_owned(),
            existing: "Kept apart until they link it".to_owned(),
            idp_initiated: false,
            sign_out: SignOut { text: "Here and at Okta, last confirmed 22 Nov 2026".to_owned(), warning: None },
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
            rail: Rail {
                steps: vec![
                    RailStep::new("New one trusted", "20 Nov 2026, added by Ada Example", RailState::Done),
                    RailStep::new("Okta switches", "Before 15 Dec 2026", RailState::Now),
                    RailStep::new("Seen in a sign-in", "Confirmed here by itself", RailState::Ahead),
                    RailStep::new("Old one removed", "By you, a week after it signed last", RailState::Ahead),
                ],
                chip: Some(Chip::new(Tone::Warn, "Rolling over")),
                removal: None,
            },
            certificates: vec![Certificate::sample(1, 23, Usage::InUse), Certificate::sample(2, 3650, Usage::NotSeenYet)],
            watched: Watched::sample(&[
                "1 certificate is new.",
                "The SSO URL was https://acme.okta.com/a and is https://acme.okta.com/b.",
            ]),
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
        paused.removed = vec![Removed::sample()];
        let mut unused = page();
        unused.rail = Rail {
            steps: vec![RailStep::new("Old one removed", "It has not signed for a week", RailState::Now)],
            chip: Some(Chip::new(Tone::Info, "Old one unused")),
            removal: Some(Action::new("Remove the old one", format!("/admin/security/sso/{SAMPLE_ID}"))),
        };
        unused.our_keys = OurKeys::sample(&[(KeyState::Current, 3650), (KeyState::Retired, 40)]);
        let mut reader = page();
        reader.our_keys = OurKeys::sample(&[(KeyState::Current, 30), (KeyState::Next, 3650)]);
        (reader.may_write, reader.idp_initiated) = (false, true);
        reader.sign_out = SignOut::untried("Okta");
        vec![rolling, page(), copied, paused, unused, reader]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<ConnectionPage>(all, "admin/connections/show");
}

/// `GET /admin/security/sso/{con}`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<ConnectionPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    let (connection, now) = (&view.connection, admin.visitor.now);
    let settings = connection.shown().map(|revision| revision.settings.clone()).unwrap_or_default();
    let only_refused = SignInFilter { refused: Some(true), ..SignInFilter::default() };
    let refused =
        app.list_sign_ins(&admin.ctx, connection.id.clone(), only_refused, None, Window::first(20)).await?.rows;
    let week: Vec<&SignIn> = refused.iter().filter(|sign_in| sign_in.at > now - days(7)).collect();
    let mode = app.find_mode(&admin.ctx).await?;
    let gone = refresh::rehearse_gone(&app, &admin.ctx, &view).await?;
    let page = ConnectionPage {
        shell: shell(&request, Place::Security).await,
        head: present::head(&view),
        draft: (connection.draft.is_some() && connection.active.is_some())
            .then(|| present::wizard(&view, present::next_step(&view)).here()),
        alert: alert(&view, now),
        rail: rollover::rail(&view, now),
        certificates: certificates(&view, now),
        removed: rollover::removed(&view),
        our_keys: OurKeys::of(&view, now),
        compare: Vec::new(),
        refreshed: connection.metadata_tried_at.filter(|_| settings.metadata_url.is_some()),
        test: present::last_test(&view, &app.urls),
        refused: week.iter().take(3).map(|sign_in| refused_row(&view, sign_in, &app.urls)).collect(),
        refused_count: week.len() as u64,
        ours: present::ours(connection, &app.urls),
        theirs: theirs(&settings),
        watched: refresh::watched(&view, gone.as_ref()),
        mode: mode_name(mode).to_owned(),
        new_people: match (settings.jit, settings.default_role) {
            (false, _) => "Not created at sign-in".to_owned(),
            (true, DefaultRole::None) => "Refused: no default role".to_owned(),
            (true, DefaultRole::Role(role)) => format!("Made at their first sign-in, as {}", role.name()),
        },
        existing: if settings.link_existing { "Joined by address" } else { "Kept apart until they link it" }.to_owned(),
        idp_initiated: settings.allow_idp_initiated,
        sign_out: present::sign_out(connection, &settings),
        former: connection.former.as_ref().map(|_| format!("/admin/security/sso/{}/revert", connection.id)),
        may_write: admin.ctx.may(Permission::ConnectionsWrite),
    };
    Ok(Html(page))
}

fn certificates(view: &ConnectionView, now: Timestamp) -> Vec<Certificate> {
    let gone = refresh::gone(view);
    let mut all = present::certificates(&view.certificates, now);
    all.iter_mut().for_each(|one| one.is_gone = gone.contains(&one.slug()));
    all
}

fn alert(view: &ConnectionView, now: Timestamp) -> Option<Alert> {
    if view.connection.active.is_none() {
        let next = present::wizard(view, present::next_step(view));
        return Some(Alert {
            tone: Tone::Info,
            title: "This is a draft: nobody can sign in with it yet".to_owned(),
            text: format!("Next is step {}: {}.", next.step.number(), next.title()),
            action: Some(Action::new("Resume", next.here())),
        });
    }
    refresh::alert(view).or_else(|| key_alert(view, now))
}

/// Our own certificate ends soon, and no next one is on its way.
fn key_alert(view: &ConnectionView, now: Timestamp) -> Option<Alert> {
    let current = view.keys.iter().find(|key| key.state == KeyState::Current)?;
    let stage = watch_stage(current.not_after, now)?;
    let idp = present::idp(&view.connection);
    let (tone, title) = match stage {
        0 => (Tone::Bad, format!("Our certificate ended on {}", current.not_after.day())),
        _ => (Tone::Warn, format!("Our certificate ends on {}", current.not_after.day())),
    };
    let text = format!(
        "Publish the next one, give it to {idp}, then switch. A provider that checks dates refuses our requests after that day."
    );
    let action =
        Some(Action::new("Our certificate", format!("/admin/security/sso/{}#our-certificate", view.connection.id)));
    Some(Alert { tone, title, text, action })
}

fn refused_row(view: &ConnectionView, sign_in: &SignIn, urls: &Urls) -> RefusedRow {
    let facts = Facts::of(sign_in);
    let words = present::words(&view.connection, urls, sign_in.code.as_deref().unwrap_or_default(), &facts);
    RefusedRow {
        title: words.what,
        who: sign_in.who.clone().unwrap_or_else(|| "Somebody not known yet".to_owned()),
        at: sign_in.at,
        reference: sign_in.reference.clone().unwrap_or_default(),
        diff: facts.received.zip(facts.expected).map(|(sent, expected)| Diff::new(sent, expected)),
        fix: words.fix,
    }
}

fn theirs(settings: &SamlSettings) -> TheirValues {
    let binding = match settings.sso_binding {
        Binding::Redirect => "Redirect",
        Binding::Post => "POST",
    };
    TheirValues {
        idp_entity_id: settings.idp_entity_id.clone().unwrap_or_default(),
        sso_url: settings.sso_url.clone().unwrap_or_default(),
        requests: format!("Signed with our key · {binding} binding"),
        slo_url: settings.slo_url.clone().unwrap_or_default(),
    }
}

pub fn mode_name(mode: SignInMode) -> &'static str {
    match mode {
        SignInMode::Password => "Password only",
        SignInMode::PasswordAndSso => "Password + SSO",
        SignInMode::SsoOnly => "SSO only",
    }
}
