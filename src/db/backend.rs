//! The two back ends as one type, and the transactions they share.
//!
//! No query lives here. A query is written once, inside `on_each!`, where the connection has its concrete type.

use diesel::connection::{AnsiTransactionManager, Connection, TransactionManager};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;

use super::DbError;

/// A PostgreSQL connection: synchronous outside, the pure-Rust driver inside.
pub type Pg = AsyncConnectionWrapper<AsyncPgConnection>;

/// An open connection to either back end.
pub enum Backend {
    Postgres(Box<Pg>),
    Sqlite(SqliteConnection),
}

/// Evaluates one expression with `$connection` bound to the connection of whichever back end is there, so that a diesel
/// statement is written once and compiled for both.
macro_rules! on_each {
    ($backend:expr, $connection:ident => $statement:expr) => {
        match $backend {
            $crate::db::Backend::Postgres(connection) => {
                let $connection: &mut $crate::db::Pg = connection;
                $statement
            }
            $crate::db::Backend::Sqlite($connection) => $statement,
        }
    };
}
pub(crate) use on_each;

/// Inserts `$rows`, references to new rows, by one diesel statement with `$values` bound to what it inserts: a batch of
/// rows on PostgreSQL, where every statement is a round trip; one row on SQLite, where a statement whose text stays the
/// same is prepared once.
macro_rules! insert_rows {
    ($backend:expr, $rows:expr, $values:ident => $statement:expr) => {
        match $backend {
            $crate::db::Backend::Postgres(connection) => {
                let connection: &mut $crate::db::Pg = connection;
                let rows: Vec<_> = $rows.into_iter().collect();
                $crate::db::batches(&rows).try_for_each(|batch| {
                    let $values = batch.to_vec();
                    $statement.execute(connection).map(drop)
                })
            }
            $crate::db::Backend::Sqlite(connection) => {
                $rows.into_iter().try_for_each(|$values| $statement.execute(connection).map(drop))
            }
        }
    };
}
pub(crate) use insert_rows;

/// What a transaction is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Only reads: on SQLite it sees one snapshot and blocks nobody.
    Read,
    /// Also writes: on SQLite it takes the write lock at once. A transaction that reads first and then asks for the
    /// lock fails when another one was faster, whatever the busy timeout says.
    Write,
}

type PgTransactions = <Pg as Connection>::TransactionManager;

impl Backend {
    /// Runs `work` in one transaction and commits it, or rolls everything back when `work` fails.
    pub(super) fn transaction<T, E: From<DbError>>(
        &mut self,
        access: Access,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin(access).map_err(DbError::from)?;
        match work(self) {
            Ok(value) => {
                self.commit().map_err(DbError::from)?;
                Ok(value)
            }
            Err(error) => {
                // The cause of the failure matters; a connection that cannot roll back is dropped by the pool.
                let _ = self.rollback();
                Err(error)
            }
        }
    }

    /// Makes transactions that name the same `subject` follow each other. SQLite has one writer at a time anyway.
    pub(crate) fn exclusive(&mut self, subject: &str) -> Result<(), DbError> {
        if let Self::Postgres(connection) = self {
            diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind::<diesel::sql_types::Text, _>(subject)
                .execute(connection.as_mut())?;
        }
        Ok(())
    }

    fn begin(&mut self, access: Access) -> diesel::QueryResult<()> {
        match self {
            Self::Postgres(connection) => PgTransactions::begin_transaction(connection.as_mut()),
            Self::Sqlite(connection) => {
                let begin = match access {
                    Access::Read => "BEGIN DEFERRED",
                    Access::Write => "BEGIN IMMEDIATE",
                };
                AnsiTransactionManager::begin_transaction_sql(connection, begin)
            }
        }
    }

    fn commit(&mut self) -> diesel::QueryResult<()> {
        match self {
            Self::Postgres(connection) => PgTransactions::commit_transaction(connection.as_mut()),
            Self::Sqlite(connection) => AnsiTransactionManager::commit_transaction(connection),
        }
    }

    fn rollback(&mut self) -> diesel::QueryResult<()> {
        match self {
            Self::Postgres(connection) => PgTransactions::rollback_transaction(connection.as_mut()),
            Self::Sqlite(connection) => AnsiTransactionManager::rollback_transaction(connection),
        }
    }
}
