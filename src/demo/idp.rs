//! The demo identity provider: who it is, how it answers, and the listener on this machine's loopback address.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::crypto::certificate::Certificate;
use crate::crypto::signing::SigningError;
use crate::crypto::token;
use crate::demo::answer::AnswerError;
use crate::demo::answer::EMAIL_ADDRESS;
use crate::demo::answer::Key;
use crate::demo::answer::PERSISTENT;
use crate::demo::answer::ResponseTemplate;
use crate::demo::answer::Sign;
use crate::demo::answer::Tamper;
use crate::demo::directory::Change;
use crate::demo::directory::Directory;
use crate::demo::keys::Keys;
use crate::demo::keys::Signing;
use crate::demo::keys::Stage;
use crate::demo::logout::There;
use crate::demo::okta::Okta;
use crate::demo::okta::PushError;
use crate::demo::pages;
use crate::demo::people::Fault;
use crate::demo::people::Person;
use crate::demo::request::Request;
use crate::demo::request::RequestError;
use crate::model::directory::TOKEN_PREFIX;
use crate::model::id::ConnectionId;
use crate::model::id::DirectoryId;
use crate::model::time::Clock;
use crate::model::time::SystemClock;
use crate::model::time::hours;
use crate::model::time::minutes;
use crate::saml::request::new_id;
use crate::saml::xml::DSIG;
use crate::saml::xml::METADATA;
use crate::saml::xml::PROTOCOL;

pub const NAME: &str = "Demo identity provider";
const BINDING: &str = "urn:oasis:names:tc:SAML:2.0:bindings:";

#[derive(Debug, thiserror::Error)]
pub enum IdpError {
    #[error("the demo identity provider could not make its key")]
    Key(#[from] SigningError),
    #[error("the demo identity provider found no port on this machine")]
    Listen(#[from] std::io::Error),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("There is no last answer to send again. Sign in once, then come back.")]
    NothingToRepeat,
    #[error(transparent)]
    Answer(#[from] AnswerError),
}

/// How an answer is made, whatever it says.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub sign: Sign,
    /// DER of the certificate to encrypt the assertion for.
    pub encrypt_for: Option<Vec<u8>>,
}

/// Signs for anybody: it listens on loopback alone, and its keys end with it.
pub struct Idp {
    /// `http://127.0.0.1:PORT`
    pub base: String,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) keys: Keys,
    unknown: OnceLock<Arc<Signing>>,
    /// The last answer to each ACS URL.
    last: Mutex<HashMap<String, String>>,
    /// Whom it signed in, the newest last.
    pub(super) sessions: Mutex<Vec<There>>,
    /// Whom it asked to be signed out, by the request's id.
    pub(super) asked: Mutex<HashMap<String, There>>,
    /// Its people, and what it pushes about them.
    pub(super) directory: Directory,
    pub(super) gateway: OnceLock<Gateway>,
}

/// Whose metadata it can look up, to encrypt for them and to sign out there; and where it pushes to.
pub(super) struct Gateway {
    pub app: Arc<App>,
    pub address: SocketAddr,
}

/// Why the push cannot go where somebody said.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("Copy it from a directory of this demo, whole: it begins with {0} and ends with the directory's id.")]
    BaseUrl(String),
    #[error("Copy the whole token, as it was shown once. It begins with dwscim_.")]
    Token,
    #[error(transparent)]
    Push(#[from] PushError),
}

impl Idp {
    pub fn entity_id(&self) -> String {
        format!("{}/metadata", self.base)
    }

    pub fn metadata_url(&self) -> String {
        self.entity_id()
    }

    /// The page of its directory.
    pub fn directory_url(&self) -> String {
        format!("{}/directory", self.base)
    }

    pub fn sso_url(&self) -> String {
        format!("{}/sso", self.base)
    }

    pub fn stage(&self) -> Stage {
        self.keys.stage()
    }

    /// One step on in changing its key, as an admin of it does it; nothing where it does not stand at `from`.
    pub fn change_key(&self, from: Stage) -> Result<(), IdpError> {
        Ok(self.keys.go_on(from, || Signing::make(NAME, self.clock.as_ref()))?)
    }

    /// DER of the certificates that its metadata names, the one that signs first.
    pub fn certificates(&self) -> Vec<Vec<u8>> {
        self.keys.published().iter().map(|signing| signing.certificate_der.clone()).collect()
    }

    pub fn metadata(&self) -> String {
        let (entity_id, sso_url, slo_url) = (self.entity_id(), self.sso_url(), self.slo_url());
        let keys: String = self
            .certificates()
            .iter()
            .map(|der| {
                format!(
                    "<md:KeyDescriptor use=\"signing\">\n      \
                     <ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\n    \
                     </md:KeyDescriptor>\n    ",
                    STANDARD.encode(der)
                )
            })
            .collect();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <md:EntityDescriptor xmlns:md=\"{METADATA}\" xmlns:ds=\"{DSIG}\" entityID=\"{entity_id}\">\n  \
             <md:IDPSSODescriptor WantAuthnRequestsSigned=\"false\" protocolSupportEnumeration=\"{PROTOCOL}\">\n    \
             {keys}<md:SingleLogoutService Binding=\"{BINDING}HTTP-Redirect\" Location=\"{slo_url}\"/>\n    \
             <md:SingleLogoutService Binding=\"{BINDING}HTTP-POST\" Location=\"{slo_url}\"/>\n    \
             <md:NameIDFormat>{EMAIL_ADDRESS}</md:NameIDFormat>\n    \
             <md:NameIDFormat>{PERSISTENT}</md:NameIDFormat>\n    \
             <md:SingleSignOnService Binding=\"{BINDING}HTTP-Redirect\" Location=\"{sso_url}\"/>\n    \
             <md:SingleSignOnService Binding=\"{BINDING}HTTP-POST\" Location=\"{sso_url}\"/>\n  \
             </md:IDPSSODescriptor>\n  \
             <md:Organization>\n    <md:OrganizationName xml:lang=\"en\">{NAME}</md:OrganizationName>\n    \
             <md:OrganizationDisplayName xml:lang=\"en\">{NAME}</md:OrganizationDisplayName>\n    \
             <md:OrganizationURL xml:lang=\"en\">{entity_id}</md:OrganizationURL>\n  </md:Organization>\n\
             </md:EntityDescriptor>\n"
        )
    }

    /// The right answer to a request, for somebody to spoil.
    pub fn template(&self, request: &Request, person: &Person, options: &Options) -> ResponseTemplate {
        let now = self.clock.now();
        let one = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
        let is_persistent = request.name_id_format.as_deref() == Some(PERSISTENT);
        ResponseTemplate {
            response_id: new_id(),
            assertion_id: new_id(),
            issuer: self.entity_id(),
            audience: request.issuer.clone(),
            recipient: request.acs_url.clone(),
            destination: Some(request.acs_url.clone()),
            in_response_to: Some(request.id.clone()),
            status: "Success".to_owned(),
            name_id: Some(if is_persistent { opaque(person) } else { person.email.clone() }),
            name_id_format: if is_persistent { PERSISTENT } else { EMAIL_ADDRESS }.to_owned(),
            attributes: vec![
                one("userId", &person.id),
                one("email", &person.email),
                one("firstName", &person.given_name),
                one("lastName", &person.family_name),
                one("displayName", &person.name()),
                one("jobTitle", &person.job_title),
                ("groups".to_owned(), person.groups.clone()),
            ],
            issue_instant: now,
            not_before: now - minutes(1),
            not_on_or_after: now + minutes(5),
            sign: options.sign,
            key: Key::Good,
            tamper: None,
            encrypt_for: options.encrypt_for.clone(),
        }
    }

    /// Signs and encodes it as the form field SAMLResponse wants it.
    pub fn issue(&self, template: &ResponseTemplate) -> Result<String, IdpError> {
        let signing = match template.key {
            Key::Good => self.keys.signs(),
            Key::Unknown => self.unknown()?,
        };
        let text = template.to_xml(&signing.signer, &signing.certificate_der)?;
        Ok(STANDARD.encode(text))
    }

    fn unknown(&self) -> Result<Arc<Signing>, SigningError> {
        if let Some(made) = self.unknown.get() {
            return Ok(Arc::clone(made));
        }
        let made = Signing::make("Nobody knows this key", self.clock.as_ref())?;
        Ok(Arc::clone(self.unknown.get_or_init(|| Arc::new(made))))
    }

    /// Answers a request, given as redirect URL or as the value of SAMLRequest: the ACS URL and the SAMLResponse to post
    /// there.
    pub fn answer(
        &self,
        request: &str,
        person: &Person,
        fault: Option<Fault>,
        options: &Options,
    ) -> Result<(String, String), IdpError> {
        let request = Request::read(request)?;
        if fault == Some(Fault::Replayed) {
            let again = self.last().get(&request.acs_url).cloned().ok_or(IdpError::NothingToRepeat)?;
            return Ok((request.acs_url, again));
        }
        let mut template = self.template(&request, person, options);
        if let Some(fault) = fault {
            spoil(&mut template, fault);
        }
        let response = self.issue(&template)?;
        if fault.is_none() {
            self.last().insert(request.acs_url.clone(), response.clone());
            let name_id = template.name_id.as_deref().unwrap_or_default();
            self.remember(person, &request.issuer, name_id, &template.name_id_format, &template.assertion_id);
        }
        Ok((request.acs_url, response))
    }

    fn last(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The certificate of one of the gateway's connections, which its entity ID ends with.
    pub async fn certificate_of(&self, entity_id: &str) -> Option<Vec<u8>> {
        let connection: ConnectionId = entity_id.rsplit('/').next()?.parse().ok()?;
        let pem = self.gateway.get()?.app.sp_certificate(&connection, false).await.ok()?;
        Certificate::from_text(&pem).ok()?.into_iter().next().map(|certificate| certificate.der)
    }

    pub fn can_encrypt(&self) -> bool {
        self.gateway.get().is_some()
    }

    /// Whoever can be picked, by what stands before the @ of their address.
    pub async fn find_person(&self, key: &str) -> Option<Person> {
        let people = self.directory.people().await.into_iter().chain([Person::admin(), Person::charles()]);
        people.into_iter().find(|person| person.key() == key)
    }

    /// Where the gateway's console shows a directory.
    pub(super) fn console_url(&self, directory: &DirectoryId) -> Option<String> {
        Some(self.gateway.get()?.app.urls.join(&format!("/admin/security/directories/{directory}")))
    }

    /// Pushes there from now on. Nowhere else than to the gateway of this demo, whatever is typed.
    pub async fn connect_directory(&self, base_url: &str, token: &str) -> Result<(), ConnectError> {
        let gateway = self.gateway.get().ok_or(PushError::Nowhere)?;
        let base = gateway.app.urls.join("/scim/v2/");
        let id = base_url.trim().trim_end_matches('/').strip_prefix(&base).map(str::parse::<DirectoryId>);
        let Some(Ok(directory)) = id else { return Err(ConnectError::BaseUrl(base)) };
        let token = token.trim();
        if !token::is_well_formed(TOKEN_PREFIX, token) {
            return Err(ConnectError::Token);
        }
        let okta = Okta::new(gateway.address, &gateway.app.urls.base, directory, token).ok_or(ConnectError::Token)?;
        Ok(self.directory.connect(okta, self.clock.now()).await?)
    }

    /// Makes a change in its directory and pushes it; the page says what came of it. Whoever left is signed out here.
    pub async fn push(&self, change: &Change) -> Result<(), PushError> {
        if let Some(gone) = self.directory.push(change, self.clock.now()).await? {
            self.forget_sessions_of(&gone.email);
        }
        Ok(())
    }
}

/// A name that says nothing, the same each time.
fn opaque(person: &Person) -> String {
    crate::crypto::certificate::fingerprint(person.id.as_bytes()).chars().take(24).collect()
}

fn spoil(template: &mut ResponseTemplate, fault: Fault) {
    let lasts = template.not_on_or_after.since(template.not_before);
    let start = match fault {
        Fault::Expired => template.not_before - hours(1),
        Fault::NotYetValid => template.not_before + hours(1),
        _ => template.not_before,
    };
    (template.not_before, template.not_on_or_after) = (start, start + lasts);
    match fault {
        Fault::WrongIssuer => template.issuer = "https://another-provider.example/metadata".to_owned(),
        Fault::WrongAudience => template.audience = "https://another-application.example/saml".to_owned(),
        Fault::WrongRecipient => template.recipient = "https://another-application.example/acs".to_owned(),
        Fault::UnknownCertificate => template.key = Key::Unknown,
        Fault::Unsigned => template.sign = Sign::Nothing,
        Fault::Denied => template.status = "RequestDenied".to_owned(),
        Fault::NoEmail => {
            template.name_id = Some("7f3d90".to_owned());
            template.name_id_format = PERSISTENT.to_owned();
            template.attributes.retain(|(name, _)| name != "email" && name != "userId");
        }
        Fault::Tampered => {
            // Once encrypted nothing can be found to change, so it has to be signed within.
            if template.encrypt_for.is_some() {
                template.sign = Sign::Assertion;
            }
            let from = template.name_id.clone().unwrap_or_default();
            template.tamper = Some(Tamper { from, to: "intruder@example.com".to_owned() });
        }
        Fault::Expired | Fault::NotYetValid | Fault::Replayed => {}
    }
}

/// The provider, listening.
pub struct DemoIdp {
    pub address: SocketAddr,
    idp: Data<Idp>,
    handle: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
}

impl DemoIdp {
    pub async fn start() -> Result<Self, IdpError> {
        Self::start_with(Arc::new(SystemClock)).await
    }

    /// With the clock that the gateway under test goes by.
    pub async fn start_with(clock: Arc<dyn Clock>) -> Result<Self, IdpError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let idp = Data::new(Idp {
            base: format!("http://{address}"),
            keys: Keys::new(Signing::make(NAME, clock.as_ref())?),
            clock,
            unknown: OnceLock::new(),
            last: Mutex::default(),
            sessions: Mutex::default(),
            asked: Mutex::default(),
            directory: Directory::default(),
            gateway: OnceLock::new(),
        });
        let for_workers = idp.clone();
        let server = HttpServer::new(move || {
            actix_web::App::new().app_data(for_workers.clone()).wrap(pages::headers()).configure(pages::configure)
        })
        .workers(1)
        .disable_signals()
        .listen(listener)?
        .run();
        let handle = server.handle();
        Ok(Self { address, idp, handle, serving: tokio::spawn(server) })
    }

    /// Lets it encrypt for the connections of this gateway, which listens there, and push to its directories.
    pub fn know(&self, app: Arc<App>, address: SocketAddr) {
        self.idp.gateway.get_or_init(|| Gateway { app, address });
    }

    pub async fn stop(self) {
        self.handle.stop(false).await;
        if let Err(problem) = self.serving.await {
            tracing::error!(error = &problem as &dyn std::error::Error, "The identity provider did not end by itself");
        }
    }
}

impl Deref for DemoIdp {
    type Target = Idp;

    fn deref(&self) -> &Idp {
        &self.idp
    }
}
