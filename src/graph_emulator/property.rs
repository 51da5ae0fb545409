//! The properties of users and groups: a table, dense by nature.
//!
//! It knows names, shapes and default sets; it holds no values.

use serde_json::Value as Json;

use super::object::Kind;

/// What a property may hold besides null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Text,
    Boolean,
    /// A list of texts; never null.
    Texts,
    /// An object, or a list of objects.
    Complex,
}

struct Property {
    name: &'static str,
    shape: Shape,
    /// Whether a read without `$select` shows it.
    default: bool,
}

const fn shown(name: &'static str, shape: Shape) -> Property {
    Property { name, shape, default: true }
}

const fn selected(name: &'static str, shape: Shape) -> Property {
    Property { name, shape, default: false }
}

const USER: &[Property] = &[
    shown("id", Shape::Text),
    shown("businessPhones", Shape::Texts),
    shown("displayName", Shape::Text),
    shown("givenName", Shape::Text),
    shown("jobTitle", Shape::Text),
    shown("mail", Shape::Text),
    shown("mobilePhone", Shape::Text),
    shown("officeLocation", Shape::Text),
    shown("preferredLanguage", Shape::Text),
    shown("surname", Shape::Text),
    shown("userPrincipalName", Shape::Text),
    selected("accountEnabled", Shape::Boolean),
    selected("ageGroup", Shape::Text),
    selected("assignedLicenses", Shape::Complex),
    selected("assignedPlans", Shape::Complex),
    selected("city", Shape::Text),
    selected("companyName", Shape::Text),
    selected("consentProvidedForMinor", Shape::Text),
    selected("country", Shape::Text),
    selected("createdDateTime", Shape::Text),
    selected("creationType", Shape::Text),
    selected("deletedDateTime", Shape::Text),
    selected("department", Shape::Text),
    selected("employeeHireDate", Shape::Text),
    selected("employeeId", Shape::Text),
    selected("employeeLeaveDateTime", Shape::Text),
    selected("employeeOrgData", Shape::Complex),
    selected("employeeType", Shape::Text),
    selected("externalUserState", Shape::Text),
    selected("externalUserStateChangeDateTime", Shape::Text),
    selected("faxNumber", Shape::Text),
    selected("identities", Shape::Complex),
    selected("imAddresses", Shape::Texts),
    selected("isManagementRestricted", Shape::Boolean),
    selected("isResourceAccount", Shape::Boolean),
    selected("lastPasswordChangeDateTime", Shape::Text),
    selected("legalAgeGroupClassification", Shape::Text),
    selected("licenseAssignmentStates", Shape::Complex),
    selected("mailNickname", Shape::Text),
    selected("onPremisesDistinguishedName", Shape::Text),
    selected("onPremisesDomainName", Shape::Text),
    selected("onPremisesExtensionAttributes", Shape::Complex),
    selected("onPremisesImmutableId", Shape::Text),
    selected("onPremisesLastSyncDateTime", Shape::Text),
    selected("onPremisesProvisioningErrors", Shape::Complex),
    selected("onPremisesSamAccountName", Shape::Text),
    selected("onPremisesSecurityIdentifier", Shape::Text),
    selected("onPremisesSyncEnabled", Shape::Boolean),
    selected("onPremisesUserPrincipalName", Shape::Text),
    selected("otherMails", Shape::Texts),
    selected("passwordPolicies", Shape::Text),
    selected("postalCode", Shape::Text),
    selected("preferredDataLocation", Shape::Text),
    selected("provisionedPlans", Shape::Complex),
    selected("proxyAddresses", Shape::Texts),
    selected("securityIdentifier", Shape::Text),
    selected("showInAddressList", Shape::Boolean),
    selected("signInSessionsValidFromDateTime", Shape::Text),
    selected("state", Shape::Text),
    selected("streetAddress", Shape::Text),
    selected("usageLocation", Shape::Text),
    selected("userType", Shape::Text),
];

const GROUP: &[Property] = &[
    shown("id", Shape::Text),
    shown("classification", Shape::Text),
    shown("createdDateTime", Shape::Text),
    shown("creationOptions", Shape::Texts),
    shown("deletedDateTime", Shape::Text),
    shown("description", Shape::Text),
    shown("displayName", Shape::Text),
    shown("expirationDateTime", Shape::Text),
    shown("groupTypes", Shape::Texts),
    shown("isAssignableToRole", Shape::Boolean),
    shown("mail", Shape::Text),
    shown("mailEnabled", Shape::Boolean),
    shown("mailNickname", Shape::Text),
    shown("membershipRule", Shape::Text),
    shown("membershipRuleProcessingState", Shape::Text),
    shown("onPremisesDomainName", Shape::Text),
    shown("onPremisesLastSyncDateTime", Shape::Text),
    shown("onPremisesNetBiosName", Shape::Text),
    shown("onPremisesProvisioningErrors", Shape::Complex),
    shown("onPremisesSamAccountName", Shape::Text),
    shown("onPremisesSecurityIdentifier", Shape::Text),
    shown("onPremisesSyncEnabled", Shape::Boolean),
    shown("preferredDataLocation", Shape::Text),
    shown("preferredLanguage", Shape::Text),
    shown("proxyAddresses", Shape::Texts),
    shown("renewedDateTime", Shape::Text),
    shown("resourceBehaviorOptions", Shape::Texts),
    shown("resourceProvisioningOptions", Shape::Texts),
    shown("securityEnabled", Shape::Boolean),
    shown("securityIdentifier", Shape::Text),
    shown("theme", Shape::Text),
    shown("visibility", Shape::Text),
    selected("assignedLabels", Shape::Complex),
    selected("assignedLicenses", Shape::Complex),
    selected("hasMembersWithLicenseErrors", Shape::Boolean),
    selected("isManagementRestricted", Shape::Boolean),
    selected("licenseProcessingState", Shape::Complex),
    selected("uniqueName", Shape::Text),
];

/// The stored spelling of `name`, or `None` when `kind` has no such property.
pub(super) fn resolve(kind: Kind, name: &str) -> Option<String> {
    match find(kind, name) {
        Some(property) => Some(property.name.to_owned()),
        None => is_extension(name).then(|| name.to_owned()),
    }
}

/// The properties a read without `$select` shows.
pub(super) fn default_names(kind: Kind) -> Vec<String> {
    table(kind).iter().filter(|property| property.default).map(|property| property.name.to_owned()).collect()
}

/// True when `value` may be stored in the property `name` (in its stored spelling).
pub(super) fn accepts(kind: Kind, name: &str, value: &Json) -> bool {
    match find(kind, name).map(|property| property.shape) {
        Some(Shape::Text) => value.is_string() || value.is_null(),
        Some(Shape::Boolean) => value.is_boolean() || value.is_null(),
        Some(Shape::Texts) => value.as_array().is_some_and(|texts| texts.iter().all(Json::is_string)),
        Some(Shape::Complex) => value.is_object() || value.is_array() || value.is_null(),
        None => is_extension(name),
    }
}

/// What a plain read shows for a property without a value.
pub(super) fn absent_value(kind: Kind, name: &str) -> Json {
    match find(kind, name).map(|property| property.shape) {
        Some(Shape::Texts) => Json::Array(Vec::new()),
        _ => Json::Null,
    }
}

/// True for `extension_{32 hexadecimal digits}_{name}`: a directory extension, which any object may carry.
fn is_extension(name: &str) -> bool {
    name.strip_prefix("extension_")
        .and_then(|rest| rest.split_once('_'))
        .is_some_and(|(app, name)| app.len() == 32 && app.bytes().all(|b| b.is_ascii_hexdigit()) && !name.is_empty())
}

fn find(kind: Kind, name: &str) -> Option<&'static Property> {
    table(kind).iter().find(|property| property.name.eq_ignore_ascii_case(name))
}

fn table(kind: Kind) -> &'static [Property] {
    match kind {
        Kind::User => USER,
        Kind::Group => GROUP,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_found_whatever_their_case_and_extensions_by_their_form() {
        assert_eq!(resolve(Kind::User, "DISPLAYNAME").as_deref(), Some("displayName"));
        assert_eq!(resolve(Kind::Group, "department"), None);
        let extension = "extension_0c5f2d7e91b84a6f8f3e6a1d2b9c4e70_costCenter";
        assert_eq!(resolve(Kind::User, extension).as_deref(), Some(extension));
        assert_eq!(resolve(Kind::User, "extension_1_costCenter"), None);
    }

    #[test]
    fn a_value_of_another_shape_is_not_accepted() {
        assert!(accepts(Kind::User, "city", &Json::Null));
        assert!(!accepts(Kind::User, "city", &json!(7)));
        assert!(!accepts(Kind::User, "accountEnabled", &json!("true")));
        assert!(!accepts(Kind::User, "businessPhones", &Json::Null));
        assert!(accepts(Kind::User, "employeeOrgData", &json!({ "division": "x" })));
    }
}
