//! Roles: the built-in ones, and access roles that admins name.

use actix_web::web::Data;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::members::Filter;
use crate::app::roles::RoleView;
use crate::model::access_role::RoleInput;
use crate::model::page::Page;
use crate::model::role::Permission as P;
use crate::web::api::answer::Answer;
use crate::web::api::answer::created;
use crate::web::api::answer::done;
use crate::web::api::answer::list;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::Sent;
use crate::web::api::members::MemberFilter;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;
use crate::web::routes::Needs;

const ABOVE: (u16, &str) = (403, "role_above_yours");

pub fn operations(api: &mut Operations) {
    let (read, write) = (Needs::Api(P::RolesRead), Needs::Api(P::RolesWrite));
    api.get("/api/v1/roles", read, "List roles", index)
        .about("Built-in and access roles, the highest first.")
        .lists::<RoleObject>();
    api.post("/api/v1/roles", write, "Make an access role", create)
        .about(
            "A named set of permissions, possibly empty: applications read its slug. No role has more than its maker.",
        )
        .takes::<NewRole>()
        .makes::<RoleObject>()
        .versioned()
        .refuses(&[ABOVE, (409, "too_many_roles")]);
    api.post("/api/v1/roles/assign", Needs::Api(P::RolesGrant), "Change the roles of many members", assign)
        .about(
            "Gives and takes local roles of everybody whom the filter finds. Members who hold more than the caller, and \
             the last admin, are left alone and counted.",
        )
        .takes::<Assignment>()
        .gives::<Assigned>()
        .refuses(&[ABOVE]);
    api.get("/api/v1/roles/{role}", read, "Show a role", show).gives::<RoleObject>().versioned();
    api.patch("/api/v1/roles/{role}", write, "Change an access role", update)
        .about("A merge patch. The slug stays.")
        .takes::<RoleChange>()
        .gives::<RoleObject>()
        .versioned()
        .refuses(&[ABOVE, (409, "role_built_in")]);
    api.delete("/api/v1/roles/{role}", write, "Delete an access role", delete)
        .about("Whoever holds it holds it no more.")
        .versioned()
        .refuses(&[ABOVE, (409, "role_built_in"), (409, "role_in_use")]);
}

#[derive(Serialize, ToSchema)]
#[schema(as = Role)]
struct RoleObject {
    slug: String,
    name: String,
    /// What it is for, in a sentence.
    description: String,
    /// Such as `connections.read`.
    permissions: Vec<String>,
    /// Built-in roles stay as they are.
    built_in: bool,
    /// Orders access roles, the highest first; null for built-in roles.
    rank: Option<u32>,
    /// Active members who hold it.
    members: u32,
    /// Counts edits.
    version: i64,
}

impl From<RoleView> for RoleObject {
    fn from(view: RoleView) -> Self {
        let (role, access) = (&view.role, view.role.access());
        Self {
            slug: role.slug().to_owned(),
            name: role.name().to_owned(),
            description: role.grants().to_owned(),
            permissions: role.permissions().iter().map(|permission| permission.as_str().to_owned()).collect(),
            built_in: access.is_none(),
            rank: access.map(|role| role.rank),
            members: view.holders,
            version: access.map_or(1, |role| role.version),
        }
    }
}

fn object(view: RoleView) -> Answer {
    let object = RoleObject::from(view);
    ok(&object).version(object.version)
}

/// `GET /api/v1/roles`
async fn index(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let rows = app.list_roles(&call.ctx, u32::MAX).await?.into_iter().map(RoleObject::from).collect();
    Ok(list(Page { rows, next: None }))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct NewRole {
    #[schema(required)]
    name: String,
    /// Made from the name unless said.
    slug: Option<String>,
    description: Option<String>,
    /// None unless said.
    permissions: Option<Vec<String>>,
    /// 0 to 1000; 0 unless said.
    rank: Option<u32>,
}

/// `POST /api/v1/roles`
async fn create(app: Data<App>, sent: Sent<NewRole>) -> Result<Answer, ApiError> {
    let NewRole { name, slug, description, permissions, rank } = sent.body;
    let input = RoleInput { slug, name: Some(name), description, permissions, rank };
    let made = RoleObject::from(app.create_role(&sent.call.ctx, input).await?);
    Ok(created(format!("/api/v1/roles/{}", made.slug), &made).version(made.version))
}

/// `GET /api/v1/roles/{role}`
async fn show(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    Ok(object(app.find_role(&call.ctx, call.part("role")).await?))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct RoleChange {
    name: Option<String>,
    description: Option<String>,
    permissions: Option<Vec<String>>,
    rank: Option<u32>,
}

/// `PATCH /api/v1/roles/{role}`
async fn update(app: Data<App>, sent: Sent<RoleChange>) -> Result<Answer, ApiError> {
    let RoleChange { name, description, permissions, rank } = sent.body;
    let input = RoleInput { slug: None, name, description, permissions, rank };
    Ok(object(app.update_role(&sent.call.ctx, sent.call.part("role"), input, None).await?))
}

/// `DELETE /api/v1/roles/{role}`
async fn delete(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    app.delete_role(&call.ctx, call.part("role"), None).await?;
    Ok(done())
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Assignment {
    /// Whose roles; everybody active unless said.
    filter: Option<MemberFilter>,
    /// Slugs.
    add: Vec<String>,
    /// Slugs.
    remove: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct Assigned {
    /// Members whose roles are others now.
    changed: u64,
    /// Members who hold more than the caller, and the last admin.
    left_alone: u64,
}

/// `POST /api/v1/roles/assign`
async fn assign(app: Data<App>, sent: Sent<Assignment>) -> Result<Answer, ApiError> {
    let Assignment { filter, add, remove } = sent.body;
    let filter: Filter = filter.unwrap_or_default().try_into()?;
    let given = app.change_roles_of_all(&sent.call.ctx, filter, add, remove).await?;
    Ok(ok(&Assigned { changed: given.changed, left_alone: given.left_alone }))
}
