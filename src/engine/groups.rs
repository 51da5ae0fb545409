//! The groups whose members scoping filters ask for: named as the source names them, read before anybody is judged.

use std::collections::BTreeMap;

use crate::{
    engine::{
        run::{CycleError, Job, Run},
        scope::Memberships,
    },
    model::{Anchor, KnownObject, Name, Reach},
    source::Source,
    store::NamedGroups,
    sync_schema::ObjectMapping,
};

/// What the store must know to keep track of the members; `None` where no filter asks for them.
pub(super) fn named_in(job: &Job, source: &dyn Source) -> Option<NamedGroups> {
    let schema = &job.schema;
    let groups = schema.groups.as_ref()?;
    let words = schema.mappings.iter().flat_map(|mapping| mapping.scope.named_groups());
    let named: BTreeMap<String, Option<Name>> = words.map(|word| (word.to_owned(), source.name_of(word))).collect();
    let asking = schema.mappings.iter().filter(|mapping| mapping.scope.asks_for_members());
    Some(NamedGroups {
        mapping: groups.mapping.clone(),
        members: groups.members.clone(),
        display_name: groups.display_name.clone(),
        named,
        asking: asking.map(|mapping| mapping.id.clone()).collect(),
        reach: job.policy.is_member_of,
    })
}

/// Under another schema than before, groups that are stored already may be named for the first time.
pub(super) async fn learn_names(run: &Run) -> Result<(), CycleError> {
    let Some(groups) = &run.groups else { return Ok(()) };
    if run.store.job_schema_version(&run.job.id).await? != run.job.schema_version {
        run.store.index_group_names(&run.job.id, groups).await?;
    }
    Ok(())
}

/// Which of the objects are members of the named groups, where the scope of their mapping asks for it.
pub(super) async fn memberships(
    run: &Run,
    mapping: &ObjectMapping,
    objects: &[KnownObject],
) -> Result<Memberships, CycleError> {
    let Some(groups) = run.groups.as_ref().filter(|_| mapping.scope.asks_for_members()) else {
        return Ok(Memberships::default());
    };
    let anchors: Vec<Anchor> = objects.iter().map(|known| known.key.anchor.clone()).collect();
    let known = run.store.memberships(&run.job.id, groups, anchors).await?;
    let complete = match groups.reach {
        Reach::Direct => run.read_to_the_end(&groups.mapping),
        Reach::Nested => run.read_to_the_end(&groups.mapping) && run.nesting_is_known(),
    };
    Ok(Memberships { known, reach: groups.reach, complete })
}

/// Says which words of the filters stand for no group, or for several: a person has to look at them.
pub(super) async fn tell_unclear(run: &Run) -> Result<(), CycleError> {
    let Some(groups) = &run.groups else { return Ok(()) };
    let known = run.store.memberships(&run.job.id, groups, Vec::new()).await?;
    for (group, found) in known.groups {
        match found.as_slice() {
            [] => {
                tracing::warn!(job.id = %run.job.id, group, "a scoping filter names a group that the source does not deliver: nobody is a member of it")
            }
            [one] if known.too_deep.contains(one) => {
                tracing::warn!(job.id = %run.job.id, group, "groups lie too deep in a group that a scoping filter names: nothing is decided about whoever is not known to be a member of it; take one of them out of the chain");
            }
            [_] => {}
            several => {
                let several = several.len();
                tracing::warn!(job.id = %run.job.id, group, several, "a scoping filter names several groups by one display name: name the one that is meant by its id");
            }
        }
    }
    Ok(())
}
