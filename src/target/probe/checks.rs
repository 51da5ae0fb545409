//! The catalogue of what a probe asks. A dense table by nature.

use super::report::Check;

const fn check(title: &'static str, section: &'static str) -> Check {
    Check { title, section, essential: false }
}

const fn essential(title: &'static str, section: &'static str) -> Check {
    Check { title, section, essential: true }
}

pub(super) static SERVICE_PROVIDER_CONFIG: Check = check("it says what it offers", "RFC 7643 §5");
pub(super) static RESOURCE_TYPES: Check = check("it lists its resource types", "RFC 7643 §6");
pub(super) static SCHEMAS: Check = check("it publishes its schemas", "RFC 7643 §7");
pub(super) static MEDIA_TYPE: Check = check("answers are application/scim+json", "RFC 7644 §3.1");
pub(super) static UNKNOWN_RESOURCE: Check = check("an unknown id is answered with 404", "RFC 7644 §3.12");
pub(super) static ERROR_BODY: Check = check("errors have a SCIM body", "RFC 7644 §3.12");

pub(super) static CREATE: Check = essential("users are created", "RFC 7644 §3.3");
pub(super) static CREATED_ANSWER: Check = check("a creation is answered with the resource", "RFC 7644 §3.3");
pub(super) static LOCATION: Check = check("a creation tells the location", "RFC 7644 §3.3");
pub(super) static READ: Check = essential("users are read by id", "RFC 7644 §3.4.1");
pub(super) static KEEPS: Check = check("attributes come back as they were sent", "RFC 7643 §4.1");
pub(super) static BOOLEANS: Check = check("Booleans are JSON Booleans", "RFC 7643 §2.3.2");
pub(super) static META: Check = check("resources have meta data", "RFC 7643 §3.1");
pub(super) static UNIQUENESS: Check = check("a taken userName is refused with 409", "RFC 7644 §3.3");
pub(super) static UNIQUENESS_TYPE: Check = check("the refusal says `uniqueness`", "RFC 7644 §3.12");

pub(super) static FILTER: Check = check("users are found by userName", "RFC 7644 §3.4.2.2");
pub(super) static FILTER_AT_ONCE: Check = check("a search shows what was just written", "RFC 7644 §3.4.2");
pub(super) static FILTER_CASE: Check = check("userName compares without regard to case", "RFC 7643 §4.1.1");
pub(super) static FILTER_NOTHING: Check = check("a search without a match is an empty list", "RFC 7644 §3.4.2");
pub(super) static FILTER_ATTRIBUTES: Check = check("users are found by other attributes", "RFC 7644 §3.4.2.2");
pub(super) static FILTER_GROUPS: Check = check("groups are found by filter", "RFC 7644 §3.4.2.2");
pub(super) static PAGES: Check = check("lists are paged by startIndex and count", "RFC 7644 §3.4.2.4");
pub(super) static CURSOR: Check = check("lists are paged by cursor", "RFC 9865 §2");
pub(super) static PROJECTION: Check = check("a query names the attributes it wants", "RFC 7644 §3.4.2.5");
pub(super) static SORT: Check = check("lists are sorted", "RFC 7644 §3.4.2.3");
pub(super) static SEARCH: Check = check("searches may be sent by POST", "RFC 7644 §3.4.3");

pub(super) static CHANGE: Check = essential("users are changed, by PATCH or by PUT", "RFC 7644 §3.5");
pub(super) static PATCH: Check = check("PATCH replaces an attribute", "RFC 7644 §3.5.2.3");
pub(super) static PATCH_SEVERAL: Check = check("one PATCH carries several operations", "RFC 7644 §3.5.2");
pub(super) static PATCH_VALUE_PATH: Check = check("PATCH selects a value by filter", "RFC 7644 §3.5.2");
pub(super) static PATCH_EXTENSION: Check = check("PATCH reaches extensions", "RFC 7644 §3.10");
pub(super) static PATCH_REMOVE: Check = check("PATCH removes an attribute", "RFC 7644 §3.5.2.2");
pub(super) static TAKES_BOOLEANS: Check = check("changes take Booleans", "RFC 7643 §2.3.2");
pub(super) static PATCH_BAD_PATH: Check = check("PATCH refuses an unknown attribute", "RFC 7644 §3.5.2");
pub(super) static PUT: Check = check("PUT replaces a resource", "RFC 7644 §3.5.1");
pub(super) static RENAME: Check = check("userName can be changed", "RFC 7643 §4.1.1");
pub(super) static ETAG: Check = check("If-Match refuses a stale change", "RFC 7644 §3.14");

pub(super) static GROUPS: Check = check("groups are created", "RFC 7644 §3.3");
pub(super) static GROUP_MEMBERS: Check = check("groups show their members", "RFC 7643 §4.2");
pub(super) static MEMBERS_ON_CREATE: Check = check("groups are created with members", "RFC 7644 §3.3");
pub(super) static MEMBERS_ADD: Check = check("PATCH adds a member", "RFC 7644 §3.5.2.1");
pub(super) static MEMBERS_MANY: Check = check("PATCH adds many members", "RFC 7644 §3.5.2.1");
pub(super) static MEMBERS_REMOVE: Check = check("PATCH removes one member", "RFC 7644 §3.5.2.2");
pub(super) static MEMBERS_UNKNOWN: Check = check("an unknown member is refused as invalid", "RFC 7644 §3.12");
pub(super) static MEMBERS_EXCLUDED: Check = check("members can be left out of an answer", "RFC 7644 §3.9");
pub(super) static MEMBERS_DELETED: Check = check("a deleted user leaves the groups", "RFC 7644 §3.6");
pub(super) static USER_GROUPS: Check = check("users show their groups", "RFC 7643 §4.1.2");

pub(super) static BULK: Check = check("Bulk creates what refers to each other", "RFC 7644 §3.7");

pub(super) static TAKE_AWAY: Check = essential("users are deleted, or disabled", "RFC 7644 §3.6");
pub(super) static DISABLE: Check = check("a disabled user stays readable", "RFC 7643 §4.1.1");
pub(super) static DELETE: Check = check("users are deleted", "RFC 7644 §3.6");
pub(super) static GONE: Check = check("a deleted user is gone", "RFC 7644 §3.6");
pub(super) static NAME_FREE: Check = check("the name of a deleted user is free again", "RFC 7644 §3.6");
