//! What resources were a moment ago, for reads that lag behind writes.
//!
//! A write leaves behind what it changes, as long as some read may ask for it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::tenant::Tenant;
use crate::scim::Resource;

/// Writes it remembers; the oldest give way.
const MOST_WRITES: usize = 10_000;
/// Bytes of resources it remembers; the oldest give way.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// The recent past of all tenants.
#[derive(Default)]
pub(super) struct Past {
    /// Guards the writes; held for a push or for reading those of a time.
    writes: Mutex<Writes>,
}

#[derive(Default)]
struct Writes {
    /// In the order of time.
    kept: VecDeque<Write>,
    /// Those of the resources that are kept.
    bytes: usize,
}

struct Write {
    at: Instant,
    tenant: Tenant,
    /// The name of the type of resource.
    kind: String,
    id: String,
    /// The JSON of what was there before; none for a resource that was created.
    before: Option<Box<[u8]>>,
}

impl Write {
    fn bytes(&self) -> usize {
        self.before.as_ref().map_or(0, |before| before.len())
    }
}

/// What some resources of a type were at one time, by their ids; none for those that were not there yet.
pub(super) type Then = HashMap<String, Option<Resource>>;

impl Past {
    /// Remembers what a write has changed.
    pub(super) fn remember(&self, tenant: &Tenant, kind: &str, id: String, before: Option<Resource>, now: Instant) {
        let before = before.and_then(|before| Some(serde_json::to_vec(&before).ok()?.into_boxed_slice()));
        let write = Write { at: now, tenant: tenant.clone(), kind: kind.to_owned(), id, before };
        let mut writes = self.writes();
        writes.bytes += write.bytes();
        writes.kept.push_back(write);
        while writes.kept.len() > MOST_WRITES || writes.bytes > MOST_BYTES {
            let Some(oldest) = writes.kept.pop_front() else { break };
            writes.bytes -= oldest.bytes();
        }
    }

    /// What has changed since `age` ago, as it was then.
    pub(super) fn then(&self, tenant: &Tenant, kind: &str, age: Duration, now: Instant) -> Then {
        let mut then = Then::new();
        let recent = |write: &&Write| now.saturating_duration_since(write.at) < age;
        let asked = |write: &&Write| write.tenant == *tenant && write.kind == kind;
        for write in self.writes().kept.iter().filter(recent).filter(asked) {
            // The first write of that time is the one that found what was there then.
            then.entry(write.id.clone()).or_insert_with(|| serde_json::from_slice(write.before.as_deref()?).ok());
        }
        then
    }

    pub(super) fn clear(&self) {
        *self.writes() = Writes::default();
    }

    fn writes(&self) -> MutexGuard<'_, Writes> {
        // Each write is whole when it is pushed, so a poisoned lock guards nothing broken.
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_past_is_what_the_first_write_of_that_time_found() {
        let past = Past::default();
        let (ours, theirs) = (Tenant::default(), Tenant::named("theirs").unwrap());
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let state = |title: &str| -> Resource { serde_json::from_value(json!({ "title": title })).unwrap() };
        past.remember(&ours, "User", "a".to_owned(), None, at(0));
        past.remember(&ours, "User", "a".to_owned(), Some(state("first")), at(10));
        past.remember(&ours, "User", "a".to_owned(), Some(state("second")), at(12));
        past.remember(&theirs, "User", "b".to_owned(), None, at(12));
        past.remember(&ours, "Group", "c".to_owned(), None, at(12));
        let then = |age| past.then(&ours, "User", Duration::from_secs(age), at(13));
        assert_eq!(then(1), Then::new());
        assert_eq!(then(2), Then::from([("a".to_owned(), Some(state("second")))]));
        assert_eq!(then(5), Then::from([("a".to_owned(), Some(state("first")))]));
        assert_eq!(then(20), Then::from([("a".to_owned(), None)]));
        past.clear();
        assert_eq!(then(20), Then::new());
    }
    #[test]
    fn the_oldest_give_way_when_there_is_too_much() {
        let (past, ours, now) = (Past::default(), Tenant::default(), Instant::now());
        let large: Resource = serde_json::from_value(json!({"title": "x".repeat(MOST_BYTES / 4)})).unwrap();
        for id in ["a", "b", "c", "d", "e"] {
            past.remember(&ours, "User", id.to_owned(), Some(large.clone()), now);
        }
        let mut kept: Vec<_> = past.then(&ours, "User", Duration::from_secs(1), now).into_keys().collect();
        kept.sort_unstable();
        assert_eq!(kept, ["c", "d", "e"]);
        for number in 0..MOST_WRITES {
            past.remember(&ours, "Group", number.to_string(), None, now);
        }
        assert_eq!(past.then(&ours, "User", Duration::from_secs(1), now), Then::new());
    }
}
