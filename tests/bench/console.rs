//! What the pages of the console take in a large organization, each with every filter, over HTTP: wall time and processor
//! time of the gateway, median and 99th percentile, and how many bytes came. Then sign-ins with and without pages being
//! asked for, by turns in one run.
//!
//! `cargo bench --features testing --bench console` fills a folder with 100,000 members, 1,000 groups, 200 teams, 300,000
//! lines about sign-ins, 50,000 sessions and 1,000,000 audit events, the same in every run. Words behind `--` name the pages
//! that are to be measured.

mod client;
#[path = "console/fill.rs"]
mod fill;
#[path = "console/pages.rs"]
mod pages;
mod sign_in;

use std::io::Read as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use client::cpu_ns;
use client::header;
use doorward::testing::Gateway;
use doorward::testing::command_line;
use sign_in::Idp;

const EMAIL: &str = "ada@acme.example";
const PASSWORD: &str = "a sentence only we know";
/// Of each page so many are asked for, one after the other, or as many as fit into the time.
const TIMES: usize = 200;
const PATIENCE: Duration = Duration::from_secs(4);
/// What the 99th percentile of a page may take, and its first view weigh.
const LIMIT_MS: f64 = 20.0;
const LIMIT_BYTES: usize = 150_000;
const SIGN_INS: usize = 400;
const TURNS: usize = 6;

/// A browser of an admin.
struct Admin {
    stream: TcpStream,
    host: String,
    cookie: String,
}

impl Admin {
    fn sign_in(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let host = format!("localhost:{}", address.port());
        let mut admin = Self { stream, host, cookie: String::new() };
        let (head, page) = admin.get("/sign-in/password");
        cookie(&head).unwrap().clone_into(&mut admin.cookie);
        let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let fields = [("csrf", csrf), ("email", EMAIL), ("password", PASSWORD)];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = format!(
            "POST /sign-in/password HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n{}{}\r\n\r\n{body}",
            admin.host,
            admin.cookie,
            sign_in::FORM,
            body.len()
        );
        let (head, _) = admin.send(&request);
        assert!(head.starts_with("HTTP/1.1 303"), "{head}");
        let set = head.lines().filter(|line| line.to_ascii_lowercase().starts_with("set-cookie: doorward_session="));
        let set = set.map(|line| line.split_once(": ").unwrap().1.split(';').next().unwrap()).next_back();
        set.unwrap().clone_into(&mut admin.cookie);
        admin
    }

    fn get(&mut self, path: &str) -> (String, String) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", self.host, self.cookie);
        self.send(&request)
    }

    fn send(&mut self, request: &str) -> (String, String) {
        self.stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let mut part = vec![0; 128 * 1024];
        loop {
            let n = self.stream.read(&mut part).unwrap();
            assert!(n > 0, "the gateway hung up");
            answer.extend_from_slice(&part[..n]);
            let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&answer[..end]).into_owned();
            let length: usize = header(&head, "content-length").map_or(0, |value| value.parse().unwrap());
            if answer.len() >= end + 4 + length {
                let body = String::from_utf8_lossy(&answer[end + 4..]).into_owned();
                return (head, body);
            }
        }
    }
}

fn cookie(head: &str) -> Option<&str> {
    header(head, "set-cookie")?.split(';').next()
}

/// The value below which so many of a hundred lie.
fn percentile(sorted: &[f64], of: usize) -> f64 {
    sorted[(sorted.len() * of / 100).min(sorted.len() - 1)]
}

struct Figures {
    path: String,
    /// Milliseconds, sorted.
    wall: Vec<f64>,
    cpu: Vec<f64>,
    bytes: usize,
}

impl Figures {
    fn of(admin: &mut Admin, path: &str) -> Self {
        let (head, page) = admin.get(path);
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {}", head.lines().next().unwrap_or(""));
        let (mut wall, mut cpu, begun) = (Vec::new(), Vec::new(), Instant::now());
        while wall.len() < TIMES && (wall.len() < 20 || begun.elapsed() < PATIENCE) {
            let (before, begun) = (cpu_ns(), Instant::now());
            admin.get(path);
            wall.push(begun.elapsed().as_secs_f64() * 1000.0);
            // The gateway's threads and this one, which does little but wait.
            cpu.push((cpu_ns() - before) as f64 / 1e6);
        }
        wall.sort_by(f64::total_cmp);
        cpu.sort_by(f64::total_cmp);
        Self { path: path.to_owned(), wall, cpu, bytes: page.len() }
    }

    fn is_over(&self) -> bool {
        percentile(&self.wall, 99) > LIMIT_MS || self.bytes > LIMIT_BYTES
    }

    fn print(&self) {
        println!(
            "{:7.2} {:7.2}   {:7.2} {:7.2}   {:6.1}  {}{}",
            percentile(&self.wall, 50),
            percentile(&self.wall, 99),
            percentile(&self.cpu, 50),
            percentile(&self.cpu, 99),
            self.bytes as f64 / 1000.0,
            self.path,
            if self.is_over() { "  <- over" } else { "" }
        );
    }
}

fn measure_pages(admin: &mut Admin, paths: &[String]) {
    println!("milliseconds a page: wall p50 and p99, processor p50 and p99; kB; limits {LIMIT_MS} ms and 150 kB");
    let figures: Vec<Figures> = paths
        .iter()
        .map(|path| {
            let figures = Figures::of(admin, path);
            figures.print();
            figures
        })
        .collect();
    let worst = figures.iter().max_by(|a, b| percentile(&a.wall, 99).total_cmp(&percentile(&b.wall, 99))).unwrap();
    let largest = figures.iter().max_by_key(|page| page.bytes).unwrap();
    let over = figures.iter().filter(|page| page.is_over()).count();
    println!("{} pages, {over} over a limit; the slowest {}, the largest {}", figures.len(), worst.path, largest.path);
}

/// Milliseconds that each of these sign-ins took, sorted; one caller, so that nothing but the pages is in the way.
fn time_sign_ins(address: SocketAddr, answers: &[String]) -> Vec<f64> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut times = Vec::new();
    for answer in answers {
        let begun = Instant::now();
        let head = client::call(&mut stream, answer);
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        assert!(head.starts_with("HTTP/1.1 303"), "{head}");
    }
    times
}

/// Sign-ins while nobody looks, and while ten admins each open a page every second, by turns.
fn measure_sign_ins(gateway: &Gateway, idp: &Idp, admin: &Admin, paths: &[String]) {
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let asked = AtomicU32::new(0);
    for turn in 0..TURNS {
        let answers = idp.answers(gateway, turn * SIGN_INS, SIGN_INS);
        if turn % 2 == 0 {
            alone.extend(time_sign_ins(gateway.address, &answers));
            continue;
        }
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (over, asked) = (&over, &asked);
            scope.spawn(move || {
                let stream = TcpStream::connect(gateway.address).unwrap();
                let mut other = Admin { stream, host: admin.host.clone(), cookie: admin.cookie.clone() };
                for path in paths.iter().cycle().take_while(|_| !over.load(Ordering::Relaxed)) {
                    other.get(path);
                    asked.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
            beside.extend(time_sign_ins(gateway.address, &answers));
            over.store(true, Ordering::Relaxed);
        });
    }
    alone.sort_by(f64::total_cmp);
    beside.sort_by(f64::total_cmp);
    println!("milliseconds a sign-in of one caller, p50 and p99, {} each, by turns", alone.len());
    println!("nobody looks              {:7.2} {:7.2}", percentile(&alone, 50), percentile(&alone, 99));
    println!(
        "ten pages a second ({:3})  {:7.2} {:7.2}",
        asked.into_inner(),
        percentile(&beside, 50),
        percentile(&beside, 99)
    );
}

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(folder.path(), &[]).unwrap();
    let organization = gateway.app.find_organization(None).await.unwrap();
    let ctx = command_line(&organization.id, doorward::testing::Clock::now(&*gateway.clock));
    gateway.app.create_admin(&ctx, EMAIL, "Ada Example", Some(PASSWORD.to_owned())).await.unwrap();
    let idp = Idp::connect(&gateway).await;
    let begun = Instant::now();
    fill::fill(&gateway, organization.id.as_str(), idp.connection.as_str()).await;
    let size = std::fs::metadata(folder.path().join("doorward.db")).unwrap().len();
    println!("filled in {:.0} s, {:.0} MB", begun.elapsed().as_secs_f64(), size as f64 / 1e6);
    let mut admin = Admin::sign_in(gateway.address);
    let mut paths = pages::paths(&mut admin, idp.connection.as_str());
    if !words.is_empty() {
        paths.retain(|path| words.iter().any(|word| path.contains(word.as_str())));
    }
    measure_pages(&mut admin, &paths);
    measure_sign_ins(&gateway, &idp, &admin, &paths);
    gateway.stop();
}
