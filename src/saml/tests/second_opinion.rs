//! Both verifiers beside each other. What only one of them accepts is named in docs/second-opinion.md, with counts.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::process::Command;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use samael::crypto::CertificateDer;
use samael::crypto::Crypto;
use samael::crypto::CryptoProvider as _;
use samael::crypto::UrlVerifier;
use samael::idp::CertificateParams;
use samael::idp::IdentityProvider;
use samael::idp::KeyType;
use samael::idp::Rsa;
use samael::idp::response_builder::ResponseAttribute;
use samael::idp::response_builder::build_response_template;
use samael::idp::sp_extractor::RequiredAttribute;
use samael::idp::sp_extractor::SPMetadataExtractor;
use samael::idp::verified_request::UnverifiedAuthnRequest;
use samael::traits::ToXml as _;

use super::ACS_URL;
use super::ENTITY_ID;
use super::IDP;
use super::Idp;
use super::NOW;
use super::assertion;
use super::document;
use super::encryption;
use super::expected;
use super::folder;
use super::mutants;
use super::pinned;
use super::request;
use super::response;
use crate::crypto::certificate::Certificate;
use crate::crypto::signing::SigningIdentity;
use crate::saml::request::AuthnRequest;
use crate::saml::response::Examination;
use crate::saml::response::Received;
use crate::saml::response::Signed;
use crate::saml::response::examine;
use crate::saml::second_opinion::Difference;
use crate::saml::second_opinion::Question;
use crate::saml::second_opinion::ask;
use crate::saml::second_opinion::signed_bytes;
use crate::saml::signature::PinnedKey;
use crate::saml::signature::verify;
use crate::saml::sp_metadata;
use crate::saml::sp_metadata::SpMetadata;

const DOCUMENT: &str = include_str!("../../../docs/second-opinion.md");
const MUTANTS: usize = 4_000;

/// What the two make of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Both,
    OnlyWe,
    OnlyIt,
    Neither,
}

/// They may differ in what they accept, never in what they accepted: other bytes, or a signature that we think holds and it
/// does not, fails the test.
fn compare(name: &str, text: &str, keys: &[PinnedKey]) -> Verdict {
    let ours = verify(text, keys).map(|bytes| bytes.as_str().to_owned());
    let theirs = signed_bytes(text, keys);
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(ours, theirs, "{name} reads differently:\n{text}");
            Verdict::Both
        }
        (Ok(_), Err(Difference::Failed(_))) => Verdict::OnlyWe,
        (Ok(_), Err(other)) => panic!("{name}: {other}:\n{text}"),
        (Err(_), Ok(_)) => Verdict::OnlyIt,
        (Err(_), Err(_)) => Verdict::Neither,
    }
}

/// Every document of the corpus that is text, by `good/name`, with the keys that it is to be verified with.
fn corpus() -> BTreeMap<String, (String, Vec<PinnedKey>)> {
    let mut all = BTreeMap::new();
    for kind in ["good", "bad"] {
        for entry in std::fs::read_dir(folder().join(kind)).unwrap() {
            let path = entry.unwrap().path();
            let case: toml::Table = std::fs::read_to_string(path.join("expected.toml")).unwrap().parse().unwrap();
            let keys = case.get("key").and_then(toml::Value::as_str).unwrap_or("idp").split(' ').map(pinned).collect();
            if let Ok(text) = std::fs::read_to_string(path.join("response.xml")) {
                let name = format!("{kind}/{}", path.file_name().unwrap().to_str().unwrap());
                all.insert(name, (text.trim_start_matches('\u{feff}').to_owned(), keys));
            }
        }
    }
    all
}

/// The documents that a section of the page names.
fn named(section: &str) -> BTreeSet<&'static str> {
    let (_, section) = DOCUMENT.split_once(&format!("\n## {section}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section.split('`').filter(|text| text.starts_with("good/") || text.starts_with("bad/")).collect()
}

fn sentence(verdicts: &[Verdict], what: &str) -> String {
    let count = |of: Verdict| verdicts.iter().filter(|verdict| **verdict == of).count();
    format!(
        "| {what} | {} | {} | {} | {} | {} |",
        verdicts.len(),
        count(Verdict::Both),
        count(Verdict::OnlyWe),
        count(Verdict::OnlyIt),
        count(Verdict::Neither)
    )
}

/// In a process of its own: the C libraries write to its stderr, line upon line, what they object to.
#[test]
fn the_page_names_what_only_one_of_the_two_accepts() {
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "--ignored", "--nocapture", "saml::tests::second_opinion::what_only_one_of_the_two_accepts"]);
    let output = test.stderr(Stdio::piped()).output().unwrap();
    let said = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.lines().filter(|line| !line.starts_with("func=")).collect::<Vec<_>>().join("\n")
    };
    assert!(output.status.success(), "{}\n{}", said(&output.stdout), said(&output.stderr));
    assert!(said(&output.stdout).contains("1 passed"), "{}", said(&output.stdout));
}

#[test]
#[ignore = "run by the_page_names_what_only_one_of_the_two_accepts"]
fn what_only_one_of_the_two_accepts() {
    let corpus = corpus();
    let compared: BTreeMap<&str, Verdict> =
        corpus.iter().map(|(name, (text, keys))| (name.as_str(), compare(name, text, keys))).collect();
    let are = |of: Verdict| -> BTreeSet<&str> {
        compared.iter().filter(|(_, verdict)| **verdict == of).map(|(name, _)| *name).collect()
    };
    assert_eq!(are(Verdict::OnlyWe), named("What only we accept"));
    assert_eq!(are(Verdict::OnlyIt), named("What only it accepts"));
    let keys = [pinned("idp")];
    let verdicts: Vec<Verdict> =
        mutants::mutants(&mutants::sources(), MUTANTS, 1).map(|text| compare("a mutant", &text, &keys)).collect();
    for line in [sentence(&compared.into_values().collect::<Vec<_>>(), "corpus"), sentence(&verdicts, "mutants")] {
        assert!(DOCUMENT.contains(&line), "the page should say: {line}");
    }
}

#[test]
fn what_only_we_accept_beside_the_corpus_is_its_own_mistake() {
    let idp = Idp::new();
    let signed = |change: &dyn Fn(String) -> String, id: &str| response(&idp.sign(&change(assertion()), id));
    let id = |id: &'static str| signed(&|text| text.replace("_assertion", id), id);
    let name_id = |attributes: &str| {
        let with = format!("<saml:NameID {attributes}>");
        signed(&|text| text.replace("<saml:NameID>", &with), "_assertion")
    };
    for (text, cause) in [
        (id("1234"), "malformed XML ID"),
        (id("a:b"), "malformed XML ID"),
        (name_id("ID=\"1\""), "malformed XML ID"),
        (name_id("xmlns:q=\"relative\""), "Verification failed"),
        (name_id("xmlns:q=\"https://a.example/?b=1&amp;c=2\" q:x=\"\""), "does not hold"),
    ] {
        let bytes = verify(&text, &[idp.key()]).unwrap();
        let difference = signed_bytes(&text, &[idp.key()]).unwrap_err();
        assert!(difference.to_string().contains(cause), "{difference} of {}", bytes.as_str());
    }
}

fn examined(text: &str, idp: &Idp, ours: &encryption::Ours) -> Examination {
    let received = Received::decode(&STANDARD.encode(text));
    examine(received, &[idp.key()], std::slice::from_ref(&ours.private), &expected(&request()))
}

#[test]
fn both_agree_on_whatever_was_signed_encrypted_or_not() {
    let (idp, ours) = (Idp::new(), encryption::Ours::new());
    let sealed = |text: &str| encryption::seal(text, &ours);
    let (plain, signed) = (assertion(), idp.sign(&assertion(), "_assertion"));
    let cases = [
        (response(&signed), Signed::Assertion, 1),
        (idp.sign(&response(&plain), "_response"), Signed::Response, 1),
        (idp.sign(&response(&signed), "_response"), Signed::Both, 1),
        (response(&sealed(&signed)), Signed::Assertion, 1),
        (idp.sign(&response(&sealed(&plain)), "_response"), Signed::Response, 1),
        (idp.sign(&response(&sealed(&signed)), "_response"), Signed::Both, 2),
    ];
    for (text, signed, count) in cases {
        let examination = examined(&text, &idp, &ours);
        assert_eq!(examination.result.unwrap().signed, signed);
        assert_eq!(examination.questions.len(), count, "{text}");
        assert_eq!(ask(&examination.questions, &[idp.key()]), Ok(()), "{text}");
        // It is the pinned certificate that counts, not the one in the message.
        assert_eq!(ask(&examination.questions, &[Idp::new().key()]), Err(Difference::Refused));
        // And the bytes that we read.
        for n in 0..count {
            let mut other = examination.questions.clone();
            other[n].read = other[n].read.replace("bob@example.com", "eve@example.com").replace("ID=", "Id=");
            assert_eq!(ask(&other, &[idp.key()]), Err(Difference::OtherBytes));
        }
    }
    assert_eq!(examined(&response(&plain), &idp, &ours).questions, [], "what we refuse it is never asked about");
}

#[test]
fn keys_of_several_kinds_do_not_hide_the_one_that_fits() {
    let keys = ["idp_p256", "idp_p384", "other", "idp"].map(pinned);
    for case in ["assertion_signed", "assertion_ecdsa_p256_sha256", "assertion_ecdsa_p384_sha384"] {
        let document = document(&format!("good/{case}"));
        let read = verify(&document, &keys).unwrap().into_string();
        assert_eq!(ask(&[Question { document, read }], &keys), Ok(()), "{case}");
    }
}

#[test]
fn threads_can_ask_at_once() {
    let (document, keys) = (document("good/both_signed"), [pinned("idp")]);
    let question = Question { read: verify(&document, &keys).unwrap().into_string(), document };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..50).for_each(|_| assert_eq!(ask(std::slice::from_ref(&question), &keys), Ok(()))));
        }
    });
}

/// An identity provider of its own make, and a Response as it would send it; `sign` puts the values into the signature.
struct Theirs {
    provider: IdentityProvider,
    certificate: CertificateDer,
}

impl Theirs {
    fn new() -> Self {
        let provider = IdentityProvider::generate_new(KeyType::Rsa(Rsa::Rsa2048)).unwrap();
        let names = CertificateParams { common_name: "idp", issuer_name: "idp", days_until_expiration: 3650 };
        let certificate = provider.create_certificate(&names).unwrap();
        Self { provider, certificate }
    }

    fn key(&self) -> PinnedKey {
        PinnedKey::from_certificate(&Certificate::from_der(self.certificate.der_data()).unwrap())
    }

    fn unsigned(&self) -> String {
        let required_attribute = RequiredAttribute { name: "email".to_owned(), format: None };
        let attribute = ResponseAttribute { required_attribute, value: "bob@example.com" };
        let template =
            build_response_template(&self.certificate, "bob", ENTITY_ID, IDP, ACS_URL, "_req1", &[attribute]);
        let text = template.to_string().unwrap();
        // What the profile asks for (profiles 4.1.4.2) and it leaves out.
        text.replace(
            "<saml2:SubjectConfirmationData ",
            "<saml2:SubjectConfirmationData NotOnOrAfter=\"2099-01-01T00:00:00Z\" ",
        )
    }

    fn sign(&self, text: &str) -> String {
        Crypto::sign_xml(text, &self.provider.export_private_key_der().unwrap()).unwrap()
    }
}

fn verdict(text: &str, key: PinnedKey) -> Examination {
    let requests = request();
    let mut expected = expected(&requests);
    // It writes the system's time into what it makes.
    expected.now = crate::model::time::Clock::now(&crate::model::time::SystemClock);
    examine(Received::decode(&STANDARD.encode(text)), &[key], &[], &expected)
}

#[test]
fn what_it_signs_we_accept() {
    let theirs = Theirs::new();
    let with_sha1 = theirs.unsigned();
    let sha1 = "http://www.w3.org/2000/09/xmldsig#sha1";
    assert!(with_sha1.contains(sha1), "{with_sha1}");
    let text = theirs.sign(&with_sha1.replace(sha1, "http://www.w3.org/2001/04/xmlenc#sha256"));
    let examination = verdict(&text, theirs.key());
    let assertion = examination.result.unwrap();
    assert_eq!((assertion.signed, assertion.algorithm.as_str()), (Signed::Response, "RSA-SHA256"));
    assert_eq!(assertion.name_id.unwrap().value, "bob");
    assert_eq!(ask(&examination.questions, &[theirs.key()]), Ok(()));
    // As it would send it, with SHA-1, it is refused, and so is what was changed.
    assert_eq!(verdict(&theirs.sign(&with_sha1), theirs.key()).result.unwrap_err().code(), "saml_signature_weak");
    let changed = text.replace("bob@example.com", "eve@example.com");
    assert_eq!(verdict(&changed, theirs.key()).result.unwrap_err().code(), "saml_signature_invalid");
}

#[test]
fn it_verifies_our_requests_and_reads_our_metadata() {
    let identity = SigningIdentity::generate("sp", NOW.secs(), 10).unwrap();
    let (signer, certificate) = (identity.signer().unwrap(), Certificate::from_der(&identity.certificate_der).unwrap());
    let sp = SpMetadata {
        entity_id: ENTITY_ID,
        acs_url: ACS_URL,
        slo_url: None,
        certificates: std::slice::from_ref(&certificate),
        name: Some("Doorward & sons"),
    };
    let metadata = SPMetadataExtractor::try_from_xml(&sp_metadata::write(&sp)).unwrap();
    assert_eq!((metadata.issuer().unwrap().as_str(), metadata.acs().unwrap().url.as_str()), (ENTITY_ID, ACS_URL));
    let published = metadata.verification_cert().unwrap();
    assert_eq!(published.der_data(), identity.certificate_der);

    let request = AuthnRequest::new("https://idp.example.com/sso?x=1", ACS_URL, ENTITY_ID, NOW);
    let form = STANDARD.decode(request.post_form(&signer, &identity.certificate_der).unwrap()).unwrap();
    let posted = String::from_utf8(form).unwrap();
    let read = |text: &str| UnverifiedAuthnRequest::from_xml(text).unwrap().try_verify_with_cert(&published);
    assert_eq!(read(&posted).unwrap().assertion_consumer_service_url.as_deref(), Some(ACS_URL));
    assert!(read(&posted.replace("x=1", "x=2")).is_err());

    let verifier = UrlVerifier::from_x509(&published).unwrap();
    // Without a space: it writes one as `+` before it verifies, which nobody signed.
    for relay_state in [None, Some("a/c?d=é&e")] {
        let url = request.redirect_url("https://idp.example.com/sso?x=1", relay_state, &signer);
        assert!(verifier.verify_signed_request_url(&url.parse().unwrap()).unwrap(), "{url}");
        let other = url.replace("SAMLRequest=", "SAMLRequest=A");
        assert!(!verifier.verify_signed_request_url(&other.parse().unwrap()).unwrap_or_default());
    }
}
