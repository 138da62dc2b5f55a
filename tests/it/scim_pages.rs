//! The members' pages while a directory says who exists.

use serde_json::Value;
use serde_json::json;

use crate::scim_support::Pusher;
use crate::scim_support::id;
use crate::support::Answer;
use crate::support::Browser;
use crate::support::TestApp;

const DELEGATED: &str = "Member management is delegated to your IdP via SCIM.";

async fn page_of(pusher: &Pusher, email: &str) -> String {
    format!("/admin/members/{}", pusher.member(email).await["id"].as_str().unwrap())
}

async fn lock(pusher: &Pusher, lock: &str) {
    let path = format!("/api/v1/directories/{}", pusher.id);
    pusher.admin.send("PATCH", &path, Some(&json!({ "member_lock": lock }).to_string())).await.is(200);
}

/// Posts as a form that is not on the page any more would.
async fn post(admin: &mut Browser, path: &str) -> Answer {
    let mut form = admin.get("/admin/settings/general").await.form("/admin/settings/general");
    form.action = path.to_owned();
    admin.submit(&form).await
}

/// With addresses in one piece.
fn shown(page: &Answer) -> String {
    page.body.replace("<wbr>", "")
}

fn has_link(page: &Answer, path: &str) -> bool {
    page.body.contains(&format!("href=\"{path}\""))
}

#[actix_web::test]
async fn the_list_says_who_manages_members_and_offers_nothing_that_is_refused() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    let before = admin.get("/admin/members").await;
    assert!(!before.text().contains(DELEGATED) && has_link(&before, "/admin/members/new"));
    assert!(!before.body.contains("name=\"coverage\""));
    let pusher = app.directory().await;
    pusher.user("grace@acme.example").await;
    let list = admin.get("/admin/members").await;
    let text = list.text();
    assert!(text.contains(DELEGATED) && text.contains("Add and remove people in Okta."), "{text}");
    assert!(has_link(&list, &format!("/admin/security/directories/{}", pusher.id)));
    assert!(!has_link(&list, "/admin/members/new"));
    assert!(list.body.contains("<span class=\"tag\">scim</span>"), "{}", list.body);
    let new = admin.get("/admin/members/new").await;
    assert!(new.text().contains("Nobody is added here"), "{}", new.text());
    lock(&pusher, "open").await;
    let list = admin.get("/admin/members").await;
    assert!(!list.text().contains(DELEGATED) && has_link(&list, "/admin/members/new"));
    let new = admin.get("/admin/members/new").await;
    assert!(new.text().contains("offboarding in Okta won't reach them"), "{}", new.text());
    pusher.act("disable").await;
    let new = admin.get("/admin/members/new").await;
    assert!(!new.text().contains("Okta"), "{}", new.text());
}

#[actix_web::test]
async fn what_was_open_when_the_lock_came_is_refused_in_its_own_form() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    let new = "/admin/members/new";
    let form = admin.get(new).await.form(new).fill("name", "Grace").fill("email", "late@acme.example");
    let pusher = app.directory().await;
    pusher.user("grace@acme.example").await;
    let refused = admin.submit(&form).await;
    assert_eq!((refused.status, refused.form(new).get("email")), (403, "late@acme.example"));
    assert!(refused.text().contains(DELEGATED), "{}", refused.text());
    assert_eq!(pusher.count_members("late@acme.example").await, 0);
    let grace = page_of(&pusher, "grace@acme.example").await;
    for what in ["remove", "deactivate", "reactivate"] {
        let refused = post(&mut admin, &format!("{grace}/{what}")).await;
        assert_eq!(refused.status, 403, "{what}");
        assert!(refused.text().contains(DELEGATED), "{what}: {}", refused.text());
    }
    assert_eq!(pusher.member("grace@acme.example").await["status"], "active");
    for what in ["remove", "deactivate"] {
        let asked = admin.get(&format!("{grace}/{what}")).await;
        assert!(asked.text().contains("Managed by Okta") && !asked.body.contains("btn--danger"), "{}", asked.text());
    }
}

#[actix_web::test]
async fn a_member_page_offers_what_the_lock_leaves() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    app.person("byhand@acme.example", "member").await;
    let pusher = app.directory().await;
    pusher.user("grace@acme.example").await;
    let (grace, by_hand) =
        (page_of(&pusher, "grace@acme.example").await, page_of(&pusher, "byhand@acme.example").await);
    let offers = async |admin: &mut Browser, path: &str| {
        let page = admin.get(path).await;
        ["deactivate", "remove"].map(|what| has_link(&page, &format!("{path}/{what}")))
    };
    assert_eq!(offers(&mut admin, &grace).await, [false, false]);
    assert!(admin.get(&grace).await.text().contains("Managed by Okta"));
    assert_eq!(offers(&mut admin, &by_hand).await, [true, false]);
    let text = admin.get(&by_hand).await.text();
    assert!(text.contains("Not covered by your directory") && text.contains("won't reach them"), "{text}");
    let ask = format!("{by_hand}/deactivate");
    let form = admin.get(&ask).await.form(&ask);
    assert_eq!(admin.submit(&form).await.status, 303, "access must always be endable");
    assert!(!admin.get(&by_hand).await.body.contains("/reactivate"));
    lock(&pusher, "no_invitations").await;
    assert_eq!(offers(&mut admin, &by_hand).await, [false, true]);
    assert!(admin.get(&by_hand).await.body.contains("/reactivate"));
    assert_eq!(offers(&mut admin, &grace).await, [false, false]);
    pusher.act("disable").await;
    assert_eq!(offers(&mut admin, &grace).await, [true, true]);
    assert!(!admin.get(&grace).await.text().contains("Managed by"));
}

#[actix_web::test]
async fn whom_the_directory_does_not_cover_is_listed() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    app.person("byhand@acme.example", "member").await;
    let pusher = app.directory().await;
    pusher.user("grace@acme.example").await;
    let found = async |admin: &mut Browser, coverage: &str| {
        let text = shown(&admin.get(&format!("/admin/members?coverage={coverage}")).await);
        let has = |email: &str| text.contains(email);
        (has("byhand@acme.example"), has("grace@acme.example"), has("won't reach them"))
    };
    assert_eq!(found(&mut admin, "uncovered").await, (true, false, true));
    assert_eq!(found(&mut admin, "covered").await, (false, true, false));
    assert_eq!(found(&mut admin, "king").await, (true, true, false));
    let of_api = async |covered: &str| {
        let all = pusher.admin.get(&format!("/api/v1/members?covered={covered}")).await.json();
        all["data"].as_array().unwrap().iter().map(|one| one["email"].clone()).collect::<Vec<Value>>()
    };
    assert_eq!(of_api("true").await, [json!("grace@acme.example")]);
    // A directory that is off covers nobody.
    pusher.act("disable").await;
    assert_eq!(of_api("true").await, Vec::<Value>::new());
    assert!(of_api("false").await.contains(&json!("grace@acme.example")));
    let other = app.pending_directory().await;
    other.act("enable").await;
    other.user("alan@acme.example").await;
    assert_eq!(of_api("true").await, [json!("alan@acme.example")]);
    let uncovered = of_api("false").await;
    assert!(uncovered.contains(&json!("grace@acme.example")) && !uncovered.contains(&json!("alan@acme.example")));
    pusher.act("enable").await;
    assert_eq!(of_api("true").await.len(), 2);
    assert!(!of_api("false").await.contains(&json!("grace@acme.example")));
}

#[actix_web::test]
async fn pages_of_a_groups_tag_hold_each_member_once() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let mut ids = Vec::new();
    for n in 0..7 {
        ids.push(id(&pusher.user(&format!("p{n}@acme.example")).await).to_owned());
    }
    let all: Vec<&str> = ids.iter().map(String::as_str).rev().collect();
    pusher.group("Marketing Department", &all).await;
    pusher.group("Intern", &all[..2]).await;
    pusher.send("DELETE", &format!("/Users/{}", ids[3]), None).await.is(204);
    let walk = async |tag: &str| {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/members?tag=Group:{tag}&limit=2{cursor}");
            let page = pusher.admin.get(&path).await.is(200).json();
            let emails = page["data"].as_array().unwrap().iter().map(|one| one["email"].as_str().unwrap().to_owned());
            seen.extend(emails);
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break seen,
            }
        }
    };
    let expected: Vec<String> = [0, 1, 2, 4, 5, 6].map(|n| format!("p{n}@acme.example")).to_vec();
    assert_eq!(walk("Marketing%20Department").await, expected);
    assert_eq!(walk("Intern").await, expected[4..]);
    assert_eq!(walk("Nobody").await, Vec::<String>::new());
    // The same name in another directory too.
    let other = app.directory().await;
    let alan = other.user("alan@acme.example").await;
    other.group("Intern", &[id(&alan)]).await;
    let mut both = walk("Intern").await;
    both.sort();
    assert_eq!(both, ["alan@acme.example", "p5@acme.example", "p6@acme.example"]);
    let mut admin = app.admin().await;
    let text = shown(&admin.get("/admin/members?tag=Group:Marketing%20Department&q=p1").await);
    assert!(text.contains("p1@acme.example") && !text.contains("p2@acme.example"), "{text}");
    assert!(text.contains("Group:Marketing Department"), "{text}");
}

#[actix_web::test]
async fn a_member_page_says_where_everything_comes_from() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    let pusher = app.directory().await;
    let team = pusher.admin.made("/api/v1/teams", &json!({"name": "iOS"})).await;
    let mappings = json!([{"match": "group", "value": "Doorward Admins", "roles": ["admin"]},
                          {"match": "group", "value": "Mobile", "team": id(&team)}]);
    pusher.map(mappings).await.is(200);
    let grace = pusher.user_with("grace@acme.example", json!({"externalId": "00u1<b>"})).await;
    let admins = pusher.group("Doorward Admins", &[id(&grace)]).await;
    pusher.group("Mobile", &[id(&grace)]).await;
    let path = page_of(&pusher, "grace@acme.example").await;
    let text = admin.get(&path).await.text();
    for told in [
        "Okta, over SCIM",
        "external id 00u1<b>",
        "Through group Doorward Admins (Okta). Change the group in Okta.",
        "Made by the directory Acme",
        "Became Admin",
        "Through group Doorward Admins",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let leaves = json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", id(&grace))}]);
    pusher.patch(&format!("/Groups/{}", id(&admins)), leaves).await;
    let inactive = json!([{"op": "replace", "path": "active", "value": false}]);
    pusher.patch(&format!("/Users/{}", id(&grace)), inactive).await;
    let text = admin.get(&path).await.text();
    for told in ["no longer Admin", "Deactivated", "Sent by the directory Acme", "The default role of the directory"] {
        assert!(text.contains(told), "{told}: {text}");
    }
    // The team says who fills it, and keeps what it fills.
    let team = format!("/admin/teams/{}", id(&team));
    let page = admin.get(&team).await;
    assert!(page.text().contains("Filled by group Mobile (Okta)"), "{}", page.text());
    assert!(page.text().contains("Change the group there") && !page.body.contains("/remove\""), "{}", page.text());
    let member = path.rsplit('/').next().unwrap();
    let refused = post(&mut admin, &format!("{team}/members/{member}/remove")).await;
    assert!(refused.status == 409 && refused.text().contains("through Okta"), "{}", refused.text());
    let delete = format!("{team}/delete");
    let form = admin.get(&delete).await.form(&delete);
    let refused = admin.submit(&form).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("The role mappings of Acme fill this team"), "{}", refused.text());
}

#[actix_web::test]
async fn a_role_that_a_directory_gives_is_not_deleted() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let role = json!({"name": "Viewer", "permissions": ["members.read"]});
    pusher.admin.post("/api/v1/roles", &role).await.is(201);
    pusher.map(json!([{"match": "group", "value": "Viewers", "roles": ["viewer"]}])).await.is(200);
    let refused = pusher.admin.send("DELETE", "/api/v1/roles/viewer", None).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("Acme"), "{}", refused.body);
    pusher.map(json!([])).await.is(200);
    pusher.admin.send("DELETE", "/api/v1/roles/viewer", None).await.is(204);
}

#[actix_web::test]
async fn one_person_who_is_two_members_is_merged_by_hand() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    app.person("grace@acme.example", "member").await;
    let old = app.person("g.example@acme.example", "member").await;
    let pusher = app.directory().await;
    // With a password, she is not joined: another member of the address stands beside.
    pusher.user("grace@acme.example").await;
    assert_eq!(pusher.count_members("grace@acme.example").await, 2);
    let both = pusher.admin.get("/api/v1/members?email=grace@acme.example").await.json()["data"].clone();
    let of = |source: &str| {
        let found = both.as_array().unwrap().iter().find(|one| one["source"] == source).unwrap();
        found["id"].as_str().unwrap().to_owned()
    };
    let (by_hand, pushed) = (of("manual"), of("scim"));
    let page = admin.get(&format!("/admin/members/{by_hand}")).await;
    assert!(page.text().contains("Possibly the same person twice"), "{}", page.text());
    let ask = format!("/admin/members/{by_hand}/merge");
    assert!(has_link(&page, &ask));
    let form = admin.get(&ask).await.form(&ask);
    assert_eq!(form.get("into"), pushed, "the other is chosen");
    for (into, email, status) in [
        ("", "nobody@acme.example", 422),
        ("", "", 422),
        ("", "%00'\"", 422),
        ("mem_01k2v9q8xw3f6t0m4n7p5r1sza", "", 422),
        ("king", "", 422),
        (by_hand.as_str(), "", 422),
        ("", "admin@acme.example", 409),
    ] {
        let refused = admin.submit(&form.clone().fill("into", into).fill("email", email)).await;
        assert_eq!(refused.status, status, "{into} {email}: {}", refused.text());
        assert_eq!(refused.form(&ask).get("email"), email);
    }
    let merged = admin.submit(&form).await;
    assert_eq!(merged.location(), format!("/admin/members/{pushed}"));
    assert_eq!(pusher.count_members("grace@acme.example").await, 1);
    let page = admin.get(merged.location()).await;
    assert!(page.text().contains("Merged with grace@acme.example"), "{}", page.text());
    assert!(!page.text().contains("Possibly the same person twice"));
    // Of another address, by that address.
    let ask = format!("/admin/members/{old}/merge");
    let form = admin.get(&ask).await.form(&ask).fill("email", "GRACE@acme.example");
    assert_eq!(admin.submit(&form).await.location(), format!("/admin/members/{pushed}"));
    assert_eq!(admin.get(&ask).await.status, 404);
}
