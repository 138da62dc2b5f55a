//! Access roles, teams and groups over the API.

use serde_json::Value;
use serde_json::json;

use crate::support::TestApp;

const ROLES: &str = "/api/v1/roles";
const TEAMS: &str = "/api/v1/teams";
const MEMBERS: &str = "/api/v1/members";

fn at(collection: &str, object: &Value) -> String {
    format!("{collection}/{}", object["id"].as_str().unwrap())
}

#[tokio::test]
async fn an_access_role_is_made_changed_given_and_deleted() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let made = api.made(ROLES, &json!({"name": "Record All Viewer", "permissions": ["members.read"], "rank": 3})).await;
    assert_eq!((&made["slug"], &made["built_in"]), (&json!("record-all-viewer"), &json!(false)));
    let path = format!("{ROLES}/record-all-viewer");
    assert_eq!(api.get(&path).await.is(200).json(), made);
    let member = api.made(MEMBERS, &json!({"email": "a@acme.example", "roles": ["member", "record-all-viewer"]})).await;
    let held = json!([{"role": "record-all-viewer", "from": "local"}, {"role": "member", "from": "local"}]);
    assert_eq!(member["roles"], held);
    assert_eq!(api.get(&format!("{MEMBERS}?role=record-all-viewer")).await.column("email"), ["a@acme.example"]);
    let changed = api.patch(&path, &json!({"permissions": [], "description": "Sees all records"})).await;
    assert_eq!(changed.is(200).json()["members"], 1);
    assert_eq!((&changed.json()["permissions"], &changed.json()["version"]), (&json!([]), &json!(2)));
    let order: Vec<String> = api.get(ROLES).await.column("slug");
    assert_eq!(order, ["owner", "admin", "developer", "record-all-viewer", "member"]);
    assert_eq!(api.delete(&path).await.status, 204);
    assert_eq!(api.get(&at(MEMBERS, &member)).await.json()["roles"], json!([{"role": "member", "from": "local"}]));
    for action in ["role.created", "role.updated", "role.deleted"] {
        assert_eq!(app.audit_of(action).await.len(), 1, "{action}");
    }
}

#[tokio::test]
async fn what_an_access_role_grants_is_what_its_holder_may_do() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    api.made(ROLES, &json!({"name": "Auditor", "permissions": ["audit.read"]})).await;
    let mut browser = app.member().await;
    let me = app.api_browser(&browser);
    me.get("/api/v1/audit-events").await.is_problem(403, "forbidden");
    let id = api.get("/api/v1/members?email=grace%40acme.example").await.json()["data"][0].clone();
    api.put(&format!("{}/roles", at(MEMBERS, &id)), &json!({"roles": ["auditor"]})).await.is(200);
    me.get("/api/v1/audit-events").await.is(200);
    me.get(MEMBERS).await.is_problem(403, "forbidden");
    assert_eq!(browser.get("/admin/audit").await.status, 200);
}

#[tokio::test]
async fn nobody_makes_changes_or_deletes_a_role_above_their_own() {
    let app = TestApp::start().await;
    let (admin, owner) = (app.api("admin").await, app.api("owner").await);
    let above = json!({"name": "Keeper", "permissions": ["instance.write"]});
    admin.post(ROLES, &above).await.is_problem(403, "role_above_yours");
    owner.made(ROLES, &above).await;
    let path = format!("{ROLES}/keeper");
    admin.patch(&path, &json!({"permissions": []})).await.is_problem(403, "role_above_yours");
    admin.delete(&path).await.is_problem(403, "role_above_yours");
    let member = admin.made(MEMBERS, &json!({"email": "a@acme.example"})).await;
    let roles = format!("{}/roles", at(MEMBERS, &member));
    admin.put(&roles, &json!({"roles": ["keeper"]})).await.is_problem(403, "role_above_yours");
    for slug in ["owner", "member"] {
        owner.patch(&format!("{ROLES}/{slug}"), &json!({"name": "x"})).await.is_problem(409, "role_built_in");
        owner.delete(&format!("{ROLES}/{slug}")).await.is_problem(409, "role_built_in");
    }
}

#[tokio::test]
async fn a_role_that_cannot_be_is_told_field_by_field() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    api.post(ROLES, &json!({"name": " ", "rank": 1001, "permissions": ["x.read"]})).await.is_invalid_at(&[
        "/name",
        "/permissions",
        "/rank",
    ]);
    api.post(ROLES, &json!({"name": "x".repeat(81)})).await.is_invalid_at(&["/name"]);
    api.post(ROLES, &json!({"name": "Admin"})).await.is_invalid_at(&["/name"]);
    for slug in ["admin", "none", "local", "a b", "Ä", "", "'; DROP TABLE members; --", "a%"] {
        api.post(ROLES, &json!({"name": "Odd", "slug": slug})).await.is_invalid_at(&["/slug"]);
    }
    api.made(ROLES, &json!({"name": "Odd"})).await;
    api.post(ROLES, &json!({"name": "odd!"})).await.is_invalid_at(&["/name"]);
    for slug in ["nothing", "%00", "..%2f", "a%25"] {
        api.get(&format!("{ROLES}/{slug}")).await.is_problem(404, "not_found");
    }
}

#[tokio::test]
async fn everybody_whom_a_filter_finds_is_given_a_role_at_once() {
    let app = TestApp::start().await;
    let (api, owner) = (app.api("admin").await, app.api("owner").await);
    api.made(ROLES, &json!({"name": "Viewer"})).await;
    for (n, title) in ["Nurse", "Nurse", "Doctor"].into_iter().enumerate() {
        api.made(MEMBERS, &json!({"email": format!("p{n}@acme.example"), "job_title": title})).await;
    }
    owner.made(MEMBERS, &json!({"email": "boss@acme.example", "job_title": "Nurse", "roles": ["owner"]})).await;
    let body = json!({"filter": {"job_title": "Nurse"}, "add": ["viewer"], "remove": ["member"]});
    let answer = api.post("/api/v1/roles/assign", &body).await;
    assert_eq!(answer.is(200).json(), json!({"changed": 2, "left_alone": 1}));
    assert_eq!(api.get("/api/v1/members?role=viewer").await.column("email"), ["p0@acme.example", "p1@acme.example"]);
    let again = api.post("/api/v1/roles/assign", &body).await;
    assert_eq!(again.json(), json!({"changed": 0, "left_alone": 1}));
    assert_eq!(app.audit_of("member.roles_changed").await.len(), 2);
    // The last owner stays one.
    let taken = owner.post("/api/v1/roles/assign", &json!({"remove": ["owner"]})).await;
    assert_eq!(taken.is(200).json(), json!({"changed": 1, "left_alone": 1}));
}

#[tokio::test]
async fn a_change_of_many_that_cannot_be_changes_nobody() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let at = "/api/v1/roles/assign";
    api.post(at, &json!({})).await.is_invalid_at(&["/add"]);
    api.post(at, &json!({"add": ["king"], "remove": ["queen"]})).await.is_invalid_at(&["/add", "/remove"]);
    api.post(at, &json!({"add": ["developer"], "remove": ["developer"]})).await.is_invalid_at(&["/remove"]);
    api.post(at, &json!({"add": ["owner"]})).await.is_problem(403, "role_above_yours");
    let filter = json!({"status": "gone", "source": "x", "tag": "a\u{0}"});
    api.post(at, &json!({"filter": filter, "add": ["developer"]})).await.is_invalid_at(&[
        "/filter/tag",
        "/filter/status",
        "/filter/source",
    ]);
    api.post(at, &json!({"filter": {"role": "king"}, "add": ["developer"]})).await.is_invalid_at(&["/filter/role"]);
    app.api("developer").await.post(at, &json!({"add": ["developer"]})).await.is_problem(403, "forbidden");
    assert!(app.audit_of("member.roles_changed").await.is_empty());
}

#[tokio::test]
async fn a_team_is_made_filled_renamed_and_deleted() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let team = api.made(TEAMS, &json!({"name": " iOS "})).await;
    assert_eq!((&team["name"], &team["members"]), (&json!("iOS"), &json!(0)));
    let member = api.made(MEMBERS, &json!({"email": "a@acme.example"})).await;
    let place = format!("{}/members/{}", at(TEAMS, &team), member["id"].as_str().unwrap());
    assert_eq!(api.send("PUT", &place, None).await.status, 204);
    assert_eq!(api.send("PUT", &place, None).await.status, 204);
    assert_eq!(api.get(&at(TEAMS, &team)).await.json()["members"], 1);
    let people = api.get(&format!("{}/members", at(TEAMS, &team))).await;
    assert_eq!(
        (people.column("email"), &people.json()["data"][0]["from"]),
        (vec!["a@acme.example".to_owned()], &json!(["local"]))
    );
    assert_eq!(api.get(&at(MEMBERS, &member)).await.json()["teams"], json!(["iOS"]));
    api.patch(&at(TEAMS, &team), &json!({"name": "Apple"})).await.is(200);
    assert_eq!(api.delete(&place).await.status, 204);
    api.delete(&place).await.is_problem(404, "not_found");
    assert_eq!(api.delete(&at(TEAMS, &team)).await.status, 204);
    api.get(&at(TEAMS, &team)).await.is_problem(404, "not_found");
    let actions = ["team.created", "team.updated", "team.member_added", "team.member_removed", "team.deleted"];
    for action in actions {
        assert_eq!(app.audit_of(action).await.len(), 1, "{action}");
    }
}

#[tokio::test]
async fn a_team_that_cannot_be_is_told() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let team = api.made(TEAMS, &json!({"name": "iOS"})).await;
    for name in ["", " ", "iOS", " iOS", "a\nb"] {
        api.post(TEAMS, &json!({"name": name})).await.is_invalid_at(&["/name"]);
    }
    api.post(TEAMS, &json!({"name": "x".repeat(81)})).await.is_invalid_at(&["/name"]);
    let stale = api.get(&at(TEAMS, &team)).await.header("etag").unwrap().to_owned();
    api.patch(&at(TEAMS, &team), &json!({"name": "Two"})).await.is(200);
    let late = api.with("If-Match", &stale);
    late.patch(&at(TEAMS, &team), &json!({"name": "Three"})).await.is_problem(412, "changed_meanwhile");
    let nobody = format!("{}/members/mem_01k2v9q8xw3f6t0m4n7p5r1sza", at(TEAMS, &team));
    api.send("PUT", &nobody, None).await.is_problem(404, "not_found");
    app.api("developer").await.post(TEAMS, &json!({"name": "Mine"})).await.is_problem(403, "forbidden");
    app.api("developer").await.get(TEAMS).await.is(200);
}
