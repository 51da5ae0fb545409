//! Changes of the served directory from within the process, as its administrators would make them over HTTP.

use chrono::Utc;
use serde_json::{Map, Value as Json};

use super::{Running, directory::Kind, error::GraphError};

/// One change. Users are named by id or user principal name, groups by id.
#[derive(Clone, Debug)]
pub enum Staged {
    /// A user with these properties joins these groups.
    Join { properties: Map<String, Json>, groups: Vec<String> },
    /// Properties of a user change; null clears one.
    Update { user: String, properties: Map<String, Json> },
    /// A user is moved to the recycle bin.
    Leave { user: String },
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
            }
        }
        Ok(())
    }
}
