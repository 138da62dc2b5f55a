//! A connection as it is sent, to make or to change one.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::connections::ConnectionView;
use crate::app::connections::SettingsChange;
use crate::app::metadata::MetadataInput;
use crate::crypto::certificate::Certificate;
use crate::model::connection::AttributeNames;
use crate::model::connection::Binding;
use crate::model::connection::ExpiredCertificates;
use crate::model::connection::SamlSettings;
use crate::model::logout::Logout;
use crate::model::role::DefaultRole;
use crate::web::api::json::nullable;
use crate::web::api::json::nullable_object;
use crate::web::error::Fault;

/// What is said of a connection, to make or to change one.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionInput {
    /// `saml`; required to make one, and cannot change later.
    kind: Option<String>,
    /// People see it on the sign-in page; required to make one.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<String>>,
    /// Id of a provider of the catalogue; `custom` unless said.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    provider: Option<Option<String>>,
    /// The metadata document itself.
    idp_metadata_xml: Option<String>,
    /// Where it can be read.
    idp_metadata_url: Option<String>,
    /// By hand; with metadata of several identity providers, the one that is meant.
    idp_entity_id: Option<String>,
    sso_url: Option<String>,
    /// PEM or bare Base64.
    certificates: Option<Vec<String>>,
    /// `redirect` unless said.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    sso_binding: Option<Option<Binding>>,
    /// Where the identity provider is told of a sign-out; its metadata says it too.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    slo_url: Option<Option<String>>,
    /// Where it takes answers, if not at `slo_url`.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    slo_response_url: Option<Option<String>>,
    /// `redirect` unless said.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    slo_binding: Option<Option<Binding>>,
    /// `local` unless said; with `global` a sign-out here is one at the identity provider too.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    logout: Option<Option<Logout>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<bool>)]
    watch_metadata: Option<Option<bool>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<bool>)]
    allow_idp_initiated: Option<Option<bool>>,
    /// True unless said.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<bool>)]
    jit: Option<Option<bool>>,
    /// Slug or `none`; `member` unless said.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    default_role: Option<Option<DefaultRole>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<bool>)]
    any_domain: Option<Option<bool>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<bool>)]
    link_existing: Option<Option<bool>>,
    /// `accept` unless said.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    expired_certificates: Option<Option<ExpiredCertificates>>,
    #[serde(deserialize_with = "nullable_object")]
    #[schema(value_type = Option<AttributesInput>)]
    attributes: Option<Option<AttributesInput>>,
    /// 180 unless said, at most 600.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<u32>)]
    clock_skew: Option<Option<u32>>,
}

/// The attribute to read for a field instead of the names known by default; null brings those back.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = AttributeNames)]
struct AttributesInput {
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    given_name: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    family_name: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    job_title: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    groups: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    roles: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    picture: Option<Option<String>>,
    /// Names the person instead of the NameID; fixed once somebody has signed in.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    user_id: Option<Option<String>>,
}

impl AttributesInput {
    fn onto(self, names: AttributeNames) -> AttributeNames {
        AttributeNames {
            email: self.email.unwrap_or(names.email),
            given_name: self.given_name.unwrap_or(names.given_name),
            family_name: self.family_name.unwrap_or(names.family_name),
            name: self.name.unwrap_or(names.name),
            job_title: self.job_title.unwrap_or(names.job_title),
            groups: self.groups.unwrap_or(names.groups),
            roles: self.roles.unwrap_or(names.roles),
            picture: self.picture.unwrap_or(names.picture),
            user_id: self.user_id.unwrap_or(names.user_id),
        }
    }
}

const ONE_WAY: &str = "Describe the identity provider in one way: `idp_metadata_xml`, `idp_metadata_url`, or `idp_entity_id`, \
     `sso_url` and `certificates`.";

/// Several certificates as one text. Bare Base64 gets its lines, or two of them would be one.
pub fn joined(certificates: &[String]) -> Vec<u8> {
    let is_one = certificates.len() == 1;
    let whole = |text: &String| match is_one || text.contains("-----BEGIN") {
        true => format!("{text}\n"),
        false => format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", text.trim()),
    };
    certificates.iter().map(whole).collect::<String>().into_bytes()
}

impl ConnectionInput {
    pub fn check_kind(&self, is_new: bool) -> Result<(), Fault> {
        match self.kind.as_deref() {
            Some("saml") => Ok(()),
            None if !is_new => Ok(()),
            Some("oidc") => Err(Fault::new("/kind", "not_yet", "OpenID Connect comes later. Use `saml` for now.")),
            _ => Err(Fault::new("/kind", "kind", "Use `saml`.")),
        }
    }

    /// The one way in which the provider is described; `known` are the settings that a change by hand starts from.
    pub fn metadata(&self, known: Option<&ConnectionView>) -> Result<Option<MetadataInput>, Fault> {
        let by_hand = self.sso_url.is_some() || self.certificates.is_some();
        let entity_id = self.idp_entity_id.clone();
        match (&self.idp_metadata_xml, &self.idp_metadata_url, by_hand) {
            (Some(xml), None, false) => Ok(Some(MetadataInput::Xml { document: xml.clone().into_bytes(), entity_id })),
            (None, Some(url), false) => Ok(Some(MetadataInput::Link { url: url.clone(), entity_id })),
            (None, None, false) if entity_id.is_none() => match known {
                Some(_) => Ok(None),
                None => Err(Fault::new("", "metadata_way", ONE_WAY)),
            },
            (None, None, _) => Ok(Some(self.manual(known))),
            _ => Err(Fault::new("", "metadata_way", ONE_WAY)),
        }
    }

    fn manual(&self, known: Option<&ConnectionView>) -> MetadataInput {
        let settings = known.and_then(|view| view.connection.editable()).map(|revision| &revision.settings);
        let trusted = || -> Vec<u8> {
            let rows = known.into_iter().flat_map(|view| view.all_certificates());
            let certificates = rows.filter_map(|row| Certificate::from_der(&row.der).ok());
            certificates.map(|certificate| certificate.to_pem()).collect::<String>().into_bytes()
        };
        let or_known = |sent: &Option<String>, known: Option<&Option<String>>| {
            sent.clone().or_else(|| known.cloned().flatten()).unwrap_or_default()
        };
        MetadataInput::Manual {
            idp_entity_id: or_known(&self.idp_entity_id, settings.map(|settings| &settings.idp_entity_id)),
            sso_url: or_known(&self.sso_url, settings.map(|settings| &settings.sso_url)),
            certificates: self.certificates.as_deref().map_or_else(trusted, joined),
        }
    }

    /// The settings that were sent; null stands for the default. `names` are what attributes change.
    pub fn settings(self, names: AttributeNames) -> SettingsChange {
        fn sent<T>(value: Option<Option<T>>, default: T) -> Option<T> {
            value.map(|value| value.unwrap_or(default))
        }
        let default = SamlSettings::default();
        SettingsChange {
            name: sent(self.name, String::new()),
            provider: sent(self.provider, "custom".to_owned()),
            attributes: self.attributes.map(|sent| sent.map(|sent| sent.onto(names)).unwrap_or_default()),
            allow_idp_initiated: sent(self.allow_idp_initiated, default.allow_idp_initiated),
            jit: sent(self.jit, default.jit),
            default_role: sent(self.default_role, default.default_role),
            any_domain: self.any_domain,
            link_existing: sent(self.link_existing, default.link_existing),
            expired_certificates: sent(self.expired_certificates, default.expired_certificates),
            watch_metadata: sent(self.watch_metadata, default.watch_metadata),
            sso_binding: sent(self.sso_binding, default.sso_binding),
            slo_url: self.slo_url,
            slo_response_url: self.slo_response_url,
            slo_binding: sent(self.slo_binding, default.slo_binding),
            logout: sent(self.logout, default.logout),
            clock_skew: sent(self.clock_skew, default.clock_skew),
        }
    }
}
