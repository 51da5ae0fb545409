//! `provisor expr`: an expression tried on an object, and the table of functions.

use std::{
    fs::File,
    io::{Read, stdin},
    path::Path,
};

use anyhow::Context as _;
use chrono::Utc;
use serde_json::{Map, Value as Json, json};

use super::{Ended, Usage};
use crate::{
    cli::{Expr, Output},
    expression::{
        Context, Draw, EvalError, Example, Expression, FUNCTIONS, Flow, Function, Origin, ParseError, Seed, Step,
        StepOutcome, input_value, written,
    },
    model::{Attributes, Value},
};

/// Objects larger than this, in bytes, are not read.
const MAX_OBJECT: u64 = 16 << 20;

pub(super) fn expr(options: &Expr) -> anyhow::Result<Ended> {
    match &options.expression {
        Some(text) => evaluate(text, options),
        None => {
            list(options.output);
            Ok(Ended::Done)
        }
    }
}

fn evaluate(text: &str, options: &Expr) -> anyhow::Result<Ended> {
    let expression = Expression::parse(text).map_err(|error| unreadable(text, &error, options.output))?;
    let attributes = options.object.as_deref().map(object).transpose()?.unwrap_or_default();
    let seed = Seed::from(options.seed.map_or_else(rand::random::<[u8; 32]>, |number| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        bytes
    }));
    let context = Context {
        now: options.now.unwrap_or_else(Utc::now),
        default_domain: options.default_domain.as_deref(),
        draw: Draw { seed: &seed, job: "expr", object: ["", ""], target: "" },
    };
    let (flow, steps) = expression.evaluate_traced(&attributes, context);
    let outcome = match flow {
        Ok(Flow::Value(value)) => StepOutcome::Value(value.into_owned()),
        Ok(Flow::Null) => StepOutcome::Null,
        Ok(Flow::IgnoreAttribute) => StepOutcome::IgnoredAttribute,
        Ok(Flow::IgnoreObject) => StepOutcome::IgnoredObject,
        Ok(Flow::Candidates(candidates)) => unique(candidates, &options.taken),
        Err(error) => StepOutcome::Failed(error),
    };
    let steps = if options.trace { steps } else { Vec::new() };
    match options.output {
        Output::Json => {
            let mut document = as_json(&outcome);
            if options.trace {
                document.insert("trace".to_owned(), steps.iter().map(step_as_json).collect());
            }
            println!("{}", Json::Object(document));
        }
        Output::Table => {
            for step in &steps {
                println!("{}{} → {}", "  ".repeat(step.depth), step.expression, shown(&step.outcome));
            }
            match &outcome {
                StepOutcome::Failed(error) => eprintln!("error: {error}{}", pointed(text, error.position)),
                StepOutcome::Candidates(_) => eprintln!("error: {}", shown(&outcome)),
                outcome => println!("{}", shown(outcome)),
            }
        }
    }
    Ok(match outcome {
        StepOutcome::Failed(_) | StepOutcome::Candidates(_) => Ended::Failed,
        _ => Ended::Done,
    })
}

/// The first candidate that is not taken, in any case; the candidates, when all are.
fn unique(candidates: Vec<Value>, taken: &[String]) -> StepOutcome {
    let is_taken = |value: &Value| {
        let text = value.as_text().unwrap_or_default().to_lowercase();
        taken.iter().any(|taken| taken.to_lowercase() == text)
    };
    match candidates.iter().find(|value| !is_taken(value)) {
        Some(free) => StepOutcome::Value(free.clone()),
        None => StepOutcome::Candidates(candidates),
    }
}

fn unreadable(text: &str, error: &ParseError, output: Output) -> Usage {
    if output == Output::Json {
        let problem = json!({ "function": null, "position": error.offset, "message": error.to_string() });
        println!("{}", json!({ "error": problem }));
    }
    Usage(format!("{error}{}", pointed(text, error.offset)))
}

/// A mark below the place, for an expression of one line.
fn pointed(text: &str, position: usize) -> String {
    match text.get(..position) {
        Some(before) if !text.contains(['\n', '\r']) => {
            format!("\n  {text}\n  {}^", " ".repeat(before.chars().count()))
        }
        _ => String::new(),
    }
}

/// Reads the attributes of an object: null is no value, wherever it stands.
pub(super) fn object(path: &Path) -> anyhow::Result<Attributes> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        stdin().take(MAX_OBJECT).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(MAX_OBJECT).read_to_string(&mut text))
    };
    read.with_context(|| format!("cannot read the object from `{}`", path.display()))?;
    let usage = |problem: String| Usage(format!("`{}` holds no object: {problem}", path.display()));
    let json: Map<String, Json> = serde_json::from_str(&text).map_err(|error| usage(error.to_string()))?;
    let mut attributes = Attributes::default();
    for (name, json) in json {
        let value = input_value(json).map_err(|problem| usage(format!("`{name}`: {problem}")))?;
        if let Some(value) = value {
            attributes.set(name, value);
        }
    }
    Ok(attributes)
}

/// `{"value": …}`, `{"ignored": …}` or `{"error": …}`.
fn as_json(outcome: &StepOutcome) -> Map<String, Json> {
    let (key, json) = match outcome {
        StepOutcome::Value(value) => ("value", value_as_json(value)),
        StepOutcome::Null => ("value", Json::Null),
        StepOutcome::IgnoredAttribute => ("ignored", json!("attribute")),
        StepOutcome::IgnoredObject => ("ignored", json!("object")),
        StepOutcome::Candidates(values) => {
            let candidates: Vec<Json> = values.iter().map(value_as_json).collect();
            let message = "every candidate is taken in the target";
            ("error", json!({ "function": "SelectUniqueValue", "message": message, "candidates": candidates }))
        }
        StepOutcome::Failed(EvalError { function, position, reason }) => {
            ("error", json!({ "function": function, "position": position, "message": reason.to_string() }))
        }
    };
    Map::from_iter([(key.to_owned(), json)])
}

fn step_as_json(step: &Step) -> Json {
    let mut json = Map::new();
    json.insert("position".to_owned(), json!(step.position));
    json.insert("depth".to_owned(), json!(step.depth));
    json.insert("expression".to_owned(), json!(step.expression));
    match &step.outcome {
        // On its way the values are what they are; whether one is free is asked of the target in the end.
        StepOutcome::Candidates(values) => {
            json.insert("candidates".to_owned(), values.iter().map(value_as_json).collect());
        }
        outcome => json.extend(as_json(outcome)),
    }
    Json::Object(json)
}

/// Texts in the form that a text attribute gets, lists as arrays, roles as objects.
fn value_as_json(value: &Value) -> Json {
    match value {
        Value::List(values) => values.iter().map(value_as_json).collect(),
        Value::Record(parts) => {
            let part = |part: &Value| match part {
                Value::Boolean(flag) => json!(flag),
                part => value_as_json(part),
            };
            Json::Object(parts.iter().map(|(name, value)| (name.clone(), part(value))).collect())
        }
        value => json!(written(value)),
    }
}

fn shown(outcome: &StepOutcome) -> String {
    match outcome {
        StepOutcome::Value(value) => value_as_json(value).to_string(),
        StepOutcome::Null => "null".to_owned(),
        StepOutcome::IgnoredAttribute => "nothing flows: the attribute is left out".to_owned(),
        StepOutcome::IgnoredObject => "nothing flows: the object is left out".to_owned(),
        StepOutcome::Candidates(values) => {
            let candidates: Json = values.iter().map(value_as_json).collect();
            format!("the first of {candidates} that is free")
        }
        StepOutcome::Failed(error) => format!("error: {}", error.reason),
    }
}

fn list(output: Output) {
    match output {
        Output::Json => println!("{}", FUNCTIONS.iter().map(|function| function_as_json(function)).collect::<Json>()),
        Output::Table => {
            for function in FUNCTIONS.iter() {
                print_function(function);
            }
        }
    }
}

fn print_function(function: &Function) {
    println!("{function}");
    println!("    {}", function.doc);
    if function.origin == Origin::Product {
        println!("    Provisor only: a schema that uses it runs nowhere else.");
    }
    if function.outermost {
        println!("    Around the whole expression only.");
    }
    for example in function.examples {
        let Example { call, object, result } = example;
        let object = if *object == "{}" { String::new() } else { format!("  with {object}") };
        match result.strip_prefix('~') {
            Some(pattern) => println!("    {call} → what matches {pattern}{object}"),
            None => println!("    {call} → {result}{object}"),
        }
    }
    println!();
}

fn function_as_json(function: &Function) -> Json {
    let parameters: Vec<Json> = function
        .parameters
        .iter()
        .map(|parameter| {
            json!({
                "name": parameter.name, "aliases": parameter.aliases, "type": format!("{:?}", parameter.kind),
                "required": parameter.required, "multiple": parameter.multiple,
            })
        })
        .collect();
    let examples: Vec<Json> = function
        .examples
        .iter()
        .map(|example| {
            let object: Json = serde_json::from_str(example.object).unwrap_or_default();
            match example.result.strip_prefix('~') {
                Some(pattern) => json!({ "call": example.call, "object": object, "matches": pattern }),
                None => {
                    let value: Json = serde_json::from_str(example.result).unwrap_or_default();
                    json!({ "call": example.call, "object": object, "value": value })
                }
            }
        })
        .collect();
    let origin = match function.origin {
        Origin::Reference => "reference",
        Origin::Product => "product",
    };
    json!({
        "name": function.name, "signature": function.to_string(), "parameters": parameters,
        "result": format!("{:?}", function.result), "origin": origin, "outermost": function.outermost,
        "doc": function.doc, "examples": examples,
    })
}
