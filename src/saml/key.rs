//! The keys that responses are verified with, and the algorithms each of them may use.

use aws_lc_rs::digest;
use aws_lc_rs::signature;
use aws_lc_rs::signature::ParsedPublicKey;
use aws_lc_rs::signature::VerificationAlgorithm;

use crate::crypto::certificate::Certificate;

type Algorithm = (&'static str, &'static dyn VerificationAlgorithm);

/// Step 6: SHA-1, HMAC, DSA and RSA-PSS are unknown words.
const RSA: [Algorithm; 3] = [
    ("RSA-SHA256", &signature::RSA_PKCS1_2048_8192_SHA256),
    ("RSA-SHA384", &signature::RSA_PKCS1_2048_8192_SHA384),
    ("RSA-SHA512", &signature::RSA_PKCS1_2048_8192_SHA512),
];
const P256: [Algorithm; 3] = [
    ("ECDSA-SHA256", &signature::ECDSA_P256_SHA256_ASN1),
    ("ECDSA-SHA384", &signature::ECDSA_P256_SHA384_ASN1),
    ("ECDSA-SHA512", &signature::ECDSA_P256_SHA512_ASN1),
];
const P384: [Algorithm; 3] = [
    ("ECDSA-SHA256", &signature::ECDSA_P384_SHA256_ASN1),
    ("ECDSA-SHA384", &signature::ECDSA_P384_SHA384_ASN1),
    ("ECDSA-SHA512", &signature::ECDSA_P384_SHA512_ASN1),
];

/// The name of a SignatureMethod we know.
pub fn algorithm_name(uri: &str) -> Option<&'static str> {
    match uri.strip_prefix("http://www.w3.org/2001/04/xmldsig-more#")? {
        "rsa-sha256" => Some("RSA-SHA256"),
        "rsa-sha384" => Some("RSA-SHA384"),
        "rsa-sha512" => Some("RSA-SHA512"),
        "ecdsa-sha256" => Some("ECDSA-SHA256"),
        "ecdsa-sha384" => Some("ECDSA-SHA384"),
        "ecdsa-sha512" => Some("ECDSA-SHA512"),
        _ => None,
    }
}

pub fn digest_algorithm(uri: &str) -> Option<&'static digest::Algorithm> {
    match uri {
        "http://www.w3.org/2001/04/xmlenc#sha256" => Some(&digest::SHA256),
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => Some(&digest::SHA384),
        "http://www.w3.org/2001/04/xmlenc#sha512" => Some(&digest::SHA512),
        _ => None,
    }
}

/// The key of a certificate that an admin trusts, parsed. Keep it: parsing costs as much as verifying.
#[derive(Clone)]
pub struct PinnedKey {
    sha256: String,
    not_after: i64,
    der: Vec<u8>,
    kind: &'static str,
    /// Empty where the key cannot be used; such a certificate is not accepted in the first place.
    algorithms: Vec<(&'static str, ParsedPublicKey)>,
}

impl PinnedKey {
    pub fn from_certificate(certificate: &Certificate) -> Self {
        let (kind, known) = match certificate.key.as_str() {
            "ECDSA P-256" => ("P-256", &P256),
            "ECDSA P-384" => ("P-384", &P384),
            _ => ("RSA", &RSA),
        };
        let bytes = certificate.public_key();
        let algorithms = known
            .iter()
            .filter_map(|(name, algorithm)| Some((*name, ParsedPublicKey::new(*algorithm, &bytes).ok()?)))
            .collect();
        Self {
            sha256: certificate.sha256.clone(),
            not_after: certificate.not_after,
            der: certificate.der.clone(),
            kind,
            algorithms,
        }
    }

    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// The certificate, for another verifier.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What it could be used with: RSA or the name of a curve.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    pub fn is_same_key(&self, other: &Self) -> bool {
        match (self.algorithms.first(), other.algorithms.first()) {
            (Some((_, one)), Some((_, two))) => one.as_ref() == two.as_ref(),
            _ => false,
        }
    }

    pub fn verifies(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        self.algorithms
            .iter()
            .find(|(name, _)| *name == algorithm)
            .is_some_and(|(_, key)| key.verify_sig(message, signature).is_ok())
    }
}

impl std::fmt::Debug for PinnedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PinnedKey({})", self.sha256)
    }
}

/// XML Signature 1.1, 6.4.3: an ECDSA signature is r and s side by side; verifiers want them as DER (SEC 1, C.5).
pub fn asn1(signature: &[u8]) -> Vec<u8> {
    // P-521 has 66 bytes a number; longer ones could not be written with one length byte.
    if !signature.len().is_multiple_of(2) || signature.len() > 132 {
        return Vec::new();
    }
    let (r, s) = signature.split_at(signature.len() / 2);
    let mut numbers = Vec::with_capacity(signature.len() + 8);
    for number in [r, s] {
        let significant = number.get(number.iter().take_while(|byte| **byte == 0).count()..).unwrap_or(&[]);
        let pad = usize::from(significant.first().is_none_or(|first| *first >= 0x80));
        numbers.push(0x02);
        numbers.push((significant.len() + pad) as u8);
        numbers.extend(std::iter::repeat_n(0, pad));
        numbers.extend_from_slice(significant);
    }
    let mut encoded = vec![0x30];
    if numbers.len() >= 0x80 {
        encoded.push(0x81);
    }
    encoded.push(numbers.len() as u8);
    encoded.extend(numbers);
    encoded
}

/// `73:71:42:D1`, as consoles show fingerprints.
pub fn colons(hex: &str) -> String {
    let pairs: Vec<String> =
        hex.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
    pairs.join(":")
}
