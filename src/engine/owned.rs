//! All members of a group, for a target that must be sent all of them and shows none.

use std::collections::{BTreeSet, HashMap};

use crate::{
    engine::run::{CycleError, Run},
    model::{Action, Intent, ObjectKey, ResourceId, SentEdge},
    sync_schema::ObjectMapping,
};

/// The members of each object that is updated, as they are to be when its action is done. Empty where the target needs
/// no more than the changes.
pub(super) async fn members(
    run: &Run,
    mapping: &ObjectMapping,
    intents: impl Iterator<Item = &Intent>,
) -> Result<HashMap<ObjectKey, Vec<ResourceId>>, CycleError> {
    let reference = mapping.references.iter().find(|reference| reference.multivalued);
    let (true, Some(reference)) = (run.target.profile().sends_owned_members(&mapping.target_kind), reference) else {
        return Ok(HashMap::new());
    };
    let updates = intents.filter(|intent| matches!(intent.action, Action::Update { .. }));
    let updates: Vec<(&ObjectKey, &[SentEdge])> = updates.map(|intent| (&intent.key, intent.action.edges())).collect();
    let keys: Vec<ObjectKey> = updates.iter().map(|(key, _)| (*key).clone()).collect();
    let mut sent = run.store.sent_references(&run.job.id, &keys, &reference.source_attribute).await?;
    let of = |(key, edges): (&ObjectKey, &[SentEdge])| {
        let edges = edges.iter().filter(|edge| edge.key.attribute == reference.source_attribute);
        (key.clone(), after(sent.remove(key).unwrap_or_default(), edges))
    };
    Ok(updates.into_iter().map(of).collect())
}

/// The members of before, with those that these edges add and without those that they remove.
fn after<'e>(before: Vec<ResourceId>, edges: impl Iterator<Item = &'e SentEdge> + Clone) -> Vec<ResourceId> {
    let mut members: BTreeSet<ResourceId> = before.into_iter().collect();
    for edge in edges.clone().filter(|edge| !edge.added) {
        members.remove(&edge.resource);
    }
    members.extend(edges.filter(|edge| edge.added).map(|edge| edge.resource.clone()));
    members.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EdgeKey, Name};

    #[test]
    fn who_is_added_stays_also_when_another_reference_to_him_goes() {
        let edge = |resource: &str, added| SentEdge {
            key: EdgeKey { attribute: "members".to_owned(), reference: Name::of_login(resource) },
            resource: resource.into(),
            added,
        };
        let edges = [edge("new", true), edge("leaver", false), edge("twice", true), edge("twice", false)];
        let before = ["leaver", "stays", "twice"].map(ResourceId::from).to_vec();
        assert_eq!(after(before, edges.iter()), ["new", "stays", "twice"].map(ResourceId::from));
    }
}
