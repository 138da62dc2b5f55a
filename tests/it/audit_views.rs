//! Filters of the audit log under a name.

use serde_json::json;

use crate::support::TestApp;

const NEW: &str = "/admin/audit/views/new";

#[actix_web::test]
async fn a_filter_is_saved_under_a_name_and_stands_above_the_list() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    assert!(!admin.get("/admin/audit").await.text().contains("Save this view"), "there is nothing to save");
    let list = "/admin/audit?q=100%25+%22%C3%A9%22&event=member.created&from=2026-01-02&to=2026-02-03";
    let page = admin.get(list).await;
    let save = page.links().into_iter().find(|link| link.starts_with(NEW)).unwrap();
    let form = admin.get(&save).await.form(NEW);
    let saved = admin.submit(&form.fill("name", "  New <b>people</b>  ")).await;
    assert_eq!(saved.location(), list);
    let shown = admin.get(list).await;
    assert!(shown.text().contains("New <b>people</b>") && !shown.text().contains("Save this view"), "{}", shown.text());
    assert!(shown.body.contains("aria-current=\"page\">New &#60;b&#62;people"), "{}", shown.body);
    assert!(admin.get("/admin/audit").await.links().contains(&list.to_owned()));
    let views = admin.get("/admin/audit/views").await;
    for words in ["Text: 100% \"é\"", "Event: Member added", "From 2026-01-02", "To 2026-02-03"] {
        assert!(views.text().contains(words), "{words}: {}", views.text());
    }
    let events = app.audit_of("audit_view.created").await;
    assert_eq!((events.len(), events[0].target.name.as_str()), (1, "New <b>people</b>"));
}

#[actix_web::test]
async fn a_view_is_renamed_and_deleted_and_each_is_an_event() {
    let app = TestApp::start().await;
    let (mut admin, api) = (app.admin().await, app.api("admin").await);
    let id =
        api.made("/api/v1/audit-views", &json!({"name": "One", "filter": {"result": "refused"}})).await["id"].clone();
    api.made("/api/v1/audit-views", &json!({"name": "Two", "filter": {"level": "alarm"}})).await;
    let path = format!("/admin/audit/views/{}", id.as_str().unwrap());
    for (name, told) in [
        ("", "1 to 60 characters"),
        (" tWo ", "called Two already"),
        (&"x".repeat(61), "1 to 60"),
        ("a\u{1}", "1 to 60"),
    ] {
        let form = admin.get(&path).await.form(&path).fill("name", name);
        let answer = admin.submit(&form).await;
        assert!(answer.status == 422 && answer.text().contains(told), "{name}: {}", answer.text());
        assert_eq!(answer.form(&path).get("name"), name);
    }
    // Its own name in other letters is free.
    for name in ["ONE", "One", "Öne %_'\""] {
        let form = admin.get(&path).await.form(&path).fill("name", name);
        assert_eq!(admin.submit(&form).await.location(), "/admin/audit/views", "{name}");
    }
    assert_eq!(api.get("/api/v1/audit-views").await.column("name"), ["Two", "Öne %_'\""]);
    assert_eq!(app.audit_of("audit_view.updated").await[0].changes["name"], json!(["One", "Öne %_'\""]));
    let delete = format!("{path}/delete");
    let ask = admin.get(&delete).await;
    assert!(ask.text().contains("Delete Öne %_'\"?"), "{}", ask.text());
    assert_eq!(admin.submit(&ask.form(&delete)).await.location(), "/admin/audit/views");
    assert_eq!(admin.submit(&ask.form(&delete)).await.status, 404);
    assert_eq!(admin.get(&path).await.status, 404);
    assert_eq!(app.audit_of("audit_view.deleted").await.len(), 1);
    assert_eq!(admin.get("/admin/audit/views/view_%27%25").await.status, 404);
}

#[actix_web::test]
async fn a_view_without_a_filter_or_with_one_that_is_none_is_not_saved() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    for (query, told) in [
        ("", ""),
        ("from=2026-13-01", "2026-13-01 is no date"),
        ("event=x%01", "without control characters"),
        ("result=bogus", "bogus is no result"),
    ] {
        let page = admin.get(&format!("{NEW}?{query}")).await;
        assert!(page.status == 200 && page.text().contains(told), "{query}: {}", page.text());
        let mut form = page.form(NEW).fill("name", "Mine");
        let answer = admin.submit(&form).await;
        assert!(answer.status == 422 && answer.text().contains("A view needs a filter"), "{query}: {}", answer.text());
        assert_eq!(answer.form(NEW).get("name"), "Mine");
        // Whoever sends it all the same is told the same.
        form.fields.extend(url::form_urlencoded::parse(query.as_bytes()).into_owned());
        let answer = admin.submit(&form).await;
        assert!(answer.status == 422 && answer.text().contains(told), "{query}: {}", answer.text());
    }
    assert_eq!(app.count("SELECT count(*) FROM audit_views"), 0);
}

#[actix_web::test]
async fn the_api_keeps_fifty_views_each_name_once() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let filter = json!({"q": "ada", "actor": "mem_1", "action": "member.created", "target": "mem_2", "result": "ok", "level": "info",
        "from": "2026-11-01T10:00:00Z", "to": "2026-11-02T00:00:00Z"});
    let made = api.made("/api/v1/audit-views", &json!({"name": "All", "filter": filter})).await;
    assert_eq!(made["filter"], filter);
    let path = format!("/api/v1/audit-views/{}", made["id"].as_str().unwrap());
    assert_eq!(api.get(&path).await.is(200).json(), made);
    assert_eq!(api.patch(&path, &json!({"name": "Every"})).await.is(200).json()["name"], "Every");
    // The console leads to the same list, times and all.
    let page = app.admin().await.get("/admin/audit").await;
    let link = page.links().into_iter().find(|link| link.contains("actor=mem_1")).unwrap();
    assert!(
        link.contains("from=2026-11-01T10%3A00%3A00Z") && link.contains("to=2026-11-01") && link.contains("level=info"),
        "{link}"
    );

    for (body, pointers) in [
        (json!({"name": "every", "filter": {"q": "x"}}), &["/name"][..]),
        (json!({"name": "", "filter": {"q": "x"}}), &["/name"]),
        (json!({"name": "x"}), &["/filter"]),
        (json!({"name": "x", "filter": {}}), &["/filter"]),
        (json!({"name": "x", "filter": ["a"]}), &["/filter"]),
        (json!({"name": "x", "filter": {"who": "me"}}), &["/filter/who"]),
        (json!({"name": "x", "filter": {"q": "\u{0}"}}), &["/filter/q"]),
        (json!({"name": "x", "filter": {"actor": "\u{0}"}}), &["/filter"]),
        (
            json!({"name": "x", "filter": {"action": "a", "result": "b", "level": "c", "from": "d", "to": "e"}}),
            &["/filter/action", "/filter/result", "/filter/level", "/filter/from", "/filter/to"],
        ),
    ] {
        api.post("/api/v1/audit-views", &body).await.is_invalid_at(pointers);
    }
    for n in 1..50 {
        api.made("/api/v1/audit-views", &json!({"name": format!("View {n}"), "filter": {"q": format!("x{n}")}})).await;
    }
    api.post("/api/v1/audit-views", &json!({"name": "One more", "filter": {"q": "x"}})).await.is_invalid_at(&["/name"]);
    assert_eq!(api.get("/api/v1/audit-views").await.column("id").len(), 50);
    api.delete(&path).await.is(204);
    api.get(&path).await.is_problem(404, "not_found");
    api.made("/api/v1/audit-views", &json!({"name": "One more", "filter": {"q": "x"}})).await;
    app.api("developer").await.get("/api/v1/audit-views").await.is_problem(403, "forbidden");
}

#[actix_web::test]
async fn whoever_only_reads_the_log_changes_their_own_views_alone() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let role = json!({"name": "Auditor", "permissions": ["audit.read", "members.read"]});
    api.made("/api/v1/roles", &role).await;
    app.person("auditor@acme.example", "auditor").await;
    let theirs = api.made("/api/v1/audit-views", &json!({"name": "Theirs", "filter": {"q": "x"}})).await["id"].clone();
    let path = format!("/admin/audit/views/{}", theirs.as_str().unwrap());
    let mut auditor = app.signed_in("auditor@acme.example").await;
    assert!(auditor.get("/admin/audit").await.text().contains("Theirs"));
    let form = auditor.get(&path).await.form(&path).fill("name", "Mine now");
    assert_eq!(auditor.submit(&form).await.status, 403);
    let delete = format!("{path}/delete");
    let form = auditor.get(&delete).await.form(&delete);
    assert_eq!(auditor.submit(&form).await.status, 403);
    let form = auditor.get(&format!("{NEW}?q=mine")).await.form(NEW).fill("name", "Mine");
    assert_eq!(auditor.submit(&form).await.location(), "/admin/audit?q=mine");
    let list = auditor.get("/admin/audit/views").await;
    let own = list.links().into_iter().find(|link| link.ends_with("/delete")).unwrap();
    assert_ne!(own, delete);
    let form = auditor.get(&own).await.form(&own);
    assert_eq!(auditor.submit(&form).await.status, 303);
    assert_eq!(api.get("/api/v1/audit-views").await.column("name"), ["Theirs"]);
}
