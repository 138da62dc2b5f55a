//! A connection that watches its provider's metadata link: what is new is trusted by itself, what an admin removed is not,
//! and a link that fails says so and takes nothing away.

use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::Mutex;

use doorward::testing::Certificate;
use doorward::testing::SigningIdentity;
use doorward::testing::days;
use doorward::testing::hours;
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
                stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            }
        });
        Self { url: format!("http://{host}/metadata"), host, content }
    }

    fn now_says(&self, content: String) {
        *self.content.lock().unwrap() = content;
    }
}

pub fn metadata(entity_id: &str, keys: &[&Key]) -> String {
    let key = |key: &&Key| {
        let certificate: String = key.pem().lines().filter(|line| !line.starts_with('-')).collect();
        format!(
            "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
             <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        )
    };
    let keys: String = keys.iter().map(key).collect();
    format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{entity_id}\">\
         <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{SSO_URL}\"/>\
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

    let mut owner = watched.app.owner().await;
    let page = format!("/admin/security/sso/{}", watched.path.rsplit('/').next().unwrap());
    let form = owner.get(&page).await.form(&format!("{page}/refresh"));
    let told = owner.submit_and_follow(&form).await.text();
    assert!(told.contains("1 certificate that was removed here"), "{told}");
    assert_eq!(fingerprints(&watched.connection().await).len(), 1);
}

#[tokio::test]
async fn a_link_that_fails_takes_nothing_away_and_says_what_is_wrong() {
    let watched = Watched::start().await;
    for (content, code) in [
        ("<html>Sign in first</html>".to_owned(), "metadata_not_xml"),
        (metadata("https://other.example/", &[Key::other()]), "metadata_other_entity"),
    ] {
        watched.link.now_says(content);
        let seen = watched.look_again().await;
        assert_eq!((fingerprints(&seen).len(), &seen["problem"]["code"]), (1, &json!(code)));
        let mut owner = watched.app.owner().await;
        let page = format!("/admin/security/sso/{}", watched.path.rsplit('/').next().unwrap());
        let form = owner.get(&page).await.form(&format!("{page}/refresh"));
        let told = owner.submit_and_follow(&form).await.text();
        assert!(told.contains("The metadata link could not be used"), "{told}");
        assert!(!told.contains("The metadata was read"), "{told}");
    }
    watched.link.now_says(metadata(ENTITY_ID, &[Key::idp()]));
    assert_eq!(watched.look_again().await["problem"], json!(null));
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
