//! Our own certificate: it signs our requests, and the provider may encrypt to it. The next one is published, given to the
//! provider, switched to; the former one goes when nothing is encrypted to it any more.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::connections::ConnectionView;
use crate::model::connection::Test;
use crate::model::connection::TestStatus;
use crate::model::connection_key::ConnectionKey;
use crate::model::connection_key::KeyState;
use crate::model::invalid::Invalid;
use crate::model::time::Timestamp;
use crate::web::admin::connections::SAMPLE_ID;
use crate::web::admin::connections::certificates::SAMPLE_SHA256;
use crate::web::admin::connections::certificates::end_chip;
use crate::web::admin::connections::handle::connection_id;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::present;
use crate::web::admin::connections::rollover::RailState;
use crate::web::admin::connections::rollover::RailStep;
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
use crate::web::view::Chip;
use crate::web::view::Tone;

/// A key of ours, as its certificate shows it.
#[derive(Debug, Clone)]
pub struct OurKey {
    pub state: KeyState,
    /// `73:71:…`, upper case.
    pub sha256: String,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    pub days_left: i64,
    pub changed: Timestamp,
    /// When an assertion was last encrypted to it.
    pub opened: Option<Timestamp>,
}

impl OurKey {
    fn of(key: &ConnectionKey, now: Timestamp) -> Self {
        Self {
            state: key.state,
            sha256: present::colons(&key.sha256),
            not_before: key.not_before,
            not_after: key.not_after,
            days_left: (key.not_after.secs() - now.secs()).div_euclid(86_400),
            changed: key.changed_at,
            opened: key.last_opened_at,
        }
    }

    pub fn title(&self) -> &'static str {
        match self.state {
            KeyState::Current => "The current one",
            KeyState::Next => "The next one",
            KeyState::Retired => "A former one",
        }
    }

    pub fn chips(&self) -> Vec<Chip> {
        let state = match self.state {
            KeyState::Current => Chip::new(Tone::Ok, "Signs our requests"),
            KeyState::Next => Chip::new(Tone::Info, "Published, not used yet"),
            KeyState::Retired => Chip::new(Tone::Neutral, "Only opens assertions"),
        };
        [Some(state), end_chip(self.days_left)].into_iter().flatten().collect()
    }

    pub fn is_next(&self) -> bool {
        self.state == KeyState::Next
    }

    pub fn is_current(&self) -> bool {
        self.state == KeyState::Current
    }

    /// `sha256` as a path names it.
    pub fn slug(&self) -> String {
        self.sha256.replace(':', "").to_lowercase()
    }

    pub fn html_id(&self) -> String {
        format!("fp-our-{}", &self.slug()[..16])
    }

    fn sample(state: KeyState, days_left: i64) -> Self {
        let mut sha256 = SAMPLE_SHA256.to_owned();
        let start = match state {
            KeyState::Current => "11",
            KeyState::Next => "22",
            KeyState::Retired => "33",
        };
        sha256.replace_range(..2, start);
        Self {
            state,
            sha256,
            not_before: Timestamp::from_secs(1_795_169_400),
            not_after: Timestamp::from_secs(2_110_745_400),
            days_left,
            changed: Timestamp::from_secs(1_795_169_400),
            opened: (state == KeyState::Retired).then(|| Timestamp::from_secs(1_795_338_000)),
        }
    }
}

/// Our certificates for one connection, and where a change of them stands.
#[derive(Debug, Clone)]
pub struct OurKeys {
    pub keys: Vec<OurKey>,
    /// Empty where nothing is being replaced.
    pub steps: Vec<RailStep>,
    /// Where the next certificate is downloaded.
    pub next_url: String,
}

impl OurKeys {
    pub fn of(view: &ConnectionView, now: Timestamp) -> Self {
        let keys: Vec<OurKey> = view.keys.iter().map(|key| OurKey::of(key, now)).collect();
        let next_url = format!("{}/certificate?next", view.connection.entity_id);
        Self { steps: steps(&keys, &present::idp(&view.connection), taken_at(view)), keys, next_url }
    }

    pub fn has_next(&self) -> bool {
        self.keys.iter().any(OurKey::is_next)
    }

    pub fn chip(&self) -> Option<Chip> {
        (!self.steps.is_empty()).then(|| Chip::new(Tone::Warn, "Rolling over"))
    }

    pub fn sample(states: &[(KeyState, i64)]) -> Self {
        let keys: Vec<OurKey> = states.iter().map(|(state, days_left)| OurKey::sample(*state, *days_left)).collect();
        let next_url = format!("https://auth.acme.example/saml/{SAMPLE_ID}/certificate?next");
        Self { steps: steps(&keys, "Okta", Some(Timestamp::from_secs(1_795_338_000))), keys, next_url }
    }
}

/// When the provider last answered a request that the current key may have signed: a sign-in, or a test begun since the
/// switch.
fn taken_at(view: &ConnectionView) -> Option<Timestamp> {
    let switched = view.keys.iter().find(|key| key.state == KeyState::Current)?.changed_at;
    let signed_in = view.last_sign_in.as_ref().map(|sign_in| sign_in.at).filter(|at| *at > switched);
    let passed = |test: &&Test| test.status == TestStatus::Passed && test.created_at > switched;
    let tested = view.last_test.as_ref().filter(passed).and_then(|test| test.finished_at);
    signed_in.max(tested)
}

/// What the provider knows of our keys, nobody can see from here; the last rail claims only what came back.
fn steps(keys: &[OurKey], idp: &str, taken_at: Option<Timestamp>) -> Vec<RailStep> {
    let find = |state| keys.iter().find(|key| key.state == state);
    let (done, now, ahead) = (RailState::Done, RailState::Now, RailState::Ahead);
    if let Some(next) = find(KeyState::Next) {
        return vec![
            RailStep::new("Next one published", next.changed.day(), done),
            RailStep::new(&format!("Give {idp} the new one"), format!("By upload, or {idp} reads our metadata"), now),
            RailStep::new("Switch", "By you, once it has it", ahead),
            RailStep::new("Former one removed", "When nothing is encrypted to it", ahead),
        ];
    }
    let (Some(current), Some(former)) = (find(KeyState::Current), find(KeyState::Retired)) else { return Vec::new() };
    let last = match former.opened {
        Some(at) => format!("It last opened a sign-in on {}", at.day()),
        None => "No sign-in was ever encrypted to it".to_owned(),
    };
    let (taken, removed) = match (current.opened, taken_at) {
        (Some(at), _) => ((format!("{idp} encrypted to the new one on {}", at.day()), done), now),
        (None, Some(at)) => ((format!("The last one on {}", at.day()), done), now),
        (None, None) => (("None yet: run Test SSO".to_owned(), now), ahead),
    };
    vec![
        RailStep::new("Next one published", current.not_before.day(), done),
        RailStep::new("Switch", current.changed.day(), done),
        RailStep::new("A sign-in since the switch", taken.0, taken.1),
        RailStep::new("Former one removed", last, removed),
    ]
}

/// What is about to happen to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyChange {
    /// `…/switch`
    Switch,
    /// `…/remove`
    Remove,
}

/// `GET, POST …/keys/{sha256}/switch`, `…/remove`
#[derive(Template)]
#[template(path = "admin/connections/key_confirm.html")]
pub struct KeyConfirmPage {
    pub shell: Shell,
    /// Errors go to `form`.
    pub errors: Invalid,
    pub id: String,
    pub name: String,
    pub idp: String,
    pub key: OurKey,
    pub change: KeyChange,
}

impl KeyConfirmPage {
    fn title(&self) -> &'static str {
        match (self.change, self.key.state) {
            (KeyChange::Switch, KeyState::Retired) => "Go back to the former certificate?",
            (KeyChange::Switch, _) => "Switch to the next certificate?",
            (KeyChange::Remove, KeyState::Next) => "Remove the next certificate?",
            (KeyChange::Remove, _) => "Remove the former certificate?",
        }
    }

    fn button(&self) -> &'static str {
        match self.change {
            KeyChange::Switch => "Sign with it",
            KeyChange::Remove => "Remove it",
        }
    }

    fn slug(&self) -> &'static str {
        match self.change {
            KeyChange::Switch => "switch",
            KeyChange::Remove => "remove",
        }
    }

    fn switches(&self) -> bool {
        self.change == KeyChange::Switch
    }

    fn consequences(&self) -> Vec<String> {
        let idp = &self.idp;
        match (self.change, self.key.state, self.key.opened) {
            (KeyChange::Switch, ..) => vec![
                format!(
                    "From now on our requests are signed with it. If {idp} checks signatures and doesn't have it, it refuses everybody."
                ),
                format!("What {idp} encrypts to the present one is still opened."),
                "You can go back with one click.".to_owned(),
            ],
            (KeyChange::Remove, KeyState::Next, _) => vec![
                "It disappears from our metadata, and nothing encrypted to it is opened any more.".to_owned(),
                format!("If {idp} has it already, take it away there too."),
            ],
            (KeyChange::Remove, _, Some(at)) => vec![
                format!(
                    "The last sign-in encrypted to it came on {}. If {idp} goes on with it, nobody gets in.",
                    at.minute()
                ),
                "The key is destroyed; there is no undo.".to_owned(),
            ],
            (KeyChange::Remove, _, None) => vec![
                "No sign-in was ever encrypted to it.".to_owned(),
                "The key is destroyed; there is no undo.".to_owned(),
            ],
        }
    }
}

impl Page for KeyConfirmPage {
    fn samples() -> Vec<Self> {
        let page = |change, state, errors| Self {
            shell: Shell::sample(Place::Security),
            errors,
            id: SAMPLE_ID.to_owned(),
            name: "Okta".to_owned(),
            idp: "Okta".to_owned(),
            key: OurKey::sample(state, 3650),
            change,
        };
        let used = "This key signs our requests. Switch to the next one first.";
        vec![
            page(KeyChange::Switch, KeyState::Next, Invalid::new()),
            page(KeyChange::Switch, KeyState::Retired, Invalid::new()),
            page(KeyChange::Remove, KeyState::Next, Invalid::new()),
            page(KeyChange::Remove, KeyState::Retired, Invalid::new()),
            page(KeyChange::Remove, KeyState::Current, Invalid::field("form", "key_in_use", used)),
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<KeyConfirmPage>(all, "admin/connections/key_confirm");
}

fn back(id: &impl std::fmt::Display) -> SeeOther {
    see_other(format!("/admin/security/sso/{id}"))
}

/// `POST …/keys`: makes and publishes the next one.
pub async fn prepare(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let id = connection_id(&id)?;
    let notice = match app.prepare_key(&form.admin.ctx, id.clone()).await {
        Ok(_) => {
            "The next certificate is published beside the current one. Give it to your identity provider.".to_owned()
        }
        // Pressed twice, or by two admins: there it is.
        Err(Error::Conflict { text, .. }) => text,
        Err(error) => return Err(error.into()),
    };
    Ok(back(&id).notice(notice).respond_to(&request))
}

async fn confirm_page(
    request: &HttpRequest,
    view: &ConnectionView,
    sha256: &str,
    change: KeyChange,
    errors: Invalid,
    now: Timestamp,
) -> Result<KeyConfirmPage, PageError> {
    let found = view.keys.iter().find(|key| key.sha256 == sha256).ok_or(Error::NotFound("key"))?;
    Ok(KeyConfirmPage {
        shell: shell(request, Place::Security).await,
        errors,
        id: view.connection.id.to_string(),
        name: view.connection.name.clone(),
        idp: present::idp(&view.connection),
        key: OurKey::of(found, now),
        change,
    })
}

/// `GET …/keys/{sha256}/switch`
pub async fn ask_switch(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    path: Path<(String, String)>,
) -> Result<Html<KeyConfirmPage>, PageError> {
    let view = load(&app, &admin.ctx, &path.0).await?;
    let now = admin.visitor.now;
    Ok(Html(confirm_page(&request, &view, &path.1, KeyChange::Switch, Invalid::new(), now).await?))
}

/// `POST …/keys/{sha256}/switch`
pub async fn switch(app: Data<App>, path: Path<(String, String)>, form: AdminForm) -> Result<SeeOther, PageError> {
    let id = connection_id(&path.0)?;
    app.switch_key(&form.admin.ctx, id.clone(), &path.1).await?;
    Ok(back(&id).notice("Our requests are signed with the new certificate. Run Test SSO to see that it is taken."))
}

/// `GET …/keys/{sha256}/remove`
pub async fn ask_remove(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    path: Path<(String, String)>,
) -> Result<Html<KeyConfirmPage>, PageError> {
    let view = load(&app, &admin.ctx, &path.0).await?;
    let now = admin.visitor.now;
    Ok(Html(confirm_page(&request, &view, &path.1, KeyChange::Remove, Invalid::new(), now).await?))
}

/// `POST …/keys/{sha256}/remove`
pub async fn remove(
    request: HttpRequest,
    app: Data<App>,
    path: Path<(String, String)>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, now) = (&form.admin.ctx, form.admin.visitor.now);
    let view = load(&app, ctx, &path.0).await?;
    match app.remove_key(ctx, view.connection.id.clone(), &path.1).await {
        Ok(()) => Ok(back(&view.connection.id).notice("The certificate is gone.").respond_to(&request)),
        Err(Error::Conflict { code, text }) => {
            let errors = Invalid::field("form", code, text);
            let page = confirm_page(&request, &view, &path.1, KeyChange::Remove, errors, now).await?;
            Ok(Html(page).status(StatusCode::CONFLICT))
        }
        Err(error) => Err(error.into()),
    }
}
