//! One round of a delta query: every page of it, in order, from a beginning or a checkpoint to the link of the next.
//!
//! The checkpoint is the whole link, which is a token: it is never logged.

use tokio::sync::mpsc::Sender;
use tracing::debug;
use url::Url;

use super::{
    client::{Failure, GraphClient},
    links::LinkGuard,
    projection::Projection,
    wire::{DeltaAnswer, Following},
};
use crate::model::Change;
use crate::source::{Checkpoint, Coverage, Page, ReadEnd, SourceError, Start};

/// One round over one collection.
pub(super) struct Round<'a> {
    pub(super) client: &'a GraphClient,
    pub(super) projection: &'a Projection,
}

impl Round<'_> {
    /// Reads the round into `pages`.
    pub(super) async fn read(&self, start: Start, pages: &Sender<Page>) -> Result<ReadEnd, SourceError> {
        let (mut url, coverage, mut carries_token) = match &start {
            Start::Full => (self.beginning(), Coverage::Everything, false),
            Start::Resume(checkpoint) => (self.resumed(checkpoint)?, Coverage::Everything, true),
            Start::Since(checkpoint) => (self.resumed(checkpoint)?, Coverage::Changes, true),
        };
        let mut guard = LinkGuard::default();
        loop {
            let answer = tokio::select! {
                biased;
                () = pages.closed() => return Err(self.stopped()),
                answer = self.client.get::<DeltaAnswer>(&url, self.feed()) => answer,
            };
            let answer = answer.map_err(|failure| self.failed(failure, carries_token))?;
            let (entries, following) =
                answer.split().ok_or_else(|| self.broken("a page has not exactly one link to what follows"))?;
            let changes: Vec<Change> = entries
                .iter()
                .map(|entry| self.projection.change(entry))
                .collect::<Result<_, _>>()
                .map_err(|malformed| self.broken(malformed.0))?;
            debug!(feed = self.feed(), changes = changes.len(), "read a page of the directory");
            let next = match following {
                Following::Round(link) => {
                    self.ours(&link)?;
                    if !changes.is_empty() {
                        self.deliver(pages, Page { changes, checkpoint: None }).await?;
                    }
                    return Ok(ReadEnd { coverage, checkpoint: Some(Checkpoint(link)) });
                }
                Following::Page(link) => {
                    let next = self.ours(&link)?;
                    guard.check(&url, &next, changes.is_empty()).map_err(|problem| self.broken(problem))?;
                    self.deliver(pages, Page { changes, checkpoint: Some(Checkpoint(link)) }).await?;
                    next
                }
            };
            url = next;
            carries_token = true;
        }
    }

    fn feed(&self) -> &'static str {
        self.projection.collection.name()
    }

    fn beginning(&self) -> Url {
        self.client.url(&[self.feed(), "delta"], &[("$select", &self.projection.tracked())])
    }

    fn resumed(&self, checkpoint: &Checkpoint) -> Result<Url, SourceError> {
        self.client.follow(&checkpoint.0).ok_or_else(|| self.stale("it was issued by another server"))
    }

    fn ours(&self, link: &str) -> Result<Url, SourceError> {
        self.client
            .follow(link)
            .ok_or_else(|| self.broken("a link leads to another server; the token is not sent there"))
    }

    async fn deliver(&self, pages: &Sender<Page>, page: Page) -> Result<(), SourceError> {
        pages.send(page).await.map_err(|_| self.stopped())
    }

    fn failed(&self, failure: Failure, carries_token: bool) -> SourceError {
        match failure {
            Failure::Failed(error) => error,
            Failure::Refused(refusal) if carries_token && refusal.is_stale_token() => {
                self.stale(format!("it answered {}", refusal.described()))
            }
            Failure::Refused(refusal) => self.client.refused(refusal, self.feed()),
        }
    }

    fn stale(&self, problem: impl Into<String>) -> SourceError {
        SourceError::Resync {
            server: self.client.server().to_owned(),
            feed: self.feed().to_owned(),
            problem: problem.into(),
        }
    }

    fn broken(&self, problem: &str) -> SourceError {
        self.client.broken(self.feed(), problem)
    }

    fn stopped(&self) -> SourceError {
        SourceError::Stopped { feed: self.feed().to_owned() }
    }
}
