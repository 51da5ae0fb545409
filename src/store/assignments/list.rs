//! A complete list, compared with what is stored.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::upsert::excluded;
use sha2::{Digest, Sha256};

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::{Assignment, CycleId, JobId};
use crate::store::columns::Word;
use crate::store::tables::{assignment_news, assignments, jobs};
use crate::store::{Store, StoreError, objects as object_rows};

use super::{Row, STEP, news};

/// What follows from an assignment that a complete list does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// It is gone once the list of an earlier cycle lacked it, too; now this one's does.
    Counts(CycleId),
    /// Nothing.
    Ignored,
}

/// What came of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// Assignments that came, went or have another role.
    pub changed: u64,
    /// Assignments that are missing for the first time, and count on.
    pub missed: u64,
}

impl Store {
    /// Learns the *complete* list of assignments. In one transaction it replaces what is stored and makes due whoever is
    /// assigned otherwise than before; the members of groups of which that is true are noted, for
    /// [`Store::spread_assignments`]. The same list again changes nothing, and costs a look at its digest.
    pub async fn learn_assignments(
        &self,
        job: &JobId,
        mut list: Vec<Assignment>,
        absence: Absence,
    ) -> Result<Learned, StoreError> {
        list.sort_unstable_by(|a, b| (&a.principal, &a.role.id).cmp(&(&b.principal, &b.role.id)));
        // One that pages overlapped on is one.
        list.dedup_by(|next, first| (&next.principal, &next.role.id) == (&first.principal, &first.role.id));
        let digest = digest(&list);
        let (job, asked) = (job.clone(), job.clone());
        if self.database.read(move |tx| stored_digest(tx, &asked)).await?.as_ref() == Some(&digest) {
            return Ok(Learned::default());
        }
        self.database
            .write(move |tx| {
                let mut comparison = Comparison::empty(&job, &absence);
                comparison.run(tx, &list)?;
                let digest = (comparison.pending == 0).then_some(digest);
                on_each!(tx, c => diesel::update(jobs::table.filter(jobs::job.eq(job.as_str())))
                    .set(jobs::assignments.eq(digest))
                    .execute(c))?;
                Ok(comparison.learned)
            })
            .await
    }
}

/// One pass over both lists, side by side.
struct Comparison<'a> {
    job: &'a JobId,
    absence: &'a Absence,
    learned: Learned,
    /// Assignments that are stored and not listed.
    pending: u64,
    saved: Vec<Row>,
    gone: Vec<Row>,
    /// Whose assignment differs.
    people: BTreeSet<String>,
    groups: BTreeSet<String>,
}

impl<'a> Comparison<'a> {
    fn empty(job: &'a JobId, absence: &'a Absence) -> Self {
        let (learned, saved, gone, people, groups) = Default::default();
        Self { job, absence, learned, pending: 0, saved, gone, people, groups }
    }

    fn run(&mut self, tx: &mut Backend, list: &[Assignment]) -> Result<(), StoreError> {
        let mut listed = list.iter().map(|assignment| Row::of(self.job, assignment)).peekable();
        let mut after: Option<(String, String)> = None;
        loop {
            let stored = page(tx, self.job, after.as_ref())?;
            let Some(last) = stored.last() else { break };
            after = Some((last.principal.clone(), last.role.clone()));
            for row in stored {
                while let Some(new) = listed.next_if(|new| order(new, &row) == Ordering::Less) {
                    self.differs(new);
                }
                match listed.next_if(|new| order(new, &row) == Ordering::Equal) {
                    Some(new) => self.both(row, new),
                    None => self.missing(row),
                }
            }
            self.flush(tx)?;
        }
        // The rest is new, and written in steps, too.
        while listed.peek().is_some() {
            for new in listed.by_ref().take(STEP) {
                self.differs(new);
            }
            self.flush(tx)?;
        }
        Ok(())
    }

    /// Stored and listed.
    fn both(&mut self, stored: Row, listed: Row) {
        if stored.provisionable && !listed.provisionable {
            // It entitles nobody any more, which is as much as being gone.
            match self.is_gone(&stored) {
                true => self.differs(listed),
                false => self.miss(stored),
            }
        } else if (Row { missed_by: None, ..stored.clone() }) != listed {
            self.differs(listed);
        } else if stored.missed_by.is_some() {
            self.saved.push(listed);
        }
    }

    /// Stored, and not listed.
    fn missing(&mut self, stored: Row) {
        if self.is_gone(&stored) {
            self.concerns(&stored);
            self.gone.push(stored);
        } else {
            self.miss(stored);
        }
    }

    /// True when the list of another cycle missed it, too.
    fn is_gone(&self, stored: &Row) -> bool {
        match (self.absence, &stored.missed_by) {
            (Absence::Counts(cycle), Some(by)) => by != cycle.as_str(),
            _ => false,
        }
    }

    fn miss(&mut self, stored: Row) {
        self.pending += 1;
        if let (Absence::Counts(cycle), None) = (self.absence, &stored.missed_by) {
            self.learned.missed += 1;
            self.saved.push(Row { missed_by: Some(cycle.as_str().to_owned()), ..stored });
        }
    }

    fn differs(&mut self, listed: Row) {
        self.concerns(&listed);
        self.saved.push(listed);
    }

    fn concerns(&mut self, row: &Row) {
        self.learned.changed += 1;
        let whom = if row.is_group() { &mut self.groups } else { &mut self.people };
        whom.insert(row.principal.clone());
    }

    fn flush(&mut self, tx: &mut Backend) -> Result<(), StoreError> {
        // Very many share few roles.
        let gone = std::mem::take(&mut self.gone);
        let mut by_role: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for row in &gone {
            by_role.entry(&row.role).or_default().push(&row.principal);
        }
        for (role, principals) in by_role {
            for batch in batches(&principals) {
                on_each!(tx, c => diesel::delete(assignments::table)
                    .filter(assignments::job.eq(self.job.as_str()))
                    .filter(assignments::principal.any_of(batch.iter().copied()))
                    .filter(assignments::role.eq(role))
                    .execute(c))?;
            }
        }
        for batch in batches(&std::mem::take(&mut self.saved)) {
            on_each!(tx, c => diesel::insert_into(assignments::table)
                .values(batch)
                .on_conflict((assignments::job, assignments::principal, assignments::role))
                .do_update()
                .set((
                    assignments::kind.eq(excluded(assignments::kind)),
                    assignments::provisionable.eq(excluded(assignments::provisionable)),
                    assignments::value.eq(excluded(assignments::value)),
                    assignments::display_name.eq(excluded(assignments::display_name)),
                    assignments::missed_by.eq(excluded(assignments::missed_by)),
                ))
                .execute(c))?;
        }
        let (people, groups) = (std::mem::take(&mut self.people), std::mem::take(&mut self.groups));
        let principals: Vec<&str> = people.iter().chain(&groups).map(String::as_str).collect();
        object_rows::make_anchors_due(tx, self.job, &principals)?;
        news::note(tx, self.job, groups.iter().map(String::as_str))
    }
}

fn order(one: &Row, other: &Row) -> Ordering {
    (&one.principal, &one.role).cmp(&(&other.principal, &other.role))
}

/// The next rows in the order of their key.
fn page(tx: &mut Backend, job: &JobId, after: Option<&(String, String)>) -> Result<Vec<Row>, StoreError> {
    let (principal, role) = after.map_or(("", ""), |(principal, role)| (principal, role));
    Ok(on_each!(tx, c => assignments::table
        .filter(assignments::job.eq(job.as_str()))
        .filter(assignments::principal.ge(principal))
        .filter(assignments::principal.gt(principal).or(assignments::role.gt(role)))
        .order((assignments::principal, assignments::role))
        .select(Row::as_select())
        .limit(STEP as i64)
        .load::<Row>(c))?)
}

fn stored_digest(tx: &mut Backend, job: &JobId) -> Result<Option<String>, StoreError> {
    let stored = on_each!(tx, c => jobs::table
        .filter(jobs::job.eq(job.as_str()))
        .select(jobs::assignments)
        .first::<Option<String>>(c)
        .optional())?;
    Ok(stored.flatten())
}

/// Stands for exactly this list.
fn digest(list: &[Assignment]) -> String {
    let mut hash = Sha256::new();
    let mut part = |text: Option<&str>| {
        // Lengths keep parts from running into each other, and none apart from empty.
        hash.update(text.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
        hash.update(text.unwrap_or_default());
    };
    for Assignment { principal, kind, role } in list {
        part(Some(principal.as_str()));
        part(Some(kind.word()));
        part(Some(&role.id));
        part(role.value.as_deref());
        part(role.display_name.as_deref());
        part(role.provisionable.then_some("provisionable"));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// True when a list was learned.
pub(super) fn is_known(tx: &mut Backend, job: &JobId) -> Result<bool, StoreError> {
    let is_stored = on_each!(tx, c => diesel::select(exists(assignments::table
        .filter(assignments::job.eq(job.as_str()))))
        .get_result::<bool>(c))?;
    Ok(is_stored || stored_digest(tx, job)?.is_some())
}

/// Forgets the list. Nobody is due for it: whoever asks judges everybody anew.
pub(super) fn forget(tx: &mut Backend, job: &JobId) -> Result<(), StoreError> {
    on_each!(tx, c => diesel::delete(assignments::table).filter(assignments::job.eq(job.as_str())).execute(c))?;
    on_each!(tx, c => diesel::delete(assignment_news::table).filter(assignment_news::job.eq(job.as_str())).execute(c))?;
    on_each!(tx, c => diesel::update(jobs::table.filter(jobs::job.eq(job.as_str())))
        .set(jobs::assignments.eq(None::<String>))
        .execute(c))?;
    Ok(())
}
