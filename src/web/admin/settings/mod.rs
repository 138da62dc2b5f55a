//! Settings: of the organization, how the instance is, what its operator configured.

use crate::model::role::Permission as P;
use crate::web::routes::Needs;
use crate::web::routes::Routes;

pub mod general;
pub mod health;
pub mod network;

pub fn routes(r: &mut Routes) {
    let read = Needs::Console(P::OrganizationRead);
    r.get("/admin/settings", read, general::first);
    r.get("/admin/settings/general", read, general::show);
    r.post("/admin/settings/general", Needs::Console(P::OrganizationWrite), general::save);
    r.get("/admin/settings/health", read, health::show);
    r.get("/admin/settings/network", read, network::show);
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    general::samples(all);
    health::samples(all);
    network::samples(all);
}
