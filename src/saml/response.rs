//! From the form field SAMLResponse to an `Assertion`: decode, verify, decrypt, then read only what was signed.

use std::ops::Range;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Document;
use roxmltree::Node;
use serde::Deserialize;
use serde::Serialize;

use crate::model::time::Timestamp;

use super::c14n::canonicalize;
use super::decrypt::Decrypted;
use super::decrypt::DecryptionKey;
use super::decrypt::decrypt;
use super::error::brief;
use super::error::sentence;
use super::read;
use super::read::Parts;
use super::redact::redact;
use super::second_opinion;
use super::second_opinion::Question;
use super::signature;
use super::signature::PinnedKey;
use super::signature::SignedBytes;
use super::signature::Verdict;
use super::xml;
use super::xml::ASSERTION;

pub use crate::model::logout::NameId;

pub use super::error::CheckName;
pub use super::error::Error;
pub use super::signature::Signed;

const MAX_ENCODED: usize = 512 * 1024;
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What a response must fit.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    pub acs_url: &'a str,
    pub entity_id: &'a str,
    pub idp_entity_id: &'a str,
    /// The ids of this browser's open requests for this connection.
    pub requests: &'a [String],
    pub allows_idp_initiated: bool,
    pub refuses_expired_certificates: bool,
    pub clock_skew: Duration,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    pub name: String,
    pub friendly_name: Option<String>,
    /// In document order; `xsi:nil` leaves no value, an empty element an empty one.
    pub values: Vec<String>,
}

/// An assertion that holds: signed, for us, now, and about whoever brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    pub id: String,
    pub issuer: String,
    pub name_id: Option<NameId>,
    pub attributes: Vec<Attribute>,
    pub session_index: Option<String>,
    pub session_not_on_or_after: Option<Timestamp>,
    pub authn_instant: Option<Timestamp>,
    pub authn_context: Option<String>,
    pub issue_instant: Timestamp,
    pub in_response_to: Option<String>,
    /// Its id must be remembered until then, or it could be used twice. Clock skew is included.
    pub valid_until: Timestamp,
    pub signed: Signed,
    pub algorithm: String,
    pub certificate_sha256: String,
    pub certificate_expired: bool,
    /// It was encrypted: which of our keys opened it, by its place among those given.
    pub decrypted_by: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub name: CheckName,
    /// None: an earlier refusal left nothing to look at.
    pub ok: Option<bool>,
    pub received: Option<String>,
    pub expected: Option<String>,
    /// Plain words for an admin.
    pub detail: String,
}

impl Check {
    pub fn passed(name: CheckName, received: Option<String>, expected: Option<String>, detail: String) -> Self {
        Self { name, ok: Some(true), received: received.map(brief), expected, detail }
    }

    pub fn failed(name: CheckName, error: &Error) -> Self {
        let detail = sentence(&error.to_string());
        Self { name, ok: Some(false), received: error.received(), expected: error.expected(), detail }
    }

    pub(super) fn unreached(name: CheckName) -> Self {
        Self { name, ok: None, received: None, expected: None, detail: "Not checked.".to_owned() }
    }
}

/// Whom an answer names that is refused although a trusted certificate signed it. It may tell whom an admin looks for, and
/// nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub name_id: Option<NameId>,
    pub attributes: Vec<Attribute>,
}

#[derive(Debug)]
pub struct Examination {
    pub result: Result<Assertion, Error>,
    /// None where nothing was signed, or nothing refused.
    pub named: Option<Named>,
    /// Always the first five of `CheckName`, in its order; a second opinion is asked for by the caller.
    pub checks: Vec<Check>,
    pub came: Came,
    /// What was accepted, for the second opinion; empty where nothing was, or nobody could be asked.
    pub questions: Vec<Question>,
}

impl Examination {
    /// Refused before anything could be read.
    fn refused(error: Error, came: Came) -> Self {
        let checks =
            CHECKS.map(|name| if name == error.check() { Check::failed(name, &error) } else { Check::unreached(name) });
        Self { result: Err(error), named: None, checks: checks.into(), came, questions: Vec::new() }
    }
}

/// The document that came. A good sign-in shows it to nobody, so it is made readable only where it is asked for.
#[derive(Debug)]
pub struct Came {
    text: String,
    /// Where the EncryptedAssertion stands, and the verified text that was in it.
    decrypted: Option<(Range<usize>, String)>,
}

impl Came {
    /// Without what would let it be used or decrypted again.
    pub fn redacted_xml(&self) -> String {
        redact(&self.text, self.decrypted.as_ref().map(|(range, clear)| (range.clone(), clear.as_str())))
    }
}

/// What a browser brought to the ACS URL, decoded once and believed in nothing yet.
#[derive(Debug)]
pub struct Received(Result<String, Error>);

impl Received {
    pub fn decode(response_base64: &str) -> Self {
        Self(decode(response_base64))
    }

    /// The request that this answer claims to answer. It only picks which of the browser's own requests `examine` then
    /// insists on.
    pub fn claimed_request(&self) -> Option<&str> {
        let (_, rest) = self.0.as_ref().ok()?.split_once("InResponseTo=")?;
        let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        Some(rest.get(1..)?.split_once(quote)?.0)
    }
}

const CHECKS: [CheckName; 5] =
    [CheckName::Address, CheckName::Signature, CheckName::Conditions, CheckName::Subject, CheckName::Attributes];

/// Examines what a browser brought to the ACS URL. Replay is the caller's to find out: `Assertion::id`.
pub fn examine(
    received: Received,
    keys: &[PinnedKey],
    decryption_keys: &[DecryptionKey],
    expected: &Expected<'_>,
) -> Examination {
    let text = match received.0 {
        Ok(text) => text,
        Err(error) => return Examination::refused(error, Came { text: String::new(), decrypted: None }),
    };
    let (mut decrypted, mut questions) = (None, Vec::new());
    let outcome = examine_text(&text, keys, decryption_keys, expected, &mut decrypted, &mut questions);
    let came = Came { text, decrypted };
    match outcome {
        Ok(Read { result, checks, named }) => Examination { result, named, checks, came, questions },
        Err(refusal) => {
            let mut examination = Examination::refused(refusal.error, came);
            if let Some(detail) = refusal.detail {
                examination.checks.iter_mut().filter(|check| check.ok == Some(false)).for_each(|check| {
                    check.detail = format!("{}: {detail}", check.detail);
                });
            }
            examination
        }
    }
}

/// What was read from signed bytes.
pub(super) struct Read {
    pub result: Result<Assertion, Error>,
    pub checks: Vec<Check>,
    pub named: Option<Named>,
}

fn examine_text(
    text: &str,
    keys: &[PinnedKey],
    ours: &[DecryptionKey],
    expected: &Expected<'_>,
    decrypted: &mut Option<(Range<usize>, String)>,
    questions: &mut Vec<Question>,
) -> Result<Read, Refusal> {
    let document = xml::parse(text, &xml::MESSAGE)?;
    let opened = open(&document, keys, ours)?;
    let clear = opened.assertion.as_ref().map(|clear| clear.as_str().to_owned());
    *decrypted = clear.and_then(|clear| Some((encrypted(document.root_element())?.range(), clear)));
    let read = examine_opened(&document, &opened, expected)?;
    if second_opinion::IS_COMPILED_IN && read.result.is_ok() {
        *questions = opened.questions(text);
    }
    Ok(read)
}

pub(super) fn decode(encoded: &str) -> Result<String, Error> {
    if encoded.trim_ascii().is_empty() {
        return Err(Error::NoResponse);
    }
    if encoded.len() > MAX_ENCODED {
        return Err(Error::TooLarge { limit: MAX_ENCODED });
    }
    let bytes = STANDARD.decode(encoded).or_else(|_| {
        // Line breaks are allowed, and rare: look for them only where plain decoding fails.
        let joined: Vec<u8> = encoded.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        STANDARD.decode(joined)
    });
    let mut text = String::from_utf8(bytes.map_err(|_| Error::NotBase64)?).map_err(|_| Error::NotUtf8)?;
    if text.starts_with(BYTE_ORDER_MARK) {
        text = text.trim_start_matches(BYTE_ORDER_MARK).to_owned();
    }
    Ok(text)
}

/// A document whose signatures hold.
struct Opened {
    /// Signed bytes of the Response, or of the Assertion alone.
    outer: Option<SignedBytes>,
    /// The assertion, where it was encrypted.
    assertion: Option<Text>,
    /// What the assertion was decrypted to, before it was canonicalized.
    plaintext: Option<String>,
    /// Which of our keys opened it.
    decrypted_by: Option<usize>,
}

impl Opened {
    /// Each signature that counts: the document that holds it, and the bytes that are read because of it. An encrypted
    /// assertion without a signature of its own was signed as ciphertext, with the Response.
    fn questions(self, text: &str) -> Vec<Question> {
        let outer = self.outer.map(|bytes| Question { document: text.to_owned(), read: bytes.into_string() });
        let inner = match (self.assertion, self.plaintext) {
            (Some(Text::Signed(bytes)), Some(document)) => Some(Question { document, read: bytes.into_string() }),
            _ => None,
        };
        outer.into_iter().chain(inner).collect()
    }
}

enum Text {
    Signed(SignedBytes),
    /// Without a signature of its own; the ciphertext was signed with the Response.
    Within(String),
}

impl Text {
    fn as_str(&self) -> &str {
        match self {
            Self::Signed(bytes) => bytes.as_str(),
            Self::Within(text) => text,
        }
    }

    fn parse(&self) -> Result<Document<'_>, Error> {
        match self {
            Self::Signed(bytes) => bytes.parse(),
            Self::Within(text) => Ok(xml::parse_canonical(text, &xml::MESSAGE)?),
        }
    }
}

struct Refusal {
    error: Error,
    /// For admins only.
    detail: Option<String>,
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self { error: error.into(), detail: None }
    }
}

fn open(document: &Document<'_>, keys: &[PinnedKey], ours: &[DecryptionKey]) -> Result<Opened, Refusal> {
    let outer = match signature::verify_response(document, keys) {
        Ok(Verdict::Clear(bytes)) => {
            return Ok(Opened { outer: Some(bytes), assertion: None, plaintext: None, decrypted_by: None });
        }
        Ok(Verdict::Encrypted(outer)) => outer,
        // An IdP that refuses sends no assertion and often no signature. Whatever it says, we refuse.
        Err(Error::NoAssertion) => {
            read::status(document.root_element())?;
            return Err(Error::NoAssertion.into());
        }
        Err(error) => return Err(error.into()),
    };
    let Some(outer) = outer else {
        let (assertion, decrypted) = open_unsigned(document, keys, ours)?;
        return Ok(Opened {
            outer: None,
            assertion: Some(Text::Signed(assertion)),
            plaintext: Some(decrypted.text),
            decrypted_by: Some(decrypted.by),
        });
    };
    let decrypted = {
        let signed = outer.parse()?;
        let encrypted = encrypted(signed.root_element()).ok_or(Error::NoAssertion)?;
        decrypt(encrypted, ours).map_err(|_| Error::Undecryptable)?
    };
    let assertion = {
        let plain = xml::parse(&decrypted.text, &xml::MESSAGE)?;
        match signature::verify_assertion(&plain, keys) {
            Ok(bytes) => Text::Signed(bytes),
            Err(Error::NotSigned) => {
                Text::Within(canonicalize(&plain, plain.root_element(), None, &[]).map_err(Error::from)?)
            }
            Err(error) => return Err(error.into()),
        }
    };
    Ok(Opened {
        outer: Some(outer),
        assertion: Some(assertion),
        plaintext: Some(decrypted.text),
        decrypted_by: Some(decrypted.by),
    })
}

/// The response around the ciphertext is not signed: until the assertion's own signature has been verified, anybody may
/// have changed the ciphertext, and what becomes of it is told to nobody but the admin.
fn open_unsigned(
    document: &Document<'_>,
    keys: &[PinnedKey],
    ours: &[DecryptionKey],
) -> Result<(SignedBytes, Decrypted), Refusal> {
    let encrypted = encrypted(document.root_element()).ok_or(Error::NoAssertion)?;
    let decrypted = decrypt(encrypted, ours).map_err(|_| Error::Undecryptable)?;
    let verified = xml::parse(&decrypted.text, &xml::MESSAGE)
        .map_err(Error::from)
        .and_then(|plain| signature::verify_assertion(&plain, keys));
    let bytes = verified.map_err(|error| {
        if decrypted.is_authenticated {
            return error.into();
        }
        let names = [error.received(), error.expected()].into_iter().flatten().collect::<Vec<_>>().join("; ours: ");
        Refusal { detail: Some(format!("{error} ({names})")), error: Error::Undecryptable }
    })?;
    Ok((bytes, decrypted))
}

fn encrypted<'a, 'i>(response: Node<'a, 'i>) -> Option<Node<'a, 'i>> {
    xml::children(response, ASSERTION, "EncryptedAssertion").next()
}

fn examine_opened(document: &Document<'_>, opened: &Opened, expected: &Expected<'_>) -> Result<Read, Error> {
    let outer = opened.outer.as_ref().map(SignedBytes::parse).transpose()?;
    let inner = opened.assertion.as_ref().map(Text::parse).transpose()?;
    let own = match &opened.assertion {
        Some(Text::Signed(bytes)) => Some(bytes),
        _ => None,
    };
    let outer_root = outer.as_ref().map(Document::root_element);
    let response = outer_root.filter(|root| xml::is(*root, xml::PROTOCOL, "Response"));
    let assertion = match (&inner, response, outer_root) {
        (Some(inner), _, _) => inner.root_element(),
        (None, Some(response), _) => xml::required(response, ASSERTION, "Assertion")?,
        (None, None, Some(assertion)) => assertion,
        (None, None, None) => return Err(Error::NoAssertion),
    };
    let bytes = opened.outer.as_ref().or(own).ok_or(Error::NotSigned)?;
    let signed = if opened.outer.is_some() && own.is_some() { Signed::Both } else { bytes.signed() };
    let parts = Parts {
        response: response.unwrap_or_else(|| document.root_element()),
        is_response_signed: response.is_some(),
        assertion,
        signed,
        by: bytes.by(),
        decrypted_by: opened.decrypted_by,
    };
    Ok(read::examine(&parts, expected))
}
