//! Reads a service provider's AuthnRequest (SAML core 3.4.1), however it came. Its signature is not looked at: this
//! provider answers whoever asks.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::DeflateDecoder;

use crate::saml::xml;
use crate::saml::xml::ASSERTION;
use crate::saml::xml::MESSAGE;
use crate::saml::xml::PROTOCOL;

/// What is wrong with a request, for the person whose browser brought it.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("No sign-in request came. Start at the application that you want to sign in to.")]
    Missing,
    #[error("The request is not Base64.")]
    NotBase64,
    #[error("The request is neither XML nor compressed XML.")]
    NotXml,
    #[error("The request cannot be read: {0}.")]
    Unreadable(#[from] xml::XmlError),
    #[error("The request is no AuthnRequest.")]
    NotAuthnRequest,
    #[error("The request has no {0}.")]
    Without(&'static str),
    #[error("The request wants its answer at {0}, which is no web address.")]
    NoWebAddress(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub id: String,
    /// Entity ID of who asks.
    pub issuer: String,
    pub acs_url: String,
    pub name_id_format: Option<String>,
}

impl Request {
    /// Takes the whole redirect URL, or the value of SAMLRequest from either binding.
    pub fn read(text: &str) -> Result<Self, RequestError> {
        let value = match text.split_once('?') {
            Some((_, query)) => saml_request(query).ok_or(RequestError::Missing)?,
            None => text.to_owned(),
        };
        if value.is_empty() {
            return Err(RequestError::Missing);
        }
        let document = decode(&value)?;
        let document = xml::parse(&document, &MESSAGE)?;
        let root = document.root_element();
        if !xml::is(root, PROTOCOL, "AuthnRequest") {
            return Err(RequestError::NotAuthnRequest);
        }
        let attribute = |name: &'static str| root.attribute(name).map(str::to_owned).ok_or(RequestError::Without(name));
        let acs_url = attribute("AssertionConsumerServiceURL")?;
        let is_web = url::Url::parse(&acs_url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !is_web {
            return Err(RequestError::NoWebAddress(acs_url));
        }
        let policy = xml::optional(root, PROTOCOL, "NameIDPolicy")?;
        Ok(Self {
            id: attribute("ID")?,
            issuer: xml::text(xml::required(root, ASSERTION, "Issuer")?)?.trim().to_owned(),
            acs_url,
            name_id_format: policy.and_then(|policy| policy.attribute("Format")).map(str::to_owned),
        })
    }
}

fn saml_request(query: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "SAMLRequest")
        .map(|(_, value)| value.into_owned())
}

/// HTTP-POST carries the XML as it is (bindings 3.5.4), HTTP-Redirect deflated (3.4.4.1).
fn decode(value: &str) -> Result<String, RequestError> {
    let joined: Vec<u8> = value.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(joined).map_err(|_| RequestError::NotBase64)?;
    let plain = match bytes.first() {
        Some(b'<') => bytes,
        _ => inflate(&bytes).ok_or(RequestError::NotXml)?,
    };
    String::from_utf8(plain).map_err(|_| RequestError::NotXml)
}

fn inflate(packed: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let limit = u64::try_from(MESSAGE.bytes).ok()?;
    DeflateDecoder::new(packed).take(limit).read_to_end(&mut plain).ok()?;
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::signing::SigningIdentity;
    use crate::model::time::Timestamp;
    use crate::saml::request::AuthnRequest;

    fn sent() -> AuthnRequest {
        let now = Timestamp::from_secs(1_795_327_200);
        AuthnRequest::new("http://127.0.0.1:1/sso", "https://sp.example.com/acs?a=1&b=2", "https://sp.example.com", now)
    }

    fn wanted(sent: &AuthnRequest) -> Request {
        Request {
            id: sent.id.clone(),
            issuer: sent.entity_id.clone(),
            acs_url: sent.acs_url.clone(),
            name_id_format: None,
        }
    }

    #[test]
    fn a_request_is_read_from_either_binding() {
        let identity = SigningIdentity::generate("sp", 1_795_327_200, 1).unwrap();
        let (sent, signer) = (sent(), identity.signer().unwrap());
        let url = sent.redirect_url("http://127.0.0.1:1/sso", Some("back"), &signer);
        assert_eq!(Request::read(&url).unwrap(), wanted(&sent));
        let form = sent.post_form(&signer, &identity.certificate_der).unwrap();
        assert_eq!(Request::read(&form).unwrap(), wanted(&sent));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let encoded = |text: &str| STANDARD.encode(text);
        assert!(matches!(Request::read(""), Err(RequestError::Missing)));
        assert!(matches!(Request::read("http://127.0.0.1:1/sso?x=y"), Err(RequestError::Missing)));
        assert!(matches!(Request::read("%"), Err(RequestError::NotBase64)));
        assert!(matches!(Request::read(&encoded("nothing")), Err(RequestError::NotXml)));
        assert!(matches!(Request::read(&encoded("<a/>")), Err(RequestError::NotAuthnRequest)));
        let script = sent().to_xml().replace("https://sp.example.com/acs", "javascript:alert(1)//");
        assert!(matches!(Request::read(&encoded(&script)), Err(RequestError::NoWebAddress(_))));
    }
}
