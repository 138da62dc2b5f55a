//! What the members' pages show, with samples of each state.

use crate::model::invalid::Invalid;
use crate::model::time::Timestamp;
use crate::web::account::SessionRow;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::initials;
use crate::web::view::ActivityRow;
use crate::web::view::Chip;
use crate::web::view::Choice;
use crate::web::view::Tone;
use crate::web::view::count;
use askama::Template;

#[derive(Debug, Clone)]
pub struct MemberRow {
    pub id: String,
    pub name: String,
    pub email: String,
    pub job_title: String,
    /// `Admin`, `Member`
    pub roles: Vec<String>,
    /// `manual`, `sso`, `scim`: a tag beside the name.
    pub source: String,
    pub is_active: bool,
    pub last_seen: Option<Timestamp>,
    pub is_you: bool,
}

impl MemberRow {
    pub fn initials(&self) -> String {
        initials(&self.name, &self.email)
    }
}

/// `GET /admin/members?q=&status=&cursor=`
#[derive(Template)]
#[template(path = "admin/members/list.html")]
pub struct MembersPage {
    pub shell: Shell,
    pub query: String,
    /// `active`, `inactive`, `all`.
    pub status: Vec<Choice>,
    pub members: Vec<MemberRow>,
    pub active: u64,
    pub inactive: u64,
    /// Path and query of the next 50.
    pub next: Option<String>,
    pub may_write: bool,
}

impl MembersPage {
    pub fn status_choices(chosen: &str) -> Vec<Choice> {
        [("active", "Active"), ("inactive", "Deactivated"), ("all", "All")]
            .into_iter()
            .map(|(value, label)| Choice::new(value, label, value == chosen))
            .collect()
    }

    fn is_alone(&self) -> bool {
        self.active + self.inactive <= 1
    }

    fn inactive_count(&self) -> String {
        count(self.inactive, "deactivated", "deactivated")
    }
}

impl Page for MembersPage {
    fn samples() -> Vec<Self> {
        let row = |name: &str, email: &str, role: &str, source: &str, is_active, seen: i64, is_you| MemberRow {
            id: "mem_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            name: name.to_owned(),
            email: email.to_owned(),
            job_title: if is_you { String::new() } else { "Staff Engineer".to_owned() },
            roles: vec![role.to_owned()],
            source: source.to_owned(),
            is_active,
            last_seen: (seen > 0).then(|| Timestamp::from_secs(seen)),
            is_you,
        };
        let you = row("Ada Example", "ada@acme.example", "Admin", "manual", true, 1_795_338_000, true);
        let page = |query: &str, members, active, inactive| Self {
            shell: Shell::sample(Place::Members),
            query: query.to_owned(),
            status: Self::status_choices("active"),
            members,
            active,
            inactive,
            next: None,
            may_write: true,
        };
        let many = || {
            vec![
                you.clone(),
                row("Grace Example", "grace@acme.example", "Member", "sso", true, 1_795_330_000, false),
                row(
                    "",
                    "a.very.long.address.of.someone@engineering.acme.example",
                    "Developer",
                    "manual",
                    true,
                    0,
                    false,
                ),
                row("Jonas Weber", "jonas@acme.example", "Member", "sso", false, 1_790_330_000, false),
            ]
        };
        let mut first = page("", many(), 142, 9);
        first.next = Some("/admin/members?cursor=01k2v9".to_owned());
        let mut reader = page("weber", many()[3..].to_vec(), 142, 9);
        reader.may_write = false;
        vec![page("", vec![you.clone()], 1, 0), first, page("nobody", Vec::new(), 142, 9), reader]
    }
}

/// `GET, POST /admin/members/new`
#[derive(Template)]
#[template(path = "admin/members/new.html")]
pub struct NewMemberPage {
    pub shell: Shell,
    /// Errors at `name`, `email`, `role`.
    pub errors: Invalid,
    pub name: String,
    pub email: String,
    pub role: Vec<Choice>,
    /// SSO is on, so a password is not the only way in.
    pub sso: bool,
}

/// The built-in roles, with what each grants.
pub fn role_choices(chosen: &str) -> Vec<Choice> {
    [
        ("member", "Member", "Signs in and opens the applications they have access to."),
        ("developer", "Developer", "Applications, API keys, webhooks and events; reads members."),
        ("admin", "Admin", "Members, connections and everything on Security & Access."),
        ("owner", "Owner", "All of it, and makes other owners."),
    ]
    .into_iter()
    .map(|(value, label, hint)| Choice::new(value, label, value == chosen).hint(hint))
    .collect()
}

impl Page for NewMemberPage {
    fn samples() -> Vec<Self> {
        let page = |errors, name: &str, email: &str, sso| Self {
            shell: Shell::sample(Place::Members),
            errors,
            name: name.to_owned(),
            email: email.to_owned(),
            role: role_choices("member"),
            sso,
        };
        let taken = "grace@acme.example already belongs to Grace Example. Open her page to send a new password link.";
        vec![
            page(Invalid::new(), "", "", false),
            page(Invalid::field("email", "email_taken", taken), "Grace Example", "grace@acme.example", true),
        ]
    }
}

/// How a member came here, or signs in.
#[derive(Debug, Clone)]
pub struct SourceRow {
    /// `Okta`, `Added by Ada Example`
    pub title: String,
    /// `grace@acme.example · linked 3 Oct 2026`
    pub detail: String,
}

/// `GET /admin/members/{id}`
#[derive(Template)]
#[template(path = "admin/members/show.html")]
pub struct MemberPage {
    pub shell: Shell,
    /// Errors at `roles`.
    pub errors: Invalid,
    pub member: MemberRow,
    pub since: Timestamp,
    /// Some pause after wrong passwords: until when.
    pub paused_until: Option<Timestamp>,
    pub has_password: bool,
    /// Checkboxes `roles`; the hint says where a role comes from.
    pub roles: Vec<Choice>,
    pub sources: Vec<SourceRow>,
    pub groups: Vec<String>,
    pub sessions: Vec<SessionRow>,
    pub activity: Vec<ActivityRow>,
    pub may_write: bool,
    pub version: String,
}

impl MemberPage {
    fn status(&self) -> Chip {
        if self.member.is_active { Chip::new(Tone::Ok, "Active") } else { Chip::new(Tone::Neutral, "Deactivated") }
    }

    /// The name, or the address where there is none.
    fn called(&self) -> &str {
        if self.member.name.is_empty() { &self.member.email } else { &self.member.name }
    }
}

impl Page for MemberPage {
    fn samples() -> Vec<Self> {
        let rows = MembersPage::samples().swap_remove(1).members;
        let page = |member: &MemberRow| Self {
            shell: Shell::sample(Place::Members),
            errors: Invalid::new(),
            member: member.clone(),
            since: Timestamp::from_secs(1_791_021_600),
            paused_until: None,
            has_password: true,
            roles: role_choices("member"),
            sources: vec![
                SourceRow { title: "Okta".to_owned(), detail: "grace@acme.example, linked 3 Oct 2026".to_owned() },
                SourceRow { title: "Added by hand".to_owned(), detail: "Ada Example, 1 Oct 2026".to_owned() },
            ],
            groups: Vec::new(),
            sessions: SessionRow::samples(),
            activity: vec![ActivityRow {
                title: "Signed in".to_owned(),
                chip: None,
                detail: "With Okta, from 203.0.113.9".to_owned(),
                link: None,
                who: "grace@acme.example".to_owned(),
                at: Timestamp::from_secs(1_795_330_000),
            }],
            may_write: true,
            version: "2".to_owned(),
        };
        let mut new = page(&rows[2]);
        (new.sessions, new.activity, new.has_password) = (Vec::new(), Vec::new(), false);
        new.sources.truncate(1);
        new.groups = vec!["Platform".to_owned()];
        let mut gone = page(&rows[3]);
        gone.sessions = Vec::new();
        let mut last = page(&rows[0]);
        last.errors = Invalid::field(
            "roles",
            "lockout_last_admin",
            "After the change nobody has the Admin role. Keep one admin.",
        );
        last.paused_until = Some(Timestamp::from_secs(1_795_338_900));
        let mut reader = page(&rows[1]);
        reader.may_write = false;
        vec![page(&rows[1]), new, gone, last, reader]
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
            sessions: 2,
            version: "2".to_owned(),
        };
        let last = "This would leave no admin. Give someone else the Admin role first.";
        vec![
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
