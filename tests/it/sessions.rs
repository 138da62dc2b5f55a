//! How long a browser stays signed in, and how that ends before.

use std::time::Duration;

use doorward::testing::MemberId;
use doorward::testing::SessionFilter;
use doorward::testing::Window;
use doorward::testing::hours;
use doorward::testing::minutes;

use crate::support::Browser;
use crate::support::TestApp;
use crate::support::server::OWNER;
use crate::support::server::PASSWORD;

async fn is_signed_in(browser: &mut Browser) -> bool {
    browser.get("/account").await.status == 200
}

/// Uses the session at that distance, and waits until its use is noted, which happens behind the answer.
async fn use_after(app: &TestApp, browser: &mut Browser, time: Duration) -> bool {
    app.clock.advance(time);
    let asked = app.now();
    let was_signed_in = is_signed_in(browser).await;
    for _ in 0..20_000 {
        let sessions =
            app.app().list_sessions(&app.ctx().await, SessionFilter::default(), Window::first(9)).await.unwrap().rows;
        if !was_signed_in || sessions.iter().any(|session| session.last_seen_at >= asked) {
            break;
        }
        tokio::task::yield_now().await;
    }
    was_signed_in
}

#[actix_web::test]
async fn a_session_ends_after_eight_idle_hours() {
    let app = TestApp::start().await;
    let mut browser = app.owner().await;
    app.clock.advance(hours(8));
    assert!(!is_signed_in(&mut browser).await);
}

#[actix_web::test]
async fn a_session_that_is_used_goes_on_after_eight_hours() {
    let app = TestApp::start().await;
    let mut browser = app.owner().await;
    assert!(use_after(&app, &mut browser, hours(7)).await);
    assert!(use_after(&app, &mut browser, hours(7)).await);
}

#[actix_web::test]
async fn a_session_ends_after_a_day_however_busy() {
    let app = TestApp::start().await;
    let mut browser = app.owner().await;
    for _ in 0..3 {
        assert!(use_after(&app, &mut browser, hours(7)).await);
    }
    assert!(!use_after(&app, &mut browser, hours(3)).await);
}

#[actix_web::test]
async fn the_sign_in_page_leads_whoever_is_signed_in_on() {
    let app = TestApp::start().await;
    assert_eq!(app.owner().await.get("/sign-in?return_to=/account").await.location(), "/account");
}

#[actix_web::test]
async fn after_half_an_idle_hour_the_console_asks_again_and_goes_on_asking() {
    let app = TestApp::start().await;
    let mut browser = app.owner().await;
    assert!(use_after(&app, &mut browser, minutes(31)).await);
    assert_eq!(browser.get("/sign-in?return_to=/admin/security").await.status, 200);
}

#[actix_web::test]
async fn signing_in_again_opens_the_console_again() {
    let app = TestApp::start().await;
    let mut browser = app.owner().await;
    assert!(use_after(&app, &mut browser, minutes(31)).await);
    browser.sign_in(OWNER, PASSWORD).await;
    assert_eq!(browser.get("/sign-in?return_to=/admin/security").await.location(), "/admin/security");
}

#[actix_web::test]
async fn signing_out_ends_the_session_itself() {
    let app = TestApp::start().await;
    let mut browser = app.owner().await;
    let mut copy = browser.clone();
    let form = browser.get("/sign-out").await.form("/sign-out");
    assert!(browser.submit_and_follow(&form).await.status == 200 && !browser.is_signed_in());
    assert!(!is_signed_in(&mut copy).await);
}

#[actix_web::test]
async fn looking_at_the_sign_out_page_ends_nothing() {
    let app = TestApp::start().await;
    let mut browser = app.owner().await;
    browser.get("/sign-out").await;
    assert!(is_signed_in(&mut browser).await);
}

#[actix_web::test]
async fn a_session_that_was_ended_elsewhere_is_refused_at_once() {
    let app = TestApp::start().await;
    let (mut here, mut lost) = (app.owner().await, app.owner().await);
    let form = here.get("/account/sessions").await.form("/end");
    assert_eq!(here.submit(&form).await.status, 303);
    assert!(!is_signed_in(&mut lost).await && is_signed_in(&mut here).await);
}

#[actix_web::test]
async fn ending_all_other_sessions_leaves_this_one() {
    let app = TestApp::start().await;
    let (mut here, mut one, mut two) = (app.owner().await, app.owner().await, app.owner().await);
    let form = here.get("/account/sessions").await.form("/account/sessions/end-others");
    here.submit(&form).await;
    assert!(is_signed_in(&mut here).await && !is_signed_in(&mut one).await && !is_signed_in(&mut two).await);
}

#[actix_web::test]
async fn somebody_elses_session_is_not_theirs_to_end() {
    let app = TestApp::start().await;
    let mut owner = app.owner().await;
    let mut member = app.member().await;
    let sessions =
        app.app().list_sessions(&app.ctx().await, SessionFilter::default(), Window::first(9)).await.unwrap().rows;
    let of_owner = sessions.iter().find(|session| session.member != of(&app, "grace@acme.example")).unwrap();
    let mut form = member.get("/sign-out").await.form("/sign-out");
    form.action = format!("/account/sessions/{}/end", of_owner.id);
    assert_eq!(member.submit(&form).await.status, 403);
    assert!(is_signed_in(&mut owner).await);
}

fn of(app: &TestApp, email: &str) -> MemberId {
    let sql = "SELECT id FROM members WHERE email_norm = ?1";
    let id: String = app.database().query_row(sql, [email], |row| row.get(0)).unwrap();
    id.parse().unwrap()
}

#[actix_web::test]
async fn deactivating_a_member_ends_their_sessions_at_once() {
    let app = TestApp::start().await;
    let mut browser = app.member().await;
    let id = of(&app, "grace@acme.example");
    app.app().deactivate_member(&app.ctx().await, id.clone()).await.unwrap();
    assert!(!is_signed_in(&mut browser).await);
    app.app().reactivate_member(&app.ctx().await, id).await.unwrap();
    assert!(!is_signed_in(&mut browser).await, "a session that ended does not come back");
}

#[actix_web::test]
async fn on_https_the_session_cookie_is_bound_to_the_host() {
    let app = TestApp::with(&[("base_url", "https://gate.example.com")]).await;
    let browser = app.owner().await;
    let cookie = browser.cookie("__Host-doorward_session").unwrap();
    for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.has(attribute), "{attribute}: {cookie:?}");
    }
    assert!(!cookie.attributes.iter().any(|known| known.starts_with("max-age") || known.starts_with("expires")));
}

#[actix_web::test]
async fn on_a_loopback_base_the_session_cookie_is_plain() {
    let app = TestApp::start().await;
    let browser = app.owner().await;
    let cookie = browser.cookie("doorward_session").unwrap();
    assert!(cookie.has("HttpOnly") && cookie.has("SameSite=Lax") && !cookie.has("Secure"));
}

#[actix_web::test]
async fn two_session_cookies_are_somebodys_trick() {
    let app = TestApp::start().await;
    let mut browser = app.owner().await;
    let twin = browser.cookie("doorward_session").unwrap().clone();
    browser.cookies.push(twin);
    assert!(!is_signed_in(&mut browser).await);
}

#[actix_web::test]
async fn a_form_that_outlives_its_session_comes_back_with_what_was_typed() {
    let app = TestApp::start().await;
    let mut browser = app.owner().await;
    let form = browser.get("/account").await.form("/account").fill("name", "Ada Lovelace");
    app.clock.advance(hours(9));
    let answer = browser.submit(&form).await;
    assert_eq!((answer.status, answer.form("/account").get("name")), (401, "Ada Lovelace"));
}

#[actix_web::test]
async fn what_has_ended_is_swept() {
    let app = TestApp::start().await;
    app.owner().await;
    app.clock.advance(hours(25));
    app.run_jobs().await;
    assert_eq!(app.count("SELECT count(*) FROM sessions"), 0);
}

/// More than one step of a sweep takes, and beside it what stays.
#[actix_web::test]
async fn a_pile_of_what_has_ended_is_swept_to_the_last_and_nothing_else() {
    let app = TestApp::start().await;
    let cookies = app.owner().await.cookies;
    let idp = app.active_connection().await;
    app.sign_in_by_saml(&idp, "grace@acme.example").await;
    let old = app.now().millis() - 40 * 86_400_000;
    let many = "WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 450)";
    let (organization, member) = ("(SELECT id FROM organizations)", "(SELECT min(id) FROM members)");
    let app = app.edited(&format!(
        "{many} INSERT INTO sessions (id, organization_id, member_id, token_hash, method, started_at, last_seen_at, \
         console_seen_at, expires_at) SELECT 'ses_' || printf('%026d', n), {organization}, {member}, 'h' || n, 'password', {old}, \
         {old}, {old}, {old} FROM many;
         {many} INSERT INTO links (id, organization_id, member_id, purpose, token_hash, created_at, expires_at) \
         SELECT 'link_' || printf('%026d', n), {organization}, {member}, 'password', 'h' || n, {old}, {old} FROM many;
         {many} INSERT INTO consumed (connection_id, used_id, used_at, expires_at) SELECT '{id}', 'u' || n, {old}, {old} FROM many;
         {many} INSERT INTO sign_ins (id, organization_id, connection_id, at, verified) \
         SELECT 'sgn_' || printf('%026d', n), {organization}, '{id}', {old}, 1 FROM many;
         {many} INSERT INTO tests (id, organization_id, connection_id, revision_id, settings_hash, token_hash, status, started_by, \
         created_at, expires_at) SELECT 'test_' || printf('%026d', n), {organization}, '{id}', 'rev', '', 'h' || n, 'passed', '', \
         {old}, {old} FROM many;
         {many} INSERT INTO idempotency_keys (caller, key, request_hash, status, answer_sealed, created_at) \
         SELECT 'key_1', 'k' || n, 'h', 201, '', {old} FROM many;",
        id = idp.id
    ));
    app.run_jobs().await;
    let left = ["sessions", "links", "consumed", "sign_ins", "tests", "idempotency_keys"]
        .map(|table| app.count(&format!("SELECT count(*) FROM {table}")));
    assert_eq!(left, [2, 0, 2, 1, 0, 0]);
    let mut browser = app.stranger();
    browser.cookies = cookies;
    assert!(is_signed_in(&mut browser).await);
}
