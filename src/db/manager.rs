//! How the pool opens a connection and tells a broken one.

use std::path::PathBuf;

use diesel::connection::{Connection, TransactionManager};
use diesel::r2d2::{ManageConnection, R2D2Connection};
use diesel::sqlite::SqliteConnection;
use tokio::runtime::Handle;

use super::postgres::Server;
use super::sqlite::{self, Role};
use super::{Backend, DbError, Pg};

/// Opens connections of one database.
#[derive(Clone)]
pub(super) enum Manager {
    Memory,
    File(PathBuf, Role),
    /// Connections live in the runtime that opened the store: one that owned a runtime could not be dropped in it.
    Postgres(Box<Server>, Handle),
}

impl ManageConnection for Manager {
    type Connection = Backend;
    type Error = DbError;

    fn connect(&self) -> Result<Backend, DbError> {
        match self {
            Self::Memory => sqlite::open_memory().map(Backend::Sqlite),
            Self::File(path, role) => sqlite::open_file(path, *role).map(Backend::Sqlite),
            Self::Postgres(server, handle) => {
                let _runtime = handle.enter();
                let connection = handle.block_on(server.connect())?;
                Ok(Backend::Postgres(Box::new(Pg::from(connection))))
            }
        }
    }

    /// Asks nobody: a connection that was lost while it lay idle knows it.
    fn is_valid(&self, backend: &mut Backend) -> Result<(), DbError> {
        if self.has_broken(backend) { Err(DbError::unavailable("the connection was lost")) } else { Ok(()) }
    }

    fn has_broken(&self, backend: &mut Backend) -> bool {
        std::thread::panicking()
            || match backend {
                Backend::Postgres(connection) => connection.is_broken(),
                Backend::Sqlite(connection) => {
                    <SqliteConnection as Connection>::TransactionManager::is_broken_transaction_manager(connection)
                }
            }
    }
}
