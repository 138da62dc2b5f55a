//! Roles and permissions. Permissions are a closed list: `read` and `write` for each resource of the API, and a few
//! rights that stand alone. The four built-in roles are fixed here; access roles that admins name come later.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! permissions {
    ($($name:ident $text:literal),+ $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Permission { $($name),+ }

        impl Permission {
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

    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.has(*permission))
    }
}

/// A role by its slug. The order is the rank: the highest is the effective one.
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

    /// Holders are never linked to a sign-in by themselves (DOWNSTREAM.md 4.3, rule 4).
    pub fn is_administrator(self) -> bool {
        self >= Self::Admin
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

/// What a role came from: given here, or by a connection or directory (its id).
pub const LOCAL: &str = "local";

/// A role that a member holds, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRole {
    pub role: Role,
    pub from: String,
}

pub fn permissions_of(roles: &[HeldRole]) -> Permissions {
    roles.iter().fold(Permissions::NONE, |set, held| set.union(held.role.permissions()))
}

pub fn effective(roles: &[HeldRole]) -> Role {
    roles.iter().map(|held| held.role).max().unwrap_or(Role::Member)
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

    #[test]
    fn the_default_role_none_is_not_a_role() {
        assert_eq!("none".parse(), Ok(DefaultRole::None));
        assert_eq!("member".parse(), Ok(DefaultRole::Role(Role::Member)));
        assert!("root".parse::<DefaultRole>().is_err());
    }
}
