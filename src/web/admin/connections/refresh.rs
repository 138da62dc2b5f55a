//! A watched metadata link, as its connection's page shows it: when it was read, when it is read next, what changed; and
//! taking over what is told but not taken by itself.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::connections::ConnectionView;
use crate::app::connections::SettingsChange;
use crate::app::metadata::MetadataInput;
use crate::app::rehearsal::SetChange;
use crate::model::actor::Ctx;
use crate::model::invalid::Invalid;
use crate::model::rehearsal::Rehearsal;
use crate::model::time::Timestamp;
use crate::web::admin::connections::SAMPLE_ID;
use crate::web::admin::connections::handle::connection_id;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::present;
use crate::web::admin::connections::trace::Diff;
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
use crate::web::view::Action;
use crate::web::view::Alert;
use crate::web::view::Tone;
use crate::web::view::count;

/// A metadata link of a connection.
#[derive(Debug, Clone)]
pub struct Watched {
    /// `Watched link`
    pub kind: String,
    pub last_run: Option<Timestamp>,
    /// Where the last run failed: the last that did not.
    pub last_success: Option<Timestamp>,
    pub next_run: Option<Timestamp>,
    pub changed_at: Option<Timestamp>,
    /// What changed then, a sentence each.
    pub changes: Vec<String>,
}

impl Watched {
    pub fn sample(changes: &[&str]) -> Self {
        Self {
            kind: "Watched link".to_owned(),
            last_run: Some(Timestamp::from_secs(1_795_338_000)),
            last_success: None,
            next_run: Some(Timestamp::from_secs(1_795_359_600)),
            changed_at: (!changes.is_empty()).then(|| Timestamp::from_secs(1_795_338_000)),
            changes: changes.iter().map(|change| (*change).to_owned()).collect(),
        }
    }
}

/// What a connection's page says of the metadata; `gone` is the rehearsal without what the link no longer names.
pub fn watched(view: &ConnectionView, gone: Option<&Rehearsal>) -> Watched {
    let connection = &view.connection;
    let settings = connection.shown().map(|revision| &revision.settings);
    let has_link = settings.is_some_and(|settings| settings.metadata_url.is_some());
    let kind = match settings {
        Some(settings) if has_link && settings.watch_metadata => "Watched link",
        Some(_) if has_link => "A link, read once",
        _ => "Pasted, uploaded or typed in",
    };
    let change = connection.seen_metadata().and_then(|seen| seen.last_change.as_ref());
    let mut changes = Vec::new();
    if let Some(change) = change {
        let n = |list: &[String]| list.len() as u64;
        if !change.added.is_empty() {
            changes.push(format!("{}.", count(n(&change.added), "certificate is new", "certificates are new")));
            let is_trusted = |sha256: &String| view.certificates.iter().any(|one| one.sha256 == *sha256);
            let untrusted = change.added.iter().filter(|sha256| !is_trusted(sha256)).count() as u64;
            if untrusted > 0 {
                let untrusted = count(untrusted, "new certificate is", "new certificates are");
                changes.push(format!(
                    "{untrusted} not trusted: removed here, or issued for the key of one that was. Add it by hand if it is right."
                ));
            }
        }
        if !change.gone.is_empty() {
            let gone = count(n(&change.gone), "certificate is no longer in it", "certificates are no longer in it");
            changes.push(format!("{gone}. Nothing was removed here."));
        }
        if let Some((before, after)) = &change.sso_url {
            changes.push(format!("The SSO URL was {before} and is {after}."));
        }
        match &change.slo_url {
            Some((Some(before), Some(after))) => {
                changes.push(format!("The single logout URL was {before} and is {after}."));
            }
            Some((None, Some(after))) => changes.push(format!("A single logout URL is new: {after}.")),
            Some((Some(before), None)) => changes.push(format!("The single logout URL {before} is no longer in it.")),
            _ => {}
        }
        if change.slo_url.is_some() {
            changes
                .push("Sign-outs go where this connection's settings say; change it there if it is right.".to_owned());
        }
    }
    if let Some(lost) = gone.map(Rehearsal::lost).filter(|lost| *lost > 0) {
        let sign_ins = count(u64::from(lost), "sign-in", "sign-ins");
        changes.push(format!("{sign_ins} of the last 30 days were signed with what it no longer names."));
    }
    Watched {
        kind: kind.to_owned(),
        last_run: connection.metadata_tried_at.filter(|_| has_link),
        last_success: connection.metadata_read_at.filter(|_| has_link && connection.metadata_problem.is_some()),
        next_run: connection.next_refresh(),
        changed_at: change.map(|change| change.at),
        changes,
    }
}

/// The trusted certificates from the metadata that it no longer names.
pub fn gone(view: &ConnectionView) -> Vec<String> {
    let Some(seen) = view.connection.seen_metadata() else { return Vec::new() };
    let from_metadata = view.certificates.iter().filter(|one| one.source == "metadata");
    from_metadata.map(|one| one.sha256.clone()).filter(|one| !seen.certificates.contains(one)).collect()
}

pub async fn rehearse_gone(app: &App, ctx: &Ctx, view: &ConnectionView) -> Result<Option<Rehearsal>, Error> {
    let gone = gone(view);
    if gone.is_empty() {
        return Ok(None);
    }
    let change = SetChange { without: gone, with: Vec::new() };
    app.rehearse(ctx, view.connection.id.clone(), change).await.map(Some)
}

/// Why nothing, or not all, was taken from the link.
pub fn alert(view: &ConnectionView) -> Option<Alert> {
    let connection = &view.connection;
    if let Some(problem) = &connection.metadata_problem {
        return Some(Alert {
            tone: Tone::Warn,
            title: "The metadata link could not be used".to_owned(),
            text: format!("{} Sign-in goes on with what was read before.", problem.text),
            action: None,
        });
    }
    let other = connection.other_sso_url()?;
    let is_drafted = connection.draft.as_ref().is_some_and(|draft| draft.settings.sso_url.as_deref() == Some(other));
    let idp = present::idp(connection);
    (!is_drafted).then(|| Alert {
        tone: Tone::Warn,
        title: format!("{idp}'s metadata names another SSO URL"),
        text: "Sign-ins go on to the one that was tested. A new one is never taken over by itself.".to_owned(),
        action: Some(Action::new("Compare", format!("/admin/security/sso/{}/metadata/take", connection.id))),
    })
}

/// `POST …/refresh`: reads the metadata link now.
pub async fn refresh(app: Data<App>, id: Path<String>, form: AdminForm) -> Result<SeeOther, PageError> {
    let id = connection_id(&id)?;
    let refreshed = app.refresh_connection(&form.admin.ctx, id.clone()).await?;
    let answer = see_other(format!("/admin/security/sso/{id}"));
    // The page itself tells what is wrong with the link.
    if refreshed.problem.is_some() {
        return Ok(answer);
    }
    let mut text = match (refreshed.added, &refreshed.change) {
        (0, None) => "The metadata was read. Nothing new in it.".to_owned(),
        (0, Some(_)) => "The metadata was read. What changed in it stands below.".to_owned(),
        (n, _) => format!(
            "The metadata was read. {} now trusted.",
            count(n as u64, "new certificate is", "new certificates are")
        ),
    };
    if !refreshed.left_out.is_empty() {
        let left_out = match refreshed.left_out.len() as u64 {
            1 => "1 certificate that was removed here, or has the key of one that was. It stays untrusted until you add it".to_owned(),
            n => format!("{n} certificates that were removed here, or have the key of one that was. They stay untrusted until you add them"),
        };
        text = format!("{text} It names {left_out} by hand.");
    }
    Ok(answer.notice(text))
}

/// `GET, POST …/metadata/take`
#[derive(Template)]
#[template(path = "admin/connections/metadata_take.html")]
pub struct TakePage {
    pub shell: Shell,
    /// Errors go to `form`.
    pub errors: Invalid,
    pub id: String,
    pub name: String,
    pub idp: String,
    /// What the metadata names, and where sign-ins go.
    pub diff: Option<Diff>,
}

impl Page for TakePage {
    fn samples() -> Vec<Self> {
        let page = |errors, diff| Self {
            shell: Shell::sample(Place::Security),
            errors,
            id: SAMPLE_ID.to_owned(),
            name: "Okta".to_owned(),
            idp: "Okta".to_owned(),
            diff,
        };
        let (now, then) = ("https://acme.okta.com/app/new/sso/saml", "https://acme.okta.com/app/old/sso/saml");
        let failed = "acme.okta.com cannot be reached: nothing listens there.";
        vec![
            page(Invalid::new(), Some(Diff::new(now, then))),
            page(Invalid::field("form", "metadata_unreachable", failed), Some(Diff::new(now, then))),
            page(Invalid::new(), None),
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<TakePage>(all, "admin/connections/metadata_take");
}

async fn take_page(request: &HttpRequest, view: &ConnectionView, errors: Invalid) -> TakePage {
    let connection = &view.connection;
    let now = connection.shown().and_then(|revision| revision.settings.sso_url.as_deref());
    TakePage {
        shell: shell(request, Place::Security).await,
        errors,
        id: connection.id.to_string(),
        name: connection.name.clone(),
        idp: present::idp(connection),
        diff: connection.other_sso_url().zip(now).map(|(other, now)| Diff::new(other, now)),
    }
}

/// `GET …/metadata/take`
pub async fn ask_take(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<TakePage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    Ok(Html(take_page(&request, &view, Invalid::new()).await))
}

/// `POST …/metadata/take`: what the link says now becomes a copy to test.
pub async fn take(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<actix_web::HttpResponse, PageError> {
    use actix_web::Responder as _;
    let ctx = &form.admin.ctx;
    let view = load(&app, ctx, &id).await?;
    let connection = &view.connection;
    let settings = connection.shown().map(|revision| revision.settings.clone()).unwrap_or_default();
    let Some(url) = settings.metadata_url else { return Err(Error::NotFound("metadata link").into()) };
    let link = MetadataInput::Link { url, entity_id: settings.idp_entity_id };
    match app.update_connection(ctx, connection.id.clone(), SettingsChange::default(), Some(link), None).await {
        Ok(_) => {
            let answer = see_other(format!("/admin/security/sso/{}/setup/test", connection.id));
            Ok(answer.notice("This is a copy. Test it, then turn it on.").respond_to(&request))
        }
        Err(Error::Invalid(mut errors)) => {
            errors.errors.iter_mut().for_each(|error| error.field = "form");
            let page = take_page(&request, &view, errors).await;
            Ok(Html(page).status(actix_web::http::StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(error) => Err(error.into()),
    }
}
