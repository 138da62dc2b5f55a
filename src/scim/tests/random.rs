//! Bodies that nobody sends: whatever comes, nothing panics and no document is left that the rules do not allow.

use serde_json::Value;
use serde_json::json;

use super::Dice;
use super::ENTERPRISE;
use super::user;
use super::value;
use crate::scim::Quirks;
use crate::scim::Schemas;
use crate::scim::group::Group;
use crate::scim::group_patch;
use crate::scim::patch::Patch;
use crate::scim::user::Document;

const PATHS: [&str; 28] = [
    "",
    "userName",
    "active",
    "name",
    "name.givenName",
    "emails",
    "emails.value",
    "emails.primary",
    "emails[type eq \"work\"]",
    "emails[type eq \"work\"].value",
    "emails[primary eq true].type",
    "emails[value pr]",
    "emails[not (type eq \"work\")].primary",
    "roles",
    "roles[primary eq \"True\"].value",
    "addresses[type eq \"home\"].locality",
    "phoneNumbers[type eq \"work\" and primary eq true].value",
    "manager",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "members",
    "members[value eq \"a\"]",
    "displayName",
    "externalId",
    "schemas",
    "id",
    "x509Certificates",
];

fn some_value(dice: &mut Dice, depth: usize) -> Value {
    let keys = [
        "value",
        "type",
        "primary",
        "$ref",
        "display",
        "userName",
        "emails",
        "members",
        ENTERPRISE,
        "name.givenName",
        "nope",
    ];
    match dice.roll(if depth == 0 { 8 } else { 11 }) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!("False"),
        3 => json!(7),
        4 => json!("a"),
        5 => json!(""),
        6 => json!("ada@example.com"),
        7 => json!("work"),
        8 => (0..dice.roll(4)).map(|_| some_value(dice, depth - 1)).collect(),
        _ => Value::Object(
            (0..dice.roll(5)).map(|_| ((*dice.pick(&keys)).to_owned(), some_value(dice, depth - 1))).collect(),
        ),
    }
}

fn some_body(dice: &mut Dice) -> Value {
    let operations: Vec<Value> = (0..1 + dice.roll(3))
        .map(|_| {
            let mut operation = json!({"op": *dice.pick(&["add", "replace", "remove", "Add"])});
            if dice.roll(4) > 0 {
                operation["path"] = json!(*dice.pick(&PATHS));
            }
            if dice.roll(5) > 0 {
                operation["value"] = some_value(dice, 3);
            }
            operation
        })
        .collect();
    json!({"Operations": operations})
}

#[track_caller]
fn is_sound(document: &Document, body: &Value) {
    let now = value(document);
    assert!(!document.user_name().is_empty(), "{body}");
    for (name, all) in now.as_object().unwrap().iter().filter(|(_, value)| value.is_array() || value.is_object()) {
        let elements = all.as_array().map(Vec::as_slice).unwrap_or_default();
        assert!(elements.iter().filter(|element| element["primary"] == true).count() <= 1, "{name} of {body}: {now}");
        assert!(*all != json!([]) && *all != json!({}), "{name} of {body}: {now}");
    }
    let again = document.replace(now.to_string().as_bytes(), &Schemas::standard(), &mut Quirks::new()).unwrap();
    assert!(!again.is_changed, "{body}\n{now}\n{}", value(&again.document));
}

#[test]
fn no_patch_leaves_a_document_that_would_not_be_accepted() {
    let (schemas, mut dice, mut applied) = (Schemas::standard(), Dice(23), 0);
    let mut document =
        user(json!({"userName": "ada", "emails": [{"value": "ada@example.com", "type": "work", "primary": true}]}));
    for _ in 0..5000 {
        let body = some_body(&mut dice);
        let mut quirks = Quirks::new();
        let edited = Patch::parse(body.to_string().as_bytes(), &schemas, &mut quirks)
            .and_then(|patch| document.patch(&patch, &schemas, &mut quirks));
        if let Ok(edited) = edited {
            applied += 1;
            is_sound(&edited.document, &body);
            document = edited.document;
        }
        let _changes = group_patch::parse(body.to_string().as_bytes(), &schemas, &mut quirks);
    }
    assert!(applied > 500, "{applied}");
}

#[test]
fn no_body_of_a_user_or_group_is_kept_in_a_form_that_would_change() {
    let (schemas, mut dice, mut made) = (Schemas::standard(), Dice(5), 0);
    for _ in 0..5000 {
        let mut body = some_value(&mut dice, 4);
        if let Value::Object(body) = &mut body {
            body.insert("userName".to_owned(), json!("ada"));
        }
        if let Ok(document) = Document::create(body.to_string().as_bytes(), &schemas, &mut Quirks::new()) {
            made += 1;
            is_sound(&document, &body);
        }
        let _group = Group::parse(body.to_string().as_bytes(), &schemas, &mut Quirks::new());
    }
    assert!(made > 500, "{made}");
}
