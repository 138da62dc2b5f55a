//! Settings of the organization, and what the console says of the instance.

use doorward::testing::SettingsChange;
use doorward::testing::days;
use serde_json::json;

use crate::support::Browser;
use crate::support::TestApp;

const GENERAL: &str = "/admin/settings/general";

#[actix_web::test]
async fn an_admin_names_the_organization_and_it_is_audited() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    assert_eq!(admin.get("/admin/settings").await.location(), GENERAL);
    let form = admin.get(GENERAL).await.form(GENERAL);
    let form = form.fill("name", "Acme").fill("slug", "acme").fill("default_role", "developer");
    assert_eq!(admin.submit(&form).await.location(), GENERAL);
    let page = admin.get(GENERAL).await;
    assert_eq!((page.form(GENERAL).get("name"), page.form(GENERAL).get("slug")), ("Acme", "acme"));
    assert!(app.stranger().get("/sign-in?organization=acme").await.text().contains("Acme"));
    let event = &app.audit_of("organization.updated").await[0];
    assert_eq!(event.changes["slug"], json!(["main", "acme"]));
    assert_eq!(event.changes["default_role"], json!(["member", "developer"]));
    // A new connection begins with it.
    let idp = app.draft_connection(SettingsChange::default()).await;
    let made = app.api("owner").await.get(&format!("/api/v1/connections/{}", idp.id)).await;
    assert_eq!(made.is(200).json()["default_role"], "developer");
}

#[actix_web::test]
async fn what_cannot_stand_is_told_at_its_field_and_kept() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    let long = "x".repeat(300);
    for (field, value, told) in [
        ("name", "", "Give it a name"),
        ("name", "a\u{0}b", "Give it a name"),
        ("name", &long, "Give it a name"),
        ("slug", "Acme Inc", "lower-case letters"),
        ("slug", "'\"%;--", "lower-case letters"),
        ("slug", "", "lower-case letters"),
        ("default_role", "king", "Use member"),
    ] {
        let form = admin.get(GENERAL).await.form(GENERAL).fill(field, value);
        let answer = admin.submit(&form).await;
        assert_eq!(answer.status, 422, "{field} {value:.20}");
        assert!(answer.text().contains(told), "{field} {value:.20}: {}", answer.text());
        if field != "default_role" && !value.contains('\u{0}') {
            assert_eq!(answer.form(GENERAL).get(field), value);
        }
    }
    // Nobody gives new people more than they hold.
    let form = admin.get(GENERAL).await.form(GENERAL).fill("default_role", "owner");
    assert_eq!(admin.submit(&form).await.status, 403);
    assert!(app.audit_of("organization.updated").await.is_empty());
}

#[actix_web::test]
async fn two_admins_at_once_see_both_versions() {
    let app = TestApp::start().await;
    let (mut one, mut other) = (app.admin().await, app.owner().await);
    let stale = one.get(GENERAL).await.form(GENERAL).fill("name", "Mine");
    let form = other.get(GENERAL).await.form(GENERAL).fill("name", "Theirs");
    assert_eq!(other.submit(&form).await.status, 303);
    let both = one.submit(&stale).await;
    assert_eq!(both.status, 409);
    assert!(both.text().contains("Theirs") && both.text().contains("Mine"), "{}", both.text());
    assert_eq!(one.submit(&both.form(GENERAL)).await.status, 303, "mine instead");
    assert_eq!(one.get(GENERAL).await.form(GENERAL).get("name"), "Mine");
    // Saving what stands changes nothing.
    let form = one.get(GENERAL).await.form(GENERAL);
    assert_eq!(one.submit(&form).await.status, 303);
    assert_eq!(app.audit_of("organization.updated").await.len(), 2);
}

#[actix_web::test]
async fn the_api_shows_and_replaces_the_organization() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let shown = api.get("/api/v1/organization").await;
    assert_eq!(shown.is(200).json()["slug"], "main");
    assert_eq!(shown.is(200).json()["seats"], json!(null));
    let body = json!({"name": "Acme", "slug": "acme", "default_role": "none", "seats": null});
    let changed = api.put("/api/v1/organization", &body).await;
    assert_eq!(changed.is(200).json()["default_role"], "none");
    assert_eq!(changed.is(200).json()["version"], 2);
    for (body, pointer) in [
        (json!({"name": "Acme", "slug": "acme"}), "/default_role"),
        (json!({"name": "Acme", "slug": "Acme", "default_role": "member"}), "/slug"),
        (json!({"slug": "acme", "default_role": "member"}), "/name"),
        (json!({"name": "Acme", "slug": "acme", "default_role": "member", "seats": 0}), "/seats"),
        (json!({"name": "Acme", "slug": "acme", "default_role": "member", "seats": -1}), "/seats"),
        (json!({"name": "Acme", "slug": "acme", "default_role": "member", "seats": 1_000_001}), "/seats"),
        (json!({"name": "Acme", "slug": "acme", "default_role": "member", "seats": "5"}), "/seats"),
        (json!({"name": "Acme", "slug": "acme", "default_role": "member", "color": "red"}), "/color"),
    ] {
        let refused = api.put("/api/v1/organization", &body).await;
        assert_eq!(refused.is(422).json()["errors"][0]["pointer"], pointer, "{body}");
    }
    assert_eq!(app.audit_of("organization.updated").await.len(), 1);
}

#[actix_web::test]
async fn seats_are_set_counted_and_warned_about() {
    let app = TestApp::start().await;
    let (mut admin, api) = (app.admin().await, app.api("owner").await);
    let members = async |admin: &mut Browser| admin.get("/admin/members").await.text();
    assert!(!members(&mut admin).await.contains("seats"));
    let form = admin.get(GENERAL).await.form(GENERAL);
    for wrong in ["0", "many", "1.5", "1000001", "99999999999999999999", "%00"] {
        let refused = admin.submit(&form.clone().fill("seats", wrong)).await;
        assert_eq!((refused.status, refused.form(GENERAL).get("seats")), (422, wrong));
        assert!(refused.text().contains("whole number from 1 to 1000000"), "{}", refused.text());
    }
    let active = api.get("/api/v1/members?status=active").await.json()["data"].as_array().unwrap().len();
    assert_eq!(admin.submit(&form.fill("seats", &active.to_string())).await.status, 303);
    assert_eq!(admin.get(GENERAL).await.form(GENERAL).get("seats"), active.to_string());
    let shown = api.get("/api/v1/organization").await.json();
    assert_eq!(shown["seats"], active);
    assert!(members(&mut admin).await.contains(&format!("All {active} seats are taken")));
    let new = json!({"email": "grace@acme.example"});
    api.post("/api/v1/members", &new).await.is_problem(403, "seats_full");
    let path = "/admin/members/new";
    let form = admin.get(path).await.form(path).fill("name", "Grace").fill("email", "grace@acme.example");
    let refused = admin.submit(&form).await;
    assert_eq!((refused.status, refused.form(path).get("email")), (403, "grace@acme.example"));
    assert!(refused.text().contains("seats are taken"), "{}", refused.text());
    let body = json!({"name": "Acme", "slug": "acme", "default_role": "none", "seats": active + 1});
    assert_eq!(api.put("/api/v1/organization", &body).await.is(200).json()["seats"], active + 1);
    api.post("/api/v1/members", &new).await.is(201);
    let body = json!({"name": "Acme", "slug": "acme", "default_role": "none"});
    assert_eq!(api.put("/api/v1/organization", &body).await.is(200).json()["seats"], json!(null));
    assert!(!members(&mut admin).await.contains("seats"));
}

#[actix_web::test]
async fn without_a_seat_a_first_sign_in_is_refused_and_later_ones_go_on() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let arrives = async |name: &str| {
        let mut browser = app.stranger();
        let request = browser.start(&idp, "/account").await;
        let reply = idp.reply(app.now(), Some(&request.id)).naming(name);
        let answer = browser.bring(&idp, &reply.encoded()).await;
        if answer.status == 303 { "in".to_owned() } else { answer.reason().to_owned() }
    };
    assert_eq!(arrives("grace@acme.example").await, "in");
    let api = app.api("owner").await;
    let active = api.get("/api/v1/members?status=active").await.json()["data"].as_array().unwrap().len();
    let mut body = json!({"name": "Acme", "slug": "acme", "default_role": "none", "seats": active});
    api.put("/api/v1/organization", &body).await.is(200);
    assert_eq!(arrives("alan@acme.example").await, "seats_full");
    assert_eq!(arrives("grace@acme.example").await, "in");
    let found = api.get("/api/v1/members?email=alan@acme.example").await.json();
    assert_eq!(found["data"], json!([]), "nobody was made");
    body["seats"] = json!(active + 1);
    api.put("/api/v1/organization", &body).await.is(200);
    assert_eq!(arrives("alan@acme.example").await, "in");
}

#[actix_web::test]
async fn the_health_page_says_what_doctor_says() {
    let app = TestApp::start().await;
    app.active_connection().await;
    let mut admin = app.admin().await;
    for found in app.app().examine_health(app.now()).await.unwrap() {
        let page = admin.get("/admin/settings/health").await.text();
        assert!(page.contains(&found.text), "{}: {page}", found.text);
    }
    // Lives later, the certificate has ended; the page knows.
    app.clock.advance(days(40_000));
    let mut admin = app.signed_in("admin@acme.example").await;
    let page = admin.get("/admin/settings/health").await.text();
    assert!(page.contains("last certificate") && page.contains("to mend now"), "{page}");
}

#[actix_web::test]
async fn the_network_page_shows_every_option_and_no_secret() {
    let app = TestApp::with(&[("outbound_allow", "idp.internal:8443")]).await;
    let mut admin = app.admin().await;
    let page = admin.get("/admin/settings/network").await;
    let shown = page.body.replace("<wbr>", "");
    assert!(shown.contains("idp.internal:8443") && shown.contains("master_key_file"), "{}", page.text());
    let key = std::fs::read(app.folder().join("master.key")).unwrap();
    let secret = String::from_utf8_lossy(&key);
    assert!(!shown.contains(secret.trim()), "the key itself");
}
