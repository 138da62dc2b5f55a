//! The caller's organization.

use actix_web::web::Data;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::organization::OrganizationInput;
use crate::model::organization::Organization;
use crate::model::role::Permission as P;
use crate::web::api::answer::Answer;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::Sent;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;
use crate::web::routes::Needs;

pub fn operations(api: &mut Operations) {
    api.get("/api/v1/organization", Needs::Api(P::OrganizationRead), "Show the organization", show)
        .gives::<OrganizationObject>()
        .versioned();
    api.put("/api/v1/organization", Needs::Api(P::OrganizationWrite), "Change the organization", update)
        .about("Name, slug, default role and seats are replaced. The default role is that of new connections; those that are there keep theirs.")
        .takes::<OrganizationSettings>()
        .gives::<OrganizationObject>()
        .versioned()
        .refuses(&[(403, "role_above_yours")]);
}

#[derive(Serialize, ToSchema)]
#[schema(as = Organization)]
struct OrganizationObject {
    id: String,
    name: String,
    /// Its name in addresses and commands.
    slug: String,
    /// Slug of a role, or `none`.
    default_role: String,
    /// How many active members there may be; null: any number.
    seats: Option<u32>,
    version: i64,
}

impl From<Organization> for OrganizationObject {
    fn from(organization: Organization) -> Self {
        Self {
            id: organization.id.to_string(),
            name: organization.name,
            slug: organization.slug,
            default_role: organization.default_role.as_str().to_owned(),
            seats: organization.seats,
            version: organization.version,
        }
    }
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct OrganizationSettings {
    #[schema(required)]
    name: String,
    #[schema(required)]
    slug: String,
    /// Slug of a role, or `none` to refuse people whom nothing else gives one.
    #[schema(required)]
    default_role: String,
    /// How many active members there may be, from 1 to 1000000; null, or left out: any number.
    #[schema(minimum = 1, maximum = 1_000_000)]
    seats: Option<i64>,
}

fn answer(organization: Organization) -> Answer {
    let version = organization.version;
    ok(&OrganizationObject::from(organization)).version(version)
}

/// `GET /api/v1/organization`
async fn show(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    Ok(answer(app.find_own_organization(&call.ctx).await?))
}

/// `PUT /api/v1/organization`
async fn update(app: Data<App>, sent: Sent<OrganizationSettings>) -> Result<Answer, ApiError> {
    let OrganizationSettings { name, slug, default_role, seats } = sent.body;
    let input = OrganizationInput { name, slug, default_role, seats };
    Ok(answer(app.update_organization(&sent.call.ctx, input, None).await?))
}
