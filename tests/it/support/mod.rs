//! What scenarios are written with: a gateway, callers with browsers, an identity provider.

pub mod caller;
pub mod html;
pub mod http;
pub mod idp_logout;
pub mod idp_saml;
pub mod server;

pub use caller::Browser;
pub use http::Answer;
pub use idp_saml::Idp;
pub use server::TestApp;
