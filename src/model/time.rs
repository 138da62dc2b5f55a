//! Time: milliseconds since 1970 in UTC. The only file that asks the system what time it is.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Reads RFC 3339, the profile of xsd:dateTime that SAML prescribes (core 1.3.3: UTC, so an offset is turned into it).
    pub fn parse(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text.trim(), &Rfc3339).ok()?;
        i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok().map(Self)
    }

    /// How long after `earlier` this is; zero if it is before.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    fn date(self) -> OffsetDateTime {
        // Out of the calendar's range: the edge stands in; such a time only ever comes from a broken document.
        let edge = if self.0 > 0 {
            time::UtcDateTime::MAX.to_offset(time::UtcOffset::UTC)
        } else {
            OffsetDateTime::UNIX_EPOCH
        };
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000).unwrap_or(edge)
    }

    /// `2026-11-20T10:10:11Z`, for documents and APIs.
    pub fn rfc3339(self) -> String {
        let at = self.date();
        at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
    }

    /// `20 Nov 2026`, for people.
    pub fn day(self) -> String {
        self.date().format(format_description!("[day padding:none] [month repr:short] [year]")).unwrap_or_default()
    }

    /// `20 Nov 2026, 10:10 UTC`, for people.
    pub fn minute(self) -> String {
        self.date()
            .format(format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute] UTC"))
            .unwrap_or_default()
    }
}

/// The stage that an end has come to: the fewest days of the watch, which rises, that cover what is left; 0 once it has passed.
/// None while it is far.
pub fn stage_of(watch: &[u32], end: Timestamp, now: Timestamp) -> Option<u32> {
    if end <= now {
        return Some(0);
    }
    watch.iter().copied().find(|left| end.since(now) <= days(u64::from(*left)))
}

/// `2 minutes 5 seconds`, for people: the two largest parts.
pub fn in_words(length: Duration) -> String {
    let secs = length.as_secs();
    let parts = [(secs / 86_400, "day"), (secs / 3600 % 24, "hour"), (secs / 60 % 60, "minute"), (secs % 60, "second")];
    let told = parts.into_iter().skip_while(|(n, _)| *n == 0).take(2).filter(|(n, _)| *n > 0);
    let told: Vec<String> = told.map(|(n, unit)| format!("{n} {unit}{}", if n == 1 { "" } else { "s" })).collect();
    if told.is_empty() { "less than a second".to_owned() } else { told.join(" ") }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not an RFC 3339 time"))
    }
}

pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

pub const fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3600)
}

pub const fn days(n: u64) -> Duration {
    Duration::from_secs(n * 86_400)
}

pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_told_by_its_two_largest_parts() {
        let told = |secs| in_words(seconds(secs));
        assert_eq!(told(0), "less than a second");
        assert_eq!((told(1), told(125)), ("1 second".to_owned(), "2 minutes 5 seconds".to_owned()));
        assert_eq!((told(3600), told(3605)), ("1 hour".to_owned(), "1 hour".to_owned()));
        assert_eq!(told(90_061), "1 day 1 hour");
    }

    #[test]
    fn times_of_documents_read_with_and_without_a_fraction_or_an_offset() {
        for text in [
            "2026-11-22T06:00:00Z",
            "2026-11-22T06:00:00.000Z",
            "2026-11-22T08:00:00+02:00",
            " 2026-11-22T06:00:00.0000001Z ",
        ] {
            assert_eq!(Timestamp::parse(text), Some(Timestamp::from_secs(1_795_327_200)), "{text}");
        }
        assert_eq!(Timestamp::parse("2026-11-22"), None);
    }

    #[test]
    fn people_read_a_day_and_a_minute() {
        let at = Timestamp::from_secs(1_795_327_200);
        assert_eq!((at.day().as_str(), at.minute().as_str()), ("22 Nov 2026", "22 Nov 2026, 06:00 UTC"));
        // What begins after the last day that there is.
        assert_eq!(Timestamp::from_secs(253_402_300_800).day(), "31 Dec 9999");
    }
}
