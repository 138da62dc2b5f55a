use serde_json::Value;
use serde_json::json;

use super::Dice;
use super::ENTERPRISE;
use super::noted;
use super::user;
use super::value;
use crate::scim::Error;
use crate::scim::ErrorKind;
use crate::scim::Quirk;
use crate::scim::Quirks;
use crate::scim::Schemas;
use crate::scim::patch::MAX_OPERATIONS;
use crate::scim::patch::Patch;
use crate::scim::user::Document;
use crate::scim::user::Edited;

pub(super) fn ada() -> Document {
    user(json!({
        "userName": "ada@example.com",
        "name": {"givenName": "Ada", "familyName": "Byron"},
        "displayName": "Ada",
        "emails": [
            {"value": "ada@example.com", "type": "work", "primary": true},
            {"value": "ada@home.example", "type": "home"}
        ],
        ENTERPRISE: {"department": "Engines", "manager": {"value": "m1", "displayName": "Charles"}}
    }))
}

fn body(operations: &Value) -> Vec<u8> {
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    body.to_string().into_bytes()
}

pub(super) fn edit(document: &Document, operations: &Value) -> Result<(Edited, Quirks), Error> {
    let mut quirks = Quirks::new();
    let schemas = Schemas::standard();
    let patch = Patch::parse(&body(operations), &schemas, &mut quirks)?;
    let edited = document.patch(&patch, &schemas, &mut quirks)?;
    Ok((edited, quirks))
}

/// The document afterwards.
#[track_caller]
pub(super) fn after(operations: Value) -> Value {
    value(&edit(&ada(), &operations).unwrap_or_else(|error| panic!("{operations}: {error}")).0.document)
}

#[track_caller]
pub(super) fn refused(operations: Value) -> ErrorKind {
    match edit(&ada(), &operations) {
        Ok((edited, _)) => panic!("{operations} made {}", value(&edited.document)),
        Err(error) => error.kind,
    }
}

fn quirks(operations: Value) -> Vec<Quirk> {
    noted(edit(&ada(), &operations).unwrap().1)
}

#[test]
fn the_three_operations_do_what_the_rfc_says() {
    let now = after(json!([
        {"op": "add", "path": "title", "value": "Countess"},
        {"op": "replace", "path": "displayName", "value": "Ada L."},
        {"op": "remove", "path": "name.familyName"},
        {"op": "add", "path": "name.middleName", "value": "King"},
        {"op": "add", "path": "emails", "value": [{"value": "a@x.example", "type": "other"}]},
        {"op": "remove", "path": "emails[type eq \"home\"]"},
        {"op": "replace", "path": format!("{ENTERPRISE}:department"), "value": "Numbers"},
    ]));
    assert_eq!(now["title"], "Countess");
    assert_eq!(now["displayName"], "Ada L.");
    assert_eq!(now["name"], json!({"givenName": "Ada", "middleName": "King"}));
    assert_eq!(
        now["emails"],
        json!([
            {"value": "ada@example.com", "type": "work", "primary": true},
            {"value": "a@x.example", "type": "other"}
        ])
    );
    assert_eq!(now[ENTERPRISE]["department"], "Numbers");
}

#[test]
fn a_name_is_merged_and_a_list_replaced() {
    let now = after(json!([
        {"op": "replace", "path": "name", "value": {"familyName": "Lovelace", "givenName": null}},
        {"op": "replace", "path": "emails", "value": [{"value": "new@example.com"}]},
    ]));
    assert_eq!(now["name"], json!({"familyName": "Lovelace"}));
    assert_eq!(now["emails"], json!([{"value": "new@example.com"}]));
    let now = after(json!([{"op": "replace", "path": "emails", "value": []}]));
    assert_eq!(now.get("emails"), None);
    let now = after(json!([{"op": "replace", "path": "title", "value": null}, {"op": "remove", "path": "name"}]));
    assert_eq!((now.get("title"), now.get("name")), (None, None));
}

#[test]
fn remove_with_a_value_removes_what_is_listed_and_nothing_else() {
    let work = json!([{"value": "ada@example.com", "type": "work", "primary": true}]);
    for listed in
        [json!([{"value": "ada@home.example"}]), json!({"value": "ada@home.example"}), json!("ada@home.example")]
    {
        let operations = json!([{"op": "Remove", "path": "emails", "value": listed}]);
        assert_eq!(after(operations.clone())["emails"], work, "{operations}");
        assert_eq!(quirks(operations), [Quirk::OperationCase, Quirk::RemoveWithValue]);
    }
    let now = after(json!([{"op": "remove", "path": "emails", "value": []}]));
    assert_eq!(now["emails"].as_array().unwrap().len(), 2, "an empty list lists nothing");
    let now = after(json!([{"op": "remove", "path": "emails", "value": [{}]}]));
    assert_eq!(now["emails"].as_array().unwrap().len(), 2, "an empty element is no wildcard");
    assert_eq!(after(json!([{"op": "remove", "path": "emails", "value": null}])).get("emails"), None);
    // For one value or a sub-attribute the value is ignored: removed, never set.
    let operations = json!([{"op": "Remove", "path": "emails[type eq \"work\"].value", "value": "other@example.com"}]);
    assert_eq!(after(operations.clone())["emails"], json!([{"value": "ada@home.example", "type": "home"}]));
    assert!(quirks(operations).contains(&Quirk::IgnoredRemoveValue));
    assert_eq!(after(json!([{"op": "remove", "path": "displayName", "value": "Ada"}])).get("displayName"), None);
}

#[test]
fn adding_what_is_there_changes_nothing() {
    for value in [
        json!([{"value": "ada@home.example", "type": "home"}]),
        json!([{"value": "ada@example.com", "type": "work"}, {"value": "ada@home.example", "type": "home"}]),
    ] {
        let (edited, _) = edit(&ada(), &json!([{"op": "add", "path": "emails", "value": value}])).unwrap();
        assert!(!edited.is_changed, "{value}");
    }
    assert!(!edit(&ada(), &json!([{"op": "add", "path": "displayName", "value": "Ada"}])).unwrap().0.is_changed);
    assert!(!edit(&ada(), &json!([{"op": "add", "value": {"nickName": null}}])).unwrap().0.is_changed);
    assert!(!edit(&ada(), &json!([{"op": "add", "path": "displayName", "value": null}])).unwrap().0.is_changed);
    assert!(!edit(&ada(), &json!([{"op": "add", "value": {"emails": [], "displayName": null}}])).unwrap().0.is_changed);
    assert!(!edit(&ada(), &json!([])).unwrap().0.is_changed);
    assert!(edit(&ada(), &json!([{"op": "add", "path": "displayName", "value": "ADA"}])).unwrap().0.is_changed);
}

#[test]
fn keys_of_a_value_without_path_are_paths() {
    let operations = json!([{"op": "replace", "value": {
        "name.givenName": "Augusta",
        "displayName": "Augusta Ada",
        "emails[type eq \"work\"].value": "aa@example.com",
        format!("{ENTERPRISE}:department"): "Poetry",
        format!("{ENTERPRISE}:manager"): "m2",
        "urn:ietf:params:scim:schemas:core:2.0:User:title": "Countess",
        "active": "False",
    }}]);
    let now = after(operations.clone());
    assert_eq!(now["name"], json!({"givenName": "Augusta", "familyName": "Byron"}));
    assert_eq!(now["emails"][0]["value"], "aa@example.com");
    assert_eq!(now[ENTERPRISE], json!({"department": "Poetry", "manager": {"value": "m2"}}));
    assert_eq!((&now["title"], &now["active"]), (&json!("Countess"), &json!(false)));
    assert_eq!(quirks(operations), [Quirk::StringBoolean, Quirk::PathAsKey, Quirk::ManagerShape]);
    let now = after(
        json!([{"op": "add", "value": {ENTERPRISE: {"costCenter": "7", "manager.displayName": "Chuck", "x": 1}}}]),
    );
    assert_eq!(now[ENTERPRISE]["costCenter"], "7");
    assert_eq!(now[ENTERPRISE]["manager"], json!({"value": "m1", "displayName": "Chuck"}));
    let now =
        after(json!([{"op": "replace", "value": {"urn:ietf:params:scim:schemas:core:2.0:User": {"title": "T"}}}]));
    assert_eq!(now["title"], "T");
}

#[test]
fn a_manager_has_four_shapes() {
    for (path, sent) in [
        ("manager", json!("m2")),
        ("manager", json!({"value": "m2"})),
        ("manager", json!([{"$ref": null, "value": "m2"}])),
        ("manager", json!({"value": "m2", "managerId": "7"})),
        (&format!("{ENTERPRISE}:manager"), json!("m2")),
        (&format!("{ENTERPRISE}:manager"), json!([{"value": "m2"}])),
    ] {
        let now = after(json!([{"op": "Replace", "path": path, "value": sent}]));
        assert_eq!(now[ENTERPRISE]["manager"], json!({"value": "m2"}), "{path} {sent}");
    }
    let now = after(json!([{"op": "replace", "path": format!("{ENTERPRISE}:manager.value"), "value": "m2"}]));
    assert_eq!(now[ENTERPRISE]["manager"], json!({"value": "m2", "displayName": "Charles"}));
    for gone in [
        json!({"op": "Remove", "path": "manager"}),
        json!({"op": "replace", "path": "manager", "value": ""}),
        json!({"op": "replace", "path": "manager", "value": null}),
        json!({"op": "replace", "path": "manager", "value": []}),
        json!({"op": "remove", "path": format!("{ENTERPRISE}:manager.value")}),
    ] {
        assert_eq!(after(json!([gone]))[ENTERPRISE], json!({"department": "Engines"}), "{gone}");
    }
}

#[test]
fn an_extension_comes_and_goes_as_a_whole() {
    let now = after(json!([{"op": "remove", "path": ENTERPRISE}]));
    assert_eq!(now.get(ENTERPRISE), None);
    assert_eq!(now["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:User"]));
    let now = after(json!([{"op": "replace", "value": {ENTERPRISE: null}}]));
    assert_eq!(now.get(ENTERPRISE), None);
    let bare = user(json!({"userName": "bob"}));
    let (edited, _) = edit(&bare, &json!([{"op": "add", "path": ENTERPRISE, "value": {"division": "X"}}])).unwrap();
    assert_eq!(value(&edited.document)["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE]));
    let (edited, _) =
        edit(&edited.document, &json!([{"op": "remove", "path": format!("{ENTERPRISE}:division")}])).unwrap();
    assert_eq!(edited.document, bare, "no empty extension stays behind");
}

#[test]
fn an_unknown_path_is_an_error_and_an_unknown_key_is_not() {
    for path in [
        "favouriteColour",
        "name.nope",
        "urn:x:y:User:tag",
        "emails[nope eq \"x\"].value",
        "emails[type eq \"x\"",
        "emails[type eq \"x\"]value",
        "name[givenName eq \"x\"]",
        "emails[type eq \"x\"].nope",
        "[type eq \"x\"]",
        "urn:x[y eq \"z\"]",
    ] {
        assert_eq!(refused(json!([{"op": "add", "path": path, "value": "x"}])), ErrorKind::InvalidPath, "{path}");
    }
    let operations = json!([{"op": "add", "value": {
        "favouriteColour": "blue", "name.nope": 1, "urn:x:y:User": {"a": 1}, "emails[nope eq 1].value": 2, "title": "T", "id": "other", "groups": []
    }}]);
    assert_eq!(after(operations.clone())["title"], "T");
    assert_eq!(quirks(operations), [Quirk::UnknownAttribute, Quirk::UnknownSchema, Quirk::ReadOnlyInPatch]);
}

#[test]
fn what_the_server_sets_cannot_be_set_by_path() {
    for path in ["id", "meta.created", "groups", "groups[value eq \"x\"].display", "meta"] {
        for op in ["add", "replace", "remove"] {
            assert_eq!(refused(json!([{"op": op, "path": path, "value": "x"}])), ErrorKind::Mutability, "{op} {path}");
        }
    }
    assert_eq!(refused(json!([{"op": "remove", "path": "userName"}])), ErrorKind::Mutability);
    for sent in [json!(""), json!(null), json!([])] {
        assert_eq!(refused(json!([{"op": "replace", "path": "userName", "value": sent}])), ErrorKind::InvalidValue);
    }
}

#[test]
fn a_password_is_accepted_and_never_kept() {
    for operation in [
        json!({"op": "replace", "path": "password", "value": "hunter2"}),
        json!({"op": "replace", "value": {"password": "hunter2"}}),
        json!({"op": "replace", "value": {"urn:ietf:params:scim:schemas:core:2.0:User:password": "hunter2"}}),
    ] {
        let (edited, quirks) = edit(&ada(), &json!([operation])).unwrap();
        assert!(!edited.is_changed && quirks.has(Quirk::PasswordDropped), "{operation}");
    }
}

#[test]
fn wrong_values_are_refused_and_leave_nothing_behind() {
    for (path, sent) in [
        ("active", json!("maybe")),
        ("active", json!(1)),
        ("active", json!({"value": true})),
        ("displayName", json!({"a": 1})),
        ("displayName", json!(["a", "b"])),
        ("displayName", json!("a\u{0}b")),
        ("displayName", json!("x".repeat(2000))),
        ("title", json!("x".repeat(70_000))),
        ("name", json!("Ada")),
        ("emails", json!([["x"]])),
        ("emails", json!([{"value": {"a": 1}}])),
        ("emails", json!(vec!["x@y.example"; 1001])),
        ("emails[type eq \"work\"].primary", json!("yes")),
    ] {
        let operations =
            json!([{"op": "replace", "path": "title", "value": "new"}, {"op": "add", "path": path, "value": sent}]);
        assert_eq!(refused(operations), ErrorKind::InvalidValue, "{path}");
    }
    let many: Vec<Value> = (0..600).map(|n| json!({"value": format!("{n}@x.example")})).collect();
    let more: Vec<Value> = (600..1100).map(|n| json!({"value": format!("{n}@x.example")})).collect();
    let operations =
        json!([{"op": "add", "path": "emails", "value": many}, {"op": "add", "path": "emails", "value": more}]);
    assert_eq!(refused(operations), ErrorKind::InvalidValue);
}

#[test]
fn scalars_of_another_type_become_text() {
    let operations = json!([{"op": "add", "path": format!("{ENTERPRISE}:employeeNumber"), "value": 701}]);
    assert_eq!(after(operations.clone())[ENTERPRISE]["employeeNumber"], "701");
    assert_eq!(quirks(operations), [Quirk::WrongScalar]);
    assert_eq!(after(json!([{"op": "add", "path": "title", "value": ["T"]}]))["title"], "T");
    let now = after(json!([{"op": "replace", "path": "emails", "value": ["x@y.example"]}]));
    assert_eq!(now["emails"], json!([{"value": "x@y.example"}]));
}

#[test]
fn malformed_bodies_are_refused() {
    let schemas = Schemas::standard();
    for (sent, kind) in [
        ("", ErrorKind::InvalidSyntax),
        ("[]", ErrorKind::InvalidSyntax),
        ("{\"Operations\":", ErrorKind::InvalidSyntax),
        ("{}", ErrorKind::InvalidSyntax),
        ("{\"Operations\":{}}", ErrorKind::InvalidSyntax),
        ("{\"Operations\":[1]}", ErrorKind::InvalidSyntax),
        ("{\"Operations\":[{\"path\":\"title\"}]}", ErrorKind::InvalidSyntax),
        ("{\"Operations\":[{\"op\":\"move\",\"path\":\"title\"}]}", ErrorKind::InvalidSyntax),
        ("{\"Operations\":[{\"op\":1}]}", ErrorKind::InvalidSyntax),
        ("{\"Operations\":[{\"op\":\"remove\"}]}", ErrorKind::NoTarget),
        ("{\"Operations\":[{\"op\":\"remove\",\"path\":\" \"}]}", ErrorKind::NoTarget),
        ("{\"Operations\":[{\"op\":\"add\"}]}", ErrorKind::InvalidValue),
        ("{\"Operations\":[{\"op\":\"add\",\"value\":\"x\"}]}", ErrorKind::InvalidValue),
        (
            "{\"Operations\":[{\"op\":\"add\",\"path\":\"urn:ietf:params:scim:schemas:core:2.0:User\",\"value\":1}]}",
            ErrorKind::InvalidValue,
        ),
    ] {
        let error = Patch::parse(sent.as_bytes(), &schemas, &mut Quirks::new()).unwrap_err();
        assert_eq!(error.kind, kind, "{sent}");
    }
    let deep = format!("{{\"Operations\":[{{\"op\":\"add\",\"path\":\"title\",\"value\":{}}}]}}", "[".repeat(100_000));
    let long = vec![b' '; (1 << 20) + 1];
    assert_eq!(Patch::parse(&long, &schemas, &mut Quirks::new()).unwrap_err().kind, ErrorKind::InvalidValue);
    assert_eq!(Patch::parse(deep.as_bytes(), &schemas, &mut Quirks::new()).unwrap_err().kind, ErrorKind::InvalidSyntax);
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let deep = format!("{{\"Operations\":[{{\"op\":\"add\",\"path\":\"title\",\"value\":{deep}}}]}}");
    assert_eq!(Patch::parse(deep.as_bytes(), &schemas, &mut Quirks::new()).unwrap_err().kind, ErrorKind::InvalidSyntax);
    let many = json!(vec![json!({"op": "remove", "path": "title"}); MAX_OPERATIONS + 1]);
    assert_eq!(refused(many), ErrorKind::InvalidValue);
}

#[test]
fn odd_bodies_are_read_and_noted() {
    let sent =
        b"\xef\xbb\xbf{\"operations\":[{\"OP\":\"ADD\",\"Path\":\"title\",\"Value\":\"T\",\"name\":\"addTitle\"}]}";
    let (schemas, mut quirks) = (Schemas::standard(), Quirks::new());
    let patch = Patch::parse(sent, &schemas, &mut quirks).unwrap();
    let edited = ada().patch(&patch, &schemas, &mut quirks).unwrap();
    assert_eq!(value(&edited.document)["title"], "T");
    assert_eq!(noted(quirks), [Quirk::OperationCase, Quirk::OperationMember, Quirk::PatchSchemaMissing]);
    assert!(self::quirks(json!([{"op": "add", "value": [{"title": "T"}]}])).contains(&Quirk::PathlessArray));
}

#[test]
fn names_are_read_in_any_case_and_written_in_one() {
    let now = after(json!([
        {"op": "replace", "path": "DISPLAYNAME", "value": "A"},
        {"op": "add", "path": "PhoneNumbers", "value": [{"VALUE": "+1", "Type": "work"}]},
        {"op": "add", "path": "EMAILS[TYPE EQ \"WORK\"].DISPLAY", "value": "W"},
    ]));
    assert_eq!(now["displayName"], "A");
    assert_eq!(now["phoneNumbers"], json!([{"value": "+1", "type": "work"}]));
    assert_eq!(now["emails"][0]["display"], "W");
}

/// Whatever an identity provider repeats after a lost answer must change nothing the second time.
#[test]
fn a_patch_that_is_sent_again_changes_nothing() {
    let operations = [
        json!({"op": "add", "path": "title", "value": "T"}),
        json!({"op": "replace", "path": "name", "value": {"givenName": "G"}}),
        json!({"op": "add", "path": "emails", "value": [{"value": "n@x.example", "type": "other", "primary": true}]}),
        json!({"op": "replace", "path": "emails", "value": [{"value": "only@x.example"}]}),
        json!({"op": "remove", "path": "emails[type eq \"home\"]"}),
        json!({"op": "Remove", "path": "emails", "value": [{"value": "ada@example.com"}]}),
        json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": "w@x.example"}),
        json!({"op": "replace", "path": "emails[type eq \"home\" and primary eq true].value", "value": "h@x.example"}),
        json!({"op": "add", "value": {"name.familyName": "F", "active": "false"}}),
        json!({"op": "remove", "path": "manager"}),
        json!({"op": "add", "path": "manager", "value": "m3"}),
        json!({"op": "remove", "path": "emails[type eq \"work\"].value"}),
        json!({"op": "add", "path": "phoneNumbers[type eq \"work\"].value", "value": "+1"}),
    ];
    let mut dice = Dice(3);
    for operation in &operations {
        let once = edit(&ada(), &json!([operation])).unwrap().0.document;
        assert!(!edit(&once, &json!([operation])).unwrap().0.is_changed, "{operation}");
    }
    for _ in 0..500 {
        let some: Vec<&Value> = (0..1 + dice.roll(5)).map(|_| dice.pick(&operations)).collect();
        let once = edit(&ada(), &json!(some)).unwrap().0.document;
        let text = once.text().unwrap();
        assert_eq!(Document::read(&text).unwrap(), once);
        let primaries =
            value(&once)["emails"].as_array().into_iter().flatten().filter(|e| e["primary"] == true).count();
        assert!(primaries <= 1, "{}", json!(some));
    }
}
