//! Names: addresses for the HTTP client. With `dns_servers` those are asked, else the system's own resolver.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::{Resolver, TokioResolver};

use crate::config::Config;

/// For one server's answer; it is asked three times.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Clone)]
pub struct Dns {
    servers: Vec<SocketAddr>,
}

impl Dns {
    pub fn new(config: &Config) -> Self {
        Self { servers: config.dns_servers.clone() }
    }

    pub(super) async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if self.servers.is_empty() {
            return Ok(tokio::net::lookup_host((host, port)).await?.collect());
        }
        let found =
            self.resolver().map_err(io::Error::other)?.lookup_ip(whole(host)).await.map_err(io::Error::other)?;
        Ok(found.iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    /// Made for each question: it belongs to the runtime that asks, and must not remember what an admin just changed.
    fn resolver(&self) -> Result<TokioResolver, NetError> {
        let servers = self.servers.iter().map(|server| {
            let ways = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut way| {
                way.port = server.port();
                way
            });
            NameServerConfig::new(server.ip(), true, ways.into())
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        options.timeout = PATIENCE;
        options.cache_size = 0;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        builder.build()
    }
}

/// With its last dot, so that no search domain is tried.
fn whole(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, UdpSocket};

    use super::*;

    /// Answers every question about `known` with one record; about anything else that there is no such name.
    fn name_server(known: &'static str, kind: u16, data: Vec<u8>) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut asked = [0; 512];
            while let Ok((_, from)) = socket.recv_from(&mut asked) {
                let name: Vec<u8> =
                    known.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
                let end = 12 + asked[12..].iter().position(|byte| *byte == 0).unwrap();
                let is_known = asked[12..end] == name && asked[end + 1..end + 3] == kind.to_be_bytes();
                // RFC 1035 4.1: id, flags, counts; the question; a record whose name points at the question's.
                let mut answer = asked[..2].to_vec();
                answer.extend(if is_known { [0x81, 0x80] } else { [0x81, 0x83] });
                answer.extend([0, 1, 0, u8::from(is_known), 0, 0, 0, 0]);
                answer.extend(&asked[12..end + 5]);
                if is_known {
                    answer.extend([0xc0, 12, 0, kind as u8, 0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
                    answer.extend(&data);
                }
                socket.send_to(&answer, from).unwrap();
            }
        });
        address
    }

    fn dns(server: SocketAddr) -> Dns {
        Dns { servers: vec![server] }
    }

    #[tokio::test]
    async fn addresses_come_from_the_configured_servers() {
        let dns = dns(name_server("idp.example", 1, vec![192, 0, 2, 7]));
        let found = dns.addresses("idp.example", 443).await.unwrap();
        assert_eq!(found, [SocketAddr::new(IpAddr::from([192, 0, 2, 7]), 443)]);
        assert!(dns.addresses("other.example", 443).await.is_err());
    }
}
