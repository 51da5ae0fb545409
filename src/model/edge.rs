//! References between objects, with their export state: the truth of membership.

use serde::{Deserialize, Serialize};

use super::{Anchor, Name, ResourceId};

/// What we know of a reference in the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Export {
    /// Never sent, or its removal is confirmed.
    Never,
    /// Sent, and the answer is not known.
    Unknown,
    /// The target confirmed it.
    Exported,
}

/// One reference of an object. Together, `wanted` and `export` give the design's four edge states: *to-add* (wanted,
/// not exported), *unknown*, *exported*, and *to-remove* (not wanted, not never).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The reference attribute of the source: `manager`, `members`.
    pub attribute: String,
    /// The reference as the source wrote it.
    pub reference: Name,
    /// The far end, once known.
    pub to: Option<Anchor>,
    /// True while the source holds the reference.
    pub wanted: bool,
    pub export: Export,
    /// The resource id that was last sent for it; a removal names this id even when the far end is long gone.
    pub exported_as: Option<ResourceId>,
    /// The resource the far end is linked to now, in any job of the application.
    pub resource: Option<ResourceId>,
}

/// Identifies an edge of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EdgeKey {
    pub attribute: String,
    pub reference: Name,
}

impl Edge {
    /// The key of this edge within its object.
    pub fn key(&self) -> EdgeKey {
        EdgeKey { attribute: self.attribute.clone(), reference: self.reference.clone() }
    }
}

/// An edge as one request sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentEdge {
    pub key: EdgeKey,
    /// The resource id named in the request.
    pub resource: ResourceId,
    /// True for an addition, false for a removal.
    pub added: bool,
}
