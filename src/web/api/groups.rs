//! Groups as identity providers name them; they change there.

use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::model::group::Group;
use crate::model::id::GroupId;
use crate::model::role::Permission as P;
use crate::web::api::answer::Answer;
use crate::web::api::answer::list;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::Parameter;
use crate::web::api::call::parameter;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;
use crate::web::routes::Needs;

const FILTERS: &[Parameter] = &[parameter("name", "The whole name.")];

pub fn operations(api: &mut Operations) {
    let read = Needs::Api(P::GroupsRead);
    api.get("/api/v1/groups", read, "List groups", index).filters(FILTERS).lists::<GroupObject>();
    api.get("/api/v1/groups/{group}", read, "Show a group", show).gives::<GroupObject>();
}

#[derive(Serialize, ToSchema)]
#[schema(as = Group)]
struct GroupObject {
    id: String,
    name: String,
    /// The directory that sends it.
    directory_id: Option<String>,
    /// The connection whose sign-ins name it.
    connection_id: Option<String>,
    /// How many people; `GET /members?tag=Group:{name}` lists them.
    members: u32,
}

impl From<(Group, u32)> for GroupObject {
    fn from((group, members): (Group, u32)) -> Self {
        Self {
            id: group.id.to_string(),
            name: group.name,
            directory_id: group.directory,
            connection_id: group.connection.map(|id| id.to_string()),
            members,
        }
    }
}

/// `GET /api/v1/groups`
async fn index(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (query, window) = call.list::<GroupId>(FILTERS)?;
    Ok(list(app.list_groups(&call.ctx, query.text("name"), window).await?.map(GroupObject::from)))
}

/// `GET /api/v1/groups/{group}`
async fn show(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    Ok(ok(&GroupObject::from(app.find_group(&call.ctx, call.id("group")?).await?)))
}
