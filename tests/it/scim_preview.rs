//! What the preview says of whom turning a directory on brings back, and that it does exactly that.

use serde_json::Value;
use serde_json::json;

use crate::scim_support::Pusher;
use crate::scim_support::id;
use crate::support::TestApp;

async fn preview(pusher: &Pusher) -> Value {
    pusher.admin.get(&format!("/api/v1/directories/{}/preview", pusher.id)).await.json()
}

fn returning(preview: &Value) -> Vec<(String, Value, bool)> {
    let mut all: Vec<(String, Value, bool)> = preview["returning"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let email = one["email"].as_str().unwrap().to_owned();
            (email, one["member_id"].clone(), one["deactivated_at"].is_string())
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[actix_web::test]
async fn whom_a_former_directory_deactivated_comes_back_by_joining_and_is_named() {
    let app = TestApp::start().await;
    let former = app.directory().await;
    for (email, is_active) in [("off@acme.example", false), ("still@acme.example", false), ("on@acme.example", true)] {
        former.user_with(email, json!({ "active": is_active })).await;
    }
    let off = former.member("off@acme.example").await;
    former.act("disable").await;
    // Whom an admin deactivated, and no directory speaks of, nobody brings back.
    let by_hand = app.person_without_password("hand@acme.example", "member").await;
    former.admin.post(&format!("/api/v1/members/{by_hand}/deactivate"), &json!({})).await.is(200);
    let next = app.pending_directory().await;
    for email in ["off@acme.example", "on@acme.example", "hand@acme.example"] {
        next.user(email).await;
    }
    next.user_with("still@acme.example", json!({"active": false})).await;
    let said = preview(&next).await;
    assert_eq!(
        (&said["joined"], &said["kept_apart"], &said["brought_back"]),
        (&json!(3), &json!(1), &json!(1)),
        "{said}"
    );
    assert_eq!(returning(&said), [("off@acme.example".to_owned(), off["id"].clone(), true)]);
    let mut admin = app.admin().await;
    let path = format!("/admin/security/directories/{}/setup", next.id);
    let page = admin.get(&format!("{path}/on")).await.text();
    assert!(page.contains("1 person who was deactivated or removed here has access again"), "{page}");
    assert!(page.contains("Come back") && page.contains("Deactivated since"), "{page}");
    let arrivals = admin.get(&format!("{path}/sync")).await.text();
    assert!(arrivals.contains("a deactivated member of the same address, who can sign in again"), "{arrivals}");
    next.act("enable").await;
    let mut statuses = Vec::new();
    for email in ["off@acme.example", "on@acme.example", "still@acme.example"] {
        statuses.push(next.member(email).await["status"].clone());
    }
    assert_eq!(statuses, ["active", "active", "inactive"]);
    let after = preview(&next).await;
    assert_eq!((&after["brought_back"], &after["returning"]), (&json!(0), &json!([])));
}

#[actix_web::test]
async fn whom_people_deactivated_or_removed_while_a_directory_was_off_comes_back_with_it() {
    let app = TestApp::start().await.edited("UPDATE organizations SET seats = 4");
    let pusher = app.directory().await;
    pusher.user_with("zoe@acme.example", json!({"externalId": "z"})).await;
    let gone = pusher.user_with("max@acme.example", json!({"externalId": "m"})).await;
    let max = pusher.member("max@acme.example").await;
    pusher.send("DELETE", &format!("/Users/{}", id(&gone)), None).await.is(204);
    // Another user comes to bear the external id of somebody who was removed.
    let late = pusher.user_with("late@acme.example", json!({"externalId": "l"})).await;
    let known_as = json!([{"op": "replace", "path": "externalId", "value": "m"}]);
    pusher.patch(&format!("/Users/{}", id(&late)), known_as).await.is(200);
    pusher.send("POST", "/Users", Some(&json!({"userName": "noaddress"}))).await.is(201);
    pusher.act("disable").await;
    let (zoe, second) = (pusher.member("zoe@acme.example").await, pusher.member("late@acme.example").await);
    pusher.admin.post(&format!("/api/v1/members/{}/deactivate", id(&zoe)), &json!({})).await.is(200);
    pusher.admin.delete(&format!("/api/v1/members/{}", id(&second))).await.is(204);
    let said = preview(&pusher).await;
    assert_eq!((&said["made"], &said["brought_back"]), (&json!(0), &json!(2)), "{said}");
    assert_eq!(
        returning(&said),
        [
            ("late@acme.example".to_owned(), Value::Null, false),
            ("zoe@acme.example".to_owned(), zoe["id"].clone(), true)
        ]
    );
    // Two seats are free, and whoever has no address takes none.
    assert_eq!(said["seats_missing"], 0, "{said}");
    pusher.act("enable").await;
    assert_eq!(pusher.member("zoe@acme.example").await["status"], "active");
    let back = pusher.member("late@acme.example").await;
    assert_eq!((&back["id"], &back["status"]), (&max["id"], &json!("active")));
}
