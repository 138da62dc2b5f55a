//! A small identity provider. `Reply` is a good answer in which a test changes one thing.

use std::io::Read as _;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
use aws_lc_rs::signature::UnparsedPublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward::testing::ConnectionId;
use doorward::testing::MetadataInput;
use doorward::testing::NewConnection;
use doorward::testing::RsaSigner;
use doorward::testing::SettingsChange;
use doorward::testing::SigningIdentity;
use doorward::testing::Timestamp;
use doorward::testing::minutes;
use doorward::testing::redirect_url;
use doorward::testing::sign_element;

use super::Answer;
use super::Browser;
use super::TestApp;

pub const ENTITY_ID: &str = "https://idp.example/metadata";
pub const SSO_URL: &str = "https://idp.example/sso";
const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";

/// A key of an identity provider, with its certificate.
pub struct Key {
    pub identity: SigningIdentity,
    signer: RsaSigner,
}

impl Key {
    fn new(start: Timestamp, years: u32) -> Self {
        let identity = SigningIdentity::generate("idp.example", start.secs(), years).unwrap();
        Self { signer: identity.signer().unwrap(), identity }
    }

    /// The one that connections of tests trust.
    pub fn idp() -> &'static Self {
        static KEY: OnceLock<Key> = OnceLock::new();
        KEY.get_or_init(|| Self::new(Timestamp::from_secs(1_750_000_000), 20))
    }

    /// One that nobody trusts.
    pub fn other() -> &'static Self {
        static KEY: OnceLock<Key> = OnceLock::new();
        KEY.get_or_init(|| Self::new(Timestamp::from_secs(1_750_000_000), 20))
    }

    /// One whose certificate has ended.
    pub fn expired() -> &'static Self {
        static KEY: OnceLock<Key> = OnceLock::new();
        KEY.get_or_init(|| Self::new(Timestamp::from_secs(1_500_000_000), 1))
    }

    /// One whose certificate ends in a month.
    pub fn ending() -> &'static Self {
        static KEY: OnceLock<Key> = OnceLock::new();
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let start = || i64::try_from(now()).unwrap() - 335 * 86_400;
        KEY.get_or_init(|| Self::new(Timestamp::from_secs(start()), 1))
    }

    /// Another certificate of the same key, each time.
    pub fn renewed(&self) -> &'static Self {
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        let pair = rcgen::KeyPair::try_from(self.identity.pkcs8.as_slice()).unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.serial_number = Some(SERIAL.fetch_add(1, Ordering::Relaxed).into());
        let certificate_der = params.self_signed(&pair).unwrap().der().to_vec();
        let identity = SigningIdentity { pkcs8: self.identity.pkcs8.clone(), certificate_der };
        Box::leak(Box::new(Self { signer: identity.signer().unwrap(), identity }))
    }

    pub fn pem(&self) -> String {
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            STANDARD.encode(&self.identity.certificate_der)
        )
    }

    /// An address with a message in a signed query.
    pub fn redirect(&self, to: &str, field: &str, text: &str, relay_state: Option<&str>) -> String {
        redirect_url(to, field, text, relay_state, &self.signer)
    }

    pub fn sign(&self, text: &str, id: &str) -> String {
        sign_element(text, id, &self.signer, &self.identity.certificate_der).unwrap()
    }
}

/// A connection of the gateway, as its identity provider knows it.
#[derive(Debug, Clone)]
pub struct Idp {
    pub id: ConnectionId,
    pub entity_id: String,
    pub acs_url: String,
    pub entity: String,
}

impl TestApp {
    pub async fn draft_connection(&self, settings: SettingsChange) -> Idp {
        self.connection_of(ENTITY_ID, Key::idp(), settings).await
    }

    pub async fn connection_of(&self, entity: &str, key: &Key, settings: SettingsChange) -> Idp {
        let metadata = MetadataInput::Manual {
            idp_entity_id: entity.to_owned(),
            sso_url: SSO_URL.to_owned(),
            certificates: key.pem().into_bytes(),
        };
        let new =
            NewConnection { name: "Okta".to_owned(), metadata: Some(metadata), settings, ..NewConnection::default() };
        let (view, problem) = self.app().create_connection(&self.ctx().await, new).await.unwrap();
        assert!(problem.is_none());
        let made = view.connection;
        Idp { id: made.id, entity_id: made.entity_id, acs_url: made.acs_url, entity: entity.to_owned() }
    }

    pub async fn activate(&self, idp: &Idp) {
        self.app().activate_connection(&self.ctx().await, idp.id.clone(), true, None).await.unwrap();
    }

    pub async fn change(&self, idp: &Idp, change: SettingsChange) {
        self.app().update_connection(&self.ctx().await, idp.id.clone(), change, None, None).await.unwrap();
    }

    pub async fn connection(&self, settings: SettingsChange) -> Idp {
        let idp = self.draft_connection(settings).await;
        self.activate(&idp).await;
        idp
    }

    pub async fn active_connection(&self) -> Idp {
        self.connection(SettingsChange::default()).await
    }

    /// A whole sign-in of this person in a browser of their own.
    pub async fn sign_in_by_saml(&self, idp: &Idp, email: &str) -> (Browser, Answer) {
        let mut browser = self.stranger();
        let request = browser.start(idp, "/account").await;
        let answer = browser.bring(idp, &idp.reply(self.now(), Some(&request.id)).naming(email).encoded()).await;
        (browser, answer)
    }
}

/// What the identity provider gets from us.
#[derive(Debug, Clone)]
pub struct Request {
    pub id: String,
    pub xml: String,
    /// The query as it travels.
    pub query: String,
}

impl Request {
    pub fn read(location: &str) -> Self {
        let (_, query) = location.split_once('?').expect("the redirect has a query");
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let field = |name: &str| fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let packed = STANDARD.decode(field("SAMLRequest").unwrap()).unwrap();
        let mut xml = String::new();
        flate2::read::DeflateDecoder::new(packed.as_slice()).read_to_string(&mut xml).unwrap();
        Self::of(&xml, query)
    }

    pub fn of(xml: &str, query: &str) -> Self {
        let id = roxmltree::Document::parse(xml).unwrap().root_element().attribute("ID").unwrap().to_owned();
        Self { id, xml: xml.to_owned(), query: query.to_owned() }
    }

    /// By the key of this certificate, as the Redirect binding has it (SAML bindings 3.4.4.1).
    pub fn is_signed_by(&self, pem: &str) -> bool {
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(base64).unwrap();
        let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
        let key = certificate.public_key().subject_public_key.data.as_ref();
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
        let (signed, signature) = self.query.split_once("&Signature=").unwrap();
        let signature: Vec<_> = url::form_urlencoded::parse(format!("s={signature}").as_bytes()).into_owned().collect();
        key.verify(signed.as_bytes(), &STANDARD.decode(&signature[0].1).unwrap()).is_ok()
    }
}

impl Browser {
    /// Goes to the identity provider; what it brings there is read.
    pub async fn start(&mut self, idp: &Idp, return_to: &str) -> Request {
        let back: String = url::form_urlencoded::byte_serialize(return_to.as_bytes()).collect();
        let answer = self.get(&self.path_of(idp, &format!("/sso/{}/start?return_to={back}", idp.id))).await;
        assert_eq!(answer.status, 302, "{}", answer.body);
        assert!(answer.location().starts_with(SSO_URL), "{}", answer.location());
        Request::read(answer.location())
    }

    fn path_of(&self, idp: &Idp, path: &str) -> String {
        let base = idp.entity_id.split("/saml/").next().unwrap();
        format!("{}{path}", base.strip_prefix(&self.origin).unwrap())
    }

    /// Comes back from the identity provider's page, by a form of that page.
    pub async fn bring(&mut self, idp: &Idp, response: &str) -> Answer {
        let path = idp.acs_url.strip_prefix(&self.origin).unwrap().to_owned();
        self.cross_site_post(&path, &[("SAMLResponse", response), ("RelayState", "https://evil.example/")]).await
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signs {
    Assertion,
    Response,
    Nothing,
}

/// An answer of the identity provider; a good one until a test changes it.
#[derive(Clone)]
pub struct Reply {
    pub assertion_id: String,
    pub issuer: String,
    pub audience: String,
    pub recipient: String,
    pub destination: String,
    pub in_response_to: Option<String>,
    pub name_id: String,
    pub name_id_format: &'static str,
    pub attributes: Vec<(String, Vec<String>)>,
    pub issued: Timestamp,
    pub not_before: Timestamp,
    pub not_on_or_after: Timestamp,
    pub signs: Signs,
    pub key: &'static Key,
}

impl Idp {
    pub fn reply(&self, now: Timestamp, in_response_to: Option<&str>) -> Reply {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Reply {
            assertion_id: format!("_assertion{count}"),
            issuer: self.entity.clone(),
            audience: self.entity_id.clone(),
            recipient: self.acs_url.clone(),
            destination: self.acs_url.clone(),
            in_response_to: in_response_to.map(str::to_owned),
            name_id: "grace".to_owned(),
            name_id_format: "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
            attributes: vec![
                ("email".to_owned(), vec!["grace@acme.example".to_owned()]),
                ("firstName".to_owned(), vec!["Grace".to_owned()]),
                ("lastName".to_owned(), vec!["Hopper".to_owned()]),
                ("displayName".to_owned(), vec!["Grace Hopper".to_owned()]),
                ("job_title".to_owned(), vec!["Rear Admiral".to_owned()]),
                ("groups".to_owned(), vec!["Platform".to_owned(), "Staff".to_owned()]),
            ],
            issued: now,
            not_before: now - minutes(1),
            not_on_or_after: now + minutes(5),
            signs: Signs::Assertion,
            key: Key::idp(),
        }
    }
}

impl Reply {
    /// About the person with this address, whose subject is what stands before the `@`.
    pub fn naming(mut self, email: &str) -> Self {
        email.split('@').next().unwrap().clone_into(&mut self.name_id);
        self.with("email", &[email])
    }

    pub fn with(mut self, name: &str, values: &[&str]) -> Self {
        self.attributes.retain(|(known, _)| known != name);
        self.attributes.push((name.to_owned(), values.iter().map(|value| (*value).to_owned()).collect()));
        self
    }

    /// Moves all its times.
    pub fn earlier(mut self, by: Duration) -> Self {
        self.issued = self.issued - by;
        self.not_before = self.not_before - by;
        self.not_on_or_after = self.not_on_or_after - by;
        self
    }

    pub fn assertion(&self) -> String {
        let request = self.in_response_to.as_ref().map(|id| format!(" InResponseTo=\"{id}\"")).unwrap_or_default();
        let attributes: String = self.attributes.iter().map(|(name, values)| attribute(name, values)).collect();
        let Self { assertion_id, issuer, audience, recipient, name_id, name_id_format, .. } = self;
        let Self { issued, not_before, not_on_or_after, .. } = self;
        format!(
            "<saml:Assertion xmlns:saml=\"{ASSERTION}\" ID=\"{assertion_id}\" Version=\"2.0\" IssueInstant=\"{issued}\">\
             <saml:Issuer>{issuer}</saml:Issuer><saml:Subject><saml:NameID Format=\"{name_id_format}\">{name_id}</saml:NameID>\
             <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData{request} \
             NotOnOrAfter=\"{not_on_or_after}\" Recipient=\"{recipient}\"/></saml:SubjectConfirmation></saml:Subject>\
             <saml:Conditions NotBefore=\"{not_before}\" NotOnOrAfter=\"{not_on_or_after}\"><saml:AudienceRestriction>\
             <saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>\
             <saml:AuthnStatement AuthnInstant=\"{issued}\" SessionIndex=\"{assertion_id}s\"><saml:AuthnContext>\
             <saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef>\
             </saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"
        )
    }

    /// A response around an assertion, or around whatever stands in its place.
    pub fn around(&self, inside: &str) -> String {
        let request = self.in_response_to.as_ref().map(|id| format!(" InResponseTo=\"{id}\"")).unwrap_or_default();
        let Self { assertion_id, issuer, destination, issued, .. } = self;
        format!(
            "<samlp:Response xmlns:samlp=\"{PROTOCOL}\" ID=\"{assertion_id}r\" Version=\"2.0\" IssueInstant=\"{issued}\" \
             Destination=\"{destination}\"{request}><saml:Issuer xmlns:saml=\"{ASSERTION}\">{issuer}</saml:Issuer>\
             <samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>\
             {inside}</samlp:Response>"
        )
    }

    pub fn xml(&self) -> String {
        match self.signs {
            Signs::Nothing => self.around(&self.assertion()),
            Signs::Assertion => self.around(&self.key.sign(&self.assertion(), &self.assertion_id)),
            Signs::Response => self.key.sign(&self.around(&self.assertion()), &format!("{}r", self.assertion_id)),
        }
    }

    pub fn encoded(&self) -> String {
        STANDARD.encode(self.xml())
    }
}

fn attribute(name: &str, values: &[String]) -> String {
    let values: String =
        values.iter().map(|value| format!("<saml:AttributeValue>{value}</saml:AttributeValue>")).collect();
    format!("<saml:Attribute Name=\"{name}\">{values}</saml:Attribute>")
}

/// As an identity provider does it for the certificate of our metadata: by another program, with AES-256-CBC.
pub fn encrypt(assertion: &str, pem: &str) -> String {
    let template = "<xenc:EncryptedData xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" Type=\"http://www.w3.org/2001/04/xmlenc#Element\">\
        <xenc:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#aes256-cbc\"/>\
        <ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><xenc:EncryptedKey>\
        <xenc:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p\"/>\
        <xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>\
        <xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>";
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("template.xml"), template).unwrap();
    std::fs::write(path("assertion.xml"), assertion).unwrap();
    std::fs::write(path("sp.pem"), pem).unwrap();
    let output = std::process::Command::new("xmlsec1")
        .args(["--encrypt", "--session-key", "aes-256", "--pubkey-cert-pem"])
        .arg(path("sp.pem"))
        .arg("--xml-data")
        .args([path("assertion.xml"), path("template.xml")])
        .output()
        .expect("Debian's xmlsec1 is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let encrypted = text[text.find("<xenc:EncryptedData").unwrap()..].trim_end();
    format!(
        "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{encrypted}</saml:EncryptedAssertion>"
    )
}
