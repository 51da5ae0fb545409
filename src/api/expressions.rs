//! Expressions, tried out.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json};

use super::error::ApiError;
use super::routes::json;
use crate::expression::{Context, Draw, EvalError, Expression, Flow, ParseError, Seed, input_value, written};
use crate::model::{Attributes, Value};
use crate::sync_schema::wire::{AttributeMappingSource, List, ParseExpressionResponse, PublicError, Shape};

/// An expression, and the object to try it on.
#[derive(Debug)]
pub(super) struct Question {
    expression: String,
    object: Option<Attributes>,
}

impl Question {
    /// Reads the parameters of the action. What the target attribute is like decides nothing here.
    ///
    /// # Errors
    /// 400 where there is no expression, or the object is none.
    pub(super) fn read(mut body: Map<String, Json>) -> Result<Self, ApiError> {
        let Some(Json::String(expression)) = body.remove("expression") else {
            return Err(ApiError::invalid("`expression`: this has to be a text."));
        };
        let wrong = || {
            let shape = r#"`testInputObject`: this has to be `{ "properties": [{ "key": "…", "value": … }] }`."#;
            ApiError::invalid(shape)
        };
        let object = match body.remove("testInputObject") {
            None | Some(Json::Null) => None,
            Some(Json::Object(mut object)) => Some(match object.remove("properties") {
                None | Some(Json::Null) => Attributes::default(),
                Some(Json::Array(properties)) => attributes(properties).ok_or_else(wrong)?,
                Some(_) => return Err(wrong()),
            }),
            Some(_) => return Err(wrong()),
        };
        Ok(Self { expression, object })
    }

    /// What comes of it. Takes as long as the expression has steps, whose number is bounded.
    pub(super) fn answer(&self, now: DateTime<Utc>) -> Json {
        let mut answer = match Expression::parse(&self.expression) {
            Ok(expression) => self.evaluated(&expression, now),
            Err(error) => failed("InvalidExpression", &told(&error), false),
        };
        answer.complete();
        json(&answer)
    }

    fn evaluated(&self, expression: &Expression, now: DateTime<Utc>) -> ParseExpressionResponse {
        let parsed = |answer: ParseExpressionResponse| ParseExpressionResponse {
            parsed_expression: AttributeMappingSource::of(expression).into(),
            ..answer
        };
        let Some(object) = &self.object else {
            let answer = ParseExpressionResponse {
                parsing_succeeded: true.into(),
                evaluation_succeeded: false.into(),
                ..Default::default()
            };
            return parsed(answer);
        };
        // Random values are the same each time: the answer says what an expression does.
        let seed = Seed::from([0; 32]);
        let draw = Draw { seed: &seed, job: "", object: ["", ""], target: "" };
        let context = Context { now, default_domain: None, draw };
        let values = match expression.evaluate(object, context) {
            Ok(Flow::Value(value)) => texts(&value),
            Ok(Flow::Null) => Vec::new(),
            // The first is taken where it is free.
            Ok(Flow::Candidates(candidates)) => candidates.first().map(texts).unwrap_or_default(),
            Ok(Flow::IgnoreAttribute | Flow::IgnoreObject) => {
                return parsed(failed(
                    "Ignored",
                    "Nothing flows: the expression leaves the attribute, or the object, alone.",
                    true,
                ));
            }
            Err(error) => return parsed(failed("EvaluationFailed", &evaluation_error(&error), true)),
        };
        let values: List<String> = values.into_iter().collect();
        parsed(ParseExpressionResponse {
            parsing_succeeded: true.into(),
            evaluation_succeeded: true.into(),
            evaluation_result: values.into(),
            ..Default::default()
        })
    }
}

fn attributes(properties: Vec<Json>) -> Option<Attributes> {
    let mut attributes = Attributes::default();
    for property in properties {
        let Json::Object(mut property) = property else { return None };
        let Some(Json::String(key)) = property.remove("key") else { return None };
        if let Some(value) = input_value(property.remove("value").unwrap_or_default()).ok()? {
            attributes.set(key, value);
        }
    }
    Some(attributes)
}

/// A list has a text for each of its values. A role is told as JSON.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::List(values) => values.iter().map(text).collect(),
        value => vec![text(value)],
    }
}

fn text(value: &Value) -> String {
    written(value).map_or_else(|| json(value).to_string(), Cow::into_owned)
}

fn told(error: &ParseError) -> String {
    format!("{error} at position {}.", error.offset)
}

fn evaluation_error(error: &EvalError) -> String {
    format!("{} at position {}.", error.reason, error.position)
}

fn failed(code: &str, message: &str, is_parsed: bool) -> ParseExpressionResponse {
    let error = PublicError {
        code: code.to_owned().into(),
        message: message.to_owned().into(),
        target: "expression".to_owned().into(),
        ..PublicError::default()
    };
    ParseExpressionResponse {
        parsing_succeeded: is_parsed.into(),
        evaluation_succeeded: false.into(),
        error: error.into(),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ask(body: Json) -> Result<Json, u16> {
        let Json::Object(body) = body else { panic!("an object") };
        let question = Question::read(body).map_err(|error| error.status.as_u16())?;
        Ok(question.answer(DateTime::UNIX_EPOCH))
    }

    #[test]
    fn an_expression_is_taken_apart_and_tried() {
        let answer = ask(json!({
            "expression": "Append(Mid([givenName], 1, 1), [surname])", "targetAttributeDefinition": null,
            "testInputObject": { "definition": null, "properties": [
                { "key": "givenName", "value": "Ilse" }, { "key": "surname", "value": "Brandt" },
                { "key": "proxyAddresses", "value@odata.type": "#Collection(String)", "value": ["SMTP:i@x.example"] },
            ] },
        }))
        .unwrap();
        assert_eq!((&answer["parsingSucceeded"], &answer["evaluationSucceeded"]), (&json!(true), &json!(true)));
        assert_eq!((&answer["evaluationResult"], &answer["error"]), (&json!(["IBrandt"]), &json!(null)));
        let parsed = &answer["parsedExpression"];
        assert_eq!((&parsed["type"], &parsed["name"]), (&json!("Function"), &json!("Append")));
        assert_eq!(parsed["parameters"][0]["value"]["parameters"][1]["key"], "start");
        assert_eq!(parsed["parameters"][1]["value"]["expression"], "[surname]");
    }

    #[test]
    fn what_fails_is_an_answer_too() {
        let properties = |key: &str, value: Json| json!({ "properties": [{ "key": key, "value": value }] });
        for (body, parsed, evaluated, result, code) in [
            (json!({ "expression": "[a]" }), true, false, json!([]), json!(null)),
            (json!({ "expression": "Nothing([a])" }), false, false, json!([]), json!("InvalidExpression")),
            (json!({ "expression": "" }), false, false, json!([]), json!("InvalidExpression")),
            (json!({ "expression": "x".repeat(1 << 20) }), false, false, json!([]), json!("InvalidExpression")),
            (json!({ "expression": "[a]", "testInputObject": {} }), true, true, json!([]), json!(null)),
            (
                json!({ "expression": "[a]", "testInputObject": properties("a", json!(["x", "y"])) }),
                true,
                true,
                json!(["x", "y"]),
                json!(null),
            ),
            (
                json!({ "expression": "[a]", "testInputObject": properties("a", json!(true)) }),
                true,
                true,
                json!(["True"]),
                json!(null),
            ),
            (
                json!({ "expression": "CDate([a])", "testInputObject": properties("a", json!("no date")) }),
                true,
                false,
                json!([]),
                json!("EvaluationFailed"),
            ),
        ] {
            let answer = ask(body.clone()).unwrap();
            let found = (
                &answer["parsingSucceeded"],
                &answer["evaluationSucceeded"],
                &answer["evaluationResult"],
                &answer["error"]["code"],
            );
            assert_eq!(found, (&json!(parsed), &json!(evaluated), &result, &code), "{}", answer);
        }
        for body in [
            json!({}),
            json!({ "expression": null }),
            json!({ "expression": 7 }),
            json!({ "expression": "[a]", "testInputObject": [] }),
            json!({ "expression": "[a]", "testInputObject": { "properties": {} } }),
            json!({ "expression": "[a]", "testInputObject": { "properties": [{ "value": 1 }] } }),
            json!({ "expression": "[a]", "testInputObject": { "properties": [{ "key": "a", "value": { "$nothing": 1 } }] } }),
        ] {
            assert_eq!(ask(body.clone()), Err(400), "{body}");
        }
    }
}
