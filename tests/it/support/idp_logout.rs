//! Logout messages of the small identity provider. `LogoutMessage` is a good one in which a test changes one thing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward::testing::Timestamp;
use doorward::testing::minutes;

use super::Answer;
use super::Browser;
use super::Idp;
use super::idp_saml::Key;

pub const SLO_URL: &str = "https://idp.example/slo";
/// What the identity provider wants back.
pub const RELAY_STATE: &str = "_1f:https://idp.example/next?a=b&c=d e";

#[derive(Clone)]
pub struct LogoutMessage {
    /// `LogoutRequest` or `LogoutResponse`.
    pub name: &'static str,
    pub id: String,
    pub issuer: String,
    pub destination: String,
    /// Attributes and content beside these, as XML.
    pub attributes: String,
    pub content: String,
    pub issued: Timestamp,
    pub key: &'static Key,
}

impl Idp {
    pub fn slo_url(&self) -> String {
        format!("{}/slo", self.entity_id)
    }

    fn message(&self, name: &'static str, now: Timestamp) -> LogoutMessage {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        LogoutMessage {
            name,
            id: format!("_logout{count}"),
            issuer: self.entity.clone(),
            destination: self.slo_url(),
            attributes: String::new(),
            content: String::new(),
            issued: now,
            key: Key::idp(),
        }
    }

    /// About whoever is named so, and these of their sessions.
    pub fn logout(&self, now: Timestamp, name_id: &str, indexes: &[&str]) -> LogoutMessage {
        let indexes: String =
            indexes.iter().map(|index| format!("<samlp:SessionIndex>{index}</samlp:SessionIndex>")).collect();
        LogoutMessage {
            attributes: format!(" NotOnOrAfter=\"{}\"", now + minutes(5)),
            content: format!("<saml:NameID>{name_id}</saml:NameID>{indexes}"),
            ..self.message("LogoutRequest", now)
        }
    }

    /// To the request with this id.
    pub fn logout_answer(&self, now: Timestamp, request: &str, status: &str) -> LogoutMessage {
        LogoutMessage {
            attributes: format!(" InResponseTo=\"{request}\""),
            content: format!(
                "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:{status}\"/></samlp:Status>"
            ),
            ..self.message("LogoutResponse", now)
        }
    }
}

impl LogoutMessage {
    pub fn field(&self) -> &'static str {
        if self.name == "LogoutRequest" { "SAMLRequest" } else { "SAMLResponse" }
    }

    pub fn xml(&self) -> String {
        let Self { name, id, issuer, destination, attributes, content, issued, .. } = self;
        format!(
            "<samlp:{name} xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
             xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{issued}\" \
             Destination=\"{destination}\"{attributes}><saml:Issuer>{issuer}</saml:Issuer>{content}</samlp:{name}>"
        )
    }

    /// Our address with the message in a signed query.
    pub fn url(&self, idp: &Idp) -> String {
        self.key.redirect(&idp.slo_url(), self.field(), &self.xml(), Some(RELAY_STATE))
    }

    pub fn encoded(&self) -> String {
        STANDARD.encode(self.key.sign(&self.xml(), &self.id))
    }

    pub fn unsigned(&self) -> String {
        STANDARD.encode(self.xml())
    }
}

impl Browser {
    /// Sent by the identity provider, by Redirect.
    pub async fn redirected(&mut self, idp: &Idp, message: &LogoutMessage) -> Answer {
        self.get(&message.url(idp)).await
    }

    /// Sent by a form of the identity provider.
    pub async fn posted(&mut self, idp: &Idp, field: &str, value: &str) -> Answer {
        let path = idp.slo_url().strip_prefix(&self.origin).unwrap().to_owned();
        self.cross_site_post(&path, &[(field, value), ("RelayState", RELAY_STATE)]).await
    }
}
