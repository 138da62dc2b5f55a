//! Every reason to refuse a message: one variant a fact, with what came and what was expected.

use serde::Deserialize;
use serde::Serialize;

use crate::model::time::Timestamp;

use super::c14n::C14nError;
use super::xml::XmlError;

const BRIEF: usize = 400;

/// What an admin sees checked, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckName {
    /// Who sent it, and to which address.
    Address,
    Signature,
    /// Audience, time, and the request it answers.
    Conditions,
    /// Who carries it, and how the person is named.
    Subject,
    Attributes,
    /// What an independent verifier says, where there is one.
    SecondOpinion,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the form has no SAMLResponse")]
    NoResponse,
    #[error("there is neither a SAMLRequest nor a SAMLResponse")]
    NoMessage,
    #[error("{field} stands there twice, or beside a SAMLRequest")]
    Ambiguous { field: &'static str },
    #[error("RelayState has more than {limit} characters")]
    LongRelayState { limit: usize },
    #[error("the message has more than {limit} characters")]
    TooLarge { limit: usize },
    #[error("the message is not Base64")]
    NotBase64,
    #[error("the message is not UTF-8")]
    NotUtf8,
    #[error("the message is not deflated")]
    NotDeflated,
    #[error("the message cannot be read: {0}")]
    Xml(#[from] XmlError),
    #[error("the document is <{received:.200}>, not a SAML 2.0 {expected}")]
    UnexpectedRoot { received: String, expected: &'static str },
    #[error("the response holds no assertion")]
    NoAssertion,
    #[error("<{element}> is of version {received:.200}")]
    WrongVersion { element: &'static str, received: String },
    #[error("<{element}> has no ID")]
    NoId { element: &'static str },
    #[error("{attribute} is no time in UTC: {received:.200}")]
    BadTime { attribute: &'static str, received: String },
    #[error("Conditions holds <{received:.200}>, which we do not know")]
    UnknownCondition { received: String },
    #[error("the assertion does not say when and how the person signed in (AuthnStatement)")]
    NoAuthnStatement,
    #[error("the signature has an unexpected form: {found:.200}")]
    SignatureForm { found: String },

    #[error("the identity provider answered {code:.200}")]
    Status { code: String, message: Option<String> },
    #[error("Destination is {received:.200}")]
    WrongDestination { received: String, expected: String },
    #[error("Recipient is {received:.200}")]
    WrongRecipient { received: String, expected: String },
    #[error("no bearer confirmation: {found:.200}")]
    NoBearer { found: String },
    #[error("the audience is {received:.200}")]
    WrongAudience { received: String, expected: String },
    #[error("Issuer is {received:.200}")]
    WrongIssuer { received: String, expected: String },

    #[error("neither the response nor the assertion is signed")]
    NotSigned,
    #[error("no trusted certificate made the signature")]
    UnknownKey { received: String, expected: String },
    #[error("the signature value does not belong to the signed information")]
    BrokenSignature,
    #[error("the digest of <{element}> does not match")]
    WrongDigest { element: String },
    #[error("signed with {received:.200}")]
    WeakAlgorithm { received: String },
    #[error("canonicalized or transformed with {received:.200}")]
    UnsupportedTransform { received: String },
    #[error("the message cannot be canonicalized")]
    Canonicalization(#[from] C14nError),
    #[error("canonicalizing again gives other bytes")]
    NoFixpoint,
    #[error("two elements have the ID {id:.200}")]
    DuplicateId { id: String },
    #[error("<{element}> stands more than once or in the wrong place")]
    Misplaced { element: &'static str },
    #[error("the signature covers {received:.200}, not the element that holds it")]
    WrongReference { received: String, expected: String },
    #[error("the independent verifier answered {received:.200}")]
    SecondOpinion { received: String },
    #[error("the certificate ended at {ended}")]
    CertificateExpired { ended: Timestamp },

    #[error("valid from {starts}")]
    TooEarly { starts: Timestamp, now: Timestamp },
    #[error("valid until {}", ended.minute())]
    TooLate { ended: Timestamp, now: Timestamp },
    #[error("answers the request {received:.200}")]
    UnknownRequest { received: String },
    #[error("answers no request")]
    Unsolicited,
    #[error("neither a NameID nor an attribute names the person")]
    NameIdMissing,
    /// One error for whatever goes wrong before a decrypted assertion is known to be genuine: an attacker who could tell the
    /// causes apart could decrypt (XML Encryption 1.1, 6.1.2).
    #[error("the assertion cannot be decrypted")]
    Undecryptable,
    #[error("the NameID is encrypted by itself (EncryptedID)")]
    EncryptedId,
    #[error("the request has no NameID")]
    NobodyNamed,
}

impl Error {
    /// The entry of errors.toml.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoResponse | Self::NoMessage => "saml_no_response",
            Self::TooLarge { .. }
            | Self::Ambiguous { .. }
            | Self::LongRelayState { .. }
            | Self::NotBase64
            | Self::NotDeflated
            | Self::NotUtf8
            | Self::Xml(_)
            | Self::UnexpectedRoot { .. }
            | Self::NoAssertion
            | Self::WrongVersion { .. }
            | Self::NoId { .. }
            | Self::BadTime { .. }
            | Self::UnknownCondition { .. }
            | Self::NoAuthnStatement
            | Self::SignatureForm { .. } => "saml_malformed",
            Self::Status { .. } => "saml_status",
            Self::WrongDestination { .. } => "saml_destination",
            Self::WrongRecipient { .. } => "saml_recipient",
            Self::NoBearer { .. } => "saml_confirmation",
            Self::WrongAudience { .. } => "saml_audience",
            Self::WrongIssuer { .. } => "saml_issuer",
            Self::NotSigned => "saml_signature_missing",
            Self::UnknownKey { .. } => "saml_signature_cert",
            Self::BrokenSignature | Self::WrongDigest { .. } => "saml_signature_invalid",
            Self::WeakAlgorithm { .. } => "saml_signature_weak",
            Self::UnsupportedTransform { .. } | Self::Canonicalization(_) => "saml_c14n",
            Self::NoFixpoint | Self::DuplicateId { .. } | Self::Misplaced { .. } | Self::WrongReference { .. } => {
                "saml_signature_wrapped"
            }
            Self::SecondOpinion { .. } => "saml_second_opinion",
            Self::CertificateExpired { .. } => "saml_cert_expired",
            Self::TooEarly { .. } => "saml_time_early",
            Self::TooLate { .. } => "saml_time_late",
            Self::UnknownRequest { .. } => "saml_in_response_to",
            Self::Unsolicited => "saml_idp_initiated",
            Self::NameIdMissing | Self::NobodyNamed => "saml_nameid_missing",
            Self::Undecryptable | Self::EncryptedId => "saml_encrypted",
        }
    }

    /// The entry of errors.toml where the message is about signing out.
    pub fn logout_code(&self) -> &'static str {
        match self {
            Self::NoResponse | Self::NoMessage => "saml_logout_missing",
            Self::NotSigned => "saml_logout_unsigned",
            Self::UnknownKey { .. }
            | Self::BrokenSignature
            | Self::WrongDigest { .. }
            | Self::NoFixpoint
            | Self::DuplicateId { .. }
            | Self::Misplaced { .. }
            | Self::WrongReference { .. } => "saml_logout_signature",
            Self::WeakAlgorithm { .. } | Self::UnsupportedTransform { .. } | Self::Canonicalization(_) => {
                "saml_logout_weak"
            }
            Self::CertificateExpired { .. } => "saml_cert_expired",
            Self::WrongIssuer { .. } => "saml_logout_issuer",
            Self::WrongDestination { .. } => "saml_logout_destination",
            Self::TooEarly { .. } | Self::TooLate { .. } => "saml_logout_time",
            Self::UnknownRequest { .. } | Self::Unsolicited => "saml_logout_in_response_to",
            Self::Status { .. } => "saml_logout_status",
            Self::Undecryptable | Self::EncryptedId => "saml_logout_encrypted",
            _ => "saml_logout_malformed",
        }
    }

    /// Which check failed.
    pub fn check(&self) -> CheckName {
        match self {
            Self::NoResponse
            | Self::Status { .. }
            | Self::WrongDestination { .. }
            | Self::WrongRecipient { .. }
            | Self::WrongIssuer { .. } => CheckName::Address,
            Self::WrongAudience { .. }
            | Self::UnknownCondition { .. }
            | Self::BadTime { .. }
            | Self::TooEarly { .. }
            | Self::TooLate { .. }
            | Self::UnknownRequest { .. }
            | Self::Unsolicited => CheckName::Conditions,
            Self::NoBearer { .. } | Self::NoAuthnStatement | Self::NameIdMissing | Self::EncryptedId => {
                CheckName::Subject
            }
            Self::SecondOpinion { .. } => CheckName::SecondOpinion,
            _ => CheckName::Signature,
        }
    }

    /// `{theirs}` of the entry. It may come from anybody, so it is cut.
    pub fn received(&self) -> Option<String> {
        let received = match self {
            Self::Status { code, message: Some(message) } => Some(format!("{code} ({message})")),
            Self::Status { code, message: None } => Some(code.clone()),
            Self::WrongDestination { received, .. }
            | Self::WrongRecipient { received, .. }
            | Self::WrongAudience { received, .. }
            | Self::WrongIssuer { received, .. }
            | Self::UnknownKey { received, .. }
            | Self::WeakAlgorithm { received }
            | Self::UnsupportedTransform { received }
            | Self::WrongReference { received, .. }
            | Self::SecondOpinion { received }
            | Self::UnknownRequest { received } => Some(received.clone()),
            Self::NoBearer { found } => Some(found.clone()),
            Self::Canonicalization(cause) => Some(cause.to_string()),
            Self::TooEarly { starts, .. } => Some(starts.to_string()),
            Self::TooLate { ended, .. } | Self::CertificateExpired { ended } => Some(ended.to_string()),
            Self::Unsolicited | Self::NotSigned | Self::NameIdMissing => None,
            _ => Some(sentence(&self.to_string())),
        };
        received.map(brief)
    }

    /// `{ours}` of the entry.
    pub fn expected(&self) -> Option<String> {
        match self {
            Self::WrongDestination { expected, .. }
            | Self::WrongRecipient { expected, .. }
            | Self::WrongAudience { expected, .. }
            | Self::WrongIssuer { expected, .. }
            | Self::UnknownKey { expected, .. }
            | Self::WrongReference { expected, .. } => Some(expected.clone()),
            Self::TooEarly { now, .. } | Self::TooLate { now, .. } => Some(now.to_string()),
            _ => None,
        }
    }
}

/// With a capital letter, to stand alone.
pub fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// What is stored and shown of a value that somebody else chose.
pub fn brief(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(BRIEF) {
        text.truncate(end);
        text.push('…');
    }
    text
}
