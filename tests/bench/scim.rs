//! What identity providers' requests cost: creating users durably, reading, finding, listing and changing them, beside a floor
//! in the same run; then the same with 1,000 and 1,000,000 users, one member of a group of 10 and of 100,000, and what others
//! wait for while such a group is replaced.
//!
//! `cargo bench --features testing --bench scim`; with `create`, `change` or `scale` behind it that part alone.

mod client;
#[path = "scim/floor.rs"]
mod floor;
#[path = "scim/scale.rs"]
mod scale;

use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Instant;

use client::call;
use client::cpu_ns;
use doorward::testing::Clock as _;
use doorward::testing::DirectoryInput;
use doorward::testing::Gateway;
use doorward::testing::command_line;

const EACH: usize = 2_000;
const RUNS: usize = 3;

pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// An identity provider that pushes.
#[derive(Clone)]
pub struct Pusher {
    pub address: SocketAddr,
    head: String,
    base: String,
}

impl Pusher {
    pub fn new(address: SocketAddr, base: &str, token: &str) -> Self {
        let port = address.port();
        let head = format!(
            "Host: localhost:{port}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/scim+json\r\n"
        );
        Self { address, head, base: base.to_owned() }
    }

    pub fn request(&self, method: &str, path: &str, body: &str) -> String {
        format!("{method} {}{path} HTTP/1.1\r\n{}Content-Length: {}\r\n\r\n{body}", self.base, self.head, body.len())
    }

    pub fn create(&self, n: usize) -> String {
        self.request("POST", "/Users", &user(n))
    }
}

pub fn user(n: usize) -> String {
    format!(
        "{{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"userName\":\"person{n}@acme.example\",\"externalId\":\"00u{n}\",\
         \"active\":true,\"displayName\":\"Person {n}\",\"title\":\"Engineer\",\"name\":{{\"givenName\":\"Person\",\"familyName\":\"{n}\"}},\
         \"emails\":[{{\"primary\":true,\"value\":\"person{n}@acme.example\",\"type\":\"work\"}}],\
         \"phoneNumbers\":[{{\"value\":\"+1 555 0100\",\"type\":\"work\"}}]}}"
    )
}

/// Sends these, a share by each caller: microseconds of processor time for each, and answers a second.
pub fn measure(address: SocketAddr, requests: &[String], callers: usize, expected: &str) -> (f64, f64) {
    let (cpu, begun) = (cpu_ns(), Instant::now());
    std::thread::scope(|scope| {
        for share in requests.chunks(requests.len().div_ceil(callers)) {
            scope.spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_nodelay(true).unwrap();
                for request in share {
                    let head = call(&mut stream, request);
                    assert!(head.starts_with(expected), "{head}\n{request}");
                }
            });
        }
    });
    let count = requests.len() as f64;
    ((cpu_ns() - cpu) as f64 / 1000.0 / count, count / begun.elapsed().as_secs_f64())
}

/// The body of the answer to one request.
pub fn body(address: SocketAddr, request: &str) -> String {
    use std::io::Read as _;
    use std::io::Write as _;
    let mut stream = TcpStream::connect(address).unwrap();
    let request = request.replacen("HTTP/1.1\r\n", "HTTP/1.1\r\nConnection: close\r\n", 1);
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 2"), "{text}");
    text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}

pub fn id_of(text: &str) -> String {
    text.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn directory(gateway: &Gateway, enabled: bool) -> Pusher {
    let organization = gateway.app.find_organization(None).await.unwrap();
    let ctx = command_line(&organization.id, gateway.clock.now());
    let input =
        DirectoryInput { name: Some("Okta".into()), provider: Some("okta".into()), ..DirectoryInput::default() };
    let (made, token) = gateway.app.create_directory(&ctx, input).await.unwrap();
    if enabled {
        gateway.app.enable_directory(&ctx, made.directory.id.clone()).await.unwrap();
    }
    Pusher::new(gateway.address, &format!("/scim/v2/{}", made.directory.id), &token)
}

/// One kind of request at the floor and at the gateway, by turns.
struct Row {
    name: &'static str,
    floors: Vec<f64>,
    costs: Vec<f64>,
    rates: (Vec<f64>, Vec<f64>),
}

impl Row {
    fn new(name: &'static str) -> Self {
        Self { name, floors: Vec::new(), costs: Vec::new(), rates: (Vec::new(), Vec::new()) }
    }

    fn print(self) {
        let (floor, cost) = (median(self.floors), median(self.costs));
        let rates = (median(self.rates.0), median(self.rates.1));
        println!(
            "{:28} floor {floor:7.1} us, {:7.0} a second; gateway {cost:7.1} us, {:7.0} a second; {:3.0} % of the floor",
            self.name,
            rates.0,
            rates.1,
            100.0 * floor / cost
        );
    }
}

fn turn(
    row: &mut Row,
    (floor, at_floor): (SocketAddr, &[String]),
    gateway: (SocketAddr, &[String]),
    callers: usize,
    expected: &str,
) {
    let (cost, rate) = measure(floor, at_floor, callers, "HTTP/1.1 2");
    row.floors.push(cost);
    row.rates.0.push(rate);
    let (cost, rate) = measure(gateway.0, gateway.1, callers, expected);
    row.costs.push(cost);
    row.rates.1.push(rate);
}

#[tokio::main]
async fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let parts: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    if is_wanted("create") || is_wanted("change") {
        requests(is_wanted("change")).await;
    }
    if is_wanted("scale") {
        scale::measure().await;
    }
}

/// Beside the floor: creating, and with `all` the others.
async fn requests(all: bool) {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(folder.path(), &[]).unwrap();
    let pusher = directory(&gateway, true).await;
    let beside = Pusher::new(floor::start(folder.path()), "", "none");
    let mut next = 0;
    let rows = [("create, 64 callers", 64), ("create, 16 callers", 16), ("create, 1 caller", 1)];
    for (name, callers) in rows {
        let mut row = Row::new(name);
        for _ in 0..RUNS {
            let count = if callers == 1 { EACH / 4 } else { EACH };
            let of = |pusher: &Pusher| (next..next + count).map(|n| pusher.create(n)).collect::<Vec<_>>();
            turn(&mut row, (beside.address, &of(&beside)), (pusher.address, &of(&pusher)), callers, "HTTP/1.1 201");
            next += count;
        }
        row.print();
    }
    if !all {
        return gateway.stop();
    }
    let ids: Vec<String> = (0..20)
        .flat_map(|page| {
            let list = body(
                pusher.address,
                &pusher.request("GET", &format!("/Users?count=100&startIndex={}", page * 100 + 1), ""),
            );
            list.split("\"id\":\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
        })
        .collect();
    let get = |pusher: &Pusher, id: &dyn Fn(usize) -> String| -> Vec<String> {
        (0..EACH).map(|n| pusher.request("GET", &format!("/Users/{}", id(n)), "")).collect()
    };
    let find = |pusher: &Pusher| -> Vec<String> {
        let one = |n: usize| format!("/Users?filter=userName%20eq%20%22person{}%40acme.example%22", n % 2000);
        (0..EACH).map(|n| pusher.request("GET", &one(n), "")).collect()
    };
    let list = |pusher: &Pusher| -> Vec<String> {
        let one = |n: usize| format!("/Users?count=100&startIndex={}", (n * 37) % 1500 + 1);
        (0..EACH / 4).map(|n| pusher.request("GET", &one(n), "")).collect()
    };
    let change = |pusher: &Pusher, id: &dyn Fn(usize) -> String, run: usize| -> Vec<String> {
        let body = |n: usize| {
            format!(
                "{{\"Operations\":[{{\"op\":\"replace\",\"path\":\"displayName\",\"value\":\"Person {n} of {run}\"}}]}}"
            )
        };
        (0..EACH).map(|n| pusher.request("PATCH", &format!("/Users/{}", id(n)), &body(n))).collect()
    };
    let (mut gets, mut finds) = (Row::new("get, 16 callers"), Row::new("filter userName, 16 callers"));
    let (mut lists, mut patches) = (Row::new("list of 100, 16 callers"), Row::new("PATCH user, 16 callers"));
    let (mine, theirs) = (|n: usize| ids[n % ids.len()].clone(), |n: usize| (n % 2000 + 1).to_string());
    for run in 0..RUNS {
        let to = (pusher.address, beside.address);
        turn(&mut gets, (to.1, &get(&beside, &theirs)), (to.0, &get(&pusher, &mine)), 16, "HTTP/1.1 200");
        turn(&mut finds, (to.1, &find(&beside)), (to.0, &find(&pusher)), 16, "HTTP/1.1 200");
        turn(&mut lists, (to.1, &list(&beside)), (to.0, &list(&pusher)), 16, "HTTP/1.1 200");
        turn(
            &mut patches,
            (to.1, &change(&beside, &theirs, run)),
            (to.0, &change(&pusher, &mine, run)),
            16,
            "HTTP/1.1 200",
        );
    }
    [gets, finds, lists, patches].into_iter().for_each(Row::print);
    gateway.stop();
}
