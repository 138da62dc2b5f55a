//! What tests/it may see besides HTTP.

// The demo identity provider, driven without a browser.
pub use crate::demo::answer::{Key, ResponseTemplate, Sign, Tamper};
pub use crate::demo::idp::{DemoIdp, Options};
pub use crate::demo::people::{Fault, Person};
pub use crate::demo::request::Request;
