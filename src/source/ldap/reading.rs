//! One read of one feed over one connection: what full reads and refreshes have in common.

use ldap3::Scope;
use ldap3::controls::RawControl;

use crate::model::{Anchor, Change};
use crate::source::SourceError;

use super::connection::Query;
use super::entry::Entry;
use super::failure::Failure;
use super::feed::{Delivery, LdapFeed};
use super::object::anchor_of;
use super::servers::configuration;

/// A read under way.
pub(super) struct Reading<'a> {
    server: String,
    pub(super) feed: &'a LdapFeed,
    pub(super) delivery: Delivery,
    pub(super) page_size: u32,
    /// Entries that exist but show no anchor: while there are any, nothing follows from an object's silence.
    pub(super) unanchored: u64,
    /// References to other servers, which are not followed.
    pub(super) references: u64,
}

impl<'a> Reading<'a> {
    pub(super) fn new(server: &str, feed: &'a LdapFeed, delivery: Delivery, page_size: u32) -> Self {
        Self { server: server.to_owned(), feed, delivery, page_size, unanchored: 0, references: 0 }
    }

    /// A search over the whole feed.
    pub(super) fn query(&self, attributes: Vec<String>, controls: Vec<RawControl>) -> Query {
        Query {
            base: self.feed.base.clone(),
            scope: Scope::Subtree,
            filter: self.feed.filter.to_string(),
            attributes,
            controls,
            size_limit: 0,
        }
    }

    /// The failure of this read.
    pub(super) fn broken(&self, failure: impl Into<Failure>) -> SourceError {
        failure.into().broken(&self.server, self.feed.id.as_str(), &self.feed.base)
    }

    /// The cookie of this feed is no longer good.
    pub(super) fn resync(&self, problem: String) -> SourceError {
        SourceError::Resync { server: self.server.clone(), feed: self.feed.id.to_string(), problem }
    }

    /// Delivers an entry of an ordinary search.
    pub(super) async fn deliver_found(&mut self, entry: &Entry) -> Result<(), SourceError> {
        match anchor_of(entry) {
            Some(anchor) => self.deliver(anchor, entry).await,
            None => {
                self.unanchored += 1;
                Ok(())
            }
        }
    }

    /// Delivers the object `anchor` as `entry` shows it. One that cannot be read is at least known to exist.
    pub(super) async fn deliver(&mut self, anchor: Anchor, entry: &Entry) -> Result<(), SourceError> {
        let change = self.feed.shape.change(anchor.clone(), entry).unwrap_or_else(|problem| {
            tracing::error!(feed = %self.feed.id, object.anchor = %anchor, "an object is left as it was: {problem}");
            Change::Present(vec![anchor])
        });
        self.delivery.push(change).await
    }

    /// Says once what was left out, and refuses a read of which nothing could be used.
    pub(super) fn account(&self) -> Result<(), SourceError> {
        if self.references > 0 {
            let (feed, references) = (&self.feed.id, self.references);
            tracing::info!(%feed, references, "references to other servers are not followed");
        }
        if self.unanchored > 0 && self.delivery.objects == 0 {
            return Err(configuration(
                &self.server,
                format!("none of the {} entries of `{}` shows an `entryUUID`", self.unanchored, self.feed.id),
                "grant the account read access to `entryUUID`; without it objects cannot be recognised again",
            ));
        }
        if self.unanchored > 0 {
            tracing::error!(
                feed = %self.feed.id,
                objects = self.unanchored,
                "entries without a readable `entryUUID` are left out, and nothing is taken for gone in this read; \
                 grant the account read access to it"
            );
        }
        Ok(())
    }
}
