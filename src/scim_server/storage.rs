//! Where the server keeps its resources: an SQLite database, written by one thread.
//!
//! The writer takes what has queued up into one transaction, each request under a savepoint of its own, and answers
//! after the commit: concurrent requests share the cost of making data durable. No SQL type leaves this module, and
//! no rule of SCIM enters it.

mod filter_sql;
mod members;
mod resources;
mod tables;

use std::path::Path;
use std::thread;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::sync::{mpsc, oneshot};

pub(super) use filter_sql::narrow;
pub(super) use members::{GroupRow, MemberRow};
pub(super) use resources::{Row, Stored};

use crate::scim::ScimError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/scim_server");

/// Requests that may wait for a thread. More wait at the sender, which slows the clients down.
const QUEUE: usize = 1024;
/// Requests that share a commit at most, so that the first does not wait for ever.
const MOST_IN_A_COMMIT: usize = 256;

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
    #[error("the database could not commit")]
    NotCommitted,
    #[error("the server stops")]
    Stopped,
}

/// The handle of the database.
#[derive(Clone)]
pub(super) struct Storage {
    writer: mpsc::Sender<Message>,
    /// Reads of a file go past the writer; a database in memory has one connection only.
    reader: mpsc::Sender<Message>,
}

/// One unit of work: everything it does happens, or nothing.
pub(super) struct Transaction<'a>(&'a mut SqliteConnection);

enum Message {
    Work(Work),
    Stop(oneshot::Sender<()>),
}

type Work = Box<dyn FnOnce(&mut SqliteConnection) -> Answer + Send>;
/// Tells the caller the outcome, given whether the transaction was committed.
type Answer = Box<dyn FnOnce(bool) + Send>;

impl Storage {
    /// Opens the database, or one in memory, and brings its tables up to date.
    pub(super) fn open(file: Option<&Path>) -> Result<Self, OpenError> {
        let path = file.map_or_else(|| ":memory:".to_owned(), |file| file.to_string_lossy().into_owned());
        let mut connection = connect(&path)?;
        connection
            .run_pending_migrations(MIGRATIONS)
            .map_err(|source| OpenError::Prepare { path: path.clone(), source })?;
        let writer = spawn("scim-writer", connection, write_jobs)?;
        let reader = match file {
            Some(_) => spawn("scim-reader", connect(&path)?, read_jobs)?,
            None => writer.clone(),
        };
        Ok(Self { writer, reader })
    }

    /// Runs a unit of work that changes something. The answer comes after the commit.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        submit(&self.writer, work).await
    }

    /// Runs a unit of work that only reads.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        submit(&self.reader, work).await
    }

    /// Finishes what is queued and closes the database.
    pub(super) async fn close(&self) {
        for thread in [&self.reader, &self.writer] {
            let (stopped, wait) = oneshot::channel();
            if thread.send(Message::Stop(stopped)).await.is_ok() {
                // An error means that the thread has ended already, which is what was asked for.
                let _ = wait.await;
            }
        }
    }
}

async fn submit<T: Send + 'static>(
    thread: &mpsc::Sender<Message>,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (sender, receiver) = oneshot::channel();
    let work: Work = Box::new(move |connection| {
        let outcome = connection.transaction(|connection| work(&mut Transaction(connection)));
        Box::new(move |committed| {
            let outcome = if committed { outcome } else { outcome.and(Err(Failure::NotCommitted)) };
            // The caller may have gone; its work is done all the same.
            let _ = sender.send(outcome);
        })
    });
    thread.send(Message::Work(work)).await.map_err(|_| Failure::Stopped)?;
    receiver.await.map_err(|_| Failure::Stopped)?
}

fn connect(path: &str) -> Result<SqliteConnection, OpenError> {
    let mut connection =
        SqliteConnection::establish(path).map_err(|source| OpenError::Connect { path: path.to_owned(), source })?;
    connection
        .batch_execute(
            "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
        )
        .map_err(|source| OpenError::Prepare { path: path.to_owned(), source: Box::new(source) })?;
    Ok(connection)
}

fn spawn(
    name: &str,
    connection: SqliteConnection,
    serve: fn(SqliteConnection, mpsc::Receiver<Message>),
) -> Result<mpsc::Sender<Message>, OpenError> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(move || serve(connection, receiver)).map_err(OpenError::Thread)?;
    Ok(sender)
}

fn write_jobs(mut connection: SqliteConnection, mut jobs: mpsc::Receiver<Message>) {
    while let Some(message) = jobs.blocking_recv() {
        let mut next = Some(message);
        let mut answers: Vec<Answer> = Vec::new();
        let mut stop = None;
        let committed = connection.immediate_transaction(|connection| {
            while let Some(message) = next.take() {
                match message {
                    Message::Work(work) => answers.push(work(connection)),
                    Message::Stop(stopped) => {
                        stop = Some(stopped);
                        break;
                    }
                }
                if answers.len() < MOST_IN_A_COMMIT {
                    next = jobs.try_recv().ok();
                }
            }
            Ok::<_, diesel::result::Error>(())
        });
        if let Err(error) = &committed {
            tracing::error!(%error, "the embedded server could not commit");
        }
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

fn read_jobs(mut connection: SqliteConnection, mut jobs: mpsc::Receiver<Message>) {
    while let Some(message) = jobs.blocking_recv() {
        match message {
            Message::Work(work) => work(&mut connection)(true),
            Message::Stop(stopped) => {
                drop(connection);
                let _ = stopped.send(());
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim_server::resource_types::{Kind, ResourceTypes};

    fn user() -> std::sync::Arc<Kind> {
        ResourceTypes::standard().named("User").unwrap().clone()
    }

    #[test]
    fn the_migrations_go_up_and_down_and_up() {
        let mut connection = connect(":memory:").unwrap();
        connection.run_pending_migrations(MIGRATIONS).unwrap();
        connection.revert_all_migrations(MIGRATIONS).unwrap();
        connection.run_pending_migrations(MIGRATIONS).unwrap();
    }

    #[tokio::test]
    async fn a_refused_request_leaves_its_neighbours_alone() {
        let storage = Storage::open(None).unwrap();
        let insert = |id: &str, name: &str| {
            let row = Row::new(&user(), id, name);
            storage.write(move |tx| {
                tx.insert(&row)?;
                if row.id == "refused" { Err(ScimError::not_found("no").into()) } else { Ok(()) }
            })
        };
        let (first, refused, taken, last) =
            tokio::join!(insert("1", "a"), insert("refused", "b"), insert("2", "a"), insert("3", "b"));
        assert!(first.is_ok() && last.is_ok());
        assert!(matches!(refused, Err(Failure::Refused(error)) if error.status == 404));
        assert!(matches!(taken, Err(Failure::Refused(error)) if error.status == 409));
    }

    #[tokio::test]
    async fn a_file_keeps_what_was_answered() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("target.sqlite");
        let storage = Storage::open(Some(&file)).unwrap();
        storage.write(|tx| tx.insert(&Row::new(&user(), "1", "a"))).await.unwrap();
        storage.close().await;
        assert!(matches!(storage.read(|_| Ok(())).await, Err(Failure::Stopped)));
        let storage = Storage::open(Some(&file)).unwrap();
        let found = storage.read(|tx| tx.find(&user(), "1")).await.unwrap();
        assert_eq!(found.map(|stored| stored.version), Some(1));
    }
}
