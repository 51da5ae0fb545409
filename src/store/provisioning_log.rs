//! The provisioning log: one summary an object and cycle.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::db::{Backend, insert_rows, on_each};
use crate::model::{CycleId, JobId, ObjectKey, TargetPath};

use super::columns::{from_json, to_json, to_time};
use super::keys::key;
use super::outcome::LogEntry;
use super::tables::provisioning_log;
use super::{Store, StoreError};

/// One line of the log. It names attributes, never their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// A UUID version 7: ids sort by time.
    pub id: String,
    pub cycle: CycleId,
    pub key: ObjectKey,
    pub action: String,
    pub status: String,
    pub reason: Option<String>,
    pub changed: Vec<TargetPath>,
    pub at: DateTime<Utc>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = provisioning_log)]
struct Row {
    id: String,
    cycle: String,
    mapping: String,
    anchor: String,
    action: String,
    status: String,
    reason: Option<String>,
    changed: String,
    at: NaiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = provisioning_log, treat_none_as_default_value = false)]
struct NewRow<'a> {
    job: &'a str,
    id: String,
    cycle: &'a str,
    mapping: &'a str,
    anchor: &'a str,
    action: &'a str,
    status: &'a str,
    reason: Option<&'a str>,
    changed: String,
    at: NaiveDateTime,
}

impl Store {
    /// At most `limit` lines, those older than `before`, the newest first.
    pub async fn provisioning_log(
        &self,
        job: &JobId,
        before: Option<String>,
        limit: u32,
    ) -> Result<Vec<Logged>, StoreError> {
        let job = job.clone();
        self.database
            .read(move |tx| {
                // No UUID begins with a letter beyond f.
                let before = before.as_deref().unwrap_or("g");
                let rows = on_each!(tx, c => provisioning_log::table
                    .filter(provisioning_log::job.eq(job.as_str()))
                    .filter(provisioning_log::id.lt(before))
                    .order(provisioning_log::id.desc())
                    .limit(limit.into())
                    .select(Row::as_select())
                    .load::<Row>(c))?;
                rows.into_iter().map(read).collect()
            })
            .await
    }
}

/// Appends lines.
pub(super) fn append(
    tx: &mut Backend,
    job: &JobId,
    cycle: &CycleId,
    entries: &[(&ObjectKey, &LogEntry)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let rows: Vec<NewRow<'_>> = entries
        .iter()
        .map(|(key, entry)| NewRow {
            job: job.as_str(),
            id: Uuid::now_v7().to_string(),
            cycle: cycle.as_str(),
            mapping: key.mapping.as_str(),
            anchor: key.anchor.as_str(),
            action: entry.action,
            status: &entry.status,
            reason: entry.reason.as_deref(),
            changed: to_json(&entry.changed),
            at: to_time(now),
        })
        .collect();
    Ok(insert_rows!(tx, &rows, values => diesel::insert_into(provisioning_log::table).values(values))?)
}

fn read(row: Row) -> Result<Logged, StoreError> {
    Ok(Logged {
        id: row.id,
        cycle: CycleId::new(row.cycle),
        key: key(row.mapping, row.anchor),
        action: row.action,
        status: row.status,
        reason: row.reason,
        changed: from_json("changed", &row.changed)?,
        at: row.at.and_utc(),
    })
}
