//! Members: who they are, what they may do, and the ways they leave.

mod list;
mod managed;
mod merge;
mod pages;
mod show;
mod timeline;

use crate::app::App;
use crate::app::Error;
use crate::app::access::require;
use crate::app::lock::Act;
use crate::app::members::MemberInput;
use crate::model::actor::Ctx;
use crate::model::id::MemberId;
use crate::model::invalid::Invalid;
use crate::model::link::Link;
use crate::model::member::Member;
use crate::model::page::Window;
use crate::model::role::Permission;
use crate::model::session::SessionFilter;
use crate::web::admin::members::managed::Managed;
use crate::web::admin::members::pages::LeavePage;
use crate::web::admin::members::pages::Leaving;
use crate::web::admin::members::pages::NewMemberPage;
use crate::web::admin::members::pages::PasswordLinkPage;
use crate::web::admin::members::pages::role_choices;
use crate::web::answer::SeeOther;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::form::FormData;
use crate::web::html::Html;
use crate::web::html::Place;
use crate::web::html::add;
use crate::web::routes::Needs;
use crate::web::routes::Routes;
use crate::web::shell::shell;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;

/// Where a member comes from, for people; the API says `manual`, `sso`, `scim`.
pub fn source_word(source: &str) -> &str {
    match source {
        "manual" => "Added by hand",
        "sso" => "By sign-in",
        // The tag that others show too.
        "scim" => "scim",
        other => other,
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    list::samples(all);
    add::<NewMemberPage>(all, "admin/members/new");
    show::samples(all);
    merge::samples(all);
    add::<LeavePage>(all, "admin/members/leave");
    add::<PasswordLinkPage>(all, "admin/members/password_link");
}

pub fn routes(r: &mut Routes) {
    let (read, write) = (Needs::Console(Permission::MembersRead), Needs::Console(Permission::MembersWrite));
    let grant = Needs::Console(Permission::RolesGrant);
    r.get("/admin/members", read, list::list);
    r.get("/admin/members/new", write, new);
    r.post("/admin/members/new", write, create);
    r.get("/admin/members/roles", grant, list::ask_roles);
    r.post("/admin/members/roles", grant, list::change_roles);
    r.get("/admin/members/{id}", read, show::show);
    r.post("/admin/members/{id}/roles", grant, show::set_roles);
    r.post("/admin/members/{id}/tags/remove", write, show::remove_tag);
    r.post("/admin/members/{id}/password-link", write, password_link);
    r.get("/admin/members/{id}/deactivate", write, ask_deactivate);
    r.post("/admin/members/{id}/deactivate", write, deactivate);
    r.post("/admin/members/{id}/reactivate", write, reactivate);
    r.get("/admin/members/{id}/remove", write, ask_remove);
    r.post("/admin/members/{id}/remove", write, remove);
    r.get("/admin/members/{id}/merge", write, merge::ask);
    r.post("/admin/members/{id}/merge", write, merge::merge);
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
    let roles = role_choices(&app.role_choices(ctx).await?, role);
    let lock = app.find_lock(ctx).await?;
    // Whoever typed something sees it again, with why it was refused.
    let refusing = lock.refuses(Act::Add, None).filter(|_| typed.is_none());
    Ok(NewMemberPage {
        shell: shell(request, Place::Members).await,
        errors,
        name: get("name"),
        email: get("email"),
        role: roles,
        sso,
        managed: refusing.map(|directory| Managed::of(directory, ctx)),
        uncovered_by: lock.strictest().map(|directory| directory.idp().to_owned()),
    })
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
        Err(Error::Refused { code, text }) => {
            let field = if code == "role_above_yours" { "role" } else { "form" };
            let page = new_page(&request, &app, ctx, Invalid::field(field, code, text), Some(data)).await?;
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

/// `POST /admin/members/{id}/password-link`: shown once, in the answer.
pub async fn password_link(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, id) = (&form.admin.ctx, member_id(&id)?);
    let (url, link) = match app.create_password_link(ctx, id.clone()).await {
        Ok(made) => made,
        Err(error) => return refused(&request, &app, ctx, id, error).await,
    };
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
    let lock = app.find_lock(ctx).await?;
    let act = if leaving == Leaving::Remove { Act::Remove } else { Act::Deactivate };
    let sessions =
        app.list_sessions(ctx, SessionFilter::of_member(id), Window::first(Window::MAX)).await?.rows.len() as u64;
    Ok(LeavePage {
        shell: shell(request, Place::Members).await,
        errors,
        id: view.member.id.to_string(),
        name: view.member.label().to_owned(),
        managed: lock.refuses(act, Some(&view.member)).map(|directory| Managed::of(directory, ctx)),
        leaving,
        sessions,
        version: view.member.version.to_string(),
    })
}

/// The question before it is done.
async fn ask(
    request: &HttpRequest,
    app: &App,
    admin: &Admin,
    id: &str,
    leaving: Leaving,
) -> Result<Html<LeavePage>, PageError> {
    require(&admin.ctx, Permission::MembersWrite)?;
    Ok(Html(leave_page(request, app, &admin.ctx, member_id(id)?, leaving, Invalid::new()).await?))
}

/// `GET /admin/members/{id}/deactivate`
pub async fn ask_deactivate(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<LeavePage>, PageError> {
    ask(&request, &app, &admin, &id, Leaving::Deactivate).await
}

/// `GET /admin/members/{id}/remove`
pub async fn ask_remove(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<LeavePage>, PageError> {
    ask(&request, &app, &admin, &id, Leaving::Remove).await
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
    let (code, text, status) = match error {
        Error::Conflict { code, text } => (code, text, StatusCode::CONFLICT),
        Error::Refused { code, text } => (code, text, StatusCode::FORBIDDEN),
        error => return Err(error.into()),
    };
    let page = leave_page(request, app, ctx, id, leaving, Invalid::field("form", code, text)).await?;
    Ok(Html(page).status(status))
}

/// `POST /admin/members/{id}/reactivate`
pub async fn reactivate(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, id) = (&form.admin.ctx, member_id(&id)?);
    match app.reactivate_member(ctx, id.clone()).await {
        Ok(view) => {
            let text = format!("{} can sign in again.", view.member.label());
            Ok(see_other(format!("/admin/members/{id}")).notice(text).respond_to(&request))
        }
        Err(error) => refused(&request, &app, ctx, id, error).await,
    }
}

/// The member's page again, with why it was not done.
async fn refused(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    id: MemberId,
    error: Error,
) -> Result<HttpResponse, PageError> {
    let (code, text, status) = match error {
        Error::Conflict { code, text } => (code, text, StatusCode::CONFLICT),
        Error::Refused { code, text } => (code, text, StatusCode::FORBIDDEN),
        error => return Err(error.into()),
    };
    let page = show::page(request, app, ctx, id, None, Invalid::field("form", code, text)).await?;
    Ok(Html(page).status(status))
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
