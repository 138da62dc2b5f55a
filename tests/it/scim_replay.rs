//! The conversations of tests/fixtures/scim over HTTP, each with an enabled directory of its own; and what the request log and
//! the ledger say of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;

use crate::scim_support::Pusher;
use crate::support::TestApp;

fn fill(text: &str, saved: &BTreeMap<String, String>) -> String {
    saved.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

async fn exchange(pusher: &Pusher, at: &str, one: &Value, saved: &mut BTreeMap<String, String>) {
    let mut scim = pusher.scim.clone();
    for (name, value) in one["headers"].as_object().into_iter().flatten() {
        scim = scim.with(name, value.as_str().unwrap());
    }
    let path = format!("{}{}", pusher.base, fill(one["path"].as_str().unwrap(), saved));
    let body = one.get("body").map(|body| fill(&body.to_string(), saved));
    let answer = scim.send(one["method"].as_str().unwrap(), &path, body.as_deref()).await;
    let expect = &one["expect"];
    assert_eq!(u64::from(answer.status), expect["status"].as_u64().unwrap(), "{at}: {}", answer.body);
    let got: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
    for (pointer, expected) in expect["body"].as_object().into_iter().flatten() {
        let expected: Value = serde_json::from_str(&fill(&expected.to_string(), saved)).unwrap();
        assert_eq!(got.pointer(pointer), Some(&expected), "{at} {pointer}: {got}");
    }
    for pointer in expect["absent"].as_array().into_iter().flatten() {
        assert_eq!(got.pointer(pointer.as_str().unwrap()), None, "{at}: {got}");
    }
    for (name, pointer) in one["save"].as_object().into_iter().flatten() {
        let value = got.pointer(pointer.as_str().unwrap()).and_then(Value::as_str);
        saved.insert(name.clone(), value.unwrap_or_else(|| panic!("{at} {pointer}: {got}")).to_owned());
    }
}

/// Holds the conversation and gives what the ledger should say.
async fn converse(pusher: &Pusher, folder: &Path) -> BTreeMap<String, u64> {
    let (mut saved, mut quirks) = (BTreeMap::new(), BTreeMap::new());
    for file in sorted(folder) {
        let all: Vec<Value> = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        for (place, one) in all.iter().enumerate() {
            let at = format!("{} {place} {} {}", file.display(), one["method"], one["path"]);
            exchange(pusher, &at, one, &mut saved).await;
            for quirk in one["expect"]["quirks"].as_array().into_iter().flatten() {
                *quirks.entry(quirk.as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
    }
    quirks
}

#[actix_web::test]
async fn each_identity_provider_is_served_from_probe_to_leaver() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/scim");
    let folders: Vec<PathBuf> = sorted(&root).into_iter().filter(|path| path.is_dir()).collect();
    assert_eq!(folders.len(), 9);
    for folder in folders {
        let app = TestApp::start().await;
        let pusher = app.directory().await;
        let expected = converse(&pusher, &folder).await;
        let ledger = pusher.admin.get(&format!("/api/v1/directories/{}/quirks", pusher.id)).await.json();
        let told = ledger["data"].as_array().unwrap().iter();
        let told: BTreeMap<String, u64> =
            told.map(|one| (one["quirk"].as_str().unwrap().to_owned(), one["count"].as_u64().unwrap())).collect();
        assert_eq!(told, expected, "{}", folder.display());
    }
}
