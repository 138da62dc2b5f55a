//! A sign-in or a test, readable: five checks in plain words, what differed, how to mend it.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::model::connection::Connection;
use crate::model::sign_in::TraceGrant;
use crate::model::time::Timestamp;
use crate::web::admin::connections::SAMPLE_ID;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::present;
use crate::web::admin::connections::present::Facts;
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

/// Two values that should have been the same; what differs is marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    pub sent: Marked,
    pub expected: Marked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    pub before: String,
    pub differs: String,
    pub after: String,
}

impl Diff {
    pub fn new(sent: &str, expected: &str) -> Self {
        let pairs = || sent.chars().zip(expected.chars());
        let mut start: usize = pairs().take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
        // Back to where a part of the address begins, since half a word says nothing.
        start = sent[..start].rfind(['/', ':', '@', ' ']).map_or(0, |at| at + 1);
        let (rest, other) = (&sent[start..], &expected[start..]);
        let from_end = rest.chars().rev().zip(other.chars().rev());
        let end: usize = from_end.take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
        let end = rest[rest.len() - end..].find(['/', ':', '@', ' ']).map_or(0, |at| end - at);
        let marked = |text: &str| Marked {
            before: text[..start].to_owned(),
            differs: text[start..text.len() - end].to_owned(),
            after: text[text.len() - end..].to_owned(),
        };
        Self { sent: marked(sent), expected: marked(expected) }
    }
}

/// One of the five checks.
#[derive(Debug, Clone)]
pub struct Check {
    /// Ok, Warn (a note), Bad (the one that failed), Neutral (not reached).
    pub tone: Tone,
    pub title: String,
    pub detail: String,
    pub diff: Option<Diff>,
    /// `fix` of errors.toml.
    pub fix: String,
}

impl Check {
    pub fn new(tone: Tone, title: &str, detail: &str) -> Self {
        Self { tone, title: title.to_owned(), detail: detail.to_owned(), diff: None, fix: String::new() }
    }
}

/// An attribute as it came.
#[derive(Debug, Clone)]
pub struct AttributeRow {
    pub name: String,
    pub value: String,
    /// `Email, account key`; empty if nothing uses it.
    pub used_as: String,
}

#[derive(Debug, Clone)]
pub struct Trace {
    /// Who, as far as it is known: `alan@acme.example`.
    pub who: String,
    pub checks: Vec<Check>,
    pub attributes: Vec<AttributeRow>,
    /// Roles that the person got, or would get.
    pub roles: Vec<String>,
    /// The role mappings that gave them.
    pub grants: Vec<TraceGrant>,
    /// The response without signature values and other people's names; empty if none came.
    pub xml: String,
}

impl Trace {
    pub fn has_passed(&self) -> bool {
        self.checks.iter().all(|check| matches!(check.tone, Tone::Ok | Tone::Warn | Tone::Info))
    }

    pub fn notes(&self) -> usize {
        self.checks.iter().filter(|check| check.tone == Tone::Warn).count()
    }

    pub fn chip(&self) -> Chip {
        match (self.has_passed(), self.notes()) {
            (true, 0) => Chip::new(Tone::Ok, "Passed"),
            (true, 1) => Chip::new(Tone::Ok, "Passed, 1 note"),
            (true, notes) => Chip::new(Tone::Ok, format!("Passed, {notes} notes")),
            (false, _) => Chip::new(Tone::Bad, "Refused"),
        }
    }

    pub fn sample_passed() -> Self {
        let attribute = |name: &str, value: &str, used_as: &str| AttributeRow {
            name: name.to_owned(),
            value: value.to_owned(),
            used_as: used_as.to_owned(),
        };
        Self {
            who: "ada@acme.example".to_owned(),
            checks: vec![
                Check::new(Tone::Ok, "It came to the right address", "Destination and Recipient are our ACS URL"),
                Check::new(
                    Tone::Ok,
                    "Signature is valid",
                    "Assertion signed, RSA-SHA256, certificate 1 (73:71:42:D1…)",
                ),
                Check::new(
                    Tone::Ok,
                    "Meant for us, and valid now",
                    "Audience is our Entity ID · valid 14:01:31 to 14:06:31 · clocks differ by 0.4 s · answers request _9f2c…",
                ),
                Check::new(
                    Tone::Ok,
                    "NameID is a known email",
                    "ada@acme.example, emailAddress format, member since 3 Oct 2026",
                ),
                Check::new(
                    Tone::Warn,
                    "No job title",
                    "Okta didn't send job_title. Sign-in works; the job title stays empty.",
                ),
            ],
            attributes: vec![
                attribute("NameID", "ada@acme.example", "Email, account key"),
                attribute("firstName", "Ada", "First name"),
                attribute("lastName", "Example", "Last name"),
                attribute("groups", "Doorward Admins, Platform", "Groups"),
                attribute("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/costcenter", "4711", ""),
            ],
            roles: vec!["Admin".to_owned()],
            grants: vec![TraceGrant { value: "group Doorward Admins".to_owned(), gives: vec!["Admin".to_owned()] }],
            xml: format!(
                "<samlp:Response Destination=\"https://auth.acme.example/saml/{SAMPLE_ID}/acs\" InResponseTo=\"_9f2c41d0\">\n  <saml:Issuer>http://www.okta.com/exk1f9q2v8RzT7cYk5d7</saml:Issuer>\n  <saml:Assertion ID=\"id31874\" IssueInstant=\"2026-11-18T14:01:31Z\">\n    <ds:Signature>…</ds:Signature>\n    <saml:Subject><saml:NameID>ada@acme.example</saml:NameID></saml:Subject>\n  </saml:Assertion>\n</samlp:Response>"
            ),
        }
    }

    pub fn sample_refused() -> Self {
        let passed = Self::sample_passed();
        let mut audience = Check::new(
            Tone::Bad,
            "Okta's audience doesn't match ours",
            "The response is signed by Okta, but made for another application.",
        );
        audience.diff = Some(Diff::new(
            "https://auth.acme.example/saml/con_01k2v9q8xw3f6t0m4n7p5r1szb",
            &format!("https://auth.acme.example/saml/{SAMPLE_ID}"),
        ));
        audience.fix =
            "Set Audience URI (SP Entity ID) in Okta to our Entity ID, exactly, without a slash at the end.".to_owned();
        Self {
            who: "alan@acme.example".to_owned(),
            checks: vec![
                passed.checks[0].clone(),
                passed.checks[1].clone(),
                audience,
                Check::new(Tone::Neutral, "Who it is", "Not looked at"),
                Check::new(Tone::Neutral, "Attributes", "Not looked at"),
            ],
            attributes: Vec::new(),
            roles: Vec::new(),
            grants: Vec::new(),
            xml: passed.xml,
        }
    }
}

/// `GET …/sso/{con}/tests/{id}` and `…/sign-ins/{ref}`
#[derive(Template)]
#[template(path = "admin/connections/trace.html")]
pub struct TracePage {
    pub shell: Shell,
    pub id: String,
    /// Name of the connection, and what its provider is called.
    pub name: String,
    pub idp: String,
    /// `DW-…`; empty for a test.
    pub reference: String,
    /// Code of errors.toml; empty if it passed.
    pub code: String,
    /// What happened: `what` of errors.toml, or that it passed.
    pub title: String,
    pub at: Timestamp,
    pub ip: String,
    pub trace: Trace,
    /// What the person was shown; empty for a test.
    pub user_saw: String,
    /// The text for support: redacted, plain.
    pub support: String,
    pub is_test: bool,
}

impl Page for TracePage {
    fn samples() -> Vec<Self> {
        let page = |trace: Trace, is_test: bool, title: &str| {
            Self {
            shell: Shell::sample(Place::Security),
            id: SAMPLE_ID.to_owned(),
            name: "Okta".to_owned(),
            idp: "Okta".to_owned(),
            reference: if is_test { String::new() } else { "DW-8K3F0".to_owned() },
            code: if trace.has_passed() { String::new() } else { "saml_audience".to_owned() },
            title: title.to_owned(),
            at: Timestamp::from_secs(1_795_106_460),
            ip: "203.0.113.9".to_owned(),
            user_saw: if is_test { String::new() } else { "You couldn't be signed in. Send your admin this reference: DW-8K3F0.".to_owned() },
            support: "Doorward 0.1.0, connection Okta (SAML 2.0), saml_audience\nsent https://auth.acme.example/saml/con_…szb\nexpected https://auth.acme.example/saml/con_…sza".to_owned(),
            trace,
            is_test,
        }
        };
        let mut nothing = page(Trace::sample_refused(), false, "No SAML response arrived");
        nothing.trace.checks = vec![Check::new(
            Tone::Bad,
            "No SAML response arrived",
            "Okta sent the browser back without a SAMLResponse field.",
        )];
        nothing.trace.checks[0].fix =
            "Check that the ACS URL in Okta is right and that it uses the POST binding.".to_owned();
        (nothing.trace.xml, nothing.trace.who, nothing.code) =
            (String::new(), String::new(), "saml_no_response".to_owned());
        vec![
            page(Trace::sample_refused(), false, "Okta's audience doesn't match ours"),
            page(Trace::sample_passed(), true, "Test passed"),
            page(Trace::sample_refused(), true, "Okta's audience doesn't match ours"),
            nothing,
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<TracePage>(all, "admin/connections/trace");
}

/// `GET …/sign-ins/{ref}`: why a sign-in was refused.
pub async fn sign_in(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    path: Path<(String, String)>,
) -> Result<Html<TracePage>, PageError> {
    let view = load(&app, &admin.ctx, &path.0).await?;
    let connection = &view.connection;
    let found = app.find_sign_in(&admin.ctx, connection.id.clone(), &path.1).await?;
    let facts = Facts::of(&found);
    let code = found.code.clone().unwrap_or_default();
    let words = found.code.as_deref().map(|code| present::words(connection, &app.urls, code, &facts));
    let who = found.who.clone().unwrap_or_default();
    let support = support(connection, if code.is_empty() { "signed in" } else { &code }, &facts, found.at);
    Ok(Html(TracePage {
        shell: shell(&request, Place::Security).await,
        id: connection.id.to_string(),
        name: connection.name.clone(),
        idp: present::idp(connection),
        reference: found.reference.clone().unwrap_or_default(),
        title: words.as_ref().map_or_else(|| "Signed in".to_owned(), |words| words.what.clone()),
        at: found.at,
        ip: String::new(),
        trace: present::trace(&found.trace.clone().unwrap_or_default(), &who, words.as_ref()),
        user_saw: words.map(|words| words.user).unwrap_or_default(),
        support,
        code,
        is_test: false,
    }))
}

/// What may leave the house: codes and addresses, no person.
fn support(connection: &Connection, code: &str, facts: &Facts<'_>, at: Timestamp) -> String {
    let mut text =
        format!("Doorward {}, connection {} (SAML 2.0)\n{code} at {at}", env!("CARGO_PKG_VERSION"), connection.name);
    if let Some(reference) = facts.reference {
        text.push_str(&format!("\nreference {reference}"));
    }
    if let (Some(sent), Some(expected)) = (facts.received, facts.expected) {
        let (sent, expected) = (present::fingerprints(sent), present::fingerprints(expected));
        text.push_str(&format!("\nsent {sent}\nexpected {expected}"));
    }
    text
}

/// `GET …/tests/{id}`
pub async fn test(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    path: Path<(String, String)>,
) -> Result<Html<TracePage>, PageError> {
    let mut view = load(&app, &admin.ctx, &path.0).await?;
    let id = path.1.parse().map_err(|_| Error::NotFound("test"))?;
    let test = app.find_test(&admin.ctx, view.connection.id.clone(), id).await?;
    let code = test.code.clone().unwrap_or_default();
    let at = test.finished_at.unwrap_or(test.created_at);
    view.last_test = Some(test);
    let result = present::last_test(&view, &app.urls).ok_or(Error::NotFound("test"))?;
    let connection = &view.connection;
    let failed = result.trace.checks.iter().find(|check| check.tone == Tone::Bad).map(|check| check.title.clone());
    Ok(Html(TracePage {
        shell: shell(&request, Place::Security).await,
        id: connection.id.to_string(),
        name: connection.name.clone(),
        idp: present::idp(connection),
        reference: String::new(),
        title: failed.unwrap_or_else(|| "Test passed".to_owned()),
        at,
        ip: String::new(),
        support: support(connection, if code.is_empty() { "test passed" } else { &code }, &Facts::default(), at),
        trace: result.trace,
        user_saw: String::new(),
        code,
        is_test: true,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(sent: &str, expected: &str) -> (String, String) {
        let diff = Diff::new(sent, expected);
        (diff.sent.differs, diff.expected.differs)
    }

    #[test]
    fn a_diff_marks_the_part_that_differs() {
        let mark = |sent, expected| marks(sent, expected);
        assert_eq!(
            mark("https://a.example/saml/con_1", "https://a.example/saml/con_2"),
            ("con_1".to_owned(), "con_2".to_owned())
        );
        assert_eq!(
            mark("https://a.example/x/acs", "https://b.example/x/acs"),
            ("a.example".to_owned(), "b.example".to_owned())
        );
        assert_eq!(mark("https://a.example/x/", "https://a.example/x"), ("x/".to_owned(), "x".to_owned()));
        assert_eq!(mark("", "ü"), (String::new(), "ü".to_owned()));
        assert_eq!(mark("a/a", "a/a/a"), ("a".to_owned(), "a/a".to_owned()));
    }
}
