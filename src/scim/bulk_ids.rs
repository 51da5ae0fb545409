//! References to what a Bulk request itself creates: `bulkId:x` (RFC 7644 section 3.7.2).
//!
//! A reference is a whole string `bulkId:x` anywhere in the data, the last segment of a `$ref`, a literal in the
//! filter of a PATCH path, or a segment of the operation's own path.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::bulk::{BulkMethod, BulkOperation};
use super::filter::{Filter, Literal};
use super::messages::{ScimError, ScimType};
use super::path::AttributePath;

const PREFIX: &str = "bulkId:";

/// What has become of the resources that a request creates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BulkIds(HashMap<String, Created>);

#[derive(Clone, Debug, PartialEq)]
enum Created {
    NotYet,
    /// With this id.
    As(String),
    Failed,
}

impl BulkIds {
    /// Knows the creates of these operations; none of them has happened yet.
    pub fn new(operations: &[BulkOperation]) -> Self {
        let creates = operations.iter().filter(|operation| operation.method == BulkMethod::Post);
        Self(creates.filter_map(|create| Some((create.bulk_id.clone()?, Created::NotYet))).collect())
    }

    /// The resource of this `bulkId` was created with this id.
    pub fn created(&mut self, bulk_id: &str, id: &str) {
        self.0.insert(bulk_id.to_owned(), Created::As(id.to_owned()));
    }

    /// The resource of this `bulkId` will not be created.
    pub fn failed(&mut self, bulk_id: &str) {
        self.0.insert(bulk_id.to_owned(), Created::Failed);
    }

    /// The operation's path with the ids of what was created.
    pub fn resolve_path(&self, path: &str) -> Result<String, ScimError> {
        let segments: Vec<_> = path.split('/').map(|segment| self.resolve_text(segment)).collect::<Result<_, _>>()?;
        let resolved = segments.iter().zip(path.split('/')).map(|(new, old)| new.as_deref().unwrap_or(old));
        Ok(resolved.collect::<Vec<_>>().join("/"))
    }

    /// The operation's data with the ids of what was created. Fails when it refers to what is not there: an unknown
    /// `bulkId`, or a create that failed.
    pub fn resolve(&self, mut data: Value) -> Result<Value, ScimError> {
        self.resolve_in(&mut data, None)?;
        Ok(data)
    }

    /// Cuts the data of a create in two: what can be sent now, and the values whose references are not known yet.
    /// Both have the same shape, so the second is what a PATCH without path adds.
    pub fn cut(&self, data: Map<String, Value>) -> (Map<String, Value>, Map<String, Value>) {
        let mut now = Map::new();
        let mut later = Map::new();
        for (name, value) in data {
            match value {
                Value::Array(elements) => {
                    let (waiting, ready): (Vec<_>, Vec<_>) =
                        elements.into_iter().partition(|element| self.waits(element, Some(&name)));
                    if !waiting.is_empty() {
                        later.insert(name.clone(), Value::Array(waiting));
                    }
                    if !ready.is_empty() {
                        now.insert(name, Value::Array(ready));
                    }
                }
                // An extension, named by its URN, holds attributes; a complex attribute is cut out as a whole.
                Value::Object(parts)
                    if name.contains(':')
                        || !parts.iter().any(|(name, part)| part.is_string() && self.waits(part, Some(name))) =>
                {
                    let (ready, waiting) = self.cut(parts);
                    if !waiting.is_empty() {
                        later.insert(name.clone(), Value::Object(waiting));
                    }
                    if !ready.is_empty() {
                        now.insert(name, Value::Object(ready));
                    }
                }
                value if self.waits(&value, Some(&name)) => {
                    later.insert(name, value);
                }
                value => {
                    now.insert(name, value);
                }
            }
        }
        (now, later)
    }

    fn resolve_in(&self, value: &mut Value, name: Option<&str>) -> Result<(), ScimError> {
        match value {
            Value::Array(elements) => elements.iter_mut().try_for_each(|element| self.resolve_in(element, name)),
            Value::Object(parts) => parts.iter_mut().try_for_each(|(name, part)| self.resolve_in(part, Some(name))),
            Value::String(text) => {
                let resolved = match (name, place_of(text, name)) {
                    (_, Place::Text) => self.resolve_text(text)?,
                    (_, Place::Reference(start)) => {
                        self.resolve_text(&text[start..])?.map(|id| [&text[..start], &id].concat())
                    }
                    (_, Place::Path(mut path)) => {
                        if let Some(filter) = &mut path.filter {
                            each_literal(filter, &mut |literal| match self.resolve_text(literal)? {
                                Some(id) => {
                                    *literal = id;
                                    Ok(())
                                }
                                None => Ok(()),
                            })?;
                        }
                        Some(path.to_string())
                    }
                };
                if let Some(resolved) = resolved {
                    *text = resolved;
                }
                Ok(())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    /// The id that a text stands for; `None` when it is no reference.
    fn resolve_text(&self, text: &str) -> Result<Option<String>, ScimError> {
        let Some(bulk_id) = text.strip_prefix(PREFIX) else { return Ok(None) };
        match self.0.get(bulk_id) {
            Some(Created::As(id)) => Ok(Some(id.clone())),
            Some(Created::Failed) => Err(invalid("a `bulkId` refers to an operation of this request that failed")),
            Some(Created::NotYet) => Err(invalid("a `bulkId` refers to an operation that was not carried out")),
            None => Err(invalid("a `bulkId` refers to no operation of this request that creates a resource")),
        }
    }

    fn waits(&self, value: &Value, name: Option<&str>) -> bool {
        let mut waits = false;
        each_in(value, name, &mut |bulk_id| waits |= self.0.get(bulk_id) == Some(&Created::NotYet));
        waits
    }
}

/// Tells every `bulkId` that an operation refers to.
pub(super) fn each_reference(operation: &BulkOperation, tell: &mut impl FnMut(&str)) {
    operation.path.split('/').filter_map(|segment| segment.strip_prefix(PREFIX)).for_each(&mut *tell);
    if let Some(data) = &operation.data {
        each_in(data, None, tell);
    }
}

/// Where in a text a reference may stand.
enum Place {
    Text,
    /// From this byte on.
    Reference(usize),
    /// In the filter of a path that names one.
    Path(Box<AttributePath>),
}

fn place_of(text: &str, name: Option<&str>) -> Place {
    match name {
        Some(name) if name.eq_ignore_ascii_case("$ref") => {
            Place::Reference(text.rfind('/').map_or(0, |slash| slash + 1))
        }
        Some(name) if name.eq_ignore_ascii_case("path") && text.contains(PREFIX) && !text.starts_with(PREFIX) => {
            AttributePath::parse(text).map_or(Place::Text, |path| Place::Path(Box::new(path)))
        }
        _ => Place::Text,
    }
}

fn each_in(value: &Value, name: Option<&str>, tell: &mut impl FnMut(&str)) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| each_in(element, name, tell)),
        Value::Object(parts) => parts.iter().for_each(|(name, part)| each_in(part, Some(name), tell)),
        Value::String(text) => match place_of(text, name) {
            Place::Text => text.strip_prefix(PREFIX).into_iter().for_each(tell),
            Place::Reference(start) => text[start..].strip_prefix(PREFIX).into_iter().for_each(tell),
            Place::Path(mut path) => {
                if let Some(filter) = &mut path.filter {
                    let told: Result<(), std::convert::Infallible> = each_literal(filter, &mut |literal| {
                        literal.strip_prefix(PREFIX).into_iter().for_each(&mut *tell);
                        Ok(())
                    });
                    let Ok(()) = told;
                }
            }
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn each_literal<E>(filter: &mut Filter, visit: &mut impl FnMut(&mut String) -> Result<(), E>) -> Result<(), E> {
    match filter {
        Filter::Comparison { value: Literal::Text(text), .. } => visit(text),
        Filter::Comparison { .. } | Filter::Present(_) => Ok(()),
        Filter::And(terms) | Filter::Or(terms) => terms.iter_mut().try_for_each(|term| each_literal(term, visit)),
        Filter::Not(term) | Filter::ValuePath { filter: term, .. } => each_literal(term, visit),
    }
}

fn invalid(detail: &str) -> ScimError {
    ScimError::bad_request(ScimType::InvalidValue, detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scim::urn;

    /// Ada is there with the id 7, Bob failed, Cleo is still to come.
    fn ids() -> BulkIds {
        let post = |bulk_id: &str| BulkOperation {
            method: BulkMethod::Post,
            path: "/Users".to_owned(),
            bulk_id: Some(bulk_id.to_owned()),
            version: None,
            data: None,
        };
        let mut ids = BulkIds::new(&[post("ada"), post("bob"), post("cleo")]);
        ids.created("ada", "7");
        ids.failed("bob");
        ids
    }

    #[test]
    fn references_are_found_wherever_they_stand() {
        for (data, resolved) in [
            (json!({"members": [{"value": "bulkId:ada"}, "bulkId:ada"]}), json!({"members": [{"value": "7"}, "7"]})),
            (
                json!({urn::ENTERPRISE_USER: {"manager": {"value": "bulkId:ada", "$Ref": "../Users/bulkId:ada"}}}),
                json!({urn::ENTERPRISE_USER: {"manager": {"value": "7", "$Ref": "../Users/7"}}}),
            ),
            (
                json!({"Operations": [{"op": "remove", "path": "members[value eq \"bulkId:ada\" or type eq \"x\"]"}]}),
                json!({"Operations": [{"op": "remove", "path": "members[value eq \"7\" or type eq \"x\"]"}]}),
            ),
            (json!({"displayName": "about bulkId:ada"}), json!({"displayName": "about bulkId:ada"})),
            (json!({"path": "no [ path \"bulkId:ada\""}), json!({"path": "no [ path \"bulkId:ada\""})),
        ] {
            assert_eq!(ids().resolve(data.clone()), Ok(resolved), "{data}");
        }
        assert_eq!(ids().resolve_path("/Groups/bulkId:ada"), Ok("/Groups/7".to_owned()));
        assert_eq!(ids().resolve_path("/Groups/ada"), Ok("/Groups/ada".to_owned()));
    }

    #[test]
    fn a_reference_to_what_is_not_there_is_an_error() {
        for name in ["bulkId:bob", "bulkId:cleo", "bulkId:dora", "bulkId:"] {
            assert_eq!(ids().resolve(json!([name])).unwrap_err().scim_type, Some(ScimType::InvalidValue), "{name}");
            assert!(ids().resolve_path(&["/Users/", name].concat()).is_err());
            let filter = Filter::equals(AttributePath::new("value"), name);
            let path = AttributePath::new("members").filtered(filter).to_string();
            assert!(ids().resolve(json!({"path": path})).is_err());
        }
    }

    #[test]
    fn what_is_not_known_yet_is_cut_out_with_the_value_it_stands_in() {
        let Value::Object(data) = json!({
            "userName": "x",
            "name": {"givenName": "X"},
            "members": [{"value": "bulkId:ada"}, {"value": "bulkId:cleo", "type": "User"}],
            "roles": [{"value": "bulkId:cleo"}],
            "owner": {"value": "bulkId:cleo", "display": "C"},
            "deputy": "bulkId:cleo",
            "urn:example:Site": {"site": "Turin", "buddy": "bulkId:cleo"},
            urn::ENTERPRISE_USER: {"department": "D", "manager": {"$ref": "/Users/bulkId:cleo"}},
        }) else {
            panic!("an object")
        };
        let (now, later) = ids().cut(data);
        assert_eq!(
            Value::Object(now),
            json!({
                "userName": "x", "name": {"givenName": "X"}, "members": [{"value": "bulkId:ada"}],
                "urn:example:Site": {"site": "Turin"}, urn::ENTERPRISE_USER: {"department": "D"},
            })
        );
        assert_eq!(
            Value::Object(later),
            json!({
                "members": [{"value": "bulkId:cleo", "type": "User"}], "roles": [{"value": "bulkId:cleo"}],
                "owner": {"value": "bulkId:cleo", "display": "C"}, "deputy": "bulkId:cleo", "urn:example:Site": {"buddy": "bulkId:cleo"},
                urn::ENTERPRISE_USER: {"manager": {"$ref": "/Users/bulkId:cleo"}},
            })
        );
    }
}
