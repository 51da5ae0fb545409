//! Groups that are members of groups.

use serde::Deserialize;

/// What becomes of a group that is a member of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NestedGroups {
    /// It is a member of the target's group, where it has a resource there.
    #[default]
    Groups,
    /// The people in it, and in the groups in it, are members of the target's group; it is not.
    Flatten,
    /// It is left out, and so are the people in it.
    Ignore,
}
