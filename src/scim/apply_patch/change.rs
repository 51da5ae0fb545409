//! One operation at one attribute (the table of RFC 7644 sections 3.5.2.1 to 3.5.2.3).

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::elements::{add_elements, drop_duplicates, keep_one_primary, named_value};
use super::{mutability, no_such_attribute};
use crate::scim::conform::{conform, invalid};
use crate::scim::filter::Filter;
use crate::scim::filter_check::check_elements;
use crate::scim::filter_eval::element_matches;
use crate::scim::messages::{ScimError, ScimType};
use crate::scim::object::{elements_at, is_empty, lookup, object_at};
use crate::scim::patch::Op;
use crate::scim::path::AttributePath;
use crate::scim::resource::{described_element, is_primary};
use crate::scim::schema::{Attribute, AttributeType, Mutability};
use crate::scim::strictness::Strictness;

/// One operation at one place.
#[derive(Clone, Copy)]
pub(super) struct Change<'a> {
    pub(super) op: Op,
    pub(super) path: &'a AttributePath,
    pub(super) value: Option<&'a Value>,
    pub(super) strictness: Strictness,
}

impl Change<'_> {
    /// Changes the attribute, or one part of it, in the object that holds it.
    pub(super) fn apply(
        self,
        map: &mut Map<String, Value>,
        attribute: &Attribute,
        part: Option<&Attribute>,
    ) -> Result<(), ScimError> {
        if self.op != Op::Remove && self.value.is_none() {
            return Err(invalid(&attribute.name, "needs a `value`"));
        }
        let immutable = attribute.mutability == Mutability::Immutable;
        let before = immutable.then(|| map.get(&attribute.name).cloned()).flatten();
        match (attribute.multi_valued, self.path.filter.as_deref()) {
            (true, Some(filter)) => {
                check_elements(filter, attribute, self.strictness)?;
                self.change_selected(elements_at(map, &attribute.name), filter, attribute, part)?;
            }
            (true, None) => self.change_list(elements_at(map, &attribute.name), attribute, part)?,
            (false, Some(_)) => return Err(no_such_attribute(self.path)),
            (false, None) => self.change_single(map, attribute, part)?,
        }
        if map.get(&attribute.name).is_some_and(is_empty) {
            map.remove(&attribute.name);
        }
        if before.is_some() && map.get(&attribute.name) != before.as_ref() {
            return Err(mutability(&attribute.name, "cannot be changed"));
        }
        Ok(())
    }

    fn change_single(
        self,
        map: &mut Map<String, Value>,
        attribute: &Attribute,
        part: Option<&Attribute>,
    ) -> Result<(), ScimError> {
        if let Some(part) = part {
            return set_part(object_at(map, &attribute.name), part, self.new_value(part)?);
        }
        match self.new_value(attribute)? {
            new if attribute.kind == AttributeType::Complex && self.sets_parts() => {
                merge_parts(object_at(map, &attribute.name), attribute, self.value, new)
            }
            Some(value) => {
                map.insert(attribute.name.clone(), value);
                Ok(())
            }
            None if attribute.required => Err(mutability(&attribute.name, "is required")),
            None => unassign(map, attribute),
        }
    }

    /// A multi-valued attribute without a filter: the list itself, or one part of every element.
    fn change_list(
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
        let given = match self.value.map_or(Ok(None), |value| self.fitted(value, attribute))? {
            Some(Value::Array(given)) => given,
            _ => Vec::new(),
        };
        match self.op {
            Op::Replace => *elements = given,
            Op::Add => add_elements(elements, given, attribute)?,
            // Entra ID names the elements to remove by their values. A list that names none removes none.
            Op::Remove if self.value.is_some_and(|value| !value.is_null()) => {
                let gone: HashSet<String> = given.iter().map(|element| named_value(element, attribute)).collect();
                elements.retain(|element| !gone.contains(&named_value(element, attribute)));
            }
            Op::Remove => elements.clear(),
        }
        Ok(())
    }

    /// The elements that a filter selects.
    fn change_selected(
        self,
        elements: &mut Vec<Value>,
        filter: &Filter,
        attribute: &Attribute,
        part: Option<&Attribute>,
    ) -> Result<(), ScimError> {
        let selected = |element: &Value| element_matches(filter, element, Some(attribute));
        if !elements.iter().any(selected) {
            return self.add_described(elements, filter, attribute, part);
        }
        let clears = self.op == Op::Remove || (self.op == Op::Replace && self.gives_nothing());
        match part {
            Some(part) => self.set_on(elements, selected, part),
            None if clears => {
                elements.retain(|element| !selected(element));
                Ok(())
            }
            None => self.merge_into(elements, selected, attribute),
        }
    }

    /// No element is selected. Adding means the element that the filter describes; so does Entra ID's replace of one
    /// part. To remove what is not there is no mistake.
    fn add_described(
        self,
        elements: &mut Vec<Value>,
        filter: &Filter,
        attribute: &Attribute,
        part: Option<&Attribute>,
    ) -> Result<(), ScimError> {
        let describes = match self.op {
            // A description alone is no value.
            _ if self.gives_nothing() => return Ok(()),
            Op::Remove => return Ok(()),
            Op::Add => true,
            Op::Replace => part.is_some() && !self.strictness.is_strict(),
        };
        let meets = |described: &Map<_, _>| element_matches(filter, &Value::Object(described.clone()), Some(attribute));
        let Some(described) = described_element(filter).filter(|described| describes && meets(described)) else {
            return Err(ScimError::bad_request(ScimType::NoTarget, format!("`{}` selects nothing", self.path)));
        };
        let Some(Value::Array(mut new)) = self.fitted(&Value::Object(described), attribute)? else { return Ok(()) };
        match part {
            Some(part) => self.set_on(&mut new, |_| true, part)?,
            None => self.merge_into(&mut new, |_| true, attribute)?,
        }
        add_elements(elements, new, attribute)
    }

    /// Merges the one element that the operation gives into those that are selected.
    fn merge_into(
        self,
        elements: &mut Vec<Value>,
        selected: impl Fn(&Value) -> bool,
        attribute: &Attribute,
    ) -> Result<(), ScimError> {
        let written = match self.value {
            Some(Value::Array(written)) if written.len() == 1 => written.first(),
            Some(Value::Array(_)) | None => return Err(invalid(&attribute.name, "needs one element as `value`")),
            lone => lone,
        };
        let given = match written.map_or(Ok(None), |written| self.fitted(written, attribute))? {
            Some(Value::Array(mut given)) => given.pop(),
            _ => None,
        };
        for index in indexes(elements, selected) {
            match (&mut elements[index], given.clone()) {
                (Value::Object(parts), given) => merge_parts(parts, attribute, written, given)?,
                (plain, Some(given)) => *plain = given,
                (_, None) => {}
            }
            if given.as_ref().is_some_and(is_primary) {
                keep_one_primary(elements, index);
            }
        }
        drop_duplicates(elements);
        Ok(())
    }

    /// Sets or unassigns one part of the selected elements.
    fn set_on(
        self,
        elements: &mut Vec<Value>,
        selected: impl Fn(&Value) -> bool,
        part: &Attribute,
    ) -> Result<(), ScimError> {
        let value = self.new_value(part)?;
        for index in indexes(elements, selected) {
            if let Value::Object(parts) = &mut elements[index] {
                set_part(parts, part, value.clone())?;
            }
            if part.name == "primary" {
                keep_one_primary(elements, index);
            }
        }
        drop_duplicates(elements);
        Ok(())
    }

    /// What the place shall hold: nothing when the operation removes.
    fn new_value(self, attribute: &Attribute) -> Result<Option<Value>, ScimError> {
        match self.value {
            Some(value) if self.op != Op::Remove => self.fitted(value, attribute),
            _ => Ok(None),
        }
    }

    /// A value fitted to the attribute. In a PATCH a lone value is one element of a list.
    fn fitted(self, value: &Value, attribute: &Attribute) -> Result<Option<Value>, ScimError> {
        let value = match value {
            lone if attribute.multi_valued && !lone.is_array() && !lone.is_null() => Value::Array(vec![lone.clone()]),
            value => value.clone(),
        };
        conform(value, attribute, self.strictness)
    }

    /// True when the operation's value says that there is none: null, or an empty list.
    fn gives_nothing(self) -> bool {
        self.value.is_some_and(|value| value.is_null() || value.as_array().is_some_and(Vec::is_empty))
    }

    /// True when the operation gives parts of a complex value, if only to clear them.
    fn sets_parts(self) -> bool {
        self.op != Op::Remove && self.value.is_some_and(|value| !value.is_null())
    }
}

/// Takes an attribute away with everything in it, unless something of that cannot be changed. In a list, values come
/// and go as a whole.
pub(super) fn unassign(map: &mut Map<String, Value>, attribute: &Attribute) -> Result<(), ScimError> {
    let Some(present) = map.get(&attribute.name) else { return Ok(()) };
    let immutable = |attribute: &&Attribute| attribute.mutability == Mutability::Immutable;
    let mut parts = attribute.sub_attributes.iter().filter(immutable);
    let fixed = Some(attribute).filter(immutable).or_else(|| parts.find(|part| present.get(&part.name).is_some()));
    match fixed {
        Some(fixed) => Err(mutability(&fixed.name, "cannot be changed")),
        None => {
            map.remove(&attribute.name);
            Ok(())
        }
    }
}

/// The given parts are merged and the others stay; a part that is written as null goes.
fn merge_parts(
    parts: &mut Map<String, Value>,
    attribute: &Attribute,
    written: Option<&Value>,
    given: Option<Value>,
) -> Result<(), ScimError> {
    let written = written.and_then(Value::as_object);
    let mut given = match given {
        Some(Value::Object(given)) => given,
        _ => Map::new(),
    };
    for part in attribute.sub_attributes.iter().filter(|part| part.mutability != Mutability::ReadOnly) {
        let new = given.remove(&part.name);
        if new.is_some() || written.is_some_and(|written| lookup(written, &part.name).is_some()) {
            set_part(parts, part, new)?;
        }
    }
    Ok(())
}

/// Sets or unassigns a part; an immutable one only where it has no other value.
pub(super) fn set_part(
    parts: &mut Map<String, Value>,
    part: &Attribute,
    value: Option<Value>,
) -> Result<(), ScimError> {
    let present = parts.get(&part.name);
    if part.mutability == Mutability::Immutable && present.is_some() && present != value.as_ref() {
        return Err(mutability(&part.name, "cannot be changed"));
    }
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
