//! The wizard's third step: what the identity provider gives us, as a link, text, a file or by hand.

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
use crate::app::connections::SettingsChange;
use crate::app::metadata::MetadataInput;
use crate::model::connection::Binding;
use crate::model::connection::TrustedCertificate;
use crate::model::invalid::Invalid;
use crate::model::provider::Take;
use crate::model::time::Timestamp;
use crate::web::admin::connections::handle::conflict;
use crate::web::admin::connections::handle::load;
use crate::web::admin::connections::present;
use crate::web::admin::connections::setup::Step;
use crate::web::admin::connections::setup::Wizard;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::form::FormData;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Chip;
use crate::web::view::Choice;
use crate::web::view::Tone;

/// Which of the three ways is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source {
    #[default]
    Paste,
    File,
    Hand,
}

impl Source {
    /// The value of the radio button `source`.
    pub fn parse(text: &str) -> Self {
        match text {
            "file" => Self::File,
            "hand" => Self::Hand,
            _ => Self::Paste,
        }
    }
}

/// A certificate in what was read.
#[derive(Debug, Clone)]
pub struct ReadCertificate {
    pub chip: Chip,
    /// `until 15 Dec 2026 · RSA 2048`
    pub about: String,
    pub sha256: String,
}

/// What the draft holds.
#[derive(Debug, Clone)]
pub struct ReadMetadata {
    /// The link; empty for text, a file or fields.
    pub link: String,
    pub at: Timestamp,
    pub idp_entity_id: String,
    pub sso_url: String,
    /// `Redirect`, `POST`
    pub binding: String,
    /// Empty where there is no single logout.
    pub slo_url: String,
    pub certificates: Vec<ReadCertificate>,
    pub wants_signed_requests: bool,
}

/// `GET, POST …/setup/metadata`, `multipart/form-data`. The button `action` says `read` or `save`.
#[derive(Template)]
#[template(path = "admin/connections/metadata.html")]
pub struct MetadataPage {
    pub shell: Shell,
    /// Errors at `metadata`, `file`, `choice`, `idp_entity_id`, `sso_url`, `slo_url`, `certificate`.
    pub errors: Invalid,
    pub wizard: Wizard,
    pub source: Source,
    /// As typed: a link or the XML itself.
    pub metadata: String,
    pub idp_entity_id: String,
    pub sso_url: String,
    pub slo_url: String,
    pub certificate: String,
    /// Several identity providers in one document: radio buttons `choice`.
    pub choices: Vec<Choice>,
    pub read: Option<ReadMetadata>,
    pub watch: bool,
}

impl MetadataPage {
    fn pastes(&self) -> bool {
        self.source == Source::Paste
    }

    fn uploads(&self) -> bool {
        self.source == Source::File
    }

    fn types(&self) -> bool {
        self.source == Source::Hand
    }

    /// A link that we can look at again.
    fn may_watch(&self) -> bool {
        self.read.as_ref().is_some_and(|read| !read.link.is_empty())
    }

    /// What the provider calls one of their values.
    fn their<'a>(&'a self, ours: &'a str) -> Option<&'a Take> {
        self.wizard.connector.take.iter().find(|row| row.ours == ours)
    }

    /// `Okta calls it Sign on URL.`
    fn called(&self, ours: &str) -> String {
        let named = |row: &Take| format!("{} calls it {}.", self.wizard.idp_first(), row.theirs);
        self.their(ours).map(named).unwrap_or_default()
    }
}

impl Page for MetadataPage {
    fn samples() -> Vec<Self> {
        let page = |errors, source, metadata: &str| Self {
            shell: Shell::sample(Place::Security),
            errors,
            wizard: Wizard::sample("okta-saml", Step::Metadata),
            source,
            metadata: metadata.to_owned(),
            idp_entity_id: String::new(),
            sso_url: String::new(),
            slo_url: String::new(),
            certificate: String::new(),
            choices: Vec::new(),
            read: None,
            watch: false,
        };
        let link = "https://acme.okta.com/app/exk1f9q2v8RzT7cYk5d7/sso/saml/metadata";
        let certificate = |chip| ReadCertificate {
            chip,
            about: "until 15 Dec 2026 · RSA 2048".to_owned(),
            sha256: super::certificates::SAMPLE_SHA256.to_owned(),
        };
        let read = |link: &str| {
            Some(ReadMetadata {
                link: link.to_owned(),
                at: Timestamp::from_secs(1_795_338_000),
                idp_entity_id: "http://www.okta.com/exk1f9q2v8RzT7cYk5d7".to_owned(),
                sso_url: "https://acme.okta.com/app/exk1f9q2v8RzT7cYk5d7/sso/saml".to_owned(),
                binding: "Redirect".to_owned(),
                slo_url: "https://acme.okta.com/app/exk1f9q2v8RzT7cYk5d7/slo/saml".to_owned(),
                certificates: vec![certificate(Chip::new(Tone::Ok, "In date"))],
                wants_signed_requests: true,
            })
        };
        let mut linked = page(Invalid::new(), Source::Paste, link);
        (linked.read, linked.watch) = (read(link), true);
        let mut from_file = page(Invalid::new(), Source::File, "");
        from_file.wizard = Wizard::sample("google-saml", Step::Metadata);
        from_file.wizard.is_change = true;
        from_file.read = read("").map(|mut read| {
            read.certificates.push(certificate(Chip::new(Tone::Bad, "Expired")));
            read
        });
        let http = "The address isn't HTTPS. Anyone on the network could swap the certificate. Use https:// or upload the file.";
        let mut hand = Invalid::field("sso_url", "url_malformed", "This isn't an address. It begins with https://.");
        hand.add(
            "certificate",
            "cert_public_key",
            "That's a public key, not a certificate. Download Certificate (Base64) and paste all of it.",
        );
        let mut by_hand = page(hand, Source::Hand, "");
        by_hand.wizard = Wizard::sample("custom-saml", Step::Metadata);
        (by_hand.sso_url, by_hand.certificate) = ("acme".to_owned(), "-----BEGIN PUBLIC KEY-----".to_owned());
        let mut many = page(
            Invalid::field("choice", "metadata_many", "3 identity providers in one file. Choose one."),
            Source::Paste,
            "https://metadata.example.org/feed.xml",
        );
        many.wizard = Wizard::sample("shibboleth-saml", Step::Metadata);
        many.choices = vec![
            Choice::new("https://idp.uni-a.example/shibboleth", "University A", false)
                .hint("https://idp.uni-a.example/shibboleth"),
            Choice::new("https://idp.uni-b.example/shibboleth", "University B", false)
                .hint("https://idp.uni-b.example/shibboleth"),
        ];
        let mut no_file = page(
            Invalid::field(
                "file",
                "metadata_sp",
                "This is a service provider's metadata. You may have uploaded ours. Take the identity provider's from Okta.",
            ),
            Source::File,
            "",
        );
        no_file.watch = false;
        vec![
            page(Invalid::new(), Source::Paste, ""),
            linked,
            from_file,
            page(Invalid::field("metadata", "metadata_http", http), Source::Paste, "http://idp.acme.example/metadata"),
            by_hand,
            many,
            no_file,
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<MetadataPage>(all, "admin/connections/metadata");
}

/// What was typed, to be shown again beside what is wrong.
struct Typed<'a> {
    data: Option<&'a FormData>,
    errors: Invalid,
}

async fn page(request: &HttpRequest, view: &ConnectionView, typed: Typed<'_>, now: Timestamp) -> MetadataPage {
    let settings = view.connection.editable().map(|revision| revision.settings.clone()).unwrap_or_default();
    let link = settings.metadata_url.clone().unwrap_or_default();
    let get = |name: &str| typed.data.map(|data| data.get(name).to_owned()).unwrap_or_default();
    let choices = typed.errors.errors.iter().flat_map(|error| &error.choices);
    let read =
        settings.idp_entity_id.clone().zip(settings.sso_url.clone()).map(|(idp_entity_id, sso_url)| ReadMetadata {
            link: link.clone(),
            at: view.connection.metadata_read_at.unwrap_or(view.connection.created_at),
            idp_entity_id,
            sso_url,
            binding: match settings.sso_binding {
                Binding::Redirect => "Redirect".to_owned(),
                Binding::Post => "POST".to_owned(),
            },
            slo_url: settings.slo_url.clone().unwrap_or_default(),
            certificates: view.all_certificates().map(|certificate| read_certificate(certificate, now)).collect(),
            wants_signed_requests: settings.wants_signed_requests,
        });
    MetadataPage {
        shell: shell(request, Place::Security).await,
        wizard: present::wizard(view, Step::Metadata),
        source: Source::parse(&get("source")),
        metadata: present::unless_private(&typed.errors, if typed.data.is_some() { get("metadata") } else { link }),
        idp_entity_id: get("idp_entity_id"),
        sso_url: get("sso_url"),
        slo_url: get("slo_url"),
        certificate: present::unless_private(&typed.errors, get("certificate")),
        choices: choices.map(|entity| Choice::new(entity, entity, false)).collect(),
        errors: typed.errors,
        read,
        watch: settings.watch_metadata,
    }
}

fn read_certificate(certificate: &TrustedCertificate, now: Timestamp) -> ReadCertificate {
    ReadCertificate {
        chip: if certificate.is_expired(now) {
            Chip::new(Tone::Bad, "Expired")
        } else {
            Chip::new(Tone::Ok, "In date")
        },
        about: format!("until {} · {}", certificate.not_after.day(), certificate.key),
        sha256: present::colons(&certificate.sha256),
    }
}

/// `GET …/setup/metadata`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<MetadataPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    let typed = Typed { data: None, errors: Invalid::new() };
    Ok(Html(page(&request, &view, typed, admin.visitor.now).await))
}

/// What the form holds that is not saved yet.
fn input(view: &ConnectionView, data: &FormData, must: bool) -> Result<Option<MetadataInput>, Invalid> {
    let settings = view.connection.editable().map(|revision| revision.settings.clone()).unwrap_or_default();
    match Source::parse(data.get("source")) {
        Source::Paste => {
            let text = data.get("metadata").trim();
            if text.is_empty() && must {
                return Err(Invalid::field(
                    "metadata",
                    "metadata_missing",
                    "Paste the link to the metadata, or the XML itself.",
                ));
            }
            let is_saved = settings.metadata_url.as_deref() == Some(text) && settings.idp_entity_id.is_some();
            if text.is_empty() || (is_saved && !must) {
                return Ok(None);
            }
            Ok(Some(match MetadataInput::from_box(text) {
                MetadataInput::Xml { document, .. } => MetadataInput::Xml { document, entity_id: data.text("choice") },
                MetadataInput::Link { url, .. } => MetadataInput::Link { url, entity_id: data.text("choice") },
                other => other,
            }))
        }
        Source::File => match data.file("file") {
            Some(document) => {
                Ok(Some(MetadataInput::Xml { document: document.to_vec(), entity_id: data.text("choice") }))
            }
            None if must => Err(Invalid::field("file", "metadata_missing", "Choose the metadata file first.")),
            None => Ok(None),
        },
        Source::Hand => {
            let fields = ["idp_entity_id", "sso_url", "slo_url", "certificate"];
            if fields.iter().all(|field| data.get(field).trim().is_empty()) && !must {
                return Ok(None);
            }
            Ok(Some(MetadataInput::Manual {
                idp_entity_id: data.get("idp_entity_id").to_owned(),
                sso_url: data.get("sso_url").to_owned(),
                certificates: data.get("certificate").as_bytes().to_vec(),
            }))
        }
    }
}

/// The use case's fields are the API's; the page has one box and a file.
fn to_page_fields(mut errors: Invalid, source: Source) -> Invalid {
    for error in &mut errors.errors {
        error.field = match error.field {
            "idp_metadata_url" | "idp_metadata_xml" if error.code == "metadata_many" => "choice",
            "idp_metadata_url" | "idp_metadata_xml" if source == Source::File => "file",
            "idp_metadata_url" | "idp_metadata_xml" => "metadata",
            "certificates" => "certificate",
            other => other,
        };
    }
    errors
}

/// `POST …/setup/metadata`: reads into the draft; with `action=save` also goes on.
pub async fn save(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, data, now) = (&form.admin.ctx, &form.data, form.admin.visitor.now);
    let view = load(&app, ctx, &id).await?;
    let goes_on = data.get("action") == "save";
    let refused = |errors| Typed { data: Some(data), errors };
    let input = match input(&view, data, !goes_on) {
        Ok(input) => input,
        Err(errors) => {
            return Ok(Html(page(&request, &view, refused(errors), now).await).status(StatusCode::UNPROCESSABLE_ENTITY));
        }
    };
    let watch = (goes_on && input.is_none()).then(|| data.has("watch"));
    let by_hand = matches!(input, Some(MetadataInput::Manual { .. })) && data.has("slo_url");
    let slo_url = by_hand.then(|| Some(data.get("slo_url").to_owned()));
    let change = SettingsChange { watch_metadata: watch, slo_url, ..SettingsChange::default() };
    match app.update_connection(ctx, view.connection.id.clone(), change, input, data.version()).await {
        Ok(saved) => {
            let step = if goes_on { "attributes" } else { "metadata" };
            Ok(see_other(format!("/admin/security/sso/{}/setup/{step}", saved.connection.id)).respond_to(&request))
        }
        Err(Error::Invalid(errors)) => {
            let errors = to_page_fields(errors, Source::parse(data.get("source")));
            Ok(Html(page(&request, &view, refused(errors), now).await).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(Error::Changed) => {
            let settings = view.connection.editable().map(|revision| revision.settings.clone()).unwrap_or_default();
            let rows = vec![
                ("Link", settings.metadata_url.unwrap_or_default(), data.get("metadata").chars().take(200).collect()),
                ("IdP entity ID", settings.idp_entity_id.unwrap_or_default(), data.get("idp_entity_id").to_owned()),
                ("SSO URL", settings.sso_url.unwrap_or_default(), data.get("sso_url").to_owned()),
            ];
            conflict(&request, &app, ctx, &view, data, rows).await
        }
        Err(error) => Err(error.into()),
    }
}
