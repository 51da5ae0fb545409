//! An LDAP directory as a source: OpenLDAP by content synchronization, any other server by full reads.
//!
//! Objects are known by `entryUUID`, never by name. Nothing a server sends is trusted: messages are checked before
//! they are decoded, and an answer that is cut short concludes nothing.

mod assignments;
mod attribute_names;
mod ber;
mod connection;
mod dn;
mod endpoint;
mod entry;
mod failure;
mod feed;
mod filter;
mod full_read;
mod lookup;
mod membership;
mod object;
mod pump;
mod reading;
mod root_dse;
mod servers;
mod settings;
mod sync_messages;
mod syncrepl;
mod transport;
mod view;

pub use settings::{AssignedGroup, DisabledRule, GroupRole, KindSettings, LdapSettings, Security};

use async_trait::async_trait;
use tokio::sync::{Mutex, mpsc};

use crate::model::{Anchor, Assignment, Name, ObjectKind};

use super::{Feed, Fetched, Page, ReadEnd, Selection, ServerIdentity, Source, SourceError, Start};
use assignments::AssignedGroups;
use dn::Dn;
use feed::{Delivery, LdapFeed};
use lookup::Idle;
use reading::Reading;
use servers::{Servers, configuration};

/// A directory to read from.
pub struct LdapSource {
    servers: Servers,
    feeds: Vec<LdapFeed>,
    page_size: u32,
    view: String,
    default_domain: Option<String>,
    /// The groups that are assigned to the application of the job, where the job asks.
    assigned: Option<AssignedGroups>,
    /// The connection of the last single look-up, kept for the next one.
    idle: Mutex<Option<Idle>>,
}

impl LdapSource {
    /// Checks the settings against what the synchronization schema reads. Connects to nothing, but reads the file of
    /// certificate authorities. Fails with [`SourceError::Configuration`].
    pub fn new(settings: LdapSettings, selection: Selection) -> Result<Self, SourceError> {
        let servers = Servers::new(&settings)?;
        if !(1..=10_000).contains(&settings.page_size) {
            let problem = "`page_size` is not between 1 and 10000".to_owned();
            return Err(configuration(&servers.names(), problem, "the default is 500"));
        }
        if settings.default_domain.as_deref().is_some_and(|domain| !is_domain(domain)) {
            let problem = "`default_domain` is no domain".to_owned();
            return Err(configuration(&servers.names(), problem, "write it without `@`, such as `example.org`"));
        }
        let feeds = view::feeds(&settings, &selection).map_err(|problem| problem.at(&servers.names()))?;
        let view = view::digest(&settings, &feeds, &selection);
        let LdapSettings { page_size, default_domain, .. } = settings;
        Ok(Self { servers, feeds, page_size, view, default_domain, assigned: None, idle: Mutex::new(None) })
    }

    fn feed(&self, is_wanted: impl Fn(&LdapFeed) -> bool, wanted: &str) -> Result<&LdapFeed, SourceError> {
        self.feeds.iter().find(|feed| is_wanted(feed)).ok_or_else(|| {
            configuration(
                &self.servers.names(),
                format!("it has no `{wanted}`"),
                "see `users` and `groups` of the source",
            )
        })
    }
}

/// True for what can stand behind the `@` of an address.
fn is_domain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'))
}

#[async_trait]
impl Source for LdapSource {
    fn feeds(&self) -> Vec<Feed> {
        self.feeds.iter().map(LdapFeed::public).collect()
    }

    async fn probe(&self) -> Result<ServerIdentity, SourceError> {
        let mut session = self.servers.connect().await?;
        for feed in &self.feeds {
            lookup::check_feed(&mut session, feed).await?;
        }
        if let Some(assigned) = &self.assigned {
            self.assigned_groups(assigned).await?;
        }
        let directory = lookup::directory_identity(&mut session, self.identity_base()).await?;
        Ok(ServerIdentity { directory, view: self.view.clone(), default_domain: self.default_domain.clone() })
    }

    async fn changes(&self, feed: &Feed, start: Start, pages: mpsc::Sender<Page>) -> Result<ReadEnd, SourceError> {
        let feed = self.feed(|known| known.id == feed.id, feed.id.as_str())?;
        let mut session = self.servers.connect().await?;
        let reading = Reading::new(&session.server, feed, Delivery::new(&feed.id, pages), self.page_size);
        match start {
            // Pages belong to their connection, so a full read that broke off begins anew.
            Start::Full | Start::Resume(_) => reading.read_all(&mut session).await,
            Start::Since(checkpoint) => reading.read_changes(&mut session, &checkpoint).await,
        }
    }

    fn name_of(&self, text: &str) -> Option<Name> {
        Dn::parse(text).ok().map(|dn| dn.name())
    }

    async fn find(&self, kind: &ObjectKind, text: &str) -> Result<Vec<Anchor>, SourceError> {
        let feed = self.feed(|known| known.kind.as_ref() == Some(kind), kind.as_str())?;
        self.named(feed, text).await
    }

    async fn assignments(&self) -> Result<Option<Vec<Assignment>>, SourceError> {
        match &self.assigned {
            Some(assigned) => self.assigned_groups(assigned).await.map(Some),
            None => Ok(None),
        }
    }

    async fn fetch(&self, kind: &ObjectKind, anchor: &Anchor) -> Result<Fetched, SourceError> {
        let feed = self.feed(|known| known.kind.as_ref() == Some(kind), kind.as_str())?;
        self.look_up(feed, anchor).await
    }
}
