//! Lists and searches (RFC 7644 3.4.2, RFC 9865). What the indexes know is answered by them; for anything else each resource
//! is looked at, where nobody waits. Pages go by the order in which resources came, unless another is asked for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::users::Written;
use super::{Body, Note, ScimCaller, groups, require_open, scim, understand};
use crate::app::App;
use crate::app::error::{Error, Result};
use crate::crypto::seal::Vault;
use crate::crypto::token;
use crate::model::directory::Directory;
use crate::model::id::GroupId;
use crate::model::scim::{Condition, Place, Question, ScimGroup, UserDocument};
use crate::scim::list::{self, DEFAULT_COUNT, ListHead, ListRequest, Page, Query, Resources, SortKey};
use crate::scim::plan::Plan;
use crate::scim::project::Projection;
use crate::scim::{ErrorKind, Kind, Quirks, Schemas};
use crate::store::{ReadTx, scim_search, scim_users};

/// An answer has about so many bytes at most: more is for somebody who leaves the members out or asks for less.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// Bytes that are set aside for a page before it is read.
const RESERVED: usize = 2 * 1024 * 1024;
/// Resources that are looked at together.
const TOGETHER: u64 = 500;

/// What is asked, of one resource type.
struct Ask {
    kind: Kind,
    query: Query,
    question: Question,
    /// Whether the store can answer by itself.
    is_exact: bool,
    is_empty: bool,
}

impl Ask {
    fn new(kind: Kind, query: Query) -> Self {
        let plan = query.filter.as_ref().map_or_else(Plan::everything, |filter| filter.plan());
        let column = query.sort.as_ref().map(|sort| (sort.column(), sort.is_descending));
        let sort = column.and_then(|(column, is_descending)| Some((column?, is_descending)));
        let is_sorted = column.is_none() || sort.is_some();
        let mut question = Question { conditions: plan.conditions, sort };
        let knows = match kind {
            Kind::User => scim_search::knows_of_users,
            Kind::Group => scim_search::knows_of_groups,
        };
        let is_exact = plan.is_exact && is_sorted && knows(&question);
        if !is_exact {
            question.sort = None;
        }
        Self { kind, query, question, is_exact, is_empty: plan.is_empty }
    }

    /// Whether all users are asked for, each as it is.
    fn is_plain_page(&self) -> bool {
        let projection = &self.query.projection;
        let is_whole = projection.is_default() || projection.is_splice();
        self.kind == Kind::User && !self.is_empty && self.is_exact && self.question == Question::default() && is_whole
    }

    /// Whether an index leads to the few that are meant, or to the page.
    fn is_quick(&self) -> bool {
        let leads = |condition: &Condition| {
            matches!(
                condition,
                Condition::Id(_)
                    | Condition::ExternalId(_)
                    | Condition::UserName(_)
                    | Condition::DisplayName(_)
                    | Condition::Email(_)
            )
        };
        self.is_empty
            || (self.is_exact && (self.question == Question::default() || self.question.conditions.iter().any(leads)))
    }
}

/// A resource of either type.
enum Resource {
    User(UserDocument<String>),
    Group(ScimGroup),
}

impl Resource {
    /// Enough to be put in order.
    fn without_document(mut self) -> Self {
        if let Self::User(user) = &mut self {
            user.text = String::new();
        }
        self
    }

    /// Bytes of it as it is written, without what it refers to.
    fn about(&self) -> usize {
        match self {
            Self::User(user) => user.text.len() + 400,
            Self::Group(_) => 600,
        }
    }

    fn number(&self) -> i64 {
        match self {
            Self::User(user) => user.number,
            Self::Group(group) => group.number,
        }
    }
}

/// One transaction's view of what a list needs.
struct Reader<'a> {
    tx: &'a ReadTx<'a>,
    caller: &'a ScimCaller,
    directory: &'a Directory,
    schemas: &'a Schemas,
}

impl Reader<'_> {
    fn page(&self, ask: &Ask, place: Place, most: u64) -> Result<Vec<Resource>> {
        let Self { tx, directory, .. } = self;
        Ok(match ask.kind {
            Kind::User => scim_search::list_users(tx, directory, &ask.question, place, most)?
                .into_iter()
                .map(Resource::User)
                .collect(),
            Kind::Group => scim_search::list_groups(tx, directory, &ask.question, place, most)?
                .into_iter()
                .map(Resource::Group)
                .collect(),
        })
    }

    fn count(&self, ask: &Ask) -> Result<u64> {
        Ok(match ask.kind {
            Kind::User => scim_search::count_users(self.tx, self.directory, &ask.question)?,
            Kind::Group => scim_search::count_groups(self.tx, self.directory, &ask.question)?,
        })
    }

    fn render(&self, resources: &[Resource], projection: &Projection) -> Result<Resources> {
        let numbers: Vec<i64> =
            resources.iter().filter(|one| matches!(one, Resource::User(_))).map(Resource::number).collect();
        let groups = Groups::of(self.tx, &numbers, projection)?;
        let mut texts = Resources::default();
        texts.reserve(resources.iter().map(Resource::about).sum());
        for resource in resources {
            let out = texts.next();
            match resource {
                Resource::User(user) => {
                    let written = Written::new(self.caller, user.borrowed());
                    written.write(out, self.schemas, groups.of_user(user.number), projection)?;
                }
                Resource::Group(group) => {
                    out.push_str(&groups::render(self.tx, self.caller, self.schemas, group, projection)?);
                }
            }
            if out.len() > MOST_BYTES {
                return Err(too_much());
            }
        }
        Ok(texts)
    }

    /// A page of all users as they are, written while it is read; says how many there are in all.
    fn write_page(&self, place: Place, most: u64, projection: &Projection) -> Result<(Resources, Option<i64>, u64)> {
        let Self { tx, directory, caller, .. } = *self;
        let total = scim_search::count_users(tx, directory, &Question::default())?;
        let start = match place {
            Place::Skip(skip) => scim_search::find_start(tx, directory, skip)?,
            Place::After(after) => Some(after),
        };
        let mut texts = Resources::default();
        let Some(after) = start.filter(|_| most > 0) else { return Ok((texts, None, total)) };
        let few = u32::try_from(most).unwrap_or(u32::MAX);
        let numbers = scim_users::list_numbers(tx, directory, after, few)?;
        let groups = Groups::of(tx, &numbers, projection)?;
        let mut is_too_much = false;
        scim_users::each_document(tx, directory, &numbers, |user| {
            if texts.is_empty() {
                // The first tells about how large the others are, unless it is the one with a photo.
                texts.reserve(((user.text.len() + 400) * numbers.len() * 9 / 8).min(RESERVED));
            }
            let out = texts.next();
            is_too_much |= out.len() > MOST_BYTES;
            if !is_too_much {
                Written::new(caller, user).write_whole(out, groups.of_user(user.number));
            }
        })?;
        if is_too_much { Err(too_much()) } else { Ok((texts, numbers.last().copied(), total)) }
    }

    /// Of what the filter finds, from `place` on so many, and how many it finds in all.
    fn search(&self, ask: &Ask, place: Place, most: u64) -> Result<(Vec<Resource>, u64)> {
        if ask.is_empty {
            return Ok((Vec::new(), 0));
        }
        if ask.is_exact {
            if place == Place::Skip(0) && most > 0 && ask.question != Question::default() {
                let found = self.page(ask, place, most)?;
                // A page with room left has all that there is.
                let count = found.len() as u64;
                let total = if count < most { count } else { self.count(ask)? };
                return Ok((found, total));
            }
            let total = self.count(ask)?;
            let is_past = matches!(place, Place::Skip(skip) if skip >= total);
            let found = if most == 0 || is_past { Vec::new() } else { self.page(ask, place, most)? };
            return Ok((found, total));
        }
        self.scan(ask, place, most)
    }

    /// The whole of what was kept without its document.
    fn again(&self, resource: Resource) -> Result<Option<Resource>> {
        Ok(match resource {
            Resource::User(user) => scim_users::find_document(self.tx, user.number)?.map(Resource::User),
            group => Some(group),
        })
    }

    /// Looks at each resource that the indexes leave.
    fn scan(&self, ask: &Ask, place: Place, most: u64) -> Result<(Vec<Resource>, u64)> {
        // Only what the filter and the order ask of is read.
        let filter = ask.query.filter.as_ref();
        let whole = |name: &str| ask.query.sort.is_some() || filter.is_some_and(|filter| filter.mentions(name));
        let left_out: Vec<&str> = ["members", "groups"].into_iter().filter(|name| !whole(name)).collect();
        let projection =
            Projection::parse(None::<std::iter::Empty<&str>>, left_out.into_iter(), self.schemas.of(ask.kind));
        let (mut found, mut keys, mut total, mut after) = (Vec::new(), Vec::<SortKey>::new(), 0, 0);
        loop {
            let some = self.page(ask, Place::After(after), TOGETHER)?;
            let Some(last) = some.last() else { break };
            after = last.number();
            let texts = self.render(&some, &projection)?;
            for (resource, text) in some.into_iter().zip(texts.each()) {
                let value: Value = serde_json::from_str(text).map_err(Error::internal)?;
                if filter.is_some_and(|filter| !filter.matches(&value)) {
                    continue;
                }
                total += 1;
                if let Some(sort) = &ask.query.sort {
                    keys.push(sort.key(&value));
                    found.push(resource.without_document());
                    continue;
                }
                let is_wanted = match place {
                    Place::Skip(skip) => total > skip,
                    Place::After(number) => resource.number() > number,
                };
                if is_wanted && (found.len() as u64) < most {
                    found.push(resource);
                }
            }
        }
        if let Some(sort) = &ask.query.sort {
            let mut both: Vec<(SortKey, Resource)> = keys.into_iter().zip(found).collect();
            both.sort_by(|(a, _), (b, _)| sort.compare(a, b));
            let skip = match place {
                Place::Skip(skip) => usize::try_from(skip).unwrap_or(usize::MAX),
                Place::After(_) => 0,
            };
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let chosen = both.into_iter().skip(skip).take(most).map(|(_, resource)| self.again(resource));
            found = chosen.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        }
        Ok((found, total))
    }
}

fn too_much() -> Error {
    let text = "The answer would be larger than 64 MiB. Ask with excludedAttributes=members, or with a smaller count.";
    scim(ErrorKind::TooMany, text)
}

/// The groups of the users of a page, in the order of the users; none where they are left out.
struct Groups(Option<Vec<(i64, GroupId, String)>>);

impl Groups {
    fn of(tx: &ReadTx<'_>, numbers: &[i64], projection: &Projection) -> Result<Self> {
        Ok(Self(match projection.excludes_groups() {
            true => None,
            false => Some(scim_users::list_groups(tx, numbers)?),
        }))
    }

    fn of_user(&self, number: i64) -> Option<&[(i64, GroupId, String)]> {
        let groups = self.0.as_deref()?;
        let from = groups.partition_point(|(owner, ..)| *owner < number);
        let count = groups[from..].partition_point(|(owner, ..)| *owner == number);
        Some(&groups[from..from + count])
    }
}

/// Where a list goes on. It travels sealed, so that nobody makes one up.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    /// Of what was asked: a cursor goes with its filter.
    asked: String,
    after: Option<i64>,
    skip: u64,
}

fn cursor_place(directory: &Directory) -> String {
    format!("scim cursor of {}", directory.id)
}

impl Cursor {
    fn seal(&self, vault: &Vault, directory: &Directory) -> Result<String> {
        let text = serde_json::to_vec(self).map_err(Error::internal)?;
        Ok(vault.seal(&cursor_place(directory), &text))
    }

    fn open(vault: &Vault, directory: &Directory, sealed: &str, asked: &str) -> Result<Self> {
        let opened = vault.open(&cursor_place(directory), sealed).ok();
        let cursor = opened.and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        cursor.filter(|cursor| cursor.asked == asked).ok_or_else(|| {
            let text = "The cursor is not one of this list. Use nextCursor of the page before with the same filter, or begin anew.";
            scim(ErrorKind::InvalidCursor, text)
        })
    }
}

/// What a list was asked for, but for its place.
fn digest(asks: &[Ask]) -> String {
    let mut text = String::new();
    for ask in asks {
        let filter = ask.query.filter.as_ref().map(ToString::to_string).unwrap_or_default();
        text.push_str(&format!("{} {filter} {:?}\n", ask.kind.as_str(), ask.query.sort));
    }
    token::hex(&token::hash(&text)[..16])
}

/// A page as it was found.
struct Found {
    texts: Resources,
    total: u64,
    last: Option<i64>,
    has_more: bool,
}

fn find(reader: &Reader<'_>, asks: &[Ask], place: Place, count: u64) -> Result<Found> {
    let (mut texts, mut total, mut last, mut left) = (Resources::default(), 0, None, count);
    let mut place = place;
    for ask in asks {
        let (written, end, all) = match ask.is_plain_page() {
            true => reader.write_page(place, left, &ask.query.projection)?,
            false => {
                let (found, all) = reader.search(ask, place, left)?;
                (reader.render(&found, &ask.query.projection)?, found.last().map(Resource::number), all)
            }
        };
        total += all;
        left -= written.len() as u64;
        last = end.or(last);
        if texts.is_empty() {
            texts = written;
        } else {
            texts.extend(&written);
        }
        // The next type begins where this one ended.
        if let Place::Skip(skip) = place {
            place = Place::Skip(skip.saturating_sub(all));
        }
    }
    let has_more = count > 0 && left == 0;
    Ok(Found { texts, total, last, has_more })
}

impl App {
    /// A list that is asked for by a body.
    pub async fn scim_search(
        &self,
        caller: &ScimCaller,
        kinds: &[Kind],
        body: &Body,
        note: &mut Note,
    ) -> Result<String> {
        let read = |body: &[u8], _: &Schemas, quirks: &mut Quirks| Ok(ListRequest::from_search(body, quirks)?);
        let request = understand(caller, body, &mut note.quirks, read).await?;
        self.scim_list(caller, kinds, &request, note).await
    }

    /// `kinds`: one, or both for a search at the root.
    pub async fn scim_list(
        &self,
        caller: &ScimCaller,
        kinds: &[Kind],
        request: &ListRequest,
        note: &mut Note,
    ) -> Result<String> {
        let schemas = Arc::clone(&caller.schemas);
        let mut asks = Vec::new();
        for kind in kinds {
            let others: Vec<_> = kinds.iter().filter(|other| *other != kind).map(|other| schemas.of(*other)).collect();
            asks.push(Ask::new(*kind, request.compile(schemas.of(*kind), &others, &mut note.quirks)?));
        }
        let (place, count, start) = match request.page() {
            Page::Index { start, count } => (Place::Skip(start - 1), count, Some(start)),
            Page::Cursor { cursor, count } if cursor.is_empty() => (Place::Skip(0), count, None),
            Page::Cursor { cursor, count } => {
                let cursor = Cursor::open(&self.vault, &caller.directory, &cursor, &digest(&asks))?;
                (cursor.after.map_or(Place::Skip(cursor.skip), Place::After), count, None)
            }
        };
        // By number where the order is that of the numbers, so that what goes meanwhile moves nobody out of sight.
        let by_number = asks.len() == 1 && asks[0].query.sort.is_none();
        let lists_members = asks.iter().any(|ask| ask.kind == Kind::Group && !ask.query.projection.excludes_members());
        let is_quick = asks.iter().all(Ask::is_quick) && count <= 200 && !lists_members;
        // An index leads to one, or to a short page: of an externalId or address there may be many.
        let is_one = |condition: &Condition| matches!(condition, Condition::Id(_) | Condition::UserName(_));
        let is_page = |ask: &Ask| ask.is_plain_page() && count <= DEFAULT_COUNT;
        let is_short = |ask: &Ask| ask.is_empty || is_page(ask) || ask.question.conditions.iter().any(is_one);
        let is_direct = asks.iter().all(is_short);
        let asked = if start.is_none() { digest(&asks) } else { String::new() };
        let (owned, asks) = (caller.clone(), Arc::new(asks));
        let read = move |tx: &ReadTx<'_>| {
            let directory = require_open(tx, &owned)?;
            let reader = Reader { tx, caller: &owned, directory: &directory, schemas: &schemas };
            find(&reader, &asks, place, count)
        };
        let found = match (is_quick, is_direct) {
            (true, true) => self.store.read_here(read)?,
            (true, false) => self.store.read(read).await?,
            (false, _) => self.store.read_slowly(read).await?,
        };
        let next = match (start, found.has_more) {
            (None, true) => {
                let passed = match place {
                    Place::Skip(skip) => skip,
                    Place::After(_) => 0,
                };
                let after = found.last.filter(|_| by_number);
                let next = Cursor { asked, after, skip: passed + found.texts.len() as u64 };
                Some(next.seal(&self.vault, &caller.directory)?)
            }
            _ => None,
        };
        let head = ListHead {
            total: found.total,
            items: found.texts.len(),
            start_index: start,
            next_cursor: next.as_deref(),
            previous_cursor: None,
        };
        note.words.push(format!("{} of {} found.", head.items, found.total));
        Ok(list::answer(&head, found.texts))
    }
}
