//! Sessions by what they are: the filters of a list as one statement.

use crate::model::id::{ConnectionId, OrganizationId, SessionId};
use crate::model::page::{Page, Window};
use crate::model::session::{IDLE, Session, SessionFilter};
use crate::model::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::member_search::ids_by_text;
use crate::store::sessions::{COLUMNS, read};
use crate::store::tx::{ReadTx, Value};

/// So many sessions are counted.
const COUNTED: u32 = 5_000;

/// How many a filter finds, and of how many people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    pub sessions: u32,
    pub people: u32,
}

/// Sessions that go on. `f` walks an index that knows most of the filters, newest first; only what passes is looked up in `s`.
/// Of one member `f` walks their few, so the organization is compared in `s`; so is the person's name, or else a name that
/// fits half of the members would be gone through session by session.
struct Search {
    wheres: Vec<String>,
    params: Vec<Value>,
}

impl Search {
    fn new(organization: &OrganizationId, filter: &SessionFilter, now: Timestamp) -> Self {
        let mut search = Self { wheres: vec!["s.id = f.id".to_owned()], params: Vec::new() };
        match &filter.member {
            Some(member) => {
                search.add("s.organization_id = ??", organization.into());
                search.add("f.member_id = ??", member.into());
            }
            None => search.add("f.organization_id = ??", organization.into()),
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
        if let Some(text) = &filter.text {
            let people = ids_by_text(text, &mut search.params);
            search.wheres.push(people.map_or_else(|| "1 = 0".to_owned(), |ids| format!("s.member_id IN ({ids})")));
        }
        search
    }

    fn add(&mut self, clause: &str, value: Value) {
        self.params.push(value);
        self.wheres.push(clause.replace("??", &format!("?{}", self.params.len())));
    }

    fn sql(&self, columns: &str, rest: &str) -> String {
        format!("SELECT {columns} FROM sessions f CROSS JOIN sessions s WHERE {} {rest}", self.wheres.join(" AND "))
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
    let mut search = Search::new(organization, filter, now);
    if let Some(after) = &window.after {
        search.add("f.id < ??", after.into());
    }
    let limit = i64::try_from(window.limit + 1).unwrap_or(i64::MAX);
    search.params.push(limit.into());
    let columns = format!("s.{}", COLUMNS.replace(", ", ", s."));
    let sql = search.sql(&columns, &format!("ORDER BY f.id DESC LIMIT ?{}", search.params.len()));
    let rows = tx.query(&sql, &search.params)?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(rows, window.limit, |session| session.id.to_string()))
}

/// All of them, the oldest first.
pub fn list_ids(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    filter: &SessionFilter,
    now: Timestamp,
) -> Result<Vec<SessionId>, StoreError> {
    let search = Search::new(organization, filter, now);
    tx.query(&search.sql("f.id", "ORDER BY f.id"), &search.params)?.iter().map(|row| row.get("id")).collect()
}

/// All but perhaps one. Beyond `COUNTED` there are more than it says.
pub fn count(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    filter: &SessionFilter,
    now: Timestamp,
    but: Option<&SessionId>,
) -> Result<Found, StoreError> {
    let mut search = Search::new(organization, filter, now);
    if let Some(but) = but {
        search.add("f.id <> ??", but.into());
    }
    search.params.push((COUNTED + 1).into());
    let each = search.sql("f.member_id AS whose", &format!("LIMIT ?{}", search.params.len()));
    let sql = format!("SELECT count(*) AS n, count(DISTINCT whose) AS people FROM ({each})");
    let row = tx.query_one(&sql, &search.params)?;
    row.map_or(Ok(Found::default()), |row| Ok(Found { sessions: row.get("n")?, people: row.get("people")? }))
}

/// Whether the filter finds this one.
pub fn finds(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    filter: &SessionFilter,
    now: Timestamp,
    id: &SessionId,
) -> Result<bool, StoreError> {
    let mut search = Search::new(organization, filter, now);
    search.add("f.id = ??", id.into());
    Ok(tx.query_one(&search.sql("f.id", ""), &search.params)?.is_some())
}
