//! Roles: those that admins name, what each grants, and who is given which here.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::app::lock::Lock;
use crate::app::members::{MemberView, find_unchanged, require_rank, view};
use crate::app::provision::target;
use crate::app::runs::PATIENCE;
use crate::app::teams::tell_left;
use crate::model::access_role::{RoleInput, check_distinct, check_slug, is_reserved, slug_of};
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::id::{MemberId, OrganizationId};
use crate::model::invalid::Invalid;
use crate::model::member::Member;
use crate::model::page::Window;
use crate::model::role::{AccessRole, AnyRole, HeldRole, Permission, Permissions, Role};
use crate::model::run::{Run, Subject};
use crate::saml::error::brief;
use crate::store::members::Filter;
use crate::store::{ReadTx, WriteTx, audit, mappings, members, roles, runs, sessions};

/// An organization keeps so many at most; more are groups by another name.
const MOST: usize = 200;
/// Holders of a role are counted so far for a page; who holds it is one click away.
pub const HOLDERS_SHOWN: u32 = 1_000;
/// Members changed in one transaction of a change of many.
const AT_ONCE: usize = 100;

/// A role, and how many active members hold it: those whom the list of members shows unless asked for others.
#[derive(Debug, Clone)]
pub struct RoleView {
    pub role: AnyRole,
    pub holders: u32,
}

/// What a change of many members did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    pub changed: u64,
    /// They hold more than the caller, or are the last admin.
    pub left_alone: u64,
}

fn role_target(role: &AccessRole) -> Target {
    Target::new("role", &role.slug, &role.name)
}

fn names(permissions: Permissions) -> Vec<&'static str> {
    permissions.iter().map(Permission::as_str).collect()
}

/// Nobody makes, changes or takes away a role that reaches further than their own.
fn require_reach(ctx: &Ctx, permissions: Permissions) -> Result<()> {
    if ctx.permissions.contains(permissions) {
        return Ok(());
    }
    Err(Error::refused(
        "role_above_yours",
        "This role grants more than you hold yourself. Leave those permissions out, or ask an owner.",
    ))
}

fn find_access(tx: &ReadTx<'_>, ctx: &Ctx, slug: &str, version: Option<i64>) -> Result<AccessRole> {
    if slug.parse::<Role>().is_ok() {
        return Err(Error::conflict(
            "role_built_in",
            "Built-in roles stay as they are. Make an access role beside it.",
        ));
    }
    let role = roles::find_access(tx, &ctx.organization, slug)?.ok_or(Error::NotFound("role"))?;
    if !ctx.has_seen(role.version) || version.is_some_and(|version| version != role.version) {
        return Err(Error::Changed);
    }
    Ok(role)
}

/// Built-in and access roles, the highest first.
pub(super) fn all(tx: &ReadTx<'_>, organization: &OrganizationId) -> Result<Vec<AnyRole>> {
    let own = roles::list_access(tx, organization)?.into_iter().map(|role| AnyRole::Access(Arc::new(role)));
    let mut all: Vec<AnyRole> = Role::ALL.into_iter().map(AnyRole::from).chain(own).collect();
    all.sort_by(|a, b| a.order().cmp(&b.order()));
    Ok(all)
}

/// The roles of an organization, read once for all that an input names.
pub(super) struct KnownRoles(Vec<AnyRole>);

impl KnownRoles {
    pub fn read(tx: &ReadTx<'_>, organization: &OrganizationId) -> Result<Self> {
        Ok(Self(all(tx, organization)?))
    }

    /// What a role is called; its slug where it is gone.
    pub fn name(&self, slug: &str) -> String {
        self.0.iter().find(|role| role.slug() == slug).map_or_else(|| slug.to_owned(), |role| role.name().to_owned())
    }

    /// The roles of these slugs, each once. Of slugs that name none the first is told: a list of them is a mistake of one
    /// kind, and an answer must not grow with what somebody sends.
    pub fn resolve(&self, invalid: &mut Invalid, field: &'static str, slugs: &[String]) -> Vec<AnyRole> {
        if slugs.len() > MOST {
            invalid.add(field, "too_many_roles", format!("Name at most {MOST} roles; there are no more than that."));
            return Vec::new();
        }
        let wanted: BTreeSet<&str> = slugs.iter().map(String::as_str).collect();
        let found: Vec<AnyRole> = self.0.iter().filter(|role| wanted.contains(role.slug())).cloned().collect();
        let unknown = slugs.iter().find(|slug| !found.iter().any(|role| role.slug() == slug.as_str()));
        if let Some(slug) = unknown {
            let known = self.0.iter().map(AnyRole::slug).take(20).collect::<Vec<_>>().join(", ");
            let text = format!("There is no role `{}`. The roles are {known}.", brief(slug.clone()));
            invalid.add(field, "no_such_role", text);
        }
        found
    }
}

pub(super) fn resolve(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    invalid: &mut Invalid,
    field: &'static str,
    slugs: &[String],
) -> Result<Vec<AnyRole>> {
    Ok(KnownRoles::read(tx, organization)?.resolve(invalid, field, slugs))
}

/// The last active admin cannot go, nor the last owner: somebody must be able to get in. `next` is what the member holds
/// afterwards.
pub(super) fn keep_an_admin(tx: &WriteTx<'_>, ctx: &Ctx, member: &Member, next: &[HeldRole]) -> Result<()> {
    let loses_admin = member.is_admin() && !next.iter().any(|held| held.role.is_admin());
    if loses_admin && !roles::has_other_admin(tx, &ctx.organization, Some(&member.id))? {
        let text = "This would leave no admin. Give somebody else the Admin role first.";
        return Err(Error::conflict("lockout_last_admin", text));
    }
    let is_owner = |roles: &[HeldRole]| roles.iter().any(|held| held.role.is(Role::Owner));
    if is_owner(&member.roles) && !is_owner(next) && !roles::has_other_owner(tx, &ctx.organization, Some(&member.id))? {
        return Err(Error::conflict(
            "lockout_last_admin",
            "This would leave no owner. Make somebody else an owner first.",
        ));
    }
    Ok(())
}

/// Makes those roles of a member exactly these that people may change: what is given here, and what a directory left that is
/// off. False where nothing changed.
fn give(tx: &WriteTx<'_>, ctx: &Ctx, lock: &Lock, member: &mut Member, ours: Vec<HeldRole>) -> Result<bool> {
    let slugs = |roles: &[HeldRole]| roles.iter().map(|held| held.role.slug().to_owned()).collect::<Vec<_>>();
    let is_gone = |held: &&HeldRole| lock.leaves(&held.from) && !ours.contains(held);
    let gone: Vec<HeldRole> = member.roles.iter().filter(is_gone).cloned().collect();
    let mut next: Vec<HeldRole> = member.roles.iter().filter(|held| !lock.leaves(&held.from)).cloned().collect();
    next.extend(ours);
    next.sort_by(|a, b| a.role.order().cmp(&b.role.order()));
    if member.is_active() {
        keep_an_admin(tx, ctx, member, &next)?;
    }
    let event = NewEvent::new(Action::MemberRolesChanged, target(member));
    let event = event.change("roles", slugs(&member.roles), slugs(&next));
    for held in &gone {
        roles::delete(tx, &member.id, held.role.slug(), &held.from)?;
    }
    for held in next.iter().filter(|held| held.is_local()) {
        roles::insert(tx, &member.organization, &member.id, held.role.slug(), &held.from)?;
    }
    let has_changed = !event.changes.is_empty() || !gone.is_empty();
    if has_changed {
        let left: BTreeSet<String> = gone.into_iter().map(|held| held.from).collect();
        audit::insert(tx, ctx, &tell_left(tx, event, &left.into_iter().collect::<Vec<_>>())?)?;
        members::update(tx, member)?;
        // Whoever could hand out a link before may not be allowed to now.
        sessions::delete_links_of_member(tx, &member.id)?;
        member.version += 1;
    }
    member.roles = next;
    Ok(has_changed)
}

impl App {
    /// Built-in and access roles, the highest first; holders are counted as far as `most`.
    pub async fn list_roles(&self, ctx: &Ctx, most: u32) -> Result<Vec<RoleView>> {
        access::require(ctx, Permission::RolesRead)?;
        let organization = ctx.organization.clone();
        let read = move |tx: &ReadTx<'_>| -> Result<_> {
            let view = |role: AnyRole| -> Result<RoleView> {
                Ok(RoleView { holders: roles::count_holders(tx, &organization, role.slug(), most)?, role })
            };
            all(tx, &organization)?.into_iter().map(view).collect()
        };
        if most > HOLDERS_SHOWN { self.store.read_slowly(read).await } else { self.store.read(read).await }
    }

    /// The roles that one may choose from, without their holders.
    pub async fn role_choices(&self, ctx: &Ctx) -> Result<Vec<AnyRole>> {
        let organization = ctx.organization.clone();
        self.store.read(move |tx| all(tx, &organization)).await
    }

    pub async fn find_role(&self, ctx: &Ctx, slug: &str) -> Result<RoleView> {
        access::require(ctx, Permission::RolesRead)?;
        let (organization, slug) = (ctx.organization.clone(), slug.to_owned());
        self.store
            .read(move |tx| {
                let role = roles::find(tx, &organization, &slug)?.ok_or(Error::NotFound("role"))?;
                Ok(RoleView { holders: roles::count_holders(tx, &organization, role.slug(), HOLDERS_SHOWN)?, role })
            })
            .await
    }

    pub async fn create_role(&self, ctx: &Ctx, input: RoleInput) -> Result<RoleView> {
        access::require(ctx, Permission::RolesWrite)?;
        let mut role = AccessRole {
            slug: String::new(),
            name: String::new(),
            description: String::new(),
            permissions: Permissions::NONE,
            rank: 0,
            version: 1,
        };
        input.apply(&mut role)?;
        require_reach(ctx, role.permissions)?;
        role.slug = match &input.slug {
            Some(slug) => slug.trim().to_owned(),
            None => slug_of(&role.name),
        };
        if input.slug.is_none() && is_reserved(&role.slug) {
            let text = format!("{} is a built-in role. Give this one another name.", role.name);
            return Err(Invalid::field("name", "slug_reserved", text).into());
        }
        check_slug(&role.slug)?;
        // Whoever held one of this name before it was deleted must not hold this one.
        let subject = Subject::Role(role.slug.clone());
        self.finish_run(ctx, subject.clone(), None).await;
        let ctx = ctx.clone();
        self.store
            .write(move |tx| -> Result<_> {
                if runs::find(tx, &ctx.organization, &subject)?.is_some() {
                    let text =
                        "A role of this name was just deleted, and not everybody has left it. Try again in a minute.";
                    return Err(Invalid::field("slug", "role_taken", text).into());
                }
                let all = roles::list_access(tx, &ctx.organization)?;
                if all.len() >= MOST {
                    let text = format!("There are {MOST} access roles already. Delete one that nobody needs.");
                    return Err(Error::conflict("too_many_roles", text));
                }
                let field = if input.slug.is_some() { "slug" } else { "name" };
                if all.iter().any(|known| known.slug == role.slug) {
                    let text = "There is a role by that name already. Change that one, or use another name.";
                    return Err(Invalid::field(field, "role_taken", text).into());
                }
                check_distinct(&all, &role, field)?;
                roles::insert_access(tx, &ctx.organization, &role)?;
                let event = NewEvent::new(Action::RoleCreated, role_target(&role));
                let event = event.change("permissions", serde_json::Value::Null, names(role.permissions));
                audit::insert(tx, &ctx, &event)?;
                Ok(RoleView { role: AnyRole::Access(Arc::new(role.clone())), holders: 0 })
            })
            .await
    }

    pub async fn update_role(&self, ctx: &Ctx, slug: &str, input: RoleInput, version: Option<i64>) -> Result<RoleView> {
        access::require(ctx, Permission::RolesWrite)?;
        let (context, slug) = (ctx.clone(), slug.to_owned());
        let changed: AccessRole = self
            .store
            .write(move |tx| -> Result<_> {
                let ctx = &context;
                let mut role = find_access(tx, ctx, &slug, version)?;
                let before = role.clone();
                input.apply(&mut role)?;
                require_reach(ctx, before.permissions.union(role.permissions))?;
                let all = roles::list_access(tx, &ctx.organization)?;
                if role.name != before.name {
                    check_distinct(&all, &role, "name")?;
                }
                let event = NewEvent::new(Action::RoleUpdated, role_target(&role))
                    .change("name", before.name, role.name.clone())
                    .change("description", before.description, role.description.clone())
                    .change("permissions", names(before.permissions), names(role.permissions))
                    .change("rank", i64::from(before.rank), i64::from(role.rank));
                if !event.changes.is_empty() {
                    roles::update_access(tx, &ctx.organization, &role)?;
                    if !before.permissions.contains(role.permissions) {
                        roles::update_grown(tx, &ctx.organization, &role.slug, ctx.now)?;
                    }
                    audit::insert(tx, ctx, &event)?;
                    role.version += 1;
                }
                Ok(role)
            })
            .await?;
        self.find_role(ctx, &changed.slug).await
    }

    /// Whoever holds it holds it no more. One that a mapping gives stays until the mapping is changed.
    pub async fn delete_role(&self, caller: &Ctx, slug: &str, version: Option<i64>) -> Result<()> {
        access::require(caller, Permission::RolesWrite)?;
        let (ctx, slug) = (caller.clone(), slug.to_owned());
        let subject = Subject::Role(slug.clone());
        self.store
            .write(move |tx| {
                let role = find_access(tx, &ctx, &slug, version)?;
                require_reach(&ctx, role.permissions)?;
                if let Some(connection) = mappings::find_user_of_role(tx, &ctx.organization, &slug)? {
                    let text = format!("The role mappings of {connection} give this role. Take it out there first.");
                    return Err(Error::conflict("role_in_use", text));
                }
                roles::delete_access(tx, &ctx.organization, &slug)?;
                let subject = Subject::Role(slug.clone());
                runs::put(tx, &Run::new(&ctx.organization, subject, role.version, ctx.now))?;
                audit::insert(tx, &ctx, &NewEvent::new(Action::RoleDeleted, role_target(&role)))?;
                Ok::<_, Error>(())
            })
            .await?;
        self.finish_run(caller, subject, Some(PATIENCE)).await;
        Ok(())
    }

    /// Makes the roles given here exactly these, with those that a directory left which is off; roles from a connection or an
    /// enabled directory stay.
    pub async fn set_member_roles(&self, ctx: &Ctx, id: MemberId, slugs: Vec<String>) -> Result<MemberView> {
        access::require(ctx, Permission::RolesGrant)?;
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                let mut member = find_unchanged(tx, &ctx, &id, None)?;
                let mut invalid = Invalid::new();
                let roles = resolve(tx, &ctx.organization, &mut invalid, "roles", &slugs)?;
                invalid.or(())?;
                require_rank(&ctx, &member)?;
                roles.iter().try_for_each(|role| access::require_grant(&ctx, role))?;
                let ours = roles.into_iter().map(HeldRole::local).collect();
                give(tx, &ctx, &Lock::read(tx, &ctx)?, &mut member, ours)?;
                view(tx, member)
            })
            .await
    }

    /// Gives roles to everybody whom the filter finds, or takes them away. Runs in steps, each complete in itself, so
    /// that a whole company does not hold up its own sign-ins.
    pub async fn change_roles_of_all(
        &self,
        ctx: &Ctx,
        filter: Filter,
        add: Vec<String>,
        remove: Vec<String>,
    ) -> Result<Given> {
        access::require(ctx, Permission::RolesGrant)?;
        access::require(ctx, Permission::MembersRead)?;
        let (organization, context, role) = (ctx.organization.clone(), ctx.clone(), filter.role.clone());
        let change: (Vec<AnyRole>, Vec<AnyRole>) = self
            .store
            .read(move |tx| -> Result<_> {
                let mut invalid = Invalid::new();
                let added = resolve(tx, &organization, &mut invalid, "add", &add)?;
                let removed = resolve(tx, &organization, &mut invalid, "remove", &remove)?;
                resolve(tx, &organization, &mut invalid, "filter/role", role.as_slice())?;
                if added.is_empty() && removed.is_empty() && invalid.is_empty() {
                    invalid.add("add", "roles_none", "Choose a role to give or to take away.");
                }
                if added.iter().any(|role| removed.contains(role)) {
                    invalid.add("remove", "role_twice", "A role can be given or taken away, not both.");
                }
                invalid.or(())?;
                added.iter().chain(&removed).try_for_each(|role| access::require_grant(&context, role))?;
                Ok((added, removed))
            })
            .await?;
        if filter.text.is_some() {
            self.settle_member_texts().await;
        }
        let (change, filter) = (Arc::new(change), Arc::new(filter));
        let (mut given, mut window) = (Given::default(), Window::first(AT_ONCE));
        loop {
            let (ctx, change, filter) = (ctx.clone(), Arc::clone(&change), Arc::clone(&filter));
            let page = {
                let (organization, filter, window) = (ctx.organization.clone(), Arc::clone(&filter), window.clone());
                self.store
                    .read_slowly(move |tx| members::list(tx, &organization, &filter, &window).map_err(Error::from))
                    .await?
            };
            let ids: Vec<MemberId> = page.rows.into_iter().map(|member| member.id).collect();
            let step: Given = self.store.write(move |tx| change_some(tx, &ctx, &ids, &change.0, &change.1)).await?;
            given.changed += step.changed;
            given.left_alone += step.left_alone;
            match page.next {
                Some(next) => window.after = Some(next),
                None => return Ok(given),
            }
        }
    }
}

fn change_some(tx: &WriteTx<'_>, ctx: &Ctx, ids: &[MemberId], add: &[AnyRole], remove: &[AnyRole]) -> Result<Given> {
    let (mut given, lock) = (Given::default(), Lock::read(tx, ctx)?);
    for mut member in members::list_by_ids(tx, &ctx.organization, &ids.iter().collect::<Vec<_>>())? {
        let held = member.roles.iter().filter(|held| lock.leaves(&held.from) && !remove.contains(&held.role));
        let mut ours: Vec<HeldRole> = held.cloned().collect();
        let added = add.iter().filter(|role| !ours.iter().any(|held| held.is_local() && held.role == **role));
        ours.extend(added.cloned().map(HeldRole::local).collect::<Vec<_>>());
        let done = match require_rank(ctx, &member) {
            Ok(()) => give(tx, ctx, &lock, &mut member, ours),
            Err(error) => Err(error),
        };
        match done {
            Ok(true) => given.changed += 1,
            Ok(false) => {}
            Err(Error::Refused { .. } | Error::Conflict { .. }) => given.left_alone += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(given)
}
