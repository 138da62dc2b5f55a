//! The rollout checklist: nine points, each ticked from what was seen here.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Query;
use askama::Template;
use serde::Deserialize;

use crate::app::App;
use crate::app::Error;
use crate::app::checklist::Rollout;
use crate::model::page::Window;
use crate::model::role::Permission;
use crate::web::admin::connections::present;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::routes::Needs;
use crate::web::routes::Routes;
use crate::web::shell::shell;
use crate::web::view::Action;
use crate::web::view::Choice;
use crate::web::view::Tone;

/// One point of the list.
#[derive(Debug, Clone)]
pub struct Point {
    pub title: String,
    /// What was seen, or what to do.
    pub text: String,
    /// Done, open with a problem, or open.
    pub tone: Tone,
    pub action: Option<Action>,
}

impl Point {
    fn done(title: &str, text: String) -> Self {
        Self { title: title.to_owned(), text, tone: Tone::Ok, action: None }
    }

    fn open(title: &str, text: String, action: Option<Action>) -> Self {
        Self { title: title.to_owned(), text, tone: Tone::Neutral, action }
    }

    fn word(&self) -> &'static str {
        match self.tone {
            Tone::Ok => "Done",
            Tone::Warn | Tone::Bad => "Look at this",
            Tone::Neutral | Tone::Info => "Open",
        }
    }
}

/// `GET /admin/security/checklist?connection=`
#[derive(Template)]
#[template(path = "admin/checklist.html")]
pub struct ChecklistPage {
    pub shell: Shell,
    /// Name of the connection; none where there is none yet.
    pub name: Option<String>,
    /// The connections to choose from, where there are several.
    pub connections: Vec<Choice>,
    pub points: Vec<Point>,
}

impl ChecklistPage {
    fn done(&self) -> usize {
        self.points.iter().filter(|point| point.tone == Tone::Ok).count()
    }
}

impl Page for ChecklistPage {
    fn samples() -> Vec<Self> {
        let go =
            |label: &str| Some(Action::new(label, "/admin/security/sso/con_01k2v9q8xw3f6t0m4n7p5r1sza/setup/test"));
        let points = vec![
            Point::done(
                "The app is assigned to a pilot admin or group in Okta",
                "Somebody came through it 22 Nov 2026.".to_owned(),
            ),
            Point::done(
                "Entity ID and ACS URL in Okta are ours",
                "Its last answer named both, 22 Nov 2026.".to_owned(),
            ),
            Point::done(
                "Issuer, SSO URL and signing certificate are saved",
                "2 certificates, read from a watched link.".to_owned(),
            ),
            Point {
                tone: Tone::Warn,
                ..Point::open(
                    "Test SSO passes",
                    "The test of 22 Nov 2026 never came back from Okta.".to_owned(),
                    go("Test SSO"),
                )
            },
            Point::done(
                "SCIM base URL and bearer token are saved in Okta",
                "Its last request came 22 Nov 2026.".to_owned(),
            ),
            Point {
                tone: Tone::Warn,
                ..Point::open(
                    "The SCIM connection test passes in Okta",
                    "Each of its requests was refused; the request log says why.".to_owned(),
                    None,
                )
            },
            Point::open(
                "Pilot people are created or updated by SCIM",
                "Nobody was pushed yet.".to_owned(),
                go("Directory Sync"),
            ),
            Point::open(
                "Role mapping values match what Okta sends",
                "Never sent so far: group Doorward Admins.".to_owned(),
                go("Role mappings"),
            ),
            Point::done("There is a way back in", "2 admins have a password.".to_owned()),
        ];
        let page = |name: Option<&str>, connections, points| Self {
            shell: Shell::sample(Place::Security),
            name: name.map(str::to_owned),
            connections,
            points,
        };
        let two = vec![Choice::new("con_1", "Okta", true), Choice::new("con_2", "Entra ID", false)];
        vec![
            page(Some("Okta"), Vec::new(), points.clone()),
            page(Some("Okta"), two, points),
            page(None, Vec::new(), Vec::new()),
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<ChecklistPage>(all, "admin/checklist");
}

pub fn routes(r: &mut Routes) {
    r.get("/admin/security/checklist", Needs::Console(Permission::ConnectionsRead), show);
}

#[derive(Deserialize)]
pub struct ChecklistQuery {
    connection: Option<String>,
}

/// `GET /admin/security/checklist?connection=`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    query: Query<ChecklistQuery>,
) -> Result<Html<ChecklistPage>, PageError> {
    let wanted = query.connection.as_deref().filter(|text| !text.is_empty());
    let wanted = wanted.map(|text| text.parse().map_err(|_| Error::NotFound("connection"))).transpose()?;
    let rollout = app.rollout(&admin.ctx, wanted).await?;
    let all = app.list_connections(&admin.ctx, Window::first(Window::MAX)).await?.rows;
    let id = rollout.as_ref().map(|rollout| rollout.view.connection.id.clone());
    let choice = |view: &crate::app::connections::ConnectionView| {
        let connection = &view.connection;
        Choice::new(connection.id.as_str(), &connection.name, Some(&connection.id) == id.as_ref())
    };
    Ok(Html(ChecklistPage {
        shell: shell(&request, Place::Security).await,
        name: rollout.as_ref().map(|rollout| rollout.view.connection.name.clone()),
        connections: if all.len() > 1 { all.iter().map(choice).collect() } else { Vec::new() },
        points: rollout.as_ref().map(points).unwrap_or_default(),
    }))
}

/// The nine points of a rollout, in the order in which they are done.
pub fn points(rollout: &Rollout) -> Vec<Point> {
    let connection = &rollout.view.connection;
    let (idp, at) = (present::idp(connection), format!("/admin/security/sso/{}", connection.id));
    let answer = rollout.last_good_answer().map(|at| at.day());
    let test = || Some(Action::new("Test SSO", format!("{at}/setup/test")));
    vec![
        match &answer {
            Some(day) => Point::done(
                &format!("The app is assigned to a pilot admin or group in {idp}"),
                format!("Somebody came through it on {day}."),
            ),
            None => Point::open(
                &format!("The app is assigned to a pilot admin or group in {idp}"),
                format!("Assign one admin to it in {idp}, then test with that account. Roll out to everyone later."),
                test(),
            ),
        },
        match &answer {
            Some(day) => Point::done(
                &format!("Entity ID and ACS URL in {idp} are ours"),
                format!("An answer that named both was accepted on {day}."),
            ),
            None => Point::open(
                &format!("Entity ID and ACS URL in {idp} are ours"),
                "A test compares them, value by value.".to_owned(),
                Some(Action::new("Show the values", format!("{at}/setup/app"))),
            ),
        },
        saved(rollout, &at),
        tested(rollout, &idp, test()),
        pushed(rollout, &idp),
        answered(rollout, &idp),
        came(rollout, &idp),
        mapped(rollout, &idp, &at),
        way_back(rollout),
    ]
}

fn saved(rollout: &Rollout, at: &str) -> Point {
    let title = "Issuer, SSO URL and signing certificate are saved";
    let settings = rollout.view.connection.shown().map(|revision| &revision.settings);
    let has_both = settings.is_some_and(|settings| settings.idp_entity_id.is_some() && settings.sso_url.is_some());
    let certificates = rollout.view.all_certificates().count();
    if has_both && certificates > 0 {
        return Point::done(title, crate::web::view::count(certificates as u64, "certificate.", "certificates."));
    }
    let text = "Read the provider's metadata, or type the values in.".to_owned();
    Point::open(title, text, Some(Action::new("Add metadata", format!("{at}/setup/metadata"))))
}

fn tested(rollout: &Rollout, idp: &str, action: Option<Action>) -> Point {
    let title = "Test SSO passes";
    match (rollout.view.has_passed_test, rollout.lost_test, &rollout.view.last_test) {
        (true, _, _) => {
            let day =
                rollout.passed_test.as_ref().and_then(|test| test.finished_at).map(|at| at.day()).unwrap_or_default();
            Point::done(title, format!("With the settings as they are, {day}."))
        }
        (false, Some(at), _) => Point {
            tone: Tone::Warn,
            ..Point::open(
                title,
                format!(
                    "The test of {} never came back from {idp}. Check the SSO URL and the IdP entity ID saved here, and that the account is assigned to the app in {idp}.",
                    at.minute()
                ),
                action,
            )
        },
        (false, None, Some(test)) if test.code.is_some() => Point {
            tone: Tone::Warn,
            ..Point::open(
                title,
                "The last one was refused; its trace says which value, and what to change.".to_owned(),
                action,
            )
        },
        (false, None, Some(_)) => {
            Point::open(title, "The settings were changed after the last test. Run it again.".to_owned(), action)
        }
        (false, None, None) => Point::open(title, "Nobody has tested yet.".to_owned(), action),
    }
}

fn at_directory(rollout: &Rollout, rest: &str) -> String {
    match &rollout.directory {
        Some(directory) => format!("/admin/security/directories/{}{rest}", directory.id),
        None => "/admin/security/directories/new".to_owned(),
    }
}

fn pushed(rollout: &Rollout, idp: &str) -> Point {
    let title = format!("SCIM base URL and bearer token are saved in {idp}");
    match rollout.directory.as_ref().map(|directory| directory.last_request_at) {
        Some(Some(at)) => Point::done(&title, format!("Its last request came {}.", at.day())),
        Some(None) => Point::open(
            &title,
            format!("No request has come yet. Save both in {idp}; the address ends before /Users."),
            Some(Action::new("Directory Sync", at_directory(rollout, ""))),
        ),
        None => Point::open(
            &title,
            format!(
                "There is no directory for {idp}. Without one, people come at their first sign-in and leave by hand."
            ),
            Some(Action::new("Set up directory", at_directory(rollout, ""))),
        ),
    }
}

fn answered(rollout: &Rollout, idp: &str) -> Point {
    let title = format!("The SCIM connection test passes in {idp}");
    let has_asked = rollout.directory.as_ref().is_some_and(|directory| directory.last_request_at.is_some());
    let action = || rollout.directory.as_ref().map(|_| Action::new("Requests", at_directory(rollout, "/requests")));
    match (rollout.is_answered, has_asked) {
        (true, _) => Point::done(&title, "A request of it was answered with what it asked for.".to_owned()),
        (false, true) => Point {
            tone: Tone::Warn,
            ..Point::open(&title, "No request of it was answered well; the request log says why.".to_owned(), action())
        },
        (false, false) => Point::open(&title, format!("Press the button that tests the connection in {idp}."), None),
    }
}

fn came(rollout: &Rollout, idp: &str) -> Point {
    let title = "Pilot people are created or updated by SCIM";
    match &rollout.directory {
        Some(directory) if directory.users > 0 && directory.is_enabled() => {
            let people = crate::web::view::count(directory.users.into(), "person", "people");
            Point::done(title, format!("{people} so far."))
        }
        Some(directory) if directory.users > 0 => Point::open(
            title,
            "They came, and act on nobody until the directory is turned on.".to_owned(),
            Some(Action::new("Directory Sync", at_directory(rollout, ""))),
        ),
        _ => Point::open(title, format!("Assign a few people or one small group to the app in {idp} first."), None),
    }
}

fn mapped(rollout: &Rollout, idp: &str, at: &str) -> Point {
    let title = format!("Role mapping values match what {idp} sends");
    let action = Some(Action::new("Role mappings", format!("{at}/attributes")));
    let unseen: Vec<String> =
        rollout.mappings.iter().filter(|(_, people)| *people == 0).map(|(mapping, _)| mapping.label()).collect();
    match (rollout.mappings.is_empty(), unseen.is_empty()) {
        (true, _) => Point::open(&title, "No value is mapped; everybody gets the default role.".to_owned(), action),
        (false, true) => Point::done(&title, "Each mapped value was sent about somebody.".to_owned()),
        (false, false) => Point::open(&title, format!("Never sent so far: {}.", unseen.join(", ")), action),
    }
}

fn way_back(rollout: &Rollout) -> Point {
    let title = "There is a way back in";
    match rollout.admins_with_password {
        0 => Point::open(
            title,
            "No admin has a password. Give one to an admin before anything depends on SSO alone; `doorward admin recover` on the host is the last resort.".to_owned(),
            Some(Action::new("Members", "/admin/members?role=admin")),
        ),
        1 => Point::done(title, "1 admin has a password. Two are better.".to_owned()),
        n => Point::done(title, format!("{n} admins have a password.")),
    }
}
