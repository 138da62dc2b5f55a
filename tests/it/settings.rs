//! Settings of the organization, and what the console says of the instance.

use doorward::testing::SettingsChange;
use doorward::testing::days;
use serde_json::json;

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
        (json!({"name": "Acme", "slug": "acme", "default_role": "member", "seats": 5}), "/seats"),
        (json!({"name": "Acme", "slug": "acme", "default_role": "member", "color": "red"}), "/color"),
    ] {
        let refused = api.put("/api/v1/organization", &body).await;
        assert_eq!(refused.is(422).json()["errors"][0]["pointer"], pointer, "{body}");
    }
    assert_eq!(app.audit_of("organization.updated").await.len(), 1);
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
