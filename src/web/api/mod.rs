//! The management API under `/api/v1`: one file a resource. Parses and renders; the use cases are the console's.
//! `operations.rs` holds each call with its documentation, `openapi.rs` turns them into the document.

use crate::web::routes::Needs;
use crate::web::routes::Routes;

pub mod answer;
pub mod api_keys;
pub mod audit_events;
pub mod audit_views;
pub mod call;
pub mod connections;
pub mod directories;
pub mod groups;
pub mod idempotency;
pub mod json;
pub mod me;
pub mod members;
pub mod openapi;
pub mod operations;
pub mod organization;
pub mod problems;
pub mod role_mappings;
pub mod roles;
pub mod sessions;
pub mod sign_ins;
pub mod teams;

use operations::Operations;

/// Every call, in the order of the document.
pub fn operations() -> Operations {
    let mut operations = Operations::default();
    me::operations(&mut operations);
    connections::operations(&mut operations);
    sign_ins::operations(&mut operations);
    role_mappings::operations(&mut operations);
    directories::operations(&mut operations);
    members::operations(&mut operations);
    groups::operations(&mut operations);
    teams::operations(&mut operations);
    roles::operations(&mut operations);
    sessions::operations(&mut operations);
    audit_events::operations(&mut operations);
    audit_views::operations(&mut operations);
    api_keys::operations(&mut operations);
    organization::operations(&mut operations);
    openapi::operations(&mut operations);
    operations
}

pub fn routes(r: &mut Routes) {
    r.append(operations().routes);
    r.get("/problems/{code}", Needs::Nothing, problems::show);
}
