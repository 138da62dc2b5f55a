//! Roles and permissions. Permissions are a closed list: `read` and `write` for each resource of the API, and a few
//! rights that stand alone. The four built-in roles are fixed here; access roles are named by admins.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! permissions {
    ($($name:ident $text:literal),+ $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Permission { $($name),+ }

        /// What permissions are about, in the order of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    People,
    Roles,
    SignIn,
    Applications,
    Audit,
    Organization,
}

impl Area {
    pub const ALL: [Self; 6] =
        [Self::People, Self::Roles, Self::SignIn, Self::Applications, Self::Audit, Self::Organization];

    pub fn label(self) -> &'static str {
        match self {
            Self::People => "People",
            Self::Roles => "Roles and API keys",
            Self::SignIn => "Sign-in",
            Self::Applications => "Applications",
            Self::Audit => "Audit log",
            Self::Organization => "Organization",
        }
    }
}

impl Permission {
    pub fn area(self) -> Area {
        match self {
            Self::MembersRead
            | Self::MembersWrite
            | Self::GroupsRead
            | Self::TeamsRead
            | Self::TeamsWrite
            | Self::SessionsRead
            | Self::SessionsEnd => Area::People,
            Self::RolesRead | Self::RolesWrite | Self::RolesGrant | Self::ApiKeysRead | Self::ApiKeysWrite => {
                Area::Roles
            }
            Self::ConnectionsRead
            | Self::ConnectionsWrite
            | Self::DirectoriesRead
            | Self::DirectoriesWrite
            | Self::DomainsRead
            | Self::DomainsWrite
            | Self::SetupLinksRead
            | Self::SetupLinksWrite
            | Self::SignInModeWrite => Area::SignIn,
            Self::ApplicationsRead
            | Self::ApplicationsWrite
            | Self::WebhooksRead
            | Self::WebhooksWrite
            | Self::EventsRead => Area::Applications,
            Self::AuditRead | Self::AuditExport | Self::AuditStreamsRead | Self::AuditStreamsWrite => Area::Audit,
            Self::OrganizationRead | Self::OrganizationWrite | Self::InstanceWrite => Area::Organization,
        }
    }

            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

permissions! {
    ConnectionsRead "connections.read", ConnectionsWrite "connections.write",
    DirectoriesRead "directories.read", DirectoriesWrite "directories.write",
    DomainsRead "domains.read", DomainsWrite "domains.write",
    MembersRead "members.read", MembersWrite "members.write",
    GroupsRead "groups.read",
    TeamsRead "teams.read", TeamsWrite "teams.write",
    RolesRead "roles.read", RolesWrite "roles.write", RolesGrant "roles.grant",
    SessionsRead "sessions.read", SessionsEnd "sessions.end",
    ApplicationsRead "applications.read", ApplicationsWrite "applications.write",
    ApiKeysRead "api_keys.read", ApiKeysWrite "api_keys.write",
    WebhooksRead "webhooks.read", WebhooksWrite "webhooks.write",
    EventsRead "events.read",
    AuditRead "audit.read", AuditExport "audit.export",
    AuditStreamsRead "audit_streams.read", AuditStreamsWrite "audit_streams.write",
    SetupLinksRead "setup_links.read", SetupLinksWrite "setup_links.write",
    OrganizationRead "organization.read", OrganizationWrite "organization.write",
    SignInModeWrite "sign_in_mode.write",
    InstanceWrite "instance.write",
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Permission {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|permission| permission.as_str() == text).ok_or(())
    }
}

impl Permission {
    /// One line for pages.
    pub fn about(self) -> &'static str {
        match self {
            Self::ConnectionsRead => "See connections, their certificates and sign-ins",
            Self::ConnectionsWrite => "Set up, change and delete connections",
            Self::DirectoriesRead => "See directories and their requests",
            Self::DirectoriesWrite => "Set up, change and delete directories",
            Self::DomainsRead => "See domains",
            Self::DomainsWrite => "Add, verify and remove domains",
            Self::MembersRead => "See members",
            Self::MembersWrite => "Add, change, deactivate and remove members",
            Self::GroupsRead => "See groups",
            Self::TeamsRead => "See teams",
            Self::TeamsWrite => "Make, change and delete teams",
            Self::RolesRead => "See roles and what they grant",
            Self::RolesWrite => "Make, change and delete access roles",
            Self::RolesGrant => "Give roles to members, up to one's own",
            Self::SessionsRead => "See sessions",
            Self::SessionsEnd => "End sessions",
            Self::ApplicationsRead => "See applications",
            Self::ApplicationsWrite => "Add, change and remove applications",
            Self::ApiKeysRead => "See API keys, never their secret",
            Self::ApiKeysWrite => "Make and delete API keys, up to one's own role",
            Self::WebhooksRead => "See webhooks and deliveries",
            Self::WebhooksWrite => "Add, change and remove webhooks",
            Self::EventsRead => "Read the events that webhooks send",
            Self::AuditRead => "Read the audit log",
            Self::AuditExport => "Export the audit log",
            Self::AuditStreamsRead => "See audit log streams",
            Self::AuditStreamsWrite => "Add, change and remove audit log streams",
            Self::SetupLinksRead => "See setup links",
            Self::SetupLinksWrite => "Make and revoke setup links",
            Self::OrganizationRead => "See the organization's settings",
            Self::OrganizationWrite => "Change the organization's settings",
            Self::SignInModeWrite => "Change how people sign in",
            Self::InstanceWrite => "Change the settings of this instance",
        }
    }
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permissions(u64);

impl Permissions {
    pub const NONE: Self = Self(0);

    pub fn of(list: &[Permission]) -> Self {
        Self(list.iter().fold(0, |set, permission| set | 1 << *permission as u8))
    }

    pub fn all() -> Self {
        Self::of(Permission::ALL)
    }

    pub fn without(self, permission: Permission) -> Self {
        Self(self.0 & !(1 << permission as u8))
    }

    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn has(self, permission: Permission) -> bool {
        self.0 & 1 << permission as u8 != 0
    }

    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn insert(&mut self, permission: Permission) {
        self.0 |= 1 << permission as u8;
    }

    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.has(*permission))
    }
}

/// A built-in role. The order is the rank: the highest is the effective one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Member,
    Developer,
    Admin,
    Owner,
}

impl Role {
    /// Highest first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Developer, Self::Member];

    pub fn slug(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Developer => "developer",
            Self::Member => "member",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "Owner",
            Self::Admin => "Admin",
            Self::Developer => "Developer",
            Self::Member => "Member",
        }
    }

    /// One sentence for pages: what it grants.
    pub fn grants(self) -> &'static str {
        match self {
            Self::Owner => "Everything, and the settings of this instance.",
            Self::Admin => "Organization settings, sign-in, people, teams and the audit log.",
            Self::Developer => "Applications, API keys and webhooks; sees people and groups.",
            Self::Member => "Signs in and uses applications; no access to the console.",
        }
    }

    pub fn permissions(self) -> Permissions {
        use Permission as P;
        match self {
            Self::Owner => Permissions::all(),
            Self::Admin => Permissions::all().without(P::InstanceWrite),
            Self::Developer => Permissions::of(&[
                P::ApplicationsRead,
                P::ApplicationsWrite,
                P::ApiKeysRead,
                P::ApiKeysWrite,
                P::WebhooksRead,
                P::WebhooksWrite,
                P::EventsRead,
                P::MembersRead,
                P::GroupsRead,
                P::TeamsRead,
            ]),
            Self::Member => Permissions::NONE,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no role by that name; the roles are owner, admin, developer and member")]
pub struct NoSuchRole;

impl FromStr for Role {
    type Err = NoSuchRole;

    fn from_str(text: &str) -> Result<Self, NoSuchRole> {
        Self::ALL.into_iter().find(|role| role.slug() == text).ok_or(NoSuchRole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

/// A role that an admin named: a set of permissions, possibly empty, where an application is what reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRole {
    pub slug: String,
    pub name: String,
    pub description: String,
    pub permissions: Permissions,
    /// Orders access roles among themselves, for products that need one effective role.
    pub rank: u32,
    pub version: i64,
}

/// What a member can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyRole {
    BuiltIn(Role),
    Access(Arc<AccessRole>),
}

impl From<Role> for AnyRole {
    fn from(role: Role) -> Self {
        Self::BuiltIn(role)
    }
}

impl AnyRole {
    pub fn slug(&self) -> &str {
        match self {
            Self::BuiltIn(role) => role.slug(),
            Self::Access(role) => &role.slug,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::BuiltIn(role) => role.name(),
            Self::Access(role) => &role.name,
        }
    }

    /// One sentence for pages: what it grants.
    pub fn grants(&self) -> &str {
        match self {
            Self::BuiltIn(role) => role.grants(),
            Self::Access(role) => &role.description,
        }
    }

    pub fn permissions(&self) -> Permissions {
        match self {
            Self::BuiltIn(role) => role.permissions(),
            Self::Access(role) => role.permissions,
        }
    }

    pub fn access(&self) -> Option<&AccessRole> {
        match self {
            Self::BuiltIn(_) => None,
            Self::Access(role) => Some(role),
        }
    }

    pub fn is(&self, role: Role) -> bool {
        *self == Self::BuiltIn(role)
    }

    /// Holders are never linked to a sign-in by themselves (DOWNSTREAM.md 4.3, rule 4). An access role that reaches
    /// further than a developer's counts too: who signs in as its holder has that reach.
    pub fn is_administrator(&self) -> bool {
        match self {
            Self::BuiltIn(role) => *role >= Role::Admin,
            Self::Access(role) => !Role::Developer.permissions().contains(role.permissions),
        }
    }

    /// Owner or Admin: of these one has to stay.
    pub fn is_admin(&self) -> bool {
        matches!(self, Self::BuiltIn(role) if *role >= Role::Admin)
    }

    /// Sorts the highest first: the built-in roles that administer, access roles by rank, Member.
    pub fn order(&self) -> (Reverse<Option<Role>>, Reverse<u32>, &str) {
        match self {
            Self::BuiltIn(Role::Member) => (Reverse(None), Reverse(0), ""),
            Self::BuiltIn(role) => (Reverse(Some(*role)), Reverse(0), ""),
            Self::Access(role) => (Reverse(Some(Role::Member)), Reverse(role.rank), &role.name),
        }
    }
}

/// What a role came from: given here, or by a connection or directory (its id).
pub const LOCAL: &str = "local";

/// A role that a member holds, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRole {
    pub role: AnyRole,
    pub from: String,
}

impl HeldRole {
    pub fn local(role: impl Into<AnyRole>) -> Self {
        Self { role: role.into(), from: LOCAL.into() }
    }

    pub fn is_local(&self) -> bool {
        self.from == LOCAL
    }
}

pub fn permissions_of(roles: &[HeldRole]) -> Permissions {
    roles.iter().fold(Permissions::NONE, |set, held| set.union(held.role.permissions()))
}

/// The highest role of somebody; Member where they hold none.
pub fn effective(roles: &[HeldRole]) -> AnyRole {
    let highest = roles.iter().map(|held| &held.role).min_by(|a, b| a.order().cmp(&b.order()));
    highest.cloned().unwrap_or(AnyRole::BuiltIn(Role::Member))
}

/// The role of people whom no mapping matches. `None` refuses them ("none" outside); it is never "unset".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultRole {
    Role(Role),
    None,
}

impl DefaultRole {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Role(role) => role.slug(),
            Self::None => "none",
        }
    }
}

impl FromStr for DefaultRole {
    type Err = NoSuchRole;

    fn from_str(text: &str) -> Result<Self, NoSuchRole> {
        if text == "none" { Ok(Self::None) } else { text.parse().map(Self::Role) }
    }
}

impl Serialize for DefaultRole {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for DefaultRole {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_holds_what_the_one_below_holds() {
        assert!(Role::Owner.permissions().contains(Role::Admin.permissions()));
        assert!(Role::Admin.permissions().contains(Role::Developer.permissions()));
        assert!(Role::Developer.permissions().contains(Role::Member.permissions()));
        assert!(Role::Member.permissions().is_empty());
        assert!(!Role::Admin.permissions().has(Permission::InstanceWrite));
    }

    fn access(rank: u32, permissions: &[Permission]) -> AnyRole {
        let permissions = Permissions::of(permissions);
        let (slug, name, description) = ("viewer".into(), "Viewer".into(), String::new());
        AnyRole::Access(Arc::new(AccessRole { slug, name, description, permissions, rank, version: 1 }))
    }

    #[test]
    fn an_access_role_ranks_between_developer_and_member() {
        let (low, high) = (access(1, &[]), access(2, &[]));
        let mut roles =
            [AnyRole::from(Role::Member), low.clone(), high.clone(), Role::Owner.into(), Role::Developer.into()];
        roles.sort_by(|a, b| a.order().cmp(&b.order()));
        assert_eq!(roles, [Role::Owner.into(), Role::Developer.into(), high, low, Role::Member.into()]);
        assert_eq!(effective(&[]), AnyRole::BuiltIn(Role::Member));
    }

    #[test]
    fn whoever_reaches_further_than_a_developer_administers() {
        assert!(!access(0, &[]).is_administrator());
        assert!(!access(0, &[Permission::MembersRead, Permission::WebhooksWrite]).is_administrator());
        assert!(access(0, &[Permission::ConnectionsWrite]).is_administrator());
        assert!(!access(0, &[Permission::ConnectionsWrite]).is_admin());
    }

    #[test]
    fn the_default_role_none_is_not_a_role() {
        assert_eq!("none".parse(), Ok(DefaultRole::None));
        assert_eq!("member".parse(), Ok(DefaultRole::Role(Role::Member)));
        assert!("root".parse::<DefaultRole>().is_err());
    }
}
