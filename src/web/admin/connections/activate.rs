//! The wizard's last step: what changes for whom, and turning it on.

use askama::Template;

use crate::model::invalid::Invalid;
use crate::web::admin::connections::setup::Step;
use crate::web::admin::connections::setup::Wizard;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::view::Choice;
use crate::web::view::count;

/// An existing member in the match report.
#[derive(Debug, Clone)]
pub struct Match {
    pub email: String,
    /// Why they will not be joined; empty for those who will.
    pub why: String,
}

/// Who would be joined by address at the first sign-in.
#[derive(Debug, Clone, Default)]
pub struct MatchReport {
    pub joined: u64,
    pub left_out: u64,
    /// The first of each.
    pub join: Vec<Match>,
    pub leave: Vec<Match>,
}

impl MatchReport {
    pub fn joined_count(&self) -> String {
        count(self.joined, "member is", "members are")
    }

    pub fn left_out_count(&self) -> String {
        count(self.left_out, "member", "members")
    }

    pub fn more_join(&self) -> u64 {
        self.joined.saturating_sub(self.join.len() as u64)
    }

    pub fn more_leave(&self) -> u64 {
        self.left_out.saturating_sub(self.leave.len() as u64)
    }
}

/// `GET, POST …/setup/on`. The button `action` says `activate`, or `save` where no test has passed.
#[derive(Template)]
#[template(path = "admin/connections/on.html")]
pub struct OnPage {
    pub shell: Shell,
    /// Errors at `jit`, `default_role`; what stops it altogether goes to `form`.
    pub errors: Invalid,
    pub wizard: Wizard,
    /// A test of exactly these settings has passed.
    pub is_tested: bool,
    /// Sentences: what changes for whom.
    pub changes: Vec<String>,
    /// Field `jit`: people without an account are made at their first sign-in.
    pub jit: bool,
    /// Select `default_role`; `none` refuses whom no mapping matches.
    pub default_role: Vec<Choice>,
    /// Field `link_existing`.
    pub link_existing: bool,
    pub report: MatchReport,
    /// Field `allow_idp_initiated`.
    pub allow_idp_initiated: bool,
}

impl OnPage {
    pub fn roles(chosen: &str) -> Vec<Choice> {
        [
            ("member", "Member"),
            ("developer", "Developer"),
            ("admin", "Admin"),
            ("none", "No role: refuse whom no mapping matches"),
        ]
        .into_iter()
        .map(|(value, label)| Choice::new(value, label, value == chosen))
        .collect()
    }
}

impl Page for OnPage {
    fn samples() -> Vec<Self> {
        let page = |is_tested| Self {
            shell: Shell::sample(Place::Security),
            errors: Invalid::new(),
            wizard: Wizard::sample("okta-saml", Step::On),
            is_tested,
            changes: vec![
                "Everyone sees Sign in with SSO on the sign-in page and can choose Okta.".to_owned(),
                "Passwords keep working: the sign-in mode becomes Password + SSO.".to_owned(),
                "Nobody is signed out.".to_owned(),
            ],
            jit: true,
            default_role: Self::roles("member"),
            link_existing: false,
            report: MatchReport::default(),
            allow_idp_initiated: false,
        };
        let person = |email: &str, why: &str| Match { email: email.to_owned(), why: why.to_owned() };
        let mut report = page(true);
        report.link_existing = true;
        report.report = MatchReport {
            joined: 140,
            left_out: 2,
            join: vec![person("grace@acme.example", ""), person("jonas@acme.example", "")],
            leave: vec![
                person("ada@acme.example", "Admins link by testing SSO while signed in."),
                person("kim@partner.example", "Two members have this address."),
            ],
        };
        let mut copy = page(true);
        copy.wizard.is_copy = true;
        copy.changes = vec![
            "Sign-in uses the new settings from the next sign-in on.".to_owned(),
            "The former settings are kept; you can bring them back.".to_owned(),
        ];
        let mut role = page(true);
        role.errors = Invalid::field("default_role", "role_unknown", "Choose a role that exists here.");
        vec![page(false), report, copy, role]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<OnPage>(all, "admin/connections/on");
}
