//! The pages of what groups and roles of a directory give.

use askama::Template;

use crate::app::directory_mappings::DirectoryPreview;
use crate::model::invalid::Invalid;
use crate::web::admin::connections::mappings::pages::ChangeRow;
use crate::web::admin::connections::mappings::pages::LISTED;
use crate::web::admin::connections::mappings::pages::MappingRow;
use crate::web::admin::connections::mappings::pages::choices;
use crate::web::admin::directories::present;
use crate::web::admin::directories::present::Head;
use crate::web::admin::directories::setup::Step;
use crate::web::admin::directories::setup::Wizard;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::view::Choice;
use crate::web::view::Kept;
use crate::web::view::count;

/// One row: a synced group, or a value that was typed.
#[derive(Debug, Clone)]
pub struct Row {
    pub row: MappingRow,
    /// People of the group, where it came.
    pub people: Option<String>,
    /// A mapped value that the group comes near to without being it.
    pub nearly: Option<String>,
    /// What a rename has to do with it.
    pub renamed: Option<String>,
}

impl Row {
    pub fn kinds(&self) -> Vec<Choice> {
        [("group", "Group"), ("role", "Role"), ("entitlement", "Entitlement")]
            .into_iter()
            .map(|(value, label)| Choice::new(value, label, value == self.row.kind))
            .collect()
    }
}

/// The form.
#[derive(Debug, Clone)]
pub struct Maps {
    pub rows: Vec<Row>,
    /// Slug and name, id and name, to choose from.
    pub roles: Vec<(String, String)>,
    pub teams: Vec<(String, String)>,
    pub default_role: Vec<Choice>,
    /// Groups that came and are not listed.
    pub more_groups: usize,
    pub has_groups: bool,
    /// Everybody is in the only group.
    pub is_one_group: bool,
    pub is_too_long: bool,
    pub is_enabled: bool,
    pub may_write: bool,
    pub version: String,
    /// Where the form goes.
    pub path: String,
    pub idp: &'static str,
}

impl Maps {
    fn lists_roles(&self) -> bool {
        self.roles.len() <= LISTED
    }

    fn lists_teams(&self) -> bool {
        self.teams.len() <= LISTED
    }

    fn role_choices(&self, row: &Row) -> Vec<Choice> {
        choices("No role", &self.roles, &row.row.roles)
    }

    fn team_choices(&self, row: &Row) -> Vec<Choice> {
        choices("No team", &self.teams, &row.row.team)
    }
}

/// What is wrong in a row, all of it.
pub fn wrong<'a>(errors: &'a Invalid, row: &usize) -> Vec<&'a str> {
    errors.in_row(*row)
}

/// `GET, POST …/setup/groups`
#[derive(Template)]
#[template(path = "admin/directories/map_groups.html")]
pub struct MapGroupsPage {
    pub shell: Shell,
    /// Errors in rows, and at `default_role`.
    pub errors: Invalid,
    pub wizard: Wizard,
    pub maps: Maps,
}

/// `GET, POST …/groups`
#[derive(Template)]
#[template(path = "admin/directories/groups.html")]
pub struct GroupsPage {
    pub shell: Shell,
    pub errors: Invalid,
    pub head: Head,
    pub maps: Maps,
    /// How many people a change that goes on has changed so far.
    pub applying: Option<String>,
}

/// The answer to a POST of either: who gains and who loses, before it is saved.
#[derive(Template)]
#[template(path = "admin/directories/groups_preview.html")]
pub struct GroupsPreviewPage {
    pub shell: Shell,
    pub errors: Invalid,
    pub head: Head,
    pub preview: PreviewView,
    pub is_enabled: bool,
    /// What was typed.
    pub kept: Vec<Kept>,
    pub path: String,
    pub is_step: bool,
}

/// Who gains and who loses.
#[derive(Debug, Clone, Default)]
pub struct PreviewView {
    pub changes: Vec<ChangeRow>,
    pub total: u64,
    pub lockout: Option<&'static str>,
}

impl PreviewView {
    pub fn of(preview: &DirectoryPreview) -> Self {
        let change = |change: &crate::app::role_mappings::Change| ChangeRow {
            id: change.member.as_ref().map(ToString::to_string).unwrap_or_default(),
            label: change.label.clone(),
            email: change.email.clone(),
            gains: change.gains.join(", "),
            loses: change.loses.join(", "),
        };
        Self { changes: preview.changes.iter().map(change).collect(), total: preview.total, lockout: preview.lockout }
    }

    pub fn people(&self) -> String {
        count(self.total, "person changes", "people change")
    }

    pub fn sample() -> Self {
        let change = |id: &str, label: &str, email: &str, gains: &str, loses: &str| ChangeRow {
            id: id.to_owned(),
            label: label.to_owned(),
            email: email.to_owned(),
            gains: gains.to_owned(),
            loses: loses.to_owned(),
        };
        Self {
            changes: vec![
                change(
                    "mem_01k2v9q8xw3f6t0m4n7p5r1sza",
                    "Grace Example",
                    "grace@acme.example",
                    "Developer, team iOS",
                    "",
                ),
                change("", "new@acme.example", "new@acme.example", "Member", ""),
                change("mem_01k2v9q8xw3f6t0m4n7p5r1szb", "Jonas Weber", "jonas@acme.example", "", "Admin"),
            ],
            total: 142,
            lockout: None,
        }
    }
}

fn sample_maps(rows: Vec<Row>) -> Maps {
    let known = |name: &str| (name.to_lowercase().replace(' ', "-"), name.to_owned());
    Maps {
        rows,
        roles: ["Owner", "Admin", "Developer", "Member"].map(known).to_vec(),
        teams: ["iOS", "Backend"].map(known).to_vec(),
        default_role: present::default_role_choices("member"),
        more_groups: 0,
        has_groups: true,
        is_one_group: false,
        is_too_long: false,
        is_enabled: false,
        may_write: true,
        version: "4".to_owned(),
        path: present::path(crate::web::admin::directories::SAMPLE_ID) + "/setup/groups",
        idp: "Okta",
    }
}

fn sample_rows() -> Vec<Row> {
    let row = |kind: &str, value: &str, roles: &str, people: Option<&str>| Row {
        row: MappingRow {
            kind: kind.to_owned(),
            value: value.to_owned(),
            roles: roles.to_owned(),
            ..MappingRow::default()
        },
        people: people.map(str::to_owned),
        nearly: (value == "Doorward Members").then(|| "doorward members".to_owned()),
        renamed: match value {
            "Engineering EU" => Some("Renamed: it still gives what `Engineering` gives.".to_owned()),
            "Engineering" => {
                Some("Given to `Engineering EU`, which had this name. Take it away, and they lose it.".to_owned())
            }
            _ => None,
        },
    };
    vec![
        row("group", "Doorward Admins", "Admin", Some("2 people")),
        row("role", "staff", "Developer", None),
        row("group", "Doorward Members", "", Some("140 people")),
        row("group", "Engineering", "Developer", None),
        row("group", "Engineering EU", "", Some("12 people")),
        row("group", "", "", None),
        row("group", "", "", None),
    ]
}

impl Page for MapGroupsPage {
    fn samples() -> Vec<Self> {
        let page = |errors, maps| Self {
            shell: Shell::sample(Place::Security),
            errors,
            wizard: Wizard::sample("okta-scim", Step::Groups),
            maps,
        };
        let mut wrong = Invalid::new();
        wrong.add_in_row(0, "roles", "no_such_role", "There is no role `King`. The roles are owner, admin, member.");
        let mut nothing = sample_maps(sample_rows().split_off(3));
        nothing.has_groups = false;
        let mut one = sample_maps(sample_rows());
        (one.is_one_group, one.more_groups) = (true, 12);
        let mut long = sample_maps(Vec::new());
        long.is_too_long = true;
        vec![
            page(Invalid::new(), sample_maps(sample_rows())),
            page(Invalid::new(), nothing),
            page(Invalid::new(), one),
            page(wrong, sample_maps(sample_rows())),
            page(Invalid::new(), long),
        ]
    }
}

impl Page for GroupsPage {
    fn samples() -> Vec<Self> {
        let page = |maps, applying: Option<&str>| Self {
            shell: Shell::sample(Place::Security),
            errors: Invalid::new(),
            head: Head::sample(),
            maps,
            applying: applying.map(str::to_owned),
        };
        let mut reader = sample_maps(sample_rows());
        (reader.may_write, reader.is_enabled) = (false, true);
        let mut many = sample_maps(sample_rows());
        many.roles.extend((0..LISTED).map(|n| (format!("role-{n}"), format!("Role {n}"))));
        many.teams.extend((0..LISTED).map(|n| (format!("team-{n}"), format!("Team {n}"))));
        vec![page(sample_maps(sample_rows()), None), page(reader, Some("120 people changed so far")), page(many, None)]
    }
}

impl Page for GroupsPreviewPage {
    fn samples() -> Vec<Self> {
        let page = |preview, is_step: bool| Self {
            shell: Shell::sample(Place::Security),
            errors: Invalid::new(),
            head: Head::sample(),
            preview,
            is_enabled: !is_step,
            kept: vec![Kept { name: "version".to_owned(), value: "3".to_owned() }],
            path: present::path(crate::web::admin::directories::SAMPLE_ID) + "/groups",
            is_step,
        };
        let why = "After this nobody would be an owner. Make somebody an owner by hand first.";
        vec![
            page(PreviewView::sample(), false),
            page(PreviewView::default(), true),
            page(PreviewView { lockout: Some(why), ..PreviewView::sample() }, false),
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<MapGroupsPage>(all, "admin/directories/map_groups");
    add::<GroupsPage>(all, "admin/directories/groups");
    add::<GroupsPreviewPage>(all, "admin/directories/groups_preview");
}
