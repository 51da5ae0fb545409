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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn resources(ids: &[usize]) -> Vec<(ResourceId, Resource)> {
        let resource = |id: &usize| {
            let id = id.to_string();
            let json = json!({ "id": id });
            (ResourceId::new(id), serde_json::from_value(json).unwrap())
        };
        ids.iter().map(resource).collect()
    }

    #[test]
    fn a_resource_that_slid_onto_the_next_page_comes_once() {
        let first = page(&PageStart::first(), resources(&[1, 2]), Some(4));
        let second = page(&first.next.unwrap(), resources(&[2, 3]), Some(4));
        assert_eq!(second.resources.iter().filter_map(Resource::id).collect::<Vec<_>>(), ["3"]);
        assert_eq!(second.next, None);
    }

    #[test]
    fn without_a_total_only_an_empty_page_ends_the_list() {
        let first = page(&PageStart::first(), resources(&[1]), None);
        let next = first.next.unwrap();
        assert_eq!(next.index(), 2);
        assert_eq!(page(&next, resources(&[]), None).next, None);
    }

    proptest! {
        /// A target that keeps to the protocol but chooses its page sizes as it likes.
        #[test]
        fn every_resource_of_a_quiet_list_comes_exactly_once(count in 0usize..60, sizes in proptest::collection::vec(1usize..9, 1..9)) {
            let all: Vec<usize> = (1..=count).collect();
            let mut walked = Vec::new();
            let mut next = Some(PageStart::first());
            for size in sizes.into_iter().cycle() {
                let Some(start) = next else { break };
                let received: Vec<usize> = all.iter().skip(start.index() - 1).take(size).copied().collect();
                let page = page(&start, resources(&received), Some(count));
                walked.extend(page.resources.iter().filter_map(|resource| resource.id()?.parse::<usize>().ok()));
                next = page.next;
            }
            prop_assert_eq!(walked, all);
        }
    }
}
