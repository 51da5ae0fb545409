//! What the discovery documents of a target (RFC 7644 section 4) mean for its profile.
//!
//! Targets publish them with gaps, wrapped in lists, or wrong. Whatever is missing or not as it should be counts as not
//! said.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use url::Url;

use super::{BulkLimits, Paging, Profile};
use crate::scim::urn;

/// What a target said of itself; `Null` where it said nothing.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// `/ServiceProviderConfig` (RFC 7643 section 5).
    pub config: Value,
    /// `/ResourceTypes` (RFC 7643 section 6).
    pub resource_types: Value,
    /// `/Schemas` (RFC 7643 section 7).
    pub schemas: Value,
}

impl Profile {
    /// This profile with what the target says. `base` is the base URL, with a slash at its end.
    pub fn discovered(&self, said: &Discovered, base: &Url) -> Self {
        let mut profile = self.clone();
        read_config(&mut profile, elements(&said.config).first().unwrap_or(&&Value::Null));
        for resource_type in elements(&said.resource_types) {
            read_resource_type(&mut profile.endpoints, resource_type, base);
        }
        for schema in elements(&said.schemas) {
            read_schema(&mut profile, schema);
        }
        profile
    }
}

fn read_config(profile: &mut Profile, config: &Value) {
    let supported = |feature: &str| member(config, feature).and_then(|f| member(f, "supported")).and_then(boolean);
    let number = |feature: &str, name: &str| {
        let number = member(config, feature).and_then(|f| member(f, name)).and_then(Value::as_u64);
        number.and_then(|number| usize::try_from(number).ok()).filter(|&number| number > 0)
    };
    let flags = [
        ("filter", &mut profile.filter),
        ("patch", &mut profile.patch),
        ("etag", &mut profile.etag),
        ("sort", &mut profile.sort),
    ];
    for (feature, flag) in flags {
        *flag = supported(feature).unwrap_or(*flag);
    }
    for most in [number("filter", "maxResults"), number("pagination", "maxPageSize")].into_iter().flatten() {
        profile.max_page_size = profile.max_page_size.min(most);
    }
    if let Some(offered) = supported("bulk") {
        let limits = profile.bulk.unwrap_or_default();
        profile.bulk = offered.then(|| BulkLimits {
            max_operations: number("bulk", "maxOperations").unwrap_or(limits.max_operations),
            max_bytes: number("bulk", "maxPayloadSize").unwrap_or(limits.max_bytes),
        });
    }
    let paging = |method: &str| member(config, "pagination").and_then(|p| member(p, method)).and_then(boolean);
    match (paging("cursor"), paging("index")) {
        (Some(true), _) => profile.paging = Paging::Cursor,
        (_, Some(true)) => profile.paging = Paging::Index,
        _ => {}
    }
}

/// Where a resource type is served: absolute, or relative with or without a slash.
fn read_resource_type(endpoints: &mut BTreeMap<String, String>, resource_type: &Value, base: &Url) {
    let text = |name: &str| member(resource_type, name).and_then(Value::as_str);
    let Some(endpoint) = text("endpoint") else { return };
    let Some(path) = below(endpoint, base) else { return };
    let name = text("name").or(text("id")).unwrap_or_default();
    let is = |urn: &str, known: &str| {
        text("schema").map_or_else(|| name.eq_ignore_ascii_case(known), |schema| schema.eq_ignore_ascii_case(urn))
    };
    let kind = if is(urn::USER, "User") {
        urn::USERS
    } else if is(urn::GROUP, "Group") {
        urn::GROUPS
    } else {
        return;
    };
    if path != kind {
        // Somebody may list a second type of the same schema; the one under its own name counts.
        endpoints.entry(kind.to_ascii_lowercase()).or_insert(path);
    } else {
        endpoints.remove(&kind.to_ascii_lowercase());
    }
}

/// The part of an address below the base; `None` when it leads elsewhere.
fn below(endpoint: &str, base: &Url) -> Option<String> {
    let path = match Url::parse(endpoint) {
        Ok(url) if url.origin() == base.origin() => url.path().to_owned(),
        Ok(_) => return None,
        Err(_) => endpoint.to_owned(),
    };
    let path = path.strip_prefix(base.path()).unwrap_or(&path).trim_matches('/');
    is_path(path).then(|| path.to_owned())
}

/// True for a path that leads below the base URL, without slashes around it.
pub(super) fn is_path(path: &str) -> bool {
    !path.is_empty()
        && path.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
        && !path.contains(['?', '#', '%', '\\'])
        && !path.contains(char::is_control)
}

/// The attributes that may be written, and whether groups show their members.
fn read_schema(profile: &mut Profile, schema: &Value) {
    let Some(id) = member(schema, "id").and_then(Value::as_str) else { return };
    let Some(attributes) = member(schema, "attributes").and_then(Value::as_array) else { return };
    let text =
        |attribute: &Value, name: &str| member(attribute, name).and_then(Value::as_str).map(str::to_ascii_lowercase);
    let is_writable = |attribute: &&Value| text(attribute, "mutability").as_deref() != Some("readonly");
    let mut names = BTreeSet::new();
    for attribute in attributes.iter().filter(is_writable) {
        let Some(name) = text(attribute, "name") else { continue };
        let parts = member(attribute, "subAttributes").and_then(Value::as_array).into_iter().flatten();
        let parts = parts.filter(is_writable).filter_map(|part| text(part, "name"));
        names.extend(parts.map(|part| [name.as_str(), ".", &part].concat()));
        names.insert(name);
    }
    if id.eq_ignore_ascii_case(urn::GROUP) {
        let members = attributes.iter().find(|attribute| text(attribute, "name").as_deref() == Some("members"));
        if members.and_then(|members| text(members, "returned")).as_deref() == Some("never") {
            profile.members_readable = Some(false);
        }
    }
    // A document without content says nothing.
    if !names.is_empty() {
        profile.attributes.insert(id.to_ascii_lowercase(), names);
    }
}

/// The documents of a list response, of a bare array, or the one document itself.
fn elements(said: &Value) -> Vec<&Value> {
    let list = match said {
        Value::Array(list) => Some(list),
        other => member(other, "Resources").and_then(Value::as_array),
    };
    list.map_or_else(|| vec![said], |list| list.iter().collect())
}

/// The member of an object, by its name in any letter case.
pub(in crate::target) fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object()?.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A Boolean, also as text: some targets quote them.
pub(in crate::target) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}
