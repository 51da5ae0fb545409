//! The database below the store: one of two back ends, chosen by a URL.
//!
//! It opens, migrates, pools and runs units of work. It knows no table: those belong to the modules that use it.

mod any_of;
mod backend;
mod database;
mod error;
mod manager;
mod migrate;
mod postgres;
mod sqlite;
mod url;

pub(crate) use any_of::AnyOf;
pub use backend::{Backend, Pg};
pub(crate) use backend::{insert_rows, on_each};
pub use database::Database;
pub(crate) use diesel_migrations::{EmbeddedMigrations, embed_migrations};
pub use error::DbError;
pub use migrate::Migrations;
pub use url::DatabaseUrl;

/// How many rows one statement inserts, or how many keys it asks for. SQLite takes 32,766 bound values in a statement,
/// so a row may have up to sixty columns; the keys that accompany a list are few.
const BATCH: usize = 500;

/// Cuts rows or keys into batches that fit into one statement on either back end.
pub fn batches<T>(rows: &[T]) -> std::slice::Chunks<'_, T> {
    rows.chunks(BATCH)
}
