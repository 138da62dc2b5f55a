use std::time::Instant;

use serde_json::Value;
use serde_json::json;

use super::noted;
use crate::model::time::Timestamp;
use crate::scim::Error;
use crate::scim::ErrorKind;
use crate::scim::Kind;
use crate::scim::Quirk;
use crate::scim::Quirks;
use crate::scim::Schemas;
use crate::scim::group;
use crate::scim::group::Group;
use crate::scim::group::Member;
use crate::scim::group::MemberRow;
use crate::scim::group::Row;
use crate::scim::group_patch;
use crate::scim::group_patch::GroupChange;
use crate::scim::resource::Meta;

fn read(operations: &Value) -> Result<(Vec<GroupChange>, Quirks), Error> {
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    let mut quirks = Quirks::new();
    let changes = group_patch::parse(body.to_string().as_bytes(), &Schemas::standard(), &mut quirks)?;
    Ok((changes, quirks))
}

#[track_caller]
fn changes(operations: Value) -> Vec<GroupChange> {
    read(&operations).unwrap_or_else(|error| panic!("{operations}: {error}")).0
}

#[track_caller]
fn refused(operations: Value) -> ErrorKind {
    match read(&operations) {
        Ok((changes, _)) => panic!("{operations} was read as {changes:?}"),
        Err(error) => error.kind,
    }
}

fn list(ids: &[&str]) -> Vec<Member> {
    ids.iter().map(|id| Member { id: (*id).to_owned(), kind: None }).collect()
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn members_come_and_go_as_each_provider_says_it() {
    use GroupChange::AddMembers;
    use GroupChange::RemoveAllMembers;
    use GroupChange::RemoveMembers;
    use GroupChange::ReplaceMembers;
    for (operation, expected) in [
        (json!({"op": "Add", "path": "members", "value": [{"$ref": null, "value": "a"}]}), AddMembers(list(&["a"]))),
        (
            json!({"op": "add", "path": "members", "value": [{"value": "a", "display": "A"}, {"value": "b"}]}),
            AddMembers(list(&["a", "b"])),
        ),
        (json!({"op": "add", "path": "members", "value": {"value": "a"}}), AddMembers(list(&["a"]))),
        (json!({"op": "add", "path": "members", "value": ["a", "b"]}), AddMembers(list(&["a", "b"]))),
        (
            json!({"op": "add", "path": "members", "value": [null, {"value": "a", "type": null}]}),
            AddMembers(list(&["a"])),
        ),
        (json!({"op": "add", "value": {"members": [{"value": "a"}]}}), AddMembers(list(&["a"]))),
        (json!({"op": "Remove", "path": "members", "value": [{"value": "a"}]}), RemoveMembers(ids(&["a"]))),
        (json!({"op": "remove", "path": "members[value eq \"a\"]"}), RemoveMembers(ids(&["a"]))),
        (json!({"op": "remove", "path": "members[value eq \"a\" or value eq \"b\"]"}), RemoveMembers(ids(&["a", "b"]))),
        (json!({"op": "remove", "path": "members[VALUE EQ \"a\"].value"}), RemoveMembers(ids(&["a"]))),
        (json!({"op": "remove", "path": "members"}), RemoveAllMembers),
        (json!({"op": "remove", "path": "members", "value": null}), RemoveAllMembers),
        (json!({"op": "replace", "path": "members", "value": []}), ReplaceMembers(vec![])),
        (json!({"op": "replace", "path": "members", "value": null}), ReplaceMembers(vec![])),
        (json!({"op": "replace", "path": "members", "value": [{"value": "a"}]}), ReplaceMembers(list(&["a"]))),
        (json!({"op": "replace", "value": {"members": [{"value": "a"}]}}), ReplaceMembers(list(&["a"]))),
        (
            json!({"op": "add", "path": "members", "value": [{"$ref": "https://x.example/scim/v2/Users/a"}]}),
            AddMembers(list(&["a"])),
        ),
        (
            json!({"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:Group:members", "value": [{"value": "a"}]}),
            AddMembers(list(&["a"])),
        ),
    ] {
        assert_eq!(changes(json!([operation])), [expected], "{operation}");
    }
    let typed = changes(
        json!([{"op": "add", "path": "members", "value": [{"value": "g", "type": "group"}, {"value": "u", "type": "Robot"}]}]),
    );
    let member = |id: &str, kind| Member { id: id.to_owned(), kind };
    assert_eq!(typed, [AddMembers(vec![member("g", Some(Kind::Group)), member("u", None)])]);
}

#[test]
fn an_empty_list_removes_nobody() {
    assert_eq!(changes(json!([{"op": "Remove", "path": "members", "value": []}])), []);
    assert_eq!(changes(json!([{"op": "add", "path": "members", "value": []}])), []);
    assert_eq!(changes(json!([{"op": "add", "path": "members", "value": null}])), []);
    let rename = json!([{"op": "replace", "value": {"displayName": "N", "members": null}}]);
    assert_eq!(changes(rename), [GroupChange::Rename("N".to_owned())]);
}

#[test]
fn an_exotic_filter_is_left_to_be_asked_of_each_member() {
    for filter in [
        "value sw \"a\"",
        "type eq \"User\"",
        "value eq \"a\" and type eq \"User\"",
        "not (value eq \"a\")",
        "value eq null",
    ] {
        match &changes(json!([{"op": "remove", "path": format!("members[{filter}]")}]))[..] {
            [GroupChange::RemoveMembersWhere(read)] => assert_eq!(read.to_string(), filter),
            other => panic!("{filter}: {other:?}"),
        }
    }
    let operation = json!([{"op": "remove", "path": "members[display eq \"ADA\"]"}]);
    let [GroupChange::RemoveMembersWhere(filter)] = &changes(operation)[..] else { panic!("no filter") };
    assert!(filter.matches(&json!({"value": "a", "display": "Ada"})));
    match &changes(json!([{"op": "replace", "path": "members[value eq \"a\"]", "value": {"value": "b"}}]))[..] {
        [GroupChange::ReplaceMembersWhere { by, .. }] => assert_eq!(*by, list(&["b"])),
        other => panic!("{other:?}"),
    }
}

#[test]
fn not_every_member_is_asked_a_thousand_questions() {
    let exotic = json!({"op": "remove", "path": "members[type eq \"User\" or value sw \"a\"]"});
    assert_eq!(changes(json!(vec![exotic.clone(); 50])).len(), 50);
    assert_eq!(refused(json!(vec![exotic; 51])), ErrorKind::InvalidValue);
}

#[test]
fn a_rename_with_the_groups_own_id_is_a_rename() {
    let (changes, quirks) =
        read(&json!([{"op": "replace", "value": {"id": "grp_1", "displayName": "New", "schemas": [], "meta": {}}}]))
            .unwrap();
    assert_eq!(changes, [GroupChange::Rename("New".to_owned())]);
    assert_eq!(noted(quirks), [Quirk::ReadOnlyInPatch]);
    let external = |text: Option<&str>| [GroupChange::SetExternalId(text.map(str::to_owned))];
    assert_eq!(self::changes(json!([{"op": "Replace", "path": "externalId", "value": "e"}])), external(Some("e")));
    assert_eq!(self::changes(json!([{"op": "Remove", "path": "externalId"}])), external(None));
    assert_eq!(self::changes(json!([{"op": "replace", "value": {"externalId": null}}])), external(None));
    assert_eq!(self::changes(json!([{"op": "replace", "path": "externalId", "value": ""}])), external(None));
    assert_eq!(
        self::changes(json!([{"op": "Add", "path": "displayName", "value": "N"}])),
        [GroupChange::Rename("N".to_owned())]
    );
}

#[test]
fn changes_keep_their_order_and_neighbours_become_one() {
    let operations = json!([
        {"op": "remove", "path": "members[value eq \"a\"]"},
        {"op": "remove", "path": "members", "value": [{"value": "b"}, {"value": "a"}]},
        {"op": "add", "path": "members", "value": [{"value": "c"}]},
        {"op": "add", "path": "members", "value": [{"value": "d"}, {"value": "c"}]},
        {"op": "replace", "path": "displayName", "value": "N"},
        {"op": "remove", "path": "members[value eq \"c\"]"},
        {"op": "replace", "path": "members", "value": [{"value": "x"}]},
        {"op": "add", "path": "members", "value": [{"value": "y"}]},
    ]);
    let (changes, quirks) = read(&operations).unwrap();
    assert_eq!(
        changes,
        [
            GroupChange::RemoveMembers(ids(&["a", "b"])),
            GroupChange::AddMembers(list(&["c", "d"])),
            GroupChange::Rename("N".to_owned()),
            GroupChange::RemoveMembers(ids(&["c"])),
            GroupChange::ReplaceMembers(list(&["x", "y"])),
        ]
    );
    assert!(quirks.has(Quirk::RepeatedMember) && quirks.has(Quirk::RemoveWithValue));
}

#[test]
fn what_cannot_be_done_to_a_group_is_refused() {
    for (operation, kind) in [
        (json!({"op": "replace", "path": "id", "value": "x"}), ErrorKind::Mutability),
        (json!({"op": "remove", "path": "displayName"}), ErrorKind::Mutability),
        (json!({"op": "replace", "path": "members[value eq \"a\"].type", "value": "Group"}), ErrorKind::Mutability),
        (json!({"op": "replace", "path": "members.display", "value": "x"}), ErrorKind::Mutability),
        (json!({"op": "replace", "path": "displayName", "value": ""}), ErrorKind::InvalidValue),
        (json!({"op": "replace", "value": {"displayName": null}}), ErrorKind::InvalidValue),
        (json!({"op": "replace", "path": "displayName", "value": "x".repeat(1025)}), ErrorKind::InvalidValue),
        (json!({"op": "add", "path": "externalId", "value": "x".repeat(1025)}), ErrorKind::InvalidValue),
        (json!({"op": "add", "path": "members", "value": 7}), ErrorKind::InvalidValue),
        (json!({"op": "add", "path": "members", "value": [{"display": "x"}]}), ErrorKind::InvalidValue),
        (json!({"op": "add", "path": "members", "value": [{"value": ""}]}), ErrorKind::InvalidValue),
        (json!({"op": "add", "path": "members", "value": [{"value": "a\u{0}"}]}), ErrorKind::InvalidValue),
        (json!({"op": "add", "path": "members", "value": [{"value": 7}]}), ErrorKind::InvalidValue),
        (json!({"op": "add", "value": 7}), ErrorKind::InvalidValue),
        (json!({"op": "remove"}), ErrorKind::NoTarget),
        (json!({"op": "add", "path": "owner", "value": "x"}), ErrorKind::InvalidPath),
        (json!({"op": "remove", "path": "members[nope eq \"x\"]"}), ErrorKind::InvalidPath),
        (json!({"op": "add", "path": "userName", "value": "x"}), ErrorKind::InvalidPath),
    ] {
        assert_eq!(refused(json!([operation])), kind, "{operation}");
    }
    let (_, quirks) = read(&json!([{"op": "add", "value": {"owner": "x", "displayName": "N"}}])).unwrap();
    assert_eq!(noted(quirks), [Quirk::UnknownAttribute]);
}

fn parse(body: &Value) -> Result<(Group, Quirks), Error> {
    let mut quirks = Quirks::new();
    Group::parse(body.to_string().as_bytes(), &Schemas::standard(), &mut quirks).map(|group| (group, quirks))
}

#[test]
fn a_body_says_its_members_or_says_nothing_of_them() {
    let core = json!(["urn:ietf:params:scim:schemas:core:2.0:Group"]);
    for (members, expected) in [
        (json!([]), Some(vec![])),
        (json!(null), None),
        (json!([{"value": "a"}, {"value": "b", "displayName": "B"}]), Some(list(&["a", "b"]))),
        (json!({"value": "a"}), Some(list(&["a"]))),
    ] {
        let (group, _) = parse(&json!({"schemas": core, "displayName": "N", "members": members})).unwrap();
        assert_eq!(group.members, expected, "{members}");
    }
    let (group, quirks) =
        parse(&json!({"schemas": core, "id": "x", "displayName": "N", "externalId": "e", "meta": {}})).unwrap();
    assert_eq!(group, Group { display_name: "N".into(), external_id: Some("e".into()), members: None });
    assert!(quirks.is_empty(), "{quirks:?}");
    let (group, quirks) = parse(&json!({"DISPLAYNAME": 7, "owner": 1, "externalId": null})).unwrap();
    assert_eq!((group.display_name.as_str(), group.external_id), ("7", None));
    assert_eq!(noted(quirks), [Quirk::WrongScalar, Quirk::UnknownAttribute, Quirk::SchemasMissing]);
    for body in [
        json!({}),
        json!({"displayName": ""}),
        json!({"displayName": null}),
        json!({"displayName": {}}),
        json!({"displayName": "a\u{0}"}),
        json!({"displayName": "N", "members": 7}),
    ] {
        assert_eq!(parse(&body).unwrap_err().kind, ErrorKind::InvalidValue, "{body}");
    }
    assert_eq!(parse(&json!([])).unwrap_err().kind, ErrorKind::InvalidSyntax);
}

fn meta(id: &str) -> Meta<'_> {
    let at = Timestamp::from_millis(1_795_327_200_123);
    Meta { base: "https://x.example/scim/v2/dir_1", id, created: at, last_modified: at, version: 7 }
}

#[test]
fn a_group_is_written_with_its_members_or_without() {
    let row = Row { display_name: "Sales \"EU\"", external_id: Some("e") };
    let members = [
        MemberRow { id: "scu_1", kind: Kind::User, display: Some("Ada") },
        MemberRow { id: "grp_2", kind: Kind::Group, display: None },
    ];
    let mut out = String::new();
    group::write(&mut out, row, &meta("grp_1"), Some(members.into_iter()));
    let written: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        written,
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "id": "grp_1",
            "displayName": "Sales \"EU\"",
            "externalId": "e",
            "members": [
                {"value": "scu_1", "$ref": "https://x.example/scim/v2/dir_1/Users/scu_1", "type": "User", "display": "Ada"},
                {"value": "grp_2", "$ref": "https://x.example/scim/v2/dir_1/Groups/grp_2", "type": "Group"}
            ],
            "meta": {
                "resourceType": "Group",
                "created": "2026-11-22T06:00:00.123Z",
                "lastModified": "2026-11-22T06:00:00.123Z",
                "location": "https://x.example/scim/v2/dir_1/Groups/grp_1",
                "version": "W/\"7\""
            }
        })
    );
    let mut out = String::new();
    group::write(&mut out, Row { display_name: "N", external_id: None }, &meta("g"), None::<std::iter::Empty<_>>);
    assert!(!out.contains("members"), "{out}");
    let mut out = String::new();
    group::write(&mut out, Row { display_name: "N", external_id: None }, &meta("g"), Some(std::iter::empty()));
    assert!(out.contains("\"members\":[]"), "{out}");
}

/// Ten times the members cost ten times as much, and a hundred thousand are read in a moment.
#[test]
fn a_hundred_thousand_members_are_read_in_linear_time() {
    let members =
        |count: usize| -> Vec<Value> { (0..count).map(|n| json!({"value": format!("scu_{n:026}")})).collect() };
    let time = |body: &[u8]| {
        let start = Instant::now();
        let changes = group_patch::parse(body, &Schemas::standard(), &mut Quirks::new()).unwrap();
        assert_eq!(changes.len(), 1);
        start.elapsed()
    };
    let all = members(100_000);
    let one = json!({"Operations": [{"op": "replace", "path": "members", "value": all}]}).to_string();
    let each: Vec<Value> =
        all.iter().take(20_000).map(|m| json!({"op": "add", "path": "members", "value": [m]})).collect();
    let each = json!({"Operations": each}).to_string();
    let terms: Vec<String> = (0..10_000).map(|n| format!("value eq \"scu_{n}\"")).collect();
    let path = format!("members[{}]", terms.join(" or "));
    let chain = json!({"Operations": [{"op": "remove", "path": path}]}).to_string();
    for body in [one, each, chain] {
        assert!(time(body.as_bytes()).as_secs() < 5, "not linear");
    }
}
