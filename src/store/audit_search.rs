//! Events by text. No event is searched itself: the text is looked for among the names of those in the log (audit_names), the
//! actions and the codes, and each that has it leads to its events by an index.

use std::cmp::Reverse;

use crate::model::audit::{AuditEvent, AuditFilter};
use crate::model::id::OrganizationId;
use crate::model::page::{Page, Window};
use crate::model::time::Timestamp;
use crate::store::audit::{COLUMNS, Placed, conditions, read, together};
use crate::store::error::StoreError;
use crate::store::member_search::ids_by_text;
use crate::store::tx::{ReadTx, Row, Value};

/// What a text means in the log.
#[derive(Debug, Clone, Default)]
pub struct Meant {
    /// Ids of people and things.
    pub parties: Vec<String>,
    /// Kinds of actors without an id.
    pub kinds: Vec<&'static str>,
    pub actions: Vec<&'static str>,
    pub codes: Vec<String>,
    /// `DW-…`
    pub reference: String,
}

/// For `LIKE … ESCAPE '\'`: what has this text anywhere in it, in lower case.
fn containing(text: &str) -> String {
    format!("%{}%", text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// Who has the text in a name of now or of then: so many at most, in no order.
pub fn list_parties(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    text: &str,
    most: usize,
) -> Result<Vec<String>, StoreError> {
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let mut params = vec![organization.into(), containing(text).into(), limit.into()];
    let mut sql = "SELECT party_id FROM audit_names WHERE organization_id = ?1 AND name LIKE ?2 ESCAPE '\\'".to_owned();
    // Events call a member by the address; the name stands with the member alone.
    if let Some(members) = ids_by_text(text, &mut params) {
        sql = format!("{sql} UNION {members}");
    }
    tx.list(&format!("{sql} LIMIT ?3"), &params, |row| row.get("party_id"))
}

/// The codes of what was refused, one step of the index each.
pub fn list_codes(tx: &ReadTx<'_>, organization: &OrganizationId) -> Result<Vec<String>, StoreError> {
    let sql =
        "SELECT min(code) AS code FROM audit_events WHERE organization_id = ?1 AND code IS NOT NULL AND code > ?2";
    let mut codes: Vec<String> = Vec::new();
    loop {
        let last = codes.last().map_or("", String::as_str);
        match tx.find(sql, &[organization.into(), last.into()], |row| row.get::<Option<String>>("code"))?.flatten() {
            Some(code) => codes.push(code),
            None => return Ok(codes),
        }
    }
}

const DONE: &str = "e.code IS NULL";
const REFUSED: &str = "e.code IS NOT NULL";

/// One way to meet the text: a clause about one value.
struct Part {
    clause: &'static str,
    value: Value,
    is_refused_only: bool,
}

impl Meant {
    /// The ways that the other filters leave.
    fn parts(&self, filter: &AuditFilter) -> Vec<Part> {
        let fits = |filter: &Option<String>, value: &str| filter.as_deref().is_none_or(|wanted| wanted == value);
        let part = |clause, value: &str, is_refused_only| Part { clause, value: value.into(), is_refused_only };
        let mut parts = Vec::new();
        for id in &self.parties {
            if fits(&filter.actor, id) {
                parts.push(part("e.actor_id = ??", id, false));
            }
            if fits(&filter.target, id) {
                parts.push(part("e.target_id = ??", id, false));
            }
        }
        let actions = self.actions.iter().filter(|action| fits(&filter.action, action));
        parts.extend(actions.map(|action| part("e.action = ??", action, false)));
        if filter.actor.is_none() {
            let nameless = "e.actor_id IS NULL AND e.actor_kind = ??";
            parts.extend(self.kinds.iter().map(|kind| part(nameless, kind, false)));
        }
        parts.extend(self.codes.iter().map(|code| part("e.code = ??", code, true)));
        parts.push(part("e.reference = ?? AND e.reference IS NOT NULL", &self.reference, true));
        parts
    }
}

/// Newest first, like `audit::list`: of each way the newest as many as are wanted, laid together.
pub fn list(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    filter: &AuditFilter,
    meant: &Meant,
    window: &Window,
) -> Result<Page<AuditEvent>, StoreError> {
    let (wheres, params) = conditions(tx, organization, filter, window)?;
    let wanted = window.limit + 1;
    let mut places: Vec<(Timestamp, i64)> = Vec::new();
    for part in meant.parts(filter) {
        for result in [DONE, REFUSED] {
            let is_left_out = match filter.result.as_deref() {
                Some("ok") => result == REFUSED,
                Some(_) => result == DONE,
                None => false,
            };
            if is_left_out || (part.is_refused_only && result == DONE) {
                continue;
            }
            let (value, limit) = (params.len() + 1, params.len() + 2);
            let clause = part.clause.replace("??", &format!("?{value}"));
            let sql = format!(
                "SELECT e.at, e.sequence FROM audit_events e WHERE {wheres} AND {clause} AND {result} \
                 ORDER BY e.at DESC, e.sequence DESC LIMIT ?{limit}"
            );
            let own = [part.value.clone(), i64::try_from(wanted).unwrap_or(i64::MAX).into()];
            let params: Vec<Value> = params.iter().cloned().chain(own).collect();
            let place = |row: &Row<'_>| Ok((row.get("at")?, row.get("sequence")?));
            places.extend(tx.list(&sql, &params, place)?);
        }
        places.sort_by_key(|place| Reverse(*place));
        places.dedup();
        places.truncate(wanted);
    }
    Ok(together(fetch(tx, &places)?, window))
}

fn fetch(tx: &ReadTx<'_>, places: &[(Timestamp, i64)]) -> Result<Vec<Placed>, StoreError> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let marks: Vec<String> = (1..=places.len()).map(|n| format!("?{n}")).collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM audit_events e LEFT JOIN audit_details d ON d.sequence = e.sequence WHERE e.sequence IN ({})",
        marks.join(", ")
    );
    let params: Vec<Value> = places.iter().map(|(_, sequence)| (*sequence).into()).collect();
    let placed = |row: &Row<'_>| Ok(((row.get("at")?, row.get("sequence")?), read(row)?));
    tx.list(&sql, &params, placed)
}
