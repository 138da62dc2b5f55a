//! Guessing is slow (DOWNSTREAM.md 6): by account and address, by address over all accounts. In memory and bounded;
//! what must outlast a restart is the count of an account, which stands in the store.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use crate::model::time::Timestamp;
use crate::model::time::{minutes, seconds};

/// Free failures of one account from one address before it has to wait.
const FREE: u32 = 5;
const LONGEST_WAIT: u64 = 900;
/// Failures of one address over all accounts.
const PER_ADDRESS: u32 = 30;
const ADDRESS_WINDOW: Duration = minutes(10);
/// Failures of one account in a day, from browsers that have never signed in to it.
pub const PER_ACCOUNT_DAY: u32 = 100;
/// So many counters at most; the stalest go first.
const CAPACITY: usize = 20_000;

#[derive(Debug, Default)]
pub struct Throttle {
    counters: Mutex<HashMap<String, Counter>>,
}

#[derive(Debug, Clone, Copy)]
struct Counter {
    failures: u32,
    last: Timestamp,
    blocked_until: Timestamp,
}

/// An IPv4 address, or the /64 that an IPv6 address lies in: one household or machine has it all.
pub fn address_key(ip: Option<&str>) -> String {
    match ip.and_then(|ip| ip.parse::<IpAddr>().ok()) {
        Some(IpAddr::V4(ip)) => ip.to_string(),
        Some(IpAddr::V6(ip)) => {
            format!("{:x}:{:x}:{:x}:{:x}", ip.segments()[0], ip.segments()[1], ip.segments()[2], ip.segments()[3])
        }
        None => "unknown".into(),
    }
}

impl Throttle {
    /// Seconds to wait before another try, if any. `account` is whatever was typed, known or not.
    pub fn wait(&self, account: &str, address: &str, now: Timestamp) -> Option<u64> {
        let counters = self.counters.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let of_pair = counters.get(&pair(account, address)).map(|counter| counter.blocked_until);
        let of_address = counters.get(address).map(|counter| counter.blocked_until);
        let until = of_pair.into_iter().chain(of_address).max()?;
        (until > now).then(|| until.since(now).as_secs().max(1))
    }

    pub fn failed(&self, account: &str, address: &str, now: Timestamp) {
        let mut counters = self.counters.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if counters.len() >= CAPACITY {
            let mut ages: Vec<Timestamp> = counters.values().map(|counter| counter.last).collect();
            ages.sort_unstable();
            let old = ages.get(CAPACITY / 4).copied().unwrap_or(now);
            counters.retain(|_, counter| counter.last > old);
        }
        let of_pair = count(&mut counters, pair(account, address), now, Duration::from_secs(86_400));
        if of_pair.failures >= FREE {
            let wait = 1u64.checked_shl(of_pair.failures - FREE).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
            of_pair.blocked_until = now + seconds(wait);
        }
        let of_address = count(&mut counters, address.to_owned(), now, ADDRESS_WINDOW);
        if of_address.failures >= PER_ADDRESS {
            of_address.blocked_until = now + ADDRESS_WINDOW;
        }
    }

    /// Until when an account is held up from somewhere.
    pub fn paused_until(&self, account: &str, now: Timestamp) -> Option<Timestamp> {
        let counters = self.counters.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let of_account = counters.iter().filter(|(key, _)| key.starts_with(&pair(account, "")));
        of_account.map(|(_, counter)| counter.blocked_until).max().filter(|until| *until > now)
    }

    /// Forgets the failures of an account, from wherever they came.
    pub fn forgive(&self, account: &str) {
        let mut counters = self.counters.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        counters.retain(|key, _| !key.starts_with(&pair(account, "")));
    }

    pub fn succeeded(&self, account: &str, address: &str) {
        self.counters.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&pair(account, address));
    }
}

fn pair(account: &str, address: &str) -> String {
    format!("{account}\u{1f}{address}")
}

fn count(counters: &mut HashMap<String, Counter>, key: String, now: Timestamp, forget_after: Duration) -> &mut Counter {
    let counter =
        counters.entry(key).or_insert(Counter { failures: 0, last: now, blocked_until: Timestamp::from_secs(0) });
    if now.since(counter.last) >= forget_after {
        counter.failures = 0;
    }
    counter.failures += 1;
    counter.last = now;
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    #[test]
    fn the_sixth_try_waits_and_each_one_after_it_twice_as_long() {
        let throttle = Throttle::default();
        for _ in 0..4 {
            throttle.failed("ada", "192.0.2.1", NOW);
            assert_eq!(throttle.wait("ada", "192.0.2.1", NOW), None);
        }
        for wait in [1, 2, 4, 8] {
            throttle.failed("ada", "192.0.2.1", NOW);
            assert_eq!(throttle.wait("ada", "192.0.2.1", NOW), Some(wait));
        }
        assert_eq!(throttle.wait("ada", "192.0.2.2", NOW), None, "another address is not held up");
        throttle.succeeded("ada", "192.0.2.1");
        assert_eq!(throttle.wait("ada", "192.0.2.1", NOW), None);
    }

    #[test]
    fn an_address_that_fails_over_many_accounts_waits_for_all_of_them() {
        let throttle = Throttle::default();
        for n in 0..30 {
            throttle.failed(&format!("person{n}"), "192.0.2.1", NOW);
        }
        assert_eq!(throttle.wait("somebody else", "192.0.2.1", NOW), Some(600));
        assert_eq!(throttle.wait("somebody else", "192.0.2.1", NOW + minutes(10)), None);
    }

    #[test]
    fn one_ipv6_household_is_one_address() {
        assert_eq!(address_key(Some("2001:db8:1:2:3::4")), address_key(Some("2001:db8:1:2:ffff::1")));
        assert_ne!(address_key(Some("2001:db8:1:2::1")), address_key(Some("2001:db8:1:3::1")));
    }
}
