//! Everything that is known of an object, gathered for its decision.

use std::collections::{HashMap, HashSet};

use crate::db::Backend;
use crate::model::{
    Attributes, Edge, Extent, JobId, KnownObject, Lifecycle, ObjectKey, ObjectKind, ResourceId, TargetIdentity,
};

use super::columns::{Word, from_json};
use super::edge_work::{self, Work};
use super::edges::{self, Row as EdgeRow};
use super::jobs::target_of;
use super::keys::key;
use super::objects::Row as ObjectRow;
use super::recording::NewObject;
use super::{Store, StoreError, escrows, links, objects, removals};

impl Store {
    /// What is known of the objects, in the order of `keys`; an object that is not known is left out.
    pub async fn known(&self, job: &JobId, keys: &[ObjectKey]) -> Result<Vec<KnownObject>, StoreError> {
        let (job, keys) = (job.clone(), keys.to_vec());
        self.database.read(move |tx| known(tx, &job, &keys)).await
    }
}

fn known(tx: &mut Backend, job: &JobId, keys: &[ObjectKey]) -> Result<Vec<KnownObject>, StoreError> {
    let target = target_of(tx, job)?;
    let mut links = links::of(tx, job, keys)?;
    let mut edges = open_edges(tx, job, &target, keys)?;
    let mut removals = removals::of(tx, job, keys)?;
    let mut escrows = escrows::of(tx, job, keys)?;
    let mut found = HashMap::new();
    for row in objects::of(tx, job, keys)? {
        let mut known = alone(row)?;
        known.link = links.remove(&known.key);
        edges.give(&mut known);
        known.escrow = escrows.remove(&known.key);
        known.removals = removals.remove(&known.key).unwrap_or_default();
        found.insert(known.key.clone(), known);
    }
    Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
}

/// The same for objects that this very transaction has recorded for the first time: all that can be known beside what
/// they are is where their references lead.
pub(super) fn of_new(tx: &mut Backend, job: &JobId, new: Vec<NewObject>) -> Result<Vec<KnownObject>, StoreError> {
    let new = new.into_iter().map(|NewObject { row, attributes }| match attributes {
        Some(attributes) => with_attributes(row, attributes),
        None => alone(row),
    });
    let mut new = new.collect::<Result<Vec<_>, _>>()?;
    if new.is_empty() {
        return Ok(new);
    }
    let target = target_of(tx, job)?;
    let keys: Vec<ObjectKey> = new.iter().map(|known| known.key.clone()).collect();
    let mut edges = open_edges(tx, job, &target, &keys)?;
    for known in &mut new {
        edges.give(known);
    }
    Ok(new)
}

/// An object as its row holds it, with nothing around it.
fn alone(row: ObjectRow) -> Result<KnownObject, StoreError> {
    let attributes = from_json("attributes", &row.attributes)?;
    with_attributes(row, attributes)
}

fn with_attributes(row: ObjectRow, attributes: Attributes) -> Result<KnownObject, StoreError> {
    Ok(KnownObject {
        key: key(row.mapping, row.anchor),
        kind: ObjectKind::new(row.kind),
        revision: row.revision,
        lifecycle: Lifecycle::read(&row.lifecycle)?,
        attributes,
        link: None,
        edges: Vec::new(),
        extent: Extent::Whole,
        escrow: None,
        removals: Vec::new(),
    })
}

/// The edges that need work, with the resources of their far ends.
struct OpenEdges {
    edges: HashMap<ObjectKey, Vec<Edge>>,
    cut: HashMap<ObjectKey, u64>,
}

impl OpenEdges {
    fn give(&mut self, known: &mut KnownObject) {
        known.edges = self.edges.remove(&known.key).unwrap_or_default();
        known.extent = match self.cut.get(&known.key) {
            Some(&further_removals) => Extent::Part { further_removals },
            None => Extent::Whole,
        };
    }
}

fn open_edges(
    tx: &mut Backend,
    job: &JobId,
    target: &TargetIdentity,
    keys: &[ObjectKey],
) -> Result<OpenEdges, StoreError> {
    let Work { rows, cut } = edge_work::work(tx, job, target, keys)?;
    let anchors: HashSet<&str> = rows.values().flatten().filter_map(|row| row.to_anchor.as_deref()).collect();
    let resources = links::far_ends(tx, job, target, &anchors.into_iter().collect::<Vec<_>>())?;
    let mut edges = HashMap::new();
    for (key, rows) in rows {
        edges.insert(key, of_owner(rows, &resources)?);
    }
    Ok(OpenEdges { edges, cut })
}

/// The edges of one owner. A resource that is to be added is not also removed for the sake of another reference to it:
/// the addition ends that one, too.
fn of_owner(rows: Vec<EdgeRow>, resources: &HashMap<String, ResourceId>) -> Result<Vec<Edge>, StoreError> {
    let edges = rows.into_iter().map(|row| {
        let resource = row.to_anchor.as_ref().and_then(|to| resources.get(to)).cloned();
        edges::read(row, resource)
    });
    let mut edges: Vec<Edge> = edges.collect::<Result<_, _>>()?;
    let added: HashSet<(String, ResourceId)> = edges
        .iter()
        .filter(|edge| edge.wanted)
        .filter_map(|edge| Some((edge.attribute.clone(), edge.resource.clone()?)))
        .collect();
    edges.retain(|edge| {
        let sent = edge.exported_as.clone().map(|resource| (edge.attribute.clone(), resource));
        edge.wanted || !sent.is_some_and(|sent| added.contains(&sent))
    });
    edges.sort_by(|a, b| (&a.attribute, &a.reference).cmp(&(&b.attribute, &b.reference)));
    Ok(edges)
}
