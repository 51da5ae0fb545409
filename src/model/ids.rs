//! Identifiers of what the store keeps.

use super::object::text_newtype;

text_newtype! {
    /// A job, by the name the configuration or the API gave it.
    JobId
}
text_newtype! {
    /// One object mapping of a job's synchronization schema, in a few bytes: what it writes, and a digest of its rule,
    /// source object and target object (`Users-1f3a9c2b`).
    ObjectMappingId
}
text_newtype! {
    /// One cycle of a job: a UUID version 7, so that ids sort by time.
    CycleId
}
text_newtype! {
    /// One page of actions, by which its intents are closed: a UUID version 7, so that ids sort by time.
    PageId
}
text_newtype! {
    /// One removal: a UUID version 7.
    RemovalId
}
text_newtype! {
    /// Which target a resource lives in: the normalised base URL and tenant. Two jobs with equal identities write to
    /// the same application, so their links exclude each other.
    TargetIdentity
}
text_newtype! {
    /// A SCIM attribute path in its canonical spelling: `emails[type eq "work"].value`.
    TargetPath
}
impl TargetPath {
    /// True for the attribute of this name, in any letter case, whether its schema stands before it or not: both
    /// `userName` and `urn:ietf:params:scim:schemas:core:2.0:User:userName` are called `userName`.
    pub fn is_called(&self, name: &str) -> bool {
        self.as_str().rsplit(':').next().is_some_and(|last| last.eq_ignore_ascii_case(name))
    }
}

text_newtype! {
    /// The resource type of a target by its endpoint name: `Users`, `Groups`.
    ResourceKind
}

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::Anchor;

/// What links, intents, removals and escrows are keyed by within a job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectKey {
    pub mapping: ObjectMappingId,
    pub anchor: Anchor,
}

impl Hash for ObjectKey {
    /// By the anchor alone: it tells nearly all keys of a job apart, and the mapping is a long text that few share it
    /// with.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.anchor.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_called_by_its_last_name() {
        for (path, is_called) in [
            ("userName", true),
            ("USERNAME", true),
            ("urn:ietf:params:scim:schemas:core:2.0:User:userName", true),
            ("name.userName", false),
            ("userName2", false),
            ("urn:userName:title", false),
        ] {
            assert_eq!(TargetPath::new(path).is_called("userName"), is_called, "{path}");
        }
    }
}
