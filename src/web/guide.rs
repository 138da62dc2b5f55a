//! What to do at a provider, in its own labels: the steps of the catalogue with our values in them. The wizard shows
//! them for a connection, the provider guide for everyone who reads.

use crate::model::provider::Attribute;
use crate::model::provider::Catalogue;
use crate::model::provider::Connector;
use crate::model::provider::Give;
use crate::model::provider::Protocol;
use crate::model::provider::Take;
use crate::web::admin::connections::setup::OurValues;

/// A row of the provider's form.
pub struct GiveView {
    /// For the copy button.
    pub id: String,
    pub theirs: String,
    /// `Doorward calls it ACS URL`; empty for what is not a value of ours.
    pub ours: String,
    pub value: String,
    pub is_ours: bool,
    /// A value that is not shown here: one of a directory, or one that this version does not have.
    pub is_missing: bool,
    pub note: String,
}

/// What the provider shows and we need.
pub struct TakeView {
    pub theirs: &'static str,
    pub ours: &'static str,
    pub place: String,
    /// What it looks like there.
    pub value: Option<&'static str>,
}

/// One of our values, and what others call it.
pub struct OtherNames {
    pub ours: &'static str,
    pub theirs: String,
}

pub struct Guide {
    pub connector: &'static Connector,
    pub values: OurValues,
    /// The values are the shape of a connection's, not one's own.
    pub is_example: bool,
}

impl Guide {
    pub fn of(connector: &'static Connector, values: OurValues) -> Self {
        Self { connector, values, is_example: false }
    }

    pub fn idp(&self) -> &'static str {
        self.connector.idp()
    }

    pub fn idp_first(&self) -> &'static str {
        self.connector.idp_first()
    }

    pub fn give(&self) -> Vec<GiveView> {
        let view = |(n, row): (usize, &'static Give)| {
            let is_ours = row.value.contains('{');
            let label = Catalogue::get().label(&row.ours);
            GiveView {
                id: format!("give-{n}"),
                theirs: row.theirs.clone(),
                ours: if is_ours && label != row.theirs { format!("Doorward calls it {label}") } else { String::new() },
                value: self.values.fill(&row.value),
                is_ours,
                is_missing: is_ours && self.connector.protocol != Protocol::Saml,
                note: row.note.clone().filter(|note| self.is_true(note)).unwrap_or_default(),
            }
        };
        self.connector.give.iter().enumerate().map(view).collect()
    }

    pub fn take(&self) -> Vec<TakeView> {
        let view = |row: &'static Take| TakeView {
            theirs: &row.theirs,
            ours: Catalogue::get().label(&row.ours),
            place: self.values.fill(&row.place),
            value: row.value.as_deref().filter(|value| *value != row.place),
        };
        self.connector.take.iter().map(view).collect()
    }

    /// The click path, one entry a click.
    pub fn path(&self) -> Vec<&'static str> {
        self.connector.path.iter().flat_map(|part| part.split(" > ")).collect()
    }

    pub fn has_legacy(&self) -> bool {
        self.connector.attributes.iter().any(|row| row.legacy.is_some())
    }

    pub fn settings_json(&self) -> Option<String> {
        self.connector.settings_json.as_ref().map(|text| self.values.fill(text))
    }

    pub fn attributes_where(&self) -> String {
        self.values.fill(self.connector.attributes_where.as_deref().unwrap_or_default())
    }

    pub fn why(&self, row: &Attribute) -> &'static str {
        match row.ours.as_str() {
            _ if row.already => "Sent already",
            "email" => "Required",
            "first_name" | "last_name" | "display_name" => "Shown in Members",
            "job_title" => "Not sent unless you add it",
            "groups" => "For roles by group",
            "user_id" => "A name that never changes",
            _ => "",
        }
    }

    /// Other names of the values that this connector asks for.
    pub fn other_names(&self) -> Vec<OtherNames> {
        let mut found: Vec<OtherNames> = Vec::new();
        let give = self.connector.give.iter().map(|row| &row.ours);
        for ours in give.chain(self.connector.take.iter().map(|row| &row.ours)) {
            let names = Catalogue::get().other_names(ours, self.connector.protocol);
            let ours = Catalogue::get().label(ours);
            if !names.is_empty() && !found.iter().any(|row| row.ours == ours) {
                found.push(OtherNames { ours, theirs: names.join(", ") });
            }
        }
        found
    }

    pub fn is_second_hand(&self) -> bool {
        self.connector.confidence != "documented"
    }

    /// What goes wrong at the provider.
    pub fn gotchas(&self) -> Vec<&'static str> {
        self.connector.gotchas.iter().map(String::as_str).filter(|line| self.is_true(line)).collect()
    }

    /// Of a protocol that is not spoken, what the catalogue says of our side is not so.
    fn is_true(&self, statement: &str) -> bool {
        !self.connector.protocol.is_planned() || !(statement.contains("Doorward") || statement.contains(" here"))
    }

    /// Where the statements were read: addresses that can be opened.
    pub fn sources(&self) -> Vec<&'static str> {
        let address = |source: &'static String| source.split(' ').next().filter(|word| word.starts_with("https://"));
        self.connector.sources.iter().filter_map(address).collect()
    }
}
