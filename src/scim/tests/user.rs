use serde_json::Value;
use serde_json::json;

use super::ENTERPRISE;
use super::noted;
use super::user;
use super::value;
use crate::model::time::Timestamp;
use crate::scim::ErrorKind;
use crate::scim::Quirk;
use crate::scim::Quirks;
use crate::scim::Schemas;
use crate::scim::resource::Meta;
use crate::scim::resource::Versions;
use crate::scim::schema::Schema;
use crate::scim::user::Document;
use crate::scim::user::GroupRow;
use crate::scim::user::write;

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

fn create(body: &Value) -> (Value, Vec<Quirk>) {
    let mut quirks = Quirks::new();
    let document = Document::create(body.to_string().as_bytes(), &Schemas::standard(), &mut quirks)
        .unwrap_or_else(|error| panic!("{body}: {error}"));
    (value(&document), noted(quirks))
}

fn refused(body: &Value) -> ErrorKind {
    Document::create(body.to_string().as_bytes(), &Schemas::standard(), &mut Quirks::new()).unwrap_err().kind
}

#[test]
fn what_was_sent_is_kept_as_it_was_sent() {
    let sent = json!({
        "schemas": [CORE, ENTERPRISE],
        "externalId": "00U1",
        "userName": " Ada@Example.COM",
        "name": {"formatted": "Ada  Byron", "middleName": ""},
        "nickName": "",
        "locale": "xqzzy",
        "timezone": "qq",
        "profileUrl": "not a url",
        "active": false,
        "emails": [{"value": "Ada@Example.COM", "type": "Work", "primary": true, "display": "A"}],
        "phoneNumbers": [{"value": "tel:+1-201-555-0123", "type": "mobile"}],
        "addresses": [{"type": "work", "locality": "Town", "primary": true}],
        ENTERPRISE: {"employeeNumber": "7", "manager": {"value": "nobody", "$ref": "../Users/nobody"}}
    });
    assert_eq!(create(&sent), (sent, vec![]));
}

#[test]
fn who_is_not_said_to_be_inactive_is_active() {
    assert_eq!(create(&json!({"schemas": [CORE], "userName": "a"})).0["active"], true);
    assert_eq!(create(&json!({"schemas": [CORE], "userName": "a", "active": null})).0["active"], true);
    assert_eq!(create(&json!({"schemas": [CORE], "userName": "a", "active": "FALSE"})).0["active"], false);
}

#[test]
fn what_identity_providers_add_does_not_fail_the_user() {
    let (made, quirks) = create(&json!({
        "schemas": [CORE, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "id": null,
        "meta": {"resourceType": "User"},
        "groups": [],
        "userName": "a",
        "password": "hunter2",
        "emails": {"value": "a@x.example", "kind": "x"},
        "photos": null,
        "roles": [],
        "title": ["T"],
        "favouriteColour": {"r": 1},
        "urn:x:y:z": {"a": 1},
        ENTERPRISE: {"manager": {"managerId": "7"}, "department": "D"}
    }));
    assert_eq!(
        made,
        json!({
            "schemas": [CORE, ENTERPRISE],
            "userName": "a",
            "emails": [{"value": "a@x.example"}],
            "title": "T",
            ENTERPRISE: {"department": "D"},
            "active": true
        })
    );
    assert_eq!(
        quirks,
        [
            Quirk::UnknownAttribute,
            Quirk::UnknownSchema,
            Quirk::SchemaNotListed,
            Quirk::PasswordDropped,
            Quirk::ArrayForSingle,
            Quirk::SingleForArray,
        ]
    );
    assert_eq!(create(&json!({"userName": "a"})).1, [Quirk::SchemasMissing]);
    let (made, quirks) = create(&json!({"schemas": [CORE], "userName": "a", "department": "D", "name.givenName": "G"}));
    assert_eq!((&made[ENTERPRISE]["department"], &made["name"]["givenName"]), (&json!("D"), &json!("G")));
    assert_eq!(quirks, [Quirk::PathAsKey, Quirk::ExtensionWithoutUrn]);
}

#[test]
fn elements_that_say_nothing_are_left_out_and_one_primary_stays() {
    let (made, quirks) = create(&json!({
        "schemas": [CORE],
        "userName": "a",
        "emails": [
            {"type": "work", "value": null},
            {"value": "1@x.example", "primary": true},
            null,
            {"value": "2@x.example", "primary": "True"}
        ],
        "phoneNumbers": [{"type": "work", "value": ""}],
        "addresses": [{"type": "work", "primary": true}],
        "ims[type eq \"xmpp\"].primary": true
    }));
    assert_eq!(
        made["emails"],
        json!([{"value": "1@x.example", "primary": true}, {"value": "2@x.example", "primary": false}])
    );
    assert_eq!((made.get("phoneNumbers"), made.get("addresses"), made.get("ims")), (None, None, None));
    assert!(quirks.contains(&Quirk::ElementWithoutValue) && quirks.contains(&Quirk::SeveralPrimaries), "{quirks:?}");
}

#[test]
fn a_user_needs_a_name_that_can_be_kept() {
    for body in [
        json!({}),
        json!({"userName": ""}),
        json!({"userName": null}),
        json!({"userName": "a\u{0}b"}),
        json!({"userName": "x".repeat(1025)}),
        json!({"userName": "a", "externalId": "x".repeat(1025)}),
        json!({"userName": {"value": "a"}}),
        json!({"userName": "a", "active": "perhaps"}),
        json!({"userName": "a", "emails": [{"value": ["x", "y"]}]}),
        json!({"userName": "a", "name": "Ada"}),
        json!({"userName": "a", "addresses": ["Town"]}),
        json!({"userName": "a", ENTERPRISE: "x"}),
    ] {
        assert_eq!(refused(&body), ErrorKind::InvalidValue, "{body}");
    }
    for body in [&b""[..], b"{", b"[]", b"\"x\"", b"{\"userName\":\"\xff\"}", b"{\"userName\":\"a\"}x"] {
        let error = Document::create(body, &Schemas::standard(), &mut Quirks::new()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidSyntax);
    }
    let body = format!("{{\"userName\":\"a\",\"x\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    assert!(Document::create(body.as_bytes(), &Schemas::standard(), &mut Quirks::new()).is_err());
    let body = json!({"userName": "a", "x": "y".repeat(1 << 20)});
    assert_eq!(refused(&body), ErrorKind::InvalidValue);
    let roles: Vec<Value> = (0..900).map(|n| json!({"value": format!("{n}{}", "x".repeat(400))})).collect();
    let document = user(json!({"userName": "a", "roles": roles}));
    assert_eq!(document.text().unwrap_err().kind, ErrorKind::InvalidValue);
}

#[test]
fn put_clears_what_it_leaves_out_but_lets_nobody_back_in() {
    let schemas = Schemas::standard();
    let inactive = user(json!({"userName": "a", "active": false, "title": "T", ENTERPRISE: {"department": "D"}}));
    let mut quirks = Quirks::new();
    let edited = inactive
        .replace(json!({"schemas": [CORE], "userName": "b"}).to_string().as_bytes(), &schemas, &mut quirks)
        .unwrap();
    assert_eq!(value(&edited.document), json!({"schemas": [CORE], "userName": "b", "active": false}));
    assert!(edited.is_changed);
    assert_eq!(noted(quirks), [Quirk::ActiveOmittedInPut]);
    let same = json!({"schemas": [CORE, ENTERPRISE], "id": "x", "meta": {}, "groups": [], "title": "T", "active": "false", "userName": "a", ENTERPRISE: {"department": "D"}});
    let edited = inactive.replace(same.to_string().as_bytes(), &schemas, &mut Quirks::new()).unwrap();
    assert!(!edited.is_changed, "order, id and meta are no change");
}

#[test]
fn the_profile_takes_the_address_that_people_mean() {
    let email = |body: Value| user(body).profile(&mut Quirks::new()).email;
    let mail = |value: &str, kind: &str, primary: bool| json!({"value": value, "type": kind, "primary": primary});
    for (body, expected) in [
        (
            json!({"userName": "u@x.example", "emails": [mail("w@x", "work", false), mail("p@x", "home", true)]}),
            Some("p@x"),
        ),
        (json!({"userName": "u", "emails": [mail("h@x", "home", false), mail("w@x", "WORK", false)]}), Some("w@x")),
        (json!({"userName": "u", "emails": [mail("1@x", "home", false), mail("2@x", "other", false)]}), Some("1@x")),
        (json!({"userName": "u@x.example", "emails": []}), Some("u@x.example")),
        (json!({"userName": "CORP\\u"}), None),
        (json!({"userName": "u@host"}), None),
    ] {
        assert_eq!(email(body.clone()).as_deref(), expected, "{body}");
    }
}

#[test]
fn the_profile_reads_names_roles_and_the_rest() {
    let mut quirks = Quirks::new();
    let profile = user(json!({
        "userName": "a",
        "externalId": "e",
        "active": false,
        "name": {"givenName": "Ada", "familyName": "Byron"},
        "displayName": " ",
        "title": "Countess",
        "photos": [{"value": "https://x.example/t.png", "type": "thumbnail"}, {"value": "https://x.example/p.png", "type": "photo"}],
        "roles": [{"value": "admin"}, {"value": "{\"id\":\"06\",\"value\":\"Reader\",\"displayName\":\"R\"}"}, {"value": "{\"displayName\":\"Writer\"}"}, {"value": "{odd"}],
        "entitlements": [{"value": "wiki"}, "mail"],
        ENTERPRISE: {"department": "D", "manager": {"value": "m"}}
    }))
    .profile(&mut quirks);
    assert_eq!(profile.roles, ["admin", "Reader", "Writer", "{odd"]);
    assert_eq!(profile.entitlements, ["wiki", "mail"]);
    assert_eq!(profile.picture.as_deref(), Some("https://x.example/p.png"));
    assert_eq!((profile.active, profile.display_name.as_deref()), (Some(false), None));
    assert_eq!(profile.name().as_deref(), Some("Ada Byron"));
    assert_eq!((profile.department.as_deref(), profile.manager.as_deref()), (Some("D"), Some("m")));
    assert!(quirks.has(Quirk::RoleAsJson));
}

fn meta() -> Meta<'static> {
    let at = Timestamp::from_millis(1_795_327_200_000);
    Meta { base: "https://x.example/scim/v2", id: "scu_1", created: at, last_modified: at, version: 3 }
}

#[test]
fn the_stored_text_is_spliced_into_the_answer() {
    let text = user(json!({"userName": "a\"b", "title": "T"})).text().unwrap();
    let mut out = String::new();
    write(
        &mut out,
        &text,
        &meta(),
        Some([GroupRow { id: "grp_1", display: "S" }, GroupRow { id: "grp_2", display: "T" }].into_iter()),
    );
    let written: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        written,
        json!({
            "id": "scu_1",
            "schemas": [CORE],
            "userName": "a\"b",
            "title": "T",
            "active": true,
            "groups": [
                {"value": "grp_1", "$ref": "https://x.example/scim/v2/Groups/grp_1", "display": "S", "type": "direct"},
                {"value": "grp_2", "$ref": "https://x.example/scim/v2/Groups/grp_2", "display": "T", "type": "direct"}
            ],
            "meta": {
                "resourceType": "User",
                "created": "2026-11-22T06:00:00.000Z",
                "lastModified": "2026-11-22T06:00:00.000Z",
                "location": "https://x.example/scim/v2/Users/scu_1",
                "version": "W/\"3\""
            }
        })
    );
    let mut out = String::new();
    write(&mut out, &text, &meta(), None::<std::iter::Empty<_>>);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap().get("groups"), None);
}

#[test]
fn a_directory_may_have_its_own_attributes() {
    let urn = "urn:ietf:params:scim:schemas:extension:Custom:2.0:User";
    let definition = json!({"id": urn, "name": "Custom", "attributes": [
        {"name": "tag", "type": "string", "multiValued": true},
        {"name": "since", "type": "dateTime"},
        {"name": "floor", "type": "integer"}
    ]});
    let schemas = Schemas::with_extensions(vec![Schema::parse(&definition).unwrap()]).unwrap();
    let mut quirks = Quirks::new();
    let body = json!({"schemas": [CORE], "userName": "a", urn.to_lowercase(): {"TAG": "x", "since": "2026-11-22T06:00:00Z", "floor": "3"}});
    let document = Document::create(body.to_string().as_bytes(), &schemas, &mut quirks).unwrap();
    assert_eq!(value(&document)[urn], json!({"tag": ["x"], "since": "2026-11-22T06:00:00Z", "floor": 3}));
    assert_eq!(value(&document)["schemas"], json!([CORE, urn]));
    let filter = crate::scim::filter::Filter::parse(
        &format!("{urn}:tag eq \"X\" and {urn}:floor ge 3 and {urn}:since lt \"2027-01-01T00:00:00Z\""),
        &schemas.user,
        &mut quirks,
    )
    .unwrap();
    assert!(filter.matches(&value(&document)));
    for wrong in [json!({"floor": "high"}), json!({"floor": 1.5}), json!({"since": "today"})] {
        let body = json!({"userName": "a", urn: wrong});
        assert!(Document::create(body.to_string().as_bytes(), &schemas, &mut quirks).is_err(), "{body}");
    }
    for wrong in [
        json!({"id": "http://x", "attributes": [{"name": "a"}]}),
        json!({"id": "urn:x", "attributes": [{"name": "a"}]}),
        json!({"id": "urn:a::b", "attributes": [{"name": "a"}]}),
        json!({"id": "urn:a:b:c", "attributes": []}),
        json!({"id": "urn:a:b:c", "attributes": [{"name": "1a"}]}),
        json!({"id": "urn:a:b:c", "attributes": [{"name": "a", "type": "complex"}]}),
        json!({"id": "urn:a:b:c", "attributes": [{"name": "a"}, {"name": "A"}]}),
    ] {
        assert!(Schema::parse(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn versions_are_compared_however_they_are_written() {
    for header in ["W/\"7\"", "\"7\"", "7", "W/\"6\", W/\"7\"", " * ", "w/\"7\""] {
        assert!(Versions::parse(header).require(7).is_ok(), "{header}");
    }
    for header in ["W/\"8\"", "", "x", "W/\"77\""] {
        assert_eq!(Versions::parse(header).require(7).unwrap_err().kind, ErrorKind::PreconditionFailed, "{header}");
    }
}
