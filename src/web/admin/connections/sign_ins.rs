//! The sign-ins of a connection, newest first.

use askama::Template;

use crate::model::time::Timestamp;
use crate::web::admin::connections::show::Head;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::view::Choice;

#[derive(Debug, Clone)]
pub struct SignInRow {
    pub at: Timestamp,
    /// Address, or what the provider called the person; empty if it is not known.
    pub who: String,
    pub ip: String,
    /// Code of errors.toml; empty if it was accepted.
    pub code: String,
    /// `what` of errors.toml, or how the person was found.
    pub what: String,
    /// `DW-…`, where there is a trace.
    pub reference: String,
}

/// `GET /admin/security/sso/{con}/sign-ins?result=&cursor=`
#[derive(Template)]
#[template(path = "admin/connections/sign_ins.html")]
pub struct SignInsPage {
    pub shell: Shell,
    pub head: Head,
    /// `all`, `ok`, `refused`.
    pub result: Vec<Choice>,
    pub rows: Vec<SignInRow>,
    pub next: Option<String>,
    /// Garbage that no signature vouches for is counted, not listed.
    pub unverified: u64,
}

impl SignInsPage {
    pub fn result_choices(chosen: &str) -> Vec<Choice> {
        [("all", "All sign-ins"), ("ok", "Accepted"), ("refused", "Refused")]
            .into_iter()
            .map(|(value, label)| Choice::new(value, label, value == chosen))
            .collect()
    }

    fn is_filtered(&self) -> bool {
        self.result.iter().any(|choice| choice.chosen && choice.value != "all")
    }
}

impl Page for SignInsPage {
    fn samples() -> Vec<Self> {
        let row = |at, who: &str, code: &str, what: &str, reference: &str| SignInRow {
            at: Timestamp::from_secs(at),
            who: who.to_owned(),
            ip: "203.0.113.9".to_owned(),
            code: code.to_owned(),
            what: what.to_owned(),
            reference: reference.to_owned(),
        };
        let page = |chosen: &str, rows| Self {
            shell: Shell::sample(Place::Security),
            head: Head::sample(),
            result: Self::result_choices(chosen),
            rows,
            next: None,
            unverified: 0,
        };
        let mut full = page(
            "all",
            vec![
                row(1_795_338_000, "grace@acme.example", "", "Signed in", ""),
                row(
                    1_795_106_460,
                    "alan@acme.example",
                    "saml_audience",
                    "Okta's audience doesn't match ours",
                    "DW-8K3F0",
                ),
                row(1_795_106_000, "", "saml_signature_cert", "Signed with a certificate we don't trust", "DW-2M7QX"),
            ],
        );
        (full.next, full.unverified) = (Some("/admin/security/sso/con_x/sign-ins?cursor=01".to_owned()), 14);
        vec![full, page("all", Vec::new()), page("refused", Vec::new())]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<SignInsPage>(all, "admin/connections/sign_ins");
}
