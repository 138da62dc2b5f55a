//! A connection's choices that no test exercises, on one page; they take effect at once.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::connections::ConnectionView;
use crate::app::connections::SettingsChange;
use crate::model::connection::Binding;
use crate::model::connection::ExpiredCertificates;
use crate::model::invalid::Invalid;
use crate::model::logout::Logout;
use crate::web::admin::connections::activate::OnPage;
use crate::web::admin::connections::activate::choices;
use crate::web::admin::connections::handle::conflict;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::handle::yes;
use crate::web::admin::connections::present;
use crate::web::admin::connections::show::Head;
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
use crate::web::shell::shell;
use crate::web::view::Choice;

/// `GET, POST /admin/security/sso/{con}/edit`: what is not drafted.
#[derive(Template)]
#[template(path = "admin/connections/edit.html")]
pub struct EditPage {
    pub shell: Shell,
    /// Errors at `name`, `default_role`, `slo_url`.
    pub errors: Invalid,
    pub head: Head,
    pub name: String,
    pub jit: bool,
    pub default_role: Vec<Choice>,
    pub link_existing: bool,
    pub allow_idp_initiated: bool,
    /// Field `refuse_expired`: a certificate that has ended stops sign-in.
    pub refuse_expired: bool,
    /// `local`, `global`
    pub logout: Vec<Choice>,
    pub slo_url: String,
    /// `redirect`, `post`
    pub slo_binding: Vec<Choice>,
    pub version: String,
}

impl Page for EditPage {
    fn samples() -> Vec<Self> {
        let page = |errors, name: &str| Self {
            shell: Shell::sample(Place::Security),
            errors,
            head: Head::sample(),
            name: name.to_owned(),
            jit: true,
            default_role: OnPage::roles("member"),
            link_existing: false,
            allow_idp_initiated: true,
            refuse_expired: false,
            logout: reaches("Okta", Logout::Global.as_str()),
            slo_url: "https://acme.okta.com/app/exk1f9q2v8RzT7cYk5d7/slo/saml".to_owned(),
            slo_binding: ways("redirect"),
            version: "4".to_owned(),
        };
        vec![
            page(Invalid::new(), "Okta"),
            page(Invalid::field("name", "name_empty", "Write a name. People see it on the sign-in page."), ""),
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<EditPage>(all, "admin/connections/edit");
}

async fn edit_page(
    request: &HttpRequest,
    view: &ConnectionView,
    errors: Invalid,
    typed: Option<&FormData>,
) -> EditPage {
    let settings = view.connection.editable().map(|revision| revision.settings.clone()).unwrap_or_default();
    let is_ticked = |field: &str, saved: bool| typed.map_or(saved, |data| data.has(field));
    let text = |field: &str, saved: &str| typed.map_or(saved, |data| data.get(field)).to_owned();
    let role = text("default_role", settings.default_role.as_str());
    let binding = if settings.slo_binding == Binding::Post { "post" } else { "redirect" };
    EditPage {
        shell: shell(request, Place::Security).await,
        errors,
        head: present::head(view),
        name: text("name", &view.connection.name),
        jit: is_ticked("jit", settings.jit),
        default_role: OnPage::roles(&role),
        link_existing: is_ticked("link_existing", settings.link_existing),
        allow_idp_initiated: is_ticked("allow_idp_initiated", settings.allow_idp_initiated),
        refuse_expired: is_ticked("refuse_expired", settings.expired_certificates == ExpiredCertificates::Refuse),
        logout: reaches(&present::idp(&view.connection), &text("logout", settings.logout.as_str())),
        slo_url: text("slo_url", settings.slo_url.as_deref().unwrap_or_default()),
        slo_binding: ways(&text("slo_binding", binding)),
        version: view.connection.version.to_string(),
    }
}

/// How far a sign-out reaches.
fn reaches(idp: &str, chosen: &str) -> Vec<Choice> {
    let choice = |logout: Logout, label: &str| Choice::new(logout.as_str(), label, logout.as_str() == chosen);
    vec![choice(Logout::Local, "Here alone"), choice(Logout::Global, &format!("Here and at {idp}"))]
}

fn ways(chosen: &str) -> Vec<Choice> {
    vec![Choice::new("redirect", "By Redirect", chosen == "redirect"), Choice::new("post", "By POST", chosen == "post")]
}

/// What is on this page alone, as typed.
fn own_choices(data: &FormData, change: SettingsChange) -> SettingsChange {
    let is_refused = data.has("refuse_expired");
    SettingsChange {
        name: Some(data.get("name").to_owned()),
        expired_certificates: Some(if is_refused { ExpiredCertificates::Refuse } else { ExpiredCertificates::Accept }),
        // A script that posts a form from before leaves these as they are.
        logout: data.get("logout").parse().ok(),
        slo_url: data.has("slo_url").then(|| Some(data.get("slo_url").to_owned())),
        slo_binding: match data.get("slo_binding") {
            "redirect" => Some(Binding::Redirect),
            "post" => Some(Binding::Post),
            _ => None,
        },
        ..change
    }
}

/// `GET …/edit`
pub async fn edit(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<EditPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    Ok(Html(edit_page(&request, &view, Invalid::new(), None).await))
}

/// `POST …/edit`: choices that no test exercises, so an active connection takes them over at once, unless a copy with
/// more in it is being edited.
pub async fn save(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let view = load(&app, ctx, &id).await?;
    let id = view.connection.id.clone();
    let saved = match choices(data) {
        Ok(change) => app.update_connection(ctx, id.clone(), own_choices(data, change), None, data.version()).await,
        Err(errors) => Err(errors.into()),
    };
    match saved {
        Ok(saved) => {
            let is_simple =
                view.connection.draft.is_none() && saved.connection.draft.is_some() && saved.connection.tests_alike();
            if is_simple && view.connection.live().is_some() {
                app.activate_connection(ctx, id.clone(), false, Some(saved.connection.version)).await?;
            }
            let settings = saved.connection.editable().map(|revision| revision.settings.clone()).unwrap_or_default();
            let answer = see_other(format!("/admin/security/sso/{id}"));
            let answer = match present::sign_out(&saved.connection, &settings).warning {
                Some((_, sentence)) => answer.warning(format!("Saved. {sentence}")),
                None => answer.notice("Saved."),
            };
            Ok(answer.respond_to(&request))
        }
        Err(Error::Invalid(errors)) => {
            Ok(Html(edit_page(&request, &view, errors, Some(data)).await).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(Error::Changed) => {
            let settings = view.connection.editable().map(|revision| revision.settings.clone()).unwrap_or_default();
            let rows = vec![
                ("Provider name", view.connection.name.clone(), data.get("name").to_owned()),
                ("New people are created", yes(settings.jit), yes(data.has("jit"))),
                ("Role of new people", settings.default_role.as_str().to_owned(), data.get("default_role").to_owned()),
                ("Existing members are joined", yes(settings.link_existing), yes(data.has("link_existing"))),
                (
                    "Sign-in may start at the provider",
                    yes(settings.allow_idp_initiated),
                    yes(data.has("allow_idp_initiated")),
                ),
                ("A sign-out ends", settings.logout.as_str().to_owned(), data.get("logout").to_owned()),
                ("Single logout URL", settings.slo_url.unwrap_or_default(), data.get("slo_url").to_owned()),
            ];
            conflict(&request, &app, ctx, &view, data, rows).await
        }
        Err(error) => Err(error.into()),
    }
}
