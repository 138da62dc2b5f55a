//! A connection that watches its provider's metadata link: what is new is trusted by itself, what an admin removed is not,
//! and a link that fails says so and takes nothing away.

use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::Mutex;

use doorward::testing::Certificate;
use doorward::testing::SigningIdentity;
use doorward::testing::Timestamp;
use doorward::testing::days;
use doorward::testing::hours;
use doorward::testing::minutes;
use doorward::testing::seconds;
use serde_json::Value;
use serde_json::json;

use crate::support::TestApp;
use crate::support::idp_saml::ENTITY_ID;
use crate::support::idp_saml::Key;
use crate::support::idp_saml::SSO_URL;

/// A provider's metadata address whose content the test changes.
pub struct Link {
    pub url: String,
    /// For `outbound_allow`.
    pub host: String,
    content: Arc<Mutex<String>>,
}

impl Link {
    pub fn serve(content: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let content = Arc::new(Mutex::new(content));
        let served = Arc::clone(&content);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut buffer = [0; 4096];
                assert!(stream.read(&mut buffer).unwrap() > 0);
                let body = served.lock().unwrap().clone();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                // Whoever had enough hangs up.
                stream.write_all(format!("{head}{body}").as_bytes()).unwrap_or_default();
            }
        });
        Self { url: format!("http://{host}/metadata"), host, content }
    }

    fn now_says(&self, content: String) {
        *self.content.lock().unwrap() = content;
    }
}

pub fn metadata(entity_id: &str, keys: &[&Key]) -> String {
    metadata_with(entity_id, keys, SSO_URL, "")
}

/// `attributes` stand at the root.
fn metadata_with(entity_id: &str, keys: &[&Key], sso_url: &str, attributes: &str) -> String {
    let key = |key: &&Key| {
        let certificate: String = key.pem().lines().filter(|line| !line.starts_with('-')).collect();
        format!(
            "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
             <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        )
    };
    let keys: String = keys.iter().map(key).collect();
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{entity_id}\" {attributes}>\
         <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{sso_url}\"/>\
         </md:IDPSSODescriptor></md:EntityDescriptor>"
    )
}

struct Watched {
    app: TestApp,
    link: Link,
    path: String,
}

impl Watched {
    async fn start() -> Self {
        let link = Link::serve(metadata(ENTITY_ID, &[Key::idp()]));
        let app = TestApp::with(&[("outbound_allow", &link.host)]).await;
        let api = app.api("owner").await;
        let new = json!({"kind": "saml", "name": "Okta", "idp_metadata_url": link.url});
        let made = api.made("/api/v1/connections", &new).await;
        let path = format!("/api/v1/connections/{}", made["id"].as_str().unwrap());
        api.post(&format!("{path}/activate"), &json!({"without_test": true})).await.is(200);
        Self { app, link, path }
    }

    fn page(&self) -> String {
        format!("/admin/security/sso/{}", self.path.rsplit('/').next().unwrap())
    }

    async fn connection(&self) -> Value {
        self.app.api("owner").await.get(&self.path).await.is(200).json()
    }

    async fn look_again(&self) -> Value {
        self.app.clock.advance(hours(7));
        self.app.run_jobs().await;
        self.connection().await
    }
}

fn fingerprints(connection: &Value) -> Vec<&str> {
    let certificates = connection["certificates"].as_array().unwrap();
    certificates.iter().map(|certificate| certificate["sha256"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_certificate_that_the_provider_adds_is_trusted_by_itself() {
    let watched = Watched::start().await;
    assert_eq!(fingerprints(&watched.connection().await).len(), 1);
    watched.link.now_says(metadata(ENTITY_ID, &[Key::idp(), Key::other()]));
    let seen = watched.look_again().await;
    assert_eq!((fingerprints(&seen).len(), &seen["problem"]), (2, &json!(null)));
    assert_eq!(watched.app.audit_of("connection.certificate_added").await.len(), 2);
}

#[tokio::test]
async fn what_an_admin_removed_stays_out_and_the_page_says_so() {
    let watched = Watched::start().await;
    watched.link.now_says(metadata(ENTITY_ID, &[Key::idp(), Key::other()]));
    let both = watched.look_again().await;
    let api = watched.app.api("owner").await;
    let removed = fingerprints(&both)[1].to_owned();
    api.delete(&format!("{}/certificates/{removed}", watched.path)).await.is(204);
    assert_eq!(fingerprints(&watched.look_again().await).len(), 1);
    // Also when the certificate itself is no longer kept.
    watched.app.clock.advance(days(40));
    assert_eq!(fingerprints(&watched.look_again().await).len(), 1);

    let mut owner = watched.app.owner().await;
    let page = watched.page();
    let form = owner.get(&page).await.form(&format!("{page}/refresh"));
    let told = owner.submit_and_follow(&form).await.text();
    assert!(told.contains("1 certificate that was removed here"), "{told}");
    assert_eq!(fingerprints(&watched.connection().await).len(), 1);
}

#[tokio::test]
async fn a_certificate_issued_anew_for_a_removed_key_stays_out_until_an_admin_adds_it() {
    let watched = Watched::start().await;
    watched.link.now_says(metadata(ENTITY_ID, &[Key::idp(), Key::other()]));
    let both = watched.look_again().await;
    let api = watched.app.api("owner").await;
    let removed = fingerprints(&both)[1].to_owned();
    api.delete(&format!("{}/certificates/{removed}", watched.path)).await.is(204);
    // Also when the certificate itself is no longer kept.
    watched.app.clock.advance(days(40));
    let anew = Key::other().renewed();
    watched.link.now_says(metadata(ENTITY_ID, &[Key::idp(), anew]));
    assert_eq!(fingerprints(&watched.look_again().await).len(), 1);
    let told = &watched.app.audit_of("connection.metadata_changed").await[0];
    let sha256 = Certificate::from_der(&anew.identity.certificate_der).unwrap().sha256;
    assert_eq!((told.level.as_str(), &told.changes["not_trusted"][1]), ("warning", &json!([sha256])));
    let mut owner = watched.app.owner().await;
    let page = watched.page();
    let shown = owner.get(&page).await;
    assert!(shown.text().contains("1 new certificate is not trusted"), "{}", shown.text());
    let told = owner.submit_and_follow(&shown.form(&format!("{page}/refresh"))).await.text();
    assert!(told.contains("has the key of one that was. It stays untrusted"), "{told}");

    // By hand it counts, and whatever the key gets from then on.
    let pem = json!({"certificates": [anew.pem()]});
    api.post(&format!("{}/certificates", watched.path), &pem).await.is(201);
    watched.link.now_says(metadata(ENTITY_ID, &[Key::idp(), anew, Key::other().renewed()]));
    assert_eq!(fingerprints(&watched.look_again().await).len(), 3);
}

#[tokio::test]
async fn an_address_inside_the_network_is_told_to_owners_of_the_instance_alone() {
    let app = TestApp::start().await;
    let new = json!({"kind": "saml", "name": "Okta", "idp_metadata_url": "https://localhost/metadata"});
    for (role, told) in [("owner", true), ("admin", false)] {
        let api = app.api(role).await;
        let made = api.made("/api/v1/connections", &new).await;
        assert_eq!(made["problem"]["code"], "metadata_private", "{made}");
        let path = format!("/api/v1/connections/{}", made["id"].as_str().unwrap());
        let link = json!({"idp_metadata_url": "https://localhost/metadata"});
        let refused = api.patch(&path, &link).await.is(422).json();
        assert_eq!(refused["errors"][0]["detail"].as_str().unwrap().contains("127.0.0.1"), told, "{refused}");
        // What stays for all to see names none.
        assert!(!api.get(&path).await.body.contains("127.0.0.1"));
        assert!(!api.get("/api/v1/audit-events").await.body.contains("(127.0.0.1)"));
    }
}

#[tokio::test]
async fn a_link_that_fails_takes_nothing_away_and_says_what_is_wrong() {
    let watched = Watched::start().await;
    let ended = format!("validUntil=\"{}\"", (watched.app.now() - hours(1)).rfc3339());
    for (content, code, words) in [
        ("<html>Sign in first</html>".to_owned(), "metadata_not_xml", "This is not SAML metadata"),
        (String::new(), "metadata_not_xml", "There is nothing in the metadata"),
        ("x".repeat(10 * 1024 * 1024), "metadata_unreachable", "sends more than 1048576 bytes"),
        (metadata("https://other.example/", &[Key::other()]), "metadata_other_entity", "names no identity provider"),
        (metadata(ENTITY_ID, &[]), "metadata_no_cert", "has no signing certificate"),
        (metadata_with(ENTITY_ID, &[Key::other()], SSO_URL, &ended), "metadata_expired", "The metadata expired on"),
        (
            metadata_with(ENTITY_ID, &[Key::other()], "javascript:alert(1)", ""),
            "metadata_no_sso",
            "has no address for sign-in",
        ),
        (metadata(ENTITY_ID, &[Key::other()])[..700].to_owned(), "metadata_unreadable", "cannot be read"),
    ] {
        watched.link.now_says(content);
        let seen = watched.look_again().await;
        assert_eq!((fingerprints(&seen).len(), &seen["problem"]["code"]), (1, &json!(code)));
        let mut owner = watched.app.owner().await;
        let page = watched.page();
        let form = owner.get(&page).await.form(&format!("{page}/refresh"));
        let told = owner.submit_and_follow(&form).await.text();
        assert!(told.contains("The metadata link could not be used") && told.contains(words), "{told}");
        assert!(told.contains("Last good copy") && !told.contains("The metadata was read"), "{told}");
    }
    watched.link.now_says(metadata(ENTITY_ID, &[Key::idp()]));
    assert_eq!(watched.look_again().await["problem"], json!(null));
}

#[tokio::test]
async fn a_problem_is_one_event_and_tried_again_after_an_hour() {
    let watched = Watched::start().await;
    let started = watched.connection().await["metadata"].clone();
    assert_eq!(
        started["next_run_at"],
        (Timestamp::parse(started["last_run_at"].as_str().unwrap()).unwrap() + hours(6)).rfc3339()
    );
    watched.link.now_says("<html>".to_owned());
    let failed = watched.look_again().await["metadata"].clone();
    assert_eq!(failed["last_success_at"], started["last_success_at"]);
    assert_eq!(
        failed["next_run_at"],
        (Timestamp::parse(failed["last_run_at"].as_str().unwrap()).unwrap() + hours(1)).rfc3339()
    );
    watched.look_again().await;
    let told = watched.app.audit_of("connection.metadata_failed").await;
    assert_eq!((told.len(), told[0].code.as_deref()), (1, Some("metadata_not_xml")));
    watched.link.now_says(metadata(ENTITY_ID, &[Key::idp()]));
    watched.app.clock.advance(minutes(61));
    watched.app.run_jobs().await;
    assert_eq!(watched.connection().await["problem"], json!(null));
    // A job that runs twice changes nothing.
    let state = || {
        (
            watched.app.count("SELECT max(sequence) FROM audit_events"),
            watched.app.count("SELECT metadata_tried_at FROM connections"),
        )
    };
    let before = state();
    watched.app.run_jobs().await;
    assert_eq!(state(), before);
}

#[tokio::test]
async fn what_changed_is_told_with_before_and_after() {
    let watched = Watched::start().await;
    watched.look_again().await;
    assert!(watched.app.audit_of("connection.metadata_changed").await.is_empty(), "nothing changed");
    watched.link.now_says(metadata(ENTITY_ID, &[Key::other()]));
    let seen = watched.look_again().await;
    let (old, new) = (fingerprints(&seen)[0], fingerprints(&seen)[1]);
    let change = &seen["metadata"]["last_change"];
    assert_eq!((&change["added"], &change["gone"], &change["sso_url"]), (&json!([new]), &json!([old]), &json!(null)));
    let told = watched.app.audit_of("connection.metadata_changed").await;
    assert_eq!((told.len(), told[0].level.as_str()), (1, "warning"));
    assert_eq!(told[0].changes["certificates"], json!([[old], [new]]));
    // The one that is gone is trusted as before, and its row says so.
    let mut owner = watched.app.owner().await;
    let page = owner.get(&watched.page()).await.text();
    assert!(page.contains("Not in the metadata") && page.contains("1 certificate is no longer in it"), "{page}");
    watched.look_again().await;
    assert_eq!(watched.app.audit_of("connection.metadata_changed").await.len(), 1);
}

#[tokio::test]
async fn another_sso_url_is_told_and_taken_over_only_as_a_tested_copy() {
    let watched = Watched::start().await;
    let moved = "https://idp.example/moved";
    watched.link.now_says(metadata_with(ENTITY_ID, &[Key::idp()], moved, ""));
    let seen = watched.look_again().await;
    assert_eq!((&seen["sso_url"], &seen["draft"]), (&json!(SSO_URL), &json!(null)));
    assert_eq!(seen["metadata"]["other_sso_url"], moved);
    let told = watched.app.audit_of("connection.metadata_changed").await;
    assert_eq!(told[0].changes["sso_url"], json!([SSO_URL, moved]));

    let (mut owner, page) = (watched.app.owner().await, watched.page());
    assert!(owner.get(&page).await.text().contains("metadata names another SSO URL"));
    let take = format!("{page}/metadata/take");
    let form = owner.get(&take).await.form(&take);
    // A link that fails just then keeps everything as it was.
    watched.link.now_says("<html>".to_owned());
    let failed = owner.submit(&form).await;
    assert_eq!(failed.status, 422);
    assert!(failed.text().contains("This is not SAML metadata"), "{}", failed.text());
    watched.link.now_says(metadata_with(ENTITY_ID, &[Key::idp()], moved, ""));
    assert!(owner.submit(&form).await.location().ends_with("/setup/test"));
    let drafted = watched.connection().await;
    assert_eq!((&drafted["sso_url"], &drafted["draft"]["sso_url"]), (&json!(SSO_URL), &json!(moved)));
    assert!(!owner.get(&page).await.text().contains("metadata names another SSO URL"));
    let api = watched.app.api("owner").await;
    api.post(&format!("{}/activate", watched.path), &json!({"without_test": true})).await.is(200);
    assert_eq!(watched.connection().await["metadata"]["other_sso_url"], json!(null));
}

#[tokio::test]
async fn an_older_document_is_refused_until_it_is_the_newer_one() {
    let watched = Watched::start().await;
    let until = |days_left: u64| format!("validUntil=\"{}\"", (watched.app.now() + days(days_left)).rfc3339());
    let (early, late) = (until(20), until(30));
    watched.link.now_says(metadata_with(ENTITY_ID, &[Key::idp()], SSO_URL, &late));
    assert_eq!(watched.look_again().await["problem"], json!(null));
    // A replay of what was valid before: it may name a key that the provider has given up.
    watched.link.now_says(metadata_with(ENTITY_ID, &[Key::idp(), Key::other()], SSO_URL, &early));
    let seen = watched.look_again().await;
    assert_eq!((&seen["problem"]["code"], fingerprints(&seen).len()), (&json!("metadata_older"), 1));
    watched.link.now_says(metadata_with(ENTITY_ID, &[Key::idp(), Key::other()], SSO_URL, &until(31)));
    let seen = watched.look_again().await;
    assert_eq!((&seen["problem"], fingerprints(&seen).len()), (&json!(null), 2));
}

/// Each request is answered once the other one is there too: whoever reads one link after the other waits in vain.
#[tokio::test]
async fn links_are_read_at_the_same_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let app = TestApp::with(&[("outbound_allow", &host)]).await;
    let api = app.api("owner").await;
    let served = std::thread::spawn(move || {
        // Each is read once when it is set up.
        for both in [1, 1, 2] {
            let mut waiting: Vec<_> = (0..both).map(|_| listener.accept().unwrap().0).collect();
            for stream in &mut waiting {
                assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
                let body = metadata(ENTITY_ID, &[Key::idp()]);
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            }
        }
    });
    for name in ["One", "Two"] {
        let new = json!({"kind": "saml", "name": name, "idp_metadata_url": format!("http://{host}/metadata")});
        let made = api.made("/api/v1/connections", &new).await;
        let path = format!("/api/v1/connections/{}/activate", made["id"].as_str().unwrap());
        api.post(&path, &json!({"without_test": true})).await.is(200);
    }
    app.clock.advance(hours(7));
    app.run_jobs().await;
    served.join().unwrap();
    let tried = format!(
        "SELECT count(*) FROM connections WHERE metadata_problem IS NULL AND metadata_tried_at > {}",
        app.now().millis() - 60_000
    );
    assert_eq!(app.count(&tried), 2);
}

#[tokio::test]
async fn the_link_is_read_now_over_the_api() {
    let watched = Watched::start().await;
    let api = watched.app.api("admin").await;
    let refresh = format!("{}/refresh", watched.path);
    let nothing = api.post(&refresh, &json!({})).await.is(200).json();
    assert_eq!(nothing, json!({"added": 0, "left_out": 0, "change": null, "problem": null}));
    watched.link.now_says(metadata(ENTITY_ID, &[Key::idp(), Key::other()]));
    let read = api.post(&refresh, &json!({})).await.is(200).json();
    assert_eq!((&read["added"], read["change"]["added"].as_array().unwrap().len()), (&json!(1), 1));
    watched.link.now_says("<html>".to_owned());
    assert_eq!(api.post(&refresh, &json!({})).await.is(200).json()["problem"]["code"], "metadata_not_xml");
    let other = watched.app.active_connection().await;
    let path = format!("/api/v1/connections/{}/refresh", other.id);
    api.post(&path, &json!({})).await.is_problem(409, "no_metadata_link");
    api.post(&refresh, &json!({"link": "x"})).await.is(422);
}

#[tokio::test]
async fn the_end_of_the_last_certificate_is_told_at_each_stage_once() {
    let app = TestApp::start().await;
    let api = app.api("owner").await;
    let start = (app.now() - days(300)).secs();
    let identity = SigningIdentity::generate("idp.example", start, 1).unwrap();
    let certificate = Certificate::from_der(&identity.certificate_der).unwrap();
    let new = json!({"kind": "saml", "name": "Okta", "idp_entity_id": ENTITY_ID, "sso_url": SSO_URL,
        "certificates": [certificate.to_pem()]});
    let made = api.made("/api/v1/connections", &new).await;
    let path = format!("/api/v1/connections/{}", made["id"].as_str().unwrap());
    let told = || async {
        let mut told = app.audit_of("connection.certificate_expiring").await;
        told.extend(app.audit_of("connection.certificate_expired").await);
        told.iter().map(|event| event.level.as_str()).collect::<Vec<_>>()
    };
    let left = |left: u64| {
        let wanted = certificate.not_after - i64::try_from(left * 86_400).unwrap() + 60;
        app.clock.advance(seconds(u64::try_from(wanted - app.now().secs()).unwrap()));
    };
    app.run_jobs().await;
    assert!(told().await.is_empty(), "a draft concerns nobody yet");
    api.post(&format!("{path}/activate"), &json!({"without_test": true})).await.is(200);
    for (days_left, count, level) in
        [(62, 0, ""), (60, 1, "warning"), (59, 1, "warning"), (30, 2, "warning"), (14, 3, "warning"), (7, 4, "alarm")]
    {
        left(days_left);
        app.run_jobs().await;
        app.run_jobs().await;
        let now = told().await;
        assert_eq!((now.len(), now.contains(&level)), (count, count > 0), "{days_left} days left");
    }
    // Three stages at once, after a server that was off: one event, the latest.
    left(0);
    app.run_jobs().await;
    assert_eq!(app.audit_of("connection.certificate_expired").await.len(), 1);

    // The next certificate has an end of its own.
    let next = json!({"certificates": [Key::other().pem()]});
    app.api("owner").await.post(&format!("{path}/certificates"), &next).await.is(201);
    app.run_jobs().await;
    assert_eq!(told().await.len(), 5);
}

#[tokio::test]
async fn another_single_logout_url_is_told_and_not_taken() {
    let watched = Watched::start().await;
    watched.look_again().await;
    let slo = "<md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
               Location=\"https://idp.example/slo\"/><md:SingleSignOnService";
    watched.link.now_says(metadata(ENTITY_ID, &[Key::idp()]).replacen("<md:SingleSignOnService", slo, 1));
    let seen = watched.look_again().await;
    assert_eq!(seen["metadata"]["last_change"]["slo_url"], json!([null, "https://idp.example/slo"]));
    assert_eq!(seen["slo_url"], json!(null), "it is not taken by itself");
    let told = watched.app.audit_of("connection.metadata_changed").await;
    assert_eq!(told[0].changes["slo_url"], json!([null, "https://idp.example/slo"]));
    let page = watched.app.owner().await.get(&watched.page()).await.text();
    assert!(page.contains("A single logout URL is new"), "{page}");
}
