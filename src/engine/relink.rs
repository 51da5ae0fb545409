//! Relinking: a directory was reloaded and the same people, or groups, have other anchors now.
//!
//! Whoever matches the resource of an object that is gone for good gets it where the configured attributes confirm that
//! both are the same ([`confirmation`]), or a person has said so. It is asked when all feeds were read to their end and
//! nothing of what is due was decided: then it is known who is gone and who else has the same values, and no removal of the
//! former object has been judged. What goes over is decided like any other linked object afterwards.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    engine::{
        confirmation::{self, Bearers, Gone},
        cycle,
        due::PAGE,
        page::{self, Claiming},
        run::{CycleError, Run},
    },
    model::{Anchor, Attributes, Claimant, KnownObject, ObjectKey},
    store::{Relink, Relinkable, Relinking},
    sync_schema::ObjectMapping,
};

/// Objects whose attributes are read at a time to learn who has the same values.
const ATTRIBUTES: u32 = 2_000;

/// Moves the links of objects that are gone to those that are the same, people before the groups that they are in.
pub(super) async fn relink_reloaded(run: &Arc<Run>) -> Result<(), CycleError> {
    let (groups, people): (Vec<_>, Vec<_>) =
        run.job.schema.mappings.iter().partition(|mapping| mapping.lists_members());
    let mut links = BTreeMap::new();
    for mapping in people.into_iter().chain(groups) {
        if !mapping.flow.is_none() && run.read_to_the_end(&mapping.id) {
            links.insert(mapping.id.clone(), relink(run, mapping).await?);
        }
    }
    run.note_relinked(links);
    Ok(())
}

/// Answers how many links went over.
async fn relink(run: &Arc<Run>, mapping: &ObjectMapping) -> Result<u64, CycleError> {
    if !cycle::waits_for_last_page(run, mapping) {
        // What was listed is older than what the pages have written since.
        run.set_indexed(&mapping.id, false);
    }
    let (mut bearers, mut links) = (None, 0);
    let mut after: Option<Anchor> = None;
    loop {
        run.check_stop()?;
        let keys = run.store.confirmed_claimants(&run.job.id, &mapping.id, after, PAGE).await?;
        let Some(last) = keys.last() else { break };
        after = Some(last.anchor.clone());
        links += relink_page(run, mapping, keys, &mut bearers).await?;
    }
    if mapping.confirm_by.is_empty() {
        return Ok(links);
    }
    let mut gone: Option<Gone> = None;
    let mut after: Option<Anchor> = None;
    loop {
        run.check_stop()?;
        let page = run
            .store
            .attributes_of(&run.job.id, &mapping.id, Relinkable::DueWithoutResource, after, ATTRIBUTES)
            .await?;
        let Some((last, _)) = page.last() else { return Ok(links) };
        after = Some(last.clone());
        let gone = match &mut gone {
            Some(gone) => gone,
            None => gone.insert(who_is_gone(run, mapping).await?),
        };
        if gone.is_empty() {
            return Ok(links);
        }
        // Whoever is like nobody who is gone need not be looked for.
        let like_one = page.into_iter().filter(|(_, attributes)| gone.may_be(attributes, &mapping.confirm_by));
        let keys: Vec<ObjectKey> =
            like_one.map(|(anchor, _)| ObjectKey { mapping: mapping.id.clone(), anchor }).collect();
        for keys in keys.chunks(PAGE as usize) {
            run.check_stop()?;
            links += relink_page(run, mapping, keys.to_vec(), &mut bearers).await?;
        }
    }
}

/// Everybody who is gone for good and has a resource all the same.
async fn who_is_gone(run: &Arc<Run>, mapping: &ObjectMapping) -> Result<Gone, CycleError> {
    let mut gone = Gone::default();
    for_each(run, mapping, Relinkable::GoneWithResource, |attributes| gone.add(attributes, &mapping.confirm_by))
        .await?;
    Ok(gone)
}

/// Everybody who may still be somebody.
async fn everybody(run: &Arc<Run>, mapping: &ObjectMapping) -> Result<Bearers, CycleError> {
    let mut bearers = Bearers::default();
    for_each(run, mapping, Relinkable::Living, |attributes| bearers.add(attributes, &mapping.confirm_by)).await?;
    Ok(bearers)
}

/// Shows the attributes of each of these objects.
async fn for_each(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    which: Relinkable,
    mut show: impl FnMut(&Attributes) + Send,
) -> Result<(), CycleError> {
    let mut after: Option<Anchor> = None;
    loop {
        run.check_stop()?;
        let page = run.store.attributes_of(&run.job.id, &mapping.id, which, after, ATTRIBUTES).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.clone());
        page.iter().for_each(|(_, attributes)| show(attributes));
    }
}

async fn relink_page(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    keys: Vec<ObjectKey>,
    bearers: &mut Option<Bearers>,
) -> Result<u64, CycleError> {
    let said = run.store.claimants_of(&run.job.id, &keys).await?;
    let said: HashMap<ObjectKey, Claimant> = said.into_iter().map(|said| (said.key.clone(), said)).collect();
    let mut claiming = page::claiming(run, mapping, keys).await?;
    claiming.retain(|claiming| claiming.by.job == run.job.id && claiming.by.key.mapping == mapping.id);
    let formers: Vec<ObjectKey> = claiming.iter().map(|claiming| claiming.by.key.clone()).collect();
    let formers = run.store.known(&run.job.id, &formers).await?;
    let formers: HashMap<ObjectKey, KnownObject> =
        formers.into_iter().map(|known| (known.key.clone(), known)).collect();
    let mut relinks = Vec::new();
    for claiming in &claiming {
        let Some(former) = formers.get(&claiming.by.key) else { continue };
        let said = said
            .get(&claiming.object.key)
            .filter(|said| said.confirmed && said.former == former.key.anchor && said.resource == claiming.resource);
        if said.is_some() || is_confirmed(run, mapping, former, &claiming.object, bearers).await? {
            relinks.push(relink_of(mapping, former, claiming));
        }
    }
    if relinks.is_empty() {
        return Ok(0);
    }
    let (job, cycle, now) = (run.job.id.clone(), run.cycle.id.clone(), run.now());
    let relinked = run.store.relink(Relinking { job, cycle, relinks, now }).await?;
    tracing::info!(job.id = %run.job.id, mapping = %mapping.id, objects = relinked.len(), "objects with other anchors have the resources of those that are gone");
    let relinked = relinked.len() as u64;
    run.count(|progress| progress.counters.relinked += relinked);
    Ok(relinked)
}

/// Everybody's values are looked through once a cycle, and only when everything else is confirmed.
async fn is_confirmed(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    former: &KnownObject,
    new: &KnownObject,
    bearers: &mut Option<Bearers>,
) -> Result<bool, CycleError> {
    if confirmation::confirm(former, new, &mapping.confirm_by, None).is_err() {
        return Ok(false);
    }
    if bearers.is_none() {
        *bearers = Some(everybody(run, mapping).await?);
    }
    Ok(confirmation::confirm(former, new, &mapping.confirm_by, bearers.as_ref()).is_ok())
}

fn relink_of(mapping: &ObjectMapping, former: &KnownObject, claiming: &Claiming) -> Relink {
    Relink {
        key: claiming.object.key.clone(),
        former: former.key.anchor.clone(),
        resource: claiming.resource.clone(),
        log: page::relinked(former, &claiming.object, &claiming.resource, mapping).into(),
    }
}
