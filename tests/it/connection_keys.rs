//! Our own keys: the next one is published, given to the provider, switched to, and the former one removed. Nobody is
//! refused on the way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward::testing::days;
use doorward::testing::minutes;
use doorward::testing::seconds;
use serde_json::Value;
use serde_json::json;

use crate::support::Answer;
use crate::support::Browser;
use crate::support::Idp;
use crate::support::TestApp;
use crate::support::idp_saml::Key;
use crate::support::idp_saml::Request;
use crate::support::idp_saml::encrypt;

struct World {
    app: TestApp,
    idp: Idp,
    path: String,
}

impl World {
    async fn start() -> Self {
        let app = TestApp::start().await;
        let idp = app.active_connection().await;
        let path = format!("/api/v1/connections/{}/keys", idp.id);
        Self { app, idp, path }
    }

    async fn keys(&self) -> Vec<Value> {
        let keys = self.app.api("admin").await.get(&self.path).await.is(200).json();
        keys["data"].as_array().unwrap().clone()
    }

    async fn states(&self) -> Vec<(String, String)> {
        let text = |key: &Value, field: &str| key[field].as_str().unwrap().to_owned();
        self.keys().await.iter().map(|key| (text(key, "state"), text(key, "sha256"))).collect()
    }

    async fn prepare(&self) -> Value {
        self.app.api("admin").await.post(&self.path, &json!({})).await.is(201).json()
    }

    async fn switch(&self, key: &Value) {
        let path = format!("{}/{}/switch", self.path, key["sha256"].as_str().unwrap());
        assert_eq!(self.app.api("admin").await.post(&path, &json!({})).await.is(200).json()["state"], "current");
    }

    /// What the provider reads in our metadata now, for `signing` or `encryption`, as PEM.
    async fn published(&self, usage: &str) -> Vec<String> {
        let metadata = self.app.stranger().get(&format!("/saml/{}/metadata", self.idp.id)).await.body;
        let document = roxmltree::Document::parse(&metadata).unwrap();
        let descriptors = document.descendants().filter(|node| {
            node.has_tag_name(("urn:oasis:names:tc:SAML:2.0:metadata", "KeyDescriptor"))
                && node.attribute("use") == Some(usage)
        });
        let pem = |node: roxmltree::Node<'_, '_>| {
            let text = node.descendants().find(|inside| inside.tag_name().name() == "X509Certificate").unwrap();
            let text: String = text.text().unwrap().split_whitespace().collect();
            let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
            format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
        };
        descriptors.map(pem).collect()
    }

    async fn begin(&self) -> (Browser, Request) {
        let mut browser = self.app.stranger();
        let request = browser.start(&self.idp, "/account").await;
        (browser, request)
    }

    async fn finish(&self, (mut browser, request): (Browser, Request), encrypted_to: &str) -> Answer {
        let reply = self.idp.reply(self.app.now(), Some(&request.id));
        let encrypted = encrypt(&Key::idp().sign(&reply.assertion(), &reply.assertion_id), encrypted_to);
        browser.bring(&self.idp, &STANDARD.encode(reply.around(&encrypted))).await
    }

    /// A provider that knows these certificates of ours takes our request, and each of them may be what it encrypts to.
    async fn people_sign_in(&self, known: &[String]) {
        for pem in known {
            let (browser, request) = self.begin().await;
            assert!(known.iter().any(|known| request.is_signed_by(known)), "no known key signed it");
            let answer = self.finish((browser, request), pem).await;
            assert_eq!((answer.status, answer.reason()), (303, ""));
        }
    }
}

fn pem(key: &Value) -> String {
    key["certificate"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn sign_ins_go_on_through_every_step_of_a_new_key() {
    let world = World::start().await;
    let old = world.keys().await[0].clone();
    let before = world.published("signing").await;
    assert_eq!((before.len(), &before), (1, &world.published("encryption").await));
    world.people_sign_in(&before).await;

    let next = world.prepare().await;
    let both = world.published("signing").await;
    assert_eq!((&both, &world.published("encryption").await), (&vec![pem(&old), pem(&next)], &both));
    // A provider that has not looked yet, and one that has.
    world.people_sign_in(&before).await;
    world.people_sign_in(&both).await;
    let under_way = world.begin().await;

    world.switch(&next).await;
    assert!(under_way.1.is_signed_by(&pem(&old)));
    assert_eq!(world.finish(under_way, &pem(&old)).await.status, 303);
    assert!(world.begin().await.1.is_signed_by(&pem(&next)));
    // What it knew before the switch is enough after it; the metadata names the new one alone.
    world.people_sign_in(&both).await;
    assert_eq!(world.published("signing").await, [pem(&next)]);
    assert_eq!(world.published("encryption").await, [pem(&next)]);
    let retired = &world.keys().await[1];
    assert_eq!(retired["state"], "retired");
    assert!(retired["last_opened_at"].is_string(), "{retired}");

    let path = format!("{}/{}", world.path, old["sha256"].as_str().unwrap());
    world.app.api("admin").await.delete(&path).await.is(204);
    world.people_sign_in(&[pem(&next)]).await;
    let answer = world.finish(world.begin().await, &pem(&old)).await;
    assert_eq!((answer.status, answer.reason()), (403, "saml_encrypted"));

    for action in ["prepared", "switched", "removed"] {
        assert_eq!(world.app.audit_of(&format!("connection.key_{action}")).await.len(), 1, "{action}");
    }
}

#[tokio::test]
async fn the_next_certificate_is_downloaded_before_the_switch() {
    let world = World::start().await;
    let current = format!("/saml/{}/certificate", world.idp.id);
    let next = format!("{current}?next");
    let mut idp = world.app.stranger();
    let first = idp.get(&current).await;
    assert_eq!(idp.get(&next).await.status, 404);
    let made = world.prepare().await;
    let answer = idp.get(&next).await;
    assert_eq!((answer.status, &answer.body), (200, &pem(&made)));
    assert!(answer.header("content-disposition").unwrap().contains("doorward-next.pem"));
    assert_eq!(idp.get(&current).await.body, first.body);
    world.switch(&made).await;
    assert_eq!((idp.get(&current).await.body, idp.get(&next).await.status), (pem(&made), 404));
    for odd in ["?next=1&next=2", "?next=%00", "?x=%ff"] {
        assert!(idp.get(&format!("{current}{odd}")).await.status < 500, "{odd}");
    }
}

#[tokio::test]
async fn an_admin_can_go_back_and_try_again() {
    let world = World::start().await;
    let old = world.keys().await[0].clone();
    let next = world.prepare().await;
    let (old_print, next_print) = (old["sha256"].as_str().unwrap(), next["sha256"].as_str().unwrap());
    let state = |state: &str, print: &str| (state.to_owned(), print.to_owned());
    world.switch(&next).await;
    world.switch(&next).await;
    assert_eq!(world.states().await, [state("current", next_print), state("retired", old_print)]);
    world.switch(&old).await;
    assert_eq!(world.states().await, [state("current", old_print), state("next", next_print)]);
    assert!(world.begin().await.1.is_signed_by(&pem(&old)));
    assert_eq!(world.app.audit_of("connection.key_switched").await.len(), 2);
}

#[tokio::test]
async fn the_key_that_signs_stays_and_there_is_one_next() {
    let world = World::start().await;
    let api = world.app.api("admin").await;
    let current = world.keys().await[0]["sha256"].as_str().unwrap().to_owned();
    api.delete(&format!("{}/{current}", world.path)).await.is_problem(409, "key_in_use");
    let next = world.prepare().await;
    api.post(&world.path, &json!({})).await.is_problem(409, "next_key_exists");
    api.post(&world.path, &json!({"key": "x"})).await.is(422);
    api.get(&format!("{}/{}", world.path, next["sha256"].as_str().unwrap())).await.is(200);
    for name in ["0".repeat(64), "%27%22".to_owned(), "%00".to_owned(), "x".repeat(3000)] {
        api.get(&format!("{}/{name}", world.path)).await.is_problem(404, "not_found");
        api.post(&format!("{}/{name}/switch", world.path), &json!({})).await.is_problem(404, "not_found");
        api.delete(&format!("{}/{name}", world.path)).await.is_problem(404, "not_found");
    }
    // Another connection's key is none of this one's.
    let other = world.app.active_connection().await;
    let path = format!("/api/v1/connections/{}/keys/{current}/switch", other.id);
    api.post(&path, &json!({})).await.is_problem(404, "not_found");
    api.delete(&format!("{}/{}", world.path, next["sha256"].as_str().unwrap())).await.is(204);
    assert_eq!(world.published("signing").await.len(), 1);
    assert!(!world.app.dump().contains("PRIVATE KEY"));
}

#[tokio::test]
async fn the_end_of_our_own_certificate_is_told_at_each_stage_once() {
    let world = World::start().await;
    let app = &world.app;
    let end = world.keys().await[0]["not_after"].as_str().unwrap().to_owned();
    let end = doorward::testing::Timestamp::parse(&end).unwrap();
    let levels = || async {
        let mut told = app.audit_of("connection.key_expiring").await;
        told.extend(app.audit_of("connection.key_expired").await);
        told.iter().map(|event| event.level.as_str()).collect::<Vec<_>>()
    };
    for (left, count, level) in [
        (61, 0, ""),
        (60, 1, "warning"),
        (30, 2, "warning"),
        (14, 3, "warning"),
        (7, 4, "alarm"),
        (1, 5, "alarm"),
        (0, 6, "alarm"),
    ] {
        let wanted = (end - days(left)).secs() + 60;
        app.clock.advance(seconds(u64::try_from(wanted - app.now().secs()).unwrap()));
        app.run_jobs().await;
        app.run_jobs().await;
        let told = levels().await;
        assert_eq!((told.len(), told.contains(&level)), (count, count > 0), "{left} days left");
    }
    let page = app.owner().await.get(&format!("/admin/security/sso/{}", world.idp.id)).await.text();
    assert!(page.contains("Our certificate ended on"), "{page}");
    let findings = app.app().examine_health(app.now()).await.unwrap();
    assert!(findings.iter().any(|finding| finding.check == "our_certificate" && finding.text.contains("Okta")));
    // The next one has an end of its own, ten years away.
    let next = world.prepare().await;
    world.switch(&next).await;
    app.run_jobs().await;
    assert_eq!(levels().await.len(), 6);
}

#[tokio::test]
async fn the_console_leads_through_it() {
    let world = World::start().await;
    let (mut admin, page) = (world.app.admin().await, format!("/admin/security/sso/{}", world.idp.id));
    let form = admin.get(&page).await.form(&format!("{page}/keys"));
    let published = admin.submit_and_follow(&form).await;
    assert!(published.text().contains("Give Okta the new one"), "{}", published.text());
    assert!(published.links().iter().any(|link| link.ends_with("/certificate?next")));
    // By two admins at once, or pressed twice.
    assert!(admin.submit_and_follow(&form).await.text().contains("published already"));
    assert_eq!(world.keys().await.len(), 2);

    let switch = published.links().into_iter().find(|link| link.ends_with("/switch")).unwrap();
    let asked = admin.get(&switch).await;
    assert!(asked.text().contains("Switch to the next certificate?"), "{}", asked.text());
    // The sentence about it stands at the top of the page, so nothing scrolls past it.
    assert_eq!(admin.submit(&asked.form(&switch)).await.location(), page);
    let switched = admin.get(&page).await;
    assert!(switched.text().contains("Only opens assertions") && switched.text().contains("Go back to it"));
    // What the provider knows cannot be seen from here: only what came back is claimed.
    assert!(switched.text().contains("None yet: run Test SSO"), "{}", switched.text());
    world.app.clock.advance(minutes(2));
    assert_eq!(world.app.sign_in_by_saml(&world.idp, "ada.l@acme.example").await.1.status, 303);
    let rail = admin.get(&page).await.text();
    assert!(rail.contains("A sign-in since the switch The last one on"), "{rail}");
    let old = world.keys().await[1].clone();
    assert_eq!(world.finish(world.begin().await, &pem(&old)).await.status, 303);

    let remove = format!("{page}/keys/{}/remove", old["sha256"].as_str().unwrap());
    let asked = admin.get(&remove).await;
    assert!(asked.text().contains("The last sign-in encrypted to it came on"), "{}", asked.text());
    admin.submit_and_follow(&asked.form(&remove)).await;
    assert_eq!(world.keys().await.len(), 1);
    let current = format!("{page}/keys/{}/remove", world.keys().await[0]["sha256"].as_str().unwrap());
    let form = admin.get(&current).await.form(&current);
    assert_eq!(admin.submit(&form).await.status, 409);
    assert_eq!(admin.get(&format!("{page}/keys/nothing/switch")).await.status, 404);
}
