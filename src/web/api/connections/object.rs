//! A connection as it is shown: flat, the settings beside what is fixed, and never a certificate itself.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::app::connections::ConnectionView;
use crate::model::connection::AttributeNames;
use crate::model::connection::Binding;
use crate::model::connection::Connection;
use crate::model::connection::ExpiredCertificates;
use crate::model::connection::MetadataProblem;
use crate::model::connection::Reach;
use crate::model::connection::SamlSettings;
use crate::model::connection::TrustedCertificate;
use crate::model::metadata::MetadataChange;
use crate::model::rollover::RemovedCertificate;
use crate::model::rollover::Rollover;
use crate::model::rollover::Stage;
use crate::model::time::Timestamp;

/// The settings of a connection.
#[derive(Serialize, ToSchema)]
#[schema(as = ConnectionSettings)]
pub struct SettingsObject {
    idp_entity_id: Option<String>,
    /// Where people are sent to sign in.
    sso_url: Option<String>,
    /// `redirect` or `post`.
    sso_binding: String,
    /// Where the identity provider is told of a sign-out; null where it has no single logout.
    slo_url: Option<String>,
    /// Where it takes answers, if not at `slo_url`.
    slo_response_url: Option<String>,
    /// `redirect` or `post`.
    slo_binding: String,
    /// How far a sign-out here reaches: `local`, or `global`, which signs out at the identity provider too.
    logout: String,
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
pub struct ConnectionObject {
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
    /// Ours, for the identity provider; these five do not change.
    entity_id: String,
    acs_url: String,
    /// Ours, for single logout.
    sp_slo_url: String,
    metadata_url: String,
    certificate_url: String,
    #[serde(flatten)]
    settings: SettingsObject,
    certificates: Vec<CertificateObject>,
    /// A certificate that takes another's place, while that goes on.
    rollover: Option<RolloverObject>,
    /// An edit of active settings that is not active yet.
    draft: Option<SettingsObject>,
    /// Why the metadata link could not be read.
    problem: Option<ProblemObject>,
    /// Of the metadata link, where there is one.
    metadata: Option<MetadataObject>,
    /// A test of what activation would turn on has passed.
    has_passed_test: bool,
    /// There are former settings to bring back.
    can_revert: bool,
    /// When the provider last confirmed a sign-out that began here, at the present `slo_url`; null where that was never tried.
    #[schema(format = DateTime)]
    logout_confirmed_at: Option<String>,
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
pub struct CertificateObject {
    /// Fingerprint, 64 hexadecimal digits.
    sha256: String,
    subject: String,
    #[schema(format = DateTime)]
    not_before: String,
    #[schema(format = DateTime)]
    not_after: String,
    /// Kind and size, such as `RSA 2048`.
    key: String,
    /// `valid`, `expired` or `not_yet_valid`; `waiting` where it came with the draft and is trusted once that is turned on;
    /// `removed`.
    state: String,
    /// `metadata` or `upload`.
    source: String,
    added_by: String,
    #[schema(format = DateTime)]
    added_at: String,
    /// When a sign-in by it was accepted first and last.
    #[schema(format = DateTime)]
    first_used_at: Option<String>,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
    removed_by: Option<String>,
    #[schema(format = DateTime)]
    removed_at: Option<String>,
    /// Until then a removed one can be restored.
    #[schema(format = DateTime)]
    kept_until: Option<String>,
}

/// One certificate taking another's place.
#[derive(Serialize, ToSchema)]
#[schema(as = Rollover)]
pub struct RolloverObject {
    /// `waiting`: the provider still signs with the old one; `seen`: it signs with the new one; `removed`: the old one is
    /// no longer trusted, which can be undone.
    stage: String,
    old_sha256: String,
    new_sha256: String,
    /// From then on the old one, unused since, may be removed; nothing removes it by itself.
    #[schema(format = DateTime)]
    removable_at: Option<String>,
}

/// When the metadata link was read, and what it says now.
#[derive(Serialize, ToSchema)]
#[schema(as = MetadataWatch)]
pub struct MetadataObject {
    #[schema(format = DateTime)]
    last_run_at: Option<String>,
    /// The last good copy is of then.
    #[schema(format = DateTime)]
    last_success_at: Option<String>,
    /// Null where the link is not watched, or nobody signs in by it.
    #[schema(format = DateTime)]
    next_run_at: Option<String>,
    /// The SSO URL in the last good copy, where sign-ins go to another one. It is never taken over by itself: `PATCH` with
    /// the link makes a draft of it.
    other_sso_url: Option<String>,
    /// Fingerprints in the last good copy.
    certificates: Vec<String>,
    #[schema(format = DateTime)]
    valid_until: Option<String>,
    last_change: Option<MetadataChangeObject>,
}

/// What differed from the copy before.
#[derive(Serialize, ToSchema)]
#[schema(as = MetadataChange)]
pub struct MetadataChangeObject {
    #[schema(format = DateTime)]
    at: String,
    /// Fingerprints.
    added: Vec<String>,
    gone: Vec<String>,
    /// Before and after; null where it is the same.
    sso_url: Option<[String; 2]>,
    /// Before and after, each null where there is none; null where it is the same.
    slo_url: Option<[Option<String>; 2]>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MetadataProblem)]
pub struct ProblemObject {
    code: String,
    detail: String,
}

/// The members who are here now, by address.
#[derive(Serialize, ToSchema)]
#[schema(as = MatchReport)]
pub struct MatchReportObject {
    pub joins: Vec<String>,
    pub stays: Vec<Stays>,
    /// There are more members than were looked at.
    pub more: bool,
}

#[derive(Serialize, ToSchema)]
pub struct Stays {
    pub email: String,
    pub reason: String,
}

fn binding(binding: Binding) -> String {
    match binding {
        Binding::Redirect => "redirect".to_owned(),
        Binding::Post => "post".to_owned(),
    }
}

pub fn settings_object(settings: &SamlSettings) -> SettingsObject {
    let names = AttributeNames::FIELDS.iter();
    let names = names.filter_map(|field| Some(((*field).to_owned(), settings.attributes.get(field)?.to_owned())));
    SettingsObject {
        idp_entity_id: settings.idp_entity_id.clone(),
        sso_url: settings.sso_url.clone(),
        sso_binding: binding(settings.sso_binding),
        slo_url: settings.slo_url.clone(),
        slo_response_url: settings.slo_response_url.clone(),
        slo_binding: binding(settings.slo_binding),
        logout: settings.logout.as_str().to_owned(),
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

pub fn certificate_object(certificate: &TrustedCertificate, now: Timestamp) -> CertificateObject {
    let state = match certificate.is_expired(now) {
        _ if !certificate.is_live => "waiting",
        true => "expired",
        false if now < certificate.not_before => "not_yet_valid",
        false => "valid",
    };
    CertificateObject {
        sha256: certificate.sha256.clone(),
        subject: certificate.subject.clone(),
        not_before: certificate.not_before.rfc3339(),
        not_after: certificate.not_after.rfc3339(),
        key: certificate.key.clone(),
        state: state.to_owned(),
        source: certificate.source.clone(),
        added_by: certificate.added_by.clone(),
        added_at: certificate.added_at.rfc3339(),
        first_used_at: certificate.first_used_at.map(|at| at.rfc3339()),
        last_used_at: certificate.last_used_at.map(|at| at.rfc3339()),
        removed_by: None,
        removed_at: None,
        kept_until: None,
    }
}

pub fn removed_object(removed: &RemovedCertificate) -> CertificateObject {
    CertificateObject {
        state: "removed".to_owned(),
        removed_by: Some(removed.removed_by.clone()),
        removed_at: Some(removed.removed_at.rfc3339()),
        kept_until: Some(removed.kept_until().rfc3339()),
        ..certificate_object(&removed.certificate, removed.removed_at)
    }
}

fn rollover_object(view: &ConnectionView, now: Timestamp) -> Option<RolloverObject> {
    let rollover = Rollover::of(&view.certificates, &view.removed_certificates, now)?;
    let (stage, removable_at) = match rollover.stage {
        Stage::Waiting => ("waiting", None),
        Stage::Seen { removable_at } => ("seen", Some(removable_at.rfc3339())),
        Stage::Removed { .. } => ("removed", None),
    };
    Some(RolloverObject {
        stage: stage.to_owned(),
        old_sha256: rollover.old.sha256.clone(),
        new_sha256: rollover.new.sha256.clone(),
        removable_at,
    })
}

pub fn change_object(change: &MetadataChange) -> MetadataChangeObject {
    MetadataChangeObject {
        at: change.at.rfc3339(),
        added: change.added.clone(),
        gone: change.gone.clone(),
        sso_url: change.sso_url.clone().map(|(before, after)| [before, after]),
        slo_url: change.slo_url.clone().map(|(before, after)| [before, after]),
    }
}

fn metadata_object(connection: &Connection) -> Option<MetadataObject> {
    connection.shown()?.settings.metadata_url.as_ref()?;
    let seen = connection.seen_metadata();
    Some(MetadataObject {
        last_run_at: connection.metadata_tried_at.map(|at| at.rfc3339()),
        last_success_at: connection.metadata_read_at.map(|at| at.rfc3339()),
        next_run_at: connection.next_refresh().map(|at| at.rfc3339()),
        other_sso_url: connection.other_sso_url().map(str::to_owned),
        certificates: seen.map(|seen| seen.certificates.clone()).unwrap_or_default(),
        valid_until: seen.and_then(|seen| seen.valid_until).map(|at| at.rfc3339()),
        last_change: seen.and_then(|seen| seen.last_change.as_ref()).map(change_object),
    })
}

pub fn problem_object(problem: &MetadataProblem) -> ProblemObject {
    ProblemObject { code: problem.code.clone(), detail: problem.text.clone() }
}

pub fn object(app: &App, view: ConnectionView, now: Timestamp) -> ConnectionObject {
    let certificates = view.all_certificates().map(|certificate| certificate_object(certificate, now)).collect();
    let rollover = rollover_object(&view, now);
    let metadata = metadata_object(&view.connection);
    let connection = view.connection;
    let is_edit = connection.active.is_some();
    let link = connection.editable().and_then(|revision| revision.settings.metadata_url.as_ref());
    // A problem of a link that has been replaced since is none.
    let problem = connection.metadata_problem.as_ref().filter(|_| link.is_some());
    let problem = problem.map(problem_object);
    ConnectionObject {
        kind: "saml".to_owned(),
        status: connection.status.as_str().to_owned(),
        start_url: app.urls.join(&format!("/sso/{}/start", connection.id)),
        sp_slo_url: connection.slo_url(),
        metadata_url: format!("{}/metadata", connection.entity_id),
        certificate_url: format!("{}/certificate", connection.entity_id),
        settings: connection
            .shown()
            .map_or_else(|| settings_object(&SamlSettings::default()), |shown| settings_object(&shown.settings)),
        certificates,
        rollover,
        draft: connection.draft.as_ref().filter(|_| is_edit).map(|draft| settings_object(&draft.settings)),
        problem,
        metadata,
        has_passed_test: view.has_passed_test,
        logout_confirmed_at: connection.shown().and_then(|shown| match connection.reach(&shown.settings) {
            Reach::Provider(at) => at.map(Timestamp::rfc3339),
            Reach::Here | Reach::NoAddress => None,
        }),
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
