//! Many sessions ended at once, after a page that says how many and whether one's own is among them.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::access::require;
use crate::app::end_sessions::Own;
use crate::model::actor::Ctx;
use crate::model::id::ConnectionId;
use crate::model::invalid::Invalid;
use crate::model::role::Permission;
use crate::model::session::COUNTED;
use crate::model::time::Timestamp;
use crate::web::admin::sessions::FILTERS;
use crate::web::admin::sessions::connection_names;
use crate::web::admin::sessions::of_member;
use crate::web::admin::sessions::read;
use crate::web::admin::sessions::sample_names;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::filters::Filters;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Kept;
use crate::web::view::count;

/// `GET, POST /admin/sessions/end`
#[derive(Template)]
#[template(path = "admin/sessions/end.html")]
pub struct EndPage {
    pub shell: Shell,
    /// Filters that are none: nothing can be ended by them.
    pub errors: Invalid,
    /// `Signed in by: Okta`; none where all sessions are meant.
    pub filters: Vec<String>,
    pub kept: Vec<Kept>,
    /// Without one's own.
    pub sessions: u64,
    pub people: u64,
    /// The one person whose they are.
    pub person: Option<String>,
    pub includes_own: bool,
    /// Sessions that begin after the question was asked go on.
    pub asked: String,
    pub back: String,
}

impl EndPage {
    fn heading(&self) -> String {
        let sessions = amount(self.sessions, "session", "sessions");
        match &self.person {
            _ if self.only_own() => "End your own session?".to_owned(),
            _ if self.sessions == 0 => "No session to end".to_owned(),
            Some(name) => format!("End {sessions} of {name}?"),
            None if self.filters.is_empty() => format!("End all {sessions}?"),
            None => format!("End {sessions}?"),
        }
    }

    fn whose(&self) -> String {
        match &self.person {
            Some(name) => name.clone(),
            None if self.sessions > COUNTED.into() => format!("{} or more", count(self.people, "person", "people")),
            None => count(self.people, "person", "people"),
        }
    }

    fn button(&self) -> String {
        format!("End {}", amount(self.sessions, "session", "sessions"))
    }

    /// Whoever goes on means their own: there is no other.
    fn only_own(&self) -> bool {
        self.includes_own && self.sessions == 0
    }

    fn may_go_on(&self) -> bool {
        self.errors.is_empty() && (self.sessions > 0 || self.includes_own)
    }
}

impl Page for EndPage {
    fn samples() -> Vec<Self> {
        let page = |mut query: Filters, sessions, includes_own| Self {
            shell: Shell::sample(Place::Sessions),
            errors: {
                read(&mut query);
                query.problems.clone()
            },
            filters: filters(&query, &sample_names()),
            kept: query.kept(),
            sessions,
            people: 12,
            person: None,
            includes_own,
            asked: "1795338000000".to_owned(),
            back: query.path("/admin/sessions", None),
        };
        let by_day = Filters::with(&[("before", "2026-11-19"), ("method", "con_01k2v9q8xw3f6t0m4n7p5r1sza")]);
        let wrong = Filters::with(&[("ip", "203.0.113")]);
        let mut of_one = page(of_member("mem_01k2v9q8xw3f6t0m4n7p5r1sza"), 1, false);
        of_one.person = Some("Grace Example".to_owned());
        vec![
            page(by_day.clone(), 37, true),
            page(Filters::default(), 1204, true),
            page(by_day.clone(), 0, true),
            page(by_day, 0, false),
            page(wrong, 0, false),
            of_one,
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<EndPage>(all, "admin/sessions/end");
}

fn amount(n: u64, one: &str, many: &str) -> String {
    if n > COUNTED.into() { format!("more than 2,000 {many}") } else { count(n, one, many) }
}

fn filters(query: &Filters, names: &[(ConnectionId, String)]) -> Vec<String> {
    let shown = |(name, value): (&str, &str)| match (name, value) {
        ("q", text) => Some(format!("Person: {text}")),
        ("method", "password") => Some("Signed in by: password".to_owned()),
        ("method", "saml") => Some("Signed in by: any SSO".to_owned()),
        ("method", id) => {
            let name = names.iter().find(|(known, _)| known.as_str() == id).map_or(id, |(_, name)| name);
            Some(format!("Signed in by: {name}"))
        }
        ("ip", ip) => Some(format!("IP address: {ip}")),
        ("from", day) => Some(format!("Signed in from {day}")),
        ("before", day) => Some(format!("Signed in before {day}")),
        // The heading names the person.
        _ => None,
    };
    query.pairs().filter_map(shown).collect()
}

async fn page(request: &HttpRequest, app: &App, ctx: &Ctx, mut query: Filters) -> Result<EndPage, PageError> {
    require(ctx, Permission::SessionsEnd)?;
    let filter = read(&mut query);
    let errors = query.problems.clone();
    let ending = if errors.is_empty() { Some(app.count_sessions(ctx, filter).await?) } else { None };
    let includes_own = ending.as_ref().is_some_and(|ending| ending.includes_own);
    let found = ending.as_ref().map(|ending| ending.found).unwrap_or_default();
    Ok(EndPage {
        shell: shell(request, Place::Sessions).await,
        errors,
        filters: filters(&query, &connection_names(app, ctx).await?),
        kept: query.kept(),
        sessions: found.sessions.into(),
        people: found.people.into(),
        person: ending.and_then(|ending| ending.member).map(|member| member.label().to_owned()),
        includes_own,
        asked: ctx.now.millis().to_string(),
        back: query.path("/admin/sessions", None),
    })
}

/// `GET /admin/sessions/end`
pub async fn ask(request: HttpRequest, app: Data<App>, admin: Admin) -> Result<Html<EndPage>, PageError> {
    let query = Filters::of_address(FILTERS, &request);
    Ok(Html(page(&request, &app, &admin.ctx, query).await?))
}

/// `POST /admin/sessions/end`
pub async fn end(request: HttpRequest, app: Data<App>, form: AdminForm) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let mut query = Filters::of_form(FILTERS, data);
    let mut filter = read(&mut query);
    let asked = data.get("asked").parse().ok().map(Timestamp::from_millis).filter(|asked| *asked <= ctx.now);
    // Without the question nothing is answered: whoever did not see how many is shown it first.
    let Some(asked) = asked.filter(|_| query.problems.is_empty()) else {
        let page = page(&request, &app, ctx, Filters::of_form(FILTERS, data)).await?;
        return Ok(Html(page).status(StatusCode::UNPROCESSABLE_ENTITY));
    };
    filter.before = Some(filter.before.map_or(asked, |before| before.min(asked)));
    let own = if data.has("own") { Own::EndsToo } else { Own::Stays };
    let ended = app.end_sessions(ctx, filter, own).await?;
    let text = match ended {
        0 => "Nothing ended: no session fits any more, save perhaps your own.".to_owned(),
        n => format!("{} over.", count(n as u64, "session is", "sessions are")),
    };
    let is_out = own == Own::EndsToo
        && match &ctx.session {
            Some(own) => matches!(app.find_session(ctx, own.clone()).await, Err(Error::NotFound(_))),
            None => false,
        };
    let path = if is_out { "/sign-in" } else { "/admin/sessions" };
    Ok(see_other(path).notice(text).respond_to(&request))
}
