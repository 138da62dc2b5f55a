//! The first run: the code, the first owner, the door that closes behind them.

use doorward::testing::minutes;

use crate::support::Answer;
use crate::support::Browser;
use crate::support::TestApp;
use crate::support::server::PASSWORD;

async fn send_code(browser: &mut Browser, code: &str) -> Answer {
    let form = browser.get("/setup").await.form("/setup");
    browser.submit(&form.fill("code", code)).await
}

async fn set_up(app: &TestApp, browser: &mut Browser) -> Answer {
    assert_eq!(send_code(browser, app.app().setup_code.text()).await.location(), "/setup/address");
    let form = browser.get("/setup/address").await.form("/setup/address");
    let form = browser.submit_and_follow(&form).await.form("/setup/admin");
    let form = form.fill("organization", "Acme").fill("name", "Ada").fill("email", "ada@acme.example");
    browser.submit(&form.fill("password", PASSWORD)).await
}

#[actix_web::test]
async fn an_empty_gateway_leads_to_its_set_up() {
    let app = TestApp::first_run(&[]);
    assert!(app.stranger().open("/").await.has_form("/setup"));
}

#[actix_web::test]
async fn a_wrong_code_is_refused_at_its_field() {
    let app = TestApp::first_run(&[]);
    let mut browser = app.stranger();
    let answer = send_code(&mut browser, "AAAA-BBBB-CCCC").await;
    assert_eq!((answer.status, answer.form("/setup").get("code")), (422, "AAAA-BBBB-CCCC"));
    // Nothing typed is told as that, and is none of the five wrong ones.
    for nothing in ["", " ", "\t"].repeat(3) {
        let answer = send_code(&mut browser, nothing).await;
        assert!(answer.status == 422 && answer.text().contains("Type the code that the server printed"), "{nothing:?}");
    }
}

#[actix_web::test]
async fn after_five_wrong_codes_the_right_one_has_to_wait() {
    let app = TestApp::first_run(&[]);
    let mut browser = app.stranger();
    for _ in 0..5 {
        assert_eq!(send_code(&mut browser, "AAAA-BBBB-CCCC").await.status, 422);
    }
    let code = app.app().setup_code.text();
    assert_eq!(send_code(&mut browser, code).await.status, 429);
    app.clock.advance(minutes(16));
    assert_eq!(send_code(&mut browser, code).await.status, 303);
}

#[actix_web::test]
async fn the_code_changes_at_every_start() {
    let app = TestApp::first_run(&[]);
    let former = app.app().setup_code.text().to_owned();
    let app = app.restart(&[]);
    assert_eq!(send_code(&mut app.stranger(), &former).await.status, 422);
}

#[actix_web::test]
async fn nobody_gets_to_the_first_admin_without_the_code() {
    let app = TestApp::first_run(&[]);
    assert_eq!(app.stranger().get("/setup/admin").await.location(), "/setup");
}

#[actix_web::test]
async fn the_first_owner_is_made_and_signed_in() {
    let app = TestApp::first_run(&[]);
    let mut browser = app.stranger();
    assert_eq!(set_up(&app, &mut browser).await.location(), "/admin/security");
    assert!(browser.get("/account").await.text().contains("Owner"));
}

#[actix_web::test]
async fn set_up_is_closed_once_there_is_an_owner() {
    let app = TestApp::first_run(&[]);
    let mut late = app.stranger();
    assert_eq!(send_code(&mut late, app.app().setup_code.text()).await.status, 303);
    let form = late.get("/setup/admin").await.form("/setup/admin");
    set_up(&app, &mut app.stranger()).await;
    let form = form.fill("name", "Eve").fill("email", "eve@acme.example").fill("password", PASSWORD);
    assert_eq!(late.submit(&form).await.status, 404);
    assert_eq!(late.get("/setup").await.location(), "/sign-in");
    assert_eq!(app.count("SELECT count(*) FROM members"), 1);
}

#[actix_web::test]
async fn a_short_password_is_told_and_nothing_typed_is_lost() {
    let app = TestApp::first_run(&[]);
    let mut browser = app.stranger();
    send_code(&mut browser, app.app().setup_code.text()).await;
    let form = browser.get("/setup/admin").await.form("/setup/admin");
    let form = form.fill("name", "Ada").fill("email", "ada@acme.example").fill("password", "short");
    let answer = browser.submit(&form).await;
    assert_eq!((answer.status, answer.form("/setup/admin").get("email")), (422, "ada@acme.example"));
}
