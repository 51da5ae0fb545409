//! A resource as it travels: a JSON object in which names compare without regard to case.
//!
//! It keeps whatever it is given, known to a schema or not, and it checks nothing: see
//! [`conform_create`](super::conform_create).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::filter::{Filter, Literal};
use super::filter_eval::element_matches;
use super::object::{elements_at, is_empty, lookup, lookup_mut, object_at, put, take};
use super::path::AttributePath;
use super::urn;

/// A resource. Absent, null and value stay apart, and attributes and extensions we do not know are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Resource(Map<String, Value>);

impl Resource {
    /// A resource that has nothing but this schema.
    pub fn new(schema: &str) -> Self {
        let mut map = Map::new();
        map.insert("schemas".to_owned(), Value::from(vec![schema]));
        Self(map)
    }

    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    pub fn as_map_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.0
    }

    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    pub fn id(&self) -> Option<&str> {
        lookup(&self.0, "id")?.as_str()
    }

    pub fn external_id(&self) -> Option<&str> {
        lookup(&self.0, "externalId")?.as_str()
    }

    /// The URNs that the resource lists.
    pub fn schemas(&self) -> Vec<&str> {
        self.listed_schemas().collect()
    }

    fn listed_schemas(&self) -> impl Iterator<Item = &str> {
        let schemas = lookup(&self.0, "schemas").and_then(Value::as_array);
        schemas.into_iter().flatten().filter_map(Value::as_str)
    }

    /// What stands at this path: the whole attribute, or the first value where the path selects among several.
    pub fn get(&self, path: &AttributePath) -> Option<&Value> {
        match self.place(path)? {
            Place::Extension(extension) => Some(extension),
            Place::Attribute(value, None) if path.filter.is_none() => Some(value),
            Place::Attribute(value, sub_attribute) => leaves(value, path.filter.as_deref(), sub_attribute).next(),
        }
    }

    /// Every single value at this path: multi-valued attributes give their elements.
    pub fn values(&self, path: &AttributePath) -> Vec<&Value> {
        match self.place(path) {
            None => Vec::new(),
            Some(Place::Extension(extension)) => vec![extension],
            Some(Place::Attribute(value, sub_attribute)) => {
                leaves(value, path.filter.as_deref(), sub_attribute).collect()
            }
        }
    }

    /// Every single value at this path as a text, as a search finds it. A complex value stands for its part `value`;
    /// what has no text is left out.
    pub fn texts(&self, path: &AttributePath) -> impl Iterator<Item = String> {
        let values = self.values(path).into_iter();
        values.filter_map(|value| match value.get("value").unwrap_or(value) {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        })
    }

    /// Puts a value at this path and creates what is missing on the way: the parent of a part, the object of an
    /// extension with its entry in `schemas`, the element a filter describes (with the filter's `eq` terms, and
    /// `primary` when no other element is). Null removes.
    pub fn set(&mut self, path: &AttributePath, value: Value) {
        if value.is_null() {
            return self.remove(path);
        }
        if let Some(extension) = self.whole_extension(path) {
            self.list_schema(&extension);
            match path.sub_attribute.as_deref() {
                Some(name) => put(object_at(&mut self.0, &extension), name, value),
                None => put(&mut self.0, &extension, value),
            }
            return;
        }
        let map = match extension_of(path) {
            Some(extension) => {
                self.list_schema(extension);
                object_at(&mut self.0, extension)
            }
            None => &mut self.0,
        };
        let (attribute, sub_attribute) = (path.attribute.as_str(), path.sub_attribute.as_deref());
        match (path.filter.as_deref(), sub_attribute) {
            (None, None) => put(map, attribute, value),
            (None, Some(name)) => match lookup_mut(map, attribute) {
                Some(Value::Array(elements)) => {
                    for element in elements.iter_mut().filter_map(Value::as_object_mut) {
                        put(element, name, value.clone());
                    }
                }
                _ => put(object_at(map, attribute), name, value),
            },
            (Some(filter), _) => set_elements(elements_at(map, attribute), filter, sub_attribute, value),
        }
    }

    /// Removes what stands at this path, and what is empty without it: an element, a parent, an extension together
    /// with its entry in `schemas`.
    pub fn remove(&mut self, path: &AttributePath) {
        let whole = self.whole_extension(path);
        match (&whole, extension_of(path)) {
            (Some(extension), _) => match path.sub_attribute.as_deref() {
                Some(name) => remove_in(object_at(&mut self.0, extension), name, None, None),
                None => take(&mut self.0, extension),
            },
            (None, Some(extension)) => {
                if let Some(Value::Object(map)) = lookup_mut(&mut self.0, extension) {
                    remove_in(map, &path.attribute, path.filter.as_deref(), path.sub_attribute.as_deref());
                }
            }
            (None, None) => {
                remove_in(&mut self.0, &path.attribute, path.filter.as_deref(), path.sub_attribute.as_deref());
            }
        }
        if let Some(extension) = whole.as_deref().or(extension_of(path)) {
            if lookup(&self.0, extension).is_some_and(is_empty) {
                take(&mut self.0, extension);
            }
            if lookup(&self.0, extension).is_none() {
                self.unlist_schema(extension);
            }
        }
    }

    fn place<'a, 'p>(&'a self, path: &'p AttributePath) -> Option<Place<'a, 'p>> {
        let sub_attribute = path.sub_attribute.as_deref();
        if let Some(extension) = self.whole_extension(path) {
            let value = lookup(&self.0, &extension)?;
            return match sub_attribute {
                Some(name) => Some(Place::Attribute(lookup(value.as_object()?, name)?, None)),
                None => Some(Place::Extension(value)),
            };
        }
        let map = match extension_of(path) {
            Some(extension) => lookup(&self.0, extension)?.as_object()?,
            None => &self.0,
        };
        Some(Place::Attribute(lookup(map, &path.attribute)?, sub_attribute))
    }

    /// The URN of the extension that this path names as a whole. A path alone cannot tell; what the resource has
    /// and lists can, and the enterprise extension is known.
    fn whole_extension(&self, path: &AttributePath) -> Option<String> {
        let schema = path.schema.as_deref().filter(|_| path.filter.is_none())?;
        let is_meant = |urn: &str| {
            urn.split_at_checked(schema.len()).is_some_and(|(prefix, rest)| {
                prefix.eq_ignore_ascii_case(schema)
                    && rest.strip_prefix(':').is_some_and(|rest| rest.eq_ignore_ascii_case(&path.attribute))
            })
        };
        let known = is_meant(urn::ENTERPRISE_USER)
            || self.0.keys().any(|key| is_meant(key))
            || self.listed_schemas().any(|listed| !urn::is_core(listed) && is_meant(listed));
        known.then(|| format!("{schema}:{}", path.attribute))
    }

    fn list_schema(&mut self, schema: &str) {
        if !self.listed_schemas().any(|listed| listed.eq_ignore_ascii_case(schema)) {
            elements_at(&mut self.0, "schemas").push(Value::from(schema));
        }
    }

    fn unlist_schema(&mut self, schema: &str) {
        if let Some(Value::Array(schemas)) = lookup_mut(&mut self.0, "schemas") {
            schemas.retain(|listed| !listed.as_str().is_some_and(|listed| listed.eq_ignore_ascii_case(schema)));
        }
    }
}

impl From<Map<String, Value>> for Resource {
    fn from(map: Map<String, Value>) -> Self {
        Self(map)
    }
}

impl From<Resource> for Value {
    fn from(resource: Resource) -> Self {
        Value::Object(resource.0)
    }
}

/// Where a path leads.
enum Place<'a, 'p> {
    Extension(&'a Value),
    /// The attribute, and the part of it that is meant.
    Attribute(&'a Value, Option<&'p str>),
}

/// The element that a filter describes by its `eq` terms; `None` when it says anything else.
pub(super) fn described_element(filter: &Filter) -> Option<Map<String, Value>> {
    let mut element = Map::new();
    for (path, literal) in filter.equality_terms()? {
        let value = match literal {
            Literal::Null => continue,
            Literal::Boolean(value) => Value::from(*value),
            Literal::Number(number) => Value::Number(number.clone()),
            // Entra ID writes `primary eq "True"`.
            Literal::Text(text) if path.attribute.eq_ignore_ascii_case("primary") => {
                Value::from(text.eq_ignore_ascii_case("true"))
            }
            Literal::Text(text) => Value::from(text.as_str()),
        };
        put(&mut element, &path.attribute, value);
    }
    Some(element)
}

/// True when an element is the preferred one; a boolean in a string counts.
pub(super) fn is_primary(element: &Value) -> bool {
    match element.as_object().and_then(|map| lookup(map, "primary")) {
        Some(Value::Bool(primary)) => *primary,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// The URN under which the attribute of this path stands; `None` at the top of the resource.
fn extension_of(path: &AttributePath) -> Option<&str> {
    path.schema.as_deref().filter(|schema| !urn::is_core(schema))
}

fn leaves<'a, 'p>(
    value: &'a Value,
    filter: Option<&'p Filter>,
    sub_attribute: Option<&'p str>,
) -> impl Iterator<Item = &'a Value> {
    elements(value).filter(move |element| filter.is_none_or(|filter| element_matches(filter, element, None))).flat_map(
        move |element| match sub_attribute {
            None => std::slice::from_ref(element),
            Some(name) => element.as_object().and_then(|map| lookup(map, name)).map_or(&[][..], elements_of),
        },
    )
}

fn elements(value: &Value) -> std::slice::Iter<'_, Value> {
    elements_of(value).iter()
}

fn elements_of(value: &Value) -> &[Value] {
    match value {
        Value::Array(elements) => elements,
        value => std::slice::from_ref(value),
    }
}

fn set_elements(elements: &mut Vec<Value>, filter: &Filter, sub_attribute: Option<&str>, value: Value) {
    if !elements.iter().any(|element| element_matches(filter, element, None)) {
        let mut element = described_element(filter).unwrap_or_default();
        if !elements.iter().any(is_primary) && lookup(&element, "primary").is_none() {
            element.insert("primary".to_owned(), Value::from(true));
        }
        write_element(&mut element, sub_attribute, value);
        elements.push(Value::Object(element));
        return;
    }
    for element in elements.iter_mut().filter(|element| element_matches(filter, element, None)) {
        match element {
            Value::Object(map) => write_element(map, sub_attribute, value.clone()),
            plain => *plain = value.clone(),
        }
    }
}

/// Writes one part of an element, or merges an object into it. A plain value stands for the part `value`.
fn write_element(element: &mut Map<String, Value>, sub_attribute: Option<&str>, value: Value) {
    match (sub_attribute, value) {
        (Some(name), value) => put(element, name, value),
        (None, Value::Object(parts)) => {
            for (name, part) in parts {
                put(element, &name, part);
            }
        }
        (None, value) => put(element, "value", value),
    }
}

fn remove_in(map: &mut Map<String, Value>, attribute: &str, filter: Option<&Filter>, sub_attribute: Option<&str>) {
    let Some(value) = lookup_mut(map, attribute) else { return };
    let selected = |element: &Value| filter.is_none_or(|filter| element_matches(filter, element, None));
    match (value, sub_attribute) {
        (Value::Array(elements), Some(name)) => {
            for element in elements.iter_mut().filter(|element| selected(element)) {
                if let Value::Object(parts) = element {
                    take(parts, name);
                }
            }
            elements.retain(|element| !is_empty(element));
        }
        (Value::Array(elements), None) => elements.retain(|element| !selected(element)),
        (Value::Object(parts), Some(name)) => take(parts, name),
        (value, _) if selected(value) => *value = Value::Null,
        _ => return,
    }
    if lookup(map, attribute).is_some_and(is_empty) {
        take(map, attribute);
    }
}

#[cfg(test)]
mod tests;
