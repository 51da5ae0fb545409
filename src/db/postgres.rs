//! Opening a PostgreSQL database, with TLS by rustls.

use std::path::Path;
use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use rustls::ClientConfig;
use tokio::time::timeout;
use tokio_postgres::Config;
use tokio_postgres::error::SqlState;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::net;
use crate::secret::Secret;

use super::{DatabaseUrl, DbError};

/// How long one attempt to connect may take, and how long a dead peer goes unnoticed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const PEER_TIMEOUT: Duration = Duration::from_secs(30);
/// No statement of ours takes minutes: one that does waits for something that will not come. Nor do we think for long
/// between two statements: a process that was stopped in between must not keep its locks for ever.
const SESSION: &str = "SET statement_timeout = '120s'; SET lock_timeout = '30s';
    SET idle_in_transaction_session_timeout = '10s'; SET timezone = 'UTC'";

/// Where and how to connect.
#[derive(Clone)]
pub(super) struct Server {
    config: Config,
    tls: MakeRustlsConnect,
    shown: String,
}

impl Server {
    /// Reads the URL, and the CA bundle that is trusted beside the system's where one is given.
    pub(super) fn new(url: &Secret, ca: Option<&Path>) -> Result<Self, DbError> {
        let shown = DatabaseUrl::Postgres(url.clone()).shown();
        // The driver's parse error repeats parts of the URL, so it is not passed on.
        let mut config: Config = url.expose().parse().map_err(|_| DbError::Url {
            store: shown.clone(),
            problem: "write `postgres://user:password@host:port/database`, reserved characters percent-encoded"
                .to_owned(),
        })?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        config.tcp_user_timeout(PEER_TIMEOUT);
        if config.get_application_name().is_none() {
            config.application_name("provisor");
        }
        let tls = net::client_config(ca).map_err(|error| DbError::Open {
            store: shown.clone(),
            problem: "TLS cannot be set up".to_owned(),
            cause: Some(Box::new(error)),
        })?;
        let tls = MakeRustlsConnect::new(ClientConfig::clone(&tls));
        Ok(Self { config, tls, shown })
    }

    /// Opens a connection for statements.
    pub(super) async fn connect(&self) -> Result<AsyncPgConnection, DbError> {
        let (client, connection) = self.within(self.config.connect(self.tls.clone())).await?;
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| DbError::Open {
            store: self.shown.clone(),
            problem: "the session could not be set up".to_owned(),
            cause: Some(error),
        };
        let mut connection = AsyncPgConnection::try_from_client_and_connection(client, connection)
            .await
            .map_err(|error| failed(Box::new(error)))?;
        connection.batch_execute(SESSION).await.map_err(|error| failed(Box::new(error)))?;
        Ok(connection)
    }

    async fn within<T>(&self, step: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, DbError> {
        match timeout(2 * CONNECT_TIMEOUT, step).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.explain(error)),
            Err(_) => Err(DbError::Open {
                store: self.shown.clone(),
                problem: "the server does not answer in time; check host, port and firewall".to_owned(),
                cause: None,
            }),
        }
    }

    fn explain(&self, error: tokio_postgres::Error) -> DbError {
        let problem = match error.code() {
            Some(code)
                if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION =>
            {
                "the server refuses the user or the password; check both in the URL"
            }
            Some(code) if *code == SqlState::INVALID_CATALOG_NAME => "the database does not exist; create it first",
            Some(code) if *code == SqlState::TOO_MANY_CONNECTIONS => "the server has no connection left",
            Some(_) => "the server refuses the connection",
            None => "the server cannot be reached; check host, port, TLS and whether it runs",
        };
        DbError::Open { store: self.shown.clone(), problem: problem.to_owned(), cause: Some(Box::new(error)) }
    }
}
