//! The SCIM server by RFC 7644: who may ask, discovery, resources, lists, entity tags, and what is sent that cannot be.

use serde_json::json;

use crate::scim_support::id;
use crate::support::TestApp;

#[actix_web::test]
async fn whoever_shows_no_good_token_learns_nothing() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let other = app.pending_directory().await;
    let foreign = app.api_stranger().with("Authorization", &format!("Bearer {}", other.token));
    let wrong = app.api_stranger().with("Authorization", "Bearer dwscim_nothing");
    let basic = app.api_stranger().with("Authorization", "Basic YTpi");
    let before = app.count("SELECT count(*) FROM scim_users");
    for caller in [app.api_stranger(), wrong, basic, foreign] {
        for path in ["/Users", "/Users/usr_1", "/Nothing", "/Schemas", ""] {
            let answer = caller.get(&format!("{}{path}", pusher.base)).await;
            answer.is_scim_error(401, None);
            assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
        }
        let user = json!({"userName": "eve@acme.example"});
        caller.post(&format!("{}/Users", pusher.base), &user).await.is_scim_error(401, None);
    }
    app.api_stranger().get("/scim/v2/Users").await.is_scim_error(401, None);
    assert_eq!(app.count("SELECT count(*) FROM scim_users"), before);
    // Many bad tokens from one address lock nobody out, and the word Bearer may be missing.
    let bare = app.api_stranger().with("Authorization", &pusher.token);
    bare.get(&format!("{}/Users", pusher.base)).await.is(200);
}

#[actix_web::test]
async fn both_forms_of_the_address_lead_to_the_same_directory_in_any_case() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let user = pusher.user("ada.l@acme.example").await;
    assert_eq!(user["meta"]["location"], format!("{}{}/Users/{}", app.origin, pusher.base, id(&user)));
    for path in ["/scim/v2/Users", "/scim/v2/users/", &format!("{}/users/?count=10", pusher.base)] {
        let answer = pusher.scim.get(path).await;
        answer.is(200);
        assert_eq!(answer.header("content-type"), Some("application/scim+json"));
        assert_eq!(answer.json()["totalResults"], 1);
    }
    let one = pusher.scim.get(&format!("/scim/v2/Users/{}", id(&user))).await.json();
    assert_eq!(one["meta"]["location"], format!("{}/scim/v2/Users/{}", app.origin, id(&user)));
    let json = pusher.scim.with("Accept", "application/json").get("/scim/v2/Users").await;
    assert_eq!(json.header("content-type"), Some("application/json"));
}

#[actix_web::test]
async fn what_the_server_is_stands_in_its_discovery() {
    let app = TestApp::start().await;
    let pusher = app.pending_directory().await;
    let config = pusher.get("/ServiceProviderConfig").await.json();
    for (what, is) in
        [("patch", true), ("filter", true), ("sort", true), ("etag", true), ("bulk", false), ("changePassword", false)]
    {
        assert_eq!(config[what]["supported"], is, "{what}: {config}");
    }
    let types = pusher.get("/ResourceTypes").await.json();
    assert_eq!(types["totalResults"], 2);
    let schemas = pusher.get("/Schemas").await.json();
    let user = "urn:ietf:params:scim:schemas:core:2.0:User";
    assert!(schemas["Resources"].as_array().unwrap().iter().any(|one| one["id"] == user));
    // As RFC 7643 8.7.1 names them: clients make options and classes of the names.
    let names: Vec<&str> =
        schemas["Resources"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["User", "EnterpriseUser", "Group"]);
    assert_eq!(pusher.get(&format!("/Schemas/{user}")).await.json()["id"], user);
    pusher.get("/ResourceTypes/Nothing").await.is_scim_error(404, None);
    pusher.get("/Me").await.is_scim_error(501, None);
    pusher.send("POST", "/Bulk", Some(&json!({}))).await.is_scim_error(501, None);
    pusher.get("/Nothing").await.is_scim_error(404, None);
    let refused = pusher.send("POST", "/Schemas", Some(&json!({}))).await;
    refused.is_scim_error(405, None);
    assert_eq!(refused.header("allow"), Some("GET"));
    pusher.send("DELETE", "/Users", None).await.is_scim_error(405, None);
    pusher.send("OPTIONS", "/Users", None).await.is_scim_error(405, None);
}

#[actix_web::test]
async fn a_user_is_given_back_as_it_was_sent_and_changes_by_put_and_patch() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let sent = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "externalId": "00u1", "userName": "Zoe@Acme.example", "displayName": "Zoë Ø", "title": "Nurse",
        "name": {"givenName": "Zoë", "familyName": "Ø"},
        "emails": [{"value": "zoe@acme.example", "type": "work", "primary": true}],
        "phoneNumbers": [{"value": "tel:+1-201", "type": "work"}],
        "roles": [{"value": "nurse"}], "entitlements": [{"value": "ward"}],
        "photos": [{"value": "https://x.example/z.png", "type": "photo"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "A&E", "manager": {"value": "nobody"}},
        "password": "not kept at all", "unknown": {"x": 1},
    });
    let answer = pusher.send("POST", "/Users", Some(&sent)).await;
    answer.is(201);
    let made = answer.json();
    assert_eq!(answer.location(), made["meta"]["location"].as_str().unwrap());
    assert_eq!(answer.header("etag"), Some("W/\"1\""));
    for name in
        ["externalId", "userName", "displayName", "title", "name", "phoneNumbers", "roles", "entitlements", "photos"]
    {
        assert_eq!(made[name], sent[name], "{name}");
    }
    assert_eq!(made["active"], true);
    assert!(made.get("password").is_none() && !app.dump().contains("not kept at all"));
    let path = format!("/Users/{}", id(&made));
    // The same again changes nothing, not even the version.
    let same = pusher.send("PUT", &path, Some(&made)).await;
    assert_eq!((same.status, same.header("etag")), (200, Some("W/\"1\"")));
    let patched = pusher.patch(&path, json!([{"op": "Replace", "path": "title", "value": "Lead"}])).await;
    assert_eq!((patched.status, patched.header("etag")), (200, Some("W/\"2\"")));
    assert_eq!(patched.json()["title"], "Lead");
    let member = pusher.member("zoe@acme.example").await;
    assert_eq!(
        (&member["job_title"], &member["name"], &member["source"]),
        (&json!("Lead"), &json!("Zoë Ø"), &json!("scim"))
    );
    assert_eq!(member["directory_id"], pusher.id);
    // Entity tags.
    let unchanged = pusher.scim.with("If-None-Match", "W/\"2\"").get(&format!("{}{path}", pusher.base)).await;
    assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
    let stale = pusher.scim.with("If-Match", "W/\"1\"");
    let body = json!({"schemas": [], "Operations": [{"op": "replace", "path": "title", "value": "No"}]});
    stale.patch(&format!("{}{path}", pusher.base), &body).await.is_scim_error(412, None);
    stale.delete(&format!("{}{path}", pusher.base)).await.is_scim_error(412, None);
    let any = pusher.scim.with("If-Match", "*");
    any.patch(&format!("{}{path}", pusher.base), &body).await.is(200);
    // Only what is asked for, with schemas and id.
    let few = pusher.get(&format!("{path}?attributes=userName,emails.value")).await.json();
    let names: Vec<&String> = few.as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 4, "{few}");
    pusher.send("DELETE", &path, None).await.is(204);
    pusher.send("DELETE", &path, None).await.is_scim_error(404, None);
    pusher.get(&path).await.is_scim_error(404, None);
    assert_eq!(pusher.count_members("zoe@acme.example").await, 0);
}

#[actix_web::test]
async fn lists_are_filtered_sorted_and_paged_by_index_and_cursor() {
    let app = TestApp::start().await;
    let pusher = app.pending_directory().await;
    for n in 0..25 {
        let more = json!({"externalId": format!("x{n}"), "title": format!("T{}", n % 3), "active": n % 2 == 0});
        pusher.user_with(&format!("user{n:02}@acme.example"), more).await;
    }
    let total = |query: &str| {
        let path = format!("/Users?{query}");
        let pusher = &pusher;
        async move { pusher.get(&path).await.json()["totalResults"].as_u64().unwrap_or(u64::MAX) }
    };
    for (filter, found) in [
        ("userName eq \"USER03@acme.example\"", 1),
        ("userName eq user03@acme.example", 1),
        ("externalId eq \"X3\"", 0),
        ("externalId eq \"x3\"", 1),
        ("emails[type eq \"work\"].value eq \"user03@acme.example\"", 1),
        ("emails eq \"user03@acme.example\"", 1),
        ("userName sw \"user1\"", 10),
        ("title eq \"T0\" and active eq \"True\"", 5),
        ("not (title eq \"T0\")", 16),
        ("userName co \"%\"", 0),
        ("title pr and (userName ew \"0@acme.example\" or userName ew \"1@acme.example\")", 6),
        ("meta.created gt \"2000-01-01T00:00:00Z\"", 25),
        ("id eq \"usr_\u{1}\"", 0),
    ] {
        let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        assert_eq!(total(&format!("filter={filter}")).await, found, "{filter}");
    }
    let page = pusher.get("/Users?startIndex=21&count=10").await.json();
    assert_eq!(
        (&page["totalResults"], &page["itemsPerPage"], &page["startIndex"]),
        (&json!(25), &json!(5), &json!(21))
    );
    assert_eq!(page["Resources"][0]["userName"], "user20@acme.example");
    let past = pusher.get("/Users?startIndex=99").await.json();
    assert_eq!((&past["totalResults"], &past["Resources"]), (&json!(25), &json!([])));
    let none = pusher.get("/Users?count=-3&startIndex=-7").await.json();
    assert_eq!((&none["totalResults"], &none["itemsPerPage"], &none["startIndex"]), (&json!(25), &json!(0), &json!(1)));
    let sorted = pusher.get("/Users?sortBy=title&sortOrder=descending&count=3").await.json();
    assert_eq!(sorted["Resources"][0]["title"], "T2");
    let named = pusher.get("/Users?sortBy=userName&sortOrder=descending&count=1").await.json();
    assert_eq!(named["Resources"][0]["userName"], "user24@acme.example");
    // By cursor, while others go: nobody is lost.
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let page = pusher.get(&format!("/Users?cursor={cursor}&count=4")).await.json();
        for user in page["Resources"].as_array().unwrap() {
            seen.push(user["userName"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        if seen.len() == 4 {
            let gone = pusher.get("/Users?count=1").await.json()["Resources"][0]["id"].as_str().unwrap().to_owned();
            pusher.send("DELETE", &format!("/Users/{gone}"), None).await.is(204);
        }
    }
    assert_eq!(seen.len(), 25, "{seen:?}");
    pusher.get("/Users?cursor=made-up").await.is_scim_error(400, Some("invalidCursor"));
    let other = format!("/Users?cursor={cursor}&filter=title%20pr");
    pusher.get(&other).await.is_scim_error(400, Some("invalidCursor"));
    // Searches in a body, at the root as well.
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "displayName eq \"none\"", "count": 5});
    for path in ["/.search", "/Users/.search", "/Groups/.search"] {
        let answer = pusher.send("POST", path, Some(&search)).await;
        answer.is(200);
        assert_eq!(answer.json()["totalResults"], 0, "{path}");
    }
    let all = pusher.send("POST", "/.search", Some(&json!({"startIndex": 20, "count": 50}))).await.json();
    assert_eq!((&all["totalResults"], all["Resources"].as_array().unwrap().len()), (&json!(24), 5));
}

#[actix_web::test]
async fn what_cannot_be_is_refused_with_its_type_and_nothing_changes() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let user = pusher.user("ada.l@acme.example").await;
    let path = format!("/Users/{}", id(&user));
    let group = pusher.group("Nurses", &[id(&user)]).await;
    let other = app.pending_directory().await;
    let theirs = other.user("eve@acme.example").await;
    app.run_jobs().await;
    let count = || {
        (
            app.count("SELECT count(*) FROM scim_users"),
            app.count("SELECT count(*) FROM groups"),
            app.count("SELECT sum(version) FROM scim_users"),
        )
    };
    let before = count();
    let raw = |body: &'static str| {
        let scim = pusher.scim.with("Content-Type", "application/scim+json");
        let path = format!("{}/Users", pusher.base);
        async move { scim.send("POST", &path, Some(body)).await }
    };
    raw("{").await.is_scim_error(400, Some("invalidSyntax"));
    raw("[]").await.is_scim_error(400, Some("invalidSyntax"));
    raw("{\"userName\": {\"x\": 1}}").await.is_scim_error(400, Some("invalidValue"));
    raw("{\"userName\": \"\"}").await.is_scim_error(400, Some("invalidValue"));
    raw("{\"userName\": \"a\\u0000b\"}").await.is_scim_error(400, Some("invalidValue"));
    raw("{\"userName\": \"ADA.L@acme.example\"}").await.is_scim_error(409, Some("uniqueness"));
    let long = json!({"userName": "x".repeat(500_000)});
    pusher.send("POST", "/Users", Some(&long)).await.is_scim_error(400, Some("invalidValue"));
    let huge = json!({"userName": "x".repeat(1_500_000)});
    pusher.send("POST", "/Users", Some(&huge)).await.is_scim_error(413, None);
    let plain = pusher.scim.with("Content-Type", "text/plain");
    plain.send("POST", &format!("{}/Users", pusher.base), Some("{}")).await.is_scim_error(415, None);
    for filter in ["nonsense%20eq%20%22x%22", "userName%20zz%20%22x%22", "userName%20eq", &"(".repeat(500), "%00"] {
        pusher.get(&format!("/Users?filter={filter}")).await.is_scim_error(400, Some("invalidFilter"));
    }
    pusher
        .patch(&path, json!([{"op": "replace", "path": "nonsense", "value": 1}]))
        .await
        .is_scim_error(400, Some("invalidPath"));
    pusher
        .patch(&path, json!([{"op": "replace", "path": "id", "value": "x"}]))
        .await
        .is_scim_error(400, Some("mutability"));
    pusher
        .patch(&path, json!([{"op": "replace", "path": "active", "value": "maybe"}]))
        .await
        .is_scim_error(400, Some("invalidValue"));
    for odd in
        ["/Users/usr_00000000000000000000000000", "/Users/%00", "/Users/x%00y", &format!("/Users/{}", "a".repeat(5000))]
    {
        pusher.get(odd).await.is_scim_error(404, None);
    }
    // The ids of another directory are nobody here.
    pusher.get(&format!("/Users/{}", id(&theirs))).await.is_scim_error(404, None);
    let foreign = json!([{"op": "add", "path": "members", "value": [{"value": id(&theirs)}]}]);
    pusher.patch(&format!("/Groups/{}", id(&group)), foreign).await.is_scim_error(400, Some("invalidValue"));
    pusher.get(&format!("/Groups/{}", id(&user))).await.is_scim_error(404, None);
    assert_eq!(count(), before);
    assert_eq!(pusher.get(&format!("/Groups/{}", id(&group))).await.json()["members"][0]["value"], user["id"]);
}

#[actix_web::test]
async fn tokens_roll_over_and_end() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let path = format!("/api/v1/directories/{}/tokens", pusher.id);
    let next = pusher.admin.made(&path, &json!({})).await;
    let with = |token: &str| app.api_stranger().with("Authorization", &format!("Bearer {token}"));
    let (old, new) = (with(&pusher.token), with(next["token"].as_str().unwrap()));
    for scim in [&old, &new] {
        scim.get("/scim/v2/Users").await.is(200);
    }
    let shown = pusher.admin.get(&format!("/api/v1/directories/{}", pusher.id)).await.json();
    assert_eq!(shown["tokens"].as_array().unwrap().len(), 2, "{shown}");
    assert!(!shown.to_string().contains(pusher.token.as_str()) && !app.dump().contains(pusher.token.as_str()));
    assert!(pusher.token.starts_with(shown["tokens"][0]["prefix"].as_str().unwrap()));
    app.clock.advance(std::time::Duration::from_secs(24 * 3600 + 1));
    old.get("/scim/v2/Users").await.is_scim_error(401, None);
    new.get("/scim/v2/Users").await.is(200);
    let admin = app.api("owner").await;
    admin.delete(&format!("{path}/{}", id(&next))).await.is(204);
    new.get("/scim/v2/Users").await.is_scim_error(401, None);
    admin.post(&path, &json!({"expires_at": "2001-01-01T00:00:00Z"})).await.is_invalid_at(&["/expires_at"]);
}

#[actix_web::test]
async fn of_many_who_make_the_same_user_at_once_one_does() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let mut all = Vec::new();
    for _ in 0..20 {
        let scim = pusher.scim.with("Content-Type", "application/scim+json");
        let path = format!("{}/Users", pusher.base);
        all.push(actix_web::rt::spawn(async move {
            let body = json!({"userName": "one@acme.example", "emails": [{"value": "one@acme.example"}]}).to_string();
            scim.send("POST", &path, Some(&body)).await.status
        }));
    }
    let mut statuses = Vec::new();
    for one in all {
        statuses.push(one.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (201, [409; 19].as_slice()));
    assert_eq!(pusher.count_members("one@acme.example").await, 1);
}

#[actix_web::test]
async fn a_directory_can_have_schemas_of_its_own() {
    let app = TestApp::start().await;
    let pusher = app.pending_directory().await;
    let urn = "urn:acme:scim:1.0:User";
    let tag = json!({"name": "tag", "type": "string", "multiValued": false});
    let path = format!("/api/v1/directories/{}", pusher.id);
    let extensions = json!({"extensions": [{"id": urn, "name": "Acme", "attributes": [tag]}]});
    pusher.admin.patch(&path, &extensions).await.is(200);
    assert!(pusher.get("/Schemas").await.body.contains(urn));
    let mut more = json!({});
    more[urn] = json!({"tag": "blue"});
    let user = pusher.user_with("zoe@acme.example", more).await;
    assert_eq!(user[urn]["tag"], "blue");
    let green = json!([{"op": "replace", "path": format!("{urn}:tag"), "value": "green"}]);
    assert_eq!(pusher.patch(&format!("/Users/{}", id(&user)), green).await.is(200).json()[urn]["tag"], "green");
    let found = pusher.get(&format!("/Users?filter={urn}:tag%20eq%20%22green%22")).await.json();
    assert_eq!(found["totalResults"], 1);
    for wrong in [json!([{}]), json!([{"id": "x"}]), json!([7])] {
        pusher.admin.patch(&path, &json!({"extensions": wrong})).await.is_invalid_at(&["/extensions"]);
    }
}
