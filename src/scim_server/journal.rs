//! The journal of write requests, in the order of their arrival: what a client really sent.
//!
//! It is bounded and kept in memory; it is no log and survives no restart.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Serialize, Serializer};

/// Requests it holds; the oldest give way.
const MOST_ENTRIES: usize = 100_000;
/// Bodies beyond this are not kept.
const MOST_BODY_BYTES: usize = 64 * 1024;

/// One write request.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Entry {
    /// Counts from 1 and never goes back.
    sequence: u64,
    /// The name of the tenant; empty for the default one.
    #[serde(skip_serializing_if = "String::is_empty")]
    tenant: String,
    method: String,
    /// Without the base: `/Users/7`.
    path: String,
    /// The status of the answer; null while there is none, and for ever when the connection broke off.
    status: Option<u16>,
    #[serde(serialize_with = "body_as_json")]
    body: Box<[u8]>,
}

#[derive(Default)]
pub(super) struct Journal {
    /// Guards the entries; held for one entry at a time, and for a copy when it is read.
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    kept: VecDeque<Entry>,
    last: u64,
}

impl Journal {
    /// Notes a request and gives its number.
    pub(super) fn record(&self, tenant: &str, method: &str, path: &str, body: &[u8]) -> u64 {
        let body = if body.len() <= MOST_BODY_BYTES { body.into() } else { Box::default() };
        let mut entries = self.entries();
        entries.last += 1;
        let sequence = entries.last;
        if entries.kept.len() == MOST_ENTRIES {
            entries.kept.pop_front();
        }
        entries.kept.push_back(Entry {
            sequence,
            tenant: tenant.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            status: None,
            body,
        });
        sequence
    }

    /// Notes how a request was answered.
    pub(super) fn settle(&self, sequence: u64, status: u16) {
        let mut entries = self.entries();
        let first = entries.kept.front().map_or(u64::MAX, |entry| entry.sequence);
        let index = sequence.checked_sub(first).and_then(|index| usize::try_from(index).ok());
        if let Some(entry) = index.and_then(|index| entries.kept.get_mut(index)) {
            entry.status = Some(status);
        }
    }

    /// The requests after this number.
    pub(super) fn since(&self, sequence: u64) -> Vec<Entry> {
        self.entries().kept.iter().filter(|entry| entry.sequence > sequence).cloned().collect()
    }

    /// Forgets all requests; the numbers go on.
    pub(super) fn clear(&self) {
        self.entries().kept.clear();
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // Entries are whole after every step, so a poisoned lock guards nothing broken.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body as the JSON it is, or as text, or null when there is none.
fn body_as_json<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if body.is_empty() {
        return serializer.serialize_none();
    }
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(value) => value.serialize(serializer),
        Err(_) => serializer.collect_str(&String::from_utf8_lossy(body)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requests_are_kept_in_order_with_their_answers() {
        let journal = Journal::default();
        let first = journal.record("", "POST", "/Users", br#"{"userName": "ada"}"#);
        let second = journal.record("acme", "DELETE", "/Users/1", b"");
        journal.settle(second, 204);
        assert_eq!(
            serde_json::to_value(journal.since(0)).unwrap(),
            json!([
                {"sequence": 1, "method": "POST", "path": "/Users", "status": null, "body": {"userName": "ada"}},
                {"sequence": 2, "tenant": "acme", "method": "DELETE", "path": "/Users/1", "status": 204, "body": null},
            ])
        );
        assert_eq!(journal.since(first).len(), 1);
        journal.clear();
        journal.settle(first, 201);
        assert_eq!(journal.record("", "POST", "/Users", b"x"), 3);
        journal.settle(second, 201);
        assert_eq!(serde_json::to_value(journal.since(0)).unwrap()[0]["status"], json!(null));
    }

    #[test]
    fn the_oldest_and_the_largest_are_not_kept() {
        let journal = Journal::default();
        for _ in 0..=MOST_ENTRIES {
            journal.record("", "POST", "/Users", b"");
        }
        assert_eq!(journal.since(0).len(), MOST_ENTRIES);
        assert_eq!(journal.since(0)[0].sequence, 2);
        let last = journal.record("", "POST", "/Users", &vec![b'1'; MOST_BODY_BYTES + 1]);
        assert_eq!(serde_json::to_value(journal.since(last - 1)).unwrap()[0]["body"], json!(null));
    }
}
