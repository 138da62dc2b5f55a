use crate::model::time::Timestamp;
use crate::scim::Quirks;
use crate::scim::Schemas;
use crate::scim::filter::Filter;
use crate::scim::plan::Bound;
use crate::scim::plan::Condition;
use crate::scim::plan::Plan;

fn user(text: &str) -> Plan {
    Filter::parse(text, &Schemas::standard().user, &mut Quirks::new()).unwrap().plan()
}

fn group(text: &str) -> Plan {
    Filter::parse(text, &Schemas::standard().group, &mut Quirks::new()).unwrap().plan()
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn what_identity_providers_ask_is_answered_by_indexes_alone() {
    let at = Timestamp::parse("2026-11-22T06:00:00Z").unwrap();
    for (plan, conditions) in [
        (user(r#"userName eq "Ada@Example.com""#), vec![Condition::UserName(text("ada@example.com"))]),
        (user(r#"userName sw "AD""#), vec![Condition::UserNameStartsWith(text("ad"))]),
        (user(r#"externalId eq "AbC""#), vec![Condition::ExternalId(text("AbC"))]),
        (user(r#"id eq "x""#), vec![Condition::Id(text("x"))]),
        (user(r#"emails.value eq "A@x""#), vec![Condition::Email(text("a@x"))]),
        (user("emails eq A@x"), vec![Condition::Email(text("a@x"))]),
        (user(r#"emails[value eq "A@x"]"#), vec![Condition::Email(text("a@x"))]),
        (user(r#"groups.value eq "grp_1""#), vec![Condition::Group(text("grp_1"))]),
        (
            user(r#"meta.lastModified gt "2026-11-22T06:00:00Z" and meta.created le "2026-11-22T07:00:00+01:00""#),
            vec![Condition::LastModified(Bound::Greater, at), Condition::Created(Bound::LessOrEqual, at)],
        ),
        (group(r#"displayName eq "STAFF""#), vec![Condition::DisplayName(text("staff"))]),
        (group(r#"id eq "G" and members eq "U""#), vec![Condition::Id(text("G")), Condition::Member(text("U"))]),
        (group(r#"members[value eq "U"]"#), vec![Condition::Member(text("U"))]),
    ] {
        assert_eq!(plan, Plan { conditions, is_exact: true, is_empty: false });
    }
}

#[test]
fn what_the_indexes_cannot_say_is_asked_of_each_candidate() {
    for (plan, conditions) in [
        (user(r#"emails[type eq "work"].value eq "A@x""#), vec![Condition::Email(text("a@x"))]),
        (user(r#"emails[type eq "work" and value eq "A@x"]"#), vec![Condition::Email(text("a@x"))]),
        // One element would have to be both.
        (
            user(r#"emails[value eq "a" and value eq "b"]"#),
            vec![Condition::Email(text("a")), Condition::Email(text("b"))],
        ),
        (user(r#"userName eq "a" and active eq true"#), vec![Condition::UserName(text("a"))]),
        (user(r#"userName eq "a" or userName eq "b""#), vec![]),
        (user(r#"not (userName eq "a")"#), vec![]),
        (user(r#"userName co "a""#), vec![]),
        (user(r#"userName ne "a""#), vec![]),
        (user("externalId eq null"), vec![]),
        (user("userName pr"), vec![]),
        (user(r#"employeeNumber eq "7""#), vec![]),
        (user(r#"emails[value eq "a" or type eq "x"]"#), vec![]),
    ] {
        assert_eq!(plan, Plan { conditions, is_exact: false, is_empty: false });
    }
}

#[test]
fn a_condition_on_another_type_alone_finds_nothing() {
    let schemas = Schemas::standard();
    let filter =
        Filter::parse_among(r#"userName eq "a""#, &schemas.group, &[&schemas.user], &mut Quirks::new()).unwrap();
    assert!(filter.plan().is_empty);
}
