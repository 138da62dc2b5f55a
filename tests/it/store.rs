//! A fresh folder: the schema that the migrations make, and its rights.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::TestApp;

#[actix_web::test]
async fn every_migration_is_applied_once_and_in_order() {
    let app = TestApp::first_run(&[]);
    let database = app.database();
    let mut statement = database.prepare("SELECT version FROM schema_migrations ORDER BY applied_at, version").unwrap();
    let applied: Vec<i64> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(applied, (1..=i64::try_from(files).unwrap()).collect::<Vec<_>>());
}

#[actix_web::test]
async fn a_second_start_applies_nothing() {
    let app = TestApp::first_run(&[]);
    let sql = "SELECT max(applied_at) FROM schema_migrations";
    let before = app.count(sql);
    assert_eq!(app.restart(&[]).count(sql), before);
}

#[actix_web::test]
async fn every_table_of_an_organization_says_whose_its_rows_are() {
    let app = TestApp::first_run(&[]);
    let database = app.database();
    let mut statement = database
        .prepare("SELECT m.name FROM sqlite_master m WHERE m.type = 'table' AND m.name IN ('members', 'connections', 'groups', 'teams', 'sessions', 'links', 'api_keys', 'sign_ins', 'tests', 'audit_events') AND NOT EXISTS (SELECT 1 FROM pragma_table_info(m.name) c WHERE c.name = 'organization_id')")
        .unwrap();
    let without: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(without, Vec::<String>::new());
}

#[actix_web::test]
async fn columns_have_the_types_that_both_engines_know() {
    let app = TestApp::first_run(&[]);
    // The index of texts is SQLite's own, and goes by a number that only it knows as the row's; rows that are numbered in the
    // order in which they came are so by SQLite's word for it, and by an identity column elsewhere.
    let sql = "SELECT count(*) FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.type NOT IN ('TEXT', 'BIGINT', 'BLOB') \
               AND m.name NOT LIKE 'member\\_text%' ESCAPE '\\' AND NOT (c.type = 'INTEGER' AND c.pk = 1) AND m.name NOT LIKE 'sqlite%'";
    assert_eq!(app.count(sql), 0);
}

#[actix_web::test]
async fn nobody_else_can_read_the_folder() {
    let app = TestApp::first_run(&[]);
    for name in ["doorward.db", "master.key"] {
        let mode = std::fs::metadata(app.folder().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} has {mode:o}");
    }
}

#[actix_web::test]
async fn audit_events_can_neither_be_changed_nor_deleted() {
    let app = TestApp::start().await;
    let database = rusqlite::Connection::open(app.folder().join("doorward.db")).unwrap();
    assert!(database.execute("UPDATE audit_events SET action = 'x'", []).is_err());
    assert!(database.execute("DELETE FROM audit_events", []).is_err());
}

#[actix_web::test]
async fn no_password_link_key_or_session_stands_in_the_database_in_the_clear() {
    let app = TestApp::start().await;
    let browser = app.owner().await;
    let id = app.person_without_password("grace@acme.example", "member").await;
    let link = app.password_link(&id).await;
    let secrets = [
        browser.cookie("doorward_session").unwrap().value.clone(),
        link.rsplit('/').next().unwrap().to_owned(),
        app.api_key("admin").await,
        crate::support::server::PASSWORD.to_owned(),
    ];
    let files =
        ["doorward.db", "doorward.db-wal"].map(|name| std::fs::read(app.folder().join(name)).unwrap_or_default());
    for secret in secrets {
        let is_in = |file: &Vec<u8>| file.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!files.iter().any(is_in), "{secret}");
    }
}

#[actix_web::test]
async fn an_address_is_found_by_its_index_in_the_order_that_is_asked_for() {
    let app = TestApp::first_run(&[]);
    let sql = "EXPLAIN QUERY PLAN SELECT m.id FROM members m WHERE m.organization_id = ?1 AND m.email_norm = ?2 \
               AND m.deleted_at IS NULL ORDER BY m.id LIMIT 20";
    let database = app.database();
    let plan: String = database.query_row(sql, ["o", "e"], |row| row.get(3)).unwrap();
    assert!(plan.contains("members_email (organization_id=? AND email_norm=?"), "{plan}");
}

/// SQLite's locks are the process's (POSIX): whoever opens and closes the file beside it gives them away, and the next program
/// that looks into the database deletes the log of the running gateway.
#[cfg(target_os = "linux")]
#[actix_web::test]
async fn the_gateway_keeps_its_lock_on_the_database() {
    use std::os::unix::fs::MetadataExt as _;

    let app = TestApp::start().await;
    let inode = std::fs::metadata(app.folder().join("doorward.db")).unwrap().ino();
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    let held = locks.lines().filter(|line| line.contains(&format!(":{inode} "))).count();
    assert!(held > 0, "no lock on inode {inode}:\n{locks}");
}
