//! The wizard's fourth step: which attribute fills which field.

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
use crate::model::connection::AttributeNames;
use crate::model::invalid::Invalid;
use crate::model::provider::Catalogue;
use crate::model::sign_in::TraceAttribute;
use crate::web::admin::connections::handle::conflict;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::present;
use crate::web::admin::connections::setup::Step;
use crate::web::admin::connections::setup::Wizard;
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

/// One of our fields and the attribute that fills it.
#[derive(Debug, Clone)]
pub struct AttributeField {
    /// Name of the field: `attribute_email`.
    pub field: &'static str,
    /// Key of the catalogue: `email`.
    pub ours: &'static str,
    pub label: String,
    /// Empty: the names that are read without any setting.
    pub value: String,
    /// What the last test showed.
    pub example: Option<String>,
}

impl AttributeField {
    /// Field name and key, in the order of the page.
    pub const FIELDS: [(&'static str, &'static str); 7] = [
        ("attribute_email", "email"),
        ("attribute_first_name", "first_name"),
        ("attribute_last_name", "last_name"),
        ("attribute_display_name", "display_name"),
        ("attribute_job_title", "job_title"),
        ("attribute_groups", "groups"),
        ("attribute_roles", "roles"),
    ];

    /// The rows, with the values and examples that the closures know.
    pub fn rows(value: impl Fn(&str) -> String, example: impl Fn(&str) -> Option<String>) -> Vec<Self> {
        let row = |(field, ours): (&'static str, &'static str)| Self {
            field,
            ours,
            label: Catalogue::get().label(ours).to_owned(),
            value: value(ours),
            example: example(ours),
        };
        Self::FIELDS.into_iter().map(row).collect()
    }

    /// The short names read without any setting.
    pub fn defaults(&self) -> String {
        let names = Catalogue::get().default_attributes(self.ours);
        let short: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.contains(':')).take(3).collect();
        short.join(", ")
    }
}

/// `GET, POST …/setup/attributes`
#[derive(Template)]
#[template(path = "admin/connections/attributes.html")]
pub struct AttributesPage {
    pub shell: Shell,
    /// Errors at `attribute_…`.
    pub errors: Invalid,
    pub wizard: Wizard,
    pub fields: Vec<AttributeField>,
    /// Names that the last test showed, offered while typing.
    pub seen: Vec<String>,
    /// The attribute that names a person; empty for NameID.
    pub user_id: String,
    /// It is fixed once the connection is on.
    pub user_id_is_fixed: bool,
}

impl AttributesPage {
    /// What the wizard offers as a name for a person: what was seen first, then the catalogue's.
    fn user_ids(&self) -> &'static [String] {
        Catalogue::get().default_attributes("user_id")
    }
}

impl Page for AttributesPage {
    fn samples() -> Vec<Self> {
        let page = |errors, value: fn(&str) -> String, example: fn(&str) -> Option<String>| Self {
            shell: Shell::sample(Place::Security),
            errors,
            wizard: Wizard::sample("okta-saml", Step::Attributes),
            fields: AttributeField::rows(value, example),
            seen: Vec::new(),
            user_id: String::new(),
            user_id_is_fixed: false,
        };
        let example = |ours: &str| match ours {
            "email" => Some("ada@acme.example".to_owned()),
            "first_name" => Some("Ada".to_owned()),
            "groups" => Some("Doorward Admins, Doorward Members, Platform".to_owned()),
            _ => None,
        };
        let mut seen =
            page(Invalid::new(), |ours| if ours == "job_title" { "title".to_owned() } else { String::new() }, example);
        seen.seen = ["email", "firstName", "groups", "title"].map(str::to_owned).to_vec();
        (seen.wizard.is_change, seen.wizard.is_copy, seen.user_id_is_fixed) = (true, true, true);
        let wrong = Invalid::field(
            "attribute_email",
            "attribute_not_seen",
            "The last test showed no attribute mial. Write the name as it was sent, or leave this empty.",
        );
        vec![
            page(Invalid::new(), |_| String::new(), |_| None),
            seen,
            page(wrong, |ours| if ours == "email" { "mial".to_owned() } else { String::new() }, example),
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<AttributesPage>(all, "admin/connections/attributes");
}

/// Our name of a field in the catalogue's words, and in the settings'.
pub fn settings_field(ours: &str) -> &str {
    match ours {
        "first_name" => "given_name",
        "last_name" => "family_name",
        "display_name" => "name",
        other => other,
    }
}

async fn page(
    request: &HttpRequest,
    view: &ConnectionView,
    errors: Invalid,
    typed: Option<&FormData>,
) -> Result<AttributesPage, PageError> {
    let names = view.connection.editable().map(|revision| revision.settings.attributes.clone()).unwrap_or_default();
    let trace = view.last_test.as_ref().and_then(|test| test.trace.clone()).unwrap_or_default();
    let value = |ours: &str| match typed {
        Some(form) => form.get(&format!("attribute_{ours}")).to_owned(),
        None => names.get(settings_field(ours)).unwrap_or_default().to_owned(),
    };
    let example = |ours: &str| {
        let used = |row: &&TraceAttribute| row.used_as.as_deref() == Some(settings_field(ours));
        trace.attributes.iter().find(used).map(|row| row.values.join(", "))
    };
    Ok(AttributesPage {
        shell: shell(request, Place::Security).await,
        errors,
        wizard: present::wizard(view, Step::Attributes),
        fields: AttributeField::rows(value, example),
        seen: trace.attributes.iter().map(|row| row.name.clone()).collect(),
        user_id: value("user_id"),
        user_id_is_fixed: view.members > 0,
    })
}

/// `GET …/setup/attributes`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<AttributesPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    Ok(Html(page(&request, &view, Invalid::new(), None).await?))
}

/// `POST …/setup/attributes`
pub async fn save(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let view = load(&app, ctx, &id).await?;
    let before = view.connection.editable().map(|revision| revision.settings.attributes.clone()).unwrap_or_default();
    let typed = |ours: &str| data.text(&format!("attribute_{ours}"));
    let names = AttributeNames {
        email: typed("email"),
        given_name: typed("first_name"),
        family_name: typed("last_name"),
        name: typed("display_name"),
        job_title: typed("job_title"),
        groups: typed("groups"),
        roles: typed("roles"),
        picture: before.picture.clone(),
        user_id: if data.has("attribute_user_id") { typed("user_id") } else { before.user_id.clone() },
    };
    let change = SettingsChange { attributes: Some(names.clone()), ..SettingsChange::default() };
    match app.update_connection(ctx, view.connection.id.clone(), change, None, data.version()).await {
        Ok(_) => Ok(see_other(format!("/admin/security/sso/{}/setup/test", view.connection.id)).respond_to(&request)),
        Err(Error::Invalid(mut errors)) => {
            for error in &mut errors.errors {
                error.field = field_of(error.field);
            }
            let page = page(&request, &view, errors, Some(data)).await?;
            Ok(Html(page).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(Error::Changed) => {
            let rows = AttributeField::FIELDS.into_iter().map(|(_, ours)| {
                let field = settings_field(ours);
                let text = |names: &AttributeNames| names.get(field).unwrap_or_default().to_owned();
                (Catalogue::get().label(ours), text(&before), text(&names))
            });
            conflict(&request, &app, ctx, &view, data, rows.collect()).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The page's field of a setting.
fn field_of(setting: &'static str) -> &'static str {
    let ours = |(_, ours): &&(&'static str, &'static str)| settings_field(ours) == setting;
    if setting == "user_id" {
        return "attribute_user_id";
    }
    AttributeField::FIELDS.iter().find(ours).map_or(setting, |(field, _)| field)
}
