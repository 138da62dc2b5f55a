//! SAML 2.0 service provider, Web Browser SSO profile (profiles 4.1): requests by Redirect and POST, responses by POST,
//! metadata read and written. Single logout (profiles 4.4), both ways by both bindings.
//!
//! Verify, then read only what was signed: `signature` hands on the canonical bytes whose digest matched, `response` parses
//! those and nothing else. Refused on purpose: DOCTYPE, XML 1.1, SHA-1, RSA-PSS, RSA 1.5 encryption, inclusive
//! canonicalization, more than one assertion. Takes data and the time, returns a verdict; no clock, no store, no network.

mod c14n;
pub mod decrypt;
pub mod error;
pub mod key;
pub mod logout;
pub mod logout_message;
pub mod mapping;
pub mod metadata;
mod read;
mod redact;
pub mod redirect;
pub mod request;
pub mod response;
pub mod second_opinion;
pub mod sign;
pub mod signature;
pub mod sp_metadata;
pub mod xml;

#[cfg(test)]
mod tests;
