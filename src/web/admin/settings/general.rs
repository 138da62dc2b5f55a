//! The organization's name, its slug, and the role that new connections give.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::access::require;
use crate::app::organization::OrganizationInput;
use crate::model::audit::AuditFilter;
use crate::model::invalid::Invalid;
use crate::model::organization::Organization;
use crate::model::page::Window;
use crate::model::role::DefaultRole;
use crate::model::role::Permission;
use crate::model::role::Role;
use crate::web::admin::connections::change::ConflictPage;
use crate::web::admin::connections::change::ConflictRow;
use crate::web::answer::SeeOther;
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
use crate::web::view::Kept;
use crate::web::view::count;

const HERE: &str = "/admin/settings/general";

/// `GET, POST /admin/settings/general`
#[derive(Template)]
#[template(path = "admin/settings/general.html")]
pub struct GeneralPage {
    pub shell: Shell,
    /// Errors at `name`, `slug`, `default_role`, `seats`.
    pub errors: Invalid,
    pub name: String,
    pub slug: String,
    pub default_role: Vec<Choice>,
    /// Empty: any number.
    pub seats: String,
    /// Active members.
    pub taken: u64,
    /// Of the choice that stands.
    pub grants: String,
    pub id: String,
    pub may_write: bool,
    pub version: String,
}

/// What `chosen` may be set to; the highest only where it stands already.
fn roles(chosen: &str) -> Vec<Choice> {
    let mut slugs = vec!["member", "developer", "admin", "none"];
    if chosen == "owner" {
        slugs.push(chosen);
    }
    slugs.into_iter().map(|slug| Choice::new(slug, role_name(slug), slug == chosen)).collect()
}

fn role_name(slug: &str) -> &'static str {
    match slug.parse() {
        Ok(DefaultRole::Role(role)) => Role::name(role),
        _ => "No role: refuse whom nothing gives one",
    }
}

/// As the field shows them.
fn seats(organization: &Organization) -> String {
    organization.seats.map(|seats| seats.to_string()).unwrap_or_default()
}

impl GeneralPage {
    fn people(&self) -> String {
        count(self.taken, "active member", "active members")
    }

    fn seats_hint(&self) -> String {
        format!(
            "How many active members there may be; empty for any number. There are {} now. Nobody loses theirs when you lower it: it only lets nobody more in, by hand, sign-in or directory.",
            self.people()
        )
    }

    fn of(shell: Shell, organization: &Organization, taken: u32, may_write: bool) -> Self {
        Self {
            shell,
            errors: Invalid::new(),
            name: organization.name.clone(),
            slug: organization.slug.clone(),
            default_role: roles(organization.default_role.as_str()),
            seats: seats(organization),
            taken: taken.into(),
            grants: match organization.default_role {
                DefaultRole::Role(role) => role.grants().to_owned(),
                DefaultRole::None => "Whom nothing gives a role can't sign in.".to_owned(),
            },
            id: organization.id.to_string(),
            may_write,
            version: organization.version.to_string(),
        }
    }

    /// What was typed, with what is wrong about it.
    fn typed(mut self, form: &AdminForm, errors: Invalid) -> Self {
        let typed = |name: &str| form.data.get(name).to_owned();
        (self.name, self.slug, self.errors) = (typed("name"), typed("slug"), errors);
        self.seats = typed("seats");
        self.default_role = roles(form.data.get("default_role"));
        self
    }
}

impl Page for GeneralPage {
    fn samples() -> Vec<Self> {
        let page = || Self {
            shell: Shell::sample(Place::Settings),
            errors: Invalid::new(),
            name: "Acme".to_owned(),
            slug: "acme".to_owned(),
            default_role: roles("member"),
            seats: "150".to_owned(),
            taken: 142,
            grants: Role::Member.grants().to_owned(),
            id: "org_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            may_write: true,
            version: "3".to_owned(),
        };
        let mut wrong = Self { name: String::new(), slug: "Acme Inc".to_owned(), ..page() };
        wrong.errors = Invalid::field("name", "name", "Give it a name of 1 to 80 characters.");
        wrong.errors.add("slug", "slug", "Use lower-case letters.");
        wrong.seats = "many".to_owned();
        wrong.errors.add("seats", "seats", "Use a whole number from 1 to 1000000, or leave it out for no limit.");
        vec![page(), wrong, Self { may_write: false, default_role: roles("owner"), ..page() }]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<GeneralPage>(all, "admin/settings/general");
}

/// `GET /admin/settings`
pub async fn first(admin: Admin) -> Result<SeeOther, PageError> {
    require(&admin.ctx, Permission::OrganizationRead)?;
    Ok(see_other(HERE))
}

async fn page(request: &HttpRequest, app: &App, admin: &Admin) -> Result<GeneralPage, PageError> {
    let organization = app.find_own_organization(&admin.ctx).await?;
    let may_write = admin.ctx.may(Permission::OrganizationWrite);
    let taken = app.count_active(&admin.ctx).await?;
    Ok(GeneralPage::of(shell(request, Place::Settings).await, &organization, taken, may_write))
}

/// `GET /admin/settings/general`
pub async fn show(request: HttpRequest, app: Data<App>, admin: Admin) -> Result<Html<GeneralPage>, PageError> {
    Ok(Html(page(&request, &app, &admin).await?))
}

/// `POST /admin/settings/general`
pub async fn save(request: HttpRequest, app: Data<App>, form: AdminForm) -> Result<HttpResponse, PageError> {
    let text = |name: &str| form.data.get(name).to_owned();
    let seats = form.data.text("seats").map(|text| text.parse().unwrap_or(0));
    let input = OrganizationInput { name: text("name"), slug: text("slug"), default_role: text("default_role"), seats };
    match app.update_organization(&form.admin.ctx, input, form.data.version()).await {
        Ok(_) => Ok(see_other(HERE).notice("The organization is saved.").respond_to(&request)),
        Err(Error::Invalid(errors)) => {
            let page = page(&request, &app, &form.admin).await?.typed(&form, errors);
            Ok(Html(page).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(Error::Changed) => conflict(&request, &app, &form).await,
        Err(error) => Err(error.into()),
    }
}

/// 409: what is there now beside what was typed.
async fn conflict(request: &HttpRequest, app: &App, form: &AdminForm) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let now = app.find_own_organization(ctx).await?;
    let filter = AuditFilter { target: Some(now.id.to_string()), ..AuditFilter::default() };
    let last = app.list_audit_events(ctx, filter, Window::first(1)).await.map(|page| page.rows).unwrap_or_default();
    let row = |label: &str, theirs: &str, yours: &str| ConflictRow {
        label: label.to_owned(),
        theirs: theirs.to_owned(),
        yours: yours.to_owned(),
    };
    let rows = [
        row("Name", &now.name, data.get("name")),
        row("Slug", &now.slug, data.get("slug")),
        row("Default role", role_name(now.default_role.as_str()), role_name(data.get("default_role"))),
        row("Seats", &seats(&now), data.get("seats")),
    ];
    let keep = |(name, value): &(String, String)| {
        let value = if name == "version" { now.version.to_string() } else { value.clone() };
        (name != "csrf").then(|| Kept { name: name.clone(), value })
    };
    let page = ConflictPage {
        shell: shell(request, Place::Settings).await,
        name: now.name.clone(),
        by: last.first().map(|event| format!("{}, {}", event.actor.name, event.at.minute())).unwrap_or_default(),
        rows: rows.into_iter().filter(|row| row.theirs != row.yours).collect(),
        keep: HERE.to_owned(),
        path: HERE.to_owned(),
        fields: data.fields().iter().filter_map(keep).collect(),
    };
    Ok(Html(page).status(StatusCode::CONFLICT))
}
