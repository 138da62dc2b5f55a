//! A person's own pages: profile, ways to sign in, sessions.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::model::connection::TestStatus;
use crate::model::id::ConnectionId;
use crate::model::id::IdentityId;
use crate::model::id::SessionId;
use crate::model::id::TestId;
use crate::model::invalid::Invalid;
use crate::model::page::Window;
use crate::model::session::Method;
use crate::model::session::Session;
use crate::model::time::Timestamp;
use crate::web::answer::SeeOther;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Member;
use crate::web::extract::MemberForm;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::routes::Needs;
use crate::web::routes::Routes;
use crate::web::shell::shell;
use crate::web::sign_in::ContinuePage;
use crate::web::sign_in::WayIn;
use crate::web::view::Tile;
use crate::web::view::Tone;

/// `GET, POST /account`
#[derive(Template)]
#[template(path = "account/profile.html")]
pub struct ProfilePage {
    pub shell: Shell,
    /// Errors at `name`.
    pub errors: Invalid,
    pub name: String,
    pub email: String,
    pub job_title: String,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    /// Who keeps the name, if it cannot be changed here: `Okta`.
    pub managed_by: Option<String>,
    pub version: String,
}

impl Page for ProfilePage {
    fn samples() -> Vec<Self> {
        let page = |errors, name: &str, managed_by: Option<&str>| Self {
            shell: Shell::sample(Place::Account),
            errors,
            name: name.to_owned(),
            email: "ada@acme.example".to_owned(),
            job_title: "Platform Engineer".to_owned(),
            roles: vec!["Admin".to_owned()],
            groups: Vec::new(),
            managed_by: managed_by.map(str::to_owned),
            version: "3".to_owned(),
        };
        let mut managed = page(Invalid::new(), "Ada Example", Some("Okta"));
        managed.groups = vec!["Doorward Admins".to_owned(), "Platform".to_owned()];
        let mut saved = page(Invalid::new(), "Ada Example", None);
        saved.shell = saved.shell.with_notice(Tone::Ok, "Your name is saved.");
        if let Some(me) = &mut saved.shell.me {
            (me.sees_members, me.sees_security, me.sees_sessions) = (false, false, false);
            (me.sees_audit, me.sees_api_keys) = (false, false);
            me.role = "Member".to_owned();
        }
        vec![
            page(Invalid::new(), "Ada Example", None),
            page(Invalid::field("name", "name_empty", "Write your name."), "", None),
            managed,
            saved,
        ]
    }
}

/// A sign-in at an identity provider that belongs to this person.
#[derive(Debug, Clone)]
pub struct LinkedSignIn {
    pub id: String,
    pub connection: String,
    pub tile: Tile,
    /// How the identity provider names the person.
    pub subject: String,
    pub last_used: Option<Timestamp>,
    /// It is not the only way in, so it may be taken away.
    pub may_be_removed: bool,
}

/// `GET /account/sign-in-methods`; `POST …/password` changes the password.
#[derive(Template)]
#[template(path = "account/sign_in_methods.html")]
pub struct SignInMethodsPage {
    pub shell: Shell,
    /// Errors at `current_password` and `password`.
    pub errors: Invalid,
    pub linked: Vec<LinkedSignIn>,
    /// Connections that this person could link by testing them.
    pub linkable: Vec<WayIn>,
    pub has_password: bool,
    pub password_changed: Option<Timestamp>,
    /// False where the sign-in mode is SSO only.
    pub passwords_work: bool,
}

impl Page for SignInMethodsPage {
    fn samples() -> Vec<Self> {
        let tile = Tile { letter: "O".to_owned(), tint: "a".to_owned() };
        let page = |errors| Self {
            shell: Shell::sample(Place::Account),
            errors,
            linked: Vec::new(),
            linkable: Vec::new(),
            has_password: true,
            password_changed: Some(Timestamp::from_secs(1_790_848_800)),
            passwords_work: true,
        };
        let way = WayIn {
            name: "Okta".to_owned(),
            tile: tile.clone(),
            path: "/account/sign-in-methods/con_01k2v9q8xw3f6t0m4n7p5r1sza/link".to_owned(),
        };
        let linked = LinkedSignIn {
            id: "idn_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            connection: "Okta".to_owned(),
            tile,
            subject: "ada@acme.example".to_owned(),
            last_used: Some(Timestamp::from_secs(1_795_338_000)),
            may_be_removed: true,
        };
        let mut can_link = page(Invalid::new());
        can_link.linkable = vec![way];
        let mut both = page(Invalid::new());
        both.linked = vec![linked.clone()];
        let mut only_sso = page(Invalid::new());
        only_sso.linked = vec![LinkedSignIn { may_be_removed: false, last_used: None, ..linked }];
        (only_sso.has_password, only_sso.password_changed, only_sso.passwords_work) = (false, None, false);
        let mut wrong = Invalid::field("current_password", "password_refused", "That isn't your password.");
        wrong.add("password", "password_short", "This has 9 characters. Use 15 or more.");
        vec![page(Invalid::new()), can_link, both, only_sso, page(wrong)]
    }
}

/// A browser that someone is signed in with.
#[derive(Debug, Clone)]
pub struct SessionRow {
    pub id: String,
    /// `Firefox on Linux`
    pub device: String,
    pub ip: String,
    /// `Okta`, `password`.
    pub method: String,
    pub started: Timestamp,
    pub last_seen: Timestamp,
    /// The one that this page is shown in.
    pub is_this: bool,
}

impl SessionRow {
    pub fn samples() -> Vec<Self> {
        let row = |id: &str, device: &str, ip: &str, method: &str, started, seen, is_this| Self {
            id: id.to_owned(),
            device: device.to_owned(),
            ip: ip.to_owned(),
            method: method.to_owned(),
            started: Timestamp::from_secs(started),
            last_seen: Timestamp::from_secs(seen),
            is_this,
        };
        vec![
            row(
                "ses_01k2v9q8xw3f6t0m4n7p5r1sza",
                "Firefox on Linux",
                "203.0.113.9",
                "Password",
                1_795_327_200,
                1_795_338_000,
                true,
            ),
            row(
                "ses_01k2v9q8xw3f6t0m4n7p5r1szb",
                "Safari on iPhone",
                "2001:db8::7",
                "Okta",
                1_795_227_200,
                1_795_330_000,
                false,
            ),
        ]
    }
}

/// `GET /account/sessions`
#[derive(Template)]
#[template(path = "account/sessions.html")]
pub struct SessionsPage {
    pub shell: Shell,
    pub sessions: Vec<SessionRow>,
}

impl Page for SessionsPage {
    fn samples() -> Vec<Self> {
        let page = |sessions| Self { shell: Shell::sample(Place::Account), sessions };
        vec![page(SessionRow::samples()), page(SessionRow::samples().into_iter().take(1).collect())]
    }
}

/// `GET, POST /account/sign-in-methods/confirm/{test}`: an account elsewhere, about to be linked.
#[derive(Template)]
#[template(path = "account/confirm_link.html")]
pub struct ConfirmLinkPage {
    pub shell: Shell,
    pub test: String,
    pub connection: String,
    /// How the identity provider names the person; none where the sign-in there did not work.
    pub subject: Option<String>,
}

impl Page for ConfirmLinkPage {
    fn samples() -> Vec<Self> {
        let page = |subject: Option<&str>| Self {
            shell: Shell::sample(Place::Account),
            test: "test_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            connection: "Okta".to_owned(),
            subject: subject.map(str::to_owned),
        };
        vec![page(Some("ada@acme.example")), page(None)]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<ProfilePage>(all, "account/profile");
    add::<SignInMethodsPage>(all, "account/sign_in_methods");
    add::<SessionsPage>(all, "account/sessions");
    add::<ConfirmLinkPage>(all, "account/confirm_link");
}

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
    Ok(Html(ContinuePage { shell: shell(&request, Place::Elsewhere).await, to, url }))
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
    let page = app.list_sessions(&member.ctx, Some(me.member.id.clone()), Window::first(Window::MAX)).await?;
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
    app.end_sessions_of(&form.member.ctx, form.member.signed_in.member.id.clone()).await?;
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
