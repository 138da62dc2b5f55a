//! The RSA key of a service provider and its self-signed certificate: signs our SAML requests, opens assertions that were
//! encrypted for us.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use rcgen::CertificateParams;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rcgen::PKCS_RSA_SHA256;
use rcgen::RsaKeySize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    #[error("the key or its certificate could not be made")]
    Generate(#[source] rcgen::Error),
    #[error("the time {0} is outside the calendar")]
    Time(i64),
    #[error("the stored key cannot be read")]
    Unreadable(#[source] aws_lc_rs::error::KeyRejected),
}

#[derive(Clone)]
pub struct SigningIdentity {
    pub pkcs8: Zeroizing<Vec<u8>>,
    pub certificate_der: Vec<u8>,
}

impl SigningIdentity {
    /// RSA 2048: the largest common denominator of identity providers, for signing and for encryption.
    pub fn generate(common_name: &str, now_secs: i64, years: u32) -> Result<Self, SigningError> {
        let time = |secs: i64| OffsetDateTime::from_unix_timestamp(secs).map_err(|_| SigningError::Time(secs));
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).map_err(SigningError::Generate)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        // An hour back, for identity providers whose clock is behind ours.
        params.not_before = time(now_secs.saturating_sub(3600))?;
        params.not_after = time(now_secs.saturating_add(i64::from(years).saturating_mul(31_557_600)))?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        let certificate = params.self_signed(&key).map_err(SigningError::Generate)?;
        Ok(Self { pkcs8: Zeroizing::new(key.serialize_der()), certificate_der: certificate.der().to_vec() })
    }

    pub fn signer(&self) -> Result<RsaSigner, SigningError> {
        RsaSigner::from_pkcs8(&self.pkcs8)
    }
}

/// A parsed key; keep it, parsing costs more than signing should.
#[derive(Debug)]
pub struct RsaSigner {
    key: RsaKeyPair,
}

impl RsaSigner {
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, SigningError> {
        RsaKeyPair::from_pkcs8(pkcs8).map(|key| Self { key }).map_err(SigningError::Unreadable)
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256.
    pub fn sign_sha256(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .expect("a parsed key signs any message when the buffer has the modulus' length");
        signature
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::certificate::Certificate;

    #[test]
    fn a_generated_identity_signs_and_its_certificate_verifies() {
        let identity = SigningIdentity::generate("https://sign-in.example.com/saml/con_1", 1_700_000_000, 10).unwrap();
        let signature = identity.signer().unwrap().sign_sha256(b"message");
        let certificate = Certificate::from_der(&identity.certificate_der).unwrap();
        let key = aws_lc_rs::signature::UnparsedPublicKey::new(
            &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256,
            certificate.public_key(),
        );
        assert!(key.verify(b"message", &signature).is_ok());
        assert_eq!(certificate.not_after - certificate.not_before, 10 * 31_557_600 + 3600);
    }

    #[test]
    fn a_key_that_is_no_pkcs8_is_refused() {
        assert!(matches!(RsaSigner::from_pkcs8(b"no key"), Err(SigningError::Unreadable(_))));
    }
}
