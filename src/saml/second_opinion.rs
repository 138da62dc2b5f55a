//! A second opinion on what `signature` accepted, by a verifier that shares no line with ours: samael with libxml2, xmlsec1
//! and OpenSSL (cargo feature `samael`). It gets the same bytes and only the pinned certificates, in its mode that hands
//! over the bytes whose digest it computed, and it agrees only if those are the bytes that we read. It is never asked
//! about what we refused, so it can take a sign-in away and never give one.
//!
//! Blocking, and C: call it on a thread for that. A panic in it is a difference; a crash would be one of the process.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use super::key::PinnedKey;

/// Whether this build has somebody to ask.
pub const IS_COMPILED_IN: bool = cfg!(feature = "samael");

/// A document that was verified, and the bytes that are read because of one of its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub document: String,
    pub read: String,
}

/// Why the two do not agree; it completes "the other answered".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(
    not(any(feature = "samael", feature = "testing", test)),
    expect(dead_code, reason = "there is nobody who could refuse or fail")
)]
pub enum Difference {
    #[error("that the signature does not hold")]
    Refused,
    #[error("with other bytes than those we read")]
    OtherBytes,
    #[error("with an error: {0}")]
    Failed(String),
    #[error("nothing: it panicked")]
    Panicked,
    #[error("nothing within {seconds} seconds")]
    Late { seconds: u64 },
    #[error("nothing: it was not asked")]
    NotAsked,
}

/// Asks about each signature that counts. Whatever is not a plain yes is a difference.
pub fn ask(questions: &[Question], keys: &[PinnedKey]) -> Result<(), Difference> {
    if questions.is_empty() {
        return Err(Difference::NotAsked);
    }
    questions.iter().try_for_each(|question| judge(question, keys, verifier::signed_bytes))
}

/// One kind of key at a time: it stumbles over the first that does not fit the signature's algorithm.
fn judge(
    question: &Question,
    keys: &[PinnedKey],
    signed_bytes: impl Fn(&str, &[&[u8]]) -> Result<String, Difference>,
) -> Result<(), Difference> {
    let mut kinds: Vec<&str> = keys.iter().map(PinnedKey::kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut difference = Difference::NotAsked;
    for kind in kinds {
        let certificates: Vec<&[u8]> = keys.iter().filter(|key| key.kind() == kind).map(PinnedKey::der).collect();
        let answer = catch_unwind(AssertUnwindSafe(|| signed_bytes(&question.document, &certificates)));
        difference = match answer {
            Ok(Ok(bytes)) if bytes == question.read => return Ok(()),
            Ok(Ok(_)) => return Err(Difference::OtherBytes),
            Ok(Err(other)) => other,
            Err(_) => return Err(Difference::Panicked),
        };
    }
    Err(difference)
}

/// What it says by itself, with all keys at once.
#[cfg(all(test, feature = "samael"))]
pub fn signed_bytes(document: &str, keys: &[PinnedKey]) -> Result<String, Difference> {
    verifier::signed_bytes(document, &keys.iter().map(PinnedKey::der).collect::<Vec<_>>())
}

#[cfg(not(feature = "samael"))]
mod verifier {
    use super::Difference;

    pub fn signed_bytes(_: &str, _: &[&[u8]]) -> Result<String, Difference> {
        Err(Difference::NotAsked)
    }
}

#[cfg(feature = "samael")]
mod verifier {
    use std::error::Error as _;
    use std::sync::Once;

    use samael::crypto::AllowedSignatureAlgorithm as Algorithm;
    use samael::crypto::CertificateDer;
    use samael::crypto::Crypto;
    use samael::crypto::CryptoError;
    use samael::crypto::CryptoProvider as _;
    use samael::crypto::ReduceMode;

    use super::Difference;
    use crate::saml::error::brief;

    /// Unless told so it takes SHA-1.
    const ALGORITHMS: [Algorithm; 6] = [
        Algorithm::RsaSha256,
        Algorithm::RsaSha384,
        Algorithm::RsaSha512,
        Algorithm::EcdsaSha256,
        Algorithm::EcdsaSha384,
        Algorithm::EcdsaSha512,
    ];

    /// The bytes whose digest it verified: of the Response where both were signed.
    pub fn signed_bytes(document: &str, certificates: &[&[u8]]) -> Result<String, Difference> {
        let certificates: Vec<CertificateDer> = certificates.iter().map(|der| der.to_vec().into()).collect();
        begin(certificates.first().ok_or(Difference::NotAsked)?);
        Crypto::reduce_xml_to_signed_with_allowed_algorithms(
            document,
            &certificates,
            ReduceMode::PreDigest,
            Some(&ALGORITHMS),
        )
        .map_err(|error| match error {
            CryptoError::InvalidSignature => Difference::Refused,
            other => {
                let cause = other.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                Difference::Failed(brief(format!("{other}{cause}")))
            }
        })
    }

    /// The C libraries make their tables at the first use, which has to be over before two threads begin.
    fn begin(certificate: &CertificateDer) {
        static BEGUN: Once = Once::new();
        // There is no signature to find, which it says after everything is made.
        BEGUN.call_once(|| drop(Crypto::verify_signed_xml("<a/>", certificate, None)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::certificate::Certificate;
    use crate::crypto::signing::SigningIdentity;

    fn question() -> Question {
        Question { document: "<a/>".to_owned(), read: "<a></a>".to_owned() }
    }

    fn key() -> PinnedKey {
        let identity = SigningIdentity::generate("idp", 1_795_327_260, 1).unwrap();
        PinnedKey::from_certificate(&Certificate::from_der(&identity.certificate_der).unwrap())
    }

    #[test]
    fn only_the_very_bytes_are_agreement() {
        let keys = [key()];
        let judge = |answer: Result<&str, Difference>| {
            judge(&question(), &keys, |_, _| answer.clone().map(str::to_owned))
                .map_err(|difference| difference.to_string())
        };
        assert_eq!(judge(Ok("<a></a>")), Ok(()));
        for other in ["", "<a/>", "<a></a> ", "<b></b>"] {
            assert_eq!(judge(Ok(other)).unwrap_err(), "with other bytes than those we read", "{other}");
        }
        assert_eq!(judge(Err(Difference::Refused)).unwrap_err(), "that the signature does not hold");
    }

    #[test]
    fn a_panic_is_a_difference() {
        let panicking = |_: &str, _: &[&[u8]]| -> Result<String, Difference> { panic!("its own error") };
        assert_eq!(judge(&question(), &[key()], panicking), Err(Difference::Panicked));
    }

    #[test]
    fn nobody_agrees_who_was_not_asked() {
        assert_eq!(ask(&[], &[key()]), Err(Difference::NotAsked));
        assert_eq!(ask(&[question()], &[]), Err(Difference::NotAsked));
        assert!(ask(&[question()], &[key()]).is_err());
    }
}
