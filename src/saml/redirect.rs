//! HTTP-Redirect (bindings 3.4): a message deflated into a query, signed over the octets of the query as they travel.

use std::io::Read as _;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::crypto::signing::RsaSigner;

use super::error::Error;
use super::key;
use super::sign;
use super::sign::percent_encode;
use super::signature;
use super::signature::PinnedKey;
use super::signature::Verified;
use super::xml::MESSAGE;
use super::xml::XmlError;

pub const REQUEST: &str = "SAMLRequest";
pub const RESPONSE: &str = "SAMLResponse";
const RELAY_STATE: &str = "RelayState";
const ENCODING: &str = "SAMLEncoding";
const DEFLATE: &str = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";

/// Where to send the browser with a message. `location` may have a query of its own.
pub fn url(location: &str, field: &str, text: &str, relay_state: Option<&str>, signer: &RsaSigner) -> String {
    let mut query = format!("{field}={}", percent_encode(&STANDARD.encode(deflate(text))));
    if let Some(relay_state) = relay_state {
        query.push_str(&format!("&RelayState={}", percent_encode(relay_state)));
    }
    with_query(location, &sign::sign_query(&query, signer))
}

fn with_query(url: &str, query: &str) -> String {
    let url = url.split('#').next().unwrap_or(url);
    let joint = match url.split_once('?') {
        None => "?",
        Some((_, own)) if own.is_empty() || own.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{url}{joint}{query}")
}

/// Raw DEFLATE (RFC 1951).
fn deflate(text: &str) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    written.expect("writing into memory does not fail")
}

/// A query that carries a message, each value as it came. A parameter that means something stands in it once: of two, one
/// program would verify the first and another read the last.
#[derive(Debug)]
pub struct Query {
    field: &'static str,
    message: String,
    relay_state: Option<String>,
    algorithm: Option<String>,
    signature: Option<String>,
}

impl Query {
    /// `raw` is the query as the browser sent it, never decoded and encoded again.
    pub fn read(raw: &str) -> Result<Self, Error> {
        let mut values = Values::default();
        raw.split('&').filter(|pair| !pair.is_empty()).try_for_each(|pair| values.take(pair))?;
        let [request, response, relay_state, algorithm, signature, encoding] = values.0;
        let (field, message) = match (request, response) {
            (Some(request), None) => (REQUEST, request),
            (None, Some(response)) => (RESPONSE, response),
            (None, None) => return Err(Error::NoMessage),
            (Some(_), Some(_)) => return Err(Error::Ambiguous { field: RESPONSE }),
        };
        if encoding.is_some_and(|encoding| decode(&encoding).as_deref() != Some(DEFLATE.as_bytes())) {
            return Err(Error::SignatureForm { found: format!("{ENCODING} that is not DEFLATE") });
        }
        Ok(Self { field, message, relay_state, algorithm, signature })
    }

    pub fn field(&self) -> &'static str {
        self.field
    }

    pub fn relay_state(&self) -> Result<Option<String>, Error> {
        let Some(raw) = &self.relay_state else { return Ok(None) };
        let bytes = decode(raw).ok_or(Error::NotUtf8)?;
        String::from_utf8(bytes).map(Some).map_err(|_| Error::NotUtf8)
    }

    /// The message, believed in nothing yet. However small it came, it grows to the size of a message at most.
    pub fn inflate(&self) -> Result<String, Error> {
        let encoded = decode(&self.message).ok_or(Error::NotBase64)?;
        let joined: Vec<u8> = encoded.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let packed = STANDARD.decode(joined).map_err(|_| Error::NotBase64)?;
        let mut bytes = Vec::new();
        let read = DeflateDecoder::new(packed.as_slice()).take(MESSAGE.bytes as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|_| Error::NotDeflated)?;
        if bytes.len() > MESSAGE.bytes {
            return Err(XmlError::TooLarge { bytes: bytes.len(), limit: MESSAGE.bytes }.into());
        }
        String::from_utf8(bytes).map_err(|_| Error::NotUtf8)
    }

    /// Bindings 3.4.4.1: the signature is over the values as they travelled, in the order that the binding names and not
    /// the query's. A signature within the message counts for nothing here.
    pub fn verify(&self, keys: &[PinnedKey]) -> Result<Verified, Error> {
        let (Some(algorithm), Some(value)) = (&self.algorithm, &self.signature) else { return Err(Error::NotSigned) };
        let form = |found: &str| Error::SignatureForm { found: found.to_owned() };
        let uri = decode(algorithm).and_then(|uri| String::from_utf8(uri).ok()).ok_or_else(|| form("SigAlg"))?;
        let name = key::algorithm_name(&uri).ok_or(Error::WeakAlgorithm { received: uri })?;
        let value = decode(value).and_then(|value| STANDARD.decode(value).ok());
        let value = value.ok_or_else(|| form("Signature without Base64"))?;
        let mut signed = format!("{}={}", self.field, self.message);
        if let Some(relay_state) = &self.relay_state {
            signed.push_str(&format!("&{RELAY_STATE}={relay_state}"));
        }
        signed.push_str(&format!("&SigAlg={algorithm}"));
        signature::maker(keys, name, signed.as_bytes(), &value).ok_or_else(|| signature::unknown_key(keys, None))
    }
}

const NAMES: [&str; 6] = [REQUEST, RESPONSE, RELAY_STATE, "SigAlg", "Signature", ENCODING];

#[derive(Default)]
struct Values([Option<String>; NAMES.len()]);

impl Values {
    /// Keeps the raw value of a parameter that we know. A name that only decoding makes one of ours is refused: whoever
    /// wrote it hopes that somebody else reads it otherwise.
    fn take(&mut self, pair: &str) -> Result<(), Error> {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = decode(name).unwrap_or_default();
        for (slot, known) in self.0.iter_mut().zip(NAMES) {
            if decoded == known.as_bytes() && (name != known || slot.replace(value.to_owned()).is_some()) {
                return Err(Error::Ambiguous { field: known });
            }
        }
        Ok(())
    }
}

/// Of `application/x-www-form-urlencoded`; nothing where an escape is broken.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_query_gets_one_and_a_fragment_goes() {
        assert_eq!(with_query("https://a/b", "c=d"), "https://a/b?c=d");
        assert_eq!(with_query("https://a/b?", "c=d"), "https://a/b?c=d");
        assert_eq!(with_query("https://a/b?x#y", "c=d"), "https://a/b?x&c=d");
    }

    #[test]
    fn a_query_is_read_as_it_came_and_each_parameter_once() {
        let query = Query::read("x=1&Signature=c&SAMLRequest=a%2b&RelayState=%41&SigAlg=b").unwrap();
        assert_eq!((query.field(), query.message.as_str()), (REQUEST, "a%2b"));
        assert_eq!(query.relay_state().unwrap().as_deref(), Some("A"));
        for twice in [
            "SAMLRequest=a&SAMLRequest=b",
            "SAMLRequest=a&SAMLRequest=a",
            "SAMLRequest=a&SAMLResponse=b",
            "SAMLRequest=a&SAML%52equest=b",
            "SAML%52equest=b",
            "SAMLRequest=a&SigAlg=b&SigAlg=b",
            "SAMLRequest=a&Signature&Signature=b",
            "SAMLRequest=a&RelayState=b&RelayState=b",
        ] {
            assert!(matches!(Query::read(twice), Err(Error::Ambiguous { .. })), "{twice}");
        }
        assert_eq!(Query::read("").unwrap_err(), Error::NoMessage);
        assert_eq!(Query::read("samlrequest=a&RelayState=b").unwrap_err(), Error::NoMessage);
    }

    #[test]
    fn what_inflates_beyond_a_message_is_refused_before_it_has() {
        let bomb = percent_encode(&STANDARD.encode(deflate(&"a".repeat(100 * MESSAGE.bytes))));
        let error = Query::read(&format!("SAMLRequest={bomb}")).unwrap().inflate().unwrap_err();
        assert_eq!(error, XmlError::TooLarge { bytes: MESSAGE.bytes + 1, limit: MESSAGE.bytes }.into());
    }

    #[test]
    fn broken_values_are_errors() {
        let inflate = |value: &str| Query::read(&format!("SAMLRequest={value}")).unwrap().inflate().unwrap_err();
        assert_eq!(inflate("%zz"), Error::NotBase64);
        assert_eq!(inflate("a b"), Error::NotBase64);
        assert_eq!(inflate("YWJj"), Error::NotDeflated);
        assert!(Query::read("SAMLRequest=a&RelayState=%ff").unwrap().relay_state().is_err());
        assert!(Query::read("SAMLRequest=a&SAMLEncoding=b").is_err());
    }
}
