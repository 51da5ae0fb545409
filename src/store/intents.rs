//! Intents: actions that were decided and are not yet known to be done.

use std::collections::{HashMap, HashSet};

use chrono::{NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::db::{AnyOf, Backend, batches, insert_rows, on_each};
use crate::model::{Action, Export, Intent, IntentId, JobId, MatchingValue, ObjectKey, ResourceKind, TargetIdentity};

use super::columns::{from_json, to_json, to_time};
use super::keys::{key, key_batches};
use super::tables::{intent_keys, intents};
use super::{Store, StoreError, edges};

#[derive(Queryable, Selectable)]
#[diesel(table_name = intents)]
struct Row {
    id: String,
    mapping: String,
    anchor: String,
    kind: String,
    revision: i64,
    action: String,
    matching: String,
}

#[derive(Insertable)]
#[diesel(table_name = intents, treat_none_as_default_value = false)]
struct NewRow<'a> {
    id: &'a str,
    job: &'a str,
    mapping: &'a str,
    anchor: &'a str,
    kind: &'a str,
    revision: i64,
    action: String,
    matching: String,
    created_at: NaiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = intent_keys, treat_none_as_default_value = false)]
struct NewKey<'a> {
    job: &'a str,
    target: &'a str,
    resource_kind: &'a str,
    path: &'a str,
    value: &'a str,
    intent: &'a str,
}

/// A value that a create takes: resource type, path and folded value.
type Taken = (String, String, String);

impl Store {
    /// The first transaction of a page: stores what is about to be done, and that every edge it names is unknown.
    ///
    /// Answers the objects whose intents were refused, because one is open already, or because another open create
    /// takes one of the matching values. Those are decided again once that one is closed.
    pub async fn open_intents(
        &self,
        job: &JobId,
        target: &TargetIdentity,
        intents: Vec<Intent>,
    ) -> Result<Vec<ObjectKey>, StoreError> {
        let (job, target) = (job.clone(), target.clone());
        self.database
            .write(move |tx| {
                tx.exclusive(target.as_str())?;
                open(tx, &job, &target, &intents)
            })
            .await
    }

    /// Every open intent of the job, the oldest first.
    pub async fn open_intents_of(&self, job: &JobId) -> Result<Vec<Intent>, StoreError> {
        let job = job.clone();
        self.database
            .read(move |tx| {
                let rows = on_each!(tx, c => intents::table
                    .filter(intents::job.eq(job.as_str()))
                    .order(intents::id)
                    .select(Row::as_select())
                    .load::<Row>(c))?;
                rows.into_iter().map(read).collect()
            })
            .await
    }
}

fn open(tx: &mut Backend, job: &JobId, target: &TargetIdentity, new: &[Intent]) -> Result<Vec<ObjectKey>, StoreError> {
    let mut busy = open_of(tx, job, new.iter().map(|intent| &intent.key))?;
    let mut taken = taken(tx, target, new)?;
    let (mut accepted, mut refused): (Vec<&Intent>, Vec<ObjectKey>) = (Vec::new(), Vec::new());
    for intent in new {
        let takes = takes(intent);
        if busy.contains(&intent.key) || takes.iter().any(|value| taken.contains(value)) {
            refused.push(intent.key.clone());
            continue;
        }
        busy.insert(intent.key.clone());
        taken.extend(takes);
        accepted.push(intent);
    }
    insert(tx, job, target, &accepted)?;
    let sent = accepted.iter().flat_map(|intent| intent.action.edges().iter().map(|edge| (&intent.key, edge)));
    edges::mark(tx, job, sent, Export::Unknown)?;
    Ok(refused)
}

fn insert(tx: &mut Backend, job: &JobId, target: &TargetIdentity, accepted: &[&Intent]) -> Result<(), StoreError> {
    let created_at = to_time(Utc::now());
    let rows: Vec<NewRow<'_>> = accepted
        .iter()
        .map(|intent| NewRow {
            id: intent.id.as_str(),
            job: job.as_str(),
            mapping: intent.key.mapping.as_str(),
            anchor: intent.key.anchor.as_str(),
            kind: intent.kind.as_str(),
            revision: intent.revision,
            action: to_json(&intent.action),
            matching: to_json(&intent.matching),
            created_at,
        })
        .collect();
    insert_rows!(tx, &rows, values => diesel::insert_into(intents::table).values(values))?;
    let takes: Vec<(&IntentId, Taken)> = accepted
        .iter()
        .flat_map(|intent| {
            // Two matching attributes of one object may be the same path and value.
            let takes: HashSet<Taken> = takes(intent).into_iter().collect();
            takes.into_iter().map(|taken| (&intent.id, taken))
        })
        .collect();
    let rows: Vec<NewKey<'_>> = takes
        .iter()
        .map(|(intent, (kind, path, value))| NewKey {
            job: job.as_str(),
            target: target.as_str(),
            resource_kind: kind,
            path,
            value,
            intent: intent.as_str(),
        })
        .collect();
    insert_rows!(tx, &rows, values => diesel::insert_into(intent_keys::table).values(values))?;
    Ok(())
}

/// The values that a create takes; other actions concern a resource that exists.
fn takes(intent: &Intent) -> Vec<Taken> {
    if !matches!(intent.action, Action::Create { .. }) {
        return Vec::new();
    }
    let taken = |matching: &MatchingValue| {
        (intent.kind.as_str().to_owned(), matching.path.as_str().to_owned(), matching.folded())
    };
    intent.matching.iter().map(taken).collect()
}

/// Which values of the new intents are taken by open ones.
fn taken(tx: &mut Backend, target: &TargetIdentity, new: &[Intent]) -> Result<HashSet<Taken>, StoreError> {
    let mut by_path: HashMap<(String, String), Vec<String>> = HashMap::new();
    for (kind, path, value) in new.iter().flat_map(takes) {
        by_path.entry((kind, path)).or_default().push(value);
    }
    let mut found = HashSet::new();
    for ((kind, path), values) in by_path {
        for batch in batches(&values) {
            let held = on_each!(tx, c => intent_keys::table
                .filter(intent_keys::target.eq(target.as_str()))
                .filter(intent_keys::resource_kind.eq(&kind))
                .filter(intent_keys::path.eq(&path))
                .filter(intent_keys::value.any_of(batch.iter().map(String::as_str)))
                .select(intent_keys::value)
                .load::<String>(c))?;
            found.extend(held.into_iter().map(|value| (kind.clone(), path.clone(), value)));
        }
    }
    Ok(found)
}

/// Which of the objects have an open intent.
pub(super) fn open_of<'a>(
    tx: &mut Backend,
    job: &JobId,
    keys: impl IntoIterator<Item = &'a ObjectKey>,
) -> Result<HashSet<ObjectKey>, StoreError> {
    let mut found = HashSet::new();
    for (mapping, anchors) in key_batches(keys) {
        let open = on_each!(tx, c => intents::table
            .filter(intents::job.eq(job.as_str()))
            .filter(intents::mapping.eq(mapping))
            .filter(intents::anchor.any_of(anchors.iter().copied()))
            .select(intents::anchor)
            .load::<String>(c))?;
        found.extend(open.into_iter().map(|anchor| key(mapping.to_owned(), anchor)));
    }
    Ok(found)
}

/// The type of resource that an open intent is about.
pub(super) fn kind_of(tx: &mut Backend, id: &IntentId) -> Result<Option<ResourceKind>, StoreError> {
    let kind = on_each!(tx, c => intents::table
        .find(id.as_str())
        .select(intents::kind)
        .first::<String>(c)
        .optional())?;
    Ok(kind.map(ResourceKind::new))
}

/// Closes intents; the values they took are free again.
pub(super) fn close(tx: &mut Backend, ids: &[&IntentId]) -> Result<(), StoreError> {
    for batch in batches(ids) {
        on_each!(tx, c => diesel::delete(intent_keys::table)
            .filter(intent_keys::intent.any_of(batch.iter().map(|id| id.as_str())))
            .execute(c))?;
        on_each!(tx, c => diesel::delete(intents::table)
            .filter(intents::id.any_of(batch.iter().map(|id| id.as_str())))
            .execute(c))?;
    }
    Ok(())
}

fn read(row: Row) -> Result<Intent, StoreError> {
    Ok(Intent {
        id: IntentId::new(row.id),
        key: key(row.mapping, row.anchor),
        kind: ResourceKind::new(row.kind),
        revision: row.revision,
        action: from_json("action", &row.action)?,
        matching: from_json("matching", &row.matching)?,
    })
}
