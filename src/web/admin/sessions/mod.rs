//! Who is signed in now, narrowed by what the address says, and the ways to end it.

mod end;

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use actix_web::web::Query;
use askama::Template;
use serde::Deserialize;

use crate::app::App;
use crate::app::Error;
use crate::model::actor::Ctx;
use crate::model::id::ConnectionId;
use crate::model::id::MemberId;
use crate::model::id::SessionId;
use crate::model::invalid::Invalid;
use crate::model::member::Member;
use crate::model::page::Window;
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
use crate::web::form::FormData;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::routes::Needs;
use crate::web::routes::Routes;
use crate::web::shell::shell;
use crate::web::view::Choice;
use crate::web::view::date;
use crate::web::view::day;

#[derive(Debug, Clone)]
pub struct PersonRow {
    pub member: String,
    /// The name, or the address where there is none.
    pub name: String,
    pub email: String,
    pub session: SessionRow,
}

/// What the address narrows the list to.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    q: String,
    /// One person, by id: from a link.
    member: String,
    /// `password`, `saml` or the id of a connection.
    method: String,
    ip: String,
    from: String,
    before: String,
    cursor: String,
}

impl ListQuery {
    fn of_form(data: &FormData) -> Self {
        let get = |name: &str| data.get(name).to_owned();
        Self {
            q: get("q"),
            member: get("member"),
            method: get("method"),
            ip: get("ip"),
            from: get("from"),
            before: get("before"),
            cursor: String::new(),
        }
    }

    fn of_member(member: &str) -> Self {
        Self { member: member.to_owned(), ..Self::default() }
    }

    fn pairs(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("q", self.q.trim()),
            ("member", self.member.trim()),
            ("method", self.method.trim()),
            ("ip", self.ip.trim()),
            ("from", self.from.trim()),
            ("before", self.before.trim()),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    fn is_filtered(&self) -> bool {
        !self.pairs().is_empty()
    }

    /// `path` with these filters, and what else is said.
    fn path(&self, path: &str, more: Option<(&str, &str)>) -> String {
        let pairs = self.pairs().into_iter().chain(more);
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// The filter, and what of the query is none: it narrows nothing.
    fn filter(&self) -> (SessionFilter, Invalid) {
        let mut problems = Invalid::new();
        let brief = |text: &str| text.chars().filter(|c| !c.is_control()).take(40).collect::<String>();
        let mut filter = SessionFilter::default();
        for (name, value) in self.pairs() {
            let is_read = match name {
                "q" => {
                    let checked = Invalid::search("q", value);
                    filter.text = checked.is_ok().then(|| value.to_owned());
                    problems.errors.extend(checked.err().into_iter().flat_map(|wrong| wrong.errors));
                    true
                }
                "member" => {
                    filter.member = value.parse().ok();
                    filter.member.is_some()
                }
                "method" => {
                    (filter.method, filter.connection) = (MethodKind::parse(value), value.parse().ok());
                    filter.method.is_some() || filter.connection.is_some()
                }
                "ip" => {
                    filter.ip = SessionFilter::parse_ip(value);
                    filter.ip.is_some()
                }
                "from" => {
                    filter.from = day(value);
                    filter.from.is_some()
                }
                _ => {
                    filter.before = day(value);
                    filter.before.is_some()
                }
            };
            if !is_read {
                let (field, expected) = match name {
                    "member" => ("member", "names no member."),
                    "method" => ("method", "is no way to sign in. Choose one of the list."),
                    "ip" => ("ip", "is no IP address. Write the whole of it, such as 203.0.113.9 or 2001:db8::7."),
                    "from" => ("from", "is no date. Write it as 2026-11-20."),
                    _ => ("before", "is no date. Write it as 2026-11-20."),
                };
                problems.add(field, "no_filter", format!("{} {expected}", brief(value)));
            }
        }
        (filter, problems)
    }
}

/// `GET /admin/sessions?q=&member=&method=&ip=&from=&before=&cursor=`
#[derive(Template)]
#[template(path = "admin/sessions/list.html")]
pub struct SessionsPage {
    pub shell: Shell,
    pub query: ListQuery,
    pub method: Vec<Choice>,
    /// For the date fields; empty for what is no date.
    pub from: String,
    pub before: String,
    /// What of the query is left out, and why.
    pub problems: Invalid,
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
        let page = |rows, query: ListQuery, may_end| Self {
            shell: Shell::sample(Place::Sessions),
            method: method_choices(&query.method, &sample_names()),
            from: date(query.from.clone()),
            before: date(query.before.clone()),
            problems: query.filter().1,
            person: None,
            query,
            rows,
            next: None,
            may_end,
        };
        let mut full = page(rows.clone(), ListQuery::default(), false);
        full.next = Some("/admin/sessions?cursor=ses_01k2v9q8xw3f6t0m4n7p5r1szb".to_owned());
        let mut of_one = page(rows[..1].to_vec(), ListQuery::of_member(&rows[0].member), true);
        of_one.person = Some(("Ada Example".to_owned(), "/admin/sessions".to_owned()));
        let text = str::to_owned;
        let wrong = ListQuery {
            q: text("ada"),
            ip: text("203.0.113"),
            from: text("2026-13-01"),
            before: text("2026-11-20"),
            ..ListQuery::default()
        };
        vec![page(rows, ListQuery::default(), true), full, of_one, page(Vec::new(), wrong, true)]
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
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    query: Query<ListQuery>,
) -> Result<Html<SessionsPage>, PageError> {
    let (ctx, mut query) = (&admin.ctx, query.into_inner());
    let window = Window::parse(None, Some(query.cursor.as_str())).map_err(Error::from)?;
    let (filter, problems) = query.filter();
    // No page may hold a NUL.
    query.q.retain(|letter| !letter.is_control());
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
            let everybody = ListQuery { member: String::new(), ..query.clone() }.path("/admin/sessions", None);
            Some((name_of(&app, ctx, &page.rows, &id).await, everybody))
        }
        None => None,
    };
    Ok(Html(SessionsPage {
        shell: shell(&request, Place::Sessions).await,
        method: method_choices(&query.method, &names),
        from: date(query.from.clone()),
        before: date(query.before.clone()),
        problems,
        person,
        rows: page.rows.iter().map(row).collect(),
        next: page.next.map(|cursor| query.path("/admin/sessions", Some(("cursor", &cursor)))),
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
