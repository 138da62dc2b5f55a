//! Sessions: begun by a sign-in, looked up at each request, ended by their member or an admin.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::app::jobs::AT_ONCE;
use crate::crypto::token;
use crate::model::actor::{Actor, Ctx};
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::id::{MemberId, OrganizationId, SessionId};
use crate::model::invalid::Invalid;
use crate::model::logout::NameId;
use crate::model::member::Member;
use crate::model::organization::Organization;
use crate::model::page::{Page, Window};
use crate::model::role::{Permission, permissions_of};
use crate::model::session::{ABSOLUTE, IDLE, Method, Session, SessionFilter, TOUCH};
use crate::model::time::Timestamp;
use crate::store::{ReadTx, WriteTx, audit, members, organizations, session_search, sessions};

/// The circumstances of a request by nobody known.
#[derive(Debug, Clone)]
pub struct Visitor {
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub request_id: String,
    pub now: Timestamp,
}

impl Visitor {
    pub fn ctx(&self, organization: &OrganizationId, actor: Actor) -> Ctx {
        Ctx {
            organization: organization.clone(),
            actor,
            permissions: crate::model::role::Permissions::NONE,
            session: None,
            ip: self.ip.clone(),
            user_agent: self.user_agent.clone(),
            request_id: self.request_id.clone(),
            now: self.now,
            seen: None,
        }
    }
}

/// A browser that is signed in: who, where, since when.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub member: Member,
    pub organization: Organization,
    pub session: Session,
}

impl SignedIn {
    pub fn ctx(&self, visitor: &Visitor) -> Ctx {
        let actor = Actor::Member { id: self.member.id.clone(), name: self.member.email.as_str().to_owned() };
        Ctx {
            permissions: permissions_of(&self.member.roles),
            session: Some(self.session.id.clone()),
            ..visitor.ctx(&self.member.organization, actor)
        }
    }
}

/// A session that was just begun; the token is known to the browser alone from here on.
#[derive(Debug, Clone)]
pub struct NewSession {
    pub token: String,
    pub member: MemberId,
}

/// What the identity provider said of its own session.
#[derive(Debug, Clone, Copy, Default)]
pub struct AtProvider<'a> {
    pub name_id: Option<&'a NameId>,
    pub index: Option<&'a str>,
    /// Ours does not outlast it (SAML core 2.7.2, SessionNotOnOrAfter).
    pub ends_at: Option<Timestamp>,
}

/// A member has so many sessions at most; another one ends the oldest. To end all of somebody's sessions stays one short write.
const MOST: u32 = 500;

/// Begins a session inside the write transaction of the sign-in. `token` was made outside it.
pub fn begin(
    tx: &WriteTx<'_>,
    visitor: &Visitor,
    member: &Member,
    method: Method,
    token: &str,
    at_provider: AtProvider<'_>,
) -> Result<Session> {
    let longest = visitor.now + ABSOLUTE;
    let session = Session {
        id: SessionId::at(visitor.now),
        organization: member.organization.clone(),
        member: member.id.clone(),
        method,
        ip: visitor.ip.clone(),
        user_agent: visitor.user_agent.clone(),
        started_at: visitor.now,
        last_seen_at: visitor.now,
        console_seen_at: visitor.now,
        expires_at: at_provider.ends_at.map_or(longest, |ends_at| ends_at.min(longest)),
    };
    sessions::trim(tx, &member.id, MOST - 1)?;
    sessions::insert(tx, &session, &token::hash(token), at_provider.name_id, at_provider.index)?;
    members::update_last_seen(tx, &member.id, visitor.now)?;
    Ok(session)
}

/// Ends the session of whoever acts; false if it had ended before.
pub fn end_own(tx: &WriteTx<'_>, ctx: &Ctx, session: &SessionId) -> Result<bool> {
    let is_ended = sessions::delete(tx, &ctx.organization, session)?;
    if is_ended {
        let name = ctx.actor.name().to_owned();
        audit::insert(tx, ctx, &NewEvent::new(Action::SignedOut, Target::new("session", session, name)))?;
    }
    Ok(is_ended)
}

impl App {
    /// Who this session token belongs to; none where it has ended or its member may not sign in any more.
    pub async fn find_signed_in(&self, token: &str, now: Timestamp) -> Result<Option<SignedIn>> {
        let hash = token::hash(token);
        let found: Option<SignedIn> = self
            .store
            .read(move |tx| -> Result<_> {
                let Some(session) = sessions::find_by_token(tx, &hash)?.filter(|session| session.is_alive(now)) else {
                    return Ok(None);
                };
                let member = members::find(tx, &session.organization, &session.member)?;
                let Some(member) = member.filter(Member::is_active) else { return Ok(None) };
                let organization = organizations::find(tx, &session.organization)?;
                Ok(organization.map(|organization| SignedIn { member, organization, session }))
            })
            .await?;
        Ok(found)
    }

    /// Notes that a session was used, at most once a minute, behind the request.
    pub fn touch_session(&self, signed_in: &SignedIn, now: Timestamp) {
        if now.since(signed_in.session.last_seen_at) < TOUCH {
            return;
        }
        let (store, session, member) = (self.store.clone(), signed_in.session.id.clone(), signed_in.member.id.clone());
        tokio::spawn(async move {
            let touched = store
                .write(move |tx| -> Result<()> {
                    sessions::update_last_seen(tx, &session, now)?;
                    members::update_last_seen(tx, &member, now)?;
                    Ok(())
                })
                .await;
            if let Err(error) = touched {
                tracing::warn!(error = &error as &dyn std::error::Error, "Could not note the use of a session");
            }
        });
    }

    /// Notes that a session used the console, whose patience is shorter: only this keeps it open, no other page.
    pub fn touch_console(&self, signed_in: &SignedIn, now: Timestamp) {
        if now.since(signed_in.session.console_seen_at) < TOUCH {
            return;
        }
        let (store, session) = (self.store.clone(), signed_in.session.id.clone());
        tokio::spawn(async move {
            let touched =
                store.write(move |tx| sessions::update_console_seen(tx, &session, now).map_err(Error::from)).await;
            if let Err(error) = touched {
                tracing::warn!(error = &error as &dyn std::error::Error, "Could not note the use of the console");
            }
        });
    }

    /// The way out that always works: ends the caller's own session.
    pub async fn sign_out(&self, ctx: &Ctx) -> Result<()> {
        let Some(session) = ctx.session.clone() else { return Ok(()) };
        let ctx = ctx.clone();
        self.store.write(move |tx| end_own(tx, &ctx, &session).map(|_| ())).await
    }

    pub async fn list_sessions(&self, ctx: &Ctx, filter: SessionFilter, window: Window) -> Result<Page<Session>> {
        if filter.member.is_none() || filter.member.as_ref() != ctx.member_id() {
            access::require(ctx, Permission::SessionsRead)?;
        }
        self.read_sessions(ctx, filter, move |tx, organization, filter, now| {
            Ok(session_search::list(tx, organization, filter, &window, now)?)
        })
        .await
    }

    /// The same, each with whose it is.
    pub async fn list_who_is_in(
        &self,
        ctx: &Ctx,
        filter: SessionFilter,
        window: Window,
    ) -> Result<Page<(Session, Member)>> {
        access::require(ctx, Permission::SessionsRead)?;
        self.read_sessions(ctx, filter, move |tx, organization, filter, now| {
            let page = session_search::list(tx, organization, filter, &window, now)?;
            let mut ids: Vec<&MemberId> = page.rows.iter().map(|session| &session.member).collect();
            ids.sort_by_key(|id| id.as_str());
            ids.dedup();
            let people = members::list_by_ids(tx, organization, &ids)?;
            let whose = |session: &Session| {
                let member = people.iter().find(|member| member.id == session.member)?.clone();
                Some((session.clone(), member))
            };
            Ok(Page { rows: page.rows.iter().filter_map(whose).collect(), next: page.next })
        })
        .await
    }

    /// Reads what a filter finds: a filter that an index follows among others, one that walks far in nobody's way.
    pub(super) async fn read_sessions<T, F>(&self, ctx: &Ctx, filter: SessionFilter, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&ReadTx<'_>, &OrganizationId, &SessionFilter, Timestamp) -> Result<T> + Send + 'static,
    {
        if let Some(text) = &filter.text {
            Invalid::search("q", text)?;
            self.settle_member_texts().await;
        }
        let (organization, now) = (ctx.organization.clone(), ctx.now);
        let is_quick = filter.member.is_some() || filter == SessionFilter::default();
        let work = move |tx: &ReadTx<'_>| read(tx, &organization, &filter, now);
        if is_quick { self.store.read(work).await } else { self.store.read_slowly(work).await }
    }

    pub async fn find_session(&self, ctx: &Ctx, id: SessionId) -> Result<Session> {
        let (organization, now) = (ctx.organization.clone(), ctx.now);
        let found = self.store.read(move |tx| sessions::find(tx, &organization, &id).map_err(Error::from)).await?;
        let session = found.filter(|session| session.is_alive(now)).ok_or(Error::NotFound("session"))?;
        if Some(&session.member) != ctx.member_id() {
            access::require(ctx, Permission::SessionsRead)?;
        }
        Ok(session)
    }

    pub async fn end_session(&self, ctx: &Ctx, id: SessionId) -> Result<()> {
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                let session = sessions::find(tx, &ctx.organization, &id)?.ok_or(Error::NotFound("session"))?;
                if Some(&session.member) != ctx.member_id() {
                    access::require(&ctx, Permission::SessionsEnd)?;
                }
                sessions::delete(tx, &ctx.organization, &id)?;
                let who = members::find(tx, &ctx.organization, &session.member)?;
                let name = who.map_or_else(String::new, |member| member.email.as_str().to_owned());
                audit::insert(tx, &ctx, &NewEvent::new(Action::SessionEnded, Target::new("session", &id, name)))?;
                Ok(())
            })
            .await
    }

    /// Forgets sessions that have ended by themselves. No index leads to them, since it would cost every sign-in: they are
    /// looked for where nobody waits.
    pub(super) async fn sweep_sessions(&self, now: Timestamp) -> Result<()> {
        let (times, mut after) = ((now, now - IDLE), String::new());
        loop {
            let from = after.clone();
            let ended: Vec<SessionId> = self
                .store
                .read_slowly(move |tx| sessions::list_ended(tx, times, &from, AT_ONCE).map_err(Error::from))
                .await?;
            let Some(last) = ended.last() else { return Ok(()) };
            after = last.to_string();
            let delete = move |tx: &WriteTx<'_>| -> Result<()> {
                ended.iter().try_for_each(|id| sessions::delete_ended(tx, id, times).map(drop))?;
                Ok(())
            };
            self.store.write(delete).await?;
        }
    }
}
