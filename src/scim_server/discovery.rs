//! What the server says of itself: `ServiceProviderConfig`, `ResourceTypes` and `Schemas` (RFC 7644 section 4).

use serde_json::{Value, json};

use super::MOST_BODY_BYTES;
use super::cursor::TIMEOUT_SECONDS;
use super::query::{DEFAULT_RESULTS, MOST_RESULTS};
use super::resource_types::{Kind, ResourceTypes};
use crate::auth::Scheme;
use crate::scim::{
    AuthenticationScheme, BulkSupport, Extension, FilterSupport, ListResponse, Pagination, Resource, ResourceType,
    Schema, SchemaExtension, ServiceProviderConfig, Supported, urn,
};

/// How much one Bulk request may hold.
pub(super) const BULK: BulkSupport =
    BulkSupport { supported: true, max_operations: 1000, max_payload_size: MOST_BODY_BYTES as u64 };

/// What it offers to callers with these kinds of credential.
pub(super) fn service_provider_config(schemes: &[Scheme], base: &str) -> ServiceProviderConfig {
    ServiceProviderConfig {
        patch: Supported { supported: true },
        bulk: BULK,
        filter: FilterSupport { supported: true, max_results: MOST_RESULTS },
        change_password: Supported { supported: true },
        sort: Supported { supported: true },
        etag: Supported { supported: true },
        pagination: Some(Pagination {
            cursor: true,
            index: true,
            default_pagination_method: Some("index".to_owned()),
            default_page_size: Some(DEFAULT_RESULTS),
            max_page_size: Some(MOST_RESULTS),
            cursor_timeout: Some(TIMEOUT_SECONDS),
        }),
        authentication_schemes: schemes.iter().map(authentication_scheme).collect(),
        meta: Some(json!({
            "resourceType": "ServiceProviderConfig",
            "location": address(&[base, urn::SERVICE_PROVIDER_CONFIG_ENDPOINT]),
        })),
        ..ServiceProviderConfig::default()
    }
}

fn authentication_scheme(scheme: &Scheme) -> AuthenticationScheme {
    let (kind, name, description, document) = match scheme {
        Scheme::Bearer => {
            ("oauthbearertoken", "Bearer token", "A fixed or a signed token in the Authorization header", "rfc6750")
        }
        Scheme::Basic => ("httpbasic", "Name and password", "HTTP basic authentication", "rfc7617"),
    };
    AuthenticationScheme {
        kind: kind.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        spec_uri: Some(["https://www.rfc-editor.org/info/", document].concat()),
        documentation_uri: None,
        primary: Some(*scheme == Scheme::Bearer),
    }
}

/// All the types of resource.
pub(super) fn resource_types(types: &ResourceTypes, base: &str) -> ListResponse<ResourceType> {
    let types: Vec<_> = types.kinds().iter().map(|kind| resource_type(kind, base)).collect();
    let total = types.len() as u64;
    ListResponse::page(types, total, 1)
}

/// The type of this name, in any case.
pub(super) fn resource_type_named(types: &ResourceTypes, name: &str, base: &str) -> Option<ResourceType> {
    Some(resource_type(types.named(name)?, base))
}

/// All the schemas.
pub(super) fn schemas(types: &ResourceTypes, base: &str) -> ListResponse {
    let schemas: Vec<_> = types.schemas().iter().filter_map(|schema| schema_resource(schema, base)).collect();
    let total = schemas.len() as u64;
    ListResponse::page(schemas, total, 1)
}

/// The schema of this URN, in any case.
pub(super) fn schema_named(types: &ResourceTypes, urn: &str, base: &str) -> Option<Resource> {
    schema_resource(types.schema(urn)?, base)
}

fn resource_type(kind: &Kind, base: &str) -> ResourceType {
    let schema = &kind.schema;
    let extension =
        |extension: &Extension| SchemaExtension { schema: extension.schema.id.clone(), required: extension.required };
    ResourceType {
        schemas: vec![urn::RESOURCE_TYPE.to_owned()],
        id: Some(kind.name.clone()),
        name: kind.name.clone(),
        description: kind.description.clone(),
        endpoint: ["/", &kind.endpoint].concat(),
        schema: schema.base.id.clone(),
        schema_extensions: schema.extensions.iter().map(extension).collect(),
        meta: Some(json!({
            "resourceType": "ResourceType",
            "location": address(&[base, urn::RESOURCE_TYPES, &kind.name]),
        })),
    }
}

fn schema_resource(schema: &Schema, base: &str) -> Option<Resource> {
    let Ok(Value::Object(mut map)) = serde_json::to_value(schema) else { return None };
    let location = address(&[base, urn::SCHEMAS, &schema.id]);
    map.insert("meta".to_owned(), json!({"resourceType": "Schema", "location": location}));
    Some(Resource::from(map))
}

fn address(segments: &[&str]) -> String {
    segments.join("/")
}
