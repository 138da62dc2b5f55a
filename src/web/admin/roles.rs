//! Roles: what each grants, who holds it, and the access roles that admins name.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::access::require;
use crate::app::roles::HOLDERS_SHOWN;
use crate::app::roles::RoleView;
use crate::model::access_role::RoleInput;
use crate::model::actor::Ctx;
use crate::model::invalid::Invalid;
use crate::model::role::Area;
use crate::model::role::Permission;
use crate::model::role::Role;
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
use crate::web::routes::Needs;
use crate::web::routes::Routes;
use crate::web::shell::shell;
use crate::web::view::Choice;
use crate::web::view::count;

#[derive(Debug, Clone)]
pub struct RoleRow {
    pub slug: String,
    pub name: String,
    pub description: String,
    /// What it grants, line by line.
    pub grants: Vec<&'static str>,
    pub has_all: bool,
    pub holders: u64,
    pub is_built_in: bool,
}

impl RoleRow {
    fn of(view: &RoleView) -> Self {
        let permissions = view.role.permissions();
        Self {
            slug: view.role.slug().to_owned(),
            name: view.role.name().to_owned(),
            description: view.role.grants().to_owned(),
            grants: permissions.iter().map(Permission::about).collect(),
            has_all: view.role.is(Role::Owner),
            holders: view.holders.into(),
            is_built_in: view.role.access().is_none(),
        }
    }

    fn held_by(&self) -> String {
        match self.holders {
            0 => "Nobody".to_owned(),
            n if n >= HOLDERS_SHOWN.into() => "1,000 members or more".to_owned(),
            n => count(n, "member", "members"),
        }
    }

    fn granted(&self) -> String {
        match self.grants.len() {
            _ if self.has_all => "Everything".to_owned(),
            0 => "Nothing in the console; applications read it".to_owned(),
            n => count(n as u64, "permission", "permissions"),
        }
    }
}

/// `GET /admin/roles`
#[derive(Template)]
#[template(path = "admin/roles/list.html")]
pub struct RolesPage {
    pub shell: Shell,
    pub roles: Vec<RoleRow>,
    pub may_write: bool,
}

impl Page for RolesPage {
    fn samples() -> Vec<Self> {
        let built_in = |role: Role, holders| RoleView { role: role.into(), holders };
        let mut roles: Vec<RoleRow> = [(Role::Owner, 1), (Role::Admin, 3), (Role::Developer, 7), (Role::Member, 142)]
            .into_iter()
            .map(|(role, holders)| RoleRow::of(&built_in(role, holders)))
            .collect();
        let viewer = RoleRow {
            slug: "record-all-viewer".to_owned(),
            name: "Record All Viewer".to_owned(),
            description: "Sees every record in the records application.".to_owned(),
            grants: Vec::new(),
            has_all: false,
            holders: 0,
            is_built_in: false,
        };
        let page = |roles, may_write| Self { shell: Shell::sample(Place::Roles), roles, may_write };
        let bare = page(roles.clone(), true);
        roles.insert(3, viewer);
        vec![bare, page(roles.clone(), true), page(roles, false)]
    }
}

/// `GET, POST /admin/roles/new` and `/admin/roles/{slug}`
#[derive(Template)]
#[template(path = "admin/roles/edit.html")]
pub struct EditRolePage {
    pub shell: Shell,
    /// Errors at `name`, `description`, `rank`, `permissions`.
    pub errors: Invalid,
    /// Empty for a new one.
    pub slug: String,
    pub name: String,
    pub description: String,
    pub rank: String,
    /// Those that whoever edits holds, or that the role has.
    pub permissions: Vec<PermissionGroup>,
    pub holders: u64,
    pub version: String,
}

/// The permissions about one thing.
#[derive(Debug, Clone)]
pub struct PermissionGroup {
    pub label: &'static str,
    pub choices: Vec<Choice>,
}

impl EditRolePage {
    fn is_new(&self) -> bool {
        self.slug.is_empty()
    }

    fn path(&self) -> String {
        if self.is_new() { "/admin/roles/new".to_owned() } else { format!("/admin/roles/{}", self.slug) }
    }

    fn held_by(&self) -> String {
        match self.holders {
            n if n >= HOLDERS_SHOWN.into() => "1,000 members or more have it".to_owned(),
            n => count(n, "active member has it", "active members have it"),
        }
    }
}

impl Page for EditRolePage {
    fn samples() -> Vec<Self> {
        let page = |errors, slug: &str, name: &str| Self {
            shell: Shell::sample(Place::Roles),
            errors,
            slug: slug.to_owned(),
            name: name.to_owned(),
            description: String::new(),
            rank: "0".to_owned(),
            permissions: permission_choices(Permission::ALL, &["members.read".to_owned()]),
            holders: 4,
            version: "2".to_owned(),
        };
        let taken = "There is a role by that name already. Use another name.";
        vec![
            page(Invalid::new(), "", ""),
            page(Invalid::field("name", "role_taken", taken), "", "Record All Viewer"),
            page(Invalid::new(), "record-all-viewer", "Record All Viewer"),
        ]
    }
}

/// `GET, POST /admin/roles/{slug}/delete`
#[derive(Template)]
#[template(path = "admin/roles/delete.html")]
pub struct DeleteRolePage {
    pub shell: Shell,
    /// Errors at `form`: a mapping gives it.
    pub errors: Invalid,
    pub role: RoleRow,
    pub version: String,
}

impl Page for DeleteRolePage {
    fn samples() -> Vec<Self> {
        let role = RolesPage::samples().swap_remove(1).roles.swap_remove(3);
        let used = "The role mappings of Okta give this role. Take it out there first.";
        let page = |errors, holders| Self {
            shell: Shell::sample(Place::Roles),
            errors,
            role: RoleRow { holders, ..role.clone() },
            version: "2".to_owned(),
        };
        vec![page(Invalid::new(), 0), page(Invalid::field("form", "role_in_use", used), 4)]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<RolesPage>(all, "admin/roles/list");
    add::<EditRolePage>(all, "admin/roles/edit");
    add::<DeleteRolePage>(all, "admin/roles/delete");
}

pub fn routes(r: &mut Routes) {
    let (read, write) = (Needs::Console(Permission::RolesRead), Needs::Console(Permission::RolesWrite));
    r.get("/admin/roles", read, list);
    r.get("/admin/roles/new", write, new);
    r.post("/admin/roles/new", write, create);
    r.get("/admin/roles/{id}", write, edit);
    r.post("/admin/roles/{id}", write, save);
    r.get("/admin/roles/{id}/delete", write, ask_delete);
    r.post("/admin/roles/{id}/delete", write, delete);
}

fn permission_choices(offered: &[Permission], chosen: &[String]) -> Vec<PermissionGroup> {
    let choice = |permission: &Permission| {
        let is_chosen = chosen.iter().any(|name| name == permission.as_str());
        Choice::new(permission.as_str(), permission.about(), is_chosen).hint(permission.as_str())
    };
    let group = |area: Area| PermissionGroup {
        label: area.label(),
        choices: offered.iter().filter(|permission| permission.area() == area).map(choice).collect(),
    };
    Area::ALL.into_iter().map(group).filter(|group| !group.choices.is_empty()).collect()
}

/// `GET /admin/roles`
pub async fn list(request: HttpRequest, app: Data<App>, admin: Admin) -> Result<Html<RolesPage>, PageError> {
    let roles = app.list_roles(&admin.ctx, HOLDERS_SHOWN).await?;
    Ok(Html(RolesPage {
        shell: shell(&request, Place::Roles).await,
        roles: roles.iter().map(RoleRow::of).collect(),
        may_write: admin.ctx.may(Permission::RolesWrite),
    }))
}

/// The form: as stored, or as typed.
async fn page(
    request: &HttpRequest,
    ctx: &Ctx,
    errors: Invalid,
    known: Option<&RoleView>,
    typed: Option<&FormData>,
) -> EditRolePage {
    let role = known.and_then(|view| view.role.access());
    let (stored_name, stored_text, stored_rank) = match role {
        Some(role) => (role.name.clone(), role.description.clone(), role.rank.to_string()),
        None => (String::new(), String::new(), "0".to_owned()),
    };
    let get = |field: &str, stored: String| typed.map_or(stored, |data| data.get(field).to_owned());
    let held = role.map(|role| role.permissions).unwrap_or_default();
    let chosen: Vec<String> = match typed {
        Some(data) => data.all("permissions").map(str::to_owned).collect(),
        None => held.iter().map(|permission| permission.as_str().to_owned()).collect(),
    };
    let offered = Permission::ALL.iter().copied().filter(|permission| ctx.may(*permission) || held.has(*permission));
    EditRolePage {
        shell: shell(request, Place::Roles).await,
        errors,
        slug: role.map(|role| role.slug.clone()).unwrap_or_default(),
        name: get("name", stored_name),
        description: get("description", stored_text),
        rank: get("rank", stored_rank),
        permissions: permission_choices(&offered.collect::<Vec<_>>(), &chosen),
        holders: known.map_or(0, |view| view.holders.into()),
        version: role.map_or(1, |role| role.version).to_string(),
    }
}

/// `GET /admin/roles/new`
pub async fn new(request: HttpRequest, admin: Admin) -> Result<Html<EditRolePage>, PageError> {
    require(&admin.ctx, Permission::RolesWrite)?;
    Ok(Html(page(&request, &admin.ctx, Invalid::new(), None, None).await))
}

async fn find(app: &App, ctx: &Ctx, slug: &str) -> Result<RoleView, PageError> {
    require(ctx, Permission::RolesWrite)?;
    let view = app.find_role(ctx, slug).await?;
    // A built-in role has no form: the list says all of it.
    if view.role.access().is_none() { Err(Error::NotFound("access role").into()) } else { Ok(view) }
}

/// `GET /admin/roles/{slug}`
pub async fn edit(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    slug: Path<String>,
) -> Result<Html<EditRolePage>, PageError> {
    let view = find(&app, &admin.ctx, &slug).await?;
    Ok(Html(page(&request, &admin.ctx, Invalid::new(), Some(&view), None).await))
}

fn input(data: &FormData) -> Result<RoleInput, Invalid> {
    let rank = match data.get("rank").trim() {
        "" => Some(0),
        text => text.parse().ok(),
    };
    if rank.is_none() {
        return Err(Invalid::field("rank", "rank", "Use a number from 0 to 1000."));
    }
    Ok(RoleInput {
        slug: None,
        name: Some(data.get("name").to_owned()),
        description: Some(data.get("description").to_owned()),
        permissions: Some(data.all("permissions").map(str::to_owned).collect()),
        rank,
    })
}

/// `POST /admin/roles/new`
pub async fn create(request: HttpRequest, app: Data<App>, form: AdminForm) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let made = match input(data) {
        Ok(input) => app.create_role(ctx, input).await,
        Err(invalid) => Err(invalid.into()),
    };
    match made {
        Ok(view) => Ok(see_other("/admin/roles").notice(format!("{} is made.", view.role.name())).respond_to(&request)),
        Err(error) => stays(&request, ctx, error, None, data).await,
    }
}

/// `POST /admin/roles/{slug}`
pub async fn save(
    request: HttpRequest,
    app: Data<App>,
    slug: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let known = find(&app, ctx, &slug).await?;
    let saved = match input(data) {
        Ok(input) => app.update_role(ctx, &slug, input, data.version()).await,
        Err(invalid) => Err(invalid.into()),
    };
    match saved {
        Ok(view) => {
            Ok(see_other("/admin/roles").notice(format!("{} is saved.", view.role.name())).respond_to(&request))
        }
        Err(error) => stays(&request, ctx, error, Some(&known), data).await,
    }
}

/// The same form again, with what was typed and what is wrong with it.
async fn stays(
    request: &HttpRequest,
    ctx: &Ctx,
    error: Error,
    known: Option<&RoleView>,
    data: &FormData,
) -> Result<HttpResponse, PageError> {
    let (errors, status) = match error {
        Error::Invalid(invalid) => (invalid, StatusCode::UNPROCESSABLE_ENTITY),
        Error::Conflict { code, text } => (Invalid::field("form", code, text), StatusCode::CONFLICT),
        Error::Refused { code, text } => (Invalid::field("permissions", code, text), StatusCode::FORBIDDEN),
        Error::Changed => (Invalid::field("form", "changed_meanwhile", Error::Changed.public()), StatusCode::CONFLICT),
        other => return Err(other.into()),
    };
    Ok(Html(page(request, ctx, errors, known, Some(data)).await).status(status))
}

async fn delete_page(request: &HttpRequest, view: &RoleView, errors: Invalid) -> DeleteRolePage {
    DeleteRolePage {
        shell: shell(request, Place::Roles).await,
        errors,
        role: RoleRow::of(view),
        version: view.role.access().map_or(1, |role| role.version).to_string(),
    }
}

/// `GET /admin/roles/{slug}/delete`
pub async fn ask_delete(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    slug: Path<String>,
) -> Result<Html<DeleteRolePage>, PageError> {
    let view = find(&app, &admin.ctx, &slug).await?;
    Ok(Html(delete_page(&request, &view, Invalid::new()).await))
}

/// `POST /admin/roles/{slug}/delete`
pub async fn delete(
    request: HttpRequest,
    app: Data<App>,
    slug: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let view = find(&app, ctx, &slug).await?;
    match app.delete_role(ctx, &slug, data.version()).await {
        Ok(()) => {
            let text = format!("{} is deleted.", view.role.name());
            Ok(see_other("/admin/roles").notice(text).respond_to(&request))
        }
        Err(Error::Conflict { code, text }) => {
            let page = delete_page(&request, &view, Invalid::field("form", code, text)).await;
            Ok(Html(page).status(StatusCode::CONFLICT))
        }
        Err(Error::Refused { code, text }) => {
            let page = delete_page(&request, &view, Invalid::field("form", code, text)).await;
            Ok(Html(page).status(StatusCode::FORBIDDEN))
        }
        Err(error) => Err(error.into()),
    }
}
