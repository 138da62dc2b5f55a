//! AuthnRequest (core 3.4.1), by HTTP-Redirect with a signed query (bindings 3.4) and by HTTP-POST with an enveloped
//! signature (bindings 3.5).

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::crypto::signing::RsaSigner;
use crate::model::time::Timestamp;

use super::error::Error;
use super::redirect;
use super::sign;
use super::xml::ASSERTION;
use super::xml::PROTOCOL;
use super::xml::escape;

const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthnRequest {
    pub id: String,
    /// The identity provider's address for the binding that is used.
    pub destination: String,
    pub acs_url: String,
    pub entity_id: String,
    pub issue_instant: Timestamp,
    pub force_authn: bool,
    /// None leaves the choice to the identity provider's settings; Entra lets a request overrule what its admin chose.
    pub name_id_format: Option<String>,
}

impl AuthnRequest {
    pub fn new(destination: &str, acs_url: &str, entity_id: &str, now: Timestamp) -> Self {
        Self {
            id: new_id(),
            destination: destination.to_owned(),
            acs_url: acs_url.to_owned(),
            entity_id: entity_id.to_owned(),
            issue_instant: now,
            force_authn: false,
            name_id_format: None,
        }
    }

    pub fn to_xml(&self) -> String {
        let force = if self.force_authn { " ForceAuthn=\"true\"" } else { "" };
        let format = self.name_id_format.as_deref().map(|format| format!(" Format=\"{}\"", escape(format)));
        format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" ID=\"{}\" Version=\"2.0\" IssueInstant=\"{}\" \
             Destination=\"{}\" AssertionConsumerServiceURL=\"{}\" ProtocolBinding=\"{POST}\"{force}>\
             <saml:Issuer xmlns:saml=\"{ASSERTION}\">{}</saml:Issuer>\
             <samlp:NameIDPolicy{} AllowCreate=\"true\"/></samlp:AuthnRequest>",
            escape(&self.id),
            self.issue_instant,
            escape(&self.destination),
            escape(&self.acs_url),
            escape(&self.entity_id),
            format.unwrap_or_default(),
        )
    }

    /// Where to send the browser. `sso_url` may have a query of its own.
    pub fn redirect_url(&self, sso_url: &str, relay_state: Option<&str>, signer: &RsaSigner) -> String {
        redirect::url(sso_url, redirect::REQUEST, &self.to_xml(), relay_state, signer)
    }

    /// The value of the form field SAMLRequest.
    pub fn post_form(&self, signer: &RsaSigner, certificate_der: &[u8]) -> Result<String, Error> {
        Ok(STANDARD.encode(sign::sign_element(&self.to_xml(), &self.id, signer, certificate_der)?))
    }
}

/// Core 1.3.4: an NCName nobody guesses, here of 128 random bits.
pub fn new_id() -> String {
    let mut random = [0; 16];
    rand::fill(&mut random).expect("the system's random numbers do not fail once the process runs");
    format!("_{:032x}", u128::from_be_bytes(random))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
    use aws_lc_rs::signature::UnparsedPublicKey;

    use super::*;
    use crate::crypto::certificate::Certificate;
    use crate::crypto::signing::SigningIdentity;
    use crate::saml::xml;

    fn request() -> AuthnRequest {
        let now = Timestamp::from_secs(1_795_327_200);
        AuthnRequest::new(
            "https://idp.example.com/sso?a=1&b=2",
            "https://sp.example.com/acs",
            "https://sp.example.com/m",
            now,
        )
    }

    #[test]
    fn the_redirect_carries_the_request_and_a_signature_over_its_exact_octets() {
        let identity = SigningIdentity::generate("sp", 1_700_000_000, 1).unwrap();
        let request = request();
        let address = request.redirect_url(&request.destination, Some("back to/&="), &identity.signer().unwrap());
        let query = address.strip_prefix("https://idp.example.com/sso?a=1&b=2&").unwrap();
        let (signed, signature) = query.split_once("&Signature=").unwrap();
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["SAMLRequest", "RelayState", "SigAlg", "Signature"]);
        assert_eq!(fields[1].1, "back to/&=");
        let mut text = String::new();
        let packed = STANDARD.decode(&fields[0].1).unwrap();
        flate2::read::DeflateDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, request.to_xml());
        let certificate = Certificate::from_der(&identity.certificate_der).unwrap();
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, certificate.public_key());
        assert!(!signature.contains('+'));
        assert!(key.verify(signed.as_bytes(), &STANDARD.decode(&fields[3].1).unwrap()).is_ok());
    }

    #[test]
    fn the_policy_names_a_format_only_when_told() {
        let mut request = request();
        assert!(request.to_xml().contains("<samlp:NameIDPolicy AllowCreate=\"true\"/>"));
        request.name_id_format = Some("urn:f".to_owned());
        request.force_authn = true;
        let text = request.to_xml();
        assert!(text.contains("Format=\"urn:f\"") && text.contains("ForceAuthn=\"true\""));
        let document = xml::parse(&text, &xml::MESSAGE).unwrap();
        assert_eq!(document.root_element().attribute("Destination"), Some("https://idp.example.com/sso?a=1&b=2"));
    }

    #[test]
    fn ids_are_names_of_128_bits_and_differ() {
        assert_ne!(new_id(), new_id());
        assert_eq!(new_id().len(), 33);
    }
}
