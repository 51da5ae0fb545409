//! What an error says, and what must hold for every text.

use std::sync::LazyLock;

use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use crate::model::{Attributes, Value};

static SEED: LazyLock<Seed> = LazyLock::new(|| Seed::from([7; 32]));

pub(super) fn context() -> Context<'static> {
    Context {
        now: DateTime::from_timestamp(1_718_031_845, 0).unwrap(),
        default_domain: Some("northwind.example"),
        draw: Draw { seed: &SEED, job: "people", object: ["Users", "ada"], target: "password" },
    }
}

fn attributes(json: &str) -> Attributes {
    let values: std::collections::BTreeMap<String, Value> = serde_json::from_str(json).unwrap();
    values.into_iter().collect()
}

#[test]
fn an_error_says_where_and_what_was_meant() {
    let table = [
        ("append([a], \"x\")", 0, Some("Append")),
        ("Join(\" \", toLower([a]))", 10, Some("ToLower")),
        ("IIF([a] = \"1\", IgnoreAtributeFlow, [a])", 15, Some("IgnoreAttributeFlow")),
        ("Append([a])", 10, None),
        ("Append([a], \"b\", \"c\")", 17, None),
        ("Append([a], , )", 14, None),
        ("Append([a] \"b\")", 11, None),
        ("Append([a], \"b\") x", 17, None),
        ("Append([a, \"b\")", 7, None),
        ("Append([a], \"b)", 12, None),
        ("Append([], \"b\")", 7, None),
        ("[a] = \"b\"", 4, None),
        ("Append([a] = \"b\", \"c\")", 11, None),
        ("IIF([a] = \"b\" = \"c\", [a], [a])", 14, None),
        ("Append([a], IgnoreAttributeFlow)", 12, None),
        ("ToLower([a], vbTextCompare)", 13, None),
        ("ToLower(Redact([a]))", 8, None),
        ("Switch([a], \"x\", \"1\")", 20, None),
        ("Switch([a], \"x\", \"1\", \"2\", \"3\", \"4\", \"5\")", 0, None),
        ("Replace([a], \"x\", , , , , )", 0, None),
        ("Replace([a], , \"(\", , \"x\", , )", 15, None),
        ("DateAdd(\"q\", 1, [a])", 8, None),
        ("DateAdd(\"d\", \"soon\", [a])", 13, None),
        ("DateAdd(\"d\", 1.5, [a])", 13, None),
        ("DateAdd(\"d\", 1, \"2024-02-30\")", 16, None),
        ("CDate(\"someday\")", 6, None),
        ("Item([a], 0)", 10, None),
        ("InStr([a], \"b\", \"0\")", 16, None),
        ("InStr([a], \"b\", 1, \"vbText\")", 19, None),
        ("IIF(\"maybe\", [a], [b])", 4, None),
        ("RandomString(300, 1, 1, 1, 1)", 13, None),
        ("RandomString(8, 2, 2, 2, -1)", 25, None),
        ("RandomString(8, 2, 2, 2, 3)", 0, None),
        ("ToLower([a], \"?\")", 13, None),
        ("FormatDateTime([a], , \"q\", \"yyyy\")", 22, None),
        ("FormatDateTime([a], \"Now\", \"yyyy\", \"yyyy\")", 20, None),
        ("FormatDateTime([a], \"yyyy\", \"%\")", 28, None),
        ("SelectUniqueValue([a])", 0, None),
        ("Replace([a], , \"(?<n>a)\", \"m\", \"x\", , )", 26, None),
        ("Mid([a], 1x, 2)", 9, None),
        ("&HXY", 0, None),
        ("", 0, None),
        ("é", 0, None),
    ];
    for (text, offset, suggestion) in table {
        let error = Expression::parse(text).unwrap_err();
        assert_eq!((error.offset, error.suggestion.as_deref()), (offset, suggestion), "{text}: {error}");
    }
    let error = Expression::parse("append([a], \"x\")").unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected the name of a function at position 0, found `append`; did you mean `Append`?"
    );
}

#[test]
fn a_constant_that_can_work_is_taken() {
    for text in [
        "DateAdd(\"d\", \"-30\", \" 2024-02-29 \")",
        "Item([a], \"1\")",
        "InStr([a], \"b\", 1, \"vbTextCompare\")",
        "CBool(\"TRUE\")",
        "IIF(0, [a], [b])",
        "Mid([a], 0, -1)",
        "Word([a], 0, \" \")",
        "BitAnd([a], &H8000000000000000)",
        "RandomString(8, 2, 2, 2, 2)",
        "RandomString([a], 200, 200, 2, 2)",
    ] {
        assert!(Expression::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |depth: usize| format!("{}[a]{}", "ToLower(".repeat(depth), ")".repeat(depth));
    assert!(Expression::parse(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(Expression::parse(&nested(MAX_DEPTH + 1)).unwrap_err().offset, MAX_DEPTH * 8);
    assert!(Expression::parse(&nested(1_000)).is_err());
    let long = format!("\"{}\"", "é".repeat(MAX_CHARACTERS - 2));
    assert!(Expression::parse(&long).is_ok());
    assert_eq!(Expression::parse(&format!("{long} ")).unwrap_err().offset, long.len());
}

#[test]
fn a_result_that_grows_without_bound_is_an_error() {
    let doubling = [r#"Replace(…, "a", , , "aa", , )"#, r#"Replace(…, , "a", , "$&$&", , )"#, r#"Join("", …, …)"#];
    for (index, step) in doubling.into_iter().enumerate() {
        let mut text = "[long]".to_owned();
        for _ in 0..[30, 30, 6][index] {
            text = step.replace('…', &text);
        }
        let inputs: Attributes = [("long", Value::text("a".repeat(30_000)))].into_iter().collect();
        let error = Expression::parse(&text).unwrap().evaluate(&inputs, context()).unwrap_err();
        assert!(
            matches!(error.reason, Reason::TooLong | Reason::TooManySteps | Reason::Pattern(PatternError::TextTooLong)),
            "{step}: {error}"
        );
    }
}

#[test]
fn an_error_names_function_and_position_and_never_a_value() {
    let expression = Expression::parse("Append(\"x\", Item([mails], [index]))").unwrap();
    let inputs = attributes(r#"{"mails": ["secret@a.example"], "index": "topsecret"}"#);
    let error = expression.evaluate(&inputs, context()).unwrap_err();
    assert_eq!((error.function, error.position), ("Item", 12));
    assert_eq!(error.to_string(), "`Item` at position 12 failed: `index` is not a whole number");
}

#[test]
fn an_expression_knows_what_it_reads_and_whether_it_is_masked() {
    let expression = Expression::parse("IIF([a] = [b], Join(\"\", [c], [a]), \"[d]\")").unwrap();
    assert_eq!(expression.source_attributes().into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(Expression::attribute("mail").to_string(), "[mail]");
    assert_eq!(Expression::constant("a\"b\\").to_string(), r#""a\"b\\""#);
    assert!(Expression::parse("IgnoreFlowIfNullOrEmpty(Redact([a]))").unwrap().is_redacted());
    assert!(!Expression::parse("IgnoreFlowIfNullOrEmpty([a])").unwrap().is_redacted());
}

#[test]
fn a_trace_has_every_part_that_was_needed() {
    let expression = Expression::parse("IIF(And([a] = \"1\", IsNull([b])), ToUpper([c]), Item([d], 9))").unwrap();
    let inputs = attributes(r#"{"a": "1", "c": "x"}"#);
    let (flow, steps) = expression.evaluate_traced(&inputs, context());
    assert_eq!(flow, Ok(Flow::Value(std::borrow::Cow::Owned(Value::text("X")))));
    let shown: Vec<String> = steps
        .iter()
        .map(|step| {
            let value = match &step.outcome {
                StepOutcome::Value(value) => written(value).unwrap().into_owned(),
                other => format!("{other:?}"),
            };
            format!("{}{} {} = {value}", " ".repeat(step.depth), step.position, step.expression)
        })
        .collect();
    let expected = [
        "   8 [a] = 1",
        "   14 \"1\" = 1",
        "  8 [a] = \"1\" = True",
        "   26 [b] = Null",
        "  19 IsNull([b]) = True",
        " 4 And([a] = \"1\", IsNull([b])) = True",
        "  41 [c] = x",
        " 33 ToUpper([c]) = X",
        "0 IIF(And([a] = \"1\", IsNull([b])), ToUpper([c]), Item([d], 9)) = X",
    ];
    assert_eq!(shown, expected);
    let failing = Expression::parse("Append(Item([a], 9), \"x\")").unwrap();
    let (failed, steps) = failing.evaluate_traced(&inputs, context());
    let (failed, last) = (failed.unwrap_err(), steps.last().unwrap().outcome.clone());
    assert_eq!(last, StepOutcome::Failed(failed));
}

#[test]
fn too_many_steps_end_an_evaluation() {
    let search = r#"Replace([long], , "(?=a)a", , "a", , )"#;
    let text = format!("Join(\"\", {})", [search; 20].join(", "));
    let inputs: Attributes = [("long", Value::text("a".repeat(500)))].into_iter().collect();
    let error = Expression::parse(&text).unwrap().evaluate(&inputs, context()).unwrap_err();
    assert_eq!(error.reason, Reason::Pattern(PatternError::TooManySteps));
}

#[test]
fn the_canonical_text_is_tidy() {
    let text = "  Replace ( [a] ,\"x\",,,\n\"\\d\" , , )";
    assert_eq!(Expression::parse(text).unwrap().to_string(), r#"Replace([a], "x", , , "\\d", , )"#);
    assert_eq!(Expression::parse("CBool([a]<>&HfF)").unwrap().to_string(), "CBool([a] <> &HfF)");
}

#[test]
fn nobody_draws_what_another_drew() {
    let draw = |text: &str, draw: Draw<'_>| {
        let (expression, nobody) = (Expression::parse(text).unwrap(), Attributes::default());
        let flow = expression.evaluate(&nobody, Context { draw, ..context() }).unwrap();
        let Flow::Value(value) = flow else { panic!("{flow:?}") };
        written(&value).unwrap().into_owned()
    };
    let ada = context().draw;
    let other_seed = Seed::from([8; 32]);
    for text in ["RandomString(20, 1, 1, 1, 1)", "Guid()"] {
        assert_eq!(draw(text, ada), draw(text, ada), "a retry draws the same");
        let others = [
            Draw { seed: &other_seed, ..ada },
            Draw { job: "contractors", ..ada },
            Draw { object: ["Users", "grace"], ..ada },
            Draw { object: ["Guests", "ada"], ..ada },
            Draw { object: ["User", "sada"], ..ada },
            Draw { target: "nickName", ..ada },
        ];
        for other in others {
            assert_ne!(draw(text, ada), draw(text, other), "{other:?}");
        }
    }
    assert!(!format!("{ada:?}").contains('7'), "the seed is a secret");
    let pair = draw("Join(\" \", Guid(), Guid())", ada);
    let (first, second) = pair.split_once(' ').unwrap();
    assert_ne!(first, second);
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,12}", Just("\"\\".to_owned()), Just("a-b c".to_owned()), "[0-9-]{0,4}"]
}

/// An expression text that parses, of any function.
fn any_expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-f]{1,2}".prop_map(|name| Expression::attribute(name).to_string()),
        any_text().prop_map(|text| Expression::constant(text).to_string()),
        "-?[0-9]{1,3}",
        any::<i64>().prop_map(|number| number.to_string()),
        Just("&H1f".to_owned()),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        let call = (0..FUNCTIONS.len(), proptest::collection::vec(proptest::option::of(inner.clone()), 0..8));
        let compared = (inner.clone(), inner.clone(), prop_oneof![Just("="), Just("<>"), Just(">="), Just("<")], inner);
        prop_oneof![
            4 => call.prop_map(|(index, arguments)| {
                let arguments: Vec<String> = arguments.into_iter().map(Option::unwrap_or_default).collect();
                format!("{}({})", FUNCTIONS[index].name, arguments.join(","))
            }),
            1 => compared.prop_map(|(left, right, operator, value)| format!("IIF({left}{operator}{right},{value},\"\")")),
        ]
    })
}

fn any_attributes() -> impl Strategy<Value = Attributes> {
    let value = prop_oneof![
        any_text().prop_map(Value::Text),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Integer),
        (0i64..4_000_000_000).prop_map(|seconds| Value::DateTime(DateTime::from_timestamp(seconds, 0).unwrap())),
        proptest::collection::vec(any_text().prop_map(Value::Text), 0..4).prop_map(Value::List),
        Just(Value::Record(Default::default())),
    ];
    proptest::collection::btree_map("[a-f]{1,2}", value, 0..8).prop_map(|values| values.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_makes_the_parser_panic(text in r#"(\PC|[\[\]()",=<>\\ ]|Join|Switch|IIF|Replace|&H){0,60}"#) {
        let _ = Expression::parse(&text);
    }

    #[test]
    fn printing_and_parsing_give_the_same_expression(text in any_expression()) {
        if let Ok(expression) = Expression::parse(&text) {
            let printed = expression.to_string();
            let again = Expression::parse(&printed).unwrap();
            prop_assert_eq!(again.to_string(), printed);
            prop_assert_eq!(again, expression);
        }
    }

    #[test]
    fn evaluation_ends_and_is_the_same_each_time(text in any_expression(), attributes in any_attributes()) {
        if let Ok(expression) = Expression::parse(&text) {
            let first = expression.evaluate(&attributes, context());
            prop_assert_eq!(&first, &expression.evaluate(&attributes, context()));
            let (traced, steps) = expression.evaluate_traced(&attributes, context());
            prop_assert_eq!(&first, &traced);
            prop_assert_eq!(steps.last().map(|step| step.depth), Some(0), "the whole expression ends last");
            prop_assert!(expression.steps(&attributes, context()) <= MAX_STEPS);
        }
    }

    #[test]
    fn an_attribute_keeps_whatever_stands_between_its_brackets(
        name in r#"[^\[\]]{1,8}(\[[^"\[\]\\]{0,4}("([^"\\]|\\.){0,6}")?[^"\[\]\\]{0,4}\])?[^\[\]]{0,8}"#,
    ) {
        let expression = Expression::parse(&format!("Append([{name}], [{name}])")).unwrap();
        prop_assert_eq!(expression.source_attributes().into_iter().collect::<Vec<_>>(), [name.as_str()]);
        prop_assert_eq!(Expression::parse(&expression.to_string()).unwrap(), expression);
    }
}
