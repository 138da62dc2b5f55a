//! Teams: their people, and how each came in.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use actix_web::web::Query;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::access::require;
use crate::app::members::Filter;
use crate::app::teams::TeamMember;
use crate::app::teams::TeamView;
use crate::model::actor::Ctx;
use crate::model::id::MemberId;
use crate::model::id::TeamId;
use crate::model::invalid::Invalid;
use crate::model::page::Window;
use crate::model::role::LOCAL;
use crate::model::role::Permission;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::extract::Cursor;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::html::initials;
use crate::web::routes::Needs;
use crate::web::routes::Routes;
use crate::web::shell::shell;
use crate::web::view::count;

#[derive(Debug, Clone)]
pub struct TeamRow {
    pub id: String,
    pub name: String,
    pub members: u64,
}

impl TeamRow {
    fn of(view: &TeamView) -> Self {
        Self { id: view.team.id.to_string(), name: view.team.name.clone(), members: view.members.into() }
    }

    fn people(&self) -> String {
        count(self.members, "person", "people")
    }
}

/// `GET /admin/teams`
#[derive(Template)]
#[template(path = "admin/teams/list.html")]
pub struct TeamsPage {
    pub shell: Shell,
    pub teams: Vec<TeamRow>,
    pub next: Option<String>,
    pub may_write: bool,
}

impl Page for TeamsPage {
    fn samples() -> Vec<Self> {
        let row = |name: &str, members| TeamRow {
            id: "team_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            name: name.to_owned(),
            members,
        };
        let page = |teams, next: Option<&str>, may_write| Self {
            shell: Shell::sample(Place::Teams),
            teams,
            next: next.map(str::to_owned),
            may_write,
        };
        let teams = vec![row("iOS", 7), row("Backend", 1), row("Growth", 0)];
        vec![
            page(Vec::new(), None, true),
            page(teams.clone(), None, true),
            page(teams, Some("/admin/teams?cursor=team_01k2v9q8xw3f6t0m4n7p5r1sza"), false),
        ]
    }
}

/// `GET, POST /admin/teams/new`
#[derive(Template)]
#[template(path = "admin/teams/new.html")]
pub struct NewTeamPage {
    pub shell: Shell,
    /// Errors at `name`.
    pub errors: Invalid,
    pub name: String,
}

impl Page for NewTeamPage {
    fn samples() -> Vec<Self> {
        let page = |errors, name: &str| Self { shell: Shell::sample(Place::Teams), errors, name: name.to_owned() };
        let taken = "There is a team by that name already. Open it, or use another name.";
        vec![page(Invalid::new(), ""), page(Invalid::field("name", "team_taken", taken), "iOS")]
    }
}

#[derive(Debug, Clone)]
pub struct PersonRow {
    pub id: String,
    pub name: String,
    pub email: String,
    pub is_active: bool,
    /// `Added here`, `Okta`
    pub sources: Vec<String>,
    /// A place that was given here, or by a directory that is off.
    pub is_removable: bool,
}

impl PersonRow {
    fn of(row: &TeamMember) -> Self {
        let word = |source: &String| if source == LOCAL { "Added here".to_owned() } else { source.clone() };
        Self {
            id: row.member.id.to_string(),
            name: row.member.profile.name.clone().unwrap_or_default(),
            email: row.member.email.as_str().to_owned(),
            is_active: row.member.is_active(),
            sources: row.sources.iter().map(word).collect(),
            is_removable: row.is_removable,
        }
    }

    fn initials(&self) -> String {
        initials(&self.name, &self.email)
    }
}

/// `GET /admin/teams/{id}`
#[derive(Template)]
#[template(path = "admin/teams/show.html")]
pub struct TeamPage {
    pub shell: Shell,
    /// Errors at `name`, `email`.
    pub errors: Invalid,
    pub team: TeamRow,
    /// As typed.
    pub name: String,
    pub email: String,
    pub people: Vec<PersonRow>,
    /// `group iOS (Okta)`: what fills it beside hands.
    pub fillers: Vec<String>,
    pub next: Option<String>,
    pub may_write: bool,
    pub version: String,
}

impl Page for TeamPage {
    fn samples() -> Vec<Self> {
        let person = |name: &str, email: &str, sources: &[&str], is_active| PersonRow {
            id: "mem_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            name: name.to_owned(),
            email: email.to_owned(),
            is_active,
            sources: sources.iter().map(|source| (*source).to_owned()).collect(),
            is_removable: sources.contains(&"Added here"),
        };
        let page = |errors, people, may_write| Self {
            shell: Shell::sample(Place::Teams),
            errors,
            team: TeamsPage::samples().swap_remove(1).teams.swap_remove(0),
            name: "iOS".to_owned(),
            email: String::new(),
            people,
            fillers: vec!["group iOS (Okta)".to_owned()],
            next: None,
            may_write,
            version: "2".to_owned(),
        };
        let people = vec![
            person("Grace Example", "grace@acme.example", &["Added here"], true),
            person("", "a.very.long.address.of.someone@engineering.acme.example", &["Okta"], true),
            person("Jonas Weber", "jonas@acme.example", &["Added here", "Okta"], false),
        ];
        let nobody = "No member has that address. Add them under Members first.";
        let mut wrong = page(Invalid::field("email", "no_such_member", nobody), people.clone(), true);
        wrong.email = "nobody@acme.example".to_owned();
        vec![
            page(Invalid::new(), people.clone(), true),
            wrong,
            page(Invalid::new(), Vec::new(), true),
            page(Invalid::new(), people, false),
        ]
    }
}

/// `GET, POST /admin/teams/{id}/delete`
#[derive(Template)]
#[template(path = "admin/teams/delete.html")]
pub struct DeleteTeamPage {
    pub shell: Shell,
    /// Errors at `form`: a mapping fills it.
    pub errors: Invalid,
    pub team: TeamRow,
}

impl Page for DeleteTeamPage {
    fn samples() -> Vec<Self> {
        let used = "The role mappings of Okta fill this team. Take it out there first.";
        let page = |errors| Self {
            shell: Shell::sample(Place::Teams),
            errors,
            team: TeamsPage::samples().swap_remove(1).teams.swap_remove(0),
        };
        vec![page(Invalid::new()), page(Invalid::field("form", "team_in_use", used))]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<TeamsPage>(all, "admin/teams/list");
    add::<NewTeamPage>(all, "admin/teams/new");
    add::<TeamPage>(all, "admin/teams/show");
    add::<DeleteTeamPage>(all, "admin/teams/delete");
}

pub fn routes(r: &mut Routes) {
    let (read, write) = (Needs::Console(Permission::TeamsRead), Needs::Console(Permission::TeamsWrite));
    r.get("/admin/teams", read, list);
    r.get("/admin/teams/new", write, new);
    r.post("/admin/teams/new", write, create);
    r.get("/admin/teams/{id}", read, show);
    r.post("/admin/teams/{id}", write, rename);
    r.post("/admin/teams/{id}/add", write, add_person);
    r.post("/admin/teams/{id}/members/{member}/remove", write, remove_person);
    r.get("/admin/teams/{id}/delete", write, ask_delete);
    r.post("/admin/teams/{id}/delete", write, delete);
}

fn team_id(text: &str) -> Result<TeamId, PageError> {
    text.parse().map_err(|_| PageError(Error::NotFound("team").into()))
}

/// `GET /admin/teams?cursor=`
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    cursor: Query<Cursor>,
) -> Result<Html<TeamsPage>, PageError> {
    let page = app.list_teams(&admin.ctx, cursor.window::<TeamId>()?).await?;
    Ok(Html(TeamsPage {
        shell: shell(&request, Place::Teams).await,
        teams: page.rows.iter().map(TeamRow::of).collect(),
        next: page.next.map(|cursor| format!("/admin/teams?cursor={cursor}")),
        may_write: admin.ctx.may(Permission::TeamsWrite),
    }))
}

/// `GET /admin/teams/new`
pub async fn new(request: HttpRequest, admin: Admin) -> Result<Html<NewTeamPage>, PageError> {
    require(&admin.ctx, Permission::TeamsWrite)?;
    let shell = shell(&request, Place::Teams).await;
    Ok(Html(NewTeamPage { shell, errors: Invalid::new(), name: String::new() }))
}

/// `POST /admin/teams/new`
pub async fn create(request: HttpRequest, app: Data<App>, form: AdminForm) -> Result<HttpResponse, PageError> {
    let name = form.data.get("name");
    match app.create_team(&form.admin.ctx, name).await {
        Ok(view) => {
            let text = format!("{} is made. Add its people.", view.team.name);
            Ok(see_other(format!("/admin/teams/{}", view.team.id)).notice(text).respond_to(&request))
        }
        Err(Error::Invalid(errors)) => {
            let shell = shell(&request, Place::Teams).await;
            Ok(Html(NewTeamPage { shell, errors, name: name.to_owned() }).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(error) => Err(error.into()),
    }
}

async fn page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    id: TeamId,
    window: Window,
    errors: Invalid,
) -> Result<TeamPage, PageError> {
    let view = app.find_team(ctx, id.clone()).await?;
    let people = app.list_team_members(ctx, id.clone(), window).await?;
    let fillers = app.list_team_fillers(ctx, id.clone()).await?;
    Ok(TeamPage {
        shell: shell(request, Place::Teams).await,
        errors,
        team: TeamRow::of(&view),
        name: view.team.name.clone(),
        email: String::new(),
        people: people.rows.iter().map(PersonRow::of).collect(),
        fillers: fillers.into_iter().map(|(label, source)| format!("{label} ({source})")).collect(),
        next: people.next.map(|cursor| format!("/admin/teams/{id}?cursor={cursor}")),
        may_write: ctx.may(Permission::TeamsWrite),
        version: view.team.version.to_string(),
    })
}

/// `GET /admin/teams/{id}?cursor=`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
    cursor: Query<Cursor>,
) -> Result<Html<TeamPage>, PageError> {
    Ok(Html(page(&request, &app, &admin.ctx, team_id(&id)?, cursor.window::<MemberId>()?, Invalid::new()).await?))
}

/// `POST /admin/teams/{id}`
pub async fn rename(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, data, id) = (&form.admin.ctx, &form.data, team_id(&id)?);
    let (errors, status) = match app.rename_team(ctx, id.clone(), data.get("name"), data.version()).await {
        Ok(view) => {
            let text = format!("The team is called {} now.", view.team.name);
            return Ok(see_other(format!("/admin/teams/{id}")).notice(text).respond_to(&request));
        }
        Err(Error::Invalid(errors)) => (errors, StatusCode::UNPROCESSABLE_ENTITY),
        Err(Error::Changed) => {
            (Invalid::field("name", "changed_meanwhile", Error::Changed.public()), StatusCode::CONFLICT)
        }
        Err(error) => return Err(error.into()),
    };
    let mut page = page(&request, &app, ctx, id, Window::first(Window::DEFAULT), errors).await?;
    data.get("name").clone_into(&mut page.name);
    Ok(Html(page).status(status))
}

/// The one member with this address.
pub(super) async fn find_person(app: &App, ctx: &Ctx, email: &str) -> Result<MemberId, Error> {
    let filter = Filter { email: Some(email.trim().to_owned()), ..Filter::default() };
    let found = app.list_members(ctx, filter, Window::first(2)).await?.rows;
    match found.as_slice() {
        [one] => Ok(one.member.id.clone()),
        [] => {
            let text = "No member has that address. Add them under Members first.";
            Err(Invalid::field("email", "no_such_member", text).into())
        }
        _ => {
            let text = "Several members have that address. Name the right one by id: it stands at the end of the address of their page.";
            Err(Invalid::field("email", "several_members", text).into())
        }
    }
}

/// `POST /admin/teams/{id}/add`
pub async fn add_person(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, id, email) = (&form.admin.ctx, team_id(&id)?, form.data.get("email"));
    require(ctx, Permission::TeamsWrite)?;
    let added = match find_person(&app, ctx, email).await {
        Ok(member) => app.add_to_team(ctx, id.clone(), member).await,
        Err(error) => Err(error),
    };
    match added {
        Ok(()) => {
            let text = format!("{} is in the team.", email.trim());
            Ok(see_other(format!("/admin/teams/{id}")).notice(text).respond_to(&request))
        }
        Err(Error::Invalid(errors)) => {
            let mut page = page(&request, &app, ctx, id, Window::first(Window::DEFAULT), errors).await?;
            email.clone_into(&mut page.email);
            Ok(Html(page).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /admin/teams/{id}/members/{member}/remove`
pub async fn remove_person(
    request: HttpRequest,
    app: Data<App>,
    path: Path<(String, String)>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (team, member) = path.into_inner();
    let team = team_id(&team)?;
    let member = member.parse().map_err(|_| PageError(Error::NotFound("member").into()))?;
    let (code, text) = match app.remove_from_team(&form.admin.ctx, team.clone(), member).await {
        Ok(()) => {
            let answer = see_other(format!("/admin/teams/{team}")).notice("They are out of the team.");
            return Ok(answer.respond_to(&request));
        }
        Err(Error::Conflict { code, text }) => (code, text),
        Err(error) => return Err(error.into()),
    };
    let errors = Invalid::field("form", code, text);
    let page = page(&request, &app, &form.admin.ctx, team, Window::first(Window::DEFAULT), errors).await?;
    Ok(Html(page).status(StatusCode::CONFLICT))
}

/// `GET /admin/teams/{id}/delete`
pub async fn ask_delete(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<DeleteTeamPage>, PageError> {
    require(&admin.ctx, Permission::TeamsWrite)?;
    let view = app.find_team(&admin.ctx, team_id(&id)?).await?;
    let shell = shell(&request, Place::Teams).await;
    Ok(Html(DeleteTeamPage { shell, errors: Invalid::new(), team: TeamRow::of(&view) }))
}

/// `POST /admin/teams/{id}/delete`
pub async fn delete(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, id) = (&form.admin.ctx, team_id(&id)?);
    require(ctx, Permission::TeamsWrite)?;
    let view = app.find_team(ctx, id.clone()).await?;
    match app.delete_team(ctx, id).await {
        Ok(()) => {
            let text = format!("{} is deleted. Its people stay members.", view.team.name);
            Ok(see_other("/admin/teams").notice(text).respond_to(&request))
        }
        Err(Error::Conflict { code, text }) => {
            let shell = shell(&request, Place::Teams).await;
            let page = DeleteTeamPage { shell, errors: Invalid::field("form", code, text), team: TeamRow::of(&view) };
            Ok(Html(page).status(StatusCode::CONFLICT))
        }
        Err(error) => Err(error.into()),
    }
}
