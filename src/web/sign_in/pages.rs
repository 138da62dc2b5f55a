//! The pages of signing in and out.

use askama::Template;

use crate::model::invalid::Invalid;
use crate::model::logout::Outcome;
use crate::web::html::Page;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::view::Kept;
use crate::web::view::Tile;

/// One connection that a person can choose.
#[derive(Debug, Clone)]
pub struct WayIn {
    pub name: String,
    pub tile: Tile,
    /// `/sso/{con}/start?return_to=…`
    pub path: String,
}

/// `GET, POST /sign-in`: the address first; what comes next depends on it.
#[derive(Template)]
#[template(path = "sign_in/sign_in.html")]
pub struct SignInPage {
    pub shell: Shell,
    /// Errors at `email`; a pause goes to `form`.
    pub errors: Invalid,
    pub email: String,
    /// `return_to`, `organization`.
    pub kept: Vec<Kept>,
    /// Where **Sign in with SSO** leads: the connection's start, or this page with the chooser. None where SSO is not possible.
    pub sso: Option<String>,
    /// Connections to choose from, instead of the form.
    pub choose: Vec<WayIn>,
    /// Where **Use a password instead** leads, if the sign-in mode allows it.
    pub password: Option<String>,
    /// Where "Use another address" leads from the chooser.
    pub again: String,
}

impl Page for SignInPage {
    fn samples() -> Vec<Self> {
        let page = |errors, email: &str| Self {
            shell: Shell::sample_outside(),
            errors,
            email: email.to_owned(),
            kept: vec![Kept { name: "return_to".to_owned(), value: "/account".to_owned() }],
            sso: Some("/sso/con_01k2v9q8xw3f6t0m4n7p5r1sza/start".to_owned()),
            choose: Vec::new(),
            password: Some("/sign-in/password".to_owned()),
            again: "/sign-in".to_owned(),
        };
        let way = |name: &str, letter: &str, tint: &str| WayIn {
            name: name.to_owned(),
            tile: Tile { letter: letter.to_owned(), tint: tint.to_owned() },
            path: "/sso/con_01k2v9q8xw3f6t0m4n7p5r1sza/start".to_owned(),
        };
        let mut choose = page(Invalid::new(), "grace@acme.example");
        choose.choose = vec![way("Okta", "O", "a"), way("Entra ID", "E", "b")];
        let mut password_only = page(Invalid::new(), "");
        password_only.sso = None;
        let mut sso_only = page(Invalid::new(), "");
        sso_only.password = None;
        let unknown = "We don't know exmaple.com here. Check the address, or use Sign in with SSO.";
        let paused = "Too many tries. Wait 40 seconds, then try again.";
        vec![
            page(Invalid::new(), ""),
            choose,
            password_only,
            sso_only,
            page(Invalid::field("email", "unknown_domain", unknown), "grace@exmaple.com"),
            page(Invalid::field("form", "throttled", paused), "grace@acme.example"),
        ]
    }
}

/// `GET, POST /sign-in/password`
#[derive(Template)]
#[template(path = "sign_in/password.html")]
pub struct PasswordPage {
    pub shell: Shell,
    /// Errors at `email` and `password`; a wrong pair and a pause go to `form`.
    pub errors: Invalid,
    pub email: String,
    pub kept: Vec<Kept>,
    pub sso: Option<String>,
}

impl Page for PasswordPage {
    fn samples() -> Vec<Self> {
        let page = |errors, email: &str| Self {
            shell: Shell::sample_outside(),
            errors,
            email: email.to_owned(),
            kept: Vec::new(),
            sso: Some("/sign-in?sso".to_owned()),
        };
        let wrong = "That address and password don't match.";
        let mut without_sso = page(Invalid::new(), "");
        without_sso.sso = None;
        vec![
            page(Invalid::new(), "ada@acme.example"),
            page(Invalid::field("form", "password_refused", wrong), "ada@acme.example"),
            without_sso,
        ]
    }
}

/// `GET /sign-in/continue/{ticket}`: goes on by itself, since a form may not be answered with a redirect to another site.
#[derive(Template)]
#[template(path = "sign_in/continue.html")]
pub struct ContinuePage {
    pub shell: Shell,
    /// Name of the connection.
    pub to: String,
    /// Why.
    pub about: String,
    /// Ours, or the identity provider's with the request.
    pub url: String,
}

/// Why somebody goes to the identity provider to sign in.
pub fn asks(to: &str) -> String {
    format!("{to} asks who you are, then brings you back here.")
}

impl Page for ContinuePage {
    fn samples() -> Vec<Self> {
        let url = "https://acme.okta.com/app/exk1f9q2v8/sso/saml?SAMLRequest=fVJNb9s&RelayState=x";
        vec![Self { shell: Shell::sample_outside(), to: "Okta".to_owned(), about: asks("Okta"), url: url.to_owned() }]
    }
}

/// For an identity provider that only takes the POST binding. Sent with `CONTENT_SECURITY_POLICY_POST`.
#[derive(Template)]
#[template(path = "sign_in/post_to_idp.html")]
pub struct PostToIdpPage {
    pub shell: Shell,
    pub to: String,
    /// Why.
    pub about: String,
    pub url: String,
    /// `SAMLRequest`, `RelayState`.
    pub fields: Vec<Kept>,
}

impl Page for PostToIdpPage {
    fn samples() -> Vec<Self> {
        let field = |name: &str, value: &str| Kept { name: name.to_owned(), value: value.to_owned() };
        vec![Self {
            shell: Shell::sample_outside(),
            to: "Okta".to_owned(),
            about: asks("Okta"),
            url: "https://acme.okta.com/app/exk1f9q2v8/sso/saml".to_owned(),
            fields: vec![field("SAMLRequest", "PHNhbWxwOkF1dGhu"), field("RelayState", "q7")],
        }]
    }
}

/// A refused sign-in or sign-out message, for the person who met it.
#[derive(Template)]
#[template(path = "sign_in/problem.html")]
pub struct ProblemPage {
    pub shell: Shell,
    /// The `user` sentence of errors.toml.
    pub sentence: String,
    pub reference: String,
    /// Where an admin reads the trace; empty where none is kept.
    pub trace: String,
    /// When it happened, for the text to send.
    pub when: String,
    /// Name of the connection, where one was reached.
    pub connection: String,
    /// The message was about signing out.
    pub signs_out: bool,
}

impl ProblemPage {
    fn act(&self) -> &'static str {
        if self.signs_out { "Sign-out" } else { "Sign-in" }
    }
}

impl Page for ProblemPage {
    fn samples() -> Vec<Self> {
        let page = |sentence: &str, connection: &str, signs_out| Self {
            shell: Shell::sample_outside(),
            sentence: sentence.to_owned(),
            reference: "DW-8K3F0".to_owned(),
            trace: "https://auth.acme.example/admin/security/sso/con_01k2v9q8xw3f6t0m4n7p5r1sza/sign-ins/DW-8K3F0"
                .to_owned(),
            when: "22 Nov 2026, 09:02 UTC".to_owned(),
            connection: connection.to_owned(),
            signs_out,
        };
        vec![
            page("You couldn't be signed in. Send your admin this reference: DW-8K3F0.", "Okta", false),
            page("Your company's sign-in certificate has expired. Your admin has been told.", "", false),
            page("Okta asked to sign you out here, and that couldn't be checked. Sign out yourself.", "Okta", true),
        ]
    }
}

/// After a sign-out.
#[derive(Template)]
#[template(path = "sign_in/signed_out.html")]
pub struct SignedOutPage {
    pub shell: Shell,
    /// The connection's name, and what its identity provider made of it; none where it was not asked.
    pub provider: Option<(String, Outcome)>,
}

impl SignedOutPage {
    /// What is known of the identity provider's own session, and no more.
    fn sentence(&self) -> String {
        let Some((name, outcome)) = &self.provider else {
            return "Your identity provider may still know you. On a shared computer, sign out there too, or close the browser."
                .to_owned();
        };
        match outcome {
            Outcome::Confirmed => format!("{name} says that it signed you out too."),
            Outcome::Partly => format!(
                "{name} says that it signed you out too, but not of every application. On a shared computer, close the browser."
            ),
            Outcome::Waiting | Outcome::Unconfirmed => format!(
                "{name} didn't confirm that it signed you out too. On a shared computer, sign out there as well, or close the browser."
            ),
        }
    }

    fn heading(&self) -> &'static str {
        match self.provider {
            None | Some((_, Outcome::Confirmed)) => "You're signed out",
            Some(_) => "You're signed out here",
        }
    }
}

impl Page for SignedOutPage {
    fn samples() -> Vec<Self> {
        let outcomes = [Outcome::Waiting, Outcome::Confirmed, Outcome::Partly, Outcome::Unconfirmed];
        let mut providers = vec![None];
        providers.extend(outcomes.map(|outcome| Some(("Okta".to_owned(), outcome))));
        providers.into_iter().map(|provider| Self { shell: Shell::sample_outside(), provider }).collect()
    }
}

/// `GET /sign-out` asks; the POST does it.
#[derive(Template)]
#[template(path = "sign_in/sign_out.html")]
pub struct SignOutPage {
    pub shell: Shell,
    pub email: String,
}

impl Page for SignOutPage {
    fn samples() -> Vec<Self> {
        vec![Self { shell: Shell::sample_outside(), email: "ada@acme.example".to_owned() }]
    }
}

/// A form arrived after its session had ended. Nothing of it was done; everything typed is in the hidden fields.
#[derive(Template)]
#[template(path = "sign_in/session_ended.html")]
pub struct SessionEndedPage {
    pub shell: Shell,
    /// Where the form was going, without the prefix.
    pub path: String,
    /// Its fields, without passwords, `csrf` and files.
    pub fields: Vec<Kept>,
    /// Passwords and files cannot be kept, so the person is told.
    pub lost: bool,
}

impl Page for SessionEndedPage {
    fn samples() -> Vec<Self> {
        let page = |lost| Self {
            shell: Shell::sample_outside(),
            path: "/admin/members/new".to_owned(),
            fields: vec![
                Kept { name: "name".to_owned(), value: "Grace Example".to_owned() },
                Kept { name: "email".to_owned(), value: "grace@acme.example".to_owned() },
            ],
            lost,
        };
        vec![page(false), page(true)]
    }
}

/// After a Test SSO, for whoever was handed the test's link.
#[derive(Template)]
#[template(path = "sign_in/tested.html")]
pub struct TestedPage {
    pub shell: Shell,
    /// Where admins read what came; they sign in first.
    pub result: String,
}

impl Page for TestedPage {
    fn samples() -> Vec<Self> {
        vec![Self { shell: Shell::sample_outside(), result: "/admin/security".to_owned() }]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<SignInPage>(all, "sign_in/sign_in");
    add::<PasswordPage>(all, "sign_in/password");
    add::<ContinuePage>(all, "sign_in/continue");
    add::<PostToIdpPage>(all, "sign_in/post_to_idp");
    add::<ProblemPage>(all, "sign_in/problem");
    add::<SignedOutPage>(all, "sign_in/signed_out");
    add::<SignOutPage>(all, "sign_in/sign_out");
    add::<SessionEndedPage>(all, "sign_in/session_ended");
    add::<TestedPage>(all, "sign_in/tested");
}
