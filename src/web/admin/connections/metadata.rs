//! The wizard's third step: what the identity provider gives us, as a link, text, a file or by hand.

use askama::Template;

use crate::model::invalid::Invalid;
use crate::model::provider::Take;
use crate::model::time::Timestamp;
use crate::web::admin::connections::setup::Step;
use crate::web::admin::connections::setup::Wizard;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
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
    pub certificates: Vec<ReadCertificate>,
    pub wants_signed_requests: bool,
}

/// `GET, POST …/setup/metadata`, `multipart/form-data`. The button `action` says `read` or `save`.
#[derive(Template)]
#[template(path = "admin/connections/metadata.html")]
pub struct MetadataPage {
    pub shell: Shell,
    /// Errors at `metadata`, `file`, `choice`, `idp_entity_id`, `sso_url`, `certificate`.
    pub errors: Invalid,
    pub wizard: Wizard,
    pub source: Source,
    /// As typed: a link or the XML itself.
    pub metadata: String,
    pub idp_entity_id: String,
    pub sso_url: String,
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

    fn placeholder(&self) -> &str {
        self.wizard.connector.metadata.url.as_deref().unwrap_or("https://idp.example.com/metadata")
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
                certificates: vec![certificate(Chip::new(Tone::Ok, "In date"))],
                wants_signed_requests: true,
            })
        };
        let mut linked = page(Invalid::new(), Source::Paste, link);
        (linked.read, linked.watch) = (read(link), true);
        let mut from_file = page(Invalid::new(), Source::File, "");
        from_file.wizard = Wizard::sample("google-saml", Step::Metadata);
        from_file.wizard.is_copy = true;
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
