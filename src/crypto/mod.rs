//! Small, pure, boring: random tokens and their hashes, argon2id, sealed values, X.509 certificates, signing keys.
//! Knows no business type; takes bytes and gives bytes. Everything rests on aws-lc-rs and argon2.

pub mod certificate;
pub mod password;
pub mod seal;
pub mod signing;
pub mod token;
