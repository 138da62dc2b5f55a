//! Single logout (core 3.7, profiles 4.4), as we send it: a LogoutRequest for a session that ended here, and the
//! LogoutResponse to a request of the identity provider. Always signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::crypto::signing::RsaSigner;
use crate::model::logout::ProviderSession;
use crate::model::time::Timestamp;
use crate::model::time::minutes;

use super::error::Error;
use super::redirect;
use super::request::new_id;
use super::sign;
use super::xml::ASSERTION;
use super::xml::PROTOCOL;
use super::xml::escape;

/// What became of the identity provider's request (core 3.2.2.2). All its sessions here end in one transaction, so there
/// is no part that could be left over (PartialLogout).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Success,
    /// The fault is in the request.
    Requester,
    /// The fault is ours, or in what both of us agreed on.
    Responder,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Success => "urn:oasis:names:tc:SAML:2.0:status:Success",
            Self::Requester => "urn:oasis:names:tc:SAML:2.0:status:Requester",
            Self::Responder => "urn:oasis:names:tc:SAML:2.0:status:Responder",
        }
    }
}

/// A message that is not signed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: String,
    field: &'static str,
    destination: String,
    text: String,
}

impl Message {
    pub fn request(destination: &str, entity_id: &str, session: &ProviderSession, now: Timestamp) -> Self {
        let name = &session.name_id;
        let attributes = [
            ("NameQualifier", &name.name_qualifier),
            ("SPNameQualifier", &name.sp_name_qualifier),
            ("Format", &name.format),
        ];
        let attributes: String = attributes
            .iter()
            .filter_map(|(attribute, value)| Some(format!(" {attribute}=\"{}\"", escape(value.as_deref()?))))
            .collect();
        let index = session.index.as_ref().map(|index| {
            let index = escape(index);
            format!("<samlp:SessionIndex>{index}</samlp:SessionIndex>")
        });
        let content =
            format!("<saml:NameID{attributes}>{}</saml:NameID>{}", escape(&name.value), index.unwrap_or_default());
        let limits =
            format!(" NotOnOrAfter=\"{}\" Reason=\"urn:oasis:names:tc:SAML:2.0:logout:user\"", now + minutes(5));
        Self::new(redirect::REQUEST, "LogoutRequest", destination, entity_id, now, &limits, &content)
    }

    /// `text` is a sentence for the other side's log.
    pub fn response(
        destination: &str,
        entity_id: &str,
        answers: &str,
        status: Status,
        text: Option<&str>,
        now: Timestamp,
    ) -> Self {
        let text = text.map(|text| format!("<samlp:StatusMessage>{}</samlp:StatusMessage>", escape(text)));
        let content = format!(
            "<samlp:Status><samlp:StatusCode Value=\"{}\"/>{}</samlp:Status>",
            status.as_str(),
            text.unwrap_or_default()
        );
        let answers = format!(" InResponseTo=\"{}\"", escape(answers));
        Self::new(redirect::RESPONSE, "LogoutResponse", destination, entity_id, now, &answers, &content)
    }

    fn new(
        field: &'static str,
        name: &str,
        destination: &str,
        entity_id: &str,
        now: Timestamp,
        attributes: &str,
        content: &str,
    ) -> Self {
        let id = new_id();
        let text = format!(
            "<samlp:{name} xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"{id}\" Version=\"2.0\" \
             IssueInstant=\"{now}\" Destination=\"{}\"{attributes}><saml:Issuer>{}</saml:Issuer>{content}</samlp:{name}>",
            escape(destination),
            escape(entity_id),
        );
        Self { id, field, destination: destination.to_owned(), text }
    }

    pub fn field(&self) -> &'static str {
        self.field
    }

    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// Where to send the browser, by HTTP-Redirect.
    pub fn redirect_url(&self, relay_state: Option<&str>, signer: &RsaSigner) -> String {
        redirect::url(&self.destination, self.field, &self.text, relay_state, signer)
    }

    /// The value of the form field, by HTTP-POST.
    pub fn post_form(&self, signer: &RsaSigner, certificate_der: &[u8]) -> Result<String, Error> {
        Ok(STANDARD.encode(sign::sign_element(&self.text, &self.id, signer, certificate_der)?))
    }
}
