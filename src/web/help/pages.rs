//! Pages by the names that people know them by: ours, and the paths that the documents of other products give.

use crate::model::actor::Ctx;
use crate::model::concept::folded;
use crate::model::concept::likeness;
use crate::model::role::Permission;
use crate::model::role::Permission as P;

pub struct Known {
    pub title: &'static str,
    pub path: &'static str,
    pub about: &'static str,
    /// Other names, and ways to it elsewhere.
    names: &'static [&'static str],
    /// Who is led there; everyone without one.
    needs: Option<Permission>,
}

pub const PAGES: &[Known] = &[
    Known {
        title: "Security & Access",
        path: "/admin/security",
        about: "Single sign-on and its connections, the sign-in mode, what happened lately.",
        names: &[
            "Workspace Admin",
            "Workspace Admin → Security & Access",
            "Access Management",
            "Administration > Configuration > Authentication",
            "Administration > Configuration",
            "Authentication",
            "Access and authentication",
            "User Management → User Authentication → Directory Sync",
            "Admin Panel → User Management → User Authentication → Directory Sync",
            "User Authentication",
            "Directory Sync",
            "Service provider",
            "SAML identity provider",
            "SCIM provisioning",
            "Sign-in mode",
            "/dashboard/account/sso",
            "/dashboard/account/sso → Configure SAML",
            "Configure SAML",
            "Configure OIDC",
            "SSO",
            "Single Sign-On",
            "Connections",
        ],
        needs: Some(P::ConnectionsRead),
    },
    Known {
        title: "Choose your identity provider",
        path: "/admin/security/sso/new",
        about: "The beginning of a new connection.",
        names: &["Set up SSO", "Select your identity provider", "New connection", "Add connection"],
        needs: Some(P::ConnectionsWrite),
    },
    Known {
        title: "Members",
        path: "/admin/members",
        about: "Who belongs here, with their roles and how they sign in.",
        names: &["/dashboard/account/members", "User Management", "Users", "People", "Accounts", "Employees"],
        needs: Some(P::MembersRead),
    },
    Known {
        title: "Add a member",
        path: "/admin/members/new",
        about: "By hand, with a role and a link to set a password.",
        names: &["Invite", "Invite people", "Invitations", "New user", "Create user"],
        needs: Some(P::MembersWrite),
    },
    Known {
        title: "Sessions",
        path: "/admin/sessions",
        about: "Who is signed in, and ending it.",
        names: &["Signed in", "Devices", "Active sessions"],
        needs: Some(P::SessionsRead),
    },
    Known {
        title: "Audit log",
        path: "/admin/audit",
        about: "Who changed what, and every sign-in.",
        names: &["Audit trail", "Activity", "Events", "History", "Logs"],
        needs: Some(P::AuditRead),
    },
    Known {
        title: "API keys",
        path: "/admin/api-keys",
        about: "Keys for programs.",
        names: &["Tokens", "Developers", "Access tokens", "Management API"],
        needs: Some(P::ApiKeysRead),
    },
    Known {
        title: "Settings",
        path: "/admin/settings/general",
        about: "Name and slug of the organization, the default role.",
        names: &[
            "General",
            "/dashboard/account/sso → Settings",
            "Org default role",
            "Default role",
            "Workspace name",
            "Organization",
        ],
        needs: Some(P::OrganizationRead),
    },
    Known {
        title: "Health",
        path: "/admin/settings/health",
        about: "What is wrong and what to do, as `doorward doctor` says it.",
        names: &["doctor", "doorward doctor", "Status", "Diagnosis"],
        needs: Some(P::OrganizationRead),
    },
    Known {
        title: "Network",
        path: "/admin/settings/network",
        about: "What the operator configured.",
        names: &["base_url", "Configuration", "Environment", "Proxy", "Operator"],
        needs: Some(P::OrganizationRead),
    },
    Known {
        title: "Provider guides",
        path: "/help/providers",
        about: "What to do at each identity provider, in its own labels.",
        names: &["Help", "IdP Quick Guides", "Instructions", "Documentation", "Identity providers"],
        needs: None,
    },
    Known {
        title: "Licences",
        path: "/about/licences",
        about: "Of everything in the program.",
        names: &["About", "Open source", "Third-party notices", "Version", "License"],
        needs: None,
    },
    Known {
        title: "My account",
        path: "/account",
        about: "Your name, and what is known of you.",
        names: &["Profile", "Account"],
        needs: None,
    },
    Known {
        title: "Ways to sign in",
        path: "/account/sign-in-methods",
        about: "Your password and the sign-ins that are linked to you.",
        names: &["Password", "Change password", "Sign-in methods", "Linked sign-ins"],
        needs: None,
    },
    Known {
        title: "Where you are signed in",
        path: "/account/sessions",
        about: "Your own browsers, and signing them out.",
        names: &["My sessions", "Sign out everywhere"],
        needs: None,
    },
];

impl Known {
    fn is_for(&self, ctx: &Ctx) -> bool {
        self.needs.is_none_or(|permission| ctx.may(permission))
    }

    /// What else it is called, the ways that lead to it elsewhere first.
    pub fn other_names(&self) -> String {
        let is_way = |name: &&str| name.contains(['>', '→', '/']);
        let (ways, words): (Vec<&str>, Vec<&str>) = self.names.iter().partition(|name| is_way(name));
        ways.into_iter().chain(words).collect::<Vec<_>>().join(" · ")
    }
}

/// The pages that `ctx` may see.
pub fn all(ctx: &Ctx) -> Vec<&'static Known> {
    PAGES.iter().filter(|page| page.is_for(ctx)).collect()
}

/// Below this a page is called something else.
const ALIKE: f64 = 0.86;

/// The pages that `query` names, the best first, of those that `ctx` may see.
pub fn search(ctx: &Ctx, query: &str) -> Vec<(&'static Known, &'static str)> {
    let query = folded(query);
    let best = |page: &'static Known| {
        let names = [&page.title].into_iter().chain(page.names).copied();
        let hits = names.map(|name| (likeness(&query, &folded(name)), name));
        let (likeness, name) = hits.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
        Some((likeness, page, name))
    };
    let mut found: Vec<_> = all(ctx).into_iter().filter_map(best).filter(|(best, ..)| *best >= ALIKE).collect();
    found.sort_by(|(a, ..), (b, ..)| b.total_cmp(a));
    found.into_iter().take(5).map(|(_, page, name)| (page, name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::routes;

    #[test]
    fn each_page_has_a_route_for_whom_it_is_shown_to() {
        let routes = routes::all();
        for page in PAGES {
            let entry = routes.entries().iter().find(|entry| entry.path == page.path && entry.method == "GET");
            let entry = entry.unwrap_or_else(|| panic!("{} is no route", page.path));
            match page.needs {
                Some(permission) => assert_eq!(entry.needs, routes::Needs::Console(permission), "{}", page.path),
                None => assert_eq!(entry.needs, routes::Needs::Member, "{}", page.path),
            }
        }
    }
}
