//! What groups, roles and entitlements of a directory grant, and what that or enabling it would change.

use actix_web::web::Data;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::directory_mappings::DirectoryPreview;
use crate::app::directory_mappings::Meeting;
use crate::app::directory_mappings::Returning;
use crate::app::role_mappings::MappingInput;
use crate::model::mapping::RoleMapping;
use crate::model::role::Permission as P;
use crate::web::api::answer::Answer;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::SentList;
use crate::web::api::operations::Operations;
use crate::web::api::role_mappings::ChangeObject;
use crate::web::error::ApiError;
use crate::web::routes::Needs;

pub fn operations(api: &mut Operations) {
    let (read, write) = (Needs::Api(P::DirectoriesRead), Needs::Api(P::DirectoriesWrite));
    let path = "/api/v1/directories/{directory}/preview";
    api.get(path, read, "Preview a directory", preview)
        .about("What enabling it would do, or what it would change now; nothing changes.")
        .gives::<PreviewObject>();
    let path = "/api/v1/directories/{directory}/role-mappings";
    api.get(path, read, "Show role mappings of a directory", mappings).gives::<DirectoryMappings>().versioned();
    api.put(path, write, "Set role mappings of a directory", set_mappings)
        .about("Makes the mappings exactly these. They can be prepared before the directory is enabled.")
        .takes::<DirectoryMappings>()
        .gives::<DirectoryMappings>()
        .versioned()
        .refuses(&[(403, "role_above_yours"), (409, "lockout_last_admin")]);
    let path = "/api/v1/directories/{directory}/role-mappings/preview";
    api.post(path, write, "Preview role mappings of a directory", preview_mappings)
        .takes::<DirectoryMappings>()
        .gives::<PreviewObject>();
}

#[derive(Serialize, ToSchema)]
struct OddObject {
    who: String,
    /// `scim_conflict`: a member of the same address stands beside; `scim_email`: nothing that was sent is an address.
    code: &'static str,
}

#[derive(Serialize, ToSchema)]
struct UnmatchedObject {
    user_name: String,
    email: String,
}

#[derive(Serialize, ToSchema)]
struct ReturningObject {
    email: String,
    /// None where they were removed.
    member_id: Option<String>,
    /// Since when they are deactivated; none where they were removed.
    #[schema(format = DateTime)]
    deactivated_at: Option<String>,
}

impl From<Returning> for ReturningObject {
    fn from(one: Returning) -> Self {
        Self {
            email: one.email,
            member_id: one.member.map(|id| id.to_string()),
            deactivated_at: one.since.map(|at| at.rfc3339()),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = DirectoryPreview)]
struct PreviewObject {
    /// Members who would be made.
    made: u64,
    /// Members who would be joined by address.
    joined: u64,
    /// Users beside a member of the same address, who may not be joined.
    kept_apart: u64,
    without_address: u64,
    inactive: u64,
    /// Members who were deactivated or removed and would have access again.
    brought_back: u64,
    /// The first hundred of them.
    returning: Vec<ReturningObject>,
    /// People who would gain or lose something.
    total: u64,
    /// The first hundred of them.
    changes: Vec<ChangeObject>,
    /// The first hundred who are kept apart or have no address.
    odd: Vec<OddObject>,
    /// Active users who would not be known when they sign in through the directory's connection: their userName is not their
    /// address, and no externalId or userName was seen as the subject of a sign-in.
    unmatched: u64,
    /// The first hundred of them.
    unmatched_users: Vec<UnmatchedObject>,
    /// So many more seats are needed.
    seats_missing: u32,
    /// Nobody would have Owner or Admin: setting these mappings is refused.
    locks_out: bool,
}

impl From<DirectoryPreview> for PreviewObject {
    fn from(preview: DirectoryPreview) -> Self {
        let odd = |(who, meeting): (String, Meeting)| OddObject {
            who,
            code: if meeting == Meeting::NoAddress { "scim_email" } else { "scim_conflict" },
        };
        let unmatched = |(user_name, email): (String, String)| UnmatchedObject { user_name, email };
        Self {
            made: preview.made,
            joined: preview.joined,
            kept_apart: preview.apart,
            without_address: preview.without_address,
            inactive: preview.inactive,
            brought_back: preview.brought_back,
            returning: preview.returning.into_iter().map(ReturningObject::from).collect(),
            total: preview.total,
            changes: preview.changes.into_iter().map(ChangeObject::from).collect(),
            odd: preview.odd.into_iter().map(odd).collect(),
            unmatched: preview.unmatched,
            unmatched_users: preview.unmatched_users.into_iter().map(unmatched).collect(),
            seats_missing: preview.seats_missing,
            locks_out: preview.lockout.is_some(),
        }
    }
}

/// `GET /api/v1/directories/{directory}/preview`
async fn preview(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    call.query(&[])?;
    let preview = app.preview_directory(&call.ctx, call.id("directory")?, None).await?;
    Ok(ok(&PreviewObject::from(preview)))
}

#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct DirectoryMapping {
    /// `group`, `role` or `entitlement`.
    #[schema(required)]
    r#match: String,
    /// As the identity provider sends it.
    #[schema(required)]
    value: String,
    /// Slugs.
    roles: Vec<String>,
    /// Id of a team, which has to exist.
    team: Option<String>,
    tag: Option<String>,
}

/// In the order that they are shown.
#[derive(Serialize, ToSchema)]
struct DirectoryMappings(Vec<DirectoryMapping>);

impl From<RoleMapping> for DirectoryMapping {
    fn from(mapping: RoleMapping) -> Self {
        Self {
            r#match: mapping.on.kind().to_owned(),
            value: mapping.value,
            roles: mapping.roles,
            team: mapping.team.map(|team| team.to_string()),
            tag: mapping.tag,
        }
    }
}

fn mapping_objects(all: Vec<RoleMapping>) -> DirectoryMappings {
    DirectoryMappings(all.into_iter().map(DirectoryMapping::from).collect())
}

fn input(sent: &SentList) -> Result<Vec<MappingInput>, ApiError> {
    let items: Vec<DirectoryMapping> = sent.items(P::DirectoriesWrite)?;
    let input = |item: DirectoryMapping| MappingInput {
        kind: item.r#match,
        attribute: None,
        value: item.value,
        roles: item.roles,
        team: item.team,
        tag: item.tag,
    };
    Ok(items.into_iter().map(input).collect())
}

/// `GET /api/v1/directories/{directory}/role-mappings`
async fn mappings(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (directory, all) = app.list_directory_mappings(&call.ctx, call.id("directory")?).await?;
    Ok(ok(&mapping_objects(all)).version(directory.version))
}

/// `PUT /api/v1/directories/{directory}/role-mappings`
async fn set_mappings(app: Data<App>, sent: SentList) -> Result<Answer, ApiError> {
    let (id, input) = (sent.call.id("directory")?, input(&sent)?);
    let (directory, all) = app.set_directory_mappings(&sent.call.ctx, id, input, None).await?;
    Ok(ok(&mapping_objects(all)).version(directory.version))
}

/// `POST /api/v1/directories/{directory}/role-mappings/preview`
async fn preview_mappings(app: Data<App>, sent: SentList) -> Result<Answer, ApiError> {
    let (id, input) = (sent.call.id("directory")?, input(&sent)?);
    let preview = app.preview_directory(&sent.call.ctx, id, Some(input)).await?;
    Ok(ok(&PreviewObject::from(preview)))
}
