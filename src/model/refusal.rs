//! What a refusal says, to the admin who mends it and to the person who meets it (errors.toml).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::provider::Connector;

static REFUSALS: LazyLock<BTreeMap<String, Refusal>> =
    LazyLock::new(|| toml::from_str(include_str!("errors.toml")).expect("a test reads errors.toml"));

/// The words of one code.
#[derive(Debug, Deserialize)]
pub struct Refusal {
    what: String,
    why: String,
    fix: String,
    user: Option<String>,
}

/// What stands in the place of `{theirs}`, `{ours}` and so on.
#[derive(Debug, Clone, Default)]
pub struct Details {
    values: Vec<(String, String)>,
    connector: Option<&'static Connector>,
}

/// The words of one refusal, filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// What happened, as a title.
    pub what: String,
    pub why: String,
    /// What an admin does about it.
    pub fix: String,
    /// What the person signing in sees; names no setting.
    pub user: String,
}

impl Details {
    pub fn new() -> Self {
        Self::default()
    }

    /// `name` without braces, as in errors.toml: `theirs`, `ours`, `by` (how far apart they are), `idp`, `email`, `when`, `n`, `app`, `login_url`, `ref`, `label_entity_id`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.push((name.to_owned(), value.into()));
        self
    }

    /// Whose labels stand for `{label_…}`.
    #[must_use]
    pub fn labels_of(mut self, connector: &'static Connector) -> Self {
        self.connector = Some(connector);
        self
    }

    fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let value = self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.or_else(|| Some(self.connector?.their_label(name.strip_prefix("label_")?)))
    }
}

impl Refusal {
    /// The words of `code`; those of `generic` for a code that the table does not have.
    pub fn of(code: &str) -> &'static Self {
        REFUSALS.get(code).unwrap_or_else(|| &REFUSALS["generic"])
    }

    pub fn is_known(code: &str) -> bool {
        code != "generic" && REFUSALS.contains_key(code)
    }

    /// All codes, for the table of the documentation and for tests.
    #[cfg(test)]
    pub fn codes() -> impl Iterator<Item = &'static str> {
        REFUSALS.keys().map(String::as_str).filter(|code| *code != "generic")
    }

    /// A sentence that lacks a value is replaced by that of `generic`: no one is shown a placeholder.
    pub fn words(&self, details: &Details) -> Words {
        let generic = Self::of("generic");
        let or_generic = |text: &str, instead: &str| {
            fill(text, details).or_else(|| fill(instead, details)).unwrap_or_else(|| WITHOUT_REFERENCE.to_owned())
        };
        let generic_user = generic.user.as_deref().unwrap_or(WITHOUT_REFERENCE);
        let user = self.user.as_deref().filter(|text| *text != "generic").unwrap_or(generic_user);
        Words {
            what: or_generic(&self.what, &generic.what),
            why: or_generic(&self.why, &generic.why),
            fix: or_generic(&self.fix, &generic.fix),
            user: or_generic(user, generic_user),
        }
    }
}

/// Where even the reference is missing.
const WITHOUT_REFERENCE: &str = "You couldn't be signed in. Ask your admin.";

/// `text` with its placeholders filled; none if a value is missing.
fn fill(text: &str, details: &Details) -> Option<String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let close = open + rest[open..].find('}')?;
        filled.push_str(&rest[..open]);
        filled.push_str(details.get(&rest[open + 1..close])?);
        rest = &rest[close + 1..];
    }
    filled.push_str(rest);
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::provider::Catalogue;

    const PLACEHOLDERS: [&str; 11] =
        ["theirs", "ours", "by", "idp", "email", "when", "n", "app", "login_url", "ref", "tenant_id"];

    fn placeholders(text: &str) -> Vec<&str> {
        text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect()
    }

    #[test]
    fn the_table_of_the_documentation_says_the_same() {
        let table = include_str!("../../docs/errors.md");
        for code in Refusal::codes() {
            let refusal = Refusal::of(code);
            let user = refusal.user.as_deref().filter(|user| *user != "generic").unwrap_or_default();
            let row = format!("| `{code}` | {} | {} | {} | {user}", refusal.what, refusal.why, refusal.fix);
            assert!(table.contains(row.trim_end()), "{row}");
        }
    }

    #[test]
    fn every_placeholder_is_known_and_no_user_sentence_names_a_setting() {
        for (code, refusal) in REFUSALS.iter() {
            let user = refusal.user.as_deref().unwrap_or_default();
            for text in [&refusal.what, &refusal.why, &refusal.fix, user] {
                for name in placeholders(text) {
                    let label = name
                        .strip_prefix("label_")
                        .is_some_and(|ours| ours == "sign" || Catalogue::get().label(ours) != ours);
                    assert!(label || PLACEHOLDERS.contains(&name), "{code}: {{{name}}}");
                }
            }
            for name in placeholders(user) {
                assert!(
                    ["idp", "email", "app", "login_url", "ref", "n"].contains(&name),
                    "{code}: user sees {{{name}}}"
                );
            }
        }
        assert!(Refusal::codes().count() >= 65);
    }

    #[test]
    fn words_are_filled_and_a_missing_value_never_shows_its_placeholder() {
        let details = Details::new().with("idp", "Okta").with("theirs", "a").with("ours", "b").with("ref", "DW-8K3F0");
        let words = Refusal::of("saml_audience").words(&details.clone().with("label_entity_id", "Audience URI"));
        assert_eq!(words.what, "Okta's audience doesn't match ours");
        assert_eq!(words.fix, "Set Audience URI in Okta to our Entity ID, exactly, without a slash at the end.");
        assert_eq!(words.user, "You couldn't be signed in. Send your admin this reference: DW-8K3F0.");
        let okta = Catalogue::get().connector("okta-saml").unwrap();
        let words = Refusal::of("saml_audience").words(&details.clone().labels_of(okta));
        assert!(words.fix.starts_with("Set Audience URI (SP Entity ID) in Okta"), "{}", words.fix);
        assert_eq!(
            Refusal::of("saml_audience").words(&details).fix,
            "Open the reference in the connection's sign-ins."
        );
        assert_eq!(Refusal::of("no_such_code").words(&Details::new()).user, WITHOUT_REFERENCE);
    }
}
