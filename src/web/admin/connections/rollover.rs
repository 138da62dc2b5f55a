//! Replacing a certificate: the rail of its stages, what was removed and can come back, and the rehearsal that says what
//! a removal would cost.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::connections::ConnectionView;
use crate::app::rehearsal::SetChange;
use crate::model::connection::TrustedCertificate;
use crate::model::rehearsal::Rehearsal;
use crate::model::rehearsal::SignedBy;
use crate::model::rollover::Rollover;
use crate::model::rollover::Stage;
use crate::model::time::Timestamp;
use crate::web::admin::connections::SAMPLE_ID;
use crate::web::admin::connections::certificates::SAMPLE_SHA256;
use crate::web::admin::connections::handle::connection_id;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::present;
use crate::web::answer::SeeOther;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Action;
use crate::web::view::Chip;
use crate::web::view::Tone;
use crate::web::view::count;

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
    pub fn new(title: &str, text: impl Into<String>, state: RailState) -> Self {
        Self { title: title.to_owned(), text: text.into(), state }
    }

    pub fn class(&self) -> &'static str {
        match self.state {
            RailState::Done => "done",
            RailState::Now => "now",
            RailState::Ahead => "ahead",
        }
    }
}

/// The rail of a connection's certificates; without steps where nothing is being replaced.
#[derive(Debug, Clone, Default)]
pub struct Rail {
    pub steps: Vec<RailStep>,
    pub chip: Option<Chip>,
    /// The old one can go.
    pub removal: Option<Action>,
}

/// A certificate that is no longer trusted and can be brought back.
#[derive(Debug, Clone)]
pub struct Removed {
    pub sha256: String,
    pub subject: String,
    pub by: String,
    pub at: Timestamp,
    pub until: Timestamp,
}

impl Removed {
    pub fn slug(&self) -> String {
        self.sha256.replace(':', "").to_lowercase()
    }

    pub fn html_id(&self) -> String {
        format!("fp-{}", &self.slug()[..16])
    }

    pub fn sample() -> Self {
        Self {
            sha256: SAMPLE_SHA256.to_owned(),
            subject: "CN=acme, O=Okta".to_owned(),
            by: "ada@acme.example".to_owned(),
            at: Timestamp::from_secs(1_795_338_000),
            until: Timestamp::from_secs(1_797_930_000),
        }
    }
}

pub fn removed(view: &ConnectionView) -> Vec<Removed> {
    let show = |removed: &crate::model::rollover::RemovedCertificate| Removed {
        sha256: present::colons(&removed.certificate.sha256),
        subject: removed.certificate.subject.clone(),
        by: removed.removed_by.clone(),
        at: removed.removed_at,
        until: removed.kept_until(),
    };
    view.removed_certificates.iter().map(show).collect()
}

pub fn rail(view: &ConnectionView, now: Timestamp) -> Rail {
    let Some(rollover) = Rollover::of(&view.certificates, &view.removed_certificates, now) else {
        return Rail::default();
    };
    let idp = present::idp(&view.connection);
    let (new, old) = (rollover.new, rollover.old);
    let (seen_at, old_last) = (new.first_used_at.unwrap_or(now), old.last_used_at.unwrap_or(now));
    let trusted = format!("{}, {}", new.added_at.day(), source(new));
    let switches = format!("{idp} switches");
    let switched =
        || RailStep::new(&switches, format!("The old one signed last on {}", old_last.day()), RailState::Done);
    let seen = || RailStep::new("Seen in a sign-in", format!("First on {}", seen_at.day()), RailState::Done);
    let (later, chip) = match rollover.stage {
        Stage::Waiting => (
            vec![
                RailStep::new(&switches, format!("Before {}", old.not_after.day()), RailState::Now),
                RailStep::new("Seen in a sign-in", "Confirmed here by itself", RailState::Ahead),
                RailStep::new("Old one removed", "By you, a week after it signed last", RailState::Ahead),
            ],
            Chip::new(Tone::Warn, "Rolling over"),
        ),
        Stage::Seen { removable_at } if removable_at <= now => (
            vec![
                switched(),
                seen(),
                RailStep::new("Old one removed", "It has not signed for a week: you can remove it", RailState::Now),
            ],
            Chip::new(Tone::Info, "Old one unused"),
        ),
        Stage::Seen { removable_at } => (
            vec![
                switched(),
                seen(),
                RailStep::new(
                    "Old one removed",
                    format!("By you, from {} if it stays unused", removable_at.day()),
                    RailState::Now,
                ),
            ],
            Chip::new(Tone::Warn, "Rolling over"),
        ),
        Stage::Removed { at } => (
            vec![
                switched(),
                seen(),
                RailStep::new("Old one removed", format!("{}, can be undone below", at.day()), RailState::Done),
            ],
            Chip::new(Tone::Ok, "Rolled over"),
        ),
    };
    let path = format!("/admin/security/sso/{}/certificates/{}/remove", view.connection.id, old.sha256);
    Rail {
        steps: std::iter::once(RailStep::new("New one trusted", trusted, RailState::Done)).chain(later).collect(),
        chip: Some(chip),
        removal: rollover.offers_removal(now).then(|| Action::new("Remove the old one", path)),
    }
}

pub fn source(certificate: &TrustedCertificate) -> String {
    if certificate.source == "metadata" {
        format!("From the metadata, added by {}", certificate.added_by)
    } else {
        format!("Uploaded by {}", certificate.added_by)
    }
}

/// What a rehearsal of a removal found, in words.
#[derive(Debug, Clone)]
pub struct Rehearsed {
    pub tone: Tone,
    pub title: String,
    pub text: String,
}

fn number(n: u32, is_more: bool) -> String {
    if is_more { format!("more than {n}") } else { n.to_string() }
}

fn sign_ins(n: u32, is_more: bool) -> String {
    format!("{} {}", number(n, is_more), if n == 1 { "sign-in" } else { "sign-ins" })
}

pub fn rehearsed(rehearsal: &Rehearsal, idp: &str) -> Rehearsed {
    let say = |tone, title: String, text: String| Rehearsed { tone, title, text };
    let (total, lost) = (rehearsal.total(), rehearsal.lost());
    let all = sign_ins(total, rehearsal.is_more());
    let Some(last) = rehearsal.last_lost_at() else {
        return match total {
            0 => say(
                Tone::Neutral,
                "Nothing to rehearse with".to_owned(),
                format!(
                    "Nobody signed in through {idp} in the last 30 days, so nobody can say which one it signs with."
                ),
            ),
            _ => say(
                Tone::Ok,
                "Every sign-in of the last 30 days would still work".to_owned(),
                format!("{all} looked at. None of them needs it."),
            ),
        };
    };
    let what = format!(
        "Of {all} in the last 30 days, {} signed with it, the last on {}.",
        if lost == 1 { "1 was".to_owned() } else { format!("{} were", number(lost, lost_is_more(rehearsal))) },
        last.minute()
    );
    match rehearsal.since_lost() {
        0 => say(
            Tone::Bad,
            format!("{idp} signs with it"),
            format!("{what} None since then was signed with another: if {idp} goes on with it, nobody gets in."),
        ),
        since => say(
            Tone::Warn,
            "It was used in the last 30 days".to_owned(),
            format!(
                "{what} Since then {} signed with a certificate that stays. Whoever is still sent with the old one would be refused.",
                count(u64::from(since), "sign-in was", "sign-ins were")
            ),
        ),
    }
}

fn lost_is_more(rehearsal: &Rehearsal) -> bool {
    rehearsal.signed.iter().any(|signed| !signed.holds && signed.is_more())
}

/// Refused answers that would verify, in one sentence; none where there are none.
pub fn would_be_accepted(rehearsal: &Rehearsal) -> Option<String> {
    let newest = rehearsal.named.first()?;
    let n = rehearsal.named.len();
    let which = match n {
        1 => format!("One refused sign-in of the last 30 days names this certificate: {}.", newest.reference),
        _ => {
            format!("{n} refused sign-ins of the last 30 days name this certificate, the newest {}.", newest.reference)
        }
    };
    let then = if n == 1 { "This one would then be accepted" } else { "These would then be accepted" };
    Some(format!("{which} {then}, if its key really signed them: the name alone proves nothing, so compare first."))
}

/// A trusted certificate in the rehearsal of all.
#[derive(Debug, Clone)]
pub struct RehearsalRow {
    pub number: usize,
    pub sha256: String,
    pub signed: String,
    pub last: Option<Timestamp>,
    pub without: Rehearsed,
}

/// `GET …/certificates/rehearsal`
#[derive(Template)]
#[template(path = "admin/connections/rehearsal.html")]
pub struct RehearsalPage {
    pub shell: Shell,
    pub id: String,
    pub name: String,
    pub idp: String,
    pub since: Timestamp,
    pub rows: Vec<RehearsalRow>,
}

impl Page for RehearsalPage {
    fn samples() -> Vec<Self> {
        let since = Timestamp::from_secs(1_792_746_000);
        let row = |number, count, last: Option<i64>, lost| {
            let last_at = last.map(Timestamp::from_secs);
            let by = |holds, count| SignedBy { sha256: String::new(), holds, count, last_at, later: count };
            let rehearsal = Rehearsal { since, signed: vec![by(false, count), by(true, lost)], named: Vec::new() };
            RehearsalRow {
                number,
                sha256: SAMPLE_SHA256.to_owned(),
                signed: sign_ins(count, count >= 10_000),
                last: last_at,
                without: rehearsed(&rehearsal, "Okta"),
            }
        };
        let page = |rows| Self {
            shell: Shell::sample(Place::Security),
            id: SAMPLE_ID.to_owned(),
            name: "Okta".to_owned(),
            idp: "Okta".to_owned(),
            since,
            rows,
        };
        let used = Some(1_795_338_000);
        vec![
            page(vec![row(1, 10_000, used, 0), row(2, 104, used, 7)]),
            page(vec![row(1, 0, None, 0)]),
            page(Vec::new()),
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<RehearsalPage>(all, "admin/connections/rehearsal");
}

/// `GET …/certificates/rehearsal`
pub async fn rehearsal(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<RehearsalPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    let idp = present::idp(&view.connection);
    let (mut rows, mut since) = (Vec::new(), admin.visitor.now);
    for (n, certificate) in view.certificates.iter().enumerate() {
        let change = SetChange::without(&certificate.sha256);
        let found = app.rehearse(&admin.ctx, view.connection.id.clone(), change).await?;
        since = found.since;
        let own = found.signed.iter().find(|signed| signed.sha256 == certificate.sha256);
        rows.push(RehearsalRow {
            number: n + 1,
            sha256: present::colons(&certificate.sha256),
            signed: own.map(|own| sign_ins(own.count, own.is_more())).unwrap_or_default(),
            last: own.and_then(|own| own.last_at),
            without: rehearsed(&found, &idp),
        });
    }
    let name = view.connection.name.clone();
    let shell = shell(&request, Place::Security).await;
    Ok(Html(RehearsalPage { shell, id: view.connection.id.to_string(), name, idp, since, rows }))
}

/// `POST …/certificates/{sha256}/restore`
pub async fn restore(app: Data<App>, path: Path<(String, String)>, form: AdminForm) -> Result<SeeOther, PageError> {
    let id = connection_id(&path.0)?;
    app.restore_certificate(&form.admin.ctx, id.clone(), &path.1).await?;
    Ok(see_other(format!("/admin/security/sso/{id}")).notice("The certificate is trusted again."))
}
