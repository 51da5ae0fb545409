//! Where the server keeps its resources: an SQLite database, written by one thread.
//!
//! The writer takes what has queued up into one transaction, each request under a savepoint of its own, and answers
//! after the commit: concurrent requests share the cost of making data durable. Short reads run where they are asked,
//! long ones on a thread of their own. No SQL type leaves this module, and no rule of SCIM enters it.

mod collections;
mod keys;
mod lookup;
mod members;
mod names;
mod resources;
mod tables;
mod values;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::sync::{mpsc, oneshot};

pub(super) use collections::{Catalog, Collection};
pub(super) use keys::number_key;
pub(super) use lookup::{Narrowed, narrow};
pub(super) use members::{GroupRow, MemberRow};
pub(super) use names::NamedRow;
pub(super) use resources::{Row, Stored};

use super::resource_types::ResourceTypes;
use super::tenant::Tenant;
use crate::scim::ScimError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/scim_server");

/// Requests that may wait for a thread. More wait at the sender, which slows the clients down.
const QUEUE: usize = 1024;
/// Requests that share a commit at most, so that the first does not wait for ever.
const MOST_IN_A_COMMIT: usize = 256;
/// How long a commit waits for requests that may share it. Making data durable takes about as long.
const COMPANY: Duration = Duration::from_micros(200);

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the database `{path}` cannot be opened")]
    Connect { path: String, source: diesel::ConnectionError },
    #[error("the database `{path}` cannot be prepared")]
    Prepare { path: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("no thread can be started for the database")]
    Thread(#[source] std::io::Error),
}

/// Why a unit of work did not happen.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The request asks for what is not allowed.
    #[error(transparent)]
    Refused(#[from] ScimError),
    #[error("the database refused a statement")]
    Database(#[from] diesel::result::Error),
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What is stored of a resource is no JSON object. It stays as it is: what cannot be read is not written over.
    #[error("the stored document of the resource `{id}` is broken at column {column}")]
    Broken { id: String, column: usize },
    #[error("the database could not commit")]
    NotCommitted,
    #[error("the server stops")]
    Stopped,
}

/// The handle of the database.
pub(super) struct Storage {
    types: Arc<ResourceTypes>,
    writer: mpsc::Sender<Message>,
    /// Long reads of a file go past the writer; a database in memory has one connection only.
    scanner: mpsc::Sender<Message>,
    readers: Option<Readers>,
    /// What is known of each tenant that was asked for; held for one look.
    catalogs: RwLock<HashMap<Tenant, Arc<Catalog>>>,
}

/// Connections that only read, of which each is used by one request at a time.
struct Readers {
    path: String,
    /// Those that nobody uses; none at all once the database is closed. Held for taking one and giving it back.
    idle: Mutex<Option<Vec<SqliteConnection>>>,
}

/// One unit of work: everything it does happens, or nothing.
pub(super) struct Transaction<'a>(&'a mut SqliteConnection);

enum Message {
    Work(Work),
    Stop(oneshot::Sender<()>),
}

type Work = Box<dyn FnOnce(&mut SqliteConnection) -> Worked + Send>;
/// Tells the caller the outcome, given whether the transaction was committed.
type Answer = Box<dyn FnOnce(bool) + Send>;

/// A unit of work that has run.
struct Worked {
    answer: Answer,
    /// False when the database failed. It may have ended the whole transaction by itself.
    sound: bool,
}

impl Storage {
    /// Opens the database, or one in memory, brings its tables up to date and lets `prepare` work on it before anybody
    /// else.
    pub(super) fn open<E: From<OpenError>>(
        file: Option<&Path>,
        types: Arc<ResourceTypes>,
        prepare: impl FnOnce(&mut Transaction<'_>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let path = file.map_or_else(|| ":memory:".to_owned(), |file| file.to_string_lossy().into_owned());
        let mut connection = connect(&path)?;
        connection
            .run_pending_migrations(MIGRATIONS)
            .map_err(|source| OpenError::Prepare { path: path.clone(), source })?;
        prepare(&mut Transaction(&mut connection))?;
        let renewed_from = file.map(|_| path.clone());
        let writer = spawn("scim-writer", connection, renewed_from.clone(), write_jobs)?;
        let scanner = match file {
            Some(_) => spawn("scim-scanner", connect(&path)?, renewed_from, read_jobs)?,
            None => writer.clone(),
        };
        let readers = file.map(|_| Readers { path, idle: Mutex::new(Some(Vec::new())) });
        Ok(Self { types, writer, scanner, readers, catalogs: RwLock::default() })
    }

    /// What the database calls a tenant's types and attributes. The first request for a tenant makes it known.
    pub(super) async fn catalog(&self, tenant: &Tenant) -> Result<Arc<Catalog>, Failure> {
        if let Some(catalog) = self.catalogs.read().unwrap_or_else(PoisonError::into_inner).get(tenant) {
            return Ok(catalog.clone());
        }
        let (types, named) = (self.types.clone(), tenant.clone());
        let catalog = Arc::new(self.write(move |tx| tx.open_catalog(&named, &types)).await?);
        let mut catalogs = self.catalogs.write().unwrap_or_else(PoisonError::into_inner);
        Ok(catalogs.entry(tenant.clone()).or_insert(catalog).clone())
    }

    /// Runs a unit of work that changes something. The answer comes after the commit.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        submit(&self.writer, work).await
    }

    /// Runs a unit of work that reads a few rows. It runs here: handing it to another thread would cost more than the
    /// work itself.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let Some(readers) = &self.readers else { return submit(&self.writer, work).await };
        let mut connection = readers.take()?;
        let outcome = connection.transaction(|connection| work(&mut Transaction(connection)));
        if !matches!(outcome, Err(Failure::Database(_))) {
            readers.give_back(connection);
        }
        outcome
    }

    /// Runs a unit of work that may read very many rows.
    pub(super) async fn scan<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        submit(&self.scanner, work).await
    }

    /// Finishes what is queued and closes the database.
    pub(super) async fn close(&self) {
        for thread in [&self.scanner, &self.writer] {
            let (stopped, wait) = oneshot::channel();
            if thread.send(Message::Stop(stopped)).await.is_ok() {
                // An error means that the thread has ended already, which is what was asked for.
                let _ = wait.await;
            }
        }
        if let Some(readers) = &self.readers {
            readers.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}

impl Readers {
    fn take(&self) -> Result<SqliteConnection, Failure> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(Vec::pop);
        match idle {
            None => Err(Failure::Stopped),
            Some(Some(connection)) => Ok(connection),
            Some(None) => Ok(connect(&self.path)?),
        }
    }

    fn give_back(&self, connection: SqliteConnection) {
        if let Some(idle) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            idle.push(connection);
        }
    }
}

impl Transaction<'_> {
    /// A part of the unit of work that happens as a whole or not at all, whatever becomes of the rest.
    pub(super) fn attempt<T>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.0.transaction(|connection| work(&mut Transaction(connection)))
    }

    /// Runs a statement of the database itself, such as a PRAGMA.
    pub(super) fn configure(&mut self, statement: &'static str) -> Result<(), Failure> {
        Ok(self.0.batch_execute(statement)?)
    }
}

async fn submit<T: Send + 'static>(
    thread: &mpsc::Sender<Message>,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (sender, receiver) = oneshot::channel();
    let work: Work = Box::new(move |connection| {
        let outcome = connection.transaction(|connection| work(&mut Transaction(connection)));
        let sound = !matches!(outcome, Err(Failure::Database(_)));
        let answer: Answer = Box::new(move |committed| {
            let outcome = if committed { outcome } else { outcome.and(Err(Failure::NotCommitted)) };
            // The caller may have gone; its work is done all the same.
            let _ = sender.send(outcome);
        });
        Worked { answer, sound }
    });
    thread.send(Message::Work(work)).await.map_err(|_| Failure::Stopped)?;
    receiver.await.map_err(|_| Failure::Stopped)?
}

fn connect(path: &str) -> Result<SqliteConnection, OpenError> {
    let mut connection =
        SqliteConnection::establish(path).map_err(|source| OpenError::Connect { path: path.to_owned(), source })?;
    connection
        .batch_execute(
            "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
             PRAGMA cache_size = -32768; PRAGMA mmap_size = 1073741824; PRAGMA wal_autocheckpoint = 4000; \
             PRAGMA temp_store = MEMORY;",
        )
        .map_err(|source| OpenError::Prepare { path: path.to_owned(), source: Box::new(source) })?;
    Ok(connection)
}

fn spawn(
    name: &str,
    connection: SqliteConnection,
    path: Option<String>,
    serve: fn(SqliteConnection, Option<&str>, mpsc::Receiver<Message>),
) -> Result<mpsc::Sender<Message>, OpenError> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(move || serve(connection, path.as_deref(), receiver)).map_err(OpenError::Thread)?;
    Ok(sender)
}

/// Opens a database anew: a transaction that ended by itself leaves its connection of no use. What is in memory is all
/// in its one connection.
fn renew(connection: &mut SqliteConnection, path: Option<&str>) {
    match path.map(connect) {
        Some(Ok(new)) => *connection = new,
        Some(Err(error)) => tracing::error!(%error, "the embedded server cannot open its database again"),
        None => {}
    }
}

fn write_jobs(mut connection: SqliteConnection, path: Option<&str>, mut jobs: mpsc::Receiver<Message>) {
    // Those who were answered together will ask again at about the same time. In memory nothing is gained by waiting.
    let waits = path.is_some();
    let mut expected = 1;
    while let Some(message) = jobs.blocking_recv() {
        let mut next = Some(message);
        let mut answers: Vec<Answer> = Vec::new();
        let mut stop = None;
        let mut waited = !waits;
        let committed = connection.immediate_transaction(|connection| {
            while let Some(message) = next.take() {
                match message {
                    Message::Work(work) => {
                        let Worked { answer, sound } = work(connection);
                        answers.push(answer);
                        // Nothing more is entrusted to a transaction that may be over.
                        if !sound {
                            break;
                        }
                    }
                    Message::Stop(stopped) => {
                        stop = Some(stopped);
                        break;
                    }
                }
                if answers.len() < MOST_IN_A_COMMIT {
                    next = jobs.try_recv().ok();
                }
                if next.is_none() && answers.len() < expected && !waited {
                    waited = true;
                    thread::sleep(COMPANY);
                    next = jobs.try_recv().ok();
                }
            }
            Ok::<_, diesel::result::Error>(())
        });
        if let Err(error) = &committed {
            tracing::error!(%error, "the embedded server could not commit");
            renew(&mut connection, path);
        }
        expected = answers.len();
        for answer in answers {
            answer(committed.is_ok());
        }
        if let Some(stopped) = stop {
            drop(connection);
            let _ = stopped.send(());
            return;
        }
    }
}

fn read_jobs(mut connection: SqliteConnection, path: Option<&str>, mut jobs: mpsc::Receiver<Message>) {
    while let Some(message) = jobs.blocking_recv() {
        match message {
            Message::Work(work) => {
                let Worked { answer, sound } = work(&mut connection);
                if !sound {
                    renew(&mut connection, path);
                }
                answer(true);
            }
            Message::Stop(stopped) => {
                drop(connection);
                let _ = stopped.send(());
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
