//! Any bytes as the body of POST, PUT and PATCH: no panic, and no document is left that the rules do not allow or that would
//! change when it is read again. Seeds come from tests/fixtures/scim.
#![no_main]

use std::sync::Arc;
use std::sync::LazyLock;

use doorward::testing::Quirks;
use doorward::testing::Schemas;
use doorward::testing::scim_group::Group;
use doorward::testing::scim_group_patch;
use doorward::testing::scim_patch::Patch;
use doorward::testing::scim_user::Document;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

static SCHEMAS: LazyLock<Arc<Schemas>> = LazyLock::new(Schemas::standard);
/// A bare one, and one that has of everything.
static USERS: LazyLock<Vec<Document>> = LazyLock::new(|| {
    let all: Vec<Value> = serde_json::from_str(include_str!("../resources.json")).unwrap();
    let users = all.iter().filter(|one| one.get("userName").is_some());
    users.map(|user| Document::create(user.to_string().as_bytes(), &SCHEMAS, &mut Quirks::new()).unwrap()).collect()
});

fuzz_target!(|bytes: &[u8]| {
    let mut quirks = Quirks::new();
    if let Ok(document) = Document::create(bytes, &SCHEMAS, &mut quirks) {
        is_sound(&document);
    }
    for user in USERS.iter() {
        if let Ok(edited) = user.replace(bytes, &SCHEMAS, &mut quirks) {
            is_sound(&edited.document);
        }
        let Ok(patch) = Patch::parse(bytes, &SCHEMAS, &mut quirks) else { continue };
        if let Ok(edited) = user.patch(&patch, &SCHEMAS, &mut quirks) {
            assert_eq!(edited.is_changed, edited.document != *user);
            is_sound(&edited.document);
        }
    }
    if let Ok(group) = Group::parse(bytes, &SCHEMAS, &mut quirks) {
        assert!(!group.display_name.is_empty());
    }
    let _changes = scim_group_patch::parse(bytes, &SCHEMAS, &mut quirks);
});

fn is_sound(document: &Document) {
    // Too large to keep.
    let Ok(text) = document.text() else { return };
    let all: Value = serde_json::from_str(&text).unwrap();
    assert!(all["userName"].as_str().is_some_and(|name| !name.is_empty()), "{text}");
    for name in ["id", "meta", "groups", "password"] {
        assert!(all.get(name).is_none(), "{name}: {text}");
    }
    for (name, value) in all.as_object().unwrap() {
        let elements = value.as_array().map(Vec::as_slice).unwrap_or_default();
        assert!(elements.iter().filter(|element| element["primary"] == true).count() <= 1, "{name}: {text}");
    }
    assert_eq!(Document::read(&text).unwrap(), *document);
    let again = document.replace(text.as_bytes(), &SCHEMAS, &mut Quirks::new()).unwrap();
    assert!(!again.is_changed, "{text}");
}
