//! Signs what we send: enveloped signatures (POST) and query strings (Redirect), RSA-SHA256.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;

use crate::crypto::signing::RsaSigner;

use super::c14n::canonicalize;
use super::error::Error;
use super::signature::ENVELOPED;
use super::xml;
use super::xml::ASSERTION;
use super::xml::DSIG;
use super::xml::EXC_C14N;

pub const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

/// Signs the element whose `ID` is `id`; the signature goes right after its Issuer, where the schema wants it. Serves
/// AuthnRequest, Response and Assertion; sign the Assertion before the Response around it.
pub fn sign_element(text: &str, id: &str, signer: &RsaSigner, certificate_der: &[u8]) -> Result<String, Error> {
    let document = xml::parse(text, &xml::MESSAGE)?;
    let has_id = |node: &Node<'_, '_>| node.is_element() && node.attribute("ID") == Some(id);
    let element = document
        .descendants()
        .find(has_id)
        .ok_or(Error::WrongReference { received: "no element".to_owned(), expected: format!("#{id}") })?;
    let issuer = xml::required(element, ASSERTION, "Issuer")?;
    let canonical = canonicalize(&document, element, None, &[])?;
    let signature = signature(id, canonical.as_bytes(), signer, certificate_der);
    let (before, after) = text.split_at_checked(issuer.range().end).unwrap_or((text, ""));
    Ok(format!("{before}{signature}{after}"))
}

fn signature(id: &str, canonical: &[u8], signer: &RsaSigner, certificate_der: &[u8]) -> String {
    let digest = STANDARD.encode(digest::digest(&digest::SHA256, canonical));
    let id = xml::escape(id);
    // Canonical as it stands: no empty-element tags, the only prefix declared on top.
    let content = format!(
        "<ds:CanonicalizationMethod Algorithm=\"{EXC_C14N}\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"{RSA_SHA256}\"></ds:SignatureMethod>\
         <ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform Algorithm=\"{ENVELOPED}\"></ds:Transform>\
         <ds:Transform Algorithm=\"{EXC_C14N}\"></ds:Transform></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"{SHA256}\"></ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"
    );
    let signed = format!("<ds:SignedInfo xmlns:ds=\"{DSIG}\">{content}</ds:SignedInfo>");
    let value = STANDARD.encode(signer.sign_sha256(signed.as_bytes()));
    let certificate = STANDARD.encode(certificate_der);
    format!(
        "<ds:Signature xmlns:ds=\"{DSIG}\"><ds:SignedInfo>{content}</ds:SignedInfo>\
         <ds:SignatureValue>{value}</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}\
         </ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"
    )
}

/// Adds SigAlg and Signature to a query string (bindings 3.4.4.1): the signature covers exactly these octets.
pub fn sign_query(query: &str, signer: &RsaSigner) -> String {
    let signed = format!("{query}&SigAlg={}", percent_encode(RSA_SHA256));
    let signature = STANDARD.encode(signer.sign_sha256(signed.as_bytes()));
    format!("{signed}&Signature={}", percent_encode(&signature))
}

/// RFC 3986 2.3: everything but unreserved characters; a space is `%20`, since some peers encode again before they verify.
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3 / 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
