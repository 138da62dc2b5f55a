//! HTTP, and nothing but HTTP: pages, their shell, what the browser may load.
//! A page is a struct beside its handler; its template has the same path under `templates/`.

pub mod account;
pub mod admin;
pub mod assets;
pub mod error;
pub mod html;
pub mod link;
pub mod security;
pub mod setup;
pub mod sign_in;
pub mod view;
