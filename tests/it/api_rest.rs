//! `/me`, `/sessions`, `/audit-events`, `/roles` and `/api-keys`.

use doorward::testing::hours;
use doorward::testing::seconds;
use serde_json::json;

use crate::support::TestApp;
use crate::support::idp_saml::Reply;
use crate::support::server::OWNER;

#[tokio::test]
async fn me_is_whoever_the_session_belongs_to() {
    let app = TestApp::start().await;
    let me = app.api_browser(&app.owner().await).get("/api/v1/me").await.is(200).json();
    assert_eq!((&me["email"], &me["name"], &me["roles"]), (&json!(OWNER), &json!("Ada Example"), &json!(["owner"])));
    assert_eq!(me["signed_in_with"], json!({"kind": "password", "connection_id": null}));
    assert!(me["organization"]["slug"].is_string() && me["organization"]["id"].as_str().unwrap().starts_with("org_"));
    for field in ["groups", "teams", "tags"] {
        assert_eq!(me[field], json!([]), "{field}");
    }
    app.api_stranger().get("/api/v1/me").await.is_problem(401, "signed_out");
    app.api("owner").await.get("/api/v1/me").await.is_problem(403, "session_only");

    let idp = app.active_connection().await;
    let (browser, _) = app.sign_in_by_saml(&idp, "grace@acme.example").await;
    let grace = app.api_browser(&browser).get("/api/v1/me").await.is(200).json();
    assert_eq!(grace["signed_in_with"], json!({"kind": "saml", "connection_id": idp.id}));
    assert_eq!((&grace["job_title"], &grace["groups"]), (&json!("Rear Admiral"), &json!(["Platform", "Staff"])));
    assert_eq!((&grace["source"], &grace["tags"]), (&json!("sso"), &json!(["Group:Platform", "Group:Staff"])));
}

#[tokio::test]
async fn sessions_are_listed_shown_and_ended() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let (grace, ada) = (app.member().await, app.owner().await);
    let id = app.api_browser(&grace).get("/api/v1/me").await.json()["id"].as_str().unwrap().to_owned();
    let all = api.get("/api/v1/sessions").await.column("id");
    let mine = api.get(&format!("/api/v1/sessions?member_id={id}")).await;
    assert!(all.len() > mine.column("id").len());
    let session = mine.json()["data"][0].clone();
    assert_eq!(session["method"], json!({"kind": "password", "connection_id": null}));
    assert_eq!((&session["ip"], &session["applications"]), (&json!("127.0.0.1"), &json!([])));
    let path = format!("/api/v1/sessions/{}", session["id"].as_str().unwrap());
    assert_eq!(api.get(&path).await.json(), session);
    api.delete(&path).await.is(204);
    api.get(&path).await.is_problem(404, "not_found");
    app.api_browser(&grace).get("/api/v1/me").await.is_problem(401, "signed_out");

    api.delete("/api/v1/sessions").await.is_invalid_at(&["/member_id"]);
    api.delete("/api/v1/sessions?member_id=all").await.is_invalid_at(&["/member_id"]);
    api.get("/api/v1/sessions?member_id=con_x").await.is_invalid_at(&["/member_id"]);
    api.delete("/api/v1/sessions?member_id=mem_00000000000000000000000000").await.is_problem(404, "not_found");
    let owner = app.api_browser(&ada).get("/api/v1/me").await.json()["id"].as_str().unwrap().to_owned();
    api.delete(&format!("/api/v1/sessions?member_id={owner}")).await.is(204);
    app.api_browser(&ada).get("/api/v1/me").await.is_problem(401, "signed_out");
    assert_eq!(api.get(&format!("/api/v1/sessions?member_id={owner}")).await.column("id"), Vec::<String>::new());
}

/// What was done and what was refused are looked for apart; whoever pages sees one list.
#[tokio::test]
async fn pages_of_audit_events_are_the_list_cut_into_pieces() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    for n in 0..4 {
        app.sign_in_by_saml(&idp, "grace@acme.example").await;
        let mut browser = app.stranger();
        let request = browser.start(&idp, "/").await;
        let elsewhere =
            Reply { audience: "https://other.example".to_owned(), ..idp.reply(app.now(), Some(&request.id)) };
        assert_eq!(browser.bring(&idp, &elsewhere.encoded()).await.status, 403);
        // Some events are of one time, others are not.
        app.clock.advance(seconds(n));
    }
    let api = app.api("admin").await;
    let start = api.get("/api/v1/audit-events?action=organization.created").await.column("at").remove(0);
    let end = app.now().rfc3339();
    let mut counts = Vec::new();
    for filter in [
        String::new(),
        format!("target={}", idp.id),
        format!("target={}&action=sign_in.refused", idp.id),
        format!("actor={}", idp.id),
        format!("actor={}&result=ok", idp.id),
        "result=ok".to_owned(),
        "result=refused".to_owned(),
        "action=sign_in.succeeded&result=refused".to_owned(),
        format!("from={start}&to={end}"),
        format!("from={start}&to={end}&result=refused"),
    ] {
        let all = api.get(&format!("/api/v1/audit-events?limit=200&{filter}")).await.column("id");
        let mut paged = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = api.get(&format!("/api/v1/audit-events?limit=2&{filter}{cursor}")).await;
            paged.extend(page.column("id"));
            match page.json()["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(paged, all, "{filter}");
        counts.push(all.len());
    }
    assert!(counts[0] > 10 && counts[0] == counts[5] + counts[6] && counts[6] == 4, "{counts:?}");
    assert_eq!((counts[2], counts[7]), (4, 0), "{counts:?}");
    let times = api.get("/api/v1/audit-events?limit=200").await.column("at");
    assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");
}

#[tokio::test]
async fn audit_events_are_read_newest_first_and_narrowed() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let member = api.made("/api/v1/members", &json!({"email": "a@acme.example", "roles": ["developer"]})).await;
    let id = member["id"].as_str().unwrap();
    api.patch(&format!("/api/v1/members/{id}"), &json!({"name": "A"})).await.is(200);
    app.stranger().sign_in(OWNER, "wrong, but long enough").await;

    let all = api.get("/api/v1/audit-events").await;
    let of_member = api.get(&format!("/api/v1/audit-events?target={id}")).await;
    assert_eq!(of_member.column("action"), ["member.updated", "member.created"]);
    let event = of_member.json()["data"][0].clone();
    assert_eq!(event["changes"], json!({"name": [null, "A"]}));
    assert_eq!((&event["result"], &event["level"], &event["code"]), (&json!("ok"), &json!("info"), &json!(null)));
    assert_eq!((&event["actor"]["kind"], &event["target"]["name"]), (&json!("api_key"), &json!("a@acme.example")));
    assert!(event["request_id"].is_string() && event["ip"] == "127.0.0.1", "{event}");
    let actor = event["actor"]["id"].as_str().unwrap();
    assert_eq!(api.get(&format!("/api/v1/audit-events?actor={actor}")).await.column("id"), of_member.column("id"));
    assert_eq!(api.get("/api/v1/audit-events?action=member.updated").await.column("id"), of_member.column("id")[..1]);
    assert_eq!(api.get("/api/v1/audit-events?result=refused").await.column("code"), ["password_refused"]);
    assert_eq!(api.get("/api/v1/audit-events?level=alarm").await.column("id"), Vec::<String>::new());
    let later = (app.now() + hours(1)).to_string();
    assert_eq!(api.get(&format!("/api/v1/audit-events?from={later}")).await.column("id"), Vec::<String>::new());
    assert_eq!(api.get(&format!("/api/v1/audit-events?to={later}")).await.column("id"), all.column("id"));
    assert_eq!(api.get("/api/v1/audit-events?target=%27%25&actor=%22").await.column("id"), Vec::<String>::new());
    for (query, pointers) in [
        ("action=member.exploded", &["/action"][..]),
        ("result=maybe", &["/result"]),
        ("level=loud", &["/level"]),
        ("from=yesterday&to=2026-13-01T00:00:00Z", &["/from", "/to"]),
        ("cursor=x", &["/cursor"]),
        ("who=me", &["/who"]),
    ] {
        api.get(&format!("/api/v1/audit-events?{query}")).await.is_invalid_at(pointers);
    }
    let first = api.get("/api/v1/audit-events?limit=2").await.json();
    let next =
        api.get(&format!("/api/v1/audit-events?limit=200&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_eq!(next.column("id"), all.column("id")[2..]);
}

#[tokio::test]
async fn roles_are_four_with_what_they_may() {
    let app = TestApp::start().await;
    let answer = app.api("admin").await.get("/api/v1/roles").await;
    assert_eq!(answer.column("slug"), ["owner", "admin", "developer", "member"]);
    let roles = answer.json()["data"].clone();
    assert!(roles[0]["permissions"].as_array().unwrap().contains(&json!("instance.write")));
    assert!(!roles[1]["permissions"].as_array().unwrap().contains(&json!("instance.write")));
    assert_eq!(roles[3]["permissions"], json!([]));
}

#[tokio::test]
async fn a_key_is_shown_once_and_has_no_more_than_its_maker() {
    let app = TestApp::start().await;
    let (admin, developer) = (app.api("admin").await, app.api("developer").await);
    let made = admin.made("/api/v1/api-keys", &json!({"name": "deploy", "role": "developer"})).await;
    let secret = made["key"].as_str().unwrap();
    assert!(secret.starts_with("dwapi_") && secret.starts_with(made["prefix"].as_str().unwrap()));
    let path = format!("/api/v1/api-keys/{}", made["id"].as_str().unwrap());
    let shown = admin.get(&path).await;
    assert!(!shown.is(200).body.contains(secret) && shown.json()["key"].is_null());
    assert_eq!((&shown.json()["name"], &shown.json()["role"]), (&json!("deploy"), &json!("developer")));
    assert!(!admin.get("/api/v1/api-keys").await.body.contains(secret));
    let caller = app.api_stranger().with("Authorization", &format!("bearer {secret}"));
    caller.get("/api/v1/members").await.is(200);

    developer
        .post("/api/v1/api-keys", &json!({"name": "x", "role": "admin"}))
        .await
        .is_problem(403, "role_above_yours");
    developer.made("/api/v1/api-keys", &json!({"name": "x", "role": "developer"})).await;
    admin.post("/api/v1/api-keys", &json!({"name": "x", "role": "owner"})).await.is_problem(403, "role_above_yours");
    let owners = app.api("owner").await.made("/api/v1/api-keys", &json!({"name": "x", "role": "owner"})).await;
    let above = format!("/api/v1/api-keys/{}", owners["id"].as_str().unwrap());
    developer.delete(&above).await.is_problem(403, "role_above_yours");

    admin.delete(&path).await.is(204);
    admin.get(&path).await.is_problem(404, "not_found");
    caller.get("/api/v1/members").await.is_problem(401, "bad_api_key");
    admin.post("/api/v1/api-keys", &json!({})).await.is_invalid_at(&["/name"]);
    let bad = json!({"name": "", "role": "member", "expires_at": "2001-01-01T00:00:00Z"});
    admin.post("/api/v1/api-keys", &bad).await.is_invalid_at(&["/name", "/role", "/expires_at"]);
    admin.post("/api/v1/api-keys", &json!({"name": "x", "expires_at": "soon"})).await.is_invalid_at(&["/expires_at"]);
}

#[tokio::test]
async fn a_key_ends_when_it_says() {
    let app = TestApp::start().await;
    let admin = app.api("admin").await;
    let end = (app.now() + hours(2)).to_string();
    let made = admin.made("/api/v1/api-keys", &json!({"name": "short", "expires_at": end})).await;
    assert_eq!(made["expires_at"], end);
    let caller = app.api_stranger().with("Authorization", &format!("Bearer {}", made["key"].as_str().unwrap()));
    caller.get("/api/v1/members").await.is(200);
    app.clock.advance(hours(3));
    caller.get("/api/v1/members").await.is_problem(401, "bad_api_key");
}
