//! Directories: choosing a provider, the wizard, the directory's page, its groups, requests, tolerances and duplicates.

use crate::model::role::Permission;
use crate::web::routes::Needs;
use crate::web::routes::Routes;

pub mod arrivals;
pub mod card;
pub mod choose;
pub mod confirm;
pub mod connect;
pub mod duplicates;
pub mod edit;
pub mod enable;
pub mod handle;
pub mod mappings;
pub mod present;
pub mod requests;
pub mod setup;
pub mod show;
pub mod tokens;
pub mod tolerances;

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    choose::samples(all);
    connect::samples(all);
    arrivals::samples(all);
    mappings::pages::samples(all);
    enable::samples(all);
    show::samples(all);
    edit::samples(all);
    tokens::samples(all);
    confirm::samples(all);
    requests::samples(all);
    tolerances::samples(all);
    duplicates::samples(all);
}

/// The id that samples use.
const SAMPLE_ID: &str = "dir_01k2v9q8xw3f6t0m4n7p5r1sza";

pub fn routes(r: &mut Routes) {
    let (read, write) = (Needs::Console(Permission::DirectoriesRead), Needs::Console(Permission::DirectoriesWrite));
    r.get("/admin/security/directories/new", write, choose::show);
    r.post("/admin/security/directories/new", write, choose::create);
    r.get("/admin/security/directories/{id}", read, show::show);
    r.get("/admin/security/directories/{id}/setup/connect", read, connect::show);
    r.post("/admin/security/directories/{id}/setup/connect", write, connect::save);
    r.post("/admin/security/directories/{id}/setup/token", write, connect::make_token);
    r.get("/admin/security/directories/{id}/setup/sync", read, arrivals::show);
    r.get("/admin/security/directories/{id}/setup/groups", read, mappings::step);
    r.post("/admin/security/directories/{id}/setup/groups", write, mappings::save_step);
    r.get("/admin/security/directories/{id}/setup/on", read, enable::show);
    r.post("/admin/security/directories/{id}/setup/on", write, enable::turn_on);
    r.get("/admin/security/directories/{id}/groups", read, mappings::tab);
    r.post("/admin/security/directories/{id}/groups", write, mappings::save_tab);
    r.get("/admin/security/directories/{id}/requests", read, requests::list);
    r.get("/admin/security/directories/{id}/requests/{request}", read, requests::show);
    r.get("/admin/security/directories/{id}/tolerances", read, tolerances::list);
    r.get("/admin/security/directories/{id}/duplicates", read, duplicates::list);
    let merge = Needs::Console(Permission::MembersWrite);
    r.get("/admin/security/directories/{id}/duplicates/{member}/{other}", merge, duplicates::ask);
    r.post("/admin/security/directories/{id}/duplicates/{member}/{other}", merge, duplicates::merge);
    r.get("/admin/security/directories/{id}/edit", write, edit::edit);
    r.post("/admin/security/directories/{id}/edit", write, edit::save);
    r.get("/admin/security/directories/{id}/tokens/new", write, tokens::new);
    r.post("/admin/security/directories/{id}/tokens/new", write, tokens::make);
    r.get("/admin/security/directories/{id}/tokens/{token}/delete", write, confirm::ask_token);
    r.post("/admin/security/directories/{id}/tokens/{token}/delete", write, confirm::delete_token);
    r.get("/admin/security/directories/{id}/disable", write, confirm::ask_disable);
    r.post("/admin/security/directories/{id}/disable", write, confirm::disable);
    r.get("/admin/security/directories/{id}/delete", write, confirm::ask_delete);
    r.post("/admin/security/directories/{id}/delete", write, confirm::delete);
    r.get("/admin/security/directories/{id}/let-pass", write, confirm::ask_let_pass);
    r.post("/admin/security/directories/{id}/let-pass", write, confirm::let_pass);
}
