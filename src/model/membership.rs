//! Who is a member of the groups that scoping filters name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Anchor;

/// The groups that filters name, and which of some objects are members of them, as far as filters reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memberships {
    /// The groups that each word of a filter may stand for: none where nobody is called so, several where nobody can
    /// tell which is meant.
    pub groups: BTreeMap<String, Vec<Anchor>>,
    /// The groups that an object is a member of, among those that exactly one word stands for.
    pub of: HashMap<Anchor, BTreeSet<Anchor>>,
    /// Those of the groups in which others lie too deep to be followed: who is in them, nobody knows.
    pub too_deep: BTreeSet<Anchor>,
}
