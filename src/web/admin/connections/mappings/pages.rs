//! What the pages of attributes and role mappings show, with samples of each state.

use askama::Template;

use crate::model::invalid::Invalid;
use crate::web::admin::connections::attributes::AttributeField;
use crate::web::admin::connections::show::Head;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::view::Choice;
use crate::web::view::Kept;
use crate::web::view::count;

/// So many roles or teams are chosen from a list in each row; of more the name is typed.
pub const LISTED: usize = 40;
/// Empty rows at the end, for new mappings.
const BLANK_ROWS: usize = 3;
/// The fields of a row, in its order.
pub const FIELDS: [&str; 6] = ["match", "attribute", "value", "roles", "team", "tag"];

/// A mapping as it is typed.
#[derive(Debug, Clone, Default)]
pub struct MappingRow {
    pub kind: String,
    pub attribute: String,
    pub value: String,
    /// A name or slug; several, where they are typed, have commas between.
    pub roles: String,
    /// A name or id.
    pub team: String,
    pub tag: String,
}

impl MappingRow {
    pub fn is_blank(&self) -> bool {
        [&self.attribute, &self.value, &self.roles, &self.team, &self.tag].iter().all(|text| text.trim().is_empty())
    }

    fn kinds(&self) -> Vec<Choice> {
        [("group", "Group"), ("role", "Role"), ("entitlement", "Entitlement"), ("attribute", "Attribute…")]
            .into_iter()
            .map(|(value, label)| Choice::new(value, label, value == self.kind))
            .collect()
    }

    pub fn fields(&self) -> Vec<Kept> {
        let values = [&self.kind, &self.attribute, &self.value, &self.roles, &self.team, &self.tag];
        let kept = |(name, value): (&str, &String)| Kept { name: name.to_owned(), value: value.clone() };
        FIELDS.into_iter().zip(values).map(kept).collect()
    }
}

/// A value that was sent so far.
#[derive(Debug, Clone)]
pub struct SeenValue {
    /// `group`
    pub kind: &'static str,
    pub value: String,
    pub people: u64,
    /// Some mapping has it.
    pub is_mapped: bool,
    /// A mapped value that differs from it in case or by a letter: it grants nothing, and was meant to.
    pub nearly: Option<String>,
}

impl SeenValue {
    fn sent_for(&self) -> String {
        // They are counted so far.
        if self.people >= 200 { "200 people or more".to_owned() } else { count(self.people, "person", "people") }
    }
}

/// `GET, POST /admin/security/sso/{con}/attributes`
#[derive(Template)]
#[template(path = "admin/connections/mappings.html")]
pub struct MappingsPage {
    pub shell: Shell,
    /// Errors in rows.
    pub errors: Invalid,
    pub head: Head,
    pub fields: Vec<AttributeField>,
    pub rows: Vec<MappingRow>,
    pub seen: Vec<SeenValue>,
    /// Slug and name, id and name, to choose from.
    pub roles: Vec<(String, String)>,
    pub teams: Vec<(String, String)>,
    /// `Member`; none: such people are refused.
    pub default_role: Option<String>,
    /// The mappings have not reached everybody yet; how many they changed so far.
    pub applying: Option<String>,
    /// There are more rows than the form takes.
    pub is_too_long: bool,
    pub may_write: bool,
    pub version: String,
}

impl MappingsPage {
    fn wrong(&self, row: &usize) -> Vec<&str> {
        self.errors.in_row(*row)
    }

    fn lists_roles(&self) -> bool {
        self.roles.len() <= LISTED
    }

    fn lists_teams(&self) -> bool {
        self.teams.len() <= LISTED
    }

    fn role_choices(&self, row: &MappingRow) -> Vec<Choice> {
        choices("No role", &self.roles, &row.roles)
    }

    fn team_choices(&self, row: &MappingRow) -> Vec<Choice> {
        choices("No team", &self.teams, &row.team)
    }

    /// Where the row of a value that is put into the form will stand.
    fn next_row(&self) -> usize {
        self.rows.iter().filter(|row| !row.is_blank()).count()
    }
}

/// `known` by their ids or names; what is none of them stays to be seen.
pub fn choices(none: &str, known: &[(String, String)], chosen: &str) -> Vec<Choice> {
    let is = |(id, name): &(String, String)| id == chosen || name.eq_ignore_ascii_case(chosen);
    let mut all = vec![Choice::new("", none, chosen.is_empty())];
    all.extend(known.iter().map(|one| Choice::new(&one.0, &one.1, is(one))));
    if !chosen.is_empty() && !known.iter().any(is) {
        all.push(Choice::new(chosen, chosen, true));
    }
    all
}

impl Page for MappingsPage {
    fn samples() -> Vec<Self> {
        let row = |kind: &str, attribute: &str, value: &str, roles: &str, team: &str, tag: &str| MappingRow {
            kind: kind.to_owned(),
            attribute: attribute.to_owned(),
            value: value.to_owned(),
            roles: roles.to_owned(),
            team: team.to_owned(),
            tag: tag.to_owned(),
        };
        let seen = |kind, value: &str, people, is_mapped| SeenValue {
            kind,
            value: value.to_owned(),
            people,
            is_mapped,
            nearly: (value == "doorward admins").then(|| "Doorward Admins".to_owned()),
        };
        let known = |name: &str| (name.to_lowercase().replace(' ', "-"), name.to_owned());
        let page = |errors, rows: Vec<MappingRow>, may_write| Self {
            shell: Shell::sample(Place::Security),
            errors,
            head: Head::sample(),
            fields: AttributeField::rows(
                |ours| if ours == "job_title" { "title".to_owned() } else { String::new() },
                |ours| (ours == "email").then(|| "ada@acme.example".to_owned()),
            ),
            rows: with_blanks(rows),
            seen: vec![
                seen("group", "Doorward Members", 140, false),
                seen("group", "Doorward Admins", 3, true),
                seen("group", "doorward admins", 1, false),
                seen("role", "staff", 143, false),
            ],
            roles: ["Owner", "Admin", "Developer", "Record All Viewer", "Member"].map(known).to_vec(),
            teams: ["iOS", "Backend"].map(known).to_vec(),
            default_role: Some("Member".to_owned()),
            applying: None,
            is_too_long: false,
            may_write,
            version: "3".to_owned(),
        };
        let rows = vec![
            row("group", "", "Doorward Admins", "Admin", "", ""),
            row("attribute", "department", "Mobile", "Developer", "iOS", "mobile"),
            row("attribute", "department", "Mobile", "Record All Viewer", "", ""),
        ];
        let mut wrong = Invalid::new();
        wrong.add_in_row(
            1,
            "roles",
            "no_such_role",
            "There is no role `King`. The roles are owner, admin, developer, member.",
        );
        let mut typed = rows.clone();
        typed[1].roles = "King".to_owned();
        let mut many = page(Invalid::new(), rows.clone(), true);
        many.roles.extend((0..LISTED).map(|n| (format!("role-{n}"), format!("Role {n}"))));
        many.teams.extend((0..LISTED).map(|n| (format!("team-{n}"), format!("Team {n}"))));
        let mut none = page(Invalid::new(), Vec::new(), true);
        (none.seen, none.default_role) = (Vec::new(), None);
        let mut applying = page(Invalid::new(), rows.clone(), true);
        applying.applying = Some(count(12_400, "person changed so far", "people changed so far"));
        vec![
            applying,
            page(Invalid::new(), rows.clone(), true),
            none,
            many,
            page(wrong, typed, true),
            page(Invalid::new(), rows, false),
        ]
    }
}

#[derive(Debug, Clone)]
pub struct ChangeRow {
    pub id: String,
    pub label: String,
    pub email: String,
    pub gains: String,
    pub loses: String,
}

/// The answer to `POST /admin/security/sso/{con}/attributes`: who gains and who loses, before it is saved.
#[derive(Template)]
#[template(path = "admin/connections/mappings_preview.html")]
pub struct MappingsPreviewPage {
    pub shell: Shell,
    pub errors: Invalid,
    pub head: Head,
    pub changes: Vec<ChangeRow>,
    pub total: u64,
    pub you_lose_admin: bool,
    /// Why it cannot be saved: nobody would administer.
    pub lockout: Option<&'static str>,
    /// What was typed.
    pub kept: Vec<Kept>,
}

impl MappingsPreviewPage {
    fn people(&self) -> String {
        count(self.total, "person changes", "people change")
    }
}

impl Page for MappingsPreviewPage {
    fn samples() -> Vec<Self> {
        let page = |changes: Vec<ChangeRow>, total, lockout: Option<&'static str>| Self {
            shell: Shell::sample(Place::Security),
            errors: Invalid::new(),
            head: Head::sample(),
            changes,
            total,
            you_lose_admin: lockout.is_some(),
            lockout,
            kept: vec![Kept { name: "version".to_owned(), value: "3".to_owned() }],
        };
        let change = |label: &str, email: &str, gains: &str, loses: &str| ChangeRow {
            id: "mem_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            label: label.to_owned(),
            email: email.to_owned(),
            gains: gains.to_owned(),
            loses: loses.to_owned(),
        };
        let changes = vec![
            change("Grace Example", "grace@acme.example", "Developer, team iOS", ""),
            change("Jonas Weber", "jonas@acme.example", "", "Admin"),
        ];
        let why = "After this nobody would be an owner. Make somebody an owner by hand first.";
        vec![page(changes.clone(), 142, None), page(Vec::new(), 0, None), page(changes, 2, Some(why))]
    }
}

pub fn with_blanks(mut rows: Vec<MappingRow>) -> Vec<MappingRow> {
    let blank = MappingRow { kind: "group".to_owned(), ..MappingRow::default() };
    rows.extend(std::iter::repeat_n(blank, BLANK_ROWS));
    rows
}
