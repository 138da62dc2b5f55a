//! First run, while no admin exists: the code, the public address, the first admin.

use askama::Template;

use crate::model::invalid::Invalid;
use crate::web::html::Page;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::view::Tone;

/// `GET, POST /setup`: step 1.
#[derive(Template)]
#[template(path = "setup/code.html")]
pub struct CodePage {
    pub shell: Shell,
    /// Errors at `code`; a pause goes to `form`.
    pub errors: Invalid,
    pub code: String,
}

impl Page for CodePage {
    fn samples() -> Vec<Self> {
        let page = |errors, code: &str| Self { shell: first_run(), errors, code: code.to_owned() };
        let wrong = "That code doesn't match. It changes at every start; look at the latest.";
        let paused = "Five codes were wrong. Wait 15 minutes, then try again.";
        vec![
            page(Invalid::new(), ""),
            page(Invalid::field("code", "setup_code", wrong), "K7F2-9QXM-3TZA"),
            page(Invalid::field("form", "throttled", paused), ""),
        ]
    }
}

/// One thing that was looked at: DNS, certificate, proxy headers.
#[derive(Debug, Clone)]
pub struct AddressCheck {
    pub tone: Tone,
    pub title: String,
    pub detail: String,
    /// Lines to add to a proxy's configuration; empty if there is nothing to add.
    pub lines: String,
}

/// `GET, POST /setup/address`: step 2. The address is configuration, so there is nothing to type.
#[derive(Template)]
#[template(path = "setup/address.html")]
pub struct AddressPage {
    pub shell: Shell,
    pub base_url: String,
    pub checks: Vec<AddressCheck>,
}

impl Page for AddressPage {
    fn samples() -> Vec<Self> {
        let check = |tone, title: &str, detail: &str, lines: &str| AddressCheck {
            tone,
            title: title.to_owned(),
            detail: detail.to_owned(),
            lines: lines.to_owned(),
        };
        let good = vec![
            check(Tone::Ok, "You opened this page at that address", "auth.acme.example, over HTTPS", ""),
            check(Tone::Ok, "Proxy headers are trusted", "X-Forwarded-For and X-Forwarded-Proto from 10.0.0.2", ""),
        ];
        let bad = vec![
            check(
                Tone::Bad,
                "You opened this page at another address",
                "Your browser asked for http://10.0.0.7:8080. Sign-in cookies and SAML need the public one.",
                "",
            ),
            check(
                Tone::Warn,
                "A proxy in front doesn't say who asks",
                "Requests come from 10.0.0.2 without X-Forwarded-Proto. For nginx, add:",
                "proxy_set_header Host $host;\nproxy_set_header X-Forwarded-For $remote_addr;\nproxy_set_header X-Forwarded-Proto $scheme;",
            ),
        ];
        let page = |base_url: &str, checks| Self { shell: first_run(), base_url: base_url.to_owned(), checks };
        vec![page("https://auth.acme.example", good), page("https://auth.acme.example", bad)]
    }
}

/// `GET, POST /setup/admin`: step 3; ends on Security & Access, signed in.
#[derive(Template)]
#[template(path = "setup/admin.html")]
pub struct AdminPage {
    pub shell: Shell,
    /// Errors at `organization`, `name`, `email`, `password`.
    pub errors: Invalid,
    pub organization: String,
    pub name: String,
    pub email: String,
}

impl Page for AdminPage {
    fn samples() -> Vec<Self> {
        let page = |errors, organization: &str, name: &str, email: &str| Self {
            shell: first_run(),
            errors,
            organization: organization.to_owned(),
            name: name.to_owned(),
            email: email.to_owned(),
        };
        let mut two =
            Invalid::field("email", "email_malformed", "ada@acme has no domain ending. Write the whole address.");
        two.add("password", "password_short", "This has 9 characters. Use 15 or more.");
        vec![page(Invalid::new(), "", "", ""), page(two, "Acme", "Ada Example", "ada@acme")]
    }
}

fn first_run() -> Shell {
    Shell { organization: String::new(), ..Shell::sample_outside() }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<CodePage>(all, "setup/code");
    add::<AddressPage>(all, "setup/address");
    add::<AdminPage>(all, "setup/admin");
}
