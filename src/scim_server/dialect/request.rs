//! What a dialect refuses of a request, and what it makes of one before it is served.

use serde_json::{Map, Value};

use super::{Booleans, Deleting, Dialect, Discovery, Excess, Filters, Operators, Patching, Putting, Values};
use crate::scim::{
    Attribute, AttributePath, AttributeType, Filter, Op, Operation, Operator, PatchOp, Resource, ResourceSchema,
    ScimError, ScimType, is_assigned,
};
use crate::scim_server::endpoint::Endpoint;
use crate::scim_server::resource_types::Kind;

impl Dialect {
    /// Refuses what the application does not have at all.
    pub(in crate::scim_server) fn check_offered(&self, endpoint: &Endpoint, method: &str) -> Result<(), ScimError> {
        let missing = || Err(ScimError::not_found("this application has nothing at this path"));
        let not_offered = || Err(ScimError::new(501, "this application does not offer this part of the protocol"));
        let of_user = *endpoint == Endpoint::Me || endpoint.kind().is_some_and(|kind| kind.has_groups());
        match endpoint {
            Endpoint::ServiceProviderConfig | Endpoint::Schemas(_) | Endpoint::ResourceTypes(_)
                if self.discovery == Discovery::Missing =>
            {
                missing()
            }
            Endpoint::ServiceProviderConfig if self.discovery == Discovery::FormerName => missing(),
            Endpoint::ServiceProviderConfigs if self.discovery != Discovery::FormerName => missing(),
            Endpoint::Bulk if !self.offers.bulk => not_offered(),
            Endpoint::Me if !self.offers.me => not_offered(),
            Endpoint::SearchAll | Endpoint::Search(_) | Endpoint::Base if !self.offers.search => not_offered(),
            endpoint if !self.offers.groups && endpoint.kind().is_some_and(|kind| kind.has_members()) => missing(),
            Endpoint::One(..) | Endpoint::Me => match (method, self.patch, self.put, self.delete) {
                ("PATCH", Patching::Missing(405), ..) => Err(ScimError::new(405, "this application knows no PATCH")),
                ("PATCH", Patching::Missing(_), ..) | ("PUT", _, Putting::Missing, _) => not_offered(),
                ("DELETE", _, _, Deleting::Forbidden) if of_user => {
                    Err(ScimError::new(403, "this application does not delete users"))
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Refuses a filter that the application does not understand.
    pub(in crate::scim_server) fn check_filter(&self, filter: &Filter, kind: &Kind) -> Result<(), ScimError> {
        let refused = |detail: &str| Err(ScimError::bad_request(ScimType::InvalidFilter, detail));
        if terms(filter) > self.filter_terms {
            return refused("the filter has too many terms for this application");
        }
        match &self.filters {
            Filters::All => Ok(()),
            Filters::None => refused("this application does not filter"),
            Filters::Users if kind.has_members() => refused("this application does not filter groups"),
            Filters::Users => Ok(()),
            Filters::Only { users, groups, operators } => {
                let attributes = if kind.has_members() { groups } else { users };
                if fits(filter, attributes, *operators) {
                    Ok(())
                } else {
                    refused("this application does not understand such a filter")
                }
            }
        }
    }

    /// Refuses the body of a create or a replace that the application would refuse, and takes away what it would
    /// forget.
    pub(in crate::scim_server) fn accept_resource(
        &self,
        body: &mut Map<String, Value>,
        kind: &Kind,
    ) -> Result<(), ScimError> {
        self.accept_booleans(body, &kind.schema)?;
        if kind.has_members() {
            let mut left = self.members.most.map(|(most, _)| most);
            return match entry(body, "members") {
                Some(members) => self.accept_members(members, &mut left),
                None => Ok(()),
            };
        }
        if !kind.has_groups() {
            return Ok(());
        }
        body.retain(|name, _| !self.forgets(name));
        self.accept_values(body, &kind.schema)?;
        let resource = Resource::from(body.clone());
        for path in self.required {
            let given = AttributePath::parse(path).is_ok_and(|path| resource.get(&path).is_some_and(is_assigned));
            if !given {
                let detail = ["this application needs a value for `", path, "`"].concat();
                return Err(ScimError::bad_request(ScimType::InvalidValue, detail));
            }
        }
        Ok(())
    }

    /// Refuses the operations of a PATCH that the application would refuse, and takes away what it would ignore.
    pub(in crate::scim_server) fn accept_patch(&self, patch: &mut PatchOp, kind: &Kind) -> Result<(), ScimError> {
        let refused = |detail: &str| Err(ScimError::bad_request(ScimType::InvalidPath, detail));
        for operation in &mut patch.operations {
            match (self.patch, &operation.path) {
                (Patching::WithPaths, None) => return refused("this application needs a path in every operation"),
                (Patching::WithoutPaths, Some(_)) => return refused("this application knows no paths in operations"),
                (Patching::NoValueFilters, Some(path)) if path.filter.is_some() => {
                    return refused("this application knows no filters in paths");
                }
                _ => {}
            }
            self.accept_operation_booleans(operation, &kind.schema)?;
        }
        if kind.has_groups() {
            self.ignore(patch);
            for operation in &mut patch.operations {
                if let (None, Some(Value::Object(parts))) = (&operation.path, &mut operation.value) {
                    self.accept_values(parts, &kind.schema)?;
                }
            }
        }
        if kind.has_members() {
            self.accept_member_changes(patch)?;
        }
        Ok(())
    }

    /// Refuses a change of what does not change.
    pub(in crate::scim_server) fn check_immutable(&self, before: &Resource, after: &Resource) -> Result<(), ScimError> {
        for path in self.immutable {
            let Ok(parsed) = AttributePath::parse(path) else { continue };
            if before.get(&parsed) != after.get(&parsed) {
                let detail = ["this application never changes `", path, "`"].concat();
                return Err(ScimError::bad_request(ScimType::Mutability, detail));
            }
        }
        Ok(())
    }

    fn forgets(&self, name: &str) -> bool {
        self.forgotten.iter().any(|forgotten| forgotten.eq_ignore_ascii_case(name))
    }

    /// Takes away the operations, and the parts of them, on attributes that a PATCH does not change.
    fn ignore(&self, patch: &mut PatchOp) {
        let Patching::Users(changed) = self.patch else {
            patch
                .operations
                .retain(|operation| !operation.path.as_ref().is_some_and(|path| self.forgets(&path.attribute)));
            return;
        };
        let counts = |name: &str| changed.iter().any(|changed| changed.eq_ignore_ascii_case(name));
        patch.operations.retain_mut(|operation| match (&operation.path, &mut operation.value) {
            (Some(path), _) => counts(&path.attribute),
            (None, Some(Value::Object(parts))) => {
                parts.retain(|name, _| counts(name));
                !parts.is_empty()
            }
            (None, _) => true,
        });
    }

    /// More values of an attribute than the application keeps.
    fn accept_values(&self, body: &mut Map<String, Value>, schema: &ResourceSchema) -> Result<(), ScimError> {
        if self.values == Values::Many {
            return Ok(());
        }
        for (name, value) in body.iter_mut() {
            let multi_valued = schema.top_attribute(name).is_some_and(|attribute| attribute.multi_valued);
            let Value::Array(values) = value else { continue };
            if !multi_valued || values.len() < 2 || name == "schemas" {
                continue;
            }
            if self.values == Values::One {
                let detail = ["this application keeps one value of `", name, "`"].concat();
                return Err(ScimError::bad_request(ScimType::InvalidValue, detail));
            }
            values.truncate(1);
        }
        Ok(())
    }

    fn accept_member_changes(&self, patch: &mut PatchOp) -> Result<(), ScimError> {
        let mut left = self.members.most.map(|(most, _)| most);
        for operation in &mut patch.operations {
            let filtered = operation.path.as_ref().is_some_and(|path| path.filter.is_some());
            let members = match (&operation.path, &mut operation.value) {
                (Some(path), value) if path.attribute.eq_ignore_ascii_case("members") => value.as_mut(),
                (None, Some(Value::Object(parts))) => match entry(parts, "members") {
                    Some(members) => Some(members),
                    None => continue,
                },
                _ => continue,
            };
            let empties = operation.op == Op::Remove && !filtered && members.is_none();
            if !self.members.replaceable && (empties || operation.op == Op::Replace) {
                let detail = "this application adds and removes members one by one";
                return Err(ScimError::bad_request(ScimType::InvalidValue, detail));
            }
            match members {
                Some(members) => self.accept_members(members, &mut left)?,
                None if filtered => self.accept_members(&mut Value::Null, &mut left)?,
                None => {}
            }
        }
        Ok(())
    }

    /// Counts members against those that are `left`; a single value counts as one.
    fn accept_members(&self, members: &mut Value, left: &mut Option<usize>) -> Result<(), ScimError> {
        let (Some(allowed), Some((_, excess))) = (*left, self.members.most) else { return Ok(()) };
        let named = members.as_array().map_or(1, Vec::len);
        *left = Some(allowed.saturating_sub(named));
        match (excess, members) {
            _ if named <= allowed => Ok(()),
            (Excess::Refused(status), _) => Err(ScimError {
                status,
                scim_type: (status == 400).then_some(ScimType::InvalidValue),
                detail: Some("the request names more members than this application takes at once".to_owned()),
            }),
            (Excess::Dropped, Value::Array(members)) => {
                members.truncate(allowed);
                Ok(())
            }
            (Excess::Dropped, _) => Ok(()),
        }
    }

    fn accept_booleans(&self, body: &mut Map<String, Value>, schema: &ResourceSchema) -> Result<(), ScimError> {
        if self.booleans == Booleans::Json {
            return Ok(());
        }
        for (name, value) in body.iter_mut() {
            match (schema.top_attribute(name), schema.extension(name), value) {
                (Some(attribute), _, value) => read_text(value, attribute)?,
                (None, Some(extension), Value::Object(parts)) => {
                    for (name, value) in parts.iter_mut() {
                        if let Some(attribute) = extension.attribute(name) {
                            read_text(value, attribute)?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn accept_operation_booleans(&self, operation: &mut Operation, schema: &ResourceSchema) -> Result<(), ScimError> {
        let Operation { path, value: Some(value), .. } = operation else { return Ok(()) };
        match path {
            Some(_) if self.booleans == Booleans::Json => Ok(()),
            Some(path) => match schema.attribute(path) {
                Some(attribute) => read_text(value, attribute),
                None => Ok(()),
            },
            None => match value {
                Value::Object(parts) => self.accept_booleans(parts, schema),
                _ => Ok(()),
            },
        }
    }
}

/// Makes booleans of texts, in a value and in its parts.
fn read_text(value: &mut Value, attribute: &Attribute) -> Result<(), ScimError> {
    match value {
        Value::Array(values) => values.iter_mut().try_for_each(|value| read_text(value, attribute)),
        Value::Object(parts) => parts.iter_mut().try_for_each(|(name, value)| match attribute.sub_attribute(name) {
            Some(part) => read_text(value, part),
            None => Ok(()),
        }),
        value if attribute.kind == AttributeType::Boolean => {
            let boolean = match value.as_str() {
                Some(text) if text.eq_ignore_ascii_case("true") => true,
                Some(text) if text.eq_ignore_ascii_case("false") => false,
                _ => {
                    let detail = ["this application takes `", &attribute.name, "` as the text \"True\" or \"False\""];
                    return Err(ScimError::bad_request(ScimType::InvalidValue, detail.concat()));
                }
            };
            *value = Value::Bool(boolean);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn terms(filter: &Filter) -> usize {
    match filter {
        Filter::Comparison { .. } | Filter::Present(_) => 1,
        Filter::And(filters) | Filter::Or(filters) => filters.iter().map(terms).sum(),
        Filter::Not(filter) | Filter::ValuePath { filter, .. } => terms(filter),
    }
}

fn fits(filter: &Filter, attributes: &[&str], operators: Operators) -> bool {
    match filter {
        Filter::And(filters) if operators == Operators::EqualAnd => {
            filters.iter().all(|filter| fits(filter, attributes, operators))
        }
        Filter::Comparison { path, operator, .. } => {
            let part = path.sub_attribute.as_deref();
            let name = [path.attribute.as_str(), part.map_or("", |_| "."), part.unwrap_or_default()].concat();
            let starts = operators == Operators::EqualOrStarts && *operator == Operator::StartsWith;
            (*operator == Operator::Equal || starts)
                && attributes.iter().any(|attribute| attribute.eq_ignore_ascii_case(&name))
        }
        // `emails[type eq "work"].value eq` is written as a value path; it counts as one comparison of its attribute.
        Filter::ValuePath { path, filter } => {
            let value = [path.attribute.as_str(), ".value"].concat();
            attributes.iter().any(|attribute| attribute.eq_ignore_ascii_case(&value)) && only_equal(filter)
        }
        _ => false,
    }
}

fn only_equal(filter: &Filter) -> bool {
    match filter {
        Filter::And(filters) => filters.iter().all(only_equal),
        Filter::Comparison { operator, .. } => *operator == Operator::Equal,
        _ => false,
    }
}

/// The value of this name, in any case (RFC 7643 section 2.1).
fn entry<'a>(body: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Value> {
    body.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
