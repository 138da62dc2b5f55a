//! Which identity provider pushes: the catalogue with its search.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Query;
use askama::Template;
use serde::Deserialize;

use crate::app::App;
use crate::app::Error;
use crate::app::access::require;
use crate::app::directories::DirectoryInput;
use crate::model::provider::Catalogue;
use crate::model::provider::Connector;
use crate::model::provider::Protocol;
use crate::model::role::Permission;
use crate::web::admin::connections::setup::StepView;
use crate::web::admin::directories::present;
use crate::web::admin::directories::setup::first_steps;
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

/// `GET, POST /admin/security/directories/new?q=`; the POST carries `connector`, answers with a directory that waits.
#[derive(Template)]
#[template(path = "admin/directories/choose.html")]
pub struct ChoosePage {
    pub shell: Shell,
    pub query: String,
}

impl ChoosePage {
    fn found(&self) -> Vec<&'static Connector> {
        let found = Catalogue::get().search(Protocol::Scim, &self.query);
        found.into_iter().filter(|connector| !connector.is_custom()).collect()
    }

    /// Google pushes to nobody outside its catalogue; whoever looks for it is told so.
    fn google(&self) -> Option<&'static Connector> {
        Catalogue::get().search(Protocol::DirectoryApi, &self.query).into_iter().find(|one| one.provider == "google")
    }

    fn custom(&self) -> Option<&'static Connector> {
        present::custom()
    }

    fn tile(&self, connector: &Connector) -> Tile {
        Tile::of(connector.vendor())
    }

    fn steps(&self) -> Vec<StepView> {
        first_steps()
    }
}

impl Page for ChoosePage {
    fn samples() -> Vec<Self> {
        ["", "azure", "google", "no such provider"]
            .into_iter()
            .map(|query| Self { shell: Shell::sample(Place::Security), query: query.to_owned() })
            .collect()
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<ChoosePage>(all, "admin/directories/choose");
}

#[derive(Deserialize)]
pub struct ChooseQuery {
    #[serde(default)]
    q: String,
}

/// `GET /admin/security/directories/new?q=`
pub async fn show(
    request: HttpRequest,
    admin: Admin,
    query: Query<ChooseQuery>,
) -> Result<Html<ChoosePage>, PageError> {
    require(&admin.ctx, Permission::DirectoriesWrite)?;
    Ok(Html(ChoosePage { shell: shell(&request, Place::Security).await, query: query.into_inner().q }))
}

/// `POST /admin/security/directories/new`: it waits, so that its address exists before the provider asks for it.
pub async fn create(app: Data<App>, form: AdminForm) -> Result<SeeOther, PageError> {
    require(&form.admin.ctx, Permission::DirectoriesWrite)?;
    let connector = Catalogue::get().connector(form.data.get("connector"));
    let connector = connector.filter(|known| known.protocol == Protocol::Scim).ok_or(Error::NotFound("provider"))?;
    let name = if connector.is_custom() { "Directory".to_owned() } else { connector.vendor().name.clone() };
    let input = DirectoryInput {
        name: Some(name.clone()),
        provider: Some(connector.provider.clone()),
        ..DirectoryInput::default()
    };
    let made = app.begin_directory(&form.admin.ctx, input).await?;
    let path = format!("{}/setup/connect", present::path(made.directory.id.as_str()));
    Ok(see_other(path).notice(format!(
        "{name} is saved and waits. Nobody is added or changed by it until you turn it on; you find it on Security & Access."
    )))
}
