//! What an admin gives of the identity provider: a link, the XML itself, or the values by hand. All three end in the
//! same values; what is wrong is told at its field.

use crate::app::App;
use crate::app::connections::SettingsChange;
use crate::app::error::{Error, Result};
use crate::crypto::certificate::{Certificate, CertificateError};
use crate::model::connection::Binding;
use crate::model::invalid::Invalid;
use crate::model::refusal::{Details, Refusal};
use crate::model::time::Timestamp;
use crate::saml::metadata::{self, IdpMetadata, MetadataError};

const MAX_METADATA: usize = 1024 * 1024;

#[derive(Debug, Clone)]
pub enum MetadataInput {
    Link {
        url: String,
        entity_id: Option<String>,
    },
    /// `entity_id` chooses one of several identity providers in a federation's file.
    Xml {
        document: Vec<u8>,
        entity_id: Option<String>,
    },
    Manual {
        idp_entity_id: String,
        sso_url: String,
        certificates: Vec<u8>,
    },
}

impl MetadataInput {
    pub fn is_link(&self) -> bool {
        matches!(self, Self::Link { .. })
    }

    /// Whether this is a link that could work another time; what is no web address at all never will.
    pub fn is_web_link(&self) -> bool {
        let Self::Link { url, .. } = self else { return false };
        let url = url::Url::parse(url.trim()).ok().filter(|url| url.as_str().len() <= 2000);
        url.is_some_and(|url| matches!(url.scheme(), "https" | "http") && url.host_str().is_some())
    }

    /// One box takes a link or the document itself.
    pub fn from_box(text: &str) -> Self {
        let trimmed = text.trim();
        let is_link = !trimmed.contains(char::is_whitespace) && !trimmed.starts_with('<') && trimmed.contains("://");
        if is_link {
            Self::Link { url: trimmed.to_owned(), entity_id: None }
        } else {
            Self::Xml { document: text.as_bytes().to_vec(), entity_id: None }
        }
    }
}

#[derive(Debug, Clone)]
pub struct ReadMetadata {
    pub idp_entity_id: String,
    pub sso_url: String,
    pub sso_binding: Binding,
    /// None where nothing was said of single logout: what is known of it stays.
    pub logout: Option<LogoutService>,
    pub wants_signed_requests: bool,
    pub metadata_url: Option<String>,
    pub certificates: Vec<Certificate>,
    pub valid_until: Option<Timestamp>,
}

/// The provider's single logout, as its metadata has it; it may have none.
#[derive(Debug, Clone, Default)]
pub struct LogoutService {
    pub url: Option<String>,
    pub response_url: Option<String>,
    pub binding: Binding,
}

/// The sentence of a refusal for a field: what happened, and what to do.
fn words(code: &str, details: &Details) -> String {
    let words = Refusal::of(code).words(details);
    format!("{}. {} {}", words.what, words.why, words.fix)
}

pub fn parse_certificates(field: &'static str, text: &[u8]) -> Result<Vec<Certificate>> {
    let missing = "Paste the certificate, with its BEGIN and END lines or as bare Base64.";
    let missing = || Error::from(Invalid::field(field, "cert_missing", missing));
    if text.trim_ascii().is_empty() {
        return Err(missing());
    }
    let found = Certificate::from_bytes(text).map_err(|error| invalid_certificate(field, &error))?;
    if found.is_empty() { Err(missing()) } else { Ok(found) }
}

fn invalid_certificate(field: &'static str, error: &CertificateError) -> Error {
    let details = Details::new()
        .with("theirs", error.received().unwrap_or("unknown"))
        .with("idp", "your identity provider")
        .with("n", error.line().unwrap_or(1).to_string());
    Invalid::field(field, error.code(), words(error.code(), &details)).into()
}

impl App {
    pub(super) async fn read_metadata(&self, input: &MetadataInput, now: Timestamp) -> Result<ReadMetadata> {
        match input {
            MetadataInput::Link { url, entity_id } => {
                let url = url.trim();
                let fetched = self.http.get(url, MAX_METADATA).await.map_err(|error| {
                    let mut invalid = Invalid::field("idp_metadata_url", error.code(), error.to_string());
                    invalid.errors[0].inside = error.inside();
                    Error::from(invalid)
                })?;
                self.read_document("idp_metadata_url", &fetched.body, entity_id.as_deref(), Some(url), now)
            }
            MetadataInput::Xml { document, entity_id } => {
                self.read_document("idp_metadata_xml", document, entity_id.as_deref(), None, now)
            }
            MetadataInput::Manual { idp_entity_id, sso_url, certificates } => {
                self.read_manual(idp_entity_id, sso_url, certificates)
            }
        }
    }

    fn read_document(
        &self,
        field: &'static str,
        document: &[u8],
        entity_id: Option<&str>,
        url: Option<&str>,
        now: Timestamp,
    ) -> Result<ReadMetadata> {
        let read = match entity_id {
            Some(entity_id) => metadata::read_entity(document, entity_id, now),
            None => metadata::read(document, now),
        };
        let read = read.map_err(|error| invalid_metadata(field, &error))?;
        let (sso_url, sso_binding) = choose_binding(&read)
            .ok_or_else(|| Invalid::field(field, "metadata_no_sso", "The metadata names no SSO URL for the Redirect or POST binding. Export it again, or type the values in."))?;
        self.check_address(field, "SSO URL", &sso_url)?;
        Ok(ReadMetadata {
            logout: Some(self.logout_service(&read)),
            idp_entity_id: read.entity_id,
            sso_url,
            sso_binding,
            wants_signed_requests: read.wants_signed_requests,
            metadata_url: url.map(str::to_owned),
            certificates: read.certificates,
            valid_until: read.valid_until,
        })
    }

    fn read_manual(&self, idp_entity_id: &str, sso_url: &str, certificates: &[u8]) -> Result<ReadMetadata> {
        let mut invalid = Invalid::new();
        let (idp_entity_id, sso_url) = (idp_entity_id.trim(), sso_url.trim());
        if idp_entity_id.is_empty() || idp_entity_id.len() > 1024 || idp_entity_id.chars().any(char::is_control) {
            invalid.add(
                "idp_entity_id",
                "idp_entity_id",
                "Copy the entity ID (Issuer) from your identity provider, letter for letter.",
            );
        }
        if let Err(Error::Invalid(bad)) = self.check_address("sso_url", "SSO URL", sso_url) {
            invalid.errors.extend(bad.errors);
        }
        let found = match parse_certificates("certificates", certificates) {
            Ok(found) => found,
            Err(Error::Invalid(bad)) => {
                invalid.errors.extend(bad.errors);
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        Ok(invalid.or(ReadMetadata {
            idp_entity_id: idp_entity_id.to_owned(),
            sso_url: sso_url.to_owned(),
            sso_binding: Binding::Redirect,
            logout: None,
            wants_signed_requests: false,
            metadata_url: None,
            certificates: found,
            valid_until: None,
        })?)
    }

    /// Redirect first, as for sign-in. An address that browsers may not be sent to is none: sign-in works without it.
    fn logout_service(&self, read: &IdpMetadata) -> LogoutService {
        let may = |url: &str| self.check_address("slo_url", "single logout URL", url).is_ok();
        let ways = [(&read.slo_redirect, Binding::Redirect), (&read.slo_post, Binding::Post)];
        let found = ways.into_iter().find_map(|(endpoint, binding)| {
            let endpoint = endpoint.as_ref().filter(|endpoint| may(&endpoint.location))?;
            let response_url = endpoint.response_location.clone().filter(|url| may(url));
            Some(LogoutService { url: Some(endpoint.location.clone()), response_url, binding })
        });
        found.unwrap_or_default()
    }

    /// Trims the addresses of single logout; an empty one is none.
    pub(super) fn check_logout(&self, change: &mut SettingsChange) -> Result<()> {
        let mut invalid = Invalid::new();
        let fields = [
            ("slo_url", "single logout URL", &mut change.slo_url),
            ("slo_response_url", "single logout response URL", &mut change.slo_response_url),
        ];
        for (field, called, slot) in fields {
            let Some(sent) = slot.as_mut() else { continue };
            *sent = sent.take().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
            let checked = sent.as_ref().map_or(Ok(()), |url| self.check_address(field, called, url));
            if let Err(Error::Invalid(bad)) = checked {
                invalid.errors.extend(bad.errors);
            }
        }
        Ok(invalid.or(())?)
    }

    /// Where browsers are sent: https, or a host inside the house that the operator named.
    pub(super) fn check_address(&self, field: &'static str, called: &str, text: &str) -> Result<()> {
        let url = url::Url::parse(text).ok().filter(|url| url.host_str().is_some() && url.username().is_empty());
        // A reader of addresses drops line breaks; a header must not have them.
        let is_plain = !text.chars().any(|c| c.is_control() || c.is_whitespace());
        let is_web = |url: &url::Url| matches!(url.scheme(), "https" | "http") && url.as_str().len() <= 2000;
        let Some(url) = url.filter(|url| is_plain && is_web(url)) else {
            let path = if called == "SSO URL" { "sso" } else { "slo" };
            let text = format!("The {called} has to be a web address such as https://idp.example.com/{path}.");
            return Err(Invalid::field(field, if path == "sso" { "sso_url" } else { "slo_url" }, text).into());
        };
        if url.scheme() == "https" || self.http.allows_plain(&url) {
            return Ok(());
        }
        let text =
            format!("The {called} isn't HTTPS. Use https://, or have the operator name the host in `outbound_allow`.");
        Err(Invalid::field(field, "metadata_http", text).into())
    }
}

/// Redirect first: it needs no form; POST where the provider takes nothing else.
fn choose_binding(read: &IdpMetadata) -> Option<(String, Binding)> {
    let redirect = read.sso_redirect.clone().map(|url| (url, Binding::Redirect));
    redirect.or_else(|| read.sso_post.clone().map(|url| (url, Binding::Post)))
}

fn invalid_metadata(field: &'static str, error: &MetadataError) -> Error {
    let mut invalid = Invalid::field(field, error.code(), error.to_string());
    invalid.errors[0].choices = error.entity_ids().to_vec();
    invalid.into()
}
