//! Whether what a request takes grows with the directory: 1,000 users and 1,000,000, a group of 10 and of 100,000.

use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use doorward::testing::Clock as _;
use doorward::testing::Gateway;
use doorward::testing::Visitor;
use doorward::testing::command_line;
use rusqlite::Connection;

use super::Pusher;
use super::body;
use super::client::call;
use super::client::cpu_ns;
use super::directory;
use super::id_of;

const TIMES: usize = 400;

/// Users as a push would have left them.
fn fill(folder: &Path, count: usize) {
    let database = Connection::open(folder.join("doorward.db")).unwrap();
    database
        .execute_batch(&format!(
            "PRAGMA synchronous = OFF; BEGIN;
             CREATE TEMP TABLE n AS WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count}) SELECT n FROM c;
             INSERT INTO scim_users (number, id, directory, external_id, user_name, email, document, is_active, created_at, modified_at, version)
             SELECT n, printf('usr_%026d', n), 1, printf('00u%d', n), printf('person%d@acme.example', n), printf('person%d@acme.example', n),
             printf('{{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"userName\":\"person%d@acme.example\",\"displayName\":\"Person %d\",\"active\":true}}', n, n),
             1, 1700000000000 + n, 1700000000000 + n, 1 FROM n;
             INSERT INTO scim_emails (directory, email, user_number) SELECT 1, printf('person%d@acme.example', n), n FROM n ORDER BY printf('person%d@acme.example', n);
             INSERT INTO scim_blocks (directory, block, users, first_number, last_number) SELECT 1, n / 4096, count(*), min(n), max(n) FROM n GROUP BY n / 4096;
             COMMIT; PRAGMA wal_checkpoint(TRUNCATE);"
        ))
        .unwrap();
}

/// Microseconds of one caller, at the median and at the 99th percentile, and those of the gateway's processor.
fn times(pusher: &Pusher, requests: impl Iterator<Item = String> + Send) -> [f64; 3] {
    let cpu = cpu_ns();
    let mut all = std::thread::scope(|scope| scope.spawn(|| one_caller(pusher, requests)).join().unwrap());
    all.sort_by(f64::total_cmp);
    let cpu = (cpu_ns() - cpu) as f64 / 1000.0 / all.len() as f64;
    [all[all.len() / 2], all[all.len() * 99 / 100], cpu]
}

fn one_caller(pusher: &Pusher, requests: impl Iterator<Item = String>) -> Vec<f64> {
    let mut stream = TcpStream::connect(pusher.address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut all: Vec<f64> = Vec::new();
    for request in requests {
        let begun = Instant::now();
        let head = call(&mut stream, &request);
        all.push(begun.elapsed().as_secs_f64() * 1e6);
        assert!(head.starts_with("HTTP/1.1 20"), "{head}");
    }
    all
}

async fn filled(folder: &Path, count: usize) -> (Gateway, Pusher) {
    let gateway = Gateway::start(folder, &[]).unwrap();
    let pusher = directory(&gateway, false).await;
    let listen = gateway.address.to_string();
    gateway.stop();
    fill(folder, count);
    (Gateway::start(folder, &[("listen", &listen)]).unwrap(), pusher)
}

type Figures = Vec<(&'static str, [f64; 3])>;

fn reads(pusher: &Pusher, count: usize) -> Figures {
    let at = |n: usize| (n * 7919) % count + 1;
    let get = |path: String| pusher.request("GET", &path, "");
    let mut figures = Vec::new();
    let mut add = |name, of: [f64; 3]| figures.push((name, of));
    add("get", times(pusher, (0..TIMES).map(|n| get(format!("/Users/usr_{:026}", at(n))))));
    add(
        "filter userName eq",
        times(
            pusher,
            (0..TIMES).map(|n| get(format!("/Users?filter=userName%20eq%20%22PERSON{}%40acme.example%22", at(n)))),
        ),
    );
    add(
        "filter externalId eq",
        times(pusher, (0..TIMES).map(|n| get(format!("/Users?filter=externalId%20eq%20%2200u{}%22", at(n))))),
    );
    add("page of 100 at 1", times(pusher, (0..TIMES).map(|_| get("/Users?startIndex=1&count=100".to_owned()))));
    let far = count - 99;
    add("page of 100 at the end", times(pusher, (0..TIMES).map(|_| get(format!("/Users?startIndex={far}&count=100")))));
    let middle = count / 2 + 1;
    add(
        "page of 100 in the middle",
        times(pusher, (0..TIMES).map(|_| get(format!("/Users?startIndex={middle}&count=100")))),
    );
    figures
}

fn members(from: usize, count: usize) -> String {
    let all: Vec<String> = (from..from + count).map(|n| format!("{{\"value\":\"usr_{n:026}\"}}")).collect();
    all.join(",")
}

fn group(pusher: &Pusher, name: &str, count: usize) -> String {
    let sent = format!("{{\"displayName\":\"{name}\",\"members\":[{}]}}", members(1, count));
    id_of(&body(pusher.address, &pusher.request("POST", "/Groups?excludedAttributes=members", &sent)))
}

fn one_member(pusher: &Pusher, id: &str, first: usize) -> [f64; 3] {
    let patch = |n: usize| {
        let operation = format!("{{\"op\":\"add\",\"path\":\"members\",\"value\":[{}]}}", members(first + n, 1));
        pusher.request("PATCH", &format!("/Groups/{id}"), &format!("{{\"Operations\":[{operation}]}}"))
    };
    times(pusher, (0..TIMES).map(patch).collect::<Vec<_>>().into_iter())
}

/// What others wait for while this is sent: the longest read and the longest write, in milliseconds.
fn beside<T>(pusher: &Pusher, work: impl FnOnce() -> T) -> (T, f64, f64) {
    let ends = AtomicBool::new(false);
    let longest = |request: &dyn Fn(usize) -> String| {
        let mut stream = TcpStream::connect(pusher.address).unwrap();
        let (mut longest, mut n) = (Duration::ZERO, 0);
        while !ends.load(Ordering::Relaxed) {
            let begun = Instant::now();
            call(&mut stream, &request(n));
            longest = longest.max(begun.elapsed());
            n += 1;
        }
        longest.as_secs_f64() * 1000.0
    };
    std::thread::scope(|scope| {
        let reads =
            scope.spawn(|| longest(&|n| pusher.request("GET", &format!("/Users/usr_{:026}", n % 1000 + 1), "")));
        let writes = scope.spawn(|| {
            longest(&|n| {
                let body = format!("{{\"Operations\":[{{\"op\":\"replace\",\"path\":\"title\",\"value\":\"T{n}\"}}]}}");
                pusher.request("PATCH", &format!("/Users/usr_{:026}", n % 1000 + 1), &body)
            })
        });
        let done = work();
        ends.store(true, Ordering::Relaxed);
        (done, reads.join().unwrap(), writes.join().unwrap())
    })
}

fn rss() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap() / 1024.0
}

fn compare(name: &str, [near50, near99, near]: &[f64; 3], [far50, far99, far]: &[f64; 3]) {
    println!(
        "{name:28} {near50:7.0} {near99:7.0} {near:7.1}   {far50:7.0} {far99:7.0} {far:7.1}   ratio {:4.2} {:4.2} {:4.2}",
        far50 / near50,
        far99 / near99,
        far / near
    );
}

pub async fn measure() {
    let folders = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (small, to_small) = filled(folders.0.path(), 1_000).await;
    let few = reads(&to_small, 1_000);
    small.stop();
    let (large, pusher) = filled(folders.1.path(), 1_000_000).await;
    let many = reads(&pusher, 1_000_000);
    println!("one caller, p50, p99 and processor time in us, with 1,000 users and with 1,000,000");
    for ((name, near), (_, far)) in few.iter().zip(&many) {
        compare(name, near, far);
    }
    let (ten, all) = (group(&pusher, "Ten", 10), group(&pusher, "All", 100_000));
    let (small, great) = (one_member(&pusher, &ten, 200_001), one_member(&pusher, &all, 300_001));
    compare("PATCH one of 10, of 100,000", &small, &great);
    let put = format!("{{\"displayName\":\"All\",\"members\":[{}]}}", members(500_001, 100_000));
    let before = rss();
    let begun = Instant::now();
    let ((), read, write) = beside(&pusher, || {
        body(pusher.address, &pusher.request("PUT", &format!("/Groups/{all}?excludedAttributes=members"), &put));
    });
    let took = begun.elapsed().as_secs_f64();
    println!(
        "PUT of 100,000 other members {took:7.2} s; others wait {read:.0} ms to read and {write:.0} ms to write at most; {:.0} MiB more",
        rss() - before
    );
    large.stop();
    walk().await;
    offboarding().await;
}

/// From the deactivation as it is sent to the refusal of the next request of somebody who was signed in.
async fn offboarding() {
    // The guard asks before more than ten lose access.
    const PEOPLE: usize = 9;
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(folder.path(), &[]).unwrap();
    let pusher = directory(&gateway, true).await;
    let organization = gateway.app.find_organization(None).await.unwrap();
    let ctx = command_line(&organization.id, gateway.clock.now());
    let key = gateway.app.create_api_key(&ctx, "bench", Some("owner"), None).await.unwrap().1;
    let (mut all, port) = (Vec::new(), pusher.address.port());
    for n in 0..PEOPLE {
        let user = id_of(&body(pusher.address, &pusher.create(n)));
        let head = format!("Host: localhost:{port}\r\nAuthorization: Bearer {key}\r\n\r\n");
        let path = format!("/api/v1/members?email=person{n}@acme.example");
        let member = id_of(&body(pusher.address, &format!("GET {path} HTTP/1.1\r\n{head}")));
        let (link, _) = gateway.app.create_password_link(&ctx, member.parse().unwrap()).await.unwrap();
        let now = gateway.clock.now();
        let visitor = Visitor { ip: None, user_agent: None, request_id: format!("bench-{n}"), now };
        let secret = link.rsplit('/').next().unwrap();
        let password = "a sentence only we know".to_owned();
        let session = gateway.app.set_password_by_link(&visitor, secret, password).await.unwrap();
        let cookie = format!("Cookie: doorward_session={}", session.token);
        let account = format!("GET /account HTTP/1.1\r\nHost: localhost:{port}\r\n{cookie}\r\n\r\n");
        let mut stream = TcpStream::connect(pusher.address).unwrap();
        stream.set_nodelay(true).unwrap();
        assert!(call(&mut stream, &account).starts_with("HTTP/1.1 200"));
        let off = "{\"Operations\":[{\"op\":\"replace\",\"value\":{\"active\":false}}]}";
        let off = pusher.request("PATCH", &format!("/Users/{user}"), off);
        let begun = Instant::now();
        assert!(call(&mut stream, &off).starts_with("HTTP/1.1 200"));
        let refused = call(&mut stream, &account);
        all.push(begun.elapsed().as_secs_f64() * 1000.0);
        assert!(refused.starts_with("HTTP/1.1 303"), "{refused}");
    }
    all.sort_by(f64::total_cmp);
    println!(
        "deactivated until refused: {:.1} ms at the median of {PEOPLE}, {:.1} at most",
        all[PEOPLE / 2],
        all[PEOPLE - 1]
    );
    gateway.stop();
}

/// 20,000 users pushed, and a walk over all of them while 50 go.
async fn walk() {
    const USERS: usize = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(folder.path(), &[]).unwrap();
    let pusher = directory(&gateway, true).await;
    let before = rss();
    let requests: Vec<String> = (0..USERS).map(|n| pusher.create(n)).collect();
    let (_, rate) = super::measure(pusher.address, &requests, 16, "HTTP/1.1 201");
    println!("{USERS} users pushed: {rate:.0} a second, {:.0} MiB more", rss() - before);
    let mut seen = std::collections::BTreeSet::new();
    let mut gone = std::collections::BTreeSet::new();
    let mut cursor = String::new();
    let begun = Instant::now();
    loop {
        let page = body(
            pusher.address,
            &pusher.request("GET", &format!("/Users?count=100&cursor={cursor}&attributes=userName"), ""),
        );
        let page: serde_json::Value = serde_json::from_str(&page).unwrap();
        let all = page["Resources"].as_array().unwrap();
        seen.extend(all.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        if gone.len() < 50 {
            let id = all[0]["id"].as_str().unwrap().to_owned();
            body(pusher.address, &pusher.request("DELETE", &format!("/Users/{id}"), ""));
            gone.insert(id);
        }
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    }
    println!(
        "a walk by cursor sees {} of {USERS}, while {} go, in {:.1} s",
        seen.len(),
        gone.len(),
        begun.elapsed().as_secs_f64()
    );
    assert_eq!(seen.len(), USERS);
    gateway.stop();
}
