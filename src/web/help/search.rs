//! One field for pages and labels: by any provider's label to the value and where it is, by any name of a page to it.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Query;
use askama::Template;
use serde::Deserialize;

use crate::app::App;
use crate::app::Urls;
use crate::app::connections::ConnectionView;
use crate::app::sign_in_log::Referenced;
use crate::crypto::token;
use crate::model::concept::Concept;
use crate::model::concept::Dictionary;
use crate::model::concept::Found;
use crate::model::concept::Hit;
use crate::model::concept::Place as Where;
use crate::model::page::Window;
use crate::model::provider::Catalogue;
use crate::model::provider::Connector;
use crate::model::provider::Protocol;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Member;
use crate::web::help::pages;
use crate::web::help::sees_connections;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Tile;

/// A page that was meant.
#[derive(Debug, Clone)]
pub struct PageHit {
    pub title: &'static str,
    pub about: &'static str,
    pub path: &'static str,
    /// The name that it was found by, where that is another.
    pub called: &'static str,
}

/// Where one connection has the value.
#[derive(Debug, Clone)]
pub struct OwnValue {
    /// For the copy button.
    pub id: String,
    pub connection: String,
    pub path: String,
    /// Empty where there is none yet, or where it is not one text.
    pub value: String,
}

/// One of our values: what it is, what others call it, where it is.
#[derive(Debug, Clone)]
pub struct ConceptView {
    pub number: usize,
    pub concept: &'static Concept,
    /// The name that it was found by; empty for ours.
    pub called: &'static str,
    /// With what each provider calls it.
    pub is_whole: bool,
    pub values: Vec<OwnValue>,
    pub more_values: usize,
}

/// More would be no answer.
const MOST_VALUES: usize = 10;

impl ConceptView {
    pub fn of(number: usize, hit: Hit, is_whole: bool) -> Self {
        let called = if hit.name == hit.concept.label { "" } else { hit.name };
        Self { number, concept: hit.concept, called, is_whole, values: Vec::new(), more_values: 0 }
    }

    fn with_values(mut self, views: &[ConnectionView], urls: &Urls) -> Self {
        let rows = views.iter().enumerate().filter_map(|(n, view)| {
            let (place, value) = value_of(self.concept, view, urls)?;
            Some(OwnValue {
                id: format!("v-{}-{n}", self.number),
                connection: view.connection.name.clone(),
                path: format!("/admin/security/sso/{}{place}", view.connection.id),
                value,
            })
        });
        self.values = rows.collect();
        self.more_values = self.values.len().saturating_sub(MOST_VALUES);
        self.values.truncate(MOST_VALUES);
        self
    }

    pub fn is_missing(&self) -> bool {
        self.concept.place == Where::Nowhere
    }

    /// Where it is, for those who see connections and have none, or who see none.
    pub fn place(&self) -> &'static str {
        match self.concept.place {
            Where::Ours => "Security & Access → the connection → Give these to the provider",
            Where::Theirs => "Security & Access → the connection → What the provider gave us",
            Where::Certificates => "Security & Access → the connection → Signing certificates",
            Where::Name => "Security & Access → the connection → Edit",
            Where::Attributes => "Security & Access → the connection → Attributes",
            Where::Mappings => "Security & Access → the connection → Attributes & roles",
            Where::People => "Security & Access → the connection → Who uses it",
            Where::Directory => "Security & Access → Directory Sync → the directory",
            Where::Nowhere => "",
        }
    }

    /// Other names, without the one on top.
    pub fn other_names(&self) -> String {
        let names = self.concept.names.iter().map(|name| name.text).filter(|name| *name != self.concept.label);
        names.collect::<Vec<_>>().join(" · ")
    }

    pub fn providers(&self) -> &'static [(&'static Connector, &'static str)] {
        &self.concept.by_provider
    }
}

/// Below the connection's own page: where it is there, and the value.
fn value_of(concept: &Concept, view: &ConnectionView, urls: &Urls) -> Option<(&'static str, String)> {
    let connection = &view.connection;
    let settings = connection.shown().map(|revision| &revision.settings);
    let theirs = |value: Option<&String>| ("#h-idp", value.cloned().unwrap_or_default());
    Some(match (concept.place, concept.key) {
        (Where::Ours, "acs_url") => ("#h-sp", connection.acs_url.clone()),
        (Where::Ours, "entity_id") => ("#h-sp", connection.entity_id.clone()),
        (Where::Ours, "sp_metadata_url") => ("#h-sp", format!("{}/metadata", connection.entity_id)),
        (Where::Ours, "slo_url") => ("#h-sp", connection.slo_url()),
        (Where::Ours, "login_url") => ("#h-sp", urls.join("/sign-in")),
        (Where::Ours, _) => ("/setup/app", String::new()),
        (Where::Theirs, "idp_entity_id") => theirs(settings.and_then(|settings| settings.idp_entity_id.as_ref())),
        (Where::Theirs, "sso_url") => theirs(settings.and_then(|settings| settings.sso_url.as_ref())),
        (Where::Theirs, _) => theirs(settings.and_then(|settings| settings.metadata_url.as_ref())),
        (Where::Certificates, _) => ("#certificates", String::new()),
        (Where::Attributes, _) => ("/setup/attributes", String::new()),
        (Where::Mappings, _) => ("/attributes", String::new()),
        (Where::Name, _) => ("/edit", connection.name.clone()),
        (Where::People, _) => {
            ("/edit", settings.map(|settings| settings.default_role.as_str().to_owned()).unwrap_or_default())
        }
        (Where::Directory | Where::Nowhere, _) => return None,
    })
}

/// `GET /help/search?q=`
#[derive(Template)]
#[template(path = "help/search.html")]
pub struct SearchPage {
    pub shell: Shell,
    pub query: String,
    pub pages: Vec<PageHit>,
    pub concepts: Vec<ConceptView>,
    /// The query is a reference that leads nowhere.
    pub lost_reference: Option<String>,
    /// Nothing is called so; the concepts are the nearest.
    pub is_unknown: bool,
    pub guides: Vec<&'static Connector>,
    /// Every page with its other names, where nothing was asked.
    pub map: Vec<&'static pages::Known>,
}

impl SearchPage {
    fn tile(&self, connector: &Connector) -> Tile {
        Tile::of(connector.vendor())
    }

    /// The whole dictionary, where nothing was asked.
    fn dictionary(&self) -> &'static [Concept] {
        if self.query.is_empty() && self.lost_reference.is_none() { &Dictionary::get().concepts } else { &[] }
    }

    fn knows_nothing(&self) -> bool {
        self.is_unknown && self.pages.is_empty() && self.guides.is_empty()
    }

    fn of(shell: Shell, query: &str, pages: Vec<PageHit>) -> Self {
        let guides = guides(query);
        let (hits, is_unknown) = match Dictionary::get().search(query) {
            _ if query.is_empty() => (Vec::new(), false),
            Found::Hits(hits) => (hits, false),
            // A page or a guide was meant; what labels are least unlike would be beside the point.
            Found::Nearest(_) if !pages.is_empty() || !guides.is_empty() => (Vec::new(), false),
            Found::Nearest(hits) => (hits, true),
        };
        let is_whole = hits.len() <= 2;
        let concepts = hits.into_iter().enumerate().map(|(n, hit)| ConceptView::of(n, hit, is_whole)).collect();
        let (query, lost_reference, map) = (query.to_owned(), None, Vec::new());
        Self { shell, query, pages, concepts, lost_reference, is_unknown, guides, map }
    }

    /// A reference that leads nowhere, or nowhere for the reader.
    fn of_lost(shell: Shell, reference: String) -> Self {
        Self { lost_reference: Some(reference.clone()), query: reference, ..Self::of(shell, "", Vec::new()) }
    }
}

/// Guides that every word fits, what can be set up first; none for a word or two that fit half the catalogue.
fn guides(query: &str) -> Vec<&'static Connector> {
    if query.trim().chars().count() < 3 {
        return Vec::new();
    }
    let protocols = [Protocol::Saml, Protocol::Oidc, Protocol::Scim, Protocol::DirectoryApi];
    let found: Vec<_> = protocols.into_iter().flat_map(|protocol| Catalogue::get().search(protocol, query)).collect();
    if found.len() > 12 { Vec::new() } else { found }
}

impl Page for SearchPage {
    fn samples() -> Vec<Self> {
        let page = |query: &str| Self::of(Shell::sample(Place::Search), query, Vec::new());
        let value = |n: usize, connection: &str, value: &str| OwnValue {
            id: format!("v-0-{n}"),
            connection: connection.to_owned(),
            path: "/admin/security/sso/con_01k2v9q8xw3f6t0m4n7p5r1sza#h-sp".to_owned(),
            value: value.to_owned(),
        };
        let mut empty = page("");
        empty.map = pages::PAGES.iter().collect();
        let mut reply = page("Reply URL");
        let acs_url = "https://auth.acme.example/saml/con_01k2v9q8xw3f6t0m4n7p5r1sza/acs";
        reply.concepts[0].values = vec![value(0, "Okta", acs_url), value(1, "Entra ID", "")];
        reply.concepts[0].more_values = 2;
        let mut named = page("Workspace Admin");
        named.pages = vec![PageHit {
            title: "Security & Access",
            about: "Single sign-on and its connections.",
            path: "/admin/security",
            called: "Workspace Admin",
        }];
        let lost = Self::of_lost(Shell::sample(Place::Search), "DW-8K3F0".to_owned());
        vec![
            empty,
            reply,
            named,
            lost,
            page("Frobnicator"),
            page("url"),
            page("okta"),
            page("Client ID"),
            page("Tenant URL"),
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<SearchPage>(all, "help/search");
}

#[derive(Deserialize)]
pub struct SearchQuery {
    #[serde(default)]
    q: String,
}

/// Where the reader may follow the reference to; only as fresh a session sees it as the console wants.
async fn path_of(app: &App, member: &Member, reference: &str) -> Result<Option<String>, PageError> {
    if !member.signed_in.session.is_fresh_for_console(member.visitor.now) {
        return Ok(None);
    }
    Ok(app.find_reference(&member.ctx, reference).await?.map(|found| match found {
        Referenced::SignIn(connection) => format!("/admin/security/sso/{connection}/sign-ins/{reference}"),
        Referenced::Event(id) => format!("/admin/audit/{id}"),
    }))
}

/// `GET /help/search?q=`: a reference leads on to its refusal.
pub async fn search(
    request: HttpRequest,
    app: Data<App>,
    member: Member,
    query: Query<SearchQuery>,
) -> Result<HttpResponse, PageError> {
    let query: String = query.q.trim().chars().take(200).collect();
    if let Some(reference) = token::read_reference(&query) {
        let page = match path_of(&app, &member, &reference).await? {
            Some(path) => return Ok(see_other(path).respond_to(&request)),
            None => SearchPage::of_lost(shell(&request, Place::Search).await, reference),
        };
        return Ok(Html(page).status(StatusCode::OK));
    }
    let hit = |(page, name): (&'static pages::Known, &'static str)| PageHit {
        title: page.title,
        about: page.about,
        path: page.path,
        called: if name == page.title { "" } else { name },
    };
    let pages = pages::search(&member.ctx, &query).into_iter().map(hit).collect();
    let mut page = SearchPage::of(shell(&request, Place::Search).await, &query, pages);
    if query.is_empty() {
        page.map = pages::all(&member.ctx);
    }
    if let Some(ctx) = sees_connections(&member).filter(|_| page.concepts.iter().any(|view| view.is_whole)) {
        let views = app.list_connections(ctx, Window::first(Window::MAX)).await?.rows;
        page.concepts = page.concepts.into_iter().map(|concept| concept.with_values(&views, &app.urls)).collect();
    }
    Ok(Html(page).status(StatusCode::OK))
}
