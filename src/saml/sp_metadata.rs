//! Writes our own metadata (SAML metadata 2.4.4), for one connection.

use crate::crypto::certificate::Certificate;

use super::xml::DSIG;
use super::xml::METADATA;
use super::xml::PROTOCOL;
use super::xml::escape;

/// What we decrypt, best first; an identity provider takes the first it knows.
const CONTENT: [&str; 4] = [
    "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    "http://www.w3.org/2009/xmlenc11#aes128-gcm",
    "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
    "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
];
/// Key transports, with their parameters: OAEP and its mask with the same hash.
const TRANSPORT: &str = "<md:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#rsa-oaep\">\
    <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>\
    <xenc11:MGF xmlns:xenc11=\"http://www.w3.org/2009/xmlenc11#\" Algorithm=\"http://www.w3.org/2009/xmlenc11#mgf1sha256\"/>\
    </md:EncryptionMethod>\
    <md:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p\">\
    <ds:DigestMethod Algorithm=\"http://www.w3.org/2000/09/xmldsig#sha1\"/></md:EncryptionMethod>";
const FORMATS: [&str; 3] = [
    "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
];

#[derive(Debug, Clone, Copy)]
pub struct SpMetadata<'a> {
    pub entity_id: &'a str,
    pub acs_url: &'a str,
    pub slo_url: Option<&'a str>,
    /// The current certificate first, then the next one while identity providers are to learn it.
    pub certificates: &'a [Certificate],
    pub name: Option<&'a str>,
}

pub fn write(sp: &SpMetadata<'_>) -> String {
    let acs_url = escape(sp.acs_url);
    let formats: String =
        FORMATS.iter().map(|format| format!("    <md:NameIDFormat>{format}</md:NameIDFormat>\n")).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <md:EntityDescriptor xmlns:md=\"{METADATA}\" xmlns:ds=\"{DSIG}\" entityID=\"{}\">\n  \
         <md:SPSSODescriptor AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\" \
         protocolSupportEnumeration=\"{PROTOCOL}\">\n{}{}{formats}    \
         <md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"{acs_url}\" \
         index=\"0\" isDefault=\"true\"/>\n  </md:SPSSODescriptor>\n{}</md:EntityDescriptor>\n",
        escape(sp.entity_id),
        sp.certificates.iter().map(keys).collect::<String>(),
        sp.slo_url.map(logout_services).unwrap_or_default(),
        sp.name.map(|name| organization(name, sp.entity_id)).unwrap_or_default(),
    )
}

fn keys(certificate: &Certificate) -> String {
    let info = format!(
        "      <ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\n",
        certificate.to_base64()
    );
    let content: String =
        CONTENT.iter().map(|uri| format!("      <md:EncryptionMethod Algorithm=\"{uri}\"/>\n")).collect();
    format!(
        "    <md:KeyDescriptor use=\"signing\">\n{info}    </md:KeyDescriptor>\n    \
         <md:KeyDescriptor use=\"encryption\">\n{info}{content}      {TRANSPORT}\n    </md:KeyDescriptor>\n"
    )
}

fn logout_services(url: &str) -> String {
    let url = escape(url);
    let service = |binding: &str| {
        format!(
            "    <md:SingleLogoutService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:{binding}\" Location=\"{url}\"/>\n"
        )
    };
    service("HTTP-Redirect") + &service("HTTP-POST")
}

fn organization(name: &str, url: &str) -> String {
    let (name, url) = (escape(name), escape(url));
    format!(
        "  <md:Organization>\n    <md:OrganizationName xml:lang=\"en\">{name}</md:OrganizationName>\n    \
         <md:OrganizationDisplayName xml:lang=\"en\">{name}</md:OrganizationDisplayName>\n    \
         <md:OrganizationURL xml:lang=\"en\">{url}</md:OrganizationURL>\n  </md:Organization>\n"
    )
}
