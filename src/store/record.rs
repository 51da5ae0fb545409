//! The first thing that happens to a page: its changes become the connector space.
//!
//! Nothing is evaluated here. The answer is which objects must be.

use std::collections::{HashMap, HashSet};

use crate::db::Backend;
use crate::model::{
    Anchor, Change, Departure, JobId, KnownObject, ObjectKey, ObjectKind, ObjectMappingId, PartialObject, SourceObject,
    Watermark,
};

use super::groups::NamedGroups;
use super::nesting::MembersOf;
use super::recording::{Delivered, Recording};
use super::watch::Watch;
use super::{Store, StoreError, containers, intents, known, watermarks};

/// One page of a feed.
#[derive(Clone, Debug)]
pub struct RecordPage {
    pub job: JobId,
    /// The generation of the running cycle.
    pub generation: i64,
    /// The version of the synchronization schema that objects are evaluated against now.
    pub schema_version: i64,
    /// Every object mapping whose objects are kept.
    pub mappings: Vec<RecordedMapping>,
    /// The groups that filters name; `None` where no filter asks for members.
    pub groups: Option<NamedGroups>,
    /// In arrival order; a container comes before what is named by its new name.
    pub changes: Vec<Change>,
    /// True while everything is read: what is delivered counts as seen under the generation.
    pub full_round: bool,
    /// Stored with the page. It moves only when everything before it is durable, which the caller knows.
    pub watermark: Option<Watermark>,
}

/// What the store must know of an object mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedMapping {
    pub id: ObjectMappingId,
    pub kind: ObjectKind,
    /// The reference attributes it maps; others are not kept.
    pub references: Vec<RecordedReference>,
    /// True when the caller acts on new objects at once, and so wants to hear all that is known of them.
    pub acts_at_once: bool,
}

/// A reference attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedReference {
    pub attribute: String,
    pub holds: Holds,
}

/// What a reference attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// One object at most (`manager`): a new reference replaces the former.
    One,
    Many,
    /// The members of a group, among which may be groups.
    Members,
}

impl RecordedMapping {
    /// Where it holds the members of groups, if it does.
    pub fn members(&self) -> Option<MembersOf> {
        let reference = self.references.iter().find(|reference| reference.holds == Holds::Members)?;
        let attribute = reference.attribute.clone();
        Some(MembersOf { mapping: self.id.clone(), kind: self.kind.clone(), attribute })
    }
}

/// What a page brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// Objects to evaluate, in arrival order. One with an open intent is due, too, but only after that is closed.
    pub due: Vec<ObjectKey>,
    /// All that is known of those that were not known before, where the mapping acts at once. They are due, too, and
    /// not among the others.
    pub new: Vec<KnownObject>,
    /// Objects that were delivered as they were known.
    pub unchanged: u64,
    /// Objects that refer to others than before.
    pub references_changed: u64,
}

impl Store {
    /// Records a page. Doing it twice is the same as doing it once.
    pub async fn record_page(&self, page: RecordPage) -> Result<Recorded, StoreError> {
        self.database.write(move |tx| record(tx, page)).await
    }
}

fn record(tx: &mut Backend, mut page: RecordPage) -> Result<Recorded, StoreError> {
    forget_passing_deletions(&mut page.changes);
    let mut delivered: Vec<Delivered> = Vec::new();
    let members: Vec<MembersOf> = page.mappings.iter().filter_map(RecordedMapping::members).collect();
    let mut watch = Watch::begin(tx, &page.job, page.groups.as_ref(), &members)?;
    // Deletions and renamed containers change what names mean, so the changes around them are recorded apart.
    for run in page.changes.chunk_by(|one, next| step(one) == step(next)) {
        match run.first().map(step) {
            Some(Step::Containers) => {
                for change in run {
                    if let Change::Container { anchor, name } = change {
                        containers::record(tx, &page.job, anchor, name, &mut watch)?;
                    }
                }
            }
            Some(Step::Objects | Step::Deletions) => {
                delivered.extend(Recording::load(tx, &page, run)?.write(tx, &mut watch)?)
            }
            None => {}
        }
    }
    watch.end(tx)?;
    if let Some(watermark) = page.watermark {
        watermarks::save(tx, &page.job, watermark)?;
    }
    let at_once =
        |key: &ObjectKey| page.mappings.iter().any(|mapping| mapping.id == key.mapping && mapping.acts_at_once);
    due(tx, &page.job, delivered, at_once)
}

/// Whoever is deleted and comes back within the page was not gone: what refers to them stays.
fn forget_passing_deletions(changes: &mut Vec<Change>) {
    if !changes.iter().any(|change| step(change) == Step::Deletions) {
        return;
    }
    let mut comes_back: HashSet<(&ObjectKind, &Anchor)> = HashSet::new();
    let mut lasts: Vec<bool> = changes
        .iter()
        .rev()
        .map(|change| match change {
            Change::Object(SourceObject { kind, anchor, .. }) | Change::Partial(PartialObject { kind, anchor, .. }) => {
                comes_back.insert((kind, anchor));
                true
            }
            Change::Departed { kind, anchor, departure: Departure::Deleted } => !comes_back.contains(&(kind, anchor)),
            Change::Departed { .. } | Change::Present(_) | Change::Container { .. } => true,
        })
        .collect();
    changes.retain(|_| lasts.pop().unwrap_or(true));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Objects,
    Deletions,
    Containers,
}

fn step(change: &Change) -> Step {
    match change {
        Change::Container { .. } => Step::Containers,
        Change::Departed { departure: Departure::Deleted, .. } => Step::Deletions,
        _ => Step::Objects,
    }
}

/// The delivered objects that are due in the end, each once, at its first place.
fn due(
    tx: &mut Backend,
    job: &JobId,
    delivered: Vec<Delivered>,
    at_once: impl Fn(&ObjectKey) -> bool,
) -> Result<Recorded, StoreError> {
    let order: Vec<ObjectKey> = delivered.iter().map(|delivered| delivered.key.clone()).collect();
    let referring = delivered.iter().filter(|delivered| delivered.references_changed).map(|delivered| &delivered.key);
    let references_changed = referring.collect::<HashSet<_>>().len() as u64;
    let mut last: HashMap<ObjectKey, Delivered> =
        delivered.into_iter().map(|delivered| (delivered.key.clone(), delivered)).collect();
    let mut recorded = Recorded { references_changed, ..Recorded::default() };
    let mut new = Vec::new();
    for key in order {
        match last.remove(&key) {
            None => {}
            Some(Delivered { due: false, .. }) => recorded.unchanged += 1,
            // One that changed again after the run that made it is stored by now, and not new to the last run.
            Some(Delivered { new: Some(row), .. }) if at_once(&key) => new.push(row),
            Some(_) => recorded.due.push(key),
        }
    }
    if !recorded.due.is_empty() {
        let open = intents::open_of(tx, job)?;
        recorded.due.retain(|key| !open.contains(key));
    }
    recorded.new = known::of_new(tx, job, new)?;
    Ok(recorded)
}
