//! The references of one object that need work. Pure.

use std::collections::BTreeSet;

use crate::{
    model::{Edge, Export, KnownObject, ResourceId, SentEdge},
    sync_schema::ReferenceMapping,
};

/// What is to be sent for the references of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EdgeWork {
    /// Additions, and the former value of a single-valued reference that an addition replaces.
    pub due: Vec<SentEdge>,
    /// What takes something away: sent only after the guard let it through.
    pub removals: Vec<SentEdge>,
    /// What is to be taken away besides, once `removals` is.
    pub further_removals: u64,
    /// Wanted references whose far end has no resource yet.
    pub unresolved: usize,
}

impl EdgeWork {
    /// How many references are to be taken away, now and later.
    pub fn all_removals(&self) -> u64 {
        self.removals.len() as u64 + self.further_removals
    }
}

/// Sorts the references of an object by what they need.
pub fn of(known: &KnownObject, references: &[ReferenceMapping]) -> EdgeWork {
    EdgeWork { further_removals: known.extent.further_removals(), ..work(&known.edges, references) }
}

/// Sorts edges of one object by what they need.
pub fn work(edges: &[Edge], references: &[ReferenceMapping]) -> EdgeWork {
    let mut work = EdgeWork::default();
    for reference in references {
        let edges = || edges.iter().filter(|edge| edge.attribute == reference.source_attribute);
        let mut additions: Vec<SentEdge> = edges().filter_map(addition).collect();
        // What another reference still names is not removed.
        let kept: BTreeSet<&ResourceId> =
            edges().filter(|edge| edge.wanted).filter_map(|edge| edge.resource.as_ref()).collect();
        let removals = edges().filter_map(removal).filter(|removal| !kept.contains(&removal.resource));
        let removals: Vec<SentEdge> = removals.collect();
        work.unresolved += edges().filter(|edge| edge.wanted && edge.resource.is_none()).count();
        if !reference.multivalued && !removals.is_empty() && additions.is_empty() {
            // To remove the former value would remove the present one, which has taken its place.
            additions.extend(edges().filter_map(wanted));
        }
        if reference.multivalued || additions.is_empty() {
            work.removals.extend(removals);
        } else {
            work.due.extend(removals);
        }
        work.due.extend(additions);
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

fn wanted(edge: &Edge) -> Option<SentEdge> {
    let resource = edge.resource.as_ref().filter(|_| edge.wanted)?;
    Some(SentEdge { key: edge.key(), resource: resource.clone(), added: true })
}

fn addition(edge: &Edge) -> Option<SentEdge> {
    wanted(edge).filter(|sent| edge.export != Export::Exported || edge.exported_as.as_ref() != Some(&sent.resource))
}

fn removal(edge: &Edge) -> Option<SentEdge> {
    let resource = edge.exported_as.as_ref().filter(|_| !edge.wanted && edge.export != Export::Never)?;
    Some(SentEdge { key: edge.key(), resource: resource.clone(), added: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Anchor, Name, TargetPath},
        scim::AttributePath,
    };

    fn references() -> Vec<ReferenceMapping> {
        let reference = |name: &str, multivalued| ReferenceMapping {
            target: AttributePath::new(name),
            path: TargetPath::new(name),
            source_attribute: name.to_owned(),
            multivalued,
        };
        vec![reference("manager", false), reference("members", true)]
    }

    /// A reference that is not wanted and was sent as `sent`, or is wanted and leads to `resource` now.
    fn edge(attribute: &str, reference: &str, wanted: bool, sent: Option<&str>, resource: Option<&str>) -> Edge {
        Edge {
            attribute: attribute.to_owned(),
            reference: Name::of_login(reference),
            to: Some(Anchor::from(reference)),
            wanted,
            export: if sent.is_some() { Export::Exported } else { Export::Never },
            exported_as: sent.map(ResourceId::from),
            resource: resource.map(ResourceId::from),
        }
    }

    fn shown(sent: &[SentEdge]) -> Vec<(&str, bool)> {
        sent.iter().map(|sent| (sent.resource.as_str(), sent.added)).collect()
    }

    #[test]
    fn edges_are_sorted_by_what_they_need() {
        type Shown = &'static [(&'static str, bool)];
        let cases: [(&str, Vec<Edge>, Shown, Shown, usize); 10] = [
            ("nothing", vec![], &[], &[], 0),
            ("a new member", vec![edge("members", "a", true, None, Some("1"))], &[("1", true)], &[], 0),
            ("a member without a resource", vec![edge("members", "a", true, None, None)], &[], &[], 1),
            ("a member who left", vec![edge("members", "a", false, Some("1"), None)], &[], &[("1", false)], 0),
            (
                "another manager",
                vec![edge("manager", "a", false, Some("1"), None), edge("manager", "b", true, None, Some("2"))],
                &[("1", false), ("2", true)],
                &[],
                0,
            ),
            (
                "another manager who is there already",
                vec![edge("manager", "a", false, Some("1"), None), edge("manager", "b", true, Some("2"), Some("2"))],
                &[("1", false), ("2", true)],
                &[],
                0,
            ),
            (
                "another manager without a resource",
                vec![edge("manager", "a", false, Some("1"), None), edge("manager", "b", true, None, None)],
                &[],
                &[("1", false)],
                1,
            ),
            (
                "a member that is still listed under another name",
                vec![edge("members", "a", false, Some("1"), None), edge("members", "b", true, Some("1"), Some("1"))],
                &[],
                &[],
                0,
            ),
            (
                "a member that moved to another resource",
                vec![edge("members", "a", true, Some("1"), Some("2"))],
                &[("2", true)],
                &[],
                0,
            ),
            ("an attribute that is not mapped", vec![edge("owners", "a", true, None, Some("1"))], &[], &[], 0),
        ];
        for (case, edges, due, removals, unresolved) in cases {
            let work = work(&edges, &references());
            assert_eq!(shown(&work.due), due, "{case}");
            assert_eq!(shown(&work.removals), removals, "{case}");
            assert_eq!(work.unresolved, unresolved, "{case}");
        }
    }

    #[test]
    fn what_was_sent_without_an_answer_is_sent_again() {
        let mut edge = edge("members", "a", true, Some("1"), Some("1"));
        edge.export = Export::Unknown;
        assert_eq!(shown(&work(&[edge], &references()).due), [("1", true)]);
    }

    #[test]
    fn a_resource_is_named_once_and_never_added_and_removed_together() {
        let sent = |reference, resource: &str, added| {
            let edge = edge("members", reference, added, Some(resource), Some(resource));
            SentEdge { key: edge.key(), resource: resource.into(), added }
        };
        let all = [sent("a", "1", true), sent("b", "1", true), sent("c", "1", false), sent("d", "2", false)];
        let ids = |ids: [&str; 1]| ids.map(ResourceId::from).to_vec();
        assert_eq!(resources(&all), (ids(["1"]), ids(["2"])));
    }
}
