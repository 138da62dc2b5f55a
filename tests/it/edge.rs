//! The edge: which requests are ours, who is believed, what every answer carries, and forms from elsewhere.

use std::time::Duration;

use doorward::testing::Caller;
use doorward::testing::RouteEntry;
use doorward::testing::all_routes;
use tokio::io::AsyncWriteExt as _;

use crate::authorization::nothing;
use crate::authorization::path_of;
use crate::authorization::something;
use crate::authorization::token;
use crate::support::Answer;
use crate::support::TestApp;
use crate::support::http;
use crate::support::server::OWNER;
use crate::support::server::PASSWORD;

const HTTPS: [(&str, &str); 1] = [("base_url", "https://gate.example.com")];

async fn raw(app: &TestApp, request: &str) -> Answer {
    http::send(app.address(), None, request.as_bytes()).await
}

async fn for_host(app: &TestApp, path: &str, host: &str) -> u16 {
    raw(app, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await.status
}

// Hosts and proxies.

#[actix_web::test]
async fn a_request_for_another_host_is_misdirected() {
    let app = TestApp::start().await;
    for host in ["evil.example", "localhost.evil.example", "evil.example:8080", ""] {
        assert_eq!(for_host(&app, "/sign-in", host).await, 421, "{host}");
    }
}

#[actix_web::test]
async fn any_loopback_name_is_ours_on_a_loopback_base() {
    let app = TestApp::start().await;
    for host in ["localhost", "127.0.0.1:1", "[::1]:8080", "LOCALHOST."] {
        assert_eq!(for_host(&app, "/sign-in", host).await, 200, "{host}");
    }
}

#[actix_web::test]
async fn health_is_told_under_any_name() {
    let app = TestApp::with(&HTTPS).await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(for_host(&app, path, "10.0.0.7").await, 200);
    }
}

#[actix_web::test]
async fn a_forwarded_host_is_not_believed() {
    let app = TestApp::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let mut browser =
        app.stranger().with_header("X-Forwarded-Host", "evil.example").with_header("Forwarded", "host=evil.example");
    let answer = browser.open("/account").await;
    assert!(answer.status == 200 && !answer.body.contains("evil.example"));
}

/// The address that the audit log has of a sign-in.
async fn noted_address(app: &TestApp, from: &str, headers: &[(&str, &str)]) -> String {
    let mut browser = app.stranger().coming_from(from);
    for (name, value) in headers {
        browser = browser.with_header(name, value);
    }
    assert_eq!(browser.sign_in(OWNER, PASSWORD).await.status, 303);
    app.audit().await[0].ip.clone().unwrap()
}

#[actix_web::test]
async fn an_untrusted_peer_is_not_believed_where_it_comes_from() {
    let app = TestApp::with(&[("trusted_proxies", "127.0.0.9")]).await;
    assert_eq!(noted_address(&app, "127.0.0.2", &[("X-Forwarded-For", "1.2.3.4")]).await, "127.0.0.2");
}

#[actix_web::test]
async fn behind_trusted_proxies_the_address_is_read_from_the_right() {
    let app = TestApp::with(&[("trusted_proxies", "127.0.0.1,10.0.0.0/8")]).await;
    for (header, address) in [
        ("1.2.3.4", "1.2.3.4"),
        ("1.2.3.4, 10.0.0.9", "1.2.3.4"),
        ("6.6.6.6, 1.2.3.4, 10.0.0.9", "1.2.3.4"),
        ("2001:db8::1", "2001:db8::1"),
        ("rubbish, 10.0.0.9", "127.0.0.1"),
        (
            "1.1.1.1,10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,10.0.0.7,10.0.0.8,10.0.0.9,10.0.0.9",
            "127.0.0.1",
        ),
    ] {
        assert_eq!(noted_address(&app, "127.0.0.1", &[("X-Forwarded-For", header)]).await, address, "{header}");
    }
}

#[actix_web::test]
async fn only_the_chosen_family_of_headers_counts() {
    let app = TestApp::with(&[("trusted_proxies", "127.0.0.1"), ("forwarded", "rfc7239")]).await;
    let headers = [("X-Forwarded-For", "6.6.6.6"), ("Forwarded", "for=1.2.3.4;proto=https")];
    assert_eq!(noted_address(&app, "127.0.0.1", &headers).await, "1.2.3.4");
}

#[actix_web::test]
async fn plain_http_in_front_of_a_trusted_proxy_is_sent_to_https() {
    let app = TestApp::with(&[HTTPS[0], ("trusted_proxies", "127.0.0.1")]).await;
    let mut browser = app.stranger().with_header("X-Forwarded-Proto", "http");
    let answer = browser.get("/sign-in?return_to=/account").await;
    assert_eq!((answer.status, answer.location()), (308, "https://gate.example.com/sign-in?return_to=/account"));
}

#[actix_web::test]
async fn a_request_id_is_taken_from_trusted_proxies_alone() {
    let app = TestApp::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let id = "proxy-0123456789";
    let answer = app.stranger().with_header("X-Request-Id", id).get("/sign-in").await;
    assert_eq!(answer.header("x-request-id"), Some(id));
    let answer = app.stranger().coming_from("127.0.0.2").with_header("X-Request-Id", id).get("/sign-in").await;
    assert_ne!(answer.header("x-request-id"), Some(id));
}

#[actix_web::test]
async fn under_a_path_every_link_redirect_and_cookie_works() {
    let app = TestApp::with(&[("base_url", "https://gate.example.com/door")]).await;
    let mut browser = app.owner().await;
    assert!(browser.cookie("__Host-doorward_session").unwrap().has("Path=/"));
    for path in
        ["/sign-out", "/account", "/account/sessions", "/account/sign-in-methods", "/admin/security", "/admin/members"]
    {
        let answer = browser.get(&format!("/door{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
        for link in answer.links().iter().filter(|link| link.starts_with('/')) {
            assert!(link.starts_with("/door/"), "{path}: {link}");
        }
    }
    let answer = app.stranger().get("/door/account/sessions").await;
    assert_eq!(answer.location(), "/door/sign-in?return_to=%2Faccount%2Fsessions");
    assert_eq!(app.stranger().get("/account").await.status, 404);
    let idp = app.active_connection().await;
    assert!(idp.acs_url.starts_with("https://gate.example.com/door/saml/"));
    let (mut browser, answer) = app.sign_in_by_saml(&idp, "grace@acme.example").await;
    assert_eq!(answer.location(), "/door/account");
    assert_eq!(browser.follow_from_elsewhere(answer).await.status, 200);
}

// Malformed and large.

#[actix_web::test]
async fn a_form_of_seventy_kilobytes_is_too_large() {
    let app = TestApp::start().await;
    let answer = app.stranger().post("/sign-in/password", &[("email", &"a".repeat(70_000))]).await;
    assert_eq!(answer.status, 413);
}

#[actix_web::test]
async fn a_head_that_dribbles_in_is_cut_off() {
    let app = TestApp::start().await;
    let mut stream = http::connect(app.address(), None).await;
    stream.write_all(b"GET /sign-in HTTP/1.1\r\nHost: local").await.unwrap();
    let mut rest = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest);
    tokio::time::timeout(Duration::from_secs(7), read).await.expect("closed in time").ok();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"));
}

#[actix_web::test]
async fn what_is_no_request_is_answered_with_a_4xx() {
    let app = TestApp::start().await;
    for request in [
        "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        "GET /sign-in?organization=%FF HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\na",
        "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let status = raw(&app, request).await.status;
        assert!((400..500).contains(&status), "{request}: {status}");
    }
}

#[actix_web::test]
async fn an_unknown_address_is_a_page_that_says_so() {
    let app = TestApp::start().await;
    let answer = app.stranger().get("/nowhere").await;
    assert_eq!(answer.status, 404);
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
}

#[actix_web::test]
async fn a_method_that_an_address_does_not_take_is_a_405() {
    let app = TestApp::start().await;
    for (method, path) in
        [("DELETE", "/sign-in"), ("GET", "/preferences/theme"), ("GET", "/saml/con_01k2v9q8xw3f6t0m4n7p5r1sza/acs")]
    {
        assert_eq!(app.stranger().call(method, path, None).await.status, 405, "{method} {path}");
    }
}

#[actix_web::test]
async fn what_answers_get_answers_head_without_a_body() {
    let app = TestApp::start().await;
    for path in ["/healthz", "/sign-in"] {
        let answer = app.stranger().head(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{path}");
    }
}

// What every answer carries.

fn is_safe(answer: &Answer) -> bool {
    let policy = answer.header("content-security-policy").unwrap_or_default();
    let is_closed = policy.contains("default-src 'none'")
        && policy.contains("frame-ancestors 'none'")
        && policy.contains("base-uri 'none'")
        && !policy.contains("unsafe");
    is_closed
        && answer.header("x-content-type-options") == Some("nosniff")
        && answer.header("referrer-policy") == Some("same-origin")
        && answer.header("cross-origin-opener-policy") == Some("same-origin")
        && answer.header("x-request-id").is_some()
        && (answer.header("cache-control") == Some("no-store") || answer.path.starts_with("/static/"))
}

#[actix_web::test]
async fn every_kind_of_answer_carries_the_headers_that_keep_a_browser_safe() {
    let app = TestApp::start().await;
    let things = something(&app).await;
    for mut browser in [app.stranger(), app.owner().await] {
        for entry in all_routes().iter().filter(|entry| entry.method == "GET") {
            let answer = browser.get(&path_of(entry, &things)).await;
            assert!(is_safe(&answer), "{}: {} {:?}", answer.path, answer.status, answer.headers);
        }
    }
    let mut stranger = app.stranger();
    let answers = [
        stranger.get("/nowhere").await,
        stranger.call("DELETE", "/sign-in", None).await,
        stranger.post("/sign-in", &[("email", &"a".repeat(70_000))]).await,
        stranger.post("/sign-in", &[]).await,
        raw(&app, "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n").await,
    ];
    for answer in answers {
        assert!(is_safe(&answer), "{} {:?}", answer.status, answer.headers);
    }
}

#[actix_web::test]
async fn on_https_browsers_are_told_to_stay_there() {
    let app = TestApp::with(&HTTPS).await;
    assert!(app.stranger().get("/sign-in").await.header("strict-transport-security").is_some());
    let app = TestApp::start().await;
    assert!(app.stranger().get("/sign-in").await.header("strict-transport-security").is_none());
}

// Forms.

fn takes_our_forms(entry: &RouteEntry) -> bool {
    entry.method != "GET" && matches!(entry.needs, Caller::AnybodyWithForm | Caller::Member | Caller::Console(_))
}

#[actix_web::test]
async fn every_form_is_refused_without_its_token() {
    let app = TestApp::start().await;
    let things = something(&app).await;
    let mut owner = app.owner().await;
    let of_stranger = token(&mut app.stranger()).await;
    let before = app.dump();
    for entry in all_routes().iter().filter(|entry| takes_our_forms(entry)) {
        let path = path_of(entry, &things);
        for csrf in ["", "1.a", of_stranger.as_str()] {
            assert_eq!(owner.post(&path, &[("csrf", csrf)]).await.status, 403, "{path} with {csrf:?}");
        }
    }
    assert_eq!(app.dump(), before);
}

#[actix_web::test]
async fn every_form_from_another_site_is_refused() {
    let app = TestApp::start().await;
    let things = something(&app).await;
    let mut owner = app.owner().await;
    let (csrf, before) = (token(&mut owner).await, app.dump());
    let by_fetch = owner.clone().with_header("Sec-Fetch-Site", "cross-site");
    let same_site = owner.clone().with_header("Sec-Fetch-Site", "same-site");
    // A browser that knows nothing of Sec-Fetch-Site.
    let mut by_origin = owner.clone().with_header("Origin", "https://evil.example");
    by_origin.says_site = false;
    for mut browser in [by_fetch, same_site, by_origin] {
        for entry in all_routes().iter().filter(|entry| takes_our_forms(entry)) {
            let path = path_of(entry, &things);
            let answer = browser.post(&path, &[("csrf", &csrf)]).await;
            assert_eq!(answer.status, 403, "{path}");
        }
    }
    assert_eq!(app.dump(), before);
}

#[actix_web::test]
async fn a_form_that_was_open_for_a_day_is_stale() {
    let app = TestApp::start().await;
    let mut browser = app.stranger();
    let form = browser.get("/sign-in/password").await.form("/sign-in/password");
    app.clock.advance(doorward::testing::hours(26));
    assert_eq!(browser.submit(&form.fill("email", OWNER).fill("password", PASSWORD)).await.status, 403);
}

#[actix_web::test]
async fn signing_in_does_not_spoil_a_form_in_another_tab() {
    let app = TestApp::start().await;
    let mut browser = app.stranger();
    let other_tab = browser.get("/sign-in/password").await.form("/sign-in/password");
    assert_eq!(browser.sign_in(OWNER, PASSWORD).await.status, 303);
    assert_eq!(browser.submit(&other_tab.fill("email", OWNER).fill("password", PASSWORD)).await.status, 303);
}

#[actix_web::test]
async fn reading_never_changes_anything() {
    let app = TestApp::start().await;
    let (real, made_up) = (something(&app).await, nothing());
    let mut owner = app.owner().await;
    let before = app.dump();
    for entry in all_routes().iter().filter(|entry| entry.method == "GET") {
        for things in [&real, &made_up] {
            let answer = owner.get(&path_of(entry, things)).await;
            assert!(answer.status < 500, "{}: {}", answer.path, answer.status);
        }
    }
    assert_eq!(app.dump(), before);
}

#[actix_web::test]
async fn the_theme_is_kept_and_leads_back_to_its_page() {
    let app = TestApp::start().await;
    let mut browser = app.stranger();
    let csrf = token(&mut browser).await;
    browser.headers.push(("Referer".to_owned(), format!("{}/sign-in", app.origin)));
    let answer = browser.post("/preferences/theme", &[("csrf", &csrf), ("theme", "dark")]).await;
    assert_eq!((answer.location(), browser.cookie("doorward_theme").unwrap().value.as_str()), ("/sign-in", "dark"));
}
