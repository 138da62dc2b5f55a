//! Refused sign-ins: stored with their trace under a reference that the person can pass on; bounded where nobody signed
//! for them (DECISIONS.md, what an unauthenticated caller can write).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::app::App;
use crate::app::error::{Error, Result};
use crate::app::loaded::Loaded;
use crate::app::second_opinion;
use crate::app::sessions::Visitor;
use crate::app::sign_in::Finished;
use crate::app::trace;
use crate::crypto::token;
use crate::model::actor::Actor;
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::connection::Connection;
use crate::model::id::{ConnectionId, SignInId};
use crate::model::member::Member;
use crate::model::sign_in::{SignIn, Trace};
use crate::model::time::{Timestamp, minutes};
use crate::store::{WriteTx, audit, sign_ins};

/// A refusal, as the person may see it.
#[derive(Debug, Clone)]
pub struct RefusedSignIn {
    pub code: String,
    pub reference: Option<String>,
    pub connection: Option<Connection>,
    pub email: Option<String>,
}

impl App {
    pub(super) async fn refuse(
        &self,
        visitor: &Visitor,
        loaded: &Loaded,
        refusing: Refusing,
        member: Option<Member>,
    ) -> Result<Finished> {
        self.log_refusal(visitor, loaded, refusing, member).await.map(Finished::Refused)
    }

    /// Stores the refusal with its trace under a reference, and says what the person may know.
    pub(super) async fn log_refusal(
        &self,
        visitor: &Visitor,
        loaded: &Loaded,
        refusing: Refusing,
        member: Option<Member>,
    ) -> Result<Box<RefusedSignIn>> {
        let connection = loaded.connection.clone();
        let mut refused = RefusedSignIn {
            code: refusing.code.clone(),
            reference: None,
            connection: Some(connection.clone()),
            email: refusing.who.clone(),
        };
        // A signed answer can be posted again for ever: beyond what people cause, it counts as garbage does.
        let mut refusing = refusing;
        refusing.is_verified = refusing.is_verified && self.verified.allows(&connection.id, visitor.now);
        // Garbage costs us at most so many rows a second.
        if !refusing.is_verified && !self.unverified.allows(&connection.id, visitor.now) {
            return Ok(Box::new(refused));
        }
        for _ in 0..5 {
            let reference = token::reference();
            let (visitor, connection, refusing, member) =
                (visitor.clone(), connection.clone(), refusing.clone(), member.clone());
            let name = reference.clone();
            let written = self
                .store
                .write(move |tx| write_refusal(tx, &visitor, &connection, &refusing, member.as_ref(), &name))
                .await;
            match written {
                Ok(()) => {
                    refused.reference = Some(reference);
                    break;
                }
                Err(WriteError::ReferenceTaken) => {}
                Err(WriteError::Other(error)) => return Err(error),
            }
        }
        Ok(Box::new(refused))
    }
}

enum WriteError {
    ReferenceTaken,
    Other(Error),
}

impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<crate::store::StoreError> for WriteError {
    fn from(error: crate::store::StoreError) -> Self {
        if error.taken_by("sign_ins.reference") { Self::ReferenceTaken } else { Self::Other(error.into()) }
    }
}

/// A refusal on its way into the log.
#[derive(Debug, Clone)]
pub(super) struct Refusing {
    pub code: String,
    pub received: Option<String>,
    pub expected: Option<String>,
    pub is_verified: bool,
    /// A message about signing out, not a sign-in.
    pub is_logout: bool,
    pub who: Option<String>,
    pub certificate: Option<String>,
    pub trace: Option<Trace>,
}

impl Refusing {
    pub(super) fn plain(code: &str, received: Option<String>) -> Self {
        Self {
            code: code.to_owned(),
            received,
            expected: None,
            is_verified: false,
            is_logout: false,
            who: None,
            certificate: None,
            trace: None,
        }
    }
}

fn write_refusal(
    tx: &WriteTx<'_>,
    visitor: &Visitor,
    connection: &Connection,
    refusing: &Refusing,
    member: Option<&Member>,
    reference: &str,
) -> Result<(), WriteError> {
    let sign_in = SignIn {
        id: SignInId::at(visitor.now),
        connection: connection.id.clone(),
        at: visitor.now,
        code: Some(refusing.code.clone()),
        received: refusing.received.clone(),
        expected: refusing.expected.clone(),
        member: member.map(|member| member.id.clone()),
        who: refusing.who.clone(),
        reference: Some(reference.to_owned()),
        certificate_sha256: refusing.certificate.clone(),
        trace: refusing.trace.clone().map(trace::without_person),
    };
    sign_ins::insert(tx, &connection.organization, &sign_in, refusing.is_verified)?;
    let actor = Actor::Connection { id: connection.id.clone(), name: connection.name.clone() };
    let ctx = visitor.ctx(&connection.organization, actor);
    let target = Target::new("connection", &connection.id, &connection.name);
    let action = match refusing.code.as_str() {
        "account_exists" => Action::LinkRefused,
        _ if refusing.is_logout => Action::LogoutRefused,
        _ => Action::SignInRefused,
    };
    let mut event = NewEvent::new(action, target).refused(&refusing.code, Some(reference));
    if let Some(who) = &refusing.who {
        event = event.change("who", serde_json::Value::Null, who.clone());
    }
    if refusing.is_verified {
        if let Some(theirs) = refusing.received.as_deref().filter(|_| refusing.code == second_opinion::CODE) {
            second_opinion::alarm(tx, &ctx, connection, theirs, true, Some(reference))?;
        }
        audit::insert(tx, &ctx, &event)?;
        return Ok(());
    }
    sign_ins::trim_unverified(tx, &connection.id)?;
    if let Some(count) = sign_ins::count_unverified(tx, &connection.id, visitor.now, visitor.now - minutes(1))? {
        audit::insert(tx, &ctx, &event.change("count", serde_json::Value::Null, count))?;
    }
    Ok(())
}

/// How many refusals are written for a connection: so many at once, then so many a second.
#[derive(Debug)]
pub struct RefusalLimit {
    burst: f64,
    per_second: f64,
    buckets: Mutex<HashMap<ConnectionId, (f64, Timestamp)>>,
}

impl RefusalLimit {
    pub fn new(burst: f64, per_second: f64) -> Self {
        Self { burst, per_second, buckets: Mutex::default() }
    }

    pub fn allows(&self, connection: &ConnectionId, now: Timestamp) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = buckets.entry(connection.clone()).or_insert((self.burst, now));
        *left = (*left + now.since(*since).as_secs_f64() * self.per_second).min(self.burst);
        *since = now;
        let allowed = *left >= 1.0;
        if allowed {
            *left -= 1.0;
        }
        allowed
    }
}
