//! The connector space, and all else that a job remembers between two cycles.
//!
//! Every method is one unit of work: one transaction, on a thread that may block. The store decides nothing: what
//! should happen is the engine's business. No type of the database layer leaves it.

mod assignments;
mod called;
mod claimants;
mod columns;
mod containers;
mod cycles;
mod edge_work;
mod edges;
mod error;
mod escrows;
mod fence;
mod groups;
mod health;
mod intents;
mod job_state;
mod jobs;
mod judgement;
mod keys;
mod known;
mod lease;
mod link_list;
mod links;
mod lock;
mod log_page;
mod matching_index;
mod names;
mod nesting;
mod objects;
mod outcome;
mod page;
mod provisioning_log;
mod record;
mod recording;
mod references;
mod relink;
mod removals;
mod restart;
mod sent_references;
mod settle;
mod status;
mod sweep;
mod tables;
mod term;
mod watch;
mod watermarks;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::db::{Database, EmbeddedMigrations, Migrations, embed_migrations};
use crate::model::JobId;
use crate::secret::Secret;

use lease::Leases;

pub use assignments::{Absence, Learned};
pub use cycles::{CycleRecord, EndOfCycle};
pub use error::StoreError;
pub use groups::NamedGroups;
pub use intents::{OpenPage, Opened};
pub use jobs::JobCounts;
pub use judgement::Judgement;
pub use lease::{DEFAULT_LEASE, LEASE_BOUNDS, Lease, Tenure};
pub use link_list::{LinkQuery, LinkRecord};
pub use lock::JobLock;
pub use nesting::{DEEPEST, LeftOut, MembersOf};
pub use outcome::{CommitPage, Committed, Effect, LinkConflict, NewClaim, NewRemoval, Outcome};
pub use provisioning_log::LogFilter;
pub use record::{Holds, RecordPage, Recorded, RecordedMapping, RecordedReference};
pub use relink::{Relink, Relinkable, Relinking};
pub use settle::{Settled, SettledResult, Settling};
pub use status::JobSnapshot;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The state of all jobs, in a SQLite file, in memory, or on a PostgreSQL server. Cloning it is cheap.
#[derive(Clone)]
pub struct Store {
    database: Database,
    /// The jobs that are locked against this process alone: a database in memory is seen by no other, and on PostgreSQL
    /// leases keep others out.
    locked: Arc<Mutex<HashSet<JobId>>>,
    leases: Leases,
}

impl Store {
    /// Opens the store and brings its tables up to date, under a lock.
    ///
    /// `url` is the path of a SQLite file (also `sqlite:PATH`), `sqlite::memory:`, or `postgres://…`; `ca` is a file of
    /// PEM certificates to trust instead of the system's, for PostgreSQL over TLS.
    ///
    /// # Errors
    /// [`StoreError::Database`], whose text says which store it is and what to do: a file that cannot be read, a file
    /// of another kind, a newer schema, a refused connection, a wrong password.
    pub async fn open(url: &Secret, ca: Option<&Path>) -> Result<Self, StoreError> {
        let migrations = Migrations { sqlite: &SQLITE, postgres: &POSTGRES };
        let database = Database::open(url, ca, migrations).await?;
        let leases = Leases::new(&database);
        Ok(Self { database, locked: Arc::default(), leases })
    }
}
