//! One member: what they may do and why, how they sign in, and what happened, in one list.

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
use crate::app::lock::Lock;
use crate::app::timeline::Why;
use crate::model::actor::Ctx;
use crate::model::directory::MemberLock;
use crate::model::id::AuditEventId;
use crate::model::id::MemberId;
use crate::model::invalid::Invalid;
use crate::model::member::Source;
use crate::model::page::Window;
use crate::model::role::Permission;
use crate::model::session::SessionFilter;
use crate::model::time::Timestamp;
use crate::web::account::SessionRow;
use crate::web::admin::members::list::MemberRow;
use crate::web::admin::members::list::MembersPage;
use crate::web::admin::members::managed::Doable;
use crate::web::admin::members::managed::Managed;
use crate::web::admin::members::member_id;
use crate::web::admin::members::pages::role_choices;
use crate::web::admin::members::pages::sample_roles;
use crate::web::admin::members::timeline::Moment;
use crate::web::admin::members::timeline::moments;
use crate::web::admin::members::timeline::why;
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
use crate::web::shell::shell;
use crate::web::view::Action;
use crate::web::view::Chip;
use crate::web::view::Choice;
use crate::web::view::Tone;

/// How a member came here, or signs in.
#[derive(Debug, Clone)]
pub struct SourceRow {
    /// `Okta`, `Added by Ada Example`
    pub title: String,
    /// `grace@acme.example · linked 3 Oct 2026`
    pub detail: String,
}

/// A role and why it is held.
#[derive(Debug, Clone)]
pub struct ReasonRow {
    pub role: String,
    pub why: String,
    /// It came from a connection or directory, so it is changed there.
    pub is_managed: bool,
    /// Where that is changed.
    pub link: Option<Action>,
}

/// `GET /admin/members/{id}?cursor=`
#[derive(Template)]
#[template(path = "admin/members/show.html")]
pub struct MemberPage {
    pub shell: Shell,
    /// Errors at `form`, `roles`.
    pub errors: Invalid,
    pub member: MemberRow,
    pub since: Timestamp,
    /// Some pause after wrong passwords: until when.
    pub paused_until: Option<Timestamp>,
    pub has_password: bool,
    pub reasons: Vec<ReasonRow>,
    /// Checkboxes `roles`: what is given here.
    pub roles: Vec<Choice>,
    pub sources: Vec<SourceRow>,
    pub teams: Vec<String>,
    /// Tags that a directory left which is off: `Contractor`, `Okta`.
    pub left_tags: Vec<(String, String)>,
    /// Other members of the same address: id, and what to call them.
    pub same_address: Vec<(String, String)>,
    pub sessions: Vec<SessionRow>,
    pub timeline: Vec<Moment>,
    pub sees_timeline: bool,
    /// Path and query of the older part.
    pub older: Option<String>,
    pub may_write: bool,
    /// What may be done by hand, whoever may.
    pub doable: Doable,
    pub may_grant: bool,
    pub may_end: bool,
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
        let rows = MembersPage::sample_rows();
        let at = Timestamp::from_secs;
        let moment = |icon, is_bad, title: &str, detail: &str, when| Moment {
            icon,
            is_bad,
            title: title.to_owned(),
            detail: detail.to_owned(),
            link: Some(Action::new("Event", "/admin/audit/evt_01k2v9q8xw3f6t0m4n7p5r1sza")),
            at: at(when),
        };
        let reason = |role: &str, why: &str, is_managed| ReasonRow {
            role: role.to_owned(),
            why: why.to_owned(),
            is_managed,
            link: is_managed
                .then(|| Action::new("Role mappings", "/admin/security/sso/con_01k2v9q8xw3f6t0m4n7p5r1sza/attributes")),
        };
        let page = |member: &MemberRow| Self {
            shell: Shell::sample(Place::Members),
            errors: Invalid::new(),
            member: member.clone(),
            since: at(1_791_021_600),
            paused_until: None,
            has_password: true,
            reasons: vec![
                reason(
                    "Admin",
                    "Through group Doorward Admins, as Okta sends it. Change it there, or the role mappings here.",
                    true,
                ),
                reason("Member", "Given here by ada@acme.example, 3 Oct 2026.", false),
            ],
            roles: role_choices(&sample_roles(), "member"),
            sources: vec![
                SourceRow { title: "Okta".to_owned(), detail: "grace@acme.example, linked 3 Oct 2026".to_owned() },
                SourceRow { title: "Added by hand".to_owned(), detail: "Ada Example, 1 Oct 2026".to_owned() },
            ],
            teams: vec!["iOS".to_owned()],
            left_tags: Vec::new(),
            same_address: Vec::new(),
            sessions: SessionRow::samples(),
            timeline: vec![
                moment("log-in", false, "Signed in with Okta", "From 203.0.113.9", 1_795_330_000),
                moment(
                    "badge-check",
                    false,
                    "Became Admin",
                    "Through group Doorward Admins, sent by Okta",
                    1_795_329_999,
                ),
                moment("circle-x", true, "Sign-in refused", "The response arrived too late", 1_795_240_000),
                moment(
                    "user-round-plus",
                    false,
                    "Came in for the first time, through Okta",
                    "As Member",
                    1_791_021_600,
                ),
            ],
            sees_timeline: true,
            older: None,
            may_write: true,
            doable: Doable { deactivates: true, reactivates: true, removes: true, ..Doable::default() },
            may_grant: true,
            may_end: true,
            version: "2".to_owned(),
        };
        let mut new = page(&rows[2]);
        (new.sessions, new.timeline, new.has_password) = (Vec::new(), Vec::new(), false);
        new.sources.truncate(1);
        new.teams = Vec::new();
        let mut gone = page(&rows[3]);
        gone.sessions = Vec::new();
        gone.left_tags = vec![("Contractor".to_owned(), "Okta".to_owned())];
        let mut left = reason("Developer", "Given by Okta before its directory was turned off.", false);
        left.link = Some(Action::new("Directory Sync", "/admin/security/directories/dir_01k2v9q8xw3f6t0m4n7p5r1sza"));
        gone.reasons = vec![left];
        let mut last = page(&rows[0]);
        let text = "After the change nobody has the Admin role. Keep one admin.";
        last.errors = Invalid::field("roles", "lockout_last_admin", text);
        last.paused_until = Some(at(1_795_338_900));
        last.older =
            Some("/admin/members/mem_01k2v9q8xw3f6t0m4n7p5r1sza?cursor=evt_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned());
        let mut reader = page(&rows[1]);
        (reader.may_write, reader.may_grant, reader.sees_timeline) = (false, false, false);
        reader.may_end = false;
        (reader.timeline, reader.reasons) = (Vec::new(), Vec::new());
        let mut covered = page(&rows[1]);
        covered.sources.push(SourceRow {
            title: "Okta, over SCIM".to_owned(),
            detail: "grace@acme.example · external id 00u1k7x2p3Qm9TzB5d7".to_owned(),
        });
        covered.same_address = vec![("mem_01k2v9q8xw3f6t0m4n7p5r1szb".to_owned(), "Grace E.".to_owned())];
        covered.doable = Doable { managed: Some(Managed::sample(MemberLock::Locked)), ..Doable::default() };
        new.doable.uncovered_by = Some("Okta".to_owned());
        vec![covered, page(&rows[1]), new, gone, last, reader]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<MemberPage>(all, "admin/members/show");
}

/// Moments on a page of the timeline.
const SHOWN: usize = 25;

pub async fn page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    id: MemberId,
    cursor: Option<String>,
    errors: Invalid,
) -> Result<MemberPage, PageError> {
    let detail = app.find_member_detail(ctx, id.clone()).await?;
    let (member, known) = (&detail.view.member, app.role_choices(ctx).await?);
    let lock = app.find_lock(ctx).await?;
    let is_ours = |slug: &str| member.roles.iter().any(|held| held.role.slug() == slug && lock.leaves(&held.from));
    let roles = role_choices(&known, "").into_iter().map(|mut choice| {
        choice.chosen = is_ours(&choice.value);
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
    sources.extend(detail.users.iter().map(|(user, directory)| SourceRow {
        title: format!("{}, over SCIM", directory.idp()),
        detail: match &user.external_id {
            Some(external_id) => format!("{} · external id {external_id}", user.user_name),
            None => user.user_name.clone(),
        },
    }));
    if member.source == Source::Manual {
        sources.push(SourceRow { title: "Added by hand".to_owned(), detail: member.created_at.day() });
    }
    let sessions = if ctx.may(Permission::SessionsRead) {
        let page = app.list_sessions(ctx, SessionFilter::of_member(id.clone()), Window::first(20)).await?;
        page.rows.iter().map(|session| SessionRow::of(session, ctx.session.as_ref(), &[])).collect()
    } else {
        Vec::new()
    };
    let sees_timeline = ctx.may(Permission::AuditRead);
    let (mut timeline, mut older) = (Vec::new(), None);
    if sees_timeline {
        let window = Window { limit: SHOWN, after: cursor };
        let found = app.list_timeline(ctx, id.clone(), window).await?;
        older = found.next.as_ref().map(|cursor| format!("/admin/members/{id}?cursor={cursor}#h-timeline"));
        timeline = moments(&found, &known, &app.urls);
    }
    let same_address = detail.same_address.iter().map(|other| (other.id.to_string(), other.label().to_owned()));
    let left_tags = app.list_left_tags(ctx, id.clone()).await?;
    let reasons = app.explain_roles(ctx, id).await?;
    Ok(MemberPage {
        shell: shell(request, Place::Members).await,
        errors,
        member: MemberRow::of(&detail.view, ctx),
        since: member.created_at,
        paused_until: app.paused_until(member, ctx.now),
        has_password: member.has_password,
        reasons: reasons.iter().map(|reason| reason_row(reason.role.name(), &reason.why, &lock, ctx)).collect(),
        roles: roles.collect(),
        sources,
        teams: detail.view.teams.clone(),
        left_tags: left_tags.into_iter().map(|(tag, names)| (tag, names.join(", "))).collect(),
        same_address: same_address.collect(),
        sessions,
        timeline,
        sees_timeline,
        older,
        may_write: ctx.may(Permission::MembersWrite),
        doable: Doable::of(&lock, member, ctx),
        may_grant: ctx.may(Permission::RolesGrant),
        may_end: ctx.may(Permission::SessionsEnd),
        version: member.version.to_string(),
    })
}

fn reason_row(role: &str, reason: &Why, lock: &Lock, ctx: &Ctx) -> ReasonRow {
    let link = match reason {
        Why::Mapped { connection, .. } | Why::Default { connection, .. } => {
            let link = Action::new("Role mappings", format!("/admin/security/sso/{connection}/attributes"));
            Some(link).filter(|_| ctx.may(Permission::ConnectionsRead))
        }
        Why::Pushed { directory, .. } | Why::PushedDefault { directory, .. } => {
            let link = Action::new("Directory Sync", format!("/admin/security/directories/{directory}"));
            Some(link).filter(|_| ctx.may(Permission::DirectoriesRead))
        }
        Why::Given { .. } | Why::Elsewhere { .. } => None,
    };
    let left_by = match reason {
        Why::Pushed { directory, idp, .. } | Why::PushedDefault { directory, idp } => {
            Some(idp).filter(|_| lock.leaves(directory.as_str()))
        }
        _ => None,
    };
    let is_managed = left_by.is_none() && !matches!(reason, Why::Given { .. } | Why::Elsewhere { .. });
    let why = match left_by {
        Some(idp) => format!("Given by {idp} before its directory was turned off."),
        None => why(reason),
    };
    ReasonRow { role: role.to_owned(), why, is_managed, link }
}

/// `GET /admin/members/{id}`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
    cursor: Query<Cursor>,
) -> Result<Html<MemberPage>, PageError> {
    require(&admin.ctx, Permission::MembersRead)?;
    let cursor = cursor.window::<AuditEventId>()?.after;
    Ok(Html(page(&request, &app, &admin.ctx, member_id(&id)?, cursor, Invalid::new()).await?))
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
    let (code, text, status) = match app.set_member_roles(ctx, id.clone(), roles).await {
        Ok(_) => {
            let answer = see_other(format!("/admin/members/{id}")).notice("The roles are saved.");
            return Ok(answer.respond_to(&request));
        }
        Err(Error::Conflict { code, text }) => (code, text, StatusCode::CONFLICT),
        Err(Error::Refused { code, text }) => (code, text, StatusCode::FORBIDDEN),
        Err(Error::Invalid(invalid)) => {
            let page = page(&request, &app, ctx, id, None, invalid).await?;
            return Ok(Html(page).status(StatusCode::UNPROCESSABLE_ENTITY));
        }
        Err(error) => return Err(error.into()),
    };
    let page = page(&request, &app, ctx, id, None, Invalid::field("roles", code, text)).await?;
    Ok(Html(page).status(status))
}

/// `POST /admin/members/{id}/tags/remove`
pub async fn remove_tag(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, id, tag) = (&form.admin.ctx, member_id(&id)?, form.data.get("tag"));
    let (code, text, status) = match app.remove_tag(ctx, id.clone(), tag).await {
        Ok(()) => {
            let answer = see_other(format!("/admin/members/{id}")).notice(format!("The tag {tag} is taken away."));
            return Ok(answer.respond_to(&request));
        }
        Err(Error::Conflict { code, text }) => (code, text, StatusCode::CONFLICT),
        Err(Error::Refused { code, text }) => (code, text, StatusCode::FORBIDDEN),
        Err(error) => return Err(error.into()),
    };
    let page = page(&request, &app, ctx, id, None, Invalid::field("form", code, text)).await?;
    Ok(Html(page).status(status))
}
