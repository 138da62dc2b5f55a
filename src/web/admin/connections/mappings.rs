//! Attributes and roles of a connection: which attribute fills which field, and what the values that come grant.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::connections::ConnectionView;
use crate::app::role_mappings::MappingInput;
use crate::app::role_mappings::Preview;
use crate::model::actor::Ctx;
use crate::model::invalid::Invalid;
use crate::model::mapping::RoleMapping;
use crate::model::page::Window;
use crate::model::role::AnyRole;
use crate::model::role::DefaultRole;
use crate::model::role::Permission;
use crate::web::admin::connections::attributes::AttributeField;
use crate::web::admin::connections::attributes::settings_field;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::present;
use crate::web::admin::connections::show::Head;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::form::FormData;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Choice;
use crate::web::view::Kept;
use crate::web::view::count;

/// More rows than a form is good for; then the API changes them.
const MOST_ROWS: usize = 120;
/// Empty rows at the end, for new mappings.
const BLANK_ROWS: usize = 3;
/// The fields of a row, in its order.
const FIELDS: [&str; 6] = ["match", "attribute", "value", "roles", "team", "tag"];

/// A mapping as it is typed.
#[derive(Debug, Clone, Default)]
pub struct MappingRow {
    pub kind: String,
    pub attribute: String,
    pub value: String,
    /// Names or slugs, with commas between.
    pub roles: String,
    /// Name.
    pub team: String,
    pub tag: String,
}

impl MappingRow {
    fn is_blank(&self) -> bool {
        [&self.attribute, &self.value, &self.roles, &self.team, &self.tag].iter().all(|text| text.trim().is_empty())
    }

    fn kinds(&self) -> Vec<Choice> {
        [("group", "Group"), ("role", "Role"), ("entitlement", "Entitlement"), ("attribute", "Attribute…")]
            .into_iter()
            .map(|(value, label)| Choice::new(value, label, value == self.kind))
            .collect()
    }

    fn fields(&self) -> Vec<Kept> {
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
        count(self.people, "person", "people")
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
    /// Names to choose from.
    pub roles: Vec<String>,
    pub teams: Vec<String>,
    /// `Member`; none: such people are refused.
    pub default_role: Option<String>,
    /// There are more rows than the form takes.
    pub is_too_long: bool,
    pub may_write: bool,
    pub version: String,
}

impl MappingsPage {
    fn wrong(&self, row: &usize) -> Vec<&str> {
        self.errors.in_row(*row)
    }
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
            roles: ["Owner", "Admin", "Developer", "Record All Viewer", "Member"].map(str::to_owned).to_vec(),
            teams: ["iOS", "Backend"].map(str::to_owned).to_vec(),
            default_role: Some("Member".to_owned()),
            is_too_long: false,
            may_write,
            version: "3".to_owned(),
        };
        let rows = vec![
            row("group", "", "Doorward Admins", "Admin", "", ""),
            row("attribute", "department", "Mobile", "Developer, Record All Viewer", "iOS", "mobile"),
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
        let mut none = page(Invalid::new(), Vec::new(), true);
        (none.seen, none.default_role) = (Vec::new(), None);
        vec![
            page(Invalid::new(), rows.clone(), true),
            none,
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
    pub locks_out: bool,
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
        let page = |changes: Vec<ChangeRow>, total, locks_out| Self {
            shell: Shell::sample(Place::Security),
            errors: Invalid::new(),
            head: Head::sample(),
            changes,
            total,
            you_lose_admin: locks_out,
            locks_out,
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
        vec![page(changes.clone(), 142, false), page(Vec::new(), 0, false), page(changes, 2, true)]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<MappingsPage>(all, "admin/connections/mappings");
    add::<MappingsPreviewPage>(all, "admin/connections/mappings_preview");
}

fn with_blanks(mut rows: Vec<MappingRow>) -> Vec<MappingRow> {
    let blank = MappingRow { kind: "group".to_owned(), ..MappingRow::default() };
    rows.extend(std::iter::repeat_n(blank, BLANK_ROWS));
    rows
}

/// What a page needs to turn names into ids and back.
struct Names {
    roles: Vec<AnyRole>,
    teams: Vec<(String, String)>,
}

impl Names {
    async fn load(app: &App, ctx: &Ctx) -> Result<Self, PageError> {
        let teams = match ctx.may(Permission::TeamsRead) {
            true => app.list_teams(ctx, Window::first(Window::MAX)).await?.rows,
            false => Vec::new(),
        };
        let teams = teams.into_iter().map(|view| (view.team.id.to_string(), view.team.name)).collect();
        Ok(Self { roles: app.role_choices(ctx).await?, teams })
    }

    fn row(&self, mapping: &RoleMapping) -> MappingRow {
        let name = |slug: &String| {
            let role = self.roles.iter().find(|role| role.slug() == slug);
            role.map_or_else(|| slug.clone(), |role| role.name().to_owned())
        };
        let team = |id: &str| {
            let team = self.teams.iter().find(|(known, _)| known == id);
            team.map_or_else(|| id.to_owned(), |(_, name)| name.clone())
        };
        MappingRow {
            kind: mapping.on.kind().to_owned(),
            attribute: mapping.on.attribute().unwrap_or_default().to_owned(),
            value: mapping.value.clone(),
            roles: mapping.roles.iter().map(name).collect::<Vec<_>>().join(", "),
            team: mapping.team.as_ref().map(|id| team(id.as_str())).unwrap_or_default(),
            tag: mapping.tag.clone().unwrap_or_default(),
        }
    }

    /// The slug of a name, or of itself; what is neither stays as it was typed, and is told.
    fn slugs(&self, text: &str) -> Vec<String> {
        let slug = |word: &str| {
            let word = word.trim();
            let fits = |role: &&AnyRole| role.slug() == word || role.name().eq_ignore_ascii_case(word);
            self.roles.iter().find(fits).map_or_else(|| word.to_owned(), |role| role.slug().to_owned())
        };
        let whole = slug(text);
        if self.roles.iter().any(|role| role.slug() == whole) {
            return vec![whole];
        }
        text.split(',').filter(|word| !word.trim().is_empty()).map(slug).collect()
    }

    fn team(&self, text: &str) -> Option<String> {
        let text = text.trim();
        let found = self.teams.iter().find(|(_, name)| name == text);
        let found = found.or_else(|| self.teams.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)));
        Some(found.map_or_else(|| text.to_owned(), |(id, _)| id.clone())).filter(|text| !text.is_empty())
    }

    fn input(&self, row: &MappingRow) -> MappingInput {
        let given = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        MappingInput {
            kind: row.kind.clone(),
            attribute: given(&row.attribute),
            value: row.value.clone(),
            roles: self.slugs(&row.roles),
            team: self.team(&row.team),
            tag: given(&row.tag),
        }
    }
}

/// The rows that a form brought, blank ones left out.
fn typed(data: &FormData) -> Vec<MappingRow> {
    let mut columns = FIELDS.map(|name| data.all(name).map(str::to_owned).collect::<Vec<_>>().into_iter());
    let mut rows = Vec::new();
    loop {
        let [kind, attribute, value, roles, team, tag] = columns.each_mut().map(Iterator::next);
        let Some(kind) = kind else { return rows };
        let text = Option::unwrap_or_default;
        let (attribute, value) = (text(attribute), text(value));
        let row = MappingRow { kind, attribute, value, roles: text(roles), team: text(team), tag: text(tag) };
        if !row.is_blank() {
            rows.push(row);
        }
    }
}

/// The mapped value of this kind that a sent one comes near to without being it.
fn near(stored: &[RoleMapping], kind: &str, value: &str) -> Option<String> {
    let is_near = |mapped: &str| {
        let (ours, theirs) = (mapped.to_lowercase(), value.to_lowercase());
        ours == theirs || (ours.chars().count() > 4 && strsim::damerau_levenshtein(&ours, &theirs) == 1)
    };
    stored.iter().filter(|one| one.on.kind() == kind).find(|one| is_near(&one.value)).map(|one| one.value.clone())
}

async fn page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    view: &ConnectionView,
    errors: Invalid,
    rows: Option<Vec<MappingRow>>,
) -> Result<MappingsPage, PageError> {
    let (connection, names) = (&view.connection, Names::load(app, ctx).await?);
    let (_, stored) = app.list_role_mappings(ctx, connection.id.clone()).await?;
    let settings = connection.shown().map(|revision| revision.settings.clone()).unwrap_or_default();
    let is_mapped = |kind: &str, value: &str| stored.iter().any(|one| one.on.kind() == kind && one.value == value);
    let seen =
        app.list_sent_values(ctx, connection.id.clone()).await?.into_iter().take(60).map(|(on, value, people)| {
            let kind = on.kind();
            let is_mapped = is_mapped(kind, &value);
            let nearly = if is_mapped { None } else { near(&stored, kind, &value) };
            SeenValue { kind, people: people.into(), is_mapped, nearly, value }
        });
    let trace = view.last_test.as_ref().and_then(|test| test.trace.clone()).unwrap_or_default();
    let example = |ours: &str| {
        let used = trace.attributes.iter().find(|row| row.used_as.as_deref() == Some(settings_field(ours)));
        used.map(|row| row.values.join(", "))
    };
    let rows = rows.unwrap_or_else(|| stored.iter().map(|mapping| names.row(mapping)).collect());
    let is_too_long = rows.len() > MOST_ROWS;
    let may_write = ctx.may(Permission::ConnectionsWrite) && !is_too_long;
    Ok(MappingsPage {
        shell: shell(request, Place::Security).await,
        errors,
        head: present::head(view),
        fields: AttributeField::rows(
            |ours| settings.attributes.get(settings_field(ours)).unwrap_or_default().to_owned(),
            example,
        ),
        seen: seen.collect(),
        rows: if may_write { with_blanks(rows) } else { rows },
        roles: names.roles.iter().map(|role| role.name().to_owned()).collect(),
        teams: names.teams.iter().map(|(_, name)| name.clone()).collect(),
        default_role: match settings.default_role {
            DefaultRole::Role(role) => Some(role.name().to_owned()),
            DefaultRole::None => None,
        },
        is_too_long,
        may_write,
        version: connection.version.to_string(),
    })
}

/// `GET …/attributes`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<MappingsPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    Ok(Html(page(&request, &app, &admin.ctx, &view, Invalid::new(), None).await?))
}

/// `POST …/attributes`: the preview first, then what it showed is saved; `do` says which, or that it is edited again.
pub async fn save(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let view = load(&app, ctx, &id).await?;
    let (connection, rows) = (view.connection.id.clone(), typed(data));
    let names = Names::load(&app, ctx).await?;
    let input: Vec<MappingInput> = rows.iter().map(|row| names.input(row)).collect();
    if data.get("do") == "edit" {
        return Ok(Html(page(&request, &app, ctx, &view, Invalid::new(), Some(rows)).await?).status(StatusCode::OK));
    }
    let preview = app.preview_role_mappings(ctx, connection.clone(), input.clone()).await;
    let preview = match preview {
        Ok(preview) => preview,
        Err(error) => return stays(&request, &app, ctx, &view, error, rows).await,
    };
    if data.get("do") != "save" {
        let page = preview_page(&request, &view, preview, Invalid::new(), &rows, data).await;
        return Ok(Html(page).status(StatusCode::OK));
    }
    match app.set_role_mappings(ctx, connection, input, data.version()).await {
        Ok(_) => {
            let text = match preview.total {
                0 => "The mappings are saved. Nobody known so far changes.".to_owned(),
                n => format!("The mappings are saved: {}.", count(n, "person changed", "people changed")),
            };
            Ok(see_other(format!("/admin/security/sso/{}/attributes", view.connection.id))
                .notice(text)
                .respond_to(&request))
        }
        Err(Error::Conflict { code, text }) => {
            let page = preview_page(&request, &view, preview, Invalid::field("form", code, text), &rows, data).await;
            Ok(Html(page).status(StatusCode::CONFLICT))
        }
        Err(error) => stays(&request, &app, ctx, &view, error, rows).await,
    }
}

async fn stays(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    view: &ConnectionView,
    error: Error,
    rows: Vec<MappingRow>,
) -> Result<HttpResponse, PageError> {
    let (errors, status) = match error {
        Error::Invalid(invalid) => (invalid, StatusCode::UNPROCESSABLE_ENTITY),
        Error::Refused { code, text } => (Invalid::field("form", code, text), StatusCode::FORBIDDEN),
        Error::Changed => (Invalid::field("form", "changed_meanwhile", Error::Changed.public()), StatusCode::CONFLICT),
        other => return Err(other.into()),
    };
    Ok(Html(page(request, app, ctx, view, errors, Some(rows)).await?).status(status))
}

async fn preview_page(
    request: &HttpRequest,
    view: &ConnectionView,
    preview: Preview,
    errors: Invalid,
    rows: &[MappingRow],
    data: &FormData,
) -> MappingsPreviewPage {
    let mut kept: Vec<Kept> = rows.iter().flat_map(MappingRow::fields).collect();
    kept.push(Kept { name: "version".to_owned(), value: data.get("version").to_owned() });
    let changes = preview.changes.into_iter().map(|change| ChangeRow {
        id: change.member.to_string(),
        label: change.label,
        email: change.email,
        gains: change.gains.join(", "),
        loses: change.loses.join(", "),
    });
    MappingsPreviewPage {
        shell: shell(request, Place::Security).await,
        errors,
        head: present::head(view),
        changes: changes.collect(),
        total: preview.total,
        you_lose_admin: preview.you_lose_admin,
        locks_out: preview.locks_out,
        kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_slugs_and_what_is_none_stays() {
        let names =
            Names { roles: vec![crate::model::role::Role::Admin.into()], teams: vec![("team_1".into(), "iOS".into())] };
        assert_eq!(names.slugs("Admin, king ,"), ["admin", "king"]);
        assert_eq!(names.slugs(" ADMIN"), ["admin"]);
        assert_eq!(names.team(" ios ").as_deref(), Some("team_1"));
        assert_eq!(names.team("Android").as_deref(), Some("Android"));
        assert_eq!(names.team(" "), None);
    }

    #[test]
    fn a_value_that_misses_a_mapping_by_a_letter_is_named() {
        let on = crate::model::mapping::Match::Group;
        let stored = [RoleMapping { on, value: "Doorward Admins".into(), roles: Vec::new(), team: None, tag: None }];
        assert_eq!(near(&stored, "group", "doorward admins").as_deref(), Some("Doorward Admins"));
        assert_eq!(near(&stored, "group", "Doorward Admin").as_deref(), Some("Doorward Admins"));
        assert_eq!(near(&stored, "role", "doorward admins"), None);
        assert_eq!(near(&stored, "group", "Doorward Members"), None);
    }
}
