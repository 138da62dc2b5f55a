//! What the values that a provider sends grant: role mappings of a connection.

use doorward::testing::DefaultRole;
use doorward::testing::SettingsChange;
use serde_json::Value;
use serde_json::json;

use crate::api_support::Api;
use crate::support::Answer;
use crate::support::Browser;
use crate::support::Idp;
use crate::support::TestApp;
use crate::support::server::OWNER;

const GRACE: &str = "grace@acme.example";
const ALAN: &str = "alan@acme.example";

fn path(idp: &Idp) -> String {
    format!("/api/v1/connections/{}/role-mappings", idp.id)
}

fn group(value: &str, roles: &[&str]) -> Value {
    json!({"match": "group", "value": value, "roles": roles})
}

async fn sign_in(app: &TestApp, idp: &Idp, email: &str, groups: &[&str]) -> (Browser, Answer) {
    let mut browser = app.stranger();
    let request = browser.start(idp, "/account").await;
    let mut reply = idp.reply(app.now(), Some(&request.id)).naming(email);
    if !groups.is_empty() {
        reply = reply.with("groups", groups);
    }
    let answer = browser.bring(idp, &reply.encoded()).await;
    (browser, answer)
}

async fn member(api: &Api, email: &str) -> Value {
    let email = email.replace('@', "%40");
    api.get(&format!("/api/v1/members?email={email}")).await.json()["data"][0].clone()
}

/// Slugs, and where each came from.
fn held(member: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let roles = member["roles"].as_array().unwrap();
    roles.iter().map(|held| (text(&held["role"]), text(&held["from"]))).collect()
}

fn from(idp: &Idp, roles: &[&str]) -> Vec<(String, String)> {
    roles.iter().map(|role| ((*role).to_owned(), idp.id.to_string())).collect()
}

#[actix_web::test]
async fn several_groups_give_all_of_their_roles_teams_and_tags() {
    let app = TestApp::start().await;
    let (api, idp) = (app.api("admin").await, app.active_connection().await);
    api.made("/api/v1/roles", &json!({"name": "Viewer"})).await;
    let team = api.made("/api/v1/teams", &json!({"name": "iOS"})).await;
    let mappings = json!([
        group("Doorward Admins", &["admin"]),
        {"match": "group", "value": "  Mobile ", "roles": ["viewer"], "team": team["id"], "tag": "mobile"},
        group("Somebody else", &["developer"]),
    ]);
    let set = api.put(&path(&idp), &mappings).await;
    assert_eq!(set.is(200).json()[1]["value"], "Mobile");
    assert_eq!(api.get(&path(&idp)).await.json(), set.json());
    sign_in(&app, &idp, GRACE, &["Doorward Admins", " Mobile "]).await;
    let grace = member(&api, GRACE).await;
    assert_eq!(held(&grace), from(&idp, &["admin", "viewer"]));
    assert_eq!(grace["teams"], json!(["iOS"]));
    assert_eq!(grace["tags"], json!(["Group:Doorward Admins", "Group:Mobile", "mobile"]));
    assert_eq!(api.get("/api/v1/members?tag=mobile").await.column("email"), [GRACE]);
}

#[actix_web::test]
async fn values_match_exactly_after_trimming_and_the_unmatched_get_the_default_role() {
    let app = TestApp::start().await;
    let (api, idp) = (app.api("admin").await, app.active_connection().await);
    api.put(&path(&idp), &json!([group("Admins", &["admin"])])).await.is(200);
    sign_in(&app, &idp, GRACE, &["admins", "Admins2"]).await;
    assert_eq!(held(&member(&api, GRACE).await), [("member".to_owned(), "local".to_owned())]);
}

#[actix_web::test]
async fn roles_entitlements_and_attributes_are_compared_each_with_its_own() {
    let app = TestApp::start().await;
    let (api, idp) = (app.api("admin").await, app.active_connection().await);
    let mappings = json!([
        {"match": "role", "value": "boss", "roles": ["admin"]},
        {"match": "entitlement", "value": "urn:x:dev", "roles": ["developer"]},
        {"match": "attribute", "attribute": "Department", "value": "Sales", "tag": "sales"},
        {"match": "group", "value": "Sales", "roles": ["owner"]},
    ]);
    app.api("owner").await.put(&path(&idp), &mappings).await.is(200);
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/").await;
    let reply = idp.reply(app.now(), Some(&request.id)).naming(GRACE);
    let reply =
        reply.with("roles", &["boss"]).with("eduPersonEntitlement", &["urn:x:dev"]).with("department", &["Sales"]);
    browser.bring(&idp, &reply.encoded()).await;
    let grace = member(&api, GRACE).await;
    assert_eq!(held(&grace), from(&idp, &["admin", "developer"]));
    assert!(grace["tags"].as_array().unwrap().contains(&json!("sales")));
}

#[actix_web::test]
async fn a_group_that_is_gone_takes_its_role_along_and_the_log_says_why() {
    let app = TestApp::start().await;
    let (api, idp) = (app.api("admin").await, app.active_connection().await);
    api.put(&path(&idp), &json!([group("Builders", &["developer"])])).await.is(200);
    let (browser, _) = sign_in(&app, &idp, GRACE, &["Builders"]).await;
    app.api_browser(&browser).get("/api/v1/members").await.is(200);
    sign_in(&app, &idp, GRACE, &["Others"]).await;
    assert_eq!(held(&member(&api, GRACE).await), from(&idp, &["member"]));
    app.api_browser(&browser).get("/api/v1/members").await.is_problem(403, "forbidden");
    let events = app.audit_of("member.roles_changed").await;
    assert_eq!(events[1].changes["through"], json!([null, ["group Builders"]]));
    assert_eq!(events[0].changes["roles"], json!([["developer"], ["member"]]));
}

#[actix_web::test]
async fn without_a_default_role_only_the_mapped_come_in() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let idp = app.connection(SettingsChange { default_role: Some(DefaultRole::None), ..Default::default() }).await;
    api.put(&path(&idp), &json!([group("Staff", &["member"])])).await.is(200);
    let (browser, answer) = sign_in(&app, &idp, GRACE, &["Guests"]).await;
    assert_eq!((answer.reason(), browser.is_signed_in()), ("sso_no_role", false));
    let (browser, _) = sign_in(&app, &idp, GRACE, &["Staff"]).await;
    assert!(browser.is_signed_in());
    // Whoever leaves the group is refused, though they are known.
    let (browser, answer) = sign_in(&app, &idp, GRACE, &["Guests"]).await;
    assert_eq!((answer.reason(), browser.is_signed_in()), ("sso_no_role", false));
}

#[actix_web::test]
async fn a_new_mapping_reaches_everybody_known_at_once_and_its_preview_says_whom() {
    let app = TestApp::start().await;
    let (api, idp) = (app.api("admin").await, app.active_connection().await);
    sign_in(&app, &idp, GRACE, &["Builders"]).await;
    sign_in(&app, &idp, ALAN, &["Painters"]).await;
    let mappings = json!([group("Builders", &["developer"])]);
    let preview = api.post(&format!("{}/preview", path(&idp)), &mappings).await.is(200).json();
    assert_eq!(preview["total"], 1);
    assert_eq!(preview["changes"][0]["email"], GRACE);
    assert_eq!(preview["changes"][0]["gains"], json!(["Developer"]));
    assert_eq!(held(&member(&api, GRACE).await), [("member".to_owned(), "local".to_owned())]);
    api.put(&path(&idp), &mappings).await.is(200);
    let both = [("developer".to_owned(), idp.id.to_string()), ("member".to_owned(), "local".to_owned())];
    assert_eq!(held(&member(&api, GRACE).await), both);
    assert_eq!(held(&member(&api, ALAN).await), both[1..]);
    let preview = api.post(&format!("{}/preview", path(&idp)), &json!([])).await.is(200).json();
    assert_eq!(preview["changes"][0]["loses"], json!(["Developer"]));
    api.put(&path(&idp), &json!([])).await.is(200);
    assert_eq!(held(&member(&api, GRACE).await), both[1..]);
    assert_eq!(app.audit_of("connection.role_mappings_changed").await.len(), 2);
}

#[actix_web::test]
async fn a_mapping_that_would_leave_no_admin_is_refused_and_nothing_changes() {
    let app = TestApp::start().await;
    let (owner, idp) = (app.api("owner").await, app.active_connection().await);
    owner.put(&path(&idp), &json!([group("Owners", &["owner"])])).await.is(200);
    sign_in(&app, &idp, GRACE, &["Owners"]).await;
    let founder = member(&owner, OWNER).await;
    let roles = format!("/api/v1/members/{}/roles", founder["id"].as_str().unwrap());
    owner.put(&roles, &json!({"roles": ["member"]})).await.is(200);
    let preview = owner.post(&format!("{}/preview", path(&idp)), &json!([])).await.json();
    assert_eq!(preview["locks_out"], true);
    owner.put(&path(&idp), &json!([])).await.is_problem(409, "lockout_last_admin");
    assert_eq!(owner.get(&path(&idp)).await.json().as_array().unwrap().len(), 1);
    assert_eq!(held(&member(&owner, GRACE).await), from(&idp, &["owner"]));
    owner.delete(&format!("/api/v1/connections/{}", idp.id)).await.is_problem(409, "lockout_last_admin");
    // Nor does a sign-in without the group.
    let (browser, _) = sign_in(&app, &idp, GRACE, &["Nobody"]).await;
    assert!(browser.is_signed_in());
    assert_eq!(held(&member(&owner, GRACE).await), from(&idp, &["owner"]));
    assert_eq!(app.audit_of("member.last_admin_kept").await[0].level.as_str(), "alarm");
}

#[actix_web::test]
async fn nobody_maps_to_more_than_they_hold() {
    let app = TestApp::start().await;
    let (admin, owner, idp) = (app.api("admin").await, app.api("owner").await, app.active_connection().await);
    let above = json!([group("Owners", &["owner"])]);
    admin.put(&path(&idp), &above).await.is_problem(403, "role_above_yours");
    owner.put(&path(&idp), &above).await.is(200);
    admin.put(&path(&idp), &json!([])).await.is_problem(403, "role_above_yours");
    let kept = json!([group("Owners", &["owner"]), group("Builders", &["developer"])]);
    admin.put(&path(&idp), &kept).await.is(200);
}

#[actix_web::test]
async fn mappings_that_cannot_be_are_told_row_by_row() {
    let app = TestApp::start().await;
    let (api, idp) = (app.api("admin").await, app.active_connection().await);
    let wrong = json!([
        {"match": "team", "value": "x", "roles": ["member"]},
        {"match": "attribute", "value": "x", "roles": ["member"]},
        {"match": "group", "attribute": "y", "value": "x", "roles": ["member"]},
        {"match": "group", "value": "  ", "roles": ["king"]},
        {"match": "group", "value": "a", "team": "team_01k2v9q8xw3f6t0m4n7p5r1sza", "tag": "Group:a"},
        {"match": "group", "value": "b"},
        {"match": "role", "value": "c", "roles": ["member"]},
        {"match": "role", "value": " c", "roles": ["member"]},
        {"match": "group", "value": "a\u{0}b", "roles": ["member"]},
    ]);
    let places = [
        "/0/match",
        "/1/attribute",
        "/2/attribute",
        "/3/value",
        "/3/roles",
        "/4/tag",
        "/4/team",
        "/5/roles",
        "/8/value",
    ];
    let answer = api.put(&path(&idp), &wrong).await;
    for place in places {
        assert!(answer.body.contains(&format!("\"{place}\"")), "{place}: {}", answer.body);
    }
    assert_eq!(answer.status, 422);
    api.put(&path(&idp), &json!({"match": "group"})).await.is_invalid_at(&[""]);
    api.put(&path(&idp), &json!([["group", "x"]])).await.is_invalid_at(&[""]);
    api.put(&path(&idp), &json!([{"match": "group", "value": 3}])).await.is_invalid_at(&["/0/value"]);
    let many: Vec<Value> = (0..1001).map(|n| group(&n.to_string(), &["member"])).collect();
    api.put(&path(&idp), &Value::Array(many)).await.is_invalid_at(&["/value"]);
    assert_eq!(api.get(&path(&idp)).await.json(), json!([]));
}

#[actix_web::test]
async fn a_role_or_team_that_a_mapping_gives_stays() {
    let app = TestApp::start().await;
    let (api, idp) = (app.api("admin").await, app.active_connection().await);
    api.made("/api/v1/roles", &json!({"name": "View_er", "slug": "view_er"})).await;
    api.made("/api/v1/roles", &json!({"name": "Other", "slug": "viewxer"})).await;
    let team = api.made("/api/v1/teams", &json!({"name": "iOS"})).await;
    let mapping = json!([{"match": "group", "value": "a", "roles": ["view_er"], "team": team["id"]}]);
    api.put(&path(&idp), &mapping).await.is(200);
    api.delete("/api/v1/roles/view_er").await.is_problem(409, "role_in_use");
    assert_eq!(api.delete("/api/v1/roles/viewxer").await.status, 204);
    let at = format!("/api/v1/teams/{}", team["id"].as_str().unwrap());
    api.delete(&at).await.is_problem(409, "team_in_use");
    sign_in(&app, &idp, GRACE, &["a"]).await;
    let grace = member(&api, GRACE).await;
    let place = format!("{at}/members/{}", grace["id"].as_str().unwrap());
    api.delete(&place).await.is_problem(409, "team_mapped");
}

#[actix_web::test]
async fn a_test_shows_what_the_mappings_would_give() {
    let app = TestApp::start().await;
    let (api, idp) = (app.api("admin").await, app.active_connection().await);
    api.put(&path(&idp), &json!([group("Doorward Admins", &["admin"])])).await.is(200);
    let made = api.made(&format!("/api/v1/connections/{}/tests", idp.id), &json!({})).await;
    let url = made["url"].as_str().unwrap().strip_prefix(&app.origin).unwrap().to_owned();
    let mut browser = app.stranger();
    let location = browser.get(&url).await.location().to_owned();
    let request = crate::support::idp_saml::Request::read(&location);
    let reply = idp.reply(app.now(), Some(&request.id)).naming(GRACE).with("groups", &["Doorward Admins"]);
    browser.bring(&idp, &reply.encoded()).await;
    let test = api.get(&format!("/api/v1/connections/{}/tests/{}", idp.id, made["id"].as_str().unwrap())).await;
    assert_eq!(test.json()["roles"], json!(["admin"]));
    assert_eq!(test.json()["grants"], json!([{"value": "group Doorward Admins", "gives": ["Admin"]}]));
}

#[actix_web::test]
async fn a_connection_that_goes_takes_what_it_gave_along() {
    let app = TestApp::start().await;
    let (api, idp) = (app.api("admin").await, app.active_connection().await);
    api.put(&path(&idp), &json!([{"match": "group", "value": "a", "roles": ["developer"], "tag": "x"}])).await.is(200);
    sign_in(&app, &idp, GRACE, &["a"]).await;
    assert_eq!(api.get("/api/v1/groups").await.column("name"), ["a"]);
    assert_eq!(api.delete(&format!("/api/v1/connections/{}", idp.id)).await.status, 204);
    let grace = member(&api, GRACE).await;
    assert_eq!((held(&grace).len(), &grace["tags"]), (0, &json!([])));
    assert_eq!(api.get("/api/v1/groups").await.column("name").len(), 0);
}

#[actix_web::test]
async fn groups_are_listed_with_their_people() {
    let app = TestApp::start().await;
    let (api, idp) = (app.api("developer").await, app.active_connection().await);
    sign_in(&app, &idp, GRACE, &["Builders", "Painters"]).await;
    sign_in(&app, &idp, ALAN, &["Painters"]).await;
    let list = api.get("/api/v1/groups?name=Painters").await;
    let group = &list.is(200).json()["data"][0];
    assert_eq!((&group["members"], &group["connection_id"]), (&json!(2), &json!(idp.id.to_string())));
    let one = api.get(&format!("/api/v1/groups/{}", group["id"].as_str().unwrap())).await;
    assert_eq!(&one.json(), group);
    assert_eq!(api.get("/api/v1/groups?limit=1").await.column("name"), ["Builders"]);
}
