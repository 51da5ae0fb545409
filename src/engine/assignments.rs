//! Who is assigned to the application, where the job provisions nobody else: listed by the source once the feeds were read,
//! stored, and handed to evaluation.
//!
//! The list comes after the feeds: whoever was moved meanwhile from a group to an assignment of their own is in it, and for
//! the other way round an assignment counts until a second list misses it, by when the groups were read again.

use crate::{
    engine::{
        nesting::members_of,
        run::{AssignmentList, CycleError, Run},
        scope::Assignments,
    },
    model::{Anchor, JobScope, KnownObject, Reach},
    source::{Source, SourceError},
    store::{Absence, Learned, MembersOf},
    sync_schema::{ObjectMapping, Schema},
};

/// Where the members of assigned groups are held: under the mapping that reads groups, whether it provisions them or not.
fn groups(schema: &Schema) -> Option<MembersOf> {
    schema.mappings.iter().find_map(members_of)
}

/// Reads the list to its end and stores it. Under a job that provisions everybody, nothing is kept of one.
pub(super) async fn learn(run: &Run, source: &dyn Source, absence: Absence) -> Result<(), CycleError> {
    let is_cycle = matches!(absence, Absence::Counts(_));
    if run.job.policy.scope == JobScope::All {
        // Only a cycle has everybody looked at again under another scope.
        return if is_cycle { Ok(run.store.forget_assignments(&run.job.id).await?) } else { Ok(()) };
    }
    let Some(list) = run.unless_stopped(source.assignments()).await?? else {
        return Err(CycleError::Source(SourceError::Configuration {
            server: "of this job".to_owned(),
            problem: "the job provisions whoever is assigned, and nothing says who that is".to_owned(),
            hint: "name the service principal, or the groups, below `scope: { assigned: … }` of the job".to_owned(),
        }));
    };
    let listed = list.len();
    let Learned { changed, missed } = run.store.learn_assignments(&run.job.id, list, absence).await?;
    tracing::debug!(job.id = %run.job.id, listed, changed, missed, "the list of assignments was read");
    if missed > 0 {
        tracing::info!(job.id = %run.job.id, missed, "assignments are missing from the list; they count until the list of the next cycle misses them, too");
    }
    if changed > 0
        && let Some(groups) = groups(&run.job.schema)
    {
        let unknown = run.store.assigned_groups_unknown(&run.job.id, &groups).await?;
        if unknown > 0 {
            tracing::warn!(job.id = %run.job.id, assignments = unknown, "groups are assigned that the source does not deliver: nobody is assigned through them");
        }
    }
    // On demand a list only adds: the groups are not read with it.
    run.note_assignments(AssignmentList { is_empty: listed == 0, absence_counts: is_cycle });
    Ok(())
}

/// Makes the members of groups due whose assignment differs.
pub(super) async fn spread(run: &Run) -> Result<(), CycleError> {
    let Some(groups) = groups(&run.job.schema) else { return Ok(()) };
    while run.store.spread_assignments(&run.job.id, &groups).await? {
        run.check_stop()?;
    }
    Ok(())
}

/// What is known of the assignments of these objects.
pub(super) async fn of(run: &Run, mapping: &ObjectMapping, objects: &[KnownObject]) -> Result<Assignments, CycleError> {
    let JobScope::Assigned(reach) = run.job.policy.scope else { return Ok(Assignments::default()) };
    // A group is assigned itself, or not: what it lies in changes nothing.
    let through = if mapping.lists_members() { None } else { groups(&run.job.schema).map(|groups| (groups, reach)) };
    let were_read = through.as_ref().is_none_or(|(groups, reach)| {
        run.read_to_the_end(&groups.mapping) && (*reach == Reach::Direct || run.nesting_is_known())
    });
    let anchors: Vec<Anchor> = objects.iter().map(|known| known.key.anchor.clone()).collect();
    let known = run.store.assigned(&run.job.id, anchors, through).await?;
    Ok(Assignments { known: Some(known), complete: were_read && run.absence_is_known() })
}

/// The word that stands for the scope in the version of what objects are evaluated by.
pub(super) fn word(scope: JobScope) -> Option<&'static str> {
    match scope {
        JobScope::All => None,
        JobScope::Assigned(Reach::Direct) => Some("assigned"),
        JobScope::Assigned(Reach::Nested) => Some("assigned, nested"),
    }
}
