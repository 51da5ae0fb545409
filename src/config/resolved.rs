//! The configuration that the rest of the program sees: complete, consistent, with its secrets.
//!
//! It does not connect to anything: whether a server answers is asked by whoever uses it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::job::{GuardSettings, Policy, Schedule};
use super::settings::{GraphSettings, LdapSettings, ScimSettings};
use crate::model::JobId;
use crate::secret::Secret;

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    pub store: StoreSettings,
    /// In the order of the file; names are unique.
    pub sources: Vec<SourceConfig>,
    /// In the order of the file; names are unique, and so are the names of all their jobs together.
    pub applications: Vec<Application>,
}

/// Where state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreSettings {
    /// A database file, made when it is missing.
    Sqlite { file: PathBuf },
    /// A PostgreSQL database; its URL may hold a password.
    Postgres { url: Secret },
}

/// A directory that jobs read.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    pub name: String,
    pub connector: Connector,
}

/// How a directory is read.
#[derive(Clone, Debug)]
pub enum Connector {
    Ldap(Box<LdapSettings>),
    Graph(Box<GraphSettings>),
}

/// An application and the jobs that write to it.
#[derive(Clone, Debug)]
pub struct Application {
    pub name: String,
    pub target: TargetConfig,
    pub protected: Protected,
    pub jobs: Vec<JobConfig>,
}

/// How an application is written.
#[derive(Clone, Debug)]
pub enum TargetConfig {
    Scim(Box<ScimSettings>),
}

/// Resources that no job ever touches, such as the accounts for emergencies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protected {
    /// `userName`s, to compare without regard to case.
    pub user_names: BTreeSet<String>,
    /// Resource ids of the target.
    pub ids: BTreeSet<String>,
}

/// One source → one application.
#[derive(Clone, Debug)]
pub struct JobConfig {
    pub id: JobId,
    /// The name of one of [`Config::sources`].
    pub source: String,
    pub schema: SchemaOrigin,
    pub schedule: Schedule,
    pub policy: Policy,
    pub accidental_deletion: GuardSettings,
}

/// Where a job's synchronization schema comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaOrigin {
    /// The name of a schema that comes with the program.
    Template(String),
    /// A file.
    File(PathBuf),
}

/// A job together with what it connects.
#[derive(Clone, Copy, Debug)]
pub struct Wiring<'a> {
    pub source: &'a SourceConfig,
    pub application: &'a Application,
    pub job: &'a JobConfig,
}

impl Config {
    /// All jobs in the order of the file.
    pub fn jobs(&self) -> impl Iterator<Item = Wiring<'_>> {
        self.applications.iter().flat_map(|application| {
            application.jobs.iter().filter_map(|job| {
                let source = self.sources.iter().find(|source| source.name == job.source)?;
                Some(Wiring { source, application, job })
            })
        })
    }

    /// The job of that name.
    pub fn job(&self, id: &JobId) -> Option<Wiring<'_>> {
        self.jobs().find(|wiring| wiring.job.id == *id)
    }
}
