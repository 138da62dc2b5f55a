//! Signing in by password, the pause after wrong ones, one-time links, changing one's password.

use doorward::testing::days;
use doorward::testing::minutes;
use doorward::testing::seconds;

use crate::support::Answer;
use crate::support::Browser;
use crate::support::TestApp;
use crate::support::server::OWNER;
use crate::support::server::PASSWORD;

const NEW_PASSWORD: &str = "another sentence of ours";

/// What a person reads, without what differs from request to request.
fn read(answer: &Answer, typed: &str) -> String {
    let form = answer.form("/sign-in/password");
    answer.body.replace(form.get("csrf"), "").replace(typed, "").replace(answer.header("x-request-id").unwrap(), "")
}

async fn guess(app: &TestApp, times: usize) {
    let mut guesser = app.stranger();
    for _ in 0..times {
        guesser.sign_in(OWNER, "not what it is, at all").await;
    }
}

#[actix_web::test]
async fn the_right_password_signs_in() {
    let app = TestApp::start().await;
    let mut browser = app.owner().await;
    assert_eq!(browser.get("/account").await.status, 200);
}

#[actix_web::test]
async fn an_address_is_read_without_its_case() {
    let app = TestApp::start().await;
    assert_eq!(app.stranger().sign_in(" Ada@ACME.example ", PASSWORD).await.status, 303);
}

#[actix_web::test]
async fn somebody_unknown_and_a_wrong_password_look_alike() {
    let app = TestApp::start().await;
    let mut browser = app.stranger();
    let known = browser.sign_in(OWNER, "not what it is, at all").await;
    let unknown = browser.sign_in("eve@acme.example", "not what it is, at all").await;
    assert_eq!((known.status, unknown.status), (422, 422));
    assert_eq!(read(&known, OWNER), read(&unknown, "eve@acme.example"));
}

#[actix_web::test]
async fn a_guess_at_nobody_leaves_nothing_behind() {
    let app = TestApp::start().await;
    let before = app.audit().await.len();
    app.stranger().sign_in("eve@acme.example", "not what it is, at all").await;
    assert_eq!(app.audit().await.len(), before);
}

#[actix_web::test]
async fn the_sixth_try_after_five_wrong_ones_has_to_wait() {
    let app = TestApp::start().await;
    let mut browser = app.stranger();
    for _ in 0..5 {
        assert_eq!(browser.sign_in(OWNER, "not what it is, at all").await.status, 422);
    }
    let answer = browser.sign_in(OWNER, PASSWORD).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
}

#[actix_web::test]
async fn the_pause_after_wrong_passwords_passes() {
    let app = TestApp::start().await;
    guess(&app, 6).await;
    app.clock.advance(seconds(2));
    assert_eq!(app.stranger().sign_in(OWNER, PASSWORD).await.status, 303);
}

#[actix_web::test]
async fn guesses_from_elsewhere_do_not_hold_up_the_owner() {
    let app = TestApp::start().await;
    guess(&app, 7).await;
    let mut browser = app.stranger().coming_from("127.0.0.2");
    assert_eq!(browser.sign_in(OWNER, PASSWORD).await.status, 303);
}

#[actix_web::test]
async fn a_browser_that_was_signed_in_before_gets_in_after_a_hundred_guesses() {
    let app = TestApp::start().await;
    let mut known = app.owner().await.coming_from("127.0.0.3");
    known.cookies.retain(|cookie| cookie.name == "doorward_dev");
    for round in 0..20 {
        let mut guesser = app.stranger().coming_from(&format!("127.0.1.{}", round + 1));
        for _ in 0..5 {
            guesser.sign_in(OWNER, "not what it is, at all").await;
        }
    }
    assert_eq!(app.stranger().coming_from("127.0.0.4").sign_in(OWNER, PASSWORD).await.status, 429);
    assert_eq!(known.sign_in(OWNER, PASSWORD).await.status, 303);
}

#[actix_web::test]
async fn somebody_deactivated_is_refused_like_a_wrong_password() {
    let app = TestApp::start().await;
    let id = app.person("grace@acme.example", "member").await;
    app.app().deactivate_member(&app.ctx().await, id).await.unwrap();
    let refused = app.stranger().sign_in("grace@acme.example", PASSWORD).await;
    let wrong = app.stranger().sign_in(OWNER, "not what it is, at all").await;
    assert_eq!(refused.status, 422);
    assert_eq!(read(&refused, "grace@acme.example"), read(&wrong, OWNER));
}

#[actix_web::test]
async fn a_form_leads_back_to_where_one_wanted_to_go() {
    let app = TestApp::start().await;
    let mut browser = app.stranger();
    let first = browser.open("/account/sessions").await.form("/sign-in").fill("email", OWNER);
    let second = browser.submit_and_follow(&first).await.form("/sign-in/password");
    let answer = browser.submit(&second.fill("email", OWNER).fill("password", PASSWORD)).await;
    assert_eq!(answer.location(), "/account/sessions");
}

#[actix_web::test]
async fn a_sign_in_leads_nowhere_else() {
    let app = TestApp::start().await;
    for evil in ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example"] {
        let mut browser = app.stranger();
        let path = format!(
            "/sign-in/password?return_to={}",
            url::form_urlencoded::byte_serialize(evil.as_bytes()).collect::<String>()
        );
        let mut form =
            browser.get(&path).await.form("/sign-in/password").fill("email", OWNER).fill("password", PASSWORD);
        form = form.fill("return_to", evil);
        assert_eq!(browser.submit(&form).await.location(), "/", "{evil:?}");
    }
}

async fn use_link(browser: &mut Browser, link: &str) -> Answer {
    let answer = browser.get(link).await;
    if answer.status != 200 {
        return answer;
    }
    browser.submit(&answer.form(link).fill("password", NEW_PASSWORD)).await
}

#[actix_web::test]
async fn a_password_link_sets_the_password_and_signs_in() {
    let app = TestApp::start().await;
    let id = app.person_without_password("grace@acme.example", "member").await;
    let mut browser = app.stranger();
    assert_eq!(use_link(&mut browser, &app.password_link(&id).await).await.status, 303);
    assert!(browser.get("/account").await.text().contains("grace@acme.example"));
}

#[actix_web::test]
async fn looking_at_a_link_does_not_use_it_up() {
    let app = TestApp::start().await;
    let id = app.person_without_password("grace@acme.example", "member").await;
    let link = app.password_link(&id).await;
    app.stranger().get(&link).await;
    assert_eq!(app.stranger().get(&link).await.status, 200);
}

#[actix_web::test]
async fn a_link_works_once() {
    let app = TestApp::start().await;
    let id = app.person_without_password("grace@acme.example", "member").await;
    let link = app.password_link(&id).await;
    let (mut first, mut second) = (app.stranger(), app.stranger());
    let late = second.get(&link).await.form(&link).fill("password", PASSWORD);
    use_link(&mut first, &link).await;
    assert_eq!(second.submit(&late).await.status, 404);
    assert!(!second.is_signed_in());
}

#[actix_web::test]
async fn a_link_ends_with_its_time() {
    let app = TestApp::start().await;
    let id = app.person_without_password("grace@acme.example", "member").await;
    let link = app.password_link(&id).await;
    app.clock.advance(days(3) + minutes(1));
    assert_eq!(app.stranger().get(&link).await.status, 404);
}

#[actix_web::test]
async fn a_newer_link_ends_the_older_one() {
    let app = TestApp::start().await;
    let id = app.person_without_password("grace@acme.example", "member").await;
    let older = app.password_link(&id).await;
    let newer = app.password_link(&id).await;
    assert_eq!(app.stranger().get(&older).await.status, 404);
    assert_eq!(app.stranger().get(&newer).await.status, 200);
}

#[actix_web::test]
async fn a_link_is_no_use_to_somebody_deactivated() {
    let app = TestApp::start().await;
    let id = app.person_without_password("grace@acme.example", "member").await;
    let link = app.password_link(&id).await;
    app.app().deactivate_member(&app.ctx().await, id).await.unwrap();
    assert_eq!(app.stranger().get(&link).await.status, 404);
}

async fn change(browser: &mut Browser, old: &str, new: &str) -> Answer {
    let form = browser.get("/account/sign-in-methods").await.form("/account/sign-in-methods/password");
    browser.submit(&form.fill("current_password", old).fill("password", new)).await
}

#[actix_web::test]
async fn a_changed_password_ends_the_other_sessions() {
    let app = TestApp::start().await;
    let (mut here, mut elsewhere) = (app.owner().await, app.owner().await);
    assert_eq!(change(&mut here, PASSWORD, NEW_PASSWORD).await.status, 303);
    assert_eq!(here.get("/account").await.status, 200);
    assert_eq!(elsewhere.get("/account").await.status, 303);
}

#[actix_web::test]
async fn a_changed_password_takes_the_place_of_the_old_one() {
    let app = TestApp::start().await;
    change(&mut app.owner().await, PASSWORD, NEW_PASSWORD).await;
    assert_eq!(app.stranger().sign_in(OWNER, PASSWORD).await.status, 422);
    assert_eq!(app.stranger().sign_in(OWNER, NEW_PASSWORD).await.status, 303);
}

#[actix_web::test]
async fn a_changed_password_ends_open_links() {
    let app = TestApp::start().await;
    let mut browser = app.member().await;
    let id = app
        .app()
        .list_members(&app.ctx().await, Default::default(), doorward::testing::Window::first(9))
        .await
        .unwrap();
    let id = id.rows.into_iter().find(|row| row.member.email.as_str() == "grace@acme.example").unwrap().member.id;
    let link = app.password_link(&id).await;
    assert_eq!(change(&mut browser, PASSWORD, NEW_PASSWORD).await.status, 303);
    assert_eq!(app.stranger().get(&link).await.status, 404);
}

#[actix_web::test]
async fn without_the_present_password_nothing_changes() {
    let app = TestApp::start().await;
    let answer = change(&mut app.owner().await, "not what it is, at all", NEW_PASSWORD).await;
    assert_eq!(answer.status, 422);
    assert_eq!(app.stranger().sign_in(OWNER, PASSWORD).await.status, 303);
}

#[actix_web::test]
async fn guessing_the_present_password_is_slowed_down() {
    let app = TestApp::start().await;
    let mut browser = app.owner().await;
    for _ in 0..6 {
        change(&mut browser, "not what it is, at all", NEW_PASSWORD).await;
    }
    assert_eq!(change(&mut browser, PASSWORD, NEW_PASSWORD).await.status, 429);
}

async fn recovery_link(app: &TestApp) -> String {
    let url = app.app().recover_admin(&app.ctx().await, OWNER).await.unwrap();
    url.strip_prefix(&app.origin).unwrap().to_owned()
}

#[actix_web::test]
async fn a_recovery_link_lets_an_admin_back_in() {
    let app = TestApp::start().await;
    let link = recovery_link(&app).await;
    assert_eq!(use_link(&mut app.stranger(), &link).await.status, 303);
    assert_eq!(app.stranger().sign_in(OWNER, NEW_PASSWORD).await.status, 303);
}

#[actix_web::test]
async fn a_recovery_link_is_over_after_a_quarter_of_an_hour() {
    let app = TestApp::start().await;
    let link = recovery_link(&app).await;
    app.clock.advance(minutes(15));
    assert_eq!(app.stranger().get(&link).await.status, 404);
}

#[actix_web::test]
async fn a_recovery_link_brings_a_deactivated_admin_back() {
    let app = TestApp::start().await;
    let id = app.person("second@acme.example", "owner").await;
    app.app().deactivate_member(&app.ctx().await, id).await.unwrap();
    let url = app.app().recover_admin(&app.ctx().await, "second@acme.example").await.unwrap();
    assert_eq!(use_link(&mut app.stranger(), url.strip_prefix(&app.origin).unwrap()).await.status, 303);
}

#[actix_web::test]
async fn a_member_is_not_recovered_as_an_admin() {
    let app = TestApp::start().await;
    app.person("grace@acme.example", "member").await;
    assert!(app.app().recover_admin(&app.ctx().await, "grace@acme.example").await.is_err());
}
