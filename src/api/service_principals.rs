//! Applications as the tenant has them.

use serde_json::{Value as Json, json};

use super::address::Owner;
use super::error::ApiError;
use crate::control::{Application, Catalogue};

/// The service principal of an application.
pub(super) fn resource(application: &Application) -> Json {
    let ids = &application.identities;
    json!({
        "id": ids.service_principal, "appId": ids.app_id, "displayName": application.name,
        "accountEnabled": true, "servicePrincipalType": "Application", "appRoles": [], "tags": [],
    })
}

/// The application that an address names. Identifiers compare without regard to case.
///
/// # Errors
/// 404.
pub(super) fn find<'a>(catalogue: &'a Catalogue, owner: &Owner) -> Result<&'a Application, ApiError> {
    let has = |id: uuid::Uuid, written: &str| id.to_string().eq_ignore_ascii_case(written);
    let is_it = |application: &&Application| match owner {
        Owner::ServicePrincipal(id) => has(application.identities.service_principal, id),
        Owner::Application(id) => has(application.identities.application, id),
        Owner::App(id) => has(application.identities.app_id, id),
    };
    let id = match owner {
        Owner::ServicePrincipal(id) | Owner::Application(id) | Owner::App(id) => id,
    };
    let missing = || {
        ApiError::not_found(format!(
            "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
        ))
    };
    catalogue.applications.iter().find(is_it).ok_or_else(missing)
}
