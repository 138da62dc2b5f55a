//! Any text as a filter and as the path of a PATCH: no panic, what was read is printed in a form that reads the same, and both
//! answer alike. Seeds come from tests/fixtures/scim.
#![no_main]

use std::sync::Arc;
use std::sync::LazyLock;

use doorward::testing::Quirks;
use doorward::testing::Schemas;
use doorward::testing::scim_filter::Filter;
use doorward::testing::scim_filter::MAX_LENGTH;
use doorward::testing::scim_path::Path;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

static SCHEMAS: LazyLock<Arc<Schemas>> = LazyLock::new(Schemas::standard);
static RESOURCES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let all = include_str!("../resources.json");
    serde_json::from_str(all).unwrap()
});

fuzz_target!(|text: &str| {
    for (kind, other) in [(&SCHEMAS.user, &SCHEMAS.group), (&SCHEMAS.group, &SCHEMAS.user)] {
        for others in [&[][..], &[other][..]] {
            let Ok(filter) = Filter::parse_among(text, kind, others, &mut Quirks::new()) else { continue };
            let _plan = filter.plan();
            let printed = filter.to_string();
            if printed.len() > MAX_LENGTH {
                continue;
            }
            let again = Filter::parse_among(&printed, kind, others, &mut Quirks::new()).unwrap();
            // What only the other kind has is printed as a condition that holds for none, which is another tree.
            assert!(again == filter || !others.is_empty(), "{printed}");
            for resource in RESOURCES.iter() {
                assert_eq!(again.matches(resource), filter.matches(resource), "{printed}");
            }
        }
        if let Ok(path) = Path::parse(text, kind, &mut Quirks::new()) {
            let printed = path.to_string();
            // The whole resource has no name.
            if !printed.is_empty() {
                assert_eq!(Path::parse(&printed, kind, &mut Quirks::new()).unwrap(), path, "{printed}");
            }
        }
    }
});
