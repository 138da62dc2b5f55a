//! Connections: choosing a provider, the wizard, the connection's page, its certificates, sign-ins and traces.

use crate::model::role::Permission;
use crate::web::routes::Needs;
use crate::web::routes::Routes;

pub mod activate;
pub mod activity;
pub mod attributes;
pub mod certificates;
pub mod change;
pub mod choose;
pub mod edit;
pub mod handle;
pub mod keys;
pub mod mappings;
pub mod metadata;
pub mod present;
pub mod refresh;
pub mod revisions;
pub mod rollover;
pub mod setup;
pub mod show;
pub mod sign_ins;
pub mod test;
pub mod trace;

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    choose::samples(all);
    setup::samples(all);
    test::samples(all);
    metadata::samples(all);
    attributes::samples(all);
    mappings::samples(all);
    activate::samples(all);
    show::samples(all);
    certificates::samples(all);
    rollover::samples(all);
    refresh::samples(all);
    keys::samples(all);
    change::samples(all);
    edit::samples(all);
    sign_ins::samples(all);
    activity::samples(all);
    revisions::samples(all);
    trace::samples(all);
}

/// The id that samples use.
const SAMPLE_ID: &str = "con_01k2v9q8xw3f6t0m4n7p5r1sza";

pub fn routes(r: &mut Routes) {
    let (read, write) = (Needs::Console(Permission::ConnectionsRead), Needs::Console(Permission::ConnectionsWrite));
    r.get("/admin/security/sso/new", write, choose::show);
    r.post("/admin/security/sso/new", write, choose::create);
    r.get("/admin/security/sso/{id}", read, show::show);
    r.get("/admin/security/sso/{id}/attributes", read, mappings::show);
    r.post("/admin/security/sso/{id}/attributes", write, mappings::save);
    r.get("/admin/security/sso/{id}/setup/app", read, setup::app);
    r.post("/admin/security/sso/{id}/setup/app", write, setup::app_done);
    r.get("/admin/security/sso/{id}/setup/metadata", read, metadata::show);
    r.post("/admin/security/sso/{id}/setup/metadata", write, metadata::save);
    r.get("/admin/security/sso/{id}/setup/attributes", read, attributes::show);
    r.post("/admin/security/sso/{id}/setup/attributes", write, attributes::save);
    r.get("/admin/security/sso/{id}/setup/test", read, test::show);
    r.post("/admin/security/sso/{id}/setup/test", write, test::start);
    r.post("/admin/security/sso/{id}/setup/test/link", write, test::make_link);
    r.get("/admin/security/sso/{id}/setup/on", read, activate::show);
    r.post("/admin/security/sso/{id}/setup/on", write, activate::turn_on);
    r.get("/admin/security/sso/{id}/setup/discard", write, change::ask_discard);
    r.post("/admin/security/sso/{id}/setup/discard", write, change::discard);
    r.get("/admin/security/sso/{id}/edit", write, edit::edit);
    r.post("/admin/security/sso/{id}/edit", write, edit::save);
    r.get("/admin/security/sso/{id}/deactivate", write, change::ask_pause);
    r.post("/admin/security/sso/{id}/deactivate", write, change::pause);
    r.post("/admin/security/sso/{id}/activate", write, change::resume);
    r.get("/admin/security/sso/{id}/revert", write, change::ask_revert);
    r.post("/admin/security/sso/{id}/revert", write, change::revert);
    r.get("/admin/security/sso/{id}/delete", write, change::ask_delete);
    r.post("/admin/security/sso/{id}/delete", write, change::delete);
    r.get("/admin/security/sso/{id}/certificates/new", write, certificates::new);
    r.post("/admin/security/sso/{id}/certificates/new", write, certificates::trust);
    r.get("/admin/security/sso/{id}/certificates/rehearsal", read, rollover::rehearsal);
    r.get("/admin/security/sso/{id}/certificates/{sha256}/remove", write, certificates::ask_remove);
    r.post("/admin/security/sso/{id}/certificates/{sha256}/remove", write, certificates::remove);
    r.post("/admin/security/sso/{id}/certificates/{sha256}/restore", write, rollover::restore);
    r.post("/admin/security/sso/{id}/keys", write, keys::prepare);
    r.get("/admin/security/sso/{id}/keys/{sha256}/switch", write, keys::ask_switch);
    r.post("/admin/security/sso/{id}/keys/{sha256}/switch", write, keys::switch);
    r.get("/admin/security/sso/{id}/keys/{sha256}/remove", write, keys::ask_remove);
    r.post("/admin/security/sso/{id}/keys/{sha256}/remove", write, keys::remove);
    r.post("/admin/security/sso/{id}/refresh", write, refresh::refresh);
    r.get("/admin/security/sso/{id}/metadata/take", write, refresh::ask_take);
    r.post("/admin/security/sso/{id}/metadata/take", write, refresh::take);
    r.get("/admin/security/sso/{id}/sign-ins", read, sign_ins::list);
    r.get("/admin/security/sso/{id}/sign-ins/{reference}", read, trace::sign_in);
    r.get("/admin/security/sso/{id}/revisions", read, revisions::list);
    r.post("/admin/security/sso/{id}/revisions/{revision}/restore", write, revisions::restore);
    r.get("/admin/security/sso/{id}/activity", Needs::Console(Permission::AuditRead), activity::list);
    r.get("/admin/security/sso/{id}/tests/{test}", read, trace::test);
}
