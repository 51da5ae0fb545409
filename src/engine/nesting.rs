//! Groups that are members of groups: sent as such, flattened to the people in them, or left out, each with its reason.

use std::sync::Arc;

use crate::{
    engine::{
        due::PAGE,
        page,
        run::{CycleError, Run},
    },
    model::{Failure, FailureClass, KnownObject, NestedGroups, ObjectKey},
    provisioning_log::{Reason, counted},
    store::{DEEPEST, LeftOut, MembersOf},
    sync_schema::ObjectMapping,
};

/// Where the members of groups are held under this mapping, if they are.
pub(super) fn members_of(mapping: &ObjectMapping) -> Option<MembersOf> {
    let reference = mapping.references.iter().find(|reference| reference.is_members())?;
    let attribute = reference.source_attribute.clone();
    Some(MembersOf { mapping: mapping.id.clone(), kind: mapping.source_kind.clone(), attribute })
}

/// What the job wants of groups in groups, as far as its target takes it. Under another word than before, all that is stored
/// follows; nothing is read again for it.
pub(super) async fn adopt(run: &Run) -> Result<(), CycleError> {
    let members = run.job.schema.mappings.iter().filter_map(members_of).collect();
    let adopted = run.store.set_nested_groups(&run.job.id, wanted(run), members).await?;
    run.note_nested_groups(adopted);
    Ok(())
}

fn wanted(run: &Run) -> NestedGroups {
    match run.job.policy.nested_groups {
        NestedGroups::Groups if !run.target.profile().nested_groups => NestedGroups::Ignore,
        wanted => wanted,
    }
}

/// Makes members of whoever is one through a group in a group. The groups were read to their end: an inner group of which
/// only a part is known decides about nobody.
pub(super) async fn flatten(run: &Run) -> Result<(), CycleError> {
    for of in run.job.schema.mappings.iter().filter_map(members_of) {
        while run.store.flatten(&run.job.id, &of, run.groups.as_ref()).await? {
            run.check_stop()?;
        }
    }
    Ok(())
}

/// Why nothing is decided about a group, by the groups among `objects` of which that is so.
pub(super) async fn too_deep(
    run: &Run,
    mapping: &ObjectMapping,
    objects: &[KnownObject],
) -> Result<Vec<ObjectKey>, CycleError> {
    if members_of(mapping).is_none() {
        return Ok(Vec::new());
    }
    let keys: Vec<ObjectKey> = objects.iter().map(|known| known.key.clone()).collect();
    // What is left out is told at the end of the cycle: a group in it may only be created now.
    let left_out = run.store.left_out(&run.job.id, &keys).await?;
    run.note_left_out(left_out.into_iter().map(|left_out| left_out.group));
    Ok(run.store.too_deep(&run.job.id, &keys).await?)
}

/// The failure of a group in which groups lie too deep.
pub(super) fn lies_too_deep() -> Failure {
    Failure {
        class: FailureClass::Object,
        code: "NestingTooDeep".to_owned(),
        message: format!(
            "groups lie in each other more than {DEEPEST} deep, so nobody can tell who is in this one; take one of them \
             out of the chain"
        ),
    }
}

/// Says which groups are not members of the groups that were looked at, and why.
pub(super) async fn tell_left_out(run: &Arc<Run>) -> Result<(), CycleError> {
    let looked_at: Vec<ObjectKey> = run.take_left_out().into_iter().collect();
    for keys in looked_at.chunks(PAGE as usize) {
        let left_out = run.store.left_out(&run.job.id, keys).await?;
        let known = run.store.known(&run.job.id, keys).await?;
        let lines = left_out.iter().filter_map(|left_out| {
            let known = known.iter().find(|known| known.key == left_out.group)?;
            // Of a group that is not in the target itself, its own line says why.
            known.link.as_ref()?;
            let line = page::left_out(known, run.mapping(&known.key.mapping)?, reason(run, left_out));
            Some((known.key.clone(), line))
        });
        run.store.tell(&run.job.id, &run.cycle.id, lines.collect(), run.now()).await?;
    }
    Ok(())
}

fn reason(run: &Run, LeftOut { first, count, .. }: &LeftOut) -> Reason {
    let (code, why) = match (run.job.policy.nested_groups, wanted(run)) {
        (NestedGroups::Groups, NestedGroups::Groups) => {
            ("NestedGroupNotProvisioned", "without a resource in the target")
        }
        (NestedGroups::Groups, _) => ("NestedGroupNotSupported", "which the target does not take as members"),
        _ => ("NestedGroupIgnored", "left out because the job ignores groups in groups"),
    };
    let mut named: Vec<&str> = first.iter().map(|anchor| anchor.as_str()).collect();
    if *count > named.len() as u64 {
        named.push("…");
    }
    let groups = counted(usize::try_from(*count).unwrap_or(usize::MAX), "group");
    Reason { text: Some(format!("{groups} in it, {why}: {}", named.join(", "))), ..Reason::code(code) }
}
