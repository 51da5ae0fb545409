//! Objects to try expressions on, as JSON.

use serde_json::Value as Json;

use crate::model::Value;

/// The value that a member of an object stands for: `None` for null, wherever it stands.
///
/// Numbers with fractions are texts, objects with a `$` name (`{"$dateTime": …}`) what they say they are. The reader of
/// JSON bounds the depth.
///
/// # Errors
/// A name with `$` that stands for nothing.
pub fn input_value(json: Json) -> Result<Option<Value>, serde_json::Error> {
    Ok(Some(match json {
        Json::Null => return Ok(None),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Integer(number),
            None => Value::Text(number.to_string()),
        },
        Json::Array(values) => {
            Value::List(values.into_iter().filter_map(|json| input_value(json).transpose()).collect::<Result<_, _>>()?)
        }
        Json::Object(parts) if !parts.keys().any(|name| name.starts_with('$')) => {
            let parts = parts
                .into_iter()
                .filter_map(|(name, json)| Some(input_value(json).transpose()?.map(|part| (name, part))));
            Value::Record(parts.collect::<Result<_, _>>()?)
        }
        json => serde_json::from_value(json)?,
    }))
}
