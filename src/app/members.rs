//! Members, as admins manage them.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::app::lock::{Act, require_uncovered, require_unlocked};
use crate::app::provision::directory::is_covered;
use crate::app::provision::{differences, target};
use crate::app::roles::{keep_an_admin, resolve};
use crate::app::seats::{active, require_seat};
use crate::crypto::token;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent};
use crate::model::directory::Directory;
use crate::model::email::Email;
use crate::model::group;
use crate::model::id::{LinkId, MemberId};
use crate::model::invalid::Invalid;
use crate::model::link::{self, Link, Purpose};
use crate::model::member::{Identity, Member, Profile, Source, Status};
use crate::model::page::{Page, Window};
use crate::model::role::{HeldRole, Permission, Role};
use crate::model::scim::ScimUser;
use crate::store::WriteTx;
pub use crate::store::members::Filter;
use crate::store::{audit, directories, groups, member_search, members, scim_users, sessions, teams};

/// What an admin says about a member. `None` leaves a field alone, `Some(None)` empties it.
#[derive(Debug, Clone, Default)]
pub struct MemberInput {
    pub email: Option<String>,
    pub name: Option<Option<String>>,
    pub given_name: Option<Option<String>>,
    pub family_name: Option<Option<String>>,
    pub job_title: Option<Option<String>>,
    pub roles: Option<Vec<String>>,
}

/// A member with all that a page or the API shows.
#[derive(Debug, Clone)]
pub struct MemberView {
    pub member: Member,
    pub groups: Vec<String>,
    pub teams: Vec<String>,
    /// `Group:{name}` for each group, and what mappings gave.
    pub tags: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct MemberDetail {
    pub view: MemberView,
    pub identities: Vec<(Identity, String)>,
    /// What directories call them, and which directory.
    pub users: Vec<(ScimUser, Directory)>,
    /// Other members of the same address.
    pub same_address: Vec<Member>,
}

fn tidy(invalid: &mut Invalid, field: &'static str, value: Option<Option<String>>) -> Option<Option<String>> {
    let value = value.map(|value| value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()));
    if let Some(Some(text)) = &value
        && (text.chars().count() > 200 || text.chars().any(char::is_control))
    {
        invalid.add(field, "too_long", "Use at most 200 characters, on one line.");
    }
    value
}

fn parse_email(invalid: &mut Invalid, text: &str) -> Option<Email> {
    let email = Email::parse(text);
    if email.is_none() {
        invalid.add("email", "email", "Use one address such as ada@example.com.");
    }
    email
}

/// Who is above somebody may not be changed by them.
pub(super) fn require_rank(ctx: &Ctx, member: &Member) -> Result<()> {
    let held = crate::model::role::permissions_of(&member.roles);
    if ctx.permissions.contains(held) {
        return Ok(());
    }
    Err(Error::refused("role_above_yours", "This member holds more than your own role. Ask an owner."))
}

/// The member, if it is still as the caller saw it.
pub(super) fn find_unchanged(tx: &WriteTx<'_>, ctx: &Ctx, id: &MemberId, version: Option<i64>) -> Result<Member> {
    let member = members::find(tx, &ctx.organization, id)?.ok_or(Error::NotFound("member"))?;
    if !ctx.has_seen(member.version) || version.is_some_and(|version| version != member.version) {
        return Err(Error::Changed);
    }
    Ok(member)
}

/// The one other member who signs in by password with the same address, if any.
fn check_address(tx: &WriteTx<'_>, member: &Member) -> Result<()> {
    let taken =
        members::list_by_email(tx, &member.organization, &member.email)?.into_iter().any(|other| other.id != member.id);
    if taken {
        let text =
            format!("{} already has an account here. Open it in the list, or use another address.", member.email);
        return Err(Invalid::field("email", "email_taken", text).into());
    }
    Ok(())
}

pub(super) fn view(tx: &crate::store::ReadTx<'_>, member: Member) -> Result<MemberView> {
    let groups = groups::list_names_of_member(tx, &member.id)?;
    let tags = groups.iter().map(|name| group::tag(name)).chain(teams::list_tags(tx, &member.id)?).collect();
    let teams = teams::list_names_of_member(tx, &member.id)?;
    Ok(MemberView { member, groups, teams, tags })
}

impl App {
    pub async fn list_members(&self, ctx: &Ctx, filter: Filter, window: Window) -> Result<Page<MemberView>> {
        access::require(ctx, Permission::MembersRead)?;
        if filter.text.as_ref().is_some_and(|text| text.chars().count() > 200) {
            return Err(Invalid::field("q", "too_long", "Search for at most 200 characters.").into());
        }
        let organization = ctx.organization.clone();
        let is_slow = filter.text.is_some();
        let read = move |tx: &crate::store::ReadTx<'_>| -> Result<_> {
            if let Some(role) = &filter.role {
                let mut invalid = Invalid::new();
                resolve(tx, &organization, &mut invalid, "role", std::slice::from_ref(role))?;
                invalid.or(())?;
            }
            let page = members::list(tx, &organization, &filter, &window)?;
            let rows = page.rows.into_iter().map(|member| view(tx, member)).collect::<Result<Vec<_>>>()?;
            Ok(Page { rows, next: page.next })
        };
        if is_slow {
            self.settle_member_texts().await;
            return self.store.read_slowly(read).await;
        }
        self.store.read(read).await
    }

    /// How many the filter finds.
    pub async fn count_found(&self, ctx: &Ctx, filter: Filter) -> Result<u32> {
        access::require(ctx, Permission::MembersRead)?;
        let organization = ctx.organization.clone();
        if filter.text.is_some() {
            self.settle_member_texts().await;
        }
        self.store.read_slowly(move |tx| Ok(members::count_found(tx, &organization, &filter)?)).await
    }

    /// What members can be filtered by: job titles and tags, a hundred of each at most.
    pub async fn list_facets(&self, ctx: &Ctx) -> Result<(Vec<String>, Vec<String>)> {
        access::require(ctx, Permission::MembersRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read(move |tx| {
                let titles = member_search::list_job_titles(tx, &organization, 100)?;
                let mut tags: Vec<String> =
                    groups::list_names(tx, &organization, 100)?.iter().map(|name| group::tag(name)).collect();
                tags.extend(member_search::list_tags(tx, &organization, 100)?);
                Ok((titles, tags))
            })
            .await
    }

    /// Active and deactivated members.
    pub async fn count_members(&self, ctx: &Ctx) -> Result<(u32, u32)> {
        access::require(ctx, Permission::MembersRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read(move |tx| Ok((active(tx, &organization)?, members::count(tx, &organization, Status::Inactive)?)))
            .await
    }

    pub async fn find_member(&self, ctx: &Ctx, id: MemberId) -> Result<MemberView> {
        if ctx.member_id() != Some(&id) {
            access::require(ctx, Permission::MembersRead)?;
        }
        let organization = ctx.organization.clone();
        self.store
            .read(move |tx| {
                let member = members::find(tx, &organization, &id)?.ok_or(Error::NotFound("member"))?;
                view(tx, member)
            })
            .await
    }

    /// With identities (and their connections' names), and what directories call them.
    pub async fn find_member_detail(&self, ctx: &Ctx, id: MemberId) -> Result<MemberDetail> {
        let view = self.find_member(ctx, id.clone()).await?;
        self.store
            .read(move |tx| {
                let mut identities = Vec::new();
                for identity in members::list_identities(tx, &id)? {
                    let connection = crate::store::connections::find_anywhere(tx, &identity.connection)?;
                    let name =
                        connection.map_or_else(|| "a deleted connection".to_owned(), |connection| connection.name);
                    identities.push((identity, name));
                }
                let mut users = Vec::new();
                for (user, directory) in scim_users::list_with_directories(tx, &id)? {
                    if let Some(directory) = directories::find_anywhere(tx, &directory)? {
                        users.push((user, directory));
                    }
                }
                let member = &view.member;
                let mut same_address = members::list_by_email(tx, &member.organization, &member.email)?;
                same_address.retain(|other| other.id != id);
                Ok(MemberDetail { view: view.clone(), identities, users, same_address })
            })
            .await
    }

    pub async fn create_member(&self, ctx: &Ctx, input: MemberInput) -> Result<MemberView> {
        access::require(ctx, Permission::MembersWrite)?;
        let mut invalid = Invalid::new();
        let email = parse_email(&mut invalid, input.email.as_deref().unwrap_or_default());
        let name = tidy(&mut invalid, "name", input.name).flatten();
        let given_name = tidy(&mut invalid, "given_name", input.given_name).flatten();
        let family_name = tidy(&mut invalid, "family_name", input.family_name).flatten();
        let job_title = tidy(&mut invalid, "job_title", input.job_title).flatten();
        let slugs = input.roles.unwrap_or_else(|| vec![Role::Member.slug().to_owned()]);
        let mut profile = Profile { name, given_name, family_name, job_title, picture: None };
        profile.name = profile.display_name();
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                let mut invalid = invalid.clone();
                let mut roles = resolve(tx, &ctx.organization, &mut invalid, "roles", &slugs)?;
                roles.sort_by(|a, b| a.order().cmp(&b.order()));
                let Some(email) = email.clone().filter(|_| invalid.is_empty()) else { return Err(invalid.into()) };
                roles.iter().try_for_each(|role| access::require_grant(&ctx, role))?;
                let member = Member {
                    id: MemberId::new(),
                    organization: ctx.organization.clone(),
                    email,
                    profile: profile.clone(),
                    status: Status::Active,
                    source: Source::Manual,
                    directory: None,
                    has_password: false,
                    roles: roles.into_iter().map(HeldRole::local).collect(),
                    created_at: ctx.now,
                    deactivated_at: None,
                    last_seen_at: None,
                    version: 1,
                };
                require_unlocked(tx, &ctx, Act::Add, None)?;
                require_seat(tx, &ctx.organization, member.email.as_str())?;
                check_address(tx, &member)?;
                members::insert(tx, &member, None)?;
                let slugs: Vec<&str> = member.roles.iter().map(|held| held.role.slug()).collect();
                let event = NewEvent::new(Action::MemberCreated, target(&member));
                audit::insert(tx, &ctx, &event.change("roles", serde_json::Value::Null, slugs))?;
                view(tx, member)
            })
            .await
    }

    /// `version` is what the caller last saw; none writes over whatever is there.
    pub async fn update_member(
        &self,
        ctx: &Ctx,
        id: MemberId,
        input: MemberInput,
        version: Option<i64>,
    ) -> Result<MemberView> {
        access::require(ctx, Permission::MembersWrite)?;
        let mut invalid = Invalid::new();
        let email = input.email.as_deref().map(|text| parse_email(&mut invalid, text));
        let name = tidy(&mut invalid, "name", input.name);
        let given_name = tidy(&mut invalid, "given_name", input.given_name);
        let family_name = tidy(&mut invalid, "family_name", input.family_name);
        let job_title = tidy(&mut invalid, "job_title", input.job_title);
        invalid.or(())?;
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                let mut member = find_unchanged(tx, &ctx, &id, version)?;
                require_rank(&ctx, &member)?;
                require_unlocked(tx, &ctx, Act::Edit, Some(&member))?;
                let before = member.clone();
                if let Some(Some(email)) = &email {
                    member.email = email.clone();
                }
                let profile = &mut member.profile;
                let slots = [
                    (&mut profile.name, &name),
                    (&mut profile.given_name, &given_name),
                    (&mut profile.family_name, &family_name),
                    (&mut profile.job_title, &job_title),
                ];
                for (slot, value) in slots {
                    if let Some(value) = value {
                        slot.clone_from(value);
                    }
                }
                if member.email.normal() != before.email.normal() {
                    check_address(tx, &member)?;
                }
                members::update(tx, &member)?;
                let mut event = NewEvent::new(Action::MemberUpdated, target(&member)).change(
                    "email",
                    before.email.as_str(),
                    member.email.as_str(),
                );
                for (field, old, new) in differences(&before.profile, &member.profile) {
                    event = event.change(field, old, new);
                }
                if !event.changes.is_empty() {
                    audit::insert(tx, &ctx, &event)?;
                }
                member.version += 1;
                view(tx, member)
            })
            .await
    }

    /// One's own name.
    pub async fn rename_self(&self, ctx: &Ctx, name: &str, version: Option<i64>) -> Result<()> {
        let id = ctx.member_id().cloned().ok_or(Error::SignedOut)?;
        let mut invalid = Invalid::new();
        let name = tidy(&mut invalid, "name", Some(Some(name.to_owned()))).flatten();
        if name.is_none() {
            invalid.add("name", "name_empty", "Write your name.");
        }
        invalid.or(())?;
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                let mut member = find_unchanged(tx, &ctx, &id, version)?;
                let event = NewEvent::new(Action::MemberUpdated, target(&member)).change(
                    "name",
                    member.profile.name.clone(),
                    name.clone(),
                );
                member.profile.name.clone_from(&name);
                members::update(tx, &member)?;
                if !event.changes.is_empty() {
                    audit::insert(tx, &ctx, &event)?;
                }
                Ok(())
            })
            .await
    }

    /// Cannot sign in any more; every session ends with it. What they made stays.
    pub async fn deactivate_member(&self, ctx: &Ctx, id: MemberId) -> Result<MemberView> {
        self.set_member_status(ctx, id, Status::Inactive).await
    }

    pub async fn reactivate_member(&self, ctx: &Ctx, id: MemberId) -> Result<MemberView> {
        self.set_member_status(ctx, id, Status::Active).await
    }

    async fn set_member_status(&self, ctx: &Ctx, id: MemberId, status: Status) -> Result<MemberView> {
        access::require(ctx, Permission::MembersWrite)?;
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                let mut member = find_unchanged(tx, &ctx, &id, None)?;
                require_rank(&ctx, &member)?;
                let act = if status == Status::Active { Act::Reactivate } else { Act::Deactivate };
                require_unlocked(tx, &ctx, act, Some(&member))?;
                if member.status == status {
                    return view(tx, member);
                }
                if status == Status::Active {
                    require_seat(tx, &ctx.organization, member.email.as_str())?;
                } else {
                    keep_an_admin(tx, &ctx, &member, &[])?;
                    // Whom people deactivate no other directory lets back in by an address.
                    if !is_covered(tx, &member)? {
                        member.directory = None;
                    }
                    sessions::delete_of_member(tx, &member.id, None)?;
                    sessions::delete_links_of_member(tx, &member.id)?;
                }
                member.status = status;
                member.deactivated_at = (status == Status::Inactive).then_some(ctx.now);
                members::update(tx, &member)?;
                let action =
                    if status == Status::Active { Action::MemberReactivated } else { Action::MemberDeactivated };
                audit::insert(tx, &ctx, &NewEvent::new(action, target(&member)))?;
                member.version += 1;
                view(tx, member)
            })
            .await
    }

    /// Leaves a tombstone: the history stays readable, the address is free for a new person.
    pub async fn delete_member(&self, ctx: &Ctx, id: MemberId) -> Result<()> {
        access::require(ctx, Permission::MembersWrite)?;
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                let member = find_unchanged(tx, &ctx, &id, None)?;
                require_rank(&ctx, &member)?;
                require_unlocked(tx, &ctx, Act::Remove, Some(&member))?;
                if member.is_active() {
                    keep_an_admin(tx, &ctx, &member, &[])?;
                }
                members::delete(tx, &member.id, ctx.now)?;
                audit::insert(tx, &ctx, &NewEvent::new(Action::MemberDeleted, target(&member)))?;
                Ok(())
            })
            .await
    }

    /// A single-use link by which the member sets a password; it ends the links before it. Shown once.
    pub async fn create_password_link(&self, ctx: &Ctx, id: MemberId) -> Result<(String, Link)> {
        access::require(ctx, Permission::MembersWrite)?;
        self.create_link(ctx, id, Purpose::Password).await
    }

    pub(super) async fn create_link(&self, ctx: &Ctx, id: MemberId, purpose: Purpose) -> Result<(String, Link)> {
        let secret = token::new(link::PREFIX);
        let hash = token::hash(&secret);
        let ctx = ctx.clone();
        let link = Link {
            id: LinkId::new(),
            organization: ctx.organization.clone(),
            member: id.clone(),
            purpose,
            created_at: ctx.now,
            expires_at: ctx.now + purpose.lifetime(),
        };
        let made: Link = self
            .store
            .write(move |tx| -> Result<_> {
                let member = members::find(tx, &ctx.organization, &id)?.ok_or(Error::NotFound("member"))?;
                if purpose == Purpose::Password {
                    require_rank(&ctx, &member)?;
                    require_uncovered(tx, &ctx, &member)?;
                }
                if !member.is_active() {
                    return Err(Error::conflict(
                        "member_inactive",
                        "This member is deactivated. Reactivate them first.",
                    ));
                }
                sessions::delete_links_of_member(tx, &id)?;
                sessions::insert_link(tx, &link, &hash)?;
                let action = match purpose {
                    Purpose::Password => Action::PasswordLinkCreated,
                    Purpose::Recovery => Action::RecoveryLinkCreated,
                };
                audit::insert(tx, &ctx, &NewEvent::new(action, target(&member)))?;
                Ok(link.clone())
            })
            .await?;
        Ok((self.urls.join(&format!("/link/{secret}")), made))
    }
}
