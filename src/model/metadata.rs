//! What a provider's metadata link said when it could be used, and what changed in it since.

use serde::{Deserialize, Serialize};

use crate::model::connection::{Binding, Connection};
use crate::model::time::{Timestamp, hours};

/// The last good copy of a metadata link, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenMetadata {
    /// Of another link it says nothing.
    pub link: String,
    pub sso_url: String,
    pub sso_binding: Binding,
    #[serde(default)]
    pub slo_url: Option<String>,
    /// Fingerprints of its signing certificates.
    pub certificates: Vec<String>,
    pub valid_until: Option<Timestamp>,
    pub last_change: Option<MetadataChange>,
}

/// What differed from the copy before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataChange {
    pub at: Timestamp,
    pub added: Vec<String>,
    pub gone: Vec<String>,
    /// Before and after.
    pub sso_url: Option<(String, String)>,
    #[serde(default)]
    pub slo_url: Option<(Option<String>, Option<String>)>,
}

impl SeenMetadata {
    /// What changed since `before`; none where nothing did.
    pub fn change_since(&self, before: &Self, at: Timestamp) -> Option<MetadataChange> {
        let missing = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|one| !those.contains(one)).cloned().collect()
        };
        let change = MetadataChange {
            at,
            added: missing(&self.certificates, &before.certificates),
            gone: missing(&before.certificates, &self.certificates),
            sso_url: (self.sso_url != before.sso_url).then(|| (before.sso_url.clone(), self.sso_url.clone())),
            slo_url: (self.slo_url != before.slo_url).then(|| (before.slo_url.clone(), self.slo_url.clone())),
        };
        let is_none =
            change.added.is_empty() && change.gone.is_empty() && change.sso_url.is_none() && change.slo_url.is_none();
        (!is_none).then_some(change)
    }

    /// A document that ends earlier than the one before was made before it: a copy somewhere on the way, or a replay.
    pub fn is_older_than(&self, before: &Self) -> bool {
        matches!((self.valid_until, before.valid_until), (Some(now), Some(then)) if now < then)
    }
}

impl Connection {
    /// The last good copy of the link that is in force.
    pub fn seen_metadata(&self) -> Option<&SeenMetadata> {
        let link = self.shown()?.settings.metadata_url.as_ref()?;
        self.metadata_seen.as_ref().filter(|seen| seen.link == *link)
    }

    /// When a watched link is read next: every six hours, and every hour while it cannot be used.
    pub fn next_refresh(&self) -> Option<Timestamp> {
        let settings = &self.live()?.settings;
        if !settings.watch_metadata || settings.metadata_url.is_none() {
            return None;
        }
        let pause = if self.metadata_problem.is_some() { hours(1) } else { hours(6) };
        Some(self.metadata_tried_at.map_or(self.created_at, |at| at + pause))
    }

    /// The SSO URL that the metadata names now, where sign-ins go to another one.
    pub fn other_sso_url(&self) -> Option<&str> {
        let seen = self.seen_metadata()?;
        let settings = &self.shown()?.settings;
        Some(seen.sso_url.as_str()).filter(|url| settings.sso_url.as_deref() != Some(*url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(sso_url: &str, certificates: &[&str], valid_until: Option<i64>) -> SeenMetadata {
        SeenMetadata {
            link: "https://idp.example/metadata".to_owned(),
            sso_url: sso_url.to_owned(),
            sso_binding: Binding::Redirect,
            slo_url: None,
            certificates: certificates.iter().map(|one| (*one).to_owned()).collect(),
            valid_until: valid_until.map(Timestamp::from_secs),
            last_change: None,
        }
    }

    #[test]
    fn a_change_names_what_came_what_went_and_what_differs() {
        let (before, at) = (seen("a", &["1", "2"], None), Timestamp::from_secs(9));
        assert_eq!(seen("a", &["2", "1"], Some(1)).change_since(&before, at), None);
        let change = seen("b", &["2", "3"], None).change_since(&before, at).unwrap();
        assert_eq!((change.added, change.gone), (vec!["3".to_owned()], vec!["1".to_owned()]));
        assert_eq!(change.sso_url, Some(("a".to_owned(), "b".to_owned())));
    }

    #[test]
    fn only_two_ends_can_be_compared() {
        let (earlier, later, none) = (seen("a", &[], Some(1)), seen("a", &[], Some(2)), seen("a", &[], None));
        assert!(earlier.is_older_than(&later) && !later.is_older_than(&earlier) && !later.is_older_than(&later));
        assert!(!none.is_older_than(&later) && !earlier.is_older_than(&none));
    }
}
