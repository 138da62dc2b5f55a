//! The count of active members, which seats are taken by: kept with each change, and never another number than theirs.

use serde_json::Value;
use serde_json::json;

use crate::scim_support::Pusher;
use crate::scim_support::id;
use crate::support::TestApp;

/// The same walk each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

const COUNTED: &str = "SELECT active_members FROM organizations";
const ACTIVE: &str = "SELECT count(*) FROM members WHERE status = 'active' AND deleted_at IS NULL";

/// Something that is done to members by hand or pushed; says what, and how it was answered.
async fn act(app: &TestApp, pusher: &Pusher, dice: &mut Dice, n: usize) -> (String, u16) {
    let api = &pusher.admin;
    let all = api.get("/api/v1/members?limit=200").await.json()["data"].as_array().unwrap().clone();
    let one = &all[dice.below(all.len())];
    let path = format!("/api/v1/members/{}", id(one));
    let users = pusher.get("/Users?count=200").await.json()["Resources"].as_array().cloned().unwrap_or_default();
    let user = (!users.is_empty()).then(|| users[dice.below(users.len())].clone());
    let user_path = user.as_ref().map(|user| format!("/Users/{}", id(user)));
    // Few addresses and external ids, so that people meet again.
    let (email, known_as) = (format!("p{}@acme.example", dice.below(12)), format!("x{}", dice.below(12)));
    let (what, answer) = match dice.below(10) {
        0 => ("add", api.post("/api/v1/members", &json!({ "email": email })).await),
        1 => ("deactivate", api.post(&format!("{path}/deactivate"), &json!({})).await),
        2 => ("reactivate", api.post(&format!("{path}/reactivate"), &json!({})).await),
        3 => ("remove", api.delete(&path).await),
        4 => {
            let into = &all[dice.below(all.len())];
            ("merge", api.post(&format!("{path}/merge"), &json!({"into": id(into)})).await)
        }
        5 | 6 => {
            let body = json!({
                "userName": format!("u{n}"), "externalId": known_as, "active": dice.below(4) > 0, "emails": [{"value": email}],
            });
            ("push", pusher.send("POST", "/Users", Some(&body)).await)
        }
        7 => ("push a change", {
            let value = json!([{"op": "replace", "path": "active", "value": dice.below(2) == 0}]);
            pusher.patch(user_path.as_deref().unwrap_or("/Users/usr_none"), value).await
        }),
        8 => ("push a deletion", pusher.send("DELETE", user_path.as_deref().unwrap_or("/Users/usr_none"), None).await),
        _ => {
            let what = if dice.below(2) == 0 { "disable" } else { "enable" };
            let answer = api.post(&format!("/api/v1/directories/{}/{what}", pusher.id), &json!({})).await;
            app.run_jobs().await;
            (what, answer)
        }
    };
    (what.to_owned(), answer.status)
}

#[actix_web::test]
async fn whatever_happens_to_members_the_count_is_theirs() {
    let app = TestApp::start().await.edited("UPDATE organizations SET seats = 14");
    let pusher = app.directory().await;
    let path = format!("/api/v1/directories/{}", pusher.id);
    pusher.admin.patch(&path, &json!({"member_lock": "open", "guard_share": 100})).await.is(200);
    let (mut dice, mut done) = (Dice(7), std::collections::BTreeMap::<String, (u32, u32)>::new());
    for n in 0..400 {
        let (what, status) = act(&app, &pusher, &mut dice, n).await;
        assert!(status < 500, "{what}: {status}");
        let counts = done.entry(what.clone()).or_default();
        if status < 300 {
            counts.0 += 1
        } else {
            counts.1 += 1
        }
        assert_eq!(app.count(COUNTED), app.count(ACTIVE), "after {n}, {what}: {status}");
        assert!(app.count(ACTIVE) <= 14);
    }
    for (what, (well, _)) in &done {
        assert!(*well > 0, "{what} never went well: {done:?}");
    }
    assert_eq!(done.len(), 10, "{done:?}");
    let shown: Value = pusher.admin.get("/api/v1/organization").await.json();
    assert_eq!(shown["seats"], 14);
}

#[actix_web::test]
async fn whoever_comes_in_for_the_first_time_is_counted() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.sign_in_by_saml(&idp, "grace@acme.example").await;
    app.api("owner")
        .await
        .put("/api/v1/organization", &json!({"name": "Acme", "slug": "acme", "default_role": "member", "seats": 50}))
        .await
        .is(200);
    let before = app.count(COUNTED);
    assert_eq!(before, app.count(ACTIVE), "counted from the limit on");
    let (_, answer) = app.sign_in_by_saml(&idp, "zoe@acme.example").await;
    assert_eq!((answer.status, app.count(COUNTED), app.count(ACTIVE)), (303, before + 1, before + 1));
}
