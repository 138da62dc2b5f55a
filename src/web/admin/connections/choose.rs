//! Which identity provider: the catalogue with its search.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Query;
use askama::Template;
use serde::Deserialize;

use crate::app::App;
use crate::app::Error;
use crate::app::access::require;
use crate::app::connections::NewConnection;
use crate::model::provider::Catalogue;
use crate::model::provider::Connector;
use crate::model::provider::Protocol;
use crate::model::role::Permission;
use crate::web::admin::connections::setup::Step;
use crate::web::admin::connections::setup::StepView;
use crate::web::admin::connections::setup::first_steps;
use crate::web::answer::SeeOther;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
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

    /// What can only be read about.
    fn planned(&self) -> Vec<&'static Connector> {
        Catalogue::get().search(Protocol::Oidc, &self.query)
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

#[derive(Deserialize)]
pub struct ChooseQuery {
    #[serde(default)]
    q: String,
}

/// `GET /admin/security/sso/new?q=`
pub async fn show(
    request: HttpRequest,
    admin: Admin,
    query: Query<ChooseQuery>,
) -> Result<Html<ChoosePage>, PageError> {
    require(&admin.ctx, Permission::ConnectionsWrite)?;
    Ok(Html(ChoosePage { shell: shell(&request, Place::Security).await, query: query.into_inner().q }))
}

/// `POST /admin/security/sso/new`: a draft, so that its URLs exist before the provider asks for them.
pub async fn create(app: Data<App>, form: AdminForm) -> Result<SeeOther, PageError> {
    require(&form.admin.ctx, Permission::ConnectionsWrite)?;
    let connector =
        Catalogue::get().connector(form.data.get("connector")).filter(|known| known.protocol == Protocol::Saml);
    let connector = connector.ok_or(Error::NotFound("provider"))?;
    let vendor = connector.vendor();
    let name = if vendor.id == "custom" { "Identity provider".to_owned() } else { vendor.name.clone() };
    let new = NewConnection { name: name.clone(), provider: Some(vendor.id.clone()), ..NewConnection::default() };
    let (view, _) = app.create_connection(&form.admin.ctx, new).await?;
    let path = format!("/admin/security/sso/{}/setup/app", view.connection.id);
    Ok(see_other(path)
        .notice(format!("A draft for {name} is saved. Leave at any time; you find it on Security & Access.")))
}
