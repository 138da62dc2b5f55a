//! Whom the demo identity provider knows, and what it can get wrong.

pub const ENGINEERING: &str = "Engineering";
pub const FINANCE: &str = "Finance";
/// A group beside the departments.
pub const LEADS: &str = "Leads";

/// Somebody with an account at the demo identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Stays whatever else changes: `userId` in an assertion, `externalId` over SCIM.
    pub id: String,
    pub email: String,
    pub given_name: String,
    pub family_name: String,
    pub job_title: String,
    pub department: String,
    pub groups: Vec<String>,
    pub is_active: bool,
}

impl Person {
    fn new(given_name: &str, job_title: &str, department: &str, groups: &[&str]) -> Self {
        let key = given_name.to_lowercase();
        Self {
            id: format!("00u1{key}"),
            email: format!("{key}@example.com"),
            given_name: given_name.to_owned(),
            family_name: "Example".to_owned(),
            job_title: job_title.to_owned(),
            department: department.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            is_active: true,
        }
    }

    /// Is new at the gateway: the directory brings her.
    pub fn ada() -> Self {
        Self::new("Ada", "Engineer", ENGINEERING, &[ENGINEERING])
    }

    pub fn grace() -> Self {
        Self::new("Grace", "Head of Engineering", ENGINEERING, &[ENGINEERING, LEADS])
    }

    pub fn alan() -> Self {
        Self::new("Alan", "Accountant", FINANCE, &[FINANCE])
    }

    /// Has left: came by the directory, and was deactivated by it.
    pub fn edsger() -> Self {
        Self::new("Edsger", "Analyst", FINANCE, &[FINANCE])
    }

    /// Administers the demo's gateway, and is linked there. Not in the directory, which never covers whoever set it up.
    pub fn admin() -> Self {
        let (email, family_name) = ("ada-admin@example.com".to_owned(), "Admin".to_owned());
        Self {
            id: "00u1ada-admin".to_owned(),
            email,
            family_name,
            ..Self::new("Ada", "IT administrator", "IT", &["IT"])
        }
    }

    /// Has an account at the provider, and nobody put him into the directory.
    pub fn charles() -> Self {
        Self::new("Charles", "Contractor", "Facilities", &["Contractors"])
    }

    /// The next one who joins, after so many. Engineering and Finance take turns.
    pub fn joiner(after: usize) -> Self {
        const NAMES: [&str; 8] = ["Katherine", "Radia", "Donald", "Margaret", "Dennis", "Frances", "Niklaus", "Hedy"];
        let name = NAMES.get(after).map_or_else(|| format!("Newcomer{}", after + 1), |name| (*name).to_owned());
        let department = if after.is_multiple_of(2) { ENGINEERING } else { FINANCE };
        Self::new(&name, title_in(department), department, &[department])
    }

    /// By what stands before the @ of the address.
    pub fn key(&self) -> &str {
        self.email.split('@').next().unwrap_or_default()
    }

    pub fn name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }

    /// In the other department, with the work that is done there.
    #[must_use]
    pub fn moved(&self) -> Self {
        let department = if self.department == ENGINEERING { FINANCE } else { ENGINEERING };
        Self { department: department.to_owned(), job_title: title_in(department).to_owned(), ..self.clone() }
    }

    /// Under another family name and address, and the second time under the first again.
    #[must_use]
    pub fn renamed(&self) -> Self {
        let given = self.given_name.to_lowercase();
        let (family_name, key) = match self.family_name.as_str() {
            "Example" => ("Sample", format!("{given}.sample")),
            _ => ("Example", given),
        };
        Self { family_name: family_name.to_owned(), email: format!("{key}@example.com"), ..self.clone() }
    }
}

fn title_in(department: &str) -> &'static str {
    if department == ENGINEERING { "Engineer" } else { "Accountant" }
}

/// One thing that is wrong with an answer; everything else about it is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Expired,
    NotYetValid,
    WrongIssuer,
    WrongAudience,
    WrongRecipient,
    UnknownCertificate,
    Tampered,
    Unsigned,
    /// The last answer to the same ACS URL, word for word.
    Replayed,
    NoEmail,
    /// The identity provider itself says no.
    Denied,
}

impl Fault {
    pub const ALL: [Self; 11] = [
        Self::Expired,
        Self::Tampered,
        Self::UnknownCertificate,
        Self::Unsigned,
        Self::WrongIssuer,
        Self::WrongAudience,
        Self::WrongRecipient,
        Self::NotYetValid,
        Self::Replayed,
        Self::NoEmail,
        Self::Denied,
    ];

    pub fn find(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.slug() == slug)
    }

    pub fn slug(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::WrongRecipient => "wrong_recipient",
            Self::UnknownCertificate => "unknown_certificate",
            Self::Tampered => "tampered",
            Self::Unsigned => "unsigned",
            Self::Replayed => "replayed",
            Self::NoEmail => "no_email",
            Self::Denied => "denied",
        }
    }

    /// What a person reads on the button, and beneath it.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Expired => ("Expired", "It ended an hour ago."),
            Self::NotYetValid => ("Not valid yet", "It begins in an hour."),
            Self::WrongIssuer => ("Wrong issuer", "It says that somebody else made it."),
            Self::WrongAudience => ("Wrong audience", "It is meant for another application."),
            Self::WrongRecipient => ("Wrong recipient", "It is meant for another address."),
            Self::UnknownCertificate => ("Unknown certificate", "Signed with a key nobody was told about."),
            Self::Tampered => ("Tampered with", "The address was changed after signing."),
            Self::Unsigned => ("Unsigned", "Nothing vouches for it."),
            Self::Replayed => ("Sent again", "The last answer, word for word."),
            Self::NoEmail => ("No email", "It says nothing that tells who this is."),
            Self::Denied => ("Refused here", "This provider says no by itself, and why."),
        }
    }
}
