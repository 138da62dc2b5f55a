//! Directory Sync as an admin sets it up and looks after it, without a script.

use serde_json::json;

use crate::scim_support::Pusher;
use crate::scim_support::id;
use crate::scim_support::roles;
use crate::support::Answer;
use crate::support::Browser;
use crate::support::TestApp;
use crate::support::html::Form;

const NEW: &str = "/admin/security/directories/new";

fn page(pusher: &Pusher) -> String {
    format!("/admin/security/directories/{}", pusher.id)
}

/// Chooses beside the row of a group.
fn choose(mut form: Form, group: &str, role: &str) -> Form {
    let columns = |name: &str| {
        form.fields.iter().enumerate().filter(|(_, (known, _))| known == name).map(|(n, _)| n).collect::<Vec<_>>()
    };
    let (values, chosen) = (columns("value"), columns("roles"));
    let row = values.iter().position(|n| form.fields[*n].1 == group).expect("a row of the group");
    form.fields[chosen[row]].1 = role.to_owned();
    form
}

async fn preview_then_save(browser: &mut Browser, form: Form, path: &str) -> Answer {
    let preview = browser.submit(&form.fill("do", "preview")).await;
    assert_eq!(preview.status, 200, "{}", preview.body);
    let kept = preview.form(path).fill("do", "save");
    browser.submit(&kept).await
}

#[actix_web::test]
async fn an_admin_sets_up_a_directory_from_the_card_to_the_first_member() {
    let app = TestApp::start().await;
    let mut admin = app.owner().await;
    let card = admin.get("/admin/security").await;
    assert!(card.text().contains("People are added by hand") && card.links().contains(&NEW.to_owned()));
    let choose_page = admin.get(&format!("{NEW}?q=google")).await;
    assert!(choose_page.text().contains("has no SCIM for applications outside its own catalogue"));
    let csrf = admin.get("/admin/security").await.form("/preferences/theme").get("csrf").to_owned();
    let chosen = admin.post(NEW, &[("csrf", &csrf), ("connector", "okta-scim")]).await;
    assert_eq!(chosen.status, 303);
    let connect = chosen.location().to_owned();
    let dir = connect.split('/').nth(4).unwrap().to_owned();
    let waiting = admin.get(&connect).await;
    assert!(waiting.text().contains("Waiting for the first request from Okta"), "{}", waiting.text());
    assert!(waiting.body.contains("data-poll"));
    // The token is shown once, under the name that was typed.
    let mut form = waiting.form("/setup/connect").fill("name", "Acme's Okta");
    form.action = format!("/admin/security/directories/{dir}/setup/token");
    let made = admin.submit(&form).await;
    let token = made.body.split("dwscim_").nth(2).map(|rest| rest.split('<').next().unwrap());
    let token = format!("dwscim_{}", token.or_else(|| made.body.split("dwscim_").nth(1)?.split('<').next()).unwrap());
    assert!(made.text().contains("Shown once"));
    assert!(!admin.get(&connect).await.body.contains(&token));
    let scim = app.api_stranger().with("Authorization", &format!("Bearer {token}"));
    let pusher = Pusher { admin: app.api("owner").await, scim, base: format!("/scim/v2/{dir}"), id: dir, token };
    // What finds nothing has tested nothing.
    pusher.get("/Users/Users").await.is(404);
    let lost = admin.get(&connect).await.text();
    assert!(lost.contains("GET /Users/Users, answered with 404") && !lost.contains("tested the connection"), "{lost}");
    assert!(lost.contains("The base URL ends before /Users"), "{lost}");
    pusher.get("/Users?filter=userName%20eq%20%22nobody%22").await.is(200);
    assert!(admin.get(&connect).await.text().contains("Okta tested the connection at"));
    let named = admin.get(&connect).await.form("/setup/connect");
    let next = admin.submit(&named).await;
    assert!(next.location().ends_with("/setup/sync"), "{}", next.location());
    let grace = pusher.user("grace@acme.example").await;
    pusher.send("POST", "/Users", Some(&json!({"userName": "jonas"}))).await.is(201);
    pusher.group("Doorward Developers", &[id(&grace)]).await;
    let came = admin.get(&format!("{}/setup/sync", page(&pusher))).await.text();
    assert!(came.contains("Becomes a new member.") && came.contains("Nothing that was sent is an email"), "{came}");
    // The group stands there with its people; choosing a role shows who gains before anything is saved.
    let groups = admin.get(&format!("{}/setup/groups", page(&pusher))).await;
    assert!(groups.text().contains("1 person") && groups.text().contains("Everyone in one group"));
    let form = choose(groups.form("/setup/groups"), "Doorward Developers", "developer");
    let preview = admin.submit(&form.clone().fill("do", "preview")).await;
    assert!(preview.text().contains("grace @acme") && preview.text().contains("Developer"), "{}", preview.text());
    assert_eq!(pusher.map(json!([])).await.json(), json!([]), "the preview saved nothing");
    let groups = admin.get(&format!("{}/setup/groups", page(&pusher))).await;
    let form = choose(groups.form("/setup/groups"), "Doorward Developers", "developer");
    let saved = preview_then_save(&mut admin, form, "/setup/groups").await;
    assert!(saved.location().ends_with("/setup/on"), "{} {}", saved.status, saved.body);
    let on = admin.get(saved.location()).await;
    assert!(
        on.text().contains("1 person becomes a new member.") && on.text().contains("gets no member"),
        "{}",
        on.text()
    );
    let done = admin.submit(&on.form("/setup/on").fill("member_lock", "no_invitations")).await;
    assert_eq!(done.location(), page(&pusher), "{}", done.body);
    assert_eq!(roles(&pusher.member("grace@acme.example").await), ["developer"]);
    let shown = admin.get(&page(&pusher)).await.text();
    assert!(shown.contains("2 people, 1 group") && shown.contains("1 person has no email address"), "{shown}");
    assert!(admin.get("/admin/security").await.text().contains("Needs a look"));
}

#[actix_web::test]
async fn what_is_typed_wrong_stays_and_is_told() {
    let app = TestApp::start().await;
    let pusher = app.pending_directory().await;
    let mut admin = app.owner().await;
    let long = "x".repeat(100_000);
    for name in ["", "a\u{0}b", &long] {
        for (path, action) in [("setup/connect", "/setup/connect"), ("edit", "/edit")] {
            let form = admin.get(&format!("{}/{path}", page(&pusher))).await.form(action).fill("name", name);
            let answer = admin.submit(&form).await;
            assert_eq!(answer.status, 422, "{path}");
            assert!(answer.body.contains("Give it a name of 1 to 80 characters"), "{path}");
        }
    }
    let edit = admin.get(&format!("{}/edit", page(&pusher))).await.form("/edit");
    let wrong = edit.clone().fill("guard_share", "many").fill("member_lock", "open").fill("name", "Kept \"name\" %");
    let answer = admin.submit(&wrong).await;
    assert_eq!(answer.status, 422);
    let again = answer.form("/edit");
    assert_eq!((again.get("guard_share"), again.get("name")), ("many", "Kept \"name\" %"));
    let nobody = edit.clone().fill("default_role", "king").fill("member_lock", "none");
    assert_eq!(admin.submit(&nobody).await.status, 422);
    let mappings = admin.get(&format!("{}/groups", page(&pusher))).await.form("/groups");
    let wrong = mappings.clone().fill("value", "Nurses").fill("roles", "king").fill("do", "preview");
    let answer = admin.submit(&wrong).await;
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.text().contains("king"), "{}", answer.text());
    for ends in ["2020-01-01", "soon", "9999-99-99"] {
        let form = admin.get(&format!("{}/tokens/new", page(&pusher))).await.form("/tokens/new");
        assert_eq!(admin.submit(&form.fill("expires_at", ends)).await.status, 422, "{ends}");
    }
    // Somebody else saved in between.
    admin.submit(&edit.clone().fill("name", "First")).await;
    let late = admin.submit(&edit.fill("name", "Second")).await;
    assert_eq!(late.status, 409);
    assert!(late.text().contains("somebody else") || late.text().contains("Somebody else"), "{}", late.text());
}

#[actix_web::test]
async fn nobody_sees_or_changes_a_directory_of_nothing_or_without_the_permission() {
    let app = TestApp::start().await;
    let pusher = app.pending_directory().await;
    let mut developer = app.developer().await;
    for path in ["", "/groups", "/requests", "/tolerances", "/duplicates", "/edit", "/setup/connect", "/setup/on"] {
        let answer = developer.get(&format!("{}{path}", page(&pusher))).await;
        assert_eq!(answer.status, 403, "{path}");
    }
    let mut owner = app.owner().await;
    for id in ["dir_00000000000000000000000000", "nothing", "%00", "con_01k2v9q8xw3f6t0m4n7p5r1sza"] {
        let answer = owner.get(&format!("/admin/security/directories/{id}")).await;
        assert_eq!(answer.status, 404, "{id}");
    }
}

#[actix_web::test]
async fn a_held_directory_is_let_pass_or_turned_off_from_its_page() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let mut admin = app.owner().await;
    let mut users = Vec::new();
    for n in 0..12 {
        users.push(pusher.user(&format!("u{n}@acme.example")).await);
    }
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    for user in &users {
        pusher.patch(&format!("/Users/{}", id(user)), off.clone()).await;
    }
    let card = admin.get("/admin/security").await;
    assert!(card.text().contains("is held") && card.links().contains(&format!("{}/let-pass", page(&pusher))));
    let held = admin.get(&page(&pusher)).await.text();
    assert!(held.contains("Held since") && held.contains("10 people lost access in the hour before"), "{held}");
    let log = admin.get(&format!("{}/requests?status=refused", page(&pusher))).await;
    assert!(log.text().contains("429"), "{}", log.text());
    // By a part of the name, in any case.
    let found = admin.get(&format!("{}/requests?status=refused&person=U11", page(&pusher))).await.text();
    assert!(found.contains("u11") && !found.contains("u10"), "{found}");
    let ask = admin.get(&format!("{}/let-pass", page(&pusher))).await;
    assert_eq!(admin.submit(&ask.form("/let-pass")).await.location(), page(&pusher));
    pusher.patch(&format!("/Users/{}", id(&users[11])), off).await.is(200);
    let ask = admin.get(&format!("{}/disable", page(&pusher))).await;
    assert!(ask.text().contains("Members, roles and teams stay"));
    admin.submit(&ask.form("/disable")).await;
    pusher.get("/Users").await.is(403);
    assert!(admin.get(&page(&pusher)).await.links().contains(&format!("{}/setup/on", page(&pusher))));
}

#[actix_web::test]
async fn a_directory_that_is_on_without_a_token_needs_a_look() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let path = format!("/api/v1/directories/{}", pusher.id);
    let token = pusher.admin.get(&path).await.json()["tokens"][0]["id"].as_str().unwrap().to_owned();
    let mut admin = app.owner().await;
    assert!(!admin.get("/admin/security").await.text().contains("has no token"));
    pusher.admin.delete(&format!("{path}/tokens/{token}")).await.is(204);
    for shown in ["/admin/security".to_owned(), page(&pusher)] {
        let text = admin.get(&shown).await.text();
        assert!(text.contains("Acme has no token") && text.contains("can send nothing until it has one"), "{text}");
    }
}

#[actix_web::test]
async fn a_request_without_a_good_token_is_told_where_the_directory_is_set_up() {
    let app = TestApp::start().await;
    let pusher = app.pending_directory().await;
    let mut admin = app.owner().await;
    let step = format!("{}/setup/connect", page(&pusher));
    let asking = format!("{}/Users", pusher.base);
    let cut = pusher.token[..20].to_owned();
    let other = app.api("owner").await.made("/api/v1/directories", &json!({"name": "Other"})).await;
    let other = other["token"].as_str().unwrap().to_owned();
    for (header, told) in [
        (None, "without a token"),
        (Some("Basic YWRhOnNlY3JldA==".to_owned()), "with another way to sign in"),
        (Some(format!("Bearer {cut}")), "with something that is no token of ours"),
        (Some(format!("Bearer {other}")), "with a token that does not count here"),
    ] {
        let stranger = app.api_stranger();
        let stranger = header.iter().fold(stranger, |api, header| api.with("Authorization", header));
        stranger.get(&asking).await.is(401);
        for path in [step.clone(), page(&pusher)] {
            let shown = admin.get(&path).await;
            assert!(shown.text().contains(&format!("Okta asked {told} at")), "{}", shown.text());
            assert!(!shown.body.contains(&cut) && !shown.body.contains(&other));
        }
    }
    pusher.get("/Users").await.is(200);
    assert!(admin.get(&step).await.text().contains("Okta tested the connection at"));
    assert!(!admin.get(&page(&pusher)).await.text().contains("Okta asked"));
}

#[actix_web::test]
async fn schemas_of_its_own_are_written_on_the_page_of_settings() {
    let app = TestApp::start().await;
    let pusher = app.pending_directory().await;
    let mut admin = app.owner().await;
    let edit = format!("{}/edit", page(&pusher));
    let wrong = admin.get(&edit).await.form("/edit").fill("extensions", "[{\"id\": ");
    let wrong = admin.submit(&wrong).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("This is no JSON"), "{}", wrong.text());
    assert_eq!(wrong.form("/edit").get("extensions"), "[{\"id\": ", "what was typed is kept");
    let odd = admin.submit(&wrong.form("/edit").fill("extensions", "{\"id\": \"x\"}")).await;
    assert_eq!(odd.status, 422, "{}", odd.text());
    let schema = json!({"id": "urn:acme:scim:1.0:User", "attributes": [{"name": "tag", "type": "string"}]});
    admin.submit_and_follow(&odd.form("/edit").fill("extensions", &schema.to_string())).await;
    assert!(pusher.get("/Schemas").await.body.contains("urn:acme:scim:1.0:User"));
    let shown = admin.get(&edit).await.form("/edit");
    assert!(shown.get("extensions").contains("\"tag\""), "{}", shown.get("extensions"));
    admin.submit_and_follow(&shown.fill("extensions", "")).await;
    assert!(!pusher.get("/Schemas").await.body.contains("urn:acme"));
}

#[actix_web::test]
async fn a_group_that_nearly_matches_a_mapping_says_so() {
    let app = TestApp::start().await;
    let pusher = app.pending_directory().await;
    pusher.map(json!([{"match": "group", "value": "doorward admins", "roles": ["admin"]}])).await.is(200);
    pusher.group("Doorward Admins", &[]).await;
    pusher.group("Nurses", &[]).await;
    let groups = app.owner().await.get(&format!("{}/groups", page(&pusher))).await.text();
    assert_eq!(groups.matches("values match exactly").count(), 1, "{groups}");
    assert!(groups.contains("Mapped is  doorward admins "), "{groups}");
}

#[actix_web::test]
async fn a_token_is_rotated_and_deleted_from_the_directorys_page() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let mut admin = app.owner().await;
    let form = admin.get(&format!("{}/tokens/new", page(&pusher))).await.form("/tokens/new");
    let made = admin.submit(&form).await;
    assert!(made.text().contains("Shown once") && made.text().contains("stops in 24 hours"), "{}", made.text());
    let shown = admin.get(&page(&pusher)).await;
    assert!(shown.text().contains("Ends soon"));
    let is_of_token = |link: &String| link.contains("/tokens/") && link.ends_with("/delete");
    let first = shown.links().into_iter().find(is_of_token).unwrap();
    let ask = admin.get(&first).await;
    assert!(ask.text().contains("It stops working at once."));
    admin.submit(&ask.form("/delete")).await;
    pusher.get("/Users").await.is(401);
    let last = admin.get(&page(&pusher)).await.links().into_iter().find(is_of_token).unwrap();
    assert!(admin.get(&last).await.text().contains("It is the only token"));
    assert_eq!(admin.get(&first).await.status, 404);
}

#[actix_web::test]
async fn requests_open_with_their_words_and_body_and_tolerances_say_what_to_change() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let mut admin = app.owner().await;
    let user =
        pusher.user_with("zoe@acme.example", json!({"password": "hunter2 hunter2", "title": "<b>Nurse</b>"})).await;
    let off = json!([{"op": "Replace", "path": "active", "value": "False"}]);
    pusher.patch(&format!("/Users/{}", id(&user)), off).await.is(200);
    let log = admin.get(&format!("{}/requests?changes=true&person=zoe@acme.example", page(&pusher))).await;
    assert!(log.text().contains("Deactivated"), "{}", log.text());
    let open = log.links().into_iter().filter(|link| link.contains("/requests/req_")).collect::<Vec<_>>();
    assert_eq!(open.len(), 2);
    let patch = admin.get(&open[0]).await;
    assert!(patch.text().contains("Replace, Remove instead of") || patch.text().contains("Add, Replace or Remove"));
    let post = admin.get(&open[1]).await;
    assert!(post.body.contains("&#60;b&#62;Nurse") && !post.body.contains("hunter2"), "{}", post.body);
    let ledger = admin.get(&format!("{}/tolerances", page(&pusher))).await.text();
    assert!(ledger.contains("add ?aadOptscim062020"), "{ledger}");
    let odd = admin.get(&format!("{}/requests?status=king&kind=x&person=%00&cursor=", page(&pusher))).await;
    assert_eq!(odd.status, 200);
    assert!(odd.text().contains("king is no result"), "{}", odd.text());
    assert_eq!(admin.get(&format!("{}/requests/req_nothing", page(&pusher))).await.status, 404);
}

#[actix_web::test]
async fn two_members_of_one_person_are_merged_on_the_page_of_duplicates() {
    let app = TestApp::start().await;
    app.person("grace@acme.example", "member").await;
    let pusher = app.directory().await;
    let mut admin = app.owner().await;
    pusher.user("grace@acme.example").await;
    pusher.user("ada@acme.example").await;
    let list = admin.get(&format!("{}/duplicates", page(&pusher))).await;
    assert!(list.text().contains("Merge the two if they are one person"));
    let merges: Vec<String> = list.links().into_iter().filter(|link| link.contains("/duplicates/mem_")).collect();
    // Who administers is not offered, and says why.
    assert_eq!(merges.len(), 1);
    assert!(list.text().contains("One of the two administers"), "{}", list.text());
    let ask = admin.get(&merges[0]).await;
    assert!(ask.text().contains("cannot be undone"));
    let merged = admin.submit(&ask.form(&merges[0])).await;
    assert!(merged.location().ends_with("/duplicates"), "{} {}", merged.status, merged.body);
    assert_eq!(pusher.count_members("grace@acme.example").await, 1);
}

#[actix_web::test]
async fn a_renamed_group_says_by_which_name_it_still_gives() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    pusher.map(json!([{"match": "group", "value": "Engineering", "roles": ["developer"]}])).await.is(200);
    let grace = pusher.user("grace@acme.example").await;
    let group = pusher.group("Engineering", &[id(&grace)]).await;
    let mut admin = app.owner().await;
    let groups = format!("{}/groups", page(&pusher));
    assert!(!admin.get(&groups).await.text().contains("Renamed"));
    let rename = json!([{"op": "replace", "path": "displayName", "value": "Engineering EU"}]);
    pusher.patch(&format!("/Groups/{}", id(&group)), rename).await.is(204);
    let shown = admin.get(&groups).await.body;
    assert!(shown.contains("Renamed: it still gives what <code>Engineering</code> gives"), "{shown}");
    assert!(shown.contains("Given to <code>Engineering EU</code>, which had this name"), "{shown}");
}
