//! The guides to identity providers, from the catalogue: a list with a search, and one page each, which prints well.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use actix_web::web::Query;
use askama::Template;
use serde::Deserialize;

use crate::app::App;
use crate::app::Error;
use crate::app::Urls;
use crate::model::connection::Connection;
use crate::model::directory::Directory;
use crate::model::page::Window;
use crate::model::provider::Catalogue;
use crate::model::provider::Connector;
use crate::model::provider::Protocol;
use crate::model::role::Permission;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::present;
use crate::web::admin::connections::setup::OurValues;
use crate::web::admin::directories;
use crate::web::error::PageError;
use crate::web::extract::Member;
use crate::web::guide::Guide;
use crate::web::help::require_connections;
use crate::web::help::sees_connections;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Tile;

/// The guides of one protocol.
pub struct Shelf {
    pub protocol: Protocol,
    pub connectors: Vec<&'static Connector>,
}

/// `GET /help/providers?q=`
#[derive(Template)]
#[template(path = "help/providers.html")]
pub struct GuidesPage {
    pub shell: Shell,
    pub query: String,
}

impl GuidesPage {
    /// What this version speaks comes first.
    fn shelves(&self) -> Vec<Shelf> {
        let protocols = [Protocol::Saml, Protocol::Oidc, Protocol::Scim, Protocol::DirectoryApi];
        let shelf = |protocol| Shelf { protocol, connectors: Catalogue::get().search(protocol, &self.query) };
        protocols.into_iter().map(shelf).filter(|shelf| !shelf.connectors.is_empty()).collect()
    }

    fn tile(&self, connector: &Connector) -> Tile {
        Tile::of(connector.vendor())
    }
}

impl Page for GuidesPage {
    fn samples() -> Vec<Self> {
        let page = |query: &str, shell| Self { shell, query: query.to_owned() };
        let mut outsider = Shell::sample(Place::Guides);
        if let Some(me) = &mut outsider.me {
            (me.sees_security, me.sees_members, me.sees_audit) = (false, false, false);
            (me.sees_sessions, me.sees_api_keys, me.sees_settings) = (false, false, false);
        }
        let shell = || Shell::sample(Place::Guides);
        vec![page("", shell()), page("azure", shell()), page("no such provider", shell()), page("", outsider)]
    }
}

/// A connection whose values the guide could show, or a directory.
#[derive(Debug, Clone)]
pub struct OwnConnection {
    pub name: String,
    pub path: String,
    pub is_shown: bool,
}

/// `GET /help/providers/{connector}?connection=`
#[derive(Template)]
#[template(path = "help/provider.html")]
pub struct GuidePage {
    pub shell: Shell,
    pub guide: Guide,
    /// Connections of this provider, or directories with the page of their values, for those who may see them.
    pub own: Vec<OwnConnection>,
    /// The name of the connection whose values are shown.
    pub shown: Option<String>,
    /// The connection is one of another provider, by this name.
    pub other_provider: Option<String>,
}

impl GuidePage {
    fn tile(&self) -> Tile {
        Tile::of(self.guide.connector.vendor())
    }

    fn is_saml(&self) -> bool {
        self.guide.connector.protocol == Protocol::Saml
    }

    fn is_all_from_memory(&self) -> bool {
        self.guide.connector.from_memory.iter().any(|statement| statement == "everything")
    }

    /// The other guides of this vendor.
    fn siblings(&self) -> Vec<&'static Connector> {
        let this = self.guide.connector;
        let all = Catalogue::get().all_connectors().iter();
        all.filter(|other| other.provider == this.provider && other.id != this.id).collect()
    }

    /// Our word for what a directory calls `ours`.
    fn label(&self, ours: &str) -> &'static str {
        Catalogue::get().label_of(ours)
    }

    fn as_of(&self) -> &'static str {
        &Catalogue::get().as_of
    }
}

/// What the values of a connection look like.
fn example(urls: &Urls) -> OurValues {
    let entity_id = urls.join("/saml/con_…");
    OurValues {
        acs_url: format!("{entity_id}/acs"),
        slo_url: Connection::slo_url_of(&entity_id),
        metadata_url: format!("{entity_id}/metadata"),
        certificate_url: format!("{entity_id}/certificate"),
        entity_id,
        sign_in_url: urls.join("/sign-in"),
        app_name: "Doorward".to_owned(),
    }
}

impl Page for GuidePage {
    fn samples() -> Vec<Self> {
        let page = |connector: &'static Connector| Self {
            shell: Shell::sample(Place::Guides),
            guide: Guide { connector, values: OurValues::sample(), is_example: true },
            own: Vec::new(),
            shown: None,
            other_provider: None,
        };
        let mut pages: Vec<Self> = Catalogue::get().all_connectors().iter().map(page).collect();
        if let Some(first) = pages.first_mut() {
            let own = |name: &str, is_shown| OwnConnection { name: name.to_owned(), path: String::new(), is_shown };
            first.own = vec![own("Okta", true), own("Okta, subsidiary", false)];
            first.guide.is_example = false;
            first.shown = Some("Okta".to_owned());
            first.other_provider = Some("Microsoft Entra ID".to_owned());
        }
        pages
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<GuidesPage>(all, "help/providers");
    add::<GuidePage>(all, "help/provider");
}

#[derive(Deserialize)]
pub struct GuidesQuery {
    #[serde(default)]
    q: String,
}

/// `GET /help/providers?q=`
pub async fn list(request: HttpRequest, _: Member, query: Query<GuidesQuery>) -> Html<GuidesPage> {
    Html(GuidesPage { shell: shell(&request, Place::Guides).await, query: query.into_inner().q })
}

#[derive(Deserialize)]
pub struct GuideQuery {
    #[serde(default)]
    connection: String,
}

async fn own(
    app: &App,
    member: &Member,
    connector: &Connector,
    shown: Option<&Connection>,
) -> Result<Vec<OwnConnection>, PageError> {
    let Some(ctx) = sees_connections(member) else { return Ok(Vec::new()) };
    match connector.protocol {
        Protocol::Saml => {
            let all = app.list_connections(ctx, Window::first(Window::MAX)).await?.rows;
            let own = all.into_iter().map(|view| view.connection).filter(|own| own.provider == connector.provider);
            let row = |own: Connection| OwnConnection {
                path: format!("/help/providers/{}?connection={}", connector.id, own.id),
                is_shown: shown.is_some_and(|shown| shown.id == own.id),
                name: own.name,
            };
            Ok(own.map(row).collect())
        }
        Protocol::Scim if ctx.may(Permission::DirectoriesRead) => {
            let all = app.list_directories(ctx).await?.into_iter().map(|view| view.directory);
            let row = |own: Directory| OwnConnection {
                path: format!("{}/setup/connect", directories::present::path(own.id.as_str())),
                is_shown: false,
                name: own.name,
            };
            Ok(all.filter(|own| own.provider == connector.provider).map(row).collect())
        }
        _ => Ok(Vec::new()),
    }
}

/// `GET /help/providers/{connector}?connection=con_…`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    member: Member,
    id: Path<String>,
    query: Query<GuideQuery>,
) -> Result<Html<GuidePage>, PageError> {
    let connector = Catalogue::get().connector(&id).ok_or(Error::NotFound("provider guide"))?;
    let shown = match query.connection.as_str() {
        "" => None,
        id => Some(load(&app, require_connections(&member)?, id).await?.connection),
    };
    let own = own(&app, &member, connector, shown.as_ref()).await?;
    let is_other = shown.as_ref().map(present::connector).filter(|other| other.provider != connector.provider);
    Ok(Html(GuidePage {
        shell: shell(&request, Place::Guides).await,
        own,
        guide: Guide {
            connector,
            is_example: shown.is_none(),
            values: shown.as_ref().map_or_else(|| example(&app.urls), |shown| present::ours(shown, &app.urls)),
        },
        other_provider: is_other.map(|other| other.vendor().name.clone()),
        shown: shown.map(|shown| shown.name),
    }))
}
