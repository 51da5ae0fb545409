//! Walking through a list by `startIndex` and `count` (RFC 7644 section 3.4.2.4), also where targets get it wrong.
//!
//! Pure: it says what to ask next. A list drifts while it is read, so a walk never proves that a resource is gone.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::ResourceId;
use crate::scim::Resource;

/// No list is longer; a target that invents resources without end is stopped here.
const LAST_INDEX: usize = 20_000_000;

/// Where a page begins. Made by the page before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageStart {
    index: usize,
    /// The ids of the page before: a target that ignores `startIndex` sends them again.
    known: Arc<BTreeSet<ResourceId>>,
}

impl PageStart {
    /// The beginning of the list.
    pub fn first() -> Self {
        Self { index: 1, known: Arc::default() }
    }

    /// The value of `startIndex`, from 1.
    pub fn index(&self) -> usize {
        self.index
    }
}

/// Part of a list.
#[derive(Clone, Debug)]
pub struct ListPage {
    /// The resources that the page before did not hold, each with an id.
    pub resources: Vec<Resource>,
    /// `None` at the end of the list.
    pub next: Option<PageStart>,
    /// How many there are in all, if the target says so.
    pub total: Option<usize>,
}

/// Makes a page of what was received for `start`. The next page begins after what really came, whatever was asked
/// for. The list ends at its total, with an empty page, and with a page of which every resource is known.
pub(super) fn page(start: &PageStart, received: Vec<(ResourceId, Resource)>, total: Option<usize>) -> ListPage {
    let count = received.len();
    let ids: BTreeSet<ResourceId> = received.iter().map(|(id, _)| id.clone()).collect();
    let mut seen = start.known.as_ref().clone();
    let resources: Vec<Resource> =
        received.into_iter().filter_map(|(id, resource)| seen.insert(id).then_some(resource)).collect();
    let index = start.index.saturating_add(count);
    let ended = resources.is_empty() || total.is_some_and(|total| index > total) || index > LAST_INDEX;
    let next = (!ended).then(|| PageStart { index, known: Arc::new(ids) });
    ListPage { resources, next, total }
}
