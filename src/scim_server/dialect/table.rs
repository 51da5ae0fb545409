//! The dialects, as data. The first ones deviate in one point each; the others follow what applications document of
//! themselves, as far as it can be seen on the wire.

use std::time::Duration;

use super::{
    Booleans, Deleting, Dialect, Discovery, Echo, Errors, Excess, Filters, Inactive, Members, NoMatch, Offers,
    Operators, Patching, Putting, UnknownMember, Values,
};
use crate::scim_server::query::MOST_RESULTS;

const EVERYTHING: Offers =
    Offers { bulk: true, search: true, me: true, groups: true, sort: true, cursors: true, etags: true };
const NO_BULK: Offers = Offers { bulk: false, ..EVERYTHING };
/// What most applications leave out.
const BASICS: Offers =
    Offers { bulk: false, search: false, me: false, groups: true, sort: false, cursors: false, etags: false };
const ALL_MEMBERS: Members = Members { most: None, shown: true, replaceable: true, unknown: UnknownMember::Refused };

pub(super) const STANDARD: Dialect = Dialect {
    name: "standard",
    summary: "everything that RFC 7644 offers",
    discovery: Discovery::Full,
    filters: Filters::All,
    filter_terms: usize::MAX,
    no_match: NoMatch::EmptyList,
    page_size: MOST_RESULTS,
    lag: Duration::ZERO,
    patch: Patching::Full,
    put: Putting::Full,
    delete: Deleting::Deletes,
    inactive: Inactive::Stays,
    offers: EVERYTHING,
    members: ALL_MEMBERS,
    booleans: Booleans::Json,
    values: Values::Many,
    required: &[],
    immutable: &[],
    forgotten: &[],
    echo: Echo::Resource,
    errors: Errors::Scim,
    needs_user_agent: false,
};

pub(super) const NO_FILTER: Dialect =
    Dialect { name: "no-filter", summary: "every filter is refused", filters: Filters::None, ..STANDARD };
const NO_GROUP_FILTER: Dialect =
    Dialect { name: "no-group-filter", summary: "filters on groups are refused", filters: Filters::Users, ..STANDARD };
const EQ_ONLY: Dialect = Dialect {
    name: "eq-only",
    summary: "one `eq` on id, userName, externalId or displayName; every other filter is refused",
    filters: Filters::Only {
        users: &["id", "userName", "externalId"],
        groups: &["id", "displayName", "externalId"],
        operators: Operators::Equal,
    },
    ..STANDARD
};
const EMPTY_404: Dialect = Dialect {
    name: "empty-404",
    summary: "a filter that finds nothing is answered with 404",
    no_match: NoMatch::NotFound,
    ..STANDARD
};
const LAGGING: Dialect = Dialect {
    name: "lagging",
    summary: "lists and filters lag two seconds behind writes",
    lag: Duration::from_secs(2),
    offers: NO_BULK,
    ..STANDARD
};
const SMALL_PAGES: Dialect =
    Dialect { name: "small-pages", summary: "no more than 10 resources a page", page_size: 10, ..STANDARD };
const NO_PATCH: Dialect = Dialect {
    name: "no-patch",
    summary: "PATCH is answered with 501",
    patch: Patching::Missing(501),
    offers: NO_BULK,
    ..STANDARD
};
const NO_PATCH_405: Dialect = Dialect {
    name: "no-patch-405",
    summary: "PATCH is answered with 405",
    patch: Patching::Missing(405),
    offers: NO_BULK,
    ..STANDARD
};
const NO_PATHS: Dialect = Dialect {
    name: "no-paths",
    summary: "a PATCH operation has an object as its value and no path",
    patch: Patching::WithoutPaths,
    offers: NO_BULK,
    ..STANDARD
};
const NO_PUT: Dialect =
    Dialect { name: "no-put", summary: "PUT is answered with 501", put: Putting::Missing, offers: NO_BULK, ..STANDARD };
const NO_BULK_DIALECT: Dialect =
    Dialect { name: "no-bulk", summary: "bulk requests are answered with 501", offers: NO_BULK, ..STANDARD };
const NO_ECHO: Dialect = Dialect {
    name: "no-echo",
    summary: "a write is answered with 201 or 204 and no body",
    echo: Echo::Nothing,
    ..STANDARD
};
const TEN_MEMBERS: Dialect = Dialect {
    name: "ten-members",
    summary: "a request that names more than 10 members is refused with 413",
    members: Members { most: Some((10, Excess::Refused(413))), ..ALL_MEMBERS },
    offers: NO_BULK,
    ..STANDARD
};
const TEN_MEMBERS_400: Dialect = Dialect {
    name: "ten-members-400",
    summary: "a request that names more than 10 members is refused with 400",
    members: Members { most: Some((10, Excess::Refused(400))), ..ALL_MEMBERS },
    offers: NO_BULK,
    ..STANDARD
};
const MEMBERS_DROPPED: Dialect = Dialect {
    name: "members-dropped",
    summary: "of the members that a request names, those after the tenth are silently dropped",
    members: Members { most: Some((10, Excess::Dropped)), ..ALL_MEMBERS },
    offers: NO_BULK,
    ..STANDARD
};
const MEMBERS_HIDDEN: Dialect = Dialect {
    name: "members-hidden",
    summary: "groups are shown without their members",
    members: Members { shown: false, ..ALL_MEMBERS },
    ..STANDARD
};
const UNKNOWN_MEMBER_500: Dialect = Dialect {
    name: "unknown-member-500",
    summary: "a member that does not exist is answered with 500",
    members: Members { unknown: UnknownMember::Fails, ..ALL_MEMBERS },
    ..STANDARD
};
const BARE_CONFLICT: Dialect = Dialect {
    name: "bare-conflict",
    summary: "409 comes without its scimType",
    errors: Errors::BareConflict,
    ..STANDARD
};
const TEXT_BOOLEANS: Dialect = Dialect {
    name: "text-booleans",
    summary: "booleans are the texts \"True\" and \"False\", in requests and in answers",
    booleans: Booleans::Text,
    offers: NO_BULK,
    ..STANDARD
};
const FIXED_USER_NAME: Dialect = Dialect {
    name: "fixed-user-name",
    summary: "userName does not change after a user was created",
    immutable: &["userName"],
    offers: NO_BULK,
    ..STANDARD
};
const NO_DELETE: Dialect = Dialect {
    name: "no-delete",
    summary: "users cannot be deleted: 403",
    delete: Deleting::Forbidden,
    offers: NO_BULK,
    ..STANDARD
};
const DELETE_DEACTIVATES: Dialect = Dialect {
    name: "delete-deactivates",
    summary: "a deleted user stays, inactive",
    delete: Deleting::Deactivates,
    offers: NO_BULK,
    ..STANDARD
};
const INACTIVE_DELETES: Dialect = Dialect {
    name: "inactive-deletes",
    summary: "a user who becomes inactive is deleted",
    inactive: Inactive::IsDeleted,
    offers: NO_BULK,
    ..STANDARD
};
const DEMANDING: Dialect = Dialect {
    name: "demanding",
    summary: "a user needs a name, a displayName and an e-mail address",
    required: &["name.givenName", "name.familyName", "displayName", "emails"],
    offers: NO_BULK,
    ..STANDARD
};
const NO_DISCOVERY: Dialect = Dialect {
    name: "no-discovery",
    summary: "all discovery endpoints are answered with 404",
    discovery: Discovery::Missing,
    ..STANDARD
};
const NO_ETAGS: Dialect = Dialect {
    name: "no-etags",
    summary: "no versions: no ETag, and If-Match is not looked at",
    offers: Offers { etags: false, ..EVERYTHING },
    ..STANDARD
};

const SLACK: Dialect = Dialect {
    name: "slack",
    summary: "like Slack: an e-mail address is required, DELETE only deactivates a user, no bulk",
    delete: Deleting::Deactivates,
    required: &["emails"],
    offers: BASICS,
    ..STANDARD
};
const GITHUB_EMU: Dialect = Dialect {
    name: "github-emu",
    summary: "like GitHub managed users: needs a User-Agent, no value filters in PATCH paths, one `eq` a filter",
    filters: Filters::Only {
        users: &["userName", "externalId", "id", "displayName"],
        groups: &["externalId", "id", "displayName"],
        operators: Operators::Equal,
    },
    page_size: 100,
    patch: Patching::NoValueFilters,
    required: &["externalId", "displayName", "name.givenName", "name.familyName", "emails"],
    offers: BASICS,
    needs_user_agent: true,
    ..STANDARD
};
const AWS: Dialect = Dialect {
    name: "aws-iam-identity-center",
    summary: "like AWS IAM Identity Center: 50 a page, `eq` and `and`, 100 members a PATCH and none replaced",
    filters: Filters::Only {
        users: &["userName", "externalId", "id", "manager"],
        groups: &["displayName", "externalId", "id", "members", "members.value"],
        operators: Operators::EqualAnd,
    },
    page_size: 50,
    required: &["name.givenName", "name.familyName", "displayName"],
    forgotten: &["password", "ims", "photos", "x509Certificates", "entitlements"],
    values: Values::One,
    members: Members { most: Some((100, Excess::Refused(400))), shown: false, replaceable: false, ..ALL_MEMBERS },
    offers: BASICS,
    ..STANDARD
};
const ATLASSIAN: Dialect = Dialect {
    name: "atlassian",
    summary: "like Atlassian: userName does not change, an e-mail address is required, one `eq` a filter, no bulk",
    filters: Filters::Only {
        users: &["userName", "externalId", "emails.value"],
        groups: &["displayName", "externalId"],
        operators: Operators::Equal,
    },
    page_size: 100,
    required: &["emails"],
    immutable: &["userName"],
    offers: BASICS,
    ..STANDARD
};
const ZOOM: Dialect = Dialect {
    name: "zoom",
    summary: "like Zoom: PATCH is for `active` alone, PUT merges, errors are {code, message}",
    filters: Filters::Only {
        users: &["userName", "externalId"],
        groups: &["displayName"],
        operators: Operators::Equal,
    },
    page_size: 100,
    patch: Patching::Users(&["active"]),
    put: Putting::Merges,
    errors: Errors::CodeAndMessage,
    offers: BASICS,
    ..STANDARD
};
const DATABRICKS: Dialect = Dialect {
    name: "databricks",
    summary: "like Databricks: at most 200 terms a filter, and scimType in capitals (INVALID_FILTER)",
    filter_terms: 200,
    page_size: 100,
    errors: Errors::Capitals,
    offers: BASICS,
    ..STANDARD
};
const GITLAB: Dialect = Dialect {
    name: "gitlab",
    summary: "like GitLab: users only, PATCH of `active` and `externalId` alone, no PUT, 20 a page, no echo",
    filters: Filters::Only { users: &["id", "externalId", "userName"], groups: &[], operators: Operators::Equal },
    page_size: 20,
    patch: Patching::Users(&["active", "externalId"]),
    put: Putting::Missing,
    inactive: Inactive::IsDeleted,
    required: &["externalId", "emails", "name"],
    echo: Echo::Created,
    offers: Offers { groups: false, ..BASICS },
    discovery: Discovery::Missing,
    ..STANDARD
};
const SALESFORCE: Dialect = Dialect {
    name: "salesforce",
    summary: "like Salesforce: users are deactivated and never deleted, no PUT, /ServiceProviderConfigs",
    discovery: Discovery::FormerName,
    put: Putting::Missing,
    delete: Deleting::Deactivates,
    page_size: 200,
    required: &["emails", "name.familyName"],
    offers: BASICS,
    ..STANDARD
};
const SNOWFLAKE: Dialect = Dialect {
    name: "snowflake",
    summary: "like Snowflake: one `eq` or `sw` a filter, one value of every multi-valued attribute",
    filters: Filters::Only {
        users: &["userName", "id", "externalId"],
        groups: &["displayName", "id", "externalId"],
        operators: Operators::EqualOrStarts,
    },
    values: Values::First,
    forgotten: &["phoneNumbers", "addresses", "ims", "photos", "entitlements", "roles", "x509Certificates"],
    offers: BASICS,
    ..STANDARD
};
const SERVICENOW: Dialect = Dialect {
    name: "servicenow",
    summary: "like ServiceNow: externalId cannot be filtered by, no bulk, no versions",
    filters: Filters::Only {
        users: &["userName", "id", "emails.value", "active"],
        groups: &["displayName", "id"],
        operators: Operators::EqualAnd,
    },
    offers: BASICS,
    ..STANDARD
};
const ENTRA_STRICT: Dialect = Dialect {
    name: "entra-strict",
    summary: "only what Microsoft Entra ID sends: PATCH with paths, `eq` and `and`, no PUT, no bulk",
    filters: Filters::Only {
        users: &["userName", "externalId", "id", "displayName", "emails.value", "active", "manager.value"],
        groups: &["displayName", "externalId", "id", "members", "members.value"],
        operators: Operators::EqualAnd,
    },
    patch: Patching::WithPaths,
    put: Putting::Missing,
    offers: BASICS,
    ..STANDARD
};
const SENTRY: Dialect = Dialect {
    name: "sentry",
    summary: "like Sentry: PATCH of `active` alone, and a user who becomes inactive is deleted",
    filters: Filters::Only {
        users: &["userName", "emails.value"],
        groups: &["displayName"],
        operators: Operators::Equal,
    },
    page_size: 100,
    patch: Patching::Users(&["active"]),
    put: Putting::Ignored,
    inactive: Inactive::IsDeleted,
    offers: BASICS,
    ..STANDARD
};
const MIRO: Dialect = Dialect {
    name: "miro",
    summary: "like Miro: a PATCH that names more than 8000 members is refused with 413",
    members: Members { most: Some((8000, Excess::Refused(413))), ..ALL_MEMBERS },
    offers: BASICS,
    ..STANDARD
};
const CONTENTFUL: Dialect = Dialect {
    name: "contentful",
    summary: "like Contentful: PUT changes nothing of a user, the names do not change, users cannot be deleted",
    put: Putting::Ignored,
    delete: Deleting::Forbidden,
    immutable: &["userName", "name.givenName", "name.familyName"],
    offers: BASICS,
    ..STANDARD
};

pub(super) static DIALECTS: [&Dialect; 41] = [
    &STANDARD,
    &NO_FILTER,
    &NO_GROUP_FILTER,
    &EQ_ONLY,
    &EMPTY_404,
    &LAGGING,
    &SMALL_PAGES,
    &NO_PATCH,
    &NO_PATCH_405,
    &NO_PATHS,
    &NO_PUT,
    &NO_BULK_DIALECT,
    &NO_ECHO,
    &TEN_MEMBERS,
    &TEN_MEMBERS_400,
    &MEMBERS_DROPPED,
    &MEMBERS_HIDDEN,
    &UNKNOWN_MEMBER_500,
    &BARE_CONFLICT,
    &TEXT_BOOLEANS,
    &FIXED_USER_NAME,
    &NO_DELETE,
    &DELETE_DEACTIVATES,
    &INACTIVE_DELETES,
    &DEMANDING,
    &NO_DISCOVERY,
    &NO_ETAGS,
    &SLACK,
    &GITHUB_EMU,
    &AWS,
    &ATLASSIAN,
    &ZOOM,
    &DATABRICKS,
    &GITLAB,
    &SALESFORCE,
    &SNOWFLAKE,
    &SERVICENOW,
    &ENTRA_STRICT,
    &SENTRY,
    &MIRO,
    &CONTENTFUL,
];
