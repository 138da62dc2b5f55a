//! Members: who they are, what they may do, and the ways they leave.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use actix_web::web::Query;
use askama::Template;
use serde::Deserialize;

use crate::app::App;
use crate::app::Error;
use crate::app::access::require;
use crate::app::members::Filter;
use crate::app::members::MemberInput;
use crate::app::members::MemberView;
use crate::model::actor::Ctx;
use crate::model::audit::AuditFilter;
use crate::model::id::MemberId;
use crate::model::invalid::Invalid;
use crate::model::link::Link;
use crate::model::member::Member;
use crate::model::member::Source;
use crate::model::member::Status;
use crate::model::page::Window;
use crate::model::role::LOCAL;
use crate::model::role::Permission;
use crate::model::role::Role;
use crate::model::time::Timestamp;
use crate::web::account::SessionRow;
use crate::web::admin::security;
use crate::web::answer::SeeOther;
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
use crate::web::routes::Needs;
use crate::web::routes::Routes;
use crate::web::shell::shell;
use crate::web::view::ActivityRow;
use crate::web::view::Chip;
use crate::web::view::Choice;
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
    /// `manual`, `sso`, `scim`: a tag beside the name.
    pub source: String,
    pub is_active: bool,
    pub last_seen: Option<Timestamp>,
    pub is_you: bool,
}

impl MemberRow {
    pub fn initials(&self) -> String {
        initials(&self.name, &self.email)
    }
}

/// `GET /admin/members?q=&status=&cursor=`
#[derive(Template)]
#[template(path = "admin/members/list.html")]
pub struct MembersPage {
    pub shell: Shell,
    pub query: String,
    /// `active`, `inactive`, `all`.
    pub status: Vec<Choice>,
    pub members: Vec<MemberRow>,
    pub active: u64,
    pub inactive: u64,
    /// Path and query of the next 50.
    pub next: Option<String>,
    pub may_write: bool,
}

impl MembersPage {
    pub fn status_choices(chosen: &str) -> Vec<Choice> {
        [("active", "Active"), ("inactive", "Deactivated"), ("all", "All")]
            .into_iter()
            .map(|(value, label)| Choice::new(value, label, value == chosen))
            .collect()
    }

    fn is_alone(&self) -> bool {
        self.active + self.inactive <= 1
    }

    fn inactive_count(&self) -> String {
        count(self.inactive, "deactivated", "deactivated")
    }
}

impl Page for MembersPage {
    fn samples() -> Vec<Self> {
        let row = |name: &str, email: &str, role: &str, source: &str, is_active, seen: i64, is_you| MemberRow {
            id: "mem_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            name: name.to_owned(),
            email: email.to_owned(),
            job_title: if is_you { String::new() } else { "Staff Engineer".to_owned() },
            roles: vec![role.to_owned()],
            source: source.to_owned(),
            is_active,
            last_seen: (seen > 0).then(|| Timestamp::from_secs(seen)),
            is_you,
        };
        let you = row("Ada Example", "ada@acme.example", "Admin", "manual", true, 1_795_338_000, true);
        let page = |query: &str, members, active, inactive| Self {
            shell: Shell::sample(Place::Members),
            query: query.to_owned(),
            status: Self::status_choices("active"),
            members,
            active,
            inactive,
            next: None,
            may_write: true,
        };
        let many = || {
            vec![
                you.clone(),
                row("Grace Example", "grace@acme.example", "Member", "sso", true, 1_795_330_000, false),
                row(
                    "",
                    "a.very.long.address.of.someone@engineering.acme.example",
                    "Developer",
                    "manual",
                    true,
                    0,
                    false,
                ),
                row("Jonas Weber", "jonas@acme.example", "Member", "sso", false, 1_790_330_000, false),
            ]
        };
        let mut first = page("", many(), 142, 9);
        first.next = Some("/admin/members?cursor=01k2v9".to_owned());
        let mut reader = page("weber", many()[3..].to_vec(), 142, 9);
        reader.may_write = false;
        vec![page("", vec![you.clone()], 1, 0), first, page("nobody", Vec::new(), 142, 9), reader]
    }
}

/// `GET, POST /admin/members/new`
#[derive(Template)]
#[template(path = "admin/members/new.html")]
pub struct NewMemberPage {
    pub shell: Shell,
    /// Errors at `name`, `email`, `role`.
    pub errors: Invalid,
    pub name: String,
    pub email: String,
    pub role: Vec<Choice>,
    /// SSO is on, so a password is not the only way in.
    pub sso: bool,
}

/// The built-in roles, with what each grants.
pub fn role_choices(chosen: &str) -> Vec<Choice> {
    [
        ("member", "Member", "Signs in and opens the applications they have access to."),
        ("developer", "Developer", "Applications, API keys, webhooks and events; reads members."),
        ("admin", "Admin", "Members, connections and everything on Security & Access."),
        ("owner", "Owner", "All of it, and makes other owners."),
    ]
    .into_iter()
    .map(|(value, label, hint)| Choice::new(value, label, value == chosen).hint(hint))
    .collect()
}

impl Page for NewMemberPage {
    fn samples() -> Vec<Self> {
        let page = |errors, name: &str, email: &str, sso| Self {
            shell: Shell::sample(Place::Members),
            errors,
            name: name.to_owned(),
            email: email.to_owned(),
            role: role_choices("member"),
            sso,
        };
        let taken = "grace@acme.example already belongs to Grace Example. Open her page to send a new password link.";
        vec![
            page(Invalid::new(), "", "", false),
            page(Invalid::field("email", "email_taken", taken), "Grace Example", "grace@acme.example", true),
        ]
    }
}

/// How a member came here, or signs in.
#[derive(Debug, Clone)]
pub struct SourceRow {
    /// `Okta`, `Added by Ada Example`
    pub title: String,
    /// `grace@acme.example · linked 3 Oct 2026`
    pub detail: String,
}

/// `GET /admin/members/{id}`
#[derive(Template)]
#[template(path = "admin/members/show.html")]
pub struct MemberPage {
    pub shell: Shell,
    /// Errors at `roles`.
    pub errors: Invalid,
    pub member: MemberRow,
    pub since: Timestamp,
    /// Some pause after wrong passwords: until when.
    pub paused_until: Option<Timestamp>,
    pub has_password: bool,
    /// Checkboxes `roles`; the hint says where a role comes from.
    pub roles: Vec<Choice>,
    pub sources: Vec<SourceRow>,
    pub groups: Vec<String>,
    pub sessions: Vec<SessionRow>,
    pub activity: Vec<ActivityRow>,
    pub may_write: bool,
    pub version: String,
}

impl MemberPage {
    fn status(&self) -> Chip {
        if self.member.is_active { Chip::new(Tone::Ok, "Active") } else { Chip::new(Tone::Neutral, "Deactivated") }
    }

    /// The name, or the address where there is none.
    fn called(&self) -> &str {
        if self.member.name.is_empty() { &self.member.email } else { &self.member.name }
    }
}

impl Page for MemberPage {
    fn samples() -> Vec<Self> {
        let rows = MembersPage::samples().swap_remove(1).members;
        let page = |member: &MemberRow| Self {
            shell: Shell::sample(Place::Members),
            errors: Invalid::new(),
            member: member.clone(),
            since: Timestamp::from_secs(1_791_021_600),
            paused_until: None,
            has_password: true,
            roles: role_choices("member"),
            sources: vec![
                SourceRow { title: "Okta".to_owned(), detail: "grace@acme.example, linked 3 Oct 2026".to_owned() },
                SourceRow { title: "Added by hand".to_owned(), detail: "Ada Example, 1 Oct 2026".to_owned() },
            ],
            groups: Vec::new(),
            sessions: SessionRow::samples(),
            activity: vec![ActivityRow {
                title: "Signed in".to_owned(),
                chip: None,
                detail: "With Okta, from 203.0.113.9".to_owned(),
                link: None,
                who: "grace@acme.example".to_owned(),
                at: Timestamp::from_secs(1_795_330_000),
            }],
            may_write: true,
            version: "2".to_owned(),
        };
        let mut new = page(&rows[2]);
        (new.sessions, new.activity, new.has_password) = (Vec::new(), Vec::new(), false);
        new.sources.truncate(1);
        new.groups = vec!["Platform".to_owned()];
        let mut gone = page(&rows[3]);
        gone.sessions = Vec::new();
        let mut last = page(&rows[0]);
        last.errors = Invalid::field(
            "roles",
            "lockout_last_admin",
            "After the change nobody has the Admin role. Keep one admin.",
        );
        last.paused_until = Some(Timestamp::from_secs(1_795_338_900));
        let mut reader = page(&rows[1]);
        reader.may_write = false;
        vec![page(&rows[1]), new, gone, last, reader]
    }
}

/// What is about to happen to a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    Deactivate,
    Remove,
}

/// `GET, POST /admin/members/{id}/deactivate` and `…/remove`
#[derive(Template)]
#[template(path = "admin/members/leave.html")]
pub struct LeavePage {
    pub shell: Shell,
    /// Errors go to `form`: the last admin.
    pub errors: Invalid,
    pub id: String,
    /// Name, or address.
    pub name: String,
    pub leaving: Leaving,
    pub sessions: u64,
    pub version: String,
}

impl LeavePage {
    fn removes(&self) -> bool {
        self.leaving == Leaving::Remove
    }

    fn session_count(&self) -> String {
        count(self.sessions, "session ends", "sessions end")
    }
}

impl Page for LeavePage {
    fn samples() -> Vec<Self> {
        let page = |errors, leaving| Self {
            shell: Shell::sample(Place::Members),
            errors,
            id: "mem_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            name: "Grace Example".to_owned(),
            leaving,
            sessions: 2,
            version: "2".to_owned(),
        };
        let last = "This would leave no admin. Give someone else the Admin role first.";
        vec![
            page(Invalid::new(), Leaving::Deactivate),
            page(Invalid::new(), Leaving::Remove),
            page(Invalid::field("form", "lockout_last_admin", last), Leaving::Deactivate),
        ]
    }
}

/// The answer to adding a member and to `POST /admin/members/{id}/password-link`: shown once.
#[derive(Template)]
#[template(path = "admin/members/password_link.html")]
pub struct PasswordLinkPage {
    pub shell: Shell,
    pub id: String,
    pub name: String,
    pub email: String,
    pub url: String,
    pub expires: Timestamp,
    /// The member was made just now.
    pub is_new: bool,
}

impl Page for PasswordLinkPage {
    fn samples() -> Vec<Self> {
        let page = |is_new| Self {
            shell: Shell::sample(Place::Members),
            id: "mem_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            name: "Grace Example".to_owned(),
            email: "grace@acme.example".to_owned(),
            url: "https://auth.acme.example/link/dwlink_7f3Qm2Vx9KcTn8LhYpR4sWb6ZdJq1Ek4Tz".to_owned(),
            expires: Timestamp::from_secs(1_795_424_400),
            is_new,
        };
        vec![page(true), page(false)]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<MembersPage>(all, "admin/members/list");
    add::<NewMemberPage>(all, "admin/members/new");
    add::<MemberPage>(all, "admin/members/show");
    add::<LeavePage>(all, "admin/members/leave");
    add::<PasswordLinkPage>(all, "admin/members/password_link");
}

pub fn routes(r: &mut Routes) {
    let (read, write) = (Needs::Console(Permission::MembersRead), Needs::Console(Permission::MembersWrite));
    r.get("/admin/members", read, list);
    r.get("/admin/members/new", write, new);
    r.post("/admin/members/new", write, create);
    r.get("/admin/members/{id}", read, show);
    r.post("/admin/members/{id}/roles", Needs::Console(Permission::RolesGrant), set_roles);
    r.post("/admin/members/{id}/password-link", write, password_link);
    r.get("/admin/members/{id}/deactivate", write, ask_deactivate);
    r.post("/admin/members/{id}/deactivate", write, deactivate);
    r.post("/admin/members/{id}/reactivate", write, reactivate);
    r.get("/admin/members/{id}/remove", write, ask_remove);
    r.post("/admin/members/{id}/remove", write, remove);
    r.post("/admin/members/{id}/end-pause", write, end_pause);
    r.post("/admin/members/{id}/sessions/{session}/end", Needs::Console(Permission::SessionsEnd), end_session);
    r.get("/dashboard/account/members", Needs::Nothing, old_address);
}

/// `GET /dashboard/account/members`: where another product has it.
pub async fn old_address() -> SeeOther {
    see_other("/admin/members")
}

fn member_id(text: &str) -> Result<MemberId, PageError> {
    text.parse().map_err(|_| PageError(Error::NotFound("member").into()))
}

fn row(view: &MemberView, ctx: &Ctx) -> MemberRow {
    let member = &view.member;
    let mut roles: Vec<String> = member.roles.iter().map(|held| held.role.name().to_owned()).collect();
    roles.dedup();
    MemberRow {
        id: member.id.to_string(),
        name: member.profile.name.clone().unwrap_or_default(),
        email: member.email.as_str().to_owned(),
        job_title: member.profile.job_title.clone().unwrap_or_default(),
        roles,
        source: member.source.as_str().to_owned(),
        is_active: member.is_active(),
        last_seen: member.last_seen_at,
        is_you: ctx.member_id() == Some(&member.id),
    }
}

#[derive(Deserialize)]
pub struct ListQuery {
    #[serde(default)]
    q: String,
    status: Option<String>,
    cursor: Option<String>,
}

/// `GET /admin/members?q=&status=&cursor=`
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    query: Query<ListQuery>,
) -> Result<Html<MembersPage>, PageError> {
    let status = query.status.as_deref().filter(|status| matches!(*status, "inactive" | "all")).unwrap_or("active");
    let window = Window::parse(None, query.cursor.as_deref()).map_err(Error::from)?;
    let text = Some(query.q.trim().to_owned()).filter(|text| !text.is_empty());
    let filter = Filter { text, status: Status::parse(status), ..Filter::default() };
    let page = app.list_members(&admin.ctx, filter, window).await?;
    let (active, inactive) = app.count_members(&admin.ctx).await?;
    let next = page.next.map(|cursor| {
        let pairs = [("q", query.q.as_str()), ("status", status), ("cursor", &cursor)];
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("/admin/members?{query}")
    });
    Ok(Html(MembersPage {
        shell: shell(&request, Place::Members).await,
        query: query.q.clone(),
        status: MembersPage::status_choices(status),
        members: page.rows.iter().map(|view| row(view, &admin.ctx)).collect(),
        active: u64::from(active),
        inactive: u64::from(inactive),
        next,
        may_write: admin.ctx.may(Permission::MembersWrite),
    }))
}

async fn new_page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    errors: Invalid,
    typed: Option<&FormData>,
) -> Result<NewMemberPage, PageError> {
    let get = |name: &str| typed.map(|data| data.get(name).to_owned()).unwrap_or_default();
    let role = typed.map_or("member", |data| data.get("role"));
    let sso = app.find_mode(ctx).await?.allows_sso();
    let shell = shell(request, Place::Members).await;
    Ok(NewMemberPage { shell, errors, name: get("name"), email: get("email"), role: role_choices(role), sso })
}

/// `GET /admin/members/new`
pub async fn new(request: HttpRequest, app: Data<App>, admin: Admin) -> Result<Html<NewMemberPage>, PageError> {
    require(&admin.ctx, Permission::MembersWrite)?;
    Ok(Html(new_page(&request, &app, &admin.ctx, Invalid::new(), None).await?))
}

/// `POST /admin/members/new`: adds the member; the answer shows the password link, once.
pub async fn create(request: HttpRequest, app: Data<App>, form: AdminForm) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let input = MemberInput {
        email: Some(data.get("email").to_owned()),
        name: Some(data.text("name")),
        roles: Some(vec![data.text("role").unwrap_or_else(|| "member".to_owned())]),
        ..MemberInput::default()
    };
    match app.create_member(ctx, input).await {
        Ok(view) => {
            let (url, link) = app.create_password_link(ctx, view.member.id.clone()).await?;
            Ok(Html(link_page(&request, &view.member, url, &link, true).await).status(StatusCode::OK))
        }
        Err(Error::Invalid(mut errors)) => {
            for error in errors.errors.iter_mut().filter(|error| error.field == "roles") {
                error.field = "role";
            }
            let page = new_page(&request, &app, ctx, errors, Some(data)).await?;
            Ok(Html(page).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(Error::Refused { code: "role_above_yours", text }) => {
            let page =
                new_page(&request, &app, ctx, Invalid::field("role", "role_above_yours", text), Some(data)).await?;
            Ok(Html(page).status(StatusCode::FORBIDDEN))
        }
        Err(error) => Err(error.into()),
    }
}

async fn link_page(request: &HttpRequest, member: &Member, url: String, link: &Link, is_new: bool) -> PasswordLinkPage {
    PasswordLinkPage {
        shell: shell(request, Place::Members).await,
        id: member.id.to_string(),
        name: member.label().to_owned(),
        email: member.email.as_str().to_owned(),
        url,
        expires: link.expires_at,
        is_new,
    }
}

async fn member_page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    id: MemberId,
    errors: Invalid,
) -> Result<MemberPage, PageError> {
    let detail = app.find_member_detail(ctx, id.clone()).await?;
    let member = &detail.view.member;
    let is_local = |role: Role| member.roles.iter().any(|held| held.role == role && held.from == LOCAL);
    let roles = role_choices("").into_iter().map(|mut choice| {
        choice.chosen = choice.value.parse().is_ok_and(is_local);
        choice
    });
    let mut sources: Vec<SourceRow> = detail
        .identities
        .iter()
        .map(|(identity, connection)| SourceRow {
            title: connection.clone(),
            detail: format!("{} · linked {}", identity.subject, identity.created_at.day()),
        })
        .collect();
    if member.source == Source::Manual {
        sources.push(SourceRow { title: "Added by hand".to_owned(), detail: member.created_at.day() });
    }
    let sessions = if ctx.may(Permission::SessionsRead) {
        let page = app.list_sessions(ctx, Some(id.clone()), Window::first(20)).await?;
        page.rows.iter().map(|session| SessionRow::of(session, ctx.session.as_ref(), &[])).collect()
    } else {
        Vec::new()
    };
    let activity = if ctx.may(Permission::AuditRead) {
        let filter = AuditFilter { target: Some(id.to_string()), ..AuditFilter::default() };
        app.list_audit_events(ctx, filter, Window::first(10)).await?.rows.iter().map(security::activity).collect()
    } else {
        Vec::new()
    };
    Ok(MemberPage {
        shell: shell(request, Place::Members).await,
        errors,
        member: row(&detail.view, ctx),
        since: member.created_at,
        paused_until: app.paused_until(member, ctx.now),
        has_password: member.has_password,
        roles: roles.collect(),
        sources,
        groups: detail.view.groups.clone(),
        sessions,
        activity,
        may_write: ctx.may(Permission::MembersWrite),
        version: member.version.to_string(),
    })
}

/// `GET /admin/members/{id}`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<MemberPage>, PageError> {
    require(&admin.ctx, Permission::MembersRead)?;
    Ok(Html(member_page(&request, &app, &admin.ctx, member_id(&id)?, Invalid::new()).await?))
}

/// `POST /admin/members/{id}/roles`
pub async fn set_roles(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, id) = (&form.admin.ctx, member_id(&id)?);
    let roles = form.data.all("roles").map(str::to_owned).collect();
    match app.set_member_roles(ctx, id.clone(), roles).await {
        Ok(_) => Ok(see_other(format!("/admin/members/{id}")).notice("The roles are saved.").respond_to(&request)),
        Err(Error::Conflict { code, text }) => {
            let page = member_page(&request, &app, ctx, id, Invalid::field("roles", code, text)).await?;
            Ok(Html(page).status(StatusCode::CONFLICT))
        }
        Err(Error::Refused { code, text }) => {
            let page = member_page(&request, &app, ctx, id, Invalid::field("roles", code, text)).await?;
            Ok(Html(page).status(StatusCode::FORBIDDEN))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /admin/members/{id}/password-link`: shown once, in the answer.
pub async fn password_link(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, id) = (&form.admin.ctx, member_id(&id)?);
    let (url, link) = app.create_password_link(ctx, id.clone()).await?;
    let view = app.find_member(ctx, id).await?;
    Ok(Html(link_page(&request, &view.member, url, &link, false).await).status(StatusCode::OK))
}

async fn leave_page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    id: MemberId,
    leaving: Leaving,
    errors: Invalid,
) -> Result<LeavePage, PageError> {
    let view = app.find_member(ctx, id.clone()).await?;
    let sessions = app.list_sessions(ctx, Some(id), Window::first(Window::MAX)).await?.rows.len() as u64;
    Ok(LeavePage {
        shell: shell(request, Place::Members).await,
        errors,
        id: view.member.id.to_string(),
        name: view.member.label().to_owned(),
        leaving,
        sessions,
        version: view.member.version.to_string(),
    })
}

/// `GET /admin/members/{id}/deactivate`
pub async fn ask_deactivate(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<LeavePage>, PageError> {
    require(&admin.ctx, Permission::MembersWrite)?;
    Ok(Html(leave_page(&request, &app, &admin.ctx, member_id(&id)?, Leaving::Deactivate, Invalid::new()).await?))
}

/// `GET /admin/members/{id}/remove`
pub async fn ask_remove(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<LeavePage>, PageError> {
    require(&admin.ctx, Permission::MembersWrite)?;
    Ok(Html(leave_page(&request, &app, &admin.ctx, member_id(&id)?, Leaving::Remove, Invalid::new()).await?))
}

/// `POST /admin/members/{id}/deactivate`
pub async fn deactivate(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, id) = (&form.admin.ctx, member_id(&id)?);
    match app.deactivate_member(ctx, id.clone()).await {
        Ok(view) => {
            let text = format!("{} is deactivated. Their sessions are over.", view.member.label());
            Ok(see_other(format!("/admin/members/{id}")).notice(text).respond_to(&request))
        }
        Err(error) => stays(&request, &app, ctx, id, Leaving::Deactivate, error).await,
    }
}

/// `POST /admin/members/{id}/remove`
pub async fn remove(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, id) = (&form.admin.ctx, member_id(&id)?);
    match app.delete_member(ctx, id.clone()).await {
        Ok(()) => Ok(see_other("/admin/members").notice("The member is removed.").respond_to(&request)),
        Err(error) => stays(&request, &app, ctx, id, Leaving::Remove, error).await,
    }
}

/// The page again, with why the member stays.
async fn stays(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    id: MemberId,
    leaving: Leaving,
    error: Error,
) -> Result<HttpResponse, PageError> {
    match error {
        Error::Conflict { code, text } | Error::Refused { code, text } => {
            let page = leave_page(request, app, ctx, id, leaving, Invalid::field("form", code, text)).await?;
            Ok(Html(page).status(StatusCode::CONFLICT))
        }
        error => Err(error.into()),
    }
}

/// `POST /admin/members/{id}/reactivate`
pub async fn reactivate(app: Data<App>, id: Path<String>, form: AdminForm) -> Result<SeeOther, PageError> {
    let view = app.reactivate_member(&form.admin.ctx, member_id(&id)?).await?;
    Ok(see_other(format!("/admin/members/{}", view.member.id))
        .notice(format!("{} can sign in again.", view.member.label())))
}

/// `POST /admin/members/{id}/end-pause`: password sign-in works again at once.
pub async fn end_pause(app: Data<App>, id: Path<String>, form: AdminForm) -> Result<SeeOther, PageError> {
    let id = member_id(&id)?;
    app.end_pause(&form.admin.ctx, id.clone()).await?;
    Ok(see_other(format!("/admin/members/{id}")).notice("The pause is over."))
}

/// `POST /admin/members/{id}/sessions/{session}/end`
pub async fn end_session(app: Data<App>, path: Path<(String, String)>, form: AdminForm) -> Result<SeeOther, PageError> {
    let (id, session) = (member_id(&path.0)?, path.1.parse().map_err(|_| Error::NotFound("session"))?);
    app.end_session(&form.admin.ctx, session).await?;
    Ok(see_other(format!("/admin/members/{id}")).notice("The session is over."))
}
