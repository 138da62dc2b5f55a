//! HTTP, and nothing but HTTP: pages, their shell, what the browser may load.
//! A page is a struct beside its handler; its template has the same path under `templates/`.

pub mod about;
pub mod account;
pub mod admin;
pub mod answer;
pub mod api;
pub mod assets;
pub mod client;
pub mod cookies;
pub mod csrf;
pub mod error;
pub mod extract;
pub mod filters;
pub mod form;
pub mod frame;
pub mod guide;
pub mod health;
pub mod help;
pub mod html;
pub mod link;
pub mod routes;
pub mod saml;
pub mod saml_logout;
pub mod scim;
pub mod security;
pub mod setup;
pub mod shell;
pub mod sign_in;
pub mod view;
