//! Ids: a prefix and 26 characters of lower-case Crockford base32 of a UUIDv7 (RFC 9562 5.7), so they sort by time.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
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
    text.len() == LENGTH && text.as_bytes()[0] <= b'7' && text.bytes().all(|byte| ALPHABET.contains(&byte))
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
    TeamId "team_",
    SessionId "ses_",
    ApiKeyId "key_",
    /// A one-time link: password, recovery.
    LinkId "link_",
    /// One attempt to sign in, or one Test SSO.
    SignInId "sgn_",
    TestId "test_",
    AuditEventId "evt_",
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
