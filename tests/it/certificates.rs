//! Replacing a certificate of the identity provider: its stages, its removal and the way back, and the rehearsal that says
//! beforehand what a removal would cost.

use doorward::testing::Certificate;
use doorward::testing::SettingsChange;
use doorward::testing::days;
use doorward::testing::hours;
use serde_json::Value;
use serde_json::json;

use crate::support::Answer;
use crate::support::Idp;
use crate::support::TestApp;
use crate::support::idp_saml::ENTITY_ID;
use crate::support::idp_saml::Key;
use crate::support::idp_saml::Reply;

const GRACE: &str = "grace@acme.example";

fn sha256(key: &Key) -> String {
    Certificate::from_der(&key.identity.certificate_der).unwrap().sha256
}

async fn sign_in_with(app: &TestApp, idp: &Idp, key: &'static Key) -> Answer {
    let mut browser = app.stranger();
    let request = browser.start(idp, "/account").await;
    let reply = Reply { key, ..idp.reply(app.now(), Some(&request.id)).naming(GRACE) };
    browser.bring(idp, &reply.encoded()).await
}

async fn is_let_in(app: &TestApp, idp: &Idp, key: &'static Key) {
    let answer = sign_in_with(app, idp, key).await;
    assert_eq!((answer.status, answer.reason()), (303, ""));
}

async fn trust(app: &TestApp, idp: &Idp, key: &Key) {
    app.app().add_certificates(&app.ctx().await, idp.id.clone(), key.pem().as_bytes()).await.unwrap();
}

fn at(idp: &Idp) -> String {
    format!("/api/v1/connections/{}", idp.id)
}

async fn shown(app: &TestApp, idp: &Idp) -> Value {
    app.api("owner").await.get(&at(idp)).await.is(200).json()
}

async fn rehearsed(app: &TestApp, idp: &Idp, query: &str) -> Value {
    app.api("admin").await.get(&format!("{}/certificates/rehearsal{query}", at(idp))).await.is(200).json()
}

#[tokio::test]
async fn the_rail_follows_a_replacement_and_removes_nothing_by_itself() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let page = format!("/admin/security/sso/{}", idp.id);
    is_let_in(&app, &idp, Key::idp()).await;
    assert_eq!(shown(&app, &idp).await["rollover"], json!(null));

    app.clock.advance(hours(1));
    trust(&app, &idp, Key::other()).await;
    let (old, new) = (sha256(Key::idp()), sha256(Key::other()));
    let waiting = json!({"stage": "waiting", "old_sha256": old, "new_sha256": new, "removable_at": null});
    assert_eq!(shown(&app, &idp).await["rollover"], waiting);
    let text = app.owner().await.get(&page).await.text();
    assert!(text.contains("Rolling over") && text.contains("Trusted, not seen yet"), "{text}");

    is_let_in(&app, &idp, Key::other()).await;
    let seen = shown(&app, &idp).await["rollover"].clone();
    assert_eq!(seen["stage"], "seen");
    assert!(seen["removable_at"].as_str().unwrap() > app.now().rfc3339().as_str());
    assert!(!app.owner().await.get(&page).await.text().contains("Remove the old one"));

    // A week later it is offered, and not done.
    app.clock.advance(days(8));
    app.run_jobs().await;
    let page_now = app.owner().await.get(&page).await;
    assert!(page_now.text().contains("Remove the old one"), "{}", page_now.text());
    is_let_in(&app, &idp, Key::idp()).await;
    // Used again, it may not go yet.
    assert!(!app.owner().await.get(&page).await.text().contains("Remove the old one"));
}

#[tokio::test]
async fn a_removed_certificate_comes_back_by_undo() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    is_let_in(&app, &idp, Key::idp()).await;
    trust(&app, &idp, Key::other()).await;
    is_let_in(&app, &idp, Key::other()).await;
    let (mut admin, page) = (app.admin().await, format!("/admin/security/sso/{}", idp.id));
    let remove = format!("{page}/certificates/{}/remove", sha256(Key::idp()));
    let form = admin.get(&remove).await.form(&remove);
    let removed = admin.submit_and_follow(&form).await;
    assert!(
        removed.text().contains("No longer trusted") && removed.text().contains("Rolled over"),
        "{}",
        removed.text()
    );
    assert_eq!(sign_in_with(&app, &idp, Key::idp()).await.reason(), "saml_signature_cert");
    assert_eq!(shown(&app, &idp).await["rollover"]["stage"], "removed");

    let restore = format!("{page}/certificates/{}/restore", sha256(Key::idp()));
    let form = admin.get(&page).await.form(&restore);
    assert_eq!(admin.submit(&form).await.location(), page, "nothing scrolls past the notice");
    assert!(admin.get(&page).await.text().contains("trusted again"));
    is_let_in(&app, &idp, Key::idp()).await;
    // Twice pressed is once done.
    assert_eq!(admin.submit(&form).await.status, 303);
    assert_eq!(app.audit_of("connection.certificate_restored").await.len(), 1);
    // What was known of it came back too.
    let list = app.api("admin").await.get(&format!("{}/certificates", at(&idp))).await;
    assert_eq!(list.column("state"), ["valid", "valid"]);
    assert!(list.json()["data"].as_array().unwrap().iter().all(|one| one["first_used_at"].is_string()));
}

#[tokio::test]
async fn removed_ones_are_listed_for_thirty_days_and_the_last_cannot_be_removed() {
    let app = TestApp::start().await;
    let (idp, api) = (app.active_connection().await, app.api("admin").await);
    trust(&app, &idp, Key::other()).await;
    let path = format!("{}/certificates", at(&idp));
    let gone = sha256(Key::other());
    api.delete(&format!("{path}/{gone}")).await.is(204);
    api.delete(&format!("{path}/{}", sha256(Key::idp()))).await.is_problem(409, "last_certificate");
    let list = api.get(&path).await;
    assert_eq!(list.column("state"), ["valid", "removed"]);
    let row = &list.json()["data"][1];
    assert!(row["removed_by"].is_string() && row["kept_until"].as_str() > row["removed_at"].as_str(), "{row}");
    assert_eq!(shown(&app, &idp).await["certificates"].as_array().unwrap().len(), 1);

    app.clock.advance(days(29));
    app.run_jobs().await;
    assert_eq!(api.post(&format!("{path}/{gone}/restore"), &json!({})).await.is(200).json()["status"], "active");
    api.delete(&format!("{path}/{gone}")).await.is(204);
    app.clock.advance(days(31));
    // Out of reach before the job comes, and gone after it.
    api.post(&format!("{path}/{gone}/restore"), &json!({})).await.is_problem(404, "not_found");
    assert_eq!(app.count("SELECT count(*) FROM removed_certificates WHERE der IS NOT NULL"), 1);
    app.run_jobs().await;
    assert_eq!(app.count("SELECT count(*) FROM removed_certificates WHERE der IS NOT NULL"), 0);
    assert_eq!(api.get(&path).await.column("state"), ["valid"]);
    // By hand it is welcome as ever.
    api.post(&path, &json!({"certificates": [Key::other().pem()]})).await.is(201);
}

#[tokio::test]
async fn what_was_never_removed_here_cannot_be_restored() {
    let app = TestApp::start().await;
    let (idp, api) = (app.active_connection().await, app.api("admin").await);
    for name in ["0".repeat(64), "'%22%25".to_owned(), "%00".to_owned(), "x".repeat(3000)] {
        let path = format!("{}/certificates/{name}/restore", at(&idp));
        api.post(&path, &json!({})).await.is_problem(404, "not_found");
    }
    // One of another connection is none of this one.
    let other = app.active_connection().await;
    trust(&app, &other, Key::other()).await;
    api.delete(&format!("{}/certificates/{}", at(&other), sha256(Key::other()))).await.is(204);
    let path = format!("{}/certificates/{}/restore", at(&idp), sha256(Key::other()));
    api.post(&path, &json!({})).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn one_that_waited_with_a_draft_comes_back_to_that_draft_alone() {
    let app = TestApp::start().await;
    let (idp, api) = (app.active_connection().await, app.api("admin").await);
    let edit = json!({"idp_entity_id": "https://next.example/", "sso_url": "https://next.example/sso",
        "certificates": [Key::other().pem()]});
    let path = format!("{}/certificates/{}", at(&idp), sha256(Key::other()));
    api.patch(&at(&idp), &edit).await.is(200);
    api.delete(&path).await.is(204);
    api.post(&format!("{path}/restore"), &json!({})).await.is(200);
    assert_eq!(api.get(&format!("{}/certificates", at(&idp))).await.column("state"), ["valid", "waiting"]);
    api.delete(&path).await.is(204);
    api.delete(&format!("{}/draft", at(&idp))).await.is(204);
    api.post(&format!("{path}/restore"), &json!({})).await.is_problem(404, "not_found");
    assert_eq!(sign_in_with(&app, &idp, Key::other()).await.reason(), "saml_signature_cert");
}

#[tokio::test]
async fn the_card_tells_the_end_of_the_certificate_in_use_and_trusting_one_leads_to_its_notice() {
    let app = TestApp::start().await;
    let idp = app.connection_of(ENTITY_ID, Key::ending(), SettingsChange::default()).await;
    app.activate(&idp).await;
    let mut admin = app.admin().await;
    let card = admin.get("/admin/security").await.text();
    assert!(card.contains("signing certificate expires in") && card.contains("Ask for the next one"), "{card}");

    // The next one holds for years; the provider still signs with the first.
    let (page, new) = (format!("/admin/security/sso/{}", idp.id), "certificates/new");
    let form = admin.get(&format!("{page}/{new}")).await.form(new);
    let empty = admin.submit(&form).await;
    assert_eq!(empty.status, 422);
    assert!(empty.text().contains("Paste the certificate, with its BEGIN and END lines"), "{}", empty.text());
    assert!(!empty.text().contains("not Base64"), "{}", empty.text());
    let compared = admin.submit(&form.fill("certificate", &Key::other().pem())).await;
    assert_eq!(admin.submit(&compared.form(new).fill("trust", "1")).await.location(), page);
    assert!(admin.get(&page).await.text().contains("The certificate is trusted."));
    is_let_in(&app, &idp, Key::ending()).await;
    let card = admin.get("/admin/security").await.text();
    assert!(card.contains("days, replacement ready") && card.contains("already trusted here"), "{card}");

    is_let_in(&app, &idp, Key::other()).await;
    let card = admin.get("/admin/security").await.text();
    assert!(card.contains("Valid until") && !card.contains("signing certificate expires"), "{card}");
}

#[tokio::test]
async fn a_rehearsal_says_what_a_removal_would_cost() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    trust(&app, &idp, Key::other()).await;
    let (old, new) = (sha256(Key::idp()), sha256(Key::other()));
    let without_old = format!("?without={old}");
    assert_eq!(rehearsed(&app, &idp, &without_old).await["sign_ins"], 0);
    for key in [Key::idp(), Key::idp(), Key::other()] {
        is_let_in(&app, &idp, key).await;
        app.clock.advance(hours(1));
    }
    let told = rehearsed(&app, &idp, &without_old).await;
    assert_eq!((&told["sign_ins"], &told["lost"], &told["since_lost"]), (&json!(3), &json!(2), &json!(1)));
    assert!(told["last_lost_at"].is_string() && told["more"] == json!(false), "{told}");
    let new_told = rehearsed(&app, &idp, &format!("?without={new}")).await;
    assert_eq!((&new_told["lost"], &new_told["since_lost"]), (&json!(1), &json!(0)));
    assert_eq!(rehearsed(&app, &idp, "").await["lost"], 0);
    assert_eq!(rehearsed(&app, &idp, &format!("?without={old},{new}")).await["lost"], 3);

    // The page of the removal says it before anything is done, and so does the rehearsal of all.
    let (mut admin, page) = (app.admin().await, format!("/admin/security/sso/{}", idp.id));
    let asked = admin.get(&format!("{page}/certificates/{old}/remove")).await.text();
    assert!(asked.contains("Of 3 sign-ins in the last 30 days, 2 were signed with it"), "{asked}");
    let asked = admin.get(&format!("{page}/certificates/{new}/remove")).await.text();
    assert!(asked.contains("if Okta goes on with it, nobody gets in"), "{asked}");
    let all = admin.get(&format!("{page}/certificates/rehearsal")).await.text();
    assert!(all.contains("2 sign-ins") && all.contains("1 sign-in"), "{all}");

    // Older than 30 days is no longer looked at.
    app.clock.advance(days(30));
    assert_eq!(rehearsed(&app, &idp, &without_old).await["sign_ins"], 0);
}

#[tokio::test]
async fn a_rehearsal_knows_that_two_certificates_can_have_one_key() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let again = Key::idp().renewed();
    trust(&app, &idp, again).await;
    is_let_in(&app, &idp, Key::idp()).await;
    let told = rehearsed(&app, &idp, &format!("?without={}", sha256(Key::idp()))).await;
    assert_eq!((&told["sign_ins"], &told["lost"]), (&json!(1), &json!(0)), "{told}");
    let path = format!("{}/certificates/{}", at(&idp), sha256(Key::idp()));
    app.api("admin").await.delete(&path).await.is(204);
    is_let_in(&app, &idp, Key::idp()).await;
}

#[tokio::test]
async fn a_refused_sign_in_that_names_the_certificate_would_then_be_accepted() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    assert_eq!(sign_in_with(&app, &idp, Key::other()).await.reason(), "saml_signature_cert");
    let new = sha256(Key::other());
    let told = rehearsed(&app, &idp, &format!("?with={new}")).await;
    let named = told["would_be_accepted"].as_array().unwrap();
    assert_eq!((named.len(), named[0]["sha256"].as_str().unwrap()), (1, new.as_str()));
    let reference = named[0]["reference"].as_str().unwrap();
    let path = format!("{}/sign-ins/{reference}", at(&idp));
    assert_eq!(app.api("admin").await.get(&path).await.is(200).json()["code"], "saml_signature_cert");
    assert_eq!(rehearsed(&app, &idp, "").await["would_be_accepted"], json!([]));

    let (mut admin, page) = (app.admin().await, format!("/admin/security/sso/{}/certificates/new", idp.id));
    let form = admin.get(&page).await.form(&page);
    let compared = admin.submit(&form.fill("certificate", &Key::other().pem())).await.text();
    assert!(compared.contains(reference) && compared.contains("would then be accepted"), "{compared}");
}

#[tokio::test]
async fn a_rehearsal_takes_fingerprints_and_nothing_else() {
    let app = TestApp::start().await;
    let (idp, api) = (app.active_connection().await, app.api("admin").await);
    let path = format!("{}/certificates/rehearsal", at(&idp));
    for (query, pointer) in [
        ("?without=abc", "/without"),
        ("?with=%27%25", "/with"),
        ("?with=,", "/with"),
        (&*format!("?without={}", "0".repeat(65)), "/without"),
        (&*format!("?without={}", vec!["0".repeat(64); 51].join(",")), "/without"),
        ("?sha256=1", "/sha256"),
        ("?with=%00", "/with"),
    ] {
        api.get(&format!("{path}{query}")).await.is_invalid_at(&[pointer]);
    }
    api.get(&format!("{path}?without={}", "0".repeat(64))).await.is(200);
    api.get("/api/v1/connections/con_01k2v9q8xw3f6t0m4n7p5r1sza/certificates/rehearsal")
        .await
        .is_problem(404, "not_found");
}
