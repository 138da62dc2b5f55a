//! The readable account of one answer, for the admin.

use crate::model::sign_in::{Trace, TraceAttribute, TraceCheck};
use crate::saml::mapping::{Profile, Used};
use crate::saml::response::{CheckName, Examination};

pub fn of(examination: &Examination) -> Trace {
    let checks = examination.checks.iter().map(|check| TraceCheck {
        name: name(check.name).to_owned(),
        ok: check.ok,
        received: check.received.clone(),
        expected: check.expected.clone(),
        detail: check.detail.clone(),
    });
    Trace { checks: checks.collect(), xml: examination.redacted_xml.clone(), ..Trace::default() }
}

/// The check's name in traces and the API.
fn name(check: CheckName) -> &'static str {
    match check {
        CheckName::Address => "address",
        CheckName::Signature => "signature",
        CheckName::Conditions => "conditions",
        CheckName::Subject => "subject",
        CheckName::Attributes => "attributes",
    }
}

pub fn with_attributes(mut trace: Trace, used: &[Used], profile: &Profile) -> Trace {
    trace.attributes = used
        .iter()
        .map(|used| TraceAttribute {
            name: used.name.clone(),
            values: used.values.clone(),
            used_as: used.used_as.map(str::to_owned),
        })
        .collect();
    if profile.job_title.is_none() {
        trace.notes.push("No job title came. Sign-in works; the job title stays as it is.".into());
    }
    if profile.email.is_none() {
        trace.notes.push("No email came. Only people who are linked already can sign in.".into());
    }
    trace
}

/// What is kept of other people's sign-ins: names of attributes, but of the document neither NameID nor values, and of
/// the values only what was used.
pub fn without_person(mut trace: Trace) -> Trace {
    for attribute in trace.attributes.iter_mut().filter(|attribute| attribute.used_as.is_none()) {
        attribute.values = vec!["(removed)".into(); attribute.values.len().min(1)];
    }
    for name in ["NameID", "AttributeValue"] {
        trace.xml = without_text(&trace.xml, name);
    }
    trace
}

/// Replaces the text of every element with this local name.
fn without_text(xml: &str, name: &str) -> String {
    let mut out = String::with_capacity(xml.len());
    let mut rest = xml;
    while let Some(start) = find_tag(rest, name) {
        let Some(end) = rest[start..].find('>').map(|end| start + end + 1) else { break };
        out.push_str(&rest[..end]);
        rest = &rest[end..];
        if out.ends_with("/>") {
            continue;
        }
        let Some(close) = rest.find(&format!("{name}>")).and_then(|at| rest[..at].rfind("</")) else { break };
        out.push('…');
        rest = &rest[close..];
    }
    out.push_str(rest);
    out
}

/// Where an opening tag with this local name begins, whatever its prefix.
fn find_tag(xml: &str, name: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = xml[from..].find(name).map(|at| from + at) {
        let open = xml[..at].rfind('<');
        let is_name = |text: &str| text.is_empty() || (text.ends_with(':') && !text.contains(['/', ' ', '"']));
        let ends = xml[at + name.len()..].starts_with([' ', '>', '/', '\n', '\r', '\t']);
        if let Some(open) = open.filter(|open| ends && is_name(&xml[open + 1..at])) {
            return Some(open);
        }
        from = at + name.len();
    }
    None
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
}
