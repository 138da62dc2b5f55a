//! Facts that happened. The list of actions is closed; each is `object.past_tense`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::id::{AuditEventId, AuditViewId, OrganizationId};
use crate::model::time::Timestamp;

macro_rules! actions {
    ($($name:ident $text:literal $label:literal),+ $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $($name),+ }

        impl Action {
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// For people.
            pub fn label(self) -> &'static str {
                match self { $(Self::$name => $label),+ }
            }

            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.as_str() == text)
            }
        }
    };
}

actions! {
    OrganizationCreated "organization.created" "Organization created",
    OrganizationUpdated "organization.updated" "Organization changed",
    SignInModeChanged "sign_in_mode.changed" "Sign-in mode changed",
    MemberCreated "member.created" "Member added",
    MemberUpdated "member.updated" "Member changed",
    MemberDeactivated "member.deactivated" "Member deactivated",
    MemberReactivated "member.reactivated" "Member reactivated",
    MemberDeleted "member.deleted" "Member removed",
    MemberRolesChanged "member.roles_changed" "Roles changed",
    LastAdminKept "member.last_admin_kept" "Last admin kept",
    RoleCreated "role.created" "Role made",
    RoleUpdated "role.updated" "Role changed",
    RoleDeleted "role.deleted" "Role deleted",
    TeamCreated "team.created" "Team made",
    TeamUpdated "team.updated" "Team renamed",
    TeamDeleted "team.deleted" "Team deleted",
    TeamMemberAdded "team.member_added" "Added to team",
    TeamMemberRemoved "team.member_removed" "Removed from team",
    PasswordLinkCreated "password_link.created" "Password link made",
    RecoveryLinkCreated "recovery_link.created" "Recovery link made",
    PasswordChanged "password.changed" "Password set",
    SignedIn "sign_in.succeeded" "Signed in",
    SignInRefused "sign_in.refused" "Sign-in refused",
    TestPassed "test.passed" "Test SSO passed",
    TestFailed "test.failed" "Test SSO failed",
    IdentityLinked "identity.linked" "Sign-in linked",
    LinkRefused "link.refused" "Sign-in not linked",
    IdentityUnlinked "identity.unlinked" "Sign-in unlinked",
    SessionEnded "session.ended" "Session ended",
    SignedOut "session.signed_out" "Signed out",
    ProviderSignedOut "session.provider_signed_out" "Signed out by the identity provider",
    LogoutRefused "logout.refused" "Sign-out message refused",
    ConnectionCreated "connection.created" "Connection created",
    ConnectionUpdated "connection.updated" "Connection changed",
    ConnectionActivated "connection.activated" "Connection turned on",
    SettingsActivated "connection.settings_activated" "Settings changed",
    ConnectionDeactivated "connection.deactivated" "Connection turned off",
    ConnectionReverted "connection.reverted" "Former settings brought back",
    ConnectionRestored "connection.restored" "Earlier settings brought back as a draft",
    ConnectionDraftDiscarded "connection.draft_discarded" "Draft discarded",
    ConnectionDeleted "connection.deleted" "Connection deleted",
    RoleMappingsChanged "connection.role_mappings_changed" "Role mappings changed",
    LinkExistingChanged "connection.link_existing_changed" "Joining existing members changed",
    SecondOpinionDiffers "connection.second_opinion_differs" "Signature checks disagree",
    CertificateAdded "connection.certificate_added" "Certificate added",
    CertificateRemoved "connection.certificate_removed" "Certificate removed",
    CertificateRestored "connection.certificate_restored" "Removed certificate brought back",
    CertificateVouchesAbove "connection.certificate_vouches_above" "Certificate vouches for a higher role",
    CertificateExpiring "connection.certificate_expiring" "Certificate ends soon",
    CertificateExpired "connection.certificate_expired" "Certificate has ended",
    CertificateExpiredUsed "connection.certificate_expired_used" "Expired certificate still used",
    MetadataChanged "connection.metadata_changed" "Provider's metadata changed",
    MetadataFailed "connection.metadata_failed" "Metadata link could not be used",
    KeyPrepared "connection.key_prepared" "Next key of ours published",
    KeySwitched "connection.key_switched" "Our key switched",
    KeyRemoved "connection.key_removed" "Key of ours removed",
    KeyExpiring "connection.key_expiring" "Our certificate ends soon",
    KeyExpired "connection.key_expired" "Our certificate has ended",
    MemberJoinedDirectory "member.joined_directory" "Joined to a directory's user",
    MemberMerged "member.merged" "Members merged",
    DirectoryCreated "directory.created" "Directory created",
    DirectoryUpdated "directory.updated" "Directory changed",
    DirectoryEnabled "directory.enabled" "Directory turned on",
    DirectoryDisabled "directory.disabled" "Directory turned off",
    DirectoryDeleted "directory.deleted" "Directory deleted",
    DirectoryTokenCreated "directory.token_created" "SCIM token made",
    DirectoryTokenDeleted "directory.token_deleted" "SCIM token deleted",
    DirectoryTokenExpiring "directory.token_expiring" "SCIM token ends soon",
    DirectoryTokenExpired "directory.token_expired" "SCIM token has ended",
    DirectoryMappingsChanged "directory.role_mappings_changed" "Role mappings of a directory changed",
    DirectoryHeld "directory.held" "Directory held: many people would lose access",
    DirectoryLetPass "directory.let_pass" "Held changes let pass",
    DirectorySeatsFull "directory.seats_full" "No seat left",
    DirectoryGroupRenamed "directory.group_renamed" "Mapped group renamed",
    ApiKeyCreated "api_key.created" "API key created",
    ApiKeyDeleted "api_key.deleted" "API key deleted",
    SecretsRewrapped "secrets.rewrapped" "Secrets moved to a new master key",
    BackupMade "backup.made" "Backup made",
    AuditViewCreated "audit_view.created" "View of the audit log saved",
    AuditViewUpdated "audit_view.updated" "View of the audit log renamed",
    AuditViewDeleted "audit_view.deleted" "View of the audit log deleted",
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Info,
    Warning,
    Alarm,
}

impl Level {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Alarm => "alarm",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Alarm].into_iter().find(|level| level.as_str() == text)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    pub kind: String,
    pub id: String,
    pub name: String,
}

impl Target {
    pub fn new(kind: &str, id: impl ToString, name: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), id: id.to_string(), name: name.into() }
    }
}

/// An event about to be written; `Ctx` adds who, where and when.
#[derive(Debug, Clone)]
pub struct NewEvent {
    pub action: Action,
    pub level: Level,
    /// The error code of what was refused; none where it was done.
    pub code: Option<String>,
    pub target: Target,
    pub reference: Option<String>,
    /// `{field: [before, after]}`
    pub changes: Map<String, Value>,
}

impl NewEvent {
    pub fn new(action: Action, target: Target) -> Self {
        Self { action, level: Level::Info, code: None, target, reference: None, changes: Map::new() }
    }

    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    pub fn refused(mut self, code: &str, reference: Option<&str>) -> Self {
        self.code = Some(code.to_owned());
        self.reference = reference.map(str::to_owned);
        self
    }

    pub fn change(mut self, field: &str, before: impl Into<Value>, after: impl Into<Value>) -> Self {
        let (before, after) = (before.into(), after.into());
        if before != after {
            self.changes.insert(field.to_owned(), Value::Array(vec![before, after]));
        }
        self
    }
}

/// An event as it is kept.
#[derive(Debug, Clone)]
pub struct AuditEvent {
    pub id: AuditEventId,
    pub at: Timestamp,
    pub action: String,
    pub level: Level,
    pub code: Option<String>,
    pub actor: Target,
    pub target: Target,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub request_id: Option<String>,
    pub reference: Option<String>,
    pub changes: Map<String, Value>,
}

impl AuditEvent {
    pub fn result(&self) -> &'static str {
        if self.code.is_some() { "refused" } else { "ok" }
    }

    pub fn label(&self) -> &str {
        match Action::parse(&self.action) {
            Some(action) => action.label(),
            None => &self.action,
        }
    }
}

/// What a list of events is narrowed to; the newest come first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditFilter {
    /// In the name, address or id of who did it or of what it was done to, in the event or its code.
    pub text: Option<String>,
    pub actor: Option<String>,
    pub action: Option<String>,
    pub target: Option<String>,
    pub result: Option<String>,
    pub level: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

/// A filter under a name, for everybody of the organization who reads the log.
#[derive(Debug, Clone)]
pub struct AuditView {
    pub id: AuditViewId,
    pub organization: OrganizationId,
    pub name: String,
    pub filter: AuditFilter,
    /// Id of the actor who saved it, and the name of that time.
    pub made_by: Option<String>,
    pub made_by_name: String,
    pub created_at: Timestamp,
}

impl AuditView {
    /// An organization has so many at most: they stand above the list as links.
    pub const MOST: usize = 50;
}
