//! What follows from a complete read: which objects it did not name, and which references.

use diesel::dsl::exists;
use diesel::prelude::*;

use crate::db::{AnyOf, on_each};
use crate::model::{Anchor, Export, JobId, Lifecycle, ObjectKind, ObjectMappingId};

use super::columns::Word;
use super::edges::Row;
use super::groups::NamedGroups;
use super::nesting::MembersOf;
use super::tables::{edges, objects};
use super::watch::Watch;
use super::{Store, StoreError};

impl Store {
    /// Objects of a kind that a completed full read of `generation` did not see, in the order of their anchors after
    /// `after`.
    pub async fn sweep_candidates(
        &self,
        job: &JobId,
        kind: &ObjectKind,
        generation: i64,
        after: Option<Anchor>,
        limit: u32,
    ) -> Result<Vec<Anchor>, StoreError> {
        let (job, kind) = (job.clone(), kind.clone());
        self.database
            .read(move |tx| {
                // What was in the recycle bin may have been emptied out of it unnoticed.
                let lifecycles = [Lifecycle::Present.word(), Lifecycle::SoftDeleted.word()];
                let after = after.as_ref().map_or("", Anchor::as_str);
                let anchors = on_each!(tx, c => objects::table
                    .filter(objects::job.eq(job.as_str()))
                    .filter(objects::anchor.gt(after))
                    .filter(objects::kind.eq(kind.as_str()))
                    .filter(objects::lifecycle.any_of(lifecycles))
                    .filter(objects::generation.lt(generation))
                    .order(objects::anchor)
                    .select(objects::anchor)
                    .distinct()
                    .limit(limit.into())
                    .load::<String>(c))?;
                Ok(anchors.into_iter().map(Anchor::new).collect())
            })
            .await
    }

    /// Ends a full read that delivered references one by one: what it did not name is not wanted any more. Owners that
    /// the read did not see keep theirs. Answers how many edges that were.
    pub async fn unwant_edges_before(
        &self,
        job: &JobId,
        mapping: &ObjectMappingId,
        generation: i64,
        groups: Option<NamedGroups>,
        members: Option<MembersOf>,
    ) -> Result<u64, StoreError> {
        let (job, mapping) = (job.clone(), mapping.clone());
        self.database
            .write(move |tx| {
                let seen_owner = || {
                    exists(
                        objects::table
                            .filter(objects::job.eq(edges::job))
                            .filter(objects::anchor.eq(edges::from_anchor))
                            .filter(objects::mapping.eq(edges::mapping))
                            .filter(objects::generation.ge(generation)),
                    )
                };
                let groups = groups.as_ref().filter(|groups| groups.mapping == mapping);
                let mut watch = Watch::begin(tx, &job, groups, members.as_slice())?;
                if watch.is_watching() {
                    let ending = on_each!(tx, c => edges::table
                        .filter(edges::job.eq(job.as_str()))
                        .filter(edges::mapping.eq(mapping.as_str()))
                        .filter(edges::generation.lt(generation))
                        .filter(edges::wanted)
                        .filter(seen_owner())
                        .select(Row::as_select())
                        .load::<Row>(c))?;
                    ending.iter().for_each(|row| watch.edge(Some(row), None));
                }
                let dropped = on_each!(tx, c => diesel::delete(edges::table)
                    .filter(edges::job.eq(job.as_str()))
                    .filter(edges::mapping.eq(mapping.as_str()))
                    .filter(edges::generation.lt(generation))
                    .filter(edges::export.eq(Export::Never.word()))
                    .filter(seen_owner())
                    .execute(c))?;
                let unwanted = on_each!(tx, c => diesel::update(edges::table)
                    .filter(edges::job.eq(job.as_str()))
                    .filter(edges::mapping.eq(mapping.as_str()))
                    .filter(edges::generation.lt(generation))
                    .filter(edges::wanted)
                    .filter(seen_owner())
                    .set(edges::wanted.eq(false))
                    .execute(c))?;
                watch.end(tx)?;
                Ok((dropped + unwanted) as u64)
            })
            .await
    }
}
