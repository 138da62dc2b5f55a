//! Who is signed in now, and the way to end it.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use actix_web::web::Query;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::model::id::SessionId;
use crate::model::role::Permission;
use crate::web::account::SessionRow;
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
use crate::web::routes::Needs;
use crate::web::routes::Routes;
use crate::web::shell::shell;

#[derive(Debug, Clone)]
pub struct PersonRow {
    pub member: String,
    /// The name, or the address where there is none.
    pub name: String,
    pub email: String,
    pub session: SessionRow,
}

/// `GET /admin/sessions?cursor=`
#[derive(Template)]
#[template(path = "admin/sessions.html")]
pub struct SessionsPage {
    pub shell: Shell,
    pub rows: Vec<PersonRow>,
    pub next: Option<String>,
    pub may_end: bool,
}

impl Page for SessionsPage {
    fn samples() -> Vec<Self> {
        let row = |session: SessionRow, name: &str| PersonRow {
            member: "mem_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            name: name.to_owned(),
            email: "ada@acme.example".to_owned(),
            session,
        };
        let names = ["Ada Example", "ada@acme.example"];
        let rows: Vec<_> =
            SessionRow::samples().into_iter().zip(names).map(|(session, name)| row(session, name)).collect();
        let page = |rows, next: Option<&str>, may_end| Self {
            shell: Shell::sample(Place::Sessions),
            rows,
            next: next.map(str::to_owned),
            may_end,
        };
        let next = "/admin/sessions?cursor=ses_01k2v9q8xw3f6t0m4n7p5r1szb";
        vec![page(rows.clone(), None, true), page(rows, Some(next), false)]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<SessionsPage>(all, "admin/sessions");
}

pub fn routes(r: &mut Routes) {
    r.get("/admin/sessions", Needs::Console(Permission::SessionsRead), list);
    r.post("/admin/sessions/{id}/end", Needs::Console(Permission::SessionsEnd), end);
}

/// `GET /admin/sessions?cursor=`
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    cursor: Query<Cursor>,
) -> Result<Html<SessionsPage>, PageError> {
    let page = app.list_who_is_in(&admin.ctx, cursor.window()?).await?;
    let connections = app.list_active_connections(&admin.ctx.organization).await?;
    let names: Vec<_> = connections.into_iter().map(|connection| (connection.id, connection.name)).collect();
    let row = |(session, member): &(crate::model::session::Session, crate::model::member::Member)| PersonRow {
        member: member.id.to_string(),
        name: member.label().to_owned(),
        email: member.email.as_str().to_owned(),
        session: SessionRow::of(session, admin.ctx.session.as_ref(), &names),
    };
    Ok(Html(SessionsPage {
        shell: shell(&request, Place::Sessions).await,
        rows: page.rows.iter().map(row).collect(),
        next: page.next.map(|cursor| format!("/admin/sessions?cursor={cursor}")),
        may_end: admin.ctx.may(Permission::SessionsEnd),
    }))
}

/// `POST /admin/sessions/{id}/end`
pub async fn end(app: Data<App>, id: Path<String>, form: AdminForm) -> Result<SeeOther, PageError> {
    let id: SessionId = id.parse().map_err(|_| Error::NotFound("session"))?;
    app.end_session(&form.admin.ctx, id).await?;
    Ok(see_other("/admin/sessions").notice("The session is over."))
}
