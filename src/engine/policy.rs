//! What an operator decides about a job beyond its schema. Values only.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::engine::quarantine::QuarantineRules;
use crate::model::ResourceId;

/// How existing resources are adopted when an object matches one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Adoption {
    /// Link and bring the resource to the desired state.
    #[default]
    Update,
    /// Link only; the resource follows from the object's next change on.
    LinkOnly,
}

/// What an event that ends an object's scope does to its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deprovisioning {
    /// Leave the resource as it is.
    Nothing,
    /// `active: false`; a resource type that cannot be disabled (a group) is deleted instead.
    Disable,
    Delete,
}

/// Names and ids that are never written to: break-glass accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProtectedResources {
    /// User names, in lower case.
    user_names: BTreeSet<String>,
    ids: BTreeSet<ResourceId>,
}

impl ProtectedResources {
    /// Protects these user names (compared without regard to case) and resource ids.
    pub fn new(user_names: impl IntoIterator<Item = String>, ids: impl IntoIterator<Item = ResourceId>) -> Self {
        Self {
            user_names: user_names.into_iter().map(|name| name.to_lowercase()).collect(),
            ids: ids.into_iter().collect(),
        }
    }

    /// True when the resource id is protected.
    pub fn covers_id(&self, id: &ResourceId) -> bool {
        self.ids.contains(id)
    }

    /// True when the user name is protected.
    pub fn covers_user_name(&self, user_name: &str) -> bool {
        self.user_names.contains(&user_name.to_lowercase())
    }
}

/// Accidental-deletion prevention: how much a cycle may take away by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// More than this share of what was linked (or exported) when the cycle began is too much …
    pub percent: u32,
    /// … once there are at least this many removals.
    pub at_least: u64,
    /// More than this many are too much whatever the share.
    pub more_than: u64,
}

impl Default for Guard {
    fn default() -> Self {
        Self { percent: 10, at_least: 10, more_than: 500 }
    }
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub adoption: Adoption,
    pub out_of_scope: Deprovisioning,
    pub soft_deleted: Deprovisioning,
    pub deleted: Deprovisioning,
    pub protected: ProtectedResources,
    pub guard: Guard,
    pub quarantine: QuarantineRules,
    /// The largest number of references in a POST or PATCH, and whether a POST may carry any.
    pub references_on_create: usize,
    /// How long lines of the provisioning log are kept.
    pub keep_log: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            adoption: Adoption::Update,
            out_of_scope: Deprovisioning::Disable,
            soft_deleted: Deprovisioning::Disable,
            deleted: Deprovisioning::Delete,
            protected: ProtectedResources::default(),
            guard: Guard::default(),
            quarantine: QuarantineRules::default(),
            references_on_create: 100,
            keep_log: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}
