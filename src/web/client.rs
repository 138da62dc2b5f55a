//! Who asks, as far as the connection and trusted proxies say, and under which name they asked us. Computed once a
//! request by the middleware; actix's own `ConnectionInfo` believes anybody and is banned.

use std::net::IpAddr;
use std::rc::Rc;

use actix_web::HttpMessage;
use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;

use crate::app::Urls;
use crate::app::sessions::Visitor;
use crate::config::Config;
use crate::config::Forwarded;
use crate::model::time::Timestamp;

/// More hops than any honest chain has.
const MAX_HOPS: usize = 10;

#[derive(Debug, Clone)]
pub struct Client {
    pub ip: Option<IpAddr>,
    /// The host that was asked for, lower-case, without its port.
    pub host: String,
    pub is_https: bool,
    pub via_trusted: bool,
    pub request_id: String,
    pub now: Timestamp,
}

/// The address of a client behind trusted proxies: from the right, the first that is not one of them.
fn forwarded_ip(config: &Config, peer: IpAddr, header: Option<&str>) -> IpAddr {
    let Some(header) = header else { return peer };
    let hops: Vec<&str> = header.split(',').map(str::trim).collect();
    if hops.len() > MAX_HOPS {
        return peer;
    }
    for hop in hops.iter().rev() {
        let Ok(ip) = hop.trim_matches(['[', ']']).parse::<IpAddr>() else { return peer };
        if !config.trusted_proxies.contains(ip) {
            return ip;
        }
    }
    peer
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    let first = values.next()?.to_str().ok()?;
    if values.next().is_some() { None } else { Some(first) }
}

/// All lines of a list header as one (RFC 9110, 5.3).
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines: Vec<&str> = headers.get_all(name).map(|value| value.to_str().unwrap_or("unreadable")).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// The parameters of the last element of RFC 7239 `Forwarded`, and the addresses of all.
fn rfc7239(headers: &HeaderMap) -> (Option<String>, Option<String>) {
    let Some(header) = joined(headers, "forwarded") else { return (None, None) };
    let value = |element: &str, name: &str| {
        element.split(';').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
        })
    };
    let ips: Vec<String> = header.split(',').filter_map(|element| value(element, "for")).collect();
    let proto = header.rsplit(',').next().and_then(|element| value(element, "proto"));
    ((!ips.is_empty()).then(|| ips.join(",")), proto)
}

impl Client {
    pub fn read(request: &HttpRequest, config: &Config, urls: &Urls, request_id: String, now: Timestamp) -> Self {
        let headers = request.headers();
        let peer = request.peer_addr().map(|peer| peer.ip());
        let via_trusted = peer.is_some_and(|peer| config.trusted_proxies.contains(peer));
        let (forwarded_for, proto) = match config.forwarded {
            Forwarded::XHeaders => {
                let proto = single(headers, "x-forwarded-proto").map(str::to_owned);
                (joined(headers, "x-forwarded-for"), proto)
            }
            Forwarded::Rfc7239 => rfc7239(headers),
            Forwarded::None => (None, None),
        };
        let ip = match peer {
            Some(peer) if via_trusted => Some(forwarded_ip(config, peer, forwarded_for.as_deref())),
            peer => peer,
        };
        let proto = proto.filter(|_| via_trusted);
        let host = request.uri().host().map(str::to_owned).or_else(|| single(headers, "host").map(str::to_owned));
        Self {
            ip: ip.map(|ip| match ip {
                IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4),
                ip => ip,
            }),
            host: host_name(&host.unwrap_or_default()),
            // Without a proxy that says otherwise, an https base means that TLS ended in front of us.
            is_https: proto.map_or(urls.is_https, |proto| proto.eq_ignore_ascii_case("https")),
            via_trusted,
            request_id,
            now,
        }
    }

    pub fn of(request: &HttpRequest) -> Option<Rc<Self>> {
        request.extensions().get::<Rc<Self>>().cloned()
    }

    /// Whether the request names us; on a loopback base any loopback name does.
    pub fn names_us(&self, urls: &Urls) -> bool {
        let is_loopback = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "::1");
        self.host == urls.host.trim_matches(['[', ']']).to_lowercase() || (urls.is_loopback && is_loopback(&self.host))
    }

    pub fn visitor(&self, request: &HttpRequest) -> Visitor {
        let agent = request.headers().get("user-agent").and_then(|value| value.to_str().ok());
        Visitor {
            ip: self.ip.map(|ip| ip.to_string()),
            user_agent: agent.map(|agent| agent[..agent.floor_char_boundary(300)].to_owned()),
            request_id: self.request_id.clone(),
            now: self.now,
        }
    }
}

/// A host without its port, brackets, case and trailing dot.
pub fn host_name(host: &str) -> String {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.trim_end_matches('.').to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_without_port_case_and_dot() {
        assert_eq!(host_name("ID.Example.com.:8443"), "id.example.com");
        assert_eq!(host_name("[::1]:8080"), "::1");
        assert_eq!(host_name("127.0.0.1:1"), "127.0.0.1");
    }
}
