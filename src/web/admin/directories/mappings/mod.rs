//! Groups and roles of a directory: each synced group with what it gives beside it, and values typed by hand before anything came.
//! The same form is a step of the wizard and a tab of the directory.

pub mod pages;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;

use crate::app::App;
use crate::app::Error;
use crate::app::directories::DirectoryInput;
use crate::app::directories::DirectoryView;
use crate::app::role_mappings::MappingInput;
use crate::model::actor::Ctx;
use crate::model::invalid::Invalid;
use crate::model::role::Permission;
use crate::web::admin::connections::mappings::Names;
use crate::web::admin::connections::mappings::near;
use crate::web::admin::connections::mappings::pages::LISTED;
use crate::web::admin::connections::mappings::pages::MappingRow;
use crate::web::admin::connections::mappings::pages::with_blanks;
use crate::web::admin::connections::mappings::typed;
use crate::web::admin::directories::handle::load;
use crate::web::admin::directories::handle::load_to_change;
use crate::web::admin::directories::handle::told;
use crate::web::admin::directories::handle::wizard;
use crate::web::admin::directories::present;
use crate::web::admin::directories::present::Head;
use crate::web::admin::directories::setup::Step;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::form::FormData;
use crate::web::html::Html;
use crate::web::html::Place;
use crate::web::shell::shell;
use crate::web::view::Kept;
use crate::web::view::count;
use pages::GroupsPage;
use pages::GroupsPreviewPage;
use pages::MapGroupsPage;
use pages::Maps;
use pages::PreviewView;
use pages::Row;

/// More rows than a form is good for; then the API changes them.
const MOST_ROWS: usize = 120;
/// Groups without a mapping that are listed.
const MOST_UNMAPPED: usize = 60;

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

/// Of the groups of a name, as values are compared.
#[derive(Default)]
struct Synced {
    people: u32,
    /// Names that mappings know one of them by, from before it was renamed.
    former: BTreeSet<String>,
}

async fn synced(app: &App, ctx: &Ctx, view: &DirectoryView) -> Result<BTreeMap<String, Synced>, PageError> {
    let mut groups: BTreeMap<String, Synced> = BTreeMap::new();
    for group in app.list_synced_groups(ctx, view.directory.id.clone()).await? {
        let name = group.name.trim().to_owned();
        let former = group.mapped_name.map(|former| former.trim().to_owned()).filter(|former| *former != name);
        let synced = groups.entry(name).or_default();
        synced.people += group.people;
        synced.former.extend(former);
    }
    Ok(groups)
}

/// What a rename has to do with a row: its group still gives what the old name gives.
fn renamed(groups: &BTreeMap<String, Synced>, row: &MappingRow) -> Option<String> {
    let value = row.value.trim();
    if row.kind != "group" || value.is_empty() {
        return None;
    }
    let list = |names: Vec<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if let Some(synced) = groups.get(value).filter(|synced| !synced.former.is_empty()) {
        let former = list(synced.former.iter().map(String::as_str).collect());
        return Some(format!("Renamed: it still gives what {former} gives."));
    }
    let now: Vec<&str> =
        groups.iter().filter(|(_, synced)| synced.former.contains(value)).map(|(name, _)| name.as_str()).collect();
    (!now.is_empty()).then(|| format!("Given to {}, which had this name. Take it away, and they lose it.", list(now)))
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
    let is_blank = |row: &MappingRow| row.roles.is_empty() && row.team.is_empty() && row.tag.is_empty();
    let row = |row: MappingRow| Row {
        people: groups.get(row.value.trim()).filter(|_| row.kind == "group").map(|synced| people(synced.people)),
        renamed: renamed(&groups, &row),
        nearly: near(&stored, &row.kind, row.value.trim()).filter(|_| is_blank(&row)),
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
fn given(data: &FormData, groups: &BTreeMap<String, Synced>) -> Vec<MappingRow> {
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
    let (errors, status) = told(error)?;
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
