//! Sessions as an admin finds them, and many of them ended at once.

use doorward::testing::MemberId;
use doorward::testing::Timestamp;
use doorward::testing::days;
use doorward::testing::hours;
use serde_json::json;

use crate::support::Browser;
use crate::support::TestApp;
use crate::support::html::Form;
use crate::support::server::PASSWORD;

const END: &str = "/admin/sessions/end";

async fn is_in(browser: &mut Browser) -> bool {
    browser.get("/account").await.status == 200
}

async fn from(app: &TestApp, email: &str, address: &str) -> Browser {
    let mut browser = app.stranger().coming_from(address);
    assert_eq!(browser.sign_in(email, PASSWORD).await.status, 303);
    browser
}

/// The addresses of the people whose sessions are listed, each once.
async fn people(admin: &mut Browser, query: &str) -> Vec<String> {
    let page = admin.get(&format!("/admin/sessions?{query}")).await;
    assert_eq!(page.status, 200, "{query}");
    let table = page.body.split("<tbody>").nth(1).unwrap_or_default().replace("<wbr>", "");
    let names = ["ada", "admin", "grace", "alan"];
    names.into_iter().filter(|name| table.contains(&format!("{name}@acme.example"))).map(str::to_owned).collect()
}

fn day(at: Timestamp) -> String {
    at.rfc3339()[..10].to_owned()
}

/// Sessions of one member that began at that time, straight into the store.
async fn fill(app: &TestApp, member: &MemberId, count: i64, at: Timestamp) {
    let (member, at, now) = (member.to_string(), at.millis(), app.now().millis());
    let write = app.app().store.write(move |tx| {
        tx.execute(
            "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?2) \
             INSERT INTO sessions (id, organization_id, member_id, token_hash, method, started_at, last_seen_at, console_seen_at, \
             expires_at) SELECT printf('ses_01m%023d', n), (SELECT organization_id FROM members WHERE id = ?1), ?1, \
             CAST(printf('%032d', n) AS BLOB), 'password', ?3, ?4, ?3, ?4 + 86400000 FROM c",
            &[(&member).into(), count.into(), at.into(), now.into()],
        )
    });
    assert_eq!(write.await.unwrap() as i64, count);
}

#[actix_web::test]
async fn sessions_are_found_by_person_way_address_and_day() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    app.person("alan@acme.example", "member").await;
    let mut admin = app.admin().await;
    app.owner().await;
    from(&app, "alan@acme.example", "127.0.0.9").await;
    app.sign_in_by_saml(&idp, "grace@acme.example").await;
    let everybody = ["ada", "admin", "grace", "alan"];
    let today = day(app.now());
    let tomorrow = day(app.now() + days(1));
    let grace: String =
        app.database().query_row("SELECT id FROM members WHERE email LIKE 'grace%'", [], |row| row.get(0)).unwrap();
    for (query, found) in [
        ("", &everybody[..]),
        ("q=GRACE%40", &["grace"]),
        ("q=hopper", &["grace"]),
        ("q=acme.example", &everybody),
        ("q=%25", &[]),
        ("q=_da", &[]),
        ("q=%27%22%5C", &[]),
        ("method=password", &["ada", "admin", "alan"]),
        ("method=saml", &["grace"]),
        (&format!("method={}", idp.id), &["grace"]),
        ("method=con_00000000000000000000000000", &[]),
        ("ip=127.0.0.9", &["alan"]),
        ("ip=%3A%3Affff%3A127.0.0.9", &["alan"]),
        ("ip=127.0.0.8", &[]),
        (&format!("from={today}"), &everybody),
        (&format!("before={tomorrow}"), &everybody),
        (&format!("before={today}"), &[]),
        (&format!("from={tomorrow}"), &[]),
        (&format!("member={grace}"), &["grace"]),
        ("member=mem_00000000000000000000000000", &[]),
        ("method=password&ip=127.0.0.9&q=alan", &["alan"]),
        ("method=saml&ip=127.0.0.9", &[]),
    ] {
        assert_eq!(people(&mut admin, query).await, found, "{query}");
    }
    let page = admin.get(&format!("/admin/sessions?member={grace}&q=gr%22ace")).await;
    assert!(page.text().contains("Who: ") && page.body.contains("gr&#34;ace"), "{}", page.text());
    assert!(admin.get("/admin/sessions?q=nobody").await.text().contains("No session matches"));
}

#[actix_web::test]
async fn a_filter_of_sessions_that_is_none_narrows_nothing_and_ends_nothing() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    let mut person = app.member().await;
    let long = format!("q={}", "a".repeat(5000));
    for (query, told) in [
        ("ip=127.0.0", "127.0.0 is no IP address"),
        ("from=2026-02-31", "2026-02-31 is no date"),
        ("before=%F0%9F%98%80%F0%9F%98%80", "is no date"),
        ("method=telepathy", "telepathy is no way to sign in"),
        ("member=con_x%27", "con_x' names no member"),
        ("q=a%00", "without control characters"),
        (&long, "at most 200 characters"),
    ] {
        let list = admin.get(&format!("/admin/sessions?{query}")).await;
        assert!(list.status == 200 && list.text().contains(told) && list.text().contains("left out"), "{query}");
        let ask = admin.get(&format!("{END}?{query}")).await;
        assert!(ask.status == 200 && ask.text().contains(told), "{query}: {}", ask.text());
        assert!(!ask.has_form(END), "{query}");
        // Whoever sends it all the same ends nothing.
        let mut form = admin.get(END).await.form(END);
        form.fields.extend(url::form_urlencoded::parse(query.as_bytes()).into_owned());
        assert_eq!(admin.submit(&form).await.status, 422, "{query}");
    }
    let ask = admin.get(END).await;
    let mut unasked = ask.form(END);
    for asked in ["", "soon", "9223372036854775807", "-"] {
        unasked.fields.iter_mut().find(|(name, _)| name == "asked").unwrap().1 = asked.to_owned();
        assert_eq!(admin.submit(&unasked).await.status, 422, "{asked}");
    }
    assert_eq!(admin.get(&format!("{END}?member=mem_00000000000000000000000000")).await.status, 404);
    assert!(is_in(&mut person).await && is_in(&mut admin).await);
    assert!(app.audit_of("session.ended").await.is_empty());
}

#[actix_web::test]
async fn sessions_of_those_whom_a_text_means_come_newest_first_over_all_pages() {
    let app = TestApp::start().await;
    let api = app.api("admin").await;
    let alan = app.person("alan@acme.example", "member").await.to_string().parse().unwrap();
    app.member().await;
    fill(&app, &alan, 7, app.now() - hours(2)).await;
    for (text, total) in [("alan", 8), ("acme", 10), ("nobody", 0)] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = api.get(&format!("/api/v1/sessions?q={text}&limit=3&cursor={cursor}")).await.is(200).json();
            seen.extend(page["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()));
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        assert!(seen.windows(2).all(|pair| pair[0] > pair[1]) && seen.len() == total, "{text}: {seen:?}");
    }
    let mut admin = app.admin().await;
    let short = admin.get("/admin/sessions?q=al").await.text();
    assert!(short.contains("“al” is looked for where a word begins"), "{short}");
}

#[actix_web::test]
async fn all_sessions_of_one_person_end_after_a_page_that_counts_them() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    let (mut one, mut ada) = (app.member().await, app.owner().await);
    let mut two = from(&app, "grace@acme.example", "127.0.0.9").await;
    let row = admin.get("/admin/sessions?q=grace").await;
    let link = row.links().into_iter().find(|link| link.starts_with("/admin/sessions/end?member=mem_")).unwrap();
    let member = link.split('=').nth(1).unwrap();
    assert!(admin.get(&format!("/admin/members/{member}")).await.links().contains(&link));

    let ask = admin.get(&link).await;
    assert!(ask.text().contains("End 3 sessions of grace@acme.example?"), "{}", ask.text());
    assert!(!ask.body.contains("name=\"own\""));
    // Whoever comes in after the question was asked is none of them.
    app.clock.advance(hours(1));
    let mut later = from(&app, "grace@acme.example", "127.0.0.9").await;
    let mut admin = app.signed_in("admin@acme.example").await;
    let asked = ask.form(END).get("asked").to_owned();
    let mut form = admin.get(&link).await.form(END);
    form.fields.iter_mut().find(|(name, _)| name == "asked").unwrap().1 = asked;
    let done = admin.submit_and_follow(&form).await;
    // The third began when she set her password.
    assert!(done.text().contains("3 sessions are over."), "{}", done.text());
    assert!(!is_in(&mut one).await && !is_in(&mut two).await);
    assert!(is_in(&mut later).await && is_in(&mut ada).await);
    let events = app.audit_of("session.ended").await;
    assert_eq!((events.len(), events[0].target.id.as_str()), (1, member));
    assert_eq!(events[0].changes["sessions"], json!([3, 0]));
    let none = admin.get(&format!("{END}?q=nobody")).await;
    assert!(none.text().contains("No session to end") && !none.has_form(END), "{}", none.text());
}

#[actix_web::test]
async fn ones_own_session_stays_unless_one_says_otherwise() {
    let app = TestApp::start().await;
    let (mut admin, mut ada) = (app.admin().await, app.owner().await);
    let ask = admin.get(END).await;
    assert!(ask.text().contains("End all 2 sessions?"), "{}", ask.text());
    assert!(ask.text().contains("2 people: signed out at once"), "{}", ask.text());
    assert!(ask.text().contains("The session that you're using now fits too"), "{}", ask.text());
    let done = admin.submit_and_follow(&ask.form(END)).await;
    assert!(done.text().contains("2 sessions are over."), "{}", done.text());
    assert!(is_in(&mut admin).await && !is_in(&mut ada).await);

    let only = admin.get(&format!("{END}?q=admin%40")).await;
    assert!(only.text().contains("End your own session?"), "{}", only.text());
    assert!(only.text().contains("the only one that fits"), "{}", only.text());
    // By a form from before the others had gone, nothing ends; that is said as it is.
    let nothing = admin.submit_and_follow(&ask.form(END)).await.text();
    assert!(nothing.contains("Nothing ended") && !nothing.contains("0 sessions"), "{nothing}");
    assert!(is_in(&mut admin).await);
    let done = admin.submit(&only.form(END)).await;
    assert_eq!(done.location(), "/sign-in");
    assert!(!is_in(&mut admin).await);
}

#[actix_web::test]
async fn whoever_signed_in_before_a_day_is_out_and_the_log_says_by_which_filter() {
    let app = TestApp::start().await;
    let mut old = app.member().await;
    app.clock.advance(hours(7));
    let mut admin = app.admin().await;
    let mut new = app.owner().await;
    // The line is drawn between the two, wherever midnight is: the API takes a time, the page a day.
    let (api, line) = (app.api("admin").await, (app.now() - hours(1)).rfc3339());
    assert_eq!(api.get(&format!("/api/v1/sessions?to={line}")).await.column("id").len(), 2);
    let ask = admin.get(&format!("{END}?before={}", day(app.now() - hours(7)))).await;
    assert!(ask.text().contains("No session to end") && ask.text().contains("Signed in before"), "{}", ask.text());
    let form: Form = admin.get(&format!("{END}?before={}&method=password", day(app.now() + days(1)))).await.form(END);
    assert_eq!((form.get("before"), form.get("method")), (day(app.now() + days(1)).as_str(), "password"));
    api.delete(&format!("/api/v1/sessions?to={line}&method=password")).await.is(204);
    assert!(!is_in(&mut old).await && is_in(&mut new).await && is_in(&mut admin).await);
    let events = app.audit_of("session.ended").await;
    assert_eq!((events.len(), events[0].target.kind.as_str()), (1, "organization"));
    let changes = &events[0].changes;
    assert_eq!((&changes["method"], &changes["before"]), (&json!([null, "password"]), &json!([null, line])));
    assert_eq!(changes["sessions"], json!([2, 0]));
    assert_eq!(admin.submit(&form).await.location(), "/admin/sessions");
    assert!(!is_in(&mut new).await && is_in(&mut admin).await);
}

#[actix_web::test]
async fn many_sessions_end_in_steps_that_each_leave_an_event() {
    let app = TestApp::start().await;
    let grace = app.person_without_password("grace@acme.example", "member").await;
    fill(&app, &grace, 1200, app.now() - hours(1)).await;
    let mut admin = app.admin().await;
    let first = admin.get("/admin/sessions?method=password&q=grace").await;
    let next = first.links().into_iter().find(|link| link.contains("cursor=ses_")).unwrap();
    assert!(next.contains("method=password") && next.contains("q=grace"), "{next}");
    assert_eq!(first.body.matches("grace<wbr>@acme").count(), 50);
    assert_eq!(admin.get(&next).await.body.matches("grace<wbr>@acme").count(), 50);
    let ask = admin.get(&format!("{END}?q=grace")).await;
    assert!(ask.text().contains("End 1200 sessions?") && ask.text().contains("1 person"), "{}", ask.text());
    let done = admin.submit_and_follow(&ask.form(END)).await;
    assert!(done.text().contains("1200 sessions are over."), "{}", done.text());
    let counts: Vec<i64> = app
        .audit_of("session.ended")
        .await
        .iter()
        .map(|event| event.changes["sessions"][0].as_i64().unwrap())
        .collect();
    assert_eq!(counts, [200, 500, 500]);
    assert_eq!(app.count("SELECT count(*) FROM sessions"), 2, "hers that set the password, and the admin's");
}

#[actix_web::test]
async fn a_session_that_is_over_by_itself_is_neither_listed_nor_counted() {
    let app = TestApp::start().await;
    app.member().await;
    app.clock.advance(hours(9));
    let mut admin = app.admin().await;
    assert_eq!(people(&mut admin, "").await, ["admin"]);
    let ask = admin.get(&format!("{END}?q=grace")).await;
    assert!(ask.text().contains("No session to end"), "{}", ask.text());
}

#[actix_web::test]
async fn the_api_finds_and_ends_sessions_by_the_same_filters() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let (mut person, _) = app.sign_in_by_saml(&idp, "grace@acme.example").await;
    let (api, mut ada) = (app.api("admin").await, app.owner().await);
    let kinds = |query: &str| {
        let (api, path) = (api.clone(), format!("/api/v1/sessions?{query}"));
        async move { api.get(&path).await.column("ip").len() }
    };
    let all = kinds("").await;
    assert_eq!(kinds("q=grace").await, 1);
    assert_eq!((kinds("method=saml").await, kinds("method=password").await), (1, all - 1));
    assert_eq!(kinds(&format!("connection_id={}", idp.id)).await, 1);
    assert_eq!((kinds("ip=127.0.0.1").await, kinds("ip=2001:db8::7").await), (all, 0));
    for (query, pointers) in [
        ("ip=here", &["/ip"][..]),
        ("connection_id=mem_x&member_id=all", &["/member_id", "/connection_id"]),
        ("method=oidc", &["/method"]),
        ("from=x&to=y", &["/from", "/to"]),
        ("q=%00", &["/q"]),
        ("own=end", &["/own"]),
    ] {
        api.get(&format!("/api/v1/sessions?{query}")).await.is_invalid_at(pointers);
    }
    api.get(&format!("/api/v1/sessions?q={}", "a".repeat(201))).await.is_invalid_at(&["/q"]);
    api.delete("/api/v1/sessions").await.is_invalid_at(&["/member_id"]);
    api.delete("/api/v1/sessions?own=end").await.is_invalid_at(&["/member_id"]);
    api.delete("/api/v1/sessions?q=grace&own=perhaps").await.is_invalid_at(&["/own"]);
    api.delete(&format!("/api/v1/sessions?connection_id={}", idp.id)).await.is(204);
    assert!(!is_in(&mut person).await && is_in(&mut ada).await);

    // The session that asks stays unless it says so.
    let me = app.api_browser(&ada);
    let token = me.get("/api/v1/me").await.json()["csrf"].as_str().unwrap().to_owned();
    let me = me.with("X-Doorward-CSRF", &token);
    me.delete("/api/v1/sessions?q=ada%40").await.is(204);
    assert!(is_in(&mut ada).await);
    me.delete("/api/v1/sessions?q=ada%40&own=end").await.is(204);
    assert!(!is_in(&mut ada).await);
}

#[actix_web::test]
async fn a_member_ends_their_own_sessions_and_nobody_elses_by_filters() {
    let app = TestApp::start().await;
    let (grace, mut lost, mut ada) = (app.member().await, app.owner().await, app.owner().await);
    let api = app.api_browser(&grace);
    let me = api.get("/api/v1/me").await.json();
    let (api, id) = (api.with("X-Doorward-CSRF", me["csrf"].as_str().unwrap()), me["id"].as_str().unwrap());
    for query in ["q=ada", "method=password", "ip=127.0.0.1", "member_id=mem_00000000000000000000000000"] {
        api.delete(&format!("/api/v1/sessions?{query}")).await.is_problem(403, "forbidden");
    }
    let mut other = from(&app, "grace@acme.example", "127.0.0.9").await;
    api.delete(&format!("/api/v1/sessions?member_id={id}&ip=127.0.0.9")).await.is(204);
    let mut grace = grace;
    assert!(!is_in(&mut other).await && is_in(&mut grace).await && is_in(&mut lost).await && is_in(&mut ada).await);
}
