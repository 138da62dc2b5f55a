//! The list of members, narrowed by what the address says, and the change of roles of all whom it shows.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Query;
use askama::Template;
use serde::Deserialize;

use crate::app::App;
use crate::app::Error;
use crate::app::access::require;
use crate::app::members::Filter;
use crate::app::members::MemberView;
use crate::model::actor::Ctx;
use crate::model::invalid::Invalid;
use crate::model::member::Source;
use crate::model::member::Status;
use crate::model::page::Window;
use crate::model::role::AnyRole;
use crate::model::role::Permission;
use crate::model::time::Timestamp;
use crate::web::admin::members::pages::role_choices;
use crate::web::admin::members::pages::sample_roles;
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
use crate::web::html::initials;
use crate::web::shell::shell;
use crate::web::view::Choice;
use crate::web::view::Kept;
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

/// What the address narrows the list to.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    q: String,
    role: String,
    source: String,
    job_title: String,
    tag: String,
    /// `active` unless said.
    status: String,
    cursor: String,
}

impl ListQuery {
    fn of_form(data: &FormData) -> Self {
        let get = |name: &str| data.get(name).to_owned();
        Self {
            q: get("q"),
            role: get("role"),
            source: get("source"),
            job_title: get("job_title"),
            tag: get("tag"),
            status: get("status"),
            cursor: String::new(),
        }
    }

    fn status(&self) -> &str {
        if matches!(self.status.as_str(), "inactive" | "all") { &self.status } else { "active" }
    }

    fn filter(&self) -> Filter {
        let given = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Filter {
            text: given(&self.q),
            email: None,
            status: Status::parse(self.status()),
            source: Source::parse(&self.source),
            role: given(&self.role),
            job_title: given(&self.job_title),
            tag: given(&self.tag),
        }
    }

    /// What of it is no source or status, in a sentence; `None` where all is.
    fn unknown(&self) -> Option<String> {
        let source = self.source.trim();
        if !source.is_empty() && Source::parse(source).is_none() {
            return Some(format!("There is no source {source:.40}. Choose one from the list."));
        }
        let status = self.status.trim();
        let is_known = matches!(status, "" | "active" | "inactive" | "all");
        (!is_known).then(|| format!("There is no status {status:.40}. Choose one from the list."))
    }

    /// A filter that names nothing narrows nothing, and nobody is to change everybody by a slip.
    fn require_known(&self) -> Result<(), Error> {
        match self.unknown() {
            Some(text) => Err(Invalid::field("filter", "no_such_filter", text).into()),
            None => Ok(()),
        }
    }

    fn pairs(&self) -> Vec<(&'static str, &str)> {
        let status = if self.status() == "active" { "" } else { self.status() };
        let all = [
            ("q", self.q.as_str()),
            ("role", &self.role),
            ("source", &self.source),
            ("job_title", &self.job_title),
            ("tag", &self.tag),
            ("status", status),
        ];
        all.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect()
    }

    fn is_filtered(&self) -> bool {
        !self.pairs().is_empty()
    }

    /// `path` with these filters, and what else is said.
    fn path(&self, path: &str, more: Option<(&str, &str)>) -> String {
        let pairs = self.pairs().into_iter().chain(more);
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// `GET /admin/members?q=&role=&source=&job_title=&tag=&status=&cursor=`
#[derive(Template)]
#[template(path = "admin/members/list.html")]
pub struct MembersPage {
    pub shell: Shell,
    pub query: ListQuery,
    pub role: Vec<Choice>,
    pub source: Vec<Choice>,
    pub status: Vec<Choice>,
    /// To choose from while typing.
    pub job_titles: Vec<String>,
    pub tags: Vec<String>,
    /// A filter that names nothing.
    pub problem: Option<String>,
    pub members: Vec<MemberRow>,
    pub active: u64,
    pub inactive: u64,
    /// Path and query of the next 50.
    pub next: Option<String>,
    /// Path and query of the page that changes the roles of all these.
    pub change_roles: Option<String>,
    pub may_write: bool,
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
        let page = |query: ListQuery, members: Vec<MemberRow>, active, inactive| Self {
            shell: Shell::sample(Place::Members),
            role: filter_choices(&sample_roles(), &query.role),
            source: source_choices(&query.source),
            status: status_choices(query.status()),
            job_titles: ["Staff Engineer", "Nurse"].map(str::to_owned).to_vec(),
            tags: ["Group:Engineering", "Group:Platform"].map(str::to_owned).to_vec(),
            problem: None,
            change_roles: query.is_filtered().then(|| query.path("/admin/members/roles", None)),
            query,
            members,
            active,
            inactive,
            next: None,
            may_write: true,
        };
        let rows = Self::sample_rows();
        let mut first = page(ListQuery::default(), rows.clone(), 142, 9);
        first.next = Some("/admin/members?cursor=01k2v9".to_owned());
        let search = ListQuery { q: "weber".to_owned(), ..ListQuery::default() };
        let mut reader = page(search, rows[3..].to_vec(), 142, 9);
        (reader.may_write, reader.change_roles) = (false, None);
        let nobody = ListQuery { q: "nobody".to_owned(), ..ListQuery::default() };
        let titled =
            ListQuery { job_title: "Staff Engineer".to_owned(), role: "king".to_owned(), ..ListQuery::default() };
        let mut titled = page(titled, rows[1..].to_vec(), 142, 9);
        titled.problem = Some("There is no role `king`. The roles are owner, admin, developer, member.".to_owned());
        vec![
            page(ListQuery::default(), rows[..1].to_vec(), 1, 0),
            first,
            page(nobody, Vec::new(), 142, 9),
            reader,
            titled,
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
    [("", "Any source"), ("manual", "Added by hand"), ("sso", "By sign-in"), ("scim", "By directory")]
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
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    query: Query<ListQuery>,
) -> Result<Html<MembersPage>, PageError> {
    let (ctx, mut query) = (&admin.ctx, query.into_inner());
    let cursor = Some(query.cursor.as_str()).filter(|cursor| !cursor.is_empty());
    let window = Window::parse(None, cursor).map_err(Error::from)?;
    let mut problem = query.unknown();
    if problem.is_some() {
        (query.source, query.status) = (String::new(), String::new());
    }
    let page = match app.list_members(ctx, query.filter(), window.clone()).await {
        // A filter that names nothing narrows nothing, and is told.
        Err(Error::Invalid(invalid)) => {
            problem = invalid.errors.first().map(|error| error.text.clone());
            (query.role, query.q) = (String::new(), query.q.chars().take(200).collect());
            app.list_members(ctx, query.filter(), window).await?
        }
        page => page?,
    };
    let (active, inactive) = app.count_members(ctx).await?;
    let (job_titles, tags) = app.list_facets(ctx).await?;
    let change_roles = (query.is_filtered() && ctx.may(Permission::RolesGrant) && !page.rows.is_empty())
        .then(|| query.path("/admin/members/roles", None));
    Ok(Html(MembersPage {
        shell: shell(&request, Place::Members).await,
        role: filter_choices(&app.role_choices(ctx).await?, &query.role),
        source: source_choices(&query.source),
        status: status_choices(query.status()),
        job_titles,
        tags,
        problem,
        members: page.rows.iter().map(|view| MemberRow::of(view, ctx)).collect(),
        active: u64::from(active),
        inactive: u64::from(inactive),
        next: page.next.map(|cursor| query.path("/admin/members", Some(("cursor", &cursor)))),
        change_roles,
        may_write: ctx.may(Permission::MembersWrite),
        query,
    }))
}

async fn bulk_page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    query: &ListQuery,
    errors: Invalid,
    typed: Option<&FormData>,
) -> Result<BulkRolesPage, PageError> {
    require(ctx, Permission::RolesGrant)?;
    let found = app.count_found(ctx, query.filter()).await?;
    let first = app.list_members(ctx, query.filter(), Window::first(10)).await?.rows;
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
        _ => "Status",
    };
    let mut filters: Vec<String> =
        query.pairs().iter().map(|(name, value)| format!("{}: {value}", label(name))).collect();
    if query.status() == "active" {
        filters.push("Status: active".to_owned());
    }
    Ok(BulkRolesPage {
        shell: shell(request, Place::Members).await,
        errors,
        filters,
        kept: query
            .pairs()
            .into_iter()
            .map(|(name, value)| Kept { name: name.to_owned(), value: value.to_owned() })
            .collect(),
        found: found.into(),
        names: first.iter().map(|view| view.member.label().to_owned()).collect(),
        add: choices("add"),
        remove: choices("remove"),
        back: query.path("/admin/members", None),
    })
}

/// `GET /admin/members/roles`
pub async fn ask_roles(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    query: Query<ListQuery>,
) -> Result<Html<BulkRolesPage>, PageError> {
    query.require_known()?;
    Ok(Html(bulk_page(&request, &app, &admin.ctx, &query, Invalid::new(), None).await?))
}

/// `POST /admin/members/roles`
pub async fn change_roles(request: HttpRequest, app: Data<App>, form: AdminForm) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let query = ListQuery::of_form(data);
    query.require_known()?;
    let roles = |field: &str| data.all(field).map(str::to_owned).collect::<Vec<_>>();
    let (errors, status) = match app.change_roles_of_all(ctx, query.filter(), roles("add"), roles("remove")).await {
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
    Ok(Html(bulk_page(&request, &app, ctx, &query, errors, Some(data)).await?).status(status))
}
