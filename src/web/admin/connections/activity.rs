//! What was done to a connection: its part of the audit log.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use actix_web::web::Query;
use askama::Template;

use crate::app::App;
use crate::model::audit::AuditFilter;
use crate::model::id::AuditEventId;
use crate::web::admin::audit::EventRow;
use crate::web::admin::audit::row;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::present;
use crate::web::admin::connections::show::Head;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::Cursor;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Chip;
use crate::web::view::Tone;

/// `GET /admin/security/sso/{con}/activity?cursor=`
#[derive(Template)]
#[template(path = "admin/connections/activity.html")]
pub struct ActivityPage {
    pub shell: Shell,
    pub head: Head,
    pub rows: Vec<EventRow>,
    pub next: Option<String>,
}

impl Page for ActivityPage {
    fn samples() -> Vec<Self> {
        let row = EventRow::sample;
        let page = |rows, next: Option<&str>| Self {
            shell: Shell::sample(Place::Security),
            head: Head::sample(),
            rows,
            next: next.map(str::to_owned),
        };
        let rows = vec![
            row("Connection changed", "connection.updated", None),
            row("Sign-in refused", "sign_in.refused", Some(Chip::new(Tone::Bad, "saml_audience"))),
        ];
        vec![page(rows, Some("/admin/security/sso/con_x/activity?cursor=evt_x")), page(Vec::new(), None)]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<ActivityPage>(all, "admin/connections/activity");
}

/// `GET …/activity`
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
    cursor: Query<Cursor>,
) -> Result<Html<ActivityPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    let id = view.connection.id.to_string();
    let filter = AuditFilter { target: Some(id.clone()), ..AuditFilter::default() };
    let page = app.list_audit_events(&admin.ctx, filter, cursor.window::<AuditEventId>()?).await?;
    Ok(Html(ActivityPage {
        shell: shell(&request, Place::Security).await,
        head: present::head(&view),
        rows: page.rows.iter().map(row).collect(),
        next: page.next.map(|cursor| format!("/admin/security/sso/{id}/activity?cursor={cursor}")),
    }))
}
