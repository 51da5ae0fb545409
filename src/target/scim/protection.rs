//! The accounts nobody may touch, such as those for emergencies: the last check before a write is sent.
//!
//! The engine refuses them as well; this check holds when the engine is wrong.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::OnceCell;

use crate::model::ResourceId;
use crate::scim::{AttributePath, Operation, Resource};
use crate::target::{TargetError, write};

/// Names and ids of the resources that are never created, changed or deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protected {
    /// Values of `userName`, in any letter case.
    pub user_names: BTreeSet<String>,
    pub ids: BTreeSet<ResourceId>,
}

pub(super) struct Protection {
    /// In lower case.
    user_names: BTreeSet<String>,
    ids: BTreeSet<ResourceId>,
    /// The ids of resources that were seen with a protected name; never held across an await.
    seen: Mutex<BTreeSet<ResourceId>>,
    resolved: OnceCell<()>,
}

impl Protection {
    pub(super) fn new(protected: Protected) -> Self {
        Self {
            user_names: protected.user_names.iter().map(|name| name.to_lowercase()).collect(),
            ids: protected.ids,
            seen: Mutex::default(),
            resolved: OnceCell::new(),
        }
    }

    pub(super) fn user_names(&self) -> &BTreeSet<String> {
        &self.user_names
    }

    /// Awaits `resolve` unless that has succeeded before or there is no name to look up.
    pub(super) async fn resolve_once(
        &self,
        resolve: impl Future<Output = Result<(), TargetError>>,
    ) -> Result<(), TargetError> {
        if !self.user_names.is_empty() {
            self.resolved.get_or_try_init(|| resolve).await?;
        }
        Ok(())
    }

    /// Remembers the id of a resource with a protected name.
    pub(super) fn learn(&self, resource: &Resource) {
        if let Some(id) = resource.id()
            && resource.get(&AttributePath::new("userName")).is_some_and(|name| self.is_protected_name(name))
        {
            self.seen().insert(ResourceId::new(id));
        }
    }

    /// Refuses what touches the resource `id`.
    pub(super) fn admit(&self, id: &ResourceId) -> Result<(), TargetError> {
        if self.ids.contains(id) || self.seen().contains(id) {
            return Err(TargetError::Protected { subject: format!("the resource `{id}`") });
        }
        Ok(())
    }

    /// Refuses a new resource with a protected name.
    pub(super) fn admit_create(&self, resource: &Resource) -> Result<(), TargetError> {
        self.admit_name(resource.get(&AttributePath::new("userName")))
    }

    /// Refuses a change of a protected resource, and one that gives a protected name to another.
    pub(super) fn admit_change(&self, id: &ResourceId, operations: &[Operation]) -> Result<(), TargetError> {
        self.admit(id)?;
        for operation in operations {
            self.admit_name(write::assigned_user_name(operation))?;
        }
        Ok(())
    }

    fn admit_name(&self, name: Option<&Value>) -> Result<(), TargetError> {
        if name.is_some_and(|name| self.is_protected_name(name)) {
            // The name itself is a value, and values stay out of messages.
            return Err(TargetError::Protected { subject: "a resource with this `userName`".to_owned() });
        }
        Ok(())
    }

    fn is_protected_name(&self, name: &Value) -> bool {
        name.as_str().is_some_and(|name| self.user_names.contains(&name.to_lowercase()))
    }

    fn seen(&self) -> MutexGuard<'_, BTreeSet<ResourceId>> {
        // A set is whole after every insertion.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
