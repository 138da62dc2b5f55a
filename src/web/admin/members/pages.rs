//! What the members' pages show, with samples of each state.

use crate::model::directory::MemberLock;
use crate::model::invalid::Invalid;
use crate::model::role::AnyRole;
use crate::model::role::Role;
use crate::model::time::Timestamp;
use crate::web::admin::members::managed::Managed;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::view::Choice;
use crate::web::view::count;
use askama::Template;

/// `GET, POST /admin/members/new`
#[derive(Template)]
#[template(path = "admin/members/new.html")]
pub struct NewMemberPage {
    pub shell: Shell,
    /// Errors at `form`, `name`, `email`, `role`.
    pub errors: Invalid,
    pub name: String,
    pub email: String,
    pub role: Vec<Choice>,
    /// SSO is on, so a password is not the only way in.
    pub sso: bool,
    /// Nobody is added here.
    pub managed: Option<Managed>,
    /// `Okta`: a directory is enabled, and whoever is added here is none of its people.
    pub uncovered_by: Option<String>,
}

/// Roles to choose from, with what each grants; the lowest first.
pub fn role_choices(roles: &[AnyRole], chosen: &str) -> Vec<Choice> {
    let choice = |role: &AnyRole| Choice::new(role.slug(), role.name(), role.slug() == chosen).hint(role.grants());
    roles.iter().rev().map(choice).collect()
}

/// The built-in ones, for samples.
pub fn sample_roles() -> Vec<AnyRole> {
    Role::ALL.into_iter().map(AnyRole::from).collect()
}

impl Page for NewMemberPage {
    fn samples() -> Vec<Self> {
        let page = |errors, name: &str, email: &str, sso| Self {
            shell: Shell::sample(Place::Members),
            errors,
            name: name.to_owned(),
            email: email.to_owned(),
            role: role_choices(&sample_roles(), "member"),
            sso,
            managed: None,
            uncovered_by: sso.then(|| "Okta".to_owned()),
        };
        let taken = "grace@acme.example already belongs to Grace Example. Open her page to send a new password link.";
        let mut managed = page(Invalid::new(), "", "", false);
        managed.managed = Some(Managed::sample(MemberLock::Locked));
        vec![
            managed,
            page(Invalid::new(), "", "", false),
            page(Invalid::field("email", "email_taken", taken), "Grace Example", "grace@acme.example", true),
        ]
    }
}

/// What is about to happen to a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    Deactivate,
    Remove,
}

/// `GET, POST /admin/members/{id}/deactivate` and `…/remove`
#[derive(Template)]
#[template(path = "admin/members/leave.html")]
pub struct LeavePage {
    pub shell: Shell,
    /// Errors go to `form`: the last admin.
    pub errors: Invalid,
    pub id: String,
    /// Name, or address.
    pub name: String,
    pub leaving: Leaving,
    /// It is not done here.
    pub managed: Option<Managed>,
    pub sessions: u64,
    pub version: String,
}

impl LeavePage {
    fn removes(&self) -> bool {
        self.leaving == Leaving::Remove
    }

    fn session_count(&self) -> String {
        count(self.sessions, "session ends", "sessions end")
    }
}

impl Page for LeavePage {
    fn samples() -> Vec<Self> {
        let page = |errors, leaving| Self {
            shell: Shell::sample(Place::Members),
            errors,
            id: "mem_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            name: "Grace Example".to_owned(),
            leaving,
            managed: None,
            sessions: 2,
            version: "2".to_owned(),
        };
        let last = "This would leave no admin. Give someone else the Admin role first.";
        let mut managed = page(Invalid::new(), Leaving::Remove);
        managed.managed = Some(Managed::sample(MemberLock::Locked));
        vec![
            managed,
            page(Invalid::new(), Leaving::Deactivate),
            page(Invalid::new(), Leaving::Remove),
            page(Invalid::field("form", "lockout_last_admin", last), Leaving::Deactivate),
        ]
    }
}

/// The answer to adding a member and to `POST /admin/members/{id}/password-link`: shown once.
#[derive(Template)]
#[template(path = "admin/members/password_link.html")]
pub struct PasswordLinkPage {
    pub shell: Shell,
    pub id: String,
    pub name: String,
    pub email: String,
    pub url: String,
    pub expires: Timestamp,
    /// The member was made just now.
    pub is_new: bool,
}

impl Page for PasswordLinkPage {
    fn samples() -> Vec<Self> {
        let page = |is_new| Self {
            shell: Shell::sample(Place::Members),
            id: "mem_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            name: "Grace Example".to_owned(),
            email: "grace@acme.example".to_owned(),
            url: "https://auth.acme.example/link/dwlink_7f3Qm2Vx9KcTn8LhYpR4sWb6ZdJq1Ek4Tz".to_owned(),
            expires: Timestamp::from_secs(1_795_424_400),
            is_new,
        };
        vec![page(true), page(false)]
    }
}
