//! One event in full: who, what, and what it changed, in words.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;
use serde_json::Value;

use crate::app::App;
use crate::app::Error;
use crate::model::audit::Action;
use crate::model::audit::AuditEvent;
use crate::model::id::AuditEventId;
use crate::model::role::AnyRole;
use crate::web::admin::audit::AuditPage;
use crate::web::admin::audit::EventRow;
use crate::web::admin::audit::row;
use crate::web::admin::connections::revisions::field_label;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;

/// One field that an event changed.
#[derive(Debug, Clone)]
pub struct Changed {
    /// `certificate`
    pub field: String,
    /// `Certificate`
    pub label: String,
    pub before: String,
    pub after: String,
}

/// `GET /admin/audit/{id}`
#[derive(Template)]
#[template(path = "admin/audit/show.html")]
pub struct EventPage {
    pub shell: Shell,
    pub row: EventRow,
    pub level: &'static str,
    pub code: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub request_id: Option<String>,
    pub reference: Option<String>,
    /// Where the trace of a refused sign-in is.
    pub trace: Option<String>,
    pub changes: Vec<Changed>,
}

impl Page for EventPage {
    fn samples() -> Vec<Self> {
        let mut rows = AuditPage::samples().swap_remove(0).rows;
        let page = |row: EventRow, changes, code: Option<&str>| Self {
            shell: Shell::sample(Place::Audit),
            row,
            level: "info",
            code: code.map(str::to_owned),
            ip: Some("203.0.113.9".to_owned()),
            user_agent: Some("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36".to_owned()),
            request_id: Some("0198c0ffee0198c0ffee0198c0ffee01".to_owned()),
            reference: code.map(|_| "DW-8K3F0".to_owned()),
            trace: code.map(|_| "/admin/security/sso/con_01k2v9q8xw3f6t0m4n7p5r1sza/sign-ins/DW-8K3F0".to_owned()),
            changes,
        };
        let changed = |field: &str, before: &str, after: &str| Changed {
            field: field.to_owned(),
            label: label("connection.updated", field),
            before: before.to_owned(),
            after: after.to_owned(),
        };
        let moved = changed(
            "sso_url",
            "https://old.acme.example/sso",
            "https://acme.okta.com/app/exk1f9q2v8RzT7cYk5d7/sso/saml",
        );
        let made = changed("role", "", "Admin");
        let refused = rows.swap_remove(1);
        vec![page(rows.swap_remove(0), vec![moved, made], None), page(refused, Vec::new(), Some("saml_audience"))]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<EventPage>(all, "admin/audit/show");
}

/// What a field of a change is called. Those of a connection's settings have the words of the pages where they are set.
fn label(action: &str, field: &str) -> String {
    let known = match field {
        // Whoever gave it has the same name as a date elsewhere.
        "from" if action == Action::MemberRolesChanged.as_str() => "Given by",
        "through" => "By what was sent",
        "left_by" => "Given before by the directory of",
        "mappings" => "Role mappings",
        "members" => "Members whose roles change",
        "kept" => "Role that was kept",
        "not_trusted" => "Not trusted",
        "revision" => "Revision in use",
        "without_test" => "Without a test",
        "mode" => "Sign-in mode",
        other => {
            let words = field_label(other);
            let mut letters = words.chars();
            return letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
        }
    };
    known.to_owned()
}

/// A value of a change, as people read it; roles by their names.
fn shown(field: &str, value: Option<&Value>, roles: &[AnyRole]) -> String {
    let text = |text: &str| match field {
        "role" | "roles" | "kept" | "default_role" => {
            let role = roles.iter().find(|role| role.slug() == text);
            role.map_or_else(|| text.to_owned(), |role| role.name().to_owned())
        }
        _ => text.to_owned(),
    };
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::Bool(is)) => (if *is { "Yes" } else { "No" }).to_owned(),
        Some(Value::String(one)) => text(one),
        Some(Value::Array(all)) if all.iter().all(Value::is_string) => {
            let separator = if field == "mappings" { "; " } else { ", " };
            all.iter().filter_map(Value::as_str).map(text).collect::<Vec<_>>().join(separator)
        }
        Some(other) => other.to_string(),
    }
}

/// What an event changed, field by field. A change of roles says from where they came also where nobody sent them.
fn changes(event: &AuditEvent, roles: &[AnyRole]) -> Vec<Changed> {
    let row = |field: &str, before: String, after: String| Changed {
        field: field.to_owned(),
        label: label(&event.action, field),
        before,
        after,
    };
    let mut all: Vec<Changed> = event
        .changes
        .iter()
        .map(|(field, change)| row(field, shown(field, change.get(0), roles), shown(field, change.get(1), roles)))
        .collect();
    if event.action == Action::MemberRolesChanged.as_str() && !event.changes.contains_key("from") {
        all.push(row("from", String::new(), "Hand, not by a connection".to_owned()));
    }
    all
}

/// `GET /admin/audit/{id}`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<EventPage>, PageError> {
    let id: AuditEventId = id.parse().map_err(|_| Error::NotFound("event"))?;
    let event = app.find_audit_event(&admin.ctx, id).await?;
    let trace = event.reference.as_ref().filter(|_| event.target.kind == "connection");
    let changes = changes(&event, &app.role_choices(&admin.ctx).await?);
    Ok(Html(EventPage {
        shell: shell(&request, Place::Audit).await,
        level: event.level.as_str(),
        trace: trace.map(|reference| format!("/admin/security/sso/{}/sign-ins/{reference}", event.target.id)),
        changes,
        row: row(&event),
        code: event.code,
        ip: event.ip,
        user_agent: event.user_agent,
        request_id: event.request_id,
        reference: event.reference,
    }))
}
