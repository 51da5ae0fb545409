//! What an operator decides about a job beyond its schema. Values only.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::engine::escrow::EscrowRules;
use crate::engine::quarantine::QuarantineRules;
use crate::model::{JobScope, NestedGroups, Reach, ResourceId};

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
    /// Disable at once what can be disabled, and delete so long after the object left.
    DeleteAfter(Duration),
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

/// How much may be taken away together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// More than this share of what was linked (or exported) at the beginning is too much …
    pub percent: u32,
    /// … once there are at least this many removals.
    pub at_least: u64,
    /// More than this many are too much whatever the share.
    pub more_than: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { percent: 10, at_least: 10, more_than: 500 }
    }
}

/// Accidental-deletion prevention: how much a job may take away by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// In one cycle, of one object mapping.
    pub cycle: Limits,
    /// In 24 hours, of one object mapping.
    pub day: Limits,
    /// In 24 hours, of all jobs of the application.
    pub application: Limits,
    /// More than this share of the objects of a mapping, in a cycle or in 24 hours, is too much however few they are.
    pub percent_of_few: u32,
}

impl Default for Guard {
    fn default() -> Self {
        let limits = Limits::default();
        Self { cycle: limits, day: limits, application: limits, percent_of_few: 50 }
    }
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub adoption: Adoption,
    /// Whom the job provisions.
    pub scope: JobScope,
    /// The account is disabled in the source.
    pub disabled: Deprovisioning,
    /// It is not assigned to the application (any more), or the source has it and does not deliver it any more.
    pub unassigned: Deprovisioning,
    /// A scoping filter does not let it through.
    pub out_of_scope: Deprovisioning,
    pub soft_deleted: Deprovisioning,
    pub deleted: Deprovisioning,
    pub protected: ProtectedResources,
    pub guard: Guard,
    pub escrow: EscrowRules,
    pub quarantine: QuarantineRules,
    /// What becomes of groups that are members of groups.
    pub nested_groups: NestedGroups,
    /// How far filters reach that ask for members of groups. Beyond those whom a group lists, groups have to be flattened.
    pub is_member_of: Reach,
    /// The largest number of references in a POST or PATCH, and whether a POST may carry any.
    pub references_on_create: usize,
    /// How long lines of the provisioning log are kept.
    pub keep_log: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            adoption: Adoption::Update,
            scope: JobScope::default(),
            disabled: Deprovisioning::Disable,
            unassigned: Deprovisioning::Disable,
            out_of_scope: Deprovisioning::Disable,
            soft_deleted: Deprovisioning::Disable,
            deleted: Deprovisioning::Delete,
            protected: ProtectedResources::default(),
            guard: Guard::default(),
            escrow: EscrowRules::default(),
            quarantine: QuarantineRules::default(),
            nested_groups: NestedGroups::default(),
            is_member_of: Reach::default(),
            references_on_create: 100,
            keep_log: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}
