//! A directory's own page: how it does, its tokens, its address, its settings.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::directories::DirectoryView;
use crate::app::directory_pages::Standing;
use crate::app::scim::BadToken;
use crate::model::directory::DirectoryStatus;
use crate::model::directory::DirectoryToken;
use crate::model::role::Permission;
use crate::model::time::Timestamp;
use crate::web::admin::directories::connect::GiveRow;
use crate::web::admin::directories::connect::give;
use crate::web::admin::directories::handle::load;
use crate::web::admin::directories::present;
use crate::web::admin::directories::present::Head;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Action;
use crate::web::view::Alert;
use crate::web::view::Chip;
use crate::web::view::Tone;
use crate::web::view::count;

#[derive(Debug, Clone)]
pub struct TokenRow {
    pub id: String,
    pub prefix: String,
    pub made: Timestamp,
    pub by: String,
    pub used: Option<Timestamp>,
    pub ends: Option<Timestamp>,
    pub chip: Chip,
}

/// `GET /admin/security/directories/{dir}`
#[derive(Template)]
#[template(path = "admin/directories/show.html")]
pub struct DirectoryPage {
    pub shell: Shell,
    pub head: Head,
    pub alerts: Vec<Alert>,
    pub users: u32,
    pub groups: u32,
    pub last_request: Option<Timestamp>,
    pub enabled_at: Option<Timestamp>,
    /// Until when what was held may pass.
    pub let_pass_until: Option<Timestamp>,
    pub tokens: Vec<TokenRow>,
    pub give: Vec<GiveRow>,
    /// The name of the connection of the same people.
    pub connection: Option<String>,
    pub default_role: &'static str,
    pub lock: &'static str,
    pub guard_share: u32,
    pub cadence: Option<&'static str>,
    pub may_write: bool,
}

impl Page for DirectoryPage {
    fn samples() -> Vec<Self> {
        let at = Timestamp::from_secs(1_795_338_002);
        let token = |prefix: &str, used, ends, chip| TokenRow {
            id: "tok_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            prefix: prefix.to_owned(),
            made: at,
            by: "ada@acme.example".to_owned(),
            used,
            ends,
            chip,
        };
        let okta = present::sample_connector("okta-scim");
        let page = |head: Head, alerts| Self {
            shell: Shell::sample(Place::Security),
            head,
            alerts,
            users: 142,
            groups: 6,
            last_request: Some(at),
            enabled_at: Some(at),
            let_pass_until: None,
            tokens: vec![
                token("dwscim_7f3Q", Some(at), Some(at), Chip::new(Tone::Warn, "Ends soon")),
                token("dwscim_9kLm", None, None, Chip::new(Tone::Ok, "Works")),
            ],
            give: give(okta, "https://auth.acme.example/scim/v2/dir_01k2v9q8xw3f6t0m4n7p5r1sza"),
            connection: Some("Okta".to_owned()),
            default_role: "Member",
            lock: "People are managed only in the directory",
            guard_share: 20,
            cadence: okta.cadence.as_deref(),
            may_write: true,
        };
        let head = |status, is_held| Head { status, is_held, ..Head::sample() };
        let path = Head::sample().path();
        let mut pending = page(head(DirectoryStatus::Pending, false), vec![]);
        (pending.tokens, pending.last_request, pending.enabled_at) = (Vec::new(), None, None);
        (pending.users, pending.groups, pending.connection) = (0, 0, None);
        let mut reader = page(Head::sample(), Vec::new());
        reader.may_write = false;
        let mut passing = page(Head::sample(), Vec::new());
        passing.let_pass_until = Some(at);
        let full = Standing {
            problems: vec![("scim_email".to_owned(), 3), ("seats_full".to_owned(), 2)],
            full: Some((20, 20)),
            running: Some(120),
        };
        vec![
            page(Head::sample(), Vec::new()),
            page(head(DirectoryStatus::Enabled, true), vec![held(&path, at, 10)]),
            page(Head::sample(), standing_alerts(&Head::sample(), &full)),
            page(Head::sample(), vec![bad_token_alert(&Head::sample(), (at, BadToken::Unknown))]),
            pending,
            page(head(DirectoryStatus::Disabled, false), Vec::new()),
            reader,
            passing,
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<DirectoryPage>(all, "admin/directories/show");
}

pub fn token_row(token: &DirectoryToken, now: Timestamp) -> TokenRow {
    let chip = match token.ends_at().map(|end| (end, present::days_until(end, now))) {
        Some((end, _)) if end <= now => Chip::new(Tone::Bad, "Ended"),
        Some((_, ..=14)) => Chip::new(Tone::Warn, "Ends soon"),
        _ => Chip::new(Tone::Ok, "Works"),
    };
    TokenRow {
        id: token.id.to_string(),
        prefix: token.prefix.clone(),
        made: token.created_at,
        by: token.created_by.clone(),
        used: token.last_used_at,
        ends: token.ends_at(),
        chip,
    }
}

pub fn held(path: &str, since: Timestamp, lost: u32) -> Alert {
    let before = match lost {
        0 => "One change alone would take access from more people than it may within an hour.".to_owned(),
        n => format!(
            "{} access in the hour before, and more than that is not done by itself.",
            count(n.into(), "person lost", "people lost")
        ),
    };
    Alert {
        tone: Tone::Bad,
        title: format!("Held since {}: many people would lose access", since.minute()),
        text: format!(
            "{before} What was refused changed nothing, and the identity provider sends it again. Look at the requests, then let it pass or turn the directory off."
        ),
        action: Some(Action::new("Refused requests", format!("{path}/requests?status=refused"))),
    }
}

/// What an admin should look at, the worst first.
pub fn standing_alerts(head: &Head, standing: &Standing) -> Vec<Alert> {
    let mut alerts = Vec::new();
    if let Some((taken, seats)) = standing.full.filter(|_| head.is_enabled()) {
        alerts.push(Alert {
            tone: Tone::Warn,
            title: format!("No seat is left: {taken} of {seats} are taken"),
            text: "Whoever comes next is refused, and the identity provider is told so. Raise the number of seats, or deactivate somebody.".to_owned(),
            action: None,
        });
    }
    if !standing.problems.is_empty() {
        let told: Vec<String> = standing.problems.iter().map(|(code, n)| present::problems(code, *n)).collect();
        alerts.push(Alert {
            tone: Tone::Warn,
            title: "Not everybody could be taken as sent".to_owned(),
            text: format!("{}.", told.join("; ")),
            action: Some(Action::new("Look at them", format!("{}/duplicates", head.path()))),
        });
    }
    if let Some(changed) = standing.running {
        alerts.push(Alert {
            tone: Tone::Info,
            title: "A change is reaching people".to_owned(),
            text: format!(
                "{} Requests and sign-ins go on meanwhile.",
                count(changed.into(), "person changed so far.", "people changed so far.")
            ),
            action: None,
        });
    }
    alerts
}

fn token_alert(view: &DirectoryView, head: &Head, now: Timestamp) -> Option<Alert> {
    let (title, text) = crate::web::admin::directories::card::token_words(view, now)?;
    let action = Some(Action::new("Make the next one", format!("{}/tokens/new", head.path())));
    Some(Alert { tone: Tone::Warn, title, text, action })
}

fn bad_token_alert(head: &Head, bad: (Timestamp, BadToken)) -> Alert {
    let (title, text) = present::bad_token(bad, head.connector);
    Alert { tone: Tone::Warn, title, text, action: None }
}

/// `GET /admin/security/directories/{dir}`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<DirectoryPage>, PageError> {
    let (ctx, now) = (&admin.ctx, admin.visitor.now);
    let view = load(&app, ctx, &id).await?;
    let (directory, head) = (&view.directory, Head::of(&view));
    let standing = app.find_standing(ctx, directory.id.clone()).await?;
    let mut alerts: Vec<Alert> =
        view.guard.held_at.map(|since| held(&head.path(), since, view.lost)).into_iter().collect();
    alerts.extend(token_alert(&view, &head, now));
    alerts.extend(app.last_bad_scim_token(ctx, directory)?.map(|bad| bad_token_alert(&head, bad)));
    alerts.extend(standing_alerts(&head, &standing));
    let connection = match &directory.connection {
        Some(id) if ctx.may(Permission::ConnectionsRead) => app.find_connection(ctx, id.clone()).await.ok(),
        _ => None,
    };
    let connector = present::connector(directory);
    Ok(Html(DirectoryPage {
        shell: shell(&request, Place::Security).await,
        alerts,
        users: directory.users,
        groups: directory.groups,
        last_request: directory.last_request_at,
        enabled_at: directory.enabled_at.filter(|_| directory.is_enabled()),
        let_pass_until: view.guard.let_pass_until.filter(|until| *until > now),
        tokens: view.tokens.iter().map(|token| token_row(token, now)).collect(),
        give: give(connector, &app.scim_base_url(directory))
            .into_iter()
            .filter(|row| row.is_ours && !row.is_token)
            .collect(),
        connection: connection.map(|view| view.connection.name),
        default_role: present::default_role_name(directory.default_role),
        lock: present::lock_name(directory.lock),
        guard_share: directory.guard_share,
        cadence: connector.cadence.as_deref(),
        may_write: ctx.may(Permission::DirectoriesWrite),
        head,
    }))
}
