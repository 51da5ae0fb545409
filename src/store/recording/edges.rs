//! The references that a run touches: wanted or not, as the source says them, and told apart from what is stored.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use diesel::prelude::*;

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::{Anchor, Change, Export, Name, ObjectKey, ReferenceChange};
use crate::store::columns::Word;
use crate::store::edges::{self, Row};
use crate::store::keys::key;
use crate::store::record::{Holds, RecordPage};
use crate::store::references::{left_behind, unique};
use crate::store::tables::edges as table;
use crate::store::watch::Watch;
use crate::store::{StoreError, names};

/// The edges of every object that the run may change edges of.
#[derive(Default)]
pub(super) struct Edges {
    owners: HashMap<ObjectKey, Owned>,
}

/// The edges of one object, by attribute and reference.
#[derive(Default)]
pub(super) struct Owned {
    edges: BTreeMap<(String, String), Reference>,
    /// True when all of its edges are loaded.
    whole: bool,
}

struct Reference {
    row: Row,
    stored: Option<Row>,
}

impl Reference {
    /// True where it is to be asked whose name it is: nobody had it, or the reference ended and has come back.
    fn is_open(&self) -> bool {
        let came_back = || self.stored.as_ref().is_some_and(|stored| !stored.wanted);
        self.row.wanted && (self.row.to_anchor.is_none() || came_back())
    }
}

impl Edges {
    /// Loads the edges of the stored owners: all of them where the object came whole, else those that are named, so
    /// that one changed member of a large group costs one edge.
    pub(super) fn load(
        tx: &mut Backend,
        page: &RecordPage,
        run: &[Change],
        is_stored: impl Fn(&ObjectKey) -> bool,
    ) -> Result<Self, StoreError> {
        let mut loaded = Self::default();
        let job = &page.job;
        for mapping in page.mappings.iter().filter(|mapping| !mapping.references.is_empty()) {
            let stored = |anchor: &Anchor| {
                let key = ObjectKey { mapping: mapping.id.clone(), anchor: anchor.clone() };
                is_stored(&key).then_some(key)
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
                if reference.holds != Holds::One {
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
                loaded.owners.entry(owner).or_default().whole = true;
            }
            for row in rows {
                let owned = loaded.owners.entry(key(row.mapping.clone(), row.from_anchor.clone())).or_default();
                let edge = (row.attribute.clone(), row.reference.clone());
                owned.edges.insert(edge, Reference { stored: Some(row.clone()), row });
            }
        }
        Ok(loaded)
    }

    /// The edges of one object.
    pub(super) fn of(&mut self, owner: &ObjectKey) -> &mut Owned {
        self.owners.entry(owner.clone()).or_default()
    }

    /// Writes what differs from the store. In a full read, `present` names objects that are known to be unchanged.
    pub(super) fn write(
        mut self,
        tx: &mut Backend,
        page: &RecordPage,
        present: &[&str],
        watch: &mut Watch<'_>,
    ) -> Result<(), StoreError> {
        let open: BTreeSet<&str> = self
            .owners
            .values()
            .flat_map(|owned| owned.edges.values())
            .filter(|edge| edge.is_open())
            .map(|edge| edge.row.reference.as_str())
            .collect();
        let anchors = names::objects_of(tx, &page.job, &open.into_iter().collect::<Vec<_>>())?;
        let (mut new, mut changed, mut removed) = (Vec::new(), Vec::new(), Vec::new());
        for owned in self.owners.values_mut() {
            let mut left = Vec::new();
            for edge in owned.edges.values_mut().filter(|edge| edge.is_open()) {
                let found = anchors.get(&edge.row.reference);
                let Some(found) = found.filter(|found| edge.row.to_anchor.as_ref() != Some(&found.anchor)) else {
                    continue;
                };
                if edge.row.is_sent() && edge.row.to_anchor.is_some() {
                    // Whom it led to is gone, and somebody else has the name.
                    left.push(left_behind(&edge.row, edge.row.to_anchor.clone()));
                    edge.row.reset();
                }
                edge.row.to_anchor = Some(found.anchor.clone());
                edge.row.nested = watch.nests(&edge.row, &found.kind);
            }
            // One that stands already says the same.
            left.retain(|row| !owned.edges.contains_key(&(row.attribute.clone(), row.reference.clone())));
            changed.extend(unique(left));
            owned.carry_over();
        }
        for Reference { row, stored } in self.owners.values().flat_map(|owned| owned.edges.values()) {
            watch.edge(stored.as_ref(), Some(row));
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
        if page.full_round { self.confirm(tx, page, present) } else { Ok(()) }
    }

    /// In a full read, the references of an object that came whole, or is known to be unchanged, count as seen.
    fn confirm(&self, tx: &mut Backend, page: &RecordPage, present: &[&str]) -> Result<(), StoreError> {
        let whole = self.owners.iter().filter(|(_, owned)| owned.whole).map(|(key, _)| key.anchor.as_str());
        let owners: Vec<&str> = whole.chain(present.iter().copied()).collect();
        for mapping in page.mappings.iter().filter(|mapping| !mapping.references.is_empty()) {
            for batch in batches(&owners) {
                on_each!(tx, c => diesel::update(table::table)
                    .filter(table::job.eq(page.job.as_str()))
                    .filter(table::mapping.eq(mapping.id.as_str()))
                    .filter(table::from_anchor.any_of(batch.iter().copied()))
                    .filter(table::wanted)
                    .filter(table::generation.lt(page.generation))
                    .set(table::generation.eq(page.generation))
                    .execute(c))?;
            }
        }
        Ok(())
    }
}

impl Owned {
    /// The attribute holds exactly these references. True when that is news.
    pub(super) fn replace(&mut self, page: &RecordPage, owner: &ObjectKey, attribute: &str, names: &[Name]) -> bool {
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
    pub(super) fn merge(
        &mut self,
        page: &RecordPage,
        owner: &ObjectKey,
        change: &ReferenceChange,
        multivalued: bool,
    ) -> bool {
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
            let row = Row {
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
                nested: false,
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
