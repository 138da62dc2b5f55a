//! What holds for every call of the API: who may, how wrong input is told, doubles, and the document.

use serde_json::Value;
use serde_json::json;

use doorward::testing::Caller;
use doorward::testing::Role;
use doorward::testing::all_routes;
use doorward::testing::days;
use doorward::testing::holds;

use crate::support::TestApp;
use crate::support::server::OWNER;

/// Every call of the API: method, path with ids that are of the right kind, and what it needs.
fn calls() -> Vec<(String, String, Caller)> {
    let api = all_routes().into_iter().filter(|route| route.path.starts_with("/api/v1/"));
    api.map(|route| {
        let id = |prefix: &str| format!("{prefix}_00000000000000000000000000");
        let path = route
            .path
            .replace("{connection}", &id("con"))
            .replace("{member}", &id("mem"))
            .replace("{identity}", &id("idn"))
            .replace("{session}", &id("ses"))
            .replace("{key}", &id("key"))
            .replace("{test}", &id("test"))
            .replace("{group}", &id("grp"))
            .replace("{team}", &id("team"))
            .replace("{revision}", &id("rev"))
            .replace("{view}", &id("view"))
            .replace("{directory}", &id("dir"))
            .replace("{token}", &id("tok"))
            .replace("{role}", "nothing")
            .replace("{reference}", "DW-00000")
            .replace("{sha256}", &"0".repeat(64));
        assert!(!path.contains('{'), "{path}");
        (route.method, path, route.needs)
    })
    .collect()
}

#[tokio::test]
async fn a_stranger_learns_nothing_but_the_document() {
    let app = TestApp::start().await;
    let stranger = app.api_stranger();
    for (method, path, needs) in calls() {
        let answer = stranger.send(&method, &path, Some("{")).await;
        if needs == Caller::Anybody {
            answer.is(200);
            continue;
        }
        answer.is_problem(401, "signed_out");
        assert!(answer.header("www-authenticate").is_some_and(|scheme| scheme.starts_with("Bearer")));
        let unknown = stranger.with("Authorization", "Bearer dwapi_nobody").send(&method, &path, None).await;
        unknown.is_problem(401, "bad_api_key");
    }
    for header in ["Basic YTpi", "Bearer", "Bearer ", ""] {
        stranger.with("Authorization", header).get("/api/v1/members").await.is_problem(401, "bad_api_key");
    }
}

#[tokio::test]
async fn each_role_may_what_its_permissions_say() {
    let app = TestApp::start().await;
    for role in [Role::Owner, Role::Admin, Role::Developer] {
        let api = app.api(role.slug()).await;
        for (method, path, needs) in calls() {
            let Caller::Api(permission) = needs else { continue };
            let body = (method != "GET").then_some("{}");
            let answer = api.send(&method, &path, body).await;
            let is_forbidden = answer.status == 403 && answer.body.contains("/problems/forbidden");
            assert_eq!(!is_forbidden, holds(role, permission), "{role}: {method} {path} {}", answer.body);
            assert!(answer.status < 500, "{method} {path} {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_member_without_a_role_may_read_only_about_themselves() {
    let app = TestApp::start().await;
    let grace = app.api_browser(&app.member().await);
    let me = grace.get("/api/v1/me").await.is(200).json();
    let id = me["id"].as_str().unwrap();
    grace.get(&format!("/api/v1/members/{id}")).await.is(200);
    let sessions = grace.get(&format!("/api/v1/sessions?member_id={id}")).await.column("member_id");
    assert!(!sessions.is_empty() && sessions.iter().all(|member| member == id));
    for path in ["/api/v1/members", "/api/v1/sessions", "/api/v1/connections", "/api/v1/api-keys", "/api/v1/roles"] {
        grace.get(path).await.is_problem(403, "forbidden");
    }
    let other = grace.with("X-Doorward-CSRF", me["csrf"].as_str().unwrap());
    other.post("/api/v1/members", &json!({"email": "x@acme.example"})).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing() {
    let app = TestApp::start().await;
    let browser = app.api_browser(&app.owner().await);
    let me = browser.get("/api/v1/me").await.is(200).json();
    let token = me["csrf"].as_str().unwrap();
    let new = json!({"email": "x@acme.example"});
    browser.post("/api/v1/members", &new).await.is_problem(403, "csrf_missing");
    browser.with("X-Doorward-CSRF", "1.abc").post("/api/v1/members", &new).await.is_problem(403, "csrf_missing");
    let told = browser.with("X-Doorward-CSRF", token);
    told.with("Origin", "https://evil.example").post("/api/v1/members", &new).await.is_problem(403, "foreign_form");
    told.with("Sec-Fetch-Site", "cross-site").post("/api/v1/members", &new).await.is_problem(403, "foreign_form");
    told.post("/api/v1/members", &new).await.is(201);
    let member = told.get("/api/v1/members?email=x%40acme.example").await.json()["data"][0]["id"].clone();
    let path = format!("/api/v1/members/{}", member.as_str().unwrap());
    browser.delete(&path).await.is_problem(403, "csrf_missing");
    told.delete(&path).await.is(204);
}

#[tokio::test]
async fn a_wrong_address_method_or_type_is_a_problem_too() {
    let app = TestApp::start().await;
    let api = app.api("owner").await;
    api.get("/api/v1/nothing").await.is_problem(404, "not_found");
    api.get("/api/v2/members").await.is_problem(404, "not_found");
    api.send("PUT", "/api/v1/members", Some("{}")).await.is_problem(405, "method_not_allowed");
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/form-data; boundary=x"]
    {
        let answer = api.with("Content-Type", kind).send("POST", "/api/v1/members", Some("email=a")).await;
        answer.is_problem(415, "unsupported_media_type");
    }
    let json = api.with("Content-Type", "Application/JSON; charset=utf-8");
    json.post("/api/v1/members", &json!({"email": "x@acme.example"})).await.is(201);
    let patch = api.with("Content-Type", "application/merge-patch+json");
    patch.patch("/api/v1/members/mem_00000000000000000000000000", &json!({})).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn what_is_no_json_is_refused_and_never_fails_inside() {
    let app = TestApp::start().await;
    let api = app.api("owner").await;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        "{",
        "{\"email\": }",
        "nul",
        "\u{0}",
        "{\"email\":\"a\\ud800\"}",
        "{\"email\":1e999}",
        &deep,
        "{\"email\":\"a@b.example\",\"email\":\"c@d.example\"}",
        "{} {}",
        "{\"a\":01}",
    ] {
        let answer = api.send("POST", "/api/v1/members", Some(body)).await;
        answer.is_problem(400, "bad_request");
        assert!(answer.json()["detail"].as_str().unwrap().contains("line 1"), "{}", answer.body);
    }
    for body in ["[]", "1", "null", "\"text\"", "[{\"email\":\"a@b.example\"}]"] {
        api.send("POST", "/api/v1/members", Some(body)).await.is_invalid_at(&[""]);
    }
    for body in
        ["{\"email\":18446744073709551616}", "{\"email\":-1e308}", "{\"email\":{\"a\":[{}]}}", "{\"email\":null}"]
    {
        api.send("POST", "/api/v1/members", Some(body)).await.is_invalid_at(&["/email"]);
    }
    let many: String = (0..5000).map(|n| format!("\"f{n}\":1,")).collect();
    let answer = api.send("POST", "/api/v1/members", Some(&format!("{{{}\"email\":1}}", many))).await;
    answer.is_problem(422, "invalid");
    assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 20);
    let large = format!("{{\"email\":\"{}\"}}", "a".repeat(300 * 1024));
    api.send("POST", "/api/v1/members", Some(&large)).await.is_problem(413, "too_large");
}

#[tokio::test]
async fn rubbish_in_every_place_of_every_call_never_fails_inside() {
    let app = TestApp::start().await;
    let api = app.api("owner").await;
    let rubbish = json!({"name": "\u{0}", "email": "'\"%\u{0}", "role": "';--", "roles": ["\u{202e}"], "kind": "saml",
        "idp_metadata_url": "file:///etc/passwd", "test_id": "\u{0}", "expires_at": "9999-99-99", "without_test": "\u{0}",
        "certificates": ["\u{0}"], "clock_skew": 1e300});
    for (method, path, _) in calls() {
        for body in [rubbish.to_string(), "{}".to_owned(), "[[[".to_owned()] {
            let body = (method != "GET").then_some(body.as_str());
            let answer = api.send(&method, &path, body).await;
            assert!(answer.status < 500, "{method} {path} {body:?} {}", answer.body);
        }
        for query in [
            "limit=%00",
            "cursor=%27%22%25",
            "member_id=%00",
            "from=x&to=%00",
            "actor=%00&target=%25%27",
            "%00=%00",
            "&&=",
            "q=%ed%a0%80",
        ] {
            let answer = api.send(&method, &format!("{path}?{query}"), None).await;
            assert!(answer.status < 500, "{method} {path}?{query} {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_repeated_post_acts_once_and_is_answered_the_same() {
    let app = TestApp::start().await;
    let api = app.api("owner").await;
    let once = api.with("Idempotency-Key", "11e1");
    let new = json!({"name": "a program", "role": "developer"});
    let first = once.post("/api/v1/api-keys", &new).await;
    let second = once.post("/api/v1/api-keys", &new).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, None));
    assert_eq!((second.status, second.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!(first.body, second.body);
    assert_eq!(first.location(), second.location());
    assert_eq!(second.header("content-type"), Some("application/json"));
    once.post("/api/v1/api-keys", &json!({"name": "another"})).await.is_problem(409, "idempotency_key_reused");
    once.post("/api/v1/members", &new).await.is_problem(409, "idempotency_key_reused");
    assert_eq!(app.count("SELECT count(*) FROM api_keys WHERE name = 'a program'"), 1);
    let kept: String =
        app.database().query_row("SELECT answer_sealed FROM idempotency_keys", [], |row| row.get(0)).unwrap();
    assert!(!kept.contains("dwapi_"));

    let other = app.api("owner").await.with("Idempotency-Key", "11e1");
    assert_eq!(other.post("/api/v1/api-keys", &new).await.is(201).header("idempotent-replayed"), None);
    app.clock.advance(days(2));
    assert_eq!(once.post("/api/v1/api-keys", &new).await.is(201).header("idempotent-replayed"), None);
}

#[tokio::test]
async fn a_refusal_keeps_nothing_and_a_key_has_a_shape() {
    let app = TestApp::start().await;
    let api = app.api("owner").await;
    let once = api.with("Idempotency-Key", "k");
    let first = once.post("/api/v1/members", &json!({"email": OWNER})).await;
    first.is_invalid_at(&["/email"]);
    assert_eq!(app.count("SELECT count(*) FROM idempotency_keys"), 0);
    let mended = once.post("/api/v1/members", &json!({"email": "grace@acme.example"})).await;
    assert_eq!(mended.is(201).header("idempotent-replayed"), None);
    for key in ["", " ", &"k".repeat(256)] {
        let answer = api.with("Idempotency-Key", key).post("/api/v1/members", &json!({})).await;
        answer.is_problem(400, "bad_request");
    }
    app.api_stranger()
        .with("Idempotency-Key", "k")
        .post("/api/v1/members", &json!({}))
        .await
        .is_problem(401, "signed_out");
}

#[tokio::test]
async fn doubles_at_the_same_time_act_once() {
    let app = TestApp::start().await;
    let once = app.api("owner").await.with("Idempotency-Key", "k");
    let new = json!({"name": "a program"});
    let post = || once.post("/api/v1/api-keys", &new);
    let (a, b, c, d) = tokio::join!(post(), post(), post(), post());
    for answer in [&a, &b, &c, &d] {
        assert_eq!((answer.is(201).body.as_str(), answer.location()), (a.body.as_str(), a.location()));
    }
    assert_eq!(app.count("SELECT count(*) FROM api_keys WHERE name = 'a program'"), 1);
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_what_it_means() {
    let app = TestApp::start().await;
    let api = app.api("developer").await;
    let problem = api.get("/api/v1/roles").await.is_problem(403, "forbidden").json();
    let path = problem["type"].as_str().unwrap().strip_prefix(&app.origin).unwrap().to_owned();
    let page = app.stranger().get(&path).await;
    assert!(page.is(200).body.starts_with("forbidden\n"), "{}", page.body);
    assert!(app.stranger().get("/problems/saml_audience").await.is(200).body.contains("audience"));
    app.stranger().get("/problems/no_such_code").await.is(404);
}

fn document() -> Value {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

#[tokio::test]
async fn the_document_is_the_frozen_one() {
    let app = TestApp::start().await;
    let mut served = app.api_stranger().get("/api/v1/openapi.json").await.is(200).json();
    assert_eq!(served["servers"][0]["url"], app.origin);
    let mut frozen = document();
    served["servers"] = json!([]);
    frozen["servers"] = json!([]);
    assert!(served == frozen, "the API changed: cargo run -- openapi > docs/openapi.json, and read the difference");
}

#[test]
fn every_call_is_in_the_document_and_the_document_names_no_other() {
    let document = document();
    let mut documented: Vec<(String, String)> = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            documented.push((method.to_uppercase(), path.clone()));
        }
    }
    let routes = all_routes().into_iter().filter(|route| route.path.starts_with("/api/v1/"));
    let mut routed: Vec<(String, String)> = routes.map(|route| (route.method, route.path.to_owned())).collect();
    documented.sort();
    routed.sort();
    assert_eq!(documented, routed);
}

#[test]
fn every_reference_of_the_document_leads_somewhere_and_every_schema_is_used() {
    let document = document();
    let text = document.to_string();
    let mut named: Vec<&str> =
        text.split("\"#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    named.sort_unstable();
    named.dedup();
    let known: Vec<&str> = document["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(named, known);
}
