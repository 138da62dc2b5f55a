//! Two verifiers, over HTTP. What makes them differ here is an ID that is no XML name, which the other does not read
//! (docs/second-opinion.md): an error of its own, not an attack.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward::testing::TestStatus;

use crate::support::Answer;
use crate::support::Browser;
use crate::support::TestApp;
use crate::support::idp_saml::Idp;
use crate::support::idp_saml::Reply;
use crate::support::idp_saml::Signs;

const ACTION: &str = "connection.second_opinion_differs";
const CODE: &str = "saml_second_opinion";

async fn enforcing() -> TestApp {
    TestApp::with(&[("second_opinion", "enforce")]).await
}

async fn answered(app: &TestApp, idp: &Idp, change: impl FnOnce(Reply) -> Reply) -> (Browser, Answer) {
    let mut browser = app.stranger();
    let request = browser.start(idp, "/account").await;
    let reply = change(idp.reply(app.now(), Some(&request.id)));
    let answer = browser.bring(idp, &reply.encoded()).await;
    (browser, answer)
}

fn odd(reply: Reply) -> Reply {
    Reply { assertion_id: format!("1{}", reply.assertion_id), ..reply }
}

#[actix_web::test]
async fn where_both_agree_nothing_is_told_and_the_sign_in_goes_on() {
    for settings in [&[][..], &[("second_opinion", "enforce")]] {
        let app = TestApp::with(settings).await;
        let idp = app.active_connection().await;
        for signs in [Signs::Assertion, Signs::Response] {
            let (browser, answer) = answered(&app, &idp, |reply| Reply { signs, ..reply }).await;
            assert!(answer.status == 303 && browser.is_signed_in(), "{}", answer.reason());
        }
        assert_eq!(app.audit_of(ACTION).await.len(), 0);
    }
}

#[actix_web::test]
async fn reported_a_difference_is_an_alarm_with_its_trace_and_the_sign_in_goes_on() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let (browser, answer) = answered(&app, &idp, odd).await;
    assert!(answer.status == 303 && browser.is_signed_in(), "{}", answer.reason());
    let event = app.audit_of(ACTION).await.remove(0);
    assert_eq!((event.level.as_str(), event.result(), event.code.as_deref()), ("alarm", "ok", None));
    assert_eq!((event.target.kind.as_str(), event.target.id.as_str()), ("connection", idp.id.as_str()));
    assert!(
        event.changes["independent_verifier"][1].as_str().unwrap().contains("malformed XML ID"),
        "{:?}",
        event.changes
    );
    let reference = event.reference.unwrap();
    let mut owner = app.owner().await;
    let page = owner.get(&format!("/admin/audit/{}", event.id)).await;
    let trace = format!("/admin/security/sso/{}/sign-ins/{reference}", idp.id);
    assert!(page.body.contains(&trace), "{}", page.text());
    let page = owner.get(&trace).await;
    assert_eq!(page.status, 200);
    for text in ["Signed in", "The two signature checks disagree", "Passed, 1 note"] {
        assert!(page.text().contains(text), "{text}: {}", page.text());
    }
    assert!(!page.text().contains("saml_"), "it was not refused: {}", page.text());
}

#[actix_web::test]
async fn of_many_differences_each_is_told_and_the_first_twenty_keep_their_trace() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    for _ in 0..23 {
        assert_eq!(answered(&app, &idp, odd).await.1.status, 303);
    }
    let events = app.audit_of(ACTION).await;
    assert_eq!((events.len(), events.iter().filter(|event| event.reference.is_some()).count()), (23, 20));
    assert_eq!(app.count("SELECT count(*) FROM sign_ins WHERE trace IS NOT NULL"), 20);
}

#[actix_web::test]
async fn enforced_a_difference_refuses_and_is_an_alarm() {
    let app = enforcing().await;
    let idp = app.active_connection().await;
    let (browser, answer) = answered(&app, &idp, odd).await;
    assert_eq!((answer.reason(), answer.status), (CODE, 403), "{}", answer.text());
    assert!(!browser.is_signed_in());
    assert_eq!(app.count("SELECT count(*) FROM members"), 1, "nobody is made");
    let event = app.audit_of(ACTION).await.remove(0);
    assert_eq!((event.level.as_str(), event.code.as_deref()), ("alarm", Some(CODE)));
    let refused = app.audit_of("sign_in.refused").await.remove(0);
    assert_eq!((refused.code.as_deref(), refused.reference.as_ref()), (Some(CODE), event.reference.as_ref()));
    let page = app.owner().await.get(&format!("/admin/security/sso/{}/sign-ins/{}", idp.id, answer.reference())).await;
    for text in ["The two signature checks disagree", "report it as a security issue", "malformed XML ID"] {
        assert!(page.text().contains(text), "{text}: {}", page.text());
    }
    // What the other objects to changes nothing for everybody else.
    assert_eq!(answered(&app, &idp, |reply| reply).await.1.status, 303);
}

#[actix_web::test]
async fn it_is_not_asked_about_what_we_refuse() {
    let app = enforcing().await;
    let idp = app.active_connection().await;
    let (_, answer) =
        answered(&app, &idp, |reply| odd(Reply { audience: "https://other.example".to_owned(), ..reply })).await;
    assert_eq!(answer.reason(), "saml_audience");
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/").await;
    let changed = odd(idp.reply(app.now(), Some(&request.id))).xml().replace("grace@acme.example", "ada@acme.example");
    assert_eq!(browser.bring(&idp, &STANDARD.encode(changed)).await.reason(), "saml_signature_invalid");
    assert_eq!(app.audit_of(ACTION).await.len(), 0);
}

/// Runs a test whose answer is changed so, and gives its page.
async fn tested(app: &TestApp, change: impl FnOnce(Reply) -> Reply) -> (TestStatus, Option<String>, String) {
    let idp = app.active_connection().await;
    let (test, url) = app.app().start_test(&app.ctx().await, idp.id.clone()).await.unwrap();
    let mut browser = app.stranger();
    let answer = browser.get(url.strip_prefix(&app.origin).unwrap()).await;
    let request = crate::support::idp_saml::Request::read(answer.location());
    browser.bring(&idp, &change(idp.reply(app.now(), Some(&request.id))).encoded()).await;
    let done = app.app().find_test(&app.ctx().await, idp.id.clone(), test.id.clone()).await.unwrap();
    let page = app.owner().await.get(&format!("/admin/security/sso/{}/tests/{}", idp.id, test.id)).await;
    let last = done.trace.unwrap().checks.pop().unwrap();
    assert_eq!(last.name, "second_opinion");
    (done.status, done.code, page.text())
}

#[actix_web::test]
async fn a_test_shows_it_as_a_check() {
    let (status, code, page) = tested(&TestApp::start().await, |reply| reply).await;
    assert_eq!((status, code), (TestStatus::Passed, None));
    assert!(page.contains("An independent verifier agrees"), "{page}");

    let app = TestApp::start().await;
    let (status, code, page) = tested(&app, odd).await;
    assert_eq!((status, code), (TestStatus::Passed, None));
    assert!(page.contains("The two signature checks disagree") && page.contains("Passed, 2 notes"), "{page}");
    assert_eq!(app.audit_of(ACTION).await.len(), 1);

    let app = enforcing().await;
    let (status, code, page) = tested(&app, odd).await;
    assert_eq!((status, code.as_deref()), (TestStatus::Failed, Some(CODE)));
    assert!(page.contains("The two signature checks disagree") && page.contains("Refused"), "{page}");
    assert_eq!(app.audit_of(ACTION).await.remove(0).code.as_deref(), Some(CODE));
}

#[actix_web::test]
async fn a_decided_refusal_stays_what_it_is_beside_a_reported_difference() {
    let app = TestApp::start().await;
    let idp = app.connection(doorward::testing::SettingsChange { jit: Some(false), ..Default::default() }).await;
    let (_, answer) = answered(&app, &idp, odd).await;
    assert_eq!(answer.reason(), "sso_not_provisioned");
    assert_eq!(app.audit_of(ACTION).await.len(), 1);
    let page = app.owner().await.get(&format!("/admin/security/sso/{}/sign-ins/{}", idp.id, answer.reference())).await;
    assert!(page.text().contains("The two signature checks disagree"), "{}", page.text());
    assert!(!page.text().contains("security issue"), "{}", page.text());
}
