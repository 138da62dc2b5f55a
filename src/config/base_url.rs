use std::fmt;
use std::str::FromStr;

use url::Url;

/// Where Doorward is reached: the only source of its own URLs. Written without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    origin: String,
    prefix: String,
    host: String,
    is_https: bool,
}

impl BaseUrl {
    /// What stands for a base URL that is not set.
    pub fn on_this_machine(port: u16) -> Self {
        Self {
            origin: format!("http://localhost:{port}"),
            prefix: String::new(),
            host: "localhost".to_owned(),
            is_https: false,
        }
    }

    /// `https://gate.example.com`, as browsers write it in `Origin`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// `/gate`, or empty.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Without the port.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn is_https(&self) -> bool {
        self.is_https
    }

    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// `path` begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, self.prefix)
    }
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.prefix)
    }
}

impl FromStr for BaseUrl {
    /// A sentence.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text)
            .map_err(|_| format!("`{text}` is not a URL. Write it whole, such as https://gate.example.com."))?;
        let is_https = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(format!("A base URL begins with https://, not {other}://.")),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("The URL names no host.")?;
        if !is_https && !is_loopback(host) {
            return Err(format!(
                "http is for localhost, 127.0.0.1 and [::1] alone. Use https://{host}; \
                 a reverse proxy may hold the certificate."
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("A base URL holds no user name and no password. Leave them out.".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("A base URL ends with its path. Leave out what follows `?` or `#`.".to_owned());
        }
        let prefix = url.path().trim_end_matches('/');
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
        if prefix.contains("//") || !prefix.bytes().all(is_plain) {
            return Err(format!(
                "The path `{prefix}` may hold letters, digits, `-`, `.`, `_`, `~` and single slashes."
            ));
        }
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let origin = format!("{}://{host}{port}", url.scheme());
        Ok(Self { origin, prefix: prefix.to_owned(), host: host.to_owned(), is_https })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_kept_without_its_last_slash_and_joined_with_paths() {
        for (text, origin, prefix) in [
            ("https://gate.example.com", "https://gate.example.com", ""),
            ("https://Gate.Example.com:443/", "https://gate.example.com", ""),
            ("https://gate.example.com:8443/sign/in/", "https://gate.example.com:8443", "/sign/in"),
            ("http://localhost:8080", "http://localhost:8080", ""),
            ("http://[::1]:8080/", "http://[::1]:8080", ""),
        ] {
            let base: BaseUrl = text.parse().unwrap();
            assert_eq!((base.origin(), base.prefix()), (origin, prefix), "{text}");
            assert_eq!(base.join("/saml"), format!("{origin}{prefix}/saml"));
            assert_eq!(base.is_loopback(), text.starts_with("http://"));
        }
        assert_eq!(BaseUrl::on_this_machine(8080), "http://localhost:8080".parse().unwrap());
    }

    #[test]
    fn what_is_no_base_url_is_refused_with_a_way_out() {
        for (text, part) in [
            ("gate.example.com", "not a URL"),
            ("ftp://gate.example.com", "begins with https://"),
            ("http://gate.example.com", "Use https://gate.example.com"),
            ("http://127.0.0.2", "localhost, 127.0.0.1"),
            ("https://me:secret@gate.example.com", "no password"),
            ("https://gate.example.com/?a", "ends with its path"),
            ("https://gate.example.com/#a", "ends with its path"),
            ("https://gate.example.com/a//b", "single slashes"),
            ("https://gate.example.com/%41", "may hold letters"),
        ] {
            let refused = text.parse::<BaseUrl>().unwrap_err();
            assert!(refused.contains(part) && !refused.contains("secret"), "{refused}");
        }
    }
}
