//! Groups over SCIM: members come and go without loss, large ones in steps, and what they grant follows.

use serde_json::Value;
use serde_json::json;

use crate::scim_support::Pusher;
use crate::scim_support::id;
use crate::scim_support::roles;
use crate::support::TestApp;

async fn members(pusher: &Pusher, group: &Value) -> Vec<String> {
    let shown = pusher.get(&format!("/Groups/{}", id(group))).await.json();
    let mut all: Vec<String> =
        shown["members"].as_array().unwrap().iter().map(|one| one["value"].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

#[actix_web::test]
async fn members_patched_in_parallel_are_all_there() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let group = pusher.group("Nurses", &[]).await;
    let mut users = Vec::new();
    for n in 0..20 {
        users.push(id(&pusher.user(&format!("u{n}@acme.example")).await).to_owned());
    }
    let mut all = Vec::new();
    for user in users.clone() {
        let scim = pusher.scim.with("Content-Type", "application/scim+json");
        let path = format!("{}/Groups/{}", pusher.base, id(&group));
        all.push(actix_web::rt::spawn(async move {
            let body =
                json!({"Operations": [{"op": "Add", "path": "members", "value": [{"value": user}]}]}).to_string();
            scim.send("PATCH", &path, Some(&body)).await.status
        }));
    }
    for one in all {
        assert_eq!(one.await.unwrap(), 204);
    }
    users.sort();
    assert_eq!(members(&pusher, &group).await, users);
    // Removing some by value leaves the others: read by the letter it would empty the group.
    let path = format!("/Groups/{}", id(&group));
    let gone = json!([{"op": "Remove", "path": "members", "value": [{"value": users[0]}, {"value": users[1]}]}]);
    pusher.patch(&path, gone).await.is(204);
    assert_eq!(members(&pusher, &group).await, users[2..]);
    let one = json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", users[2])}]);
    pusher.patch(&path, one).await.is(204);
    assert_eq!(members(&pusher, &group).await, users[3..]);
    let version = pusher.get(&path).await.json()["meta"]["version"].clone();
    let again = json!([{"op": "add", "path": "members", "value": [{"value": users[5]}]}]);
    pusher.patch(&path, again).await.is(204);
    assert_eq!(pusher.get(&path).await.json()["meta"]["version"], version, "nothing changed");
    let listed = pusher.get(&format!("/Users/{}", users[5])).await.json();
    assert_eq!(listed["groups"][0]["display"], "Nurses");
    let asked = pusher
        .get(&format!("/Groups?filter=id%20eq%20%22{}%22%20and%20members%20eq%20%22{}%22", id(&group), users[5]))
        .await;
    assert_eq!(asked.json()["totalResults"], 1);
    pusher.patch(&path, json!([{"op": "remove", "path": "members"}])).await.is(204);
    assert!(members(&pusher, &group).await.is_empty());
}

#[actix_web::test]
async fn a_put_without_members_keeps_them_and_an_empty_list_ends_them() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let user = pusher.user("ada.l@acme.example").await;
    let group = pusher.group("Nurses", &[id(&user)]).await;
    let path = format!("/Groups/{}", id(&group));
    pusher.send("PUT", &path, Some(&json!({"displayName": "Carers"}))).await.is(200);
    assert_eq!(members(&pusher, &group).await.len(), 1);
    pusher.send("PUT", &path, Some(&json!({"displayName": "Carers", "members": []}))).await.is(200);
    assert!(members(&pusher, &group).await.is_empty());
    pusher
        .send("POST", "/Groups", Some(&json!({"displayName": "CARERS"})))
        .await
        .is_scim_error(409, Some("uniqueness"));
    pusher.send("POST", "/Groups", Some(&json!({"displayName": "Carers", "externalId": "x"}))).await.is(201);
}

#[actix_web::test]
async fn a_large_group_is_replaced_whole_and_everybody_gets_what_it_grants() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    pusher.map(json!([{"match": "group", "value": "Everybody", "roles": ["developer"]}])).await.is(200);
    let mut users = Vec::new();
    for n in 0..450 {
        users.push(id(&pusher.user(&format!("u{n}@acme.example")).await).to_owned());
    }
    let all: Vec<Value> = users.iter().map(|id| json!({"value": id})).collect();
    let group = pusher.group("Everybody", &[]).await;
    let path = format!("/Groups/{}", id(&group));
    let put = |members: &[Value]| json!({"displayName": "Everybody", "members": members});
    let answer = pusher.send("PUT", &path, Some(&put(&all))).await;
    answer.is(200);
    assert_eq!(answer.json()["members"].as_array().unwrap().len(), 450);
    app.run_jobs().await;
    wait_for_runs(&app).await;
    assert_eq!(app.count("SELECT count(*) FROM member_roles WHERE role = 'developer'"), 450);
    // One more who is nobody: nothing changes.
    let mut with_ghost = all.clone();
    with_ghost.push(json!({"value": "usr_00000000000000000000000000"}));
    pusher.send("PUT", &path, Some(&put(&with_ghost[1..]))).await.is_scim_error(400, Some("invalidValue"));
    assert_eq!(members(&pusher, &group).await.len(), 450);
    // Most of them at once: the guard asks an admin first.
    pusher.send("PUT", &path, Some(&put(&all[..100]))).await.is_scim_error(429, None);
    assert_eq!(members(&pusher, &group).await.len(), 450);
    pusher.act("let-pass").await;
    pusher.send("PUT", &path, Some(&put(&all[..100]))).await.is(200);
    wait_for_runs(&app).await;
    assert_eq!(app.count("SELECT count(*) FROM member_roles WHERE role = 'developer'"), 100);
    app.clock.advance(std::time::Duration::from_secs(7200));
    app.run_jobs().await;
    assert_eq!(app.count("SELECT count(*) FROM memberships"), 100, "the rows of former sets go");
}

async fn wait_for_runs(app: &TestApp) {
    for _ in 0..400 {
        if app.count("SELECT count(*) FROM runs") == 0 {
            return;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("a run does not end");
}

#[actix_web::test]
async fn a_group_keeps_what_it_grants_under_a_new_name_and_that_is_told() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let user = pusher.user("ada.l@acme.example").await;
    pusher.map(json!([{"match": "group", "value": " Nurses ", "roles": ["developer"], "tag": "ward"}])).await.is(200);
    let group = pusher.group("Nurses", &[id(&user)]).await;
    let member = pusher.member("ada.l@acme.example").await;
    assert_eq!(roles(&member), ["developer"]);
    assert_eq!(member["roles"][0]["from"], pusher.id);
    assert_eq!(member["tags"], json!(["Group:Nurses", "ward"]));
    let path = format!("/Groups/{}", id(&group));
    pusher.patch(&path, json!([{"op": "replace", "value": {"id": id(&group), "displayName": "Carers"}}])).await.is(204);
    let member = pusher.member("ada.l@acme.example").await;
    assert_eq!((roles(&member), &member["tags"]), (vec!["developer".to_owned()], &json!(["Group:Carers", "ward"])));
    let told = app.audit_of("directory.group_renamed").await;
    assert_eq!(told[0].changes["mapped_as"][1], "Nurses");
    // Another group of the old name gets it too; without a mapping of the name it ends.
    pusher.map(json!([{"match": "group", "value": "Carers", "roles": ["admin"]}])).await.is(200);
    assert_eq!(roles(&pusher.member("ada.l@acme.example").await), ["admin"]);
    pusher.send("DELETE", &path, None).await.is(204);
    assert_eq!(roles(&pusher.member("ada.l@acme.example").await), ["member"]);
}

#[actix_web::test]
async fn groups_fill_teams_and_roles_and_entitlements_grant() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let team = pusher.admin.made("/api/v1/teams", &json!({"name": "iOS"})).await;
    let mappings = json!([
        {"match": "group", "value": "iOS people", "team": id(&team)},
        {"match": "role", "value": "lead", "roles": ["developer"]},
        {"match": "entitlement", "value": "vault", "tag": "vault"},
    ]);
    pusher.map(mappings).await.is(200);
    let more = json!({"roles": [{"value": " lead "}], "entitlements": [{"value": "vault"}]});
    let user = pusher.user_with("ada.l@acme.example", more).await;
    pusher.group("iOS people", &[id(&user)]).await;
    let member = pusher.member("ada.l@acme.example").await;
    assert_eq!((roles(&member), &member["teams"]), (vec!["developer".to_owned()], &json!(["iOS"])));
    assert_eq!(member["tags"], json!(["Group:iOS people", "vault"]));
    // What was given here stays beside; what the directory gave cannot be taken here.
    let path = format!("/api/v1/members/{}/roles", id(&member));
    pusher.admin.put(&path, &json!({"roles": ["admin"]})).await.is(200);
    let both = pusher.member("ada.l@acme.example").await;
    assert_eq!(roles(&both), ["admin", "developer"]);
    pusher.patch(&format!("/Users/{}", id(&user)), json!([{"op": "remove", "path": "roles"}])).await.is(200);
    assert_eq!(roles(&pusher.member("ada.l@acme.example").await), ["admin", "member"]);
    pusher.map(json!([{"match": "group", "value": "x", "team": "team_00000000000000000000000000"}])).await.is(422);
    pusher.map(json!([{"match": "attribute", "value": "x", "roles": ["member"]}])).await.is(422);
}

#[actix_web::test]
async fn a_rename_away_from_a_mapped_name_ends_what_it_gave_and_the_guard_counts_it() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let mappings = json!([
        {"match": "group", "value": "Engineering", "roles": ["developer"]}, {"match": "group", "value": "Admins", "roles": ["admin"]},
    ]);
    pusher.map(mappings).await.is(200);
    let mut users = Vec::new();
    for n in 0..12 {
        users.push(id(&pusher.user(&format!("u{n}@acme.example")).await).to_owned());
    }
    let few: Vec<&str> = users[..2].iter().map(String::as_str).collect();
    let group = pusher.group("Engineering", &few).await;
    let rename = |name: &str| json!([{"op": "replace", "path": "displayName", "value": name}]);
    let path = format!("/Groups/{}", id(&group));
    pusher.patch(&path, rename("Admins")).await.is(204);
    wait_for_runs(&app).await;
    assert_eq!(roles(&pusher.member("u0@acme.example").await), ["admin", "developer"]);
    pusher.patch(&path, rename("Sales")).await.is(204);
    wait_for_runs(&app).await;
    assert_eq!(roles(&pusher.member("u0@acme.example").await), ["developer"]);
    // Twelve at once, by a name and by an empty list in the same request.
    let all: Vec<&str> = users.iter().map(String::as_str).collect();
    let great = pusher.group("Admins", &all).await;
    assert_eq!(app.count("SELECT count(*) FROM member_roles WHERE role = 'admin' AND came_from <> 'local'"), 12);
    let emptied = json!({"displayName": "Engineering", "externalId": "e", "members": []});
    pusher.send("PUT", &format!("/Groups/{}", id(&great)), Some(&emptied)).await.is_scim_error(429, None);
    assert_eq!(app.count("SELECT count(*) FROM member_roles WHERE role = 'admin' AND came_from <> 'local'"), 12);
    // Who is deleted is in no group, and the group says that it changed.
    let before = pusher.get(&format!("/Groups/{}", id(&great))).await.json()["meta"]["version"].clone();
    pusher.send("DELETE", &format!("/Users/{}", users[11]), None).await.is(204);
    let after = pusher.get(&format!("/Groups/{}", id(&great))).await.json();
    assert_ne!(after["meta"]["version"], before);
    assert_eq!(after["members"].as_array().unwrap().len(), 11);
}

#[actix_web::test]
async fn the_guard_reckons_with_the_users_that_there_are_now() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let mappings = json!([
        {"match": "group", "value": "Engineering", "roles": ["developer"]}, {"match": "group", "value": "Leads", "roles": ["admin"]},
    ]);
    pusher.map(mappings).await.is(200);
    let mut users = Vec::new();
    for n in 0..65 {
        users.push(id(&pusher.user(&format!("u{n}@acme.example")).await).to_owned());
    }
    let some: Vec<&str> = users[..12].iter().map(String::as_str).collect();
    let group = pusher.group("Engineering", &some).await;
    // Of 65 a fifth may lose access, and nobody changed the directory since the first of them came.
    for (name, held) in [("Leads", vec!["admin", "developer"]), ("Sales", vec!["developer"])] {
        let rename = json!([{"op": "replace", "path": "displayName", "value": name}]);
        pusher.patch(&format!("/Groups/{}", id(&group)), rename).await.is(204);
        wait_for_runs(&app).await;
        assert_eq!(roles(&pusher.member("u0@acme.example").await), held);
    }
}
