use aws_lc_rs::aead;
use aws_lc_rs::cipher;
use aws_lc_rs::rand;
use aws_lc_rs::rsa::OAEP_SHA1_MGF1SHA1;
use aws_lc_rs::rsa::OAEP_SHA256_MGF1SHA256;
use aws_lc_rs::rsa::OaepPublicEncryptingKey;
use aws_lc_rs::rsa::Pkcs1PublicEncryptingKey;
use aws_lc_rs::rsa::PrivateDecryptingKey;
use aws_lc_rs::rsa::PublicEncryptingKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Idp;
use super::assertion;
use super::expected;
use super::request;
use super::response;
use crate::crypto::signing::SigningIdentity;
use crate::saml::decrypt::DecryptionKey;
use crate::saml::response::Error;
use crate::saml::response::Examination;
use crate::saml::response::Received;
use crate::saml::response::Signed;
use crate::saml::response::examine;

const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const CIPHERS: [&str; 4] = ["aes128-gcm", "aes256-gcm", "aes128-cbc", "aes256-cbc"];

#[derive(Clone, Copy, PartialEq)]
pub enum Transport {
    Mgf1p,
    Mgf1pWithDigest,
    OaepSha1,
    OaepSha256,
    Rsa15,
}

/// A service provider's pair of keys: what others encrypt with, and what it decrypts with.
pub struct Ours {
    public: PublicEncryptingKey,
    pub private: DecryptionKey,
}

impl Ours {
    pub fn new() -> Self {
        let identity = SigningIdentity::generate("sp", super::NOW.secs(), 1).unwrap();
        let public = PrivateDecryptingKey::from_pkcs8(&identity.pkcs8).unwrap().public_key();
        Self { public, private: DecryptionKey::from_pkcs8(&identity.pkcs8).unwrap() }
    }
}

/// As most identity providers encrypt.
#[cfg(feature = "samael")]
pub fn seal(text: &str, to: &Ours) -> String {
    Envelope::seal(text, "aes256-gcm", Transport::Mgf1p, to).xml()
}

/// An EncryptedAssertion in its parts, so that a test can spoil one.
pub struct Envelope {
    method: String,
    transport: String,
    key: Vec<u8>,
    text: Vec<u8>,
}

impl Envelope {
    pub fn seal(text: &str, cipher: &str, transport: Transport, to: &Ours) -> Self {
        let mut key = vec![7; if cipher.starts_with("aes128") { 16 } else { 32 }];
        rand::fill(&mut key).unwrap();
        let namespace = if cipher.ends_with("gcm") { XENC11 } else { XENC };
        Self {
            method: format!("{namespace}{cipher}"),
            transport: method(transport),
            text: if cipher.ends_with("gcm") { gcm(text, &key) } else { cbc(text, &key) },
            key: wrap(&key, transport, to),
        }
    }

    fn key_element(&self) -> String {
        format!(
            "<xenc:EncryptedKey xmlns:xenc=\"{XENC}\">{}<xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue>\
             </xenc:CipherData></xenc:EncryptedKey>",
            self.transport,
            STANDARD.encode(&self.key)
        )
    }

    fn element(&self, inside: &str, beside: &str) -> String {
        format!(
            "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"><xenc:EncryptedData \
             xmlns:xenc=\"{XENC}\" Type=\"{XENC}Element\"><xenc:EncryptionMethod Algorithm=\"{}\"/>\
             <ds:KeyInfo xmlns:ds=\"{DS}\">{inside}</ds:KeyInfo><xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue>\
             </xenc:CipherData></xenc:EncryptedData>{beside}</saml:EncryptedAssertion>",
            self.method,
            STANDARD.encode(&self.text)
        )
    }

    pub fn xml(&self) -> String {
        self.element(&self.key_element(), "")
    }
}

fn method(transport: Transport) -> String {
    let (uri, inside) = match transport {
        Transport::Mgf1p => (format!("{XENC}rsa-oaep-mgf1p"), String::new()),
        Transport::Mgf1pWithDigest => {
            (format!("{XENC}rsa-oaep-mgf1p"), format!("<ds:DigestMethod xmlns:ds=\"{DS}\" Algorithm=\"{DS}sha1\"/>"))
        }
        Transport::OaepSha1 => (format!("{XENC11}rsa-oaep"), String::new()),
        Transport::OaepSha256 => (
            format!("{XENC11}rsa-oaep"),
            format!(
                "<ds:DigestMethod xmlns:ds=\"{DS}\" Algorithm=\"{XENC}sha256\"/>\
                 <x:MGF xmlns:x=\"{XENC11}\" Algorithm=\"{XENC11}mgf1sha256\"/>"
            ),
        ),
        Transport::Rsa15 => (format!("{XENC}rsa-1_5"), String::new()),
    };
    format!("<xenc:EncryptionMethod Algorithm=\"{uri}\">{inside}</xenc:EncryptionMethod>")
}

fn wrap(key: &[u8], transport: Transport, to: &Ours) -> Vec<u8> {
    let mut out = vec![0; 256];
    if transport == Transport::Rsa15 {
        let public = Pkcs1PublicEncryptingKey::new(to.public.clone()).unwrap();
        return public.encrypt(key, &mut out).unwrap().to_vec();
    }
    let public = OaepPublicEncryptingKey::new(to.public.clone()).unwrap();
    let hash = if transport == Transport::OaepSha256 { &OAEP_SHA256_MGF1SHA256 } else { &OAEP_SHA1_MGF1SHA1 };
    public.encrypt(hash, key, &mut out, None).unwrap().to_vec()
}

fn gcm(text: &str, key: &[u8]) -> Vec<u8> {
    let algorithm = if key.len() == 16 { &aead::AES_128_GCM } else { &aead::AES_256_GCM };
    let key = aead::LessSafeKey::new(aead::UnboundKey::new(algorithm, key).unwrap());
    let nonce = [9; 12];
    let mut sealed = text.as_bytes().to_vec();
    key.seal_in_place_append_tag(aead::Nonce::assume_unique_for_key(nonce), aead::Aad::empty(), &mut sealed).unwrap();
    [&nonce[..], &sealed].concat()
}

/// Padded as XML Encryption says: random bytes, and their number last.
fn cbc(text: &str, key: &[u8]) -> Vec<u8> {
    let algorithm = if key.len() == 16 { &cipher::AES_128 } else { &cipher::AES_256 };
    let mut padded = text.as_bytes().to_vec();
    let padding = 16 - padded.len() % 16;
    padded.extend((1..padding).map(|n| (n * 31 % 256) as u8));
    padded.push(padding as u8);
    let key = cipher::EncryptingKey::cbc(cipher::UnboundCipherKey::new(algorithm, key).unwrap()).unwrap();
    let start = [3; 16];
    key.less_safe_encrypt(&mut padded, cipher::EncryptionContext::Iv128(start.into())).unwrap();
    [&start[..], &padded].concat()
}

fn verdict(idp: &Idp, ours: &[DecryptionKey], text: &str) -> Examination {
    examine(Received::decode(&STANDARD.encode(text)), &[idp.key()], ours, &expected(&request()))
}

#[test]
fn every_offered_combination_is_decrypted() {
    let (idp, ours) = (Idp::new(), Ours::new());
    let signed = idp.sign(&assertion(), "_assertion");
    for transport in [Transport::Mgf1p, Transport::Mgf1pWithDigest, Transport::OaepSha1, Transport::OaepSha256] {
        for cipher in CIPHERS {
            let envelope = Envelope::seal(&signed, cipher, transport, &ours);
            let beside = envelope.element("", &envelope.key_element());
            for text in [envelope.xml(), beside] {
                let examination = verdict(&idp, std::slice::from_ref(&ours.private), &response(&text));
                let assertion = examination.result.unwrap();
                assert!(assertion.decrypted_by == Some(0) && assertion.signed == Signed::Assertion, "{cipher}");
                assert_eq!(assertion.name_id.unwrap().value, "bob@example.com");
                assert!(examination.came.redacted_xml().contains("<!-- decrypted --><saml:Assertion"));
            }
        }
    }
}

#[test]
fn the_key_before_the_last_rotation_still_decrypts() {
    let (idp, old, new) = (Idp::new(), Ours::new(), Ours::new());
    let signed = idp.sign(&assertion(), "_assertion");
    let text = response(&Envelope::seal(&signed, "aes256-cbc", Transport::Mgf1p, &old).xml());
    assert!(verdict(&idp, &[new.private, old.private], &text).result.is_ok());
}

#[test]
fn a_signed_response_vouches_for_an_encrypted_assertion_without_a_signature() {
    let (idp, ours) = (Idp::new(), Ours::new());
    for (content, signed) in [(assertion(), Signed::Response), (idp.sign(&assertion(), "_assertion"), Signed::Both)] {
        let envelope = Envelope::seal(&content, "aes128-cbc", Transport::Mgf1p, &ours);
        let text = idp.sign(&response(&envelope.xml()), "_response");
        let examination = verdict(&idp, std::slice::from_ref(&ours.private), &text);
        assert_eq!(examination.result.unwrap().signed, signed);
        // The ciphertext is under the signature.
        let other = Envelope::seal(&content, "aes128-cbc", Transport::Mgf1p, &ours);
        let swapped = text.replace(&STANDARD.encode(&envelope.text), &STANDARD.encode(&other.text));
        let error = verdict(&idp, std::slice::from_ref(&ours.private), &swapped).result.unwrap_err();
        assert_eq!(error.code(), "saml_signature_invalid");
    }
}

/// Every way to fail before the assertion is known to be genuine looks the same.
#[test]
fn every_failure_to_decrypt_is_one_error() {
    let (idp, ours, others) = (Idp::new(), Ours::new(), Ours::new());
    let signed = idp.sign(&assertion(), "_assertion");
    let seal = |cipher: &str, transport| Envelope::seal(&signed, cipher, transport, &ours);
    let spoil = |change: &dyn Fn(&mut Envelope)| {
        let mut envelope = seal("aes256-cbc", Transport::Mgf1p);
        change(&mut envelope);
        envelope.xml()
    };
    let sealed = |text: &str| Envelope::seal(text, "aes256-cbc", Transport::Mgf1p, &ours).xml();
    let twice = seal("aes256-cbc", Transport::Mgf1p);
    let mut gcm = seal("aes256-gcm", Transport::Mgf1p);
    gcm.text[40] ^= 1;
    let mut mixed = seal("aes256-gcm", Transport::Mgf1p);
    mixed.transport = method(Transport::Mgf1pWithDigest).replace(&format!("{DS}sha1"), &format!("{XENC}sha256"));
    let cases = [
        ("for another key", Envelope::seal(&signed, "aes256-cbc", Transport::Mgf1p, &others).xml()),
        ("rsa 1.5", seal("aes256-cbc", Transport::Rsa15).xml()),
        ("sha-256 with a mask of sha-1", mixed.xml()),
        ("unknown cipher", spoil(&|envelope| envelope.method = format!("{XENC}tripledes-cbc"))),
        ("key tampered", spoil(&|envelope| envelope.key[9] ^= 1)),
        ("key of another length", spoil(&|envelope| envelope.method = format!("{XENC}aes128-cbc"))),
        ("text tampered", spoil(&|envelope| envelope.text[100] ^= 1)),
        ("padding tampered", spoil(&|envelope| *envelope.text.last_mut().unwrap() ^= 1)),
        ("text cut", spoil(&|envelope| envelope.text.truncate(100))),
        ("text of one block", spoil(&|envelope| envelope.text.truncate(16))),
        ("text empty", spoil(&|envelope| envelope.text.clear())),
        ("gcm tampered", gcm.xml()),
        ("no key", twice.element("", "")),
        ("two keys", twice.element(&twice.key_element(), &twice.key_element())),
        ("plaintext that is no xml", sealed("hello")),
        ("plaintext that is another element", sealed("<a/>")),
        ("plaintext without a signature", sealed(&assertion())),
        ("plaintext signed by another", sealed(&Idp::new().sign(&assertion(), "_assertion"))),
        ("plaintext changed after signing", sealed(&signed.replace("bob@", "eve@"))),
        ("plaintext that is a response", sealed(&response(&signed))),
    ];
    for (name, text) in cases {
        let examination = verdict(&idp, std::slice::from_ref(&ours.private), &response(&text));
        assert_eq!(examination.result.unwrap_err(), Error::Undecryptable, "{name}");
        assert!(!examination.came.redacted_xml().contains("decrypted"), "{name}");
    }
    assert_eq!(verdict(&idp, &[], &response(&sealed(&signed))).result.unwrap_err(), Error::Undecryptable);
}

#[test]
fn an_admin_learns_why_a_decrypted_assertion_is_not_genuine() {
    let (idp, ours) = (Idp::new(), Ours::new());
    let foreign = Idp::new().sign(&assertion(), "_assertion");
    let told = |cipher: &str| {
        let text = response(&Envelope::seal(&foreign, cipher, Transport::Mgf1p, &ours).xml());
        verdict(&idp, std::slice::from_ref(&ours.private), &text)
    };
    let cbc = told("aes256-cbc");
    assert!(cbc.checks[1].detail.contains("no trusted certificate made the signature"), "{:?}", cbc.checks[1]);
    // GCM lets nobody change what is inside, so the answer gives nothing away.
    assert_eq!(told("aes256-gcm").result.unwrap_err().code(), "saml_signature_cert");
}
