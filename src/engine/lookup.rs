//! Finds the resources that objects match: in the matching index where there is one, else by asking the target.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::Value as Json;

use crate::{
    engine::{
        matching::{self, Candidate, Situation},
        run::{CycleError, Run},
    },
    model::{
        Claim, Failure, FailureClass, Lifecycle, MatchingValue, ObjectKey, Removal, RemovalEffect, RemovalId,
        RemovalState, ResourceId, TargetPath,
    },
    scim::Resource,
    sync_schema::ObjectMapping,
    target::TargetError,
};

/// How many look-ups are prepared at once; the target's own pace decides how many run.
pub(super) const LOOKUPS_AHEAD: usize = 64;

/// What looking for one object brought: its situation, or the failure of its look-up.
pub(super) type Looked = Result<Situation, TargetError>;

/// What one object is looked for by.
pub(super) struct Question {
    pub key: ObjectKey,
    pub matching: Vec<MatchingValue>,
}

/// Finds the situation of every object. A failure that concerns the target as a whole ends the page; one that
/// concerns a single look-up is that object's.
pub(super) async fn situations(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    questions: Vec<Question>,
) -> Result<HashMap<ObjectKey, Looked>, CycleError> {
    if questions.is_empty() {
        return Ok(HashMap::new());
    }
    if !finds_by_filter(run, mapping) {
        ensure_index(run, mapping).await?;
    }
    let found = if run.is_indexed(&mapping.id) {
        find_in_index(run, mapping, &questions).await?
    } else {
        find_at_target(run, mapping, &questions).await?
    };
    let resources: Vec<ResourceId> = found
        .values()
        .filter_map(|found| found.as_ref().ok()?.as_ref())
        .flat_map(|(_, candidates)| candidates.iter().map(|candidate| candidate.resource.clone()))
        .collect::<HashSet<_>>()
        .into_iter()
        .collect();
    let claims = run.store.claims(&run.target_identity, &mapping.target_kind, &resources).await?;
    let leaving = leaving(run, &claims).await?;
    let about_to_leave = |key: &ObjectKey| leaving.get(key).cloned().unwrap_or_default();
    let situations = questions.into_iter().map(|question| {
        let looked = match found.get(&question.key) {
            _ if question.matching.is_empty() => Ok(Situation::NoMatchingValue),
            Some(Err(_)) | None => Ok(Situation::Unmatched),
            Some(Ok(None)) => Ok(Situation::Unmatched),
            Some(Ok(Some((path, candidates)))) => {
                let mut situation = matching::situation(&question.key, path, candidates.clone(), &claims);
                if let Situation::Claimed { by, leaving, is_gone, .. } = &mut situation
                    && by.job == run.job.id
                {
                    let about = about_to_leave(&by.key);
                    // Between mappings no link goes over.
                    (*leaving, *is_gone) = (about.removal, about.is_gone && by.key.mapping == question.key.mapping);
                }
                Ok(situation)
            }
        };
        (question.key, looked)
    });
    let mut situations: HashMap<ObjectKey, Looked> = situations.collect();
    for (key, found) in found {
        if let Err(error) = found {
            situations.insert(key, Err(error));
        }
    }
    Ok(situations)
}

/// Reads linked resources whose present content decides what is sent. A failure that concerns the target as a whole ends
/// the page; any other is that object's.
pub(super) async fn present(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    links: Vec<(ObjectKey, ResourceId)>,
) -> Result<HashMap<ObjectKey, Looked>, CycleError> {
    let mut looked = HashMap::new();
    let mut asked = FuturesUnordered::new();
    let mut waiting = links.into_iter();
    loop {
        while asked.len() < LOOKUPS_AHEAD
            && let Some((key, resource)) = waiting.next()
        {
            asked.push(async move { (key, run.target.read(&mapping.target_kind, &resource).await) });
        }
        match asked.next().await {
            None => return Ok(looked),
            Some((_, Err(error))) if stops_the_cycle(error.class()) => return Err(error.into()),
            // That it is gone is for the request to find out that changes it.
            Some((key, Ok(None))) => looked.insert(key, Ok(Situation::Linked)),
            Some((key, Ok(Some(content)))) => looked.insert(key, Ok(Situation::LinkedAs(Box::new(content)))),
            Some((key, Err(error))) => looked.insert(key, Err(error)),
        };
    }
}

/// True when the target can be asked by every matching attribute of the mapping.
pub(super) fn finds_by_filter(run: &Run, mapping: &ObjectMapping) -> bool {
    let profile = run.target.profile();
    mapping.matching().all(|attribute| profile.finds(&mapping.target_kind, &attribute.target))
}

/// Builds the matching index unless it stands. Pages that need it at the same time build it once: a second one would
/// empty it under the eyes of the first.
pub(super) async fn ensure_index(run: &Arc<Run>, mapping: &ObjectMapping) -> Result<(), CycleError> {
    let _building = run.index_building.lock().await;
    if run.is_indexed(&mapping.id) { Ok(()) } else { build_index(run, mapping).await }
}

/// Lists the target's resources of this type into the store's matching index, a request a page: by what objects are
/// found by, and by what is to be unique.
pub(super) async fn build_index(run: &Arc<Run>, mapping: &ObjectMapping) -> Result<(), CycleError> {
    run.meet_target().await?;
    run.store.clear_index(&run.job.id, &mapping.id).await?;
    let mut start = None;
    loop {
        run.check_stop()?;
        let page = run.target.list(&mapping.target_kind, start).await?;
        let mut rows = Vec::new();
        for resource in &page.resources {
            let Some(id) = resource.id() else { continue };
            for attribute in mapping.matching().chain(mapping.unique()) {
                for value in resource.texts(&attribute.target) {
                    let value = MatchingValue { path: attribute.path.clone(), value, case_exact: attribute.case_exact };
                    rows.push((
                        attribute.path.clone(),
                        value.folded(),
                        ResourceId::new(id),
                        Json::Object(resource.as_map().clone()),
                    ));
                }
            }
        }
        run.store.index_resources(&run.job.id, &mapping.id, rows).await?;
        match page.next {
            Some(next) => start = Some(next),
            None => break,
        }
    }
    run.set_indexed(&mapping.id, true);
    Ok(())
}

/// What the matching values of one object find, wherever they are looked up.
pub(super) async fn candidates(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    question: Question,
) -> Result<Vec<Candidate>, CycleError> {
    let questions = [question];
    let found = if run.is_indexed(&mapping.id) {
        find_in_index(run, mapping, &questions).await?
    } else {
        find_at_target(run, mapping, &questions).await?
    };
    match found.into_values().next() {
        Some(Ok(Some((_, candidates)))) => Ok(candidates),
        Some(Err(error)) => Err(error.into()),
        Some(Ok(None)) | None => Ok(Vec::new()),
    }
}

type Found = HashMap<ObjectKey, Result<Option<(TargetPath, Vec<Candidate>)>, TargetError>>;

async fn find_in_index(run: &Arc<Run>, mapping: &ObjectMapping, questions: &[Question]) -> Result<Found, CycleError> {
    let mut found = Found::new();
    for attribute in mapping.matching() {
        let asked: Vec<(&ObjectKey, String)> = questions
            .iter()
            .filter(|question| !found.contains_key(&question.key))
            .filter_map(|question| {
                let value = question.matching.iter().find(|value| value.path == attribute.path)?;
                Some((&question.key, value.folded()))
            })
            .collect();
        if asked.is_empty() {
            continue;
        }
        let values: Vec<String> = asked.iter().map(|(_, value)| value.clone()).collect();
        let rows = run.store.lookup_index(&run.job.id, &mapping.id, &attribute.path, &values).await?;
        for (key, value) in asked {
            let Some(rows) = rows.get(&value) else { continue };
            let candidates = rows.iter().filter_map(|(resource, content)| {
                Some(Candidate {
                    resource: resource.clone(),
                    content: serde_json::from_value::<Resource>(content.clone()).ok()?,
                })
            });
            found.insert(key.clone(), Ok(Some((attribute.path.clone(), candidates.collect()))));
        }
    }
    Ok(found)
}

async fn find_at_target(run: &Arc<Run>, mapping: &ObjectMapping, questions: &[Question]) -> Result<Found, CycleError> {
    let mut found = Found::new();
    let mut asked = FuturesUnordered::new();
    let mut waiting = questions.iter();
    loop {
        while asked.len() < LOOKUPS_AHEAD
            && let Some(question) = waiting.next()
        {
            asked.push(async move { (question, find(run, mapping, &question.matching).await) });
        }
        match asked.next().await {
            None => return Ok(found),
            Some((_, Err(error))) if stops_the_cycle(error.class()) => return Err(error.into()),
            Some((question, answer)) => found.insert(question.key.clone(), answer),
        };
    }
}

/// Asks by one matching attribute after the other until one finds something.
pub(super) async fn find(
    run: &Arc<Run>,
    mapping: &ObjectMapping,
    matching: &[MatchingValue],
) -> Result<Option<(TargetPath, Vec<Candidate>)>, TargetError> {
    for value in matching {
        let Some(attribute) = mapping.attributes.iter().find(|attribute| attribute.path == value.path) else {
            continue;
        };
        let resources =
            run.target.find(&mapping.target_kind, &attribute.target, attribute.literal(&value.value)).await?;
        let candidates: Vec<Candidate> = resources
            .into_iter()
            .filter_map(|content| Some(Candidate { resource: ResourceId::new(content.id()?), content }))
            .collect();
        if !candidates.is_empty() {
            return Ok(Some((value.path.clone(), candidates)));
        }
    }
    Ok(None)
}

/// True for failures that concern the other side as a whole rather than one object.
pub(super) fn stops_the_cycle(class: FailureClass) -> bool {
    matches!(class, FailureClass::Credentials | FailureClass::Outage | FailureClass::Configuration)
}

/// The failure of the one object that this error concerns.
pub(super) fn failure_of(error: &TargetError) -> Failure {
    Failure { class: error.class(), code: error.code().to_owned(), message: error.to_string() }
}

/// How somebody who holds a resource is about to leave.
#[derive(Clone, Default)]
struct Leaving {
    removal: Option<RemovalId>,
    is_gone: bool,
}

/// Which of the claiming objects are gone, or about to be deleted: their names become free. Nobody waits for a removal that
/// a person has rejected, or whose time has not come.
async fn leaving(
    run: &Arc<Run>,
    claims: &HashMap<ResourceId, Claim>,
) -> Result<HashMap<ObjectKey, Leaving>, CycleError> {
    let keys: Vec<ObjectKey> =
        claims.values().filter(|claim| claim.job == run.job.id).map(|claim| claim.key.clone()).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let known = run.store.known(&run.job.id, &keys).await?;
    Ok(known
        .into_iter()
        .map(|known| {
            let leaves = |removal: &Removal| {
                removal.effect == RemovalEffect::Delete
                    && removal.state != RemovalState::Rejected
                    && removal.not_before.is_none_or(|time| time <= run.now())
            };
            let removal = known.removals.into_iter().find(leaves).map(|removal| removal.id);
            (known.key, Leaving { removal, is_gone: known.lifecycle == Lifecycle::Deleted })
        })
        .collect())
}
