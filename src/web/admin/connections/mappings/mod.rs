//! Attributes and roles of a connection: which attribute fills which field, and what the values that come grant.

pub mod pages;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;

use crate::app::App;
use crate::app::Error;
use crate::app::connections::ConnectionView;
use crate::app::role_mappings::MappingInput;
use crate::app::role_mappings::Preview;
use crate::app::runs::PATIENCE;
use crate::model::actor::Ctx;
use crate::model::invalid::Invalid;
use crate::model::mapping::Match;
use crate::model::mapping::RoleMapping;
use crate::model::role::AnyRole;
use crate::model::role::DefaultRole;
use crate::model::role::Permission;
use crate::web::admin::connections::attributes::AttributeField;
use crate::web::admin::connections::attributes::settings_field;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::mappings::pages::ChangeRow;
use crate::web::admin::connections::mappings::pages::FIELDS;
use crate::web::admin::connections::mappings::pages::LISTED;
use crate::web::admin::connections::mappings::pages::MappingRow;
use crate::web::admin::connections::mappings::pages::MappingsPage;
use crate::web::admin::connections::mappings::pages::MappingsPreviewPage;
use crate::web::admin::connections::mappings::pages::SeenValue;
use crate::web::admin::connections::mappings::pages::with_blanks;
use crate::web::admin::connections::present;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::form::FormData;
use crate::web::html::Html;
use crate::web::html::Place;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Kept;
use crate::web::view::count;

/// More rows than a form is good for; then the API changes them.
const MOST_ROWS: usize = 120;
pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<MappingsPage>(all, "admin/connections/mappings");
    add::<MappingsPreviewPage>(all, "admin/connections/mappings_preview");
}

/// What a page needs to turn names into ids and back.
pub struct Names {
    pub roles: Vec<AnyRole>,
    pub teams: Vec<(String, String)>,
}

impl Names {
    pub async fn load(app: &App, ctx: &Ctx) -> Result<Self, PageError> {
        let teams = match ctx.may(Permission::TeamsRead) {
            true => app.team_choices(ctx).await?,
            false => Vec::new(),
        };
        let teams = teams.into_iter().map(|team| (team.id.to_string(), team.name)).collect();
        Ok(Self { roles: app.role_choices(ctx).await?, teams })
    }

    /// A mapping as it is chosen, one role a row: rows of the same value give together what each gives. Where the roles are too
    /// many for a list, they stand in one row with commas between.
    pub fn rows(&self, mapping: &RoleMapping, one_each: bool) -> Vec<MappingRow> {
        let name = |slug: &String| {
            let role = self.roles.iter().find(|role| role.slug() == slug);
            role.map_or_else(|| slug.clone(), |role| role.name().to_owned())
        };
        let team = |id: &str| {
            let team = self.teams.iter().find(|(known, _)| known == id);
            team.map_or_else(|| id.to_owned(), |(_, name)| name.clone())
        };
        let names: Vec<String> = mapping.roles.iter().map(name).collect();
        let first = MappingRow {
            kind: mapping.on.kind().to_owned(),
            attribute: mapping.on.attribute().unwrap_or_default().to_owned(),
            value: mapping.value.clone(),
            roles: if one_each { names.first().cloned().unwrap_or_default() } else { names.join(", ") },
            team: mapping.team.as_ref().map(|id| team(id.as_str())).unwrap_or_default(),
            tag: mapping.tag.clone().unwrap_or_default(),
        };
        let bare = MappingRow { team: String::new(), tag: String::new(), ..first.clone() };
        let more = names.into_iter().skip(1).filter(|_| one_each);
        let more = more.map(|roles| MappingRow { roles, ..bare.clone() }).collect::<Vec<_>>();
        std::iter::once(first).chain(more).collect()
    }

    pub fn known_roles(&self) -> Vec<(String, String)> {
        self.roles.iter().map(|role| (role.slug().to_owned(), role.name().to_owned())).collect()
    }

    /// The slug of a name, or of itself; what is neither stays as it was typed, and is told.
    fn slugs(&self, text: &str) -> Vec<String> {
        let slug = |word: &str| {
            let word = word.trim();
            let found = self.roles.iter().find(|role| role.slug() == word);
            let found = found.or_else(|| self.roles.iter().find(|role| role.name().eq_ignore_ascii_case(word)));
            found.map_or_else(|| word.to_owned(), |role| role.slug().to_owned())
        };
        let whole = slug(text);
        if self.roles.iter().any(|role| role.slug() == whole) {
            return vec![whole];
        }
        text.split(',').filter(|word| !word.trim().is_empty()).map(slug).collect()
    }

    fn team(&self, text: &str) -> Option<String> {
        let text = text.trim();
        let found = self.teams.iter().find(|(id, name)| name == text || id == text);
        let found = found.or_else(|| self.teams.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)));
        Some(found.map_or_else(|| text.to_owned(), |(id, _)| id.clone())).filter(|text| !text.is_empty())
    }

    pub fn input(&self, row: &MappingRow) -> MappingInput {
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
pub fn typed(data: &FormData) -> Vec<MappingRow> {
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

/// `group Builders`: the value whose button was pressed.
fn used(data: &FormData) -> Option<MappingRow> {
    let (kind, value) = data.get("use").split_once(' ')?;
    let is_kind = Match::KINDS.contains(&kind) && kind != "attribute";
    is_kind.then(|| MappingRow { kind: kind.to_owned(), value: value.to_owned(), ..MappingRow::default() })
}

/// The mapped value of this kind that a sent one comes near to without being it.
pub fn near(stored: &[RoleMapping], kind: &str, value: &str) -> Option<String> {
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
    let run = app.find_mapping_run(ctx, connection.id.clone()).await?;
    let roles = names.known_roles();
    let one_each = roles.len() <= LISTED && ctx.may(Permission::ConnectionsWrite);
    let rows = rows.unwrap_or_else(|| stored.iter().flat_map(|mapping| names.rows(mapping, one_each)).collect());
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
        roles,
        teams: names.teams,
        default_role: match settings.default_role {
            DefaultRole::Role(role) => Some(role.name().to_owned()),
            DefaultRole::None => None,
        },
        applying: run.map(|run| count(run.changed.into(), "person changed so far", "people changed so far")),
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

/// `POST …/attributes`: the preview first, then what it showed is saved; `do` says which, or that it is edited again. `use` puts
/// a value that was seen into a row of its own, and keeps the others as they are typed.
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
    if let Some(used) = used(data) {
        let rows: Vec<MappingRow> = rows.into_iter().chain([used]).collect();
        return Ok(Html(page(&request, &app, ctx, &view, Invalid::new(), Some(rows)).await?).status(StatusCode::OK));
    }
    if data.get("do") == "edit" {
        return Ok(Html(page(&request, &app, ctx, &view, Invalid::new(), Some(rows)).await?).status(StatusCode::OK));
    }
    let mut errors = Invalid::new();
    if data.get("do") == "save" {
        match app.set_role_mappings(ctx, connection.clone(), input.clone(), data.version(), Some(PATIENCE)).await {
            Ok(saved) => {
                let text = match (saved.changed, saved.is_applied) {
                    (0, _) => "The mappings are saved. Nobody known so far changes.".to_owned(),
                    (n, true) => format!("The mappings are saved: {}.", count(n, "person changed", "people changed")),
                    (n, false) => {
                        format!("The mappings are saved. {} by and by.", count(n, "person changes", "people change"))
                    }
                };
                let path = format!("/admin/security/sso/{}/attributes", view.connection.id);
                return Ok(see_other(path).notice(text).respond_to(&request));
            }
            Err(Error::Conflict { code, text }) => errors.add("form", code, text),
            Err(error) => return stays(&request, &app, ctx, &view, error, rows).await,
        }
    }
    match app.preview_role_mappings(ctx, connection, input).await {
        Ok(preview) => {
            let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::CONFLICT };
            Ok(Html(preview_page(&request, &view, preview, errors, &rows, data).await).status(status))
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
        id: change.member.map(|id| id.to_string()).unwrap_or_default(),
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
        lockout: preview.lockout,
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
