//! What an admin does must not lock the last admin out, reach above themselves, or hold the store up.

use doorward::testing::DefaultRole;
use doorward::testing::SettingsChange;
use serde_json::Value;
use serde_json::json;

use crate::api_support::Api;
use crate::support::Answer;
use crate::support::Browser;
use crate::support::Idp;
use crate::support::TestApp;
use crate::support::idp_saml::Key;
use crate::support::server::OWNER;

const GRACE: &str = "grace@acme.example";

fn path(idp: &Idp) -> String {
    format!("/api/v1/connections/{}", idp.id)
}

async fn sign_in(app: &TestApp, idp: &Idp, email: &str, groups: &[&str]) -> (Browser, Answer) {
    let mut browser = app.stranger();
    let request = browser.start(idp, "/account").await;
    let reply = idp.reply(app.now(), Some(&request.id)).naming(email).with("groups", groups);
    let answer = browser.bring(idp, &reply.encoded()).await;
    (browser, answer)
}

async fn member(api: &Api, email: &str) -> Value {
    api.get(&format!("/api/v1/members?email={}", email.replace('@', "%40"))).await.json()["data"][0].clone()
}

async fn map(api: &Api, idp: &Idp, group: &str, roles: &[&str]) {
    let mappings = json!([{"match": "group", "value": group, "roles": roles}]);
    api.put(&format!("{}/role-mappings", path(idp)), &mappings).await.is(200);
}

/// The founder holds no role but Member, and Grace, who signs in by the connection alone, is the owner by hand.
async fn owned_by_grace(app: &TestApp, idp: &Idp) -> Api {
    let owner = app.api("owner").await;
    sign_in(app, idp, GRACE, &["Staff"]).await;
    for (email, role) in [(GRACE, "owner"), (OWNER, "member")] {
        let id = member(&owner, email).await["id"].as_str().unwrap().to_owned();
        owner.put(&format!("/api/v1/members/{id}/roles"), &json!({"roles": [role]})).await.is(200);
    }
    owner
}

#[actix_web::test]
async fn the_only_way_in_of_the_last_owner_stays() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let owner = owned_by_grace(&app, &idp).await;
    for api in [&owner, &app.api("admin").await] {
        api.delete(&path(&idp)).await.is_problem(409, "lockout_last_admin");
        api.post(&format!("{}/deactivate", path(&idp)), &json!({})).await.is_problem(409, "lockout_last_admin");
    }
    let grace = member(&owner, GRACE).await["id"].as_str().unwrap().to_owned();
    let identity = app.count("SELECT count(*) FROM identities");
    assert_eq!(identity, 1);
    assert!(sign_in(&app, &idp, GRACE, &["Staff"]).await.0.is_signed_in());
    // With another owner who has a password the connection may go, but not by an admin.
    app.person("frances@acme.example", "owner").await;
    app.api("admin").await.delete(&path(&idp)).await.is_problem(403, "role_above_yours");
    owner.delete(&path(&idp)).await.is(204);
    assert_eq!(member(&owner, GRACE).await["id"], grace);
}

#[actix_web::test]
async fn a_page_that_asks_says_itself_why_it_cannot_be() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    owned_by_grace(&app, &idp).await;
    let mut admin = app.admin().await;
    let page = format!("/admin/security/sso/{}", idp.id);
    for (action, fields) in [("delete", vec![("name", "Okta")]), ("deactivate", vec![])] {
        let path = format!("{page}/{action}");
        let mut form = admin.get(&path).await.form(&path);
        for (name, value) in fields {
            form = form.fill(name, value);
        }
        let answer = admin.submit(&form).await;
        assert_eq!(answer.status, 409, "{action}");
        let text = answer.text();
        assert!(text.contains("After this no ") && !text.contains("Someone else changed"), "{text}");
        assert!(answer.has_form(&path), "{action} can be tried again");
    }
}

#[actix_web::test]
async fn a_preview_refuses_what_saving_refuses_with_the_same_words() {
    let app = TestApp::start().await;
    let (owner, idp) = (app.api("owner").await, app.active_connection().await);
    map(&owner, &idp, "Owners", &["owner"]).await;
    sign_in(&app, &idp, GRACE, &["Owners"]).await;
    app.person("frances@acme.example", "admin").await;
    let id = member(&owner, OWNER).await["id"].as_str().unwrap().to_owned();
    // Frances stays admin, but nobody would be an owner.
    owner.put(&format!("/api/v1/members/{id}/roles"), &json!({"roles": ["admin"]})).await.is(200);
    let preview = owner.post(&format!("{}/role-mappings/preview", path(&idp)), &json!([])).await.is(200).json();
    assert_eq!(preview["locks_out"], true);
    owner.put(&format!("{}/role-mappings", path(&idp)), &json!([])).await.is_problem(409, "lockout_last_admin");
}

#[actix_web::test]
async fn a_filter_that_names_nothing_is_told_and_changes_nobody() {
    let app = TestApp::start().await;
    let mut owner = app.owner().await;
    for query in ["source=directory", "status=bogus"] {
        let list = owner.get(&format!("/admin/members?{query}")).await;
        assert!(
            list.text().contains(" is no s") && list.text().contains("It was left out"),
            "{query}: {}",
            list.text()
        );
        assert!(!list.body.contains("/admin/members/roles"), "{query}");
        assert_eq!(owner.get(&format!("/admin/members/roles?{query}")).await.status, 422, "{query}");
    }
    let path = "/admin/members/roles";
    let form = owner.get(&format!("{path}?status=all")).await.form(path).fill("status", "bogus").fill("add", "admin");
    let before = app.dump();
    assert_eq!(owner.submit(&form).await.status, 422);
    assert_eq!(app.dump(), before);
}

#[actix_web::test]
async fn a_connection_that_gives_owner_is_not_deleted_by_an_admin() {
    let app = TestApp::start().await;
    let (owner, idp) = (app.api("owner").await, app.active_connection().await);
    map(&owner, &idp, "Owners", &["owner"]).await;
    app.api("admin").await.delete(&path(&idp)).await.is_problem(403, "role_above_yours");
    owner.delete(&path(&idp)).await.is(204);
}

#[actix_web::test]
async fn who_could_rise_by_a_certificate_is_told_before_anybody_did() {
    let app = TestApp::start().await;
    let (owner, idp) = (app.api("owner").await, app.active_connection().await);
    let add = json!({"certificates": [Key::other().pem()]});
    let certificates = format!("{}/certificates", path(&idp));
    map(&owner, &idp, "Owners", &["owner"]).await;
    app.api("admin").await.post(&certificates, &add).await.is(201);
    assert_eq!(app.audit_of("connection.certificate_vouches_above").await.len(), 1);
    // Nor by another attribute that groups are read from.
    let change = json!({"attributes": {"groups": "department"}});
    app.api("admin").await.patch(&path(&idp), &change).await.is(200);
    app.api("admin").await.post(&format!("{}/activate", path(&idp)), &json!({"without_test": true})).await.is(200);
    assert_eq!(app.audit_of("connection.certificate_vouches_above").await.len(), 2);
}

#[actix_web::test]
async fn the_last_admin_comes_in_though_their_group_is_gone() {
    let app = TestApp::start().await;
    let owner = app.api("owner").await;
    let idp = app.connection(SettingsChange { default_role: Some(DefaultRole::None), ..Default::default() }).await;
    map(&owner, &idp, "Owners", &["owner"]).await;
    sign_in(&app, &idp, GRACE, &["Owners"]).await;
    let founder = member(&owner, OWNER).await["id"].as_str().unwrap().to_owned();
    owner.put(&format!("/api/v1/members/{founder}/roles"), &json!({"roles": ["member"]})).await.is(200);
    let (browser, _) = sign_in(&app, &idp, GRACE, &["Renamed"]).await;
    assert!(browser.is_signed_in());
    app.api_browser(&browser).get("/api/v1/members").await.is(200);
    assert_eq!(app.audit_of("member.last_admin_kept").await.len(), 1);
}

#[actix_web::test]
async fn whoever_is_unlinked_leaves_with_what_the_connection_gave() {
    let app = TestApp::start().await;
    let (owner, idp) = (app.api("owner").await, app.active_connection().await);
    map(&owner, &idp, "Builders", &["developer"]).await;
    let (browser, _) = sign_in(&app, &idp, GRACE, &["Builders"]).await;
    let grace = member(&owner, GRACE).await["id"].as_str().unwrap().to_owned();
    let id = app.app().find_member_detail(&app.ctx().await, grace.parse().unwrap()).await.unwrap().identities[0]
        .0
        .id
        .clone();
    app.app().unlink_identity(&app.ctx().await, grace.parse().unwrap(), id).await.unwrap();
    app.api_browser(&browser).get("/api/v1/members").await.is_problem(401, "signed_out");
    let roles = member(&owner, GRACE).await["roles"].clone();
    assert_eq!(roles.as_array().unwrap().iter().filter(|held| held["role"] == "developer").count(), 0);
    assert_eq!(member(&owner, GRACE).await["groups"], json!([]));
    // A later change of the mappings gives them nothing either.
    map(&owner, &idp, "Builders", &["admin"]).await;
    assert!(!member(&owner, GRACE).await["roles"].to_string().contains("admin"));
}

#[actix_web::test]
async fn a_list_of_roles_costs_no_more_than_the_roles_there_are() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let many = json!({"email": "new@acme.example", "roles": vec!["z"; 60_000]});
    let answer = api.post("/api/v1/members", &many).await;
    answer.is_invalid_at(&["/roles"]);
    let some = json!({"email": "new@acme.example", "roles": vec!["z"; 100]});
    let answer = api.post("/api/v1/members", &some).await;
    answer.is_invalid_at(&["/roles"]);
    let rows: Vec<Value> =
        (0..900).map(|n| json!({"match": "group", "value": format!("G{n}"), "roles": ["nobody"]})).collect();
    let idp = app.active_connection().await;
    let answer = api.put(&format!("{}/role-mappings", path(&idp)), &json!(rows)).await;
    assert_eq!((answer.status, answer.json()["errors"].as_array().unwrap().len()), (422, 100));
}

#[actix_web::test]
async fn no_role_is_taken_for_another() {
    let app = TestApp::start().await;
    let api = app.api("owner").await;
    api.made("/api/v1/roles", &json!({"name": "Record Viewer"})).await;
    for (name, slug) in [
        ("Member", "helpers"),
        ("OWNER", "owner-2"),
        ("\u{ff2f}wner", "owner-3"),
        ("Ow\u{200b}ner", "owner-4"),
        ("record  viewer", "viewers"),
        ("record-viewer", "viewers"),
        ("\u{202e}rekcah", "hacker"),
    ] {
        let answer = api.post("/api/v1/roles", &json!({"name": name, "slug": slug})).await;
        assert_eq!(answer.status, 422, "{name}");
    }
    let helpers = json!({"name": "Helpers", "slug": "helpers"});
    api.made("/api/v1/roles", &helpers).await;
    assert_eq!(api.patch("/api/v1/roles/helpers", &json!({"name": "Admin"})).await.status, 422);
}

#[actix_web::test]
async fn a_link_ends_when_its_role_comes_to_hold_more() {
    let app = TestApp::start().await;
    let api = app.api("owner").await;
    api.made("/api/v1/roles", &json!({"name": "Helpers", "permissions": []})).await;
    let person = app.person("frances@acme.example", "member").await;
    api.put(&format!("/api/v1/members/{person}/roles"), &json!({"roles": ["helpers"]})).await.is(200);
    let link = app.password_link(&person).await;
    api.patch("/api/v1/roles/helpers", &json!({"description": "They help."})).await.is(200);
    assert_eq!(app.stranger().get(&link).await.status, 200);
    api.patch("/api/v1/roles/helpers", &json!({"permissions": ["members.write"]})).await.is(200);
    assert_ne!(app.stranger().get(&link).await.status, 200);
}

#[actix_web::test]
async fn a_way_in_of_two_hundred_above_is_taken_by_nobody_below_and_by_any_admin() {
    let app = TestApp::start().await;
    let (api, idp) = (app.api("owner").await, app.active_connection().await);
    let connector = json!({"name": "Connector", "permissions": ["connections.read", "connections.write"]});
    api.made("/api/v1/roles", &connector).await;
    let first = app.person("first@acme.example", "admin").await.to_string();
    let copies = app.app().store.write(move |tx| {
        let numbers = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 201)";
        tx.execute(
            &format!(
                "{numbers} INSERT INTO members (id, organization_id, email, email_norm, status, source, password_hash, created_at, \
                 version, search_text) SELECT printf('mem_01m%023d', n), organization_id, 'a' || n || '@acme.example', \
                 'a' || n || '@acme.example', status, source, password_hash, created_at, 1, search_text FROM members, c WHERE id = ?1"
            ),
            &[(&first).into()],
        )?;
        tx.execute(
            &format!(
                "{numbers} INSERT INTO member_roles (member_id, role, came_from, organization_id) \
                 SELECT printf('mem_01m%023d', n), role, came_from, organization_id FROM member_roles, c WHERE member_id = ?1"
            ),
            &[(&first).into()],
        )
    });
    assert_eq!(copies.await.unwrap(), 201);
    let pause = format!("{}/deactivate", path(&idp));
    let connector = app.person("connector@acme.example", "member").await;
    api.put(&format!("/api/v1/members/{connector}/roles"), &json!({"roles": ["connector"]})).await.is(200);
    let browser = app.signed_in("connector@acme.example").await;
    let browser = app.api_browser(&browser);
    let me = browser.get("/api/v1/me").await.is(200).json();
    let browser = browser.with("X-Doorward-CSRF", me["csrf"].as_str().unwrap());
    browser.post(&pause, &json!({})).await.is_problem(403, "role_above_yours");
    app.api("admin").await.post(&pause, &json!({})).await.is(200);
}
