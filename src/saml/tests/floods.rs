use std::time::Duration;

use super::code;
use super::cpu_time;
use super::document;

/// Documents that made other verifiers work for minutes. The limit is generous, since this build is not optimized.
fn is_refused_at_once(name: &str, text: &str, expected: &str) {
    let start = cpu_time();
    let code = code(text);
    assert_eq!(code, expected, "{name}");
    let taken = cpu_time() - start;
    assert!(taken < Duration::from_secs(2), "{name} took {taken:?}");
}

fn in_response(inside: &str) -> String {
    document("good/assertion_signed")
        .replace("<samlp:Status>", &format!("<samlp:Extensions>{inside}</samlp:Extensions><samlp:Status>"))
}

fn in_assertion(inside: &str) -> String {
    document("good/assertion_signed").replace("<saml:Conditions", &format!("{inside}<saml:Conditions"))
}

fn part(text: &str, from: &str, to: &str) -> String {
    let start = text.find(from).unwrap();
    let end = text[start..].find(to).unwrap() + start + to.len();
    text[start..end].to_owned()
}

#[test]
fn nesting_namespaces_and_attributes_without_end_are_refused_at_once() {
    let deep = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
    is_refused_at_once("deep", &in_response(&deep(30_000)), "saml_malformed");
    is_refused_at_once("deep in what is signed", &in_assertion(&deep(30_000)), "saml_malformed");
    is_refused_at_once("unclosed", &in_response(&"<a>".repeat(60_000)), "saml_malformed");
    let spaces: String = (0..4000).map(|i| format!("xmlns:n{i}='urn:{i}' ")).collect();
    is_refused_at_once("namespaces", &in_assertion(&format!("<a {spaces}/>")), "saml_malformed");
    let attributes: String = (0..15_000).map(|i| format!("a{i}='1' ")).collect();
    is_refused_at_once("attributes", &in_assertion(&format!("<a {attributes}/>")), "saml_malformed");
    is_refused_at_once("nodes", &in_response(&"<a/>".repeat(50_000)), "saml_malformed");
    is_refused_at_once("size", &in_response(&"x".repeat(300_000)), "saml_malformed");
}

#[test]
fn the_most_that_the_limits_allow_is_still_fast() {
    let spaces: String = (0..60).map(|i| format!("xmlns:n{i}='urn:{i}' ")).collect();
    let scope = |inside: &str| format!("<a {spaces}>{inside}</a>");
    is_refused_at_once("elements in a wide scope", &in_response(&scope(&"<n59:a/>".repeat(15_000))), "ok");
    let redeclared = |n: usize| scope(&"<a xmlns:q='urn:q'/>".repeat(n));
    is_refused_at_once("declarations in a wide scope", &in_response(&redeclared(300)), "ok");
    is_refused_at_once("more declarations in a wide scope", &in_response(&redeclared(10_000)), "saml_malformed");
    let distinct: String = (0..4_500).map(|i| format!("<a xmlns:q='u:{i}'/>")).collect();
    is_refused_at_once("distinct declarations", &in_response(&distinct), "ok");
    let ids: String = (0..9_000).map(|i| format!("<a ID='i{i}'/>")).collect();
    is_refused_at_once("ids", &in_response(&ids), "ok");
    let wide: String = (0..60).map(|i| format!("a{i}='1' ")).collect();
    is_refused_at_once("wide tags", &in_response(&format!("<a {wide}/>").repeat(500)), "ok");
    is_refused_at_once("comments", &in_response(&"<!---->".repeat(15_000)), "ok");
    is_refused_at_once("open comment", &in_response(&"<!--".repeat(50_000)), "saml_malformed");
    is_refused_at_once("open quotes", &in_response(&"<a b='".repeat(40_000)), "saml_malformed");
}

#[test]
fn signatures_and_references_without_end_are_refused_at_once() {
    let text = document("good/assertion_signed");
    let signature = part(&text, "<ds:Signature ", "</ds:Signature>");
    is_refused_at_once("signatures", &in_response(&signature.repeat(80)), "saml_signature_wrapped");
    let reference = part(&text, "<ds:Reference", "</ds:Reference>");
    let many = text.replace(&reference, &reference.repeat(400));
    is_refused_at_once("references", &many, "saml_signature_wrapped");
    let certificate = part(&text, "<ds:X509Data>", "</ds:X509Data>");
    is_refused_at_once("certificates", &text.replace(&certificate, &certificate.repeat(100)), "ok");
    let uri = format!("urn:{}", "u".repeat(100_000));
    let long = format!("<a xmlns:q='{uri}'>{}</a>", "<q:a/>".repeat(10_000));
    is_refused_at_once("a long namespace used often", &in_response(&long), "ok");
}
