//! Every answer of the demo against our own verifier: the good ones hold, and each fault is refused for its own reason.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::answer::Sign;
use super::directory::Change;
use super::idp::DemoIdp;
use super::idp::IdpError;
use super::idp::Options;
use super::okta::PushError;
use super::people::Fault;
use super::people::Person;
use crate::crypto::signing::SigningIdentity;
use crate::model::time::Clock as _;
use crate::model::time::SystemClock;
use crate::model::time::minutes;
use crate::saml::decrypt::DecryptionKey;
use crate::saml::metadata;
use crate::saml::request::AuthnRequest;
use crate::saml::response::Examination;
use crate::saml::response::Expected;
use crate::saml::response::Received;
use crate::saml::response::Signed;
use crate::saml::response::examine;
use crate::saml::signature::PinnedKey;

const ACS_URL: &str = "https://sp.example.com/acs?a=1&b=2";
const ENTITY_ID: &str = "https://sp.example.com/metadata";

/// A provider, and a service provider that asks it.
struct Pair {
    idp: DemoIdp,
    request: AuthnRequest,
    ours: SigningIdentity,
}

impl Pair {
    async fn start() -> Self {
        let idp = DemoIdp::start_with(Arc::new(SystemClock)).await.unwrap();
        let now = SystemClock.now();
        let request = AuthnRequest::new(&idp.sso_url(), ACS_URL, ENTITY_ID, now);
        Self { idp, request, ours: SigningIdentity::generate("sp", now.secs(), 1).unwrap() }
    }

    fn answer(&self, person: &Person, fault: Option<Fault>, options: &Options) -> Result<String, IdpError> {
        let request = STANDARD.encode(self.request.to_xml());
        let (acs_url, response) = self.idp.answer(&request, person, fault, options)?;
        assert_eq!(acs_url, ACS_URL);
        Ok(response)
    }

    fn examine(&self, response: &str) -> Examination {
        let now = SystemClock.now();
        let metadata = metadata::read(self.idp.metadata().as_bytes(), now).unwrap();
        let keys: Vec<PinnedKey> = metadata.certificates.iter().map(PinnedKey::from_certificate).collect();
        let expected = Expected {
            acs_url: ACS_URL,
            entity_id: ENTITY_ID,
            idp_entity_id: &metadata.entity_id,
            requests: std::slice::from_ref(&self.request.id),
            allows_idp_initiated: false,
            refuses_expired_certificates: true,
            clock_skew: minutes(3),
            now,
        };
        examine(Received::decode(response), &keys, &[DecryptionKey::from_pkcs8(&self.ours.pkcs8).unwrap()], &expected)
    }
}

#[actix_web::test]
async fn every_way_to_sign_and_encrypt_is_accepted() {
    let pair = Pair::start().await;
    for (sign, signed) in
        [(Sign::Assertion, Signed::Assertion), (Sign::Response, Signed::Response), (Sign::Both, Signed::Both)]
    {
        for encrypt_for in [None, Some(pair.ours.certificate_der.clone())] {
            let was_encrypted = encrypt_for.is_some();
            let response = pair.answer(&Person::grace(), None, &Options { sign, encrypt_for }).unwrap();
            let assertion = pair.examine(&response).result.unwrap();
            assert_eq!(assertion.decrypted_by.is_some(), was_encrypted);
            assert!(assertion.signed == signed || sign == Sign::Both, "{sign:?} {:?}", assertion.signed);
            assert_eq!(assertion.name_id.unwrap().value, "grace@example.com");
            assert_eq!(assertion.attributes.len(), 7);
        }
    }
    pair.idp.stop().await;
}

#[actix_web::test]
async fn each_fault_is_refused_for_its_own_reason() {
    let pair = Pair::start().await;
    let refused = [
        (Fault::Expired, "saml_time_late"),
        (Fault::NotYetValid, "saml_time_early"),
        (Fault::WrongIssuer, "saml_issuer"),
        (Fault::WrongAudience, "saml_audience"),
        (Fault::WrongRecipient, "saml_recipient"),
        (Fault::UnknownCertificate, "saml_signature_cert"),
        (Fault::Tampered, "saml_signature_invalid"),
        (Fault::Unsigned, "saml_signature_missing"),
        (Fault::Denied, "saml_status"),
    ];
    for (fault, code) in refused {
        for encrypt_for in [None, Some(pair.ours.certificate_der.clone())] {
            let response = pair.answer(&Person::ada(), Some(fault), &Options { encrypt_for, ..Options::default() });
            let error = pair.examine(&response.unwrap()).result.unwrap_err();
            assert_eq!(error.code(), code, "{fault:?}");
        }
    }
    let nobody = pair.answer(&Person::ada(), Some(Fault::NoEmail), &Options::default()).unwrap();
    let assertion = pair.examine(&nobody).result.unwrap();
    assert!(assertion.attributes.iter().all(|attribute| attribute.values.iter().all(|value| !value.contains('@'))));
    pair.idp.stop().await;
}

#[actix_web::test]
async fn the_last_answer_can_be_sent_again() {
    let pair = Pair::start().await;
    let again = |person: &Person| pair.answer(person, Some(Fault::Replayed), &Options::default());
    assert!(matches!(again(&Person::ada()), Err(IdpError::NothingToRepeat)));
    let first = pair.answer(&Person::grace(), None, &Options::default()).unwrap();
    assert_eq!(again(&Person::ada()).unwrap(), first);
    pair.idp.stop().await;
}

#[actix_web::test]
async fn a_template_makes_one_thing_wrong() {
    let pair = Pair::start().await;
    let request = super::request::Request::read(&STANDARD.encode(pair.request.to_xml())).unwrap();
    let mut template = pair.idp.template(&request, &Person::ada(), &Options::default());
    template.destination = Some("https://sp.example.com/other".to_owned());
    let response = pair.idp.issue(&template).unwrap();
    assert_eq!(pair.examine(&response).result.unwrap_err().code(), "saml_destination");
    pair.idp.stop().await;
}

#[actix_web::test]
async fn whoever_is_renamed_is_the_same_person_in_an_assertion() {
    let pair = Pair::start().await;
    let sent = |person: &Person| {
        let response = pair.answer(person, None, &Options::default()).unwrap();
        let assertion = pair.examine(&response).result.unwrap();
        let of = |name: &str| assertion.attributes.iter().find(|one| one.name == name).unwrap().values.clone();
        (of("userId"), of("email"))
    };
    let (before, after) = (sent(&Person::grace()), sent(&Person::grace().renamed()));
    assert_eq!((&before.0, before.1), (&after.0, vec!["grace@example.com".to_owned()]));
    assert_eq!(after.1, ["grace.sample@example.com"]);
    assert_eq!(Person::grace().renamed().renamed(), Person::grace());
    pair.idp.stop().await;
}

#[actix_web::test]
async fn a_change_that_nobody_takes_changes_nothing() {
    let pair = Pair::start().await;
    let before = pair.idp.directory.people().await;
    for name in ["everybody", "joiner", "mover", "leaver", "rename", "rename-group"] {
        let change = Change::parse(name, "00u1ada").unwrap();
        assert_eq!(pair.idp.push(&change).await, Err(PushError::Nowhere), "{name}");
    }
    assert_eq!(pair.idp.directory.people().await, before);
    assert_eq!(Change::parse("owner", ""), None);
    pair.idp.stop().await;
}
