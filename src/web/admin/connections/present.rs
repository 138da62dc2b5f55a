//! From what the use cases know of a connection to what its pages show.

use std::sync::LazyLock;

use crate::app::Urls;
use crate::app::connections::ConnectionView;
use crate::model::connection::Connection;
use crate::model::connection::Reach;
use crate::model::connection::SamlSettings;
use crate::model::connection::Status;
use crate::model::connection::TrustedCertificate;
use crate::model::invalid::Invalid;
use crate::model::provider::Catalogue;
use crate::model::provider::Connector;
use crate::model::provider::Protocol;
use crate::model::refusal::Details;
use crate::model::refusal::Refusal;
use crate::model::refusal::Words;
use crate::model::sign_in;
use crate::model::sign_in::TraceCheck;
use crate::model::time::Timestamp;
use crate::model::time::in_words;
use crate::web::admin::connections::certificates::Certificate;
use crate::web::admin::connections::certificates::Usage;
use crate::web::admin::connections::rollover;
use crate::web::admin::connections::setup::OurValues;
use crate::web::admin::connections::setup::Step;
use crate::web::admin::connections::setup::Wizard;
use crate::web::admin::connections::show;
use crate::web::admin::connections::show::Head;
use crate::web::admin::connections::test::TestResult;
use crate::web::admin::connections::trace::AttributeRow;
use crate::web::admin::connections::trace::Check;
use crate::web::admin::connections::trace::Diff;
use crate::web::admin::connections::trace::Trace;
use crate::web::view::Tile;
use crate::web::view::Tone;
use crate::web::view::count;

/// The catalogue's page about this connection's provider.
pub fn connector(connection: &Connection) -> &'static Connector {
    static CUSTOM: LazyLock<&'static Connector> =
        LazyLock::new(|| Catalogue::get().connector("custom-saml").expect("a test checks that the catalogue has it"));
    Catalogue::get().connectors(Protocol::Saml).find(|known| known.provider == connection.provider).unwrap_or(&CUSTOM)
}

/// What to call the identity provider in a sentence.
pub fn idp(connection: &Connection) -> String {
    let connector = connector(connection);
    if connector.provider == "custom" { connection.name.clone() } else { connector.vendor().name.clone() }
}

pub fn head(view: &ConnectionView) -> Head {
    let connection = &view.connection;
    let people = count(u64::from(view.members), "person signs in with this", "people sign in with this");
    Head {
        id: connection.id.to_string(),
        name: connection.name.clone(),
        idp: idp(connection),
        connector: &connector(connection).id,
        tile: Tile::of_provider(&connection.provider, &connection.name),
        protocol: Protocol::Saml.name().to_owned(),
        status: match connection.status {
            Status::Draft => show::Status::Draft,
            Status::Active => show::Status::Active,
            Status::Disabled => show::Status::Paused,
        },
        about: format!("{people} · set up {}", connection.created_at.day()),
    }
}

pub fn ours(connection: &Connection, urls: &Urls) -> OurValues {
    OurValues {
        acs_url: connection.acs_url.clone(),
        entity_id: connection.entity_id.clone(),
        slo_url: connection.slo_url(),
        metadata_url: format!("{}/metadata", connection.entity_id),
        certificate_url: format!("{}/certificate", connection.entity_id),
        sign_in_url: urls.join("/sign-in"),
        app_name: "Doorward".to_owned(),
    }
}

/// The steps whose answers are there.
fn done(view: &ConnectionView) -> Vec<Step> {
    let settings = view.connection.editable().map(|revision| &revision.settings);
    let has_metadata = settings.is_some_and(|settings| settings.idp_entity_id.is_some() && settings.sso_url.is_some());
    let mut done = vec![Step::Provider];
    if has_metadata && view.provider_certificates() > 0 {
        done.extend([Step::App, Step::Metadata, Step::Attributes]);
    }
    if view.has_passed_test {
        done.push(Step::Test);
    }
    if view.connection.status == Status::Active && view.connection.draft.is_none() {
        done.push(Step::On);
    }
    done
}

fn has_test(view: &ConnectionView) -> bool {
    view.last_test.is_some() || view.connection.active.is_some()
}

/// The first step that is not done.
pub fn next_step(view: &ConnectionView) -> Step {
    let done = done(view);
    Step::ALL.into_iter().find(|step| !done.contains(step)).unwrap_or(Step::On)
}

pub fn wizard(view: &ConnectionView, step: Step) -> Wizard {
    Wizard {
        id: view.connection.id.to_string(),
        name: view.connection.name.clone(),
        connector: connector(&view.connection),
        step,
        // Their defaults do, so a step that nobody has opened yet counts as done, but bears no tick of its own.
        done: done(view).into_iter().filter(|one| *one != Step::Attributes || step > *one || has_test(view)).collect(),
        is_change: view.connection.active.is_some(),
        is_copy: view.connection.active.is_some() && view.connection.draft.is_some(),
        version: view.connection.version.to_string(),
    }
}

/// How far a sign-out reaches, and what is worth a second look: in a word, and in a sentence.
#[derive(Debug, Clone)]
pub struct SignOut {
    /// `Here alone`, `Here and at Okta`
    pub text: String,
    pub warning: Option<(&'static str, String)>,
}

impl SignOut {
    pub fn untried(idp: &str) -> Self {
        let sentence = format!(
            "{idp} has not confirmed a sign-out at this single logout URL yet: sign in with it and sign out once. Whoever signs out is signed out here either way."
        );
        Self { text: format!("Here and at {idp}"), warning: Some(("Not confirmed yet", sentence)) }
    }
}

pub fn sign_out(connection: &Connection, settings: &SamlSettings) -> SignOut {
    let idp = idp(connection);
    match connection.reach(settings) {
        Reach::Here => SignOut { text: "Here alone".to_owned(), warning: None },
        Reach::NoAddress => {
            let sentence = format!(
                "The session at {idp} should end too, but no single logout URL is saved. Type it in, or read metadata that names it."
            );
            SignOut { text: "Here alone".to_owned(), warning: Some(("Single logout URL missing", sentence)) }
        }
        Reach::Provider(None) => SignOut::untried(&idp),
        Reach::Provider(Some(at)) => {
            SignOut { text: format!("Here and at {idp}, last confirmed {}", at.day()), warning: None }
        }
    }
}

pub fn colons(hex: &str) -> String {
    let bytes: Vec<String> =
        hex.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
    bytes.join(":")
}

/// SHA-256 fingerprints within a text, written as certificates are shown elsewhere.
pub fn fingerprints(text: &str) -> String {
    let is_fingerprint = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = text.split(", ").map(|word| if is_fingerprint(word) { colons(word) } else { word.to_owned() });
    words.collect::<Vec<_>>().join(", ")
}

/// How far the two times of a refusal are apart.
fn apart(facts: &Facts<'_>) -> Option<String> {
    let (theirs, ours) = (Timestamp::parse(facts.received?)?, Timestamp::parse(facts.expected?)?);
    Some(in_words(ours.since(theirs).max(theirs.since(ours))))
}

pub fn certificates(all: &[TrustedCertificate], now: Timestamp) -> Vec<Certificate> {
    let latest = all.iter().filter_map(|certificate| certificate.last_used_at).max();
    let view = |(n, certificate): (usize, &TrustedCertificate)| Certificate {
        number: n + 1,
        sha256: colons(&certificate.sha256),
        sha1: colons(&certificate.sha1),
        subject: certificate.subject.clone(),
        key: certificate.key.clone(),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        days_left: (certificate.not_after.secs() - now.secs()).div_euclid(86_400),
        is_early: now < certificate.not_before,
        used: match certificate.last_used_at {
            None => Usage::NotSeenYet,
            at if at == latest => Usage::InUse,
            Some(_) => Usage::Before,
        },
        last_seen: certificate.last_used_at,
        source: rollover::source(certificate),
        added: certificate.added_at,
        is_gone: false,
    };
    all.iter().enumerate().map(view).collect()
}

/// The words of a code for this connection.
pub fn words(connection: &Connection, urls: &Urls, code: &str, facts: &Facts<'_>) -> Words {
    let start_url = urls.join(&format!("/sso/{}/start", connection.id));
    let ours = if code == "saml_idp_initiated" { &start_url } else { facts.expected.unwrap_or("another value") };
    // A deactivation is told as who did it and when; other refusals have one value from outside.
    let when = if code == "sso_deactivated" { facts.expected } else { facts.received };
    let details = Details::new()
        .with("idp", idp(connection))
        .with("theirs", fingerprints(facts.received.unwrap_or("nothing")))
        .with("ours", fingerprints(ours))
        .with("by", apart(facts).unwrap_or_else(|| "some time".to_owned()))
        .with("when", when.unwrap_or("an earlier time"))
        .with("email", facts.who.unwrap_or("This person"))
        .with("app", "Doorward")
        .with("login_url", urls.join("/sign-in"))
        .with("ref", facts.reference.unwrap_or_default())
        .labels_of(connector(connection));
    Refusal::of(code).words(&details)
}

/// What is known of one refusal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    pub received: Option<&'a str>,
    pub expected: Option<&'a str>,
    pub who: Option<&'a str>,
    pub reference: Option<&'a str>,
}

impl<'a> Facts<'a> {
    pub fn of(sign_in: &'a sign_in::SignIn) -> Self {
        Self {
            received: sign_in.received.as_deref(),
            expected: sign_in.expected.as_deref(),
            who: sign_in.who.as_deref(),
            reference: sign_in.reference.as_deref(),
        }
    }
}

fn check_title(name: &str, ok: bool) -> &'static str {
    match (name, ok) {
        ("address", true) => "It came to the right address",
        ("address", false) => "The address it was sent to",
        ("signature", true) => "Signature is valid",
        ("signature", false) => "The signature",
        ("conditions", true) => "Meant for us, and valid now",
        ("conditions", false) => "Audience, time and request",
        ("subject", true) => "It says who it is",
        ("subject", false) => "Who it is",
        ("second_opinion", true) => "An independent verifier agrees",
        ("second_opinion", false) => "The two signature checks disagree",
        (_, true) => "Attributes can be read",
        (_, false) => "Attributes",
    }
}

fn check(of: &TraceCheck, refusal: Option<&Words>) -> Check {
    let title = check_title(&of.name, of.ok == Some(true));
    // The second opinion may differ without being what refused: the operator lets differences be reported alone.
    let decided = refusal.filter(|words| of.name != "second_opinion" || words.what == title);
    match (of.ok, decided) {
        (Some(true), _) => Check::new(Tone::Ok, title, &of.detail),
        (None, _) => Check::new(Tone::Neutral, title, "Not looked at"),
        (Some(false), None) => Check::new(Tone::Warn, title, &of.detail),
        (Some(false), Some(words)) => {
            let mut check = Check::new(Tone::Bad, &words.what, &words.why);
            check.diff = of
                .received
                .as_deref()
                .zip(of.expected.as_deref())
                .map(|(sent, expected)| Diff::new(&fingerprints(sent), &fingerprints(expected)));
            check.fix.clone_from(&words.fix);
            check
        }
    }
}

/// A stored trace as the page shows it; `refusal` are the words of its code.
pub fn trace(stored: &sign_in::Trace, who: &str, refusal: Option<&Words>) -> Trace {
    let mut checks: Vec<Check> = stored.checks.iter().map(|of| check(of, refusal)).collect();
    let has_failed = checks.iter().any(|check| check.tone == Tone::Bad);
    if let Some(words) = refusal.filter(|_| !has_failed) {
        let mut decided = Check::new(Tone::Bad, &words.what, &words.why);
        decided.fix.clone_from(&words.fix);
        checks.push(decided);
    }
    for note in &stored.notes {
        let (title, detail) = note.split_once(". ").unwrap_or((note.trim_end_matches('.'), ""));
        checks.push(Check::new(Tone::Warn, title, detail));
    }
    let attribute = |row: &sign_in::TraceAttribute| AttributeRow {
        name: row.name.clone(),
        value: row.values.join(", "),
        used_as: row.used_as.as_deref().map(used_as).unwrap_or_default(),
    };
    Trace {
        who: who.to_owned(),
        checks,
        attributes: stored.attributes.iter().map(attribute).collect(),
        roles: stored.roles.iter().map(|slug| role_name(slug)).collect(),
        grants: stored.grants.clone(),
        xml: stored.xml.clone(),
    }
}

fn used_as(field: &str) -> String {
    match field {
        "given_name" => "First name",
        "family_name" => "Last name",
        "name" => "Name",
        "email" => "Email",
        "job_title" => "Job title",
        "groups" => "Groups",
        "roles" => "Roles",
        "user_id" => "User ID, account key",
        "picture" => "Picture",
        other => other,
    }
    .to_owned()
}

pub fn role_name(slug: &str) -> String {
    slug.parse::<crate::model::role::Role>().map_or_else(|_| slug.to_owned(), |role| role.name().to_owned())
}

/// The last test, if one has come back.
pub fn last_test(view: &ConnectionView, urls: &Urls) -> Option<TestResult> {
    let test = view.last_test.as_ref()?;
    let refusal = test.code.as_deref().map(|code| {
        let failed = test.trace.as_ref().and_then(|trace| trace.checks.iter().find(|check| check.ok == Some(false)));
        let facts = Facts {
            received: failed.and_then(|check| check.received.as_deref()),
            expected: failed.and_then(|check| check.expected.as_deref()),
            ..Facts::default()
        };
        words(&view.connection, urls, code, &facts)
    });
    let stored = test.trace.clone().unwrap_or_default();
    let is_of_now = view
        .connection
        .editable()
        .is_some_and(|revision| test.settings_hash == crate::app::connections::settings_hash(&revision.settings));
    Some(TestResult {
        id: test.id.to_string(),
        at: test.finished_at.unwrap_or(test.created_at),
        by: test.started_by.clone(),
        trace: trace(&stored, test.subject.as_deref().unwrap_or_default(), refusal.as_ref()),
        is_stale: !is_of_now,
    })
}

/// What was typed, to be shown again, unless it held a private key: that goes into no page.
pub fn unless_private(errors: &Invalid, typed: String) -> String {
    let is_private = errors.errors.iter().any(|error| error.code == "cert_private_key");
    if is_private { String::new() } else { typed }
}
