//! What the values that a connection sends grant.

use actix_web::web::Data;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::role_mappings::Change;
use crate::app::role_mappings::MappingInput;
use crate::model::connection::Connection;
use crate::model::mapping::RoleMapping;
use crate::model::role::Permission as P;
use crate::web::api::answer::Answer;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::SentList;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;
use crate::web::routes::Needs;

const REFUSALS: &[(u16, &str)] = &[(403, "role_above_yours"), (409, "lockout_last_admin")];

pub fn operations(api: &mut Operations) {
    let (read, write) = (Needs::Api(P::ConnectionsRead), Needs::Api(P::ConnectionsWrite));
    let path = "/api/v1/connections/{connection}/role-mappings";
    api.get(path, read, "Show role mappings", show).gives::<RoleMappings>().versioned();
    api.put(path, write, "Set role mappings", set)
        .about(
            "Makes the mappings exactly these. Values match exactly, after trimming; whoever matches several gets what all \
             of them give. Everybody whose values are known changes at once, others at their next sign-in.",
        )
        .takes::<RoleMappings>()
        .gives::<RoleMappings>()
        .versioned()
        .refuses(REFUSALS);
    let path = "/api/v1/connections/{connection}/role-mappings/preview";
    api.post(path, write, "Preview role mappings", preview)
        .about("Who would gain and lose what; nothing changes.")
        .takes::<RoleMappings>()
        .gives::<PreviewObject>()
        .refuses(&REFUSALS[..1]);
}

#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = RoleMapping)]
struct MappingObject {
    /// `group`, `role`, `entitlement`, or `attribute` with the name of one.
    #[schema(required)]
    r#match: String,
    /// The attribute whose value is compared, in any case; with `attribute` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute: Option<String>,
    /// As the provider sends it.
    #[schema(required)]
    value: String,
    /// Slugs.
    roles: Vec<String>,
    /// Id of a team.
    team: Option<String>,
    tag: Option<String>,
}

/// In the order that they are shown.
#[derive(Serialize, ToSchema)]
struct RoleMappings(Vec<MappingObject>);

#[derive(Serialize, ToSchema)]
#[schema(as = RoleMappingPreview)]
struct PreviewObject {
    /// Members who would gain or lose something.
    total: u64,
    /// The first hundred of them.
    changes: Vec<ChangeObject>,
    /// The caller would lose Owner or Admin.
    you_lose_admin: bool,
    /// Nobody would have Owner or Admin: setting these mappings is refused.
    locks_out: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RoleMappingChange)]
pub struct ChangeObject {
    /// None of whom a directory would make a member.
    member_id: Option<String>,
    email: String,
    /// Names of roles, `team …` and `tag …`.
    gains: Vec<String>,
    loses: Vec<String>,
}

impl From<RoleMapping> for MappingObject {
    fn from(mapping: RoleMapping) -> Self {
        Self {
            r#match: mapping.on.kind().to_owned(),
            attribute: mapping.on.attribute().map(str::to_owned),
            value: mapping.value,
            roles: mapping.roles,
            team: mapping.team.map(|team| team.to_string()),
            tag: mapping.tag,
        }
    }
}

impl From<MappingObject> for MappingInput {
    fn from(object: MappingObject) -> Self {
        Self {
            kind: object.r#match,
            attribute: object.attribute,
            value: object.value,
            roles: object.roles,
            team: object.team,
            tag: object.tag,
        }
    }
}

impl From<Change> for ChangeObject {
    fn from(change: Change) -> Self {
        Self {
            member_id: change.member.map(|id| id.to_string()),
            email: change.email,
            gains: change.gains,
            loses: change.loses,
        }
    }
}

fn object((connection, mappings): (Connection, Vec<RoleMapping>)) -> Answer {
    ok(&RoleMappings(mappings.into_iter().map(MappingObject::from).collect())).version(connection.version)
}

/// `GET /api/v1/connections/{connection}/role-mappings`
async fn show(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    Ok(object(app.list_role_mappings(&call.ctx, call.id("connection")?).await?))
}

fn input(sent: &SentList) -> Result<Vec<MappingInput>, ApiError> {
    let items: Vec<MappingObject> = sent.items(P::ConnectionsWrite)?;
    Ok(items.into_iter().map(MappingInput::from).collect())
}

/// `PUT /api/v1/connections/{connection}/role-mappings`
async fn set(app: Data<App>, sent: SentList) -> Result<Answer, ApiError> {
    let (id, input) = (sent.call.id("connection")?, input(&sent)?);
    let saved = app.set_role_mappings(&sent.call.ctx, id, input, None, None).await?;
    Ok(object((saved.connection, saved.mappings)))
}

/// `POST /api/v1/connections/{connection}/role-mappings/preview`
async fn preview(app: Data<App>, sent: SentList) -> Result<Answer, ApiError> {
    let (id, input) = (sent.call.id("connection")?, input(&sent)?);
    let preview = app.preview_role_mappings(&sent.call.ctx, id, input).await?;
    Ok(ok(&PreviewObject {
        total: preview.total,
        changes: preview.changes.into_iter().map(ChangeObject::from).collect(),
        you_lose_admin: preview.you_lose_admin,
        locks_out: preview.lockout.is_some(),
    }))
}
