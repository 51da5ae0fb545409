//! A run of changes, folded in memory over what is stored and written back as a few statements.

mod edges;
mod names;

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::db::Backend;
use crate::model::{
    Anchor, Attributes, Change, Departure, Lifecycle, ObjectKey, ObjectKind, PartialObject, SourceObject,
};

use edges::Edges;
use names::Names;

use super::columns::{Word, from_json, to_json};
use super::keys::key;
use super::objects::Row as ObjectRow;
use super::record::{Holds, RecordPage, RecordedMapping};
use super::watch::Watch;
use super::{StoreError, claimants, objects, references};

/// An object that a run delivered, and whether it is due now.
pub(super) struct Delivered {
    pub(super) key: ObjectKey,
    pub(super) due: bool,
    /// An object that was not known before.
    pub(super) new: Option<NewObject>,
    /// True when it refers to others than before.
    pub(super) references_changed: bool,
}

/// An object that a run recorded for the first time.
pub(super) struct NewObject {
    pub(super) row: ObjectRow,
    /// What the row holds as text, where the source delivered the object whole.
    pub(super) attributes: Option<Attributes>,
}

/// The state of the objects that a run touches.
pub(super) struct Recording<'a> {
    page: &'a RecordPage,
    objects: HashMap<ObjectKey, Object<'a>>,
    /// The mappings that each anchor is stored under.
    mappings: HashMap<String, BTreeSet<String>>,
    escrowed: HashSet<ObjectKey>,
    edges: Edges,
    names: Names<'a>,
    deleted: Vec<&'a str>,
    present: Vec<&'a str>,
    order: Vec<ObjectKey>,
}

struct Object<'a> {
    row: ObjectRow,
    /// What the row holds as text, where the run delivered it whole and last.
    attributes: Option<&'a Attributes>,
    /// True when the store has the row already.
    stored: bool,
    touched: bool,
    changed: bool,
    /// True once it was delivered under the page's generation.
    seen: bool,
    /// True when it refers to others than before.
    references_changed: bool,
    /// Where it stood before the run; `None` for one that was not known.
    lifecycle: Option<String>,
}

impl<'a> Recording<'a> {
    /// Loads what the run touches, and folds the run over it.
    pub(super) fn load(tx: &mut Backend, page: &'a RecordPage, run: &'a [Change]) -> Result<Self, StoreError> {
        let touched: BTreeSet<&str> = run.iter().filter_map(anchor_of).map(Anchor::as_str).collect();
        let touched: Vec<&str> = touched.into_iter().collect();
        let mut recording = Self {
            page,
            objects: HashMap::new(),
            mappings: HashMap::new(),
            escrowed: objects::escrowed(tx, &page.job, &touched)?,
            edges: Edges::default(),
            names: Names::load(tx, page, &touched)?,
            deleted: Vec::new(),
            present: Vec::new(),
            order: Vec::new(),
        };
        for row in objects::of_anchors(tx, &page.job, &touched)? {
            recording.mappings.entry(row.anchor.clone()).or_default().insert(row.mapping.clone());
            let key = key(row.mapping.clone(), row.anchor.clone());
            let seen = row.generation >= page.generation;
            let lifecycle = Some(row.lifecycle.clone());
            let object = Object {
                row,
                attributes: None,
                stored: true,
                touched: false,
                changed: false,
                seen,
                references_changed: false,
                lifecycle,
            };
            recording.objects.insert(key, object);
        }
        recording.edges = Edges::load(tx, page, run, |key| recording.objects.contains_key(key))?;
        for change in run {
            match change {
                Change::Object(object) => recording.object(object),
                Change::Partial(partial) => recording.partial(partial)?,
                Change::Present(anchors) => recording.present.extend(anchors.iter().map(Anchor::as_str)),
                Change::Departed { kind, anchor, departure } => recording.departed(kind, anchor, *departure),
                Change::Container { .. } => {}
            }
        }
        Ok(recording)
    }

    fn object(&mut self, object: &'a SourceObject) {
        self.names.give(object.kind.as_str(), &object.anchor, &object.names);
        let attributes = to_json(&object.attributes);
        let page = self.page;
        for mapping in page.mappings.iter().filter(|mapping| mapping.kind == object.kind) {
            let key = self.deliver(mapping, &object.anchor);
            let mut changed = false;
            for reference in &mapping.references {
                if let Some(names) = object.references.get(&reference.attribute) {
                    changed |= self.edges.of(&key).replace(page, &key, &reference.attribute, names);
                }
            }
            if let Some(groups) = page.groups.as_ref().filter(|groups| groups.mapping == mapping.id) {
                self.names.display(groups, &object.kind, &object.anchor, &object.attributes);
            }
            self.present(&key, attributes.clone(), Some(&object.attributes), changed);
        }
    }

    fn partial(&mut self, partial: &'a PartialObject) -> Result<(), StoreError> {
        if !partial.names.is_empty() {
            self.names.give(partial.kind.as_str(), &partial.anchor, &partial.names);
        }
        let page = self.page;
        for mapping in page.mappings.iter().filter(|mapping| mapping.kind == partial.kind) {
            let key = self.deliver(mapping, &partial.anchor);
            let mut changed = false;
            for change in &partial.references {
                let reference = mapping.references.iter().find(|reference| reference.attribute == change.attribute);
                if let Some(reference) = reference {
                    changed |= self.edges.of(&key).merge(page, &key, change, reference.holds != Holds::One);
                }
            }
            // A full read tells everything of an object, if in parts: its first part replaces what was known.
            let stored = self.objects.get(&key).filter(|object| object.seen || !page.full_round);
            let stored = stored.map_or("{}", |object| object.row.attributes.as_str());
            let mut attributes: Attributes = from_json("attributes", stored)?;
            for (name, value) in &partial.attributes {
                match value {
                    Some(value) => attributes.set(name, value.clone()),
                    None => attributes.clear(name),
                }
            }
            if let Some(groups) = page.groups.as_ref().filter(|groups| groups.mapping == mapping.id) {
                self.names.display(groups, &partial.kind, &partial.anchor, &attributes);
            }
            self.present(&key, to_json(&attributes), None, changed);
        }
        Ok(())
    }

    /// Objects of another kind under the same anchor, and unknown ones, are not touched.
    fn departed(&mut self, kind: &ObjectKind, anchor: &'a Anchor, departure: Departure) {
        let lifecycle = match departure {
            Departure::SoftDeleted => Lifecycle::SoftDeleted,
            Departure::LeftFeed => Lifecycle::LeftFeed,
            Departure::Deleted => Lifecycle::Deleted,
        };
        for mapping in self.mappings.get(anchor.as_str()).cloned().unwrap_or_default() {
            let key = key(mapping, anchor.as_str().to_owned());
            if let Some(object) = self.objects.get_mut(&key) {
                if object.row.kind != kind.as_str() {
                    continue;
                }
                if departure == Departure::Deleted && self.deleted.last() != Some(&anchor.as_str()) {
                    self.deleted.push(anchor.as_str());
                }
                object.touched = true;
                if object.row.lifecycle != lifecycle.word() {
                    lifecycle.word().clone_into(&mut object.row.lifecycle);
                    object.changed = true;
                }
            }
            self.order.push(key);
        }
    }

    /// The object of the mapping, created where there is none.
    fn deliver(&mut self, mapping: &RecordedMapping, anchor: &Anchor) -> ObjectKey {
        let key = ObjectKey { mapping: mapping.id.clone(), anchor: anchor.clone() };
        let page = self.page;
        let mappings = &mut self.mappings;
        let object = self.objects.entry(key.clone()).or_insert_with(|| {
            mappings.entry(anchor.as_str().to_owned()).or_default().insert(mapping.id.as_str().to_owned());
            let row = ObjectRow {
                job: page.job.as_str().to_owned(),
                anchor: anchor.as_str().to_owned(),
                mapping: mapping.id.as_str().to_owned(),
                kind: mapping.kind.as_str().to_owned(),
                attributes: "{}".to_owned(),
                lifecycle: Lifecycle::Present.word().to_owned(),
                generation: page.generation,
                revision: 0,
                evaluated_schema: 0,
                due: false,
                waits_for: None,
            };
            Object {
                row,
                attributes: None,
                stored: false,
                touched: true,
                changed: true,
                seen: false,
                references_changed: false,
                lifecycle: None,
            }
        });
        object.touched = true;
        self.order.push(key.clone());
        key
    }

    /// The source delivers the object with these attributes.
    fn present(
        &mut self,
        key: &ObjectKey,
        attributes: String,
        whole: Option<&'a Attributes>,
        references_changed: bool,
    ) {
        let escrowed = self.escrowed.contains(key);
        let Some(object) = self.objects.get_mut(key) else { return };
        object.references_changed |= references_changed;
        object.changed |= references_changed
            || escrowed
            || object.row.evaluated_schema != self.page.schema_version
            || object.row.lifecycle != Lifecycle::Present.word()
            || object.row.attributes != attributes;
        object.row.attributes = attributes;
        object.attributes = whole;
        object.seen = true;
        Lifecycle::Present.word().clone_into(&mut object.row.lifecycle);
    }

    /// Writes everything back: names first, because references are resolved by them.
    pub(super) fn write(mut self, tx: &mut Backend, watch: &mut Watch<'_>) -> Result<Vec<Delivered>, StoreError> {
        self.write_objects(tx)?;
        let (mut gone, mut back) = (Vec::new(), Vec::new());
        for (key, object) in &self.objects {
            if let Some(before) = object.lifecycle.as_ref().filter(|before| **before != object.row.lifecycle) {
                watch.moved(key);
                gone.extend((object.row.lifecycle == Lifecycle::Deleted.word()).then_some(key));
                back.extend((before == Lifecycle::Deleted.word()).then_some(key));
            }
        }
        claimants::refute(tx, &self.page.job, &back)?;
        claimants::wake(tx, &self.page.job, &gone)?;
        self.names.write(tx, self.page, &self.deleted)?;
        self.edges.write(tx, self.page, &self.present, watch)?;
        self.names.lead_references(tx, self.page, watch)?;
        references::far_end_deleted(tx, &self.page.job, &self.deleted)?;
        let delivered = self.order.into_iter().map(|key| {
            let object = self.objects.get(&key);
            let due = object.is_some_and(|object| object.row.due && object.row.waits_for.is_none());
            let new = object.filter(|object| !object.stored);
            let new = new.map(|object| NewObject { row: object.row.clone(), attributes: object.attributes.cloned() });
            let references_changed = object.is_some_and(|object| object.references_changed);
            Delivered { key, due, new, references_changed }
        });
        Ok(delivered.collect())
    }

    fn write_objects(&mut self, tx: &mut Backend) -> Result<(), StoreError> {
        let page = self.page;
        for object in self.objects.values_mut().filter(|object| object.touched && object.changed) {
            object.row.revision += 1;
            object.row.due = true;
            object.row.waits_for = None;
            object.row.generation = page.generation.max(object.row.generation);
        }
        let (mut new, mut changed, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        for object in self.objects.values().filter(|object| object.touched) {
            match object {
                Object { changed: true, stored: false, row, .. } => new.push(row),
                Object { changed: true, row, .. } => changed.push(row.clone()),
                Object { row, .. } if row.generation < page.generation => drop(seen.insert(row.anchor.as_str())),
                Object { .. } => {}
            }
        }
        // Rows in the order of their key go into the tree side by side.
        new.sort_unstable_by(|a, b| (&a.anchor, &a.mapping).cmp(&(&b.anchor, &b.mapping)));
        objects::insert(tx, new)?;
        objects::replace(tx, &changed)?;
        seen.extend(self.present.iter().copied());
        objects::seen(tx, &page.job, &seen.into_iter().collect::<Vec<_>>(), page.generation)
    }
}

/// The object that a change is about, where it is about one.
fn anchor_of(change: &Change) -> Option<&Anchor> {
    match change {
        Change::Object(object) => Some(&object.anchor),
        Change::Partial(partial) => Some(&partial.anchor),
        Change::Departed { anchor, .. } => Some(anchor),
        Change::Present(_) | Change::Container { .. } => None,
    }
}
