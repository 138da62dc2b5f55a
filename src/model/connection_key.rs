//! Our own keys for a connection. One signs requests; the next one is published beside it until the identity provider has
//! it; a retired one still opens what was encrypted to it. None changes its state by itself.

use crate::model::time::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Signs our requests, and is published.
    Current,
    /// Published, so that the provider can learn it.
    Next,
    /// No longer published; still opens assertions.
    Retired,
}

impl KeyState {
    pub const ALL: [Self; 3] = [Self::Current, Self::Next, Self::Retired];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Next => "next",
            Self::Retired => "retired",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A key of ours, without its secret. Its certificate is public.
#[derive(Debug, Clone)]
pub struct ConnectionKey {
    pub state: KeyState,
    pub sha256: String,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    pub certificate: Vec<u8>,
    pub created_at: Timestamp,
    /// When it came into this state.
    pub changed_at: Timestamp,
    /// When it last opened an assertion.
    pub last_opened_at: Option<Timestamp>,
}

/// What each key becomes when this one is to sign: the one that signed goes, or, where an admin goes back to a retired one,
/// waits to be tried again. None if there is no such key, or it signs already.
pub fn switched(keys: &[ConnectionKey], to: &str) -> Option<Vec<(String, KeyState)>> {
    let chosen = keys.iter().find(|key| key.sha256 == to && key.state != KeyState::Current)?;
    let has_next = keys.iter().any(|key| key.state == KeyState::Next && key.sha256 != to);
    let goes_back = chosen.state == KeyState::Retired && !has_next;
    let left = if goes_back { KeyState::Next } else { KeyState::Retired };
    let former = keys.iter().filter(|key| key.state == KeyState::Current).map(|key| (key.sha256.clone(), left));
    Some(former.chain([(chosen.sha256.clone(), KeyState::Current)]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(sha256: &str, state: KeyState) -> ConnectionKey {
        let at = Timestamp::from_secs(0);
        ConnectionKey {
            state,
            sha256: sha256.to_owned(),
            not_before: at,
            not_after: at,
            certificate: Vec::new(),
            created_at: at,
            changed_at: at,
            last_opened_at: None,
        }
    }

    #[test]
    fn the_next_one_signs_and_the_former_retires() {
        let keys = [key("a", KeyState::Current), key("b", KeyState::Next), key("c", KeyState::Retired)];
        let to = |sha256: &str, state| (sha256.to_owned(), state);
        assert_eq!(switched(&keys, "b").unwrap(), [to("a", KeyState::Retired), to("b", KeyState::Current)]);
        // Going back with a next one waiting leaves that one waiting.
        assert_eq!(switched(&keys, "c").unwrap(), [to("a", KeyState::Retired), to("c", KeyState::Current)]);
        let back = [key("b", KeyState::Current), key("a", KeyState::Retired)];
        assert_eq!(switched(&back, "a").unwrap(), [to("b", KeyState::Next), to("a", KeyState::Current)]);
        assert_eq!(switched(&keys, "a"), None);
        assert_eq!(switched(&keys, "x"), None);
    }
}
