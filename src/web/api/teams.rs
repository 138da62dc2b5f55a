//! Teams: groups of members inside Doorward.

use actix_web::web::Data;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::teams::TeamMember;
use crate::app::teams::TeamView;
use crate::model::id::MemberId;
use crate::model::id::TeamId;
use crate::model::role::Permission as P;
use crate::web::api::answer::Answer;
use crate::web::api::answer::created;
use crate::web::api::answer::done;
use crate::web::api::answer::list;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::Sent;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;
use crate::web::routes::Needs;

pub fn operations(api: &mut Operations) {
    let (read, write) = (Needs::Api(P::TeamsRead), Needs::Api(P::TeamsWrite));
    api.get("/api/v1/teams", read, "List teams", index).lists::<TeamObject>();
    api.post("/api/v1/teams", write, "Make a team", create).takes::<TeamInput>().makes::<TeamObject>().versioned();
    api.get("/api/v1/teams/{team}", read, "Show a team", show).gives::<TeamObject>().versioned();
    api.patch("/api/v1/teams/{team}", write, "Rename a team", update)
        .about("A merge patch.")
        .takes::<TeamInput>()
        .gives::<TeamObject>()
        .versioned();
    api.delete("/api/v1/teams/{team}", write, "Delete a team", delete)
        .about("Its people stay members.")
        .versioned()
        .refuses(&[(409, "team_in_use")]);
    api.get("/api/v1/teams/{team}/members", read, "List members of a team", members).lists::<TeamMemberObject>();
    api.put("/api/v1/teams/{team}/members/{member}", write, "Add a member to a team", add);
    api.delete("/api/v1/teams/{team}/members/{member}", write, "Take a member out of a team", remove)
        .about("A place that a mapping gives stays: change the mapping or the group. One that a directory gave which is off goes.")
        .refuses(&[(409, "team_mapped")]);
}

#[derive(Serialize, ToSchema)]
#[schema(as = Team)]
struct TeamObject {
    id: String,
    name: String,
    /// How many people.
    members: u32,
    #[schema(format = DateTime)]
    created_at: String,
    /// Counts edits.
    version: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = TeamMember)]
struct TeamMemberObject {
    id: String,
    email: String,
    name: Option<String>,
    /// `active` or `inactive`.
    status: String,
    /// `local`, or the names of the connections that put them there.
    from: Vec<String>,
}

impl From<TeamView> for TeamObject {
    fn from(view: TeamView) -> Self {
        Self {
            id: view.team.id.to_string(),
            name: view.team.name,
            members: view.members,
            created_at: view.team.created_at.rfc3339(),
            version: view.team.version,
        }
    }
}

impl From<TeamMember> for TeamMemberObject {
    fn from(row: TeamMember) -> Self {
        Self {
            id: row.member.id.to_string(),
            email: row.member.email.as_str().to_owned(),
            status: row.member.status.as_str().to_owned(),
            name: row.member.profile.name,
            from: row.sources,
        }
    }
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct TeamInput {
    #[schema(required)]
    name: String,
}

/// `GET /api/v1/teams`
async fn index(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (_, window) = call.list::<TeamId>(&[])?;
    Ok(list(app.list_teams(&call.ctx, window).await?.map(TeamObject::from)))
}

/// `POST /api/v1/teams`
async fn create(app: Data<App>, sent: Sent<TeamInput>) -> Result<Answer, ApiError> {
    let made = TeamObject::from(app.create_team(&sent.call.ctx, &sent.body.name).await?);
    Ok(created(format!("/api/v1/teams/{}", made.id), &made).version(made.version))
}

fn object(view: TeamView) -> Answer {
    let object = TeamObject::from(view);
    ok(&object).version(object.version)
}

/// `GET /api/v1/teams/{team}`
async fn show(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    Ok(object(app.find_team(&call.ctx, call.id("team")?).await?))
}

/// `PATCH /api/v1/teams/{team}`
async fn update(app: Data<App>, sent: Sent<TeamInput>) -> Result<Answer, ApiError> {
    Ok(object(app.rename_team(&sent.call.ctx, sent.call.id("team")?, &sent.body.name, None).await?))
}

/// `DELETE /api/v1/teams/{team}`
async fn delete(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    app.delete_team(&call.ctx, call.id("team")?).await?;
    Ok(done())
}

/// `GET /api/v1/teams/{team}/members`
async fn members(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (_, window) = call.list::<MemberId>(&[])?;
    Ok(list(app.list_team_members(&call.ctx, call.id("team")?, window).await?.map(TeamMemberObject::from)))
}

/// `PUT /api/v1/teams/{team}/members/{member}`
async fn add(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    app.add_to_team(&call.ctx, call.id("team")?, call.id("member")?).await?;
    Ok(done())
}

/// `DELETE /api/v1/teams/{team}/members/{member}`
async fn remove(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    app.remove_from_team(&call.ctx, call.id("team")?, call.id("member")?).await?;
    Ok(done())
}
