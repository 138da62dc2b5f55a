//! CPU time of one SAML response in one thread: what a sign-in costs before anything is stored.
//!
//! Measured with the thread's own clock, since neighbours on the machine make wall time useless.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use criterion::Criterion;
use criterion::criterion_group;
use criterion::criterion_main;
use doorward::testing::Certificate;
use doorward::testing::Expected;
use doorward::testing::PinnedKey;
use doorward::testing::Received;
use doorward::testing::Timestamp;
use doorward::testing::examine;
use doorward::testing::second_opinion;
use doorward::testing::second_opinion::Question;
use doorward::testing::verify;

/// How long this thread has run. The kernel brings the figure up to date when the thread is switched away from.
fn cpu_time() -> Duration {
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn measure(criterion: &mut Criterion, name: &str, mut run: impl FnMut()) {
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|times| {
            let start = cpu_time();
            (0..times).for_each(|_| run());
            cpu_time().saturating_sub(start)
        });
    });
}

fn fixture(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/fixtures/saml/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn responses(criterion: &mut Criterion) {
    let certificate = Certificate::from_text(&fixture("certificates/idp.pem")).unwrap().remove(0);
    let keys = [PinnedKey::from_certificate(&certificate)];
    let requests = ["_req1".to_owned()];
    let expected = Expected {
        acs_url: "https://sp.example.com/acs",
        entity_id: "https://sp.example.com/metadata",
        idp_entity_id: "https://idp.example.com/metadata",
        requests: &requests,
        allows_idp_initiated: false,
        refuses_expired_certificates: false,
        clock_skew: Duration::from_secs(180),
        now: Timestamp::from_secs(1_795_327_260),
    };
    for case in ["assertion_signed", "response_signed", "both_signed", "okta_300_attributes"] {
        let text = fixture(&format!("good/{case}/response.xml"));
        let encoded = STANDARD.encode(&text);
        let title = format!("{case} ({} bytes)", text.len());
        measure(criterion, &format!("verify {title}"), || drop(verify(&text, &keys).unwrap()));
        measure(criterion, &format!("examine {title}"), || {
            examine(Received::decode(&encoded), &keys, &[], &expected).result.unwrap();
        });
    }
}

/// What the second opinion adds, where the build has one (`--features testing,samael`); a first one makes its tables.
fn second_opinions(criterion: &mut Criterion) {
    if !second_opinion::IS_COMPILED_IN {
        return;
    }
    let certificate = Certificate::from_text(&fixture("certificates/idp.pem")).unwrap().remove(0);
    let keys = [PinnedKey::from_certificate(&certificate)];
    for case in ["assertion_signed", "response_signed", "both_signed", "okta_300_attributes"] {
        let document = fixture(&format!("good/{case}/response.xml"));
        let title = format!("second opinion {case} ({} bytes)", document.len());
        let question = [Question { read: verify(&document, &keys).unwrap().into_string(), document }];
        second_opinion::ask(&question, &keys).unwrap();
        measure(criterion, &title, || second_opinion::ask(&question, &keys).unwrap());
    }
}

criterion_group!(benches, responses, second_opinions);
criterion_main!(benches);
