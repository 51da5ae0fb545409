//! Walking through a list by `startIndex` (RFC 7644 section 3.4.2.4) or by cursor (RFC 9865), also where targets get it
//! wrong.
//!
//! Pure: it says what to ask next. A list drifts while it is read, so a walk never proves that a resource is gone.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::ResourceId;
use crate::scim::Resource;
use crate::target::profile::Paging;

/// No list is longer; a target that invents resources without end is stopped here.
const LAST_INDEX: usize = 20_000_000;
/// A walk by cursors has no index to stop at.
const MOST_PAGES: usize = 1_000_000;
/// A cursor that ends again and again ends the walk.
const MOST_RESTARTS: u8 = 2;

/// Where a page begins. Made by the page before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageStart {
    at: At,
    /// The ids of the page before: a target that ignores where we want to begin sends them again.
    known: Arc<BTreeSet<ResourceId>>,
    pages: usize,
    restarts: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// The value of `startIndex`, from 1.
    Index(usize),
    /// The value of `cursor`; empty for the first page.
    Cursor(String),
}

impl PageStart {
    /// The beginning of a list.
    pub fn first(paging: Paging) -> Self {
        let at = match paging {
            Paging::Index => At::Index(1),
            Paging::Cursor => At::Cursor(String::new()),
        };
        Self { at, known: Arc::default(), pages: 0, restarts: 0 }
    }

    pub(super) fn at(&self) -> &At {
        &self.at
    }

    /// The beginning once more, after the target has forgotten the cursor; `None` when that leads nowhere.
    pub(super) fn restarted(&self) -> Option<Self> {
        let begun = matches!(&self.at, At::Cursor(cursor) if !cursor.is_empty());
        (begun && self.restarts < MOST_RESTARTS)
            .then(|| Self { restarts: self.restarts + 1, ..Self::first(Paging::Cursor) })
    }
}

/// Part of a list.
#[derive(Clone, Debug)]
pub struct ListPage {
    /// The resources that the page before did not hold, each with an id. After a cursor was forgotten, those of the
    /// first pages come once more.
    pub resources: Vec<Resource>,
    /// `None` at the end of the list.
    pub next: Option<PageStart>,
    /// How many there are in all, if the target says so.
    pub total: Option<usize>,
}

/// What a target sent for one page.
pub(super) struct Received {
    pub(super) resources: Vec<(ResourceId, Resource)>,
    /// How many there are in all, if the target says so.
    pub(super) total: Option<usize>,
    pub(super) next_cursor: Option<String>,
}

/// Makes a page of what was received for `start`.
///
/// By index, the next page begins after what really came, whatever was asked for; the list ends at its total, with an
/// empty page, and with a page of which every resource is known. By cursor, it ends where the target gives no further
/// cursor, or the same one again.
pub(super) fn page(start: &PageStart, received: Received) -> ListPage {
    let Received { resources, total, next_cursor } = received;
    let count = resources.len();
    let ids: BTreeSet<ResourceId> = resources.iter().map(|(id, _)| id.clone()).collect();
    let mut seen = start.known.as_ref().clone();
    let resources: Vec<Resource> =
        resources.into_iter().filter_map(|(id, resource)| seen.insert(id).then_some(resource)).collect();
    let at = match &start.at {
        At::Index(index) => {
            let index = index.saturating_add(count);
            let ended = resources.is_empty() || total.is_some_and(|total| index > total) || index > LAST_INDEX;
            (!ended).then_some(At::Index(index))
        }
        At::Cursor(cursor) => {
            let repeated = count > 0 && resources.is_empty();
            next_cursor.filter(|next| !next.is_empty() && next != cursor && !repeated).map(At::Cursor)
        }
    };
    let pages = start.pages + 1;
    let next = at.filter(|_| pages < MOST_PAGES);
    let next = next.map(|at| PageStart { at, known: Arc::new(ids), pages, restarts: start.restarts });
    ListPage { resources, next, total }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn received(ids: &[usize], total: Option<usize>, next_cursor: Option<&str>) -> Received {
        let resource = |id: &usize| {
            let id = id.to_string();
            let json = json!({ "id": id });
            (ResourceId::new(id), serde_json::from_value(json).unwrap())
        };
        let resources = ids.iter().map(resource).collect();
        Received { resources, total, next_cursor: next_cursor.map(str::to_owned) }
    }

    fn by_index(ids: &[usize], total: Option<usize>) -> Received {
        received(ids, total, None)
    }

    #[test]
    fn a_resource_that_slid_onto_the_next_page_comes_once() {
        let first = page(&PageStart::first(Paging::Index), by_index(&[1, 2], Some(4)));
        let second = page(&first.next.unwrap(), by_index(&[2, 3], Some(4)));
        assert_eq!(second.resources.iter().filter_map(Resource::id).collect::<Vec<_>>(), ["3"]);
        assert_eq!(second.next, None);
    }

    #[test]
    fn without_a_total_only_an_empty_page_ends_the_list() {
        let first = page(&PageStart::first(Paging::Index), by_index(&[1], None));
        let next = first.next.unwrap();
        assert_eq!(next.at, At::Index(2));
        assert_eq!(page(&next, by_index(&[], None)).next, None);
    }

    #[test]
    fn a_walk_by_cursor_ends_without_one() {
        let first = PageStart::first(Paging::Cursor);
        assert_eq!(first.at, At::Cursor(String::new()));
        let after =
            |start: &PageStart, ids: &[usize], next: Option<&str>| page(start, received(ids, Some(1), next)).next;
        let second = after(&first, &[1, 2], Some("a")).unwrap();
        assert_eq!(second.at, At::Cursor("a".to_owned()));
        let third = after(&second, &[], Some("b")).unwrap();
        assert_eq!(third.at, At::Cursor("b".to_owned()), "an empty page in the middle is allowed");
        assert_eq!(after(&third, &[3], None), None);
        assert_eq!(after(&third, &[3], Some("")), None);
        assert_eq!(after(&third, &[3], Some("b")), None, "the same cursor leads nowhere");
        assert_eq!(after(&second, &[1, 2], Some("c")), None, "nor does a page that was read already");
    }

    #[test]
    fn a_forgotten_cursor_begins_the_walk_anew_a_few_times() {
        let mut start = PageStart::first(Paging::Cursor);
        assert_eq!(start.restarted(), None, "there is nothing before the beginning");
        for _ in 0..MOST_RESTARTS {
            start = page(&start, received(&[1], None, Some("a"))).next.unwrap().restarted().unwrap();
        }
        assert_eq!(page(&start, received(&[1], None, Some("a"))).next.unwrap().restarted(), None);
        assert_eq!(PageStart::first(Paging::Index).restarted(), None);
    }

    proptest! {
        /// A target that keeps to the protocol but chooses its page sizes as it likes.
        #[test]
        fn every_resource_of_a_quiet_list_comes_exactly_once(count in 0usize..60, sizes in proptest::collection::vec(1usize..9, 1..9)) {
            let all: Vec<usize> = (1..=count).collect();
            let mut walked = Vec::new();
            let mut next = Some(PageStart::first(Paging::Index));
            for size in sizes.into_iter().cycle() {
                let Some(start) = next else { break };
                let At::Index(index) = start.at else { panic!("it has an index") };
                let ids: Vec<usize> = all.iter().skip(index - 1).take(size).copied().collect();
                let page = page(&start, by_index(&ids, Some(count)));
                walked.extend(page.resources.iter().filter_map(|resource| resource.id()?.parse::<usize>().ok()));
                next = page.next;
            }
            prop_assert_eq!(walked, all);
        }

        /// However a target answers, a walk ends.
        #[test]
        fn no_target_holds_us_forever(pages in proptest::collection::vec((proptest::collection::vec(0usize..5, 0..4), 0usize..9), 1..6)) {
            let mut next = Some(PageStart::first(Paging::Index));
            let mut asked = 0;
            for (ids, total) in pages.iter().cycle() {
                let Some(start) = next else { break };
                next = page(&start, by_index(ids, Some(*total))).next;
                asked += 1;
                prop_assert!(asked < 40);
            }
        }
    }
}
