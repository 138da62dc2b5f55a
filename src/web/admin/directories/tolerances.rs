//! The ledger of tolerances: what a directory's identity provider sends beside the standard, and what to change there.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::model::time::Timestamp;
use crate::scim::Quirk;
use crate::web::admin::directories::handle::load;
use crate::web::admin::directories::present::Head;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::count;

#[derive(Debug, Clone)]
pub struct ToleranceRow {
    pub seen: &'static str,
    pub change: &'static str,
    pub times: String,
    pub first: Timestamp,
    pub last: Timestamp,
}

/// `GET …/tolerances`
#[derive(Template)]
#[template(path = "admin/directories/tolerances.html")]
pub struct TolerancesPage {
    pub shell: Shell,
    pub head: Head,
    pub rows: Vec<ToleranceRow>,
}

fn row((code, n, first, last): &(String, u32, Timestamp, Timestamp)) -> Option<ToleranceRow> {
    let quirk = Quirk::find(code)?;
    let times = count((*n).into(), "time", "times");
    Some(ToleranceRow { seen: quirk.seen(), change: quirk.change(), times, first: *first, last: *last })
}

impl Page for TolerancesPage {
    fn samples() -> Vec<Self> {
        let at = Timestamp::from_secs(1_795_338_002);
        let all = Quirk::ALL.iter().filter_map(|quirk| row(&(quirk.code().to_owned(), 412, at, at)));
        let page = |rows| Self { shell: Shell::sample(Place::Security), head: Head::sample(), rows };
        vec![page(Vec::new()), page(all.collect())]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<TolerancesPage>(all, "admin/directories/tolerances");
}

/// `GET …/tolerances`
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<TolerancesPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    let all = app.list_scim_quirks(&admin.ctx, view.directory.id.clone()).await?;
    Ok(Html(TolerancesPage {
        shell: shell(&request, Place::Security).await,
        head: Head::of(&view),
        rows: all.iter().filter_map(row).collect(),
    }))
}
