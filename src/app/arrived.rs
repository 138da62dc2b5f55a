//! What a provider's answer says once it is verified: who, and what is known of them; or why it is refused.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::app::loaded::Loaded;
use crate::app::refusals::Refusing;
use crate::app::second_opinion;
use crate::app::trace;
use crate::model::connection::{AttributeNames, ExpiredCertificates, Revision};
use crate::model::email::Email;
use crate::model::mapping::{Match, RoleMapping, Sent, granted};
use crate::model::member::Profile;
use crate::model::sign_in::{Arrival, Pending, Trace};
use crate::model::time::Timestamp;
use crate::saml::error::brief;
use crate::saml::mapping;
use crate::saml::response::{Assertion, Came, Check, Examination, Expected, NameId, Received, examine};

/// What a verified answer says, ready for the transaction.
pub(super) struct Arrived {
    pub arrival: Arrival,
    pub profile: Profile,
    pub groups: Vec<String>,
    /// Groups, roles, entitlements and mapped attributes.
    pub sent: Vec<Sent>,
    pub assertion: Assertion,
    checks: Vec<Check>,
    came: Came,
}

impl Arrived {
    /// Whom it names, in the form that a refusal is looked for by.
    pub fn who(&self) -> Option<String> {
        who(self.arrival.email.as_ref(), self.assertion.name_id.as_ref())
    }

    /// What the independent verifier answered, where it did not agree and was not to decide.
    pub fn difference(&self) -> Option<&str> {
        second_opinion::difference(&self.checks)
    }

    /// Made where somebody will read it; most sign-ins are good and tell nothing.
    pub fn trace(&self, names: &AttributeNames) -> Trace {
        let (read, used) = mapping::read_and_tell(&self.assertion, names);
        trace::with_attributes(trace::of(&self.checks, &self.came), used, &read, self.assertion.name_id.is_some())
    }
}

pub(super) fn verify(
    received: Received,
    loaded: &Loaded,
    revision: &Revision,
    pending: Option<&Pending>,
    now: Timestamp,
) -> Examination {
    let settings = &revision.settings;
    let requests: Vec<String> = pending.iter().map(|pending| pending.request.clone()).collect();
    let expected = Expected {
        acs_url: &loaded.connection.acs_url,
        entity_id: &loaded.connection.entity_id,
        idp_entity_id: settings.idp_entity_id.as_deref().unwrap_or_default(),
        requests: &requests,
        allows_idp_initiated: settings.allow_idp_initiated,
        refuses_expired_certificates: settings.expired_certificates == ExpiredCertificates::Refuse,
        clock_skew: Duration::from_secs(u64::from(settings.clock_skew)),
        now,
    };
    examine(received, loaded.pinned_for(revision), &loaded.decryption, &expected)
}

/// What names the person within this connection (DOWNSTREAM.md 4.3, rule 1).
fn subject(
    name_id: Option<&NameId>,
    user_id: Option<String>,
    names_user_id: bool,
    email: Option<&Email>,
) -> Option<String> {
    if names_user_id {
        return user_id;
    }
    let address = || email.map(|email| email.normal().to_owned());
    let Some(name_id) = name_id else { return address() };
    match name_id.format.as_deref().and_then(|format| format.rsplit(':').next()) {
        Some("transient") => address(),
        Some("emailAddress") => {
            Email::parse(&name_id.value).map(|email| email.normal().to_owned()).or_else(|| Some(name_id.value.clone()))
        }
        _ => Some(name_id.value.clone()),
    }
    .filter(|subject| !subject.is_empty())
}

/// Reads what was verified.
pub(super) fn arrived(
    examination: Examination,
    revision: &Revision,
    mappings: &[RoleMapping],
) -> Result<Arrived, Box<Refusing>> {
    let Examination { result, named, checks, came, .. } = examination;
    let assertion = match result {
        Ok(assertion) => assertion,
        Err(error) => {
            let trace = trace::of(&checks, &came);
            return Err(Box::new(Refusing {
                code: error.code().to_owned(),
                received: error.received(),
                expected: error.expected(),
                is_verified: trace.checks.iter().any(|check| check.name == "signature" && check.ok == Some(true)),
                is_logout: false,
                who: named.and_then(|named| {
                    let email = mapping::email_of(&named, &revision.settings.attributes);
                    who(email.as_deref().and_then(Email::parse).as_ref(), named.name_id.as_ref())
                }),
                certificate: None,
                trace: Some(trace),
            }));
        }
    };
    let names = &revision.settings.attributes;
    let read = mapping::read(&assertion, names);
    let email = read.email.as_deref().and_then(Email::parse);
    let subject = subject(assertion.name_id.as_ref(), read.user_id, names.user_id.is_some(), email.as_ref());
    let profile = Profile {
        name: read.name,
        given_name: read.given_name,
        family_name: read.family_name,
        job_title: read.job_title,
        picture: read.picture,
    };
    let (profile, groups) = (profile.bounded(), bounded_values(read.groups));
    let mut sent = Vec::new();
    let lists = [(Match::Group, groups.clone()), (Match::Role, bounded_values(read.roles))];
    for (on, values) in lists.into_iter().chain([(Match::Entitlement, bounded_values(read.entitlements))]) {
        sent.extend(values.into_iter().map(|value| Sent { on: on.clone(), value }));
    }
    let mapped: BTreeSet<&str> = mappings.iter().filter_map(|mapping| mapping.on.attribute()).collect();
    for name in mapped {
        let values = bounded_values(mapping::values_of(&assertion, name).cloned().collect());
        sent.extend(values.into_iter().map(|value| Sent { on: Match::Attribute(name.to_owned()), value }));
    }
    let arrival = Arrival {
        issuer: assertion.issuer.clone(),
        subject: subject.clone().unwrap_or_default(),
        email,
        is_mapped: !granted(mappings, &sent).roles.is_empty(),
    };
    let arrived = Arrived { arrival, profile, groups, sent, assertion, checks, came };
    if subject.is_none() {
        let name_id = arrived.assertion.name_id.as_ref().map(|name_id| name_id.value.clone());
        let mut refusing = Refusing::plain("saml_nameid_missing", name_id.map(brief));
        refusing.is_verified = true;
        refusing.who = arrived.who();
        refusing.certificate = Some(arrived.assertion.certificate_sha256.clone());
        refusing.trace = Some(arrived.trace(names));
        return Err(Box::new(refusing));
    }
    Ok(arrived)
}

/// Whom a signed answer names that is refused: the address, in the form that it is looked for by, else the NameID.
fn who(email: Option<&Email>, name_id: Option<&NameId>) -> Option<String> {
    let name_id = || {
        let value: String = name_id?.value.chars().filter(|c| !c.is_control()).take(200).collect();
        (!value.is_empty()).then_some(value)
    };
    email.map(|email| email.normal().to_owned()).or_else(name_id)
}

fn bounded_values(mut names: Vec<String>) -> Vec<String> {
    for name in &mut names {
        *name = name.trim().to_owned();
    }
    // A longer one is left out whole: cut off it would be another value, which may grant something.
    names.retain(|name| !name.is_empty() && name.chars().count() <= 300);
    names.sort();
    names.dedup();
    names
}
