//! The readable account of one answer, for the admin.

use crate::model::sign_in::{Trace, TraceAttribute, TraceCheck};
use crate::saml::mapping::{Profile, Used};
use crate::saml::response::{Came, Check, CheckName};

pub fn of(checks: &[Check], came: &Came) -> Trace {
    of_message(checks, came.redacted_xml())
}

pub fn of_message(checks: &[Check], xml: String) -> Trace {
    let checks = checks.iter().map(|check| TraceCheck {
        name: name(check.name).to_owned(),
        ok: check.ok,
        received: check.received.clone(),
        expected: check.expected.clone(),
        detail: check.detail.clone(),
    });
    Trace { checks: checks.collect(), xml, ..Trace::default() }
}

/// The check's name in traces and the API.
fn name(check: CheckName) -> &'static str {
    match check {
        CheckName::Address => "address",
        CheckName::Signature => "signature",
        CheckName::Conditions => "conditions",
        CheckName::Subject => "subject",
        CheckName::Attributes => "attributes",
        CheckName::SecondOpinion => "second_opinion",
    }
}

pub fn with_attributes(mut trace: Trace, used: Vec<Used>, profile: &Profile, has_name_id: bool) -> Trace {
    let attribute =
        |used: Used| TraceAttribute { name: used.name, values: used.values, used_as: used.used_as.map(str::to_owned) };
    trace.attributes = used.into_iter().map(attribute).collect();
    if profile.job_title.is_none() {
        trace.notes.push("No job title came. Sign-in works; the job title stays as it is.".into());
    }
    if profile.email.is_none() {
        let text = match has_name_id {
            true => {
                "No email came. The NameID is no email address, and no attribute has one: only people who are linked already can sign in."
            }
            false => "No email came. Only people who are linked already can sign in.",
        };
        trace.notes.push(text.into());
    }
    trace
}

/// What is kept of other people's sign-ins: names of attributes, but of the document neither NameID nor values, and of
/// the values only what was used.
pub fn without_person(mut trace: Trace) -> Trace {
    for attribute in trace.attributes.iter_mut().filter(|attribute| attribute.used_as.is_none()) {
        attribute.values = vec!["(removed)".into(); attribute.values.len().min(1)];
    }
    trace.xml = without_text(&trace.xml, &["NameID", "AttributeValue"]);
    trace
}

/// Replaces what every element with one of these local names holds. One pass, also over text that is no XML: what it
/// cannot tell apart stays out.
fn without_text(xml: &str, names: &[&str]) -> String {
    let mut out = String::with_capacity(xml.len());
    let (mut rest, mut hidden) = (xml, 0usize);
    while let Some(start) = rest.find('<') {
        let (text, markup) = rest.split_at(start);
        let (tag, behind) = markup.split_at(end_of_markup(markup));
        let was_hidden = hidden > 0;
        if names.contains(&local_name(tag)) {
            match (tag.starts_with("</"), tag.ends_with("/>")) {
                (true, _) => hidden = hidden.saturating_sub(1),
                (false, false) => hidden += 1,
                (false, true) => {}
            }
        }
        if !was_hidden {
            out.push_str(text);
        }
        match (was_hidden, hidden > 0) {
            (false, true) => {
                out.push_str(tag);
                out.push('…');
            }
            (false, false) | (true, false) => out.push_str(tag),
            (true, true) => {}
        }
        rest = behind;
    }
    if hidden == 0 {
        out.push_str(rest);
    }
    out
}

/// How long the comment, CDATA section or tag is that begins here.
fn end_of_markup(markup: &str) -> usize {
    let behind = |mark: &str| markup.find(mark).map_or(markup.len(), |at| at + mark.len());
    if markup.starts_with("<!--") {
        return behind("-->");
    }
    if markup.starts_with("<![CDATA[") {
        return behind("]]>");
    }
    let mut quote = None;
    for (at, character) in markup.char_indices() {
        match (quote, character) {
            (None, '>') => return at + 1,
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    markup.len()
}

/// Of an opening or closing tag.
fn local_name(tag: &str) -> &str {
    let name = tag.trim_start_matches('<').trim_start_matches('/');
    let name = name.split([' ', '\t', '\r', '\n', '/', '>']).next().unwrap_or_default();
    name.rsplit(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_leave_the_document_and_its_shape_stays() {
        let xml = "<a:Subject><a:NameID Format=\"x\">ada@example.com</a:NameID></a:Subject><AttributeValue>Ada</AttributeValue><a:AttributeValue/>";
        let trace = without_person(Trace { xml: xml.into(), ..Trace::default() });
        assert_eq!(
            trace.xml,
            "<a:Subject><a:NameID Format=\"x\">…</a:NameID></a:Subject><AttributeValue>…</AttributeValue><a:AttributeValue/>"
        );
    }

    #[test]
    fn nothing_comes_through_odd_nesting_and_comments() {
        let hide = |xml: &str| without_text(xml, &["NameID"]);
        assert_eq!(hide("<NameID>a<NameID>b</NameID>c</NameID>d"), "<NameID>…</NameID>d");
        assert_eq!(hide("<NameID>a<!-- </NameID> -->b</NameID>"), "<NameID>…</NameID>");
        assert_eq!(hide("<NameID a='>'>secret"), "<NameID a='>'>…");
        assert_eq!(hide("<NameIDs>kept</NameIDs>"), "<NameIDs>kept</NameIDs>");
    }
}
