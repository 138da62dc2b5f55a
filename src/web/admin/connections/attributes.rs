//! The wizard's fourth step: which attribute fills which field.

use askama::Template;

use crate::model::invalid::Invalid;
use crate::model::provider::Catalogue;
use crate::web::admin::connections::setup::Step;
use crate::web::admin::connections::setup::Wizard;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;

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
        (seen.wizard.is_copy, seen.user_id_is_fixed) = (true, true);
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
