//! Which identity provider: the catalogue with its search.

use askama::Template;

use crate::model::provider::Catalogue;
use crate::model::provider::Connector;
use crate::model::provider::Protocol;
use crate::web::admin::connections::setup::Step;
use crate::web::admin::connections::setup::StepView;
use crate::web::admin::connections::setup::first_steps;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::view::Tile;

/// `GET, POST /admin/security/sso/new?q=`; the POST carries `connector`, answers with a draft.
#[derive(Template)]
#[template(path = "admin/connections/choose.html")]
pub struct ChoosePage {
    pub shell: Shell,
    pub query: String,
}

impl ChoosePage {
    /// SAML alone, until OpenID Connect speaks.
    fn found(&self) -> Vec<&'static Connector> {
        Catalogue::get().search(Protocol::Saml, &self.query)
    }

    /// For "Any other provider", which a search may have left out.
    fn custom(&self) -> Option<&'static Connector> {
        Catalogue::get().connector("custom-saml")
    }

    fn tile(&self, connector: &Connector) -> Tile {
        Tile::of(connector.vendor())
    }

    fn steps(&self) -> Vec<StepView> {
        first_steps()
    }

    fn step(&self) -> Step {
        Step::Provider
    }
}

impl Page for ChoosePage {
    fn samples() -> Vec<Self> {
        ["", "azure", "no such provider"]
            .into_iter()
            .map(|query| Self { shell: Shell::sample(Place::Security), query: query.to_owned() })
            .collect()
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<ChoosePage>(all, "admin/connections/choose");
}
