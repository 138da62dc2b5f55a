//! Replacing a certificate of an identity provider: the next one is trusted beside the old one, the provider switches, a
//! sign-in shows that it has, and the old one can go. Removing is an admin's act; here is when it is offered, and for how
//! long it can be undone.

use std::time::Duration;

use crate::model::connection::TrustedCertificate;
use crate::model::time::{Timestamp, days};

/// What the rail is about to learn from sign-ins is as old as they are kept.
pub fn kept() -> Duration {
    days(30)
}

/// Certificates that stopped signing for so long may go.
fn quiet() -> Duration {
    days(7)
}

/// A certificate that an admin stopped trusting, as long as that can be undone.
#[derive(Debug, Clone)]
pub struct RemovedCertificate {
    pub certificate: TrustedCertificate,
    pub removed_by: String,
    pub removed_at: Timestamp,
}

impl RemovedCertificate {
    /// Until then it can be brought back.
    pub fn kept_until(&self) -> Timestamp {
        self.removed_at + kept()
    }
}

/// The certificate that the provider signs with, as far as is known: the one last seen in a sign-in; before any, the one
/// added last among those that hold now.
pub fn in_use(trusted: &[TrustedCertificate], now: Timestamp) -> Option<&TrustedCertificate> {
    let seen = trusted.iter().filter(|one| one.last_used_at.is_some()).max_by_key(|one| one.last_used_at);
    let valid = |one: &&TrustedCertificate| one.not_before <= now && !one.is_expired(now);
    let newest = || trusted.iter().filter(valid).max_by_key(|one| (one.added_at, one.not_after));
    seen.or_else(newest).or_else(|| trusted.iter().max_by_key(|one| one.not_after))
}

/// Another one is trusted that holds now and longer: the provider may switch to it at any time.
pub fn has_replacement(trusted: &[TrustedCertificate], of: &TrustedCertificate, now: Timestamp) -> bool {
    trusted.iter().any(|one| one.sha256 != of.sha256 && one.not_before <= now && one.not_after > of.not_after.max(now))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The provider still signs with the old one.
    Waiting,
    /// It has signed with the new one. The old one, unused since, may be removed from then on.
    Seen { removable_at: Timestamp },
    /// The old one is no longer trusted.
    Removed { at: Timestamp },
}

/// One certificate taking another's place.
#[derive(Debug, Clone, Copy)]
pub struct Rollover<'a> {
    pub old: &'a TrustedCertificate,
    pub new: &'a TrustedCertificate,
    pub stage: Stage,
}

impl<'a> Rollover<'a> {
    /// The newest of the trusted ones takes the place of the one that signed last before it. None where nothing is being
    /// replaced: a certificate that never signed replaces nothing, and one that has ended is nobody's successor.
    pub fn of(trusted: &'a [TrustedCertificate], removed: &'a [RemovedCertificate], now: Timestamp) -> Option<Self> {
        let age = |one: &&TrustedCertificate| (one.added_at, one.not_before, one.not_after);
        let new = trusted.iter().filter(|one| !one.is_expired(now)).max_by_key(age)?;
        let former = trusted.iter().filter(|one| one.sha256 != new.sha256 && age(one) <= age(&new));
        let old = former.filter(|one| one.last_used_at.is_some()).max_by_key(|one| one.last_used_at);
        if let Some(old) = old {
            let stage = match (new.first_used_at, old.last_used_at) {
                (Some(seen), Some(last)) => Stage::Seen { removable_at: seen.max(last) + quiet() },
                _ => Stage::Waiting,
            };
            return Some(Self { old, new, stage });
        }
        let gone = removed.iter().filter(|one| one.certificate.last_used_at.is_some() && one.kept_until() > now);
        let gone = gone.max_by_key(|one| one.removed_at)?;
        new.last_used_at?;
        Some(Self { old: &gone.certificate, new, stage: Stage::Removed { at: gone.removed_at } })
    }

    /// The old one has not signed for a week since the new one did.
    pub fn offers_removal(&self, now: Timestamp) -> bool {
        matches!(self.stage, Stage::Seen { removable_at } if removable_at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(sha256: &str, added: i64, used: Option<(i64, i64)>) -> TrustedCertificate {
        let day = |n: i64| Timestamp::from_secs(n * 86_400);
        TrustedCertificate {
            sha256: sha256.to_owned(),
            sha1: String::new(),
            subject: String::new(),
            key: String::new(),
            key_sha256: String::new(),
            providers: Vec::new(),
            not_before: day(0),
            not_after: day(1000),
            der: Vec::new(),
            source: "upload".to_owned(),
            added_by: String::new(),
            added_at: day(added),
            is_live: true,
            first_used_at: used.map(|(first, _)| day(first)),
            last_used_at: used.map(|(_, last)| day(last)),
        }
    }

    fn day(n: i64) -> Timestamp {
        Timestamp::from_secs(n * 86_400)
    }

    fn stage(trusted: &[TrustedCertificate], removed: &[RemovedCertificate]) -> Option<(String, String, Stage)> {
        let found = Rollover::of(trusted, removed, day(100))?;
        Some((found.old.sha256.clone(), found.new.sha256.clone(), found.stage))
    }

    #[test]
    fn the_one_in_use_is_the_last_seen_and_before_any_the_newest_that_holds() {
        let ending = |sha256, added, used, from, to| TrustedCertificate {
            not_before: day(from),
            not_after: day(to),
            ..certificate(sha256, added, used)
        };
        let found = |trusted: &[TrustedCertificate]| in_use(trusted, day(100)).map(|one| one.sha256.clone()).unwrap();
        let (old, new) = (ending("a", 1, Some((2, 90)), 0, 120), ending("b", 80, None, 0, 1000));
        assert_eq!(found(&[old.clone(), new.clone()]), "a");
        assert!(has_replacement(&[old.clone(), new.clone()], &old, day(100)));
        assert!(!has_replacement(std::slice::from_ref(&old), &old, day(100)));
        assert_eq!(found(&[old, ending("b", 80, Some((91, 99)), 0, 1000)]), "b");
        // Nobody has signed in yet.
        let (ended, early) = (ending("c", 90, None, 0, 99), ending("d", 95, None, 101, 5000));
        assert_eq!(found(&[new.clone(), ended.clone(), early.clone()]), "b");
        assert!(!has_replacement(&[new.clone(), early], &new, day(100)));
        assert_eq!(found(&[ended]), "c");
        assert!(in_use(&[], day(100)).is_none());
    }

    #[test]
    fn nothing_is_replaced_by_one_alone_or_by_two_that_never_signed() {
        assert_eq!(stage(&[certificate("a", 1, Some((2, 90)))], &[]), None);
        assert_eq!(stage(&[certificate("a", 1, None), certificate("b", 2, None)], &[]), None);
        assert_eq!(stage(&[], &[]), None);
    }

    #[test]
    fn an_older_one_that_never_signed_is_no_successor() {
        assert_eq!(stage(&[certificate("a", 1, None), certificate("b", 2, Some((3, 90)))], &[]), None);
    }

    #[test]
    fn a_newer_one_waits_until_it_is_seen_and_the_old_one_then_a_week() {
        let old = certificate("a", 1, Some((2, 90)));
        let rolling = |new, seen| Some(("a".to_owned(), "b".to_owned(), seen)).filter(|_| new);
        assert_eq!(stage(&[old.clone(), certificate("b", 80, None)], &[]), rolling(true, Stage::Waiting));
        // While both sign, the week begins with the last of the old one.
        let both = [old.clone(), certificate("b", 80, Some((85, 99)))];
        assert_eq!(stage(&both, &[]), rolling(true, Stage::Seen { removable_at: day(97) }));
        let found = Rollover::of(&both, &[], day(96)).unwrap();
        assert!(!found.offers_removal(day(96)) && found.offers_removal(day(97)));
        let later = [certificate("a", 1, Some((2, 84))), certificate("b", 80, Some((85, 99)))];
        assert_eq!(stage(&later, &[]), rolling(true, Stage::Seen { removable_at: day(92) }));
    }

    #[test]
    fn one_that_has_ended_is_nobodys_successor() {
        let ended = TrustedCertificate { not_after: day(99), ..certificate("b", 80, None) };
        assert_eq!(stage(&[certificate("a", 1, Some((2, 90))), ended], &[]), None);
    }

    #[test]
    fn of_three_the_one_that_signed_last_is_the_old_one() {
        let three =
            [certificate("a", 1, Some((2, 50))), certificate("b", 2, Some((3, 90))), certificate("c", 80, None)];
        assert_eq!(stage(&three, &[]).unwrap().0, "b");
    }

    #[test]
    fn after_the_removal_the_rail_stays_as_long_as_it_can_be_undone() {
        let removed = |at| RemovedCertificate {
            certificate: certificate("a", 1, Some((2, 60))),
            removed_by: "ada@example.com".to_owned(),
            removed_at: day(at),
        };
        let new = [certificate("b", 50, Some((61, 99)))];
        assert_eq!(stage(&new, &[removed(90)]).unwrap().2, Stage::Removed { at: day(90) });
        assert_eq!(stage(&new, &[removed(70)]), None);
        assert_eq!(removed(90).kept_until(), day(120));
    }
}
