//! Dialects that follow what applications document of themselves, as far as it can be seen on the wire.

use super::table::{ALL_MEMBERS, BASICS, STANDARD};
use super::{
    Deleting, Dialect, Discovery, Echo, Errors, Excess, Filters, Inactive, Members, Offers, Operators, Patching,
    Putting, Values,
};

pub(super) const SLACK: Dialect = Dialect {
    name: "slack",
    summary: "like Slack: an e-mail address is required, DELETE only deactivates a user, no bulk",
    delete: Deleting::Deactivates,
    required: &["emails"],
    offers: BASICS,
    ..STANDARD
};
pub(super) const GITHUB_EMU: Dialect = Dialect {
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
pub(super) const AWS: Dialect = Dialect {
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
pub(super) const ATLASSIAN: Dialect = Dialect {
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
pub(super) const ZOOM: Dialect = Dialect {
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
pub(super) const DATABRICKS: Dialect = Dialect {
    name: "databricks",
    summary: "like Databricks: at most 200 terms a filter, and scimType in capitals (INVALID_FILTER)",
    filter_terms: 200,
    page_size: 100,
    errors: Errors::Capitals,
    offers: BASICS,
    ..STANDARD
};
pub(super) const GITLAB: Dialect = Dialect {
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
pub(super) const SALESFORCE: Dialect = Dialect {
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
pub(super) const SNOWFLAKE: Dialect = Dialect {
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
pub(super) const SERVICENOW: Dialect = Dialect {
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
pub(super) const ENTRA_STRICT: Dialect = Dialect {
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
pub(super) const SENTRY: Dialect = Dialect {
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
pub(super) const MIRO: Dialect = Dialect {
    name: "miro",
    summary: "like Miro: a PATCH that names more than 8000 members is refused with 413",
    members: Members { most: Some((8000, Excess::Refused(413))), ..ALL_MEMBERS },
    offers: BASICS,
    ..STANDARD
};
pub(super) const CONTENTFUL: Dialect = Dialect {
    name: "contentful",
    summary: "like Contentful: PUT changes nothing of a user, the names do not change, users cannot be deleted",
    put: Putting::Ignored,
    delete: Deleting::Forbidden,
    immutable: &["userName", "name.givenName", "name.familyName"],
    offers: BASICS,
    ..STANDARD
};
