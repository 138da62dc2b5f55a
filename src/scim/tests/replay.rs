//! The conversations of tests/fixtures/scim, held with a server of two lists. Over HTTP they are held again in
//! tests/it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use crate::model::time::Timestamp;
use crate::scim::Error;
use crate::scim::ErrorKind;
use crate::scim::Kind;
use crate::scim::Quirks;
use crate::scim::Schemas;
use crate::scim::discovery;
use crate::scim::error;
use crate::scim::group;
use crate::scim::group::Group;
use crate::scim::group::Member;
use crate::scim::group::MemberRow;
use crate::scim::group::Row;
use crate::scim::group_patch;
use crate::scim::group_patch::GroupChange;
use crate::scim::list;
use crate::scim::list::ListHead;
use crate::scim::list::ListRequest;
use crate::scim::list::Page;
use crate::scim::list::Resources;
use crate::scim::patch::Patch;
use crate::scim::resource::Meta;
use crate::scim::schema::fold;
use crate::scim::user;
use crate::scim::user::Document;
use crate::scim::user::GroupRow;

const BASE: &str = "https://gateway.example/scim/v2";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<Value>,
    expect: Expect,
    /// Name and JSON pointer of what later requests need, as `${name}`.
    #[serde(default)]
    save: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    status: u16,
    #[serde(default)]
    body: BTreeMap<String, Value>,
    #[serde(default)]
    absent: Vec<String>,
    /// Exactly these are noted in the ledger.
    #[serde(default)]
    quirks: Vec<String>,
}

struct UserRecord {
    id: String,
    text: String,
    version: i64,
}

struct GroupRecord {
    id: String,
    name: String,
    external_id: Option<String>,
    members: Vec<String>,
    version: i64,
}

#[derive(Default)]
struct Server {
    users: Vec<UserRecord>,
    groups: Vec<GroupRecord>,
    made: u32,
}

type Answer = Result<(u16, String), Error>;

fn meta(id: &str, version: i64) -> Meta<'_> {
    let at = Timestamp::from_secs(1_795_327_200);
    Meta { base: BASE, id, created: at, last_modified: at, version }
}

fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "There is no resource of this id.")
}

impl Server {
    fn answer(&mut self, method: &str, target: &str, body: &[u8], quirks: &mut Quirks) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut parts = path.trim_matches('/').split('/');
        let (of, id) = (parts.next().unwrap_or_default(), parts.next());
        let request = ListRequest::from_query(query, quirks)?;
        match (of, id) {
            ("ServiceProviderConfig", None) => Ok((200, discovery::service_provider_config(BASE).to_string())),
            ("ResourceTypes", Some(id)) => discovery::find_resource_type(BASE, &Schemas::standard(), id)
                .map(|found| (200, found.to_string()))
                .ok_or_else(not_found),
            ("Schemas", Some(id)) => discovery::find_schema(BASE, &Schemas::standard(), id)
                .map(|found| (200, found.to_string()))
                .ok_or_else(not_found),
            ("ResourceTypes", None) => Ok((200, values(discovery::resource_types(BASE, &Schemas::standard())))),
            ("Schemas", None) => Ok((200, values(discovery::schemas(BASE, &Schemas::standard())))),
            ("Users", None) if method == "GET" => self.list(&[Kind::User], &request, quirks),
            ("Groups", None) if method == "GET" => self.list(&[Kind::Group], &request, quirks),
            ("Users", Some(".search")) => self.list(&[Kind::User], &ListRequest::from_search(body, quirks)?, quirks),
            ("Groups", Some(".search")) => self.list(&[Kind::Group], &ListRequest::from_search(body, quirks)?, quirks),
            (".search", None) => {
                self.list(&[Kind::User, Kind::Group], &ListRequest::from_search(body, quirks)?, quirks)
            }
            ("Users", None) => self.create_user(body, quirks),
            ("Groups", None) => self.create_group(body, quirks),
            ("Users", Some(id)) => self.user(method, id, &request, body, quirks),
            ("Groups", Some(id)) => self.group(method, id, &request, body, quirks),
            _ => Err(not_found()),
        }
    }

    fn user_text(&self, user: &UserRecord) -> String {
        let groups = self.groups.iter().filter(|group| group.members.contains(&user.id));
        let groups = groups.map(|group| GroupRow { id: &group.id, display: &group.name });
        let mut out = String::new();
        user::write(&mut out, &user.text, &meta(&user.id, user.version), Some(groups));
        out
    }

    fn group_text(group: &GroupRecord, with_members: bool) -> String {
        let rows = group.members.iter().map(|id| MemberRow { id, kind: Kind::User, display: None });
        let row = Row { display_name: &group.name, external_id: group.external_id.as_deref() };
        let mut out = String::new();
        group::write(&mut out, row, &meta(&group.id, group.version), with_members.then_some(rows));
        out
    }

    fn list(&self, kinds: &[Kind], request: &ListRequest, quirks: &mut Quirks) -> Answer {
        let schemas = Schemas::standard();
        let mut found = Vec::new();
        for kind in kinds {
            let others: Vec<_> = kinds.iter().filter(|other| *other != kind).map(|other| schemas.of(*other)).collect();
            let query = request.compile(schemas.of(*kind), &others, quirks)?;
            let all: Vec<String> = match kind {
                Kind::User => self.users.iter().map(|user| self.user_text(user)).collect(),
                Kind::Group => self.groups.iter().map(|group| Self::group_text(group, true)).collect(),
            };
            let all = all.iter().map(|text| serde_json::from_str::<Value>(text).unwrap());
            let met = all.filter(|one| query.filter.as_ref().is_none_or(|filter| filter.matches(one)));
            found.extend(met.map(|one| query.projection.apply(one, schemas.of(*kind))));
        }
        let Page::Index { start, count } = request.page() else { panic!("no cursors here") };
        let skip = usize::try_from(start - 1).unwrap_or(usize::MAX);
        let page: Vec<&Value> = found.iter().skip(skip).take(usize::try_from(count).unwrap()).collect();
        let head =
            ListHead { total: found.len() as u64, items: page.len(), start_index: Some(start), ..ListHead::default() };
        let mut resources = Resources::default();
        for one in page {
            resources.next().push_str(&one.to_string());
        }
        Ok((200, list::answer(&head, resources)))
    }

    fn check_user_name(&self, document: &Document, except: Option<usize>) -> Result<(), Error> {
        let name = fold(document.user_name());
        let others = self.users.iter().enumerate().filter(|(place, _)| Some(*place) != except);
        let mut names = others.map(|(_, user)| fold(Document::read(&user.text).unwrap().user_name()));
        if names.any(|taken| taken == name) {
            return Err(Error::new(ErrorKind::Uniqueness, "There is a user of this userName."));
        }
        Ok(())
    }

    fn create_user(&mut self, body: &[u8], quirks: &mut Quirks) -> Answer {
        let document = Document::create(body, &Schemas::standard(), quirks)?;
        self.check_user_name(&document, None)?;
        self.made += 1;
        let user = UserRecord { id: format!("scu_{}", self.made), text: document.text()?, version: 1 };
        self.users.push(user);
        Ok((201, self.user_text(&self.users[self.users.len() - 1])))
    }

    fn user(&mut self, method: &str, id: &str, request: &ListRequest, body: &[u8], quirks: &mut Quirks) -> Answer {
        let schemas = Schemas::standard();
        let place = self.users.iter().position(|user| user.id == id).ok_or_else(not_found)?;
        let document = Document::read(&self.users[place].text).unwrap();
        let edited = match method {
            "DELETE" => {
                let gone = self.users.remove(place);
                self.groups.iter_mut().for_each(|group| group.members.retain(|member| *member != gone.id));
                return Ok((204, String::new()));
            }
            "PUT" => Some(document.replace(body, &schemas, quirks)?),
            "PATCH" => Some(document.patch(&Patch::parse(body, &schemas, quirks)?, &schemas, quirks)?),
            _ => None,
        };
        if let Some(edited) = edited.filter(|edited| edited.is_changed) {
            self.check_user_name(&edited.document, Some(place))?;
            self.users[place].text = edited.document.text()?;
            self.users[place].version += 1;
        }
        let whole = serde_json::from_str(&self.user_text(&self.users[place])).unwrap();
        Ok((200, request.projection(&schemas.user).apply(whole, &schemas.user).to_string()))
    }

    fn check_members(&self, members: &[Member]) -> Result<Vec<String>, Error> {
        let known = |member: &Member| {
            let is_known = self.users.iter().any(|user| user.id == member.id);
            is_known.then(|| member.id.clone()).ok_or_else(|| Error::new(ErrorKind::InvalidValue, "No such member."))
        };
        members.iter().map(known).collect()
    }

    fn create_group(&mut self, body: &[u8], quirks: &mut Quirks) -> Answer {
        let sent = Group::parse(body, &Schemas::standard(), quirks)?;
        let same = |group: &GroupRecord| {
            fold(&group.name) == fold(&sent.display_name) && group.external_id == sent.external_id
        };
        if self.groups.iter().any(same) {
            return Err(Error::new(ErrorKind::Uniqueness, "There is a group of this name."));
        }
        let members = self.check_members(sent.members.as_deref().unwrap_or_default())?;
        self.made += 1;
        let id = format!("grp_{}", self.made);
        let group = GroupRecord { id, name: sent.display_name, external_id: sent.external_id, members, version: 1 };
        let text = Self::group_text(&group, true);
        self.groups.push(group);
        Ok((201, text))
    }

    fn group(&mut self, method: &str, id: &str, request: &ListRequest, body: &[u8], quirks: &mut Quirks) -> Answer {
        let schemas = Schemas::standard();
        let place = self.groups.iter().position(|group| group.id == id).ok_or_else(not_found)?;
        match method {
            "DELETE" => {
                self.groups.remove(place);
                return Ok((204, String::new()));
            }
            "PUT" => {
                let sent = Group::replacement(body, &schemas, quirks)?;
                let members = sent.members.as_ref().map(|members| self.check_members(members)).transpose()?;
                let group = &mut self.groups[place];
                (group.name, group.external_id) = (sent.display_name, sent.external_id);
                group.members = members.unwrap_or_else(|| std::mem::take(&mut group.members));
                group.version += 1;
            }
            "PATCH" => {
                self.change(place, group_patch::parse(body, &schemas, quirks)?)?;
                if !request.projection(&schemas.group).has_attributes() {
                    return Ok((204, String::new()));
                }
            }
            _ => {}
        }
        let projection = request.projection(&schemas.group);
        let text = Self::group_text(&self.groups[place], !projection.excludes_members());
        let whole = serde_json::from_str(&text).unwrap();
        Ok((200, projection.apply(whole, &schemas.group).to_string()))
    }

    fn change(&mut self, place: usize, changes: Vec<GroupChange>) -> Result<(), Error> {
        let mut members = self.groups[place].members.clone();
        let add = |members: &mut Vec<String>, more: Vec<String>| {
            for id in more {
                if !members.contains(&id) {
                    members.push(id);
                }
            }
        };
        for change in changes {
            match change {
                GroupChange::Rename(name) => self.groups[place].name = name,
                GroupChange::SetExternalId(id) => self.groups[place].external_id = id,
                GroupChange::AddMembers(more) => add(&mut members, self.check_members(&more)?),
                GroupChange::RemoveMembers(ids) => members.retain(|member| !ids.contains(member)),
                GroupChange::ReplaceMembers(all) => members = self.check_members(&all)?,
                GroupChange::RemoveAllMembers => members.clear(),
                GroupChange::RemoveMembersWhere(filter) => {
                    members.retain(|member| !filter.matches(&serde_json::json!({"value": member, "type": "User"})));
                }
                GroupChange::ReplaceMembersWhere { .. } => panic!("no provider sends this"),
            }
        }
        self.groups[place].members = members;
        self.groups[place].version += 1;
        Ok(())
    }
}

fn values(all: Vec<Value>) -> String {
    let head = ListHead { total: all.len() as u64, items: all.len(), start_index: Some(1), ..ListHead::default() };
    let mut resources = Resources::default();
    for one in all {
        resources.next().push_str(&one.to_string());
    }
    list::answer(&head, resources)
}

fn status_of(error: &Error) -> u16 {
    match error.kind {
        ErrorKind::NotFound => 404,
        ErrorKind::Uniqueness => 409,
        _ => 400,
    }
}

fn fill(text: &str, saved: &BTreeMap<String, String>) -> String {
    saved.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

fn converse(server: &mut Server, file: &Path, saved: &mut BTreeMap<String, String>) {
    let text = fs::read_to_string(file).unwrap();
    let exchanges: Vec<Exchange> =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert!(!exchanges.is_empty());
    for (place, exchange) in exchanges.iter().enumerate() {
        let at = format!("{} {place}: {} {}", file.display(), exchange.method, exchange.path);
        assert!(exchange.headers.keys().all(|name| !name.eq_ignore_ascii_case("authorization")), "{at}");
        let path = fill(&exchange.path, saved);
        let body = exchange.body.as_ref().map(|body| fill(&body.to_string(), saved)).unwrap_or_default();
        let mut quirks = Quirks::new();
        let (status, answer) =
            server.answer(&exchange.method, &path, body.as_bytes(), &mut quirks).unwrap_or_else(|error| {
                let status = status_of(&error);
                (status, error::body(status, error.scim_type(), &error.detail))
            });
        assert_eq!(status, exchange.expect.status, "{at}: {answer}");
        let answer: Value = if answer.is_empty() { Value::Null } else { serde_json::from_str(&answer).unwrap() };
        for (pointer, expected) in &exchange.expect.body {
            let expected: Value = serde_json::from_str(&fill(&expected.to_string(), saved)).unwrap();
            assert_eq!(answer.pointer(pointer), Some(&expected), "{at} {pointer}: {answer}");
        }
        for pointer in &exchange.expect.absent {
            assert_eq!(answer.pointer(pointer), None, "{at} {pointer}: {answer}");
        }
        let noted: Vec<&str> = quirks.iter().map(|quirk| quirk.code()).collect();
        let mut expected: Vec<&str> = exchange.expect.quirks.iter().map(String::as_str).collect();
        expected.sort_by_key(|code| noted.iter().position(|noted| noted == code));
        assert_eq!(noted, expected, "{at}: quirks");
        for (name, pointer) in &exchange.save {
            let value = answer.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{at}: {pointer}"));
            saved.insert(name.clone(), value.to_owned());
        }
    }
}

#[test]
fn every_identity_provider_is_understood_from_probe_to_leaver() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/scim");
    let mut providers = 0;
    for folder in sorted(&root).iter().filter(|path| path.is_dir()) {
        let (mut server, mut saved) = (Server::default(), BTreeMap::new());
        let files = sorted(folder);
        for phase in ["probe", "joiner", "mover", "group-push", "rename", "un-push", "leaver"] {
            let has = |file: &PathBuf| file.file_stem().unwrap().to_str().unwrap().ends_with(phase);
            assert!(files.iter().any(has), "{} has no {phase}", folder.display());
        }
        files.iter().for_each(|file| converse(&mut server, file, &mut saved));
        providers += 1;
    }
    assert_eq!(providers, 9);
}
