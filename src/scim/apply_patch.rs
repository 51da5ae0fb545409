//! A `PatchOp` against a resource: the operations of RFC 7644 section 3.5.2, and what clients mean by them.
//!
//! All or nothing: the result is a new resource, and the old one stays as it is.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::conform::{conform, follow_schemas, identity, invalid, missing_required};
use super::filter::Filter;
use super::filter_eval::element_matches;
use super::messages::{ScimError, ScimType};
use super::patch::{Op, PatchOp};
use super::path::AttributePath;
use super::resource::{Resource, described_element, elements_at, is_empty, is_primary, lookup, object_at};
use super::schema::{Attribute, AttributeType, Mutability, Resolved, ResourceSchema};

/// The resource as it is after all the operations, in canonical form.
///
/// Lenient where clients need it: booleans in strings, names that are paths in a value without a path, a value
/// filter that matches nothing and describes a new element, a manager given by its id alone, members removed by
/// value.
pub fn apply(patch: &PatchOp, resource: &Resource, schema: &ResourceSchema) -> Result<Resource, ScimError> {
    let mut patched = resource.clone();
    for operation in &patch.operations {
        match &operation.path {
            Some(path) => {
                let resolved = schema.resolve(path).ok_or_else(|| no_such_attribute(path))?;
                let change = Change { op: operation.op, path, value: operation.value.as_ref() };
                refuse_read_only(&resolved)?;
                change.apply(&mut patched, resolved, schema)?;
            }
            None => apply_without_path(operation.op, operation.value.as_ref(), &mut patched, schema)?,
        }
    }
    follow_schemas(&mut patched, schema);
    match missing_required(&patched, schema) {
        Some(name) => Err(mutability(name, "is required")),
        None => Ok(patched),
    }
}

/// One operation at one place.
#[derive(Clone, Copy)]
struct Change<'a> {
    op: Op,
    path: &'a AttributePath,
    value: Option<&'a Value>,
}

/// Each name of the value is an operation of its own. Names are paths here (Entra ID sends `name.givenName`), and
/// what a client merely echoes (`id`, `meta`, `schemas`) or nobody knows is passed over.
fn apply_without_path(
    op: Op,
    value: Option<&Value>,
    resource: &mut Resource,
    schema: &ResourceSchema,
) -> Result<(), ScimError> {
    if op == Op::Remove {
        return Err(ScimError::bad_request(ScimType::NoTarget, "a remove operation needs a `path`"));
    }
    let Some(Value::Object(parts)) = value else {
        return Err(ScimError::bad_request(
            ScimType::InvalidValue,
            "an operation without `path` needs an object as `value`",
        ));
    };
    for (name, value) in parts {
        let Ok(path) = AttributePath::parse(name) else { continue };
        let Some(resolved) = schema.resolve(&path) else { continue };
        if refuse_read_only(&resolved).is_ok() && !path.attribute.eq_ignore_ascii_case("schemas") {
            Change { op, path: &path, value: Some(value) }.apply(resource, resolved, schema)?;
        }
    }
    Ok(())
}

impl Change<'_> {
    fn apply(self, resource: &mut Resource, at: Resolved<'_>, schema: &ResourceSchema) -> Result<(), ScimError> {
        let root = resource.as_map_mut();
        let Some(extension) = at.extension else {
            return match at.attribute {
                Some(attribute) => self.apply_to(root, attribute, at.sub_attribute),
                None => Ok(()),
            };
        };
        match at.attribute {
            Some(attribute) => self.apply_to(object_at(root, extension), attribute, at.sub_attribute)?,
            None => self.apply_to_extension(root, extension, schema)?,
        }
        if lookup(root, extension).is_some_and(is_empty) {
            root.remove(extension);
        }
        Ok(())
    }

    /// A path that is the URN of an extension: its attributes are changed one by one, or all of it goes.
    fn apply_to_extension(
        self,
        root: &mut Map<String, Value>,
        extension: &str,
        schema: &ResourceSchema,
    ) -> Result<(), ScimError> {
        match (self.op, self.value) {
            (Op::Remove, _) | (_, Some(Value::Null)) => {
                root.remove(extension);
                Ok(())
            }
            (op, Some(Value::Object(parts))) => {
                let map = object_at(root, extension);
                for (name, value) in parts {
                    let Ok(path) = AttributePath::parse(name) else { continue };
                    let path = path.in_schema(extension);
                    let Some(at) = schema.resolve(&path).filter(|at| refuse_read_only(at).is_ok()) else { continue };
                    let Some(attribute) = at.attribute else { continue };
                    Change { op, path: &path, value: Some(value) }.apply_to(map, attribute, at.sub_attribute)?;
                }
                Ok(())
            }
            _ => Err(invalid(extension, "is an object")),
        }
    }

    fn apply_to(
        self,
        map: &mut Map<String, Value>,
        attribute: &Attribute,
        part: Option<&Attribute>,
    ) -> Result<(), ScimError> {
        if self.op != Op::Remove && self.value.is_none() {
            return Err(invalid(&attribute.name, "needs a `value`"));
        }
        let before =
            (attribute.mutability == Mutability::Immutable).then(|| map.get(&attribute.name).cloned()).flatten();
        match (attribute.multi_valued, self.path.filter.as_deref()) {
            (true, Some(filter)) => {
                self.apply_to_elements(elements_at(map, &attribute.name), filter, attribute, part)?
            }
            (true, None) => self.apply_to_list(elements_at(map, &attribute.name), attribute, part)?,
            (false, Some(_)) => return Err(no_such_attribute(self.path)),
            (false, None) => self.apply_to_single(map, attribute, part)?,
        }
        if map.get(&attribute.name).is_some_and(is_empty) {
            map.remove(&attribute.name);
        }
        if before.is_some() && map.get(&attribute.name) != before.as_ref() {
            return Err(mutability(&attribute.name, "cannot be changed"));
        }
        Ok(())
    }

    fn apply_to_single(
        self,
        map: &mut Map<String, Value>,
        attribute: &Attribute,
        part: Option<&Attribute>,
    ) -> Result<(), ScimError> {
        match part {
            Some(part) => {
                let parts = object_at(map, &attribute.name);
                set_part(parts, part, self.new_value(part)?)
            }
            None => match (self.new_value(attribute)?, attribute.kind) {
                // The given parts are merged, the others stay; a part that is given as null goes.
                (Some(Value::Object(given)), AttributeType::Complex) => {
                    let parts = object_at(map, &attribute.name);
                    if let Some(Value::Object(written)) = self.value {
                        parts.retain(|name, _| !lookup(written, name).is_some_and(Value::is_null));
                    }
                    parts.extend(given);
                    Ok(())
                }
                (None, AttributeType::Complex) if matches!(self.value, Some(Value::Object(given)) if !given.is_empty()) =>
                {
                    // Nothing but nulls: each of them clears its part.
                    if let (Some(Value::Object(parts)), Some(Value::Object(written))) =
                        (map.get_mut(&attribute.name), self.value)
                    {
                        parts.retain(|name, _| !lookup(written, name).is_some_and(Value::is_null));
                    }
                    Ok(())
                }
                (Some(value), _) => {
                    map.insert(attribute.name.clone(), value);
                    Ok(())
                }
                (None, _) if attribute.required => Err(mutability(&attribute.name, "is required")),
                (None, _) => {
                    map.remove(&attribute.name);
                    Ok(())
                }
            },
        }
    }

    /// A multi-valued attribute without a filter: the list itself, or one part of every element.
    fn apply_to_list(
        self,
        elements: &mut Vec<Value>,
        attribute: &Attribute,
        part: Option<&Attribute>,
    ) -> Result<(), ScimError> {
        if let Some(part) = part {
            if elements.is_empty() && self.op != Op::Remove {
                elements.push(Value::Object(Map::new()));
            }
            return self.set_on(elements, |_| true, part);
        }
        let given = match self.new_value_or_removed(attribute)? {
            Some(Value::Array(given)) => given,
            _ => Vec::new(),
        };
        match self.op {
            Op::Replace => *elements = given,
            // Entra ID names the elements to remove by their values; without any, all of them go.
            Op::Remove if self.value.is_some_and(|value| !is_empty(value)) => {
                let gone: HashSet<String> = given.iter().map(named_value).collect();
                elements.retain(|element| !gone.contains(&named_value(element)));
            }
            Op::Remove => elements.clear(),
            Op::Add => add_elements(elements, given),
        }
        Ok(())
    }

    /// The elements that a filter selects.
    fn apply_to_elements(
        self,
        elements: &mut Vec<Value>,
        filter: &Filter,
        attribute: &Attribute,
        part: Option<&Attribute>,
    ) -> Result<(), ScimError> {
        let selected = |element: &Value| element_matches(filter, element, Some(attribute));
        if !elements.iter().any(selected) {
            // Add, and Entra ID's replace of one part, mean the element that the filter describes.
            let describes = self.op == Op::Add || (self.op == Op::Replace && part.is_some());
            return match described_element(filter).filter(|_| describes) {
                Some(described) => {
                    let element = conform(Value::Array(vec![Value::Object(described)]), attribute)?;
                    let Some(Value::Array(mut new)) = element else { return Ok(()) };
                    self.write_elements(&mut new, |_| true, attribute, part)?;
                    // Nothing was written: a described element alone is no value.
                    if !self.value.is_some_and(Value::is_null) {
                        elements.append(&mut new);
                        let last = elements.len() - 1;
                        keep_one_primary(elements, last);
                    }
                    Ok(())
                }
                None if self.op == Op::Remove => Ok(()),
                None => Err(ScimError::bad_request(ScimType::NoTarget, format!("`{}` selects nothing", self.path))),
            };
        }
        match (self.op, part) {
            (Op::Remove, None) => {
                elements.retain(|element| !selected(element));
                Ok(())
            }
            _ => self.write_elements(elements, selected, attribute, part),
        }
    }

    fn write_elements(
        self,
        elements: &mut [Value],
        selected: impl Fn(&Value) -> bool,
        attribute: &Attribute,
        part: Option<&Attribute>,
    ) -> Result<(), ScimError> {
        if let Some(part) = part {
            return self.set_on(elements, selected, part);
        }
        let given = match self.new_value_or_removed(attribute)? {
            Some(Value::Array(mut given)) if given.len() == 1 => given.remove(0),
            _ => return Err(invalid(&attribute.name, "needs one element as `value`")),
        };
        for index in indexes(elements, selected) {
            match (&mut elements[index], &given) {
                (Value::Object(parts), Value::Object(given)) => {
                    for (name, value) in given {
                        let part = attribute.sub_attribute(name);
                        refuse_change(part, parts.get(name), Some(value))?;
                        parts.insert(name.clone(), value.clone());
                    }
                }
                (plain, given) => *plain = given.clone(),
            }
            if is_primary(&given) {
                keep_one_primary(elements, index);
            }
        }
        Ok(())
    }

    /// Sets or unassigns one part of the selected elements.
    fn set_on(
        self,
        elements: &mut [Value],
        selected: impl Fn(&Value) -> bool,
        part: &Attribute,
    ) -> Result<(), ScimError> {
        let value = self.new_value(part)?;
        for index in indexes(elements, selected) {
            if let Value::Object(parts) = &mut elements[index] {
                set_part(parts, part, value.clone())?;
            }
            if part.name == "primary" && is_primary(&elements[index]) {
                keep_one_primary(elements, index);
            }
        }
        Ok(())
    }

    /// What the place shall hold: nothing when the operation removes.
    fn new_value(self, attribute: &Attribute) -> Result<Option<Value>, ScimError> {
        if self.op == Op::Remove { Ok(None) } else { self.new_value_or_removed(attribute) }
    }

    /// The operation's value, fitted to the attribute.
    fn new_value_or_removed(self, attribute: &Attribute) -> Result<Option<Value>, ScimError> {
        self.value.map_or(Ok(None), |value| conform(value.clone(), attribute))
    }
}

/// Appends elements, or merges them into those that have their `type` and `value`.
fn add_elements(elements: &mut Vec<Value>, given: Vec<Value>) {
    let mut places: HashMap<String, usize> =
        elements.iter().enumerate().map(|(index, element)| (identity(element), index)).collect();
    for element in given {
        let primary = is_primary(&element);
        let index = *places.entry(identity(&element)).or_insert(elements.len());
        match (elements.get_mut(index), element) {
            (Some(Value::Object(present)), Value::Object(given)) => present.extend(given),
            (Some(_), _) => {}
            (None, element) => elements.push(element),
        }
        if primary {
            keep_one_primary(elements, index);
        }
    }
}

/// RFC 7644 section 3.5.2: a new primary value takes the mark from every other.
fn keep_one_primary(elements: &mut [Value], primary: usize) {
    if !elements.get(primary).is_some_and(is_primary) {
        return;
    }
    for (index, element) in elements.iter_mut().enumerate() {
        if index != primary
            && is_primary(element)
            && let Value::Object(parts) = element
        {
            parts.insert("primary".to_owned(), Value::Bool(false));
        }
    }
}

fn set_part(parts: &mut Map<String, Value>, part: &Attribute, value: Option<Value>) -> Result<(), ScimError> {
    refuse_change(Some(part), parts.get(&part.name), value.as_ref())?;
    match value {
        Some(value) => {
            parts.insert(part.name.clone(), value);
        }
        None => {
            parts.remove(&part.name);
        }
    }
    Ok(())
}

fn indexes(elements: &[Value], selected: impl Fn(&Value) -> bool) -> Vec<usize> {
    elements.iter().enumerate().filter(|(_, element)| selected(element)).map(|(index, _)| index).collect()
}

/// What a remove operation names an element by: its `value` where it has one.
fn named_value(element: &Value) -> String {
    element.as_object().and_then(|map| lookup(map, "value")).unwrap_or(element).to_string()
}

fn refuse_read_only(at: &Resolved<'_>) -> Result<(), ScimError> {
    let read_only = |attribute: &&Attribute| attribute.mutability == Mutability::ReadOnly;
    match at.attribute.filter(read_only).or(at.sub_attribute.filter(read_only)) {
        Some(attribute) => Err(mutability(&attribute.name, "is read-only")),
        None => Ok(()),
    }
}

fn refuse_change(part: Option<&Attribute>, present: Option<&Value>, new: Option<&Value>) -> Result<(), ScimError> {
    match part.filter(|part| part.mutability == Mutability::Immutable) {
        Some(part) if present.is_some() && present != new => Err(mutability(&part.name, "cannot be changed")),
        _ => Ok(()),
    }
}

fn mutability(name: &str, reason: &str) -> ScimError {
    ScimError::bad_request(ScimType::Mutability, format!("`{name}` {reason}"))
}

fn no_such_attribute(path: &AttributePath) -> ScimError {
    ScimError::bad_request(ScimType::InvalidPath, format!("`{path}` names no attribute of this type of resource"))
}

#[cfg(test)]
mod tests;
