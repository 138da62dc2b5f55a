//! The demo's directory: what its buttons push over HTTP, in the dialect of Okta, and what becomes of it in the gateway.

use serde_json::Value;

use crate::demo::Demo;
use crate::scim_support::roles;
use crate::support::Answer;
use crate::support::Browser;

/// The admin's browser, and the provider's page.
struct Desk {
    demo: Demo,
    admin: Browser,
    provider: Browser,
}

impl Desk {
    async fn start() -> Self {
        let demo = Demo::start();
        let (admin, provider) = (demo.admin().await, demo.provider());
        Self { demo, admin, provider }
    }

    /// Presses a button of the provider's page; gives the page afterwards.
    async fn press(&mut self, change: &str, who: &str) -> Answer {
        let mut form = self.provider.get("/directory").await.form(&format!("/directory/{change}"));
        if !who.is_empty() {
            form = form.fill("who", who);
        }
        let done = self.provider.submit(&form).await;
        assert_eq!((done.status, done.location()), (303, "/directory"));
        self.provider.get("/directory").await
    }

    /// Members that this query finds, whether they can sign in or not.
    async fn members(&mut self, query: &str) -> Vec<Value> {
        let mut all = Vec::new();
        for status in ["active", "inactive"] {
            let found = self.admin.get(&format!("/api/v1/members?status={status}&{query}")).await;
            all.extend(found.json()["data"].as_array().unwrap().clone());
        }
        all
    }

    async fn member(&mut self, email: &str) -> Value {
        let found = self.members(&format!("email={email}")).await;
        assert_eq!(found.len(), 1, "{email}: {found:?}");
        found[0].clone()
    }

    async fn signed_in(&self, key: &str) -> Browser {
        let mut browser = self.demo.gateway();
        let back = self.demo.sign_in(&mut browser, "person", key).await;
        assert!(back.is_redirect(), "{key}: {}", back.text());
        browser
    }

    /// Made in the console and shown there once.
    async fn new_token(&mut self) -> String {
        let made = self.confirm("/tokens/new").await;
        let shown = made.body.split("id=\"token\"").nth(1).unwrap_or_else(|| panic!("{}", made.text()));
        format!("dwscim_{}", shown.split("dwscim_").nth(1).unwrap().split('<').next().unwrap())
    }

    /// Says yes to what the console asks at this address below the directory's.
    async fn confirm(&mut self, below: &str) -> Answer {
        let path = format!("{}{below}", self.demo.directory());
        let form = self.admin.get(&path).await.form(below);
        self.admin.submit(&form).await
    }
}

fn texts(member: &Value, field: &str) -> Vec<String> {
    let all = member[field].as_array().unwrap().iter();
    all.map(|one| one.as_str().or(one["name"].as_str()).unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn the_demo_starts_with_a_directory_that_pushed_everybody() {
    let mut desk = Desk::start().await;
    let page = desk.demo.directory();
    let shown = desk.admin.get(&page).await;
    assert!(shown.status == 200 && shown.text().contains("Okta (demo)"), "{}", shown.text());

    let ada = desk.member("ada@example.com").await;
    assert_eq!((&ada["source"], &ada["directory_id"]), (&"scim".into(), &page.rsplit('/').next().unwrap().into()));
    assert_eq!((roles(&ada), texts(&ada, "tags")), (vec!["developer".into()], vec!["Group:Engineering".into()]));
    // Here before the directory was: joined, with what was given by hand beside what the groups give.
    let mut grace = roles(&desk.member("grace@example.com").await);
    grace.sort();
    assert_eq!(grace, ["admin", "developer", "developer"]);
    assert_eq!(texts(&desk.member("alan@example.com").await, "teams"), ["Accounting"]);
    assert_eq!(desk.member("edsger@example.com").await["status"], "inactive");
    assert_eq!(desk.member("ada-admin@example.com").await["directory_id"], Value::Null);

    let log = desk.admin.get(&format!("{page}/requests?changes=true")).await.text();
    assert!(log.contains("PATCH") && log.contains("POST") && log.contains("Made"), "{log}");
    let ledger = desk.admin.get(&format!("{page}/tolerances")).await.text();
    assert!(ledger.to_lowercase().contains("password"), "{ledger}");
    let about = desk.provider.get("/").await;
    assert!(about.links().contains(&"/directory".to_owned()) && about.text().contains("3 people and 3 groups"));
}

#[tokio::test]
async fn a_joiner_is_a_member_at_once_and_a_leaver_is_out_at_once() {
    let mut desk = Desk::start().await;
    let told = desk.press("joiner", "").await;
    let text = told.text();
    assert!(text.contains("Katherine Example joined Engineering") && text.contains("POST /Users"), "{text}");
    assert!(text.contains("201") && text.contains("Adds Katherine Example to it"), "{text}");
    let console = format!("{}/requests", desk.demo.directory());
    assert!(told.links().iter().any(|link| link.ends_with(&console)), "{:?}", told.links());

    let joined = desk.member("katherine@example.com").await;
    assert_eq!((roles(&joined), texts(&joined, "tags")), (vec!["developer".into()], vec!["Group:Engineering".into()]));
    let mut browser = desk.signed_in("katherine").await;
    assert_eq!(browser.get("/account").await.status, 200);

    let text = desk.press("leaver", "00u1katherine").await.text();
    assert!(text.contains("Katherine Example left") && text.contains("PATCH /Users"), "{text}");
    assert_eq!(desk.member("katherine@example.com").await["status"], "inactive");
    assert_ne!(browser.get("/account").await.status, 200, "the session has ended");
    assert!(desk.provider.get("/").await.text().contains("Nobody yet"), "the provider has signed out who left");
    let refused = desk.demo.sign_in(&mut desk.demo.gateway(), "person", "katherine").await;
    assert_eq!((refused.status, refused.reason()), (403, "sso_deactivated"));
    // The button was for somebody who is active.
    let form = desk.provider.get("/directory").await.form("/directory/leaver");
    desk.provider.submit(&form.fill("who", "00u1katherine")).await;
    let text = desk.provider.get("/directory").await.text();
    assert!(text.contains("Nobody like that can be changed any more"), "{text}");
}

#[tokio::test]
async fn a_mover_loses_what_the_old_groups_gave_and_gains_what_the_new_one_gives() {
    let mut desk = Desk::start().await;
    let text = desk.press("mover", "00u1ada").await.text();
    assert!(text.contains("Ada Example moved from Engineering to Finance"), "{text}");
    let ada = desk.member("ada@example.com").await;
    assert_eq!((roles(&ada), texts(&ada, "teams")), (vec!["member".into()], vec!["Accounting".into()]));
    assert_eq!((&ada["job_title"], texts(&ada, "tags")), (&"Accountant".into(), vec!["Group:Finance".into()]));
    // The roles of a head of department go too; the one that was given by hand stays.
    desk.press("mover", "00u1grace").await;
    let mut grace = roles(&desk.member("grace@example.com").await);
    grace.sort();
    assert_eq!(grace, ["developer", "member"]);
    // And back.
    desk.press("mover", "00u1ada").await;
    let ada = desk.member("ada@example.com").await;
    assert_eq!((roles(&ada), texts(&ada, "teams")), (vec!["developer".into()], Vec::<String>::new()));
}

#[tokio::test]
async fn whoever_is_renamed_stays_the_same_member_and_signed_in() {
    let mut desk = Desk::start().await;
    let mut browser = desk.signed_in("grace").await;
    let before = desk.member("grace@example.com").await;
    let text = desk.press("rename", "00u1grace").await.text();
    assert!(text.contains("Grace Example is called Grace Sample now"), "{text}");
    let after = desk.member("grace.sample@example.com").await;
    assert_eq!((&after["id"], &after["family_name"]), (&before["id"], &"Sample".into()));
    assert!(desk.members("email=grace@example.com").await.is_empty());
    assert!(browser.get("/account").await.body.contains("Grace Sample"));
    // Under the new name it is the same sign-in.
    let mut again = desk.signed_in("grace.sample").await;
    assert!(again.get("/account").await.body.contains("Grace Sample"));
    assert_eq!(desk.members("source=scim").await.len(), 4);

    let text = desk.press("rename", "00u1grace").await.text();
    assert!(text.contains("Grace Sample is called Grace Example now"), "{text}");
    assert_eq!(desk.member("grace@example.com").await["id"], before["id"]);
}

#[tokio::test]
async fn a_renamed_group_keeps_what_it_gives() {
    let mut desk = Desk::start().await;
    let text = desk.press("rename-group", "Engineering").await.text();
    assert!(text.contains("The group Engineering is called Engineering EU now"), "{text}");
    let ada = desk.member("ada@example.com").await;
    assert_eq!((roles(&ada), texts(&ada, "tags")), (vec!["developer".into()], vec!["Group:Engineering EU".into()]));
    let events = desk.admin.get("/api/v1/audit-events?action=directory.group_renamed").await.json();
    assert_eq!(events["data"].as_array().unwrap().len(), 1, "{events}");
    // Who joins now is in the group under its new name.
    desk.press("joiner", "").await;
    assert_eq!(texts(&desk.member("katherine@example.com").await, "tags"), ["Group:Engineering EU"]);
    assert_eq!(roles(&desk.member("katherine@example.com").await), ["developer"]);
}

#[tokio::test]
async fn what_the_gateway_says_against_a_push_is_told_and_the_next_one_goes_on() {
    let mut desk = Desk::start().await;
    assert_eq!(desk.confirm("/disable").await.status, 303);
    for (change, who) in [("joiner", ""), ("mover", "00u1ada"), ("rename", "00u1ada"), ("rename-group", "Leads")] {
        let text = desk.press(change, who).await.text();
        assert!(text.contains("Doorward answered 403") && text.contains("turned off in Doorward"), "{change}: {text}");
        assert!(text.contains("Nothing has changed here"), "{change}: {text}");
    }
    assert!(desk.members("email=katherine@example.com").await.is_empty());
    assert!(desk.member("ada@example.com").await["job_title"] == "Engineer");
    let path = format!("{}/setup/on", desk.demo.directory());
    let form = desk.admin.get(&path).await.form("/setup/on");
    assert_eq!(desk.admin.submit(&form).await.status, 303);
    assert!(desk.press("joiner", "").await.text().contains("Katherine Example joined Engineering"));

    // Without its token nothing comes through; with the next one it does, to who is known there already.
    let shown = desk.admin.get(&desk.demo.directory()).await;
    let delete = shown.links().into_iter().find(|link| link.contains("/tokens/") && link.ends_with("/delete")).unwrap();
    let form = desk.admin.get(&delete).await.form("/delete");
    assert_eq!(desk.admin.submit(&form).await.status, 303);
    let text = desk.press("leaver", "00u1ada").await.text();
    assert!(text.contains("Doorward answered 401") && text.contains("bearer token is unknown"), "{text}");
    assert_eq!(desk.member("ada@example.com").await["status"], "active");
    let token = desk.new_token().await;
    let base =
        format!("{}{}", desk.admin.origin, desk.demo.directory().replace("/admin/security/directories", "/scim/v2"));
    let form = desk.provider.get("/directory").await.form("/application");
    let form = form.fill("base_url", &base).fill("token", &token);
    assert_eq!(desk.provider.submit(&form).await.status, 303);
    assert!(desk.provider.get("/directory").await.text().contains("Doorward took the token"));
    let before = desk.members("limit=100").await.len();
    assert!(desk.press("everybody", "").await.text().contains("Pushed 4 people and 3 groups"));
    assert_eq!(desk.members("limit=100").await.len(), before, "everybody was found again by name");
    assert!(desk.press("leaver", "00u1ada").await.text().contains("Ada Example left"));
    assert_eq!(desk.member("ada@example.com").await["status"], "inactive");
}

#[tokio::test]
async fn the_push_goes_to_this_gateway_alone_and_bad_input_changes_nothing() {
    let mut desk = Desk::start().await;
    let page = desk.demo.directory();
    let base = format!("{}{}", desk.admin.origin, page.replace("/admin/security/directories", "/scim/v2"));
    let long = "x".repeat(9000);
    let elsewhere =
        ["", "'", "\0", "%", "http://127.0.0.1:9/scim/v2/dir_x", "file:///etc/passwd", &long, "https://example.com"];
    let unknown = format!("{}/scim/v2/dir_00000000000000000000000000", desk.admin.origin);
    let odd = [format!("{base}/../x"), format!("{base}x"), format!("{base}@example.com"), format!("{base}?x=y")];
    for url in elsewhere.iter().copied().chain(odd.iter().map(String::as_str)) {
        let form = desk.provider.get("/directory").await.form("/application");
        let told = desk.provider.submit(&form.fill("base_url", url).fill("token", "dwscim_x")).await;
        assert!(
            told.status == 422 && told.text().contains("Copy it from a directory of this demo"),
            "{url}: {}",
            told.status
        );
    }
    for (url, token) in [(&base, ""), (&base, "'"), (&base, "a\r\nb: c"), (&base, long.as_str())] {
        let form = desk.provider.get("/directory").await.form("/application");
        let told = desk.provider.submit(&form.fill("base_url", url).fill("token", token)).await;
        assert!(told.status == 422 && told.text().contains("Copy the whole token"), "{token}: {}", told.text());
        assert_eq!(told.form("/application").get("base_url"), url, "what was typed is kept");
        assert!(told.form("/application").get("token").is_empty());
    }
    // Well made, and of another directory.
    let token = desk.new_token().await;
    let form = desk.provider.get("/directory").await.form("/application");
    let told = desk.provider.submit(&form.fill("base_url", &unknown).fill("token", &token)).await;
    assert!(told.status == 422 && told.text().contains("Doorward answered 401"), "{}", told.text());
    for (change, who) in [("mover", ""), ("leaver", "'"), ("rename", "\0"), ("rename-group", "%"), ("mover", &long)] {
        assert_eq!(desk.provider.post(&format!("/directory/{change}"), &[("who", who)]).await.status, 303);
        let text = desk.provider.get("/directory").await.text();
        assert!(text.contains("Nobody like that can be changed any more"), "{change}: {text}");
    }
    assert_eq!(desk.provider.post("/directory/owner", &[]).await.status, 404);
    // Another site in the same browser.
    for site in ["cross-site", "same-site"] {
        let mut foreign = desk.demo.provider().with_header("Sec-Fetch-Site", site);
        assert_eq!(foreign.post("/directory/joiner", &[]).await.status, 404, "{site}");
    }
    assert_eq!(desk.members("limit=100").await.len(), 5);
    assert!(desk.press("joiner", "").await.text().contains("joined"), "what it pushed to before is still there");
}
