//! The wizard's step that gives the identity provider our address and a token, and waits for its first request.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::directories::DirectoryInput;
use crate::app::directories::DirectoryView;
use crate::app::scim::BadToken;
use crate::model::actor::Ctx;
use crate::model::invalid::Invalid;
use crate::model::page::Window;
use crate::model::provider::Catalogue;
use crate::model::provider::Connector;
use crate::model::provider::Protocol;
use crate::model::role::Permission;
use crate::model::scim::ScimRequest;
use crate::model::time::Timestamp;
use crate::web::admin::directories::handle::load;
use crate::web::admin::directories::handle::load_to_change;
use crate::web::admin::directories::handle::told;
use crate::web::admin::directories::handle::wizard;
use crate::web::admin::directories::present;
use crate::web::admin::directories::present::second;
use crate::web::admin::directories::requests;
use crate::web::admin::directories::setup::Step;
use crate::web::admin::directories::setup::Wizard;
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
use crate::web::view::Tone;
use crate::web::view::count;

/// A row of the provider's form.
#[derive(Debug, Clone)]
pub struct GiveRow {
    /// For the copy button.
    pub id: String,
    /// The provider's own label.
    pub theirs: String,
    /// `Doorward calls it SCIM base URL`
    pub ours: String,
    pub value: String,
    /// The token goes here; the value is empty.
    pub is_token: bool,
    /// Ours to copy, not something to choose there.
    pub is_ours: bool,
    pub note: String,
}

/// How far it has come.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub icon: &'static str,
    pub title: String,
    pub text: String,
    /// It is asked again until somebody came.
    pub is_over: bool,
}

/// `GET, POST …/setup/connect`; `POST …/setup/token` answers with the same page and the token in it.
#[derive(Template)]
#[template(path = "admin/directories/connect.html")]
pub struct ConnectPage {
    pub shell: Shell,
    /// Errors at `name`, `connection_id`, `form`.
    pub errors: Invalid,
    pub wizard: Wizard,
    pub name: String,
    /// Connections of the same people; empty where there is none.
    pub connection_id: Vec<Choice>,
    pub give: Vec<GiveRow>,
    /// Made just now, and never shown again.
    pub token: Option<String>,
    /// `dwscim_Ab3x`, made when, of the newest.
    pub last_token: Option<(String, Timestamp)>,
    pub waiting: Waiting,
    pub may_write: bool,
}

impl ConnectPage {
    /// The click path, one entry a click.
    fn clicks(&self) -> Vec<String> {
        let clicks = self.wizard.connector.path.iter().flat_map(|part| part.split(" > "));
        clicks.map(|click| fill(click, "")).collect()
    }

    fn other_ways(&self) -> Vec<String> {
        self.wizard.connector.path_alternatives.iter().map(|text| fill(text, "")).collect()
    }

    fn finish(&self) -> Vec<String> {
        self.wizard.connector.finish.iter().map(|text| fill(text, "")).collect()
    }

    fn test(&self) -> &'static str {
        self.wizard.connector.test.as_deref().unwrap_or("Its own test of the connection, where it has one")
    }

    fn poll(&self) -> bool {
        !self.waiting.is_over
    }
}

fn fill(text: &str, base_url: &str) -> String {
    text.replace("{scim_base_url}", base_url).replace("{app_name}", "Doorward")
}

/// What the provider asks for, in the order of its form.
pub fn give(connector: &'static Connector, base_url: &str) -> Vec<GiveRow> {
    let row = |(n, row): (usize, &crate::model::provider::Give)| {
        let (is_ours, is_token) = (row.value.contains('{'), row.value.contains("{scim_token}"));
        let label = Catalogue::get().label(&row.ours);
        GiveRow {
            id: format!("give-{n}"),
            theirs: row.theirs.clone(),
            ours: if is_ours && label != row.theirs { format!("Doorward calls it {label}") } else { String::new() },
            value: if is_token { String::new() } else { fill(&row.value, base_url) },
            is_token,
            is_ours,
            note: row.note.clone().unwrap_or_default(),
        }
    };
    connector.give.iter().enumerate().map(row).collect()
}

impl Page for ConnectPage {
    fn samples() -> Vec<Self> {
        let page = |connector: &'static Connector, waiting| {
            let wizard = Wizard::sample(&connector.id, Step::Connect);
            Self {
                shell: Shell::sample(Place::Security),
                errors: Invalid::new(),
                name: wizard.name.clone(),
                connection_id: Vec::new(),
                give: give(connector, "https://auth.acme.example/scim/v2/dir_01k2v9q8xw3f6t0m4n7p5r1sza"),
                token: None,
                last_token: None,
                waiting,
                may_write: true,
                wizard,
            }
        };
        let at = Timestamp::from_secs(1_795_338_002);
        let silent = |connector: &'static Connector| waiting(connector, None, 0, 0);
        let mut pages: Vec<Self> =
            Catalogue::get().connectors(Protocol::Scim).map(|one| page(one, silent(one))).collect();
        let okta = present::sample_connector("okta-scim");
        let mut made = page(okta, silent(okta));
        made.token = Some("dwscim_7f3Qm2Vx9KcTn8LhYpR4sWb6ZdJq1Ek4Tz".to_owned());
        let mut tested = page(okta, waiting(okta, Some(at), 0, 0));
        tested.last_token = Some(("dwscim_7f3Q".to_owned(), at));
        tested.connection_id = vec![Choice::new("", "None", true), Choice::new("con_1", "Okta", false)];
        let mut came = page(okta, waiting(okta, Some(at), 1, 0));
        came.shell = came.shell.with_notice(Tone::Ok, "Okta is saved and waits.");
        let bad = page(okta, refused(okta, (at, BadToken::Malformed)));
        let lost = page(
            okta,
            lost(
                okta,
                &requests::sample_request(
                    404,
                    "GET",
                    "/Users/Users",
                    "",
                    "There is no resource of this id in this directory.",
                ),
            ),
        );
        let mut wrong = page(okta, silent(okta));
        wrong.name = String::new();
        wrong.errors = Invalid::field("name", "name", "Give it a name of 1 to 80 characters.");
        let mut reader = page(okta, silent(okta));
        reader.may_write = false;
        pages.extend([made, tested, came, bad, lost, wrong, reader]);
        pages
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<ConnectPage>(all, "admin/directories/connect");
}

/// What stands in the way of the first request, or of the next.
fn refused(connector: &Connector, bad: (Timestamp, BadToken)) -> Waiting {
    let (title, text) = present::bad_token(bad, connector);
    Waiting { icon: "triangle-alert", title, text, is_over: false }
}

/// The token is right, and what was asked for is not.
fn lost(connector: &Connector, request: &ScimRequest) -> Waiting {
    let ScimRequest { method, path, status, words, .. } = request;
    Waiting {
        icon: "triangle-alert",
        title: format!("{} came at {} and was refused", connector.idp_first(), second(request.at)),
        text: format!(
            "It sent {method} {path}, answered with {status}: {words} Check the address that was saved there."
        ),
        is_over: false,
    }
}

pub fn waiting(connector: &Connector, last: Option<Timestamp>, users: u32, groups: u32) -> Waiting {
    let (idp, first) = (connector.idp(), connector.idp_first());
    match (last, users + groups) {
        (None, 0) => Waiting {
            icon: "hourglass",
            title: format!("Waiting for the first request from {idp}"),
            text: "Save the address and the token there, then press its test button.".to_owned(),
            is_over: false,
        },
        (Some(at), 0) => Waiting {
            icon: "circle-check",
            title: format!("{first} tested the connection at {}", second(at)),
            text: format!("Now assign a pilot person or group there. {}", cadence(connector)),
            is_over: false,
        },
        (_, _) => Waiting {
            icon: "circle-check",
            title: if users > 0 { "First person came" } else { "First group came" }.to_owned(),
            text: format!(
                "{} and {} so far. Go on to look at them.",
                count(users.into(), "person", "people"),
                count(groups.into(), "group", "groups")
            ),
            is_over: true,
        },
    }
}

fn cadence(connector: &Connector) -> String {
    connector.cadence.as_ref().map_or(String::new(), |text| format!("How soon it sends: {text}."))
}

async fn page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    view: &DirectoryView,
    errors: Invalid,
    typed: Option<&FormData>,
) -> Result<ConnectPage, PageError> {
    let directory = &view.directory;
    let connector = present::connector(directory);
    let newest = view.tokens.last();
    let arrivals = app.list_arrivals(ctx, directory.id.clone()).await?;
    let last = arrivals.last.map(|request| request.at);
    let text = |field: &str, saved: &str| typed.map_or(saved, |data| data.get(field)).to_owned();
    let chosen = text("connection_id", directory.connection.as_ref().map(|id| id.as_str()).unwrap_or_default());
    Ok(ConnectPage {
        shell: shell(request, Place::Security).await,
        errors,
        wizard: wizard(app, ctx, view, Step::Connect).await?,
        name: text("name", &directory.name),
        connection_id: connection_choices(app, ctx, &chosen).await?,
        give: give(connector, &app.scim_base_url(directory)),
        token: None,
        last_token: newest.map(|token| (token.prefix.clone(), token.created_at)),
        waiting: match (app.last_bad_scim_token(ctx, directory)?, arrivals.refused) {
            (Some(bad), _) => refused(connector, bad),
            (None, Some(request)) => lost(connector, &request),
            _ => waiting(connector, last, directory.users, directory.groups),
        },
        may_write: ctx.may(Permission::DirectoriesWrite),
    })
}

/// None, and each connection; nothing to choose where there is none.
pub async fn connection_choices(app: &App, ctx: &Ctx, chosen: &str) -> Result<Vec<Choice>, PageError> {
    if !ctx.may(Permission::ConnectionsRead) {
        return Ok(Vec::new());
    }
    let all = app.list_connections(ctx, Window::first(Window::MAX)).await?.rows;
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let mut choices = vec![Choice::new("", "None", chosen.is_empty())];
    choices.extend(all.iter().map(|view| {
        let id = view.connection.id.as_str();
        Choice::new(id, &view.connection.name, id == chosen)
    }));
    Ok(choices)
}

/// `GET …/setup/connect`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<ConnectPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    Ok(Html(page(&request, &app, &admin.ctx, &view, Invalid::new(), None).await?))
}

async fn save_name(app: &App, ctx: &Ctx, view: &DirectoryView, data: &FormData) -> Result<DirectoryView, Error> {
    let input = DirectoryInput {
        name: Some(data.get("name").to_owned()),
        connection: data.has("connection_id").then(|| Some(data.get("connection_id").to_owned())),
        ..DirectoryInput::default()
    };
    app.update_directory(ctx, view.directory.id.clone(), input, None).await
}

/// The same page again where something typed cannot stand.
async fn stays(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    view: &DirectoryView,
    (error, data): (Error, &FormData),
) -> Result<HttpResponse, PageError> {
    let (errors, status) = told(error)?;
    Ok(Html(page(request, app, ctx, view, errors, Some(data)).await?).status(status))
}

/// `POST …/setup/connect`
pub async fn save(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let view = load_to_change(&app, ctx, &id).await?;
    match save_name(&app, ctx, &view, data).await {
        Ok(_) => {
            let next = Wizard::of(&view, Step::Connect, false).path(Step::Sync);
            Ok(see_other(next).respond_to(&request))
        }
        Err(error) => stays(&request, &app, ctx, &view, (error, data)).await,
    }
}

/// `POST …/setup/token`: what was typed is saved, and the page shows the token this once.
pub async fn make_token(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let view = load_to_change(&app, ctx, &id).await?;
    let saved = match save_name(&app, ctx, &view, data).await {
        Ok(saved) => saved,
        Err(error) => return stays(&request, &app, ctx, &view, (error, data)).await,
    };
    match app.create_directory_token(ctx, saved.directory.id.clone(), None).await {
        Ok((_, secret)) => {
            let view = load(&app, ctx, &id).await?;
            let mut shown = page(&request, &app, ctx, &view, Invalid::new(), None).await?;
            shown.token = Some(secret);
            Ok(Html(shown).status(StatusCode::OK))
        }
        Err(error) => stays(&request, &app, ctx, &saved, (error, data)).await,
    }
}
