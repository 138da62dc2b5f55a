//! Single logout, both ways by both bindings: what ends a session here, what does not, and what a person is told.

use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
use aws_lc_rs::signature::UnparsedPublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward::testing::AttributeNames;
use doorward::testing::Binding;
use doorward::testing::Logout;
use doorward::testing::SettingsChange;
use doorward::testing::SignIn;
use doorward::testing::minutes;

use crate::support::Answer;
use crate::support::Browser;
use crate::support::Idp;
use crate::support::TestApp;
use crate::support::html::Form;
use crate::support::idp_logout::LogoutMessage;
use crate::support::idp_logout::RELAY_STATE;
use crate::support::idp_logout::SLO_URL;
use crate::support::idp_saml::ENTITY_ID;
use crate::support::idp_saml::Key;
use crate::support::idp_saml::Request;

const GRACE: &str = "grace@acme.example";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

fn with_slo() -> SettingsChange {
    SettingsChange { slo_url: Some(Some(SLO_URL.to_owned())), ..SettingsChange::default() }
}

fn by_post() -> SettingsChange {
    SettingsChange { slo_binding: Some(Binding::Post), ..with_slo() }
}

fn global() -> SettingsChange {
    SettingsChange { logout: Some(Logout::Global), ..with_slo() }
}

async fn is_in(browser: &mut Browser) -> bool {
    browser.get("/account").await.status == 200
}

/// The SessionIndex of the newest session.
fn newest_index(app: &TestApp) -> String {
    let sql = "SELECT session_index FROM sessions ORDER BY id DESC LIMIT 1";
    app.database().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// A message of ours on its way to the identity provider by Redirect: its signature holds, and this is what it says.
async fn sent(app: &TestApp, idp: &Idp, location: &str) -> (String, Vec<(String, String)>) {
    let (_, query) = location.split_once('?').unwrap();
    let pem = app.stranger().get(&format!("/saml/{}/certificate", idp.id)).await.body;
    let der = STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
    let key =
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, certificate.public_key().subject_public_key.data.as_ref());
    let (signed, _) = query.split_once("&Signature=").unwrap();
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let signature = &fields.iter().find(|(name, _)| name == "Signature").unwrap().1;
    assert!(key.verify(signed.as_bytes(), &STANDARD.decode(signature).unwrap()).is_ok(), "{location}");
    let renamed = location.replace("SAMLResponse=", "SAMLRequest=");
    (Request::read(&renamed).xml, fields)
}

fn status_of(xml: &str) -> String {
    let document = roxmltree::Document::parse(xml).unwrap();
    let code = document.descendants().find(|node| node.tag_name().name() == "StatusCode").unwrap();
    code.attribute("Value").unwrap().to_owned()
}

fn root_attribute(xml: &str, name: &str) -> Option<String> {
    roxmltree::Document::parse(xml).unwrap().root_element().attribute(name).map(str::to_owned)
}

// The identity provider signs somebody out.

#[actix_web::test]
async fn a_request_by_redirect_signs_out_here_and_is_answered() {
    let app = TestApp::start().await;
    let idp = app.connection(with_slo()).await;
    let (mut browser, _) = app.sign_in_by_saml(&idp, GRACE).await;
    let request = idp.logout(app.now(), "grace", &[&newest_index(&app)]);
    let answer = browser.redirected(&idp, &request).await;
    assert_eq!(answer.status, 302, "{} {}", answer.reason(), answer.text());
    assert!(answer.location().starts_with(&format!("{SLO_URL}?SAMLResponse=")), "{}", answer.location());
    let (xml, fields) = sent(&app, &idp, answer.location()).await;
    assert_eq!(status_of(&xml), SUCCESS);
    assert_eq!(root_attribute(&xml, "InResponseTo").as_deref(), Some(request.id.as_str()));
    assert_eq!(root_attribute(&xml, "Destination").as_deref(), Some(SLO_URL));
    assert_eq!(fields[1], ("RelayState".to_owned(), RELAY_STATE.to_owned()));
    assert!(!is_in(&mut browser).await);
}

#[actix_web::test]
async fn a_request_by_post_signs_out_here_and_is_answered_by_a_form() {
    let app = TestApp::start().await;
    let idp = app.connection(by_post()).await;
    let (mut browser, _) = app.sign_in_by_saml(&idp, GRACE).await;
    let request = idp.logout(app.now(), "grace", &[&newest_index(&app)]);
    let answer = browser.posted(&idp, "SAMLRequest", &request.encoded()).await;
    assert_eq!(answer.status, 200, "{} {}", answer.reason(), answer.text());
    // The page works without JavaScript: a form with a button, which the policy lets go.
    assert!(!answer.header("content-security-policy").unwrap().contains("form-action"));
    let form = answer.form(SLO_URL);
    assert_eq!(form.get("RelayState"), RELAY_STATE);
    let xml = String::from_utf8(STANDARD.decode(form.get("SAMLResponse")).unwrap()).unwrap();
    assert_eq!((status_of(&xml), xml.contains("<ds:Signature ")), (SUCCESS.to_owned(), true));
    assert!(answer.text().contains("signed out here"), "{}", answer.text());
    assert!(!is_in(&mut browser).await);
}

#[actix_web::test]
async fn the_answer_goes_where_the_metadata_wants_answers() {
    let app = TestApp::start().await;
    let answers = Some(Some("https://idp.example/slo/done".to_owned()));
    let idp = app.connection(SettingsChange { slo_response_url: answers, ..with_slo() }).await;
    let answer = app.stranger().redirected(&idp, &idp.logout(app.now(), "grace", &[])).await;
    assert!(answer.location().starts_with("https://idp.example/slo/done?SAMLResponse="), "{}", answer.location());
}

#[actix_web::test]
async fn without_an_address_for_answers_the_person_is_told_that_they_are_signed_out() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let (mut browser, _) = app.sign_in_by_saml(&idp, GRACE).await;
    let answer = browser.redirected(&idp, &idp.logout(app.now(), "grace", &[])).await;
    assert_eq!((answer.status, answer.location()), (303, "/sign-out"));
    assert!(browser.follow_from_elsewhere(answer).await.text().contains("You're signed out"));
}

#[actix_web::test]
async fn a_request_that_names_a_session_leaves_the_others() {
    let app = TestApp::start().await;
    let idp = app.connection(with_slo()).await;
    let (mut laptop, _) = app.sign_in_by_saml(&idp, GRACE).await;
    let index = newest_index(&app);
    let (mut phone, _) = app.sign_in_by_saml(&idp, GRACE).await;
    app.stranger().redirected(&idp, &idp.logout(app.now(), "grace", &[&index])).await;
    assert_eq!((is_in(&mut laptop).await, is_in(&mut phone).await), (false, true));
}

#[actix_web::test]
async fn a_request_that_names_the_person_alone_ends_all_their_sessions_and_nobody_elses() {
    let app = TestApp::start().await;
    let idp = app.connection(with_slo()).await;
    let other = app.connection_of("https://other.example/metadata", Key::idp(), with_slo()).await;
    app.activate(&other).await;
    let (mut laptop, _) = app.sign_in_by_saml(&idp, GRACE).await;
    let (mut phone, _) = app.sign_in_by_saml(&idp, GRACE).await;
    let (mut alan, _) = app.sign_in_by_saml(&idp, "alan@acme.example").await;
    let (mut elsewhere, _) = app.sign_in_by_saml(&other, "grace@other.example").await;
    let answer = app.stranger().redirected(&idp, &idp.logout(app.now(), "grace", &[])).await;
    let (xml, _) = sent(&app, &idp, answer.location()).await;
    assert_eq!(status_of(&xml), SUCCESS);
    assert!(!is_in(&mut laptop).await && !is_in(&mut phone).await);
    assert!(is_in(&mut alan).await && is_in(&mut elsewhere).await);
    assert_eq!(app.audit_of("session.provider_signed_out").await.len(), 2);
}

#[actix_web::test]
async fn a_person_whom_an_attribute_names_is_found_by_the_session() {
    let app = TestApp::start().await;
    let attributes = AttributeNames { user_id: Some("number".to_owned()), ..AttributeNames::default() };
    let idp = app.connection(SettingsChange { attributes: Some(attributes), ..with_slo() }).await;
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/account").await;
    let mut reply = idp.reply(app.now(), Some(&request.id)).with("number", &["0042"]);
    "_transient7f".clone_into(&mut reply.name_id);
    assert_eq!(browser.bring(&idp, &reply.encoded()).await.status, 303);
    app.stranger().redirected(&idp, &idp.logout(app.now(), "_transient7f", &[])).await;
    assert!(!is_in(&mut browser).await);
}

#[actix_web::test]
async fn a_request_for_nobody_who_is_here_is_answered_and_told() {
    let app = TestApp::start().await;
    let idp = app.connection(with_slo()).await;
    let (mut browser, _) = app.sign_in_by_saml(&idp, GRACE).await;
    let answer = app.stranger().redirected(&idp, &idp.logout(app.now(), "Grace", &[])).await;
    let (xml, _) = sent(&app, &idp, answer.location()).await;
    assert_eq!(status_of(&xml), SUCCESS);
    assert!(is_in(&mut browser).await);
    let told = app.audit_of("session.provider_signed_out").await;
    assert_eq!((told.len(), told[0].changes["who"][1].as_str()), (1, Some("Grace")));
}

// What must not end a session.

/// Sent while somebody is signed in: refused with its code, listed under its reference, and nobody is signed out.
async fn is_refused(code: &str, status: u16, send: impl AsyncFnOnce(&mut Browser, &Idp, LogoutMessage) -> Answer) {
    let app = TestApp::start().await;
    let idp = app.connection(with_slo()).await;
    let (mut browser, _) = app.sign_in_by_saml(&idp, GRACE).await;
    let request = idp.logout(app.now(), "grace", &[]);
    let answer = send(&mut browser, &idp, request).await;
    refused(&app, &idp, &answer, code, status).await;
    assert!(is_in(&mut browser).await);
    assert_eq!(app.audit_of("session.provider_signed_out").await.len(), 0);
    assert_eq!(app.audit_of("logout.refused").await[0].code.as_deref(), Some(code));
}

async fn refused(app: &TestApp, idp: &Idp, answer: &Answer, code: &str, status: u16) -> SignIn {
    assert_eq!((answer.reason(), answer.status), (code, status), "{}", answer.text());
    let reference = answer.reference();
    let logged = app.app().find_sign_in(&app.ctx().await, idp.id.clone(), &reference).await;
    let logged = logged.unwrap_or_else(|error| panic!("{reference:?} is not in the log: {error}"));
    assert_eq!(logged.code.as_deref(), Some(code));
    assert!(!answer.body.contains("next?a=b"), "RelayState is on the page");
    logged
}

#[actix_web::test]
async fn an_unsigned_request_by_post_is_refused() {
    is_refused("saml_logout_unsigned", 403, async |browser, idp, request| {
        browser.posted(idp, "SAMLRequest", &request.unsigned()).await
    })
    .await;
}

#[actix_web::test]
async fn an_unsigned_request_by_redirect_is_refused() {
    is_refused("saml_logout_unsigned", 403, async |browser, idp, request| {
        let url = request.url(idp);
        browser.get(url.split("&SigAlg").next().unwrap()).await
    })
    .await;
}

#[actix_web::test]
async fn a_request_by_another_key_is_refused() {
    is_refused("saml_logout_signature", 403, async |browser, idp, request| {
        browser.redirected(idp, &LogoutMessage { key: Key::other(), ..request }).await
    })
    .await;
}

#[actix_web::test]
async fn a_posted_request_that_was_changed_is_refused() {
    is_refused("saml_logout_signature", 403, async |browser, idp, request| {
        let request = LogoutMessage { content: request.content.replace("grace", "nobody"), ..request };
        let xml = String::from_utf8(STANDARD.decode(request.encoded()).unwrap()).unwrap();
        browser.posted(idp, "SAMLRequest", &STANDARD.encode(xml.replace("nobody", "grace"))).await
    })
    .await;
}

#[actix_web::test]
async fn a_query_whose_relay_state_was_changed_is_refused() {
    is_refused("saml_logout_signature", 403, async |browser, idp, request| {
        browser.get(&request.url(idp).replace("RelayState=_1f", "RelayState=_2f")).await
    })
    .await;
}

#[actix_web::test]
async fn a_query_that_was_encoded_again_is_refused() {
    is_refused("saml_logout_signature", 403, async |browser, idp, request| {
        browser.get(&request.url(idp).replace("%3A", "%3a")).await
    })
    .await;
}

#[actix_web::test]
async fn two_requests_in_one_query_are_refused() {
    is_refused("saml_logout_malformed", 400, async |browser, idp, request| {
        browser.get(&format!("{}&SAMLRequest=x", request.url(idp))).await
    })
    .await;
}

#[actix_web::test]
async fn an_algorithm_that_can_be_forged_is_refused() {
    is_refused("saml_logout_weak", 403, async |browser, idp, request| {
        browser.get(&request.url(idp).replace("xmldsig-more%23rsa-sha256", "xmldsig-more%23hmac-sha256")).await
    })
    .await;
}

#[actix_web::test]
async fn a_request_in_another_name_is_refused() {
    is_refused("saml_logout_issuer", 403, async |browser, idp, request| {
        browser.redirected(idp, &LogoutMessage { issuer: "https://evil.example".to_owned(), ..request }).await
    })
    .await;
}

#[actix_web::test]
async fn a_request_that_was_meant_for_another_address_is_refused() {
    is_refused("saml_logout_destination", 403, async |browser, idp, request| {
        let destination = format!("{}x", request.destination);
        browser.redirected(idp, &LogoutMessage { destination, ..request }).await
    })
    .await;
}

#[actix_web::test]
async fn where_nothing_came_somebody_is_told_so_and_nothing_is_written() {
    let app = TestApp::start().await;
    let idp = app.connection(with_slo()).await;
    let before = app.dump();
    let mut browser = app.stranger();
    for answer in [browser.get(&idp.slo_url()).await, browser.posted(&idp, "nothing", "x").await] {
        assert_eq!((answer.status, answer.reason(), answer.reference().as_str()), (400, "saml_logout_missing", ""));
        assert!(answer.text().contains("nothing here to sign out by"), "{}", answer.text());
    }
    assert!(app.dump() == before, "something was written");
}

#[actix_web::test]
async fn an_answer_that_nobody_waits_for_is_refused() {
    is_refused("saml_logout_in_response_to", 403, async |browser, idp, request| {
        let answer = idp.logout_answer(request.issued, "_asked", "Success");
        browser.posted(idp, "SAMLResponse", &answer.encoded()).await
    })
    .await;
}

#[actix_web::test]
async fn a_deflated_flood_is_refused() {
    is_refused("saml_logout_malformed", 400, async |browser, idp, request| {
        let huge = LogoutMessage { content: " ".repeat(8 * 1024 * 1024), ..request };
        browser.redirected(idp, &huge).await
    })
    .await;
}

#[actix_web::test]
async fn a_request_counts_once() {
    let app = TestApp::start().await;
    let idp = app.connection(with_slo()).await;
    let (mut first, _) = app.sign_in_by_saml(&idp, GRACE).await;
    let request = idp.logout(app.now(), "grace", &[]);
    assert_eq!(first.redirected(&idp, &request).await.status, 302);
    let (mut second, _) = app.sign_in_by_saml(&idp, GRACE).await;
    for answer in
        [second.redirected(&idp, &request).await, second.posted(&idp, "SAMLRequest", &request.encoded()).await]
    {
        refused(&app, &idp, &answer, "saml_logout_replay", 403).await;
    }
    assert!(is_in(&mut second).await);
}

/// The identity provider meant us, and waits with all its other applications: it hears that it did not work.
async fn is_answered_with_a_failure(code: &str, status: &str, change: impl FnOnce(LogoutMessage) -> LogoutMessage) {
    let app = TestApp::start().await;
    let idp = app.connection(with_slo()).await;
    let (mut browser, _) = app.sign_in_by_saml(&idp, GRACE).await;
    let request = change(idp.logout(app.now(), "grace", &[]));
    let answer = browser.redirected(&idp, &request).await;
    assert_eq!((answer.status, answer.reason()), (302, code), "{}", answer.text());
    let (xml, fields) = sent(&app, &idp, answer.location()).await;
    assert_eq!(status_of(&xml), format!("urn:oasis:names:tc:SAML:2.0:status:{status}"));
    assert!(xml.contains(code), "{xml}");
    assert!(fields.iter().all(|(name, value)| name != "RelayState" && value != RELAY_STATE), "{fields:?}");
    assert!(is_in(&mut browser).await);
    assert_eq!(app.audit_of("logout.refused").await[0].code.as_deref(), Some(code));
}

#[actix_web::test]
async fn a_request_that_is_too_old_is_answered_with_a_failure() {
    is_answered_with_a_failure("saml_logout_time", "Requester", |request| {
        let issued = request.issued - minutes(9);
        LogoutMessage { issued, ..request }
    })
    .await;
}

#[actix_web::test]
async fn a_request_that_names_nobody_is_answered_with_a_failure() {
    is_answered_with_a_failure("saml_logout_malformed", "Requester", |request| LogoutMessage {
        content: String::new(),
        ..request
    })
    .await;
}

#[actix_web::test]
async fn a_name_that_does_not_open_is_answered_with_a_failure() {
    is_answered_with_a_failure("saml_logout_encrypted", "Responder", |request| LogoutMessage {
        content: "<saml:EncryptedID/>".to_owned(),
        ..request
    })
    .await;
}

#[actix_web::test]
async fn a_connection_that_is_off_obeys_nobody() {
    let app = TestApp::start().await;
    let idp = app.connection(with_slo()).await;
    let (mut browser, _) = app.sign_in_by_saml(&idp, GRACE).await;
    app.app().deactivate_connection(&app.ctx().await, idp.id.clone()).await.unwrap();
    let answer = browser.redirected(&idp, &idp.logout(app.now(), "grace", &[])).await;
    refused(&app, &idp, &answer, "connection_inactive", 403).await;
    assert!(is_in(&mut browser).await);
}

#[actix_web::test]
async fn what_nobody_signed_is_remembered_within_the_limits_of_sign_ins_and_is_no_failing_connection() {
    let app = TestApp::start().await;
    let idp = app.connection(with_slo()).await;
    let path = format!("{}?SAMLRequest=x", idp.slo_url());
    let floods = (0..400).map(|_| {
        let (mut browser, path) = (app.stranger(), path.clone());
        async move { browser.get(&path).await }
    });
    let answers = futures_util::future::join_all(floods).await;
    for answer in answers {
        assert_eq!((answer.status, answer.reason()), (403, "saml_logout_unsigned"), "{}", answer.text());
    }
    assert!(app.count("SELECT count(*) FROM sign_ins") < 390);
    assert!(app.audit_of("logout.refused").await.len() <= 2);
    let view = app.app().find_connection(&app.ctx().await, idp.id.clone()).await.unwrap();
    assert!(view.streak.is_none() && view.last_refused.is_none());
}

// Somebody signs out here.

async fn sign_out(browser: &mut Browser) -> Answer {
    let form = browser.get("/sign-out").await.form("/sign-out");
    browser.submit(&form).await
}

/// Where the page between leads.
fn leads_to(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.header("location")), (200, None), "a form must not be answered with a redirect");
    answer.links().into_iter().find(|link| link.starts_with(SLO_URL)).unwrap_or_else(|| panic!("{}", answer.text()))
}

/// Signed in through a connection that signs out everywhere, and signed out here; the request that waits.
async fn asked(app: &TestApp, idp: &Idp) -> (Browser, String) {
    let (mut browser, _) = app.sign_in_by_saml(idp, GRACE).await;
    let answer = sign_out(&mut browser).await;
    let (xml, _) = sent(app, idp, &leads_to(&answer)).await;
    (browser, root_attribute(&xml, "ID").unwrap())
}

async fn says(browser: &mut Browser) -> String {
    let page = browser.get("/sign-out").await;
    assert_eq!(page.status, 200);
    page.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

const UNCONFIRMED: &str = "You're signed out here Okta didn't confirm that it signed you out too.";

#[actix_web::test]
async fn unless_the_connection_says_so_a_sign_out_stays_here() {
    let app = TestApp::start().await;
    let idp = app.connection(with_slo()).await;
    let (mut browser, _) = app.sign_in_by_saml(&idp, GRACE).await;
    let answer = sign_out(&mut browser).await;
    assert_eq!((answer.status, answer.location()), (303, "/sign-out"));
    assert!(!is_in(&mut browser).await && browser.cookie("doorward_logout").is_none());
    assert!(says(&mut browser).await.contains("Your identity provider may still know you"));
}

#[actix_web::test]
async fn a_sign_out_everywhere_asks_the_identity_provider_in_its_own_words() {
    let app = TestApp::start().await;
    let idp = app.connection(global()).await;
    let (mut browser, _) = app.sign_in_by_saml(&idp, GRACE).await;
    let index = newest_index(&app);
    let answer = sign_out(&mut browser).await;
    let (xml, fields) = sent(&app, &idp, &leads_to(&answer)).await;
    let document = roxmltree::Document::parse(&xml).unwrap();
    let text =
        |name: &str| document.descendants().find(|node| node.tag_name().name() == name).and_then(|node| node.text());
    assert_eq!((text("NameID"), text("SessionIndex")), (Some("grace"), Some(index.as_str())));
    assert_eq!((text("Issuer"), fields[0].0.as_str()), (Some(idp.entity_id.as_str()), "SAMLRequest"));
    assert_eq!(document.root_element().attribute("Destination"), Some(SLO_URL));
    let name = document.descendants().find(|node| node.tag_name().name() == "NameID").unwrap();
    assert_eq!(name.attribute("Format"), Some("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"));
}

#[actix_web::test]
async fn whoever_signs_out_is_out_here_also_if_the_identity_provider_never_answers() {
    let app = TestApp::start().await;
    let idp = app.connection(global()).await;
    let (mut browser, _) = asked(&app, &idp).await;
    assert!(!is_in(&mut browser).await);
    assert_eq!(app.count("SELECT count(*) FROM sessions WHERE method = 'saml'"), 0);
    assert!(says(&mut browser).await.contains(UNCONFIRMED));
}

#[actix_web::test]
async fn the_identity_providers_yes_is_believed_by_both_bindings() {
    let app = TestApp::start().await;
    let idp = app.connection(global()).await;
    for is_posted in [false, true] {
        let (mut browser, request) = asked(&app, &idp).await;
        let yes = idp.logout_answer(app.now(), &request, "Success");
        let answer = match is_posted {
            true => browser.posted(&idp, "SAMLResponse", &yes.encoded()).await,
            false => browser.redirected(&idp, &yes).await,
        };
        assert_eq!((answer.status, answer.location(), answer.reason()), (303, "/sign-out", ""));
        let said = says(&mut browser).await;
        assert!(said.contains("You're signed out Okta says that it signed you out too."), "{said}");
    }
}

#[actix_web::test]
async fn a_partial_logout_is_told_as_one() {
    let app = TestApp::start().await;
    let idp = app.connection(global()).await;
    let (mut browser, request) = asked(&app, &idp).await;
    let partly = idp.logout_answer(app.now(), &request, "PartialLogout");
    assert_eq!(browser.redirected(&idp, &partly).await.status, 303);
    let said = says(&mut browser).await;
    assert!(
        said.contains("signed out here Okta says that it signed you out too, but not of every application"),
        "{said}"
    );
}

#[actix_web::test]
async fn the_identity_providers_no_is_told_and_logged() {
    let app = TestApp::start().await;
    let idp = app.connection(global()).await;
    let (mut browser, request) = asked(&app, &idp).await;
    let answer = browser.redirected(&idp, &idp.logout_answer(app.now(), &request, "Responder")).await;
    assert_eq!((answer.status, answer.reason()), (303, "saml_logout_status"));
    assert!(says(&mut browser).await.contains(UNCONFIRMED));
    assert_eq!(app.audit_of("logout.refused").await[0].code.as_deref(), Some("saml_logout_status"));
}

#[actix_web::test]
async fn a_forged_yes_is_not_believed_and_does_not_take_the_true_ones_place() {
    let app = TestApp::start().await;
    let idp = app.connection(global()).await;
    let (mut browser, request) = asked(&app, &idp).await;
    let yes = idp.logout_answer(app.now(), &request, "Success");
    let forged = LogoutMessage { key: Key::other(), ..yes.clone() };
    assert_eq!(browser.redirected(&idp, &forged).await.reason(), "saml_logout_signature");
    assert_eq!(browser.posted(&idp, "SAMLResponse", &yes.unsigned()).await.reason(), "saml_logout_unsigned");
    assert!(says(&mut browser).await.contains(UNCONFIRMED));
    browser.redirected(&idp, &yes).await;
    assert!(says(&mut browser).await.contains("Okta says that it signed you out too."));
}

#[actix_web::test]
async fn a_yes_counts_for_its_own_request_in_its_own_browser_once_and_not_for_ever() {
    let app = TestApp::start().await;
    let idp = app.connection(global()).await;
    let (mut browser, request) = asked(&app, &idp).await;
    let (mut other, _) = asked(&app, &idp).await;
    let yes = idp.logout_answer(app.now(), &request, "Success");
    assert_eq!(other.redirected(&idp, &yes).await.reason(), "saml_logout_in_response_to");
    assert!(says(&mut other).await.contains(UNCONFIRMED));
    assert_eq!(browser.redirected(&idp, &yes).await.status, 303);
    assert_eq!(browser.redirected(&idp, &yes).await.reason(), "saml_logout_in_response_to");
    let (mut slow, request) = asked(&app, &idp).await;
    app.clock.advance(minutes(11));
    let late = slow.redirected(&idp, &idp.logout_answer(app.now(), &request, "Success")).await;
    assert_eq!((late.status, late.reason()), (403, "saml_logout_in_response_to"));
}

#[actix_web::test]
async fn by_post_a_page_carries_the_request_with_and_without_javascript() {
    let app = TestApp::start().await;
    let idp = app.connection(SettingsChange { slo_binding: Some(Binding::Post), ..global() }).await;
    let (mut browser, _) = app.sign_in_by_saml(&idp, GRACE).await;
    let answer = sign_out(&mut browser).await;
    assert_eq!((answer.status, answer.header("location")), (200, None));
    assert!(!answer.header("content-security-policy").unwrap().contains("form-action"));
    let xml = String::from_utf8(STANDARD.decode(answer.form(SLO_URL).get("SAMLRequest")).unwrap()).unwrap();
    assert!(xml.contains("<ds:Signature ") && xml.contains(">grace</saml:NameID>"), "{xml}");
    let yes = idp.logout_answer(app.now(), &root_attribute(&xml, "ID").unwrap(), "Success");
    browser.posted(&idp, "SAMLResponse", &yes.encoded()).await;
    assert!(says(&mut browser).await.contains("Okta says that it signed you out too."));
}

#[actix_web::test]
async fn a_password_is_no_business_of_the_identity_provider() {
    let app = TestApp::start().await;
    app.connection(global()).await;
    let mut owner = app.owner().await;
    assert_eq!(sign_out(&mut owner).await.status, 303);
}

#[actix_web::test]
async fn a_link_signs_nobody_out() {
    let app = TestApp::start().await;
    let idp = app.connection(global()).await;
    let (mut browser, _) = app.sign_in_by_saml(&idp, GRACE).await;
    assert!(browser.get("/sign-out").await.has_form("/sign-out"));
    assert!(browser.cross_site_post("/sign-out", &[]).await.status == 403 && is_in(&mut browser).await);
}

#[actix_web::test]
async fn a_session_from_before_is_signed_out_at_the_identity_provider_only_where_it_was_named() {
    let app = TestApp::start().await;
    let idp = app.connection(global()).await;
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/account").await;
    let mut reply = idp.reply(app.now(), Some(&request.id));
    reply.name_id = String::new();
    assert_eq!(browser.bring(&idp, &reply.encoded()).await.status, 303);
    let answer = sign_out(&mut browser).await;
    assert_eq!((answer.status, is_in(&mut browser).await), (303, false));
}

// What is set up.

#[actix_web::test]
async fn our_metadata_offers_single_logout_by_both_bindings() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let metadata = app.stranger().get(&format!("/saml/{}/metadata", idp.id)).await.body;
    let document = roxmltree::Document::parse(&metadata).unwrap();
    let services = document.descendants().filter(|node| node.tag_name().name() == "SingleLogoutService");
    let offered: Vec<_> =
        services.map(|node| (node.attribute("Binding").unwrap(), node.attribute("Location").unwrap())).collect();
    let url = idp.slo_url();
    let binding = |name: &str| format!("urn:oasis:names:tc:SAML:2.0:bindings:HTTP-{name}");
    assert_eq!(offered, [(binding("Redirect").as_str(), url.as_str()), (binding("POST").as_str(), url.as_str())]);
}

async fn program(app: &TestApp) -> Browser {
    let key = app.api_key("owner").await;
    app.stranger()
        .with_header("Authorization", &format!("Bearer {key}"))
        .with_header("Content-Type", "application/json")
}

#[actix_web::test]
async fn single_logout_is_set_by_hand_over_the_api() {
    let app = TestApp::start().await;
    let idp = app.draft_connection(SettingsChange::default()).await;
    let (mut program, path) = (program(&app).await, format!("/api/v1/connections/{}", idp.id));
    let object = |answer: &Answer| serde_json::from_str::<serde_json::Value>(&answer.body).unwrap();
    let shown = object(&program.get(&path).await);
    assert_eq!((shown["logout"].as_str(), shown["slo_url"].is_null()), (Some("local"), true));
    assert_eq!(shown["sp_slo_url"].as_str(), Some(idp.slo_url().as_str()));
    let body = r#"{"slo_url": " https://idp.example/slo ", "slo_binding": "post", "logout": "global"}"#;
    let changed = object(&program.call("PATCH", &path, Some(body)).await);
    assert_eq!((changed["slo_url"].as_str(), changed["slo_binding"].as_str()), (Some(SLO_URL), Some("post")));
    assert_eq!(changed["logout"].as_str(), Some("global"));
    for (body, pointer) in [
        (r#"{"slo_url": "javascript:alert(1)"}"#, "/slo_url"),
        (r#"{"slo_url": "http://idp.example/slo"}"#, "/slo_url"),
        (r#"{"slo_url": "https://idp.example/slo\r\nSet-Cookie: a=b"}"#, "/slo_url"),
        (r#"{"slo_response_url": "nonsense"}"#, "/slo_response_url"),
        (r#"{"logout": "everywhere"}"#, "/logout"),
    ] {
        let answer = program.call("PATCH", &path, Some(body)).await;
        assert_eq!((answer.status, object(&answer)["errors"][0]["pointer"].as_str()), (422, Some(pointer)), "{body}");
    }
    let cleared = object(&program.call("PATCH", &path, Some(r#"{"slo_url": null, "logout": null}"#)).await);
    assert_eq!((cleared["slo_url"].is_null(), cleared["logout"].as_str()), (true, Some("local")));
}

#[actix_web::test]
async fn metadata_says_where_single_logout_is() {
    let app = TestApp::start().await;
    let mut program = program(&app).await;
    let certificate = STANDARD.encode(&Key::idp().identity.certificate_der);
    let metadata = |logout: &str| {
        format!(
            "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{ENTITY_ID}\"><IDPSSODescriptor \
             protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><KeyDescriptor><KeyInfo \
             xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data>\
             </KeyInfo></KeyDescriptor>{logout}<SingleSignOnService Location=\"https://idp.example/sso\" \
             Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\"/></IDPSSODescriptor></EntityDescriptor>"
        )
    };
    let service = |binding: &str, location: &str, more: &str| {
        format!(
            "<SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:{binding}\" Location=\"{location}\"{more}/>"
        )
    };
    let answers = " ResponseLocation=\"https://idp.example/done\"";
    for (logout, wanted) in [
        (service("HTTP-POST", SLO_URL, answers), (Some(SLO_URL), Some("https://idp.example/done"), "post")),
        (
            service("HTTP-POST", "https://idp.example/p", "") + &service("HTTP-Redirect", SLO_URL, ""),
            (Some(SLO_URL), None, "redirect"),
        ),
        (service("SOAP", "https://idp.example/soap", ""), (None, None, "redirect")),
        // Browsers are not sent there; sign-in works all the same.
        (service("HTTP-Redirect", "http://idp.example/slo", ""), (None, None, "redirect")),
        (String::new(), (None, None, "redirect")),
    ] {
        let body = serde_json::json!({"kind": "saml", "name": "Okta", "idp_metadata_xml": metadata(&logout)});
        let answer = program.call("POST", "/api/v1/connections", Some(&body.to_string())).await;
        let made: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let read = (made["slo_url"].as_str(), made["slo_response_url"].as_str(), made["slo_binding"].as_str().unwrap());
        assert_eq!(read, wanted, "{logout}");
    }
}

#[actix_web::test]
async fn the_edit_page_decides_how_far_a_sign_out_reaches_at_once() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut owner = app.owner().await;
    let path = format!("/admin/security/sso/{}/edit", idp.id);
    let form = owner.get(&path).await.form("/edit");
    let answer = owner.submit(&form.clone().fill("slo_url", "idp").fill("logout", "global")).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.form("/edit").get("slo_url"), "idp");
    let saved = owner.submit(&form.fill("slo_url", SLO_URL).fill("logout", "global")).await;
    assert_eq!(saved.status, 303, "{}", saved.text());
    let view = app.app().find_connection(&app.ctx().await, idp.id.clone()).await.unwrap();
    let settings = view.connection.live().unwrap().settings.clone();
    assert_eq!((settings.slo_url.as_deref(), settings.logout), (Some(SLO_URL), Logout::Global));
    assert!(view.connection.draft.is_none());
    assert!(owner.get(&format!("/admin/security/sso/{}", idp.id)).await.text().contains("Single logout"));
}

#[actix_web::test]
async fn a_sign_out_that_should_reach_the_provider_warns_until_one_is_known_to_have() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let (mut admin, page) = (app.admin().await, format!("/admin/security/sso/{}", idp.id));
    let edit = format!("{page}/edit");
    let with = |form: Form, url: &str| form.fill("logout", "global").fill("slo_url", url);
    let missing = "no single logout URL is saved";
    let untried = "Okta has not confirmed a sign-out at this single logout URL yet";

    // It is said where it was saved, and done all the same.
    for (url, told) in [("", missing), (SLO_URL, untried)] {
        let form = with(admin.get(&edit).await.form("/edit"), url);
        let saved = admin.submit_and_follow(&form).await.text();
        assert_eq!(saved.matches(told).count(), 2, "once as the answer, once on the page: {saved}");
        assert!(saved.contains("Saved. "), "{saved}");
        assert_eq!(admin.get(&page).await.text().matches(told).count(), 1);
    }
    let (mut browser, request) = asked(&app, &idp).await;
    let api = app.api("admin").await;
    let path = format!("/api/v1/connections/{}", idp.id);
    let shown = async || api.get(&path).await.is(200).json()["logout_confirmed_at"].clone();
    let refused = idp.logout_answer(app.now(), &request, "Responder");
    browser.redirected(&idp, &refused).await;
    assert!(shown().await.is_null() && admin.get(&page).await.text().contains(untried));

    let (mut browser, request) = asked(&app, &idp).await;
    browser.redirected(&idp, &idp.logout_answer(app.now(), &request, "Success")).await;
    assert!(shown().await.is_string());
    let text = admin.get(&page).await.text();
    assert!(text.contains("Here and at Okta, last confirmed") && !text.contains(untried), "{text}");

    // Of another URL nothing is known again.
    let form = with(admin.get(&edit).await.form("/edit"), "https://idp.example/slo/next");
    assert!(admin.submit_and_follow(&form).await.text().contains(untried));
    assert!(shown().await.is_null());
    let form = admin.get(&edit).await.form("/edit").fill("logout", "local");
    let text = admin.submit_and_follow(&form).await.text();
    assert!(text.contains("Here alone") && !text.contains(untried) && !text.contains(missing), "{text}");
}
