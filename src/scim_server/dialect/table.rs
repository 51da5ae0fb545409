//! The dialects, as data. Those here deviate in one point each; those of `applications` in several.

use std::time::Duration;

use super::{
    Booleans, Deleting, Dialect, Discovery, Echo, Errors, Excess, Filters, Inactive, Members, NoMatch, Offers,
    Operators, Patching, Putting, UnknownMember, Values, applications,
};
use crate::scim::Strictness;
use crate::scim_server::query::MOST_RESULTS;

const EVERYTHING: Offers =
    Offers { bulk: true, search: true, me: true, groups: true, sort: true, cursors: true, etags: true };
const NO_BULK: Offers = Offers { bulk: false, ..EVERYTHING };
/// What most applications leave out.
pub(super) const BASICS: Offers =
    Offers { bulk: false, search: false, me: false, groups: true, sort: false, cursors: false, etags: false };
pub(super) const ALL_MEMBERS: Members =
    Members { most: None, shown: true, replaceable: true, unknown: UnknownMember::Refused };

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
    reading: Strictness::Lenient,
};
const STRICT: Dialect = Dialect {
    name: "strict",
    summary: "requests are read by the letter: what the RFCs do not allow is refused",
    reading: Strictness::Strict,
    ..STANDARD
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

pub(super) static DIALECTS: [&Dialect; 42] = [
    &STANDARD,
    &STRICT,
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
    &applications::SLACK,
    &applications::GITHUB_EMU,
    &applications::AWS,
    &applications::ATLASSIAN,
    &applications::ZOOM,
    &applications::DATABRICKS,
    &applications::GITLAB,
    &applications::SALESFORCE,
    &applications::SNOWFLAKE,
    &applications::SERVICENOW,
    &applications::ENTRA_STRICT,
    &applications::SENTRY,
    &applications::MIRO,
    &applications::CONTENTFUL,
];
