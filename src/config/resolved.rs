//! The configuration that the rest of the program sees: complete, consistent, with its secrets.
//!
//! It does not connect to anything: whether a server answers is asked by whoever uses it.

use std::fmt;
use std::num::NonZeroU8;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::job::{EscrowSettings, GuardSettings, LimitSettings, Policy, QuarantineSettings, Schedule};
use super::scope::ScopeSettings;
use crate::api::Settings as ApiSettings;
use crate::model::{JobId, NestedGroups, Reach};
use crate::notification::{MailSettings, WebhookSettings};
use crate::secret::Secret;
use crate::source::graph::GraphSettings;
use crate::source::ldap::LdapSettings;
use crate::sync_schema::wire::SynchronizationSchema;
use crate::sync_schema::{Finding, Schema};
use crate::target::{Protected, ScimSettings};
use crate::templates::{Templates, Vocabulary};

/// A valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    pub store: StoreSettings,
    /// How long lines of the provisioning log are kept: an hour at least. Default: 30 days.
    pub keep_log: Duration,
    pub scheduler: SchedulerSettings,
    /// What is told of quarantines.
    pub webhook: Option<WebhookSettings>,
    /// The same by e-mail.
    pub mail: Option<MailSettings>,
    /// How the management API is served; `None` where it is not.
    pub api: Option<ApiSettings>,
    /// What jobs may be made from: the templates of the program, and those of the folder of the file.
    pub templates: Templates,
    /// In the order of the file; names are unique.
    pub sources: Vec<SourceConfig>,
    /// In the order of the file; names are unique, and so are the names of all their jobs together.
    pub applications: Vec<Application>,
}

/// How many cycles `serve` has under way at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SchedulerSettings {
    /// Of all jobs; one more may be that a person asked for. Each holds what it reads in memory. Default: 8.
    pub cycles_at_once: NonZeroU8,
    /// Of the jobs of one application, which share its pace anyway. Default: 4.
    pub cycles_per_application: NonZeroU8,
}

impl Default for SchedulerSettings {
    fn default() -> Self {
        // The compiler evaluates them: neither is zero.
        let [cycles_at_once, cycles_per_application] =
            [const { NonZeroU8::new(8).unwrap() }, const { NonZeroU8::new(4).unwrap() }];
        Self { cycles_at_once, cycles_per_application }
    }
}

/// Where state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// The URL of the database; the path of a file is complete. It may hold a password.
    pub url: Secret,
    /// A PEM file of authorities to trust besides the system's, for PostgreSQL.
    pub ca_file: Option<PathBuf>,
    /// How long an application stays with a process that no longer answers, on PostgreSQL: within
    /// [`LEASE_BOUNDS`](crate::store::LEASE_BOUNDS). Default: [`DEFAULT_LEASE`](crate::store::DEFAULT_LEASE).
    pub lease: Duration,
}

/// A directory that jobs read.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    pub name: String,
    pub connector: Connector,
    /// What the directory calls its attributes.
    pub vocabulary: Vocabulary,
}

impl SourceConfig {
    /// True when it is known to have no default domain. That of a tenant is read from it.
    pub fn lacks_default_domain(&self) -> bool {
        matches!(&self.connector, Connector::Ldap(settings) if settings.default_domain.is_none())
    }
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
    /// Resources that no job ever touches, such as the accounts for emergencies.
    pub protected: Protected,
    /// How much all jobs together may remove in 24 hours.
    pub accidental_deletion: LimitSettings,
    pub jobs: Vec<JobConfig>,
}

/// How an application is written.
#[derive(Clone, Debug)]
pub enum TargetConfig {
    Scim(Box<ScimSettings>),
}

/// One source → one application.
#[derive(Clone, Debug)]
pub struct JobConfig {
    pub id: JobId,
    /// The name of one of [`Config::sources`].
    pub source: String,
    /// The id of the template that knows how the target is spoken to.
    pub template: Option<String>,
    pub schema: JobSchema,
    /// Whom the job provisions.
    pub scope: ScopeSettings,
    pub schedule: Schedule,
    pub policy: Policy,
    pub accidental_deletion: GuardSettings,
    pub escrow: EscrowSettings,
    pub quarantine: QuarantineSettings,
    /// What becomes of groups that are members of groups.
    pub nested_groups: NestedGroups,
    /// How far filters reach that ask for members of groups.
    pub is_member_of: Reach,
}

/// The synchronization schema of a job.
#[derive(Clone, Debug)]
pub struct JobSchema {
    pub origin: SchemaOrigin,
    /// As it was written.
    pub document: SynchronizationSchema,
    /// Compiled from the document.
    pub rules: Schema,
    /// What there is to say of it that keeps nothing from running.
    pub findings: Vec<Finding>,
}

/// Where a job's synchronization schema comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaOrigin {
    /// The id of a template.
    Template(String),
    /// A file.
    File(PathBuf),
}

impl fmt::Display for SchemaOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(id) => write!(f, "the template `{id}`"),
            Self::File(file) => write!(f, "`{}`", file.display()),
        }
    }
}

/// A job together with what it connects.
#[derive(Clone, Copy, Debug)]
pub struct Wiring<'a> {
    pub source: &'a SourceConfig,
    pub application: &'a Application,
    pub job: &'a JobConfig,
    /// See [`Config::keep_log`].
    pub keep_log: Duration,
}

impl Config {
    /// What is shorter would be gone before anybody has read it.
    pub(super) const SHORTEST_LOG: Duration = Duration::from_secs(60 * 60);
    /// How long lines of the provisioning log are kept where the file does not say.
    pub const KEEP_LOG: Duration = Duration::from_secs(30 * 24 * 60 * 60);

    /// All jobs in the order of the file.
    pub fn jobs(&self) -> impl Iterator<Item = Wiring<'_>> {
        self.applications.iter().flat_map(|application| {
            application.jobs.iter().filter_map(|job| {
                let source = self.sources.iter().find(|source| source.name == job.source)?;
                Some(Wiring { source, application, job, keep_log: self.keep_log })
            })
        })
    }

    /// The job of that name.
    pub fn job(&self, id: &JobId) -> Option<Wiring<'_>> {
        self.jobs().find(|wiring| wiring.job.id == *id)
    }
}
