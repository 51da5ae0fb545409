//! Changes of the served directory from within the process, as its administrators would make them over HTTP.

use chrono::Utc;
use serde_json::{Map, Value as Json};

use super::{Running, error::GraphError, object::Kind, service_principal::AppRoleRecord};

/// One change. Users are named by id or user principal name, groups by id.
#[derive(Clone, Debug)]
pub enum Staged {
    /// A user with these properties joins these groups.
    Join {
        properties: Map<String, Json>,
        groups: Vec<String>,
    },
    /// Properties of a user change; null clears one.
    Update {
        user: String,
        properties: Map<String, Json>,
    },
    /// A user is moved to the recycle bin.
    Leave {
        user: String,
    },
    /// A user comes back out of the recycle bin, named by id.
    Restore {
        user: String,
    },
    /// A user, named by id, is deleted from the recycle bin for good.
    Purge {
        user: String,
    },
    /// A user gets a manager, or loses the one it has.
    SetManager {
        user: String,
        manager: Option<String>,
    },
    /// Properties of a group change; null clears one.
    UpdateGroup {
        group: String,
        properties: Map<String, Json>,
    },
    /// A group is deleted: for good, unless it is a Microsoft 365 group.
    DeleteGroup {
        group: String,
    },
    AddMember {
        group: String,
        member: String,
    },
    RemoveMember {
        group: String,
        member: String,
    },
    /// A user or a group is assigned to an application, with a role.
    Assign {
        application: String,
        principal: String,
        role: String,
    },
    Unassign {
        application: String,
        principal: String,
        role: String,
    },
    /// The application has these roles and no others; assignments to others stay.
    SetRoles {
        application: String,
        roles: Vec<AppRoleRecord>,
    },
    /// The service principal of an application is deleted, with all assignments to it.
    DeleteApplication {
        application: String,
    },
}

/// Why a change was refused.
#[derive(Debug, thiserror::Error)]
#[error("the directory refused the change: {0}")]
pub struct Refused(String);

impl Running {
    /// Makes the changes in order, each visible to the next delta query.
    ///
    /// # Errors
    /// The first change that the directory refuses; those before it are made.
    pub fn stage(&self, changes: Vec<Staged>) -> Result<(), Refused> {
        let mut directory = self.service.directory();
        let refused = |error: GraphError| Refused(error.to_string());
        for change in changes {
            match change {
                Staged::Join { properties, groups } => {
                    let id = directory.create(Kind::User, properties, Utc::now()).map_err(refused)?.id.clone();
                    for group in groups {
                        directory.add_member(&group, &id).map_err(refused)?;
                    }
                }
                Staged::Update { user, properties } => {
                    directory.update(Kind::User, &user, properties).map_err(refused)?;
                }
                Staged::Leave { user } => directory.delete(Kind::User, &user, Utc::now()).map_err(refused)?,
                Staged::Restore { user } => directory.restore(&user).map(drop).map_err(refused)?,
                Staged::Purge { user } => directory.purge(&user).map_err(refused)?,
                Staged::SetManager { user, manager } => {
                    directory.set_manager(&user, manager.as_deref()).map_err(refused)?;
                }
                Staged::UpdateGroup { group, properties } => {
                    directory.update(Kind::Group, &group, properties).map_err(refused)?;
                }
                Staged::DeleteGroup { group } => directory.delete(Kind::Group, &group, Utc::now()).map_err(refused)?,
                Staged::AddMember { group, member } => directory.add_member(&group, &member).map_err(refused)?,
                Staged::RemoveMember { group, member } => directory.remove_member(&group, &member).map_err(refused)?,
                Staged::Assign { application, principal, role } => {
                    directory.assign(&application, &principal, &role).map_err(refused)?;
                }
                Staged::Unassign { application, principal, role } => {
                    directory.unassign(&application, &principal, &role).map_err(refused)?;
                }
                Staged::SetRoles { application, roles } => {
                    directory.service_principals.set_roles(&application, roles).map_err(refused)?;
                }
                Staged::DeleteApplication { application } => {
                    directory.service_principals.delete(&application).map_err(refused)?;
                }
            }
        }
        Ok(())
    }

    /// Makes every delta token that was issued worthless, as age does: the next query must start anew.
    pub fn expire_delta_tokens(&self) {
        self.service.directory().forget_tokens();
    }
}
