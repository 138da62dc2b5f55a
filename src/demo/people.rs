//! Whom the demo identity provider knows, and what it can get wrong.

/// Somebody with an account at the demo identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub email: String,
    pub given_name: String,
    pub family_name: String,
    pub job_title: String,
    pub groups: Vec<String>,
}

impl Person {
    pub fn new(email: &str, given_name: &str, family_name: &str, job_title: &str, groups: &[&str]) -> Self {
        Self {
            email: email.to_owned(),
            given_name: given_name.to_owned(),
            family_name: family_name.to_owned(),
            job_title: job_title.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        }
    }

    /// Is new at the gateway and gets an account at the first sign-in.
    pub fn ada() -> Self {
        Self::new("ada@example.com", "Ada", "Example", "Engineer", &["engineering", "everyone"])
    }

    pub fn grace() -> Self {
        Self::new("grace@example.com", "Grace", "Example", "Head of Engineering", &["engineering", "leads", "everyone"])
    }

    pub fn alan() -> Self {
        Self::new("alan@example.com", "Alan", "Example", "Accountant", &["finance", "everyone"])
    }

    /// Administers the demo's gateway, and is linked there.
    pub fn admin() -> Self {
        Self::new("ada-admin@example.com", "Ada", "Admin", "IT administrator", &["it", "everyone"])
    }

    /// Has left, and is deactivated at the demo's gateway.
    pub fn edsger() -> Self {
        Self::new("edsger@example.com", "Edsger", "Example", "Analyst", &["everyone"])
    }

    /// Those who can be picked; `edsger` signs in only by mistake.
    pub fn all() -> [Self; 4] {
        [Self::ada(), Self::grace(), Self::alan(), Self::admin()]
    }

    /// By what stands before the @ of the address.
    pub fn find(key: &str) -> Option<Self> {
        Self::all().into_iter().chain([Self::edsger()]).find(|person| person.key() == key)
    }

    pub fn key(&self) -> &str {
        self.email.split('@').next().unwrap_or_default()
    }

    pub fn name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }
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
