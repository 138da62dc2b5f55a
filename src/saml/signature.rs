//! XML signatures of what we receive: `verify` is the only way to `SignedBytes`, and nothing but `SignedBytes` is ever read.
//!
//! A strict profile of XML Signature (SAML core 5.4): one enveloped signature over its own parent, one reference, exclusive
//! canonicalization, algorithms that follow from the type of the pinned key. The steps are numbered as in the design.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Document;
use roxmltree::Node;
use serde::Deserialize;
use serde::Serialize;

use crate::crypto::certificate;

use super::c14n::canonicalize;
use super::error::Error;
use super::key;
use super::xml;
use super::xml::ASSERTION;
use super::xml::DSIG;
use super::xml::EXC_C14N;
use super::xml::PROTOCOL;
use super::xml::XmlError;

pub use super::key::PinnedKey;

pub const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const MAX_PREFIXES: usize = 32;

/// Which elements carried a signature; all that did were verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signed {
    Response,
    Assertion,
    Both,
    /// A message of another kind, as a whole.
    Message,
}

/// Canonical bytes whose digest stood under a verified signature. Private fields, made by `verify` alone.
#[derive(Debug)]
pub struct SignedBytes {
    text: String,
    /// The PrefixList it was canonicalized with.
    prefixes: Vec<String>,
    signed: Signed,
    by: Verified,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub certificate_sha256: String,
    pub certificate_ended: i64,
    pub algorithm: &'static str,
}

impl SignedBytes {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn into_string(self) -> String {
        self.text
    }

    pub fn signed(&self) -> Signed {
        self.signed
    }

    pub fn by(&self) -> &Verified {
        &self.by
    }

    /// Step 9: the bytes, parsed; canonicalizing them again must give them back, or parser and canonicalizer disagree about
    /// what they say.
    pub fn parse(&self) -> Result<Document<'_>, Error> {
        let document = xml::parse_canonical(&self.text, &xml::MESSAGE)?;
        let prefixes: Vec<&str> = self.prefixes.iter().map(String::as_str).collect();
        if canonicalize(&document, document.root_element(), None, &prefixes)? != self.text {
            return Err(Error::NoFixpoint);
        }
        Ok(document)
    }
}

/// What a document turned out to be.
#[derive(Debug)]
pub enum Verdict {
    /// The assertion is in clear.
    Clear(SignedBytes),
    /// It is encrypted; the response around it is signed or not.
    Encrypted(Option<SignedBytes>),
}

/// Verifies a Response whose assertion is in clear.
#[cfg(any(test, feature = "testing"))]
pub fn verify(text: &str, keys: &[PinnedKey]) -> Result<SignedBytes, Error> {
    match verify_response(&xml::parse(text, &xml::MESSAGE)?, keys)? {
        Verdict::Clear(bytes) => Ok(bytes),
        Verdict::Encrypted(_) => Err(Error::Undecryptable),
    }
}

/// Verifies a Response, whose assertion may be encrypted.
pub fn verify_response(document: &Document<'_>, keys: &[PinnedKey]) -> Result<Verdict, Error> {
    let parts = Parts::take(document, PROTOCOL, "Response")?;
    let signed = parts.verify(document, keys)?;
    if parts.is_encrypted { Ok(Verdict::Encrypted(signed)) } else { signed.map(Verdict::Clear).ok_or(Error::NotSigned) }
}

/// Verifies an assertion that was decrypted and stands by itself.
pub fn verify_assertion(document: &Document<'_>, keys: &[PinnedKey]) -> Result<SignedBytes, Error> {
    Parts::take(document, ASSERTION, "Assertion")?.verify(document, keys)?.ok_or(Error::NotSigned)
}

/// Verifies a message that is no Response: signed as a whole, by the only Signature in it. Nothing that a signature could
/// stand for may be hidden in it, whatever the namespace.
pub fn verify_message(document: &Document<'_>, name: &'static str, keys: &[PinnedKey]) -> Result<SignedBytes, Error> {
    let root = document.root_element();
    if !xml::is(root, PROTOCOL, name) {
        return Err(Error::UnexpectedRoot { received: root.tag_name().name().to_owned(), expected: name });
    }
    let (mut ids, mut found) = (Vec::new(), None);
    for node in document.descendants().filter(Node::is_element) {
        ids.extend(node.attributes().filter(|a| a.name().eq_ignore_ascii_case("id")).map(|a| a.value()));
        match node.tag_name().name() {
            "LogoutRequest" | "LogoutResponse" if node != root => return Err(Error::Misplaced { element: name }),
            "Response" => return Err(Error::Misplaced { element: "Response" }),
            "Assertion" | "EncryptedAssertion" => return Err(Error::Misplaced { element: "Assertion" }),
            "Signature" => {
                let is_ours = xml::is(node, DSIG, "Signature") && node.parent() == Some(root);
                if !is_ours || found.replace(node).is_some() {
                    return Err(Error::Misplaced { element: "Signature" });
                }
            }
            _ => {}
        }
    }
    refuse_duplicates(ids)?;
    verify_one(document, root, found.ok_or(Error::NotSigned)?, keys, Signed::Message)
}

/// The trusted key that made this signature. Renewed with the same key: the certificate that lasts longest stands for it.
pub(super) fn maker(keys: &[PinnedKey], algorithm: &'static str, message: &[u8], signature: &[u8]) -> Option<Verified> {
    let encoded;
    let signature = if algorithm.starts_with("ECDSA") {
        encoded = key::asn1(signature);
        &encoded
    } else {
        signature
    };
    let key = keys.iter().find(|key| key.verifies(algorithm, message, signature))?;
    let same = keys.iter().filter(|other| other.is_same_key(key)).max_by_key(|other| other.not_after());
    let key = same.unwrap_or(key);
    Some(Verified { certificate_sha256: key.sha256().to_owned(), certificate_ended: key.not_after(), algorithm })
}

/// `named`: the fingerprint of the certificate that the message claims to be signed with.
pub(super) fn unknown_key(keys: &[PinnedKey], named: Option<String>) -> Error {
    let trusted: Vec<&str> = keys.iter().map(PinnedKey::sha256).collect();
    Error::UnknownKey {
        received: named.unwrap_or_else(|| "no certificate".to_owned()),
        expected: if trusted.is_empty() { "none".to_owned() } else { trusted.join(", ") },
    }
}

/// The elements that matter, each proved to be where it must be.
struct Parts<'a> {
    root: Node<'a, 'a>,
    assertion: Node<'a, 'a>,
    is_encrypted: bool,
    response_signature: Option<Node<'a, 'a>>,
    assertion_signature: Option<Node<'a, 'a>>,
}

impl<'a> Parts<'a> {
    /// Steps 3 and 4, in the whole document and whatever the namespace: a second Assertion, Response or Signature anywhere is
    /// how forged responses look.
    fn take(document: &'a Document<'_>, namespace: &str, name: &'static str) -> Result<Self, Error> {
        let root = document.root_element();
        if !xml::is(root, namespace, name) {
            let received = root.tag_name().name().to_owned();
            return Err(Error::UnexpectedRoot { received, expected: name });
        }
        let mut ids = Vec::new();
        let (mut assertions, mut signatures) = (Vec::new(), Vec::new());
        for node in document.descendants().filter(Node::is_element) {
            ids.extend(node.attributes().filter(|a| a.name().eq_ignore_ascii_case("id")).map(|a| a.value()));
            match node.tag_name().name() {
                "Response" if node != root => return Err(Error::Misplaced { element: "Response" }),
                "Assertion" | "EncryptedAssertion" => assertions.push(node),
                "Signature" => signatures.push(node),
                _ => {}
            }
        }
        refuse_duplicates(ids)?;
        let assertion = match assertions.as_slice() {
            [one] => *one,
            [] => return Err(Error::NoAssertion),
            _ => return Err(Error::Misplaced { element: "Assertion" }),
        };
        let is_encrypted = xml::is(assertion, ASSERTION, "EncryptedAssertion");
        let is_known = is_encrypted || xml::is(assertion, ASSERTION, "Assertion");
        if !is_known || (assertion != root && assertion.parent() != Some(root)) {
            return Err(Error::Misplaced { element: "Assertion" });
        }
        let mut parts = Self { root, assertion, is_encrypted, response_signature: None, assertion_signature: None };
        signatures.into_iter().try_for_each(|signature| parts.place(signature))?;
        Ok(parts)
    }

    fn place(&mut self, signature: Node<'a, 'a>) -> Result<(), Error> {
        let misplaced = Error::Misplaced { element: "Signature" };
        if !xml::is(signature, DSIG, "Signature") {
            return Err(misplaced);
        }
        let slot = match signature.parent() {
            Some(parent) if parent == self.assertion && !self.is_encrypted => &mut self.assertion_signature,
            Some(parent) if parent == self.root => &mut self.response_signature,
            _ => return Err(misplaced),
        };
        if slot.replace(signature).is_some() { Err(misplaced) } else { Ok(()) }
    }

    /// Step 8: where both are signed both must verify, and the Response's bytes are handed on: they hold the assertion.
    fn verify(&self, document: &'a Document<'_>, keys: &[PinnedKey]) -> Result<Option<SignedBytes>, Error> {
        let inner = match self.assertion_signature {
            Some(signature) => Some(verify_one(document, self.assertion, signature, keys, Signed::Assertion)?),
            None => None,
        };
        let Some(signature) = self.response_signature else { return Ok(inner) };
        let signed = if inner.is_some() { Signed::Both } else { Signed::Response };
        verify_one(document, self.root, signature, keys, signed).map(Some)
    }
}

fn refuse_duplicates(mut ids: Vec<&str>) -> Result<(), Error> {
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair.first() == pair.last()) {
        Some([id, ..]) => Err(Error::DuplicateId { id: (*id).to_owned() }),
        _ => Ok(()),
    }
}

fn verify_one<'a>(
    document: &'a Document<'_>,
    target: Node<'a, 'a>,
    signature: Node<'a, 'a>,
    keys: &[PinnedKey],
    signed: Signed,
) -> Result<SignedBytes, Error> {
    let form = Form::read(target, signature)?;
    // Step 7: the signature first. Whoever holds no trusted key cannot make us canonicalize more than the small SignedInfo.
    let signed_info = canonicalize(document, form.signed_info, None, &form.signed_info_prefixes)?;
    let by = form.verify(signed_info.as_bytes(), keys)?;
    let text = canonicalize(document, target, Some(signature), &form.prefixes)?;
    if text.is_empty() || digest::digest(form.digest, text.as_bytes()).as_ref() != form.digest_value.as_slice() {
        return Err(Error::WrongDigest { element: target.tag_name().name().to_owned() });
    }
    Ok(SignedBytes { text, prefixes: form.prefixes.iter().map(|prefix| (*prefix).to_owned()).collect(), signed, by })
}

/// A Signature of exactly the accepted form (step 5).
struct Form<'a> {
    signed_info: Node<'a, 'a>,
    signed_info_prefixes: Vec<&'a str>,
    algorithm: &'static str,
    prefixes: Vec<&'a str>,
    digest: &'static digest::Algorithm,
    digest_value: Vec<u8>,
    signature_value: Vec<u8>,
    key_info: Option<Node<'a, 'a>>,
}

impl<'a> Form<'a> {
    fn read(target: Node<'a, 'a>, signature: Node<'a, 'a>) -> Result<Self, Error> {
        let [signed_info, value, key_info] = sequence(signature, ["SignedInfo", "SignatureValue", "KeyInfo?"])?;
        let (signed_info, value) = (found(signed_info)?, found(value)?);
        let [method, algorithm, reference] =
            sequence(signed_info, ["CanonicalizationMethod", "SignatureMethod", "Reference"])?;
        let (method, algorithm, reference) = (found(method)?, found(algorithm)?, found(reference)?);
        let [transforms, digest, digest_value] = sequence(reference, ["Transforms", "DigestMethod", "DigestValue"])?;
        let (digest, digest_value) = (found(digest)?, found(digest_value)?);
        sequence(algorithm, [])?;
        sequence(digest, [])?;
        refers_to(reference, target)?;
        let weak = |node: Node<'_, '_>| Error::WeakAlgorithm { received: algorithm_of(node).to_owned() };
        Ok(Self {
            signed_info,
            signed_info_prefixes: exclusive(method)?,
            algorithm: key::algorithm_name(algorithm_of(algorithm)).ok_or_else(|| weak(algorithm))?,
            prefixes: transform(found(transforms)?)?,
            digest: key::digest_algorithm(algorithm_of(digest)).ok_or_else(|| weak(digest))?,
            digest_value: decode(digest_value)?,
            signature_value: decode(value)?,
            key_info,
        })
    }

    fn verify(&self, signed_info: &[u8], keys: &[PinnedKey]) -> Result<Verified, Error> {
        if let Some(verified) = maker(keys, self.algorithm, signed_info, &self.signature_value) {
            return Ok(verified);
        }
        let named = self.named_certificate();
        if named.as_ref().is_some_and(|named| keys.iter().any(|key| key.sha256() == named)) {
            return Err(Error::BrokenSignature);
        }
        Err(unknown_key(keys, named))
    }

    /// The fingerprint of the certificate in KeyInfo. Never trusted; it only tells an admin what to compare.
    fn named_certificate(&self) -> Option<String> {
        let data = xml::children(self.key_info?, DSIG, "X509Data").next()?;
        let node = xml::children(data, DSIG, "X509Certificate").next()?;
        Some(certificate::fingerprint(&decode(node).ok()?))
    }
}

/// The element children of `parent`, which must be exactly these of XML Signature, in this order; `?` marks an optional one.
/// Nothing but whitespace may stand between them.
fn sequence<'a, const N: usize>(parent: Node<'a, 'a>, names: [&str; N]) -> Result<[Option<Node<'a, 'a>>; N], Error> {
    let is_space = |node: &Node<'_, '_>| node.is_text() && node.text().is_some_and(|text| text.trim_ascii().is_empty());
    let mut nodes = parent.children().filter(|node| !is_space(node)).peekable();
    let mut found = [None; N];
    for (slot, name) in found.iter_mut().zip(names) {
        let wanted = name.trim_end_matches('?');
        *slot = nodes.next_if(|node| xml::is(*node, DSIG, wanted));
        if slot.is_none() && !name.ends_with('?') {
            return Err(form_error(parent, nodes.peek().copied(), wanted));
        }
    }
    match nodes.next() {
        None => Ok(found),
        // A second Reference signs another element; that is not the same as a malformed Signature.
        Some(extra) if xml::is(extra, DSIG, "Reference") => Err(Error::Misplaced { element: "Reference" }),
        extra => Err(form_error(parent, extra, "nothing more")),
    }
}

fn form_error(parent: Node<'_, '_>, found: Option<Node<'_, '_>>, wanted: &str) -> Error {
    let found = match found {
        Some(node) if node.is_element() => format!("<{}>", node.tag_name().name()),
        Some(_) => "text or a comment".to_owned(),
        None => "nothing".to_owned(),
    };
    Error::SignatureForm { found: format!("{found} in <{}> instead of {wanted}", parent.tag_name().name()) }
}

/// An element that `sequence` was told to require.
fn found<'a>(node: Option<Node<'a, 'a>>) -> Result<Node<'a, 'a>, Error> {
    node.ok_or_else(|| Error::SignatureForm { found: "nothing".to_owned() })
}

fn algorithm_of<'a>(node: Node<'a, '_>) -> &'a str {
    node.attribute("Algorithm").unwrap_or("")
}

/// SAML core 5.4.2: the reference names the ID of the element that holds the signature. An empty URI, an XPointer or an
/// address would leave it to the resolver what was signed.
fn refers_to(reference: Node<'_, '_>, target: Node<'_, '_>) -> Result<(), Error> {
    let id = target.attribute("ID").unwrap_or("");
    let uri = reference.attribute("URI").unwrap_or("");
    if !id.is_empty() && uri.strip_prefix('#') == Some(id) {
        return Ok(());
    }
    Err(Error::WrongReference { received: uri.to_owned(), expected: format!("#{id}") })
}

/// SAML core 5.4.4: enveloped-signature and exclusive canonicalization, here both and in this order.
fn transform<'a>(transforms: Node<'a, 'a>) -> Result<Vec<&'a str>, Error> {
    let refused = |received: &str| Error::UnsupportedTransform { received: received.to_owned() };
    let mut all = xml::elements(transforms);
    let (first, second) = (all.next(), all.next());
    let first = first.ok_or_else(|| refused("no transform"))?;
    if !xml::is(first, DSIG, "Transform") || algorithm_of(first) != ENVELOPED {
        return Err(refused(algorithm_of(first)));
    }
    let second = second.ok_or_else(|| refused("no canonicalization transform"))?;
    if !xml::is(second, DSIG, "Transform") {
        return Err(refused(second.tag_name().name()));
    }
    if let Some(third) = all.next() {
        let odd = if algorithm_of(second) == EXC_C14N { third } else { second };
        return Err(refused(algorithm_of(odd)));
    }
    sequence(first, [])?;
    let [..] = sequence(transforms, ["Transform", "Transform"])?;
    exclusive(second)
}

/// The PrefixList of an exclusive canonicalization without comments.
fn exclusive<'a>(method: Node<'a, 'a>) -> Result<Vec<&'a str>, Error> {
    let refused = |received: &str| Error::UnsupportedTransform { received: received.to_owned() };
    if algorithm_of(method) != EXC_C14N {
        return Err(refused(algorithm_of(method)));
    }
    let mut inside = xml::elements(method);
    let Some(inclusive) = inside.next() else { return Ok(Vec::new()) };
    if !xml::is(inclusive, EXC_C14N, "InclusiveNamespaces") || inside.next().is_some() {
        return Err(refused(inclusive.tag_name().name()));
    }
    let prefixes: Vec<&str> = inclusive.attribute("PrefixList").unwrap_or("").split_ascii_whitespace().collect();
    if prefixes.len() > MAX_PREFIXES { Err(refused("a PrefixList of more than 32 prefixes")) } else { Ok(prefixes) }
}

/// Base64 with whitespace in one text node. A comment inside a DigestValue makes two readers see two digests.
fn decode(node: Node<'_, '_>) -> Result<Vec<u8>, Error> {
    let form = |found: String| Error::SignatureForm { found };
    let text = xml::text(node).map_err(|cause: XmlError| form(cause.to_string()))?;
    let joined: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(joined).map_err(|_| form(format!("<{}> without Base64", node.tag_name().name())))
}
