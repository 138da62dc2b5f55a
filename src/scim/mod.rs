//! The wire language of SCIM 2.0 (RFC 7643, 7644, 9865): schemas, filters, paths, PATCH, resources and lists. Text and
//! trees in, verdicts and text out; no I/O, no clock, no status codes, no SQL. A user is a JSON document that is stored
//! as text and spliced into answers; a group is a name and a table of members, so its changes come out as a list and
//! never touch a document. Where identity providers deviate and we bear it, `quirks.rs` says so.

mod attributes;
pub mod discovery;
mod document;
pub mod error;
mod evaluate;
pub mod extension;
pub mod filter;
pub mod group;
pub mod group_patch;
mod json;
mod lexer;
pub mod list;
mod merge;
pub mod patch;
pub mod path;
pub mod plan;
pub mod profile;
pub mod project;
pub mod quirks;
pub mod resource;
pub mod schema;
mod syntax;
#[cfg(test)]
mod tests;
pub mod user;
mod value;
mod wire;

pub use error::Error;
pub use error::Kind as ErrorKind;
pub use quirks::Quirk;
pub use quirks::Quirks;
pub use schema::Kind;
pub use schema::Schemas;

/// RFC 7644 8.1.
pub const MEDIA_TYPE: &str = "application/scim+json";
