//! Many sessions ended at once: of one person, or all that a filter finds.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::app::provision;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::id::{OrganizationId, SessionId};
use crate::model::member::Member;
use crate::model::role::Permission;
use crate::model::session::SessionFilter;
use crate::store::session_search::Found;
use crate::store::{ReadTx, audit, members, session_search, sessions};

/// So many sessions end in one transaction: a sign-in that waits behind it does not notice.
const STEP: usize = 500;

/// What becomes of the session that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    Stays,
    EndsToo,
}

/// What would end, if it were said now.
#[derive(Debug, Clone)]
pub struct Ending {
    /// Without the session that asks.
    pub found: Found,
    /// Whose, where the filter names one person.
    pub member: Option<Member>,
    /// The session that asks is among them.
    pub includes_own: bool,
}

/// The person that the filter names.
fn named(tx: &ReadTx<'_>, organization: &OrganizationId, filter: &SessionFilter) -> Result<Option<Member>> {
    let Some(id) = &filter.member else { return Ok(None) };
    members::find(tx, organization, id)?.ok_or(Error::NotFound("member")).map(Some)
}

impl App {
    pub async fn count_sessions(&self, ctx: &Ctx, filter: SessionFilter) -> Result<Ending> {
        access::require(ctx, Permission::SessionsEnd)?;
        let own = ctx.session.clone();
        self.read_sessions(ctx, filter, move |tx, organization, filter, now| {
            let includes_own = match &own {
                Some(own) => session_search::finds(tx, organization, filter, now, own)?,
                None => false,
            };
            let found = session_search::count(tx, organization, filter, now, own.as_ref())?;
            Ok(Ending { found, member: named(tx, organization, filter)?, includes_own })
        })
        .await
    }

    /// Ends what the filter finds now, in steps that each leave an event; says how many. One's own nobody else has to allow.
    pub async fn end_sessions(&self, ctx: &Ctx, filter: SessionFilter, own: Own) -> Result<usize> {
        if filter.member.is_none() || filter.member.as_ref() != ctx.member_id() {
            access::require(ctx, Permission::SessionsEnd)?;
        }
        let stays = ctx.session.clone().filter(|_| own == Own::Stays);
        let words = filter.words();
        let found = self.read_sessions(ctx, filter, |tx, organization, filter, now| {
            let member = named(tx, organization, filter)?;
            Ok((session_search::list_ids(tx, organization, filter, now)?, member))
        });
        let (mut ids, member) = found.await?;
        ids.retain(|id| Some(id) != stays.as_ref());
        let target = match &member {
            Some(member) => provision::target(member),
            None => Target::new("organization", &ctx.organization, ""),
        };
        let mut ended = 0;
        for step in ids.chunks(STEP) {
            ended += self.end_step(ctx, step.to_vec(), &target, &words).await?;
        }
        Ok(ended)
    }

    async fn end_step(
        &self,
        ctx: &Ctx,
        ids: Vec<SessionId>,
        target: &Target,
        words: &[(&'static str, String)],
    ) -> Result<usize> {
        let (ctx, target, words) = (ctx.clone(), target.clone(), words.to_vec());
        self.store
            .write(move |tx| {
                let ended = sessions::delete_all(tx, &ctx.organization, &ids)?;
                if ended > 0 {
                    let event = NewEvent::new(Action::SessionEnded, target.clone()).change("sessions", ended, 0);
                    let event = words.iter().fold(event, |event, (name, value)| {
                        event.change(name, serde_json::Value::Null, value.as_str())
                    });
                    audit::insert(tx, &ctx, &event)?;
                }
                Ok(ended)
            })
            .await
    }
}
