use serde_json::Value;
use serde_json::json;

use super::noted;
use crate::scim::ErrorKind;
use crate::scim::Quirk;
use crate::scim::Quirks;
use crate::scim::Schemas;
use crate::scim::list;
use crate::scim::list::ListHead;
use crate::scim::list::ListRequest;
use crate::scim::list::Page;
use crate::scim::list::Resources;
use crate::scim::list::SortColumn;
use crate::scim::list::SortKey;

fn request(query: &str) -> (ListRequest, Quirks) {
    let mut quirks = Quirks::new();
    let request = ListRequest::from_query(query, &mut quirks).unwrap_or_else(|error| panic!("{query}: {error}"));
    (request, quirks)
}

fn page(query: &str) -> Page {
    request(query).0.page()
}

fn index(start: u64, count: u64) -> Page {
    Page::Index { start, count }
}

#[test]
fn numbers_are_taken_as_they_were_meant() {
    for (query, expected) in [
        ("", index(1, 100)),
        ("startIndex=1&count=100", index(1, 100)),
        ("startIndex=101&count=100", index(101, 100)),
        ("startIndex=0", index(1, 100)),
        ("startIndex=-7&count=-1", index(1, 0)),
        ("count=0", index(1, 0)),
        ("count=5000", index(1, 1000)),
        ("startindex=3&COUNT=7", index(3, 7)),
        ("startIndex=&count=", index(1, 100)),
        ("count=10.0", index(1, 10)),
        ("startIndex=99999999999999999999999", index(u64::MAX, 100)),
        ("cursor&count=20", Page::Cursor { cursor: String::new(), count: 20 }),
        ("cursor=abc", Page::Cursor { cursor: "abc".into(), count: 100 }),
    ] {
        assert_eq!(page(query), expected, "{query}");
    }
    assert!(request("startIndex=0").1.has(Quirk::NumberAsText));
    assert!(request("startIndex=1&count=100").1.is_empty());
    for query in ["count=many", "startIndex=1;2", "count=NaN", "count=inf"] {
        let error = ListRequest::from_query(query, &mut Quirks::new()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidValue, "{query}");
    }
}

#[test]
fn a_plus_is_a_blank_and_an_escaped_plus_is_a_plus() {
    let schemas = Schemas::standard();
    let (request, mut quirks) = request("filter=userName+eq%20%22a%2Bb%40x.example%22&startIndex=1");
    let query = request.compile(&schemas.user, &[], &mut quirks).unwrap();
    assert!(query.filter.unwrap().matches(&json!({"userName": "A+B@x.example"})));
    assert!(quirks.is_empty());
}

#[test]
fn the_flag_of_entra_is_not_a_part_of_the_question() {
    let schemas = Schemas::standard();
    for query in [
        "aadOptscim062020&filter=userName%20eq%20%22a%22",
        "filter=userName%20eq%20%22a%22&aadOptscim062020",
        "filter=userName%20eq%20%22a%22?aadOptscim062020",
        "aadOptscim062020=&filter=userName eq \"a\"",
    ] {
        let (request, mut quirks) = request(query);
        let query = request.compile(&schemas.user, &[], &mut quirks).unwrap();
        assert!(query.filter.unwrap().matches(&json!({"userName": "a"})));
        assert_eq!(noted(quirks), [Quirk::FlagInQuery]);
    }
}

#[test]
fn a_search_body_asks_the_same() {
    let schemas = Schemas::standard();
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "attributes": ["userName", "name.givenName"],
        "excludedAttributes": null,
        "filter": "userName sw \"a\"",
        "sortBy": "userName",
        "sortOrder": "descending",
        "startIndex": 11,
        "count": "10"
    });
    let mut quirks = Quirks::new();
    let request = ListRequest::from_search(body.to_string().as_bytes(), &mut quirks).unwrap();
    assert_eq!(request.page(), index(11, 10));
    assert_eq!(noted(quirks), [Quirk::NumberAsText]);
    let query = request.compile(&schemas.user, &[], &mut quirks).unwrap();
    assert!(query.sort.unwrap().is_descending && query.filter.is_some() && query.projection.has_attributes());
    for wrong in ["", "[]", "{\"filter\":"] {
        assert_eq!(ListRequest::from_search(wrong.as_bytes(), &mut quirks).unwrap_err().kind, ErrorKind::InvalidSyntax);
    }
    for wrong in [json!({"filter": 7}), json!({"count": []}), json!({"attributes": 1}), json!({"count": "x"})] {
        let error = ListRequest::from_search(wrong.to_string().as_bytes(), &mut quirks).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidValue, "{wrong}");
    }
}

fn sorted(by: &str, resources: &[Value]) -> Vec<String> {
    let (request, mut quirks) = request(by);
    let sort = request.compile(&Schemas::standard().user, &[], &mut quirks).unwrap().sort.unwrap();
    let mut keyed: Vec<(SortKey, &Value)> = resources.iter().map(|resource| (sort.key(resource), resource)).collect();
    keyed.sort_by(|a, b| sort.compare(&a.0, &b.0));
    keyed.iter().map(|(_, resource)| resource["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn lists_are_sorted_by_primary_values_in_any_case_with_the_missing_last() {
    let resources = [
        json!({"id": "1", "userName": "bob", "emails": [{"value": "z@x"}, {"value": "a@x", "primary": true}], "active": true}),
        json!({"id": "2", "userName": "Ada", "meta": {"created": "2026-01-02T00:00:00Z"}}),
        json!({"id": "3", "userName": "carl", "emails": [{"value": "B@x"}], "meta": {"created": "2026-01-01T23:59:59Z"}, "active": false}),
    ];
    assert_eq!(sorted("sortBy=userName", &resources), ["2", "1", "3"]);
    assert_eq!(sorted("sortBy=userName&sortOrder=descending", &resources), ["3", "1", "2"]);
    assert_eq!(sorted("sortBy=emails", &resources), ["1", "3", "2"]);
    assert_eq!(sorted("sortBy=emails.value&sortOrder=DESCENDING", &resources), ["2", "3", "1"]);
    assert_eq!(sorted("sortBy=meta.created", &resources), ["3", "2", "1"]);
    assert_eq!(sorted("sortBy=active", &resources), ["3", "1", "2"]);
    assert_eq!(sorted("sortBy=title", &resources), ["1", "2", "3"], "what is equal keeps its order");
}

#[test]
fn the_store_is_told_which_column_it_has_in_order() {
    let schemas = Schemas::standard();
    for (name, column) in [
        ("userName", Some(SortColumn::UserName)),
        ("urn:ietf:params:scim:schemas:core:2.0:User:ID", Some(SortColumn::Id)),
        ("meta.lastModified", Some(SortColumn::LastModified)),
        ("meta.created", Some(SortColumn::Created)),
        ("externalId", Some(SortColumn::ExternalId)),
        ("displayName", Some(SortColumn::DisplayName)),
        ("name.familyName", None),
    ] {
        let (request, mut quirks) = request(&format!("sortBy={name}"));
        assert_eq!(request.compile(&schemas.user, &[], &mut quirks).unwrap().sort.unwrap().column(), column, "{name}");
    }
    for name in ["nope", "name", "meta", "urn:ietf:params:scim:schemas:core:2.0:User"] {
        let (request, mut quirks) = request(&format!("sortBy={name}"));
        assert_eq!(
            request.compile(&schemas.user, &[], &mut quirks).unwrap_err().kind,
            ErrorKind::InvalidValue,
            "{name}"
        );
    }
    let (request, mut quirks) = request("sortBy=userName");
    assert_eq!(request.compile(&schemas.group, &[&schemas.user], &mut quirks).unwrap().sort, None);
}

fn answer(head: &ListHead<'_>, resources: &[&str]) -> Value {
    let mut all = Resources::default();
    for resource in resources {
        all.next().push_str(resource);
    }
    assert_eq!(all.each().collect::<Vec<_>>(), resources);
    serde_json::from_str(&list::answer(head, all)).unwrap()
}

#[test]
fn an_answer_has_whole_numbers_and_always_an_array() {
    let head = ListHead { total: 0, items: 0, start_index: Some(1), ..ListHead::default() };
    assert_eq!(
        answer(&head, &[]),
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": 0,
            "startIndex": 1,
            "itemsPerPage": 0,
            "Resources": []
        })
    );
    let head =
        ListHead { total: 9, items: 2, next_cursor: Some("n\""), previous_cursor: Some("p"), ..ListHead::default() };
    let answer = answer(&head, &["{\"id\":\"1\"}", "{\"id\":\"2\"}"]);
    assert_eq!(answer["Resources"], json!([{"id": "1"}, {"id": "2"}]));
    assert_eq!((&answer["nextCursor"], &answer["previousCursor"]), (&json!("n\""), &json!("p")));
    assert_eq!(answer.get("startIndex"), None);
}
