//! The servers of a source and the way in: address by address, protected, logged in.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::net;
use crate::secret::Secret;
use crate::source::SourceError;

use super::connection::{Connection, Dialing};
use super::endpoint::Endpoint;
use super::failure::Failure;
use super::root_dse::RootDse;
use super::settings::LdapSettings;

/// Where to connect and as whom.
pub(super) struct Servers {
    endpoints: Vec<Endpoint>,
    dialing: Dialing,
    bind_dn: String,
    password: Secret,
    /// Index of the server that answered last: the next connection goes there, because resume tokens may depend on it.
    preferred: AtomicUsize,
}

/// A connection that is logged in, and what its server says about itself.
pub(super) struct Session {
    pub(super) server: String,
    pub(super) connection: Connection,
    pub(super) root_dse: RootDse,
}

impl Servers {
    /// Checks addresses, password and limits, and reads the certificate file.
    pub(super) fn new(settings: &LdapSettings) -> Result<Self, SourceError> {
        let wrong = |problem: String, hint: &str| configuration(&settings.urls.join(", "), problem, hint);
        if settings.urls.is_empty() {
            return Err(wrong("`urls` is empty".to_owned(), "name at least one server"));
        }
        if settings.password.is_empty() {
            return Err(wrong(
                "`password` is empty".to_owned(),
                "set one: many servers take an empty password for an anonymous login and say it succeeded",
            ));
        }
        if settings.bind_dn.trim().is_empty() {
            return Err(wrong("`bind_dn` is empty".to_owned(), "name the account to log in as"));
        }
        if !(1..=3600).contains(&settings.timeout_seconds) {
            return Err(wrong("`timeout_seconds` is not between 1 and 3600".to_owned(), "the default is 30"));
        }
        if settings.max_message_bytes < 64 * 1024 {
            return Err(wrong("`max_message_bytes` is below 65536".to_owned(), "the default is 64 MiB"));
        }
        let endpoints = settings
            .urls
            .iter()
            .map(|url| Endpoint::new(url, settings.security, settings.verify_name.as_deref()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| wrong(error.to_string(), "correct `urls`, `security` or `verify_name`"))?;
        let ca_file: Option<&PathBuf> = settings.ca_file.as_ref();
        let tls = net::client_config(ca_file.map(PathBuf::as_path))
            .map_err(|error| wrong(error.to_string(), "correct `ca_file`"))?;
        Ok(Self {
            endpoints,
            dialing: Dialing {
                tls,
                timeout: Duration::from_secs(settings.timeout_seconds),
                max_message_bytes: settings.max_message_bytes,
            },
            bind_dn: settings.bind_dn.clone(),
            password: settings.password.clone(),
            preferred: AtomicUsize::new(0),
        })
    }

    /// Connects to the first server that answers. Refused credentials end the search at once: trying them elsewhere
    /// could lock the account.
    pub(super) async fn connect(&self) -> Result<Session, SourceError> {
        let first = self.preferred.load(Ordering::Relaxed);
        let mut unreachable = None;
        for index in (0..self.endpoints.len()).map(|step| (first + step) % self.endpoints.len()) {
            match self.connect_to(&self.endpoints[index]).await {
                Ok(session) => {
                    self.preferred.store(index, Ordering::Relaxed);
                    return Ok(session);
                }
                Err(error @ SourceError::Unreachable { .. }) => unreachable = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(unreachable.unwrap_or_else(|| configuration("", "`urls` is empty".to_owned(), "name at least one server")))
    }

    /// The addresses, for messages.
    pub(super) fn names(&self) -> String {
        self.endpoints.iter().map(|endpoint| endpoint.url.as_str()).collect::<Vec<_>>().join(", ")
    }

    async fn connect_to(&self, endpoint: &Endpoint) -> Result<Session, SourceError> {
        let server = endpoint.url.clone();
        let mut connection =
            Connection::open(endpoint, &self.dialing).await.map_err(|failure| failure.unreachable(&server))?;
        match connection.bind(&self.bind_dn, &self.password).await {
            Ok(()) => {}
            Err(Failure::Result(result)) => return Err(result.bind_refused(&server, &self.bind_dn)),
            Err(failure) => return Err(failure.unreachable(&server)),
        }
        let root_dse = match RootDse::read(&mut connection).await {
            Ok(root_dse) => root_dse,
            // A server that hides it can still be read in full.
            Err(Failure::Result(_)) => RootDse::default(),
            Err(failure) => return Err(failure.unreachable(&server)),
        };
        Ok(Session { server, connection, root_dse })
    }
}

/// A configuration error of the source at `server`.
pub(super) fn configuration(server: &str, problem: String, hint: &str) -> SourceError {
    SourceError::Configuration { server: server.to_owned(), problem, hint: hint.to_owned() }
}
