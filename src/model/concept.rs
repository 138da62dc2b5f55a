//! The label dictionary: every name that a provider gives one of our values leads to what the value is (concepts.toml).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::provider::Catalogue;
use crate::model::provider::Connector;
use crate::model::provider::Protocol;

static DICTIONARY: LazyLock<Dictionary> = LazyLock::new(Dictionary::read);

/// Where the console has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// What a connection gives to its provider.
    Ours,
    /// What a connection got from its provider.
    Theirs,
    Certificates,
    /// The connection's own name.
    Name,
    Attributes,
    /// What the provider sends, and the role it gives.
    Mappings,
    /// What becomes of new people.
    People,
    Directory,
    /// This version does not have it.
    Nowhere,
}

#[derive(Debug, Deserialize)]
struct Described {
    about: String,
    #[serde(rename = "where")]
    place: Place,
}

/// One of our values.
#[derive(Debug)]
pub struct Concept {
    /// `acs_url`
    pub key: &'static str,
    /// `ACS URL`
    pub label: &'static str,
    pub about: String,
    pub place: Place,
    /// Every name of it, ours first, each once.
    pub names: Vec<Name>,
    /// What single providers call it: their guide, and the label there.
    pub by_provider: Vec<(&'static Connector, &'static str)>,
}

#[derive(Debug)]
pub struct Name {
    pub text: &'static str,
    folded: String,
}

/// A concept that a search found, and the name by which.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    pub concept: &'static Concept,
    pub name: &'static str,
    likeness: f64,
}

#[derive(Debug)]
pub enum Found {
    /// The best first.
    Hits(Vec<Hit>),
    /// Nothing is called like that; these are the least unlike.
    Nearest(Vec<Hit>),
}

pub struct Dictionary {
    pub concepts: Vec<Concept>,
}

/// Beyond this a query is no label.
const LONGEST: usize = 120;
/// What is less like the query than this is something else.
const ALIKE: f64 = 0.84;
const PART: f64 = 0.9;

/// Letters and digits alone, in lower case: what is left of a label when case, spaces and punctuation do not count.
pub fn folded(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).take(LONGEST).collect()
}

/// How alike two folded texts are: 1 for the same, `PART` and a little more where one is part of the other.
pub fn likeness(query: &str, name: &str) -> f64 {
    if query.is_empty() || name.is_empty() {
        return 0.0;
    }
    if query == name {
        return 1.0;
    }
    let share = |part: &str, whole: &str| {
        f64::from(u32::try_from(part.len()).unwrap_or(1)) / f64::from(u32::try_from(whole.len()).unwrap_or(1))
    };
    // A name that goes on, or one with a little before or after it; but not any query in which the word URL stands.
    if query.chars().count() >= 3 && name.contains(query) {
        return PART + share(query, name) * (1.0 - PART) * 0.9;
    }
    if query.contains(name) && share(name, query) >= 0.6 {
        return PART + share(name, query) * (1.0 - PART) * 0.8;
    }
    // A slip of the finger, not another word: both measures have to agree.
    strsim::jaro_winkler(query, name).min(strsim::normalized_damerau_levenshtein(query, name) + 0.1).min(PART)
}

impl Dictionary {
    pub fn get() -> &'static Self {
        &DICTIONARY
    }

    fn read() -> Self {
        let described: BTreeMap<String, Described> =
            toml::from_str(include_str!("concepts.toml")).expect("a test reads concepts.toml");
        let catalogue = Catalogue::get();
        let concept = |(key, label): (&'static str, &'static str)| {
            let described = described.get(key)?;
            let by_provider = labels_of(key);
            let mut texts = vec![label];
            for protocol in [Protocol::Saml, Protocol::Oidc, Protocol::Scim] {
                texts.extend(catalogue.other_names(key, protocol));
            }
            texts.extend(by_provider.iter().flat_map(|(_, theirs)| theirs.split(" / ")));
            texts.extend(catalogue.default_attributes(key).iter().map(String::as_str));
            let mut names: Vec<Name> = Vec::new();
            for text in texts {
                let folded = folded(text);
                if !folded.is_empty() && !names.iter().any(|known| known.folded == folded) {
                    names.push(Name { text, folded });
                }
            }
            Some(Concept { key, label, about: described.about.clone(), place: described.place, names, by_provider })
        };
        Self { concepts: catalogue.labels().filter_map(concept).collect() }
    }

    /// What `query` may mean, by any provider's label: case, spaces and punctuation do not count, slips count little.
    pub fn search(&'static self, query: &str) -> Found {
        let query = folded(query);
        let best = |concept: &'static Concept| {
            let hits = concept.names.iter().map(|name| Hit {
                concept,
                name: name.text,
                likeness: likeness(&query, &name.folded),
            });
            hits.max_by(|a, b| a.likeness.total_cmp(&b.likeness))
        };
        let mut all: Vec<Hit> = self.concepts.iter().filter_map(best).collect();
        all.sort_by(|a, b| b.likeness.total_cmp(&a.likeness));
        let hits: Vec<Hit> = all.iter().copied().filter(|hit| hit.likeness >= ALIKE).collect();
        // Where something is called exactly so, what is only alike is in the way.
        let exact: Vec<Hit> = hits.iter().copied().filter(|hit| hit.likeness >= 1.0).collect();
        match (exact.is_empty(), hits.is_empty()) {
            (false, _) => Found::Hits(exact),
            (true, false) => Found::Hits(hits.into_iter().take(6).collect()),
            (true, true) => Found::Nearest(all.into_iter().take(3).collect()),
        }
    }
}

/// What single providers call `key`. A switch beside a value is not its name: only fields that take or show it count.
fn labels_of(key: &str) -> Vec<(&'static Connector, &'static str)> {
    let mut found: Vec<(&'static Connector, &'static str)> = Vec::new();
    for connector in Catalogue::get().all_connectors() {
        let is_value = |value: &str| value.contains('{') || matches!(key, "nameid_format" | "relay_state");
        let give = connector.give.iter().filter(|row| row.ours == key && is_value(&row.value)).map(|row| &row.theirs);
        let take = connector.take.iter().filter(|row| row.ours == key).map(|row| &row.theirs);
        found.extend(give.chain(take).map(|theirs| (connector, theirs.as_str())));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(query: &str) -> Vec<&'static str> {
        match Dictionary::get().search(query) {
            Found::Hits(hits) => hits.iter().map(|hit| hit.concept.key).collect(),
            Found::Nearest(_) => Vec::new(),
        }
    }

    #[test]
    fn every_label_of_ours_is_described_and_every_description_is_of_a_label() {
        let described: BTreeMap<String, Described> = toml::from_str(include_str!("concepts.toml")).unwrap();
        let labels: Vec<&str> = Catalogue::get().labels().map(|(key, _)| key).collect();
        assert_eq!(labels, described.keys().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(Dictionary::get().concepts.len(), labels.len());
    }

    #[test]
    fn each_name_in_the_dictionary_leads_to_its_concept() {
        for concept in &Dictionary::get().concepts {
            for name in &concept.names {
                assert!(keys(name.text).contains(&concept.key), "{} → {:?}", name.text, keys(name.text));
            }
        }
    }

    #[test]
    fn a_label_is_found_however_it_is_written() {
        for query in ["Reply URL", "reply url", "REPLY-URL", " reply_url ", "ReplyURL", "Repli URL", "reply ulr"] {
            assert_eq!(keys(query).first(), Some(&"acs_url"), "{query}: {:?}", keys(query));
        }
        assert_eq!(keys("Assertion Consumer Service"), ["acs_url"]);
        assert_eq!(keys("Tenant URL"), ["scim_base_url"]);
        assert_eq!(keys("Audiance URI"), ["entity_id"]);
        assert_eq!(keys("urn:oid:2.5.4.12"), ["job_title"]);
        // One label, two meanings: both are told.
        assert!(keys("Client ID").contains(&"client_id") && keys("Client ID").contains(&"entity_id"));
    }

    #[test]
    fn what_nobody_calls_anything_gets_the_nearest() {
        for query in ["Frobnicator", "zzzzzzzz", "💥", "'; DROP TABLE", &"x".repeat(100_000)] {
            let Found::Nearest(nearest) = Dictionary::get().search(query) else { panic!("{query:.20}") };
            assert_eq!(nearest.len(), 3);
        }
    }
}
