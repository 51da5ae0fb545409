//! Applications of the tenant, their roles, and who is assigned to them.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Bytes, Data, Path},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use super::{
    Service,
    directory::Directory,
    error::GraphError,
    object::Kind,
    odata::{MAX_TOP, Root, decode, encode},
    read::Answer,
};

/// The role of whoever is assigned without one.
pub(super) const DEFAULT_ACCESS: &str = "00000000-0000-0000-0000-000000000000";

/// The collection, as paths name it.
const COLLECTION: &str = "servicePrincipals";

/// One application, as a tenant's document describes it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServicePrincipalRecord {
    pub id: String,
    pub app_id: String,
    pub display_name: String,
    #[serde(default)]
    pub app_roles: Vec<AppRoleRecord>,
    #[serde(default)]
    pub app_role_assigned_to: Vec<AppRoleAssignmentRecord>,
}

/// A role of an application.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppRoleRecord {
    pub id: String,
    #[serde(default)]
    pub value: Option<String>,
    pub display_name: String,
    #[serde(default = "enabled")]
    pub is_enabled: bool,
    #[serde(default = "for_people")]
    pub allowed_member_types: Vec<String>,
}

/// Somebody who is assigned to an application: a user or a group, by id.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppRoleAssignmentRecord {
    pub principal_id: String,
    /// Default: plain access.
    #[serde(default = "default_access")]
    pub app_role_id: String,
}

fn enabled() -> bool {
    true
}

fn for_people() -> Vec<String> {
    vec!["User".to_owned()]
}

fn default_access() -> String {
    DEFAULT_ACCESS.to_owned()
}

/// The applications of a tenant, by id.
#[derive(Default)]
pub(super) struct ServicePrincipals {
    all: BTreeMap<String, Application>,
}

struct Application {
    app_id: String,
    display_name: String,
    roles: Vec<AppRoleRecord>,
    /// By the id of the assignment.
    assignments: BTreeMap<String, Assigned>,
}

struct Assigned {
    principal: String,
    role: String,
}

impl ServicePrincipals {
    pub(super) fn new(records: Vec<ServicePrincipalRecord>) -> Self {
        let all = records.into_iter().map(|record| {
            let assignments = record.app_role_assigned_to.into_iter().map(|assignment| {
                let AppRoleAssignmentRecord { principal_id: principal, app_role_id: role } = assignment;
                (assignment_id(&record.id, &principal, &role), Assigned { principal, role })
            });
            let application = Application {
                app_id: record.app_id,
                display_name: record.display_name,
                roles: record.app_roles,
                assignments: assignments.collect(),
            };
            (record.id, application)
        });
        Self { all: all.collect() }
    }

    fn find(&self, key: &Key) -> Result<(&String, &Application), GraphError> {
        let found = self.all.iter().find(|(id, application)| match key {
            Key::Id(wanted) => id.eq_ignore_ascii_case(wanted),
            Key::AppId(wanted) => application.app_id.eq_ignore_ascii_case(wanted),
        });
        found.ok_or_else(|| GraphError::resource_not_found(key.text()))
    }

    fn find_mut(&mut self, key: &Key) -> Result<(String, &mut Application), GraphError> {
        let id = self.find(key)?.0.clone();
        let application = self.all.get_mut(&id).ok_or_else(|| GraphError::resource_not_found(&id))?;
        Ok((id, application))
    }

    /// Replaces the roles of an application.
    pub(super) fn set_roles(&mut self, id: &str, roles: Vec<AppRoleRecord>) -> Result<(), GraphError> {
        self.find_mut(&Key::Id(id.to_owned()))?.1.roles = roles;
        Ok(())
    }

    /// Removes an application with its assignments.
    pub(super) fn delete(&mut self, id: &str) -> Result<(), GraphError> {
        self.all.remove(id).map(drop).ok_or_else(|| GraphError::resource_not_found(id))
    }
}

impl Directory {
    /// Assigns a live user or group to an application.
    pub(super) fn assign(&mut self, to: &str, principal: &str, role: &str) -> Result<(), GraphError> {
        self.assigned(&Key::Id(to.to_owned()), principal, role).map(drop)
    }

    /// Takes an assignment back.
    pub(super) fn unassign(&mut self, from: &str, principal: &str, role: &str) -> Result<(), GraphError> {
        let (id, application) = self.service_principals.find_mut(&Key::Id(from.to_owned()))?;
        let assignment = assignment_id(&id, principal, role);
        let removed = application.assignments.remove(&assignment);
        removed.map(drop).ok_or_else(|| GraphError::resource_not_found(&assignment))
    }

    fn assigned(&mut self, key: &Key, principal: &str, role: &str) -> Result<(String, String), GraphError> {
        let principal =
            self.live_object(principal).ok_or_else(|| GraphError::resource_not_found(principal))?.id.clone();
        let (id, application) = self.service_principals.find_mut(key)?;
        if role != DEFAULT_ACCESS && !application.roles.iter().any(|known| known.id == role && known.is_enabled) {
            return Err(GraphError::bad_request("Permission being assigned was not found on application."));
        }
        let assignment = assignment_id(&id, &principal, role);
        if application.assignments.contains_key(&assignment) {
            return Err(GraphError::bad_request("Permission being assigned already exists on the object."));
        }
        application.assignments.insert(assignment.clone(), Assigned { principal, role: role.to_owned() });
        Ok((id, assignment))
    }

    fn shown(&self, resource: &str, assignment: &str) -> Option<Json> {
        let application = self.service_principals.all.get(resource)?;
        let Assigned { principal, role } = application.assignments.get(assignment)?;
        // What left the directory takes its assignments along.
        let object = self.live_object(principal)?;
        Some(json!({
            "id": assignment, "deletedDateTime": null, "createdDateTime": "2026-01-14T08:31:07Z", "appRoleId": role,
            "principalDisplayName": object.text("displayName"), "principalId": principal,
            "principalType": match object.kind { Kind::User => "User", Kind::Group => "Group" },
            "resourceDisplayName": application.display_name, "resourceId": resource,
        }))
    }
}

/// How a path names an application.
enum Key {
    Id(String),
    AppId(String),
}

impl Key {
    fn text(&self) -> &str {
        let (Self::Id(text) | Self::AppId(text)) = self;
        text
    }

    /// Reads what stands behind the collection: `(appId='…')`, `('…')` or an id.
    fn read(text: &str) -> Self {
        let inner = text.trim_start_matches('(').trim_end_matches(')');
        match inner.split_once('=') {
            Some((name, id)) if name.eq_ignore_ascii_case("appId") => Self::AppId(id.trim_matches('\'').to_owned()),
            _ => Self::Id(inner.trim_matches('\'').to_owned()),
        }
    }
}

/// `GET /servicePrincipals/{id}`, `GET /servicePrincipals(appId='…')`.
pub(super) async fn show(service: Data<Service>, request: HttpRequest, key: Path<String>) -> Answer {
    const KNOWN: [&str; 7] = [
        "id",
        "appId",
        "displayName",
        "appRoles",
        "accountEnabled",
        "appRoleAssignmentRequired",
        "servicePrincipalType",
    ];
    let select = option(&request, "select");
    let directory = service.directory();
    let (id, application) = directory.service_principals.find(&Key::read(&key))?;
    let whole = json!({
        "id": id, "appId": application.app_id, "displayName": application.display_name, "appRoles": application.roles,
        "accountEnabled": true, "appRoleAssignmentRequired": true, "servicePrincipalType": "Application",
    });
    let context = Root::of(&request)?.context(COLLECTION, None);
    let mut answer = Map::from_iter([("@odata.context".to_owned(), json!([&context, "/$entity"].concat()))]);
    let names: Vec<&str> = match &select {
        Some(select) => select.split(',').map(str::trim).collect(),
        None => KNOWN.to_vec(),
    };
    for name in names {
        let value = whole.get(name).ok_or_else(|| {
            GraphError::bad_request(format!("Parsing OData Select and Expand failed: could not find '{name}'."))
        })?;
        answer.insert(name.to_owned(), value.clone());
    }
    Ok(HttpResponse::Ok().json(answer))
}

/// Where a list goes on.
#[derive(Serialize, Deserialize)]
struct PageToken {
    top: usize,
    after: String,
}

/// `GET …/appRoleAssignedTo`.
pub(super) async fn list(service: Data<Service>, request: HttpRequest, key: Path<String>) -> Answer {
    let token = match option(&request, "skiptoken") {
        Some(text) => decode(&text).ok_or_else(|| GraphError::bad_request("Badly formed token."))?,
        None => {
            let top = match option(&request, "top") {
                Some(text) => text.parse().ok().filter(|top| (1..=MAX_TOP).contains(top)),
                None => Some(service.page_size),
            };
            let top = top.ok_or_else(|| GraphError::bad_request("Invalid page size specified."))?;
            // Pages are as small as those of other collections, so that there are several.
            PageToken { top: top.min(service.page_size), after: String::new() }
        }
    };
    let root = Root::of(&request)?;
    let directory = service.directory();
    let (id, application) = directory.service_principals.find(&Key::read(&key))?;
    let mut rest = application.assignments.keys().filter(|assignment| **assignment > token.after);
    let page: Vec<&String> = rest.by_ref().take(token.top).collect();
    let mut answer = json!({
        "@odata.context": root.context("appRoleAssignments", None),
        "value": page.iter().filter_map(|assignment| directory.shown(id, assignment)).collect::<Vec<_>>(),
    });
    if rest.next().is_some()
        && let Some(last) = page.last()
    {
        let token = PageToken { top: token.top, after: (*last).clone() };
        let path = [COLLECTION, id.as_str(), "appRoleAssignedTo"];
        answer["@odata.nextLink"] = json!(root.link(&path, "$skiptoken", &encode(&token)));
    }
    Ok(HttpResponse::Ok().json(answer))
}

/// `POST …/appRoleAssignedTo`.
pub(super) async fn assign(service: Data<Service>, key: Path<String>, body: Bytes) -> Answer {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wanted {
        principal_id: String,
        resource_id: String,
        app_role_id: String,
    }
    let wanted: Wanted = serde_json::from_slice(&body)
        .map_err(|_| GraphError::bad_request("The body must hold 'principalId', 'resourceId' and 'appRoleId'."))?;
    let mut directory = service.directory();
    let key = Key::read(&key);
    if !directory.service_principals.find(&key)?.0.eq_ignore_ascii_case(&wanted.resource_id) {
        return Err(GraphError::bad_request("'resourceId' is another application than the path names."));
    }
    let (id, assignment) = directory.assigned(&key, &wanted.principal_id, &wanted.app_role_id)?;
    Ok(HttpResponse::Created().json(directory.shown(&id, &assignment)))
}

/// `DELETE …/appRoleAssignedTo/{assignment}`.
pub(super) async fn unassign(service: Data<Service>, path: Path<(String, String)>) -> Answer {
    let (key, assignment) = path.into_inner();
    let mut directory = service.directory();
    let (_, application) = directory.service_principals.find_mut(&Key::read(&key))?;
    match application.assignments.remove(&assignment) {
        Some(_) => Ok(HttpResponse::NoContent().finish()),
        None => Err(GraphError::resource_not_found(&assignment)),
    }
}

/// An assignment's own id is no GUID, and always the same for the same assignment.
fn assignment_id(resource: &str, principal: &str, role: &str) -> String {
    let hash = Sha256::new().chain_update(resource).chain_update(principal).chain_update(role).finalize();
    // Three bytes are four letters, so no padding is needed.
    URL_SAFE_NO_PAD.encode(&hash[..30])
}

fn option(request: &HttpRequest, wanted: &str) -> Option<String> {
    let options = url::form_urlencoded::parse(request.query_string().as_bytes());
    let mut options = options.filter(|(name, _)| name.trim_start_matches('$').eq_ignore_ascii_case(wanted));
    options.next().map(|(_, value)| value.into_owned())
}

/// The ids that a record names, each with what it is there.
pub(super) fn ids(record: &ServicePrincipalRecord) -> impl Iterator<Item = (&'static str, &str)> {
    let own = [("service principal id", record.id.as_str()), ("application id", record.app_id.as_str())];
    let roles = record.app_roles.iter().map(|role| ("role id", role.id.as_str()));
    own.into_iter().chain(roles)
}
