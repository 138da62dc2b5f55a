//! A person's own pages: profile, ways to sign in, sessions.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;

use crate::app::App;
use crate::app::Error;
use crate::app::end_sessions::Own;
use crate::model::connection::TestStatus;
use crate::model::id::ConnectionId;
use crate::model::id::IdentityId;
use crate::model::id::SessionId;
use crate::model::id::TestId;
use crate::model::invalid::Invalid;
use crate::model::page::Window;
use crate::model::session::Method;
use crate::model::session::Session;
use crate::model::session::SessionFilter;
use crate::web::answer::SeeOther;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Member;
use crate::web::extract::MemberForm;
use crate::web::html::Html;
use crate::web::html::Place;
use crate::web::routes::Needs;
use crate::web::routes::Routes;
use crate::web::shell::shell;
use crate::web::sign_in::ContinuePage;
use crate::web::sign_in::WayIn;
use crate::web::sign_in::asks;
use crate::web::view::Tile;

mod pages;

pub use pages::{ConfirmLinkPage, LinkedSignIn, ProfilePage, SessionRow, SessionsPage, SignInMethodsPage, samples};

pub fn routes(r: &mut Routes) {
    r.get("/account", Needs::Member, profile);
    r.post("/account", Needs::Member, rename);
    r.get("/account/sign-in-methods", Needs::Member, methods);
    r.post("/account/sign-in-methods/password", Needs::Member, change_password);
    r.post("/account/sign-in-methods/{id}/remove", Needs::Member, unlink);
    r.post("/account/sign-in-methods/{connection}/link", Needs::Member, link);
    r.get("/account/sign-in-methods/confirm/{test}", Needs::Member, confirm_link);
    r.post("/account/sign-in-methods/confirm/{test}", Needs::Member, link_confirmed);
    r.get("/account/sessions", Needs::Member, sessions);
    r.post("/account/sessions/end-others", Needs::Member, end_others);
    r.post("/account/sessions/{id}/end", Needs::Member, end);
}

async fn profile_page(
    request: &HttpRequest,
    app: &App,
    member: &Member,
    errors: Invalid,
    name: Option<&str>,
) -> Result<ProfilePage, PageError> {
    let detail = app.find_member_detail(&member.ctx, member.signed_in.member.id.clone()).await?;
    let (me, groups) = (detail.view.member, detail.view.groups);
    // Whoever signs in there gets what is said there, at each sign-in.
    let used = detail.identities.into_iter().filter(|(identity, _)| identity.last_used_at.is_some());
    let managed_by = used.max_by_key(|(identity, _)| identity.last_used_at).map(|(_, connection)| connection);
    Ok(ProfilePage {
        shell: shell(request, Place::Account).await,
        errors,
        name: name.map_or_else(|| me.profile.name.clone().unwrap_or_default(), str::to_owned),
        email: me.email.as_str().to_owned(),
        job_title: me.profile.job_title.clone().unwrap_or_default(),
        roles: me.roles.iter().map(|held| held.role.name().to_owned()).collect(),
        groups,
        managed_by,
        version: me.version.to_string(),
    })
}

/// `GET /account`
pub async fn profile(request: HttpRequest, app: Data<App>, member: Member) -> Result<Html<ProfilePage>, PageError> {
    Ok(Html(profile_page(&request, &app, &member, Invalid::new(), None).await?))
}

/// `POST /account`
pub async fn rename(request: HttpRequest, app: Data<App>, form: MemberForm) -> Result<HttpResponse, PageError> {
    let name = form.data.get("name");
    match app.rename_self(&form.member.ctx, name, form.data.version()).await {
        Ok(()) => Ok(see_other("/account").notice("Your name is saved.").respond_to(&request)),
        Err(Error::Invalid(errors)) => {
            let page = profile_page(&request, &app, &form.member, errors, Some(name)).await?;
            Ok(Html(page).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(Error::Changed) => {
            let text = "Your name was changed elsewhere meanwhile. What you typed is kept here; save again to use it.";
            let page = profile_page(
                &request,
                &app,
                &form.member,
                Invalid::field("form", "changed_meanwhile", text),
                Some(name),
            )
            .await?;
            Ok(Html(page).status(StatusCode::CONFLICT))
        }
        Err(error) => Err(error.into()),
    }
}

async fn methods_page(
    request: &HttpRequest,
    app: &App,
    member: &Member,
    errors: Invalid,
) -> Result<SignInMethodsPage, PageError> {
    let me = &member.signed_in;
    let detail = app.find_member_detail(&member.ctx, me.member.id.clone()).await?;
    let passwords_work = me.organization.sign_in_mode.allows_password();
    let has_password = detail.view.member.has_password;
    let ways = detail.identities.len() + usize::from(has_password && passwords_work);
    let connections = app.list_active_connections(&me.organization.id).await?;
    let linkable = connections
        .iter()
        .filter(|connection| !detail.identities.iter().any(|(identity, _)| identity.connection == connection.id));
    Ok(SignInMethodsPage {
        shell: shell(request, Place::Account).await,
        errors,
        linkable: linkable
            .map(|connection| WayIn {
                name: connection.name.clone(),
                tile: Tile::of_provider(&connection.provider, &connection.name),
                path: format!("/account/sign-in-methods/{}/link", connection.id),
            })
            .collect(),
        linked: detail
            .identities
            .iter()
            .map(|(identity, name)| LinkedSignIn {
                id: identity.id.to_string(),
                connection: name.clone(),
                tile: Tile::of_connection(None, name),
                subject: identity.subject.clone(),
                last_used: identity.last_used_at,
                may_be_removed: ways > 1,
            })
            .collect(),
        has_password,
        password_changed: None,
        passwords_work,
    })
}

/// `GET /account/sign-in-methods`
pub async fn methods(
    request: HttpRequest,
    app: Data<App>,
    member: Member,
) -> Result<Html<SignInMethodsPage>, PageError> {
    Ok(Html(methods_page(&request, &app, &member, Invalid::new()).await?))
}

/// `POST /account/sign-in-methods/password`
pub async fn change_password(
    request: HttpRequest,
    app: Data<App>,
    form: MemberForm,
) -> Result<HttpResponse, PageError> {
    let (old, new) = (form.data.get("current_password").to_owned(), form.data.get("password").to_owned());
    match app.change_password(&form.member.visitor, &form.member.signed_in, old, new).await {
        Ok(()) => {
            let answer =
                see_other("/account/sign-in-methods").notice("Your password is changed. Your other sessions ended.");
            Ok(answer.respond_to(&request))
        }
        Err(Error::Invalid(errors)) => {
            let page = methods_page(&request, &app, &form.member, errors).await?;
            Ok(Html(page).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /account/sign-in-methods/{identity}/remove`
pub async fn unlink(app: Data<App>, id: Path<String>, form: MemberForm) -> Result<SeeOther, PageError> {
    let id: IdentityId = id.parse().map_err(|_| Error::NotFound("linked sign-in"))?;
    let me = form.member.signed_in.member.id.clone();
    app.unlink_own_identity(&form.member.signed_in, &form.member.ctx, me, id).await?;
    Ok(see_other("/account/sign-in-methods").notice("The sign-in is unlinked."))
}

/// `POST /account/sign-in-methods/{connection}/link`: a sign-in there that ends in a link, not in a session. A page leads
/// on, since a form may not be answered with a way to another site (web/security.rs).
pub async fn link(
    request: HttpRequest,
    app: Data<App>,
    connection: Path<String>,
    form: MemberForm,
) -> Result<Html<ContinuePage>, PageError> {
    let id: ConnectionId = connection.parse().map_err(|_| Error::NotFound("connection"))?;
    let (to, url) = app.start_own_link(&form.member.signed_in, &form.member.visitor, id).await?;
    Ok(Html(ContinuePage { shell: shell(&request, Place::Elsewhere).await, about: asks(&to), to, url }))
}

fn device(agent: Option<&str>) -> String {
    let agent = agent.unwrap_or_default();
    let pick = |names: &[(&str, &'static str)], other: &'static str| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map_or(other, |(_, name)| *name)
    };
    let browsers = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    let systems = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "Mac"),
        ("Linux", "Linux"),
    ];
    format!("{} on {}", pick(&browsers, "A program"), pick(&systems, "an unknown system"))
}

impl SessionRow {
    /// `names` gives the name of a connection.
    pub fn of(session: &Session, this: Option<&SessionId>, names: &[(ConnectionId, String)]) -> Self {
        let method = match &session.method {
            Method::Password => "Password".to_owned(),
            Method::Saml(id) => {
                names.iter().find(|(known, _)| known == id).map_or_else(|| "SSO".to_owned(), |(_, name)| name.clone())
            }
        };
        Self {
            id: session.id.to_string(),
            device: device(session.user_agent.as_deref()),
            ip: session.ip.clone().unwrap_or_else(|| "unknown address".to_owned()),
            method,
            started: session.started_at,
            last_seen: session.last_seen_at,
            is_this: this == Some(&session.id),
        }
    }
}

/// `GET /account/sessions`
pub async fn sessions(request: HttpRequest, app: Data<App>, member: Member) -> Result<Html<SessionsPage>, PageError> {
    let me = &member.signed_in;
    let page = app
        .list_sessions(&member.ctx, SessionFilter::of_member(me.member.id.clone()), Window::first(Window::MAX))
        .await?;
    let connections = app.list_active_connections(&me.organization.id).await?;
    let names: Vec<_> = connections.into_iter().map(|connection| (connection.id, connection.name)).collect();
    let sessions = page.rows.iter().map(|session| SessionRow::of(session, Some(&me.session.id), &names)).collect();
    Ok(Html(SessionsPage { shell: shell(&request, Place::Account).await, sessions }))
}

/// `POST /account/sessions/{id}/end`
pub async fn end(app: Data<App>, id: Path<String>, form: MemberForm) -> Result<SeeOther, PageError> {
    let id: SessionId = id.parse().map_err(|_| Error::NotFound("session"))?;
    app.end_session(&form.member.ctx, id).await?;
    Ok(see_other("/account/sessions").notice("The session is over."))
}

/// `POST /account/sessions/end-others`
pub async fn end_others(app: Data<App>, form: MemberForm) -> Result<SeeOther, PageError> {
    let mine = SessionFilter::of_member(form.member.signed_in.member.id.clone());
    app.end_sessions(&form.member.ctx, mine, Own::Stays).await?;
    Ok(see_other("/account/sessions").notice("Your other sessions are over."))
}

fn test_id(text: &str) -> Result<TestId, PageError> {
    text.parse().map_err(|_| PageError(Error::NotFound("test").into()))
}

/// `GET /account/sign-in-methods/confirm/{test}`
pub async fn confirm_link(
    request: HttpRequest,
    app: Data<App>,
    test: Path<String>,
    member: Member,
) -> Result<Html<ConfirmLinkPage>, PageError> {
    let (test, connection) = app.find_own_test(&member.ctx, test_id(&test)?).await?;
    let subject = test.subject.filter(|_| test.status == TestStatus::Passed);
    let shell = shell(&request, Place::Account).await;
    Ok(Html(ConfirmLinkPage { shell, test: test.id.to_string(), connection, subject }))
}

/// `POST /account/sign-in-methods/confirm/{test}`
pub async fn link_confirmed(app: Data<App>, test: Path<String>, form: MemberForm) -> Result<SeeOther, PageError> {
    app.link_by_test(&form.member.signed_in, &form.member.visitor, test_id(&test)?).await?;
    Ok(see_other("/account/sign-in-methods").notice("The sign-in is linked to your account."))
}
