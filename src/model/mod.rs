//! What things are: plain types and the rules about them. No I/O, no async, no framework; imports nothing of ours.

pub mod actor;
pub mod api_key;
pub mod audit;
pub mod concept;
pub mod connection;
pub mod connection_key;
pub mod email;
pub mod group;
pub mod id;
pub mod invalid;
pub mod link;
pub mod logout;
pub mod mapping;
pub mod member;
pub mod metadata;
pub mod organization;
pub mod page;
pub mod provider;
pub mod refusal;
pub mod rehearsal;
pub mod role;
pub mod rollover;
pub mod session;
pub mod sign_in;
pub mod team;
pub mod time;
