//! What a path below `/scim/v2` names.

use crate::scim::Kind;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    Users(Option<String>),
    Groups(Option<String>),
    Search(&'static [Kind]),
    Configuration,
    ResourceTypes(Option<String>),
    Schemas(Option<String>),
    /// `/Me` and `/Bulk`: the RFC has them, this server has not.
    NotImplemented,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The directory that the address names, whose token it then has to be.
    pub directory: Option<String>,
    pub endpoint: Endpoint,
    /// Below the URL of the server.
    pub path: String,
}

impl Target {
    /// In any case, with or without a slash at the end.
    pub fn parse(tail: &str) -> Self {
        let mut parts: Vec<&str> = tail.split('/').filter(|part| !part.is_empty()).collect();
        let directory = parts.first().filter(|part| part.starts_with("dir_")).map(|part| (*part).to_owned());
        if directory.is_some() {
            parts.remove(0);
        }
        let mut path = String::with_capacity(tail.len() + 1);
        for part in &parts {
            path.push('/');
            path.push_str(part);
        }
        Self { directory, endpoint: endpoint(&parts), path }
    }
}

fn endpoint(parts: &[&str]) -> Endpoint {
    let Some((first, rest)) = parts.split_first() else { return Endpoint::Unknown };
    let is = |name: &str| first.eq_ignore_ascii_case(name);
    let id = match rest {
        [] => None,
        // A base URL that was saved with an endpoint at its end.
        [id] if id.eq_ignore_ascii_case("users") || id.eq_ignore_ascii_case("groups") => return Endpoint::Unknown,
        [id] => Some((*id).to_owned()),
        _ => return Endpoint::Unknown,
    };
    let is_search = id.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(".search"));
    match () {
        () if is("users") && is_search => Endpoint::Search(&[Kind::User]),
        () if is("groups") && is_search => Endpoint::Search(&[Kind::Group]),
        () if is("users") => Endpoint::Users(id),
        () if is("groups") => Endpoint::Groups(id),
        () if is("resourcetypes") => Endpoint::ResourceTypes(id),
        () if is("schemas") => Endpoint::Schemas(id),
        () if id.is_some() => Endpoint::Unknown,
        () if is(".search") => Endpoint::Search(&[Kind::User, Kind::Group]),
        () if is("serviceproviderconfig") => Endpoint::Configuration,
        () if is("me") || is("bulk") => Endpoint::NotImplemented,
        () => Endpoint::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_in_any_case_with_and_without_a_directory() {
        let at = |tail: &str| Target::parse(tail).endpoint;
        assert_eq!(at("/Users"), Endpoint::Users(None));
        assert_eq!(at("/users/"), Endpoint::Users(None));
        assert_eq!(at("/Groups/grp_1"), Endpoint::Groups(Some("grp_1".into())));
        assert_eq!(at("/Users/.search"), Endpoint::Search(&[Kind::User]));
        assert_eq!(at("/.search"), Endpoint::Search(&[Kind::User, Kind::Group]));
        assert_eq!(at("/Schemas/urn:x"), Endpoint::Schemas(Some("urn:x".into())));
        assert_eq!(at("/Me"), Endpoint::NotImplemented);
        for unknown in ["", "/", "/Users/a/b", "/Users/Users", "/groups/users", "/Things", "/ServiceProviderConfig/x"] {
            assert_eq!(at(unknown), Endpoint::Unknown, "{unknown}");
        }
        let target = Target::parse("/dir_01/Users/usr_1");
        assert_eq!((target.directory.as_deref(), target.path.as_str()), (Some("dir_01"), "/Users/usr_1"));
    }
}
