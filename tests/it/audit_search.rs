//! The audit log by text: whom and what it finds, and what text cannot do.

use serde_json::json;

use crate::api_support::Api;
use crate::support::TestApp;
use crate::support::caller::encode;
use crate::support::idp_saml::Reply;

/// The actions that a text finds, newest first.
async fn found(api: &Api, text: &str, more: &str) -> Vec<String> {
    let query = encode(&[("q", text)]);
    api.get(&format!("/api/v1/audit-events?limit=200&{query}{more}")).await.column("action")
}

#[tokio::test]
async fn text_finds_events_by_person_thing_event_code_and_reference() {
    let app = TestApp::start().await;
    let (api, idp) = (app.api("admin").await, app.active_connection().await);
    let grace =
        api.made("/api/v1/members", &json!({"email": "grace@acme.example", "name": "Zoë Ünal"})).await["id"].clone();
    let grace = grace.as_str().unwrap().to_owned();
    api.patch(&format!("/api/v1/members/{grace}"), &json!({"email": "hopper@acme.example"})).await.is(200);
    let key = api.made("/api/v1/api-keys", &json!({"name": "Nightly 100%_\"export\""})).await["id"].clone();
    api.delete(&format!("/api/v1/api-keys/{}", key.as_str().unwrap())).await.is(204);
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/").await;
    let elsewhere = Reply { audience: "https://other.example".to_owned(), ..idp.reply(app.now(), Some(&request.id)) };
    assert_eq!(browser.bring(&idp, &elsewhere.encoded()).await.status, 403);
    let refused = app.audit_of("sign_in.refused").await.remove(0);
    let reference = refused.reference.unwrap();

    let of_grace = ["member.updated", "member.created"];
    // Under the address of now, that of then, her name and her id.
    for text in ["hopper@acme.example", "GRACE@", " race@acme ", "Zoë Ünal", &grace] {
        assert_eq!(found(&api, text, "").await, of_grace, "{text}");
    }
    // A key that is gone is still found by what it was called.
    for text in ["nightly", "100%_\"EXPORT", "%_"] {
        assert_eq!(found(&api, text, "").await, ["api_key.deleted", "api_key.created"], "{text}");
    }
    for (text, action) in [("API key deleted", "api_key.deleted"), ("key.del", "api_key.deleted")] {
        assert_eq!(found(&api, text, "").await, [action], "{text}");
    }
    for text in ["saml_aud", &reference, &reference.to_lowercase()] {
        assert_eq!(found(&api, text, "").await, ["sign_in.refused"], "{text}");
    }
    assert!(found(&api, "command line", "").await.contains(&"connection.activated".to_owned()));
    assert!(found(&api, "Okta", "").await.contains(&"sign_in.refused".to_owned()));
    for text in ["nobody", "__", "%", "'", "\" OR 1=1 --", "*", "\\", "a_me.example", "\u{202e}"] {
        // The key alone has a percent sign in its name.
        let known = if text == "%" { &["api_key.deleted", "api_key.created"][..] } else { &[] };
        assert_eq!(found(&api, text, "").await, known, "{text}");
    }
    // With the other filters.
    assert_eq!(found(&api, "hopper", "&action=member.created").await, ["member.created"]);
    assert_eq!(found(&api, "hopper", &format!("&target={grace}&action=member.updated")).await, ["member.updated"]);
    assert_eq!(found(&api, "hopper", "&result=refused").await, Vec::<String>::new());
    assert_eq!(found(&api, "hopper", "&actor=mem_00000000000000000000000000").await, Vec::<String>::new());
    assert_eq!(found(&api, "saml_audience", "&result=ok").await, Vec::<String>::new());
    assert_eq!(found(&api, "saml_audience", "&action=sign_in.refused&result=refused").await.len(), 1);
    assert_eq!(found(&api, "hopper", "&to=2020-01-01T00:00:00Z").await, Vec::<String>::new());
    for text in ["\u{0}", "a\u{0}b", &"a".repeat(201)] {
        let query = encode(&[("q", text)]);
        api.get(&format!("/api/v1/audit-events?{query}")).await.is_invalid_at(&["/q"]);
    }
    let other = app.api("developer").await;
    other.get("/api/v1/audit-events?q=hopper").await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn signing_in_is_found_by_the_person_and_by_who_ended_it() {
    let app = TestApp::start().await;
    let (api, idp) = (app.api("admin").await, app.active_connection().await);
    app.sign_in_by_saml(&idp, "grace@acme.example").await;
    let signed_in = found(&api, "grace", "&action=sign_in.succeeded").await;
    assert_eq!(signed_in, ["sign_in.succeeded"]);
    assert_eq!(
        app.count("SELECT count(*) FROM audit_names WHERE name = 'grace@acme.example'"),
        1,
        "once, not per sign-in"
    );
    app.sign_in_by_saml(&idp, "grace@acme.example").await;
    assert_eq!(app.count("SELECT count(*) FROM audit_names WHERE name = 'grace@acme.example'"), 1);
    let session = api.get("/api/v1/sessions?q=grace").await.column("id").remove(0);
    api.delete(&format!("/api/v1/sessions/{session}")).await.is(204);
    for text in ["grace", &session] {
        assert!(found(&api, text, "").await.contains(&"session.ended".to_owned()), "{text}");
    }
}

#[tokio::test]
async fn pages_of_what_a_text_finds_are_the_list_cut_into_pieces() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    for n in 0..7 {
        let made = api.made("/api/v1/members", &json!({"email": format!("nurse{n}@acme.example")})).await;
        let path = format!("/api/v1/members/{}", made["id"].as_str().unwrap());
        api.patch(&path, &json!({"job_title": "Nurse"})).await.is(200);
    }
    let all = api.get("/api/v1/audit-events?q=nurse&limit=200").await.column("id");
    assert_eq!(all.len(), 14);
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/api/v1/audit-events?q=nurse&limit=4{cursor}")).await;
        paged.extend(page.column("id"));
        match page.json()["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, all);
}

#[tokio::test]
async fn a_text_that_fits_half_the_log_is_told_instead_of_answered_in_part() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    let api = app.api("admin").await;
    for n in 0..101 {
        api.made("/api/v1/members", &json!({"email": format!("nurse{n}@acme.example")})).await;
    }
    api.get("/api/v1/audit-events?q=nurse").await.is_invalid_at(&["/q"]);
    let page = admin.get("/admin/audit?q=nurse&event=api_key.created").await;
    assert!(
        page.status == 200 && page.text().contains("nurse fits more than 100 people and things"),
        "{}",
        page.text()
    );
    assert!(page.text().contains("left out") && page.text().contains("API key created"));
    assert_eq!(api.get("/api/v1/audit-events?q=nurse77%40").await.column("action"), ["member.created"]);
}

#[tokio::test]
async fn the_page_keeps_the_text_in_its_links_and_in_its_field() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    let api = app.api("admin").await;
    for n in 0..60 {
        let key = json!({"name": format!("<b>\"é\" {n}")});
        api.made("/api/v1/api-keys", &key).await;
    }
    let path = "/admin/audit?event=api_key.created&q=%3Cb%3E%22%C3%A9%22";
    let page = admin.get(path).await;
    assert_eq!(page.form("/admin/audit").get("q"), "<b>\"é\"");
    assert_eq!(page.body.matches("api_key.created</code>").count(), 50);
    let next = page.links().into_iter().find(|link| link.contains("cursor=evt_")).unwrap();
    assert_eq!(admin.get(&next).await.body.matches("api_key.created</code>").count(), 10);
    let none = admin.get("/admin/audit?q=no+such+thing").await;
    assert!(none.text().contains("Nothing here is called “no such thing”"), "{}", none.text());
    let nul = admin.get("/admin/audit?q=a%00").await;
    assert!(nul.text().contains("without control characters") && !nul.body.contains('\u{0}'), "{}", nul.text());
    let long = admin.get(&format!("/admin/audit?q={}", "a".repeat(5000))).await;
    assert!(long.status == 200 && long.text().contains("at most 200"), "{}", long.text());
}
