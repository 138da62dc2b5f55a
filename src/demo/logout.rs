//! Single logout at the demo identity provider (SAML profiles 4.4), both ways: the gateway's requests are verified and
//! answered, and whoever is signed in through it can be signed out from here.

use std::sync::PoisonError;

use crate::crypto::certificate::Certificate;
use crate::demo::idp::Idp;
use crate::demo::people::Person;
use crate::model::id::ConnectionId;
use crate::model::logout::NameId;
use crate::model::logout::ProviderSession;
use crate::model::time::Timestamp;
use crate::model::time::minutes;
use crate::saml::error::Error as SamlError;
use crate::saml::logout::Answer;
use crate::saml::logout::Expected;
use crate::saml::logout::Kind;
use crate::saml::logout::Received;
use crate::saml::logout::request;
use crate::saml::logout::response;
use crate::saml::logout_message::Message;
use crate::saml::logout_message::Status;
use crate::saml::signature::PinnedKey;
use crate::saml::xml;
use crate::saml::xml::ASSERTION;
use crate::saml::xml::DSIG;
use crate::saml::xml::MESSAGE;
use crate::saml::xml::METADATA;

/// So many are remembered.
const MOST: usize = 20;
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

#[derive(Debug, thiserror::Error)]
pub enum LogoutError {
    #[error("Nothing of a sign-out came.")]
    Nothing,
    #[error("The message comes from nobody that this provider knows.")]
    Unknown,
    #[error("The message is not believed: {0}.")]
    Refused(#[from] SamlError),
    #[error("This session is over already.")]
    Over,
}

/// Somebody whom this provider signed in at an application.
#[derive(Debug, Clone)]
pub struct There {
    pub name: String,
    pub email: String,
    pub since: Timestamp,
    /// Entity ID of the application.
    pub application: String,
    pub session: ProviderSession,
}

/// What became of a message.
#[derive(Debug)]
pub enum Handled {
    /// Where the browser takes our answer.
    Answer(String),
    /// The application answered a request of ours about this person.
    Told { name: String, is_out: bool },
}

/// The application, as its metadata describes it.
struct Application {
    slo_url: String,
    keys: Vec<PinnedKey>,
}

impl Idp {
    pub fn slo_url(&self) -> String {
        format!("{}/slo", self.base)
    }

    pub(super) fn remember(&self, person: &Person, application: &str, name_id: &str, format: &str, index: &str) {
        let name_id = NameId {
            value: name_id.to_owned(),
            format: Some(format.to_owned()),
            name_qualifier: None,
            sp_name_qualifier: None,
        };
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.push(There {
            name: person.name(),
            email: person.email.clone(),
            since: self.clock.now(),
            application: application.to_owned(),
            session: ProviderSession { name_id, index: Some(index.to_owned()) },
        });
        let surplus = sessions.len().saturating_sub(MOST);
        sessions.drain(..surplus);
    }

    /// Newest first.
    pub fn sessions(&self) -> Vec<There> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.iter().rev().cloned().collect()
    }

    pub(super) fn forget_sessions_of(&self, email: &str) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).retain(|there| there.email != email);
    }

    pub fn forget_sessions(&self) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Those of this application that fit are over; says which they were.
    fn end(&self, application: &str, is_meant: impl Fn(&ProviderSession) -> bool) -> Vec<There> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |there: &mut There| there.application == application && is_meant(&there.session);
        sessions.extract_if(.., fits).collect()
    }

    /// A LogoutRequest about one session, for the browser to carry by POST: where to, the field and its value.
    pub async fn ask_logout(&self, index: &str) -> Result<(String, &'static str, String), LogoutError> {
        let there = self.sessions().into_iter().find(|there| there.session.index.as_deref() == Some(index));
        let there = there.ok_or(LogoutError::Over)?;
        let application = self.application(&there.application).await.ok_or(LogoutError::Unknown)?;
        let message = Message::request(&application.slo_url, &self.entity_id(), &there.session, self.clock.now());
        let signing = self.keys.signs();
        let signed = message.post_form(&signing.signer, &signing.certificate_der)?;
        self.end(&there.application, |session| session.index.as_deref() == Some(index));
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(message.id.clone(), there);
        Ok((message.destination().to_owned(), message.field(), signed))
    }

    /// A message of the gateway: its request is answered, its answer is told.
    pub async fn receive_logout(&self, received: &Received) -> Result<Handled, LogoutError> {
        let (claimed, answers) = claims(received).ok_or(LogoutError::Nothing)?;
        let application = self.application(&claimed).await.ok_or(LogoutError::Unknown)?;
        let slo_url = self.slo_url();
        let expected = Expected {
            slo_url: &slo_url,
            idp_entity_id: &claimed,
            refuses_expired_certificates: false,
            clock_skew: minutes(3),
            now: self.clock.now(),
        };
        if received.kind() == Kind::Response {
            let answers = answers.ok_or(LogoutError::Unknown)?;
            let answer = response(received, &application.keys, &answers, &expected).result;
            let is_out = match answer {
                Ok(answer) => answer == Answer::SignedOut,
                Err(SamlError::Status { .. }) => false,
                Err(error) => return Err(error.into()),
            };
            let there = self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&answers);
            let there = there.ok_or(LogoutError::Over)?;
            return Ok(Handled::Told { name: there.name, is_out });
        }
        let asked = request(received, &application.keys, &[], &expected).result?;
        self.end(&claimed, |session| session.is_meant(&asked.name_id, &asked.indexes));
        let (to, us) = (&application.slo_url, self.entity_id());
        let answer = Message::response(to, &us, &asked.id, Status::Success, None, self.clock.now());
        Ok(Handled::Answer(answer.redirect_url(received.relay_state(), &self.keys.signs().signer)))
    }

    /// One of the gateway's connections, which its entity ID ends with.
    async fn application(&self, entity_id: &str) -> Option<Application> {
        let connection: ConnectionId = entity_id.rsplit('/').next()?.parse().ok()?;
        let metadata = self.gateway.get()?.app.sp_metadata(&connection).await.ok()?;
        let document = xml::parse(&metadata, &MESSAGE).ok()?;
        if document.root_element().attribute("entityID") != Some(entity_id) {
            return None;
        }
        let services = document.descendants().filter(|node| xml::is(*node, METADATA, "SingleLogoutService"));
        let slo_url = services.clone().find(|node| node.attribute("Binding") == Some(POST))?;
        let certificates = document.descendants().filter(|node| xml::is(*node, DSIG, "X509Certificate"));
        let certificates = certificates.filter_map(|node| Certificate::from_text(node.text()?).ok());
        Some(Application {
            slo_url: slo_url.attribute("Location")?.to_owned(),
            keys: certificates.flatten().map(|certificate| PinnedKey::from_certificate(&certificate)).collect(),
        })
    }
}

/// Who a message claims to come from, and what to answer. It only picks whose certificate has to have signed it, and which
/// request of ours it has to name.
fn claims(received: &Received) -> Option<(String, Option<String>)> {
    let text = received.redacted_xml();
    let document = xml::parse(&text, &MESSAGE).ok()?;
    let root = document.root_element();
    let issuer = xml::text(xml::required(root, ASSERTION, "Issuer").ok()?).ok()?;
    Some((issuer.trim().to_owned(), root.attribute("InResponseTo").map(str::to_owned)))
}
