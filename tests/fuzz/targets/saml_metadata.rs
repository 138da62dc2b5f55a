//! Any bytes as metadata and as certificates: no panic.
#![no_main]

use doorward::testing::Certificate;
use doorward::testing::Timestamp;
use doorward::testing::metadata;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(found) = metadata::read(bytes, Timestamp::from_secs(1_795_327_200)) {
        assert!(!found.certificates.is_empty());
    }
    if let Ok(found) = Certificate::from_bytes(bytes) {
        assert!(!found.is_empty());
    }
});
