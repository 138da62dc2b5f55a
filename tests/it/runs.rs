//! What a change leaves to be done in steps: all of it is done, also after a crash, sign-ins pass in between, and somebody
//! always administers.

use serde_json::Value;
use serde_json::json;

use crate::api_support::Api;
use crate::support::Idp;
use crate::support::TestApp;
use crate::support::server::OWNER;

const GRACE: &str = "grace@acme.example";

fn mappings(idp: &Idp) -> String {
    format!("/api/v1/connections/{}/role-mappings", idp.id)
}

fn everyone(roles: &[&str], tag: Option<&str>) -> Value {
    json!([{"match": "group", "value": "Everyone", "roles": roles, "tag": tag}])
}

const MANY: &str = "WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n <";

/// Members `mem_…1` to `…n`, linked to the connection, whom it sent the group Everyone.
fn people(idp: &Idp, n: u32) -> String {
    let many = format!("{MANY} {n})");
    let organization = "(SELECT id FROM organizations)";
    format!(
        "{many} INSERT INTO members (id, organization_id, email, email_norm, status, source, created_at, version, search_text) \
         SELECT 'mem_' || printf('%026d', n), {organization}, 'p' || n || '@acme.example', 'p' || n || '@acme.example', 'active', \
         'sso', 0, 1, '' FROM many;
         {many} INSERT INTO identities (id, organization_id, member_id, connection_id, issuer, subject, created_at) \
         SELECT 'idn_' || printf('%026d', n), {organization}, 'mem_' || printf('%026d', n), '{id}', 'i', 's' || n, 0 FROM many;
         INSERT INTO groups (id, organization_id, connection_id, name, created_at) \
         VALUES ('grp_00000000000000000000000000', {organization}, '{id}', 'Everyone', 0);
         {many} INSERT INTO group_members (group_id, member_id) \
         SELECT 'grp_00000000000000000000000000', 'mem_' || printf('%026d', n) FROM many;",
        id = idp.id
    )
}

/// A run that began and never moved.
fn left(kind: &str, subject: &str, stage: &str) -> String {
    format!(
        "INSERT INTO runs (organization_id, kind, subject, number, stage, place, changed, stepped_at) \
         VALUES ((SELECT id FROM organizations), '{kind}', '{subject}', 1, '{stage}', '', 0, 0);"
    )
}

async fn company(n: u32) -> (TestApp, Idp) {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let app = app.edited(&people(&idp, n));
    (app, idp)
}

fn runs(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM runs")
}

fn tagged(app: &TestApp, tag: &str) -> i64 {
    app.count(&format!("SELECT count(*) FROM member_tags WHERE tag = '{tag}'"))
}

async fn sign_in(app: &TestApp, idp: &Idp, groups: &[&str]) -> bool {
    let mut browser = app.stranger();
    let request = browser.start(idp, "/account").await;
    let reply = idp.reply(app.now(), Some(&request.id)).naming(GRACE).with("groups", groups);
    browser.bring(idp, &reply.encoded()).await;
    browser.is_signed_in()
}

#[actix_web::test]
async fn mappings_reach_everybody_before_the_api_answers_and_go_the_same_way() {
    let (app, idp) = company(450).await;
    let api = app.api("owner").await;
    api.put(&mappings(&idp), &everyone(&["developer"], Some("all"))).await.is(200);
    assert_eq!((tagged(&app, "all"), runs(&app)), (450, 0));
    assert_eq!(app.count("SELECT count(*) FROM member_roles WHERE role = 'developer'"), 450);
    let told = "SELECT json_extract(d.details, '$.changes.members[1]') FROM audit_events e \
                JOIN audit_details d ON d.sequence = e.sequence WHERE e.action = 'connection.role_mappings_changed'";
    assert_eq!(app.count(told), 450);
    api.put(&mappings(&idp), &json!([])).await.is(200);
    let left =
        app.count(&format!("SELECT count(*) FROM member_roles WHERE came_from = '{}' AND role <> 'member'", idp.id));
    assert_eq!((left, tagged(&app, "all"), runs(&app)), (0, 0, 0));
}

#[actix_web::test]
async fn people_sign_in_while_mappings_are_applied_and_get_what_the_new_ones_give() {
    let (app, idp) = company(1500).await;
    let api = app.api("owner").await;
    let put = {
        let (api, path) = (api.clone(), mappings(&idp));
        actix_web::rt::spawn(async move { api.put(&path, &everyone(&[], Some("all"))).await.status })
    };
    let mut during = 0;
    while !put.is_finished() {
        let began = runs(&app) == 1;
        assert!(sign_in(&app, &idp, &["Everyone"]).await);
        if began && runs(&app) == 1 {
            during += 1;
            let grace = "SELECT count(*) FROM member_tags t JOIN members m ON m.id = t.member_id WHERE m.email = 'grace@acme.example'";
            assert_eq!(app.count(grace), 1);
        }
    }
    assert_eq!(put.await.unwrap(), 200);
    assert!(during > 0, "no sign-in came between two steps");
    assert_eq!((tagged(&app, "all"), runs(&app)), (1501, 0));
}

#[actix_web::test]
async fn what_a_crash_left_goes_on_by_itself() {
    let (app, idp) = company(300).await;
    let mapping = format!(
        "INSERT INTO role_mappings (source_id, position, organization_id, kind, attribute, value, roles, tag) \
         VALUES ('{}', 0, (SELECT id FROM organizations), 'group', '', 'Everyone', 'developer', 'all');",
        idp.id
    );
    // The first hundred were done, and what a mapping of before gave to the last was not taken yet.
    let done = format!(
        "INSERT INTO member_tags (member_id, tag, came_from, organization_id) \
         SELECT id, 'all', '{0}', organization_id FROM members WHERE id LIKE 'mem_0%' ORDER BY id LIMIT 100; \
         INSERT INTO member_tags (member_id, tag, came_from, organization_id) \
         SELECT max(id), 'old', '{0}', max(organization_id) FROM members WHERE id LIKE 'mem_0%';",
        idp.id
    );
    let app = app.edited(&format!("{mapping}{done}{}", left("mappings", idp.id.as_str(), "admins")));
    app.run_jobs().await;
    assert_eq!((tagged(&app, "all"), tagged(&app, "old"), runs(&app)), (300, 0, 0));
    let dump = app.dump();
    app.run_jobs().await;
    assert_eq!(app.dump(), dump);
}

#[actix_web::test]
async fn of_two_saves_the_second_counts_for_everybody() {
    let (app, idp) = company(1200).await;
    let api = app.api("owner").await;
    let first = {
        let (api, path) = (api.clone(), mappings(&idp));
        actix_web::rt::spawn(async move { api.put(&path, &everyone(&["developer"], Some("first"))).await.status })
    };
    while runs(&app) == 0 && !first.is_finished() {
        actix_web::rt::task::yield_now().await;
    }
    api.put(&mappings(&idp), &everyone(&[], Some("second"))).await.is(200);
    assert_eq!(first.await.unwrap(), 200);
    assert_eq!((tagged(&app, "first"), tagged(&app, "second"), runs(&app)), (0, 1200, 0));
    assert_eq!(app.count("SELECT count(*) FROM member_roles WHERE role = 'developer'"), 0);
}

#[actix_web::test]
async fn the_same_again_waits_until_all_have_it() {
    let (app, idp) = company(300).await;
    let api = app.api("owner").await;
    api.put(&mappings(&idp), &everyone(&[], Some("all"))).await.is(200);
    let app = app.edited(&format!(
        "DELETE FROM member_tags; {}",
        left("mappings", idp.id.as_str(), "admins").replace(", 0);", ", 9999999999999);")
    ));
    let api = app.api("owner").await;
    api.put(&mappings(&idp), &everyone(&[], Some("all"))).await.is(200);
    assert_eq!((tagged(&app, "all"), runs(&app)), (300, 0));
}

async fn roles_of(api: &Api, email: &str) -> Vec<Value> {
    let member =
        api.get(&format!("/api/v1/members?email={}", email.replace('@', "%40"))).await.json()["data"][0].clone();
    member["roles"].as_array().unwrap().iter().map(|held| held["role"].clone()).collect()
}

/// The one who becomes an admin stands behind the one who ceases to be one.
#[actix_web::test]
async fn the_admins_may_change_places_and_nobody_is_alarmed() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let owner = app.api("owner").await;
    let before = json!([{"match": "group", "value": "Old", "roles": ["owner"]}]);
    owner.put(&mappings(&idp), &before).await.is(200);
    assert!(sign_in(&app, &idp, &["Old"]).await);
    let founder =
        owner.get(&format!("/api/v1/members?email={}", OWNER.replace('@', "%40"))).await.json()["data"][0].clone();
    let path = format!("/api/v1/members/{}/roles", founder["id"].as_str().unwrap());
    owner.put(&path, &json!({"roles": ["member"]})).await.is(200);
    let organization = "(SELECT id FROM organizations)";
    let app = app.edited(&format!(
        "INSERT INTO members (id, organization_id, email, email_norm, status, source, created_at, version, search_text) \
         VALUES ('mem_7zzzzzzzzzzzzzzzzzzzzzzzzz', {organization}, 'z@acme.example', 'z@acme.example', 'active', 'sso', 0, 1, ''); \
         INSERT INTO groups (id, organization_id, connection_id, name, created_at) \
         VALUES ('grp_00000000000000000000000000', {organization}, '{}', 'New', 0); \
         INSERT INTO group_members (group_id, member_id) VALUES ('grp_00000000000000000000000000', 'mem_7zzzzzzzzzzzzzzzzzzzzzzzzz');",
        idp.id
    ));
    let owner = app.api("owner").await;
    owner.put(&mappings(&idp), &json!([{"match": "group", "value": "New", "roles": ["owner"]}])).await.is(200);
    assert_eq!(roles_of(&owner, "z@acme.example").await, [json!("owner")]);
    assert!(!roles_of(&owner, GRACE).await.contains(&json!("owner")));
    assert_eq!(app.audit_of("member.last_admin_kept").await.len(), 0);
}

/// What the check before the save could not know: the other admin went meanwhile.
#[actix_web::test]
async fn a_run_never_takes_the_last_admin_away() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let owner = app.api("owner").await;
    owner.put(&mappings(&idp), &json!([{"match": "group", "value": "Old", "roles": ["owner"]}])).await.is(200);
    assert!(sign_in(&app, &idp, &["Old"]).await);
    let demoted = "UPDATE member_roles SET role = 'member' WHERE came_from = 'local'; DELETE FROM role_mappings;";
    let app = app.edited(&format!("{demoted}{}", left("mappings", idp.id.as_str(), "admins")));
    app.run_jobs().await;
    let owner = app.api("owner").await;
    assert_eq!((roles_of(&owner, GRACE).await, runs(&app)), (vec![json!("owner")], 0));
    assert_eq!(app.audit_of("member.last_admin_kept").await[0].level.as_str(), "alarm");
    // Where the connection itself goes, the role is theirs from then on.
    let gone = format!("UPDATE connections SET deleted_at = 1, status = 'disabled' WHERE id = '{}';", idp.id);
    let app = app.edited(&format!("{gone}{}", left("connection", idp.id.as_str(), "sessions")));
    app.run_jobs().await;
    let sql = "SELECT count(*) FROM member_roles WHERE role = 'owner' AND came_from = 'local'";
    assert_eq!((app.count(sql), runs(&app)), (1, 0));
}

#[actix_web::test]
async fn a_connection_goes_at_once_and_what_hung_on_it_in_steps() {
    let (app, idp) = company(700).await;
    let api = app.api("owner").await;
    api.put(&mappings(&idp), &everyone(&["developer"], Some("all"))).await.is(200);
    assert!(sign_in(&app, &idp, &["Everyone"]).await);
    let values = format!(
        "INSERT INTO sent_values (member_id, source_id, kind, attribute, value) SELECT id, '{id}', 'role', '', 'x' FROM members; \
         INSERT INTO sessions (id, organization_id, member_id, token_hash, method, connection_id, started_at, last_seen_at, \
         console_seen_at, expires_at) SELECT 'ses_' || substr(id, 5), organization_id, id, id, 'saml', '{id}', 0, 0, 0, 0 \
         FROM members WHERE id LIKE 'mem_0%';",
        id = idp.id
    );
    let app = app.edited(&values);
    let api = app.api("owner").await;
    api.delete(&format!("/api/v1/connections/{}", idp.id)).await.is(204);
    assert!(api.get("/api/v1/connections").await.column("id").is_empty());
    assert!(!sign_in_is_possible(&app, &idp).await);
    // It goes on behind the answer where that takes long.
    app.clock.advance(doorward::testing::minutes(2));
    app.run_jobs().await;
    for sql in [
        "SELECT count(*) FROM identities",
        "SELECT count(*) FROM groups",
        "SELECT count(*) FROM group_members",
        "SELECT count(*) FROM sent_values",
        "SELECT count(*) FROM member_tags",
        "SELECT count(*) FROM role_mappings",
        "SELECT count(*) FROM sessions",
        "SELECT count(*) FROM member_roles WHERE came_from <> 'local'",
        "SELECT count(*) FROM runs",
    ] {
        assert_eq!(app.count(sql), 0, "{sql}");
    }
}

async fn sign_in_is_possible(app: &TestApp, idp: &Idp) -> bool {
    app.stranger().get(&format!("/sso/{}/start", idp.id)).await.status == 302
}

#[actix_web::test]
async fn a_role_and_a_team_that_many_hold_go_and_do_not_come_back_with_the_name() {
    let (app, _) = company(700).await;
    let api = app.api("owner").await;
    api.made("/api/v1/roles", &json!({"name": "Viewer"})).await;
    let team = api.made("/api/v1/teams", &json!({"name": "iOS"})).await;
    let team = team["id"].as_str().unwrap().to_owned();
    let app = app.edited(&format!(
        "INSERT INTO member_roles (member_id, role, came_from, organization_id) SELECT id, 'viewer', 'local', organization_id FROM members; \
         INSERT INTO team_members (team_id, member_id, came_from) SELECT '{team}', id, 'local' FROM members;"
    ));
    let api = app.api("owner").await;
    api.delete("/api/v1/roles/viewer").await.is(204);
    api.delete(&format!("/api/v1/teams/{team}")).await.is(204);
    assert_eq!(app.count("SELECT count(*) FROM team_members"), 0);
    assert_eq!(app.count("SELECT count(*) FROM member_roles WHERE role = 'viewer'"), 0);
    // A crash left somebody with the role; the name is used again.
    let app = app.edited(&format!(
        "INSERT INTO member_roles (member_id, role, came_from, organization_id) SELECT id, 'viewer', 'local', organization_id FROM members; {}",
        left("role", "viewer", "rows")
    ));
    let api = app.api("owner").await;
    api.made("/api/v1/roles", &json!({"name": "Viewer"})).await;
    assert_eq!(app.count("SELECT count(*) FROM member_roles WHERE role = 'viewer'"), 0);
}

#[actix_web::test]
async fn one_value_gives_no_more_than_a_run_can_bear() {
    let app = TestApp::start().await;
    let (api, idp) = (app.api("owner").await, app.active_connection().await);
    let tags = |n: usize| {
        (0..n).map(|n| json!({"match": "group", "value": "Everyone", "tag": format!("t{n}")})).collect::<Vec<_>>()
    };
    let answer = api.put(&mappings(&idp), &Value::Array(tags(51))).await;
    answer.is_invalid_at(&["/value"]);
    assert!(answer.body.contains("One value gives 51 roles, teams and tags"), "{}", answer.body);
    api.post(&format!("{}/preview", mappings(&idp)), &Value::Array(tags(51))).await.is_invalid_at(&["/value"]);
    api.put(&mappings(&idp), &Value::Array(tags(50))).await.is(200);
}

#[actix_web::test]
async fn the_page_says_that_mappings_are_being_applied() {
    let (app, idp) = company(1).await;
    let page = format!("/admin/security/sso/{}/attributes", idp.id);
    let mut browser = app.owner().await;
    assert!(!browser.get(&page).await.body.contains("being applied"));
    // A run whose last step is yet to come, so that nobody takes it up.
    let stuck = left("mappings", idp.id.as_str(), "sessions").replace(", 0, 0);", ", 12, 9999999999999);");
    let app = app.edited(&stuck);
    let body = app.owner().await.get(&page).await.body;
    assert!(body.contains("These mappings are being applied") && body.contains("12 people changed so far"), "{body}");
}

#[actix_web::test]
async fn a_member_keeps_the_newest_five_hundred_sessions() {
    let app = TestApp::start().await;
    let cookies = app.owner().await.cookies;
    let app = app.edited(&format!(
        "{MANY} 600) INSERT INTO sessions (id, organization_id, member_id, token_hash, method, started_at, last_seen_at, console_seen_at, \
         expires_at) SELECT 'ses_' || printf('%026d', n), (SELECT id FROM organizations), (SELECT id FROM members), 'h' || n, 'password', \
         0, 0, 0, 9999999999999 FROM many;"
    ));
    app.owner().await;
    assert_eq!(app.count("SELECT count(*) FROM sessions"), 500);
    let mut browser = app.stranger();
    browser.cookies = cookies;
    assert_eq!(browser.get("/account").await.status, 200);
}
