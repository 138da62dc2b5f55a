//! Sessions by what they are: the filters of a list as one statement.

use crate::model::id::{ConnectionId, MemberId, OrganizationId, SessionId};
use crate::model::page::{Page, Window};
use crate::model::session::{COUNTED, IDLE, Session, SessionFilter};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::member_search::{has_text, ids_by_text};
use crate::store::sessions::{COLUMNS, read};
use crate::store::tx::{ReadTx, Value};

/// So many people whom a text means are looked for by their own sessions.
const FEW: usize = 200;
/// So many are found before their sessions; of more, sessions are asked for their people.
const SOME: usize = 2_000;

/// How many a filter finds, and of how many people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    pub sessions: u32,
    pub people: u32,
}

/// Sessions that go on. `f` walks an index that knows most of the filters, newest first; only what passes is looked up in `s`.
/// Of one member, or of the few whom a text means, `f` walks their own, so the organization is compared in `s`; so is the name
/// where it fits many, or else each of them would be gone through session by session.
struct Search {
    wheres: Vec<String>,
    params: Vec<Value>,
}

impl Search {
    /// None where the text means nobody.
    fn new(
        tx: &ReadTx<'_>,
        organization: &OrganizationId,
        filter: &SessionFilter,
        now: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        let mut search = Self { wheres: vec!["s.id = f.id".to_owned()], params: vec![organization.into()] };
        let meant = match &filter.text {
            Some(text) => Meant::find(tx, organization, text)?,
            None => Meant::Anybody,
        };
        match (&filter.member, &meant) {
            (_, Meant::Few(ids)) if ids.is_empty() => return Ok(None),
            (Some(member), _) => {
                search.wheres.push("s.organization_id = ?1".to_owned());
                search.add("f.member_id = ??", member.into());
            }
            (None, Meant::Few(_)) => search.wheres.push("s.organization_id = ?1".to_owned()),
            (None, _) => search.wheres.push("f.organization_id = ?1".to_owned()),
        }
        search.add("f.expires_at > ??", now.into());
        search.add("s.last_seen_at > ??", (now - IDLE).into());
        let texts = [
            ("f.method = ??", filter.method.map(|kind| kind.as_str().to_owned())),
            ("f.connection_id = ??", filter.connection.as_ref().map(ConnectionId::to_string)),
            ("f.ip = ??", filter.ip.map(|ip| ip.to_string())),
            // Ids begin with their time.
            ("f.id >= ??", filter.from.map(SessionId::bound)),
            ("f.id < ??", filter.before.map(SessionId::bound)),
        ];
        for (clause, value) in texts {
            if let Some(value) = value {
                search.add(clause, value.into());
            }
        }
        match meant {
            Meant::Anybody => {}
            Meant::Few(ids) => {
                let first = search.params.len() + 1;
                search.params.extend(ids.iter().map(Value::from));
                let places: Vec<String> = (first..=search.params.len()).map(|n| format!("?{n}")).collect();
                search.wheres.push(format!("f.member_id IN ({})", places.join(", ")));
            }
            Meant::Some(text) => {
                let people = ids_by_text(&text, &mut search.params);
                search.wheres.push(people.map_or_else(|| "1 = 0".to_owned(), |ids| format!("s.member_id IN ({ids})")));
            }
            Meant::Many(text) => {
                let has = has_text(&text, &mut search.params);
                let exists = "EXISTS (SELECT 1 FROM members m WHERE m.id = s.member_id AND m.deleted_at IS NULL AND";
                search.wheres.push(has.map_or_else(|| "1 = 0".to_owned(), |has| format!("{exists} {has})")));
            }
        }
        Ok(Some(search))
    }

    fn add(&mut self, clause: &str, value: Value) {
        self.params.push(value);
        self.wheres.push(clause.replace("??", &format!("?{}", self.params.len())));
    }

    fn sql(&self, columns: &str, rest: &str) -> String {
        format!("SELECT {columns} FROM sessions f CROSS JOIN sessions s WHERE {} {rest}", self.wheres.join(" AND "))
    }
}

/// Whom a text means.
enum Meant {
    Anybody,
    /// These, who are looked for each by their own sessions.
    Few(Vec<MemberId>),
    /// Those whom the text finds, found before their sessions.
    Some(String),
    /// So many that sessions are met soon whose member has the text.
    Many(String),
}

impl Meant {
    fn find(tx: &ReadTx<'_>, organization: &OrganizationId, text: &str) -> Result<Self, StoreError> {
        let mut params = vec![organization.into()];
        let Some(ids) = ids_by_text(text, &mut params) else { return Ok(Self::Few(Vec::new())) };
        let found = tx.list(&format!("{ids} LIMIT {}", SOME + 1), &params, |row| row.get("id"))?;
        Ok(match found.len() {
            n if n > SOME => Self::Many(text.to_owned()),
            n if n > FEW => Self::Some(text.to_owned()),
            _ => Self::Few(found),
        })
    }
}

/// Newest first.
pub fn list(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    filter: &SessionFilter,
    window: &Window,
    now: Timestamp,
) -> Result<Page<Session>, StoreError> {
    let Some(mut search) = Search::new(tx, organization, filter, now)? else {
        return Ok(Page { rows: Vec::new(), next: None });
    };
    if let Some(after) = &window.after {
        search.add("f.id < ??", after.into());
    }
    let limit = i64::try_from(window.limit + 1).unwrap_or(i64::MAX);
    search.params.push(limit.into());
    let columns = format!("s.{}", COLUMNS.replace(", ", ", s."));
    let sql = search.sql(&columns, &format!("ORDER BY f.id DESC LIMIT ?{}", search.params.len()));
    let rows = tx.list(&sql, &search.params, read)?;
    Ok(Page::cut(rows, window.limit, |session| session.id.to_string()))
}

/// All of them, the oldest first.
pub fn list_ids(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    filter: &SessionFilter,
    now: Timestamp,
) -> Result<Vec<SessionId>, StoreError> {
    let Some(search) = Search::new(tx, organization, filter, now)? else { return Ok(Vec::new()) };
    tx.list(&search.sql("f.id", "ORDER BY f.id"), &search.params, |row| row.get("id"))
}

/// All but perhaps one. Beyond `COUNTED` there are more than it says.
pub fn count(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    filter: &SessionFilter,
    now: Timestamp,
    but: Option<&SessionId>,
) -> Result<Found, StoreError> {
    let Some(mut search) = Search::new(tx, organization, filter, now)? else { return Ok(Found::default()) };
    if let Some(but) = but {
        search.add("f.id <> ??", but.into());
    }
    search.params.push((COUNTED + 1).into());
    let each = search.sql("f.member_id AS whose", &format!("LIMIT ?{}", search.params.len()));
    let sql = format!("SELECT count(*) AS n, count(DISTINCT whose) AS people FROM ({each})");
    Ok(tx
        .find(&sql, &search.params, |row| Ok(Found { sessions: row.get("n")?, people: row.get("people")? }))?
        .unwrap_or(Found::default()))
}

/// Whether the filter finds this one.
pub fn finds(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    filter: &SessionFilter,
    now: Timestamp,
    id: &SessionId,
) -> Result<bool, StoreError> {
    let Some(mut search) = Search::new(tx, organization, filter, now)? else { return Ok(false) };
    search.add("f.id = ??", id.into());
    tx.has(&search.sql("f.id", ""), &search.params)
}
