//! Settling: what the target says became of intents that a crash or a timeout left open.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};

use crate::db::Backend;
use crate::model::{
    CycleId, Exported, ExportedValue, JobId, ObjectKey, PageId, ResourceId, ResourceKind, TargetIdentity, TargetPath,
};

use crate::provisioning_log::Summary;

use super::jobs::{jobs_of, target_of};
use super::links::NewLink;
use super::outcome::{Committed, LinkConflict};
use super::references::LinkChange;
use super::{Store, StoreError, intents, links, objects, provisioning_log, references};

/// Intents that are settled together.
#[derive(Clone, Debug)]
pub struct Settling {
    pub job: JobId,
    /// The cycle that asked the target.
    pub cycle: CycleId,
    pub settled: Vec<Settled>,
    pub now: DateTime<Utc>,
}

/// An intent whose outcome is known now, as far as it can be.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// The page that opened it.
    pub page: PageId,
    pub key: ObjectKey,
    pub result: SettledResult,
    /// What the provisioning log says of it.
    pub log: Option<Summary>,
}

/// What the target says.
#[derive(Clone, Debug, PartialEq)]
pub enum SettledResult {
    /// The resource exists and is the object's.
    Linked { resource: ResourceId, exported: Exported },
    /// The linked resource exists; whether these attributes reached it is unknown.
    LinkedUnknown { paths: Vec<TargetPath> },
    /// The linked resource is gone.
    Gone,
    /// Nothing was done.
    NotDone,
}

impl Store {
    /// Closes intents and makes their objects due: each is decided again from what is known now. Edges that the
    /// intents named stay unknown where the owner has a resource.
    pub async fn settle(&self, settling: Settling) -> Result<Committed, StoreError> {
        self.database.write(move |tx| settle(tx, &settling)).await
    }
}

fn settle(tx: &mut Backend, settling: &Settling) -> Result<Committed, StoreError> {
    let Settling { job, cycle, settled, now } = settling;
    let target = target_of(tx, job)?;
    tx.exclusive(target.as_str())?;
    let (mut conflicts, mut known): (Vec<LinkConflict>, Vec<&Settled>) = Default::default();
    let mut pages: BTreeMap<&PageId, Vec<&Settled>> = BTreeMap::new();
    for settled in settled {
        pages.entry(&settled.page).or_default().push(settled);
    }
    for (page, settled) in pages {
        let mut open: HashMap<ObjectKey, ResourceKind> =
            intents::of_page(tx, page)?.into_iter().map(|intent| (intent.key, intent.kind)).collect();
        for settled in settled {
            // An intent that is closed already was settled by someone else.
            let Some(kind) = open.remove(&settled.key) else { continue };
            match settle_one(tx, (job, &target), &kind, settled, *now)? {
                Some(conflict) => conflicts.push(conflict),
                None => known.push(settled),
            }
        }
        intents::close(tx, page, &open.keys().collect())?;
    }
    // What was sent to a resource that does not exist was not sent.
    let keys: HashSet<&ObjectKey> = settled.iter().map(|settled| &settled.key).collect();
    let linked = links::resources_of(tx, job, keys.iter().copied())?;
    let unlinked = keys.iter().copied().filter(|key| !linked.contains_key(key));
    references::owners_unlinked(tx, job, unlinked)?;
    objects::make_due(tx, job, keys.iter().copied())?;
    let log: Vec<_> = known.iter().filter_map(|settled| Some((&settled.key, settled.log.as_ref()?))).collect();
    provisioning_log::append(tx, job, cycle, &log, *now)?;
    Ok(Committed { conflicts })
}

fn settle_one(
    tx: &mut Backend,
    (job, target): (&JobId, &TargetIdentity),
    kind: &ResourceKind,
    settled: &Settled,
    now: DateTime<Utc>,
) -> Result<Option<LinkConflict>, StoreError> {
    let key = &settled.key;
    let before = links::of(tx, job, [key])?.remove(key);
    let change = match (&settled.result, &before) {
        (SettledResult::Linked { resource, exported }, before) => {
            if let Some(conflict) = links::conflicts(tx, job, target, &[(key, kind, resource)])?.pop() {
                return Ok(Some(conflict));
            }
            links::save(
                tx,
                job,
                target,
                &[NewLink { key, kind, resource, exported, replaces: before.is_some() }],
                now,
            )?;
            LinkChange::between(key, before.as_ref().map(|link| &link.resource), Some(resource))
        }
        (SettledResult::LinkedUnknown { paths }, Some(link)) => {
            let mut exported = link.exported.clone();
            exported.extend(paths.iter().map(|path| (path.clone(), ExportedValue::Unknown)));
            let link = NewLink { key, kind, resource: &link.resource, exported: &exported, replaces: true };
            links::save(tx, job, target, &[link], now)?;
            None
        }
        (SettledResult::Gone, Some(link)) => {
            links::end(tx, job, [key])?;
            LinkChange::between(key, Some(&link.resource), None)
        }
        (SettledResult::LinkedUnknown { .. } | SettledResult::Gone, None) | (SettledResult::NotDone, _) => None,
    };
    if let Some(change) = change {
        let jobs = jobs_of(tx, target)?;
        references::links_changed(tx, &jobs, &[change])?;
    }
    Ok(None)
}
