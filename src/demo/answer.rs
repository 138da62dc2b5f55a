//! A SAML response (core 3.3.3) in its parts, so that any one of them can be wrong.

use aws_lc_rs::aead;
use aws_lc_rs::rand;
use aws_lc_rs::rsa::OAEP_SHA1_MGF1SHA1;
use aws_lc_rs::rsa::OaepPublicEncryptingKey;
use aws_lc_rs::rsa::PublicEncryptingKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::prelude::FromDer as _;
use x509_parser::prelude::X509Certificate;

use crate::crypto::signing::RsaSigner;
use crate::model::time::Timestamp;
use crate::saml::error::Error;
use crate::saml::sign::sign_element;
use crate::saml::xml::ASSERTION;
use crate::saml::xml::DSIG;
use crate::saml::xml::PROTOCOL;
use crate::saml::xml::XENC;
use crate::saml::xml::XENC11;
use crate::saml::xml::escape;

pub const EMAIL_ADDRESS: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
pub const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
const STATUS: &str = "urn:oasis:names:tc:SAML:2.0:status:";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

/// Which elements carry a signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sign {
    #[default]
    Assertion,
    Response,
    Both,
    Nothing,
}

/// Which key signs: the one in the metadata, or one that nobody was told about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Key {
    #[default]
    Good,
    Unknown,
}

/// Replaces text after signing, wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tamper {
    pub from: String,
    pub to: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseTemplate {
    pub response_id: String,
    pub assertion_id: String,
    pub issuer: String,
    pub audience: String,
    pub recipient: String,
    pub destination: Option<String>,
    /// None: the provider began by itself.
    pub in_response_to: Option<String>,
    /// `Success`, or the second-level code of a refusal, which comes without an assertion.
    pub status: String,
    pub name_id: Option<String>,
    pub name_id_format: String,
    pub attributes: Vec<(String, Vec<String>)>,
    pub issue_instant: Timestamp,
    pub not_before: Timestamp,
    pub not_on_or_after: Timestamp,
    pub sign: Sign,
    pub key: Key,
    pub tamper: Option<Tamper>,
    /// DER of the certificate to encrypt the assertion for.
    pub encrypt_for: Option<Vec<u8>>,
}

#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    #[error("the answer could not be signed")]
    Sign(#[from] Error),
    #[error("the certificate holds no RSA key to encrypt for")]
    Encrypt,
}

impl ResponseTemplate {
    /// The document, with whatever signatures and encryption it asks for.
    pub fn to_xml(&self, signer: &RsaSigner, certificate_der: &[u8]) -> Result<String, AnswerError> {
        let mut inside = if self.status == "Success" { self.assertion() } else { String::new() };
        if !inside.is_empty() && matches!(self.sign, Sign::Assertion | Sign::Both) {
            inside = self.tampered(sign_element(&inside, &self.assertion_id, signer, certificate_der)?);
        }
        if let (Some(certificate), false) = (&self.encrypt_for, inside.is_empty()) {
            inside = encrypt(&inside, certificate).ok_or(AnswerError::Encrypt)?;
        }
        let mut response = self.response(&inside);
        if matches!(self.sign, Sign::Response | Sign::Both) {
            response = sign_element(&response, &self.response_id, signer, certificate_der)?;
        }
        Ok(self.tampered(response))
    }

    fn tampered(&self, signed: String) -> String {
        match &self.tamper {
            Some(Tamper { from, to }) => signed.replace(from, to),
            None => signed,
        }
    }

    fn response(&self, inside: &str) -> String {
        let status = if self.status == "Success" {
            format!("<samlp:StatusCode Value=\"{STATUS}Success\"/>")
        } else {
            format!(
                "<samlp:StatusCode Value=\"{STATUS}Responder\"><samlp:StatusCode Value=\"{STATUS}{}\"/>\
                 </samlp:StatusCode>",
                escape(&self.status)
            )
        };
        format!(
            "<samlp:Response xmlns:samlp=\"{PROTOCOL}\" ID=\"{}\" Version=\"2.0\" IssueInstant=\"{}\"{}{}>\
             <saml:Issuer xmlns:saml=\"{ASSERTION}\">{}</saml:Issuer><samlp:Status>{status}</samlp:Status>{inside}\
             </samlp:Response>",
            escape(&self.response_id),
            self.issue_instant,
            attribute("Destination", self.destination.as_deref()),
            attribute("InResponseTo", self.in_response_to.as_deref()),
            escape(&self.issuer),
        )
    }

    fn assertion(&self) -> String {
        format!(
            "<saml:Assertion xmlns:saml=\"{ASSERTION}\" ID=\"{}\" Version=\"2.0\" IssueInstant=\"{}\">\
             <saml:Issuer>{}</saml:Issuer>{}{}<saml:AuthnStatement AuthnInstant=\"{}\" SessionIndex=\"{}\">\
             <saml:AuthnContext><saml:AuthnContextClassRef>{PASSWORD}</saml:AuthnContextClassRef></saml:AuthnContext>\
             </saml:AuthnStatement>{}</saml:Assertion>",
            escape(&self.assertion_id),
            self.issue_instant,
            escape(&self.issuer),
            self.subject(),
            self.conditions(),
            self.issue_instant,
            escape(&self.assertion_id),
            self.attribute_statement(),
        )
    }

    fn subject(&self) -> String {
        let name_id = self.name_id.as_ref().map(|name_id| {
            format!("<saml:NameID Format=\"{}\">{}</saml:NameID>", escape(&self.name_id_format), escape(name_id))
        });
        format!(
            "<saml:Subject>{}<saml:SubjectConfirmation Method=\"{BEARER}\"><saml:SubjectConfirmationData \
             NotOnOrAfter=\"{}\" Recipient=\"{}\"{}/></saml:SubjectConfirmation></saml:Subject>",
            name_id.unwrap_or_default(),
            self.not_on_or_after,
            escape(&self.recipient),
            attribute("InResponseTo", self.in_response_to.as_deref()),
        )
    }

    fn conditions(&self) -> String {
        format!(
            "<saml:Conditions NotBefore=\"{}\" NotOnOrAfter=\"{}\"><saml:AudienceRestriction><saml:Audience>{}\
             </saml:Audience></saml:AudienceRestriction></saml:Conditions>",
            self.not_before,
            self.not_on_or_after,
            escape(&self.audience)
        )
    }

    fn attribute_statement(&self) -> String {
        let value = |value: &String| format!("<saml:AttributeValue>{}</saml:AttributeValue>", escape(value));
        let one = |(name, values): &(String, Vec<String>)| {
            let values: String = values.iter().map(value).collect();
            format!("<saml:Attribute Name=\"{}\">{values}</saml:Attribute>", escape(name))
        };
        let all: String = self.attributes.iter().map(one).collect();
        if all.is_empty() { all } else { format!("<saml:AttributeStatement>{all}</saml:AttributeStatement>") }
    }
}

fn attribute(name: &str, value: Option<&str>) -> String {
    value.map(|value| format!(" {name}=\"{}\"", escape(value))).unwrap_or_default()
}

/// EncryptedAssertion: AES-256-GCM, its key by RSA-OAEP (XML Encryption 1.1, 5.2.4 and 5.5.2).
fn encrypt(assertion: &str, certificate_der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate_der).ok()?;
    let public = PublicEncryptingKey::from_der(certificate.public_key().raw).ok()?;
    let public = OaepPublicEncryptingKey::new(public).ok()?;
    let (mut key, mut nonce) = ([0; 32], [0; 12]);
    rand::fill(&mut key).ok()?;
    rand::fill(&mut nonce).ok()?;
    let mut wrapped = vec![0; public.ciphertext_size()];
    let wrapped = public.encrypt(&OAEP_SHA1_MGF1SHA1, &key, &mut wrapped, None).ok()?;
    let cipher = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_256_GCM, &key).ok()?);
    let mut sealed = assertion.as_bytes().to_vec();
    cipher.seal_in_place_append_tag(aead::Nonce::assume_unique_for_key(nonce), aead::Aad::empty(), &mut sealed).ok()?;
    let value = |bytes: &[u8]| {
        let value = STANDARD.encode(bytes);
        format!("<xenc:CipherData><xenc:CipherValue>{value}</xenc:CipherValue></xenc:CipherData>")
    };
    Some(format!(
        "<saml:EncryptedAssertion xmlns:saml=\"{ASSERTION}\"><xenc:EncryptedData xmlns:xenc=\"{XENC}\" \
         Type=\"{XENC}Element\"><xenc:EncryptionMethod Algorithm=\"{XENC11}aes256-gcm\"/>\
         <ds:KeyInfo xmlns:ds=\"{DSIG}\"><xenc:EncryptedKey>\
         <xenc:EncryptionMethod Algorithm=\"{XENC}rsa-oaep-mgf1p\"/>{}</xenc:EncryptedKey></ds:KeyInfo>{}\
         </xenc:EncryptedData></saml:EncryptedAssertion>",
        value(wrapped),
        value(&[&nonce[..], &sealed].concat()),
    ))
}
