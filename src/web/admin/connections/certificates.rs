//! The certificates that a connection trusts: how they are shown, adding one, removing one.

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
use crate::app::rehearsal::SetChange;
use crate::crypto::certificate;
use crate::model::actor::Ctx;
use crate::model::connection::Status;
use crate::model::invalid::Invalid;
use crate::model::time::Timestamp;
use crate::web::admin::connections::SAMPLE_ID;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::present;
use crate::web::admin::connections::rollover::Rehearsed;
use crate::web::admin::connections::rollover::rehearsed;
use crate::web::admin::connections::rollover::would_be_accepted;
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

pub const SAMPLE_SHA256: &str =
    "73:71:42:D1:D7:6A:C4:06:59:38:FA:C4:BE:CE:88:31:51:E5:85:52:71:F5:AA:B5:65:48:09:43:C7:72:49:80";
const SAMPLE_SHA1: &str = "EB:2D:0F:6F:51:5B:1B:1D:5C:EC:54:3B:55:DA:28:82:A0:07:DC:58";

/// What is known of its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// The last sign-in was signed with it.
    InUse,
    NotSeenYet,
    /// Used before another one took over.
    Before,
}

/// A trusted certificate. Its contents are never shown again; two fingerprints can be compared.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// From 1, in the order they were added.
    pub number: usize,
    /// `73:71:…`, upper case.
    pub sha256: String,
    pub sha1: String,
    pub subject: String,
    /// `RSA 2048`
    pub key: String,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// Days until `not_after`; negative after it.
    pub days_left: i64,
    /// It is not valid yet.
    pub is_early: bool,
    pub used: Usage,
    pub last_seen: Option<Timestamp>,
    /// `Uploaded by Ada Example`, `From the metadata link`
    pub source: String,
    pub added: Timestamp,
    /// The metadata that brought it no longer names it.
    pub is_gone: bool,
}

/// How near a certificate's end is; none while it is far.
pub fn end_chip(days_left: i64) -> Option<Chip> {
    match days_left {
        ..0 => Some(Chip::new(Tone::Bad, "Expired")),
        0 => Some(Chip::new(Tone::Bad, "Expires today")),
        1 => Some(Chip::new(Tone::Bad, "Expires tomorrow")),
        2..=60 => Some(Chip::new(Tone::Warn, format!("Expires in {days_left} days"))),
        _ => None,
    }
}

impl Certificate {
    pub fn chips(&self) -> Vec<Chip> {
        let mut chips = vec![match self.used {
            Usage::InUse => Chip::new(Tone::Ok, "In use"),
            Usage::NotSeenYet => Chip::new(Tone::Info, "Trusted, not seen yet"),
            Usage::Before => Chip::new(Tone::Neutral, "Not used lately"),
        }];
        if self.is_early {
            chips.push(Chip::new(Tone::Warn, "Not yet valid"));
        }
        if self.is_gone {
            chips.push(Chip::new(Tone::Neutral, "Not in the metadata"));
        }
        chips.extend(end_chip(self.days_left));
        chips
    }

    /// It wants someone to look at it: its frame is coloured.
    pub fn needs_attention(&self) -> bool {
        self.days_left <= 60 || self.is_early
    }

    /// `sha256` as a path names it: lower-case hexadecimal digits without colons.
    pub fn slug(&self) -> String {
        self.sha256.replace(':', "").to_lowercase()
    }

    pub fn sample(number: usize, days_left: i64, used: Usage) -> Self {
        let mut sha256 = SAMPLE_SHA256.to_owned();
        sha256.replace_range(..2, &format!("{:02X}", 96 + number));
        Self {
            number,
            sha256,
            sha1: SAMPLE_SHA1.to_owned(),
            subject: "CN=acme, O=Okta".to_owned(),
            key: "RSA 2048, SHA-256".to_owned(),
            not_before: Timestamp::from_secs(1_481_793_240),
            not_after: Timestamp::from_secs(1_797_326_040),
            days_left,
            is_early: false,
            used,
            last_seen: (used != Usage::NotSeenYet).then(|| Timestamp::from_secs(1_795_338_000)),
            source: "Uploaded by Ada Example".to_owned(),
            added: Timestamp::from_secs(1_795_169_400),
            is_gone: false,
        }
    }
}

/// `GET, POST …/certificates/new`, `multipart/form-data`. The first POST reads; the second, with `trust`, adds.
#[derive(Template)]
#[template(path = "admin/connections/certificate_new.html")]
pub struct NewCertificatePage {
    pub shell: Shell,
    /// Errors at `certificate`, `file`.
    pub errors: Invalid,
    pub id: String,
    pub name: String,
    pub idp: String,
    /// What was pasted; kept while it is wrong, and hidden in the second form.
    pub certificate: String,
    /// What was read: to compare before trusting.
    pub found: Option<Certificate>,
    /// Refused sign-ins that it would let through.
    pub accepts: Option<String>,
}

impl Page for NewCertificatePage {
    fn samples() -> Vec<Self> {
        let page = |errors, certificate: &str, found| Self {
            shell: Shell::sample(Place::Security),
            errors,
            id: SAMPLE_ID.to_owned(),
            name: "Okta".to_owned(),
            idp: "Okta".to_owned(),
            certificate: certificate.to_owned(),
            found,
            accepts: None,
        };
        let key = "That's a public key, not a certificate. Download Certificate (Base64) and paste all of it.";
        let pem =
            "-----BEGIN CERTIFICATE-----\nMIIDpDCCAoygAwIBAgIGAV2ka+55MA0GCSqGSIb3DQEBCwUA\n-----END CERTIFICATE-----";
        let expired = Certificate::sample(2, -40, Usage::NotSeenYet);
        vec![
            page(Invalid::new(), "", None),
            page(Invalid::field("certificate", "cert_public_key", key), "-----BEGIN PUBLIC KEY-----", None),
            Self {
                accepts: Some("One refused sign-in of the last 30 days names this certificate: DW-8K3F0.".to_owned()),
                ..page(Invalid::new(), pem, Some(Certificate::sample(2, 3650, Usage::NotSeenYet)))
            },
            page(Invalid::new(), pem, Some(expired)),
        ]
    }
}

/// `GET, POST …/certificates/{sha256}/remove`
#[derive(Template)]
#[template(path = "admin/connections/certificate_remove.html")]
pub struct RemoveCertificatePage {
    pub shell: Shell,
    /// Errors go to `form`: the last one of an active connection.
    pub errors: Invalid,
    pub id: String,
    pub name: String,
    pub idp: String,
    pub certificate: Certificate,
    /// How many are left without it.
    pub left: usize,
    /// Nobody could sign in without it: the next one comes first.
    pub is_needed: bool,
    /// What the sign-ins of the last 30 days say about it.
    pub rehearsed: Rehearsed,
}

impl Page for RemoveCertificatePage {
    fn samples() -> Vec<Self> {
        let page = |errors, certificate, left| {
            Self {
            shell: Shell::sample(Place::Security),
            errors,
            id: SAMPLE_ID.to_owned(),
            name: "Okta".to_owned(),
            idp: "Okta".to_owned(),
            certificate,
            left,
            is_needed: left == 0,
            rehearsed: Rehearsed {
                tone: Tone::Warn,
                title: "It was used in the last 30 days".to_owned(),
                text: "Of 1204 sign-ins in the last 30 days, 1100 were signed with it, the last on 12 Nov 2026, 10:10 UTC."
                    .to_owned(),
            },
        }
        };
        let last = "This is the only certificate. Add the next one first, or pause the connection.";
        vec![
            page(Invalid::new(), Certificate::sample(1, -10, Usage::Before), 1),
            page(Invalid::new(), Certificate::sample(1, 23, Usage::InUse), 1),
            page(Invalid::field("form", "certificate_last", last), Certificate::sample(1, 400, Usage::InUse), 0),
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<NewCertificatePage>(all, "admin/connections/certificate_new");
    add::<RemoveCertificatePage>(all, "admin/connections/certificate_remove");
}

async fn new_page(
    request: &HttpRequest,
    view: &ConnectionView,
    errors: Invalid,
    text: String,
    found: Option<Certificate>,
) -> NewCertificatePage {
    NewCertificatePage {
        shell: shell(request, Place::Security).await,
        id: view.connection.id.to_string(),
        name: view.connection.name.clone(),
        idp: present::idp(&view.connection),
        certificate: present::unless_private(&errors, text),
        errors,
        found,
        accepts: None,
    }
}

/// `GET …/certificates/new`
pub async fn new(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<NewCertificatePage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    Ok(Html(new_page(&request, &view, Invalid::new(), String::new(), None).await))
}

/// `POST …/certificates/new`: shows the fingerprint; with `trust`, trusts it.
pub async fn trust(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, data) = (&form.admin.ctx, &form.data);
    let view = load(&app, ctx, &id).await?;
    let given = data.file("file").unwrap_or(data.get("certificate").as_bytes()).to_vec();
    let at_page = |mut errors: Invalid| {
        for error in &mut errors.errors {
            error.field = if data.file("file").is_some() { "file" } else { "certificate" };
        }
        errors
    };
    let done = if data.has("trust") {
        app.add_certificates(ctx, view.connection.id.clone(), &given).await.map(|_| None)
    } else {
        app.read_certificates(ctx, &given).map(Some)
    };
    match done {
        Ok(None) => {
            let answer =
                see_other(format!("/admin/security/sso/{}", view.connection.id)).notice("The certificate is trusted.");
            Ok(answer.respond_to(&request))
        }
        Ok(Some(found)) => {
            let pem: String = found.iter().map(certificate::Certificate::to_pem).collect();
            let shown = found.first().map(|first| unsaved(first, view.certificates.len() + 1, form.admin.visitor.now));
            let change = SetChange::with(found.iter().map(|one| one.sha256.as_str()));
            let rehearsal = app.rehearse(ctx, view.connection.id.clone(), change).await?;
            let page = new_page(&request, &view, Invalid::new(), pem, shown).await;
            let page = NewCertificatePage { accepts: would_be_accepted(&rehearsal), ..page };
            Ok(Html(page).status(StatusCode::OK))
        }
        Err(Error::Invalid(errors)) => {
            let typed = data.get("certificate").to_owned();
            let page = new_page(&request, &view, at_page(errors), typed, None).await;
            Ok(Html(page).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(error) => Err(error.into()),
    }
}

/// A certificate that is not trusted yet.
fn unsaved(of: &certificate::Certificate, number: usize, now: Timestamp) -> Certificate {
    Certificate {
        number,
        sha256: present::colons(&of.sha256),
        sha1: present::colons(&of.sha1),
        subject: of.subject.clone(),
        key: of.key.clone(),
        not_before: Timestamp::from_secs(of.not_before),
        not_after: Timestamp::from_secs(of.not_after),
        days_left: (of.not_after - now.secs()).div_euclid(86_400),
        is_early: now.secs() < of.not_before,
        used: Usage::NotSeenYet,
        last_seen: None,
        source: String::new(),
        added: now,
        is_gone: false,
    }
}

async fn remove_page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    (view, sha256): (&ConnectionView, &str),
    errors: Invalid,
) -> Result<RemoveCertificatePage, PageError> {
    let all = present::certificates(&view.certificates, ctx.now);
    let found = all.into_iter().find(|certificate| certificate.slug() == sha256);
    let rehearsal = app.rehearse(ctx, view.connection.id.clone(), SetChange::without(sha256)).await?;
    Ok(RemoveCertificatePage {
        shell: shell(request, Place::Security).await,
        errors,
        id: view.connection.id.to_string(),
        name: view.connection.name.clone(),
        idp: present::idp(&view.connection),
        certificate: found.ok_or(Error::NotFound("certificate"))?,
        left: view.certificates.len().saturating_sub(1),
        is_needed: view.certificates.len() == 1 && view.connection.status == Status::Active,
        rehearsed: rehearsed(&rehearsal, &present::idp(&view.connection)),
    })
}

/// `GET …/certificates/{sha256}/remove`
pub async fn ask_remove(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    path: Path<(String, String)>,
) -> Result<Html<RemoveCertificatePage>, PageError> {
    let view = load(&app, &admin.ctx, &path.0).await?;
    Ok(Html(remove_page(&request, &app, &admin.ctx, (&view, &path.1), Invalid::new()).await?))
}

/// `POST …/certificates/{sha256}/remove`
pub async fn remove(
    request: HttpRequest,
    app: Data<App>,
    path: Path<(String, String)>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let ctx = &form.admin.ctx;
    let view = load(&app, ctx, &path.0).await?;
    match app.remove_certificate(ctx, view.connection.id.clone(), &path.1).await {
        Ok(()) => {
            let answer = see_other(format!("/admin/security/sso/{}", view.connection.id))
                .notice("The certificate is no longer trusted. For 30 days you can undo this below.");
            Ok(answer.respond_to(&request))
        }
        Err(Error::Conflict { code, text }) => {
            let errors = Invalid::field("form", code, text);
            let page = remove_page(&request, &app, ctx, (&view, &path.1), errors).await?;
            Ok(Html(page).status(StatusCode::CONFLICT))
        }
        Err(error) => Err(error.into()),
    }
}
