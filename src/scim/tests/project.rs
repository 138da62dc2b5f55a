use serde_json::Value;
use serde_json::json;

use super::ENTERPRISE;
use crate::scim::Quirks;
use crate::scim::Schemas;
use crate::scim::list::ListRequest;
use crate::scim::project::Projection;

fn projection(query: &str) -> Projection {
    ListRequest::from_query(query, &mut Quirks::new()).unwrap().projection(&Schemas::standard().user)
}

fn left(query: &str) -> Value {
    let resource = json!({
        "schemas": ["s"],
        "id": "1",
        "userName": "a",
        "name": {"givenName": "G", "familyName": "F"},
        "emails": [{"value": "v", "type": "work"}, {"value": "w"}],
        "groups": [{"value": "g"}],
        ENTERPRISE: {"department": "D", "manager": {"value": "m", "displayName": "M"}},
        "meta": {"created": "c", "version": "v"}
    });
    projection(query).apply(resource, &Schemas::standard().user)
}

#[test]
fn attributes_choose_and_id_and_schemas_are_always_there() {
    for (query, expected) in [
        ("attributes=userName", json!({"schemas": ["s"], "id": "1", "userName": "a"})),
        (
            "attributes=USERNAME,%20name.givenName",
            json!({"schemas": ["s"], "id": "1", "userName": "a", "name": {"givenName": "G"}}),
        ),
        ("attributes=emails.type", json!({"schemas": ["s"], "id": "1", "emails": [{"type": "work"}]})),
        (
            "attributes=emails.type,emails.value",
            json!({"schemas": ["s"], "id": "1", "emails": [{"value": "v", "type": "work"}, {"value": "w"}]}),
        ),
        (
            "attributes=name,name.givenName",
            json!({"schemas": ["s"], "id": "1", "name": {"givenName": "G", "familyName": "F"}}),
        ),
        ("attributes=department", json!({"schemas": ["s"], "id": "1", ENTERPRISE: {"department": "D"}})),
        (
            "attributes=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
            json!({"schemas": ["s"], "id": "1", ENTERPRISE: {"manager": {"value": "m"}}}),
        ),
        (
            "attributes=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            json!({"schemas": ["s"], "id": "1", ENTERPRISE: {"department": "D", "manager": {"value": "m", "displayName": "M"}}}),
        ),
        (
            "attributes=urn:ietf:params:scim:schemas:core:2.0:User:userName",
            json!({"schemas": ["s"], "id": "1", "userName": "a"}),
        ),
        ("attributes=nope", json!({"schemas": ["s"], "id": "1"})),
        (
            "attributes=name,meta&excludedAttributes=meta.version",
            json!({"schemas": ["s"], "id": "1", "name": {"givenName": "G", "familyName": "F"}, "meta": {"created": "c"}}),
        ),
    ] {
        assert_eq!(left(query), expected, "{query}");
    }
}

#[test]
fn excluded_attributes_go_and_id_and_schemas_stay() {
    let now = left("excludedAttributes=id,schemas,name.givenName,emails.value,groups,department,meta,nope");
    assert_eq!(
        now,
        json!({
            "schemas": ["s"],
            "id": "1",
            "userName": "a",
            "name": {"familyName": "F"},
            "emails": [{"type": "work"}],
            ENTERPRISE: {"manager": {"value": "m", "displayName": "M"}}
        })
    );
    assert_eq!(
        left("excludedAttributes=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User").get(ENTERPRISE),
        None
    );
    assert_eq!(left("attributes="), left(""));
}

#[test]
fn the_member_table_is_left_alone_where_members_are_not_wanted() {
    let group = |query: &str| {
        ListRequest::from_query(query, &mut Quirks::new()).unwrap().projection(&Schemas::standard().group)
    };
    for (query, excludes, is_splice) in [
        ("", false, true),
        ("excludedAttributes=members", true, true),
        ("excludedAttributes=MEMBERS,id", true, true),
        ("excludedAttributes=urn:ietf:params:scim:schemas:core:2.0:Group:members", true, true),
        ("excludedAttributes=members.display", false, false),
        ("excludedAttributes=externalId", false, false),
        ("attributes=id", true, false),
        ("attributes=displayName", true, false),
        ("attributes=members", false, false),
        ("attributes=members.value", false, false),
        ("attributes=members&excludedAttributes=members", true, false),
    ] {
        let projection = group(query);
        assert_eq!(projection.excludes_members(), excludes, "{query}");
        assert_eq!(projection.is_splice(), is_splice, "{query}");
    }
    assert!(projection("attributes=userName").excludes_groups());
    assert!(!projection("").excludes_groups());
    assert!(projection("").is_default() && !projection("excludedAttributes=groups").is_default());
}
