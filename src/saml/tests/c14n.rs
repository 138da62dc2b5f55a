use serde::Deserialize;

use super::folder;
use crate::saml::c14n::C14nError;
use crate::saml::c14n::canonicalize;
use crate::saml::xml;
use crate::saml::xml::XmlError;

/// A document and what libxml2 makes of it, written by tests/fuzz/c14n.py.
#[derive(Deserialize)]
struct Case {
    document: String,
    prefixes: Vec<String>,
    canonical: String,
}

fn canonical(text: &str, prefixes: &[&str]) -> Result<String, C14nError> {
    let document = xml::parse(text, &xml::MESSAGE).unwrap();
    canonicalize(&document, document.root_element(), None, prefixes)
}

#[test]
fn canonical_forms_are_those_of_libxml2_and_stay_as_they_are() {
    let path = std::env::var_os("DOORWARD_C14N").map_or_else(|| folder().join("c14n.json"), Into::into);
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut compared = 0;
    for case in &cases {
        let prefixes: Vec<&str> = case.prefixes.iter().map(String::as_str).collect();
        match xml::parse(&case.document, &xml::MESSAGE) {
            Ok(_) => {}
            // The generator sometimes nests or declares more than a message may.
            Err(XmlError::TooManyNamespaces { .. } | XmlError::TooDeep { .. }) => continue,
            Err(error) => panic!("{error}: {}", case.document),
        }
        let ours = canonical(&case.document, &prefixes).unwrap();
        assert_eq!(ours, case.canonical, "{}\nwith {prefixes:?}", case.document);
        assert_eq!(canonical(&ours, &prefixes).unwrap(), ours, "{}\nagain", case.document);
        compared += 1;
    }
    assert!(compared * 10 > cases.len() * 9 && compared >= 100, "{compared} of {}", cases.len());
}

#[test]
fn default_on_the_prefix_list_means_the_default_namespace() {
    let text = "<a:r xmlns:a='urn:a' xmlns='urn:d'><a:b/></a:r>";
    assert_eq!(canonical(text, &[]).unwrap(), "<a:r xmlns:a=\"urn:a\"><a:b></a:b></a:r>");
    assert_eq!(canonical(text, &["#default"]).unwrap(), "<a:r xmlns=\"urn:d\" xmlns:a=\"urn:a\"><a:b></a:b></a:r>");
    assert_eq!(canonical("<r/>", &["#default"]).unwrap(), "<r></r>");
}

#[test]
fn an_ampersand_in_a_namespace_is_written_as_one() {
    assert_eq!(canonical("<r xmlns='urn:a&amp;b'/>", &[]).unwrap(), "<r xmlns=\"urn:a&amp;b\"></r>");
}

#[test]
fn relative_namespaces_are_refused_where_they_would_be_written() {
    assert_eq!(canonical("<r xmlns='a'/>", &[]), Err(C14nError::RelativeNamespace("a".to_owned())));
    assert_eq!(canonical("<r xmlns:x='a'/>", &[]).unwrap(), "<r></r>");
}

#[test]
fn what_grows_beyond_a_megabyte_is_refused() {
    let uri = format!("urn:{}", "u".repeat(50_000));
    let text = format!("<r xmlns:q='{uri}'>{}</r>", "<q:a/>".repeat(100));
    assert_eq!(canonical(&text, &[]), Err(C14nError::TooLarge));
}
