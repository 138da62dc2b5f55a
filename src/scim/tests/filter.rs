use serde_json::Value;
use serde_json::json;

use super::Dice;
use super::ENTERPRISE;
use super::noted;
use crate::scim::ErrorKind;
use crate::scim::Quirk;
use crate::scim::Quirks;
use crate::scim::Schemas;
use crate::scim::filter::Filter;
use crate::scim::filter::MAX_DEPTH;

fn parse(text: &str) -> Filter {
    Filter::parse(text, &Schemas::standard().user, &mut Quirks::new()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn ada() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "id": "scu_1",
        "externalId": "AbC",
        "userName": "Ada@Example.com",
        "name": {"givenName": "Ada", "familyName": "Zoë"},
        "title": "100% Lead_er",
        "active": true,
        "emails": [
            {"value": "ada@example.com", "type": "work", "primary": true},
            {"value": "ada@home.example", "type": "home"}
        ],
        "phoneNumbers": [],
        "nickName": "",
        "groups": [{"value": "grp_1", "display": "Staff"}],
        ENTERPRISE: {"employeeNumber": "701", "manager": {"value": "Boss1"}},
        "meta": {"resourceType": "User", "created": "2026-01-01T00:00:00.000Z", "lastModified": "2026-11-22T06:00:00.500Z"}
    })
}

#[track_caller]
fn holds(text: &str) {
    assert!(parse(text).matches(&ada()), "{text}");
}

#[track_caller]
fn fails(text: &str) {
    assert!(!parse(text).matches(&ada()), "{text}");
}

#[track_caller]
fn refused(text: &str) -> String {
    match Filter::parse(text, &Schemas::standard().user, &mut Quirks::new()) {
        Ok(filter) => panic!("{text} was read as {filter}"),
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::InvalidFilter, "{text}");
            error.detail
        }
    }
}

#[test]
fn user_names_compare_in_any_case_and_identifiers_exactly() {
    holds(r#"userName eq "ADA@example.COM""#);
    holds(r#"USERNAME EQ "ada@example.com""#);
    holds(r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ada""#);
    holds(r#"externalId eq "AbC""#);
    fails(r#"externalId eq "abc""#);
    fails(r#"id eq "SCU_1""#);
    holds(r#"name.familyName eq "ZOË""#);
    holds(r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:User""#);
}

#[test]
fn every_operator_means_what_the_table_says() {
    for text in [
        r#"userName co "EXAMPLE""#,
        r#"userName ew ".com""#,
        r#"userName ne "bob""#,
        r#"userName gt "ac""#,
        r#"userName ge "ada@example.com""#,
        r#"userName lt "adb""#,
        r#"userName le "ADA@example.com""#,
        "userName pr",
        "name pr",
        "emails pr",
        "emails.type pr",
        "active eq true",
        "active ne false",
        "displayName eq null",
        "userName ne null",
        r#"displayName ne "x""#,
        "not (displayName pr)",
    ] {
        holds(text);
    }
    for text in [
        "displayName pr",
        "nickName pr",
        "phoneNumbers pr",
        "userName eq null",
        "displayName ne null",
        r#"userName gt "ada@example.com""#,
        r#"userName ne "ada@EXAMPLE.com""#,
        r#"emails.value ne "ada@home.example""#,
        r#"displayName gt "a""#,
        "active eq false",
    ] {
        fails(text);
    }
}

#[test]
fn percent_and_underscore_are_plain() {
    holds(r#"title co "%""#);
    holds(r#"title co "d_e""#);
    fails(r#"title co "d%e""#);
    fails(r#"title co "1_0""#);
}

#[test]
fn not_binds_before_and_and_and_before_or() {
    holds(r#"userName eq "x" and active eq true or externalId eq "AbC""#);
    fails(r#"userName eq "x" and (active eq true or externalId eq "AbC")"#);
    fails(r#"not (active eq true) or userName eq "x""#);
    holds(r#"active eq true AND not(userName eq "x")"#);
}

#[test]
fn a_value_path_is_about_one_element() {
    holds(r#"emails[type eq "work" and value co "@example.com"]"#);
    fails(r#"emails[type eq "work" and value co "@home.example"]"#);
    holds(r#"emails.type eq "work" and emails.value co "@home.example""#);
    holds(r#"emails[not (primary eq true)]"#);
    holds(r#"emails[type eq "home" and (value sw "x" or value sw "ada")] and active eq true"#);
}

#[test]
fn extensions_are_named_by_urn_or_short() {
    holds(&format!(r#"{ENTERPRISE}:employeeNumber eq "701""#));
    holds(&format!(r#"{}:manager.value eq "Boss1""#, ENTERPRISE.to_uppercase().replace("URN", "urn")));
    holds(&format!(r#"{ENTERPRISE}:manager eq "Boss1""#));
    fails(&format!(r#"{ENTERPRISE}:manager eq "boss1""#));
    holds(r#"employeeNumber eq "701""#);
}

#[test]
fn times_compare_as_instants() {
    holds(r#"meta.lastModified gt "2026-11-22T06:00:00Z""#);
    holds(r#"meta.lastModified eq "2026-11-22T08:00:00.5+02:00""#);
    fails(r#"meta.lastModified gt "2026-11-22T06:00:00.500Z""#);
    holds(r#"meta.created le "2026-01-01T01:00:00+01:00""#);
    holds(r#"meta.lastModified ge "2026-11-22T06:00:00""#);
    holds("meta.lastModified ge 2026-11-22");
    refused(r#"meta.lastModified gt "yesterday""#);
}

#[test]
fn dialects_of_identity_providers_are_read_and_noted() {
    for (text, quirk) in [
        ("userName eq ada@example.com", Quirk::FilterUnquoted),
        ("name.givenName eq Ada and active eq true", Quirk::FilterUnquoted),
        ("userName eq 'ada@example.com'", Quirk::FilterUnquoted),
        (r#"emails[type eq "work"].value eq "ada@example.com""#, Quirk::FilterAfterValuePath),
        (r#"emails eq "ADA@home.example""#, Quirk::FilterOnComplex),
        (r#"active eq "True""#, Quirk::StringBoolean),
        (r#"emails[primary eq "TRUE"]"#, Quirk::StringBoolean),
        (r#"meta.created eq "2026-01-01T00:00:00""#, Quirk::FilterTimeWithoutZone),
    ] {
        let mut quirks = Quirks::new();
        let filter = Filter::parse(text, &Schemas::standard().user, &mut quirks).unwrap();
        assert!(filter.matches(&ada()), "{text}");
        assert_eq!(noted(quirks), [quirk], "{text}");
    }
    fails(r#"emails[type eq "work"].value eq "ada@home.example""#);
    holds(r#"emails[type eq "work"].value eq "ada@example.com" and active eq true"#);
    holds(r#"emails[type eq "work"].value pr"#);
    let mut quirks = Quirks::new();
    Filter::parse(r#"userName eq "a" and active eq true"#, &Schemas::standard().user, &mut quirks).unwrap();
    assert!(quirks.is_empty(), "{quirks:?}");
}

#[test]
fn texts_have_the_escapes_of_json() {
    let filter = parse(r#"userName eq "a\"b\\c\u0041 \/""#);
    assert!(filter.matches(&json!({"userName": "A\"B\\CA /"})));
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    assert!(refused("userName eq").contains("ends too early"));
    assert!(refused("userName").contains("expected one of eq"));
    assert!(refused("userName is \"x\"").contains("character 10"));
    assert!(refused("(active eq true").contains("`)`"));
    assert!(refused("active eq true)").contains("character 15"));
    assert!(refused("userNam eq \"x\"").contains("did you mean `userName`?"));
    assert!(refused("urn:x:y:z eq \"x\"").contains("urn:x:y:z"));
    for text in [
        "",
        "   ",
        "and",
        "userName eq \"a",
        "userName eq \"a\" and",
        "userName eq \"a\" userName eq \"b\"",
        "active gt true",
        "active eq maybe",
        "active co \"t\"",
        "meta.created sw \"2026-01-01T00:00:00Z\"",
        "name eq \"Ada\"",
        "userName gt null",
        "not active eq true",
        "emails[value eq \"x\"",
        "emails[nope eq \"x\"]",
        "emails[].value eq \"x\"",
        "name.nope eq \"x\"",
        "userName[value eq \"x\"]",
        "emails.value[type eq \"x\"]",
        "password eq \"x\"",
        "urn:ietf:params:scim:schemas:core:2.0:User eq \"x\"",
        "x509Certificates.value gt \"AA\"",
        "é eq \"x\"",
        "userName\u{0} eq \"x\"",
    ] {
        refused(text);
    }
}

#[test]
fn nesting_and_length_have_a_limit_and_long_chains_have_not() {
    let nested = |depth: usize| format!("{}active eq true{}", "(".repeat(depth), ")".repeat(depth));
    parse(&nested(MAX_DEPTH - 1));
    assert!(refused(&nested(MAX_DEPTH)).contains("100 deep"));
    let inside = |depth: usize| format!("{}emails[{}", "(".repeat(depth), "(".repeat(depth));
    assert!(refused(&inside(60)).contains("100 deep"));
    holds(&vec!["(active eq true)"; 300].join(" and "));
    assert!(refused(&"(".repeat(16_000)).contains("100 deep"));
    assert!(refused(&"not (".repeat(3000)).contains("100 deep"));
    assert!(refused(&"emails[".repeat(2000)).contains("sub-attribute"));
    holds(&vec!["active eq true"; 800].join(" and "));
    assert!(refused(&vec!["active eq true"; 1000].join(" or ")).contains("longer"));
}

#[test]
fn in_a_search_of_several_types_what_one_lacks_has_no_value() {
    let schemas = Schemas::standard();
    let read = |text: &str| Filter::parse_among(text, &schemas.group, &[&schemas.user], &mut Quirks::new());
    let group = json!({"displayName": "Staff", "members": [{"value": "scu_1"}]});
    for (text, expected) in [
        (r#"userName eq "ada""#, false),
        (r#"userName ne "ada""#, true),
        ("userName pr", false),
        ("userName eq null", true),
        ("userName ne null", false),
        (r#"emails[type eq "work"]"#, false),
        (r#"not (emails[type eq "work"].value ne "x") and displayName pr"#, true),
        (r#"userName eq "ada" or displayName eq "staff""#, true),
        (r#"not (userName eq "ada") and members eq "scu_1""#, true),
    ] {
        assert_eq!(read(text).unwrap().matches(&group), expected, "{text}");
    }
    for text in ["favouriteColour pr", "emails[nope pr]", "active eq maybe"] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn a_filter_says_what_it_looks_at() {
    assert!(parse(r#"active eq true and (groups eq "g" or title pr)"#).mentions("groups"));
    assert!(parse(r#"not (groups[value eq "g"])"#).mentions("groups"));
    assert!(!parse(r#"active eq true"#).mentions("groups"));
}

fn random(dice: &mut Dice, depth: usize) -> String {
    let terms = [
        r#"userName eq "Ada \"x\" \\ é""#,
        "active eq false",
        r#"active ne "TRUE""#,
        "title pr",
        "emails eq unquoted",
        r#"emails[type eq "Work"].value sw "a""#,
        r#"emails[primary eq true and not (value co "@") or display pr]"#,
        r#"meta.lastModified ge "2026-11-22T06:00:00.123Z""#,
        "displayName ne null",
        "manager eq 5",
        "name.familyName gt \"M\"",
    ];
    if depth == 0 {
        return (*dice.pick(&terms)).to_owned();
    }
    match dice.roll(4) {
        0 => format!("not ({})", random(dice, depth - 1)),
        1 => format!("({} and {})", random(dice, depth - 1), random(dice, depth - 1)),
        2 => format!("({}) OR {}", random(dice, depth - 1), random(dice, 0)),
        _ => random(dice, 0),
    }
}

#[test]
fn what_is_printed_reads_back_as_the_same_tree() {
    let mut dice = Dice(7);
    for _ in 0..2000 {
        let text = random(&mut dice, 4);
        let filter = parse(&text);
        let printed = filter.to_string();
        assert_eq!(parse(&printed), filter, "{text}\n{printed}");
        let mut quirks = Quirks::new();
        Filter::parse(&printed, &Schemas::standard().user, &mut quirks).unwrap();
        assert!(quirks.is_empty(), "{printed}: {quirks:?}");
    }
}

#[test]
fn no_text_makes_the_reader_panic() {
    let mut dice = Dice(11);
    let pieces = [
        "userName",
        " eq ",
        "\"",
        "\\",
        "(",
        ")",
        "[",
        "]",
        ".",
        "not",
        " and ",
        " or ",
        "é",
        "\u{0}",
        "null",
        "true",
        "1e9",
        "emails",
        "value",
        "urn:",
        ":",
        " pr",
        "'",
        "🎉",
        " ",
        "meta.lastModified",
        " gt ",
        "-",
    ];
    for _ in 0..20_000 {
        let text: String = (0..dice.roll(12)).map(|_| *dice.pick(&pieces)).collect();
        if let Ok(filter) = Filter::parse(&text, &Schemas::standard().user, &mut Quirks::new()) {
            let _holds = filter.matches(&ada());
            assert_eq!(parse(&filter.to_string()), filter, "{text}");
        }
    }
}
