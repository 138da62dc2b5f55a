//! The program itself, as an operator runs it: how large, how soon, how much memory; and what a flood of passwords does to
//! everybody else.

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

const PROGRAM: &str = env!("CARGO_BIN_EXE_doorward");
const IN_FLIGHT: usize = 200;
const FLOOD: Duration = Duration::from_secs(6);
/// The longest that /healthz may take at the 99th percentile meanwhile, and how much more memory there may be.
const LIMITS: &str = "limits 50 ms and 100 MiB";

fn serve(folder: &Path) -> (Child, SocketAddr) {
    let mut command = Command::new(PROGRAM);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder);
    command.env("DOORWARD_TRUSTED_PROXIES", "127.0.0.1").env("DOORWARD_DRAIN_DELAY", "0");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
    (child, address)
}

fn create_admin(folder: &Path) {
    let mut command = Command::new(PROGRAM);
    command.args(["admin", "create", "--email", "ada@example.com", "--password-stdin", "--data-dir"]).arg(folder);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"correct horse battery\n").unwrap();
    assert!(child.wait().unwrap().success());
}

/// Resident memory in MiB, now and at its highest.
fn memory(child: &Child) -> (f64, f64) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    };
    (of("VmRSS:"), of("VmHWM:"))
}

fn ask(stream: &mut TcpStream, request: &str) -> Option<String> {
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let mut part = [0; 32 * 1024];
    loop {
        let n = stream.read(&mut part).ok().filter(|n| *n > 0)?;
        answer.extend_from_slice(&part[..n]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = super::client::header(head, "content-length").map_or(0, |value| value.parse().unwrap());
        if body.len() >= length {
            return Some(text.into_owned());
        }
    }
}

pub fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let size = std::fs::metadata(PROGRAM).unwrap().len();
    create_admin(folder.path());
    let begun = Instant::now();
    let (mut child, address) = serve(folder.path());
    let host = format!("localhost:{}", address.port());
    let healthz = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let mut stream = TcpStream::connect(address).unwrap();
    assert!(ask(&mut stream, &healthz).unwrap().starts_with("HTTP/1.1 200"));
    let start = begun.elapsed();
    std::thread::sleep(Duration::from_secs(2));
    let (idle, _) = memory(&child);
    println!("the program, {PROGRAM}");
    println!("size                      {:7.1} MB", size as f64 / 1e6);
    println!("start to the first 200    {:7.0} ms", start.as_secs_f64() * 1000.0);
    println!("resident when idle        {idle:7.1} MiB");

    let page = ask(&mut stream, &format!("GET /sign-in/password HTTP/1.1\r\nHost: {host}\r\n\r\n")).unwrap();
    let seed = super::client::header(&page, "set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (asked, served, over) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let mut times = Vec::new();
    std::thread::scope(|scope| {
        for caller in 0..IN_FLIGHT {
            let (host, seed, csrf) = (&host, &seed, &csrf);
            let (asked, served, over) = (&asked, &served, &over);
            scope.spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                for n in 0.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    // Each from an address of its own, as behind a proxy, or guessing would be stopped first.
                    let ip = format!("10.{}.{}.{}", caller, n / 250 % 250, n % 250);
                    let body = format!("csrf={csrf}&email=person{caller}-{n}%40example.com&password=not+the+right+one");
                    let request = format!(
                        "POST /sign-in/password HTTP/1.1\r\nHost: {host}\r\nCookie: {seed}\r\nX-Forwarded-For: {ip}\r\n\
                         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    match ask(&mut stream, &request) {
                        Some(answer) => {
                            let status = &answer[9..12];
                            assert!(matches!(status, "422" | "503"), "{answer}");
                            asked.fetch_add(1, Ordering::Relaxed);
                            if status == "422" {
                                served.fetch_add(1, Ordering::Relaxed);
                            } else {
                                // As `Retry-After` asks, or this would measure how fast it can say no.
                                std::thread::sleep(Duration::from_secs(2));
                            }
                        }
                        None => stream = TcpStream::connect(address).unwrap(),
                    }
                }
            });
        }
        let begun = Instant::now();
        while begun.elapsed() < FLOOD {
            let asked = Instant::now();
            assert!(ask(&mut stream, &healthz).unwrap().starts_with("HTTP/1.1 200"));
            times.push(asked.elapsed().as_secs_f64() * 1000.0);
            std::thread::sleep(Duration::from_millis(5));
        }
        over.store(true, Ordering::Relaxed);
    });
    times.sort_by(f64::total_cmp);
    let (_, highest) = memory(&child);
    println!("{IN_FLIGHT} password sign-ins in flight for {} s, {LIMITS}", FLOOD.as_secs());
    println!("hashed of those asked     {:7} of {}", served.into_inner(), asked.into_inner());
    println!("healthz, 99th percentile  {:7.1} ms", times[times.len() * 99 / 100]);
    println!("memory more than idle     {:7.1} MiB", highest - idle);
    let ended = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(ended.success() && child.wait().unwrap().success());
}
