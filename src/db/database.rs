//! A database that is open: pools of connections, and units of work on them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use diesel::r2d2::{ManageConnection, NopErrorHandler, Pool};
use tokio::runtime::Handle;
use tracing::Span;

use crate::secret::Secret;

use super::backend::Access;
use super::manager::Manager;
use super::postgres::Server;
use super::sqlite::Role;
use super::{Backend, DatabaseUrl, DbError, Migrations, migrate};

/// Readers beside the one writer of a SQLite file, and connections to a PostgreSQL server: more than pages in flight
/// and API requests need at a time.
const CONNECTIONS: u32 = 8;
/// How long a unit of work waits for a connection.
const CHECKOUT: Duration = Duration::from_secs(30);

/// An open database. Cloning it is cheap and shares the connections.
///
/// A unit of work is a synchronous closure in one transaction, run on a thread that may block: no transaction lives
/// across an `.await`.
#[derive(Clone)]
pub struct Database {
    readers: Pool<Manager>,
    /// On a SQLite file one connection, so that the writers of this process queue here instead of polling for the lock.
    writers: Pool<Manager>,
    manager: Manager,
    runtime: Handle,
    url: DatabaseUrl,
    guard: Option<Guard>,
}

/// What every transaction that may write begins with.
type Guard = Arc<dyn Fn(&mut Backend) -> Result<(), DbError> + Send + Sync>;

impl Database {
    /// Opens and migrates the database that `url` names. `ca` is a bundle of PEM certificates for a PostgreSQL server.
    ///
    /// # Errors
    /// Every [`DbError`] that concerns opening: its text names the database and what to do.
    pub async fn open(url: &Secret, ca: Option<&Path>, migrations: Migrations) -> Result<Self, DbError> {
        let url = DatabaseUrl::parse(url)?;
        let runtime = Handle::current();
        let manager = match &url {
            DatabaseUrl::Memory => Manager::Memory,
            DatabaseUrl::File(path) => Manager::File(path.clone(), Role::Reader),
            DatabaseUrl::Postgres(secret) => Manager::Postgres(Box::new(Server::new(secret, ca)?), runtime.clone()),
        };
        let (readers, writers) = match &manager {
            // A second connection would be a second, empty database.
            Manager::Memory => (pool(manager.clone(), 1), None),
            Manager::File(path, _) => {
                let writer = Manager::File(path.clone(), Role::Writer);
                (pool(manager.clone(), CONNECTIONS), Some(pool(writer, 1)))
            }
            Manager::Postgres(..) => (pool(manager.clone(), CONNECTIONS), None),
        };
        let writers = writers.unwrap_or_else(|| readers.clone());
        let database = Self { readers, writers, manager, runtime, url, guard: None };
        let opening = database.clone();
        database
            .blocking(move || {
                // The pool only says that it has no connection; a first one by hand says why.
                opening.manager.connect().map(drop)?;
                let mut backend = opening.writers.get().map_err(|error| DbError::unavailable(error.to_string()))?;
                migrate::run(&mut backend, migrations, &opening.url.shown())
            })
            .await?;
        Ok(database)
    }

    /// Runs `work` in one transaction that may write.
    pub async fn write<T, E>(&self, work: impl FnOnce(&mut Backend) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let guard = self.guard.clone();
        let guarded = move |tx: &mut Backend| {
            if let Some(guard) = guard {
                guard(tx)?;
            }
            work(tx)
        };
        self.unit(self.writers.clone(), Access::Write, guarded).await
    }

    /// Runs `work` in one transaction that only reads.
    pub async fn read<T, E>(&self, work: impl FnOnce(&mut Backend) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.unit(self.readers.clone(), Access::Read, work).await
    }

    /// The same database, where no transaction writes unless `guard` lets it, in the same transaction and after the
    /// guards that are there.
    pub fn guarded(&self, guard: impl Fn(&mut Backend) -> Result<(), DbError> + Send + Sync + 'static) -> Self {
        let guard: Guard = match self.guard.clone() {
            Some(former) => Arc::new(move |tx| former(tx).and_then(|()| guard(tx))),
            None => Arc::new(guard),
        };
        Self { guard: Some(guard), ..self.clone() }
    }

    /// The same database through two connections of its own, on a PostgreSQL server: what goes over them never waits
    /// for other units of work of this process. SQLite has one writer, whoever connects.
    pub fn apart(&self) -> Self {
        let DatabaseUrl::Postgres(_) = self.url else { return self.clone() };
        let connections = pool(self.manager.clone(), 2);
        Self { readers: connections.clone(), writers: connections, ..self.clone() }
    }

    /// Which database this is.
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    async fn unit<T, E>(
        &self,
        pool: Pool<Manager>,
        access: Access,
        work: impl FnOnce(&mut Backend) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        self.blocking(move || {
            let mut backend = pool.get().map_err(|error| DbError::unavailable(error.to_string()))?;
            backend.transaction(access, work)
        })
        .await
    }

    async fn blocking<T, E>(&self, work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let span = Span::current();
        match self.runtime.spawn_blocking(move || span.in_scope(work)).await {
            Ok(outcome) => outcome,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(DbError::unavailable("the program is shutting down").into()),
            },
        }
    }
}

fn pool(manager: Manager, size: u32) -> Pool<Manager> {
    Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        // A connection in memory that is closed takes its database with it; the others cost nothing to keep.
        .idle_timeout(None)
        .max_lifetime(None)
        .connection_timeout(CHECKOUT)
        .test_on_check_out(true)
        .error_handler(Box::new(NopErrorHandler))
        .build_unchecked(manager)
}
