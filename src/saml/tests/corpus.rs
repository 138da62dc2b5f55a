use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::expected;
use super::folder;
use super::pinned;
use super::request;
use crate::saml::response::CheckName;
use crate::saml::response::Examination;
use crate::saml::response::Received;
use crate::saml::response::Signed;
use crate::saml::response::examine;
use crate::saml::signature::PinnedKey;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Case {
    /// Certificates that are trusted.
    key: String,
    allows_idp_initiated: bool,
    refuses_expired_certificates: bool,
    code: String,
    received: Option<String>,
    name_id: String,
    signed: Option<Signed>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            key: "idp".to_owned(),
            allows_idp_initiated: false,
            refuses_expired_certificates: false,
            code: String::new(),
            received: None,
            name_id: String::new(),
            signed: None,
        }
    }
}

/// Examines every case of a folder and reports the ones that `check` objects to.
fn each(kind: &str, check: impl Fn(&Case, &Examination) -> Result<(), String>) {
    let (mut count, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(folder().join(kind)).unwrap() {
        let path = entry.unwrap().path();
        let case: Case = toml::from_str(&fs::read_to_string(path.join("expected.toml")).unwrap()).unwrap();
        let text = fs::read(path.join("response.xml")).unwrap();
        let keys: Vec<PinnedKey> = case.key.split(' ').map(pinned).collect();
        let requests = request();
        let mut expected = expected(&requests);
        expected.allows_idp_initiated = case.allows_idp_initiated;
        expected.refuses_expired_certificates = case.refuses_expired_certificates;
        let examination = examine(Received::decode(&STANDARD.encode(&text)), &keys, &[], &expected);
        assert_eq!(examination.checks.len(), 5, "{path:?}");
        if let Err(what) = check(&case, &examination) {
            wrong.push(format!("{}: {what}", path.file_name().unwrap().to_string_lossy()));
        }
        count += 1;
    }
    assert!(count > 30, "{count} cases");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_good_document_is_accepted_and_names_the_person_in_full() {
    each("good", |case, examination| {
        let assertion = examination.result.as_ref().map_err(|error| format!("{}: {error:?}", error.code()))?;
        let name_id = assertion.name_id.as_ref().map_or("", |name_id| name_id.value.as_str());
        if name_id != case.name_id {
            return Err(format!("names {name_id}"));
        }
        if Some(assertion.signed) != case.signed {
            return Err(format!("{:?} signed", assertion.signed));
        }
        if examination.checks.iter().any(|check| check.ok != Some(true)) {
            return Err(format!("{:?}", examination.checks));
        }
        Ok(())
    });
}

#[test]
fn every_bad_document_is_refused_for_its_own_reason() {
    each("bad", |case, examination| {
        let error = examination.result.as_ref().err().ok_or("accepted")?;
        if error.code() != case.code {
            return Err(format!("{} instead of {}: {error:?}", error.code(), case.code));
        }
        if case.received.is_some() && error.received() != case.received {
            return Err(format!("received {:?}", error.received()));
        }
        let failed: Vec<_> = examination.checks.iter().filter(|check| check.ok == Some(false)).collect();
        let is_told = failed.iter().any(|check| check.name == error.check() || error.code() == "saml_malformed");
        if is_told { Ok(()) } else { Err(format!("no failed check tells {error:?}: {failed:?}")) }
    });
}

#[test]
fn the_checks_stand_in_a_fixed_order_and_tell_what_was_seen() {
    let examination = super::verdict(&super::document("good/assertion_signed"));
    let names: Vec<CheckName> = examination.checks.iter().map(|check| check.name).collect();
    assert_eq!(
        names,
        [CheckName::Address, CheckName::Signature, CheckName::Conditions, CheckName::Subject, CheckName::Attributes]
    );
    assert!(examination.checks[1].detail.starts_with("Assertion signed, RSA-SHA256, certificate "));
    assert_eq!(examination.checks[3].received.as_deref(), Some("alice@example.com"));
    assert!(
        !examination.came.redacted_xml().contains("</ds:DigestValue>\n")
            && examination.came.redacted_xml().contains("alice@example.com")
    );
}

#[test]
fn an_assertion_tells_all_that_a_sign_in_needs() {
    let assertion = super::verdict(&super::document("good/assertion_signed")).result.unwrap();
    assert_eq!(assertion.id, "_a1b2c3d4e5f60718293a4b5c6d7e8f90");
    assert_eq!(assertion.session_index.as_deref(), Some("_s1"));
    assert_eq!(assertion.in_response_to.as_deref(), Some("_req1"));
    assert_eq!(assertion.attributes.len(), 6);
    assert_eq!(assertion.attributes[2].values, ["Liddell <é€> \"q\""]);
    assert_eq!(assertion.attributes[3].values.len(), 12);
    // The end of the conditions, and three minutes.
    assert_eq!(assertion.valid_until.rfc3339(), "2026-11-22T06:08:00Z");
    assert_eq!(
        assertion.authn_context.as_deref(),
        Some("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport")
    );
    assert!(!assertion.certificate_expired && assertion.decrypted_by.is_none());
}

#[test]
fn nil_values_are_none_and_empty_ones_are_empty() {
    let assertion = super::verdict(&super::document("good/nil_and_empty_values")).result.unwrap();
    let values: Vec<Vec<String>> = assertion.attributes.into_iter().map(|attribute| attribute.values).collect();
    assert_eq!(values, [vec![], vec![String::new()], vec![]]);
}

#[test]
fn an_expired_certificate_is_accepted_and_told() {
    let text = super::document("good/certificate_expired");
    let examination =
        examine(Received::decode(&STANDARD.encode(text)), &[pinned("idp_expired")], &[], &expected(&request()));
    assert!(examination.result.unwrap().certificate_expired);
    assert!(examination.checks[1].detail.contains("expired on 1 Jan 2025"));
}

#[test]
fn line_breaks_in_the_form_field_are_read_over_and_other_characters_refused() {
    let encoded = STANDARD.encode(super::document("good/assertion_signed"));
    let broken: String =
        encoded.as_bytes().chunks(76).map(|line| format!("{}\r\n", String::from_utf8_lossy(line))).collect();
    let examine = |text: &str| {
        examine(Received::decode(text), &[pinned("idp")], &[], &expected(&request())).result.map_err(|e| e.code())
    };
    assert!(examine(&broken).is_ok());
    assert_eq!(examine("%%%").unwrap_err(), "saml_malformed");
    assert_eq!(examine("/w==").unwrap_err(), "saml_malformed");
    assert_eq!(examine(" \n").unwrap_err(), "saml_no_response");
    assert_eq!(examine(&"A".repeat(512 * 1024 + 1)).unwrap_err(), "saml_malformed");
}

#[test]
fn without_a_trusted_key_nothing_is_accepted() {
    let text = STANDARD.encode(super::document("good/assertion_signed"));
    let error = examine(Received::decode(&text), &[], &[], &expected(&request())).result.unwrap_err();
    assert_eq!((error.code(), error.expected().as_deref()), ("saml_signature_cert", Some("none")));
}

#[test]
fn what_strangers_write_is_cut_before_it_is_stored() {
    let text = super::document("good/assertion_signed")
        .replace("Destination=\"", &format!("Destination=\"{}", "é".repeat(5_000)));
    let examination = super::verdict(&text);
    let error = examination.result.unwrap_err();
    assert_eq!(error.code(), "saml_destination");
    assert!(error.to_string().len() < 500 && error.received().unwrap().len() < 1_000);
    assert!(examination.checks.iter().all(|check| format!("{check:?}").len() < 2_000));
}
