//! Lists of users and groups as identity providers ask for them.

use crate::model::directory::Directory;
use crate::model::scim::{Bound, Condition, Place, Question, ScimGroup, ScimUser, SortColumn};
use crate::store::error::StoreError;
use crate::store::scim_groups;
use crate::store::scim_users;
use crate::store::tx::{ReadTx, Value};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    User,
    Group,
}

/// The statement behind a question: what follows FROM.
struct Statement {
    wheres: Vec<String>,
    params: Vec<Value>,
    kind: Kind,
}

/// What is greater than every text that begins so.
fn after_prefix(prefix: &str) -> String {
    format!("{prefix}\u{10FFFF}")
}

fn operator(bound: Bound) -> &'static str {
    match bound {
        Bound::Equal => "=",
        Bound::Greater => ">",
        Bound::GreaterOrEqual => ">=",
        Bound::Less => "<",
        Bound::LessOrEqual => "<=",
    }
}

impl Statement {
    fn new(directory: &Directory, kind: Kind) -> Self {
        let (owner, first): (Value, &str) = match kind {
            Kind::User => (directory.number.into(), "r.directory = ?1 AND r.deleted_at IS NULL"),
            Kind::Group => ((&directory.id).into(), "r.directory_id = ?1"),
        };
        Self { wheres: vec![first.to_owned()], params: vec![owner], kind }
    }

    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.params.push(value.into());
        format!("?{}", self.params.len())
    }

    /// False where the store has no column for it.
    fn add(&mut self, condition: &Condition) -> bool {
        let is_user = self.kind == Kind::User;
        let clause = match condition {
            Condition::Id(id) => format!("r.id = {}", self.bind(id)),
            Condition::ExternalId(id) => format!("r.external_id = {}", self.bind(id)),
            Condition::UserName(name) if is_user => format!("r.user_name = {}", self.bind(name)),
            Condition::UserNameStartsWith(prefix) if is_user => {
                let (from, to) = (self.bind(prefix), self.bind(after_prefix(prefix)));
                format!("r.user_name >= {from} AND r.user_name < {to}")
            }
            Condition::DisplayName(name) if !is_user => format!("r.name_norm = {}", self.bind(name)),
            Condition::Email(email) if is_user => {
                let email = self.bind(email);
                format!("r.number IN (SELECT user_number FROM scim_emails WHERE directory = ?1 AND email = {email})")
            }
            Condition::Member(id) if !is_user => {
                let id = self.bind(id);
                format!(
                    "r.member_set IN (SELECT m.member_set FROM memberships m JOIN scim_users u ON u.number = m.user_number \
                     WHERE u.id = {id})"
                )
            }
            Condition::Group(id) if is_user => {
                let id = self.bind(id);
                format!(
                    "r.number IN (SELECT m.user_number FROM memberships m JOIN groups g ON g.member_set = m.member_set \
                     WHERE g.id = {id})"
                )
            }
            Condition::Created(bound, at) => format!("r.created_at {} {}", operator(*bound), self.bind(*at)),
            Condition::LastModified(bound, at) => format!("r.modified_at {} {}", operator(*bound), self.bind(*at)),
            _ => return false,
        };
        self.wheres.push(clause);
        true
    }

    fn from(&self) -> &'static str {
        match self.kind {
            Kind::User => scim_users::FROM,
            Kind::Group => "groups r",
        }
    }

    fn columns(&self) -> &'static str {
        match self.kind {
            Kind::User => scim_users::COLUMNS,
            Kind::Group => scim_groups::COLUMNS,
        }
    }

    fn order(&self, sort: Option<(SortColumn, bool)>) -> String {
        let Some((column, is_descending)) = sort else { return "r.number".to_owned() };
        let column = match (column, self.kind) {
            (SortColumn::Id, _) => "r.id",
            (SortColumn::ExternalId, _) => "r.external_id",
            (SortColumn::UserName, Kind::User) => "r.user_name",
            (SortColumn::DisplayName, Kind::Group) => "r.name_norm",
            (SortColumn::LastModified, _) => "r.modified_at",
            _ => "r.created_at",
        };
        // Without a value last, and first where it goes backwards (RFC 7644 3.4.2.3).
        let way = if is_descending { "DESC NULLS FIRST" } else { "ASC NULLS LAST" };
        format!("{column} {way}, r.number")
    }
}

/// Whether the store can answer by itself, order and all.
pub fn knows_of_users(question: &Question) -> bool {
    let sorts = question.sort.is_none_or(|(column, _)| column != SortColumn::DisplayName);
    sorts && !question.conditions.iter().any(|one| matches!(one, Condition::DisplayName(_) | Condition::Member(_)))
}

pub fn knows_of_groups(question: &Question) -> bool {
    let is_foreign = |condition: &Condition| {
        matches!(
            condition,
            Condition::UserName(_) | Condition::UserNameStartsWith(_) | Condition::Email(_) | Condition::Group(_)
        )
    };
    let sorts = question.sort.is_none_or(|(column, _)| column != SortColumn::UserName);
    sorts && !question.conditions.iter().any(is_foreign)
}

/// Conditions that the store does not know are passed over.
fn statement(directory: &Directory, kind: Kind, question: &Question) -> Statement {
    let mut statement = Statement::new(directory, kind);
    for condition in &question.conditions {
        statement.add(condition);
    }
    statement
}

fn count(tx: &ReadTx<'_>, statement: &Statement) -> Result<u64, StoreError> {
    let from = if statement.kind == Kind::User { "scim_users r" } else { "groups r" };
    let sql = format!("SELECT count(*) AS n FROM {from} WHERE {}", statement.wheres.join(" AND "));
    let row = tx.query_one(&sql, &statement.params)?;
    row.map_or(Ok(0), |row| row.get::<i64>("n")).map(i64::unsigned_abs)
}

fn page<T>(
    tx: &ReadTx<'_>,
    mut statement: Statement,
    question: &Question,
    place: Place,
    most: u64,
    read: fn(&crate::store::tx::Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let (mut skip, columns, from) = (0, statement.columns(), statement.from());
    match place {
        Place::After(number) => {
            let number = statement.bind(number);
            statement.wheres.push(format!("r.number > {number}"));
        }
        Place::Skip(n) => skip = i64::try_from(n).unwrap_or(i64::MAX),
    }
    let (limit, skip) = (statement.bind(i64::try_from(most).unwrap_or(i64::MAX)), statement.bind(skip));
    let sql = format!(
        "SELECT {columns} FROM {from} WHERE {} ORDER BY {} LIMIT {limit} OFFSET {skip}",
        statement.wheres.join(" AND "),
        statement.order(question.sort)
    );
    tx.query(&sql, &statement.params)?.iter().map(read).collect()
}

/// A page of all users of a directory, found by what each block of numbers holds.
fn page_by_rank(tx: &ReadTx<'_>, directory: &Directory, mut skip: u64, most: u64) -> Result<Vec<ScimUser>, StoreError> {
    let sql = "SELECT block, users FROM scim_blocks WHERE directory = ?1 ORDER BY block";
    let mut after = 0;
    for row in tx.query(sql, &[directory.number.into()])? {
        let (block, users): (i64, i64) = (row.get("block")?, row.get("users")?);
        after = block * scim_users::BLOCK - 1;
        if skip < users.unsigned_abs() {
            break;
        }
        skip -= users.unsigned_abs();
        after += scim_users::BLOCK;
    }
    if skip > 0 {
        let sql = "SELECT number FROM scim_users WHERE directory = ?1 AND deleted_at IS NULL AND number > ?2 \
                   ORDER BY number LIMIT 1 OFFSET ?3";
        let skip = i64::try_from(skip - 1).unwrap_or(i64::MAX);
        match tx.query_one(sql, &[directory.number.into(), after.into(), skip.into()])? {
            Some(row) => after = row.get("number")?,
            None => return Ok(Vec::new()),
        }
    }
    scim_users::list_after(tx, directory, after, u32::try_from(most).unwrap_or(u32::MAX))
}

/// How many users meet the conditions that the store knows.
pub fn count_users(tx: &ReadTx<'_>, directory: &Directory, question: &Question) -> Result<u64, StoreError> {
    if question.conditions.is_empty() {
        let row = tx.query_one("SELECT users FROM directories WHERE number = ?1", &[directory.number.into()])?;
        return row.map_or(Ok(0), |row| row.get::<i64>("users")).map(i64::unsigned_abs);
    }
    count(tx, &statement(directory, Kind::User, question))
}

pub fn list_users(
    tx: &ReadTx<'_>,
    directory: &Directory,
    question: &Question,
    place: Place,
    most: u64,
) -> Result<Vec<ScimUser>, StoreError> {
    match place {
        Place::Skip(skip) if *question == Question::default() => page_by_rank(tx, directory, skip, most),
        _ => page(tx, statement(directory, Kind::User, question), question, place, most, scim_users::read),
    }
}

pub fn count_groups(tx: &ReadTx<'_>, directory: &Directory, question: &Question) -> Result<u64, StoreError> {
    count(tx, &statement(directory, Kind::Group, question))
}

pub fn list_groups(
    tx: &ReadTx<'_>,
    directory: &Directory,
    question: &Question,
    place: Place,
    most: u64,
) -> Result<Vec<ScimGroup>, StoreError> {
    page(tx, statement(directory, Kind::Group, question), question, place, most, scim_groups::read)
}
