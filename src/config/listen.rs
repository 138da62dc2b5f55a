//! Addresses: where to listen, whom to trust, what may be called.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// Who may say where a request came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    pub has_unix: bool,
}

impl TrustedProxies {
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }
}

/// What may be called although it is private, on another port or plain http.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboundAllow {
    hosts: Vec<(String, Option<u16>)>,
    networks: Vec<(IpNet, Option<u16>)>,
}

impl OutboundAllow {
    pub fn names_host(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.');
        self.hosts.iter().any(|(name, only)| name.eq_ignore_ascii_case(host) && only.is_none_or(|only| only == port))
    }

    pub fn names_address(&self, address: IpAddr, port: u16) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|(network, only)| network.contains(&address) && only.is_none_or(|only| only == port))
    }
}

/// The parts of a list, separated by commas.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let parsed = numeric.as_deref().unwrap_or(text).parse();
    parsed.map_err(|_| format!("`{text}` is not an address with a port. Write it such as 127.0.0.1:8080 or [::]:8080."))
}

pub(super) fn proxies(text: &str) -> Result<TrustedProxies, String> {
    let mut proxies = TrustedProxies::default();
    for part in parts(text) {
        if part == "unix" {
            proxies.has_unix = true;
        } else {
            let network = network(part);
            proxies.networks.push(network.ok_or_else(|| {
                format!(
                    "`{part}` is no network. Write addresses such as 10.0.0.7, networks such as 10.0.0.0/8, or unix."
                )
            })?);
        }
    }
    Ok(proxies)
}

pub(super) fn outbound_allow(text: &str) -> Result<OutboundAllow, String> {
    let mut allow = OutboundAllow::default();
    for part in parts(text) {
        if let Some(network) = network(part) {
            allow.networks.push((network, None));
        } else if let Ok(address) = part.parse::<SocketAddr>() {
            allow.networks.push((address.ip().to_canonical().into(), Some(address.port())));
        } else {
            let host = host(part).ok_or_else(|| {
                format!(
                    "`{part}` is neither host, host:port, address, address:port nor network. Write it without https://."
                )
            })?;
            allow.hosts.push(host);
        }
    }
    Ok(allow)
}

pub(super) fn name_servers(text: &str) -> Result<Vec<SocketAddr>, String> {
    let server = |part: &str| match part.parse::<IpAddr>() {
        Ok(address) => Ok(SocketAddr::new(address, 53)),
        Err(_) => part
            .parse()
            .map_err(|_| format!("`{part}` is no name server. Write addresses such as 10.0.0.53 or 127.0.0.1:5353.")),
    };
    parts(text).map(server).collect()
}

fn network(text: &str) -> Option<IpNet> {
    let address = text.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical()));
    address.or_else(|| text.parse::<IpNet>().ok().map(|network| network.trunc()))
}

fn host(text: &str) -> Option<(String, Option<u16>)> {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => (name, Some(port.parse().ok()?)),
        None => (text, None),
    };
    let name = name.trim_end_matches('.');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (!name.is_empty() && name.bytes().all(is_plain)).then(|| (name.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn proxies_are_addresses_networks_and_unix() {
        let proxies = proxies("10.0.0.0/8, 192.0.2.7,unix, fd00::/8").unwrap();
        assert!(proxies.has_unix);
        for (address, is_trusted) in [
            ("10.2.3.4", true),
            ("::ffff:10.2.3.4", true),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("fd00::1", true),
            ("fe80::1", false),
        ] {
            assert_eq!(proxies.contains(ip(address)), is_trusted, "{address}");
        }
        assert!(super::proxies("10.0.0.0/33").is_err() && super::proxies("proxy.example.com").is_err());
    }

    #[test]
    fn what_may_be_called_is_named_by_host_or_address_with_or_without_a_port() {
        let allow = outbound_allow("idp.internal,Other.Internal:9443,127.0.0.1:9000,10.2.0.0/16,[::1]:9000").unwrap();
        for (host, port, is_named) in [
            ("idp.internal", 80, true),
            ("IDP.internal.", 8080, true),
            ("other.internal", 9443, true),
            ("other.internal", 443, false),
            ("evil-idp.internal", 80, false),
        ] {
            assert_eq!(allow.names_host(host, port), is_named, "{host}:{port}");
        }
        for (address, port, is_named) in [
            ("127.0.0.1", 9000, true),
            ("127.0.0.1", 9001, false),
            ("::ffff:127.0.0.1", 9000, true),
            ("10.2.255.1", 1, true),
            ("10.3.0.1", 1, false),
            ("::1", 9000, true),
        ] {
            assert_eq!(allow.names_address(ip(address), port), is_named, "{address}:{port}");
        }
        for wrong in ["https://idp.internal", "idp.internal:port", "a b", ":80", "user@host"] {
            assert!(outbound_allow(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_and_name_servers_read_as_people_write_them() {
        assert_eq!(address("localhost:80").unwrap(), "127.0.0.1:80".parse().unwrap());
        assert!(address("8080").is_err() && address("127.0.0.1").is_err());
        let servers = name_servers("10.0.0.53, ::1,127.0.0.1:5353").unwrap();
        assert_eq!(servers.iter().map(SocketAddr::port).collect::<Vec<_>>(), [53, 53, 5353]);
        assert!(name_servers("dns.example.com").is_err());
    }
}
