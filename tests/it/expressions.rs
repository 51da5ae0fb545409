//! `provisor expr`, and the fuzz target of the mapping language on seeded inputs.

use serde_json::{Value, json};

use crate::scim_vocabulary::fuzz_bodies::mapping_expression;
use crate::support::provisor::Workplace;
use crate::support::seeded;

const PERSON: &str = r#"{
    "givenName": "Ada", "surname": "King", "middleName": null, "otherMails": ["a@n.example", null, "b@n.example"],
    "level": 7, "share": 0.5, "alias": "ada",
    "hired": {"$dateTime": "2024-02-29T00:00:00Z"},
    "appRoleAssignments": [{"id": "1", "value": "rw", "displayName": "Editor"}]
}"#;

fn workplace() -> Workplace {
    let workplace = Workplace::new();
    workplace.write("person.json", PERSON);
    workplace
}

#[test]
fn a_value_is_printed_as_json() {
    let workplace = workplace();
    let table = [
        ("Join(\" \", [givenName], [surname])", json!({"value": "Ada King"})),
        ("[middleName]", json!({"value": null})),
        ("[otherMails]", json!({"value": ["a@n.example", "b@n.example"]})),
        ("[level]", json!({"value": "7"})),
        ("[share]", json!({"value": "0.5"})),
        ("[hired]", json!({"value": "2/29/2024 12:00:00 AM"})),
        ("SingleAppRoleAssignment([appRoleAssignments])", json!({"value": "Editor"})),
        (
            "AppRoleAssignmentsComplex([appRoleAssignments])",
            json!({"value": [{"primary": false, "type": "WindowsAzureActiveDirectoryRole", "display": "Editor", "value": "rw"}]}),
        ),
        ("IgnoreFlowIfNullOrEmpty([middleName])", json!({"ignored": "attribute"})),
        ("IIF([surname] = \"King\", IgnoreObjectFlow, [surname])", json!({"ignored": "object"})),
        ("SelectUniqueValue([alias], Append([alias], \"2\"))", json!({"value": "ada2"})),
        ("Join(\"@\", [alias], DefaultDomain())", json!({"value": "ada@n.example"})),
        ("Now()", json!({"value": "3/1/2024 12:00:00 AM"})),
    ];
    for (expression, expected) in table {
        let ended = workplace.run(&[
            "expr",
            expression,
            "--object",
            "person.json",
            "--taken",
            "ADA",
            "--default-domain",
            "n.example",
            "--now",
            "2024-03-01T00:00:00Z",
            "--output",
            "json",
        ]);
        ended.assert_code(0);
        assert_eq!(serde_json::from_str::<Value>(&ended.stdout).unwrap(), expected, "{expression}");
    }
}

#[test]
fn a_trace_shows_every_part() {
    let workplace = workplace();
    let expression = "IIF(IsPresent([middleName]), [middleName], ToUpper([surname]))";
    let shown = workplace.run(&["expr", expression, "--object", "person.json", "--trace"]);
    shown.assert_code(0);
    insta::assert_snapshot!("expr_trace", shown.stdout);
    let json = workplace.run(&["expr", "Left([surname], 1)", "--object", "person.json", "--trace", "--output", "json"]);
    let expected = json!({
        "value": "K",
        "trace": [
            {"position": 16, "depth": 1, "expression": "1", "value": "1"},
            {"position": 5, "depth": 1, "expression": "[surname]", "value": "King"},
            {"position": 0, "depth": 0, "expression": "Left([surname], 1)", "value": "K"},
        ],
    });
    assert_eq!(serde_json::from_str::<Value>(&json.stdout).unwrap(), expected);
}

#[test]
fn an_error_says_where_and_never_what_the_object_holds() {
    let workplace = workplace();
    let failed = workplace.run(&["expr", "Append(\"x\", Item([otherMails], 5))", "--object", "person.json"]);
    failed.assert_code(1);
    assert!(failed.stdout.is_empty());
    insta::assert_snapshot!("expr_failed", failed.stderr);
    let json = workplace.run(&["expr", "CDate([surname])", "--object", "person.json", "--output", "json"]);
    json.assert_code(1);
    let message = "`expression` is not a date in the expected format";
    let expected = json!({"error": {"function": "CDate", "position": 0, "message": message}});
    assert_eq!(serde_json::from_str::<Value>(&json.stdout).unwrap(), expected);
    let misspelt = workplace.run(&["expr", "Join(\" \", toupper([surname]))"]);
    misspelt.assert_code(2);
    insta::assert_snapshot!("expr_misspelt", misspelt.stderr);
    let taken = workplace.run(&["expr", "SelectUniqueValue(\"a\", \"b\")", "--taken", "a", "--taken", "B"]);
    taken.assert_code(1);
}

#[test]
fn the_object_may_come_from_standard_input_and_has_to_be_one() {
    let workplace = workplace();
    let piped = workplace.run_with_input(&["expr", "[a]", "--object", "-"], r#"{"a": "from a pipe"}"#);
    piped.assert_code(0);
    assert_eq!(piped.stdout, "\"from a pipe\"\n");
    for text in ["", "[]", "{\"a\": {\"$binary\": \"0\"}}"] {
        workplace.run_with_input(&["expr", "[a]", "--object", "-"], text).assert_code(2);
    }
    workplace.run(&["expr", "[a]", "--object", "nowhere.json"]).assert_code(1);
}

#[test]
fn what_is_drawn_differs_unless_a_seed_is_given() {
    let workplace = workplace();
    let draw = |arguments: &[&str]| workplace.run(&[&["expr", "Guid()"], arguments].concat()).stdout;
    assert_ne!(draw(&[]), draw(&[]));
    assert_eq!(draw(&["--seed", "7"]), draw(&["--seed", "7"]));
    assert_ne!(draw(&["--seed", "7"]), draw(&["--seed", "8"]));
}

#[test]
fn the_list_has_every_function_with_examples_that_hold() {
    let workplace = workplace();
    let listed = workplace.run(&["expr", "--list"]);
    listed.assert_code(0);
    insta::assert_snapshot!("expr_list", listed.stdout);
    let json = workplace.run(&["expr", "--list", "--output", "json"]);
    let functions: Vec<Value> = serde_json::from_str(&json.stdout).unwrap();
    let product: Vec<&str> = functions
        .iter()
        .filter(|function| function["origin"] == "product")
        .filter_map(|function| function["name"].as_str())
        .collect();
    assert_eq!(product, ["And", "IsSame", "Or"]);
    assert!(functions.len() >= 52, "{}", functions.len());
}

#[test]
fn seeded_inputs_keep_what_must_hold() {
    let files = ["grammar", "text", "letters", "values", "choice", "lists", "replace", "dates", "drawn", "examples"];
    let texts: Vec<String> = files
        .iter()
        .map(|file| {
            std::fs::read_to_string(crate::support::repository(&format!("fixtures/expressions/{file}.txt"))).unwrap()
        })
        .collect();
    let samples: Vec<&str> =
        texts.iter().flat_map(|text| text.lines().filter_map(|line| Some(line.split_once(" :: ")?.0))).collect();
    seeded::run(&samples, WORDS, mapping_expression::expression);
}

const WORDS: &[&str] = &[
    "[",
    "]",
    "(",
    ")",
    "\"",
    "\\",
    ",",
    ", ",
    "=",
    "<>",
    ">=",
    "&H",
    "-",
    "9223372036854775807",
    "0",
    "1.5",
    "é",
    "\u{1F600}",
    "[a]",
    "\"\"",
    "\"a\"",
    "Join(",
    "Switch(",
    "IIF(",
    "And(",
    "Replace(",
    "Item(",
    "Left(",
    "Mid(",
    "InStr(",
    "CDate(",
    "DateAdd(",
    "FormatDateTime(",
    "\"d\"",
    "\"yyyy-MM-dd\"",
    "Append(",
    "Redact(",
    "SelectUniqueValue(",
    "IgnoreAttributeFlow",
    "vbTextCompare",
    "(?<n>",
    "(?=",
    "\\\\d",
    "*",
    "+",
    "?",
    "{2}",
    "$",
    "^",
    "|",
    "[^a-z-[m]]",
];
