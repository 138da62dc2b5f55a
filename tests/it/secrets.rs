//! A new master key: everything sealed moves to it, and the former one can go. And the keys of connections, rotated by command.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward::testing::Finding;
use doorward::testing::StartError;
use doorward::testing::Verdict;
use serde_json::json;

use crate::cli::Serve;
use crate::cli::done;
use crate::cli::doorward;
use crate::cli::run;
use crate::cli::stderr;
use crate::cli::stdout;
use crate::support::TestApp;

/// Puts a fresh key before the others, as an operator does.
fn add_master_key(folder: &Path) {
    let path = folder.join("master.key");
    let former = std::fs::read_to_string(&path).unwrap();
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    std::fs::write(&path, format!("{}\n{former}", STANDARD.encode(bytes))).unwrap();
}

/// Leaves the newest one alone.
fn drop_former_keys(folder: &Path) {
    let path = folder.join("master.key");
    let ring = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{}\n", ring.lines().next().unwrap())).unwrap();
}

/// The key ids of all that is sealed, wherever it stands in the database.
fn sealed_under(database: &rusqlite::Connection) -> Vec<String> {
    let mut tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut ids = Vec::new();
    for table in tables {
        let mut statement = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for at in 0..columns {
                let text = row.get::<_, String>(at).unwrap_or_default();
                ids.extend(text.strip_prefix("v1:").and_then(|rest| rest.split_once(':')).map(|(id, _)| id.to_owned()));
            }
        }
    }
    ids
}

async fn finding(app: &TestApp) -> Finding {
    let findings = app.app().examine_health(app.now()).await.unwrap();
    findings.into_iter().find(|finding| finding.check == "master_key").unwrap()
}

#[tokio::test]
async fn under_a_new_master_key_everything_is_sealed_again() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let api = app.api("owner").await.with("Idempotency-Key", "once");
    let made = api.post("/api/v1/api-keys", &json!({"name": "x", "role": "developer"})).await.is(201).json();
    assert_eq!(finding(&app).await.verdict, Verdict::Ok);
    let former = sealed_under(&app.database())[0].clone();

    let (folder, host) = (app.folder().to_path_buf(), app.origin.clone());
    add_master_key(&folder);
    let port = host.rsplit(':').next().unwrap().to_owned();
    let listen = format!("127.0.0.1:{port}");
    let app = app.restart(&[("listen", &listen)]);
    // What is made from now on is under the new one.
    let second = app.active_connection().await;
    let told = finding(&app).await;
    assert_eq!(told.verdict, Verdict::Warning);
    assert!(told.text.contains(&former) && told.text.contains("secrets rewrap"), "{}", told.text);

    let first_run = app.app().rewrap_secrets(&app.ctx().await).await.unwrap();
    assert_eq!((first_run.connection_keys, first_run.answers, first_run.failed.len()), (1, 1, 0));
    let ids = sealed_under(&app.database());
    assert!(ids.len() == 4 && ids.iter().all(|id| *id == first_run.newest), "{ids:?}");
    assert!(finding(&app).await.text.contains("their lines can go"));
    // Again there is nothing to do, and nothing to tell.
    assert_eq!(app.app().rewrap_secrets(&app.ctx().await).await.unwrap().total(), 0);
    assert_eq!(app.audit_of("secrets.rewrapped").await.len(), 1);

    drop_former_keys(&folder);
    let app = app.restart(&[("listen", &listen)]);
    for (connection, who) in [(&idp, "grace@acme.example"), (&second, "alan@acme.example")] {
        assert_eq!(app.sign_in_by_saml(connection, who).await.1.status, 303);
    }
    let again = api.post("/api/v1/api-keys", &json!({"name": "x", "role": "developer"})).await.is(201).json();
    assert_eq!(again["key"], made["key"], "the kept answer opens");
}

#[tokio::test]
async fn a_former_key_that_is_still_needed_is_missed_at_once() {
    let app = TestApp::start().await;
    app.active_connection().await;
    let folder = app.folder().to_path_buf();
    add_master_key(&folder);
    let app = app.restart(&[]);
    app.active_connection().await;
    let kept = app.stop();
    drop_former_keys(&folder);
    assert!(matches!(TestApp::in_folder(kept, &[]).err().unwrap(), StartError::WrongKey));
}

#[tokio::test]
async fn what_does_not_open_is_counted_and_the_rest_goes_on() {
    let app = TestApp::start().await;
    for _ in 0..2 {
        app.active_connection().await;
    }
    let writer = rusqlite::Connection::open(app.folder().join("doorward.db")).unwrap();
    writer
        .execute_batch(
            "UPDATE connection_keys SET key_sealed = 'v1:0badc0de:' || substr(key_sealed, 13) \
             WHERE id = (SELECT min(id) FROM connection_keys)",
        )
        .unwrap();
    drop(writer);
    add_master_key(app.folder());
    let folder = app.stop();
    let output = run(folder.path(), &["secrets", "rewrap"]);
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    assert!(told.contains("1 keys of connections") && told.contains("0badc0de, which is missing"), "{told}");
    let output = run(folder.path(), &["doctor"]);
    assert!(stdout(&output).contains("FAILED   master_key: 1 sealed values"), "{}", stdout(&output));
}

#[tokio::test]
async fn a_run_that_was_killed_is_begun_again() {
    let app = TestApp::start().await;
    app.active_connection().await;
    let api = app.api("owner").await;
    for n in 0..250 {
        let once = api.with("Idempotency-Key", &format!("key-{n}"));
        once.post("/api/v1/members", &json!({"email": format!("m{n}@acme.example")})).await.is(201);
    }
    let former = sealed_under(&app.database())[0].clone();
    add_master_key(app.folder());
    let folder = app.stop();
    let mut child = doorward(folder.path()).args(["secrets", "rewrap"]).spawn().unwrap();
    let database = rusqlite::Connection::open(folder.path().join("doorward.db")).unwrap();
    // As soon as a part of it is done.
    let moved = |database: &rusqlite::Connection| sealed_under(database).iter().filter(|id| **id != former).count();
    while moved(&database) == 0 && child.try_wait().unwrap().is_none() {}
    child.kill().unwrap();
    child.wait().unwrap();
    drop(database);
    done(&run(folder.path(), &["secrets", "rewrap"]));
    let output = run(folder.path(), &["secrets", "rewrap"]);
    assert!(stderr(&output).contains("Nothing was left to do"), "{}", stderr(&output));
    drop_former_keys(folder.path());
    let app = TestApp::in_folder(folder, &[]).unwrap();
    let ids = sealed_under(&app.database());
    assert!(ids.len() == 252 && ids.iter().all(|id| *id != former), "{}", ids.len());
    assert_eq!(finding(&app).await.verdict, Verdict::Ok);
}

#[tokio::test]
async fn every_sealed_column_is_known_to_the_rewrap() {
    let app = TestApp::start().await;
    let sql = "SELECT t.name || '.' || c.name FROM sqlite_master t, pragma_table_info(t.name) c \
               WHERE t.type = 'table' AND c.name LIKE '%sealed%' ORDER BY 1";
    let database = app.database();
    let mut statement = database.prepare(sql).unwrap();
    let found: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(found, ["connection_keys.key_sealed", "idempotency_keys.answer_sealed"], "add it to store/sealed.rs");
}

// Keys of connections.

#[tokio::test]
async fn keys_are_rotated_with_and_without_a_server() {
    let app = TestApp::start().await;
    let used = app.active_connection().await;
    app.draft_connection(doorward::testing::SettingsChange::default()).await;
    let folder = app.stop();
    let states = |folder: &Path| -> Vec<String> {
        let database = rusqlite::Connection::open(folder.join("doorward.db")).unwrap();
        let sql = "SELECT state FROM connection_keys WHERE connection_id = ?1 ORDER BY state";
        let mut statement = database.prepare(sql).unwrap();
        statement.query_map([used.id.to_string()], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let output = run(folder.path(), &["keys", "rotate"]);
    done(&output);
    let line = stdout(&output).trim().to_owned();
    assert!(line.starts_with(&used.id.to_string()) && line.ends_with("/certificate?next"), "{line}");
    assert!(stderr(&output).contains("Give it to each identity provider"), "{}", stderr(&output));
    assert_eq!(states(folder.path()), ["current", "next"]);
    // Prepared is prepared, also beside a running server, which then signs with it.
    let _serve = Serve::start(folder.path());
    let fingerprint = line.split(' ').nth(1).unwrap();
    assert!(stdout(&run(folder.path(), &["keys", "rotate"])).contains(fingerprint));
    let output = run(folder.path(), &["keys", "rotate", "--now", "--connection", used.id.as_str()]);
    done(&output);
    assert!(
        stdout(&output).contains(fingerprint) && stdout(&output).trim().ends_with("/certificate"),
        "{}",
        stdout(&output)
    );
    assert_eq!(states(folder.path()), ["current", "retired"]);
    for unknown in ["con_01k2v9q8xw3f6t0m4n7p5r1sza", "nothing", "'%"] {
        let output = run(folder.path(), &["keys", "rotate", "--connection", unknown]);
        assert_eq!(output.status.code(), Some(1), "{unknown}");
        assert!(stderr(&output).contains("There is no connection with this id"), "{}", stderr(&output));
    }
    let none = tempfile::tempdir().unwrap();
    assert_eq!(run(none.path(), &["keys", "rotate"]).status.code(), Some(1));
    assert_eq!(run(none.path(), &["secrets", "rewrap"]).status.code(), Some(1));
    assert!(!none.path().join("doorward.db").exists());
}
