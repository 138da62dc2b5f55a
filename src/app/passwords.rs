//! Passwords: signing in by one, setting one by a link, changing one's own.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::app::provision::target;
use crate::app::sessions::{AtProvider, NewSession, SignedIn, Visitor, begin};
use crate::app::throttle::{PER_ACCOUNT_DAY, address_key};
use crate::crypto::password;
use crate::crypto::token;
use crate::model::actor::{Actor, Ctx};
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::email::Email;
use crate::model::id::{MemberId, OrganizationId};
use crate::model::invalid::Invalid;
use crate::model::link::{self, Link, Purpose};
use crate::model::member::Member;
use crate::model::organization::Organization;
use crate::model::role::Permission;
use crate::model::session::Method;
use crate::model::time::Timestamp;
use crate::store::WriteTx;
use crate::store::{audit, members, sessions};

/// What a sign-in by password says when it does not work; equal for unknown and known people.
const REFUSED: &str = "That address and password don't match.";

pub(super) fn check_new(field: &'static str, secret: &str) -> Result<()> {
    password::check_strength(secret).map_err(|weak| Invalid::field(field, "weak_password", weak.to_string()).into())
}

/// What failures are counted under, whether or not there is such an account.
fn account_key(organization: &OrganizationId, address: &str) -> String {
    format!("{organization}\u{1f}{}", address.chars().take(300).collect::<String>())
}

fn day(now: Timestamp) -> i64 {
    now.secs().div_euclid(86_400)
}

impl App {
    /// `device` says that this browser has signed in to the account before: then others' guesses do not lock it out.
    pub async fn sign_in_by_password(
        &self,
        visitor: &Visitor,
        organization: &Organization,
        typed: &str,
        secret: String,
        device: Option<MemberId>,
    ) -> Result<NewSession> {
        if !organization.sign_in_mode.allows_password() {
            return Err(Error::refused("sign_in_mode", "Passwords are turned off here. Use Sign in with SSO."));
        }
        let email = Email::parse(typed);
        let account = email.as_ref().map_or_else(|| typed.to_lowercase(), |email| email.normal().to_owned());
        let account = account_key(&organization.id, &account);
        let address = address_key(visitor.ip.as_deref());
        self.throttle.begin(&account, &address, visitor.now).map_err(|retry_after| Error::TooMany { retry_after })?;
        let found = self.find_by_password(organization, email, visitor.now).await?;
        let is_known_device = found.as_ref().is_some_and(|(member, _, _)| device.as_ref() == Some(&member.id));
        let failures = match &found {
            Some((_, _, failures)) => *failures,
            None => self.throttle.stranger_failures(&account, visitor.now),
        };
        let hash = found.as_ref().map(|(_, hash, _)| hash.clone());
        let checked = self.hasher.verify(secret.clone(), hash).await?;
        // After the hash, and for nobody as for somebody: neither the answer nor its time says who has an account.
        if failures >= PER_ACCOUNT_DAY && !is_known_device {
            return Err(Error::TooMany { retry_after: 900 });
        }
        match found {
            Some((member, _, _)) if checked.ok && member.is_active() => {
                self.throttle.succeeded(&account, &address);
                let rehashed = if checked.needs_rehash { Some(self.hasher.hash(secret).await?) } else { None };
                self.enter_by_password(visitor, member, rehashed).await
            }
            found => {
                if found.is_none() {
                    self.throttle.stranger_failed(&account, visitor.now);
                }
                self.refuse_password(visitor, organization, found.map(|(member, _, _)| member), is_known_device).await
            }
        }
    }

    async fn find_by_password(
        &self,
        organization: &Organization,
        email: Option<Email>,
        now: Timestamp,
    ) -> Result<Option<(Member, String, u32)>> {
        let Some(email) = email else { return Ok(None) };
        let organization = organization.id.clone();
        self.store
            .read(move |tx| {
                let Some((member, hash)) = members::find_password(tx, &organization, &email)? else { return Ok(None) };
                let failures = members::password_failures(tx, &member.id, day(now))?;
                Ok(Some((member, hash, failures)))
            })
            .await
    }

    async fn enter_by_password(
        &self,
        visitor: &Visitor,
        member: Member,
        rehashed: Option<String>,
    ) -> Result<NewSession> {
        let secret = token::session();
        let (visitor, sealed) = (visitor.clone(), secret.clone());
        let id = member.id.clone();
        self.store
            .write(move |tx| -> Result<()> {
                let member = members::find(tx, &member.organization, &member.id)?.filter(Member::is_active);
                let member = member.ok_or_else(|| Error::refused("password_refused", REFUSED))?;
                if let Some(hash) = &rehashed {
                    members::update_password(tx, &member.id, Some(hash))?;
                }
                let session = begin(tx, &visitor, &member, Method::Password, &sealed, AtProvider::default())?;
                let actor = Actor::Member { id: member.id.clone(), name: member.email.as_str().to_owned() };
                let event = NewEvent::new(Action::SignedIn, Target::new("session", &session.id, member.email.as_str()));
                let event = event.change("method", serde_json::Value::Null, "password");
                audit::insert(tx, &visitor.ctx(&member.organization, actor), &event)?;
                Ok(())
            })
            .await?;
        Ok(NewSession { token: secret, member: id })
    }

    /// Counts the failure where the account exists; a stranger's guess at nobody leaves nothing behind.
    async fn refuse_password(
        &self,
        visitor: &Visitor,
        organization: &Organization,
        member: Option<Member>,
        is_known_device: bool,
    ) -> Result<NewSession> {
        if let Some(member) = member {
            let ctx = visitor.ctx(&organization.id, Actor::Stranger);
            self.store
                .write(move |tx| -> Result<()> {
                    if !is_known_device {
                        members::add_password_failure(tx, &member.id, day(ctx.now))?;
                    }
                    // One event for an account and day: the counter tells the rest.
                    if members::password_failures(tx, &member.id, day(ctx.now))? == 1 {
                        let event =
                            NewEvent::new(Action::SignInRefused, target(&member)).refused("password_refused", None);
                        audit::insert(tx, &ctx, &event)?;
                    }
                    Ok(())
                })
                .await?;
        }
        Err(Error::refused("password_refused", REFUSED))
    }

    /// Until when password sign-in of a member is held up after wrong passwords.
    pub fn paused_until(&self, member: &Member, now: Timestamp) -> Option<Timestamp> {
        self.throttle.paused_until(&account_key(&member.organization, member.email.normal()), now)
    }

    /// Ends the pause after wrong passwords.
    pub async fn end_pause(&self, ctx: &Ctx, id: MemberId) -> Result<()> {
        access::require(ctx, Permission::MembersWrite)?;
        let view = self.find_member(ctx, id.clone()).await?;
        let now = ctx.now;
        self.store.write(move |tx| members::delete_password_failures(tx, &id, day(now)).map_err(Error::from)).await?;
        self.throttle.forgive(&account_key(&view.member.organization, view.member.email.normal()));
        Ok(())
    }

    /// What an open one-time link is for, and for whom.
    pub async fn find_link(&self, secret: &str, now: Timestamp) -> Result<(Link, Member)> {
        if !token::is_well_formed(link::PREFIX, secret) {
            return Err(Error::NotFound("link"));
        }
        let hash = token::hash(secret);
        self.store
            .read(move |tx| {
                let link = sessions::find_open_link(tx, &hash, now)?.ok_or(Error::NotFound("link"))?;
                let member = members::find(tx, &link.organization, &link.member)?.filter(Member::is_active);
                Ok((link, member.ok_or(Error::NotFound("link"))?))
            })
            .await
    }

    /// Sets the password that a link allows, ends every other session, and signs in.
    pub async fn set_password_by_link(&self, visitor: &Visitor, secret: &str, new: String) -> Result<NewSession> {
        let (link, member) = self.find_link(secret, visitor.now).await?;
        check_new("password", &new)?;
        let hash = self.hasher.hash(new).await?;
        let token = token::session();
        let (visitor, sealed) = (visitor.clone(), token.clone());
        let id = member.id.clone();
        self.store
            .write(move |tx| -> Result<()> {
                if !sessions::use_link(tx, &link.id, visitor.now)? {
                    return Err(Error::NotFound("link"));
                }
                let actor = Actor::Member { id: member.id.clone(), name: member.email.as_str().to_owned() };
                let ctx = visitor.ctx(&member.organization, actor);
                replace_password(tx, &ctx, &member, &hash)?;
                sessions::delete_of_member(tx, &member.id, None)?;
                let session = begin(tx, &visitor, &member, Method::Password, &sealed, AtProvider::default())?;
                let method = if link.purpose == Purpose::Recovery { "recovery link" } else { "password link" };
                let event = NewEvent::new(Action::SignedIn, Target::new("session", &session.id, member.email.as_str()));
                audit::insert(tx, &ctx, &event.change("method", serde_json::Value::Null, method))?;
                Ok(())
            })
            .await?;
        Ok(NewSession { token, member: id })
    }

    /// Changes one's own password; wants the old one where there is one, and ends the other sessions.
    pub async fn change_password(&self, visitor: &Visitor, me: &SignedIn, old: String, new: String) -> Result<()> {
        let address = address_key(visitor.ip.as_deref());
        let account = me.member.id.to_string();
        check_new("password", &new)?;
        let id = me.member.id.clone();
        let hash: Option<String> =
            self.store.read(move |tx| members::find_password_hash(tx, &id).map_err(Error::from)).await?;
        if let Some(hash) = hash {
            let begun = self.throttle.begin(&account, &address, visitor.now);
            begun.map_err(|retry_after| Error::TooMany { retry_after })?;
            if !self.hasher.verify(old, Some(hash)).await?.ok {
                return Err(Invalid::field(
                    "current_password",
                    "password_refused",
                    "That isn't your present password.",
                )
                .into());
            }
            self.throttle.succeeded(&account, &address);
        } else if !me.session.is_recent(visitor.now) {
            let text = "To set a first password, sign in again and come back within 5 minutes.";
            return Err(Error::refused("sign_in_again", text));
        }
        let hash = self.hasher.hash(new).await?;
        let (ctx, member) = (me.ctx(visitor), me.member.clone());
        self.store
            .write(move |tx| {
                replace_password(tx, &ctx, &member, &hash)?;
                sessions::delete_of_member(tx, &member.id, ctx.session.as_ref())?;
                Ok(())
            })
            .await
    }
}

fn replace_password(tx: &WriteTx<'_>, ctx: &crate::model::actor::Ctx, member: &Member, hash: &str) -> Result<()> {
    members::update_password(tx, &member.id, Some(hash)).map_err(|error| {
        if error.taken_by("members_password_email") || error.taken_by("members.email_norm") {
            let text = format!(
                "Another member with the address {} signs in by password. Change one address first.",
                member.email
            );
            return Error::conflict("account_exists", text);
        }
        error.into()
    })?;
    sessions::delete_links_of_member(tx, &member.id)?;
    audit::insert(tx, ctx, &NewEvent::new(Action::PasswordChanged, target(member)))?;
    Ok(())
}
