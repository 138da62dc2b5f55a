//! Every saved revision of a connection: by whom, what it changed, and the way back to it.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use actix_web::web::Query;
use askama::Template;
use serde_json::Value;

use crate::app::App;
use crate::app::Error;
use crate::app::connections::changed_fields;
use crate::app::revisions::RevisionView;
use crate::app::revisions::Standing;
use crate::model::connection::SamlSettings;
use crate::model::id::RevisionId;
use crate::model::role::Permission;
use crate::model::time::Timestamp;
use crate::web::admin::connections::handle::connection_id;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::present;
use crate::web::admin::connections::show::Head;
use crate::web::answer::SeeOther;
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
use crate::web::view::Chip;
use crate::web::view::Tone;

/// One field that a revision has otherwise than the one before it.
#[derive(Debug, Clone)]
pub struct ChangeRow {
    pub label: String,
    pub before: String,
    pub after: String,
}

#[derive(Debug, Clone)]
pub struct RevisionRow {
    pub id: String,
    pub number: u32,
    pub chip: Option<Chip>,
    pub saved_at: Timestamp,
    pub saved_by: String,
    /// When and by whom it was turned on last.
    pub activated: Option<(Timestamp, String)>,
    pub changes: Vec<ChangeRow>,
    pub may_restore: bool,
}

/// `GET /admin/security/sso/{con}/revisions?cursor=`
#[derive(Template)]
#[template(path = "admin/connections/revisions.html")]
pub struct RevisionsPage {
    pub shell: Shell,
    pub head: Head,
    pub version: String,
    pub rows: Vec<RevisionRow>,
    pub next: Option<String>,
}

impl Page for RevisionsPage {
    fn samples() -> Vec<Self> {
        let row = |number, standing, changes, may_restore| RevisionRow {
            id: "rev_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            number,
            chip: chip(standing),
            saved_at: Timestamp::from_secs(1_795_338_000 + i64::from(number) * 86_400),
            saved_by: "ada@acme.example".to_owned(),
            activated: (number < 3).then(|| (Timestamp::from_secs(1_795_338_600), "ada@acme.example".to_owned())),
            changes,
            may_restore,
        };
        let change = |label: &str, before: &str, after: &str| ChangeRow {
            label: label.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
        };
        let urls = change(
            "SSO URL",
            "https://acme.okta.com/app/exk1f9q2v8RzT7cYk5d7/sso/saml",
            "https://login.acme.example/sso",
        );
        let page = |rows| Self {
            shell: Shell::sample(Place::Security),
            head: Head::sample(),
            version: "4".to_owned(),
            rows,
            next: None,
        };
        let many = vec![
            row(3, Standing::Draft, vec![urls, change("Attribute for the job title", "", "rank")], false),
            row(2, Standing::Active, vec![change("People unknown here", "Off", "On")], true),
            row(1, Standing::Former, Vec::new(), true),
        ];
        let mut more = page(many.clone());
        more.next = Some("/admin/security/sso/con_x/revisions?cursor=rev_x".to_owned());
        vec![more, page(vec![row(1, Standing::Draft, Vec::new(), false)])]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<RevisionsPage>(all, "admin/connections/revisions");
}

fn chip(standing: Standing) -> Option<Chip> {
    match standing {
        Standing::Active => Some(Chip::new(Tone::Ok, "In use")),
        Standing::Draft => Some(Chip::new(Tone::Info, "Draft")),
        Standing::Former => Some(Chip::new(Tone::Neutral, "Former")),
        Standing::Past => None,
    }
}

/// What a field of the settings is called on the pages where it is set.
pub fn field_label(field: &str) -> String {
    let known = match field {
        "idp_entity_id" => "IdP entity ID",
        "sso_url" => "SSO URL",
        "sso_binding" => "Requests go by",
        "slo_url" => "Single logout URL",
        "slo_response_url" => "Single logout response URL",
        "slo_binding" => "Logout messages go by",
        "logout" => "A sign-out here ends the session",
        "metadata_url" => "Metadata link",
        "watch_metadata" => "The link is watched",
        "wants_signed_requests" => "Wants signed requests",
        "allow_idp_initiated" => "Sign-in may start at the provider",
        "jit" => "New people are created",
        "default_role" => "Role of new people",
        "any_domain" => "Addresses of any domain",
        "link_existing" => "Existing members are joined",
        "expired_certificates" => "Certificates that have ended",
        "clock_skew" => "Clocks may differ by",
        "email" => "Attribute for the email",
        "given_name" => "Attribute for the first name",
        "family_name" => "Attribute for the last name",
        "name" => "Attribute for the name",
        "job_title" => "Attribute for the job title",
        "groups" => "Attribute for groups",
        "roles" => "Attribute for roles",
        "picture" => "Attribute for the picture",
        "user_id" => "Attribute that names the person",
        other => return other.replace('_', " "),
    };
    known.to_owned()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "On".to_owned(),
        Value::Bool(false) => "Off".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Field by field; an object, such as the names of attributes, by its own fields.
fn changes(before: &SamlSettings, after: &SamlSettings) -> Vec<ChangeRow> {
    let mut rows = Vec::new();
    let row = |field: &str, before: &Value, after: &Value| ChangeRow {
        label: field_label(field),
        before: shown(before),
        after: shown(after),
    };
    for (field, old, new) in changed_fields(before, after) {
        let (Value::Object(old), Value::Object(new)) = (&old, &new) else {
            rows.push(row(&field, &old, &new));
            continue;
        };
        let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
        names.sort();
        names.dedup();
        let value = |of: &serde_json::Map<String, Value>, name: &str| of.get(name).cloned().unwrap_or_default();
        let differing = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
        rows.extend(differing.map(|name| row(name, &value(old, name), &value(new, name))));
    }
    rows
}

fn row(view: RevisionView) -> RevisionRow {
    let saved = view.saved;
    RevisionRow {
        id: saved.revision.id.to_string(),
        number: view.number,
        chip: chip(view.standing),
        saved_at: saved.saved_at,
        saved_by: saved.saved_by,
        activated: saved.activated_at.zip(saved.activated_by),
        changes: view.before.map(|before| changes(&before, &saved.revision.settings)).unwrap_or_default(),
        may_restore: view.may_restore,
    }
}

/// `GET …/revisions`
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
    cursor: Query<Cursor>,
) -> Result<Html<RevisionsPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    let id = view.connection.id.clone();
    let page = app.list_revisions(&admin.ctx, id.clone(), cursor.window::<RevisionId>()?).await?;
    let may_write = admin.ctx.may(Permission::ConnectionsWrite);
    let mut rows: Vec<RevisionRow> = page.rows.into_iter().map(row).collect();
    rows.iter_mut().for_each(|row| row.may_restore &= may_write);
    Ok(Html(RevisionsPage {
        shell: shell(&request, Place::Security).await,
        head: present::head(&view),
        version: view.connection.version.to_string(),
        rows,
        next: page.next.map(|cursor| format!("/admin/security/sso/{id}/revisions?cursor={cursor}")),
    }))
}

/// `POST …/revisions/{revision}/restore`
pub async fn restore(app: Data<App>, path: Path<(String, String)>, form: AdminForm) -> Result<SeeOther, PageError> {
    let id = connection_id(&path.0)?;
    let revision = path.1.parse().map_err(|_| Error::NotFound("revision"))?;
    let restored = app.restore_revision(&form.admin.ctx, id.clone(), revision, form.data.version()).await;
    let back = format!("/admin/security/sso/{id}/revisions");
    match restored {
        Ok(view) if view.connection.draft.is_some() => {
            let next = present::wizard(&view, present::next_step(&view)).here();
            Ok(see_other(next)
                .notice("A draft has these settings. Sign-in goes on as it is until you turn the draft on."))
        }
        Ok(_) => Ok(see_other(back).notice("The draft is gone: its settings were the ones in use.")),
        Err(Error::Conflict { text, .. }) => Ok(see_other(back).notice(text)),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::connection::AttributeNames;

    #[test]
    fn a_difference_is_told_field_by_field_in_words() {
        let before = SamlSettings { sso_url: Some("https://a".to_owned()), ..SamlSettings::default() };
        let names = AttributeNames { job_title: Some("rank".to_owned()), ..AttributeNames::default() };
        let after = SamlSettings { sso_url: None, jit: false, attributes: names, ..SamlSettings::default() };
        let rows: Vec<_> = changes(&before, &after).into_iter().map(|row| (row.label, row.before, row.after)).collect();
        let text = |label: &str, before: &str, after: &str| (label.to_owned(), before.to_owned(), after.to_owned());
        assert_eq!(
            rows,
            [
                text("SSO URL", "https://a", ""),
                text("Attribute for the job title", "", "rank"),
                text("New people are created", "On", "Off"),
            ]
        );
        assert!(changes(&before, &before).is_empty());
    }

    #[test]
    fn every_setting_has_a_label() {
        let Ok(Value::Object(fields)) = serde_json::to_value(SamlSettings::default()) else { panic!("no object") };
        let unnamed: Vec<_> = fields
            .keys()
            .filter(|field| *field != "attributes" && field_label(field) == field.replace('_', " "))
            .collect();
        assert!(unnamed.is_empty(), "{unnamed:?}");
        assert!(AttributeNames::FIELDS.iter().all(|field| field_label(field).starts_with("Attribute")));
    }
}
