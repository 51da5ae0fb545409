//! Object keys, cut into the lists that one statement can ask for.

use std::collections::BTreeMap;

use crate::db::batches;
use crate::model::{Anchor, ObjectKey, ObjectMappingId};

/// The anchors of `keys` by mapping, in lists of at most one batch. The order within a mapping is kept.
pub(super) fn key_batches<'a>(keys: impl IntoIterator<Item = &'a ObjectKey>) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut by_mapping: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for key in keys {
        by_mapping.entry(key.mapping.as_str()).or_default().push(key.anchor.as_str());
    }
    by_mapping
        .into_iter()
        .flat_map(|(mapping, anchors)| batches(&anchors).map(|batch| (mapping, batch.to_vec())).collect::<Vec<_>>())
        .collect()
}

/// The key that two columns hold.
pub(super) fn key(mapping: String, anchor: String) -> ObjectKey {
    ObjectKey { mapping: ObjectMappingId::new(mapping), anchor: Anchor::new(anchor) }
}
