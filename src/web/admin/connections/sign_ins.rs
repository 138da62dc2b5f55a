//! The sign-ins of a connection, newest first.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use actix_web::web::Query;
use askama::Template;
use serde::Deserialize;

use crate::app::App;
use crate::app::Error;
use crate::model::page::Window;
use crate::model::sign_in::SignIn;
use crate::model::time::Timestamp;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::present;
use crate::web::admin::connections::present::Facts;
use crate::web::admin::connections::show::Head;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Choice;

#[derive(Debug, Clone)]
pub struct SignInRow {
    pub at: Timestamp,
    /// Address, or what the provider called the person; empty if it is not known.
    pub who: String,
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

#[derive(Deserialize)]
pub struct SignInsQuery {
    result: Option<String>,
    cursor: Option<String>,
}

/// `GET …/sign-ins?result=&cursor=`
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
    query: Query<SignInsQuery>,
) -> Result<Html<SignInsPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    let chosen = query.result.as_deref().filter(|result| matches!(*result, "ok" | "refused")).unwrap_or("all");
    let window = Window::parse(None, query.cursor.as_deref()).map_err(Error::from)?;
    let found = app.list_sign_ins(&admin.ctx, view.connection.id.clone(), chosen == "refused", window).await?;
    let row = |sign_in: &SignIn| {
        let what = match sign_in.code.as_deref() {
            None => "Signed in".to_owned(),
            Some(code) => present::words(&view.connection, &app.urls, code, &Facts::default()).what,
        };
        SignInRow {
            at: sign_in.at,
            who: sign_in.who.clone().unwrap_or_default(),
            code: sign_in.code.clone().unwrap_or_default(),
            what,
            reference: sign_in.reference.clone().unwrap_or_default(),
        }
    };
    let rows = found.rows.iter().filter(|sign_in| chosen != "ok" || sign_in.code.is_none()).map(row).collect();
    Ok(Html(SignInsPage {
        shell: shell(&request, Place::Security).await,
        head: present::head(&view),
        result: SignInsPage::result_choices(chosen),
        rows,
        next: found.next.map(|cursor| {
            format!("/admin/security/sso/{}/sign-ins?result={chosen}&cursor={cursor}", view.connection.id)
        }),
        unverified: 0,
    }))
}
