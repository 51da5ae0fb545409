//! Who is assigned to an application: the whole list, with the roles that the application's service principal defines.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::client::{Failure, GraphClient};
use super::links::LinkGuard;
use super::projection::is_id;
use crate::model::{Anchor, AssignedRole, Assignment, PrincipalKind};
use crate::source::{MOST_ASSIGNMENTS, SourceError};

/// What is asked for, as errors name it.
const SUBJECT: &str = "servicePrincipals";
/// Assignments on a page: the most the service allows.
const PAGE_SIZE: &str = "999";
/// The role of whoever is assigned without one: plain access.
const DEFAULT_ACCESS: &str = "00000000-0000-0000-0000-000000000000";

/// The application whose assignments count.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServicePrincipal {
    /// By the object id of its service principal.
    ObjectId(String),
    /// By the id of the application itself.
    AppId(String),
}

impl ServicePrincipal {
    /// The id as it was written.
    pub fn id(&self) -> &str {
        match self {
            Self::ObjectId(id) | Self::AppId(id) => id,
        }
    }

    /// True when the id can be one.
    pub fn is_id(&self) -> bool {
        uuid::Uuid::parse_str(self.id()).is_ok()
    }

    /// The path of it. An id consists of hexadecimal digits and dashes, so nothing needs quoting.
    fn path(&self) -> Vec<String> {
        match self {
            Self::ObjectId(id) => vec![SUBJECT.to_owned(), id.clone()],
            Self::AppId(id) => vec![format!("{SUBJECT}(appId='{id}')")],
        }
    }
}

#[derive(Deserialize)]
struct Application {
    id: String,
    #[serde(rename = "appRoles")]
    roles: Vec<AppRole>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AppRole {
    id: String,
    value: Option<String>,
    display_name: Option<String>,
    is_enabled: bool,
    allowed_member_types: Vec<String>,
}

#[derive(Deserialize)]
struct AssignmentPage {
    value: Vec<Entry>,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    app_role_id: String,
    principal_id: String,
    principal_type: String,
    resource_id: String,
}

/// Who is assigned, and the id of the role: very many share few of these.
type Listed = (Anchor, PrincipalKind, Arc<str>);

/// Reads the assignments of one application.
pub(super) struct Assignments<'a> {
    pub(super) client: &'a GraphClient,
    pub(super) of: &'a ServicePrincipal,
}

impl Assignments<'_> {
    /// Makes sure that the application is there and may be read.
    pub(super) async fn probe(&self) -> Result<(), SourceError> {
        self.application().await.map(drop)
    }

    /// All of them, or an error: a list that is cut says nothing about who is missing from it.
    pub(super) async fn read(&self) -> Result<Vec<Assignment>, SourceError> {
        let application = self.application().await?;
        let entries = self.entries(&application.id).await?;
        // The roles come after the list, so that one which was made meanwhile is known.
        let roles = self.application().await?.roles;
        let roles: HashMap<&str, &AppRole> = roles.iter().map(|role| (role.id.as_str(), role)).collect();
        let mut assigned: HashMap<Arc<str>, Arc<AssignedRole>> = HashMap::new();
        let mut unknown = 0_u64;
        let assignments = entries.into_iter().map(|(principal, kind, id)| {
            let role = roles.get(&*id).copied();
            unknown += u64::from(role.is_none() && *id != *DEFAULT_ACCESS);
            let role = assigned.entry(id).or_insert_with_key(|id| Arc::new(as_assigned(id, role)));
            Assignment { principal, kind, role: Arc::clone(role) }
        });
        let assignments = assignments.collect();
        if unknown > 0 {
            tracing::warn!(
                assignments = unknown,
                "assignments name roles that the application does not have: they entitle nobody"
            );
        }
        Ok(assignments)
    }

    async fn application(&self) -> Result<Application, SourceError> {
        let path = self.of.path();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        self.get(&self.client.url(&path, &[("$select", "id,appId,displayName,appRoles")])).await
    }

    async fn entries(&self, id: &str) -> Result<Vec<Listed>, SourceError> {
        if !is_id(id) {
            return Err(self.broken("the service principal has no valid `id`"));
        }
        let (mut entries, mut guard, mut roles) = (Vec::new(), LinkGuard::default(), HashSet::new());
        let mut url = self.client.url(&[SUBJECT, id, "appRoleAssignedTo"], &[("$top", PAGE_SIZE)]);
        loop {
            let page: AssignmentPage = self.get(&url).await?;
            let is_empty = page.value.is_empty();
            for entry in page.value {
                entries.extend(self.entry(entry, id, &mut roles)?);
            }
            if entries.len() > MOST_ASSIGNMENTS {
                return Err(self.broken(&format!("there are more than {MOST_ASSIGNMENTS} assignments; assign groups")));
            }
            let Some(link) = page.next_link else { return Ok(entries) };
            let next = self.client.follow(&link);
            let next =
                next.ok_or_else(|| self.broken("a link leads to another server; the token is not sent there"))?;
            guard.check(&url, &next, is_empty).map_err(|problem| self.broken(problem))?;
            url = next;
        }
    }

    /// `None` for what is assigned and is neither a person nor a group: another application.
    fn entry(
        &self,
        entry: Entry,
        resource: &str,
        roles: &mut HashSet<Arc<str>>,
    ) -> Result<Option<Listed>, SourceError> {
        if entry.resource_id != resource {
            return Err(self.broken("an assignment is one to another application"));
        }
        if !is_id(&entry.principal_id) || !is_id(&entry.app_role_id) {
            return Err(self.broken("an assignment has no valid `principalId` or `appRoleId`"));
        }
        let kind = match entry.principal_type.as_str() {
            "User" => PrincipalKind::Person,
            "Group" => PrincipalKind::Group,
            "ServicePrincipal" => return Ok(None),
            _ => return Err(self.broken("an assignment is to nothing that is known (`principalType`)")),
        };
        let role = match roles.get(entry.app_role_id.as_str()) {
            Some(known) => Arc::clone(known),
            None => {
                let role: Arc<str> = entry.app_role_id.into();
                roles.insert(Arc::clone(&role));
                role
            }
        };
        Ok(Some((Anchor::new(entry.principal_id), kind, role)))
    }

    /// What `url` holds. What is not there was named by the configuration: that is never an empty list.
    async fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T, SourceError> {
        match self.client.get(url, SUBJECT).await {
            Ok(answer) => Ok(answer),
            Err(Failure::Refused(refusal)) if refusal.status == 404 => Err(SourceError::Configuration {
                server: self.client.server().to_owned(),
                problem: format!("there is no service principal `{}` ({})", self.of.id(), refusal.described()),
                hint:
                    "check `service_principal` below the `scope` of the job: `object_id` is the one of the enterprise \
                       application, `app_id` that of its registration"
                        .into(),
            }),
            Err(Failure::Refused(refusal)) => Err(self.client.refused(refusal, SUBJECT)),
            Err(Failure::Failed(error)) => Err(error),
        }
    }

    fn broken(&self, problem: &str) -> SourceError {
        self.client.broken("appRoleAssignedTo", problem)
    }
}

/// The role of an assignment. One that the application does not have, has switched off or made for other applications
/// entitles nobody.
fn as_assigned(id: &str, role: Option<&AppRole>) -> AssignedRole {
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (value, display_name) = role.map_or((None, None), |role| (text(&role.value), text(&role.display_name)));
    let is_for_people = |role: &AppRole| role.allowed_member_types.iter().any(|kind| kind == "User");
    let provisionable = id == DEFAULT_ACCESS || role.is_some_and(|role| role.is_enabled && is_for_people(role));
    AssignedRole { id: id.to_owned(), value, display_name, provisionable }
}
