//! The provisioning log, page by page.
//!
//! What one page of actions has to say is one row: lines of a page differ in their objects and hardly in the rest. A
//! search reads the heads of the pages, some bytes an object, and the lines of those pages alone that may hold what it
//! looks for.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::db::{Backend, on_each};
use crate::model::{CycleId, JobId, ObjectKey};
use crate::provisioning_log::{LogId, Logged, Status, Summary};

use super::columns::to_time;
use super::tables::provisioning_log;
use super::{Store, StoreError, log_page};

/// Heads read at a time.
const HEADS: i64 = 200;

/// Which lines of the log are asked for; the default asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// The anchor, the name or the resource of an object, without regard to case.
    pub object: Option<String>,
    pub status: Option<Status>,
    /// None that is older.
    pub since: Option<DateTime<Utc>>,
}

/// A page without its lines.
#[derive(Queryable, Selectable)]
#[diesel(table_name = provisioning_log)]
struct Head {
    page: String,
    cycle: String,
    at: NaiveDateTime,
    statuses: i64,
    objects: Vec<u8>,
}

impl Store {
    /// At most `limit` lines, those before `before`, the newest first.
    pub async fn provisioning_log(
        &self,
        job: &JobId,
        filter: &LogFilter,
        before: Option<LogId>,
        limit: usize,
    ) -> Result<Vec<Logged>, StoreError> {
        let (job, filter) = (job.clone(), filter.clone());
        self.database.read(move |tx| search(tx, &job, &filter, before, limit)).await
    }

    /// Appends lines about objects of which nothing else is to be stored.
    pub async fn tell(
        &self,
        job: &JobId,
        cycle: &CycleId,
        lines: Vec<(ObjectKey, Summary)>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let (job, cycle) = (job.clone(), cycle.clone());
        self.database
            .write(move |tx| {
                let lines: Vec<_> = lines.iter().map(|(key, summary)| (key, summary)).collect();
                append(tx, &job, &cycle, &lines, now)
            })
            .await
    }

    /// Deletes the oldest pages of a job, those that were written before `before`, at most `most` of them. Returns how
    /// many it deleted.
    pub async fn prune_log(&self, job: &JobId, before: DateTime<Utc>, most: u32) -> Result<usize, StoreError> {
        let (job, before) = (job.clone(), to_time(before));
        self.database
            .write(move |tx| {
                let oldest = on_each!(tx, c => provisioning_log::table
                    .filter(provisioning_log::job.eq(job.as_str()))
                    .order(provisioning_log::page)
                    .limit(most.into())
                    .select((provisioning_log::page, provisioning_log::at))
                    .load::<(String, NaiveDateTime)>(c))?;
                let Some((last, _)) = oldest.into_iter().take_while(|(_, at)| *at < before).last() else {
                    return Ok(0);
                };
                Ok(on_each!(tx, c => diesel::delete(provisioning_log::table)
                    .filter(provisioning_log::job.eq(job.as_str()))
                    .filter(provisioning_log::page.le(last.as_str()))
                    .execute(c))?)
            })
            .await
    }
}

fn search(
    tx: &mut Backend,
    job: &JobId,
    filter: &LogFilter,
    before: Option<LogId>,
    limit: usize,
) -> Result<Vec<Logged>, StoreError> {
    let object = filter.object.as_deref().map(log_page::folded);
    // Sorts behind every page; no UUID begins with a letter beyond f.
    let mut below = before.as_ref().map_or_else(|| "g".to_owned(), |id| just_behind(id.page));
    let mut found = Vec::new();
    loop {
        let heads = heads_below(tx, job, &below)?;
        let Some(last) = heads.last() else { return Ok(found) };
        below.clone_from(&last.page);
        for head in heads {
            if filter.since.is_some_and(|since| head.at < to_time(since)) {
                return Ok(found);
            }
            let has_status = filter.status.is_none_or(|status| head.statuses & log_page::bit(status) != 0);
            if !has_status || object.as_deref().is_some_and(|object| !log_page::may_hold(&head.objects, object)) {
                continue;
            }
            let mut lines = lines(tx, job, head)?;
            lines.retain(|line| {
                before.as_ref().is_none_or(|before| line.id < *before)
                    && filter.status.is_none_or(|status| line.summary.event.status == status)
                    && object.as_deref().is_none_or(|object| log_page::is_about(line, object))
            });
            found.extend(lines.into_iter().rev().take(limit - found.len()));
            if found.len() == limit {
                return Ok(found);
            }
        }
    }
}

/// A text that sorts behind this page and before every later one.
fn just_behind(page: Uuid) -> String {
    let mut text = page.to_string();
    text.push('~');
    text
}

fn heads_below(tx: &mut Backend, job: &JobId, page: &str) -> Result<Vec<Head>, StoreError> {
    Ok(on_each!(tx, c => provisioning_log::table
        .filter(provisioning_log::job.eq(job.as_str()))
        .filter(provisioning_log::page.lt(page))
        .order(provisioning_log::page.desc())
        .limit(HEADS)
        .select(Head::as_select())
        .load::<Head>(c))?)
}

/// The lines of a page, in their order.
fn lines(tx: &mut Backend, job: &JobId, head: Head) -> Result<Vec<Logged>, StoreError> {
    let text = on_each!(tx, c => provisioning_log::table
        .find((job.as_str(), head.page.as_str()))
        .select(provisioning_log::lines)
        .first::<String>(c))?;
    let page: Uuid = head.page.parse().map_err(|_| StoreError::Corrupt { column: "page", cause: None })?;
    let (cycle, at) = (CycleId::new(head.cycle), head.at.and_utc());
    let lines = log_page::read(&text)?.into_iter().enumerate().map(|(line, (key, summary))| {
        let id = LogId { page, line };
        Logged { id, job: job.clone(), cycle: cycle.clone(), key, at, summary }
    });
    Ok(lines.collect())
}

/// Appends the lines of one page.
pub(super) fn append(
    tx: &mut Backend,
    job: &JobId,
    cycle: &CycleId,
    lines: &[(&ObjectKey, &Summary)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if lines.is_empty() {
        return Ok(());
    }
    let (statuses, objects) = log_page::head(lines);
    on_each!(tx, c => diesel::insert_into(provisioning_log::table)
        .values((
            provisioning_log::job.eq(job.as_str()),
            provisioning_log::page.eq(Uuid::now_v7().to_string()),
            provisioning_log::cycle.eq(cycle.as_str()),
            provisioning_log::at.eq(to_time(now)),
            provisioning_log::statuses.eq(statuses),
            provisioning_log::objects.eq(&objects),
            provisioning_log::lines.eq(log_page::write(lines)),
        ))
        .execute(c))?;
    Ok(())
}
