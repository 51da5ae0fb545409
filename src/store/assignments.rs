//! Who is assigned to the application of a job, as its source last listed it, and whom a change of that concerns.
//!
//! A source lists assignments as a whole, so a list is compared with what is stored ([`Store::learn_assignments`]). Lists
//! lag behind grants: what was there and is missing counts on, until the list of another cycle misses it, too. Whoever is
//! assigned differently is due in the same transaction; members of a group are gone through afterwards, in steps that can
//! be repeated ([`news`]). Who joins or leaves an assigned group while something is recorded is watched ([`joining`]).

mod joining;
mod list;
mod news;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::dsl::exists;
use diesel::prelude::*;

use crate::db::{AnyOf, Backend, batches, on_each};
use crate::model::{Anchor, AssignedRole, Assignment, JobId, Lifecycle, PrincipalKind, Reach, Roles};

use super::columns::Word;
use super::edges::is_direct;
use super::nesting::MembersOf;
use super::tables::{assignments, edges, objects};
use super::{Store, StoreError};

pub(super) use joining::{Joining, members_changed};
pub use list::{Absence, Learned};
use news::note_if_assigned;
pub(super) use news::rewind;

/// How many assignments, or members of a group, one step is about.
const STEP: usize = 5_000;

/// One assignment, as its row holds it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = assignments, treat_none_as_default_value = false)]
struct Row {
    job: String,
    principal: String,
    role: String,
    kind: String,
    provisionable: bool,
    value: Option<String>,
    display_name: Option<String>,
    /// The cycle whose list was the first to lack it, or to say that it entitles no more.
    missed_by: Option<String>,
}

impl Row {
    fn of(job: &JobId, assignment: &Assignment) -> Self {
        let Assignment { principal, kind, role } = assignment;
        Self {
            job: job.as_str().to_owned(),
            principal: principal.as_str().to_owned(),
            role: role.id.clone(),
            kind: kind.word().to_owned(),
            provisionable: role.provisionable,
            value: role.value.clone(),
            display_name: role.display_name.clone(),
            missed_by: None,
        }
    }

    fn is_group(&self) -> bool {
        self.kind == PrincipalKind::Group.word()
    }

    fn role(self) -> AssignedRole {
        let Self { role, provisionable, value, display_name, .. } = self;
        AssignedRole { id: role, value, display_name, provisionable }
    }
}

impl Store {
    /// The roles that each of the objects has: its own, and those of the groups that list it where `through` says how groups
    /// list members. A group that the source does not deliver any more gives nobody anything. Who is assigned in no way is
    /// left out.
    pub async fn assigned(
        &self,
        job: &JobId,
        objects: Vec<Anchor>,
        through: Option<(MembersOf, Reach)>,
    ) -> Result<HashMap<Anchor, Roles>, StoreError> {
        let job = job.clone();
        self.database
            .read(move |tx| {
                let anchors: Vec<&str> = objects.iter().map(Anchor::as_str).collect();
                let mut all: HashMap<Anchor, Roles> = HashMap::new();
                for (principal, roles) in of(tx, &job, &anchors)? {
                    let own = all.entry(Anchor::new(principal)).or_default();
                    roles.into_iter().for_each(|role| own.add(role));
                }
                let Some((members, reach)) = through else { return Ok(all) };
                let memberships = memberships(tx, &job, &members, reach, &anchors)?;
                let groups: BTreeSet<&str> = memberships.iter().map(|(_, group)| group.as_str()).collect();
                let groups = of(tx, &job, &groups.into_iter().collect::<Vec<_>>())?;
                for (member, group) in &memberships {
                    let roles = groups.get(group).into_iter().flatten();
                    let theirs = all.entry(Anchor::new(member.as_str())).or_default();
                    roles.for_each(|role| theirs.add(role.clone()));
                }
                all.retain(|_, roles| !roles.is_empty());
                Ok(all)
            })
            .await
    }

    /// How many assignments are those of groups that the source does not deliver: nobody is assigned through these.
    pub async fn assigned_groups_unknown(&self, job: &JobId, members: &MembersOf) -> Result<u64, StoreError> {
        let (job, members) = (job.clone(), members.clone());
        self.database
            .read(move |tx| {
                let count = on_each!(tx, c => assignments::table
                    .filter(assignments::job.eq(job.as_str()))
                    .filter(assignments::kind.eq(PrincipalKind::Group.word()))
                    .filter(diesel::dsl::not(exists(
                        objects::table
                            .filter(objects::job.eq(assignments::job))
                            .filter(objects::anchor.eq(assignments::principal))
                            .filter(objects::mapping.eq(members.mapping.as_str()))
                            .filter(objects::lifecycle.eq(Lifecycle::Present.word())),
                    )))
                    .count()
                    .get_result::<i64>(c))?;
                Ok(super::columns::to_count(count))
            })
            .await
    }

    /// Forgets who is assigned: everybody is provisioned from now on.
    pub async fn forget_assignments(&self, job: &JobId) -> Result<(), StoreError> {
        let job = job.clone();
        let asked = job.clone();
        if !self.database.read(move |tx| list::is_known(tx, &asked)).await? {
            return Ok(());
        }
        self.database.write(move |tx| list::forget(tx, &job)).await
    }
}

/// The roles of these principals themselves.
fn of(tx: &mut Backend, job: &JobId, principals: &[&str]) -> Result<BTreeMap<String, Vec<AssignedRole>>, StoreError> {
    let mut found: BTreeMap<String, Vec<AssignedRole>> = BTreeMap::new();
    for batch in batches(principals) {
        let rows = on_each!(tx, c => assignments::table
            .filter(assignments::job.eq(job.as_str()))
            .filter(assignments::principal.any_of(batch.iter().copied()))
            .select(Row::as_select())
            .load::<Row>(c))?;
        for row in rows {
            found.entry(row.principal.clone()).or_default().push(row.role());
        }
    }
    Ok(found)
}

/// Who of these is a member of an assigned group, as member and group.
fn memberships(
    tx: &mut Backend,
    job: &JobId,
    members: &MembersOf,
    reach: Reach,
    people: &[&str],
) -> Result<Vec<(String, String)>, StoreError> {
    let mut found = Vec::new();
    for batch in batches(people) {
        let is_assigned = || {
            exists(
                assignments::table
                    .filter(assignments::job.eq(edges::job))
                    .filter(assignments::principal.eq(edges::from_anchor))
                    .filter(assignments::kind.eq(PrincipalKind::Group.word())),
            )
        };
        let is_there = || {
            exists(
                objects::table
                    .filter(objects::job.eq(edges::job))
                    .filter(objects::anchor.eq(edges::from_anchor))
                    .filter(objects::mapping.eq(edges::mapping))
                    .filter(objects::lifecycle.eq(Lifecycle::Present.word())),
            )
        };
        macro_rules! listed {
            () => {
                edges::table
                    .filter(edges::job.eq(job.as_str()))
                    .filter(edges::to_anchor.any_of(batch.iter().copied()))
                    .filter(edges::mapping.eq(members.mapping.as_str()))
                    .filter(edges::attribute.eq(&members.attribute))
                    .filter(edges::wanted)
                    .filter(is_assigned())
                    .filter(is_there())
                    .select((edges::to_anchor.assume_not_null(), edges::from_anchor))
            };
        }
        found.extend(match reach {
            Reach::Direct => on_each!(tx, c => listed!().filter(is_direct!()).load::<(String, String)>(c))?,
            Reach::Nested => on_each!(tx, c => listed!().load::<(String, String)>(c))?,
        });
    }
    Ok(found)
}

/// Those of the anchors that are assigned groups.
fn groups_among(tx: &mut Backend, job: &JobId, anchors: &[&str]) -> Result<BTreeSet<String>, StoreError> {
    let mut found = BTreeSet::new();
    for batch in batches(anchors) {
        found.extend(on_each!(tx, c => assignments::table
            .filter(assignments::job.eq(job.as_str()))
            .filter(assignments::principal.any_of(batch.iter().copied()))
            .filter(assignments::kind.eq(PrincipalKind::Group.word()))
            .select(assignments::principal)
            .distinct()
            .load::<String>(c))?);
    }
    Ok(found)
}
