//! Filters, case by case.

use super::*;
use crate::model::{Attributes, Value};

/// A filter of one clause, against the person below.
fn verdict(attribute: &str, operator: &str, operand: &str) -> bool {
    scope(&[&[(attribute, operator, operand)]]).explain(&person(), member_of).is_in_scope()
}

/// A member of the group `crew`, where nobody knows which group is `twins` and `later` has not been read.
fn member_of(group: &str) -> Membership {
    match group {
        "crew" => Membership::Member,
        "twins" => Membership::Undecided(Doubt::AmbiguousGroup),
        "later" => Membership::Undecided(Doubt::GroupsUnread),
        _ => Membership::NotMember,
    }
}

fn person() -> Attributes {
    [
        ("unit", Value::text("Rigging")),
        ("number", Value::text("2004417")),
        ("badge", Value::Integer(6)),
        ("empty", Value::text("")),
        ("nothing", Value::List(vec![])),
        ("active", Value::Boolean(true)),
        ("retired", Value::text("FALSE")),
        ("mails", Value::texts(["a@sail.example", "b@sail.example"])),
    ]
    .into_iter()
    .collect()
}

/// Groups of (attribute, operator, operand).
type Clauses<'a> = &'a [&'a [(&'a str, &'a str, &'a str)]];

fn scope(groups: Clauses<'_>) -> Scope {
    let clause = |&(attribute, operator, operand): &(&str, &str, &str)| {
        let operator = Operator::named(operator).unwrap();
        let operand = match operator {
            Operator::IsMemberOf => Operand::Groups(operand.split('|').map(str::to_owned).collect()),
            _ if operator.is_regex() => {
                Operand::Pattern(operand.to_owned(), Box::new(Pattern::compile(operand).unwrap()))
            }
            _ if operator.has_operand() => Operand::Text(operand.to_owned()),
            _ => Operand::None,
        };
        let attribute = if operator == Operator::IsMemberOf { "" } else { attribute };
        Clause::new(attribute.to_owned(), operator, operand)
    };
    let group = |clauses: &&[_]| Group { title: String::new(), clauses: clauses.iter().map(clause).collect() };
    Scope { groups: groups.iter().map(group).collect() }
}

#[test]
fn every_operator_tests_as_documented() {
    let table = [
        ("unit", "EQUALS", "Rigging", true),
        ("unit", "EQUALS", "rigging", false),
        ("unit", "NOT EQUALS", "Deck", true),
        ("unit", "not equals", "Rigging", false),
        ("unit", "Includes", "igg", true),
        ("unit", "Includes", "IGG", false),
        ("unit", "ENDS_WITH", "ing", true),
        ("unit", "ENDS_WITH", "ING", false),
        ("unit", "&", "Rigging,Deck", true),
        ("unit", "&", "Galley,Deck", false),
        ("unit", "!&", "Galley,Deck", true),
        ("unit", "!&", "Rigging,Deck", false),
        ("badge", "&", "2", true),
        ("badge", "&", "9", false),
        ("badge", "!&", "9", true),
        ("badge", "EQUALS", "6", true),
        ("number", "Greater_Than", "2004417", false),
        ("number", "Greater_Than", "2004416", true),
        ("number", "Greater_Than_OR_EQUALS", "2004417", true),
        ("unit", "Greater_Than", "1", false),
        ("number", "REGEX MATCH", "(2[0-9]{6})", true),
        ("number", "REGEX MATCH", "^2[0-9]{3}$", false),
        ("number", "NOT REGEX MATCH", "^3", true),
        ("active", "IS TRUE", "", true),
        ("active", "IS FALSE", "", false),
        ("retired", "IS FALSE", "", true),
        ("unit", "IS NOT NULL", "", true),
        ("unit", "IS NULL", "", false),
        ("mails", "ENDS_WITH", "@sail.example", true),
        ("mails", "Includes", "a@", false),
        ("mails", "IS NOT NULL", "", true),
    ];
    for (attribute, operator, operand, expected) in table {
        assert_eq!(verdict(attribute, operator, operand), expected, "{attribute} {operator} {operand}");
    }
}

#[test]
fn only_is_null_passes_on_a_missing_or_empty_attribute() {
    for attribute in ["missing", "empty", "nothing"] {
        for operator in Operator::ALL {
            assert_eq!(
                verdict(attribute, operator.name(), "1"),
                operator == Operator::IsNull,
                "{attribute} {operator:?}"
            );
        }
    }
}

#[test]
fn clauses_are_joined_by_and_groups_by_or() {
    let (yes, no) = (("unit", "IS NOT NULL", ""), ("unit", "IS NULL", ""));
    let table: [(Clauses<'_>, bool); 6] = [
        (&[], true),
        (&[&[yes, yes]], true),
        (&[&[yes, no]], false),
        (&[&[no], &[yes]], true),
        (&[&[no], &[yes, no]], false),
        (&[&[yes], &[no]], true),
    ];
    for (groups, expected) in table {
        let explained = scope(groups).explain(&person(), member_of);
        assert_eq!(explained.is_in_scope(), expected, "{groups:?}");
        assert_eq!(explained.groups.len(), groups.len());
    }
    let explained = scope(&[&[yes, no]]).explain(&person(), member_of);
    let outcomes: Vec<_> = explained.groups[0].clauses.iter().map(|clause| clause.outcome).collect();
    assert_eq!(outcomes, [Outcome::Pass, Outcome::Fail]);
}

#[test]
fn an_explanation_names_every_test_and_no_value() {
    let mut filter = scope(&[
        &[("unit", "EQUALS", "Deck"), ("mails", "IS NOT NULL", "")],
        &[("number", "REGEX MATCH", "^\"2"), ("unit", "IS NULL", "")],
    ]);
    filter.groups[0].title = "Deck crew".to_owned();
    assert_eq!(
        filter.explain(&person(), member_of).to_string(),
        r#"out of scope: Deck crew ([unit] EQUALS "Deck": no and [mails] IS NOT NULL: yes), or ([number] REGEX MATCH "^\"2": no and [unit] IS NULL: no)"#
    );
    let missing = scope(&[&[("missing", "NOT EQUALS", "x"), ("", "IsMemberOf", "staff|twins")]]);
    assert_eq!(
        missing.explain(&person(), member_of).to_string(),
        r#"out of scope: ([missing] NOT EQUALS "x": no, it has no value and IsMemberOf "staff" or "twins": undecided, several groups have this display name; name the one that is meant by its id)"#
    );
    assert_eq!(scope(&[]).explain(&person(), member_of).to_string(), "in scope: there is no filter");
}

#[test]
fn a_pattern_that_takes_too_long_leaves_the_object_undecided() {
    let slow = ("text", "NOT REGEX MATCH", r"(?=(a+)+$)(a|aa)+\1b");
    let attributes: Attributes = [("text", Value::text("a".repeat(5_000)))].into_iter().collect();
    assert_eq!(scope(&[&[slow]]).explain(&attributes, member_of).verdict, Verdict::Undecided(Doubt::TooManySteps));
    let pass = ("text", "IS NOT NULL", "");
    assert_eq!(scope(&[&[slow], &[pass]]).explain(&attributes, member_of).verdict, Verdict::Pass);
    let fail = ("text", "IS NULL", "");
    assert_eq!(scope(&[&[slow, fail]]).explain(&attributes, member_of).verdict, Verdict::Fail);
}

#[test]
fn a_member_of_any_group_passes_and_doubt_is_never_a_no() {
    use Verdict::{Fail, Pass, Undecided};
    let (ambiguous, unread) = (Undecided(Doubt::AmbiguousGroup), Undecided(Doubt::GroupsUnread));
    let (yes, no) = (("unit", "IS NOT NULL", ""), ("unit", "IS NULL", ""));
    let of = |groups: &'static str| ("", "IsMemberOf", groups);
    let table: [(Clauses<'_>, Verdict); 12] = [
        (&[&[of("crew")]], Pass),
        (&[&[of("Crew")]], Fail),
        (&[&[of("staff|crew")]], Pass),
        (&[&[of("staff|guests")]], Fail),
        (&[&[of("twins")]], ambiguous),
        (&[&[of("later|twins")]], unread),
        (&[&[of("twins|crew")]], Pass),
        (&[&[of("crew"), no]], Fail),
        (&[&[of("later"), no]], Fail),
        (&[&[of("later"), yes]], unread),
        (&[&[of("staff")], &[of("later")]], unread),
        (&[&[of("later")], &[yes]], Pass),
    ];
    for (groups, expected) in table {
        assert_eq!(scope(groups).explain(&person(), member_of).verdict, expected, "{groups:?}");
    }
    let filter = scope(&[&[yes, of("crew|staff")], &[of("crew")]]);
    assert!(filter.asks_for_members() && !scope(&[&[yes]]).asks_for_members());
    assert_eq!(filter.named_groups(), ["crew", "staff"].into());
    assert_eq!(filter.attributes(), ["unit"].into(), "the object itself is no attribute to read");
}
