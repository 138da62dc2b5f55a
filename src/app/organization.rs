//! The organization's own settings.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::invalid::Invalid;
use crate::model::organization::{MOST_SEATS, Organization};
use crate::model::role::{DefaultRole, Permission};
use crate::store::{audit, organizations};

/// All of it, as an admin says it.
#[derive(Debug, Clone, Default)]
pub struct OrganizationInput {
    pub name: String,
    pub slug: String,
    pub default_role: String,
    /// None: any number.
    pub seats: Option<i64>,
}

impl OrganizationInput {
    fn check(self) -> Result<(String, String, DefaultRole, Option<u32>), Invalid> {
        let mut invalid = Invalid::new();
        let (name, slug) = (self.name.trim().to_owned(), self.slug.trim().to_owned());
        if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
            let text = "Give it a name of 1 to 80 characters, on one line; people see it where they sign in.";
            invalid.add("name", "name", text);
        }
        if !Organization::is_slug(&slug) {
            let text = "Use 1 to 63 lower-case letters a to z, digits and hyphens, without a hyphen at either end, such as acme.";
            invalid.add("slug", "slug", text);
        }
        let role = self.default_role.parse().unwrap_or_else(|_| {
            invalid.add("default_role", "no_such_role", "Use member, developer, admin, owner or none.");
            DefaultRole::None
        });
        let seats = self.seats.map(|seats| u32::try_from(seats).ok().filter(|seats| (1..=MOST_SEATS).contains(seats)));
        if seats == Some(None) {
            let text = "Use a whole number from 1 to 1000000, or leave it out for no limit.";
            invalid.add("seats", "seats", text);
        }
        invalid.or((name, slug, role, seats.flatten()))
    }
}

impl App {
    pub async fn find_own_organization(&self, ctx: &Ctx) -> Result<Organization> {
        access::require(ctx, Permission::OrganizationRead)?;
        let id = ctx.organization.clone();
        self.store.read(move |tx| organizations::find(tx, &id)?.ok_or(Error::NotFound("organization"))).await
    }

    /// Replaces name, slug, default role and seats. Fewer seats than members take nobody's away.
    pub async fn update_organization(
        &self,
        ctx: &Ctx,
        input: OrganizationInput,
        version: Option<i64>,
    ) -> Result<Organization> {
        access::require(ctx, Permission::OrganizationWrite)?;
        let (name, slug, default_role, seats) = input.check()?;
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                let mut organization =
                    organizations::find(tx, &ctx.organization)?.ok_or(Error::NotFound("organization"))?;
                if !ctx.has_seen(organization.version) || version.is_some_and(|seen| seen != organization.version) {
                    return Err(Error::Changed);
                }
                // Whoever leaves it as it is gives nothing.
                if let DefaultRole::Role(role) = default_role
                    && default_role != organization.default_role
                {
                    access::require_grant(&ctx, &role.into())?;
                }
                if organizations::find_by_slug(tx, &slug)?.is_some_and(|other| other.id != organization.id) {
                    let text = format!("Another organization here is called `{slug}` already. Choose another word.");
                    return Err(Invalid::field("slug", "slug_taken", text).into());
                }
                let target = Target::new("organization", &organization.id, &name);
                let event = NewEvent::new(Action::OrganizationUpdated, target)
                    .change("name", organization.name.as_str(), name.as_str())
                    .change("slug", organization.slug.as_str(), slug.as_str())
                    .change("default_role", organization.default_role.as_str(), default_role.as_str())
                    .change("seats", organization.seats, seats);
                if event.changes.is_empty() {
                    return Ok(organization);
                }
                organization.name.clone_from(&name);
                organization.slug.clone_from(&slug);
                organization.default_role = default_role;
                organization.seats = seats;
                organizations::update(tx, &organization)?;
                organization.version += 1;
                audit::insert(tx, &ctx, &event)?;
                Ok(organization)
            })
            .await
    }

    /// What is of the whole instance is shown to admins of the organization that owns it.
    pub async fn require_instance_reader(&self, ctx: &Ctx) -> Result<()> {
        access::require(ctx, Permission::OrganizationRead)?;
        if self.is_of_instance(ctx).await? { Ok(()) } else { Err(Error::Forbidden(Permission::InstanceWrite)) }
    }

    async fn is_of_instance(&self, ctx: &Ctx) -> Result<bool> {
        let first = self.store.read(|tx| organizations::find_first(tx).map_err(Error::from)).await?;
        Ok(first.is_some_and(|first| first.id == ctx.organization))
    }

    /// Owners of the instance are told what is inside its network; others keep the sentence without it.
    pub(super) async fn tell_inside(&self, ctx: &Ctx, mut invalid: Invalid) -> Result<Invalid> {
        if invalid.errors.iter().any(|error| error.inside.is_some()) {
            let may_know = ctx.may(Permission::InstanceWrite) && self.is_of_instance(ctx).await?;
            for error in &mut invalid.errors {
                let inside = error.inside.take().filter(|_| may_know);
                error.text = inside.unwrap_or_else(|| std::mem::take(&mut error.text));
            }
        }
        Ok(invalid)
    }
}
