//! Reads an assertion out of verified bytes and holds it against what was expected (SAML core 2, profiles 4.1.4).
//!
//! The response around an assertion that alone was signed is a hint: what it says can refuse, never accept.

use std::time::Duration;

use roxmltree::Node;

use crate::model::logout::NameId;
use crate::model::time::Timestamp;
use crate::model::time::minutes;

use super::error::CheckName;
use super::error::Error;
use super::key::colons;
use super::mapping::is_address;
use super::response::Assertion;
use super::response::Attribute;
use super::response::Check;
use super::response::Expected;
use super::response::Named;
use super::response::Read;
use super::signature::Signed;
use super::signature::Verified;
use super::xml;
use super::xml::ASSERTION;
use super::xml::PROTOCOL;
use super::xml::XSI;

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";
/// How old an assertion may be that nobody asked for.
const UNSOLICITED_AGE: Duration = minutes(5);

/// A verified document, taken apart.
pub struct Parts<'a> {
    pub response: Node<'a, 'a>,
    pub is_response_signed: bool,
    pub assertion: Node<'a, 'a>,
    pub signed: Signed,
    pub by: &'a Verified,
    pub decrypted_by: Option<usize>,
}

/// The verdict, and the five checks, each made whether or not another failed.
pub fn examine(parts: &Parts<'_>, expected: &Expected<'_>) -> Read {
    let confirmed = confirm(parts, expected);
    let address = address(parts, expected, &confirmed);
    let signature = signature(parts, expected);
    let conditions = conditions(parts, expected, &confirmed);
    let subject = subject(parts, &confirmed);
    let attributes = attributes(parts.assertion);
    let checks = vec![
        address.as_ref().map_or_else(
            |e| Check::failed(CheckName::Address, e),
            |destination| {
                let detail = format!("Sent by {}, to us.", expected.idp_entity_id);
                Check::passed(CheckName::Address, destination.clone(), Some(expected.acs_url.to_owned()), detail)
            },
        ),
        signature.as_ref().map_or_else(
            |e| Check::failed(CheckName::Signature, e),
            |()| Check::passed(CheckName::Signature, None, None, signature_detail(parts, expected)),
        ),
        conditions.as_ref().map_or_else(|e| Check::failed(CheckName::Conditions, e), |held| held.check(expected)),
        subject.as_ref().map_or_else(|e| Check::failed(CheckName::Subject, e), subject_check),
        attributes.as_ref().map_or_else(|e| Check::failed(CheckName::Attributes, e), |found| attributes_check(found)),
    ];
    let is_signed = signature.is_ok();
    let result = || {
        address?;
        signature?;
        Ok(assemble(parts, expected, conditions?, subject?, attributes?))
    };
    let result = result();
    let named = (result.is_err() && is_signed).then(|| named(parts.assertion));
    Read { result, checks, named }
}

/// Whom the assertion names, as far as it can be read.
fn named(assertion: Node<'_, '_>) -> Named {
    let subject = xml::optional(assertion, ASSERTION, "Subject").ok().flatten();
    let name_id = subject.and_then(|subject| xml::optional(subject, ASSERTION, "NameID").ok().flatten());
    Named {
        name_id: name_id.and_then(|node| read_name_id(node).ok().flatten()),
        attributes: attributes(assertion).unwrap_or_default(),
    }
}

fn assemble(
    parts: &Parts<'_>,
    expected: &Expected<'_>,
    conditions: Held,
    subject: Subject,
    attributes: Vec<Attribute>,
) -> Assertion {
    Assertion {
        id: parts.assertion.attribute("ID").unwrap_or("").to_owned(),
        issuer: expected.idp_entity_id.to_owned(),
        name_id: subject.name_id,
        attributes,
        session_index: subject.session_index,
        session_not_on_or_after: conditions.session_ends,
        authn_instant: subject.authn_instant,
        authn_context: subject.authn_context,
        issue_instant: conditions.issued,
        in_response_to: conditions.in_response_to,
        valid_until: conditions.valid_until + expected.clock_skew,
        signed: parts.signed,
        algorithm: parts.by.algorithm.to_owned(),
        certificate_sha256: parts.by.certificate_sha256.clone(),
        certificate_expired: is_expired(parts, expected),
        decrypted_by: parts.decrypted_by,
    }
}

/// Refuses unless the response says that it succeeded (core 3.2.2.2).
pub fn status(response: Node<'_, '_>) -> Result<(), Error> {
    let status = xml::required(response, PROTOCOL, "Status")?;
    let top = xml::required(status, PROTOCOL, "StatusCode")?;
    let value = |code: Node<'_, '_>| code.attribute("Value").unwrap_or("").to_owned();
    if value(top) == SUCCESS {
        return Ok(());
    }
    let message = xml::optional(status, PROTOCOL, "StatusMessage")?.map(xml::text).transpose()?;
    let nested = xml::optional(top, PROTOCOL, "StatusCode")?.map(value);
    let short = |code: String| code.rsplit(':').next().unwrap_or("").to_owned();
    Err(Error::Status {
        code: nested.map_or_else(|| short(value(top)), |nested| format!("{}, {}", short(value(top)), short(nested))),
        message: message.map(|message| message.trim_ascii().to_owned()).filter(|message| !message.is_empty()),
    })
}

/// Status, Destination, Issuer, Recipient. Returns the address it was sent to.
fn address(
    parts: &Parts<'_>,
    expected: &Expected<'_>,
    confirmed: &Result<Confirmation, Error>,
) -> Result<Option<String>, Error> {
    for (node, element) in [(parts.response, "Response"), (parts.assertion, "Assertion")] {
        let version = node.attribute("Version").unwrap_or("");
        if version != "2.0" {
            return Err(Error::WrongVersion { element, received: version.to_owned() });
        }
        // The assertion's is what a second use is known by.
        if node.attribute("ID").is_none_or(str::is_empty) {
            return Err(Error::NoId { element });
        }
    }
    status(parts.response)?;
    let destination = parts.response.attribute("Destination");
    if let Some(received) = destination
        && received != expected.acs_url
    {
        return Err(Error::WrongDestination { received: received.to_owned(), expected: expected.acs_url.to_owned() });
    }
    if let Some(issuer) = xml::optional(parts.response, ASSERTION, "Issuer")? {
        is_issuer(issuer, expected.idp_entity_id)?;
    }
    is_issuer(xml::required(parts.assertion, ASSERTION, "Issuer")?, expected.idp_entity_id)?;
    match confirmed {
        Err(error @ Error::WrongRecipient { .. }) => Err(error.clone()),
        Err(_) => Ok(destination.map(str::to_owned)),
        Ok(_) => Ok(Some(expected.acs_url.to_owned())),
    }
}

pub(super) fn is_issuer(issuer: Node<'_, '_>, expected: &str) -> Result<(), Error> {
    let received = xml::text(issuer)?.trim_ascii();
    // Profiles 4.1.4.2, 4.4.4: the Format is absent or entity.
    if received == expected && issuer.attribute("Format").is_none_or(|format| format == ENTITY) {
        return Ok(());
    }
    Err(Error::WrongIssuer { received: received.to_owned(), expected: expected.to_owned() })
}

fn is_expired(parts: &Parts<'_>, expected: &Expected<'_>) -> bool {
    parts.by.certificate_ended < expected.now.secs()
}

/// It verified before anything was read; what is left is the certificate's end.
fn signature(parts: &Parts<'_>, expected: &Expected<'_>) -> Result<(), Error> {
    if expected.refuses_expired_certificates && is_expired(parts, expected) {
        return Err(Error::CertificateExpired { ended: Timestamp::from_secs(parts.by.certificate_ended) });
    }
    Ok(())
}

fn signature_detail(parts: &Parts<'_>, expected: &Expected<'_>) -> String {
    let signed = match parts.signed {
        Signed::Response => "Response signed",
        Signed::Assertion => "Assertion signed",
        Signed::Both => "Response and assertion signed",
        Signed::Message => "Message signed",
    };
    let fingerprint = colons(parts.by.certificate_sha256.get(..8).unwrap_or(""));
    let mut detail = format!("{signed}, {}, certificate {fingerprint}…", parts.by.algorithm);
    if parts.decrypted_by.is_some() {
        detail.push_str(", decrypted");
    }
    if is_expired(parts, expected) {
        let ended = Timestamp::from_secs(parts.by.certificate_ended).day();
        detail.push_str(&format!(". The certificate expired on {ended}; ask for a new one"));
    }
    detail.push('.');
    detail
}

/// A bearer confirmation that holds (profiles 4.1.4.2).
struct Confirmation {
    not_on_or_after: Timestamp,
    in_response_to: Option<String>,
}

/// One good confirmation suffices; where there is none, the one that came furthest tells the most.
fn confirm(parts: &Parts<'_>, expected: &Expected<'_>) -> Result<Confirmation, Error> {
    let no_bearer = |found: &str| Error::NoBearer { found: found.to_owned() };
    let Some(subject) = xml::optional(parts.assertion, ASSERTION, "Subject")? else {
        return Err(no_bearer("no Subject"));
    };
    let mut closest = (0, no_bearer("no SubjectConfirmation"));
    for confirmation in xml::children(subject, ASSERTION, "SubjectConfirmation") {
        let refused = match confirm_one(confirmation, parts, expected) {
            Ok(confirmed) => return Ok(confirmed),
            Err(error) => error,
        };
        let steps = match refused {
            Error::NoBearer { .. } => 1,
            Error::WrongRecipient { .. } => 2,
            Error::TooLate { .. } => 3,
            _ => 4,
        };
        if steps > closest.0 {
            closest = (steps, refused);
        }
    }
    Err(closest.1)
}

fn confirm_one(confirmation: Node<'_, '_>, parts: &Parts<'_>, expected: &Expected<'_>) -> Result<Confirmation, Error> {
    let no_bearer = |found: &str| Err(Error::NoBearer { found: found.to_owned() });
    let method = confirmation.attribute("Method").unwrap_or("");
    if method != BEARER {
        return no_bearer(method);
    }
    let Some(data) = xml::optional(confirmation, ASSERTION, "SubjectConfirmationData")? else {
        return no_bearer("a bearer without SubjectConfirmationData");
    };
    if data.attribute("NotBefore").is_some() {
        return no_bearer("a bearer with NotBefore");
    }
    let Some(recipient) = data.attribute("Recipient") else { return no_bearer("a bearer without Recipient") };
    let Some(not_on_or_after) = time(data, "NotOnOrAfter")? else {
        return no_bearer("a bearer without NotOnOrAfter");
    };
    if recipient != expected.acs_url {
        return Err(Error::WrongRecipient { received: recipient.to_owned(), expected: expected.acs_url.to_owned() });
    }
    Clock::of(expected).is_before(not_on_or_after)?;
    let in_response_to = data.attribute("InResponseTo");
    answers(in_response_to, parts, expected)?;
    Ok(Confirmation { not_on_or_after, in_response_to: in_response_to.map(str::to_owned) })
}

/// Which request is answered (profiles 4.1.4.3, 4.1.5).
fn answers(in_response_to: Option<&str>, parts: &Parts<'_>, expected: &Expected<'_>) -> Result<(), Error> {
    let unknown = |received: &str| Err(Error::UnknownRequest { received: received.to_owned() });
    let is_open = |id: &str| expected.requests.iter().any(|request| request == id);
    let of_response = parts.response.attribute("InResponseTo").filter(|_| parts.is_response_signed);
    match (in_response_to, of_response) {
        (Some(id), _) if !is_open(id) => unknown(id),
        // A response to a request says so in its confirmation too, and names the same one.
        (of_confirmation, Some(id)) if of_confirmation != Some(id) => unknown(id),
        (Some(_), _) => Ok(()),
        (None, _) if expected.allows_idp_initiated => Ok(()),
        (None, _) => Err(Error::Unsolicited),
    }
}

/// The time, and how much two clocks may differ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub now: Timestamp,
    pub skew: Duration,
}

impl Clock {
    fn of(expected: &Expected<'_>) -> Self {
        Self { now: expected.now, skew: expected.clock_skew }
    }

    pub fn is_before(self, end: Timestamp) -> Result<(), Error> {
        if self.now < end + self.skew { Ok(()) } else { Err(Error::TooLate { ended: end, now: self.now }) }
    }

    pub fn has_begun(self, start: Timestamp) -> Result<(), Error> {
        if self.now + self.skew >= start { Ok(()) } else { Err(Error::TooEarly { starts: start, now: self.now }) }
    }
}

/// Conditions that hold.
struct Held {
    issued: Timestamp,
    valid_until: Timestamp,
    session_ends: Option<Timestamp>,
    in_response_to: Option<String>,
}

impl Held {
    fn check(&self, expected: &Expected<'_>) -> Check {
        let audience = Some(expected.entity_id.to_owned());
        let request =
            if self.in_response_to.is_some() { "answers our request" } else { "answers no request, which is allowed" };
        let detail = format!("For us, valid until {}, {request}.", self.valid_until.minute());
        Check::passed(CheckName::Conditions, audience.clone(), audience, detail)
    }
}

fn conditions(
    parts: &Parts<'_>,
    expected: &Expected<'_>,
    confirmed: &Result<Confirmation, Error>,
) -> Result<Held, Error> {
    let issued = time(parts.assertion, "IssueInstant")?
        .ok_or(Error::BadTime { attribute: "IssueInstant", received: "nothing".to_owned() })?;
    let conditions = xml::optional(parts.assertion, ASSERTION, "Conditions")?;
    audience(conditions, expected)?;
    let limits = conditions.map(|node| Ok::<_, Error>((time(node, "NotBefore")?, time(node, "NotOnOrAfter")?)));
    let (starts, ends) = limits.transpose()?.unwrap_or((None, None));
    starts.map_or(Ok(()), |starts| Clock::of(expected).has_begun(starts))?;
    ends.map_or(Ok(()), |ends| Clock::of(expected).is_before(ends))?;
    let mut session_ends: Option<Timestamp> = None;
    for statement in xml::children(parts.assertion, ASSERTION, "AuthnStatement") {
        if let Some(ends) = time(statement, "SessionNotOnOrAfter")? {
            Clock::of(expected).is_before(ends)?;
            session_ends = Some(session_ends.map_or(ends, |other| other.min(ends)));
        }
    }
    let confirmed = match confirmed {
        Ok(confirmed) => confirmed,
        Err(error) if error.check() == CheckName::Conditions => return Err(error.clone()),
        // Another check reports it; what is known here held.
        Err(_) => return Ok(Held { issued, valid_until: ends.unwrap_or(issued), session_ends, in_response_to: None }),
    };
    if confirmed.in_response_to.is_none() {
        Clock::of(expected).has_begun(issued)?;
        Clock::of(expected).is_before(issued + UNSOLICITED_AGE)?;
    }
    // Another confirmation of the same assertion may hold for longer than the one that was found.
    let last = last_confirmation(parts.assertion)?
        .map_or(confirmed.not_on_or_after, |last| last.max(confirmed.not_on_or_after));
    let valid_until = ends.map_or(last, |ends| ends.min(last));
    Ok(Held { issued, valid_until, session_ends, in_response_to: confirmed.in_response_to.clone() })
}

fn last_confirmation(assertion: Node<'_, '_>) -> Result<Option<Timestamp>, Error> {
    let Some(subject) = xml::optional(assertion, ASSERTION, "Subject")? else { return Ok(None) };
    let data = xml::children(subject, ASSERTION, "SubjectConfirmation")
        .flat_map(|confirmation| xml::children(confirmation, ASSERTION, "SubjectConfirmationData"));
    data.map(|data| time(data, "NotOnOrAfter")).try_fold(None, |last, next| Ok(last.max(next?)))
}

/// Core 2.5.1.4: our entity id must be among the audiences of every restriction; profiles 4.1.4.2: there must be one.
fn audience(conditions: Option<Node<'_, '_>>, expected: &Expected<'_>) -> Result<(), Error> {
    let wrong = |received: String| Err(Error::WrongAudience { received, expected: expected.entity_id.to_owned() });
    let mut is_restricted = false;
    for condition in conditions.into_iter().flat_map(xml::elements) {
        let tag = condition.tag_name();
        match tag.name() {
            "AudienceRestriction" if tag.namespace() == Some(ASSERTION) => {
                is_restricted = true;
                let audiences: Vec<&str> = xml::children(condition, ASSERTION, "Audience")
                    .map(|audience| xml::text(audience).map(str::trim_ascii))
                    .collect::<Result<_, _>>()?;
                if !audiences.contains(&expected.entity_id) {
                    return wrong(audiences.join(", "));
                }
            }
            // We use an assertion once and pass none on, so both are kept.
            "OneTimeUse" | "ProxyRestriction" if tag.namespace() == Some(ASSERTION) => {}
            // Core 2.5.1.1: with a condition that is not understood, the assertion's validity cannot be determined.
            other => return Err(Error::UnknownCondition { received: other.to_owned() }),
        }
    }
    if is_restricted { Ok(()) } else { wrong("no audience".to_owned()) }
}

/// Who signed in, and how.
struct Subject {
    name_id: Option<NameId>,
    session_index: Option<String>,
    authn_instant: Option<Timestamp>,
    authn_context: Option<String>,
}

/// A person may be named by an attribute instead of a NameID; with neither there is nobody to sign in.
fn subject(parts: &Parts<'_>, confirmed: &Result<Confirmation, Error>) -> Result<Subject, Error> {
    if let Err(error) = confirmed
        && !matches!(error.check(), CheckName::Address | CheckName::Conditions)
    {
        return Err(error.clone());
    }
    let subject = xml::required(parts.assertion, ASSERTION, "Subject")?;
    if xml::optional(subject, ASSERTION, "EncryptedID")?.is_some() {
        return Err(Error::EncryptedId);
    }
    let name_id = xml::optional(subject, ASSERTION, "NameID")?.map(read_name_id).transpose()?.flatten();
    if name_id.is_none() && attributes(parts.assertion)?.iter().all(|attribute| attribute.values.is_empty()) {
        return Err(Error::NameIdMissing);
    }
    // Profiles 4.1.4.2: without a statement that the person signed in, the assertion is about something else.
    let statement =
        xml::children(parts.assertion, ASSERTION, "AuthnStatement").next().ok_or(Error::NoAuthnStatement)?;
    let context = xml::optional(statement, ASSERTION, "AuthnContext")?;
    let class = context.map(|context| xml::optional(context, ASSERTION, "AuthnContextClassRef")).transpose()?.flatten();
    Ok(Subject {
        name_id,
        session_index: statement.attribute("SessionIndex").map(str::to_owned),
        authn_instant: time(statement, "AuthnInstant")?,
        authn_context: class.map(xml::text).transpose()?.map(|class| class.trim_ascii().to_owned()),
    })
}

pub(super) fn read_name_id(node: Node<'_, '_>) -> Result<Option<NameId>, Error> {
    let value = xml::text(node)?.trim_ascii();
    let own = |name: &str| node.attribute(name).map(str::to_owned);
    Ok((!value.is_empty()).then(|| NameId {
        value: value.to_owned(),
        format: own("Format"),
        name_qualifier: own("NameQualifier"),
        sp_name_qualifier: own("SPNameQualifier"),
    }))
}

fn subject_check(subject: &Subject) -> Check {
    let (received, detail) = match &subject.name_id {
        Some(name_id) => {
            let format = name_id.format.as_deref().and_then(|format| format.rsplit(':').next());
            let format = format.unwrap_or("no format");
            let detail = if is_address(&name_id.value) {
                format!("NameID, {format}.")
            } else {
                format!("NameID, {format}. It is no email address, so the email has to come as an attribute.")
            };
            (Some(name_id.value.clone()), detail)
        }
        None => (None, "No NameID; an attribute may name the person.".to_owned()),
    };
    Check::passed(CheckName::Subject, received, None, detail)
}

fn attributes(assertion: Node<'_, '_>) -> Result<Vec<Attribute>, Error> {
    let mut found = Vec::new();
    for attribute in xml::children(assertion, ASSERTION, "AttributeStatement")
        .flat_map(|statement| xml::children(statement, ASSERTION, "Attribute"))
    {
        let Some(name) = attribute.attribute("Name") else { continue };
        let values = xml::children(attribute, ASSERTION, "AttributeValue");
        let is_nil = |value: &Node<'_, '_>| matches!(value.attribute((XSI, "nil")), Some("true" | "1"));
        found.push(Attribute {
            name: name.to_owned(),
            friendly_name: attribute.attribute("FriendlyName").map(str::to_owned),
            values: values.filter(|value| !is_nil(value)).map(read_value).collect(),
        });
    }
    Ok(found)
}

/// Any type of value as text; of a structure (eduPersonTargetedID holds a NameID) all the text in it.
fn read_value(value: Node<'_, '_>) -> String {
    match xml::text(value) {
        Ok(text) => text.trim_ascii().to_owned(),
        Err(_) => {
            let texts = value.descendants().filter(Node::is_text).filter_map(|text| text.text());
            texts.collect::<String>().trim_ascii().to_owned()
        }
    }
}

fn attributes_check(found: &[Attribute]) -> Check {
    let names: Vec<&str> = found.iter().map(|attribute| attribute.name.as_str()).collect();
    let detail = match names.len() {
        0 => "No attributes.".to_owned(),
        1 => "1 attribute.".to_owned(),
        n => format!("{n} attributes."),
    };
    Check::passed(CheckName::Attributes, (!names.is_empty()).then(|| names.join(", ")), None, detail)
}

/// Core 1.3.3: times are in UTC.
pub(super) fn time(node: Node<'_, '_>, attribute: &'static str) -> Result<Option<Timestamp>, Error> {
    let Some(text) = node.attribute(attribute) else { return Ok(None) };
    match Timestamp::parse(text) {
        Some(time) => Ok(Some(time)),
        None => Err(Error::BadTime { attribute, received: text.to_owned() }),
    }
}
