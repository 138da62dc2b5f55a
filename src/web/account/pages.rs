//! The pages of one's own account, with samples of each state.

use crate::model::invalid::Invalid;
use crate::model::time::Timestamp;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::sign_in::WayIn;
use crate::web::view::Tile;
use crate::web::view::Tone;
use askama::Template;

/// `GET, POST /account`
#[derive(Template)]
#[template(path = "account/profile.html")]
pub struct ProfilePage {
    pub shell: Shell,
    /// Errors at `name`.
    pub errors: Invalid,
    pub name: String,
    pub email: String,
    pub job_title: String,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    /// Who keeps the name, if it cannot be changed here: `Okta`.
    pub managed_by: Option<String>,
    pub version: String,
}

impl Page for ProfilePage {
    fn samples() -> Vec<Self> {
        let page = |errors, name: &str, managed_by: Option<&str>| Self {
            shell: Shell::sample(Place::Account),
            errors,
            name: name.to_owned(),
            email: "ada@acme.example".to_owned(),
            job_title: "Platform Engineer".to_owned(),
            roles: vec!["Admin".to_owned()],
            groups: Vec::new(),
            managed_by: managed_by.map(str::to_owned),
            version: "3".to_owned(),
        };
        let mut managed = page(Invalid::new(), "Ada Example", Some("Okta"));
        managed.groups = vec!["Doorward Admins".to_owned(), "Platform".to_owned()];
        let mut saved = page(Invalid::new(), "Ada Example", None);
        saved.shell = saved.shell.with_notice(Tone::Ok, "Your name is saved.");
        if let Some(me) = &mut saved.shell.me {
            (me.sees_members, me.sees_security, me.sees_sessions) = (false, false, false);
            (me.sees_audit, me.sees_api_keys) = (false, false);
            me.role = "Member".to_owned();
        }
        vec![
            page(Invalid::new(), "Ada Example", None),
            page(Invalid::field("name", "name_empty", "Write your name."), "", None),
            managed,
            saved,
        ]
    }
}

/// A sign-in at an identity provider that belongs to this person.
#[derive(Debug, Clone)]
pub struct LinkedSignIn {
    pub id: String,
    pub connection: String,
    pub tile: Tile,
    /// How the identity provider names the person.
    pub subject: String,
    pub last_used: Option<Timestamp>,
    /// It is not the only way in, so it may be taken away.
    pub may_be_removed: bool,
}

/// `GET /account/sign-in-methods`; `POST …/password` changes the password.
#[derive(Template)]
#[template(path = "account/sign_in_methods.html")]
pub struct SignInMethodsPage {
    pub shell: Shell,
    /// Errors at `current_password` and `password`.
    pub errors: Invalid,
    pub linked: Vec<LinkedSignIn>,
    /// Connections that this person could link by testing them.
    pub linkable: Vec<WayIn>,
    pub has_password: bool,
    pub password_changed: Option<Timestamp>,
    /// False where the sign-in mode is SSO only.
    pub passwords_work: bool,
}

impl Page for SignInMethodsPage {
    fn samples() -> Vec<Self> {
        let tile = Tile { letter: "O".to_owned(), tint: "a".to_owned() };
        let page = |errors| Self {
            shell: Shell::sample(Place::Account),
            errors,
            linked: Vec::new(),
            linkable: Vec::new(),
            has_password: true,
            password_changed: Some(Timestamp::from_secs(1_790_848_800)),
            passwords_work: true,
        };
        let way = WayIn {
            name: "Okta".to_owned(),
            tile: tile.clone(),
            path: "/account/sign-in-methods/con_01k2v9q8xw3f6t0m4n7p5r1sza/link".to_owned(),
        };
        let linked = LinkedSignIn {
            id: "idn_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            connection: "Okta".to_owned(),
            tile,
            subject: "ada@acme.example".to_owned(),
            last_used: Some(Timestamp::from_secs(1_795_338_000)),
            may_be_removed: true,
        };
        let mut can_link = page(Invalid::new());
        can_link.linkable = vec![way];
        let mut both = page(Invalid::new());
        both.linked = vec![linked.clone()];
        let mut only_sso = page(Invalid::new());
        only_sso.linked = vec![LinkedSignIn { may_be_removed: false, last_used: None, ..linked }];
        (only_sso.has_password, only_sso.password_changed, only_sso.passwords_work) = (false, None, false);
        let mut wrong = Invalid::field("current_password", "password_refused", "That isn't your password.");
        wrong.add("password", "password_short", "This has 9 characters. Use 15 or more.");
        vec![page(Invalid::new()), can_link, both, only_sso, page(wrong)]
    }
}

/// A browser that someone is signed in with.
#[derive(Debug, Clone)]
pub struct SessionRow {
    pub id: String,
    /// `Firefox on Linux`
    pub device: String,
    pub ip: String,
    /// `Okta`, `password`.
    pub method: String,
    pub started: Timestamp,
    pub last_seen: Timestamp,
    /// The one that this page is shown in.
    pub is_this: bool,
}

impl SessionRow {
    pub fn samples() -> Vec<Self> {
        let row = |id: &str, device: &str, ip: &str, method: &str, started, seen, is_this| Self {
            id: id.to_owned(),
            device: device.to_owned(),
            ip: ip.to_owned(),
            method: method.to_owned(),
            started: Timestamp::from_secs(started),
            last_seen: Timestamp::from_secs(seen),
            is_this,
        };
        vec![
            row(
                "ses_01k2v9q8xw3f6t0m4n7p5r1sza",
                "Firefox on Linux",
                "203.0.113.9",
                "Password",
                1_795_327_200,
                1_795_338_000,
                true,
            ),
            row(
                "ses_01k2v9q8xw3f6t0m4n7p5r1szb",
                "Safari on iPhone",
                "2001:db8::7",
                "Okta",
                1_795_227_200,
                1_795_330_000,
                false,
            ),
        ]
    }
}

/// `GET /account/sessions`
#[derive(Template)]
#[template(path = "account/sessions.html")]
pub struct SessionsPage {
    pub shell: Shell,
    pub sessions: Vec<SessionRow>,
}

impl Page for SessionsPage {
    fn samples() -> Vec<Self> {
        let page = |sessions| Self { shell: Shell::sample(Place::Account), sessions };
        vec![page(SessionRow::samples()), page(SessionRow::samples().into_iter().take(1).collect())]
    }
}

/// `GET, POST /account/sign-in-methods/confirm/{test}`: an account elsewhere, about to be linked.
#[derive(Template)]
#[template(path = "account/confirm_link.html")]
pub struct ConfirmLinkPage {
    pub shell: Shell,
    pub test: String,
    pub connection: String,
    /// How the identity provider names the person; none where the sign-in there did not work.
    pub subject: Option<String>,
}

impl Page for ConfirmLinkPage {
    fn samples() -> Vec<Self> {
        let page = |subject: Option<&str>| Self {
            shell: Shell::sample(Place::Account),
            test: "test_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            connection: "Okta".to_owned(),
            subject: subject.map(str::to_owned),
        };
        vec![page(Some("ada@acme.example")), page(None)]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<ProfilePage>(all, "account/profile");
    add::<SignInMethodsPage>(all, "account/sign_in_methods");
    add::<SessionsPage>(all, "account/sessions");
    add::<ConfirmLinkPage>(all, "account/confirm_link");
}
