//! Lists of users and groups as identity providers ask for them.

use crate::model::directory::Directory;
use crate::model::scim::{Bound, Condition, Place, Question, ScimGroup, SortColumn, UserDocument};
use crate::store::error::StoreError;
use crate::store::scim_groups;
use crate::store::scim_users;
use crate::store::tx::{ReadTx, Row, Value};

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
            Kind::User => scim_users::DOCUMENT,
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
    Ok(tx.find(&sql, &statement.params, |row| row.get::<i64>("n"))?.unwrap_or(0).unsigned_abs())
}

fn page<T>(
    tx: &ReadTx<'_>,
    mut statement: Statement,
    question: &Question,
    place: Place,
    most: u64,
    read: fn(&Row<'_>) -> Result<T, StoreError>,
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
    tx.list(&sql, &statement.params, read)
}

/// The number behind which a page of all users begins, found by what each block of numbers holds; none where it would be empty.
pub fn find_start(tx: &ReadTx<'_>, directory: &Directory, mut skip: u64) -> Result<Option<i64>, StoreError> {
    if skip == 0 {
        return Ok(Some(0));
    }
    let sql = "SELECT users, first_number, last_number FROM scim_blocks WHERE directory = ?1 ORDER BY block";
    let read = |row: &Row<'_>| Ok((row.get::<i64>("users")?, row.get("first_number")?, row.get("last_number")?));
    let blocks: Vec<(i64, i64, i64)> = tx.list(sql, &[directory.number.into()], read)?;
    for (users, first, last) in blocks {
        if skip >= users.unsigned_abs() {
            skip -= users.unsigned_abs();
            continue;
        }
        let skip = i64::try_from(skip).unwrap_or(i64::MAX);
        // Where nobody is missing the place is known.
        if users == last - first + 1 {
            return Ok(Some(first + skip - 1));
        }
        let sql = "SELECT number FROM scim_users WHERE directory = ?1 AND deleted_at IS NULL AND number >= ?2 \
                   ORDER BY number LIMIT 1 OFFSET ?3";
        let number =
            tx.find(sql, &[directory.number.into(), first.into(), skip.into()], |row| row.get::<i64>("number"))?;
        return Ok(number.map(|number| number - 1));
    }
    Ok(None)
}

/// How many users meet the conditions that the store knows.
pub fn count_users(tx: &ReadTx<'_>, directory: &Directory, question: &Question) -> Result<u64, StoreError> {
    if question.conditions.is_empty() {
        let sql = "SELECT coalesce(sum(users), 0) AS users FROM scim_blocks WHERE directory = ?1";
        let users = tx.find(sql, &[directory.number.into()], |row| row.get::<i64>("users"))?;
        return Ok(users.unwrap_or(0).unsigned_abs());
    }
    count(tx, &statement(directory, Kind::User, question))
}

pub fn list_users(
    tx: &ReadTx<'_>,
    directory: &Directory,
    question: &Question,
    place: Place,
    most: u64,
) -> Result<Vec<UserDocument<String>>, StoreError> {
    let mut place = place;
    if let (Place::Skip(skip), true) = (place, *question == Question::default()) {
        let Some(after) = find_start(tx, directory, skip)? else { return Ok(Vec::new()) };
        place = Place::After(after);
    }
    page(tx, statement(directory, Kind::User, question), question, place, most, scim_users::read_document)
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
