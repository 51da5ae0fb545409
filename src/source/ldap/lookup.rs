//! Single questions: one object by its anchor, who is called so, whether a feed can be read, which directory this is.

use std::time::{Duration, Instant};

use ldap3::Scope;
use uuid::Uuid;

use crate::model::{Anchor, Change};
use crate::source::{Fetched, MOST_FOUND, SourceError};

use super::LdapSource;
use super::connection::{Connection, Item, Query};
use super::dn::Dn;
use super::entry::Entry;
use super::failure::{Failure, code};
use super::feed::LdapFeed;
use super::filter::Filter;
use super::object::{ENTRY_UUID, anchor_from, anchor_of};
use super::servers::Session;

/// A connection older than this may have been closed without a word by the server or a firewall.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// What people call objects by, beside the DN and the anchor. A server that does not know one of them leaves it out of
/// account (RFC 4511 section 4.5.1.7).
const CALLED_BY: [&str; 6] = ["uid", "cn", "mail", "userPrincipalName", "sAMAccountName", "displayName"];

/// A connection between two look-ups.
pub(super) struct Idle {
    session: Session,
    since: Instant,
}

impl LdapSource {
    /// The base whose identity stands for the directory.
    pub(super) fn identity_base(&self) -> &str {
        // The feed of users where there is one; containers are always there.
        let feed = self.feeds.iter().find(|feed| feed.kind.is_some()).or(self.feeds.first());
        feed.map_or("", |feed| feed.base.as_str())
    }

    /// Reads one object as it is now. Look-ups share one connection, one after the other.
    pub(super) async fn look_up(&self, feed: &LdapFeed, anchor: &Anchor) -> Result<Fetched, SourceError> {
        // A text that is no UUID would match nothing, and nothing would be taken for gone.
        let Ok(uuid) = Uuid::parse_str(anchor.as_str()) else {
            return Err(SourceError::Broken {
                server: self.servers.names(),
                feed: feed.id.to_string(),
                problem: format!("`{anchor}` is not the anchor of an LDAP object, which is a UUID"),
                cause: None,
            });
        };
        let mut idle = self.idle.lock().await;
        if let Some(mut kept) = idle.take()
            && kept.since.elapsed() < IDLE_LIMIT
            && kept.session.connection.is_usable()
            && let Ok(fetched) = fetch(&mut kept.session, feed, uuid).await
        {
            *idle = Some(Idle { session: kept.session, since: Instant::now() });
            return Ok(fetched);
        }
        // A kept connection may fail for its age alone, so only a new one's failure counts.
        let mut session = self.servers.connect().await?;
        let fetched = fetch(&mut session, feed, uuid).await;
        let fetched = fetched.map_err(|failure| failure.broken(&session.server, feed.id.as_str(), &feed.base))?;
        *idle = Some(Idle { session, since: Instant::now() });
        Ok(fetched)
    }

    /// The objects of the feed that are called so.
    pub(super) async fn named(&self, feed: &LdapFeed, text: &str) -> Result<Vec<Anchor>, SourceError> {
        let (base, scope, called) = match (Uuid::parse_str(text), Dn::parse(text)) {
            (Ok(uuid), _) => (&*feed.base, Scope::Subtree, Filter::Equal(ENTRY_UUID, uuid.hyphenated().to_string())),
            (_, Ok(_)) => (text, Scope::Base, Filter::Present("objectClass")),
            _ => {
                let called = CALLED_BY.into_iter().map(|attribute| Filter::Equal(attribute, text.to_owned()));
                (&*feed.base, Scope::Subtree, Filter::Or(called.collect()))
            }
        };
        let filter = feed.filter.and(called).to_string();
        let mut session = self.servers.connect().await?;
        let query = query(base, scope, filter, vec![ENTRY_UUID.to_owned()], MOST_FOUND as i32);
        match entries(&mut session.connection, query).await {
            Ok(entries) => Ok(entries.iter().filter_map(anchor_of).collect()),
            Err(Failure::Result(result)) if scope == Scope::Base && result.code == code::NO_SUCH_OBJECT => {
                Ok(Vec::new())
            }
            Err(failure) => Err(failure.broken(&session.server, feed.id.as_str(), base)),
        }
    }
}

/// Checks that the feed's base can be read, and warns when its filter selects nothing.
pub(super) async fn check_feed(session: &mut Session, feed: &LdapFeed) -> Result<(), SourceError> {
    let server = session.server.clone();
    let broken = |failure: Failure| failure.broken(&server, feed.id.as_str(), &feed.base);
    let base = Filter::Present("objectClass").to_string();
    find(&mut session.connection, &feed.base, Scope::Base, base, 0).await.map_err(broken)?;
    let filter = feed.filter.to_string();
    let found = find(&mut session.connection, &feed.base, Scope::Subtree, filter, 1).await.map_err(broken)?;
    match found {
        None => tracing::warn!(
            feed = %feed.id,
            "the filter selects nothing below its base; see whether both are right and the account may read there"
        ),
        Some(entry) if anchor_of(&entry).is_none() => tracing::warn!(
            feed = %feed.id,
            "the account cannot read `entryUUID`, by which objects are known; grant it read access"
        ),
        Some(_) => {}
    }
    Ok(())
}

/// What tells this directory from another: the `entryUUID` of the base, else that of the naming context, else the
/// base itself.
pub(super) async fn directory_identity(session: &mut Session, base: &str) -> Result<String, SourceError> {
    let context = session.root_dse.naming_context_of(base).to_owned();
    for candidate in [base, &context] {
        let filter = Filter::Present("objectClass").to_string();
        match find(&mut session.connection, candidate, Scope::Base, filter, 0).await {
            Ok(Some(entry)) => {
                if let Some(anchor) = anchor_of(&entry) {
                    return Ok(anchor.as_str().to_owned());
                }
            }
            Ok(None) | Err(Failure::Result(_)) => {}
            Err(failure) => return Err(failure.broken(&session.server, "the root of the directory", candidate)),
        }
    }
    Ok(base.to_owned())
}

async fn fetch(session: &mut Session, feed: &LdapFeed, uuid: Uuid) -> Result<Fetched, Failure> {
    let by_anchor = Filter::Equal(ENTRY_UUID, uuid.hyphenated().to_string());
    let inside = feed.filter.and(by_anchor.clone());
    let query = query(&feed.base, Scope::Subtree, inside.to_string(), feed.shape.requested(), 0);
    if let Some(entry) = first(&mut session.connection, query).await? {
        return match feed.shape.change(anchor_from(uuid), &entry) {
            Ok(Change::Object(object)) => Ok(Fetched::Object(object)),
            _ => Err(Failure::Incomplete("a readable name of the object")),
        };
    }
    let context = session.root_dse.naming_context_of(&feed.base).to_owned();
    let outside = find(&mut session.connection, &context, Scope::Subtree, by_anchor.to_string(), 0).await?;
    Ok(if outside.is_some() { Fetched::OutsideFeed } else { Fetched::Gone })
}

/// The first entry that matches, with its anchor only.
async fn find(
    connection: &mut Connection,
    base: &str,
    scope: Scope,
    filter: String,
    size_limit: i32,
) -> Result<Option<Entry>, Failure> {
    first(connection, query(base, scope, filter, vec![ENTRY_UUID.to_owned()], size_limit)).await
}

pub(super) fn query(base: &str, scope: Scope, filter: String, attributes: Vec<String>, size_limit: i32) -> Query {
    Query { base: base.to_owned(), scope, filter, attributes, controls: Vec::new(), size_limit }
}

async fn first(connection: &mut Connection, query: Query) -> Result<Option<Entry>, Failure> {
    Ok(entries(connection, query).await?.into_iter().next())
}

/// The first entries that match, [`MOST_FOUND`] at most.
pub(super) async fn entries(connection: &mut Connection, query: Query) -> Result<Vec<Entry>, Failure> {
    let size_limit = query.size_limit;
    let mut search = connection.search(query).await?;
    let mut found = Vec::new();
    while let Some(item) = search.next().await? {
        if let Item::Entry { entry, .. } = item
            && found.len() < MOST_FOUND
        {
            found.push(entry);
        }
    }
    let ended = search.end().await;
    match ended.result.code {
        code::SUCCESS => Ok(found),
        // Our own limit was reached, as intended.
        code::SIZE_LIMIT_EXCEEDED if size_limit > 0 && !found.is_empty() => Ok(found),
        _ => Err(ended.result.into()),
    }
}
