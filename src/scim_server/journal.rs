//! The journal of write requests, in the order of their arrival: what a client really sent.
//!
//! It is bounded and kept in memory; it is no log and survives no restart.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Serialize, Serializer};

/// Requests it holds; the oldest give way.
const MOST_ENTRIES: usize = 100_000;
/// Bytes of paths and bodies that it holds; the oldest give way.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// Requests on a page, and the bytes after which a page is full.
const PAGE_ENTRIES: usize = 10_000;
const PAGE_BYTES: usize = 8 * 1024 * 1024;
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
    /// Those of the paths and bodies that are kept.
    bytes: usize,
    last: u64,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.path.len() + self.body.len()
    }
}

impl Journal {
    /// Notes a request and gives its number.
    pub(super) fn record(&self, tenant: &str, method: &str, path: &str, body: &[u8]) -> u64 {
        let body = if body.len() <= MOST_BODY_BYTES { body.into() } else { Box::default() };
        let mut entries = self.entries();
        entries.last += 1;
        let sequence = entries.last;
        let (tenant, method, path) = (tenant.to_owned(), method.to_owned(), path.to_owned());
        let entry = Entry { sequence, tenant, method, path, status: None, body };
        entries.bytes += entry.bytes();
        entries.kept.push_back(entry);
        while entries.kept.len() > MOST_ENTRIES || entries.bytes > MOST_BYTES {
            let Some(oldest) = entries.kept.pop_front() else { break };
            entries.bytes -= oldest.bytes();
        }
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

    /// The requests after this number, or the first of them: a page. After the last page comes an empty one.
    pub(super) fn since(&self, sequence: u64) -> Vec<Entry> {
        let entries = self.entries();
        let start = entries.kept.partition_point(|entry| entry.sequence <= sequence);
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            let full = bytes >= PAGE_BYTES;
            bytes += entry.bytes();
            !full
        };
        entries.kept.iter().skip(start).take(PAGE_ENTRIES).take_while(fits).cloned().collect()
    }

    /// Forgets all requests; the numbers go on.
    pub(super) fn clear(&self) {
        let mut entries = self.entries();
        entries.kept.clear();
        entries.bytes = 0;
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
        assert_eq!(journal.since(0)[0].sequence, 2);
        let (mut read, mut last) = (0, 0);
        while let Some(entry) = journal.since(last).last() {
            assert!(journal.since(last).len() <= PAGE_ENTRIES);
            read += journal.since(last).len();
            last = entry.sequence;
        }
        assert_eq!((read, last), (MOST_ENTRIES, MOST_ENTRIES as u64 + 1));
        let last = journal.record("", "POST", "/Users", &vec![b'1'; MOST_BODY_BYTES + 1]);
        assert_eq!(serde_json::to_value(journal.since(last - 1)).unwrap()[0]["body"], json!(null));
    }
    #[test]
    fn bodies_take_no_more_memory_than_they_may() {
        let journal = Journal::default();
        let body = vec![b'1'; MOST_BODY_BYTES];
        let (most, page) = (MOST_BYTES / MOST_BODY_BYTES, PAGE_BYTES / MOST_BODY_BYTES);
        for _ in 0..most + 5 {
            journal.record("", "POST", "", &body);
        }
        let entries = journal.since(0);
        assert_eq!((entries.len(), entries[0].sequence), (page, 6));
        assert_eq!(journal.since(most as u64).len(), 5);
        journal.clear();
        let last = journal.record("", "POST", "", &body);
        assert_eq!(journal.since(0).len(), 1);
        journal.settle(last, 201);
        assert_eq!(journal.since(0)[0].status, Some(201));
    }
}
