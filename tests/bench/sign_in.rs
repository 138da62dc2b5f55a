//! Sign-ins by SAML as a browser brings them, made and signed beforehand, and what they cost the gateway.

use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward::testing::Certificate;
use doorward::testing::Clock as _;
use doorward::testing::ConnectionId;
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

use super::client::call;
use super::client::header;

/// An identity provider with an active connection.
pub struct Idp {
    pub connection: ConnectionId,
    pub signer: RsaSigner,
    pub der: Vec<u8>,
}

impl Idp {
    pub async fn connect(gateway: &Gateway) -> Self {
        let identity = SigningIdentity::generate("idp.example", gateway.clock.now().secs(), 5).unwrap();
        let certificate = Certificate::from_der(&identity.certificate_der).unwrap();
        let organization = gateway.app.find_organization(None).await.unwrap();
        let ctx = command_line(&organization.id, gateway.clock.now());
        let metadata = MetadataInput::Manual {
            idp_entity_id: "https://idp.example/".into(),
            sso_url: "https://idp.example/sso".into(),
            certificates: certificate.to_pem().into_bytes(),
        };
        let new = NewConnection { name: "Okta".into(), metadata: Some(metadata), ..NewConnection::default() };
        let connection = gateway.app.create_connection(&ctx, new).await.unwrap().0.connection.id;
        gateway.app.activate_connection(&ctx, connection.clone(), true, None).await.unwrap();
        let signer = RsaSigner::from_pkcs8(&identity.pkcs8).unwrap();
        Self { connection, signer, der: identity.certificate_der }
    }

    /// The answers of so many people, from this one on, each to a sign-in that began.
    pub fn answers(&self, gateway: &Gateway, first: usize, count: usize) -> Vec<String> {
        let host = format!("localhost:{}", gateway.address.port());
        let mut stream = TcpStream::connect(gateway.address).unwrap();
        let start = format!("GET /sso/{}/start HTTP/1.1\r\nHost: {host}\r\n\r\n", self.connection);
        let one = |n: usize| self.acs(&host, &call(&mut stream, &start), n, gateway.clock.now());
        (first..first + count).map(one).collect()
    }

    /// What the identity provider would have a browser bring for the request that this start made.
    fn acs(&self, host: &str, head: &str, n: usize, now: Timestamp) -> String {
        let location = url::Url::parse(header(head, "location").unwrap()).unwrap();
        let sent = location.query_pairs().find(|(name, _)| name == "SAMLRequest").unwrap().1.into_owned();
        let asked = Request::read(&sent).unwrap();
        // Nobody whom a bench has filled in before.
        let email = format!("guest{n}@acme.example");
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
        let xml = answer.to_xml(&self.signer, &self.der).unwrap();
        let body = form(&xml);
        let cookie = header(head, "set-cookie").unwrap().split(';').next().unwrap();
        format!(
            "POST /saml/{}/acs HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n{FORM}{}\r\n\r\n{body}",
            self.connection,
            body.len()
        )
    }
}

pub const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ";

pub fn form(xml: &str) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("SAMLResponse", &STANDARD.encode(xml)).finish()
}

pub fn template(now: Timestamp) -> ResponseTemplate {
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
