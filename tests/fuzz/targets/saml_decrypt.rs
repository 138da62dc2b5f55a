//! Any bytes as the form field, with a key to decrypt with: no panic, nothing accepted without the corpus' signature.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward::testing::DecryptionKey;
use doorward::testing::Expected;
use doorward::testing::Received;
use doorward::testing::SigningIdentity;
use doorward::testing::Timestamp;
use doorward::testing::examine;
use libfuzzer_sys::fuzz_target;

static OURS: LazyLock<Vec<DecryptionKey>> = LazyLock::new(|| {
    let identity = SigningIdentity::generate("sp", 1_795_327_200, 1).unwrap();
    vec![DecryptionKey::from_pkcs8(&identity.pkcs8).unwrap()]
});

fuzz_target!(|bytes: &[u8]| {
    let requests = ["_req1".to_owned()];
    let expected = Expected {
        acs_url: "https://sp.example.com/acs",
        entity_id: "https://sp.example.com/metadata",
        idp_entity_id: "https://idp.example.com/metadata",
        requests: &requests,
        allows_idp_initiated: true,
        refuses_expired_certificates: false,
        clock_skew: Duration::from_secs(180),
        now: Timestamp::from_secs(1_795_327_260),
    };
    // No key is trusted, so nothing may pass.
    let examination = examine(Received::decode(&STANDARD.encode(bytes)), &[], &OURS, &expected);
    assert!(examination.result.is_err() && examination.checks.len() == 5);
});
