//! Intents: actions that were decided and are not yet known to be done.
//!
//! The intents of one page of actions are one row, written before its requests and deleted with its outcomes. What is
//! asked of open intents, the objects and the values they concern, stands beside them in columns of its own.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use diesel::prelude::*;
use uuid::Uuid;

use crate::db::{Backend, on_each};
use crate::model::{
    Action, Anchor, Export, Intent, JobId, ObjectKey, ObjectMappingId, PageId, ResourceKind, TargetIdentity, TargetPath,
};

use super::columns::{from_json, to_json};
use super::tables::intents;
use super::{Store, StoreError, edges};

/// What the first transaction of a page did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// The page that its outcomes close; none when every intent was refused.
    pub page: Option<PageId>,
    /// Objects whose intents were refused, because one is open already, or because another open create takes one of
    /// the matching or drawn values. They are decided again once that one is closed.
    pub refused: Vec<ObjectKey>,
}

/// The intents of one page that are still open.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenPage {
    pub id: PageId,
    pub intents: Vec<Intent>,
}

/// The objects of a page, by mapping.
type Objects = BTreeMap<ObjectMappingId, Vec<Anchor>>;
/// The folded values that a page's creates are about to take, by resource type and path: no other create of the
/// target may take them.
type Taken = BTreeMap<ResourceKind, BTreeMap<TargetPath, Vec<String>>>;

impl Store {
    /// The first transaction of a page: stores what is about to be done, and that every edge it names is unknown.
    pub async fn open_intents(
        &self,
        job: &JobId,
        target: &TargetIdentity,
        intents: Vec<Arc<Intent>>,
    ) -> Result<Opened, StoreError> {
        let (job, target) = (job.clone(), target.clone());
        self.database
            .write(move |tx| {
                tx.exclusive(target.as_str())?;
                open(tx, &job, &target, &intents)
            })
            .await
    }

    /// The values that open creates of the target are about to take: resource type, path and folded value.
    pub async fn taken_values(
        &self,
        target: &TargetIdentity,
    ) -> Result<HashSet<(ResourceKind, TargetPath, String)>, StoreError> {
        let target = target.clone();
        self.database.read(move |tx| taken(tx, &target)).await
    }

    /// Every open intent of the job, by page, the oldest first.
    pub async fn open_intents_of(&self, job: &JobId) -> Result<Vec<OpenPage>, StoreError> {
        let job = job.clone();
        self.database
            .read(move |tx| {
                let rows = on_each!(tx, c => intents::table
                    .filter(intents::job.eq(job.as_str()))
                    .order(intents::page)
                    .select((intents::page, intents::actions))
                    .load::<(String, String)>(c))?;
                let pages = rows.into_iter().map(|(page, actions)| {
                    Ok(OpenPage { id: PageId::new(page), intents: from_json("actions", &actions)? })
                });
                pages.collect()
            })
            .await
    }
}

fn open(tx: &mut Backend, job: &JobId, target: &TargetIdentity, new: &[Arc<Intent>]) -> Result<Opened, StoreError> {
    let mut busy = open_of(tx, job)?;
    let mut taken = taken(tx, target)?;
    let (mut accepted, mut refused): (Vec<&Intent>, Vec<ObjectKey>) = (Vec::new(), Vec::new());
    for intent in new.iter().map(AsRef::as_ref) {
        let takes = || takes(intent).map(|(path, value)| (intent.kind.clone(), path.clone(), value));
        if busy.contains(&intent.key) || takes().any(|value| taken.contains(&value)) {
            refused.push(intent.key.clone());
            continue;
        }
        busy.insert(intent.key.clone());
        taken.extend(takes());
        accepted.push(intent);
    }
    if accepted.is_empty() {
        return Ok(Opened { page: None, refused });
    }
    let page = PageId::new(Uuid::now_v7().to_string());
    let (objects, taken) = concerned(&accepted);
    on_each!(tx, c => diesel::insert_into(intents::table)
        .values((
            intents::page.eq(page.as_str()),
            intents::job.eq(job.as_str()),
            intents::target.eq(target.as_str()),
            intents::objects.eq(&objects),
            intents::taken.eq(&taken),
            intents::actions.eq(to_json(&accepted)),
        ))
        .execute(c))?;
    let sent = accepted.iter().flat_map(|intent| intent.action.edges().iter().map(|edge| (&intent.key, edge)));
    edges::mark(tx, job, sent, Export::Unknown)?;
    Ok(Opened { page: Some(page), refused })
}

/// The objects that the intents concern and the values that they take, as their columns hold them.
fn concerned(intents: &[&Intent]) -> (String, String) {
    let (mut objects, mut taken) = (Objects::new(), Taken::new());
    for intent in intents {
        objects.entry(intent.key.mapping.clone()).or_default().push(intent.key.anchor.clone());
        for (path, value) in takes(intent) {
            taken.entry(intent.kind.clone()).or_default().entry(path.clone()).or_default().push(value);
        }
    }
    (to_json(&objects), to_json(&taken))
}

/// The values that a create takes, with their paths; other actions concern a resource that exists.
fn takes(intent: &Intent) -> impl Iterator<Item = (&TargetPath, String)> {
    let creates = matches!(intent.action, Action::Create { .. });
    let values = intent.matching.iter().chain(&intent.drawn).filter(move |_| creates);
    values.map(|value| (&value.path, value.folded()))
}

/// What the open creates of the target take: resource type, path and folded value.
fn taken(tx: &mut Backend, target: &TargetIdentity) -> Result<HashSet<(ResourceKind, TargetPath, String)>, StoreError> {
    let pages = on_each!(tx, c => intents::table
        .filter(intents::target.eq(target.as_str()))
        .select(intents::taken)
        .load::<String>(c))?;
    let mut found = HashSet::new();
    for page in pages {
        for (kind, by_path) in from_json::<Taken>("taken", &page)? {
            for (path, values) in by_path {
                found.extend(values.into_iter().map(|value| (kind.clone(), path.clone(), value)));
            }
        }
    }
    Ok(found)
}

/// The objects of the job that have an open intent.
pub(super) fn open_of(tx: &mut Backend, job: &JobId) -> Result<HashSet<ObjectKey>, StoreError> {
    let pages = on_each!(tx, c => intents::table
        .filter(intents::job.eq(job.as_str()))
        .select(intents::objects)
        .load::<String>(c))?;
    let mut found = HashSet::new();
    for page in pages {
        for (mapping, anchors) in from_json::<Objects>("objects", &page)? {
            found.extend(anchors.into_iter().map(|anchor| ObjectKey { mapping: mapping.clone(), anchor }));
        }
    }
    Ok(found)
}

/// The intents of a page that are still open.
pub(super) fn of_page(tx: &mut Backend, page: &PageId) -> Result<Vec<Intent>, StoreError> {
    let actions = on_each!(tx, c => intents::table
        .find(page.as_str())
        .select(intents::actions)
        .first::<String>(c)
        .optional())?;
    actions.map_or(Ok(Vec::new()), |actions| from_json("actions", &actions))
}

/// Closes the intents of a page, all but those of the objects that `stay`; the values that they took are free again.
pub(super) fn close(tx: &mut Backend, page: &PageId, stay: &HashSet<&ObjectKey>) -> Result<(), StoreError> {
    let open = if stay.is_empty() { Vec::new() } else { of_page(tx, page)? };
    let left: Vec<&Intent> = open.iter().filter(|intent| stay.contains(&intent.key)).collect();
    if left.is_empty() {
        on_each!(tx, c => diesel::delete(intents::table.find(page.as_str())).execute(c))?;
        return Ok(());
    }
    let (objects, taken) = concerned(&left);
    on_each!(tx, c => diesel::update(intents::table.find(page.as_str()))
        .set((intents::objects.eq(&objects), intents::taken.eq(&taken), intents::actions.eq(to_json(&left))))
        .execute(c))?;
    Ok(())
}
