//! Members, their roles and linked sign-ins.

use actix_web::web::Data;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::access;
use crate::app::members::Filter;
use crate::app::members::MemberInput;
use crate::app::members::MemberView;
use crate::model::id::IdentityId;
use crate::model::id::MemberId;
use crate::model::member::Identity;
use crate::model::member::MemberCursor;
use crate::model::member::Source;
use crate::model::member::Status;
use crate::model::page::Page;
use crate::model::role::Permission as P;
use crate::web::api::answer::Answer;
use crate::web::api::answer::created;
use crate::web::api::answer::done;
use crate::web::api::answer::list;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::Nothing;
use crate::web::api::call::Parameter;
use crate::web::api::call::Query;
use crate::web::api::call::Sent;
use crate::web::api::call::choice;
use crate::web::api::call::parameter;
use crate::web::api::json::nullable;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;
use crate::web::error::Failure;
use crate::web::error::Fault;
use crate::web::routes::Needs;

const FILTERS: &[Parameter] = &[
    parameter("q", "Part of the address or the name."),
    parameter("email", "The whole address, in any case."),
    parameter("role", "Who has the role of this slug."),
    choice("source", "How the member came to be here.", &["manual", "sso", "scim"]),
    choice("covered", "Whether a directory says who the member is.", &["true", "false"]),
    choice("status", "Whether they can sign in.", &["active", "inactive"]),
    parameter("job_title", "The whole job title."),
    parameter("tag", "`Group:{name}`, or a tag that a mapping gives."),
];

const TAG: &[Parameter] = &[parameter("tag", "The tag. Required.")];

const LAST_ADMIN: (u16, &str) = (409, "lockout_last_admin");
const ABOVE: (u16, &str) = (403, "role_above_yours");
const MANAGED: (u16, &str) = (403, "scim_managed");

pub fn operations(api: &mut Operations) {
    let (read, write) = (Needs::Api(P::MembersRead), Needs::Api(P::MembersWrite));
    api.get("/api/v1/members", read, "List members", index).filters(FILTERS).lists::<MemberObject>();
    api.post("/api/v1/members", write, "Add a member", create)
        .about("They sign in by a password link, or by the identity provider once they are linked.")
        .takes::<NewMember>()
        .makes::<MemberObject>()
        .versioned()
        .refuses(&[ABOVE, MANAGED]);
    api.get("/api/v1/members/{member}", read, "Show a member", show).gives::<MemberObject>().versioned();
    api.patch("/api/v1/members/{member}", write, "Change a member", update)
        .about("A merge patch. Roles are set with `PUT …/roles`.")
        .takes::<MemberChange>()
        .gives::<MemberObject>()
        .versioned()
        .refuses(&[ABOVE, MANAGED]);
    api.delete("/api/v1/members/{member}", write, "Remove a member", delete)
        .about("Ends their sessions. The history keeps their name; the address is free again.")
        .versioned()
        .refuses(&[ABOVE, LAST_ADMIN, MANAGED]);
    api.post("/api/v1/members/{member}/deactivate", write, "Deactivate a member", deactivate)
        .about("They cannot sign in any more, and every session of theirs ends.")
        .gives::<MemberObject>()
        .versioned()
        .refuses(&[ABOVE, LAST_ADMIN, MANAGED]);
    api.post("/api/v1/members/{member}/reactivate", write, "Reactivate a member", reactivate)
        .gives::<MemberObject>()
        .versioned()
        .refuses(&[ABOVE, MANAGED]);
    api.put("/api/v1/members/{member}/roles", Needs::Api(P::RolesGrant), "Set the roles given here", set_roles)
        .about(
            "Makes the roles that were given here exactly these. What a connection or an enabled directory gave stays; \
             what a directory gave that is off is given here from now on, or goes.",
        )
        .takes::<MemberRoles>()
        .gives::<MemberObject>()
        .versioned()
        .refuses(&[ABOVE, LAST_ADMIN]);
    api.delete("/api/v1/members/{member}/tags", write, "Take a tag away from a member", remove_tag)
        .about("A tag that a directory gave which is off. One that a mapping gives stays: change the mapping or the group.")
        .filters(TAG)
        .versioned()
        .refuses(&[ABOVE, (409, "tag_mapped")]);
    api.post("/api/v1/members/{member}/merge", write, "Merge duplicates", merge)
        .about("The member becomes the one that `into` names, who is given back: sign-ins, groups and what a directory knows go over, sessions end.")
        .takes::<MergeInto>()
        .gives::<MemberObject>()
        .versioned()
        .refuses(&[ABOVE, (409, "merge_administrator"), (409, "merge_covered")]);
    api.post("/api/v1/members/{member}/password-link", write, "Make a password link", make_password_link)
        .about("For one use within three days; it ends the links before it. `url` is shown this once.")
        .gives::<PasswordLink>()
        .refuses(&[ABOVE, (409, "member_inactive")]);
    api.get("/api/v1/members/{member}/identities", read, "List linked sign-ins", identities).lists::<IdentityObject>();
    api.delete("/api/v1/members/{member}/identities/{identity}", write, "Unlink a sign-in", unlink)
        .refuses(&[ABOVE, (409, "last_way_in")]);
}

#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
struct MemberObject {
    id: String,
    email: String,
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    job_title: Option<String>,
    picture: Option<String>,
    /// `active` or `inactive`.
    status: String,
    /// `manual`, `sso` or `scim`.
    source: String,
    /// The directory that manages this member.
    directory_id: Option<String>,
    /// The highest first.
    roles: Vec<HeldRoleObject>,
    groups: Vec<String>,
    teams: Vec<String>,
    /// `Group:{name}` for each group, and tags that mappings gave.
    tags: Vec<String>,
    has_password: bool,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    deactivated_at: Option<String>,
    #[schema(format = DateTime)]
    last_seen_at: Option<String>,
    /// Counts edits.
    version: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = HeldRole)]
struct HeldRoleObject {
    /// Slug.
    role: String,
    /// `local`, or the id of the connection or directory that gave it.
    from: String,
}

/// What a connection calls a member.
#[derive(Serialize, ToSchema)]
#[schema(as = Identity)]
pub struct IdentityObject {
    id: String,
    connection_id: String,
    connection_name: String,
    /// The identity provider's entity ID.
    issuer: String,
    subject: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

impl From<MemberView> for MemberObject {
    fn from(view: MemberView) -> Self {
        let member = view.member;
        Self {
            id: member.id.to_string(),
            email: member.email.as_str().to_owned(),
            name: member.profile.name,
            given_name: member.profile.given_name,
            family_name: member.profile.family_name,
            job_title: member.profile.job_title,
            picture: member.profile.picture,
            status: member.status.as_str().to_owned(),
            source: member.source.as_str().to_owned(),
            directory_id: member.directory.map(|id| id.to_string()),
            roles: member
                .roles
                .into_iter()
                .map(|held| HeldRoleObject { role: held.role.slug().to_owned(), from: held.from })
                .collect(),
            tags: view.tags,
            groups: view.groups,
            teams: view.teams,
            has_password: member.has_password,
            created_at: member.created_at.rfc3339(),
            deactivated_at: member.deactivated_at.map(|at| at.rfc3339()),
            last_seen_at: member.last_seen_at.map(|at| at.rfc3339()),
            version: member.version,
        }
    }
}

impl From<(Identity, String)> for IdentityObject {
    fn from((identity, connection_name): (Identity, String)) -> Self {
        Self {
            id: identity.id.to_string(),
            connection_id: identity.connection.to_string(),
            connection_name,
            issuer: identity.issuer,
            subject: identity.subject,
            created_at: identity.created_at.rfc3339(),
            last_used_at: identity.last_used_at.map(|at| at.rfc3339()),
        }
    }
}

fn object(view: MemberView) -> Answer {
    let version = view.member.version;
    ok(&MemberObject::from(view)).version(version)
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct MergeInto {
    /// Id of the member who stays.
    #[schema(required)]
    into: String,
}

/// `POST /api/v1/members/{member}/merge`
async fn merge(app: Data<App>, sent: Sent<MergeInto>) -> Result<Answer, ApiError> {
    let id = sent.call.id("member")?;
    Ok(object(app.merge_members(&sent.call.ctx, id, &sent.body.into).await?))
}

/// Whom a change of many is about: the filters of the list, as a body has them.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MemberFilter {
    /// Part of the address or the name.
    q: Option<String>,
    email: Option<String>,
    /// Slug.
    role: Option<String>,
    /// `manual`, `sso` or `scim`.
    source: Option<String>,
    job_title: Option<String>,
    tag: Option<String>,
    /// Whether a directory says who the member is.
    covered: Option<bool>,
    /// `active` or `inactive`; `active` unless said.
    status: Option<String>,
}

impl TryFrom<MemberFilter> for Filter {
    type Error = ApiError;

    fn try_from(sent: MemberFilter) -> Result<Self, ApiError> {
        let mut faults = Vec::new();
        let texts = [("q", &sent.q), ("email", &sent.email), ("job_title", &sent.job_title), ("tag", &sent.tag)];
        for (name, _) in
            texts.iter().filter(|(_, text)| text.as_ref().is_some_and(|text| text.contains(char::is_control)))
        {
            let pointer = format!("/filter/{name}");
            faults.push(Fault::new(pointer, "control_character", "Leave out control characters."));
        }
        let mut unknown = |name: &str, values: &str| {
            faults.push(Fault::new(format!("/filter/{name}"), "unknown_value", format!("Use one of {values}.")));
        };
        let status = sent.status.as_deref().unwrap_or("active");
        let (status, source) = (Status::parse(status), sent.source.as_deref().map(Source::parse));
        if status.is_none() {
            unknown("status", "active, inactive");
        }
        if source == Some(None) {
            unknown("source", "manual, sso, scim");
        }
        if !faults.is_empty() {
            return Err(Failure::Faults(faults).into());
        }
        Ok(Self {
            text: sent.q,
            email: sent.email,
            status,
            source: source.flatten(),
            role: sent.role,
            job_title: sent.job_title,
            tag: sent.tag,
            is_covered: sent.covered,
        })
    }
}

fn filter(query: &Query) -> Filter {
    Filter {
        text: query.text("q"),
        email: query.text("email"),
        status: query.get("status").and_then(Status::parse),
        source: query.get("source").and_then(Source::parse),
        role: query.text("role"),
        is_covered: query.get("covered").map(|covered| covered == "true"),
        job_title: query.text("job_title"),
        tag: query.text("tag"),
    }
}

/// `GET /api/v1/members`
async fn index(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (query, window) = call.list::<MemberCursor>(FILTERS)?;
    let page = app.list_members(&call.ctx, filter(&query), window).await?;
    Ok(list(page.map(MemberObject::from)))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct NewMember {
    #[schema(required)]
    email: String,
    /// `given_name` and `family_name` together unless said.
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    job_title: Option<String>,
    /// Slugs; `["member"]` unless said.
    roles: Option<Vec<String>>,
}

/// `POST /api/v1/members`
async fn create(app: Data<App>, sent: Sent<NewMember>) -> Result<Answer, ApiError> {
    let new = sent.body;
    let input = MemberInput {
        email: Some(new.email),
        name: Some(new.name),
        given_name: Some(new.given_name),
        family_name: Some(new.family_name),
        job_title: Some(new.job_title),
        roles: new.roles,
    };
    let view = app.create_member(&sent.call.ctx, input).await?;
    let (path, version) = (format!("/api/v1/members/{}", view.member.id), view.member.version);
    Ok(created(path, &MemberObject::from(view)).version(version))
}

/// `GET /api/v1/members/{member}`
async fn show(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    Ok(object(app.find_member(&call.ctx, call.id("member")?).await?))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct MemberChange {
    /// Cannot be taken away.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    given_name: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    family_name: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    job_title: Option<Option<String>>,
}

/// `PATCH /api/v1/members/{member}`
async fn update(app: Data<App>, sent: Sent<MemberChange>) -> Result<Answer, ApiError> {
    let change = sent.body;
    let input = MemberInput {
        email: change.email.map(Option::unwrap_or_default),
        name: change.name,
        given_name: change.given_name,
        family_name: change.family_name,
        job_title: change.job_title,
        roles: None,
    };
    Ok(object(app.update_member(&sent.call.ctx, sent.call.id("member")?, input, None).await?))
}

/// `DELETE /api/v1/members/{member}`
async fn delete(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    app.delete_member(&call.ctx, call.id("member")?).await?;
    Ok(done())
}

/// `POST /api/v1/members/{member}/deactivate`
async fn deactivate(app: Data<App>, sent: Sent<Nothing>) -> Result<Answer, ApiError> {
    Ok(object(app.deactivate_member(&sent.call.ctx, sent.call.id("member")?).await?))
}

/// `POST /api/v1/members/{member}/reactivate`
async fn reactivate(app: Data<App>, sent: Sent<Nothing>) -> Result<Answer, ApiError> {
    Ok(object(app.reactivate_member(&sent.call.ctx, sent.call.id("member")?).await?))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct MemberRoles {
    /// Slugs.
    #[schema(required)]
    roles: Option<Vec<String>>,
}

/// `PUT /api/v1/members/{member}/roles`
async fn set_roles(app: Data<App>, sent: Sent<MemberRoles>) -> Result<Answer, ApiError> {
    access::require(&sent.call.ctx, P::RolesGrant)?;
    let none = || Failure::Faults(vec![Fault::new("/roles", "missing", "Say which roles; `[]` for none.")]);
    let roles = sent.body.roles.ok_or_else(none)?;
    Ok(object(app.set_member_roles(&sent.call.ctx, sent.call.id("member")?, roles).await?))
}

/// `DELETE /api/v1/members/{member}/tags?tag=`
async fn remove_tag(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    access::require(&call.ctx, P::MembersWrite)?;
    let missing = || Failure::Faults(vec![Fault::new("/tag", "missing", "Say which tag, as `?tag=`.")]);
    let tag = call.query(TAG)?.text("tag").ok_or_else(missing)?;
    app.remove_tag(&call.ctx, call.id("member")?, &tag).await?;
    Ok(done())
}

#[derive(Serialize, ToSchema)]
struct PasswordLink {
    /// Shown this once.
    url: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// `POST /api/v1/members/{member}/password-link`
async fn make_password_link(app: Data<App>, sent: Sent<Nothing>) -> Result<Answer, ApiError> {
    let (url, link) = app.create_password_link(&sent.call.ctx, sent.call.id("member")?).await?;
    Ok(ok(&PasswordLink { url, expires_at: link.expires_at.rfc3339() }))
}

/// `GET /api/v1/members/{member}/identities`
async fn identities(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let detail = app.find_member_detail(&call.ctx, call.id("member")?).await?;
    let rows = detail.identities.into_iter().map(IdentityObject::from).collect();
    Ok(list(Page { rows, next: None }))
}

/// `DELETE /api/v1/members/{member}/identities/{identity}`
async fn unlink(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (member, identity): (MemberId, IdentityId) = (call.id("member")?, call.id("identity")?);
    match call.signed_in.as_ref().filter(|me| me.member.id == member) {
        Some(me) => app.unlink_own_identity(me, &call.ctx, member, identity).await?,
        None => app.unlink_identity(&call.ctx, member, identity).await?,
    }
    Ok(done())
}
