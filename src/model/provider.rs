//! The catalogue of identity providers: what each calls our values, where to click, what goes wrong (providers.toml).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| toml::from_str(include_str!("providers.toml")).expect("a test reads providers.toml"));

#[derive(Debug, Deserialize)]
pub struct Catalogue {
    /// The day the catalogue was looked over.
    pub as_of: String,
    labels: BTreeMap<String, String>,
    aka: Vec<Aka>,
    defaults: Defaults,
    #[serde(rename = "provider")]
    providers: Vec<Provider>,
    #[serde(rename = "connector")]
    connectors: Vec<Connector>,
}

/// Other names of one of our values.
#[derive(Debug, Deserialize)]
pub struct Aka {
    pub ours: String,
    pub protocol: Protocol,
    pub names: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Defaults {
    attributes: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    Saml,
    Oidc,
    Scim,
    DirectoryApi,
}

impl Protocol {
    pub fn name(self) -> &'static str {
        match self {
            Self::Saml => "SAML 2.0",
            Self::Oidc => "OpenID Connect",
            Self::Scim => "SCIM 2.0",
            Self::DirectoryApi => "Directory API",
        }
    }

    /// Whether nothing can be set up by it yet; the catalogue tells the provider's side alone.
    pub fn is_planned(self) -> bool {
        !matches!(self, Self::Saml | Self::Scim)
    }
}

/// A vendor.
#[derive(Debug, Deserialize)]
pub struct Provider {
    pub id: String,
    pub name: String,
    /// Monogram on its tile; no vendor logo is shipped.
    pub letter: String,
    /// Tint of the tile: `a` to `d`.
    pub tile: String,
    pub aliases: Vec<String>,
    /// Where its administrator works.
    pub console: String,
    pub admin_roles: Vec<String>,
}

/// One way to connect a vendor.
#[derive(Debug, Deserialize)]
pub struct Connector {
    pub id: String,
    pub provider: String,
    pub protocol: Protocol,
    pub title: String,
    pub search: Vec<String>,
    pub minutes: u32,
    /// `documented`: read in the sources; `secondary`: in a third party's guide; `check`: general knowledge.
    pub confidence: String,
    /// Statements that none of the sources was seen to say.
    #[serde(default)]
    pub from_memory: Vec<String>,
    /// The click path from the vendor's console to the page our values go on.
    pub path: Vec<String>,
    #[serde(default)]
    pub path_alternatives: Vec<String>,
    /// What the vendor asks for, in the order of its form.
    pub give: Vec<Give>,
    #[serde(default)]
    pub attributes: Vec<Attribute>,
    pub attributes_where: Option<String>,
    /// What we need back.
    #[serde(default)]
    pub take: Vec<Take>,
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default)]
    pub sends_by_default: Vec<String>,
    pub groups_how: Option<String>,
    pub job_title_how: Option<String>,
    /// Where our single logout URL goes, and what the vendor does with it.
    pub logout_how: Option<String>,
    pub nameid: Option<String>,
    pub order_note: Option<String>,
    pub settings_json: Option<String>,
    #[serde(default)]
    pub finish: Vec<String>,
    pub gotchas: Vec<String>,
    /// Addresses and documents that the connector was read from.
    pub sources: Vec<String>,
    /// What the vendor's own test of the connection is called.
    pub test: Option<String>,
    /// How soon a change arrives.
    pub cadence: Option<String>,
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Attributes of a directory: the vendor's name for each of ours.
    #[serde(default)]
    pub mapping: Vec<Mapping>,
}

#[derive(Debug, Deserialize)]
pub struct Give {
    pub ours: String,
    pub theirs: String,
    pub value: String,
    pub note: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Attribute {
    pub ours: String,
    pub name: String,
    pub source: String,
    /// The same in the vendor's earlier form.
    pub legacy: Option<String>,
    /// Sent without asking.
    #[serde(default)]
    pub already: bool,
    pub note: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Take {
    pub ours: String,
    pub theirs: String,
    #[serde(rename = "where")]
    pub place: String,
    pub value: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Metadata {
    pub url: Option<String>,
    pub note: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Mapping {
    pub ours: String,
    pub theirs: String,
    pub source: String,
    pub note: Option<String>,
}

impl Catalogue {
    pub fn get() -> &'static Self {
        &CATALOGUE
    }

    pub fn connectors(&self, protocol: Protocol) -> impl Iterator<Item = &Connector> {
        self.connectors.iter().filter(move |connector| connector.protocol == protocol)
    }

    pub fn all_connectors(&self) -> &[Connector] {
        &self.connectors
    }

    pub fn connector(&self, id: &str) -> Option<&Connector> {
        self.connectors.iter().find(|connector| connector.id == id)
    }

    pub fn provider(&self, id: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.id == id)
    }

    /// Our values: key and label.
    pub fn labels(&'static self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.labels.iter().map(|(key, label)| (key.as_str(), label.as_str()))
    }

    /// What we call a value; the key itself where the table has none.
    pub fn label<'a>(&'a self, ours: &'a str) -> &'a str {
        self.labels.get(ours).map_or(ours, String::as_str)
    }

    /// The same for a key that lives as long as the catalogue.
    pub fn label_of(&'static self, ours: &str) -> &'static str {
        self.labels.get(ours).map_or("", String::as_str)
    }

    /// What others call `ours`, without repeats.
    pub fn other_names(&self, ours: &str, protocol: Protocol) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for name in
            self.aka.iter().filter(|aka| aka.ours == ours && aka.protocol == protocol).flat_map(|aka| &aka.names)
        {
            if !found.contains(&name.as_str()) {
                found.push(name);
            }
        }
        found
    }

    /// Names read as `ours` without any setting, first match wins.
    pub fn default_attributes(&self, ours: &str) -> &[String] {
        self.defaults.attributes.get(ours).map_or(&[], Vec::as_slice)
    }

    /// Connectors of `protocol` that match every word of `query`; all of them for an empty one.
    pub fn search(&self, protocol: Protocol, query: &str) -> Vec<&Connector> {
        let query = query.to_lowercase();
        let found = |connector: &&Connector| {
            let words = connector.words();
            query.split_whitespace().all(|word| words.contains(word))
        };
        self.connectors(protocol).filter(found).collect()
    }
}

impl Connector {
    /// The vendor. Each connector of the catalogue has one; a test checks it.
    pub fn vendor(&self) -> &'static Provider {
        Catalogue::get().provider(&self.provider).expect("a test checks that each connector has its provider")
    }

    /// Whatever provider is meant by it.
    pub fn is_custom(&self) -> bool {
        self.provider == "custom"
    }

    /// What to call the identity provider inside a sentence.
    pub fn idp(&self) -> &'static str {
        if self.is_custom() { "your identity provider" } else { &self.vendor().name }
    }

    /// The same where a sentence begins.
    pub fn idp_first(&self) -> &'static str {
        if self.is_custom() { "Your identity provider" } else { &self.vendor().name }
    }

    /// What a search looks through, in lower case.
    pub fn words(&self) -> String {
        let mut words =
            vec![self.title.to_lowercase(), self.vendor().name.to_lowercase(), self.protocol.name().to_lowercase()];
        words.extend(self.search.iter().map(|word| word.to_lowercase()));
        words.extend(self.vendor().aliases.iter().map(|word| word.to_lowercase()));
        words.join(" ")
    }

    /// What the vendor calls `ours`: on the form our values go on, else on the page theirs come from, else our own label.
    /// `sign` is their switch for signed assertions, which is no value of ours.
    pub fn their_label<'a>(&'a self, ours: &'a str) -> &'a str {
        if ours == "sign" {
            let switch = |row: &&Give| row.ours == "certificate" && row.theirs.to_lowercase().contains("sign");
            return self.give.iter().find(switch).map_or("Sign assertions", |row| row.theirs.as_str());
        }
        let give = self.give.iter().find(|row| row.ours == ours).map(|row| row.theirs.as_str());
        let take = || self.take.iter().find(|row| row.ours == ours).map(|row| row.theirs.as_str());
        give.or_else(take).unwrap_or_else(|| Catalogue::get().label(ours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_complete_and_names_only_labels_that_exist() {
        let catalogue = Catalogue::get();
        let known = |ours: &str| catalogue.labels.contains_key(ours);
        for aka in &catalogue.aka {
            assert!(known(&aka.ours), "aka {}", aka.ours);
        }
        for ours in catalogue.defaults.attributes.keys() {
            assert!(known(ours), "default attributes of {ours}");
        }
        for (n, connector) in catalogue.connectors.iter().enumerate() {
            let id = &connector.id;
            assert!(!catalogue.connectors[..n].iter().any(|other| other.id == *id), "{id} twice");
            assert!(catalogue.provider(&connector.provider).is_some(), "{id}: provider");
            let lists = [&connector.search, &connector.path, &connector.gotchas, &connector.sources];
            assert!(lists.iter().all(|list| !list.is_empty()), "{id}: an empty list");
            assert!(!connector.title.is_empty() && connector.minutes > 0, "{id}: title or minutes");
            assert!(["documented", "secondary", "check"].contains(&connector.confidence.as_str()), "{id}: confidence");
            let ours = connector.give.iter().map(|row| &row.ours).chain(connector.take.iter().map(|row| &row.ours));
            let ours = ours.chain(connector.attributes.iter().map(|row| &row.ours));
            for ours in ours.chain(connector.mapping.iter().map(|row| &row.ours)) {
                assert!(known(ours), "{id}: {ours}");
            }
            let gives = |ours: &str| connector.give.iter().any(|row| row.ours == ours);
            match connector.protocol {
                Protocol::Saml => assert!(gives("acs_url") || gives("sp_metadata_url"), "{id}"),
                Protocol::Oidc => {
                    assert!(connector.search.iter().any(|word| word == "openid"), "{id}");
                    assert_eq!(connector.scopes.first().map(String::as_str), Some("openid"), "{id}");
                }
                Protocol::Scim => assert!(gives("scim_base_url") && gives("scim_token"), "{id}"),
                Protocol::DirectoryApi => {}
            }
        }
    }

    #[test]
    fn a_search_finds_what_matches_every_word() {
        let catalogue = Catalogue::get();
        let titles = |protocol, query| -> Vec<&str> {
            catalogue.search(protocol, query).into_iter().map(|connector| connector.title.as_str()).collect()
        };
        assert_eq!(titles(Protocol::Oidc, "azure openid"), ["Microsoft Entra ID OpenID Connect"]);
        assert_eq!(titles(Protocol::Saml, "Azure  AD"), ["Microsoft Entra ID SAML"]);
        assert_eq!(titles(Protocol::Saml, "").len(), catalogue.connectors(Protocol::Saml).count());
        assert_eq!(titles(Protocol::Oidc, "openid").len(), 13);
        assert!(titles(Protocol::Saml, "no such thing").is_empty());
    }

    #[test]
    fn a_vendor_says_it_in_its_own_words() {
        let okta = Catalogue::get().connector("okta-saml").unwrap();
        assert_eq!(okta.their_label("entity_id"), "Audience URI (SP Entity ID)");
        assert_eq!(okta.their_label("client_id"), "Client ID");
        assert!(Catalogue::get().other_names("acs_url", Protocol::Saml).contains(&"Reply URL"));
        assert_eq!(Catalogue::get().default_attributes("job_title")[0], "job_title");
    }

    /// The guides that people read outside the console.
    const GUIDES: [(&str, &str); 6] = [
        ("okta", include_str!("../../docs/guides/okta.md")),
        ("entra", include_str!("../../docs/guides/entra.md")),
        ("pingfederate", include_str!("../../docs/guides/pingfederate.md")),
        ("pingone", include_str!("../../docs/guides/pingone.md")),
        ("rippling", include_str!("../../docs/guides/rippling.md")),
        ("onelogin", include_str!("../../docs/guides/onelogin.md")),
    ];

    #[test]
    fn each_guide_says_what_the_catalogue_says() {
        for (provider, guide) in GUIDES {
            let has = |text: &str| assert!(guide.contains(text), "docs/guides/{provider}.md does not say: {text}");
            let connectors = Catalogue::get().connectors.iter().filter(|connector| connector.provider == provider);
            for connector in connectors {
                let is_planned = connector.protocol.is_planned();
                let give = connector.give.iter().filter(|row| !is_planned || row.value.contains('{'));
                give.for_each(|row| has(&format!("| {} |", row.theirs)));
                connector.take.iter().for_each(|row| has(&format!("| {} |", row.theirs)));
                connector.path.iter().flat_map(|part| part.split(" > ")).for_each(|click| {
                    has(&format!("**{}**", click.replace("{app_name}", "Doorward")));
                });
                if is_planned {
                    let kind = connector.protocol.name().trim_end_matches(" 2.0");
                    has(&format!("## {kind}: not available yet"));
                    continue;
                }
                connector.attributes.iter().for_each(|row| has(&format!("| `{}` | {} |", row.name, row.source)));
                for line in [&connector.groups_how, &connector.logout_how, &connector.test].into_iter().flatten() {
                    has(line);
                }
                for line in connector.gotchas.iter().chain(&connector.from_memory).chain(&connector.finish) {
                    has(&line.replace("{app_name}", "Doorward"));
                }
                for part in
                    ["Test SSO", "Signing out", "When the certificate changes", "Common mistakes", "Before you begin"]
                {
                    has(part);
                }
            }
        }
    }
}
