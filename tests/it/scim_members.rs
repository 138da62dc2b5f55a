//! What a directory does to members: made, joined, kept apart, deactivated, removed and brought back; the lock, the guard, seats.

use serde_json::json;

use crate::scim_support::id;
use crate::scim_support::roles;
use crate::support::TestApp;

#[actix_web::test]
async fn a_pending_directory_is_shown_and_acts_on_nobody_until_it_is_enabled() {
    let app = TestApp::start().await;
    let known = app.person_without_password("grace@acme.example", "member").await;
    let pusher = app.pending_directory().await;
    pusher.map(json!([{"match": "group", "value": "Nurses", "roles": ["developer"]}])).await.is(200);
    let ada = pusher.user("ada.l@acme.example").await;
    pusher.user("grace@acme.example").await;
    pusher.user("ada@acme.example").await;
    pusher.user_with("off@acme.example", json!({"active": false})).await;
    pusher.send("POST", "/Users", Some(&json!({"userName": "noaddress"}))).await.is(201);
    pusher.group("Nurses", &[id(&ada)]).await;
    assert_eq!(app.count("SELECT count(*) FROM members"), 2);
    let preview = pusher.admin.get(&format!("/api/v1/directories/{}/preview", pusher.id)).await.json();
    assert_eq!((&preview["made"], &preview["joined"]), (&json!(2), &json!(1)), "{preview}");
    assert_eq!(
        (&preview["kept_apart"], &preview["without_address"], &preview["inactive"]),
        (&json!(1), &json!(1), &json!(1))
    );
    let gains = preview["changes"].as_array().unwrap().iter().find(|one| one["email"] == "ada.l@acme.example").unwrap();
    assert_eq!(gains["gains"], json!(["Developer"]));
    let enabled = pusher.act("enable").await;
    assert_eq!((&enabled["status"], &enabled["users"], &enabled["groups"]), (&json!("enabled"), &json!(5), &json!(1)));
    assert_eq!(roles(&pusher.member("ada.l@acme.example").await), ["developer"]);
    let grace = pusher.member("grace@acme.example").await;
    assert_eq!(
        (id(&grace), &grace["source"], &grace["directory_id"]),
        (known.as_str(), &json!("scim"), &json!(pusher.id))
    );
    assert_eq!(pusher.member("off@acme.example").await["status"], "inactive");
    // An owner is never joined by an address.
    assert_eq!(pusher.count_members("ada@acme.example").await, 2);
    assert_eq!(app.count("SELECT count(*) FROM members"), 5);
}

#[actix_web::test]
async fn who_is_deactivated_is_out_at_once_and_can_come_back() {
    let app = TestApp::start().await;
    app.person("grace@acme.example", "member").await;
    let pusher = app.directory().await;
    // She has a password: nobody joins her by an address alone.
    let user = pusher.user("grace@acme.example").await;
    assert_eq!(pusher.count_members("grace@acme.example").await, 2);
    pusher.send("DELETE", &format!("/Users/{}", id(&user)), None).await.is(204);
    assert_eq!(pusher.count_members("grace@acme.example").await, 1);
    let user = pusher.user_with("zoe@acme.example", json!({"externalId": "00z"})).await;
    let member = pusher.member("zoe@acme.example").await;
    let link = app.password_link(&id(&member).parse().unwrap()).await;
    let mut browser = app.stranger();
    let form = browser.get(&link).await.form(&link);
    browser.submit(&form.fill("password", crate::support::server::PASSWORD)).await;
    assert_eq!(browser.get("/account").await.status, 200);
    let path = format!("/Users/{}", id(&user));
    pusher.patch(&path, json!([{"op": "Replace", "path": "active", "value": "False"}])).await.is(200);
    assert_ne!(browser.get("/account").await.status, 200);
    assert_ne!(app.stranger().sign_in("zoe@acme.example", crate::support::server::PASSWORD).await.status, 303);
    // Inactive is not deleted.
    let found = pusher.get("/Users?filter=userName%20eq%20%22zoe@acme.example%22").await.json();
    assert_eq!((&found["totalResults"], &found["Resources"][0]["active"]), (&json!(1), &json!(false)));
    pusher.patch(&path, json!([{"op": "replace", "value": {"active": true}}])).await.is(200);
    assert_eq!(app.stranger().sign_in("zoe@acme.example", crate::support::server::PASSWORD).await.status, 303);
    // Removed, and back under the same external id: the same member, another id over SCIM.
    pusher.send("DELETE", &path, None).await.is(204);
    assert_eq!(pusher.count_members("zoe@acme.example").await, 0);
    let again = pusher.user_with("zoe.new@acme.example", json!({"externalId": "00z"})).await;
    assert_ne!(again["id"], user["id"]);
    let back = pusher.member("zoe.new@acme.example").await;
    assert_eq!((&back["id"], &back["status"]), (&member["id"], &json!("active")));
    for action in ["member.deactivated", "member.reactivated", "member.deleted"] {
        assert_eq!(app.audit_of(action).await[0].actor.kind, "directory", "{action}");
    }
}

#[actix_web::test]
async fn a_disabled_directory_says_so_and_members_stay() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let user = pusher.user("zoe@acme.example").await;
    pusher.act("disable").await;
    let refused = pusher
        .patch(&format!("/Users/{}", id(&user)), json!([{"op": "replace", "path": "active", "value": false}]))
        .await;
    refused.is_scim_error(403, None);
    assert!(refused.body.contains("turned off"), "{}", refused.body);
    pusher.get("/Users").await.is_scim_error(403, None);
    let member = pusher.member("zoe@acme.example").await;
    assert_eq!((&member["status"], roles(&member)), (&json!("active"), vec!["member".to_owned()]));
    // The members page is free again.
    pusher.admin.patch(&format!("/api/v1/members/{}", id(&member)), &json!({"name": "Zoë"})).await.is(200);
}

#[actix_web::test]
async fn while_a_directory_manages_members_nobody_does_so_by_hand() {
    let app = TestApp::start().await;
    let uncovered = app.person_without_password("grace@acme.example", "member").await;
    let pusher = app.directory().await;
    pusher.user("zoe@acme.example").await;
    let zoe = id(&pusher.member("zoe@acme.example").await).to_owned();
    let api = &pusher.admin;
    let managed = |answer: &crate::support::Answer| {
        answer.is_problem(403, "scim_managed");
        assert_eq!(answer.json()["title"], "managed by SCIM");
    };
    let new = json!({"email": "new@acme.example"});
    managed(&api.post("/api/v1/members", &new).await);
    for who in [zoe.as_str(), uncovered.as_str()] {
        let path = format!("/api/v1/members/{who}");
        managed(&api.patch(&path, &json!({"name": "X"})).await);
        managed(&api.delete(&path).await);
        managed(&api.post(&format!("{path}/reactivate"), &json!({})).await);
    }
    managed(&api.post(&format!("/api/v1/members/{zoe}/deactivate"), &json!({})).await);
    // Access of whom nobody covers can always be ended, and roles given here stay editable.
    api.post(&format!("/api/v1/members/{uncovered}/deactivate"), &json!({})).await.is(200);
    api.put(&format!("/api/v1/members/{zoe}/roles"), &json!({"roles": ["developer"]})).await.is(200);
    for (lock, adds, edits) in [("no_invitations", false, true), ("open", true, true)] {
        api.patch(&format!("/api/v1/directories/{}", pusher.id), &json!({"member_lock": lock})).await.is(200);
        let made = api.post("/api/v1/members", &json!({"email": format!("{lock}@acme.example")})).await;
        assert_eq!(made.status == 201, adds, "{lock}: {}", made.body);
        let edited = api.patch(&format!("/api/v1/members/{uncovered}"), &json!({"name": lock})).await;
        assert_eq!(edited.status == 200, edits, "{lock}");
        managed(&api.patch(&format!("/api/v1/members/{zoe}"), &json!({"name": "X"})).await);
    }
}

#[actix_web::test]
async fn a_directory_that_takes_many_away_is_held_until_an_admin_looked() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let mut users = Vec::new();
    for n in 0..30 {
        users.push(pusher.user(&format!("u{n}@acme.example")).await);
    }
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    for user in &users[..10] {
        pusher.patch(&format!("/Users/{}", id(user)), off.clone()).await.is(200);
    }
    for user in &users[10..12] {
        let held = pusher.patch(&format!("/Users/{}", id(user)), off.clone()).await;
        held.is_scim_error(429, None);
        assert_eq!(held.header("retry-after"), Some("600"));
    }
    pusher.send("DELETE", &format!("/Users/{}", id(&users[12])), None).await.is_scim_error(429, None);
    assert_eq!(app.count("SELECT count(*) FROM members WHERE status = 'inactive'"), 10);
    // The log says what the identity provider was told, and of whom.
    let log =
        pusher.admin.get(&format!("/api/v1/directories/{}/requests?status=refused&limit=3", pusher.id)).await.json();
    for (line, who) in log["data"].as_array().unwrap().iter().zip(["u12@", "u11@", "u10@"]) {
        assert!(line["who"].as_str().unwrap().starts_with(who), "{line}");
        assert!(line.to_string().contains("Many people would lose access"), "{line}");
    }
    let told = app.audit_of("directory.held").await;
    assert_eq!((told.len(), told[0].level.as_str()), (1, "alarm"));
    let shown = pusher.admin.get(&format!("/api/v1/directories/{}", pusher.id)).await.json();
    assert!(shown["held_at"].is_string(), "{shown}");
    pusher.act("let-pass").await;
    pusher.patch(&format!("/Users/{}", id(&users[10])), off.clone()).await.is(200);
    // An hour later those of before no longer count.
    app.clock.advance(std::time::Duration::from_secs(2 * 3600));
    pusher.patch(&format!("/Users/{}", id(&users[11])), off).await.is(200);
}

#[actix_web::test]
async fn the_last_owner_is_not_pushed_out() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    pusher.map(json!([{"match": "group", "value": "Owners", "roles": ["owner"]}])).await.is(200);
    let user = pusher.user("zoe@acme.example").await;
    let group = pusher.group("Owners", &[id(&user)]).await;
    // The other owner goes; by now she is the only one.
    let ada = id(&pusher.member("ada@acme.example").await).to_owned();
    pusher.admin.post(&format!("/api/v1/members/{ada}/deactivate"), &json!({})).await.is(200);
    let path = format!("/Users/{}", id(&user));
    let off = pusher.patch(&path, json!([{"op": "replace", "path": "active", "value": false}])).await;
    off.is_scim_error(409, None);
    pusher.send("DELETE", &path, None).await.is_scim_error(409, None);
    pusher.patch(&format!("/Groups/{}", id(&group)), json!([{"op": "remove", "path": "members"}])).await.is(204);
    assert_eq!(roles(&pusher.member("zoe@acme.example").await), ["owner"]);
    assert!(!app.audit_of("member.last_admin_kept").await.is_empty());
}

#[actix_web::test]
async fn over_the_seats_nobody_is_made_and_an_admin_is_told() {
    let app = TestApp::start().await.edited("UPDATE organizations SET seats = 2");
    let pusher = app.directory().await;
    pusher.user("one@acme.example").await;
    let body = json!({"userName": "two@acme.example", "emails": [{"value": "two@acme.example"}]});
    let refused = pusher.send("POST", "/Users", Some(&body)).await;
    refused.is_scim_error(403, None);
    assert!(refused.body.contains("2 seats"), "{}", refused.body);
    assert_eq!(app.count("SELECT count(*) FROM scim_users"), 1);
    assert_eq!(app.audit_of("directory.seats_full").await[0].level.as_str(), "warning");
}

#[actix_web::test]
async fn the_log_says_who_asked_what_and_what_it_changed() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let user = pusher.user_with("zoe@acme.example", json!({"password": "hunter2 hunter2"})).await;
    pusher.get("/Users/usr_00000000000000000000000000").await.is(404);
    let off = json!([{"op": "Replace", "path": "active", "value": "False"}]);
    let okta = pusher.scim.with("User-Agent", "Okta SCIM Client 1.0.0");
    let body = json!({"Operations": off});
    okta.patch(&format!("{}/Users/{}", pusher.base, id(&user)), &body).await.is(200);
    let log = |query: &str| {
        let path = format!("/api/v1/directories/{}/requests?{query}", pusher.id);
        let admin = pusher.admin.clone();
        async move { admin.get(&path).await.is(200).json() }
    };
    let all = log("").await;
    assert_eq!(all["data"].as_array().unwrap().len(), 3, "{all}");
    let newest = &all["data"][0];
    assert_eq!(
        (&newest["method"], &newest["status"], &newest["dialect"]),
        (&json!("PATCH"), &json!(200), &json!("okta"))
    );
    assert_eq!(newest["who"], "zoe@acme.example");
    assert!(newest["summary"].as_str().unwrap().contains("Deactivated zoe@acme.example"), "{newest}");
    assert!(newest["quirks"].as_array().unwrap().contains(&json!("operation_case")), "{newest}");
    assert!(!all.to_string().contains("hunter2"));
    assert_eq!(log("status=refused").await["data"].as_array().unwrap().len(), 1);
    assert_eq!(log("person=zoe@acme.example").await["data"].as_array().unwrap().len(), 2);
    assert_eq!(log("changes=true&kind=user").await["data"].as_array().unwrap().len(), 2);
    app.clock.advance(std::time::Duration::from_secs(31 * 24 * 3600));
    app.run_jobs().await;
    assert_eq!(app.count("SELECT count(*) FROM scim_requests"), 0);
}

#[actix_web::test]
async fn duplicates_are_listed_and_merged_but_never_with_whoever_administers() {
    let app = TestApp::start().await;
    app.person("grace@acme.example", "member").await;
    let pusher = app.directory().await;
    let user = pusher.user_with("grace@acme.example", json!({"title": "Nurse"})).await;
    pusher.user("ada@acme.example").await;
    let listed = pusher.admin.get(&format!("/api/v1/directories/{}/duplicates", pusher.id)).await.json();
    let rows = listed["data"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{listed}");
    let grace = rows.iter().find(|row| row["user_id"] == user["id"]).unwrap();
    let (new, old) = (grace["member_id"].as_str().unwrap(), grace["others"][0].as_str().unwrap());
    let merge = |from: &str, into: &str| {
        let path = format!("/api/v1/members/{from}/merge");
        let (admin, into) = (pusher.admin.clone(), into.to_owned());
        async move { admin.post(&path, &json!({"into": into})).await }
    };
    merge(new, new).await.is_invalid_at(&["/into"]);
    merge(new, "mem_00000000000000000000000000").await.is_invalid_at(&["/into"]);
    let ada = rows.iter().find(|row| row["user_id"] != user["id"]).unwrap();
    let (theirs, owner) = (ada["member_id"].as_str().unwrap(), ada["others"][0].as_str().unwrap());
    merge(theirs, owner).await.is_problem(409, "merge_administrator");
    merge(new, theirs).await.is_problem(409, "merge_covered");
    let merged = merge(new, old).await.is(200).json();
    assert_eq!(
        (&merged["id"], &merged["job_title"], &merged["source"]),
        (&json!(old), &json!("Nurse"), &json!("scim"))
    );
    assert_eq!(pusher.count_members("grace@acme.example").await, 1);
    // From now on the directory speaks of the one who stayed, who still has the password.
    pusher
        .patch(&format!("/Users/{}", id(&user)), json!([{"op": "replace", "path": "title", "value": "Lead"}]))
        .await
        .is(200);
    assert_eq!(pusher.member("grace@acme.example").await["job_title"], "Lead");
    app.signed_in("grace@acme.example").await;
    pusher.send("DELETE", &format!("/Users/{}", id(&user)), None).await.is(204);
    assert_eq!(pusher.count_members("grace@acme.example").await, 0);
    let uncovered = pusher.admin.get("/api/v1/members?covered=false").await.json();
    assert_eq!(uncovered["data"].as_array().unwrap().len(), 1, "{uncovered}");
}

#[actix_web::test]
async fn who_signs_in_is_who_the_directory_of_the_connection_knows() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let pusher = app.directory().await;
    let shown = pusher.admin.get(&format!("/api/v1/directories/{}", pusher.id)).await.json();
    assert_eq!(shown["connection_id"], idp.id.to_string());
    let connection = pusher.admin.get(&format!("/api/v1/connections/{}", idp.id)).await.json();
    assert_eq!(connection["jit"], false, "who exists is the directory's to say");
    pusher.user_with("zoe@acme.example", json!({"externalId": "00z"})).await;
    let member = pusher.member("zoe@acme.example").await;
    let (mut browser, answer) = app.sign_in_by_saml(&idp, "zoe@acme.example").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(browser.get("/account").await.status, 200);
    assert_eq!(pusher.count_members("zoe@acme.example").await, 1);
    assert_eq!(app.count(&format!("SELECT count(*) FROM identities WHERE member_id = '{}'", id(&member))), 1);
    // Nobody else comes in by the sign-in alone.
    let (_, refused) = app.sign_in_by_saml(&idp, "new@acme.example").await;
    assert_eq!(refused.reason(), "sso_not_provisioned");
}

#[actix_web::test]
async fn another_directory_of_the_same_connection_takes_over_from_one_that_is_off() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let trial = app.pending_directory().await;
    let former = app.directory().await;
    former.map(json!([{"match": "group", "value": "Nurses", "roles": ["developer"]}])).await.is(200);
    let user = former.user("zoe@acme.example").await;
    former.group("Nurses", &[id(&user)]).await;
    former.user_with("off@acme.example", json!({"active": false})).await;
    let (zoe, off) = (former.member("zoe@acme.example").await, former.member("off@acme.example").await);
    former.act("disable").await;
    // Roles of a directory that is off can be taken by hand.
    assert_eq!(roles(&zoe), ["developer"]);
    let path = format!("/api/v1/members/{}/roles", id(&zoe));
    assert_eq!(roles(&former.admin.put(&path, &json!({"roles": ["member"]})).await.is(200).json()), ["member"]);
    let next = app.directory().await;
    for (email, before) in [("zoe@acme.example", &zoe), ("off@acme.example", &off)] {
        next.user(email).await;
        let member = next.member(email).await;
        assert_eq!(
            (&member["id"], &member["directory_id"], &member["status"]),
            (&before["id"], &json!(next.id), &json!("active"))
        );
    }
    // Sign-ins find whom the enabled one knows, whatever others there are.
    let (_, answer) = app.sign_in_by_saml(&idp, "zoe@acme.example").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    trial.user("zoe@acme.example").await;
}

#[actix_web::test]
async fn the_status_that_the_directory_says_counts_however_members_met() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let body = json!({"userName": "zoe", "active": false});
    let user = pusher.send("POST", "/Users", Some(&body)).await.is(201).json();
    app.person_without_password("zoe@acme.example", "member").await;
    let mail = json!([{"op": "add", "path": "emails", "value": [{"value": "zoe@acme.example", "type": "work"}]}]);
    pusher.patch(&format!("/Users/{}", id(&user)), mail).await.is(200);
    assert_eq!(pusher.member("zoe@acme.example").await["status"], "inactive");
}

#[actix_web::test]
async fn an_address_or_name_lets_nobody_in_as_somebody_linked_or_in_charge() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let pusher = app.directory().await;
    pusher.user("zoe@acme.example").await;
    let zoe = id(&pusher.member("zoe@acme.example").await).to_owned();
    let path = format!("/api/v1/members/{zoe}/roles");
    pusher.admin.put(&path, &json!({"roles": ["admin"]})).await.is(200);
    let (_, refused) = app.sign_in_by_saml(&idp, "zoe@acme.example").await;
    assert_eq!(refused.reason(), "account_exists");
    pusher.admin.put(&path, &json!({"roles": []})).await.is(200);
    let (_, answer) = app.sign_in_by_saml(&idp, "zoe@acme.example").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(app.count("SELECT count(*) FROM identities"), 1);
    // No access by the directory's word is none by the connection's default either.
    pusher.admin.patch(&format!("/api/v1/directories/{}", pusher.id), &json!({"default_role": "none"})).await.is(200);
    pusher.user("max@acme.example").await;
    let (_, refused) = app.sign_in_by_saml(&idp, "max@acme.example").await;
    assert_eq!(refused.reason(), "sso_no_role");
    // A way in beside the identity provider is for nobody whom it covers.
    pusher
        .admin
        .post(&format!("/api/v1/members/{zoe}/password-link"), &json!({}))
        .await
        .is_problem(403, "scim_managed");
}

#[actix_web::test]
async fn who_will_not_be_known_at_sign_in_is_named_before_the_directory_is_turned_on() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.sign_in_by_saml(&idp, "grace@acme.example").await;
    let pusher = app.pending_directory().await;
    let named = |user_name: &str, email: &str| {
        let emails = json!([{"value": email, "primary": true}]);
        (email.to_owned(), json!({"userName": user_name, "emails": emails}))
    };
    let (grace, more) = named("grace.hopper", "grace@acme.example");
    let grace = pusher.user_with(&grace, more).await;
    pusher.user("linus@acme.example").await;
    let (jonas, more) = named("jonas.weber", "jonas@acme.example");
    pusher.user_with(&jonas, more).await;
    let path = format!("/api/v1/directories/{}/preview", pusher.id);
    let preview = pusher.admin.get(&path).await.json();
    let named = json!([{"user_name": "jonas.weber", "email": "jonas@acme.example"}]);
    assert_eq!((&preview["unmatched"], &preview["unmatched_users"]), (&json!(1), &named), "{preview}");
    let mut admin = app.owner().await;
    let page = admin.get(&format!("/admin/security/directories/{}/setup/on", pusher.id)).await.text();
    assert!(page.contains("Not known at sign-in") && page.contains("jonas .weber"), "{page}");
    // So it is.
    pusher.act("enable").await;
    let (browser, _) = app.sign_in_by_saml(&idp, "jonas@acme.example").await;
    assert!(!browser.is_signed_in());
    for known in ["linus@acme.example", "grace@acme.example"] {
        assert!(app.sign_in_by_saml(&idp, known).await.0.is_signed_in(), "{known}");
    }
    // Once a sign-in showed that the userName is sent, it is believed of all.
    pusher
        .patch(&format!("/Users/{}", id(&grace)), json!([{"op": "replace", "value": {"userName": "grace"}}]))
        .await
        .is(200);
    assert_eq!(pusher.admin.get(&path).await.json()["unmatched"], 0);
}
