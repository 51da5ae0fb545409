//! A `PatchOp` against a resource: the operations of RFC 7644 section 3.5.2, and what clients mean by them.
//!
//! All or nothing: the result is a new resource, and the old one stays as it is. What an operation does at one
//! attribute is in `change`, what it does to a list in `elements`.

mod change;
mod elements;

use serde_json::{Map, Value};

use self::change::{Change, unassign};
use super::body::{follow_schemas, missing_required};
use super::conform::{invalid, refuse_twins};
use super::messages::{ScimError, ScimType};
use super::object::{is_empty, lookup, object_at};
use super::patch::{Op, Operation, PatchOp};
use super::path::AttributePath;
use super::resource::Resource;
use super::schema::{Attribute, Mutability, Resolved, ResourceSchema, Schema};
use super::strictness::Strictness;

/// The resource as it is after all the operations, in canonical form.
///
/// Lenient, it understands booleans in strings, names that are paths in a value without a path, a `replace` of one
/// part of an element that its filter describes and that is not there yet, and a manager given by its id alone; names
/// that nobody knows in a value without a path are passed over. Strict, all of these are refused. Members are removed
/// by value either way: to take the value for decoration would remove them all.
pub fn apply(
    patch: &PatchOp,
    resource: &Resource,
    schema: &ResourceSchema,
    strictness: Strictness,
) -> Result<Resource, ScimError> {
    let patcher = Patcher { schema, strictness };
    let mut patched = resource.clone();
    for operation in &patch.operations {
        match (&operation.path, operation.value.as_ref()) {
            (Some(path), value) => {
                let at = schema.resolve(path).ok_or_else(|| no_such_attribute(path))?;
                refuse_read_only(&at)?;
                patcher.change(operation.op, path, value, at, &mut patched)?;
            }
            (None, value) => patcher.change_without_path(operation.op, value, &mut patched)?,
        }
    }
    follow_schemas(&mut patched, schema);
    match missing_required(&patched, schema) {
        Some(name) => Err(mutability(&name, "is required")),
        None => Ok(patched),
    }
}

/// One operation at an attribute that stands alone in `map`, or at one part of it.
pub(super) fn apply_to_attribute(
    operation: &Operation,
    map: &mut Map<String, Value>,
    attribute: &Attribute,
    part: Option<&Attribute>,
) -> Result<(), ScimError> {
    let path = operation.path.as_ref().ok_or_else(|| invalid(&attribute.name, "is named by a `path`"))?;
    let value = operation.value.as_ref();
    Change { op: operation.op, path, value, strictness: Strictness::Strict }.apply(map, attribute, part)
}

/// What every operation of a PATCH is read by.
#[derive(Clone, Copy)]
struct Patcher<'a> {
    schema: &'a ResourceSchema,
    strictness: Strictness,
}

impl<'a> Patcher<'a> {
    /// One operation at the place that its path names.
    fn change(
        self,
        op: Op,
        path: &AttributePath,
        value: Option<&Value>,
        at: Resolved<'_>,
        resource: &mut Resource,
    ) -> Result<(), ScimError> {
        let change = Change { op, path, value, strictness: self.strictness };
        let root = resource.as_map_mut();
        let Some(extension) = at.extension else {
            return match at.attribute {
                Some(attribute) if attribute.name == "schemas" => self.check_schemas(op, value),
                Some(attribute) => change.apply(root, attribute, at.sub_attribute),
                None => Ok(()),
            };
        };
        match at.attribute {
            Some(attribute) => change.apply(object_at(root, extension), attribute, at.sub_attribute)?,
            None => self.change_extension(op, value, extension, root)?,
        }
        if lookup(root, extension).is_some_and(is_empty) {
            root.remove(extension);
        }
        Ok(())
    }

    /// Each name of the value is an operation of its own. Names are paths here (Entra ID sends `name.givenName`), and
    /// what a client merely echoes (`id`, `meta`, `schemas`) is passed over.
    fn change_without_path(self, op: Op, value: Option<&Value>, resource: &mut Resource) -> Result<(), ScimError> {
        if op == Op::Remove {
            return Err(ScimError::bad_request(ScimType::NoTarget, "a remove operation needs a `path`"));
        }
        let Some(Value::Object(parts)) = value else {
            return Err(ScimError::bad_request(
                ScimType::InvalidValue,
                "an operation without `path` needs an object as `value`",
            ));
        };
        refuse_twins(parts)?;
        for (name, value) in parts {
            let Some((path, at)) = self.named(name, None)? else { continue };
            let echoed = at.attribute.is_some_and(|attribute| attribute.name == "schemas");
            if refuse_read_only(&at).is_ok() && !echoed {
                self.change(op, &path, Some(value), at, resource)?;
            }
        }
        Ok(())
    }

    /// A path that is the URN of an extension: its attributes are changed one by one, or all of it goes.
    fn change_extension(
        self,
        op: Op,
        value: Option<&Value>,
        extension: &str,
        root: &mut Map<String, Value>,
    ) -> Result<(), ScimError> {
        match (op, value) {
            (Op::Remove, _) | (Op::Replace, Some(Value::Null)) => {
                let map = object_at(root, extension);
                for attribute in self.schema.extension(extension).iter().flat_map(|schema| &schema.attributes) {
                    if attribute.mutability != Mutability::ReadOnly {
                        unassign(map, attribute)?;
                    }
                }
                Ok(())
            }
            (Op::Add, Some(Value::Null)) => Ok(()),
            (op, Some(Value::Object(parts))) => {
                refuse_twins(parts)?;
                let map = object_at(root, extension);
                for (name, value) in parts {
                    let Some((path, at)) = self.named(name, Some(extension))? else { continue };
                    let Some(attribute) = at.attribute.filter(|_| refuse_read_only(&at).is_ok()) else { continue };
                    let change = Change { op, path: &path, value: Some(value), strictness: self.strictness };
                    change.apply(map, attribute, at.sub_attribute)?;
                }
                Ok(())
            }
            _ => Err(invalid(extension, "is an object")),
        }
    }

    /// What a name inside a value means. Strict, it is the name of an attribute or of an extension, and known.
    fn named(self, name: &str, extension: Option<&str>) -> Result<Option<(AttributePath, Resolved<'a>)>, ScimError> {
        let path = match extension {
            Some(extension) => AttributePath::parse(name).ok().map(|path| path.in_schema(extension)),
            // The URN of an extension need not end like an attribute.
            None => self.schema.extension(name).and_then(whole).or_else(|| AttributePath::parse(name).ok()),
        };
        let plain = |path: &AttributePath| path.filter.is_none() && path.sub_attribute.is_none();
        let path = path.filter(|path| !self.strictness.is_strict() || plain(path));
        match path.and_then(|path| Some((self.schema.resolve(&path)?, path))) {
            Some((at, path)) => Ok(Some((path, at))),
            None if self.strictness.is_strict() => Err(ScimError::bad_request(
                ScimType::InvalidPath,
                format!("`{name}` names no attribute of this type of resource"),
            )),
            None => Ok(None),
        }
    }

    /// `schemas` follows what the resource has, so an operation on it is checked and then has no effect of its own.
    fn check_schemas(self, op: Op, value: Option<&Value>) -> Result<(), ScimError> {
        let listed = match (op, value) {
            (Op::Remove, _) | (_, Some(Value::Null)) => return Err(mutability("schemas", "is required")),
            (_, Some(Value::Array(listed))) => listed.as_slice(),
            (_, Some(lone)) => std::slice::from_ref(lone),
            (_, None) => return Err(invalid("schemas", "needs a `value`")),
        };
        let known = |listed: &Value| {
            let urn = listed.as_str().unwrap_or_default();
            self.schema.base.id.eq_ignore_ascii_case(urn) || self.schema.extension(urn).is_some()
        };
        match listed.iter().all(known) {
            true => Ok(()),
            false => Err(invalid("schemas", "lists a schema that this type of resource does not have")),
        }
    }
}

/// The path of an extension as a whole.
fn whole(extension: &Schema) -> Option<AttributePath> {
    let (schema, attribute) = extension.id.rsplit_once(':')?;
    Some(AttributePath::new(attribute).in_schema(schema))
}

fn refuse_read_only(at: &Resolved<'_>) -> Result<(), ScimError> {
    let read_only = |attribute: &&Attribute| attribute.mutability == Mutability::ReadOnly;
    match at.attribute.filter(read_only).or(at.sub_attribute.filter(read_only)) {
        Some(attribute) => Err(mutability(&attribute.name, "is read-only")),
        None => Ok(()),
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
