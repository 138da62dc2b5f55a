//! The certificates of a connection: trusted, removed, brought back, and rehearsed.

use actix_web::FromRequest;
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::web::Data;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::rehearsal::SetChange;
use crate::model::page::Page;
use crate::model::rehearsal::Rehearsal;
use crate::web::api::answer::Answer;
use crate::web::api::answer::created;
use crate::web::api::answer::done;
use crate::web::api::answer::list;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::LARGE;
use crate::web::api::call::Nothing;
use crate::web::api::call::Parameter;
use crate::web::api::call::Sent;
use crate::web::api::call::parameter;
use crate::web::api::connections::READ;
use crate::web::api::connections::WRITE;
use crate::web::api::connections::input::joined;
use crate::web::api::connections::object::CertificateObject;
use crate::web::api::connections::object::ConnectionObject;
use crate::web::api::connections::object::certificate_object;
use crate::web::api::connections::object::object;
use crate::web::api::connections::object::removed_object;
use crate::web::api::connections::shown;
use crate::web::api::json;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;
use crate::web::error::Failure;
use crate::web::extract::body;

const SETS: &[Parameter] = &[
    parameter("without", "Fingerprints of trusted certificates that would be gone, with commas between them."),
    parameter("with", "Fingerprints of certificates that would be trusted too."),
];

pub fn operations(api: &mut Operations) {
    api.get("/api/v1/connections/{connection}/certificates", READ, "List certificates", index)
        .about("Those that are trusted, those that wait with a draft, and those that were removed in the last 30 days.")
        .lists::<CertificateObject>();
    api.post("/api/v1/connections/{connection}/certificates", WRITE, "Trust certificates", add)
        .about("Trusted at once, also by an active connection. PEM may also be sent as it is, as `application/x-pem-file` or `text/plain`.")
        .takes::<Certificates>()
        .makes::<ConnectionObject>()
        .versioned();
    api.get("/api/v1/connections/{connection}/certificates/rehearsal", READ, "Rehearse another set of certificates", rehearse)
        .about(
            "Would the sign-ins of the last 30 days still work with this set? Of each accepted sign-in it is kept which \
             certificate signed it, and of a refused one which it named; the responses themselves are not kept. Changes nothing.",
        )
        .filters(SETS)
        .gives::<RehearsalObject>();
    api.delete("/api/v1/connections/{connection}/certificates/{sha256}", WRITE, "Stop trusting a certificate", remove)
        .about("At once. For 30 days it can be restored; metadata that names it does not bring it back.")
        .versioned()
        .refuses(&[(409, "last_certificate")]);
    api.post(
        "/api/v1/connections/{connection}/certificates/{sha256}/restore",
        WRITE,
        "Trust a removed certificate again",
        restore,
    )
    .gives::<ConnectionObject>()
    .versioned();
}

/// `GET /api/v1/connections/{connection}/certificates`
async fn index(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let view = app.find_connection(&call.ctx, call.id("connection")?).await?;
    let trusted = view.all_certificates().map(|row| certificate_object(row, call.ctx.now));
    let rows = trusted.chain(view.removed_certificates.iter().map(removed_object)).collect();
    Ok(list(Page { rows, next: None }))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Certificates {
    /// PEM or bare Base64.
    #[schema(required)]
    certificates: Vec<String>,
}

/// Certificates in JSON, or as the file they stand in.
struct SentCertificates {
    call: Call,
    text: Vec<u8>,
}

impl FromRequest for SentCertificates {
    type Error = ApiError;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let call = Call::extract(&request).await?;
            let bytes = body(&mut payload, LARGE).await?;
            let text = match call.content_type().as_str() {
                "application/json" => joined(&json::read::<Certificates>(&bytes)?.certificates),
                "text/plain" | "application/x-pem-file" | "application/pkix-cert" => bytes,
                _ if bytes.is_empty() => bytes,
                _ => return Err(Failure::UnsupportedMedia.into()),
            };
            Ok(Self { call, text })
        })
    }
}

/// `POST /api/v1/connections/{connection}/certificates`
async fn add(app: Data<App>, sent: SentCertificates) -> Result<Answer, ApiError> {
    let call = sent.call;
    let view = app.add_certificates(&call.ctx, call.id("connection")?, &sent.text).await?;
    let (path, version) = (format!("/api/v1/connections/{}/certificates", view.connection.id), view.connection.version);
    Ok(created(path, &object(&app, view, call.ctx.now)).version(version))
}

/// `DELETE /api/v1/connections/{connection}/certificates/{sha256}`
async fn remove(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    app.remove_certificate(&call.ctx, call.id("connection")?, call.part("sha256")).await?;
    Ok(done())
}

/// `POST /api/v1/connections/{connection}/certificates/{sha256}/restore`
async fn restore(app: Data<App>, sent: Sent<Nothing>) -> Result<Answer, ApiError> {
    let call = sent.call;
    let view = app.restore_certificate(&call.ctx, call.id("connection")?, call.part("sha256")).await?;
    Ok(shown(&app, &call, view))
}

/// What the sign-ins of the last 30 days say of a set of certificates. A count stops at 10,000 for each certificate.
#[derive(Serialize, ToSchema)]
#[schema(as = Rehearsal)]
struct RehearsalObject {
    #[schema(format = DateTime)]
    since: String,
    /// Accepted sign-ins that were looked at.
    sign_ins: u32,
    /// How many of them would no longer be accepted.
    lost: u32,
    #[schema(format = DateTime)]
    last_lost_at: Option<String>,
    /// Accepted after that one, by certificates that stay.
    since_lost: u32,
    /// A count was cut short at 10,000.
    more: bool,
    certificates: Vec<SignedObject>,
    /// Refused sign-ins that name a certificate of `with`: they would be accepted if its key really signed them.
    would_be_accepted: Vec<NamedObject>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RehearsedCertificate)]
struct SignedObject {
    sha256: String,
    /// What it signed would be accepted: it stays, or another certificate with its key does.
    holds: bool,
    sign_ins: u32,
    #[schema(format = DateTime)]
    last_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = NamedCertificate)]
struct NamedObject {
    sha256: String,
    /// Leads to the refused sign-in.
    reference: String,
    #[schema(format = DateTime)]
    at: String,
}

impl From<Rehearsal> for RehearsalObject {
    fn from(rehearsal: Rehearsal) -> Self {
        Self {
            since: rehearsal.since.rfc3339(),
            sign_ins: rehearsal.total(),
            lost: rehearsal.lost(),
            last_lost_at: rehearsal.last_lost_at().map(|at| at.rfc3339()),
            since_lost: rehearsal.since_lost(),
            more: rehearsal.is_more(),
            certificates: rehearsal
                .signed
                .into_iter()
                .map(|signed| SignedObject {
                    sha256: signed.sha256,
                    holds: signed.holds,
                    sign_ins: signed.count,
                    last_at: signed.last_at.map(|at| at.rfc3339()),
                })
                .collect(),
            would_be_accepted: rehearsal
                .named
                .into_iter()
                .map(|named| NamedObject { sha256: named.sha256, reference: named.reference, at: named.at.rfc3339() })
                .collect(),
        }
    }
}

/// `GET /api/v1/connections/{connection}/certificates/rehearsal`
async fn rehearse(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let query = call.query(SETS)?;
    let change = SetChange::parse(query.get("without"), query.get("with"))?;
    let rehearsal = app.rehearse(&call.ctx, call.id("connection")?, change).await?;
    Ok(ok(&RehearsalObject::from(rehearsal)))
}
