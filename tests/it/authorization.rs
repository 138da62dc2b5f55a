//! Every route by every kind of caller, held to what the list of routes says.

use std::collections::BTreeMap;

use doorward::testing::Caller;
use doorward::testing::Role;
use doorward::testing::RouteEntry;
use doorward::testing::SettingsChange;
use doorward::testing::all_routes;
use doorward::testing::holds;

use crate::support::Answer;
use crate::support::Browser;
use crate::support::TestApp;

const ROLES: [Role; 4] = [Role::Owner, Role::Admin, Role::Developer, Role::Member];

/// A path with something in each place: real things, or well-formed names of nothing.
pub fn path_of(entry: &RouteEntry, things: &BTreeMap<&str, String>) -> String {
    let mut path = String::new();
    let mut rest = entry.path;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap();
        let name = name.split(':').next().unwrap();
        // `{id}` means what stands before it.
        let kind = if name == "id" { before.trim_end_matches('/').rsplit('/').next().unwrap() } else { name };
        path.push_str(before);
        path.push_str(things.get(kind).map_or("nothing", String::as_str));
        rest = after;
    }
    path + rest
}

/// Names of nothing.
pub fn nothing() -> BTreeMap<&'static str, String> {
    let id = |prefix: &str| format!("{prefix}_01k2v9q8xw3f6t0m4n7p5r1sza");
    BTreeMap::from([
        ("sso", id("con")),
        ("connection", id("con")),
        ("connections", id("con")),
        ("members", id("mem")),
        ("teams", id("team")),
        ("team", id("team")),
        ("groups", id("grp")),
        ("group", id("grp")),
        ("member", id("mem")),
        ("test", id("test")),
        ("tests", id("test")),
        ("session", id("ses")),
        ("sessions", id("ses")),
        ("api-keys", id("key")),
        ("key", id("key")),
        ("identity", id("idn")),
        ("audit-events", id("evt")),
        ("audit", id("evt")),
        ("views", id("view")),
        ("view", id("view")),
        ("sign-in-methods", id("idn")),
        ("sha256", "0".repeat(64)),
        ("revision", id("rev")),
        ("directory", id("dir")),
        ("directories", id("dir")),
        ("token", id("tok")),
        ("requests", id("req")),
        ("request", id("req")),
        ("other", id("mem")),
        ("reference", "DW-00000".to_owned()),
    ])
}

/// Things that are there.
pub async fn something(app: &TestApp) -> BTreeMap<&'static str, String> {
    let idp = app.connection(SettingsChange::default()).await;
    let (test, _) = app.app().start_test(&app.ctx().await, idp.id.clone()).await.unwrap();
    let member = app.person("target@acme.example", "member").await;
    let session: String = app.database().query_row("SELECT max(id) FROM sessions", [], |row| row.get(0)).unwrap();
    let mut things = nothing();
    for (name, value) in [
        ("sso", idp.id.to_string()),
        ("connection", idp.id.to_string()),
        ("connections", idp.id.to_string()),
        ("members", member.to_string()),
        ("test", test.id.to_string()),
        ("tests", test.id.to_string()),
        ("session", session.clone()),
        ("sessions", session),
    ] {
        things.insert(name, value);
    }
    things
}

async fn signed_in(app: &TestApp, role: Role) -> Browser {
    match role {
        Role::Owner => app.owner().await,
        Role::Admin => app.admin().await,
        Role::Developer => app.developer().await,
        Role::Member => app.member().await,
    }
}

/// A token for forms of this browser.
pub async fn token(browser: &mut Browser) -> String {
    let path = if browser.is_signed_in() { "/sign-out" } else { "/sign-in/password" };
    browser.get(path).await.form(path).get("csrf").to_owned()
}

async fn call(browser: &mut Browser, entry: &RouteEntry, path: &str, csrf: &str) -> Answer {
    match entry.method.as_str() {
        "GET" => browser.get(path).await,
        _ => browser.post(path, &[("csrf", csrf)]).await,
    }
}

fn is_for_people(entry: &RouteEntry) -> bool {
    matches!(entry.needs, Caller::Member | Caller::Console(_))
}

fn is_asked_to_sign_in(answer: &Answer) -> bool {
    answer.status == 401 || (answer.status == 303 && answer.location().contains("/sign-in?"))
}

#[actix_web::test]
async fn a_stranger_is_asked_to_sign_in_wherever_somebody_has_to_be() {
    let app = TestApp::start().await;
    let things = something(&app).await;
    let mut stranger = app.stranger();
    let csrf = token(&mut stranger).await;
    for entry in all_routes().iter().filter(|entry| is_for_people(entry)) {
        let path = path_of(entry, &things);
        let answer = call(&mut stranger, entry, &path, &csrf).await;
        assert!(is_asked_to_sign_in(&answer), "{} {path}: {}", entry.method, answer.status);
    }
}

#[actix_web::test]
async fn whoever_lacks_the_permission_is_refused_and_nothing_changes() {
    let app = TestApp::start().await;
    let things = something(&app).await;
    for role in ROLES {
        let mut browser = signed_in(&app, role).await;
        let csrf = token(&mut browser).await;
        let before = app.dump();
        for entry in all_routes() {
            let Caller::Console(permission) = entry.needs else { continue };
            if holds(role, permission) {
                continue;
            }
            let path = path_of(&entry, &things);
            let answer = call(&mut browser, &entry, &path, &csrf).await;
            assert_eq!(answer.status, 403, "{role:?}: {} {path}", entry.method);
        }
        assert_eq!(app.dump(), before, "{role:?}");
    }
}

#[actix_web::test]
async fn whoever_has_the_permission_is_let_through() {
    let app = TestApp::start().await;
    let things = nothing();
    for role in ROLES {
        let mut browser = signed_in(&app, role).await;
        let csrf = token(&mut browser).await;
        for entry in all_routes() {
            let may = match entry.needs {
                Caller::Member => true,
                Caller::Console(permission) => holds(role, permission),
                _ => continue,
            };
            // Somebody who sees only their own sessions does not learn that this one is none.
            let hides = entry.path == "/account/sessions/{id}/end" && !holds(role, "sessions.end");
            if !may || hides {
                continue;
            }
            let path = path_of(&entry, &things);
            let answer = call(&mut browser, &entry, &path, &csrf).await;
            let is_refused = answer.status == 403 || answer.status >= 500 || is_asked_to_sign_in(&answer);
            assert!(!is_refused, "{role:?}: {} {path}: {} {}", entry.method, answer.status, answer.text());
        }
    }
}

#[actix_web::test]
async fn the_api_answers_keys_by_their_role_and_nobody_else() {
    let app = TestApp::start().await;
    let (real, made_up) = (something(&app).await, nothing());
    let mut keys = vec![(None, String::new())];
    for role in [Role::Owner, Role::Admin, Role::Developer] {
        keys.push((Some(role), app.api_key(role.slug()).await));
    }
    for (role, key) in keys {
        let mut program = app.stranger().with_header("Content-Type", "application/json");
        if role.is_some() {
            program = program.with_header("Authorization", &format!("Bearer {key}"));
        }
        for entry in all_routes() {
            let may = match (entry.needs, role) {
                (Caller::Api(_) | Caller::ApiCaller, None) => None,
                (Caller::Api(permission), Some(role)) => Some(holds(role, permission)),
                (Caller::ApiCaller, Some(_)) => Some(true),
                _ => continue,
            };
            let things = if may == Some(false) { &real } else { &made_up };
            let mut path = path_of(&entry, things);
            if (entry.method.as_str(), entry.path) == ("DELETE", "/api/v1/sessions") {
                path = format!("{path}?member_id={}", things["member"]);
            }
            let body = (entry.method != "GET" && entry.method != "DELETE").then_some("{}");
            let answer = program.call(&entry.method, &path, body).await;
            let status = answer.status;
            let is_right = match may {
                None => status == 401,
                Some(false) => status == 403,
                // A key is no person.
                Some(true) if answer.body.contains("/problems/session_only") => status == 403,
                Some(true) => !matches!(status, 401 | 403) && status < 500,
            };
            assert!(is_right, "{role:?}: {} {path}: {status}", entry.method);
        }
    }
}
