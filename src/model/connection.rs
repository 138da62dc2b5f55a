//! A link to one identity provider. Its settings live in revisions: a draft may change, an active one never does.
//! Editing an active connection makes a draft beside it, which a passed test and an activation swap in.
//! Certificates belong to the connection itself: they are live, and audited, not drafted.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::id::{ConnectionId, OrganizationId, RevisionId, TestId};
use crate::model::invalid::Invalid;
use crate::model::logout::Logout;
use crate::model::metadata::SeenMetadata;
use crate::model::role::DefaultRole;
use crate::model::role::Role;
use crate::model::time::Timestamp;
use crate::model::time::stage_of;

/// The end of a connection's last certificate is told with so many days left, and once it has passed.
const WATCH: [u32; 5] = [1, 7, 14, 30, 60];

/// The stage of the watch that the end of a certificate has come to.
pub fn watch_stage(end: Timestamp, now: Timestamp) -> Option<u32> {
    stage_of(&WATCH, end, now)
}

/// Why a metadata link could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataProblem {
    pub code: String,
    pub text: String,
}

#[derive(Debug, Clone)]
pub struct Connection {
    pub id: ConnectionId,
    pub organization: OrganizationId,
    pub name: String,
    /// Id of a provider in providers.toml.
    pub provider: String,
    pub status: Status,
    /// Fixed at creation, so that a changed base URL shows up instead of breaking the provider silently.
    pub entity_id: String,
    pub acs_url: String,
    pub active: Option<Revision>,
    pub draft: Option<Revision>,
    /// The revision that was active before, to be brought back.
    pub former: Option<RevisionId>,
    pub created_at: Timestamp,
    pub activated_at: Option<Timestamp>,
    /// When the metadata link was read last and tried last, and what was wrong with it then.
    pub metadata_read_at: Option<Timestamp>,
    pub metadata_tried_at: Option<Timestamp>,
    pub metadata_problem: Option<MetadataProblem>,
    /// What was read when it could be used last.
    pub metadata_seen: Option<SeenMetadata>,
    /// The single logout URL at which the provider confirmed a sign-out that began here, and when it last did.
    pub logout_confirmed: Option<(String, Timestamp)>,
    /// Counts edits: two admins cannot overwrite each other unseen.
    pub version: i64,
}

#[derive(Debug, Clone)]
pub struct Revision {
    pub id: RevisionId,
    pub settings: SamlSettings,
    pub created_at: Timestamp,
}

/// A revision as it is kept: by whom it was saved and turned on, last each.
#[derive(Debug, Clone)]
pub struct SavedRevision {
    pub revision: Revision,
    pub saved_at: Timestamp,
    pub saved_by: String,
    pub activated_at: Option<Timestamp>,
    pub activated_by: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Draft,
    Active,
    Disabled,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Active, Self::Disabled].into_iter().find(|status| status.as_str() == text)
    }
}

/// How our request travels to the provider (SAML bindings 3.4, 3.5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    #[default]
    Redirect,
    Post,
}

/// What becomes of a response that was signed with a certificate past its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiredCertificates {
    /// Accepted with an alarm: providers go on signing with it, and a whole company would be locked out at midnight.
    #[default]
    Accept,
    Refuse,
}

impl FromStr for ExpiredCertificates {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "accept" => Ok(Self::Accept),
            "refuse" => Ok(Self::Refuse),
            _ => Err(()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamlSettings {
    pub idp_entity_id: Option<String>,
    pub sso_url: Option<String>,
    pub sso_binding: Binding,
    /// Where the provider is told of a sign-out; none where it has no single logout.
    pub slo_url: Option<String>,
    /// Where it takes our answers to its own, if that is another address.
    pub slo_response_url: Option<String>,
    pub slo_binding: Binding,
    /// How far a sign-out here reaches.
    pub logout: Logout,
    pub metadata_url: Option<String>,
    pub watch_metadata: bool,
    pub wants_signed_requests: bool,
    pub attributes: AttributeNames,
    pub allow_idp_initiated: bool,
    /// People unknown here are created at their first sign-in.
    pub jit: bool,
    pub default_role: DefaultRole,
    /// Addresses of domains that nobody here has verified are accepted; on while the connection has no domain.
    pub any_domain: Option<bool>,
    /// A verified address joins the member who has it (DECISIONS.md, linking by address).
    pub link_existing: bool,
    pub expired_certificates: ExpiredCertificates,
    /// Seconds that the two clocks may differ.
    pub clock_skew: u32,
}

impl Default for SamlSettings {
    fn default() -> Self {
        Self {
            idp_entity_id: None,
            sso_url: None,
            sso_binding: Binding::Redirect,
            slo_url: None,
            slo_response_url: None,
            slo_binding: Binding::Redirect,
            logout: Logout::Local,
            metadata_url: None,
            watch_metadata: false,
            wants_signed_requests: false,
            attributes: AttributeNames::default(),
            allow_idp_initiated: false,
            jit: true,
            default_role: DefaultRole::Role(Role::Member),
            any_domain: None,
            link_existing: false,
            expired_certificates: ExpiredCertificates::Accept,
            clock_skew: 180,
        }
    }
}

impl SamlSettings {
    /// What a test exercises. Two settings with the same text here behave the same at the provider, so a passed test
    /// of one holds for the other; who is let in and as what may change without a new test.
    pub fn tested(&self) -> String {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        let names = serde_json::to_string(&self.attributes).unwrap_or_default();
        let fields = [part(&self.idp_entity_id), part(&self.sso_url), format!("{:?}", self.sso_binding), names];
        fields.join("\u{1f}")
    }
}

/// The attribute that a connection reads for each field; none means the names known by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttributeNames {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// Names the person instead of the NameID; fixed once somebody has signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
}

impl AttributeNames {
    pub const FIELDS: [&'static str; 9] =
        ["email", "given_name", "family_name", "name", "job_title", "groups", "roles", "picture", "user_id"];

    pub fn get(&self, field: &str) -> Option<&str> {
        self.slot(field).and_then(|name| name.as_deref())
    }

    fn slot(&self, field: &str) -> Option<&Option<String>> {
        Some(match field {
            "email" => &self.email,
            "given_name" => &self.given_name,
            "family_name" => &self.family_name,
            "name" => &self.name,
            "job_title" => &self.job_title,
            "groups" => &self.groups,
            "roles" => &self.roles,
            "picture" => &self.picture,
            "user_id" => &self.user_id,
            _ => return None,
        })
    }

    /// Trims; an empty name is none.
    pub fn tidied(self) -> Result<Self, Invalid> {
        let tidy = |name: Option<String>| name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let names = Self {
            email: tidy(self.email),
            given_name: tidy(self.given_name),
            family_name: tidy(self.family_name),
            name: tidy(self.name),
            job_title: tidy(self.job_title),
            groups: tidy(self.groups),
            roles: tidy(self.roles),
            picture: tidy(self.picture),
            user_id: tidy(self.user_id),
        };
        let mut invalid = Invalid::new();
        for field in Self::FIELDS {
            if names.get(field).is_some_and(|name| name.len() > 300 || name.chars().any(char::is_control)) {
                invalid.add(
                    field,
                    "attribute_name",
                    "An attribute name has at most 300 characters, without control characters.",
                );
            }
        }
        invalid.or(names)
    }
}

/// What stands between a draft and turning it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    Metadata,
    Test,
}

/// How far a sign-out that begins here goes, and what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Here,
    /// It should go on to the provider, which has no address for it.
    NoAddress,
    /// When the provider last confirmed one at the present address.
    Provider(Option<Timestamp>),
}

impl Connection {
    pub fn reach(&self, settings: &SamlSettings) -> Reach {
        match (settings.logout, &settings.slo_url) {
            (Logout::Local, _) => Reach::Here,
            (Logout::Global, None) => Reach::NoAddress,
            (Logout::Global, Some(url)) => {
                let confirmed = self.logout_confirmed.as_ref().filter(|(at, _)| at == url);
                Reach::Provider(confirmed.map(|(_, when)| *when))
            }
        }
    }

    /// Our address for single logout.
    pub fn slo_url(&self) -> String {
        Self::slo_url_of(&self.entity_id)
    }

    /// That of a connection with this entity ID.
    pub fn slo_url_of(entity_id: &str) -> String {
        format!("{entity_id}/slo")
    }

    /// The settings that sign people in now.
    pub fn live(&self) -> Option<&Revision> {
        self.active.as_ref().filter(|_| self.status == Status::Active)
    }

    /// The settings that an edit or a test works on.
    pub fn editable(&self) -> Option<&Revision> {
        self.draft.as_ref().or(self.active.as_ref())
    }

    /// What is shown as the connection's settings: active ones, else the draft.
    pub fn shown(&self) -> Option<&Revision> {
        self.active.as_ref().or(self.draft.as_ref())
    }

    pub fn revision(&self, id: &RevisionId) -> Option<&Revision> {
        [&self.active, &self.draft].into_iter().flatten().find(|revision| revision.id == *id)
    }

    /// The draft differs from the active settings only in what no test exercises.
    pub fn tests_alike(&self) -> bool {
        match (&self.active, &self.draft) {
            (Some(active), Some(draft)) => active.settings.tested() == draft.settings.tested(),
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// What has to be done before this draft can be turned on, the first first.
    pub fn missing(&self, certificates: usize, has_passed_test: bool) -> Vec<Missing> {
        let Some(settings) = self.editable().map(|revision| &revision.settings) else { return vec![Missing::Metadata] };
        let mut missing = Vec::new();
        if settings.idp_entity_id.is_none() || settings.sso_url.is_none() || certificates == 0 {
            missing.push(Missing::Metadata);
        }
        if !has_passed_test {
            missing.push(Missing::Test);
        }
        missing
    }
}

/// One Test SSO: nobody is signed in by it, it only shows what would happen.
#[derive(Debug, Clone)]
pub struct Test {
    pub id: TestId,
    pub connection: ConnectionId,
    pub revision: RevisionId,
    /// Of `SamlSettings::tested` when it ran.
    pub settings_hash: String,
    pub status: TestStatus,
    pub code: Option<String>,
    pub started_by: String,
    /// The member who started it, if one did.
    pub member: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub trace: Option<crate::model::sign_in::Trace>,
    /// Who the provider said it was.
    pub issuer: Option<String>,
    pub subject: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestStatus {
    Waiting,
    Passed,
    Failed,
}

impl TestStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Passed => "passed",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Waiting, Self::Passed, Self::Failed].into_iter().find(|status| status.as_str() == text)
    }
}

/// A signing certificate of the provider, as it is kept. The DER stays in the store and never goes out again.
#[derive(Debug, Clone)]
pub struct TrustedCertificate {
    pub sha256: String,
    pub sha1: String,
    pub subject: String,
    pub key: String,
    /// Of the public key alone.
    pub key_sha256: String,
    /// The identity providers, by entity ID, that it was trusted for.
    pub providers: Vec<String>,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    pub der: Vec<u8>,
    /// `metadata` or `upload`.
    pub source: String,
    pub added_by: String,
    pub added_at: Timestamp,
    /// False while it waits, with its draft, to be turned on.
    pub is_live: bool,
    pub first_used_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

impl TrustedCertificate {
    /// Whether it was trusted for the identity provider that these settings name.
    pub fn vouches_for(&self, settings: &SamlSettings) -> bool {
        settings.idp_entity_id.as_ref().is_some_and(|provider| self.providers.contains(provider))
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.not_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::days;

    #[test]
    fn settings_from_before_single_logout_read_as_signing_out_here_alone() {
        let settings: SamlSettings =
            serde_json::from_str(r#"{"sso_url":"https://idp.example/sso","jit":false}"#).unwrap();
        assert_eq!((settings.slo_url, settings.logout, settings.jit), (None, Logout::Local, false));
    }

    #[test]
    fn an_end_comes_to_each_stage_of_the_watch_once() {
        let end = Timestamp::from_secs(1_800_000_000);
        let stage = |before: u64| watch_stage(end, end - days(before));
        assert_eq!((stage(61), stage(60), stage(31), stage(30)), (None, Some(60), Some(60), Some(30)));
        assert_eq!(
            (stage(14), stage(8), stage(7), stage(2), stage(1)),
            (Some(14), Some(14), Some(7), Some(7), Some(1))
        );
        assert_eq!((stage(0), watch_stage(end, end + days(400))), (Some(0), Some(0)));
    }
}
