//! Members by what they are: the filters of a list as one statement, and the values that filters can have.

use std::collections::BTreeSet;

use crate::model::email::Email;
use crate::model::id::OrganizationId;
use crate::model::member::{Order, Source, Status, is_short};
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
    /// By an enabled directory.
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
    /// The places in a group of the directory of this number: users, each of them one member.
    Places(i64),
}

impl Rows {
    fn table(self) -> &'static str {
        match self {
            Self::Members => "members m",
            Self::Held(table) => table,
            Self::Text => "member_text",
            Self::Places(_) => "memberships d",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Members => "m.id",
            Self::Held(_) => "d.member_id",
            Self::Text => "member_text.rowid",
            Self::Places(_) => "d.user_number",
        }
    }

    fn order(self) -> Order {
        match self {
            Self::Members | Self::Held(_) => Order::Ids,
            Self::Text => Order::Text,
            Self::Places(_) => Order::Users,
        }
    }

    fn from(self) -> String {
        match self {
            Self::Members => self.table().to_owned(),
            Self::Places(_) => format!("{} CROSS JOIN scim_users u CROSS JOIN members m", self.table()),
            other => format!("{} CROSS JOIN members m", other.table()),
        }
    }

    fn join(self) -> Option<&'static str> {
        match self {
            Self::Members => None,
            Self::Held(_) => Some("m.id = d.member_id"),
            Self::Text => Some("m.number = member_text.rowid"),
            Self::Places(_) => Some("u.number = d.user_number AND u.deleted_at IS NULL AND m.id = u.member_id"),
        }
    }
}

/// A group of the name that a tag says: its id, and its set and directory where it was pushed.
type Named = (String, Option<i64>, Option<i64>);

/// One of the filters: how it leads through its index, and how a member is held to it when another leads.
struct Way {
    rows: Rows,
    index: Clause,
    check: Clause,
    /// Whether pages may follow its index: not where that holds many and stands in no order of theirs.
    leads: bool,
}

impl Way {
    fn column(column: &str, value: Value) -> Self {
        let index = format!("m.organization_id = ?1 AND m.deleted_at IS NULL AND m.{column} = ??");
        let check = format!("+m.{column} = ??");
        Self {
            rows: Rows::Members,
            index: Clause::new(index, vec![value.clone()]),
            check: Clause::new(check, vec![value]),
            leads: true,
        }
    }

    /// By an enabled directory. None where nobody can be.
    fn covered(tx: &ReadTx<'_>, organization: &OrganizationId, is_covered: bool) -> Result<Option<Self>, StoreError> {
        let sql = "SELECT id, status = 'enabled' AND deleted_at IS NULL AS covers FROM directories WHERE organization_id = ?1";
        let read = |row: &Row<'_>| Ok((row.get::<String>("id")?, row.get::<bool>("covers")?));
        let known = tx.list(sql, &[organization.into()], read)?;
        let mut enabled: Vec<Value> =
            known.iter().filter(|(_, covers)| *covers).map(|(id, _)| Value::from(id)).collect();
        let places = vec!["??"; enabled.len()].join(", ");
        let all = enabled.len() == known.len();
        if let (true, [_]) = (is_covered, enabled.as_slice()) {
            return Ok(enabled.pop().map(|id| Self::column("directory_id", id)));
        }
        // The index leads only where one of its values is asked for: several have no order together.
        let (index, check, leads) = match is_covered {
            true if enabled.is_empty() => return Ok(None),
            true => (String::new(), format!("+m.directory_id IN ({places})"), false),
            false if all => ("m.directory_id IS NULL".to_owned(), "+m.directory_id IS NULL".to_owned(), true),
            false => (String::new(), format!("(+m.directory_id IS NULL OR +m.directory_id NOT IN ({places}))"), false),
        };
        let values = if is_covered || !all { enabled } else { Vec::new() };
        let index = Clause::new(format!("m.organization_id = ?1 AND m.deleted_at IS NULL AND {index}"), Vec::new());
        Ok(Some(Self { rows: Rows::Members, index, check: Clause::new(check, values), leads }))
    }

    fn role(role: &str) -> Self {
        let check = "EXISTS (SELECT 1 FROM member_roles r WHERE r.member_id = m.id AND r.role = ??)";
        Self {
            rows: Rows::Held("member_roles d"),
            index: Clause::new("d.organization_id = ?1 AND d.role = ??", vec![role.into()]),
            check: Clause::new(check, vec![role.into()]),
            leads: true,
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
                leads: true,
            }));
        };
        // Several connections and directories may each have a group of that name.
        let sql = "SELECT g.id, g.member_set, d.number AS directory FROM groups g LEFT JOIN directories d \
                   ON d.id = g.directory_id WHERE g.organization_id = ?1 AND g.name = ?2 LIMIT 100";
        let read = |row: &Row<'_>| Ok((row.get("id")?, row.get("member_set")?, row.get("directory")?));
        let groups: Vec<Named> = tx.list(sql, &[organization.into(), group.into()], read)?;
        if groups.iter().any(|(_, set, _)| set.is_some()) {
            return Self::pushed_groups(tx, organization, &groups).map(Some);
        }
        let values: Vec<Value> = groups.iter().map(|(id, ..)| Value::from(id)).collect();
        let places = vec!["??"; groups.len()].join(", ");
        let check =
            format!("EXISTS (SELECT 1 FROM group_members g WHERE g.member_id = m.id AND g.group_id IN ({places}))");
        let way = Self {
            rows: Rows::Held("group_members d"),
            index: Clause::new(format!("d.group_id IN ({places})"), values.clone()),
            check: Clause::new(check, values),
            leads: true,
        };
        Ok((!groups.is_empty()).then_some(way))
    }

    /// Groups of which one at least comes from a directory.
    fn pushed_groups(tx: &ReadTx<'_>, organization: &OrganizationId, groups: &[Named]) -> Result<Self, StoreError> {
        let (mut ids, mut sets) = (Vec::new(), Vec::new());
        for (id, set, _) in groups {
            match set {
                Some(set) => sets.push(Value::from(*set)),
                None => ids.push(Value::from(id)),
            }
        }
        let places = |values: &[Value]| vec!["??"; values.len()].join(", ");
        let check = format!(
            "(EXISTS (SELECT 1 FROM group_members gm WHERE gm.member_id = m.id AND gm.group_id IN ({})) OR EXISTS \
             (SELECT 1 FROM scim_users u CROSS JOIN memberships s WHERE u.member_id = m.id AND u.deleted_at IS NULL \
             AND s.user_number = u.number AND s.member_set IN ({})))",
            places(&ids),
            places(&sets)
        );
        if let ([], [set], [(_, _, Some(directory))]) = (ids.as_slice(), sets.as_slice(), groups) {
            let index = Clause::new("d.member_set = ??", vec![set.clone()]);
            let check = Clause::new(check, vec![set.clone()]);
            return Ok(Self { rows: Rows::Places(*directory), index, check, leads: true });
        }
        let held = format!(
            "SELECT gm.member_id FROM group_members gm WHERE gm.group_id IN ({}) UNION SELECT u.member_id FROM memberships s \
             CROSS JOIN scim_users u WHERE u.number = s.user_number AND s.member_set IN ({}) AND u.member_id IS NOT NULL \
             AND u.deleted_at IS NULL",
            places(&ids),
            places(&sets)
        );
        let values: Vec<Value> = ids.into_iter().chain(sets).collect();
        let is_one = "m.organization_id = ?1 AND m.deleted_at IS NULL AND m.id IN";
        let index = Clause::new(format!("{is_one} ({held})"), values.clone());
        let check = Clause::new(check, values.clone());
        // Several lists have no order together: few are put in order, among many one looks.
        let few = Clause::new(format!("{is_one} (SELECT * FROM ({held}) LIMIT {PROBED})"), values);
        let few = Self { rows: Rows::Members, index: few, check: check.clone(), leads: true };
        let leads = few.probe(tx, organization)? < PROBED;
        Ok(Self { rows: Rows::Members, index, check, leads })
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
            leads: true,
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
            let Some(way) = Self::covered(tx, organization, is_covered)? else { return Ok(None) };
            ways.push(way);
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
        Ok(tx.find(&sql, &params, |row| row.get("n"))?.unwrap_or(0))
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
    pub order: Order,
    /// What its rows are.
    rows: Rows,
}

impl Search {
    /// None where the filter can find nobody. `order` is that of the pages before: it is kept.
    pub fn new(
        tx: &ReadTx<'_>,
        organization: &OrganizationId,
        filter: &Filter,
        order: Option<Order>,
    ) -> Result<Option<Self>, StoreError> {
        let Some(ways) = Way::all(tx, organization, filter)? else { return Ok(None) };
        let leader = leader(tx, organization, &ways, order)?;
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
        let order = rows.order();
        Ok(Some(Self { from: rows.from(), key: rows.key(), repeats, wheres, params, order, rows }))
    }

    /// The place behind this member, as `key` counts; of none, the first.
    pub fn after(&mut self, member: String) -> String {
        let member = self.bind(member.into());
        match self.rows {
            Rows::Members | Rows::Held(_) => member,
            Rows::Text => format!("coalesce((SELECT number FROM members WHERE id = {member}), 0)"),
            Rows::Places(directory) => format!(
                "coalesce((SELECT max(number) FROM scim_users WHERE member_id = {member} AND directory = {directory}), 0)"
            ),
        }
    }

    pub fn bind(&mut self, value: Value) -> String {
        bind(&mut self.params, value)
    }
}

/// A statement for the ids of the members who have the text, with its values put to `params`, whose first is the organization.
/// None where nobody can have it.
pub fn ids_by_text(text: &str, params: &mut Vec<Value>) -> Option<String> {
    let Way { rows, index, check, .. } = Way::text(text)?;
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
    order: Option<Order>,
) -> Result<Option<usize>, StoreError> {
    let is_open = |way: &Way| way.leads && order.is_none_or(|order| order == way.rows.order());
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
    tx.list(&sql, &[organization.into(), most.into()], |row| row.get("title"))
}

/// Tags that mappings gave, the same way.
pub fn list_tags(tx: &ReadTx<'_>, organization: &OrganizationId, most: u32) -> Result<Vec<String>, StoreError> {
    let next = "SELECT min(tag) FROM member_tags WHERE organization_id = ?1";
    let sql = format!(
        "WITH RECURSIVE tags (tag) AS ({next} UNION ALL SELECT ({next} AND member_tags.tag > tags.tag) FROM tags \
         WHERE tags.tag IS NOT NULL) SELECT tag FROM tags WHERE tag IS NOT NULL LIMIT ?2"
    );
    tx.list(&sql, &[organization.into(), most.into()], |row| row.get("tag"))
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
