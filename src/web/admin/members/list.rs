//! The list of members, narrowed by what the address says, and the change of roles of all whom it shows.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::access::require;
use crate::app::lock::Act;
use crate::app::members::Filter;
use crate::app::members::MemberView;
use crate::app::seats::Seats;
use crate::model::actor::Ctx;
use crate::model::directory::MemberLock;
use crate::model::invalid::Invalid;
use crate::model::member::MemberCursor;
use crate::model::member::Source;
use crate::model::member::Status;
use crate::model::member::short_word;
use crate::model::page::Window;
use crate::model::role::AnyRole;
use crate::model::role::Permission;
use crate::model::time::Timestamp;
use crate::web::admin::members::managed::Managed;
use crate::web::admin::members::managed::seats_alert;
use crate::web::admin::members::pages::role_choices;
use crate::web::admin::members::pages::sample_roles;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::extract::window;
use crate::web::filters::Filters;
use crate::web::form::FormData;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::html::initials;
use crate::web::shell::shell;
use crate::web::view::Choice;
use crate::web::view::Kept;
use crate::web::view::Tone;
use crate::web::view::count;

#[derive(Debug, Clone)]
pub struct MemberRow {
    pub id: String,
    pub name: String,
    pub email: String,
    pub job_title: String,
    /// `Admin`, `Member`
    pub roles: Vec<String>,
    /// `Group:Platform`, `mobile`
    pub tags: Vec<String>,
    /// `manual`, `sso`, `scim`: a tag beside the name.
    pub source: String,
    pub is_active: bool,
    pub last_seen: Option<Timestamp>,
    pub is_you: bool,
}

/// So many tags stand in a row; the rest are counted.
const TAGS_SHOWN: usize = 3;

impl MemberRow {
    pub fn of(view: &MemberView, ctx: &Ctx) -> Self {
        let member = &view.member;
        let mut roles: Vec<String> = member.roles.iter().map(|held| held.role.name().to_owned()).collect();
        roles.dedup();
        Self {
            id: member.id.to_string(),
            name: member.profile.name.clone().unwrap_or_default(),
            email: member.email.as_str().to_owned(),
            job_title: member.profile.job_title.clone().unwrap_or_default(),
            roles,
            tags: view.tags.clone(),
            source: member.source.as_str().to_owned(),
            is_active: member.is_active(),
            last_seen: member.last_seen_at,
            is_you: ctx.member_id() == Some(&member.id),
        }
    }

    pub fn initials(&self) -> String {
        initials(&self.name, &self.email)
    }

    fn shown_tags(&self) -> &[String] {
        &self.tags[..self.tags.len().min(TAGS_SHOWN)]
    }

    fn more_tags(&self) -> usize {
        self.tags.len().saturating_sub(TAGS_SHOWN)
    }
}

const FILTERS: &[&str] = &["q", "role", "source", "job_title", "tag", "coverage", "status"];

/// What the list is narrowed to; what names nothing is left out. Active members are listed unless it says otherwise.
fn read(filters: &mut Filters, roles: &[AnyRole]) -> Filter {
    let is_status = matches!(filters.get("status"), "active" | "inactive" | "all");
    filters.require("status", is_status, "is no status. Choose one from the list.");
    filters.drop_usual("status", "active");
    let is_role = roles.iter().any(|role| role.slug() == filters.get("role"));
    filters.require("role", is_role, "is no role. Choose one from the list.");
    Filter {
        source: filters.parse("source", Source::parse, "is no source. Choose one from the list."),
        text: filters.text("q"),
        email: None,
        status: Status::parse(status(filters)),
        role: filters.text("role"),
        job_title: filters.text("job_title"),
        tag: filters.text("tag"),
        is_covered: filters.parse("coverage", coverage, "is no choice here. Choose one from the list."),
    }
}

fn coverage(text: &str) -> Option<bool> {
    match text {
        "covered" => Some(true),
        "uncovered" => Some(false),
        _ => None,
    }
}

fn status(filters: &Filters) -> &str {
    match filters.get("status") {
        "" => "active",
        other => other,
    }
}

/// Nobody is to change everybody by a slip: a filter that names nothing is refused where something is done by it.
async fn read_all_known(app: &App, ctx: &Ctx, filters: &mut Filters) -> Result<Filter, Error> {
    let filter = read(filters, &app.role_choices(ctx).await?);
    match filters.problems.errors.first() {
        Some(problem) => Err(Invalid::field("filter", "no_such_filter", problem.text.clone()).into()),
        None => Ok(filter),
    }
}

/// `GET /admin/members?q=&role=&source=&job_title=&tag=&coverage=&status=&cursor=`
#[derive(Template)]
#[template(path = "admin/members/list.html")]
pub struct MembersPage {
    pub shell: Shell,
    pub query: Filters,
    pub role: Vec<Choice>,
    pub source: Vec<Choice>,
    pub status: Vec<Choice>,
    /// None where no directory is enabled.
    pub coverage: Option<Vec<Choice>>,
    /// `Okta`: the list shows whom it does not cover.
    pub uncovered_by: Option<String>,
    /// A directory says who exists.
    pub managed: Option<Managed>,
    /// Seats are full, or nearly so.
    pub seats: Option<(Tone, String, &'static str)>,
    /// To choose from while typing.
    pub job_titles: Vec<String>,
    pub tags: Vec<String>,
    /// A word so short that it is looked for where words begin.
    pub short: Option<String>,
    pub members: Vec<MemberRow>,
    pub active: u64,
    pub inactive: u64,
    /// Path and query of the next 50.
    pub next: Option<String>,
    /// Path and query of the page that changes the roles of all these.
    pub change_roles: Option<String>,
    pub may_add: bool,
}

impl MembersPage {
    fn is_alone(&self) -> bool {
        self.active + self.inactive <= 1
    }

    fn inactive_count(&self) -> String {
        count(self.inactive, "deactivated", "deactivated")
    }

    pub fn sample_rows() -> Vec<MemberRow> {
        let row = |name: &str, email: &str, role: &str, source: &str, is_active, seen: i64, is_you| MemberRow {
            id: "mem_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            name: name.to_owned(),
            email: email.to_owned(),
            job_title: if is_you { String::new() } else { "Staff Engineer".to_owned() },
            roles: vec![role.to_owned()],
            tags: Vec::new(),
            source: source.to_owned(),
            is_active,
            last_seen: (seen > 0).then(|| Timestamp::from_secs(seen)),
            is_you,
        };
        let mut grace = row("Grace Example", "grace@acme.example", "Member", "sso", true, 1_795_330_000, false);
        grace.source = "scim".to_owned();
        grace.tags =
            ["Group:Engineering", "Group:Platform", "Group:Marketing Department", "mobile"].map(str::to_owned).to_vec();
        vec![
            row("Ada Example", "ada@acme.example", "Admin", "manual", true, 1_795_338_000, true),
            grace,
            row("", "a.very.long.address.of.someone@engineering.acme.example", "Developer", "manual", true, 0, false),
            row("Jonas Weber", "jonas@acme.example", "Member", "sso", false, 1_790_330_000, false),
        ]
    }
}

impl Page for MembersPage {
    fn samples() -> Vec<Self> {
        let page = |mut query: Filters, members: Vec<MemberRow>, active, inactive| Self {
            shell: Shell::sample(Place::Members),
            short: read(&mut query, &sample_roles()).text.as_deref().and_then(short_word).map(str::to_owned),
            role: filter_choices(&sample_roles(), query.get("role")),
            source: source_choices(query.get("source")),
            status: status_choices(status(&query)),
            job_titles: ["Staff Engineer", "Nurse"].map(str::to_owned).to_vec(),
            tags: ["Group:Engineering", "Group:Platform"].map(str::to_owned).to_vec(),
            change_roles: query.is_filtered().then(|| query.path("/admin/members/roles", None)),
            coverage: None,
            uncovered_by: None,
            managed: None,
            seats: None,
            query,
            members,
            active,
            inactive,
            next: None,
            may_add: true,
        };
        let rows = Self::sample_rows();
        let mut first = page(Filters::default(), rows.clone(), 142, 9);
        first.next = Some("/admin/members?cursor=mem_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned());
        let mut reader = page(Filters::with(&[("q", "weber")]), rows[3..].to_vec(), 142, 9);
        (reader.may_add, reader.change_roles) = (false, None);
        let titled = Filters::with(&[("job_title", "Staff Engineer"), ("role", "king"), ("q", "gr")]);
        let mut managed = page(Filters::default(), rows.clone(), 142, 9);
        (managed.managed, managed.may_add) = (Some(Managed::sample(MemberLock::Locked)), false);
        managed.coverage = Some(coverage_choices(""));
        managed.seats = seats_alert(Some(Seats { all: 150, taken: 142 }));
        let mut uncovered = page(Filters::with(&[("coverage", "uncovered")]), rows[2..].to_vec(), 142, 9);
        (uncovered.managed, uncovered.may_add) = (Some(Managed::sample(MemberLock::NoInvitations)), false);
        (uncovered.coverage, uncovered.uncovered_by) = (Some(coverage_choices("uncovered")), Some("Okta".to_owned()));
        uncovered.seats = seats_alert(Some(Seats { all: 142, taken: 142 }));
        vec![
            page(Filters::default(), rows[..1].to_vec(), 1, 0),
            first,
            managed,
            uncovered,
            page(Filters::with(&[("q", "nobody")]), Vec::new(), 142, 9),
            reader,
            page(titled, rows[1..].to_vec(), 142, 9),
        ]
    }
}

/// `GET, POST /admin/members/roles`: of everybody whom the filters find.
#[derive(Template)]
#[template(path = "admin/members/roles.html")]
pub struct BulkRolesPage {
    pub shell: Shell,
    /// Errors at `add`, `remove`.
    pub errors: Invalid,
    /// `Job title: Nurse`
    pub filters: Vec<String>,
    pub kept: Vec<Kept>,
    pub found: u64,
    /// The first of them.
    pub names: Vec<String>,
    pub add: Vec<Choice>,
    pub remove: Vec<Choice>,
    pub back: String,
}

impl BulkRolesPage {
    fn people(&self) -> String {
        count(self.found, "member", "members")
    }
}

impl Page for BulkRolesPage {
    fn samples() -> Vec<Self> {
        let page = |errors, found| Self {
            shell: Shell::sample(Place::Members),
            errors,
            filters: vec!["Job title: Nurse".to_owned()],
            kept: vec![Kept { name: "job_title".to_owned(), value: "Nurse".to_owned() }],
            found,
            names: ["Grace Example", "Jonas Weber"].map(str::to_owned).to_vec(),
            add: role_choices(&sample_roles(), ""),
            remove: role_choices(&sample_roles(), ""),
            back: "/admin/members?job_title=Nurse".to_owned(),
        };
        let none = Invalid::field("add", "roles_none", "Choose a role to give or to take away.");
        vec![page(Invalid::new(), 142), page(none, 1)]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<MembersPage>(all, "admin/members/list");
    add::<BulkRolesPage>(all, "admin/members/roles");
}

fn filter_choices(roles: &[AnyRole], chosen: &str) -> Vec<Choice> {
    let any = Choice::new("", "Any role", chosen.is_empty());
    let roles = roles.iter().map(|role| Choice::new(role.slug(), role.name(), role.slug() == chosen));
    std::iter::once(any).chain(roles).collect()
}

fn source_choices(chosen: &str) -> Vec<Choice> {
    [("", "Any source"), ("manual", "Added by hand"), ("sso", "By sign-in"), ("scim", "By directory (scim)")]
        .into_iter()
        .map(|(value, label)| Choice::new(value, label, value == chosen))
        .collect()
}

fn coverage_choices(chosen: &str) -> Vec<Choice> {
    [("", "Any coverage"), ("covered", "Covered by your directory"), ("uncovered", "Not covered by your directory")]
        .into_iter()
        .map(|(value, label)| Choice::new(value, label, value == chosen))
        .collect()
}

fn status_choices(chosen: &str) -> Vec<Choice> {
    [("active", "Active"), ("inactive", "Deactivated"), ("all", "All")]
        .into_iter()
        .map(|(value, label)| Choice::new(value, label, value == chosen))
        .collect()
}

/// `GET /admin/members`
pub async fn list(request: HttpRequest, app: Data<App>, admin: Admin) -> Result<Html<MembersPage>, PageError> {
    let (ctx, mut query) = (&admin.ctx, Filters::of_address(FILTERS, &request));
    let window = window::<MemberCursor>(&query.cursor)?;
    let roles = app.role_choices(ctx).await?;
    let filter = read(&mut query, &roles);
    let short = filter.text.as_deref().and_then(short_word).map(str::to_owned);
    let is_uncovered = filter.is_covered == Some(false);
    let page = app.list_members(ctx, filter, window).await?;
    let lock = app.find_lock(ctx).await?;
    let idp = lock.strictest().map(|directory| directory.idp().to_owned());
    let (active, inactive) = app.count_members(ctx).await?;
    let (job_titles, tags) = app.list_facets(ctx).await?;
    let change_roles = (query.is_filtered() && ctx.may(Permission::RolesGrant) && !page.rows.is_empty())
        .then(|| query.path("/admin/members/roles", None));
    Ok(Html(MembersPage {
        shell: shell(&request, Place::Members).await,
        role: filter_choices(&roles, query.get("role")),
        source: source_choices(query.get("source")),
        status: status_choices(status(&query)),
        coverage: lock.is_on().then(|| coverage_choices(query.get("coverage"))),
        uncovered_by: idp.filter(|_| is_uncovered),
        managed: Managed::banner(&lock, ctx),
        seats: seats_alert(app.seats_state(ctx).await?),
        job_titles,
        tags,
        short,
        members: page.rows.iter().map(|view| MemberRow::of(view, ctx)).collect(),
        active: u64::from(active),
        inactive: u64::from(inactive),
        next: page.next.map(|cursor| query.path("/admin/members", Some(&cursor))),
        change_roles,
        may_add: ctx.may(Permission::MembersWrite) && lock.refuses(Act::Add, None).is_none(),
        query,
    }))
}

async fn bulk_page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    (query, filter): (&Filters, Filter),
    errors: Invalid,
    typed: Option<&FormData>,
) -> Result<BulkRolesPage, PageError> {
    require(ctx, Permission::RolesGrant)?;
    let found = app.count_found(ctx, filter.clone()).await?;
    let first = app.list_members(ctx, filter, Window::first(10)).await?.rows;
    let roles = app.role_choices(ctx).await?;
    let mine: Vec<AnyRole> = roles.into_iter().filter(|role| ctx.permissions.contains(role.permissions())).collect();
    let choices = |field: &str| {
        let chosen: Vec<&str> = typed.map(|data| data.all(field).collect()).unwrap_or_default();
        let tick = |mut choice: Choice| {
            choice.chosen = chosen.contains(&choice.value.as_str());
            choice
        };
        role_choices(&mine, "").into_iter().map(tick).collect::<Vec<_>>()
    };
    let label = |name: &str| match name {
        "q" => "Search",
        "role" => "Role",
        "source" => "Source",
        "job_title" => "Job title",
        "tag" => "Tag",
        "coverage" => "Coverage",
        _ => "Status",
    };
    let mut filters: Vec<String> = query.pairs().map(|(name, value)| format!("{}: {value}", label(name))).collect();
    if status(query) == "active" {
        filters.push("Status: active".to_owned());
    }
    Ok(BulkRolesPage {
        shell: shell(request, Place::Members).await,
        errors,
        filters,
        kept: query.kept(),
        found: found.into(),
        names: first.iter().map(|view| view.member.label().to_owned()).collect(),
        add: choices("add"),
        remove: choices("remove"),
        back: query.path("/admin/members", None),
    })
}

/// `GET /admin/members/roles`
pub async fn ask_roles(request: HttpRequest, app: Data<App>, admin: Admin) -> Result<Html<BulkRolesPage>, PageError> {
    let mut query = Filters::of_address(FILTERS, &request);
    let filter = read_all_known(&app, &admin.ctx, &mut query).await?;
    Ok(Html(bulk_page(&request, &app, &admin.ctx, (&query, filter), Invalid::new(), None).await?))
}

/// `POST /admin/members/roles`
pub async fn change_roles(request: HttpRequest, app: Data<App>, form: AdminForm) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let mut query = Filters::of_form(FILTERS, data);
    let filter = read_all_known(&app, ctx, &mut query).await?;
    let roles = |field: &str| data.all(field).map(str::to_owned).collect::<Vec<_>>();
    let (errors, status) = match app.change_roles_of_all(ctx, filter.clone(), roles("add"), roles("remove")).await {
        Ok(given) => {
            let mut text = format!("The roles of {} changed.", count(given.changed, "member", "members"));
            if given.left_alone > 0 {
                let alone = count(given.left_alone, "was left alone: it holds", "were left alone: they hold");
                text = format!("{text} {alone} more than you, or nobody else administers.");
            }
            return Ok(see_other(query.path("/admin/members", None)).notice(text).respond_to(&request));
        }
        Err(Error::Invalid(errors)) => (errors, StatusCode::UNPROCESSABLE_ENTITY),
        Err(Error::Refused { code, text }) => (Invalid::field("add", code, text), StatusCode::FORBIDDEN),
        Err(error) => return Err(error.into()),
    };
    Ok(Html(bulk_page(&request, &app, ctx, (&query, filter), errors, Some(data)).await?).status(status))
}
