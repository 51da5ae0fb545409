use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn filters_are_read_and_printed_in_their_canonical_form() {
    for (text, canonical) in [
        (r#"userName eq "bjensen""#, r#"userName eq "bjensen""#),
        (r#"  userName   Eq	"bjensen" "#, r#"userName eq "bjensen""#),
        (r#"title pr and userType eq "Employee""#, r#"title pr and userType eq "Employee""#),
        (r#"a eq 1 or b eq 2 and c eq 3"#, r#"a eq 1 or b eq 2 and c eq 3"#),
        (r#"(a eq 1 or b eq 2) and c eq 3"#, r#"(a eq 1 or b eq 2) and c eq 3"#),
        (r#"(a eq 1 and b eq 2) or c eq 3"#, r#"a eq 1 and b eq 2 or c eq 3"#),
        (r#"((a eq 1))"#, "a eq 1"),
        (r#"NOT(a pr)"#, "not (a pr)"),
        (r#"not eq 1"#, "not eq 1"),
        (
            r#"emails[type eq "work" and value co "@example.com"] or ims pr"#,
            r#"emails[type eq "work" and value co "@example.com"] or ims pr"#,
        ),
        (r#"emails[type eq "work"].value sw "a""#, r#"emails[type eq "work"].value sw "a""#),
        (r#"meta.lastModified gt "2011-05-13T04:42:34Z""#, r#"meta.lastModified gt "2011-05-13T04:42:34Z""#),
        (
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
        ),
        (r#"a eq "\"\\\u0041\n""#, r#"a eq "\"\\A\n""#),
        ("active eq True", "active eq true"),
        ("a eq NULL", "a eq null"),
        ("a eq -1.5e3", "a eq -1500.0"),
        ("a eq bare-word", r#"a eq "bare-word""#),
    ] {
        assert_eq!(parse(text).to_string(), canonical, "{text}");
    }
}

#[test]
fn and_binds_closer_than_or() {
    let Filter::Or(terms) = parse("a pr or b pr and c pr") else { panic!("`or` is outermost") };
    assert!(matches!(terms.as_slice(), [Filter::Present(_), Filter::And(inner)] if inner.len() == 2));
}

#[test]
fn broken_filters_say_where() {
    for (text, offset) in [
        ("", 0),
        ("userName", 8),
        ("userName eq", 11),
        ("userName xx 1", 9),
        ("userName eq \"a", 14),
        ("userName eq \"\\ud800\"", 12),
        ("a eq 1 b eq 2", 7),
        ("(a eq 1", 7),
        ("a eq 1)", 6),
        ("emails[type eq 1", 16),
        ("emails[type eq 1].value", 23),
        ("a eq 1 and", 10),
        ("é eq 1", 0),
    ] {
        assert_eq!(Filter::parse(text).unwrap_err().offset, offset, "{text}");
    }
}

#[test]
fn hostile_filters_are_cut_off() {
    let deep = |levels: usize| format!("{}a pr{}", "(".repeat(levels), ")".repeat(levels));
    assert!(Filter::parse(&deep(MAX_DEPTH)).is_ok());
    assert_eq!(Filter::parse(&deep(MAX_DEPTH + 1)).unwrap_err().expected, "at most 64 levels of parentheses");
    let wide = |terms: usize| vec!["a pr"; terms].join(" or ");
    assert!(Filter::parse(&wide(MAX_TERMS)).is_ok());
    assert_eq!(Filter::parse(&wide(MAX_TERMS + 1)).unwrap_err().expected, "at most 200 terms");
    assert_eq!(Filter::parse(&"(".repeat(100_000)).unwrap_err().expected, "at most 8192 bytes");
}

/// The filters of RFC 7644 that both parsers must agree on.
#[test]
fn a_second_parser_agrees() {
    for text in [
        r#"userName eq "bjensen""#,
        r#"name.familyName co "O'Malley""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
        "title pr",
        r#"title pr and userType eq "Employee""#,
        r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
        r#"userType ne "Employee" and not (emails co "example.com")"#,
        r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#,
    ] {
        let ours = parse(text).to_string();
        let theirs: scim_v2::filter::Filter = text.parse().unwrap_or_else(|_| panic!("{text}"));
        assert_eq!(theirs, ours.parse().unwrap_or_else(|_| panic!("{ours}")), "{text}");
    }
}

/// The PATCH paths of RFC 7644, and of the enterprise extension, that both parsers must agree on.
#[test]
fn a_second_parser_agrees_on_paths() {
    for text in [
        "members",
        "name.familyName",
        r#"addresses[type eq "work"]"#,
        r#"members[value eq "2819c223-7f76-453a-919d-413861904646"]"#,
        r#"members[value eq "2819c223-7f76-453a-919d-413861904646"].displayName"#,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
    ] {
        let ours = AttributePath::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).to_string();
        let theirs: scim_v2::filter::PatchPath = text.parse().unwrap_or_else(|_| panic!("{text}"));
        assert_eq!(theirs, ours.parse().unwrap_or_else(|_| panic!("{ours}")), "{text}");
    }
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z][a-zA-Z0-9_-]{0,6}|\\$ref"
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Boolean),
        any::<i64>().prop_map(Literal::from),
        any::<f64>().prop_filter_map("finite", Number::from_f64).prop_map(Literal::Number),
        any::<String>().prop_map(Literal::Text),
    ]
}

fn plain_path() -> impl Strategy<Value = AttributePath> {
    (proptest::option::of("urn:[a-z]{1,5}:2\\.0:[A-Z][a-z]{0,5}"), name(), proptest::option::of(name()))
        .prop_map(|(schema, attribute, sub_attribute)| AttributePath { schema, attribute, filter: None, sub_attribute })
}

fn operator() -> impl Strategy<Value = Operator> {
    proptest::sample::select(vec![Operator::Equal, Operator::NotEqual, Operator::Contains, Operator::LessOrEqual])
}

fn tree(leaf: impl Strategy<Value = Filter> + 'static) -> impl Strategy<Value = Filter> {
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

fn comparison() -> impl Strategy<Value = Filter> {
    prop_oneof![
        (plain_path(), operator(), literal()).prop_map(|(path, operator, value)| Filter::Comparison {
            path,
            operator,
            value
        }),
        plain_path().prop_map(Filter::Present),
    ]
}

fn any_filter() -> impl Strategy<Value = Filter> {
    tree(prop_oneof![
        3 => comparison(),
        1 => (name(), tree(comparison()))
            .prop_map(|(path, filter)| Filter::ValuePath { path: AttributePath::new(path), filter: Box::new(filter) }),
    ])
}

proptest! {
    #[test]
    fn a_printed_filter_reads_back(filter in any_filter()) {
        let text = filter.to_string();
        // A generated filter may exceed the limits; then it is refused, and never misread.
        match Filter::parse(&text) {
            Ok(read) => prop_assert_eq!(read, filter),
            Err(error) => prop_assert!(error.expected.starts_with("at most"), "{}: {}", text, error),
        }
    }

    #[test]
    fn a_printed_path_reads_back(
        path in plain_path(), filter in proptest::option::of(tree(comparison())),
    ) {
        let path = AttributePath { filter: filter.map(Box::new), ..path };
        match AttributePath::parse(&path.to_string()) {
            Ok(read) => prop_assert_eq!(read, path),
            Err(error) => prop_assert!(error.expected.starts_with("at most"), "{}: {}", path, error),
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = Filter::parse(&text);
        let _ = AttributePath::parse(&text);
    }

    #[test]
    fn no_almost_filter_makes_the_parser_panic(text in r#"(a|not|eq|pr|and|or|[(\[\]) ."\\:1é$]){0,30}"#) {
        if let Ok(filter) = Filter::parse(&text) {
            prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
        }
    }
}
