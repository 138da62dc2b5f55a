//! Who is signed in now, narrowed by what the address says, and the ways to end it.

mod end;

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::model::actor::Ctx;
use crate::model::id::ConnectionId;
use crate::model::id::MemberId;
use crate::model::id::SessionId;
use crate::model::member::Member;
use crate::model::member::short_word;
use crate::model::role::Permission;
use crate::model::session::MethodKind;
use crate::model::session::Session;
use crate::model::session::SessionFilter;
use crate::web::account::SessionRow;
use crate::web::answer::SeeOther;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::extract::window;
use crate::web::filters::Filters;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::routes::Needs;
use crate::web::routes::Routes;
use crate::web::shell::shell;
use crate::web::view::Choice;

#[derive(Debug, Clone)]
pub struct PersonRow {
    pub member: String,
    /// The name, or the address where there is none.
    pub name: String,
    pub email: String,
    pub session: SessionRow,
}

/// `member` is one person, by id, from a link; `method` is `password`, `saml` or the id of a connection.
const FILTERS: &[&str] = &["q", "member", "method", "ip", "from", "before"];

fn of_member(member: &str) -> Filters {
    Filters::with(&[("member", member)])
}

/// What the list is narrowed to; what is none is left out.
fn read(filters: &mut Filters) -> SessionFilter {
    let kind = MethodKind::parse(filters.get("method"));
    let connection: Option<ConnectionId> = filters.get("method").parse().ok();
    filters.require("method", kind.is_some() || connection.is_some(), "is no way to sign in. Choose one of the list.");
    let ip = "is no IP address. Write the whole of it, such as 203.0.113.9 or 2001:db8::7.";
    SessionFilter {
        text: filters.text("q"),
        member: filters.parse("member", |text| text.parse().ok(), "names no member."),
        method: kind,
        connection,
        ip: filters.parse("ip", SessionFilter::parse_ip, ip),
        from: filters.day("from"),
        before: filters.day("before"),
    }
}

/// `GET /admin/sessions?q=&member=&method=&ip=&from=&before=&cursor=`
#[derive(Template)]
#[template(path = "admin/sessions/list.html")]
pub struct SessionsPage {
    pub shell: Shell,
    pub query: Filters,
    pub method: Vec<Choice>,
    /// For the date fields; empty for what is no date.
    pub from: String,
    pub before: String,
    /// A word so short that it is looked for where words begin.
    pub short: Option<String>,
    /// The one person of a link, and the same list of everybody.
    pub person: Option<(String, String)>,
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
        let page = |rows, mut query: Filters, may_end| Self {
            shell: Shell::sample(Place::Sessions),
            short: read(&mut query).text.as_deref().and_then(short_word).map(str::to_owned),
            method: method_choices(query.get("method"), &sample_names()),
            from: query.typed_day("from"),
            before: query.typed_day("before"),
            person: None,
            query,
            rows,
            next: None,
            may_end,
        };
        let mut full = page(rows.clone(), Filters::default(), false);
        full.next = Some("/admin/sessions?cursor=ses_01k2v9q8xw3f6t0m4n7p5r1szb".to_owned());
        let mut of_one = page(rows[..1].to_vec(), of_member(&rows[0].member), true);
        of_one.person = Some(("Ada Example".to_owned(), "/admin/sessions".to_owned()));
        let wrong =
            Filters::with(&[("q", "ad"), ("ip", "203.0.113"), ("from", "2026-13-01"), ("before", "2026-11-20")]);
        vec![page(rows, Filters::default(), true), full, of_one, page(Vec::new(), wrong, true)]
    }
}

fn sample_names() -> Vec<(ConnectionId, String)> {
    "con_01k2v9q8xw3f6t0m4n7p5r1sza".parse().map(|id| (id, "Okta".to_owned())).into_iter().collect()
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<SessionsPage>(all, "admin/sessions/list");
    end::samples(all);
}

pub fn routes(r: &mut Routes) {
    let ends = Needs::Console(Permission::SessionsEnd);
    r.get("/admin/sessions", Needs::Console(Permission::SessionsRead), list);
    r.get("/admin/sessions/end", ends, end::ask);
    r.post("/admin/sessions/end", ends, end::end);
    r.post("/admin/sessions/{id}/end", ends, end_one);
}

/// Names of the connections that people can have signed in through.
async fn connection_names(app: &App, ctx: &Ctx) -> Result<Vec<(ConnectionId, String)>, Error> {
    let connections = app.list_active_connections(&ctx.organization).await?;
    Ok(connections.into_iter().map(|connection| (connection.id, connection.name)).collect())
}

fn method_choices(chosen: &str, names: &[(ConnectionId, String)]) -> Vec<Choice> {
    let kinds = [("", "However signed in"), ("password", "Password"), ("saml", "Any SSO")];
    let kinds = kinds.into_iter().map(|(value, label)| Choice::new(value, label, value == chosen));
    let connections = names.iter().map(|(id, name)| Choice::new(id.as_str(), name, id.as_str() == chosen));
    kinds.chain(connections).collect()
}

/// What a person is called, as far as it can be found out.
async fn name_of(app: &App, ctx: &Ctx, rows: &[(Session, Member)], id: &MemberId) -> String {
    if let Some((_, member)) = rows.iter().find(|(_, member)| member.id == *id) {
        return member.label().to_owned();
    }
    app.find_member(ctx, id.clone()).await.map_or_else(|_| id.to_string(), |view| view.member.label().to_owned())
}

/// `GET /admin/sessions`
pub async fn list(request: HttpRequest, app: Data<App>, admin: Admin) -> Result<Html<SessionsPage>, PageError> {
    let (ctx, mut query) = (&admin.ctx, Filters::of_address(FILTERS, &request));
    let window = window::<SessionId>(&query.cursor)?;
    let filter = read(&mut query);
    let short = filter.text.as_deref().and_then(short_word).map(str::to_owned);
    let one = filter.member.clone();
    let page = app.list_who_is_in(ctx, filter, window).await?;
    let names = connection_names(&app, ctx).await?;
    let row = |(session, member): &(Session, Member)| PersonRow {
        member: member.id.to_string(),
        name: member.label().to_owned(),
        email: member.email.as_str().to_owned(),
        session: SessionRow::of(session, ctx.session.as_ref(), &names),
    };
    let person = match one {
        Some(id) => {
            let everybody = query.without("member").path("/admin/sessions", None);
            Some((name_of(&app, ctx, &page.rows, &id).await, everybody))
        }
        None => None,
    };
    Ok(Html(SessionsPage {
        shell: shell(&request, Place::Sessions).await,
        method: method_choices(query.get("method"), &names),
        from: query.typed_day("from"),
        before: query.typed_day("before"),
        short,
        person,
        rows: page.rows.iter().map(row).collect(),
        next: page.next.map(|cursor| query.path("/admin/sessions", Some(&cursor))),
        may_end: ctx.may(Permission::SessionsEnd),
        query,
    }))
}

/// `POST /admin/sessions/{id}/end`
pub async fn end_one(app: Data<App>, id: Path<String>, form: AdminForm) -> Result<SeeOther, PageError> {
    let id: SessionId = id.parse().map_err(|_| Error::NotFound("session"))?;
    app.end_session(&form.admin.ctx, id).await?;
    Ok(see_other("/admin/sessions").notice("The session is over."))
}
