//! X.509 certificates as admins bring them: PEM, bare Base64, DER, with whatever a mail program or a console put around them.
//! A certificate is a container for a key that an admin trusts; chains and revocation are not looked at.

use super::token;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::prelude::FromDer;
use x509_parser::prelude::X509Certificate;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// DER of the object identifier 1.2.840.113549.1.7.2, PKCS#7 signedData (RFC 2315 14).
const SIGNED_DATA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    #[error("That is a public key, not a certificate. Download the certificate (Base64) and paste all of it.")]
    PublicKey,
    #[error("That is a private key. It was not stored; treat it as leaked, make a new one and paste the certificate.")]
    PrivateKey,
    #[error("That is a PKCS#7 bundle. Export the signing certificate alone, as PEM or Base-64 (.cer).")]
    Pkcs7,
    #[error("That is a certificate request, not a certificate. Paste the certificate that was issued for it.")]
    Request,
    #[error("The file is UTF-16 text. Save the certificate as plain text (UTF-8) or upload the .cer file itself.")]
    Utf16,
    #[error("Line {line} is not Base64, or the text is cut off. Copy everything, with both BEGIN and END lines.")]
    Unreadable { line: usize },
    #[error("The data is not an X.509 certificate. Export the signing certificate again, as PEM or Base-64 (.cer).")]
    NotACertificate,
    #[error("There is no certificate in the text. Paste everything, with both BEGIN and END lines.")]
    Empty,
    #[error("The certificate's key is {key}; we accept RSA from 2048 bits and ECDSA P-256 or P-384.")]
    WeakKey { key: String },
}

impl CertificateError {
    /// The entry of errors.toml.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PublicKey => "cert_public_key",
            Self::PrivateKey => "cert_private_key",
            Self::Pkcs7 => "cert_pkcs7",
            Self::Request | Self::Utf16 | Self::Unreadable { .. } | Self::NotACertificate | Self::Empty => {
                "cert_unreadable"
            }
            Self::WeakKey { .. } => "cert_weak_key",
        }
    }

    /// `{theirs}` of the entry.
    pub fn received(&self) -> Option<&str> {
        match self {
            Self::WeakKey { key } => Some(key),
            _ => None,
        }
    }

    /// `{n}` of the entry.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Unreadable { line } => Some(*line),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub der: Vec<u8>,
    /// Fingerprints, lower-case hex.
    pub sha256: String,
    pub sha1: String,
    pub subject: String,
    pub issuer: String,
    /// Seconds since 1970.
    pub not_before: i64,
    pub not_after: i64,
    /// `RSA 2048`, `ECDSA P-256`.
    pub key: String,
}

impl Certificate {
    /// What was uploaded: DER, PEM or Base64 text.
    pub fn from_bytes(bytes: &[u8]) -> Result<Vec<Self>, CertificateError> {
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(CertificateError::Utf16);
        }
        if bytes.first() == Some(&0x30) && std::str::from_utf8(bytes).map_or(true, |text| !text.contains("-----BEGIN"))
        {
            // DER says itself where it ends; only what an editor adds behind it is left out. Its last byte may look like one.
            let behind = X509Certificate::from_der(bytes).map_or(0, |(rest, _)| rest.len());
            let (der, rest) = bytes.split_at(bytes.len() - behind);
            return Self::from_der(if rest.trim_ascii().is_empty() { der } else { bytes }).map(|found| vec![found]);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| CertificateError::NotACertificate)?;
        Self::from_text(text)
    }

    /// One or several PEM certificates, or one as bare Base64, with any text and whitespace around them.
    pub fn from_text(text: &str) -> Result<Vec<Self>, CertificateError> {
        let text = text.trim_start_matches('\u{feff}');
        refuse_other_labels(text)?;
        let mut found: Vec<Self> = Vec::new();
        if text.contains(BEGIN) {
            let mut rest = text;
            let mut line = 1;
            while let Some((before, after)) = rest.split_once(BEGIN) {
                line += newlines(before);
                let Some((body, next)) = after.split_once(END) else {
                    return Err(CertificateError::Unreadable { line: line + newlines(after.trim_end()) });
                };
                found.push(Self::from_der(&decode(body, line)?)?);
                line += newlines(body);
                rest = next;
            }
        } else {
            let body = text.trim_end();
            if body.trim_start().is_empty() {
                return Err(CertificateError::Empty);
            }
            found.push(Self::from_der(&decode(body, 1)?)?);
        }
        let mut seen = std::collections::HashSet::new();
        found.retain(|certificate| seen.insert(certificate.sha256.clone()));
        Ok(found)
    }

    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|_| classify(der))?;
        if !rest.is_empty() {
            return Err(CertificateError::NotACertificate);
        }
        Ok(Self {
            sha256: token::hex(digest::digest(&digest::SHA256, der).as_ref()),
            sha1: token::hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der).as_ref()),
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            key: accepted_key(parsed.public_key())?,
            der: der.to_vec(),
        })
    }

    pub fn to_pem(&self) -> String {
        let mut pem = format!("{BEGIN}\n");
        let body = self.to_base64();
        for line in body.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str(END);
        pem.push('\n');
        pem
    }

    /// As XML Signature's X509Certificate wants it.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.der)
    }

    /// The subjectPublicKey of the certificate, as verifiers take it: PKCS#1 for RSA, the point for ECDSA.
    pub fn public_key(&self) -> Vec<u8> {
        X509Certificate::from_der(&self.der)
            .map(|(_, parsed)| parsed.public_key().subject_public_key.data.to_vec())
            .unwrap_or_default()
    }

    /// The fingerprint of the public key: the same for every certificate that was issued for it.
    pub fn key_sha256(&self) -> String {
        fingerprint(&self.public_key())
    }
}

/// The fingerprint of anything DER, also of what is no certificate we accept.
pub fn fingerprint(der: &[u8]) -> String {
    token::hex(digest::digest(&digest::SHA256, der).as_ref())
}

fn refuse_other_labels(text: &str) -> Result<(), CertificateError> {
    for (_, label) in
        text.match_indices("-----BEGIN ").map(|(at, mark)| (at, text.get(at + mark.len()..).unwrap_or("")))
    {
        let label = label.split("-----").next().unwrap_or("");
        if label.ends_with("PRIVATE KEY") {
            return Err(CertificateError::PrivateKey);
        }
    }
    if text.contains(BEGIN) {
        return Ok(());
    }
    let Some((before, label)) = text.split_once("-----BEGIN ") else { return Ok(()) };
    Err(match label.split("-----").next().unwrap_or("") {
        "PUBLIC KEY" | "RSA PUBLIC KEY" | "EC PUBLIC KEY" => CertificateError::PublicKey,
        "PKCS7" | "PKCS #7 SIGNED DATA" | "CMS" => CertificateError::Pkcs7,
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => CertificateError::Request,
        _ => CertificateError::Unreadable { line: 1 + newlines(before) },
    })
}

/// Base64 with any whitespace; `first` is the number of the line it begins on.
fn decode(body: &str, first: usize) -> Result<Vec<u8>, CertificateError> {
    let mut joined = Vec::with_capacity(body.len());
    for (n, line) in body.split('\n').enumerate() {
        let start = joined.len();
        joined.extend(line.bytes().filter(|byte| !byte.is_ascii_whitespace()));
        let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        if !joined.get(start..).is_some_and(|line| line.iter().all(is_base64)) {
            return Err(CertificateError::Unreadable { line: first + n });
        }
    }
    STANDARD.decode(&joined).map_err(|_| CertificateError::Unreadable { line: first + newlines(body.trim_end()) })
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// What DER that is no certificate is instead, by its first fields.
fn classify(der: &[u8]) -> CertificateError {
    let Some(content) = sequence(der) else { return CertificateError::NotACertificate };
    if content.starts_with(SIGNED_DATA) {
        return CertificateError::Pkcs7;
    }
    // PKCS#1, PKCS#8, SEC 1 and PKCS#12 begin with a version; a PKCS#1 public key begins with its modulus.
    if matches!(content, [0x02, 0x01, 0..=3, ..]) {
        return CertificateError::PrivateKey;
    }
    let is_pkcs1 = content.first() == Some(&0x02);
    if is_pkcs1 || SubjectPublicKeyInfo::from_der(der).is_ok() {
        return CertificateError::PublicKey;
    }
    CertificateError::NotACertificate
}

/// The content of a DER SEQUENCE; its length is not checked.
fn sequence(der: &[u8]) -> Option<&[u8]> {
    match der {
        [0x30, length, rest @ ..] if *length < 0x80 => Some(rest),
        [0x30, length, rest @ ..] => rest.get(usize::from(length & 0x7f)..),
        _ => None,
    }
}

fn accepted_key(key: &SubjectPublicKeyInfo<'_>) -> Result<String, CertificateError> {
    let weak = |key: String| Err(CertificateError::WeakKey { key });
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let bits = bits(rsa.modulus);
            let name = format!("RSA {bits}");
            if RSA_BITS.contains(&bits) { Ok(name) } else { weak(name) }
        }
        Ok(PublicKey::EC(_)) => {
            let curve = key.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
            match curve.map(|curve| curve.to_id_string()).as_deref() {
                Some(P256) => Ok("ECDSA P-256".to_owned()),
                Some(P384) => Ok("ECDSA P-384".to_owned()),
                Some(other) => weak(format!("ECDSA on the curve {other}")),
                None => weak("ECDSA on an unnamed curve".to_owned()),
            }
        }
        Ok(PublicKey::DSA(_)) => weak("DSA".to_owned()),
        _ => weak(format!("of the kind {}", key.algorithm.algorithm.to_id_string())),
    }
}

fn bits(modulus: &[u8]) -> usize {
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let significant = modulus.get(zeros..).unwrap_or(&[]);
    significant.first().map_or(0, |first| significant.len() * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::signing::SigningIdentity;

    fn certificate() -> Certificate {
        let identity = SigningIdentity::generate("idp.example.com", 1_700_000_000, 10).unwrap();
        Certificate::from_der(&identity.certificate_der).unwrap()
    }

    #[test]
    fn a_certificate_reads_as_pem_bare_base64_der_and_with_text_around_it() {
        let one = certificate();
        let pem = one.to_pem();
        let bag = format!(
            "\u{feff}Bag Attributes\r\n  localKeyID: 01\r\nsubject=CN\r\n{}\r\n\r\n",
            pem.replace('\n', "\r\n")
        );
        for text in [&pem, &one.to_base64(), &bag, &pem.replace('\n', ""), &format!(" {}\n\n", one.to_base64())] {
            assert_eq!(Certificate::from_bytes(text.as_bytes()), Ok(vec![one.clone()]), "{text}");
        }
        assert_eq!(Certificate::from_bytes(&one.der), Ok(vec![one.clone()]));
        let mut with_newline = one.der.clone();
        with_newline.extend(b"\r\n");
        assert_eq!(Certificate::from_bytes(&with_newline), Ok(vec![one.clone()]));
        assert_eq!((one.key.as_str(), one.sha256.len(), one.sha1.len()), ("RSA 2048", 64, 40));
        assert_eq!(one.subject, "CN=idp.example.com");
    }

    #[test]
    fn a_file_whose_last_byte_looks_like_a_line_break_is_read_whole() {
        for last in [b'\n', b'\t', b' ', b'\r', 0x0c] {
            let mut der = certificate().der;
            *der.last_mut().unwrap() = last;
            let whole = vec![Certificate::from_der(&der).unwrap()];
            assert_eq!(Certificate::from_bytes(&der), Ok(whole.clone()), "{last}");
            assert_eq!(Certificate::from_bytes(&[der.as_slice(), b"\r\n"].concat()), Ok(whole), "{last}");
            assert!(Certificate::from_bytes(&[der.as_slice(), b"x"].concat()).is_err());
        }
    }

    #[test]
    fn several_certificates_are_all_read_and_the_same_one_once() {
        let (one, two) = (certificate(), certificate());
        let text = format!("{}{}{}", one.to_pem(), two.to_pem(), one.to_pem());
        assert_eq!(Certificate::from_text(&text), Ok(vec![one, two]));
    }

    #[test]
    fn what_is_no_certificate_is_named() {
        let pem = certificate().to_pem();
        let cut: String = pem.lines().take(5).collect::<Vec<_>>().join("\n");
        let spoilt = pem.replacen("\nMII", "\nM!I", 1);
        let cases = [
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", CertificateError::PublicKey),
            ("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n", CertificateError::PrivateKey),
            ("-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----", CertificateError::Pkcs7),
            ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n", CertificateError::Request),
            ("", CertificateError::Empty),
            (" \n", CertificateError::Empty),
            (&cut, CertificateError::Unreadable { line: 5 }),
            (&spoilt, CertificateError::Unreadable { line: 2 }),
            ("hello\nworld!", CertificateError::Unreadable { line: 2 }),
            ("aGVsbG8=", CertificateError::NotACertificate),
        ];
        for (text, error) in cases {
            assert_eq!(Certificate::from_text(text), Err(error), "{text}");
        }
        let with_key = format!("{pem}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
        assert_eq!(Certificate::from_text(&with_key), Err(CertificateError::PrivateKey));
        assert_eq!(Certificate::from_bytes(&[0xff, 0xfe, b'-', 0]), Err(CertificateError::Utf16));
    }

    #[test]
    fn der_of_another_kind_is_named() {
        let identity = SigningIdentity::generate("sp", 1_700_000_000, 1).unwrap();
        assert_eq!(Certificate::from_bytes(&identity.pkcs8), Err(CertificateError::PrivateKey));
        let pkcs7 = [&[0x30, 0x0d][..], SIGNED_DATA, &[0xa0, 0x00]].concat();
        assert_eq!(Certificate::from_bytes(&pkcs7), Err(CertificateError::Pkcs7));
        let (_, parsed) = X509Certificate::from_der(&identity.certificate_der).unwrap();
        assert_eq!(Certificate::from_bytes(parsed.public_key().raw), Err(CertificateError::PublicKey));
    }

    #[test]
    fn a_weak_key_is_refused_by_its_name() {
        let error = Certificate::from_text(include_str!("../../tests/fixtures/saml/certificates/rsa_1024.pem"));
        assert_eq!(error, Err(CertificateError::WeakKey { key: "RSA 1024".to_owned() }));
        let error =
            Certificate::from_text(include_str!("../../tests/fixtures/saml/certificates/p521.pem")).unwrap_err();
        assert_eq!(error.code(), "cert_weak_key");
        let p384 = Certificate::from_text(include_str!("../../tests/fixtures/saml/certificates/idp_p384.pem")).unwrap();
        assert_eq!(p384[0].key, "ECDSA P-384");
    }
}
