//! What nobody can avoid at a sign-in, without a rule: the form is read, the document parsed, its digest and signature
//! checked, and four rows of the usual size are durable before the browser goes on. What the gateway costs more is the
//! price of its rules, its indexes and its pages.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc;

use actix_web::App;
use actix_web::HttpResponse;
use actix_web::HttpServer;
use actix_web::web;
use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature;
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use tokio::sync::oneshot;

const TABLES: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE used (id TEXT PRIMARY KEY, at INTEGER) WITHOUT ROWID;
    CREATE TABLE sessions (token BLOB PRIMARY KEY, member TEXT, about TEXT) WITHOUT ROWID;
    CREATE TABLE sign_ins (id INTEGER PRIMARY KEY, member TEXT, about TEXT);
    CREATE TABLE events (id INTEGER PRIMARY KEY, about TEXT, hash BLOB)";
const ROWS: [&str; 4] = [
    "INSERT INTO used VALUES (?1, 1)",
    "INSERT INTO sessions VALUES (?1, ?2, ?3)",
    "INSERT INTO sign_ins (member, about) VALUES (?1, ?2)",
    "INSERT INTO events (about, hash) VALUES (?1, ?2)",
];
/// As long as what the gateway keeps of one.
const ABOUT: usize = 250;

type Job = (String, oneshot::Sender<()>);

struct Floor {
    key: signature::ParsedPublicKey,
    message: Vec<u8>,
    signature: Vec<u8>,
    writer: mpsc::Sender<Job>,
}

/// Starts it on a port of its own, until this process ends.
pub fn start(folder: &Path) -> SocketAddr {
    let pair = signature::RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let message = vec![b'x'; 700];
    let mut signed = vec![0; pair.public_modulus_len()];
    pair.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signed).unwrap();
    let algorithm = &signature::RSA_PKCS1_2048_8192_SHA256;
    let key = signature::ParsedPublicKey::new(algorithm, pair.public_key().as_ref()).unwrap();
    let connection = Connection::open(folder.join("floor.db")).unwrap();
    connection.execute_batch(TABLES).unwrap();
    let (writer, jobs) = mpsc::channel();
    std::thread::spawn(move || write(&connection, &jobs));
    let state = web::Data::new(Floor { key, message, signature: signed, writer });
    let (started, start) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                App::new()
                    .app_data(state.clone())
                    .app_data(web::PayloadConfig::new(1 << 20))
                    .route("/acs", web::post().to(acs))
            });
            let server = server.workers(1).bind(("127.0.0.1", 0)).unwrap();
            started.send(server.addrs()[0]).unwrap();
            server.run().await.unwrap();
        });
    });
    start.recv().unwrap()
}

async fn acs(floor: web::Data<Floor>, body: web::Bytes) -> HttpResponse {
    let mut fields = url::form_urlencoded::parse(&body);
    let encoded = fields.find(|(name, _)| name == "SAMLResponse").unwrap().1;
    let text = String::from_utf8(STANDARD.decode(encoded.as_bytes()).unwrap()).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let named = |name: &str| document.descendants().find(|node| node.tag_name().name() == name).unwrap();
    let assertion = named("Assertion");
    std::hint::black_box(digest::digest(&digest::SHA256, &text.as_bytes()[assertion.range()]));
    floor.key.verify_sig(&floor.message, &floor.signature).unwrap();
    let id = assertion.attribute("ID").unwrap().to_owned();
    let (answer, written) = oneshot::channel();
    floor.writer.send((id, answer)).unwrap();
    written.await.unwrap();
    HttpResponse::SeeOther().insert_header(("location", "/")).finish()
}

fn write(connection: &Connection, jobs: &mpsc::Receiver<Job>) {
    let about = "x".repeat(ABOUT);
    let mut statements = ROWS.map(|sql| connection.prepare(sql).unwrap());
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut done = 0;
        while let Some((id, _)) = batch.get(done) {
            let token = digest::digest(&digest::SHA256, id.as_bytes());
            let (token, member) = (token.as_ref(), &id[..30.min(id.len())]);
            statements[0].execute((id,)).unwrap();
            statements[1].execute((token, member, &about)).unwrap();
            statements[2].execute((member, &about)).unwrap();
            statements[3].execute((&about, token)).unwrap();
            done += 1;
            if done < 64 {
                batch.extend(jobs.try_recv());
            }
        }
        connection.execute_batch("COMMIT").unwrap();
        for (_, answer) in batch {
            answer.send(()).unwrap();
        }
    }
}
