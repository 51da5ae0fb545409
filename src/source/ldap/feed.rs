//! What one feed asks the server and how its entries are read, with the pages it fills.

use tokio::sync::mpsc;

use crate::model::{Change, FeedId, ObjectKind};
use crate::source::{Feed, Page, SourceError};

use super::filter::Filter;
use super::object::Shape;

/// The most changes in one page, and the most references: one group may hold as many as a thousand people.
const PAGE_CHANGES: usize = 500;
/// The changes in the first page; each further one holds twice as many, up to a full page. Whoever waits for the
/// first page has something to do sooner.
const FIRST_PAGE_CHANGES: usize = 64;
const PAGE_REFERENCES: usize = 20_000;

/// One feed: a kind of object below a base.
#[derive(Clone, Debug)]
pub(super) struct LdapFeed {
    pub(super) id: FeedId,
    /// `None` for containers.
    pub(super) kind: Option<ObjectKind>,
    pub(super) base: String,
    pub(super) filter: Filter,
    pub(super) shape: Shape,
}

impl LdapFeed {
    /// The feed as the engine sees it.
    pub(super) fn public(&self) -> Feed {
        Feed { id: self.id.clone(), kind: self.kind.clone() }
    }
}

/// Collects changes into pages and sends them, waiting while the receiver is behind.
pub(super) struct Delivery {
    feed: FeedId,
    pages: mpsc::Sender<Page>,
    changes: Vec<Change>,
    references: usize,
    /// Changes that make the page full.
    full_at: usize,
    /// Objects delivered so far.
    pub(super) objects: u64,
}

impl Delivery {
    pub(super) fn new(feed: &FeedId, pages: mpsc::Sender<Page>) -> Self {
        Self { feed: feed.clone(), pages, changes: Vec::new(), references: 0, full_at: FIRST_PAGE_CHANGES, objects: 0 }
    }

    /// Adds a change to the page, and sends it when it is full.
    pub(super) async fn push(&mut self, change: Change) -> Result<(), SourceError> {
        match &change {
            Change::Object(object) => {
                self.objects += 1;
                self.references += object.references.values().map(Vec::len).sum::<usize>();
            }
            Change::Container { .. } => self.objects += 1,
            Change::Present(anchors) => self.references += anchors.len(),
            Change::Partial(_) | Change::Departed { .. } => {}
        }
        self.changes.push(change);
        if self.changes.len() >= self.full_at || self.references >= PAGE_REFERENCES {
            self.flush().await
        } else {
            Ok(())
        }
    }

    /// Sends what is there. No page can be resumed after: paging and refresh belong to their connection.
    pub(super) async fn flush(&mut self) -> Result<(), SourceError> {
        if self.changes.is_empty() {
            return Ok(());
        }
        self.references = 0;
        self.full_at = (self.full_at * 2).min(PAGE_CHANGES);
        let page = Page { changes: std::mem::take(&mut self.changes), checkpoint: None };
        self.pages.send(page).await.map_err(|_| SourceError::Stopped { feed: self.feed.to_string() })
    }
}
