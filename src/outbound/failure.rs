//! Why a call got no answer, in words an admin can act on.

use std::error::Error;
use std::io;
use std::net::IpAddr;

use super::http::TOTAL;

/// Why there is no answer. Nothing of a body is in it; what the other side wrote is not for the admin's eyes. The sentence
/// names no address inside the network: admins of any organization type links in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    #[error("This is not a URL of a web server. Write it whole, such as https://idp.example.com/metadata.")]
    NotAUrl,
    #[error(
        "The address of {host} is not https. Use https://, upload the file, or have the operator add the host to `outbound_allow`."
    )]
    NotHttps { host: String },
    #[error("Port {port} is not one that Doorward calls. Have the operator add {host}:{port} to `outbound_allow`.")]
    Port { host: String, port: u16 },
    #[error(
        "{host} is inside this network. Have the operator add it to `outbound_allow` if that is right, or upload the file."
    )]
    Private { host: String, address: IpAddr },
    #[error("{host} cannot be reached: {reason}. Check the address, and that this machine may call it.")]
    Unreachable { host: String, reason: String },
    #[error("{host} did not answer within {} seconds. Try again, or check it from this network.", TOTAL.as_secs())]
    TimedOut { host: String },
    #[error("{host} sends more than {limit} bytes, too much for what was asked. Check the address.")]
    TooLarge { host: String, limit: usize },
    #[error("{host} answered with status {status}. Open the address in a browser to see why.")]
    Status { host: String, status: u16 },
    #[error("{host} redirects {}.", if *is_inside { "elsewhere. Enter the address that it leads to instead".to_owned() } else { format!("to {to}. Enter that address instead, if it is right") })]
    Redirected { host: String, to: String, is_inside: bool },
}

impl FetchError {
    /// The code of errors.toml.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotHttps { .. } => "metadata_http",
            Self::Private { .. } => "metadata_private",
            _ => "metadata_unreachable",
        }
    }

    /// The sentence with what is inside the network, for those whose network it is. None where that is no other.
    pub fn inside(&self) -> Option<String> {
        match self {
            Self::Private { host, address } if *host != address.to_string() => Some(format!(
                "{host} is inside this network ({address}). Have the operator add it to `outbound_allow` if that is right, or \
                 upload the file."
            )),
            Self::Redirected { host, to, is_inside: true } => {
                Some(format!("{host} redirects to {to}. Enter that address instead, if it is right."))
            }
            _ => None,
        }
    }

    pub(super) fn unreachable(host: &str, reason: impl Into<String>) -> Self {
        Self::Unreachable { host: host.to_owned(), reason: reason.into() }
    }
}

/// The cause that helps lies deep in reqwest's error.
pub(super) fn failure(host: &str, error: &reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return FetchError::TimedOut { host: host.to_owned() };
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return FetchError::unreachable(host, tls_reason(tls));
        }
        let io = error.downcast_ref::<io::Error>();
        if let Some(reason) = io.and_then(io_reason) {
            return FetchError::unreachable(host, reason);
        }
        // An error inside one of I/O is not its source, which is the source of the one inside.
        cause = match io.and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    FetchError::unreachable(host, "it broke off or does not speak HTTP")
}

fn io_reason(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some("nothing listens there"),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Some("there is no way to it"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => Some("it broke off the connection"),
        _ => None,
    }
}

fn tls_reason(error: &rustls::Error) -> &'static str {
    use rustls::CertificateError as Bad;
    match error {
        rustls::Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => "its certificate has expired",
        rustls::Error::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => {
            "its certificate is not valid yet"
        }
        rustls::Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            "its certificate is for another name"
        }
        rustls::Error::InvalidCertificate(Bad::UnknownIssuer) => {
            "its certificate comes from a CA that is not known here (an own CA: `outbound_ca_file`)"
        }
        rustls::Error::InvalidCertificate(_) => "its certificate is not valid",
        _ => "it does not speak TLS as it should",
    }
}
