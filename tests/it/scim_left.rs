//! What a directory leaves that is turned off: people take it away by hand, and turning it on gives it again.

use serde_json::Value;
use serde_json::json;

use crate::scim_support::Pusher;
use crate::scim_support::id;
use crate::scim_support::roles;
use crate::support::TestApp;

const ZOE: &str = "zoe@acme.example";

/// Zoe has a role, a team and a tag by the directory.
async fn given(app: &TestApp) -> (Pusher, String) {
    let pusher = app.directory().await;
    let team = pusher.admin.made("/api/v1/teams", &json!({"name": "iOS"})).await;
    let mapping = json!([
        {"match": "group", "value": "Mobile", "roles": ["developer"], "team": team["id"], "tag": "R&D/100%"},
    ]);
    pusher.map(mapping).await.is(200);
    let user = pusher.user(ZOE).await;
    pusher.group("Mobile", &[id(&user)]).await;
    (pusher, id(&team).to_owned())
}

fn held(member: &Value) -> (Vec<String>, &Value, &Value) {
    (roles(member), &member["teams"], &member["tags"])
}

#[actix_web::test]
async fn teams_and_tags_of_a_directory_that_is_off_are_taken_over_the_api_and_given_again() {
    let app = TestApp::start().await;
    let (pusher, team) = given(&app).await;
    let (zoe, api) = (pusher.member(ZOE).await, &pusher.admin);
    let all = (vec!["developer".to_owned()], &json!(["iOS"]), &json!(["Group:Mobile", "R&D/100%"]));
    assert_eq!(held(&zoe), all);
    let place = format!("/api/v1/teams/{team}/members/{}", id(&zoe));
    let tags = format!("/api/v1/members/{}/tags", id(&zoe));
    let tag = format!("{tags}?tag=R%26D%2F100%25");
    api.delete(&place).await.is_problem(409, "team_mapped");
    let refused = api.delete(&tag).await;
    refused.is_problem(409, "tag_mapped");
    assert!(refused.body.contains("Okta"), "{}", refused.body);
    pusher.act("disable").await;
    assert_eq!(held(&pusher.member(ZOE).await), all, "turning it off takes nothing");
    api.delete(&tags).await.is_invalid_at(&["/tag"]);
    api.delete(&format!("{tags}?tag=nothing")).await.is_problem(404, "not_found");
    // What follows from a group is no tag of its own.
    api.delete(&format!("{tags}?tag=Group:Mobile")).await.is_problem(409, "tag_mapped");
    let developer = app.api("developer").await;
    developer.delete(&tag).await.is_problem(403, "forbidden");
    let foreign = format!("/api/v1/members/{}/tags?tag=x", id(&zoe).replace(&id(&zoe)[10..14], "zzzz"));
    api.delete(&foreign).await.is_problem(404, "not_found");
    api.delete(&place).await.is(204);
    api.delete(&tag).await.is(204);
    for path in [&place, &tag] {
        api.delete(path).await.is_problem(404, "not_found");
    }
    let member = pusher.member(ZOE).await;
    assert_eq!(held(&member), (vec!["developer".to_owned()], &json!([]), &json!(["Group:Mobile"])));
    api.put(&format!("/api/v1/members/{}/roles", id(&zoe)), &json!({"roles": []})).await.is(200);
    for (action, field, before) in [
        ("team.member_removed", "team", json!("iOS")),
        ("member.roles_changed", "tags", json!(["R&D/100%"])),
        ("member.roles_changed", "roles", json!(["developer"])),
    ] {
        let told = app.audit_of(action).await;
        let event =
            told.iter().find(|event| event.changes.contains_key("left_by") && event.changes.contains_key(field));
        let event = event.unwrap_or_else(|| panic!("{action} {field}: {told:?}"));
        assert_eq!((&event.changes[field][0], &event.changes["left_by"][0]), (&before, &json!(["Okta"])));
        assert_eq!(event.actor.kind, "api_key");
    }
    pusher.act("enable").await;
    assert_eq!(held(&pusher.member(ZOE).await), all, "on again, it gives what it sends");
    api.delete(&place).await.is_problem(409, "team_mapped");
}

#[actix_web::test]
async fn a_place_given_here_goes_with_the_one_that_was_left_and_not_with_one_that_is_given() {
    let app = TestApp::start().await;
    let (pusher, team) = given(&app).await;
    let zoe = pusher.member(ZOE).await;
    let place = format!("/api/v1/teams/{team}/members/{}", id(&zoe));
    pusher.admin.put(&place, &json!({})).await.is(204);
    pusher.admin.delete(&place).await.is(204);
    assert_eq!(pusher.member(ZOE).await["teams"], json!(["iOS"]), "the directory's place stays while it is on");
    pusher.admin.put(&place, &json!({})).await.is(204);
    pusher.act("disable").await;
    pusher.admin.delete(&place).await.is(204);
    assert_eq!(pusher.member(ZOE).await["teams"], json!([]));
    assert_eq!(app.audit_of("team.member_removed").await.len(), 2);
}

#[actix_web::test]
async fn a_change_of_many_members_roles_leaves_what_a_directory_left() {
    let app = TestApp::start().await;
    let (pusher, _) = given(&app).await;
    pusher.act("disable").await;
    let many = "/api/v1/roles/assign";
    let change = |add: Value, remove: Value| json!({"filter": {"email": ZOE}, "add": add, "remove": remove});
    pusher.admin.post(many, &change(json!(["member"]), json!([]))).await.is(200);
    assert_eq!(roles(&pusher.member(ZOE).await), ["developer", "member"]);
    pusher.admin.post(many, &change(json!([]), json!(["developer"]))).await.is(200);
    assert_eq!(roles(&pusher.member(ZOE).await), ["member"]);
}

#[actix_web::test]
async fn the_pages_offer_what_a_directory_left_and_take_it_away() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    let (pusher, team) = given(&app).await;
    let zoe = pusher.member(ZOE).await;
    let (member, team) = (format!("/admin/members/{}", id(&zoe)), format!("/admin/teams/{team}"));
    let (untag, leave) = (format!("{member}/tags/remove"), format!("{team}/members/{}/remove", id(&zoe)));
    assert!(!admin.get(&member).await.has_form(&untag) && !admin.get(&team).await.has_form(&leave));
    pusher.act("disable").await;
    let page = admin.get(&member).await;
    assert!(page.text().contains("Given by Okta before its directory was turned off"), "{}", page.text());
    let ticked = page.form(&format!("{member}/roles"));
    assert_eq!(ticked.get("roles"), "developer", "what may be taken away is ticked");
    let done = admin.submit_and_follow(&page.form(&untag)).await;
    assert!(done.text().contains("The tag R&D/100% is taken away"), "{}", done.text());
    assert!(!done.has_form(&untag));
    // The same form again, as somebody who had it open.
    let late = admin.submit(&page.form(&untag)).await;
    assert_eq!(late.status, 404);
    let of_group = admin.submit(&page.form(&untag).fill("tag", "Group:Mobile")).await;
    assert_eq!(of_group.status, 409);
    assert!(of_group.text().contains("through the group Mobile"), "{}", of_group.text());
    let page = admin.get(&team).await;
    let done = admin.submit_and_follow(&page.form(&leave)).await;
    assert!(done.text().contains("Nobody yet"), "{}", done.text());
    let event = &app.audit_of("team.member_removed").await[0];
    let told = admin.get(&format!("/admin/audit/{}", event.id)).await.text();
    assert!(told.contains("Given before by the directory of") && told.contains("Okta"), "{told}");
}
