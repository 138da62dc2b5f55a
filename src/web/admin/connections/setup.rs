//! The wizard: its steps, and the page for the app at the provider. Each step is an ordinary
//! edit of the draft, so the same pages change an active connection.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::access::require;
use crate::model::connection::Connection;
use crate::model::provider::Catalogue;
use crate::model::provider::Connector;
use crate::model::provider::Protocol;
use crate::model::role::Permission;
use crate::web::admin::connections::SAMPLE_ID;
use crate::web::admin::connections::handle::connection_id;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::present;
use crate::web::answer::SeeOther;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::guide::Guide;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Tile;
use crate::web::view::Tone;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Provider,
    App,
    Metadata,
    Attributes,
    Test,
    On,
}

impl Step {
    pub const ALL: [Self; 6] = [Self::Provider, Self::App, Self::Metadata, Self::Attributes, Self::Test, Self::On];

    pub fn number(self) -> usize {
        self as usize + 1
    }

    /// Last part of its path: `…/setup/metadata`.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::App => "app",
            Self::Metadata => "metadata",
            Self::Attributes => "attributes",
            Self::Test => "test",
            Self::On => "on",
        }
    }

    fn title(self, idp: &str) -> String {
        match self {
            Self::Provider => "Choose a provider".to_owned(),
            Self::App => format!("Create the app in {idp}"),
            Self::Metadata => format!("Add {idp}'s metadata"),
            Self::Attributes => "Map attributes".to_owned(),
            Self::Test => "Test with one person".to_owned(),
            Self::On => "Turn it on".to_owned(),
        }
    }
}

/// One line of the list of steps.
#[derive(Debug, Clone)]
pub struct StepView {
    pub number: usize,
    pub title: String,
    pub hint: String,
    /// Without the prefix; empty for a step that cannot be opened.
    pub path: String,
    pub is_done: bool,
    pub is_current: bool,
}

/// The steps before a provider is chosen.
pub fn first_steps() -> Vec<StepView> {
    let view = |step: Step| StepView {
        number: step.number(),
        title: match step {
            Step::App => "Create the app there".to_owned(),
            Step::Metadata => "Add its metadata".to_owned(),
            other => other.title(""),
        },
        hint: String::new(),
        path: String::new(),
        is_done: false,
        is_current: step == Step::Provider,
    };
    Step::ALL.into_iter().map(view).collect()
}

/// What every step shows of the connection it edits.
#[derive(Debug, Clone)]
pub struct Wizard {
    pub id: String,
    /// The connection's name.
    pub name: String,
    pub connector: &'static Connector,
    pub step: Step,
    /// Steps whose answers are complete.
    pub done: Vec<Step>,
    /// An active connection is edited: its settings stay in use until a test passes.
    pub is_change: bool,
    /// The change has begun: a draft stands beside what is in use.
    pub is_copy: bool,
    /// Hidden in each form; another one means that someone saved in between.
    pub version: String,
}

impl Wizard {
    /// What to call the identity provider inside a sentence.
    pub fn idp(&self) -> &str {
        self.connector.idp()
    }

    /// The same where a sentence begins.
    pub fn idp_first(&self) -> &str {
        self.connector.idp_first()
    }

    pub fn tile(&self) -> Tile {
        Tile::of_connection(Some(self.connector), &self.name)
    }

    pub fn title(&self) -> String {
        self.step.title(self.idp())
    }

    /// Where `step` is.
    pub fn path(&self, step: Step) -> String {
        format!("/admin/security/sso/{}/setup/{}", self.id, step.slug())
    }

    /// This step's own path, where its form goes.
    pub fn here(&self) -> String {
        self.path(self.step)
    }

    pub fn connection(&self) -> String {
        format!("/admin/security/sso/{}", self.id)
    }

    fn neighbour(&self, by: isize) -> Option<Step> {
        let at = Step::ALL.iter().position(|step| *step == self.step)?;
        Step::ALL.get(at.checked_add_signed(by)?).copied()
    }

    pub fn back(&self) -> Option<String> {
        self.neighbour(-1).filter(|step| *step != Step::Provider).map(|step| self.path(step))
    }

    pub fn next(&self) -> Option<String> {
        self.neighbour(1).map(|step| self.path(step))
    }

    pub fn is_done(&self, step: Step) -> bool {
        step == Step::Provider || self.done.contains(&step)
    }

    pub fn steps(&self) -> Vec<StepView> {
        let view = |step: Step| StepView {
            number: step.number(),
            title: step.title(self.idp()),
            hint: if step == Step::Provider {
                format!("{}, {}", self.connector.vendor().name, self.connector.protocol.name())
            } else {
                String::new()
            },
            path: if step == Step::Provider { String::new() } else { self.path(step) },
            is_done: self.is_done(step),
            is_current: step == self.step,
        };
        Step::ALL.into_iter().map(view).collect()
    }

    pub fn sample(connector: &str, step: Step) -> Self {
        let catalogue = Catalogue::get();
        let connector = catalogue.connector(connector).or_else(|| catalogue.connector("custom-saml"));
        let connector = connector.expect("the catalogue has custom-saml");
        Self {
            id: SAMPLE_ID.to_owned(),
            name: connector.vendor().name.clone(),
            connector,
            step,
            done: Step::ALL.into_iter().filter(|other| *other < step).collect(),
            is_change: false,
            is_copy: false,
            version: "4".to_owned(),
        }
    }
}

/// Our side of a connection: what the provider asks for.
#[derive(Debug, Clone)]
pub struct OurValues {
    pub acs_url: String,
    pub entity_id: String,
    pub slo_url: String,
    pub metadata_url: String,
    pub certificate_url: String,
    pub sign_in_url: String,
    /// What to call the app over there: the organization's word, or Doorward.
    pub app_name: String,
}

impl OurValues {
    /// `text` of the catalogue with our values in it; patterns of theirs, such as `{tenant_id}`, stay.
    pub fn fill(&self, text: &str) -> String {
        let pattern = || self.acs_url.replace('.', "\\.").replace('/', "\\/");
        text.replace("{acs_url_regex}", &pattern())
            .replace("{acs_url}", &self.acs_url)
            .replace("{entity_id}", &self.entity_id)
            .replace("{sp_metadata_url}", &self.metadata_url)
            .replace("{sp_cert_url}", &self.certificate_url)
            .replace("{login_url}", &self.sign_in_url)
            .replace("{app_name}", &self.app_name)
    }

    pub fn sample() -> Self {
        let entity_id = format!("https://auth.acme.example/saml/{SAMPLE_ID}");
        Self {
            acs_url: format!("{entity_id}/acs"),
            slo_url: Connection::slo_url_of(&entity_id),
            metadata_url: format!("{entity_id}/metadata"),
            certificate_url: format!("{entity_id}/certificate"),
            entity_id,
            sign_in_url: "https://auth.acme.example/sign-in".to_owned(),
            app_name: "Doorward".to_owned(),
        }
    }
}

/// `GET, POST …/setup/app`
#[derive(Template)]
#[template(path = "admin/connections/app.html")]
pub struct AppPage {
    pub shell: Shell,
    pub wizard: Wizard,
    pub guide: Guide,
}

impl Page for AppPage {
    fn samples() -> Vec<Self> {
        let connectors = Catalogue::get().connectors(Protocol::Saml);
        let page = |connector: &'static Connector| Self {
            shell: Shell::sample(Place::Security),
            wizard: Wizard::sample(&connector.id, Step::App),
            guide: Guide::of(connector, OurValues::sample()),
        };
        let mut pages: Vec<Self> = connectors.map(page).collect();
        if let Some(first) = pages.first_mut() {
            first.shell = first.shell.clone().with_notice(
                Tone::Ok,
                "A draft for Okta is saved. Leave at any time; you find it on Security & Access.",
            );
        }
        pages
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<AppPage>(all, "admin/connections/app");
}

/// `GET …/setup/app`
pub async fn app(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<AppPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    let wizard = present::wizard(&view, Step::App);
    Ok(Html(AppPage {
        shell: shell(&request, Place::Security).await,
        guide: Guide::of(wizard.connector, present::ours(&view.connection, &app.urls)),
        wizard,
    }))
}

/// `POST …/setup/app`: nothing was asked, so on to the next step.
pub async fn app_done(id: Path<String>, form: AdminForm) -> Result<SeeOther, PageError> {
    require(&form.admin.ctx, Permission::ConnectionsWrite)?;
    let id = connection_id(&id)?;
    Ok(see_other(format!("/admin/security/sso/{id}/setup/metadata")))
}
