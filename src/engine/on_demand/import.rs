//! The first step: who is meant, and what the source says of it now.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};

use super::OnDemandError;
use crate::{
    engine::{
        cycle,
        run::{CycleError, Run},
    },
    model::{Anchor, Change, Departure, ObjectKind, Round, SourceObject},
    source::{Fetched, Source},
};

/// An object as the source has it now.
#[derive(Clone, Debug)]
pub(super) struct Imported {
    pub(super) kind: ObjectKind,
    pub(super) anchor: Anchor,
    /// The object, unless it left.
    pub(super) found: Result<SourceObject, Departure>,
    pub(super) at: DateTime<Utc>,
}

pub(super) struct Import<'a> {
    pub(super) run: &'a Arc<Run>,
    pub(super) source: &'a dyn Source,
}

impl Import<'_> {
    /// Finds the one object that is meant. Who left the source is found by what the store remembers.
    pub(super) async fn find(&self, text: &str, kind: Option<&ObjectKind>) -> Result<Imported, OnDemandError> {
        let mappings = self.run.job.schema.mappings.iter();
        let kinds: BTreeSet<&ObjectKind> = mappings.map(|mapping| &mapping.source_kind).collect();
        let mut found: BTreeSet<(ObjectKind, Anchor)> = BTreeSet::new();
        for known in kinds.into_iter().filter(|known| kind.is_none_or(|kind| kind == *known)) {
            let anchors = self.source.find(known, text).await.map_err(CycleError::from)?;
            found.extend(anchors.into_iter().map(|anchor| (known.clone(), anchor)));
        }
        if found.is_empty() {
            let stored = self.run.store.objects_called(&self.run.job.id, text, self.source.name_of(text)).await?;
            found.extend(stored.into_iter().filter(|(known, _)| kind.is_none_or(|kind| kind == known)));
        }
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (None, _) => Err(OnDemandError::Unknown { text: text.to_owned() }),
            (Some((kind, anchor)), None) => Ok(self.fetch(kind, anchor).await?),
            (Some(first), Some(second)) => {
                let all = [first, second].into_iter().chain(found);
                let found = all.map(|(kind, anchor)| format!("{kind} {anchor}")).collect();
                Err(OnDemandError::Ambiguous { text: text.to_owned(), found })
            }
        }
    }

    async fn fetch(&self, kind: ObjectKind, anchor: Anchor) -> Result<Imported, CycleError> {
        let found = match self.source.fetch(&kind, &anchor).await? {
            Fetched::Object(object) => Ok(object),
            Fetched::OutsideFeed => Err(Departure::LeftFeed),
            Fetched::SoftDeleted => Err(Departure::SoftDeleted),
            Fetched::Gone => Err(Departure::Deleted),
        };
        Ok(Imported { kind, anchor, found, at: self.run.now() })
    }

    /// Records the objects like any change, and moves no watermark.
    pub(super) async fn record<'i>(&self, objects: impl Iterator<Item = &'i Imported>) -> Result<(), CycleError> {
        let changes = objects.map(|object| match &object.found {
            Ok(found) => Change::Object(found.clone()),
            Err(departure) => {
                Change::Departed { kind: object.kind.clone(), anchor: object.anchor.clone(), departure: *departure }
            }
        });
        let changes: Vec<Change> = changes.collect();
        // Under the generation of the last read, and not a new one: a read that broke off goes on as it was.
        cycle::record_changes(self.run, changes, self.run.cycle.generation, false, None).await?;
        Ok(())
    }

    /// Reads the groups whose members filters ask for: who is a member is to be known as it is now. Where a filter names
    /// a group that nobody knows, only groups that were read to their end before say that nobody is a member of it.
    pub(super) async fn record_named_groups(&self) -> Result<(), CycleError> {
        let (Some(named), Some(groups)) = (&self.run.groups, &self.run.job.schema.groups) else { return Ok(()) };
        let job = &self.run.job.id;
        let resolved = self.run.store.memberships(job, named, Vec::new()).await?.groups;
        let (mut read, mut all_found) = (Vec::new(), true);
        for (word, mut anchors) in resolved {
            if anchors.is_empty() {
                anchors = self.source.find(&groups.kind, &word).await?;
            }
            all_found &= !anchors.is_empty();
            for anchor in anchors {
                read.push(self.fetch(groups.kind.clone(), anchor).await?);
            }
        }
        self.record(read.iter()).await?;
        let feeds = self.source.feeds();
        let feed = feeds.iter().find(|feed| feed.kind.as_ref() == Some(&groups.kind));
        let watermark = match feed {
            Some(feed) => self.run.store.watermark(job, &feed.id).await?,
            None => None,
        };
        if all_found || watermark.is_some_and(|watermark| watermark.round == Round::Changes) {
            self.run.note_read(&groups.kind);
        }
        Ok(())
    }
}
