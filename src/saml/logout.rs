//! Single logout (core 3.7, profiles 4.4), as it comes to us: a LogoutRequest of the identity provider, or its
//! LogoutResponse to a request of ours, by Redirect or by POST. As with sign-ins, nothing is read that was not signed.

use std::time::Duration;

use roxmltree::Document;
use roxmltree::Node;

use crate::model::logout::NameId;
use crate::model::time::Timestamp;
use crate::model::time::minutes;

use super::decrypt::DecryptionKey;
use super::decrypt::decrypt;
use super::error::CheckName;
use super::error::Error;
use super::key::colons;
use super::read;
use super::read::Clock;
use super::redact::redact;
use super::redirect;
use super::redirect::Query;
use super::response;
use super::response::Check;
use super::signature;
use super::signature::PinnedKey;
use super::signature::SignedBytes;
use super::signature::Verified;
use super::xml;
use super::xml::ASSERTION;
use super::xml::PROTOCOL;

const PARTIAL_LOGOUT: &str = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout";
/// How old a message may be. Its id has to be remembered for as long.
const AGE: Duration = minutes(5);
const MAX_ID: usize = 256;
/// Bindings 3.4.3 says 80 bytes; SimpleSAMLphp keeps an address in it.
const MAX_RELAY_STATE: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Request,
    Response,
}

/// What a browser brought to our single logout address, believed in nothing yet.
#[derive(Debug)]
pub struct Received {
    kind: Kind,
    relay_state: Option<String>,
    carried: Carried,
}

#[derive(Debug)]
enum Carried {
    Redirect(Query),
    Post(Result<String, Error>),
}

impl Received {
    /// `raw` is the query as the browser sent it.
    pub fn from_query(raw: &str) -> Result<Self, Error> {
        let query = Query::read(raw)?;
        Self::new(query.field(), query.relay_state()?, Carried::Redirect(query))
    }

    pub fn from_form(fields: &[(String, String)]) -> Result<Self, Error> {
        let one = |field: &'static str| {
            let mut found = fields.iter().filter(|(name, _)| name == field).map(|(_, value)| value);
            let first = found.next();
            if found.next().is_some() { Err(Error::Ambiguous { field }) } else { Ok(first) }
        };
        let (field, message) = match (one(redirect::REQUEST)?, one(redirect::RESPONSE)?) {
            (Some(request), None) => (redirect::REQUEST, request),
            (None, Some(response)) => (redirect::RESPONSE, response),
            (None, None) => return Err(Error::NoMessage),
            (Some(_), Some(_)) => return Err(Error::Ambiguous { field: redirect::RESPONSE }),
        };
        Self::new(field, one("RelayState")?.cloned(), Carried::Post(response::decode(message)))
    }

    fn new(field: &str, relay_state: Option<String>, carried: Carried) -> Result<Self, Error> {
        if relay_state.as_ref().is_some_and(|text| text.len() > MAX_RELAY_STATE) {
            return Err(Error::LongRelayState { limit: MAX_RELAY_STATE });
        }
        let kind = if field == redirect::REQUEST { Kind::Request } else { Kind::Response };
        Ok(Self { kind, relay_state, carried })
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The other side's word for its own state. It goes back as it came, to that side alone.
    pub fn relay_state(&self) -> Option<&str> {
        self.relay_state.as_deref()
    }

    /// For the trace.
    pub fn redacted_xml(&self) -> String {
        let text = match &self.carried {
            Carried::Redirect(query) => query.inflate().unwrap_or_default(),
            Carried::Post(text) => text.clone().unwrap_or_default(),
        };
        redact(&text, None)
    }

    fn open(&self, name: &'static str, keys: &[PinnedKey]) -> Result<Opened, Error> {
        match &self.carried {
            Carried::Redirect(query) => {
                let by = query.verify(keys)?;
                Ok(Opened::Whole { text: query.inflate()?, by })
            }
            Carried::Post(text) => {
                let document = xml::parse(text.as_ref().map_err(Clone::clone)?, &xml::MESSAGE)?;
                Ok(Opened::Signed(signature::verify_message(&document, name, keys)?))
            }
        }
    }
}

/// A message whose signature holds.
enum Opened {
    /// The query was signed, and in it the whole message as it stands.
    Whole {
        text: String,
        by: Verified,
    },
    Signed(SignedBytes),
}

impl Opened {
    fn by(&self) -> &Verified {
        match self {
            Self::Whole { by, .. } => by,
            Self::Signed(bytes) => bytes.by(),
        }
    }

    fn parse(&self, name: &'static str) -> Result<Document<'_>, Error> {
        let document = match self {
            Self::Whole { text, .. } => xml::parse(text.trim_start_matches('\u{feff}'), &xml::MESSAGE)?,
            Self::Signed(bytes) => bytes.parse()?,
        };
        let root = document.root_element();
        if !xml::is(root, PROTOCOL, name) {
            let received = root.tag_name().name().to_owned();
            return Err(Error::UnexpectedRoot { received, expected: name });
        }
        Ok(document)
    }
}

/// What a message must fit.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    pub slo_url: &'a str,
    pub idp_entity_id: &'a str,
    pub refuses_expired_certificates: bool,
    pub clock_skew: Duration,
    pub now: Timestamp,
}

/// A request of the identity provider that holds. Replay is the caller's to find out: `id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    pub id: String,
    pub name_id: NameId,
    /// Of these sessions; all of the person's where there are none.
    pub indexes: Vec<String>,
    /// The id must be remembered until then. Clock skew is included.
    pub valid_until: Timestamp,
}

/// What the identity provider made of our request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    SignedOut,
    /// PartialLogout: not everywhere.
    Partly,
}

#[derive(Debug)]
pub struct Examined<T> {
    pub result: Result<T, Error>,
    pub checks: Vec<Check>,
    /// The certificate that signed, where the signature holds.
    pub certificate_sha256: Option<String>,
    /// Id of a message that the identity provider did send to us: a refusal is answered to it.
    pub sent_to_us: Option<String>,
}

const CHECKS: [CheckName; 4] = [CheckName::Signature, CheckName::Address, CheckName::Conditions, CheckName::Subject];

impl<T> Examined<T> {
    fn new() -> Self {
        Self { result: Err(Error::NotSigned), checks: Vec::new(), certificate_sha256: None, sent_to_us: None }
    }

    fn passed(&mut self, name: CheckName, detail: String) {
        self.checks.push(Check::passed(name, None, None, detail));
    }

    /// The check that was not passed is the one that failed.
    fn finished(mut self, result: Result<T, Error>) -> Self {
        if let (Err(error), Some(name)) = (&result, CHECKS.get(self.checks.len())) {
            self.checks.push(Check::failed(*name, error));
        }
        let left = CHECKS.get(self.checks.len()..).unwrap_or_default();
        self.checks.extend(left.iter().map(|name| Check::unreached(*name)));
        self.result = result;
        self
    }
}

/// A LogoutRequest. Encrypted names are opened with our keys, after the signature.
pub fn request(
    received: &Received,
    keys: &[PinnedKey],
    ours: &[DecryptionKey],
    expected: &Expected<'_>,
) -> Examined<LogoutRequest> {
    examine(received, "LogoutRequest", keys, expected, |root, examined| {
        let valid_until = conditions(root, expected)?;
        examined.passed(CheckName::Conditions, format!("Valid until {}.", valid_until.minute()));
        let name_id = name_id(root, ours)?;
        let indexes =
            xml::children(root, PROTOCOL, "SessionIndex").map(|index| Ok(xml::text(index)?.trim().to_owned()));
        let indexes: Vec<String> = indexes.collect::<Result<_, Error>>()?;
        let which = if indexes.is_empty() { "all sessions" } else { "the sessions that it names" };
        examined.passed(CheckName::Subject, format!("Of one person, {which}."));
        let id = root.attribute("ID").unwrap_or("").to_owned();
        Ok(LogoutRequest { id, name_id, indexes, valid_until })
    })
}

/// A LogoutResponse to the request `asked`.
pub fn response(received: &Received, keys: &[PinnedKey], asked: &str, expected: &Expected<'_>) -> Examined<Answer> {
    examine(received, "LogoutResponse", keys, expected, |root, examined| {
        let answered = root.attribute("InResponseTo").unwrap_or("");
        if answered != asked {
            return Err(Error::UnknownRequest { received: answered.to_owned() });
        }
        let valid_until = conditions(root, expected)?;
        examined.passed(CheckName::Conditions, format!("Answers our request, valid until {}.", valid_until.minute()));
        let answer = answer(root)?;
        examined.passed(CheckName::Subject, "It says what became of the sign-out.".to_owned());
        Ok(answer)
    })
}

fn examine<T>(
    received: &Received,
    name: &'static str,
    keys: &[PinnedKey],
    expected: &Expected<'_>,
    read: impl FnOnce(Node<'_, '_>, &mut Examined<T>) -> Result<T, Error>,
) -> Examined<T> {
    let mut examined = Examined::new();
    let opened = match received.open(name, keys) {
        Ok(opened) => opened,
        Err(error) => return examined.finished(Err(error)),
    };
    let document = match opened.parse(name) {
        Ok(document) => document,
        Err(error) => return examined.finished(Err(error)),
    };
    let (root, by) = (document.root_element(), opened.by());
    let result = (|| {
        examined.certificate_sha256 = Some(by.certificate_sha256.clone());
        if expected.refuses_expired_certificates && by.certificate_ended < expected.now.secs() {
            return Err(Error::CertificateExpired { ended: Timestamp::from_secs(by.certificate_ended) });
        }
        let fingerprint = colons(by.certificate_sha256.get(..8).unwrap_or(""));
        examined.passed(CheckName::Signature, format!("Signed, {}, certificate {fingerprint}….", by.algorithm));
        let id = address(root, name, expected)?;
        examined.passed(CheckName::Address, format!("Sent by {}, to us.", expected.idp_entity_id));
        examined.sent_to_us = Some(id);
        read(root, &mut examined)
    })();
    examined.finished(result)
}

/// Core 3.2: version, id, issuer; bindings 3.4.5.2 and 3.5.5.2: what is signed says where it is sent, or it would serve
/// against every service provider that knows the person by the same name.
fn address(root: Node<'_, '_>, name: &'static str, expected: &Expected<'_>) -> Result<String, Error> {
    let version = root.attribute("Version").unwrap_or("");
    if version != "2.0" {
        return Err(Error::WrongVersion { element: name, received: version.to_owned() });
    }
    let id = root.attribute("ID").filter(|id| !id.is_empty() && id.len() <= MAX_ID);
    let id = id.ok_or(Error::NoId { element: name })?;
    read::is_issuer(xml::required(root, ASSERTION, "Issuer")?, expected.idp_entity_id)?;
    let destination = root.attribute("Destination").unwrap_or("");
    if destination != expected.slo_url {
        let received = if destination.is_empty() { "missing" } else { destination };
        return Err(Error::WrongDestination { received: received.to_owned(), expected: expected.slo_url.to_owned() });
    }
    Ok(id.to_owned())
}

/// Until when the message could be used.
fn conditions(root: Node<'_, '_>, expected: &Expected<'_>) -> Result<Timestamp, Error> {
    let clock = Clock { now: expected.now, skew: expected.clock_skew };
    let missing = || Error::BadTime { attribute: "IssueInstant", received: "nothing".to_owned() };
    let issued = read::time(root, "IssueInstant")?.ok_or_else(missing)?;
    clock.has_begun(issued)?;
    clock.is_before(issued + AGE)?;
    let ends = read::time(root, "NotOnOrAfter")?;
    ends.map_or(Ok(()), |ends| clock.is_before(ends))?;
    Ok(issued + AGE + expected.clock_skew)
}

/// Core 3.7.1: the person, by NameID or EncryptedID. A BaseID is of a kind that nobody defined.
fn name_id(root: Node<'_, '_>, ours: &[DecryptionKey]) -> Result<NameId, Error> {
    let clear = xml::optional(root, ASSERTION, "NameID")?;
    let found = match (clear, xml::optional(root, ASSERTION, "EncryptedID")?) {
        (Some(clear), None) => read::read_name_id(clear)?,
        (None, Some(encrypted)) => open_name_id(encrypted, ours).ok_or(Error::Undecryptable)?,
        (Some(_), Some(_)) => return Err(Error::Misplaced { element: "EncryptedID" }),
        (None, None) => None,
    };
    found.ok_or(Error::NobodyNamed)
}

/// One error for all that can be wrong, as with assertions.
fn open_name_id(encrypted: Node<'_, '_>, ours: &[DecryptionKey]) -> Option<Option<NameId>> {
    let text = decrypt(encrypted, ours).ok()?.text;
    let document = xml::parse(&text, &xml::MESSAGE).ok()?;
    let root = document.root_element();
    xml::is(root, ASSERTION, "NameID").then(|| read::read_name_id(root).ok()).flatten()
}

/// Core 3.2.2.2: PartialLogout stands below Success or Responder, as the provider sees it.
fn answer(root: Node<'_, '_>) -> Result<Answer, Error> {
    let status = xml::required(root, PROTOCOL, "Status")?;
    let codes = status.descendants().filter(|node| xml::is(*node, PROTOCOL, "StatusCode"));
    if codes.into_iter().any(|code| code.attribute("Value") == Some(PARTIAL_LOGOUT)) {
        return Ok(Answer::Partly);
    }
    read::status(root)?;
    Ok(Answer::SignedOut)
}
