//! A connection's life: draft, test, active, edited, reverted; and how an admin links their own sign-in.

use doorward::testing::Certificate;
use doorward::testing::SettingsChange;
use doorward::testing::TestStatus;
use doorward::testing::minutes;
use serde_json::json;

use crate::support::Answer;
use crate::support::Browser;
use crate::support::Idp;
use crate::support::TestApp;
use crate::support::idp_saml::ENTITY_ID;
use crate::support::idp_saml::Key;
use crate::support::idp_saml::Reply;
use crate::support::idp_saml::Request;
use crate::support::idp_saml::SSO_URL;
use crate::support::server::OWNER;

const GRACE: &str = "grace@acme.example";

fn settings() -> SettingsChange {
    SettingsChange::default()
}

/// A test as its member runs it: from the wizard's page to the provider and back.
async fn test_as(app: &TestApp, browser: &mut Browser, idp: &Idp, change: impl FnOnce(Reply) -> Reply) -> Answer {
    let path = format!("/admin/security/sso/{}/setup/test", idp.id);
    let form = browser.get(&path).await.form(&path);
    let answer = browser.submit_and_follow(&form).await;
    let answer = through_continue_page(browser, answer).await;
    let request = Request::read(answer.location());
    browser.bring(idp, &change(idp.reply(app.now(), Some(&request.id))).encoded()).await
}

/// A form may not lead to another site, so a page in between does.
async fn through_continue_page(browser: &mut Browser, answer: Answer) -> Answer {
    if answer.is_redirect() {
        return answer;
    }
    let next =
        answer.links().into_iter().find(|link| link.contains("/sso/")).unwrap_or_else(|| panic!("{}", answer.body));
    browser.open(&next).await
}

fn test_of(app: &TestApp) -> String {
    app.database().query_row("SELECT id FROM tests ORDER BY id DESC LIMIT 1", [], |row| row.get(0)).unwrap()
}

#[actix_web::test]
async fn a_draft_lets_nobody_in() {
    let app = TestApp::start().await;
    let idp = app.draft_connection(settings()).await;
    let mut browser = app.stranger();
    assert_eq!(browser.get(&format!("/sso/{}/start", idp.id)).await.status, 403);
    let answer = browser.bring(&idp, &idp.reply(app.now(), None).encoded()).await;
    assert_eq!((answer.status, answer.reason()), (403, "connection_inactive"));
}

#[actix_web::test]
async fn a_draft_is_not_offered_on_the_sign_in_page() {
    let app = TestApp::start().await;
    let idp = app.draft_connection(settings()).await;
    assert!(!app.stranger().get("/sign-in").await.body.contains(idp.id.as_str()));
    app.activate(&idp).await;
    assert!(app.stranger().get("/sign-in").await.body.contains(idp.id.as_str()));
}

#[actix_web::test]
async fn a_draft_can_be_tested_and_nobody_is_signed_in_or_created() {
    let app = TestApp::start().await;
    let idp = app.draft_connection(settings()).await;
    let mut browser = app.owner().await;
    let session = browser.cookie("doorward_session").cloned();
    let answer = test_as(&app, &mut browser, &idp, |reply| reply).await;
    let page = browser.follow_from_elsewhere(answer).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(browser.cookie("doorward_session").cloned(), session);
    assert_eq!((app.count("SELECT count(*) FROM members"), app.count("SELECT count(*) FROM identities")), (1, 0));
    assert_eq!(app.audit_of("test.passed").await.len(), 1);
}

#[actix_web::test]
async fn a_test_that_fails_says_why_on_its_page() {
    let app = TestApp::start().await;
    let idp = app.draft_connection(settings()).await;
    let mut browser = app.owner().await;
    let wrong = |reply| Reply { audience: "https://other.example/".to_owned(), ..reply };
    let answer = test_as(&app, &mut browser, &idp, wrong).await;
    let page = browser.follow_from_elsewhere(answer).await.text();
    assert!(page.contains("https://other.example/") && page.contains(&idp.entity_id), "{page}");
    assert_eq!(app.audit_of("test.failed").await[0].code.as_deref(), Some("saml_audience"));
}

#[actix_web::test]
async fn a_test_counts_once() {
    let app = TestApp::start().await;
    let idp = app.draft_connection(settings()).await;
    let (_, url) = app.app().start_test(&app.ctx().await, idp.id.clone()).await.unwrap();
    let mut browser = app.stranger();
    let request = Request::read(browser.get(&url).await.location());
    browser.bring(&idp, &idp.reply(app.now(), Some(&request.id)).encoded()).await;
    assert_eq!(browser.get(&url).await.status, 404);
}

#[actix_web::test]
async fn a_tests_link_ends_after_a_quarter_of_an_hour() {
    let app = TestApp::start().await;
    let idp = app.draft_connection(settings()).await;
    let (_, url) = app.app().start_test(&app.ctx().await, idp.id.clone()).await.unwrap();
    app.clock.advance(minutes(15));
    assert_eq!(app.stranger().get(&url).await.status, 404);
}

#[actix_web::test]
async fn activation_wants_a_passed_test() {
    let app = TestApp::start().await;
    let idp = app.draft_connection(settings()).await;
    let ctx = app.ctx().await;
    let refused = app.app().activate_connection(&ctx, idp.id.clone(), false, None).await;
    assert_eq!(refused.unwrap_err().code(), "connection_untested");
    test_as(&app, &mut app.owner().await, &idp, |reply| reply).await;
    assert!(app.app().activate_connection(&ctx, idp.id.clone(), false, None).await.is_ok());
}

#[actix_web::test]
async fn a_test_does_not_count_for_settings_that_changed_after_it() {
    let app = TestApp::start().await;
    let idp = app.draft_connection(settings()).await;
    test_as(&app, &mut app.owner().await, &idp, |reply| reply).await;
    let names = doorward::testing::AttributeNames { job_title: Some("rank".to_owned()), ..Default::default() };
    app.change(&idp, SettingsChange { attributes: Some(names), ..settings() }).await;
    let refused = app.app().activate_connection(&app.ctx().await, idp.id.clone(), false, None).await;
    assert_eq!(refused.unwrap_err().code(), "connection_untested");
}

#[actix_web::test]
async fn the_first_activation_opens_sso_beside_passwords() {
    let app = TestApp::start().await;
    app.active_connection().await;
    let mode: String =
        app.database().query_row("SELECT sign_in_mode FROM organizations", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "password_and_sso");
}

#[actix_web::test]
async fn turning_the_last_connection_off_leaves_passwords() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.app().deactivate_connection(&app.ctx().await, idp.id.clone()).await.unwrap();
    let mode: String =
        app.database().query_row("SELECT sign_in_mode FROM organizations", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "password");
}

#[actix_web::test]
async fn an_edit_changes_nothing_for_others_until_it_is_activated() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.change(&idp, SettingsChange { jit: Some(false), ..settings() }).await;
    assert_eq!(app.sign_in_by_saml(&idp, GRACE).await.1.status, 303);
    app.activate(&idp).await;
    assert_eq!(app.sign_in_by_saml(&idp, "alan@acme.example").await.1.reason(), "sso_not_provisioned");
}

#[actix_web::test]
async fn a_sign_in_under_way_ends_by_the_settings_that_are_active_then() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/").await;
    app.change(&idp, SettingsChange { jit: Some(false), ..settings() }).await;
    app.activate(&idp).await;
    let answer = browser.bring(&idp, &idp.reply(app.now(), Some(&request.id)).encoded()).await;
    assert_eq!(answer.reason(), "sso_not_provisioned");
}

#[actix_web::test]
async fn the_former_settings_can_be_brought_back() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.change(&idp, SettingsChange { jit: Some(false), ..settings() }).await;
    app.activate(&idp).await;
    app.app().revert_connection(&app.ctx().await, idp.id.clone()).await.unwrap();
    assert_eq!(app.sign_in_by_saml(&idp, GRACE).await.1.status, 303);
    assert_eq!(app.audit_of("connection.reverted").await.len(), 1);
}

#[actix_web::test]
async fn an_edit_of_an_active_connection_is_told_as_one_with_the_revision_in_use() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    assert_eq!(app.audit_of("connection.activated").await[0].changes["revision"], json!([null, 1]));
    app.change(&idp, SettingsChange { jit: Some(false), ..settings() }).await;
    app.activate(&idp).await;
    let told = app.audit_of("connection.settings_activated").await;
    assert_eq!((told.len(), &told[0].changes["revision"]), (1, &json!([1, 2])));
    // Off and on again, with another edit: turned on, and by which settings.
    app.app().deactivate_connection(&app.ctx().await, idp.id.clone()).await.unwrap();
    app.change(&idp, SettingsChange { jit: Some(true), ..settings() }).await;
    app.activate(&idp).await;
    let told = app.audit_of("connection.activated").await;
    assert_eq!((told.len(), &told[0].changes["revision"]), (2, &json!([null, 3])));
    assert_eq!(app.audit_of("connection.settings_activated").await.len(), 1);
    let mut owner = app.owner().await;
    let page = owner.get(&format!("/admin/security/sso/{}/revisions", idp.id)).await.text();
    assert!(page.contains("put into use") && !page.contains("turned on"), "{page}");
}

#[actix_web::test]
async fn settings_come_back_only_with_a_certificate_of_their_provider() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let (api, path) = (app.api("owner").await, format!("/api/v1/connections/{}", idp.id));
    let pem = |key: &Key| json!([key.pem()]);
    let moved =
        json!({"idp_entity_id": "https://new.example/idp", "sso_url": SSO_URL, "certificates": pem(Key::other())});
    api.patch(&path, &moved).await.is(200);
    app.activate(&idp).await;
    // What is trusted of the new provider says nothing for the old one.
    let old = Certificate::from_der(&Key::idp().identity.certificate_der).unwrap().sha256;
    api.delete(&format!("{path}/certificates/{old}")).await.is(204);
    let mut owner = app.owner().await;
    let page = format!("/admin/security/sso/{}/revert", idp.id);
    let asked = owner.get(&page).await;
    assert!(asked.text().contains(&format!("No certificate of {ENTITY_ID} is trusted")), "{}", asked.text());
    let refused = owner.submit(&asked.form(&page)).await;
    assert!(refused.status == 409 && refused.text().contains("is trusted any more"), "{}", refused.text());
    api.post(&format!("{path}/revert"), &json!({})).await.is_problem(409, "revert_no_certificate");

    // As a draft they come back, and want a certificate before they are turned on.
    let revisions = api.get(&format!("{path}/revisions")).await.json();
    let former = revisions["data"].as_array().unwrap().iter().find(|row| row["standing"] == "former").unwrap();
    api.post(&format!("{path}/revisions/{}/restore", former["id"].as_str().unwrap()), &json!({})).await.is(200);
    let on = json!({"without_test": true});
    api.post(&format!("{path}/activate"), &on).await.is_problem(409, "connection_incomplete");

    api.post(&format!("{path}/certificates/{old}/restore"), &json!({})).await.is(200);
    api.post(&format!("{path}/revert"), &json!({})).await.is(200);
    assert_eq!(app.sign_in_by_saml(&idp, GRACE).await.1.status, 303);
}

#[actix_web::test]
async fn two_admins_do_not_overwrite_each_other_unseen() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let (one, two) = (app.ctx().await, app.ctx().await);
    let change = |name: &str| SettingsChange { name: Some(name.to_owned()), ..settings() };
    let version = app.app().find_connection(&one, idp.id.clone()).await.unwrap().connection.version;
    app.app().update_connection(&one, idp.id.clone(), change("One"), None, Some(version)).await.unwrap();
    let late = app.app().update_connection(&two, idp.id.clone(), change("Two"), None, Some(version)).await;
    assert_eq!(late.unwrap_err().code(), "changed_meanwhile");
}

#[actix_web::test]
async fn a_deleted_connection_lets_nobody_in_any_more() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.sign_in_by_saml(&idp, GRACE).await;
    let (mut browser, reply) = (app.stranger(), idp.reply(app.now(), None).encoded());
    app.app().delete_connection(&app.ctx().await, idp.id.clone()).await.unwrap();
    assert_eq!(browser.bring(&idp, &reply).await.status, 404);
    assert_eq!(browser.get(&format!("/saml/{}/metadata", idp.id)).await.status, 404);
}

#[actix_web::test]
async fn a_second_certificate_is_trusted_beside_the_first() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.app().add_certificates(&app.ctx().await, idp.id.clone(), Key::other().pem().as_bytes()).await.unwrap();
    for key in [Key::idp(), Key::other()] {
        let mut browser = app.stranger();
        let request = browser.start(&idp, "/").await;
        let reply = Reply { key, ..idp.reply(app.now(), Some(&request.id)) };
        assert_eq!(browser.bring(&idp, &reply.encoded()).await.status, 303);
    }
}

#[actix_web::test]
async fn a_certificate_that_was_taken_away_is_refused_at_once() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.app().add_certificates(&app.ctx().await, idp.id.clone(), Key::other().pem().as_bytes()).await.unwrap();
    assert_eq!(app.sign_in_by_saml(&idp, GRACE).await.1.status, 303);
    let der = &Key::idp().identity.certificate_der;
    let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    let sha256: String = sha256.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    app.app().remove_certificate(&app.ctx().await, idp.id.clone(), &sha256).await.unwrap();
    assert_eq!(app.sign_in_by_saml(&idp, GRACE).await.1.reason(), "saml_signature_cert");
}

// Linking.

fn identities(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM identities")
}

#[actix_web::test]
async fn an_admin_links_what_their_own_test_showed() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut owner = app.owner().await;
    test_as(&app, &mut owner, &idp, |reply| reply.naming(OWNER)).await;
    let path = format!("/account/sign-in-methods/confirm/{}", test_of(&app));
    let form = owner.get(&path).await.form(&path);
    assert_eq!(owner.submit(&form).await.status, 303);
    let (mut browser, answer) = app.sign_in_by_saml(&idp, OWNER).await;
    assert_eq!(answer.status, 303, "{}", answer.reason());
    assert!(browser.get("/account").await.text().contains("Owner"));
}

async fn link(app: &TestApp, browser: &mut Browser, idp: &Idp, email: &str) -> Answer {
    let form = browser.get("/account/sign-in-methods").await.form(&format!("{}/link", idp.id));
    let answer = browser.submit_and_follow(&form).await;
    let answer = through_continue_page(browser, answer).await;
    let request = Request::read(answer.location());
    let answer = browser.bring(idp, &idp.reply(app.now(), Some(&request.id)).naming(email).encoded()).await;
    let page = browser.follow_from_elsewhere(answer).await;
    let form = page.form(&format!("/confirm/{}", test_of(app)));
    browser.submit(&form).await
}

#[actix_web::test]
async fn a_member_links_a_sign_in_from_their_account() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut browser = app.member().await;
    assert_eq!(link(&app, &mut browser, &idp, GRACE).await.status, 303);
    assert_eq!(identities(&app), 1);
    assert_eq!(app.sign_in_by_saml(&idp, GRACE).await.1.status, 303);
}

#[actix_web::test]
async fn a_link_runs_by_the_active_settings_whatever_the_draft_says() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let names = doorward::testing::AttributeNames { user_id: Some("employee".to_owned()), ..Default::default() };
    app.change(&idp, SettingsChange { attributes: Some(names), ..settings() }).await;
    let mut browser = app.member().await;
    assert_eq!(link(&app, &mut browser, &idp, GRACE).await.status, 303);
}

#[actix_web::test]
async fn linking_wants_a_recent_sign_in() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut browser = app.member().await;
    let form = browser.get("/account/sign-in-methods").await.form(&format!("{}/link", idp.id));
    app.clock.advance(minutes(6));
    assert_eq!(browser.submit(&form).await.status, 403);
}

#[actix_web::test]
async fn a_link_that_was_handed_to_somebody_else_links_nobody() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut sender = app.member().await;
    let form = sender.get("/account/sign-in-methods").await.form(&format!("{}/link", idp.id));
    let page = sender.submit(&form).await;
    // A form that leads elsewhere by a redirect is blocked by its own page's form-action.
    assert_eq!(page.status, 200);
    let handed_on = page.links().into_iter().find(|link| link.ends_with("?link=1")).unwrap();
    for mut victim in [app.stranger(), app.owner().await] {
        assert_eq!(victim.get(&handed_on).await.status, 404);
    }
}

#[actix_web::test]
async fn a_test_that_somebody_else_ran_is_not_the_senders_to_link() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut sender = app.owner().await;
    let path = format!("/admin/security/sso/{}/setup/test", idp.id);
    let form = sender.get(&path).await.form(&path);
    let url = sender.submit(&form).await.links().into_iter().find(|link| link.contains("/test/")).unwrap();
    let mut victim = app.stranger();
    let request = Request::read(victim.get(&url).await.location());
    victim.bring(&idp, &idp.reply(app.now(), Some(&request.id)).encoded()).await;
    assert_eq!(sender.get(&format!("/account/sign-in-methods/confirm/{}", test_of(&app))).await.status, 404);
}

#[actix_web::test]
async fn an_answer_that_nobody_asked_for_does_not_finish_a_test_that_waits() {
    let app = TestApp::start().await;
    let idp = app.connection(SettingsChange { allow_idp_initiated: Some(true), ..settings() }).await;
    let (test, url) = app.app().start_test(&app.ctx().await, idp.id.clone()).await.unwrap();
    let mut browser = app.stranger();
    browser.get(&url).await;
    let answer = browser.bring(&idp, &idp.reply(app.now(), None).encoded()).await;
    assert_eq!((answer.status, browser.is_signed_in()), (303, true));
    let waits = app.app().find_test(&app.ctx().await, idp.id.clone(), test.id).await.unwrap();
    assert_eq!(waits.status, TestStatus::Waiting);
}

#[actix_web::test]
async fn what_is_linked_to_somebody_is_not_taken_over() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.sign_in_by_saml(&idp, "alan@acme.example").await;
    let mut browser = app.member().await;
    assert_eq!(link(&app, &mut browser, &idp, "alan@acme.example").await.status, 409);
    assert_eq!(identities(&app), 1);
}

#[actix_web::test]
async fn the_only_way_in_cannot_be_unlinked() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let (mut browser, _) = app.sign_in_by_saml(&idp, GRACE).await;
    let page = browser.get("/account/sign-in-methods").await;
    assert!(!page.has_form("/remove"));
    let id: String = app.database().query_row("SELECT id FROM identities", [], |row| row.get(0)).unwrap();
    let mut form = browser.get("/sign-out").await.form("/sign-out");
    form.action = format!("/account/sign-in-methods/{id}/remove");
    assert_eq!(browser.submit(&form).await.status, 409);
}
