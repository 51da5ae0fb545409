//! Somebody watches what pages do with some objects. It sees and changes nothing.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};

use crate::{
    engine::{decide::SkipReason, matching::Situation},
    model::ObjectKey,
    provisioning_log::{Event, Reason, Status, Subject},
};

/// What pages did with one object: the last word of each step.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub situation: Option<Situation>,
    /// When it was matched, and when what came of it was stored.
    pub matched_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub subject: Option<Subject>,
    /// Why nothing was sent, whether the log has a line for that or not.
    pub skipped: Option<SkipReason>,
    /// What the log says was done, one after the other: a removal is held before it is carried out.
    pub events: Vec<Event>,
    /// True when the object reached an end for now.
    pub has_ended: bool,
}

impl Seen {
    /// What was done in the end.
    pub(super) fn last(&self) -> Option<Event> {
        let skipped = || Some(Event::other(Status::Skipped, Reason::code(self.skipped?.name())));
        self.events.last().cloned().or_else(skipped)
    }
}

/// The objects that are watched; none, mostly.
#[derive(Debug, Default)]
pub(super) struct Observer {
    /// Guards single changes; a panic within leaves the map whole.
    seen: Mutex<BTreeMap<ObjectKey, Seen>>,
}

impl Observer {
    /// Watches these objects from now on.
    pub(super) fn watch(&self, keys: impl IntoIterator<Item = ObjectKey>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.extend(keys.into_iter().map(|key| (key, Seen::default())));
    }

    /// Takes note of what happens to an object, if it is watched.
    pub(super) fn note(&self, key: &ObjectKey, what: impl FnOnce(&mut Seen)) {
        if let Some(seen) = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get_mut(key) {
            what(seen);
        }
    }

    /// What was seen of an object so far.
    pub(super) fn seen(&self, key: &ObjectKey) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned().unwrap_or_default()
    }
}
