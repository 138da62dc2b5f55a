//! The demo: a throw-away gateway and an identity provider that signs for anybody. Stands above `server`; only
//! `doorward demo` and the tests reach it. The provider listens on loopback alone, its keys are made at start and end
//! with it. Speaks SAML 2.0 as an identity provider (profiles 4.1, 4.4): requests by Redirect and POST, answers by
//! POST, single logout both ways.

pub mod answer;
pub mod gateway;
pub mod idp;
pub mod keys;
pub mod logout;
mod pages;
pub mod people;
pub mod request;

#[cfg(test)]
mod tests;
