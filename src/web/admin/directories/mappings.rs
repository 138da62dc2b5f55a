//! Groups and roles of a directory: each synced group with what it gives beside it, and values typed by hand before anything came.
//! The same form is a step of the wizard and a tab of the directory.

use std::collections::BTreeMap;

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
use crate::app::directory_mappings::DirectoryPreview;
use crate::app::role_mappings::MappingInput;
use crate::model::actor::Ctx;
use crate::model::invalid::Invalid;
use crate::model::role::Permission;
use crate::web::admin::connections::mappings::Names;
use crate::web::admin::connections::mappings::pages::ChangeRow;
use crate::web::admin::connections::mappings::pages::LISTED;
use crate::web::admin::connections::mappings::pages::MappingRow;
use crate::web::admin::connections::mappings::pages::choices;
use crate::web::admin::connections::mappings::pages::with_blanks;
use crate::web::admin::connections::mappings::typed;
use crate::web::admin::directories::handle::load;
use crate::web::admin::directories::handle::load_to_change;
use crate::web::admin::directories::handle::wizard;
use crate::web::admin::directories::present;
use crate::web::admin::directories::present::Head;
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
use crate::web::view::Kept;
use crate::web::view::count;

/// More rows than a form is good for; then the API changes them.
const MOST_ROWS: usize = 120;
/// Groups without a mapping that are listed.
const MOST_UNMAPPED: usize = 60;

/// One row: a synced group, or a value that was typed.
#[derive(Debug, Clone)]
pub struct Row {
    pub row: MappingRow,
    /// People of the group, where it came.
    pub people: Option<String>,
}

impl Row {
    fn kinds(&self) -> Vec<Choice> {
        [("group", "Group"), ("role", "Role"), ("entitlement", "Entitlement")]
            .into_iter()
            .map(|(value, label)| Choice::new(value, label, value == self.row.kind))
            .collect()
    }
}

/// The form.
#[derive(Debug, Clone)]
pub struct Maps {
    pub rows: Vec<Row>,
    /// Slug and name, id and name, to choose from.
    pub roles: Vec<(String, String)>,
    pub teams: Vec<(String, String)>,
    pub default_role: Vec<Choice>,
    /// Groups that came and are not listed.
    pub more_groups: usize,
    pub has_groups: bool,
    /// Everybody is in the only group.
    pub is_one_group: bool,
    pub is_too_long: bool,
    pub is_enabled: bool,
    pub may_write: bool,
    pub version: String,
    /// Where the form goes.
    pub path: String,
    pub idp: &'static str,
}

impl Maps {
    fn lists_roles(&self) -> bool {
        self.roles.len() <= LISTED
    }

    fn lists_teams(&self) -> bool {
        self.teams.len() <= LISTED
    }

    fn role_choices(&self, row: &Row) -> Vec<Choice> {
        choices("No role", &self.roles, &row.row.roles)
    }

    fn team_choices(&self, row: &Row) -> Vec<Choice> {
        choices("No team", &self.teams, &row.row.team)
    }
}

/// What is wrong in a row, all of it.
pub fn wrong<'a>(errors: &'a Invalid, row: &usize) -> Vec<&'a str> {
    errors.in_row(*row)
}

/// `GET, POST …/setup/groups`
#[derive(Template)]
#[template(path = "admin/directories/map_groups.html")]
pub struct MapGroupsPage {
    pub shell: Shell,
    /// Errors in rows, and at `default_role`.
    pub errors: Invalid,
    pub wizard: Wizard,
    pub maps: Maps,
}

/// `GET, POST …/groups`
#[derive(Template)]
#[template(path = "admin/directories/groups.html")]
pub struct GroupsPage {
    pub shell: Shell,
    pub errors: Invalid,
    pub head: Head,
    pub maps: Maps,
    /// How many people a change that goes on has changed so far.
    pub applying: Option<String>,
}

/// The answer to a POST of either: who gains and who loses, before it is saved.
#[derive(Template)]
#[template(path = "admin/directories/groups_preview.html")]
pub struct GroupsPreviewPage {
    pub shell: Shell,
    pub errors: Invalid,
    pub head: Head,
    pub preview: PreviewView,
    pub is_enabled: bool,
    /// What was typed.
    pub kept: Vec<Kept>,
    pub path: String,
    pub is_step: bool,
}

/// Who gains and who loses.
#[derive(Debug, Clone, Default)]
pub struct PreviewView {
    pub changes: Vec<ChangeRow>,
    pub total: u64,
    pub lockout: Option<&'static str>,
}

impl PreviewView {
    pub fn of(preview: &DirectoryPreview) -> Self {
        let change = |change: &crate::app::role_mappings::Change| ChangeRow {
            id: change.member.as_ref().map(ToString::to_string).unwrap_or_default(),
            label: change.label.clone(),
            email: change.email.clone(),
            gains: change.gains.join(", "),
            loses: change.loses.join(", "),
        };
        Self { changes: preview.changes.iter().map(change).collect(), total: preview.total, lockout: preview.lockout }
    }

    pub fn people(&self) -> String {
        count(self.total, "person changes", "people change")
    }

    pub fn sample() -> Self {
        let change = |id: &str, label: &str, email: &str, gains: &str, loses: &str| ChangeRow {
            id: id.to_owned(),
            label: label.to_owned(),
            email: email.to_owned(),
            gains: gains.to_owned(),
            loses: loses.to_owned(),
        };
        Self {
            changes: vec![
                change(
                    "mem_01k2v9q8xw3f6t0m4n7p5r1sza",
                    "Grace Example",
                    "grace@acme.example",
                    "Developer, team iOS",
                    "",
                ),
                change("", "new@acme.example", "new@acme.example", "Member", ""),
                change("mem_01k2v9q8xw3f6t0m4n7p5r1szb", "Jonas Weber", "jonas@acme.example", "", "Admin"),
            ],
            total: 142,
            lockout: None,
        }
    }
}

fn sample_maps(rows: Vec<Row>) -> Maps {
    let known = |name: &str| (name.to_lowercase().replace(' ', "-"), name.to_owned());
    Maps {
        rows,
        roles: ["Owner", "Admin", "Developer", "Member"].map(known).to_vec(),
        teams: ["iOS", "Backend"].map(known).to_vec(),
        default_role: present::default_role_choices("member"),
        more_groups: 0,
        has_groups: true,
        is_one_group: false,
        is_too_long: false,
        is_enabled: false,
        may_write: true,
        version: "4".to_owned(),
        path: present::path(crate::web::admin::directories::SAMPLE_ID) + "/setup/groups",
        idp: "Okta",
    }
}

fn sample_rows() -> Vec<Row> {
    let row = |kind: &str, value: &str, roles: &str, people: Option<&str>| Row {
        row: MappingRow {
            kind: kind.to_owned(),
            value: value.to_owned(),
            roles: roles.to_owned(),
            ..MappingRow::default()
        },
        people: people.map(str::to_owned),
    };
    vec![
        row("group", "Doorward Admins", "Admin", Some("2 people")),
        row("role", "staff", "Developer", None),
        row("group", "Doorward Members", "", Some("140 people")),
        row("group", "", "", None),
        row("group", "", "", None),
    ]
}

impl Page for MapGroupsPage {
    fn samples() -> Vec<Self> {
        let page = |errors, maps| Self {
            shell: Shell::sample(Place::Security),
            errors,
            wizard: Wizard::sample("okta-scim", Step::Groups),
            maps,
        };
        let mut wrong = Invalid::new();
        wrong.add_in_row(0, "roles", "no_such_role", "There is no role `King`. The roles are owner, admin, member.");
        let mut nothing = sample_maps(sample_rows().split_off(3));
        nothing.has_groups = false;
        let mut one = sample_maps(sample_rows());
        (one.is_one_group, one.more_groups) = (true, 12);
        let mut long = sample_maps(Vec::new());
        long.is_too_long = true;
        vec![
            page(Invalid::new(), sample_maps(sample_rows())),
            page(Invalid::new(), nothing),
            page(Invalid::new(), one),
            page(wrong, sample_maps(sample_rows())),
            page(Invalid::new(), long),
        ]
    }
}

impl Page for GroupsPage {
    fn samples() -> Vec<Self> {
        let page = |maps, applying: Option<&str>| Self {
            shell: Shell::sample(Place::Security),
            errors: Invalid::new(),
            head: Head::sample(),
            maps,
            applying: applying.map(str::to_owned),
        };
        let mut reader = sample_maps(sample_rows());
        (reader.may_write, reader.is_enabled) = (false, true);
        let mut many = sample_maps(sample_rows());
        many.roles.extend((0..LISTED).map(|n| (format!("role-{n}"), format!("Role {n}"))));
        many.teams.extend((0..LISTED).map(|n| (format!("team-{n}"), format!("Team {n}"))));
        vec![page(sample_maps(sample_rows()), None), page(reader, Some("120 people changed so far")), page(many, None)]
    }
}

impl Page for GroupsPreviewPage {
    fn samples() -> Vec<Self> {
        let page = |preview, is_step: bool| Self {
            shell: Shell::sample(Place::Security),
            errors: Invalid::new(),
            head: Head::sample(),
            preview,
            is_enabled: !is_step,
            kept: vec![Kept { name: "version".to_owned(), value: "3".to_owned() }],
            path: present::path(crate::web::admin::directories::SAMPLE_ID) + "/groups",
            is_step,
        };
        let why = "After this nobody would be an owner. Make somebody an owner by hand first.";
        vec![
            page(PreviewView::sample(), false),
            page(PreviewView::default(), true),
            page(PreviewView { lockout: Some(why), ..PreviewView::sample() }, false),
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<MapGroupsPage>(all, "admin/directories/map_groups");
    add::<GroupsPage>(all, "admin/directories/groups");
    add::<GroupsPreviewPage>(all, "admin/directories/groups_preview");
}

/// Which of the two pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Step,
    Tab,
}

impl At {
    fn path(self, view: &DirectoryView) -> String {
        let directory = present::path(view.directory.id.as_str());
        match self {
            Self::Step => format!("{directory}/setup/groups"),
            Self::Tab => format!("{directory}/groups"),
        }
    }
}

/// People by the name of their group, as values are compared.
async fn synced(app: &App, ctx: &Ctx, view: &DirectoryView) -> Result<BTreeMap<String, u32>, PageError> {
    let mut groups = BTreeMap::new();
    for group in app.list_synced_groups(ctx, view.directory.id.clone()).await? {
        *groups.entry(group.name.trim().to_owned()).or_insert(0) += group.people;
    }
    Ok(groups)
}

fn people(n: u32) -> String {
    if n >= 1000 { "1,000 people or more".to_owned() } else { count(n.into(), "person", "people") }
}

async fn maps(
    app: &App,
    ctx: &Ctx,
    view: &DirectoryView,
    at: At,
    (rows, role): (Option<Vec<MappingRow>>, Option<&str>),
) -> Result<Maps, PageError> {
    let directory = &view.directory;
    let (names, groups) = (Names::load(app, ctx).await?, synced(app, ctx, view).await?);
    let (_, stored) = app.list_directory_mappings(ctx, directory.id.clone()).await?;
    let (roles, may_write) = (names.known_roles(), ctx.may(Permission::DirectoriesWrite));
    let one_each = roles.len() <= LISTED && may_write;
    let rows = rows.unwrap_or_else(|| stored.iter().flat_map(|mapping| names.rows(mapping, one_each)).collect());
    let is_listed = |name: &String| rows.iter().any(|row| row.kind == "group" && row.value.trim() == name);
    let unmapped: Vec<&String> = groups.keys().filter(|name| !name.is_empty() && !is_listed(name)).collect();
    let is_too_long = rows.len() > MOST_ROWS;
    let more_groups = unmapped.len().saturating_sub(MOST_UNMAPPED);
    let blank = |name: &String| MappingRow { kind: "group".to_owned(), value: name.clone(), ..MappingRow::default() };
    let unmapped: Vec<MappingRow> = unmapped.into_iter().take(MOST_UNMAPPED).map(blank).collect();
    let all: Vec<MappingRow> = rows.into_iter().chain(unmapped).collect();
    let all = if may_write { with_blanks(all) } else { all };
    let row = |row: MappingRow| Row {
        people: groups.get(row.value.trim()).filter(|_| row.kind == "group").map(|n| people(*n)),
        row,
    };
    Ok(Maps {
        rows: all.into_iter().map(row).collect(),
        roles,
        teams: names.teams,
        default_role: present::default_role_choices(role.unwrap_or(directory.default_role.as_str())),
        more_groups,
        has_groups: !groups.is_empty(),
        is_one_group: groups.len() == 1,
        is_too_long,
        is_enabled: directory.is_enabled(),
        may_write,
        version: directory.version.to_string(),
        path: at.path(view),
        idp: present::connector(directory).idp(),
    })
}

/// What was typed, the groups that give nothing left out: choosing nothing beside one takes its mapping away.
fn given(data: &FormData, groups: &BTreeMap<String, u32>) -> Vec<MappingRow> {
    let gives = |row: &MappingRow| [&row.roles, &row.team, &row.tag].iter().any(|text| !text.trim().is_empty());
    let is_synced = |row: &MappingRow| row.kind == "group" && groups.contains_key(row.value.trim());
    typed(data).into_iter().filter(|row| gives(row) || !is_synced(row)).collect()
}

async fn form_page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    view: &DirectoryView,
    (at, status, errors): (At, StatusCode, Invalid),
    typed: (Option<Vec<MappingRow>>, Option<&str>),
) -> Result<HttpResponse, PageError> {
    let (shell, maps) = (shell(request, Place::Security).await, maps(app, ctx, view, at, typed).await?);
    match at {
        At::Step => {
            let wizard = wizard(app, ctx, view, Step::Groups).await?;
            Ok(Html(MapGroupsPage { shell, errors, wizard, maps }).status(status))
        }
        At::Tab => {
            let standing = app.find_standing(ctx, view.directory.id.clone()).await?;
            let applying = standing.running.map(|n| count(n.into(), "person changed so far", "people changed so far"));
            Ok(Html(GroupsPage { shell, errors, head: Head::of(view), maps, applying }).status(status))
        }
    }
}

/// `GET …/setup/groups`
pub async fn step(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    let fresh = (At::Step, StatusCode::OK, Invalid::new());
    form_page(&request, &app, &admin.ctx, &view, fresh, (None, None)).await
}

/// `GET …/groups`
pub async fn tab(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<HttpResponse, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    let fresh = (At::Tab, StatusCode::OK, Invalid::new());
    form_page(&request, &app, &admin.ctx, &view, fresh, (None, None)).await
}

/// `POST …/setup/groups`
pub async fn save_step(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let view = load_to_change(&app, &form.admin.ctx, &id).await?;
    save(&request, &app, &form, &view, At::Step).await
}

/// `POST …/groups`
pub async fn save_tab(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let view = load_to_change(&app, &form.admin.ctx, &id).await?;
    save(&request, &app, &form, &view, At::Tab).await
}

/// The preview first, then what it showed is saved; `do` says which, or that it is edited again.
async fn save(
    request: &HttpRequest,
    app: &App,
    form: &AdminForm,
    view: &DirectoryView,
    at: At,
) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let rows = given(data, &synced(app, ctx, view).await?);
    let names = Names::load(app, ctx).await?;
    let input: Vec<MappingInput> = rows.iter().map(|row| names.input(row)).collect();
    let role = data.get("default_role");
    if data.get("do") == "edit" {
        let again = (at, StatusCode::OK, Invalid::new());
        return form_page(request, app, ctx, view, again, (Some(rows), Some(role))).await;
    }
    let mut errors = Invalid::new();
    if data.get("do") == "save" {
        match keep(app, ctx, view, data, input.clone()).await {
            Ok(()) => {
                let (path, text) = match at {
                    At::Step => (present::path(view.directory.id.as_str()) + "/setup/on", "The mappings are saved."),
                    At::Tab => (at.path(view), "The mappings are saved."),
                };
                return Ok(see_other(path).notice(text).respond_to(request));
            }
            Err(Error::Conflict { code, text }) => errors.add("form", code, text),
            Err(error) => return stays(request, app, ctx, (view, at), error, (rows, role)).await,
        }
    }
    match app.preview_directory(ctx, view.directory.id.clone(), Some(input)).await {
        Ok(preview) => {
            let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::CONFLICT };
            let mut kept: Vec<Kept> = rows.iter().flat_map(MappingRow::fields).collect();
            for name in ["version", "default_role"] {
                kept.push(Kept { name: name.to_owned(), value: data.get(name).to_owned() });
            }
            let page = GroupsPreviewPage {
                shell: shell(request, Place::Security).await,
                errors,
                head: Head::of(view),
                preview: PreviewView::of(&preview),
                is_enabled: view.directory.is_enabled(),
                kept,
                path: at.path(view),
                is_step: at == At::Step,
            };
            Ok(Html(page).status(status))
        }
        Err(error) => stays(request, app, ctx, (view, at), error, (rows, role)).await,
    }
}

/// The mappings, and the default role where it is another.
async fn keep(
    app: &App,
    ctx: &Ctx,
    view: &DirectoryView,
    data: &FormData,
    input: Vec<MappingInput>,
) -> Result<(), Error> {
    let id = view.directory.id.clone();
    let (saved, _) = app.set_directory_mappings(ctx, id.clone(), input, data.version()).await?;
    let role = data.get("default_role");
    if !role.is_empty() && role != saved.default_role.as_str() {
        let input = DirectoryInput { default_role: Some(role.to_owned()), ..DirectoryInput::default() };
        app.update_directory(ctx, id, input, Some(saved.version)).await?;
    }
    Ok(())
}

async fn stays(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    (view, at): (&DirectoryView, At),
    error: Error,
    (rows, role): (Vec<MappingRow>, &str),
) -> Result<HttpResponse, PageError> {
    let (errors, status) = match error {
        Error::Invalid(invalid) => (invalid, StatusCode::UNPROCESSABLE_ENTITY),
        Error::Refused { code, text } => (Invalid::field("form", code, text), StatusCode::FORBIDDEN),
        Error::Changed => (Invalid::field("form", "changed_meanwhile", Error::Changed.public()), StatusCode::CONFLICT),
        other => return Err(other.into()),
    };
    form_page(request, app, ctx, view, (at, status, errors), (Some(rows), Some(role))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_people_are_told_as_a_bound() {
        assert_eq!((people(1).as_str(), people(1000).as_str()), ("1 person", "1,000 people or more"));
    }
}
