//! `/api/v1/members`: who is here, and what may be done about it.

use serde_json::json;

use crate::support::TestApp;
use crate::support::server::OWNER;
use crate::support::server::PASSWORD;

const MEMBERS: &str = "/api/v1/members";

fn at(member: &serde_json::Value) -> String {
    format!("{MEMBERS}/{}", member["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_member_is_added_shown_changed_and_removed() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let new =
        json!({"email": "Grace@Acme.example", "given_name": "Grace", "family_name": "Hopper", "job_title": "Admiral"});
    let answer = api.post(MEMBERS, &new).await;
    answer.is(201);
    let member = answer.json();
    assert_eq!(answer.location(), format!("{}{}", app.origin, at(&member)));
    assert_eq!(member["name"], "Grace Hopper");
    assert_eq!((&member["status"], &member["source"]), (&json!("active"), &json!("manual")));
    assert_eq!(member["roles"], json!([{"role": "member", "from": "local"}]));
    assert_eq!(
        (&member["groups"], &member["directory_id"], &member["last_seen_at"]),
        (&json!([]), &json!(null), &json!(null))
    );
    assert_eq!(api.get(&at(&member)).await.json(), member);

    let answer = api.patch(&at(&member), &json!({"job_title": null, "name": "Amazing Grace"})).await;
    let changed = answer.is(200).json();
    assert_eq!((&changed["job_title"], &changed["name"]), (&json!(null), &json!("Amazing Grace")));
    assert_eq!((&changed["given_name"], &changed["version"]), (&json!("Grace"), &json!(2)));

    api.delete(&at(&member)).await.is(204);
    api.get(&at(&member)).await.is_problem(404, "not_found");
    api.delete(&at(&member)).await.is_problem(404, "not_found");
    let actions: Vec<String> = app.audit().await.into_iter().map(|event| event.action).collect();
    for action in ["member.created", "member.updated", "member.deleted"] {
        assert!(actions.iter().any(|known| known == action), "{action} is not in {actions:?}");
    }
}

#[tokio::test]
async fn bad_members_are_told_field_by_field() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    api.post(MEMBERS, &json!({})).await.is_invalid_at(&["/email"]);
    api.post(MEMBERS, &json!({"email": "nobody", "name": "a\u{0}b", "roles": ["root"]}))
        .await
        .is_invalid_at(&["/email", "/name", "/roles"]);
    api.post(MEMBERS, &json!({"email": 1, "nme": "x", "roles": ["member", 2]}))
        .await
        .is_invalid_at(&["/email", "/nme", "/roles/1"]);
    api.post(MEMBERS, &json!({"email": OWNER})).await.is_invalid_at(&["/email"]);
    let member = api.made(MEMBERS, &json!({"email": "a@acme.example"})).await;
    api.patch(&at(&member), &json!({"email": null})).await.is_invalid_at(&["/email"]);
    api.patch(&at(&member), &json!({"roles": ["admin"]})).await.is_invalid_at(&["/roles"]);
    api.patch(&at(&member), &json!({"email": OWNER})).await.is_invalid_at(&["/email"]);
    api.put(&format!("{}/roles", at(&member)), &json!({})).await.is_invalid_at(&["/roles"]);
    for id in ["mem_0", "con_00000000000000000000000000", "mem_00000000000000000000000000", "%00", "..%2f"] {
        api.get(&format!("{MEMBERS}/{id}")).await.is_problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_list_is_narrowed_by_each_filter_and_by_nothing_else() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    for (email, title, role) in [
        ("o'hara@acme.example", "100% \"sure\"", "member"),
        ("per_cent@acme.example", "Lead", "developer"),
        ("plain@acme.example", "Lead", "member"),
    ] {
        api.made(MEMBERS, &json!({"email": email, "job_title": title, "roles": [role]})).await;
    }
    let plain = api.get("/api/v1/members?email=PLAIN%40acme.example").await.json()["data"][0].clone();
    api.post(&format!("{}/deactivate", at(&plain)), &json!({})).await.is(200);
    for (query, emails) in [
        ("role=developer", vec!["per_cent@acme.example"]),
        ("role=owner", vec![OWNER]),
        ("status=inactive", vec!["plain@acme.example"]),
        ("job_title=Lead&status=active", vec!["per_cent@acme.example"]),
        ("job_title=100%25+%22sure%22", vec!["o'hara@acme.example"]),
        ("q=o%27hara", vec!["o'hara@acme.example"]),
        ("q=r_c", vec!["per_cent@acme.example"]),
        ("q=%25", vec!["o'hara@acme.example"]),
        ("q=%27%20OR%201=1--", vec![]),
        ("tag=Group%3ANobody", vec![]),
        ("source=scim", vec![]),
        ("email=%ff%fe", vec![]),
    ] {
        assert_eq!(api.get(&format!("{MEMBERS}?{query}")).await.column("email"), emails, "{query}");
    }
    api.get("/api/v1/members?q=%00&email=a%0ab").await.is_invalid_at(&["/q", "/email"]);
    api.get("/api/v1/members?role=root").await.is_invalid_at(&["/role"]);
    api.get("/api/v1/members?status=gone&source=x").await.is_invalid_at(&["/status", "/source"]);
    api.get("/api/v1/members?emial=a").await.is_invalid_at(&["/emial"]);
    api.get("/api/v1/members?email=a&email=b").await.is_invalid_at(&["/email"]);
}

#[tokio::test]
async fn pages_of_a_list_hold_every_member_once() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    for n in 0..6 {
        api.made(MEMBERS, &json!({"email": format!("p{n}@acme.example")})).await;
    }
    for filter in ["", "q=acme&"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let answer = api.get(&format!("{MEMBERS}?{filter}limit=3&cursor={cursor}")).await;
            seen.extend(answer.is(200).column("email"));
            match answer.json()["next_cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(seen.len(), 7, "{filter}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 7, "{filter}");
    }
    for query in ["limit=0", "limit=201", "limit=-1", "limit=x", "limit=99999999999999999999"] {
        api.get(&format!("{MEMBERS}?{query}")).await.is_invalid_at(&["/limit"]);
    }
    api.get("/api/v1/members?cursor=key_00000000000000000000000000").await.is_invalid_at(&["/cursor"]);
}

#[tokio::test]
async fn a_deactivated_member_is_out_at_once_and_comes_back() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let mut grace = app.member().await;
    let id = api.get("/api/v1/members?email=grace%40acme.example").await.json()["data"][0].clone();
    assert_eq!(app.api_browser(&grace).get("/api/v1/me").await.status, 200);
    let answer = api.post(&format!("{}/deactivate", at(&id)), &json!({})).await;
    assert_eq!(answer.is(200).json()["status"], "inactive");
    assert!(answer.json()["deactivated_at"].is_string());
    app.api_browser(&grace).get("/api/v1/me").await.is_problem(401, "signed_out");
    api.post(&format!("{}/password-link", at(&id)), &json!({})).await.is_problem(409, "member_inactive");
    let answer = api.post(&format!("{}/reactivate", at(&id)), &json!({})).await;
    assert_eq!((&answer.is(200).json()["status"], &answer.json()["deactivated_at"]), (&json!("active"), &json!(null)));
    assert_eq!(grace.sign_in("grace@acme.example", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn roles_are_set_as_a_whole_and_nobody_gives_more_than_they_have() {
    let app = TestApp::start().await;
    let (admin, owner) = (app.api("admin").await, app.api("owner").await);
    let member = admin.made(MEMBERS, &json!({"email": "a@acme.example"})).await;
    let roles = format!("{}/roles", at(&member));
    let answer = admin.put(&roles, &json!({"roles": ["developer", "admin", "admin"]})).await;
    let held = json!([{"role": "admin", "from": "local"}, {"role": "developer", "from": "local"}]);
    assert_eq!(answer.is(200).json()["roles"], held);
    assert_eq!(answer.json()["version"], 2);
    admin.put(&roles, &json!({"roles": ["owner"]})).await.is_problem(403, "role_above_yours");
    admin.put(&roles, &json!({"roles": ["king"]})).await.is_invalid_at(&["/roles"]);
    owner.put(&roles, &json!({"roles": ["owner"]})).await.is(200);
    admin.patch(&at(&member), &json!({"name": "x"})).await.is_problem(403, "role_above_yours");
    admin.delete(&at(&member)).await.is_problem(403, "role_above_yours");
    owner.put(&roles, &json!({"roles": []})).await.is(200);
}

#[tokio::test]
async fn the_last_owner_stays() {
    let app = TestApp::start().await;
    let owner = app.api("owner").await;
    let me = owner.get(&format!("{MEMBERS}?role=owner")).await.json()["data"][0].clone();
    owner.delete(&at(&me)).await.is_problem(409, "lockout_last_admin");
    owner.post(&format!("{}/deactivate", at(&me)), &json!({})).await.is_problem(409, "lockout_last_admin");
    owner.put(&format!("{}/roles", at(&me)), &json!({"roles": []})).await.is_problem(409, "lockout_last_admin");
}

#[tokio::test]
async fn a_password_link_is_shown_once_and_works_once() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let member = api.made(MEMBERS, &json!({"email": "new@acme.example"})).await;
    let answer = api.post(&format!("{}/password-link", at(&member)), &json!({})).await;
    let link = answer.is(200).json();
    assert!(link["expires_at"].is_string());
    let path = link["url"].as_str().unwrap().strip_prefix(&app.origin).unwrap().to_owned();
    let mut browser = app.stranger();
    let form = browser.get(&path).await.form(&path);
    assert_eq!(browser.submit(&form.fill("password", PASSWORD)).await.status, 303);
    assert_eq!(app.api_browser(&browser).get("/api/v1/me").await.json()["email"], "new@acme.example");
    assert_eq!(app.stranger().get(&path).await.status, 404);
    assert!(!api.get(&at(&member)).await.body.contains("dwlink_"));
}

#[tokio::test]
async fn an_edit_of_what_was_changed_meanwhile_is_refused() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let member = api.made(MEMBERS, &json!({"email": "a@acme.example"})).await;
    let first = api.get(&at(&member)).await.header("etag").unwrap().to_owned();
    assert!(first.starts_with("\"v1"), "{first}");
    api.with("If-None-Match", &first).get(&at(&member)).await.is(304);
    api.with("If-Match", &first).patch(&at(&member), &json!({"name": "One"})).await.is(200);

    let stale = api.with("If-Match", &first);
    stale.patch(&at(&member), &json!({"name": "Two"})).await.is_problem(412, "changed_meanwhile");
    stale.put(&format!("{}/roles", at(&member)), &json!({"roles": []})).await.is_problem(412, "changed_meanwhile");
    stale.post(&format!("{}/deactivate", at(&member)), &json!({})).await.is_problem(412, "changed_meanwhile");
    stale.delete(&at(&member)).await.is_problem(412, "changed_meanwhile");
    stale.with("If-Match", "\"other\"").delete(&at(&member)).await.is_problem(412, "changed_meanwhile");
    assert_eq!(api.with("If-None-Match", &first).get(&at(&member)).await.json()["name"], "One");

    api.with("If-Match", "\"v2\"")
        .put(&format!("{}/roles", at(&member)), &json!({"roles": ["developer"]}))
        .await
        .is(200);
    stale.with("If-Match", "\"v2\"").delete(&at(&member)).await.is_problem(412, "changed_meanwhile");
    api.with("If-Match", "*").delete(&at(&member)).await.is(204);
}
