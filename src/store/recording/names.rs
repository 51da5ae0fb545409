//! The names that a run gives to objects, and takes from them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::db::Backend;
use crate::model::{Anchor, Attributes, Name, ObjectKind};
use crate::store::groups::{Displays, NamedGroups};
use crate::store::names::{self, Found, Row};
use crate::store::record::RecordPage;
use crate::store::watch::Watch;
use crate::store::{StoreError, references};

/// Who is called what, before the run and after it.
pub(super) struct Names<'a> {
    stored: HashMap<String, BTreeSet<String>>,
    /// The names that the run gives, with kind and anchor; the last one to claim a name has it.
    given: BTreeMap<&'a str, (&'a str, &'a str)>,
    renamed: BTreeSet<&'a str>,
    displays: Displays,
}

impl<'a> Names<'a> {
    /// The names of the objects that the run touches.
    pub(super) fn load(tx: &mut Backend, page: &RecordPage, touched: &[&str]) -> Result<Self, StoreError> {
        let mut stored = names::of(tx, &page.job, touched)?;
        // Where nobody asks for display names, those that are left go with the other names.
        let displays = page.groups.as_ref().map(|_| Displays::take_from(&mut stored)).unwrap_or_default();
        Ok(Self { stored, given: BTreeMap::new(), renamed: BTreeSet::new(), displays })
    }

    /// The object has these names, and no others.
    pub(super) fn give(&mut self, kind: &'a str, anchor: &'a Anchor, names: &'a [Name]) {
        if !self.renamed.insert(anchor.as_str()) {
            self.given.retain(|_, (_, holder)| *holder != anchor.as_str());
        }
        self.given.extend(names.iter().map(|name| (name.as_str(), (kind, anchor.as_str()))));
    }

    /// A group that filters may name by its display name has these attributes.
    pub(super) fn display(
        &mut self,
        groups: &NamedGroups,
        kind: &ObjectKind,
        anchor: &Anchor,
        attributes: &Attributes,
    ) {
        self.displays.set(groups, kind, anchor, attributes);
    }

    /// Writes what differs from the store; who is deleted has no name.
    pub(super) fn write(&self, tx: &mut Backend, page: &RecordPage, deleted: &[&str]) -> Result<(), StoreError> {
        names::remove(tx, &page.job, &self.dropped())?;
        let rows: Vec<Row> = self
            .newly_given()
            .map(|(name, kind, anchor)| Row {
                job: page.job.as_str().to_owned(),
                name: name.to_owned(),
                kind: kind.to_owned(),
                anchor: anchor.to_owned(),
            })
            .collect();
        names::save(tx, &page.job, &rows)?;
        self.displays.write(tx, &page.job)?;
        names::remove_of(tx, &page.job, deleted)
    }

    /// References follow the names: those to a name that nobody has any more, and those to a new one.
    pub(super) fn lead_references(
        &self,
        tx: &mut Backend,
        page: &RecordPage,
        watch: &mut Watch<'_>,
    ) -> Result<(), StoreError> {
        references::unresolve(tx, &page.job, &self.dropped(), watch)?;
        references::resolve(tx, &page.job, &self.newly_named(), watch)
    }

    /// The names that objects of the run had, and nobody has now.
    fn dropped(&self) -> Vec<&str> {
        self.stored
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
            .filter(|(name, _, anchor)| !self.stored.get(*anchor).is_some_and(|names| names.contains(*name)))
    }

    fn newly_named(&self) -> HashMap<&'a str, Found> {
        let found = |kind: &str, anchor: &str| Found { kind: kind.to_owned(), anchor: anchor.to_owned() };
        self.newly_given().map(|(name, kind, anchor)| (name, found(kind, anchor))).collect()
    }
}
