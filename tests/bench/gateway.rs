//! What a request costs the whole gateway: processor time of its threads for each sign-in by SAML, through sockets,
//! cookies and a durable commit, beside a request that does nothing and beside a floor, in one run. Everything the browsers
//! send is made and signed before.

mod client;
mod floor;
mod process;
mod sign_in;

use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Instant;

use client::call;
use client::cpu_ns;
use client::header;
use doorward::testing::Clock as _;
use doorward::testing::Gateway;
use doorward::testing::RsaSigner;
use doorward::testing::Timestamp;
use sign_in::FORM;
use sign_in::Idp;
use sign_in::form;
use sign_in::template;

const CALLERS: usize = 8;
const EACH: usize = 125;
const RUNS: usize = 3;

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Sends these, a share by each caller; microseconds of the gateway's processor time for each, and answers a second.
fn measure(address: SocketAddr, requests: &[String], expected: &str) -> (f64, f64) {
    let (cpu, begun) = (cpu_ns(), Instant::now());
    std::thread::scope(|scope| {
        for share in requests.chunks(requests.len().div_ceil(CALLERS)) {
            scope.spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_nodelay(true).unwrap();
                for request in share {
                    let head = call(&mut stream, request);
                    assert!(head.starts_with(expected), "{head}");
                }
            });
        }
    });
    let count = requests.len() as f64;
    ((cpu_ns() - cpu) as f64 / 1000.0 / count, count / begun.elapsed().as_secs_f64())
}

fn sample(signer: &RsaSigner, der: &[u8], now: Timestamp) -> String {
    template(now).to_xml(signer, der).unwrap()
}

/// The same answer for the floor, which has one path.
fn at_floor(request: &str) -> String {
    let (_, rest) = request.split_once(" HTTP/1.1").unwrap();
    format!("POST /acs HTTP/1.1{rest}")
}

/// Documents that are made to keep a verifier busy, as large as they may be.
fn floods(answer: &str) -> Vec<(&'static str, String)> {
    let scope: String = (0..60).map(|n| format!("xmlns:n{n}='urn:{n}' ")).collect();
    let attributes: String = (0..60).map(|n| format!("a{n}='1' ")).collect();
    let inside = [
        ("nested without end", "<a>".repeat(60_000)),
        ("elements", "<a/>".repeat(50_000)),
        ("declarations in a wide scope", format!("<a {scope}>{}</a>", "<a xmlns:q='u'/>".repeat(10_000))),
        ("as many declarations as may be", format!("<a {scope}>{}</a>", "<a xmlns:q='u'/>".repeat(300))),
        ("wide tags", format!("<a {attributes}/>").repeat(400)),
        ("comments", "<!---->".repeat(30_000)),
        ("one long text", format!("<a>{}</a>", "x".repeat(240_000))),
    ];
    let put = |inside: &str| {
        answer.replacen("<samlp:Status>", &format!("<samlp:Extensions>{inside}</samlp:Extensions><samlp:Status>"), 1)
    };
    let mut floods: Vec<_> = inside.iter().map(|(name, inside)| (*name, put(inside))).collect();
    floods.push(("a doctype", format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{answer}")));
    floods.push(("too large", put(&"x".repeat(300_000))));
    floods
}

#[tokio::main]
async fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(folder.path(), &[]).unwrap();
    let idp = Idp::connect(&gateway).await;
    let host = format!("localhost:{}", gateway.address.port());
    let floor = floor::start(folder.path());
    let mut unavoidable = Vec::new();
    let (mut floors, mut firsts, mut agains, mut rates) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for run in 0..RUNS {
        let healthz = vec![format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n"); CALLERS * EACH];
        floors.push(measure(gateway.address, &healthz, "HTTP/1.1 200").0);
        let prepare = |run: usize| idp.answers(&gateway, run * CALLERS * EACH, CALLERS * EACH);
        let answers = prepare(run);
        firsts.push(measure(gateway.address, &answers, "HTTP/1.1 303").0);
        let of_floor: Vec<String> = answers.iter().map(|answer| at_floor(answer)).collect();
        unavoidable.push(measure(floor, &of_floor, "HTTP/1.1 303").0);
        let answers = prepare(run);
        let (cost, rate) = measure(gateway.address, &answers, "HTTP/1.1 303");
        agains.push(cost);
        rates.push(rate);
    }
    let mut stream = TcpStream::connect(gateway.address).unwrap();
    let mut slowest: Vec<(f64, &str)> = Vec::new();
    for (name, document) in floods(&sample(&idp.signer, &idp.der, gateway.clock.now())) {
        let body = form(&document);
        let request =
            format!("POST /saml/{}/acs HTTP/1.1\r\nHost: {host}\r\n{FORM}{}\r\n\r\n{body}", idp.connection, body.len());
        let mut times = Vec::new();
        for _ in 0..20 {
            let begun = Instant::now();
            let head = call(&mut stream, &request);
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
            assert!(head.starts_with("HTTP/1.1 4"), "{name}: {head}");
            if header(&head, "connection") == Some("close") {
                stream = TcpStream::connect(gateway.address).unwrap();
            }
        }
        slowest.push((median(times), name));
    }
    slowest.sort_by(|a, b| b.0.total_cmp(&a.0));
    println!("bad input, wall time until it is refused, medians of 20");
    for (time, name) in slowest {
        println!("{name:33} {time:6.1} ms");
    }
    println!(
        "processor time of the gateway, medians of {RUNS} runs of {} requests by {CALLERS} callers",
        CALLERS * EACH
    );
    let (floor, again) = (median(unavoidable), median(agains));
    println!("healthz                   {:7.0} us", median(floors));
    println!("floor of a sign-in        {floor:7.0} us");
    println!("first sign-in of a person {:7.0} us", median(firsts));
    println!("sign-in of a known person {again:7.0} us, {:.0} a second, {:.1} floors", median(rates), again / floor);
    gateway.stop();
    process::measure();
}
