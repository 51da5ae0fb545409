//! Actions, and the intents that make them survive a crash.

use serde::{Deserialize, Serialize};

use super::attribute_change::{AttributeChange, by_path};
use super::{ObjectKey, ResourceId, ResourceKind, SentEdge, TargetPath};

/// What a request to the target makes so. A value that prints: plan, log and tests show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "camelCase")]
pub enum Action {
    /// POST a new resource, the resolvable references included.
    Create {
        #[serde(with = "by_path")]
        attributes: Vec<AttributeChange>,
        edges: Vec<SentEdge>,
    },
    /// PATCH what differs; all reference changes of the object in as few requests as the profile allows.
    Update {
        resource: ResourceId,
        #[serde(with = "by_path")]
        changes: Vec<AttributeChange>,
        edges: Vec<SentEdge>,
    },
    /// PATCH `active` to false (an approved removal).
    Disable {
        resource: ResourceId,
        #[serde(with = "by_path")]
        changes: Vec<AttributeChange>,
    },
    /// DELETE the resource (an approved removal).
    Delete { resource: ResourceId },
    /// Adopt an existing resource that already is as desired: nothing is sent.
    Link { resource: ResourceId },
}

impl Action {
    /// The edges that the action's requests name.
    pub fn edges(&self) -> &[SentEdge] {
        match self {
            Self::Create { edges, .. } | Self::Update { edges, .. } => edges,
            _ => &[],
        }
    }

    /// The name of the action in logs and counters.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Update { .. } => "update",
            Self::Disable { .. } => "disable",
            Self::Delete { .. } => "delete",
            Self::Link { .. } => "link",
        }
    }
}

/// A matching attribute with the value that finds the object's resource, in order of priority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchingValue {
    pub path: TargetPath,
    pub value: String,
    /// False when the target compares the attribute without regard to case.
    pub case_exact: bool,
}

impl MatchingValue {
    /// The value in the form two equal values share.
    pub fn folded(&self) -> String {
        if self.case_exact { self.value.clone() } else { self.value.to_lowercase() }
    }
}

/// An action that was decided and is not yet known to be done. An object has one open intent at most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    pub key: ObjectKey,
    pub kind: ResourceKind,
    /// The object's revision the action was decided on.
    pub revision: i64,
    pub action: Action,
    /// What finds the resource again when the outcome is unknown.
    pub matching: Vec<MatchingValue>,
    /// The values that were drawn for a new resource because nobody has them. They find nothing again: a resource that
    /// has one may be somebody else's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drawn: Vec<MatchingValue>,
}
