//! The certificates that a connection trusts: how they are shown, adding one, removing one.

use askama::Template;

use crate::model::invalid::Invalid;
use crate::model::time::Timestamp;
use crate::web::admin::connections::SAMPLE_ID;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
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
        match self.days_left {
            ..0 => chips.push(Chip::new(Tone::Bad, "Expired")),
            0 => chips.push(Chip::new(Tone::Bad, "Expires today")),
            1 => chips.push(Chip::new(Tone::Bad, "Expires tomorrow")),
            2..=60 => chips.push(Chip::new(Tone::Warn, format!("Expires in {} days", self.days_left))),
            _ => {}
        }
        chips
    }

    /// It wants someone to look at it: its frame is coloured.
    pub fn needs_attention(&self) -> bool {
        self.days_left <= 60 || self.is_early
    }

    /// `73:71:42:D1…`
    pub fn short(&self) -> String {
        format!("{}…", self.sha256.get(..11).unwrap_or(&self.sha256))
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
        };
        let key = "That's a public key, not a certificate. Download Certificate (Base64) and paste all of it.";
        let pem =
            "-----BEGIN CERTIFICATE-----\nMIIDpDCCAoygAwIBAgIGAV2ka+55MA0GCSqGSIb3DQEBCwUA\n-----END CERTIFICATE-----";
        let expired = Certificate::sample(2, -40, Usage::NotSeenYet);
        vec![
            page(Invalid::new(), "", None),
            page(Invalid::field("certificate", "cert_public_key", key), "-----BEGIN PUBLIC KEY-----", None),
            page(Invalid::new(), pem, Some(Certificate::sample(2, 3650, Usage::NotSeenYet))),
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
}

impl RemoveCertificatePage {
    fn is_in_use(&self) -> bool {
        self.certificate.used == Usage::InUse
    }
}

impl Page for RemoveCertificatePage {
    fn samples() -> Vec<Self> {
        let page = |errors, certificate, left| Self {
            shell: Shell::sample(Place::Security),
            errors,
            id: SAMPLE_ID.to_owned(),
            name: "Okta".to_owned(),
            idp: "Okta".to_owned(),
            certificate,
            left,
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
