//! `/api/v1/connections`: from a draft to an active connection and back, with what is refused on the way.

use serde_json::Value;
use serde_json::json;

use crate::api_support::Api;
use crate::saml_metadata;
use crate::saml_metadata::Link;
use crate::support::Idp;
use crate::support::TestApp;
use crate::support::idp_saml::ENTITY_ID;
use crate::support::idp_saml::Key;
use crate::support::idp_saml::Request;
use crate::support::idp_saml::SSO_URL;

const CONNECTIONS: &str = "/api/v1/connections";

fn at(connection: &Value) -> String {
    format!("{CONNECTIONS}/{}", connection["id"].as_str().unwrap())
}

fn by_hand() -> Value {
    json!({"kind": "saml", "name": "Okta", "idp_entity_id": ENTITY_ID, "sso_url": SSO_URL, "certificates": [Key::idp().pem()]})
}

fn metadata() -> String {
    saml_metadata::metadata(ENTITY_ID, &[Key::idp()])
}

fn idp(connection: &Value) -> Idp {
    let text = |field: &str| connection[field].as_str().unwrap().to_owned();
    Idp {
        id: text("id").parse().unwrap(),
        entity_id: text("entity_id"),
        acs_url: text("acs_url"),
        entity: ENTITY_ID.to_owned(),
    }
}

/// Runs a test of the connection through to its end, and shows it.
async fn tested(app: &TestApp, api: &Api, connection: &Value) -> Value {
    let test = api.made(&format!("{}/tests", at(connection)), &json!({})).await;
    let mut browser = app.stranger();
    let answer = browser.get(test["url"].as_str().unwrap()).await;
    let request = Request::read(answer.location());
    let idp = idp(connection);
    browser.bring(&idp, &idp.reply(app.now(), Some(&request.id)).encoded()).await;
    api.get(&format!("{}/tests/{}", at(connection), test["id"].as_str().unwrap())).await.is(200).json()
}

#[tokio::test]
async fn a_connection_by_hand_is_a_draft_with_all_that_the_provider_needs() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let answer = api.post(CONNECTIONS, &by_hand()).await;
    let made = answer.is(201).json();
    let id = made["id"].as_str().unwrap();
    assert_eq!(answer.location(), format!("{}{}", app.origin, at(&made)));
    assert_eq!(made["kind"], "saml");
    assert_eq!(made["status"], "draft");
    assert_eq!(made["provider"], "custom");
    assert_eq!(made["start_url"], format!("{}/sso/{id}/start", app.origin));
    assert_eq!(made["entity_id"], format!("{}/saml/{id}", app.origin));
    assert_eq!(made["acs_url"], format!("{}/saml/{id}/acs", app.origin));
    assert_eq!(made["metadata_url"], format!("{}/saml/{id}/metadata", app.origin));
    assert_eq!(
        (&made["jit"], &made["default_role"], &made["any_domain"]),
        (&json!(true), &json!("member"), &json!(null))
    );
    assert_eq!((&made["idp_entity_id"], &made["sso_url"]), (&json!(ENTITY_ID), &json!(SSO_URL)));
    assert_eq!((&made["draft"], &made["problem"], &made["version"]), (&json!(null), &json!(null), &json!(1)));
    let certificate = &made["certificates"][0];
    assert_eq!(certificate["sha256"].as_str().unwrap().len(), 64);
    assert_eq!((&certificate["state"], &certificate["source"]), (&json!("valid"), &json!("metadata")));
    assert!(certificate["key"].as_str().unwrap().contains("2048"), "{certificate}");
    assert_eq!(api.get(&at(&made)).await.json(), made);
    assert_eq!(api.get(CONNECTIONS).await.json()["data"], json!([made]));
    for path in [made["metadata_url"].as_str().unwrap(), made["certificate_url"].as_str().unwrap()] {
        app.stranger().get(path).await.is(200);
    }
    let raw: String = Key::idp().pem().lines().nth(1).unwrap().chars().take(40).collect();
    assert!(!answer.body.contains(&raw), "a raw certificate went out");
}

#[tokio::test]
async fn metadata_comes_as_xml_or_by_a_link_and_in_no_two_ways() {
    let link = Link::serve(metadata());
    let (url, app) = (&link.url, TestApp::with(&[("outbound_allow", &link.host)]).await);
    let api = app.api("admin").await;
    let xml = json!({"kind": "saml", "name": "Okta", "provider": "okta", "idp_metadata_xml": metadata(), "jit": false,
        "default_role": "none", "any_domain": false, "link_existing": true, "expired_certificates": "refuse",
        "allow_idp_initiated": true, "clock_skew": 60, "sso_binding": "post", "attributes": {"job_title": " title "}});
    let made = api.made(CONNECTIONS, &xml).await;
    assert_eq!((&made["idp_entity_id"], &made["sso_url"]), (&json!(ENTITY_ID), &json!(SSO_URL)));
    for (field, value) in [
        ("provider", json!("okta")),
        ("jit", json!(false)),
        ("default_role", json!("none")),
        ("any_domain", json!(false)),
        ("link_existing", json!(true)),
        ("expired_certificates", json!("refuse")),
        ("allow_idp_initiated", json!(true)),
        ("clock_skew", json!(60)),
        ("attributes", json!({"job_title": "title"})),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    let by_link = api.made(CONNECTIONS, &json!({"kind": "saml", "name": "L", "idp_metadata_url": url})).await;
    assert_eq!((&by_link["idp_metadata_url"], &by_link["watch_metadata"]), (&json!(url), &json!(true)));
    assert_eq!(by_link["certificates"], by_link["certificates"]);
    assert_eq!((&by_link["idp_entity_id"], &by_link["problem"]), (&json!(ENTITY_ID), &json!(null)));

    let mut two = by_hand();
    two["idp_metadata_xml"] = json!(metadata());
    api.post(CONNECTIONS, &two).await.is_invalid_at(&[""]);
    api.post(CONNECTIONS, &json!({"kind": "saml", "name": "x"})).await.is_invalid_at(&[""]);
}

#[tokio::test]
async fn a_link_that_cannot_be_read_makes_a_draft_that_says_so() {
    let link = Link::serve("<html>Sign in first</html>".to_owned());
    let (url, app) = (&link.url, TestApp::with(&[("outbound_allow", &link.host)]).await);
    let api = app.api("admin").await;
    let page = api.made(CONNECTIONS, &json!({"kind": "saml", "name": "A page", "idp_metadata_url": url})).await;
    assert_eq!((&page["problem"]["code"], &page["status"]), (&json!("metadata_not_xml"), &json!("draft")));
    let private = json!({"kind": "saml", "name": "Inside", "idp_metadata_url": "https://127.0.0.1:8443/metadata"});
    let private = api.made(CONNECTIONS, &private).await;
    assert!(private["problem"]["detail"].as_str().unwrap().contains("127.0.0.1"), "{private}");
    for made in [&page, &private] {
        assert_eq!(api.get(&at(made)).await.json(), *made);
        let activate = format!("{}/activate", at(made));
        api.post(&activate, &json!({"without_test": true})).await.is_problem(409, "connection_incomplete");
        api.post(&format!("{}/tests", at(made)), &json!({})).await.is_problem(409, "connection_incomplete");
    }
    let answer = api.patch(&at(&page), &json!({"idp_metadata_xml": metadata()})).await;
    assert_eq!((&answer.is(200).json()["problem"], &answer.json()["idp_entity_id"]), (&json!(null), &json!(ENTITY_ID)));
    for url in ["", "nonsense", "file:///etc/passwd", "http://", "https://"] {
        let answer = api.post(CONNECTIONS, &json!({"kind": "saml", "name": "x", "idp_metadata_url": url})).await;
        answer.is_invalid_at(&["/idp_metadata_url"]);
    }
}

#[tokio::test]
async fn wrong_input_is_told_at_its_place_and_makes_nothing() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let with = |field: &str, value: Value| {
        let mut new = by_hand();
        new[field] = value;
        new
    };
    let public = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n";
    for (field, value, pointer) in [
        ("kind", json!("oidc"), "/kind"),
        ("kind", json!("ldap"), "/kind"),
        ("kind", json!(null), "/kind"),
        ("name", json!(""), "/name"),
        ("name", json!("a\nb"), "/name"),
        ("name", json!("x".repeat(81)), "/name"),
        ("provider", json!("no-such"), "/provider"),
        ("default_role", json!("king"), "/default_role"),
        ("expired_certificates", json!("maybe"), "/expired_certificates"),
        ("sso_binding", json!("soap"), "/sso_binding"),
        ("clock_skew", json!(601), "/clock_skew"),
        ("clock_skew", json!(-1), "/clock_skew"),
        ("jit", json!("yes"), "/jit"),
        ("attributes", json!({"shoe_size": "x"}), "/attributes/shoe_size"),
        ("attributes", json!({"email": 5}), "/attributes/email"),
        ("attributes", json!({"email": "a\u{0}"}), "/attributes/email"),
        ("attributes", json!(["email"]), "/attributes"),
        ("idp_entity_id", json!(""), "/idp_entity_id"),
        ("sso_url", json!("javascript:alert(1)"), "/sso_url"),
        ("sso_url", json!("http://idp.example/sso"), "/sso_url"),
        ("certificates", json!([]), "/certificates"),
        ("certificates", json!(["not a certificate"]), "/certificates"),
        ("certificates", json!([public]), "/certificates"),
        ("certificates", json!([1]), "/certificates/0"),
        ("unknown", json!(1), "/unknown"),
    ] {
        api.post(CONNECTIONS, &with(field, value)).await.is_invalid_at(&[pointer]);
    }
    for (xml, code) in [
        ("<html><body>Sign in</body></html>".to_owned(), "metadata_not_xml"),
        ("nonsense".to_owned(), "metadata_not_xml"),
        (metadata().replace("IDPSSODescriptor", "SPSSODescriptor"), "metadata_sp"),
    ] {
        let answer = api.post(CONNECTIONS, &json!({"kind": "saml", "name": "x", "idp_metadata_xml": xml})).await;
        assert_eq!(answer.is_invalid_at(&["/idp_metadata_xml"]).json()["errors"][0]["code"], code);
    }
    let federation = format!(
        "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">{}{}</md:EntitiesDescriptor>",
        metadata(),
        metadata().replace(ENTITY_ID, "https://two.example")
    );
    let mut new = json!({"kind": "saml", "name": "x", "idp_metadata_xml": federation});
    let answer = api.post(CONNECTIONS, &new).await;
    let choices = answer.is_invalid_at(&["/idp_metadata_xml"]).json()["errors"][0]["choices"].clone();
    assert_eq!(choices, json!([ENTITY_ID, "https://two.example"]));
    assert_eq!(api.get(CONNECTIONS).await.json()["data"], json!([]));
    new["idp_entity_id"] = json!("https://two.example");
    assert_eq!(api.made(CONNECTIONS, &new).await["idp_entity_id"], "https://two.example");
}

#[tokio::test]
async fn activation_wants_a_passed_test_or_is_told_to_do_without() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let made = api.made(CONNECTIONS, &by_hand()).await;
    let activate = format!("{}/activate", at(&made));
    api.post(&activate, &json!({})).await.is_problem(409, "connection_untested");
    api.post(&activate, &json!({"without_test": 1})).await.is_invalid_at(&["/without_test"]);
    let test = tested(&app, &api, &made).await;
    assert_eq!((&test["status"], &test["code"]), (&json!("passed"), &json!(null)));
    assert_eq!(test["roles"], json!(["member"]));
    assert_eq!(test["checks"].as_array().unwrap().len(), 5);
    assert!(test["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true), "{test}");
    let title = test["attributes"].as_array().unwrap().iter().find(|known| known["name"] == "job_title").unwrap();
    assert_eq!((&title["values"], &title["used_as"]), (&json!(["Rear Admiral"]), &json!("job_title")));
    let active = api.post(&activate, &json!({})).await.is(200).json();
    assert_eq!(active["status"], "active");
    assert!(active["activated_at"].is_string());

    let other = api.made(CONNECTIONS, &by_hand()).await;
    api.post(&format!("{}/activate", at(&other)), &json!({"without_test": true})).await.is(200);
    let told = app.audit_of("connection.activated").await;
    assert!(told[0].changes.contains_key("without_test") && !told[1].changes.contains_key("without_test"));
    api.post(&format!("{}/deactivate", at(&other)), &json!({})).await.is(200);
    assert_eq!(api.get(&at(&other)).await.json()["status"], "disabled");
}

#[tokio::test]
async fn an_edit_of_an_active_connection_waits_beside_it() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let made = api.made(CONNECTIONS, &by_hand()).await;
    let path = at(&made);
    api.post(&format!("{path}/activate"), &json!({"without_test": true})).await.is(200);
    let change = json!({"attributes": {"job_title": "titel", "email": "post"}, "jit": false, "name": "Okta 2"});
    let edited = api.patch(&path, &change).await.is(200).json();
    assert_eq!((&edited["name"], &edited["jit"], &edited["attributes"]), (&json!("Okta 2"), &json!(true), &json!({})));
    assert_eq!((&edited["draft"]["jit"], &edited["draft"]["attributes"]), (&json!(false), &change["attributes"]));
    let edited = api.patch(&path, &json!({"attributes": {"email": null}})).await.json();
    assert_eq!(edited["draft"]["attributes"], json!({"job_title": "titel"}));

    api.delete(&format!("{path}/draft")).await.is(204);
    assert_eq!(api.get(&path).await.json()["draft"], json!(null));
    api.patch(&path, &json!({"jit": false})).await.is(200);
    let swapped = api.post(&format!("{path}/activate"), &json!({"without_test": true})).await.json();
    assert_eq!(
        (&swapped["jit"], &swapped["draft"], &swapped["can_revert"]),
        (&json!(false), &json!(null), &json!(true))
    );
    let back = api.post(&format!("{path}/revert"), &json!({})).await.is(200).json();
    assert_eq!(back["jit"], true);
    let default = api.patch(&path, &json!({"jit": null, "name": null})).await;
    default.is_invalid_at(&["/name"]);
    let moved = api.patch(&path, &json!({"sso_url": "https://idp.example/new"})).await.is(200).json();
    assert_eq!((&moved["draft"]["sso_url"], &moved["sso_url"]), (&json!("https://idp.example/new"), &json!(SSO_URL)));
    assert_eq!(
        (&moved["draft"]["idp_entity_id"], moved["certificates"].as_array().unwrap().len()),
        (&json!(ENTITY_ID), 1)
    );
    api.patch(&path, &json!({"kind": "oidc"})).await.is_invalid_at(&["/kind"]);
    api.patch(&path, &json!({"provider": "okta"})).await.is(200);
    assert_eq!(api.get(&path).await.json()["provider"], "okta");

    let fresh = api.made(CONNECTIONS, &by_hand()).await;
    api.post(&format!("{}/revert", at(&fresh)), &json!({})).await.is_problem(409, "nothing_to_revert");
}

#[tokio::test]
async fn certificates_are_added_and_taken_away_but_for_the_last() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let made = api.made(CONNECTIONS, &by_hand()).await;
    let path = format!("{}/certificates", at(&made));
    api.post(&path, &json!({"certificates": [Key::idp().pem()]})).await.is_invalid_at(&["/certificates"]);
    let answer = api.post(&path, &json!({"certificates": [Key::other().pem()]})).await;
    assert_eq!(answer.is(201).json()["certificates"].as_array().unwrap().len(), 2);
    let raw = api.with("Content-Type", "application/x-pem-file");
    raw.send("POST", &path, Some(&Key::expired().pem())).await.is(201);
    let list = api.get(&path).await;
    assert_eq!(list.column("state"), ["valid", "valid", "expired"]);
    assert_eq!(list.column("source"), ["metadata", "upload", "upload"]);
    api.post(&path, &json!({})).await.is_invalid_at(&["/certificates"]);
    api.with("Content-Type", "text/html")
        .send("POST", &path, Some("x"))
        .await
        .is_problem(415, "unsupported_media_type");
    let prints = list.column("sha256");
    let colons: Vec<&str> = (0..32).map(|n| &prints[1][2 * n..2 * n + 2]).collect();
    api.delete(&format!("{path}/{}", colons.join(":"))).await.is(204);
    api.delete(&format!("{path}/{}", prints[2])).await.is(204);
    api.delete(&format!("{path}/{}", prints[2])).await.is_problem(404, "not_found");
    api.post(&format!("{}/activate", at(&made)), &json!({"without_test": true})).await.is(200);
    api.delete(&format!("{path}/{}", prints[0])).await.is_problem(409, "last_certificate");
}

#[tokio::test]
async fn refused_sign_ins_are_told_with_what_came_and_what_was_expected() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let made = api.made(CONNECTIONS, &by_hand()).await;
    api.post(&format!("{}/activate", at(&made)), &json!({"without_test": true})).await.is(200);
    let idp = idp(&made);
    app.sign_in_by_saml(&idp, "grace@acme.example").await;
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/account").await;
    let mut reply = idp.reply(app.now(), Some(&request.id));
    reply.audience = "https://wrong.example".to_owned();
    let refused = browser.bring(&idp, &reply.encoded()).await;

    let path = format!("{}/sign-ins", at(&made));
    assert_eq!(api.get(&path).await.column("result"), ["refused", "ok"]);
    let list = api.get(&format!("{path}?result=refused")).await;
    let row = list.json()["data"][0].clone();
    assert_eq!((&row["code"], &row["reference"]), (&json!("saml_audience"), &json!(refused.reference())));
    assert_eq!((&row["received"], &row["expected"]), (&json!("https://wrong.example"), &made["entity_id"]));
    assert!(row["trace"]["checks"].as_array().unwrap().iter().any(|check| check["ok"] == false), "{row}");
    let one = api.get(&format!("{path}/{}", refused.reference())).await.is(200).json();
    assert!(one["trace"]["xml"].as_str().unwrap().contains("wrong.example"));
    api.get(&format!("{path}?result=maybe")).await.is_invalid_at(&["/result"]);
    api.get(&format!("{path}/DW-00000")).await.is_problem(404, "not_found");
    let pages = api.get(&format!("{path}?limit=1")).await.json();
    let next = format!("{path}?limit=1&cursor={}", pages["next_cursor"].as_str().unwrap());
    assert_eq!(api.get(&next).await.column("result"), ["ok"]);

    let grace = api.get("/api/v1/members?email=grace%40acme.example").await.json()["data"][0].clone();
    assert_eq!((&grace["source"], &grace["job_title"]), (&json!("sso"), &json!("Rear Admiral")));
    assert_eq!(grace["tags"], json!(["Group:Platform", "Group:Staff"]));
    assert_eq!(api.get("/api/v1/members?tag=Group%3AStaff").await.column("email"), ["grace@acme.example"]);
    let linked = format!("/api/v1/members/{}/identities", grace["id"].as_str().unwrap());
    let identities = api.get(&linked).await;
    assert_eq!(
        (identities.column("subject"), identities.column("issuer")),
        (vec!["grace".to_owned()], vec![ENTITY_ID.to_owned()])
    );
    api.delete(&format!("{linked}/{}", identities.column("id")[0])).await.is(204);
    assert_eq!(api.get(&linked).await.column("id"), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_passed_test_showed_is_linked_to_oneself() {
    let app = TestApp::start().await;
    let mut ada = app.owner().await;
    let browser = app.api_browser(&ada);
    let me = browser.get("/api/v1/me").await.is(200).json();
    let api = browser.with("X-Doorward-CSRF", me["csrf"].as_str().unwrap());
    let made = api.made(CONNECTIONS, &by_hand()).await;
    let mine = "/api/v1/me/identities";
    let test = api.made(&format!("{}/tests", at(&made)), &json!({})).await;
    api.post(mine, &json!({"test_id": test["id"]})).await.is_problem(409, "test_not_passed");
    let answer = ada.get(test["url"].as_str().unwrap()).await;
    let idp = idp(&made);
    let reply = idp.reply(app.now(), Some(&Request::read(answer.location()).id));
    ada.bring(&idp, &reply.naming("ada@acme.example").encoded()).await;
    let linked = api.post(mine, &json!({"test_id": test["id"]})).await;
    assert_eq!((&linked.is(201).json()["subject"], &linked.json()["connection_id"]), (&json!("ada"), &made["id"]));
    api.post(mine, &json!({"test_id": "test_00000000000000000000000000"})).await.is_problem(404, "not_found");
    api.post(mine, &json!({"test_id": "x"})).await.is_problem(404, "not_found");
    app.api("owner").await.post(mine, &json!({"test_id": test["id"]})).await.is_problem(403, "session_only");
    app.clock.advance(doorward::testing::minutes(6));
    api.post(mine, &json!({"test_id": test["id"]})).await.is_problem(403, "sign_in_again");
}

#[tokio::test]
async fn a_match_report_says_who_would_be_joined() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let made = api.made(CONNECTIONS, &by_hand()).await;
    api.made("/api/v1/members", &json!({"email": "grace@acme.example"})).await;
    let report = api.get(&format!("{}/match-report", at(&made))).await.is(200).json();
    assert_eq!((&report["joins"], &report["more"]), (&json!(["grace@acme.example"]), &json!(false)));
    assert_eq!(report["stays"][0]["email"], "ada@acme.example");
}

#[tokio::test]
async fn a_stale_edit_is_refused_and_a_deleted_connection_is_gone() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let made = api.made(CONNECTIONS, &by_hand()).await;
    let path = at(&made);
    let first = api.get(&path).await.header("etag").unwrap().to_owned();
    api.with("If-None-Match", &first).get(&path).await.is(304);
    // A certificate is no edit, but the bytes are others.
    api.post(&format!("{path}/certificates"), &json!({"certificates": [Key::other().pem()]})).await.is(201);
    api.with("If-None-Match", &first).get(&path).await.is(200);
    api.with("If-Match", &first).patch(&path, &json!({"name": "New"})).await.is(200);
    let stale = api.with("If-Match", &first);
    stale.patch(&path, &json!({"name": "Newer"})).await.is_problem(412, "changed_meanwhile");
    stale.post(&format!("{path}/activate"), &json!({"without_test": true})).await.is_problem(412, "changed_meanwhile");
    stale.post(&format!("{path}/deactivate"), &json!({})).await.is_problem(412, "changed_meanwhile");
    stale.delete(&path).await.is_problem(412, "changed_meanwhile");
    api.delete(&path).await.is(204);
    for path in
        [path.clone(), format!("{path}/certificates"), format!("{path}/sign-ins"), format!("{path}/match-report")]
    {
        api.get(&path).await.is_problem(404, "not_found");
    }
    assert_eq!(app.stranger().get(made["start_url"].as_str().unwrap()).await.status, 404);
}
