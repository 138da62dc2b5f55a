//! What happened to one member, and why they hold what they hold.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::app::granting::reasons;
use crate::app::teams::source_name;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, AuditEvent, AuditFilter};
use crate::model::connection::Connection;
use crate::model::id::{ConnectionId, DirectoryId, MemberId};
use crate::model::member::Member;
use crate::model::page::{Page, Window};
use crate::model::role::{AnyRole, HeldRole, Permission};
use crate::model::sign_in::SignIn;
use crate::store::{ReadTx, audit, connections, members, sign_ins};

/// So many changes of a member's roles are looked through for the one that gave a role.
const LOOKED_THROUGH: usize = 100;

/// Why somebody holds a role.
#[derive(Debug, Clone)]
pub struct Reason {
    pub role: AnyRole,
    pub why: Why,
}

#[derive(Debug, Clone)]
pub enum Why {
    /// Given here: by whom and when, as far as the log still tells, to whoever may read it.
    Given {
        event: Option<Box<AuditEvent>>,
    },
    /// The values that the connection sent last, and that its mappings turn into this role.
    Mapped {
        connection: ConnectionId,
        name: String,
        values: Vec<String>,
    },
    /// No mapping of the connection matches, so its default role stands in.
    Default {
        connection: ConnectionId,
        name: String,
    },
    /// The same of a directory; `idp` is `Okta`.
    Pushed {
        directory: DirectoryId,
        idp: String,
        values: Vec<String>,
    },
    PushedDefault {
        directory: DirectoryId,
        idp: String,
    },
    /// A source that is gone or not known to this version.
    Elsewhere {
        source: String,
    },
}

/// A part of somebody's history, newest first.
#[derive(Debug, Clone)]
pub struct Timeline {
    pub events: Vec<AuditEvent>,
    /// Refused sign-ins of the same stretch of time; without their connection where it is deleted.
    pub refused: Vec<(SignIn, Option<Connection>)>,
    pub next: Option<String>,
}

impl App {
    pub async fn explain_roles(&self, ctx: &Ctx, id: MemberId) -> Result<Vec<Reason>> {
        access::require(ctx, Permission::MembersRead)?;
        let (organization, reads_log) = (ctx.organization.clone(), ctx.may(Permission::AuditRead));
        self.store
            .read(move |tx| {
                let member = members::find(tx, &organization, &id)?.ok_or(Error::NotFound("member"))?;
                let given = if reads_log { gifts(tx, &member)? } else { Vec::new() };
                member.roles.iter().map(|held| explain(tx, &member, held, &given)).collect()
            })
            .await
    }

    /// Sign-ins, changes and grants in one list.
    pub async fn list_timeline(&self, ctx: &Ctx, id: MemberId, window: Window) -> Result<Timeline> {
        access::require(ctx, Permission::MembersRead)?;
        access::require(ctx, Permission::AuditRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read(move |tx| {
                members::find(tx, &organization, &id)?.ok_or(Error::NotFound("member"))?;
                let page: Page<AuditEvent> = audit::list_about(tx, &organization, id.as_str(), &window)?;
                let newest = match &window.after {
                    Some(after) => {
                        after.parse().ok().map(|after| audit::find(tx, &organization, &after)).transpose()?.flatten()
                    }
                    None => None,
                };
                let oldest = page.rows.last().filter(|_| page.next.is_some()).map(|event| event.at);
                let mut refused = Vec::new();
                for sign_in in sign_ins::list_refused_of_member(tx, &id, oldest, newest.map(|event| event.at))? {
                    let connection = connections::find_anywhere(tx, &sign_in.connection)?;
                    refused.push((sign_in, connection));
                }
                Ok(Timeline { events: page.rows, refused, next: page.next })
            })
            .await
    }
}

fn explain(tx: &ReadTx<'_>, member: &Member, held: &HeldRole, given: &[AuditEvent]) -> Result<Reason> {
    let role = held.role.clone();
    if held.is_local() {
        let event = given.iter().find(|event| gives(event, held.role.slug())).cloned();
        return Ok(Reason { role, why: Why::Given { event: event.map(Box::new) } });
    }
    let name = source_name(tx, &held.from)?;
    let matched = reasons(tx, &held.from, &member.id)?;
    let giving = matched.iter().filter(|mapping| mapping.roles.iter().any(|slug| slug == held.role.slug()));
    let values: Vec<String> = giving.map(|mapping| mapping.label()).collect();
    let why = match (held.from.parse::<ConnectionId>(), held.from.parse::<DirectoryId>()) {
        (Ok(connection), _) if values.is_empty() => Why::Default { connection, name },
        (Ok(connection), _) => Why::Mapped { connection, name, values },
        (_, Ok(directory)) if values.is_empty() => Why::PushedDefault { directory, idp: name },
        (_, Ok(directory)) => Why::Pushed { directory, idp: name, values },
        _ => Why::Elsewhere { source: held.from.clone() },
    };
    Ok(Reason { role, why })
}

/// The events that changed the member's roles, newest first, and the one that made them.
fn gifts(tx: &ReadTx<'_>, member: &Member) -> Result<Vec<AuditEvent>> {
    let mut events = Vec::new();
    for action in [Action::MemberRolesChanged, Action::MemberCreated] {
        let (target, action) = (Some(member.id.to_string()), Some(action.as_str().to_owned()));
        let filter = AuditFilter { target, action, ..AuditFilter::default() };
        events.extend(audit::list(tx, &member.organization, &filter, &Window::first(LOOKED_THROUGH))?.rows);
    }
    Ok(events)
}

/// Whether the member held the role after it and not before.
fn gives(event: &AuditEvent, slug: &str) -> bool {
    let names = |value: Option<&serde_json::Value>| match value {
        Some(serde_json::Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(slug)),
        Some(serde_json::Value::String(text)) => text == slug,
        _ => false,
    };
    let change = event.changes.get("roles").or_else(|| event.changes.get("role"));
    change.is_some_and(|change| names(change.get(1)) && !names(change.get(0)))
}
