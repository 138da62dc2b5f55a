//! Doorward, a self-hosted identity gateway.
//!
//! `model` says what things are; `saml` and `scim` speak the protocols; `store` remembers; `app` decides. `web`, `jobs` and `cli`
//! only translate between the outside and `app`. Imports go downwards only; tests/it/architecture.rs checks it.
//! Start reading at docs/architecture.md, or at `web/routes.rs`: every URL is there.

mod app;
mod cli;
mod config;
mod crypto;
mod demo;
mod jobs;
mod model;
mod outbound;
mod saml;
mod scim;
mod server;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg_attr(not(any(test, feature = "testing")), expect(dead_code, reason = "samples of pages serve the tests alone"))]
mod web;

pub use cli::run;
