//! Connections: choosing a provider, the wizard, the connection's page, its certificates, sign-ins and traces.

pub mod activate;
pub mod attributes;
pub mod certificates;
pub mod change;
pub mod choose;
pub mod metadata;
pub mod setup;
pub mod show;
pub mod sign_ins;
pub mod trace;

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    choose::samples(all);
    setup::samples(all);
    metadata::samples(all);
    attributes::samples(all);
    activate::samples(all);
    show::samples(all);
    certificates::samples(all);
    change::samples(all);
    sign_ins::samples(all);
    trace::samples(all);
}

/// The id that samples use.
const SAMPLE_ID: &str = "con_01k2v9q8xw3f6t0m4n7p5r1sza";
