use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Idp;
use super::assertion;
use super::expected;
use super::request;
use super::response;
use crate::crypto::certificate::Certificate;
use crate::crypto::signing::SigningIdentity;
use crate::saml::request::AuthnRequest;
use crate::saml::response::Received;
use crate::saml::response::Signed;
use crate::saml::response::examine;
use crate::saml::sign::sign_element;

#[test]
fn what_we_sign_we_verify_alone_and_both() {
    let idp = Idp::new();
    let inner = response(&idp.sign(&assertion(), "_assertion"));
    let cases = [
        (inner.clone(), Signed::Assertion),
        (idp.sign(&response(&assertion()), "_response"), Signed::Response),
        (idp.sign(&inner, "_response"), Signed::Both),
    ];
    for (text, signed) in cases {
        let examination = examine(Received::decode(&STANDARD.encode(text)), &[idp.key()], &[], &expected(&request()));
        assert_eq!(examination.result.unwrap().signed, signed);
    }
}

#[test]
fn an_element_that_is_not_there_or_has_no_issuer_is_not_signed() {
    let identity = SigningIdentity::generate("sp", super::NOW.secs(), 1).unwrap();
    let signer = identity.signer().unwrap();
    for text in ["<a ID='x'/>", "<a ID='y'/>", "<a"] {
        assert!(sign_element(text, "x", &signer, &identity.certificate_der).is_err(), "{text}");
    }
}

/// Debian's xmlsec1 where it is installed: somebody else's opinion of what we sign.
#[test]
fn xmlsec1_verifies_our_requests() {
    let identity = SigningIdentity::generate("sp", super::NOW.secs(), 1).unwrap();
    let request = AuthnRequest::new(
        "https://idp.example.com/sso",
        super::ACS_URL,
        "https://sp.example.com/m?a=1&b=2",
        super::NOW,
    );
    let form = request.post_form(&identity.signer().unwrap(), &identity.certificate_der).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (signed, certificate) = (folder.path().join("request.xml"), folder.path().join("sp.pem"));
    std::fs::write(&signed, STANDARD.decode(form).unwrap()).unwrap();
    std::fs::write(&certificate, Certificate::from_der(&identity.certificate_der).unwrap().to_pem()).unwrap();
    let run = std::process::Command::new("xmlsec1")
        .args([
            "--verify",
            "--id-attr:ID",
            "urn:oasis:names:tc:SAML:2.0:protocol:AuthnRequest",
            "--enabled-key-data",
            "key-name",
        ])
        .arg("--pubkey-cert-pem")
        .args([&certificate, &signed])
        .output();
    let Ok(output) = run else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
