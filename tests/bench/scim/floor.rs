//! What nobody can avoid of a SCIM server, without a rule: the body is read as JSON, one row with its two indexes is durable
//! before the answer, a user is a text around which id and meta are written.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc;

use actix_web::App;
use actix_web::HttpResponse;
use actix_web::HttpServer;
use actix_web::web;
use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use serde_json::Value;
use tokio::sync::oneshot;

const TABLES: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE users (number INTEGER PRIMARY KEY, name TEXT, external_id TEXT, document TEXT);
    CREATE UNIQUE INDEX users_name ON users (name); CREATE INDEX users_external ON users (external_id)";

enum Job {
    Insert(String, String, String, oneshot::Sender<i64>),
    Update(i64, String, oneshot::Sender<i64>),
}

struct Floor {
    writer: mpsc::Sender<Job>,
    reader: Mutex<Connection>,
}

/// Starts it on a port of its own, until this process ends.
pub fn start(folder: &Path) -> SocketAddr {
    let path = folder.join("scim-floor.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(TABLES).unwrap();
    let reader = Mutex::new(Connection::open(&path).unwrap());
    let (writer, jobs) = mpsc::channel();
    std::thread::spawn(move || write(&connection, &jobs));
    let state = web::Data::new(Floor { writer, reader });
    let (started, start) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                App::new()
                    .app_data(state.clone())
                    .route("/Users", web::post().to(create))
                    .route("/Users", web::get().to(list))
                    .route("/Users/{id}", web::get().to(get))
                    .route("/Users/{id}", web::patch().to(patch))
            });
            let server = server.workers(1).bind(("127.0.0.1", 0)).unwrap();
            started.send(server.addrs()[0]).unwrap();
            server.run().await.unwrap();
        });
    });
    start.recv().unwrap()
}

fn resource(number: i64, document: &str) -> String {
    format!("{{\"id\":\"{number}\",{},\"meta\":{{\"resourceType\":\"User\"}}}}", &document[1..document.len() - 1])
}

fn answer(text: String) -> HttpResponse {
    HttpResponse::Ok().content_type("application/scim+json").body(text)
}

async fn create(floor: web::Data<Floor>, body: web::Bytes) -> HttpResponse {
    let document: Value = serde_json::from_slice(&body).unwrap();
    let of = |name: &str| document[name].as_str().unwrap().to_lowercase();
    let text = document.to_string();
    let (done, waits) = oneshot::channel();
    floor.writer.send(Job::Insert(of("userName"), of("externalId"), text.clone(), done)).unwrap();
    let number = waits.await.unwrap();
    HttpResponse::Created().content_type("application/scim+json").body(resource(number, &text))
}

fn find(floor: &Floor, sql: &str, key: &str) -> Option<(i64, String)> {
    let reader = floor.reader.lock().unwrap();
    let mut statement = reader.prepare_cached(sql).unwrap();
    statement.query_row([key], |row| Ok((row.get(0)?, row.get(1)?))).optional().unwrap()
}

async fn get(floor: web::Data<Floor>, id: web::Path<String>) -> HttpResponse {
    let (number, text) = find(&floor, "SELECT number, document FROM users WHERE number = ?1", &id).unwrap();
    answer(resource(number, &text))
}

async fn list(floor: web::Data<Floor>, query: web::Query<Vec<(String, String)>>) -> HttpResponse {
    let of = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    if let Some(filter) = of("filter") {
        let name = filter.split('"').nth(1).unwrap();
        let (number, text) = find(&floor, "SELECT number, document FROM users WHERE name = ?1", name).unwrap();
        return answer(format!("{{\"totalResults\":1,\"Resources\":[{}]}}", resource(number, &text)));
    }
    let start: i64 = of("startIndex").unwrap().parse().unwrap();
    let reader = floor.reader.lock().unwrap();
    let mut statement = reader
        .prepare_cached("SELECT number, document FROM users WHERE number >= ?1 ORDER BY number LIMIT 100")
        .unwrap();
    let rows = statement.query_map([start], |row| Ok(resource(row.get(0)?, &row.get::<_, String>(1)?))).unwrap();
    let all: Vec<String> = rows.map(Result::unwrap).collect();
    answer(format!("{{\"totalResults\":{},\"Resources\":[{}]}}", all.len(), all.join(",")))
}

async fn patch(floor: web::Data<Floor>, id: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let sent: Value = serde_json::from_slice(&body).unwrap();
    let (number, text) = find(&floor, "SELECT number, document FROM users WHERE number = ?1", &id).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    let operation = &sent["Operations"][0];
    document[operation["path"].as_str().unwrap()] = operation["value"].clone();
    let text = document.to_string();
    let (done, waits) = oneshot::channel();
    floor.writer.send(Job::Update(number, text.clone(), done)).unwrap();
    waits.await.unwrap();
    answer(resource(number, &text))
}

fn write(connection: &Connection, jobs: &mpsc::Receiver<Job>) {
    let mut insert = connection.prepare("INSERT INTO users (name, external_id, document) VALUES (?1, ?2, ?3)").unwrap();
    let mut update = connection.prepare("UPDATE users SET document = ?2 WHERE number = ?1").unwrap();
    while let Ok(first) = jobs.recv() {
        let (mut waiting, mut done) = (vec![first], Vec::new());
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        while let Some(job) = waiting.pop() {
            match job {
                Job::Insert(name, external_id, text, answer) => {
                    insert.execute((name, external_id, text)).unwrap();
                    done.push((answer, connection.last_insert_rowid()));
                }
                Job::Update(number, text, answer) => {
                    update.execute((number, text)).unwrap();
                    done.push((answer, number));
                }
            }
            if done.len() < 64 {
                waiting.extend(jobs.try_recv());
            }
        }
        connection.execute_batch("COMMIT").unwrap();
        for (answer, number) in done {
            answer.send(number).ok();
        }
    }
}
