//! The first run: the organization that is made at first start, the set-up code, the first owner; and the admins
//! that the command line makes.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::app::App;
use crate::app::error::{Error, Result};
use crate::app::passwords::check_new;
use crate::app::provision::target;
use crate::app::sessions::{AtProvider, NewSession, Visitor, begin};
use crate::app::throttle::address_key;
use crate::crypto::token;
use crate::model::actor::{Actor, Ctx};
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::email::Email;
use crate::model::id::{MemberId, OrganizationId};
use crate::model::invalid::Invalid;
use crate::model::link::Purpose;
use crate::model::member::{Member, Profile, Source, Status};
use crate::model::organization::{Organization, SignInMode};
use crate::model::role::{DefaultRole, HeldRole, Permission, Permissions, Role};
use crate::model::session::Method;
use crate::model::time::Timestamp;
use crate::model::time::minutes;
use crate::store::{Store, audit, members, organizations, roles};

/// The code that the server printed at this start; kept in memory alone.
#[derive(Debug)]
pub struct SetupCode {
    code: String,
    /// Wrong tries by the address that made them, and the last of each.
    wrong: Mutex<HashMap<String, (u32, Timestamp)>>,
}

const WRONG_TRIES: u32 = 5;
/// So many addresses are told apart; beyond them all wait together.
const ADDRESSES: usize = 1000;

impl SetupCode {
    pub fn new() -> Self {
        Self { code: token::setup_code(), wrong: Mutex::default() }
    }

    /// For the operator's terminal.
    pub fn text(&self) -> &str {
        &self.code
    }

    /// Whether this is the code. After five wrong ones an address is not heard for 15 minutes.
    fn check(&self, typed: &str, ip: Option<&str>, now: Timestamp) -> Result<()> {
        // Nothing typed is no guess.
        if typed.trim().is_empty() {
            let text = "Type the code that the server printed when it started.";
            return Err(Invalid::field("code", "setup_code", text).into());
        }
        let mut wrong = self.wrong.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        wrong.retain(|_, (_, last)| now.since(*last) < minutes(15));
        let mut address = address_key(ip);
        if wrong.len() >= ADDRESSES && !wrong.contains_key(&address) {
            address = "everybody else".into();
        }
        let (tries, last) = wrong.get(&address).copied().unwrap_or((0, now));
        if tries >= WRONG_TRIES {
            return Err(Error::TooMany { retry_after: minutes(15).as_secs() - now.since(last).as_secs() });
        }
        if token::equal(token::read_setup_code(typed).as_bytes(), token::read_setup_code(&self.code).as_bytes()) {
            return Ok(());
        }
        wrong.insert(address, (tries + 1, now));
        let text = "That code doesn't match. It changes at every start; look at the latest.";
        Err(Invalid::field("code", "setup_code", text).into())
    }
}

/// Makes the first organization if there is none.
pub async fn ensure_organization(store: &Store, now: Timestamp) -> Result<()> {
    store
        .write(move |tx| {
            if organizations::count(tx)? > 0 {
                return Ok(());
            }
            let organization = Organization {
                seats: None,
                id: OrganizationId::new(),
                slug: "main".into(),
                name: "My organization".into(),
                default_role: DefaultRole::Role(Role::Member),
                sign_in_mode: SignInMode::Password,
                created_at: now,
                version: 1,
            };
            organizations::insert(tx, &organization)?;
            let ctx = system(&organization.id, now);
            let event = NewEvent::new(
                Action::OrganizationCreated,
                Target::new("organization", &organization.id, "My organization"),
            );
            audit::insert(tx, &ctx, &event)?;
            Ok(())
        })
        .await
}

/// Doorward itself acts, at start or in a job.
pub fn system(organization: &OrganizationId, now: Timestamp) -> Ctx {
    Ctx {
        organization: organization.clone(),
        actor: Actor::System,
        permissions: Permissions::all(),
        session: None,
        ip: None,
        user_agent: None,
        request_id: "system".into(),
        now,
        seen: None,
    }
}

/// The operator on the host may do everything.
pub fn command_line(organization: &OrganizationId, now: Timestamp) -> Ctx {
    Ctx { actor: Actor::CommandLine, request_id: "command-line".into(), ..system(organization, now) }
}

/// What the command line gets for a new admin.
#[derive(Debug)]
pub enum AdminMade {
    WithPassword,
    /// A one-time link to set the password.
    Link(String),
}

impl App {
    /// The organization that a request without a session means: the one named, else the only one.
    pub async fn find_organization(&self, slug: Option<&str>) -> Result<Organization> {
        let slug = slug.map(str::to_owned);
        self.store
            .read(move |tx| {
                let found = match &slug {
                    Some(slug) => organizations::find_by_slug(tx, slug)?,
                    None => organizations::find_first(tx)?,
                };
                found.ok_or(Error::NotFound("organization"))
            })
            .await
    }

    /// The sign-in mode of the caller's organization, as it is now.
    pub async fn find_mode(&self, ctx: &Ctx) -> Result<SignInMode> {
        let id = ctx.organization.clone();
        let found = self.store.read(move |tx| organizations::find(tx, &id).map_err(Error::from)).await?;
        Ok(found.ok_or(Error::NotFound("organization"))?.sign_in_mode)
    }

    /// Whether the first owner is still to be made.
    pub async fn needs_setup(&self) -> Result<bool> {
        if self.is_set_up.load(std::sync::atomic::Ordering::Relaxed) {
            return Ok(false);
        }
        let has_admin: bool = self
            .store
            .read(|tx| {
                let Some(organization) = organizations::find_first(tx)? else { return Ok::<_, Error>(false) };
                Ok(roles::has_other_admin(tx, &organization.id, None)?)
            })
            .await?;
        self.is_set_up.store(has_admin, std::sync::atomic::Ordering::Relaxed);
        Ok(!has_admin)
    }

    pub async fn check_setup_code(&self, typed: &str, visitor: &Visitor) -> Result<()> {
        if !self.needs_setup().await? {
            return Err(Error::NotFound("page"));
        }
        self.setup_code.check(typed, visitor.ip.as_deref(), visitor.now)
    }

    /// The first owner, by the set-up code; signs in at once.
    pub async fn create_first_owner(
        &self,
        visitor: &Visitor,
        email: &str,
        name: &str,
        organization_name: &str,
        password: String,
    ) -> Result<NewSession> {
        let mut invalid = Invalid::new();
        let email = Email::parse(email);
        if email.is_none() {
            invalid.add("email", "email", "Use one address such as ada@example.com.");
        }
        if let Err(Error::Invalid(weak)) = check_new("password", &password) {
            invalid.errors.extend(weak.errors);
        }
        let organization_name = organization_name.trim().to_owned();
        if organization_name.chars().count() > 100 || organization_name.chars().any(char::is_control) {
            invalid.add("organization", "too_long", "Use at most 100 characters, on one line.");
        }
        let Some(email) = email.filter(|_| invalid.is_empty()) else { return Err(invalid.into()) };
        let hash = self.hasher.hash(password).await?;
        let (secret, organization) = (token::session(), self.find_organization(None).await?);
        let member = new_admin(&organization, email, name, Role::Owner, visitor.now);
        let (visitor, sealed, id) = (visitor.clone(), secret.clone(), member.id.clone());
        self.store
            .write(move |tx| {
                if roles::has_other_admin(tx, &organization.id, None)? {
                    return Err(Error::conflict(
                        "already_set_up",
                        "Somebody has set this up already. Sign in instead.",
                    ));
                }
                if !organization_name.is_empty() {
                    organizations::update_name(tx, &organization.id, &organization_name)?;
                }
                members::insert(tx, &member, Some(&hash))?;
                let actor = Actor::Member { id: member.id.clone(), name: member.email.as_str().to_owned() };
                let ctx = visitor.ctx(&organization.id, actor);
                audit::insert(
                    tx,
                    &ctx,
                    &NewEvent::new(Action::MemberCreated, target(&member)).change(
                        "roles",
                        serde_json::Value::Null,
                        vec!["owner"],
                    ),
                )?;
                begin(tx, &visitor, &member, Method::Password, &sealed, AtProvider::default())?;
                Ok(())
            })
            .await?;
        Ok(NewSession { token: secret, member: id })
    }

    /// `doorward admin create`: an admin, the first of an organization its owner.
    pub async fn create_admin(
        &self,
        ctx: &Ctx,
        email: &str,
        name: &str,
        password: Option<String>,
    ) -> Result<AdminMade> {
        let email = Email::parse(email)
            .ok_or_else(|| Invalid::field("email", "email", "Use one address such as ada@example.com."))?;
        let hash = match password {
            Some(password) => {
                check_new("password", &password)?;
                Some(self.hasher.hash(password).await?)
            }
            None => None,
        };
        let organization = {
            let id = ctx.organization.clone();
            self.store.read(move |tx| organizations::find(tx, &id)?.ok_or(Error::NotFound("organization"))).await?
        };
        let has_password = hash.is_some();
        let (context, name) = (ctx.clone(), name.to_owned());
        let id: MemberId = self
            .store
            .write(move |tx| {
                let ctx = &context;
                let first = !roles::has_other_admin(tx, &ctx.organization, None)?;
                let role = if first { Role::Owner } else { Role::Admin };
                if !members::list_by_email(tx, &ctx.organization, &email)?.is_empty() {
                    let text = format!(
                        "{email} already has an account here. Use `doorward admin recover` to let them back in."
                    );
                    return Err(Error::conflict("email_taken", text));
                }
                let member = new_admin(&organization, email.clone(), &name, role, ctx.now);
                members::insert(tx, &member, hash.as_deref())?;
                let event = NewEvent::new(Action::MemberCreated, target(&member)).change(
                    "roles",
                    serde_json::Value::Null,
                    vec![role.slug()],
                );
                audit::insert(tx, ctx, &event)?;
                Ok(member.id)
            })
            .await?;
        if has_password {
            return Ok(AdminMade::WithPassword);
        }
        let (url, _) = self.create_link(ctx, id, Purpose::Password).await?;
        Ok(AdminMade::Link(url))
    }

    /// `doorward admin recover`: the way back in for an admin who is locked out.
    pub async fn recover_admin(&self, ctx: &Ctx, email: &str) -> Result<String> {
        crate::app::access::require(ctx, Permission::MembersWrite)?;
        let email = Email::parse(email)
            .ok_or_else(|| Invalid::field("email", "email", "Use one address such as ada@example.com."))?;
        let organization = ctx.organization.clone();
        let found =
            self.store.read(move |tx| members::list_by_email(tx, &organization, &email).map_err(Error::from)).await?;
        let member = found.into_iter().find(|member| member.is_admin()).ok_or(Error::NotFound("admin"))?;
        let (id, now, organization) = (member.id.clone(), ctx.now, ctx.organization.clone());
        // A deactivated admin is let back in: this is the last way there is.
        if !member.is_active() {
            let context = ctx.clone();
            self.store
                .write(move |tx| -> Result<()> {
                    let Some(mut member) = members::find(tx, &organization, &id)? else {
                        return Err(Error::NotFound("admin"));
                    };
                    member.status = Status::Active;
                    member.deactivated_at = None;
                    members::update(tx, &member)?;
                    audit::insert(
                        tx,
                        &Ctx { now, ..context.clone() },
                        &NewEvent::new(Action::MemberReactivated, target(&member)),
                    )?;
                    Ok(())
                })
                .await?;
        }
        let (url, _) = self.create_link(ctx, member.id, Purpose::Recovery).await?;
        Ok(url)
    }
}

fn new_admin(organization: &Organization, email: Email, name: &str, role: Role, now: Timestamp) -> Member {
    let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    Member {
        id: MemberId::new(),
        organization: organization.id.clone(),
        email,
        profile: Profile { name, ..Profile::default() },
        status: Status::Active,
        source: Source::Manual,
        directory: None,
        has_password: true,
        roles: vec![HeldRole::local(role)],
        created_at: now,
        deactivated_at: None,
        last_seen_at: None,
        version: 1,
    }
}
