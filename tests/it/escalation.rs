//! How somebody with little could become somebody with much, and how a signed answer could be used for more than once.

use doorward::testing::DefaultRole;
use doorward::testing::MetadataInput;
use doorward::testing::Role;
use doorward::testing::SettingsChange;
use doorward::testing::minutes;
use serde_json::json;

use crate::support::Idp;
use crate::support::TestApp;
use crate::support::idp_saml::Key;
use crate::support::idp_saml::Reply;
use crate::support::idp_saml::Request;
use crate::support::idp_saml::SSO_URL;

/// What the wizard's metadata step would send: another address, and the certificate of another key.
fn moved(idp: &Idp, sso_url: &str) -> MetadataInput {
    MetadataInput::Manual {
        idp_entity_id: idp.entity.clone(),
        sso_url: sso_url.to_owned(),
        certificates: Key::other().pem().into_bytes(),
    }
}

async fn answer_with(app: &TestApp, idp: &Idp, key: &'static Key) -> u16 {
    let mut browser = app.stranger();
    let request = browser.start(idp, "/account").await;
    let reply = Reply { key, ..idp.reply(app.now(), Some(&request.id)) };
    browser.bring(idp, &reply.encoded()).await.status
}

#[actix_web::test]
async fn an_admin_cannot_make_owners_by_a_connections_default_role() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let admin = app.api("admin").await;
    let (path, owner) = (format!("/api/v1/connections/{}", idp.id), json!({"default_role": "owner"}));
    admin.patch(&path, &owner).await.is_problem(403, "role_above_yours");
    let new = json!({
        "kind": "saml", "name": "Okta", "default_role": "owner", "idp_entity_id": "https://idp.example/",
        "sso_url": "https://idp.example/sso", "certificates": [Key::other().pem()],
    });
    admin.post("/api/v1/connections", &new).await.is_problem(403, "role_above_yours");
    // Nor by turning on what an owner drafted.
    app.change(&idp, SettingsChange { default_role: Some(DefaultRole::Role(Role::Owner)), ..Default::default() }).await;
    let on = json!({"without_test": true});
    admin.post(&format!("{path}/activate"), &on).await.is_problem(403, "role_above_yours");
    app.api("owner").await.post(&format!("{path}/activate"), &on).await.is(200);
    // Nor by bringing it back.
    app.change(&idp, SettingsChange { default_role: Some(DefaultRole::Role(Role::Member)), ..Default::default() })
        .await;
    app.activate(&idp).await;
    admin.post(&format!("{path}/revert"), &json!({})).await.is_problem(403, "role_above_yours");
}

#[actix_web::test]
async fn the_certificates_of_a_draft_are_trusted_in_its_tests_alone() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let ctx = app.ctx().await;
    let draft = Some(moved(&idp, &format!("{SSO_URL}?application=2")));
    app.app().update_connection(&ctx, idp.id.clone(), SettingsChange::default(), draft, None).await.unwrap();
    assert_eq!(answer_with(&app, &idp, Key::other()).await, 403);
    assert_eq!(answer_with(&app, &idp, Key::idp()).await, 303);

    let (_, url) = app.app().start_test(&ctx, idp.id.clone()).await.unwrap();
    let mut browser = app.stranger();
    let request = Request::read(browser.get(&url).await.location());
    let reply = Reply { key: Key::other(), ..idp.reply(app.now(), Some(&request.id)) };
    assert_eq!(browser.bring(&idp, &reply.encoded()).await.status, 303);
    assert_eq!(app.audit_of("test.passed").await.len(), 1);

    app.app().activate_connection(&ctx, idp.id.clone(), false, None).await.unwrap();
    assert_eq!(answer_with(&app, &idp, Key::other()).await, 303);
    assert_eq!(answer_with(&app, &idp, Key::idp()).await, 303, "rotation: the old one stays until it is removed");
}

#[actix_web::test]
async fn a_discarded_draft_takes_its_certificates_with_it() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let ctx = app.ctx().await;
    let draft = Some(moved(&idp, &format!("{SSO_URL}?application=2")));
    app.app().update_connection(&ctx, idp.id.clone(), SettingsChange::default(), draft, None).await.unwrap();
    app.app().discard_draft(&ctx, idp.id.clone()).await.unwrap();
    assert_eq!(app.count("SELECT count(*) FROM connection_certificates"), 1);
    app.change(&idp, SettingsChange { clock_skew: Some(10), ..Default::default() }).await;
    app.activate(&idp).await;
    assert_eq!(answer_with(&app, &idp, Key::other()).await, 403);
}

#[actix_web::test]
async fn the_next_certificate_alone_needs_no_draft() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let ctx = app.ctx().await;
    let sso_url = app.app().find_connection(&ctx, idp.id.clone()).await.unwrap().connection;
    let sso_url = sso_url.active.unwrap().settings.sso_url.unwrap();
    let next = Some(moved(&idp, &sso_url));
    app.app().update_connection(&ctx, idp.id.clone(), SettingsChange::default(), next, None).await.unwrap();
    assert_eq!(answer_with(&app, &idp, Key::other()).await, 303);
}

#[actix_web::test]
async fn a_removed_certificate_does_not_come_back_by_reading_the_same_metadata_again() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let ctx = app.ctx().await;
    let view = app.app().add_certificates(&ctx, idp.id.clone(), Key::other().pem().as_bytes()).await.unwrap();
    let added = view.certificates.iter().max_by_key(|certificate| certificate.added_at).unwrap().sha256.clone();
    assert_eq!(answer_with(&app, &idp, Key::other()).await, 303);
    app.app().remove_certificate(&ctx, idp.id.clone(), &added).await.unwrap();
    let connection = app.app().find_connection(&ctx, idp.id.clone()).await.unwrap().connection;
    let again = Some(moved(&idp, &connection.active.unwrap().settings.sso_url.unwrap()));
    app.app().update_connection(&ctx, idp.id.clone(), SettingsChange::default(), again, None).await.unwrap();
    assert_eq!(answer_with(&app, &idp, Key::other()).await, 403);
    app.app().add_certificates(&ctx, idp.id.clone(), Key::other().pem().as_bytes()).await.unwrap();
    assert_eq!(answer_with(&app, &idp, Key::other()).await, 303, "by hand it counts again");
}

#[actix_web::test]
async fn a_certificate_that_vouches_for_an_owner_raises_the_alarm_where_an_admin_adds_it() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    assert_eq!(answer_with(&app, &idp, Key::idp()).await, 303);
    let pem = json!({"certificates": [Key::other().pem()]});
    let path = format!("/api/v1/connections/{}/certificates", idp.id);
    app.api("admin").await.post(&path, &pem).await.is(201);
    assert!(app.audit_of("connection.certificate_vouches_above").await.is_empty());

    let id: String = app.database().query_row("SELECT member_id FROM identities", [], |row| row.get(0)).unwrap();
    app.app().set_member_roles(&app.ctx().await, id.parse().unwrap(), vec!["owner".into()]).await.unwrap();
    let other = json!({"certificates": [Key::expired().pem()]});
    app.api("admin").await.post(&path, &other).await.is(201);
    let alarms = app.audit_of("connection.certificate_vouches_above").await;
    assert_eq!(alarms.iter().map(|event| event.level.as_str()).collect::<Vec<_>>(), ["alarm"]);
}

#[actix_web::test]
async fn a_signed_answer_that_comes_again_and_again_is_logged_like_garbage() {
    let app = TestApp::start().await;
    let idp = app.connection(SettingsChange { allow_idp_initiated: Some(true), ..Default::default() }).await;
    let answer = idp.reply(app.now(), None).encoded();
    let mut browser = app.stranger();
    assert_eq!(browser.bring(&idp, &answer).await.status, 303);
    for _ in 0..80 {
        assert_eq!(browser.bring(&idp, &answer).await.reason(), "saml_replay");
    }
    // Sixty at once; one more every other second, should the machine be that slow.
    let kept = app.count("SELECT count(*) FROM sign_ins WHERE code = 'saml_replay' AND verified = 1");
    assert!((60..75).contains(&kept), "{kept} kept");
    let told = app.audit_of("sign_in.refused").await.len();
    assert!(told < 75, "{told} events");
}

#[actix_web::test]
async fn an_open_link_ends_when_its_members_roles_change() {
    let app = TestApp::start().await;
    let member = app.person_without_password("grace@acme.example", "member").await;
    let link = app.password_link(&member).await;
    assert_eq!(app.stranger().get(&link).await.status, 200);
    app.app().set_member_roles(&app.ctx().await, member, vec!["admin".into()]).await.unwrap();
    assert_eq!(app.stranger().get(&link).await.status, 404);
}

#[actix_web::test]
async fn a_session_too_old_for_the_console_is_too_old_for_the_api() {
    let app = TestApp::start().await;
    let browser = app.admin().await;
    let api = app.api_browser(&browser);
    api.get("/api/v1/members").await.is(200);
    app.clock.advance(minutes(31));
    api.get("/api/v1/members").await.is_problem(401, "signed_out");
    api.get("/api/v1/me").await.is(200);
}

#[actix_web::test]
async fn an_owner_may_become_an_admin_where_another_owner_stays() {
    let app = TestApp::start().await;
    let second = app.person_without_password("grace@acme.example", "owner").await;
    let ctx = app.ctx().await;
    let roles = |role: &str| vec![role.to_owned()];
    app.app().set_member_roles(&ctx, second.clone(), roles("admin")).await.unwrap();
    app.app().set_member_roles(&ctx, second, roles("developer")).await.unwrap();
}

#[actix_web::test]
async fn signing_in_again_ends_the_session_before() {
    let app = TestApp::start().await;
    let mut browser = app.owner().await;
    browser.sign_in(crate::support::server::OWNER, crate::support::server::PASSWORD).await;
    assert!(browser.is_signed_in());
    assert_eq!(app.count("SELECT count(*) FROM sessions"), 1);
}

#[actix_web::test]
async fn tries_side_by_side_do_not_pass_the_throttle_together() {
    let app = TestApp::start().await;
    let mut browsers = Vec::new();
    for _ in 0..12 {
        let mut browser = app.stranger();
        browsers
            .push(async move { browser.sign_in(crate::support::server::OWNER, "a wrong one, surely").await.status });
    }
    let statuses = futures_util::future::join_all(browsers).await;
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 7, "{statuses:?}");
}
