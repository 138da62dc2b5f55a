//! Ids: a prefix and 26 characters of lower-case Crockford base32 of a UUIDv7 (RFC 9562 5.7), so they sort by time.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::time::Timestamp;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Of the alphabet. Every row that is read has ids in it.
const IS_LETTER: [bool; 256] = {
    let (mut known, mut place) = ([false; 256], 0);
    while place < ALPHABET.len() {
        known[ALPHABET[place] as usize] = true;
        place += 1;
    }
    known
};
const LENGTH: usize = 26;

/// The text is not an id of the kind that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id that begins with `{prefix}`")]
pub struct NotAnId {
    pub prefix: &'static str,
}

fn encode(number: u128) -> String {
    let mut text = String::with_capacity(LENGTH);
    for place in (0..LENGTH).rev() {
        text.push(char::from(ALPHABET[(number >> (place * 5)) as usize & 31]));
    }
    text
}

fn is_encoded(text: &str) -> bool {
    text.len() == LENGTH && text.as_bytes()[0] <= b'7' && text.bytes().all(|byte| IS_LETTER[usize::from(byte)])
}

/// What every id has in common, for the store and the API.
pub trait Id: Sized + FromStr<Err = NotAnId> {
    fn as_str(&self) -> &str;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// A new id; its time part comes from the process, never from a test's clock, since it only has to sort.
            pub fn new() -> Self {
                Self(format!("{}{}", $prefix, encode(uuid::Uuid::now_v7().as_u128())))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Id for $name {
            fn as_str(&self) -> &str {
                self.as_str()
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                match text.strip_prefix($prefix) {
                    Some(rest) if is_encoded(rest) => Ok(Self(text.to_owned())),
                    _ => Err(NotAnId { prefix: $prefix }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    )+};
}

ids! {
    OrganizationId "org_",
    ConnectionId "con_",
    /// One saved set of a connection's settings.
    RevisionId "rev_",
    MemberId "mem_",
    IdentityId "idn_",
    GroupId "grp_",
    DirectoryId "dir_",
    DirectoryTokenId "tok_",
    /// A user as a directory knows them; the id that its identity provider sees.
    ScimUserId "usr_",
    /// One line of a directory's request log.
    ScimRequestId "req_",
    TeamId "team_",
    SessionId "ses_",
    ApiKeyId "key_",
    /// A one-time link: password, recovery.
    LinkId "link_",
    /// One attempt to sign in, or one Test SSO.
    SignInId "sgn_",
    TestId "test_",
    AuditEventId "evt_",
    /// A filter of the audit log under a name.
    AuditViewId "view_",
}

/// A number with the time of what it names, which may be a test's: such ids can be narrowed to a time.
fn number_at(time: Timestamp) -> u128 {
    let (secs, millis) = (u64::try_from(time.secs()).unwrap_or(0), time.millis().rem_euclid(1000));
    let nanos = u32::try_from(millis * 1_000_000).unwrap_or(0);
    uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, secs, nanos)).as_u128()
}

/// What stands before every such id of this time and behind all of the time before.
fn first_at(time: Timestamp) -> String {
    let millis = u128::try_from(time.millis()).unwrap_or(0).min((1 << 48) - 1);
    encode(millis << 80)
}

impl SessionId {
    pub fn at(time: Timestamp) -> Self {
        Self(format!("ses_{}", encode(number_at(time))))
    }

    /// What stands before every id of this time and behind all of the time before.
    pub fn bound(time: Timestamp) -> String {
        format!("ses_{}", first_at(time))
    }
}

impl ScimRequestId {
    pub fn at(time: Timestamp) -> Self {
        Self(format!("req_{}", encode(number_at(time))))
    }

    /// What stands before every id of this time and behind all of the time before.
    pub fn bound(time: Timestamp) -> String {
        format!("req_{}", first_at(time))
    }
}

impl SignInId {
    pub fn at(time: Timestamp) -> Self {
        Self(format!("sgn_{}", encode(number_at(time))))
    }

    /// A sign-in bears the number of the session that it began: an audit event names the one, the log the other.
    pub fn of(session: &SessionId) -> Self {
        Self(format!("sgn_{}", session.as_str().trim_start_matches("ses_")))
    }

    /// What stands before every id of this time and behind all of the time before.
    pub fn bound(time: Timestamp) -> String {
        format!("sgn_{}", first_at(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_prefix_and_26_characters_and_reads_back() {
        let id = ConnectionId::new();
        assert_eq!(id.as_str().len(), "con_".len() + 26);
        assert_eq!(id.as_str().parse::<ConnectionId>(), Ok(id));
    }

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let ids: Vec<_> = (0..100).map(|_| MemberId::new()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn a_sign_in_lies_within_the_bounds_of_its_time_and_bears_its_sessions_number() {
        let time = Timestamp::from_millis(1_795_327_200_123);
        let session = SessionId::at(time);
        let id = SignInId::of(&session);
        assert_eq!(id.as_str().parse::<SignInId>(), Ok(id.clone()));
        assert!(id.as_str() >= SignInId::bound(time).as_str());
        assert!(id.as_str() < SignInId::bound(Timestamp::from_millis(1_795_327_200_124)).as_str());
        assert!(SignInId::at(time).as_str() >= SignInId::bound(time).as_str());
        assert!(SignInId::bound(Timestamp::from_millis(-1)) < SignInId::bound(time));
        assert!(session.as_str() >= SessionId::bound(time).as_str());
        assert!(session.as_str() < SessionId::bound(Timestamp::from_millis(1_795_327_200_124)).as_str());
    }

    #[test]
    fn another_kind_upper_case_and_odd_lengths_are_refused() {
        for text in [
            "mem_",
            "con_0123",
            "CON_00000000000000000000000000",
            "con_0000000000000000000000000u",
            "con_80000000000000000000000000",
        ] {
            assert!(text.parse::<ConnectionId>().is_err(), "{text}");
        }
    }
}
