//! Elements of multi-valued attributes under PATCH: made through a filter, kept, dropped, primary.

use serde_json::Value;
use serde_json::json;

use super::patch::ada;
use super::patch::after;
use super::patch::edit;
use super::patch::refused;
use super::user;
use super::value;
use crate::scim::ErrorKind;
use crate::scim::Quirk;

#[test]
fn setting_through_a_filter_makes_the_element_once() {
    let bare = user(json!({"userName": "bob"}));
    let operations = json!([
        {"op": "Add", "path": "addresses[type eq \"work\"].streetAddress", "value": "Main 1"},
        {"op": "Add", "path": "addresses[type eq \"work\"].locality", "value": "Town"},
        {"op": "Replace", "path": "phoneNumbers[type eq \"Mobile\"].value", "value": "+1"},
        {"op": "Add", "path": "roles[primary eq \"True\"].value", "value": "Admin"},
        {"op": "Add", "path": "emails[type eq \"work\" and primary eq true].value", "value": "b@x.example"},
    ]);
    let (edited, quirks) = edit(&bare, &operations).unwrap();
    let now = value(&edited.document);
    assert_eq!(now["addresses"], json!([{"type": "work", "streetAddress": "Main 1", "locality": "Town"}]));
    assert_eq!(now["phoneNumbers"], json!([{"type": "Mobile", "value": "+1"}]), "the type stays as it was sent");
    assert_eq!(now["roles"], json!([{"primary": true, "value": "Admin"}]));
    assert_eq!(now["emails"], json!([{"type": "work", "primary": true, "value": "b@x.example"}]));
    assert!(quirks.has(Quirk::UpsertThroughFilter) && quirks.has(Quirk::StringBoolean));
    // Again: nothing is made twice, nothing has changed.
    assert!(!edit(&edited.document, &operations).unwrap().0.is_changed);
}

#[test]
fn an_element_may_be_built_in_any_order() {
    let operations = json!([
        {"op": "Add", "path": "roles[primary eq \"True\"].type", "value": "App"},
        {"op": "Add", "path": "roles[primary eq \"True\"].value", "value": "Admin"},
        {"op": "Add", "path": "emails[type eq \"other\"].primary", "value": "True"},
        {"op": "Add", "path": "emails[type eq \"other\"].value", "value": "o@x.example"},
        {"op": "Add", "path": "ims[type eq \"xmpp\"].primary", "value": true},
    ]);
    let now = after(operations);
    assert_eq!(now["roles"], json!([{"primary": true, "type": "App", "value": "Admin"}]));
    assert_eq!(now["emails"][2], json!({"type": "other", "primary": true, "value": "o@x.example"}));
    assert_eq!(now["emails"][0]["primary"], false);
    assert_eq!(now.get("ims"), None, "what is still hollow at the end goes");
}

#[test]
fn a_filter_that_is_more_than_equalities_needs_a_match() {
    for path in [
        "emails[type ne \"work\" and type ne \"home\"].value",
        "emails[value co \"nobody\"].type",
        "emails[type eq \"x\" or type eq \"y\"].value",
        "emails[type eq null].value",
        "emails[not (value pr)].value",
    ] {
        assert_eq!(refused(json!([{"op": "replace", "path": path, "value": "x"}])), ErrorKind::NoTarget, "{path}");
    }
    let now = after(json!([{"op": "replace", "path": "emails[value co \"home\"].value", "value": "h@x.example"}]));
    assert_eq!(now["emails"][1], json!({"value": "h@x.example", "type": "home"}));
    let edited = edit(&ada(), &json!([{"op": "remove", "path": "emails[type eq \"other\"]"}])).unwrap().0;
    assert!(!edited.is_changed, "what is not there can be removed");
}

#[test]
fn an_element_keeps_what_its_filter_says() {
    let now = after(json!([{"op": "replace", "path": "emails[type eq \"work\"]", "value": {"value": "w@x.example"}}]));
    assert_eq!(now["emails"][0], json!({"value": "w@x.example", "type": "work"}));
    let now = after(json!([{"op": "add", "path": "emails[type eq \"work\"]", "value": {"display": "Office"}}]));
    assert_eq!(now["emails"][0]["display"], "Office");
    assert_eq!(now["emails"][0]["value"], "ada@example.com");
    let now = after(json!([{"op": "replace", "path": "emails[type eq \"work\"].type", "value": "other"}]));
    assert_eq!(now["emails"][0]["type"], "other");
}

#[test]
fn an_element_without_a_value_is_dropped() {
    for operation in [
        json!({"op": "remove", "path": "emails[type eq \"work\"].value"}),
        json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": ""}),
        json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": null}),
        json!({"op": "replace", "path": "emails[type eq \"work\"]", "value": null}),
    ] {
        let now = after(json!([operation]));
        assert_eq!(now["emails"], json!([{"value": "ada@home.example", "type": "home"}]), "{operation}");
    }
    let now = after(json!([{"op": "add", "path": "phoneNumbers[type eq \"work\"].value", "value": null}]));
    assert_eq!(now.get("phoneNumbers"), None);
}

#[test]
fn one_element_at_most_is_primary() {
    let primaries = |now: &Value| -> Vec<String> {
        let all = now["emails"].as_array().unwrap().iter();
        all.filter(|e| e["primary"] == true).map(|e| e["value"].as_str().unwrap().to_owned()).collect()
    };
    for (operation, expected) in [
        (json!({"op": "add", "path": "emails", "value": [{"value": "n@x.example", "primary": true}]}), "n@x.example"),
        (json!({"op": "replace", "path": "emails[type eq \"home\"].primary", "value": "True"}), "ada@home.example"),
        (
            json!({"op": "add", "path": "emails", "value": {"value": "ada@home.example", "type": "home", "primary": true}}),
            "ada@home.example",
        ),
        (
            json!({"op": "replace", "value": {"emails[type eq \"other\" and primary eq true].value": "o@x.example"}}),
            "o@x.example",
        ),
        (
            json!({"op": "replace", "path": "emails", "value": [
                {"value": "1@x.example", "primary": true}, {"value": "2@x.example", "primary": "true"}
            ]}),
            "1@x.example",
        ),
    ] {
        assert_eq!(primaries(&after(json!([operation]))), [expected], "{operation}");
    }
    // Touching another part of an element leaves the primary where it is.
    let now = after(json!([{"op": "replace", "path": "emails[type eq \"home\"].value", "value": "h@x.example"}]));
    assert_eq!(primaries(&now), ["ada@example.com"]);
}

#[test]
fn a_value_without_a_filter_goes_to_the_primary_element() {
    let now = after(json!([{"op": "replace", "path": "emails.value", "value": "p@x.example"}]));
    assert_eq!(now["emails"][0]["value"], "p@x.example");
    assert_eq!(now["emails"][1]["value"], "ada@home.example");
    let now = after(json!([
        {"op": "replace", "path": "emails[type eq \"work\"].primary", "value": false},
        {"op": "replace", "path": "emails.value", "value": "p@x.example"},
    ]));
    assert_eq!(now["emails"][0]["value"], "p@x.example", "without a primary one it is the first");
    let now = after(json!([{"op": "add", "path": "phoneNumbers.value", "value": "+1"}]));
    assert_eq!(now["phoneNumbers"], json!([{"value": "+1"}]));
}
