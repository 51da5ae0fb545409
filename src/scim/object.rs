//! JSON objects in which names compare without regard to case (RFC 7643 section 2.1).

use serde_json::{Map, Value};

/// The value of this name, in any case.
pub(super) fn lookup<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.get(name).or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// The value of this name, in any case.
pub(super) fn lookup_mut<'a>(map: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Value> {
    map.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Sets the value of this name and keeps the spelling that is there.
pub(super) fn put(map: &mut Map<String, Value>, name: &str, value: Value) {
    match lookup_mut(map, name) {
        Some(place) => *place = value,
        None => {
            map.insert(name.to_owned(), value);
        }
    }
}

/// Removes the value of this name, in any case.
pub(super) fn take(map: &mut Map<String, Value>, name: &str) {
    map.retain(|key, _| !key.eq_ignore_ascii_case(name));
}

/// True for what RFC 7643 section 2.5 calls unassigned.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// The object of this name; whatever else stands there gives way.
pub(super) fn object_at<'a>(map: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let place = place_of(map, name);
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    match place {
        Value::Object(object) => object,
        _ => unreachable!("the value was made an object above"),
    }
}

/// The list of this name; a lone value becomes its first element.
pub(super) fn elements_at<'a>(map: &'a mut Map<String, Value>, name: &str) -> &'a mut Vec<Value> {
    let place = place_of(map, name);
    if !place.is_array() {
        let lone = place.take();
        *place = Value::Array(if lone.is_null() { Vec::new() } else { vec![lone] });
    }
    match place {
        Value::Array(elements) => elements,
        _ => unreachable!("the value was made a list above"),
    }
}

/// The place of this name, in any case; null where there was none.
fn place_of<'a>(map: &'a mut Map<String, Value>, name: &str) -> &'a mut Value {
    let other_spelling =
        if map.contains_key(name) { None } else { map.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned() };
    map.entry(other_spelling.unwrap_or_else(|| name.to_owned())).or_insert(Value::Null)
}
