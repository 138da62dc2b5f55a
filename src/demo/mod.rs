//! The demo: a throw-away gateway and an identity provider that signs for anybody. Stands above `server`; only
//! `doorward demo` and the tests reach it. The provider listens on loopback alone, its keys are made at start and end
//! with it. Speaks SAML 2.0 as an identity provider (profiles 4.1, 4.4): requests by Redirect and POST, answers by
//! POST, single logout both ways. Pushes its people and groups over SCIM 2.0 (RFC 7644) as Okta does, to the demo's own
//! gateway alone; nothing of that leaves the machine, so it takes another way than `outbound`.

pub mod answer;
pub mod directory;
mod directory_pages;
pub mod gateway;
pub mod idp;
pub mod keys;
pub mod logout;
pub mod okta;
mod pages;
pub mod people;
pub mod request;

#[cfg(test)]
mod tests;
