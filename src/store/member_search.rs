//! Members by what they are: the filters of a list as one statement, and the values that filters can have.

use std::collections::BTreeSet;

use crate::model::email::Email;
use crate::model::id::OrganizationId;
use crate::model::member::{Source, Status, is_short};
use crate::store::error::StoreError;
use crate::store::tx::{ReadTx, Row, Value};

/// What a list of members is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub text: Option<String>,
    pub email: Option<String>,
    pub status: Option<Status>,
    pub source: Option<Source>,
    /// Slug.
    pub role: Option<String>,
    pub job_title: Option<String>,
    /// `Group:{name}`
    pub tag: Option<String>,
    /// False: those whom no directory covers.
    pub is_covered: Option<bool>,
}

/// An index is counted so far when several could lead the way.
const PROBED: u32 = 2_000;
/// Of a text so many words are looked for.
const WORDS: usize = 10;
/// Before each word in `search_text`: so short a text as a letter still has the three characters that the index goes by.
const WORD_START: &str = "\u{1}\u{1}";

/// What is looked through for a text, in small letters. It stands with the member and is indexed by three characters each.
pub fn search_text(email: &Email, name: Option<&str>, job_title: Option<&str>) -> String {
    let all = [Some(email.normal()), name, job_title];
    let words: Vec<String> = all.into_iter().flatten().flat_map(str::split_whitespace).map(str::to_lowercase).collect();
    // A sign is found wherever it stands, so each is a word of its own too.
    let signs: BTreeSet<char> = words.iter().flat_map(|word| word.chars()).filter(|c| !c.is_alphanumeric()).collect();
    words
        .into_iter()
        .chain(signs.into_iter().map(String::from))
        .flat_map(|word| [WORD_START.to_owned(), word])
        .collect()
}

/// Each word of a text as it has to stand in `search_text`: from three letters on anywhere, shorter ones where a word begins.
fn needles(text: &str) -> Vec<String> {
    let needle = |word: &str| {
        let word = word.to_lowercase();
        match word.chars().count() {
            1 => format!("{WORD_START}{word}"),
            _ if is_short(&word) => format!("\u{1}{word}"),
            _ => word,
        }
    };
    text.split_whitespace().take(WORDS).map(needle).collect()
}

/// The question to the index: every three characters that follow each other. What it finds may have them elsewhere, so each
/// needle is looked for once more.
fn trigrams(needles: &[String]) -> String {
    let mut all = BTreeSet::new();
    for needle in needles {
        let letters: Vec<char> = needle.chars().collect();
        all.extend(letters.windows(3).map(|three| format!("\"{}\"", String::from_iter(three).replace('"', "\"\""))));
    }
    let all: Vec<String> = all.into_iter().collect();
    all.join(" AND ")
}

/// A piece of a statement; `??` stands for each of its values, `?1` for the organization.
#[derive(Clone)]
struct Clause {
    sql: String,
    values: Vec<Value>,
}

impl Clause {
    fn new(sql: impl Into<String>, values: Vec<Value>) -> Self {
        Self { sql: sql.into(), values }
    }

    /// With numbered places, its values put to the others.
    fn bind(self, params: &mut Vec<Value>) -> String {
        self.values.into_iter().fold(self.sql, |sql, value| sql.replacen("??", &bind(params, value), 1))
    }
}

fn bind(params: &mut Vec<Value>, value: Value) -> String {
    params.push(value);
    format!("?{}", params.len())
}

/// What the rows of an index are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// The members themselves.
    Members,
    /// Something that members have, each maybe more than once.
    Held(&'static str),
    /// The index of texts.
    Text,
}

impl Rows {
    fn table(self) -> &'static str {
        match self {
            Self::Members => "members m",
            Self::Held(table) => table,
            Self::Text => "member_text",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Members => "m.id",
            Self::Held(_) => "d.member_id",
            Self::Text => "member_text.rowid",
        }
    }

    fn from(self) -> String {
        match self {
            Self::Members => self.table().to_owned(),
            other => format!("{} CROSS JOIN members m", other.table()),
        }
    }

    fn join(self) -> Option<&'static str> {
        match self {
            Self::Members => None,
            Self::Held(_) => Some("m.id = d.member_id"),
            Self::Text => Some("m.number = member_text.rowid"),
        }
    }
}

/// One of the filters: how it leads through its index, and how a member is held to it when another leads.
struct Way {
    rows: Rows,
    index: Clause,
    check: Clause,
}

impl Way {
    fn column(column: &str, value: Value) -> Self {
        let index = format!("m.organization_id = ?1 AND m.deleted_at IS NULL AND m.{column} = ??");
        let check = format!("+m.{column} = ??");
        Self {
            rows: Rows::Members,
            index: Clause::new(index, vec![value.clone()]),
            check: Clause::new(check, vec![value]),
        }
    }

    fn covered(is_covered: bool) -> Self {
        let is = if is_covered { "IS NOT NULL" } else { "IS NULL" };
        let index = format!("m.organization_id = ?1 AND m.deleted_at IS NULL AND m.directory_id {is}");
        let check = format!("+m.directory_id {is}");
        Self { rows: Rows::Members, index: Clause::new(index, Vec::new()), check: Clause::new(check, Vec::new()) }
    }

    fn role(role: &str) -> Self {
        let check = "EXISTS (SELECT 1 FROM member_roles r WHERE r.member_id = m.id AND r.role = ??)";
        Self {
            rows: Rows::Held("member_roles d"),
            index: Clause::new("d.organization_id = ?1 AND d.role = ??", vec![role.into()]),
            check: Clause::new(check, vec![role.into()]),
        }
    }

    /// None where nobody has the tag.
    fn tag(tx: &ReadTx<'_>, organization: &OrganizationId, tag: &str) -> Result<Option<Self>, StoreError> {
        let Some(group) = tag.strip_prefix("Group:") else {
            let check = "EXISTS (SELECT 1 FROM member_tags t WHERE t.member_id = m.id AND t.tag = ??)";
            return Ok(Some(Self {
                rows: Rows::Held("member_tags d"),
                index: Clause::new("d.organization_id = ?1 AND d.tag = ??", vec![tag.into()]),
                check: Clause::new(check, vec![tag.into()]),
            }));
        };
        // Several connections and directories may each have a group of that name.
        let sql = "SELECT id, member_set FROM groups WHERE organization_id = ?1 AND name = ?2 LIMIT 100";
        let rows = tx.query(sql, &[organization.into(), group.into()])?;
        if rows.iter().any(|row| !matches!(row.get::<Option<i64>>("member_set"), Ok(None))) {
            return Self::pushed_groups(&rows).map(Some);
        }
        let groups = rows.iter().map(|row| row.get::<String>("id")).collect::<Result<Vec<_>, _>>()?;
        let values: Vec<Value> = groups.iter().map(Value::from).collect();
        let places = vec!["??"; groups.len()].join(", ");
        let check =
            format!("EXISTS (SELECT 1 FROM group_members g WHERE g.member_id = m.id AND g.group_id IN ({places}))");
        let way = Self {
            rows: Rows::Held("group_members d"),
            index: Clause::new(format!("d.group_id IN ({places})"), values.clone()),
            check: Clause::new(check, values),
        };
        Ok((!groups.is_empty()).then_some(way))
    }

    /// Groups of which one at least comes from a directory.
    fn pushed_groups(rows: &[Row]) -> Result<Self, StoreError> {
        let (mut ids, mut sets) = (Vec::new(), Vec::new());
        for row in rows {
            match row.get::<Option<i64>>("member_set")? {
                Some(set) => sets.push(Value::from(set)),
                None => ids.push(Value::from(row.get::<String>("id")?)),
            }
        }
        let places = |values: &[Value]| vec!["??"; values.len()].join(", ");
        let held = format!(
            "SELECT gm.member_id FROM group_members gm WHERE gm.group_id IN ({}) UNION SELECT u.member_id FROM memberships s \
             JOIN scim_users u ON u.number = s.user_number WHERE s.member_set IN ({}) AND u.member_id IS NOT NULL \
             AND u.deleted_at IS NULL",
            places(&ids),
            places(&sets)
        );
        let check = format!(
            "(EXISTS (SELECT 1 FROM group_members gm WHERE gm.member_id = m.id AND gm.group_id IN ({})) OR EXISTS \
             (SELECT 1 FROM scim_users u JOIN memberships s ON s.user_number = u.number WHERE u.member_id = m.id \
             AND u.deleted_at IS NULL AND s.member_set IN ({})))",
            places(&ids),
            places(&sets)
        );
        let values: Vec<Value> = ids.into_iter().chain(sets).collect();
        let index = Clause::new(
            format!("m.organization_id = ?1 AND m.deleted_at IS NULL AND m.id IN ({held})"),
            values.clone(),
        );
        Ok(Self { rows: Rows::Members, index, check: Clause::new(check, values) })
    }

    /// None where nothing that is kept has such characters, and the index's own language ends at a NUL.
    fn text(text: &str) -> Option<Self> {
        let needles = needles(text);
        if needles.is_empty() || text.chars().any(|letter| letter.is_control() && !letter.is_whitespace()) {
            return None;
        }
        let check = vec!["instr(m.search_text, ??) > 0"; needles.len()].join(" AND ");
        Some(Self {
            rows: Rows::Text,
            index: Clause::new("member_text MATCH ??", vec![trigrams(&needles).into()]),
            check: Clause::new(check, needles.into_iter().map(Value::from).collect()),
        })
    }

    /// The ways that a filter opens; None where one of them leads to nobody.
    fn all(tx: &ReadTx<'_>, organization: &OrganizationId, filter: &Filter) -> Result<Option<Vec<Self>>, StoreError> {
        let mut ways = Vec::new();
        if let Some(email) = &filter.email {
            let normal = Email::parse(email).map_or_else(|| email.to_lowercase(), |email| email.normal().to_owned());
            ways.push(Self::column("email_norm", normal.into()));
        }
        if let Some(tag) = &filter.tag {
            let Some(way) = Self::tag(tx, organization, tag)? else { return Ok(None) };
            ways.push(way);
        }
        if let Some(role) = &filter.role {
            ways.push(Self::role(role));
        }
        if let Some(title) = &filter.job_title {
            ways.push(Self::column("job_title", title.into()));
        }
        if let Some(text) = &filter.text {
            let Some(way) = Self::text(text) else { return Ok(None) };
            ways.push(way);
        }
        if let Some(source) = filter.source {
            ways.push(Self::column("source", source.as_str().into()));
        }
        if let Some(is_covered) = filter.is_covered {
            ways.push(Self::covered(is_covered));
        }
        if let Some(status) = filter.status {
            ways.push(Self::column("status", status.as_str().into()));
        }
        Ok(Some(ways))
    }

    /// How many rows its index has, as far as they are counted.
    fn probe(&self, tx: &ReadTx<'_>, organization: &OrganizationId) -> Result<u32, StoreError> {
        let mut params = vec![organization.into()];
        let index = self.index.clone().bind(&mut params);
        let sql = format!(
            "SELECT count(*) AS n FROM (SELECT 1 FROM {} WHERE ?1 <> '' AND {index} LIMIT {PROBED})",
            self.rows.table()
        );
        tx.query_one(&sql, &params)?.map_or(Ok(0), |row| row.get("n"))
    }
}

/// A filter as a statement. It walks the index that holds the fewest, in an order that pages can follow, so that a page
/// costs its rows and not the organization; `CROSS JOIN` keeps the order of the tables, and `+` keeps a clause from choosing
/// an index.
pub struct Search {
    pub from: String,
    /// The column that pages follow.
    pub key: &'static str,
    /// Whether a member may come twice.
    pub repeats: bool,
    pub wheres: Vec<String>,
    pub params: Vec<Value>,
    /// Found in the order in which members were made known, not in that of their ids.
    pub is_by_text: bool,
}

impl Search {
    /// None where the filter can find nobody. `by_text` says of the pages before how they were found: their order is kept.
    pub fn new(
        tx: &ReadTx<'_>,
        organization: &OrganizationId,
        filter: &Filter,
        by_text: Option<bool>,
    ) -> Result<Option<Self>, StoreError> {
        let Some(ways) = Way::all(tx, organization, filter)? else { return Ok(None) };
        let leader = leader(tx, organization, &ways, by_text)?;
        let rows = leader.map_or(Rows::Members, |n| ways[n].rows);
        let mut params = vec![organization.into()];
        let mut wheres = vec!["m.organization_id = ?1".to_owned(), "m.deleted_at IS NULL".to_owned()];
        wheres.extend(rows.join().map(str::to_owned));
        for (n, way) in ways.into_iter().enumerate() {
            let leads = Some(n) == leader;
            if leads {
                wheres.push(way.index.bind(&mut params));
            }
            // The index of texts only says who may be meant.
            if !leads || rows == Rows::Text {
                wheres.push(way.check.bind(&mut params));
            }
        }
        let repeats = matches!(rows, Rows::Held(_));
        let is_by_text = rows == Rows::Text;
        Ok(Some(Self { from: rows.from(), key: rows.key(), repeats, wheres, params, is_by_text }))
    }

    pub fn bind(&mut self, value: Value) -> String {
        bind(&mut self.params, value)
    }
}

/// A statement for the ids of the members who have the text, with its values put to `params`, whose first is the organization.
/// None where nobody can have it.
pub fn ids_by_text(text: &str, params: &mut Vec<Value>) -> Option<String> {
    let Way { rows, index, check } = Way::text(text)?;
    let join = rows.join().unwrap_or("1 = 1");
    let (index, check) = (index.bind(params), check.bind(params));
    let from = rows.from();
    Some(format!(
        "SELECT m.id FROM {from} WHERE {index} AND {join} AND m.organization_id = ?1 AND m.deleted_at IS NULL AND {check}"
    ))
}

/// A condition on one member `m` to have the text. None where nobody can have it.
pub fn has_text(text: &str, params: &mut Vec<Value>) -> Option<String> {
    Way::text(text).map(|way| way.check.bind(params))
}

/// The way that finds the fewest.
fn leader(
    tx: &ReadTx<'_>,
    organization: &OrganizationId,
    ways: &[Way],
    by_text: Option<bool>,
) -> Result<Option<usize>, StoreError> {
    let is_open = |way: &Way| by_text.is_none_or(|by_text| by_text == (way.rows == Rows::Text));
    let open: Vec<usize> = (0..ways.len()).filter(|n| is_open(&ways[*n])).collect();
    if open.len() < 2 {
        return Ok(open.first().copied());
    }
    let mut best: Option<(u32, usize)> = None;
    for n in open {
        let found = ways[n].probe(tx, organization)?;
        if best.is_none_or(|(least, _)| found < least) {
            best = Some((found, n));
        }
    }
    Ok(best.map(|(_, n)| n))
}

/// Job titles that members have, in order: one look into the index for each.
pub fn list_job_titles(tx: &ReadTx<'_>, organization: &OrganizationId, most: u32) -> Result<Vec<String>, StoreError> {
    let next = "SELECT min(job_title) FROM members WHERE organization_id = ?1 AND deleted_at IS NULL";
    let sql = format!(
        "WITH RECURSIVE titles (title) AS ({next} UNION ALL SELECT ({next} AND job_title > titles.title) FROM titles \
         WHERE titles.title IS NOT NULL) SELECT title FROM titles WHERE title IS NOT NULL LIMIT ?2"
    );
    tx.query(&sql, &[organization.into(), most.into()])?.iter().map(|row| row.get("title")).collect()
}

/// Tags that mappings gave, the same way.
pub fn list_tags(tx: &ReadTx<'_>, organization: &OrganizationId, most: u32) -> Result<Vec<String>, StoreError> {
    let next = "SELECT min(tag) FROM member_tags WHERE organization_id = ?1";
    let sql = format!(
        "WITH RECURSIVE tags (tag) AS ({next} UNION ALL SELECT ({next} AND member_tags.tag > tags.tag) FROM tags \
         WHERE tags.tag IS NOT NULL) SELECT tag FROM tags WHERE tag IS NOT NULL LIMIT ?2"
    );
    tx.query(&sql, &[organization.into(), most.into()])?.iter().map(|row| row.get("tag")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(text: &str) -> bool {
        let email = Email::parse("Zoë.Østergård@acme.example").unwrap();
        let kept = search_text(&email, Some("Zoë  ØSTERGÅRD"), Some("100% Nurse"));
        let needles = needles(text);
        let three = trigrams(&needles);
        // What the text holds is what the index would be asked for.
        let is_indexed =
            three.split(" AND ").all(|quoted| kept.contains(&quoted[1..quoted.len() - 1].replace("\"\"", "\"")));
        let holds = needles.iter().all(|needle| kept.contains(needle));
        assert!(is_indexed || !holds, "{text}");
        holds
    }

    #[test]
    fn words_are_found_anywhere_short_ones_where_a_word_begins() {
        for text in ["z", "zo", "østergård", "STERG", "nurse zoë", "acme.ex", "%", "@", "100%", "nu"] {
            assert!(is_found(text), "{text}");
        }
        for text in ["ur", "rd", "nurse ada", "zoë østergårds", "_"] {
            assert!(!is_found(text), "{text}");
        }
        assert!(needles(" \t ").is_empty());
    }

    #[test]
    fn a_question_to_the_index_holds_nothing_but_quoted_characters() {
        let asked = "\"\u{1}c*\" AND \"\u{1}or\" AND \"\"\"b\"\"\" AND \"a\"\"b\"";
        assert_eq!(trigrams(&needles("a\"b\" OR c*")), asked);
    }
}
