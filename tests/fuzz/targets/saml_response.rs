//! Any text as a response: no panic, and what is accepted was signed by the corpus' key. Seed it with tests/fixtures/saml.
#![no_main]

use std::sync::LazyLock;

use doorward::testing::Certificate;
use doorward::testing::PinnedKey;
use doorward::testing::verify;
use libfuzzer_sys::fuzz_target;

static KEYS: LazyLock<Vec<PinnedKey>> = LazyLock::new(|| {
    let certificates = Certificate::from_text(include_str!("../../fixtures/saml/certificates/idp.pem"));
    certificates.unwrap().iter().map(PinnedKey::from_certificate).collect()
});

fuzz_target!(|text: &str| {
    if let Ok(bytes) = verify(text, &KEYS) {
        assert!(bytes.as_str().contains("https://idp.example.com/metadata"));
    }
});
