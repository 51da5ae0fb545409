//! What a service provider says of itself: `ServiceProviderConfig` and `ResourceType` (RFC 7643 sections 5 and 6).
//!
//! Reading accepts documents with gaps, as many targets publish them; writing gives every required attribute.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::urn;

/// What the service offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceProviderConfig {
    pub schemas: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation_uri: Option<String>,
    pub patch: Supported,
    pub bulk: BulkSupport,
    pub filter: FilterSupport,
    pub change_password: Supported,
    pub sort: Supported,
    pub etag: Supported,
    pub authentication_schemes: Vec<AuthenticationScheme>,
    /// RFC 9865.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Supported {
    pub supported: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BulkSupport {
    pub supported: bool,
    /// Operations in one request.
    pub max_operations: u64,
    /// Bytes of one request.
    pub max_payload_size: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FilterSupport {
    pub supported: bool,
    /// Resources in one answer; 0 where the document does not say.
    pub max_results: u64,
}

/// How lists are paged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pagination {
    pub cursor: bool,
    pub index: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_pagination_method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_page_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_page_size: Option<u64>,
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor_timeout: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthenticationScheme {
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    pub description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
}

/// A type of resource and where it is found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceType {
    #[serde(default = "resource_type_schemas")]
    pub schemas: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Relative to the base URI, with its slash.
    pub endpoint: String,
    /// The URN of the base schema.
    pub schema: String,
    #[serde(default)]
    pub schema_extensions: Vec<SchemaExtension>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaExtension {
    pub schema: String,
    #[serde(default)]
    pub required: bool,
}

impl Default for ServiceProviderConfig {
    /// A service that offers nothing beyond the obligatory.
    fn default() -> Self {
        Self {
            schemas: vec![urn::SERVICE_PROVIDER_CONFIG.to_owned()],
            documentation_uri: None,
            patch: Supported::default(),
            bulk: BulkSupport::default(),
            filter: FilterSupport::default(),
            change_password: Supported::default(),
            sort: Supported::default(),
            etag: Supported::default(),
            authentication_schemes: Vec::new(),
            pagination: None,
            meta: None,
        }
    }
}

fn resource_type_schemas() -> Vec<String> {
    vec![urn::RESOURCE_TYPE.to_owned()]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sparse_configuration_is_read_as_offering_less() {
        let config: ServiceProviderConfig =
            serde_json::from_value(json!({"patch": {"supported": true}, "filter": {"supported": true}, "odd": 1}))
                .unwrap();
        assert!(config.patch.supported && config.filter.supported && !config.bulk.supported);
        assert_eq!(config.filter.max_results, 0);
    }

    #[test]
    fn a_configuration_is_written_with_every_required_attribute() {
        let written = serde_json::to_value(ServiceProviderConfig::default()).unwrap();
        for name in ["schemas", "patch", "bulk", "filter", "changePassword", "sort", "etag", "authenticationSchemes"] {
            assert!(written.get(name).is_some(), "{name}");
        }
        assert_eq!(written["bulk"], json!({"supported": false, "maxOperations": 0, "maxPayloadSize": 0}));
    }

    #[test]
    fn a_resource_type_without_extensions_is_read() {
        let read: ResourceType =
            serde_json::from_value(json!({"name": "User", "endpoint": "/Users", "schema": urn::USER})).unwrap();
        assert_eq!(read.schema_extensions, []);
    }
}
