//! A gateway to test: its own folder and port, a clock that moves by hand, and people who can sign in.

use std::path::Path;
use std::sync::Arc;

use doorward::testing::App;
use doorward::testing::AuditEvent;
use doorward::testing::AuditFilter;
use doorward::testing::Ctx;
use doorward::testing::Gateway;
use doorward::testing::MemberId;
use doorward::testing::MemberInput;
use doorward::testing::StartError;
use doorward::testing::TestClock;
use doorward::testing::Window;
use doorward::testing::command_line;
use tempfile::TempDir;

use super::Browser;

pub const OWNER: &str = "ada@acme.example";
pub const PASSWORD: &str = "a sentence only we know";

pub struct TestApp {
    gateway: Gateway,
    folder: TempDir,
    pub clock: Arc<TestClock>,
    pub origin: String,
    pub prefix: String,
}

impl TestApp {
    /// Set up: ada@acme.example owns it.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(settings: &[(&'static str, &str)]) -> Self {
        let app = Self::first_run(settings);
        app.app().create_admin(&app.ctx().await, OWNER, "Ada Example", Some(PASSWORD.to_owned())).await.unwrap();
        app
    }

    /// Nobody is there yet.
    pub fn first_run(settings: &[(&'static str, &str)]) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), settings).unwrap()
    }

    pub fn in_folder(folder: TempDir, settings: &[(&'static str, &str)]) -> Result<Self, StartError> {
        let gateway = Gateway::start(folder.path(), settings)?;
        let base = url::Url::parse(&gateway.app.urls.base).unwrap();
        let clock = Arc::clone(&gateway.clock);
        let origin = base.origin().ascii_serialization();
        Ok(Self { gateway, folder, clock, origin, prefix: base.path().trim_end_matches('/').to_owned() })
    }

    /// Stops, and starts again on the same folder.
    pub fn restart(self, settings: &[(&'static str, &str)]) -> Self {
        let Self { gateway, folder, .. } = self;
        gateway.stop();
        Self::in_folder(folder, settings).unwrap()
    }

    /// Stops, does to the database by hand what takes too long over HTTP, and starts again where it was.
    pub fn edited(self, sql: &str) -> Self {
        let listen = self.address().to_string();
        let folder = self.stop();
        let database = rusqlite::Connection::open(folder.path().join("doorward.db")).unwrap();
        database.execute_batch(sql).unwrap();
        drop(database);
        Self::in_folder(folder, &[("listen", &listen)]).unwrap()
    }

    /// Stops; the folder stays for a command.
    pub fn stop(self) -> TempDir {
        let Self { gateway, folder, .. } = self;
        gateway.stop();
        folder
    }

    pub fn app(&self) -> &App {
        &self.gateway.app
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn address(&self) -> std::net::SocketAddr {
        self.gateway.address
    }

    pub async fn run_jobs(&self) {
        self.gateway.run_jobs().await.unwrap();
    }

    pub fn now(&self) -> doorward::testing::Timestamp {
        use doorward::testing::Clock as _;
        self.clock.now()
    }

    /// Whoever may do everything, now.
    pub async fn ctx(&self) -> Ctx {
        command_line(&self.app().find_organization(None).await.unwrap().id, self.now())
    }

    pub fn stranger(&self) -> Browser {
        Browser::new(self.gateway.address, &self.origin).under(&self.prefix)
    }

    pub async fn signed_in(&self, email: &str) -> Browser {
        let mut browser = self.stranger();
        let answer = browser.sign_in(email, PASSWORD).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser
    }

    pub async fn owner(&self) -> Browser {
        self.signed_in(OWNER).await
    }

    pub async fn admin(&self) -> Browser {
        self.person("admin@acme.example", "admin").await;
        self.signed_in("admin@acme.example").await
    }

    pub async fn developer(&self) -> Browser {
        self.person("dev@acme.example", "developer").await;
        self.signed_in("dev@acme.example").await
    }

    pub async fn member(&self) -> Browser {
        self.person("grace@acme.example", "member").await;
        self.signed_in("grace@acme.example").await
    }

    /// A member with a password.
    pub async fn person(&self, email: &str, role: &str) -> MemberId {
        let id = self.person_without_password(email, role).await;
        let link = self.password_link(&id).await;
        let mut browser = self.stranger();
        let form = browser.get(&link).await.form(&link);
        assert_eq!(browser.submit(&form.fill("password", PASSWORD)).await.status, 303);
        id
    }

    pub async fn person_without_password(&self, email: &str, role: &str) -> MemberId {
        let input =
            MemberInput { email: Some(email.to_owned()), roles: Some(vec![role.to_owned()]), ..MemberInput::default() };
        self.app().create_member(&self.ctx().await, input).await.unwrap().member.id
    }

    /// The path of a fresh one-time link.
    pub async fn password_link(&self, member: &MemberId) -> String {
        let (url, _) = self.app().create_password_link(&self.ctx().await, member.clone()).await.unwrap();
        url.strip_prefix(&self.origin).unwrap().to_owned()
    }

    pub async fn api_key(&self, role: &str) -> String {
        self.app().create_api_key(&self.ctx().await, "a test", Some(role), None).await.unwrap().1
    }

    /// Newest first.
    pub async fn audit(&self) -> Vec<AuditEvent> {
        let page = self.app().list_audit_events(&self.ctx().await, AuditFilter::default(), Window::first(200)).await;
        page.unwrap().rows
    }

    pub async fn audit_of(&self, action: &str) -> Vec<AuditEvent> {
        self.audit().await.into_iter().filter(|event| event.action == action).collect()
    }

    /// The database as anybody with a copy of the file sees it.
    pub fn database(&self) -> rusqlite::Connection {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        rusqlite::Connection::open_with_flags(self.folder().join("doorward.db"), flags).unwrap()
    }

    /// All that is remembered, to see whether something changed; not the index of texts, which is filled beside.
    pub fn dump(&self) -> String {
        let database = self.database();
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'member_text%' ORDER BY name";
        let mut tables = database.prepare(sql).unwrap();
        let names: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let mut dump = String::new();
        for name in names {
            let mut statement = database.prepare(&format!("SELECT * FROM {name}")).unwrap();
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let values: Vec<String> = (0..columns).map(|at| format!("{:?}", row.get_ref(at).unwrap())).collect();
                dump.push_str(&format!("{name}: {}\n", values.join(", ")));
            }
        }
        dump
    }

    pub fn count(&self, sql: &str) -> i64 {
        self.database().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}
