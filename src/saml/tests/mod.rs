//! The layer as a whole: the corpus of documents, encryption, mutations, floods, our own signatures.

mod corpus;
mod encryption;
mod floods;
mod metadata;
mod mutants;
mod signing;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::response::Examination;
use super::response::Expected;
use super::response::examine;
use super::signature::PinnedKey;
use crate::crypto::certificate::Certificate;
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

/// The verdict of the whole layer on a document, with the corpus' key.
pub fn verdict(text: &str) -> Examination {
    examine(&STANDARD.encode(text), &[pinned("idp")], &[], &expected(&request()))
}

pub fn code(text: &str) -> &'static str {
    verdict(text).result.map_or_else(|error| error.code(), |_| "ok")
}
