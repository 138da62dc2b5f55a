use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::NOW;
use super::folder;
use crate::crypto::certificate::Certificate;
use crate::crypto::certificate::CertificateError;
use crate::saml::metadata::MetadataError;
use crate::saml::metadata::read;
use crate::saml::metadata::read_entity;
use crate::saml::sp_metadata::SpMetadata;
use crate::saml::sp_metadata::write;
use crate::saml::xml::XmlError;

const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

fn certificate(name: &str) -> Certificate {
    let pem = std::fs::read_to_string(folder().join(format!("certificates/{name}.pem"))).unwrap();
    Certificate::from_text(&pem).unwrap().remove(0)
}

/// A certificate that is not accepted as such.
fn weak() -> String {
    let pem = std::fs::read_to_string(folder().join("certificates/rsa_1024.pem")).unwrap();
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

fn key(usage: &str, certificate: &str) -> String {
    format!(
        "<KeyDescriptor{usage}><KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>\n\
         {certificate}\n</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
    )
}

fn entity(id: &str, attributes: &str, keys: &str) -> String {
    format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{id}\"{attributes}>\
         <IDPSSODescriptor WantAuthnRequestsSigned=\"true\" \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}\
         <SingleLogoutService Binding=\"{REDIRECT}\" Location=\"https://idp.example.com/slo\"/>\
         <NameIDFormat>urn:f</NameIDFormat>\
         <SingleSignOnService Binding=\"{REDIRECT}\" Location=\"https://idp.example.com/sso?a=1&amp;b=2\"/>\
         <SingleSignOnService Binding=\"{POST}\" Location=\"https://idp.example.com/post\"/></IDPSSODescriptor>\
         <Organization><OrganizationDisplayName xml:lang=\"de\">Firma</OrganizationDisplayName>\
         <OrganizationDisplayName xml:lang=\"en\">Company</OrganizationDisplayName></Organization></EntityDescriptor>"
    )
}

fn usual() -> String {
    entity("https://idp", "", &key(" use=\"signing\"", &certificate("idp").to_base64()))
}

fn error(text: &str) -> MetadataError {
    read(text.as_bytes(), NOW).unwrap_err()
}

#[test]
fn all_that_a_connection_needs_is_read() {
    let found = read(format!("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>{}", usual()).as_bytes(), NOW).unwrap();
    assert_eq!(found.entity_id, "https://idp");
    assert_eq!(found.sso_redirect.as_deref(), Some("https://idp.example.com/sso?a=1&b=2"));
    assert_eq!(found.sso_post.as_deref(), Some("https://idp.example.com/post"));
    let slo = found.slo_redirect.unwrap();
    assert_eq!((slo.location.as_str(), slo.response_location), ("https://idp.example.com/slo", None));
    assert_eq!(found.slo_post, None);
    assert_eq!(found.certificates, [certificate("idp")]);
    assert_eq!(found.name_id_formats, ["urn:f"]);
    assert_eq!(found.display_name.as_deref(), Some("Company"));
    assert!(found.wants_signed_requests && found.valid_until.is_none());
}

#[test]
fn every_signing_certificate_counts_once_and_an_unusable_one_is_noted() {
    let keys = [
        key("", &certificate("idp").to_base64()),
        key(" use=\"signing\"", &certificate("idp").to_base64()),
        key(" use=\"signing\"", &certificate("idp_p256").to_base64()),
        key(" use=\"signing\"", &weak()),
        key(" use=\"encryption\"", &certificate("other").to_base64()),
    ];
    let found = read(entity("https://idp", "", &keys.concat()).as_bytes(), NOW).unwrap();
    assert_eq!(found.certificates, [certificate("idp"), certificate("idp_p256")]);
    assert_eq!(found.skipped, [CertificateError::WeakKey { key: "RSA 1024".to_owned() }]);
    assert_eq!(error(&entity("https://idp", "", &key("", &weak()))).code(), "cert_weak_key");
    assert_eq!(error(&entity("https://idp", "", "")).code(), "metadata_no_cert");
    let only_encryption = key(" use=\"encryption\"", &certificate("idp").to_base64());
    assert_eq!(error(&entity("https://idp", "", &only_encryption)).code(), "metadata_no_cert");
}

#[test]
fn of_several_providers_one_is_chosen() {
    let keys = key("", &certificate("idp").to_base64());
    let federation = format!(
        "<EntitiesDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\"><EntitiesDescriptor>{}</EntitiesDescriptor>{}</EntitiesDescriptor>",
        entity("https://one", "", &keys),
        entity("https://two", "", &keys)
    );
    let error = error(&federation);
    assert_eq!(
        (error.code(), error.entity_ids()),
        ("metadata_many", &["https://one".to_owned(), "https://two".to_owned()][..])
    );
    assert_eq!(read_entity(federation.as_bytes(), "https://two", NOW).unwrap().entity_id, "https://two");
    assert!(matches!(read_entity(federation.as_bytes(), "https://three", NOW), Err(MetadataError::Unknown { .. })));
}

#[test]
fn what_is_no_metadata_of_a_provider_is_named() {
    assert_eq!(error("<!DOCTYPE html><html>").code(), "metadata_not_xml");
    assert_eq!(error("<html><body><br></body></html>").code(), "metadata_not_xml");
    assert!(error("{\"issuer\": 1}").to_string().contains("it starts with \"{\"issuer\": 1}\"."));
    assert!(error("").to_string().contains("nothing"));
    let private = error("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----");
    assert_eq!((private.code(), private.to_string().contains("MIIE")), ("cert_private_key", false));
    assert_eq!(error("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----").code(), "cert_public_key");
    assert_eq!(error("<a/>").code(), "metadata_not_xml");
    let ours = write(&SpMetadata {
        entity_id: "https://sp",
        acs_url: "https://sp/acs",
        slo_url: None,
        certificates: &[],
        name: None,
    });
    assert_eq!(error(&ours).code(), "metadata_sp");
    assert_eq!(error(&usual().replace("</EntityDescriptor>", "")).code(), "metadata_unreadable");
    assert_eq!(error(&format!("<!DOCTYPE x [<!ENTITY e 'x'>]>{}", usual())).code(), "metadata_not_xml");
    assert_eq!(error(&format!("<?xml version='1.0'?><!DOCTYPE x>{}", usual())), MetadataError::Xml(XmlError::Doctype));
    assert_eq!(error(&usual().replace("entityID=\"https://idp\"", "entityID=\" \"")), MetadataError::NoEntityId);
    assert_eq!(error(&"x".repeat(1024 * 1024 + 1)).code(), "metadata_unreadable");
    let saml1 = usual().replace("urn:oasis:names:tc:SAML:2.0:protocol", "urn:oasis:names:tc:SAML:1.1:protocol");
    assert_eq!(error(&saml1).code(), "metadata_not_xml");
}

#[test]
fn other_encodings_are_named() {
    let utf16: Vec<u8> = "\u{feff}<a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(read(&utf16, NOW).unwrap_err().to_string().contains("is UTF-16, not"));
    assert_eq!(read(b"<a>\xfc</a>", NOW).unwrap_err().code(), "metadata_encoding");
    let declared = format!("<?xml version=\"1.0\" encoding=\"utf-16\"?>{}", usual());
    assert!(error(&declared).to_string().contains("is utf-16, not"));
}

#[test]
fn expired_metadata_says_when_it_ended() {
    let keys = key("", &certificate("idp").to_base64());
    let until = |time: &str| entity("https://idp", &format!(" validUntil=\"{time}\""), &keys);
    let expired = error(&until("2026-11-21T00:00:00Z"));
    assert_eq!(expired.code(), "metadata_expired");
    assert_eq!(expired.to_string(), "The metadata expired on 21 Nov 2026. Export it again.");
    assert!(read(until("2026-11-23T00:00:00Z").as_bytes(), NOW).unwrap().valid_until.is_some());
    assert!(matches!(error(&until("soon")), MetadataError::BadTime { .. }));
}

#[test]
fn addresses_that_are_not_of_the_web_do_not_count() {
    let text = usual().replace("https://idp.example.com/sso?a=1&amp;b=2", "javascript:alert(1)");
    assert_eq!(read(text.as_bytes(), NOW).unwrap().sso_redirect, None);
    let none = text.replace("https://idp.example.com/post", "file:///etc/passwd");
    assert_eq!(error(&none).code(), "metadata_no_sso");
}

#[test]
fn a_feed_of_a_thousand_providers_is_read_at_once() {
    let start = super::cpu_time();
    let keys = "<KeyDescriptor xmlns:a='urn:a' xmlns:b='urn:b' xmlns:c='urn:c'/>".repeat(2);
    let entities: String = (0..900).map(|n| entity(&format!("https://idp{n}"), "", &keys)).collect();
    let feed =
        format!("<EntitiesDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\">{entities}</EntitiesDescriptor>");
    assert_eq!(error(&feed[..]).entity_ids().len(), 900, "{} bytes", feed.len());
    assert!(super::cpu_time() - start < std::time::Duration::from_secs(3));
}

#[test]
fn ours_is_well_formed_and_says_what_we_do() {
    let certificates = [certificate("idp"), certificate("other")];
    let text = write(&SpMetadata {
        entity_id: "https://sp/m?a=1&b=2",
        acs_url: "https://sp/acs",
        slo_url: Some("https://sp/slo"),
        certificates: &certificates,
        name: Some("Müller & Söhne"),
    });
    let document = crate::saml::xml::parse(&text, &crate::saml::xml::METADATA_FILE).unwrap();
    let root = document.root_element();
    assert_eq!(root.attribute("entityID"), Some("https://sp/m?a=1&b=2"));
    let named = |name: &str| document.descendants().filter(|node| node.tag_name().name() == name).collect::<Vec<_>>();
    assert_eq!(named("KeyDescriptor").len(), 4);
    assert_eq!(named("SingleLogoutService").len(), 2);
    assert_eq!(named("OrganizationDisplayName")[0].text(), Some("Müller & Söhne"));
    let first = named("EncryptionMethod")[0].attribute("Algorithm");
    assert_eq!(first, Some("http://www.w3.org/2009/xmlenc11#aes256-gcm"));
    assert_eq!(STANDARD.decode(named("X509Certificate")[0].text().unwrap()).unwrap(), certificates[0].der);
    let acs = named("AssertionConsumerService")[0];
    assert_eq!((acs.attribute("index"), acs.attribute("isDefault")), (Some("0"), Some("true")));
}
