//! The audit trail: append-only rows in a hash chain. What names a person stands in a side table; the chain holds
//! its digest.

use serde::Serialize;
use serde_json::Map;

use crate::crypto::token;
use crate::model::actor::Ctx;
use crate::model::audit::{AuditEvent, AuditFilter, Level, NewEvent, Target};
use crate::model::id::{AuditEventId, OrganizationId};
use crate::model::page::{Page, Window};
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
    let head = tx.query_one("SELECT sequence, hash FROM audit_events ORDER BY sequence DESC LIMIT 1", &[])?;
    let (sequence, previous) = match head {
        Some(row) => (row.get::<i64>("sequence")? + 1, row.get::<[u8; 32]>("hash")?),
        None => (1, [0; 32]),
    };
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
    Ok(id)
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

const COLUMNS: &str = "e.sequence, e.id, e.organization_id, e.at, e.action, e.level, e.code, e.actor_kind, e.actor_id, e.target_kind, \
     e.target_id, e.request_id, e.reference, d.details";

fn read(row: &Row) -> Result<AuditEvent, StoreError> {
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
    tx.query_one(&sql, &[organization.into(), id.into()])?.map(|row| read(&row)).transpose()
}

/// Newest first. The cursor is an event's id.
pub fn list(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    filter: &AuditFilter,
    window: &Window,
) -> Result<Page<AuditEvent>, StoreError> {
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
    if let Some(to) = filter.to {
        add("e.at < ??", to.into());
    }
    if let Some(after) = &window.after {
        add("e.sequence < (SELECT sequence FROM audit_events WHERE id = ??)", after.into());
    }
    match filter.result.as_deref() {
        Some("ok") => wheres.push("e.code IS NULL".to_owned()),
        Some(_) => wheres.push("e.code IS NOT NULL".to_owned()),
        None => {}
    }
    params.push(i64::try_from(window.limit + 1).unwrap_or(i64::MAX).into());
    let sql = format!(
        "SELECT {COLUMNS} FROM audit_events e LEFT JOIN audit_details d ON d.sequence = e.sequence \
         WHERE {} ORDER BY e.sequence DESC LIMIT ?{}",
        wheres.join(" AND "),
        params.len()
    );
    let rows = tx.query(&sql, &params)?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(rows, window.limit, |event| event.id.to_string()))
}

/// What happened to a member, and their own comings and goings: newest first. What else they did to others is in the log.
pub fn list_about(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    member: &str,
    window: &Window,
) -> Result<Page<AuditEvent>, StoreError> {
    let sql = format!(
        "WITH edge AS (SELECT coalesce((SELECT sequence FROM audit_events WHERE id = ?3), 9223372036854775807) AS sequence), \
         found AS ( \
         SELECT sequence FROM (SELECT sequence FROM audit_events WHERE target_id = ?2 \
         AND sequence < (SELECT sequence FROM edge) ORDER BY sequence DESC LIMIT ?4) \
         UNION SELECT sequence FROM (SELECT sequence FROM audit_events WHERE actor_id = ?2 \
         AND action IN ('sign_in.succeeded', 'session.signed_out', 'test.passed', 'test.failed') \
         AND sequence < (SELECT sequence FROM edge) ORDER BY sequence DESC LIMIT ?4)) \
         SELECT {COLUMNS} FROM found f JOIN audit_events e ON e.sequence = f.sequence \
         LEFT JOIN audit_details d ON d.sequence = e.sequence \
         WHERE e.organization_id = ?1 ORDER BY e.sequence DESC LIMIT ?4"
    );
    let limit = i64::try_from(window.limit + 1).unwrap_or(i64::MAX);
    let params = [organization.into(), member.into(), window.after.as_deref().unwrap_or("").into(), limit.into()];
    let rows = tx.query(&sql, &params)?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(rows, window.limit, |event| event.id.to_string()))
}
