//! The audit log: what happened, narrowed by what the address says, and one event in full.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use actix_web::web::Query;
use askama::Template;
use serde::Deserialize;

use crate::app::App;
use crate::app::Error;
use crate::model::audit::Action;
use crate::model::audit::AuditEvent;
use crate::model::audit::AuditFilter;
use crate::model::audit::AuditView;
use crate::model::audit::Level;
use crate::model::id::AuditEventId;
use crate::model::page::Window;
use crate::model::role::Permission;
use crate::model::time::Timestamp;
use crate::model::time::days;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::form::FormData;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::routes::Needs;
use crate::web::routes::Routes;
use crate::web::shell::shell;
use crate::web::view::Chip;
use crate::web::view::Choice;
use crate::web::view::Tone;
use crate::web::view::date;
use crate::web::view::day;

#[derive(Debug, Clone)]
pub struct EventRow {
    pub id: String,
    /// `Certificate added`
    pub title: String,
    /// `connection.certificate_added`
    pub action: String,
    pub chip: Option<Chip>,
    pub actor: String,
    pub actor_id: String,
    pub target: String,
    pub target_id: String,
    pub at: Timestamp,
}

impl EventRow {
    pub fn sample(title: &str, action: &str, chip: Option<Chip>) -> Self {
        Self {
            id: "evt_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            title: title.to_owned(),
            action: action.to_owned(),
            chip,
            actor: "ada@acme.example".to_owned(),
            actor_id: "mem_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            target: "Okta".to_owned(),
            target_id: "con_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            at: Timestamp::from_secs(1_795_338_000),
        }
    }
}

/// What the list is narrowed to besides what the form shows: it came from a link in a row.
#[derive(Debug, Clone)]
pub struct Narrowed {
    /// `Who: ada@example.com`
    pub text: String,
    /// The same list without it.
    pub without: String,
}

/// A view above the list.
#[derive(Debug, Clone)]
pub struct ViewLink {
    pub name: String,
    pub path: String,
    /// It is what the list shows.
    pub is_current: bool,
}

impl ViewLink {
    fn of(view: &AuditView, shown: &ListQuery) -> Self {
        let query = ListQuery::of(&view.filter);
        Self { name: view.name.clone(), path: query.path(), is_current: query.pairs() == shown.pairs() }
    }

    fn samples() -> Vec<Self> {
        let link = |name: &str, query: &str, is_current| Self {
            name: name.to_owned(),
            path: format!("/admin/audit?{query}"),
            is_current,
        };
        vec![link("Refused sign-ins", "event=sign_in.refused", false), link("What Ada did", "actor=mem_1", true)]
    }
}

/// `GET /admin/audit?q=&actor=&event=&target=&result=&level=&from=&to=&cursor=`
#[derive(Template)]
#[template(path = "admin/audit/list.html")]
pub struct AuditPage {
    pub shell: Shell,
    pub q: String,
    pub event: Vec<Choice>,
    pub result: Vec<Choice>,
    /// `2026-11-20`
    pub from: String,
    pub to: String,
    /// What of it is no date.
    pub problem: Option<String>,
    pub narrowed: Vec<Narrowed>,
    /// The ids behind `narrowed`, so that the form keeps them.
    pub actor: String,
    pub target: String,
    pub level: String,
    pub is_filtered: bool,
    pub views: Vec<ViewLink>,
    /// Where this list is saved as a view; none where it is one.
    pub save: Option<String>,
    pub rows: Vec<EventRow>,
    pub next: Option<String>,
}

impl Page for AuditPage {
    fn samples() -> Vec<Self> {
        let row = EventRow::sample;
        let query = ListQuery::default();
        let page = |rows, query: &ListQuery, problem: Option<&str>, next: Option<&str>| Self {
            shell: Shell::sample(Place::Audit),
            q: query.q.clone(),
            event: event_choices(&query.event),
            result: result_choices(&query.result),
            from: date(query.from.clone()),
            to: date(query.to.clone()),
            problem: problem.map(str::to_owned),
            narrowed: Vec::new(),
            actor: query.actor.clone(),
            target: query.target.clone(),
            level: query.level.clone(),
            is_filtered: query.is_filtered(),
            views: ViewLink::samples(),
            save: query.is_filtered().then(|| query.path_of("/admin/audit/views/new", None)),
            rows,
            next: next.map(str::to_owned),
        };
        let rows = vec![
            row("Certificate added", "connection.certificate_added", None),
            row("Sign-in refused", "sign_in.refused", Some(Chip::new(Tone::Bad, "saml_audience"))),
            row(
                "Expired certificate still used",
                "connection.certificate_expired_used",
                Some(Chip::new(Tone::Warn, "alarm")),
            ),
        ];
        let filtered = ListQuery { event: "member.deleted".to_owned(), from: "2026-11-31".to_owned(), ..query.clone() };
        let mut by_actor = page(rows.clone(), &query, None, Some("/admin/audit?cursor=evt_01k2v9q8xw3f6t0m4n7p5r1sza"));
        by_actor.narrowed =
            vec![Narrowed { text: "Who: ada@acme.example".to_owned(), without: "/admin/audit".to_owned() }];
        by_actor.actor = "mem_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned();
        vec![
            page(rows, &query, None, None),
            by_actor,
            page(Vec::new(), &filtered, Some("2026-11-31 is no date. Write it as 2026-11-20."), None),
        ]
    }
}

/// One field that an event changed.
#[derive(Debug, Clone)]
pub struct Changed {
    pub field: String,
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
        let changed = Changed {
            field: "sso_url".to_owned(),
            before: "https://old.acme.example/sso".to_owned(),
            after: "https://acme.okta.com/app/exk1f9q2v8RzT7cYk5d7/sso/saml".to_owned(),
        };
        let made = Changed { field: "role".to_owned(), before: String::new(), after: "admin".to_owned() };
        let refused = rows.swap_remove(1);
        vec![page(rows.swap_remove(0), vec![changed, made], None), page(refused, Vec::new(), Some("saml_audience"))]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<AuditPage>(all, "admin/audit/list");
    add::<EventPage>(all, "admin/audit/show");
}

pub fn routes(r: &mut Routes) {
    r.get("/admin/audit", Needs::Console(Permission::AuditRead), list);
    r.get("/admin/audit/{id}", Needs::Console(Permission::AuditRead), show);
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    q: String,
    actor: String,
    event: String,
    target: String,
    result: String,
    level: String,
    /// A day; a time where a view of the API has one.
    from: String,
    to: String,
    cursor: String,
}

/// A day or a time, and whether it is a day.
fn moment(text: &str) -> Option<(Timestamp, bool)> {
    day(text).map(|at| (at, true)).or_else(|| Timestamp::parse(text).map(|at| (at, false)))
}

/// As the address says it: a day where it is the first moment of one.
fn written(at: Timestamp) -> String {
    let text = at.rfc3339();
    text.strip_suffix("T00:00:00Z").map_or_else(|| text.clone(), str::to_owned)
}

impl ListQuery {
    pub fn of_form(data: &FormData) -> Self {
        let get = |name: &str| data.get(name).to_owned();
        Self {
            q: get("q"),
            actor: get("actor"),
            event: get("event"),
            target: get("target"),
            result: get("result"),
            level: get("level"),
            from: get("from"),
            to: get("to"),
            cursor: String::new(),
        }
    }

    /// The list that a view shows.
    pub fn of(filter: &AuditFilter) -> Self {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        // The last day counts itself; a time does not.
        let to = filter.to.map(|to| {
            let is_day = written(to).len() == 10;
            if is_day { written(to - days(1)) } else { written(to) }
        });
        Self {
            q: text(&filter.text),
            actor: text(&filter.actor),
            event: text(&filter.action),
            target: text(&filter.target),
            result: text(&filter.result),
            level: text(&filter.level),
            from: filter.from.map(written).unwrap_or_default(),
            to: to.unwrap_or_default(),
            cursor: String::new(),
        }
    }

    pub fn pairs(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("q", self.q.trim()),
            ("actor", &self.actor),
            ("event", &self.event),
            ("target", &self.target),
            ("result", &self.result),
            ("level", &self.level),
            ("from", self.from.trim()),
            ("to", self.to.trim()),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    pub fn is_filtered(&self) -> bool {
        !self.pairs().is_empty()
    }

    /// `path` with these filters, and where in the list.
    pub fn path_of(&self, path: &str, cursor: Option<&str>) -> String {
        let pairs = self.pairs().into_iter().chain(cursor.map(|cursor| ("cursor", cursor)));
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// The address of this list, from its start.
    pub fn path(&self) -> String {
        self.path_of("/admin/audit", None)
    }

    /// `Event: Member added`
    pub fn words(&self) -> Vec<String> {
        let shown = |(name, value): (&str, &str)| match name {
            "q" => format!("Text: {value}"),
            "actor" => format!("Who: {value}"),
            "event" => match Action::parse(value) {
                Some(action) => format!("Event: {}", action.label()),
                None => format!("Event: {value}"),
            },
            "target" => format!("What: {value}"),
            "result" if value == "ok" => "Result: done".to_owned(),
            "result" => format!("Result: {value}"),
            "level" => format!("Level: {value}"),
            "from" => format!("From {value}"),
            _ => format!("To {value}"),
        };
        self.pairs().into_iter().map(shown).collect()
    }

    /// The filter that the store knows, and what of the query is none.
    pub fn filter(&self) -> (AuditFilter, Option<String>) {
        let given = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let (from, to) = (moment(&self.from), moment(&self.to));
        let wrong = [(&self.from, &from), (&self.to, &to)];
        let wrong = wrong.into_iter().find(|(text, read)| !text.is_empty() && read.is_none());
        let problem = wrong.map(|(text, _)| {
            let text: String = text.chars().filter(|letter| !letter.is_control()).take(40).collect();
            format!("{text} is no date. Write it as 2026-11-20.")
        });
        let filter = AuditFilter {
            text: given(&self.q),
            actor: given(&self.actor),
            action: given(&self.event),
            target: given(&self.target),
            result: given(&self.result),
            level: given(&self.level),
            from: from.map(|(at, _)| at),
            // The day itself counts.
            to: to.map(|(at, is_day)| if is_day { at + days(1) } else { at }),
        };
        (filter, problem)
    }
}

fn event_choices(chosen: &str) -> Vec<Choice> {
    let mut all: Vec<_> = Action::ALL.iter().map(|action| (action.as_str(), action.label())).collect();
    all.sort_by_key(|(_, label)| *label);
    let any = Choice::new("", "All events", chosen.is_empty());
    std::iter::once(any)
        .chain(all.into_iter().map(|(value, label)| Choice::new(value, label, value == chosen)))
        .collect()
}

fn result_choices(chosen: &str) -> Vec<Choice> {
    [("", "All results"), ("ok", "Done"), ("refused", "Refused")]
        .into_iter()
        .map(|(value, label)| Choice::new(value, label, value == chosen))
        .collect()
}

pub fn row(event: &AuditEvent) -> EventRow {
    let chip = match (&event.code, event.level) {
        (Some(code), _) => Some(Chip::new(Tone::Bad, code)),
        (None, Level::Alarm) => Some(Chip::new(Tone::Bad, "alarm")),
        (None, Level::Warning) => Some(Chip::new(Tone::Warn, "warning")),
        (None, Level::Info) => None,
    };
    EventRow {
        id: event.id.to_string(),
        title: event.label().to_owned(),
        action: event.action.clone(),
        chip,
        actor: event.actor.name.clone(),
        actor_id: event.actor.id.clone(),
        target: event.target.name.clone(),
        // A session is named after its person, but has no history that anybody would look for.
        target_id: Some(&event.target.id).filter(|_| event.target.kind != "session").cloned().unwrap_or_default(),
        at: event.at,
    }
}

/// `GET /admin/audit`
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    query: Query<ListQuery>,
) -> Result<Html<AuditPage>, PageError> {
    let mut query = query.into_inner();
    let cursor = Some(query.cursor.as_str()).filter(|cursor| !cursor.is_empty());
    let window = Window::parse(None, cursor).map_err(Error::from)?;
    let (filter, mut problem) = query.filter();
    let page = match app.list_audit_events(&admin.ctx, filter.clone(), window.clone()).await {
        // A text that means nothing narrows nothing, and is told.
        Err(Error::Invalid(invalid)) => {
            problem = invalid.errors.first().map(|error| error.text.clone());
            query.q = query.q.chars().filter(|letter| !letter.is_control()).take(200).collect();
            app.list_audit_events(&admin.ctx, AuditFilter { text: None, ..filter }, window).await?
        }
        page => page?,
    };
    let name = |id: &str, of: fn(&AuditEvent) -> (&str, &str)| {
        let named = page.rows.iter().map(of).find(|(known, name)| *known == id && !name.is_empty());
        named.map_or_else(|| id.to_owned(), |(_, name)| name.to_owned())
    };
    let from_start = ListQuery { cursor: String::new(), ..query.clone() };
    let mut narrowed = Vec::new();
    if !query.actor.is_empty() {
        let text = format!("Who: {}", name(&query.actor, |event| (&event.actor.id, &event.actor.name)));
        narrowed.push(Narrowed { text, without: ListQuery { actor: String::new(), ..from_start.clone() }.path() });
    }
    if !query.level.is_empty() {
        let text = format!("Level: {}", query.level);
        narrowed.push(Narrowed { text, without: ListQuery { level: String::new(), ..from_start.clone() }.path() });
    }
    if !query.target.is_empty() {
        let text = format!("What: {}", name(&query.target, |event| (&event.target.id, &event.target.name)));
        narrowed.push(Narrowed { text, without: ListQuery { target: String::new(), ..from_start.clone() }.path() });
    }
    let views: Vec<ViewLink> =
        app.list_audit_views(&admin.ctx).await?.iter().map(|view| ViewLink::of(view, &query)).collect();
    let is_new = query.is_filtered() && problem.is_none() && !views.iter().any(|view| view.is_current);
    Ok(Html(AuditPage {
        shell: shell(&request, Place::Audit).await,
        save: is_new.then(|| query.path_of("/admin/audit/views/new", None)),
        views,
        level: query.level.clone(),
        event: event_choices(&query.event),
        result: result_choices(&query.result),
        problem,
        narrowed,
        is_filtered: query.is_filtered(),
        rows: page.rows.iter().map(row).collect(),
        next: page.next.map(|cursor| query.path_of("/admin/audit", Some(&cursor))),
        from: shown_day(&query.from),
        to: shown_day(&query.to),
        q: query.q,
        actor: query.actor,
        target: query.target,
    }))
}

/// For a date field: the day of a time too.
fn shown_day(text: &str) -> String {
    moment(text).map_or_else(String::new, |(at, _)| at.rfc3339()[..10].to_owned())
}

/// A value of a change, as people read it.
fn shown(value: Option<&serde_json::Value>) -> String {
    match value {
        None | Some(serde_json::Value::Null) => String::new(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
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
    let changes = event.changes.iter().map(|(field, change)| Changed {
        field: field.clone(),
        before: shown(change.get(0)),
        after: shown(change.get(1)),
    });
    Ok(Html(EventPage {
        shell: shell(&request, Place::Audit).await,
        level: event.level.as_str(),
        trace: trace.map(|reference| format!("/admin/security/sso/{}/sign-ins/{reference}", event.target.id)),
        changes: changes.collect(),
        row: row(&event),
        code: event.code,
        ip: event.ip,
        user_agent: event.user_agent,
        request_id: event.request_id,
        reference: event.reference,
    }))
}
