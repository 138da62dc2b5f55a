//! How much of a directory may be in flight, and that more is told to come again.

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::scim_support::Pusher;
use crate::support::Answer;
use crate::support::TestApp;
use crate::support::http;

const MIB: usize = 1024 * 1024;

/// A request whose head has come, and of its body as much as is said.
async fn begun(app: &TestApp, path: &str, token: &str, length: &str, body: &[u8]) -> TcpStream {
    let mut stream = http::connect(app.address(), None).await;
    let host = app.origin.split_once("://").unwrap().1;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/scim+json\r\n{length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream
}

fn content_length(bytes: usize) -> String {
    format!("Content-Length: {bytes}")
}

#[track_caller]
fn is_crowded(answer: &Answer) {
    answer.is_scim_error(429, None);
    assert_eq!(answer.header("retry-after"), Some("5"));
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("nothing was changed") && detail.contains("Send it again"), "{detail}");
}

/// Until the server has seen what other connections did.
async fn until(pusher: &Pusher, status: u16) -> Answer {
    for _ in 0..2000 {
        let answer = pusher.get("/Users?count=0").await;
        if answer.status == status {
            return answer;
        }
    }
    panic!("never {status}");
}

#[actix_web::test]
async fn requests_above_what_a_directory_may_have_in_flight_are_told_to_come_again() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let other = app.pending_directory().await;
    let path = format!("{}/Users", pusher.base);
    // Whoever shows no good token takes no place.
    let mut strangers = Vec::new();
    for _ in 0..201 {
        strangers.push(begun(&app, &path, &other.token, &content_length(9), b"").await);
    }
    pusher.user("ada.l@acme.example").await;
    let mut slow = Vec::new();
    // Some more, for those that meet another request are told to come again.
    for _ in 0..210 {
        slow.push(begun(&app, &path, &pusher.token, &content_length(9), b"").await);
    }
    is_crowded(&until(&pusher, 429).await);
    let user = json!({"userName": "eve@acme.example"});
    is_crowded(&pusher.send("POST", "/Users", Some(&user)).await);
    app.api_stranger().get(&path).await.is_scim_error(401, None);
    other.user("grace@acme.example").await;
    // The log shows it to whoever asks why nothing comes.
    let shown = pusher.admin.get(&format!("/api/v1/directories/{}/requests?limit=1", pusher.id)).await.json();
    assert_eq!(shown["data"][0]["status"], 429, "{shown}");
    // One that ends gives its place back, and so does one whose caller went away.
    let mut answered = Vec::new();
    for mut one in slow.drain(..15) {
        one.write_all(b"{\"a\": 1}\n").await.unwrap();
        answered.push(http::read(&mut one).await.status);
    }
    assert!(answered.contains(&400), "{answered:?}");
    until(&pusher, 200).await;
    drop(slow);
    pusher.user("eve@acme.example").await;
}

#[actix_web::test]
async fn large_bodies_of_a_directory_have_so_much_room_together_and_short_ones_go_on() {
    let app = TestApp::start().await;
    let pusher = app.directory().await;
    let path = format!("{}/Groups", pusher.base);
    let large = json!({"displayName": "Nurses", "members": [], "x": "y".repeat(100 * 1024)});
    pusher.send("POST", "/Groups", Some(&large)).await.is(201);
    // Each holds half of the room, or is refused for one that holds some of it.
    let mut halves = Vec::new();
    let refused = loop {
        halves.push(begun(&app, &path, &pusher.token, &content_length(16 * MIB), b"{").await);
        let answer = pusher.send("POST", "/Groups", Some(&large)).await;
        if answer.status == 429 {
            break answer;
        }
        assert!(halves.len() < 20, "{}", answer.body);
    };
    is_crowded(&refused);
    assert!(refused.json()["detail"].as_str().unwrap().contains("32 MiB"), "{}", refused.body);
    // One that does not say its length meets the bound as it comes.
    let mut chunk = b"20000\r\n".to_vec();
    chunk.resize(chunk.len() + 0x20000, b' ');
    chunk.extend_from_slice(b"\r\n0\r\n\r\n");
    let mut untold = begun(&app, &path, &pusher.token, "Transfer-Encoding: chunked", &chunk).await;
    is_crowded(&http::read(&mut untold).await);
    pusher.user("ada.l@acme.example").await;
    // What has come whole is answered, and its room is free again.
    let mut body = br#""displayName": "Doctors", "#.to_vec();
    body.resize(16 * MIB - 1 - "\"x\": 1}".len(), b' ');
    body.extend_from_slice(b"\"x\": 1}");
    let mut answered = Vec::new();
    for mut half in halves {
        half.write_all(&body).await.unwrap();
        answered.push(http::read(&mut half).await.status);
    }
    answered.retain(|status| *status != 429);
    assert_eq!(answered, [201, 409]);
    let fits = json!({"displayName": "Porters", "members": [], "x": "y".repeat(100 * 1024)});
    pusher.send("POST", "/Groups", Some(&fits)).await.is(201);
}
