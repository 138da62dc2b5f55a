//! The log of sign-ins with their traces, tests, and what may not be used twice.

use crate::model::connection::{Test, TestStatus};
use crate::model::id::{ConnectionId, MemberId, OrganizationId, SignInId, TestId};
use crate::model::page::{Page, Window};
use crate::model::sign_in::{SignIn, SignInFilter, Trace};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, Value, WriteTx};

/// At most so many refusals that nobody signed are kept for a connection.
const UNVERIFIED_KEPT: i64 = 1000;

const COLUMNS: &str =
    "id, connection_id, at, code, received, expected, member_id, who, reference, certificate_sha256, trace";

fn read(row: &Row<'_>) -> Result<SignIn, StoreError> {
    Ok(SignIn {
        id: row.get("id")?,
        connection: row.get("connection_id")?,
        at: row.get("at")?,
        code: row.get("code")?,
        received: row.get("received")?,
        expected: row.get("expected")?,
        member: row.get("member_id")?,
        who: row.get("who")?,
        reference: row.get("reference")?,
        certificate_sha256: row.get("certificate_sha256")?,
        trace: read_trace(row)?,
    })
}

fn read_trace(row: &Row<'_>) -> Result<Option<Trace>, StoreError> {
    let text: Option<String> = row.get("trace")?;
    text.map(|text| serde_json::from_str(&text).map_err(|error| StoreError::damaged("trace", &error.to_string())))
        .transpose()
}

fn trace_text(trace: Option<&Trace>) -> Result<Option<String>, StoreError> {
    trace
        .map(|trace| serde_json::to_string(trace).map_err(|error| StoreError::damaged("trace", &error.to_string())))
        .transpose()
}

/// True for the first who uses this id; a second use is a replay.
pub fn consume(
    tx: &WriteTx<'_>,
    connection: &ConnectionId,
    id: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO consumed (connection_id, used_id, used_at, expires_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, &[connection.into(), id.into(), now.into(), expires_at.into()])? > 0)
}

pub fn consumed_at(tx: &ReadTx<'_>, connection: &ConnectionId, id: &str) -> Result<Option<Timestamp>, StoreError> {
    tx.find(
        "SELECT used_at FROM consumed WHERE connection_id = ?1 AND used_id = ?2",
        &[connection.into(), id.into()],
        |row| row.get("used_at"),
    )
}

/// Forgets at most so many of those that can no longer be valid.
pub fn delete_consumed(tx: &WriteTx<'_>, now: Timestamp, most: u32) -> Result<usize, StoreError> {
    let sql = "DELETE FROM consumed WHERE (connection_id, used_id) IN \
               (SELECT connection_id, used_id FROM consumed WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    tx.execute(sql, &[now.into(), most.into()])
}

pub fn insert(
    tx: &WriteTx<'_>,
    organization: &OrganizationId,
    sign_in: &SignIn,
    is_verified: bool,
) -> Result<(), StoreError> {
    let trace = trace_text(sign_in.trace.as_ref())?;
    tx.execute(
        "INSERT INTO sign_ins (id, organization_id, connection_id, at, verified, code, received, expected, member_id, who, reference, \
         certificate_sha256, trace) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        &[
            (&sign_in.id).into(),
            organization.into(),
            (&sign_in.connection).into(),
            sign_in.at.into(),
            is_verified.into(),
            sign_in.code.clone().into(),
            sign_in.received.clone().into(),
            sign_in.expected.clone().into(),
            sign_in.member.as_ref().map(|id| id.as_str()).into(),
            sign_in.who.clone().into(),
            sign_in.reference.clone().into(),
            sign_in.certificate_sha256.clone().into(),
            trace.into(),
        ],
    )?;
    Ok(())
}

/// Drops the oldest unverified refusals of a connection beyond the newest thousand.
pub fn trim_unverified(tx: &WriteTx<'_>, connection: &ConnectionId) -> Result<(), StoreError> {
    let sql = "SELECT id FROM sign_ins WHERE connection_id = ?1 AND verified = 0 AND code IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET ?2";
    let oldest = tx.find(sql, &[connection.into(), UNVERIFIED_KEPT.into()], |row| row.get::<String>("id"))?;
    if let Some(oldest) = oldest {
        let sql = "DELETE FROM sign_ins WHERE connection_id = ?1 AND verified = 0 AND code IS NOT NULL AND id <= ?2";
        tx.execute(sql, &[connection.into(), oldest.into()])?;
    }
    Ok(())
}

/// Counts an unverified refusal. `Some(n)` once a minute: n of them have not been told of yet, this one included.
pub fn count_unverified(
    tx: &WriteTx<'_>,
    connection: &ConnectionId,
    now: Timestamp,
    told_before: Timestamp,
) -> Result<Option<u32>, StoreError> {
    let sql = "SELECT told_at, untold FROM unverified_refusals WHERE connection_id = ?1";
    let told = |row: &Row<'_>| Ok((Some(row.get("told_at")?), row.get("untold")?));
    let (told_at, untold): (Option<Timestamp>, u32) = tx.find(sql, &[connection.into()], told)?.unwrap_or((None, 0));
    let tells = told_at.is_none_or(|at| at <= told_before);
    let (at, left) = if tells { (now, 0) } else { (told_at.unwrap_or(now), untold + 1) };
    tx.execute(
        "INSERT INTO unverified_refusals (connection_id, told_at, untold) VALUES (?1, ?2, ?3) \
         ON CONFLICT (connection_id) DO UPDATE SET told_at = excluded.told_at, untold = excluded.untold",
        &[connection.into(), at.into(), left.into()],
    )?;
    Ok(tells.then_some(untold + 1))
}

/// A member's refused sign-ins after `from` and not after `to`, newest first; a hundred at most.
pub fn list_refused_of_member(
    tx: &ReadTx<'_>,
    member: &MemberId,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<Vec<SignIn>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sign_ins WHERE member_id = ?1 AND code IS NOT NULL AND at > ?2 AND at <= ?3 ORDER BY id DESC LIMIT 100"
    );
    let (from, to) = (from.map_or(i64::MIN, Timestamp::millis), to.map_or(i64::MAX, Timestamp::millis));
    tx.list(&sql, &[member.into(), from.into(), to.into()], read)
}

/// Newest first. Every filter walks an index, so that a page of a million attempts is as quick as one of a hundred.
pub fn list(
    tx: &ReadTx<'_>,
    connection: &ConnectionId,
    filter: &SignInFilter,
    window: &Window,
) -> Result<Page<SignIn>, StoreError> {
    let mut params: Vec<Value> = vec![connection.into()];
    let mut take = |value: Value| {
        params.push(value);
        format!("?{}", params.len())
    };
    // Ids begin with their time.
    let mut within = String::new();
    for (operator, bound) in
        [(">=", filter.from.map(SignInId::bound)), ("<", filter.to.map(SignInId::bound)), ("<", window.after.clone())]
    {
        if let Some(bound) = bound {
            within.push_str(&format!(" AND id {operator} {}", take(bound.into())));
        }
    }
    let refused = match &filter.code {
        Some(code) => format!("AND code = {}", take(code.into())),
        None => "AND code IS NOT NULL".to_owned(),
    };
    let wants = (filter.refused != Some(true) && filter.code.is_none(), filter.refused != Some(false));
    let parts: Vec<String> = match &filter.person {
        Some(whom) => {
            let address = take(whom.address.clone().into());
            let members: Vec<String> = whom.members.iter().map(|member| take(member.into())).collect();
            of_person(wants, &refused, &address, &members.join(", "))
        }
        None => vec![match wants {
            (true, true) => String::new(),
            (true, false) => "AND code IS NULL".to_owned(),
            (false, true) => refused,
            (false, false) => "AND 1 = 0".to_owned(),
        }],
    };
    let limit = take(i64::try_from(window.limit + 1).unwrap_or(i64::MAX).into());
    let parts =
        parts.iter().map(|part| format!("SELECT {COLUMNS} FROM sign_ins WHERE connection_id = ?1 {part}{within}"));
    let sql = format!("{} ORDER BY id DESC LIMIT {limit}", parts.collect::<Vec<_>>().join(" UNION ALL "));
    let rows = tx.list(&sql, &params, read)?;
    Ok(Page::cut(rows, window.limit, |sign_in| sign_in.id.to_string()))
}

/// No index leads from a person to what was accepted, for it would cost each sign-in: the audit trail does, by the number of
/// the session. What was refused has indexes of its own, one by the address and one by the member.
fn of_person((accepted, refused): (bool, bool), code: &str, address: &str, members: &str) -> Vec<String> {
    let mut parts = Vec::new();
    if accepted && !members.is_empty() {
        parts.push(format!(
            "AND id IN (SELECT 'sgn_' || substr(target_id, 5) FROM audit_events \
             WHERE organization_id = (SELECT organization_id FROM connections WHERE id = ?1) AND actor_id IN ({members}) \
             AND code IS NULL AND action = 'sign_in.succeeded') AND code IS NULL"
        ));
    }
    if refused {
        parts.push(format!("{code} AND who = {address}"));
    }
    if refused && !members.is_empty() {
        parts.push(format!("{code} AND member_id IN ({members}) AND (who IS NULL OR who <> {address})"));
    }
    if parts.is_empty() {
        parts.push("AND 1 = 0".to_owned());
    }
    parts
}

/// The codes that a connection's refusals bear, one step of the index each.
pub fn list_codes(tx: &ReadTx<'_>, connection: &ConnectionId) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT min(code) AS code FROM sign_ins WHERE connection_id = ?1 AND code IS NOT NULL AND code > ?2";
    let mut codes: Vec<String> = Vec::new();
    loop {
        let last = codes.last().map_or("", String::as_str);
        match tx.find(sql, &[connection.into(), last.into()], |row| row.get::<Option<String>>("code"))?.flatten() {
            Some(code) => codes.push(code),
            None => return Ok(codes),
        }
    }
}

pub fn find_by_reference(
    tx: &ReadTx<'_>,
    connection: &ConnectionId,
    reference: &str,
) -> Result<Option<SignIn>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM sign_ins WHERE connection_id = ?1 AND reference = ?2");
    tx.find(&sql, &[connection.into(), reference.into()], read)
}

/// The connection whose sign-in bears this reference.
pub fn find_referenced(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    reference: &str,
) -> Result<Option<ConnectionId>, StoreError> {
    let sql = "SELECT connection_id FROM sign_ins WHERE reference = ?1 AND organization_id = ?2";
    tx.find(sql, &[reference.into(), organization.into()], |row| row.get("connection_id"))
}

/// References are unique in the whole log.
pub fn has_reference(tx: &ReadTx<'_>, reference: &str) -> Result<bool, StoreError> {
    tx.has("SELECT 1 AS found FROM sign_ins WHERE reference = ?1", &[reference.into()])
}

/// The newest success, for the card.
pub fn find_last_success(tx: &ReadTx<'_>, connection: &ConnectionId) -> Result<Option<SignIn>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM sign_ins WHERE connection_id = ?1 AND code IS NULL ORDER BY id DESC LIMIT 1");
    tx.find(&sql, &[connection.into()], read)
}

/// Accepted sign-ins that this certificate signed since then: how many, at most `most`, and when the last was.
pub fn count_by_certificate(
    tx: &ReadTx<'_>,
    connection: &ConnectionId,
    sha256: &str,
    since: Timestamp,
    most: u32,
) -> Result<(u32, Option<Timestamp>), StoreError> {
    let sql = "SELECT count(*) AS n, max(at) AS last FROM (SELECT at FROM sign_ins WHERE connection_id = ?1 \
               AND certificate_sha256 = ?2 AND at > ?3 AND code IS NULL ORDER BY at DESC LIMIT ?4)";
    Ok(tx
        .find(sql, &[connection.into(), sha256.into(), since.into(), most.into()], |row| {
            Ok((row.get("n")?, row.get("last")?))
        })?
        .unwrap_or((0, None)))
}

/// Unsigned refusals since then whose answer named this certificate; newest first.
pub fn list_naming(
    tx: &ReadTx<'_>,
    connection: &ConnectionId,
    sha256: &str,
    since: Timestamp,
    most: u32,
) -> Result<Vec<(String, Timestamp)>, StoreError> {
    let sql = "SELECT reference, at FROM sign_ins WHERE connection_id = ?1 AND verified = 0 AND code = 'saml_signature_cert' \
               AND received = ?2 AND reference IS NOT NULL AND at > ?3 ORDER BY id DESC LIMIT ?4";
    tx.list(sql, &[connection.into(), sha256.into(), since.into(), most.into()], |row| {
        Ok((row.get("reference")?, row.get("at")?))
    })
}

/// The newest sign-in that was refused; a sign-out that was refused is none.
pub fn find_last_refused(tx: &ReadTx<'_>, connection: &ConnectionId) -> Result<Option<SignIn>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sign_ins WHERE connection_id = ?1 AND code IS NOT NULL \
         AND substr(code, 1, 11) <> 'saml_logout' ORDER BY id DESC LIMIT 1"
    );
    tx.find(&sql, &[connection.into()], read)
}

/// Sign-ins refused since the last success and since `since`: how many, and when they began. A sign-out that was refused
/// keeps nobody out.
pub fn find_streak(
    tx: &ReadTx<'_>,
    connection: &ConnectionId,
    since: Timestamp,
) -> Result<Option<(u32, Timestamp)>, StoreError> {
    let sql = "SELECT count(*) AS n, min(at) AS began FROM sign_ins WHERE connection_id = ?1 AND code IS NOT NULL AND at >= ?2 \
               AND substr(code, 1, 11) <> 'saml_logout' \
               AND id > coalesce((SELECT max(id) FROM sign_ins WHERE connection_id = ?1 AND code IS NULL), '')";
    let read = |row: &Row<'_>| Ok((row.get("n")?, row.get::<Option<Timestamp>>("began")?));
    let found = tx.find(sql, &[connection.into(), since.into()], read)?;
    Ok(found.and_then(|(n, began)| Some((n, began?))))
}

/// The oldest lines of the log from before then, at most so many. Their ids begin with their time.
pub fn delete_old(tx: &WriteTx<'_>, before: Timestamp, most: u32) -> Result<usize, StoreError> {
    let sql = "DELETE FROM sign_ins WHERE id IN (SELECT id FROM sign_ins WHERE id < ?1 ORDER BY id LIMIT ?2)";
    tx.execute(sql, &[SignInId::bound(before).into(), most.into()])
}

/// The same for tests.
pub fn delete_old_tests(tx: &WriteTx<'_>, before: Timestamp, most: u32) -> Result<usize, StoreError> {
    let sql = "DELETE FROM tests WHERE id IN (SELECT id FROM tests WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)";
    tx.execute(sql, &[before.into(), most.into()])
}

const TEST: &str = "id, connection_id, revision_id, settings_hash, status, code, started_by, member_id, created_at, expires_at, \
     finished_at, trace, issuer, subject";

fn read_test(row: &Row<'_>) -> Result<Test, StoreError> {
    let status: String = row.get("status")?;
    Ok(Test {
        id: row.get("id")?,
        connection: row.get("connection_id")?,
        revision: row.get("revision_id")?,
        settings_hash: row.get("settings_hash")?,
        status: TestStatus::parse(&status).ok_or_else(|| StoreError::damaged("status", &status))?,
        code: row.get("code")?,
        started_by: row.get("started_by")?,
        member: row.get("member_id")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        finished_at: row.get("finished_at")?,
        trace: read_trace(row)?,
        issuer: row.get("issuer")?,
        subject: row.get("subject")?,
    })
}

pub fn insert_test(
    tx: &WriteTx<'_>,
    organization: &OrganizationId,
    test: &Test,
    hash: &[u8; 32],
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO tests (id, organization_id, connection_id, revision_id, settings_hash, token_hash, status, started_by, member_id, \
         created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        &[
            (&test.id).into(),
            organization.into(),
            (&test.connection).into(),
            (&test.revision).into(),
            (&test.settings_hash).into(),
            (*hash).into(),
            test.status.as_str().into(),
            (&test.started_by).into(),
            test.member.clone().into(),
            test.created_at.into(),
            test.expires_at.into(),
        ],
    )?;
    Ok(())
}

/// Of the tests that a member began and never finished, only the latest stay.
pub fn trim_waiting_tests(tx: &WriteTx<'_>, member: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM tests WHERE member_id = ?1 AND status = 'waiting' AND id NOT IN \
               (SELECT id FROM tests WHERE member_id = ?1 AND status = 'waiting' ORDER BY created_at DESC, id DESC LIMIT 20)";
    tx.execute(sql, &[member.into()])?;
    Ok(())
}

/// Writes the outcome, once; false if the test had ended before.
pub fn finish_test(tx: &WriteTx<'_>, test: &Test) -> Result<bool, StoreError> {
    let trace = trace_text(test.trace.as_ref())?;
    let finished = tx.execute(
        "UPDATE tests SET status = ?2, code = ?3, finished_at = ?4, trace = ?5, issuer = ?6, subject = ?7, member_id = ?8, settings_hash = ?9 \
         WHERE id = ?1 AND status = 'waiting'",
        &[
            (&test.id).into(),
            test.status.as_str().into(),
            test.code.clone().into(),
            test.finished_at.into(),
            trace.into(),
            test.issuer.clone().into(),
            test.subject.clone().into(),
            test.member.clone().into(),
            (&test.settings_hash).into(),
        ],
    )?;
    Ok(finished > 0)
}

pub fn find_test(tx: &ReadTx<'_>, connection: &ConnectionId, id: &TestId) -> Result<Option<Test>, StoreError> {
    let sql = format!("SELECT {TEST} FROM tests WHERE connection_id = ?1 AND id = ?2");
    tx.find(&sql, &[connection.into(), id.into()], read_test)
}

/// For linking oneself: the test says which connection.
pub fn find_test_anywhere(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    id: &TestId,
) -> Result<Option<Test>, StoreError> {
    let sql = format!("SELECT {TEST} FROM tests WHERE organization_id = ?1 AND id = ?2");
    tx.find(&sql, &[organization.into(), id.into()], read_test)
}

pub fn find_test_by_token(tx: &ReadTx<'_>, hash: &[u8; 32]) -> Result<Option<Test>, StoreError> {
    let sql = format!("SELECT {TEST} FROM tests WHERE token_hash = ?1");
    tx.find(&sql, &[(*hash).into()], read_test)
}

/// The newest test that has ended: of settings with this hash, and if there is none, of any.
pub fn find_last_test(
    tx: &ReadTx<'_>,
    connection: &ConnectionId,
    settings_hash: &str,
) -> Result<Option<Test>, StoreError> {
    let sql = format!(
        "SELECT {TEST} FROM tests WHERE connection_id = ?1 AND status <> 'waiting' \
         ORDER BY CASE WHEN settings_hash = ?2 THEN 0 ELSE 1 END, finished_at DESC, id DESC LIMIT 1"
    );
    tx.find(&sql, &[connection.into(), settings_hash.into()], read_test)
}

/// The newest tests of a connection, waiting ones too.
pub fn list_tests(tx: &ReadTx<'_>, connection: &ConnectionId, most: u32) -> Result<Vec<Test>, StoreError> {
    let sql = format!("SELECT {TEST} FROM tests WHERE connection_id = ?1 ORDER BY id DESC LIMIT ?2");
    tx.list(&sql, &[connection.into(), most.into()], read_test)
}

/// Whether a test of settings with this hash has passed.
pub fn has_passed_test(tx: &ReadTx<'_>, connection: &ConnectionId, settings_hash: &str) -> Result<bool, StoreError> {
    let sql =
        "SELECT 1 AS found FROM tests WHERE connection_id = ?1 AND settings_hash = ?2 AND status = 'passed' LIMIT 1";
    tx.has(sql, &[connection.into(), settings_hash.into()])
}
