//! The wizard's step that tests what is set up, by oneself or by a link for somebody else.

use crate::app::App;
use crate::app::connections::ConnectionView;
use crate::model::time::Timestamp;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::present;
use crate::web::admin::connections::setup::Step;
use crate::web::admin::connections::setup::StepView;
use crate::web::admin::connections::setup::Wizard;
use crate::web::admin::connections::trace::Trace;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::sign_in::ContinuePage;
use crate::web::sign_in::asks;
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

/// The last test of these settings.
#[derive(Debug, Clone)]
pub struct TestResult {
    pub id: String,
    pub at: Timestamp,
    pub by: String,
    pub trace: Trace,
    /// The settings were changed after it, so it does not count.
    pub is_stale: bool,
}

/// A link that runs one test, for someone else.
#[derive(Debug, Clone)]
pub struct TestLink {
    pub url: String,
    pub expires: Timestamp,
}

/// `GET …/setup/test`; `POST …/setup/test` starts one, `POST …/setup/test/link` makes a link.
#[derive(Template)]
#[template(path = "admin/connections/test.html")]
pub struct TestPage {
    pub shell: Shell,
    pub wizard: Wizard,
    /// Steps that come before and are not done: a test cannot run.
    pub missing: Vec<StepView>,
    /// A test was started and has not come back.
    pub is_waiting: bool,
    pub last: Option<TestResult>,
    /// Made just now.
    pub link: Option<TestLink>,
}

impl TestPage {
    fn has_passed(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.trace.has_passed() && !last.is_stale)
    }
}

impl Page for TestPage {
    fn samples() -> Vec<Self> {
        let page = |last| Self {
            shell: Shell::sample(Place::Security),
            wizard: Wizard::sample("okta-saml", Step::Test),
            missing: Vec::new(),
            is_waiting: false,
            last,
            link: None,
        };
        let result = |trace, is_stale| {
            Some(TestResult {
                id: "test_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
                at: Timestamp::from_secs(1_795_010_520),
                by: "Ada Example".to_owned(),
                trace,
                is_stale,
            })
        };
        let mut missing = page(None);
        missing.wizard.done.retain(|step| *step != Step::Metadata);
        missing.missing = missing.wizard.steps().into_iter().filter(|step| step.number == 3).collect();
        let mut waiting = page(None);
        waiting.is_waiting = true;
        waiting.link = Some(TestLink {
            url: "https://auth.acme.example/link/dwlink_9Kc2Qm2Vx9KcTn8LhYpR4sWb6ZdJq1Ek4Tz".to_owned(),
            expires: Timestamp::from_secs(1_795_339_000),
        });
        let mut stale = page(result(Trace::sample_passed(), true));
        (stale.wizard.is_change, stale.wizard.is_copy) = (true, true);
        vec![
            page(None),
            missing,
            waiting,
            page(result(Trace::sample_passed(), false)),
            page(result(Trace::sample_refused(), false)),
            stale,
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<TestPage>(all, "admin/connections/test");
}

async fn page(request: &HttpRequest, app: &App, view: &ConnectionView, link: Option<TestLink>) -> TestPage {
    let wizard = present::wizard(view, Step::Test);
    let missing =
        wizard.steps().into_iter().filter(|step| step.number == Step::Metadata.number() && !step.is_done).collect();
    TestPage {
        shell: shell(request, Place::Security).await,
        missing,
        is_waiting: link.is_some(),
        last: present::last_test(view, &app.urls),
        link,
        wizard,
    }
}

/// `GET …/setup/test`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<TestPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    Ok(Html(page(&request, &app, &view, None).await))
}

/// `POST …/setup/test`: a test in this browser. A form may not be answered with a redirect to another site, so a page
/// goes on by itself.
pub async fn start(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let view = load(&app, &form.admin.ctx, &id).await?;
    let (_, url) = app.start_test(&form.admin.ctx, view.connection.id.clone()).await?;
    let to = present::idp(&view.connection);
    let page = ContinuePage { shell: shell(&request, Place::Security).await, about: asks(&to), to, url };
    Ok(Html(page).status(StatusCode::OK))
}

/// `POST …/setup/test/link`: a test for somebody else's browser.
pub async fn make_link(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let view = load(&app, &form.admin.ctx, &id).await?;
    let (test, url) = app.start_test(&form.admin.ctx, view.connection.id.clone()).await?;
    let link = TestLink { url, expires: test.expires_at };
    Ok(Html(page(&request, &app, &view, Some(link)).await).status(StatusCode::OK))
}
