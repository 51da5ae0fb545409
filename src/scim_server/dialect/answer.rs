//! How the answers of a dialect look.

use serde_json::{Map, Value, json};

use super::{Booleans, Dialect, Echo, Errors, Filters, Patching, UnknownMember};
use crate::scim::{
    Attribute, AttributeType, ResourceSchema, ScimError, ScimType, ServiceProviderConfig, Supported, urn,
};
use crate::scim_server::resource_types::Kind;

impl Dialect {
    /// True when a resource is answered as it is kept.
    pub(in crate::scim_server) fn shows_as_is(&self) -> bool {
        self.booleans == Booleans::Json && self.members.shown && self.offers.etags
    }

    /// True when a write of this method is answered with the resource.
    pub(in crate::scim_server) fn echoes(&self, method: &str) -> bool {
        match self.echo {
            Echo::Resource => true,
            Echo::Created => method == "POST",
            Echo::Nothing => false,
        }
    }

    /// Makes a resource look as the application shows it.
    pub(in crate::scim_server) fn show(&self, resource: &mut Map<String, Value>, kind: &Kind) {
        if !self.members.shown && kind.has_members() {
            resource.remove("members");
        }
        if !self.offers.etags
            && let Some(Value::Object(meta)) = resource.get_mut("meta")
        {
            meta.remove("version");
        }
        if self.booleans == Booleans::Text {
            write_texts(resource, &kind.schema);
        }
    }

    /// What the configuration says of this application.
    pub(in crate::scim_server) fn tell(&self, config: &mut ServiceProviderConfig) {
        config.patch = Supported { supported: !matches!(self.patch, Patching::Missing(_)) };
        config.filter.supported = !matches!(self.filters, Filters::None);
        config.filter.max_results = config.filter.max_results.min(self.page_size);
        let keep = |told: &mut Supported, offered: bool| told.supported &= offered;
        keep(&mut config.etag, self.offers.etags);
        keep(&mut config.sort, self.offers.sort);
        if !self.offers.bulk {
            config.bulk.supported = false;
            config.bulk.max_operations = 0;
            config.bulk.max_payload_size = 0;
        }
        config.pagination = config.pagination.take().filter(|_| self.offers.cursors);
        if let Some(pagination) = &mut config.pagination {
            pagination.max_page_size = pagination.max_page_size.map(|size| size.min(self.page_size));
            pagination.default_page_size = pagination.default_page_size.map(|size| size.min(self.page_size));
        }
    }

    /// The error that the application answers instead of this one. `names_members` says whether the request named
    /// members of a group.
    pub(in crate::scim_server) fn error(&self, error: ScimError, names_members: bool) -> ScimError {
        let unknown = names_members && error.status == 400 && error.scim_type == Some(ScimType::InvalidValue);
        if unknown && self.members.unknown == UnknownMember::Fails {
            return ScimError::new(500, "an unexpected error occurred");
        }
        match self.errors {
            Errors::BareConflict if error.status == 409 => ScimError { scim_type: None, ..error },
            _ => error,
        }
    }

    /// An error as the application writes it.
    pub(in crate::scim_server) fn write_error(&self, error: &ScimError) -> Value {
        match self.errors {
            Errors::Scim | Errors::BareConflict => {}
            Errors::CodeAndMessage => return json!({"code": error.status, "message": error.detail}),
            Errors::Capitals => {
                let word = error.scim_type.as_ref().map(|scim_type| capitals(scim_type.as_str()));
                return match word {
                    Some(word) => json!({
                        "schemas": [urn::ERROR],
                        "status": error.status.to_string(),
                        "scimType": word,
                        "detail": error.detail,
                    }),
                    None => json!(error),
                };
            }
        }
        json!(error)
    }
}

/// `invalidFilter` → `INVALID_FILTER`.
fn capitals(word: &str) -> String {
    let mut capitals = String::with_capacity(word.len() + 2);
    for letter in word.chars() {
        if letter.is_ascii_uppercase() {
            capitals.push('_');
        }
        capitals.push(letter.to_ascii_uppercase());
    }
    capitals
}

fn write_texts(resource: &mut Map<String, Value>, schema: &ResourceSchema) {
    for (name, value) in resource.iter_mut() {
        match (schema.top_attribute(name), schema.extension(name), value) {
            (Some(attribute), _, value) => write_text(value, attribute),
            (None, Some(extension), Value::Object(parts)) => {
                for (name, value) in parts.iter_mut() {
                    if let Some(attribute) = extension.attribute(name) {
                        write_text(value, attribute);
                    }
                }
            }
            _ => {}
        }
    }
}

fn write_text(value: &mut Value, attribute: &Attribute) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| write_text(value, attribute)),
        Value::Object(parts) => {
            for (name, value) in parts.iter_mut() {
                if let Some(part) = attribute.sub_attribute(name) {
                    write_text(value, part);
                }
            }
        }
        Value::Bool(boolean) if attribute.kind == AttributeType::Boolean => {
            *value = Value::from(if *boolean { "True" } else { "False" });
        }
        _ => {}
    }
}
