//! Who calls, for a page that runs in the caller's browser.

use actix_web::web::Data;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::Error;
use crate::app::sessions::SignedIn;
use crate::model::group;
use crate::model::id::TestId;
use crate::model::member::Member;
use crate::web::api::answer::Answer;
use crate::web::api::answer::created;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::Sent;
use crate::web::api::members::IdentityObject;
use crate::web::api::operations::Operations;
use crate::web::api::sessions::MethodObject;
use crate::web::csrf;
use crate::web::error::ApiError;
use crate::web::routes::Needs;

pub fn operations(api: &mut Operations) {
    api.get("/api/v1/me", Needs::ApiCaller, "Who is signed in", show)
        .about("For a session cookie alone: an API key is nobody. `csrf` goes into `X-Doorward-CSRF` of calls that change something.")
        .gives::<Me>()
        .refuses(&[(403, "session_only")]);
    api.post("/api/v1/me/identities", Needs::ApiCaller, "Link what a passed test showed to oneself", link)
        .about("The sign-in of the session is at most 5 minutes old; the member ran the test themselves, at most 15 minutes ago.")
        .takes::<TestedIdentity>()
        .makes::<IdentityObject>()
        .refuses(&[(403, "session_only"), (403, "sign_in_again"), (409, "test_not_passed"), (409, "test_too_old"), (409, "identity_taken")]);
}

/// The member of this session.
#[derive(Serialize, ToSchema)]
struct Me {
    id: String,
    email: String,
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    job_title: Option<String>,
    picture: Option<String>,
    organization: MyOrganization,
    /// Slugs, the highest first.
    roles: Vec<String>,
    groups: Vec<String>,
    teams: Vec<String>,
    /// `Group:{name}` for each group.
    tags: Vec<String>,
    /// `manual`, `sso` or `scim`.
    source: String,
    signed_in_with: MethodObject,
    /// For the header `X-Doorward-CSRF`; good for a day.
    csrf: String,
}

#[derive(Serialize, ToSchema)]
struct MyOrganization {
    id: String,
    slug: String,
    name: String,
}

fn person(call: &Call) -> Result<&SignedIn, Error> {
    let text = "This tells of a person in a browser. An API key has none; use /api/v1/members instead.";
    call.signed_in.as_ref().ok_or_else(|| Error::refused("session_only", text))
}

/// The slugs of roles, each once.
fn slugs(member: &Member) -> Vec<String> {
    let mut slugs: Vec<String> = member.roles.iter().map(|held| held.role.slug().to_owned()).collect();
    slugs.dedup();
    slugs
}

/// `GET /api/v1/me`
async fn show(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let me = person(&call)?;
    let view = app.find_member(&call.ctx, me.member.id.clone()).await?;
    let seed = csrf::seeds(&call.request, &app).into_iter().next().unwrap_or_default();
    let (member, organization) = (view.member, &me.organization);
    Ok(ok(&Me {
        id: member.id.to_string(),
        email: member.email.as_str().to_owned(),
        roles: slugs(&member),
        name: member.profile.name,
        given_name: member.profile.given_name,
        family_name: member.profile.family_name,
        job_title: member.profile.job_title,
        picture: member.profile.picture,
        organization: MyOrganization {
            id: organization.id.to_string(),
            slug: organization.slug.clone(),
            name: organization.name.clone(),
        },
        tags: view.groups.iter().map(|name| group::tag(name)).collect(),
        groups: view.groups,
        teams: view.teams,
        source: member.source.as_str().to_owned(),
        signed_in_with: (&me.session.method).into(),
        csrf: csrf::token(&app, &seed, call.ctx.now),
    }))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct TestedIdentity {
    /// Of a test that the caller started and passed.
    #[schema(required)]
    test_id: String,
}

/// `POST /api/v1/me/identities`
async fn link(app: Data<App>, sent: Sent<TestedIdentity>) -> Result<Answer, ApiError> {
    let (me, ctx) = (person(&sent.call)?, &sent.call.ctx);
    let id: TestId = sent.body.test_id.parse().map_err(|_| Error::NotFound("test"))?;
    app.link_by_test(me, &sent.call.visitor, id.clone()).await?;
    let (test, _) = app.find_own_test(ctx, id).await?;
    let identities = app.find_member_detail(ctx, me.member.id.clone()).await?.identities;
    let of_test = |subject: &str| test.subject.as_deref() == Some(subject);
    let found = identities
        .into_iter()
        .find(|(identity, _)| identity.connection == test.connection && of_test(&identity.subject))
        .ok_or(Error::NotFound("linked sign-in"))?;
    let path = format!("/api/v1/members/{}/identities", me.member.id);
    Ok(created(path, &IdentityObject::from(found)))
}
