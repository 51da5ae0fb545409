//! A run of changes, folded in memory over what is stored and written back as a few statements.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use diesel::prelude::*;

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::{
    Anchor, Attributes, Change, Departure, Export, Lifecycle, Name, ObjectKey, ObjectKind, PartialObject,
    ReferenceChange, SourceObject,
};

use super::columns::{Word, from_json, to_json};
use super::edges::{self, Row as EdgeRow};
use super::keys::key;
use super::names::Row as NameRow;
use super::objects::Row as ObjectRow;
use super::record::{RecordPage, RecordedMapping};
use super::tables::edges as edge_table;
use super::{StoreError, names, objects, references};

/// An object that a run delivered, and whether it is due now.
pub(super) struct Delivered {
    pub(super) key: ObjectKey,
    pub(super) due: bool,
    /// An object that was not known before.
    pub(super) new: Option<NewObject>,
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
    edges: HashMap<ObjectKey, Owned>,
    stored_names: HashMap<String, BTreeSet<String>>,
    /// The names that the run gives, with kind and anchor; the last one to claim a name has it.
    given: BTreeMap<&'a str, (&'a str, &'a str)>,
    renamed: BTreeSet<&'a str>,
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
}

/// The edges of one object, by attribute and reference.
#[derive(Default)]
struct Owned {
    edges: BTreeMap<(String, String), Reference>,
    /// True when all of its edges are loaded.
    whole: bool,
}

struct Reference {
    row: EdgeRow,
    stored: Option<EdgeRow>,
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
            edges: HashMap::new(),
            stored_names: names::of(tx, &page.job, &touched)?,
            given: BTreeMap::new(),
            renamed: BTreeSet::new(),
            deleted: Vec::new(),
            present: Vec::new(),
            order: Vec::new(),
        };
        for row in objects::of_anchors(tx, &page.job, &touched)? {
            recording.mappings.entry(row.anchor.clone()).or_default().insert(row.mapping.clone());
            let key = key(row.mapping.clone(), row.anchor.clone());
            let seen = row.generation >= page.generation;
            let object = Object { row, attributes: None, stored: true, touched: false, changed: false, seen };
            recording.objects.insert(key, object);
        }
        recording.load_edges(tx, run)?;
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

    /// Loads the edges of the stored owners: all of them where the object came whole, else those that are named, so
    /// that one changed member of a large group costs one edge.
    fn load_edges(&mut self, tx: &mut Backend, run: &[Change]) -> Result<(), StoreError> {
        let job = &self.page.job;
        for mapping in self.page.mappings.iter().filter(|mapping| !mapping.references.is_empty()) {
            let stored = |anchor: &Anchor| {
                let key = ObjectKey { mapping: mapping.id.clone(), anchor: anchor.clone() };
                self.objects.contains_key(&key).then_some(key)
            };
            let whole: BTreeSet<ObjectKey> = run
                .iter()
                .filter_map(|change| match change {
                    Change::Object(object) if object.kind == mapping.kind => stored(&object.anchor),
                    _ => None,
                })
                .collect();
            let mut rows = edges::of_owners(
                tx,
                job,
                mapping.id.as_str(),
                &whole.iter().map(|key| key.anchor.as_str()).collect::<Vec<_>>(),
            )?;
            let mut named: BTreeMap<&str, BTreeMap<ObjectKey, BTreeSet<&str>>> = BTreeMap::new();
            for change in run {
                let Change::Partial(partial) = change else { continue };
                let Some(owner) = stored(&partial.anchor).filter(|_| partial.kind == mapping.kind) else { continue };
                if whole.contains(&owner) {
                    continue;
                }
                for reference in &partial.references {
                    let owners = named.entry(&reference.attribute).or_default();
                    owners.entry(owner.clone()).or_default().insert(reference.to.as_str());
                }
            }
            for reference in &mapping.references {
                let Some(owners) = named.remove(reference.attribute.as_str()) else { continue };
                if reference.multivalued {
                    for (owner, references) in owners {
                        let references: Vec<&str> = references.into_iter().collect();
                        rows.extend(edges::named(tx, job, &owner, &reference.attribute, &references)?);
                    }
                } else {
                    let owners: Vec<&str> = owners.keys().map(|owner| owner.anchor.as_str()).collect();
                    rows.extend(edges::of_attribute(tx, job, mapping.id.as_str(), &owners, &reference.attribute)?);
                }
            }
            for owner in whole {
                self.edges.entry(owner).or_default().whole = true;
            }
            for row in rows {
                let owned = self.edges.entry(key(row.mapping.clone(), row.from_anchor.clone())).or_default();
                let edge = (row.attribute.clone(), row.reference.clone());
                owned.edges.insert(edge, Reference { stored: Some(row.clone()), row });
            }
        }
        Ok(())
    }

    fn object(&mut self, object: &'a SourceObject) {
        self.names(object.kind.as_str(), &object.anchor, &object.names);
        let attributes = to_json(&object.attributes);
        let page = self.page;
        for mapping in page.mappings.iter().filter(|mapping| mapping.kind == object.kind) {
            let key = self.deliver(mapping, &object.anchor);
            let mut changed = false;
            for reference in &mapping.references {
                if let Some(names) = object.references.get(&reference.attribute) {
                    changed |= self.owned(&key).replace(page, &key, &reference.attribute, names);
                }
            }
            self.present(&key, attributes.clone(), Some(&object.attributes), changed);
        }
    }

    fn partial(&mut self, partial: &'a PartialObject) -> Result<(), StoreError> {
        if !partial.names.is_empty() {
            self.names(partial.kind.as_str(), &partial.anchor, &partial.names);
        }
        let page = self.page;
        for mapping in page.mappings.iter().filter(|mapping| mapping.kind == partial.kind) {
            let key = self.deliver(mapping, &partial.anchor);
            let mut changed = false;
            for change in &partial.references {
                let reference = mapping.references.iter().find(|reference| reference.attribute == change.attribute);
                if let Some(reference) = reference {
                    changed |= self.owned(&key).merge(page, &key, change, reference.multivalued);
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

    fn names(&mut self, kind: &'a str, anchor: &'a Anchor, names: &'a [Name]) {
        if !self.renamed.insert(anchor.as_str()) {
            self.given.retain(|_, (_, holder)| *holder != anchor.as_str());
        }
        self.given.extend(names.iter().map(|name| (name.as_str(), (kind, anchor.as_str()))));
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
            Object { row, attributes: None, stored: false, touched: true, changed: true, seen: false }
        });
        object.touched = true;
        self.order.push(key.clone());
        key
    }

    fn owned(&mut self, key: &ObjectKey) -> &mut Owned {
        self.edges.entry(key.clone()).or_default()
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
    pub(super) fn write(mut self, tx: &mut Backend) -> Result<Vec<Delivered>, StoreError> {
        self.write_objects(tx)?;
        self.write_names(tx)?;
        self.write_edges(tx)?;
        references::unresolve(tx, &self.page.job, &self.dropped())?;
        references::resolve(tx, &self.page.job, &self.newly_named())?;
        references::far_end_deleted(tx, &self.page.job, &self.deleted)?;
        let delivered = self.order.into_iter().map(|key| {
            let object = self.objects.get(&key);
            let due = object.is_some_and(|object| object.row.due && object.row.waits_for.is_none());
            let new = object.filter(|object| !object.stored);
            let new = new.map(|object| NewObject { row: object.row.clone(), attributes: object.attributes.cloned() });
            Delivered { key, due, new }
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

    fn write_names(&self, tx: &mut Backend) -> Result<(), StoreError> {
        names::remove(tx, &self.page.job, &self.dropped())?;
        let rows: Vec<NameRow> = self
            .newly_given()
            .map(|(name, kind, anchor)| NameRow {
                job: self.page.job.as_str().to_owned(),
                name: name.to_owned(),
                kind: kind.to_owned(),
                anchor: anchor.to_owned(),
            })
            .collect();
        names::save(tx, &self.page.job, &rows)?;
        names::remove_of(tx, &self.page.job, &self.deleted)
    }

    /// The names that objects of the run had, and nobody has now.
    fn dropped(&self) -> Vec<&str> {
        self.stored_names
            .iter()
            .filter(|(anchor, _)| self.renamed.contains(anchor.as_str()))
            .flat_map(|(_, names)| names)
            .map(String::as_str)
            .filter(|name| !self.given.contains_key(name))
            .collect()
    }

    fn newly_given(&self) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
        self.given
            .iter()
            .map(|(name, (kind, anchor))| (*name, *kind, *anchor))
            .filter(|(name, _, anchor)| !self.stored_names.get(*anchor).is_some_and(|names| names.contains(*name)))
    }

    fn newly_named(&self) -> HashMap<&'a str, &'a str> {
        self.newly_given().map(|(name, _, anchor)| (name, anchor)).collect()
    }

    fn write_edges(&mut self, tx: &mut Backend) -> Result<(), StoreError> {
        let page = self.page;
        let open: BTreeSet<&str> = self
            .edges
            .values()
            .flat_map(|owned| owned.edges.values())
            .filter(|edge| edge.row.wanted && edge.row.to_anchor.is_none())
            .map(|edge| edge.row.reference.as_str())
            .collect();
        let anchors = names::anchors_of(tx, &page.job, &open.into_iter().collect::<Vec<_>>())?;
        for owned in self.edges.values_mut() {
            for edge in owned.edges.values_mut().filter(|edge| edge.row.wanted && edge.row.to_anchor.is_none()) {
                edge.row.to_anchor = anchors.get(&edge.row.reference).cloned();
            }
            owned.carry_over();
        }
        let (mut new, mut changed, mut removed) = (Vec::new(), Vec::new(), Vec::new());
        for Reference { row, stored } in self.edges.values().flat_map(|owned| owned.edges.values()) {
            match stored {
                stored if !row.wanted && !row.is_sent() => removed.extend(stored.clone()),
                None => new.push(row),
                Some(stored) if stored != row => changed.push(row.clone()),
                Some(_) => {}
            }
        }
        edges::remove(tx, &removed)?;
        edges::insert(tx, new)?;
        edges::save(tx, &changed)?;
        if page.full_round { self.confirm_edges(tx) } else { Ok(()) }
    }

    /// In a full read, the references of an object that came whole, or is known to be unchanged, count as seen.
    fn confirm_edges(&self, tx: &mut Backend) -> Result<(), StoreError> {
        let page = self.page;
        let whole = self.edges.iter().filter(|(_, owned)| owned.whole).map(|(key, _)| key.anchor.as_str());
        let owners: Vec<&str> = whole.chain(self.present.iter().copied()).collect();
        for mapping in page.mappings.iter().filter(|mapping| !mapping.references.is_empty()) {
            for batch in batches(&owners) {
                on_each!(tx, c => diesel::update(edge_table::table)
                    .filter(edge_table::job.eq(page.job.as_str()))
                    .filter(edge_table::mapping.eq(mapping.id.as_str()))
                    .filter(edge_table::from_anchor.any_of(batch.iter().copied()))
                    .filter(edge_table::wanted)
                    .filter(edge_table::generation.lt(page.generation))
                    .set(edge_table::generation.eq(page.generation))
                    .execute(c))?;
            }
        }
        Ok(())
    }
}

impl Owned {
    /// The attribute holds exactly these references. True when that is news.
    fn replace(&mut self, page: &RecordPage, owner: &ObjectKey, attribute: &str, names: &[Name]) -> bool {
        let listed: HashSet<&str> = names.iter().map(Name::as_str).collect();
        let mut changed = false;
        for ((of, reference), edge) in &mut self.edges {
            if of == attribute && edge.row.wanted && !listed.contains(reference.as_str()) {
                edge.row.wanted = false;
                changed = true;
            }
        }
        for name in names {
            changed |= self.want(page, owner, attribute, name);
        }
        changed
    }

    /// One reference appeared or disappeared. True when that is news.
    fn merge(&mut self, page: &RecordPage, owner: &ObjectKey, change: &ReferenceChange, multivalued: bool) -> bool {
        let mut changed = false;
        for ((of, reference), edge) in &mut self.edges {
            let ends = if change.present {
                !multivalued && reference != change.to.as_str()
            } else {
                reference == change.to.as_str()
            };
            if *of == change.attribute && ends && edge.row.wanted {
                edge.row.wanted = false;
                changed = true;
            }
        }
        if change.present {
            changed |= self.want(page, owner, &change.attribute, &change.to);
        }
        changed
    }

    fn want(&mut self, page: &RecordPage, owner: &ObjectKey, attribute: &str, name: &Name) -> bool {
        let edge = (attribute.to_owned(), name.as_str().to_owned());
        let edge = self.edges.entry(edge).or_insert_with(|| {
            let row = EdgeRow {
                job: page.job.as_str().to_owned(),
                mapping: owner.mapping.as_str().to_owned(),
                from_anchor: owner.anchor.as_str().to_owned(),
                attribute: attribute.to_owned(),
                reference: name.as_str().to_owned(),
                to_anchor: None,
                wanted: false,
                export: Export::Never.word().to_owned(),
                exported_as: None,
                generation: page.generation,
            };
            Reference { row, stored: None }
        });
        if page.full_round && !self.whole {
            edge.row.generation = edge.row.generation.max(page.generation);
        }
        let changed = !edge.row.wanted;
        edge.row.wanted = true;
        changed
    }

    /// An object that is referred to by another name now was not removed: what was sent under the old reference
    /// belongs to the new one, and nothing needs to be sent.
    fn carry_over(&mut self) {
        let mut ending: HashMap<(String, String), (String, String)> = HashMap::new();
        for (key, edge) in self.edges.iter().filter(|(_, edge)| !edge.row.wanted && edge.row.is_sent()) {
            if let Some(to) = &edge.row.to_anchor {
                ending.insert((edge.row.attribute.clone(), to.clone()), key.clone());
            }
        }
        if ending.is_empty() {
            return;
        }
        let mut carried = Vec::new();
        for edge in self.edges.values_mut().filter(|edge| edge.row.wanted) {
            let Some(to) = edge.row.to_anchor.clone() else { continue };
            let Some(old) = ending.remove(&(edge.row.attribute.clone(), to)) else { continue };
            carried.push(((edge.row.attribute.clone(), edge.row.reference.clone()), old));
        }
        for (new, old) in carried {
            let Some(old) = self.edges.get_mut(&old) else { continue };
            let (export, exported_as) = (old.row.export.clone(), old.row.exported_as.clone());
            old.row.reset();
            if let Some(new) = self.edges.get_mut(&new).filter(|new| !new.row.is_sent()) {
                new.row.export = export;
                new.row.exported_as = exported_as;
            }
        }
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
