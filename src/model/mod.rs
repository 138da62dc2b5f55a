//! What things are: plain types and the rules about them. No I/O, no async, no framework; imports nothing of ours.

pub mod id;
pub mod invalid;
pub mod provider;
pub mod refusal;
pub mod time;
