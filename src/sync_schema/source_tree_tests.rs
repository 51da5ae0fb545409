//! Both forms of an expression: its text, and its tree in the form of the contract.

use serde_json::{Value as Json, json};

use super::wire::{AttributeMappingSource, Given, Shape};
use crate::expression::{Expression, FUNCTIONS};

#[test]
fn a_tree_without_text_is_written_out() {
    for text in [
        r#"Replace([a], "x", , , "y", , )"#,
        r#"Switch([a], , "1", "one", "2", Join(" ", [b], [c]))"#,
        r#"IIF([a] = "x", IgnoreAttributeFlow, InStr([b], "c", "1", vbTextCompare))"#,
        r#""a \"constant\"""#,
        "[emails[type eq \"work\"].value]",
    ] {
        let expression = Expression::parse(text).unwrap();
        let mut source = AttributeMappingSource::of(&expression);
        assert_eq!(source.expression.text(), Some(text));
        source.expression = Given::Absent;
        assert_eq!(Expression::parse(&source.text().unwrap()).unwrap(), expression, "{text}");
    }
    let source = AttributeMappingSource::of(&Expression::parse("Mid([a], 1, 2)").unwrap());
    assert_eq!(source.expression.text(), Some("Mid([a], 1, 2)"));
    let (_, third) = source.parameters.items().nth(2).unwrap();
    let length = third.value.get().unwrap();
    assert_eq!((third.key.text(), length.expression.text()), (Some("length"), Some("\"2\"")));
}

#[test]
fn every_example_survives_as_a_tree() {
    for example in FUNCTIONS.iter().flat_map(|function| function.examples) {
        let expression = Expression::parse(example.call).unwrap();
        let mut source = AttributeMappingSource::of(&expression);
        assert!(!source.contradicts(&expression), "{}", example.call);
        source.expression = Given::Null;
        let again = Expression::parse(&source.text().unwrap()).unwrap();
        assert!(!AttributeMappingSource::of(&again).contradicts(&expression), "{}", example.call);
    }
}

/// A source with one half, completed.
fn completed(source: Json) -> Json {
    let mut source: AttributeMappingSource = serde_json::from_value(source).unwrap();
    source.complete();
    let once = source.write();
    source.complete();
    assert_eq!(source.write(), once);
    once
}

#[test]
fn text_and_tree_are_made_of_each_other() {
    for example in FUNCTIONS.iter().flat_map(|function| function.examples) {
        let tree = AttributeMappingSource::of(&Expression::parse(example.call).unwrap());
        let mut text = tree.clone();
        (text.kind, text.name, text.parameters) = Default::default();
        let whole = completed(tree.write());
        assert_eq!(completed(text.write()), whole, "{}", example.call);
        fn without_texts(source: &mut Json) {
            source.as_object_mut().unwrap().remove("expression");
            for parameter in source["parameters"].as_array_mut().unwrap() {
                without_texts(&mut parameter["value"]);
            }
        }
        let mut parts = tree.write();
        without_texts(&mut parts);
        let mut written = completed(parts.clone());
        assert!(!written.to_string().contains("\"expression\":null"), "{written}");
        // A number is a quoted text now.
        let text = Expression::parse(written["expression"].as_str().unwrap()).unwrap();
        assert!(!tree.contradicts(&text), "{} as {text}", example.call);
        without_texts(&mut written);
        assert_eq!(written, parts, "{}", example.call);
    }
}

#[test]
fn a_half_that_says_nothing_sure_makes_no_other() {
    let lower = json!({"key": "source", "value": {"type": "Attribute", "name": "a"}});
    for source in [
        json!({"type": "Function", "expression": "ToLower([a]", "name": null, "parameters": []}),
        json!({"type": "Function", "name": "ToLowr", "expression": null, "parameters": []}),
        json!({"type": "Function", "name": "ToLower", "expression": null, "parameters": []}),
        json!({"type": "Sideways", "expression": "ToLower([a])", "name": null, "parameters": []}),
        json!({"type": "Function", "expression": "ToLower([a])", "name": 7, "parameters": []}),
        json!({"type": "Function", "expression": "ToUpper([a])", "name": "ToLower", "parameters": []}),
    ] {
        assert_eq!(completed(source.clone()), source);
    }
    // A parameter that the function does not have would be lost in the text.
    let mut other = lower.clone();
    other["key"] = json!("colour");
    let kept = completed(json!({"type": "Function", "name": "ToLower", "parameters": [lower, other]}));
    assert_eq!(kept["expression"], json!(null));
    let text = completed(json!({"type": "Attribute", "expression": " ToLower( [a] )"}));
    assert_eq!(
        (&text["type"], &text["name"], &text["expression"]),
        (&json!("Function"), &json!("ToLower"), &json!(" ToLower( [a] )"))
    );
}
