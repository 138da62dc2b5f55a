//! The console: one file or folder a topic, holding its handlers and its page structs.

use crate::web::routes::Routes;

pub mod api_keys;
pub mod audit;
pub mod audit_views;
pub mod checklist;
pub mod connections;
pub mod directories;
pub mod members;
pub mod roles;
pub mod security;
pub mod sessions;
pub mod settings;
pub mod teams;

pub fn routes(r: &mut Routes) {
    security::routes(r);
    checklist::routes(r);
    connections::routes(r);
    directories::routes(r);
    members::routes(r);
    teams::routes(r);
    roles::routes(r);
    sessions::routes(r);
    audit_views::routes(r);
    audit::routes(r);
    api_keys::routes(r);
    settings::routes(r);
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    security::samples(all);
    checklist::samples(all);
    connections::samples(all);
    directories::samples(all);
    members::samples(all);
    teams::samples(all);
    roles::samples(all);
    sessions::samples(all);
    audit::samples(all);
    audit_views::samples(all);
    api_keys::samples(all);
    settings::samples(all);
}
