//! The client for URLs that people type: metadata, keys, webhooks.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, header};
use url::{Host, Url};

use crate::config::Config;
use crate::config::OutboundAllow;

use super::address::is_public;
use super::dns::Dns;
use super::failure::failure;
pub use super::tls::CaFileError;
use super::tls::Roots;

pub use super::failure::FetchError;

const CONNECT: Duration = Duration::from_secs(5);
pub(super) const TOTAL: Duration = Duration::from_secs(10);
const PORTS: [u16; 2] = [443, 8443];

/// An answer with a status of success.
#[derive(Debug)]
pub struct Fetched {
    pub body: Vec<u8>,
}

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;
type Lookup = dyn Fn(String, u16) -> Found + Send + Sync;

/// Clones share what they know.
#[derive(Clone)]
pub struct Http {
    inner: Arc<Inner>,
}

struct Inner {
    allow: OutboundAllow,
    roots: Roots,
    lookup: Box<Lookup>,
    patience: Duration,
}

impl Http {
    pub fn new(config: &Config) -> Result<Self, CaFileError> {
        let dns = Dns::new(config);
        let lookup = move |host: String, port| -> Found {
            let dns = dns.clone();
            Box::pin(async move { dns.addresses(&host, port).await })
        };
        let roots = Roots::new(config.outbound_ca_file.as_deref())?;
        Ok(Self::with(config.outbound_allow.clone(), roots, Box::new(lookup), TOTAL))
    }

    fn with(allow: OutboundAllow, roots: Roots, lookup: Box<Lookup>, patience: Duration) -> Self {
        Self { inner: Arc::new(Inner { allow, roots, lookup, patience }) }
    }

    /// Whether browsers may be sent to this plain http address: one on this machine, or one the operator named.
    pub fn allows_plain(&self, url: &Url) -> bool {
        let Some((host, port)) = url.host().zip(url.port_or_known_default()) else { return false };
        let is_here = match host {
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
            Host::Domain(name) => name == "localhost",
        };
        is_here || self.inner.allow.names_host(url.host_str().unwrap_or_default(), port)
    }

    /// Fetches `url`, of which at most `limit` bytes are taken.
    pub async fn get(&self, url: &str, limit: usize) -> Result<Fetched, FetchError> {
        let url = Url::parse(url).map_err(|_| FetchError::NotAUrl)?;
        let host = url.host_str().ok_or(FetchError::NotAUrl)?.to_owned();
        let fetching = self.fetch(url, &host, limit);
        tokio::time::timeout(self.inner.patience, fetching).await.unwrap_or(Err(FetchError::TimedOut { host }))
    }

    async fn fetch(&self, url: Url, host: &str, limit: usize) -> Result<Fetched, FetchError> {
        let addresses = self.vetted(&url, host).await?;
        let is_inside = addresses.iter().any(|address| !is_public(address.ip()));
        let client = self.client(addresses).map_err(|error| failure(host, &error))?;
        let response = client.get(url).send().await.map_err(|error| failure(host, &error))?;
        take(response, host, limit, is_inside).await
    }

    /// Where to connect to; nowhere else is looked afterwards.
    async fn vetted(&self, url: &Url, host: &str) -> Result<Vec<SocketAddr>, FetchError> {
        if !matches!(url.scheme(), "https" | "http") || !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::NotAUrl);
        }
        let port = url.port_or_known_default().ok_or(FetchError::NotAUrl)?;
        let is_named = self.inner.allow.names_host(host, port);
        let is_plain = url.scheme() == "http";
        let addresses = match url.host().ok_or(FetchError::NotAUrl)? {
            Host::Ipv4(address) => vec![SocketAddr::new(address.into(), port)],
            Host::Ipv6(address) => vec![SocketAddr::new(address.into(), port)],
            Host::Domain(name) => match self.look_up(name, port).await {
                // Nobody is told that a name is unknown when the address would not do anyhow.
                Err(_) if is_plain && !is_named => return Err(FetchError::NotHttps { host: host.to_owned() }),
                found => found?,
            },
        };
        for address in &addresses {
            let is_allowed = is_named || self.inner.allow.names_address(address.ip(), port);
            if is_allowed {
                continue;
            }
            let host = host.to_owned();
            if is_plain {
                return Err(FetchError::NotHttps { host });
            }
            if !is_public(address.ip()) {
                return Err(FetchError::Private { host, address: address.ip() });
            }
            if !PORTS.contains(&port) {
                return Err(FetchError::Port { host, port });
            }
        }
        Ok(addresses)
    }

    async fn look_up(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, FetchError> {
        let unknown = || FetchError::unreachable(host, "its name is not known");
        let found = (self.inner.lookup)(host.to_owned(), port).await.map_err(|_| unknown())?;
        if found.is_empty() { Err(unknown()) } else { Ok(found) }
    }

    /// A client for one call, since its addresses were vetted for that call.
    fn client(&self, addresses: Vec<SocketAddr>) -> Result<Client, reqwest::Error> {
        Client::builder()
            .tls_backend_preconfigured(self.inner.roots.client())
            .dns_resolver(Arc::new(Vetted(addresses)))
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .user_agent(concat!("Doorward/", env!("CARGO_PKG_VERSION")))
            .build()
    }
}

/// Answers with what was vetted, whatever is asked.
struct Vetted(Vec<SocketAddr>);

impl Resolve for Vetted {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(async { Ok(addresses) })
    }
}

async fn take(mut response: Response, host: &str, limit: usize, is_inside: bool) -> Result<Fetched, FetchError> {
    let (status, host_name) = (response.status(), host.to_owned());
    if status.is_redirection() {
        let to = text_header(&response, &header::LOCATION).unwrap_or_else(|| "another place".to_owned());
        return Err(FetchError::Redirected { host: host_name, to, is_inside });
    }
    if !status.is_success() {
        return Err(FetchError::Status { host: host_name, status: status.as_u16() });
    }
    let announced = response.content_length().unwrap_or(0);
    let mut body = Vec::new();
    if usize::try_from(announced).is_ok_and(|length| length <= limit) {
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(host, &error))? {
            if body.len() + chunk.len() > limit {
                return Err(FetchError::TooLarge { host: host_name, limit });
            }
            body.extend_from_slice(&chunk);
        }
        return Ok(Fetched { body });
    }
    Err(FetchError::TooLarge { host: host_name, limit })
}

fn text_header(response: &Response, name: &header::HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(|text| text.chars().take(300).collect())
}

#[cfg(test)]
mod tests {
    const LIMIT: usize = 1 << 20;

    use std::net::{IpAddr, Ipv4Addr, TcpListener};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread::JoinHandle;

    use tempfile::TempDir;

    use super::*;

    fn config(flags: &[(&'static str, &str)]) -> Config {
        Config::load(None, [], flags.iter().map(|(name, value)| (*name, (*value).to_owned()))).unwrap().0
    }

    /// `allow` as `outbound_allow`; names lead to the addresses in turn, whatever they are.
    fn http(allow: &str, addresses: &[&str]) -> (Http, Arc<AtomicUsize>) {
        let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        let lookup = move |_: String, port| -> Found {
            let turn = counter.fetch_add(1, Ordering::SeqCst).min(addresses.len().saturating_sub(1));
            let found = addresses.get(turn).map(|address| SocketAddr::new(*address, port));
            Box::pin(async move { Ok(found.into_iter().collect()) })
        };
        let allow = config(&[("outbound_allow", allow)]).outbound_allow;
        (Http::with(allow, Roots::new(None).unwrap(), Box::new(lookup), TOTAL), count)
    }

    fn listen(address: Ipv4Addr) -> (TcpListener, u16) {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    fn saw_nobody(listener: &TcpListener) -> bool {
        listener.set_nonblocking(true).unwrap();
        listener.accept().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Answers one request with these bytes and gives back what was asked.
    fn answer(listener: TcpListener, answer: impl Into<Vec<u8>>) -> JoinHandle<String> {
        use std::io::{Read, Write};
        let answer = answer.into();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = vec![0; 4096];
            let length = stream.read(&mut asked).unwrap();
            // The client may hang up in the middle, which is what some tests are about.
            stream.write_all(&answer).ok();
            String::from_utf8_lossy(&asked[..length]).into_owned()
        })
    }

    #[tokio::test]
    async fn an_address_inside_is_refused_before_any_connection() {
        let (listener, port) = listen(Ipv4Addr::LOCALHOST);
        let (http, _) = http("", &["127.0.0.1"]);
        for url in [
            format!("https://127.0.0.1:{port}/"),
            format!("https://idp.example.com:{port}/"),
            format!("https://0x7f000001:{port}/"),
            format!("https://[::ffff:127.0.0.1]:{port}/"),
        ] {
            let refused = http.get(&url, LIMIT).await.unwrap_err();
            assert!(matches!(refused, FetchError::Private { .. }), "{url}: {refused}");
            assert_eq!(refused.code(), "metadata_private");
        }
        let plain = http.get(&format!("http://127.0.0.1:{port}/"), LIMIT).await.unwrap_err();
        assert_eq!(plain.code(), "metadata_http");
        assert!(saw_nobody(&listener));
    }

    #[tokio::test]
    async fn one_private_address_among_several_spoils_the_name() {
        let lookup = |_: String, port| -> Found {
            let addresses = ["1.1.1.1", "10.0.0.1"].map(|address| SocketAddr::new(address.parse().unwrap(), port));
            Box::pin(async move { Ok(addresses.to_vec()) })
        };
        let http = Http::with(OutboundAllow::default(), Roots::new(None).unwrap(), Box::new(lookup), TOTAL);
        let refused = http.get("https://idp.example.com/", LIMIT).await.unwrap_err();
        let (host, address) = ("idp.example.com".to_owned(), "10.0.0.1".parse().unwrap());
        assert!(!refused.to_string().contains("10.0.0.1"), "{refused}");
        assert!(refused.inside().is_some_and(|text| text.contains("(10.0.0.1)")));
        assert_eq!(refused, FetchError::Private { host, address });
    }

    #[tokio::test]
    async fn a_name_that_changes_its_address_is_called_at_the_vetted_one() {
        let (good, port) = listen(Ipv4Addr::LOCALHOST);
        let evil = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), port)).unwrap();
        let (http, lookups) = http(&format!("127.0.0.1:{port}"), &["127.0.0.1", "127.0.0.2"]);
        let asked = answer(good, "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 2\r\n\r\nok");
        let url = format!("http://idp.example.com:{port}/metadata");
        let fetched = http.get(&url, LIMIT).await.unwrap();
        assert_eq!(fetched.body.as_slice(), b"ok");
        assert!(asked.join().unwrap().starts_with("GET /metadata HTTP/1.1\r\n"));
        assert_eq!(lookups.load(Ordering::SeqCst), 1);
        assert!(http.get(&url, LIMIT).await.is_err());
        assert!(saw_nobody(&evil));
    }

    #[tokio::test]
    async fn what_an_operator_names_may_be_called() {
        for allow in ["idp.internal", "127.0.0.1", "127.0.0.0/8"] {
            let (listener, port) = listen(Ipv4Addr::LOCALHOST);
            let (http, _) = http(allow, &["127.0.0.1"]);
            let asked = answer(listener, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            http.get(&format!("http://idp.internal:{port}/"), LIMIT).await.unwrap();
            asked.join().unwrap();
        }
        let (http, _) = http("idp.internal", &["127.0.0.1"]);
        assert_eq!(http.get("http://other.internal/", LIMIT).await.unwrap_err().code(), "metadata_http");
    }

    #[tokio::test]
    async fn ports_schemes_and_credentials_are_looked_at() {
        let (http, _) = http("", &["1.1.1.1"]);
        let refused = http.get("https://idp.example.com:22/", LIMIT).await.unwrap_err();
        assert_eq!(refused, FetchError::Port { host: "idp.example.com".to_owned(), port: 22 });
        for url in
            ["idp.example.com", "ftp://idp.example.com/", "file:///etc/passwd", "https://a:b@idp.example.com/", ""]
        {
            assert_eq!(http.get(url, LIMIT).await.unwrap_err(), FetchError::NotAUrl, "{url}");
        }
        let plain = http.get("http://idp.example.com/", LIMIT).await.unwrap_err();
        assert_eq!(plain, FetchError::NotHttps { host: "idp.example.com".to_owned() });
    }

    #[tokio::test]
    async fn redirects_failures_and_floods_are_told_apart_and_bodies_kept_back() {
        let host = || "127.0.0.1".to_owned();
        let chunk = "400\r\n".to_owned() + &"x".repeat(1024) + "\r\n";
        let cases = [
            (
                "HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n".to_owned(),
                FetchError::Redirected { host: host(), to: "http://10.0.0.1/".to_owned(), is_inside: true },
            ),
            (
                "HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nsecret".to_owned(),
                FetchError::Status { host: host(), status: 403 },
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n".to_owned(),
                FetchError::TooLarge { host: host(), limit: 1000 },
            ),
            (
                format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"),
                FetchError::TooLarge { host: host(), limit: 1000 },
            ),
            (
                "SSH-2.0-OpenSSH\r\n".to_owned(),
                FetchError::unreachable("127.0.0.1", "it broke off or does not speak HTTP"),
            ),
        ];
        for (bytes, expected) in cases {
            let (listener, port) = listen(Ipv4Addr::LOCALHOST);
            let (http, _) = http("127.0.0.1", &[]);
            let asked = answer(listener, bytes);
            let refused = http.get(&format!("http://127.0.0.1:{port}/"), 1000).await.unwrap_err();
            assert_eq!(refused, expected);
            assert!(!refused.to_string().contains("secret") && !refused.to_string().contains("10.0.0.1"));
            asked.join().unwrap();
        }
    }

    #[tokio::test]
    async fn a_closed_port_and_an_unknown_name_are_unreachable() {
        let (listener, port) = listen(Ipv4Addr::LOCALHOST);
        drop(listener);
        let (http, _) = http("127.0.0.1", &[]);
        let refused = http.get(&format!("http://127.0.0.1:{port}/"), LIMIT).await.unwrap_err();
        assert_eq!(refused, FetchError::unreachable("127.0.0.1", "nothing listens there"));
        let refused = http.get("https://nowhere.example.com/", LIMIT).await.unwrap_err();
        assert_eq!(refused, FetchError::unreachable("nowhere.example.com", "its name is not known"));
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_given_up() {
        let (listener, port) = listen(Ipv4Addr::LOCALHOST);
        let (mut http, _) = http("127.0.0.1", &[]);
        Arc::get_mut(&mut http.inner).unwrap().patience = Duration::from_millis(20);
        let refused = http.get(&format!("http://127.0.0.1:{port}/"), LIMIT).await.unwrap_err();
        assert_eq!(refused, FetchError::TimedOut { host: "127.0.0.1".to_owned() });
        drop(listener);
    }

    /// A TLS server for one connection, and the CA that vouches for it.
    fn serve_tls(names: &[&str]) -> (u16, String, JoinHandle<()>) {
        use std::io::{Read, Write};
        let key = rcgen::KeyPair::generate().unwrap();
        let mut about = rcgen::CertificateParams::new(Vec::new()).unwrap();
        about.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let ca = about.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(about, key);
        let server_key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let server = rcgen::CertificateParams::new(names).unwrap().signed_by(&server_key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![server.der().clone()], server_key.serialize_der().try_into().unwrap())
            .unwrap();
        let (listener, port) = listen(Ipv4Addr::LOCALHOST);
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            // A client that does not believe this server hangs up here.
            if stream.read(&mut [0; 4096]).is_ok() {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
            }
        });
        (port, ca.pem(), thread)
    }

    #[tokio::test]
    async fn a_house_of_ones_own_ca_is_believed_when_its_file_is_named() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("ca.pem");
        for (names, knows_ca, reason) in [
            (["localhost"], true, None),
            (["localhost"], false, Some("its certificate comes from a CA that is not known here")),
            (["idp.example.com"], true, Some("its certificate is for another name")),
        ] {
            let (port, ca, server) = serve_tls(&names);
            std::fs::write(&file, ca).unwrap();
            let path = file.to_str().unwrap();
            let flags = [("outbound_allow", "127.0.0.1,::1"), ("outbound_ca_file", if knows_ca { path } else { "" })];
            let http = Http::new(&config(&flags)).unwrap();
            let outcome = http.get(&format!("https://localhost:{port}/"), LIMIT).await;
            match reason {
                None => assert_eq!(outcome.unwrap().body, b"ok"),
                Some(reason) => {
                    let text = outcome.unwrap_err().to_string();
                    assert!(text.contains(reason), "{text}");
                }
            }
            server.join().unwrap();
        }
        std::fs::write(&file, "nothing").unwrap();
        let flags = [("outbound_ca_file", file.to_str().unwrap())];
        assert!(matches!(Http::new(&config(&flags)), Err(CaFileError::NoCertificate { .. })));
    }
}
