//! What the operator configured: every option with its value in force and where it comes from. Nothing is changed here.

use actix_web::HttpRequest;
use actix_web::web::Data;
use askama::Template;

use crate::app::App;
use crate::config::Config;
use crate::config::Origin;
use crate::config::Setting;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;

pub struct OptionRow {
    pub name: &'static str,
    pub about: &'static str,
    pub value: String,
    pub origin: &'static str,
}

impl OptionRow {
    fn of(setting: Setting, base_url: &str) -> Self {
        Self {
            name: setting.key.name,
            about: setting.key.doc,
            // What was asked for may have left the port open; this is what people reach.
            value: if setting.key.name == "base_url" { base_url.to_owned() } else { setting.value },
            origin: match setting.origin {
                Origin::Default => "Default",
                Origin::File => "File",
                Origin::Environment => "Environment",
                Origin::Flag => "Flag",
            },
        }
    }
}

/// `GET /admin/settings/network`
#[derive(Template)]
#[template(path = "admin/settings/network.html")]
pub struct NetworkPage {
    pub shell: Shell,
    pub options: Vec<OptionRow>,
}

impl Page for NetworkPage {
    fn samples() -> Vec<Self> {
        let row = |name, value: &str, origin| OptionRow {
            name,
            about: "The address and port to answer on. Port 0 picks a free one.",
            value: value.to_owned(),
            origin,
        };
        let options = vec![row("listen", "127.0.0.1:8080", "Default"), row("outbound_allow", "", "File")];
        vec![Self { shell: Shell::sample(Place::Settings), options }]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<NetworkPage>(all, "admin/settings/network");
}

/// `GET /admin/settings/network`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    config: Data<Config>,
    admin: Admin,
) -> Result<Html<NetworkPage>, PageError> {
    app.require_instance_reader(&admin.ctx).await?;
    let options = config.show().into_iter().map(|setting| OptionRow::of(setting, &app.urls.base)).collect();
    Ok(Html(NetworkPage { shell: shell(&request, Place::Settings).await, options }))
}
