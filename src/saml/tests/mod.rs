//! The layer as a whole: the corpus of documents, encryption, mutations, floods, our own signatures.

mod c14n;
mod corpus;
mod encryption;
mod floods;
mod logout;
mod metadata;
mod mutants;
#[cfg(feature = "samael")]
mod second_opinion;
mod signing;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::response::Examination;
use super::response::Expected;
use super::response::Received;
use super::response::examine;
use super::sign::sign_element;
use super::signature::PinnedKey;
use crate::crypto::certificate::Certificate;
use crate::crypto::signing::RsaSigner;
use crate::crypto::signing::SigningIdentity;
use crate::model::time::Timestamp;
use crate::model::time::minutes;

pub const ACS_URL: &str = "https://sp.example.com/acs";
pub const ENTITY_ID: &str = "https://sp.example.com/metadata";
pub const IDP: &str = "https://idp.example.com/metadata";
/// A minute after the documents of the corpus were issued.
pub const NOW: Timestamp = Timestamp::from_secs(1_795_327_260);

pub fn expected(requests: &[String]) -> Expected<'_> {
    Expected {
        acs_url: ACS_URL,
        entity_id: ENTITY_ID,
        idp_entity_id: IDP,
        requests,
        allows_idp_initiated: false,
        refuses_expired_certificates: false,
        clock_skew: minutes(3),
        now: NOW,
    }
}

pub fn request() -> Vec<String> {
    vec!["_req0".to_owned(), "_req1".to_owned()]
}

pub fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/saml")
}

pub fn pinned(name: &str) -> PinnedKey {
    let pem = std::fs::read_to_string(folder().join(format!("certificates/{name}.pem"))).unwrap();
    PinnedKey::from_certificate(&Certificate::from_text(&pem).unwrap()[0])
}

pub fn document(case: &str) -> String {
    std::fs::read_to_string(folder().join(case).join("response.xml")).unwrap()
}

/// How long this thread has run, brought up to date by the kernel when the thread is switched away from: on a busy machine
/// wall time says nothing about work.
pub fn cpu_time() -> Duration {
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// The verdict of the whole layer on a document, with the corpus' key.
pub fn verdict(text: &str) -> Examination {
    examine(Received::decode(&STANDARD.encode(text)), &[pinned("idp")], &[], &expected(&request()))
}

pub fn code(text: &str) -> &'static str {
    verdict(text).result.map_or_else(|error| error.code(), |_| "ok")
}

/// An assertion as an identity provider of our own would issue it.
pub fn assertion() -> String {
    format!(
        "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_assertion\" Version=\"2.0\" \
         IssueInstant=\"2026-11-22T06:00:00Z\"><saml:Issuer>{IDP}</saml:Issuer><saml:Subject><saml:NameID>bob@example.com\
         </saml:NameID><saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
         <saml:SubjectConfirmationData InResponseTo=\"_req1\" NotOnOrAfter=\"2026-11-22T06:05:00Z\" Recipient=\"{ACS_URL}\"/>\
         </saml:SubjectConfirmation></saml:Subject><saml:Conditions NotOnOrAfter=\"2026-11-22T06:05:00Z\">\
         <saml:AudienceRestriction><saml:Audience>{ENTITY_ID}</saml:Audience></saml:AudienceRestriction></saml:Conditions>\
         <saml:AuthnStatement AuthnInstant=\"2026-11-22T05:59:00Z\"/></saml:Assertion>"
    )
}

/// A response around it, or around its encrypted form.
pub fn response(inside: &str) -> String {
    format!(
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_response\" Version=\"2.0\" \
         IssueInstant=\"2026-11-22T06:00:00Z\" Destination=\"{ACS_URL}\" InResponseTo=\"_req1\">\
         <saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{IDP}</saml:Issuer><samlp:Status>\
         <samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>{inside}</samlp:Response>"
    )
}

/// An identity provider with a key of its own.
pub struct Idp {
    signer: RsaSigner,
    certificate: Certificate,
}

impl Idp {
    pub fn new() -> Self {
        let identity = SigningIdentity::generate("idp", NOW.secs(), 1).unwrap();
        let certificate = Certificate::from_der(&identity.certificate_der).unwrap();
        Self { signer: identity.signer().unwrap(), certificate }
    }

    pub fn key(&self) -> PinnedKey {
        PinnedKey::from_certificate(&self.certificate)
    }

    pub fn signer(&self) -> &RsaSigner {
        &self.signer
    }

    pub fn sign(&self, text: &str, id: &str) -> String {
        sign_element(text, id, &self.signer, &self.certificate.der).unwrap()
    }
}
