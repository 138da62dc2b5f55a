//! The last step: what turning a directory on does, and for whom; and the button that does it.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::directories::DirectoryInput;
use crate::app::directories::DirectoryView;
use crate::app::directory_mappings::DirectoryPreview;
use crate::app::directory_mappings::Meeting;
use crate::app::directory_mappings::Returning;
use crate::model::actor::Ctx;
use crate::model::invalid::Invalid;
use crate::model::role::Permission;
use crate::model::time::Timestamp;
use crate::web::admin::directories::handle::connection_name;
use crate::web::admin::directories::handle::load;
use crate::web::admin::directories::handle::load_to_change;
use crate::web::admin::directories::handle::told;
use crate::web::admin::directories::handle::wizard;
use crate::web::admin::directories::mappings::pages::PreviewView;
use crate::web::admin::directories::present;
use crate::web::admin::directories::setup::Step;
use crate::web::admin::directories::setup::Wizard;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Choice;
use crate::web::view::count;

/// Somebody who gets no member, stands beside one, or comes back.
#[derive(Debug, Clone)]
pub struct OddRow {
    pub who: String,
    pub why: String,
}

/// `GET, POST …/setup/on`
#[derive(Template)]
#[template(path = "admin/directories/on.html")]
pub struct TurnOnPage {
    pub shell: Shell,
    /// Errors at `member_lock`, `form`.
    pub errors: Invalid,
    pub wizard: Wizard,
    /// What changes, a sentence a line.
    pub lines: Vec<String>,
    pub preview: PreviewView,
    /// Who has no access now and will have it again.
    pub returning: Vec<OddRow>,
    pub more_returning: u64,
    pub odd: Vec<OddRow>,
    pub more_odd: u64,
    /// People who would not be known at sign-in; `why` is their address.
    pub unmatched: Vec<OddRow>,
    pub more_unmatched: u64,
    pub seats_missing: u32,
    pub member_lock: Vec<Choice>,
    /// Nobody came yet.
    pub is_empty: bool,
    pub may_write: bool,
}

/// So many are named here.
const NAMED: usize = 20;

fn lines(preview: &DirectoryPreview, connection: Option<&str>, default_role: &str) -> Vec<String> {
    let people = |n, one: &str, many: &str| count(n, one, many);
    let mut lines = Vec::new();
    for (n, one, many) in [
        (preview.made, "person becomes a new member.", "people become new members."),
        (
            preview.joined,
            "person is joined to the member of the same address.",
            "people are joined to the members of the same address.",
        ),
        (
            preview.brought_back,
            "person who was deactivated or removed here has access again.",
            "people who were deactivated or removed here have access again.",
        ),
        (
            preview.apart,
            "person is kept apart from a member of the same address.",
            "people are kept apart from members of the same address.",
        ),
        (
            preview.without_address,
            "person gets no member: nothing that was sent is an address.",
            "people get no member: nothing that was sent is an address.",
        ),
        (
            preview.inactive,
            "person is inactive in the directory and has no access.",
            "people are inactive in the directory and have no access.",
        ),
    ] {
        if n > 0 {
            lines.push(people(n, one, many));
        }
    }
    lines.push(format!("Of whom no group gives a role: {default_role}."));
    lines.push(match connection {
        Some(name) => format!("From now on sign-in alone creates nobody: {name} no longer makes accounts."),
        None => "From now on the directory says who exists. It has no connection, so no sign-in changes.".to_owned(),
    });
    lines
}

fn preview_returning(all: &[Returning]) -> Vec<OddRow> {
    let row = |one: &Returning| OddRow {
        who: if one.label == one.email { one.email.clone() } else { format!("{} ({})", one.label, one.email) },
        why: match one.since {
            Some(since) => format!("Deactivated since {}, and can sign in again.", since.day()),
            None => "Was removed, and comes back as the same member.".to_owned(),
        },
    };
    all.iter().take(NAMED).map(row).collect()
}

impl Page for TurnOnPage {
    fn samples() -> Vec<Self> {
        let preview = DirectoryPreview {
            made: 12,
            joined: 128,
            apart: 1,
            without_address: 1,
            inactive: 3,
            brought_back: 2,
            ..DirectoryPreview::default()
        };
        let page = || Self {
            shell: Shell::sample(Place::Security),
            errors: Invalid::new(),
            wizard: Wizard::sample("okta-scim", Step::On),
            lines: lines(&preview, Some("Okta"), "Member"),
            preview: PreviewView::sample(),
            returning: preview_returning(&[
                Returning {
                    member: None,
                    label: "mia@acme.example".to_owned(),
                    email: "mia@acme.example".to_owned(),
                    since: None,
                },
                Returning {
                    member: None,
                    label: "Alan Example".to_owned(),
                    email: "alan@acme.example".to_owned(),
                    since: Some(Timestamp::from_secs(1_791_021_600)),
                },
            ]),
            more_returning: 0,
            odd: vec![
                OddRow { who: "ada@acme.example".to_owned(), why: present::problem("scim_conflict", "Okta") },
                OddRow { who: "jonas.weber".to_owned(), why: present::problem("scim_email", "Okta") },
            ],
            more_odd: 0,
            unmatched: Vec::new(),
            more_unmatched: 0,
            seats_missing: 0,
            member_lock: present::lock_choices("locked", "Okta"),
            is_empty: false,
            may_write: true,
        };
        let mut tight = page();
        (tight.seats_missing, tight.more_odd, tight.more_unmatched) = (14, 7, 30);
        tight.unmatched = vec![OddRow { who: "jonas.weber".to_owned(), why: "jonas@acme.example".to_owned() }];
        tight.more_returning = 3;
        let mut empty = page();
        (empty.is_empty, empty.odd, empty.preview) = (true, Vec::new(), PreviewView::default());
        empty.returning = Vec::new();
        empty.lines = lines(&DirectoryPreview::default(), None, "Member");
        let mut on = page();
        on.wizard.is_enabled = true;
        let mut wrong = page();
        wrong.errors = Invalid::field("member_lock", "member_lock", "Use locked, no_invitations or open.");
        vec![page(), tight, empty, on, wrong]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<TurnOnPage>(all, "admin/directories/on");
}

async fn page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    view: &DirectoryView,
    (errors, lock): (Invalid, Option<&str>),
) -> Result<TurnOnPage, PageError> {
    let directory = &view.directory;
    let preview = app.preview_directory(ctx, directory.id.clone(), None).await?;
    let idp = present::connector(directory).idp();
    let odd = |(who, meeting): &(String, Meeting)| OddRow { who: who.clone(), why: present::meeting(*meeting, idp).1 };
    let unmatched = |(who, why): &(String, String)| OddRow { who: who.clone(), why: why.clone() };
    let name = connection_name(app, ctx, view).await;
    let mut shown = PreviewView::of(&preview);
    shown.changes.truncate(NAMED);
    Ok(TurnOnPage {
        shell: shell(request, Place::Security).await,
        errors,
        wizard: wizard(app, ctx, view, Step::On).await?,
        lines: lines(&preview, name.as_deref(), present::default_role_name(directory.default_role)),
        preview: shown,
        returning: preview_returning(&preview.returning),
        more_returning: preview.brought_back.saturating_sub(NAMED as u64),
        odd: preview.odd.iter().take(NAMED).map(odd).collect(),
        more_odd: (preview.apart + preview.without_address).saturating_sub(NAMED as u64),
        unmatched: preview.unmatched_users.iter().take(NAMED).map(unmatched).collect(),
        more_unmatched: preview.unmatched.saturating_sub(NAMED as u64),
        seats_missing: preview.seats_missing,
        member_lock: present::lock_choices(lock.unwrap_or(directory.lock.as_str()), idp),
        is_empty: directory.users == 0,
        may_write: ctx.may(Permission::DirectoriesWrite),
    })
}

/// `GET …/setup/on`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<TurnOnPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    Ok(Html(page(&request, &app, &admin.ctx, &view, (Invalid::new(), None)).await?))
}

async fn enable(
    app: &App,
    ctx: &Ctx,
    view: &DirectoryView,
    lock: &str,
    version: Option<i64>,
) -> Result<DirectoryView, Error> {
    let input = DirectoryInput { lock: Some(lock.to_owned()), ..DirectoryInput::default() };
    app.update_directory(ctx, view.directory.id.clone(), input, version).await?;
    app.enable_directory(ctx, view.directory.id.clone()).await
}

/// `POST …/setup/on`
pub async fn turn_on(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let view = load_to_change(&app, ctx, &id).await?;
    let lock = data.get("member_lock");
    let (errors, status) = match enable(&app, ctx, &view, lock, data.version()).await {
        Ok(view) => {
            let text = format!("{} is on.", view.directory.name);
            return Ok(see_other(present::path(view.directory.id.as_str())).notice(text).respond_to(&request));
        }
        Err(error) => told(error)?,
    };
    Ok(Html(page(&request, &app, ctx, &view, (errors, Some(lock))).await?).status(status))
}
