//! A gateway that is thrown away: its folder, its people, and a connection to the demo identity provider that was set
//! up the way an admin does it, test and all.

use std::fs::DirBuilder;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::path::PathBuf;

use crate::app::App;
use crate::app::Error;
use crate::app::connections::NewConnection;
use crate::app::connections::SettingsChange;
use crate::app::directories::DirectoryInput;
use crate::app::members::MemberInput;
use crate::app::metadata::MetadataInput;
use crate::app::role_mappings::MappingInput;
use crate::app::sessions::SignedIn;
use crate::app::sessions::Visitor;
use crate::app::setup::command_line;
use crate::app::sign_in::Finished;
use crate::app::sign_in::Go;
use crate::config::Config;
use crate::config::ConfigError;
use crate::crypto::token;
use crate::demo::directory::Change;
use crate::demo::idp::ConnectError;
use crate::demo::idp::DemoIdp;
use crate::demo::idp::IdpError;
use crate::demo::idp::NAME;
use crate::demo::idp::Options;
use crate::demo::okta::PushError;
use crate::demo::people::ENGINEERING;
use crate::demo::people::FINANCE;
use crate::demo::people::LEADS;
use crate::demo::people::Person;
use crate::model::actor::Ctx;
use crate::model::connection::AttributeNames;
use crate::model::id::ConnectionId;
use crate::model::id::DirectoryId;
use crate::model::id::MemberId;
use crate::model::id::TestId;
use crate::model::logout::Logout;
use crate::server::Parts;
use crate::server::Server;
use crate::server::StartError;

/// Settings of the environment that the demo follows; all others would make it something else.
const FOLLOWED: [&str; 2] = ["DOORWARD_LOG", "DOORWARD_LOG_FORMAT"];

#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("A temporary folder could not be made.")]
    Folder(#[source] io::Error),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Idp(#[from] IdpError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("The demo's people could not be made.")]
    App(#[from] Error),
    #[error("The demo's own sign-in was refused: {0}.")]
    Refused(String),
    #[error("The demo's directory could not be set up.")]
    Connect(#[from] ConnectError),
    #[error("The demo's people could not be pushed.")]
    Push(#[from] PushError),
}

/// Removed when it goes out of scope.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, DemoError> {
        let path = std::env::temp_dir().join(format!("doorward-demo-{}", uuid::Uuid::now_v7().simple()));
        DirBuilder::new().mode(0o700).create(&path).map_err(DemoError::Folder)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(problem) = std::fs::remove_dir_all(&self.0) {
            eprintln!("The demo's folder {} could not be removed: {problem}.", self.0.display());
        }
    }
}

pub struct Demo {
    pub server: Server,
    pub idp: DemoIdp,
    pub password: String,
    pub connection: ConnectionId,
    pub directory: DirectoryId,
    folder: Folder,
}

/// The demo's settings: the folder, and the one address that may be called although it is plain http.
pub fn config(listen: &str, folder: &Path, idp: SocketAddr) -> Result<Config, ConfigError> {
    let environment = std::env::vars().filter(|(name, _)| FOLLOWED.contains(&name.as_str()));
    let flags = [
        ("listen", listen.to_owned()),
        ("data_dir", folder.display().to_string()),
        ("outbound_allow", idp.to_string()),
        ("drain_delay", "0".to_owned()),
    ];
    // What people read on stderr is where to click, not a line for each request.
    let (config, _) = Config::load(Some("log = \"warn\""), environment, flags)?;
    Ok(config)
}

impl Demo {
    /// `start_log` is called once the settings are known.
    pub async fn start(listen: &str, start_log: impl FnOnce(&Config)) -> Result<Self, DemoError> {
        let folder = Folder::make()?;
        let idp = DemoIdp::start().await?;
        let config = config(listen, &folder.0, idp.address)?;
        start_log(&config);
        let server = Server::start(config, Parts { is_demo: true, ..Parts::default() }).await?;
        let app = server.app.clone().into_inner();
        idp.know(app.clone(), server.address);
        let password = passphrase();
        let (connection, directory) = Seed { app: &app, idp: &idp }.run(&password).await?;
        Ok(Self { server, idp, password, connection, directory, folder })
    }

    pub fn url(&self, path: &str) -> String {
        self.server.app.urls.join(path)
    }

    /// Ends both listeners at once and removes the folder.
    pub async fn stop(self) {
        self.server.stop(true).await;
        self.idp.stop().await;
        drop(self.folder);
    }
}

/// Long enough for the rules, short enough to type.
fn passphrase() -> String {
    let random: String = token::session().chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    random.to_lowercase().as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-")
}

struct Seed<'a> {
    app: &'a App,
    idp: &'a DemoIdp,
}

impl Seed<'_> {
    async fn run(&self, password: &str) -> Result<(ConnectionId, DirectoryId), DemoError> {
        let admin = Person::admin();
        let begun = self
            .app
            .create_first_owner(&self.visitor(), &admin.email, &admin.name(), "Acme Demo", password.to_owned())
            .await?;
        let organization = self.app.find_organization(None).await?;
        let ctx = command_line(&organization.id, self.app.clock.now());
        self.people(&ctx).await?;
        let connection = self.connection(&ctx).await?;
        let found = self.app.find_signed_in(&begun.token, self.app.clock.now()).await?;
        let owner = found.ok_or(Error::NotFound("session"))?;
        self.link(&owner, &connection).await?;
        self.app.sign_out(&owner.ctx(&self.visitor())).await?;
        // What the set-up needed is nobody's sign-in.
        self.idp.forget_sessions();
        let directory = self.directory(&ctx).await?;
        Ok((connection, directory))
    }

    fn visitor(&self) -> Visitor {
        Visitor { ip: None, user_agent: None, request_id: "demo".to_owned(), now: self.app.clock.now() }
    }

    /// Grace and Alan are here before the directory is; the others come by it.
    async fn people(&self, ctx: &Ctx) -> Result<(), DemoError> {
        self.member(ctx, &Person::grace(), "developer").await?;
        self.member(ctx, &Person::alan(), "member").await?;
        Ok(())
    }

    async fn member(&self, ctx: &Ctx, person: &Person, role: &str) -> Result<MemberId, DemoError> {
        let input = MemberInput {
            email: Some(person.email.clone()),
            given_name: Some(Some(person.given_name.clone())),
            family_name: Some(Some(person.family_name.clone())),
            roles: Some(vec![role.to_owned()]),
            ..MemberInput::default()
        };
        Ok(self.app.create_member(ctx, input).await?.member.id)
    }

    /// Active, after a test that passed.
    async fn connection(&self, ctx: &Ctx) -> Result<ConnectionId, DemoError> {
        let metadata = MetadataInput::Link { url: self.idp.metadata_url(), entity_id: None };
        let (link_existing, logout) = (Some(true), Some(Logout::Global));
        // What stays when somebody's name and address change, and what the directory calls them too.
        let attributes = Some(AttributeNames { user_id: Some("userId".to_owned()), ..AttributeNames::default() });
        let new = NewConnection {
            name: NAME.to_owned(),
            // By the link, so that a change of the provider's key can be watched.
            metadata: Some(metadata),
            settings: SettingsChange { attributes, link_existing, logout, ..SettingsChange::default() },
            ..NewConnection::default()
        };
        let (view, _) = self.app.create_connection(ctx, new).await?;
        let id = view.connection.id;
        let (_, url) = self.app.start_test(ctx, id.clone()).await?;
        self.travel(&id, &url, None, &Person::grace()).await?;
        self.app.activate_connection(ctx, id.clone(), false, None).await?;
        Ok(id)
    }

    /// Turned on, with groups that give something, and everybody pushed; Edsger has left since.
    async fn directory(&self, ctx: &Ctx) -> Result<DirectoryId, DemoError> {
        let input = DirectoryInput {
            name: Some("Okta (demo)".to_owned()),
            provider: Some("okta".to_owned()),
            ..DirectoryInput::default()
        };
        let (view, token) = self.app.create_directory(ctx, input).await?;
        let id = view.directory.id.clone();
        self.idp.connect_directory(&self.app.scim_base_url(&view.directory), &token).await?;
        let team = self.app.create_team(ctx, "Accounting").await?.team.id;
        let gives =
            |group: &str| MappingInput { kind: "group".to_owned(), value: group.to_owned(), ..MappingInput::default() };
        let mappings = vec![
            MappingInput { roles: vec!["developer".to_owned()], ..gives(ENGINEERING) },
            MappingInput { roles: vec!["admin".to_owned()], ..gives(LEADS) },
            MappingInput { team: Some(team.to_string()), ..gives(FINANCE) },
        ];
        self.app.set_directory_mappings(ctx, id.clone(), mappings, None).await?;
        self.app.enable_directory(ctx, id.clone()).await?;
        self.idp.push(&Change::Everybody).await?;
        self.idp.push(&Change::Leaver(Person::edsger().id)).await?;
        Ok(id)
    }

    /// The owner's account at the provider: admins are never joined by address alone.
    async fn link(&self, owner: &SignedIn, id: &ConnectionId) -> Result<(), DemoError> {
        let (_, url) = self.app.start_own_link(owner, &self.visitor(), id.clone()).await?;
        let test = self.travel(id, &url, Some(&owner.member.id), &Person::admin()).await?;
        Ok(self.app.link_by_test(owner, &self.visitor(), test).await?)
    }

    /// To the provider and back, as a browser would with the link of a test, in which `me` is signed in.
    async fn travel(
        &self,
        id: &ConnectionId,
        url: &str,
        me: Option<&MemberId>,
        person: &Person,
    ) -> Result<TestId, DemoError> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let (secret, links) = (address.rsplit('/').next().unwrap_or_default(), query.starts_with("link"));
        let started = self.app.start_test_sign_in(id, secret, links, me, self.app.clock.now()).await?;
        let request = match started.go {
            Go::Redirect(url) => url,
            Go::Post { fields, .. } => fields.into_iter().next().map(|(_, value)| value).unwrap_or_default(),
        };
        let (_, response) = self.idp.answer(&request, person, None, &Options::default())?;
        let pending = self.app.open_pending(&[started.pending]);
        match self.app.finish_saml(&self.visitor(), id, &response, pending).await? {
            // Whether it passed shows in what comes next, which only a passed test allows.
            Finished::Tested { test, .. } => Ok(test),
            Finished::Refused(refused) => Err(DemoError::Refused(refused.code)),
            Finished::SignedIn { .. } => Err(DemoError::Refused("it was no test".to_owned())),
        }
    }
}
