//! The demo: a throw-away gateway and an identity provider that signs for anybody. Stands above `server`; only
//! `doorward demo` and the tests reach it. The provider listens on loopback alone, its keys are made at start and end
//! with it. Speaks SAML 2.0 as an identity provider (profiles 4.1): requests by Redirect and POST, answers by POST.

pub mod answer;
pub mod gateway;
pub mod idp;
mod pages;
pub mod people;
pub mod request;

#[cfg(test)]
mod tests;
