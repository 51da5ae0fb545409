//! The golden cases of the language: `fixtures/expressions` and the examples of the table of functions.
//!
//! One case a line: expression :: attributes of the object :: what flows. The attributes are JSON; `@now`, `@taken` and
//! `@domain` among them stand for the clock, the values that the target has, and the default domain. What flows is JSON
//! in the form a text attribute gets, `null`, IGNORE, IGNORE OBJECT or ERROR (it does not parse, or the evaluation
//! fails); after `~` it is a pattern that the text matches.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

use super::tests::context;
use super::*;
use crate::model::{Attributes, Value};

const FILES: &[(&str, &str)] = &[
    ("grammar", include_str!("../../fixtures/expressions/grammar.txt")),
    ("text", include_str!("../../fixtures/expressions/text.txt")),
    ("letters", include_str!("../../fixtures/expressions/letters.txt")),
    ("values", include_str!("../../fixtures/expressions/values.txt")),
    ("choice", include_str!("../../fixtures/expressions/choice.txt")),
    ("lists", include_str!("../../fixtures/expressions/lists.txt")),
    ("replace", include_str!("../../fixtures/expressions/replace.txt")),
    ("dates", include_str!("../../fixtures/expressions/dates.txt")),
    ("drawn", include_str!("../../fixtures/expressions/drawn.txt")),
    ("examples", include_str!("../../fixtures/expressions/examples.txt")),
];

/// Kinds of input that cannot be given to a function.
const EXCEPTIONS: &[(&str, &[&str])] = &[
    // They have no input.
    ("DefaultDomain", &["null", "empty", "list", "wrong type"]),
    ("Guid", &["null", "empty", "list", "unicode", "wrong type"]),
    ("Now", &["null", "empty", "list", "unicode", "wrong type"]),
];

struct Case {
    place: String,
    expression: String,
    object: serde_json::Map<String, Json>,
    expected: String,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (file, text) in FILES {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with("# ")) {
            let place = format!("{file}.txt:{}", number + 1);
            let [expression, object, expected] = line.split(" :: ").collect::<Vec<_>>()[..] else {
                panic!("{place}: expected three parts, found `{line}`");
            };
            let object = serde_json::from_str(object).unwrap_or_else(|error| panic!("{place}: {error}"));
            cases.push(Case { place, expression: expression.to_owned(), object, expected: expected.to_owned() });
        }
    }
    for function in FUNCTIONS.iter() {
        for example in function.examples {
            cases.push(Case {
                place: format!("example of {}", function.name),
                expression: example.call.to_owned(),
                object: serde_json::from_str(example.object).unwrap(),
                expected: example.result.to_owned(),
            });
        }
    }
    cases
}

/// What a case comes to, in the form it is written in.
fn outcome(case: &Case) -> String {
    let mut object = case.object.clone();
    let now: Option<DateTime<Utc>> = object.remove("@now").map(|now| now.as_str().unwrap().parse().unwrap());
    let taken: Vec<String> =
        object.remove("@taken").map(|taken| serde_json::from_value(taken).unwrap()).unwrap_or_default();
    let domain = object.remove("@domain");
    let attributes: Attributes = object.into_iter().map(|(name, json)| (name, value(json))).collect();
    let Ok(expression) = Expression::parse(&case.expression) else { return "ERROR".to_owned() };
    let context = Context {
        now: now.unwrap_or(context().now),
        default_domain: domain.as_ref().map_or(context().default_domain, Json::as_str),
        ..context()
    };
    match expression.evaluate(&attributes, context) {
        Ok(Flow::Value(value)) => shown(&value).to_string(),
        Ok(Flow::Null) => "null".to_owned(),
        Ok(Flow::IgnoreAttribute) => "IGNORE".to_owned(),
        Ok(Flow::IgnoreObject) => "IGNORE OBJECT".to_owned(),
        Ok(Flow::Candidates(candidates)) => {
            let is_free = |value: &&Value| {
                !taken.iter().any(|taken| value.as_text().unwrap().to_lowercase() == taken.to_lowercase())
            };
            candidates.iter().find(is_free).map_or("ERROR".to_owned(), |value| shown(value).to_string())
        }
        Err(_) => "ERROR".to_owned(),
    }
}

/// An object without a tag is a record.
fn value(json: Json) -> Value {
    match json {
        Json::Object(parts) if !parts.keys().any(|key| key.starts_with('$')) => {
            Value::Record(parts.into_iter().map(|(name, part)| (name, value(part))).collect())
        }
        Json::Array(values) => Value::List(values.into_iter().map(value).collect()),
        json => serde_json::from_value(json).unwrap(),
    }
}

fn shown(value: &Value) -> Json {
    match value {
        Value::List(values) => values.iter().map(shown).collect(),
        Value::Record(parts) => {
            Json::Object(parts.iter().map(|(name, part)| (name.clone(), part_shown(part))).collect())
        }
        value => json!(written(value).unwrap()),
    }
}

fn part_shown(part: &Value) -> Json {
    match part {
        Value::Boolean(flag) => json!(flag),
        part => shown(part),
    }
}

#[test]
fn every_golden_case_evaluates_as_written() {
    let cases = cases();
    let mut failures = Vec::new();
    for case in &cases {
        let found = outcome(case);
        let matches = match case.expected.strip_prefix('~') {
            Some(pattern) => {
                let text: String = serde_json::from_str(&found).unwrap_or_default();
                Pattern::compile(pattern).unwrap().is_match(&text).unwrap()
            }
            None => found == case.expected,
        };
        if !matches {
            failures.push(format!("{}: {} gives {found}, not {}", case.place, case.expression, case.expected));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(cases.len() >= 450, "only {} cases were read", cases.len());
}

/// What kinds of input a case gives.
fn kinds(case: &Case) -> BTreeSet<&'static str> {
    let mut kinds = BTreeSet::new();
    let names = Expression::parse(&case.expression)
        .map(|expression| expression.source_attributes().into_iter().map(str::to_owned).collect::<Vec<_>>())
        .unwrap_or_default();
    if names.iter().any(|name| !case.object.contains_key(name)) {
        kinds.insert("null");
    }
    for input in case.object.values() {
        match input {
            Json::String(text) if text.is_empty() => kinds.insert("empty"),
            Json::Array(_) => kinds.insert("list"),
            Json::Bool(_) | Json::Number(_) | Json::Object(_) => kinds.insert("wrong type"),
            _ => false,
        };
    }
    if !case.expression.is_ascii() || !json!(case.object).to_string().is_ascii() {
        kinds.insert("unicode");
    }
    kinds
}

#[test]
fn every_function_is_given_null_empty_several_unicode_and_another_type() {
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = FUNCTIONS
        .iter()
        .map(|function| (function.name, ["null", "empty", "list", "unicode", "wrong type"].into_iter().collect()))
        .collect();
    for case in cases() {
        for (name, missing) in &mut missing {
            if case.expression.contains(&format!("{name}(")) {
                missing.retain(|kind| !kinds(&case).contains(kind));
            }
        }
    }
    for (name, kinds) in EXCEPTIONS {
        missing.entry(*name).and_modify(|missing| missing.retain(|kind| !kinds.contains(kind)));
    }
    missing.retain(|_, kinds| !kinds.is_empty());
    assert!(missing.is_empty(), "no case in fixtures/expressions for {missing:#?}");
}

#[test]
fn every_example_is_canonical_and_every_function_has_one() {
    for function in FUNCTIONS.iter() {
        assert!(!function.doc.is_empty() && !function.examples.is_empty(), "{}", function.name);
        for example in function.examples {
            let parsed = Expression::parse(example.call).unwrap_or_else(|error| panic!("{}: {error}", example.call));
            assert_eq!(parsed.to_string(), example.call);
            assert!(example.call.contains(function.name));
        }
    }
    let names: BTreeSet<_> = FUNCTIONS.iter().map(|function| function.name).collect();
    assert_eq!(names.len(), FUNCTIONS.len(), "a name stands twice");
}
