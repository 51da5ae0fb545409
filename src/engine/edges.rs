//! The references of one object that need work. Pure.

use std::collections::BTreeSet;

use crate::{
    model::{Edge, Export, ResourceId, SentEdge},
    sync_schema::ReferenceMapping,
};

/// What is to be sent for the references of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EdgeWork {
    /// Additions, and the former value of a single-valued reference that an addition replaces.
    pub due: Vec<SentEdge>,
    /// What takes something away: sent only after the guard let it through.
    pub removals: Vec<SentEdge>,
    /// Wanted references whose far end has no resource yet.
    pub unresolved: usize,
}

/// Sorts the edges of one object by what they need.
pub fn work(edges: &[Edge], references: &[ReferenceMapping]) -> EdgeWork {
    let mut work = EdgeWork::default();
    for reference in references {
        let edges = || edges.iter().filter(|edge| edge.attribute == reference.source_attribute);
        let additions: Vec<SentEdge> = edges().filter_map(addition).collect();
        let kept: BTreeSet<&ResourceId> =
            edges().filter(|edge| edge.wanted).filter_map(|edge| edge.resource.as_ref()).collect();
        let removals = edges().filter_map(removal).filter(|removal| !kept.contains(&removal.resource));
        work.unresolved += edges().filter(|edge| edge.wanted && edge.resource.is_none()).count();
        if reference.multivalued || additions.is_empty() {
            work.removals.extend(removals);
        } else {
            work.due.extend(removals);
        }
        work.due.extend(additions);
        // A reference that is gone while another one still names the same resource is forgotten, not removed.
        work.due.extend(edges().filter_map(removal).filter(|removal| kept.contains(&removal.resource)));
    }
    work
}

/// The resources named by these edges, each once, as additions and removals.
pub fn resources(edges: &[SentEdge]) -> (Vec<ResourceId>, Vec<ResourceId>) {
    let added: BTreeSet<&ResourceId> = edges.iter().filter(|edge| edge.added).map(|edge| &edge.resource).collect();
    let removed: BTreeSet<&ResourceId> =
        edges.iter().filter(|edge| !edge.added && !added.contains(&edge.resource)).map(|edge| &edge.resource).collect();
    (added.into_iter().cloned().collect(), removed.into_iter().cloned().collect())
}

fn addition(edge: &Edge) -> Option<SentEdge> {
    let resource = edge.resource.as_ref().filter(|_| edge.wanted)?;
    let exported = edge.export == Export::Exported && edge.exported_as.as_ref() == Some(resource);
    (!exported).then(|| SentEdge { key: edge.key(), resource: resource.clone(), added: true })
}

fn removal(edge: &Edge) -> Option<SentEdge> {
    let resource = edge.exported_as.as_ref().filter(|_| !edge.wanted && edge.export != Export::Never)?;
    Some(SentEdge { key: edge.key(), resource: resource.clone(), added: false })
}
