//! The wizard's last step: what changes for whom, and turning it on.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::connections::ConnectionView;
use crate::app::connections::SettingsChange;
use crate::model::actor::Ctx;
use crate::model::connection::Status;
use crate::model::invalid::Invalid;
use crate::model::organization::SignInMode;
use crate::web::admin::connections::handle::conflict;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::handle::yes;
use crate::web::admin::connections::present;
use crate::web::admin::connections::setup::Step;
use crate::web::admin::connections::setup::Wizard;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::form::FormData;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
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
        (copy.wizard.is_change, copy.wizard.is_copy) = (true, true);
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

/// At most so many of each are named.
const NAMED: usize = 20;

fn report(of: crate::app::match_report::MatchReport) -> MatchReport {
    let person = |email: String, why: &str| Match { email, why: why.to_owned() };
    MatchReport {
        joined: of.joins.len() as u64,
        left_out: of.stays.len() as u64,
        join: of.joins.into_iter().take(NAMED).map(|email| person(email, "")).collect(),
        leave: of.stays.into_iter().take(NAMED).map(|(email, why)| person(email, why)).collect(),
    }
}

fn changes(view: &ConnectionView, idp: &str, mode: SignInMode) -> Vec<String> {
    if view.connection.active.is_some() && view.connection.status == Status::Active {
        return vec![
            "Sign-in uses the new settings from the next sign-in on.".to_owned(),
            "The former settings are kept; you can bring them back.".to_owned(),
        ];
    }
    let mut changes = vec![format!("Everyone sees Sign in with SSO on the sign-in page and can choose {idp}.")];
    changes.push(match mode {
        SignInMode::Password => "Passwords keep working: the sign-in mode becomes Password + SSO.".to_owned(),
        SignInMode::PasswordAndSso => "Passwords keep working (Password + SSO).".to_owned(),
        SignInMode::SsoOnly => "The sign-in mode stays SSO only.".to_owned(),
    });
    changes.push("Nobody is signed out.".to_owned());
    changes
}

async fn page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    view: &ConnectionView,
    errors: Invalid,
    typed: Option<&FormData>,
) -> Result<OnPage, PageError> {
    let settings = view.connection.editable().map(|revision| revision.settings.clone()).unwrap_or_default();
    let is_ticked = |field: &str, saved: bool| typed.map_or(saved, |data| data.has(field));
    let role = typed.map_or(settings.default_role.as_str(), |data| data.get("default_role"));
    let mode = app.find_mode(ctx).await?;
    Ok(OnPage {
        shell: shell(request, Place::Security).await,
        errors,
        wizard: present::wizard(view, Step::On),
        is_tested: view.has_passed_test || view.connection.tests_alike(),
        changes: changes(view, &present::idp(&view.connection), mode),
        jit: is_ticked("jit", settings.jit),
        default_role: OnPage::roles(role),
        link_existing: is_ticked("link_existing", settings.link_existing),
        report: report(app.match_report(ctx, view.connection.id.clone()).await?),
        allow_idp_initiated: is_ticked("allow_idp_initiated", settings.allow_idp_initiated),
    })
}

/// `GET …/setup/on`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<OnPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    Ok(Html(page(&request, &app, &admin.ctx, &view, Invalid::new(), None).await?))
}

/// The choices of this page and of the edit page, as typed.
pub fn choices(data: &FormData) -> Result<SettingsChange, Invalid> {
    let role = data
        .get("default_role")
        .parse()
        .map_err(|_| Invalid::field("default_role", "no_such_role", "Choose a role that exists here."))?;
    Ok(SettingsChange {
        jit: Some(data.has("jit")),
        default_role: Some(role),
        link_existing: Some(data.has("link_existing")),
        allow_idp_initiated: Some(data.has("allow_idp_initiated")),
        ..SettingsChange::default()
    })
}

/// `POST …/setup/on`: saves the choices and turns the connection on.
pub async fn turn_on(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let view = load(&app, ctx, &id).await?;
    let id = view.connection.id.clone();
    let saved = match choices(data) {
        Ok(change) => app.update_connection(ctx, id.clone(), change, None, data.version()).await,
        Err(errors) => Err(errors.into()),
    };
    if saved.is_ok() && data.get("action") == "save" {
        return Ok(see_other(format!("/admin/security/sso/{id}/setup/test"))
            .notice("Saved. Test it, then turn it on.")
            .respond_to(&request));
    }
    let turned_on = match saved {
        Ok(saved) => app.activate_connection(ctx, id.clone(), false, Some(saved.connection.version)).await,
        Err(error) => Err(error),
    };
    let (errors, status) = match turned_on {
        Ok(view) => {
            let text = format!("{} is on.", view.connection.name);
            return Ok(see_other(format!("/admin/security/sso/{id}")).notice(text).respond_to(&request));
        }
        Err(Error::Invalid(errors)) => (errors, StatusCode::UNPROCESSABLE_ENTITY),
        Err(Error::Conflict { code, text }) => (Invalid::field("form", code, text), StatusCode::CONFLICT),
        Err(Error::Changed) => {
            let settings = view.connection.editable().map(|revision| revision.settings.clone()).unwrap_or_default();
            let rows = vec![
                ("New people are created", yes(settings.jit), yes(data.has("jit"))),
                ("Default role", settings.default_role.as_str().to_owned(), data.get("default_role").to_owned()),
                ("Existing members are joined", yes(settings.link_existing), yes(data.has("link_existing"))),
                (
                    "Sign-in may start at the provider",
                    yes(settings.allow_idp_initiated),
                    yes(data.has("allow_idp_initiated")),
                ),
            ];
            return conflict(&request, &app, ctx, &view, data, rows).await;
        }
        Err(error) => return Err(error.into()),
    };
    let view = load(&app, ctx, id.as_str()).await?;
    Ok(Html(page(&request, &app, ctx, &view, errors, Some(data)).await?).status(status))
}
