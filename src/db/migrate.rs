//! Bringing a database to the present schema.

use diesel::backend::Backend as DieselBackend;
use diesel::connection::Connection;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};

use super::backend::Access;
use super::{Backend, DbError, on_each};

/// The migrations of one set of tables: two trees with the same names, one for each back end.
#[derive(Clone, Copy)]
pub struct Migrations {
    pub sqlite: &'static EmbeddedMigrations,
    pub postgres: &'static EmbeddedMigrations,
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// An arbitrary number that everyone who migrates a PostgreSQL database agrees on.
const MIGRATION_LOCK: i64 = 0x70_72_6f_76_69_73_6f_72;

/// Runs what is missing, in one transaction and under a lock: of several processes that start at once, one migrates.
pub(super) fn run(backend: &mut Backend, migrations: Migrations, store: &str) -> Result<(), DbError> {
    backend.transaction(Access::Write, |tx| {
        if let Backend::Postgres(connection) = tx {
            diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
                .bind::<diesel::sql_types::BigInt, _>(MIGRATION_LOCK)
                .execute(connection.as_mut())?;
        }
        let tree = match tx {
            Backend::Postgres(_) => migrations.postgres,
            Backend::Sqlite(_) => migrations.sqlite,
        };
        on_each!(tx, c => catch_up(c, tree))
            .map_err(|cause| DbError::Migrate { store: store.to_owned(), cause })?
            .map_or(Ok(()), |version| Err(DbError::Newer { store: store.to_owned(), version }))
    })
}

/// Runs the migrations that are not applied yet, and answers an applied one that the tree does not have.
fn catch_up<C, DB>(connection: &mut C, tree: &EmbeddedMigrations) -> Result<Option<String>, Cause>
where
    DB: DieselBackend,
    C: Connection<Backend = DB> + MigrationHarness<DB>,
{
    let mut migrations: Vec<Box<dyn Migration<DB>>> = tree.migrations()?;
    migrations.sort_by_key(|migration| migration.name().version().as_owned());
    let applied = connection.applied_migrations()?;
    let unknown = applied.iter().find(|version| !migrations.iter().any(|known| known.name().version() == **version));
    if let Some(version) = unknown {
        return Ok(Some(version.to_string()));
    }
    for migration in migrations.iter().filter(|migration| !applied.contains(&migration.name().version())) {
        connection.run_migration(migration.as_ref())?;
    }
    Ok(None)
}
