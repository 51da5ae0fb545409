//! Groups in groups: what becomes of them, and who is a member of a group through a group in it.
//!
//! Where a job flattens groups, a person who is a member of an outer group through an inner one has an edge there that no
//! source knows, beside those that it does; the outer group's other edges are told nothing of it. One rule says which of
//! these *flat* edges are wanted: **those of people who are listed by a group that is reached from the outer one, and not by
//! the outer one itself.** So a person has one edge to a group however many paths lead there, and everything that is true of
//! edges (export state, links that move, what a page takes at once, the guard) is true of these, too.
//!
//! Nothing is counted: paths cannot be where groups contain each other. What is kept instead is which groups are reached
//! from which ([`closure`]), and whether a person has a path is asked of that and of the direct edges ([`flat`]). What
//! changes while a source is read is noted in the same transaction ([`news`]) and worked off when all feeds were read to
//! their end, in steps of bounded size ([`Store::flatten`]), each of which is one transaction that can be repeated. A step
//! that a crash undid is still to be done; two that overlap come to the same, because each asks what is so now.

mod closure;
mod flat;
mod mode;
mod news;

use diesel::dsl::exists;
use diesel::prelude::*;

use crate::db::{AnyOf, Backend, on_each};
use crate::model::{Anchor, Export, JobId, NestedGroups, ObjectKey, ObjectKind, ObjectMappingId};

use super::columns::Word;
use super::groups::{NamedGroups, Reached};
use super::keys::{key, key_batches};
use super::tables::{edges, jobs, nestings};
use super::{Store, StoreError};

pub(super) use flat::rewind;
pub(super) use news::News;

/// How deep groups may lie in each other. Whatever lies deeper is not followed, and nothing is decided about a group that
/// has it: directories that people keep by hand end far before that.
pub const DEEPEST: u32 = 64;

/// How many people, or groups, one step is about.
const STEP: usize = 5_000;

/// Where the members of groups are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembersOf {
    /// The mapping that the groups are kept under. Groups of another mapping are not reached through them.
    pub mapping: ObjectMappingId,
    /// What the groups are in the source.
    pub kind: ObjectKind,
    /// The reference attribute that lists their members.
    pub attribute: String,
}

/// What the job does with groups in groups.
pub(super) fn mode_of(tx: &mut Backend, job: &JobId) -> Result<NestedGroups, StoreError> {
    let stored = on_each!(tx, c => jobs::table
        .filter(jobs::job.eq(job.as_str()))
        .select(jobs::nested_groups)
        .first::<String>(c)
        .optional())?;
    stored.map_or(Ok(NestedGroups::default()), |word| NestedGroups::read(&word))
}

/// The groups that are members of a group and have no resource that it could be told of, or are left out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub group: ObjectKey,
    /// The first of them.
    pub first: Vec<Anchor>,
    /// How many there are.
    pub count: u64,
}

/// How many groups of [`LeftOut`] are named.
const NAMED: usize = 10;

impl Store {
    /// Works off a bounded part of what has changed of groups in groups. True while something is left; then it wants to be
    /// called again. Only call it when the groups were read to their end: until then, whoever moved from one group to
    /// another may have left the one and not yet joined the other.
    ///
    /// Whoever becomes a member of one of the groups that `named` reaches into, or is one no longer, is due.
    pub async fn flatten(&self, job: &JobId, of: &MembersOf, named: Option<&NamedGroups>) -> Result<bool, StoreError> {
        let (job, of, named) = (job.clone(), of.clone(), named.filter(|named| named.is_kept_in(of)).cloned());
        let (asked, about) = (job.clone(), of.clone());
        let left = self.database.read(move |tx| is_left(tx, &asked, &about)).await?;
        if !left {
            return Ok(false);
        }
        self.database
            .write(move |tx| {
                let reached = match &named {
                    Some(named) => Reached::find(tx, &job, named)?,
                    None => None,
                };
                let named = reached.as_ref();
                Ok(flat::members(tx, &job, &of, named)?
                    || closure::groups(tx, &job, &of, named)?
                    || flat::scan(tx, &job, &of, named)?)
            })
            .await
    }

    /// True when people are flattened, and the group has, or had, others in it.
    pub async fn is_flattened(&self, job: &JobId, group: &ObjectKey) -> Result<bool, StoreError> {
        let (job, group) = (job.clone(), group.clone());
        self.database
            .read(move |tx| {
                let has_inner = on_each!(tx, c => diesel::select(exists(nestings::table
                    .filter(nestings::job.eq(job.as_str()))
                    .filter(nestings::mapping.eq(group.mapping.as_str()))
                    .filter(nestings::outer_group.eq(group.anchor.as_str()))))
                    .get_result::<bool>(c))?;
                Ok(has_inner && mode_of(tx, &job)? == NestedGroups::Flatten)
            })
            .await
    }

    /// Those of the groups from which a group is reached that lies deeper than [`DEEPEST`]: who is in them, nobody knows.
    pub async fn too_deep(&self, job: &JobId, groups: &[ObjectKey]) -> Result<Vec<ObjectKey>, StoreError> {
        let (job, groups) = (job.clone(), groups.to_vec());
        self.database
            .read(move |tx| {
                let mut found = Vec::new();
                for (mapping, anchors) in key_batches(&groups) {
                    let deep = too_deep(tx, &job, mapping, &anchors)?;
                    found.extend(deep.into_iter().map(|anchor| key(mapping.to_owned(), anchor)));
                }
                Ok(found)
            })
            .await
    }

    /// What is left out of these groups: groups in them that were not sent as members. Nothing where people are flattened,
    /// for then nobody is left out.
    pub async fn left_out(&self, job: &JobId, groups: &[ObjectKey]) -> Result<Vec<LeftOut>, StoreError> {
        let (job, groups) = (job.clone(), groups.to_vec());
        self.database
            .read(move |tx| {
                if mode_of(tx, &job)? == NestedGroups::Flatten {
                    return Ok(Vec::new());
                }
                let mut all = Vec::new();
                for (mapping, anchors) in key_batches(&groups) {
                    let unsent = on_each!(tx, c => edges::table
                        .filter(edges::job.eq(job.as_str()))
                        .filter(edges::mapping.eq(mapping))
                        .filter(edges::from_anchor.any_of(anchors.iter().copied()))
                        .filter(edges::nested)
                        .filter(edges::wanted)
                        .filter(edges::export.eq(Export::Never.word()))
                        .filter(edges::to_anchor.is_not_null())
                        .order((edges::from_anchor, edges::to_anchor))
                        .select((edges::from_anchor, edges::to_anchor.assume_not_null()))
                        .load::<(String, String)>(c))?;
                    all.extend(unsent.chunk_by(|(one, _), (next, _)| one == next).filter_map(|of_one| {
                        let (group, _) = of_one.first()?;
                        let first = of_one.iter().take(NAMED).map(|(_, inner)| Anchor::new(inner.as_str())).collect();
                        let group = key(mapping.to_owned(), group.clone());
                        Some(LeftOut { group, first, count: of_one.len() as u64 })
                    }));
                }
                Ok(all)
            })
            .await
    }
}

/// [`Store::too_deep`], within one mapping and few enough groups for one statement.
pub(super) fn too_deep(
    tx: &mut Backend,
    job: &JobId,
    mapping: &str,
    outers: &[&str],
) -> Result<Vec<String>, StoreError> {
    Ok(on_each!(tx, c => nestings::table
        .filter(nestings::job.eq(job.as_str()))
        .filter(nestings::mapping.eq(mapping))
        .filter(nestings::outer_group.any_of(outers.iter().copied()))
        .filter(nestings::depth.gt(i64::from(DEEPEST)))
        .select(nestings::outer_group)
        .distinct()
        .load::<String>(c))?)
}

/// Those of the objects that are groups in groups, at any depth that is followed, as inner and outer group.
pub(super) fn around(
    tx: &mut Backend,
    job: &JobId,
    mapping: &str,
    inner: &[Anchor],
) -> Result<Vec<(String, String)>, StoreError> {
    Ok(on_each!(tx, c => nestings::table
        .filter(nestings::job.eq(job.as_str()))
        .filter(nestings::mapping.eq(mapping))
        .filter(nestings::inner_group.any_of(inner.iter().map(Anchor::as_str)))
        .filter(nestings::holds)
        .select((nestings::inner_group, nestings::outer_group))
        .load::<(String, String)>(c))?)
}

/// The groups in these groups, at any depth that is followed.
pub(super) fn within(tx: &mut Backend, job: &JobId, mapping: &str, outers: &[&str]) -> Result<Vec<String>, StoreError> {
    Ok(on_each!(tx, c => nestings::table
        .filter(nestings::job.eq(job.as_str()))
        .filter(nestings::mapping.eq(mapping))
        .filter(nestings::outer_group.any_of(outers.iter().copied()))
        .filter(nestings::holds)
        .select(nestings::inner_group)
        .load::<String>(c))?)
}

fn is_left(tx: &mut Backend, job: &JobId, of: &MembersOf) -> Result<bool, StoreError> {
    Ok(mode_of(tx, job)? == NestedGroups::Flatten && (news::any(tx, job, of)? || flat::any(tx, job, of)?))
}

/// The groups from which one of these is reached, or was when it was last looked.
fn outers_of(
    tx: &mut Backend,
    job: &JobId,
    mapping: &str,
    inner: &[&str],
) -> Result<Vec<(String, String)>, StoreError> {
    let mut found = Vec::new();
    for batch in crate::db::batches(inner) {
        found.extend(on_each!(tx, c => nestings::table
            .filter(nestings::job.eq(job.as_str()))
            .filter(nestings::mapping.eq(mapping))
            .filter(nestings::inner_group.any_of(batch.iter().copied()))
            .select((nestings::inner_group, nestings::outer_group))
            .load::<(String, String)>(c))?);
    }
    Ok(found)
}
