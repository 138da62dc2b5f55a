//! Signing in through an identity provider, end to end: what is let in, what is refused and how that is told.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward::testing::AttributeNames;
use doorward::testing::Binding;
use doorward::testing::DefaultRole;
use doorward::testing::ExpiredCertificates;
use doorward::testing::Role;
use doorward::testing::SettingsChange;
use doorward::testing::SignIn;
use doorward::testing::minutes;
use doorward::testing::seconds;

use crate::support::Answer;
use crate::support::Browser;
use crate::support::Idp;
use crate::support::TestApp;
use crate::support::idp_saml::Key;
use crate::support::idp_saml::Reply;
use crate::support::idp_saml::Request;
use crate::support::idp_saml::SSO_URL;
use crate::support::idp_saml::Signs;
use crate::support::idp_saml::encrypt;
use crate::support::server::OWNER;

const GRACE: &str = "grace@acme.example";

fn settings() -> SettingsChange {
    SettingsChange::default()
}

/// Begins a sign-in and answers it with a reply in which one thing was changed.
async fn answered(app: &TestApp, idp: &Idp, change: impl FnOnce(Reply) -> Reply) -> (Browser, Answer) {
    let mut browser = app.stranger();
    let request = browser.start(idp, "/account").await;
    let reply = change(idp.reply(app.now(), Some(&request.id)));
    let answer = browser.bring(idp, &reply.encoded()).await;
    (browser, answer)
}

/// A refusal as everybody may see it: a 4xx with its code, no session, and a reference that stands in the log.
async fn refused(app: &TestApp, idp: &Idp, browser: &Browser, answer: &Answer, code: &str) -> SignIn {
    assert_eq!((answer.reason(), answer.status), (code, 403), "{}", answer.text());
    assert!(!browser.is_signed_in());
    let reference = answer.reference();
    let logged = app.app().find_sign_in(&app.ctx().await, idp.id.clone(), &reference).await;
    let logged = logged.unwrap_or_else(|error| panic!("{reference:?} is not in the log: {error}"));
    assert_eq!(logged.code.as_deref(), Some(code));
    logged
}

async fn is_refused(code: &str, change: impl FnOnce(Reply) -> Reply) {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let (browser, answer) = answered(&app, &idp, change).await;
    refused(&app, &idp, &browser, &answer, code).await;
}

fn column(app: &TestApp, email: &str, column: &str) -> Option<String> {
    let sql = format!("SELECT {column} FROM members WHERE email_norm = ?1");
    app.database().query_row(&sql, [email], |row| row.get(0)).unwrap()
}

fn members(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM members")
}

// Out to the identity provider.

#[actix_web::test]
async fn the_request_is_signed_with_the_published_key() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/").await;
    let pem = browser.get(&format!("/saml/{}/certificate", idp.id)).await.body;
    assert!(request.is_signed_by(&pem));
}

#[actix_web::test]
async fn the_request_names_us_as_our_metadata_does() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/").await;
    let metadata = browser.get(&format!("/saml/{}/metadata", idp.id)).await.body;
    let document = roxmltree::Document::parse(&request.xml).unwrap();
    let root = document.root_element();
    assert_eq!(root.attribute("Destination"), Some(SSO_URL));
    assert_eq!(root.attribute("AssertionConsumerServiceURL"), Some(idp.acs_url.as_str()));
    assert_eq!(root.first_element_child().and_then(|issuer| issuer.text()), Some(idp.entity_id.as_str()));
    let metadata = roxmltree::Document::parse(&metadata).unwrap();
    assert_eq!(metadata.root_element().attribute("entityID"), Some(idp.entity_id.as_str()));
    assert!(metadata.descendants().any(|node| node.attribute("Location") == Some(&idp.acs_url)));
}

#[actix_web::test]
async fn by_the_post_binding_a_page_carries_a_request_that_xmlsec1_verifies() {
    let app = TestApp::start().await;
    let idp = app.connection(SettingsChange { sso_binding: Some(Binding::Post), ..settings() }).await;
    let mut browser = app.stranger();
    let answer = browser.get(&format!("/sso/{}/start", idp.id)).await;
    let form = answer.form(SSO_URL);
    assert!(!answer.header("content-security-policy").unwrap().contains("form-action"));
    let folder = tempfile::tempdir().unwrap();
    let (request, certificate) = (folder.path().join("request.xml"), folder.path().join("sp.pem"));
    std::fs::write(&request, STANDARD.decode(form.get("SAMLRequest")).unwrap()).unwrap();
    std::fs::write(&certificate, browser.get(&format!("/saml/{}/certificate", idp.id)).await.body).unwrap();
    let output = std::process::Command::new("xmlsec1")
        .args([
            "--verify",
            "--id-attr:ID",
            "urn:oasis:names:tc:SAML:2.0:protocol:AuthnRequest",
            "--enabled-key-data",
            "key-name",
        ])
        .arg("--pubkey-cert-pem")
        .args([&certificate, &request])
        .output()
        .expect("Debian's xmlsec1 is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[actix_web::test]
async fn the_pending_sign_in_travels_across_sites_and_the_session_does_not() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let (browser, _) = app.sign_in_by_saml(&idp, GRACE).await;
    let mut waiting = app.stranger();
    waiting.start(&idp, "/").await;
    let pending = waiting.cookies.iter().find(|cookie| cookie.name.starts_with("doorward_login_")).unwrap();
    assert!(pending.has("SameSite=None") && pending.has("Secure") && pending.has("Max-Age=600"));
    assert!(browser.cookie("doorward_session").unwrap().has("SameSite=Lax"));
}

#[actix_web::test]
async fn five_sign_ins_can_wait_in_one_browser_and_the_sixth_takes_the_oldests_place() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut browser = app.stranger();
    for _ in 0..7 {
        browser.start(&idp, "/").await;
    }
    assert_eq!(browser.cookies.iter().filter(|cookie| cookie.name.starts_with("doorward_login_")).count(), 5);
}

#[actix_web::test]
async fn nothing_is_remembered_of_a_sign_in_that_only_began() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let before = (app.audit().await.len(), app.count("SELECT count(*) FROM sign_ins"));
    app.stranger().start(&idp, "/").await;
    assert_eq!((app.audit().await.len(), app.count("SELECT count(*) FROM sign_ins")), before);
}

// In.

#[actix_web::test]
async fn somebody_new_is_created_with_the_default_role() {
    let app = TestApp::start().await;
    let idp =
        app.connection(SettingsChange { default_role: Some(DefaultRole::Role(Role::Developer)), ..settings() }).await;
    let (mut browser, answer) = app.sign_in_by_saml(&idp, GRACE).await;
    assert_eq!((answer.status, answer.location()), (303, "/account"));
    let page = browser.follow_from_elsewhere(answer).await.text();
    for shown in [GRACE, "Rear Admiral", "Developer", "Platform", "Staff"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    assert_eq!(column(&app, GRACE, "source").as_deref(), Some("sso"));
    assert_eq!(column(&app, GRACE, "name").as_deref(), Some("Grace Hopper"));
}

#[actix_web::test]
async fn a_signature_by_xmlsec1_is_accepted() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/account").await;
    let reply = idp.reply(app.now(), Some(&request.id));
    let signed = sign_by_xmlsec1(&reply);
    assert_eq!(browser.bring(&idp, &STANDARD.encode(signed)).await.status, 303);
}

/// The assertion signed by another program, with the same key.
fn sign_by_xmlsec1(reply: &Reply) -> String {
    let id = &reply.assertion_id;
    let template = format!(
        "</saml:Issuer><ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/><ds:Reference URI=\"#{id}\">\
         <ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
         <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue/></ds:Reference>\
         </ds:SignedInfo><ds:SignatureValue/></ds:Signature><saml:Subject>"
    );
    let assertion = reply.assertion().replace("</saml:Issuer><saml:Subject>", &template);
    let folder = tempfile::tempdir().unwrap();
    let (document, key) = (folder.path().join("response.xml"), folder.path().join("key.pem"));
    std::fs::write(&document, reply.around(&assertion)).unwrap();
    let pkcs8 = STANDARD.encode(&*Key::idp().identity.pkcs8);
    std::fs::write(&key, format!("-----BEGIN PRIVATE KEY-----\n{pkcs8}\n-----END PRIVATE KEY-----\n")).unwrap();
    let output = std::process::Command::new("xmlsec1")
        .args(["--sign", "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion", "--privkey-pem"])
        .args([&key, &document])
        .output()
        .expect("Debian's xmlsec1 is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[actix_web::test]
async fn a_signed_response_is_accepted_like_a_signed_assertion() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let (_, answer) = answered(&app, &idp, |reply| Reply { signs: Signs::Response, ..reply }).await;
    assert_eq!(answer.status, 303, "{}", answer.reason());
}

#[actix_web::test]
async fn what_the_provider_says_is_taken_over_at_the_next_sign_in() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.sign_in_by_saml(&idp, GRACE).await;
    let (mut browser, answer) =
        answered(&app, &idp, |reply| reply.with("job_title", &["Commodore"]).with("groups", &["Navy"])).await;
    let page = browser.follow_from_elsewhere(answer).await.text();
    assert!(page.contains("Commodore") && page.contains("Navy") && !page.contains("Platform"), "{page}");
}

#[actix_web::test]
async fn what_the_provider_leaves_out_stays() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.sign_in_by_saml(&idp, GRACE).await;
    answered(&app, &idp, |mut reply| {
        reply.attributes.retain(|(name, _)| name == "email");
        reply
    })
    .await;
    assert_eq!(column(&app, GRACE, "job_title").as_deref(), Some("Rear Admiral"));
}

#[actix_web::test]
async fn an_attribute_that_the_connection_names_is_read_instead() {
    let app = TestApp::start().await;
    let attributes = AttributeNames { job_title: Some("rank".to_owned()), ..AttributeNames::default() };
    let idp = app.connection(SettingsChange { attributes: Some(attributes), ..settings() }).await;
    answered(&app, &idp, |reply| reply.with("rank", &["Captain"])).await;
    assert_eq!(column(&app, GRACE, "job_title").as_deref(), Some("Captain"));
}

#[actix_web::test]
async fn a_person_stays_who_they_are_when_their_address_changes() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.sign_in_by_saml(&idp, GRACE).await;
    let before = members(&app);
    let (_, answer) = answered(&app, &idp, |reply| reply.with("email", &["hopper@acme.example"])).await;
    assert_eq!((answer.status, members(&app)), (303, before));
}

#[actix_web::test]
async fn a_sign_in_leads_nowhere_else() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    for evil in ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example"] {
        let mut browser = app.stranger();
        let request = browser.start(&idp, evil).await;
        let answer = browser.bring(&idp, &idp.reply(app.now(), Some(&request.id)).encoded()).await;
        assert_eq!(answer.location(), "/", "{evil:?}");
    }
}

#[actix_web::test]
async fn the_session_that_begins_is_a_new_one() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let (mut browser, _) = app.sign_in_by_saml(&idp, GRACE).await;
    let first = browser.cookie("doorward_session").unwrap().value.clone();
    let request = browser.start(&idp, "/").await;
    browser.bring(&idp, &idp.reply(app.now(), Some(&request.id)).encoded()).await;
    assert_ne!(browser.cookie("doorward_session").unwrap().value, first);
}

#[actix_web::test]
async fn a_finished_sign_in_waits_no_longer() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let (browser, _) = app.sign_in_by_saml(&idp, GRACE).await;
    assert!(!browser.cookies.iter().any(|cookie| cookie.name.starts_with("doorward_login_")));
}

#[actix_web::test]
async fn an_encrypted_assertion_is_opened() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/account").await;
    let reply = idp.reply(app.now(), Some(&request.id));
    let pem = browser.get(&format!("/saml/{}/certificate", idp.id)).await.body;
    let encrypted = encrypt(&Key::idp().sign(&reply.assertion(), &reply.assertion_id), &pem);
    let answer = browser.bring(&idp, &STANDARD.encode(reply.around(&encrypted))).await;
    assert_eq!((answer.status, answer.reason()), (303, ""));
}

// Unasked for.

async fn unasked(app: &TestApp, idp: &Idp) -> (Browser, Answer) {
    let mut browser = app.stranger();
    let answer = browser.bring(idp, &idp.reply(app.now(), None).encoded()).await;
    (browser, answer)
}

#[actix_web::test]
async fn an_answer_that_nobody_asked_for_is_refused() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let (browser, answer) = unasked(&app, &idp).await;
    refused(&app, &idp, &browser, &answer, "saml_idp_initiated").await;
}

#[actix_web::test]
async fn where_it_is_allowed_an_answer_that_nobody_asked_for_lands_on_a_fixed_page() {
    let app = TestApp::start().await;
    let idp = app.connection(SettingsChange { allow_idp_initiated: Some(true), ..settings() }).await;
    let (browser, answer) = unasked(&app, &idp).await;
    assert_eq!((answer.location(), browser.is_signed_in()), ("/", true));
}

#[actix_web::test]
async fn an_answer_that_nobody_asked_for_has_to_be_fresh() {
    let app = TestApp::start().await;
    let idp = app.connection(SettingsChange { allow_idp_initiated: Some(true), ..settings() }).await;
    let mut browser = app.stranger();
    let old = Reply { not_on_or_after: app.now() + minutes(30), ..idp.reply(app.now(), None).earlier(minutes(12)) };
    let answer = browser.bring(&idp, &old.encoded()).await;
    refused(&app, &idp, &browser, &answer, "saml_time_late").await;
}

#[actix_web::test]
async fn an_answer_that_nobody_asked_for_does_not_finish_a_sign_in_that_waits() {
    let app = TestApp::start().await;
    let idp = app.connection(SettingsChange { allow_idp_initiated: Some(true), ..settings() }).await;
    let mut browser = app.stranger();
    browser.start(&idp, "/account/sessions").await;
    let answer = browser.bring(&idp, &idp.reply(app.now(), None).encoded()).await;
    assert_eq!(answer.location(), "/");
}

// Whose answer, to which question.

#[actix_web::test]
async fn an_answer_counts_once() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/").await;
    let mut copy = browser.clone();
    let reply = idp.reply(app.now(), Some(&request.id)).encoded();
    assert_eq!(browser.bring(&idp, &reply).await.status, 303);
    let answer = copy.bring(&idp, &reply).await;
    refused(&app, &idp, &copy, &answer, "saml_replay").await;
}

#[actix_web::test]
async fn a_question_is_answered_once() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/").await;
    let mut copy = browser.clone();
    browser.bring(&idp, &idp.reply(app.now(), Some(&request.id)).encoded()).await;
    let answer = copy.bring(&idp, &idp.reply(app.now(), Some(&request.id)).encoded()).await;
    refused(&app, &idp, &copy, &answer, "saml_replay").await;
}

#[actix_web::test]
async fn an_answer_is_no_use_in_another_browser() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let request = app.stranger().start(&idp, "/").await;
    let mut other = app.stranger();
    let answer = other.bring(&idp, &idp.reply(app.now(), Some(&request.id)).encoded()).await;
    refused(&app, &idp, &other, &answer, "saml_in_response_to").await;
}

#[actix_web::test]
async fn an_answer_is_no_use_to_another_connection() {
    let app = TestApp::start().await;
    let (asked, other) = (app.active_connection().await, app.active_connection().await);
    let mut browser = app.stranger();
    let request = browser.start(&asked, "/").await;
    let answer = browser.bring(&other, &other.reply(app.now(), Some(&request.id)).encoded()).await;
    refused(&app, &other, &browser, &answer, "saml_in_response_to").await;
}

#[actix_web::test]
async fn a_sign_in_that_took_too_long_starts_over() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/").await;
    app.clock.advance(minutes(11));
    let answer = browser.bring(&idp, &idp.reply(app.now(), Some(&request.id)).encoded()).await;
    refused(&app, &idp, &browser, &answer, "sign_in_expired").await;
}

#[actix_web::test]
async fn a_cookie_that_was_tampered_with_is_none() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/").await;
    for cookie in &mut browser.cookies {
        cookie.value.push('A');
    }
    let answer = browser.bring(&idp, &idp.reply(app.now(), Some(&request.id)).encoded()).await;
    refused(&app, &idp, &browser, &answer, "saml_in_response_to").await;
}

// What is wrong with an answer, each with its own code.

#[actix_web::test]
async fn an_answer_for_another_service_is_refused() {
    is_refused("saml_audience", |reply| Reply { audience: "https://other.example/".to_owned(), ..reply }).await;
}

#[actix_web::test]
async fn an_assertion_for_another_address_is_refused() {
    is_refused("saml_recipient", |reply| Reply { recipient: "https://other.example/acs".to_owned(), ..reply }).await;
}

#[actix_web::test]
async fn a_response_to_another_address_is_refused() {
    is_refused("saml_destination", |reply| Reply { destination: "https://other.example/acs".to_owned(), ..reply })
        .await;
}

#[actix_web::test]
async fn an_answer_by_another_provider_is_refused() {
    is_refused("saml_issuer", |reply| Reply { issuer: "https://evil.example/".to_owned(), ..reply }).await;
}

#[actix_web::test]
async fn an_answer_that_is_over_is_refused() {
    is_refused("saml_time_late", |reply| reply.earlier(minutes(9))).await;
}

#[actix_web::test]
async fn an_answer_from_the_future_is_refused() {
    is_refused("saml_time_early", |reply| {
        let later = reply.not_before + minutes(5);
        Reply { not_before: later, issued: later, not_on_or_after: later + minutes(5), ..reply }
    })
    .await;
}

#[actix_web::test]
async fn two_minutes_between_the_clocks_do_not_matter() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let (_, answer) = answered(&app, &idp, |reply| Reply { not_before: reply.not_before + minutes(3), ..reply }).await;
    assert_eq!(answer.status, 303, "{}", answer.reason());
}

#[actix_web::test]
async fn an_answer_without_a_signature_is_refused() {
    is_refused("saml_signature_missing", |reply| Reply { signs: Signs::Nothing, ..reply }).await;
}

#[actix_web::test]
async fn an_answer_signed_with_a_key_nobody_trusts_is_refused() {
    is_refused("saml_signature_cert", |reply| Reply { key: Key::other(), ..reply }).await;
}

#[actix_web::test]
async fn an_answer_that_was_tampered_with_is_refused() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/").await;
    let xml = idp.reply(app.now(), Some(&request.id)).xml().replace(GRACE, OWNER);
    let answer = browser.bring(&idp, &STANDARD.encode(xml)).await;
    refused(&app, &idp, &browser, &answer, "saml_signature_invalid").await;
}

#[actix_web::test]
async fn a_wrapped_assertion_is_refused() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/").await;
    let reply = idp.reply(app.now(), Some(&request.id));
    let forged = Reply { assertion_id: "_forged".to_owned(), ..reply.clone() }.naming(OWNER).assertion();
    let signed = Key::idp().sign(&reply.assertion(), &reply.assertion_id);
    let answer = browser.bring(&idp, &STANDARD.encode(reply.around(&(forged + &signed)))).await;
    assert!(answer.status == 403 && answer.reason().starts_with("saml_") && !browser.is_signed_in());
    assert_eq!(members(&app), 1);
}

#[actix_web::test]
async fn what_the_provider_itself_refused_is_told_with_its_reason() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/").await;
    let reply = idp.reply(app.now(), Some(&request.id));
    let denied = "status:Responder\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:RequestDenied\"/></samlp:StatusCode>";
    let xml = reply.around("").replace("status:Success\"/>", denied);
    let answer = browser.bring(&idp, &STANDARD.encode(xml)).await;
    let logged = refused(&app, &idp, &browser, &answer, "saml_status").await;
    assert!(logged.received.unwrap().contains("RequestDenied"));
}

#[actix_web::test]
async fn what_is_no_answer_at_all_is_a_bad_request() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    for (sent, code) in [("", "saml_no_response"), ("%%%", "saml_malformed"), ("PGE+", "saml_malformed")] {
        let answer = app.stranger().bring(&idp, sent).await;
        assert_eq!((answer.status, answer.reason()), (400, code), "{sent}");
    }
}

#[actix_web::test]
async fn an_answer_too_large_to_be_one_is_a_4xx() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    for size in [600 * 1024, 800 * 1024] {
        let status = app.stranger().bring(&idp, &"A".repeat(size)).await.status;
        assert!((400..500).contains(&status), "{size}: {status}");
    }
}

#[actix_web::test]
async fn an_answer_for_a_connection_that_never_was_is_not_found() {
    let app = TestApp::start().await;
    let mut idp = app.active_connection().await;
    idp.acs_url = format!("{}/saml/con_01k2v9q8xw3f6t0m4n7p5r1sza/acs", app.origin);
    assert_eq!(app.stranger().bring(&idp, "PGE+").await.status, 404);
}

#[actix_web::test]
async fn an_ended_certificate_is_let_through_with_one_alarm_a_day() {
    let app = TestApp::start().await;
    let idp = app.connection_of("https://idp.example/metadata", Key::expired(), settings()).await;
    app.activate(&idp).await;
    for _ in 0..2 {
        let (_, answer) = answered(&app, &idp, |reply| Reply { key: Key::expired(), ..reply }).await;
        assert_eq!(answer.status, 303, "{}", answer.reason());
    }
    assert_eq!(app.audit_of("connection.certificate_expired_used").await.len(), 1);
}

#[actix_web::test]
async fn an_ended_certificate_is_refused_where_the_connection_says_so() {
    let app = TestApp::start().await;
    let change = SettingsChange { expired_certificates: Some(ExpiredCertificates::Refuse), ..settings() };
    let idp = app.connection_of("https://idp.example/metadata", Key::expired(), change).await;
    app.activate(&idp).await;
    let (browser, answer) = answered(&app, &idp, |reply| Reply { key: Key::expired(), ..reply }).await;
    refused(&app, &idp, &browser, &answer, "saml_cert_expired").await;
}

// Who may come in.

#[actix_web::test]
async fn a_connection_that_is_off_neither_sends_nor_receives() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/").await;
    app.app().deactivate_connection(&app.ctx().await, idp.id.clone()).await.unwrap();
    let answer = browser.bring(&idp, &idp.reply(app.now(), Some(&request.id)).encoded()).await;
    refused(&app, &idp, &browser, &answer, "connection_inactive").await;
    assert_eq!(browser.get(&format!("/sso/{}/start", idp.id)).await.status, 403);
}

#[actix_web::test]
async fn somebody_deactivated_is_refused() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.sign_in_by_saml(&idp, GRACE).await;
    let id = column(&app, GRACE, "id").unwrap().parse().unwrap();
    app.app().deactivate_member(&app.ctx().await, id).await.unwrap();
    let (browser, answer) = app.sign_in_by_saml(&idp, GRACE).await;
    refused(&app, &idp, &browser, &answer, "sso_deactivated").await;
}

#[actix_web::test]
async fn an_address_that_somebody_has_is_never_merged() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.person(GRACE, "member").await;
    let before = members(&app);
    let (browser, answer) = app.sign_in_by_saml(&idp, GRACE).await;
    refused(&app, &idp, &browser, &answer, "account_exists").await;
    assert_eq!((members(&app), app.count("SELECT count(*) FROM identities")), (before, 0));
    assert_eq!(app.audit_of("link.refused").await.len(), 1);
}

#[actix_web::test]
async fn where_an_admin_allowed_it_an_address_joins_who_has_it() {
    let app = TestApp::start().await;
    let idp = app.connection(SettingsChange { link_existing: Some(true), ..settings() }).await;
    app.person(GRACE, "developer").await;
    let before = members(&app);
    let (mut browser, answer) = app.sign_in_by_saml(&idp, GRACE).await;
    assert_eq!((answer.status, members(&app)), (303, before));
    assert!(browser.get("/account").await.text().contains("Developer"));
    assert_eq!(app.audit_of("identity.linked").await.len(), 1);
}

#[actix_web::test]
async fn an_admin_is_never_joined_by_address() {
    let app = TestApp::start().await;
    let idp = app.connection(SettingsChange { link_existing: Some(true), ..settings() }).await;
    let (browser, answer) = app.sign_in_by_saml(&idp, OWNER).await;
    refused(&app, &idp, &browser, &answer, "account_exists").await;
}

#[actix_web::test]
async fn a_new_subject_with_an_address_that_is_known_here_is_refused() {
    let app = TestApp::start().await;
    let idp = app.connection(SettingsChange { link_existing: Some(true), ..settings() }).await;
    app.sign_in_by_saml(&idp, GRACE).await;
    let (browser, answer) = answered(&app, &idp, |reply| Reply { name_id: "another".to_owned(), ..reply }).await;
    refused(&app, &idp, &browser, &answer, "account_exists").await;
}

#[actix_web::test]
async fn the_same_subject_of_another_provider_is_another_person() {
    let app = TestApp::start().await;
    let first = app.active_connection().await;
    let second = app.connection_of("https://evil.example/", Key::other(), settings()).await;
    app.activate(&second).await;
    app.sign_in_by_saml(&first, GRACE).await;
    let (browser, answer) = answered(&app, &second, |reply| Reply { key: Key::other(), ..reply }).await;
    refused(&app, &second, &browser, &answer, "account_exists").await;
}

#[actix_web::test]
async fn nobody_is_created_where_that_is_off() {
    let app = TestApp::start().await;
    let idp = app.connection(SettingsChange { jit: Some(false), ..settings() }).await;
    let (browser, answer) = app.sign_in_by_saml(&idp, GRACE).await;
    refused(&app, &idp, &browser, &answer, "sso_not_provisioned").await;
}

#[actix_web::test]
async fn nobody_is_created_without_a_role() {
    let app = TestApp::start().await;
    let idp = app.connection(SettingsChange { default_role: Some(DefaultRole::None), ..settings() }).await;
    let (browser, answer) = app.sign_in_by_saml(&idp, GRACE).await;
    refused(&app, &idp, &browser, &answer, "sso_no_role").await;
}

#[actix_web::test]
async fn somebody_new_without_an_address_is_refused() {
    is_refused("saml_nameid_missing", |mut reply| {
        reply.attributes.clear();
        reply
    })
    .await;
}

#[actix_web::test]
async fn a_removed_persons_address_is_a_new_person() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.sign_in_by_saml(&idp, GRACE).await;
    let id: String = column(&app, GRACE, "id").unwrap();
    app.app().delete_member(&app.ctx().await, id.parse().unwrap()).await.unwrap();
    let (_, answer) = app.sign_in_by_saml(&idp, GRACE).await;
    assert_eq!(answer.status, 303, "{}", answer.reason());
    let sql = "SELECT id FROM members WHERE email_norm = 'grace@acme.example' AND deleted_at IS NULL";
    let new: String = app.database().query_row(sql, [], |row| row.get(0)).unwrap();
    assert_ne!(new, id);
}

// What is left behind.

#[actix_web::test]
async fn a_persons_page_names_no_configuration() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let (_, answer) =
        answered(&app, &idp, |reply| Reply { audience: "https://other.example/".to_owned(), ..reply }).await;
    for secret in ["https://other.example/", idp.entity_id.as_str(), "saml_audience"] {
        assert!(!answer.body.contains(secret), "{secret}");
    }
    assert!(answer.reference().starts_with("DW-"));
}

#[actix_web::test]
async fn a_trace_says_what_was_received_and_expected() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let (browser, answer) =
        answered(&app, &idp, |reply| Reply { audience: "https://other.example/".to_owned(), ..reply }).await;
    let logged = refused(&app, &idp, &browser, &answer, "saml_audience").await;
    assert_eq!(logged.received.as_deref(), Some("https://other.example/"));
    assert_eq!(logged.expected.as_deref(), Some(idp.entity_id.as_str()));
    let trace = logged.trace.unwrap();
    let verdicts: Vec<_> = trace.checks.iter().map(|check| (check.name.as_str(), check.ok)).collect();
    let good = Some(true);
    let names =
        [("address", good), ("signature", good), ("conditions", Some(false)), ("subject", good), ("attributes", good)];
    assert_eq!(verdicts, names);
}

#[actix_web::test]
async fn a_kept_trace_holds_nothing_of_the_person() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.person(GRACE, "member").await;
    let (browser, answer) = answered(&app, &idp, |reply| reply.with("salary", &["99000"])).await;
    refused(&app, &idp, &browser, &answer, "account_exists").await;
    let kept: String = app.database().query_row("SELECT trace FROM sign_ins", [], |row| row.get(0)).unwrap();
    assert!(kept.contains("salary"));
    for secret in ["99000", ">grace<", "Grace Hopper</"] {
        assert!(!kept.contains(secret), "{secret}: {kept}");
    }
}

#[actix_web::test]
async fn traces_are_forgotten_after_thirty_days() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    unasked(&app, &idp).await;
    app.clock.advance(doorward::testing::days(31));
    app.run_jobs().await;
    assert_eq!(app.count("SELECT count(*) FROM sign_ins WHERE trace IS NOT NULL"), 0);
}

#[actix_web::test]
async fn what_nobody_signed_is_one_event_a_minute_with_a_count() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    for _ in 0..4 {
        app.stranger().bring(&idp, "PGE+").await;
    }
    assert_eq!(app.audit_of("sign_in.refused").await.len(), 1);
    app.clock.advance(seconds(61));
    app.stranger().bring(&idp, "PGE+").await;
    let events = app.audit_of("sign_in.refused").await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].changes["count"][1], 4);
}

#[actix_web::test]
async fn what_was_signed_is_an_event_each() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    for _ in 0..3 {
        answered(&app, &idp, |reply| Reply { audience: "https://other.example/".to_owned(), ..reply }).await;
    }
    assert_eq!(app.audit_of("sign_in.refused").await.len(), 3);
}

#[actix_web::test]
async fn of_what_nobody_signed_the_newest_thousand_are_kept() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    for _ in 0..6 {
        let floods = (0..190).map(|_| {
            let (mut browser, idp) = (app.stranger(), idp.clone());
            async move { browser.bring(&idp, "PGE+").await.status }
        });
        futures_util::future::join_all(floods).await;
        app.clock.advance(minutes(1));
    }
    assert_eq!(app.count("SELECT count(*) FROM sign_ins"), 1000);
}

#[actix_web::test]
async fn a_flood_is_answered_but_not_written_down() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let floods = (0..400).map(|_| {
        let (mut browser, idp) = (app.stranger(), idp.clone());
        async move { browser.bring(&idp, "PGE+").await }
    });
    let answers = futures_util::future::join_all(floods).await;
    assert!(answers.iter().all(|answer| answer.status == 400 && answer.reason() == "saml_malformed"));
    assert!(app.count("SELECT count(*) FROM sign_ins") < 390);
}

#[actix_web::test]
async fn each_change_is_an_event_and_the_chain_holds() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.sign_in_by_saml(&idp, GRACE).await;
    unasked(&app, &idp).await;
    let mut actions: Vec<_> = app.audit().await.into_iter().map(|event| event.action).collect();
    actions.reverse();
    let expected = [
        "organization.created",
        "member.created",
        "connection.created",
        "connection.certificate_added",
        "connection.activated",
        "sign_in_mode.changed",
        "member.created",
        "identity.linked",
        "sign_in.succeeded",
        "sign_in.refused",
    ];
    assert_eq!(actions, expected);
    verify_chain(&app);
}

/// hash = SHA-256(hash before || row as JSON), details by their digest: recomputed from the file.
fn verify_chain(app: &TestApp) {
    let sha256 = |bytes: &[u8]| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec();
    let database = app.database();
    let sql = "SELECT e.sequence, e.id, e.organization_id, e.at, e.action, e.level, e.code, e.actor_kind, e.actor_id, e.target_kind, \
               e.target_id, e.request_id, e.reference, e.details_digest, e.hash, d.details \
               FROM audit_events e JOIN audit_details d ON d.sequence = e.sequence ORDER BY e.sequence";
    let mut statement = database.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    let (mut previous, mut count) = (vec![0; 32], 0);
    while let Some(row) = rows.next().unwrap() {
        let text = |at: usize| row.get::<_, Option<String>>(at).unwrap();
        let details: String = row.get(15).unwrap();
        let digest: Vec<u8> = row.get(13).unwrap();
        assert_eq!(sha256(details.as_bytes()), digest);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let canonical = serde_json::json!([
            row.get::<_, i64>(0).unwrap(),
            text(1),
            text(2),
            row.get::<_, i64>(3).unwrap(),
            text(4),
            text(5),
            text(6),
            text(7),
            text(8),
            text(9),
            text(10),
            text(11),
            text(12),
            hex
        ]);
        previous = sha256(&[previous, canonical.to_string().into_bytes()].concat());
        assert_eq!(previous, row.get::<_, Vec<u8>>(14).unwrap(), "{canonical}");
        count += 1;
    }
    assert!(count >= 10);
}

// Drafts, tests, revisions: saml_connections.rs. Requests by hand: `Request::of` reads those of the POST binding.
#[actix_web::test]
async fn by_the_post_binding_the_answer_counts_as_well() {
    let app = TestApp::start().await;
    let idp = app.connection(SettingsChange { sso_binding: Some(Binding::Post), ..settings() }).await;
    let mut browser = app.stranger();
    let form = browser.get(&format!("/sso/{}/start?return_to=/account", idp.id)).await.form(SSO_URL);
    let xml = String::from_utf8(STANDARD.decode(form.get("SAMLRequest")).unwrap()).unwrap();
    let request = Request::of(&xml, "");
    let answer = browser.bring(&idp, &idp.reply(app.now(), Some(&request.id)).encoded()).await;
    assert_eq!((answer.status, answer.location()), (303, "/account"));
}
