//! The fixed names of the protocol: schema and message URNs, endpoints, media types.

pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub const ENTERPRISE_USER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub const SERVICE_PROVIDER_CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
pub const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
pub const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
pub const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
pub const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// The media type of every body (RFC 7644 section 3.1).
pub const MEDIA_TYPE: &str = "application/scim+json";
/// The media type that is accepted as well.
pub const JSON_MEDIA_TYPE: &str = "application/json";

/// Endpoint names, relative to the base URI and without a slash.
pub const USERS: &str = "Users";
pub const GROUPS: &str = "Groups";
pub const SERVICE_PROVIDER_CONFIG_ENDPOINT: &str = "ServiceProviderConfig";
pub const RESOURCE_TYPES: &str = "ResourceTypes";
pub const SCHEMAS: &str = "Schemas";
pub const BULK: &str = "Bulk";
pub const ME: &str = "Me";
pub const SEARCH: &str = ".search";

const CORE_PREFIX: &str = "urn:ietf:params:scim:schemas:core:2.0:";

/// True for a schema whose attributes stand at the top of a resource; those of any other schema stand in an
/// object under its URN (RFC 7643 section 3.3). URNs compare without regard to case.
pub fn is_core(schema: &str) -> bool {
    schema.get(..CORE_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(CORE_PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_schemas_are_told_from_extensions_in_any_case() {
        for (schema, core) in [
            (USER, true),
            (GROUP, true),
            ("URN:IETF:params:scim:schemas:core:2.0:user", true),
            (ENTERPRISE_USER, false),
            ("é", false),
        ] {
            assert_eq!(is_core(schema), core, "{schema}");
        }
    }
}
