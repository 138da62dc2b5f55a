//! Connections to identity providers. What is shown is flat, as it is sent: the settings stand beside what is fixed.

use std::collections::BTreeMap;

use actix_web::FromRequest;
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::web::Data;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::access;
use crate::app::connections::ConnectionView;
use crate::app::connections::NewConnection;
use crate::app::connections::SettingsChange;
use crate::app::metadata::MetadataInput;
use crate::crypto::certificate::Certificate;
use crate::model::connection::AttributeNames;
use crate::model::connection::Binding;
use crate::model::connection::ExpiredCertificates;
use crate::model::connection::SamlSettings;
use crate::model::connection::TrustedCertificate;
use crate::model::id::ConnectionId;
use crate::model::page::Page;
use crate::model::role::DefaultRole;
use crate::model::role::Permission as P;
use crate::model::time::Timestamp;
use crate::web::api::answer::Answer;
use crate::web::api::answer::created;
use crate::web::api::answer::done;
use crate::web::api::answer::list;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::LARGE;
use crate::web::api::call::Nothing;
use crate::web::api::call::Sent;
use crate::web::api::json;
use crate::web::api::json::nullable;
use crate::web::api::json::nullable_object;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;
use crate::web::error::Failure;
use crate::web::error::Fault;
use crate::web::extract::body;
use crate::web::routes::Needs;

const READ: Needs = Needs::Api(P::ConnectionsRead);
const WRITE: Needs = Needs::Api(P::ConnectionsWrite);

pub fn operations(api: &mut Operations) {
    api.get("/api/v1/connections", READ, "List connections", index).lists::<ConnectionObject>();
    api.post("/api/v1/connections", WRITE, "Add a connection", create)
        .about(
            "Makes a draft: nobody signs in by it before it is activated. The identity provider is described in one way: \
             `idp_metadata_xml`, `idp_metadata_url`, or `idp_entity_id`, `sso_url` and `certificates`. A link that cannot be \
             read now still makes a draft, with `problem`.",
        )
        .takes::<ConnectionInput>()
        .makes::<ConnectionObject>()
        .versioned();
    api.get("/api/v1/connections/{connection}", READ, "Show a connection", show)
        .about("The settings that are active, with the `draft` of an edit beside them.")
        .gives::<ConnectionObject>()
        .versioned();
    api.patch("/api/v1/connections/{connection}", WRITE, "Change a connection", update)
        .about(
            "A merge patch; null brings the default back. The settings of an active connection stay as they are: the change \
             makes a `draft`, which activation swaps in. `name`, `provider` and certificates change at once.",
        )
        .takes::<ConnectionInput>()
        .gives::<ConnectionObject>()
        .versioned();
    api.delete("/api/v1/connections/{connection}", WRITE, "Delete a connection", delete)
        .about("Whoever signed in by it is signed out; members stay.")
        .versioned();
    api.post("/api/v1/connections/{connection}/activate", WRITE, "Activate a connection", activate)
        .about("Wants a passed test of what is turned on. `without_test` does without, and the audit log says so.")
        .takes::<Activation>()
        .gives::<ConnectionObject>()
        .versioned()
        .refuses(&[(409, "connection_untested"), (409, "connection_incomplete")]);
    api.post("/api/v1/connections/{connection}/deactivate", WRITE, "Deactivate a connection", deactivate)
        .about("Nobody signs in by it any more; who is signed in stays so.")
        .gives::<ConnectionObject>()
        .versioned();
    api.post("/api/v1/connections/{connection}/revert", WRITE, "Bring the former settings back", revert)
        .gives::<ConnectionObject>()
        .versioned()
        .refuses(&[(409, "nothing_to_revert")]);
    api.delete("/api/v1/connections/{connection}/draft", WRITE, "Discard the draft beside active settings", discard)
        .versioned();
    api.get("/api/v1/connections/{connection}/certificates", READ, "List trusted certificates", certificates)
        .lists::<CertificateObject>();
    api.post("/api/v1/connections/{connection}/certificates", WRITE, "Trust certificates", add_certificates)
        .about("Trusted at once, also by an active connection. PEM may also be sent as it is, as `application/x-pem-file` or `text/plain`.")
        .takes::<Certificates>()
        .makes::<ConnectionObject>()
        .versioned();
    api.delete(
        "/api/v1/connections/{connection}/certificates/{sha256}",
        WRITE,
        "Stop trusting a certificate",
        remove_certificate,
    )
    .versioned()
    .refuses(&[(409, "last_certificate")]);
    api.get("/api/v1/connections/{connection}/match-report", READ, "Who would be joined by address", match_report)
        .about("What `link_existing` would do to the members who are here now.")
        .gives::<MatchReportObject>();
}

/// The settings of a connection.
#[derive(Serialize, ToSchema)]
#[schema(as = ConnectionSettings)]
struct SettingsObject {
    idp_entity_id: Option<String>,
    /// Where people are sent to sign in.
    sso_url: Option<String>,
    /// `redirect` or `post`.
    sso_binding: String,
    /// Where the identity provider's metadata was read.
    idp_metadata_url: Option<String>,
    /// The link is read again every six hours; new certificates of the same provider are trusted.
    watch_metadata: bool,
    allow_idp_initiated: bool,
    /// People unknown here are created at their first sign-in.
    jit: bool,
    /// Slug of the role of new members; `none` refuses whom no mapping matches.
    default_role: String,
    /// Whether addresses of domains that nobody here has verified are accepted; null: while the connection has no domain.
    any_domain: Option<bool>,
    /// A verified address joins the member who has it.
    link_existing: bool,
    /// `accept` or `refuse`.
    expired_certificates: String,
    /// The attribute that is read for each field, where it is not one of the names known by default.
    attributes: BTreeMap<String, String>,
    /// Seconds that the two clocks may differ.
    clock_skew: u32,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Connection)]
struct ConnectionObject {
    id: String,
    /// `saml`.
    kind: String,
    /// `draft`, `active` or `disabled`.
    status: String,
    name: String,
    /// Id of the provider, `custom` where it is not in the catalogue.
    provider: String,
    /// Starts a sign-in.
    start_url: String,
    /// Ours, for the identity provider; these four do not change.
    entity_id: String,
    acs_url: String,
    metadata_url: String,
    certificate_url: String,
    #[serde(flatten)]
    settings: SettingsObject,
    certificates: Vec<CertificateObject>,
    /// An edit of active settings that is not active yet.
    draft: Option<SettingsObject>,
    /// Why the metadata link could not be read.
    problem: Option<ProblemObject>,
    /// A test of what activation would turn on has passed.
    has_passed_test: bool,
    /// There are former settings to bring back.
    can_revert: bool,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    activated_at: Option<String>,
    /// Counts edits.
    version: i64,
}

/// A certificate that signs answers of the identity provider; never the certificate itself.
#[derive(Serialize, ToSchema)]
#[schema(as = Certificate)]
struct CertificateObject {
    /// Fingerprint, 64 hexadecimal digits.
    sha256: String,
    subject: String,
    #[schema(format = DateTime)]
    not_before: String,
    #[schema(format = DateTime)]
    not_after: String,
    /// Kind and size, such as `RSA 2048`.
    key: String,
    /// `valid`, `expired` or `not_yet_valid`.
    state: String,
    /// `metadata` or `upload`.
    source: String,
    added_by: String,
    #[schema(format = DateTime)]
    added_at: String,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MetadataProblem)]
struct ProblemObject {
    code: String,
    detail: String,
}

/// The members who are here now, by address.
#[derive(Serialize, ToSchema)]
#[schema(as = MatchReport)]
struct MatchReportObject {
    joins: Vec<String>,
    stays: Vec<Stays>,
    /// There are more members than were looked at.
    more: bool,
}

#[derive(Serialize, ToSchema)]
struct Stays {
    email: String,
    reason: String,
}

fn settings_object(settings: &SamlSettings) -> SettingsObject {
    let names = AttributeNames::FIELDS.iter();
    let names = names.filter_map(|field| Some(((*field).to_owned(), settings.attributes.get(field)?.to_owned())));
    SettingsObject {
        idp_entity_id: settings.idp_entity_id.clone(),
        sso_url: settings.sso_url.clone(),
        sso_binding: match settings.sso_binding {
            Binding::Redirect => "redirect".to_owned(),
            Binding::Post => "post".to_owned(),
        },
        idp_metadata_url: settings.metadata_url.clone(),
        watch_metadata: settings.watch_metadata,
        allow_idp_initiated: settings.allow_idp_initiated,
        jit: settings.jit,
        default_role: settings.default_role.as_str().to_owned(),
        any_domain: settings.any_domain,
        link_existing: settings.link_existing,
        expired_certificates: match settings.expired_certificates {
            ExpiredCertificates::Accept => "accept".to_owned(),
            ExpiredCertificates::Refuse => "refuse".to_owned(),
        },
        attributes: names.collect(),
        clock_skew: settings.clock_skew,
    }
}

fn certificate_object(certificate: TrustedCertificate, now: Timestamp) -> CertificateObject {
    let state = match certificate.is_expired(now) {
        true => "expired",
        false if now < certificate.not_before => "not_yet_valid",
        false => "valid",
    };
    CertificateObject {
        sha256: certificate.sha256,
        subject: certificate.subject,
        not_before: certificate.not_before.rfc3339(),
        not_after: certificate.not_after.rfc3339(),
        key: certificate.key,
        state: state.to_owned(),
        source: certificate.source,
        added_by: certificate.added_by,
        added_at: certificate.added_at.rfc3339(),
        last_used_at: certificate.last_used_at.map(|at| at.rfc3339()),
    }
}

fn object(app: &App, view: ConnectionView, now: Timestamp) -> ConnectionObject {
    let connection = view.connection;
    let is_edit = connection.active.is_some();
    let link = connection.editable().and_then(|revision| revision.settings.metadata_url.as_ref());
    // A problem of a link that has been replaced since is none.
    let problem = connection.metadata_problem.as_ref().filter(|_| link.is_some()).map(|detail| ProblemObject {
        code: connection.metadata_problem_code.clone().unwrap_or_else(|| "metadata_unreachable".to_owned()),
        detail: detail.clone(),
    });
    ConnectionObject {
        kind: "saml".to_owned(),
        status: connection.status.as_str().to_owned(),
        start_url: app.urls.join(&format!("/sso/{}/start", connection.id)),
        metadata_url: format!("{}/metadata", connection.entity_id),
        certificate_url: format!("{}/certificate", connection.entity_id),
        settings: connection
            .shown()
            .map_or_else(|| settings_object(&SamlSettings::default()), |shown| settings_object(&shown.settings)),
        certificates: view.certificates.into_iter().map(|certificate| certificate_object(certificate, now)).collect(),
        draft: connection.draft.as_ref().filter(|_| is_edit).map(|draft| settings_object(&draft.settings)),
        problem,
        has_passed_test: view.has_passed_test,
        can_revert: connection.former.is_some(),
        created_at: connection.created_at.rfc3339(),
        activated_at: connection.activated_at.map(|at| at.rfc3339()),
        version: connection.version,
        id: connection.id.to_string(),
        name: connection.name,
        provider: connection.provider,
        entity_id: connection.entity_id,
        acs_url: connection.acs_url,
    }
}

fn shown(app: &App, call: &Call, view: ConnectionView) -> Answer {
    let version = view.connection.version;
    ok(&object(app, view, call.ctx.now)).version(version)
}

/// What is said of a connection, to make or to change one.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct ConnectionInput {
    /// `saml`; required to make one, and cannot change later.
    kind: Option<String>,
    /// People see it on the sign-in page; required to make one.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<String>>,
    /// Id of a provider of the catalogue; `custom` unless said.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    provider: Option<Option<String>>,
    /// The metadata document itself.
    idp_metadata_xml: Option<String>,
    /// Where it can be read.
    idp_metadata_url: Option<String>,
    /// By hand; with metadata of several identity providers, the one that is meant.
    idp_entity_id: Option<String>,
    sso_url: Option<String>,
    /// PEM or bare Base64.
    certificates: Option<Vec<String>>,
    /// `redirect` unless said.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    sso_binding: Option<Option<Binding>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<bool>)]
    watch_metadata: Option<Option<bool>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<bool>)]
    allow_idp_initiated: Option<Option<bool>>,
    /// True unless said.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<bool>)]
    jit: Option<Option<bool>>,
    /// Slug or `none`; `member` unless said.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    default_role: Option<Option<DefaultRole>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<bool>)]
    any_domain: Option<Option<bool>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<bool>)]
    link_existing: Option<Option<bool>>,
    /// `accept` unless said.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    expired_certificates: Option<Option<ExpiredCertificates>>,
    #[serde(deserialize_with = "nullable_object")]
    #[schema(value_type = Option<AttributesInput>)]
    attributes: Option<Option<AttributesInput>>,
    /// 180 unless said, at most 600.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<u32>)]
    clock_skew: Option<Option<u32>>,
}

/// The attribute to read for a field instead of the names known by default; null brings those back.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = AttributeNames)]
struct AttributesInput {
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    given_name: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    family_name: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    job_title: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    groups: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    roles: Option<Option<String>>,
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    picture: Option<Option<String>>,
    /// Names the person instead of the NameID; fixed once somebody has signed in.
    #[serde(deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    user_id: Option<Option<String>>,
}

impl AttributesInput {
    fn onto(self, names: AttributeNames) -> AttributeNames {
        AttributeNames {
            email: self.email.unwrap_or(names.email),
            given_name: self.given_name.unwrap_or(names.given_name),
            family_name: self.family_name.unwrap_or(names.family_name),
            name: self.name.unwrap_or(names.name),
            job_title: self.job_title.unwrap_or(names.job_title),
            groups: self.groups.unwrap_or(names.groups),
            roles: self.roles.unwrap_or(names.roles),
            picture: self.picture.unwrap_or(names.picture),
            user_id: self.user_id.unwrap_or(names.user_id),
        }
    }
}

const ONE_WAY: &str = "Describe the identity provider in one way: `idp_metadata_xml`, `idp_metadata_url`, or `idp_entity_id`, \
     `sso_url` and `certificates`.";

/// Several certificates as one text. Bare Base64 gets its lines, or two of them would be one.
fn joined(certificates: &[String]) -> Vec<u8> {
    let is_one = certificates.len() == 1;
    let whole = |text: &String| match is_one || text.contains("-----BEGIN") {
        true => format!("{text}\n"),
        false => format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", text.trim()),
    };
    certificates.iter().map(whole).collect::<String>().into_bytes()
}

impl ConnectionInput {
    fn check_kind(&self, is_new: bool) -> Result<(), Fault> {
        match self.kind.as_deref() {
            Some("saml") => Ok(()),
            None if !is_new => Ok(()),
            Some("oidc") => Err(Fault::new("/kind", "not_yet", "OpenID Connect comes later. Use `saml` for now.")),
            _ => Err(Fault::new("/kind", "kind", "Use `saml`.")),
        }
    }

    /// The one way in which the provider is described; `known` are the settings that a change by hand starts from.
    fn metadata(&self, known: Option<&ConnectionView>) -> Result<Option<MetadataInput>, Fault> {
        let by_hand = self.sso_url.is_some() || self.certificates.is_some();
        let entity_id = self.idp_entity_id.clone();
        match (&self.idp_metadata_xml, &self.idp_metadata_url, by_hand) {
            (Some(xml), None, false) => Ok(Some(MetadataInput::Xml { document: xml.clone().into_bytes(), entity_id })),
            (None, Some(url), false) => Ok(Some(MetadataInput::Link { url: url.clone(), entity_id })),
            (None, None, false) if entity_id.is_none() => match known {
                Some(_) => Ok(None),
                None => Err(Fault::new("", "metadata_way", ONE_WAY)),
            },
            (None, None, _) => Ok(Some(self.manual(known))),
            _ => Err(Fault::new("", "metadata_way", ONE_WAY)),
        }
    }

    fn manual(&self, known: Option<&ConnectionView>) -> MetadataInput {
        let settings = known.and_then(|view| view.connection.editable()).map(|revision| &revision.settings);
        let trusted = || -> Vec<u8> {
            let rows = known.into_iter().flat_map(|view| &view.certificates);
            let certificates = rows.filter_map(|row| Certificate::from_der(&row.der).ok());
            certificates.map(|certificate| certificate.to_pem()).collect::<String>().into_bytes()
        };
        let or_known = |sent: &Option<String>, known: Option<&Option<String>>| {
            sent.clone().or_else(|| known.cloned().flatten()).unwrap_or_default()
        };
        MetadataInput::Manual {
            idp_entity_id: or_known(&self.idp_entity_id, settings.map(|settings| &settings.idp_entity_id)),
            sso_url: or_known(&self.sso_url, settings.map(|settings| &settings.sso_url)),
            certificates: self.certificates.as_deref().map_or_else(trusted, joined),
        }
    }

    /// The settings that were sent; null stands for the default. `names` are what attributes change.
    fn settings(self, names: AttributeNames) -> SettingsChange {
        fn sent<T>(value: Option<Option<T>>, default: T) -> Option<T> {
            value.map(|value| value.unwrap_or(default))
        }
        let default = SamlSettings::default();
        SettingsChange {
            name: sent(self.name, String::new()),
            provider: sent(self.provider, "custom".to_owned()),
            attributes: self.attributes.map(|sent| sent.map(|sent| sent.onto(names)).unwrap_or_default()),
            allow_idp_initiated: sent(self.allow_idp_initiated, default.allow_idp_initiated),
            jit: sent(self.jit, default.jit),
            default_role: sent(self.default_role, default.default_role),
            any_domain: self.any_domain,
            link_existing: sent(self.link_existing, default.link_existing),
            expired_certificates: sent(self.expired_certificates, default.expired_certificates),
            watch_metadata: sent(self.watch_metadata, default.watch_metadata),
            sso_binding: sent(self.sso_binding, default.sso_binding),
            clock_skew: sent(self.clock_skew, default.clock_skew),
        }
    }
}

fn refuse(faults: Vec<Fault>) -> Result<(), ApiError> {
    if faults.is_empty() { Ok(()) } else { Err(Failure::Faults(faults).into()) }
}

/// `GET /api/v1/connections`
async fn index(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (_, window) = call.list::<ConnectionId>(&[])?;
    let page = app.list_connections(&call.ctx, window).await?;
    Ok(list(page.map(|view| object(&app, view, call.ctx.now))))
}

/// `POST /api/v1/connections`
async fn create(app: Data<App>, sent: Sent<ConnectionInput, LARGE>) -> Result<Answer, ApiError> {
    let (call, input) = (sent.call, sent.body);
    access::require(&call.ctx, P::ConnectionsWrite)?;
    let metadata = input.metadata(None);
    refuse(input.check_kind(true).err().into_iter().chain(metadata.as_ref().err().cloned()).collect())?;
    let settings = input.settings(AttributeNames::default());
    let (name, provider) = (settings.name.clone().unwrap_or_default(), settings.provider.clone());
    let new = NewConnection { name, provider, metadata: metadata.ok().flatten(), settings };
    let (view, _) = app.create_connection(&call.ctx, new).await?;
    let (path, version) = (format!("/api/v1/connections/{}", view.connection.id), view.connection.version);
    Ok(created(path, &object(&app, view, call.ctx.now)).version(version))
}

/// `GET /api/v1/connections/{connection}`
async fn show(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let view = app.find_connection(&call.ctx, call.id("connection")?).await?;
    Ok(shown(&app, &call, view))
}

/// `PATCH /api/v1/connections/{connection}`
async fn update(app: Data<App>, sent: Sent<ConnectionInput, LARGE>) -> Result<Answer, ApiError> {
    let (call, input) = (sent.call, sent.body);
    let id: ConnectionId = call.id("connection")?;
    let known = app.find_connection(&call.ctx, id.clone()).await?;
    access::require(&call.ctx, P::ConnectionsWrite)?;
    let metadata = input.metadata(Some(&known));
    refuse(input.check_kind(false).err().into_iter().chain(metadata.as_ref().err().cloned()).collect())?;
    let names = known.connection.editable().map(|revision| revision.settings.attributes.clone()).unwrap_or_default();
    let change = input.settings(names);
    // What was read here is what the patch goes onto: a change in between is told, not written over.
    let version = Some(known.connection.version);
    let view = app.update_connection(&call.ctx, id, change, metadata.ok().flatten(), version).await?;
    Ok(shown(&app, &call, view))
}

/// `DELETE /api/v1/connections/{connection}`
async fn delete(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    app.delete_connection(&call.ctx, call.id("connection")?).await?;
    Ok(done())
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Activation {
    without_test: bool,
}

/// `POST /api/v1/connections/{connection}/activate`
async fn activate(app: Data<App>, sent: Sent<Activation>) -> Result<Answer, ApiError> {
    let (call, without_test) = (sent.call, sent.body.without_test);
    let view = app.activate_connection(&call.ctx, call.id("connection")?, without_test, None).await?;
    Ok(shown(&app, &call, view))
}

/// `POST /api/v1/connections/{connection}/deactivate`
async fn deactivate(app: Data<App>, sent: Sent<Nothing>) -> Result<Answer, ApiError> {
    let view = app.deactivate_connection(&sent.call.ctx, sent.call.id("connection")?).await?;
    Ok(shown(&app, &sent.call, view))
}

/// `POST /api/v1/connections/{connection}/revert`
async fn revert(app: Data<App>, sent: Sent<Nothing>) -> Result<Answer, ApiError> {
    let view = app.revert_connection(&sent.call.ctx, sent.call.id("connection")?).await?;
    Ok(shown(&app, &sent.call, view))
}

/// `DELETE /api/v1/connections/{connection}/draft`
async fn discard(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    app.discard_draft(&call.ctx, call.id("connection")?).await?;
    Ok(done())
}

/// `GET /api/v1/connections/{connection}/certificates`
async fn certificates(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let view = app.find_connection(&call.ctx, call.id("connection")?).await?;
    let rows = view.certificates.into_iter().map(|row| certificate_object(row, call.ctx.now)).collect();
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
async fn add_certificates(app: Data<App>, sent: SentCertificates) -> Result<Answer, ApiError> {
    let call = sent.call;
    let view = app.add_certificates(&call.ctx, call.id("connection")?, &sent.text).await?;
    let (path, version) = (format!("/api/v1/connections/{}/certificates", view.connection.id), view.connection.version);
    Ok(created(path, &object(&app, view, call.ctx.now)).version(version))
}

/// `DELETE /api/v1/connections/{connection}/certificates/{sha256}`
async fn remove_certificate(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    app.remove_certificate(&call.ctx, call.id("connection")?, call.part("sha256")).await?;
    Ok(done())
}

/// `GET /api/v1/connections/{connection}/match-report`
async fn match_report(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let report = app.match_report(&call.ctx, call.id("connection")?).await?;
    let stays = report.stays.into_iter().map(|(email, reason)| Stays { email, reason: reason.to_owned() });
    Ok(ok(&MatchReportObject { joins: report.joins, stays: stays.collect(), more: report.more }))
}
