//! The audit log: what happened, narrowed by what the address says, and one event in full.

mod event;

use actix_web::HttpRequest;
use actix_web::web::Data;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::model::audit::Action;
use crate::model::audit::AuditEvent;
use crate::model::audit::AuditFilter;
use crate::model::audit::AuditView;
use crate::model::audit::Level;
use crate::model::audit::Target;
use crate::model::id::AuditEventId;
use crate::model::role::Permission;
use crate::model::time::Timestamp;
use crate::model::time::days;
use crate::web::error::PageError;
use crate::web::extract::Admin;
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
use crate::web::view::Chip;
use crate::web::view::Choice;
use crate::web::view::Tone;
use crate::web::view::day;

pub const LIST: &str = "/admin/audit";
const NEW_VIEW: &str = "/admin/audit/views/new";

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
    fn of(view: &AuditView, shown: &Filters) -> Self {
        let query = filters_of(&view.filter);
        Self { name: view.name.clone(), path: query.path(LIST, None), is_current: query.pairs().eq(shown.pairs()) }
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
    pub query: Filters,
    pub event: Vec<Choice>,
    pub result: Vec<Choice>,
    /// `2026-11-20`
    pub from: String,
    pub to: String,
    pub narrowed: Vec<Narrowed>,
    pub views: Vec<ViewLink>,
    /// Where this list is saved as a view; none where it is one.
    pub save: Option<String>,
    pub rows: Vec<EventRow>,
    pub next: Option<String>,
}

impl Page for AuditPage {
    fn samples() -> Vec<Self> {
        let row = EventRow::sample;
        let page = |rows, mut query: Filters, next: Option<&str>| {
            read(&mut query);
            Self {
                shell: Shell::sample(Place::Audit),
                event: event_choices(query.get("event")),
                result: result_choices(query.get("result")),
                from: query.typed_day("from"),
                to: query.typed_day("to"),
                narrowed: Vec::new(),
                views: ViewLink::samples(),
                save: query.is_filtered().then(|| query.path(NEW_VIEW, None)),
                query,
                rows,
                next: next.map(str::to_owned),
            }
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
        let wrong = Filters::with(&[("event", "member.deleted"), ("from", "2026-11-31"), ("result", "bogus")]);
        let actor = Filters::with(&[("actor", "mem_01k2v9q8xw3f6t0m4n7p5r1sza")]);
        let mut by_actor = page(rows.clone(), actor, Some("/admin/audit?cursor=evt_01k2v9q8xw3f6t0m4n7p5r1sza"));
        by_actor.narrowed =
            vec![Narrowed { text: "Who: ada@acme.example".to_owned(), without: "/admin/audit".to_owned() }];
        vec![page(rows, Filters::default(), None), by_actor, page(Vec::new(), wrong, None)]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<AuditPage>(all, "admin/audit/list");
    event::samples(all);
}

pub fn routes(r: &mut Routes) {
    r.get("/admin/audit", Needs::Console(Permission::AuditRead), list);
    r.get("/admin/audit/{id}", Needs::Console(Permission::AuditRead), event::show);
}

pub const FILTERS: &[&str] = &["q", "actor", "event", "target", "result", "level", "from", "to"];

/// A day or a time, and whether it is a day.
fn moment(text: &str) -> Option<(Timestamp, bool)> {
    day(text).map(|at| (at, true)).or_else(|| Timestamp::parse(text).map(|at| (at, false)))
}

/// As the address says it: a day where it is the first moment of one.
fn written(at: Timestamp) -> String {
    let text = at.rfc3339();
    text.strip_suffix("T00:00:00Z").map_or_else(|| text.clone(), str::to_owned)
}

/// The list that a view shows.
pub fn filters_of(filter: &AuditFilter) -> Filters {
    // The last day counts itself; a time does not.
    let to = filter.to.map(|to| {
        let is_day = written(to).len() == 10;
        if is_day { written(to - days(1)) } else { written(to) }
    });
    let from = filter.from.map(written);
    Filters::with(&[
        ("q", filter.text.as_deref().unwrap_or_default()),
        ("actor", filter.actor.as_deref().unwrap_or_default()),
        ("event", filter.action.as_deref().unwrap_or_default()),
        ("target", filter.target.as_deref().unwrap_or_default()),
        ("result", filter.result.as_deref().unwrap_or_default()),
        ("level", filter.level.as_deref().unwrap_or_default()),
        ("from", from.as_deref().unwrap_or_default()),
        ("to", to.as_deref().unwrap_or_default()),
    ])
}

/// The filter that the store knows; what is none is left out.
pub fn read(filters: &mut Filters) -> AuditFilter {
    let is_event = Action::parse(filters.get("event")).is_some();
    filters.require("event", is_event, "is no event. Choose one from the list.");
    let is_result = matches!(filters.get("result"), "ok" | "refused");
    filters.require("result", is_result, "is no result. Choose one from the list.");
    let is_level = Level::parse(filters.get("level")).is_some();
    filters.require("level", is_level, "is no level. There are info, warning and alarm.");
    let time = "is no date. Write it as 2026-11-20.";
    AuditFilter {
        text: filters.text("q"),
        actor: filters.text("actor"),
        action: filters.text("event"),
        target: filters.text("target"),
        result: filters.text("result"),
        level: filters.text("level"),
        from: filters.parse("from", moment, time).map(|(at, _)| at),
        // The day itself counts.
        to: filters.parse("to", moment, time).map(|(at, is_day)| if is_day { at + days(1) } else { at }),
    }
}

/// `Event: Member added`
pub fn words(filters: &Filters) -> Vec<String> {
    let shown = |(name, value): (&str, &str)| match name {
        "q" => format!("Text: {value}"),
        "actor" => format!("Who: {value}"),
        "event" => format!("Event: {}", Action::parse(value).map_or(value, |action| action.label())),
        "target" => format!("What: {value}"),
        "result" if value == "ok" => "Result: done".to_owned(),
        "result" => format!("Result: {value}"),
        "level" => format!("Level: {value}"),
        "from" => format!("From {value}"),
        _ => format!("To {value}"),
    };
    filters.pairs().map(shown).collect()
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
pub async fn list(request: HttpRequest, app: Data<App>, admin: Admin) -> Result<Html<AuditPage>, PageError> {
    let mut query = Filters::of_address(FILTERS, &request);
    let window = window::<AuditEventId>(&query.cursor)?;
    let filter = read(&mut query);
    let page = match app.list_audit_events(&admin.ctx, filter.clone(), window.clone()).await {
        // A text that fits half the log narrows nothing, and is told.
        Err(Error::Invalid(invalid)) => {
            invalid.errors.iter().for_each(|error| query.leave_out("q", &error.text));
            app.list_audit_events(&admin.ctx, AuditFilter { text: None, ..filter }, window).await?
        }
        page => page?,
    };
    let views: Vec<ViewLink> =
        app.list_audit_views(&admin.ctx).await?.iter().map(|view| ViewLink::of(view, &query)).collect();
    let is_new = query.is_filtered() && query.problems.is_empty() && !views.iter().any(|view| view.is_current);
    Ok(Html(AuditPage {
        shell: shell(&request, Place::Audit).await,
        save: is_new.then(|| query.path(NEW_VIEW, None)),
        views,
        event: event_choices(query.get("event")),
        result: result_choices(query.get("result")),
        narrowed: narrowed(&query, &page.rows),
        rows: page.rows.iter().map(row).collect(),
        next: page.next.map(|cursor| query.path(LIST, Some(&cursor))),
        from: shown_day(query.typed("from")),
        to: shown_day(query.typed("to")),
        query,
    }))
}

/// The filters that came from a link in a row, by the names that the rows have for them.
fn narrowed(query: &Filters, rows: &[AuditEvent]) -> Vec<Narrowed> {
    let name = |id: &str, of: fn(&AuditEvent) -> &Target| {
        let named = rows.iter().map(of).find(|known| known.id == id && !known.name.is_empty());
        named.map_or_else(|| id.to_owned(), |known| known.name.clone())
    };
    let one = |filter: &str| -> Option<Narrowed> {
        let value = Some(query.get(filter)).filter(|value| !value.is_empty())?;
        let text = match filter {
            "actor" => format!("Who: {}", name(value, |event| &event.actor)),
            "target" => format!("What: {}", name(value, |event| &event.target)),
            _ => format!("Level: {value}"),
        };
        Some(Narrowed { text, without: query.without(filter).path(LIST, None) })
    };
    ["actor", "level", "target"].into_iter().filter_map(one).collect()
}

/// For a date field: the day of a time too.
fn shown_day(text: &str) -> String {
    moment(text).map_or_else(String::new, |(at, _)| at.rfc3339()[..10].to_owned())
}
