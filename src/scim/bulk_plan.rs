//! In which order the operations of a Bulk request are carried out (RFC 7644 section 3.7.1).
//!
//! Operations keep their order, but one that refers to a create waits for it, and one on the same resource as an
//! operation before it waits for that. A circle is opened at one of its creates: first without the references that
//! nothing stands for yet, which are added when the rest of the circle is there.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

use super::bulk::{BulkMethod, BulkOperation};
use super::bulk_ids::each_reference;

/// One thing to do. The numbers are indexes into the operations of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkStep {
    /// Carry out this operation.
    CarryOut(usize),
    /// Carry out this create without the references that are not known yet.
    CreateWithout(usize),
    /// Add the references that this create was carried out without.
    Complete(usize),
}

/// The steps that carry out all of these operations.
pub fn bulk_steps(operations: &[BulkOperation]) -> Vec<BulkStep> {
    let waits_for = dependencies(operations);
    let mut planner = Planner::new(&waits_for);
    let mut waiting = 0..operations.len();
    loop {
        if let Some(Reverse(index)) = planner.ready.pop() {
            planner.steps.push(BulkStep::CarryOut(index));
            planner.finish(index);
        } else if let Some(index) = waiting.find(|index| !planner.done[*index]) {
            planner.open_circle(index);
            // It may wait still, for another circle.
            waiting.start = index;
        } else {
            return planner.steps;
        }
    }
}

struct Planner<'a> {
    waits_for: &'a [BTreeSet<usize>],
    /// Who waits for an operation.
    waited_for_by: Vec<Vec<usize>>,
    /// For how many operations one still waits.
    open: Vec<usize>,
    done: Vec<bool>,
    /// The lowest index comes first.
    ready: BinaryHeap<Reverse<usize>>,
    steps: Vec<BulkStep>,
}

impl<'a> Planner<'a> {
    fn new(waits_for: &'a [BTreeSet<usize>]) -> Self {
        let mut waited_for_by = vec![Vec::new(); waits_for.len()];
        for (index, others) in waits_for.iter().enumerate() {
            for other in others {
                waited_for_by[*other].push(index);
            }
        }
        let open: Vec<usize> = waits_for.iter().map(BTreeSet::len).collect();
        let ready = open.iter().enumerate().filter(|(_, open)| **open == 0).map(|(index, _)| Reverse(index)).collect();
        let done = vec![false; open.len()];
        Self { waits_for, waited_for_by, open, done, ready, steps: Vec::new() }
    }

    /// The resource of this operation is there: who waited for it need not any more.
    fn finish(&mut self, index: usize) {
        self.done[index] = true;
        for waiting in std::mem::take(&mut self.waited_for_by[index]) {
            self.open[waiting] -= 1;
            match (self.open[waiting], self.done[waiting]) {
                (0, false) => self.ready.push(Reverse(waiting)),
                (0, true) => self.steps.push(BulkStep::Complete(waiting)),
                _ => {}
            }
        }
    }

    /// Nothing is ready, so everything that is left waits for a circle, or is part of one. Only creates are waited for
    /// by reference, so a circle consists of creates alone.
    fn open_circle(&mut self, from: usize) {
        let mut way = vec![from];
        let mut place: HashMap<usize, usize> = HashMap::from([(from, 0)]);
        let mut at = from;
        while let Some(next) = self.waits_for[at].iter().copied().find(|next| !self.done[*next]) {
            if let Some(start) = place.get(&next) {
                let first = way[*start..].iter().copied().min().unwrap_or(next);
                self.steps.push(BulkStep::CreateWithout(first));
                return self.finish(first);
            }
            place.insert(next, way.len());
            way.push(next);
            at = next;
        }
    }
}

/// For each operation the ones that must come before it.
fn dependencies(operations: &[BulkOperation]) -> Vec<BTreeSet<usize>> {
    let creates: HashMap<&str, usize> = operations
        .iter()
        .enumerate()
        .filter(|(_, operation)| operation.method == BulkMethod::Post)
        .filter_map(|(index, operation)| Some((operation.bulk_id.as_deref()?, index)))
        .collect();
    let before = |operation: &BulkOperation| {
        let mut before = BTreeSet::new();
        each_reference(operation, &mut |bulk_id| before.extend(creates.get(bulk_id)));
        before
    };
    let mut waits_for: Vec<BTreeSet<usize>> = operations.iter().map(before).collect();
    let mut last_on: HashMap<&str, usize> = HashMap::new();
    for (index, operation) in operations.iter().enumerate() {
        if operation.method != BulkMethod::Post {
            waits_for[index].extend(last_on.insert(operation.path.trim_matches('/'), index));
        }
    }
    waits_for
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::BulkStep::*;
    use super::*;

    fn operation(method: BulkMethod, path: &str, bulk_id: &str, data: Value) -> BulkOperation {
        let bulk_id = (!bulk_id.is_empty()).then(|| bulk_id.to_owned());
        BulkOperation { method, path: path.to_owned(), bulk_id, version: None, data: Some(data) }
    }

    fn reference(bulk_id: &str) -> String {
        ["bulkId:", bulk_id].concat()
    }

    fn post(bulk_id: &str, references: &[&str]) -> BulkOperation {
        let members: Vec<_> = references.iter().map(|id| json!({"value": reference(id)})).collect();
        operation(BulkMethod::Post, "/Groups", bulk_id, json!({"members": members}))
    }

    #[test]
    fn what_refers_comes_after_what_it_refers_to() {
        let patch =
            |path: &str, member: &str| operation(BulkMethod::Patch, path, "", json!({"value": reference(member)}));
        let delete = |path: &str| operation(BulkMethod::Delete, path, "", Value::Null);
        for (operations, steps) in [
            (vec![], vec![]),
            (vec![post("a", &[]), post("b", &["a"])], vec![CarryOut(0), CarryOut(1)]),
            (vec![post("b", &["a"]), post("a", &[])], vec![CarryOut(1), CarryOut(0)]),
            (
                vec![post("c", &["b"]), delete("/Users/1"), post("b", &["a"]), post("a", &[])],
                vec![CarryOut(1), CarryOut(3), CarryOut(2), CarryOut(0)],
            ),
            (vec![patch("/Groups/bulkId:a", "x"), post("a", &[])], vec![CarryOut(1), CarryOut(0)]),
            // What stands on one resource stays in order, even where only the first of it has to wait.
            (
                vec![patch("/Groups/1", "a"), delete("/Groups/1/"), post("a", &[])],
                vec![CarryOut(2), CarryOut(0), CarryOut(1)],
            ),
            (vec![post("a", &["nobody"])], vec![CarryOut(0)]),
            (vec![post("a", &["a"])], vec![CreateWithout(0), Complete(0)]),
            (vec![post("a", &["b"]), post("b", &["a"])], vec![CreateWithout(0), CarryOut(1), Complete(0)]),
            (
                vec![post("z", &["a"]), post("a", &["b"]), post("b", &["a"])],
                vec![CreateWithout(1), CarryOut(0), CarryOut(2), Complete(1)],
            ),
            (
                vec![post("a", &["b"]), post("b", &["a"]), post("c", &["d"]), post("d", &["c"])],
                vec![CreateWithout(0), CarryOut(1), Complete(0), CreateWithout(2), CarryOut(3), Complete(2)],
            ),
        ] {
            assert_eq!(bulk_steps(&operations), steps, "{operations:?}");
        }
    }

    proptest! {
        #[test]
        fn every_operation_is_carried_out_once_and_no_reference_is_used_before_its_time(
            references in proptest::collection::vec(proptest::collection::vec(0_usize..12, 0..4), 0..12),
        ) {
            let name = |index: usize| index.to_string();
            let operations: Vec<_> = references
                .iter()
                .enumerate()
                .map(|(index, others)| {
                    let others: Vec<_> = others.iter().map(|other| name(*other)).collect();
                    post(&name(index), &others.iter().map(String::as_str).collect::<Vec<_>>())
                })
                .collect();
            let mut there = BTreeSet::new();
            let mut incomplete = BTreeSet::new();
            for step in bulk_steps(&operations) {
                let known = |index: usize, there: &BTreeSet<usize>| {
                    references[index].iter().all(|other| *other >= references.len() || there.contains(other))
                };
                match step {
                    CarryOut(index) => {
                        prop_assert!(known(index, &there));
                        prop_assert!(there.insert(index));
                    }
                    CreateWithout(index) => {
                        prop_assert!(!known(index, &there));
                        prop_assert!(there.insert(index) && incomplete.insert(index));
                    }
                    Complete(index) => {
                        prop_assert!(known(index, &there));
                        prop_assert!(incomplete.remove(&index));
                    }
                }
            }
            prop_assert_eq!(there.len(), operations.len());
            prop_assert!(incomplete.is_empty());
        }
    }
}
