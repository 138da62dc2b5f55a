//! Reads an identity provider's metadata (SAML metadata 2.4): pasted, uploaded or fetched, at most 1 MiB. Its signature is not
//! looked at; whoever hands it in vouches for it.

use roxmltree::Node;
use url::Url;

use crate::crypto::certificate::Certificate;
use crate::crypto::certificate::CertificateError;
use crate::model::time::Timestamp;

use super::xml;
use super::xml::DSIG;
use super::xml::METADATA;
use super::xml::METADATA_FILE;
use super::xml::PROTOCOL;
use super::xml::XmlError;

const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
const MDUI: &str = "urn:oasis:names:tc:SAML:metadata:ui";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdpMetadata {
    pub entity_id: String,
    pub sso_redirect: Option<String>,
    pub sso_post: Option<String>,
    pub slo_redirect: Option<LogoutEndpoint>,
    pub slo_post: Option<LogoutEndpoint>,
    pub certificates: Vec<Certificate>,
    /// Signing certificates that were left out because they cannot be used, where others can.
    pub skipped: Vec<CertificateError>,
    pub wants_signed_requests: bool,
    pub name_id_formats: Vec<String>,
    pub valid_until: Option<Timestamp>,
    pub display_name: Option<String>,
}

/// Where logout messages go; answers may have an address of their own (metadata 2.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutEndpoint {
    pub location: String,
    pub response_location: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    #[error(
        "This is not SAML metadata: it starts with \"{starts}\". Download the file, or copy the metadata link itself."
    )]
    NotMetadata { starts: String },
    #[error("There is nothing in the metadata. Check the link, or download the file again.")]
    Empty,
    #[error("The metadata is {encoding}, not UTF-8. Save it as UTF-8, or paste the metadata link instead.")]
    Encoding { encoding: String },
    #[error("The metadata cannot be read: {0}. Export it again, for this one application only.")]
    Xml(XmlError),
    #[error("This is a service provider's metadata. Take the identity provider's.")]
    ServiceProvider,
    #[error("The metadata holds {} identity providers. Choose one.", entity_ids.len())]
    Many { entity_ids: Vec<String> },
    #[error(
        "The metadata names no identity provider {entity_id}. Have the link put right, or add a connection for the other provider."
    )]
    Unknown { entity_id: String },
    #[error("The metadata has no entityID. Export it again.")]
    NoEntityId,
    #[error(
        "The metadata has no address for sign-in by HTTP-Redirect or HTTP-POST. Turn one of them on and export again."
    )]
    NoSignInAddress,
    #[error("The metadata has no signing certificate. Export it again with the certificate included.")]
    NoCertificate,
    #[error(transparent)]
    Certificate(CertificateError),
    #[error("This is a certificate alone. Choose to type the values in, and paste it there.")]
    CertificateAlone,
    #[error("The metadata expired on {}. Export it again.", ended.day())]
    Expired { ended: Timestamp },
    #[error("validUntil is no time: {received}. Export the metadata again.")]
    BadTime { received: String },
}

impl MetadataError {
    /// The entry of errors.toml.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotMetadata { .. } | Self::Empty | Self::CertificateAlone => "metadata_not_xml",
            Self::Encoding { .. } => "metadata_encoding",
            Self::Xml(_) | Self::NoEntityId | Self::BadTime { .. } => "metadata_unreadable",
            Self::Unknown { .. } => "metadata_other_entity",
            Self::ServiceProvider => "metadata_sp",
            Self::Many { .. } => "metadata_many",
            Self::NoSignInAddress => "metadata_no_sso",
            Self::NoCertificate => "metadata_no_cert",
            Self::Certificate(cause) => cause.code(),
            Self::Expired { .. } => "metadata_expired",
        }
    }

    /// What to choose from.
    pub fn entity_ids(&self) -> &[String] {
        match self {
            Self::Many { entity_ids } => entity_ids,
            _ => &[],
        }
    }
}

/// The one identity provider in the file.
pub fn read(bytes: &[u8], now: Timestamp) -> Result<IdpMetadata, MetadataError> {
    read_chosen(bytes, None, now)
}

/// One of several, as `MetadataError::Many` lists them.
pub fn read_entity(bytes: &[u8], entity_id: &str, now: Timestamp) -> Result<IdpMetadata, MetadataError> {
    read_chosen(bytes, Some(entity_id), now)
}

fn read_chosen(bytes: &[u8], chosen: Option<&str>, now: Timestamp) -> Result<IdpMetadata, MetadataError> {
    let text = decode(bytes)?;
    if text.starts_with("-----BEGIN ") {
        return Err(
            Certificate::from_text(text).map_or_else(MetadataError::Certificate, |_| MetadataError::CertificateAlone)
        );
    }
    if text.is_empty() {
        return Err(MetadataError::Empty);
    }
    let not_metadata = || MetadataError::NotMetadata { starts: start(text) };
    let is_page = text.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("<!doctype"));
    if is_page || !text.starts_with('<') {
        return Err(not_metadata());
    }
    let document = xml::parse(text, &METADATA_FILE).map_err(|error| match error {
        XmlError::Encoding { encoding } => MetadataError::Encoding { encoding },
        XmlError::NotWellFormed(_) | XmlError::CutOff if !text.contains("EntityDescriptor") => not_metadata(),
        error => MetadataError::Xml(error),
    })?;
    let root = document.root_element();
    let entities: Vec<Node<'_, '_>> =
        root.descendants().filter(|n| xml::is(*n, METADATA, "EntityDescriptor")).collect();
    let providers: Vec<(Node<'_, '_>, Node<'_, '_>)> =
        entities.iter().filter_map(|entity| Some((*entity, provider_of(*entity)?))).collect();
    let is_named = |entity: &Node<'_, '_>, name: &str| entity.attribute("entityID") == Some(name);
    let (entity, provider) = match (providers.as_slice(), chosen) {
        ([], _) if entities.iter().any(is_service_provider) => return Err(MetadataError::ServiceProvider),
        ([], _) => return Err(not_metadata()),
        (found, Some(name)) => found
            .iter()
            .find(|(entity, _)| is_named(entity, name))
            .ok_or_else(|| MetadataError::Unknown { entity_id: name.to_owned() })?,
        ([one], None) => one,
        (found, None) => {
            let names = found.iter().filter_map(|(entity, _)| entity.attribute("entityID").map(str::to_owned));
            return Err(MetadataError::Many { entity_ids: names.collect() });
        }
    };
    read_provider(*entity, *provider, now)
}

fn decode(bytes: &[u8]) -> Result<&str, MetadataError> {
    if bytes.len() > METADATA_FILE.bytes {
        return Err(MetadataError::Xml(XmlError::TooLarge { bytes: bytes.len(), limit: METADATA_FILE.bytes }));
    }
    let encoding = |encoding: &str| Err(MetadataError::Encoding { encoding: encoding.to_owned() });
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'<', 0, ..] | [0, b'<', ..] => encoding("UTF-16"),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.trim_start_matches('\u{feff}').trim_ascii()),
            Err(_) => encoding("in another encoding"),
        },
    }
}

/// The first characters, for people.
fn start(text: &str) -> String {
    let start: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    if start.is_empty() { "nothing".to_owned() } else { start }
}

/// The role of an identity provider that speaks SAML 2.0.
fn provider_of<'a, 'i>(entity: Node<'a, 'i>) -> Option<Node<'a, 'i>> {
    xml::children(entity, METADATA, "IDPSSODescriptor").find(|role| {
        let protocols = role.attribute("protocolSupportEnumeration").unwrap_or("");
        protocols.split_ascii_whitespace().any(|protocol| protocol == PROTOCOL)
    })
}

fn is_service_provider(entity: &Node<'_, '_>) -> bool {
    xml::children(*entity, METADATA, "SPSSODescriptor").next().is_some()
}

fn read_provider(entity: Node<'_, '_>, provider: Node<'_, '_>, now: Timestamp) -> Result<IdpMetadata, MetadataError> {
    let entity_id = entity.attribute("entityID").map(str::trim).filter(|id| !id.is_empty());
    let valid_until = valid_until(provider)?;
    if let Some(ended) = valid_until
        && ended <= now
    {
        return Err(MetadataError::Expired { ended });
    }
    let (sso_redirect, sso_post) =
        (location(provider, "SingleSignOnService", REDIRECT), location(provider, "SingleSignOnService", POST));
    if sso_redirect.is_none() && sso_post.is_none() {
        return Err(MetadataError::NoSignInAddress);
    }
    let (certificates, skipped) = certificates(provider)?;
    let formats = xml::children(provider, METADATA, "NameIDFormat").filter_map(|format| xml::text(format).ok());
    Ok(IdpMetadata {
        entity_id: entity_id.ok_or(MetadataError::NoEntityId)?.to_owned(),
        sso_redirect,
        sso_post,
        slo_redirect: logout_endpoint(provider, REDIRECT),
        slo_post: logout_endpoint(provider, POST),
        certificates,
        skipped,
        wants_signed_requests: matches!(provider.attribute("WantAuthnRequestsSigned"), Some("true" | "1")),
        name_id_formats: formats.map(|format| format.trim().to_owned()).collect(),
        valid_until,
        display_name: display_name(entity, provider),
    })
}

/// The earliest end on the way up to the root (metadata 2.3.1, 2.3.2, 2.4.1).
fn valid_until(provider: Node<'_, '_>) -> Result<Option<Timestamp>, MetadataError> {
    let mut earliest: Option<Timestamp> = None;
    for text in provider.ancestors().filter_map(|node| node.attribute("validUntil")) {
        let bad = || MetadataError::BadTime { received: text.to_owned() };
        let end = Timestamp::parse(text).ok_or_else(bad)?;
        earliest = Some(earliest.map_or(end, |other| other.min(end)));
    }
    Ok(earliest)
}

/// The address for a binding.
fn location(provider: Node<'_, '_>, service: &'static str, binding: &str) -> Option<String> {
    web_address(endpoint(provider, service, binding)?.attribute("Location")?)
}

fn logout_endpoint(provider: Node<'_, '_>, binding: &str) -> Option<LogoutEndpoint> {
    let endpoint = endpoint(provider, "SingleLogoutService", binding)?;
    Some(LogoutEndpoint {
        location: web_address(endpoint.attribute("Location")?)?,
        response_location: endpoint.attribute("ResponseLocation").and_then(web_address),
    })
}

fn endpoint<'a, 'i>(provider: Node<'a, 'i>, service: &'static str, binding: &str) -> Option<Node<'a, 'i>> {
    xml::children(provider, METADATA, service).find(|endpoint| endpoint.attribute("Binding") == Some(binding))
}

/// The browser is sent there, so it must be an address of the web: `javascript:` is an URI too.
fn web_address(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    (matches!(url.scheme(), "https" | "http") && url.has_host()).then(|| text.trim().to_owned())
}

/// Every certificate for signing; a KeyDescriptor without `use` serves for both (metadata 2.4.1.1).
fn certificates(provider: Node<'_, '_>) -> Result<(Vec<Certificate>, Vec<CertificateError>), MetadataError> {
    let mut found: Vec<Certificate> = Vec::new();
    let mut skipped = Vec::new();
    let is_signing = |key: &Node<'_, '_>| matches!(key.attribute("use"), None | Some("signing"));
    let nodes = xml::children(provider, METADATA, "KeyDescriptor")
        .filter(is_signing)
        .flat_map(|key| xml::children(key, DSIG, "KeyInfo"))
        .flat_map(|info| xml::children(info, DSIG, "X509Data"))
        .flat_map(|data| xml::children(data, DSIG, "X509Certificate"));
    for node in nodes {
        match Certificate::from_text(xml::text(node).map_err(MetadataError::Xml)?) {
            Ok(certificates) => found.extend(certificates),
            Err(error) => skipped.push(error),
        }
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|certificate| seen.insert(certificate.sha256.clone()));
    match (found.is_empty(), skipped.first()) {
        (true, Some(error)) => Err(MetadataError::Certificate(error.clone())),
        (true, None) => Err(MetadataError::NoCertificate),
        _ => Ok((found, skipped)),
    }
}

/// What the provider calls itself, in English where there is a choice.
fn display_name(entity: Node<'_, '_>, provider: Node<'_, '_>) -> Option<String> {
    let of_role = xml::children(provider, METADATA, "Extensions")
        .flat_map(|extensions| xml::children(extensions, MDUI, "UIInfo"))
        .flat_map(|info| xml::children(info, MDUI, "DisplayName"));
    let of_organization = xml::children(entity, METADATA, "Organization")
        .flat_map(|organization| xml::children(organization, METADATA, "OrganizationDisplayName"));
    let is_english = |name: &Node<'_, '_>| {
        name.attribute((roxmltree::NS_XML_URI, "lang")).is_some_and(|language| language.starts_with("en"))
    };
    let names: Vec<Node<'_, '_>> = of_role.chain(of_organization).collect();
    let name = names.iter().find(|name| is_english(name)).or(names.first())?;
    let text = xml::text(*name).ok()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
