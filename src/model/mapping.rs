//! What a value that an identity provider sends grants: roles, a team, a tag. Values match exactly, after trimming.
//! Whoever matches several mappings gets what all of them give.

use std::collections::{BTreeSet, HashMap};

use crate::model::id::TeamId;
use crate::model::role::Role;

/// A connection keeps so many at most.
pub const MOST: usize = 1000;
/// Roles, teams and tags that one value gives at most, and that all values give: what becomes of a whole company stays within
/// bounds.
pub const MOST_OF_VALUE: usize = 50;
pub const MOST_IN_ALL: usize = 5000;

/// The kind of value that is compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Match {
    Group,
    Role,
    Entitlement,
    /// Any other attribute, by the name it is sent under; names are compared in any case, as for all attributes.
    Attribute(String),
}

impl Match {
    pub const KINDS: [&'static str; 4] = ["group", "role", "entitlement", "attribute"];

    pub fn kind(&self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Role => "role",
            Self::Entitlement => "entitlement",
            Self::Attribute(_) => "attribute",
        }
    }

    pub fn attribute(&self) -> Option<&str> {
        match self {
            Self::Attribute(name) => Some(name),
            _ => None,
        }
    }

    /// `attribute` is the name that kind needs and no other takes.
    pub fn parse(kind: &str, attribute: Option<&str>) -> Option<Self> {
        let attribute = attribute.map(str::trim).filter(|name| !name.is_empty());
        match (kind, attribute) {
            ("group", None) => Some(Self::Group),
            ("role", None) => Some(Self::Role),
            ("entitlement", None) => Some(Self::Entitlement),
            ("attribute", Some(name)) => Some(Self::Attribute(name.to_lowercase())),
            _ => None,
        }
    }

    /// For sentences: `group`, `attribute department`.
    pub fn label(&self) -> String {
        match self {
            Self::Attribute(name) => format!("attribute {name}"),
            other => other.kind().to_owned(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleMapping {
    pub on: Match,
    /// Trimmed.
    pub value: String,
    /// Slugs.
    pub roles: Vec<String>,
    pub team: Option<TeamId>,
    pub tag: Option<String>,
}

/// A value as it was sent about somebody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sent {
    pub on: Match,
    /// Trimmed.
    pub value: String,
}

/// What somebody gets by the mappings that match them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granted {
    pub roles: BTreeSet<String>,
    pub teams: BTreeSet<TeamId>,
    pub tags: BTreeSet<String>,
}

impl Granted {
    /// Takes over what the other has.
    pub fn join(&mut self, other: &Self) {
        self.roles.extend(other.roles.iter().cloned());
        self.teams.extend(other.teams.iter().cloned());
        self.tags.extend(other.tags.iter().cloned());
    }

    pub fn count(&self) -> usize {
        self.roles.len() + self.teams.len() + self.tags.len()
    }

    /// Whether they administer by it.
    pub fn has_admin(&self) -> bool {
        self.roles.iter().any(|slug| matches!(slug.parse(), Ok(Role::Admin | Role::Owner)))
    }

    pub fn has_owner(&self) -> bool {
        self.roles.iter().any(|slug| slug.parse() == Ok(Role::Owner))
    }

    pub fn add(&mut self, mapping: &RoleMapping) {
        self.roles.extend(mapping.roles.iter().cloned());
        self.teams.extend(mapping.team.clone());
        self.tags.extend(mapping.tag.clone());
    }
}

impl RoleMapping {
    pub fn matches(&self, sent: &[Sent]) -> bool {
        sent.iter().any(|sent| sent.on == self.on && sent.value == self.value)
    }

    /// For sentences: `group Doorward Admins`.
    pub fn label(&self) -> String {
        format!("{} {}", self.on.label(), self.value)
    }
}

/// Mappings by the value that they compare, to match a whole company.
#[derive(Debug, Default)]
pub struct ByValue<'a>(HashMap<(&'a Match, &'a str), Granted>);

impl<'a> ByValue<'a> {
    pub fn new(mappings: &'a [RoleMapping]) -> Self {
        let mut all = Self::default();
        for mapping in mappings {
            all.0.entry((&mapping.on, &mapping.value)).or_default().add(mapping);
        }
        all
    }

    /// What this value grants, if anything.
    pub fn find<'s>(&'s self, sent: &'s Sent) -> Option<&'s Granted> {
        self.0.get(&(&sent.on, sent.value.as_str()))
    }

    pub fn all(&self) -> impl Iterator<Item = &Granted> {
        self.0.values()
    }

    /// What is most of all that one value grants, and what all grant together.
    pub fn most(&self) -> (usize, usize) {
        let counts = self.all().map(Granted::count);
        counts.fold((0, 0), |(most, all), count| (most.max(count), all + count))
    }
}

/// The union of what matches.
pub fn granted(mappings: &[RoleMapping], sent: &[Sent]) -> Granted {
    let mut granted = Granted::default();
    mappings.iter().filter(|mapping| mapping.matches(sent)).for_each(|mapping| granted.add(mapping));
    granted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(value: &str, roles: &[&str]) -> RoleMapping {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        RoleMapping { on: Match::Group, value: value.into(), roles, team: None, tag: None }
    }

    fn sent(value: &str) -> Sent {
        Sent { on: Match::Group, value: value.into() }
    }

    #[test]
    fn whoever_is_in_several_groups_gets_all_of_their_roles() {
        let mappings =
            [mapping("Admins", &["admin"]), mapping("Builders", &["developer", "viewer"]), mapping("Other", &["x"])];
        let granted = granted(&mappings, &[sent("Builders"), sent("Admins"), sent("Nobody's")]);
        assert_eq!(granted.roles.into_iter().collect::<Vec<_>>(), ["admin", "developer", "viewer"]);
    }

    #[test]
    fn by_their_values_mappings_give_the_same() {
        let mappings = [mapping("Admins", &["admin"]), mapping("Admins", &["x"]), mapping("Builders", &["x"])];
        let by_value = ByValue::new(&mappings);
        for values in [&["Admins"][..], &["Builders", "Admins"], &["admins"]] {
            let sent: Vec<Sent> = values.iter().map(|value| sent(value)).collect();
            let mut found = Granted::default();
            sent.iter().filter_map(|sent| by_value.find(sent)).for_each(|granted| found.join(granted));
            assert_eq!(found, granted(&mappings, &sent));
        }
        assert_eq!(by_value.most(), (2, 3));
    }

    #[test]
    fn a_value_matches_exactly_and_only_its_own_kind() {
        let mappings = [mapping("Admins", &["admin"])];
        for near in ["admins", "Admins ", "Admin", "Doorward Admins"] {
            assert_eq!(granted(&mappings, &[sent(near)]), Granted::default(), "{near}");
        }
        let role = Sent { on: Match::Role, value: "Admins".into() };
        assert_eq!(granted(&mappings, &[role]), Granted::default());
    }

    #[test]
    fn an_attribute_has_a_name_and_nothing_else_does() {
        assert_eq!(Match::parse("attribute", Some(" Department ")), Some(Match::Attribute("department".into())));
        for (kind, name) in [("attribute", None), ("attribute", Some(" ")), ("group", Some("x")), ("team", None)] {
            assert_eq!(Match::parse(kind, name), None, "{kind}");
        }
    }
}
