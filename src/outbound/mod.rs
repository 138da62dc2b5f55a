//! Everything that leaves the machine, and the one place where a URL somebody typed is called. It guards against
//! requests into the inside (SSRF): https, addresses vetted before the connection and connected to as vetted, no
//! redirects, bounded time and size, no proxy from the environment. Only `outbound_allow` makes exceptions. It decides
//! nothing about what comes back and knows no protocol above HTTP.

mod address;
pub mod dns;
mod failure;
pub mod http;
mod tls;
