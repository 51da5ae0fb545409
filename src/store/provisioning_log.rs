//! The provisioning log: one summary an object and cycle.
//!
//! What one page of actions has to say is one row: lines of a page differ in their objects and hardly in the rest.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::db::{Backend, on_each};
use crate::model::{Anchor, CycleId, JobId, ObjectKey, ObjectMappingId, TargetPath};

use super::columns::{from_json, to_json, to_time};
use super::outcome::LogEntry;
use super::tables::provisioning_log;
use super::{Store, StoreError};

/// Which line of the log; later lines have greater ids. Written `page.line`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogId {
    /// A UUID version 7, which sorts by time.
    page: Uuid,
    line: usize,
}

/// One line of the log. It names attributes, never their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    pub id: LogId,
    pub cycle: CycleId,
    pub key: ObjectKey,
    pub action: String,
    pub status: String,
    pub reason: Option<String>,
    /// Why the object is not in scope, test by test.
    pub scope: Option<String>,
    pub changed: Vec<TargetPath>,
    pub at: DateTime<Utc>,
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.page, self.line)
    }
}

/// A text that is no id of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a line of the provisioning log: `page.line`, as the log shows it")]
pub struct NotALogId;

impl FromStr for LogId {
    type Err = NotALogId;

    fn from_str(text: &str) -> Result<Self, NotALogId> {
        let (page, line) = text.split_once('.').ok_or(NotALogId)?;
        Ok(Self { page: page.parse().map_err(|_| NotALogId)?, line: line.parse().map_err(|_| NotALogId)? })
    }
}

/// The lines of a page, as the column holds them.
#[derive(Default, Serialize, Deserialize)]
struct Page {
    /// The distinct lists of changed attributes.
    changes: Vec<Vec<TargetPath>>,
    lines: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    mapping: ObjectMappingId,
    anchor: Anchor,
    action: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    scope: Option<String>,
    /// The place of its list among the changes.
    changed: usize,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = provisioning_log)]
struct Row {
    page: String,
    cycle: String,
    at: NaiveDateTime,
    lines: String,
}

impl Store {
    /// At most `limit` lines, those before `before`, the newest first.
    pub async fn provisioning_log(
        &self,
        job: &JobId,
        before: Option<LogId>,
        limit: usize,
    ) -> Result<Vec<Logged>, StoreError> {
        let job = job.clone();
        self.database
            .read(move |tx| {
                // No UUID begins with a letter beyond f.
                let mut last = before.as_ref().map_or_else(|| "g".to_owned(), |id| id.page.to_string());
                let mut found = match &before {
                    Some(id) => page(tx, &job, &last)?.map(|row| lines(row, Some(id.line))).transpose()?,
                    None => None,
                }
                .unwrap_or_default();
                while found.len() < limit {
                    let Some(row) = page_before(tx, &job, &last)? else { break };
                    last.clone_from(&row.page);
                    found.extend(lines(row, None)?);
                }
                found.truncate(limit);
                Ok(found)
            })
            .await
    }
}

/// Appends the lines of one page.
pub(super) fn append(
    tx: &mut Backend,
    job: &JobId,
    cycle: &CycleId,
    entries: &[(&ObjectKey, &LogEntry)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut page = Page::default();
    for (key, entry) in entries {
        // The objects of a page mostly change alike, so there are few lists to look through.
        let known = page.changes.iter().position(|changed| *changed == entry.changed);
        let changed = known.unwrap_or_else(|| {
            page.changes.push(entry.changed.clone());
            page.changes.len() - 1
        });
        page.lines.push(Line {
            mapping: key.mapping.clone(),
            anchor: key.anchor.clone(),
            action: entry.action.to_owned(),
            status: entry.status.clone(),
            reason: entry.reason.clone(),
            scope: entry.scope.clone(),
            changed,
        });
    }
    on_each!(tx, c => diesel::insert_into(provisioning_log::table)
        .values((
            provisioning_log::job.eq(job.as_str()),
            provisioning_log::page.eq(Uuid::now_v7().to_string()),
            provisioning_log::cycle.eq(cycle.as_str()),
            provisioning_log::at.eq(to_time(now)),
            provisioning_log::lines.eq(to_json(&page)),
        ))
        .execute(c))?;
    Ok(())
}

fn page(tx: &mut Backend, job: &JobId, page: &str) -> Result<Option<Row>, StoreError> {
    Ok(on_each!(tx, c => provisioning_log::table
        .find((job.as_str(), page))
        .select(Row::as_select())
        .first::<Row>(c)
        .optional())?)
}

fn page_before(tx: &mut Backend, job: &JobId, page: &str) -> Result<Option<Row>, StoreError> {
    Ok(on_each!(tx, c => provisioning_log::table
        .filter(provisioning_log::job.eq(job.as_str()))
        .filter(provisioning_log::page.lt(page))
        .order(provisioning_log::page.desc())
        .select(Row::as_select())
        .first::<Row>(c)
        .optional())?)
}

/// The lines of a page before the one at `end`, the newest first.
fn lines(row: Row, end: Option<usize>) -> Result<Vec<Logged>, StoreError> {
    let corrupt = || StoreError::Corrupt { column: "lines", cause: None };
    let page: Uuid = row.page.parse().map_err(|_| corrupt())?;
    let Page { changes, lines } = from_json("lines", &row.lines)?;
    let mut logged = Vec::with_capacity(lines.len());
    for (number, line) in lines.into_iter().enumerate().take(end.unwrap_or(usize::MAX)) {
        logged.push(Logged {
            id: LogId { page, line: number },
            cycle: CycleId::new(row.cycle.clone()),
            key: ObjectKey { mapping: line.mapping, anchor: line.anchor },
            action: line.action,
            status: line.status,
            reason: line.reason,
            scope: line.scope,
            changed: changes.get(line.changed).ok_or_else(corrupt)?.clone(),
            at: row.at.and_utc(),
        });
    }
    logged.reverse();
    Ok(logged)
}
