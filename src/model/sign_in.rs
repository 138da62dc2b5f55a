//! One attempt to sign in: what it needs to remember, what it decides, what it leaves behind.

use serde::{Deserialize, Serialize};

use crate::model::connection::SamlSettings;
use crate::model::email::Email;
use crate::model::id::{ConnectionId, MemberId, RevisionId, SignInId, TestId};
use crate::model::member::Member;
use crate::model::role::DefaultRole;
use crate::model::time::Timestamp;
use crate::model::time::minutes;

/// How long a person may take at the identity provider.
pub const PATIENCE: std::time::Duration = minutes(10);

/// A sign-in that waits for the provider's answer. It travels sealed in a cookie of the browser that began it, so
/// a stranger makes us remember nothing, and an answer counts only in that browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The AuthnRequest's ID; the answer names it in InResponseTo.
    pub request: String,
    pub connection: ConnectionId,
    pub revision: RevisionId,
    pub purpose: Purpose,
    pub return_to: String,
    pub started_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    SignIn,
    /// A test in anybody's browser: a link to it may be handed on, so what it shows is nobody's to link.
    Test(TestId),
    /// A test in a browser where the member who made it was signed in.
    OwnTest(TestId),
    /// Such a test, run to link what it shows to themselves.
    Link(TestId),
}

impl Purpose {
    pub fn test(&self) -> Option<&TestId> {
        match self {
            Self::SignIn => None,
            Self::Test(test) | Self::OwnTest(test) | Self::Link(test) => Some(test),
        }
    }
}

impl Pending {
    pub fn is_open(&self, now: Timestamp) -> bool {
        now.since(self.started_at) < PATIENCE
    }
}

/// A path of ours to go to afterwards. Anything that a browser could read as another origin becomes `/`.
pub fn return_path(text: &str) -> &str {
    let is_local = text.starts_with('/') && !text.starts_with("//") && !text.contains(['\\', '\u{7f}']);
    // Browsers strip tabs and line breaks before they parse, and `/%09/evil` is no friend either.
    // It travels in a sealed cookie, one for each open tab; a request has room for few kilobytes of them.
    let is_plain = !text.chars().any(|c| c.is_control() || c.is_whitespace()) && text.len() <= 512;
    if is_local && is_plain { text } else { "/" }
}

/// Whom a response names, after its signature was verified.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub issuer: String,
    pub subject: String,
    pub email: Option<Email>,
    /// A mapping gives them a role.
    pub is_mapped: bool,
}

/// Whom a directory means by the person who signs in.
#[derive(Debug, Clone)]
pub struct Provisioned {
    pub member: Member,
    pub may_join: bool,
}

/// What the store knows about this arrival.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The member that this issuer and subject are linked to.
    pub linked: Option<Member>,
    /// The member of the user by whom the directory of this connection knows the same person.
    pub provisioned: Option<Provisioned>,
    /// An enabled directory says who they are: what a connection gives by default is not for them.
    pub is_covered: bool,
    /// Members of the organization with the same address.
    pub same_address: Vec<Member>,
    /// Whom it concerns holds a role that did not come from this connection.
    pub has_own_role: bool,
    /// One of those already signs in through this connection under another subject.
    pub address_is_known_to_connection: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Linked before.
    Enter(MemberId),
    /// Joined by address, because an admin turned that on.
    Join(MemberId),
    Create,
    Refuse(Refused),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    NoAddress,
    Deactivated(MemberId),
    AccountExists(MemberId),
    DomainNotAccepted,
    NotProvisioned,
    NoRole,
}

impl Refused {
    /// The code of errors.toml.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAddress => "saml_nameid_missing",
            Self::Deactivated(_) => "sso_deactivated",
            Self::AccountExists(_) => "account_exists",
            Self::DomainNotAccepted => "sso_email_domain",
            Self::NotProvisioned => "sso_not_provisioned",
            Self::NoRole => "sso_no_role",
        }
    }
}

/// Who this is here (DOWNSTREAM.md 4.3). A linked identity wins; an address joins only where an admin allowed it,
/// and never somebody who administers; otherwise a new member, or nobody.
pub fn decide(settings: &SamlSettings, arrival: &Arrival, known: &Known) -> Decision {
    let has_default = settings.default_role != DefaultRole::None && !known.is_covered;
    let has_role = arrival.is_mapped || known.has_own_role || has_default;
    if let Some(member) = &known.linked {
        return match (member.is_active(), has_role) {
            (false, _) => Decision::Refuse(Refused::Deactivated(member.id.clone())),
            (true, false) => Decision::Refuse(Refused::NoRole),
            (true, true) => Decision::Enter(member.id.clone()),
        };
    }
    if let Some(Provisioned { member, may_join }) = &known.provisioned {
        return match (member.is_active(), has_role) {
            (false, _) => Decision::Refuse(Refused::Deactivated(member.id.clone())),
            _ if !may_join => Decision::Refuse(Refused::AccountExists(member.id.clone())),
            (true, false) => Decision::Refuse(Refused::NoRole),
            (true, true) => Decision::Join(member.id.clone()),
        };
    }
    if arrival.email.is_none() {
        return Decision::Refuse(Refused::NoAddress);
    }
    // Without a verified domain (they come with their own pages) a connection accepts every address unless told not to.
    if settings.any_domain == Some(false) {
        return Decision::Refuse(Refused::DomainNotAccepted);
    }
    match known.same_address.as_slice() {
        [] if !settings.jit => Decision::Refuse(Refused::NotProvisioned),
        [] if !has_role => Decision::Refuse(Refused::NoRole),
        [] => Decision::Create,
        [member] if may_join(settings, member, known) => match (member.is_active(), has_role) {
            (false, _) => Decision::Refuse(Refused::Deactivated(member.id.clone())),
            (true, false) => Decision::Refuse(Refused::NoRole),
            (true, true) => Decision::Join(member.id.clone()),
        },
        [member, ..] => Decision::Refuse(Refused::AccountExists(member.id.clone())),
    }
}

fn may_join(settings: &SamlSettings, member: &Member, known: &Known) -> bool {
    settings.link_existing && !member.is_administrator() && !known.address_is_known_to_connection
}

/// The readable account of one answer: five checks in plain words, the attributes, the document without its secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trace {
    pub checks: Vec<TraceCheck>,
    pub attributes: Vec<TraceAttribute>,
    pub xml: String,
    /// The roles that the person has, or would get.
    pub roles: Vec<String>,
    /// What the role mappings make of what came.
    pub grants: Vec<TraceGrant>,
    /// Sentences for the admin that are no failure, such as a missing job title.
    pub notes: Vec<String>,
}

/// A mapping that matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceGrant {
    /// `group Doorward Admins`
    pub value: String,
    /// Names of roles, `team …` and `tag …`.
    pub gives: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceCheck {
    pub name: String,
    /// None: not reached.
    pub ok: Option<bool>,
    pub received: Option<String>,
    pub expected: Option<String>,
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceAttribute {
    pub name: String,
    pub values: Vec<String>,
    pub used_as: Option<String>,
}

/// An attempt as it is kept in the connection's log.
#[derive(Debug, Clone)]
pub struct SignIn {
    pub id: SignInId,
    pub connection: ConnectionId,
    pub at: Timestamp,
    /// The error code; none for a success.
    pub code: Option<String>,
    pub received: Option<String>,
    pub expected: Option<String>,
    pub member: Option<MemberId>,
    /// What the person is called in the log: the address, once a signature proved it.
    pub who: Option<String>,
    pub reference: Option<String>,
    pub certificate_sha256: Option<String>,
    pub trace: Option<Trace>,
}

/// What a list of attempts is narrowed to; the newest come first.
#[derive(Debug, Clone, Default)]
pub struct SignInFilter {
    /// True: the refused alone; false: the accepted alone.
    pub refused: Option<bool>,
    pub code: Option<String>,
    pub person: Option<Whom>,
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
}

/// A person: the members who have the address now, and the address itself, for attempts that led to no member.
#[derive(Debug, Clone, Default)]
pub struct Whom {
    pub members: Vec<MemberId>,
    pub address: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::OrganizationId;
    use crate::model::member::{Profile, Source, Status};
    use crate::model::role::{HeldRole, Role};

    fn member(role: Role, status: Status) -> Member {
        Member {
            id: MemberId::new(),
            organization: OrganizationId::new(),
            email: Email::parse("ada@example.com").unwrap(),
            profile: Profile::default(),
            status,
            source: Source::Manual,
            directory: None,
            has_password: true,
            roles: vec![HeldRole::local(role)],
            created_at: Timestamp::from_secs(0),
            deactivated_at: None,
            last_seen_at: None,
            version: 1,
        }
    }

    fn arrival() -> Arrival {
        let email = Email::parse("ada@example.com");
        Arrival { issuer: "https://idp.example".into(), subject: "ada".into(), email, is_mapped: false }
    }

    fn same_address(member: Member) -> Known {
        Known { same_address: vec![member], ..Known::default() }
    }

    #[test]
    fn an_address_alone_never_joins_two_accounts() {
        let existing = member(Role::Member, Status::Active);
        let refused = Decision::Refuse(Refused::AccountExists(existing.id.clone()));
        assert_eq!(decide(&SamlSettings::default(), &arrival(), &same_address(existing)), refused);
    }

    #[test]
    fn an_address_joins_where_an_admin_allowed_it() {
        let existing = member(Role::Developer, Status::Active);
        let settings = SamlSettings { link_existing: true, ..SamlSettings::default() };
        assert_eq!(decide(&settings, &arrival(), &same_address(existing.clone())), Decision::Join(existing.id));
    }

    #[test]
    fn an_administrator_is_never_joined_by_address() {
        let settings = SamlSettings { link_existing: true, ..SamlSettings::default() };
        for role in [Role::Admin, Role::Owner] {
            let decision = decide(&settings, &arrival(), &same_address(member(role, Status::Active)));
            assert!(matches!(decision, Decision::Refuse(Refused::AccountExists(_))), "{role}");
        }
    }

    #[test]
    fn a_new_subject_with_an_address_this_connection_knows_is_refused() {
        let settings = SamlSettings { link_existing: true, ..SamlSettings::default() };
        let known =
            Known { address_is_known_to_connection: true, ..same_address(member(Role::Member, Status::Active)) };
        assert!(matches!(decide(&settings, &arrival(), &known), Decision::Refuse(Refused::AccountExists(_))));
    }

    #[test]
    fn a_deactivated_member_is_refused_linked_or_not() {
        let gone = member(Role::Member, Status::Inactive);
        let settings = SamlSettings { link_existing: true, ..SamlSettings::default() };
        let linked = Known { linked: Some(gone.clone()), ..Known::default() };
        for known in [linked, same_address(gone.clone())] {
            assert_eq!(decide(&settings, &arrival(), &known), Decision::Refuse(Refused::Deactivated(gone.id.clone())));
        }
    }

    #[test]
    fn a_stranger_is_created_only_with_just_in_time_creation_and_a_role() {
        let decide_with = |settings: SamlSettings| decide(&settings, &arrival(), &Known::default());
        assert_eq!(decide_with(SamlSettings::default()), Decision::Create);
        assert_eq!(
            decide_with(SamlSettings { jit: false, ..SamlSettings::default() }),
            Decision::Refuse(Refused::NotProvisioned)
        );
        let no_role = SamlSettings { default_role: DefaultRole::None, ..SamlSettings::default() };
        assert_eq!(decide_with(no_role.clone()), Decision::Refuse(Refused::NoRole));
        let mapped = Arrival { is_mapped: true, ..arrival() };
        assert_eq!(decide(&no_role, &mapped, &Known::default()), Decision::Create);
        assert_eq!(
            decide_with(SamlSettings { any_domain: Some(false), ..SamlSettings::default() }),
            Decision::Refuse(Refused::DomainNotAccepted)
        );
    }

    #[test]
    fn without_a_default_role_only_who_holds_one_or_is_mapped_comes_in() {
        let settings = SamlSettings { default_role: DefaultRole::None, ..SamlSettings::default() };
        let known = |has_own_role| Known {
            linked: Some(member(Role::Member, Status::Active)),
            has_own_role,
            ..Known::default()
        };
        assert_eq!(decide(&settings, &arrival(), &known(false)), Decision::Refuse(Refused::NoRole));
        assert!(matches!(decide(&settings, &arrival(), &known(true)), Decision::Enter(_)));
        let mapped = Arrival { is_mapped: true, ..arrival() };
        assert!(matches!(decide(&settings, &mapped, &known(false)), Decision::Enter(_)));
    }

    #[test]
    fn without_an_address_nobody_new_gets_in() {
        let nameless = Arrival { email: None, ..arrival() };
        assert_eq!(
            decide(&SamlSettings::default(), &nameless, &Known::default()),
            Decision::Refuse(Refused::NoAddress)
        );
    }

    #[test]
    fn a_return_path_stays_on_this_host() {
        for evil in [
            "",
            "x",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\tb",
            "/\u{0}",
            "/a\\b",
            "\\\\evil",
        ] {
            assert_eq!(return_path(evil), "/", "{evil:?}");
        }
        assert_eq!(return_path("/admin/security?x=1&y=a%20b#z"), "/admin/security?x=1&y=a%20b#z");
    }
}
