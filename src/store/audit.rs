//! The audit trail: append-only rows in a hash chain. What names a person stands in a side table; the chain holds
//! its digest.

use serde::Serialize;
use serde_json::Map;

use crate::crypto::token;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, AuditEvent, AuditFilter, Level, NewEvent, Target};
use crate::model::id::{AuditEventId, OrganizationId};
use crate::model::page::{Page, Window};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, Value, WriteTx};

/// Writes the event in the transaction of the change that it tells of.
pub fn insert(tx: &WriteTx<'_>, ctx: &Ctx, event: &NewEvent) -> Result<AuditEventId, StoreError> {
    let id = AuditEventId::new();
    let details = text(&Details {
        actor_name: ctx.actor.name(),
        target_name: &event.target.name,
        ip: ctx.ip.as_deref(),
        user_agent: ctx.user_agent.as_deref(),
        changes: &event.changes,
    })?;
    let digest = token::hash(&details);
    let head = tx.find("SELECT sequence, hash FROM audit_events ORDER BY sequence DESC LIMIT 1", &[], |row| {
        Ok((row.get::<i64>("sequence")? + 1, row.get::<[u8; 32]>("hash")?))
    })?;
    let (sequence, previous) = head.unwrap_or((1, [0; 32]));
    let row = canonical(sequence, &id, ctx, event, &digest)?;
    let hash = token::sha256(&[&previous[..], row.as_bytes()].concat());
    tx.execute(
        "INSERT INTO audit_events (sequence, id, organization_id, at, action, level, code, actor_kind, actor_id, target_kind, target_id, \
         request_id, reference, details_digest, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        &[
            sequence.into(),
            (&id).into(),
            (&ctx.organization).into(),
            ctx.now.into(),
            event.action.as_str().into(),
            event.level.as_str().into(),
            event.code.clone().into(),
            ctx.actor.kind().into(),
            ctx.actor.id().into(),
            (&event.target.kind).into(),
            (&event.target.id).into(),
            (&ctx.request_id).into(),
            event.reference.clone().into(),
            digest.into(),
            hash.into(),
        ],
    )?;
    tx.execute("INSERT INTO audit_details (sequence, details) VALUES (?1, ?2)", &[sequence.into(), details.into()])?;
    insert_names(tx, ctx, event)?;
    Ok(id)
}

/// A session is named after its person, who mostly is the actor and found as that.
fn insert_names(tx: &WriteTx<'_>, ctx: &Ctx, event: &NewEvent) -> Result<(), StoreError> {
    let (actor, target) = (ctx.actor.name(), &event.target);
    let is_told = target.name.is_empty() || (target.kind == "session" && target.name == actor);
    let named =
        [ctx.actor.id().map(|id| (id, actor)), (!is_told).then_some((target.id.as_str(), target.name.as_str()))];
    for (id, name) in named.into_iter().flatten() {
        tx.execute(
            "INSERT INTO audit_names (organization_id, party_id, name) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            &[(&ctx.organization).into(), id.into(), name.to_lowercase().into()],
        )?;
    }
    Ok(())
}

/// What names a person, beside the chain.
#[derive(Serialize)]
struct Details<'a> {
    actor_name: &'a str,
    target_name: &'a str,
    ip: Option<&'a str>,
    user_agent: Option<&'a str>,
    changes: &'a Map<String, serde_json::Value>,
}

fn text(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(StoreError::failed)
}

/// The row as the chain sees it: a JSON array, fields in the order of the table.
fn canonical(
    sequence: i64,
    id: &AuditEventId,
    ctx: &Ctx,
    event: &NewEvent,
    digest: &[u8; 32],
) -> Result<String, StoreError> {
    text(&(
        sequence,
        id,
        &ctx.organization,
        ctx.now.millis(),
        event.action.as_str(),
        event.level.as_str(),
        &event.code,
        ctx.actor.kind(),
        ctx.actor.id(),
        &event.target.kind,
        &event.target.id,
        &ctx.request_id,
        &event.reference,
        token::hex(digest),
    ))
}

pub(super) const COLUMNS: &str = "e.sequence, e.id, e.organization_id, e.at, e.action, e.level, e.code, e.actor_kind, e.actor_id, e.target_kind, \
     e.target_id, e.request_id, e.reference, d.details";

pub(super) fn read(row: &Row<'_>) -> Result<AuditEvent, StoreError> {
    let level: String = row.get("level")?;
    let details: Option<String> = row.get("details")?;
    let details: Map<String, serde_json::Value> =
        details.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let text = |name: &str| details.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    Ok(AuditEvent {
        id: row.get("id")?,
        at: row.get("at")?,
        action: row.get("action")?,
        level: Level::parse(&level).ok_or_else(|| StoreError::damaged("level", &level))?,
        code: row.get("code")?,
        actor: Target {
            kind: row.get("actor_kind")?,
            id: row.get::<Option<String>>("actor_id")?.unwrap_or_default(),
            name: text("actor_name"),
        },
        target: Target { kind: row.get("target_kind")?, id: row.get("target_id")?, name: text("target_name") },
        ip: Some(text("ip")).filter(|ip| !ip.is_empty()),
        user_agent: Some(text("user_agent")).filter(|agent| !agent.is_empty()),
        request_id: row.get("request_id")?,
        reference: row.get("reference")?,
        changes: details.get("changes").and_then(|value| value.as_object()).cloned().unwrap_or_default(),
    })
}

pub fn find(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    id: &AuditEventId,
) -> Result<Option<AuditEvent>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM audit_events e LEFT JOIN audit_details d ON d.sequence = e.sequence \
         WHERE e.organization_id = ?1 AND e.id = ?2"
    );
    tx.find(&sql, &[organization.into(), id.into()], read)
}

/// The newest event that names this reference. It outlives the sign-in that it leads to.
pub fn find_referring(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    reference: &str,
) -> Result<Option<AuditEventId>, StoreError> {
    let sql = "SELECT id FROM audit_events WHERE organization_id = ?1 AND reference = ?2 ORDER BY at DESC, sequence DESC LIMIT 1";
    tx.find(sql, &[organization.into(), reference.into()], |row| row.get("id"))
}

/// Whether this was told of this target since then.
pub fn has_recent(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    action: Action,
    target: &str,
    since: Timestamp,
) -> Result<bool, StoreError> {
    let filter = AuditFilter {
        target: Some(target.to_owned()),
        action: Some(action.as_str().to_owned()),
        from: Some(since),
        ..AuditFilter::default()
    };
    Ok(!list(tx, organization, &filter, &Window::first(1))?.rows.is_empty())
}

/// Newest first: by their time, and of one time the one written last. The cursor is an event's id.
///
/// What was done and what was refused have indexes of their own (0010_audit.sql), since one of the two is rare among almost
/// any other events; both are asked for as many as are wanted, and laid together.
pub fn list(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    filter: &AuditFilter,
    window: &Window,
) -> Result<Page<AuditEvent>, StoreError> {
    let results: &[&str] = match filter.result.as_deref() {
        Some("ok") => &["e.code IS NULL"],
        Some(_) => &["e.code IS NOT NULL"],
        None => &["e.code IS NULL", "e.code IS NOT NULL"],
    };
    let (wheres, mut params) = conditions(tx, organization, filter, window)?;
    params.push(i64::try_from(window.limit + 1).unwrap_or(i64::MAX).into());
    let mut found = Vec::new();
    for result in results {
        found.extend(newest(tx, &format!("{wheres} AND {result}"), &params)?);
    }
    Ok(together(found, window))
}

/// An event and its place in the list.
pub(super) type Placed = ((Timestamp, i64), AuditEvent);

/// The newest of these; how many is the last parameter. The inner part looks into an index alone, so that what is passed
/// over costs little.
fn newest(tx: &ReadTx<'_>, wheres: &str, params: &[Value]) -> Result<Vec<Placed>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM (SELECT e.sequence FROM audit_events e WHERE {wheres} \
         ORDER BY e.at DESC, e.sequence DESC LIMIT ?{}) found JOIN audit_events e ON e.sequence = found.sequence \
         LEFT JOIN audit_details d ON d.sequence = e.sequence",
        params.len()
    );
    let placed = |row: &Row<'_>| Ok(((row.get("at")?, row.get("sequence")?), read(row)?));
    tx.list(&sql, params, placed)
}

/// One list of what was looked for apart.
pub(super) fn together(mut found: Vec<Placed>, window: &Window) -> Page<AuditEvent> {
    found.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
    found.dedup_by_key(|(place, _)| *place);
    let rows = found.into_iter().map(|(_, event)| event).collect();
    Page::cut(rows, window.limit, |event: &AuditEvent| event.id.to_string())
}

pub(super) fn conditions(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    filter: &AuditFilter,
    window: &Window,
) -> Result<(String, Vec<Value>), StoreError> {
    let mut wheres = vec!["e.organization_id = ?1".to_owned()];
    let mut params: Vec<Value> = vec![organization.into()];
    let mut add = |clause: &str, value: Value| {
        params.push(value);
        wheres.push(clause.replace("??", &format!("?{}", params.len())));
    };
    let texts = [
        ("e.actor_id = ??", &filter.actor),
        ("e.action = ??", &filter.action),
        ("e.target_id = ??", &filter.target),
        ("e.level = ??", &filter.level),
    ];
    for (clause, value) in texts {
        if let Some(value) = value {
            add(clause, value.into());
        }
    }
    if let Some(from) = filter.from {
        add("e.at >= ??", from.into());
    }
    let mut to = filter.to;
    if let Some(after) = &window.after {
        let (at, sequence) = place(tx, organization, after)?;
        // Of two ends of a range an index follows one, so the nearer is the only one.
        if to.is_none_or(|to| at < to) {
            to = None;
            params.extend([at.into(), sequence.into()]);
            wheres.push(format!("(e.at, e.sequence) < (?{}, ?{})", params.len() - 1, params.len()));
        }
    }
    if let Some(to) = to {
        params.push(to.into());
        wheres.push(format!("e.at < ?{}", params.len()));
    }
    // Said so that the index of what is not everyday can be used.
    if filter.level.as_deref().is_some_and(|level| level != Level::Info.as_str()) {
        wheres.push("e.level <> 'info'".to_owned());
    }
    Ok((wheres.join(" AND "), params))
}

/// Where an event stands in the list. After one that is none there is nothing.
fn place(tx: &ReadTx<'_>, organization: &OrganizationId, id: &str) -> Result<(Timestamp, i64), StoreError> {
    let sql = "SELECT at, sequence FROM audit_events WHERE organization_id = ?1 AND id = ?2";
    let found = tx.find(sql, &[organization.into(), id.into()], |row| Ok((row.get("at")?, row.get("sequence")?)))?;
    Ok(found.unwrap_or((Timestamp::from_millis(i64::MIN), 0)))
}

/// What happened to a member, and their own comings and goings: newest first. What else they did to others is in the log.
pub fn list_about(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    member: &str,
    window: &Window,
) -> Result<Page<AuditEvent>, StoreError> {
    let (at, sequence) = match &window.after {
        Some(after) => place(tx, organization, after)?,
        None => (Timestamp::from_millis(i64::MAX), i64::MAX),
    };
    let limit = i64::try_from(window.limit + 1).unwrap_or(i64::MAX);
    let params = [organization.into(), member.into(), at.into(), sequence.into(), limit.into()];
    let mut found = Vec::new();
    for about in [
        "e.target_id = ?2",
        "e.actor_id = ?2 AND e.action IN ('sign_in.succeeded', 'session.signed_out', 'test.passed', 'test.failed')",
    ] {
        for result in ["e.code IS NULL", "e.code IS NOT NULL"] {
            let before = "(e.at, e.sequence) < (?3, ?4)";
            let wheres = format!("e.organization_id = ?1 AND {about} AND {before} AND {result}");
            found.extend(newest(tx, &wheres, &params)?);
        }
    }
    Ok(together(found, window))
}
