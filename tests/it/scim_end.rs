//! What ends: a token at the time that was chosen, and a directory.

use std::future::Future as _;
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use doorward::testing::command_line;

use crate::scim_support::Pusher;
use crate::scim_support::id;
use crate::scim_support::roles;
use crate::support::TestApp;

const DAY: u64 = 86_400;

async fn events(pusher: &Pusher, action: &str) -> Vec<Value> {
    let found = pusher.admin.get(&format!("/api/v1/audit-events?action={action}")).await.json();
    found["data"].as_array().unwrap().clone()
}

fn days(count: u64) -> Duration {
    Duration::from_secs(count * DAY)
}

#[actix_web::test]
async fn the_end_of_a_token_is_told_before_it_comes() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let path = format!("/api/v1/directories/{}/tokens", pusher.id);
    let end = (app.now() + days(20)).rfc3339();
    let made = pusher.admin.made(&path, &json!({"expires_at": end})).await;
    let prefix = made["prefix"].as_str().unwrap().to_owned();
    app.clock.advance(days(2));
    app.run_jobs().await;
    assert_eq!(
        events(&pusher, "directory.token_expiring").await.len(),
        0,
        "far off, and the one before ends as it should"
    );
    for (forward, told, level) in [(5, 1, "warning"), (0, 1, "warning"), (7, 2, "alarm"), (5, 3, "alarm")] {
        app.clock.advance(days(forward));
        app.run_jobs().await;
        app.run_jobs().await;
        let all = events(&pusher, "directory.token_expiring").await;
        assert_eq!(all.len(), told, "{all:?}");
        assert_eq!(all[0]["level"], level, "{all:?}");
        assert!(all[0].to_string().contains(&prefix), "{all:?}");
    }
    app.clock.advance(days(2));
    app.run_jobs().await;
    app.run_jobs().await;
    let ended = events(&pusher, "directory.token_expired").await;
    assert_eq!((ended.len(), &ended[0]["level"]), (1, &json!("alarm")), "{ended:?}");
    let late = app.api_stranger().with("Authorization", &format!("Bearer {}", made["token"].as_str().unwrap()));
    late.get(&format!("{}/Users", pusher.base)).await.is(401);
}

/// Two people, one of them an admin by a group, in a team and with a tag.
async fn filled(app: &TestApp) -> Pusher {
    let pusher = app.directory().await;
    let team = pusher.admin.made("/api/v1/teams", &json!({"name": "Platform"})).await;
    let mapped = json!([
        {"match": "group", "value": "Ops", "roles": ["admin"], "team": team["id"], "tag": "on-call"},
    ]);
    pusher.map(mapped).await.is(200);
    let grace = pusher.user("grace@acme.example").await;
    let linus = pusher.user("linus@acme.example").await;
    pusher.group("Ops", &[id(&grace)]).await;
    pusher
        .patch(&format!("/Users/{}", id(&linus)), json!([{"op": "replace", "value": {"active": false}}]))
        .await
        .is(200);
    assert_eq!(roles(&pusher.member("grace@acme.example").await), ["admin"]);
    pusher
}

#[actix_web::test]
async fn a_deleted_directory_takes_back_what_it_gave_and_leaves_the_members() {
    let app = TestApp::start().await;
    let pusher = filled(&app).await;
    let path = format!("/api/v1/directories/{}", pusher.id);
    let stale = pusher.admin.with("If-Match", "\"99\"").delete(&path).await;
    stale.is_problem(412, "changed_meanwhile");
    pusher.admin.delete(&path).await.is(204);
    pusher.admin.get(&path).await.is_problem(404, "not_found");
    pusher.admin.delete(&path).await.is_problem(404, "not_found");
    assert_eq!(pusher.admin.get("/api/v1/directories").await.json()["data"], json!([]));
    pusher.get("/Users").await.is_scim_error(401, None);
    let grace = pusher.member("grace@acme.example").await;
    assert_eq!((roles(&grace), &grace["status"]), (Vec::new(), &json!("active")), "{grace}");
    assert_eq!(grace["tags"], json!([]), "{grace}");
    assert_eq!(pusher.member("linus@acme.example").await["status"], "inactive");
    assert_eq!(pusher.admin.get("/api/v1/groups").await.json()["data"], json!([]));
    let teams = pusher.admin.get("/api/v1/teams").await.json();
    assert_eq!(teams["data"][0]["members"], 0, "{teams}");
    // By hand again.
    let held = format!("/api/v1/members/{}/roles", id(&grace));
    pusher.admin.put(&held, &json!({"roles": ["developer"]})).await.is(200);
    let changed = events(&pusher, "member.roles_changed").await;
    assert!(changed.iter().any(|event| event["changes"]["roles"] == json!([["admin"], []])), "{changed:?}");
    let ended = events(&pusher, "directory.deleted").await;
    assert_eq!(ended[0]["changes"]["users"], json!([2, null]), "{ended:?}");
    // The next directory speaks of the same people.
    let next = app.directory().await;
    next.user("linus@acme.example").await;
    assert_eq!(next.member("linus@acme.example").await["status"], "active", "one member, brought back");
}

#[actix_web::test]
async fn nothing_of_a_deleted_directory_is_left_in_the_database() {
    let app = TestApp::start().await;
    let pusher = filled(&app).await;
    let gone = pusher.user("gone@acme.example").await;
    pusher.send("DELETE", &format!("/Users/{}", id(&gone)), None).await.is(204);
    pusher.get("/Users?filter=userName%20eq%20%22grace@acme.example%22").await.is(200);
    pusher.admin.get(&format!("/api/v1/directories/{}/requests", pusher.id)).await.is(200);
    let other = app.pending_directory().await;
    other.user("ada@other.example").await;
    // A line of the log that waits, and a grant of a role that is gone.
    pusher.get("/Users").await.is(200);
    let ghost = format!(
        "INSERT INTO member_roles (member_id, role, came_from, organization_id) \
         SELECT id, 'ghost', '{}', organization_id FROM members WHERE email = 'grace@acme.example'",
        pusher.id
    );
    app.app().store.write(move |tx| tx.execute(&ghost, &[])).await.unwrap();
    pusher.admin.delete(&format!("/api/v1/directories/{}", pusher.id)).await.is(204);
    app.clock.advance(Duration::from_secs(3 * 3600));
    app.run_jobs().await;
    let folder = app.stop();
    let rows = |sql: &str| -> i64 {
        let database = rusqlite::Connection::open(folder.path().join("doorward.db")).unwrap();
        database.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let (it, number) =
        (format!("'{}'", pusher.id), format!("(SELECT number FROM directories WHERE id = '{}')", pusher.id));
    for (table, of) in [
        ("directory_tokens", format!("directory_id = {it}")),
        ("scim_users", format!("directory = {number}")),
        ("scim_emails", format!("directory = {number}")),
        ("scim_blocks", format!("directory = {number}")),
        ("member_sets", format!("directory = {number}")),
        ("directory_losses", format!("directory = {number}")),
        ("scim_requests", format!("directory_id = {it}")),
        ("scim_quirks", format!("directory_id = {it}")),
        ("groups", format!("directory_id = {it}")),
        ("role_mappings", format!("source_id = {it}")),
        ("sent_values", format!("source_id = {it}")),
        ("member_roles", format!("came_from = {it}")),
        ("memberships", "true".to_owned()),
        ("runs", "true".to_owned()),
    ] {
        assert_eq!(rows(&format!("SELECT count(*) FROM {table} WHERE {of}")), 0, "{table}");
    }
    assert_eq!(rows("SELECT count(*) FROM scim_users"), 1, "the other directory's");
}

#[actix_web::test]
async fn whom_people_deactivate_no_next_directory_lets_back_in() {
    let app = TestApp::start().await;
    let pusher = filled(&app).await;
    pusher.admin.delete(&format!("/api/v1/directories/{}", pusher.id)).await.is(204);
    let grace = pusher.member("grace@acme.example").await;
    pusher.admin.post(&format!("/api/v1/members/{}/deactivate", id(&grace)), &json!({})).await.is(200);
    let next = app.directory().await;
    next.user("grace@acme.example").await;
    let path = format!("/api/v1/members/{}", id(&grace));
    assert_eq!(pusher.admin.get(&path).await.json()["status"], "inactive", "she stands beside whom the directory made");
    assert_eq!(next.count_members("grace@acme.example").await, 2);
}

#[actix_web::test]
async fn a_token_that_is_gone_changes_nothing_whatever_is_kept_of_it() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let grace = pusher.user("grace@acme.example").await;
    // Whoever deletes it hangs up before they are answered.
    let organization = app.app().find_organization(None).await.unwrap();
    let ctx = command_line(&organization.id, app.now());
    let token = pusher.admin.get(&format!("/api/v1/directories/{}", pusher.id)).await.json()["tokens"][0]["id"].clone();
    let (directory, token) = (pusher.id.parse().unwrap(), token.as_str().unwrap().parse().unwrap());
    let app_of_it = app.app();
    let mut asked = Box::pin(app_of_it.delete_directory_token(&ctx, directory, token));
    let waits = std::future::poll_fn(|context| Poll::Ready(asked.as_mut().poll(context).is_pending())).await;
    assert!(waits);
    drop(asked);
    app_of_it.store.write(|_| Ok::<_, doorward::testing::Error>(())).await.unwrap();
    let path = format!("/Users/{}", id(&grace));
    for (method, path, body) in [
        ("GET", path.clone(), None),
        ("GET", "/Users".to_owned(), None),
        ("POST", "/Users".to_owned(), Some(json!({"userName": "zoe@acme.example"}))),
        ("PATCH", path.clone(), Some(json!({"Operations": [{"op": "replace", "value": {"active": false}}]}))),
        ("POST", "/Groups".to_owned(), Some(json!({"displayName": "Ops"}))),
        ("DELETE", path, None),
    ] {
        let answer = pusher.send(method, &path, body.as_ref()).await;
        answer.is_scim_error(401, None);
        assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")));
        assert!(answer.json()["detail"].as_str().unwrap().contains("bearer token"), "{}", answer.body);
    }
    assert_eq!(pusher.member("grace@acme.example").await["status"], "active");
    assert_eq!(pusher.count_members("zoe@acme.example").await, 0);
}

#[actix_web::test]
async fn a_directory_that_alone_gives_somebody_owner_is_not_deleted() {
    let app = TestApp::start().await;
    let pusher = filled(&app).await;
    pusher.map(json!([{"match": "group", "value": "Ops", "roles": ["owner"]}])).await.is(200);
    assert_eq!(roles(&pusher.member("grace@acme.example").await), ["owner"]);
    let path = format!("/api/v1/directories/{}", pusher.id);
    // Who does not give a role does not take it away.
    app.api("admin").await.delete(&path).await.is_problem(403, "role_above_yours");
    let app = app.edited("UPDATE members SET status = 'inactive' WHERE email = 'ada@acme.example'");
    pusher.admin.delete(&path).await.is_problem(409, "lockout_last_admin");
    assert_eq!(pusher.admin.get(&path).await.json()["status"], "enabled");
    assert_eq!(roles(&pusher.member("grace@acme.example").await), ["owner"]);
    drop(app);
}

#[actix_web::test]
async fn the_page_that_deletes_a_directory_wants_its_name() {
    let app = TestApp::start().await;
    let pusher = filled(&app).await;
    let mut admin = app.owner().await;
    let page = format!("/admin/security/directories/{}", pusher.id);
    assert!(admin.get(&page).await.links().contains(&format!("{page}/delete")));
    let ask = admin.get(&format!("{page}/delete")).await;
    assert!(ask.text().contains("Members stay, active or deactivated as they are"), "{}", ask.text());
    let wrong = admin.submit(&ask.form("/delete").fill("name", "acme")).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("Type the name exactly: Acme."), "{}", wrong.text());
    assert_eq!(wrong.form("/delete").get("name"), "acme", "what was typed is kept");
    let done = admin.submit_and_follow(&wrong.form("/delete").fill("name", "Acme")).await;
    assert!(done.text().contains("Acme is deleted."), "{}", done.text());
    assert_eq!(admin.get(&page).await.status, 404);
    // Events and members that name it can be looked at.
    let member = pusher.member("grace@acme.example").await;
    assert_eq!(admin.get(&format!("/admin/members/{}", id(&member))).await.status, 200);
    assert_eq!(admin.get("/admin/members?source=scim").await.status, 200);
    assert!(admin.get("/admin/audit").await.text().contains("Directory deleted"));
}
