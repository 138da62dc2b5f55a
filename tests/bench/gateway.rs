//! What a request costs the whole gateway: processor time of its threads for each sign-in by SAML, through sockets,
//! cookies and a durable commit, beside a request that does nothing and beside a floor, in one run. Everything the browsers
//! send is made and signed before.

mod floor;
mod process;

use std::io::Read as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward::testing::Certificate;
use doorward::testing::Clock as _;
use doorward::testing::Gateway;
use doorward::testing::Key;
use doorward::testing::MetadataInput;
use doorward::testing::NewConnection;
use doorward::testing::Request;
use doorward::testing::ResponseTemplate;
use doorward::testing::RsaSigner;
use doorward::testing::Sign;
use doorward::testing::SigningIdentity;
use doorward::testing::Timestamp;
use doorward::testing::command_line;
use doorward::testing::minutes;

const CALLERS: usize = 8;
const EACH: usize = 125;
const RUNS: usize = 3;

/// Nanoseconds that the threads of this process have run, those of the gateway and of nobody who calls it: callers are
/// threads that have begun and ended between two looks.
fn cpu_ns() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let of = |path: std::path::PathBuf| -> Option<u64> {
        std::fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    tasks.filter_map(|task| of(task.unwrap().path())).sum()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// One request on an open connection; the head of the answer.
fn call(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut part = [0; 16 * 1024];
    loop {
        let n = stream.read(&mut part).unwrap();
        assert!(n > 0, "the gateway hung up");
        answer.extend_from_slice(&part[..n]);
        let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let length = header(&head, "content-length").map_or(0, |value| value.parse().unwrap());
        if answer.len() >= end + 4 + length {
            return head;
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .find_map(|line| line.split_once(": ").filter(|(known, _)| known.eq_ignore_ascii_case(name)))
        .map(|(_, value)| value)
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

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ";

fn form(xml: &str) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("SAMLResponse", &STANDARD.encode(xml)).finish()
}

fn template(now: Timestamp) -> ResponseTemplate {
    ResponseTemplate {
        response_id: "_response".into(),
        assertion_id: "_assertion".into(),
        issuer: "https://idp.example/".into(),
        audience: String::new(),
        recipient: String::new(),
        destination: None,
        in_response_to: None,
        status: "Success".into(),
        name_id: Some("grace@acme.example".into()),
        name_id_format: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress".into(),
        attributes: vec![
            ("email".into(), vec!["grace@acme.example".into()]),
            ("firstName".into(), vec!["Grace".into()]),
            ("lastName".into(), vec!["Hopper".into()]),
            ("groups".into(), (0..5).map(|n| format!("Group {n}")).collect()),
        ],
        issue_instant: now,
        not_before: now - minutes(1),
        not_on_or_after: now + minutes(5),
        sign: Sign::Assertion,
        key: Key::Good,
        tamper: None,
        encrypt_for: None,
    }
}

fn sample(signer: &RsaSigner, der: &[u8], now: Timestamp) -> String {
    template(now).to_xml(signer, der).unwrap()
}

/// What the identity provider would have a browser bring for the request that this start made.
fn acs(host: &str, id: &str, head: &str, n: usize, now: Timestamp, signer: &RsaSigner, der: &[u8]) -> String {
    let location = url::Url::parse(header(head, "location").unwrap()).unwrap();
    let sent = location.query_pairs().find(|(name, _)| name == "SAMLRequest").unwrap().1.into_owned();
    let asked = Request::read(&sent).unwrap();
    let email = format!("person{n}@acme.example");
    let mut answer = ResponseTemplate {
        assertion_id: format!("_assertion{}", asked.id),
        audience: asked.issuer,
        recipient: asked.acs_url.clone(),
        destination: Some(asked.acs_url),
        in_response_to: Some(asked.id),
        name_id: Some(email.clone()),
        ..template(now)
    };
    answer.attributes[0].1 = vec![email];
    let xml = answer.to_xml(signer, der).unwrap();
    let body = form(&xml);
    let cookie = header(head, "set-cookie").unwrap().split(';').next().unwrap();
    format!("POST /saml/{id}/acs HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n{FORM}{}\r\n\r\n{body}", body.len())
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
    let identity = SigningIdentity::generate("idp.example", gateway.clock.now().secs(), 5).unwrap();
    let signer = RsaSigner::from_pkcs8(&identity.pkcs8).unwrap();
    let certificate = Certificate::from_der(&identity.certificate_der).unwrap();
    let organization = gateway.app.find_organization(None).await.unwrap();
    let ctx = command_line(&organization.id, gateway.clock.now());
    let metadata = MetadataInput::Manual {
        idp_entity_id: "https://idp.example/".into(),
        sso_url: "https://idp.example/sso".into(),
        certificates: certificate.to_pem().into_bytes(),
    };
    let new = NewConnection { name: "Okta".into(), metadata: Some(metadata), ..NewConnection::default() };
    let id = gateway.app.create_connection(&ctx, new).await.unwrap().0.connection.id;
    gateway.app.activate_connection(&ctx, id.clone(), true, None).await.unwrap();

    let host = format!("localhost:{}", gateway.address.port());
    let floor = floor::start(folder.path());
    let mut unavoidable = Vec::new();
    let (mut floors, mut firsts, mut agains, mut rates) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for run in 0..RUNS {
        let healthz = vec![format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n"); CALLERS * EACH];
        floors.push(measure(gateway.address, &healthz, "HTTP/1.1 200").0);
        let prepare = |run: usize| -> Vec<String> {
            let mut stream = TcpStream::connect(gateway.address).unwrap();
            let start = format!("GET /sso/{id}/start HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let one = |n: usize| {
                let head = call(&mut stream, &start);
                let n = run * CALLERS * EACH + n;
                acs(&host, id.as_str(), &head, n, gateway.clock.now(), &signer, &identity.certificate_der)
            };
            (0..CALLERS * EACH).map(one).collect()
        };
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
    for (name, document) in floods(&sample(&signer, &identity.certificate_der, gateway.clock.now())) {
        let body = form(&document);
        let request = format!("POST /saml/{id}/acs HTTP/1.1\r\nHost: {host}\r\n{FORM}{}\r\n\r\n{body}", body.len());
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
