//! The request log. Lines are gathered in memory and written together, beside the answers: a log must not make a push slow.
//! A crash loses the last second of it; what a request changed stands in the audit log, which loses nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::app::App;
use crate::app::error::{Error, Result};
use crate::model::id::{DirectoryId, ScimRequestId};
use crate::model::scim::ScimRequest;
use crate::model::time::Timestamp;
use crate::store::{directories, scim_requests};

/// So many lines of what only read wait at most, and so many bytes of bodies in all; more in a second are counted and left out.
const READS: usize = 2000;
const BYTES: usize = 8 * 1024 * 1024;
/// What a line takes beside its body, about.
const LINE: usize = 500;
/// Lines beyond those that a directory keeps go by so many.
const TRIMMED: u32 = 1000;
/// Lines that one write takes.
const TOGETHER: usize = 200;
/// Bytes of a path that are kept.
const PATH: usize = 500;
/// Characters of a body that are kept.
const BODY: usize = 4000;

/// A line about to be written.
#[derive(Debug)]
pub struct NewRequest {
    pub directory: DirectoryId,
    pub at: Timestamp,
    pub method: String,
    pub path: String,
    pub status: u16,
    pub user_agent: Option<String>,
    pub note: super::Note,
    pub body: super::Body,
    pub ip: Option<String>,
    pub micros: u64,
}

#[derive(Default)]
pub struct Log(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    lines: Vec<NewRequest>,
    bytes: usize,
    /// Requests that were not kept since the last line of their directory.
    left_out: HashMap<DirectoryId, u32>,
}

impl Waiting {
    fn put(&mut self, mut request: NewRequest) {
        request.path.truncate(request.path.floor_char_boundary(PATH));
        let words: usize = request.note.words.iter().map(String::len).sum();
        let size = LINE + request.path.len() + words + request.body.len();
        let only_reads = request.method == "GET" && request.status < 400;
        if self.bytes + size > BYTES || (only_reads && self.lines.len() >= READS) {
            *self.left_out.entry(request.directory).or_insert(0) += 1;
            return;
        }
        if let Some(count) = self.left_out.remove(&request.directory) {
            let words = format!("Before it came more at once than are kept: {count} requests are not in this log.");
            request.note.words.push(words);
        }
        self.bytes += size;
        self.lines.push(request);
    }
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Vec<NewRequest> {
        let mut waiting = self.lock();
        waiting.bytes = 0;
        std::mem::take(&mut waiting.lines)
    }
}

/// Which identity provider a request reads like, by what it calls itself.
fn dialect(user_agent: Option<&str>) -> &'static str {
    let agent = user_agent.unwrap_or_default().to_lowercase();
    let known = [
        ("okta", "okta"),
        ("onelogin", "onelogin"),
        ("jumpcloud", "jumpcloud"),
        ("pingfederate", "ping"),
        ("ping", "ping"),
        ("rippling", "rippling"),
        ("authentik", "authentik"),
        ("keycloak", "keycloak"),
        ("microsoft", "entra"),
        ("azure", "entra"),
        ("scim-sdk", "keycloak"),
    ];
    // Entra ID names itself nowhere.
    if agent.is_empty() {
        return "entra";
    }
    known.into_iter().find(|(part, _)| agent.contains(part)).map_or("other", |(_, name)| name)
}

fn kind(path: &str) -> &'static str {
    let path = path.to_lowercase();
    match () {
        () if path.starts_with("/users") => "user",
        () if path.starts_with("/groups") => "group",
        () if ["/schemas", "/resourcetypes", "/serviceproviderconfig"].iter().any(|p| path.starts_with(p)) => {
            "discovery"
        }
        () => "other",
    }
}

/// What of a body is kept: no password, no picture, and not more than a page.
fn redact(body: &[u8]) -> Option<String> {
    if body.is_empty() {
        return None;
    }
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    // What cannot be read may hold a password anywhere.
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
        return Some(format!("({} bytes that are no JSON are not kept)", body.len()));
    };
    hide(&mut value);
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    let is_plain = |c: &char| *c == '\n' || !c.is_control();
    if text.len() <= BODY && text.chars().all(|c| is_plain(&c)) {
        return Some(text);
    }
    let mut kept: String = text.chars().filter(is_plain).take(BODY).collect();
    if text.chars().nth(BODY).is_some() {
        kept.push_str("\n…");
    }
    Some(kept)
}

fn hide(value: &mut Value) {
    let is_secret = |name: &str| {
        let name = name.to_lowercase();
        name.contains("password") || name.contains("secret") || name.contains("photos") || name.contains("certificates")
    };
    match value {
        Value::Object(fields) => {
            let mut paths = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("path"));
            let names_secret = paths.any(|(_, path)| path.as_str().is_some_and(is_secret));
            for (name, value) in fields {
                if is_secret(name) || (names_secret && name.eq_ignore_ascii_case("value")) {
                    *value = Value::String("(left out)".to_owned());
                } else {
                    hide(value);
                }
            }
        }
        Value::Array(all) => {
            let more = all.len().saturating_sub(50);
            all.truncate(50);
            all.iter_mut().for_each(hide);
            if more > 0 {
                all.push(Value::String(format!("and {more} more")));
            }
        }
        _ => {}
    }
}

impl NewRequest {
    fn line(self) -> ScimRequest {
        ScimRequest {
            id: ScimRequestId::at(self.at),
            directory: self.directory,
            at: self.at,
            method: self.method,
            kind: kind(&self.path).to_owned(),
            path: self.path.chars().filter(|c| !c.is_control()).take(PATH).collect(),
            status: self.status.into(),
            dialect: dialect(self.user_agent.as_deref()).to_owned(),
            resource: self.note.resource,
            who: self.note.who.map(|who| who.chars().take(300).collect()),
            words: self.note.words.join(" ").chars().take(2000).collect(),
            quirks: self.note.quirks.iter().map(|quirk| quirk.code().to_owned()).collect(),
            body: redact(&self.body),
            ip: self.ip,
            micros: u32::try_from(self.micros).unwrap_or(u32::MAX),
        }
    }
}

impl App {
    /// Puts a line down; it is written within a second.
    pub fn log_scim(&self, request: NewRequest) {
        self.scim_log.lock().put(request);
    }

    /// Writes what waits.
    pub async fn flush_scim_log(&self) -> Result<()> {
        let mut lines = self.scim_log.take().into_iter();
        let mut all: BTreeSet<DirectoryId> = BTreeSet::new();
        loop {
            // Made where nobody waits for it: a body may be large.
            let some: Vec<NewRequest> = lines.by_ref().take(TOGETHER).collect();
            if some.is_empty() {
                break;
            }
            all.extend(some.iter().map(|line| line.directory.clone()));
            let made = tokio::task::spawn_blocking(|| some.into_iter().map(NewRequest::line).collect::<Vec<_>>());
            let Ok(made) = made.await else { continue };
            self.store
                .write(move |tx| -> Result<()> {
                    let mut of: Vec<&DirectoryId> = made.iter().map(|line| &line.directory).collect();
                    of.sort();
                    of.dedup();
                    for directory in of {
                        // Of one that was deleted meanwhile nothing is kept.
                        if directories::find_anywhere(tx, directory)?.is_none() {
                            continue;
                        }
                        for line in made.iter().filter(|line| line.directory == *directory) {
                            scim_requests::insert(tx, line)?;
                        }
                    }
                    Ok(())
                })
                .await?;
        }
        for directory in all {
            loop {
                let of = directory.clone();
                let trimmed: usize =
                    self.store.write(move |tx| scim_requests::trim(tx, &of, TRIMMED).map_err(Error::from)).await?;
                if trimmed < TRIMMED as usize {
                    break;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(directory: &DirectoryId, method: &str, body: usize) -> NewRequest {
        NewRequest {
            directory: directory.clone(),
            at: Timestamp::from_secs(1_795_338_002),
            method: method.to_owned(),
            path: "/Users".to_owned(),
            status: 200,
            user_agent: None,
            note: crate::app::scim::Note::default(),
            body: vec![b'x'; body].into(),
            ip: None,
            micros: 90,
        }
    }

    #[test]
    fn of_a_flood_changes_are_kept_before_reads_and_what_is_left_out_is_told() {
        let (log, one, other) = (Log::default(), DirectoryId::new(), DirectoryId::new());
        let put = |directory: &DirectoryId, method: &str, body| log.lock().put(request(directory, method, body));
        (0..READS + 30).for_each(|_| put(&one, "GET", 0));
        put(&other, "POST", 10);
        put(&one, "POST", 10);
        let lines = log.take();
        assert_eq!(lines.len(), READS + 2);
        assert!(lines[READS].note.words.is_empty(), "nothing of the other directory is missing");
        assert!(lines[READS + 1].note.words[0].contains("30 requests"), "{:?}", lines[READS + 1].note.words);
        (0..1000).for_each(|_| put(&one, "POST", 32 * 1024));
        let kept = log.take();
        assert!(kept.len() > 200 && kept.len() < 300, "{}", kept.len());
        put(&one, "GET", 0);
        assert!(log.take()[0].note.words[0].contains("are not in this log"));
    }

    #[test]
    fn a_body_is_kept_without_its_secrets_and_not_whole() {
        let kept = redact(br#"{"userName":"ada","password":"hunter2","Operations":[{"op":"replace","path":"password","value":"x1"}]}"#);
        let kept = kept.unwrap();
        assert!(kept.contains("ada") && !kept.contains("hunter2") && !kept.contains("x1"), "{kept}");
        let many: Vec<Value> = (0..60).map(|n| serde_json::json!({"value": n.to_string()})).collect();
        let kept = redact(serde_json::json!({"members": many}).to_string().as_bytes()).unwrap();
        assert!(kept.contains("and 10 more"));
        let long = serde_json::json!({"userName": "x".repeat(10_000)}).to_string();
        assert!(redact(long.as_bytes()).unwrap().chars().count() < BODY + 5);
        // In any case, behind a mark, and where it is no JSON.
        for sent in [
            "{\"Op\":\"replace\",\"Path\":\"password\",\"Value\":\"hunter2\"}",
            "\u{feff}{\"Password\":\"hunter2\"}",
            "{\"password\":\"hunter2\",}",
        ] {
            assert!(!redact(sent.as_bytes()).unwrap().contains("hunter2"), "{sent}");
        }
        assert_eq!(redact(b""), None);
    }

    #[test]
    fn identity_providers_are_told_by_what_they_call_themselves() {
        assert_eq!(dialect(Some("Okta SCIM Client 1.0.0")), "okta");
        assert_eq!(dialect(None), "entra");
        assert_eq!(dialect(Some("curl/8")), "other");
        assert_eq!(
            (kind("/Users/usr_1"), kind("/groups"), kind("/Schemas"), kind("/Me")),
            ("user", "group", "discovery", "other")
        );
    }
}
