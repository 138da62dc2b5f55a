//! Pages of the console that stand beside the connections and members: the audit log, API keys.

use serde_json::json;

use crate::support::Browser;
use crate::support::TestApp;

#[actix_web::test]
async fn a_key_made_in_the_console_works_until_it_is_deleted() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    let form = admin.get("/admin/api-keys/new").await.form("/admin/api-keys/new");
    let made = admin.submit(&form.fill("name", "Nightly export").fill("role", "developer").fill("ends", "30")).await;
    assert_eq!(made.status, 200);
    let at = made.body.find("dwapi_").unwrap();
    let key: String = made.body[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let mut program = app.stranger().with_header("Authorization", &format!("Bearer {key}"));
    assert_eq!(program.get("/api/v1/members").await.status, 200);

    let list = admin.get("/admin/api-keys").await;
    assert!(list.text().contains("Nightly export") && !list.body.contains(&key), "the key itself is shown once");
    let href = list.links().into_iter().find(|link| link.ends_with("/delete")).unwrap();
    let form = admin.get(&href).await.form(&href);
    assert_eq!(admin.submit(&form).await.location(), "/admin/api-keys");
    assert_eq!(program.get("/api/v1/members").await.status, 401);
    assert_eq!(app.audit_of("api_key.deleted").await.len(), 1);
}

#[actix_web::test]
async fn a_key_that_cannot_be_made_keeps_what_was_typed() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    for (name, role, ends, status, told) in [
        ("", "developer", "", 422, "Give the key a name"),
        ("a", "king", "", 422, "A key has the role"),
        ("a", "owner", "", 403, "more than your own role"),
        ("a", "developer", "7", 422, "Choose when the key ends"),
    ] {
        let form = admin.get("/admin/api-keys/new").await.form("/admin/api-keys/new");
        let answer = admin.submit(&form.fill("name", name).fill("role", role).fill("ends", ends)).await;
        assert_eq!(answer.status, status, "{role} {ends}");
        assert!(answer.text().contains(told), "{}", answer.text());
        assert_eq!(answer.form("/admin/api-keys/new").get("name"), name);
    }
    assert!(app.audit_of("api_key.created").await.is_empty());
}

#[actix_web::test]
async fn the_audit_log_is_narrowed_by_its_address() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    app.api("owner").await.post("/api/v1/members", &json!({"email": "grace@acme.example"})).await.is(201);
    let all = admin.get("/admin/audit").await.text();
    assert!(all.contains("Member added") && all.contains("Signed in"), "{all}");

    let added = admin.get("/admin/audit?event=member.created").await;
    let rows = |text: &str, title: &str| text.matches(title).count();
    assert_eq!(rows(&added.body, "<code class=\"sub tiny\">sign_in.succeeded"), 0);
    assert!(rows(&added.body, "<code class=\"sub tiny\">member.created") >= 1);

    // A row leads to its event, and to the same list for its actor and its target alone.
    let links = added.links();
    let event = links.iter().find(|link| link.starts_with("/admin/audit/evt_")).unwrap();
    let shown = admin.get(event).await.text();
    assert!(shown.contains("member.created") && shown.contains("What changed"), "{shown}");
    let of_event = admin.get(event).await.links();
    let target = of_event.iter().find(|link| link.contains("target=mem_")).unwrap();
    let about = admin.get(target).await;
    assert!(about.text().contains("What: "), "{}", about.text());
    assert_eq!(rows(&about.body, "sign_in.succeeded</code>"), 0);

    let today = app.now().rfc3339()[..10].to_owned();
    assert!(admin.get(&format!("/admin/audit?from={today}&to={today}")).await.text().contains("Signed in"));
    assert!(admin.get("/admin/audit?to=2020-01-01").await.text().contains("No event matches"));
    assert!(admin.get("/admin/audit?result=refused").await.text().contains("No event matches"));
}

#[actix_web::test]
async fn a_filter_that_is_none_is_told_and_breaks_nothing() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    let told = admin.get("/admin/audit?from=2026-02-31").await;
    assert!(told.status == 200 && told.text().contains("2026-02-31 is no date"), "{}", told.text());
    for (query, words) in [
        ("event=bogus&from=2020-01-01", "bogus is no event"),
        ("result=bogus", "bogus is no result"),
        ("level=loud", "loud is no level"),
        ("to=soon", "soon is no date"),
        ("q=a%00", "without control characters"),
    ] {
        let page = admin.get(&format!("/admin/audit?{query}")).await;
        assert!(page.text().contains(words) && page.text().contains("It was left out."), "{query}: {}", page.text());
        // It narrows nothing, and no link carries it on.
        assert!(page.body.contains("sign_in.succeeded"), "{query}");
        assert!(!page.links().iter().any(|link| link.contains("bogus") || link.contains("soon")), "{query}");
        assert!(!page.text().contains("Save this view") || query.contains('&'), "{query}");
    }
    for query in [
        "event=%27%22%25%00",
        "actor=%27%20OR%201%3D1",
        "from=%F0%9F%98%80%F0%9F%98%80%F0%9F%98%80",
        "target=%25",
        "result=x",
    ] {
        assert_eq!(admin.get(&format!("/admin/audit?{query}")).await.status, 200, "{query}");
    }
    assert_eq!(admin.get("/admin/audit/evt_01k2v9q8xw3f6t0m4n7p5r1sza").await.status, 404);
}

#[actix_web::test]
async fn a_page_of_a_list_that_is_none_is_told_on_its_start() {
    let app = TestApp::start().await;
    let (mut admin, idp) = (app.owner().await, app.active_connection().await);
    let (sso, me) = (format!("/admin/security/sso/{}", idp.id), app.person("grace@acme.example", "member").await);
    let lists =
        ["/admin/members", "/admin/sessions", "/admin/audit", "/admin/teams", "/admin/api-keys"].map(str::to_owned);
    let of_connection = ["sign-ins", "activity", "revisions"].map(|tab| format!("{sso}/{tab}"));
    let of_member = [format!("/admin/members/{me}")];
    for path in lists.iter().chain(&of_connection).chain(&of_member) {
        for cursor in ["bogus", "%27%00", "key_00000000000000000000000000x"] {
            let answer = admin.get(&format!("{path}?cursor={cursor}&q=a+b")).await;
            assert_eq!((answer.status, answer.location()), (303, format!("{path}?q=a+b").as_str()), "{path} {cursor}");
            let page = admin.get(answer.location()).await;
            assert!(page.status == 200 && page.text().contains("This is the start"), "{path}: {}", page.text());
        }
    }
}

#[actix_web::test]
async fn an_event_tells_roles_and_mappings_in_words() {
    let app = TestApp::start().await;
    let (mut owner, api, idp) = (app.owner().await, app.api("owner").await, app.active_connection().await);
    let team = api.made("/api/v1/teams", &json!({"name": "Mobile crew"})).await;
    let mapping = json!([{"match": "group", "value": "Builders", "roles": ["developer"], "team": team["id"]}]);
    api.put(&format!("/api/v1/connections/{}/role-mappings", idp.id), &mapping).await.is(200);
    let page = async |owner: &mut Browser, action: &str| {
        let list = owner.get(&format!("/admin/audit?event={action}")).await;
        let event = list.links().into_iter().find(|link| link.starts_with("/admin/audit/evt_")).unwrap();
        owner.get(&event).await.text()
    };
    let told = page(&mut owner, "connection.role_mappings_changed").await;
    assert!(told.contains("Role mappings") && told.contains("group Builders: Developer, team Mobile crew"), "{told}");

    let mut browser = app.stranger();
    let request = browser.start(&idp, "/account").await;
    let reply = idp.reply(app.now(), Some(&request.id)).naming("grace@acme.example").with("groups", &["Builders"]);
    assert_eq!(browser.bring(&idp, &reply.encoded()).await.status, 303);
    let told = page(&mut owner, "member.roles_changed").await;
    for words in ["Given by", "Okta", "By what was sent", "group Builders", "Developer", "Mobile crew"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let alan = app.person("alan@acme.example", "member").await;
    api.put(&format!("/api/v1/members/{alan}/roles"), &json!({"roles": ["admin"]})).await.is(200);
    let told = page(&mut owner, "member.roles_changed").await;
    assert!(told.contains("Hand, not by a connection") && told.contains("Admin"), "{told}");
}

#[actix_web::test]
async fn a_session_is_ended_by_an_admin_and_by_nobody_below() {
    let app = TestApp::start().await;
    let mut person = app.member().await;
    let mut admin = app.admin().await;
    let list = admin.get("/admin/sessions").await;
    assert!(list.text().contains("This one") && list.text().contains("Password"), "{}", list.text());
    let row = list.body.split("<tr>").find(|row| row.contains("grace@")).unwrap();
    let action = row.split("action=\"").find(|part| part.starts_with("/admin/sessions/")).unwrap();
    let action = action.split('"').next().unwrap().to_owned();
    assert_eq!(admin.submit(&list.form(&action)).await.location(), "/admin/sessions");
    assert_eq!(person.get("/account").await.status, 303, "signed out at once");
    assert_eq!(admin.submit(&list.form(&action)).await.status, 404, "twice is none");
}
