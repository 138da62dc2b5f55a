//! Connections.
pub fn samples(_all: &mut Vec<(&'static str, String)>) {}
