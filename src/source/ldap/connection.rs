//! One bound connection, and the searches made over it one after the other.
//!
//! It knows no object: a search yields decoded entries, references and intermediate messages. Every wait has a limit,
//! and a search that was not read to its end spoils the connection, which is then closed instead of used again.

use std::sync::Arc;
use std::time::Duration;

use ldap3::controls::RawControl;
use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, ResultEntry, Scope, SearchOptions, SearchStream, StdStream,
};
use rustls::ClientConfig;
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::secret::Secret;

use super::endpoint::Endpoint;
use super::entry::{Entry, Intermediate, Message};
use super::failure::{Failure, ServerResult, code};
use super::pump::{self, Gauge};
use super::transport;

/// What every connection of a source shares.
#[derive(Clone)]
pub(super) struct Dialing {
    pub(super) tls: Arc<ClientConfig>,
    /// For each answer.
    pub(super) timeout: Duration,
    pub(super) max_message_bytes: usize,
}

/// A connection. Dropping it closes it.
pub(super) struct Connection {
    ldap: Ldap,
    gauge: Arc<Gauge>,
    timeout: Duration,
    /// A search was left before its end: what it still delivers would be taken for the next one's.
    spoiled: bool,
    /// The library's driver and the pump; both end with the connection.
    _tasks: JoinSet<()>,
}

/// A search to make.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) base: String,
    pub(super) scope: Scope,
    pub(super) filter: String,
    pub(super) attributes: Vec<String>,
    pub(super) controls: Vec<RawControl>,
    /// The most entries to return; 0 for no limit of ours.
    pub(super) size_limit: i32,
}

/// A control of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResponseControl {
    pub(super) oid: String,
    pub(super) value: Vec<u8>,
}

/// What a search yields.
#[derive(Debug)]
pub(super) enum Item {
    Entry {
        entry: Entry,
        controls: Vec<ResponseControl>,
    },
    Intermediate(Intermediate),
    /// A reference to another server, which is never followed: it would send our password where it says.
    Reference,
}

/// The end of a search.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) result: ServerResult,
    pub(super) controls: Vec<ResponseControl>,
}

impl Connection {
    /// Connects to `endpoint`, protected as it says. Nobody is logged in yet.
    pub(super) async fn open(endpoint: &Endpoint, dialing: &Dialing) -> Result<Self, Failure> {
        let server = transport::connect(endpoint, &dialing.tls, dialing.timeout).await?;
        let (near, far) = UnixStream::pair().map_err(Failure::Dial)?;
        let near = near.into_std().map_err(Failure::Dial)?;
        let gauge = Arc::new(Gauge::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(pump::run(server, far, dialing.max_message_bytes, gauge.clone()));
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(near));
        let (driver, ldap) = LdapConnAsync::with_settings(settings, "ldapi:///")
            .await
            .map_err(|error| Failure::Closed(error.to_string()))?;
        // Should the driver panic at an answer, its task ends alone and every wait below sees a closed connection.
        tasks.spawn(async move {
            if let Err(error) = driver.drive().await {
                tracing::debug!(%error, "an LDAP connection broke");
            }
        });
        Ok(Self { ldap, gauge, timeout: dialing.timeout, spoiled: false, _tasks: tasks })
    }

    /// Logs in by name and password.
    pub(super) async fn bind(&mut self, name: &str, password: &Secret) -> Result<(), Failure> {
        let answer = self.ldap.with_timeout(self.timeout).simple_bind(name, password.expose()).await;
        let result = answer.map_err(|error| self.failure(error))?;
        match result.rc {
            code::SUCCESS => Ok(()),
            rc => Err(ServerResult::new(rc, &result.text).into()),
        }
    }

    /// Starts a search.
    pub(super) async fn search(&mut self, query: Query) -> Result<Search<'_>, Failure> {
        let options = SearchOptions::new().sizelimit(query.size_limit);
        let mut ldap = self.ldap.clone();
        ldap.with_timeout(self.timeout).with_search_options(options);
        if !query.controls.is_empty() {
            ldap.with_controls(query.controls);
        }
        let started = ldap.streaming_search(&query.base, query.scope, &query.filter, query.attributes);
        let stream = match timeout(self.timeout, started).await {
            Ok(started) => started.map_err(|error| self.failure(error))?,
            Err(_) => return Err(Failure::Timeout(self.timeout)),
        };
        self.spoiled = true;
        Ok(Search { connection: self, stream })
    }

    /// True while the connection may be used for another search.
    pub(super) fn is_usable(&mut self) -> bool {
        !self.spoiled && self.gauge.end().is_none() && !self.ldap.is_closed()
    }

    fn failure(&self, error: LdapError) -> Failure {
        match error {
            LdapError::Timeout { .. } => Failure::Timeout(self.timeout),
            // The pump knows better than the library why it ended.
            error => Failure::Closed(self.gauge.end().unwrap_or_else(|| error.to_string())),
        }
    }
}

/// A search under way. Read it until [`Search::next`] has nothing more, then [`Search::end`] it.
pub(super) struct Search<'c> {
    connection: &'c mut Connection,
    stream: SearchStream<'static, String, Vec<String>>,
}

impl Search<'_> {
    /// The next item; `None` at the end. Must not be called again after that or after an error.
    pub(super) async fn next(&mut self) -> Result<Option<Item>, Failure> {
        let received = self.stream.next().await.map_err(|error| self.connection.failure(error))?;
        let Some(ResultEntry { 0: tag, 1: controls, .. }) = received else { return Ok(None) };
        self.connection.gauge.consume_one();
        Ok(Some(match Message::decode(tag)? {
            Message::Entry(entry) => Item::Entry { entry, controls: taken(controls) },
            Message::Intermediate(intermediate) => Item::Intermediate(intermediate),
            Message::Reference => Item::Reference,
        }))
    }

    /// The result of a search that was read to its end.
    pub(super) async fn end(mut self) -> Ended {
        let result = self.stream.finish().await;
        self.connection.spoiled = false;
        Ended { result: ServerResult::new(result.rc, &result.text), controls: taken(result.ctrls) }
    }
}

fn taken(controls: Vec<ldap3::controls::Control>) -> Vec<ResponseControl> {
    controls
        .into_iter()
        .map(|control| ResponseControl { oid: control.1.ctype, value: control.1.val.unwrap_or_default() })
        .collect()
}
